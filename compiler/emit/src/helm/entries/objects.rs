//! Objects of a service as entries: what the templates print as it is, without what is a value.

use std::collections::BTreeMap;

use erpc_model::ServiceId;

use super::entry::{self, Entry};
use super::{Gatherer, List, place};
use crate::Object;
use crate::helm::values::hosts;
use crate::kind::Kind;
use crate::tree::{Field, Map};

/// The annotation with which an uninstall leaves an object.
pub(super) const KEEP: &str = "helm.sh/resource-policy";
/// What every object has, which templates write.
const WRITTEN: &[&str] = &["apiVersion", "kind", "metadata"];

/// Adds all that an object says.
pub(super) fn whole(mut entry: Entry, object: &Object) -> Entry {
    match object.kind() {
        Kind::Role | Kind::ClusterRole => entry.some("rules", object.at(&["rules"])),
        Kind::RoleBinding | Kind::ClusterRoleBinding => {
            entry.some("roleRef", object.at(&["roleRef"]));
            entry.some("subjects", object.at(&["subjects"]));
        }
        Kind::ServiceAccount => {
            if let Some(has_token) = object.at(&["automountServiceAccountToken"]) {
                entry.flag(
                    "automountServiceAccountToken",
                    has_token.node == true.into(),
                );
            }
        }
        // What they are stands without a specification around it.
        Kind::ConfigMap | Kind::StorageClass => {
            entry.block("fields", &object.fields().without(WRITTEN));
        }
        // A default-deny; rules come from the contracts.
        Kind::NetworkPolicy => {}
        _ => entry.spec(object, &[]),
    }
    entry
}

impl Gatherer<'_> {
    /// The entry of an object that belongs to a service.
    pub(super) fn owned(&self, id: ServiceId, object: &Object, written: &[&str]) -> Entry {
        let (namespace, service) = place(self.platform, id);
        Entry::replacing(object, Some((namespace, Some(service))), written)
    }

    pub(super) fn object(&self, id: ServiceId, object: &Object, list: &mut List) {
        let entry = match object.kind() {
            // No patch changes one; they come from the contracts, on each cluster.
            Kind::NetworkPolicy => return,
            Kind::Ingress => return self.ingress(id, object, list),
            Kind::HorizontalPodAutoscaler => self.autoscaler(id, object),
            Kind::PodDisruptionBudget => self.budget(id, object),
            Kind::PersistentVolumeClaim => {
                let mut entry = self.owned(id, object, &[KEEP]);
                if let Some(spec) = object.at(&["spec"]) {
                    let values = self.claim_values(id, object.name(), spec, list);
                    entry.spec(object, values);
                }
                entry
            }
            Kind::Service => {
                let mut entry = self.owned(id, object, &[]);
                self.when_replicated(id, object.name(), &mut entry);
                whole(entry, object)
            }
            kind if kind.is_workload() => self.workload(id, object, list),
            _ => whole(self.owned(id, object, &[]), object),
        };
        list.push(object.kind(), entry);
    }

    /// The rules without their hosts, which are values, in the hosts' order; an entry for each
    /// class that clusters say.
    fn ingress(&self, id: ServiceId, object: &Object, list: &mut List) {
        let mut entry = self.owned(id, object, &[]);
        push_rules(&mut entry, &hosts(self.platform, id), object);
        for (class, on) in self.sites.ingress_classes() {
            let mut entry = entry.clone();
            if let Some(class) = class {
                let mut spec = Map::new();
                spec.block("ingressClassName", class);
                entry.block("spec", &spec);
            }
            entry.clusters = self.sites.unless_all(&on);
            list.push(object.kind(), entry);
        }
    }
}

/// The paths of each host, and of which hosts a certificate is, by their places among the hosts.
fn push_rules(entry: &mut Entry, hosts: &[&str], ingress: &Object) {
    let list = |key| {
        let list = ingress.at(&["spec", key]).and_then(Field::as_list);
        list.unwrap_or_default()
    };
    let by_host: BTreeMap<&str, &Field> = list("rules")
        .iter()
        .filter_map(|rule| Some((rule.at(&["host"])?.as_text()?, rule.at(&["http", "paths"])?)))
        .collect();
    let lines = entry.body();
    lines.push_str("  paths:\n");
    for host in hosts {
        if let Some(paths) = by_host.get(host) {
            entry::item(lines, 2, paths);
        }
    }
    let tls = list("tls");
    if tls.is_empty() {
        return;
    }
    lines.push_str("  tls:\n");
    for tls in tls {
        let of = tls.at(&["hosts"]).and_then(Field::as_list);
        let of = of.unwrap_or_default().iter().filter_map(Field::as_text);
        let of = of.filter_map(|host| hosts.iter().position(|known| host == *known));
        let of: Vec<String> = of.map(|place| place.to_string()).collect();
        lines.push_str("  - ");
        let secret = tls.at(&["secretName"]).and_then(Field::as_text);
        entry::line(lines, 0, "secretName", secret.unwrap_or_default());
        lines.push_str("    hosts: [");
        lines.push_str(&of.join(", "));
        lines.push_str("]\n");
    }
}
