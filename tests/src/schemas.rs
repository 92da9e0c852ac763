//! Writes the table of Kubernetes' schemas (`compiler/emit/src/schema/kubernetes.txt`) from what Kubernetes
//! publishes: for each version, `api/openapi-spec/swagger.json` of the Go module `k8s.io/kubernetes` says the kinds,
//! the fields and their types; `pkg/generated/openapi` of the same module says the values of enumerations and the
//! defaults of merge keys, which the former leaves out. What stands in the table is described in its first lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The newest release of each supported minor version that the Go module proxy has.
pub const RELEASES: [&str; 7] = [
    "1.31.14", "1.32.13", "1.33.13", "1.34.4", "1.35.4", "1.36.3", "1.37.2",
];

const HEAD: &str = "\
# The kinds that Kubernetes serves and can create, with their fields, for all supported versions.
# Written by `UPDATE_SCHEMAS=1 cargo test -p erpc-tests --test suite -- --ignored schemas`; do not edit.
#
# `kind API-VERSION KIND PLURAL SCOPE TYPE`, then the types by package, then their fields as `NAME TYPE VALUES`.
# `NAME!` is required. `{T}` is a map, `[T]` a list, `[T]a,b` a list whose elements differ in a and b, `[T]=` a list
# whose elements differ. `b=X` is a key that is X by default. `|A|B` are the only values.
# `@34..36` is in these minor versions only; what has no `@` is in all.
";

/// The folders of the Go modules, which are downloaded if they are missing.
///
/// # Panics
///
/// If Go is missing or the module proxy does not have a release.
#[must_use]
pub fn modules() -> Vec<PathBuf> {
    let empty = tempfile::tempdir().expect("a folder outside every Go module");
    let module = |release: &str| {
        let output = Command::new("go")
            .args(["mod", "download", "-json"])
            .arg(format!("k8s.io/kubernetes@v{release}"))
            .current_dir(empty.path())
            .output()
            .expect("go is installed");
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON of go");
        let folder = said["Dir"].as_str().map(PathBuf::from);
        folder.unwrap_or_else(|| panic!("{release}: {said}"))
    };
    RELEASES.into_iter().map(module).collect()
}

/// The table of the releases whose modules are in these folders.
///
/// # Panics
///
/// If a module is not as those of Kubernetes are.
#[must_use]
pub fn table(modules: &[PathBuf]) -> String {
    let mut kinds = Versions::default();
    let mut types: BTreeMap<(String, String), Versions> = BTreeMap::new();
    for (version, module) in modules.iter().enumerate() {
        let published = Published::read(module);
        let mut needed = BTreeSet::new();
        for (line, definition) in published.kinds() {
            kinds.add(line, version);
            published.collect(&definition, &mut needed);
        }
        for definition in needed {
            let (package, name) = short(&definition);
            let fields = types
                .entry((package.to_owned(), name.to_owned()))
                .or_default();
            for field in published.fields(&definition, package) {
                fields.add(field, version);
            }
        }
    }
    let mut text = format!("{HEAD}\nkubernetes {}\n\n", RELEASES.join(" "));
    for line in kinds.lines(modules.len()) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "kind {line}");
    }
    let mut last = String::new();
    for ((package, name), fields) in types {
        if package != last {
            let _ = writeln!(text, "\npackage {package}");
            last = package;
        }
        let _ = writeln!(text, "{name}");
        for line in fields.lines(modules.len()) {
            let _ = writeln!(text, " {line}");
        }
    }
    text
}

/// Lines of the table, and the versions in which each is true.
#[derive(Default)]
struct Versions(BTreeMap<String, BTreeSet<usize>>);

impl Versions {
    fn add(&mut self, line: String, version: usize) {
        self.0.entry(line).or_default().insert(version);
    }

    /// Each line with its versions, unless it is true in all of them; one that comes again has a line for each time.
    fn lines(self, all: usize) -> Vec<String> {
        let minor = |version: usize| {
            let minor = RELEASES[version].split('.').nth(1);
            minor.expect("a release has a minor version").to_owned()
        };
        let mut lines = Vec::new();
        for (line, versions) in self.0 {
            let versions: Vec<usize> = versions.into_iter().collect();
            for run in versions.chunk_by(|one, next| one + 1 == *next) {
                let (first, last) = (run[0], run[run.len() - 1]);
                lines.push(match (first > 0, last + 1 < all) {
                    (false, false) => line.clone(),
                    (true, false) => format!("{line} @{}..", minor(first)),
                    (false, true) => format!("{line} @..{}", minor(last)),
                    (true, true) => format!("{line} @{}..{}", minor(first), minor(last)),
                });
            }
        }
        lines
    }
}

