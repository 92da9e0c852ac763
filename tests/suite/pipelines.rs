//! The samples for pipelines in `docs/ci/`: their commands run, and the rule for Renovate finds
//! every image that a platform names with a tag of its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use erpc_tests::{compile_folder, erpc, files_below, platforms, repository};
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

fn sample(name: &str) -> String {
    let path = repository().join("docs/ci").join(name);
    std::fs::read_to_string(path).expect("a sample")
}

/// Every text of a document under these keys.
fn texts(document: &Value, keys: &[&str], out: &mut Vec<String>) {
    match document {
        Value::Object(map) => {
            for (key, value) in map {
                if keys.contains(&key.as_str()) {
                    let list = value.as_array().cloned().unwrap_or(vec![value.clone()]);
                    out.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
                } else {
                    texts(value, keys, out);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| texts(value, keys, out)),
        _ => {}
    }
}

/// The commands of a sample that are erpc's, in their order.
fn commands(name: &str, keys: &[&str]) -> Vec<String> {
    let document: Value = serde_saphyr::from_str(&sample(name)).expect("YAML");
    let mut all = Vec::new();
    texts(&document, keys, &mut all);
    all.retain(|command| command.starts_with("erpc "));
    all
}

/// A platform that is built, in a repository of Git with one commit.
fn committed() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (path, bytes) in files_below(&repository().join("examples/shop")) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
    let script = "git init -q . && git add -A && \
                  git -c user.name=t -c user.email=t@example.com commit -qm platform";
    let ran = Command::new("bash")
        .args(["-c", script])
        .current_dir(folder.path())
        .status();
    assert!(ran.expect("git").success());
    folder
}

fn run(command: &str, folder: &Path) -> (bool, String) {
    let program = env!("CARGO_BIN_EXE_erpc-under-test");
    let output = Command::new("bash")
        .args([
            "-c",
            &format!("erpc() {{ '{program}' \"$@\"; }}\n{command}"),
        ])
        .current_dir(folder)
        .env("BASE", "HEAD")
        .env("CI_MERGE_REQUEST_DIFF_BASE_SHA", "HEAD")
        .output()
        .expect("bash");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn the_commands_of_the_samples_pass_on_a_good_platform_and_stop_a_bad_one() {
    for (name, keys, count) in [
        ("github.yml", &["run"][..], 5),
        ("gitlab.yml", &["script"], 5),
        ("pre-commit.yaml", &["entry"], 3),
    ] {
        let commands = commands(name, keys);
        assert_eq!(commands.len(), count, "{name}: {commands:?}");
        let good = committed();
        for command in &commands {
            let (passed, said) = run(command, good.path());
            assert!(passed, "{name}: {command}: {said}");
        }
        if name != "pre-commit.yaml" {
            let diff = std::fs::read_to_string(good.path().join("diff.md")).expect("the diff");
            assert!(diff.contains("Nothing opens and nothing closes."), "{diff}");
            let findings = std::fs::read(good.path().join("findings.sarif")).expect("the log");
            let log: Value = serde_json::from_slice(&findings).expect("JSON");
            assert_eq!(log["version"], "2.1.0");
        }
        for (from, to) in [
            ("replicas 2", "replicas  2"),
            ("scale ", "skale "),
            ("replicas 2", "replicas 3"),
        ] {
            let bad = committed();
            let path = bad.path().join("platform.erp");
            let text = std::fs::read_to_string(&path).expect("the source");
            assert!(text.contains(from));
            std::fs::write(&path, text.replace(from, to)).expect("a file");
            let stopped = commands
                .iter()
                .filter(|command| !run(command, bad.path()).0)
                .count();
            assert!(stopped > 0, "{name}: {to}");
        }
    }
}

/// What the rule for Renovate finds in a text: name, tag and digest.
fn found(text: &str) -> BTreeSet<(String, String, String)> {
    let rule: Value = serde_json::from_str(&sample("renovate.json")).expect("JSON");
    let manager = &rule["customManagers"][0];
    let patterns = manager["matchStrings"].as_array().expect("patterns").iter();
    let mut all = BTreeSet::new();
    for pattern in patterns {
        // Renovate's engine is RE2, as is this one.
        let pattern = Regex::new(pattern.as_str().expect("a text")).expect("a pattern");
        for found in pattern.captures_iter(text) {
            let group = |name| {
                found
                    .name(name)
                    .map_or("", |group| group.as_str())
                    .to_owned()
            };
            all.insert((
                group("depName"),
                group("currentValue"),
                group("currentDigest"),
            ));
        }
    }
    all
}

#[test]
fn renovate_finds_every_image_that_has_a_tag_of_its_own() {
    let library: String = files_below(&repository().join("stdlib"))
        .into_values()
        .map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
        .collect();
    let mut count = 0;
    for folder in platforms() {
        let (platform, _) = compile_folder(&folder).result.expect("no errors");
        let sources = compile_folder(&folder).sources;
        let own: String = sources
            .iter()
            .map(|(_, source)| source.text.to_string())
            .collect();
        let found = found(&(own + &library));
        let images = platform.services().flat_map(|(_, service)| {
            service
                .containers()
                .map(|container| container.image.value.clone())
        });
        for image in images {
            if !image.is_pinned() {
                // Without a version there is none that could be raised.
                continue;
            }
            let tag = image.tag.clone().unwrap_or_default().to_string();
            if image.digest.is_none() && tag == platform.version.value {
                // The platform's own, which its version says.
                continue;
            }
            let is_named = found.iter().any(|(name, value, digest)| {
                let full = format!("{}/{}", image.registry, image.repository);
                (*name == full || *name == image.repository.as_str())
                    && *value == tag
                    && *digest == image.digest.clone().unwrap_or_default().as_str()
            });
            assert!(is_named, "{}: {image}", folder.display());
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
    let text = "image: String = \"registry.example:5000/a/b:v1.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"";
    let (name, tag, digest) = found(text).pop_first().expect("an image");
    assert_eq!(
        (name.as_str(), tag.as_str()),
        ("registry.example:5000/a/b", "v1.2")
    );
    assert!(digest.starts_with("sha256:0123"));
    assert!(
        found("image \"a/${service.name}:1\" image \"b:${platform.version}\" title \"c:1\"")
            .is_empty()
    );
}

#[test]
fn the_samples_name_files_of_the_language_as_they_are() {
    let rule: Value = serde_json::from_str(&sample("renovate.json")).expect("JSON");
    let pattern = &rule["customManagers"][0]["managerFilePatterns"][0];
    let pattern = pattern.as_str().expect("a pattern").trim_matches('/');
    let pattern = Regex::new(pattern).expect("a pattern");
    assert!(pattern.is_match("platform.erp") && !pattern.is_match("lib/a/b/deployment.yaml"));
    let ran = erpc(&["diff", "--help"]);
    assert!(ran.out.contains("--forbid-open"));
}
