//! How much of the manifests of real applications the language expresses. `ERPC_TEST_CORPUS` names a folder with a
//! file `sources.tsv`, whose first column has inputs below the folder: a folder, a folder's own files (`/*`), or a file.
//! Each workload is written as a program of its own, built, and compared with the original by meaning.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use erpc_import::{DEFAULT_NAMESPACE, Difference, Input, Object, compare, is_whole, read, write};
use serde_json::Value;

use crate::import::{build, format};

const WORKLOADS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"];

/// Labels that tell what an object of a platform is a part of. They are on the object, and restart no pod.
fn is_part_of(difference: &Difference) -> bool {
    let labels = "metadata.labels";
    match &difference.original {
        None => {
            let ours = difference.ours.as_ref();
            let keys = ours.and_then(Value::as_object).into_iter().flatten();
            let is_ours = |key: &str| key.starts_with("app.kubernetes.io/");
            difference.path == labels && keys.map(|(key, _)| key.as_str()).all(is_ours)
                || difference
                    .path
                    .starts_with("metadata.labels.\"app.kubernetes.io/")
        }
        Some(_) => false,
    }
}

/// What keeps a workload from being expressed; empty if nothing is lost.
fn losses(object: &Object) -> BTreeSet<String> {
    let source = match write(std::slice::from_ref(object), &format, &build) {
        Ok(written) => written.source,
        Err(errors) => return errors.into_iter().collect(),
    };
    let made = match build(&source) {
        Ok(made) => made,
        Err(errors) => return errors.into_iter().collect(),
    };
    let mut original = object.value.clone();
    if original["metadata"]["namespace"].is_null() {
        original["metadata"]["namespace"] = DEFAULT_NAMESPACE.into();
    }
    let kind = &original["kind"];
    let ours: Vec<Value> = made
        .into_iter()
        .filter(|made| made["kind"] == *kind)
        .collect();
    let found = compare(&[original], &ours);
    let found = found.into_iter().filter(|found| !is_part_of(found));
    found
        .map(|found| match found.path.as_str() {
            "" if found.original.is_some() => "another name or namespace".to_owned(),
            "" => "another object".to_owned(),
            path => format!("differs: {path}"),
        })
        .collect()
}

/// A reason without what only this workload has: keys of elements and quoted names.
fn generalized(reason: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut is_quoted) = (0_u32, false);
    for c in reason.chars() {
        match c {
            '[' => depth += 1,
            '`' => is_quoted = !is_quoted,
            _ => {}
        }
        if depth == 0 && !is_quoted || matches!(c, '[' | ']' | '`') {
            out.push(c);
        }
        if c == ']' {
            depth = depth.saturating_sub(1);
        }
    }
    out
}

fn files_of(corpus: &Path, input: &str) -> Vec<PathBuf> {
    fn below(folder: &Path, is_deep: bool, into: &mut Vec<PathBuf>) {
        let entries = std::fs::read_dir(folder).expect("a folder of the corpus");
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if is_deep {
                    below(&path, true, into);
                }
            } else {
                into.push(path);
            }
        }
    }
    let mut files = Vec::new();
    match input.strip_suffix("/*") {
        Some(folder) => below(&corpus.join(folder), false, &mut files),
        None if corpus.join(input).is_dir() => below(&corpus.join(input), true, &mut files),
        None => files.push(corpus.join(input)),
    }
    let is_manifest = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("yaml" | "yml" | "json"))
    };
    files.retain(is_manifest);
    files.sort();
    files
}

/// The different workloads of the corpus, without what other tools merge into one.
fn workloads(corpus: &Path) -> Vec<Object> {
    let list = std::fs::read_to_string(corpus.join("sources.tsv")).expect("sources.tsv");
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for line in list.lines().skip(1) {
        let input = line.split('\t').next().unwrap_or_default();
        let files: Vec<(String, Vec<u8>)> = files_of(corpus, input)
            .into_iter()
            .map(|path| {
                let bytes = std::fs::read(&path).expect("a file of the corpus");
                (path.display().to_string(), bytes)
            })
            .collect();
        let inputs: Vec<Input<'_>> = files
            .iter()
            .map(|(path, bytes)| Input { path, bytes })
            .collect();
        for object in read(&inputs).objects {
            let kind = object.value["kind"].as_str().unwrap_or_default();
            if WORKLOADS.contains(&kind)
                && is_whole(&object.value)
                && seen.insert(object.value.to_string())
            {
                all.push(object);
            }
        }
    }
    all
}

#[test]
#[ignore = "needs the folder that ERPC_TEST_CORPUS names, which is not part of the repository"]
fn what_the_language_expresses_of_real_manifests() {
    let corpus = std::env::var_os("ERPC_TEST_CORPUS").expect("ERPC_TEST_CORPUS names a folder");
    let all = workloads(Path::new(&corpus));
    assert!(!all.is_empty(), "the corpus has no workloads");
    let mut reasons: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let (mut whole, mut selectors, mut with_selector) = (0_usize, 0_usize, 0_usize);
    for object in &all {
        let losses = losses(object);
        whole += usize::from(losses.is_empty());
        if matches!(
            object.value["kind"].as_str(),
            Some("Deployment" | "StatefulSet" | "DaemonSet")
        ) {
            with_selector += 1;
            let is_lost = |loss: &String| {
                !loss.starts_with("differs: ") || loss.starts_with("differs: spec.selector")
            };
            selectors += usize::from(!losses.iter().any(is_lost));
        }
        let general: BTreeMap<String, &String> = losses
            .iter()
            .map(|loss| (generalized(loss), loss))
            .collect();
        for (reason, loss) in general {
            let place = format!("{loss} ({}:{})", object.place.file, object.place.line);
            reasons.entry(reason).or_insert((0, place)).0 += 1;
        }
    }
    let percent = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
    println!("{} different workloads", all.len());
    println!(
        "without loss, without raw manifests: {whole} = {:.1} %",
        percent(whole, all.len())
    );
    println!(
        "selectors kept (of {with_selector} with a selector): {selectors} = {:.1} %",
        percent(selectors, with_selector)
    );
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by(|(a, (n, _)), (b, (m, _))| m.cmp(n).then(a.cmp(b)));
    println!("\nwhat is lost, by the number of workloads:");
    for (reason, (count, example)) in reasons.iter().take(60) {
        println!("{count:5}  {reason}\n         {example}");
    }
}
