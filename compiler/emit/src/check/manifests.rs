//! Checks the manifests that the source takes as they are: that the server knows their kinds, what it would refuse of
//! each by its schema, rules and definition, and that no two objects have one identity.

use std::collections::{HashMap, HashSet};

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes, listed};
use erpc_model::{Manifest, NamespaceId, Platform};

use super::{cause_of, enforced, lower};
use crate::Object;
use crate::kind::Kind;
use crate::kubernetes::manifests::{Kinds, Served, objects};
use crate::schema::{self, Version, custom};
use crate::tree::Field;
use crate::validate::{self, Fault};
use crate::view::FieldPath;

/// Checks the manifests of a platform. `emitted` gives the objects of the compiler's own.
pub(super) fn check(
    platform: &Platform,
    emitted: impl FnOnce() -> Vec<Object>,
    out: &mut Diagnostics,
) {
    if platform.manifests.is_empty() {
        return;
    }
    let kinds = Kinds::of(platform);
    let all: Vec<(&Manifest, Option<Object>)> = objects(platform).collect();
    let mut unchecked: HashMap<(&str, &str), (&Manifest, usize)> = HashMap::new();
    let namespaces: HashMap<&str, NamespaceId> = platform
        .namespaces()
        .map(|(id, namespace)| (namespace.name.value.as_str(), id))
        .collect();
    for (manifest, object) in &all {
        if let Some(found) = object
            .as_ref()
            .and_then(|object| shared(platform, manifest, object))
        {
            out.push(found);
        }
        let served = kinds.find(manifest);
        let Some(object) = object else {
            out.push(not_served(platform, manifest, served));
            continue;
        };
        let faults = match served {
            Served::Defined(kind, definition) => {
                let schema = definition.schema(kind.version());
                schema.map_or_else(Vec::new, |schema| custom::check(schema, object.root()))
            }
            _ => validate::object(Version::of(platform), object.root()),
        };
        let mut seen = HashSet::new();
        for fault in &faults {
            let found = refused(manifest, object, fault);
            if seen.insert((found.message.clone(), found.span())) {
                out.push(found);
            }
        }
        // What is wrong in itself has no level.
        let namespace = object.namespace().and_then(|name| namespaces.get(name));
        if faults.is_empty()
            && let Some(namespace) = namespace
            && let Some(found) = forbidden(platform, *namespace, manifest, object)
        {
            out.push(found);
        }
        if let Served::Elsewhere(_) = served {
            let of_kind = unchecked
                .entry((&manifest.api_version, &manifest.kind))
                .or_insert((manifest, 0));
            of_kind.1 += 1;
        }
        if object.kind().is_namespaced() && object.namespace().is_none() {
            out.push(no_namespace(manifest));
        }
    }
    identities(&all, &emitted(), out);
    foreign(platform, &all, out);
    let mut unchecked: Vec<_> = unchecked.into_iter().collect();
    unchecked.sort_unstable_by_key(|(kind, _)| *kind);
    for ((api_version, kind), (first, count)) in unchecked {
        let others = match count {
            1 => String::new(),
            _ => format!(" and {} more", count - 1),
        };
        let message = format!(
            "{}{others} cannot be checked: `{kind}` of `{api_version}` is defined elsewhere",
            first.title()
        );
        out.push(
            Diagnostic::new(&codes::UNCHECKED_MANIFEST, message)
                .at(first.statement, "taken by this statement")
                .also(first.name.span(), "the first of them")
                .help("take its CustomResourceDefinition with `manifests` too"),
        );
    }
}

/// That an object would be that of every environment in a cluster: a suffix is for names of namespaces.
fn shared(platform: &Platform, manifest: &Manifest, object: &Object) -> Option<Diagnostic> {
    let suffix = platform.suffix.as_ref()?;
    let mut namespaces = platform.namespaces();
    let mut is_own = |home: &str| namespaces.any(|(_, namespace)| namespace.name.value == home);
    let why = match object.namespace() {
        Some(home) if is_own(home) => return None,
        Some(home) => format!("the namespace `{home}` is not one of the platform"),
        None => "it is in no namespace".to_owned(),
    };
    let message = format!(
        "{} would be shared by environments in one cluster: {why}",
        manifest.title()
    );
    Some(
        Diagnostic::new(&codes::RESERVED_NAME, message)
            .at(manifest.statement, "taken by this statement")
            .also(manifest.name.span(), "the object")
            .also(suffix.span(), "the suffix of this environment")
            .help("take it in a platform of its own, which is applied once for each cluster"),
    )
}

/// That the pods of a manifest need another level of Pod Security than their namespace enforces: none would ever start.
fn forbidden(
    platform: &Platform,
    namespace: NamespaceId,
    manifest: &Manifest,
    object: &Object,
) -> Option<Diagnostic> {
    let need = validate::needed_level(object.kind(), object.root())?;
    let enforced = enforced(platform, namespace);
    if need.level <= enforced {
        return None;
    }
    let namespace = &platform[namespace].name;
    let message = format!(
        "the pods of {} need Pod Security `{}`; the namespace `{}` enforces `{}`",
        manifest.title(),
        need.level.as_str(),
        namespace.value,
        enforced.as_str()
    );
    Some(
        Diagnostic::new(&codes::FORBIDDEN_POD, message)
            .at(
                place_of(manifest, object, &need.path),
                need.path.to_string(),
            )
            .also(namespace.span(), "Pod Security of this namespace")
            .also(manifest.statement, "taken by this statement")
            .help(lower(need.level)),
    )
}

