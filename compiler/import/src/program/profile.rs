//! What another environment has otherwise, as a profile: a layer over the program that has the first one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::shapes::{self, Body};
use super::source::{self, Namespace, Parts};
use super::{Compiler, Files, Options, Problem, Program, lost, manifest};
use crate::compare::{Difference, Key};
use crate::facts::Facts;
use crate::flows::Flow;
use crate::read::Object;

/// Another environment, imported for itself.
pub(crate) struct Environment<'e, 'o> {
    pub(crate) name: &'e str,
    pub(crate) facts: &'e Facts<'o>,
    pub(crate) objects: &'o [Object],
    pub(crate) flows: &'e [Flow],
    pub(crate) program: &'e Program<'o>,
}

/// Adds the profile of an environment to the files of a program; what its result lacks, and what is wrong with it. A
/// profile that cannot be built is left out.
pub(crate) fn add(
    files: &mut Files,
    base: &Program<'_>,
    environment: &Environment<'_, '_>,
    options: &Options,
    compiler: &dyn Compiler,
) -> (Vec<Difference>, Vec<Problem>) {
    let mut with = files.clone();
    let block = block(&mut with, base, environment, options);
    let root = with.entry("platform.erp".to_owned()).or_default();
    root.push_str(&block);
    *root = compiler.format(root);
    let mut built = built(&with, environment.name, compiler);
    if let Err(problems) = &built
        && without_wide_flows(&mut with, problems)
    {
        built = self::built(&with, environment.name, compiler);
    }
    let problems = match built {
        Ok(made) => {
            *files = with;
            return (lost(environment.objects, &made), Vec::new());
        }
        Err(problems) => problems,
    };
    let of_profile = problems.into_iter().map(|problem| Problem {
        message: format!("profile {}: {}", environment.name, problem.message),
        ..problem
    });
    (Vec::new(), of_profile.collect())
}

/// What a program makes under a profile, if it builds without it as well.
fn built(
    files: &Files,
    profile: &str,
    compiler: &dyn Compiler,
) -> Result<Vec<Value>, Vec<Problem>> {
    compiler.build(files)?;
    compiler.build_under(files, profile)
}

/// Removes flows of unknown callers that join nothing under a profile, because it has no other services; whether there
/// were any. They change nothing while the network is open.
fn without_wide_flows(files: &mut Files, problems: &[Problem]) -> bool {
    let mut is_changed = false;
    for (path, text) in files.iter_mut() {
        let lines: BTreeSet<usize> = problems
            .iter()
            .filter(|problem| problem.file == *path)
            .map(|problem| problem.line)
            .collect();
        let is_wide = |(number, line): &(usize, &str)| {
            lines.contains(&(number + 1)) && line.contains(source::CALLER_UNKNOWN)
        };
        let kept: Vec<&str> = text
            .lines()
            .enumerate()
            .filter(|line| !is_wide(line))
            .map(|(_, line)| line)
            .collect();
        if kept.len() < text.lines().count() {
            is_changed = true;
            let mut out = String::new();
            for (number, line) in kept.iter().enumerate() {
                let next = kept.get(number + 1);
                let is_alone = line.trim() == source::CALLERS_COMMENT
                    && next.is_none_or(|next| !next.contains(source::CALLER_UNKNOWN));
                if !is_alone {
                    out.push_str(line);
                    out.push('\n');
                }
            }
            *text = out;
        }
    }
    is_changed
}

/// `profile NAME { … }`.
fn block(
    files: &mut Files,
    base: &Program<'_>,
    environment: &Environment<'_, '_>,
    options: &Options,
) -> String {
    let name = environment.name;
    let mut own_files = Files::new();
    let known = source::bodies(&base.namespaces, &mut Files::new());
    let mut wanted = source::bodies(&environment.program.namespaces, &mut own_files);
    // A file with another text has another place.
    for (path, content) in own_files {
        if files.get(&path) == Some(&content) {
            continue;
        }
        let place = path.replacen("manifests/", &format!("profiles/{name}/"), 1);
        for line in wanted.values_mut().flat_map(|body| &mut body.lines) {
            *line = line.replace(&format!("\"{path}\""), &format!("\"{place}\""));
        }
        files.insert(place, content);
    }
    let raw = raw_files(files, base, environment);
    let mut out = format!("\n## As imported for {name}.\nprofile {name} {{\n");
    let parts = Parts {
        facts: environment.facts,
        flows: environment.flows,
        options,
        has_shapes: false,
        namespaces: &environment.program.namespaces,
        raw: Vec::new(),
    };
    let index = source::Index::of(&parts);
    let nothing = Namespace::default();
    let names = base
        .namespaces
        .keys()
        .chain(environment.program.namespaces.keys());
    let names: BTreeSet<&String> = names.collect();
    for namespace in names {
        let before = base.namespaces.get(namespace).unwrap_or(&nothing);
        let after = environment
            .program
            .namespaces
            .get(namespace)
            .unwrap_or(&nothing);
        let mut lines = String::new();
        for workload in &before.workloads {
            if !after.workloads.iter().any(|one| is_one(one, workload)) {
                lines.push_str(&format!("service {} off\n", workload.name));
            }
        }
        for workload in &after.workloads {
            let Some(body) = wanted.get(&Key::of(&workload.original.value)) else {
                continue;
            };
            let layer = match before.workloads.iter().find(|one| is_one(one, workload)) {
                Some(one) => known
                    .get(&Key::of(&one.original.value))
                    .map_or_else(Vec::new, |known| difference(known, body)),
                None => {
                    let calls = source::calls(&index, after, workload);
                    let lines = body.lines.iter().cloned().chain(calls);
                    lines.chain(body.patch_lines()).collect()
                }
            };
            if !layer.is_empty() {
                let layer = layer.join("\n");
                lines.push_str(&format!("{} {{\n{layer}\n}}\n", workload.head()));
            }
        }
        let declared = before.secret_keys();
        for (secret, keys) in after.secret_keys() {
            if declared.get(&secret) != Some(&keys) {
                source::secret_block(&secret, keys.iter().collect(), "as imported", &mut lines);
            }
        }
        if raw.contains(namespace.as_str()) {
            lines.push_str(&format!(
                "manifests \"profiles/{name}/{namespace}/*.yaml\"\n"
            ));
        }
        let is_new = !base.files_have(namespace);
        if !lines.is_empty() || is_new && after.object.is_some() {
            let head = match is_new {
                true => "tier all\nnetwork open because \"as imported\"\n",
                false => "",
            };
            out.push_str(&format!("namespace {namespace} {{\n{head}{lines}}}\n"));
        }
    }
    if raw.contains("") {
        out.push_str(&format!("manifests \"profiles/{name}/cluster/*.yaml\"\n"));
    }
    out.push_str("}\n");
    out
}

