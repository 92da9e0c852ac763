//! The platform ERP/1 against the reconciled catalogue in `tests/data/erp1.json`: every key of the
//! catalogue is compared, or stands in [`IGNORED`] with the reason.

use std::collections::{BTreeMap, BTreeSet};

use erpc_cli::project::Compiled;
use erpc_model::units::{Cpu, Memory, Percent, Range};
use erpc_model::{
    AddressKind, Cluster, Container, DnsFlavour, EnvValue, FlowPort, Grant, Mode, Peer, Platform,
    Probe, ProbeCheck, PullPolicy, RunAs, Scaling, Service, ServiceId, Sourced, Spread, Workload,
};
use erpc_policy::Derived;
use erpc_tests::{compile_folder, repository};
use serde_json::{Map, Value, json};

/// Paths that are not compared; `*` is any key or index. The test prints them.
const IGNORED: &[(&str, &str)] = &[
    ("schema", "of the catalogue itself"),
    ("about", "of the catalogue itself"),
    ("sets", "how the handbook groups its rows"),
    ("platform.chart", "the Helm chart is not emitted yet"),
    ("platform.released", "a date of the handbook"),
    ("platform.source", "where the fact was found"),
    ("tiers_source", "where the fact was found"),
    ("namespaces_source", "where the fact was found"),
    ("namespaces.*.role.note", "a remark"),
    ("components.*.source", "where the fact was found"),
    ("components.*.env_source", "where the fact was found"),
    ("components.*.ports.*.source", "where the fact was found"),
    ("services.*.set", "how the handbook groups its rows"),
    ("services.*.notes", "a remark"),
    ("services.*.source", "where the fact was found"),
    ("services.*.rto_rpo_source", "where the fact was found"),
    ("services.*.*.source", "where the fact was found"),
    ("services.*.*.*.source", "where the fact was found"),
    (
        "services.*.grants.*.why",
        "worded as `because` in the source",
    ),
    ("expose.*.source", "where the fact was found"),
    ("secrets_needed.*.why", "worded as `because` in the source"),
    (
        "external_candidates",
        "no addresses are known, so none is declared",
    ),
    ("profiles", "held by profiles.rs"),
    ("assertions", "assertions.rs compares them"),
    (
        "decisions",
        "reasons, which the source words as `##` and `because`",
    ),
    (
        "expected.capacity.profile kind",
        "held by report.rs, under each profile",
    ),
    (
        "expected.capacity.profile production",
        "held by report.rs, under each profile",
    ),
    (
        "expected.capacity.profile dev",
        "held by report.rs, under each profile",
    ),
    ("expected.slo", "held by report.rs"),
    (
        "expected.handbook_13_2",
        "the handbook's table, which is wrong",
    ),
    ("facts_not_in_the_source", "facts about tools"),
];

fn compiled() -> Compiled {
    compile_folder(&repository())
}

#[test]
fn the_model_is_the_catalogue() {
    let text =
        std::fs::read_to_string(repository().join("tests/data/erp1.json")).expect("the data");
    let theirs: Value = serde_json::from_str(&text).expect("JSON");
    let compiled = compiled();
    let Some((platform, derived)) = &compiled.result else {
        panic!("platform.erp has errors: {:?}", compiled.diagnostics);
    };
    let ours = catalogue(platform, derived);
    let mut comparison = Comparison::default();
    comparison.value(&mut Vec::new(), &theirs, &ours);
    println!("{} values compared; not compared:", comparison.compared);
    for &(path, reason) in IGNORED {
        println!("  {path}: {reason}");
        assert!(
            comparison.ignored.contains(path),
            "{path} is not in the catalogue"
        );
    }
    assert!(
        comparison.differences.is_empty(),
        "{} differences:\n{}",
        comparison.differences.len(),
        comparison.differences.join("\n")
    );
}

#[derive(Default)]
struct Comparison {
    compared: usize,
    ignored: BTreeSet<&'static str>,
    differences: Vec<String>,
}

impl Comparison {
    fn value(&mut self, path: &mut Vec<String>, theirs: &Value, ours: &Value) {
        if let Some(pattern) = ignored(path) {
            self.ignored.insert(pattern);
            return;
        }
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(ours)) => {
                for (key, value) in theirs {
                    path.push(key.clone());
                    self.value(path, value, ours.get(key).unwrap_or(&Value::Null));
                    path.pop();
                }
            }
            (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
                for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                    path.push(index.to_string());
                    self.value(path, theirs, ours);
                    path.pop();
                }
            }
            _ => {
                self.compared += 1;
                if theirs != ours {
                    self.differences.push(format!(
                        "{}: {theirs} in the catalogue, {ours} here",
                        path.join(".")
                    ));
                }
            }
        }
    }
}

