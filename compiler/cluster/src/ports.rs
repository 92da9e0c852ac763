//! The ports of a Service while its pods change: which entries serve pods of both revisions, so that
//! neither side of a rollout loses an endpoint, and what no set of entries can serve.
//!
//! An entry with a numeric `targetPort` is the same number in every pod. The `EndpointSlice` controller
//! looks up a *named* `targetPort` in each pod, and leaves out of that port the pods that lack the name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The ports of a Service between two revisions of its pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Transition {
    /// `spec.ports` while pods of both revisions run; `None` if the new ports serve both.
    pub between: Option<Vec<Value>>,
    /// What callers lose on the way, in words.
    pub losses: Vec<String>,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    number: u64,
    protocol: String,
    name: String,
    target: Value,
    body: Value,
}

impl Entry {
    fn all(service: &Value) -> Vec<Self> {
        let ports = service["spec"]["ports"].as_array();
        ports.into_iter().flatten().map(Self::of).collect()
    }

    fn of(port: &Value) -> Self {
        let number = port["port"].as_u64().unwrap_or(0);
        Self {
            number,
            protocol: port["protocol"].as_str().unwrap_or("TCP").to_owned(),
            name: port["name"].as_str().unwrap_or_default().to_owned(),
            // The API server's default.
            target: match &port["targetPort"] {
                Value::Null => json!(number),
                target => target.clone(),
            },
            body: port.clone(),
        }
    }

    fn key(&self) -> (u64, &str) {
        (self.number, &self.protocol)
    }

    /// As it is written. Node ports stay with the API server, which carries them over by the name of
    /// the port.
    fn with(&self, name: &str, target: Value) -> Self {
        let mut body = json!({
            "name": name,
            "port": self.number,
            "protocol": self.protocol,
            "targetPort": target,
        });
        if let Some(protocol) = self.body["appProtocol"].as_str() {
            body["appProtocol"] = json!(protocol);
        }
        Self {
            name: name.to_owned(),
            target,
            body,
            ..self.clone()
        }
    }

    fn serves_like(&self, other: &Self) -> bool {
        self.key() == other.key() && self.name == other.name && self.target == other.target
    }

    fn label(&self) -> String {
        format!("port {} ({}/{})", self.name, self.number, self.protocol)
    }
}

/// The ports that the containers of a pod declare.
struct ContainerPorts(Vec<(String, u64, String)>);

impl ContainerPorts {
    /// Those of a pod template or of a pod.
    fn of(pod: &Value) -> Self {
        let containers = |key: &str| pod["spec"][key].as_array().into_iter().flatten();
        // A sidecar is an init container that keeps running (KEP-753).
        let sidecars = containers("initContainers").filter(|one| one["restartPolicy"] == "Always");
        let ports = containers("containers")
            .chain(sidecars)
            .flat_map(|container| container["ports"].as_array().into_iter().flatten());
        Self(
            ports
                .map(|port| {
                    (
                        port["name"].as_str().unwrap_or_default().to_owned(),
                        port["containerPort"].as_u64().unwrap_or(0),
                        port["protocol"].as_str().unwrap_or("TCP").to_owned(),
                    )
                })
                .collect(),
        )
    }

    fn name_of(&self, target: &Value, protocol: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, number, of)| {
            of == protocol
                && !name.is_empty()
                && match target {
                    Value::String(wanted) => name == wanted,
                    wanted => wanted.as_u64() == Some(*number),
                }
        });
        found.map(|(name, ..)| name.as_str())
    }

    fn has_name(&self, name: &str, protocol: &str) -> bool {
        self.name_of(&json!(name), protocol).is_some()
    }
}

/// The ports of a Service between the pods that the templates `old` and `new` describe. `live` is the
/// Service as it is, which may be in transition already.
pub(crate) fn transition(live: &Value, desired: &Value, old: &Value, new: &Value) -> Transition {
    Builder {
        live: Entry::all(live),
        desired: Entry::all(desired),
        old: ContainerPorts::of(old),
        new: ContainerPorts::of(new),
        is_headless: desired["spec"]["clusterIP"] == "None",
        has_node_ports: matches!(
            desired["spec"]["type"].as_str(),
            Some("NodePort" | "LoadBalancer")
        ),
    }
    .build()
}

