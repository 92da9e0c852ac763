//! Tiers: no dependency points from a lower tier to a higher one, neither among the claims nor in
//! what the policies allow; only what is claimed without being a dependency may.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::claims::{Claims, LabelId};
use crate::classes::{ClassId, Partition};
use crate::manifest::Workload;
use crate::matrix::Matrix;
use crate::ports::{PortSet, Ports};

/// The tiers of a platform.
#[derive(Clone, Debug, Default)]
pub struct TierOrder {
    /// Their names.
    pub names: Vec<SmolStr>,
    /// For each tier those that are below it.
    pub below: Vec<Vec<usize>>,
    /// The tier of each namespace.
    pub of_namespace: FxHashMap<SmolStr, usize>,
    /// The tier of workloads that have another one than their namespace, by namespace and by their name, or that of
    /// their service, which the pods of a Job have in a label.
    pub of_workload: FxHashMap<(SmolStr, SmolStr), usize>,
}

impl TierOrder {
    /// Whether a call between two workloads points upwards.
    #[must_use]
    pub fn is_upwards(&self, from: &Workload, to: &Workload) -> bool {
        match (self.tier(from), self.tier(to)) {
            (Some(from), Some(to)) => self.below[to].contains(&from),
            _ => false,
        }
    }

    fn tier(&self, workload: &Workload) -> Option<usize> {
        let of = |name: &SmolStr| {
            let key = (workload.namespace.clone(), name.clone());
            self.of_workload.get(&key).copied()
        };
        let own = || {
            let mut labels = workload.labels.iter();
            let label = labels.find(|(key, _)| key == "app.kubernetes.io/name");
            of(&workload.name).or_else(|| of(&label?.1))
        };
        let own = (!self.of_workload.is_empty()).then(own).flatten();
        own.or_else(|| self.of_namespace.get(&workload.namespace).copied())
    }
}

/// A call that points upwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upwards {
    /// Who calls.
    pub from: ClassId,
    /// Who is called.
    pub to: ClassId,
    /// On which ports.
    pub ports: Vec<Ports>,
    /// The claim that says so; `None` where only the policies allow it.
    pub label: Option<LabelId>,
}

/// What points upwards.
#[derive(Clone, Debug, Default)]
pub struct Tiers {
    /// How many pairs of workloads may talk.
    pub pairs: usize,
    /// The calls that may not be.
    pub upwards: Vec<Upwards>,
}

impl Tiers {
    /// Whether nothing points upwards.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.upwards.is_empty()
    }

    /// Looks at the claims, of which `binds` says which are dependencies, and at the matrix.
    #[must_use]
    pub fn of(
        partition: &Partition<'_>,
        matrix: &mut Matrix,
        claims: &Claims,
        order: &TierOrder,
        binds: impl Fn(LabelId) -> bool,
    ) -> Self {
        let is_upwards = |from: ClassId, to: ClassId| {
            let both = partition.workload(from).zip(partition.workload(to));
            both.is_some_and(|(from, to)| order.is_upwards(from, to))
        };
        let mut out = Self::default();
        let mut free: FxHashMap<(ClassId, ClassId), PortSet> = FxHashMap::default();
        for claim in claims.as_slice() {
            for from in partition.of_end(claim.from) {
                for to in partition.of_end(claim.to) {
                    if !is_upwards(*from, *to) {
                        continue;
                    }
                    if binds(claim.label) {
                        out.upwards.push(Upwards {
                            from: *from,
                            to: *to,
                            ports: vec![claim.range()],
                            label: Some(claim.label),
                        });
                    } else {
                        let ports = matrix.sets_mut().intern(&[claim.range()]);
                        let known = free.entry((*from, *to)).or_default();
                        *known = matrix.sets_mut().union(*known, ports);
                    }
                }
            }
        }
        for cell in matrix.cells() {
            if partition.workload(cell.from).is_none() || partition.workload(cell.to).is_none() {
                continue;
            }
            out.pairs += 1;
            if !is_upwards(cell.from, cell.to) {
                continue;
            }
            let known = free.get(&(cell.from, cell.to)).copied().unwrap_or_default();
            let left = matrix.sets_mut().difference(cell.ports, known);
            if !left.is_empty() {
                out.upwards.push(Upwards {
                    from: cell.from,
                    to: cell.to,
                    ports: matrix.sets().list(left),
                    label: None,
                });
            }
        }
        out
    }
}
