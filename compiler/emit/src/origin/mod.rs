//! Where an emitted line came from. A file is made again in memory, each of its lines is the path
//! of a field, and the module of the field's kind knows which facts of the model that field is made
//! of. Nothing of this is in the objects, and nothing of it is kept: it follows from the model
//! on request. One module here for each module of [`crate::kubernetes`], to be changed
//! together with it.

mod account;
mod container;
mod lines;
mod metadata;
mod network;
mod place;
mod pod;
mod policy;
mod scale;
mod storage;
mod workload;

use erpc_diagnostics::Sources;
use erpc_model::{Origin, Peer, Platform, Service, ServiceId, Sourced};
use erpc_policy::{Derived, Edge};
use serde_json::Value;

use crate::{Object, ObjectFile, OutputFile, kubernetes};
use lines::PathSegment;

/// One line of an emitted file.
#[derive(Clone, Debug)]
pub struct EmittedLine {
    /// Its number, from 1.
    pub number: usize,
    /// Its text.
    pub text: String,
    /// The object that it is part of; `None` for the header and between objects.
    pub object: Option<String>,
    /// The path of its field: `spec.template.spec.containers[0].image`.
    pub field: String,
    /// Which line of a text over several lines it is, from 1; 0 where the field starts.
    pub of_text: usize,
    /// What it follows from; at least one.
    pub causes: Vec<Cause>,
    /// How exactly the causes are those of this line.
    pub scope: Scope,
}

/// Why a field is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// In half a line.
    pub why: String,
    /// The line of the source; that of the language for what the compiler always writes.
    pub origin: Origin,
}

/// How exactly causes are those of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of the field.
    Field,
    /// Those of everything in the block that the line opens.
    Block,
    /// Those of the object: the line opens a block that holds much of it.
    Object,
    /// Those of the file: its header.
    File,
}

/// The lines of the emitted file with this path, or whose path ends a longer one: a build may
/// have written it elsewhere. `None` where the platform has no such file.
#[must_use]
pub fn emitted_lines(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    path: &str,
) -> Option<Vec<EmittedLine>> {
    let path = path.replace('\\', "/");
    let parts: Vec<&str> = path.split('/').collect();
    let starts = (0..parts.len()).filter(|at| crate::FOLDERS.contains(&parts[*at]));
    for start in starts {
        let of_file = match &parts[start..] {
            ["lib", namespace, service, _] => {
                let id = service_at(platform, namespace, service);
                id.map(|id| {
                    (
                        Some(id),
                        kubernetes::service(platform, derived, sources, id).0,
                    )
                })
            }
            ["share", _] => Some((None, kubernetes::shared(platform, derived, sources))),
            _ => None,
        };
        let wanted = parts[start..].join("/");
        if let Some((service, files)) = of_file
            && let Some(file) = files.iter().find(|file| file.path == wanted)
        {
            return Some(lines(platform, derived, service, file));
        }
    }
    None
}

fn service_at(platform: &Platform, namespace: &str, name: &str) -> Option<ServiceId> {
    let mut namespaces = platform.namespaces.iter();
    let found = namespaces.find(|n| n.name.value == namespace)?;
    let mut services = found.services.iter();
    services
        .find(|id| platform[**id].name.value == name)
        .copied()
}

fn lines(
    platform: &Platform,
    derived: &Derived,
    service: Option<ServiceId>,
    file: &ObjectFile,
) -> Vec<EmittedLine> {
    let text = OutputFile::of(file).text;
    let values: Vec<Value> = file
        .objects
        .iter()
        .map(|object| serde_json::to_value(object).unwrap_or_default())
        .collect();
    let to = service.map(Peer::Service);
    let edges = derived.edges.as_slice().iter().copied();
    let edges_in: Vec<Edge> = match to {
        Some(to) => edges.filter(|edge| edge.to == to).collect(),
        None => Vec::new(),
    };
    let contexts: Vec<Context<'_>> = file
        .objects
        .iter()
        .zip(&values)
        .map(|(object, value)| Context {
            platform,
            derived,
            service,
            is_patchable: is_first_of_kind(file, object, service.map(|id| &platform[id])),
            edges_in: &edges_in,
            object,
            value,
        })
        .collect();
    let paths = lines::lines_of(&text);
    text.lines()
        .zip(paths)
        .enumerate()
        .map(|(at, (line, place))| {
            let place = place.and_then(|place| Some((contexts.get(place.document)?, place)));
            let (scope, causes) = match &place {
                Some((context, place)) => context.causes(&place.path),
                None => (Scope::File, around(platform, service, at)),
            };
            EmittedLine {
                number: at + 1,
                text: line.to_owned(),
                object: place.as_ref().map(|(context, _)| named(context.object)),
                field: place
                    .as_ref()
                    .map_or_else(String::new, |(_, place)| shown(&place.path)),
                of_text: place.as_ref().map_or(0, |(_, place)| place.of_text),
                causes,
                scope,
            }
        })
        .collect()
}

