//! Diagnostics as a whole: the pages of `explain`, the formats, the fixes, misspelt names.

use std::collections::{BTreeMap, BTreeSet};

use erpc_cli::Exit;
use erpc_diagnostics::{Severity, codes};
use erpc_tests::{Memory, compile_folder, erpc, folders_below, repository};
use serde_json::Value;

/// What the examples of the pages stand in.
const AROUND: &str = "erp 1
platform shop { version \"1.0\"; cluster main }
tiers data < logic
cluster main { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; api 172.18.0.2:6443; dns kube-dns; storage local default; ingress nginx by pods ingress-nginx \"app.kubernetes.io/name=ingress-nginx\" }
component Web() { image \"shop/${service.name}:1.0\"; port http 8080; cpu 100m..200m; memory 64Mi..128Mi; access by port-forward }
";

/// An example as a whole program: services are put into a namespace, the rest beside the platform.
fn program(example: &str) -> String {
    if example.starts_with("erp ") || example.starts_with("platform ") {
        return example.to_owned();
    }
    // `let`s and components come first in an example, then services.
    let at = example
        .lines()
        .position(|line| line.starts_with("service "))
        .filter(|_| !example.contains("namespace "));
    match at {
        Some(at) => {
            let lines: Vec<&str> = example.lines().collect();
            let (before, services) = lines.split_at(at);
            let (services, after): (Vec<&str>, Vec<&str>) = {
                let end = services
                    .iter()
                    .position(|line| line.starts_with("accept "))
                    .unwrap_or(services.len());
                (services[..end].to_vec(), services[end..].to_vec())
            };
            format!(
                "{AROUND}{}\nnamespace shop {{\n  tier logic\n{}\n}}\n{}\n",
                before.join("\n"),
                services.join("\n"),
                after.join("\n")
            )
        }
        None => format!("{AROUND}{example}\n"),
    }
}

fn example<'p>(page: &'p str, heading: &str) -> Option<&'p str> {
    let (_, rest) = page.split_once(heading)?;
    let (_, rest) = rest.split_once("```erp\n")?;
    rest.split_once("```").map(|(example, _)| example)
}

#[test]
fn every_code_has_a_page_whose_examples_are_wrong_and_right() {
    // Bytes, sizes and folders are no examples in a text.
    let without = [
        "E0001", "E0002", "E0003", "W0017", "E0601", "E0602", "E0603", "E0805",
    ];
    for code in codes::ALL {
        assert!(code.page.len() > 80, "{} says too little", code.id);
        if without.contains(&code.id) {
            continue;
        }
        let wrong = example(code.page, "## Wrong").expect("a wrong example");
        let right = example(code.page, "## Right").expect("a right example");
        let found = |text: &str| -> Vec<&str> {
            let compiled = Memory::of(program(text)).compile();
            compiled
                .diagnostics
                .as_slice()
                .iter()
                .map(|d| d.code.id)
                .collect()
        };
        let ids = found(wrong);
        assert!(ids.contains(&code.id), "{}: wrong gives {ids:?}", code.id);
        let ids = found(right);
        assert!(
            ids.is_empty(),
            "{}: right gives {ids:?}\n{}",
            code.id,
            program(right)
        );
    }
}

#[test]
fn explain_prints_a_page_and_suggests_the_nearest_code() {
    let ran = erpc(&["explain", "e0403"]);
    assert_eq!(ran.exit, Exit::Done);
    assert!(
        ran.out
            .starts_with("# E0403: a dependency on a higher tier\n"),
        "{}",
        ran.out
    );
    let ran = erpc(&["explain", "E0430"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("there is no code `E0430`"), "{}", ran.err);
    let all = erpc(&["explain"]);
    assert_eq!(all.out.lines().count(), codes::ALL.len());
}

#[test]
fn every_case_in_every_format() {
    for case in folders_below("tests/ui") {
        let run = |format: &str| {
            erpc(&[
                "check".as_ref(),
                case.as_os_str(),
                "--format".as_ref(),
                format.as_ref(),
            ])
        };
        let compiled = compile_folder(&case);
        let findings = compiled.diagnostics.as_slice().len();
        let json: Value = serde_json::from_str(&run("json").out).expect("JSON");
        assert_eq!(json["diagnostics"].as_array().map(Vec::len), Some(findings));
        let sarif: Value = serde_json::from_str(&run("sarif").out).expect("SARIF");
        assert_eq!(sarif["version"], "2.1.0");
        let run_of_sarif = &sarif["runs"][0];
        let results = run_of_sarif["results"].as_array().expect("results");
        assert_eq!(results.len(), findings);
        for result in results {
            let index =
                usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
            let rules = &run_of_sarif["tool"]["driver"]["rules"];
            assert_eq!(rules[index]["id"], result["ruleId"]);
            let region = &result["locations"][0]["physicalLocation"]["region"];
            assert!(region["startLine"].as_u64() >= Some(1), "{result}");
        }
        let github = run("github").out;
        assert_eq!(github.lines().count(), findings);
        assert!(
            github
                .lines()
                .all(|line| line.starts_with("::error ") || line.starts_with("::warning "))
        );
    }
}

/// A fix makes the number of errors fall, and leaves a program that can be read.
#[test]
fn fixes_make_errors_fewer() {
    let mut fixed = 0;
    for case in folders_below("tests/ui") {
        let compiled = compile_folder(&case);
        let errors = compiled.diagnostics.count(Severity::Error);
        let has_fix = compiled
            .diagnostics
            .as_slice()
            .iter()
            .any(|d| d.severity() == Severity::Error && !d.fixes.is_empty());
        if !has_fix {
            continue;
        }
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        for entry in std::fs::read_dir(&case).expect("the case").flatten() {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
        }
        let shown = erpc(&[
            "check".as_ref(),
            folder.path().as_os_str(),
            "--fix".as_ref(),
            "--diff".as_ref(),
        ]);
        let before = std::fs::read(folder.path().join("platform.erp")).expect("there");
        let _ = erpc(&[
            "check".as_ref(),
            folder.path().as_os_str(),
            "--fix".as_ref(),
        ]);
        let after = compile_folder(folder.path())
            .diagnostics
            .count(Severity::Error);
        assert!(
            after <= errors,
            "{}: {errors} errors became {after}",
            case.display()
        );
        if after < errors {
            fixed += 1;
            assert!(shown.out.contains("+++ b/"), "{}", case.display());
            assert_ne!(
                before,
                std::fs::read(folder.path().join("platform.erp")).expect("there")
            );
        }
    }
    assert!(fixed >= 10, "{fixed} cases are fixed");
}

/// Names that ERP/1 refers to, by the word of the statement that does.
fn references(text: &str) -> BTreeMap<String, usize> {
    let heads = [
        "calls", "after", "tier", "expose", "allow", "never", "cluster",
    ];
    let declared: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let head = words.next()?;
            let is_declaration =
                ["namespace", "service", "secret", "port", "cluster"].contains(&head);
            is_declaration.then(|| words.next()).flatten()
        })
        .chain(["infrastructure", "observability", "security", "application"])
        .collect();
    let mut found = BTreeMap::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        let head = trimmed.split(' ').next().unwrap_or_default();
        let is_reference =
            heads.contains(&head) && !line.contains('{') || trimmed.contains(" is Release");
        if is_reference {
            let code = line.split(" because ").next().unwrap_or(line);
            let code = code.split(" #").next().unwrap_or(code);
            let code = code.split('"').next().unwrap_or(code);
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
            let mut at = 0;
            for word in code.split(|c| !is_name(c)) {
                let is_name = if head == "service" {
                    word == "Release"
                } else {
                    word.len() > 3 && declared.contains(word) && word != head
                };
                if is_name {
                    found.entry(format!("{head} {word}")).or_insert(start + at);
                }
                at += word.len() + 1;
            }
        }
        start += line.len();
    }
    found
}

