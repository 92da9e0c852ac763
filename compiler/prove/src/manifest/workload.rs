//! Workloads and Services, as far as the network is concerned: the labels of the pods, the names
//! of their ports, whether they have a network of their own.

use super::reader::Reader;
use super::{NamedPort, Ordinals, Service, ServicePort, TargetPort, Workload};
use crate::ports::Protocol;
use crate::selector::Selector;
use erpc_yaml::{Node, Path};

impl Reader<'_> {
    pub(super) fn workload(&mut self, kind: &str, node: &Node, path: Path<'_>) {
        let Some(metadata) = self.metadata(node, path) else {
            return;
        };
        let spec_path = path.key("spec");
        let Some(spec) = node.get("spec") else {
            self.problem(spec_path, format!("this {kind} has no spec"));
            return;
        };
        let mut workload = Workload {
            place: self.place,
            kind: kind.into(),
            namespace: metadata.namespace,
            name: metadata.name,
            labels: Vec::new(),
            selector: None,
            ports: Vec::new(),
            listens: Vec::new(),
            is_on_host: false,
            ordinals: None,
            has_controller_labels: spec.get("manualSelector") != Some(&Node::Bool(true)),
            owner: metadata.owner,
            is_scaled_to_zero: matches!(spec.get("replicas"), Some(Node::Int(0))),
        };
        workload.ordinals = match kind {
            "StatefulSet" => Some(Ordinals {
                first: ordinal(spec.get("ordinals").and_then(|one| one.get("start"))).unwrap_or(0),
                count: ordinal(spec.get("replicas")),
            }),
            "Job" => completions(spec),
            "CronJob" => spec
                .get("jobTemplate")
                .and_then(|job| job.get("spec"))
                .and_then(completions),
            _ => None,
        };
        if kind == "Pod" {
            workload.labels = metadata.labels;
            self.pod_spec(spec, spec_path, &mut workload);
        } else if kind == "CronJob" {
            let path = spec_path.key("jobTemplate");
            let job = spec.get("jobTemplate").and_then(|node| node.get("spec"));
            match job {
                Some(job) => self.template(job, path.key("spec"), &mut workload),
                None => self.problem(path, "this CronJob has no jobTemplate with a spec"),
            }
        } else {
            if let Some(selector) = spec.get("selector") {
                let path = spec_path.key("selector");
                workload.selector = if kind == "ReplicationController" {
                    self.equalities(spec, spec_path)
                } else {
                    self.selector(selector, path)
                };
            }
            self.template(spec, spec_path, &mut workload);
        }
        self.out.workloads.push(workload);
    }

    fn template(&mut self, spec: &Node, path: Path<'_>, workload: &mut Workload) {
        let path = path.key("template");
        let Some(template) = spec.get("template") else {
            self.problem(path, "this workload has no pod template");
            return;
        };
        if let Some(metadata) = template.get("metadata") {
            let labels = self.labels(metadata, path.key("metadata"));
            workload.labels = labels.unwrap_or_default();
        }
        if let Some(spec) = template.get("spec") {
            self.pod_spec(spec, path.key("spec"), workload);
        }
    }

    fn pod_spec(&mut self, spec: &Node, path: Path<'_>, workload: &mut Workload) {
        match spec.get("hostNetwork") {
            None => {}
            Some(Node::Bool(is_on_host)) => workload.is_on_host = *is_on_host,
            Some(other) => self.problem(
                path.key("hostNetwork"),
                format!("expected true or false, found {}", other.what()),
            ),
        }
        for (index, container) in self
            .list(spec, "containers", path)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let path = path.key("containers");
            self.container_ports(container, path.index(index), workload);
        }
        // An init container that is restarted runs beside the others: a sidecar.
        for (index, container) in self
            .list(spec, "initContainers", path)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let is_sidecar = container.get("restartPolicy").and_then(Node::as_text)
                == Some(&smol_str::SmolStr::new_static("Always"));
            if is_sidecar {
                let path = path.key("initContainers");
                self.container_ports(container, path.index(index), workload);
            }
        }
    }

    fn container_ports(&mut self, container: &Node, path: Path<'_>, workload: &mut Workload) {
        let ports = self.list(container, "ports", path).unwrap_or_default();
        let path = path.key("ports");
        for (index, port) in ports.iter().enumerate() {
            let path = path.index(index);
            let name = self.text(port, "name", path).cloned();
            let Some(number) = port.get("containerPort") else {
                self.problem(path.key("containerPort"), "this port has no containerPort");
                continue;
            };
            let number = self.port_number(number, path.key("containerPort"));
            let protocol = self.protocol(port, path);
            let (Some(number), Some(protocol)) = (number, protocol) else {
                continue;
            };
            workload.listens.push((number, protocol));
            if let Some(name) = name {
                workload.ports.push(NamedPort {
                    name,
                    number,
                    protocol,
                });
            }
        }
    }

    pub(super) fn service(&mut self, node: &Node, path: Path<'_>) {
        let Some(metadata) = self.metadata(node, path) else {
            return;
        };
        let path = path.key("spec");
        let Some(spec) = node.get("spec") else {
            return;
        };
        let is_headless = spec
            .get("clusterIP")
            .and_then(Node::as_text)
            .is_some_and(|address| address == "None");
        let mut ports = Vec::new();
        for (index, port) in self
            .list(spec, "ports", path)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let path = path.key("ports");
            ports.extend(self.service_port(port, path.index(index)));
        }
        let selector = self.equalities(spec, path);
        self.out.services.push(Service {
            place: self.place,
            namespace: metadata.namespace,
            name: metadata.name,
            selector,
            is_headless,
            ports,
        });
    }

    fn service_port(&mut self, node: &Node, path: Path<'_>) -> Option<ServicePort> {
        let port = self.port_number(node.get("port")?, path.key("port"))?;
        let protocol = self.protocol(node, path).unwrap_or(Protocol::Tcp);
        let target = match node.get("targetPort") {
            None => TargetPort::Number(port),
            Some(Node::Text(name)) => TargetPort::Name(name.clone()),
            Some(Node::Int(0)) => TargetPort::Number(port),
            Some(number) => TargetPort::Number(self.port_number(number, path.key("targetPort"))?),
        };
        Some(ServicePort {
            port,
            target,
            protocol,
        })
    }

    /// `selector` as Services write it: labels and nothing else.
    fn equalities(&mut self, spec: &Node, path: Path<'_>) -> Option<Selector> {
        spec.get("selector")?;
        let labels = self.pairs(spec, "selector", path)?;
        Some(Selector::equal_to(&labels))
    }
}

/// A number of pods.
fn ordinal(node: Option<&Node>) -> Option<u32> {
    match node {
        Some(Node::Int(number)) => u32::try_from(*number).ok(),
        _ => None,
    }
}

/// The pods of a Job are numbered where it says so.
fn completions(spec: &Node) -> Option<Ordinals> {
    let mode = spec.get("completionMode").and_then(Node::as_text)?;
    (mode == "Indexed").then(|| Ordinals {
        first: 0,
        count: ordinal(spec.get("completions")),
    })
}
