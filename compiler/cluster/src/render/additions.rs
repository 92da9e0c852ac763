//! What others added to declared objects and stays, as a plan shows it.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::additions::Addition;
use crate::adopt::LAST_APPLIED;
use crate::diff::shown;
use crate::paint::{Detail, Paint};
use crate::plan::Plan;
use crate::program::Program;

/// For people.
pub(crate) fn write(
    out: &mut String,
    plan: &Plan,
    program: &Program<'_>,
    paint: Paint,
    detail: Detail,
) {
    let of_kubectl = of_kubectl(plan);
    if of_kubectl > 0 && detail == Detail::Short {
        let (objects, names) = match of_kubectl {
            1 => ("1 object has".to_owned(), "it"),
            many => (format!("{many} objects have"), "them"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "* {objects} the annotation of `kubectl apply`: `erpc adopt` removes it and takes over the fields of kubectl; \
             without it, a field that leaves the source stays in {names}"
        );
    }
    let listed = plan.additions.iter();
    let listed = listed.filter(|(_, addition)| detail == Detail::Full || !is_of_kubectl(addition));
    for (id, addition) in listed {
        let object = program.object(id);
        let place = object.and_then(|object| program.place(object, &addition.path));
        let severity = match addition.severity.is_error() {
            true => paint.with("1;31", &format!("error[{}]", addition.severity.as_str())),
            false => "warning".to_owned(),
        };
        let (by, help) = match addition.owners.as_slice() {
            [] => ("no manager owns it".to_owned(), String::new()),
            owners => {
                let names: Vec<String> = owners.iter().map(ToString::to_string).collect();
                let takes = owners
                    .iter()
                    .map(|owner| format!(" --take-from {}={}", owner.manager, id.argument()));
                let takes: String = takes.collect();
                (
                    format!("added by {}", names.join(" and ")),
                    format!("; `erpc apply{takes}` removes it"),
                )
            }
        };
        let _ = writeln!(
            out,
            "* {id}  {}\n    {severity} {} {}: not in the source, {by}; it stays{help}",
            paint.with("2", place.as_deref().unwrap_or_default()),
            addition.path,
            shown(&addition.value),
        );
    }
}

/// Whether this is what `kubectl apply` keeps of its last input.
fn is_of_kubectl(addition: &Addition) -> bool {
    addition.path.is(&["metadata", "annotations", LAST_APPLIED])
}

/// How many objects have the annotation of `kubectl apply`.
fn of_kubectl(plan: &Plan) -> usize {
    let additions = plan.additions.iter();
    additions.filter(|(_, one)| is_of_kubectl(one)).count()
}

/// For a pull request.
pub(crate) fn markdown(out: &mut String, plan: &Plan) {
    match of_kubectl(plan) {
        0 => {}
        count => {
            let _ = writeln!(
                out,
                "\nobjects with the annotation of `kubectl apply`, which `erpc adopt` takes over: {count}"
            );
        }
    }
    let others = plan.additions.iter();
    for (id, addition) in others.filter(|(_, addition)| !is_of_kubectl(addition)) {
        let _ = writeln!(
            out,
            "\n{id}: `{}` is not in the source and stays ({})",
            addition.path,
            addition.severity.as_str()
        );
    }
}

/// For programs.
pub(crate) fn json(plan: &Plan, program: &Program<'_>) -> Vec<Value> {
    plan.additions
        .iter()
        .map(|(id, addition)| {
            let object = program.object(id);
            json!({
                "kind": id.kind.as_str(),
                "namespace": id.namespace.as_deref(),
                "name": id.name.as_str(),
                "field": addition.path.to_string(),
                "has": addition.value,
                "default": addition.usual,
                "severity": addition.severity.as_str(),
                "managers": addition.owners.iter().map(|owner| &owner.manager).collect::<Vec<_>>(),
                "source": object.and_then(|object| program.place(object, &addition.path)),
            })
        })
        .collect()
}
