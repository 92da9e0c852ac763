//! `erpc show`: the resolved platform, its parts and single values, each with where it came from;
//! held to the catalogue of ERP/1, which the compiler has never seen.

use std::collections::BTreeMap;

use erpc_cli::Exit;
use erpc_tests::{erpc, repository};
use serde_json::Value;

fn show(arguments: &[&str]) -> String {
    let root = repository();
    let mut all = vec!["show"];
    let path = root.to_string_lossy();
    let (name, options) = match arguments.split_first() {
        Some((name, options)) => (Some(*name), options),
        None => (None, arguments),
    };
    all.extend(name);
    all.push(&path);
    all.extend(options);
    let ran = erpc(&all);
    assert_eq!(ran.exit, Exit::Done, "{arguments:?}: {}", ran.err);
    ran.out
}

fn json(name: &str) -> Value {
    let text = show(&[name, "--format", "json"]);
    serde_json::from_str(&text).expect("JSON")
}

fn catalogue() -> Value {
    let path = repository().join("tests/data/erp1.json");
    let text = std::fs::read_to_string(path).expect("the catalogue");
    serde_json::from_str(&text).expect("JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn the_platform_shows_its_name_and_what_is_counted() {
    let shown = show(&[]);
    for line in [
        ("name", "erp-uno"),
        ("version", "2024.6.15"),
        ("domain", "erp.uno"),
        ("registry", "docker.io"),
        ("namespaces", "6"),
        ("services", "33"),
        ("volumes", "8"),
    ] {
        let found = shown.lines().any(|l| {
            let mut words = l.split_whitespace();
            words.next() == Some(line.0) && words.next() == Some(line.1)
        });
        assert!(found, "{line:?}\n{shown}");
    }
}

#[test]
fn the_namespaces_are_those_of_the_catalogue() {
    let shown = json("namespaces");
    let catalogue = catalogue();
    let expected = list(&catalogue["namespaces"]);
    assert_eq!(list(&shown["namespaces"]).len(), expected.len());
    for namespace in expected {
        let name = text(&namespace["name"]);
        let row = list(&shown["namespaces"])
            .iter()
            .find(|row| row["name"] == name);
        let row = row.unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(row["tier"], namespace["tier"], "{name}");
        assert_eq!(row["purpose"], namespace["title"], "{name}");
        let services = list(&catalogue["services"]).iter();
        let services: Vec<_> = services.filter(|s| s["namespace"] == name).collect();
        assert_eq!(row["services"], services.len(), "{name}");
        let mut ports: Vec<String> = services
            .iter()
            .flat_map(|service| list(&service["ports"]))
            .map(|port| match text(&port["protocol"]) {
                "TCP" => port["number"].to_string(),
                other => format!("{}/{}", port["number"], other.to_lowercase()),
            })
            .collect();
        ports.sort();
        ports.dedup();
        let mut shown_ports: Vec<&str> = list(&row["ports"]).iter().map(text).collect();
        shown_ports.sort_unstable();
        assert_eq!(shown_ports, ports, "{name}");
        let claims = services.iter().map(|s| list(&s["volumes"]).len());
        assert_eq!(row["claims"], claims.sum::<usize>(), "{name}");
    }
    let markdown = show(&["namespaces", "--format", "markdown"]);
    assert_eq!(markdown.lines().count(), 2 + 6, "{markdown}");
}

/// Of all services, two serve on 8080: one is third-party, the other is the controller's ping.
#[test]
fn nothing_of_our_own_serves_on_8080() {
    let shown = json("services");
    let on_8080: Vec<&str> = list(&shown["services"])
        .iter()
        .filter(|row| {
            list(&row["ports"])
                .iter()
                .any(|port| text(port).ends_with(" 8080"))
        })
        .map(|row| text(&row["name"]))
        .collect();
    assert_eq!(on_8080, ["traefik-ingress", "kube-state-metrics"]);
}

#[test]
fn the_services_are_those_of_the_catalogue() {
    let shown = json("services");
    let catalogue = catalogue();
    let rows: BTreeMap<&str, &Value> = list(&shown["services"])
        .iter()
        .map(|row| (text(&row["name"]), row))
        .collect();
    let expected = list(&catalogue["services"]);
    assert_eq!(rows.len(), expected.len());
    for service in expected {
        let name = text(&service["name"]);
        let row = rows[name];
        assert_eq!(row["namespace"], service["namespace"], "{name}");
        assert_eq!(row["kind"], service["kind"], "{name}");
        assert_eq!(row["purpose"], service["title"], "{name}");
        let first = &service["ports"][0];
        let shown = text(&row["ports"][0]);
        let expected = format!("{} {}", text(&first["name"]), first["number"]);
        assert!(shown.starts_with(&expected), "{name}: {shown}");
        let cpu = text(&row["cpu"]).split("..").next();
        assert_eq!(cpu, service["cpu"]["request"].as_str(), "{name}");
    }
}

#[test]
fn the_repositories_are_29_pairs_and_4_services_have_none() {
    let shown = json("repos");
    let mut expected: Vec<(String, String)> = list(&catalogue()["services"])
        .iter()
        .filter_map(|service| {
            let repo = service["repo"].as_str()?;
            let path = format!("{}.{}", text(&service["namespace"]), text(&service["name"]));
            Some((repo.to_owned(), path))
        })
        .collect();
    expected.sort();
    let mut pairs: Vec<(String, String)> = list(&shown["repos"])
        .iter()
        .map(|row| {
            (
                text(&row["repo"]).to_owned(),
                text(&row["service"]).to_owned(),
            )
        })
        .collect();
    pairs.sort();
    assert_eq!((pairs.len(), &pairs), (29, &expected));
    let without: Vec<&str> = list(&shown["without"]).iter().map(text).collect();
    assert_eq!(
        without,
        [
            "erp-infra.docker-registry",
            "erp-infra.traefik-ingress",
            "erp-telemetry.alertmanager",
            "erp-telemetry.kube-state-metrics"
        ]
    );
}

#[test]
fn the_images_say_registry_tag_digest_and_owner() {
    let shown = json("images");
    let rows = list(&shown["images"]);
    assert_eq!(rows.len(), 33);
    for row in rows {
        assert!(row["tag"].is_string() || row["digest"].is_string(), "{row}");
        assert!(row["registry"].is_string() && row["service"].is_string());
    }
    let expected = catalogue();
    for service in list(&expected["services"]) {
        let path = format!("{}.{}", text(&service["namespace"]), text(&service["name"]));
        let row = rows.iter().find(|row| row["service"] == path.as_str());
        let row = row.unwrap_or_else(|| panic!("{path} is missing"));
        assert_eq!(row["repo"], service["repo"], "{path}");
        let image = text(&service["image"]);
        let shown = format!("{}:{}", text(&row["repository"]), text(&row["tag"]));
        assert!(image.ends_with(&shown), "{image} is not {shown}");
    }
}

#[test]
fn a_value_says_its_line_and_the_way_to_its_owner() {
    let shown = show(&["erp-apps.hl7-health.memory"]);
    assert!(
        shown.starts_with("erp-apps.hl7-health.memory  256Mi..512Mi\n"),
        "{shown}"
    );
    assert!(
        shown.contains("stdlib/beam.erp:8: set by the component `std.beam.Release`\n    | memory 256Mi..512Mi\n"),
        "{shown}"
    );
    assert!(shown.contains(": is `std.beam.Release`\n    | service hl7-health is Release {\n"));
    // The short name of a service that no other has is enough.
    assert_eq!(show(&["hl7-health.memory"]), shown);

    let of_default = show(&["platform.pull"]);
    assert!(
        of_default.contains("a default of the language"),
        "{of_default}"
    );
    let of_namespace = show(&["hl7-health.slo.availability"]);
    assert!(
        of_namespace.contains("set by the namespace"),
        "{of_namespace}"
    );
    let of_platform = show(&["erp-apps.grants.0"]);
    assert!(of_platform.contains("set by the platform"), "{of_platform}");
    let own = show(&["hl7-health.rto"]);
    assert!(
        own.contains(": defined here\n    | rto        2m\n"),
        "{own}"
    );
}

/// A probe's parts come from different lines: what is asked from the service, how often from the
/// component.
#[test]
fn each_part_of_a_merged_property_has_its_own_line() {
    let ran = show(&["ns-dns.health.ready", "--format", "json", "--origin"]);
    let shown: Value = serde_json::from_str(&ran).expect("JSON");
    let parts = &shown["value"]["parts"];
    assert_eq!(parts["check"]["origin"]["file"], "platform.erp");
    assert_eq!(parts["on"]["value"], "dns-tcp");
    assert_eq!(parts["every"]["origin"]["file"], "stdlib/beam.erp");
    assert_eq!(parts["every"]["origin"]["chain"][1]["file"], "platform.erp");
    assert_eq!(parts["within"]["origin"]["via"], "default");
}

/// Every fact of every service has a way, and every value one place or the word `default`.
#[test]
fn every_value_of_every_service_has_an_origin() {
    fn walk(path: &str, value: &Value, seen: &mut usize) {
        match value {
            Value::Object(fields) if fields.contains_key("value") => {
                *seen += 1;
                let origin = &fields["origin"];
                let via = text(&origin["via"]);
                let has_line = origin["line"].is_u64();
                assert_eq!(has_line, via != "default", "{path}: {value}");
                assert!(!list(&origin["chain"]).is_empty(), "{path}");
                if let Some(parts) = fields.get("parts") {
                    walk(path, parts, seen);
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    walk(&format!("{path}.{name}"), value, seen);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(path, item, seen)),
            _ => panic!("{path} has no origin: {value}"),
        }
    }
    let text = show(&["platform", "--format", "json"]);
    assert!(text.contains("\"name\": \"platform\""));
    let root = repository();
    let arguments = [
        "show",
        &root.to_string_lossy(),
        "--format",
        "json",
        "--origin",
    ];
    let ran = erpc(&arguments);
    let whole: Value = serde_json::from_str(&ran.out).expect("JSON");
    let mut seen = 0;
    for namespace in whole["namespaces"].as_object().into_iter().flatten() {
        for service in namespace.1["services"].as_object().into_iter().flatten() {
            walk(service.0, service.1, &mut seen);
        }
    }
    assert!(seen > 33 * 12, "{seen} values");
}

#[test]
fn an_unknown_name_is_an_error_with_the_nearest_one() {
    let root = repository();
    let path = root.to_string_lossy();
    for (name, wanted) in [
        ("erp-appz", "did you mean `erp-apps`?"),
        ("erp-apps.hl7-helth", "did you mean `erp-apps.hl7-health`?"),
        (
            "erp-apps.hl7-health.memroy",
            "did you mean `erp-apps.hl7-health.memory`?",
        ),
        (
            "hl7-helth.port.http",
            "did you mean `hl7-health.port.http`?",
        ),
        ("cluster.synrk", "did you mean `cluster.synrc`?"),
        ("imagse", "did you mean `images`?"),
        (
            "quite-something-else",
            "`erpc show services` lists what there is",
        ),
    ] {
        let ran = erpc(&["show", name, &path]);
        assert_eq!(ran.exit, Exit::Usage, "{name}");
        assert!(
            ran.out.is_empty() && ran.err.contains(wanted),
            "{name}: {}",
            ran.err
        );
    }
    let markdown = erpc(&["show", "hl7-health", &path, "--format", "markdown"]);
    assert_eq!(markdown.exit, Exit::Usage, "{}", markdown.err);
    let sarif = erpc(&["show", "hl7-health", &path, "--format", "sarif"]);
    assert_eq!(sarif.exit, Exit::Usage);
}

#[test]
fn yaml_and_json_say_the_same() {
    let yaml = show(&["erp-telemetry", "--format", "yaml"]);
    let from_yaml: Value = serde_saphyr::from_str(&yaml).expect("YAML");
    assert_eq!(from_yaml, json("erp-telemetry"));
    assert_eq!(
        show(&["hl7-health", "--format", "table"]),
        show(&["hl7-health"])
    );
}

/// A component by itself is in no namespace, so that its secrets are used where the component is.
#[test]
fn a_secret_that_a_component_reads_is_used_in_the_namespaces_of_its_services() {
    let program = "erp 1
platform shop { version \"1.0\"; cluster main }
tiers logic
cluster main { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns }
secret key { keys \"value\"; because \"calls the bank\" }
component Web() {
  image  \"shop/${service.name}:1.0\"
  port   http 8080
  cpu    100m..200m
  memory 64Mi..128Mi
  env    KEY from secret key.value
}
namespace shop { tier logic; service web is Web { access by port-forward } }
";
    let folder = tempfile::TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("platform.erp"), program).expect("the program");
    let ran = erpc(&[
        "show".as_ref(),
        "secret.key".as_ref(),
        folder.path().as_os_str(),
    ]);
    assert_eq!(ran.exit, Exit::Done, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("shop"), "{}", ran.out);
}
