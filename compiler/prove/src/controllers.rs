//! The labels that controllers set on the pods they make
//! (<https://kubernetes.io/docs/reference/labels-annotations-taints/>): no manifest of a workload has
//! them, and policies can select by them. Where a policy does, the pods of a workload are told apart
//! as far as it can tell them apart.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use crate::manifest::{Manifests, Policy, PolicyPeer, Workload, has_generated_name};
use crate::selector::{Labels, Operator, Selector};

const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";
const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";
const JOB_NAMES: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];
const JOB_UIDS: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];
const TEMPLATE_HASH: &str = "pod-template-hash";
const REVISION_HASH: &str = "controller-revision-hash";
const GENERATION: &str = "pod-template-generation";

/// The value of a label that Kubernetes generates. No label can have it, so that no selector names it.
const GENERATED: SmolStr = SmolStr::new_static("(generated)");
/// How many pods of all workloads are told apart by their numbers.
pub(crate) const MAX_PODS: usize = 10_000;

/// Whether a controller sets the label of this key.
pub(crate) fn is_set_by_controller(key: &str) -> bool {
    matches!(
        key,
        POD_NAME | POD_INDEX | COMPLETION_INDEX | TEMPLATE_HASH | REVISION_HASH | GENERATION
    ) || JOB_NAMES.contains(&key)
        || JOB_UIDS.contains(&key)
}

/// Whether Kubernetes generates the value of this label, so that it is in no manifest.
pub(crate) fn is_generated(key: &str) -> bool {
    matches!(key, TEMPLATE_HASH | REVISION_HASH | GENERATION) || JOB_UIDS.contains(&key)
}

/// Some of the pods of a workload: those that policies treat alike.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) labels: Labels,
    /// What messages add to the name of the workload.
    pub(crate) suffix: String,
}

/// What selectors ask of labels that controllers set.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    is_empty: bool,
    /// The numbers of pods by the name of their StatefulSet.
    names: FxHashMap<SmolStr, BTreeSet<u32>>,
    indexes: BTreeSet<u32>,
    /// Whether these would be more pods than [`MAX_PODS`], so that none are told apart.
    pub(crate) is_too_much: bool,
}

impl Asked {
    pub(crate) fn of(manifests: &Manifests) -> Self {
        let mut asked = Self {
            is_empty: true,
            ..Self::default()
        };
        for selector in selectors(manifests) {
            for one in selector.requirements() {
                if !is_set_by_controller(&one.key) {
                    continue;
                }
                asked.is_empty = false;
                let values = match &one.operator {
                    Operator::In(values) | Operator::NotIn(values) => values.as_slice(),
                    Operator::Exists | Operator::DoesNotExist => &[],
                };
                if one.key == POD_NAME {
                    let split = |value: &SmolStr| {
                        let (name, of_pod) = value.rsplit_once('-')?;
                        Some((SmolStr::new(name), number(of_pod)?))
                    };
                    for (name, number) in values.iter().filter_map(split) {
                        asked.names.entry(name).or_default().insert(number);
                    }
                } else if one.key == POD_INDEX || one.key == COMPLETION_INDEX {
                    asked
                        .indexes
                        .extend(values.iter().filter_map(|value| number(value)));
                }
            }
        }
        asked.limit(manifests);
        asked
    }

    fn limit(&mut self, manifests: &Manifests) {
        let with_numbers = manifests.workloads.iter().filter_map(|workload| {
            let ordinals = workload
                .ordinals
                .filter(|_| workload.has_controller_labels)?;
            let of_it = self.numbers(workload);
            Some(
                of_it
                    .into_iter()
                    .filter(|number| ordinals.contains(*number))
                    .count(),
            )
        });
        if with_numbers.sum::<usize>() > MAX_PODS {
            self.names.clear();
            self.indexes.clear();
            self.is_too_much = true;
        }
    }

