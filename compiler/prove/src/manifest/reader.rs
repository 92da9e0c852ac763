//! Reads a file: its documents, the objects in them, lists of objects, and the parts that several
//! kinds have in common. What is wrong is a problem at its field, and reading goes on.

use smol_str::{SmolStr, format_smolstr};

use super::kinds::{self, Found};
use super::{GENERATED_NAME, Manifests, Namespace, Note, Origin, Problem, Unevaluated};
use crate::selector::{Operator, Requirement, Selector, label_key, label_value};
use erpc_yaml::{Document, Lines, Node, Path};

/// How deep lists of lists may be.
const MAX_LISTS: usize = 8;
/// How many problems of a file have the line of their field, which takes a pass over the mapping that it is in;
/// those behind them have the line of their document.
const MAX_LOCATED: usize = 1_000;

/// Reads one file.
pub(super) struct Reader<'f> {
    pub(super) out: Manifests,
    path: &'f str,
    text: &'f str,
    pub(super) place: Origin,
    document: Option<Document<'f>>,
    /// The lines of the document, once a message has asked for one.
    lines: Option<Lines>,
    /// How many problems do not make their object unusable.
    tolerated: usize,
}

/// The identity of an object.
pub(super) struct Metadata {
    pub(super) namespace: SmolStr,
    pub(super) name: SmolStr,
    pub(super) labels: Vec<(SmolStr, SmolStr)>,
    pub(super) owner: Option<Owner>,
}

/// The object that controls another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) kind: SmolStr,
    pub(crate) name: SmolStr,
}

/// The kind and version that the items of a typed list have.
#[derive(Clone, Copy)]
struct Inherited<'n> {
    kind: &'n str,
    version: &'n str,
}

impl<'f> Reader<'f> {
    pub(super) fn new(number: usize, path: &'f str, text: &'f str) -> Self {
        Self {
            out: Manifests::default(),
            path,
            text,
            place: Origin {
                file: u32::try_from(number).unwrap_or(u32::MAX),
                document: 0,
                line: 1,
            },
            document: None,
            lines: None,
            tolerated: 0,
        }
    }

