//! Contracts with the network on each cluster that the platform may be on, with and without
//! routes: peers by their names, so that a template can leave out who is off.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::Diagnostics;
use erpc_model::{ClusterId, End, Platform, ServiceId};
use erpc_policy::{
    Derived, EgressRule, Implied, IngressRule, Peer, PodSelector, PolicyPort, WorkloadPolicy,
    needs_dns, policies,
};
use serde_json::{Map, Value, json};

use super::{Facts, List, json_of};
use crate::helm::Variants;
use crate::kubernetes::network_policy::{self, Part};

/// The clusters that a platform may be on: its own first, then those of its profiles.
pub(super) struct Sites<'p>(Vec<Site<'p>>);

/// A platform on one cluster.
pub(super) struct Site<'p> {
    platform: Cow<'p, Platform>,
    /// By the ids of the platform without a profile.
    contracts: Vec<Option<Contract>>,
}

#[derive(Clone)]
struct Contract {
    with_routes: Allowed,
    /// Where no route is served; `None` where that changes nothing.
    without_routes: Option<Allowed>,
}

#[derive(Clone)]
struct Allowed {
    policy: WorkloadPolicy,
    /// Whether the last rule of egress is that of DNS.
    asks_dns: bool,
}

impl Allowed {
    fn of(policy: WorkloadPolicy, implied: &Implied) -> Self {
        Self {
            asks_dns: implied.dns.binary_search(&policy.service).is_ok(),
            policy,
        }
    }
}

impl<'p> Sites<'p> {
    pub(super) fn of(variants: &'p Variants<'p>) -> Self {
        let platform = variants.platform;
        let mut seen = BTreeSet::from([platform.cluster]);
        let own = Site::of(
            Cow::Borrowed(platform),
            variants.derived,
            variants.derived.policies.clone(),
        );
        let mut sites = vec![own];
        for (_, under) in &variants.profiles {
            if seen.insert(under.cluster) {
                sites.push(Site::on(variants, under.cluster));
            }
        }
        Self(sites)
    }

    pub(super) fn all(&self) -> &[Site<'p>] {
        &self.0
    }

    /// Says on which clusters something is, unless it is on all.
    pub(super) fn only_on(&self, names: &BTreeSet<String>, entry: &mut Map<String, Value>) {
        if names.len() < self.0.len() {
            entry.insert("clusters".to_owned(), json!(names));
        }
    }

    /// Where a service can be.
    pub(super) fn possible(&self, id: ServiceId) -> BTreeSet<String> {
        self.names(|site| site.contracts[id.index()].is_some())
    }

    /// Where a service serves the routes.
    pub(super) fn with_controller(&self, place: &Map<String, Value>) -> BTreeSet<String> {
        self.names(|site| site.controller() == *place)
    }

    fn names(&self, wanted: impl Fn(&Site<'_>) -> bool) -> BTreeSet<String> {
        let sites = self.0.iter().filter(|site| wanted(site));
        sites.map(|site| site.name().to_owned()).collect()
    }

    /// The classes of Ingresses, each with the clusters that have it.
    pub(super) fn ingress_classes(&self) -> BTreeMap<Option<String>, BTreeSet<String>> {
        let mut classes: BTreeMap<Option<String>, BTreeSet<String>> = BTreeMap::new();
        for site in &self.0 {
            let ingress = site.platform.cluster().ingress.as_ref();
            let class = ingress.map(|ingress| ingress.class.value.to_string());
            let on = classes.entry(class).or_default();
            on.insert(site.name().to_owned());
        }
        classes
    }
}

impl<'p> Site<'p> {
    /// The platform as it is on the cluster that it names.
    fn of(platform: Cow<'p, Platform>, derived: &Derived, policies: Vec<WorkloadPolicy>) -> Self {
        let implied = Implied::without_routes(&platform, &derived.edges);
        let without = erpc_policy::policies(&platform, &derived.edges, &implied);
        let contracts = policies.into_iter().zip(without).map(|(policy, without)| {
            Some(Contract {
                without_routes: (without != policy).then(|| Allowed::of(without, &implied)),
                with_routes: Allowed::of(policy, &derived.implied),
            })
        });
        Self {
            contracts: contracts.collect(),
            platform,
        }
    }

