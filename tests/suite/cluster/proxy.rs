//! A proxy between erpc and the API server, which does what its rules say and writes down every
//! request; `tests/cluster/proxy.go` is the other half.

use std::path::Path;
use std::process::{Child, Command};

use serde_json::Value;

use super::server::{Cluster, Ran, started};

/// A proxy with rules; it stops with its standard input.
pub(super) struct Proxy<'c> {
    cluster: &'c Cluster,
    process: Child,
}

impl<'c> Proxy<'c> {
    pub(super) fn start(cluster: &'c Cluster, rules: &Value) -> Self {
        let file = cluster.folder.path().join("rules.json");
        std::fs::write(&file, rules.to_string()).expect("a file");
        let mut command = Command::new(cluster.binary());
        command.arg("proxy").arg(cluster.folder.path()).arg(&file);
        let (process, is_ready) = started(&mut command);
        assert!(is_ready, "the proxy starts");
        Self { cluster, process }
    }

    pub(super) fn command(&self, arguments: &[&str], folder: &Path) -> Command {
        let kubeconfig = self.cluster.folder.path().join("kubeconfig-proxy");
        let mut command = self.cluster.command(arguments, folder);
        command.env("KUBECONFIG", kubeconfig);
        command
    }

    pub(super) fn apply(&self, folder: &Path) -> Ran {
        let output = self.command(&["apply", "--yes"], folder).output();
        Ran::of(&output.expect("erpc runs"))
    }

    /// The requests that met a rule, and all of them.
    pub(super) fn log(&self) -> (Vec<String>, Vec<String>) {
        let file = self.cluster.folder.path().join("proxy.log");
        let text = std::fs::read_to_string(file).expect("the log");
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let met = lines
            .iter()
            .filter(|line| line.starts_with("met "))
            .cloned()
            .collect();
        (met, lines)
    }

    /// The requests so far that change something.
    pub(super) fn writes(&self) -> Vec<String> {
        let (_, mut all) = self.log();
        all.retain(|line| is_write(line));
        all
    }
}

impl Drop for Proxy<'_> {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Whether a line of the log is a request that changes something.
pub(super) fn is_write(line: &str) -> bool {
    let is_change = ["PATCH", "POST", "PUT", "DELETE"]
        .iter()
        .any(|method| line.split(' ').nth(1) == Some(method));
    is_change && !line.contains("dryRun=") && !line.contains("accessreviews")
}
