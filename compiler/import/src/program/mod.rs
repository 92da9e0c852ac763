//! Objects as a program. For each object there is one order: statements, a patch for what they leave out, a raw
//! manifest. The program is built, and what a build refuses or makes otherwise moves an object one step further.

mod companions;
mod merge;
mod pods;
mod profile;
mod shapes;
mod source;
mod statements;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use erpc_diagnostics::codes;
use erpc_emit::schema::{self, Version};
use serde::Serialize;
use serde_json::Value;

use crate::compare::{Difference, Key, compare};
use crate::facts::{Facts, text};
use crate::flows::Flow;
use crate::normal;
use crate::read::Object;
pub(crate) use profile::{Environment, add as add_profile};
pub(crate) use source::namespace_of_line;
use source::{Block, Namespace, owner_of};
use statements::{Hardening, Workload, is_name};

/// The files of a program, by their paths.
pub type Files = BTreeMap<String, String>;

/// What makes objects of a program.
pub trait Compiler {
    /// A source as `erpc fmt` writes it.
    fn format(&self, source: &str) -> String;
    /// The objects of a program, or what is wrong with it.
    ///
    /// # Errors
    ///
    /// The errors of the program.
    fn build(&self, files: &Files) -> Result<Vec<Value>, Vec<Problem>>;
    /// The objects of a program under a profile.
    ///
    /// # Errors
    ///
    /// The errors of the program, and those under the profile.
    fn build_under(&self, files: &Files, profile: &str) -> Result<Vec<Value>, Vec<Problem>>;
}

/// An error of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file; empty without a place.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The code and the message.
    pub message: String,
}

/// How objects become a program.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the platform.
    pub platform: String,
    /// Where objects without a namespace are.
    pub default_namespace: String,
    /// The namespaces that are imported; all if it is empty.
    pub namespaces: Vec<String>,
    /// Whether what the language adds by default is added.
    pub harden: bool,
    /// What is known of the cluster, as statements of its block; empty for the least that it needs.
    pub cluster: Vec<String>,
}

/// What an object became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Statements, and a patch for what they leave out.
    Service {
        /// The name of the service in the source: `shop.web`.
        name: String,
        /// Whether a patch sets the rest.
        is_patched: bool,
    },
    /// A statement of its own.
    Statement,
    /// A file of `manifests/`.
    Raw(String),
    /// A file of `manifests/` that the platform does not take, with the reason.
    NotTaken(String, String),
}

/// A program with what became of each object.
pub(crate) struct Program<'o> {
    pub(crate) files: Files,
    /// In the order of the objects.
    pub(crate) fates: Vec<Fate>,
    /// What it builds.
    pub(crate) made: Vec<Value>,
    /// The patches of its services.
    pub(crate) patches: BTreeMap<Key, Value>,
    /// Why objects are no statements.
    pub(crate) dropped: Vec<String>,
    /// What each namespace is written from.
    namespaces: BTreeMap<String, Namespace<'o>>,
    /// The objects that are raw manifests.
    raw: BTreeSet<Key>,
    /// What a build finds wrong with it; empty if it builds.
    pub(crate) problems: Vec<Problem>,
}

/// How often a program is built before what is left of its problems is taken out of it as a whole.
const MAX_ROUNDS: usize = 32;

