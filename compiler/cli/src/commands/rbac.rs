//! `erpc rbac`: the least rights that the platform needs, as YAML. Asks no cluster.

use erpc_cluster::Subject;

use super::cluster::{compiled, program};
use super::has_format;
use crate::Exit;
use crate::arguments::{Common, Format, Rbac};
use crate::console::Console;

pub(crate) fn run(command: &Rbac, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format(
        "rbac",
        &[Format::Human, Format::Yaml, Format::Json],
        common,
        console,
    ) {
        return Exit::Usage;
    }
    let Some(compiled) = compiled(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let Some(program) = program(&compiled) else {
        return Exit::Failed;
    };
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
    let objects = erpc_cluster::rbac(&program, &subject, command.destroy);
    let text = if common.format == Format::Json {
        let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        list.to_string() + "\n"
    } else {
        let documents: Vec<String> = objects
            .iter()
            .map(|object| serde_saphyr::to_string(object).unwrap_or_default())
            .collect();
        documents.join("---\n")
    };
    console.result(&text);
    Exit::Done
}
