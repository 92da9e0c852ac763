//! What `check` accepts, `build` accepts, and so does an API server as far as its rules for names, labels,
//! annotations and keys tell: texts at and beyond their limits in each place of a program that becomes one.

use erpc_diagnostics::Severity;
use erpc_tests::Memory;
use proptest::prelude::*;
use serde_json::Value;

/// A program with a `@` for each text that is drawn.
const PROGRAM: &str = r#"erp 1
platform p { title "@title"; version "1.0"; registry "registry.example"; cluster main }
tiers app
cluster main {
  kubernetes 1.36
  nodes 9 of cpu 64, memory 256Gi, in 172.16.0.0/16
  pods 10.0.0.0/12
  services 10.96.0.0/16
  api 172.16.0.1:6443
  dns kube-dns
  cni calico
  storage fast default
  ingress @class by pods @controller "@key=@value"
}
## @doc
namespace @namespace {
  tier app
  labels "@labelkey" = "@labelvalue"
  secret certificate { keys "tls.crt", "tls.key", "@secretkey" }
  service @service {
    image "registry.example/@image:1.0"
    port @port 8080
    cpu 100m
    memory 64Mi
    health http "/@health" on @port
    expose @port at "@host/@path" tls certificate
    env @env = "x"
    config @config { "@file" = "x" } at "/etc/@mount"
    writable "/var/@writable"
    sidecar @sidecar { image "registry.example/a:1.0"; cpu 10m; memory 16Mi; writable "/var/@sidewritable" }
    grants get on @resource because "reads"
    calls cluster.api
  }
  service pool {
    image "registry.example/a:1.0"
    port http 8080
    cpu 100m
    memory 64Mi
    volume @volume 1Gi at "/data"
    access by port-forward
  }
  job nightly every "@schedule" {
    image "registry.example/a:1.0"
    cpu 10m
    memory 16Mi
    time-zone "@zone"
  }
}
"#;

/// The places, each with a text that is accepted there.
const PLACES: [(&str, &str); 28] = [
    ("title", "A title"),
    ("class", "nginx"),
    ("controller", "ingress-nginx"),
    ("key", "app.kubernetes.io/name"),
    ("value", "nginx"),
    ("doc", "A description."),
    ("namespace", "web"),
    ("labelkey", "example.com/team"),
    ("labelvalue", "shop"),
    ("secretkey", "other"),
    ("service", "front"),
    ("image", "team/front"),
    ("port", "http"),
    ("health", "ready"),
    ("host", "shop.example"),
    ("path", "api"),
    ("env", "LEVEL"),
    ("config", "settings"),
    ("file", "a.conf"),
    ("mount", "front"),
    ("writable", "run"),
    ("sidecar", "proxy"),
    ("sidewritable", "log"),
    ("resource", "pods"),
    ("volume", "data"),
    ("schedule", "0 3 * * *"),
    ("zone", "Europe/Kyiv"),
    ("last", ""),
];

/// The program with a text in one of its places.
fn with(place: &str, text: &str) -> Memory {
    // Longer names first, so that `@labelkey` is not read as `@label`.
    let mut places: Vec<(&str, &str)> = PLACES.to_vec();
    places.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut program = PROGRAM.to_owned();
    for (name, usual) in places {
        let text = if name == place { text } else { usual };
        program = program.replace(&format!("@{name}"), text);
    }
    Memory::of(program)
}

