//! The command line as its users meet it: what it prints, writes, leaves alone and returns.

use std::fs;
use std::path::Path;

use erpc_cli::Exit;
use erpc_tests::{Ran, erpc, files_below, repository};
use tempfile::TempDir;

fn shop() -> std::path::PathBuf {
    repository().join("examples/shop")
}

fn build(out: &Path, more: &[&str]) -> Ran {
    let shop = shop();
    let mut arguments = vec![
        "build".as_ref(),
        shop.as_os_str(),
        "--out".as_ref(),
        out.as_os_str(),
    ];
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    erpc(&arguments)
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

#[test]
fn help_and_version_exit_0_and_wrong_usage_64() {
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["build", "--help"],
        &["help", "order"],
    ] {
        let ran = erpc(arguments);
        assert_eq!(ran.exit, Exit::Done, "{arguments:?}");
        assert!(ran.err.is_empty() && !ran.out.is_empty());
    }
    let wrong: [&[&str]; 6] = [
        &[],
        &["biuld"],
        &["build", "--colour"],
        &["build", "--check", "--force"],
        &["completions", "tcsh"],
        &["check", "--format", "mermaid"],
    ];
    for arguments in wrong {
        let ran = erpc(arguments);
        assert_eq!(ran.exit, Exit::Usage, "{arguments:?}: {}", ran.err);
        assert!(ran.out.is_empty() && !ran.err.is_empty());
    }
}

#[test]
fn a_command_takes_its_own_formats_and_flags_and_names_them() {
    for (arguments, expected) in [
        (
            &["plan", "--format", "dot"][..],
            "invalid value 'dot' for '--format <FORMAT>'\n  [possible values: human, json, markdown]",
        ),
        (
            &["check", "--format", "csv"],
            "[possible values: human, json, sarif, github]",
        ),
        (
            &["graph", "--format", "jsn"],
            "tip: a similar value exists: 'json'",
        ),
        (
            &["--format", "svg", "test"],
            "[possible values: human, json, junit]",
        ),
        (
            &["flows", "--by", "namespace", "--format", "dot"],
            "the format of `flows --by` is one of human, json, csv, markdown",
        ),
        (
            &["man", "x", "--format", "json"],
            "unexpected argument '--format' found\n\nUsage:",
        ),
        (
            &["fmt", "--profile", "dev"],
            "unexpected argument '--profile' found\n\nUsage:",
        ),
        (
            &["--profile", "dev", "history"],
            "unexpected argument '--profile' found\n\nUsage:",
        ),
        (
            &["check", "--profile", "a", "--profile", "b"],
            "the argument '--profile <NAME>' cannot be used multiple times",
        ),
        (
            &["explain", "E0403", "--profile", "dev"],
            "`E0403` is not a service, so `--profile dev` has no effect",
        ),
        (
            &["prove", "--manifests", ".", "--profile", "dev"],
            "'--manifests <DIR>' cannot be used with '--profile <NAME>'",
        ),
    ] {
        let ran = erpc(arguments);
        assert_eq!(ran.exit, Exit::Usage, "{arguments:?}: {}", ran.err);
        assert!(
            ran.out.is_empty() && ran.err.contains(expected),
            "{arguments:?}: {}",
            ran.err
        );
    }
}

#[test]
fn a_profile_that_does_not_exist_is_wrong_usage() {
    let fleet = repository().join("examples/environments");
    let fleet = fleet.to_str().expect("a path of letters");
    for arguments in [
        &["check", fleet][..],
        &["check", "--fix", fleet],
        &["build", fleet, "--out", "/nowhere"],
        &["show", fleet],
        &["test", fleet],
        &["plan", fleet],
        &["diff", fleet],
        &["diff", fleet, "--profile", "laptop"],
    ] {
        let ran = erpc(&[arguments, &["--profile", "labtop"]].concat());
        assert_eq!(ran.exit, Exit::Usage, "{arguments:?}: {}", ran.err);
        assert!(
            ran.err.contains("unknown profile `labtop`"),
            "{arguments:?}: {}",
            ran.err
        );
        assert!(!ran.err.contains("cannot be compared"), "{}", ran.err);
    }
}