/// Whether two workloads are one in two environments.
fn is_one(a: &super::statements::Workload<'_>, b: &super::statements::Workload<'_>) -> bool {
    a.name == b.name && a.head() == b.head()
}

/// Writes the raw manifests that only the environment has; their namespaces.
fn raw_files(
    files: &mut Files,
    base: &Program<'_>,
    environment: &Environment<'_, '_>,
) -> BTreeSet<String> {
    let made: HashMap<Key, &Value> = base.made.iter().map(|one| (Key::of(one), one)).collect();
    let mut namespaces = BTreeSet::new();
    let objects = environment.objects.iter().zip(&environment.program.fates);
    for (object, fate) in objects {
        let key = Key::of(&object.value);
        let super::Fate::Raw(path) = fate else {
            continue;
        };
        let is_raw = base.raw.contains(&key);
        let is_same = made
            .get(&key)
            .is_some_and(|made| lost(std::slice::from_ref(object), &[(*made).clone()]).is_empty());
        // What the program itself takes as it is stays in every environment.
        if is_raw || is_same {
            continue;
        }
        let place = path.replacen("manifests/", &format!("profiles/{}/", environment.name), 1);
        files.insert(place, manifest(&object.value));
        namespaces.insert(key.namespace);
    }
    namespaces
}

/// Statements of which each adds to those of lower layers, or of which one has several keys.
const WHOLE: [&str; 6] = [
    "capability",
    "mount",
    "labels",
    "annotations",
    "identity",
    "writable",
];
/// Statements that are told by their first argument.
const KEYED: [&str; 8] = [
    "env", "port", "scratch", "volume", "config", "secret", "init", "sidecar",
];

/// What a line sets: a word, with its key if it has one.
fn target(line: &str) -> String {
    let mut words = line.split_whitespace();
    let word = words.next().unwrap_or_default();
    match words.next() {
        Some(key) if KEYED.contains(&word) => format!("{word} {key}"),
        _ => word.to_owned(),
    }
}

/// The lines of a layer that makes one service of another.
fn difference(known: &Body, wanted: &Body) -> Vec<String> {
    let by_target = |body: &Body| {
        let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in &body.lines {
            lines.entry(target(line)).or_default().push(line.clone());
        }
        lines
    };
    let (before, after) = (by_target(known), by_target(wanted));
    let mut out = Vec::new();
    for (target, lines) in &before {
        let is_same = after.get(target) == Some(lines);
        let word = target.split(' ').next().unwrap_or(target);
        let is_replaced = after.contains_key(target) && !WHOLE.contains(&word);
        // `scale` takes the place of `replicas`, and the other way round.
        let is_number = |word: &str| matches!(word, "replicas" | "scale");
        let has_other = is_number(word) && after.keys().any(|other| is_number(other));
        let is_block = matches!(word, "health" | "init" | "sidecar");
        if !is_same && (!is_replaced || is_block) && !has_other {
            out.push(format!("{target} off"));
        }
    }
    let mut seen = BTreeSet::new();
    for line in &wanted.lines {
        let target = target(line);
        if before.get(&target) != after.get(&target) && seen.insert(target.clone()) {
            out.extend(after.get(&target).into_iter().flatten().cloned());
        }
    }
    let patches = |body: &Body| -> BTreeSet<(String, String)> {
        let parts = body.patches.iter();
        parts
            .map(|(target, part)| (target.clone(), part.to_string()))
            .collect()
    };
    if patches(known) != patches(wanted) {
        if !known.patches.is_empty() {
            out.push("patch off".to_owned());
        }
        out.extend(shapes::patch_lines(&wanted.patches));
    }
    out
}

impl Program<'_> {
    /// Whether its source has a block of a namespace.
    fn files_have(&self, namespace: &str) -> bool {
        let sources = self.files.iter().filter(|(path, _)| path.ends_with(".erp"));
        let mut lines = sources.flat_map(|(_, text)| text.lines());
        lines.any(|line| source::namespace_of_line(line) == Some(namespace))
    }
}

/// The objects that are raw manifests of a program.
pub(super) fn raw_keys(objects: &[Object], fates: &[super::Fate]) -> BTreeSet<Key> {
    let objects = objects.iter().zip(fates);
    let raw = objects.filter(|(_, fate)| matches!(fate, super::Fate::Raw(_)));
    raw.map(|(object, _)| Key::of(&object.value)).collect()
}
