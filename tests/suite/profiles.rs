//! Profiles: what each says takes effect and nothing else does, every id of a platform under one
//! leads somewhere, and the command line takes it.

use std::collections::BTreeSet;
use std::process::Command;

use erpc_cli::Exit;
use erpc_cli::project::Compiled;
use erpc_model::{
    EnvValue, IngressController, Peer, Platform, ProbeCheck, Scaling, Service, ServiceId, Sourced,
    Via, Workload,
};
use erpc_tests::{compile_folder, erpc, examples, files_below, folders_below, repository};
use serde_json::Value;
use tempfile::TempDir;

fn effects() -> Platform {
    let case = repository().join("tests/ui/a-profile-takes-effect");
    let (platform, _) = compile_folder(&case).result.expect("no errors");
    platform
}

fn under(name: &str) -> Platform {
    effects().under_named(name).expect("a profile of the case")
}

fn service<'p>(platform: &'p Platform, name: &str) -> &'p Service {
    platform
        .services
        .iter()
        .find(|service| service.name.value == name)
        .expect("a service of the case")
}

fn amount_of<T: std::fmt::Display>(amount: &Option<Sourced<T>>) -> String {
    let amount = amount.as_ref().expect("an amount");
    amount.value.to_string()
}

fn sizes(service: &Service) -> (String, String) {
    let main = &service.main;
    (amount_of(&main.cpu), amount_of(&main.memory))
}

#[test]
fn what_a_profile_says_takes_effect() {
    let dev = under("dev");
    assert_eq!(dev.cluster().name.value, "small");
    let web = service(&dev, "web");
    assert!(matches!(&web.scaling, Scaling::Fixed(n) if n.value == 1));
    assert_eq!(web.properties.disruption.as_ref().map(|d| d.value), Some(1));
    let api = service(&dev, "api");
    assert!(matches!(&api.scaling, Scaling::Fixed(n) if n.value == 1));
    assert_eq!(
        sizes(api),
        ("50m..100m".to_owned(), "32Mi..64Mi".to_owned())
    );
    assert_eq!(api.main.image.value.to_string(), "docker.io/shop/api:2.0");
    assert_eq!(api.volumes[0].size.value.to_string(), "2Gi");
    assert_eq!(amount_of(&api.sidecars[0].memory), "8Mi");
    let hosts: Vec<&str> = dev.routes.iter().map(|r| r.host.value.as_str()).collect();
    assert_eq!(hosts, ["dev.shop.example", "www.dev.shop.example"]);
    let shop = dev.namespaces.iter().find(|n| n.name.value == "shop");
    let quota = &shop.and_then(|n| n.quota.as_ref()).expect("a quota").value;
    assert_eq!(quota.cpu.map(|r| r.to_string()), Some("1..2".to_owned()));
    assert_eq!(quota.pods, Some(10));
    assert!(dev.services.iter().all(|s| s.name.value != "nightly"));
}

#[test]
fn a_more_exact_path_wins_and_off_takes_away() {
    let wide = under("wide");
    assert_eq!(sizes(service(&wide, "web")).0, "200m");
    assert_eq!(sizes(service(&wide, "proxy")).0, "50m..100m");
    let api = service(&wide, "api");
    assert_eq!(sizes(api).0, "50m..100m");
    match &api.scaling {
        Scaling::Auto(auto) => {
            assert_eq!(auto.value.replicas.to_string(), "3..9");
            assert_eq!(auto.value.cpu, Some(75));
        }
        Scaling::Fixed(_) | Scaling::PerNode(_) => panic!("the autoscaler stays"),
    }
    assert!(api.volumes.is_empty());
    assert_eq!(api.workload, Workload::Deployment);
    assert!(wide.namespaces.iter().all(|n| n.quota.is_none()));
    let before = effects();
    assert_eq!(service(&before, "api").workload, Workload::StatefulSet);
}

