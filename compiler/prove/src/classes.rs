//! The classes of pods and addresses that policies and claims can tell apart: one for each workload, or for each
//! group of its pods that policies tell apart by labels of its controller; one for the pods that no manifest
//! declares, for each combination of namespace and labels that a selector or a claim distinguishes; one for
//! each set of addresses that the same blocks contain. Every policy treats the members of a class alike.

use ipnet::IpNet;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use crate::address::{Addresses, Block, Range};
use crate::claims::{Claims, Enforcement, Peer};
use crate::controllers::Asked;
use crate::limits::{Exceeded, Limits, Meter};
use crate::manifest::{
    Direction, Manifests, NAME_OF_NAMESPACE, Origin, Policy, PolicyPeer, Workload,
};
use crate::selector::{Labels, Selector};

/// A class, by its number in a [`Partition`]: pods first, then addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub(crate) u32);

impl ClassId {
    /// The number.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    fn from_index(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

/// What a class stands for.
#[derive(Clone, Copy, Debug)]
pub enum Class<'w> {
    /// The pods of a workload.
    Workload(&'w Workload),
    /// Pods that no manifest declares.
    OtherPod {
        /// The name of their namespace; `None` for one that nothing names.
        namespace: Option<&'w str>,
        /// The labels of that namespace where it has no name.
        namespace_labels: &'w [(SmolStr, SmolStr)],
        /// Their labels.
        labels: &'w [(SmolStr, SmolStr)],
    },
    /// Addresses outside the pods.
    Addresses(&'w [Range]),
}

/// The addresses that a cluster uses, as far as they are declared.
#[derive(Clone, Debug, Default)]
pub struct ClusterAddresses {
    /// Addresses of pods.
    pub pods: Vec<IpNet>,
    /// Addresses of Services.
    pub services: Vec<IpNet>,
    /// Addresses of nodes.
    pub nodes: Vec<IpNet>,
    /// Addresses of the API server.
    pub api: Vec<IpNet>,
}

impl ClusterAddresses {
    fn blocks(&self) -> impl Iterator<Item = Block> {
        let all = [&self.pods, &self.services, &self.nodes, &self.api];
        all.into_iter().flatten().map(|cidr| Block::of(*cidr, &[]))
    }
}

/// A namespace, known or merely possible.
#[derive(Clone, Debug)]
struct Space {
    name: Option<SmolStr>,
    labels: Labels,
    /// Whether manifests declare it or put something in it.
    is_known: bool,
    pods: Vec<ClassId>,
    has_unlabelled: bool,
}

#[derive(Clone, Debug)]
struct Pod {
    space: u32,
    /// Its place among the workloads; `None` for an other pod.
    workload: Option<u32>,
    /// The labels of an other pod, or of a group of a workload's pods; empty where those of the
    /// workload hold.
    labels: Labels,
    /// What messages add to the name of the workload.
    suffix: String,
}

/// Everything that policies and claims can tell apart.
#[derive(Debug)]
pub struct Partition<'m> {
    manifests: &'m Manifests,
    spaces: Vec<Space>,
    by_name: FxHashMap<SmolStr, u32>,
    pods: Vec<Pod>,
    /// Pods of a space by a label.
    by_label: FxHashMap<(u32, SmolStr, SmolStr), Vec<ClassId>>,
    addresses: Addresses,
    /// The classes of each end of the claims.
    of_end: Vec<Vec<ClassId>>,
    workloads: usize,
    meter: Meter,
}

/// Which pods a peer means.
#[derive(Clone, Debug)]
pub(crate) enum Selected {
    /// Every pod there is or may be.
    AllPods,
    /// These classes, sorted.
    Classes(Vec<ClassId>),
}

impl<'m> Partition<'m> {
    /// Finds all classes.
    #[must_use]
    pub fn of(manifests: &'m Manifests, claims: &Claims, cluster: &ClusterAddresses) -> Self {
        Self::found(manifests, claims, cluster, Limits::NONE)
    }

    /// Finds all classes of manifests of any origin, unless there are too many.
    pub(crate) fn within(
        manifests: &'m Manifests,
        limits: Limits,
    ) -> Result<Self, (Exceeded, Origin)> {
        let (claims, cluster) = (Claims::new(), ClusterAddresses::default());
        let partition = Self::found(manifests, &claims, &cluster, limits);
        match partition.meter.exceeded {
            Some(exceeded) => Err(exceeded),
            None => Ok(partition),
        }
    }

