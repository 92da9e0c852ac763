//! What became of every object and every field: each has exactly one class.

use std::collections::BTreeMap;
use std::fmt::Write;

use erpc_emit::schema::{self, Merging, Typed, Version};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::closing::Closing;
use crate::compare::{Difference, Key};
use crate::facts::{items, text};
use crate::flows::{AllowedOnly, Flow};
use crate::normal;
use crate::program::{Fate, PART_OF, Problem, SERVER_FIELDS};
use crate::read::{Finding, Object, Place};

/// What became of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A statement says it.
    Statement,
    /// A patch says it.
    Patch,
    /// It is in a raw manifest.
    Raw,
    /// It is what Kubernetes sets by default.
    Default,
    /// The server or a client wrote it.
    Noise,
    /// It is written otherwise and means the same.
    Rewritten,
    /// It stays in the cluster, as the values of Secrets do.
    LeftToCluster,
    /// It has another value.
    Changed,
    /// The platform does not take it.
    NotTaken,
}

impl Class {
    const ALL: [Self; 9] = [
        Self::Statement,
        Self::Patch,
        Self::Raw,
        Self::Default,
        Self::Noise,
        Self::Rewritten,
        Self::LeftToCluster,
        Self::Changed,
        Self::NotTaken,
    ];

    /// How the summary calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Statement => "in statements",
            Self::Patch => "in patches",
            Self::Raw => "in raw manifests",
            Self::Default => "equal to the default",
            Self::Noise => "written by the server",
            Self::Rewritten => "rewritten with equal effect",
            Self::LeftToCluster => "left to the cluster",
            Self::Changed => "changed",
            Self::NotTaken => "not taken",
        }
    }
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its path, with merge keys for elements.
    pub path: String,
    /// Its line in the file of the object.
    pub line: usize,
    /// What became of it.
    pub class: Class,
}

/// An object of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectReport {
    /// The object.
    pub object: Key,
    /// Where it is.
    pub place: Place,
    /// What it is in the result: `service shop.web`, or the path of a raw manifest.
    pub becomes: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// What an import did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Every object.
    pub objects: Vec<ObjectReport>,
    /// What the input contains besides objects, and what is wrong with it.
    pub findings: Vec<Finding>,
    /// The flows with their evidence.
    pub flows: Vec<Flow>,
    /// Objects that the platform has besides those of the input.
    pub added: Vec<Key>,
    /// Fields in which the result differs from the input.
    pub differences: Vec<Difference>,
    /// What the result allows less than the input, a line each.
    pub closed: Vec<String>,
    /// What the result allows more than the input.
    pub opened: Vec<String>,
    /// What the declared flows would close if the namespaces were not open.
    pub would_close: Vec<Closing>,
    /// What a policy of the input allows and nothing else shows: no flow is written for it.
    pub allowed_only: Vec<AllowedOnly>,
    /// Whether the result is hardened, so that what the compiler adds is changed and not lost.
    pub is_hardened: bool,
    /// Why objects are raw manifests although their kinds have statements.
    pub raw_because: Vec<String>,
    /// What is wrong with the result.
    pub problems: Vec<Problem>,
    /// The other environments.
    pub profiles: Vec<ProfileReport>,
    /// How many objects are not imported, because they are of other namespaces.
    pub left_out: usize,
}

/// Another environment, as a profile.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProfileReport {
    /// The name of the profile.
    pub name: String,
    /// Fields in which the result under the profile differs from the input.
    pub differences: Vec<Difference>,
    /// The errors that prevent the profile from being written.
    pub problems: Vec<Problem>,
}

