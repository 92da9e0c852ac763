//! Values drawn from the chart's own schema: it always renders, and what it renders is exact for
//! what is left on, by the evaluator and the claims of the platform under a profile that switches
//! the same things off.

use std::collections::BTreeSet;
use std::path::Path;

use erpc_cli::project::Project;
use erpc_cli::proof;
use erpc_emit::OutputFile;
use erpc_model::{Files, Mode, Peer, Platform, ReadError};
use erpc_policy::Derived;
use erpc_tests::repository;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{HELMS, build, helm, platforms};

/// A value of a schema; of an object some members only, as a person would say them.
struct Draw {
    schema: Value,
    runner: TestRunner,
}

impl Draw {
    fn one<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        let tree = strategy.new_tree(&mut self.runner);
        tree.expect("it can be drawn").current()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.one(&(0..100_u32)) < percent
    }

    fn value(&mut self, schema: &Value) -> Option<Value> {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#').to_owned();
            let definition = self.schema.pointer(&pointer).expect("a definition").clone();
            return self.value(&definition);
        }
        if let Some(properties) = schema["properties"].as_object() {
            let mut out = Map::new();
            for (name, schema) in properties {
                // What is off is drawn apart, with what requires it.
                let value = if name == "enabled" && schema["type"] == "boolean" {
                    None
                } else {
                    self.value(schema)
                };
                out.extend(value.map(|value| (name.clone(), value)));
            }
            return Some(Value::Object(out));
        }
        self.chance(30).then(|| self.leaf(schema))
    }

    fn leaf(&mut self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#').to_owned();
            let definition = self.schema.pointer(&pointer).expect("a definition").clone();
            return self.leaf(&definition);
        }
        for choice in ["enum", "anyOf"] {
            if let Some(list) = schema[choice].as_array() {
                let at = self.one(&(0..list.len()));
                return match choice {
                    "enum" => list[at].clone(),
                    _ => self.leaf(&list[at]),
                };
            }
        }
        if !schema["const"].is_null() {
            return schema["const"].clone();
        }
        // A quantity may be a number, too.
        let kind = match schema["type"].as_array() {
            Some(kinds) if self.chance(20) => kinds.last(),
            Some(kinds) => kinds.first(),
            None => Some(&schema["type"]),
        };
        match kind.and_then(Value::as_str) {
            Some("boolean") => json!(self.chance(50)),
            Some("integer") => {
                let least = schema["minimum"].as_i64().expect("a bound");
                // Small numbers are where rules change.
                let most = schema["maximum"].as_i64().filter(|_| self.chance(30));
                json!(self.one(&(least..=most.unwrap_or(5))))
            }
            Some("number") => json!(f64::from(self.one(&(0..5000_u32))) / 1000.0),
            Some("array") => {
                // More of them are for a profile.
                let count = schema["minItems"].as_u64().expect("a count");
                (0..count).map(|_| self.leaf(&schema["items"])).collect()
            }
            Some("string") => {
                let pattern = schema["pattern"].as_str().unwrap_or("^[a-z]{1,9}$");
                let inner = pattern.trim_start_matches('^').trim_end_matches('$');
                let strategy = proptest::string::string_regex(inner).expect("a pattern");
                loop {
                    let text = self.one(&strategy);
                    let is_short = schema["maxLength"]
                        .as_u64()
                        .is_none_or(|most| text.len() as u64 <= most);
                    if is_short && schema["not"]["const"] != json!(text) {
                        return json!(text);
                    }
                }
            }
            other => panic!("a schema of type {other:?}: {schema}"),
        }
    }

    /// Names of services and namespaces that are off, and with them what requires them.
    fn off(&mut self, platform: &Platform, derived: &Derived, routes: bool) -> BTreeSet<String> {
        let mut off = BTreeSet::new();
        for (_, namespace) in platform.namespaces() {
            if self.chance(10) {
                off.insert(namespace.name.value.to_string());
            }
        }
        for (id, _) in platform.services() {
            if self.chance(12) {
                off.insert(platform.path(id));
            }
        }
        let controller = platform.cluster().ingress.as_ref();
        let controller = controller.and_then(|ingress| ingress.controller.service());
        loop {
            let before = off.len();
            let is_off = |id, off: &BTreeSet<String>| {
                let path: String = platform.path(id);
                let namespace = path.split('.').next().unwrap_or_default();
                off.contains(&path) || off.contains(namespace)
            };
            for (id, _) in platform.services() {
                let mut needs: Vec<_> = derived.edges.from(id).iter().collect();
                needs.retain(|edge| edge.mode == Mode::Requires);
                let is_without = needs.iter().any(|edge| match edge.to {
                    Peer::Service(to) => to != id && is_off(to, &off),
                    _ => false,
                });
                let is_unserved = routes
                    && !platform.routes_to(id).is_empty()
                    && controller.is_some_and(|by| by != id && is_off(by, &off));
                if is_without || is_unserved {
                    off.insert(platform.path(id));
                }
            }
            if off.len() == before {
                return off;
            }
        }
    }
}

