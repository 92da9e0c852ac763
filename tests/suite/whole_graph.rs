//! The platform as a graph, on ERP/1: what fits its clusters, what comes before what, what differs
//! between its profiles; and graphs that are no platform, which are findings and no panic.

use erpc_cli::Exit;
use erpc_reliability::capacity::{Fit, Need, Scale};
use erpc_tests::{Memory, compile_folder, erpc, repository};
use serde_json::Value;

fn run(arguments: &[&str]) -> (Exit, String, String) {
    let root = repository();
    let mut all: Vec<&std::ffi::OsStr> = vec![arguments[0].as_ref(), root.as_os_str()];
    all.extend(arguments[1..].iter().map(std::ffi::OsStr::new));
    let ran = erpc(&all);
    (ran.exit, ran.out, ran.err)
}

fn json(arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["--format", "json"]);
    let (exit, out, err) = run(&all);
    assert_eq!(exit, Exit::Done, "{err}");
    serde_json::from_str(&out).expect("JSON")
}

/// The handbook's 33 components on the handbook's machine: 9152Mi of 8192Mi, of which 320Mi are kept.
#[test]
fn all_of_erp1_does_not_fit_the_handbooks_machine() {
    let compiled = compile_folder(&repository());
    let (platform, _) = compiled.result.expect("no errors");
    let need = Need::of_all(&platform);
    let synrc = platform.clusters.iter().find(|c| c.name.value == "synrc");
    let nodes = synrc.and_then(|c| c.nodes.as_ref()).expect("nodes");
    let fit = Fit::of(&platform, &nodes.value, 1, &need, Scale::Least);
    assert!(fit.is_short());
    assert_eq!((fit.need.memory.0 >> 20, fit.memory.0 >> 20), (9152, 7872));
    // And so says the check, where nothing but the cluster is chosen.
    let text = std::fs::read_to_string(repository().join("platform.erp")).expect("the source");
    let mut program = Memory::of(text.replace("cluster    production", "cluster    synrc"));
    for (path, bytes) in erpc_tests::files_below(&repository().join("config")) {
        program = program.with(&format!("config/{path}"), bytes);
    }
    let policies = std::fs::read(repository().join("policies.erp")).expect("the rules");
    let compiled = program.with("policies.erp", policies).compile();
    let found: Vec<(&str, &str)> = compiled
        .diagnostics
        .as_slice()
        .iter()
        .filter(|d| d.code.id.starts_with('E'))
        .map(|d| (d.code.id, d.message.as_str()))
        .collect();
    let [("E0712", message)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(
        message.contains("9152Mi") && message.contains("7872Mi"),
        "{message}"
    );
}

/// Every profile as it is packed: all nodes and one gone, at the least and at the greatest scale.
#[test]
fn every_profile_of_erp1_fits_its_cluster() {
    let fits = |profile: &[&str]| -> Vec<(String, String)> {
        let mut arguments = vec!["report"];
        arguments.extend(profile);
        let report = json(&arguments);
        let mut chapters = report["chapters"].as_array().expect("chapters").iter();
        let capacity = chapters
            .find(|c| c["id"] == "capacity")
            .expect("the chapter");
        let rows = capacity["tables"][2]["rows"].as_array().expect("rows");
        let text = |row: &Value, at: usize| row[at].as_str().expect("a cell").to_owned();
        rows.iter()
            .map(|row| (text(row, 4), text(row, 5)))
            .collect()
    };
    let yes = ("yes".to_owned(), String::new());
    assert_eq!(fits(&[]), vec![yes.clone(); 4]);
    assert_eq!(fits(&["--profile", "production"]), vec![yes.clone(); 4]);
    // Of one node nothing is left where it is gone.
    for profile in ["kind", "dev"] {
        let fits = fits(&["--profile", profile]);
        assert_eq!(fits[..2], [yes.clone(), yes.clone()], "{profile}");
        assert!(fits[2..].iter().all(|(fits, _)| fits == "no"), "{profile}");
    }
}

/// The rows of the table of the chapter on capacity that has this caption.
fn capacity_of(arguments: &[&std::ffi::OsStr], caption: &str) -> Vec<Vec<String>> {
    let mut all: Vec<&std::ffi::OsStr> = vec!["report".as_ref()];
    all.extend(arguments);
    all.extend(["--format", "json"].map(std::ffi::OsStr::new));
    let ran = erpc(&all);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let mut chapters = report["chapters"].as_array().expect("chapters").iter();
    let capacity = chapters
        .find(|c| c["id"] == "capacity")
        .expect("the chapter");
    let mut tables = capacity["tables"].as_array().expect("tables").iter();
    let table = tables.find(|t| t["caption"] == caption).expect("the table");
    serde_json::from_value(table["rows"].clone()).expect("rows")
}

#[test]
fn claims_and_quotas_are_summed() {
    let root = repository();
    let claims = |profile: &[&str]| {
        let mut arguments = vec![root.as_os_str()];
        arguments.extend(profile.iter().map(std::ffi::OsStr::new));
        capacity_of(&arguments, "Storage classes")
    };
    // Eight claims; three of the store under `production`.
    assert_eq!(claims(&[]), [["local-path", "8", "160Gi", "160Gi", ""]]);
    assert_eq!(
        claims(&["--profile", "production"]),
        [["local-path", "8", "180Gi", "180Gi", ""]]
    );
    let fleet = root.join("examples/environments");
    let quotas = capacity_of(&[fleet.as_os_str()], "Against quotas");
    let of = |what: &str| -> Vec<String> {
        let mut rows = quotas.iter();
        let row = rows
            .find(|row| row[0] == "fleet" && row[1] == what)
            .expect("a row");
        row[2..].to_vec()
    };
    // Three of 256Mi, and from two to ten of 1Gi.
    assert_eq!(of("memory limits"), ["2816Mi", "11008Mi", "12288Mi"]);
    assert_eq!(of("pods"), ["5", "13", "40"]);
}

#[test]
fn the_checks_of_erp1_are_warnings_under_every_profile() {
    let (exit, out, err) = run(&["check", "--all-profiles", "--format", "json"]);
    assert_eq!(exit, Exit::Done, "{err}");
    let found: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(found["summary"]["errors"], 0);
    let found = found["diagnostics"].as_array().expect("findings").iter();
    let mut codes: Vec<&str> = found.filter_map(|d| d["code"].as_str()).collect();
    codes.sort_unstable();
    // One recovery; the store and the engine, which all applications require; one node of kind; CMP and CMC.
    assert_eq!(
        codes,
        ["W0702", "W0721", "W0721", "W0722", "W0724", "W0731"]
    );
}

#[test]
fn a_cold_start_of_erp1_goes_through_all_waves() {
    let order = json(&["order"]);
    let path = order["critical_path"].as_array().expect("a path");
    let names: Vec<&str> = path.iter().filter_map(|s| s["service"].as_str()).collect();
    assert_eq!(names.len(), order["waves"].as_array().expect("waves").len());
    assert!(names.first().expect("a first").starts_with("erp-infra."));
    assert!(names.last().expect("a last").starts_with("erp-apps."));
    // The sum of the times until the probes of each may answer.
    let takes = path
        .iter()
        .filter_map(|s| s["takes_ms"].as_u64())
        .sum::<u64>();
    let end = path.last().and_then(|s| s["ready_at_ms"].as_u64());
    assert_eq!((takes, end), (50_000, Some(50_000)));
    let before = order["namespaces"].as_array().expect("namespaces");
    let of = |name: &str| before.iter().find(|b| b["namespace"] == name).expect("it");
    assert_eq!(of("erp-apps")["after"], serde_json::json!(["erp-services"]));
    assert_eq!(of("erp-infra")["tiers"], serde_json::json!([]));
    assert_eq!(
        of("erp-security")["tiers"],
        serde_json::json!(["observability"])
    );
}

#[test]
fn two_profiles_are_compared_in_resolved_terms() {
    let dev = json(&["diff", "--profile", "dev", "--profile", "production"]);
    assert_eq!(
        (&dev["first"], &dev["second"]),
        (&"dev".into(), &"production".into())
    );
    let only: Vec<&str> = dev["only_in_second"]
        .as_array()
        .expect("parts")
        .iter()
        .filter_map(|part| part["name"].as_str())
        .collect();
    assert_eq!(
        only,
        ["erp-ai", "erp-ai.ai-generation", "erp-ai.faiss-search"]
    );
    assert!(
        dev["only_in_second"][0]["off_at"]
            .as_str()
            .expect("a place")
            .starts_with("platform.erp:")
    );
    let value = |of: &Value, path: &str| -> (Value, Value) {
        let values = of["values"].as_array().expect("values").iter();
        let found = values
            .clone()
            .find(|v| v["path"] == path)
            .expect("the value");
        (
            found["first"]["value"].clone(),
            found["second"]["value"].clone(),
        )
    };
    assert_eq!(
        value(&dev, "platform.cluster"),
        ("synrc".into(), "production".into())
    );
    assert_eq!(
        value(&dev, "erp-services.kvs-database.replicas"),
        ("1".into(), "3".into())
    );
    let (scale, none) = value(&dev, "erp-apps.hl7-health.replicas");
    assert_eq!((scale, none), ("1".into(), Value::Null));
    // What opens is what opens to or from what is off.
    let opened = dev["opened"].as_array().expect("pairs");
    let is_of_ai = |end: &Value| end.as_str().is_some_and(|e| e.starts_with("erp-ai."));
    assert!(!opened.is_empty());
    assert!(
        opened
            .iter()
            .all(|pair| is_of_ai(&pair["from"]) || is_of_ai(&pair["to"]))
    );
    // The other way round, the same.
    let back = json(&["diff", "--profile", "production", "--profile", "dev"]);
    assert_eq!(back["closed"], dev["opened"]);
    assert_eq!(back["only_in_first"], dev["only_in_second"]);
    // One profile against none, and a profile against itself.
    let kind = json(&["diff", "--profile", "kind", "--profile", "kind"]);
    assert_eq!(kind["values"], serde_json::json!([]));
    assert_eq!(kind["opened"], serde_json::json!([]));
    let (exit, out, _) = run(&["diff", "--profile", "dev", "--profile", "dev"]);
    assert_eq!(
        (exit, out.as_str()),
        (Exit::Done, "`dev` → `dev`\nnothing differs\n")
    );
    for format in ["human", "markdown"] {
        let (exit, out, _) = run(&[
            "diff",
            "--profile",
            "kind",
            "--profile",
            "production",
            "--format",
            format,
        ]);
        assert_eq!(exit, Exit::Done);
        assert!(
            out.contains("erp-ai.faiss-search") && out.contains("2..3"),
            "{out}"
        );
    }
    // What opens may be guarded, as between versions.
    let guarded = [
        "diff",
        "--profile",
        "dev",
        "--profile",
        "production",
        "--forbid-open",
        "erp-ai.*",
    ];
    assert_eq!(run(&guarded).0, Exit::Differs);
}

#[test]
fn a_profile_where_it_says_nothing_is_refused() {
    for arguments in [
        &["fmt", "--profile", "dev"][..],
        &["explain", "E0404", "--profile", "dev"],
        &["completions", "bash", "--profile", "dev"],
        &["man", "--profile", "dev"],
        &["init", "new", "--profile", "dev"],
        &["check", "--profile", "dev", "--profile", "kind"],
        &["diff", "--profile", "a", "--profile", "b", "--profile", "c"],
        &["diff"],
    ] {
        let ran = erpc(arguments);
        assert_eq!(ran.exit, Exit::Usage, "{arguments:?}: {}", ran.err);
        assert!(!ran.err.is_empty(), "{arguments:?}");
    }
    let (exit, _, err) = run(&["diff", "--profile", "dev", "--profile", "nowhere"]);
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("nowhere"), "{err}");
}

