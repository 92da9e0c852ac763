//! A platform that runs under its own names and selectors is taken over: no object is replaced, no pod restarts, and
//! the commands know its pods without a label of the platform.

use std::collections::BTreeMap;

use super::server::{Cluster, Program, until};

/// What kubectl applied before there was a source.
const BEFORE: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: pay}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: pay, annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/pay"}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: frontend-v2
  namespace: pay
  labels: {app: frontend, team: pay}
spec:
  replicas: 2
  selector: {matchLabels: {app: frontend, app.kubernetes.io/name: shop}}
  template:
    metadata:
      labels: {app: frontend, app.kubernetes.io/name: shop, app.kubernetes.io/part-of: old-shop, team: pay}
    spec:
      serviceAccountName: robot
      containers:
      - name: server
        image: shop/front:1
        env: [{name: LEDGER, value: "postgres.pay.svc:5432"}]
        ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9102}]
---
apiVersion: v1
kind: Service
metadata: {name: frontend-svc, namespace: pay}
spec:
  selector: {app: frontend, app.kubernetes.io/name: shop}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: frontend-metrics, namespace: pay}
spec:
  selector: {app: frontend, app.kubernetes.io/name: shop}
  ports: [{name: metrics, port: 9102, targetPort: 9102}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: pg, namespace: pay}
spec:
  replicas: 1
  serviceName: postgres-nodes
  selector: {matchLabels: {role: ledger}}
  template:
    metadata: {labels: {role: ledger}}
    spec:
      containers:
      - name: postgres
        image: postgres:16
        ports: [{name: sql, containerPort: 5432}]
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: standard, resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: postgres, namespace: pay}
spec:
  selector: {role: ledger}
  ports: [{name: sql, port: 5432, targetPort: 5432}]
---
apiVersion: v1
kind: Service
metadata: {name: postgres-nodes, namespace: pay}
spec:
  clusterIP: None
  selector: {role: ledger}
  ports: [{name: sql, port: 5432, targetPort: 5432}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node-agent, namespace: pay}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: agent, image: "agent:1"}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: weekly-report, namespace: pay}
spec:
  schedule: "30 5 * * 1"
  jobTemplate:
    spec:
      template:
        metadata: {labels: {job: report}}
        spec:
          restartPolicy: OnFailure
          containers: [{name: report, image: "report:1"}]
"#;

/// The same as a program.
const PROGRAM: &str = r#"erp 1

platform shop { version "1"; cluster main; defaults kubernetes }
tiers logic
cluster main {
  kubernetes 1.37
  nodes 3 of cpu 64, memory 256Gi, in 10.0.0.0/16
  pods 10.244.0.0/16
  services 10.96.0.0/16
  dns kube-dns
  storage standard default
}

namespace pay {
  tier logic
  service front {
    identity {
      workload  "frontend-v2"
      container "server"
      selector  app = "frontend", "app.kubernetes.io/name" = "shop"
      service   "frontend-svc" for http
      service   "frontend-metrics" for metrics
      account   "robot" { annotations "eks.amazonaws.com/role-arn" = "arn:aws:iam::1:role/pay" }
    }
    labels   app = "frontend", team = "pay", "app.kubernetes.io/part-of" = "old-shop"
    image    "shop/front:1"
    replicas 2
    env      LEDGER = address(ledger:sql)
    port     http 80 -> 8080
    port     metrics 9102
    calls    ledger:sql
    access   by port-forward
  }
  service ledger {
    identity {
      workload  "pg"
      container "postgres"
      selector  role = "ledger"
      service   "postgres"
      service   "postgres-nodes" headless
    }
    image  "postgres:16"
    port   sql 5432
    volume data 1Gi at "/data" class standard
  }
  service agent {
    identity { workload "node-agent"; selector app = "agent" }
    image    "agent:1"
    replicas per node
    access   by port-forward
  }
  job report every "30 5 * * 1" {
    identity { workload "weekly-report"; selector job = "report" }
    image "report:1"
  }
}
"#;

const KINDS: &str = "deployments,replicasets,statefulsets,daemonsets,cronjobs,pods,services,serviceaccounts,persistentvolumeclaims";

