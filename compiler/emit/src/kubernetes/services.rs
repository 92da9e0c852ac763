//! Services: the address that clients use, headless for stateful workloads, and one more for each
//! way in from outside the cluster.

use erpc_model::{
    Address, AddressKind, Mode, Peer, Platform, Port, Service, ServiceId, ServiceName,
};
use erpc_policy::{Derived, Edge};
use smol_str::SmolStr;

use super::{metadata, workload};
use crate::cause::{Cause, Causes};
use crate::kind::Kind;
use crate::object::Object;
use crate::tree::{Field, Map, Node};

pub(super) fn services(
    platform: &Platform,
    derived: &Derived,
    id: ServiceId,
    edges_in: &[Edge],
) -> Vec<Object> {
    let service = &platform[id];
    let named = service.service_names();
    let named = named.iter();
    let mut objects: Vec<Object> = named
        .map(|named| in_cluster(platform, derived, id, named))
        .collect();
    if derived.edges.is_found_by_replica(platform, id) {
        objects.push(every_pod(platform, derived, id, edges_in));
    }
    objects.extend(outside(platform, id));
    objects
}

/// A Service for clients in the cluster.
fn in_cluster(
    platform: &Platform,
    derived: &Derived,
    id: ServiceId,
    named: &ServiceName,
) -> Object {
    let service = &platform[id];
    let is_of_identity = named.name.origin != service.name.origin;
    let ports = service.ports.iter();
    let ports = ports.filter(|port| named.has_port(&port.name.value));
    let ports = ports.flat_map(|port| service_ports(port, 0));
    let ports = ports.map(|mut entry| {
        if let Some(fields) = entry.as_map_mut().filter(|_| named.is_unnamed) {
            fields.remove("name");
        }
        entry
    });
    let mut spec = spec(service, ports);
    set_cluster_type(&mut spec);
    if named.is_headless {
        let cause = match is_of_identity {
            true => Cause::said("`headless` in `identity`", &named.name),
            false => workload::cause(service),
        };
        spec.set("clusterIP", "None", cause);
        find_unready(&mut spec, platform, derived, id);
    }
    let cause = match service.ports.first().filter(|_| !is_of_identity) {
        Some(first) => Cause::said("a service with a port has a Service", &first.number),
        None => Cause::said("a Service in `identity`", &named.name),
    };
    let by_name = metadata::name_cause(service, &named.name);
    let mut metadata = metadata::named(platform, id, named.name.value.clone(), by_name);
    metadata::add_pairs(&mut metadata, "labels", &named.labels);
    metadata::add_pairs(&mut metadata, "annotations", &named.annotations);
    Object::new(Kind::Service, metadata, cause).with_spec(spec)
}

/// The specification that every Service of a service has.
fn spec(service: &Service, ports: impl Iterator<Item = Field>) -> Map {
    let mut spec = Map::new();
    let ports = ports.collect::<Vec<Field>>();
    if !ports.is_empty() {
        spec.block("ports", ports);
    }
    spec.set(
        "selector",
        metadata::identity(service),
        metadata::selector_cause(service),
    );
    spec
}

fn set_cluster_type(spec: &mut Map) {
    let cause = Cause::always("clients are in the cluster");
    spec.set("type", "ClusterIP", cause);
}

/// Replicas that look for each other do so before they are ready.
fn find_unready(spec: &mut Map, platform: &Platform, derived: &Derived, id: ServiceId) {
    if !derived.edges.finds_itself(id) {
        return;
    }
    let edges = derived.edges.from(id).iter();
    let own = edges.filter(|edge| edge.to == Peer::Service(id));
    let why = "replicas look for each other before they are ready";
    let causes: Causes = own
        .map(|edge| Cause::declared(why, platform.flows[edge.flow.index()].span))
        .collect();
    spec.set("publishNotReadyAddresses", true, causes);
}

