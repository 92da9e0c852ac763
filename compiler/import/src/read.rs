//! The objects in files of any origin, read as kubectl reads them: documents of YAML and JSON, Lists, typed lists whose
//! items have no kind. What cannot be read is reported with its place and hides nothing else; a template is reported
//! and never guessed.

use std::collections::HashMap;
use std::fmt;

use erpc_diagnostics::Severity;
use erpc_diagnostics::codes::{self, Code};
use erpc_yaml::{At, Lines, Node};
use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};
use smol_str::SmolStr;

use crate::compare::Key;

/// A file.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    /// Its path, for messages.
    pub path: &'i str,
    /// Its content.
    pub bytes: &'i [u8],
}

/// An object with the place where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its fields, as they are written.
    pub value: Value,
    /// Where it is.
    pub place: Place,
    /// The lines of its fields.
    pub lines: FieldLines,
    /// The comment directly above it, without `#`.
    pub comment: Vec<String>,
}

impl Object {
    /// An object of a cluster, whose place is its name.
    #[must_use]
    pub fn live(value: Value) -> Self {
        Self {
            place: Place {
                file: Key::of(&value).to_string(),
                line: 0,
            },
            value,
            lines: FieldLines::default(),
            comment: Vec::new(),
        }
    }

    /// The line of a field, or of the nearest one above it. An element of a list is named by its number.
    #[must_use]
    pub fn line_of(&self, path: &[&str]) -> usize {
        match self.lines.line_of(path) {
            0 => self.place.line,
            line => line,
        }
    }
}

/// The lines of a value and of what is below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldLines {
    line: usize,
    below: Vec<(SmolStr, FieldLines)>,
}

impl FieldLines {
    /// The line of a value below this one, or of the nearest one above it; 0 if it is not known.
    pub(crate) fn line_of(&self, path: &[&str]) -> usize {
        let mut at = self;
        for name in path {
            let below = at.below.iter().find(|(key, _)| key == name);
            let Some((_, below)) = below else {
                break;
            };
            at = below;
        }
        at.line
    }

    /// `erpc_yaml` limits the depth of a value.
    fn of(node: &Node, at: At<'_>, of_file: &dyn Fn(usize) -> usize) -> Self {
        let names: Vec<SmolStr> = match node {
            Node::Map(entries) => entries.iter().map(|(name, _)| name.clone()).collect(),
            Node::List(items) => (0..items.len())
                .map(|number| SmolStr::new(number.to_string()))
                .collect(),
            _ => Vec::new(),
        };
        let parts: Vec<&Node> = match node {
            Node::Map(entries) => entries.iter().map(|(_, value)| value).collect(),
            Node::List(items) => items.iter().collect(),
            _ => Vec::new(),
        };
        let places = at.parts(node);
        let below = names.into_iter().zip(parts).zip(places);
        Self {
            line: of_file(at.line),
            below: below
                .map(|((name, part), at)| (name, Self::of(part, at, of_file)))
                .collect(),
        }
    }
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The path of the file.
    pub file: String,
    /// The line, from 1; 0 of what is not in a file.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// What is in files.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Objects, in the order of the files.
    pub objects: Vec<Object>,
    /// What is not among them, and what to know of them.
    pub findings: Vec<Finding>,
    /// Values of charts and of other tools: what they say is compared with the objects.
    pub values: Vec<Values>,
}

/// The values of a file that is for a tool, such as `values.yaml`.
#[derive(Clone, Debug)]
pub struct Values {
    /// What it says.
    pub value: Value,
    /// Where it is.
    pub place: Place,
    /// The lines of its fields.
    pub lines: FieldLines,
}

/// Something in a file that is not an object, or that is dropped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// Where it is.
    pub place: Place,
    /// What there is to say, in a sentence without a full stop.
    pub message: String,
}

/// Declares the kinds of findings with their codes.
macro_rules! finding_kinds {
    ($($name:ident $code:ident,)*) => {
        /// A kind of finding; each but a duplicate has a code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FindingKind {
            /// An object stands in another place with the same content.
            Duplicate,
            $(
                #[doc = concat!("That of `", stringify!($code), "`.")]
                $name,
            )*
        }

        impl FindingKind {
            /// Its code; `None` for what is only to know.
            #[must_use]
            pub fn code(self) -> Option<&'static Code> {
                match self {
                    Self::Duplicate => None,
                    $(Self::$name => Some(&codes::$code),)*
                }
            }
        }
    };
}

