//! Service accounts and what they may do: one for each namespace, without a token; one of its own
//! for each service with grants.

use erpc_model::{Grant, Platform, Resource, ServiceId};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::metadata::{self, Strings};
use crate::Object;

const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// Whose rights are written.
struct Account<'p> {
    namespace: &'p str,
    name: String,
    role: String,
    binding: String,
    /// The name of the ClusterRole and its binding: names have no dots, so it is unambiguous.
    cluster_role: String,
    labels: Strings,
    has_token: bool,
    grants: &'p [Grant],
}

/// `<ns>-sa`, and `<ns>-role` with `<ns>-rolebinding` where the namespace has grants.
pub(super) fn of_namespaces(platform: &Platform) -> Vec<Object> {
    platform
        .namespaces()
        .flat_map(|(_, namespace)| {
            let name = &namespace.name.value;
            let account = Account {
                namespace: name,
                name: format!("{name}-sa"),
                role: format!("{name}-role"),
                binding: format!("{name}-rolebinding"),
                cluster_role: format!("{name}-role"),
                labels: metadata::platform_labels(platform),
                has_token: false,
                grants: &namespace.grants,
            };
            account.objects()
        })
        .collect()
}

/// The account of a service with grants of its own.
pub(super) fn of_service(platform: &Platform, id: ServiceId) -> Vec<Object> {
    let service = &platform[id];
    if service.grants.is_empty() {
        return Vec::new();
    }
    let name = service.name.value.to_string();
    let account = Account {
        namespace: &platform[service.namespace].name.value,
        role: name.clone(),
        binding: name.clone(),
        name,
        cluster_role: platform.path(id),
        labels: metadata::labels(platform, service),
        has_token: true,
        grants: &service.grants,
    };
    account.objects()
}

/// The account that a service's pods run under, and whether its token is mounted.
pub(super) fn account_of(platform: &Platform, id: ServiceId) -> (String, bool) {
    let service = &platform[id];
    if service.grants.is_empty() {
        let namespace = &platform[service.namespace].name.value;
        (format!("{namespace}-sa"), false)
    } else {
        (service.name.value.to_string(), true)
    }
}

impl Account<'_> {
    fn meta(&self, name: &str, is_namespaced: bool) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: is_namespaced.then(|| self.namespace.to_owned()),
            labels: Some(self.labels.clone()),
            ..ObjectMeta::default()
        }
    }

    fn objects(&self) -> Vec<Object> {
        let mut objects = vec![Object::from(ServiceAccount {
            metadata: self.meta(&self.name, true),
            automount_service_account_token: Some(self.has_token),
            ..ServiceAccount::default()
        })];
        let subject = Subject {
            kind: "ServiceAccount".to_owned(),
            name: self.name.clone(),
            namespace: Some(self.namespace.to_owned()),
            api_group: None,
        };
        let (wide, narrow): (Vec<&Grant>, Vec<&Grant>) =
            self.grants.iter().partition(|grant| grant.in_cluster);
        if !narrow.is_empty() {
            objects.push(Object::from(Role {
                metadata: self.meta(&self.role, true),
                rules: Some(rules(&narrow)),
            }));
            objects.push(Object::from(RoleBinding {
                metadata: self.meta(&self.binding, true),
                role_ref: role_ref("Role", &self.role),
                subjects: Some(vec![subject.clone()]),
            }));
        }
        if !wide.is_empty() {
            objects.push(Object::from(ClusterRole {
                metadata: self.meta(&self.cluster_role, false),
                rules: Some(rules(&wide)),
                aggregation_rule: None,
            }));
            objects.push(Object::from(ClusterRoleBinding {
                metadata: self.meta(&self.cluster_role, false),
                role_ref: role_ref("ClusterRole", &self.cluster_role),
                subjects: Some(vec![subject]),
            }));
        }
        objects
    }
}

fn role_ref(kind: &str, name: &str) -> RoleRef {
    RoleRef {
        api_group: RBAC_GROUP.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
    }
}

/// A rule for each API group of each grant: a rule with two groups would grant every name in both.
fn rules(grants: &[&Grant]) -> Vec<PolicyRule> {
    let mut rules = Vec::new();
    for grant in grants {
        let mut groups: Vec<&str> = grant.resources.iter().map(|r| r.group.as_str()).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let mut resources: Vec<String> = grant
                .resources
                .iter()
                .filter(|resource| resource.group == group)
                .map(|Resource { name, .. }| name.to_string())
                .collect();
            resources.sort_unstable();
            rules.push(PolicyRule {
                api_groups: Some(vec![group.to_owned()]),
                resources: Some(resources),
                verbs: grant.verbs.iter().map(ToString::to_string).collect(),
                ..PolicyRule::default()
            });
        }
    }
    rules
}
