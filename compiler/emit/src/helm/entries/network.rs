//! Contracts with the network on each cluster that the platform may be on, with and without
//! routes: peers by their names, so that a template can leave out who is off.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use erpc_diagnostics::Diagnostics;
use erpc_model::{ClusterId, Peer, Platform, ServiceId};
use erpc_policy::{
    Derived, EgressRule, Implied, IngressRule, PodSelector, PolicyPeer, PolicyPort, WorkloadPolicy,
    needs_dns, policies,
};

use smol_str::SmolStr;

use super::entry::{self, Entry};
use super::{Gatherer, List, Place, place};
use crate::helm::Variants;
use crate::kubernetes::network_policy;
use crate::tree::Field;

/// The clusters that a platform may be on: its own first, then those of its profiles.
pub(super) struct Sites<'p>(Vec<Site<'p>>);

/// A platform on one cluster.
pub(super) struct Site<'p> {
    platform: Cow<'p, Platform>,
    /// By the ids of the platform without a profile.
    contracts: Vec<Option<Contract<'p>>>,
}

#[derive(Clone)]
struct Contract<'p> {
    with_routes: Allowed<'p>,
    /// Where no route is served; `None` where that changes nothing.
    without_routes: Option<Allowed<'p>>,
}

#[derive(Clone)]
struct Allowed<'p> {
    policy: Cow<'p, WorkloadPolicy>,
    /// Whether the last rule of egress is that of DNS.
    asks_dns: bool,
}

