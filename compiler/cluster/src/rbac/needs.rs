//! What a plan takes, so that a permission that is missing is named before the first write
//! and one that is not needed is not asked for.

use std::collections::BTreeMap;

use crate::change::{Action, ObjectChange};
use crate::object::ObjectId;
use crate::permissions::Right;
use crate::plan::Plan;
use crate::program::Program;
use crate::state::{STATE_NAMESPACE, name};
use erpc_emit::Stage;

/// Permissions for objects by name, under construction.
#[derive(Default)]
struct Needs {
    names: BTreeMap<(Option<String>, String, String, &'static str), Vec<String>>,
}

impl Needs {
    fn object(&mut self, id: &ObjectId, verbs: &[&'static str]) {
        let place = id.namespace.as_deref();
        self.named(place, id.kind.group(), id.kind.plural(), &id.name, verbs);
    }

    fn named(
        &mut self,
        place: Option<&str>,
        group: &str,
        resource: &str,
        name: &str,
        verbs: &[&'static str],
    ) {
        for verb in verbs {
            let place = place.map(str::to_owned);
            let key = (place, group.to_owned(), resource.to_owned(), *verb);
            self.names.entry(key).or_default().push(name.to_owned());
        }
    }

    /// For all objects, whatever their names.
    fn all(&mut self, place: Option<&str>, group: &str, resource: &str, verbs: &[&'static str]) {
        for verb in verbs {
            let place = place.map(str::to_owned);
            let key = (place, group.to_owned(), resource.to_owned(), *verb);
            self.names.entry(key).or_default();
        }
    }

    /// The lock, and the namespace that it is in.
    fn lock(&mut self, program: &Program<'_>) {
        let (state, group) = (Some(STATE_NAMESPACE), "coordination.k8s.io");
        self.named(None, "", "namespaces", STATE_NAMESPACE, &["get"]);
        self.all(state, group, "leases", &["create"]);
        self.named(
            state,
            group,
            "leases",
            &name(program.name()),
            &["get", "update"],
        );
    }

    fn finish(self) -> Vec<Right> {
        let rights = self.names.into_iter();
        rights
            .map(|((namespace, group, resource, verb), names)| Right {
                namespace,
                group,
                resource,
                names,
                verbs: vec![verb],
            })
            .collect()
    }
}

const fn verbs(action: Action) -> &'static [&'static str] {
    match action {
        Action::Create => &["create", "patch"],
        Action::Update | Action::Adopt => &["patch"],
        Action::Grow => &["get", "patch"],
        Action::Prune | Action::Move => &["delete", "get"],
        Action::Replace => &["create", "delete", "get", "patch"],
        Action::Blocked => &[],
    }
}

/// What the work of a plan takes.
pub(crate) fn of_plan(plan: &Plan, program: &Program<'_>) -> Vec<Right> {
    let mut needs = Needs::default();
    needs.lock(program);
    let state = Some(STATE_NAMESPACE);
    if !plan.live.has_namespace(STATE_NAMESPACE) {
        let verbs = verbs(Action::Create);
        needs.named(None, "", "namespaces", STATE_NAMESPACE, verbs);
    }
    if plan.live.inventory.is_none() {
        needs.all(state, "", "configmaps", &["create"]);
    }
    let inventory = name(program.name());
    needs.named(state, "", "configmaps", &inventory, &["get", "update"]);
    for step in plan.work() {
        needs.object(&step.id, verbs(step.action));
    }
    let rolls_out =
        |step: &ObjectChange| step.id.kind.stage() >= Stage::Workloads && !step.action.deletes();
    if plan.work().any(rolls_out) {
        for (_, namespace) in program.platform.namespaces() {
            for (group, resource) in crate::watch::watched(program) {
                let place = Some(namespace.name.value.as_str());
                needs.all(place, group, resource, &["list", "watch"]);
            }
        }
    }
    needs.finish()
}
