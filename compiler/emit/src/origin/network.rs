//! Fields of Services and Ingresses.

use erpc_model::{Address, AddressKind, Mode, Origin, Peer, Port, Route, Service, Via};

use super::{
    Answer, Cause, Context,
    Part::{Item as I, Key as K},
    Path, always, by_name, one, workload,
};

/// What a Service of a service is for.
enum Purpose {
    Clients,
    EveryPod,
    Outside(bool),
}

fn purpose(context: &Context<'_>, service: &Service) -> Purpose {
    match context
        .object
        .name()
        .strip_prefix(service.name.value.as_str())
    {
        Some("-pods") => Purpose::EveryPod,
        Some("-loadbalancer") => Purpose::Outside(true),
        Some("-nodeport") => Purpose::Outside(false),
        _ => Purpose::Clients,
    }
}

pub(super) fn declared(span: erpc_diagnostics::Span) -> Origin {
    Origin {
        span,
        via: Via::Declared,
    }
}

pub(super) fn of_object(context: &Context<'_>) -> Answer {
    let service = context.of_service()?;
    let id = context.service?;
    if context.object.kind() == "Ingress" {
        let routes = context.platform.routes_to(id).iter();
        return Some(routes.map(|route| route_cause("a route", route)).collect());
    }
    match purpose(context, service) {
        Purpose::Clients => {
            let port = service.ports.first()?;
            one(Cause::said(
                "a service with a port has a Service",
                &port.number,
            ))
        }
        Purpose::EveryPod => {
            let mut causes = vec![workload::replicas(service)];
            causes.extend(
                context
                    .flows_in()
                    .filter(|(_, mode)| *mode == Mode::Observes)
                    .map(|(cause, _)| cause),
            );
            Some(causes)
        }
        Purpose::Outside(is_balanced) => {
            let addresses = addresses(context, is_balanced);
            Some(
                addresses
                    .map(|address| {
                        Cause::at("an address outside the cluster", declared(address.span))
                    })
                    .collect(),
            )
        }
    }
}

impl<'c> Context<'c> {
    /// The flows to the service, each once, with their modes.
    fn flows_in(&self) -> impl Iterator<Item = (Cause, Mode)> + use<'c> {
        let platform = self.platform;
        let edges = self.edges_in.iter();
        let mut flows: Vec<_> = edges.map(|edge| (edge.flow, edge.mode)).collect();
        flows.sort_unstable();
        flows.dedup();
        flows.into_iter().map(move |(flow, mode)| {
            (
                Cause::at(
                    "who observes has to find each replica",
                    declared(platform.flows[flow.index()].span),
                ),
                mode,
            )
        })
    }
}

fn addresses<'c>(
    context: &Context<'c>,
    is_balanced: bool,
) -> impl Iterator<Item = &'c Address> + use<'c> {
    let all = context
        .service
        .map_or(&[][..], |id| context.platform.addresses_of(id));
    all.iter().filter(move |address| match address.kind {
        AddressKind::LoadBalancer => is_balanced,
        AddressKind::NodePort(_) => !is_balanced,
    })
}

