//! From a dotted path to a fact: `erp-apps`, `erp-apps.hl7-health`, `hl7-health.memory`,
//! `erp-apps.hl7-health.env.ERL_AFLAGS`, `cluster.synrc.nodes`, `version`.

use super::{Fact, of_cluster, of_external, of_namespace, of_platform, of_secret, of_service};
use crate::origin::Origin;
use crate::platform::{NamespaceId, Platform, Secret, ServiceId};
use erpc_diagnostics::nearest;

/// What a path leads to, or what the value that it leads to belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The platform block.
    Platform,
    /// A namespace.
    Namespace(NamespaceId),
    /// A service or job.
    Service(ServiceId),
    /// A cluster, an external or a secret.
    Other(&'static str),
}

/// What a path leads to.
#[derive(Clone, Debug)]
pub struct Found {
    /// The whole path.
    pub path: String,
    /// Whose facts they are.
    pub subject: Subject,
    /// Where the subject is declared.
    pub declared: Origin,
    /// The fact, or everything that the subject says as a group.
    pub fact: Fact,
    /// Whether the path leads to the subject itself and not to one of its facts.
    pub is_whole: bool,
}

/// Why a path leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing has this name.
    Unknown {
        /// The part of the path that is known, empty where nothing is.
        known: String,
        /// The part that is not.
        unknown: String,
        /// The whole path that was probably meant.
        nearest: Option<String>,
    },
    /// Several services have this name: their paths.
    Ambiguous(Vec<String>),
}

/// What a dotted path leads to.
///
/// # Errors
///
/// Where it leads nowhere, with the nearest path that leads somewhere.
pub fn find(platform: &Platform, path: &str) -> Result<Found, Missing> {
    let (head, rest) = split(path);
    if head == "platform" {
        return below(subject(platform, Subject::Platform), rest);
    }
    if let Some((id, _)) = platform.namespaces().find(|(_, n)| n.name.value == head) {
        return in_namespace(platform, id, rest);
    }
    let others = [
        (
            "cluster",
            platform
                .clusters
                .iter()
                .map(|c| &c.name.value)
                .collect::<Vec<_>>(),
        ),
        (
            "external",
            platform.externals.iter().map(|e| &e.name.value).collect(),
        ),
        (
            "secret",
            platform.secrets.iter().map(|s| &s.name.value).collect(),
        ),
    ];
    if let (Some((kind, names)), Some(rest)) = (others.iter().find(|(kind, _)| *kind == head), rest)
    {
        let (name, rest) = split(rest);
        let Some(found) = other(platform, kind, name) else {
            let names = names.iter().map(|name| name.as_str());
            return Err(unknown(head, name, rest, names));
        };
        return below(found, rest);
    }
    let mut services = platform.workloads().filter(|(_, s)| s.name.value == head);
    if let Some((id, _)) = services.next() {
        let more: Vec<String> = services.map(|(id, _)| platform.path(id)).collect();
        if more.is_empty() {
            return below(subject(platform, Subject::Service(id)), rest);
        }
        let mut all = vec![platform.path(id)];
        all.extend(more);
        return Err(Missing::Ambiguous(all));
    }
    if let Some(found) = other(platform, "external", head) {
        return below(found, rest);
    }
    let of_platform = subject(platform, Subject::Platform);
    if of_platform.fact.child(head).is_some() {
        return below(of_platform, Some(path));
    }
    let namespaces = platform.namespaces.iter().map(|n| n.name.value.as_str());
    let services = platform.services.iter().map(|s| s.name.value.as_str());
    let facts = of_platform
        .fact
        .children
        .iter()
        .map(|fact| fact.name.as_str());
    Err(unknown(
        "",
        head,
        rest,
        namespaces.chain(services).chain(facts),
    ))
}

/// The first name of a path, and what is behind its dot.
fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (path, None),
    }
}