/// Texts of the characters that names are made of and of some that they are not, at the lengths that count.
fn texts() -> impl Strategy<Value = String> {
    let character =
        prop::sample::select("aabbz09AZ--__..//*=:$%~ +@é".chars().collect::<Vec<char>>());
    let known = prop::sample::select(vec![
        "kube-system",
        "default",
        "kube-public",
        "a.b.c",
        "UTC+2",
        "EST5",
        "Mars/Base",
        "Etc/UTC",
        "pod",
        "secrets/web-tls",
        "nodes",
        "pods/log",
        "deployments.apps",
        "*.example",
        "a//b",
        "a/../b",
        "%2F",
        "..",
        ".",
        "5-1 * * * *",
        "*/0 * * * *",
        "0 0 31 2 *",
        "@daily",
        "tmp",
        "data",
        "a..b",
        "-a",
        "a-",
        "A",
        "0",
        "",
    ]);
    let length = prop::sample::select(vec![
        1, 2, 14, 15, 16, 51, 52, 53, 58, 59, 60, 62, 63, 64, 252, 253, 254,
    ]);
    prop_oneof![
        prop::collection::vec(character, 0..70).prop_map(String::from_iter),
        known.prop_map(str::to_owned),
        length.prop_map(|length: usize| "a".repeat(length)),
    ]
}

/// Names, labels, annotations and keys of an object that `k8s.io/apimachinery` refuses.
fn refused(object: &Value) -> Vec<String> {
    let label = |text: &str| {
        let end = |c: char| c.is_ascii_alphanumeric();
        text.len() <= 63
            && (text.is_empty()
                || text.starts_with(end)
                    && text.ends_with(end)
                    && text.chars().all(|c| end(c) || "-_.".contains(c)))
    };
    let dns_label = |text: &str| {
        let end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        (1..=63).contains(&text.len())
            && text.starts_with(end)
            && text.ends_with(end)
            && text.chars().all(|c| end(c) || c == '-')
    };
    let subdomain = |text: &str| text.len() <= 253 && text.split('.').all(dns_label);
    let key = |text: &str| match text.split_once('/') {
        Some((prefix, name)) => subdomain(prefix) && !name.is_empty() && label(name),
        None => !text.is_empty() && label(text),
    };
    let mut wrong = Vec::new();
    let mut visit = vec![(String::new(), object)];
    while let Some((path, value)) = visit.pop() {
        let strings = || value.as_object().into_iter().flatten();
        let name = path.rsplit('.').next().unwrap_or_default();
        match name {
            "labels" | "matchLabels" | "selector" | "nodeSelector" => {
                for (k, v) in strings().filter(|(_, v)| v.is_string()) {
                    if !key(k) || !v.as_str().is_some_and(label) {
                        wrong.push(format!("{path}: {k}={v}"));
                    }
                }
            }
            "annotations" => {
                let bytes = strings().map(|(k, v)| k.len() + v.as_str().map_or(0, str::len));
                if bytes.sum::<usize>() > 256 << 10 || !strings().all(|(k, _)| key(k)) {
                    wrong.push(path.clone());
                }
            }
            "data" => wrong.extend(
                strings()
                    .filter(|(k, _)| k.is_empty() || k.len() > 253 || k.contains('/'))
                    .map(|(k, _)| format!("{path}: {k}")),
            ),
            _ => {}
        }
        match value {
            Value::Object(map) => {
                let is_in_pod = |list: &str| path.ends_with(list);
                if let Some(own) = map.get("name").and_then(Value::as_str) {
                    let is_right = if is_in_pod("ontainers[]") || is_in_pod("volumes[]") {
                        dns_label(own)
                    } else if path.ends_with("metadata") || is_in_pod("volumeMounts[]") {
                        subdomain(own)
                    } else {
                        true
                    };
                    if !is_right {
                        wrong.push(format!("{path}.name: {own}"));
                    }
                }
                visit.extend(map.iter().map(|(k, v)| (format!("{path}.{k}"), v)));
            }
            Value::Array(items) => {
                visit.extend(items.iter().map(|item| (format!("{path}[]"), item)));
                let names: Vec<&str> = items.iter().filter_map(|i| i["name"].as_str()).collect();
                let mut unique = names.clone();
                unique.sort_unstable();
                unique.dedup();
                if path.ends_with("volumes") && unique.len() < names.len() {
                    wrong.push(format!("{path}: {names:?}"));
                }
            }
            _ => {}
        }
    }
    wrong
}