impl Report {
    /// How many fields each class has.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Class, usize> {
        let mut counts = BTreeMap::new();
        for field in self.objects.iter().flat_map(|object| &object.fields) {
            *counts.entry(field.class).or_default() += 1;
        }
        counts
    }

    /// Whether the result contains all of the input.
    #[must_use]
    pub fn is_lossless(&self) -> bool {
        let is_kept = |field: &Field| match field.class {
            Class::Changed => self.is_hardened,
            Class::NotTaken => false,
            _ => true,
        };
        let is_missing = |difference: &&Difference| difference.path.is_empty();
        let differences = match self.is_hardened {
            true => self.differences.iter().filter(is_missing).count(),
            false => self.differences.len(),
        };
        let is_whole =
            |profile: &ProfileReport| profile.differences.is_empty() && profile.problems.is_empty();
        differences == 0
            && (self.is_hardened || self.profiles.iter().all(is_whole))
            && self.problems.is_empty()
            && (self.closed.is_empty() || self.is_hardened)
            && self.objects.iter().flat_map(|one| &one.fields).all(is_kept)
    }

    /// The objects that the platform does not take, because a server refuses them.
    pub fn not_taken(&self) -> impl Iterator<Item = &ObjectReport> {
        let is_refused = |field: &Field| field.class == Class::NotTaken;
        let objects = self.objects.iter();
        objects.filter(move |object| object.fields.iter().any(is_refused))
    }

    /// Whether a part of the input could not be read.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.kind.is_error())
    }

    /// As Markdown, with every object and what became of it.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from("# Import\n\n");
        let counts = self.counts();
        out.push_str("| fields | number |\n|---|---|\n");
        for class in Class::ALL {
            if let Some(count) = counts.get(&class) {
                line(&mut out, format_args!("| {} | {count} |", class.title()));
            }
        }
        self.findings_section(&mut out);
        section(
            &mut out,
            "Differences from the input",
            self.differences
                .iter()
                .map(|one| format!("{}: `{}`", one.object, one.path)),
        );
        for profile in &self.profiles {
            let differences = profile.differences.iter();
            let differences = differences.map(|one| match one.path.as_str() {
                "" if one.ours.is_none() => format!("{}: missing", one.object),
                path => format!("{}: `{path}`", one.object),
            });
            let problems = profile.problems.iter();
            let problems = problems.map(|one| format!("no profile: {}", one.message));
            let title = format!("What the profile `{}` lacks", profile.name);
            section(&mut out, &title, problems.chain(differences));
        }
        section(
            &mut out,
            "Errors of the result",
            self.problems
                .iter()
                .map(|one| format!("{}:{}: {}", one.file, one.line, one.message)),
        );
        section(
            &mut out,
            "Why statements do not say more",
            self.raw_because.iter().cloned(),
        );
        section(
            &mut out,
            "Objects that the platform adds",
            self.added.iter().map(ToString::to_string),
        );
        section(
            &mut out,
            "Connections that the result closes",
            self.closed.iter().cloned(),
        );
        section(
            &mut out,
            "Connections that the result opens",
            self.opened.iter().cloned(),
        );
        self.closing_section(&mut out);
        section(
            &mut out,
            "What a policy allows and nothing else shows",
            self.allowed_only.iter().map(ToString::to_string),
        );
        out.push_str(
            "\n## Flows\n\n| from | to | grade | evidence | place |\n|---|---|---|---|---|\n",
        );
        for flow in &self.flows {
            let port = flow
                .port
                .map_or_else(String::new, |port| format!(":{port}"));
            let from = match flow.from.name.as_str() {
                "" => format!("{}.*", flow.from.namespace),
                name => format!("{}.{name}", flow.from.namespace),
            };
            let grade = grade_of(flow);
            line(
                &mut out,
                format_args!(
                    "| {from} | {}.{}{port} | {grade} | {} | {} |",
                    flow.to.namespace, flow.to.name, flow.evidence, flow.place
                ),
            );
        }
        out.push_str("\n## Objects\n\n| object | becomes | place | fields |\n|---|---|---|---|\n");
        for object in &self.objects {
            let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
            for field in &object.fields {
                *counts.entry(field.class).or_default() += 1;
            }
            let counts = counts.iter();
            let counts = counts.map(|(class, count)| format!("{count} {}", class.title()));
            let counts = Vec::from_iter(counts).join(", ");
            line(
                &mut out,
                format_args!(
                    "| {} | {} | {} | {counts} |",
                    object.object, object.becomes, object.place
                ),
            );
        }
        self.fields_section(&mut out);
        out
    }

    fn findings_section(&self, out: &mut String) {
        section(
            out,
            "Findings",
            self.findings.iter().map(|finding| {
                let code = finding
                    .kind
                    .code()
                    .map_or_else(String::new, |code| format!("{} ", code.id));
                format!("{code}{}: {}", finding.place, finding.message)
            }),
        );
    }

    /// What is left and what closes without `network open`.
    fn closing_section(&self, out: &mut String) {
        let mut heading = "\n## What removing `network open` would close\n";
        for one in &self.would_close {
            line(
                out,
                format_args!("{heading}\n### Namespace `{}`\n", one.namespace),
            );
            heading = "";
            if let Some(why) = &one.refused {
                line(out, format_args!("The line cannot be removed yet: {why}"));
                continue;
            }
            out.push_str("Left:\n\n");
            list(out, &one.left, "nothing");
            out.push_str("\nClosed:\n\n");
            list(out, &one.closes, "nothing");
        }
    }

    /// Fields to review, a line each; the others are in the JSON form.
    fn fields_section(&self, out: &mut String) {
        let fields = self
            .objects
            .iter()
            .flat_map(|object| object.fields.iter().map(move |field| (object, field)));
        let to_review = fields.filter(|(_, field)| {
            matches!(
                field.class,
                Class::Rewritten | Class::Changed | Class::NotTaken
            )
        });
        section(
            out,
            "Fields that are written otherwise",
            to_review.map(|(object, field)| {
                format!(
                    "{}: {} `{}`: {}",
                    Place {
                        file: object.place.file.clone(),
                        line: field.line,
                    },
                    object.object,
                    field.path,
                    field.class.title()
                )
            }),
        );
    }
}

