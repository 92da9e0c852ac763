//! What shells and their users meet beside the commands: completions run in bash, manual pages, and
//! `explain` for what is no code.

use std::process::Command;

use erpc_cli::Exit;
use erpc_tests::{erpc, repository};
use serde_json::Value;
use tempfile::TempDir;

/// What bash offers for the last of these words, by the script that `completions bash` prints.
fn completed(words: &[&str]) -> Vec<String> {
    let folder = TempDir::new().expect("a folder");
    let program = env!("CARGO_BIN_EXE_erpc-under-test");
    std::os::unix::fs::symlink(program, folder.path().join("erpc")).expect("a link");
    let script = r#"
        source <(erpc completions bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _clap_complete_erpc erpc "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Command::new("bash")
        .args(["--norc", "-c", script, "bash"])
        .args(words)
        .current_dir(repository())
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .output()
        .expect("bash");
    let text = String::from_utf8_lossy(&ran.stdout);
    text.lines()
        .filter(|line| !line.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn bash_completes_commands_options_and_the_names_of_the_platform() {
    assert_eq!(completed(&["erpc", "sho"]), ["show"]);
    assert_eq!(completed(&["erpc", "show", "--emi"]), ["--emitted"]);
    assert_eq!(completed(&["erpc", "show", "imag"]), ["images"]);
    assert_eq!(
        completed(&["erpc", "show", "erp-ai"]),
        ["erp-ai", "erp-ai.ai-generation", "erp-ai.faiss-search"]
    );
    assert_eq!(
        completed(&["erpc", "show", "erp-apps.hl7-health.me"]),
        ["erp-apps.hl7-health.memory"]
    );
    assert_eq!(
        completed(&["erpc", "reach", "erp-services.kv"]),
        ["erp-services.kvs-database"]
    );
    assert_eq!(
        completed(&["erpc", "reach", "kvs-d"]),
        ["erp-services.kvs-database"]
    );
    let profiles = completed(&["erpc", "check", "--profile", ""]);
    assert!(!profiles.is_empty());
    assert!(
        profiles.iter().all(|name| !name.contains('.')),
        "{profiles:?}"
    );
    assert_eq!(
        completed(&["erpc", "plan", "--format", ""]),
        ["human", "json", "markdown"]
    );
    assert!(completed(&["erpc", "history", "--profi"]).is_empty());
    let codes = completed(&["erpc", "explain", "E010"]);
    assert!(codes.contains(&"E0101".to_owned()), "{codes:?}");
}

#[test]
fn what_stands_behind_a_code_is_not_dropped() {
    let ran = erpc(&["explain", "E0403", "extra"]);
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("`extra`"), "{}", ran.err);
    assert!(ran.out.is_empty());
}

#[test]
fn every_shell_gets_a_script_that_asks_erpc() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = erpc(&["completions", shell]);
        assert_eq!(ran.exit, Exit::Done, "{shell}: {}", ran.err);
        assert!(ran.out.contains("COMPLETE"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().join("man1");
    let ran = erpc(&["man".as_ref(), dir.as_os_str()]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let help = erpc(&["--help"]).out;
    let commands = help.split("Options:").next().expect("the commands");
    let names = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let names: Vec<&str> = names.filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let page = std::fs::read_to_string(dir.join(format!("erpc-{name}.1")));
        let page = page.unwrap_or_else(|_| panic!("{name} has no page"));
        assert!(
            page.contains(".SH SYNOPSIS") && page.contains("Examples:"),
            "{name}"
        );
    }
    let root = std::fs::read_to_string(dir.join("erpc.1")).expect("the page of erpc");
    assert!(
        root.contains("erpc\\-build(1)") && root.contains("Exit codes:"),
        "{root}"
    );
}

#[test]
fn explain_lists_the_objects_of_a_service_with_who_acts_on_each() {
    let root = repository();
    let root = root.to_string_lossy();
    let ran = erpc(&["explain", "hl7-health", &root, "--format", "json"]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let page: Value = serde_json::from_str(&ran.out).expect("JSON");
    let objects = page["objects"].as_array().expect("objects");
    let kinds: Vec<&str> = objects.iter().filter_map(|o| o["kind"].as_str()).collect();
    assert_eq!(
        kinds,
        [
            "Deployment",
            "HorizontalPodAutoscaler",
            "Ingress",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "Service",
            "Service"
        ]
    );
    for object in objects
        .iter()
        .chain(page["of_namespace"].as_array().into_iter().flatten())
    {
        assert!(
            !object["actors"].as_array().expect("actors").is_empty(),
            "{object}"
        );
        let file = object["file"].as_str().expect("a file");
        assert!(repository().join(file).is_file(), "{file}");
    }
    let first = objects[0]["actors"][0]["actor"].as_str();
    assert_eq!(first, Some("deployment controller"));

    let text = erpc(&["explain", "kvs-database", &root]).out;
    assert!(text.contains("\n  statefulset controller: "), "{text}");
    assert!(
        text.contains("\nNamespace erp-services  share/namespaces.yaml\n"),
        "{text}"
    );
}

#[test]
fn explain_knows_terms_and_words_and_says_what_is_near() {
    let slo = erpc(&["explain", "slo"]).out;
    assert!(slo.starts_with("# SLO: service level objective\n"), "{slo}");
    assert!(slo.contains("slo availability PERCENT"), "{slo}");
    let memory = erpc(&["explain", "memory"]).out;
    assert!(memory.contains("    memory "), "{memory}");
    let dns = erpc(&["explain", "dns"]).out;
    for written in [
        "dns kube-dns|openshift|node-local",
        "It stands in a cluster.",
        "dns \"name\"",
        "It stands in an external.",
    ] {
        assert!(dns.contains(written), "{written}: {dns}");
    }
    let root = repository();
    let root = root.to_string_lossy();
    for (name, wanted) in [
        ("E0430", "did you mean `E0403`?"),
        ("ї9", "there is no code `ї9`"),
        ("ксзії", "there is no code, term or word `ксзії`"),
        ("hl7-helth", "did you mean `hl7-health`?"),
        ("erp-apps", "is no service"),
    ] {
        let ran = erpc(&["explain", name, &root]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Failed, ""), "{name}");
        assert!(ran.err.contains(wanted), "{name}: {}", ran.err);
    }
}
