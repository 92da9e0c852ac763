//! The API server, what it serves, and what this account may do.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Context, Finding, bad, good, unknown, warning};
use crate::call::Call;
use crate::failure::{ApiError, Failure, Refusal};
use crate::identity::Identity;
use crate::program::Desired;
use crate::rbac::{Task, rights};
use erpc_emit::Kind;

pub(super) async fn server(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    const MOST_SECONDS: i64 = 60;
    let answer = cluster.call(Call::get("/version")).await?;
    let found = format!("Kubernetes {} at {}", cluster.version, cluster.url);
    // A server without a clock of its own, or with a header that is no date, is not compared.
    if let Some(date) = &answer.date
        && let Ok(server) = jiff::fmt::rfc2822::parse(date)
    {
        let server = server.timestamp().as_second();
        let apart = (jiff::Timestamp::now().as_second() - server).abs();
        if apart > MOST_SECONDS {
            return Ok(warning(format!(
                "{found}; its clock and this one are {apart} s apart"
            ))
            .fix("set the clocks by NTP: certificates and tokens depend on them"));
        }
    }
    if let Some(version) = &program.platform.cluster().kubernetes
        && !cluster.version.starts_with(&format!("v{}.", version.value))
    {
        let declared = &version.value;
        return Ok(
            warning(format!("{found}; the cluster block says {declared}"))
                .fix("say in the cluster block what runs"),
        );
    }
    Ok(good(found))
}

pub(super) async fn apis(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let mut missing = Vec::new();
    let mut served: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for kind in program.kinds() {
        let path = kind.root();
        if !served.contains_key(&path) {
            let list = cluster.find(&path).await?;
            let resources = list.iter().filter_map(|list| list["resources"].as_array());
            let names = resources
                .flatten()
                .filter_map(|resource| resource["name"].as_str().map(str::to_owned));
            served.insert(path.clone(), names.collect());
        }
        if !served[&path].contains(kind.plural()) {
            missing.push(format!("{} of {}", kind.plural(), kind.api_version()));
        }
    }
    if missing.is_empty() {
        let kinds = program.kinds().len();
        return Ok(good(format!("all {kinds} kinds are served")));
    }
    Ok(bad(format!("not served: {}", missing.join(", ")))
        .fix("use a version of Kubernetes that serves them, or switch the API on"))
}

/// Whether this is the cluster that the source means.
pub(super) async fn identity(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let identity = Identity::read(cluster, program).await;
    let name = &program.platform.cluster().name.value;
    Ok(
        match (identity.refused.first(), identity.unchecked.as_slice()) {
            (Some(failure), _) => bad(failure.message.as_str()).help_of(failure),
            (None, []) => good(format!("nothing says that this is not cluster `{name}`")),
            (None, unchecked) => unknown(unchecked.join("; ")),
        },
    )
}

/// Whether the server takes what plans are made with: server-side apply as a dry run.
pub(super) async fn dry_run(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let first = |kind: Kind| program.objects.iter().find(|object| object.id.kind == kind);
    let (account, namespace) = (first(Kind::ServiceAccount), first(Kind::Namespace));
    let Some(tried) = account.or(namespace).or(program.objects.first()) else {
        return Ok(unknown("the platform has no object to try one with"));
    };
    let manager = program.manager().name();
    let dry_run =
        |object: &Desired| Call::apply(&object.id, &object.body.value(), manager).dry_run();
    let answer = match (cluster.call(dry_run(tried)).await, namespace) {
        // Its namespace is not there yet. The namespace itself is the administrator's.
        (Err(error), Some(namespace)) if error.is_not_found() => {
            cluster.call(dry_run(namespace)).await
        }
        (answer, _) => answer,
    };
    // Whose fields they are is the plan's affair; the server judged.
    let is_conflict = |error: &ApiError| error.refusal().is_some_and(Refusal::is_field_conflict);
    Ok(match answer {
        Err(error) if !is_conflict(&error) => bad(error.to_string())
            .fix("plans are made of them: see the rights of this account, and the admission webhooks, which must say `sideEffects: None`"),
        Ok(_) | Err(_) => good("server-side apply is judged without being done"),
    })
}

pub(super) async fn allowed(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    const SHOWN: usize = 6;
    let wanted = rights(program, &BTreeSet::from([Task::Apply]));
    let missing = cluster.missing(&wanted).await?;
    if missing.is_empty() {
        return Ok(good("this account may do all that the platform needs"));
    }
    let shown: Vec<String> = missing
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    let more = match missing.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Ok(
        bad(format!("this account may not {}{more}", shown.join("; ")))
            .fix("have an administrator apply what `erpc rbac` prints"),
    )
}
