//! The output against a real API server: `kubectl apply --server-side -R -f share -f lib` does on
//! an empty cluster, in one run, without a warning. `tests/run` builds the server and runs these.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use erpc_tests::{folders_below, repository};
use tempfile::TempDir;

/// A running API server; it stops with its standard input.
struct Cluster {
    server: Child,
    binary: PathBuf,
    folder: TempDir,
}

impl Cluster {
    fn start() -> Self {
        let binary = PathBuf::from(
            std::env::var_os("ERPC_TEST_CLUSTER")
                .expect("ERPC_TEST_CLUSTER names what tests/cluster/build has built"),
        );
        let folder = TempDir::new().expect("a temporary folder");
        let mut server = Command::new(&binary)
            .arg("serve")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let out = server.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        Self {
            server,
            binary,
            folder,
        }
    }

    fn kubectl(&self, arguments: &[&str], folder: &Path) -> Output {
        Command::new(&self.binary)
            .arg("kubectl")
            .args(arguments)
            .current_dir(folder)
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .env("HOME", self.folder.path())
            .output()
            .expect("kubectl runs")
    }

    /// Applies the committed output of a platform; every object is accepted without a warning.
    fn apply(&self, platform: &Path) {
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
        let output = self.kubectl(&arguments, platform);
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
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn an_empty_cluster_takes_every_platform_in_one_run_without_a_warning() {
    let mut platforms = folders_below("examples");
    platforms.extend(folders_below("tests/platforms"));
    platforms.push(repository());
    for platform in platforms {
        let cluster = Cluster::start();
        cluster.apply(&platform);
        // A second time nothing is left to do.
        let again = cluster.kubectl(
            &["diff", "--server-side", "-R", "-f", "share", "-f", "lib"],
            &platform,
        );
        assert!(
            again.status.success(),
            "{}",
            String::from_utf8_lossy(&again.stdout)
        );
    }
}