/// What one release publishes.
struct Published {
    swagger: Value,
    /// Of `type.field`, as `pkg/generated/openapi` has it.
    enums: BTreeMap<String, Vec<String>>,
    defaults: BTreeMap<String, String>,
}

impl Published {
    fn read(module: &Path) -> Self {
        let read = |path: &str| {
            let text = std::fs::read_to_string(module.join(path));
            text.unwrap_or_else(|error| panic!("{}/{path}: {error}", module.display()))
        };
        let swagger = serde_json::from_str(&read("api/openapi-spec/swagger.json"));
        let mut published = Self {
            swagger: swagger.expect("JSON"),
            enums: BTreeMap::new(),
            defaults: BTreeMap::new(),
        };
        published.read_generated(&read("pkg/generated/openapi/zz_generated.openapi.go"));
        published
    }

    /// The values and defaults of fields: the only lines of the generated Go code that matter are the head of a
    /// function, the name of a property five tabs in, and what stands below it.
    fn read_generated(&mut self, code: &str) {
        let (mut type_name, mut field) = ("", "");
        for line in code.lines() {
            if let Some(rest) = line.strip_prefix("func schema_") {
                type_name = rest.split('(').next().unwrap_or_default();
                type_name = type_name.strip_prefix("k8sio_").unwrap_or(type_name);
                continue;
            }
            let name = line.strip_prefix("\t\t\t\t\t\"");
            if let Some(name) = name.and_then(|rest| rest.strip_suffix("\": {")) {
                field = name;
                continue;
            }
            let key = || format!("{type_name}.{field}");
            let line = line.trim().trim_end_matches(',');
            if let Some(rest) = line.strip_prefix("Enum:") {
                let values = rest.trim().strip_prefix("[]interface{}{");
                let values = values.and_then(|rest| rest.strip_suffix('}'));
                let values = format!("[{}]", values.expect("a list of values"));
                let values = serde_json::from_str(&values).expect("texts");
                self.enums.insert(key(), values);
            } else if let Some(rest) = line.strip_prefix("Default:")
                && let Some(text) = rest.trim().strip_prefix('"')
            {
                let text = text.trim_end_matches('"').to_owned();
                self.defaults.insert(key(), text);
            }
        }
    }

