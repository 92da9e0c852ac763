//! Several platforms on one cluster, several sources of one name, and what earlier versions of erpc left:
//! who owns an object, and who may write it.

use erpc_cluster::{Access, Call, Failure, block_on};
use serde_json::{Value, json};

use super::server::{Cluster, Program, SHOP};

const KINDS: &str = "namespaces,configmaps,services,networkpolicies,serviceaccounts,deployments,statefulsets,poddisruptionbudgets";

/// The objects of a platform, with their managers.
fn objects(cluster: &Cluster, platform: &str) -> Vec<Value> {
    let selector = format!("app.kubernetes.io/part-of={platform}");
    let list = cluster.get(&[KINDS, "-A", "-l", &selector, "--show-managed-fields"]);
    list["items"].as_array().expect("a list").clone()
}

fn place(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    format!(
        "{} {}/{}",
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"])
    )
}

/// Who has applied fields of an object.
fn appliers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().cloned();
    let entries = entries.into_iter().flatten();
    let applied = entries.filter(|entry| entry["operation"] == "Apply");
    applied
        .filter_map(|entry| entry["manager"].as_str().map(str::to_owned))
        .collect()
}

/// The path of an object in the API.
fn path(object: &Value) -> String {
    let root = match object["apiVersion"].as_str().expect("a version") {
        "v1" => "/api/v1".to_owned(),
        other => format!("/apis/{other}"),
    };
    let plural = match object["kind"].as_str().expect("a kind") {
        "NetworkPolicy" => "networkpolicies".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let name = object["metadata"]["name"].as_str().expect("a name");
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}/{name}"),
        None => format!("{root}/{plural}/{name}"),
    }
}

/// Makes objects look as an earlier version of erpc left them, which wrote every platform as `erpc`.
fn as_before(cluster: &Cluster, objects: &[Value]) {
    let access = Access {
        kubeconfig: Some(cluster.kubeconfig()),
        context: None,
        command: "test",
    };
    let done = block_on(async {
        let server = erpc_cluster::Cluster::connect(&access).await?;
        for object in objects {
            let mut entries = object["metadata"]["managedFields"].clone();
            for entry in entries.as_array_mut().into_iter().flatten() {
                if entry["manager"] == "erpc:shop" {
                    entry["manager"] = json!("erpc");
                }
            }
            let patch = json!([
                { "op": "replace", "path": "/metadata/managedFields", "value": entries },
            ]);
            let call = Call::json_patch(&path(object), &patch, "tests");
            server.call(call).await?;
        }
        Ok::<_, Failure>(())
    });
    done.expect("an event loop").expect("a cluster");
}

