//! `erpc destroy` deletes what is the platform's, in an order in which nothing is open that was closed, and
//! keeps whatever else there is.

use std::io::{BufRead, BufReader};
use std::process::Child;

use serde_json::Value;

use super::server::{Cluster, Program, Ran, until};

/// A database operator: a kind of its own, and an object of it that owns a claim, a Secret and a pod.
const OPERATOR: &str = r#"apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: databases, singular: database, kind: Database}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"#;

fn owned_by(kind: &str, version: &str, owner: &Value) -> String {
    let metadata = &owner["metadata"];
    format!(
        "ownerReferences: [{{apiVersion: {version}, kind: {kind}, name: {}, uid: {}}}]",
        metadata["name"].as_str().expect("a name"),
        metadata["uid"].as_str().expect("a uid"),
    )
}

const CLAIM: &str = "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";

/// What the namespace's Pod Security takes.
const POD: &str = "{securityContext: {runAsNonRoot: true, runAsUser: 1, seccompProfile: {type: RuntimeDefault}}, \
     containers: [{name: a, image: x, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}, \
     resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {cpu: 1m, memory: 1Mi}}}]}";

fn claim(name: &str, namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}, namespace: {namespace}}}\n{CLAIM}"
    )
}

/// `deployment shop-front/web` of every object of these kinds that is left.
fn left(cluster: &Cluster, kinds: &str, namespace: &str) -> Vec<String> {
    let list = cluster.get(&[kinds, "-n", namespace]);
    let items = list["items"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    items
        .map(|item| {
            format!(
                "{} {}",
                text(&item["kind"]),
                text(&item["metadata"]["name"])
            )
        })
        .collect()
}

fn has(cluster: &Cluster, object: &[&str]) -> bool {
    let all = [&["get"], object].concat();
    let output = cluster.kubectl_in(&all, cluster.folder.path());
    output.status.success()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_an_operator_owns_keeps_its_namespace() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    cluster.apply_yaml(OPERATOR);
    cluster.kubectl(&[
        "wait",
        "--for=condition=Established",
        "crd/databases.example.com",
        "--timeout=120s",
    ]);
    cluster.apply_yaml(
        "apiVersion: example.com/v1\nkind: Database\nmetadata: {name: orders, namespace: shop-front}\n",
    );
    let database = cluster.get(&["databases.example.com", "orders", "-n", "shop-front"]);
    let owner = owned_by("Database", "example.com/v1", &database);
    cluster.apply_yaml(&format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: orders, namespace: shop-front, {owner}}}\n{CLAIM}---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {{name: orders, namespace: shop-front, {owner}}}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: orders, namespace: shop-front, {owner}}}\nspec: {POD}\n"
    ));
    // At a depth of two.
    let volume = cluster.get(&["pvc", "orders", "-n", "shop-front"]);
    let owner = owned_by("PersistentVolumeClaim", "v1", &volume);
    cluster.apply_yaml(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: deeper, namespace: shop-front, {owner}}}\n"
    ));

    let destroyed = cluster.erpc(
        &["destroy", "--confirm", "shop", "--delete-data"],
        shop.path(),
    );
    destroyed.exits(0).says(&[
        "= Namespace shop-front: ",
        "Database of example.com shop-front/orders",
        "PersistentVolumeClaim shop-front/orders",
        "Secret shop-front/orders",
        "Pod shop-front/orders",
        "ConfigMap shop-front/deeper",
    ]);
    for object in ["database", "pvc", "secret", "pod"] {
        assert!(
            has(&cluster, &[object, "orders", "-n", "shop-front"]),
            "{object}"
        );
    }
    let kinds = "deployments,statefulsets,services,networkpolicies,replicasets";
    assert_eq!(left(&cluster, kinds, "shop-front"), [""; 0]);
    // The other namespace held nothing else, and went with the platform's own claim.
    assert!(!has(&cluster, &["namespace", "shop-back"]));
    assert!(!has(
        &cluster,
        &["configmap", "erpc-shop", "-n", "erpc-system"]
    ));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_named_namespace_goes_with_all_but_data() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    cluster.kubectl(&["create", "configmap", "theirs", "-n", "shop-front"]);
    cluster.apply_yaml(&claim("theirs", "shop-back"));
    let own = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    cluster
        .erpc(&["destroy", "--namespace", "shop-bakc"], shop.path())
        .exits(64)
        .says(&["did you mean `shop-back`?"]);

    let both = ["--namespace", "shop-back", "--namespace", "shop-front"];
    let command = ["destroy", "--confirm", "shop"];
    cluster
        .erpc(&[&command[..], &both].concat(), shop.path())
        .exits(0)
        .says(&[
            "- Namespace shop-front",
            "- ConfigMap shop-front/theirs, not the platform's",
            "PersistentVolumeClaim shop-back/data-db-0, PersistentVolumeClaim shop-back/theirs would be deleted with it, and data is deleted with --delete-data only",
        ]);
    assert!(!has(&cluster, &["namespace", "shop-front"]));
    let kept = cluster.get(&["pvc", "data-db-0", "-n", "shop-back"]);
    assert_eq!(kept["metadata"]["uid"], own["metadata"]["uid"]);
    assert!(kept["metadata"]["deletionTimestamp"].is_null());
    assert!(has(&cluster, &["pvc", "theirs", "-n", "shop-back"]));

    // With both flags everything goes.
    cluster.applied(shop.path());
    cluster
        .erpc(
            &[&command[..], &both, &["--delete-data"]].concat(),
            shop.path(),
        )
        .exits(0)
        .says(&["- PersistentVolumeClaim shop-back/theirs, not the platform's"]);
    assert!(!has(&cluster, &["namespace", "shop-back"]));

    // A set whose controller would delete its claims with it is not deleted.
    cluster.applied(shop.path());
    cluster.kubectl(&[
        "patch",
        "statefulset",
        "db",
        "-n",
        "shop-back",
        "--type=merge",
        "-p",
        r#"{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Delete"}}}"#,
    ]);
    cluster.erpc(&command, shop.path()).exits(1).says(&[
        "the claims of StatefulSet shop-back/db would be deleted with it",
        "nothing was deleted",
    ]);
    assert!(has(&cluster, &["pvc", "data-db-0", "-n", "shop-back"]));
    assert!(has(&cluster, &["deployment", "web", "-n", "shop-front"]));
}

