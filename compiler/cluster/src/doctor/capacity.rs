//! What the nodes have against what the platform asks for, and what makes autoscalers see it.

use erpc_model::Scaling;
use serde_json::Value;

use super::{Check, Verdict, check};
use crate::client::Cluster;
use crate::object::Program;
use crate::quantity;
use crate::request::Call;

/// CPU and memory, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Amount {
    cpu: i128,
    memory: i128,
    pods: i128,
}

impl Amount {
    fn of_resources(resources: &Value) -> Self {
        let amount = |key: &str| {
            let text = resources[key].as_str();
            text.and_then(quantity::parse).unwrap_or(0)
        };
        Self {
            cpu: amount("cpu"),
            memory: amount("memory"),
            pods: amount("pods"),
        }
    }

    fn add(&mut self, other: Self, times: i128) {
        self.cpu += other.cpu * times;
        self.memory += other.memory * times;
        self.pods += other.pods * times;
    }

    fn fits(self, other: Self) -> bool {
        self.cpu <= other.cpu && self.memory <= other.memory && self.pods <= other.pods
    }

    fn text(self) -> String {
        format!(
            "{} CPU, {}",
            quantity::cpu(self.cpu),
            quantity::bytes(self.memory)
        )
    }
}

fn requests(pod: &Value) -> Amount {
    let mut sum = Amount {
        pods: 1000,
        ..Amount::default()
    };
    let containers = pod["containers"].as_array();
    for container in containers.into_iter().flatten() {
        sum.add(Amount::of_resources(&container["resources"]["requests"]), 1);
    }
    let sidecars = pod["initContainers"].as_array();
    for container in sidecars
        .into_iter()
        .flatten()
        .filter(|c| c["restartPolicy"] == "Always")
    {
        sum.add(Amount::of_resources(&container["resources"]["requests"]), 1);
    }
    sum
}

pub(super) async fn capacity(cluster: &Cluster, program: &Program<'_>) -> Check {
    let nodes = match cluster.list("/api/v1/nodes", "").await {
        Ok(nodes) => nodes,
        Err(error) => return check("capacity", Verdict::Unknown, error.to_string()),
    };
    let usable: Vec<Amount> = nodes
        .iter()
        .filter(|node| node["spec"]["unschedulable"] != true)
        .map(|node| Amount::of_resources(&node["status"]["allocatable"]))
        .collect();
    let mut total = Amount::default();
    for node in &usable {
        total.add(*node, 1);
    }
    let largest = usable.iter().map(|node| node.cpu).max().unwrap_or(0);
    let mut others = Amount::default();
    let mut unseen = "";
    match cluster.list("/api/v1/pods", "").await {
        Ok(pods) => {
            for pod in pods.iter().filter(|pod| {
                !crate::inventory::is_labelled(pod, program.name())
                    && !matches!(
                        pod["status"]["phase"].as_str(),
                        Some("Succeeded" | "Failed")
                    )
            }) {
                others.add(requests(&pod["spec"]), 1);
            }
        }
        Err(_) => unseen = "; what others use may not be seen",
    }
    let (mut least, mut most) = (others, others);
    for object in &program.objects {
        let (Some(service), true) = (object.service, object.id.kind.is_workload()) else {
            continue;
        };
        let template = match object.id.kind {
            crate::kind::Kind::CronJob => &object.body["spec"]["jobTemplate"]["spec"]["template"],
            _ => &object.body["spec"]["template"],
        };
        let each = requests(&template["spec"]);
        let bounds = program.platform[service].scaling.bounds();
        least.add(each, i128::from(bounds.min));
        most.add(each, i128::from(bounds.max));
    }
    let without_one = Amount {
        cpu: total.cpu - largest,
        ..total
    };
    let found = format!(
        "{} nodes with {}; the platform and others ask for {} at least and {} at most{unseen}",
        usable.len(),
        total.text(),
        least.text(),
        most.text()
    );
    if !least.fits(total) {
        return check("capacity", Verdict::Bad, found)
            .fix("add nodes, or ask for less in the source");
    }
    if !most.fits(total) {
        return check(
            "capacity",
            Verdict::Warning,
            format!("{found}: not all autoscalers can reach their most"),
        )
        .fix("add nodes, or lower the upper ends of `scale`");
    }
    if usable.len() > 1 && !least.fits(without_one) {
        return check(
            "capacity",
            Verdict::Warning,
            format!("{found}: not with one node gone"),
        )
        .fix("add a node");
    }
    check("capacity", Verdict::Good, found)
}

pub(super) async fn metrics(cluster: &Cluster, program: &Program<'_>) -> Option<Check> {
    let scaled = program
        .platform
        .services()
        .filter(|(_, service)| matches!(service.scaling, Scaling::Auto(_)))
        .count();
    if scaled == 0 {
        return None;
    }
    let path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io";
    let is_there = match cluster.call(Call::get(path)).await {
        Ok(answer) => {
            let conditions = answer.body["status"]["conditions"].as_array().cloned();
            conditions
                .into_iter()
                .flatten()
                .any(|c| c["type"] == "Available" && c["status"] == "True")
        }
        Err(_) => cluster
            .call(Call::get("/apis/metrics.k8s.io/v1beta1"))
            .await
            .is_ok(),
    };
    Some(if is_there {
        check("metrics", Verdict::Good, "the metrics API answers")
    } else {
        check(
            "metrics",
            Verdict::Warning,
            format!("there is no metrics API, and {scaled} services scale by it: they stay at their least"),
        )
        .fix("install metrics-server")
    })
}
