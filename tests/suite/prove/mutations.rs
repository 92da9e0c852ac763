//! Damage to the emitted YAML: every kind on every policy of ERP/1, at the first and the last place
//! where it can be done. The claims are the catalogue's, so the compiler's model has no part in it.

use std::collections::BTreeMap;

use erpc_prove::{File, Manifests};
use erpc_tests::repository;
use serde_json::{Value, json};

use super::erp1::Catalogue;
use super::{committed, prove, read};

/// Damages the value at a place that a kind looks for.
type Damage = fn(&mut Value);

/// A kind of damage: its name, the places where it can be done, what is done there.
struct Kind {
    name: &'static str,
    places: fn(&Value) -> Vec<String>,
    damage: Damage,
    /// Why the matrix may be the same after it.
    equal: Option<&'static str>,
}

const fn kind(name: &'static str, places: fn(&Value) -> Vec<String>, damage: Damage) -> Kind {
    Kind {
        name,
        places,
        damage,
        equal: None,
    }
}

const fn may_be_equal(
    name: &'static str,
    places: fn(&Value) -> Vec<String>,
    damage: Damage,
    why: &'static str,
) -> Kind {
    Kind {
        name,
        places,
        damage,
        equal: Some(why),
    }
}

const KINDS: &[Kind] = &[
    kind("the policy is dropped", whole, |policy| {
        policy["kind"] = json!("Nothing");
    }),
    kind("the policy is in another namespace", whole, |policy| {
        policy["metadata"]["namespace"] = json!("default");
    }),
    kind("a rule is dropped", rules, |rule| *rule = Value::Null),
    kind("a rule has no peers", rules, |rule| {
        let rule = rule.as_object_mut().expect("a rule");
        rule.retain(|key, _| key == "ports");
    }),
    kind("a rule has `[]` for peers", rules, |rule| {
        for key in ["from", "to"] {
            if rule[key].is_array() {
                rule[key] = json!([]);
            }
        }
    }),
    kind("a rule has no ports", rules, |rule| {
        rule.as_object_mut().expect("a rule").remove("ports");
    }),
    kind("a rule has `[]` for ports", rules, |rule| {
        rule["ports"] = json!([]);
    }),
    kind("a rule has one port more", rules, |rule| {
        let ports = rule["ports"].as_array_mut().expect("ports");
        ports.push(json!({"protocol": "TCP", "port": 4711}));
    }),
    kind("a peer is added", rules, |rule| {
        for key in ["from", "to"] {
            if let Some(peers) = rule[key].as_array_mut() {
                peers.push(pods("erp-apps", "nobody"));
            }
        }
    }),
    kind("every pod is added as a peer", rules, |rule| {
        for key in ["from", "to"] {
            if let Some(peers) = rule[key].as_array_mut() {
                peers.push(json!({"namespaceSelector": {}}));
            }
        }
    }),
    kind("a block is added as a peer", rules, |rule| {
        for key in ["from", "to"] {
            if let Some(peers) = rule[key].as_array_mut() {
                peers.push(json!({"ipBlock": {"cidr": "192.0.2.0/24"}}));
            }
        }
    }),
    kind("a direction has no rules", directions, |rules| {
        *rules = json!([]);
    }),
    kind("a direction lets everything through", directions, |rules| {
        *rules = json!([{}]);
    }),
    kind("rules are merged", directions, |rules| {
        let all = rules.as_array_mut().expect("rules");
        let ports: Vec<Value> = all.iter().flat_map(|rule| list(&rule["ports"])).collect();
        for rule in all {
            rule["ports"] = json!(ports);
        }
    }),
    may_be_equal(
        "policyTypes lacks a direction",
        types,
        |one| *one = Value::Null,
        "default-deny isolates the direction, and there were no rules in it",
    ),
    may_be_equal(
        "policyTypes is missing",
        whole,
        |policy| {
            policy["spec"]
                .as_object_mut()
                .expect("a spec")
                .remove("policyTypes");
        },
        "the defaults are what it said, or default-deny says the same",
    ),
    kind("the policy selects all pods", whole, |policy| {
        policy["spec"]["podSelector"] = json!({});
    }),
    kind("the policy selects nobody", selectors_of_policy, misspell),
    kind(
        "a peer is any pod of its namespace",
        peers_with_pods,
        |peer| peer["podSelector"] = json!({}),
    ),
    kind("a peer has no pod selector", peers_with_pods, |peer| {
        peer.as_object_mut().expect("a peer").remove("podSelector");
    }),
    kind("a peer has a label misspelt", peers_with_pods, |peer| {
        misspell(&mut peer["podSelector"]);
    }),
    kind(
        "a peer is known by another label",
        peers_with_pods,
        |peer| {
            peer["podSelector"] = json!({"matchLabels": {"app.kubernetes.io/part-of": "erp-uno"}});
        },
    ),
    kind(
        "a peer is everybody but the one meant",
        peers_with_pods,
        |peer| negate(&mut peer["podSelector"]),
    ),
    kind(
        "a peer needs only to have the label",
        peers_with_pods,
        |peer| exist(&mut peer["podSelector"]),
    ),
    kind("a name of a list is dropped", lists_of_names, |values| {
        values.as_array_mut().expect("values").pop();
    }),
    kind("a name is added to a list", lists_of_names, |values| {
        values.as_array_mut().expect("values").push(json!("nobody"));
    }),
    kind(
        "a peer is of the policy's own namespace",
        peers_elsewhere,
        |peer| {
            peer.as_object_mut()
                .expect("a peer")
                .remove("namespaceSelector");
        },
    ),
    kind("a peer is of any namespace", peers_with_pods, |peer| {
        peer["namespaceSelector"] = json!({});
    }),
    kind("a peer is of another namespace", peers_with_pods, |peer| {
        misspell(&mut peer["namespaceSelector"]);
    }),
    kind(
        "a peer is of every other namespace",
        peers_with_pods,
        |peer| {
            negate(&mut peer["namespaceSelector"]);
        },
    ),
    kind("the two selectors of a peer are two peers", rules, |rule| {
        for key in ["from", "to"] {
            let peers = list(&rule[key]).into_iter().flat_map(|peer| {
                if peer["ipBlock"].is_object() {
                    return vec![peer];
                }
                vec![
                    json!({"namespaceSelector": peer["namespaceSelector"]}),
                    json!({"podSelector": peer["podSelector"]}),
                ]
            });
            let peers: Vec<Value> = peers.collect();
            if !peers.is_empty() && peers != list(&rule[key]) {
                rule[key] = json!(peers);
            }
        }
    }),
    kind("a port is mistaken", ports, |port| {
        let number = port["port"].as_u64().expect("a number");
        port["port"] = json!(number + 1);
    }),
    kind(
        "the Service's port stands for the container's",
        translated,
        |port| {
            let number = port["port"].as_u64().expect("a number");
            port["port"] = json!(if number == 8000 { 80 } else { 443 });
        },
    ),
    kind("a port is a range", ports, |port| {
        let number = port["port"].as_u64().expect("a number");
        port["endPort"] = json!(number + 1);
    }),
    kind("a port is a name that nobody has", ports, |port| {
        port["port"] = json!("nothing");
    }),
    kind("a port is every port", ports, |port| {
        port.as_object_mut().expect("a port").remove("port");
    }),
    kind("a port is of another protocol", ports, |port| {
        port["protocol"] = json!("SCTP");
    }),
    kind("UDP has no protocol", udp, |port| {
        port.as_object_mut().expect("a port").remove("protocol");
    }),
    kind(
        "a block lacks its exceptions",
        blocks_with_except,
        |block| {
            block.as_object_mut().expect("a block").remove("except");
        },
    ),
    kind("a block lacks one exception", blocks_with_except, |block| {
        block["except"].as_array_mut().expect("exceptions").pop();
    }),
    kind("a block is everything", blocks, |block| {
        let cidr = block["cidr"].as_str().unwrap_or_default();
        let all = if cidr.contains(':') {
            "0.0.0.0/0"
        } else {
            "::/0"
        };
        *block = json!({"cidr": all});
    }),
];

