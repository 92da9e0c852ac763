//! Permissions at the Kubernetes API: `grants VERB, … on RESOURCE, … [in cluster] [because "…"]`.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::Expr;
use smol_str::SmolStr;

use super::{Keyed, Reader, element, resources};
use crate::args::plain_text;
use crate::fact::Fact;
use crate::origin::Origin;
use crate::shown::{Names, Shown};

element! {
    /// `grants VERBS on RESOURCES [in cluster]`.
    Grant {
        verbs: Vec<SmolStr> = "What may be done.",
        resources: Vec<Resource> = "To what: `configmaps`, `deployments.apps`.",
        because: Option<String> = "Why.",
    }
    besides {
        /// Whether in the whole cluster.
        in_cluster: bool,
        /// The statement.
        origin: Origin,
    }
    computed {
        cluster: bool = "Whether in the whole cluster." => |grant| grant.in_cluster,
    }
}

/// A resource as kubectl writes it: `ingresses.networking.k8s.io/status`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: SmolStr,
    /// Plural name with a subresource: `ingresses/status`.
    pub name: SmolStr,
}

/// The verbs of RBAC.
const VERBS: [&str; 13] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
    "bind",
    "escalate",
    "approve",
    "sign",
];

impl Grant {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Vec<Self>> {
        let mut verbs = Vec::new();
        loop {
            let here = reader.here();
            if reader.written(here) == "*" {
                return reader.refuse(
                    Diagnostic::new(&codes::WRONG_SHAPE, "`*` is not allowed: list each verb")
                        .at(here, "every verb")
                        .help("to read: `get, list, watch`")
                        .help(
                            "to read and write: `get, list, watch, create, update, patch, delete`",
                        ),
                );
            }
            let verb = reader.name("a verb such as `get`")?;
            if VERBS.contains(&verb.text.as_str()) {
                verbs.push(verb.text);
            } else {
                let (name, code) = (&verb.text, &codes::UNKNOWN_NAME);
                reader.report(Diagnostic::unknown(code, "verb", name, verb.span, VERBS));
            }
            if !reader.comma() {
                break;
            }
        }
        reader.keyword("on")?;
        let mut resources: Vec<Resource> = Vec::new();
        let mut written;
        loop {
            written = reader.here();
            let expr = reader.expr("a resource such as `pods` or `deployments.apps`")?;
            resources.push(Resource::read(expr, reader)?);
            if !reader.comma() {
                break;
            }
        }
        let in_cluster = reader.word("in");
        if in_cluster {
            reader.keyword("cluster")?;
        }
        let because = reader.because();
        reader.finish();
        if !in_cluster {
            report_cluster_resources(&resources, written, reader);
        }
        let origin = reader.origin(reader.statement());
        Some(vec![Self {
            verbs,
            resources,
            in_cluster,
            because,
            origin,
        }])
    }
}

/// Permissions on what has no namespace do nothing in one.
fn report_cluster_resources(resources: &[Resource], last: Span, reader: &mut Reader<'_, '_>) {
    let is_of_cluster =
        |resource: &&Resource| resources::is_of_cluster(&resource.name, &resource.group);
    let Some(resource) = resources.iter().find(is_of_cluster) else {
        return;
    };
    let message = format!(
        "`{}` are cluster-scoped: this grant has no effect",
        resource.name
    );
    reader.report(
        Diagnostic::new(&codes::CONTRADICTION, message)
            .at(last, "a resource of the whole cluster")
            .help("add `in cluster` after the resources")
            .fix("add `in cluster`", last.after(), " in cluster"),
    );
}

impl Resource {
    /// `pods`, `deployments.apps`, `nodes/metrics`, or the same in quotes.
    fn read(expr: &Expr, reader: &mut Reader<'_, '_>) -> Option<Self> {
        let written = plain_text(expr).unwrap_or_else(|| reader.written(expr.span));
        let (name, sub) = match written.split_once('/') {
            Some((name, sub)) => (name, Some(sub)),
            None => (written, None),
        };
        let (plural, group) = name.split_once('.').unwrap_or((name, ""));
        let is_part =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_part);
        if !is_word(plural)
            || !(group.is_empty() || is_word(group))
            || sub.is_some_and(|sub| !is_word(sub))
        {
            return reader.refuse(
                Diagnostic::new(
                    &codes::WRONG_SHAPE,
                    format!("invalid resource `{written}`"),
                )
                .at(expr.span, "not a resource")
                .help("a resource is written as kubectl writes it: `pods`, `deployments.apps`, `ingresses.networking.k8s.io/status`"),
            );
        }
        if let Some(finding) = resources::finding(plural, group, sub, expr.span) {
            return reader.refuse(finding);
        }
        Some(Self {
            group: group.into(),
            name: sub.map_or_else(|| plural.into(), |sub| format!("{plural}/{sub}").into()),
        })
    }
}

impl Shown for Resource {
    fn show(&self, _: &dyn Names) -> String {
        match self.name.split_once('/') {
            _ if self.group.is_empty() => self.name.to_string(),
            Some((name, sub)) => format!("{name}.{}/{sub}", self.group),
            None => format!("{}.{}", self.name, self.group),
        }
    }
}

impl Shown for Grant {
    fn show(&self, names: &dyn Names) -> String {
        let (verbs, resources) = (self.verbs.show(names), self.resources.show(names));
        let scope = if self.in_cluster { " in cluster" } else { "" };
        format!("{verbs} on {resources}{scope}")
    }
}

impl Keyed for Grant {
    fn key(&self, at: usize, _: &dyn Names) -> String {
        at.to_string()
    }

    fn fact(&self, key: String, names: &dyn Names) -> Fact {
        Fact::new(key, self.plain(names), self.origin)
    }
}
