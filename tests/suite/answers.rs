//! The commands that answer who may talk to whom, held to the catalogue of ERP/1: its edges and
//! implied flows are the rows of the matrix, and what is reached follows from them alone.

use std::collections::{BTreeMap, BTreeSet};

use erpc_cli::Exit;
use erpc_tests::{erpc, repository};
use serde_json::Value;

/// A caller, a called and a port by its name.
type Cell = (String, String, String);

/// The answer of a command about the platform ERP/1, as JSON.
fn answer(arguments: &[&str]) -> Value {
    let root = repository();
    let root = root.to_str().expect("a path");
    let ran = erpc(&[arguments, &[root, "--format", "json"]].concat());
    assert_eq!(ran.exit, Exit::Done, "{arguments:?}: {}", ran.err);
    serde_json::from_str(&ran.out).expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn expected() -> Value {
    let path = repository().join("tests/data/erp1.json");
    let catalogue = std::fs::read_to_string(path).expect("the catalogue");
    serde_json::from_str::<Value>(&catalogue).expect("JSON")["expected"].clone()
}

fn declared() -> BTreeSet<Cell> {
    let expected = expected();
    let edges = list(&expected["edges"]).iter();
    edges
        .map(|edge| {
            let from = text(&edge["from"]);
            let to = text(&edge["to"]);
            (from, to, edge["port"].as_str().unwrap_or("").to_owned())
        })
        .collect()
}

/// The rows of the matrix that are not declared: by kind, the ends and the port.
fn implied() -> BTreeSet<(String, String, String)> {
    let expected = expected();
    let implied = &expected["implied"];
    let pair = |pair: &Value| (text(&pair[0]), text(&pair[1]));
    let mut cells = BTreeSet::new();
    for service in list(&implied["dns"]) {
        cells.insert((text(service), "cluster.dns".to_owned(), "dns".to_owned()));
    }
    let controller = "erp-infra.traefik-ingress";
    for routed in list(&implied["controller"]) {
        cells.insert((controller.to_owned(), pair(routed).0, pair(routed).1));
    }
    for exposed in list(&implied["world"]) {
        cells.insert(("internet".to_owned(), pair(exposed).0, pair(exposed).1));
    }
    cells
}

fn cell(row: &Value) -> Cell {
    (text(&row["from"]), text(&row["to"]), text(&row["port"]))
}

#[test]
fn the_matrix_is_that_of_the_catalogue() {
    let matrix = answer(&["flows", "*", "*"]);
    let rows = list(&matrix["flows"]);
    assert_eq!(rows.len(), 133);
    let is_numbered = |to: &str| matches!(to, "cluster.api" | "cluster.nodes" | "internet");
    let unnumbered = |cells: BTreeSet<Cell>| -> BTreeSet<Cell> {
        let without = |(from, to, port): Cell| match is_numbered(&to) {
            true => (from, to, String::new()),
            false => (from, to, port),
        };
        cells.into_iter().map(without).collect()
    };
    let ours = unnumbered(rows.iter().map(cell).collect());
    assert_eq!(ours, unnumbered(declared()));
    for row in rows {
        let place = text(&row["place"]);
        // A component may bring a flow along: then it is said in the library.
        let (file, line) = place.split_once(':').expect("a file and a line");
        assert!(
            file == "platform.erp" || file.starts_with("stdlib/"),
            "{place}"
        );
        assert!(line.parse::<usize>().is_ok());
        let statement = text(&row["statement"]);
        assert!(
            statement.starts_with("allow ") || statement.starts_with("calls "),
            "{statement}"
        );
    }
}

#[test]
fn the_implied_rows_are_those_of_the_catalogue() {
    let all = answer(&["flows", "*", "*", "--implied"]);
    let rows = list(&all["flows"]).iter();
    let ours: BTreeSet<Cell> = rows
        .filter(|row| row["kind"] != "flow")
        .map(|row| match text(&row["kind"]).as_str() {
            "dns" => (text(&row["from"]), text(&row["to"]), "dns".to_owned()),
            _ => cell(row),
        })
        .collect();
    assert_eq!(ours, implied());
}

#[test]
fn the_table_by_namespace_sums_the_matrix_and_has_no_cell_beside() {
    let sums = answer(&["flows", "*", "*", "--by", "namespace"]);
    let group = |end: &str| match end.split_once('.') {
        Some(("cluster", _)) | None => end.to_owned(),
        Some((namespace, _)) => namespace.to_owned(),
    };
    let mut wanted: BTreeMap<(String, &str, String), u64> = BTreeMap::new();
    for (from, to, _) in declared() {
        let (from, to) = (group(&from), group(&to));
        *wanted
            .entry((from.clone(), "egress", to.clone()))
            .or_default() += 1;
        *wanted.entry((to, "ingress", from)).or_default() += 1;
    }
    wanted.retain(|(of, ..), _| of.starts_with("erp-"));
    let mut ours = BTreeMap::new();
    for row in list(&sums["namespaces"]) {
        for direction in ["egress", "ingress"] {
            for other in list(&row[direction]) {
                let key = (text(&row["namespace"]), direction, text(&other["with"]));
                ours.insert(key, other["flows"].as_u64().expect("a number"));
                assert!(!list(&other["ports"]).is_empty());
            }
        }
    }
    assert_eq!(ours, wanted);
}

/// Distances from somebody over the catalogue's cells, through services only.
fn distances(start: &str, cells: &BTreeSet<Cell>, is_to: bool) -> BTreeMap<String, usize> {
    let is_service = |name: &str| name.starts_with("erp-");
    let mut known = BTreeMap::from([(start.to_owned(), 0)]);
    let mut edge = vec![start.to_owned()];
    for hops in 1.. {
        let mut next = Vec::new();
        for here in &edge {
            for (from, to, _) in cells {
                let (near, far) = if is_to { (to, from) } else { (from, to) };
                if near == here && !known.contains_key(far) {
                    known.insert(far.clone(), hops);
                    if is_service(far) {
                        next.push(far.clone());
                    }
                }
            }
        }
        if next.is_empty() {
            break;
        }
        edge = next;
    }
    known.remove(start);
    known
}

#[test]
fn what_is_reached_follows_from_the_catalogue() {
    let cells: BTreeSet<Cell> = declared().into_iter().chain(implied()).collect();
    for (name, is_to) in [
        ("internet", false),
        ("erp-apps.hl7-health", false),
        ("erp-telemetry.prometheus", false),
        ("erp-services.kvs-database", true),
        ("erp-telemetry.grafana", true),
        ("cluster.api", true),
        ("cluster.dns", false),
    ] {
        let reached = if is_to {
            answer(&["reach", "--to", name])
        } else {
            answer(&["reach", name])
        };
        let mut ours = BTreeMap::new();
        for way in list(&reached["ways"]) {
            let hops = list(&way["hops"]);
            ours.insert(text(&way["name"]), hops.len());
            // Each way is one: it starts and ends where it should, and each hop is a cell.
            let (start, end) = (text(&hops[0]["from"]), text(&hops[hops.len() - 1]["to"]));
            let other = text(&way["name"]);
            if is_to {
                assert_eq!((start.as_str(), end.as_str()), (other.as_str(), name));
            } else {
                assert_eq!((start.as_str(), end.as_str()), (name, other.as_str()));
            }
            for pair in hops.windows(2) {
                assert_eq!(pair[0]["to"], pair[1]["from"]);
            }
        }
        assert_eq!(ours, distances(name, &cells, is_to), "{name}");
    }
}

#[test]
fn every_format_has_every_flow() {
    let root = repository();
    let root = root.to_str().expect("a path");
    let ran = |format| erpc(&["flows", root, "--format", format]).out;
    assert_eq!(ran("csv").lines().count(), 1 + 133);
    assert_eq!(ran("markdown").lines().count(), 2 + 133);
    assert_eq!(ran("table").lines().count(), 1 + 133);
    let pairs: BTreeSet<(String, String)> = declared()
        .into_iter()
        .map(|(from, to, _)| (from, to))
        .collect();
    assert_eq!(ran("mermaid").matches("-->|").count(), pairs.len());
    let dot = ran("dot");
    for (from, to) in pairs {
        assert!(
            dot.contains(&format!("\"{from}\" -> \"{to}\" [")),
            "{from} {to}"
        );
    }
}

#[test]
fn a_name_that_is_not_there_is_wrong_usage_with_the_nearest() {
    let root = repository();
    let root = root.to_str().expect("a path");
    for (arguments, hint) in [
        (
            &["reach", "kvs-databas"][..],
            "did you mean `kvs-database`?",
        ),
        (&["reach", "erp-app.*"], "did you mean `erp-apps`?"),
        (&["reach", "erp-apps.hl7"], "known: "),
        (&["reach", "cluster.pods"], "a cluster has no `pods`"),
        (&["flows", "hl7-health", "kvs:99999"], "99999 is no port"),
        (&["flows", "10.0.0.0/8:http", "*"], "say its number"),
    ] {
        let ran = erpc(&[arguments, &[root]].concat());
        assert_eq!(ran.exit, Exit::Usage, "{arguments:?}");
        assert!(ran.err.contains(hint), "{arguments:?}: {}", ran.err);
        assert!(ran.out.is_empty());
    }
}

#[test]
fn why_names_the_flow_and_a_rule_on_each_side_of_every_edge() {
    for (from, to, port) in declared().into_iter().step_by(7) {
        let named = if port.is_empty() {
            to.clone()
        } else {
            format!("{to}:{port}")
        };
        let said = answer(&["why", &from, &named]);
        assert_eq!(said["allowed"], true, "{from} {named}: {said}");
        let through = &said["through"][0];
        let place = through["place"].as_str().unwrap_or_default();
        assert!(place.starts_with("platform.erp:"), "{from} {named}: {said}");
        let sides = [(&from, "egress"), (&to, "ingress")];
        let wanted: Vec<String> = sides
            .into_iter()
            .filter(|(end, _)| end.starts_with("erp-"))
            .map(|(end, direction)| {
                let file = end.replace('.', "/");
                format!("lib/{file}/networkpolicy.yaml {direction}")
            })
            .collect();
        let rules = list(&through["rules"]).iter();
        let rules: Vec<String> = rules
            .map(|rule| format!("{} {}", text(&rule["file"]), text(&rule["direction"])))
            .collect();
        assert_eq!(rules, wanted, "{from} {named}");
    }
}

/// What `why` says would allow a connection does, in a copy of the program.
#[test]
fn the_statement_that_why_gives_opens_what_was_asked_for() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args(["platform.erp", "policies.erp", "config"].map(|name| repository().join(name)))
        .arg(folder.path())
        .status()
        .expect("cp runs");
    assert!(copied.success());
    let file = folder.path().join("platform.erp");
    let source = std::fs::read_to_string(&file).expect("the program");
    let root = folder.path().to_str().expect("a path").to_owned();
    let ask = |from: &str, to: &str| -> Value {
        let ran = erpc(&["why", from, to, &root, "--format", "json"]);
        assert_eq!(ran.exit, Exit::Done, "{}{}", ran.err, ran.out);
        serde_json::from_str(&ran.out).expect("JSON")
    };
    for (from, to) in [
        ("erp-apps.hl7-health", "erp-security.ias-auth:http"),
        ("erp-apps.hl7-health", "erp-apps.lms-education"),
        ("erp-telemetry.prometheus", "erp-apps.hl7-health:http"),
        ("erp-services.bpe-engine", "internet:443"),
        ("erp-telemetry.grafana", "cluster.api"),
    ] {
        std::fs::write(&file, &source).expect("written");
        let said = ask(from, to);
        assert_eq!(said["allowed"], false, "{from} {to}");
        let place = text(&said["fix"]["place"]);
        let (_, line) = place.rsplit_once(':').expect("a line");
        let line: usize = line.parse().expect("a number");
        let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
        // A rule of ERP/1 asks every flow for its reason.
        let statement = text(&said["fix"]["statement"]);
        lines.insert(line, format!("{statement} because \"a test\""));
        std::fs::write(&file, lines.join("\n") + "\n").expect("written");
        let now = ask(from, to);
        assert_eq!(now["allowed"], true, "{from} {to}: {now}");
    }
}