/// Whether it was accepted.
fn is_built_if_accepted(program: &Memory) -> Result<bool, TestCaseError> {
    let compiled = program.compile();
    let Some((platform, derived)) = &compiled.result else {
        let is_ours = |id: &str| id == "E0601" || id == "E0602" || id == "E0603";
        let found = compiled.diagnostics.as_slice();
        prop_assert!(!found.iter().any(|one| is_ours(one.code.id)), "{found:?}");
        return Ok(false);
    };
    let files = erpc_emit::files(platform, derived, &compiled.sources);
    let proof = erpc_cli::proof::check(platform, &files);
    prop_assert!(proof.is_empty(), "{:?}", proof.as_slice().first());
    for file in files {
        let objects: Vec<Value> = serde_saphyr::from_multiple(&file.text).expect("YAML");
        for object in objects {
            let wrong = refused(&object);
            prop_assert!(wrong.is_empty(), "{}: {wrong:?}", file.path);
        }
    }
    Ok(true)
}

#[test]
fn the_program_without_a_mistake_is_accepted() {
    let found = with("last", "").compile().diagnostics;
    assert!(!found.has_errors(), "{:?}", found.as_slice().first());
}

/// Texts that passed `check` and failed `build`, or a server, at some time.
#[test]
fn what_a_server_refuses_is_an_error_where_it_stands() {
    for (place, text) in [
        ("namespace", "kube-system"),
        ("namespace", "default"),
        ("key", "app.Kubernetes.io/name"),
        ("value", "a=-b"),
        ("path", "api/*"),
        ("resource", "pod"),
        ("resource", "secrets/web-tls"),
        ("resource", "nodes"),
        ("zone", "UTC+2"),
        ("zone", "EST5"),
        ("zone", "Mars/Base"),
        ("sidecar", &"a".repeat(60)),
        ("sidecar", &"a".repeat(63)),
        ("doc", &"a".repeat(256 << 10)),
        ("secretkey", "a/b"),
        ("labelkey", "-a"),
        ("schedule", "5-1 * * * *"),
    ] {
        let compiled = with(place, text).compile();
        assert!(compiled.result.is_none(), "{place}: {text} is accepted");
        let errors = compiled.diagnostics.as_slice().iter();
        let shown = text.chars().take(20).collect::<String>();
        let at = format!("@{place}");
        // Each error is about this text, in whatever name it is a part of.
        for error in errors.filter(|one| one.severity() == Severity::Error) {
            assert!(
                compiled.sources.place(error.span()).is_some(),
                "{at}: {shown}: {error:?}"
            );
            assert_ne!(error.code.id, "E0601", "{at}: {shown}");
        }
    }
    for (place, text) in [
        ("sidecar", "a".repeat(45)),
        ("zone", "Etc/GMT-2".to_owned()),
        ("doc", "a".repeat(200 << 10)),
        ("labelvalue", "a".repeat(63)),
        ("namespace", "a".repeat(51)),
    ] {
        let kept = is_built_if_accepted(&with(place, &text));
        assert!(matches!(kept, Ok(true)), "{place}: {kept:?}");
    }
}

#[test]
fn a_certificate_has_the_keys_of_a_tls_secret() {
    let program = PROGRAM.replace("\"tls.crt\", \"tls.key\", ", "");
    let mut places: Vec<(&str, &str)> = PLACES.to_vec();
    places.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let program = places.iter().fold(program, |text, (name, usual)| {
        text.replace(&format!("@{name}"), usual)
    });
    let compiled = Memory::of(program).compile();
    let found = compiled.diagnostics.as_slice();
    assert!(
        found
            .iter()
            .any(|one| one.message.contains("`tls.crt` and `tls.key`")),
        "{found:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_check_accepts_build_accepts(place in prop::sample::select(PLACES.map(|(name, _)| name).to_vec()), text in texts()) {
        is_built_if_accepted(&with(place, &text))?;
    }
}