    /// Finds classes up to the limits.
    fn found(
        manifests: &'m Manifests,
        claims: &Claims,
        cluster: &ClusterAddresses,
        limits: Limits,
    ) -> Self {
        let mut partition = Self {
            manifests,
            spaces: Vec::new(),
            by_name: FxHashMap::default(),
            pods: Vec::new(),
            by_label: FxHashMap::default(),
            addresses: Addresses::default(),
            of_end: Vec::new(),
            workloads: 0,
            meter: Meter::new(limits),
        };
        partition.known_namespaces();
        let asked = Asked::of(manifests);
        for (index, workload) in (0..).zip(&manifests.workloads) {
            // Pods on the network of their node are addresses of nodes to all others.
            if workload.is_on_host {
                continue;
            }
            let space = partition.by_name[&workload.namespace];
            let groups = asked.groups(workload);
            if groups.is_empty() {
                partition.add(space, Some(index), Vec::new(), String::new());
            }
            for group in groups {
                partition.add(space, Some(index), group.labels, group.suffix);
            }
        }
        partition.workloads = partition.pods.len();
        partition.meter.classes(partition.workloads);
        partition.other_pods(claims);
        if partition.meter.exceeded.is_some() {
            return partition;
        }
        let of_policies = manifests
            .policies
            .iter()
            .flat_map(peers)
            .filter_map(block_of);
        let of_claims = claims.peers().iter().filter_map(|end| match end {
            Peer::Addresses(block) => Some(block.clone()),
            Peer::Workload { .. } | Peer::Pods { .. } => None,
        });
        let blocks = of_policies.chain(of_claims).chain(cluster.blocks());
        let steps;
        (partition.addresses, steps) = Addresses::within(blocks, partition.meter.left());
        partition.meter.steps(steps);
        partition.of_end = claims
            .peers()
            .iter()
            .map(|end| partition.resolve(end))
            .collect();
        partition
    }

    fn known_namespaces(&mut self) {
        for namespace in &self.manifests.namespaces {
            let id = self.space_named(&namespace.name, true);
            self.spaces[id as usize]
                .labels
                .clone_from(&namespace.labels);
        }
        let manifests = self.manifests;
        let of_workloads = manifests.workloads.iter().map(|one| &one.namespace);
        let of_policies = manifests.policies.iter().map(|one| &one.namespace);
        for name in of_workloads.chain(of_policies) {
            self.space_named(name, true);
        }
    }

    fn space_named(&mut self, name: &SmolStr, is_known: bool) -> u32 {
        if let Some(known) = self.by_name.get(name) {
            return *known;
        }
        let labels = vec![(NAME_OF_NAMESPACE.into(), name.clone())];
        let id = self.new_space(Some(name.clone()), labels, is_known);
        self.by_name.insert(name.clone(), id);
        id
    }

    fn new_space(&mut self, name: Option<SmolStr>, labels: Labels, is_known: bool) -> u32 {
        self.spaces.push(Space {
            name,
            labels,
            is_known,
            pods: Vec::new(),
            has_unlabelled: false,
        });
        u32::try_from(self.spaces.len() - 1).unwrap_or(u32::MAX)
    }

    fn add(&mut self, space: u32, workload: Option<u32>, labels: Labels, suffix: String) {
        let id = ClassId::from_index(self.pods.len());
        self.pods.push(Pod {
            space,
            workload,
            labels,
            suffix,
        });
        let is_unlabelled = self.labels(id).is_empty();
        let of_space = &mut self.spaces[space as usize];
        of_space.pods.push(id);
        of_space.has_unlabelled |= is_unlabelled;
        for at in 0..self.labels(id).len() {
            let (key, value) = self.labels(id)[at].clone();
            self.by_label
                .entry((space, key, value))
                .or_default()
                .push(id);
        }
    }

