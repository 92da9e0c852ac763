//! Existing manifests as a program: what is written means what was read.

use erpc_cluster::{KNOWN, Usual};
use erpc_import::compare;
use erpc_tests::Memory;
use serde_json::{Value, json};

/// The objects of a program, or the codes and messages of its errors.
pub(crate) fn build(source: &str) -> Result<Vec<Value>, Vec<String>> {
    let compiled = Memory::of(source).compile();
    let Some((platform, derived)) = &compiled.result else {
        let found = compiled.diagnostics.as_slice().iter();
        let errors = found.filter(|found| found.severity() == erpc_diagnostics::Severity::Error);
        return Err(errors
            .map(|found| format!("{} {}", found.code.id, found.message))
            .collect());
    };
    let files = erpc_emit::objects(platform, derived, &compiled.sources);
    let objects = files.iter().flat_map(|file| &file.objects);
    Ok(objects.map(|object| json!(object)).collect())
}

pub(crate) fn format(source: &str) -> String {
    let parsed = erpc_syntax::parse(erpc_diagnostics::FileId(0), source);
    erpc_syntax::format(source, &parsed.file)
}

/// What [`compare`] takes for a default is what the table of `drift` knows as one.
#[test]
fn the_defaults_of_the_server_are_those_of_the_table() {
    let mut rows = 0;
    for known in KNOWN {
        let Usual::Is(value) = known.value else {
            continue;
        };
        // Each of these has its default together with another field.
        let is_alone = |path: &&str| !known.path.ends_with(path);
        let together = [
            "spec.completions",
            "spec.parallelism",
            "spec.sessionAffinityConfig",
        ];
        // What controllers and the server write into metadata is not a default.
        if !together.iter().all(is_alone)
            || known.path.contains("metadata")
            || known.path == "spec.finalizers"
        {
            continue;
        }
        let value: Value = serde_json::from_str(value).expect("JSON");
        for kind in known.kinds {
            let pod = kind
                .pod_path()
                .map_or_else(String::new, |path| path[..path.len() - 1].join("."));
            let path = known
                .path
                .replace("CONTAINER", "POD.spec.containers[]")
                .replace("POD", &pod);
            let object = |value: Option<&Value>| {
                let mut object = json!({"apiVersion": kind.api_version(), "kind": kind.as_str(), "metadata": {"name": "a"}});
                set(&mut object, &path, value);
                object
            };
            let found = compare(&[object(Some(&value))], &[object(None)]);
            assert_eq!(found, [], "{kind} {path}");
            rows += 1;
        }
    }
    assert!(rows > 50, "{rows}");
}

/// Sets the field at the end of a path, or only what is around it.
fn set(object: &mut Value, path: &str, value: Option<&Value>) {
    let mut at = object;
    let names: Vec<&str> = path.split('.').collect();
    let (last, parents) = names.split_last().expect("a path");
    for name in parents {
        at = match name.strip_suffix("[]") {
            Some(list) => {
                if at[list].is_null() {
                    at[list] =
                        json!([{"name": "a", "containerPort": 1, "port": 1, "image": "a:1"}]);
                }
                &mut at[list][0]
            }
            None => &mut at[*name],
        };
        if at.is_null() {
            *at = json!({});
        }
    }
    if let Some(value) = value {
        at[*last] = value.clone();
    }
}
