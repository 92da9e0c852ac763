//! `erpc rbac`: the permissions that the platform needs, as YAML. Asks no cluster.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use erpc_cluster::{Subject, Task};

use super::cluster::{about, list, manifests};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Manifests, Output};
use crate::{Exit, Failure};

/// Print the RBAC permissions that erpc needs in the cluster of a platform.
///
/// An administrator applies them. They include the permissions that the roles of the platform grant, so
/// neither `escalate` nor `bind` is needed. The comments at the top list what Kubernetes cannot restrict
/// further.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc rbac --user ci | kubectl apply -f -
  erpc rbac --service-account ci/deployer
  erpc rbac --for plan,drift,status --group developers    read-only
  erpc rbac --destroy                                     include the permissions of `erpc destroy`")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// User to bind.
    #[arg(long, value_name = "NAME", default_value = "erpc")]
    user: String,
    /// Group to bind, instead of a user.
    #[arg(long, value_name = "NAME", conflicts_with = "service_account")]
    group: Option<String>,
    /// ServiceAccount to bind, instead of a user.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    service_account: Option<String>,
    /// Commands to permit, separated by commas. `apply` includes `plan`, `drift` and `status`, which
    /// only read.
    #[arg(
        long = "for",
        value_name = "COMMAND",
        value_delimiter = ',',
        default_value = "apply"
    )]
    tasks: Vec<RbacTask>,
    /// Include the permissions of `erpc destroy`.
    #[arg(long)]
    destroy: bool,
    /// Include the permissions of `erpc probe --run`.
    #[arg(long)]
    probe: bool,
    #[command(flatten)]
    output: Output<Manifests>,
}

/// A command whose permissions are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RbacTask {
    Plan,
    Drift,
    Status,
    Apply,
    Destroy,
    Probe,
    Doctor,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let subject = self.subject()?;
        let mut tasks: BTreeSet<Task> = self.tasks.iter().copied().map(task).collect();
        tasks.extend(self.destroy.then_some(Task::Destroy));
        tasks.extend(self.probe.then_some(Task::Probe));
        about(&self.input, console, |program, console| {
            let objects = erpc_cluster::rbac(program, &subject, &tasks);
            self.output.write_with(
                console,
                || list(&objects),
                |(Manifests::Human | Manifests::Yaml)| {
                    let limits = erpc_cluster::limits(program, &tasks);
                    comments(&limits) + &manifests(&objects)
                },
            );
            Ok(Exit::Done)
        })
    }

    /// Who gets the permissions.
    fn subject(&self) -> Result<Subject, Failure> {
        let Some(account) = &self.service_account else {
            return Ok(match &self.group {
                Some(group) => Subject::Group(group.clone()),
                None => Subject::User(self.user.clone()),
            });
        };
        let (namespace, name) = account
            .split_once('/')
            .ok_or_else(|| Failure::Usage("--service-account is NAMESPACE/NAME".to_owned()))?;
        Ok(Subject::ServiceAccount(
            namespace.to_owned(),
            name.to_owned(),
        ))
    }
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
