//! The API server, what it serves, and what this account may do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use futures_util::{StreamExt, stream};

use super::{Check, Verdict, check};
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::kind::Kind;
use crate::object::Program;
use crate::rbac::{Powers, Right, rights};
use crate::request::Call;

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
    let mut namespaces = program.objects.iter();
    let namespace = namespaces.find(|object| object.id.kind == Kind::Namespace);
    let Some(namespace) = namespace else {
        return check(
            NAME,
            Verdict::Unknown,
            "the platform has no namespace to try one with",
        );
    };
    let call = Call::apply(
        &namespace.id,
        &namespace.body.value(),
        program.manager().name(),
    )
    .dry_run();
    match cluster.call(call).await {
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

/// Asks the server about each right, and gives back those that are missing.
pub(crate) async fn missing_rights(
    cluster: &Cluster,
    program: &Program<'_>,
) -> Result<Vec<Right>, Failure> {
    let questions: Vec<Right> = rights(program, Powers::default())
        .into_iter()
        .flat_map(|right| {
            let verbs = right.verbs.clone();
            verbs.into_iter().map(move |verb| Right {
                verbs: vec![verb],
                ..right.clone()
            })
        })
        .collect();
    let mut answers = stream::iter(questions)
        .map(|right| async move {
            let answer = cluster.may(&right).await;
            (right, answer)
        })
        .buffered(16);
    let mut missing = Vec::new();
    while let Some((right, answer)) = answers.next().await {
        if !answer? {
            missing.push(right);
        }
    }
    Ok(missing)
}

/// `patch deployments.apps in erp-apps`.
pub(crate) fn right_text(right: &Right) -> String {
    let mut text = format!("{} {}", right.verbs.join(","), right.resource);
    if !right.group.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, ".{}", right.group);
    }
    if let Some(namespace) = &right.namespace {
        let _ = write!(text, " in {namespace}");
    }
    text
}

pub(super) async fn allowed(cluster: &Cluster, program: &Program<'_>) -> Check {
    const SHOWN: usize = 6;
    match missing_rights(cluster, program).await {
        Err(failure) => check("rights", Verdict::Unknown, failure.message),
        Ok(missing) if missing.is_empty() => check(
            "rights",
            Verdict::Good,
            "this account may do all that the platform needs",
        ),
        Ok(missing) => {
            let shown: Vec<String> = missing.iter().take(SHOWN).map(right_text).collect();
            let more = match missing.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            check(
                "rights",
                Verdict::Bad,
                format!("this account may not {}{more}", shown.join("; ")),
            )
            .fix("let who may apply what `erpc rbac` prints")
        }
    }
}