finding_kinds! {
    MissingReference MISSING_REFERENCE,
    Broken UNREADABLE_MANIFEST,
    Conflict CONFLICTING_OBJECTS,
    UnknownObjectKind UNKNOWN_OBJECT_KIND,
    Template TEMPLATE,
    NotAnObject NOT_A_MANIFEST,
    Dropped IGNORED_FIELD,
    NotInKubernetes NOT_IN_KUBERNETES,
    ServicePortLeadsNowhere SERVICE_PORT_LEADS_NOWHERE,
    SelectsNothing SELECTS_NOTHING,
    UndeclaredProbePort UNDECLARED_PROBE_PORT,
    PolicyPortWithoutListener POLICY_PORT_WITHOUT_LISTENER,
    PolicyBlocksFlow POLICY_BLOCKS_FLOW,
    OldApiVersion OLD_API_VERSION,
    SecretValues SECRET_VALUES,
    LimitBelowRequest LIMIT_BELOW_REQUEST,
    ReplicasAndAutoscaler REPLICAS_AND_AUTOSCALER,
    MovingImage MOVING_IMAGE,
    NamespaceOfAnotherFolder NAMESPACE_OF_ANOTHER_FOLDER,
    ReadsAllSecrets READS_ALL_SECRETS,
    PeerInEveryNamespace PEER_IN_EVERY_NAMESPACE,
    DnsWithoutTcp DNS_WITHOUT_TCP,
    PolicyWithoutEffect POLICY_WITHOUT_EFFECT,
    NamespaceByOwnLabel NAMESPACE_BY_OWN_LABEL,
    NoReadinessProbe NO_READINESS_PROBE,
    DataDeletedWithClaim DATA_DELETED_WITH_CLAIM,
    UnpinnedDelivery UNPINNED_DELIVERY,
    WorkloadsOverlap WORKLOADS_OVERLAP,
    PlainSecret PLAIN_SECRET,
    UnknownStorageClass UNKNOWN_STORAGE_CLASS,
    OneSidedPolicy ONE_SIDED_POLICY,
    ValueDiffers VALUE_DIFFERS,
}

impl FindingKind {
    /// Whether something that was meant to be read is missing.
    #[must_use]
    pub fn is_error(self) -> bool {
        self.code()
            .is_some_and(|code| code.severity == Severity::Error)
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.code() {
            Some(code) => serializer.serialize_str(code.id),
            None => serializer.serialize_str("duplicate"),
        }
    }
}

/// How deep Lists may nest in Lists.
const MAX_LISTS: usize = 8;

/// Reads the objects of files.
#[must_use]
pub fn read(inputs: &[Input<'_>]) -> Reading {
    let mut reading = Reading::default();
    for input in inputs {
        let text = erpc_yaml::text(input.bytes);
        let mut reader = Reader {
            file: input.path,
            reading: &mut reading,
        };
        reader.file(&text);
    }
    without_duplicates(reading)
}

/// The first document of a file, with its lines; or the line and the message of what is wrong with it.
pub(crate) fn document(input: Input<'_>) -> Result<(Value, FieldLines), (usize, String)> {
    let text = erpc_yaml::text(input.bytes);
    let Some(document) = erpc_yaml::documents(&text).into_iter().next() else {
        return Ok((Value::Null, FieldLines::default()));
    };
    let document = document.map_err(|broken| (broken.line, broken.message))?;
    let line = |line: usize| document.line + line.saturating_sub(1);
    let read = erpc_yaml::read(&document).map_err(|broken| (line(broken.line), broken.message))?;
    let places = Lines::of(&document);
    let lines = places
        .root()
        .map(|root| FieldLines::of(&read.node, root, &line));
    Ok((json(&read.node), lines.unwrap_or_default()))
}

/// Leaves out objects that are there already; two different ones of one identity are both reported.
fn without_duplicates(mut reading: Reading) -> Reading {
    let mut seen: HashMap<Key, usize> = HashMap::new();
    let mut kept: Vec<Object> = Vec::with_capacity(reading.objects.len());
    for object in reading.objects {
        let key = Key::of(&object.value);
        // Objects that get their name from the server are all different.
        if key.name.is_empty() {
            kept.push(object);
            continue;
        }
        let Some(first) = seen.get(&key).map(|place| &kept[*place]) else {
            seen.insert(key, kept.len());
            kept.push(object);
            continue;
        };
        let other = &first.place;
        let (kind, message) = if first.value == object.value {
            let message = format!("{key} is the same as at {other}");
            (FindingKind::Duplicate, message)
        } else {
            let message = format!("{key} is defined differently at {other}");
            (FindingKind::Conflict, message)
        };
        reading.findings.push(Finding {
            kind,
            place: object.place,
            message,
        });
    }
    reading.objects = kept;
    reading
}

struct Reader<'r> {
    file: &'r str,
    reading: &'r mut Reading,
}

