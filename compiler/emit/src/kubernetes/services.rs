//! Services: the address that clients use, headless for stateful workloads, and one more for each
//! way in from outside the cluster.

use erpc_model::{Address, AddressKind, Platform, Port, ServiceId};
use erpc_policy::Derived;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata;
use crate::Object;

pub(super) fn services(platform: &Platform, derived: &Derived, id: ServiceId) -> Vec<Object> {
    let service = &platform[id];
    let mut objects = Vec::new();
    if !service.ports.is_empty() {
        let is_headless = service.is_stateful();
        objects.push(Object::from(core::Service {
            metadata: metadata::of_service(platform, id),
            spec: Some(core::ServiceSpec {
                type_: Some("ClusterIP".to_owned()),
                cluster_ip: is_headless.then(|| "None".to_owned()),
                publish_not_ready_addresses: (is_headless && derived.edges.finds_itself(id))
                    .then_some(true),
                selector: Some(metadata::identity(service)),
                ports: Some(
                    service
                        .ports
                        .iter()
                        .flat_map(|port| service_ports(port, None))
                        .collect(),
                ),
                ..core::ServiceSpec::default()
            }),
            status: None,
        }));
    }
    if derived.edges.is_found_by_replica(platform, id) {
        objects.push(every_pod(platform, derived, id));
    }
    objects.extend(outside(platform, id));
    objects
}

/// A headless Service beside the one with an address: its name gives every pod's.
pub(crate) fn every_pod(platform: &Platform, derived: &Derived, id: ServiceId) -> Object {
    let service = &platform[id];
    // A headless Service translates nothing, so it has the numbers of the container.
    let ports = service
        .ports
        .iter()
        .flat_map(|port| {
            let translated = service_ports(port, None).into_iter().zip(0..);
            translated.map(|(translated, step)| core::ServicePort {
                port: i32::from(port.container) + step,
                ..translated
            })
        })
        .collect();
    Object::from(core::Service {
        metadata: metadata::named(platform, id, &format!("{}-pods", service.name.value)),
        spec: Some(core::ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            cluster_ip: Some("None".to_owned()),
            // Replicas that look for each other do so before they are ready.
            publish_not_ready_addresses: derived.edges.finds_itself(id).then_some(true),
            selector: Some(metadata::identity(service)),
            ports: Some(ports),
            ..core::ServiceSpec::default()
        }),
        status: None,
    })
}

fn service_ports(port: &Port, node_port: Option<u16>) -> Vec<core::ServicePort> {
    let width = port.last - port.number.value;
    (0..=width)
        .map(|step| {
            let number = port.number.value + step;
            core::ServicePort {
                name: Some(if width == 0 {
                    port.name.value.to_string()
                } else {
                    format!("{}-{number}", port.name.value)
                }),
                port: i32::from(number),
                target_port: Some(IntOrString::Int(i32::from(port.container + step))),
                protocol: Some(port.protocol.as_str().to_owned()),
                node_port: node_port.map(i32::from),
                app_protocol: None,
            }
        })
        .collect()
}

/// One Service for all load-balanced ports of a service, one for all its node ports. Traffic stays
/// on the node that it came to, so that the caller's address is what policies judge.
fn outside(platform: &Platform, id: ServiceId) -> Vec<Object> {
    let addresses = platform.addresses_of(id);
    let mut objects = Vec::new();
    for (suffix, type_) in [("loadbalancer", "LoadBalancer"), ("nodeport", "NodePort")] {
        let mut of_kind: Vec<&Address> = addresses
            .iter()
            .filter(|address| match address.kind {
                AddressKind::LoadBalancer => type_ == "LoadBalancer",
                AddressKind::NodePort(_) => type_ == "NodePort",
            })
            .collect();
        of_kind.sort_unstable_by_key(|address| address.port.index);
        of_kind.dedup_by_key(|address| address.port.index);
        if of_kind.is_empty() {
            continue;
        }
        let ports = of_kind
            .iter()
            .flat_map(|address| {
                let node_port = match address.kind {
                    AddressKind::LoadBalancer => None,
                    AddressKind::NodePort(number) => number,
                };
                service_ports(&platform[address.port], node_port)
            })
            .collect();
        let mut ranges: Vec<String> = of_kind
            .iter()
            .flat_map(|address| &address.from)
            .map(|cidr| cidr.value.to_string())
            .collect();
        ranges.sort_unstable();
        ranges.dedup();
        let is_open = of_kind.iter().any(|address| address.from.is_empty());
        let has_ranges = type_ == "LoadBalancer" && !is_open;
        objects.push(Object::from(core::Service {
            metadata: metadata::named(
                platform,
                id,
                &format!("{}-{suffix}", platform[id].name.value),
            ),
            spec: Some(core::ServiceSpec {
                type_: Some(type_.to_owned()),
                external_traffic_policy: Some("Local".to_owned()),
                load_balancer_source_ranges: has_ranges.then_some(ranges),
                selector: Some(metadata::identity(&platform[id])),
                ports: Some(ports),
                ..core::ServiceSpec::default()
            }),
            status: None,
        }));
    }
    objects
}
