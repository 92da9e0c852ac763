//! Service accounts and what they may do: one for each namespace, without a token; one of its own
//! for each service with grants; those that services name in their `identity`.

use std::collections::BTreeMap;

use erpc_model::{Grant, Namespace, Platform, Service, ServiceId};
use smol_str::SmolStr;

use super::metadata;
use crate::cause::{Cause, Causes};
use crate::kind::Kind;
use crate::object::Object;
use crate::tree::{Field, Map, Node};

const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// Whose rights are written.
struct Account<'p> {
    namespace: &'p Namespace,
    name: SmolStr,
    role: SmolStr,
    binding: SmolStr,
    /// The name of the ClusterRole and its binding: names have no dots, so it is unambiguous.
    cluster_role: SmolStr,
    labels: Map,
    /// Why the account is there.
    cause: Cause,
    /// Why its objects have the name that they have, if it is not for the reason for which they are there.
    name_cause: Option<Cause>,
    has_token: bool,
    token_causes: Causes,
    grants: &'p [Grant],
    /// Whether the account itself is written here, and not only what it may do.
    is_written: bool,
}

/// The account that every namespace has.
const DEFAULT: &str = "default";

/// `<ns>-sa`, and `<ns>-role` with `<ns>-rolebinding` where the namespace has grants; then the accounts that services
/// name, which several may share.
pub(super) fn of_namespaces(platform: &Platform) -> Vec<Object> {
    let named = platform
        .namespaces()
        .flat_map(|(_, namespace)| named_accounts(platform, namespace));
    let of_pods = platform
        .namespaces()
        .filter(|(id, _)| platform.has_account(*id))
        .flat_map(|(_, namespace)| {
            let name = &namespace.name.value;
            let role = SmolStr::new(format!("{name}-role"));
            let account = Account {
                namespace,
                name: format!("{name}-sa").into(),
                role: role.clone(),
                binding: format!("{name}-rolebinding").into(),
                cluster_role: role,
                labels: metadata::platform_labels(platform),
                cause: Cause::said("the account of the namespace's pods", &namespace.name),
                name_cause: None,
                has_token: false,
                token_causes: Cause::always("pods without `grants` get no token").into(),
                grants: &namespace.grants,
                is_written: true,
            };
            account.objects()
        });
    of_pods.chain(named).collect()
}

/// The accounts that services of a namespace name in their `identity`, each once.
fn named_accounts(platform: &Platform, namespace: &Namespace) -> Vec<Object> {
    let mut accounts: BTreeMap<&SmolStr, Vec<&Service>> = BTreeMap::new();
    for id in &namespace.services {
        let service = &platform[*id];
        let account = service.account();
        if let Some(account) = account.filter(|it| !it.is_existing && it.name.value != DEFAULT) {
            accounts
                .entry(&account.name.value)
                .or_default()
                .push(service);
        }
    }
    accounts
        .into_iter()
        .map(|(name, services)| named_account(platform, namespace, name, &services))
        .collect()
}

fn named_account(
    platform: &Platform,
    namespace: &Namespace,
    name: &SmolStr,
    services: &[&Service],
) -> Object {
    let named = services.iter().filter_map(|service| service.account());
    let why = "the ServiceAccount in `identity`";
    let causes: Causes = named.clone().map(|it| Cause::said(why, &it.name)).collect();
    let mut metadata = metadata::in_namespace(namespace, name.clone(), causes.clone());
    metadata.block("labels", metadata::platform_labels(platform));
    let annotations: Map = named
        .flat_map(|account| &account.annotations)
        .map(|(key, value)| {
            let cause = Cause::said("an annotation of the ServiceAccount", value);
            (key.clone(), Field::new(&value.value, cause))
        })
        .collect();
    if !annotations.is_empty() {
        metadata.block("annotations", annotations);
    }
    let mut object = Object::new(Kind::ServiceAccount, metadata, causes);
    // A pod says by itself whether it has a token; the account of a strict service gives none to others.
    let with_grants = services.iter().any(|service| !service.grants.is_empty());
    if !with_grants && services.iter().all(|service| service.is_strict()) {
        let cause = Cause::always("pods without `grants` get no token");
        let fields = object.fields_mut();
        fields.set("automountServiceAccountToken", false, cause);
    }
    object
}

/// Why a service has an account of its own.
const OWN_ACCOUNT: &str = "a service with `grants` has an account of its own";

/// The account of a service with grants of its own.
pub(super) fn of_service(platform: &Platform, id: ServiceId) -> Vec<Object> {
    let service = &platform[id];
    if service.grants.is_empty() {
        return Vec::new();
    }
    let name = &service.name.value;
    let named = service.account().map(|account| &account.name.value);
    let account = Account {
        namespace: &platform[service.namespace],
        role: name.clone(),
        binding: name.clone(),
        name: named.unwrap_or(name).clone(),
        cluster_role: platform.path(id).into(),
        labels: metadata::labels(platform, service),
        cause: Cause::said(OWN_ACCOUNT, &service.name),
        name_cause: Some(Cause::name(service)),
        has_token: true,
        token_causes: account_of(platform, id).map_or(Causes::None, |account| account.causes),
        grants: &service.grants,
        is_written: named.is_none(),
    };
    account.objects()
}