    /// The platform on another cluster. Where that lacks a fact that some service needs, what it
    /// has is what it has under the profile that names it and keeps most.
    fn on(variants: &'p Variants<'p>, cluster: ClusterId) -> Self {
        let mut platform = variants.platform.clone();
        platform.cluster = cluster;
        let edges = &variants.derived.edges;
        let mut found = Diagnostics::new();
        let implied = Implied::of(&platform, edges, &mut found);
        if !found.has_errors() {
            let policies = policies(&platform, edges, &implied);
            let derived = Derived {
                implied,
                ..variants.derived.clone()
            };
            return Self::of(Cow::Owned(platform), &derived, policies);
        }
        let under = variants.profiles.iter().map(|(_, under)| under);
        let under = under.filter(|under| under.cluster == cluster);
        let Some(under) = under.max_by_key(|under| under.services.len()) else {
            return Self {
                contracts: vec![None; variants.platform.services.len()],
                platform: Cow::Owned(platform),
            };
        };
        let (derived, _) = Derived::of(under);
        let policies = derived.policies.clone();
        let site = Self::of(Cow::Borrowed(under), &derived, policies);
        let mut by_path: BTreeMap<String, Contract> = under
            .services()
            .zip(site.contracts)
            .filter_map(|((id, _), contract)| Some((under.path(id), contract?)))
            .collect();
        let services = variants.platform.services();
        Self {
            contracts: services
                .map(|(id, _)| by_path.remove(&variants.platform.path(id)))
                .collect(),
            platform: site.platform,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.platform.cluster().name.value
    }

    pub(super) fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Which service serves the routes, if one does.
    pub(super) fn controller(&self) -> Map<String, Value> {
        let ingress = self.platform.cluster().ingress.as_ref();
        let Some(id) = ingress.and_then(|ingress| ingress.controller.service()) else {
            return Map::new();
        };
        let service = &self.platform[id];
        let namespace = &self.platform[service.namespace].name.value;
        Map::from_iter([
            ("namespace".to_owned(), json!(namespace.as_str())),
            ("service".to_owned(), json!(service.name.value.as_str())),
        ])
    }
}

/// The rules of an object, with the clusters that have them.
type Ruled = (Map<String, Value>, BTreeSet<String>);

impl Facts<'_> {
    /// The contract of a service: one entry, or one for each that it is on some cluster, with or
    /// without routes.
    pub(super) fn policies(&self, id: ServiceId, list: &mut List) {
        let served = self.contracts(id, |contract| &contract.with_routes);
        let unserved = self.contracts(id, |contract| {
            let without_routes = contract.without_routes.as_ref();
            without_routes.unwrap_or(&contract.with_routes)
        });
        let mut push = |name: &str, (rules, on): Ruled, routes: Option<bool>| {
            let object = network_policy::of_pods(self.platform, id, name);
            let mut entry = self.owned(id, &mut json_of(&object));
            entry.extend(rules);
            self.sites.only_on(&on, &mut entry);
            if let Some(routes) = routes {
                entry.insert("routes".to_owned(), json!(routes));
            }
            list.push("NetworkPolicy", entry);
        };
        for (name, ruled) in &served {
            let is_same = unserved.get(name) == Some(ruled);
            for one in ruled {
                push(name, one.clone(), (!is_same).then_some(true));
            }
        }
        for (name, ruled) in unserved {
            if served.get(&name) != Some(&ruled) {
                for one in ruled {
                    push(&name, one, Some(false));
                }
            }
        }
    }

    /// By the names of their objects, alike ones of several clusters together.
    fn contracts(
        &self,
        id: ServiceId,
        which: impl Fn(&Contract) -> &Allowed,
    ) -> BTreeMap<String, Vec<Ruled>> {
        let mut out: BTreeMap<String, Vec<Ruled>> = BTreeMap::new();
        for site in self.sites.all() {
            let Some(contract) = &site.contracts[id.index()] else {
                continue;
            };
            let allowed = which(contract);
            let parts = network_policy::parts(&allowed.policy);
            let is_whole = parts.len() == 1;
            for Part {
                suffix,
                ingress,
                egress,
            } in parts
            {
                let name = format!("{}{suffix}", self.platform[id].name.value);
                let mut rules = Map::new();
                if !ingress.is_empty() {
                    let ingress = ingress.iter();
                    let ingress = ingress.map(|IngressRule { from, ports }| rule(from, ports));
                    rules.insert("ingress".to_owned(), ingress.collect());
                }
                if !egress.is_empty() {
                    let of = egress.iter();
                    let mut of: Vec<Value> =
                        of.map(|EgressRule { to, ports }| rule(to, ports)).collect();
                    if is_whole
                        && allowed.asks_dns
                        && !self.asks_dns_anyway(id)
                        && let Some(dns) = of.last_mut()
                    {
                        super::put(dns, "withServices", json!(true));
                    }
                    rules.insert("egress".to_owned(), json!(of));
                }
                let known = out.entry(name).or_default();
                let on = site.name().to_owned();
                match known.iter_mut().find(|(same, _)| *same == rules) {
                    Some((_, clusters)) => {
                        clusters.insert(on);
                    }
                    None => known.push((rules, BTreeSet::from([on]))),
                }
            }
        }
        out
    }

    /// Whether a service looks up names even where no other service is there.
    fn asks_dns_anyway(&self, id: ServiceId) -> bool {
        let mut edges = self.derived.edges.from(id).iter();
        edges.any(|edge| match edge.to {
            End::Service(_) => false,
            End::ClusterDns => true,
            _ => needs_dns(self.platform, edge),
        })
    }
}

fn rule(peers: &[Peer], ports: &[PolicyPort]) -> Value {
    let peers: Vec<Value> = peers.iter().map(peer).collect();
    let ports: Vec<Value> = ports
        .iter()
        .map(|one| json_of(&network_policy::port(one)))
        .collect();
    json!({"peers": peers, "ports": ports})
}

fn peer(peer: &Peer) -> Value {
    match peer {
        Peer::Pods(selected) => match &selected.pods {
            PodSelector::Services(names) => {
                let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
                json!({"namespace": selected.namespace.as_str(), "services": names})
            }
            PodSelector::Labels(labels) => {
                let labels = labels
                    .iter()
                    .map(|(key, value)| (key.to_string(), json!(value.as_str())));
                json!({
                    "namespace": selected.namespace.as_str(),
                    "labels": Value::Object(labels.collect()),
                })
            }
        },
        Peer::Block(cidr, except) if except.is_empty() => json!({"cidr": cidr.to_string()}),
        Peer::Block(cidr, except) => {
            let except: Vec<String> = except.iter().map(ToString::to_string).collect();
            json!({"cidr": cidr.to_string(), "except": except})
        }
    }
}
