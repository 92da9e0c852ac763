//! The source of a program: a file for the platform and, if there is much in it, one for each namespace.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::pods::{self, Secrets};
use super::shapes::{self, Body};
use super::statements::{Hardening, Workload, is_name, pairs, quoted};
use super::{Files, Options};
use crate::compare::Key;
use crate::facts::{Facts, text};
use crate::flows::{Flow, Grade};
use crate::normal;
use crate::read::Object;

/// What is written into a namespace.
#[derive(Default)]
pub(super) struct Namespace<'o> {
    pub(super) object: Option<&'o Object>,
    pub(super) workloads: Vec<Workload<'o>>,
    pub(super) secrets: Vec<&'o Object>,
    /// The kind and name of the object, as `patch` names it, and what is merged.
    pub(super) patches: BTreeMap<Key, (String, Value)>,
    /// Secrets that its workloads read and that are not in the input, with the keys that are read.
    pub(super) outside: Secrets,
    /// With `--harden`: whether the compiler adds nothing to it nevertheless.
    pub(super) keeps_defaults: bool,
    /// Whether its labels of Pod Security are written: a build without the patches of its services would refuse them.
    pub(super) has_security_labels: bool,
    /// Whether its pods violate them: they are not written, and the report has them as lost.
    is_security_refused: bool,
    names: BTreeSet<String>,
    /// Whether its flows are refused.
    is_without_flows: bool,
}

impl<'o> Namespace<'o> {
    /// A name of the language for one of Kubernetes, which no other service of the namespace has.
    pub(super) fn free_name(&mut self, name: &str, kind: &str) -> String {
        let mut name = name_of(name);
        while !self.names.insert(name.clone()) {
            name = format!("{name}-{}", kind.to_ascii_lowercase());
        }
        name
    }

    /// Writes its labels of Pod Security, or does not; whether that is new.
    pub(super) fn label_security(&mut self, is_written: bool) -> bool {
        let labels = self
            .object
            .map(|object| &object.value["metadata"]["labels"]);
        let mut labels = labels.and_then(Value::as_object).into_iter().flatten();
        let has_labels = labels.any(|(key, _)| key.starts_with(SECURITY));
        let is_written = is_written && !self.is_security_refused;
        has_labels && std::mem::replace(&mut self.has_security_labels, is_written) != is_written
    }

    /// Leaves out its labels of Pod Security for good; whether they were written.
    pub(super) fn refuse_security(&mut self) -> bool {
        self.is_security_refused |= self.has_security_labels;
        self.has_security_labels
    }

    /// Hardens nothing in it; whether that is new.
    pub(super) fn keep_defaults(&mut self) -> bool {
        for workload in &mut self.workloads {
            workload.hardening = Hardening::Off;
        }
        self.patches.clear();
        !std::mem::replace(&mut self.keeps_defaults, true)
    }

    /// The Secrets that it declares, with their keys.
    pub(super) fn secret_keys(&self) -> Secrets {
        let mut all = self.outside.clone();
        for secret in &self.secrets {
            let keys = keys_of(secret).into_iter().cloned().collect();
            all.insert(text(&secret.value["metadata"]["name"]).to_owned(), keys);
        }
        all
    }

