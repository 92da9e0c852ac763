//! What services have in common: components for the statements that three or more share, and constants for the parts of
//! image names that repeat.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// From how many services on a shape gets a name.
const SHARED: usize = 3;

/// The statements of a service, and the component that has the rest.
pub(super) struct Body {
    pub(super) name: String,
    /// Statements on lines of their own.
    pub(super) lines: Vec<String>,
    /// What patches set, in parts, each with the object that it is for: `deployment`.
    pub(super) patches: Vec<(String, Value)>,
    pub(super) component: Option<String>,
}

impl Body {
    /// The patches as statements, one for each object.
    pub(super) fn patch_lines(&self) -> Vec<String> {
        patch_lines(&self.patches)
    }
}

pub(super) fn patch_lines(parts: &[(String, Value)]) -> Vec<String> {
    let mut whole: Vec<(&str, Value)> = Vec::new();
    for (target, part) in parts {
        match whole.iter_mut().find(|(known, _)| known == target) {
            Some((_, patch)) => join(patch, part),
            None => whole.push((target, part.clone())),
        }
    }
    let lines = whole.iter();
    lines
        .map(|(target, patch)| {
            let yaml = super::yaml(patch);
            let mut text = format!("patch {target} \"\"\"\n");
            for line in yaml.lines() {
                text.push_str(&format!("      {line}\n"));
            }
            text.push_str("      \"\"\"");
            text
        })
        .collect()
}