struct Builder {
    live: Vec<Entry>,
    desired: Vec<Entry>,
    old: ContainerPorts,
    new: ContainerPorts,
    is_headless: bool,
    has_node_ports: bool,
}

impl Builder {
    fn build(&self) -> Transition {
        let mut losses = Vec::new();
        let mut between: Vec<Entry> = self
            .live
            .iter()
            .map(|entry| self.kept(entry, &mut losses))
            .collect();
        for entry in &self.desired {
            if self.live.iter().any(|live| live.key() == entry.key()) {
                continue;
            }
            let before = self.live.iter().find(|live| {
                self.successor(live)
                    .is_some_and(|successor| successor.key() == entry.key())
            });
            // Two entries cannot share a node port, and the earlier one serves both revisions.
            if self.has_node_ports && before.is_some() {
                continue;
            }
            let target = match before {
                Some(before) if before.target == entry.target => entry.target.clone(),
                _ => self.named_or_number(entry),
            };
            let name = free_name(&between, &self.desired, entry);
            between.push(entry.with(&name, target));
        }
        if !self.has_node_ports {
            self.announce_names(&mut between);
        }
        let is_final = between.len() == self.desired.len()
            && between
                .iter()
                .all(|entry| self.desired.iter().any(|other| entry.serves_like(other)));
        Transition {
            between: (!is_final).then(|| between.into_iter().map(|entry| entry.body).collect()),
            losses,
        }
    }

    /// A live entry, with a target that reaches pods of both revisions where there is one.
    fn kept(&self, entry: &Entry, losses: &mut Vec<String>) -> Entry {
        let protocol = entry.protocol.as_str();
        let old_name = self.old.name_of(&entry.target, protocol);
        let only_old = || match old_name {
            // New pods lack the name, so that they are not behind this port.
            Some(name) if !self.new.has_name(name, protocol) => json!(name),
            _ => entry.target.clone(),
        };
        let Some(successor) = self.successor(entry) else {
            losses.push(format!(
                "{} is removed: callers that still use it lose it when the pods are replaced",
                entry.label()
            ));
            return entry.with(&entry.name, only_old());
        };
        let taken = self.desired.iter().find(|new| new.key() == entry.key());
        if taken.is_some_and(|new| new.key() != successor.key()) {
            losses.push(format!(
                "{} becomes {}: until every caller is replaced, some reach the wrong port",
                entry.label(),
                taken.map(Entry::label).unwrap_or_default()
            ));
        }
        if entry.target == successor.target {
            return match successor.serves_like(entry) {
                true => successor.clone(),
                false => entry.with(&entry.name, entry.target.clone()),
            };
        }
        let new_name = self.new.name_of(&successor.target, protocol);
        match (old_name.or(entry.target.as_str()), new_name) {
            (Some(old), Some(new)) if old == new => {
                if self.is_headless {
                    losses.push(format!(
                        "{} moves to {} in the pods, and a headless Service translates no port: callers of the earlier version cannot reach new pods until they are replaced too",
                        entry.label(),
                        successor.number
                    ));
                }
                entry.with(&entry.name, json!(old))
            }
            _ => {
                losses.push(format!(
                    "{} moves to another container port, and old and new pods have no common name for it: callers of the earlier version cannot reach new pods",
                    entry.label()
                ));
                entry.with(&entry.name, only_old())
            }
        }
    }

    /// What a live port is afterwards: the port of its name, of its number, or of its target.
    fn successor(&self, entry: &Entry) -> Option<&Entry> {
        let same_protocol = || {
            let desired = self.desired.iter();
            desired.filter(|new| new.protocol == entry.protocol)
        };
        let name_in_pods = |new: &&Entry| {
            let name = self.new.name_of(&new.target, &new.protocol);
            name.is_some() && name == entry.target.as_str()
        };
        same_protocol()
            .find(|new| new.name == entry.name)
            .or_else(|| same_protocol().find(name_in_pods))
            .or_else(|| same_protocol().find(|new| new.number == entry.number))
            .or_else(|| same_protocol().find(|new| new.target == entry.target))
    }