fn pods(namespace: &str, name: &str) -> Value {
    json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": name}},
    })
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// All requirements of a selector as keys with values.
fn values(selector: &Value) -> Vec<(String, Vec<Value>)> {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let equal = equal.map(|(key, value)| (key.clone(), vec![value.clone()]));
    let among = list(&selector["matchExpressions"]).into_iter();
    let among = among.map(|one| {
        (
            one["key"].as_str().unwrap_or_default().to_owned(),
            list(&one["values"]),
        )
    });
    equal.chain(among).collect()
}

fn misspell(selector: &mut Value) {
    let wrong: serde_json::Map<String, Value> = values(selector)
        .into_iter()
        .map(|(key, _)| (key, json!("nobody")))
        .collect();
    *selector = json!({ "matchLabels": wrong });
}

fn negate(selector: &mut Value) {
    let not: Vec<Value> = values(selector)
        .into_iter()
        .map(|(key, values)| json!({"key": key, "operator": "NotIn", "values": values}))
        .collect();
    *selector = json!({ "matchExpressions": not });
}

fn exist(selector: &mut Value) {
    let exists: Vec<Value> = values(selector)
        .into_iter()
        .map(|(key, _)| json!({"key": key, "operator": "Exists"}))
        .collect();
    *selector = json!({ "matchExpressions": exists });
}

