//! What happens to a platform's objects while a command waits: watches keep a copy of workloads,
//! pods, revisions and endpoints. What carries no labels is read every few seconds where a caller
//! waits: the warnings of a namespace, and the nodes of pods that do not become ready.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use kube::api::{ApiResource, DynamicObject};
use kube::core::{GroupVersionKind, Status};
use kube::runtime::watcher;
use kube::{Api, Client};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::Failure;
use crate::mutex::held;
use crate::object::Packed;
use crate::permissions::Reach;
use crate::program::Program;
use erpc_emit::root;
use erpc_model::Workload;

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watched {
    /// Deployments.
    Deployment,
    /// StatefulSets.
    StatefulSet,
    /// DaemonSets.
    DaemonSet,
    /// Jobs.
    Job,
    /// The revisions of Deployments.
    ReplicaSet,
    /// Pods.
    Pod,
    /// The addresses behind Services.
    EndpointSlice,
}

impl Watched {
    const ALL: [Self; 7] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::ReplicaSet,
        Self::Pod,
        Self::EndpointSlice,
    ];

    const fn is_workload(self) -> bool {
        matches!(
            self,
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::Job
        )
    }

    const fn place(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Deployment => ("apps", "Deployment", "deployments"),
            Self::StatefulSet => ("apps", "StatefulSet", "statefulsets"),
            Self::DaemonSet => ("apps", "DaemonSet", "daemonsets"),
            Self::Job => ("batch", "Job", "jobs"),
            Self::ReplicaSet => ("apps", "ReplicaSet", "replicasets"),
            Self::Pod => ("", "Pod", "pods"),
            Self::EndpointSlice => ("discovery.k8s.io", "EndpointSlice", "endpointslices"),
        }
    }
}

impl Watched {
    /// What is watched for a platform. DaemonSets only if it has some: an account that was given the rights for a
    /// platform without them may not see them.
    fn of_program(program: &Program<'_>) -> impl Iterator<Item = Self> + use<> {
        let mut services = program.platform.services();
        let per_node = services.any(|(_, service)| service.workload == Workload::DaemonSet);
        let all = Self::ALL.into_iter();
        all.filter(move |what| per_node || *what != Self::DaemonSet)
    }
}

/// Group and resource of all that is watched for a platform.
pub(crate) fn watched(
    program: &Program<'_>,
) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    Watched::of_program(program).map(|what| {
        let (group, _, plural) = what.place();
        (group, plural)
    })
}

/// What, namespace, whose it is, name: what belongs to one owner stands together.
type Key = (Watched, String, String, String);

#[derive(Default)]
struct Store {
    objects: BTreeMap<Key, Packed>,
    events: BTreeMap<String, Vec<Value>>,
    /// Namespaces whose warnings are wanted.
    interest: BTreeSet<String>,
    nodes: BTreeMap<String, Value>,
    /// Nodes that are looked at.
    node_interest: BTreeSet<String>,
    /// The uids of workloads that were there and are not any more.
    deleted: BTreeSet<(Watched, String)>,
    /// Lists that have not been read once yet.
    unread: usize,
    /// What cannot be watched, and why: without it nothing can be said to be ready.
    trouble: BTreeMap<(Watched, Option<String>), Failure>,
}

/// The copy, kept up to date until it is dropped.
pub(crate) struct Observed {
    store: Arc<Mutex<Store>>,
    /// Told of everything that changes in the copy.
    news: Arc<Notify>,
    tasks: Vec<JoinHandle<()>>,
}

