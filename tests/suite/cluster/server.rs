//! A control plane for one test, and programs to apply to it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// A running control plane; it stops with its standard input.
pub(super) struct Cluster {
    server: Mutex<Option<Child>>,
    /// Variables of the server's environment.
    variables: &'static [(&'static str, &'static str)],
    binary: PathBuf,
    pub(super) folder: TempDir,
}

/// What a run of `erpc` left.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    pub(super) fn of(output: &Output) -> Self {
        Self {
            // A signal leaves no code.
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What a process says until its end.
    pub(super) fn end_of(process: Child) -> Self {
        Self::of(&process.wait_with_output().expect("it ended"))
    }

    /// Fails with all that was said unless the code is this one.
    #[track_caller]
    pub(super) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    /// Fails unless all of these are said somewhere.
    #[track_caller]
    pub(super) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.out.contains(part) || self.err.contains(part),
                "`{part}` is not in\n{}\n{}",
                self.out,
                self.err
            );
        }
        self
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("one JSON document")
    }
}

impl Cluster {
    pub(super) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A control plane that records every request in `audit.log`.
    pub(super) fn start_audited() -> Self {
        Self::start_with(&[("CLUSTER_AUDIT", "1")])
    }

    /// A control plane with these variables in its environment: `CLUSTER_WITHOUT` names controllers
    /// that its controller manager lacks.
    pub(super) fn start_with(variables: &'static [(&'static str, &'static str)]) -> Self {
        let binary = PathBuf::from(
            std::env::var_os("ERPC_TEST_CLUSTER")
                .expect("ERPC_TEST_CLUSTER names what tests/cluster/build has built"),
        );
        let folder = TempDir::new().expect("a temporary folder");
        let mut cluster = Self {
            server: Mutex::new(None),
            variables,
            binary,
            folder,
        };
        // Ports that are free when they are chosen may be taken when they are opened.
        for _ in 0..3 {
            if cluster.serve() {
                return cluster;
            }
            cluster.folder = TempDir::new().expect("a temporary folder");
        }
        panic!("the server does not start");
    }

    /// Starts the server, on the data of an earlier run if there is some. Whether it came up.
    pub(super) fn serve(&self) -> bool {
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg(self.folder.path());
        let (server, is_ready) = started(command.envs(self.variables.iter().copied()));
        *self.server() = Some(server);
        is_ready
    }

    /// The entries of the audit log about requests of a user, who may be impersonated.
    pub(super) fn audited(&self, user: &str) -> Vec<Value> {
        let log = self.folder.path().join("audit.log");
        let text = std::fs::read_to_string(log).expect("the server is audited");
        // The last line may be half written.
        let entries = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        entries
            .filter(|entry: &Value| {
                let impersonated = &entry["impersonatedUser"]["username"];
                let name = if impersonated.is_null() {
                    &entry["user"]["username"]
                } else {
                    impersonated
                };
                name == user
            })
            .collect()
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().expect("no test panics with it")
    }

    /// Kills the server at once.
    pub(super) fn kill(&self) {
        if let Some(mut server) = self.server().take() {
            server.kill().expect("it runs");
            server.wait().expect("it ended");
        }
    }

    /// Sends a signal to the server: `-STOP`, `-CONT`.
    pub(super) fn signal(&self, name: &str) {
        send(name, self.server().as_ref().expect("it runs"));
    }

    pub(super) fn binary(&self) -> &Path {
        &self.binary
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    pub(super) fn kubectl_in(&self, arguments: &[&str], folder: &Path) -> Output {
        Command::new(&self.binary)
            .arg("kubectl")
            .args(arguments)
            .current_dir(folder)
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.folder.path())
            .output()
            .expect("kubectl runs")
    }

