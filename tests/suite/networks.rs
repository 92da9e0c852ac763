//! Namespaces that a platform does not close: those that others use, and those with `network open`.

use erpc_cli::Exit;
use erpc_emit::Kind;
use erpc_tests::{Memory, Ran, erpc};
use tempfile::TempDir;

/// A namespace that is isolated, one that is open, and one that every cluster has.
const PLATFORM: &str = r#"erp 1
platform shop {
  version "1.0"
  cluster main
  namespaces { quota cpu 4..8, memory 4Gi..8Gi, pods 100; labels team = "shop" }
}
tiers data < logic
cluster main {
  kubernetes 1.36
  nodes      3 of cpu 8, memory 16Gi, in 172.18.0.0/16
  pods       10.244.0.0/16
  services   10.96.0.0/16
  dns        kube-dns
}
component Small {
  image  "docker.io/shop/x:1.0"
  cpu    100m..200m
  memory 64Mi..128Mi
  run    as 1000
  port   http 8080
}
namespace shop {
  tier data
  service db is Small { }
  service back is Small { calls legacy.api:http }
}
namespace legacy {
  tier    data
  network open because "not all flows are known yet"
  service api is Small { calls shop.db:http }
  service old is Small { calls api:http; calls internet:443 }
}
namespace default {
  tier     logic
  defaults kubernetes
  service web is Small { calls shop.back:http; calls shop.db:http }
}
expose legacy.api:http as loadbalancer
expose default.web:http as loadbalancer
"#;

/// A folder with the program.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("platform.erp"), PLATFORM).expect("a file");
    folder
}

/// Runs a command on the program of a folder.
fn run(folder: &TempDir, arguments: &[&str]) -> Ran {
    let path = folder.path().display().to_string();
    let all = arguments.iter().copied().chain([path.as_str()]);
    erpc(&Vec::from_iter(all))
}

/// The objects of a program: kind, namespace and name.
fn objects(text: &str) -> Vec<(Kind, String)> {
    let all = Memory::of(text).objects().into_iter();
    let named = all.map(|object| {
        let namespace = object.namespace().unwrap_or_default();
        (object.kind(), format!("{namespace}/{}", object.name()))
    });
    named.collect()
}

fn names(objects: &[(Kind, String)], wanted: Kind) -> Vec<&str> {
    let of_kind = objects.iter().filter(|(kind, _)| *kind == wanted);
    of_kind.map(|(_, name)| name.as_str()).collect()
}

#[test]
fn a_namespace_that_every_cluster_has_gets_nothing_that_binds_the_pods_of_others() {
    let objects = objects(PLATFORM);
    assert_eq!(names(&objects, Kind::Namespace), ["/legacy", "/shop"]);
    assert_eq!(
        names(&objects, Kind::ResourceQuota),
        ["legacy/quota", "shop/quota"]
    );
}

#[test]
fn policies_bind_what_is_not_open() {
    let objects = objects(PLATFORM);
    assert_eq!(
        names(&objects, Kind::NetworkPolicy),
        ["default/web", "shop/back", "shop/db", "shop/default-deny"]
    );
}

/// A build proves its output, so that a policy too much or too little would be an error.
#[test]
fn the_proof_says_what_is_not_enforced() {
    let folder = folder();
    let built = run(&folder, &["build"]);
    assert_eq!(built.exit, Exit::Done, "{}", built.err);
    let proved = run(&folder, &["prove"]);
    assert_eq!(proved.exit, Exit::Done, "{}", proved.out);
    for part in [
        "default: reserved, pods of others are not denied by default",
        "legacy: not enforced, no policies (`network open`)",
        "3 workloads isolated both ways, 1 namespace denied by default",
    ] {
        assert!(proved.out.contains(part), "{part}: {}", proved.out);
    }
}

#[test]
fn why_names_the_line_that_leaves_a_connection_open() {
    let folder = folder();
    let why = |from: &str, to: &str| run(&folder, &["why", from, to]).out;
    let open = why("legacy.api", "legacy.old:http");
    for part in [
        "legacy.api may talk to legacy.old:http",
        "no flow declares it; no policy enforces it in `legacy`:",
        "network open because",
        "to declare it, in legacy.api",
    ] {
        assert!(open.contains(part), "{part}: {open}");
    }
    // A policy of the callee is enough.
    let closed = why("legacy.old", "shop.db:http");
    assert!(closed.contains("may not talk to"), "{closed}");
    assert!(!closed.contains("lib/legacy"), "{closed}");
}
