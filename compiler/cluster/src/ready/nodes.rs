//! Pods and their nodes: none takes the pod, its claims are not bound, or the node that has it is lost
//! or threw it out.

use std::time::Duration;

use serde_json::Value;

use super::look::{Look, condition, text};
use super::state::Stall;
use crate::object::name;
use crate::path::FieldPath;
use erpc_emit::Kind;

const UNSCHEDULABLE: Duration = Duration::from_secs(15);
const UNPROVISIONED: Duration = Duration::from_secs(60);
pub(super) const EVICTED: Duration = Duration::from_secs(40);
/// A node that only restarts its kubelet is back by then.
const NODE_LOST: Duration = Duration::from_secs(40);
/// So long a pod may take before its node is looked at.
const NODE_ASKED: Duration = Duration::from_secs(4);

impl Look<'_> {
    /// The node of a pod, where it is not ready: `node-2 is not ready: …`.
    pub(super) fn lost_node(&self, pod: &Value) -> Option<String> {
        let node_name = text(&pod["spec"]["nodeName"]);
        // Asked for in vain, this is not answered before the pod has been seen for a while.
        let (since, _) = self
            .symptoms
            .known(&self.key(&format!("{} node", name(pod))))?;
        if node_name.is_empty() || since < NODE_ASKED {
            return None;
        }
        let node = self.observed.node(node_name)?;
        let ready = condition(&node, "Ready")?;
        if ready["status"] == "True" {
            return None;
        }
        let message = text(&ready["message"]).trim_end_matches('.');
        let reason = text(&ready["reason"]);
        Some(match message.is_empty() {
            true => format!("node {node_name} is not ready ({reason})"),
            false => format!("node {node_name} is not ready: {message} ({reason})"),
        })
    }

    /// The node that has the pod does not answer: nothing on it starts, and a pod that a
    /// StatefulSet would replace stays until the node is declared gone.
    pub(super) fn lost_node_stall(&mut self, pod: &Value) -> Option<Stall> {
        let pod_name = name(pod).to_owned();
        self.seen(&format!("{pod_name} node"), "");
        let lost = self.lost_node(pod)?;
        let (since, lost) = self.seen(&format!("{pod_name} lost node"), &lost);
        if since < NODE_LOST {
            return None;
        }
        let node = text(&pod["spec"]["nodeName"]);
        let see = format!("see `kubectl describe node {node}` and bring it back");
        let help = match self.target.id.kind {
            Kind::StatefulSet => format!(
                "{see}; if it is gone for good, `kubectl delete node {node}`: until then no other pod takes the place of this one"
            ),
            _ => format!(
                "{see}; another node gets the pod after some minutes, or at once with `kubectl -n {} delete pod {pod_name}`",
                self.namespace
            ),
        };
        let mut stall = Stall::new(
            "NodeNotReady",
            format!("pod {pod_name} is lost with its node: {lost}"),
            help,
        );
        stall.pod = Some(pod_name);
        Some(stall)
    }

    /// No node takes the pod, or the one that had it threw it out.
    pub(super) fn node_stall(&mut self, pod: &Value) -> Option<Stall> {
        let pod_name = name(pod).to_owned();
        if text(&pod["status"]["reason"]) == "Evicted" {
            let (since, _) = self.seen(&format!("{pod_name} evicted"), "");
            return (since > EVICTED).then(|| {
                Stall::new(
                    "Evicted",
                    format!(
                        "pod {pod_name} was evicted: {}",
                        text(&pod["status"]["message"])
                    ),
                    "the node is short of memory or disk: see `kubectl describe node`",
                )
            });
        }
        let scheduled = condition(pod, "PodScheduled")?;
        if scheduled["status"] == "True" || scheduled["reason"] != "Unschedulable" {
            return None;
        }
        let message = text(&scheduled["message"]).to_owned();
        let is_about_claim =
            message.contains("PersistentVolumeClaim") || message.contains("persistentvolumeclaim");
        if is_about_claim && let Some(stall) = self.claim_stall(pod) {
            return Some(stall);
        }
        let (since, _) = self.seen(&format!("{pod_name} unschedulable"), "");
        if is_about_claim && since < UNPROVISIONED {
            return None;
        }
        let is_scaling_up = self
            .observed
            .warnings(self.namespace)
            .iter()
            .any(|event| event["reason"] == "TriggeredScaleUp");
        (since >= UNSCHEDULABLE && !is_scaling_up).then(|| {
            let mut stall = Stall::new(
                if is_about_claim { "VolumeNotBound" } else { "Unschedulable" },
                format!("no node takes pod {pod_name}: {message}"),
                "ask for less in the source, or give the cluster a node that has it; `erpc doctor` shows what is free",
            );
            stall.field = Some(FieldPath::from_names(&["spec", "template", "spec", "containers"]));
            stall
        })
    }

    /// Why the claims of a pod are not bound.
    fn claim_stall(&mut self, pod: &Value) -> Option<Stall> {
        let volumes = pod["spec"]["volumes"].as_array();
        let claims: Vec<String> = volumes
            .into_iter()
            .flatten()
            .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
            .map(str::to_owned)
            .collect();
        for claim in claims {
            let events = self.warnings_of(&claim);
            let Some(event) = events
                .iter()
                .rev()
                .find(|e| e["reason"] == "ProvisioningFailed")
            else {
                continue;
            };
            let mut stall = Stall::new(
                "ProvisioningFailed",
                format!("claim {claim} gets no volume: {}", text(&event["message"])),
                "name a storage class that the cluster has: `kubectl get storageclass`",
            );
            stall.field = Some(FieldPath::from_names(&["spec", "volumeClaimTemplates"]));
            return Some(stall);
        }
        let (since, _) = self.seen(&format!("{} claims", name(pod)), "");
        (since > UNPROVISIONED).then(|| {
            let mut stall = Stall::new(
                "NothingProvisions",
                format!(
                    "the claims of pod {} are not bound for {} s",
                    name(pod),
                    since.as_secs()
                ),
                "see that the provisioner of the storage class runs",
            );
            stall.field = Some(FieldPath::from_names(&["spec", "volumeClaimTemplates"]));
            stall
        })
    }
}