#[test]
fn a_saved_plan_takes_no_flag_of_a_plan() {
    for flag in ["--prune", "--only=shop", "--wait-for-secrets=5m"] {
        let ran = erpc(&["apply", "plan.json", flag]);
        assert_eq!(ran.exit, Exit::Usage, "{flag}: {}", ran.err);
        let name = flag.split('=').next().expect("a name");
        assert!(
            ran.err.contains(&format!("{name} has no effect here")),
            "{flag}: {}",
            ran.err
        );
    }
}

#[test]
fn flags_of_a_command_may_stand_before_its_name() {
    let shop = shop();
    let shop = shop.to_str().expect("a path of letters");
    let before = erpc(&["--format", "json", "order", shop]);
    let after = erpc(&["order", shop, "--format=json"]);
    assert_eq!(before.exit, Exit::Done, "{}", before.err);
    assert_eq!(before.out, after.out);
}

#[test]
fn errors_of_a_program_are_json_where_the_answer_would_be() {
    let folder = folder();
    fs::write(folder.path().join("platform.erp"), "erp 1\nplatform x {\n").expect("a file");
    let path = folder.path().to_str().expect("a path of letters");
    for command in [
        "check", "build", "order", "show", "flows", "graph", "test", "prove", "rbac",
    ] {
        let ran = erpc(&[command, path, "--format", "json"]);
        assert_eq!(ran.exit, Exit::Failed, "{command}");
        assert!(ran.err.is_empty(), "{command}: {}", ran.err);
        let found: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        assert_eq!(found["diagnostics"][0]["code"], "E0007", "{command}");
    }
}

#[test]
fn every_command_shows_examples() {
    for command in [
        "check",
        "build",
        "order",
        "show",
        "explain",
        "init",
        "graph",
        "impact",
        "report",
        "test",
        "man",
        "completions",
    ] {
        let ran = erpc(&[command, "--help"]);
        assert!(ran.out.contains("Examples:"), "{command}");
    }
}

#[test]
fn a_build_is_complete_and_a_second_one_changes_nothing() {
    let out = folder();
    let first = build(out.path(), &[]);
    assert_eq!(first.exit, Exit::Done, "{}", first.err);
    let files = files_below(out.path());
    let (chart, objects): (Vec<&String>, Vec<&String>) =
        files.keys().partition(|path| path.starts_with("helm/"));
    assert_eq!(first.out.lines().count(), 1 + objects.len());
    let of_chart = format!("create helm/ ({} files)", chart.len());
    assert_eq!(first.out.lines().next(), Some(of_chart.as_str()));
    let second = build(out.path(), &[]);
    assert_eq!((second.exit, second.out.as_str()), (Exit::Done, ""));
    assert_eq!(files_below(out.path()), files);
    assert_eq!(build(out.path(), &["--check"]).exit, Exit::Done);
}

#[test]
fn check_and_diff_name_what_differs_and_write_nothing() {
    let out = folder();
    assert_eq!(build(out.path(), &["--check"]).exit, Exit::Differs);
    assert!(files_below(out.path()).is_empty());
    let diff = build(out.path(), &["--diff"]);
    assert_eq!(diff.exit, Exit::Differs);
    assert!(
        diff.out
            .contains("--- /dev/null\n+++ b/lib/shop-data/orders-db/service.yaml\n")
    );
    assert!(files_below(out.path()).is_empty());

    assert_eq!(build(out.path(), &[]).exit, Exit::Done);
    let path = out.path().join("share/rbac.yaml");
    fs::remove_file(&path).expect("a file that was generated");
    let check = build(out.path(), &["--check"]);
    assert_eq!(
        (check.exit, check.out.as_str()),
        (Exit::Differs, "create share/rbac.yaml\n")
    );
    assert!(!path.exists());
}

#[test]
fn what_an_earlier_build_wrote_and_this_one_does_not_goes() {
    let out = folder();
    assert_eq!(build(out.path(), &[]).exit, Exit::Done);
    let hello = repository().join("examples/hello");
    let arguments = [
        "build".as_ref(),
        hello.as_os_str(),
        "--out".as_ref(),
        out.path().as_os_str(),
    ];
    let ran = erpc(&arguments);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert!(
        ran.out
            .contains("remove lib/shop-data/orders-db/service.yaml\n")
    );
    assert!(
        !out.path().join("lib/shop-data").exists(),
        "empty folders go too"
    );
    assert_eq!(
        fs::read_dir(out.path().join("lib")).expect("lib").count(),
        1
    );
}

