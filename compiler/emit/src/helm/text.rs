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
