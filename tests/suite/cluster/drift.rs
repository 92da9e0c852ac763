//! What `erpc drift` finds on a real control plane: every field and object that others added, and nothing
//! else.

use std::collections::BTreeMap;
use std::path::Path;

use erpc_cluster::{
    Access, Addition, Call, Failure, FieldManager, KNOWN, Kind, ObjectId, Program, Table,
    additions, block_on,
};
use erpc_tests::{examples, folders_below, repository};
use serde_json::{Value, json};

use super::server::{Cluster, Program as Source, until};

/// A platform with something of each kind that services bring.
pub(super) const WIDE: &str = r#"erp 1

platform wide {
  version "1.0.0"
  cluster main
}

tiers back

cluster main {
  kubernetes 1.37
  nodes 3 of cpu 64, memory 256Gi, in 10.0.0.0/16
  pods 10.244.0.0/16
  services 10.96.0.0/16
  api 10.0.0.1:6443
  dns kube-dns
  cni calico
  storage standard default
}

secret pass {
  keys "password"
}

namespace wide {
  tier back
  quota cpu 4..8, memory 4Gi..8Gi, pods 40

  service db {
    image "shop/db:1"
    port sql 5432
    cpu 10m..100m
    memory 16Mi..64Mi
    health tcp on sql
    run as 1000
    volume data 1Gi at "/data"
    env PASSWORD from secret pass.password
  }

  service api {
    image "shop/api:1"
    replicas 2
    disruption min 1
    port http 8080
    cpu 10m..100m
    memory 16Mi..64Mi
    health http "/"
    run as 1000
    config settings { "app.yml" = "x: 1" } at "/etc/api"
    grants get, list on pods because "finds its peers"
    calls db:sql
    calls cluster.api observes because "finds its peers"
  }

  service web {
    image "shop/web:1"
    scale 2..4 on cpu 70%
    port http 8080
    cpu 10m..100m
    memory 16Mi..64Mi
    health http "/"
    run as 1000
    access by port-forward
    calls api:http
  }
}
"#;

/// The platform, applied and seen to be without drift.
fn wide(cluster: &Cluster) -> Source {
    let source = Source::of(WIDE);
    cluster.kubectl(&["create", "namespace", "wide"]);
    cluster.kubectl(&[
        "create",
        "secret",
        "generic",
        "pass",
        "-n",
        "wide",
        "--from-literal=password=x",
    ]);
    cluster.applied(source.path());
    cluster
        .erpc(&["drift"], source.path())
        .exits(0)
        .says(&["the cluster is as the source says"]);
    source
}

fn drifts(cluster: &Cluster, source: &Source) -> Vec<Value> {
    let drift = cluster.erpc(&["drift", "--format", "json"], source.path());
    drift.json()["drift"].as_array().expect("a list").clone()
}

