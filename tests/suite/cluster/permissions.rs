//! The permissions that `erpc rbac` prints: exact by the audit log of a server, sufficient, checked before
//! the first write, and of no use for more.

use std::collections::BTreeSet;
use std::process::Output;

use serde_json::{Value, json};

use super::server::{Cluster, Program, Ran, until};

/// A platform of one namespace with an object of every kind that a platform may have but a `moved`.
const SMALL: &str = r#"erp 1

platform small {
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

namespace small {
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
    scale 2..4 on cpu 70%
    disruption min 1
    port http 8080
    cpu 10m..100m
    memory 16Mi..64Mi
    health http "/"
    run as 1000
    config settings { "a.toml" = "x = 1" } at "/etc/api"
    grants get, list on configmaps because "finds its peers"
    grants get on nodes in cluster because "knows its zone"
    calls db:sql
    calls cluster.api observes because "finds its peers"
  }

  service old {
    image "shop/old:1"
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

/// What a namespace of it has after everything else was removed.
const REST: &str = r#"
  service rest {
    image "shop/rest:1"
    run as 1000
    cpu 10m..100m
    memory 16Mi..64Mi
  }
}
"#;

struct Deployer<'c> {
    cluster: &'c Cluster,
    program: &'c Program,
    name: &'static str,
}

impl<'c> Deployer<'c> {
    /// A user with the permissions that `erpc rbac` prints for these arguments.
    fn new(cluster: &'c Cluster, program: &'c Program, name: &'static str, tasks: &[&str]) -> Self {
        let deployer = Self {
            cluster,
            program,
            name,
        };
        // `nobody` has a certificate; the administrator plays the others.
        if name != "nobody" {
            let admin = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
            let user = admin.replace("  user:\n", &format!("  user:\n    as: {name}\n"));
            std::fs::write(deployer.kubeconfig(), user).expect("a file");
        }
        deployer.grant(&deployer.printed(tasks));
        deployer
    }

    fn kubeconfig(&self) -> String {
        let path = self
            .cluster
            .folder
            .path()
            .join(format!("kubeconfig-{}", self.name));
        path.display().to_string()
    }

    /// What `erpc rbac` prints.
    fn printed(&self, tasks: &[&str]) -> Value {
        let arguments = [&["rbac", "--user", self.name, "--format", "json"], tasks].concat();
        let printed = self.cluster.erpc(&arguments, self.program.path()).exits(0);
        printed.json()
    }

    fn grant(&self, objects: &Value) {
        let file = self.cluster.folder.path().join("permissions.json");
        std::fs::write(&file, objects.to_string()).expect("a file");
        self.cluster
            .kubectl(&["apply", "-f", &file.display().to_string()]);
    }

    /// The permissions without one verb of one resource.
    fn without(&self, objects: &Value, verb: &str, resource: &str) -> Value {
        let mut objects = objects.clone();
        let mut count = 0;
        for item in objects["items"].as_array_mut().expect("a list") {
            for rule in item["rules"].as_array_mut().into_iter().flatten() {
                if rule["resources"] == json!([resource]) {
                    let verbs = rule["verbs"].as_array_mut().expect("verbs");
                    let before = verbs.len();
                    verbs.retain(|of| of != verb);
                    count += before - verbs.len();
                }
            }
        }
        assert!(count > 0, "{verb} {resource} is among the permissions");
        objects
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let kubeconfig = self.kubeconfig();
        let all = [arguments, &["--kubeconfig", &kubeconfig]].concat();
        self.cluster.erpc(&all, self.program.path())
    }

    fn kubectl(&self, arguments: &[&str]) -> Output {
        let kubeconfig = self.kubeconfig();
        let all = [&["--kubeconfig", &kubeconfig], arguments].concat();
        self.cluster.kubectl_in(&all, self.cluster.folder.path())
    }