impl Reader<'_> {
    fn report(&mut self, kind: FindingKind, line: usize, message: impl Into<String>) {
        self.reading.findings.push(Finding {
            kind,
            place: self.place(line),
            message: message.into(),
        });
    }

    fn place(&self, line: usize) -> Place {
        Place {
            file: self.file.to_owned(),
            line,
        }
    }

    fn file(&mut self, text: &str) {
        for document in erpc_yaml::documents(text) {
            let document = match document {
                Ok(document) => document,
                Err(broken) => {
                    self.broken(text, broken.line, &broken.message);
                    continue;
                }
            };
            let line = |line: usize| document.line + line.saturating_sub(1);
            let read = match erpc_yaml::read(&document) {
                Ok(read) => read,
                Err(broken) => {
                    self.broken(document.text, line(broken.line), &broken.message);
                    continue;
                }
            };
            let found = self.reading.objects.len();
            let lines = Lines::of(&document);
            let of_object = Of {
                line: &line,
                api_version: None,
                kind: None,
                depth: 0,
                comment: comment_above(document.text),
            };
            if read.node != Node::Null {
                self.object(&read.node, lines.root(), &of_object);
            }
            // What is dropped from a document without objects is of no interest.
            if self.reading.objects.len() > found {
                for dropped in &read.dropped {
                    let (at, message) = (line(dropped.line), dropped.message.clone());
                    self.report(FindingKind::Dropped, at, message);
                }
            }
        }
    }

    /// A text that is not YAML: a template, or a mistake.
    fn broken(&mut self, text: &str, line: usize, message: &str) {
        if text.contains("{{") {
            let message = "a template is not a manifest: render it with its own tool first";
            self.report(FindingKind::Template, line, message);
        } else {
            self.report(FindingKind::Broken, line, message);
        }
    }

    fn object(&mut self, node: &Node, at: Option<At<'_>>, of: &Of<'_>) {
        let line = (of.line)(at.map_or(1, |at| at.line));
        let Node::Map(_) = node else {
            let message = format!("expected an object, found {}", node.what());
            return self.report(FindingKind::NotAnObject, line, message);
        };
        let text = |key| node.get(key).and_then(Node::as_text).map(|text| &**text);
        let api_version = text("apiVersion").or(of.api_version);
        let kind = text("kind").or(of.kind);
        let (Some(api_version), Some(kind)) = (api_version, kind) else {
            if is_values(self.file) {
                let place = self.place(line);
                let lines = at.map(|at| FieldLines::of(node, at, of.line));
                return self.reading.values.push(Values {
                    value: json(node),
                    place,
                    lines: lines.unwrap_or_default(),
                });
            }
            let message = "an object has `apiVersion` and `kind`";
            return self.report(FindingKind::NotAnObject, line, message);
        };
        if let Some(Node::List(items)) = node.get("items")
            && let Some(of_items) = kind.strip_suffix("List")
        {
            return self.list((node, items, at), (api_version, of_items), of);
        }
        let is_list_without_items = kind == "List" && node.get("metadata").is_none();
        if is_list_without_items {
            return;
        }
        let metadata = node.get("metadata");
        let of_metadata = |key| metadata?.get(key).and_then(Node::as_text);
        let name = of_metadata("name");
        let identity = [
            Some(api_version),
            Some(kind),
            name.map(|name| &**name),
            of_metadata("namespace").map(|name| &**name),
        ];
        if identity.into_iter().flatten().any(is_template) {
            let message = "the object's identity contains a variable: render the file first";
            return self.report(FindingKind::Template, line, message);
        }
        if name.is_none() && of_metadata("generateName").is_none() {
            let message = format!("a {kind} without `metadata.name`");
            return self.report(FindingKind::NotAnObject, line, message);
        }
        let mut value = json(node);
        value["apiVersion"] = api_version.into();
        value["kind"] = kind.into();
        let place = self.place(line);
        let lines = at.map_or_else(FieldLines::default, |at| FieldLines::of(node, at, of.line));
        let comment = of.comment.clone();
        self.reading.objects.push(Object {
            value,
            place,
            lines,
            comment,
        });
    }

    /// The items of a `List`, or of a list of a kind such as `ConfigMapList`, whose items may have no kind.
    fn list(
        &mut self,
        (list, items, at): (&Node, &[Node], Option<At<'_>>),
        (api_version, kind): (&str, &str),
        of: &Of<'_>,
    ) {
        let line = (of.line)(at.map_or(1, |at| at.line));
        if of.depth == MAX_LISTS {
            let message = format!("Lists nest more than {MAX_LISTS} deep");
            return self.report(FindingKind::Broken, line, message);
        }
        let Node::Map(entries) = list else {
            return;
        };
        let places = at.map(|at| at.parts(list)).unwrap_or_default();
        let place = entries.iter().position(|(name, _)| name == "items");
        let below = place.and_then(|place| places.get(place));
        let nodes = entries.iter().find(|(name, _)| name == "items");
        let places = match (below, nodes) {
            (Some(at), Some((_, node))) => at.parts(node),
            _ => Vec::new(),
        };
        let is_typed = !kind.is_empty();
        let of = Of {
            line: of.line,
            api_version: is_typed.then_some(api_version),
            kind: is_typed.then_some(kind),
            depth: of.depth + 1,
            comment: Vec::new(),
        };
        for (place, item) in items.iter().enumerate() {
            self.object(item, places.get(place).copied().or(at), &of);
        }
    }
}

