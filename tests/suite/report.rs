//! The handbook: every figure of ERP/1 is that of `expected` in `tests/data/erp1.json`, in both
//! languages and every format.

use std::collections::BTreeMap;

use erpc_cli::Exit;
use erpc_diagnostics::Sources;
use erpc_model::{Platform, ServiceId};
use erpc_policy::Derived;
use erpc_reliability::capacity::{Need, Sum};
use erpc_report::handbook::{Chapter, Handbook, Language};
use erpc_tests::{Memory, compile_folder, erpc, files_below, repository};
use serde_json::Value;

fn erp1() -> (Platform, Derived, Sources) {
    let compiled = compile_folder(&repository());
    let (platform, derived) = compiled.result.expect("no errors");
    (platform, derived, compiled.sources)
}

fn data() -> Value {
    let path = repository().join("tests/data/erp1.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the data")).expect("JSON")
}

fn handbook(language: Language) -> Handbook {
    let (platform, derived, sources) = erp1();
    Handbook::of(&platform, &derived, &sources, language)
}

/// The rows of a table of a chapter, by their first cell.
fn rows(chapter: &Chapter, table: usize) -> BTreeMap<&str, &[String]> {
    let rows = chapter.tables[table].rows.iter();
    rows.map(|row| (row[0].as_str(), row.as_slice())).collect()
}

fn chapter<'h>(handbook: &'h Handbook, id: &str) -> &'h Chapter {
    handbook.chapter(id).expect("the chapter")
}

/// `5632Mi`, `3790m`, `2`, `160Gi`, `-` as the number that the data has.
fn number(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    digits.parse().unwrap_or(0)
}

fn millicores(text: &str) -> u64 {
    if text.ends_with('m') {
        number(text)
    } else {
        number(text) * 1000
    }
}

/// The tables of a chapter of the handbook, as `report --format json` prints it.
fn printed(id: &str, more: &[&str]) -> Vec<Vec<Vec<String>>> {
    let root = repository();
    let mut arguments = vec![
        "report".as_ref(),
        root.as_os_str(),
        "--format".as_ref(),
        "json".as_ref(),
    ];
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    let ran = erpc(&arguments);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let all: Value = serde_json::from_str(&ran.out).expect("JSON");
    let mut chapters = all["chapters"].as_array().expect("chapters").iter();
    let chapter = chapters
        .find(|chapter| chapter["id"] == id)
        .expect("the chapter");
    let tables = chapter["tables"].as_array().expect("tables").iter();
    tables
        .map(|table| serde_json::from_value(table["rows"].clone()).expect("rows"))
        .collect()
}

#[test]
fn capacity_is_as_expected_under_every_profile() {
    let data = data();
    for (name, profile) in [
        ("default", &[][..]),
        ("profile kind", &["--profile", "kind"]),
        ("profile production", &["--profile", "production"]),
        ("profile dev", &["--profile", "dev"]),
    ] {
        let expected = data["expected"]["capacity"][name]
            .as_object()
            .expect("a table");
        let tables = printed("capacity", profile);
        for (table, end) in [(0, "min"), (1, "max")] {
            let rows = &tables[table];
            assert_eq!(rows.len(), expected.len(), "{name}");
            for (namespace, figures) in expected {
                let called = if namespace == "total" {
                    "sum"
                } else {
                    namespace
                };
                let row = rows.iter().find(|row| row[0] == called).expect("a row");
                let figure = |name: &str| figures[&format!("{name}_{end}")].as_u64();
                let at = format!("{name}, {namespace}, {end}");
                assert_eq!(Some(number(&row[1])), figures["services"].as_u64(), "{at}");
                assert_eq!(Some(number(&row[2])), figure("pods"), "{at}");
                assert_eq!(Some(millicores(&row[3])), figure("cpu_m_request"), "{at}");
                assert_eq!(Some(millicores(&row[4])), figure("cpu_m_limit"), "{at}");
                assert_eq!(Some(number(&row[5])), figure("memory_mi_request"), "{at}");
                assert_eq!(Some(number(&row[6])), figure("memory_mi_limit"), "{at}");
                assert_eq!(
                    Some(number(&row[7])),
                    figures["volumes_gi"].as_u64(),
                    "{at}"
                );
            }
        }
    }
    // Three nodes of 4 CPU and 16Gi, of which one may be lost.
    let fits = |profile: &[&str]| -> Vec<String> {
        printed("capacity", profile)[2]
            .iter()
            .map(|row| row[4].clone())
            .collect()
    };
    assert_eq!(fits(&[]), ["yes"; 4]);
    // One node of 8Gi, which nothing replaces.
    assert_eq!(fits(&["--profile", "kind"])[2..], ["no", "no"]);
}