/// The difference of this object whose text contains this.
#[track_caller]
fn one<'d>(drifts: &'d [Value], object: &str, part: &str) -> &'d Value {
    let is_it = |drift: &&Value| drift["object"] == object && drift.to_string().contains(part);
    let found = drifts.iter().find(is_it);
    found.unwrap_or_else(|| panic!("{object} {part} is not in {drifts:#?}"))
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_others_add_is_shown_and_taken_back_only_if_asked() {
    let cluster = Cluster::start();
    let source = wide(&cluster);
    let patch = |kind: &str, name: &str, of: &str, patch: &Value| {
        let patch = patch.to_string();
        cluster.kubectl(&[
            "patch", kind, name, "-n", "wide", "--type", of, "-p", &patch,
        ]);
    };
    let pod = |spec: Value| json!({ "spec": { "template": { "spec": spec } } });
    patch(
        "deployment",
        "api",
        "strategic",
        &pod(json!({
            "hostNetwork": true,
            "containers": [
                { "name": "evil", "image": "evil:1", "securityContext": { "privileged": true } },
                { "name": "api", "env": [{ "name": "ADDED", "value": "1" }] },
            ],
            "initContainers": [{ "name": "first", "image": "evil:1" }],
            "tolerations": [{ "operator": "Exists" }],
            "imagePullSecrets": [{ "name": "other" }],
            "volumes": [{ "name": "host", "hostPath": { "path": "/" } }],
        })),
    );
    patch(
        "deployment",
        "api",
        "merge",
        &json!({ "metadata": {
        "annotations": { "a.b/c.d": "1" }, "labels": { "e.f/g": "2" }, "finalizers": ["h.i/j"],
    } }),
    );
    patch(
        "statefulset",
        "db",
        "merge",
        &pod(json!({ "dnsPolicy": "Default" })),
    );
    patch(
        "service",
        "api",
        "merge",
        &json!({ "spec": { "externalIPs": ["192.0.2.1"] } }),
    );
    patch(
        "configmap",
        "settings",
        "merge",
        &json!({ "data": { "other.yml": "y" } }),
    );
    patch(
        "role",
        "api",
        "json",
        &json!([
            { "op": "add", "path": "/rules/-", "value": { "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] } },
        ]),
    );
    patch(
        "serviceaccount",
        "api",
        "merge",
        &json!({ "metadata": { "annotations": { "cloud/role": "admin" } } }),
    );
    let found = drifts(&cluster, &source);
    let deployment = "Deployment wide/api";
    for (object, field, severity) in [
        (
            deployment,
            "spec.template.spec.hostNetwork",
            "opens-network",
        ),
        (
            deployment,
            "spec.template.spec.containers[evil]",
            "changes-security-context",
        ),
        (
            deployment,
            "spec.template.spec.containers[api].env",
            "other",
        ),
        (
            deployment,
            "spec.template.spec.initContainers",
            "changes-security-context",
        ),
        (deployment, "spec.template.spec.tolerations", "other"),
        (deployment, "spec.template.spec.imagePullSecrets", "other"),
        (
            deployment,
            "spec.template.spec.volumes[host]",
            "changes-security-context",
        ),
        (deployment, "metadata.annotations[a.b/c.d]", "other"),
        (deployment, "metadata.labels[e.f/g]", "other"),
        (deployment, "metadata.finalizers[h.i/j]", "other"),
        (
            "StatefulSet wide/db",
            "spec.template.spec.dnsPolicy",
            "other",
        ),
        ("Service wide/api", "spec.externalIPs", "opens-network"),
        ("ConfigMap wide/settings", "data[other.yml]", "other"),
        ("Role wide/api", "rules", "changes-permissions"),
        (
            "ServiceAccount wide/api",
            "metadata.annotations[cloud/role]",
            "changes-permissions",
        ),
    ] {
        let drift = found
            .iter()
            .find(|drift| drift["object"] == object && drift["field"] == field);
        let drift = drift.unwrap_or_else(|| panic!("{object} {field} is not in {found:#?}"));
        assert_eq!(drift["severity"], severity, "{drift}");
        let is_error = severity != "other";
        assert_eq!(drift["level"], if is_error { "error" } else { "warning" });
        let by = drift["by"].as_str().expect("a manager");
        assert!(by.starts_with("kubectl-patch at 20"), "{drift}");
        assert!(
            drift["source"]
                .as_str()
                .is_some_and(|place| place.starts_with("platform.erp:")),
            "{drift}"
        );
    }
    let dotted = one(&found, "ConfigMap wide/settings", "other.yml");
    assert_eq!(dotted["path"], json!(["data", "other.yml"]));
    cluster.erpc(&["drift"], source.path()).exits(2).says(&[
        "+ error[opens-network] Deployment wide/api",
        "spec.template.spec.hostNetwork: the source declares nothing, the cluster has true, added by kubectl-patch at 20",
        "the default is \"ClusterFirst\"",
    ]);

    // A plan shows them, and an apply that takes nothing leaves them.
    cluster.erpc(&["plan"], source.path()).says(&[
        "error[opens-network] spec.externalIPs [\"192.0.2.1\"]: not in the source, added by kubectl-patch",
        "it stays; `erpc apply --take-from kubectl-patch=Service/wide/api` removes it",
    ]);

    // The rule of the Role is a conflict: the list is one value.
    cluster
        .erpc(&["apply", "--yes"], source.path())
        .exits(1)
        .says(&[
            "rules is kubectl-patch's",
            "take it with --take-from kubectl-patch=Role/wide/api",
        ]);

    // Taking is per object; what another manager added stays.
    cluster.kubectl(&["annotate", "deployment", "api", "-n", "wide", "kept=yes"]);
    cluster
        .erpc(
            &[
                "apply",
                "--yes",
                "--take-from",
                "kubectl-patch=Role/wide/api",
                "--take-from",
                "kubectl-patch=Deployment/wide/api",
            ],
            source.path(),
        )
        .exits(0);
    let api = cluster.get(&["deployment", "api", "-n", "wide"]);
    let spec = &api["spec"]["template"]["spec"];
    assert_eq!(
        spec["containers"].as_array().map(Vec::len),
        Some(1),
        "{spec}"
    );
    for gone in [
        "hostNetwork",
        "initContainers",
        "tolerations",
        "imagePullSecrets",
    ] {
        assert!(spec[gone].is_null(), "{gone}: {spec}");
    }
    assert_eq!(api["metadata"]["annotations"]["kept"], "yes");
    assert!(api["metadata"]["finalizers"].is_null());
    let service = cluster.get(&["service", "api", "-n", "wide"]);
    assert_eq!(service["spec"]["externalIPs"], json!(["192.0.2.1"]));

    cluster
        .erpc(
            &[
                "apply",
                "--yes",
                "--take-from",
                "kubectl-patch=wide",
                "--take-from",
                "kubectl-annotate",
            ],
            source.path(),
        )
        .exits(0);
    cluster
        .erpc(&["drift"], source.path())
        .exits(0)
        .says(&["the cluster is as the source says"]);
    let db = cluster.get(&["statefulset", "db", "-n", "wide"]);
    assert_eq!(db["spec"]["template"]["spec"]["dnsPolicy"], "ClusterFirst");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn nothing_is_taken_from_controllers_and_a_misspelt_object_is_refused() {
    let cluster = Cluster::start();
    let source = wide(&cluster);
    for (taking, wanted) in [
        (
            "kube-controller-manager",
            "nothing is taken from kube-controller-manager",
        ),
        ("kubectl=Deploymint/wide/api", "unknown kind Deploymint"),
    ] {
        cluster
            .erpc(&["apply", "--yes", "--take-from", taking], source.path())
            .exits(64)
            .says(&[wanted]);
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_conflict_on_a_key_with_dots_shows_both_values() {
    let cluster = Cluster::start();
    let source = wide(&cluster);
    cluster.kubectl(&[
        "patch",
        "configmap",
        "settings",
        "-n",
        "wide",
        "--type",
        "merge",
        "-p",
        r#"{"data":{"app.yml":"x: 2"}}"#,
    ]);
    cluster.erpc(&["plan"], source.path()).exits(1).says(&[
        "data[app.yml] is kubectl-patch's",
        "the cluster has \"x: 2\", the source says \"x: 1\"",
    ]);
    cluster.erpc(&["drift"], source.path()).exits(2).says(&[
        "data[app.yml]: the source declares \"x: 1\", the cluster has \"x: 2\", changed by kubectl-patch",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_the_source_does_not_declare_is_shown_with_its_writer() {
    let cluster = Cluster::start();
    let source = wide(&cluster);
    cluster.apply_yaml(
        r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: admin, namespace: wide}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: api, namespace: wide}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everywhere}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: api, namespace: wide}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: elsewhere, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:serviceaccounts:wide"}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: wide}
spec: {schedule: "0 3 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: open, namespace: wide}
spec: {defaultBackend: {service: {name: api, port: {number: 8080}}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: more, namespace: wide}
spec: {maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: none, namespace: wide}
spec: {maxUnavailable: 0, selector: {matchLabels: {app.kubernetes.io/name: db}}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: behind, namespace: wide, labels: {kubernetes.io/service-name: api}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.9]}]
ports: [{port: 8080}]
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: less, namespace: wide}
spec: {hard: {configmaps: "50"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: marked, namespace: default, labels: {app.kubernetes.io/part-of: wide}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: wide}
spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{}]}
---
apiVersion: v1
kind: Service
metadata: {name: second, namespace: wide}
spec: {type: NodePort, selector: {app.kubernetes.io/name: api}, ports: [{port: 1}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hooked}
webhooks:
- name: hooked.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {service: {namespace: wide, name: api}}
  rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [things]}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
"#,
    );
    cluster.kubectl(&[
        "wait",
        "--for=condition=Established",
        "crd/things.example.com",
    ]);
    cluster.apply_yaml(
        "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: thing, namespace: wide}\n",
    );
    let found = drifts(&cluster, &source);
    for (object, part, severity) in [
        (
            "RoleBinding wide/admin",
            "ClusterRole cluster-admin to ServiceAccount wide/api",
            "changes-permissions",
        ),
        (
            "ClusterRoleBinding everywhere",
            "ServiceAccount wide/api",
            "changes-permissions",
        ),
        (
            "RoleBinding default/elsewhere",
            "system:serviceaccounts:wide",
            "changes-permissions",
        ),
        ("CronJob wide/nightly", "does not declare", "other"),
        ("Ingress wide/open", "wide/api", "opens-network"),
        (
            "HorizontalPodAutoscaler wide/more",
            "Deployment api",
            "other",
        ),
        ("PodDisruptionBudget wide/none", "wide.db", "other"),
        ("EndpointSlice wide/behind", "wide/api", "opens-network"),
        ("ResourceQuota wide/less", "limits", "other"),
        ("ConfigMap default/marked", "does not declare", "other"),
        ("NetworkPolicy wide/open", "1 ingress", "opens-network"),
        ("Service wide/second", "wide.api", "opens-network"),
        ("ValidatingWebhookConfiguration hooked", "wide/api", "other"),
        ("Thing wide/thing", "does not declare", "other"),
    ] {
        let drift = one(&found, object, part);
        assert_eq!(drift["type"], "unmanaged", "{drift}");
        assert_eq!(drift["severity"], severity, "{drift}");
        assert!(
            drift["by"]
                .as_str()
                .is_some_and(|by| by.contains("kubectl-client-side-apply at 20")),
            "{drift}"
        );
    }
    let unmanaged = found.iter().filter(|drift| drift["type"] == "unmanaged");
    assert_eq!(unmanaged.count(), 14, "{found:#?}");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn pods_that_pass_for_a_services_are_found_whatever_owns_them() {
    let cluster = Cluster::start();
    let source = wide(&cluster);
    cluster.apply_yaml(
        r#"
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: rogue, namespace: wide}
spec:
  replicas: 2
  selector: {matchLabels: {rogue: "1"}}
  template:
    metadata: {labels: {rogue: "1", app.kubernetes.io/name: api}}
    spec: &pod
      securityContext: {runAsNonRoot: true, runAsUser: 1, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: a
        image: a
        resources: {limits: {cpu: 10m, memory: 16Mi}, requests: {cpu: 10m, memory: 16Mi}}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: wide, labels: {app.kubernetes.io/name: db}}
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 1, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: a
    image: a
    resources: {limits: {cpu: 10m, memory: 16Mi}, requests: {cpu: 10m, memory: 16Mi}}
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"#,
    );
    until("two pods of the ReplicaSet", || {
        let pods = cluster.get(&["pods", "-n", "wide", "-l", "rogue=1"]);
        pods["items"].as_array().map(Vec::len) == Some(2)
    });
    let found = drifts(&cluster, &source);
    let rogue = one(&found, "ReplicaSet wide/rogue", "wide.api");
    assert_eq!(rogue["type"], "impersonation");
    assert_eq!(rogue["pods"], 2);
    assert_eq!(rogue["severity"], "opens-network");
    let alone = one(&found, "Pod wide/alone", "wide.db");
    assert_eq!(alone["type"], "impersonation");
    assert_eq!(found.len(), 2, "{found:#?}");

    // A debugger in a pod of the platform runs with its account and its flows.
    let pods = cluster.get(&["pods", "-n", "wide", "-l", "app.kubernetes.io/name=web"]);
    let pod = pods["items"][0]["metadata"]["name"]
        .as_str()
        .expect("a pod")
        .to_owned();
    cluster.kubectl(&[
        "patch", "pod", &pod, "-n", "wide", "--subresource", "ephemeralcontainers", "--type", "strategic", "-p",
        r#"{"spec":{"ephemeralContainers":[{"name":"debug","image":"busybox","securityContext":{"allowPrivilegeEscalation":false,"runAsNonRoot":true,"capabilities":{"drop":["ALL"]}}}]}}"#,
    ]);
    let found = drifts(&cluster, &source);
    let debug = one(&found, &format!("Pod wide/{pod}"), "ephemeralContainers");
    assert_eq!(debug["severity"], "changes-security-context");
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_object_without_its_label_is_not_called_missing() {
    let cluster = Cluster::start();
    let source = wide(&cluster);
    cluster.kubectl(&[
        "label",
        "deployment",
        "web",
        "-n",
        "wide",
        "app.kubernetes.io/part-of-",
    ]);
    let wanted = "lacks the label app.kubernetes.io/part-of=wide";
    cluster
        .erpc(&["status"], source.path())
        .exits(3)
        .says(&["Deployment web exists but", wanted]);
    cluster
        .erpc(&["drift"], source.path())
        .exits(2)
        .says(&["Deployment wide/web", wanted]);
    let plan = cluster.erpc(&["plan"], source.path());
    assert!(!plan.out.contains("+ wide/web"), "{}", plan.out);
    cluster
        .erpc(&["plan"], source.path())
        .says(&["metadata.labels[app.kubernetes.io/part-of]"]);
}

/// A declared object and what the server made of it.
struct Object {
    manager: FieldManager,
    kind: Kind,
    body: Value,
    live: Value,
}

impl Object {
    fn additions(&self, table: &Table) -> Vec<Addition> {
        additions(&self.manager, self.kind, &self.body, &self.live, table)
    }
}

/// Every object of a platform with what the server made of it.
fn applied(cluster: &Cluster, folder: &Path) -> Vec<Object> {
    let compiled = erpc_tests::compile_folder(folder);
    let (platform, derived) = compiled.result.as_ref().expect("it compiles");
    let program = Program::of(platform, derived, &compiled.sources, None);
    let access = Access {
        kubeconfig: Some(cluster.kubeconfig()),
        context: None,
        command: "tests",
    };
    let bodies: BTreeMap<&ObjectId, Value> = program
        .objects
        .iter()
        .map(|object| (&object.id, object.body.value()))
        .collect();
    // Namespaces first, then accounts, without which no pod is made.
    let rank = |kind: Kind| match kind {
        Kind::Namespace => 0,
        Kind::ServiceAccount | Kind::StorageClass => 1,
        _ => 2,
    };
    let mut order: Vec<&ObjectId> = bodies.keys().copied().collect();
    order.sort_by_key(|id| rank(id.kind));
    let applied = block_on(async {
        let server = erpc_cluster::Cluster::connect(&access).await?;
        for id in order {
            server
                .call(Call::apply(id, &bodies[id], program.manager().name()).forced())
                .await?;
        }
        Ok::<_, Failure>(())
    });
    applied
        .expect("an event loop")
        .expect("the server takes it");
    until("the controllers have seen every workload and claim", || {
        let deployments = cluster.get(&["deployments", "-A"]);
        let claims = cluster.get(&["persistentvolumeclaims", "-A"]);
        let items = |list: &Value| list["items"].as_array().expect("a list").clone();
        let is_seen = |one: &Value| {
            let marks = &one["metadata"]["annotations"];
            one["status"]["observedGeneration"] == one["metadata"]["generation"]
                && !marks["deployment.kubernetes.io/revision"].is_null()
        };
        // Of the other classes no provisioner runs here.
        let is_bound = |claim: &Value| {
            claim["spec"]["storageClassName"] != "standard" || claim["status"]["phase"] == "Bound"
        };
        items(&deployments).iter().all(is_seen) && items(&claims).iter().all(is_bound)
    });
    bodies
        .into_iter()
        .map(|(id, body)| {
            let mut arguments = vec![id.kind.plural(), id.name.as_str(), "--show-managed-fields"];
            if let Some(namespace) = &id.namespace {
                arguments.extend(["-n", namespace]);
            }
            Object {
                manager: program.manager().clone(),
                kind: id.kind,
                body,
                live: cluster.get(&arguments),
            }
        })
        .collect()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn no_default_and_no_known_controller_is_an_addition_and_each_row_of_the_table_is_needed() {
    let mut platforms = examples();
    platforms.extend(folders_below("tests/platforms"));
    platforms.push(repository());
    let (mut objects, mut unexpected) = (Vec::new(), Vec::new());
    for platform in platforms {
        let cluster = Cluster::start();
        let found = applied(&cluster, &platform);
        for object in &found {
            let added = object.additions(Table::whole());
            let (kind, name) = (object.kind, &object.live["metadata"]["name"]);
            let added = added
                .iter()
                .map(|one| format!("{kind} {name} {} {}", one.path, one.value));
            unexpected.extend(added);
        }
        objects.extend(found);
    }
    assert_eq!(unexpected, [""; 0]);
    let reports = |table: &Table| {
        let mut objects = objects.iter();
        objects.any(|object| !object.additions(table).is_empty())
    };
    let (mut needless, mut seen) = (Vec::new(), Vec::new());
    for (at, row) in KNOWN.iter().enumerate() {
        let others = KNOWN.iter().enumerate().filter(|(other, _)| *other != at);
        let is_needed = reports(&Table::from_rows(others.map(|(_, row)| row)));
        match (is_needed, row.unseen) {
            (false, "") => needless.push(row.path),
            (true, reason) if !reason.is_empty() => seen.push(row.path),
            _ => {}
        }
    }
    assert_eq!(
        (needless, seen),
        (Vec::new(), Vec::new()),
        "rows that no platform needs, and rows that are needed although they have a reason not to be"
    );
}
