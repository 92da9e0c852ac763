//! `manifests "FILES" [in NAMESPACE] [because "…"]`: objects that the platform takes as they are written, from files of
//! YAML and JSON. What a document is, is decided here; which kinds there are, and what fits them, is the emitter's
//! business, which has the schemas.

use std::rc::Rc;
use std::sync::Arc;

use erpc_diagnostics::{Diagnostic, FileId, Span, codes};
use erpc_yaml::{Document, Node};
use smol_str::SmolStr;

use super::yaml::{lines_of, value_of};
use super::{Layers, PatchValue, Reader, Statement, Statements};
use crate::eval::Evaluator;
use crate::kubernetes;
use crate::origin::{Sourced, Via};
use crate::word::{BlockKind, Merge, Word};

/// How deep Lists may nest in Lists.
const MAX_LISTS: usize = 8;
/// How many objects a program may take.
const MAX_OBJECTS: usize = 20_000;

/// An object that the platform takes as it is written.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// `apps/v1`
    pub api_version: SmolStr,
    /// `Deployment`
    pub kind: SmolStr,
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// The namespace that it sets.
    pub namespace: Option<Sourced<SmolStr>>,
    /// The namespace of an object that sets none: the one behind `in`, or the one in which the statement stands.
    pub home: Option<Sourced<SmolStr>>,
    /// The path of its file.
    pub file: SmolStr,
    /// All of it: a map.
    pub fields: Arc<Sourced<PatchValue>>,
    /// Why the platform takes it.
    pub because: Option<String>,
    /// The statement that takes it.
    pub statement: Span,
}

impl Manifest {
    /// The names of namespaces that it has, or would have.
    pub(crate) fn names(&self) -> impl Iterator<Item = &SmolStr> {
        let names = self.namespace.iter().chain(&self.home);
        names.map(|name| &name.value)
    }

    /// The namespace that it is in, if its kind is one of objects in namespaces.
    #[must_use]
    pub fn namespace(&self) -> Option<&Sourced<SmolStr>> {
        self.namespace.as_ref().or(self.home.as_ref())
    }

    /// As messages name it: `Deployment redis`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.kind, self.name.value.escape_debug())
    }
}

/// An object of a file, before a statement takes it.
#[derive(Clone, Debug)]
pub(crate) struct RawObject {
    api_version: SmolStr,
    kind: SmolStr,
    name: Sourced<SmolStr>,
    namespace: Option<Sourced<SmolStr>>,
    fields: Arc<Sourced<PatchValue>>,
}

/// What all `manifests` of a program take.
#[derive(Default)]
pub(crate) struct Manifests(Vec<Manifest>);

impl Manifests {
    /// The objects by file, then as they stand in it.
    pub(crate) fn into_sorted(self) -> Vec<Manifest> {
        let mut all = self.0;
        // A file that several statements take is in the sources once.
        all.sort_by(|a, b| {
            let place = |one: &Manifest| (one.name.span(), one.statement);
            a.file.cmp(&b.file).then(place(a).cmp(&place(b)))
        });
        all
    }

    fn read(&mut self, reader: &mut Reader<'_, '_>) -> Option<()> {
        let patterns = reader.list(|reader| {
            let expr = reader.expr("a file, a folder or a pattern in quotes")?;
            let pattern = reader.get(expr, Evaluator::text)?;
            Some((pattern, expr.span))
        });
        let mut home = None;
        if reader.word("in") {
            let name = reader.name("the namespace of objects that set none")?;
            reader.check_text("namespace", &name.text, name.span, kubernetes::not_a_label);
            home = Some(reader.sourced(name.text, name.span));
        } else if let Some(id) = reader.at().namespace {
            let name = reader.refer(|lookup, _| lookup.name_of_namespace(id))?;
            home = Some(reader.sourced(name, reader.statement()));
        }
        let because = reader.because();
        reader.finish();
        let statement = reader.statement();
        for (pattern, span) in patterns {
            let files = reader.evaluate(|it| it.files_of(&pattern, span));
            for file in files.unwrap_or_default() {
                let objects = reader.evaluate(|it| it.raw_objects(&file, span));
                for object in objects.iter().flat_map(|objects| objects.iter()) {
                    if self.0.len() == MAX_OBJECTS {
                        let message = "the program takes more than 20,000 objects from manifests";
                        return reader.refuse(
                            Diagnostic::new(&codes::EVALUATION_BUDGET, message)
                                .at(span, "more than that with these"),
                        );
                    }
                    self.0.push(Manifest {
                        api_version: object.api_version.clone(),
                        kind: object.kind.clone(),
                        name: object.name.clone(),
                        namespace: object.namespace.clone(),
                        home: home.clone(),
                        file: file.as_str().into(),
                        fields: Arc::clone(&object.fields),
                        because: because.clone(),
                        statement,
                    });
                }
            }
        }
        Some(())
    }
}