/// What `show` says of a path of the case, without and with a profile.
fn shown(path: &str, profile: &[&str]) -> String {
    let case = repository().join("tests/ui/a-profile-takes-effect");
    let mut arguments = vec!["show", path, case.to_str().expect("UTF-8")];
    arguments.extend(profile);
    let ran = erpc(&arguments);
    if ran.exit == Exit::Done {
        ran.out
    } else {
        ran.err
    }
}

#[test]
fn a_profile_sets_and_unsets_every_plain_statement() {
    let changes = [
        ("shop.web.title", "The shop"),
        ("shop.web.spread", "by zone"),
        ("shop.web.run", "as 1000:2000"),
        ("shop.web.rto", "5m"),
        ("shop.api.disruption", "min 2"),
        ("shop.nightly.deadline", "10m"),
        ("shop.nightly.retries", "2"),
        ("shop.nightly.time-zone", "Europe/Kyiv"),
        ("shop.nightly.history", "succeeded 1, failed 2"),
    ];
    for (path, value) in changes {
        assert!(!shown(path, &[]).contains(value), "{path}");
        let under = shown(path, &["--profile", "plain"]);
        assert!(under.contains(value), "{path}: {under}");
        assert!(under.contains("profile `plain`"), "{path}: {under}");
    }
    let access = shown("edge.proxy.access", &[]);
    assert!(access.contains("by port-forward"), "{access}");
    let gone = shown("edge.proxy.access", &["--profile", "plain"]);
    assert!(!gone.contains("by port-forward"), "{gone}");
}

#[test]
fn a_value_knows_the_profile_that_says_it() {
    let dev = under("dev");
    let cpu = service(&dev, "api").main.cpu.as_ref();
    let via = cpu.expect("an amount").origin.via;
    assert_eq!(via, Via::Profile(dev.profile_named("dev").expect("dev")));
    let scaling = match &service(&dev, "web").scaling {
        Scaling::Fixed(n) => n.origin.via,
        Scaling::Auto(_) | Scaling::PerNode(_) => panic!("a fixed number"),
    };
    assert_eq!(
        scaling,
        Via::Profile(dev.profile_named("base").expect("base"))
    );
    let shown = erpc(&[
        "show".as_ref(),
        "shop.api.cpu".as_ref(),
        repository()
            .join("tests/ui/a-profile-takes-effect")
            .as_os_str(),
        "--profile".as_ref(),
        "dev".as_ref(),
    ]);
    assert!(
        shown.out.contains("set by the profile `dev` instead"),
        "{}{}",
        shown.out,
        shown.err
    );
}

/// Every id of a platform is in its list, and ordered as the lists are.
fn assert_whole(platform: &Platform) {
    let services = platform.services.len();
    let fits = |id: ServiceId| id.index() < services;
    for (id, namespace) in platform.namespaces() {
        assert!(
            namespace
                .after
                .iter()
                .all(|a| a.value.index() < platform.namespaces.len())
        );
        assert!(namespace.after.iter().all(|a| a.value != id));
        for service in &namespace.services {
            assert_eq!(platform[*service].namespace, id);
        }
    }
    for (id, service) in platform.services() {
        assert!(platform[service.namespace].services.contains(&id));
        assert!(service.after.iter().all(|a| fits(a.value) && a.value != id));
        assert!(
            service
                .secret_mounts
                .iter()
                .all(|m| m.secret.index() < platform.secrets.len())
        );
        for container in service.containers() {
            for variable in &container.env {
                if let EnvValue::Secret(secret, _) = &variable.value.value {
                    let used = &platform[*secret].used_in;
                    assert!(used.contains(&service.namespace));
                }
            }
            let probes = &container.probes;
            for probe in [&probes.ready, &probes.live, &probes.startup]
                .into_iter()
                .flatten()
            {
                match &probe.value.check.value {
                    ProbeCheck::Http(_, port) | ProbeCheck::Tcp(port) => {
                        assert_eq!(port.service, id);
                    }
                    ProbeCheck::Exec(_) => {}
                }
            }
        }
    }
    for flow in &platform.flows {
        for peers in [&flow.from, &flow.to] {
            assert!(!peers.peers.is_empty());
            assert!(
                peers
                    .peers
                    .iter()
                    .all(|end| !matches!(end, Peer::Service(id) if !fits(*id)))
            );
        }
    }
    assert!(platform.routes.iter().all(|r| fits(r.port.service)));
    assert!(platform.routes.is_sorted_by_key(|r| r.port.service));
    assert!(platform.addresses.iter().all(|a| fits(a.port.service)));
    for cluster in &platform.clusters {
        if let Some(IngressController::Service(id, _)) =
            cluster.ingress.as_ref().map(|i| &i.controller)
        {
            assert!(fits(*id));
        }
    }
}

