//! How much of the manifests of real applications the language expresses. `ERPC_TEST_CORPUS` names a folder with a
//! file `sources.tsv`, whose first column has inputs below the folder: a folder, a folder's own files (`/*`), or a file.
//! Each input is imported as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use erpc_import::{Grade, Input, Object, Options, Reading, flows_of, import, is_whole, read};

use crate::import::InMemory;

const WORKLOADS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"];

/// A reason without what only this object has: keys of elements and quoted names.
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

/// The objects of an input of the corpus.
fn reading_of(corpus: &Path, input: &str) -> Reading {
    let files: Vec<(String, Vec<u8>)> = files_of(corpus, input)
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(&path).expect("a file of the corpus");
            let path = path.strip_prefix(corpus).unwrap_or(&path);
            (path.display().to_string(), bytes)
        })
        .collect();
    let inputs: Vec<Input<'_>> = files
        .iter()
        .map(|(path, bytes)| Input { path, bytes })
        .collect();
    read(&inputs)
}

/// The first column of `sources.tsv`.
fn inputs(corpus: &Path) -> Vec<String> {
    let list = std::fs::read_to_string(corpus.join("sources.tsv")).expect("sources.tsv");
    let lines = list.lines().skip(1);
    let inputs = lines.map(|line| line.split('\t').next().unwrap_or_default());
    inputs.map(str::to_owned).collect()
}