fn grade_of(flow: &Flow) -> &'static str {
    match flow.grade {
        crate::flows::Grade::Certain => "certain",
        crate::flows::Grade::Proposed => "proposed",
        crate::flows::Grade::UnknownCaller => "unknown caller",
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a `String` takes every text");
}

fn list(out: &mut String, rows: &[String], none: &str) {
    if rows.is_empty() {
        line(out, format_args!("- {none}"));
    }
    for row in rows {
        line(out, format_args!("- {row}"));
    }
}

fn section(out: &mut String, title: &str, rows: impl Iterator<Item = String>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    line(out, format_args!("\n## {title}\n"));
    for row in rows {
        line(out, format_args!("- {row}"));
    }
}

/// What became of an object.
pub(crate) fn of_object(
    object: &Object,
    fate: &Fate,
    made: Option<&Value>,
    patch: Option<&Value>,
) -> ObjectReport {
    let becomes = match fate {
        Fate::Service { name, .. } => format!("service {name}"),
        Fate::Statement => match text(&object.value["kind"]) {
            "Secret" => "a declared Secret".to_owned(),
            "ServiceAccount" => "the account of a service".to_owned(),
            _ => "a namespace".to_owned(),
        },
        Fate::Raw(path) => path.clone(),
        Fate::NotTaken(path, reason) => format!("not taken: {reason}; kept in {path}"),
    };
    let mut walk = Walk {
        object,
        fields: Vec::new(),
    };
    let typed = schema::typed(
        Version::NEWEST,
        text(&object.value["apiVersion"]),
        text(&object.value["kind"]),
    );
    match (fate, made) {
        (Fate::Service { .. }, Some(made)) => {
            let original = normal::current(&object.value);
            walk.map_of(
                &object.value,
                &original,
                Some(made),
                patch,
                typed,
                &mut Vec::new(),
                "",
            );
        }
        (Fate::Service { .. }, None) => {
            walk.all(&object.value, Class::Changed, &mut Vec::new(), "");
        }
        (Fate::Statement, made) if object.value["kind"] == "Secret" => {
            debug_assert!(made.is_none(), "no Secret is made");
            walk.all(&object.value, Class::LeftToCluster, &mut Vec::new(), "");
        }
        (Fate::Statement, made) => {
            walk.map_of(
                &object.value,
                &object.value,
                made,
                None,
                typed,
                &mut Vec::new(),
                "",
            );
        }
        (Fate::Raw(_), _) => walk.all(&object.value, Class::Raw, &mut Vec::new(), ""),
        (Fate::NotTaken(..), _) => walk.all(&object.value, Class::NotTaken, &mut Vec::new(), ""),
    }
    ObjectReport {
        object: Key::of(&object.value),
        place: object.place.clone(),
        becomes,
        fields: walk.fields,
    }
}

struct Walk<'w> {
    object: &'w Object,
    fields: Vec<Field>,
}