    /// What can be created, as a line of the table, and its definition.
    fn kinds(&self) -> Vec<(String, String)> {
        let paths = self.swagger["paths"].as_object().expect("paths");
        let mut kinds = Vec::new();
        for (path, methods) in paths {
            let post = &methods["post"];
            let body = post["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .find_map(|parameter| parameter["schema"]["$ref"].as_str());
            let (Some(body), false) = (body, path.contains("{name}")) else {
                continue;
            };
            let plural = path.rsplit('/').next().unwrap_or_default();
            let scope = if path.contains("{namespace}") {
                "namespaced"
            } else {
                "cluster"
            };
            let of = &post["x-kubernetes-group-version-kind"];
            let text = |name: &str| of[name].as_str().expect("a group, a version and a kind");
            let version = match text("group") {
                "" => text("version").to_owned(),
                group => format!("{group}/{}", text("version")),
            };
            let definition = definition_of(body);
            let (package, name) = short(definition);
            let kind = text("kind");
            let line = format!("{version} {kind} {plural} {scope} {package}.{name}");
            kinds.push((line, definition.to_owned()));
        }
        kinds
    }

    /// Adds a definition and all that it needs.
    fn collect(&self, definition: &str, needed: &mut BTreeSet<String>) {
        if is_built_in(definition).is_some() || !needed.insert(definition.to_owned()) {
            return;
        }
        let properties = &self.swagger["definitions"][definition]["properties"];
        for property in properties
            .as_object()
            .into_iter()
            .flat_map(|all| all.values())
        {
            let mut at = property;
            loop {
                if let Some(reference) = at["$ref"].as_str() {
                    self.collect(definition_of(reference), needed);
                }
                let below = [&at["items"], &at["additionalProperties"]];
                match below.into_iter().find(|below| !below.is_null()) {
                    Some(below) => at = below,
                    None => break,
                }
            }
        }
    }

    /// The fields of a definition as lines of the table.
    fn fields(&self, definition: &str, package: &str) -> Vec<String> {
        let schema = &self.swagger["definitions"][definition];
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let properties = schema["properties"].as_object();
        let properties = properties.into_iter().flatten();
        let line = |(name, property): (&String, &Value)| {
            let mark = if required.contains(&name.as_str()) {
                "!"
            } else {
                ""
            };
            let shape = self.shape(property, package);
            let values = self.enums.get(&format!("{}.{name}", generated(definition)));
            let values: String = values
                .into_iter()
                .flatten()
                .map(|one| format!("|{one}"))
                .collect();
            let space = if values.is_empty() { "" } else { " " };
            format!("{name}{mark} {shape}{space}{values}")
        };
        properties.map(line).collect()
    }

    fn shape(&self, schema: &Value, package: &str) -> String {
        if let Some(reference) = schema["$ref"].as_str() {
            let definition = definition_of(reference);
            return match (is_built_in(definition), short(definition)) {
                (Some(name), _) => name.to_owned(),
                (None, (of, name)) if of == package => name.to_owned(),
                (None, (of, name)) => format!("{of}.{name}"),
            };
        }
        let kind = schema["type"].as_str().unwrap_or("any");
        match (kind, schema["format"].as_str()) {
            ("array", _) => format!(
                "[{}]{}",
                self.shape(&schema["items"], package),
                self.merge_keys(schema)
            ),
            ("object", _) if schema["additionalProperties"].is_object() => {
                format!(
                    "{{{}}}",
                    self.shape(&schema["additionalProperties"], package)
                )
            }
            ("object" | "any", _) => "any".to_owned(),
            ("string", Some("byte")) => "bytes".to_owned(),
            ("string", Some("date-time")) => "time".to_owned(),
            ("string", _) => "string".to_owned(),
            ("boolean", _) => "bool".to_owned(),
            ("integer", Some(format @ ("int32" | "int64"))) => format.to_owned(),
            ("number", _) => "number".to_owned(),
            other => panic!("a schema of another type: {other:?}"),
        }
    }

    /// What tells the elements of a list apart: its keys, `=` if it is the whole element, or nothing.
    fn merge_keys(&self, schema: &Value) -> String {
        let keys: Vec<&str> = match schema["x-kubernetes-list-type"].as_str() {
            Some("set") => return "=".to_owned(),
            Some("map") => schema["x-kubernetes-list-map-keys"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect(),
            _ => return String::new(),
        };
        let element = schema["items"]["$ref"].as_str().map(definition_of);
        let element = element.expect("a list with keys has elements with fields");
        let key = |key: &str| {
            let default = self.defaults.get(&format!("{}.{key}", generated(element)));
            match default.filter(|default| !default.is_empty()) {
                Some(default) => format!("{key}={default}"),
                None => key.to_owned(),
            }
        };
        keys.into_iter().map(key).collect::<Vec<_>>().join(",")
    }
}

fn definition_of(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// `core.v1` and `Pod` of `io.k8s.api.core.v1.Pod`.
fn short(definition: &str) -> (&str, &str) {
    let (package, name) = definition.rsplit_once('.').expect("a package");
    let at = package
        .rmatch_indices('.')
        .nth(1)
        .map_or(0, |(at, _)| at + 1);
    (&package[at..], name)
}

/// `api_core_v1_Pod` of `io.k8s.api.core.v1.Pod`, as functions of `pkg/generated/openapi` are named.
fn generated(definition: &str) -> String {
    let name = definition.strip_prefix("io.k8s.").unwrap_or(definition);
    let at = name.find("pkg.apis.").unwrap_or(0);
    name[at..].replace('.', "_")
}

/// Types that are no objects of fields although they have names.
fn is_built_in(definition: &str) -> Option<&'static str> {
    Some(match short(definition).1 {
        "Quantity" => "quantity",
        "IntOrString" => "int-or-string",
        "Time" | "MicroTime" => "time",
        "RawExtension"
        | "FieldsV1"
        | "JSON"
        | "JSONSchemaPropsOrArray"
        | "JSONSchemaPropsOrBool"
        | "JSONSchemaPropsOrStringArray" => "any",
        _ => return None,
    })
}
