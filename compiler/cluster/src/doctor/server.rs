//! The API server, what it serves, and what this account may do.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Check, check};
use crate::call::Call;
use crate::client::Cluster;
use crate::failure::ApiError;
use crate::program::{Desired, Program};
use crate::rbac::{Task, rights};
use crate::verdict::Verdict;
use erpc_emit::Kind;

pub(super) async fn server(cluster: &Cluster, program: &Program<'_>) -> Check {
    const MOST_SECONDS: i64 = 60;
    let answer = cluster.call(Call::get("/version")).await;
    let found = format!("Kubernetes {} at {}", cluster.version, cluster.url);
    let date = answer.ok().and_then(|answer| answer.date);
    let server = date.and_then(|date| {
        jiff::fmt::rfc2822::parse(&date)
            .ok()
            .map(|time| time.timestamp())
    });
    if let Some(server) = server {
        let apart = (jiff::Timestamp::now().as_second() - server.as_second()).abs();
        if apart > MOST_SECONDS {
            return check(
                "API server",
                Verdict::Warning,
                format!("{found}; its clock and this one are {apart} s apart"),
            )
            .fix("set the clocks by NTP: certificates and tokens depend on them");
        }
    }
    if let Some(version) = &program.platform.cluster().kubernetes
        && !cluster.version.starts_with(&format!("v{}.", version.value))
    {
        return check(
            "API server",
            Verdict::Warning,
            format!("{found}; the cluster block says {}", version.value),
        )
        .fix("say in the cluster block what runs");
    }
    check("API server", Verdict::Good, found)
}

pub(super) async fn apis(cluster: &Cluster, program: &Program<'_>) -> Check {
    let mut missing = Vec::new();
    let mut served: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for kind in program.kinds() {
        let path = kind.root();
        if !served.contains_key(&path) {
            let list = cluster.call(Call::get(&path)).await;
            let resources = list.map(|answer| {
                let resources = answer.body["resources"].as_array().cloned();
                resources
                    .into_iter()
                    .flatten()
                    .filter_map(|resource| resource["name"].as_str().map(str::to_owned))
                    .collect()
            });
            served.insert(path.clone(), resources.unwrap_or_default());
        }
        if !served[&path].contains(kind.plural()) {
            missing.push(format!("{} of {}", kind.plural(), kind.api_version()));
        }
    }
    if missing.is_empty() {
        return check(
            "APIs",
            Verdict::Good,
            format!("all {} kinds are served", program.kinds().len()),
        );
    }
    check(
        "APIs",
        Verdict::Bad,
        format!("not served: {}", missing.join(", ")),
    )
    .fix("use a version of Kubernetes that serves them, or switch the API on")
}

/// Whether this is the cluster that the source means.
pub(super) async fn identity(cluster: &Cluster, program: &Program<'_>) -> Check {
    let (refused, _) = crate::identity::check(cluster, program).await;
    let name = &program.platform.cluster().name.value;
    match refused.into_iter().next() {
        Some(failure) => {
            check("identity", Verdict::Bad, failure.message).fix(failure.help.unwrap_or_default())
        }
        None => check(
            "identity",
            Verdict::Good,
            format!("nothing says that this is not cluster `{name}`"),
        ),
    }
}

/// Whether the server takes what plans are made with: server-side apply as a dry run.
pub(super) async fn dry_run(cluster: &Cluster, program: &Program<'_>) -> Check {
    const NAME: &str = "dry runs";
    let first = |kind: Kind| program.objects.iter().find(|object| object.id.kind == kind);
    let (Some(account), Some(namespace)) = (first(Kind::ServiceAccount), first(Kind::Namespace))
    else {
        return check(
            NAME,
            Verdict::Unknown,
            "the platform has no namespace to try one with",
        );
    };
    let manager = program.manager().name();
    let dry_run =
        |object: &Desired| Call::apply(&object.id, &object.body.value(), manager).dry_run();
    let answer = match cluster.call(dry_run(account)).await {
        // Its namespace is not there yet. The namespace itself is the administrator's.
        Err(error) if error.is_not_found() => cluster.call(dry_run(namespace)).await,
        answer => answer,
    };
    match answer {
        Ok(_) => check(NAME, Verdict::Good, "server-side apply is judged without being done"),
        // Whose fields they are is the plan's affair; the server judged.
        Err(ApiError::Refused(refusal)) if refusal.is_field_conflict() => check(
            NAME,
            Verdict::Good,
            "server-side apply is judged without being done",
        ),
        Err(error) => check(NAME, Verdict::Bad, error.to_string())
            .fix("plans are made of them: see the rights of this account, and the admission webhooks, which must say `sideEffects: None`"),
    }
}

pub(super) async fn allowed(cluster: &Cluster, program: &Program<'_>) -> Check {
    const SHOWN: usize = 6;
    let wanted = rights(program, &BTreeSet::from([Task::Apply]));
    match cluster.missing(&wanted).await {
        Err(error) => check("rights", Verdict::Unknown, error.to_string()),
        Ok(missing) if missing.is_empty() => check(
            "rights",
            Verdict::Good,
            "this account may do all that the platform needs",
        ),
        Ok(missing) => {
            let shown: Vec<String> = missing
                .iter()
                .take(SHOWN)
                .map(ToString::to_string)
                .collect();
            let more = match missing.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            check(
                "rights",
                Verdict::Bad,
                format!("this account may not {}{more}", shown.join("; ")),
            )
            .fix("have an administrator apply what `erpc rbac` prints")
        }
    }
}
