//! The library: each component is documented, and makes a service that needs nothing else.

use erpc_diagnostics::{Severity, Style, render_human};
use erpc_tests::Memory;

/// How each component of the library is used, with all that it demands.
const USES: [(&str, &str, &str); 13] = [
    ("std.beam.Release", "Release", "port http 8080"),
    ("std.web.Http", "Http(image: \"a/b:1\")", ""),
    (
        "std.store.Stateful",
        "Stateful(image: \"a/b:1\", port: 5000, size: 1Gi, path: \"/data\")",
        "",
    ),
    ("std.store.Postgres", "Postgres(size: 1Gi)", ""),
    ("std.registry.Oci", "Oci", ""),
    ("std.ingress.Traefik", "Traefik", ""),
    ("std.observe.Prometheus", "Prometheus", ""),
    ("std.observe.Grafana", "Grafana", ""),
    ("std.observe.Loki", "Loki", ""),
    ("std.observe.OtelCollector", "OtelCollector", ""),
    ("std.observe.Alertmanager", "Alertmanager", ""),
    ("std.observe.KubeStateMetrics", "KubeStateMetrics", ""),
    ("std.job.Once", "Once(image: \"a/b:1\")", ""),
];

fn components() -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for module in erpc_model::modules() {
        let text = erpc_model::stdlib(module).unwrap_or_default();
        let mut before = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("component ") {
                let end = rest.find(['(', ' ', '{']).unwrap_or(rest.len());
                let is_documented = before.starts_with("## ");
                found.push((format!("std.{module}.{}", &rest[..end]), is_documented));
            }
            before = line;
        }
    }
    found
}

#[test]
fn every_component_is_documented_and_tested() {
    for (name, is_documented) in components() {
        assert!(is_documented, "{name} has no `##`");
        assert!(
            USES.iter().any(|(used, ..)| *used == name),
            "{name} has no line in USES"
        );
    }
}

#[test]
fn every_component_makes_a_sound_workload() {
    for (name, base, extra) in USES {
        let kind = if name.starts_with("std.job.") {
            "job"
        } else {
            "service"
        };
        let access = if kind == "job" {
            ""
        } else {
            "access by port-forward"
        };
        let text = format!(
            "erp 1\nuse {name}\nplatform p {{ version \"1\"; cluster c; registries \"registry.k8s.io\" }}\ntiers t\ncluster c {{ kubernetes 1.36; storage s default; api 10.0.0.1:6443 }}\nnamespace n {{\n  tier t\n  {kind} s is {base} {{\n    {access}\n    {extra}\n  }}\n}}\n"
        );
        let compiled = Memory::of(text).compile();
        let shown = render_human(&compiled.diagnostics, &compiled.sources, Style::PLAIN, None);
        assert!(compiled.diagnostics.is_empty(), "{name}: {shown}");
        let Some((platform, derived)) = &compiled.result else {
            panic!("{name} makes no platform");
        };
        let service = &platform.services[0];
        assert!(
            service.properties.run.is_some(),
            "{name} says who it runs as"
        );
        if kind == "service" {
            assert!(service.main.probes.ready.is_some(), "{name} has no `ready`");
            assert!(service.main.probes.live.is_some(), "{name} has no `live`");
        }
        let files = erpc_emit::objects(platform, derived, &compiled.sources);
        assert!(files.iter().any(|file| file.path.starts_with("lib/n/s/")));
    }
}

#[test]
fn a_folder_replaces_modules_of_the_library() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    std::fs::write(
        folder.path().join("web.erp"),
        "## Ours.\ncomponent Http(image: String) { image image; port http 1234; cpu 1; memory 1Gi }\n",
    )
    .expect("a module");
    let platform = folder.path().join("platform.erp");
    std::fs::write(
        &platform,
        "erp 1\nuse std.web.Http\nplatform p { version \"1\"; cluster c }\ntiers t\ncluster c { kubernetes 1.36 }\nnamespace n { tier t; service s is Http(image: \"a/b:1\") { access by port-forward } }\n",
    )
    .expect("a program");
    let arguments = [
        "build".as_ref(),
        platform.as_os_str(),
        "--stdlib".as_ref(),
        folder.path().as_os_str(),
    ];
    let ran = erpc_tests::erpc(&arguments);
    assert_eq!(ran.exit, erpc_cli::Exit::Done, "{}", ran.err);
    let service =
        std::fs::read_to_string(folder.path().join("lib/n/s/service.yaml")).expect("the Service");
    assert!(service.contains("port: 1234"), "{service}");
}

#[test]
fn warnings_are_not_errors() {
    let compiled = Memory::of("erp 1\nuse std.web.Http\nplatform p { version \"1\"; cluster c }\ntiers t\ncluster c { }\n").compile();
    assert_eq!(compiled.diagnostics.count(Severity::Error), 0);
    assert_eq!(compiled.diagnostics.count(Severity::Warning), 1);
    assert!(compiled.result.is_some());
}
