//! `defaults strict` against `defaults kubernetes`: the difference between the objects of both is the table.

use std::collections::{BTreeMap, BTreeSet};

use erpc_emit::{ADDED, Kind};
use erpc_tests::Memory;
use serde_json::Value;

/// A platform of every kind of workload, of which each part of the table finds its reason.
fn platform(defaults: &str) -> String {
    let rest = r#"
tiers logic
cluster main {
  kubernetes 1.36
  nodes      3 of cpu 8, memory 16Gi, in 172.18.0.0/16
  pods       10.244.0.0/16
  services   10.96.0.0/16
  dns        kube-dns
  storage    fast default
}
secret key { keys "token" }
component Small {
  image  "docker.io/shop/x:1.0"
  cpu    100m..200m
  memory 64Mi..128Mi
  run    as 1000
}
namespace shop {
  tier logic
  service web is Small {
    port     http 80
    replicas 2
    config   app { "a" = "b" } at "/etc/app"
    secret   key at "/run/key"
    access by port-forward
  }
  service store is Small {
    port   tcp 5432
    volume data 1Gi at "/data"
    access by port-forward
  }
  service agent is Small {
    port     tcp 9100
    replicas per node
    access by port-forward
  }
  job once is Small { }
  job often every "0 3 * * *" is Small { }
}
"#;
    format!("erp 1\nplatform shop {{ version \"1.0\"; cluster main; {defaults} }}\n{rest}")
}

/// The objects of a program by kind and name; of a Job the name ends in a hash, which is left out.
fn objects(text: &str) -> BTreeMap<(Kind, String), Value> {
    let all = Memory::of(text).objects().into_iter();
    all.map(|object| {
        let name = object.name().split("once-").next().unwrap_or_default();
        let name = if name.is_empty() { "once" } else { name };
        let value = serde_json::to_value(object.root()).expect("an object is JSON");
        ((object.kind(), name.to_owned()), value)
    })
    .collect()
}

/// Every leaf of an object by its path, items of lists by their name, their path of a mount, or their number.
fn leaves(value: &Value, path: &str, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = match key.contains('/') {
                    true => format!("{path}[{key}]"),
                    false => format!("{path}.{key}"),
                };
                leaves(value, &path, into);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let key = item["mountPath"].as_str().or_else(|| item["name"].as_str());
                let key = key.map_or_else(|| at.to_string(), str::to_owned);
                leaves(item, &format!("{path}[{key}]"), into);
            }
        }
        leaf => {
            into.insert(path.to_owned(), leaf.clone());
        }
    }
}

/// Whether a path is the field of a row or below it; `[]` is any item, `*` any end.
fn is_of(field: &str, path: &str) -> bool {
    fn strip<'p>(field: &str, path: &'p str) -> Option<&'p str> {
        match field.split_once("[]") {
            None => match field.strip_suffix("*]") {
                Some(start) => path.starts_with(start).then_some(""),
                None => path.strip_prefix(field),
            },
            Some((start, rest)) => {
                let behind = path.strip_prefix(start)?.strip_prefix('[')?;
                strip(rest, behind.split_once(']')?.1)
            }
        }
    }
    strip(field, path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The rows of the table that a field of an object is of.
fn rows_of(kind: Kind, path: &str) -> BTreeSet<usize> {
    let template = kind.pod_path().and_then(|path| path.split_last());
    let pod = template.map(|(_, template)| format!(".{}", template.join(".")));
    let rows = ADDED.iter().enumerate();
    rows.filter(|(_, added)| {
        let below = match added.kinds {
            "POD" => pod.as_ref().and_then(|pod| path.strip_prefix(pod.as_str())),
            of => (kind.as_str() == of).then_some(path),
        };
        let field = format!(".{}", added.field);
        below.is_some_and(|below| added.field.is_empty() || is_of(&field, below))
    })
    .map(|(at, _)| at)
    .collect()
}

#[test]
fn the_table_of_strict_defaults_is_what_they_add() {
    let strict = objects(&platform("defaults strict"));
    let plain = objects(&platform("defaults kubernetes"));
    let mut found = BTreeSet::new();
    for (key, object) in &strict {
        let (mut of_strict, mut of_plain) = (BTreeMap::new(), BTreeMap::new());
        leaves(object, "", &mut of_strict);
        if let Some(object) = plain.get(key) {
            leaves(object, "", &mut of_plain);
        }
        for (path, value) in &of_strict {
            let is_name = key.0 == Kind::Job && path == ".metadata.name";
            if is_name || of_plain.get(path) == Some(value) {
                continue;
            }
            let rows = rows_of(key.0, path);
            assert!(
                !rows.is_empty(),
                "{key:?}: {path} = {value} is in no row of the table"
            );
            found.extend(rows);
        }
        for path in of_plain.keys() {
            assert!(
                of_strict.contains_key(path),
                "{key:?}: {path} is there only without `strict`"
            );
        }
    }
    for key in plain.keys() {
        assert!(
            strict.contains_key(key),
            "{key:?} is there only without `strict`"
        );
    }
    for (at, added) in ADDED.iter().enumerate() {
        assert!(found.contains(&at), "nothing shows the row {added:?}");
    }
}