/// `Deployment erp-apps/hl7-health`.
fn named(object: &Object) -> String {
    match object.namespace() {
        Some(namespace) => format!("{} {namespace}/{}", object.kind(), object.name()),
        None => format!("{} {}", object.kind(), object.name()),
    }
}

fn shown(path: &[PathSegment]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            PathSegment::Key(key) if out.is_empty() => out.push_str(key),
            PathSegment::Key(key) if key.contains(['.', '/']) => {
                out.push_str(&format!("[\"{key}\"]"));
            }
            PathSegment::Key(key) => out.push_str(&format!(".{key}")),
            PathSegment::Item(place) => out.push_str(&format!("[{place}]")),
        }
    }
    out
}

/// The causes of a line that belongs to no object.
fn around(platform: &Platform, service: Option<ServiceId>, at: usize) -> Vec<Cause> {
    match (at, service) {
        (0, Some(id)) => vec![Cause::said(
            "the file is of this service",
            &platform[id].name,
        )],
        (0, None) => vec![Cause::said(
            "the file is of the whole platform",
            &platform.name,
        )],
        (1, _) => vec![Cause::always(
            "the digest of all lines below, by which an edit by hand shows",
        )],
        _ => vec![Cause::always("separates two objects of a file")],
    }
}

/// Whether a patch of this object's kind changes this object: of several of a kind, the one that
/// carries the service's name does.
fn is_first_of_kind(file: &ObjectFile, object: &Object, service: Option<&Service>) -> bool {
    let Some(service) = service else { return false };
    let same = file.objects.iter().filter(|o| o.kind() == object.kind());
    let first = same.min_by_key(|o| o.name() != service.name.value);
    first.is_some_and(|first| std::ptr::eq(first, object))
}

/// A step of a path, borrowed, so that paths can be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'p> {
    Key(&'p str),
    Item(usize),
}

type Path<'p> = &'p [Part<'p>];

/// The causes of a field; `None` where the field is a block of others.
type Answer = Option<Vec<Cause>>;

/// One emitted object with the model that it is made of.
#[derive(Clone, Copy)]
struct Context<'c> {
    platform: &'c Platform,
    derived: &'c Derived,
    /// `None` in `share/`.
    service: Option<ServiceId>,
    is_patchable: bool,
    /// The edges to the service.
    edges_in: &'c [Edge],
    object: &'c Object,
    value: &'c Value,
}

impl Cause {
    fn at(why: impl Into<String>, origin: Origin) -> Self {
        Self {
            why: why.into(),
            origin,
        }
    }

    fn said<T>(why: impl Into<String>, value: &Sourced<T>) -> Self {
        Self::at(why, value.origin)
    }

    /// What the compiler writes for every platform, and why.
    fn always(why: impl Into<String>) -> Self {
        Self::at(why, Origin::of_language())
    }
}

/// The answer of one cause.
fn one(cause: Cause) -> Answer {
    Some(vec![cause])
}

fn always(why: &str) -> Answer {
    one(Cause::always(why))
}

/// How many causes a line that opens a block shows; one with more shows those of its object.
const MOST_CAUSES: usize = 4;

impl<'c> Context<'c> {
    fn causes(&self, path: &[PathSegment]) -> (Scope, Vec<Cause>) {
        let parts: Vec<Part<'_>> = path
            .iter()
            .map(|step| match step {
                PathSegment::Key(key) => Part::Key(key),
                PathSegment::Item(place) => Part::Item(*place),
            })
            .collect();
        if let Some(causes) = self.of_field(&parts) {
            return (Scope::Field, causes);
        }
        let mut of_block = Vec::new();
        if self.gather(&parts, &mut of_block) && !of_block.is_empty() {
            return (Scope::Block, of_block);
        }
        (Scope::Object, self.of_object())
    }

    /// The causes of all fields below a path, each once; `false` where there are too many.
    fn gather(&self, path: &[Part<'_>], into: &mut Vec<Cause>) -> bool {
        let mut add = |part: Part<'_>, child: &Value| {
            let mut below = path.to_vec();
            below.push(part);
            match self.of_field(&below) {
                Some(causes) => {
                    for cause in causes {
                        if !into.contains(&cause) {
                            into.push(cause);
                        }
                    }
                    into.len() <= MOST_CAUSES
                }
                None => (child.is_object() || child.is_array()) && self.gather(&below, into),
            }
        };
        match self.value_at(path) {
            Some(Value::Object(fields)) => fields.iter().all(|(k, v)| add(Part::Key(k), v)),
            Some(Value::Array(items)) => {
                items.iter().enumerate().all(|(i, v)| add(Part::Item(i), v))
            }
            _ => false,
        }
    }

