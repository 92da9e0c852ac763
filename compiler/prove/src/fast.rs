//! A reader of the YAML that the compiler writes: blocks of mappings and lists, words, numbers and
//! plain quotes, an entry a line. It is many times as fast as the reader of all YAML and gives up at
//! whatever it does not know for certain; the other reader then reads the document. A property test
//! compares the two.

use memchr::memmem;
use smol_str::SmolStr;

use erpc_yaml::{Broken, Document, Node, Read};

/// How many entries a mapping may have, so that looking for a key twice stays cheap.
const MAX_ENTRIES: usize = 64;
/// How deep blocks may be.
const MAX_DEPTH: usize = 32;

/// Kinds of objects that say nothing about who may talk to whom.
const SILENT_KINDS: [&str; 18] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "LimitRange",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PodMonitor",
    "PrometheusRule",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "Secret",
    "ServiceAccount",
    "ServiceMonitor",
    "StorageClass",
];

/// Blocks of workloads that say nothing either. A label may have such a name, but is no block.
const SILENT_BLOCKS: [&str; 16] = [
    "affinity",
    "annotations",
    "args",
    "command",
    "env",
    "lifecycle",
    "livenessProbe",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "status",
    "topologySpreadConstraints",
    "volumeClaimTemplates",
    "volumeMounts",
    "volumes",
];

/// Reads what a document that the compiler wrote contains about the network.
pub(crate) fn read_ours(document: &Document<'_>) -> Result<Read, Broken> {
    match read_network(document.text) {
        Some(node) => Ok(node.into()),
        None => erpc_yaml::read(document),
    }
}

/// Reads a whole document; `None` where it is not certain what it says.
#[cfg(test)]
fn read(text: &str) -> Option<Node> {
    Fast::new(text, false).document()
}

/// Reads what a document says about the network: parts that say nothing are passed over.
fn read_network(text: &str) -> Option<Node> {
    let kind = top_level(text, "\nkind: ");
    if let Some(kind) = kind
        && SILENT_KINDS.contains(&kind)
        && let Some(version) = top_level(text, "\napiVersion: ")
    {
        let entry =
            |key: &'static str, value: &str| (SmolStr::new_static(key), Node::Text(value.into()));
        return Some(Node::Map(vec![
            entry("apiVersion", version),
            entry("kind", kind),
        ]));
    }
    let is_policy = kind.is_none_or(|kind| kind == "NetworkPolicy");
    Fast::new(text, !is_policy).document()
}

/// What follows a key at the start of a line, if it stands on one line only.
fn top_level<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut places = memmem::find_iter(text.as_bytes(), key.as_bytes());
    let place = places.next()?;
    if places.next().is_some() || text.starts_with(&key[1..]) {
        return None;
    }
    text[place + key.len()..].lines().next()
}

/// A line with something on it.
#[derive(Clone, Copy)]
struct Line<'t> {
    indent: usize,
    content: &'t str,
}

struct Fast<'t> {
    rest: &'t str,
    line: Option<Line<'t>>,
    skips: bool,
    depth: usize,
    /// Whether the text has nothing but printable ASCII and ends of lines.
    is_simple: bool,
    /// Whether a line could not be split.
    is_strange: bool,
}

impl<'t> Fast<'t> {
    fn new(text: &'t str, skips: bool) -> Self {
        let text = text.strip_prefix("---\n").unwrap_or(text);
        let mut fast = Self {
            rest: text,
            line: None,
            skips,
            depth: 0,
            is_simple: is_simple(text),
            is_strange: false,
        };
        // These end a line, and with it a comment.
        fast.is_strange = !fast.is_simple && text.contains(['\u{85}', '\u{2028}', '\u{2029}']);
        fast.advance();
        fast
    }

    fn document(mut self) -> Option<Node> {
        let first = self.line?;
        let node = self.block(first.indent)?;
        (self.line.is_none() && !self.is_strange).then_some(node)
    }

    /// Goes to the next line that is neither empty nor a comment.
    fn advance(&mut self) {
        while !self.rest.is_empty() {
            let end = memchr::memchr(b'\n', self.rest.as_bytes()).unwrap_or(self.rest.len());
            let line = &self.rest[..end];
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            let content = line.trim_start_matches(' ');
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let is_strange =
                content.ends_with(' ') || !self.is_simple && content.chars().any(is_strange_char);
            if is_strange {
                self.is_strange = true;
                break;
            }
            self.line = Some(Line {
                indent: line.len() - content.len(),
                content,
            });
            return;
        }
        self.line = None;
    }