/// What an object takes from what it is in.
struct Of<'o> {
    /// The line of the file for one of the document.
    line: &'o dyn Fn(usize) -> usize,
    api_version: Option<&'o str>,
    kind: Option<&'o str>,
    depth: usize,
    comment: Vec<String>,
}

/// The lines of the comment that ends directly above the first field of a document, without `#`. A comment with an empty
/// line below it is about the file, such as a licence.
fn comment_above(document: &str) -> Vec<String> {
    let mut comment = Vec::new();
    for line in document.lines() {
        let line = line.trim();
        match line.strip_prefix('#') {
            Some(text) => comment.push(text.trim().to_owned()),
            None if line.is_empty() || line.starts_with("---") => comment.clear(),
            None => return comment,
        }
    }
    Vec::new()
}

/// Whether a file has the values of a chart, by its name.
fn is_values(path: &str) -> bool {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    file.starts_with("values") && (file.ends_with(".yaml") || file.ends_with(".yml"))
}

/// Whether a name is filled in by a tool: Helm and others, or `envsubst`.
fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("${") || text.contains("$(")
}

/// A value as JSON. `erpc_yaml` limits its depth.
fn json(node: &Node) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(value) => Value::Bool(*value),
        Node::Int(number) => Value::from(*number),
        Node::Float(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        Node::Text(text) => Value::from(text.as_str()),
        Node::List(items) => Value::Array(items.iter().map(json).collect()),
        Node::Map(entries) => {
            let entries = entries.iter();
            let map: Map<String, Value> = entries
                .map(|(name, value)| (name.to_string(), json(value)))
                .collect();
            Value::Object(map)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FindingKind, Input, Reading, read};

    fn of(text: &str) -> Reading {
        read(&[Input {
            path: "k8s/app.yaml",
            bytes: text.as_bytes(),
        }])
    }

    /// `KIND NAMESPACE/NAME LINE` of each object.
    fn objects(reading: &Reading) -> Vec<String> {
        let shown = |object: &super::Object| {
            let key = crate::Key::of(&object.value);
            format!("{key} {}", object.place.line)
        };
        reading.objects.iter().map(shown).collect()
    }

    fn findings(reading: &Reading) -> Vec<(FindingKind, usize)> {
        let findings = reading.findings.iter();
        findings
            .map(|found| (found.kind, found.place.line))
            .collect()
    }

    const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n";

    #[test]
    fn each_document_of_a_file_is_an_object() {
        let text = format!("# head\n---\n{CONFIG}---\n# nothing\n---\n{CONFIG}  # end\n");
        let reading = of(&text.replace("name: a }\n  #", "name: b }\n  #"));
        assert_eq!(objects(&reading), ["ConfigMap a 3", "ConfigMap b 9"]);
        assert_eq!(findings(&reading), []);
    }

    #[test]
    fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
        let text = format!("\u{feff}{}", CONFIG.replace('\n', "\r\n"));
        assert_eq!(objects(&of(&text)), ["ConfigMap a 1"]);
    }

    #[test]
    fn items_of_lists_are_objects() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: { name: s }\n- kind: List\n  apiVersion: v1\n  items:\n  - { apiVersion: v1, kind: Pod, metadata: { name: p, namespace: x } }\n";
        assert_eq!(objects(&of(text)), ["Secret s 4", "Pod x/p 10"]);
    }

    #[test]
    fn items_of_a_typed_list_have_its_kind() {
        let text = "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: { name: a }\n";
        let reading = of(text);
        assert_eq!(objects(&reading), ["Deployment a 4"]);
        assert_eq!(reading.objects[0].value["apiVersion"], "apps/v1");
    }

    #[test]
    fn json_and_anchors_are_read() {
        let text = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}}";
        assert_eq!(objects(&of(text)), ["Pod p 1"]);
        let text = format!("{CONFIG}data: &d {{ a: b }}\nbinaryData: *d\n");
        assert_eq!(of(&text).objects[0].value["binaryData"]["a"], "b");
    }

    #[test]
    fn templates_are_reported_and_skipped() {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{{{ .Release.Name }}}}\n---\n{CONFIG}---\n{}",
            CONFIG.replace("a }", "\"${NAME}\" }")
        );
        let reading = of(&text);
        assert_eq!(objects(&reading), ["ConfigMap a 6"]);
        assert_eq!(
            findings(&reading),
            [(FindingKind::Template, 4), (FindingKind::Template, 10)]
        );
    }

    #[test]
    fn braces_in_the_data_of_an_object_are_not_a_template() {
        let text = format!("{CONFIG}data: {{ t: \"{{{{ .Value }}}}\" }}\n");
        assert_eq!(objects(&of(&text)).len(), 1);
    }

    #[test]
    fn what_is_not_an_object_hides_no_other() {
        let text = format!(
            "- a\n---\nreplicas: 2\n---\nkind: [\n---\n{CONFIG}---\napiVersion: v1\nkind: Pod\n"
        );
        let reading = of(&text);
        assert_eq!(objects(&reading), ["ConfigMap a 7"]);
        assert_eq!(
            findings(&reading)
                .iter()
                .map(|(kind, _)| *kind)
                .collect::<Vec<_>>(),
            [
                FindingKind::NotAnObject,
                FindingKind::NotAnObject,
                FindingKind::Broken,
                FindingKind::NotAnObject
            ]
        );
    }

    #[test]
    fn an_object_that_stands_twice_is_read_once() {
        let text = format!("{CONFIG}---\n{CONFIG}---\n{CONFIG}data: {{ a: b }}\n");
        let reading = of(&text);
        assert_eq!(objects(&reading), ["ConfigMap a 1"]);
        assert_eq!(
            findings(&reading)
                .iter()
                .map(|(kind, _)| *kind)
                .collect::<Vec<_>>(),
            [FindingKind::Duplicate, FindingKind::Conflict]
        );
        assert!(reading.findings[1].message.contains("k8s/app.yaml:1"));
    }

    #[test]
    fn a_key_that_is_set_twice_is_reported() {
        let reading = of(&format!("{CONFIG}data: {{ a: b }}\ndata: {{ c: d }}\n"));
        assert_eq!(findings(&reading), [(FindingKind::Dropped, 5)]);
    }
}
