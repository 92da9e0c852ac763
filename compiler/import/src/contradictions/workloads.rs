//! Workloads and the Services, references and autoscalers around them.

use std::collections::BTreeSet;

use erpc_emit::quantity;
use serde_json::Value;

use super::{Findings, shown, title};
use crate::facts::{Facts, Pods, items, references, text};
use crate::read::{FindingKind, Object};

pub(super) fn find(facts: &Facts<'_>, found: &mut Findings) {
    let behind_services: BTreeSet<usize> = facts
        .services
        .iter()
        .flat_map(|service| service.pods.iter().copied())
        .collect();
    for (place, pods) in facts.pods.iter().enumerate() {
        containers(pods, found);
        missing_references(facts, pods, found);
        let is_served = behind_services.contains(&place) && pods.key.kind != "Job";
        let has_probe = pods
            .containers()
            .any(|(_, _, container)| !container["readinessProbe"].is_null());
        if is_served && !has_probe {
            let message = format!(
                "{} has a Service and no readiness probe",
                title(pods.object)
            );
            found.at(
                FindingKind::NoReadinessProbe,
                pods.object,
                pods.path,
                message,
            );
        }
    }
    services(facts, found);
    overlaps(facts, found);
    for object in facts.objects {
        match text(&object.value["kind"]) {
            "HorizontalPodAutoscaler" => autoscaler(facts, object, found),
            "PodDisruptionBudget" => {
                let namespace = text(&object.value["metadata"]["namespace"]);
                let selector = &object.value["spec"]["selector"];
                if !selector.is_null() && facts.selected(namespace, selector).is_empty() {
                    selects_nothing(object, found);
                }
            }
            _ => {}
        }
    }
}

fn selects_nothing(object: &Object, found: &mut Findings) {
    let message = format!("the selector of {} matches no pod", title(object));
    found.at(
        FindingKind::SelectsNothing,
        object,
        &["spec", "selector"],
        message,
    );
}

fn containers(pods: &Pods<'_>, found: &mut Findings) {
    for (list, place, container) in pods.containers() {
        let place = place.to_string();
        let name = text(&container["name"]);
        let line = |below: &[&str]| {
            let mut path = vec![list, place.as_str()];
            path.extend(below);
            pods.line(&path)
        };
        let image = text(&container["image"]);
        let file = image.rsplit('/').next().unwrap_or(image);
        let tag = file.split_once(':').map(|(_, tag)| tag);
        if !image.is_empty() && !image.contains('@') && matches!(tag, None | Some("latest")) {
            let message = format!("the image `{image}` of container `{name}` has no version");
            found.line(
                FindingKind::MovingImage,
                pods.object,
                line(&["image"]),
                message,
            );
        }
        let ports = items(&container["ports"]);
        for field in ["readinessProbe", "livenessProbe", "startupProbe"] {
            let probe = &container[field];
            for check in ["httpGet", "tcpSocket", "grpc"] {
                let port = &probe[check]["port"];
                let is_declared = ports.iter().any(|declared| {
                    declared["containerPort"] == *port || declared["name"] == *port
                });
                // A number need not be declared; where none is there is nothing to compare with.
                if !port.is_null() && !is_declared && (port.is_string() || !ports.is_empty()) {
                    let message = format!(
                        "{field} of container `{name}` asks port {}, which the container does not declare",
                        shown(port)
                    );
                    let line = line(&[field, check, "port"]);
                    found.line(FindingKind::UndeclaredProbePort, pods.object, line, message);
                }
            }
        }
        let resources = &container["resources"];
        for (resource, limit) in resources["limits"].as_object().into_iter().flatten() {
            let request = &resources["requests"][resource.as_str()];
            if let (Some(most), Some(least)) = (amount(limit), amount(request))
                && most < least
            {
                let message = format!(
                    "container `{name}` requests {} of {resource} and is limited to {}",
                    plain(request),
                    plain(limit)
                );
                let line = line(&["resources", "limits", resource]);
                found.line(FindingKind::LimitBelowRequest, pods.object, line, message);
            }
        }
    }
}