fn whole(_: &Value) -> Vec<String> {
    vec![String::new()]
}

fn directions(policy: &Value) -> Vec<String> {
    let has = |direction: &&str| !list(&policy["spec"][*direction]).is_empty();
    let all = ["ingress", "egress"]
        .iter()
        .filter(|direction| has(direction));
    all.map(|direction| format!("/spec/{direction}")).collect()
}

fn items(policy: &Value, of: Vec<String>) -> Vec<String> {
    of.into_iter()
        .flat_map(|place| {
            let length = policy.pointer(&place).map_or(0, |items| list(items).len());
            (0..length).map(move |at| format!("{place}/{at}"))
        })
        .collect()
}

fn below(policy: &Value, of: Vec<String>, keys: &[&str]) -> Vec<String> {
    let places = of.into_iter().flat_map(|place| {
        keys.iter()
            .map(move |key| format!("{place}/{key}"))
            .collect::<Vec<_>>()
    });
    places
        .filter(|place| policy.pointer(place).is_some())
        .collect()
}

fn rules(policy: &Value) -> Vec<String> {
    items(policy, directions(policy))
}

fn types(policy: &Value) -> Vec<String> {
    items(policy, vec!["/spec/policyTypes".to_owned()])
}

fn selectors_of_policy(policy: &Value) -> Vec<String> {
    let selector = policy["spec"]["podSelector"].as_object();
    let is_empty = selector.is_none_or(serde_json::Map::is_empty);
    if is_empty {
        Vec::new()
    } else {
        vec!["/spec/podSelector".to_owned()]
    }
}

fn peers(policy: &Value) -> Vec<String> {
    items(policy, below(policy, rules(policy), &["from", "to"]))
}

fn peers_with_pods(policy: &Value) -> Vec<String> {
    let has_pods = |place: &String| {
        policy
            .pointer(place)
            .is_some_and(|peer| peer["podSelector"].is_object())
    };
    peers(policy).into_iter().filter(has_pods).collect()
}

fn peers_elsewhere(policy: &Value) -> Vec<String> {
    let own = policy["metadata"]["namespace"].as_str().unwrap_or_default();
    let is_elsewhere = |place: &String| {
        let labels = policy.pointer(&format!("{place}/namespaceSelector/matchLabels"));
        labels.is_some_and(|labels| labels["kubernetes.io/metadata.name"] != own)
    };
    peers_with_pods(policy)
        .into_iter()
        .filter(is_elsewhere)
        .collect()
}

fn lists_of_names(policy: &Value) -> Vec<String> {
    let lists = below(
        policy,
        peers_with_pods(policy),
        &["podSelector/matchExpressions/0/values"],
    );
    lists.into_iter().collect()
}

fn ports(policy: &Value) -> Vec<String> {
    items(policy, below(policy, rules(policy), &["ports"]))
}

fn udp(policy: &Value) -> Vec<String> {
    let is_udp = |place: &String| {
        policy
            .pointer(place)
            .is_some_and(|port| port["protocol"] == "UDP")
    };
    ports(policy).into_iter().filter(is_udp).collect()
}