    fn other_pods(&mut self, claims: &Claims) {
        let mut spaces = Possible::default();
        for space in 0..self.spaces.len() {
            self.add_other(u32::try_from(space).unwrap_or(u32::MAX), Vec::new());
        }
        let elsewhere = spaces.with_labels(self, Vec::new());
        self.add_other(elsewhere, Vec::new());
        for end in claims.peers() {
            if let Peer::Pods { namespace, labels } = end {
                let space = self.space_named(namespace, false);
                self.add_other(space, labels.clone());
            }
        }
        let manifests = self.manifests;
        // Peers that name their namespaces mean the same in every policy.
        let mut known: FxHashSet<&PolicyPeer> = FxHashSet::default();
        for policy in &manifests.policies {
            self.meter.policy = policy.place;
            let space = self.by_name[&policy.namespace];
            self.witnesses(&[space], &policy.selector);
            for peer in peers(policy) {
                let PolicyPeer::Pods { namespaces, pods } = peer else {
                    continue;
                };
                if namespaces.is_some() && !known.insert(peer) {
                    continue;
                }
                if self.meter.exceeded.is_some() {
                    return;
                }
                let of_peer = match namespaces {
                    None => vec![space],
                    Some(selector) => spaces.matching(self, selector),
                };
                match pods {
                    Some(selector) => self.witnesses(&of_peer, selector),
                    None => {
                        for space in of_peer {
                            self.add_other(space, Vec::new());
                        }
                    }
                }
            }
        }
    }

    fn witnesses(&mut self, spaces: &[u32], selector: &Selector) {
        for labels in selector.witnesses() {
            for space in spaces {
                if self.meter.exceeded.is_some() {
                    return;
                }
                self.add_other(*space, labels.clone());
            }
        }
    }

    /// Adds a pod that no manifest declares, unless there is one like it: another such pod, or a
    /// workload whose own selector would take it for one of its pods.
    fn add_other(&mut self, space: u32, labels: Labels) {
        let is_like = |id: &ClassId| {
            let pod = &self.pods[id.index()];
            match pod.workload {
                None => pod.labels == labels,
                Some(index) => {
                    let workload = &self.manifests.workloads[index as usize];
                    let of_pod = self.labels(*id);
                    *of_pod == *labels
                        || labels.iter().all(|label| of_pod.contains(label))
                            && self.knows_its_pods_by(workload, space, &labels)
                }
            }
        };
        let (is_there, steps) = match labels.first() {
            None => (self.spaces[space as usize].has_unlabelled, 1),
            Some((key, value)) => {
                let with = self.by_label.get(&(space, key.clone(), value.clone()));
                let with = with.map_or(&[][..], Vec::as_slice);
                (with.iter().any(is_like), 1 + with.len())
            }
        };
        self.meter.steps(steps);
        if !is_there {
            self.add(space, None, labels, String::new());
            self.meter.classes(self.pods.len());
        }
    }

    /// Whether labels make a pod one of a workload's: its selector takes them, or, without one,
    /// nothing else in the namespace carries them.
    fn knows_its_pods_by(
        &self,
        workload: &Workload,
        space: u32,
        labels: &[(SmolStr, SmolStr)],
    ) -> bool {
        match &workload.selector {
            Some(selector) => selector.matches(labels),
            None => labels.iter().any(|(key, value)| {
                let with = self.by_label.get(&(space, key.clone(), value.clone()));
                with.is_some_and(|pods| pods.len() == 1)
            }),
        }
    }

    pub(crate) fn labels(&self, id: ClassId) -> &[(SmolStr, SmolStr)] {
        let pod = &self.pods[id.index()];
        match pod.workload {
            Some(index) if pod.labels.is_empty() => {
                &self.manifests.workloads[index as usize].labels
            }
            Some(_) | None => &pod.labels,
        }
    }

    fn resolve(&self, end: &Peer) -> Vec<ClassId> {
        match end {
            Peer::Workload { namespace, name } => {
                let Some(space) = self.by_name.get(namespace) else {
                    return Vec::new();
                };
                // The name of a Job changes with its template, so it is found by its label.
                let label = (SmolStr::new_static("app.kubernetes.io/name"), name.clone());
                let is_it = |id: &ClassId| {
                    self.workload(*id).is_some_and(|workload| {
                        workload.name == *name
                            || workload.kind == "Job" && workload.labels.contains(&label)
                    })
                };
                let by_name = self.by_label.get(&(
                    *space,
                    SmolStr::new_static("app.kubernetes.io/name"),
                    name.clone(),
                ));
                // A workload nearly always carries its name as a label; where not, search.
                let found: Vec<ClassId> = by_name
                    .into_iter()
                    .flatten()
                    .copied()
                    .filter(is_it)
                    .collect();
                if !found.is_empty() {
                    return found;
                }
                let pods = self.spaces[*space as usize].pods.iter().copied();
                pods.filter(is_it).collect()
            }
            Peer::Pods { namespace, labels } => {
                let selector = Selector::equal_to(labels);
                match self.by_name.get(namespace) {
                    Some(space) => self.pods_in(*space, Some(&selector)),
                    None => Vec::new(),
                }
            }
            Peer::Addresses(block) => self.classes_of(block),
        }
    }