/// A headless Service beside the one with an address: its name gives every pod's. Of `edges_in`, who observes is
/// among its causes.
pub(crate) fn every_pod(
    platform: &Platform,
    derived: &Derived,
    id: ServiceId,
    edges_in: &[Edge],
) -> Object {
    let service = &platform[id];
    let mut observers: Vec<_> = edges_in
        .iter()
        .filter(|edge| edge.mode == Mode::Observes)
        .map(|edge| edge.flow)
        .collect();
    observers.sort_unstable();
    let why = "who observes has to find each replica";
    let observers = observers
        .into_iter()
        .map(|flow| Cause::declared(why, platform.flows[flow.index()].span));
    let replicas = workload::replicas(service);
    let causes: Causes = std::iter::once(replicas).chain(observers).collect();
    // A headless Service translates nothing, so it has the numbers of the container.
    let ports = service.ports.iter();
    let ports = ports.flat_map(|port| {
        let moved = i32::from(port.container) - i32::from(port.number.value);
        service_ports(port, moved)
    });
    let mut spec = spec(service, ports);
    set_cluster_type(&mut spec);
    spec.set("clusterIP", "None", causes.clone());
    find_unready(&mut spec, platform, derived, id);
    let name = format!("{}-pods", service.name.value);
    let metadata = metadata::named(platform, id, name, causes.clone());
    Object::new(Kind::Service, metadata, causes).with_spec(spec)
}

/// An entry for each number of a port, which a Service listens on so many numbers higher.
fn service_ports(port: &Port, moved: i32) -> impl Iterator<Item = Field> {
    let width = port.last - port.number.value;
    let cause = Cause::said("a port of the service", &port.number);
    (0..=width).map(move |step| {
        let number = port.number.value + step;
        let name = if width == 0 {
            port.name.value.clone()
        } else {
            SmolStr::new(format!("{}-{number}", port.name.value))
        };
        let mut entry = Map::new();
        entry.block("name", name);
        entry.block("port", i32::from(number) + moved);
        entry.block("protocol", port.protocol.as_str());
        entry.block("targetPort", port.container + step);
        Field::new(entry, cause)
    })
}

/// A way in from outside the cluster.
struct WayIn {
    suffix: &'static str,
    type_: &'static str,
}

const WAYS_IN: [WayIn; 2] = [
    WayIn {
        suffix: "loadbalancer",
        type_: "LoadBalancer",
    },
    WayIn {
        suffix: "nodeport",
        type_: "NodePort",
    },
];

/// One Service for all load-balanced ports of a service, one for all its node ports. Traffic stays
/// on the node that it came to, so that the caller's address is what policies judge.
fn outside(platform: &Platform, id: ServiceId) -> impl Iterator<Item = Object> {
    let addresses = platform.addresses_of(id);
    WAYS_IN.iter().filter_map(move |way| {
        let of_type = |address: &&Address| match address.kind {
            AddressKind::LoadBalancer => way.type_ == "LoadBalancer",
            AddressKind::NodePort(_) => way.type_ == "NodePort",
        };
        let addresses: Vec<&Address> = addresses.iter().filter(of_type).collect();
        (!addresses.is_empty()).then(|| opened(platform, id, way, &addresses))
    })
}

fn opened(platform: &Platform, id: ServiceId, way: &WayIn, addresses: &[&Address]) -> Object {
    let service = &platform[id];
    let mut by_port = addresses.to_vec();
    by_port.sort_unstable_by_key(|address| address.port.index);
    by_port.dedup_by_key(|address| address.port.index);
    let ports = by_port.iter().flat_map(|address| {
        let node_port = match address.kind {
            AddressKind::LoadBalancer => None,
            AddressKind::NodePort(number) => number,
        };
        let cause = Cause::declared("the port of the nodes", address.span);
        service_ports(&platform[address.port], 0).map(move |mut entry| {
            if let (Some(fields), Some(number)) = (entry.as_map_mut(), node_port) {
                fields.set("nodePort", number, cause);
            }
            entry
        })
    });
    let mut spec = spec(service, ports);
    let opened = addresses.iter();
    let causes: Causes = opened
        .map(|address| Cause::declared("an address outside the cluster", address.span))
        .collect();
    spec.set("type", way.type_, causes.clone());
    spec.set(
        "externalTrafficPolicy",
        "Local",
        Cause::always("traffic stays on its node, so that policies judge the caller's address"),
    );
    let is_open = by_port.iter().any(|address| address.from.is_empty());
    if way.type_ == "LoadBalancer" && !is_open {
        let from = by_port.iter().flat_map(|address| &address.from);
        let mut ranges: Vec<String> = from.map(|cidr| cidr.value.to_string()).collect();
        ranges.sort_unstable();
        ranges.dedup();
        let from = addresses.iter().flat_map(|address| &address.from);
        let causes: Causes = from.map(|cidr| Cause::said("who may come", cidr)).collect();
        spec.set("loadBalancerSourceRanges", Node::texts(ranges), causes);
    }
    let name = format!("{}-{}", service.name.value, way.suffix);
    let metadata = metadata::named(platform, id, name, causes.clone());
    Object::new(Kind::Service, metadata, causes).with_spec(spec)
}