/// Gives what a process says on standard error, up to a line with this in it.
fn read_until(process: &mut Child, part: &str) {
    let stream = process.stderr.as_mut().expect("its errors are piped");
    let mut lines = BufReader::new(stream).lines();
    assert!(
        lines.any(|line| line.expect("text").contains(part)),
        "`{part}` was not said"
    );
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_changes_after_the_answer_is_not_deleted() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    // A run elsewhere that is gone: its lock is waited for, as long as a person thinks about a question.
    cluster.kubectl(&["delete", "lease", "erpc-shop", "-n", "erpc-system"]);
    cluster.apply_yaml(
        "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: erpc-shop, namespace: erpc-system}\nspec: {holderIdentity: gone@elsewhere/1/0, leaseDurationSeconds: 30}\n",
    );
    let mut run = cluster.spawn(&["destroy", "--confirm", "shop"], shop.path());
    read_until(&mut run, "waiting to see whether it is alive");
    cluster.apply_yaml(&claim("new", "shop-front"));
    Ran::end_of(run).exits(1);
    assert!(has(&cluster, &["pvc", "new", "-n", "shop-front"]));
    assert!(has(&cluster, &["deployment", "web", "-n", "shop-front"]));
    // The next one has seen it.
    cluster
        .erpc(&["destroy", "--confirm", "shop"], shop.path())
        .exits(0)
        .says(&["= Namespace shop-front: PersistentVolumeClaim shop-front/new is in it"]);
    assert!(has(&cluster, &["pvc", "new", "-n", "shop-front"]));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn policies_outlive_what_does_not_end() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let hold = |object: &[&str], value: &str| {
        let patch = format!(r#"{{"metadata":{{"finalizers":{value}}}}}"#);
        cluster.kubectl(&[&["patch"], object, &["--type=merge", "-p", &patch]].concat());
    };
    let web = cluster.get(&["pods", "-n", "shop-front"])["items"][0]["metadata"]["name"]
        .as_str()
        .expect("a pod")
        .to_owned();
    let pod = ["pod", &web, "-n", "shop-front"];
    let set = ["statefulset", "db", "-n", "shop-back"];
    hold(&pod, r#"["example.com/hold"]"#);
    let closed = "networkpolicies,services,serviceaccounts";
    let policies = left(&cluster, closed, "shop-front");
    assert!(policies.len() > 3, "{policies:?}");
    let command = ["destroy", "--confirm", "shop", "--timeout", "3s"];
    cluster.erpc(&command, shop.path()).exits(4).says(&[
        &format!("Pod shop-front/{web}: waits for the finalizer example.com/hold"),
        "partly destroyed",
    ]);
    assert_eq!(left(&cluster, closed, "shop-front"), policies);
    assert_eq!(
        left(&cluster, "deployments,statefulsets", "shop-front"),
        [""; 0]
    );
    // What nothing holds goes on: no pod is left in the other namespace.
    assert_eq!(
        left(&cluster, "networkpolicies,services", "shop-back"),
        [""; 0]
    );
    hold(&pod, "null");

    // A workload that is held runs on behind its policies.
    cluster.applied(shop.path());
    hold(&set, r#"["example.com/hold"]"#);
    let policies = left(&cluster, "networkpolicies,services", "shop-back");
    cluster
        .erpc(&command, shop.path())
        .exits(4)
        .says(&["StatefulSet shop-back/db: waits for the finalizer example.com/hold"]);
    assert_eq!(
        left(&cluster, "networkpolicies,services", "shop-back"),
        policies
    );
    assert!(has(&cluster, &["pod", "db-0", "-n", "shop-back"]));
    assert!(has(
        &cluster,
        &["configmap", "erpc-shop", "-n", "erpc-system"]
    ));

    // The next run goes on from there.
    hold(&set, "null");
    until("the end of the set", || !has(&cluster, &set));
    cluster
        .erpc(&["destroy", "--confirm", "shop"], shop.path())
        .exits(0);
    assert_eq!(
        left(&cluster, "networkpolicies,services", "shop-back"),
        [""; 0]
    );
    assert!(!has(&cluster, &["namespace", "shop-front"]));
    assert!(!has(
        &cluster,
        &["configmap", "erpc-shop", "-n", "erpc-system"]
    ));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_an_account_may_not_see_or_delete_is_said_before_anything_is_deleted() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let nobody = cluster.folder.path().join("kubeconfig-nobody");
    let nobody = nobody.display().to_string();
    let destroy = || {
        cluster.erpc(
            &["destroy", "--confirm", "shop", "--kubeconfig", &nobody],
            shop.path(),
        )
    };
    let rights = cluster
        .erpc(
            &["rbac", "--destroy", "--user", "nobody", "--quiet"],
            shop.path(),
        )
        .exits(0);
    cluster.apply_yaml(&rights.out);
    // One verb less: nothing is deleted.
    let binding = cluster.get(&["rolebinding", "erpc-shop", "-n", "shop-back"]);
    let role = cluster.get(&["role", "erpc-shop", "-n", "shop-back"]);
    let mut less = role.clone();
    for rule in less["rules"].as_array_mut().into_iter().flatten() {
        let is_of_policies = rule["resources"][0] == "networkpolicies";
        if let (true, Some(verbs)) = (is_of_policies, rule["verbs"].as_array_mut()) {
            verbs.retain(|verb| verb != "delete");
        }
    }
    let replace = |object: &Value| {
        let file = cluster.folder.path().join("role.json");
        std::fs::write(&file, object.to_string()).expect("a file");
        cluster.kubectl(&["replace", "--force", "-f", &file.display().to_string()]);
    };
    assert_ne!(less, role, "{binding}");
    replace(&less);
    destroy()
        .exits(1)
        .says(&["nothing was deleted", "networkpolicies"]);
    assert!(has(&cluster, &["deployment", "web", "-n", "shop-front"]));
    assert!(has(&cluster, &["pod", "db-0", "-n", "shop-back"]));

    // What may not be listed may be there, so the namespaces stay.
    let mut blind = role;
    if let Some(rules) = blind["rules"].as_array_mut() {
        rules.retain(|rule| rule["resources"][0] != "*");
    }
    replace(&blind);
    destroy().exits(0).says(&[
        "= Namespace shop-back: ",
        "may be in it: this account may not list them",
    ]);
    assert!(has(&cluster, &["namespace", "shop-front"]));
    let kinds = "deployments,services,networkpolicies";
    assert_eq!(left(&cluster, kinds, "shop-front"), [""; 0]);
}

/// Two environments of one program in one cluster, by a suffix: each is applied, changed and deleted without the other.
#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn environments_in_one_cluster_share_nothing() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let text = std::fs::read_to_string(shop.path().join("platform.erp")).expect("a program");
    shop.write(&format!(
        "{text}\nprofile dev {{ namespaces {{ suffix \"-dev\" }} }}\n"
    ));
    let dev = ["--profile", "dev"];
    cluster.applied(shop.path());
    let apply = ["apply", "--yes"];
    cluster
        .erpc(&[&apply[..], &dev].concat(), shop.path())
        .exits(0);
    let pods = |platform: &str| {
        let selector = format!("app.kubernetes.io/part-of={platform}");
        let pods = cluster.get(&["pods", "-A", "-l", &selector]);
        let pods = pods["items"].as_array().expect("a list").iter();
        let mut uids: Vec<String> = pods.map(|pod| pod["metadata"]["uid"].to_string()).collect();
        uids.sort();
        uids
    };
    let before = pods("shop");
    assert_eq!((before.len(), pods("shop-dev").len()), (4, 4));
    // Neither has anything to change, nor sees the other's objects as its own.
    for profile in [&[][..], &dev] {
        for command in [&["plan"][..], &["drift"], &["status"]] {
            cluster
                .erpc(&[command, profile].concat(), shop.path())
                .exits(0);
        }
    }
    let destroy = ["destroy", "--confirm", "shop-dev", "--delete-data"];
    cluster
        .erpc(&[&destroy[..], &dev].concat(), shop.path())
        .exits(0)
        .says(&["- Namespace shop-front-dev"]);
    assert!(!has(&cluster, &["namespace", "shop-front-dev"]));
    assert!(!has(&cluster, &["namespace", "shop-back-dev"]));
    assert_eq!(
        pods("shop"),
        before,
        "no pod of the other environment was touched"
    );
    cluster.erpc(&["plan"], shop.path()).exits(0);
    cluster.erpc(&["drift"], shop.path()).exits(0);
}
