//! ERP/1 through its life: every kind of change that the operators of the platform make, one after the other
//! on one cluster, each ready at its end and each writing no more than it must.

use erpc_tests::repository;

use super::apply::make_secrets;
use super::server::{Cluster, Program, until};

/// ERP/1 in a folder of its own, where it can be edited.
pub(super) fn erp1() -> Program {
    let read = |name: &str| std::fs::read_to_string(repository().join(name)).expect("the program");
    let program = Program::of(&read("platform.erp"));
    std::fs::write(program.path().join("policies.erp"), read("policies.erp")).expect("a file");
    // Files that the program mounts.
    for (file, bytes) in erpc_tests::files_below(&repository().join("config")) {
        let path = program.path().join("config").join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
    program
}

/// `wms-warehouse` is called `wms-stock` from now on.
pub(super) fn rename_warehouse(erp1: &Program) {
    erp1.edit("service wms-warehouse is", "service wms-stock is");
    erp1.edit(
        "namespace erp-apps {",
        "moved erp-apps.wms-warehouse to erp-apps.wms-stock\n\nnamespace erp-apps {",
    );
}

/// `mach-ivr` leaves, and with it who calls it and the profile that switches it off.
pub(super) fn remove_mach_ivr(erp1: &Program) {
    erp1.edit(
        "    calls mach-ivr:http optional because \"call steps of a process\"\n",
        "",
    );
    erp1.edit("  erp-services.mach-ivr           = off\n", "");
    let text = std::fs::read_to_string(erp1.path().join("platform.erp")).expect("a file");
    let without: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("service mach-ivr is"))
        .collect();
    erp1.write(&without.join("\n"));
}

/// Applies a change; what it says.
#[track_caller]
pub(super) fn change(cluster: &Cluster, program: &Program, arguments: &[&str]) -> String {
    let all = [&["apply", "--yes"][..], arguments].concat();
    let ran = cluster.erpc(&all, program.path()).exits(0);
    let said = format!("{}{}", ran.out, ran.err);
    cluster
        .erpc(&all, program.path())
        .exits(0)
        .says(&["nothing to do"]);
    said
}