/// Adds a part of a patch to another part of the same. Lists of elements with names are joined by them.
fn join(patch: &mut Value, part: &Value) {
    match (patch, part) {
        (Value::Object(patch), Value::Object(part)) => {
            for (key, value) in part {
                match patch.get_mut(key) {
                    Some(known) => join(known, value),
                    None => {
                        patch.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(patch), Value::Array(part)) => {
            for item in part {
                match patch.iter_mut().find(|known| known["name"] == item["name"]) {
                    Some(known) => join(known, item),
                    None => patch.push(item.clone()),
                }
            }
        }
        // A part has each value once.
        _ => {}
    }
}

/// A patch in parts, so that services can share some of them: the fields of the pods and of each container.
pub(super) fn parts(patch: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    split(patch, &mut Vec::new(), &mut out);
    out
}

/// Maps on the way to the fields of pods.
const ON_THE_WAY: [&str; 5] = ["spec", "template", "jobTemplate", "metadata", "labels"];

fn split(value: &Value, path: &mut Vec<String>, out: &mut Vec<Value>) {
    let Some(fields) = value.as_object() else {
        return out.push(around(path, value.clone()));
    };
    for (key, value) in fields {
        path.push(key.clone());
        match value {
            Value::Object(below) if ON_THE_WAY.contains(&key.as_str()) && !below.is_empty() => {
                split(value, path, out);
            }
            Value::Array(items) if key == "containers" && items.iter().all(is_plain_element) => {
                for item in items {
                    for (field, value) in item.as_object().into_iter().flatten() {
                        if field != "name" {
                            let element = json!([{ "name": item["name"], field: value }]);
                            out.push(around(path, element));
                        }
                    }
                }
            }
            _ => out.push(around(path, value.clone())),
        }
        path.pop();
    }
}

fn is_plain_element(item: &Value) -> bool {
    item["name"].is_string()
        && item["$patch"].is_null()
        && item.as_object().is_some_and(|item| item.len() > 1)
}

fn around(path: &[String], value: Value) -> Value {
    path.iter()
        .rev()
        .fold(value, |value, key| json!({ key: value }))
}

/// Statements whose order in a component does not change what a pod is. Variables and ports of a component stand before
/// those of the service, so that they stay where they are.
const MOVABLE: [&str; 11] = [
    "cpu ",
    "memory ",
    "health ",
    "replicas ",
    "annotations ",
    "labels ",
    "command ",
    "args ",
    "image ",
    "run ",
    "time-zone ",
];

fn is_movable(line: &str) -> bool {
    // A component does not have the ports that a probe asks.
    let asks_port = line.starts_with("health ") && line.contains(" on ");
    !asks_port && MOVABLE.iter().any(|word| line.starts_with(word))
}

/// What services may share: a statement, or a part of a patch.
type Item = (String, Option<String>);

fn items_of(body: &Body) -> impl Iterator<Item = Item> {
    let lines = body.lines.iter().filter(|line| is_movable(line));
    let lines = lines.map(|line| (line.clone(), None));
    let patches = body.patches.iter();
    // Another Service has another patch.
    let patches = patches.filter(|(target, _)| !target.contains(' '));
    lines.chain(patches.map(|(target, part)| (target.clone(), Some(part.to_string()))))
}

/// How many of the most frequent items a shape is looked for around.
const CANDIDATES: usize = 40;

/// Moves what several services share into components; their source.
pub(super) fn components(bodies: &mut [&mut Body]) -> String {
    let all: Vec<BTreeSet<Item>> = bodies.iter().map(|body| items_of(body).collect()).collect();
    let mut open: BTreeSet<usize> = (0..bodies.len()).collect();
    let mut names = BTreeSet::new();
    let mut out = String::new();
    while let Some((shared, services)) = best_shape(&all, &open) {
        for place in &services {
            open.remove(place);
        }
        let of_services = services.iter().map(|place| bodies[*place].name.as_str());
        let of_services: Vec<&str> = of_services.collect();
        let first = &bodies[services[0]];
        let is_line = |line: &&String| shared.contains(&((*line).clone(), None));
        let lines: Vec<String> = first.lines.iter().filter(is_line).cloned().collect();
        let is_part = |(target, part): &(String, Value)| {
            shared.contains(&(target.clone(), Some(part.to_string())))
        };
        let parts = first.patches.iter().filter(|part| is_part(part));
        let parts: Vec<(String, Value)> = parts.cloned().collect();
        let base = shape_name(&of_services, &lines);
        let mut name = base.clone();
        let mut number = 1;
        while !names.insert(name.clone()) {
            number += 1;
            name = format!("{base}{number}");
        }
        out.push_str(&format!("\ncomponent {name}() {{\n"));
        for line in lines.iter().chain(&patch_lines(&parts)) {
            out.push_str(&format!("{line}\n"));
        }
        out.push_str("}\n");
        for place in services {
            let body = &mut bodies[place];
            body.lines.retain(|line| !lines.contains(line));
            body.patches.retain(|part| !is_part(part));
            body.component = Some(name.clone());
        }
    }
    out
}

/// The shape that saves most: what all services share that have one of the most frequent items.
fn best_shape(
    all: &[BTreeSet<Item>],
    open: &BTreeSet<usize>,
) -> Option<(BTreeSet<Item>, Vec<usize>)> {
    let mut having: BTreeMap<&Item, Vec<usize>> = BTreeMap::new();
    for place in open {
        for item in &all[*place] {
            having.entry(item).or_default().push(*place);
        }
    }
    let mut candidates: Vec<Vec<usize>> = having
        .into_values()
        .filter(|services| services.len() >= SHARED)
        .collect();
    candidates.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    candidates.dedup();
    let shapes = candidates.into_iter().take(CANDIDATES).map(|services| {
        let mut shared = all[services[0]].clone();
        for place in &services[1..] {
            shared.retain(|item| all[*place].contains(item));
        }
        (shared, services)
    });
    // A statement counts once, a part of a patch for its lines.
    let saved = |(shared, services): &(BTreeSet<Item>, Vec<usize>)| {
        let lines = shared.iter().map(|(_, part)| match part {
            Some(part) => 1 + part.matches(':').count(),
            None => 1,
        });
        lines.sum::<usize>() * (services.len() - 1)
    };
    let shapes = shapes.filter(|shape| shape.0.len() >= 2);
    // Of equal ones the first.
    shapes.min_by_key(|shape| std::cmp::Reverse(saved(shape)))
}

/// A name for what services have in common: the end of their names, or what their statements say.
fn shape_name(services: &[&str], lines: &[String]) -> String {
    let ends: BTreeSet<&str> = services
        .iter()
        .map(|name| name.rsplit('-').next().unwrap_or(name))
        .collect();
    let ends: Vec<&str> = ends.into_iter().collect();
    if let [end] = ends[..]
        && end.chars().all(|c| c.is_ascii_lowercase())
        && end.len() > 2
    {
        return capitalized(end);
    }
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    match (has("health {"), has("http \"")) {
        (true, true) => "HttpService".to_owned(),
        (true, false) => "CheckedService".to_owned(),
        (false, _) => "CommonService".to_owned(),
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Replaces what repeats in the names of images by constants; their declarations.
pub(super) fn constants(bodies: &mut [&mut Body]) -> String {
    let mut families: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (place, body) in bodies.iter().enumerate() {
        let image = body.lines.iter().find_map(|line| parts_of(line));
        if let Some((folder, _, tag)) = image {
            let family = (folder.to_owned(), tag.to_owned());
            families.entry(family).or_default().push(place);
        }
    }
    families.retain(|_, services| services.len() >= SHARED);
    let mut out = String::new();
    for (number, ((folder, tag), services)) in families.iter().enumerate() {
        let suffix = match number {
            0 => String::new(),
            number => format!("-{}", number + 1),
        };
        let (images, release) = (format!("images{suffix}"), format!("release{suffix}"));
        out.push_str(&format!(
            "let {images} = \"{folder}\"\nlet {release} = \"{tag}\"\n"
        ));
        for place in services {
            for line in &mut bodies[*place].lines {
                if let Some((_, name, _)) = parts_of(line) {
                    *line = format!("image \"${{{images}}}/{name}:${{{release}}}\"");
                }
            }
        }
    }
    if out.is_empty() {
        out
    } else {
        format!("\n{out}")
    }
}

/// Folder, name and tag of the image of a line.
fn parts_of(line: &str) -> Option<(&str, &str, &str)> {
    let image = line.strip_prefix("image \"")?.strip_suffix('"')?;
    let (folder, name) = image.rsplit_once('/')?;
    let (name, tag) = name.split_once(':')?;
    let is_plain = |text: &str| !text.contains(['@', '$', '"', '\\', '{']);
    (is_plain(image) && !tag.is_empty()).then_some((folder, name, tag))
}