    /// Passes over all lines of a block, without a look at what they say.
    fn skip(&mut self, indent: usize) {
        loop {
            let end = memchr::memchr(b'\n', self.rest.as_bytes()).unwrap_or(self.rest.len());
            let line = &self.rest[..end];
            let content = line.trim_start_matches(' ');
            let at = line.len() - content.len();
            let is_below = at > indent || at == indent && is_item(content) || content.is_empty();
            if !is_below || self.rest.is_empty() {
                break;
            }
            self.rest = self.rest.get(line.len() + 1..).unwrap_or_default();
        }
        self.advance();
    }

    /// The mapping or list that starts at the current line.
    fn block(&mut self, indent: usize) -> Option<Node> {
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let node = if is_item(self.line?.content) {
            self.list(indent)
        } else {
            self.map(indent)
        };
        self.depth -= 1;
        node
    }

    fn map(&mut self, indent: usize) -> Option<Node> {
        let mut entries: Vec<(SmolStr, Node)> = Vec::new();
        while let Some(line) = self.line {
            if line.indent < indent || line.indent == indent && is_item(line.content) {
                break;
            }
            if line.indent > indent || entries.len() == MAX_ENTRIES {
                return None;
            }
            let (key, value) = split_entry(line.content)?;
            if entries.iter().any(|(known, _)| known == key) {
                return None;
            }
            self.advance();
            let value = if value.is_empty() {
                self.nested(key, indent)?
            } else {
                scalar(value)?
            };
            entries.push((word(key), value));
        }
        Some(Node::Map(entries))
    }

    /// What stands on the lines behind a key.
    fn nested(&mut self, key: &str, indent: usize) -> Option<Node> {
        let is_below =
            |line: Line<'_>| line.indent > indent || line.indent == indent && is_item(line.content);
        let Some(next) = self.line.filter(|line| is_below(*line)) else {
            return Some(Node::Null);
        };
        if self.skips && SILENT_BLOCKS.contains(&key) {
            self.skip(indent);
            return Some(Node::Null);
        }
        self.block(next.indent)
    }

    fn list(&mut self, indent: usize) -> Option<Node> {
        let mut items = Vec::new();
        while let Some(line) = self.line {
            if line.indent < indent || line.indent == indent && !is_item(line.content) {
                break;
            }
            if line.indent > indent {
                return None;
            }
            let content = line.content.strip_prefix("- ")?;
            if content.starts_with(' ') || is_item(content) {
                return None;
            }
            if split_entry(content).is_some() {
                // The first entry of a mapping stands behind the dash, the others below it.
                self.line = Some(Line {
                    indent: indent + 2,
                    content,
                });
                items.push(self.block(indent + 2)?);
            } else {
                items.push(scalar(content)?);
                self.advance();
            }
        }
        Some(Node::List(items))
    }
}

fn is_item(content: &str) -> bool {
    content.starts_with("- ") || content == "-"
}

fn is_simple(text: &str) -> bool {
    // Without an early end the loop runs over many bytes at once.
    let strange = text.bytes().fold(false, |strange, byte| {
        strange | ((byte < b' ') & (byte != b'\n')) | (byte > b'~')
    });
    !strange
}

/// A text that lives as long as the manifests; the long ones that every policy has are not copied.
fn word(text: &str) -> SmolStr {
    const LONG: [&str; 3] = [
        "app.kubernetes.io/component",
        "app.kubernetes.io/part-of",
        "kubernetes.io/metadata.name",
    ];
    match LONG.iter().find(|long| **long == text) {
        Some(long) => SmolStr::new_static(long),
        None => SmolStr::new(text),
    }
}

/// Characters that readers of YAML see differently.
fn is_strange_char(c: char) -> bool {
    c.is_control() || c == '\u{feff}' || c != ' ' && c.is_whitespace()
}

/// `key: value` or `key:`; the value is empty then.
fn split_entry(content: &str) -> Option<(&str, &str)> {
    let is_key =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    let bytes = content.as_bytes();
    let length = bytes.iter().take_while(|byte| is_key(byte)).count();
    let (key, rest) = content.split_at(length);
    if !key.starts_with(|c: char| c.is_ascii_alphabetic()) || is_reserved(key) {
        return None;
    }
    let value = rest.strip_prefix(':')?;
    if value.is_empty() {
        return Some((key, value));
    }
    let value = value.strip_prefix(' ')?;
    (!value.is_empty() && !value.starts_with(' ')).then_some((key, value))
}

/// What YAML 1.1 or 1.2 reads as a truth value, nothing or a number.
fn is_reserved(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity",
    ];
    text.len() <= 8 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn scalar(text: &str) -> Option<Node> {
    match text {
        "true" => return Some(Node::Bool(true)),
        "false" => return Some(Node::Bool(false)),
        "null" => return Some(Node::Null),
        "{}" => return Some(Node::Map(Vec::new())),
        "[]" => return Some(Node::List(Vec::new())),
        _ => {}
    }
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            let inner = rest.strip_suffix(quote)?;
            return (!inner.contains([quote, '\\'])).then(|| Node::Text(inner.into()));
        }
    }
    let first = text.chars().next()?;
    if first.is_alphabetic() || first == '/' {
        let is_plain = !text.contains(": ")
            && !text.contains(" #")
            && !text.ends_with(':')
            && !is_reserved(text);
        return is_plain.then(|| Node::Text(text.into()));
    }
    if first.is_ascii_digit() {
        return number_or_size(text);
    }
    None
}