/// The lines of a plan that begin with a sign.
fn steps(said: &str) -> Vec<String> {
    let is_step = |line: &&str| {
        let mut characters = line.chars();
        characters
            .next()
            .is_some_and(|sign| "+~-±>=".contains(sign))
            && characters.next() == Some(' ')
    };
    let steps = said
        .lines()
        .filter(is_step)
        .filter(|line| !line.contains(" flow "));
    steps
        .map(|line| {
            line.split_whitespace()
                .take(3)
                .collect::<Vec<&str>>()
                .join(" ")
        })
        .collect()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn erp1_lives_through_every_kind_of_change() {
    let cluster = Cluster::start();
    let erp1 = erp1();
    make_secrets(&cluster, erp1.path());
    change(&cluster, &erp1, &[]);
    let listed = cluster.listed("erp-uno");

    // An image.
    erp1.edit(
        "service wms-warehouse is Release {",
        "service wms-warehouse is Release(image: \"erpuno/wms:${platform.version}\") {",
    );
    let said = change(&cluster, &erp1, &[]);
    assert_eq!(
        steps(&said),
        ["~ erp-apps/wms-warehouse Deployment"],
        "{said}"
    );
    assert!(said.contains("1 of 1 object written"), "{said}");

    // A port: of the workload, its Service, its policy, its Ingresses and who scrapes or routes to it.
    erp1.edit("port   http 8505", "port   http 8515");
    let said = change(&cluster, &erp1, &[]);
    let changed = steps(&said);
    for kind in ["Deployment", "NetworkPolicy", "Service"] {
        let step = format!("~ erp-apps/wms-warehouse {kind}");
        assert!(changed.contains(&step), "{step}: {said}");
    }
    assert!(
        said.contains(":8515/TCP") && said.contains(":8505/TCP"),
        "{said}"
    );
    assert!(
        !changed.iter().any(|step| step.contains("erp-ai")),
        "{said}"
    );
    let service = cluster.get(&["service", "wms-warehouse", "-n", "erp-apps"]);
    assert_eq!(service["spec"]["ports"][0]["port"], 8515);

    // The bounds of an autoscaler.
    erp1.edit(
        "scale      2..6 on cpu 75%, memory 80%\n    disruption min 1\n    rto        2m",
        "scale      3..6 on cpu 75%, memory 80%\n    disruption min 1\n    rto        2m",
    );
    let said = change(&cluster, &erp1, &[]);
    assert_eq!(
        steps(&said),
        ["~ erp-apps/hl7-health HorizontalPodAutoscaler"],
        "{said}"
    );

    // A flow: the policies of both sides, and nothing else.
    erp1.edit(
        "port   http 8515\n",
        "port   http 8515\n    calls  crm-documents:http optional because \"delivery notes\"\n",
    );
    let said = change(&cluster, &erp1, &[]);
    assert_eq!(
        steps(&said),
        [
            "~ erp-apps/crm-documents NetworkPolicy",
            "~ erp-apps/wms-warehouse NetworkPolicy"
        ],
        "{said}"
    );
    assert!(said.contains("1 flow opens, 0 flows close"), "{said}");

    // A namespace, with a service in it.
    let extra = "namespace erp-extra {\n  title \"More\"\n  tier  application\n  service notes is Release { title \"Notes\"; repo \"erpuno/notes\"; port http 8599 }\n}\n\nnamespace erp-apps {";
    erp1.edit("namespace erp-apps {", extra);
    let said = change(&cluster, &erp1, &[]);
    assert!(said.contains("✓ erp-extra.notes ready after"), "{said}");
    cluster.kubectl(&[
        "rollout",
        "status",
        "deployment/notes",
        "-n",
        "erp-extra",
        "--timeout=60s",
    ]);

    // Both gone again, with what was theirs; the namespace stays.
    erp1.edit(extra, "namespace erp-apps {");
    change(&cluster, &erp1, &["--prune"]);
    let left = cluster.get(&[
        "deployment,service,networkpolicy,serviceaccount",
        "-n",
        "erp-extra",
        "-l",
        "app.kubernetes.io/part-of=erp-uno",
    ]);
    assert_eq!(left["items"], serde_json::json!([]));
    cluster.kubectl(&["get", "namespace", "erp-extra"]);

    // A service renamed.
    rename_warehouse(&erp1);
    let said = change(&cluster, &erp1, &[]);
    assert!(
        steps(&said).contains(&"> erp-apps/wms-warehouse Deployment".to_owned()),
        "{said}"
    );
    let gone = cluster.kubectl_in(
        &["get", "deployment", "wms-warehouse", "-n", "erp-apps"],
        erp1.path(),
    );
    assert!(!gone.status.success());

    // A service removed.
    remove_mach_ivr(&erp1);
    let said = change(&cluster, &erp1, &["--prune"]);
    assert!(
        steps(&said).contains(&"- erp-services/mach-ivr Deployment".to_owned()),
        "{said}"
    );
    assert!(
        !cluster
            .listed("erp-uno")
            .iter()
            .any(|line| line.contains("mach-ivr"))
    );
    assert_eq!(
        cluster.listed("erp-uno").len(),
        cluster.versions("erp-uno").len()
    );

    // Another profile, and back.
    let dev = ["--profile", "dev", "--prune"];
    let refused = cluster.erpc(&[&["apply", "--yes"][..], &dev].concat(), erp1.path());
    refused.exits(1).says(&["--confirm erp-uno is required"]);
    change(
        &cluster,
        &erp1,
        &[&dev[..], &["--confirm", "erp-uno"]].concat(),
    );
    let left = cluster.get(&["deployments,statefulsets", "-n", "erp-ai"]);
    assert_eq!(left["items"], serde_json::json!([]));
    change(&cluster, &erp1, &[]);
    cluster.kubectl(&[
        "rollout",
        "status",
        "deployment/ai-generation",
        "-n",
        "erp-ai",
        "--timeout=60s",
    ]);

    // And off, without the data.
    assert!(cluster.listed("erp-uno").len() + 12 > listed.len());
    let claims = cluster.get(&["pvc", "-A"])["items"]
        .as_array()
        .map(Vec::len);
    cluster
        .erpc(&["destroy", "--confirm", "erp-uno"], erp1.path())
        .exits(0);
    let left = cluster.get(&[
        "deployments,statefulsets,services,networkpolicies,ingresses,hpa,configmaps,serviceaccounts,clusterroles",
        "-A",
        "-l",
        "app.kubernetes.io/part-of=erp-uno",
    ]);
    assert_eq!(left["items"], serde_json::json!([]));
    let kept = cluster.get(&["pvc", "-A"])["items"]
        .as_array()
        .map(Vec::len);
    assert_eq!(kept, claims);
    assert!(kept > Some(4));
}

/// Waits until every autoscaler has brought its workload to its least number of pods: until then
/// `status` is right to say that it is not ready.
pub(super) fn autoscalers_are_done(cluster: &Cluster) {
    until("the least number of pods", || {
        let scalers = cluster.get(&["horizontalpodautoscalers", "-A"]);
        let mut scalers = scalers["items"].as_array().expect("a list").iter();
        scalers.all(|scaler| {
            let target = scaler["spec"]["scaleTargetRef"]["name"].as_str();
            let namespace = scaler["metadata"]["namespace"].as_str();
            let workload = cluster.get(&[
                "deployment",
                target.expect("a name"),
                "-n",
                namespace.expect("a namespace"),
            ]);
            let status = &workload["status"];
            let ready = status["readyReplicas"].as_u64();
            ready >= scaler["spec"]["minReplicas"].as_u64()
                && status["observedGeneration"] == workload["metadata"]["generation"]
        })
    });
}
