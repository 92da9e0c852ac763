//! Sums of what pods request and may use, at the least and at the greatest scale, against what the
//! nodes of the cluster have.

use erpc_model::units::{Cpu, Memory};
use erpc_model::{Container, Nodes, Platform, Scaling, Service, ServiceId, StorageClass};

use crate::placement::{Packing, pack};

/// What a set of services needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// How many services.
    pub services: u64,
    /// At the least scale.
    pub min: Sum,
    /// At the greatest scale.
    pub max: Sum,
    /// One pod of each service that has one on each node.
    pub per_node: Sum,
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

/// What one pod requests and may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Requested CPU.
    pub cpu: Cpu,
    /// Requested memory.
    pub memory: Memory,
    /// CPU that it may use.
    pub cpu_limit: Cpu,
    /// Memory that it may use.
    pub memory_limit: Memory,
}

/// The number of replicas that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As few as there may be.
    Least,
    /// As many as there may be.
    Greatest,
}

/// The pods of a platform on a number of nodes.
#[derive(Clone, Debug)]
pub struct Fit {
    /// How many nodes.
    pub nodes: u32,
    /// CPU of all of them.
    pub cpu: Cpu,
    /// Memory of all of them that the system does not keep.
    pub memory: Memory,
    /// What all pods need.
    pub need: Sum,
    /// Where they stand.
    pub packing: Packing,
}

impl Scale {
    /// How many replicas a service has.
    #[must_use]
    pub fn replicas(self, service: &Service) -> u64 {
        let bounds = service.scaling.bounds();
        u64::from(match self {
            Self::Least => bounds.min,
            Self::Greatest => bounds.max,
        })
    }
}

impl Pod {
    /// A pod is as large as its containers that run together. Init containers run one after the other
    /// beside the sidecars, which start first, and count only where one of them is larger than what
    /// follows.
    #[must_use]
    pub fn of(service: &Service) -> Self {
        let size = |of: fn(&Container) -> u64| {
            let beside = service.sidecars.iter().map(of).fold(0, u64::saturating_add);
            let before = service.inits.iter().map(of).max().unwrap_or(0);
            beside.saturating_add(before.max(of(&service.main)))
        };
        Self {
            cpu: Cpu(size(|c| c.cpu.as_ref().map_or(0, |cpu| cpu.value.min.0))),
            memory: Memory(size(|c| {
                c.memory.as_ref().map_or(0, |memory| memory.value.min.0)
            })),
            cpu_limit: Cpu(size(|c| c.cpu.as_ref().map_or(0, |cpu| cpu.value.max.0))),
            memory_limit: Memory(size(|c| {
                c.memory.as_ref().map_or(0, |memory| memory.value.max.0)
            })),
        }
    }
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
            need.services += 1;
            need.min.add(service, Scale::Least.replicas(service));
            need.max.add(service, Scale::Greatest.replicas(service));
            if let Scaling::PerNode(_) = service.scaling {
                need.per_node.add(service, 1);
            }
        }
        need
    }

    /// The needs of the whole platform.
    #[must_use]
    pub fn of_all(platform: &Platform) -> Self {
        Self::of(platform, platform.services().map(|(id, _)| id))
    }

    /// The needs at a scale with so many nodes fewer than the cluster declares.
    fn on(&self, fewer: u32, scale: Scale) -> Sum {
        let mut sum = *self.at(scale);
        let less = |sum: &mut u64, each: u64| {
            *sum = sum.saturating_sub(each.saturating_mul(u64::from(fewer)));
        };
        less(&mut sum.pods, self.per_node.pods);
        less(&mut sum.cpu.0, self.per_node.cpu.0);
        less(&mut sum.cpu_limit.0, self.per_node.cpu_limit.0);
        less(&mut sum.memory.0, self.per_node.memory.0);
        less(&mut sum.memory_limit.0, self.per_node.memory_limit.0);
        sum
    }

    /// The needs at a scale.
    #[must_use]
    pub fn at(&self, scale: Scale) -> &Sum {
        match scale {
            Scale::Least => &self.min,
            Scale::Greatest => &self.max,
        }
    }
}

