//! Sums of what pods request and may use, at the least and at the greatest scale.

use erpc_model::units::{Cpu, Memory};
use erpc_model::{Platform, Service, ServiceId};

/// What a set of services needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// How many services.
    pub services: u64,
    /// At the least scale.
    pub min: Sum,
    /// At the greatest scale.
    pub max: Sum,
}

/// What pods need together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many pods.
    pub pods: u64,
    /// Requested CPU.
    pub cpu: Cpu,
    /// Requested memory.
    pub memory: Memory,
    /// CPU that may be used.
    pub cpu_limit: Cpu,
    /// Memory that may be used.
    pub memory_limit: Memory,
    /// Claims.
    pub volumes: Memory,
}

impl Need {
    /// The needs of these services together. Jobs run to their end and are left out.
    #[must_use]
    pub fn of(platform: &Platform, services: impl IntoIterator<Item = ServiceId>) -> Self {
        let mut need = Self::default();
        for id in services {
            let service = &platform[id];
            if service.is_job() {
                continue;
            }
            let replicas = service.scaling.bounds();
            need.services += 1;
            need.min.add(service, u64::from(replicas.min));
            need.max.add(service, u64::from(replicas.max));
        }
        need
    }
}

impl Sum {
    /// A pod is as large as its containers that run together; a single init container runs before
    /// them and counts only where it is larger.
    fn add(&mut self, service: &Service, pods: u64) {
        let together = || {
            service
                .sidecars
                .iter()
                .chain(std::iter::once(&service.main))
        };
        let pod = |of: fn(&erpc_model::Container) -> u64| {
            let running = together().map(of).fold(0, u64::saturating_add);
            let before = service.inits.iter().map(of).max().unwrap_or(0);
            running.max(before)
        };
        let add = |sum: &mut u64, each: u64| *sum = sum.saturating_add(each.saturating_mul(pods));
        self.pods = self.pods.saturating_add(pods);
        add(&mut self.cpu.0, pod(|c| c.cpu.value.min.0));
        add(&mut self.cpu_limit.0, pod(|c| c.cpu.value.max.0));
        add(&mut self.memory.0, pod(|c| c.memory.value.min.0));
        add(&mut self.memory_limit.0, pod(|c| c.memory.value.max.0));
        for volume in &service.volumes {
            let claims = if volume.shared { 1 } else { pods };
            let size = volume.size.value.0.saturating_mul(claims);
            self.volumes.0 = self.volumes.0.saturating_add(size);
        }
    }
}