fn ignored(path: &[String]) -> Option<&'static str> {
    let matches = |pattern: &str| {
        let parts: Vec<&str> = pattern.split('.').collect();
        // Names of components have dots themselves, so keys are compared one by one.
        parts.len() == path.len()
            && parts
                .iter()
                .zip(path)
                .all(|(part, key)| *part == "*" || part == key)
    };
    IGNORED
        .iter()
        .map(|(pattern, _)| *pattern)
        .find(|pattern| matches(pattern))
}

/// What the catalogue says, from the model. Lists are in the catalogue's order.
fn catalogue(platform: &Platform, derived: &Derived) -> Value {
    let waves = waves(platform, derived);
    let mut steps: Vec<&str> = waves
        .iter()
        .filter_map(|wave| wave["namespace"].as_str())
        .collect();
    steps.dedup();
    // Which services the handbook's table 4.1 has is a fact about the handbook.
    let core: BTreeSet<String> = theirs("services")
        .iter()
        .filter(|service| service["set"] == "core")
        .map(|service| format!("{}.{}", text(&service["namespace"]), text(&service["name"])))
        .collect();
    json!({
        "platform": {
            "name": *platform.name.value,
            "title": platform.title.as_ref().map(|t| &t.value),
            "version": platform.version.value,
            "domain": platform.domain.as_ref().map(|d| &d.value),
            "registry": platform.registry.value,
            "image_pull_policy": match platform.pull.value {
                PullPolicy::Always => "Always",
                PullPolicy::Missing => "IfNotPresent",
                PullPolicy::Never => "Never",
            },
            "environment": *platform.environment.value,
        },
        "tiers": platform.tiers.iter().map(|t| t.name.value.to_string()).collect::<Vec<_>>(),
        "namespaces": steps.iter().map(|name| namespace(platform, name, &steps)).collect::<Vec<_>>(),
        "components": { "std.beam.Release": release(platform) },
        "services": in_order_of_catalogue(platform).iter().map(|id| service(platform, *id)).collect::<Vec<_>>(),
        "expose": routes(platform),
        "expose_layer4": addresses(platform),
        "flows": flows(platform, derived),
        "secrets_needed": secrets(platform),
        "excluded": excluded(platform),
        "clusters": platform.clusters.iter().map(|c| (c.name.value.to_string(), cluster(platform, c))).collect::<Map<_, _>>(),
        "default_cluster": *platform.cluster().name.value,
        "expected": {
            "counts": counts(platform, derived),
            "tier_violations": [],
            "require_cycles": [],
            "capacity": {
                "default": capacity(platform, &|_| true),
                "the 21 of handbook 4.1": capacity(platform, &|path| core.contains(path)),
            },
            "edges": edges(platform, derived),
            "waves": waves,
            "implied": implied(platform, derived),
        },
    })
}

/// The catalogue lists services as the handbook does; ours are by name.
fn in_order_of_catalogue(platform: &Platform) -> Vec<ServiceId> {
    theirs("services")
        .iter()
        .filter_map(|service| {
            let path = format!("{}.{}", text(&service["namespace"]), text(&service["name"]));
            platform
                .services()
                .map(|(id, _)| id)
                .find(|id| platform.path(*id) == path)
        })
        .collect()
}

