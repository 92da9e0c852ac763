//! Random programs against a real API server: what the compiler accepts, the server accepts, and what the compiler
//! refuses of a patch for Kubernetes' sake, the server refuses.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use erpc_diagnostics::Severity;
use erpc_emit::{ObjectFile, schema};
use erpc_tests::Memory;
use erpc_tests::programs::Program;
use erpc_tests::programs::changes::{Change, Changes};
use serde_json::{Value, json};

use super::api::{Connection, Proxy, Writes};
use super::server::Cluster;

/// How many programs a run tries.
fn count() -> u64 {
    let number = std::env::var("ERPC_TEST_PROGRAMS").ok();
    let number = number.map(|text| text.parse().expect("ERPC_TEST_PROGRAMS is a number"));
    let is_full = std::env::var_os("ERPC_TEST_FULL").is_some();
    number.unwrap_or(if is_full { 10_000 } else { 300 })
}

/// The first seed.
fn first_seed() -> u64 {
    let seed = std::env::var("ERPC_TEST_SEED").ok();
    seed.map_or(0, |text| text.parse().expect("ERPC_TEST_SEED is a number"))
}

/// The objects of a program that the compiler accepts.
fn objects(program: &Program) -> Option<Vec<Value>> {
    let compiled = Memory::of(program.text()).compile();
    let (platform, derived) = compiled.result.as_ref()?;
    Some(values(erpc_emit::objects(
        platform,
        derived,
        &compiled.sources,
    )))
}

/// Objects as JSON, those that others need first.
fn values(files: Vec<ObjectFile>) -> Vec<Value> {
    let objects = files.into_iter().flat_map(|file| file.objects);
    let mut objects: Vec<Value> = objects
        .map(|object| serde_json::to_value(object).expect("an object is JSON"))
        .collect();
    objects.sort_by_key(|object| match object["kind"].as_str() {
        Some("Namespace") => 0,
        Some("ServiceAccount") => 1,
        _ => 2,
    });
    objects
}

/// The first object that the server refuses, and why.
fn refused(objects: &[Value], server: &mut Connection) -> Option<String> {
    objects.iter().find_map(|object| {
        let is_needed = matches!(
            object["kind"].as_str(),
            Some("Namespace" | "ServiceAccount")
        );
        let write = if is_needed {
            Writes::Really
        } else {
            Writes::DryRun
        };
        let refusal = server.apply(object, write).err();
        let refusal = refusal.or_else(|| server.create(&pod_of(object)?, Writes::DryRun).err());
        refusal.map(|why| format!("{} {}: {why}", object["kind"], object["metadata"]["name"]))
    })
}

/// The pod that a workload makes, with what its controller adds: admission judges pods, and not what makes them.
fn pod_of(workload: &Value) -> Option<Value> {
    let template = match workload["kind"].as_str()? {
        "Deployment" | "StatefulSet" | "Job" => &workload["spec"]["template"],
        "CronJob" => &workload["spec"]["jobTemplate"]["spec"]["template"],
        _ => return None,
    };
    let mut pod = template.clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["generateName"] = json!("pod-");
    pod["metadata"]["namespace"] = workload["metadata"]["namespace"].clone();
    let claims = workload["spec"]["volumeClaimTemplates"].as_array();
    let claims = claims.into_iter().flatten().map(|claim| {
        let name = &claim["metadata"]["name"];
        json!({ "name": name, "persistentVolumeClaim": { "claimName": name } })
    });
    let claims: Vec<Value> = claims.collect();
    if !claims.is_empty() {
        match pod["spec"]["volumes"].as_array_mut() {
            Some(volumes) => volumes.extend(claims),
            None => pod["spec"]["volumes"] = claims.into(),
        }
    }
    Some(pod)
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_accepts_every_object_of_random_programs() {
    const THREADS: u64 = 2;
    let cluster = Cluster::start();
    let proxy = Proxy::start(&cluster);
    let (next, end) = (AtomicU64::new(first_seed()), first_seed() + count());
    let found: Mutex<Vec<String>> = Mutex::default();
    let (tried, sent) = (AtomicU64::new(0), AtomicU64::new(0));
    let run = |pool: usize| {
        let mut server = proxy.connect();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let Some(program) = Program::random(seed, pool).accepted(&[]) else {
                continue;
            };
            let all = objects(&program).expect("it was accepted");
            tried.fetch_add(1, Ordering::Relaxed);
            sent.fetch_add(u64::try_from(all.len()).unwrap_or(0), Ordering::Relaxed);
            if let Some(why) = refused(&all, &mut server) {
                let small = program.shrunk(|less| {
                    let all = objects(less);
                    all.is_some_and(|all| refused(&all, &mut server).is_some())
                });
                let last = objects(&small).and_then(|all| refused(&all, &mut server));
                let last = last.unwrap_or_default();
                let report = format!(
                    "seed {seed}, pool {pool}: {why}\nshrunk: {last}\n{}",
                    small.text()
                );
                found.lock().expect("no thread panics with it").push(report);
            }
        }
    };
    std::thread::scope(|scope| {
        for pool in 0..THREADS {
            let run = &run;
            scope.spawn(move || run(usize::try_from(pool).unwrap_or(0)));
        }
    });
    let (tried, sent) = (tried.into_inner(), sent.into_inner());
    println!("{tried} programs with {sent} objects");
    let found = found.into_inner().expect("no thread panicked");
    assert!(
        found.is_empty(),
        "{} refused:\n\n{}",
        found.len(),
        found.join("\n\n")
    );
    assert!(
        tried * 10 > count() * 9,
        "{tried} of {} programs mean something",
        count()
    );
}