    /// Compares what was printed with what this user asked for, by the audit log.
    #[track_caller]
    fn used_exactly(&self, printed: &Value, granted: &[Value], unused: &[(&str, &str)]) {
        let asked: Vec<Value> = self.cluster.audited(self.name);
        let refused: BTreeSet<String> = asked
            .iter()
            .filter(|entry| entry["responseStatus"]["code"] == 403)
            .map(shown)
            .collect();
        assert!(refused.is_empty(), "{} lacks {refused:#?}", self.name);
        let mut idle = BTreeSet::new();
        for item in printed["items"].as_array().expect("a list") {
            let namespace = item["metadata"]["namespace"].as_str();
            for rule in item["rules"].as_array().into_iter().flatten() {
                if granted.contains(rule) {
                    continue;
                }
                for verb in rule["verbs"].as_array().expect("verbs") {
                    let verb = verb.as_str().expect("a verb");
                    let resource = rule["resources"][0].as_str().expect("a resource");
                    if !asked
                        .iter()
                        .any(|entry| is_use(entry, namespace, rule, verb))
                        && !unused.contains(&(verb, resource))
                    {
                        idle.insert(format!(
                            "{verb} {resource} in {namespace:?} {}",
                            rule["resourceNames"]
                        ));
                    }
                }
            }
        }
        assert!(idle.is_empty(), "{} never uses {idle:#?}", self.name);
    }
}

fn shown(entry: &Value) -> String {
    let text = |key: &str| entry["objectRef"][key].as_str().unwrap_or_default();
    format!(
        "{} {}/{} {}/{} {}",
        entry["verb"].as_str().unwrap_or_default(),
        text("resource"),
        text("subresource"),
        text("namespace"),
        text("name"),
        entry["requestURI"].as_str().unwrap_or_default()
    )
}

/// Whether a request needs a verb of a rule. Server-side apply of a new object is a `patch` that needs
/// `create` too.
fn is_use(entry: &Value, namespace: Option<&str>, rule: &Value, verb: &str) -> bool {
    let of = &entry["objectRef"];
    let resource = match of["subresource"].as_str() {
        Some(subresource) => format!(
            "{}/{subresource}",
            of["resource"].as_str().unwrap_or_default()
        ),
        None => of["resource"].as_str().unwrap_or_default().to_owned(),
    };
    let is_created = entry["verb"] == "patch" && entry["responseStatus"]["code"] == 201;
    let names = rule["resourceNames"].as_array();
    let group = of["apiGroup"].as_str().unwrap_or_default();
    (entry["verb"] == verb || (verb == "create" && is_created))
        && (rule["apiGroups"] == json!([group]) || rule["apiGroups"] == json!(["*"]))
        && (rule["resources"] == json!([resource]) || rule["resources"] == json!(["*"]))
        && namespace.is_none_or(|namespace| of["namespace"] == namespace)
        && names.is_none_or(|names| names.contains(&of["name"]))
}

/// The rules of the platform's own roles, which its deployer holds.
fn rules_of_platform(cluster: &Cluster) -> Vec<Value> {
    let selector = "app.kubernetes.io/part-of=small";
    let roles = cluster.get(&["roles,clusterroles", "-A", "-l", selector]);
    let roles = roles["items"].as_array().expect("a list").clone();
    let rules = roles
        .iter()
        .flat_map(|role| role["rules"].as_array().cloned());
    rules.flatten().collect()
}

fn make_secret(cluster: &Cluster) {
    cluster.kubectl(&[
        "create",
        "secret",
        "generic",
        "pass",
        "-n",
        "small",
        "--from-literal=password=x",
    ]);
}

