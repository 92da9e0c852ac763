//! `never` and `always` on the platform ERP/1: those of the catalogue that hold are in its source
//! and hold there; the one that does not fails with the catalogue's own witness.

use erpc_cli::project::{Compiled, Project, compile};
use erpc_model::{Files, ReadError};
use erpc_tests::{compile_folder, repository};
use serde_json::Value;

/// The platform of the repository with a line behind its last.
struct WithLine {
    project: Project,
    line: String,
}

impl Files for WithLine {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let mut bytes = self.project.read(path)?;
        if path == self.project.root {
            bytes.extend_from_slice(self.line.as_bytes());
        }
        Ok(bytes)
    }

    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        self.project.below(path)
    }

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        self.project.library(module)
    }
}

fn with_line(line: &str) -> Compiled {
    let project = Project::find(Some(&repository())).expect("the platform");
    let root = project.root.clone();
    let line = format!("\n{line}\n");
    compile(&root, &WithLine { project, line }, None)
}

fn catalogue() -> Value {
    let path = repository().join("tests/data/erp1.json");
    let text = std::fs::read_to_string(path).expect("the catalogue");
    serde_json::from_str::<Value>(&text).expect("JSON")["assertions"].clone()
}

/// An assertion of the catalogue without its remark in parentheses.
fn statement(assertion: &Value) -> &str {
    let text = assertion.as_str().expect("text");
    text.split(" (").next().unwrap_or(text)
}

#[test]
fn the_assertions_of_the_catalogue_are_in_the_source_and_hold() {
    let source = std::fs::read_to_string(repository().join("platform.erp")).expect("the source");
    let hold = catalogue()["hold"].as_array().expect("a list").clone();
    assert_eq!(hold.len(), 5);
    for assertion in &hold {
        let statement = statement(assertion);
        assert!(
            source.lines().any(|line| line.starts_with(statement)),
            "{statement}"
        );
    }
    let compiled = compile_folder(&repository());
    let (platform, _) = compiled.result.as_ref().expect("no errors");
    assert_eq!(platform.assertions.len(), hold.len());
}

#[test]
fn the_assertion_that_does_not_hold_fails_with_its_witness() {
    let broken = catalogue()["do_not_hold"]
        .as_array()
        .expect("a list")
        .clone();
    assert_eq!(broken.len(), 1);
    for case in &broken {
        let compiled = with_line(statement(&case["assertion"]));
        assert!(compiled.result.is_none());
        let [finding] = compiled
            .diagnostics
            .as_slice()
            .iter()
            .filter(|d| d.code.id == "E0440")
            .collect::<Vec<_>>()[..]
        else {
            panic!("{:?}", compiled.diagnostics.as_slice());
        };
        let way = finding.help[0]
            .strip_prefix("shortest path: ")
            .expect("a way");
        let parties: Vec<&str> = way
            .split(" → ")
            .map(|called| called.split(':').next().unwrap_or(called))
            .collect();
        let witness: Vec<&str> = case["witness"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(parties, witness);
        // Each hop has the statement that opens it, in the source.
        let places: Vec<&str> = finding
            .labels
            .iter()
            .filter(|label| !label.primary)
            .map(|label| {
                let source = compiled.sources.get(label.span.file).expect("a source");
                &source.text[label.span.start as usize..label.span.end as usize]
            })
            .collect();
        assert_eq!(
            places,
            [
                "expose web as nodeport 30080",
                "expose http at \"acc.erp.uno\" tls erp-uno-tls",
                "allow erp-apps.* -> erp-services.kvs-database:kvs because \"state of every module\"",
            ]
        );
    }
}

#[test]
fn other_assertions_on_the_platform_hold() {
    for line in [
        "never internet => erp-services.kvs-database:metrics",
        "never erp-apps.* -> erp-security.ldap-directory",
        "always erp-telemetry.prometheus -> {erp-ai.*, erp-apps.*}:metrics",
        "always internet => erp-apps.hl7-health:http",
    ] {
        let compiled = with_line(line);
        assert!(compiled.result.is_some(), "{line}");
    }
}
