//! The output and the commands against a real control plane. `tests/run` builds the server and runs
//! these; each test has a server of its own.

mod adopt;
mod api;
mod apply;
mod availability;
mod connections;
mod daemons;
mod destroy;
mod doctor;
mod drift;
mod equality;
mod erp1;
mod faults;
mod helm;
mod history;
mod identity;
mod import;
mod jobs;
mod manifests;
mod moves;
mod networks;
mod operate;
mod ownership;
mod permissions;
mod plan;
mod probe;
mod programs;
mod proxy;
mod refused;
mod revert;
mod revocation;
mod rollout;
mod secrets;
mod server;
mod stalls;
mod volumes;

use std::path::Path;

use erpc_tests::platforms;
use server::Cluster;

/// Applies the committed output of a platform with kubectl; every object is accepted without a
/// warning.
fn apply_with_kubectl(cluster: &Cluster, platform: &Path) {
    let arguments = [
        "apply",
        "--server-side",
        "--validate=strict",
        "-R",
        "-f",
        "share",
        "-f",
        "lib",
    ];
    let output = cluster.kubectl_in(&arguments, platform);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", platform.display());
    assert_eq!(said, "", "{}", platform.display());
    let applied = String::from_utf8_lossy(&output.stdout);
    assert!(
        applied
            .lines()
            .all(|line| line.ends_with(" serverside-applied"))
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_empty_cluster_takes_every_platform_in_one_run_without_a_warning() {
    for platform in platforms() {
        let cluster = Cluster::start();
        apply_with_kubectl(&cluster, &platform);
        // A second time nothing is left to do. Controllers may write a status between the two reads of a comparison.
        let arguments = ["diff", "--server-side", "-R", "-f", "share", "-f", "lib"];
        let mut differences = String::new();
        let is_same = (0..20).any(|_| {
            let again = cluster.kubectl_in(&arguments, &platform);
            differences = String::from_utf8_lossy(&again.stdout).into_owned();
            again.status.success()
        });
        assert!(is_same, "{differences}");
    }
}