/// Writes a program.
pub(crate) fn write<'o>(
    facts: &Facts<'o>,
    flows: &[Flow],
    options: &Options,
    compiler: &dyn Compiler,
) -> Program<'o> {
    let mut draft = Draft::new(facts, flows, options);
    let mut built = None;
    for round in 0..MAX_ROUNDS {
        let files = draft.files(compiler);
        match compiler.build(&files) {
            Ok(made) => {
                let is_settled = !draft.patch(&made) && !draft.label_security(true);
                let is_lost = is_settled && draft.drop_lost(&made);
                if is_lost {
                    draft.label_security(false);
                }
                let is_changed = !is_settled || is_lost;
                built = Some((files, made));
                if !is_changed {
                    break;
                }
            }
            Err(problems) => {
                built = None;
                draft.drop_refused(&files, &problems, round + 2 >= MAX_ROUNDS);
                draft.label_security(false);
            }
        }
    }
    let (files, made, problems) = match built {
        Some((files, made)) => (files, made, Vec::new()),
        None => {
            let files = draft.files(compiler);
            match compiler.build(&files) {
                Ok(made) => (files, made, Vec::new()),
                Err(problems) => (files, Vec::new(), problems),
            }
        }
    };
    let fates = draft.fates();
    Program {
        raw: profile::raw_keys(facts.objects, &fates),
        fates,
        dropped: std::mem::take(&mut draft.dropped),
        patches: draft
            .namespaces
            .values()
            .flat_map(|namespace| &namespace.patches)
            .map(|(key, (_, patch))| (key.clone(), patch.clone()))
            .collect(),
        namespaces: draft.namespaces,
        files,
        made,
        problems,
    }
}

/// A program that is being written.
struct Draft<'o, 'f> {
    facts: &'f Facts<'o>,
    flows: &'f [Flow],
    options: &'f Options,
    namespaces: BTreeMap<String, Namespace<'o>>,
    /// Objects that are files, by their place.
    raw: BTreeMap<usize, String>,
    not_taken: BTreeMap<usize, String>,
    dropped: Vec<String>,
    has_shapes: bool,
    place: HashMap<Key, usize>,
}

impl<'o, 'f> Draft<'o, 'f> {
    fn new(facts: &'f Facts<'o>, flows: &'f [Flow], options: &'f Options) -> Self {
        let mut draft = Self {
            facts,
            flows,
            options,
            namespaces: BTreeMap::new(),
            raw: BTreeMap::new(),
            not_taken: BTreeMap::new(),
            dropped: Vec::new(),
            has_shapes: true,
            place: HashMap::new(),
        };
        let mut paths = BTreeSet::new();
        for (place, object) in facts.objects.iter().enumerate() {
            let key = Key::of(&object.value);
            // The values of a Secret are written nowhere.
            if key.kind != "Secret" {
                draft.raw.insert(place, path_of(&key, &mut paths));
            }
            if !key.namespace.is_empty() {
                let namespace = draft.namespaces.entry(key.namespace.clone()).or_default();
                // The compiler hardens no namespace that every cluster has.
                namespace.keeps_defaults = options.harden
                    && erpc_model::kubernetes::reserved_namespace(&key.namespace).is_some();
            }
            draft.place.insert(key, place);
        }
        for object in facts.objects {
            draft.take(object);
        }
        draft.take_services();
        draft.take_accounts();
        draft.take_companions();
        draft.take_outside();
        draft
    }

    /// Makes a statement of an object, if its kind has one.
    fn take(&mut self, object: &'o Object) {
        let key = Key::of(&object.value);
        match key.kind.as_str() {
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob"
                if is_whole(&object.value) && !key.name.is_empty() =>
            {
                let namespace = self.namespaces.entry(key.namespace.clone()).or_default();
                let name = namespace.free_name(&key.name, &key.kind);
                let mut workload = Workload::new(object, name);
                if self.options.harden && !namespace.keeps_defaults {
                    workload.hardening = Hardening::On;
                }
                namespace.workloads.push(workload);
            }
            "Namespace" => {
                let namespace = self.namespaces.entry(key.name.clone()).or_default();
                namespace.object = Some(object);
            }
            // One without keys is declared by nothing that reads it.
            "Secret" if is_name(&key.name) && has_keys(&object.value) => {
                let namespace = self.namespaces.entry(key.namespace.clone()).or_default();
                namespace.secrets.push(object);
            }
            _ => {}
        }
    }