#[test]
fn every_id_under_every_profile_leads_somewhere() {
    let mut folders = folders_below("tests/ui");
    folders.extend(examples());
    folders.push(repository());
    let mut seen = 0;
    for folder in folders {
        let compiled: Compiled = compile_folder(&folder);
        let Some((platform, _)) = &compiled.result else {
            continue;
        };
        for (id, _) in platform.profiles() {
            assert_whole(&platform.under(id));
            seen += 1;
        }
    }
    assert!(seen >= 9, "{seen}");
}

/// Each profile of ERP/1 switches off what the catalogue says, and names its cluster.
#[test]
fn the_profiles_of_erp1_are_those_of_the_catalogue() {
    let text = std::fs::read_to_string(repository().join("tests/data/erp1.json")).expect("it");
    let data: Value = serde_json::from_str(&text).expect("JSON");
    let (platform, _) = compile_folder(&repository()).result.expect("no errors");
    let names = |platform: &Platform| -> BTreeSet<String> {
        platform
            .services()
            .map(|(id, _)| platform.path(id))
            .collect()
    };
    let all = names(&platform);
    for (name, theirs) in data["profiles"].as_object().expect("profiles") {
        let under = platform.under_named(name).expect("a profile");
        let off: BTreeSet<String> = all.difference(&names(&under)).cloned().collect();
        let mut expected = BTreeSet::new();
        for path in theirs["off"].as_array().into_iter().flatten() {
            let path = path.as_str().expect("a path");
            match path.strip_suffix('*') {
                Some(start) => {
                    expected.extend(all.iter().filter(|s| s.starts_with(start)).cloned());
                }
                None => {
                    expected.insert(path.to_owned());
                }
            }
        }
        assert_eq!(off, expected, "{name}");
        let cluster = theirs["cluster"].as_str().unwrap_or("production");
        assert_eq!(under.cluster().name.value, cluster, "{name}");
        for (id, service) in under.services() {
            let path = under.path(id);
            let bounds = service.scaling.bounds();
            if let Some(max) = theirs["scale_max"][&path].as_u64() {
                assert_eq!(u64::from(bounds.max), max, "{path}");
                assert!(matches!(service.scaling, Scaling::Auto(_)));
            }
            let replicas = theirs["replicas"][&path].as_u64();
            let replicas = replicas.or_else(|| theirs["replicas"]["*.*"].as_u64());
            if let Some(replicas) = replicas {
                assert_eq!(
                    (u64::from(bounds.min), u64::from(bounds.max)),
                    (replicas, replicas)
                );
            }
            if theirs["scale"] == "off" {
                assert!(matches!(service.scaling, Scaling::Fixed(_)), "{path}");
            }
        }
    }
}

#[test]
fn a_build_under_a_profile_wants_a_folder_of_its_own() {
    let platform = repository();
    let ran = erpc(&[
        "build".as_ref(),
        platform.as_os_str(),
        "--profile".as_ref(),
        "dev".as_ref(),
    ]);
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("--out DIR"), "{}", ran.err);
    let folder = TempDir::new().expect("a temporary folder");
    let build = |more: &str| {
        erpc(&[
            "build".as_ref(),
            platform.as_os_str(),
            "--profile".as_ref(),
            "dev".as_ref(),
            "--out".as_ref(),
            folder.path().as_os_str(),
            more.as_ref(),
        ])
    };
    let ran = build("--quiet");
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(build("--check").exit, Exit::Done);
    let files = files_below(folder.path());
    assert!(
        files
            .keys()
            .all(|path| !path.contains("erp-ai") && !path.ends_with("hpa.yaml"))
    );
    assert!(files.contains_key("lib/erp-services/kvs-database/statefulset.yaml"));
    // The files of a configuration are the platform's own text, which no profile changes.
    for (path, bytes) in files
        .iter()
        .filter(|(path, _)| !path.ends_with("configmap.yaml"))
    {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("erp-ai"), "{path} names what is off");
    }
}

