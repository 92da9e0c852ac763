//! Where an emitted line came from: a file is made again in memory, each of its lines is the path of a field, and
//! the field has its causes.

mod lines;

use erpc_diagnostics::Sources;
use erpc_model::{Platform, ServiceId};
use erpc_policy::Derived;

use crate::cause::Cause;
use crate::kubernetes::{self, Tracing};
use crate::tree::{Field, PathSegment};
use crate::view::FieldPath;
use crate::{Kind, Object, ObjectFile, OutputFile};

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
                    let tracing = Tracing::On;
                    let (files, _) =
                        kubernetes::traced_service(platform, derived, sources, id, tracing);
                    (Some(id), files)
                })
            }
            // Manifests of the source are in the folder of their namespace.
            ["share", _] | ["lib", _, _] => {
                Some((None, kubernetes::shared(platform, derived, sources)))
            }
            _ => None,
        };
        let wanted = parts[start..].join("/");
        if let Some((service, files)) = of_file
            && let Some(file) = files.iter().find(|file| file.path == wanted)
        {
            return Some(lines(platform, service, file));
        }
    }
    None
}

/// The emitted object of a kind that is wanted, with its causes: of a service, or of the whole platform.
#[must_use]
pub fn traced_object(
    platform: &Platform,
    derived: &Derived,
    sources: &Sources,
    service: Option<ServiceId>,
    kind: Kind,
    is_wanted: impl Fn(&Object) -> bool,
) -> Option<Object> {
    // The causes of rules take a pass over all services and edges, for each service that is asked for.
    let tracing = match kind {
        Kind::NetworkPolicy => Tracing::On,
        _ => Tracing::Off,
    };
    let files = match service {
        Some(id) => kubernetes::traced_service(platform, derived, sources, id, tracing).0,
        None => kubernetes::shared(platform, derived, sources),
    };
    let mut objects = files.into_iter().flat_map(|file| file.objects);
    objects.find(|object| object.kind() == kind && is_wanted(object))
}

fn service_at(platform: &Platform, namespace: &str, name: &str) -> Option<ServiceId> {
    let mut namespaces = platform.namespaces.iter();
    let found = namespaces.find(|n| n.name.value == namespace)?;
    let mut services = found.services.iter();
    services
        .find(|id| platform[**id].name.value == name)
        .copied()
}

fn lines(platform: &Platform, service: Option<ServiceId>, file: &ObjectFile) -> Vec<EmittedLine> {
    let text = OutputFile::of(file).text;
    let places = lines::lines_of(&text);
    text.lines()
        .zip(places)
        .enumerate()
        .map(|(at, (line, place))| {
            let place = place.and_then(|place| Some((file.objects.get(place.document)?, place)));
            let (scope, causes) = match &place {
                Some((object, place)) => causes_at(object, &place.path),
                None => (Scope::File, vec![around(platform, service, at)]),
            };
            EmittedLine {
                number: at + 1,
                text: line.to_owned(),
                object: place.as_ref().map(|(object, _)| named(object)),
                field: place.as_ref().map_or_else(String::new, |(_, place)| {
                    FieldPath(place.path.clone()).to_string()
                }),
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

/// The cause of a line that belongs to no object.
fn around(platform: &Platform, service: Option<ServiceId>, at: usize) -> Cause {
    match (at, service) {
        (0, Some(id)) => Cause::said("the file is of this service", &platform[id].name),
        (0, None) => Cause::said("the file is of the whole platform", &platform.name),
        (1, _) => Cause::always("the digest of all lines below, by which an edit by hand shows"),
        _ => Cause::always("separates two objects of a file"),
    }
}

/// How many causes a line that opens a block shows; one with more shows those of its object.
const MOST_CAUSES: usize = 4;

/// The causes of a field: its own or those of the block around it, else those of everything in it, else those of
/// its object.
fn causes_at(object: &Object, path: &[PathSegment]) -> (Scope, Vec<Cause>) {
    let of_object = || object.root().causes.as_slice().to_vec();
    let mut field = object.root();
    let mut inherited: &[Cause] = &[];
    for step in path {
        let Some(child) = field.child(step) else {
            return (Scope::Object, of_object());
        };
        field = child;
        let own = field.causes.as_slice();
        if !own.is_empty() {
            inherited = own;
        }
    }
    if !inherited.is_empty() {
        return (Scope::Field, inherited.to_vec());
    }
    if field.node.is_scalar() {
        return (Scope::Field, of_object());
    }
    let mut of_block = Vec::new();
    if gather(field, &mut of_block) && !of_block.is_empty() {
        return (Scope::Block, of_block);
    }
    (Scope::Object, of_object())
}

/// The causes of all fields below one that has none, each once; `false` where there are too many.
fn gather(field: &Field, into: &mut Vec<Cause>) -> bool {
    field.children().all(|child| {
        let own = child.causes.as_slice();
        if own.is_empty() {
            return gather(child, into);
        }
        for cause in own {
            if !into.contains(cause) {
                into.push(*cause);
            }
        }
        into.len() <= MOST_CAUSES
    })
}

#[cfg(test)]
mod tests {
    use smol_str::SmolStr;

    use super::{Scope, causes_at};
    use crate::cause::Cause;
    use crate::tree::{Map, PathSegment};
    use crate::{Kind, Object};

    const OBJECT: Cause = Cause::always("the object");
    const BLOCK: Cause = Cause::always("the block");
    const FIELD: Cause = Cause::always("the field");
    const MORE: [&str; 5] = ["a", "b", "c", "d", "e"];

    /// An object with a block that has a cause, one that has none, and one with too many below it.
    fn object() -> Object {
        let mut said = Map::new();
        said.block("inherits", 1);
        said.set("own", 1, FIELD);
        let mut silent = Map::new();
        silent.set("own", 1, FIELD);
        let mut crowded = Map::new();
        for key in MORE {
            crowded.set(key, 1, Cause::always(key));
        }
        let mut spec = Map::new();
        spec.set("said", said, BLOCK);
        spec.block("silent", silent);
        spec.block("crowded", crowded);
        let mut object = Object::new(Kind::ConfigMap, Map::new(), OBJECT);
        object.fields_mut().block("spec", spec);
        object
    }

    #[test]
    fn a_field_has_its_own_causes_or_those_around_it_or_those_below_it() {
        let object = object();
        for (path, scope, cause) in [
            ("kind", Scope::Field, OBJECT),
            ("spec", Scope::Object, OBJECT),
            ("spec.said", Scope::Field, BLOCK),
            ("spec.said.inherits", Scope::Field, BLOCK),
            ("spec.said.own", Scope::Field, FIELD),
            ("spec.silent", Scope::Block, FIELD),
            ("spec.silent.own", Scope::Field, FIELD),
            ("spec.crowded", Scope::Object, OBJECT),
            ("spec.crowded.a", Scope::Field, Cause::always("a")),
            ("spec.absent", Scope::Object, OBJECT),
        ] {
            let steps = path
                .split('.')
                .map(|key| PathSegment::Key(SmolStr::new(key)));
            let found = causes_at(&object, &steps.collect::<Vec<_>>());
            assert_eq!(found, (scope, vec![cause]), "{path}");
        }
    }
}