    /// Gives each Service to the workload that is the only one behind it.
    fn take_services(&mut self) {
        let mut of_workload: BTreeMap<usize, Vec<&'o Object>> = BTreeMap::new();
        for service in &self.facts.services {
            if let [only] = service.pods[..] {
                of_workload.entry(only).or_default().push(service.object);
            }
        }
        let of_workload: HashMap<&Key, Vec<&'o Object>> = of_workload
            .into_iter()
            .map(|(pods, services)| (&self.facts.pods[pods].key, services))
            .collect();
        let namespaces = self.namespaces.values_mut();
        for workload in namespaces.flat_map(|namespace| &mut namespace.workloads) {
            if let Some(services) = of_workload.get(&Key::of(&workload.original.value)) {
                workload.take_services(services);
            }
        }
    }

    /// Gives each workload the ServiceAccount of its pods.
    fn take_accounts(&mut self) {
        for (name, namespace) in &mut self.namespaces {
            for workload in &mut namespace.workloads {
                let account = workload.account_name();
                let account =
                    account.and_then(|account| self.facts.find("ServiceAccount", name, account));
                workload.account = account;
            }
        }
    }

    /// Gives each workload the objects beside it that its statements make; the first of several takes them.
    fn take_companions(&mut self) {
        let mut taken: BTreeSet<Key> = BTreeSet::new();
        let facts = self.facts;
        for (name, namespace) in &mut self.namespaces {
            for workload in &mut namespace.workloads {
                let mut is_free = |object: &Object| taken.insert(Key::of(&object.value));
                workload.take_companions(facts, name, &mut is_free);
            }
        }
    }

    /// Declares the Secrets that variables are read from and that no manifest contains.
    fn take_outside(&mut self) {
        for pods in &self.facts.pods {
            let Some(namespace) = self.namespaces.get_mut(&pods.key.namespace) else {
                continue;
            };
            if !namespace
                .workloads
                .iter()
                .any(|one| Key::of(&one.original.value) == pods.key)
            {
                continue;
            }
            for reference in crate::facts::references(pods) {
                let is_known = self
                    .facts
                    .find("Secret", &pods.key.namespace, reference.name);
                let Some(key) = reference.key.filter(|_| reference.kind == "Secret") else {
                    continue;
                };
                if is_known.is_none() && !reference.is_optional && is_name(reference.name) {
                    let keys = namespace.outside.entry(reference.name.to_owned());
                    keys.or_default().insert(key.to_owned());
                }
            }
        }
    }

    /// The objects that are not files.
    fn taken(&self) -> BTreeSet<usize> {
        let objects = self.namespaces.values().flat_map(Namespace::objects);
        let places = objects.filter_map(|object| self.place.get(&Key::of(&object.value)));
        places.copied().collect()
    }

    /// All files of the program, and those that it takes as they are.
    fn files(&self, compiler: &dyn Compiler) -> Files {
        let taken = self.taken();
        let mut files = source::write(&source::Parts {
            facts: self.facts,
            flows: self.flows,
            options: self.options,
            has_shapes: self.has_shapes,
            namespaces: &self.namespaces,
            raw: self
                .raw
                .iter()
                .filter(|(place, _)| !taken.contains(place) && !self.not_taken.contains_key(place))
                .map(|(place, path)| (&self.facts.objects[*place], path.as_str()))
                .collect(),
        });
        let sources = files.iter_mut().filter(|(path, _)| path.ends_with(".erp"));
        for (_, text) in sources {
            *text = compiler.format(text);
        }
        for (place, path) in self.raw.iter().filter(|(place, _)| !taken.contains(place)) {
            let object = &self.facts.objects[*place];
            let path = match self.not_taken.contains_key(place) {
                true => not_taken(path),
                false => path.clone(),
            };
            files.insert(path, manifest(&object.value));
        }
        files
    }