/// Takes the label off every object, so that none is in a list by label.
fn forget(cluster: &Cluster) {
    let kinds = "serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,services,configmaps,\
                 deployments,statefulsets,horizontalpodautoscalers,poddisruptionbudgets,networkpolicies,\
                 resourcequotas,limitranges,storageclasses";
    let label = "app.kubernetes.io/part-of";
    let list = cluster.get(&[kinds, "-A", "-l", &format!("{label}=small")]);
    for item in list["items"].as_array().expect("a list") {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = format!(
            "{}/{}",
            text(&item["kind"]),
            text(&item["metadata"]["name"])
        );
        let namespace = text(&item["metadata"]["namespace"]);
        let mut arguments = vec!["label", &object];
        if !namespace.is_empty() {
            arguments.extend(["-n", &namespace]);
        }
        let removed = format!("{label}-");
        arguments.push(&removed);
        cluster.kubectl(&arguments);
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn every_printed_permission_is_used_and_none_is_missing() {
    let cluster = Cluster::start_audited();
    let program = Program::of(SMALL);
    let deployer = Deployer::new(&cluster, &program, "deployer", &[]);
    let printed = deployer.printed(&[]);
    let text = printed.to_string();
    for verb in ["\"escalate\"", "\"bind\"", "\"impersonate\"", "\"*\""] {
        assert!(!text.contains(verb), "{verb} in {text}");
    }
    make_secret(&cluster);
    deployer.run(&["plan"]).exits(2);
    deployer.run(&["apply", "--yes"]).exits(0);
    let granted = rules_of_platform(&cluster);
    assert!(granted.len() > 1, "{granted:?}");
    deployer
        .run(&["apply", "--yes"])
        .exits(0)
        .says(&["nothing to do"]);
    deployer.run(&["status"]).exits(0);
    deployer.run(&["drift"]).exits(0);
    // Objects without the label are found by their names.
    forget(&cluster);
    deployer.run(&["plan"]).exits(2);
    deployer.run(&["apply", "--yes"]).exits(0);
    // A claim grows as far as its class allows it.
    program.edit("data 1Gi", "data 2Gi");
    deployer
        .run(&["apply", "--yes", "--replace", "db"])
        .exits(0);
    // A crash shows the last lines of the pod's log.
    program.edit("shop/api:1", "shop/fault-crash:1");
    deployer
        .run(&["apply", "--yes", "--timeout", "60s"])
        .exits(3);
    program.edit("shop/fault-crash:1", "shop/api:2");
    // Everything that may go goes.
    let (head, _) = SMALL.split_once("  quota cpu").expect("a quota");
    program.write(&format!("{head}{REST}"));
    deployer
        .run(&["apply", "--yes", "--prune", "--confirm", "small"])
        .exits(0);
    deployer.run(&["history"]).exits(0);
    deployer.run(&["rollback", "--yes"]).exits(0);
    program.write(SMALL);
    // Only a StatefulSet whose revision failed has a pod deleted; the tests of rollouts do that.
    deployer.used_exactly(&printed, &granted, &[("delete", "pods")]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn each_command_has_permissions_of_its_own() {
    let cluster = Cluster::start_audited();
    let program = Program::of(SMALL);
    cluster.kubectl(&["create", "namespace", "small"]);
    make_secret(&cluster);
    cluster.applied(program.path());

    // Without any permission to write, what differs is computed from the live objects.
    let reader = Deployer::new(
        &cluster,
        &program,
        "reader",
        &["--for", "plan,drift,status"],
    );
    let printed = reader.printed(&["--for", "plan,drift,status"]);
    for verb in ["create", "patch", "update", "delete"] {
        assert!(
            !printed.to_string().contains(&format!("\"{verb}\"")),
            "{verb}"
        );
    }
    reader.run(&["plan"]).exits(0);
    reader.run(&["drift"]).exits(0);
    reader.run(&["status"]).exits(0);
    cluster.kubectl(&[
        "set",
        "image",
        "deployment/old",
        "old=shop/fault-crash:9",
        "-n",
        "small",
    ]);
    let crashes = || {
        let status = reader.run(&["status", "--format", "json"]).exits(3);
        status.out.contains("last with exit code 1")
    };
    until("a crash", crashes);
    // Objects without the label are found by their names.
    forget(&cluster);
    reader
        .run(&["plan"])
        .exits(2)
        .says(&["shop/fault-crash:9", "compared without a dry run"]);
    reader
        .run(&["drift"])
        .exits(2)
        .says(&["shop/fault-crash:9"]);
    reader.used_exactly(&printed, &[], &[]);
    reader
        .run(&["apply", "--yes", "--take-from", "kubectl-set"])
        .exits(1)
        .says(&[
            "nothing was written: this account may not",
            "patch resourcequotas quota in small",
            "erpc rbac",
        ]);
    cluster
        .erpc(
            &["apply", "--yes", "--take-from", "kubectl-set"],
            program.path(),
        )
        .exits(0);

    // The answers of the probe are not the matter: no container runs here.
    let prober = Deployer::new(&cluster, &program, "prober", &["--for", "probe"]);
    let printed = prober.printed(&["--for", "probe"]);
    prober.run(&["probe", "--run", "--yes"]);
    prober.used_exactly(&printed, &[], &[]);

    // A permission that is missing is named before anything is deleted.
    let hindered = Deployer::new(&cluster, &program, "hindered", &["--for", "destroy"]);
    let printed = hindered.printed(&["--for", "destroy"]);
    hindered.grant(&hindered.without(&printed, "delete", "persistentvolumeclaims"));
    let destroy = [
        "destroy",
        "--confirm",
        "small",
        "--delete-data",
        "--namespace",
        "small",
    ];
    let before = cluster.versions("small");
    hindered.run(&destroy).exits(1).says(&[
        "nothing was deleted",
        "cannot delete resource \"persistentvolumeclaims\"",
    ]);
    assert_eq!(cluster.versions("small"), before);
    let remover = Deployer::new(&cluster, &program, "remover", &["--for", "destroy"]);
    let printed = remover.printed(&["--for", "destroy"]);
    remover.run(&destroy).exits(0);
    // The run that was refused has made the lease.
    remover.used_exactly(&printed, &[], &[("create", "leases")]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_missing_list_or_watch_is_said_at_once() {
    let cluster = Cluster::start();
    let program = Program::of(SMALL);
    let deployer = Deployer::new(&cluster, &program, "deployer", &[]);
    make_secret(&cluster);
    let printed = deployer.printed(&[]);
    for (verb, resource) in [
        ("list", "pods"),
        ("watch", "endpointslices"),
        ("create", "deployments"),
    ] {
        deployer.grant(&deployer.without(&printed, verb, resource));
        deployer.run(&["apply", "--yes"]).exits(1).says(&[
            "this account may not",
            &format!("{verb} {resource}"),
            " in small",
        ]);
        let names = cluster.kubectl(&["get", "deployments,leases", "-A", "-o", "name"]);
        assert!(!names.contains("small"), "{names}");
    }
    // One that goes while the rollout waits ends the wait, long before its time is over.
    deployer.grant(&printed);
    program.edit("shop/db:1", "shop/fault-unready:1");
    let kubeconfig = deployer.kubeconfig();
    let arguments = ["apply", "--yes", "--kubeconfig", &kubeconfig];
    let apply = cluster.spawn(&arguments, program.path());
    super::apply::wait_for(&cluster, &["statefulset", "db", "-n", "small"]);
    deployer.grant(&deployer.without(&printed, "watch", "pods"));
    Ran::end_of(apply).exits(4).says(&[
        "the rollout cannot be followed",
        "cannot watch resource \"pods\"",
    ]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn the_printed_permissions_cannot_be_escalated() {
    let cluster = Cluster::start();
    let program = Program::of(SMALL);
    let deployer = Deployer::new(&cluster, &program, "nobody", &["--for", "apply,probe"]);
    make_secret(&cluster);
    deployer.run(&["apply", "--yes"]).exits(0);
    cluster.kubectl(&[
        "create",
        "secret",
        "generic",
        "other",
        "-n",
        "small",
        "--from-literal=a=b",
    ]);
    cluster.kubectl(&["create", "serviceaccount", "powerful", "-n", "kube-system"]);
    cluster.kubectl(&[
        "create",
        "clusterrolebinding",
        "powerful",
        "--clusterrole=cluster-admin",
        "--serviceaccount=kube-system:powerful",
    ]);
    cluster.kubectl(&[
        "create",
        "rolebinding",
        "admins",
        "--clusterrole=admin",
        "--user=someone",
        "-n",
        "small",
    ]);

    let rule = |resource: &str, verb: &str| json!({ "apiGroups": ["", "rbac.authorization.k8s.io"], "resources": [resource], "verbs": [verb] });
    let role = |kind: &str, namespace: Option<&str>, name: &str, rules: Value| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
            "metadata": { "name": name, "namespace": namespace }, "rules": rules,
        })
    };
    let binding = |kind: &str, namespace: Option<&str>, name: &str, role: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
            "metadata": { "name": name, "namespace": namespace },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody" }],
        })
    };
    let pod = |namespace: &str, spec: Value| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "evil", "namespace": namespace }, "spec": spec,
        })
    };
    let container = json!([{ "name": "a", "image": "a" }]);
    let everything = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    let secrets = json!([rule("secrets", "list")]);
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": { "name": "evil" }, "webhooks": [],
    });
    // Own roles, the platform's roles, new ones, bindings, and everything that acts as another.
    let applied = [
        role("ClusterRole", None, "erpc-small", everything.clone()),
        role("ClusterRole", None, "small.api", everything.clone()),
        role(
            "ClusterRole",
            None,
            "small.api",
            json!([rule("clusterroles", "escalate")]),
        ),
        role(
            "ClusterRole",
            None,
            "small.api",
            json!([rule("clusterroles", "bind")]),
        ),
        role("ClusterRole", None, "evil", everything.clone()),
        role("ClusterRole", None, "evil", json!([rule("nodes", "get")])),
        role("Role", Some("small"), "erpc-small", secrets.clone()),
        role("Role", Some("small"), "api", secrets.clone()),
        role("Role", Some("small"), "evil", secrets.clone()),
        role("Role", Some("kube-system"), "evil", secrets),
        binding("ClusterRoleBinding", None, "evil", "cluster-admin"),
        binding("ClusterRoleBinding", None, "evil", "small.api"),
        binding("ClusterRoleBinding", None, "powerful", "cluster-admin"),
        binding("ClusterRoleBinding", None, "erpc-small", "cluster-admin"),
        binding("RoleBinding", Some("small"), "evil", "admin"),
        binding("RoleBinding", Some("small"), "admins", "admin"),
        binding("RoleBinding", Some("kube-system"), "evil", "admin"),
        pod(
            "kube-system",
            json!({ "serviceAccountName": "powerful", "containers": container }),
        ),
        pod("small", json!({ "containers": container })),
        webhook,
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "evil" } }),
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": "small", "labels": { "pod-security.kubernetes.io/enforce": "privileged" } },
        }),
        json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "evil" },
            "spec": {
                "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"],
                "hostPath": { "path": "/" },
            },
        }),
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {
                "name": "evil", "namespace": "small",
                "annotations": { "kubernetes.io/service-account.name": "api" },
            },
        }),
        json!({
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": { "name": "evil" },
            "spec": { "request": "", "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"] },
        }),
        json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": { "name": "v1.evil.example" },
            "spec": { "group": "evil.example", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1 },
        }),
    ];
    let mut succeeded = Vec::new();
    let mut tried = 0;
    let mut fails = |what: String, output: &Output| {
        tried += 1;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_forbidden = said.contains("orbidden") || said.contains("cannot ");
        if output.status.success() || !is_forbidden {
            succeeded.push(format!("{what}: {said}"));
        }
    };
    let file = cluster
        .folder
        .path()
        .join("evil.json")
        .display()
        .to_string();
    for object in &applied {
        std::fs::write(&file, object.to_string()).expect("a file");
        let server_side = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--validate=false",
            "-f",
            &file,
        ];
        fails(format!("apply {object}"), &deployer.kubectl(&server_side));
        fails(
            format!("create {object}"),
            &deployer.kubectl(&["create", "--validate=false", "-f", &file]),
        );
    }
    let escalate_pod = "deploy/api";
    for arguments in [
        &["get", "secrets", "-n", "small"][..],
        &["get", "secret", "other", "-n", "small"],
        &["get", "secrets", "-A"],
        &["get", "configmaps", "-n", "kube-system"],
        &["create", "token", "api", "-n", "small"],
        &["create", "token", "powerful", "-n", "kube-system"],
        &[
            "get",
            "secrets",
            "-A",
            "--as=admin",
            "--as-group=system:masters",
        ],
        &[
            "get",
            "secrets",
            "-A",
            "--as=system:serviceaccount:kube-system:powerful",
        ],
        &["get", "--raw", "/api/v1/nodes/node-1/proxy/pods"],
        &[
            "label",
            "namespace",
            "small",
            "pod-security.kubernetes.io/enforce=privileged",
            "--overwrite",
        ],
        &["label", "namespace", "kube-system", "a=b"],
        &["delete", "namespace", "kube-system"],
        &["delete", "clusterrolebinding", "powerful"],
        &[
            "patch",
            "clusterrolebinding",
            "small.api",
            "--type=json",
            "-p",
            r#"[{"op":"replace","path":"/roleRef/name","value":"cluster-admin"}]"#,
        ],
        &[
            "patch",
            "configmap",
            "extension-apiserver-authentication",
            "-n",
            "kube-system",
            "-p",
            "{}",
        ],
        &["exec", escalate_pod, "-n", "small", "--", "sh"],
        &["port-forward", escalate_pod, "80", "-n", "small"],
        &["taint", "node", "node-1", "a=b:NoSchedule"],
    ] {
        fails(format!("{arguments:?}"), &deployer.kubectl(arguments));
    }
    assert!(tried > 60, "{tried}");
    assert!(succeeded.is_empty(), "{succeeded:#?}");

    // What Kubernetes cannot forbid is said with the permissions.
    let text = cluster
        .erpc(&["rbac", "--user", "nobody", "--quiet"], program.path())
        .exits(0);
    text.says(&[
        "# Who creates workloads in a namespace can read every Secret and ConfigMap in it",
        "# The deployer holds what the platform's own roles grant",
        "ClusterRole small.api",
    ]);
}
