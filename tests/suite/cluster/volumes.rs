//! Volumes that are larger in the source than in the cluster.

use serde_json::Value;

use super::server::{Cluster, Program, until};

/// The sizes that a claim asks for and has.
fn sizes(cluster: &Cluster, claim: &str) -> [String; 2] {
    let claim = cluster.get(&["pvc", claim, "-n", "shop-back"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    [
        text(&claim["spec"]["resources"]["requests"]["storage"]),
        text(&claim["status"]["capacity"]["storage"]),
    ]
}

fn class(cluster: &Cluster, name: &str, expands: bool) {
    cluster.apply_yaml(&format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: kwok.x-k8s.io/volume\nallowVolumeExpansion: {expands}\n"
    ));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn every_claim_of_a_grown_volume_grows_and_no_pod_restarts() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let with_two = |from: &str, to: &str| shop.edit(from, to);
    with_two("image \"shop/db:1\"", "image \"shop/db:1\"\n    replicas 2");
    cluster.applied(shop.path());
    // A claim of an earlier, larger number of replicas is there still.
    with_two("replicas 2\n    port sql", "replicas 1\n    port sql");
    cluster
        .erpc(&["apply", "--yes", "--prune"], shop.path())
        .exits(0);
    assert_eq!(sizes(&cluster, "data-db-1"), ["1Gi", "1Gi"]);
    let pods = || cluster.get(&["pod", "db-0", "-n", "shop-back"])["metadata"]["uid"].clone();
    let before = pods();

    shop.edit("volume data 1Gi", "volume data 5Gi");
    cluster.erpc(&["plan"], shop.path()).exits(1).says(&[
        "left out with it: PersistentVolumeClaim shop-back/data-db-0, PersistentVolumeClaim shop-back/data-db-1",
        "allow it with --replace db",
    ]);
    cluster
        .erpc(&["plan", "--replace", "db"], shop.path())
        .exits(2)
        .says(&[
            "shop-back/data-db-0",
            "spec.resources.requests.storage \"1Gi\" → \"5Gi\"",
            "shop-back/data-db-1",
        ]);
    cluster.erpc(&["drift"], shop.path()).exits(2).says(&[
        "PersistentVolumeClaim shop-back/data-db-1",
        "the source declares 5Gi, the volume has 1Gi: `erpc apply` grows it",
    ]);
    cluster
        .erpc(&["status"], shop.path())
        .says(&["data-db-0 1Gi of 5Gi to be grown"]);
    cluster
        .erpc(&["apply", "--yes", "--replace", "db"], shop.path())
        .exits(0);
    assert_eq!(sizes(&cluster, "data-db-0"), ["5Gi", "5Gi"]);
    assert_eq!(sizes(&cluster, "data-db-1"), ["5Gi", "5Gi"]);
    assert_eq!(pods(), before);
    cluster.erpc(&["drift"], shop.path()).exits(0);
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(0)
        .says(&["nothing to do"]);

    // Smaller is never made.
    shop.edit("volume data 5Gi", "volume data 2Gi");
    cluster
        .erpc(&["apply", "--yes", "--replace", "db"], shop.path())
        .exits(1)
        .says(&["a volume cannot become smaller"]);
    assert_eq!(sizes(&cluster, "data-db-0"), ["5Gi", "5Gi"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn until_a_volume_has_grown_plan_drift_and_status_say_so() {
    let cluster = Cluster::start();
    class(&cluster, "frozen", true);
    class(&cluster, "rigid", false);
    let shop = Program::shop();
    shop.edit(
        "storage standard default",
        "storage standard default\n  storage frozen\n  storage rigid",
    );
    shop.edit(
        "volume data 1Gi at \"/data\"",
        "volume data 1Gi at \"/data\" class frozen\n    volume log 1Gi at \"/log\" class rigid",
    );
    cluster.applied(shop.path());
    shop.edit("volume data 1Gi", "volume data 5Gi");
    shop.edit("volume log 1Gi", "volume log 5Gi");
    // The driver of this class never comes to an end: the run goes on without it.
    cluster
        .erpc(&["apply", "--yes", "--replace", "db"], shop.path())
        .exits(0)
        .says(&["data-db-0 is still being resized"]);
    assert_eq!(sizes(&cluster, "data-db-0"), ["5Gi", "1Gi"]);
    assert_eq!(sizes(&cluster, "log-db-0"), ["1Gi", "1Gi"]);
    let resizing = "the source declares 5Gi, the volume has 1Gi: resizing";
    let refused = "the StorageClass rigid does not allow expansion. If its driver can resize volumes, set `allowVolumeExpansion: true`";
    cluster
        .erpc(&["plan"], shop.path())
        .exits(0)
        .says(&[resizing, refused]);
    cluster
        .erpc(&["drift"], shop.path())
        .exits(2)
        .says(&[resizing, refused]);
    cluster.erpc(&["status"], shop.path()).says(&[
        "data-db-0 1Gi of 5Gi resizing",
        "log-db-0 1Gi of 5Gi its class does not allow expansion",
    ]);

    // Once the class allows it, the next apply asks; once the driver has done it, all is as declared.
    class(&cluster, "rigid", true);
    cluster.erpc(&["apply", "--yes"], shop.path()).exits(0);
    until("the volume has grown", || {
        sizes(&cluster, "log-db-0") == ["5Gi", "5Gi"]
    });
    let grown = r#"{"status":{"capacity":{"storage":"5Gi"}}}"#;
    cluster.kubectl(&[
        "patch",
        "pvc",
        "data-db-0",
        "-n",
        "shop-back",
        "--subresource",
        "status",
        "--type",
        "merge",
        "-p",
        grown,
    ]);
    cluster.erpc(&["drift"], shop.path()).exits(0);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_shared_volume_grows_in_place_and_says_why_if_it_cannot() {
    let cluster = Cluster::start();
    class(&cluster, "rigid", false);
    let shop = Program::shop();
    shop.edit(
        "storage standard default",
        "storage standard default\n  storage rigid",
    );
    shop.edit(
        "image \"shop/web:1\"",
        "image \"shop/web:1\"\n    volume files 1Gi at \"/files\" shared",
    );
    cluster.applied(shop.path());
    shop.edit("volume files 1Gi", "volume files 5Gi");
    cluster.applied(shop.path());
    until("the claim has grown", || {
        let claim = cluster.get(&["pvc", "files", "-n", "shop-front"]);
        claim["status"]["capacity"]["storage"] == "5Gi"
    });
    cluster.erpc(&["drift"], shop.path()).exits(0);
    shop.edit("volume files 5Gi", "volume files 2Gi");
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&["a volume cannot become smaller"]);

    shop.edit(
        "volume files 2Gi at \"/files\" shared",
        "volume files 5Gi at \"/files\" shared\n    volume stiff 1Gi at \"/stiff\" class rigid shared",
    );
    cluster.applied(shop.path());
    shop.edit("volume stiff 1Gi", "volume stiff 5Gi");
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&["does not allow expansion", "allowVolumeExpansion: true"]);
}

/// `api` with a claim that one node at a time mounts.
const ONCE: &str = "image \"shop/api:1\"\n    volume files 1Gi at \"/files\" once";

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_deployment_with_a_claim_of_one_node_ends_its_pod_before_the_next() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("image \"shop/api:1\"", ONCE);
    cluster.applied(shop.path());
    let deployment = cluster.get(&["deployment", "api", "-n", "shop-back"]);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
    let claim = cluster.get(&["pvc", "files", "-n", "shop-back"]);
    assert_eq!(claim["spec"]["accessModes"][0], "ReadWriteOnce");
    cluster.erpc(&["drift"], shop.path()).exits(0);
    cluster.erpc(&["plan"], shop.path()).exits(0);

    shop.edit("shop/api:1", "shop/api:2");
    cluster.applied(shop.path());
    let pods = cluster.get(&[
        "pods",
        "-n",
        "shop-back",
        "-l",
        "app.kubernetes.io/name=api",
    ]);
    let pods = pods["items"].as_array().expect("a list");
    assert_eq!(pods.len(), 1, "{pods:?}");
    let same = cluster.get(&["pvc", "files", "-n", "shop-back"]);
    assert_eq!(same["metadata"]["uid"], claim["metadata"]["uid"]);

    // The claim stays when the platform goes.
    cluster
        .erpc(&["destroy", "--confirm", "shop"], shop.path())
        .exits(0)
        .says(&["PersistentVolumeClaim shop-back/files"]);
    let same = cluster.get(&["pvc", "files", "-n", "shop-back"]);
    assert_eq!(same["metadata"]["uid"], claim["metadata"]["uid"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn no_service_starts_empty_beside_its_data() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit("image \"shop/api:1\"", ONCE);
    cluster.applied(shop.path());
    let of_db = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);

    // From a claim for each replica to one claim, and the other way round.
    shop.edit(
        "volume data 1Gi at \"/data\"",
        "volume data 1Gi at \"/data\" once",
    );
    cluster.erpc(&["plan"], shop.path()).exits(1).says(&[
        "PersistentVolumeClaim shop-back/data would be empty: the data is in the claims of StatefulSet shop-back/db",
        "volume data from claim \"data-db-0\"",
    ]);
    shop.edit(
        "volume data 1Gi at \"/data\" once",
        "volume data 1Gi at \"/data\"",
    );
    shop.edit(
        "volume files 1Gi at \"/files\" once",
        "volume files 1Gi at \"/files\"",
    );
    cluster.erpc(&["plan"], shop.path()).exits(1).says(&[
        "StatefulSet shop-back/api would start with empty volumes: the data is in PersistentVolumeClaim shop-back/files",
    ]);
    shop.edit(
        "volume files 1Gi at \"/files\"",
        "volume files 1Gi at \"/files\" once",
    );

    // The claim itself goes over, once nothing else writes it.
    shop.edit(
        "volume data 1Gi at \"/data\"",
        "volume data from claim \"data-db-0\" at \"/data\"",
    );
    cluster
        .erpc(&["plan"], shop.path())
        .exits(1)
        .says(&["would write PersistentVolumeClaim data-db-0 while StatefulSet shop-back/db does"]);
    cluster.kubectl(&["delete", "statefulset", "db", "-n", "shop-back"]);
    cluster.applied(shop.path());
    cluster.erpc(&["drift"], shop.path()).exits(0);
    let same = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    assert_eq!(same["metadata"]["uid"], of_db["metadata"]["uid"]);

    // It is not the platform's to delete.
    cluster
        .erpc(
            &["destroy", "--confirm", "shop", "--delete-data"],
            shop.path(),
        )
        .exits(0);
    let same = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    assert_eq!(same["metadata"]["uid"], of_db["metadata"]["uid"]);
}
