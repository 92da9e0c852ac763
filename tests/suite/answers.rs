//! The commands that answer who may talk to whom, held to the catalogue of ERP/1: its edges and
//! implied flows are the rows of the matrix, and what is reached follows from them alone.

use std::collections::{BTreeMap, BTreeSet};

use erpc_answers::{AskedEnd, Why, opening};
use erpc_cli::Exit;
use erpc_model::{ExternalId, Peer};
use erpc_policy::{Connections, Party};
use erpc_tests::{Memory, erpc, repository};
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
            "the port belongs to the callee",
        ),
        ("hl7-healt", "kvs-database", "did you mean `hl7-health`?"),
    ] {
        let ran = erpc(&["why", from, to, root]);
        assert_eq!(ran.exit, Exit::Usage);
        assert!(ran.err.contains(message), "{}", ran.err);
    }
}

/// What would open a connection is not given where a `never` of the platform forbids it.
#[test]
fn why_gives_no_statement_that_a_never_forbids() {
    let said = answer(&["why", "erp-ai.ai-generation", "erp-security.ldap-directory"]);
    assert_eq!(said["allowed"], false);
    assert!(said["fix"].is_null(), "{said}");
    let never = text(&said["never"]["statement"]);
    assert_eq!(never, "never erp-ai.* => erp-security.ldap-directory");
    let root = repository();
    let root = root.to_str().expect("a path");
    let human = erpc(&[
        "why",
        "erp-ai.ai-generation",
        "erp-security.ldap-directory",
        root,
    ])
    .out;
    assert!(
        human.contains("the platform says that it must not be, in platform.erp:"),
        "{human}"
    );
    assert!(!human.contains("to allow it"), "{human}");
    let said = answer(&["why", "erp-ai.ai-generation", "erp-apps.lms-education"]);
    assert!(said["never"].is_null(), "{said}");
    assert!(said["fix"].is_object(), "{said}");
}

