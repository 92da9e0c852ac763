//! What blocks a part of a plan, and what else is left out because of it. One conflict holds up the
//! service that it is in and the services that require its change, not the platform.

use std::collections::{BTreeMap, BTreeSet};

use erpc_model::{Mode, Peer, ServiceId};

use super::Plan;
use crate::change::{Action, ObjectChange};
use crate::claims::Claims;
use crate::object::ObjectId;
use crate::program::Program;
use erpc_emit::Kind;

/// An object that the run leaves as it is, because another one is blocked.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Which.
    pub id: ObjectId,
    /// What is blocked.
    pub because: ObjectId,
    /// What would be done; `None` in a namespace that is being deleted, where the server judges nothing.
    pub step: Option<ObjectChange>,
}

const LEFT_OUT: &str = "left out with it: ";

/// What is left out, and the blocked object that is the cause.
#[derive(Default)]
struct Held {
    services: BTreeMap<ServiceId, ObjectId>,
    namespaces: BTreeMap<String, ObjectId>,
    /// A claim that grows is part of the service of its `StatefulSet`.
    claims: Claims,
}

impl Held {
    fn cause(&self, program: &Program<'_>, step: &ObjectChange) -> Option<&ObjectId> {
        let id = &step.id;
        let moved = step.moved.as_ref().and_then(|moved| moved.service);
        let service = program.object(id).and_then(|object| object.service);
        let grown = || {
            let namespace = id.namespace.as_deref().unwrap_or_default();
            let template = self.claims.template_of(namespace, &id.name)?;
            program.object(&template.set)?.service
        };
        let service = match step.action {
            Action::Grow => service.or_else(grown),
            _ => service,
        };
        let of_service = service.or(moved).and_then(|id| self.services.get(&id));
        let of_namespace = || self.namespaces.get(namespace_of(id)?);
        of_service.or_else(of_namespace)
    }
}

fn namespace_of(id: &ObjectId) -> Option<&str> {
    match id.kind {
        Kind::Namespace => Some(&id.name),
        _ => id.namespace.as_deref(),
    }
}

impl Plan {
    /// Takes out of the steps what cannot be done without a blocked one. `unjudged` are objects in
    /// namespaces that are being deleted.
    pub(super) fn leave_out(&mut self, program: &Program<'_>, unjudged: Vec<ObjectId>) {
        let held = self.held(program, &unjudged);
        let changing = self.changing(program);
        let (blocked, steps): (Vec<ObjectChange>, Vec<ObjectChange>) =
            std::mem::take(&mut self.steps)
                .into_iter()
                .partition(|step| step.action == Action::Blocked);
        self.steps = blocked;
        for step in steps {
            match held.cause(program, &step) {
                Some(because) => self.left_out.push(LeftOut {
                    id: step.id.clone(),
                    because: because.clone(),
                    step: Some(step),
                }),
                None => self.steps.push(step),
            }
        }
        for id in unjudged {
            let because = namespace_of(&id).and_then(|name| held.namespaces.get(name));
            self.left_out.extend(because.map(|because| LeftOut {
                because: because.clone(),
                id: id.clone(),
                step: None,
            }));
        }
        self.left_out.sort_by(|a, b| a.id.cmp(&b.id));
        let is_changing = |(id, cause): &(ServiceId, ObjectId)| {
            cause.kind == Kind::Namespace || changing.contains(id)
        };
        let services = held.services.into_iter();
        self.held = services.filter(is_changing).map(|(id, _)| id).collect();
        self.say_left_out(program);
    }

    /// What the blocked steps hold up. A blocked object that belongs to no service and no namespace
    /// holds up everything.
    fn held(&mut self, program: &Program<'_>, unjudged: &[ObjectId]) -> Held {
        let mut held = Held {
            claims: match self.steps.iter().any(|step| step.action == Action::Grow) {
                true => Claims::of(program),
                false => Claims::default(),
            },
            ..Held::default()
        };
        let mut blocks_all = false;
        for step in &mut self.steps {
            if step.action != Action::Blocked {
                continue;
            }
            let id = &step.id;
            let declared = program.object(id);
            let moved = step.moved.as_ref().and_then(|moved| moved.service);
            let service = declared.and_then(|object| object.service).or(moved);
            // The policies of its callers follow the new name: nothing may change before the move can.
            if step.moved.is_some() {
                step.blocks_all = true;
            } else if let Some(service) = service {
                held.services.entry(service).or_insert_with(|| id.clone());
            } else if let Some(namespace) = namespace_of(id) {
                if declared.is_some() || id.kind == Kind::Namespace {
                    held.namespaces.insert(namespace.to_owned(), id.clone());
                }
            } else {
                step.blocks_all = true;
            }
            blocks_all |= step.blocks_all;
        }
        if blocks_all {
            return Held::default();
        }
        for id in unjudged {
            let cause = namespace_of(id).and_then(|name| held.namespaces.get(name));
            let service = program.object(id).and_then(|object| object.service);
            if let (Some(service), Some(cause)) = (service, cause) {
                held.services
                    .entry(service)
                    .or_insert_with(|| cause.clone());
            }
        }
        for (id, service) in program.platform.services() {
            let namespace = &program.platform[service.namespace].name.value;
            if let Some(cause) = held.namespaces.get(namespace.as_str()) {
                held.services.entry(id).or_insert_with(|| cause.clone());
            }
        }
        self.hold_dependents(program, &mut held);
        held
    }