    fn classes_of(&self, block: &Block) -> Vec<ClassId> {
        let classes = self.addresses.classes(block);
        let offset = self.pods.len();
        classes
            .iter()
            .map(|class| ClassId::from_index(offset + *class as usize))
            .collect()
    }

    /// The pods of a namespace that a selector takes, sorted.
    pub(crate) fn pods_in(&self, space: u32, selector: Option<&Selector>) -> Vec<ClassId> {
        let Some(selector) = selector.filter(|selector| !selector.is_empty()) else {
            return self.spaces[space as usize].pods.clone();
        };
        let is_taken = |id: &ClassId| selector.matches(self.labels(*id));
        // The most telling requirement is one on a value, by which pods are found at once.
        let key = selector
            .requirements()
            .iter()
            .find(|one| selector.values_of(&one.key).is_some());
        let Some(key) = key.map(|one| &one.key) else {
            let pods = self.spaces[space as usize].pods.iter().copied();
            return pods.filter(is_taken).collect();
        };
        let mut out = Vec::new();
        for value in selector.values_of(key).unwrap_or_default() {
            let pods = self.by_label.get(&(space, key.clone(), value.clone()));
            out.extend(pods.into_iter().flatten().copied().filter(is_taken));
        }
        out.sort_unstable();
        out
    }

    /// How many pods of a namespace [`Self::pods_in`] compares with a selector.
    fn candidates_in(&self, space: u32, selector: &Selector) -> usize {
        let requirements = selector.requirements().iter();
        let mut values =
            requirements.filter_map(|one| Some((&one.key, selector.values_of(&one.key)?)));
        match values.next() {
            None => self.spaces[space as usize].pods.len(),
            Some((key, values)) => {
                let with =
                    |value: &SmolStr| self.by_label.get(&(space, key.clone(), value.clone()));
                let found = values.iter().filter_map(with);
                1 + found.map(Vec::len).sum::<usize>()
            }
        }
    }

    /// How many pods are compared with the selector of a policy.
    pub(crate) fn candidates(&self, namespace: &str, selector: &Selector) -> usize {
        let space = self.by_name.get(namespace);
        space.map_or(1, |space| self.candidates_in(*space, selector))
    }

    /// How many pods and namespaces are compared with the selectors of a peer.
    pub(crate) fn candidates_of_peer(&self, namespace: &str, peer: &PolicyPeer) -> usize {
        let everything = Selector::default();
        match peer {
            PolicyPeer::Block { .. } => 1,
            PolicyPeer::Pods {
                namespaces: None,
                pods,
            } => self.candidates(namespace, pods.as_ref().unwrap_or(&everything)),
            PolicyPeer::Pods {
                namespaces: Some(selector),
                pods,
            } => {
                let pods = pods.as_ref().unwrap_or(&everything);
                let in_spaces = self.spaces_of(selector).into_iter();
                let in_spaces = in_spaces.map(|space| self.candidates_in(space, pods));
                self.spaces.len() + in_spaces.sum::<usize>()
            }
        }
    }

    /// The pods that a policy is about, sorted.
    pub(crate) fn selected(&self, policy: &Policy) -> Vec<ClassId> {
        self.pods_of(&policy.namespace, &policy.selector)
    }

    /// The pods of a namespace that a Service selects, sorted.
    pub(crate) fn pods_of(&self, namespace: &str, selector: &Selector) -> Vec<ClassId> {
        match self.by_name.get(namespace) {
            Some(space) => self.pods_in(*space, Some(selector)),
            None => Vec::new(),
        }
    }

    /// The classes that a peer of a policy in `namespace` means.
    pub(crate) fn peer(&self, namespace: &str, peer: &PolicyPeer) -> Selected {
        let (namespaces, pods) = match peer {
            PolicyPeer::Block { cidr, except } => {
                return Selected::Classes(self.classes_of(&Block::of(*cidr, except)));
            }
            PolicyPeer::Pods { namespaces, pods } => (namespaces.as_ref(), pods.as_ref()),
        };
        let Some(selector) = namespaces else {
            let space = self.by_name.get(namespace);
            return Selected::Classes(space.map_or_else(Vec::new, |id| self.pods_in(*id, pods)));
        };
        if selector.is_empty() && pods.is_none_or(Selector::is_empty) {
            return Selected::AllPods;
        }
        let mut out = Vec::new();
        for space in self.spaces_of(selector) {
            out.extend(self.pods_in(space, pods));
        }
        out.sort_unstable();
        Selected::Classes(out)
    }

