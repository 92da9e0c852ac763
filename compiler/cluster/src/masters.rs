//! Others that write the platform's objects. A GitOps controller would set back what an apply writes, and an
//! apply what the controller writes: two masters are refused. Fields that a tool left once are no master.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::adopt::TOOLS;
use crate::failure::Failure;
use crate::live::Live;
use crate::manager::FieldManager;
use crate::program::Program;

/// What controllers mark their objects with: a part of the metadata, a key, and whose it is.
const MARKS: [(&str, &str, &str); 4] = [
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
    ("labels", "argocd.argoproj.io/instance", "Argo CD"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("labels", "helm.toolkit.fluxcd.io/name", "Flux"),
];

/// The controller that keeps an object, unless its mark is ours by now: then it was adopted.
fn master(manager: &FieldManager, live: &Value) -> Option<&'static str> {
    let own = manager
        .entry(live)
        .map(|entry| &entry["fieldsV1"]["f:metadata"]);
    MARKS.iter().find_map(|(part, key, whose)| {
        let is_marked = !live["metadata"][*part][*key].is_null();
        let is_ours =
            own.is_some_and(|own| !own[format!("f:{part}")][format!("f:{key}")].is_null());
        (is_marked && !is_ours).then_some(*whose)
    })
}

/// Why nothing may be applied: another controller keeps these objects.
pub(crate) fn refusal(program: &Program<'_>, live: &Live) -> Option<Failure> {
    let mut kept: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for (id, object) in live.objects() {
        if let Some(whose) = master(program.manager(), &object) {
            let entry = kept.entry(whose).or_insert_with(|| (0, id.to_string()));
            entry.0 += 1;
        }
    }
    let (whose, (count, first)) = kept.into_iter().next()?;
    let rest = match count {
        1 => String::new(),
        more => format!(" and {} more", more - 1),
    };
    Some(
        Failure::new(format!("{whose} keeps {first}{rest}, and would set back what is applied"))
            .help("let it apply what `erpc build` writes, or take the objects out of it and `erpc adopt` them; --even-if-gitops applies all the same"),
    )
}

/// How many objects each tool has fields of.
pub(crate) fn tools(live: &Live) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for (_, object) in live.objects() {
        let entries = object["metadata"]["managedFields"].as_array();
        let managers: std::collections::BTreeSet<&str> = entries
            .into_iter()
            .flatten()
            .filter(|entry| entry["subresource"].as_str().unwrap_or_default().is_empty())
            .filter_map(|entry| entry["manager"].as_str())
            .filter(|manager| TOOLS.contains(manager))
            .collect();
        for manager in managers {
            *out.entry(manager.to_owned()).or_default() += 1;
        }
    }
    out
}