/// The handbook's own table: the 21 components of its section 4.1.
#[test]
fn the_core_needs_what_the_catalogue_says() {
    let (platform, _, _) = erp1();
    let data = data();
    let expected = data["expected"]["capacity"]["the 21 of handbook 4.1"]
        .as_object()
        .expect("a table");
    let core: Vec<(&str, &str)> = data["services"]
        .as_array()
        .expect("services")
        .iter()
        .filter(|service| service["set"] == "core")
        .filter_map(|service| Some((service["namespace"].as_str()?, service["name"].as_str()?)))
        .collect();
    assert_eq!(core.len(), 21);
    for (namespace, figures) in expected {
        let of = |id: &ServiceId| {
            let path = platform.path(*id);
            let (space, name) = path.split_once('.').expect("a path");
            core.contains(&(space, name)) && (namespace == "total" || space == namespace)
        };
        let services = platform.services().map(|(id, _)| id).filter(of);
        let need = Need::of(&platform, services);
        let check = |sum: &Sum, end: &str| {
            let figure = |name: &str| figures[&format!("{name}_{end}")].as_u64();
            assert_eq!(Some(sum.pods), figure("pods"), "{namespace}");
            assert_eq!(Some(sum.cpu.0), figure("cpu_m_request"), "{namespace}");
            assert_eq!(
                Some(sum.memory.0 >> 20),
                figure("memory_mi_request"),
                "{namespace}"
            );
            assert_eq!(Some(sum.cpu_limit.0), figure("cpu_m_limit"), "{namespace}");
            assert_eq!(
                Some(sum.memory_limit.0 >> 20),
                figure("memory_mi_limit"),
                "{namespace}"
            );
        };
        check(&need.min, "min");
        check(&need.max, "max");
        assert_eq!(
            Some(need.min.volumes.0 >> 30),
            figures["volumes_gi"].as_u64()
        );
    }
}

#[test]
fn promises_budgets_and_recoveries_are_as_expected() {
    let handbook = handbook(Language::English);
    let slo = chapter(&handbook, "slo");
    let data = data();
    let namespaces = rows(slo, 0);
    for namespace in data["namespaces"].as_array().expect("namespaces") {
        let row = namespaces[namespace["name"].as_str().expect("a name")];
        assert_eq!(namespace["slo"], row[1].as_str());
        let minutes: f64 = row[3].parse().expect("a number");
        assert_eq!(namespace["budget_minutes_30d"].as_f64(), Some(minutes));
    }
    let own: Vec<(&str, &str)> = rows(slo, 1)
        .iter()
        .map(|(name, row)| (*name, row[1].as_str()))
        .collect();
    assert_eq!(
        own,
        [
            ("erp-services.nitro-portal", "99.9%"),
            ("erp-services.rest-bpe", "99.9%")
        ]
    );
    let bounds = rows(slo, 2);
    let expected = data["expected"]["slo"].as_array().expect("a table");
    assert_eq!((bounds.len(), expected.len()), (17, 17));
    for one in expected {
        let row = bounds[one["service"].as_str().expect("a name")];
        assert_eq!(one["promise"], row[1].as_str(), "{row:?}");
        assert_eq!(one["bound"], row[3].as_str(), "{row:?}");
        let slack: f64 = row[4].parse().expect("a number");
        assert_eq!(one["slack_seconds_30d"].as_f64(), Some(slack), "{row:?}");
        for required in one["requires"].as_array().expect("names") {
            let name = required
                .as_str()
                .and_then(|r| r.split('.').next_back())
                .expect("a name");
            assert!(row[2].contains(name), "{row:?}");
        }
    }
    let recovery = rows(chapter(&handbook, "recovery"), 0);
    for (service, rto, rpo, share) in [
        ("erp-telemetry.prometheus", "5m", "1m", "115.7%"),
        ("erp-services.rest-bpe", "3m", "", "6.9%"),
        ("erp-apps.hl7-health", "2m", "", "4.6%"),
        ("erp-infra.docker-registry", "5m", "5m", "23.1%"),
    ] {
        let row = recovery[service];
        assert_eq!(
            (row[1].as_str(), row[2].as_str(), row[4].as_str()),
            (rto, rpo, share)
        );
    }
}

