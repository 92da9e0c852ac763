//! Values as text: `values.yaml` with what each does, and for each profile a file with what it says
//! differently.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::values::{Field, Settings};
use crate::yaml;

/// The text of `values.yaml`.
pub(super) fn whole(settings: &Settings) -> String {
    let mut out = String::from(
        "# Sizes, replicas, images, hosts and what is on. Ports, flows and identity are no values: the\n\
         # network policies are proven for them. README.md says what each value does.\n\n",
    );
    // Writing to a string cannot fail.
    for (section, fields) in &settings.sections {
        let _ = writeln!(out, "{section}:");
        write_fields(&mut out, 2, fields);
        out.push('\n');
    }
    out.push_str("namespaces:\n");
    for namespace in &settings.namespaces {
        let _ = writeln!(out, "  {}:", yaml::scalar(&namespace.name));
        write_fields(&mut out, 4, &namespace.fields);
    }
    out.push_str("\nservices:\n");
    for namespace in &settings.namespaces {
        let name = yaml::scalar(&namespace.name);
        if namespace.services.is_empty() {
            let _ = writeln!(out, "  {name}: {{}}");
            continue;
        }
        let _ = writeln!(out, "  {name}:");
        for service in &namespace.services {
            if let Some(title) = &service.title {
                let _ = writeln!(out, "    # {title}");
            }
            let _ = writeln!(out, "    {}:", yaml::scalar(&service.name));
            write_fields(&mut out, 6, &service.fields);
        }
    }
    out
}

/// Values with their remarks: scalars and lists on one line, maps below their name, their inner
/// maps in braces.
fn write_fields(out: &mut String, indent: usize, fields: &[Field]) {
    let pad = " ".repeat(indent);
    for Field {
        name,
        default,
        says,
        ..
    } in fields
    {
        // Writing to a string cannot fail.
        let _ = write!(out, "{pad}{name}:");
        if let Value::Object(map) = default {
            let _ = writeln!(out, "  # {says}");
            for (key, value) in map {
                let _ = write!(out, "{pad}  ");
                yaml::push_scalar(out, key);
                out.push_str(": ");
                push_flow(out, value);
                out.push('\n');
            }
        } else {
            out.push(' ');
            push_flow(out, default);
            let _ = writeln!(out, "  # {says}");
        }
    }
}

/// The text of `values-<profile>.yaml`: what `under` says otherwise than `settings`.
pub(super) fn differences(settings: &Settings, under: &Settings) -> String {
    let (all, now) = (tree(settings), tree(under));
    let Some(different) = difference(&all, &now) else {
        return "{}\n".to_owned();
    };
    let mut out = String::new();
    // JSON has string keys only, which is all that could fail to be written.
    let _ = yaml::write(&mut out, &different);
    out
}

/// The values as one map.
fn tree(settings: &Settings) -> Value {
    let of = |fields: &[Field]| -> Map<String, Value> {
        let fields = fields.iter();
        fields
            .map(|field| (field.name.to_owned(), field.default.clone()))
            .collect()
    };
    let mut root: Map<String, Value> = settings
        .sections
        .iter()
        .map(|(name, fields)| ((*name).to_owned(), Value::Object(of(fields))))
        .collect();
    let namespaces = settings.namespaces.iter();
    let toggles = namespaces
        .clone()
        .map(|namespace| (namespace.name.clone(), Value::Object(of(&namespace.fields))));
    root.insert("namespaces".to_owned(), Value::Object(toggles.collect()));
    let services = namespaces.map(|namespace| {
        let services = namespace.services.iter();
        let services = services.map(|service| {
            let values = Value::Object(of(&service.fields));
            (service.name.clone(), values)
        });
        (namespace.name.clone(), Value::Object(services.collect()))
    });
    root.insert("services".to_owned(), Value::Object(services.collect()));
    Value::Object(root)
}

