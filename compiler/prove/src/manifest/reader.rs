//! Reads a file: its documents, the objects in them, lists of objects, and the parts that several
//! kinds have in common. What is wrong is a problem at its field, and reading goes on.

use smol_str::SmolStr;

use super::{Manifests, Namespace, Place, Problem};
use crate::selector::{Operator, Requirement, Selector, label_key, label_value};
use crate::yaml::{self, Node, Path};

/// How deep lists of lists may be.
const MAX_LISTS: usize = 8;

/// Reads one file.
pub(super) struct Reader<'f> {
    pub(super) out: Manifests,
    path: &'f str,
    pub(super) place: Place,
}

/// Who an object is.
pub(super) struct Metadata {
    pub(super) namespace: SmolStr,
    pub(super) name: SmolStr,
    pub(super) labels: Vec<(SmolStr, SmolStr)>,
}

impl<'f> Reader<'f> {
    pub(super) fn of(number: usize, path: &'f str) -> Self {
        Self {
            out: Manifests::default(),
            path,
            place: Place {
                file: u32::try_from(number).unwrap_or(u32::MAX),
                document: 0,
                line: 1,
            },
        }
    }

    pub(super) fn file(
        &mut self,
        bytes: &[u8],
        read: &impl Fn(&yaml::Document<'_>) -> Result<Node, yaml::Broken>,
    ) {
        let text = match yaml::text(bytes) {
            Ok(text) => text,
            Err(broken) => {
                self.broken(&broken);
                return;
            }
        };
        for document in yaml::documents(&text) {
            self.out.documents += 1;
            self.place.document = u32::try_from(document.number).unwrap_or(u32::MAX);
            self.place.line = u32::try_from(document.line).unwrap_or(u32::MAX);
            match read(&document) {
                Ok(node) => self.object(&node, None, Path::ROOT, 0),
                Err(broken) => self.broken(&broken),
            }
        }
    }

    fn broken(&mut self, broken: &yaml::Broken) {
        let line = self.place.line as usize + broken.line.saturating_sub(1);
        self.out.problems.push(Problem {
            file: self.path.to_owned(),
            line,
            document: self.place.document as usize,
            field: String::new(),
            message: broken.message.clone(),
        });
    }

    pub(super) fn problem(&mut self, path: Path<'_>, message: impl Into<String>) {
        self.out.problems.push(Problem {
            file: self.path.to_owned(),
            line: self.place.line as usize,
            document: self.place.document as usize,
            field: path.to_string(),
            message: message.into(),
        });
    }

    /// Reads an object; `kind` is that of the list it stands in, where it has none of its own.
    fn object(&mut self, node: &Node, kind: Option<&str>, path: Path<'_>, depth: usize) {
        if !matches!(node, Node::Map(_)) {
            self.problem(
                path,
                format!("an object is a mapping; this is {}", node.what()),
            );
            return;
        }
        let kind = match node.get("kind") {
            Some(Node::Text(kind)) => kind.as_str(),
            Some(other) => {
                self.problem(
                    path.key("kind"),
                    format!("a kind is text; this is {}", other.what()),
                );
                return;
            }
            None => match kind {
                Some(kind) => kind,
                None => {
                    self.problem(path.key("kind"), "an object needs its kind");
                    return;
                }
            },
        };
        match kind {
            "Namespace" => self.namespace(node, path),
            "NetworkPolicy" => self.network_policy(node, path),
            "Service" => self.service(node, path),
            "Pod"
            | "Deployment"
            | "StatefulSet"
            | "DaemonSet"
            | "ReplicaSet"
            | "ReplicationController"
            | "Job"
            | "CronJob" => self.workload(kind, node, path),
            _ => {
                if let Some(item) = kind.strip_suffix("List")
                    && let Some(items) = self.list(node, "items", path)
                {
                    if depth >= MAX_LISTS {
                        self.problem(path.key("items"), "lists are nested too deep");
                        return;
                    }
                    let item = (!item.is_empty()).then_some(item);
                    for (index, object) in items.iter().enumerate() {
                        let path = path.key("items");
                        self.object(object, item, path.index(index), depth + 1);
                    }
                }
            }
        }
    }

    fn namespace(&mut self, node: &Node, path: Path<'_>) {
        let Some(metadata) = self.metadata(node, path) else {
            return;
        };
        let mut labels = metadata.labels;
        // The API server sets it and nobody can change it.
        labels.retain(|(key, _)| key != NAME_OF_NAMESPACE);
        labels.push((NAME_OF_NAMESPACE.into(), metadata.name.clone()));
        labels.sort_unstable();
        self.out.namespaces.push(Namespace {
            place: self.place,
            name: metadata.name,
            labels,
        });
    }

    pub(super) fn metadata(&mut self, node: &Node, path: Path<'_>) -> Option<Metadata> {
        let path = path.key("metadata");
        let Some(metadata) = node.get("metadata") else {
            self.problem(path, "an object needs a name");
            return None;
        };
        let name = self
            .text(metadata, "name", path)
            .or_else(|| self.text(metadata, "generateName", path));
        let Some(name) = name.cloned() else {
            if metadata.get("name").is_none() {
                self.problem(path.key("name"), "an object needs a name");
            }
            return None;
        };
        let namespace = self.text(metadata, "namespace", path).cloned();
        Some(Metadata {
            namespace: namespace.unwrap_or_else(|| "default".into()),
            name,
            labels: self.labels(metadata, path).unwrap_or_default(),
        })
    }

    /// `labels` of a mapping, sorted; `None` where something is wrong with them.
    pub(super) fn labels(
        &mut self,
        node: &Node,
        path: Path<'_>,
    ) -> Option<Vec<(SmolStr, SmolStr)>> {
        self.pairs(node, "labels", path)
    }

    fn pairs(&mut self, node: &Node, key: &str, path: Path<'_>) -> Option<Vec<(SmolStr, SmolStr)>> {
        let Some(entries) = self.map(node, key, path)? else {
            return Some(Vec::new());
        };
        let path = path.key(key);
        let mut is_right = true;
        let mut labels = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let path = path.key(key);
            if let Err(message) = label_key(key) {
                self.problem(path, message);
                is_right = false;
            }
            let Some(value) = value.as_text() else {
                self.problem(
                    path,
                    format!("the value of a label is text; this is {}", value.what()),
                );
                is_right = false;
                continue;
            };
            if let Err(message) = label_value(value) {
                self.problem(path, message);
                is_right = false;
            }
            labels.push((key.clone(), value.clone()));
        }
        labels.sort_unstable();
        is_right.then_some(labels)
    }