/// A list of the catalogue, for its order alone.
fn theirs(key: &str) -> Vec<Value> {
    let data =
        std::fs::read_to_string(repository().join("tests/data/erp1.json")).expect("the data");
    let all: Value = serde_json::from_str(&data).expect("JSON");
    all[key].as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn namespace(platform: &Platform, name: &str, steps: &[&str]) -> Value {
    let (_, namespace) = platform
        .namespaces()
        .find(|(_, n)| n.name.value == name)
        .expect("a namespace of a wave");
    let slo = namespace.slo.as_ref().map(|slo| slo.value.share);
    let unavailable = slo.map_or(0, |slo| Percent::ONE.0 - slo.0);
    // 30 days are 43,200 minutes; the budget in tenths of thousandths of a minute is a whole number.
    let budget = unavailable * 43_200 / (Percent::ONE.0 / 10_000);
    let (verbs, resources) = match namespace.grants.as_slice() {
        [grant] => (
            names(&grant.verbs),
            grant.resources.iter().map(|r| r.name.to_string()).collect(),
        ),
        _ => (Vec::new(), Vec::new()),
    };
    json!({
        "name": name,
        "tier": *platform.tiers[namespace.tier.value.index()].name.value,
        "slo": slo.map(|slo| slo.to_string()),
        "budget_minutes_30d": budget as f64 / 10_000.0,
        "title": namespace.title.as_ref().map(|t| &t.value),
        "deploy_step_handbook": steps.iter().position(|step| *step == name).map(|at| at + 2),
        "after": namespace.after.iter().map(|n| platform[n.value].name.value.to_string()).collect::<Vec<_>>(),
        "service_account": format!("{name}-sa"),
        "role": {
            "name": format!("{name}-role"),
            "binding": format!("{name}-rolebinding"),
            "verbs": verbs,
            "resources": resources,
        },
    })
}

/// CPU and memory of the main container; every service of ERP/1 sets both.
fn amounts(service: &Service) -> (Range<Cpu>, Range<Memory>) {
    let (cpu, memory) = (&service.main.cpu, &service.main.memory);
    let both = cpu.as_ref().zip(memory.as_ref());
    let (cpu, memory) = both.expect("CPU and memory");
    (cpu.value, memory.value)
}

fn names(list: &[impl ToString]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// The component as it shows in a service that says nothing of its own but a port.
fn release(platform: &Platform) -> Value {
    let id = by_path(platform, "erp-services.bpe-engine");
    let service_json = service(platform, id);
    let service = &platform[id];
    let probe = |probe: &Option<Sourced<Probe>>| {
        probe.as_ref().map_or_else(String::new, |p| {
            format!(
                "{}/{}/{}",
                p.value.after.value.0 / 1000,
                p.value.every.value.0 / 1000,
                p.value.fails.value
            )
        })
    };
    let path = match service
        .main
        .probes
        .ready
        .as_ref()
        .map(|p| &p.value.check.value)
    {
        Some(ProbeCheck::Http(path, port)) if port.index == 0 => path.as_str(),
        _ => "",
    };
    let (cpu, memory) = amounts(service);
    json!({
        "cpu": [cpu.min.to_string(), cpu.max.to_string()],
        "memory": [memory.min.to_string(), memory.max.to_string()],
        "ports": [service_json["ports"][1]],
        "probes": format!("{path} on the first port, ready {}, live {}", probe(&service.main.probes.ready), probe(&service.main.probes.live)),
        "env": service_json["env"],
        "spread": match service.properties.spread.as_ref().map(|s| s.value) {
            Some(Spread::Node) => "node",
            Some(Spread::Zone) => "zone",
            None => "",
        },
        "run_as": run_as(service),
    })
}

fn by_path(platform: &Platform, path: &str) -> ServiceId {
    platform
        .services()
        .map(|(id, _)| id)
        .find(|id| platform.path(*id) == path)
        .expect("a service of this path")
}

fn run_as(service: &Service) -> Option<String> {
    let RunAs { uid, gid } = service.properties.run.as_ref()?.value;
    Some(format!("{uid}:{gid}"))
}

fn service(platform: &Platform, id: ServiceId) -> Value {
    let service = &platform[id];
    let namespace = platform[service.namespace].name.value.to_string();
    let is_release = service.components.iter().any(|u| {
        platform.components[platform.uses[u.0 as usize].component.index()].name
            == "std.beam.Release"
    });
    let (cpu, memory) = amounts(service);
    let mut json = json!({
        "name": *service.name.value,
        "namespace": namespace,
        "title": service.properties.title.as_ref().map(|t| &t.value),
        "kind": service.workload.kind().name,
        "component": is_release.then_some("std.beam.Release"),
        "image": image(&service.main),
        "ports": service.ports.iter().map(|port| json!({
            "name": *port.name.value,
            "number": port.number.value,
            "protocol": port.protocol.as_str(),
            "container": port.container,
        })).collect::<Vec<_>>(),
        "probes": {
            "ready": probe(service, &service.main.probes.ready),
            "live": probe(service, &service.main.probes.live),
            "startup": probe(service, &service.main.probes.startup),
        },
        "cpu": { "request": cpu.min.to_string(), "limit": millicores(service) },
        "memory": { "request": memory.min.to_string(), "limit": memory.max.to_string() },
        "volumes": service.volumes.iter().map(|v| json!({
            "name": *v.name.value,
            "size": v.size.value.to_string(),
            "at": v.at.as_ref().map(|at| &at.value),
        })).collect::<Vec<_>>(),
        "configs": service.configs.iter().map(|c| json!({
            "name": *c.name.value,
            "files": c.files.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
            "at": c.at.as_ref().map(|at| &at.value),
        })).collect::<Vec<_>>(),
        "env": service.main.env.iter().filter_map(|variable| match &variable.value.value {
            EnvValue::Text(text) => Some((variable.name.to_string(), json!(text))),
            EnvValue::Secret(..) => None,
        }).collect::<Map<_, _>>(),
        "secrets": secret_variables(platform, &service.main),
        "command": service.main.command.as_ref().map(|c| &c.value),
        "args": service.main.args.as_ref().map(|a| &a.value),
        "headless": service.is_stateful(),
        "service_account": if service.grants.is_empty() {
            json!({ "name": format!("{namespace}-sa"), "automount_token": false })
        } else {
            json!({ "name": *service.name.value, "automount_token": true })
        },
        "grants": service.grants.iter().map(grant).collect::<Vec<_>>(),
        "run_as": run_as(service),
        "writable": service.main.writable.iter().map(|w| &w.value).collect::<Vec<_>>(),
        "slo_availability": service.availability.as_ref()
            .filter(|a| a.origin.via != erpc_model::Via::Namespace)
            .map(|a| a.value.share.to_string()),
        "rto": service.properties.rto.as_ref().map(|d| d.value.to_string()),
        "rpo": service.properties.rpo.as_ref().map(|d| d.value.to_string()),
        "repo": service.properties.repo.as_ref().map(|r| &r.value),
        "disruption_min": service.properties.disruption.as_ref().map(|d| d.value),
    });
    match &service.scaling {
        Scaling::Fixed(count) => json["replicas"] = json!(count.value),
        Scaling::Auto(scale) => {
            json["scale"] = json!({
                "min": scale.value.replicas.min,
                "max": scale.value.replicas.max,
                "cpu": scale.value.cpu,
                "memory": scale.value.memory,
            });
        }
        Scaling::PerNode(_) => panic!("ERP/1 has no service with a pod on each node"),
    }
    json
}

/// The catalogue writes a whole number of CPUs as `1000m`.
fn millicores(service: &Service) -> String {
    format!("{}m", amounts(service).0.max.0)
}

fn image(container: &Container) -> String {
    let image = &container.image.value;
    let whole = image.to_string();
    if image.registry_is_written {
        whole
    } else {
        whole
            .strip_prefix(&format!("{}/", image.registry))
            .map_or(whole.clone(), str::to_owned)
    }
}

fn probe(service: &Service, probe: &Option<Sourced<Probe>>) -> Option<Value> {
    let probe = &probe.as_ref()?.value;
    let port = |id: erpc_model::PortId| service.ports[id.index as usize].name.value.to_string();
    let (kind, path, port) = match &probe.check.value {
        ProbeCheck::Http(path, id) => ("http", Some(path.clone()), Some(port(*id))),
        ProbeCheck::Tcp(id) => ("tcp", None, Some(port(*id))),
        ProbeCheck::Exec(_) => ("exec", None, None),
    };
    Some(json!({
        "kind": kind,
        "path": path,
        "port": port,
        "initial_delay_s": probe.after.value.0 / 1000,
        "period_s": probe.every.value.0 / 1000,
        "failure_threshold": probe.fails.value,
    }))
}

fn secret_variables(platform: &Platform, container: &Container) -> Vec<Value> {
    let mut by_secret: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for variable in &container.env {
        if let EnvValue::Secret(id, key) = &variable.value.value {
            by_secret
                .entry(platform[*id].name.value.to_string())
                .or_default()
                .insert(variable.name.to_string(), json!(**key));
        }
    }
    by_secret
        .into_iter()
        .map(|(name, env)| json!({ "name": name, "env": env }))
        .collect()
}

fn grant(grant: &Grant) -> Value {
    let group = grant.resources.first().map(|r| r.group.to_string());
    assert!(
        grant
            .resources
            .iter()
            .all(|r| Some(r.group.to_string()) == group)
    );
    json!({
        "scope": if grant.in_cluster { "cluster" } else { "namespace" },
        "verbs": names(&grant.verbs),
        "group": group,
        "resources": grant.resources.iter().map(|r| r.name.to_string()).collect::<Vec<_>>(),
    })
}

fn routes(platform: &Platform) -> Vec<Value> {
    let mut routes: Vec<Value> = platform
        .routes
        .iter()
        .map(|route| {
            json!({
                "service": platform.path(route.port.service),
                "port": *platform[route.port].name.value,
                "host": route.host.value,
                "path": route.path,
                "tls_secret": route.tls.as_ref().map(|s| platform[s.value].name.value.to_string()),
            })
        })
        .collect();
    let order = theirs("expose");
    let at = |route: &Value| {
        order
            .iter()
            .position(|r| r["host"] == route["host"] && r["path"] == route["path"])
    };
    routes.sort_by_key(at);
    routes
}

fn addresses(platform: &Platform) -> Vec<Value> {
    platform
        .addresses
        .iter()
        .map(|address| {
            let (kind, number) = match address.kind {
                AddressKind::LoadBalancer => ("loadbalancer", None),
                AddressKind::NodePort(number) => ("nodeport", number),
            };
            json!({
                "service": platform.path(address.port.service),
                "port": *platform[address.port].name.value,
                "as": kind,
                "number": number,
            })
        })
        .collect()
}

/// Ours in the catalogue's order and spelling: a flow is the one of the catalogue that has the
/// same ends, port, mode and reason, each expanded here from the catalogue's own words.
fn flows(platform: &Platform, derived: &Derived) -> Vec<Value> {
    let mut left: Vec<usize> = (0..platform.flows.len()).collect();
    let mut out = Vec::new();
    for mut wanted in theirs("flows") {
        let from = expand(platform, text(&wanted["from"]));
        let to = expand(platform, text(&wanted["to"]));
        let found = left.iter().position(|index| {
            let flow = &platform.flows[*index];
            let peers = |list: &[Peer]| -> BTreeSet<String> {
                list.iter().map(|end| platform.peer_name(*end)).collect()
            };
            let port = match &flow.port {
                FlowPort::Named(name, _) => name.to_string(),
                FlowPort::Number(number, protocol, _) => {
                    format!("{number}/{}", protocol.as_suffix())
                }
                FlowPort::Implied => derived
                    .edges
                    .as_slice()
                    .iter()
                    .find(|edge| edge.flow.index() == *index)
                    .map_or_else(String::new, |edge| edge.port_name(platform)),
            };
            peers(&flow.from.peers) == from
                && peers(&flow.to.peers) == to
                && port == text(&wanted["port"])
                && flow.mode.as_str() == text(&wanted["mode"])
                && flow.because.as_deref() == wanted["because"].as_str()
        });
        if let Some(found) = found {
            left.remove(found);
        } else {
            wanted["because"] = json!("no such flow");
        }
        out.push(wanted);
    }
    for index in left {
        out.push(json!({ "because": format!("{:?} is not in the catalogue", platform.flows[index].because) }));
    }
    out
}

/// What `erp-apps.*`, `{a, b}` and `*.*` mean.
fn expand(platform: &Platform, written: &str) -> BTreeSet<String> {
    let inner = written.strip_prefix('{').and_then(|w| w.strip_suffix('}'));
    if let Some(inner) = inner {
        return inner
            .split(", ")
            .flat_map(|part| expand(platform, part))
            .collect();
    }
    match written.strip_suffix(".*") {
        Some("*") => platform
            .services()
            .map(|(id, _)| platform.path(id))
            .collect(),
        Some(namespace) => platform
            .services()
            .filter(|(_, service)| platform[service.namespace].name.value == namespace)
            .map(|(id, _)| platform.path(id))
            .collect(),
        None => BTreeSet::from([written.to_owned()]),
    }
}

fn secrets(platform: &Platform) -> Vec<Value> {
    let mut secrets: Vec<Value> = platform
        .secrets
        .iter()
        .map(|secret| {
            let mut namespaces: Vec<String> = secret
                .used_in
                .iter()
                .map(|id| platform[*id].name.value.to_string())
                .collect();
            namespaces.sort();
            json!({
                "name": *secret.name.value,
                "namespaces": namespaces,
                "keys": secret.keys.iter().map(|k| k.value.to_string()).collect::<Vec<_>>(),
            })
        })
        .collect();
    secrets.sort_by_key(|secret| secret["name"] != "erp-uno-tls");
    secrets
}

/// What the catalogue leaves out is left out here too.
fn excluded(platform: &Platform) -> Vec<Value> {
    theirs("excluded")
        .into_iter()
        .map(|mut entry| {
            let name = text(&entry["name"]).to_owned();
            if platform
                .services
                .iter()
                .any(|s| name.split('/').any(|n| n == s.name.value))
            {
                entry["why"] = json!("it is in the platform");
            }
            entry
        })
        .collect()
}

fn cluster(platform: &Platform, cluster: &Cluster) -> Value {
    let nodes = cluster
        .nodes
        .as_ref()
        .map(|n| n.value.clone())
        .unwrap_or_default();
    let ingress = cluster.ingress.as_ref();
    let ports = match ingress.map(|i| &i.controller) {
        Some(erpc_model::IngressController::Service(_, ports)) => ports
            .iter()
            .map(|p| platform[*p].name.value.to_string())
            .collect(),
        _ => Vec::new(),
    };
    json!({
        "kubernetes": cluster.kubernetes.as_ref().map(|k| k.value.to_string()),
        "arch": nodes.arch.as_ref().map(ToString::to_string),
        "pod_cidr": cluster.pod_cidrs.first().map(|c| c.value.to_string()),
        "service_cidr": cluster.service_cidrs.first().map(|c| c.value.to_string()),
        "node_cidr": nodes.cidrs.first().map(ToString::to_string),
        "api_server": cluster.api.first().map(|a| format!("{}:{}", a.value.ip, a.value.port)),
        "dns": match cluster.dns_flavour() {
            Some(DnsFlavour::KubeDns) => "kube-dns",
            Some(DnsFlavour::OpenShift) => "openshift",
            Some(DnsFlavour::NodeLocal) => "node-local",
            None => "",
        },
        "cni": cluster.cni.as_ref().map(|c| c.value.name.to_string()),
        "ingress": {
            "class": ingress.map(|i| i.class.value.to_string()),
            "service": ingress.and_then(|i| i.controller.service()).map(|id| platform.path(id)),
            "ports": ports,
        },
        "storage_classes": cluster.storage.iter().map(|class| json!({
            "name": *class.name.value,
            "default": class.is_default,
            "create": class.create.is_some(),
            "provisioner": class.create.as_ref().map(|c| &c.provisioner),
            "binding": class.create.as_ref().map(|c| if c.wait { "WaitForFirstConsumer" } else { "Immediate" }),
            "reclaim": class.create.as_ref().map(|c| if c.retain { "Retain" } else { "Delete" }),
        })).collect::<Vec<_>>(),
        "nodes": nodes.count,
        "cpu_per_node": nodes.cpu.0 / 1000,
        "memory_per_node": nodes.memory.to_string(),
        "reserved_memory": nodes.reserved.to_string(),
        "source": theirs_of_cluster(&cluster.name.value),
    })
}

/// Where the catalogue found a cluster's facts is no fact of the cluster.
fn theirs_of_cluster(name: &str) -> Value {
    let data =
        std::fs::read_to_string(repository().join("tests/data/erp1.json")).expect("the data");
    let all: Value = serde_json::from_str(&data).expect("JSON");
    all["clusters"][name]["source"].clone()
}

fn counts(platform: &Platform, derived: &Derived) -> Value {
    let of = |wanted: &dyn Fn(&Service) -> bool| {
        let mut paths: Vec<String> = platform
            .services()
            .filter(|(_, service)| wanted(service))
            .map(|(id, _)| platform.path(id))
            .collect();
        paths.sort();
        paths
    };
    let hosts: BTreeSet<&str> = platform
        .routes
        .iter()
        .map(|r| r.host.value.as_str())
        .collect();
    let mode = |mode: Mode| {
        derived
            .edges
            .as_slice()
            .iter()
            .filter(|e| e.mode == mode)
            .count()
    };
    let set = |name: &str| {
        theirs("services")
            .iter()
            .filter(|s| s["set"] == name)
            .count()
    };
    json!({
        "namespaces": platform.namespaces.len(),
        "services": platform.services.len(),
        // How many rows of the handbook each set has, for services that the model test has found.
        "core": set("core"),
        "declared": set("declared"),
        "platform": set("platform"),
        "flows": platform.flows.len(),
        "edges": derived.edges.as_slice().len(),
        "edges_by_mode": {
            "requires": mode(Mode::Requires),
            "optional": mode(Mode::Optional),
            "observes": mode(Mode::Observes),
        },
        "expose": platform.routes.len(),
        "hosts": hosts.len(),
        "statefulsets": of(&Service::is_stateful),
        "deployments": of(&|s| matches!(s.workload, Workload::Deployment)).len(),
        "hpas": of(&|s| matches!(s.scaling, Scaling::Auto(_))),
        "expose_layer4": platform.addresses.len(),
    })
}

fn capacity(platform: &Platform, is_counted: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    const MI: u64 = 1 << 20;
    const GI: u64 = 1 << 30;
    let mut rows: BTreeMap<String, [u64; 12]> = BTreeMap::new();
    for (id, service) in platform.services() {
        if !is_counted(&platform.path(id)) {
            continue;
        }
        let namespace = platform[service.namespace].name.value.to_string();
        let pods = service.scaling.bounds();
        let (low, high) = (u64::from(pods.min), u64::from(pods.max));
        let (cpu, memory) = amounts(service);
        let volumes: u64 = service.volumes.iter().map(|v| v.size.value.0).sum();
        let row = [
            1,
            low,
            high,
            cpu.min.0 * low,
            cpu.min.0 * high,
            cpu.max.0 * low,
            cpu.max.0 * high,
            memory.min.0 * low / MI,
            memory.min.0 * high / MI,
            memory.max.0 * low / MI,
            memory.max.0 * high / MI,
            volumes * low / GI,
        ];
        for name in [namespace, "total".to_owned()] {
            let sums = rows.entry(name).or_default();
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
    rows.into_iter()
        .map(|(name, sums)| {
            let keys = [
                "services",
                "pods_min",
                "pods_max",
                "cpu_m_request_min",
                "cpu_m_request_max",
                "cpu_m_limit_min",
                "cpu_m_limit_max",
                "memory_mi_request_min",
                "memory_mi_request_max",
                "memory_mi_limit_min",
                "memory_mi_limit_max",
                "volumes_gi",
            ];
            let row: Map<String, Value> = keys
                .into_iter()
                .zip(sums)
                .map(|(key, sum)| (key.to_owned(), json!(sum)))
                .collect();
            (name, Value::Object(row))
        })
        .collect()
}

fn edges(platform: &Platform, derived: &Derived) -> Vec<Value> {
    let mut edges: Vec<Value> = derived
        .edges
        .as_slice()
        .iter()
        .map(|edge| {
            let ports = edge.ports(platform);
            assert_eq!(ports.len(), 1);
            json!({
                "from": platform.peer_name(edge.from),
                "to": platform.peer_name(edge.to),
                "port": edge.port_name(platform),
                "mode": edge.mode.as_str(),
                "container_port": ports[0].port,
                "protocol": ports[0].protocol.as_str(),
            })
        })
        .collect();
    edges.sort_by_key(|e| {
        [
            e["from"].to_string(),
            e["to"].to_string(),
            e["port"].to_string(),
        ]
    });
    edges
}

fn waves(platform: &Platform, derived: &Derived) -> Vec<Value> {
    derived
        .order
        .waves
        .iter()
        .map(|wave| {
            let namespaces: BTreeSet<&str> = wave
                .iter()
                .map(|id| platform[platform[*id].namespace].name.value.as_str())
                .collect();
            json!({
                "namespace": namespaces.into_iter().collect::<Vec<_>>().join(", "),
                "services": wave.iter().map(|id| platform.path(*id)).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn implied(platform: &Platform, derived: &Derived) -> Value {
    let routed = |list: &[erpc_policy::RoutedPort]| -> Vec<Value> {
        list.iter()
            .map(|r| json!([platform.path(r.port.service), *platform[r.port].name.value]))
            .collect()
    };
    json!({
        "why": "DNS: a flow to a service or to internet needs names. Routes: the controller reaches each exposed service, the world reaches the controller and what is exposed at layer 4",
        "dns": derived.implied.dns.iter().map(|id| platform.path(*id)).collect::<Vec<_>>(),
        "controller": routed(&derived.implied.controller),
        "world": routed(&derived.implied.world),
    })
}

#[test]
fn the_source_is_short_enough_to_read() {
    let text = std::fs::read_to_string(repository().join("platform.erp")).expect("the source");
    assert!(text.lines().count() < 450, "{} lines", text.lines().count());
}