impl<'p> Allowed<'p> {
    fn of(policy: Cow<'p, WorkloadPolicy>, implied: &Implied) -> Self {
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
            variants.derived.policies.iter().map(Cow::Borrowed),
        );
        let mut sites = vec![own];
        for (_, under) in &variants.profiles {
            // One that only a profile declares has objects of its own.
            let is_declared = under.cluster.index() < platform.clusters.len();
            if is_declared && seen.insert(under.cluster) {
                sites.push(Site::on(variants, under.cluster));
            }
        }
        Self(sites)
    }

    pub(super) fn all(&self) -> &[Site<'p>] {
        &self.0
    }

    /// Those of all clusters that something is on, or none where it is on all.
    pub(super) fn unless_all(&self, names: &BTreeSet<&str>) -> Vec<String> {
        if names.len() == self.0.len() {
            return Vec::new();
        }
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Where a service can be.
    pub(super) fn possible(&self, id: ServiceId) -> BTreeSet<&str> {
        self.names(|site| site.contracts[id.index()].is_some())
    }

    /// Where a service serves the routes.
    pub(super) fn with_controller(&self, by: Place<'_>) -> BTreeSet<&str> {
        self.names(|site| site.controller() == Some(by))
    }

    fn names(&self, wanted: impl Fn(&Site<'_>) -> bool) -> BTreeSet<&str> {
        let sites = self.0.iter().filter(|site| wanted(site));
        sites.map(Site::name).collect()
    }

    /// The classes of Ingresses, each with the clusters that have it.
    pub(super) fn ingress_classes(&self) -> BTreeMap<Option<&str>, BTreeSet<&str>> {
        let mut classes: BTreeMap<Option<&str>, BTreeSet<&str>> = BTreeMap::new();
        for site in &self.0 {
            let ingress = site.platform.cluster().ingress.as_ref();
            let class = ingress.map(|ingress| ingress.class.value.as_str());
            classes.entry(class).or_default().insert(site.name());
        }
        classes
    }
}

impl<'p> Site<'p> {
    /// The platform as it is on the cluster that it names.
    fn of(
        platform: Cow<'p, Platform>,
        derived: &Derived,
        policies: impl Iterator<Item = Cow<'p, WorkloadPolicy>>,
    ) -> Self {
        let implied = Implied::without_routes(&platform, &derived.edges);
        let without = erpc_policy::policies(&platform, &derived.edges, &implied);
        let contracts = policies.zip(without).map(|(policy, without)| {
            Some(Contract {
                without_routes: (without != *policy)
                    .then(|| Allowed::of(Cow::Owned(without), &implied)),
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
            let policies = policies.into_iter().map(Cow::Owned);
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
        let policies = derived.policies.iter().cloned().map(Cow::Owned);
        let site = Self::of(Cow::Borrowed(under), &derived, policies);
        let mut by_path: BTreeMap<String, Contract<'_>> = under
            .workloads()
            .zip(site.contracts)
            .filter_map(|((id, _), contract)| Some((under.path(id), contract?)))
            .collect();
        let services = variants.platform.workloads();
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
    pub(super) fn controller(&self) -> Option<Place<'_>> {
        let ingress = self.platform.cluster().ingress.as_ref()?;
        let id = ingress.controller.service()?;
        Some(place(&self.platform, id))
    }
}

/// The rules of an object as lines, with the clusters that have them.
type Ruled<'s> = (String, BTreeSet<&'s str>);

impl<'p> Gatherer<'p> {
    /// The contract of a service: one entry, or one for each that it is on some cluster, with or
    /// without routes.
    pub(super) fn policies(&self, id: ServiceId, list: &mut List) {
        if !network_policy::has_contract(self.platform, self.derived, id) {
            return;
        }
        let served = self.contracts(id, |contract| &contract.with_routes);
        let mut contracts = self.sites.0.iter();
        let has_routes = contracts.any(|site| {
            let contract = site.contracts[id.index()].as_ref();
            contract.is_some_and(|contract| contract.without_routes.is_some())
        });
        let unserved = has_routes.then(|| {
            self.contracts(id, |contract| {
                let without_routes = contract.without_routes.as_ref();
                without_routes.unwrap_or(&contract.with_routes)
            })
        });
        for (name, ruled) in &served {
            let other = unserved.as_ref().map(|unserved| unserved.get(name));
            let is_same = other.is_none_or(|other| other == Some(ruled));
            for one in ruled {
                self.policy(id, name, one, (!is_same).then_some(true), list);
            }
        }
        for (name, ruled) in unserved.into_iter().flatten() {
            if served.get(&name) != Some(&ruled) {
                for one in &ruled {
                    self.policy(id, &name, one, Some(false), list);
                }
            }
        }
    }

    fn policy(
        &self,
        id: ServiceId,
        name: &str,
        (rules, on): &Ruled<'_>,
        routes: Option<bool>,
        list: &mut List,
    ) {
        let object = network_policy::of_pods(self.platform, id, name);
        // No value switches a manifest off.
        let mut entry = match self.platform[id].raw {
            Some(_) => Entry::of(&object, None),
            None => self.owned(id, &object, &[]),
        };
        entry.clusters = self.sites.unless_all(on);
        if let Some(routes) = routes {
            entry.flag("routes", routes);
        }
        if self.platform[id].has_own_selector() {
            let pods = object.at(&["spec", "podSelector", "matchLabels"]);
            if let Some(pods) = pods.and_then(Field::as_map) {
                entry.block("pods", pods);
            }
        }
        entry.lines(rules);
        list.push(object.kind(), entry);
    }

    /// By the names of their objects, alike ones of several clusters together.
    fn contracts(
        &self,
        id: ServiceId,
        which: impl for<'c> Fn(&'c Contract<'p>) -> &'c Allowed<'p>,
    ) -> BTreeMap<String, Vec<Ruled<'_>>> {
        let mut out: BTreeMap<String, Vec<Ruled<'_>>> = BTreeMap::new();
        for site in self.sites.all() {
            let Some(contract) = &site.contracts[id.index()] else {
                continue;
            };
            let allowed = which(contract);
            let parts = network_policy::parts(&allowed.policy);
            let asks_dns = parts.len() == 1 && allowed.asks_dns && !self.asks_dns_anyway(id);
            for part in parts {
                let name = format!("{}{}", self.platform[id].name.value, part.suffix);
                let mut rules = String::new();
                let of = part.ingress.iter();
                let of = of.map(|IngressRule { from, ports }| (from, ports, false));
                push_rules(&mut rules, "ingress", of);
                let last = part.egress.len().saturating_sub(1);
                let of = part.egress.iter().enumerate();
                let of =
                    of.map(|(at, EgressRule { to, ports })| (to, ports, asks_dns && at == last));
                push_rules(&mut rules, "egress", of);
                let known = out.entry(name).or_default();
                match known.iter_mut().find(|(same, _)| *same == rules) {
                    Some((_, clusters)) => {
                        clusters.insert(site.name());
                    }
                    None => known.push((rules, BTreeSet::from([site.name()]))),
                }
            }
        }
        out
    }

    /// Whether a service looks up names even where no other service is there.
    fn asks_dns_anyway(&self, id: ServiceId) -> bool {
        let mut edges = self.derived.edges.from(id).iter();
        edges.any(|edge| match edge.to {
            Peer::Service(to) => self.platform[to].raw.is_some(),
            Peer::ClusterDns => true,
            _ => needs_dns(self.platform, edge),
        })
    }
}

/// Appends the rules of one direction, if there are any; one that is there only beside a service
/// says so.
fn push_rules<'r>(
    out: &mut String,
    direction: &str,
    rules: impl Iterator<Item = (&'r Vec<PolicyPeer>, &'r Vec<PolicyPort>, bool)>,
) {
    let mut rules = rules.peekable();
    if rules.peek().is_none() {
        return;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(out, "  {direction}:");
    for (peers, ports, with_services) in rules {
        out.push_str("  - peers:\n");
        for peer in peers {
            push_peer(out, peer);
        }
        let ports: Vec<_> = ports.iter().map(network_policy::port).collect();
        entry::block(out, 4, "ports", &ports);
        if with_services {
            out.push_str("    withServices: true\n");
        }
    }
}

fn push_labels(out: &mut String, labels: &[(SmolStr, SmolStr)]) {
    let labels = labels.iter();
    let labels = labels.map(|(key, value)| (key.as_str(), value.as_str()));
    entry::block(out, 6, "labels", &labels.collect::<BTreeMap<_, _>>());
}

fn push_peer(out: &mut String, peer: &PolicyPeer) {
    out.push_str("    - ");
    match peer {
        PolicyPeer::Pods(selected) => {
            entry::line(out, 0, "namespace", &selected.namespace);
            match &selected.pods {
                PodSelector::Services(names) => entry::list(out, 6, "services", names),
                PodSelector::OfService(name, labels) => {
                    entry::list(out, 6, "services", std::slice::from_ref(name));
                    push_labels(out, labels);
                }
                PodSelector::Raw(_, labels) => {
                    entry::line(out, 6, "isRaw", "true");
                    push_labels(out, labels);
                }
                PodSelector::Labels(labels) => push_labels(out, labels),
            }
        }
        PolicyPeer::Block(cidr, except) => {
            out.push_str("ipBlock: |-\n");
            entry::line(out, 8, "cidr", &cidr.to_string());
            if !except.is_empty() {
                let except: Vec<String> = except.iter().map(ToString::to_string).collect();
                entry::list(out, 8, "except", &except);
            }
        }
    }
}
