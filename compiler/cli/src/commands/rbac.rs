//! `erpc rbac`: the least rights that the platform needs, as YAML. Asks no cluster.

use erpc_cluster::{Powers, Subject};

use super::cluster::{about, manifests};
use crate::Exit;
use crate::arguments::{Common, Format, Rbac};
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
    let powers = Powers {
        destroys: command.destroy,
        probes: command.probe,
    };
    let formats = [Format::Human, Format::Yaml, Format::Json];
    let path = command.path.as_deref();
    about(
        "rbac",
        &formats,
        path,
        common,
        console,
        |program, console| {
            let objects = erpc_cluster::rbac(program, &subject, powers);
            console.result(&manifests(&objects, common));
            Ok(Exit::Done)
        },
    )
}
