//! The organisation's rules, over every element that they are about.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::Platform;
use erpc_model::rules::{Broken, Evaluation, Rule, Side};
use erpc_policy::{Derived, FlowIndex};
use rustc_hash::FxHashMap;

/// Each element that breaks a rule; of the flows that one statement makes, the first.
pub(crate) fn broken(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    if platform.rules.is_empty() {
        return;
    }
    let flows = FlowIndex::new(platform, derived);
    let mut evaluation = Evaluation::new(platform, &flows);
    for rule in &platform.rules {
        match evaluation.rule(rule) {
            Ok(broken) => report(rule, broken, out),
            Err((element, place, stop)) => out.push(
                Diagnostic::new(stop.code, stop.message)
                    .at(stop.span, format!("at `{element}`"))
                    .also(place, "declared here")
                    .also(rule.name.span(), "in this rule"),
            ),
        }
    }
}

fn report(rule: &Rule, broken: Vec<Broken>, out: &mut Diagnostics) {
    let mut places: FxHashMap<_, usize> = FxHashMap::default();
    for one in &broken {
        *places
            .entry((one.element_span, one.service_span, one.require_span))
            .or_default() += 1;
    }
    for one in broken {
        let key = (one.element_span, one.service_span, one.require_span);
        let Some(count) = places.remove(&key) else {
            continue;
        };
        let others = match count - 1 {
            0 => String::new(),
            1 => " and 1 more".to_owned(),
            more => format!(" and {more} more"),
        };
        let label = format!("`{}`{others}", one.element);
        let required = format!("`{}` requires it{}", rule.name.value, shown(&one.sides));
        let mut diagnostic = Diagnostic::new(&codes::RULE_BROKEN, one.message)
            .at(one.element_span, label)
            .also(one.service_span, "in this service")
            .also(one.require_span, required);
        if rule.name.span().file != one.require_span.file {
            diagnostic = diagnostic.also(rule.name.span(), "switched on here");
        }
        out.push(diagnostic);
    }
}

/// `: 8Gi and 4Gi`, where one comparison decides.
fn shown(sides: &[Side]) -> String {
    const MOST: usize = 120;
    match sides {
        [a, b] if a.value != b.value && a.value.len() + b.value.len() < MOST => {
            format!(": {} and {}", a.value, b.value)
        }
        _ => String::new(),
    }
}
