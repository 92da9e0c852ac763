//! The walk through `managedFields` against the server: what it calls equal, a dry run of server-side apply
//! must leave as it is. Asked of every object of ERP/1, with edits of every sort at random places.

use std::collections::BTreeMap;

use erpc_cluster::{Access, Call, Failure, Program, block_on, is_certainly_equal};
use erpc_tests::repository;
use serde_json::{Value, json};

use super::apply::make_secrets_of_erp1;
use super::server::Cluster;

/// A stream of numbers that is the same in each run (splitmix64, public domain).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let end = u64::try_from(end.max(1)).expect("it is small");
        usize::try_from((z ^ (z >> 31)) % end).expect("it is small")
    }
}

/// The paths of everything below the identity of an object.
fn paths(value: &Value, at: &str, into: &mut Vec<String>) {
    if !matches!(
        at,
        "" | "/apiVersion" | "/kind" | "/metadata" | "/metadata/name" | "/metadata/namespace"
    ) {
        into.push(at.to_owned());
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                paths(value, &format!("{at}/{key}"), into);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                paths(value, &format!("{at}/{index}"), into);
            }
        }
        _ => {}
    }
}

fn edited(text: &str, numbers: &mut Numbers) -> Value {
    // Another writing of the same quantity, a neighbour of it, or another word.
    match (numbers.below(3), text) {
        (0, "1") => json!("1000m"),
        (0, "1Gi") => json!("1024Mi"),
        (0, text) if text.ends_with("Mi") => json!(format!("{text} ")),
        (1, text) => json!(format!("{text}0")),
        (_, text) => json!(text.chars().rev().collect::<String>()),
    }
}

/// One edit at a random place; now and then none.
fn edit(body: &mut Value, numbers: &mut Numbers) {
    let mut all = Vec::new();
    paths(body, "", &mut all);
    let path = all[numbers.below(all.len())].clone();
    let (parent, last) = path.rsplit_once('/').expect("a path");
    let last = last.replace("~1", "/").replace("~0", "~");
    let choice = numbers.below(6);
    if choice == 0 {
        // Left out.
        match body.pointer_mut(parent) {
            Some(Value::Object(map)) => {
                map.remove(&last);
            }
            Some(Value::Array(items)) => {
                items.remove(last.parse().expect("an index"));
            }
            _ => {}
        }
        return;
    }
    let Some(value) = body.pointer_mut(&path) else {
        return;
    };
    match value {
        Value::String(text) => *value = edited(&text.clone(), numbers),
        Value::Number(number) => *value = json!(number.as_i64().unwrap_or(0) + 1),
        Value::Bool(yes) => *value = json!(!*yes),
        Value::Array(items) if choice.is_multiple_of(2) => items.reverse(),
        Value::Array(items) => {
            let first = items.first().cloned();
            items.extend(first);
        }
        Value::Object(map) => match choice {
            1 => {
                map.insert("erpc.dev/more".to_owned(), json!("x"));
            }
            2 if map.contains_key("port") => {
                map.insert("protocol".to_owned(), json!("TCP"));
            }
            3 => map.clear(),
            // Nothing: these must be equal.
            _ => {}
        },
        Value::Null => {}
    }
}

/// What of an object an apply may change.
fn declared(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(root) = object.as_object_mut() {
        root.remove("status");
    }
    for key in ["resourceVersion", "generation", "uid", "creationTimestamp"] {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove(key);
        }
    }
    // The time of an entry moves with it, its fields are what counts.
    let entries = object["metadata"]["managedFields"].as_array().cloned();
    let ours: Vec<Value> = entries
        .into_iter()
        .flatten()
        .filter(|entry| entry["manager"] == "erpc:erp-uno" && entry["operation"] == "Apply")
        .map(|entry| entry["fieldsV1"].clone())
        .collect();
    object["metadata"]["managedFields"] = json!(ours);
    object
}

fn name(object: &Value) -> String {
    format!(
        "{} {}/{}",
        object["kind"].as_str().unwrap_or_default(),
        object["metadata"]["namespace"].as_str().unwrap_or_default(),
        object["metadata"]["name"].as_str().unwrap_or_default()
    )
}

fn by_name(list: &Value) -> BTreeMap<String, Value> {
    let items = list["items"].as_array().cloned();
    let items = items.into_iter().flatten();
    items.map(|object| (name(&object), object)).collect()
}

/// What a dry run of each would leave; `None` where the server does not take it.
fn judge(cluster: &Cluster, program: &Program<'_>, bodies: &[Value]) -> Vec<Option<Value>> {
    let access = Access {
        kubeconfig: Some(cluster.kubeconfig()),
        context: None,
        command: "test",
    };
    let judged = block_on(async {
        let server = erpc_cluster::Cluster::connect(&access).await?;
        let mut judged = Vec::new();
        for (object, body) in program.objects.iter().zip(bodies) {
            let call = Call::apply(&object.id, body, program.manager().name()).dry_run();
            judged.push(server.call(call).await.ok().map(|answer| answer.body));
        }
        Ok::<_, Failure>(judged)
    });
    judged.expect("an event loop").expect("a cluster")
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn what_is_called_equal_a_dry_run_leaves_as_it_is() {
    let cluster = Cluster::start();
    make_secrets_of_erp1(&cluster);
    cluster.applied(&repository());
    let compiled = erpc_tests::compile_folder(&repository());
    let (platform, derived) = compiled.result.as_ref().expect("ERP/1 compiles");
    let program = Program::of(platform, derived, &compiled.sources, None);
    let kinds = "namespaces,configmaps,services,networkpolicies,ingresses,serviceaccounts,roles,rolebindings,poddisruptionbudgets,deployments,statefulsets,horizontalpodautoscalers,storageclasses,ingressclasses,clusterroles,clusterrolebindings";
    let live = by_name(&cluster.get(&[
        kinds,
        "-A",
        "-l",
        "app.kubernetes.io/part-of=erp-uno",
        "--show-managed-fields",
    ]));
    let mut numbers = Numbers(2026);
    let (mut equal, mut edits, mut needless) = (0, 0, 0);
    for round in 0..12 {
        let mut bodies = Vec::new();
        for object in &program.objects {
            let mut body = object.body.value();
            if round > 0 {
                edit(&mut body, &mut numbers);
            }
            bodies.push(body);
        }
        let judged = judge(&cluster, &program, &bodies);
        for (body, judged) in bodies.iter().zip(judged) {
            let key = name(body);
            let found = live.get(&key).unwrap_or_else(|| panic!("{key} is live"));
            edits += 1;
            // What the server does not take is in no answer, and so is nobody's equal.
            let is_left = judged
                .as_ref()
                .is_some_and(|after| declared(after) == declared(found));
            if is_certainly_equal(program.manager(), body, found) {
                equal += 1;
                assert!(is_left, "{key}: {body}\nlive {found}\nafter {judged:?}");
            } else if is_left {
                needless += 1;
            }
        }
        if round == 0 {
            assert_eq!(equal, bodies.len(), "unedited, all are equal");
        }
    }
    assert!(
        edits > 2000 && equal > 250,
        "{equal} of {edits} were equal, {needless} asked for nothing"
    );
    // A question too many is a request, not a mistake; most must be told without one.
    assert!(needless * 4 < equal, "{needless} needless, {equal} equal");
}