#[test]
fn a_file_without_our_header_is_never_touched() {
    let out = folder();
    let own = out.path().join("lib/shop-data/orders-db/notes.txt");
    fs::create_dir_all(own.parent().expect("a folder")).expect("made");
    fs::write(&own, "mine: true\n").expect("written");
    assert_eq!(build(out.path(), &["--force"]).exit, Exit::Done);
    assert_eq!(build(out.path(), &["--check"]).exit, Exit::Done);
    assert_eq!(
        fs::read_to_string(&own).expect("still there"),
        "mine: true\n"
    );

    let in_the_way = out.path().join("lib/shop-data/orders-db/service.yaml");
    fs::write(&in_the_way, "mine: too\n").expect("written");
    for more in [&[][..], &["--force"]] {
        let ran = build(out.path(), more);
        assert_eq!(ran.exit, Exit::Failed);
        assert!(
            ran.err.contains("service.yaml was not generated by erpc"),
            "{}",
            ran.err
        );
    }
    assert_eq!(
        build(out.path(), &["--check"]).out,
        "foreign lib/shop-data/orders-db/service.yaml\n"
    );
    assert_eq!(
        fs::read_to_string(&in_the_way).expect("there"),
        "mine: too\n"
    );
}

/// `output lib for PROFILE in "DIR"`: one build writes, and one check verifies, the platform and its environments.
#[test]
fn a_build_writes_every_environment_and_a_check_verifies_them() {
    let folder = folder();
    let path = folder.path();
    let source = r#"erp 1
platform shop {
  version "1.0"
  cluster main
  output lib for dev in "build/dev"
  output lib for test in "./build/test/"
  output argocd "https://git.example/shop" at "main" in "deploy"
}
tiers logic
cluster main { kubernetes 1.36; nodes 1 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns }
namespace shop {
  tier logic
  service web { image "shop/web:1.0"; port http 8080; cpu 100m; memory 64Mi; access by port-forward }
}
profile dev { namespace shop { service web { env LEVEL = "debug" } } }
profile test { shop.web.cpu = 50m }
"#;
    fs::write(path.join("platform.erp"), source).expect("written");
    let run = |words: &[&str]| {
        let mut all: Vec<&std::ffi::OsStr> = words.iter().map(std::ffi::OsStr::new).collect();
        all.insert(1, path.as_os_str());
        erpc(&all)
    };
    let text = |file: &str| fs::read_to_string(path.join(file)).expect("a file of the build");
    let built = run(&["build"]);
    assert_eq!(built.exit, Exit::Done, "{}", built.err);
    assert!(!text("lib/shop/web/deployment.yaml").contains("LEVEL"));
    assert!(text("build/dev/lib/shop/web/deployment.yaml").contains("LEVEL"));
    assert!(text("build/test/lib/shop/web/deployment.yaml").contains("cpu: 50m"));
    assert!(text("argocd/application.yaml").contains("path: deploy/argocd/objects"));
    let application = text("build/dev/argocd/application.yaml");
    assert!(application.contains("path: deploy/build/dev/argocd/objects"));
    assert!(!path.join("build/dev/helm").exists());
    assert_eq!(run(&["build", "--check"]).exit, Exit::Done);
    // Under one profile, its own folder is written and verified.
    let one = run(&["build", "--profile", "dev", "--check"]);
    assert_eq!(
        (one.exit, one.out.as_str()),
        (Exit::Done, ""),
        "{}",
        one.err
    );

    fs::remove_file(path.join("build/test/share/namespaces.yaml")).expect("removed");
    fs::write(path.join("build/dev/lib/extra.yaml"), "kind: Pod\n").expect("written");
    let check = run(&["build", "--check"]);
    assert_eq!(check.exit, Exit::Differs);
    assert_eq!(
        check.out,
        "create build/test/share/namespaces.yaml\nunmanaged build/dev/lib/extra.yaml\n"
    );
    assert!(
        check.err.contains("accept \"lib/extra.yaml\""),
        "{}",
        check.err
    );
    let accepting = format!("{source}accept \"lib/extra.yaml\" because \"a trial\"\n");
    fs::write(path.join("platform.erp"), accepting).expect("written");
    let built = run(&["build"]);
    assert_eq!(built.exit, Exit::Done);
    assert!(!built.err.contains("warning"), "{}", built.err);

    // An environment that is no longer wanted is not deleted: nothing names its folder any more.
    let without = source.replace("  output lib for test in \"./build/test/\"\n", "");
    fs::write(path.join("platform.erp"), without).expect("written");
    assert_eq!(run(&["build"]).exit, Exit::Done);
    assert!(path.join("build/test/lib").exists());
}