#[test]
fn profiles_on_the_command_line() {
    let platform = repository();
    let check = |more: &[&str]| {
        let mut arguments = vec!["check".as_ref(), platform.as_os_str()];
        arguments.extend(more.iter().map(std::ffi::OsStr::new));
        erpc(&arguments)
    };
    let ran = check(&["--profile", "kind"]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert!(
        ran.out
            .starts_with("erp-uno under `kind`: 6 namespaces, 26 services"),
        "{}",
        ran.out
    );
    let ran = check(&["--profile", "knid"]);
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("did you mean `kind`?"), "{}", ran.err);
    assert_eq!(
        check(&["--profile", "kind", "--profile", "dev"]).exit,
        Exit::Usage
    );
    assert_eq!(check(&["--all-profiles"]).exit, Exit::Done);
    assert_eq!(
        check(&["--all-profiles", "--profile", "dev"]).exit,
        Exit::Usage
    );
}

fn bazaar(profile: &str) -> Platform {
    let folder = repository().join("tests/platforms/environments");
    let (platform, _) = compile_folder(&folder).result.expect("no errors");
    platform.under_named(profile).expect("a profile")
}

fn variable(service: &Service, name: &str) -> String {
    let found = service.main.env.iter().find(|env| env.name == name);
    match &found.expect("a variable").value.value {
        EnvValue::Text(text) => text.clone(),
        EnvValue::Secret(..) => panic!("a text"),
    }
}

#[test]
fn statements_of_a_profile_are_layers_over_the_program() {
    let dev = bazaar("dev");
    assert_eq!(dev.environment.value, "development");
    assert_eq!(dev.cluster().name.value, "laptop");
    let web = service(&dev, "web");
    // What the program says of them is seen with the values of the profile.
    assert_eq!(variable(web, "LOG_LEVEL"), "debug");
    assert_eq!(variable(web, "ENVIRONMENT"), "development");
    assert_eq!(variable(web, "DEBUG"), "1");
    assert!(web.availability.is_none() && web.latency.is_empty());
    assert_eq!(web.sidecars[0].name.value, "tap");
    assert!(web.configs[0].files[0].1.value.contains("sandbox"));
    let bank = &dev.externals[0].cidrs;
    assert_eq!(
        bank.iter().map(|c| c.value.to_string()).collect::<Vec<_>>(),
        ["198.51.100.0/28"]
    );
    assert_eq!(service(&dev, "mailpit").ports.len(), 2);
    assert!(
        dev.services
            .iter()
            .all(|service| service.name.value != "report")
    );
}

#[test]
fn a_profile_over_another_keeps_what_that_says_and_sets_its_own() {
    let test = bazaar("test");
    assert_eq!(test.environment.value, "test");
    assert_eq!(test.cluster().name.value, "lab");
    assert_eq!(variable(service(&test, "web"), "LOG_LEVEL"), "debug");
    assert!(matches!(&service(&test, "web").scaling, Scaling::Fixed(n) if n.value == 2));
    assert!(matches!(&service(&test, "orders").scaling, Scaling::Fixed(n) if n.value == 1));
    assert_eq!(service(&test, "jaeger").name.value, "jaeger");
}

