//! The flows that others imply: DNS for whoever looks up names, the
//! ingress controller to what it serves, the world to the controller and to layer-4 addresses.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{IngressController, Peer, Platform, PortId, ServiceId};
use ipnet::IpNet;
use rustc_hash::FxHashMap;

use crate::cluster_facts;
use crate::edges::{Edge, Edges};

/// The implied flows of a platform.
#[derive(Clone, Debug, Default)]
pub struct Implied {
    /// Who may ask the cluster's DNS, sorted.
    pub dns: Vec<ServiceId>,
    /// What the ingress controller may reach, sorted, each port once.
    pub controller: Vec<RoutedPort>,
    /// What may be reached from outside the cluster, sorted, each port once.
    pub world: Vec<RoutedPort>,
}

/// A port that is reached from outside, with the statement that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutedPort {
    /// The port.
    pub port: PortId,
    /// From where; everywhere where empty. Sorted.
    pub from: Vec<IpNet>,
    /// The first `expose` that says so.
    pub span: Span,
}

/// Whether an edge needs names to be looked up.
#[must_use]
pub fn needs_dns(platform: &Platform, edge: &Edge) -> bool {
    needs_names(platform, edge.to)
}

/// Whether what is called is found by a name.
#[must_use]
pub fn needs_names(platform: &Platform, called: Peer) -> bool {
    match called {
        Peer::Service(_) | Peer::Internet => true,
        Peer::External(id) => !platform[id].dns_names.is_empty(),
        Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes => false,
    }
}

impl Implied {
    /// What the edges and routes of a platform imply.
    #[must_use]
    pub fn of(platform: &Platform, edges: &Edges, out: &mut Diagnostics) -> Self {
        let mut implied = Self {
            dns: Vec::new(),
            controller: routed(platform),
            world: addressed(platform),
        };
        implied.controller_from_world(platform, out);
        implied.dns = implied.who_asks(platform, edges);
        cluster_facts::check(platform, edges, &implied, out);
        implied
    }

    /// What is implied where no route is served, because the cluster has no Ingress of the platform. Those to raw
    /// workloads stay: their Ingresses are manifests.
    #[must_use]
    pub fn without_routes(platform: &Platform, edges: &Edges) -> Self {
        let mut controller = routed(platform);
        controller.retain(|routed| platform[routed.port.service].raw.is_some());
        let mut implied = Self {
            dns: Vec::new(),
            controller,
            world: addressed(platform),
        };
        implied.dns = implied.who_asks(platform, edges);
        implied
    }

    /// Who looks up names: callers of what has one, and a controller that serves others.
    fn who_asks(&self, platform: &Platform, edges: &Edges) -> Vec<ServiceId> {
        let mut asks = vec![false; platform.services.len()];
        for edge in edges.as_slice() {
            if let Peer::Service(id) = edge.from {
                asks[id.index()] |= needs_dns(platform, edge);
            }
        }
        if let Some(controller) = controller_of(platform)
            && self
                .controller
                .iter()
                .any(|routed| routed.port.service != controller)
        {
            asks[controller.index()] = true;
        }
        let services = platform.workloads().map(|(id, _)| id);
        services.filter(|id| asks[id.index()]).collect()
    }

    /// The world reaches the ports of a controller that is a service of the platform.
    fn controller_from_world(&mut self, platform: &Platform, out: &mut Diagnostics) {
        let Some(first) = platform.routes.iter().min_by_key(|route| route.span) else {
            return;
        };
        let Some(ingress) = &platform.cluster().ingress else {
            if !platform.cluster().is_whole {
                return;
            }
            out.push(
                Diagnostic::new(
                    &codes::MISSING_INGRESS,
                    format!(
                        "the cluster `{}` has no ingress controller to serve routes",
                        platform.cluster().name.value
                    ),
                )
                .at(first.span, "a route")
                .also(platform.cluster().name.span(), "add `ingress CLASS by …` here")
                .help("write `ingress traefik by namespace.service:port` for a controller of this platform, `by pods NAMESPACE \"key=value\"` for one outside it"),
            );
            return;
        };
        let narrowed: Vec<IpNet> = {
            let mut from: Vec<IpNet> = first.from.iter().map(|cidr| cidr.value).collect();
            from.sort_unstable();
            from
        };
        for route in &platform.routes {
            let mut from: Vec<IpNet> = route.from.iter().map(|cidr| cidr.value).collect();
            from.sort_unstable();
            if from != narrowed {
                out.push(
                    Diagnostic::new(
                        &codes::CONTRADICTION,
                        "routes through one ingress controller cannot be narrowed to different addresses",
                    )
                    .at(route.span, "narrowed differently")
                    .also(first.span, "than this route")
                    .help("a NetworkPolicy sees the controller's port, not the host behind it: narrow all routes alike, or none"),
                );
                return;
            }
        }
        let IngressController::Service(_, ports) = &ingress.controller else {
            if let Some(cidr) = first.from.first() {
                out.push(
                    Diagnostic::new(
                        &codes::CONTRADICTION,
                        format!(
                            "nothing in this platform could hold `from {}`: its ingress controller is not one of its services",
                            cidr.value
                        ),
                    )
                    .at(cidr.span(), "narrows who may come")
                    .also(ingress.class.span(), "served by pods that no policy of this platform selects")
                    .help("remove `from` and narrow it where the controller is configured, or run the controller as a service of this platform"),
                );
            }
            return;
        };
        for port in ports {
            self.world.push(RoutedPort {
                port: *port,
                from: narrowed.clone(),
                span: first.span,
            });
        }
        merge(&mut self.world);
    }
}

/// The service that serves the routes of the chosen cluster, if one does.
pub(crate) fn controller_of(platform: &Platform) -> Option<ServiceId> {
    platform
        .cluster()
        .ingress
        .as_ref()
        .and_then(|ingress| ingress.controller.service())
}

fn routed(platform: &Platform) -> Vec<RoutedPort> {
    let mut ports: Vec<RoutedPort> = platform
        .routes
        .iter()
        .map(|route| RoutedPort {
            port: route.port,
            from: Vec::new(),
            span: route.span,
        })
        .collect();
    merge(&mut ports);
    ports
}

fn addressed(platform: &Platform) -> Vec<RoutedPort> {
    let mut ports: Vec<RoutedPort> = platform
        .addresses
        .iter()
        .map(|address| {
            let mut from: Vec<IpNet> = address.from.iter().map(|cidr| cidr.value).collect();
            from.sort_unstable();
            RoutedPort {
                port: address.port,
                from,
                span: address.span,
            }
        })
        .collect();
    merge(&mut ports);
    ports
}

/// One entry for each port: open to all clients if one of its exposures is; the first one's place.
fn merge(ports: &mut Vec<RoutedPort>) {
    let mut merged: FxHashMap<PortId, RoutedPort> = FxHashMap::default();
    for routed in ports.drain(..) {
        match merged.get_mut(&routed.port) {
            None => {
                merged.insert(routed.port, routed);
            }
            Some(known) => {
                if known.from.is_empty() || routed.from.is_empty() {
                    known.from.clear();
                } else {
                    known.from.extend(routed.from);
                    known.from.sort_unstable();
                    known.from.dedup();
                }
            }
        }
    }
    ports.extend(merged.into_values());
    ports.sort_unstable_by_key(|routed| routed.port);
}
