//! The name of a one-off Job: `NAME-<hash of its spec>`.
//!
//! The pod template of a Job is immutable, and a Job runs once. A Job whose spec changes therefore needs
//! another name: it is then a new object, which every tool creates, and the old one is an object that the
//! source no longer has, which every tool prunes. A Job whose spec stays is never run again.
//!
//! The chart computes the same name from the spec that its values give (`helm/templates/jobs.yaml`), so the
//! text that is hashed is the one that Helm's `toJson` writes: Go's `encoding/json` with sorted keys.

use sha2::{Digest, Sha256};

use crate::tree::Node;

/// The length of a hash, in hexadecimal digits.
const HASH: usize = 10;
/// A Job's name is the value of a label of its pods, so it has at most 63 characters.
const MOST: usize = 63;
/// What is left of the service's name, before the hyphen and the hash.
const PREFIX: usize = MOST - HASH - 1;

/// The name of the Job of a service.
pub(super) fn name(service: &str, spec: &Node) -> String {
    let mut text = String::new();
    write_json(&mut text, spec);
    let digest = Sha256::digest(text.as_bytes());
    let mut hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hash.truncate(HASH);
    format!("{}-{hash}", prefix(service))
}

/// The part of a Job's name that does not change with its spec, without the hyphen behind it.
fn prefix(service: &str) -> &str {
    // A name that is no DNS label is an error of the check, but must not end a build here.
    service.get(..PREFIX).unwrap_or(service)
}

/// Writes a value as Go's `json.Marshal` does: keys sorted, `<`, `>`, `&` and the two line separators of
/// Unicode escaped. The depth is that of Kubernetes' own type.
fn write_json(out: &mut String, value: &Node) {
    match value {
        Node::Map(fields) => {
            out.push('{');
            for (index, (key, field)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(out, key);
                out.push(':');
                write_json(out, &field.node);
            }
            out.push('}');
        }
        Node::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(out, &item.node);
            }
            out.push(']');
        }
        Node::Text(text) => write_text(out, text),
        // Helm reads every number as a float of 64 bits.
        Node::Number(number) => match number.as_f64() {
            Some(number) => out.push_str(&number.to_string()),
            None => out.push_str(&number.to_string()),
        },
        Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Null => out.push_str("null"),
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::{name, prefix, write_json};
    use crate::tree::Node;
    use serde_json::json;

    #[test]
    fn a_value_is_written_as_go_writes_it() {
        let mut text = String::new();
        write_json(
            &mut text,
            &Node::from(
                &json!({"b": [1, 9_007_199_254_740_993_i64, true, null], "a": "<a>&\u{2028}\"\\\n\u{1}é"}),
            ),
        );
        assert_eq!(
            text,
            r#"{"a":"\u003ca\u003e\u0026\u2028\"\\\n\u0001é","b":[1,9007199254740992,true,null]}"#
        );
    }

    #[test]
    fn a_name_changes_with_the_spec_and_fits_a_label() {
        let spec = Node::from(&json!({}));
        let other = Node::from(&json!({"backoffLimit": 3}));
        assert_eq!(name("seed", &spec), name("seed", &spec));
        assert_ne!(name("seed", &spec), name("seed", &other));
        let long = "a".repeat(63);
        let name = name(&long, &spec);
        assert_eq!(name.len(), 63);
        assert!(name.starts_with(&format!("{}-", prefix(&long))));
        assert_eq!(prefix(&long).len(), 52);
    }
}
