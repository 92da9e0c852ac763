//! The arithmetic of promises in what `erpc check` says: the nine forms of composition that the
//! platform's handbook and its sources show, bad percentages, and ERP/1 itself.

use erpc_diagnostics::Diagnostic;
use erpc_tests::{Memory, compile_folder, erpc, repository};

const AROUND: &str = "erp 1
platform shop { version \"1.0\"; cluster main }
tiers below < above
cluster main { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 172.18.0.0/16; pods 10.244.0.0/16; services 10.96.0.0/16; dns kube-dns }
component Web() { image \"shop/${service.name}:1.0\"; port http 8080; cpu 100m..200m; memory 64Mi..128Mi; access by port-forward }
";

/// The findings with this code about services that promise `promise` and require services that
/// promise these shares.
fn inversions(clients: &[&str], promise: &str, required: &[(&str, &str)]) -> Vec<Diagnostic> {
    let mut text = format!("{AROUND}namespace low {{\n  tier below\n");
    for (name, share) in required {
        text += &format!("  service {name} is Web {{ slo availability {share} }}\n");
    }
    text += &format!("}}\nnamespace high {{\n  tier above\n  slo availability {promise}\n");
    for client in clients {
        let calls = required
            .iter()
            .map(|(name, _)| format!("calls low.{name}:http; "));
        text += &format!(
            "  service {client} is Web {{ {} }}\n",
            calls.collect::<String>()
        );
    }
    of_code(&(text + "}\n"), "W0701")
}

fn of_code(program: &str, code: &str) -> Vec<Diagnostic> {
    let compiled = Memory::of(program).compile();
    assert!(
        !compiled.diagnostics.has_errors(),
        "{:?}",
        compiled.diagnostics.as_slice()
    );
    let found = compiled.diagnostics.as_slice().iter();
    found.filter(|d| d.code.id == code).cloned().collect()
}

#[test]
fn the_nine_forms_of_composition_have_their_figures() {
    const KVS: (&str, &str) = ("kvs-database", "99.95%");
    const BPE: (&str, &str) = ("bpe-engine", "99.95%");
    const AUTH: (&str, &str) = ("ias-auth", "99.99%");
    const PKI: (&str, &str) = ("ca-pki", "99.99%");
    let apps = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let telemetry = ["prometheus", "grafana", "loki"];
    // Who, the promise, what is required, the bound, by how much it is short in 30 days.
    type Form<'f> = (
        &'f [&'f str],
        &'f str,
        &'f [(&'f str, &'f str)],
        &'f str,
        &'f str,
    );
    let broken: [Form<'_>; 7] = [
        (
            &["rest-bpe"],
            "99.95%",
            &[BPE, AUTH],
            "99.940005%",
            "4.318 min",
        ),
        (
            &["nitro-portal"],
            "99.95%",
            &[("n2o-server", "99.95%"), AUTH],
            "99.940005%",
            "4.318 min",
        ),
        (
            &["ias-auth-of-then"],
            "99.99%",
            &[KVS, PKI],
            "99.940005%",
            "21.598 min",
        ),
        (
            &["ca-pki-of-then"],
            "99.99%",
            &[("ns-dns", "99.95%")],
            "99.95%",
            "17.28 min",
        ),
        (
            &telemetry,
            "99.99%",
            &[("registry", "99.95%")],
            "99.95%",
            "17.28 min",
        ),
        (&apps, "99.9%", &[KVS, BPE, AUTH], "99.890035%", "4.305 min"),
        (
            &apps,
            "99.9%",
            &[KVS, BPE, ("ai-generation", "99.5%")],
            "99.400525%",
            "215.773 min",
        ),
    ];
    for (clients, promise, required, bound, short) in broken {
        let found = inversions(clients, promise, required);
        let [finding] = found.as_slice() else {
            panic!("{clients:?}: {found:?}");
        };
        assert!(
            finding.message.ends_with(&format!("gives {bound}")),
            "{finding:?}"
        );
        assert!(finding.message.contains(promise), "{finding:?}");
        if clients.len() > 1 {
            let more = format!("and {} more promise", clients.len() - 1);
            assert!(finding.message.contains(&more), "{finding:?}");
        }
        assert_eq!(
            finding.labels[0].message,
            format!("short by {short} in 30d")
        );
        for (name, share) in required {
            let term = format!("× {share} of `low.{name}`");
            assert!(
                finding.labels.iter().any(|l| l.message == term),
                "{finding:?}"
            );
        }
    }
    assert!(inversions(&["app"], "99.9%", &[KVS, BPE]).is_empty());
    assert!(inversions(&["bpe-engine-itself"], "99.95%", &[KVS]).is_empty());
}

/// ERP/1 as reconciled: no inversion of any kind, and one recovery that is longer than its budget.
#[test]
fn erp1_promises_what_it_can() {
    for profile in [
        &[][..],
        &["--profile", "kind"],
        &["--profile", "production"],
        &["--profile", "dev"],
    ] {
        let root = repository();
        let mut arguments: Vec<&std::ffi::OsStr> = vec![
            "check".as_ref(),
            root.as_os_str(),
            "--format".as_ref(),
            "json".as_ref(),
        ];
        arguments.extend(profile.iter().map(std::ffi::OsStr::new));
        let ran = erpc(&arguments);
        let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        let found = json["diagnostics"].as_array().expect("findings").iter();
        let promises: Vec<(&str, &str)> = found
            .filter_map(|f| Some((f["code"].as_str()?, f["message"].as_str()?)))
            .filter(|(code, _)| code[1..].starts_with("070"))
            .collect();
        let [(code, message)] = promises.as_slice() else {
            panic!("{promises:?}");
        };
        assert_eq!(*code, "W0702");
        assert!(
            message.contains("erp-telemetry.prometheus") && message.contains("115.7%"),
            "{message}"
        );
    }
    assert!(!compile_folder(&repository()).diagnostics.has_errors());
}

#[test]
fn percentages_that_are_no_promise_are_errors() {
    let nines = format!("99.{}%", "9".repeat(28));
    for share in ["100%", "0%", "100.1%", "250%", "0.0%", &nines] {
        let text = format!(
            "{AROUND}namespace n {{\n  tier below\n  service s is Web {{ slo availability {share} }}\n}}\n"
        );
        let found = Memory::of(text).compile().diagnostics;
        let errors: Vec<&str> = found.as_slice().iter().map(|d| d.code.id).collect();
        assert_eq!(errors, ["E0204"], "{share}");
    }
    // Eleven nines are a promise whose budget is 26 µs in 30 days.
    let text = format!(
        "{AROUND}namespace n {{\n  tier below\n  service s is Web {{ slo availability 99.999999999%; rto 1s }}\n}}\n"
    );
    let found = of_code(&text, "W0702");
    let [finding] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(
        finding
            .message
            .contains("more than the whole of its error budget"),
        "{finding:?}"
    );
}