    /// Patches what statements leave out; whether a patch is new.
    fn patch(&mut self, made: &[Value]) -> bool {
        let by_key: HashMap<Key, &Value> = made
            .iter()
            .map(|object| (Key::of(object), object))
            .collect();
        let mut is_changed = false;
        for namespace in self.namespaces.values_mut() {
            for workload in &namespace.workloads {
                let own = std::iter::once(&workload.object);
                let others = workload.services.iter().chain(&workload.companions);
                let others = others.map(|other| &other.value);
                for original in own.chain(others) {
                    let key = Key::of(original);
                    if namespace.patches.contains_key(&key) {
                        continue;
                    }
                    let Some(ours) = by_key.get(&key) else {
                        continue;
                    };
                    let reach = match workload.hardening {
                        Hardening::On => merge::Reach::Additions,
                        Hardening::Off | Hardening::Refused => merge::Reach::All,
                    };
                    if let Some(patch) = patch_of(ours, original, reach) {
                        namespace.patches.insert(key, patch);
                        is_changed = true;
                    }
                }
            }
        }
        is_changed
    }

    /// Writes the labels of Pod Security, or leaves them out until services that are written in another way have their
    /// patches again; whether that is new.
    fn label_security(&mut self, has_labels: bool) -> bool {
        let mut is_changed = false;
        for namespace in self.namespaces.values_mut() {
            is_changed |= namespace.label_security(has_labels);
        }
        is_changed
    }

    /// Makes files of the objects that the program makes otherwise than they are; whether there are any.
    fn drop_lost(&mut self, made: &[Value]) -> bool {
        let mut is_changed = false;
        for difference in lost(self.facts.objects, made) {
            // What the compiler hardens is changed.
            if self.is_hardened(&difference.object) {
                continue;
            }
            if self.drop_object(&difference.object) {
                is_changed = true;
                let (object, path) = (&difference.object, &difference.path);
                self.dropped.push(format!("{object} would differ: {path}"));
            }
        }
        is_changed
    }

    /// Whether statements make an object of a workload that the compiler hardens, or a Namespace with such workloads.
    fn is_hardened(&self, key: &Key) -> bool {
        let is_it = |object: &Object| Key::of(&object.value) == *key;
        let namespace = match key.kind.as_str() {
            "Namespace" => self.namespaces.get(&key.name),
            _ => self.namespaces.get(&key.namespace),
        };
        let is_namespace = key.kind == "Namespace";
        namespace.is_some_and(|namespace| {
            let mut hardened = namespace.workloads.iter();
            self.options.harden && is_namespace && !namespace.keeps_defaults
                || hardened.any(|one| {
                    let others = one
                        .services
                        .iter()
                        .chain(&one.companions)
                        .chain(&one.account);
                    one.hardening == Hardening::On
                        && (is_it(one.original) || others.copied().any(is_it))
                })
        })
    }

    /// Makes a file of an object; of its Services too, if it is a workload.
    fn drop_object(&mut self, key: &Key) -> bool {
        let name = match key.kind.as_str() {
            "Namespace" => &key.name,
            _ => &key.namespace,
        };
        let namespace = self.namespaces.get_mut(name);
        namespace.is_some_and(|namespace| namespace.drop_object(key))
    }

    /// Makes files of what a build refuses.
    fn drop_refused(&mut self, files: &Files, problems: &[Problem], is_last: bool) {
        let mut is_changed = false;
        let raw = self.raw.iter();
        let raw: HashMap<String, usize> = raw.map(|(place, path)| (path.clone(), *place)).collect();
        for problem in problems {
            if self.refuse_security(problem) {
                is_changed = true;
                self.dropped.push(problem.message.clone());
                continue;
            }
            let text = files.get(&problem.file).map_or("", String::as_str);
            if let Some(&place) = raw.get(&problem.file) {
                let known = self.not_taken.insert(place, problem.message.clone());
                is_changed |= known.is_none();
                continue;
            }
            let Some((namespace, block)) = owner_of(text, problem.line) else {
                continue;
            };
            if block == Block::Manifests {
                is_changed |= self.refuse_files(&problem.message);
            } else if let Some(namespace) = self.namespaces.get_mut(&namespace)
                && (self.options.harden && block == Block::Namespace && namespace.keep_defaults()
                    || namespace.drop_block(&block))
            {
                is_changed = true;
                self.dropped.push(problem.message.clone());
            }
        }
        if is_changed && !is_last {
            return;
        }
        // An error in a component is that of a service; without components its place says which.
        if self.has_shapes && !is_last {
            self.has_shapes = false;
            return;
        }
        // Nothing else is left to try.
        let reasons = problems.iter();
        let reasons = reasons.map(|one| format!("{} ({}:{})", one.message, one.file, one.line));
        self.dropped.extend(reasons);
        for namespace in self.namespaces.values_mut() {
            namespace.drop_all();
        }
    }