fn amount(value: &Value) -> Option<u64> {
    let amount = quantity::parse(&plain(value))?;
    u64::try_from(amount).ok()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn missing_references(facts: &Facts<'_>, pods: &Pods<'_>, found: &mut Findings) {
    let namespace = &pods.key.namespace;
    for reference in references(pods) {
        let exists = reference.is_optional
            || reference.kind == "Secret"
            || reference.name == "kube-root-ca.crt"
            || facts
                .find(reference.kind, namespace, reference.name)
                .is_some();
        if !exists {
            let message = format!(
                "{} reads the {} `{}`, which is not among the manifests",
                title(pods.object),
                reference.kind,
                reference.name
            );
            found.line(
                FindingKind::MissingReference,
                pods.object,
                reference.line,
                message,
            );
        }
    }
    for (number, volume) in items(&pods.spec["volumes"]).iter().enumerate() {
        let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() else {
            continue;
        };
        if facts
            .find("PersistentVolumeClaim", namespace, claim)
            .is_none()
        {
            let message = format!(
                "{} uses the claim `{claim}`, which is not among the manifests",
                title(pods.object)
            );
            let line = pods.line(&["volumes", &number.to_string()]);
            found.line(FindingKind::MissingReference, pods.object, line, message);
        }
    }
}

fn services(facts: &Facts<'_>, found: &mut Findings) {
    for service in &facts.services {
        if service.selector().is_some() && service.pods.is_empty() {
            selects_nothing(service.object, found);
            continue;
        }
        let pods = service.pods.iter().map(|place| &facts.pods[*place]);
        for (number, port) in service.ports().iter().enumerate() {
            let target = match &port["targetPort"] {
                Value::Null => &port["port"],
                target => target,
            };
            let is_served = |pods: &Pods<'_>| match target {
                Value::String(_) => pods.declares(target),
                _ => !pods.declares_ports() || pods.declares(target),
            };
            if !service.pods.is_empty() && !pods.clone().any(is_served) {
                let message = format!(
                    "{} sends to port {}, which no container behind it declares",
                    title(service.object),
                    shown(target)
                );
                let path = ["spec", "ports", &number.to_string(), "targetPort"];
                found.at(
                    FindingKind::ServicePortLeadsNowhere,
                    service.object,
                    &path,
                    message,
                );
            }
        }
    }
}

/// Two workloads whose selectors match each other's pods.
fn overlaps(facts: &Facts<'_>, found: &mut Findings) {
    for (place, pods) in facts.pods.iter().enumerate() {
        let selector = &pods.object.value["spec"]["selector"];
        if !matches!(
            pods.key.kind.as_str(),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"
        ) || !selector["matchLabels"].is_object()
        {
            continue;
        }
        let others = facts.selected(&pods.key.namespace, selector);
        for other in others.into_iter().filter(|other| *other > place) {
            let other = &facts.pods[other];
            let back = facts.selected(&pods.key.namespace, &other.object.value["spec"]["selector"]);
            if other.key.kind != "Job" && other.key.kind != "CronJob" && back.contains(&place) {
                let message = format!(
                    "{} and {} have the same selector",
                    title(pods.object),
                    title(other.object)
                );
                let path = ["spec", "selector"];
                found.at(FindingKind::WorkloadsOverlap, other.object, &path, message);
            }
        }
    }
}

fn autoscaler(facts: &Facts<'_>, object: &Object, found: &mut Findings) {
    let target = &object.value["spec"]["scaleTargetRef"];
    let (kind, name) = (text(&target["kind"]), text(&target["name"]));
    let namespace = text(&object.value["metadata"]["namespace"]);
    match facts.find(kind, namespace, name) {
        Some(target) if !target.value["spec"]["replicas"].is_null() => {
            let message = format!(
                "{} sets `replicas`, which {} changes",
                title(target),
                title(object)
            );
            let path = ["spec", "replicas"];
            found.at(FindingKind::ReplicasAndAutoscaler, target, &path, message);
        }
        Some(_) => {}
        None if matches!(kind, "Deployment" | "StatefulSet") => {
            let message = format!(
                "{} scales the {kind} `{name}`, which is not among the manifests",
                title(object)
            );
            let path = ["spec", "scaleTargetRef"];
            found.at(FindingKind::MissingReference, object, &path, message);
        }
        None => {}
    }
}