    /// The objects that its statements are.
    pub(super) fn objects(&self) -> impl Iterator<Item = &'o Object> {
        let of_workloads = self.workloads.iter().flat_map(|workload| {
            let services = workload.services.iter().copied();
            let own = std::iter::once(workload.original).chain(workload.account);
            own.chain(services)
                .chain(workload.companions.iter().copied())
        });
        let others = self.object.into_iter().chain(self.secrets.iter().copied());
        of_workloads.chain(others)
    }

    /// Takes an object out of it; whether it was there.
    pub(super) fn drop_object(&mut self, key: &Key) -> bool {
        let is_it = |object: &Object| Key::of(&object.value) == *key;
        let count = self.objects().count();
        let mut says_less = false;
        self.workloads.retain_mut(|workload| {
            if !is_it(workload.original) {
                return true;
            }
            for object in
                std::iter::once(workload.original).chain(workload.companions.iter().copied())
            {
                self.patches.remove(&Key::of(&object.value));
            }
            let is_less = workload.say_less();
            says_less |= is_less;
            is_less
        });
        if says_less {
            return true;
        }
        for workload in &mut self.workloads {
            if workload.companions.iter().any(|companion| is_it(companion)) {
                workload.companions.retain(|companion| !is_it(companion));
                self.patches.remove(&Key::of(&workload.original.value));
            }
            if workload.services.iter().any(|service| is_it(service)) {
                workload.drop_service(key);
                self.patches.remove(&Key::of(&workload.original.value));
            }
            if workload.account.is_some_and(is_it) {
                workload.account = None;
                self.patches.remove(&Key::of(&workload.original.value));
            }
        }
        self.secrets.retain(|secret| !is_it(secret));
        if self.object.is_some_and(is_it) {
            self.object = None;
        }
        let is_changed = self.objects().count() != count;
        if is_changed {
            self.patches.remove(key);
        }
        is_changed
    }

    /// Takes what a block of the source says out of it; whether there was something.
    pub(super) fn drop_block(&mut self, block: &Block) -> bool {
        match block {
            Block::Service { name, patched } => {
                let mut workloads = self.workloads.iter();
                let Some(workload) = workloads.find(|workload| workload.name == *name) else {
                    return false;
                };
                let others = workload.services.iter().chain(&workload.companions);
                let mut others = others.map(|other| Key::of(&other.value));
                let key = patched.as_ref().and_then(|(kind, name)| {
                    others.find(|key| {
                        key.kind.eq_ignore_ascii_case(kind)
                            && name.as_ref().is_none_or(|name| key.name == *name)
                    })
                });
                let key = key.unwrap_or_else(|| Key::of(&workload.original.value));
                self.drop_object(&key)
            }
            Block::Secret(name) => {
                let count = self.secrets.len();
                self.secrets
                    .retain(|secret| text(&secret.value["metadata"]["name"]) != name);
                self.secrets.len() != count || self.outside.remove(name).is_some()
            }
            Block::Flow => !std::mem::replace(&mut self.is_without_flows, true),
            // Its labels are what it has besides services.
            Block::Namespace => self.object.take().is_some(),
            Block::Manifests => false,
        }
    }

    /// Takes all services out of it.
    pub(super) fn drop_all(&mut self) {
        self.workloads.clear();
        self.secrets.clear();
        self.outside.clear();
        self.patches.clear();
        self.is_without_flows = true;
    }

    fn is_empty(&self) -> bool {
        self.workloads.is_empty() && self.secrets.is_empty()
    }
}

/// A part of a source that an error is in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    Service {
        name: String,
        /// The kind and the name of the object whose patch it is, unless it is that of the workload.
        patched: Option<(String, Option<String>)>,
    },
    Secret(String),
    Flow,
    Manifests,
    Namespace,
}

/// The namespace and the block of a line of a formatted source.
pub(super) fn owner_of(text: &str, line: usize) -> Option<(String, Block)> {
    let lines: Vec<&str> = text.lines().take(line).collect();
    if lines
        .last()
        .is_some_and(|line| line.starts_with("manifests "))
    {
        return Some((String::new(), Block::Manifests));
    }
    let mut block = None;
    let mut patched = None;
    let mut is_behind_patch = false;
    for (number, line) in lines.iter().enumerate().rev() {
        let second = |line: &str| {
            let word = line.split_whitespace().nth(1)?;
            Some(word.trim_matches('"').to_owned())
        };
        if let Some(name) = namespace_of_line(line) {
            return Some((name.to_owned(), block.unwrap_or(Block::Namespace)));
        }
        if block.is_some() {
            continue;
        }
        let Some(rest) = line.strip_prefix("  ") else {
            continue;
        };
        if let Some(rest) = rest.strip_prefix("  patch ")
            && !is_behind_patch
        {
            let kind = rest.split_whitespace().next().unwrap_or_default();
            let name = rest.strip_prefix(kind).unwrap_or_default().trim_start();
            let name = name
                .strip_prefix('"')
                .filter(|name| !name.starts_with("\"\""));
            let name = name.and_then(|name| name.split('"').next());
            patched = Some((kind.to_owned(), name.map(str::to_owned)));
        }
        is_behind_patch |= rest.starts_with("  patch ") || rest.starts_with("  \"\"\"");
        let is_own = number + 1 == lines.len();
        if is_own && rest.starts_with("manifests ") {
            block = Some(Block::Manifests);
            continue;
        }
        let starts_block = ["service ", "job ", "secret ", "allow "]
            .iter()
            .any(|word| rest.starts_with(word));
        if is_own && rest.starts_with(|c: char| c.is_ascii_lowercase()) && !starts_block {
            block = Some(Block::Namespace);
            continue;
        }
        if rest.starts_with("service ") || rest.starts_with("job ") {
            let name = second(rest)?;
            let patched = patched.take();
            block = Some(Block::Service { name, patched });
        } else if rest.starts_with("secret ") {
            block = Some(Block::Secret(second(rest)?));
        } else if is_own && rest.starts_with("allow ") {
            block = Some(Block::Flow);
        }
    }
    None
}

