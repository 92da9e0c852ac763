//! The table of network plugins in `docs/network-policies.md`, held against what the compiler says: each
//! cell is a platform with a flow that needs the ability on a cluster with the plugin.

use erpc_tests::{Memory, repository};

/// What the columns of the table ask: a service's statements, and those of the program.
const COLUMNS: [(&str, &str, &str); 5] = [
    ("ranges", "calls agent:many", ""),
    ("sctp", "calls agent:signal", ""),
    ("nodes", "calls cluster.nodes:10250 observes", ""),
    (
        "nodes",
        "",
        "allow cluster.nodes -> shop.agent:http observes",
    ),
    ("translation", "calls agent:moved", ""),
];

fn program(cni: &str, service: &str, statement: &str) -> String {
    format!(
        "erp 1
platform shop {{ version \"1.0\"; cluster main }}
tiers logic
cluster main {{ kubernetes 1.36; nodes 2 of cpu 4, memory 8Gi, in 10.0.0.0/24; dns kube-dns; {cni} }}
component Web() {{ image \"shop/web:1.0\"; cpu 100m; memory 64Mi; access by port-forward }}
namespace shop {{
  tier logic
  service agent is Web {{ port http 8080; port many 9100..9115; port signal 3868/sctp; port moved 81 -> 8081 }}
  service web is Web {{ {service} }}
}}
{statement}
"
    )
}

/// The codes of what is found.
fn found(program: &str) -> Vec<&'static str> {
    let compiled = Memory::of(program).compile();
    let found = compiled.diagnostics.as_slice().iter();
    found.map(|diagnostic| diagnostic.code.id).collect()
}

/// The rows of the table: the plugin's name and its five cells.
fn rows() -> Vec<(String, Vec<String>)> {
    let path = repository().join("docs/network-policies.md");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let name = cells[0].trim_matches('`').to_owned();
            (name, cells[1..6].iter().map(|c| (*c).to_owned()).collect())
        })
        .collect()
}

#[test]
fn the_table_of_plugins_is_what_the_compiler_says() {
    let rows = rows();
    assert_eq!(rows.len(), 13, "{rows:?}");
    for (name, cells) in rows {
        for (cell, (word, service, statement)) in cells.iter().zip(COLUMNS) {
            let expected: &[&str] = match cell.as_str() {
                "yes" => &[],
                "no" => &["E0410"],
                "ask" => &["E0407"],
                other => panic!("{name}: {other}"),
            };
            let plain = program(&format!("cni {name}"), service, statement);
            assert_eq!(found(&plain), expected, "{name}: {word}: {plain}");
            let told = program(&format!("cni {name} with {word}"), service, statement);
            assert_eq!(found(&told), [""; 0], "{name} with {word}: {told}");
        }
    }
}

#[test]
fn a_plugin_that_nobody_names_is_a_missing_fact_where_a_flow_needs_one() {
    for (word, service, statement) in COLUMNS {
        assert_eq!(found(&program("", service, statement)), ["E0407"], "{word}");
        let unknown = program("cni homemade", service, statement);
        assert_eq!(found(&unknown), ["E0407"], "{word}");
    }
    assert_eq!(found(&program("", "calls agent:http", "")), [""; 0]);
}

#[test]
fn one_plugin_that_nobody_names_is_one_finding() {
    let all: Vec<&str> = COLUMNS.iter().map(|(_, service, _)| *service).collect();
    let program = program("", &all.join("; "), COLUMNS[3].2);
    assert_eq!(found(&program), ["E0407"]);
}

#[test]
fn plugins_that_enforce_nothing_are_a_warning() {
    for name in ["bridge", "flannel"] {
        let plain = program(
            &format!("cni {name}"),
            "calls cluster.nodes:10250 observes",
            "",
        );
        assert_eq!(found(&plain), ["W0414"], "{name}");
    }
}

/// An API server that runs on a node has the node's address.
#[test]
fn an_api_server_on_a_node_is_a_node_to_a_policy() {
    let at = |api: &str, cni: &str| {
        let text = program(
            &format!("{cni}; api {api}:6443"),
            "calls cluster.api observes",
            "",
        );
        found(&text)
    };
    assert_eq!(at("10.0.0.2", "cni cilium"), ["E0410"]);
    assert_eq!(at("10.0.0.2", "cni calico"), [""; 0]);
    assert_eq!(at("10.9.9.9", "cni cilium"), [""; 0]);
}