    /// Leaves out the labels of Pod Security that pods of a namespace violate, so that its workloads stay services;
    /// whether a problem is about such labels.
    fn refuse_security(&mut self, problem: &Problem) -> bool {
        if !problem.message.starts_with(codes::FORBIDDEN_POD.id) {
            return false;
        }
        let mut of_problem = self.namespaces.iter_mut().filter(|(name, _)| {
            let name = format!("the namespace `{name}`");
            problem.message.contains(&name)
        });
        of_problem.any(|(_, namespace)| namespace.refuse_security())
    }

    /// Takes no file into the program; whether there was one.
    fn refuse_files(&mut self, reason: &str) -> bool {
        let count = self.not_taken.len();
        for place in self.raw.keys() {
            let reason = || reason.to_owned();
            self.not_taken.entry(*place).or_insert_with(reason);
        }
        self.not_taken.len() != count
    }

    fn fates(&self) -> Vec<Fate> {
        let mut names: HashMap<usize, Fate> = HashMap::new();
        for (name, namespace) in &self.namespaces {
            for workload in &namespace.workloads {
                let others = workload
                    .services
                    .iter()
                    .chain(&workload.companions)
                    .copied();
                for object in std::iter::once(workload.original).chain(others) {
                    let key = Key::of(&object.value);
                    let fate = Fate::Service {
                        name: format!("{name}.{}", workload.name),
                        is_patched: namespace.patches.contains_key(&key),
                    };
                    if let Some(place) = self.place.get(&key) {
                        names.insert(*place, fate);
                    }
                }
            }
        }
        let taken = self.taken();
        let mut fates = Vec::with_capacity(self.facts.objects.len());
        for place in 0..self.facts.objects.len() {
            let raw = self.raw.get(&place);
            let path = || raw.cloned().unwrap_or_default();
            let fate = match (names.remove(&place), self.not_taken.get(&place)) {
                (Some(fate), _) => fate,
                (None, _) if taken.contains(&place) || !self.raw.contains_key(&place) => {
                    Fate::Statement
                }
                (None, Some(reason)) => Fate::NotTaken(not_taken(&path()), reason.clone()),
                (None, None) => Fate::Raw(path()),
            };
            fates.push(fate);
        }
        fates
    }
}

/// In which fields what a program makes differs from the objects that it was written from. What only it makes besides
/// them is none of it, and neither are labels that tell what an object is a part of: they are on the object alone, and
/// restart no pod.
#[must_use]
pub(crate) fn lost(originals: &[Object], made: &[Value]) -> Vec<Difference> {
    let originals: Vec<Value> = originals
        .iter()
        .filter(|original| original.value["kind"] != "Secret")
        .map(|original| original.value.clone())
        .collect();
    let wanted: BTreeSet<Key> = originals.iter().map(Key::of).collect();
    let made: Vec<Value> = made
        .iter()
        .filter(|object| wanted.contains(&Key::of(object)))
        .cloned()
        .collect();
    let found = compare(&originals, &made).into_iter();
    found.filter(|found| !is_part_of(found)).collect()
}

/// The label by which the objects of a platform are found, on the object alone.
pub(crate) const PART_OF: &str = "metadata.labels.\"app.kubernetes.io/part-of\"";