/// A platform in a folder of its own, built, with an unmanaged policy that opens a namespace.
fn with_unmanaged(accept: &str) -> tempfile::TempDir {
    const OPEN: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open, namespace: shop-data}\nspec: {podSelector: {}, policyTypes: [Ingress], ingress: [{}]}\n";
    let folder = folder();
    let source = fs::read_to_string(erpc_tests::repository().join("examples/shop/platform.erp"));
    let source = format!("{}\n{accept}\n", source.expect("an example"));
    fs::write(folder.path().join("platform.erp"), source).expect("written");
    let ran = erpc(&["build".as_ref(), folder.path().as_os_str()]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    fs::write(folder.path().join("lib/shop-data/extra.YAML"), OPEN).expect("written");
    folder
}

#[test]
fn an_unmanaged_manifest_is_named_evaluated_and_never_deleted() {
    let folder = with_unmanaged("");
    let run = |words: &[&str]| {
        let mut all: Vec<&std::ffi::OsStr> = words.iter().map(std::ffi::OsStr::new).collect();
        all.insert(1, folder.path().as_os_str());
        erpc(&all)
    };
    let check = run(&["build", "--check"]);
    assert_eq!(check.exit, Exit::Differs);
    assert_eq!(check.out, "unmanaged lib/shop-data/extra.YAML\n");
    let built = run(&["build", "--force"]);
    assert_eq!(built.exit, Exit::Done);
    assert!(
        built
            .err
            .contains("warning: unmanaged manifest lib/shop-data/extra.YAML"),
        "{}",
        built.err
    );
    assert!(folder.path().join("lib/shop-data/extra.YAML").exists());
    let proven = run(&["prove"]);
    assert_eq!(proven.exit, Exit::Failed);
    for text in [
        "unmanaged manifests, evaluated with the output:",
        "opens every pod -> shop-data.orders-db",
        "exactness     FAILS",
    ] {
        assert!(proven.out.contains(text), "{text}\n{}", proven.out);
    }
}

#[test]
fn an_accepted_manifest_is_a_listed_deviation() {
    let folder = with_unmanaged("accept \"lib/shop-data/extra.YAML\" because \"moved in March\"");
    let run = |words: &[&str]| {
        let mut all: Vec<&std::ffi::OsStr> = words.iter().map(std::ffi::OsStr::new).collect();
        all.insert(1, folder.path().as_os_str());
        erpc(&all)
    };
    let check = run(&["build", "--check"]);
    assert_eq!(check.exit, Exit::Done, "{}{}", check.out, check.err);
    let proven = run(&["prove"]);
    assert_eq!(proven.exit, Exit::Done, "{}", proven.out);
    for text in [
        "accepted manifests",
        "lib/shop-data/extra.YAML: moved in March",
        "opens every pod -> shop-data.orders-db",
    ] {
        assert!(proven.out.contains(text), "{text}\n{}", proven.out);
    }
    fs::remove_file(folder.path().join("lib/shop-data/extra.YAML")).expect("removed");
    let check = run(&["build", "--check"]);
    assert_eq!(check.exit, Exit::Done);
    assert!(check.err.contains("matches no file"), "{}", check.err);
}

