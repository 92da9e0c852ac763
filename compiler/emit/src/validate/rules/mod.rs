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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of_type;
    use crate::view::FieldPath;

    /// What is wrong with a value of a type of `core.v1`.
    fn faults(name: &'static str, value: &Value) -> String {
        let mut faults = Vec::new();
        of_type(("core.v1", name), value, &FieldPath::default(), &mut faults);
        let texts = faults
            .into_iter()
            .map(|fault| format!("{}: {}", fault.path, fault.message));
        texts.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn rules_of_types_judge_one_value() {
        for (name, value, expected) in [
            ("Toleration", json!({"operator": "Exists"}), ""),
            (
                "Toleration",
                json!({"key": "a", "value": "b", "effect": "NoSchedule"}),
                "",
            ),
            (
                "Toleration",
                json!({"value": "b"}),
                ": `operator` must be `Exists` if `key` is not set",
            ),
            (
                "Toleration",
                json!({"key": "a", "tolerationSeconds": 5}),
                "tolerationSeconds: `tolerationSeconds` is only allowed if `effect` is `NoExecute`",
            ),
            (
                "ConfigMap",
                json!({"data": {"a": "x", "b": "y"}, "binaryData": {"a": "eA=="}}),
                "binaryData.a: `data` has the key `a` too",
            ),
            (
                "HostAlias",
                json!({"ip": "A", "hostnames": ["db"]}),
                "ip: invalid IP address `A`: expected an IPv4 or IPv6 address",
            ),
            (
                "HostAlias",
                json!({"ip": "10.0.0.1", "hostnames": ["db"]}),
                "",
            ),
            (
                "PodReadinessGate",
                json!({"conditionType": "example.org/ready"}),
                "",
            ),
        ] {
            assert_eq!(faults(name, &value), expected, "{name} {value}");
        }
        assert!(!faults("PodReadinessGate", &json!({"conditionType": "../a"})).is_empty());
        assert!(!faults("PodAffinityTerm", &json!({"topologyKey": "a-"})).is_empty());
    }
}