    /// The groups of a workload's pods; none where nothing asks for such labels.
    pub(crate) fn groups(&self, workload: &Workload) -> Vec<Group> {
        if self.is_empty || !workload.has_controller_labels {
            return Vec::new();
        }
        let mut fixed: Vec<(SmolStr, SmolStr)> = Vec::new();
        let mut add = |key: &'static str, value: SmolStr| {
            fixed.push((SmolStr::new_static(key), value));
        };
        match workload.kind.as_str() {
            "Deployment" => add(TEMPLATE_HASH, GENERATED),
            "DaemonSet" => {
                add(REVISION_HASH, GENERATED);
                add(GENERATION, GENERATED);
            }
            "StatefulSet" => add(REVISION_HASH, GENERATED),
            "Job" | "CronJob" => {
                for key in JOB_UIDS {
                    add(key, GENERATED);
                }
                for key in JOB_NAMES {
                    // A CronJob names each of its Jobs after the minute of its run.
                    let is_named = workload.kind == "Job" && !has_generated_name(&workload.name);
                    add(
                        key,
                        if is_named {
                            workload.name.clone()
                        } else {
                            GENERATED
                        },
                    );
                }
            }
            _ => return Vec::new(),
        }
        let group = |more: &[(SmolStr, SmolStr)], suffix: String| Group {
            labels: merged(&workload.labels, &fixed, more),
            suffix,
        };
        let Some(ordinals) = workload.ordinals else {
            return vec![group(&[], String::new())];
        };
        let is_pod = |number: &u32| ordinals.contains(*number);
        let numbers = self.numbers(workload);
        let mut numbers: Vec<u32> = numbers.into_iter().filter(is_pod).collect();
        let are_named = numbers.len();
        // One pod stands for all that nothing names.
        let rest = (ordinals.first..=u32::MAX)
            .take_while(is_pod)
            .find(|number| numbers.binary_search(number).is_err());
        numbers.extend(rest);
        let groups = numbers.iter().enumerate().map(|(at, number)| {
            let is_set = workload.kind == "StatefulSet";
            let of_pod: Vec<(SmolStr, SmolStr)> = if is_set {
                vec![
                    (
                        POD_NAME.into(),
                        format_smolstr!("{}-{number}", workload.name),
                    ),
                    (POD_INDEX.into(), format_smolstr!("{number}")),
                ]
            } else {
                vec![(COMPLETION_INDEX.into(), format_smolstr!("{number}"))]
            };
            let suffix = match (are_named, at < are_named) {
                (0, _) => String::new(),
                (_, true) if is_set => format!(" (pod {}-{number})", workload.name),
                (_, true) => format!(" (index {number})"),
                (_, false) => " (other pods)".to_owned(),
            };
            group(&of_pod, suffix)
        });
        groups.collect()
    }

    /// The numbers of a workload's pods that some selector names.
    fn numbers(&self, workload: &Workload) -> BTreeSet<u32> {
        let mut numbers = self.indexes.clone();
        if workload.kind == "StatefulSet" {
            numbers.extend(self.names.get(&workload.name).into_iter().flatten());
        }
        numbers
    }
}

/// A number as Kubernetes writes it into a label.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Labels with more of them, the later of which override.
fn merged(labels: &Labels, fixed: &[(SmolStr, SmolStr)], more: &[(SmolStr, SmolStr)]) -> Labels {
    let mut all: Labels = fixed.iter().chain(more).cloned().collect();
    let own = labels
        .iter()
        .filter(|(key, _)| all.iter().all(|(other, _)| other != key));
    let own: Vec<_> = own.cloned().collect();
    all.extend(own);
    all.sort_unstable();
    all
}

/// Every selector of pods that a policy has.
pub(crate) fn selectors_of(policy: &Policy) -> impl Iterator<Item = &Selector> {
    let rules = policy.ingress.iter().chain(&policy.egress).flatten();
    let peers = rules.flat_map(|rule| rule.peers.iter().flatten());
    let of_peers = peers.filter_map(|peer| match peer {
        PolicyPeer::Pods { pods, .. } => pods.as_ref(),
        PolicyPeer::Block { .. } => None,
    });
    std::iter::once(&policy.selector).chain(of_peers)
}

/// Every selector of pods.
fn selectors(manifests: &Manifests) -> impl Iterator<Item = &Selector> {
    let of_services = manifests.services.iter();
    let of_services = of_services.filter_map(|service| service.selector.as_ref());
    let of_policies = manifests.policies.iter().flat_map(selectors_of);
    of_policies.chain(of_services)
}
