//! Rules and tests of a program: what `erpc test` prints and returns, what the library's rules find,
//! and that wrong expressions are findings, never panics.

use erpc_cli::Exit;
use erpc_model::rules::{Kind, members};
use erpc_tests::{Memory, compile_folder, erpc, repository};
use serde_json::Value;

const HEAD: &str = "erp 1
platform shop { version \"1.0\"; cluster main }
tiers data < logic
cluster main { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; api 172.18.0.2:6443; dns kube-dns; cni kindnet; storage local default; ingress nginx by pods ingress-nginx \"app.kubernetes.io/name=ingress-nginx\" }
component Web() { image \"shop/${service.name}:1.0\"; port http 8080; cpu 100m..200m; memory 64Mi..128Mi; access by port-forward }
namespace data { tier data; service db is Web { rto 2m } }
namespace shop { tier logic; service web is Web { calls db:http } }
";

fn written(text: &str) -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("platform.erp"), format!("{HEAD}{text}")).expect("written");
    folder
}

fn test(text: &str, more: &[&str]) -> erpc_tests::Ran {
    let folder = written(text);
    let mut arguments = vec!["test".as_ref(), folder.path().as_os_str()];
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    erpc(&arguments)
}

fn codes(text: &str) -> Vec<&'static str> {
    let compiled = Memory::of(format!("{HEAD}{text}")).compile();
    let found = compiled.diagnostics.as_slice().iter();
    found.map(|diagnostic| diagnostic.code.id).collect()
}

#[test]
fn the_tests_of_erp1_pass() {
    let ran = erpc(&["test".as_ref(), repository().as_os_str()]);
    assert_eq!(ran.exit, Exit::Done, "{}{}", ran.out, ran.err);
    assert!(ran.out.ends_with("7 tests passed\n"), "{}", ran.out);
}

