//! What a rollout waits for: a workload, and how long it may take.

use std::time::Duration;

use erpc_emit::Kind;
use erpc_model::{Probes, ServiceId};
use smol_str::SmolStr;

use crate::object::ObjectId;
use crate::program::Program;
use crate::watch::Watched;
use crate::workload;

/// What is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The workload.
    pub id: ObjectId,
    /// The name of its main container.
    pub container: SmolStr,
    /// The generation that our write gave it; older news are of before.
    pub generation: i64,
    /// The uid of what was written; empty if nothing of it was.
    pub uid: String,
    /// The Service whose endpoints its clients need, if it has ports.
    pub service: Option<String>,
    /// How long it may take to start, by its own probes.
    pub startup: Duration,
}

/// A pull, and a little more, beside what a service says of its own start.
const PULL: Duration = Duration::from_secs(150);

const LEAST_PATIENCE: Duration = Duration::from_secs(300);

impl Target {
    /// What is waited for of a service.
    pub(crate) fn of(program: &Program<'_>, service: ServiceId, generation: i64) -> Self {
        let model = &program.platform[service];
        let kind = Kind::of_workload(&model.workload);
        // A service has its workload; without one, this is the name that it would have.
        let name = program.workload(service).map(|object| &object.id.name);
        Self {
            id: ObjectId {
                namespace: Some(program.platform[model.namespace].name.value.clone()),
                kind,
                name: name.unwrap_or(&model.workload_name().value).clone(),
            },
            container: model.main.name.value.clone(),
            generation,
            uid: String::new(),
            service: (!model.ports.is_empty() && !model.is_job())
                .then(|| model.service_name(None))
                .flatten()
                .map(String::from),
            startup: startup(&model.main.probes),
        }
    }

    /// How long it is waited for.
    #[must_use]
    pub(crate) fn patience(&self) -> Duration {
        (self.startup + PULL).max(LEAST_PATIENCE)
    }

    pub(crate) fn watched(&self) -> Option<Watched> {
        workload::of_kind(self.id.kind)?.watched
    }
}

/// How long the probes give a container to start.
fn startup(probes: &Probes) -> Duration {
    let of = |probe: &Option<erpc_model::Sourced<erpc_model::Probe>>| {
        probe.as_ref().map_or(0, |probe| {
            let probe = &probe.value;
            probe.after.value.0 + probe.every.value.0 * u64::from(probe.fails.value)
        })
    };
    Duration::from_millis(of(&probes.startup) + of(&probes.ready))
}

/// The workload of a service.
pub(crate) fn workload_of(program: &Program<'_>, id: ServiceId) -> ObjectId {
    Target::of(program, id, 0).id
}
