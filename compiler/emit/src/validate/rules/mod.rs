//! The rules that concern one value of a type of Kubernetes, by type: which of its fields exclude or require each
//! other, the form of texts, bounds of numbers. Each topic has a table; `rule.rs` has the kinds of rules and judges a
//! value, `forms.rs` has the forms of texts.

mod containers;
mod forms;
mod objects;
mod pods;
mod rule;
mod volumes;
mod workloads;

use self::rule::Rule;
use super::Fault;
use crate::schema::TypeName;
use crate::view::{FieldPath, View};

/// The package and the name of a type, and its rules.
type RulesOf = (&'static str, &'static str, &'static [Rule]);

/// The tables.
static TOPICS: [&[RulesOf]; 5] = [
    containers::RULES,
    objects::RULES,
    pods::RULES,
    volumes::RULES,
    workloads::RULES,
];

/// Adds what is wrong with a value of a type.
pub(super) fn of_type(
    (package, name): TypeName,
    value: &impl View,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) {
    let of_type = TOPICS
        .iter()
        .copied()
        .flatten()
        .filter(|(of, type_name, _)| *of == package && *type_name == name);
    for rule in of_type.flat_map(|(.., rules)| *rules) {
        rule.judge(value, path, faults);
    }
}