pub(super) fn of_service(context: &Context<'_>, path: Path<'_>) -> Answer {
    let service = context.of_service()?;
    match path {
        [K("spec"), K("selector"), ..] => one(by_name(service)),
        [K("spec"), K("clusterIP")] => match purpose(context, service) {
            Purpose::Clients => workload::of_object(context),
            Purpose::EveryPod | Purpose::Outside(_) => of_object(context),
        },
        [K("spec"), K("type")] => match purpose(context, service) {
            Purpose::Outside(_) => of_object(context),
            Purpose::Clients | Purpose::EveryPod => always("clients are in the cluster"),
        },
        [K("spec"), K("publishNotReadyAddresses")] => {
            let id = context.service?;
            let edges = context.derived.edges.from(id).iter();
            let own = edges.filter(|edge| edge.to == Peer::Service(id));
            let why = "replicas look for each other before they are ready";
            let mut flows: Vec<_> = own.map(|edge| edge.flow).collect();
            flows.dedup();
            Some(
                flows
                    .into_iter()
                    .map(|flow| Cause::at(why, declared(context.platform.flows[flow.index()].span)))
                    .collect(),
            )
        }
        [K("spec"), K("externalTrafficPolicy")] => {
            always("traffic stays on its node, so that policies judge the caller's address")
        }
        [K("spec"), K("loadBalancerSourceRanges"), ..] => {
            let all = addresses(context, true).flat_map(|address| &address.from);
            Some(all.map(|cidr| Cause::said("who may come", cidr)).collect())
        }
        [K("spec"), K("ports"), I(_), rest @ ..] => {
            let name = context.text_at(&path[..3], "name")?;
            let port = service.ports.iter().find(|port| is_called(port, name))?;
            match rest {
                [K("nodePort")] => {
                    let mut all = addresses(context, false);
                    let address =
                        all.find(|address| std::ptr::eq(&context.platform[address.port], port))?;
                    one(Cause::at("the port of the nodes", declared(address.span)))
                }
                _ => one(Cause::said("a port of the service", &port.number)),
            }
        }
        _ => None,
    }
}

/// A range of ports has an entry for each number: `media-1001`.
fn is_called(port: &Port, name: &str) -> bool {
    if port.last == port.number.value {
        return port.name.value == name;
    }
    let number = name
        .strip_prefix(port.name.value.as_str())
        .and_then(|rest| rest.strip_prefix('-'));
    number
        .and_then(|number| number.parse().ok())
        .is_some_and(|number: u16| (port.number.value..=port.last).contains(&number))
}

pub(super) fn route_cause(why: &str, route: &Route) -> Cause {
    Cause::at(why, declared(route.host.span()))
}

pub(super) fn of_ingress(context: &Context<'_>, path: Path<'_>) -> Answer {
    let routes = context.platform.routes_to(context.service?);
    match path {
        [K("spec"), K("ingressClassName")] => {
            let ingress = context.platform.cluster().ingress.as_ref()?;
            one(Cause::said(
                "the ingress class of the cluster",
                &ingress.class,
            ))
        }
        [K("spec"), K("rules"), I(_), K("host")] => {
            let host = context.text_at(&path[..3], "host")?;
            let of_host = routes.iter().filter(|route| route.host.value == host);
            Some(
                of_host
                    .map(|route| route_cause("a route at this host", route))
                    .collect(),
            )
        }
        [
            K("spec"),
            K("rules"),
            I(_),
            K("http"),
            K("paths"),
            I(_),
            rest @ ..,
        ] => {
            let host = context.text_at(&path[..3], "host")?;
            let below = context.text_at(&path[..6], "path")?;
            let route = routes
                .iter()
                .find(|route| route.host.value == host && route.path == below)?;
            match rest {
                [K("pathType")] => always("a route leads everything below its path"),
                [K("backend"), K("service"), K("name")] => one(by_name(context.of_service()?)),
                [K("backend"), ..] => Some(vec![
                    route_cause("the port of the route", route),
                    Cause::said("declared here", &context.platform[route.port].number),
                ]),
                _ => one(route_cause("the path of the route", route)),
            }
        }
        [K("spec"), K("tls"), I(_), rest @ ..] => {
            let entry = context.value_at(&path[..3])?;
            let secret = entry.get("secretName")?.as_str()?;
            let host = match rest {
                [K("hosts"), I(place)] => entry.get("hosts")?.get(*place)?.as_str(),
                _ => None,
            };
            let mut causes = Vec::new();
            for route in routes {
                let Some(tls) = &route.tls else { continue };
                let is_of = context.platform[tls.value].name.value == secret;
                if is_of && host.is_none_or(|host| route.host.value == host) {
                    let cause = Cause::said("the certificate of the route", tls);
                    if !causes.contains(&cause) {
                        causes.push(cause);
                    }
                }
            }
            Some(causes)
        }
        _ => None,
    }
}