/// The namespace whose block starts with a line of a formatted source.
pub(crate) fn namespace_of_line(line: &str) -> Option<&str> {
    line.strip_prefix("namespace ")?.split_whitespace().next()
}

/// A name of the language for one of Kubernetes.
fn name_of(name: &str) -> String {
    if is_name(name) {
        return name.to_owned();
    }
    let letter = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '-',
    };
    let plain: String = name.chars().map(letter).take(60).collect();
    let plain = plain.trim_matches('-');
    match plain.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => plain.to_owned(),
        false => format!("x-{plain}").trim_end_matches('-').to_owned(),
    }
}

/// What a source is written from.
pub(super) struct Parts<'p, 'o> {
    pub(super) facts: &'p Facts<'o>,
    pub(super) flows: &'p [Flow],
    pub(super) options: &'p Options,
    /// Whether services share components and constants.
    pub(super) has_shapes: bool,
    pub(super) namespaces: &'p BTreeMap<String, Namespace<'o>>,
    /// What is taken as it is, with the file that has it.
    pub(super) raw: Vec<(&'o Object, &'p str)>,
}

/// From how many services on every namespace has a file of its own.
const MANY: usize = 12;

/// What a source is written from, found by names.
pub(super) struct Index<'p, 'o> {
    parts: &'p Parts<'p, 'o>,
    services: HashMap<Key, &'p Workload<'o>>,
    /// The flows of each caller, and the wide ones of each namespace.
    flows: HashMap<&'p Key, Vec<&'p Flow>>,
    /// The namespaces with files.
    raw: BTreeSet<&'p str>,
}

impl<'p, 'o> Index<'p, 'o> {
    pub(super) fn of(parts: &'p Parts<'p, 'o>) -> Self {
        let workloads = parts.namespaces.values().flat_map(|one| &one.workloads);
        let services = workloads.map(|one| (Key::of(&one.original.value), one));
        let mut flows: HashMap<&Key, Vec<&Flow>> = HashMap::new();
        for flow in parts.flows {
            flows.entry(&flow.from).or_default().push(flow);
        }
        let raw = parts.raw.iter();
        Self {
            services: services.collect(),
            flows,
            raw: raw
                .map(|(object, _)| text(&object.value["metadata"]["namespace"]))
                .collect(),
            parts,
        }
    }

    /// A flow to a namespace that is not imported, as a comment: the platform has no name for its pods.
    fn outside(&self, flow: &Flow) -> Option<String> {
        let namespaces = &self.parts.options.namespaces;
        let is_outside = !namespaces.is_empty() && !namespaces.contains(&flow.to.namespace);
        let port = flow
            .port
            .map_or_else(String::new, |port| format!(":{port}"));
        let (to, file, line) = (&flow.to, &flow.place.file, flow.place.line);
        let (namespace, name) = (&to.namespace, &to.name);
        is_outside.then(|| {
            format!(
                "# Outside of this import: it calls {namespace}.{name}{port} ({}, {file}:{line}).",
                flow.evidence
            )
        })
    }

    fn flows_of(&self, caller: &Key) -> &[&'p Flow] {
        self.flows.get(caller).map_or(&[], Vec::as_slice)
    }
}