/// What only a profile declares is in no file of the platform without it but the chart, whose values switch it off.
#[test]
fn what_exists_in_a_profile_only_is_built_under_it_only() {
    let folder = repository().join("tests/platforms/environments");
    for part in ["lib", "share"] {
        for (path, bytes) in files_below(&folder.join(part)) {
            let text = String::from_utf8(bytes).expect("UTF-8");
            assert!(
                !text.contains("mailpit") && !text.contains("jaeger"),
                "{path}"
            );
        }
    }
    let out = TempDir::new().expect("a folder");
    let to = out.path().as_os_str();
    let ran = erpc(&["build".as_ref(), folder.as_os_str(), "--out".as_ref(), to]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let values = out.path().join("helm/values.yaml");
    let values = std::fs::read_to_string(values).expect("UTF-8");
    let values: Value = serde_saphyr::from_str(&values).expect("YAML");
    assert_eq!(values["services"]["shop"]["mailpit"]["enabled"], false);
    assert_eq!(values["namespaces"]["tracing"]["enabled"], false);
    assert_eq!(values["services"]["tracing"]["jaeger"]["enabled"], false);
}

#[test]
fn two_profiles_are_compared_in_everything_that_they_set() {
    let folder = repository().join("tests/platforms/environments");
    let arguments =
        ["diff", "--profile", "production", "--profile", "dev"].map(std::ffi::OsStr::new);
    let mut arguments = arguments.to_vec();
    arguments.push(folder.as_os_str());
    let ran = erpc(&arguments);
    for line in [
        "+ service shop.mailpit",
        "- job shop.report",
        "~ platform.environment: production → development",
        "~ shop.labels.team: shop → shop-dev",
        "~ shop.web.slo.availability: 99.9% over 30d → -",
        "~ bank.cidr: 203.0.113.0/28 → 198.51.100.0/28",
        "~ cluster.nodes:",
    ] {
        assert!(ran.out.contains(line), "{line}\n{}", ran.out);
    }
}

/// A path with `*` is about services whose pods are counted; one that names the service changes it.
#[test]
fn a_path_with_a_star_leaves_a_service_on_each_node_as_it_is() {
    let folder = repository().join("tests/ui/a-service-runs-on-each-node");
    let compiled = compile_folder(&folder);
    let (platform, _) = compiled.result.expect("a platform without errors");
    let small = platform.under(platform.profile_named("small").expect("the profile"));
    let scaling = |platform: &Platform, name: &str| service(platform, name).scaling.bounds();
    for (name, declared, under) in [
        ("agent", "3", "3"),
        ("shipper", "3", "2"),
        ("other", "2", "1"),
    ] {
        assert_eq!(scaling(&platform, name).to_string(), declared, "{name}");
        assert_eq!(scaling(&small, name).to_string(), under, "{name}");
    }
    assert_eq!(service(&small, "agent").workload, Workload::DaemonSet);
    assert_eq!(service(&small, "shipper").workload, Workload::Deployment);
}

/// A worker of the thread pool never waits for a thread that waits for a worker: with a single one, all profiles are
/// checked.
#[test]
fn a_pool_of_one_thread_checks_all_profiles() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_erpc-under-test"));
    command.env("RAYON_NUM_THREADS", "1");
    let output = command
        .arg("check")
        .current_dir(repository().join("tests/platforms/environments"))
        .output()
        .expect("erpc runs");
    assert!(output.status.success(), "{output:?}");
}

/// Two environments of one program in one cluster: `namespaces { suffix "-dev" }` is behind the names of namespaces, of what
/// has no namespace, and of the platform; what refers to them follows.
const ENVIRONMENTS: &str = r#"erp 1
platform shop {
  version "1"; cluster main
  namespaces { quota cpu 1..4, memory 1Gi..8Gi, pods 20; labels team = "shop" }
}
tiers data < logic
cluster main { kubernetes 1.36; nodes 3 of cpu 4, memory 16Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; api 10.0.0.1:6443; dns kube-dns; cni calico; storage fast default }
namespace shop-data {
  tier data
  service db { image "a/b:1.0"; port sql 5432; health tcp on sql; cpu 10m; memory 16Mi; volume data 1Gi at "/data" }
}
namespace shop {
  tier logic
  service web {
    image "a/b:1.0"; port http 8080; cpu 10m; memory 16Mi; access by port-forward; replicas 2
    env    DB = "sql://${address(shop-data.db:sql)}"
    env    HOME_OF = service.namespace
    calls  shop-data.db:sql
    calls  cluster.api observes because "it looks for nodes"
    grants get on nodes in cluster because "it shows them"
  }
}
profile dev {
  namespaces { suffix "-dev"; labels team = "dev" }
  shop.web.replicas = 1
}
"#;