/// Imports every input of the corpus: what becomes of its objects and fields, and what differs.
#[test]
#[ignore = "needs the folder that ERPC_TEST_CORPUS names, which is not part of the repository"]
fn what_the_language_expresses_of_real_manifests() {
    let corpus = std::env::var_os("ERPC_TEST_CORPUS").expect("ERPC_TEST_CORPUS names a folder");
    let corpus = Path::new(&corpus);
    let only = std::env::var("ERPC_TEST_INPUT").unwrap_or_default();
    let (mut objects, mut workloads, mut whole) = (0_usize, 0_usize, 0_usize);
    let (mut lossless, mut inputs_read, mut refused) = (0_usize, 0_usize, 0_usize);
    let mut is_lossless_but_refused = 0_usize;
    let mut fields: BTreeMap<&str, usize> = BTreeMap::new();
    let mut reasons: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for input in inputs(corpus).iter().filter(|input| input.contains(&only)) {
        let reading = reading_of(corpus, input);
        if reading.objects.is_empty() {
            continue;
        }
        inputs_read += 1;
        let wanted: Vec<Object> = reading.objects.clone();
        let imported = import(reading, &[], &options("corpus"), &InMemory);
        let report = &imported.report;
        objects += report.objects.len();
        lossless += usize::from(report.is_lossless());
        refused += report.not_taken().count();
        is_lossless_but_refused += usize::from(
            report.not_taken().next().is_some()
                && report.differences.is_empty()
                && report.problems.is_empty()
                && report.closed.is_empty(),
        );
        for (class, count) in report.counts() {
            *fields.entry(class.title()).or_default() += count;
        }
        for (object, one) in wanted.iter().zip(&report.objects) {
            let is_workload = WORKLOADS.contains(&one.object.kind.as_str());
            if is_workload && is_whole(&object.value) && seen.insert(object.value.to_string()) {
                workloads += 1;
                whole += usize::from(one.becomes.starts_with("service "));
            }
        }
        let taken = report
            .objects
            .iter()
            .filter_map(|one| one.becomes.strip_prefix("not taken: "));
        let taken = taken.map(|reason| format!("not taken: {reason}"));
        let differences = report.differences.iter();
        let differences =
            differences.map(|one| format!("differs: {} {}", one.object.kind, one.path));
        let problems = report.problems.iter().map(|one| one.message.clone());
        let closed = report
            .closed
            .iter()
            .map(|_| "closes a connection".to_owned());
        let opened = report
            .opened
            .iter()
            .map(|_| "opens a connection".to_owned());
        let dropped = report.raw_because.iter().cloned();
        for reason in taken
            .chain(differences)
            .chain(problems)
            .chain(closed)
            .chain(opened)
            .chain(dropped)
        {
            let entry = reasons.entry(generalized(&reason));
            entry.or_insert((0, format!("{reason} ({input})"))).0 += 1;
        }
    }
    println!("{inputs_read} inputs, {lossless} without loss; {objects} objects");
    println!(
        "{refused} objects are refused by a server; but for them {is_lossless_but_refused} more inputs are without loss"
    );
    println!(
        "{workloads} different workloads, {whole} as services = {:.1} %",
        100.0 * part(whole, workloads)
    );
    for (title, count) in fields {
        println!("{count:7} fields {title}");
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by(|(a, (n, _)), (b, (m, _))| m.cmp(n).then(a.cmp(b)));
    for (reason, (count, example)) in reasons.iter().take(60) {
        println!("{count:5}  {reason}\n         {example}");
    }
}

fn options(name: &str) -> Options {
    Options {
        platform: name.to_owned(),
        default_namespace: "default".to_owned(),
        harden: false,
        namespaces: Vec::new(),
        cluster: Vec::new(),
    }
}

/// Precision and recall of the flows that the import finds, for each application whose graph is known: the input with
/// the most workloads of a folder that has a `flows.csv`.
#[test]
#[ignore = "needs the folder that ERPC_TEST_CORPUS names, which is not part of the repository"]
fn flows_of_real_applications() {
    let corpus = std::env::var_os("ERPC_TEST_CORPUS").expect("ERPC_TEST_CORPUS names a folder");
    let corpus = Path::new(&corpus);
    let mut measured = 0;
    for folder in std::fs::read_dir(corpus).expect("the corpus") {
        let folder = folder.expect("a folder").path();
        let Ok(known) = std::fs::read_to_string(folder.join("flows.csv")) else {
            continue;
        };
        let known: BTreeSet<(String, String)> = known
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(','))
            .map(|(from, to)| (from.trim().to_owned(), to.trim().to_owned()))
            .collect();
        let name = folder
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let ends: BTreeSet<&str> = known
            .iter()
            .flat_map(|(a, b)| [a.as_str(), b.as_str()])
            .collect();
        let is_policy = |object: &Object| object.value["kind"] == "NetworkPolicy";
        let of_folder = inputs(corpus)
            .into_iter()
            .filter(|input| input.starts_with(&name));
        let read: Vec<(String, Vec<Object>)> = of_folder
            .map(|input| {
                let objects = reading_of(corpus, &input).objects;
                (input, objects)
            })
            .collect();
        // Policies are often a folder of their own.
        let policies = read.iter().flat_map(|(_, objects)| objects);
        let policies: Vec<Object> = policies
            .filter(|object| is_policy(object))
            .cloned()
            .collect();
        for (input, mut objects) in read {
            let names = objects.iter().filter(|object| {
                WORKLOADS.contains(&object.value["kind"].as_str().unwrap_or_default())
            });
            let names = names.filter(|object| {
                ends.contains(
                    object.value["metadata"]["name"]
                        .as_str()
                        .unwrap_or_default(),
                )
            });
            if names.count() * 2 < ends.len() {
                continue;
            }
            measured += 1;
            objects.retain(|object| !is_policy(object));
            objects.extend(policies.iter().cloned());
            let found = flows_of(objects, "default");
            println!("{input}: {} known", known.len());
            for grades in [&[Grade::Certain][..], &[Grade::Certain, Grade::Proposed]] {
                let pairs: BTreeSet<(String, String)> = found
                    .iter()
                    .filter(|flow| grades.contains(&flow.grade) && flow.from != flow.to)
                    .filter(|flow| {
                        ends.contains(flow.from.name.as_str())
                            && ends.contains(flow.to.name.as_str())
                    })
                    .map(|flow| (flow.from.name.clone(), flow.to.name.clone()))
                    .collect();
                let right = pairs.intersection(&known).count();
                println!(
                    "  {grades:?}: {} found, precision {:.2}, recall {:.2}",
                    pairs.len(),
                    part(right, pairs.len()),
                    part(right, known.len()),
                );
                let wrong: Vec<_> = pairs.difference(&known).collect();
                let missing: Vec<_> = known.difference(&pairs).collect();
                println!("    not known: {wrong:?}\n    missing: {missing:?}");
            }
        }
    }
    assert!(measured > 0, "no application of the corpus has a flows.csv");
}

#[expect(clippy::cast_precision_loss, reason = "they are few")]
fn part(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64
}