/// Makes drawn values agree with each other and with the defaults, as the chart demands.
fn agree(values: &mut Value, defaults: &Value) {
    for (name, namespace) in defaults["namespaces"].as_object().into_iter().flatten() {
        if !namespace["quota"].is_null() {
            values["namespaces"][name]["quota"]["enabled"] = json!(false);
        }
    }
    let mut hosts = BTreeSet::new();
    let namespaces = values["services"].as_object_mut().into_iter().flatten();
    for (namespace, services) in namespaces {
        for (service, values) in services.as_object_mut().into_iter().flatten() {
            let defaults = &defaults["services"][namespace][service];
            resources_agree(values, defaults);
            for (name, container) in values["containers"].as_object_mut().into_iter().flatten() {
                resources_agree(container, &defaults["containers"][name]);
            }
            if !defaults["hpa"].is_null() {
                let drawn = |values: &Value, key: &str| {
                    let own = values["hpa"][key].as_u64();
                    own.or(defaults["hpa"][key].as_u64()).expect("a count")
                };
                let (min, max) = (drawn(values, "minReplicas"), drawn(values, "maxReplicas"));
                values["hpa"]["minReplicas"] = json!(min.min(max));
                values["hpa"]["maxReplicas"] = json!(min.max(max));
                let targets = defaults["hpa"]["targetUtilization"].as_object();
                for (measure, _) in targets.into_iter().flatten() {
                    let target = &mut values["hpa"]["targetUtilization"][measure];
                    if target.is_null() || *target == 0 {
                        *target = json!(60);
                    }
                }
            }
            if !defaults["minAvailable"].is_null() {
                values["minAvailable"] = json!(0);
            }
            for host in values["hosts"].as_array_mut().into_iter().flatten() {
                if !hosts.insert(host.to_string()) {
                    *host = json!(format!("host-{}", hosts.len()));
                    hosts.insert(host.to_string());
                }
            }
        }
    }
    // Reading a member that is not there has made it null.
    drop_nulls(values);
}

fn resources_agree(values: &mut Value, defaults: &Value) {
    if defaults["resources"].is_null() {
        return;
    }
    for what in ["cpu", "memory"] {
        let drawn = values["resources"]["requests"][what].clone();
        let request = if drawn.is_null() {
            defaults["resources"]["requests"][what].clone()
        } else if drawn
            .to_string()
            .contains(|c: char| ('1'..='9').contains(&c))
        {
            drawn
        } else {
            json!("1")
        };
        values["resources"]["requests"][what] = request.clone();
        values["resources"]["limits"][what] = request;
    }
}

fn drop_nulls(value: &mut Value) {
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, inner| !inner.is_null());
        map.values_mut().for_each(drop_nulls);
    }
}

/// A program with one more profile.
struct With<'p> {
    project: &'p Project,
    profile: String,
}

impl Files for With<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let mut bytes = self.project.read(path)?;
        if path == self.project.root {
            bytes.extend(self.profile.as_bytes());
        }
        Ok(bytes)
    }

    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        self.project.below(path)
    }

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        self.project.library(module)
    }
}