/// Whether it is a label of the object itself that the compiler adds.
fn is_part_of(difference: &Difference) -> bool {
    let is_ours = |key: &str| key.starts_with("app.kubernetes.io/");
    let path = difference.path.as_str();
    let label = path.strip_prefix("metadata.labels.\"");
    let labels = difference.ours.as_ref().and_then(Value::as_object);
    let is_added = difference.original.is_none()
        && (label.is_some_and(is_ours)
            || path == "metadata.labels"
                && labels.is_some_and(|labels| labels.keys().all(|key| is_ours(key))));
    is_added || path == PART_OF
}

/// Whether a Secret has values.
fn has_keys(secret: &Value) -> bool {
    let maps = ["data", "stringData"].into_iter();
    let mut maps = maps.filter_map(|field| secret[field].as_object());
    maps.any(|map| !map.is_empty())
}

/// Whether a workload has what Kubernetes demands: what other tools merge into one has not.
#[must_use]
pub fn is_whole(workload: &Value) -> bool {
    let path = crate::facts::template_path(text(&workload["kind"])).unwrap_or_default();
    let template = crate::facts::at(workload, path);
    let containers = template.and_then(|template| template["spec"]["containers"].as_array());
    let has_image = |container: &Value| {
        container["name"].is_string()
            && container["image"]
                .as_str()
                .is_some_and(|image| !image.is_empty())
    };
    containers.is_some_and(|containers| !containers.is_empty() && containers.iter().all(has_image))
}

/// The patch that makes one object of another, with the kind and name that `patch` takes.
fn patch_of(ours: &Value, original: &Value, reach: merge::Reach) -> Option<(String, Value)> {
    let original = normal::current(original);
    let typed = schema::typed(
        Version::NEWEST,
        text(&ours["apiVersion"]),
        text(&ours["kind"]),
    );
    let patch = merge::between(ours, &original, typed, reach)?;
    let kind = text(&ours["kind"]).to_ascii_lowercase();
    // A service may have several of them.
    let name = match kind.as_str() {
        "service" | "configmap" | "persistentvolumeclaim" => {
            let name = text(&ours["metadata"]["name"]);
            format!(" {}", statements::quoted(name)?)
        }
        _ => String::new(),
    };
    Some((format!("{kind}{name}"), patch))
}

/// A patch as YAML that can stand in a text of the language.
fn yaml(patch: &Value) -> String {
    let mut text = String::new();
    let is_written = erpc_emit::yaml::write(&mut text, patch).is_ok();
    // JSON is YAML too, and never has three quotes in a row.
    let text = match is_written && !text.contains("\"\"\"") {
        true => text,
        false => format!("{patch}\n"),
    };
    text.replace('\\', "\\\\").replace("${", "$${")
}

/// An object as the text of a file, without what the server writes.
fn manifest(object: &Value) -> String {
    let object = without_noise(object);
    let mut text = String::new();
    match erpc_emit::yaml::write(&mut text, &object) {
        Ok(()) => text,
        Err(_) => format!("{object}\n"),
    }
}

/// Fields of the metadata that the server writes.
pub(crate) const SERVER_FIELDS: [&str; 7] = [
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

fn without_noise(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in SERVER_FIELDS {
            metadata.remove(field);
        }
    }
    object
}

/// Where a file is that the program does not take.
fn not_taken(path: &str) -> String {
    path.replacen("manifests/", "not-taken/", 1)
}

/// The path of the file of an object, which no other has.
fn path_of(key: &Key, paths: &mut BTreeSet<String>) -> String {
    let plain = |text: &str| -> String {
        let letter = |c: char| match c.is_ascii_alphanumeric() || c == '-' || c == '.' {
            true => c.to_ascii_lowercase(),
            false => '-',
        };
        text.chars().map(letter).take(120).collect()
    };
    let folder = match key.namespace.as_str() {
        "" => "cluster".to_owned(),
        namespace => plain(namespace).trim_matches('.').to_owned(),
    };
    let name = format!(
        "manifests/{folder}/{}-{}",
        plain(&key.kind),
        plain(&key.name)
    );
    let mut path = format!("{name}.yaml");
    let mut number = 1;
    while !paths.insert(path.clone()) {
        number += 1;
        path = format!("{name}-{number}.yaml");
    }
    path
}
