//! Workloads as a program: statements where the language has them, and a strategic merge patch with the rest. The
//! program is built twice: what its statements make decides what the patches have to add.

mod merge;
mod statements;

use std::collections::{BTreeMap, BTreeSet};

use erpc_emit::schema::{self, Version};
use serde_json::Value;

use self::statements::{Workload, at, is_name};
use crate::compare::{Difference, Key, compare};
use crate::{Object, normal};

/// What becomes of a program.
pub type Built = Result<Vec<Value>, Vec<String>>;

/// A program, and what it does not contain.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The source.
    pub source: String,
    /// Objects that are not among its services and jobs.
    pub left_out: Vec<Key>,
}

/// In which fields what a program makes differs from the workloads that it was written from. What only it makes besides
/// them is none of it, and neither are labels that tell what an object is a part of: they are on the object alone, and
/// restart no pod.
#[must_use]
pub fn lost(originals: &[Object], made: &[Value]) -> Vec<Difference> {
    let originals: Vec<Value> = originals
        .iter()
        .map(|original| {
            let mut object = original.value.clone();
            if object["metadata"]["namespace"].is_null() {
                object["metadata"]["namespace"] = DEFAULT_NAMESPACE.into();
            }
            object
        })
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

/// Whether only ours has it, and it is a label of the object itself that the compiler adds.
fn is_part_of(difference: &Difference) -> bool {
    let is_ours = |key: &str| key.starts_with(statements::RESERVED);
    let path = difference.path.as_str();
    let label = path.strip_prefix("metadata.labels.\"");
    let labels = difference.ours.as_ref().and_then(Value::as_object);
    difference.original.is_none()
        && (label.is_some_and(is_ours)
            || path == "metadata.labels"
                && labels.is_some_and(|labels| labels.keys().all(|key| is_ours(key))))
}

/// Where objects without a namespace go.
pub const DEFAULT_NAMESPACE: &str = "imported";

/// Writes workloads as a program. `build` makes the objects of a program, or says what is wrong with it.
///
/// # Errors
///
/// What `build` says of a program with the statements alone.
pub fn write(
    objects: &[Object],
    format: &dyn Fn(&str) -> String,
    build: &dyn Fn(&str) -> Built,
) -> Result<Written, Vec<String>> {
    let mut left_out = Vec::new();
    let mut namespaces: BTreeMap<&str, Vec<Workload>> = BTreeMap::new();
    let mut names: BTreeSet<(&str, String)> = BTreeSet::new();
    for object in objects {
        let key = Key::of(&object.value);
        if !WORKLOADS.contains(&key.kind.as_str()) || !is_whole(&object.value) {
            left_out.push(key);
            continue;
        }
        let namespace = at(&object.value, &["metadata", "namespace"]).and_then(Value::as_str);
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE);
        let mut name = name_of(&key.name);
        while !names.insert((namespace, name.clone())) {
            name = format!("{name}-{}", key.kind.to_ascii_lowercase());
        }
        namespaces.entry(namespace).or_default().push(Workload {
            object: normal::current(&object.value),
            name,
        });
    }
    let source = format(&program(&namespaces, &BTreeMap::new()));
    let made = build(&source)?;
    let patches = patches(&namespaces, &made);
    let source = format(&program(&namespaces, &patches));
    Ok(Written { source, left_out })
}

const WORKLOADS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"];

/// Whether a workload has what Kubernetes demands: what other tools merge into one has not.
#[must_use]
pub fn is_whole(workload: &Value) -> bool {
    let path: &[&str] = match workload["kind"].as_str() {
        Some("CronJob") => &[
            "spec",
            "jobTemplate",
            "spec",
            "template",
            "spec",
            "containers",
        ],
        _ => &["spec", "template", "spec", "containers"],
    };
    let containers = at(workload, path).and_then(Value::as_array);
    let has_image = |container: &Value| {
        container["name"].is_string()
            && container["image"]
                .as_str()
                .is_some_and(|image| !image.is_empty())
    };
    containers.is_some_and(|containers| !containers.is_empty() && containers.iter().all(has_image))
}

/// A name of the language for one of Kubernetes.
fn name_of(name: &str) -> String {
    if is_name(name) {
        return name.to_owned();
    }
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let plain: String = name.chars().map(letter).take(60).collect();
    let plain = plain.trim_matches('-');
    match plain.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => plain.to_owned(),
        false => format!("x-{plain}").trim_end_matches('-').to_owned(),
    }
}

type Patches = BTreeMap<(String, String), String>;

fn program(namespaces: &BTreeMap<&str, Vec<Workload>>, patches: &Patches) -> String {
    let mut out = String::from(
        "erp 1\n\nplatform imported { version \"1\"; cluster main; defaults kubernetes }\n\ntiers all\n\n\
         # Fill in what is known of the cluster.\ncluster main {\nkubernetes 1.37\ncni calico\n",
    );
    let classes = namespaces
        .values()
        .flatten()
        .flat_map(Workload::storage_classes);
    let classes: BTreeSet<&str> = classes.collect();
    for class in &classes {
        out.push_str(&format!("storage {class}\n"));
    }
    if !classes.contains("standard") {
        out.push_str("storage standard default\n");
    }
    out.push_str("}\n");
    for (namespace, workloads) in namespaces {
        out.push_str(&format!("\nnamespace {namespace} {{\ntier all\n"));
        for workload in workloads {
            let key = ((*namespace).to_owned(), workload.name.clone());
            workload.write(patches.get(&key).map(String::as_str), &mut out);
        }
        out.push_str("}\n");
    }
    out
}

/// The patch of each workload whose statements do not say all of it.
fn patches(namespaces: &BTreeMap<&str, Vec<Workload>>, made: &[Value]) -> Patches {
    let mut by_key: BTreeMap<Key, &Value> = BTreeMap::new();
    for object in made {
        by_key.insert(Key::of(object), object);
    }
    let mut patches = Patches::new();
    for (namespace, workloads) in namespaces {
        for workload in workloads {
            let mut key = Key::of(&workload.object);
            (*namespace).clone_into(&mut key.namespace);
            // A job may be called otherwise than its object.
            let ours = by_key.get(&key).copied().or_else(|| {
                key.name.clone_from(&workload.name);
                by_key.get(&key).copied()
            });
            let ours = ours.or_else(|| job_of(&workload.name, namespace, made));
            let Some(ours) = ours else {
                continue;
            };
            let text = |key: &str| ours[key].as_str().unwrap_or_default();
            let typed = schema::typed(Version::NEWEST, text("apiVersion"), text("kind"));
            if let Some(patch) = merge::between(ours, &workload.object, typed) {
                let (kind, yaml) = (key.kind.to_ascii_lowercase(), yaml(&patch));
                let patch = format!("patch {kind} \"\"\"\n{yaml}\"\"\"\n");
                patches.insert(((*namespace).to_owned(), workload.name.clone()), patch);
            }
        }
    }
    patches
}

/// The Job of this name, which has a hash behind it.
fn job_of<'m>(name: &str, namespace: &str, made: &'m [Value]) -> Option<&'m Value> {
    made.iter().find(|object| {
        let key = Key::of(object);
        let rest = key.name.strip_prefix(name);
        key.kind == "Job"
            && key.namespace == namespace
            && rest.is_some_and(|rest| rest.starts_with('-') && !rest[1..].contains('-'))
    })
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
    text.replace("${", "$${")
}