#[test]
fn an_expectation_that_fails_shows_both_of_its_sides() {
    let text = "test \"small\" { expect shop.web.memory.max <= 64Mi }
test \"far\" { expect not reaches(shop.web, data.db) }
test \"each\" { expect all s in platform.services: s.rto != off }
test \"fine\" { expect shop.web.name == \"web\" }
";
    let ran = test(text, &[]);
    assert_eq!(ran.exit, Exit::Failed);
    assert_eq!(
        ran.out,
        "FAILED  small\nFAILED  far\nFAILED  each\nok      fine\n3 of 4 tests failed\n"
    );
    for part in [
        "128Mi",
        "64Mi",
        "shop.web → data.db:http",
        "s is shop.web",
        "off",
        "E0805",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    let ran = test(text, &["--format", "json"]);
    assert_eq!(ran.exit, Exit::Failed);
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(
        (&report["passed"], &report["failed"]),
        (&1.into(), &3.into())
    );
    let side = &report["tests"][0]["failures"][0]["sides"][0];
    assert_eq!(side["expression"], "shop.web.memory.max");
    assert_eq!(side["value"], "128Mi");
    let ran = test(text, &["--format", "junit"]);
    assert!(
        ran.out.contains("<testsuites tests=\"4\" failures=\"3\">"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("message=\"shop.web.memory.max &lt;= 64Mi\""),
        "{}",
        ran.out
    );
}

#[test]
fn a_filter_chooses_and_one_that_chooses_nothing_fails() {
    let text = "test \"one\" { expect shop.web.name == \"web\" }
test \"two\" { expect shop.web.name == \"db\" }
";
    let ran = test(text, &["--filter", "one"]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(ran.out, "ok      one\n1 test passed\n");
    let ran = test(text, &["--filter", "onne"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("did you mean `one`?"), "{}", ran.err);
    let ran = test("", &[]);
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Done, "no tests\n"));
    assert_eq!(test(text, &["--format", "sarif"]).exit, Exit::Usage);
}

#[test]
fn tests_run_where_nothing_but_rules_is_broken() {
    let rule =
        "rule small for service s { require s.memory.max <= 64Mi, \"`${s.name}` is large\" }\n";
    let ran = test(
        &format!(
            "{rule}test \"says\" {{ expect violations(small) == [\"`db` is large\", \"`web` is large\"]\n expect not holds(small, shop.web) }}\n"
        ),
        &[],
    );
    assert_eq!(ran.out, "ok      says\n1 test passed\n", "{}", ran.err);
    assert!(ran.err.contains("E0801"), "{}", ran.err);
    assert_eq!(ran.exit, Exit::Failed, "the platform itself has errors");
}

/// Each rule of the library with a platform that breaks it and the number of its findings; ERP/1
/// and `a-rule-is-kept` are where they stay silent.
#[test]
fn every_rule_of_the_library_finds_what_it_is_about() {
    let plain = "namespace more { tier logic; service one is Web { env DB_HUSH = \"letmein\" } }\n";
    let route = "secret tls { keys \"tls.crt\", \"tls.key\"; because \"routes\" }
namespace more { tier logic; service one is Web { expose http at \"shop.example\" } }\n";
    let open = "namespace more { tier logic; network open because \"not all flows are known\"; service one is Web { } }\n";
    let cases = [
        ("Pinned", "", "", 2),
        ("Pinned", "(digest: false)", "", 0),
        ("NoPlainSecrets", "(words: [\"hush\"])", plain, 1),
        ("NoPlainSecrets", "", "", 0),
        ("Limited", "(memory: 100Mi)", "", 2),
        ("Limited", "(cpu: 150m, memory: 100Mi)", "", 4),
        ("Limited", "", "", 0),
        ("Probed", "", "", 4),
        ("Encrypted", "", route, 1),
        ("Encrypted", "", "", 0),
        ("Explained", "", "", 1),
        ("Isolated", "", open, 1),
        ("Isolated", "", "", 0),
    ];
    for (rule, arguments, more, findings) in cases {
        let text = format!("use std.rules.{rule}\nrule on is {rule}{arguments}\n{more}");
        let found = codes(&text);
        let broken = found.iter().filter(|id| **id == "E0801").count();
        assert_eq!(broken, findings, "{rule}{arguments}: {found:?}");
        assert!(
            found
                .iter()
                .all(|id| !id.starts_with('E') || *id == "E0801"),
            "{rule}: {found:?}"
        );
    }
    let text = erpc_model::stdlib("rules").expect("the module");
    for line in text.lines().filter_map(|line| line.strip_prefix("rule ")) {
        let name = line.split(['(', ' ']).next().unwrap_or(line);
        assert!(
            cases.iter().any(|(rule, ..)| *rule == name),
            "{name} has no case"
        );
    }
}

/// Every member of every kind has a value of the type that it says, over platforms that have each.
#[test]
fn every_member_can_be_asked() {
    let everything = repository().join("tests/platforms/everything");
    let compiled = compile_folder(&everything);
    assert!(compiled.result.is_some());
    let roots = [
        (Kind::Platform, "[platform]"),
        (Kind::Namespace, "platform.namespaces"),
        (Kind::Service, "platform.services"),
        (Kind::Flow, "platform.flows"),
        (Kind::Route, "platform.routes"),
        (Kind::Container, "[s.main for s in platform.services]"),
        (Kind::Image, "[s.image for s in platform.services]"),
        (Kind::Peer, "[f.from for f in platform.flows]"),
    ];
    let asked = [
        (Kind::Env, "platform.services", "env"),
        (Kind::Port, "platform.services", "ports"),
        (Kind::Volume, "platform.services", "volumes"),
        (Kind::Config, "platform.services", "configs"),
        (Kind::Grant, "platform.namespaces", "grants"),
    ];
    let mut expectations = Vec::new();
    for (kind, list) in roots {
        for member in members(kind) {
            expectations.push(format!(
                "all x in {list}: \"${{x.{}}}\" != \"?\"",
                member.name
            ));
        }
    }
    for (kind, list, inner) in asked {
        for member in members(kind) {
            expectations.push(format!(
                "all x in {list}: all y in x.{inner}: \"${{y.{}}}\" != \"?\"",
                member.name
            ));
        }
    }
    for member in members(Kind::Probe) {
        expectations.push(format!(
            "all s in platform.services: s.ready == off or \"${{s.ready.{}}}\" != \"?\"",
            member.name
        ));
    }
    let source = std::fs::read_to_string(everything.join("platform.erp")).expect("the source");
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    for entry in std::fs::read_dir(&everything)
        .expect("the folder")
        .flatten()
    {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
        }
    }
    let body: String = expectations
        .iter()
        .map(|e| format!("  expect {e}\n"))
        .collect();
    let text = format!("{source}\ntest \"members\" {{\n{body}}}\n");
    std::fs::write(folder.path().join("platform.erp"), text).expect("written");
    let ran = erpc(&[
        "test".as_ref(),
        folder.path().as_os_str(),
        "--filter".as_ref(),
        "members".as_ref(),
    ]);
    assert_eq!(ran.exit, Exit::Done, "{}{}", ran.out, ran.err);
}

#[test]
fn expressions_of_any_depth_and_size_are_findings_or_hold() {
    let deep = format!("{}s.name{}", "(".repeat(200), ")".repeat(200));
    let cases = [
        format!("rule r for service s {{ require {deep} != \"\", \"x\" }}\n"),
        "rule r for service s { require 99999999999999999999 > s.ports, \"x\" }\n".to_owned(),
        "rule r for service s { require s.cpu.max * 9223372036854775807 * 9 > 1m, \"x\" }\n".to_owned(),
        "rule r for service s { require [x for x in [] if x] == [], \"x\" }\n".to_owned(),
        "rule r for service s { require all a in platform.services: all b in platform.services: a != b or a == b, \"x\" }\n".to_owned(),
        "rule r for service s { require - s.memory.max > 1Mi, \"x\" }\n".to_owned(),
        "rule r for flow f { require f.from.service.name == \"web\", \"x\" }\n".to_owned(),
        "rule r for service s { require s.*.name == 1, \"x\" }\n".to_owned(),
        "rule r for service s { require 10.0.0.0/8 == 10.0.0.0/8, \"x\" }\n".to_owned(),
        "rule r for service s { require s.replicas == 1..1, \"${s} ${s.replicas} ${s.ports}\" }\n".to_owned(),
        "rule r is r\nrule R for service s { require true, \"x\" }\nrule q is R(1)\n".to_owned(),
        "rule\nrule r\nrule r for\nrule r for service\nrule r for service s\n".to_owned(),
        "test\ntest \"a\"\ntest \"${platform.name}\" { expect true }\n".to_owned(),
    ];
    for case in cases {
        let found = codes(&case);
        assert!(found.len() < 20, "{case}: {found:?}");
    }
}