/// The uid of everything in the namespace, with the specification of what has a pod template. Its generation is none:
/// that of a Deployment counts the annotations too, of which kubectl's goes.
fn identities(cluster: &Cluster) -> BTreeMap<String, String> {
    let list = cluster.get(&[KINDS, "-n", "pay"]);
    let items = list["items"].as_array().expect("a list").iter();
    items
        .map(|item| {
            let kind = item["kind"].as_str().unwrap_or_default();
            let metadata = &item["metadata"];
            let has_template = matches!(
                kind,
                "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "CronJob"
            );
            let spec = match has_template {
                true => item["spec"].to_string(),
                false => String::new(),
            };
            (
                format!("{kind} {}", metadata["name"]),
                format!("{} {spec}", metadata["uid"]),
            )
        })
        .collect()
}

fn running(cluster: &Cluster) -> usize {
    let pods = cluster.get(&["pods", "-n", "pay"]);
    let pods = pods["items"].as_array().expect("a list").iter();
    pods.filter(|pod| pod["status"]["phase"] == "Running")
        .count()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_has_other_names_and_selectors_is_adopted_without_a_restart() {
    let cluster = Cluster::start();
    cluster.apply_yaml(BEFORE);
    // Two replicas, the database, and an agent on each of three nodes.
    until("all pods run", || running(&cluster) == 6);
    let before = identities(&cluster);

    let shop = Program::of(PROGRAM);
    cluster
        .erpc(&["adopt", "--yes"], shop.path())
        .exits(0)
        .says(&["adopted"]);
    let plan = cluster.erpc(&["plan"], shop.path()).exits(2);
    for unwanted in ["restart", "replace", "spec."] {
        assert!(!plan.out.contains(unwanted), "{}", plan.out);
    }
    cluster.applied(shop.path());
    let after = identities(&cluster);
    for (object, identity) in &before {
        assert_eq!(after.get(object), Some(identity), "{object}");
    }
    let new: Vec<&String> = after
        .keys()
        .filter(|key| !before.contains_key(*key))
        .collect();
    assert!(new.is_empty(), "{new:?}");

    // The commands know the pods by their selectors and owners.
    cluster.applied(shop.path()).says(&["nothing to do"]);
    cluster.erpc(&["status"], shop.path()).exits(0).says(&[
        "pay  6/6 pods running",
        "agent       3/3",
        "2/2  shop/front:1",
    ]);
    cluster.erpc(&["drift"], shop.path()).exits(0);

    // A release is rolled out and waited for.
    shop.edit("shop/front:1", "shop/front:2");
    cluster.applied(shop.path());
    cluster
        .erpc(&["status"], shop.path())
        .exits(0)
        .says(&["2/2  shop/front:2"]);

    // Kubernetes changes no selector: the plan says that it is a replacement.
    shop.edit("selector  role = \"ledger\"", "selector  role = \"books\"");
    cluster
        .erpc(&["plan"], shop.path())
        .exits(1)
        .says(&[
            "selector cannot be changed on a live StatefulSet, which must be replaced: down until the new pods are ready",
            "allow it with --replace pg",
        ]);
    cluster
        .erpc(&["apply", "--yes", "--replace", "pg"], shop.path())
        .exits(0);
    let pod = cluster.get(&["pod", "pg-0", "-n", "pay"]);
    assert_eq!(pod["metadata"]["labels"]["role"], "books");
    cluster.erpc(&["status"], shop.path()).exits(0);

    // A foreign pod that carries the labels of a service is one that its clients reach.
    cluster.apply_yaml(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: intruder, namespace: pay, labels: {role: books, app: x}}\nspec: {containers: [{name: a, image: a}]}\n",
    );
    cluster
        .erpc(&["drift"], shop.path())
        .exits(2)
        .says(&["intruder", "pay.ledger"]);
    cluster.kubectl(&["delete", "pod", "intruder", "-n", "pay", "--wait"]);

    // What is deleted ends before what it needs.
    cluster
        .erpc(&["destroy", "--confirm", "shop"], shop.path())
        .exits(0);
    let left = identities(&cluster);
    let left: Vec<&String> = left.keys().collect();
    assert_eq!(
        left,
        [
            "PersistentVolumeClaim \"data-pg-0\"",
            "ServiceAccount \"default\""
        ]
    );
}