    /// A label selector; `None` where something is wrong with it.
    pub(super) fn selector(&mut self, node: &Node, path: Path<'_>) -> Option<Selector> {
        if !matches!(node, Node::Map(_)) {
            self.problem(
                path,
                format!("a selector is a mapping; this is {}", node.what()),
            );
            return None;
        }
        let mut is_right = self.knows(node, &["matchLabels", "matchExpressions"], path);
        let mut requirements = Vec::new();
        match self.pairs(node, "matchLabels", path) {
            Some(labels) => {
                for (key, value) in labels {
                    let operator = Operator::In(vec![value]);
                    requirements.push(Requirement { key, operator });
                }
            }
            None => is_right = false,
        }
        if let Some(expressions) = self.list(node, "matchExpressions", path) {
            let path = path.key("matchExpressions");
            for (index, expression) in expressions.iter().enumerate() {
                match self.requirement(expression, path.index(index)) {
                    Some(requirement) => requirements.push(requirement),
                    None => is_right = false,
                }
            }
        } else if node.get("matchExpressions").is_some() {
            is_right = false;
        }
        is_right.then(|| Selector::of(requirements))
    }

    fn requirement(&mut self, node: &Node, path: Path<'_>) -> Option<Requirement> {
        if !matches!(node, Node::Map(_)) {
            self.problem(
                path,
                format!("an expression is a mapping; this is {}", node.what()),
            );
            return None;
        }
        let mut is_right = self.knows(node, &["key", "operator", "values"], path);
        let Some(key) = self.text(node, "key", path).cloned() else {
            self.problem(path.key("key"), "an expression needs the key of a label");
            return None;
        };
        if let Err(message) = label_key(&key) {
            self.problem(path.key("key"), message);
            is_right = false;
        }
        let mut values: Vec<SmolStr> = Vec::new();
        for (index, value) in self
            .list(node, "values", path)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let path = path.key("values");
            let path = path.index(index);
            match value.as_text() {
                Some(value) => {
                    if let Err(message) = label_value(value) {
                        self.problem(path, message);
                        is_right = false;
                    }
                    values.push(value.clone());
                }
                None => {
                    self.problem(
                        path,
                        format!("the value of a label is text; this is {}", value.what()),
                    );
                    is_right = false;
                }
            }
        }
        let operator = self.text(node, "operator", path).cloned();
        let Some(operator) = operator else {
            self.problem(path.key("operator"), "an expression needs an operator");
            return None;
        };
        let needs_values = matches!(operator.as_str(), "In" | "NotIn");
        let operator = match operator.as_str() {
            "In" => Operator::In(values.clone()),
            "NotIn" => Operator::NotIn(values.clone()),
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            other => {
                self.problem(
                    path.key("operator"),
                    format!(
                        "`{other}` is no operator; there are In, NotIn, Exists and DoesNotExist"
                    ),
                );
                return None;
            }
        };
        if needs_values && values.is_empty() {
            self.problem(path.key("values"), "In and NotIn need at least one value");
            is_right = false;
        }
        if !needs_values && !values.is_empty() {
            self.problem(path.key("values"), "Exists and DoesNotExist take no values");
            is_right = false;
        }
        is_right.then_some(Requirement { key, operator })
    }

    /// Text under a key; a problem where something else is there.
    pub(super) fn text<'n>(
        &mut self,
        node: &'n Node,
        key: &str,
        path: Path<'_>,
    ) -> Option<&'n SmolStr> {
        match node.get(key)? {
            Node::Text(text) => Some(text),
            other => {
                self.problem(
                    path.key(key),
                    format!("`{key}` is text; this is {}", other.what()),
                );
                None
            }
        }
    }

    /// The list under a key; `None` where there is none or, with a problem, something else.
    pub(super) fn list<'n>(
        &mut self,
        node: &'n Node,
        key: &str,
        path: Path<'_>,
    ) -> Option<&'n [Node]> {
        match node.get(key)? {
            Node::List(list) => Some(list),
            other => {
                self.problem(
                    path.key(key),
                    format!("`{key}` is a list; this is {}", other.what()),
                );
                None
            }
        }
    }

    /// The mapping under a key, `Some(None)` where there is none; `None`, with a problem, where
    /// something else is there.
    #[allow(
        clippy::option_option,
        reason = "absent and wrong are different answers"
    )]
    pub(super) fn map<'n>(
        &mut self,
        node: &'n Node,
        key: &str,
        path: Path<'_>,
    ) -> Option<Option<&'n [(SmolStr, Node)]>> {
        match node.get(key) {
            None => Some(None),
            Some(Node::Map(entries)) => Some(Some(entries)),
            Some(other) => {
                self.problem(
                    path.key(key),
                    format!("`{key}` is a mapping; this is {}", other.what()),
                );
                None
            }
        }
    }

    /// Whether a mapping has no other keys than these. A field with a typing error in its name
    /// would otherwise widen a policy in silence.
    pub(super) fn knows(&mut self, node: &Node, known: &[&str], path: Path<'_>) -> bool {
        let Node::Map(entries) = node else {
            return true;
        };
        let mut is_right = true;
        for (key, _) in entries {
            if !known.contains(&key.as_str()) {
                self.problem(
                    path.key(key),
                    format!(
                        "there is no field `{key}` here; there are {}",
                        known.join(", ")
                    ),
                );
                is_right = false;
            }
        }
        is_right
    }
}

/// The label by which a namespace is known.
pub(crate) const NAME_OF_NAMESPACE: &str = "kubernetes.io/metadata.name";