    /// Runs kubectl, which must succeed, and gives its output.
    #[track_caller]
    pub(super) fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.kubectl_in(arguments, self.folder.path());
        assert!(
            output.status.success(),
            "kubectl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Applies YAML as somebody else would.
    #[track_caller]
    pub(super) fn apply_yaml(&self, text: &str) {
        let file = self.folder.path().join("other.yaml");
        std::fs::write(&file, text).expect("a file");
        self.kubectl(&["apply", "-f", &file.display().to_string()]);
    }

    /// One object, or one list, as JSON.
    #[track_caller]
    pub(super) fn get(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["get", "-o", "json"];
        all.extend(arguments);
        serde_json::from_str(&self.kubectl(&all)).expect("JSON")
    }

    /// The command, ready to be spawned.
    pub(super) fn command(&self, arguments: &[&str], folder: &Path) -> Command {
        let mut command = erpc(arguments, folder);
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.folder.path());
        command
    }

    /// The command under way, with what it says piped.
    pub(super) fn spawn(&self, arguments: &[&str], folder: &Path) -> Child {
        self.command(arguments, folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("erpc runs")
    }

    pub(super) fn erpc(&self, arguments: &[&str], folder: &Path) -> Ran {
        let output = self.command(arguments, folder).output();
        Ran::of(&output.expect("erpc runs"))
    }

    /// Applies the program in a folder, which must succeed.
    #[track_caller]
    pub(super) fn applied(&self, folder: &Path) -> Ran {
        self.erpc(&["apply", "--yes"], folder).exits(0)
    }

    /// The version of every object of a platform, those that controllers write their status into
    /// by the generation.
    pub(super) fn versions(&self, platform: &str) -> Vec<String> {
        let kinds = "namespaces,configmaps,services,networkpolicies,ingresses,serviceaccounts,roles,\
                     rolebindings,poddisruptionbudgets,deployments,statefulsets,jobs,cronjobs,\
                     persistentvolumeclaims,resourcequotas,limitranges,horizontalpodautoscalers,\
                     storageclasses,ingressclasses,clusterroles,clusterrolebindings";
        let selector =
            format!("app.kubernetes.io/part-of={platform},app.kubernetes.io/managed-by=erpc");
        let list = self.get(&[kinds, "-A", "-l", &selector]);
        let items = list["items"].as_array().expect("a list");
        let mut versions: Vec<String> = items
            .iter()
            .map(|item| {
                let metadata = &item["metadata"];
                let has_status = matches!(
                    item["kind"].as_str(),
                    Some(
                        "Deployment"
                            | "StatefulSet"
                            | "Job"
                            | "CronJob"
                            | "PodDisruptionBudget"
                            | "HorizontalPodAutoscaler"
                            | "PersistentVolumeClaim"
                            | "ResourceQuota"
                    )
                );
                let version = if has_status {
                    // Our own entry moves with every write of ours.
                    let fields = metadata["managedFields"].as_array().cloned();
                    let ours = fields
                        .into_iter()
                        .flatten()
                        .find(|f| f["manager"] == format!("erpc:{platform}"));
                    format!(
                        "{} {:?}",
                        metadata["generation"],
                        ours.map(|f| f["time"].clone())
                    )
                } else {
                    metadata["resourceVersion"].to_string()
                };
                format!(
                    "{} {}/{} {version}",
                    item["kind"], metadata["namespace"], metadata["name"]
                )
            })
            .collect();
        versions.sort();
        versions
    }

    /// What the inventory of a platform lists, as `namespace group/Kind/name`.
    pub(super) fn listed(&self, platform: &str) -> Vec<String> {
        let name = format!("erpc-{platform}");
        let map = self.get(&["configmap", &name, "-n", "erpc-system"]);
        let mut lines = Vec::new();
        for (namespace, packed) in map["binaryData"].as_object().into_iter().flatten() {
            let text = gunzip(packed.as_str().expect("text"));
            lines.extend(text.lines().map(|line| format!("{namespace} {line}")));
        }
        lines.sort();
        lines
    }
}

fn gunzip(packed: &str) -> String {
    use base64::Engine;
    use std::io::Read;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(packed)
        .expect("base64");
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_string(&mut text)
        .expect("gzip");
    text
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let server = self.server.get_mut();
        if let Some(mut server) = server.ok().and_then(Option::take) {
            drop(server.stdin.take());
            let _ = server.wait();
        }
    }
}