fn misspellings(word: &str) -> Vec<String> {
    let middle = word.len() / 2;
    let mut swapped: Vec<char> = word.chars().collect();
    swapped.swap(middle - 1, middle);
    let mut dropped = word.to_owned();
    dropped.remove(middle);
    let mut doubled = word.to_owned();
    doubled.insert_str(middle, &word[middle..=middle]);
    vec![swapped.into_iter().collect(), dropped, doubled]
}

#[test]
fn a_misspelt_name_gives_one_error_on_its_line_with_the_right_name_first() {
    let root = repository();
    let text = std::fs::read_to_string(root.join("platform.erp")).expect("the source");
    let references = references(&text);
    assert!(references.len() > 40, "{references:?}");
    let mut program = Memory::default();
    for (path, bytes) in erpc_tests::files_below(&root.join("config")) {
        program = program.with(&format!("config/{path}"), bytes);
    }
    let policies = std::fs::read(root.join("policies.erp")).expect("the policies");
    program = program.with("policies.erp", policies);
    let (mut tried, mut right, mut wrong) = (0, 0, Vec::new());
    for (reference, at) in &references {
        let word = reference.split(' ').next_back().expect("a word");
        assert_eq!(&text[*at..at + word.len()], word, "{reference}");
        for misspelt in misspellings(word) {
            if misspelt == word {
                continue;
            }
            tried += 1;
            let broken = format!("{}{misspelt}{}", &text[..*at], &text[at + word.len()..]);
            let line = broken[..*at].matches('\n').count() + 1;
            let compiled = program.clone().with("platform.erp", broken).compile();
            let errors: Vec<_> = compiled
                .diagnostics
                .as_slice()
                .iter()
                .filter(|d| d.severity() == Severity::Error)
                .collect();
            assert_eq!(errors.len(), 1, "{reference} as {misspelt}: {errors:#?}");
            let place = compiled.sources.place(errors[0].span());
            assert_eq!(
                place,
                Some(format!("platform.erp:{line}")),
                "{reference} as {misspelt}"
            );
            let is_first = errors[0]
                .help
                .first()
                .is_some_and(|help| help.contains(&format!("`{word}`")));
            if is_first {
                right += 1;
            } else {
                wrong.push(format!("{reference} as {misspelt}: {:?}", errors[0].help));
            }
        }
    }
    assert!(right * 100 >= tried * 95, "{right} of {tried}: {wrong:#?}");
}