    /// The first rule by which a policy opens a side of a class to another one, or to all.
    #[must_use]
    pub fn opening_rule(
        &self,
        policy: &Policy,
        (class, direction): (ClassId, Direction),
        other: Option<ClassId>,
    ) -> Option<usize> {
        if !self.selected(policy).contains(&class) {
            return None;
        }
        let rules = policy.rules(direction).unwrap_or_default();
        rules.iter().position(|rule| {
            let peers = rule.peers.as_deref().unwrap_or_default();
            let is_open = |peer| match (self.peer(&policy.namespace, peer), other) {
                (Selected::AllPods, _) => true,
                (Selected::Classes(classes), Some(other)) => classes.contains(&other),
                (Selected::Classes(_), None) => false,
            };
            peers.is_empty() || peers.iter().any(is_open)
        })
    }

    fn spaces_of(&self, selector: &Selector) -> Vec<u32> {
        let is_taken = |id: &u32| selector.matches(&self.spaces[*id as usize].labels);
        match selector.values_of(NAME_OF_NAMESPACE) {
            Some(names) => names
                .iter()
                .filter_map(|name| self.by_name.get(name).copied())
                .filter(is_taken)
                .collect(),
            None => (0..u32::try_from(self.spaces.len()).unwrap_or(u32::MAX))
                .filter(is_taken)
                .collect(),
        }
    }

    /// The manifests that it is made of.
    #[must_use]
    pub fn manifests(&self) -> &'m Manifests {
        self.manifests
    }

    /// How many classes are pods; theirs are the first numbers.
    #[must_use]
    pub fn pods(&self) -> usize {
        self.pods.len()
    }

    /// How many classes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pods.len() + self.addresses.len()
    }

    /// Whether there is none, which never happens: there are always addresses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All classes.
    pub fn classes(&self) -> impl Iterator<Item = ClassId> + use<> {
        (0..self.len()).map(ClassId::from_index)
    }

    /// The classes of the workloads whose traffic policies police.
    pub fn workload_classes(&self) -> impl Iterator<Item = ClassId> + use<> {
        (0..self.workloads).map(ClassId::from_index)
    }

    /// What a class stands for.
    #[must_use]
    pub fn class(&self, id: ClassId) -> Class<'_> {
        let Some(pod) = self.pods.get(id.index()) else {
            return Class::Addresses(self.addresses.ranges(id.index() - self.pods.len()));
        };
        match pod.workload {
            Some(index) => Class::Workload(&self.manifests.workloads[index as usize]),
            None => {
                let space = &self.spaces[pod.space as usize];
                Class::OtherPod {
                    namespace: space.name.as_deref(),
                    namespace_labels: &space.labels,
                    labels: &pod.labels,
                }
            }
        }
    }

    /// The workload of a class, where it is one.
    #[must_use]
    pub fn workload(&self, id: ClassId) -> Option<&'m Workload> {
        self.manifests.workloads.get(self.workload_index(id)?)
    }

    /// The place of a class's workload among those of the manifests.
    pub(crate) fn workload_index(&self, id: ClassId) -> Option<usize> {
        let index = self.pods.get(id.index())?.workload?;
        Some(index as usize)
    }

    /// Whether a class is a pod.
    #[must_use]
    pub fn is_pod(&self, id: ClassId) -> bool {
        id.index() < self.pods.len()
    }

    /// Whether a class is in a namespace that the manifests know: what such pods may do is theirs
    /// to say.
    #[must_use]
    pub fn is_known(&self, id: ClassId) -> bool {
        self.pods
            .get(id.index())
            .is_some_and(|pod| self.spaces[pod.space as usize].is_known)
    }

    /// Whether the claims leave the pods of a class without policies.
    #[must_use]
    pub fn is_left_open(&self, id: ClassId, claims: &Claims) -> bool {
        match self.class(id) {
            Class::Workload(workload) => {
                claims.enforcement(&workload.namespace) == Enforcement::Nothing
            }
            Class::OtherPod { namespace, .. } => {
                namespace.is_some_and(|name| claims.enforcement(name) != Enforcement::Whole)
            }
            Class::Addresses(_) => false,
        }
    }

    /// The classes of an end of the claims.
    #[must_use]
    pub fn of_end(&self, end: crate::claims::EndId) -> &[ClassId] {
        &self.of_end[end.index()]
    }

    /// The name of the workload of a class, whichever of its pods are meant; other classes as
    /// [`Self::show`] has them.
    #[must_use]
    pub fn show_owner(&self, id: ClassId) -> String {
        match self.workload(id) {
            Some(workload) => format!("{}.{}", workload.namespace, workload.name),
            None => self.show(id),
        }
    }

    /// A class in words: `shop.web`, `other pods of kube-system with k8s-app=kube-dns`.
    #[must_use]
    pub fn show(&self, id: ClassId) -> String {
        let show = |labels: &[(SmolStr, SmolStr)]| {
            let list: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            list.join(",")
        };
        match self.class(id) {
            Class::Workload(workload) => {
                let suffix = &self.pods[id.index()].suffix;
                format!("{}.{}{suffix}", workload.namespace, workload.name)
            }
            Class::OtherPod {
                namespace,
                namespace_labels,
                labels,
            } => {
                let with = if labels.is_empty() {
                    String::new()
                } else {
                    format!(" with {}", show(labels))
                };
                match namespace {
                    Some(name) => format!("other pods of {name}{with}"),
                    None if namespace_labels.is_empty() => {
                        format!("pods of any other namespace{with}")
                    }
                    None => format!("pods of a namespace with {}{with}", show(namespace_labels)),
                }
            }
            Class::Addresses(ranges) => {
                let mut list: Vec<String> = ranges.iter().take(3).map(Range::to_string).collect();
                if ranges.len() > 3 {
                    list.push(format!("{} more ranges", ranges.len() - 3));
                }
                list.join(", ")
            }
        }
    }
}

