//! The Ingress of a service with routes.

use std::collections::BTreeMap;

use erpc_model::{Platform, Route, ServiceId};
use k8s_openapi::api::networking::v1 as networking;

use super::metadata;
use crate::Object;

pub(super) fn ingress(platform: &Platform, id: ServiceId) -> Vec<Object> {
    let mut hosts: BTreeMap<&str, Vec<&Route>> = BTreeMap::new();
    let mut tls: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for route in platform.routes_to(id) {
        hosts.entry(&route.host.value).or_default().push(route);
        if let Some(secret) = &route.tls {
            let secret = platform[secret.value].name.value.as_str();
            tls.entry(secret).or_default().push(&route.host.value);
        }
    }
    if hosts.is_empty() {
        return Vec::new();
    }
    let rules = hosts
        .into_iter()
        .map(|(host, mut routes)| {
            routes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
            networking::IngressRule {
                host: Some(host.to_owned()),
                http: Some(networking::HTTPIngressRuleValue {
                    paths: routes.iter().map(|route| path(platform, route)).collect(),
                }),
            }
        })
        .collect();
    let tls: Vec<networking::IngressTLS> = tls
        .into_iter()
        .map(|(secret, mut hosts)| {
            hosts.sort_unstable();
            hosts.dedup();
            networking::IngressTLS {
                hosts: Some(hosts.into_iter().map(str::to_owned).collect()),
                secret_name: Some(secret.to_owned()),
            }
        })
        .collect();
    let class = platform.cluster().ingress.as_ref();
    vec![Object::from(networking::Ingress {
        metadata: metadata::of_service(platform, id),
        spec: Some(networking::IngressSpec {
            ingress_class_name: class.map(|ingress| ingress.class.value.to_string()),
            rules: Some(rules),
            tls: (!tls.is_empty()).then_some(tls),
            default_backend: None,
        }),
        status: None,
    })]
}

fn path(platform: &Platform, route: &Route) -> networking::HTTPIngressPath {
    networking::HTTPIngressPath {
        path: Some(route.path.clone()),
        path_type: "Prefix".to_owned(),
        backend: networking::IngressBackend {
            service: Some(networking::IngressServiceBackend {
                name: platform[route.port.service].name.value.to_string(),
                port: Some(networking::ServiceBackendPort {
                    name: Some(platform[route.port].name.value.to_string()),
                    number: None,
                }),
            }),
            resource: None,
        },
    }
}