impl Sum {
    fn add(&mut self, service: &Service, pods: u64) {
        let pod = Pod::of(service);
        let add = |sum: &mut u64, each: u64| *sum = sum.saturating_add(each.saturating_mul(pods));
        self.pods = self.pods.saturating_add(pods);
        add(&mut self.cpu.0, pod.cpu.0);
        add(&mut self.cpu_limit.0, pod.cpu_limit.0);
        add(&mut self.memory.0, pod.memory.0);
        add(&mut self.memory_limit.0, pod.memory_limit.0);
        for volume in &service.volumes {
            let claims = if volume.is_single() { 1 } else { pods };
            let size = volume.size.value.0.saturating_mul(claims);
            self.volumes.0 = self.volumes.0.saturating_add(size);
        }
    }
}

/// Memory of a node that pods may have.
#[must_use]
pub fn allocatable(nodes: &Nodes) -> Memory {
    Memory(nodes.memory.0.saturating_sub(nodes.reserved.0))
}

impl Fit {
    /// The pods of a platform at a scale on so many nodes of this size.
    #[must_use]
    pub fn of(platform: &Platform, nodes: &Nodes, count: u32, need: &Need, scale: Scale) -> Self {
        let all = |each: u64| each.saturating_mul(u64::from(count));
        let mut fit = Self {
            nodes: count,
            cpu: Cpu(all(nodes.cpu.0)),
            memory: Memory(all(allocatable(nodes).0)),
            need: need.on(nodes.count.saturating_sub(count), scale),
            packing: Packing::default(),
        };
        // What does not fit in sum fits in no way.
        if !fit.is_short() {
            fit.packing = pack(platform, nodes, count, scale);
        }
        fit
    }

    /// Whether the nodes have less than all pods request together.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.need.cpu > self.cpu || self.need.memory > self.memory
    }

    /// Whether every pod has a node.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        !self.is_short() && self.packing.without_place.is_empty()
    }
}

/// Claims on one storage class; those that name none have the default one, if there is one.
#[derive(Clone, Debug)]
pub struct Claims<'p> {
    /// Its name; `None` for claims that no class of the cluster serves.
    pub class: Option<&'p str>,
    /// The class, where the cluster declares it.
    pub declared: Option<&'p StorageClass>,
    /// At the least scale.
    pub min: Memory,
    /// At the greatest scale.
    pub max: Memory,
    /// The volumes that make them, by service and place there, with what each claims at the greatest
    /// scale; the largest first.
    pub volumes: Vec<(ServiceId, usize, Memory)>,
}

/// Claims by storage class: those that the cluster declares in its order, then others.
#[must_use]
pub fn claims(platform: &Platform) -> Vec<Claims<'_>> {
    let storage = &platform.cluster().storage;
    let mut all: Vec<Claims<'_>> = storage
        .iter()
        .map(|class| Claims::new(Some(class.name.value.as_str()), Some(class)))
        .collect();
    let default = storage.iter().find(|class| class.is_default);
    let default = default.map(|class| class.name.value.as_str());
    for (id, service) in platform.services() {
        for (index, volume) in service.volumes.iter().enumerate() {
            let class = volume.class.as_ref().map(|class| class.value.as_str());
            let class = class.or(default);
            let at = all.iter().position(|claims| claims.class == class);
            let at = at.unwrap_or_else(|| {
                all.push(Claims::new(class, None));
                all.len() - 1
            });
            let each = volume.size.value.0;
            let times = |scale: Scale| {
                let replicas = scale.replicas(service);
                let claims = if volume.is_single() { 1 } else { replicas };
                each.saturating_mul(claims)
            };
            let claims = &mut all[at];
            claims.min.0 = claims.min.0.saturating_add(times(Scale::Least));
            claims.max.0 = claims.max.0.saturating_add(times(Scale::Greatest));
            let most = Memory(times(Scale::Greatest));
            claims.volumes.push((id, index, most));
        }
    }
    for claims in &mut all {
        claims
            .volumes
            .sort_by_key(|(id, index, size)| (std::cmp::Reverse(*size), *id, *index));
    }
    all
}

impl<'p> Claims<'p> {
    fn new(class: Option<&'p str>, declared: Option<&'p StorageClass>) -> Self {
        Self {
            class,
            declared,
            min: Memory(0),
            max: Memory(0),
            volumes: Vec::new(),
        }
    }
}