impl Statements for Manifests {
    const ALL: &'static [Statement<Self>] = &[Statement {
        word: Word {
            name: "manifests",
            form: "manifests \"FILES\", … [in NAMESPACE] [because \"…\"]",
            doc: "Takes objects of Kubernetes into the platform as they are written, from files of YAML and JSON.",
            parts: &[
                (
                    "\"FILES\", …",
                    "A file, a folder with all `.yaml`, `.yml` and `.json` files below it, or a pattern: `*` stands for any part of a name, `**` for folders. Paths are relative to the file with the statement.",
                ),
                (
                    "in NAMESPACE",
                    "The namespace of objects that set none [default: the namespace in which the statement stands].",
                ),
                ("because \"…\"", "Why the platform has them."),
            ],
            merge: Merge::Append,
            places: &[BlockKind::Program, BlockKind::Namespace],
        },
        members: &[],
        read: Some(|manifests, reader| {
            // What cannot be read has been reported.
            let _: Option<()> = manifests.read(reader);
        }),
        of: Layers::All,
        facts: |_, _| Vec::new(),
        origin: |_| None,
    }];
}

/// The start of a file that a build wrote.
const GENERATED: &str = "# Generated by erpc from ";

/// The objects of a file. What is not an object is reported, with the statement at `by` that takes it, and hides no
/// other.
pub(crate) fn objects_of(
    evaluator: &mut Evaluator<'_>,
    (file, path, text): (FileId, &str, &str),
    by: Span,
) -> Rc<[RawObject]> {
    let mut reading = Reading {
        evaluator,
        path,
        by,
        spans: lines_of(file, 0, text),
        objects: Vec::new(),
    };
    // A text that came through the sources is UTF-8 already; what is left to do is the byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.starts_with(GENERATED) {
        let span = reading.line(1);
        reading.refuse(
            "`erpc build` wrote this file: take what it was made from",
            span,
            "",
        );
        return Rc::default();
    }
    for document in erpc_yaml::documents(text) {
        match document {
            Ok(document) => reading.document(&document),
            Err(broken) => {
                let span = reading.line(broken.line);
                reading.refuse(&format!("invalid YAML: {}", broken.message), span, text);
            }
        }
    }
    reading.objects.into()
}

struct Reading<'r, 'a> {
    evaluator: &'r mut Evaluator<'a>,
    path: &'r str,
    by: Span,
    spans: Vec<Span>,
    objects: Vec<RawObject>,
}

impl Reading<'_, '_> {
    /// Where a line of the file stands, from 1.
    fn line(&self, line: usize) -> Span {
        let known = line.checked_sub(1).and_then(|line| self.spans.get(line));
        known.copied().unwrap_or(self.by)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        let by = self.by;
        self.evaluator
            .report(diagnostic.also(by, "taken by this statement"));
    }

    /// Reports a part of the file. A message shows the line at `span`, so that of a Secret names the statement alone.
    fn refuse(&mut self, message: &str, span: Span, text: &str) {
        let is_secret = text.contains("Secret");
        let span = if is_secret { self.by } else { span };
        let found = Diagnostic::new(&codes::BAD_MANIFEST, format!("{}: {message}", self.path))
            .at(span, "not an object");
        self.report(if text.contains("{{") {
            found.help("a template is not a manifest: render it with its own tool first, and take the result")
        } else {
            found
        });
    }

    fn document(&mut self, document: &Document<'_>) {
        let first = document.line;
        let read = match erpc_yaml::read(document) {
            Ok(read) => read,
            Err(broken) => {
                let span = self.line(first + broken.line.saturating_sub(1));
                let message = format!("invalid YAML: {}", broken.message);
                return self.refuse(&message, span, document.text);
            }
        };
        if read.node == Node::Null {
            return;
        }
        let spans = std::mem::take(&mut self.spans);
        let line = |line: usize| {
            let at = (first + line.saturating_sub(1)).checked_sub(1);
            let known = at.and_then(|at| spans.get(at));
            known.copied().unwrap_or(self.by)
        };
        let (value, count) = value_of(document, &read, Via::Declared, &line);
        self.spans = spans;
        if !self.evaluator.steps(count, self.by) {
            return;
        }
        if let Some(dropped) = read.dropped.first() {
            let span = self.line(first + dropped.line.saturating_sub(1));
            let message = format!("invalid YAML: {}", dropped.message);
            return self.refuse(&message, span, document.text);
        }
        self.value(value, None, 0);
    }

