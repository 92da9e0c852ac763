//! Policies and roles among the manifests that a platform takes as they are written.

use std::path::Path;

use erpc_cli::Exit;
use erpc_tests::{Ran, erpc};

const PLATFORM: &str = r#"erp 1

platform shop { version "1.0"; cluster main }
cluster main { kubernetes 1.36; dns kube-dns; cni calico }

namespace shop {
  manifests "raw.yaml" because "it was there before"
  FLOW
}
"#;

/// Two workloads, a policy that opens one to the other, a policy of a mesh, and a role that reads Secrets.
const RAW: &str = r#"apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: to-redis }
spec:
  podSelector: { matchLabels: { app: redis } }
  ingress:
    - from: [{ podSelector: { matchLabels: { app: web } } }]
      ports: [{ port: 6379 }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: mesh }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader }
rules: [{ apiGroups: [""], resources: [secrets], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: boss }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: ops }]
"#;

fn workload(name: &str) -> String {
    format!(
        r"---
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {name} }}
spec:
  selector: {{ matchLabels: {{ app: {name} }} }}
  template:
    metadata: {{ labels: {{ app: {name} }} }}
    spec:
      securityContext: {{ runAsNonRoot: true, runAsUser: 999, seccompProfile: {{ type: RuntimeDefault }} }}
      containers:
        - {{ name: main, image: 'redis:7.4', securityContext: {{ allowPrivilegeEscalation: false, capabilities: {{ drop: [ALL] }} }} }}
"
    )
}

fn write(folder: &Path, flow: &str) {
    let platform = PLATFORM.replace("FLOW", flow);
    std::fs::write(folder.join("platform.erp"), platform).expect("written");
    let raw = format!("{RAW}{}{}", workload("redis"), workload("web"));
    std::fs::write(folder.join("raw.yaml"), raw).expect("written");
}

fn run(command: &str, folder: &Path) -> Ran {
    erpc(&[command.as_ref(), folder.as_os_str()])
}

#[test]
fn what_a_raw_policy_opens_is_an_error_at_its_line_unless_a_flow_declares_it() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    write(folder.path(), "");
    let ran = run("build", folder.path());
    assert_eq!(ran.exit, Exit::Failed, "{}{}", ran.out, ran.err);
    for text in [
        "the policy of shop.redis lets shop.web in on 6379/TCP",
        "raw.yaml:7:5",
        "opened by this rule of NetworkPolicy to-redis",
        "declare the flow from `shop.web` to `shop.redis`",
    ] {
        assert!(ran.err.contains(text), "{text}: {}", ran.err);
    }
    write(folder.path(), "allow web -> redis:port-6379");
    let ran = run("build", folder.path());
    assert_eq!(ran.exit, Exit::Done, "{}{}", ran.out, ran.err);
    let ran = run("prove", folder.path());
    assert_eq!(ran.exit, Exit::Done, "{}{}", ran.out, ran.err);
    let text = "1 AuthorizationPolicy (security.istio.io/v1)";
    assert!(ran.out.contains(text), "{}", ran.out);
}

#[test]
fn the_handbook_lists_what_is_dangerous_in_raw_roles() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    write(folder.path(), "allow web -> redis:port-6379");
    let out = folder.path().join("report");
    let ran = erpc(&[
        "report".as_ref(),
        folder.path().as_os_str(),
        "--out".as_ref(),
        out.as_os_str(),
    ]);
    assert_eq!(ran.exit, Exit::Done, "{}{}", ran.out, ran.err);
    let handbook = std::fs::read_to_string(out.join("handbook.md")).expect("the handbook");
    for (object, danger) in [
        ("Role shop/reader", "reads Secrets"),
        ("ClusterRoleBinding boss", "nearly everything is allowed"),
    ] {
        let mut lines = handbook.lines();
        let line = lines.find(|line| line.contains(object)).expect("its row");
        assert!(line.contains(danger), "{line}");
    }
}