    pub(super) fn file(
        &mut self,
        read: &impl Fn(&Document<'_>) -> Result<erpc_yaml::Read, erpc_yaml::Broken>,
    ) {
        for document in erpc_yaml::documents(self.text) {
            let document = match document {
                Ok(document) => document,
                Err(broken) => {
                    self.place.line = 1;
                    self.broken(&broken, self.text);
                    continue;
                }
            };
            self.place.document = u32::try_from(document.number).unwrap_or(u32::MAX);
            self.place.line = u32::try_from(document.line).unwrap_or(u32::MAX);
            self.document = Some(document);
            self.lines = None;
            match read(&document) {
                // kubectl passes over documents without a value.
                Ok(found) if found.node == Node::Null => {}
                Ok(found) => {
                    self.out.documents += 1;
                    let is_object = self.object(&found.node, None, Path::ROOT, 0);
                    for dropped in found.dropped.iter().filter(|_| is_object) {
                        let line = self.line_in_document(dropped.line);
                        self.note(line, dropped.message.clone());
                    }
                }
                Err(broken) => {
                    self.out.documents += 1;
                    self.broken(&broken, document.text);
                }
            }
        }
    }

    fn line_in_document(&self, line: usize) -> usize {
        self.place.line as usize + line.saturating_sub(1)
    }

    /// Text that is not YAML: a template, something else that cannot be an object, or a mistake.
    fn broken(&mut self, broken: &erpc_yaml::Broken, text: &str) {
        let line = self.line_in_document(broken.line);
        let is_object = text.contains("apiVersion") && text.contains("kind");
        if text.contains("{{") {
            self.note(
                line,
                "not read: this is a template, not a manifest".to_owned(),
            );
        } else if is_object {
            self.out.problems.push(Problem {
                file: self.path.to_owned(),
                line,
                document: self.place.document as usize,
                field: String::new(),
                message: broken.message.clone(),
            });
        } else {
            let message = format!("not read: not a Kubernetes object ({})", broken.message);
            self.note(line, message);
        }
    }

    fn note(&mut self, line: usize, message: String) {
        self.out.notes.push(Note {
            file: self.path.to_owned(),
            line,
            message,
        });
    }

    pub(super) fn problem(&mut self, path: Path<'_>, message: impl Into<String>) {
        let mut line = self.place.line as usize;
        if let Some(document) = &self.document
            && self.out.problems.len() < MAX_LOCATED
        {
            let lines = self.lines.get_or_insert_with(|| Lines::of(document));
            line += lines.line_of(path).saturating_sub(1);
        }
        self.out.problems.push(Problem {
            file: self.path.to_owned(),
            line,
            document: self.place.document as usize,
            field: path.to_string(),
            message: message.into(),
        });
    }

    /// A problem whose object is evaluated all the same, because some clusters have such objects.
    pub(super) fn tolerated(&mut self, path: Path<'_>, message: impl Into<String>) {
        self.problem(path, message);
        self.tolerated += 1;
    }

    /// How many problems make their objects unusable.
    pub(super) fn fatal(&self) -> usize {
        self.out.problems.len() - self.tolerated
    }

    /// Reads an object; gives whether it is one of Kubernetes at all.
    fn object(
        &mut self,
        node: &Node,
        inherited: Option<Inherited<'_>>,
        path: Path<'_>,
        depth: usize,
    ) -> bool {
        let is_item = inherited.is_some();
        if !matches!(node, Node::Map(_)) {
            let what = node.what();
            if is_item {
                self.problem(path, format!("expected an object, found {what}"));
            } else {
                let message = format!("not read: expected a Kubernetes object, found {what}");
                self.note(self.place.line as usize, message);
            }
            return false;
        }
        let text = |key: &str| {
            node.get(key)
                .and_then(Node::as_text)
                .map_or("", SmolStr::as_str)
        };
        let (mut kind, mut version) = (text("kind"), text("apiVersion"));
        if kind.is_empty() && version.is_empty() {
            match inherited {
                Some(inherited) if !inherited.kind.is_empty() => {
                    (kind, version) = (inherited.kind, inherited.version);
                }
                Some(_) => {
                    self.problem(path, "expected an `apiVersion` and a `kind`");
                    return false;
                }
                None => {
                    let message = "not read: not a Kubernetes object (no `apiVersion` and `kind`)";
                    self.note(self.place.line as usize, message.to_owned());
                    return false;
                }
            }
        }
        if kind.is_empty() {
            if is_chart(self.path) && !is_item {
                let message = "not read: this describes a Helm chart, not a Kubernetes object";
                self.note(self.place.line as usize, message.to_owned());
                return false;
            }
            self.expected_text(node, "kind", path);
            return true;
        }
        if let Some(items) = node.get("items")
            && kind.ends_with("List")
        {
            self.items(items, Inherited { kind, version }, path, depth);
            return true;
        }
        if version.is_empty() {
            self.expected_text(node, "apiVersion", path);
            self.tolerated += 1;
        }
        match kinds::find(version, kind) {
            Found::Evaluated => match kind {
                "Namespace" => self.namespace(node, path),
                "NetworkPolicy" => self.network_policy(node, path),
                "Service" => self.service(node, path),
                _ => self.workload(kind, node, path),
            },
            Found::Neutral => {}
            Found::Unknown(message) => self.problem(path.key("apiVersion"), message),
            Found::NotEvaluated(effect) => self.out.not_evaluated.push(Unevaluated {
                place: self.place,
                version: version.into(),
                kind: kind.into(),
                effect: kinds::effect(effect, node),
            }),
        }
        true
    }

    fn expected_text(&mut self, node: &Node, key: &str, path: Path<'_>) {
        let message = match node.get(key) {
            Some(Node::Text(_)) | None => format!("this object has no `{key}`"),
            Some(other) => format!("expected a string, found {}", other.what()),
        };
        self.problem(path.key(key), message);
    }

    fn items(&mut self, items: &Node, list: Inherited<'_>, path: Path<'_>, depth: usize) {
        let path = path.key("items");
        let Node::List(items) = items else {
            self.problem(path, format!("expected a list, found {}", items.what()));
            return;
        };
        if depth >= MAX_LISTS {
            self.problem(
                path,
                format!("lists of lists nest more than {MAX_LISTS} deep"),
            );
            return;
        }
        let of_items = Inherited {
            kind: list.kind.strip_suffix("List").unwrap_or_default(),
            version: list.version,
        };
        for (index, object) in items.iter().enumerate() {
            self.object(object, Some(of_items), path.index(index), depth + 1);
        }
    }

    fn namespace(&mut self, node: &Node, path: Path<'_>) {
        let Some(metadata) = self.metadata(node, path) else {
            return;
        };
        let mut labels = metadata.labels;
        // The API server sets it and rejects changes.
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
            self.problem(path, "this object has no `metadata.name`");
            return None;
        };
        let before = self.fatal();
        let text = |reader: &mut Self, key| {
            let text = reader.text(metadata, key, path).cloned();
            text.filter(|text| !text.is_empty())
        };
        let name = text(self, "name").or_else(|| {
            let prefix = text(self, "generateName")?;
            Some(format_smolstr!("{prefix}{GENERATED_NAME}"))
        });
        let Some(name) = name else {
            if self.fatal() == before {
                self.problem(path.key("name"), "this object has no `metadata.name`");
            }
            return None;
        };
        let namespace = text(self, "namespace");
        Some(Metadata {
            namespace: namespace.unwrap_or_else(|| "default".into()),
            name,
            labels: self.labels(metadata, path).unwrap_or_default(),
            owner: owner(metadata),
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

    pub(super) fn pairs(
        &mut self,
        node: &Node,
        key: &str,
        path: Path<'_>,
    ) -> Option<Vec<(SmolStr, SmolStr)>> {
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
            // JSON null is the empty string in Go.
            let value = match value {
                Node::Null => &EMPTY,
                Node::Text(value) => value,
                other => {
                    self.problem(
                        path,
                        format!("expected a string, found {}: quote it", other.what()),
                    );
                    is_right = false;
                    continue;
                }
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
            self.problem(path, format!("expected a selector, found {}", node.what()));
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
        is_right.then(|| Selector::from_requirements(requirements))
    }

    fn requirement(&mut self, node: &Node, path: Path<'_>) -> Option<Requirement> {
        if !matches!(node, Node::Map(_)) {
            self.problem(
                path,
                format!("expected an expression, found {}", node.what()),
            );
            return None;
        }
        let mut is_right = self.knows(node, &["key", "operator", "values"], path);
        let Some(key) = self.text(node, "key", path).cloned() else {
            self.problem(path.key("key"), "this expression has no label key");
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
            match value {
                Node::Null => values.push(EMPTY),
                Node::Text(value) => {
                    if let Err(message) = label_value(value) {
                        self.problem(path, message);
                        is_right = false;
                    }
                    values.push(value.clone());
                }
                other => {
                    self.problem(
                        path,
                        format!("expected a string, found {}: quote it", other.what()),
                    );
                    is_right = false;
                }
            }
        }
        let operator = self.text(node, "operator", path).cloned();
        let Some(operator) = operator else {
            self.problem(path.key("operator"), "this expression has no operator");
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
                        "invalid operator `{other}`: expected In, NotIn, Exists or DoesNotExist"
                    ),
                );
                return None;
            }
        };
        if needs_values && values.is_empty() {
            self.problem(
                path.key("values"),
                "In and NotIn require at least one value",
            );
            is_right = false;
        }
        if !needs_values && !values.is_empty() {
            self.problem(
                path.key("values"),
                "Exists and DoesNotExist cannot have values",
            );
            is_right = false;
        }
        is_right.then_some(Requirement { key, operator })
    }

    /// The string under a key; anything else is a problem.
    pub(super) fn text<'n>(
        &mut self,
        node: &'n Node,
        key: &str,
        path: Path<'_>,
    ) -> Option<&'n SmolStr> {
        match node.get(key)? {
            Node::Text(text) => Some(text),
            other => {
                let what = other.what();
                self.problem(path.key(key), format!("expected a string, found {what}"));
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
                let what = other.what();
                self.problem(path.key(key), format!("expected a list, found {what}"));
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
                let what = other.what();
                self.problem(path.key(key), format!("expected a mapping, found {what}"));
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
                    format!("unknown field `{key}`: expected {}", known.join(", ")),
                );
                is_right = false;
            }
        }
        is_right
    }
}

/// The label by which a namespace is known.
pub(crate) const NAME_OF_NAMESPACE: &str = "kubernetes.io/metadata.name";

const EMPTY: SmolStr = SmolStr::new_static("");

/// The owner that controls an object.
fn owner(metadata: &Node) -> Option<Owner> {
    let Some(Node::List(owners)) = metadata.get("ownerReferences") else {
        return None;
    };
    let owner = owners
        .iter()
        .find(|owner| owner.get("controller") == Some(&Node::Bool(true)))?;
    let text = |key| owner.get(key).and_then(Node::as_text).cloned();
    Some(Owner {
        kind: text("kind")?,
        name: text("name")?,
    })
}

/// Whether a file describes a Helm chart: it has an `apiVersion` and no `kind`.
fn is_chart(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    matches!(name, "Chart.yaml" | "Chart.lock")
}
