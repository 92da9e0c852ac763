//! What manifests contradict each other in, or leave to chance: references that lead nowhere, policies against flows,
//! versions that are gone. Each is a finding at its file and line.

mod delivery;
mod policies;
mod secrets;
mod sides;
mod values;
mod workloads;

use serde_json::Value;

use crate::compare::Key;
use crate::facts::Facts;
use crate::flows::Flow;
use crate::read::{Finding, FindingKind, Object, Place, Values};

/// The contradictions of the input, by file and line.
pub(crate) fn find(facts: &Facts<'_>, flows: &[Flow], values: &[Values]) -> Vec<Finding> {
    let mut found = Findings::default();
    workloads::find(facts, &mut found);
    policies::find(facts, flows, &mut found);
    delivery::find(facts, &mut found);
    secrets::find(facts, &mut found);
    sides::find(facts, &mut found);
    values::find(facts, values, &mut found);
    found
        .0
        .sort_by(|a, b| (&a.place, a.kind, &a.message).cmp(&(&b.place, b.kind, &b.message)));
    found.0.dedup();
    found.0
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding at a field of an object.
    fn at(&mut self, kind: FindingKind, object: &Object, path: &[&str], message: String) {
        self.line(kind, object, object.line_of(path), message);
    }

    fn line(&mut self, kind: FindingKind, object: &Object, line: usize, message: String) {
        let place = Place {
            file: object.place.file.clone(),
            line,
        };
        self.0.push(Finding {
            kind,
            place,
            message,
        });
    }
}

/// How messages name an object: `Service shop/web`.
fn title(object: &Object) -> String {
    Key::of(&object.value).to_string()
}

/// A port as it is written.
fn shown(port: &Value) -> String {
    match port {
        Value::String(name) => format!("`{name}`"),
        other => other.to_string(),
    }
}