    fn named_or_number(&self, entry: &Entry) -> Value {
        match self.new.name_of(&entry.target, &entry.protocol) {
            Some(name) => json!(name),
            None => entry.target.clone(),
        }
    }

    /// kube-proxy and Ingress controllers find endpoints by the *name* of a port. A name that is new is
    /// served at a number that no caller uses, so that its endpoints are known when it takes its place.
    fn announce_names(&self, between: &mut Vec<Entry>) {
        for entry in &self.desired {
            if between.iter().any(|other| other.name == entry.name) {
                continue;
            }
            let is_free = |number: &u64| {
                let mut used = between.iter().chain(&self.desired);
                used.all(|other| other.number != *number)
            };
            let Some(number) = (1..=u64::from(u16::MAX)).rev().find(is_free) else {
                continue;
            };
            let unchanged = self.live.iter().any(|live| live.target == entry.target);
            let target = match unchanged {
                true => entry.target.clone(),
                false => self.named_or_number(entry),
            };
            let placeholder = Entry {
                number,
                ..entry.clone()
            };
            between.push(placeholder.with(&entry.name, target));
        }
    }
}

/// The name of an entry that joins others: its own unless that is taken.
fn free_name(between: &[Entry], desired: &[Entry], entry: &Entry) -> String {
    let taken: BTreeSet<&str> = between.iter().map(|other| other.name.as_str()).collect();
    if !taken.contains(entry.name.as_str()) {
        return entry.name.clone();
    }
    let also: BTreeSet<&str> = desired.iter().map(|other| other.name.as_str()).collect();
    let mut name = format!("{}-{}", entry.name, entry.number);
    while taken.contains(name.as_str()) || also.contains(name.as_str()) {
        name.push_str("-new");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::transition;
    use serde_json::{Value, json};

    /// `http 80 8080` is a port with its name, number and target; `/UDP` after it its protocol.
    fn ports(text: &str) -> Vec<(String, u64, Value, String)> {
        text.split(", ")
            .filter(|port| !port.is_empty())
            .map(|port| {
                let (port, protocol) = port.split_once('/').unwrap_or((port, "TCP"));
                let words: Vec<&str> = port.split(' ').collect();
                let target = match words[2].parse::<u64>() {
                    Ok(number) => json!(number),
                    Err(_) => json!(words[2]),
                };
                let number = words[1].parse().expect("a number");
                (words[0].to_owned(), number, target, protocol.to_owned())
            })
            .collect()
    }

    fn service(text: &str, kind: &str) -> Value {
        let ports: Vec<Value> = ports(text)
            .into_iter()
            .map(|(name, port, target, protocol)| {
                json!({ "name": name, "port": port, "targetPort": target, "protocol": protocol })
            })
            .collect();
        let mut service = json!({ "spec": { "type": kind, "ports": ports } });
        if kind == "None" {
            service["spec"] = json!({ "type": "ClusterIP", "clusterIP": "None", "ports": ports });
        }
        service
    }

    /// The template whose containers have the ports that a Service leads to.
    fn template(text: &str) -> Value {
        let ports: Vec<Value> = ports(text)
            .into_iter()
            .map(|(name, _, target, protocol)| {
                let is_range = name.contains('-');
                let name = (!is_range).then_some(name);
                json!({ "name": name, "containerPort": target, "protocol": protocol })
            })
            .collect();
        json!({ "spec": { "containers": [{ "ports": ports }] } })
    }

    /// The ports between two revisions, in the same words, and how many losses there are.
    fn between_of(kind: &str, old: &str, new: &str) -> (String, usize) {
        let transition = transition(
            &service(old, kind),
            &service(new, kind),
            &template(old),
            &template(new),
        );
        (
            shown(transition.between.as_deref()),
            transition.losses.len(),
        )
    }

    fn shown(ports: Option<&[Value]>) -> String {
        let Some(ports) = ports else {
            return "as declared".to_owned();
        };
        let ports: Vec<String> = ports
            .iter()
            .map(|port| {
                let target = port["targetPort"].to_string();
                let name = port["name"].as_str().expect("a name");
                let text = format!("{name} {} {}", port["port"], target.trim_matches('"'));
                match port["protocol"].as_str() {
                    Some("TCP") => text,
                    other => format!("{text}/{}", other.expect("a protocol")),
                }
            })
            .collect();
        ports.join(", ")
    }

    #[track_caller]
    fn between(old: &str, new: &str, expected: &str, losses: usize) {
        assert_eq!(
            between_of("ClusterIP", old, new),
            (expected.to_owned(), losses)
        );
    }

    #[test]
    fn a_port_that_moves_is_looked_up_in_each_pod_by_its_name() {
        between("http 80 8080", "http 80 8090", "http 80 http", 0);
    }

    #[test]
    fn a_number_that_moves_is_there_beside_the_earlier_one() {
        between(
            "http 8080 8080",
            "http 8090 8090",
            "http 8080 http, http-8090 8090 http",
            0,
        );
        between(
            "http 80 8080",
            "http 81 8080",
            "http 80 8080, http-81 81 8080",
            0,
        );
    }

    #[test]
    fn a_name_that_is_new_has_endpoints_before_it_takes_its_place() {
        between(
            "http 8080 8080",
            "web 8080 8080",
            "http 8080 8080, web 65535 8080",
            0,
        );
    }

    #[test]
    fn what_does_not_move_stays_as_it_is() {
        between("http 80 8080", "http 80 8080", "as declared", 0);
        between(
            "http 80 8080, admin 90 9090",
            "http 80 8081, admin 90 9090",
            "http 80 http, admin 90 9090",
            0,
        );
    }

    #[test]
    fn a_port_that_is_added_has_only_the_pods_that_have_it() {
        between(
            "http 80 8080",
            "http 80 8080, admin 90 9090",
            "http 80 8080, admin 90 admin",
            0,
        );
        between("", "http 80 8080", "http 80 http", 0);
    }

    #[test]
    fn a_port_that_is_removed_is_lost_to_those_who_use_it() {
        between(
            "http 80 8080, admin 90 9090",
            "http 80 8080",
            "http 80 8080, admin 90 admin",
            1,
        );
    }

    #[test]
    fn a_protocol_is_another_port() {
        between(
            "dns 53 53",
            "dns 53 53/UDP",
            "dns 53 dns, dns-53 53 dns/UDP",
            1,
        );
        between("dns 53 5353/UDP", "dns 53 5354/UDP", "dns 53 dns/UDP", 0);
    }

    #[test]
    fn a_range_that_moves_has_no_name_in_pods() {
        between(
            "rtp-5000 5000 5000",
            "rtp-5000 5000 6000",
            "rtp-5000 5000 5000",
            1,
        );
    }

    #[test]
    fn two_ports_that_change_places_cannot_both_be_served() {
        let (_, losses) = between_of(
            "ClusterIP",
            "http 80 8080, admin 90 9090",
            "http 90 9090, admin 80 8080",
        );
        assert_eq!(losses, 2);
    }

    #[test]
    fn a_headless_service_translates_nothing() {
        let (ports, losses) = between_of("None", "sql 5432 5432", "sql 5433 5433");
        assert_eq!(
            (ports.as_str(), losses),
            ("sql 5432 sql, sql-5433 5433 sql", 1)
        );
    }

    #[test]
    fn an_entry_with_a_node_port_serves_both_and_moves_last() {
        assert_eq!(
            between_of("NodePort", "http 8080 8080", "http 8090 8090"),
            ("http 8080 http".to_owned(), 0)
        );
        assert_eq!(
            between_of("LoadBalancer", "http 80 8080", "web 80 8080"),
            ("http 80 8080".to_owned(), 0)
        );
    }

    #[test]
    fn a_transition_that_was_cut_is_taken_up_as_it_is() {
        for (old, new) in [
            ("http 8080 8080", "http 8090 8090"),
            ("http 8080 8080", "web 8080 8080"),
            ("http 80 8080", "http 80 8090, admin 90 9090"),
        ] {
            let (cut, _) = between_of("ClusterIP", old, new);
            for pods in [old, new] {
                for wanted in [old, new] {
                    let live = service(&cut, "ClusterIP");
                    let desired = service(wanted, "ClusterIP");
                    let again = transition(&live, &desired, &template(pods), &template(wanted));
                    assert_eq!(
                        shown(again.between.as_deref()),
                        cut,
                        "{old} to {new}, {wanted}"
                    );
                }
            }
        }
    }
}