/// The statements of each service, without flows. Texts of several lines go to `files`.
pub(super) fn bodies(
    namespaces: &BTreeMap<String, Namespace<'_>>,
    files: &mut Files,
) -> BTreeMap<Key, Body> {
    let mut bodies = BTreeMap::new();
    for namespace in namespaces.values() {
        let secrets = namespace.secret_keys();
        for workload in &namespace.workloads {
            let mut patches = Vec::new();
            let services = workload.services.iter().map(|service| &service.value);
            let companions = workload.companions.iter().map(|one| &one.value);
            let others = services.chain(companions);
            for object in std::iter::once(&workload.object).chain(others) {
                if let Some((target, patch)) = namespace.patches.get(&Key::of(object)) {
                    let parts = shapes::parts(patch).into_iter();
                    patches.extend(parts.map(|part| (target.clone(), part)));
                }
            }
            let body = Body {
                name: workload.name.clone(),
                lines: workload.lines(&secrets, files),
                patches,
                component: None,
            };
            bodies.insert(Key::of(&workload.original.value), body);
        }
    }
    bodies
}

/// Writes the files, before they are formatted.
pub(super) fn write(parts: &Parts<'_, '_>) -> Files {
    let index = Index::of(parts);
    let mut files = Files::new();
    let mut bodies = bodies(parts.namespaces, &mut files);
    let mut all: Vec<&mut Body> = bodies.values_mut().collect();
    let mut shared = String::new();
    if parts.has_shapes {
        shared.push_str(&shapes::constants(&mut all));
        shared.push_str(&shapes::components(&mut all));
    }
    let services: usize = parts
        .namespaces
        .values()
        .map(|namespace| namespace.workloads.len())
        .sum();
    let is_one_file = services <= MANY || parts.namespaces.len() == 1;
    let mut root = String::from("erp 1\n\n");
    let mut rest = String::new();
    for (name, namespace) in parts.namespaces {
        let Some(block) = namespace_block(&index, &bodies, name, namespace) else {
            continue;
        };
        if is_one_file {
            rest.push_str(&block);
        } else {
            let file = format!("{name}.erp");
            root.push_str(&format!("use \"{file}\"\n"));
            files.insert(file, format!("erp 1\n\n{block}"));
        }
    }
    head(parts, &mut root);
    root.push_str(&shared);
    root.push_str(&rest);
    files.insert("platform.erp".to_owned(), root);
    files
}

/// The platform, its tiers and its cluster.
fn head(parts: &Parts<'_, '_>, out: &mut String) {
    let options = parts.options;
    out.push_str(&format!(
        "\nplatform {} {{\nversion \"1\"\ncluster main\n",
        options.platform
    ));
    if !options.harden {
        out.push_str("defaults kubernetes\n");
    }
    if let Some(policy) = pods::pull(parts.namespaces.values().flat_map(|one| &one.workloads)) {
        out.push_str(&format!("pull {policy}\n"));
    }
    if options.harden {
        out.push_str(&pods::registries(
            parts.namespaces.values().flat_map(|one| &one.workloads),
        ));
    }
    out.push_str("}\n\ntiers all\n\n");
    let has = |word: &str| {
        let mut lines = options.cluster.iter();
        lines.any(|line| line.split(' ').next() == Some(word))
    };
    if !["dns", "cni"].into_iter().all(has) {
        out.push_str(
            "# Assumed: correct the network plugin and DNS, and add nodes, addresses and storage classes.\n",
        );
    }
    out.push_str("cluster main {\n");
    for usual in ["kubernetes 1.37", "dns kube-dns", "cni calico"] {
        let word = usual.split(' ').next().unwrap_or(usual);
        if !has(word) {
            out.push_str(&format!("{usual}\n"));
        }
    }
    for line in &options.cluster {
        out.push_str(line);
        out.push('\n');
    }
    let workloads = parts.namespaces.values().flat_map(|one| &one.workloads);
    let classes: BTreeSet<&str> = workloads.flat_map(Workload::storage_classes).collect();
    for class in classes {
        let is_known = |line: &String| line.split_whitespace().nth(1) == Some(class);
        if !options.cluster.iter().any(is_known) {
            out.push_str(&format!("storage {class}\n"));
        }
    }
    out.push_str("}\n");
    let shared: Vec<&str> = parts
        .raw
        .iter()
        .filter(|(object, _)| object.value["metadata"]["namespace"].is_null())
        .map(|(_, path)| *path)
        .collect();
    if !shared.is_empty() {
        out.push_str("\nmanifests \"manifests/cluster/*.yaml\"\n");
    }
}