/// Namespaces that selectors can tell apart and manifests do not declare.
#[derive(Default)]
struct Possible {
    by_labels: FxHashMap<Labels, u32>,
    of_selector: FxHashMap<Selector, Vec<u32>>,
}

impl Possible {
    fn with_labels(&mut self, partition: &mut Partition<'_>, labels: Labels) -> u32 {
        if let Some(known) = self.by_labels.get(&labels) {
            return *known;
        }
        let id = partition.new_space(None, labels.clone(), false);
        self.by_labels.insert(labels, id);
        id
    }

    /// The known namespaces that a selector takes, and the others that it could take.
    fn matching(&mut self, partition: &mut Partition<'_>, selector: &Selector) -> Vec<u32> {
        if let Some(known) = self.of_selector.get(selector) {
            return known.clone();
        }
        let mut out: Vec<u32> = partition.spaces_of(selector);
        out.retain(|id| partition.spaces[*id as usize].is_known);
        for labels in selector.witnesses() {
            let name = crate::selector::value_of(&labels, NAME_OF_NAMESPACE);
            let id = match name {
                Some(name) if partition.by_name.contains_key(name) => {
                    let id = partition.by_name[name];
                    let space = &mut partition.spaces[id as usize];
                    if space.is_known {
                        continue;
                    }
                    // Of a namespace that is only named, nobody says which labels it has.
                    for label in labels {
                        if space.labels.iter().all(|(key, _)| *key != label.0) {
                            space.labels.push(label);
                        }
                    }
                    space.labels.sort_unstable();
                    id
                }
                Some(name) => {
                    let id = partition.space_named(&name.clone(), false);
                    partition.spaces[id as usize].labels = labels;
                    id
                }
                None => self.with_labels(partition, labels),
            };
            out.push(id);
        }
        out.sort_unstable();
        out.dedup();
        self.of_selector.insert(selector.clone(), out.clone());
        out
    }
}

fn peers(policy: &Policy) -> impl Iterator<Item = &PolicyPeer> {
    let rules = policy.ingress.iter().chain(&policy.egress).flatten();
    rules.flat_map(|rule| rule.peers.iter().flatten())
}

fn block_of(peer: &PolicyPeer) -> Option<Block> {
    match peer {
        PolicyPeer::Block { cidr, except } => Some(Block::of(*cidr, except)),
        PolicyPeer::Pods { .. } => None,
    }
}