/// What of `now` is not in `all`. A namespace or service that is not there is off; so is what is
/// left out of a value that may lack members.
fn difference(all: &Value, now: &Value) -> Option<Value> {
    let (Value::Object(all), Value::Object(now)) = (all, now) else {
        return (all != now).then(|| now.clone());
    };
    let off = || Value::Object(Map::from_iter([("enabled".to_owned(), Value::Bool(false))]));
    if now.get("enabled") == Some(&Value::Bool(false)) {
        // What is off has no other values that matter.
        return (all.get("enabled") != now.get("enabled")).then(off);
    }
    let mut out = Map::new();
    for (key, before) in all {
        let change = match now.get(key) {
            Some(after) => difference(before, after),
            // The services of a namespace that is off are off with it.
            None if before.get("enabled") == Some(&Value::Bool(true)) => Some(off()),
            None if before.is_string() => Some(Value::from("")),
            None => None,
        };
        if let Some(change) = change {
            out.insert(key.clone(), change);
        }
    }
    for (key, after) in now {
        if !all.contains_key(key) {
            out.insert(key.clone(), after.clone());
        }
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// Appends a value on one line; texts as JSON, which YAML reads as the same.
pub(super) fn push_flow(out: &mut String, value: &Value) {
    match value {
        Value::Object(map) => {
            out.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                yaml::push_scalar(out, key);
                out.push_str(": ");
                push_flow(out, value);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                push_flow(out, item);
            }
            out.push(']');
        }
        Value::String(text) if is_plain(text) => out.push_str(text),
        other => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{other}");
        }
    }
}

/// Whether a text stands for itself inside of braces too.
fn is_plain(text: &str) -> bool {
    let is_inner = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'/');
    !text.is_empty() && text.as_bytes().iter().all(is_inner) && yaml::scalar(text) == text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{difference, push_flow};

    #[test]
    fn a_value_on_one_line_is_read_back_as_the_same() {
        for (value, expected) in [
            (json!("512Mi"), "512Mi"),
            (json!("a/b-c.d_e"), "a/b-c.d_e"),
            (json!(""), "\"\""),
            // What YAML would read as something else, or as several values.
            (json!("true"), "\"true\""),
            (json!("1.10"), "\"1.10\""),
            (json!("a, b"), "\"a, b\""),
            (json!("{x}"), "\"{x}\""),
            (json!("*.example"), "\"*.example\""),
            (json!(3), "3"),
            (json!(false), "false"),
            (json!([]), "[]"),
            (json!(["a", "b.c"]), "[a, b.c]"),
            (
                json!({"size": "1Gi", "n": {"on": 0}}),
                "{\"n\": {\"on\": 0}, size: 1Gi}",
            ),
        ] {
            let mut text = String::new();
            push_flow(&mut text, &value);
            assert_eq!(text, expected);
            let read: Value = serde_saphyr::from_str(&text).expect("YAML");
            assert_eq!(read, value, "{text}");
        }
    }

    #[test]
    fn a_profile_says_only_what_differs_from_the_defaults() {
        let on = json!({"enabled": true, "replicas": 2, "image": {"tag": "1"}});
        for (before, after, expected) in [
            (json!({"a": 1}), json!({"a": 1}), None),
            (json!({"a": 1}), json!({"a": 2}), Some(json!({"a": 2}))),
            // A list is one value.
            (
                json!({"hosts": ["a", "b"]}),
                json!({"hosts": ["a", "c"]}),
                Some(json!({"hosts": ["a", "c"]})),
            ),
            (
                json!({"web": on}),
                json!({"web": {"enabled": true, "replicas": 3, "image": {"tag": "1"}}}),
                Some(json!({"web": {"replicas": 3}})),
            ),
            // A service that the profile does not have, and one that only the profile has.
            (
                json!({"web": on}),
                json!({}),
                Some(json!({"web": {"enabled": false}})),
            ),
            (json!({}), json!({"web": on}), Some(json!({"web": on}))),
            // The other values of what is disabled do not matter.
            (
                json!({"web": on}),
                json!({"web": {"enabled": false, "replicas": 9}}),
                Some(json!({"web": {"enabled": false}})),
            ),
            (
                json!({"web": {"enabled": false}}),
                json!({"web": {"enabled": false, "replicas": 9}}),
                None,
            ),
            // A text that the profile leaves out is empty; a count stays.
            (
                json!({"quota": {"cpu": "4", "pods": 9}}),
                json!({"quota": {}}),
                Some(json!({"quota": {"cpu": ""}})),
            ),
        ] {
            assert_eq!(difference(&before, &after), expected, "{before} {after}");
        }
    }
}