#[test]
fn an_environment_with_a_suffix_shares_no_name_with_another_one() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("platform.erp"), ENVIRONMENTS).expect("written");
    let objects = |profile: &[&str]| {
        let out = TempDir::new().expect("a folder");
        let mut words = vec!["build", folder.path().to_str().expect("UTF-8"), "--out"];
        words.push(out.path().to_str().expect("UTF-8"));
        words.extend(profile);
        let built = erpc(&words.iter().map(std::ffi::OsStr::new).collect::<Vec<_>>());
        assert_eq!(
            (built.exit, built.err.contains("warning")),
            (Exit::Done, false),
            "{}",
            built.err
        );
        let mut all: Vec<Value> = Vec::new();
        for part in ["lib", "share"] {
            for (_, bytes) in files_below(&out.path().join(part)) {
                let text = String::from_utf8(bytes).expect("UTF-8");
                all.extend(serde_saphyr::from_multiple::<Value>(&text).expect("YAML"));
            }
        }
        all
    };
    let (declared, dev) = (objects(&[]), objects(&["--profile", "dev"]));
    assert_eq!(
        declared.len(),
        dev.len() + 1,
        "dev has no disruption budget"
    );
    let names = |objects: &[Value]| -> BTreeSet<String> {
        let name = |object: &Value| {
            let metadata = &object["metadata"];
            format!(
                "{} {} {}",
                object["kind"], metadata["namespace"], metadata["name"]
            )
        };
        objects.iter().map(name).collect()
    };
    assert_eq!(names(&declared).intersection(&names(&dev)).count(), 0);
    for object in &dev {
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/part-of"], "shop-dev", "{object}");
        if object["kind"] == "Namespace" {
            assert_eq!(labels["team"], "dev");
        }
    }
    let quotas = |objects: &[Value]| {
        objects
            .iter()
            .filter(|o| o["kind"] == "ResourceQuota")
            .count()
    };
    assert_eq!(
        (quotas(&declared), quotas(&dev)),
        (2, 2),
        "what the profile leaves out stays"
    );
    let text = serde_json::to_string(&dev).expect("JSON");
    for part in [
        "sql://db.shop-data-dev.svc:5432",
        r#"{"name":"HOME_OF","value":"shop-dev"}"#,
        r#"{"matchLabels":{"kubernetes.io/metadata.name":"shop-data-dev"}}"#,
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn environments_are_compared_by_the_names_that_the_source_declares() {
    let folder = TempDir::new().expect("a folder");
    let source = format!(
        "{ENVIRONMENTS}profile test {{ namespaces {{ suffix \"-test\" }}; shop.web.cpu = 20m }}\n"
    );
    std::fs::write(folder.path().join("platform.erp"), source).expect("written");
    let diff = erpc(&[
        "diff".as_ref(),
        folder.path().as_os_str(),
        "--profile".as_ref(),
        "dev".as_ref(),
        "--profile".as_ref(),
        "test".as_ref(),
    ]);
    assert_eq!(diff.exit, Exit::Done, "{}", diff.err);
    for part in [
        "~ platform.suffix: -dev → -test",
        "~ shop.web.cpu: 10m → 20m",
        "~ shop.web.replicas: 1 → 2",
        "~ shop.web.env.DB: sql://db.shop-data-dev.svc:5432 → sql://db.shop-data-test.svc:5432",
        "0 opened, 0 closed",
    ] {
        assert!(diff.out.contains(part), "{part}\n{}", diff.out);
    }
    assert!(!diff.out.contains("only"), "{}", diff.out);
}
