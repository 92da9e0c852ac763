//! Platforms of any size for measuring: every kind of declaration, comments, components with
//! arguments, wildcards, a scrape flow, several files, three flows for each service.

use std::fmt::Write;

use crate::Memory;

/// How many services a generated namespace has.
const SERVICES_OF_A_NAMESPACE: usize = 20;
/// How many namespaces a generated file has.
const NAMESPACES_OF_A_FILE: usize = 10;

/// A platform of about `services` services, the root file and as many others as it takes.
#[must_use]
pub fn platform_of(services: usize) -> Memory {
    let namespaces = services.div_ceil(SERVICES_OF_A_NAMESPACE).max(1);
    let files = namespaces.div_ceil(NAMESPACES_OF_A_FILE);
    let mut program = Memory::of(root(files, services));
    let mut left = services;
    for file in 0..files {
        let mut text = String::from("erp 1\n\n# Generated for measuring.\n");
        for namespace in
            file * NAMESPACES_OF_A_FILE..namespaces.min((file + 1) * NAMESPACES_OF_A_FILE)
        {
            let count = left.min(SERVICES_OF_A_NAMESPACE);
            left -= count;
            write_namespace(&mut text, namespace, count);
        }
        program = program.with(&format!("part-{file}.erp"), text);
    }
    program
}

fn root(files: usize, services: usize) -> String {
    // So many that one may be lost at the greatest scale of all services.
    let nodes = 50 + services / 300;
    let mut text = String::from(
        r#"erp 1

use std.beam.Release
use std.observe.Prometheus
"#,
    );
    for file in 0..files {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "use \"part-{file}.erp\"");
    }
    let platform = r#"
## A platform for measuring.
platform measured {
  version  "1.2.3"
  domain   "measured.example"
  registry "registry.example"
  registries "docker.io"
  cluster  main

  namespaces {
    quota  cpu 20..40, memory 20Gi..40Gi, pods 200
    grants get, list, watch on pods because "operators look"
  }
}

tiers infrastructure < application

cluster main {
  kubernetes 1.36
  nodes      NODES of cpu 64, memory 256Gi, reserved 1Gi, in 10.0.0.0/16
  pods       10.128.0.0/10
  services   10.96.0.0/12
  api        10.0.0.2:6443
  dns        kube-dns
  cni        calico
  storage    fast default create provisioner "csi.example" wait
  ingress    nginx by pods ingress-nginx "app.kubernetes.io/name=ingress-nginx"
}

let team: String = "measured"

## What the services have in common, with parameters of their own.
component Ours(number: Port, memory: Memory = 512Mi) is Release(image: "docker.io/${team}/${service.name}:${platform.version}") {
  port   http number
  memory 256Mi..memory
  env    TEAM = team
}

external bank {
  cidr 203.0.113.0/24
  dns  "bank.example"
  port https 443
}

namespace watch {
  tier infrastructure
  service prometheus is Prometheus { image "docker.io/prom/prometheus:v2.53.0"; access by port-forward }
}

allow watch.prometheus -> *.*:metrics observes because "scrape"
"#;
    text.push_str(&platform.replace("NODES", &nodes.to_string()));
    text
}

fn write_namespace(text: &mut String, number: usize, services: usize) {
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n## Namespace {number}.\nnamespace team-{number} {{\n  tier application\n  slo  availability 99.9%\n"
    );
    for service in 0..services {
        write_service(text, number, service);
    }
    let _ = writeln!(text, "}}");
    if services > 1 {
        let _ = writeln!(
            text,
            "allow team-{number}.* -> team-{number}.service-0:http because \"the state of the team\""
        );
    }
}

fn write_service(text: &mut String, namespace: usize, service: usize) {
    let port = 8000 + service;
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n  ## Service {service} of namespace {namespace}.\n  service service-{service} is Ours(number: {port}) {{\n    title \"Service {service}\" # for people\n"
    );
    let _ = match service % 5 {
        0 => writeln!(
            text,
            "    replicas 2\n    volume data 10Gi at \"/var/lib/data\"\n    slo latency p95 < 100ms\n    rto 5m"
        ),
        1 => writeln!(text, "    scale 2..6 on cpu 75%, memory 80%"),
        2 => writeln!(
            text,
            "    config settings-{service} {{ \"settings.json\" = \"{{}}\" }} at \"/etc/settings\""
        ),
        3 => writeln!(
            text,
            "    expose http at \"{namespace}.measured.example/{service}\""
        ),
        _ => writeln!(text, "    calls bank:https optional because \"payments\""),
    };
    if service > 2 {
        let _ = writeln!(
            text,
            "    calls service-{}:http optional",
            (service - 1) / 2
        );
    }
    if service > 2 && namespace > 0 {
        let _ = writeln!(
            text,
            "    calls team-{}.service-{service}:http optional because \"the team before\"",
            namespace - 1
        );
    }
    let _ = writeln!(text, "  }}");
}

/// The worst case for policies: every service may call every other one on each of its ten ports.
#[must_use]
pub fn dense_platform(services: usize) -> Memory {
    let mut text = root(0, services);
    for namespace in 0..services.div_ceil(SERVICES_OF_A_NAMESPACE) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "namespace all-{namespace} {{\n  tier application");
        let first = namespace * SERVICES_OF_A_NAMESPACE;
        for service in first..services.min(first + SERVICES_OF_A_NAMESPACE) {
            let _ = writeln!(text, "  service s-{service} is Ours(number: 8000) {{");
            for port in 1..10 {
                let _ = writeln!(text, "    port p{port} {}", 8000 + port);
            }
            let _ = writeln!(text, "  }}");
        }
        let _ = writeln!(text, "}}");
    }
    for port in ["http", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"] {
        let _ = writeln!(text, "allow *.* -> *.*:{port} observes");
    }
    Memory::of(text)
}
