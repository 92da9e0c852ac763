//! The Ingress of a service with routes.

use std::collections::BTreeMap;

use erpc_model::{Platform, Route, ServiceId};

use super::metadata;
use crate::cause::{Cause, Causes};
use crate::kind::Kind;
use crate::object::Object;
use crate::tree::{Field, Map};

pub(super) fn ingress(platform: &Platform, id: ServiceId) -> Option<Object> {
    let mut hosts: BTreeMap<&str, Vec<&Route>> = BTreeMap::new();
    let mut secured: BTreeMap<&str, Vec<&Route>> = BTreeMap::new();
    let routes = platform.routes_to(id);
    for route in routes {
        hosts.entry(&route.host.value).or_default().push(route);
        if let Some(secret) = &route.tls {
            let secret = platform[secret.value].name.value.as_str();
            secured.entry(secret).or_default().push(route);
        }
    }
    if hosts.is_empty() {
        return None;
    }
    let mut spec = Map::new();
    if let Some(ingress) = &platform.cluster().ingress {
        let why = "the ingress class of the cluster";
        let cause = Cause::said(why, &ingress.class);
        spec.set("ingressClassName", &ingress.class.value, cause);
    }
    let rules = hosts.into_iter();
    let rules: Vec<Field> = rules
        .map(|(host, routes)| Field::plain(rule(platform, host, routes)))
        .collect();
    spec.block("rules", rules);
    let tls: Vec<Field> = secured.into_iter().map(certificate).collect();
    if !tls.is_empty() {
        spec.block("tls", tls);
    }
    let causes: Causes = routes.iter().map(|route| said("a route", route)).collect();
    let metadata = metadata::of_service(platform, id);
    Some(Object::new(Kind::Ingress, metadata, causes).with_spec(spec))
}

/// A cause at a route.
pub(super) const fn said(why: &'static str, route: &Route) -> Cause {
    Cause::declared(why, route.host.span())
}

fn rule(platform: &Platform, host: &str, mut routes: Vec<&Route>) -> Map {
    let causes: Causes = routes
        .iter()
        .map(|route| said("a route at this host", route))
        .collect();
    routes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let paths = routes.iter();
    let paths: Vec<Field> = paths
        .map(|route| Field::new(path(platform, route), said("the path of the route", route)))
        .collect();
    let mut http = Map::new();
    http.block("paths", paths);
    let mut rule = Map::new();
    rule.set("host", host, causes);
    rule.block("http", http);
    rule
}

/// A certificate with its hosts.
fn certificate((secret, mut routes): (&str, Vec<&Route>)) -> Field {
    let cause = |route: &&Route| {
        let tls = route.tls.as_ref()?;
        Some(Cause::said("the certificate of the route", tls))
    };
    let all: Causes = routes.iter().filter_map(cause).collect();
    routes.sort_by(|a, b| a.host.value.cmp(&b.host.value));
    let hosts = routes.chunk_by(|a, b| a.host.value == b.host.value);
    let hosts: Vec<Field> = hosts
        .map(|routes| {
            let causes: Causes = routes.iter().filter_map(cause).collect();
            Field::new(&routes[0].host.value, causes)
        })
        .collect();
    let mut entry = Map::new();
    entry.block("hosts", hosts);
    entry.block("secretName", secret);
    Field::new(entry, all)
}

fn path(platform: &Platform, route: &Route) -> Map {
    let service = &platform[route.port.service];
    let port = &platform[route.port];
    let mut backend = Map::new();
    let found = service.service_names().into_iter();
    let mut found = found.filter(|named| named.has_port(&port.name.value));
    // That a route leads to a Service is checked.
    let found = found.next();
    let mut of_service = Map::new();
    let is_unnamed = found.as_ref().is_some_and(|named| named.is_unnamed);
    if is_unnamed {
        of_service.block("number", port.number.value);
    } else {
        of_service.block("name", &port.name.value);
    }
    let (named, cause) = match found {
        Some(named) => {
            let cause = metadata::name_cause(service, &named.name);
            (named.name.value, cause)
        }
        None => (service.name.value.clone(), Cause::name(service)),
    };
    backend.set("name", named, cause);
    backend.block("port", of_service);
    let mut target = Map::new();
    target.block("service", backend);
    let mut path = Map::new();
    path.set(
        "backend",
        target,
        [
            said("the port of the route", route),
            Cause::said("declared here", &port.number),
        ],
    );
    path.block("path", &route.path);
    path.set(
        "pathType",
        "Prefix",
        Cause::always("a route leads everything below its path"),
    );
    path
}