fn in_namespace(
    platform: &Platform,
    id: NamespaceId,
    rest: Option<&str>,
) -> Result<Found, Missing> {
    let whole = subject(platform, Subject::Namespace(id));
    let Some(rest) = rest else {
        return Ok(whole);
    };
    let (name, deeper) = split(rest);
    let services = platform.workloads_in(id);
    if let Some(service) = services.iter().find(|s| platform[**s].name.value == name) {
        return below(subject(platform, Subject::Service(*service)), deeper);
    }
    let secret = platform.secrets.iter().find(|secret| {
        secret.name.value == name && secret.namespace.is_none_or(|namespace| namespace == id)
    });
    if whole.fact.child(name).is_none()
        && let Some(secret) = secret
    {
        return below(of_one_secret(platform, secret), deeper);
    }
    if whole.fact.child(name).is_some() {
        return below(whole, Some(rest));
    }
    let names = services.iter().map(|s| platform[*s].name.value.as_str());
    let facts = whole.fact.children.iter().map(|fact| fact.name.as_str());
    Err(unknown(&whole.path, name, deeper, names.chain(facts)))
}

/// Everything that a platform, namespace or service says.
pub(crate) fn subject(platform: &Platform, subject: Subject) -> Found {
    let (path, declared, children) = match subject {
        Subject::Namespace(id) => (
            platform[id].name.value.to_string(),
            platform[id].name.origin,
            of_namespace(platform, id),
        ),
        Subject::Service(id) => (
            platform.path(id),
            platform[id].name.origin,
            of_service(platform, id),
        ),
        Subject::Platform | Subject::Other(_) => (
            "platform".to_owned(),
            platform.name.origin,
            of_platform(platform),
        ),
    };
    whole(path, subject, declared, children)
}

fn whole(path: String, subject: Subject, declared: Origin, children: Vec<Fact>) -> Found {
    let fact = Fact::group(&path, children);
    Found {
        path,
        subject,
        declared,
        fact,
        is_whole: true,
    }
}

fn other(platform: &Platform, kind: &'static str, name: &str) -> Option<Found> {
    let path = format!("{kind}.{name}");
    let of = Subject::Other(kind);
    match kind {
        "cluster" => {
            let mut clusters = platform.clusters.iter();
            let cluster = clusters.find(|cluster| cluster.name.value == name)?;
            let facts = of_cluster(platform, cluster);
            Some(whole(path, of, cluster.name.origin, facts))
        }
        "external" => {
            let mut externals = platform.externals.iter();
            let external = externals.find(|external| external.name.value == name)?;
            Some(whole(
                path,
                of,
                external.name.origin,
                of_external(platform, external),
            ))
        }
        _ => {
            let mut secrets = platform.secrets.iter();
            let secret = secrets.find(|secret| secret.name.value == name)?;
            Some(of_one_secret(platform, secret))
        }
    }
}

fn of_one_secret(platform: &Platform, secret: &Secret) -> Found {
    whole(
        format!("secret.{}", secret.name.value),
        Subject::Other("secret"),
        secret.name.origin,
        of_secret(platform, secret),
    )
}

/// Walks down the children. A name of theirs may hold dots, so the longest that fits is taken.
fn below(mut found: Found, rest: Option<&str>) -> Result<Found, Missing> {
    let mut rest = rest.unwrap_or_default();
    while !rest.is_empty() {
        let fits = |child: &Fact| {
            rest.strip_prefix(child.name.as_str())
                .is_some_and(|behind| behind.is_empty() || behind.starts_with('.'))
        };
        let children = std::mem::take(&mut found.fact.children);
        let longest = children.iter().enumerate().filter(|(_, child)| fits(child));
        let Some((at, _)) = longest.max_by_key(|(_, child)| child.name.len()) else {
            let (name, deeper) = split(rest);
            let names = children.iter().map(|child| child.name.as_str());
            return Err(unknown(&found.path, name, deeper, names));
        };
        let child = children.into_iter().nth(at);
        let Some(child) = child else { break };
        rest = rest[child.name.len()..].trim_start_matches('.');
        found.path.push('.');
        found.path.push_str(&child.name);
        found.fact = child;
        found.is_whole = false;
    }
    Ok(found)
}

fn unknown<'n>(
    known: &str,
    name: &str,
    deeper: Option<&str>,
    names: impl Iterator<Item = &'n str>,
) -> Missing {
    let nearest = nearest(name, names).map(|near| {
        let parts = [(!known.is_empty()).then_some(known), Some(near), deeper];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        parts.join(".")
    });
    Missing::Unknown {
        known: known.to_owned(),
        unknown: name.to_owned(),
        nearest,
    }
}