/// `erpc` as it is called without any cluster.
pub(super) fn erpc(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_erpc-under-test"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// Every version of some objects from now on, as `kubectl get --watch` shows them.
pub(super) struct Watch {
    process: Child,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Watch {
    pub(super) fn start(cluster: &Cluster, objects: &[&str]) -> Self {
        let mut process = Command::new(cluster.binary())
            .args(["kubectl", "get", "--watch", "-o", "json"])
            .args(objects)
            .env("KUBECONFIG", cluster.kubeconfig())
            .stdout(Stdio::piped())
            .spawn()
            .expect("kubectl runs");
        let stream = process.stdout.take().expect("its output");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            let versions = serde_json::Deserializer::from_reader(stream).into_iter::<Value>();
            for version in versions.map_while(Result::ok) {
                kept.lock().expect("no reader panics").push(version);
            }
        });
        Self { process, seen }
    }

    /// What was seen, as soon as this is so of it.
    #[track_caller]
    pub(super) fn until(&self, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        for _ in 0..MOST_LOOKS {
            let seen = self.seen.lock().expect("no reader panics").clone();
            if is_so(&seen) {
                return seen;
            }
            std::thread::sleep(LOOKED_AT_EVERY);
        }
        panic!("it never was so of {:?}", self.seen);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends a signal to a process: `-INT`.
pub(super) fn send(name: &str, process: &Child) {
    let sent = Command::new("kill")
        .args([name, &process.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

/// Waits until something is so. The patience is that of a machine that does much else.
#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..MOST_LOOKS {
        if is_so() {
            return;
        }
        std::thread::sleep(LOOKED_AT_EVERY);
    }
    panic!("{what} never came");
}

const LOOKED_AT_EVERY: Duration = Duration::from_millis(50);
/// Half an hour: a bound for what never comes, not a measure of how long something may take.
const MOST_LOOKS: usize = 36_000;

/// A program in a folder of its own.
pub(super) struct Program {
    folder: TempDir,
}

/// Starts a server or a proxy, which ends with its standard input. Whether it has come up.
pub(super) fn started(command: &mut Command) -> (Child, bool) {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary of the tests runs");
    let mut line = String::new();
    let out = process.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut line).expect("a line");
    (process, line == "ready\n")
}

/// Three services in a row: `web` requires `api`, which requires `db`.
pub(super) const SHOP: &str = r#"erp 1

platform shop {
  version "1.0.0"
  registry "docker.io"
  cluster main
}

tiers back < front

cluster main {
  kubernetes 1.37
  nodes 3 of cpu 64, memory 256Gi, in 10.0.0.0/16
  pods 10.244.0.0/16
  services 10.96.0.0/16
  dns kube-dns
  storage standard default
}

namespace shop-back {
  tier back

  service db {
    image "shop/db:1"
    port sql 5432
    cpu 10m..100m
    memory 16Mi..64Mi
    health tcp on sql
    run as 1000
    volume data 1Gi at "/data"
  }

  service api {
    image "shop/api:1"
    port http 8080
    cpu 10m..100m
    memory 16Mi..64Mi
    health http "/"
    run as 1000
    calls db:sql
  }
}

namespace shop-front {
  tier front

  service web {
    image "shop/web:1"
    replicas 2
    port http 8080
    cpu 10m..100m
    memory 16Mi..64Mi
    health http "/"
    run as 1000
    access by port-forward
    calls shop-back.api:http
  }
}
"#;

impl Program {
    pub(super) fn of(text: &str) -> Self {
        let program = Self {
            folder: TempDir::new().expect("a temporary folder"),
        };
        program.write(text);
        program
    }

    pub(super) fn shop() -> Self {
        Self::of(SHOP)
    }

    pub(super) fn write(&self, text: &str) {
        std::fs::write(self.path().join("platform.erp"), text).expect("a file");
    }

    /// Replaces a part of the text, which must be there.
    #[track_caller]
    pub(super) fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path().join("platform.erp")).expect("a file");
        assert!(text.contains(from), "`{from}` is in the program");
        self.write(&text.replace(from, to));
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}