    /// A service that requires another one's change is held up with it; one that changes nothing
    /// itself holds up no other.
    fn hold_dependents(&self, program: &Program<'_>, held: &mut Held) {
        let changing = self.changing(program);
        let dependents = dependents(program);
        let starts = held.services.iter();
        let mut stack: Vec<(ServiceId, ObjectId)> = starts
            .filter(|(id, cause)| changing.contains(id) || cause.kind == Kind::Namespace)
            .map(|(id, cause)| (*id, cause.clone()))
            .collect();
        while let Some((service, cause)) = stack.pop() {
            for dependent in dependents.get(&service).into_iter().flatten() {
                if changing.contains(dependent) && !held.services.contains_key(dependent) {
                    held.services.insert(*dependent, cause.clone());
                    stack.push((*dependent, cause.clone()));
                }
            }
        }
    }

    /// The services whose pods would change.
    fn changing(&self, program: &Program<'_>) -> BTreeSet<ServiceId> {
        let changes_pods = |step: &&ObjectChange| {
            let is_workload = step.id.kind.is_workload();
            match step.action {
                Action::Create | Action::Replace => is_workload,
                Action::Update => {
                    is_workload
                        && step
                            .changes
                            .iter()
                            .any(|c| c.path.starts_with(&["spec", "template"]))
                }
                Action::Blocked => is_workload && step.changes_pods || step.moved.is_some(),
                Action::Adopt | Action::Grow | Action::Prune | Action::Move => false,
            }
        };
        let steps = self.steps.iter().filter(changes_pods);
        steps
            .filter_map(|step| {
                let declared = program.object(&step.id).and_then(|object| object.service);
                declared.or_else(|| step.moved.as_ref()?.service)
            })
            .collect()
    }

    /// Each blocked step names what is left out with it.
    fn say_left_out(&mut self, program: &Program<'_>) {
        let mut names: BTreeMap<&ObjectId, BTreeSet<String>> = BTreeMap::new();
        for left in &self.left_out {
            let service = program.object(&left.id).and_then(|object| object.service);
            let name = service.map_or_else(|| left.id.to_string(), |id| program.platform.path(id));
            names.entry(&left.because).or_default().insert(name);
        }
        for step in self
            .steps
            .iter_mut()
            .filter(|s| s.action == Action::Blocked)
        {
            // A step that an earlier plan judged says it already.
            step.consequences.retain(|said| !said.starts_with(LEFT_OUT));
            if let Some(names) = names.get(&step.id) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                step.consequences
                    .push(format!("{LEFT_OUT}{}", names.join(", ")));
            }
        }
    }

    /// What is not done of a plan that is blocked in part.
    #[must_use]
    pub fn blocked_part(&self) -> Option<crate::failure::Failure> {
        let blocked: Vec<String> = self
            .steps
            .iter()
            .filter(|step| step.action == Action::Blocked)
            .map(|step| step.id.to_string())
            .collect();
        if blocked.is_empty() {
            return None;
        }
        let with_it = match self.left_out.len() {
            0 => String::new(),
            1 => "; 1 object that needs it was left out".to_owned(),
            more => format!("; {more} objects that need it were left out"),
        };
        Some(
            crate::failure::Failure::new(format!("blocked: {}{with_it}", blocked.join(", ")))
                .help("`erpc plan` says with `!` what must be decided or fixed first"),
        )
    }
}

/// For each service those that require it or start after it.
fn dependents(program: &Program<'_>) -> BTreeMap<ServiceId, BTreeSet<ServiceId>> {
    let mut dependents: BTreeMap<ServiceId, BTreeSet<ServiceId>> = BTreeMap::new();
    for edge in program.derived.edges.as_slice() {
        if let (Peer::Service(from), Peer::Service(to), Mode::Requires) =
            (edge.from, edge.to, edge.mode)
        {
            dependents.entry(to).or_default().insert(from);
        }
    }
    for (id, service) in program.platform.services() {
        for after in &service.after {
            dependents.entry(after.value).or_default().insert(id);
        }
    }
    dependents
}