/// What the compiler says of a program, and the objects that it makes of it all the same.
struct Forced {
    codes: Vec<&'static str>,
    objects: Vec<Value>,
}

impl Forced {
    fn new(program: &Program) -> Self {
        Self::of_text(program.text())
    }

    fn of_text(text: String) -> Self {
        let files = Memory::of(text);
        let (loaded, mut found) = erpc_model::load("platform.erp", &files);
        let resolved = erpc_model::resolve(&loaded, &files);
        found.extend(resolved.diagnostics);
        let platform = resolved
            .platform
            .expect("a program that had a platform before");
        let (derived, _) = erpc_policy::Derived::of(&platform);
        found.extend(erpc_emit::check_objects(
            &platform,
            &derived,
            &loaded.sources,
        ));
        let errors = found.as_slice().iter();
        let errors = errors.filter(|found| found.severity() == Severity::Error);
        let files = erpc_emit::objects(&platform, &derived, &loaded.sources);
        Self {
            codes: errors.map(|found| found.code.id).collect(),
            objects: values(files),
        }
    }
}

/// Kinds that patches change.
const PATCHED: [&str; 8] = [
    "ConfigMap",
    "CronJob",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Job",
    "PodDisruptionBudget",
    "Service",
    "StatefulSet",
];

/// Patches that the compiler refuses and the server accepts, because it takes the value for another, drops the field, or
/// refuses only what a controller makes of the object.
fn is_known(change: &Change) -> bool {
    let path = change.path.join(".");
    let is_beyond_32_bits =
        change.value.as_ref().and_then(Value::as_i64) > Some(i64::from(i32::MAX));
    // Of a disruption budget a server accepts a finalizer without a domain, which it refuses of all other kinds.
    path == "metadata.finalizers"
        || path.starts_with("spec.jobTemplate.metadata.")
        || path.starts_with("spec.sessionAffinityConfig.")
        || is_beyond_32_bits
}

/// Patches that no rule of an object can judge: they depend on what the cluster is made of.
fn depends_on_the_cluster(change: &Change) -> bool {
    let names = [
        "ipFamilies",
        "ipFamilyPolicy",
        "preemptionPolicy",
        "priorityClassName",
        "runtimeClassName",
        "serviceAccount",
        "serviceAccountName",
        "priority",
    ];
    change
        .path
        .iter()
        .any(|name| names.contains(&name.as_str()))
}

