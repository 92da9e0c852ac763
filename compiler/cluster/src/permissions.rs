//! Permissions: one of them, what an account may do in a namespace, and how much of a cluster it may see.

use std::fmt;

use erpc_emit::Kind;
use serde_json::Value;

/// One permission: what may be done to what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// In which namespace; `None` for the whole cluster.
    pub namespace: Option<String>,
    /// API group.
    pub group: String,
    /// Resource, with a subresource: `pods/log`.
    pub resource: String,
    /// Only objects of these names; all if empty.
    pub names: Vec<String>,
    /// `get`, `list`, …
    pub verbs: Vec<&'static str>,
}

impl Right {
    /// One verb for all objects of a kind.
    pub(crate) fn of_kind(namespace: Option<&str>, kind: Kind, verb: &'static str) -> Self {
        Self {
            namespace: namespace.map(str::to_owned),
            group: kind.group().to_owned(),
            resource: kind.plural().to_owned(),
            names: Vec::new(),
            verbs: vec![verb],
        }
    }
}

/// `patch deployments.apps web in shop`.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        write!(f, "{} {}", self.verbs.join(","), self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        let shown: Vec<&str> = self.names.iter().take(SHOWN).map(String::as_str).collect();
        if !shown.is_empty() {
            write!(f, " {}", shown.join(", "))?;
        }
        if self.names.len() > SHOWN {
            write!(f, " and {} more", self.names.len() - SHOWN)?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// How much of a cluster an account may see at once. It is asked once: an account of one namespace
/// would be refused once for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It may do everything.
    All,
    /// It may list pods in the whole cluster, and so perhaps other kinds.
    Pods,
    /// What is in namespaces it may see in some of them at most.
    Namespaces,
}

/// What an account may do in a namespace.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) rules: Vec<Value>,
    /// Whether what they do not allow is forbidden. An authorizer that cannot list its rules, such as a
    /// webhook, leaves that open.
    pub(crate) are_complete: bool,
}

/// Whether rules allow a permission with one verb.
pub(crate) fn covers(rules: &[Value], right: &Right) -> bool {
    let has = |values: &Value, wanted: &str| {
        let mut values = values.as_array().into_iter().flatten();
        values.any(|value| value == "*" || value == wanted)
    };
    let allows = |rule: &Value, name: Option<&str>| {
        let names = rule["resourceNames"].as_array();
        let is_named = match names.filter(|names| !names.is_empty()) {
            None => true,
            Some(names) => name.is_some_and(|name| names.iter().any(|of| of == name)),
        };
        is_named
            && right.verbs.iter().all(|verb| has(&rule["verbs"], verb))
            && has(&rule["apiGroups"], &right.group)
            && has(&rule["resources"], &right.resource)
    };
    let covered = |name: Option<&str>| rules.iter().any(|rule| allows(rule, name));
    if right.names.is_empty() {
        return covered(None);
    }
    right.names.iter().all(|name| covered(Some(name)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Right, covers};

    #[test]
    fn a_rule_with_names_covers_them_alone() {
        let right = |names: &[&str], verb| Right {
            namespace: Some("shop".to_owned()),
            group: "apps".to_owned(),
            resource: "deployments".to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            verbs: vec![verb],
        };
        let rules = [
            json!({ "verbs": ["get"], "apiGroups": ["apps"], "resources": ["*"] }),
            json!({ "verbs": ["patch"], "apiGroups": ["*"], "resources": ["deployments"], "resourceNames": ["a"] }),
            json!({ "verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["b"] }),
        ];
        for (names, verb, is_covered) in [
            (&[][..], "get", true),
            (&["a"], "get", true),
            (&[], "patch", false),
            (&["a", "b"], "patch", true),
            (&["a", "c"], "patch", false),
            (&[], "list", false),
        ] {
            assert_eq!(
                covers(&rules, &right(names, verb)),
                is_covered,
                "{names:?} {verb}"
            );
        }
    }
}
