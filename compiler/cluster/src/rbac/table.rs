//! Which permissions each command needs, derived from the platform's objects: a kind that the platform
//! does not have is in no rule. A test compares this table with the audit log of a server: what a
//! command asks for is in it, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::moves::Moves;
use crate::permissions::Right;
use crate::program::Program;
use crate::state::{STATE_NAMESPACE, name};
use erpc_emit::Kind;

/// A command whose permissions can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// `erpc plan`, without dry runs.
    Plan,
    /// `erpc drift`, without dry runs.
    Drift,
    /// `erpc status`.
    Status,
    /// `erpc apply`, with all three above.
    Apply,
    /// `erpc destroy`.
    Destroy,
    /// `erpc probe --run`.
    Probe,
    /// `erpc doctor`, without `--probe`.
    Doctor,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Plan,
        Self::Drift,
        Self::Status,
        Self::Apply,
        Self::Destroy,
        Self::Probe,
        Self::Doctor,
    ];

    /// The name of the command.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Drift => "drift",
            Self::Status => "status",
            Self::Apply => "apply",
            Self::Destroy => "destroy",
            Self::Probe => "probe",
            Self::Doctor => "doctor",
        }
    }
}

/// What a permission is about: namespace, group, resource, names.
type Of = (Option<String>, String, String, Vec<String>);

/// Permissions under construction: what is needed for two reasons is one permission.
#[derive(Default)]
struct Table {
    rights: BTreeMap<Of, BTreeSet<&'static str>>,
}