/// A label that enforces less than a service needs is an error exactly if the server would refuse the pods.
#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_refuses_the_pods_that_need_more_than_their_namespace_enforces() {
    let cluster = Cluster::start();
    let proxy = Proxy::start(&cluster);
    let mut server = proxy.connect();
    let mut found = Vec::new();
    for (place, (statement, levels)) in [
        ("", ["restricted", "baseline", "privileged"]),
        (
            "capability NET_BIND_SERVICE",
            ["restricted", "baseline", "privileged"],
        ),
        ("capability CHOWN", ["", "baseline", "privileged"]),
        ("capability SYS_TIME", ["", "", "privileged"]),
        ("port metrics 9100 host", ["", "", "privileged"]),
    ]
    .into_iter()
    .enumerate()
    {
        for level in ["restricted", "baseline", "privileged"] {
            let text = format!(
                "erp 1\n\
                 platform p {{ version \"1\"; cluster c }}\n\
                 tiers a\n\
                 cluster c {{ kubernetes 1.37; nodes 3 of cpu 4, memory 8Gi, in 10.0.0.0/24; pods 10.1.0.0/16; services 10.2.0.0/16; dns kube-dns }}\n\
                 namespace {level}-{place} {{\n  tier a\n  labels \"pod-security.kubernetes.io/enforce\" = \"{level}\"\n  \
                 service s {{ image \"a/b:1\"; port http 8080; cpu 10m; memory 16Mi; access by port-forward; {statement} }}\n}}\n"
            );
            let compiled = Memory::of(text.clone()).compile();
            let all = compiled.diagnostics.as_slice().iter();
            let errors = all.filter(|found| found.severity() == Severity::Error);
            let codes: Vec<&str> = errors.map(|found| found.code.id).collect();
            let said = refused(&Forced::of_text(text).objects, &mut server);
            let is_allowed = levels.contains(&level);
            if said.is_none() != is_allowed || codes.is_empty() != is_allowed {
                found.push(format!(
                    "{statement} under {level}: {codes:?}, server: {said:?}"
                ));
            }
            assert!(is_allowed || codes == ["E0328"], "{codes:?}");
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_server_refuses_the_patches_that_the_compiler_refuses_and_no_others() {
    let cluster = Cluster::start();
    let proxy = Proxy::start(&cluster);
    let mut server = proxy.connect();
    // Fields that every version has: that of a program's cluster is chosen at random.
    let version = schema::versions().next().expect("a version");
    let (mut patches, mut wrong, mut found) = (0_u32, 0_u32, Vec::new());
    for seed in first_seed()..first_seed() + count() / 5 {
        let Some(program) = Program::random(seed, 0).accepted(&[]) else {
            continue;
        };
        let all = objects(&program).expect("it was accepted");
        if refused(&all, &mut server).is_some() {
            continue;
        }
        let mut changes = Changes::new(seed);
        for object in &all {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let kind = text(&object["kind"]);
            if !PATCHED.contains(&kind.as_str()) {
                continue;
            }
            let known = schema::kind(version, &text(&object["apiVersion"]), &kind);
            let fields = schema::fields(version, known.expect("a kind of Kubernetes"));
            let namespace = text(&object["metadata"]["namespace"]);
            let service = text(&object["metadata"]["labels"]["app.kubernetes.io/name"]);
            for _ in 0..4 {
                let change = changes.change(object, fields);
                // A service has one object of any other kind.
                let name = text(&object["metadata"]["name"]);
                let has_several = matches!(kind.as_str(), "ConfigMap" | "Service");
                let named = has_several.then_some(name.as_str());
                // Each second one in the other form.
                let merge = change
                    .merge(&kind, named, object)
                    .filter(|_| patches % 2 == 0);
                let line = merge.unwrap_or_else(|| change.patch(&kind, named));
                // With a suffix, the namespace has another name in the source.
                let Some(patched) = program.with(&namespace, &service, &line) else {
                    continue;
                };
                let forced = Forced::new(&patched);
                // What statements own is refused for the language's sake, and is not set.
                let is_owned = |code: &str| matches!(code, "E0317" | "E0319" | "E0413");
                if forced.codes.iter().any(|code| is_owned(code)) || depends_on_the_cluster(&change)
                {
                    continue;
                }
                let of_service: Vec<Value> = forced
                    .objects
                    .into_iter()
                    .filter(|object| {
                        object["kind"] == kind.as_str()
                            && object["metadata"]["namespace"] == namespace.as_str()
                            && object["metadata"]["labels"]["app.kubernetes.io/name"]
                                == service.as_str()
                    })
                    .collect();
                let said = refused(&of_service, &mut server);
                patches += 1;
                wrong += u32::from(said.is_some());
                if said.is_some() == forced.codes.is_empty()
                    && !(said.is_none() && is_known(&change))
                {
                    let said = said.unwrap_or_else(|| "accepted".to_owned());
                    let codes = forced.codes.join(", ");
                    found.push(format!(
                        "seed {seed}: {line}\n   server: {said}\n   compiler: {codes}"
                    ));
                }
            }
        }
    }
    println!("{patches} patches, of which the server refuses {wrong}");
    assert!(
        found.is_empty(),
        "{} disagreements:\n{}",
        found.len(),
        found.join("\n")
    );
    assert!(
        patches > 150 && wrong > 50,
        "{patches} patches, {wrong} refused"
    );
}