/// The block of a namespace; `None` if there is nothing in it.
fn namespace_block(
    index: &Index<'_, '_>,
    bodies: &BTreeMap<Key, Body>,
    name: &str,
    namespace: &Namespace<'_>,
) -> Option<String> {
    let has_raw = index.raw.contains(name);
    if namespace.is_empty() && !has_raw && namespace.object.is_none() {
        return None;
    }
    let mut out = String::from("\n");
    if let Some(object) = namespace.object {
        comments(object, &mut out);
    }
    out.push_str(&format!("namespace {name} {{\ntier all\n"));
    if namespace.keeps_defaults {
        out.push_str("defaults kubernetes\n");
    }
    if !index.parts.options.harden || namespace.keeps_defaults {
        out.push_str("network open because \"as imported\"\n");
    }
    for word in ["labels", "annotations"] {
        let of_object = namespace
            .object
            .map(|object| &object.value["metadata"][word]);
        let pairs_of_object = of_object.and_then(Value::as_object).into_iter().flatten();
        let own = pairs_of_object.filter(|(key, _)| {
            !is_of_compiler(key) && (namespace.has_security_labels || !key.starts_with(SECURITY))
        });
        if let Some(pairs) = pairs(own).filter(|pairs| !pairs.is_empty()) {
            out.push_str(&format!("{word} {pairs}\n"));
        }
    }
    for workload in &namespace.workloads {
        out.push('\n');
        comments(workload.original, &mut out);
        let key = Key::of(&workload.original.value);
        let Some(body) = bodies.get(&key) else {
            continue;
        };
        let component = body.component.as_deref();
        let component = component.map_or_else(String::new, |name| format!(" is {name}"));
        out.push_str(&format!("{}{component} {{\n", workload.head()));
        let calls = calls(index, namespace, workload);
        for line in body.lines.iter().chain(&calls).chain(&body.patch_lines()) {
            out.push_str(line);
            out.push('\n');
        }
        out.push_str("}\n");
    }
    for secret in &namespace.secrets {
        out.push('\n');
        comments(secret, &mut out);
        let name = text(&secret.value["metadata"]["name"]);
        let because = "as imported; its values stay in the cluster";
        secret_block(name, keys_of(secret), because, &mut out);
    }
    for (name, keys) in &namespace.outside {
        out.push('\n');
        let because = "import: services read it, and no manifest contains it";
        secret_block(name, keys.iter().collect(), because, &mut out);
    }
    unknown_callers(index, name, namespace, &mut out);
    callers_outside(index, name, &mut out);
    if has_raw {
        out.push_str(&format!("\nmanifests \"manifests/{name}/*.yaml\"\n"));
    }
    out.push_str("}\n");
    Some(out)
}

/// What the labels of Pod Security start with.
const SECURITY: &str = "pod-security.kubernetes.io/";

/// Whether a label or an annotation of a Namespace is written by the server, a client or the compiler.
fn is_of_compiler(key: &str) -> bool {
    let labels = ["kubernetes.io/metadata.name", "app.kubernetes.io/part-of"];
    labels.contains(&key) || normal::NOISE.contains(&key)
}

/// The comment above an object.
fn comments(object: &Object, out: &mut String) {
    for line in &object.comment {
        out.push_str(&format!("# {line}\n"));
    }
}

/// The keys of a Secret.
fn keys_of(secret: &Object) -> BTreeSet<&String> {
    let maps = ["data", "stringData"].into_iter();
    let maps = maps.filter_map(|field| secret.value[field].as_object());
    maps.flat_map(serde_json::Map::keys).collect()
}

/// A Secret with the names of its keys.
pub(super) fn secret_block(name: &str, keys: BTreeSet<&String>, because: &str, out: &mut String) {
    out.push_str(&format!("secret {name} {{\n"));
    let keys: Option<Vec<String>> = keys.into_iter().map(|key| quoted(key)).collect();
    if let Some(keys) = keys.filter(|keys| !keys.is_empty()) {
        out.push_str(&format!("keys {}\n", keys.join(", ")));
    }
    out.push_str(&format!("because \"{because}\"\n}}\n"));
}