impl Observed {
    /// Starts to watch what a selector finds: in the whole cluster, or, for an account that may not, in
    /// these namespaces.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub(crate) async fn start(
        cluster: &Arc<Cluster>,
        program: &Program<'_>,
        selector: &str,
        namespaces: &[String],
    ) -> Result<Self, Failure> {
        let reach = cluster.reach().await?;
        let of_pods = program.selector_of_pods();
        let mut lists: Vec<(Watched, &str, Option<String>)> = Vec::new();
        for what in Watched::of_program(program) {
            let selector = match what {
                Watched::Pod | Watched::ReplicaSet => &of_pods,
                _ => selector,
            };
            match reach {
                // Without a selector, that would be every pod of the cluster.
                Reach::All if !selector.is_empty() => lists.push((what, selector, None)),
                Reach::All | Reach::Pods | Reach::Namespaces => {
                    let scopes = namespaces.iter().cloned();
                    lists.extend(scopes.map(|scope| (what, selector, Some(scope))));
                }
            }
        }
        let store = Arc::new(Mutex::new(Store {
            unread: lists.len(),
            ..Store::default()
        }));
        let news = Arc::new(Notify::new());
        let mut tasks = Vec::new();
        for (what, selector, scope) in lists {
            let keeper = Keeper {
                cluster: Arc::clone(cluster),
                what,
                scope,
                selector: selector.to_owned(),
                store: Arc::clone(&store),
                news: Arc::clone(&news),
            };
            tasks.push(tokio::spawn(keeper.run()));
        }
        tasks.push(tokio::spawn(read_warnings(
            Arc::clone(cluster),
            Arc::clone(&store),
        )));
        Ok(Self { store, news, tasks })
    }

    /// Why something cannot be watched, as long as it is so.
    #[must_use]
    pub(crate) fn trouble(&self) -> Option<Failure> {
        // A watch goes on until it is aborted: one that has ended has panicked, and its copy stays as it was.
        if self.tasks.iter().any(JoinHandle::is_finished) {
            return Some(Failure::new(
                "the rollout cannot be followed: a watch has ended by a bug of erpc",
            ));
        }
        held(&self.store).trouble.values().next().cloned()
    }

    /// Something has changed since this was asked last.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// Whether every list has been read once.
    #[must_use]
    pub(crate) fn is_read(&self) -> bool {
        held(&self.store).unread == 0
    }

    /// One object.
    #[must_use]
    pub(crate) fn get(&self, what: Watched, namespace: &str, name: &str) -> Option<Value> {
        let key = (what, namespace.to_owned(), String::new(), name.to_owned());
        held(&self.store).objects.get(&key).map(Packed::value)
    }

    /// Whether a workload with this uid was there and is not any more.
    #[must_use]
    pub(crate) fn saw_deleted(&self, what: Watched, uid: &str) -> bool {
        let key = (what, uid.to_owned());
        held(&self.store).deleted.contains(&key)
    }

    /// What belongs to one owner: `Job/seed`, or, for endpoints, the name of their Service.
    #[must_use]
    pub(crate) fn owned(&self, what: Watched, namespace: &str, owner: &str) -> Vec<Value> {
        let store = held(&self.store);
        let first = (what, namespace.to_owned(), owner.to_owned(), String::new());
        store
            .objects
            .range(first..)
            .take_while(|((kind, place, of, _), _)| {
                *kind == what && place == namespace && of == owner
            })
            .map(|(_, object)| object.value())
            .collect()
    }

    /// Reads the warnings that are wanted, without waiting for their turn.
    pub(crate) async fn read_warnings_now(&self, cluster: &Cluster) {
        read_interest(cluster, &self.store).await;
    }

    /// A node; it is read from now on. An account that may not see nodes has none.
    #[must_use]
    pub(crate) fn node(&self, name: &str) -> Option<Value> {
        let mut store = held(&self.store);
        store.node_interest.insert(name.to_owned());
        store.nodes.get(name).cloned()
    }

    /// The warnings of a namespace, oldest first; they are read from now on.
    #[must_use]
    pub(crate) fn warnings(&self, namespace: &str) -> Vec<Value> {
        let mut store = held(&self.store);
        store.interest.insert(namespace.to_owned());
        store.events.get(namespace).cloned().unwrap_or_default()
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn key(what: Watched, object: &Value) -> Key {
    let text = |key: &str| {
        let value = object["metadata"][key].as_str();
        value.unwrap_or_default().to_owned()
    };
    (
        what,
        text("namespace"),
        owner_of(what, object),
        text("name"),
    )
}

fn uid_of(object: &Packed) -> String {
    let object = object.value();
    let uid = object["metadata"]["uid"].as_str();
    uid.unwrap_or_default().to_owned()
}

fn owner_of(what: Watched, object: &Value) -> String {
    match what {
        Watched::Deployment | Watched::StatefulSet | Watched::DaemonSet | Watched::Job => {
            String::new()
        }
        Watched::EndpointSlice => {
            let service = &object["metadata"]["labels"]["kubernetes.io/service-name"];
            service.as_str().unwrap_or_default().to_owned()
        }
        Watched::Pod | Watched::ReplicaSet => {
            let owner = &object["metadata"]["ownerReferences"][0];
            let text = |key: &str| owner[key].as_str().unwrap_or_default();
            format!("{}/{}", text("kind"), text("name"))
        }
    }
}

fn api(client: Client, what: Watched, namespace: Option<&str>) -> Api<DynamicObject> {
    let (group, kind, plural) = what.place();
    let gvk = GroupVersionKind::gvk(group, "v1", kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    }
}

/// Keeps one list up to date.
struct Keeper {
    cluster: Arc<Cluster>,
    what: Watched,
    scope: Option<String>,
    selector: String,
    store: Arc<Mutex<Store>>,
    news: Arc<Notify>,
}

/// The server ends a watch after so long, and a dead connection is noticed soon after: before what was seen
/// last is old enough to look like a stall.
const WATCH_SECONDS: u32 = 10;
/// A watch that fails begins again after a pause that doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

impl Keeper {
    /// Keeps the list up to date. A watch that ended begins again with the credentials of then.
    async fn run(self) {
        let mut is_first = true;
        let mut pause = FIRST_PAUSE;
        loop {
            self.follow(&mut is_first, &mut pause).await;
            if let Err(failure) = self.cluster.renew().await {
                self.note(failure);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Keeps the list up to date until the credentials are too old.
    async fn follow(&self, is_first: &mut bool, pause: &mut Duration) {
        let api = api(self.cluster.client(), self.what, self.scope.as_deref());
        let config = watcher::Config::default()
            .labels(&self.selector)
            .timeout(WATCH_SECONDS);
        let mut stream = Box::pin(watcher(api, config));
        let mut fresh: BTreeMap<Key, Packed> = BTreeMap::new();
        let mut has_read = false;
        // A watcher begins again by itself, for ever.
        while let Some(event) = stream.next().await {
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    match code_of(&error) {
                        Some(401) => {
                            // Credentials that were good until now are renewed in silence, once.
                            if !has_read {
                                self.note(self.refused(&error));
                            }
                            return;
                        }
                        Some(403..=405) => self.note(self.refused(&error)),
                        // Whether the server is away, or only this connection was cut.
                        None => self.cluster.glance().await,
                        // The server is there, and the watcher begins again after a pause.
                        Some(_) => {}
                    }
                    tokio::time::sleep(*pause).await;
                    *pause = (*pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            };
            let mut store = held(&self.store);
            match event {
                watcher::Event::Init => fresh.clear(),
                watcher::Event::InitApply(object) => {
                    let (key, object) = self.entry(&object);
                    fresh.insert(key, object);
                }
                watcher::Event::InitDone => {
                    // What went while the watch was away is missing from the new list.
                    let fresh = std::mem::take(&mut fresh);
                    let gone: Vec<String> = store
                        .objects
                        .iter()
                        .filter(|((what, ..), _)| *what == self.what && what.is_workload())
                        .filter(|((_, namespace, ..), _)| {
                            let scope = self.scope.as_ref();
                            scope.is_none_or(|scope| scope == namespace)
                        })
                        .map(|(key, object)| (key, uid_of(object)))
                        .filter(|(key, uid)| fresh.get(*key).map(uid_of).as_ref() != Some(uid))
                        .map(|(_, uid)| uid)
                        .collect();
                    store
                        .deleted
                        .extend(gone.into_iter().map(|uid| (self.what, uid)));
                    store.objects.retain(|(what, namespace, ..), _| {
                        *what != self.what
                            || self.scope.as_ref().is_some_and(|scope| scope != namespace)
                    });
                    store.objects.extend(fresh);
                    if *is_first {
                        *is_first = false;
                        store.unread -= 1;
                    }
                    store.trouble.remove(&self.key_of_trouble());
                    has_read = true;
                    *pause = FIRST_PAUSE;
                }
                watcher::Event::Apply(object) => {
                    let (key, object) = self.entry(&object);
                    store.objects.insert(key, object);
                    store.trouble.remove(&self.key_of_trouble());
                    *pause = FIRST_PAUSE;
                }
                watcher::Event::Delete(object) => {
                    let (key, object) = self.entry(&object);
                    store.objects.remove(&key);
                    if self.what.is_workload() {
                        store.deleted.insert((self.what, uid_of(&object)));
                    }
                }
            }
            drop(store);
            self.news.notify_one();
        }
    }

    fn key_of_trouble(&self) -> (Watched, Option<String>) {
        (self.what, self.scope.clone())
    }

    /// Takes note of why it cannot be watched.
    fn note(&self, failure: Failure) {
        let key = self.key_of_trouble();
        held(&self.store).trouble.insert(key, failure);
        self.news.notify_one();
    }

    fn refused(&self, error: &watcher::Error) -> Failure {
        let (_, _, plural) = self.what.place();
        let place = match &self.scope {
            Some(namespace) => format!(" in namespace {namespace}"),
            None => String::new(),
        };
        let said = status_of(error).map_or_else(|| error.to_string(), |s| s.message.clone());
        let failure = Failure::new(format!(
            "the rollout cannot be followed: {plural}{place} cannot be watched: {}",
            said.trim()
        ));
        match code_of(error) {
            Some(401) => failure.help("log in again, then apply again: it goes on from here"),
            _ => failure.help("`erpc rbac` prints the permissions that this platform needs"),
        }
    }

    fn entry(&self, object: &DynamicObject) -> (Key, Packed) {
        let mut object =
            serde_json::to_value(object).expect("an object that was read from JSON is JSON");
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        (key(self.what, &object), Packed::of(&object))
    }
}

/// The answer of the server in an error of a watch.
fn status_of(error: &watcher::Error) -> Option<&Status> {
    use watcher::Error as E;
    match error {
        E::InitialListFailed(error) | E::WatchStartFailed(error) | E::WatchFailed(error) => {
            match error {
                kube::Error::Api(status) => Some(status),
                _ => None,
            }
        }
        E::WatchError(status) => Some(status),
        E::NoResourceVersion => None,
    }
}

fn code_of(error: &watcher::Error) -> Option<u16> {
    status_of(error).map(|status| status.code)
}

const WARNINGS_EVERY: Duration = Duration::from_secs(2);

async fn read_warnings(cluster: Arc<Cluster>, store: Arc<Mutex<Store>>) {
    loop {
        tokio::time::sleep(WARNINGS_EVERY).await;
        read_interest(&cluster, &store).await;
    }
}

/// How many nodes are asked for at once.
const NODES_AT_ONCE: usize = 8;

async fn read_interest(cluster: &Cluster, store: &Mutex<Store>) {
    futures_util::join!(read_events(cluster, store), read_nodes(cluster, store));
}

async fn read_nodes(cluster: &Cluster, store: &Mutex<Store>) {
    let interest = std::mem::take(&mut held(store).node_interest);
    let mut answers = futures_util::stream::iter(interest)
        .map(|name| async move {
            let call = Call::get(format!("{}/nodes/{name}", root("", "v1")));
            (name, cluster.call(call).await)
        })
        .buffer_unordered(NODES_AT_ONCE);
    while let Some((name, answer)) = answers.next().await {
        // An account that may not see nodes has none; what is known of others stays.
        if let Ok(answer) = answer {
            held(store).nodes.insert(name, answer.body);
        }
    }
}

async fn read_events(cluster: &Cluster, store: &Mutex<Store>) {
    let interest = std::mem::take(&mut held(store).interest);
    for namespace in interest {
        // Events only explain: without them the state of the pods has to do.
        if let Ok(events) = cluster.warnings(&namespace).await {
            held(store).events.insert(namespace, events);
        }
    }
}
