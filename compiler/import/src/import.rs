//! An import from the objects of the input to a program and its report, and the comparison alone.

use std::collections::{BTreeSet, HashMap};

use erpc_prove::{File, Manifests, Survey};
use serde_json::Value;

use crate::closing;
use crate::compare::Key;
use crate::contradictions;
use crate::facts::{self, Facts};
use crate::flows::{self, Flow, Hint};
use crate::program::{self, Compiler, Fate, Files, Options};
use crate::read::{Object, Reading};
use crate::report::{self, ProfileReport, Report};

/// A program that means what the input means.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Its files, by their paths.
    pub files: Files,
    /// What became of the input.
    pub report: Report,
}

/// Writes a program from objects, builds it, and compares what it makes with them.
#[must_use]
pub fn import(
    reading: Reading,
    hints: &[Hint],
    options: &Options,
    compiler: &dyn Compiler,
) -> Imported {
    import_all(reading, hints, Vec::new(), options, compiler)
}

/// The same with other environments, each with its name: what they have otherwise is a profile.
#[must_use]
pub fn import_all(
    mut reading: Reading,
    hints: &[Hint],
    environments: Vec<(String, Reading)>,
    options: &Options,
    compiler: &dyn Compiler,
) -> Imported {
    facts::place(&mut reading.objects, &options.default_namespace);
    let all = reading.objects;
    let (flows, mut findings) = {
        let facts = Facts::of(&all);
        let flows = flows::flows(&facts, hints);
        let findings = contradictions::find(&facts, &flows, &reading.values);
        (flows, findings)
    };
    let count = all.len();
    reading.objects = all.into_iter().filter(|one| options.takes(one)).collect();
    if reading.objects.len() < count {
        let files: BTreeSet<&str> = reading
            .objects
            .iter()
            .map(|one| one.place.file.as_str())
            .collect();
        findings.retain(|finding| files.contains(finding.place.file.as_str()));
    }
    let facts = Facts::of(&reading.objects);
    let mut program = program::write(&facts, &flows, options, compiler);
    let made: HashMap<Key, &Value> = program
        .made
        .iter()
        .map(|object| (Key::of(object), object))
        .collect();
    let objects = reading.objects.iter().zip(&program.fates);
    let objects = objects.map(|(object, fate)| {
        let key = Key::of(&object.value);
        let patch = program.patches.get(&key);
        report::of_object(object, fate, made.get(&key).copied(), patch)
    });
    let objects = objects.collect();
    // What a server refuses has no connections, and is missing for that reason.
    let taken = reading.objects.iter().zip(&program.fates);
    let taken: Vec<Object> = taken
        .filter(|(_, fate)| !matches!(fate, Fate::NotTaken(..)))
        .map(|(object, _)| object.clone())
        .collect();
    let mut report = compared(&taken, &program.made);
    report.objects = objects;
    report.findings = reading.findings;
    report.findings.extend(findings);
    report.left_out = count - reading.objects.len();
    let mut files = std::mem::take(&mut program.files);
    program.files.clone_from(&files);
    for (name, mut other) in environments {
        facts::place(&mut other.objects, &options.default_namespace);
        other.objects.retain(|one| options.takes(one));
        report.findings.extend(other.findings);
        let facts = Facts::of(&other.objects);
        let flows = flows::flows(&facts, &[]);
        let written = program::write(&facts, &flows, options, compiler);
        let environment = program::Environment {
            name: &name,
            facts: &facts,
            objects: &other.objects,
            flows: &flows,
            program: &written,
        };
        let (differences, problems) =
            program::add_profile(&mut files, &program, &environment, options, compiler);
        report.profiles.push(ProfileReport {
            name,
            differences,
            problems,
        });
    }
    report.flows = flows;
    report.problems = program.problems;
    report.raw_because = program.dropped;
    report.is_hardened = options.harden;
    let before = open(taken.iter().map(|one| &one.value));
    report.would_close = closing::of(&files, &before, compiler);
    report.allowed_only = flows::allowed_only(&facts, &report.flows);
    Imported { files, report }
}

impl Options {
    /// Whether an object is imported: only some namespaces may be.
    fn takes(&self, object: &Object) -> bool {
        let key = Key::of(&object.value);
        let namespace = match key.kind.as_str() {
            "Namespace" => &key.name,
            _ => &key.namespace,
        };
        self.namespaces.is_empty() || self.namespaces.contains(namespace)
    }
}

/// Compares what a program makes with the objects that it was imported from.
#[must_use]
pub fn check(mut reading: Reading, default_namespace: &str, made: &[Value]) -> Report {
    facts::place(&mut reading.objects, default_namespace);
    let mut report = compared(&reading.objects, made);
    report.findings = reading.findings;
    report
}

/// The flows of manifests, for measures.
#[must_use]
pub fn flows_of(mut objects: Vec<Object>, default_namespace: &str) -> Vec<Flow> {
    facts::place(&mut objects, default_namespace);
    flows::flows(&Facts::of(&objects), &[])
}

/// In what objects and what they allow differ.
fn compared(objects: &[Object], made: &[Value]) -> Report {
    let known: BTreeSet<Key> = objects.iter().map(|one| Key::of(&one.value)).collect();
    let added = made.iter().map(Key::of).filter(|key| !known.contains(key));
    let before = open(objects.iter().map(|one| &one.value));
    let after = open(made.iter());
    Report {
        differences: program::lost(objects, made),
        added: added.collect(),
        closed: before.without(&after),
        opened: after.without(&before),
        ..Report::default()
    }
}

/// What policies let through.
pub(crate) fn open<'v>(objects: impl Iterator<Item = &'v Value>) -> erpc_prove::Open {
    let text: Vec<String> = objects.map(Value::to_string).collect();
    let files: Vec<File<'_>> = text
        .iter()
        .map(|text| File {
            path: "",
            bytes: text.as_bytes(),
        })
        .collect();
    Survey::of(&Manifests::read(&files)).open()
}