/// The account that a service's pods run under.
pub(super) struct PodAccount {
    pub(super) name: String,
    /// Whether its token is mounted; `None` if the account says it.
    pub(super) has_token: Option<bool>,
    pub(super) causes: Causes,
}

/// The account of a service's pods; `None` for the one that Kubernetes gives every pod.
pub(super) fn account_of(platform: &Platform, id: ServiceId) -> Option<PodAccount> {
    let service = &platform[id];
    if let Some(account) = service.account() {
        let has_grants = !service.grants.is_empty();
        return Some(PodAccount {
            name: account.name.value.to_string(),
            has_token: (has_grants || service.is_strict()).then_some(has_grants),
            causes: Cause::said("the ServiceAccount in `identity`", &account.name).into(),
        });
    }
    if service.grants.is_empty() {
        let namespace = &platform[service.namespace];
        if !service.is_strict() && namespace.grants.is_empty() {
            return None;
        }
        let namespace = &namespace.name;
        let why =
            "a service without `grants` runs under the account of its namespace, without a token";
        return Some(PodAccount {
            name: format!("{}-sa", namespace.value),
            has_token: Some(false),
            causes: Cause::said(why, namespace).into(),
        });
    }
    let grants = service.grants.iter();
    let grants = grants.map(|grant| Cause::at(OWN_ACCOUNT, grant.origin));
    Some(PodAccount {
        name: service.name.value.to_string(),
        has_token: Some(true),
        causes: std::iter::once(Cause::name(service))
            .chain(grants)
            .collect(),
    })
}

impl Account<'_> {
    fn object(&self, kind: Kind, name: &SmolStr, causes: impl Into<Causes>) -> Object {
        let causes = causes.into();
        let mut metadata = if kind.is_namespaced() {
            let name_causes = self.name_cause.map_or_else(|| causes.clone(), Causes::from);
            metadata::in_namespace(self.namespace, name.clone(), name_causes)
        } else {
            let mut metadata = Map::new();
            metadata.set("name", name, causes.clone());
            metadata
        };
        metadata.block("labels", self.labels.clone());
        Object::new(kind, metadata, causes)
    }

    fn objects(&self) -> Vec<Object> {
        let mut account = self.object(Kind::ServiceAccount, &self.name, self.cause);
        account.fields_mut().set(
            "automountServiceAccountToken",
            self.has_token,
            self.token_causes.clone(),
        );
        let mut objects = match self.is_written {
            true => vec![account],
            false => Vec::new(),
        };
        let (wide, narrow): (Vec<&Grant>, Vec<&Grant>) =
            self.grants.iter().partition(|grant| grant.in_cluster);
        let kinds = (Kind::Role, Kind::RoleBinding);
        self.push_rights(kinds, &self.role, &self.binding, &narrow, &mut objects);
        let kinds = (Kind::ClusterRole, Kind::ClusterRoleBinding);
        let name = &self.cluster_role;
        self.push_rights(kinds, name, name, &wide, &mut objects);
        objects
    }

    /// Adds a role with these grants, and its binding.
    fn push_rights(
        &self,
        (role_kind, binding_kind): (Kind, Kind),
        role: &SmolStr,
        binding: &SmolStr,
        grants: &[&Grant],
        objects: &mut Vec<Object>,
    ) {
        if grants.is_empty() {
            return;
        }
        let causes: Causes = grants.iter().map(|grant| said(grant)).collect();
        let mut object = self.object(role_kind, role, causes.clone());
        object.fields_mut().block("rules", rules(grants));
        objects.push(object);
        let mut reference = Map::new();
        reference.block("apiGroup", RBAC_GROUP);
        reference.block("kind", role_kind.as_str());
        reference.block("name", role);
        let mut subject = Map::new();
        subject.block("kind", Kind::ServiceAccount.as_str());
        subject.block("name", &self.name);
        subject.block("namespace", &self.namespace.name.value);
        let mut object = self.object(binding_kind, binding, causes.clone());
        let fields = object.fields_mut();
        fields.set("roleRef", reference, causes);
        fields.set("subjects", vec![Field::plain(subject)], self.cause);
        objects.push(object);
    }
}

const fn said(grant: &Grant) -> Cause {
    Cause::at("`grants`", grant.origin)
}

/// A rule for each API group of each grant: a rule with two groups would grant every name in both.
fn rules(grants: &[&Grant]) -> Vec<Field> {
    let mut rules = Vec::new();
    for grant in grants {
        let mut groups: Vec<&str> = grant.resources.iter().map(|r| r.group.as_str()).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let of_group = grant.resources.iter().filter(|r| r.group == group);
            let mut resources: Vec<String> = of_group.map(|r| r.name.to_string()).collect();
            resources.sort_unstable();
            let mut rule = Map::new();
            rule.block("apiGroups", Node::texts([group]));
            rule.block("resources", Node::texts(resources));
            rule.block("verbs", Node::texts(&grant.verbs));
            rules.push(Field::new(rule, said(grant)));
        }
    }
    rules
}