#[test]
fn order_repositories_severities_and_counts_are_as_expected() {
    let handbook = handbook(Language::English);
    let data = data();
    let mut waves: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for row in &chapter(&handbook, "order").tables[0].rows {
        let wave = row[0].parse().expect("a number");
        waves.entry(wave).or_default().push(&row[1]);
    }
    let expected = data["expected"]["waves"].as_array().expect("waves");
    assert_eq!(waves.len(), expected.len());
    for (wave, expected) in (1..).zip(expected) {
        let theirs: Vec<&str> = expected["services"]
            .as_array()
            .expect("services")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(waves[&wave], theirs);
    }
    let repositories = chapter(&handbook, "repositories");
    assert_eq!(repositories.tables[0].rows.len(), 29);
    let by_repository = rows(repositories, 0);
    for service in data["services"].as_array().expect("services") {
        if let Some(repo) = service["repo"].as_str() {
            let path = &by_repository[repo][1];
            assert!(
                path.ends_with(service["name"].as_str().expect("a name")),
                "{path}"
            );
        }
    }
    assert!(
        repositories.text[0]
            .ends_with("docker-registry, traefik-ingress, alertmanager, kube-state-metrics.")
    );
    let severities = rows(chapter(&handbook, "severities"), 0);
    assert_eq!(
        severities["sev1"][1],
        "erp-infra, erp-telemetry, erp-security: down"
    );
    assert_eq!(
        severities["sev2"][1],
        "erp-ai, erp-services, erp-apps: down"
    );
    // No figure that the source does not declare.
    assert_eq!(severities["sev1"].len(), 2);
    let overview = rows(chapter(&handbook, "overview"), 0);
    for (fact, value) in [
        ("components", "33"),
        ("namespaces", "6"),
        ("flows", "133"),
        ("routes", "19"),
    ] {
        assert_eq!(overview[fact][1], value);
    }
    for (id, count) in [
        ("images", 33),
        ("volumes", 8),
        ("scaling", 4),
        ("audit", 33),
        ("namespaces", 6),
        ("network", 6),
    ] {
        assert_eq!(chapter(&handbook, id).tables[0].rows.len(), count, "{id}");
    }
    let pods = rows(chapter(&handbook, "scaling"), 1);
    let counts = &data["expected"]["capacity"]["default"]["total"];
    assert_eq!(counts["pods_min"].as_u64(), Some(number(&pods["sum"][2])));
    assert_eq!(counts["pods_max"].as_u64(), Some(number(&pods["sum"][3])));
    let forwarded = rows(chapter(&handbook, "routes"), 1);
    assert_eq!(
        forwarded["erp-telemetry.grafana:http"][1],
        "kubectl --namespace erp-telemetry port-forward service/grafana 3000"
    );
    let components = chapter(&handbook, "components");
    assert_eq!(
        components
            .tables
            .iter()
            .map(|t| t.rows.len())
            .sum::<usize>(),
        33
    );
}