/// Ports of the ingress controller, whose Service has others.
fn translated(policy: &Value) -> Vec<String> {
    let is_translated = |place: &String| {
        let port = policy.pointer(place).map(|port| &port["port"]);
        port.is_some_and(|port| *port == 8000 || *port == 8443)
            && policy["metadata"]["name"] == "traefik-ingress"
    };
    ports(policy).into_iter().filter(is_translated).collect()
}

fn blocks(policy: &Value) -> Vec<String> {
    below(policy, peers(policy), &["ipBlock"])
}

fn blocks_with_except(policy: &Value) -> Vec<String> {
    let has_except = |place: &String| {
        policy
            .pointer(place)
            .is_some_and(|block| block["except"].is_array())
    };
    blocks(policy).into_iter().filter(has_except).collect()
}

/// Takes the nulls that stand for dropped items out of lists.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(without_nulls);
        }
        Value::Object(entries) => entries.values_mut().for_each(without_nulls),
        _ => {}
    }
}

/// The documents of ERP/1 that are policies.
fn policies() -> Vec<Value> {
    let texts = committed(&repository());
    texts
        .iter()
        .filter(|(path, _)| path.contains("networkpolicy"))
        .flat_map(|(_, text)| serde_saphyr::from_multiple::<Value>(text).expect("YAML"))
        .collect()
}

/// The manifests with one policy read anew from damaged text.
fn with_damaged(manifests: &Manifests, at: usize, text: &str) -> Manifests {
    let damaged = Manifests::read(&[File {
        path: "damaged.yaml",
        bytes: text.as_bytes(),
    }]);
    let mut manifests = manifests.clone();
    manifests.policies.remove(at);
    manifests.policies.extend(damaged.policies);
    manifests.problems.extend(damaged.problems);
    manifests
}

#[test]
fn every_kind_of_damage_to_every_policy_is_caught() {
    let catalogue = Catalogue::read();
    let manifests = read(&committed(&repository()));
    let policies = policies();
    assert_eq!(policies.len(), manifests.policies.len());
    println!(
        "{:>48} {:>8} {:>8} {:>8}",
        "damage", "policies", "mutants", "caught"
    );
    let mut survivors: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut total = 0;
    for kind in KINDS {
        let (mut of_policies, mut mutants, mut caught) = (0, 0, 0);
        for policy in &policies {
            let name = format!(
                "{}/{}",
                policy["metadata"]["namespace"], policy["metadata"]["name"]
            )
            .replace('"', "");
            let at = manifests
                .policies
                .iter()
                .position(|one| format!("{}/{}", one.namespace, one.name) == name)
                .expect("read");
            let places = (kind.places)(policy);
            let last = places.len().saturating_sub(1);
            of_policies += usize::from(!places.is_empty());
            for (index, place) in places.iter().enumerate() {
                if index != 0 && index != last {
                    continue;
                }
                let mut damaged = policy.clone();
                (kind.damage)(damaged.pointer_mut(place).expect("a place"));
                without_nulls(&mut damaged);
                if damaged == *policy {
                    // `rules are merged` where there is one rule changes nothing.
                    continue;
                }
                mutants += 1;
                let text = serde_saphyr::to_string(&damaged).expect("YAML");
                let damaged = with_damaged(&manifests, at, &text);
                if prove(&damaged, &catalogue.claims, &catalogue.cluster).is_err() {
                    caught += 1;
                } else {
                    survivors.entry(kind.name).or_default().push(name.clone());
                }
            }
        }
        println!(
            "{:>48} {of_policies:>8} {mutants:>8} {caught:>8}",
            kind.name
        );
        assert!(mutants > 0, "{}", kind.name);
        total += mutants;
    }
    println!(
        "{} kinds, {total} mutants; the matrix is the same after",
        KINDS.len()
    );
    for (kind, policies) in &survivors {
        let why = KINDS
            .iter()
            .find(|one| one.name == *kind)
            .and_then(|one| one.equal);
        let why = why.unwrap_or_else(|| panic!("`{kind}` survives on {policies:?}"));
        println!("  {kind} ({why}): {}", policies.join(", "));
    }
    assert!(KINDS.len() >= 20);
}
