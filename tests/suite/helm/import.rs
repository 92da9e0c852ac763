//! A chart as a platform, rendered by the real Helm.

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use super::HELMS;

fn write_chart(folder: &Path) {
    let files = [
        (
            "chart/Chart.yaml",
            "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
        ),
        ("chart/values.yaml", "replicas: 1\ntag: \"1\"\n"),
        (
            "chart/templates/web.yaml",
            r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-web
  labels: { app.kubernetes.io/part-of: shops, app.kubernetes.io/managed-by: {{ .Release.Service }} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
      - name: web
        image: "shop/web:{{ required "tag is required" .Values.tag }}"
"#,
        ),
        ("prod.yaml", "replicas: 3\n"),
        ("broken.yaml", "tag: \"\"\n"),
    ];
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
}

/// `erpc import` with one program named `helm` in its path.
fn import(folder: &Path, helm: &str, arguments: &[&str]) -> Output {
    let programs = TempDir::new().expect("a folder");
    let binary = std::env::var_os(helm).expect("what tests/helm/build prints");
    std::os::unix::fs::symlink(binary, programs.path().join("helm")).expect("a link");
    std::process::Command::new(env!("CARGO_BIN_EXE_erpc-under-test"))
        .arg("import")
        .args(arguments)
        .current_dir(folder)
        .env("PATH", programs.path())
        .env("HOME", programs.path())
        .output()
        .expect("erpc runs")
}

#[test]
#[ignore = "needs what tests/helm/build makes; tests/run runs it"]
fn a_chart_is_rendered_for_an_import() {
    for helm in HELMS {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path();
        write_chart(path);
        let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();

        let arguments = ["--helm", "chart", "-f", "prod.yaml", "--release", "live"];
        let made = import(path, helm, &[&arguments[..], &["--out", "made"]].concat());
        assert_eq!(made.status.code(), Some(0), "{}", said(&made));
        let source = std::fs::read_to_string(path.join("made/platform.erp")).expect("a platform");
        for wanted in ["service live-web", "shop/web:1", "replicas 3"] {
            assert!(source.contains(wanted), "{wanted}: {source}");
        }

        let broken = ["--helm", "chart", "-f", "broken.yaml", "--out", "not"];
        let broken = import(path, helm, &broken);
        assert_eq!(broken.status.code(), Some(1));
        for wanted in [
            "helm cannot render chart",
            "templates/web.yaml",
            "tag is required",
        ] {
            let said = said(&broken);
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        let raw = import(path, helm, &["chart", "--out", "not"]);
        assert_eq!(raw.status.code(), Some(64));
        assert!(said(&raw).contains("`erpc import --helm chart`"));
        assert!(!path.join("not").exists());
    }
}

#[test]
#[ignore = "needs what tests/helm/build makes; tests/run runs it"]
fn the_guide_from_helm_is_what_it_shows() {
    for helm in HELMS {
        let binary = std::env::var(helm).expect("what tests/helm/build prints");
        let home = TempDir::new().expect("a folder");
        crate::sessions::plays_with(
            "docs/import-helm.md",
            &crate::sessions::Tools {
                scripts: &[("helm", format!("'{binary}'"))],
                variables: &[("HOME", home.path())],
            },
        );
    }
}