fn pods(cluster: &Cluster) -> Vec<String> {
    let pods = cluster.get(&["pods", "-A", "-l", "app.kubernetes.io/part-of=shop"]);
    let pods = pods["items"].as_array().expect("a list").iter();
    let mut uids: Vec<String> = pods.map(|pod| pod["metadata"]["uid"].to_string()).collect();
    uids.sort();
    uids
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_an_earlier_version_applied_gets_the_platforms_own_manager() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    shop.edit(
        "image \"shop/api:1\"",
        "image \"shop/api:1\"\n    env OLD = \"1\"",
    );
    cluster.applied(shop.path());
    let before = objects(&cluster, "shop");
    assert!(before.iter().all(|one| appliers(one) == ["erpc:shop"]));
    as_before(&cluster, &before);
    let former = objects(&cluster, "shop");
    assert!(former.iter().all(|one| appliers(one) == ["erpc"]));
    let (pods_before, count) = (pods(&cluster), former.len());

    // To the plan nothing differs. The next apply renames the manager, and touches no field.
    cluster
        .erpc(&["plan"], shop.path())
        .exits(0)
        .says(&[&format!(
            "the field manager of {count} objects from `erpc` to `erpc:shop`; no field changes, no pod restarts"
        )]);
    cluster.applied(shop.path());
    let bare = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
            metadata.remove("managedFields");
        }
        object["spec"].clone()
    };
    let after = objects(&cluster, "shop");
    for (former, after) in former.iter().zip(&after) {
        assert_eq!(appliers(after), ["erpc:shop"], "{}", place(after));
        assert_eq!(bare(former), bare(after));
        let fields = |object: &Value| {
            let entries = object["metadata"]["managedFields"].as_array().cloned();
            let mut entries = entries.into_iter().flatten();
            let entry = entries.find(|entry| entry["operation"] == "Apply");
            entry.expect("it was applied")["fieldsV1"].clone()
        };
        assert_eq!(fields(former), fields(after), "{}", place(after));
    }
    assert_eq!(pods(&cluster), pods_before, "no pod was restarted");
    cluster.applied(shop.path()).says(&["nothing to do"]);

    // With a change at the same time: a new value is no conflict, and a field that leaves the source leaves
    // the cluster.
    as_before(&cluster, &objects(&cluster, "shop"));
    shop.edit("\n    env OLD = \"1\"", "");
    shop.edit("shop/api:1", "shop/api:2");
    cluster.erpc(&["plan"], shop.path()).exits(2).says(&[
        "shop/api:1\" → \"docker.io/shop/api:2\"",
        "containers[api].env",
    ]);
    cluster.applied(shop.path());
    let api = cluster.get(&["deployment", "api", "-n", "shop-back"]);
    let container = &api["spec"]["template"]["spec"]["containers"][0];
    assert!(container["env"].is_null(), "{container}");
    assert!(
        container["image"]
            .as_str()
            .is_some_and(|image| image.ends_with("shop/api:2"))
    );
    cluster.applied(shop.path()).says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_object_of_another_platform_is_refused_until_it_is_taken_over() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    let other = Program::of(&SHOP.replace("platform shop", "platform other"));
    other.edit("shop/api:1", "shop/api:9");
    let versions = cluster.versions("shop");
    let refused = || {
        cluster
            .erpc(&["apply", "--yes"], other.path())
            .exits(1)
            .says(&[
                "Deployment shop-back/api belongs to platform `shop`",
                "Namespace shop-back belongs to platform `shop`",
                "--take-over",
            ])
    };
    refused();
    assert_eq!(cluster.versions("shop"), versions);
    cluster
        .erpc(&["destroy", "--confirm", "other"], other.path())
        .exits(0)
        .says(&["nothing of `other` is in the cluster"]);

    // Whatever says so is enough: the manager without the labels …
    let labels = [
        "app.kubernetes.io/part-of-",
        "app.kubernetes.io/managed-by-",
    ];
    let api = ["label", "deployment", "api", "-n", "shop-back"];
    cluster.kubectl(&[&api[..], &labels[..]].concat());
    refused();
    // … and the inventory without either.
    cluster.kubectl(&[
        "patch",
        "deployment",
        "api",
        "-n",
        "shop-back",
        "--type=merge",
        "-p",
        r#"{"metadata":{"managedFields":[{}]}}"#,
    ]);
    let bare = cluster.get(&[
        "deployment",
        "api",
        "-n",
        "shop-back",
        "--show-managed-fields",
    ]);
    assert!(appliers(&bare).is_empty(), "{bare}");
    refused();

    // A platform that is taken over is the other's: the first one may not write it any more, and neither
    // prunes nor destroys it.
    cluster
        .erpc(&["plan", "--take-over"], other.path())
        .exits(2)
        .says(&["taken over from platform `shop`", "shop/api:9"]);
    cluster
        .erpc(&["apply", "--take-over", "--yes"], other.path())
        .exits(0);
    for object in objects(&cluster, "other") {
        assert_eq!(appliers(&object), ["erpc:other"], "{}", place(&object));
    }
    assert!(objects(&cluster, "shop").is_empty());
    cluster.applied(other.path()).says(&["nothing to do"]);
    cluster
        .erpc(&["apply", "--yes"], shop.path())
        .exits(1)
        .says(&["Deployment shop-back/api belongs to platform `other`"]);
    cluster
        .erpc(&["destroy", "--confirm", "shop"], shop.path())
        .exits(0);
    assert!(objects(&cluster, "other").len() > 10);
    cluster.erpc(&["plan"], other.path()).exits(0);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_platform_belongs_to_the_source_that_applied_it() {
    let cluster = Cluster::start();
    let with_id = |id: &str| {
        SHOP.replace(
            "version \"1.0.0\"",
            &format!("version \"1.0.0\"\n  id \"{id}\""),
        )
    };
    let recorded = || {
        let map = cluster.get(&["configmap", "erpc-shop", "-n", "erpc-system"]);
        let meta = map["data"]["meta"].as_str().expect("text").to_owned();
        serde_json::from_str::<Value>(&meta).expect("JSON")["id"].clone()
    };
    // An inventory without an id adopts that of the next source that has one.
    let shop = Program::shop();
    cluster.applied(shop.path());
    assert_eq!(recorded(), Value::Null);
    shop.write(&with_id("one"));
    cluster.applied(shop.path());
    assert_eq!(recorded(), "one");
    cluster.applied(shop.path()).says(&["nothing to do"]);

    // Another source of the same name, with fewer services, would prune the rest.
    let another = Program::of(&with_id("two"));
    let (head, _) = SHOP
        .split_once("namespace shop-front")
        .expect("the last one");
    another.write(&head.replace("version \"1.0.0\"", "version \"1.0.0\"\n  id \"two\""));
    for command in [
        &["plan", "--prune"][..],
        &["apply", "--prune", "--confirm", "shop"],
    ] {
        cluster.erpc(command, another.path()).exits(1).says(&[
            "platform `shop` in this cluster belongs to another source: its id is `one`, and this source has `two`",
        ]);
    }
    cluster
        .erpc(&["destroy", "--confirm", "shop"], another.path())
        .exits(1)
        .says(&["belongs to another source"]);
    another.edit("\n  id \"two\"", "");
    cluster.erpc(&["plan"], another.path()).exits(1).says(&[
        "this source has none",
        "add `id \"one\"` to its platform block",
    ]);
    assert_eq!(
        objects(&cluster, "shop").len(),
        cluster.listed("shop").len()
    );

    shop.write(&with_id("two"));
    cluster
        .erpc(&["apply", "--take-over", "--yes"], shop.path())
        .exits(0);
    assert_eq!(recorded(), "two");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_renamed_stateful_set_without_moved_is_hinted_at() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    cluster.applied(shop.path());
    shop.edit("service db {", "service store {");
    shop.edit("calls db:sql", "calls store:sql");
    cluster.erpc(&["plan"], shop.path()).exits(2).says(&[
        "StatefulSet shop-back/store is new and starts with an empty volume; did you mean `moved shop-back.db to shop-back.store`?",
    ]);
    shop.edit(
        "tiers back",
        "moved shop-back.db to shop-back.store\n\ntiers back",
    );
    let moved = cluster
        .erpc(&["plan", "--move-volumes"], shop.path())
        .exits(2);
    assert!(!moved.out.contains("did you mean"), "{}", moved.out);
}