/// What is accepted is not part of the statements, but all that it may change is in the answer.
#[test]
fn kinds_that_are_not_evaluated_are_named_in_accepted_manifests() {
    const OTHERS: &str = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c, namespace: shop-data}\nspec: {}\n---\napiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r, namespace: shop-data}\nspec: {template: {spec: {containers: []}}}\n";
    let folder = with_unmanaged("accept \"lib/shop-data/others.yaml\" because \"Cilium's\"");
    fs::remove_file(folder.path().join("lib/shop-data/extra.YAML")).expect("removed");
    fs::write(folder.path().join("lib/shop-data/others.yaml"), OTHERS).expect("written");
    let path = folder.path().as_os_str();
    let proven = erpc(&["prove".as_ref(), path]);
    assert_eq!(proven.exit, Exit::Done, "{}", proven.out);
    for text in [
        "lib/shop-data/others.yaml: Cilium's",
        "1 CiliumNetworkPolicy (cilium.io/v2): lib/shop-data/others.yaml:1",
        "1 Rollout (argoproj.io/v1alpha1): lib/shop-data/others.yaml:5",
    ] {
        assert!(proven.out.contains(text), "{text}\n{}", proven.out);
    }
    let json = erpc(&["prove".as_ref(), "--format".as_ref(), "json".as_ref(), path]);
    let report: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    let kinds = &report["beside"]["accepted_not_evaluated"];
    assert_eq!(kinds[0]["kind"], "CiliumNetworkPolicy");
    assert_eq!(report["beside"]["not_evaluated"], serde_json::json!([]));
}

/// A pair whose ports become more loses none.
#[test]
fn a_wider_connection_closes_nothing() {
    let folder = with_unmanaged("");
    let path = folder.path().as_os_str();
    let proven = erpc(&["prove".as_ref(), path]);
    assert!(proven.out.contains("    opens "), "{}", proven.out);
    assert!(!proven.out.contains("    closes "), "{}", proven.out);
}

#[test]
fn a_file_that_was_edited_by_hand_stops_the_build() {
    let out = folder();
    assert_eq!(build(out.path(), &[]).exit, Exit::Done);
    let path = out.path().join("lib/shop-edge/storefront/deployment.yaml");
    let text = fs::read_to_string(&path).expect("generated");
    let edited = text.replace("replicas: 2", "replicas: 7");
    assert_ne!(text, edited);
    fs::write(&path, &edited).expect("edited");
    let ran = build(out.path(), &[]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("edited by hand"), "{}", ran.err);
    assert_eq!(fs::read_to_string(&path).expect("there"), edited);
    let check = build(out.path(), &["--check"]);
    assert_eq!(
        check.out,
        "edited lib/shop-edge/storefront/deployment.yaml\n"
    );
    let diff = build(out.path(), &["--diff"]);
    assert!(
        diff.out.contains("-  replicas: 7\n+  replicas: 2\n"),
        "{}",
        diff.out
    );
    assert_eq!(build(out.path(), &["--force"]).exit, Exit::Done);
    assert_eq!(fs::read_to_string(&path).expect("there"), text);
}

#[test]
fn what_an_interrupted_build_left_is_cleared_away() {
    let out = folder();
    assert_eq!(build(out.path(), &[]).exit, Exit::Done);
    let left = out.path().join("share/rbac.yaml.erpc-new");
    fs::write(&left, "half").expect("written");
    assert_eq!(build(out.path(), &[]).exit, Exit::Done);
    assert!(!left.exists());
}

