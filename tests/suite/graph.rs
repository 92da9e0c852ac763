//! Pictures of the platform in every format, and what the failure of a service costs.

use std::collections::BTreeSet;

use erpc_cli::Exit;
use erpc_tests::{Ran, erpc, examples, folders_below, repository};
use serde_json::Value;

fn run(command: &str, more: &[&str]) -> Ran {
    let root = repository();
    let mut arguments = vec![command.as_ref()];
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    arguments.push(root.as_os_str());
    erpc(&arguments)
}

fn picture(folder: &std::path::Path, format: &str) -> String {
    let ran = erpc(&[
        "graph".as_ref(),
        folder.as_os_str(),
        "--format".as_ref(),
        format.as_ref(),
    ]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    ran.out
}

/// The values of an attribute, in the order of the text.
fn attributes<'t>(svg: &'t str, name: &str) -> Vec<&'t str> {
    let start = format!(" {name}=\"");
    let values = svg.split(start.as_str()).skip(1);
    values.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_platform_is_drawn_with_all_of_its_services_and_flows() {
    let mut folders = examples();
    folders.extend(folders_below("tests/platforms"));
    folders.push(repository());
    for folder in folders {
        let compiled = erpc_tests::compile_folder(&folder);
        let (platform, derived) = compiled.result.expect("no errors");
        let svg = picture(&folder, "svg");
        let drawn: BTreeSet<&str> = attributes(&svg, "data-path").into_iter().collect();
        for (id, _) in platform.services() {
            assert!(
                drawn.contains(platform.path(id).as_str()),
                "{}",
                platform.path(id)
            );
        }
        let flows: usize = attributes(&svg, "data-flows")
            .iter()
            .map(|n| n.parse::<usize>().expect("a number"))
            .sum();
        assert_eq!(
            flows,
            derived.edges.as_slice().len(),
            "{}",
            folder.display()
        );
        let places: Vec<&str> = attributes(&svg, "data-edges")
            .iter()
            .flat_map(|edges| edges.split(' '))
            .collect();
        let once: BTreeSet<&str> = places.iter().copied().collect();
        assert_eq!(places.len(), once.len(), "an edge is drawn once");
        assert_eq!(picture(&folder, "svg"), svg, "the same picture again");
        let json: Value = serde_json::from_str(&picture(&folder, "json")).expect("JSON");
        assert_eq!(json["edges"].as_array().map(Vec::len), Some(flows));
    }
}

#[test]
fn the_modes_are_told_apart_in_every_format() {
    let root = repository();
    let mermaid = picture(&root, "mermaid");
    assert!(mermaid.starts_with("flowchart BT\n"));
    assert!(mermaid.contains("  erp_services_rest_bpe --> erp_services_bpe_engine\n"));
    assert!(mermaid.contains("  erp_security_ias_auth -.-> erp_security_ldap_directory\n"));
    assert!(mermaid.contains("  erp_telemetry_alertmanager -.-o erp_apps_itsm_incidents\n"));
    assert!(mermaid.contains("nitro-portal ↗"), "{mermaid}");
    let dot = picture(&root, "dot");
    assert!(dot.contains("erp_services_rest_bpe -> erp_services_bpe_engine [style=solid];"));
    assert!(dot.contains("erp_security_ias_auth -> erp_security_ldap_directory [style=dashed];"));
    assert!(dot.contains("[style=dotted]"));
    assert!(dot.contains("ltail=cluster_all_erp_apps"), "{dot}");
    let html = picture(&root, "html");
    // A page of its own: what it names is in it.
    for outside in ["src=", "url(http", "@import", "<link rel=\"stylesheet\""] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert_eq!(html.matches("</script>").count(), 2);
}

#[test]
fn a_focus_shows_what_is_near() {
    let json = run("graph", &["--focus", "ldap-directory", "--format", "json"]).out;
    let near: Value = serde_json::from_str(&json).expect("JSON");
    let names: Vec<&str> = near["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .filter_map(|node| node["name"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "erp-security.abac-clearance",
            "erp-security.ias-auth",
            "erp-security.ldap-directory",
            "erp-telemetry.otel-collector",
            "erp-telemetry.prometheus",
        ]
    );
    let far = run(
        "graph",
        &[
            "--focus",
            "ldap-directory",
            "--depth",
            "2",
            "--format",
            "json",
        ],
    )
    .out;
    assert!(far.len() > json.len());
    let ran = run("graph", &["--focus", "ldap-directry"]);
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("ldap-directory"), "{}", ran.err);
    assert_eq!(run("graph", &["--depth", "2"]).exit, Exit::Usage);
    assert_eq!(run("graph", &["--format", "sarif"]).exit, Exit::Usage);
}

/// What is outside may fail too: an external, the internet, the API server.
#[test]
fn a_failure_of_an_external_costs_those_that_call_it() {
    let folder = repository().join("examples/external");
    let folder = folder.to_str().expect("a path");
    let of = |name: &str| -> Value {
        let ran = erpc(&["impact", name, folder, "--format", "json"]);
        assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
        serde_json::from_str(&ran.out).expect("JSON")
    };
    let impact = of("ledger-db");
    assert_eq!(impact["service"], "ledger-db");
    assert_eq!(
        impact["lost"][0]["through"],
        serde_json::json!(["ledger.ledger", "ledger-db"])
    );
    assert!(impact["data"].is_null(), "{impact}");
    let impact = of("tax-office");
    assert_eq!(impact["lost"], serde_json::json!([]));
    assert_eq!(
        impact["degraded"][0]["misses"],
        serde_json::json!(["tax-office"])
    );
    assert_eq!(of("internet")["degraded"], serde_json::json!([]));
}

#[test]
fn a_failure_costs_what_follows_from_the_flows() {
    let ran = run("impact", &["ca-pki", "--format", "json"]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let impact: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(impact["version"], 1);
    let names = |list: &str| -> Vec<String> {
        let of = |one: &Value| one["service"].as_str().or(one.as_str()).map(str::to_owned);
        let all = impact[list].as_array().expect("a list");
        all.iter().filter_map(of).collect()
    };
    assert_eq!(
        names("lost"),
        [
            "erp-security.ias-auth",
            "erp-services.n2o-server",
            "erp-services.nitro-portal",
            "erp-services.rest-bpe",
        ]
    );
    assert_eq!(
        impact["lost"][2]["through"],
        serde_json::json!([
            "erp-services.nitro-portal",
            "erp-security.ias-auth",
            "erp-security.ca-pki"
        ])
    );
    // Every service of ai, services and apps but the three that are lost.
    assert_eq!(names("degraded").len(), 2 + 8 - 3 + 9);
    assert_eq!(names("blind"), ["erp-telemetry.prometheus"]);
    assert_eq!(
        names("unreachable"),
        [
            "ca.erp.uno",
            "erp.uno",
            "erp.uno/api/auth",
            "erp.uno/api/bpe",
            "erp.uno/ws"
        ]
    );
    // Three minutes of 4.32.
    assert_eq!(impact["budgets"][0]["spent_by_one_failure"], "69.4%");
    let ran = run("impact", &["traefik-ingress"]);
    assert!(
        ran.out.contains("0 services cannot work without it\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("hl7.erp.uno"),
        "what it serves does not answer: {}",
        ran.out
    );
    assert_eq!(run("impact", &["kvs-databse"]).exit, Exit::Usage);
    assert_eq!(run("impact", &["erp-apps.*"]).exit, Exit::Usage);
}