/// The line of a field of a manifest, or of the object if the field is not set.
fn place_of(manifest: &Manifest, object: &Object, path: &FieldPath) -> Span {
    let place = cause_of(object, path).map_or(Span::NONE, |cause| cause.origin.span);
    if place.is_none() {
        manifest.name.span()
    } else {
        place
    }
}

/// What is wrong with a field of a manifest.
fn refused(manifest: &Manifest, object: &Object, fault: &Fault) -> Diagnostic {
    let path = fault.path.to_string();
    let message = match fault.message.contains(&path) {
        true => fault.message.clone(),
        false => format!("`{path}`: {}", fault.message),
    };
    let found = Diagnostic::new(
        &codes::INVALID_OBJECT,
        format!("{}: {message}", manifest.title()),
    );
    found
        .at(
            place_of(manifest, object, &fault.path),
            "refused by Kubernetes",
        )
        .also(manifest.statement, "taken by this statement")
}

fn not_served(platform: &Platform, manifest: &Manifest, served: Served<'_, '_>) -> Diagnostic {
    let (kind, api_version) = (&manifest.kind, &manifest.api_version);
    let version = Version::of(platform);
    let found = |message: String| {
        Diagnostic::new(&codes::BAD_MANIFEST, message)
            .at(manifest.name.span(), "this object")
            .also(manifest.statement, "taken by this statement")
    };
    if let Served::OtherVersions(definition) = served {
        let known = listed(definition.names(), 9);
        return found(format!("`{kind}` is not defined in `{api_version}`"))
            .also(definition.manifest.name.span(), "defined here")
            .help(format!("it is served as {known}"));
    }
    let served: Vec<&str> = schema::api_versions(version, kind).collect();
    let found = found(format!(
        "Kubernetes {version} has no kind `{kind}` in `{api_version}`"
    ));
    if served.is_empty() {
        return found;
    }
    let served = listed(served, 9);
    found.help(format!("Kubernetes {version} serves it as {served}"))
}

fn no_namespace(manifest: &Manifest) -> Diagnostic {
    Diagnostic::new(
        &codes::BAD_MANIFEST,
        format!("{} is in no namespace", manifest.title()),
    )
    .at(manifest.name.span(), "no `metadata.namespace`")
    .also(manifest.statement, "taken by this statement")
    .help("add `in NAMESPACE` to the statement, or write it in a namespace")
}

/// Two objects of one identity: of two manifests, or of a manifest and the compiler.
fn identities(all: &[(&Manifest, Option<Object>)], emitted: &[Object], out: &mut Diagnostics) {
    let identity = |object: &'_ Object| -> (Kind, Option<String>, String) {
        let namespace = object.namespace().map(str::to_owned);
        (object.kind(), namespace, object.name().to_owned())
    };
    let mut first: HashMap<_, (Span, &str)> = HashMap::new();
    for object in emitted {
        let span = first_span(object.root()).unwrap_or(Span::NONE);
        first.insert(identity(object), (span, "the compiler emits it for this"));
    }
    for (manifest, object) in all {
        let Some(object) = object else { continue };
        let place = manifest.name.span();
        match first.get(&identity(object)) {
            None => {
                first.insert(identity(object), (place, "the first here"));
            }
            Some((other, label)) => {
                let found = Diagnostic::new(
                    &codes::DUPLICATE_OBJECT,
                    format!("{} exists twice", manifest.title()),
                )
                .at(place, "this manifest");
                let found = match *other == place {
                    // One file that two statements take.
                    true => found.also(manifest.statement, "taken again by this statement"),
                    false => found.also(*other, *label),
                };
                out.push(found.help("remove one of the two"));
            }
        }
    }
}

/// The first line of the source that a field, or what is in it, is there for.
fn first_span(field: &Field) -> Option<Span> {
    let causes = field.causes.as_slice().iter();
    let mut spans = causes.map(|cause| cause.origin.span);
    spans
        .find(|span| !span.is_none())
        .or_else(|| field.children().find_map(first_span))
}

/// Manifests in namespaces that the platform neither declares nor takes, one finding for each namespace.
fn foreign(platform: &Platform, all: &[(&Manifest, Option<Object>)], out: &mut Diagnostics) {
    let mut known: HashSet<&str> = platform
        .namespaces()
        .map(|(_, namespace)| namespace.name.value.as_str())
        .collect();
    let objects = all.iter().filter_map(|(_, object)| object.as_ref());
    let own = objects.filter(|object| object.kind() == Kind::Namespace);
    known.extend(own.map(Object::name));
    let declared: Vec<&str> = known.iter().copied().collect();
    for (manifest, object) in all {
        let namespace = object.as_ref().and_then(Object::namespace);
        let Some(namespace) = namespace.filter(|name| known.insert(name)) else {
            continue;
        };
        let message = format!(
            "{} is in the namespace `{namespace}`, which the platform does not have",
            manifest.title()
        );
        let place = manifest
            .namespace()
            .map_or(manifest.statement, erpc_model::Sourced::span);
        let found = Diagnostic::new(&codes::FOREIGN_NAMESPACE, message)
            .at(place, "not declared")
            .also(manifest.statement, "taken by this statement");
        let near = erpc_diagnostics::nearest(namespace, declared.iter().copied());
        out.push(match near {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found.help("declare it, or accept the warning if another creates it"),
        });
    }
}
