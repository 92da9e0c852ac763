//! What the chart refuses: values that contradict each other, and numbers that Kubernetes does not read.

use erpc_tests::repository;
use serde_json::{Value, json};

use super::{HELMS, copy_of, render, render_with};

/// Services with everything that values relate: an autoscaler, a budget, a sidecar, an init container, claims,
/// routes, and a quota that they fill.
const PLATFORM: &str = "erp 1

platform p { version \"1\"; domain \"d.example\"; cluster c }
tiers t
cluster c {
  kubernetes 1.36
  nodes      3 of cpu 4, memory 8Gi, in 172.18.0.0/16
  pods       10.244.0.0/16
  services   10.96.0.0/16
  dns        kube-dns
  storage    fast default
  ingress    nginx by pods edge \"app.kubernetes.io/name=nginx\"
}
namespace n {
  tier  t
  quota cpu 1..4, memory 1Gi..4Gi, pods 8, storage 10Gi
  service web {
    image \"a/b:1.0\"; port http 8080; cpu 100m..200m; memory 64Mi..128Mi
    scale 2..4 on cpu 70%; disruption min 1; expose http at \"web.d.example\"
    sidecar log { image \"a/l:1.0\"; cpu 10m..20m; memory 16Mi..32Mi }
    init    wait { image \"a/w:1.0\"; cpu 200m; memory 32Mi }
  }
  service api { image \"a/b:1.0\"; port http 8080; cpu 100m; memory 64Mi; expose http at \"api.d.example\" }
  service db  { image \"a/b:1.0\"; cpu 100m; memory 64Mi; replicas 2; volume data 1Gi at \"/d\"; volume all 2Gi at \"/a\" shared }
}
";

fn chart() -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("platform.erp"), PLATFORM).expect("a file");
    copy_of(folder.path())
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn values_that_contradict_each_other_are_refused_with_their_path() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["services.n.web.hpa.minReplicas=5"],
            "services.n.web.hpa.minReplicas: 5 is above maxReplicas, 4",
        ),
        (
            &["services.n.web.hpa.targetUtilization.cpu=0"],
            "services.n.web.hpa.targetUtilization: an enabled autoscaler needs at least one target above 0",
        ),
        (
            &["services.n.web.resources.requests.cpu=0"],
            "services.n.web.hpa.targetUtilization.cpu: 70% of a request of 0; set resources.requests.cpu",
        ),
        (
            &["services.n.web.resources.requests.cpu=0.3"],
            "services.n.web.resources.requests.cpu: 0.3 is above the limit, 200m",
        ),
        (
            &["services.n.web.resources.limits.memory=67108863"],
            "services.n.web.resources.requests.memory: 64Mi is above the limit, 67108863",
        ),
        (
            &["services.n.web.containers.log.resources.requests.memory=1Gi"],
            "services.n.web.containers.log.resources.requests.memory: 1Gi is above the limit, 32Mi",
        ),
        (
            &["services.n.web.minAvailable=2"],
            "services.n.web.minAvailable: 2 of 2 pods must stay, so no drain of a node ends; set 1 or less",
        ),
        (
            &["services.n.api.hosts={web}"],
            "web.d.example/ is also the route of services.n.",
        ),
        (
            &["services.n.api.hosts={web.d.example}"],
            "web.d.example/ is also the route of services.n.",
        ),
        // 2 of web with 210m, 1 of api and 2 of db with 100m: 720m at the least.
        (
            &["namespaces.n.quota.hard.requests\\.cpu=700m"],
            "namespaces.n.quota.hard.requests.cpu: 700m, but the services of the namespace need 0.72 at the least scale",
        ),
        (
            &["services.n.api.replicas=5"],
            "namespaces.n.quota.hard.pods: 8, but the services of the namespace need 9 at the least scale",
        ),
        (
            &["services.n.db.persistence.data.size=5Gi"],
            "namespaces.n.quota.hard.requests.storage: 10Gi, but the services of the namespace need 12884901888 at the least scale",
        ),
    ];
    let chart = chart();
    for variable in HELMS {
        render(variable, chart.path(), &[]).expect("the defaults agree");
        for (settings, message) in cases {
            let said = render(variable, chart.path(), settings).expect_err(message);
            assert!(said.contains(message), "{settings:?}: {said}");
        }
        // All at once, and what is off or not installed counts for nothing.
        let both = [
            "services.n.web.hpa.minReplicas=5",
            "services.n.api.hosts={web}",
        ];
        let said = render(variable, chart.path(), &both).expect_err("both");
        assert!(
            said.contains("above maxReplicas") && said.contains("is also the route"),
            "{said}"
        );
        for settings in [
            &[
                "services.n.web.hpa.minReplicas=5",
                "services.n.web.enabled=false",
            ][..],
            &[
                "services.n.web.hpa.minReplicas=5",
                "services.n.web.hpa.enabled=false",
            ],
            &["services.n.api.hosts={web}", "ingress.enabled=false"],
            &[
                "services.n.api.replicas=5",
                "namespaces.n.quota.enabled=false",
            ],
            &[
                "services.n.web.minAvailable=2",
                "services.n.web.hpa.minReplicas=3",
            ],
            &[
                "services.n.web.resources.requests.cpu=.2",
                "services.n.web.resources.limits.cpu=2e-1",
            ],
        ] {
            let rendered = render(variable, chart.path(), settings);
            assert!(rendered.is_ok(), "{settings:?}: {rendered:?}");
        }
    }
}

/// Quantities, and whether the chart takes each as an amount of CPU and of memory.
pub(crate) const QUANTITIES: &[(&str, bool, bool)] = &[
    ("1", true, true),
    ("0", true, false),
    ("10", true, true),
    ("1.5", true, false),
    ("0.5", true, false),
    (".5", true, false),
    ("1.", true, false),
    ("+1", true, true),
    ("100m", true, false),
    ("0.1", true, false),
    ("1e3", true, true),
    ("1E3", true, true),
    ("1.5e3", true, true),
    ("1e-1", true, false),
    ("500u", true, false),
    ("1k", false, true),
    ("512M", false, true),
    ("1.5G", false, true),
    ("1Ki", false, true),
    ("1Gi", false, true),
    ("1.5Gi", false, true),
    ("0.5Gi", false, true),
    (".5Gi", false, true),
    ("1Ei", false, true),
    ("1E", false, true),
    ("134217728", true, true),
    ("", false, false),
    ("-1", false, false),
    ("1K", false, false),
    ("1 Gi", false, false),
    ("1GB", false, false),
    ("1gi", false, false),
    ("1Mib", false, false),
    ("1,5", false, false),
    ("1.2.3", false, false),
    ("e3", false, false),
    (".", false, false),
    ("1e", false, false),
    ("1e1.5", false, false),
    ("0x10", false, false),
    ("half", false, false),
];

#[test]
fn the_schema_takes_the_quantities_of_the_table_as_text() {
    let text = std::fs::read_to_string(repository().join("examples/hello/helm/values.schema.json"));
    let schema: Value = serde_json::from_str(&text.expect("a schema")).expect("JSON");
    let validator =
        |name: &str| jsonschema::validator_for(&schema["definitions"][name]).expect("a definition");
    let (cpu, bytes, limit) = (validator("cpu"), validator("bytes"), validator("limit"));
    for (text, as_cpu, as_bytes) in QUANTITIES {
        assert_eq!(cpu.is_valid(&json!(text)), *as_cpu, "{text:?} of CPU");
        assert_eq!(
            bytes.is_valid(&json!(text)),
            *as_bytes,
            "{text:?} of memory"
        );
        // A quota is of anything, or of nothing.
        let is_any = *as_cpu || *as_bytes || text.is_empty();
        assert_eq!(limit.is_valid(&json!(text)), is_any, "{text:?} of a quota");
    }
    for (number, as_cpu, as_bytes) in [
        (json!(1), true, true),
        (json!(0.1), true, false),
        (json!(0), true, false),
        (json!(-1), false, false),
        (json!(134_217_728), true, true),
        (json!(true), false, false),
    ] {
        assert_eq!(cpu.is_valid(&number), as_cpu, "{number} of CPU");
        assert_eq!(bytes.is_valid(&number), as_bytes, "{number} of memory");
    }
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn numbers_are_printed_as_kubernetes_reads_them() {
    let chart = chart();
    let values = chart.path().join("numbers.yaml");
    std::fs::write(
        &values,
        "services: { \"n\": { api: { resources: { requests: { cpu: 0.1, memory: 134217728 }, limits: { cpu: 1, memory: 1.5Gi } } },
  db: { persistence: { data: { size: 1073741824 } } } } }
namespaces: { \"n\": { quota: { hard: { requests.memory: 2147483648, pods: 9 } } } }
",
    )
    .expect("a file");
    let key = |kind: &str, name: &str| (kind.to_owned(), "n".to_owned(), name.to_owned());
    for variable in HELMS {
        let more = ["--values", &*values.to_string_lossy()];
        let printed = render_with(variable, chart.path(), &more).expect("it renders");
        let container =
            &printed[&key("Deployment", "api")]["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(
            container["resources"],
            json!({
                "requests": {"cpu": "0.1", "memory": "134217728"},
                "limits": {"cpu": "1", "memory": "1.5Gi"},
            })
        );
        let claim = &printed[&key("StatefulSet", "db")]["spec"]["volumeClaimTemplates"][0];
        assert_eq!(
            claim["spec"]["resources"]["requests"]["storage"],
            "1073741824"
        );
        let quota = printed.iter().find(|(key, _)| key.0 == "ResourceQuota");
        let hard = &quota.expect("a quota").1["spec"]["hard"];
        assert_eq!(hard["requests.memory"], "2147483648");
        assert_eq!(hard["pods"], "9");
    }
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn a_budget_of_the_source_that_blocks_drains_renders_as_declared() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let text = PLATFORM.replace("disruption min 1", "disruption min 2");
    std::fs::write(folder.path().join("platform.erp"), text).expect("a file");
    let chart = copy_of(folder.path());
    for variable in HELMS {
        render(variable, chart.path(), &[]).expect("the check has warned");
    }
}
