//! One object in the chart's `files/`, as text. What a template prints as it is stands in a literal
//! block, in the form in which it is printed: Helm reads such a block as one text, where it would
//! take a structure apart only to put it together again.

use std::fmt::Write;

use serde::Serialize;

use crate::Object;
use crate::tree::{Field, Map};
use crate::yaml;

/// The columns of an entry's fields.
const FIELDS: usize = 2;
/// Per level.
pub(super) const STEP: usize = 2;

/// An entry of a list.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name, and whose it is.
    head: String,
    /// The namespace that it is in, or the one that it makes.
    pub(super) home: Option<String>,
    /// Where it is on some clusters only, which.
    pub(super) clusters: Vec<String>,
    /// Where it is there under some profiles only, which.
    pub(super) under: Vec<String>,
    /// Profiles under which it is not there.
    pub(super) not_under: Vec<String>,
    body: String,
}

impl Entry {
    /// An entry that says only whose it is.
    pub(super) fn at(namespace: &str, service: &str) -> Self {
        Self {
            head: format!(
                "- namespace: {}\n  service: {}\n",
                yaml::scalar(namespace),
                yaml::scalar(service)
            ),
            home: Some(namespace.to_owned()),
            clusters: Vec::new(),
            under: Vec::new(),
            not_under: Vec::new(),
            body: String::new(),
        }
    }

    /// The entry of an object that belongs to a namespace or a service, or to the
    /// platform.
    pub(super) fn of(object: &Object, owner: Option<(&str, Option<&str>)>) -> Self {
        Self::replacing(object, owner, &[])
    }

    /// As [`Entry::of`], less annotations that the template writes.
    pub(super) fn replacing(
        object: &Object,
        owner: Option<(&str, Option<&str>)>,
        written: &[&str],
    ) -> Self {
        let metadata = object.at(&["metadata"]).and_then(Field::as_map);
        let of_object = (object.name(), object.namespace());
        Self::of_metadata(of_object, metadata.unwrap_or(&Map::new()), owner, written)
    }

    /// The entry of a manifest of the source, which the template prints whole. `home` is the declared namespace that it
    /// is in.
    pub(super) fn raw(object: &Object, home: Option<&str>) -> Self {
        let mut head = String::from("- name: ");
        yaml::push_scalar(&mut head, object.name());
        head.push('\n');
        line(&mut head, FIELDS, "kind", object.kind().as_str());
        line(&mut head, FIELDS, "apiVersion", object.kind().api_version());
        if let Some(home) = home {
            line(&mut head, FIELDS, "namespace", home);
        } else if let Some(namespace) = object.namespace() {
            line(&mut head, FIELDS, "in", namespace);
        }
        let mut entry = Self {
            head,
            home: home.map(str::to_owned),
            clusters: Vec::new(),
            under: Vec::new(),
            not_under: Vec::new(),
            body: String::new(),
        };
        entry.block("object", object);
        entry
    }

    /// As [`Entry::replacing`], with a name and other metadata than the object has.
    pub(super) fn of_metadata(
        (name, home): (&str, Option<&str>),
        metadata: &Map,
        owner: Option<(&str, Option<&str>)>,
        written: &[&str],
    ) -> Self {
        let mut head = String::from("- name: ");
        yaml::push_scalar(&mut head, name);
        head.push('\n');
        let own = home.map(|own| (own, None));
        let (namespace, service) = owner.or(own).unzip();
        for (key, value) in [("namespace", namespace), ("service", service.flatten())] {
            if let Some(value) = value {
                line(&mut head, FIELDS, key, value);
            }
        }
        if home.is_none() && namespace.is_some() {
            head.push_str("  isClusterWide: true\n");
        }
        let mut entry = Self {
            head,
            home: namespace.map(str::to_owned),
            clusters: Vec::new(),
            under: Vec::new(),
            not_under: Vec::new(),
            body: String::with_capacity(512),
        };
        entry.some("labels", metadata.get("labels"));
        if let Some(all) = metadata.get("annotations").and_then(Field::as_map) {
            entry.block("annotations", &all.without(written));
        }
        let said = metadata.without(&["name", "namespace", "labels", "annotations"]);
        entry.block("metadata", &said);
        entry
    }

    /// Adds a text that the template prints as it is, unless it is empty.
    pub(super) fn block(&mut self, key: &str, value: &impl Serialize) {
        block(&mut self.body, FIELDS, key, value);
    }

    /// As [`Entry::block`], of what may be missing.
    pub(super) fn some(&mut self, key: &str, value: Option<&impl Serialize>) {
        if let Some(value) = value {
            self.block(key, value);
        }
    }

    /// Adds the specification of an object less some of its fields.
    pub(super) fn spec(&mut self, object: &Object, without: &[&str]) {
        if let Some(spec) = object.at(&["spec"]).and_then(Field::as_map) {
            self.block("spec", &spec.without(without));
        }
    }