    /// An object, or the objects of a List. `of` has the version and kind of the elements of a list that has them, such
    /// as a `ConfigMapList`.
    fn value(&mut self, value: Sourced<PatchValue>, of: Option<(SmolStr, SmolStr)>, depth: usize) {
        let span = value.span();
        let PatchValue::Map(_) = &value.value else {
            return self.refuse("expected a mapping with `apiVersion` and `kind`", span, "");
        };
        let text = |name: &str| value.value.get(name)?.value.as_text().map(SmolStr::from);
        let (kind, api_version) = (text("kind"), text("apiVersion"));
        let items = value.value.get("items").map(|items| &items.value);
        if let (Some(kind), Some(PatchValue::List(items))) = (&kind, items)
            && let Some(of_items) = kind.strip_suffix("List")
        {
            if depth == MAX_LISTS {
                return self.refuse("Lists nest more than 8 deep", span, "");
            }
            let of = api_version
                .filter(|_| !of_items.is_empty())
                .map(|version| (version, SmolStr::from(of_items)));
            for item in items.clone() {
                self.value(item, of.clone(), depth + 1);
            }
            return;
        }
        let (known_version, known_kind) = of.unzip();
        let (Some(kind), Some(api_version)) = (kind.or(known_kind), api_version.or(known_version))
        else {
            return self.refuse("expected a mapping with `apiVersion` and `kind`", span, "");
        };
        self.object(value, api_version, kind);
    }

    fn object(&mut self, value: Sourced<PatchValue>, api_version: SmolStr, kind: SmolStr) {
        let span = value.span();
        if api_version.starts_with("kustomize.config.k8s.io/") {
            let message =
                "a kustomization is not an object: run `kustomize build`, and take the result";
            return self.refuse(message, span, "");
        }
        let metadata = value.value.get("metadata");
        let text = |name: &str| {
            let found = metadata?.value.get(name)?;
            let text = found.value.as_text().filter(|text| !text.is_empty())?;
            Some(Sourced {
                value: SmolStr::from(text),
                origin: found.origin,
            })
        };
        let Some(name) = text("name") else {
            let message = match text("generateName") {
                Some(_) => {
                    "an object with `generateName` has no name: the platform could not find it again"
                }
                None => "expected `metadata.name`",
            };
            return self.refuse(message, span, "");
        };
        let object = RawObject {
            namespace: text("namespace"),
            api_version,
            kind,
            name,
            fields: Arc::new(value),
        };
        if let Some(keys) = secret_keys(&object) {
            return self.refuse_secret(&object, &keys);
        }
        self.objects.push(object);
    }

    /// A Secret with values, which would be in every output. Its lines are not shown.
    fn refuse_secret(&mut self, object: &RawObject, keys: &[SmolStr]) {
        let name = &object.name.value;
        let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
        let keys = match keys.as_slice() {
            [] => "\"KEY\"".to_owned(),
            keys => keys.join(", "),
        };
        let message = format!(
            "{} has the values of the Secret `{}`, which must not be in Git",
            self.path,
            name.escape_debug()
        );
        let by = self.by;
        self.evaluator.report(
            Diagnostic::new(&codes::SECRET_IN_MANIFEST, message)
                .at(by, "taken by this statement")
                .help(format!(
                    "create the Secret outside of the platform, remove it from the file, and declare it: `secret {name} {{ keys {keys} }}`"
                )),
        );
    }
}

/// The keys of a Secret that has values; `None` of any other object.
fn secret_keys(object: &RawObject) -> Option<Vec<SmolStr>> {
    if (object.kind.as_str(), object.api_version.as_str()) != ("Secret", "v1") {
        return None;
    }
    let fields = &object.fields.value;
    let mut keys = Vec::new();
    let mut has_values = false;
    for name in ["data", "stringData"] {
        if let Some(PatchValue::Map(entries)) = fields.get(name).map(|field| &field.value) {
            has_values |= !entries.is_empty();
            keys.extend(entries.iter().map(|(key, _)| key.clone()));
        }
    }
    // kubectl keeps what it applied last, values included.
    let annotations = fields
        .get("metadata")
        .and_then(|metadata| metadata.value.get("annotations"));
    has_values |= annotations.is_some_and(|all| all.value.get(LAST_APPLIED).is_some());
    keys.dedup();
    has_values.then_some(keys)
}

/// The annotation in which kubectl keeps what it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
