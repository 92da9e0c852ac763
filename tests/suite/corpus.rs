//! How much of the manifests of real applications the language expresses. `ERPC_TEST_CORPUS` names a folder with a
//! file `sources.tsv`, whose first column has inputs below the folder: a folder, a folder's own files (`/*`), or a file.
//! Each workload is written as a program of its own, built, and compared with the original by meaning.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use erpc_import::{Input, Object, is_whole, lost, read, write};
use serde_json::{Value, json};

use crate::import::{build, format};

const WORKLOADS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"];

/// What keeps a workload from being expressed; empty if nothing is lost.
fn losses(object: &Object) -> BTreeSet<String> {
    let workload = std::slice::from_ref(object);
    let made = write(workload, &format, &build).and_then(|written| build(&written.source));
    let made = match made {
        Ok(made) => made,
        Err(errors) => return errors.into_iter().collect(),
    };
    let found = lost(workload, &made).into_iter();
    found
        .map(|found| match found.path.as_str() {
            "" => "no object of this kind, namespace and name".to_owned(),
            path => format!("differs: {path}"),
        })
        .collect()
}

/// A workload whose first container, selector and pods are called as the compiler calls them, to count what is lost
/// besides the identity.
fn with_our_identity(mut object: Object) -> Object {
    let workload = &mut object.value;
    let name = workload["metadata"]["name"].clone();
    let has_selector = has_selector(workload);
    let template = match workload["kind"].as_str() {
        Some("CronJob") => &mut workload["spec"]["jobTemplate"]["spec"]["template"],
        _ => &mut workload["spec"]["template"],
    };
    template["spec"]["containers"][0]["name"] = name.clone();
    for (key, value) in [
        ("component", json!("all")),
        ("name", name.clone()),
        ("part-of", json!("imported")),
    ] {
        template["metadata"]["labels"][format!("app.kubernetes.io/{key}")] = value;
    }
    if has_selector {
        let labels = json!({ "app.kubernetes.io/name": name });
        workload["spec"]["selector"] = json!({ "matchLabels": labels });
    }
    object
}

fn has_selector(workload: &Value) -> bool {
    matches!(
        workload["kind"].as_str(),
        Some("Deployment" | "StatefulSet" | "DaemonSet")
    )
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
    println!("{} different workloads", all.len());
    measure(&all);
    println!("\nif their identities were those that the compiler gives them:");
    let ours: Vec<Object> = all.into_iter().map(with_our_identity).collect();
    measure(&ours);
}

/// Prints how many workloads are expressed without loss, and what keeps the others from it.
fn measure(all: &[Object]) {
    let mut reasons: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let (mut whole, mut selectors, mut with_selector) = (0_usize, 0_usize, 0_usize);
    for object in all {
        let losses = losses(object);
        whole += usize::from(losses.is_empty());
        if has_selector(&object.value) {
            with_selector += 1;
            // Of a program with errors nothing is kept.
            let is_lost = |loss: &String| {
                !loss.starts_with("differs: ") || loss.starts_with("differs: spec.selector")
            };
            selectors += usize::from(!losses.iter().any(is_lost));
        }
        let losses = losses.iter();
        let general: BTreeMap<String, &String> =
            losses.map(|loss| (generalized(loss), loss)).collect();
        for (reason, loss) in general {
            let place = format!("{loss} ({}:{})", object.place.file, object.place.line);
            reasons.entry(reason).or_insert((0, place)).0 += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "they are few")]
    let percent = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
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
    println!("what is lost, by the number of workloads:");
    for (reason, (count, example)) in reasons.iter().take(40) {
        println!("{count:5}  {reason}\n         {example}");
    }
}