    /// Adds a truth value.
    pub(super) fn flag(&mut self, key: &str, value: bool) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "  {key}: {value}");
    }

    /// Adds lines that are there already, at the columns of an entry's fields.
    pub(super) fn lines(&mut self, lines: &str) {
        self.body.push_str(lines);
    }

    /// Where the lines of its fields go.
    pub(super) fn body(&mut self) -> &mut String {
        &mut self.body
    }

    /// Whether it says no more than whose it is.
    pub(super) fn is_bare(&self) -> bool {
        self.body.is_empty() && self.clusters.is_empty()
    }

    /// Its name, and whose it is.
    pub(super) fn head(&self) -> &str {
        &self.head
    }

    /// Whether it is the same but for the profiles that have it.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (&self.head, &self.clusters, &self.body) == (&other.head, &other.clusters, &other.body)
    }

    /// Appends its text.
    pub(super) fn write(&self, out: &mut String) {
        out.push_str(&self.head);
        for (key, names) in [
            ("clusters", &self.clusters),
            ("under", &self.under),
            ("notUnder", &self.not_under),
        ] {
            if !names.is_empty() {
                list(out, FIELDS, key, names);
            }
        }
        out.push_str(&self.body);
    }
}

/// Appends `key: value`.
pub(super) fn line(out: &mut String, indent: usize, key: &str, value: &str) {
    yaml::push_spaces(out, indent);
    out.push_str(key);
    out.push_str(": ");
    yaml::push_scalar(out, value);
    out.push('\n');
}

/// Appends a list of names below its key.
pub(super) fn list<T: AsRef<str>>(out: &mut String, indent: usize, key: &str, names: &[T]) {
    yaml::push_spaces(out, indent);
    out.push_str(key);
    out.push_str(":\n");
    for name in names {
        yaml::push_spaces(out, indent);
        out.push_str("- ");
        yaml::push_scalar(out, name.as_ref());
        out.push('\n');
    }
}

/// Appends a value as a text below its key, unless it is empty.
pub(super) fn block(out: &mut String, indent: usize, key: &str, value: &impl Serialize) {
    let start = out.len();
    yaml::push_spaces(out, indent);
    out.push_str(key);
    out.push(':');
    finish_block(out, start, indent, value);
}

/// Appends a list of texts.
pub(super) fn item(out: &mut String, indent: usize, value: &impl Serialize) {
    let start = out.len();
    yaml::push_spaces(out, indent);
    out.push('-');
    finish_block(out, start, indent, value);
}

/// The text behind a key or a dash; an empty one takes that away, too.
fn finish_block(out: &mut String, start: usize, indent: usize, value: &impl Serialize) {
    let head = out.len();
    out.push_str(" |-\n");
    let at = out.len();
    // Kubernetes objects have string keys only, which is all that could fail to be written.
    let _ = yaml::write_at(out, indent + STEP, value);
    let text = &out[at..];
    if matches!(text, "" | "{}\n" | "[]\n") {
        out.truncate(start);
    } else if !is_literal(text) {
        let quoted = quoted(text, indent + STEP);
        out.truncate(head);
        out.push(' ');
        out.push_str(&quoted);
        out.push('\n');
    }
}

/// Whether a text is itself in a literal block: such a block loses empty lines at its end, and some
/// readers of YAML take more for the end of a line than a line feed.
fn is_literal(text: &str) -> bool {
    let last = text.trim_end_matches('\n').rsplit('\n').next();
    let has_end = !text.ends_with("\n\n") && last.is_some_and(|last| !last.trim().is_empty());
    has_end && (text.is_ascii() || !text.contains(['\u{85}', '\u{2028}', '\u{2029}']))
}

/// Lines in double quotes, without the columns before them and without the last end of a line.
fn quoted(text: &str, indent: usize) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let text = text.strip_suffix('\n').unwrap_or(text);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push_str("\\n");
        }
        let columns = line.len() - line.trim_start_matches(' ').len();
        for c in line[columns.min(indent)..].chars() {
            // Writing to a string cannot fail.
            let _ = match c {
                '"' | '\\' => write!(out, "\\{c}"),
                '\u{2028}' | '\u{2029}' => write!(out, "\\u{:04x}", u32::from(c)),
                c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)),
                c => write!(out, "{c}"),
            };
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::block;
    use crate::yaml;

    #[test]
    fn a_block_is_the_text_that_is_printed_without_its_last_end_of_line() {
        for value in [
            "plain",
            "two\nlines",
            "ends\n",
            "ends twice\n\n",
            "a line\u{2028}of another kind",
            "tab\tand\u{85}next",
            "\"quoted\" \\",
            "   ",
            "last line is spaces\n   ",
            "",
        ] {
            let map = BTreeMap::from([("key", value), ("other", "x")]);
            let last = BTreeMap::from([("a", "x"), ("key", value)]);
            for map in [map, last] {
                let mut out = String::new();
                block(&mut out, 4, "fields", &map);
                let read: BTreeMap<String, String> =
                    serde_saphyr::from_str(&out).expect("YAML of one field");
                let mut wanted = String::new();
                yaml::write(&mut wanted, &map).expect("texts");
                assert_eq!(format!("{}\n", read["fields"]), wanted, "{out}");
            }
        }
        let mut out = String::new();
        block(&mut out, 2, "fields", &BTreeMap::<String, String>::new());
        assert_eq!(out, "");
    }
}