    fn of_field(&self, path: Path<'_>) -> Answer {
        use Part::Key as K;
        if let Some(cause) = self.patched(path) {
            return one(cause);
        }
        match path {
            [K("apiVersion" | "kind")] => Some(self.of_object()),
            [K("metadata"), rest @ ..] => metadata::of(self, rest),
            _ => match self.object {
                Object::Deployment(_)
                | Object::StatefulSet(_)
                | Object::Job(_)
                | Object::CronJob(_) => workload::of(self, path),
                Object::Service(_) => network::of_service(self, path),
                Object::Ingress(_) => network::of_ingress(self, path),
                Object::NetworkPolicy(_) => policy::of(self, path),
                Object::HorizontalPodAutoscaler(_) => scale::of_autoscaler(self, path),
                Object::PodDisruptionBudget(_) => scale::of_budget(self, path),
                Object::ConfigMap(_) => storage::of_config_map(self, path),
                Object::PersistentVolumeClaim(_) => storage::of_claim(self, path),
                Object::StorageClass(_) => storage::of_class(self, path),
                Object::IngressClass(_) => place::of_ingress_class(self, path),
                Object::Namespace(_) => None,
                Object::ResourceQuota(_) | Object::LimitRange(_) => place::of_limits(self, path),
                Object::ServiceAccount(_)
                | Object::Role(_)
                | Object::RoleBinding(_)
                | Object::ClusterRole(_)
                | Object::ClusterRoleBinding(_) => account::of(self, path),
            },
        }
    }

    /// Why the object is there.
    fn of_object(&self) -> Vec<Cause> {
        let found = match self.object {
            Object::Deployment(_)
            | Object::StatefulSet(_)
            | Object::Job(_)
            | Object::CronJob(_) => workload::of_object(self),
            Object::Service(_) | Object::Ingress(_) => network::of_object(self),
            Object::NetworkPolicy(_) => policy::of_object(self),
            Object::HorizontalPodAutoscaler(_) | Object::PodDisruptionBudget(_) => {
                scale::of_object(self)
            }
            Object::ConfigMap(_) | Object::PersistentVolumeClaim(_) | Object::StorageClass(_) => {
                storage::of_object(self)
            }
            Object::IngressClass(_)
            | Object::Namespace(_)
            | Object::ResourceQuota(_)
            | Object::LimitRange(_) => place::of_object(self),
            Object::ServiceAccount(_)
            | Object::Role(_)
            | Object::RoleBinding(_)
            | Object::ClusterRole(_)
            | Object::ClusterRoleBinding(_) => account::of_object(self),
        };
        found.unwrap_or_else(|| around(self.platform, self.service, 0))
    }

    /// The patch that sets the field, or a block that it is in.
    fn patched(&self, path: Path<'_>) -> Option<Cause> {
        let service = self.of_service().filter(|_| self.is_patchable)?;
        let kind = self.object.kind();
        let patches = service.patches.iter().rev();
        let of_kind = patches.filter(|patch| kind.eq_ignore_ascii_case(&patch.kind.value));
        let mut fields = of_kind.flat_map(|patch| patch.fields.iter().rev());
        let field = fields.find(|field| {
            field.path.len() <= path.len()
                && field.path.iter().zip(path).all(|(name, part)| match part {
                    Part::Key(key) => name == key,
                    Part::Item(place) => name.parse() == Ok(*place),
                })
        })?;
        Some(Cause::said("a patch sets it", &field.value))
    }

    fn of_service(&self) -> Option<&'c Service> {
        self.service.map(|id| &self.platform[id])
    }

    fn value_at(&self, path: Path<'_>) -> Option<&'c Value> {
        path.iter().try_fold(self.value, |value, part| match part {
            Part::Key(key) => value.get(*key),
            Part::Item(place) => value.get(*place),
        })
    }

    /// The text of a field below a path.
    fn text_at(&self, path: Path<'_>, field: &str) -> Option<&'c str> {
        self.value_at(path)?.get(field)?.as_str()
    }

    fn number_at(&self, path: Path<'_>, field: &str) -> Option<u64> {
        self.value_at(path)?.get(field)?.as_u64()
    }
}

/// That the service is called this.
fn by_name(service: &Service) -> Cause {
    Cause::said("the name of the service", &service.name)
}