/// The ports of a service that a flow leads to. A Service that is taken as it is may have other numbers than the service
/// of the program. A flow whose evidence has no port may use each.
fn ports_of(facts: &Facts<'_>, workload: &Workload<'_>, flow: &Flow) -> Vec<String> {
    let Some(number) = flow.port else {
        return workload
            .ports
            .iter()
            .map(|port| port.name.clone())
            .collect();
    };
    let find = |number: u64| {
        let mut ports = workload.ports.iter();
        ports.find(|port| port.number == number || port.container == number)
    };
    let behind = || {
        let service = facts.service(&flow.to.namespace, &flow.service)?;
        let mut ports = service.ports().iter();
        let target = &ports.find(|port| port["port"] == number)?["targetPort"];
        match target {
            Value::String(name) => workload.ports.iter().find(|port| port.name == *name),
            target => find(target.as_u64()?),
        }
    };
    let port = find(number).or_else(behind);
    port.map(|port| port.name.clone()).into_iter().collect()
}

/// The flows of a workload as statements.
pub(super) fn calls(
    index: &Index<'_, '_>,
    namespace: &Namespace<'_>,
    workload: &Workload<'_>,
) -> Vec<String> {
    if namespace.is_without_flows {
        return Vec::new();
    }
    let own = Key::of(&workload.original.value);
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    for flow in index.flows_of(&own) {
        let Some(callee) = index.services.get(&flow.to) else {
            lines.extend(index.outside(flow));
            continue;
        };
        let name = match flow.to.namespace == own.namespace {
            true => callee.name.clone(),
            false => format!("{}.{}", flow.to.namespace, callee.name),
        };
        let because = quoted(&format!("import: {}, {}", flow.evidence, flow.place));
        let because = because.map_or_else(String::new, |because| format!(" because {because}"));
        let comment = match flow.grade {
            Grade::Proposed => " # proposed",
            Grade::Certain | Grade::UnknownCaller => "",
        };
        for port in ports_of(index.parts.facts, callee, flow) {
            if seen.insert((name.clone(), port.clone())) {
                // What starts before what is not in manifests.
                lines.push(format!("calls {name}:{port} optional{because}{comment}"));
            }
        }
    }
    lines
}

/// Callers of namespaces that are not imported, as comments.
fn callers_outside(index: &Index<'_, '_>, name: &str, out: &mut String) {
    let namespaces = &index.parts.options.namespaces;
    if namespaces.is_empty() {
        return;
    }
    let is_from_outside =
        |flow: &&Flow| flow.to.namespace == name && !namespaces.contains(&flow.from.namespace);
    let flows = index.parts.flows.iter().filter(is_from_outside);
    let lines = flows.map(|flow| {
        let port = flow
            .port
            .map_or_else(String::new, |port| format!(":{port}"));
        format!(
            "# Outside of this import: {}.{} calls {}{port} ({}, {}:{}).\n",
            flow.from.namespace,
            flow.from.name,
            flow.to.name,
            flow.evidence,
            flow.place.file,
            flow.place.line
        )
    });
    let lines: BTreeSet<String> = lines.collect();
    if !lines.is_empty() {
        out.push('\n');
    }
    out.extend(lines);
}

/// The reason of flows whose callers no manifest shows, and the comment above them.
pub(super) const CALLER_UNKNOWN: &str = "\"import: caller unknown\"";
pub(super) const CALLERS_COMMENT: &str = "# No manifest shows who calls these services.";

/// Wide flows to what nothing names.
fn unknown_callers(index: &Index<'_, '_>, name: &str, namespace: &Namespace<'_>, out: &mut String) {
    if namespace.is_without_flows || namespace.workloads.len() < 2 {
        return;
    }
    let wide = Key {
        kind: String::new(),
        namespace: name.to_owned(),
        name: String::new(),
    };
    let mut lines = BTreeSet::new();
    for flow in index.flows_of(&wide) {
        let Some(callee) = index.services.get(&flow.to) else {
            continue;
        };
        for port in ports_of(index.parts.facts, callee, flow) {
            lines.insert(format!(
                "allow {name}.* -> {}:{port} optional because {CALLER_UNKNOWN}\n",
                callee.name
            ));
        }
    }
    if !lines.is_empty() {
        out.push_str(&format!("\n{CALLERS_COMMENT}\n"));
    }
    for line in lines {
        out.push_str(&line);
    }
}