/// Nodes call a service by a flow, and as the controller of its routes; they are one caller in the audit.
#[test]
fn the_audit_lists_nodes_once() {
    let audit = |routes: &str, flow: &str| {
        let text = format!(
            "erp 1\nplatform p {{ version \"1.0\"; cluster main }}\ntiers app\ncluster main {{\n  kubernetes 1.36; nodes 2 of cpu 4, memory 8Gi, in 172.16.0.0/16; pods 10.0.0.0/12; services 10.96.0.0/16\n  dns kube-dns; cni calico with nodes; ingress nginx by nodes\n}}\nnamespace n {{\n  tier app\n  service s {{ image \"a/b:1.0\"; cpu 10m..20m; memory 8Mi..16Mi; port http 8080; port agent 9090; run as 1000; {routes}; access by port-forward }}\n  service t {{ image \"a/b:1.0\"; cpu 10m..20m; memory 8Mi..16Mi; port http 8080; run as 1000:2000; access by port-forward }}\n}}\n{flow}\n"
        );
        let compiled = Memory::of(text).compile();
        let found = compiled.diagnostics.as_slice().first().cloned();
        let (platform, derived) = compiled.result.unwrap_or_else(|| panic!("{found:?}"));
        let handbook = Handbook::of(&platform, &derived, &compiled.sources, Language::English);
        let audit = rows(chapter(&handbook, "audit"), 0);
        (
            audit["n.s"][1].clone(),
            audit["n.s"][4].clone(),
            audit["n.t"][4].clone(),
        )
    };
    let route = "expose http at \"s.example\"";
    let flow = "allow cluster.nodes -> n.s:agent because \"an agent on each node\"";
    let controller = "the ingress controller `nginx`";
    let (callers, user, other) = audit(route, flow);
    assert_eq!(
        callers,
        format!("cluster.nodes, {controller}, kubectl port-forward")
    );
    assert_eq!((user.as_str(), other.as_str()), ("1000", "1000:2000"));
    let (callers, ..) = audit(route, "");
    assert_eq!(
        callers,
        format!("cluster.nodes, {controller}, kubectl port-forward")
    );
    let (callers, ..) = audit("title \"S\"", flow);
    assert_eq!(callers, "cluster.nodes, kubectl port-forward");
}

#[test]
fn both_languages_say_the_same_and_keep_the_sources_words() {
    let (english, ukrainian) = (handbook(Language::English), handbook(Language::Ukrainian));
    assert_eq!(english.chapters.len(), ukrainian.chapters.len());
    for (ours, theirs) in english.chapters.iter().zip(&ukrainian.chapters) {
        assert_eq!(ours.id, theirs.id);
        let shape = |chapter: &Chapter| -> Vec<(usize, usize)> {
            let tables = chapter.tables.iter();
            tables
                .map(|table| (table.head.len(), table.rows.len()))
                .collect()
        };
        assert_eq!(shape(ours), shape(theirs), "{}", ours.id);
        for table in ours.tables.iter().chain(&theirs.tables) {
            assert!(
                table.rows.iter().all(|row| row.len() == table.head.len()),
                "{}",
                ours.id
            );
        }
    }
    let uk = erpc(&[
        "report".as_ref(),
        "--lang".as_ref(),
        "uk".as_ref(),
        repository().as_os_str(),
    ]);
    let en = erpc(&["report".as_ref(), repository().as_os_str()]);
    for text in [&uk.out, &en.out] {
        assert!(text.contains("Медичний HL7 FHIR API"));
        assert!(text.contains("token verification at the edge"));
    }
    assert!(
        uk.out.contains("## 16. SLO та бюджети помилок"),
        "{}",
        uk.out
    );
    assert!(en.out.contains("## 16. SLO and error budgets"));
}

#[test]
fn a_folder_gets_all_of_it_and_a_page_needs_no_network() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let out = folder.path().join("made/here");
    let root = repository();
    let run = |more: &[&str]| {
        let mut arguments = vec![
            "report".as_ref(),
            root.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
        ];
        arguments.extend(more.iter().map(std::ffi::OsStr::new));
        erpc(&arguments)
    };
    assert_eq!(run(&[]).exit, Exit::Done);
    let made = files_below(&out);
    let names: Vec<&str> = made.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "handbook.html",
            "handbook.md",
            "platform.html",
            "platform.svg"
        ]
    );
    assert_eq!(run(&[]).exit, Exit::Done);
    assert!(made == files_below(&out), "the same again");
    let page = String::from_utf8(made["handbook.html"].clone()).expect("UTF-8");
    assert!(page.contains("<svg ") && page.contains("<table>"));
    for outside in ["<script", "src=", "@import", "url(http"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(
        page.matches("<table>").count(),
        page.matches("</table>").count()
    );
    let json = erpc(&[
        "report".as_ref(),
        root.as_os_str(),
        "--format".as_ref(),
        "json".as_ref(),
    ]);
    let json: Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(json["language"], "english");
    std::fs::write(folder.path().join("file"), "").expect("written");
    let blocked = folder.path().join("file/below");
    let ran = erpc(&[
        "report".as_ref(),
        root.as_os_str(),
        "--out".as_ref(),
        blocked.as_os_str(),
    ]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(
        ran.err.contains("a part of the path is a file"),
        "{}",
        ran.err
    );
}
