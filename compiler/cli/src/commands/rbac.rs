//! `erpc rbac`: the permissions that the platform needs, as YAML. Asks no cluster.

use std::collections::BTreeSet;

use erpc_cluster::{Subject, Task};

use super::cluster::{about, manifests};
use crate::Exit;
use crate::arguments::{Common, Format, Rbac, RbacTask};
use crate::console::Console;

pub(crate) fn run(command: &Rbac, common: &Common, console: &mut Console<'_>) -> Exit {
    let subject = match (&command.group, &command.service_account) {
        (Some(group), _) => Subject::Group(group.clone()),
        (None, Some(account)) => match account.split_once('/') {
            Some((namespace, name)) => {
                Subject::ServiceAccount(namespace.to_owned(), name.to_owned())
            }
            None => {
                console.fail("--service-account is NAMESPACE/NAME");
                return Exit::Usage;
            }
        },
        (None, None) => Subject::User(command.user.clone()),
    };
    let mut tasks: BTreeSet<Task> = command.tasks.iter().copied().map(task).collect();
    tasks.extend(command.destroy.then_some(Task::Destroy));
    tasks.extend(command.probe.then_some(Task::Probe));
    let formats = [Format::Human, Format::Yaml, Format::Json];
    let path = command.path.as_deref();
    about(
        "rbac",
        &formats,
        path,
        common,
        console,
        |program, console| {
            let objects = erpc_cluster::rbac(program, &subject, &tasks);
            let mut text = manifests(&objects, common);
            if common.format != Format::Json {
                let limits = erpc_cluster::limits(program, &tasks);
                text = comments(&limits) + &text;
            }
            console.result(&text);
            Ok(Exit::Done)
        },
    )
}

fn task(of: RbacTask) -> Task {
    match of {
        RbacTask::Plan => Task::Plan,
        RbacTask::Drift => Task::Drift,
        RbacTask::Status => Task::Status,
        RbacTask::Apply => Task::Apply,
        RbacTask::Destroy => Task::Destroy,
        RbacTask::Probe => Task::Probe,
        RbacTask::Doctor => Task::Doctor,
    }
}

/// Paragraphs as comments of YAML.
fn comments(paragraphs: &[String]) -> String {
    let lines = paragraphs
        .iter()
        .map(|paragraph| format!("# {paragraph}\n"));
    lines.collect()
}