impl Walk<'_> {
    fn add(&mut self, path: &str, at: &[String], class: Class) {
        let names: Vec<&str> = at.iter().map(String::as_str).collect();
        // A platform finds its objects by this label, so that it has the platform's name; no selector is about it.
        let class = match class {
            Class::Changed if path == PART_OF => Class::Rewritten,
            class => class,
        };
        self.fields.push(Field {
            path: path.to_owned(),
            line: self.object.line_of(&names),
            class,
        });
    }

    /// Every field has one class, but for what the server writes.
    fn all(&mut self, value: &Value, class: Class, at: &mut Vec<String>, path: &str) {
        let class = match is_noise(path) {
            true => Class::Noise,
            false => class,
        };
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (key, value) in fields {
                    at.push(key.clone());
                    self.all(value, class, at, &below(path, key));
                    at.pop();
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (number, value) in items.iter().enumerate() {
                    at.push(number.to_string());
                    self.all(value, class, at, &format!("{path}[{number}]"));
                    at.pop();
                }
            }
            Value::Null => {}
            _ => self.add(path, at, class),
        }
    }

    /// Compares the fields of a map with those that are made. `written` is the map as it stands in the input.
    #[expect(
        clippy::too_many_arguments,
        reason = "four values at one place, and the place"
    )]
    fn map_of(
        &mut self,
        written: &Value,
        original: &Value,
        made: Option<&Value>,
        patch: Option<&Value>,
        typed: Option<Typed>,
        at: &mut Vec<String>,
        path: &str,
    ) {
        let (Some(written), Some(original)) = (written.as_object(), original.as_object()) else {
            return;
        };
        let empty = Map::new();
        let kept = normal::fields(original, typed);
        let made_fields = made.and_then(Value::as_object).unwrap_or(&empty);
        let made_kept = normal::fields(made_fields, typed);
        for (key, value) in written {
            if value.is_null() {
                continue;
            }
            let path = below(path, key);
            let of_field = typed.and_then(|typed| typed.field(key));
            at.push(key.clone());
            let made = made_fields.get(key);
            let patch = patch.map(|patch| patch.get(key).unwrap_or(&Value::Null));
            let current = original.get(key);
            match (current, kept.get(key)) {
                _ if is_noise(&path) => self.all(value, Class::Noise, at, &path),
                (Some(_), None) => self.all(value, Class::Default, at, &path),
                (Some(current), Some(normal)) => {
                    let is_equal = made_kept.get(key) == Some(normal);
                    match value {
                        Value::Object(_) => {
                            self.map_of(value, current, made, patch, of_field, at, &path);
                        }
                        Value::Array(items) => {
                            self.list_of(items, made, patch, (of_field, is_equal), at, &path);
                        }
                        _ => {
                            let class = class_of(value, made, patch, is_equal);
                            self.add(&path, at, class);
                        }
                    }
                }
                // An old name of a field.
                (None, _) => self.all(value, Class::Rewritten, at, &path),
            }
            at.pop();
        }
    }

    fn list_of(
        &mut self,
        list: &[Value],
        made: Option<&Value>,
        patch: Option<&Value>,
        (typed, is_equal): (Option<Typed>, bool),
        at: &mut Vec<String>,
        path: &str,
    ) {
        let keys = match typed.map(Typed::merging) {
            Some(Merging::Keys(keys)) => keys,
            _ => {
                for (number, value) in list.iter().enumerate() {
                    at.push(number.to_string());
                    let made = made.and_then(|made| made.get(number));
                    let class = class_of(value, made, patch, is_equal);
                    self.all(value, class, at, &format!("{path}[{number}]"));
                    at.pop();
                }
                return;
            }
        };
        let element = typed.and_then(Typed::element);
        for (number, value) in list.iter().enumerate() {
            let key = normal::key(value, keys);
            let same = |other: &&Value| key.is_some() && normal::key(other, keys) == key;
            let made = made.and_then(|made| items(made).iter().find(same));
            let patch = patch.map(|patch| items(patch).iter().find(same).unwrap_or(&Value::Null));
            at.push(number.to_string());
            let path = match &key {
                Some(key) => format!("{path}{key}"),
                None => format!("{path}[{number}]"),
            };
            match value.is_object() && key.is_some() {
                true => self.map_of(value, value, made, patch, element, at, &path),
                false => {
                    let class = class_of(value, made, patch, is_equal);
                    self.all(value, class, at, &path);
                }
            }
            at.pop();
        }
    }
}

/// The class of a value of which something is made.
fn class_of(value: &Value, made: Option<&Value>, patch: Option<&Value>, is_equal: bool) -> Class {
    let is_patched = patch.is_some_and(|patch| !patch.is_null());
    match made {
        _ if !is_equal && made != Some(value) => Class::Changed,
        _ if is_patched => Class::Patch,
        Some(made) if made == value => Class::Statement,
        _ => Class::Rewritten,
    }
}

fn below(path: &str, key: &str) -> String {
    let key = match key.contains(['.', '/']) {
        true => format!("\"{key}\""),
        false => key.to_owned(),
    };
    match path {
        "" => key,
        path => format!("{path}.{key}"),
    }
}

/// Whether the server or a client writes a field of an object.
fn is_noise(path: &str) -> bool {
    let of_metadata = path.strip_prefix("metadata.");
    path == "status"
        || path.starts_with("status.")
        || of_metadata.is_some_and(|field| {
            let name = field.split(['.', '[']).next().unwrap_or(field);
            SERVER_FIELDS.contains(&name)
        })
        || normal::NOISE
            .iter()
            .any(|known| path == format!("metadata.annotations.\"{known}\""))
}