#[test]
fn why_knows_the_world_addresses_and_routes() {
    let said = answer(&["why", "internet", "erp-services.nitro-portal"]);
    assert_eq!(said["allowed"], false);
    assert_eq!(
        text(&said["routes"][0]["from"]),
        "erp-infra.traefik-ingress"
    );
    assert!(said["fix"].is_null(), "{said}");
    let said = answer(&["why", "203.0.113.7", "erp-infra.traefik-ingress:web"]);
    assert_eq!(said["allowed"], true);
    // An address of the pods is no caller from outside.
    let said = answer(&["why", "10.244.1.1", "erp-infra.traefik-ingress:web"]);
    assert_eq!(said["allowed"], false);
    let said = answer(&["why", "erp-services.mail-delivery", "8.8.8.8:25"]);
    assert_eq!(said["allowed"], true);
    let said = answer(&["why", "erp-services.mail-delivery", "8.8.8.8:587"]);
    assert_eq!(said["allowed"], false);
    assert_eq!(list(&said["also_open"]).len(), 1, "{said}");
}

#[test]
fn why_is_about_one_end_on_each_side_and_a_port_that_is_there() {
    let root = repository();
    let root = root.to_str().expect("a path");
    for (from, to, message) in [
        ("erp-apps.*", "kvs-database", "means 9 services"),
        ("hl7-health", "kvs-database:kv", "did you mean `kvs`?"),
        (
            "hl7-health:http",
            "kvs-database",
            "the port is that of the called",
        ),
        ("hl7-healt", "kvs-database", "did you mean `hl7-health`?"),
    ] {
        let ran = erpc(&["why", from, to, root]);
        assert_eq!(ran.exit, Exit::Usage);
        assert!(ran.err.contains(message), "{}", ran.err);
    }
}

/// What would open a connection says which `never` of the platform it would break.
#[test]
fn why_says_which_never_forbids_what_would_open_it() {
    let said = answer(&["why", "erp-ai.ai-generation", "erp-security.ldap-directory"]);
    assert_eq!(said["allowed"], false);
    let never = text(&said["fix"]["forbidden_by"]["statement"]);
    assert_eq!(never, "never erp-ai.* => erp-security.ldap-directory");
    let said = answer(&["why", "erp-ai.ai-generation", "erp-apps.lms-education"]);
    assert!(said["fix"]["forbidden_by"].is_null(), "{said}");
}
