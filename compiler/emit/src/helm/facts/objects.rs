//! Objects of a service as entries: what the templates print as it is, without what is a value.

use std::collections::BTreeSet;

use erpc_model::ServiceId;
use k8s_openapi::api::networking::v1::{Ingress, IngressRule, IngressTLS};

use super::entry::{self, Entry};
use super::{Facts, List, place};
use crate::Object;
use crate::helm::values::hosts;

/// The annotation with which an uninstall leaves an object.
pub(super) const KEEP: &str = "helm.sh/resource-policy";
/// What every object has, which templates write.
const WRITTEN: &[&str] = &["apiVersion", "kind", "metadata"];

/// Adds all that an object says.
pub(super) fn whole(entry: Entry, object: &Object) -> Entry {
    let mut entry = entry;
    match object {
        Object::Role(role) => entry.some("rules", role.rules.as_ref()),
        Object::ClusterRole(role) => entry.some("rules", role.rules.as_ref()),
        Object::RoleBinding(binding) => {
            entry.block("roleRef", &binding.role_ref, &[]);
            entry.some("subjects", binding.subjects.as_ref());
        }
        Object::ClusterRoleBinding(binding) => {
            entry.block("roleRef", &binding.role_ref, &[]);
            entry.some("subjects", binding.subjects.as_ref());
        }
        Object::ServiceAccount(account) => {
            let has_token = account.automount_service_account_token;
            entry.flag("automountServiceAccountToken", has_token != Some(false));
        }
        Object::IngressClass(class) => entry.some("spec", class.spec.as_ref()),
        Object::LimitRange(range) => entry.some("spec", range.spec.as_ref()),
        Object::Service(service) => entry.some("spec", service.spec.as_ref()),
        // What they are stands without a specification around it.
        Object::ConfigMap(_) | Object::StorageClass(_) => entry.block("fields", object, WRITTEN),
        // A default-deny; rules come from the contracts.
        Object::NetworkPolicy(_) => {}
        _ => entry.block("spec", object, WRITTEN),
    }
    entry
}

impl Facts<'_> {
    /// The entry of an object that belongs to a service.
    pub(super) fn owned(&self, id: ServiceId, object: &Object, written: &[&str]) -> Entry {
        let (namespace, service) = place(self.platform, id);
        Entry::replacing(object.metadata(), Some((namespace, Some(service))), written)
    }

    pub(super) fn object(&self, id: ServiceId, object: &Object, list: &mut List) {
        let entry = match object {
            // No patch changes one; they come from the contracts, on each cluster.
            Object::NetworkPolicy(_) => return,
            Object::Ingress(ingress) => return self.ingress(id, object, ingress, list),
            Object::HorizontalPodAutoscaler(scaler) => self.autoscaler(id, object, scaler, list),
            Object::PodDisruptionBudget(budget) => self.budget(id, object, budget, list),
            Object::Deployment(_)
            | Object::StatefulSet(_)
            | Object::Job(_)
            | Object::CronJob(_) => self.workload(id, object, list),
            Object::PersistentVolumeClaim(claim) => {
                let mut entry = self.owned(id, object, &[KEEP]);
                if let Some(spec) = &claim.spec {
                    let values = self.claim_values(id, object.name(), spec, list);
                    entry.block("spec", spec, values);
                }
                entry
            }
            Object::Service(_) => {
                let mut entry = self.owned(id, object, &[]);
                self.when_replicated(id, object.name(), &mut entry);
                whole(entry, object)
            }
            _ => whole(self.owned(id, object, &[]), object),
        };
        list.push(object.kind(), entry);
    }

    /// The rules without their hosts, which are values, in the hosts' order; an entry for each
    /// class that clusters say.
    fn ingress(&self, id: ServiceId, object: &Object, ingress: &Ingress, list: &mut List) {
        let mut entry = self.owned(id, object, &[]);
        let mut spec = ingress.spec.clone().unwrap_or_default();
        let hosts = hosts(self.platform, id);
        let rules = spec.rules.iter().flatten();
        let said: BTreeSet<&str> = rules.filter_map(|rule| rule.host.as_deref()).collect();
        if said == hosts.iter().copied().collect() {
            let rules = spec.rules.take().unwrap_or_default();
            let tls = spec.tls.take().unwrap_or_default();
            push_rules(&mut entry, &hosts, &rules, &tls);
        } else {
            self.fix(id, "hosts", list);
        }
        let own = self.platform.cluster().ingress.as_ref();
        let own = own.map(|ingress| ingress.class.value.as_str());
        if spec.ingress_class_name.as_deref() != own {
            entry.block("spec", &spec, &[]);
            return list.push(object.kind(), entry);
        }
        for (class, on) in self.sites.ingress_classes() {
            let mut entry = entry.clone();
            spec.ingress_class_name = class.map(str::to_owned);
            entry.block("spec", &spec, &[]);
            entry.clusters = self.sites.unless_all(&on);
            list.push(object.kind(), entry);
        }
    }
}

/// The paths of each host, and of which hosts a certificate is, by their places among the hosts.
fn push_rules(entry: &mut Entry, hosts: &[&str], rules: &[IngressRule], tls: &[IngressTLS]) {
    let lines = entry.body();
    lines.push_str("  paths:\n");
    for host in hosts {
        let rule = rules
            .iter()
            .find(|rule| rule.host.as_deref() == Some(*host));
        if let Some(http) = rule.and_then(|rule| rule.http.as_ref()) {
            entry::item(lines, 2, &http.paths);
        }
    }
    if tls.is_empty() {
        return;
    }
    lines.push_str("  tls:\n");
    for tls in tls {
        let of = tls.hosts.iter().flatten();
        let of = of.filter_map(|host| hosts.iter().position(|known| host == known));
        let of: Vec<String> = of.map(|place| place.to_string()).collect();
        lines.push_str("  - ");
        let secret = tls.secret_name.as_deref().unwrap_or_default();
        entry::line(lines, 0, "secretName", secret);
        lines.push_str("    hosts: [");
        lines.push_str(&of.join(", "));
        lines.push_str("]\n");
    }
}