const AROUND: &str = "erp 1
platform p { version \"1.0\"; cluster c }
tiers low
cluster c { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns }
component Web() { image \"p/w:1.0\"; port http 8080; cpu 10m; memory 16Mi; access by port-forward }
";

/// Circles of every length, with promises on every service of them.
#[test]
fn circles_of_any_length_are_one_error() {
    for length in 2..24 {
        let mut text = format!("{AROUND}namespace n {{\n  tier low\n");
        for at in 0..length {
            text += &format!(
                "  service s{at} is Web {{ slo availability 99.9%; slo latency p95 < 1s; rto 5m; calls s{}:http }}\n",
                (at + 1) % length
            );
        }
        let compiled = Memory::of(text + "}\n").compile();
        let codes: Vec<&str> = compiled
            .diagnostics
            .as_slice()
            .iter()
            .map(|d| d.code.id)
            .collect();
        assert_eq!(codes, ["E0404"], "{length}");
    }
}

/// The ends of every number that the arithmetic takes: findings, and no overflow.
#[test]
fn the_ends_of_all_numbers_are_findings() {
    let services = [
        "replicas 10000; cpu 1000000; memory 8000000Ti",
        "replicas 0; rto 0s; rpo 0s",
        "scale 1..10000 on cpu 1%; memory 0Mi..1Mi; cpu 0..1",
        "slo availability 0.000000001%; slo availability 99.999999999%; rto 100000d",
        "slo availability 99.999999999% over 1ms; rto 1ms",
        "slo latency p0.000001 < 0s; slo latency p99.999999 < 100000d",
        "volume data 8000000Ti at \"/data\"; replicas 10000",
        "disruption min 10000; spread by node; replicas 10000",
    ];
    for one in services {
        for nodes in [
            "1 of cpu 1, memory 1Mi",
            "5000 of cpu 1000000, memory 8000000Ti",
        ] {
            let around = AROUND.replace("3 of cpu 4, memory 8Gi", nodes);
            let text = format!(
                "{around}namespace n {{\n  tier low\n  quota cpu 0..0, memory 0Mi..0Mi, pods 1, storage 0Gi\n  service a is Web {{ {one} }}\n  service b is Web {{ {one}; calls a:http }}\n  service c is Web {{ {one}; calls b:http }}\n}}\n"
            );
            let compiled = Memory::of(text).compile();
            assert!(!compiled.diagnostics.is_empty(), "{one}");
        }
    }
}
