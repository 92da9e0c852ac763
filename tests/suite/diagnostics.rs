//! Diagnostics as a whole: the pages of `explain`, the formats, the fixes, misspelt names.

use erpc_cli::Exit;
use erpc_diagnostics::{Severity, codes};
use erpc_tests::{Memory, compile_folder, erpc, folders_below};
use serde_json::Value;

/// What the examples of the pages stand in.
const AROUND: &str = "erp 1
platform shop { version \"1.0\"; cluster main }
tiers data < logic
cluster main { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; api 172.18.0.2:6443; dns kube-dns; cni kindnet; storage local default; ingress nginx by pods ingress-nginx \"app.kubernetes.io/name=ingress-nginx\" }
";

/// The component that most of them use.
const WEB: &str = "component Web() { image \"shop/${service.name}:1.0\"; port http 8080; cpu 100m..200m; memory 64Mi..128Mi; access by port-forward }\n";

/// An example as a whole program: services are put into a namespace, the rest beside the platform.
fn program(example: &str) -> String {
    if example.starts_with("erp ") || example.starts_with("platform ") {
        return example.to_owned();
    }
    let around = if example.contains("is Web") {
        format!("{AROUND}{WEB}")
    } else {
        AROUND.to_owned()
    };
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
                "{around}{}\nnamespace shop {{\n  tier logic\n{}\n}}\n{}\n",
                before.join("\n"),
                services.join("\n"),
                after.join("\n")
            )
        }
        None => format!("{around}{example}\n"),
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
        "E0001", "E0002", "E0003", "W0017", "E0346", "E0342", "E0343", "W0344", "W0345", "W0347",
        "E0601", "E0602", "E0603", "E0805",
    ];
    for code in codes::ALL {
        assert!(code.page.len() > 80, "{} says too little", code.id);
        // Those of existing manifests are tried in `import.rs`.
        if without.contains(&code.id) || code.id[1..].starts_with("09") {
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
            .starts_with("# E0403: dependency on a higher tier\n"),
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