impl Table {
    /// In a namespace, or, without one, in the whole cluster.
    fn add(&mut self, place: Option<&str>, group: &str, resource: &str, verbs: &[&'static str]) {
        self.add_named(place, group, resource, &[], verbs);
    }

    /// For the objects of these names alone.
    fn add_named(
        &mut self,
        place: Option<&str>,
        group: &str,
        resource: &str,
        names: &[String],
        verbs: &[&'static str],
    ) {
        let key = (
            place.map(str::to_owned),
            group.to_owned(),
            resource.to_owned(),
            names.to_vec(),
        );
        self.rights.entry(key).or_default().extend(verbs);
    }

    fn kind(&mut self, place: Option<&str>, kind: Kind, verbs: &[&'static str]) {
        self.add(place, kind.group(), kind.plural(), verbs);
    }

    fn finish(self) -> Vec<Right> {
        // A verb for all names need not be given for some of them.
        let all = self.rights.clone();
        let is_for_all = |(place, group, resource, names): &Of, verb: &&'static str| {
            let unnamed = (place.clone(), group.clone(), resource.clone(), Vec::new());
            !names.is_empty() && all.get(&unnamed).is_some_and(|verbs| verbs.contains(verb))
        };
        let rights = self.rights.into_iter().filter_map(|(of, mut verbs)| {
            verbs.retain(|verb| !is_for_all(&of, verb));
            let (namespace, group, resource, names) = of;
            (!verbs.is_empty()).then(|| Right {
                namespace,
                group,
                resource,
                names,
                verbs: verbs.into_iter().collect(),
            })
        });
        rights.collect()
    }
}

/// What `drift` looks for in the platform's namespaces beside the platform's own kinds: all kinds of
/// Kubernetes but Secrets, whose list has their values. Of other kinds it says that it may not list them.
const UNMANAGED: [(&str, &str); 24] = [
    ("", "configmaps"),
    ("", "endpoints"),
    ("", "limitranges"),
    ("", "persistentvolumeclaims"),
    ("", "pods"),
    ("", "podtemplates"),
    ("", "replicationcontrollers"),
    ("", "resourcequotas"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("apps", "controllerrevisions"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("discovery.k8s.io", "endpointslices"),
    ("networking.k8s.io", "ingresses"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
];

/// What has no namespace and may refer to the platform's ServiceAccounts and Services.
const REFERRING: [(&str, &str); 4] = [
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
    ),
    ("apiregistration.k8s.io", "apiservices"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
];

/// Every permission that these commands need, sorted.
#[must_use]
pub fn rights(program: &Program<'_>, tasks: &BTreeSet<Task>) -> Vec<Right> {
    let context = Context::new(program);
    let mut table = Table::default();
    let mut tasks = tasks.clone();
    if tasks.contains(&Task::Apply) {
        tasks.extend([Task::Plan, Task::Drift, Task::Status]);
    }
    // Every command asks which cluster answers.
    table.add_named(
        None,
        "",
        "namespaces",
        &["kube-system".to_owned()],
        &["get"],
    );
    for task in tasks {
        match task {
            Task::Plan => context.plan(&mut table),
            Task::Drift => context.drift(&mut table),
            Task::Status => context.status(&mut table),
            Task::Apply => context.apply(&mut table),
            Task::Destroy => context.destroy(&mut table),
            Task::Probe => context.probe(&mut table),
            Task::Doctor => context.doctor(&mut table),
        }
    }
    table.finish()
}

struct Context<'p> {
    program: &'p Program<'p>,
    kinds: Vec<Kind>,
    /// The platform's namespaces, and those in which something may be under an old name.
    namespaces: Vec<String>,
    has_volume_moves: bool,
}

impl<'p> Context<'p> {
    fn new(program: &'p Program<'p>) -> Self {
        let moves = Moves::of(program);
        let mut namespaces = moves.old_namespaces();
        let own = program.platform.namespaces();
        namespaces.extend(own.map(|(_, namespace)| namespace.name.value.to_string()));
        namespaces.extend(program.namespaces_of_objects().map(str::to_owned));
        Self {
            program,
            kinds: program.kinds(),
            namespaces: namespaces.into_iter().collect(),
            has_volume_moves: moves.has_volumes(program),
        }
    }

    fn namespaced(&self) -> impl Iterator<Item = Kind> {
        self.kinds
            .iter()
            .copied()
            .filter(|kind| kind.is_namespaced())
    }

    /// Those that are in no namespace, and are no namespaces.
    fn cluster_scoped(&self) -> impl Iterator<Item = Kind> {
        let kinds = self.kinds.iter().copied();
        kinds.filter(|kind| !kind.is_namespaced() && *kind != Kind::Namespace)
    }

    fn names(&self, kind: Kind, namespace: Option<&str>) -> Vec<String> {
        let objects =
            self.program.objects.iter().filter(|object| {
                object.id.kind == kind && object.id.namespace.as_deref() == namespace
            });
        let mut names: Vec<String> = objects.map(|object| object.id.name.to_string()).collect();
        names.sort_unstable();
        names
    }

    /// What the platform has in the cluster, and what an earlier run left there.
    fn live(&self, table: &mut Table) {
        table.kind(None, Kind::Namespace, &["list"]);
        for kind in self.cluster_scoped() {
            table.kind(None, kind, &["list"]);
        }
        for namespace in &self.namespaces {
            for kind in self.namespaced() {
                table.kind(Some(namespace), kind, &["list"]);
            }
        }
        let inventory = [name(self.program.name())];
        let place = Some(STATE_NAMESPACE);
        table.add_named(place, "", "configmaps", &inventory, &["get"]);
    }

    /// Without dry runs; those are what `apply` has besides.
    fn plan(&self, table: &mut Table) {
        self.live(table);
        self.unlabelled(table);
        self.identity(table);
        for namespace in &self.namespaces {
            let place = Some(namespace.as_str());
            table.kind(place, Kind::NetworkPolicy, &["list"]);
            table.kind(place, Kind::ResourceQuota, &["list"]);
            table.add(place, "", "pods", &["list"]);
            let secrets = self.secrets(namespace);
            if !secrets.is_empty() {
                table.add_named(place, "", "secrets", &secrets, &["get"]);
            }
            if self.has_volumes() || self.has_volume_moves {
                table.kind(place, Kind::PersistentVolumeClaim, &["list"]);
            }
        }
        if self.has_volumes() {
            // Whether a claim may grow is its class's to say.
            table.kind(None, Kind::StorageClass, &["list"]);
        }
        if self.has_volume_moves {
            table.add(None, "", "persistentvolumes", &["get"]);
        }
    }

    /// Whether a service keeps data on volumes of its own.
    fn has_volumes(&self) -> bool {
        let mut services = self.program.platform.services();
        services.any(|(_, service)| !service.volumes.is_empty())
    }

    /// An object without the platform's label is in no list, and is looked at by its name.
    fn unlabelled(&self, table: &mut Table) {
        for kind in self.cluster_scoped() {
            let names = self.names(kind, None);
            table.add_named(None, kind.group(), kind.plural(), &names, &["get"]);
        }
        for namespace in &self.namespaces {
            for kind in self.namespaced() {
                self.own(table, namespace, kind, &["get"]);
            }
        }
    }

    /// For the objects of a kind in a namespace: those that grant permissions by their names alone.
    fn own(&self, table: &mut Table, namespace: &str, kind: Kind, verbs: &[&'static str]) {
        let names = self.names(kind, Some(namespace));
        if names.is_empty() {
            return;
        }
        if matches!(kind, Kind::Role | Kind::RoleBinding | Kind::ServiceAccount) {
            let (group, resource) = (kind.group(), kind.plural());
            table.add_named(Some(namespace), group, resource, &names, verbs);
        } else {
            table.kind(Some(namespace), kind, verbs);
        }
    }

    /// Whether the cluster is the one of the `cluster` block.
    fn identity(&self, table: &mut Table) {
        let kubernetes = ["kubernetes".to_owned()];
        let place = Some("default");
        table.add_named(place, "", "services", &kubernetes, &["get"]);
        table.add(place, "discovery.k8s.io", "endpointslices", &["list"]);
    }

    fn drift(&self, table: &mut Table) {
        self.live(table);
        self.unlabelled(table);
        for namespace in &self.namespaces {
            let place = Some(namespace.as_str());
            for (group, resource) in UNMANAGED {
                table.add(place, group, resource, &["list"]);
            }
        }
        for (group, resource) in REFERRING {
            table.add(None, group, resource, &["list"]);
        }
    }

    fn status(&self, table: &mut Table) {
        for namespace in &self.namespaces {
            let place = Some(namespace.as_str());
            for (group, resource) in crate::watch::watched(self.program) {
                table.add(place, group, resource, &["list", "watch"]);
            }
            table.add(place, "", "events", &["list"]);
            table.kind(place, Kind::PersistentVolumeClaim, &["list"]);
            table.kind(place, Kind::HorizontalPodAutoscaler, &["list"]);
        }
        table.add(None, "", "nodes", &["get"]);
    }

    fn apply(&self, table: &mut Table) {
        self.lock(table);
        let state = Some(STATE_NAMESPACE);
        table.add(state, "", "configmaps", &["create"]);
        table.add_named(state, "", "configmaps", &self.state(), &["get", "update"]);
        for kind in self.cluster_scoped() {
            let names = self.names(kind, None);
            let mut verbs = vec!["create", "get", "patch"];
            if kind != Kind::StorageClass {
                verbs.push("delete");
            }
            table.add_named(None, kind.group(), kind.plural(), &names, &verbs);
        }
        for namespace in &self.namespaces {
            let place = Some(namespace.as_str());
            for kind in self.namespaced() {
                self.own(table, namespace, kind, &["create", "get", "patch"]);
                // What has left the source goes, whatever its name was. Before that it is looked at.
                if kind != Kind::PersistentVolumeClaim {
                    table.kind(place, kind, &["delete", "get"]);
                }
            }
            table.add(place, "", "pods/log", &["get"]);
            if !self.names(Kind::StatefulSet, place).is_empty() {
                // A pod of a failed revision blocks its StatefulSet until it is deleted.
                table.add(place, "", "pods", &["delete"]);
            }
            if self.has_volumes() {
                table.kind(place, Kind::PersistentVolumeClaim, &["get", "patch"]);
            }
            if self.has_volume_moves {
                let claims = Kind::PersistentVolumeClaim;
                table.kind(place, claims, &["create", "delete", "get", "list", "patch"]);
            }
        }
        if self.has_volume_moves {
            table.add(None, "", "persistentvolumes", &["get", "patch"]);
        }
    }

    /// The ConfigMaps of inventory and history.
    fn state(&self) -> Vec<String> {
        let platform = self.program.name();
        let history = crate::history::part_names(platform);
        std::iter::once(name(platform)).chain(history).collect()
    }

    /// The lock, and the namespace that it is in.
    fn lock(&self, table: &mut Table) {
        let state = Some(STATE_NAMESPACE);
        let names = [STATE_NAMESPACE.to_owned()];
        table.add_named(None, "", "namespaces", &names, &["get"]);
        let lease = [name(self.program.name())];
        let group = "coordination.k8s.io";
        table.add(state, group, "leases", &["create"]);
        table.add_named(state, group, "leases", &lease, &["get", "update"]);
    }

    fn destroy(&self, table: &mut Table) {
        self.live(table);
        self.lock(table);
        let own = [name(self.program.name())];
        let state = Some(STATE_NAMESPACE);
        table.add_named(state, "", "configmaps", &self.state(), &["delete", "get"]);
        table.add_named(state, "coordination.k8s.io", "leases", &own, &["delete"]);
        for kind in self.cluster_scoped() {
            let names = self.names(kind, None);
            table.add_named(
                None,
                kind.group(),
                kind.plural(),
                &names,
                &["delete", "get"],
            );
        }
        table.add_named(None, "", "namespaces", &self.namespaces, &["delete", "get"]);
        for namespace in &self.namespaces {
            let place = Some(namespace.as_str());
            for kind in self.namespaced() {
                table.kind(place, kind, &["delete", "get"]);
            }
            table.kind(place, Kind::PersistentVolumeClaim, &["delete", "get"]);
            // A namespace is deleted with everything in it, so everything in it is looked at.
            table.add(place, "*", "*", &["list"]);
        }
    }

    fn probe(&self, table: &mut Table) {
        for namespace in &self.namespaces {
            let place = Some(namespace.as_str());
            table.kind(place, Kind::Service, &["list"]);
            table.kind(place, Kind::Job, &["create", "delete", "list", "patch"]);
            table.add(place, "", "pods", &["list"]);
            table.add(place, "", "pods/log", &["get"]);
        }
    }

    /// What a check may not see it says; these are the permissions for all of them.
    fn doctor(&self, table: &mut Table) {
        self.plan(table);
        table.add_named(None, "", "namespaces", &self.namespaces, &["get"]);
        for namespace in &self.namespaces {
            table.kind(Some(namespace), Kind::LimitRange, &["list"]);
        }
        for (group, resource, verb) in [
            ("", "nodes", "list"),
            ("", "pods", "list"),
            ("apps", "daemonsets", "list"),
            ("apps", "daemonsets", "get"),
            ("discovery.k8s.io", "endpointslices", "list"),
            ("networking.k8s.io", "ingressclasses", "get"),
            ("storage.k8s.io", "storageclasses", "list"),
            ("storage.k8s.io", "csidrivers", "get"),
            ("storage.k8s.io", "csinodes", "list"),
            ("apiregistration.k8s.io", "apiservices", "get"),
            (
                "admissionregistration.k8s.io",
                "validatingwebhookconfigurations",
                "list",
            ),
            (
                "admissionregistration.k8s.io",
                "mutatingwebhookconfigurations",
                "list",
            ),
        ] {
            table.add(None, group, resource, &[verb]);
        }
    }

    fn secrets(&self, namespace: &str) -> Vec<String> {
        let platform = self.program.platform;
        let secrets = platform.secrets.iter().filter(|secret| {
            let of = |id: &erpc_model::NamespaceId| platform[*id].name.value == namespace;
            secret.namespace.iter().any(of) || secret.used_in.iter().any(of)
        });
        let mut names: Vec<String> = secrets
            .map(|secret| secret.name.value.to_string())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