/// The platform on a cluster, without what is off.
fn what_is_left(folder: &Path, cluster: &str, off: &BTreeSet<String>) -> Platform {
    let project = Project::find(Some(folder)).expect("a program");
    let mut profile = format!("\nprofile drawn-at-random {{\n  cluster = {cluster}\n");
    for path in off {
        profile += &format!("  {path} = off\n");
    }
    profile += "}\n";
    let files = With {
        project: &project,
        profile,
    };
    let (loaded, _) = erpc_model::load(&project.root, &files);
    let resolved = erpc_model::resolve(&loaded, &files);
    let platform = resolved
        .platform
        .unwrap_or_else(|| panic!("{:?}", resolved.diagnostics));
    platform
        .under_named("drawn-at-random")
        .expect("the profile")
}

/// How many of the draws left something to prove, and were exact.
fn draws(variable: &str, folder: &Path, count: u32) -> u32 {
    let chart = build(folder, &[]);
    let chart = chart.path();
    let read = |path: &str| std::fs::read_to_string(chart.join(path)).expect("the chart");
    let schema: Value = serde_json::from_str(&read("helm/values.schema.json")).expect("JSON");
    let defaults: Value = serde_saphyr::from_str(&read("helm/values.yaml")).expect("YAML");
    let platform = what_is_left(
        folder,
        defaults["cluster"]["name"].as_str().expect("a name"),
        &BTreeSet::new(),
    );
    let (derived, _) = Derived::of(&platform);
    let mut draw = Draw {
        schema: schema.clone(),
        runner: TestRunner::deterministic(),
    };
    let out = TempDir::new().expect("a folder");
    let file = out.path().join("values.yaml");
    let mut proven = 0;
    for _ in 0..count {
        let mut values = draw.value(&schema).expect("an object");
        agree(&mut values, &defaults);
        // What a profile declares is tried with its own values.
        if !defaults["global"]["profile"].is_null() {
            values["global"]["profile"] = defaults["global"]["profile"].clone();
        }
        if !schema["allOf"].is_null() {
            values["cluster"]["name"] = defaults["cluster"]["name"].clone();
        }
        let routes = draw.chance(70);
        values["ingress"] = json!({"enabled": routes});
        values["networkPolicy"] = json!({"enabled": draw.chance(90)});
        let off = draw.off(&platform, &derived, routes);
        for path in &off {
            let place = match path.split_once('.') {
                Some((namespace, service)) => &mut values["services"][namespace][service],
                None => &mut values["namespaces"][path],
            };
            place["enabled"] = json!(false);
        }
        std::fs::write(&file, values.to_string()).expect("a file");
        let arguments = ["template", "r", "helm", "--values", &file.to_string_lossy()];
        let output = helm(variable, &arguments, chart);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{values:#}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        if values["networkPolicy"]["enabled"] == false {
            assert!(!text.contains("\nkind: NetworkPolicy\n"));
            continue;
        }
        let cluster = values["cluster"]["name"].as_str();
        let cluster = cluster
            .or(defaults["cluster"]["name"].as_str())
            .expect("a name");
        let mut left = what_is_left(folder, cluster, &off);
        if !routes {
            left.routes.clear();
        }
        assert!(off.is_empty() || left.services.len() < platform.services.len());
        if left.services.is_empty() {
            continue;
        }
        let rendered = OutputFile {
            path: "rendered.yaml".to_owned(),
            text,
        };
        let found = proof::check(&left, &[rendered]);
        assert!(!found.has_errors(), "{found:?}\n{values:#}");
        proven += 1;
    }
    proven
}

#[test]
#[ignore = "needs the Helm that tests/helm/build makes; tests/run runs it"]
fn values_drawn_from_the_schema_render_and_are_exact_for_what_is_left() {
    assert!(draws(HELMS[0], &repository(), 40) > 25);
    assert!(draws(HELMS[1], &repository(), 5) > 2);
    for folder in platforms() {
        if folder != repository() {
            assert!(draws(HELMS[0], &folder, 12) > 0, "{}", folder.display());
        }
    }
}