/// Whole numbers, sizes as Kubernetes writes them, and blocks of addresses.
fn number_or_size(text: &str) -> Option<Node> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match &text[digits..] {
        "" => {
            let has_zero = digits > 1 && text.starts_with('0');
            // More digits might not fit.
            let number = (!has_zero && digits < 19).then(|| text.parse().ok());
            number.flatten().map(Node::Int)
        }
        "m" | "Ki" | "Mi" | "Gi" | "Ti" => Some(Node::Text(text.into())),
        rest => {
            let is_block = rest.contains('/')
                && text.ends_with(|c: char| c.is_ascii_digit())
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'/'));
            is_block.then(|| Node::Text(text.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, Document, Node, read};
    use proptest::prelude::*;

    /// The value that the reader of all YAML finds.
    fn in_full(text: &str) -> Result<Node, Broken> {
        erpc_yaml::read(&Document::whole(text)).map(|read| read.node)
    }

    #[test]
    fn what_the_compiler_writes_is_read() {
        let text = "# head\napiVersion: v1\nkind: Pod\nmetadata:\n  labels: {}\n  name: \"::/0\"\nspec:\n  ports:\n  - port: 8080\n    protocol: TCP\n  - 10.0.0.0/8\n  - a: 100m\n    b:\n    - x\n    - y z\n  x: true\n";
        let node = read(text).expect("in the subset");
        assert_eq!(in_full(text).expect("YAML"), node);
    }

    /// Pieces of lines near the subset, and beside it.
    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            8 => prop::sample::select(vec![
                "a: b", "a:", "- a", "- a: b", "b: 1", "c: true", "- 1", "key: {}", "key: []", "a.b/c: \"x\"",
                "x: 10.0.0.0/8", "x: 100m", "x: 'y'", "x: null", "- \"q\"", "d: a b c", "yes: no", "x: 1.5", "x: 0x1f", "x: 007",
                "x: a: b", "x: a #b", "x: |", "x: >-", "- - a", "-", "x: ~", "x: .inf", "x: 1e3", "x: -1", "x: \"a\\nb\"",
                "x: 1_000", "x: 12:30", "x: 2001-01-01", "? a", "x: &a b", "x: *a", "x: !t y", "<<: a", "x : y", "x:y", "#c",
                "x: {a: b}", "x: [1, 2]", "- a:b", "x: a,b", "x: infinity", "x: Nan", "x: 1/2", "x: 0/0", "x: 1:2/3", "x: 0b1",
                "x: 123456789012345678901234567890", "a: b", "x: %a", "x: @a", "x: a\u{85}b", "#c\u{2028}  x: y", "x: \u{a0}", "x: é", "...", "---",
            ]).prop_map(str::to_owned),
            1 => "[a-z]{1,3}: [ -~]{0,12}",
            1 => "- [ -~]{0,12}",
            1 => "[ -~]{0,12}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_it_takes_both_read_alike(lines in prop::collection::vec((0usize..4, piece()), 1..8)) {
            let text: String = lines
                .iter()
                .map(|(indent, line)| format!("{}{line}\n", " ".repeat(indent * 2)))
                .collect();
            if let Some(ours) = read(&text) {
                match in_full(&text) {
                    Ok(theirs) => prop_assert_eq!(ours, theirs, "{}", text),
                    Err(broken) => prop_assert!(false, "{}\n{}", text, broken.message),
                }
            }
        }

        #[test]
        fn trees_as_a_library_writes_them(node in tree()) {
            let text = serde_saphyr::to_string(&node).expect("written");
            let theirs = in_full(&text).expect("read");
            if let Some(ours) = read(&text) {
                prop_assert_eq!(ours, theirs, "{}", text);
            }
        }
    }

    fn tree() -> impl Strategy<Value = Node> {
        let leaf = prop_oneof![
            4 => "[a-zA-Z0-9./:_ -]{0,10}".prop_map(|text| Node::Text(text.into())),
            1 => any::<u16>().prop_map(|number| Node::Int(number.into())),
            1 => any::<bool>().prop_map(Node::Bool),
            1 => Just(Node::Null),
        ];
        leaf.prop_recursive(4, 30, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Node::List),
                prop::collection::btree_map("[a-z]{1,4}", inner, 0..4).prop_map(|map| {
                    Node::Map(
                        map.into_iter()
                            .map(|(key, value)| (key.into(), value))
                            .collect(),
                    )
                }),
            ]
        })
    }
}
