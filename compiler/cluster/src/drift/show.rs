//! Differences as text for people and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::difference::{Difference, Drift, Drifts};
use crate::diff::shown;
use crate::managed::Owner;
use crate::paint::Paint;
use crate::path::Segment;

/// For people: each difference with its severity, its line in the source, and who wrote it.
#[must_use]
pub fn drift_text(drifts: &Drifts, paint: Paint) -> String {
    let mut out = String::new();
    for drift in &drifts.found {
        let (sign, code) = match &drift.what {
            Difference::Changed { .. }
            | Difference::Unlabelled { .. }
            | Difference::Volume { .. } => ("~", "33"),
            Difference::Missing { .. } | Difference::Flow { is_open: false, .. } => ("-", "31"),
            Difference::Added { .. }
            | Difference::Flow { is_open: true, .. }
            | Difference::Unmanaged { .. }
            | Difference::Impersonation { .. } => ("+", "36"),
        };
        let severity = match drift.severity.is_error() {
            true => paint.with("1;31", &format!("error[{}]", drift.severity.as_str())),
            false => "warning".to_owned(),
        };
        let source = drift.source.as_deref().unwrap_or_default();
        let (subject, text) = sentence(drift);
        // Writing to a string cannot fail.
        let _ = write!(out, "{} {severity} {subject}", paint.with(code, sign));
        if !source.is_empty() {
            let _ = write!(out, "  {}", paint.with("2", source));
        }
        let _ = writeln!(out, "\n    {text}");
    }
    out
}

/// The object, and what is to be said of it.
fn sentence(drift: &Drift) -> (String, String) {
    let by = |verb: &str| match drift.by.as_slice() {
        [] => String::new(),
        owners => format!(", {verb} by {}", list(owners)),
    };
    let value = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), shown);
    match &drift.what {
        Difference::Changed {
            object,
            field,
            says,
            has,
        } => (
            object.clone(),
            format!(
                "{field}: the source declares {}, the cluster has {}{}",
                value(says),
                value(has),
                by("changed")
            ),
        ),
        Difference::Added {
            object,
            field,
            has,
            usual,
        } => {
            let declares = match usual {
                Some(usual) => format!(
                    "the source declares nothing (the default is {})",
                    shown(usual)
                ),
                None => "the source declares nothing".to_owned(),
            };
            let by = match drift.by.is_empty() {
                true => ", and no manager owns it: an admission webhook adds it, or its writer left no trace".to_owned(),
                false => by("added"),
            };
            (
                object.clone(),
                format!("{field}: {declares}, the cluster has {}{by}", shown(has)),
            )
        }
        Difference::Missing { object } => (
            object.clone(),
            "it does not exist in the cluster".to_owned(),
        ),
        Difference::Unlabelled { object, label } => (
            object.clone(),
            format!(
                "it exists and lacks the label {label}, so that lists by label miss it; `erpc apply` restores the label"
            ),
        ),
        Difference::Flow {
            flow,
            is_open: true,
        } => (
            format!("flow {flow}"),
            "the cluster lets it through, the source does not declare it".to_owned(),
        ),
        Difference::Flow {
            flow,
            is_open: false,
        } => (
            format!("flow {flow}"),
            "the source declares it, the cluster does not let it through".to_owned(),
        ),
        Difference::Unmanaged { object, why } => {
            (object.clone(), format!("{why}{}", by("written")))
        }
        Difference::Impersonation {
            object,
            pods,
            service,
        } => {
            let pods = match (object.starts_with("Pod "), pods) {
                (true, _) => "it carries".to_owned(),
                (false, 1) => "1 pod of it carries".to_owned(),
                (false, pods) => format!("{pods} pods of it carry"),
            };
            (
                object.clone(),
                format!(
                    "{pods} the labels of {service}, so that Services and policies take it for that service; no workload of the platform owns it{}",
                    by("written")
                ),
            )
        }
        Difference::Volume { object, why } => (object.clone(), why.clone()),
    }
}

fn list(owners: &[Owner]) -> String {
    let names: Vec<String> = owners.iter().map(ToString::to_string).collect();
    names.join(" and ")
}

/// The same for programs.
#[must_use]
pub fn drift_json(drifts: &Drifts) -> Value {
    let found: Vec<Value> = drifts.found.iter().map(one_json).collect();
    json!({ "version": 1, "drift": found, "unchecked": drifts.unchecked })
}

fn one_json(drift: &Drift) -> Value {
    let mut out = match &drift.what {
        Difference::Changed {
            object,
            field,
            says,
            has,
        } => json!({
            "type": "changed", "object": object, "field": field.to_string(), "path": path(field.segments()),
            "says": says, "has": has,
        }),
        Difference::Added {
            object,
            field,
            has,
            usual,
        } => json!({
            "type": "added", "object": object, "field": field.to_string(), "path": path(field.segments()),
            "has": has, "default": usual,
        }),
        Difference::Missing { object } => json!({ "type": "missing", "object": object }),
        Difference::Unlabelled { object, label } => {
            json!({ "type": "unlabelled", "object": object, "label": label })
        }
        Difference::Flow { flow, is_open } => {
            json!({ "type": "flow", "flow": flow, "open": is_open })
        }
        Difference::Unmanaged { object, why } => {
            json!({ "type": "unmanaged", "object": object, "why": why })
        }
        Difference::Impersonation {
            object,
            pods,
            service,
        } => json!({
            "type": "impersonation", "object": object, "pods": pods, "service": service,
        }),
        Difference::Volume { object, why } => {
            json!({ "type": "volume", "object": object, "why": why })
        }
    };
    out["severity"] = json!(drift.severity.as_str());
    out["level"] = json!(if drift.severity.is_error() {
        "error"
    } else {
        "warning"
    });
    out["source"] = json!(drift.source);
    out["by"] = json!(drift.by.first().map(ToString::to_string));
    out["managers"] = drift
        .by
        .iter()
        .map(|owner| json!({ "manager": owner.manager, "time": owner.time }))
        .collect();
    out
}

/// A path as a list of keys: names as text, an item of a list as the fields that tell it apart.
pub(crate) fn path(segments: &[Segment]) -> Value {
    segments
        .iter()
        .map(|segment| match segment {
            Segment::Field(name) => json!(name),
            Segment::Item(keys) => keys
                .iter()
                .map(|(key, value)| (key.clone(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Segment::Member(member) => json!({ "": member }),
            Segment::Index(index) => json!(index),
            Segment::Order => json!({ "order": true }),
        })
        .collect()
}
