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
use crate::report::{self, Report};

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
    mut reading: Reading,
    hints: &[Hint],
    options: &Options,
    compiler: &dyn Compiler,
) -> Imported {
    facts::place(&mut reading.objects, &options.default_namespace);
    let facts = Facts::of(&reading.objects);
    let flows = flows::flows(&facts, hints);
    let program = program::write(&facts, &flows, options, compiler);
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
    report.findings.extend(contradictions::find(&facts, &flows));
    report.flows = flows;
    report.problems = program.problems;
    report.raw_because = program.dropped;
    report.is_hardened = options.harden;
    let before = open(taken.iter().map(|one| &one.value));
    report.would_close = closing::of(&program.files, &before, compiler);
    report.allowed_only = flows::allowed_only(&facts, &report.flows);
    Imported {
        files: program.files,
        report,
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