/// A platform with every kind of end, port and reason why a flow may not be written as another.
const EVERY_KIND: &str = "erp 1
platform shop { version \"1.0\"; domain \"shop.example\"; cluster main }
tiers data < logic < front
tiers data < aside
cluster main {
  kubernetes 1.36
  nodes      3 of cpu 8, memory 32Gi, in 10.0.0.0/24
  pods       10.1.0.0/16
  services   10.2.0.0/16
  api        10.0.0.1:6443
  dns        kube-dns
  cni        kindnet
  ingress    nginx by pods ingress-nginx \"app=nginx\"
}
component Web() { image \"shop/web:1.0\"; cpu 100m; memory 64Mi }
external bank { cidr 203.0.113.0/28; port https 443; port feed 9000/udp }
external office { cidr 198.51.100.0/28; dns \"office.example\"; port web 80 }
namespace data {
  tier data
  service store is Web {
    port sql 5432
  }
  service queue is Web {
    port client 4222
    port stream 7000..7009/udp
    port signal 3868/sctp
  }
}
namespace logic {
  tier logic
  service orders is Web {
    port  http 8080
    calls data.store:sql
    calls prices:grpc
  }
  service prices is Web {
    port grpc 9090
    calls data.queue:client
  }
  service dns is Web {
    port dns 53/udp
    port tcp 5353
    after orders
  }
}
namespace aside {
  tier aside
  service watcher is Web {
    port  web 80 -> 8081
    calls data.*:client observes
  }
  job nightly is Web {
    calls data.store:sql
  }
}
namespace front {
  tier front
  service shop is Web {
    port   main 8000
    port   admin 9000
    health http \"/\" on main
    expose main at \"shop.shop.example\"
    expose main at \"orders.shop.example\"
    calls  logic.orders:http
  }
}
never internet -> data.store
never front.shop => data.queue:signal
never front.* -> data.*
never aside.watcher => bank:https
never office -> logic.*:grpc
";

/// The line behind which a service's block begins.
fn in_block(program: &str, service: &str, statement: &str) -> String {
    let (_, name) = service.split_once('.').expect("a namespace");
    let head = format!(" {name} is Web {{\n");
    let at = program.find(&head).expect("the service") + head.len();
    format!("{}    {statement}\n{}", &program[..at], &program[at..])
}

/// Every statement that `why` gives, for every pair of ends and every port: the program with it compiles, and
/// the one may talk to the other then; what it gives none for because of a `never` breaks that one.
#[test]
fn every_statement_that_why_gives_compiles_and_opens_what_was_asked_for() {
    let compiled = Memory::of(EVERY_KIND).compile();
    let found = compiled.diagnostics.as_slice();
    assert!(!compiled.diagnostics.has_errors(), "{found:?}");
    let (platform, derived) = compiled.result.expect("a platform");
    let connections = Connections::of(&platform, &derived);
    let services = platform.services().map(|(id, _)| Peer::Service(id));
    let externals = [0, 1].map(|id| Peer::External(ExternalId(id)));
    let others = [
        Peer::Internet,
        Peer::ClusterDns,
        Peer::ClusterApi,
        Peer::ClusterNodes,
    ];
    let peers: Vec<Peer> = services.chain(externals).chain(others).collect();
    let ask = |text: &str| AskedEnd::read(&platform, text).expect(text);
    let (mut given, mut forbidden, mut kinds) = (0, 0, BTreeSet::new());
    for from in &peers {
        for to in &peers {
            let mut ports: Vec<String> = platform
                .port_names(*to)
                .iter()
                .map(|p| format!(":{p}"))
                .collect();
            ports.push(String::new());
            if matches!(to, Peer::Internet | Peer::ClusterNodes) {
                ports = vec![":8443".to_owned(), ":123/udp".to_owned()];
            }
            for port in ports {
                let (from, to) = (platform.peer_name(*from), platform.peer_name(*to));
                let (from, to) = (ask(&from), ask(&format!("{to}{port}")));
                let why = Why::of(&platform, &derived, &connections, &from, &to);
                let (Some(caller), Some(called)) = (from.single(), to.single()) else {
                    panic!("{from:?} and {to:?} are one end each");
                };
                if !why.allowed.is_empty() || !why.routes.is_empty() {
                    continue;
                }
                let Some(opening) = opening(&platform, &derived, caller, called, to.port.as_ref())
                else {
                    continue;
                };
                let supposed = connections.and(&platform, &opening.opens);
                let never = erpc_check::forbidding(&platform, &derived, &supposed);
                let declared = format!("{EVERY_KIND}{}\n", opening.declaration);
                let said = opening.block.map(|id| platform.path(id));
                let said = said.map(|service| in_block(EVERY_KIND, &service, &opening.statement));
                for program in [declared].into_iter().chain(said) {
                    let compiled = Memory::of(program).compile();
                    let errors: Vec<&str> = compiled
                        .diagnostics
                        .as_slice()
                        .iter()
                        .filter(|d| d.severity() == erpc_diagnostics::Severity::Error)
                        .map(|d| d.code.id)
                        .collect();
                    if never.is_some() {
                        assert!(
                            errors.contains(&"E0440"),
                            "{}: {errors:?}",
                            opening.declaration
                        );
                        forbidden += 1;
                        continue;
                    }
                    assert_eq!(errors, [""; 0], "{}", opening.declaration);
                    let (platform, derived) = compiled.result.expect("a platform");
                    let connections = Connections::of(&platform, &derived);
                    let why = Why::of(&platform, &derived, &connections, &from, &to);
                    let is_open = !why.allowed.is_empty() || !why.routes.is_empty();
                    assert!(is_open, "{}", opening.declaration);
                    given += 1;
                    let words: Vec<&str> = opening.declaration.split(' ').collect();
                    kinds.insert(match words.as_slice() {
                        ["expose", _, how, ..] => format!("expose {how}"),
                        [.., last] if ["observes", "optional"].contains(last) => (*last).to_owned(),
                        [first, ..] => (*first).to_owned(),
                        [] => String::new(),
                    });
                }
            }
        }
    }
    let all = ["allow", "expose as", "expose at", "observes", "optional"];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), all);
    assert!(given > 150 && forbidden > 20, "{given} {forbidden}");
}

/// What a rule or the cluster block lacks for the statement is said beside it.
#[test]
fn why_says_what_the_program_asks_for_beside_the_statement() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let root = folder.path().to_str().expect("a path").to_owned();
    let needs = |program: String, from: &str, to: &str| -> Vec<String> {
        std::fs::write(folder.path().join("platform.erp"), program).expect("written");
        let ran = erpc(&["why", from, to, &root, "--format", "json"]);
        assert_eq!(ran.exit, Exit::Done, "{}{}", ran.err, ran.out);
        let said: Value = serde_json::from_str(&ran.out).expect("JSON");
        list(&said["fix"]["needs"]).iter().map(text).collect()
    };
    let (dns, orders) = ("logic.dns", "logic.orders:http");
    assert_eq!(needs(EVERY_KIND.to_owned(), dns, orders), [""; 0]);
    let rule = "rule reasons for flow f { require f.from.name != \"logic.dns\" or f.because != off, \"say why\" }\n";
    let asked = needs(format!("{EVERY_KIND}{rule}"), dns, orders);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with("say why (E08"), "{asked:?}");
    let without = EVERY_KIND.replace("  api        10.0.0.1:6443\n", "");
    let asked = needs(without, dns, "cluster.api");
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(
        asked[0].ends_with("(E0407); add `api 10.0.0.1:6443`"),
        "{asked:?}"
    );
}

/// The world comes by a route only to what speaks HTTP.
#[test]
fn why_gives_a_route_or_an_address_by_what_the_port_speaks() {
    let compiled = Memory::of(EVERY_KIND).compile();
    let (platform, derived) = compiled.result.expect("a platform");
    let given = |to: &str| {
        let to = AskedEnd::read(&platform, to).expect(to);
        let called = to.single().expect("one end");
        let world = Party::Peer(Peer::Internet);
        let opening = opening(&platform, &derived, world, called, to.port.as_ref());
        opening.expect("a statement").statement
    };
    assert_eq!(given("data.queue:client"), "expose client as loadbalancer");
    assert_eq!(given("data.queue:stream"), "expose stream as loadbalancer");
    assert_eq!(given("front.shop:admin"), "expose admin as loadbalancer");
    assert_eq!(
        given("aside.watcher"),
        "expose web at \"watcher.shop.example\""
    );
    // The host of that name leads to another service.
    assert_eq!(
        given("logic.orders"),
        "expose http at \"orders.logic.shop.example\""
    );
}