#[test]
fn json_is_json_in_every_case() {
    let out = folder();
    let written = build(out.path(), &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&written.out).expect("JSON");
    assert_eq!(json["version"], 1);
    assert!(
        json["created"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
    );
    let case = repository().join("tests/ui/several-mistakes-are-all-reported");
    let arguments = [
        "check".as_ref(),
        case.as_os_str(),
        "--format".as_ref(),
        "json".as_ref(),
    ];
    let ran = erpc(&arguments);
    assert_eq!(ran.exit, Exit::Failed);
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(json["summary"]["errors"], 4);
    let order = erpc(&[
        "order".as_ref(),
        shop().as_os_str(),
        "--format".as_ref(),
        "json".as_ref(),
    ]);
    let json: serde_json::Value = serde_json::from_str(&order.out).expect("JSON");
    assert_eq!(json["waves"].as_array().map(Vec::len), Some(3));
}

#[test]
fn order_says_why() {
    let ran = erpc(&["order".as_ref(), shop().as_os_str()]);
    assert_eq!(ran.exit, Exit::Done);
    insta::assert_snapshot!("order-of-the-shop", ran.out);
    let ran = erpc(&[
        "order".as_ref(),
        shop().as_os_str(),
        "--format".as_ref(),
        "mermaid".as_ref(),
    ]);
    insta::assert_snapshot!("order-of-the-shop-as-a-diagram", ran.out);
}

#[test]
fn every_template_is_a_platform_that_builds() {
    let list = erpc(&["init", "--list"]);
    let names: Vec<&str> = list
        .out
        .lines()
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert!(names.len() >= 5);
    let json = erpc(&["init", "--list", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    let in_json = json["templates"].as_array().expect("a list").iter();
    let in_json: Vec<&str> = in_json.filter_map(|t| t["name"].as_str()).collect();
    assert_eq!(in_json, names);
    let mut ids = std::collections::BTreeSet::new();
    for name in names {
        let out = folder();
        let path = out.path().join("new");
        let arguments = [
            "init".as_ref(),
            path.as_os_str(),
            "--template".as_ref(),
            name.as_ref(),
        ];
        let ran = erpc(&arguments);
        assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
        let again = erpc(&arguments);
        assert_eq!(again.exit, Exit::Failed, "nothing is overwritten");
        let text = std::fs::read_to_string(path.join("platform.erp")).expect("a file");
        let id = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("id "));
        let id = id.expect("a platform of its own").trim().to_owned();
        assert_eq!(id.len(), 18, "{id}");
        assert!(ids.insert(id), "no two are the same");
        let formatted = erpc(&["fmt".as_ref(), "--check".as_ref(), path.as_os_str()]);
        assert_eq!(formatted.exit, Exit::Done, "{name}: {}", formatted.out);
        let built = erpc(&["build".as_ref(), path.as_os_str()]);
        assert_eq!(built.exit, Exit::Done, "{name}: {}", built.err);
        assert!(
            built.err.ends_with("0 changed, 0 removed\n"),
            "{name}: {}",
            built.err
        );
    }
    assert_eq!(
        erpc(&["init", "/tmp/x", "--template", "helo"]).exit,
        Exit::Usage
    );
}

#[test]
fn a_new_platform_gets_the_name_that_is_asked_for() {
    let out = folder();
    let init = |name: &str| {
        let path = out.path().join("new");
        let name = format!("--name={name}");
        erpc(&["init".as_ref(), path.as_os_str(), name.as_ref()])
    };
    for wrong in ["", "Shop", "1shop", "shop-", "a.b"] {
        let ran = init(wrong);
        assert_eq!(ran.exit, Exit::Usage, "`{wrong}`");
        assert!(ran.err.contains("invalid platform name"), "{}", ran.err);
    }
    assert_eq!(init("web-shop").exit, Exit::Done);
    let text = std::fs::read_to_string(out.path().join("new/platform.erp")).expect("a file");
    assert!(text.contains("\nplatform web-shop {\n  id "), "{text}");
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = erpc(&["completions", shell]);
        assert_eq!(ran.exit, Exit::Done);
        assert!(ran.out.contains("erpc"), "{shell}");
    }
}

#[test]
fn colours_only_where_they_are_asked_for() {
    let case = repository().join("tests/ui/a-unit-is-missing");
    let plain = erpc(&["check".as_ref(), case.as_os_str()]);
    assert!(!plain.err.contains('\u{1b}'));
    let arguments = [
        "check".as_ref(),
        case.as_os_str(),
        "--color".as_ref(),
        "always".as_ref(),
    ];
    assert!(erpc(&arguments).err.contains("\u{1b}["));
}

#[test]
fn quiet_says_nothing_but_errors() {
    let out = folder();
    let ran = build(out.path(), &["--quiet"]);
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Done, ""));
}

#[test]
fn the_number_of_findings_can_be_limited() {
    let case = repository().join("tests/ui/several-mistakes-are-all-reported");
    let arguments = [
        "check".as_ref(),
        case.as_os_str(),
        "--max-errors".as_ref(),
        "1".as_ref(),
    ];
    let ran = erpc(&arguments);
    assert!(ran.err.contains("… and 3 more"), "{}", ran.err);
    assert!(ran.err.ends_with("4 errors\n"), "{}", ran.err);
}
