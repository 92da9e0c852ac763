//! What differs between a platform under two profiles, in resolved terms: what one has and the other
//! has not, values with the lines that they came from, and connections.

use std::collections::BTreeMap;

use erpc_diagnostics::{Sources, Span};
use erpc_model::facts::{
    Fact, of_cluster, of_external, of_namespace, of_platform, of_secret, of_service,
};
use serde::Serialize;

use crate::{Changes, Pair, Version};

/// What differs from one platform to another.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Differences {
    /// What only the first one has.
    pub only_in_first: Vec<Part>,
    /// What only the second one has.
    pub only_in_second: Vec<Part>,
    /// Values of what both have.
    pub values: Vec<Changed>,
    /// Connections that only the second one has.
    pub opened: Vec<Pair>,
    /// Connections that only the first one has.
    pub closed: Vec<Pair>,
}

/// A namespace, service or job, external, or secret of one of both platforms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is.
    pub kind: &'static str,
    /// Its full name.
    pub name: String,
    /// The line that switches it off in the other.
    pub off_at: Option<String>,
}

/// A value that differs; nothing on the side that does not say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The dotted path under which `erpc show` has it.
    pub path: String,
    /// In the first platform.
    pub first: Option<Said>,
    /// In the second.
    pub second: Option<Said>,
}

/// A value and the line that says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// As the language writes it.
    pub value: String,
    /// The line; nothing for a default of the language.
    pub place: Option<String>,
}

impl Differences {
    /// What differs.
    #[must_use]
    pub fn between(first: Version<'_>, second: Version<'_>) -> Self {
        let (a, b) = (Parts::of(first), Parts::of(second));
        let missing = |of: &Parts, from: &Parts, in_: Version<'_>| -> Vec<Part> {
            let off = off(in_);
            let only = of.iter().filter(|(key, _)| !from.contains(key));
            only.map(|((kind, name), _)| Part {
                kind,
                name: name.clone(),
                off_at: off.get(name.as_str()).cloned(),
            })
            .collect()
        };
        let changes = Changes::between(first, second);
        Self {
            only_in_first: missing(&a, &b, second),
            only_in_second: missing(&b, &a, first),
            values: values(&a, &b),
            opened: changes.opened,
            closed: changes.closed,
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.only_in_first.is_empty()
            && self.only_in_second.is_empty()
            && self.values.is_empty()
            && self.opened.is_empty()
            && self.closed.is_empty()
    }
}

type Key = (&'static str, String);
type Values = Vec<(String, Said)>;

/// The parts of a platform in the order in which they are shown, each with its values by path.
struct Parts {
    list: Vec<(Key, Values)>,
    at: BTreeMap<Key, usize>,
}

impl Parts {
    fn of(version: Version<'_>) -> Self {
        let Version {
            platform, sources, ..
        } = version;
        let mut parts = Self {
            list: Vec::new(),
            at: BTreeMap::new(),
        };
        let mut add = |kind, name: String, prefix: &str, facts: &[Fact]| {
            let mut values = Values::new();
            for fact in facts {
                flatten(fact, prefix, sources, &mut values);
            }
            let key: Key = (kind, name);
            parts.at.insert(key.clone(), parts.list.len());
            parts.list.push((key, values));
        };
        let name = platform.name.value.to_string();
        add("platform", name, "platform", &of_platform(platform));
        // Both have one cluster, and what is said of it is what differs.
        let cluster = of_cluster(platform, platform.cluster());
        add("cluster", String::new(), "cluster", &cluster);
        for (id, namespace) in platform.namespaces() {
            let name = namespace.name.value.to_string();
            add(
                "namespace",
                name.clone(),
                &name,
                &of_namespace(platform, id),
            );
            for service in &namespace.services {
                let path = platform.path(*service);
                let kind = if platform[*service].is_job() {
                    "job"
                } else {
                    "service"
                };
                add(kind, path.clone(), &path, &of_service(platform, *service));
            }
        }
        for external in &platform.externals {
            let name = external.name.value.to_string();
            add(
                "external",
                name.clone(),
                &name,
                &of_external(platform, external),
            );
        }
        for secret in &platform.secrets {
            let owner = secret.namespace.map(|id| &platform[id].name.value);
            let name = match owner {
                Some(owner) => format!("{owner}.{}", secret.name.value),
                None => secret.name.value.to_string(),
            };
            let prefix = format!("secret.{name}");
            add("secret", name, &prefix, &of_secret(platform, secret));
        }
        parts
    }

    fn iter(&self) -> impl Iterator<Item = &(Key, Values)> {
        self.list.iter()
    }

    fn contains(&self, key: &Key) -> bool {
        self.at.contains_key(key)
    }

    fn values(&self, key: &Key) -> Option<&Values> {
        self.at.get(key).map(|at| &self.list[*at].1)
    }
}

/// The values that nothing is below. What is counted follows from the rest.
fn flatten(fact: &Fact, prefix: &str, sources: &Sources, out: &mut Values) {
    let path = format!("{prefix}.{}", fact.name);
    if fact.children.is_empty() {
        if let (Some(value), Some(origin)) = (&fact.value, fact.origin) {
            out.push((
                path,
                Said {
                    value: value.to_string(),
                    place: place(sources, origin.span),
                },
            ));
        }
        return;
    }
    for child in &fact.children {
        flatten(child, &path, sources, out);
    }
}

fn place(sources: &Sources, span: Span) -> Option<String> {
    (!span.is_none()).then(|| sources.place(span)).flatten()
}

fn values(a: &Parts, b: &Parts) -> Vec<Changed> {
    let mut changed = Vec::new();
    for (key, first) in a.iter() {
        let Some(second) = b.values(key) else {
            continue;
        };
        let before: BTreeMap<&str, &Said> = by_path(first);
        let after: BTreeMap<&str, &Said> = by_path(second);
        // In the order of the first, and behind it what only the second says.
        let new = second
            .iter()
            .filter(|(path, _)| !before.contains_key(path.as_str()));
        for (path, _) in first.iter().chain(new) {
            let (was, is) = (before.get(path.as_str()), after.get(path.as_str()));
            let value = |said: Option<&&Said>| said.map(|said| said.value.clone());
            if value(was) != value(is) {
                changed.push(Changed {
                    path: path.clone(),
                    first: was.map(|said| (*said).clone()),
                    second: is.map(|said| (*said).clone()),
                });
            }
        }
    }
    changed
}

fn by_path(values: &Values) -> BTreeMap<&str, &Said> {
    values
        .iter()
        .map(|(path, said)| (path.as_str(), said))
        .collect()
}

/// What the profile of a platform switches off, by name, with the line that does.
fn off(version: Version<'_>) -> BTreeMap<&str, String> {
    let off = version.platform.switched_off.iter();
    off.filter_map(|(name, line)| Some((name.as_str(), version.sources.place(*line)?)))
        .collect()
}
