//! Checks the emitted objects: what a server would refuse of one is reported at the line of the source that set the
//! field. A patch may set any field, so that everything is checked of an object that one has changed. Of the others
//! only what the source names is ([`validate::parts`]): all else is the compiler's own, and tests hold it to what a
//! real server accepts.

mod manifests;
mod references;

use std::collections::HashSet;
use std::sync::OnceLock;

use erpc_diagnostics::{Diagnostic, Diagnostics, Sources, codes};
use erpc_model::{Defaults, NamespaceId, Origin, Platform, Service, ServiceId, Via};
use erpc_policy::{Derived, PodSecurity};
use rayon::prelude::*;

use self::references::Existing;
use crate::cause::Cause;
use crate::patch::{Place, in_patch, place_of};
use crate::schema::Version;
use crate::tree::{Field, Node};
use crate::validate::{self, Fault, FaultKind};
use crate::view::FieldPath;
use crate::{Object, kubernetes};

/// Checks the objects of a platform, after patches.
#[must_use]
pub fn check_objects(platform: &Platform, derived: &Derived, sources: &Sources) -> Diagnostics {
    let services: Vec<ServiceId> = platform.services().map(|(id, _)| id).collect();
    let existing = OnceLock::new();
    let found: Vec<Diagnostics> = services
        .into_par_iter()
        .map(|id| of_service(platform, derived, sources, &existing, id))
        .collect();
    let mut all = Diagnostics::new();
    for found in found {
        all.extend(found);
    }
    let emitted = || {
        let files = crate::objects(platform, derived, sources).into_iter();
        let own = files.filter(|file| !file.is_raw);
        own.flat_map(|file| file.objects).collect()
    };
    manifests::check(platform, emitted, &mut all);
    all
}

fn of_service<'p>(
    platform: &'p Platform,
    derived: &Derived,
    sources: &Sources,
    existing: &OnceLock<Existing<'p>>,
    id: ServiceId,
) -> Diagnostics {
    let service = &platform[id];
    let mut out = Diagnostics::new();
    if service.patches.is_empty() {
        if !names_parts(service) {
            return out;
        }
        for object in kubernetes::named_parts(platform, derived, id) {
            for fault in validate::parts(object.root()) {
                out.push(diagnostic(service, &object, &fault));
            }
        }
        return out;
    }
    let version = Version::of(platform);
    let (files, of_patches) = kubernetes::service(platform, derived, sources, id);
    out.extend(of_patches);
    let mut seen = HashSet::new();
    let objects: Vec<&Object> = files.iter().flat_map(|file| &file.objects).collect();
    for object in &objects {
        let faults = if object.root().is_patched() {
            validate::object(version, object.root())
        } else {
            validate::parts(object.root())
        };
        for fault in &faults {
            let found = diagnostic(service, object, fault);
            // A value that is wrong in itself breaks other rules because of that, and a patch of several objects has
            // the same fault in each.
            let is_of_patch = found.code == &codes::BAD_PATCH;
            let message = (!is_of_patch).then(|| found.message.clone());
            if seen.insert((message, found.labels.first().map(|label| label.span))) {
                out.push(found);
            }
        }
        // What is wrong in itself has no level.
        if faults.is_empty()
            && let Some(found) = pod_security(platform, service, object)
        {
            out.push(found);
        }
        if object.kind().is_workload() {
            let existing = existing.get_or_init(|| Existing::new(platform));
            for found in references::missing(existing, id, object, &objects) {
                out.push(found);
            }
        }
    }
    out
}

/// Whether the source names parts of the service's objects that may have one name or one path. A pod of one container
/// that mounts nothing has none: each of its ports has a name and a number of its own, and the rest is the compiler's.
fn names_parts(service: &Service) -> bool {
    let has_containers = !service.sidecars.is_empty() || !service.inits.is_empty();
    let has_mounts = service.mountable().next().is_some() || !service.main.writable.is_empty();
    // A range is a port for each of its numbers, whose names others may have.
    let mut ports = service.ports.iter();
    has_containers || has_mounts || ports.any(|port| port.last != port.number.value)
}

/// What caused a field: a patch, what is set in it, or the block that it is in.
fn cause_of(object: &Object, path: &FieldPath) -> Option<Cause> {
    let mut around = object.root().causes.as_slice();
    let mut field = object.root();
    let mut is_found = true;
    for step in &path.0 {
        let Some(below) = field.child(step) else {
            is_found = false;
            break;
        };
        field = below;
        if !field.causes.as_slice().is_empty() {
            around = field.causes.as_slice();
        }
    }
    let is_patch = |cause: &Cause| cause.is_patch();
    let within = || is_found.then(|| cause_within(field, &|_| true)).flatten();
    cause_within(field, &is_patch)
        .filter(|_| is_found)
        .or_else(|| around.iter().copied().find(is_patch))
        .or_else(within)
        .or_else(|| around.first().copied())
}

/// The first cause of a field, or of what is in it, that is wanted.
fn cause_within(field: &Field, is_wanted: &dyn Fn(&Cause) -> bool) -> Option<Cause> {
    let mut own = field.causes.as_slice().iter().copied();
    own.find(|cause| is_wanted(cause)).or_else(|| {
        field
            .children()
            .find_map(|below| cause_within(below, is_wanted))
    })
}

fn diagnostic(service: &Service, object: &Object, fault: &Fault) -> Diagnostic {
    let cause = cause_of(object, &fault.path);
    let other = fault.other.as_ref().and_then(|path| cause_of(object, path));
    let patched = |cause: Option<Cause>| place_of(service, &cause?);
    match (patched(cause), patched(other)) {
        (Some(place), _) => {
            let found = of_patch(service, object, fault, &place);
            also(
                found,
                other.filter(|other| place_of(service, other).is_none()),
            )
        }
        (None, Some(place)) => also(of_patch(service, object, fault, &place), cause),
        (None, None) => of_statement(service, fault, cause, other),
    }
}

/// Adds the statement that a patch conflicts with.
fn also(diagnostic: Diagnostic, other: Option<Cause>) -> Diagnostic {
    match other {
        Some(other) if other.origin.via != Via::Default => {
            diagnostic.also(other.origin.span, "set here")
        }
        _ => diagnostic,
    }
}

/// A fault of a field that a patch sets.
fn of_patch(service: &Service, object: &Object, fault: &Fault, place: &Place<'_>) -> Diagnostic {
    let path = place.path(&fault.path);
    let diagnostic = match &fault.kind {
        FaultKind::UnknownField(meant) => {
            let message = format!("a {} has no field `{path}`", object.kind());
            let found =
                Diagnostic::new(&codes::BAD_PATCH, message).at(place.path_span, "no such field");
            match meant {
                Some(meant) => {
                    let near = place.near(fault.path.0.len() - 1, meant);
                    found.help(format!("did you mean `{near}`?"))
                }
                None => found,
            }
        }
        FaultKind::Key => Diagnostic::new(&codes::BAD_PATCH, &fault.message)
            .at(place.path_span, format!("`{path}`")),
        FaultKind::WrongType(expected) => {
            let message = format!("invalid value of `{path}`: {}", fault.message);
            let found = Diagnostic::new(&codes::BAD_PATCH, message).at(place.span, "set here");
            match help(object, &fault.path, place, expected) {
                Some(help) => found.help(help),
                None => found,
            }
        }
        FaultKind::Value(meant) => {
            let found = Diagnostic::new(&codes::BAD_PATCH, &fault.message)
                .at(place.span, format!("`{path}`"));
            match meant {
                Some(meant) => found.help(format!("did you mean `\"{meant}\"`?")),
                None => found,
            }
        }
        FaultKind::Name | FaultKind::Mount | FaultKind::Port => {
            Diagnostic::new(&codes::BAD_PATCH, &fault.message).at(place.span, format!("`{path}`"))
        }
    };
    in_patch(diagnostic, service, place.patch)
}

/// How to write a value of another type.
fn help(object: &Object, path: &FieldPath, place: &Place<'_>, expected: &str) -> Option<String> {
    const MAPS: [&str; 4] = ["labels", "annotations", "nodeSelector", "matchLabels"];
    if let Some(field) = place.field {
        let path = field.path.as_slice();
        if let Some(at) = path.iter().position(|name| MAPS.contains(&name.as_str()))
            && path.len() > at + 2
        {
            let key = path[at + 1..].join(".");
            return Some(format!(
                "quote a key that contains dots: `{}.\"{key}\"`",
                path[at]
            ));
        }
        if expected == "fields of its own" {
            return Some(format!(
                "set a field below it: `{}.FIELD = VALUE`",
                path.last()?
            ));
        }
    }
    let steps = path.0.iter();
    let value = steps
        .clone()
        .try_fold(object.root(), |field, step| field.child(step))?;
    match (&value.node, expected) {
        (Node::Text(text), "an integer") => {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            (!digits.is_empty()).then(|| format!("write the number alone: `{digits}`"))
        }
        (Node::Text(text), "true or false") if matches!(text.as_str(), "true" | "false") => {
            Some(format!("write it without quotes: `{text}`"))
        }
        (Node::Number(number), "a string") => Some(format!("write it in quotes: `\"{number}\"`")),
        (Node::Bool(value), "a string") => Some(format!("write it in quotes: `\"{value}\"`")),
        _ => None,
    }
}

/// A fault of what statements say.
fn of_statement(
    service: &Service,
    fault: &Fault,
    cause: Option<Cause>,
    other: Option<Cause>,
) -> Diagnostic {
    let is_said = |cause: &Cause| cause.origin.via != Via::Default;
    let origin = cause
        .filter(is_said)
        .map_or(service.name.origin, |cause| cause.origin);
    let code = match &fault.kind {
        FaultKind::Name => &codes::DUPLICATE_NAME,
        FaultKind::Mount => &codes::PATH_COLLISION,
        FaultKind::Port => &codes::PORT_COLLISION,
        FaultKind::UnknownField(_)
        | FaultKind::Key
        | FaultKind::Value(_)
        | FaultKind::WrongType(_) => &codes::INVALID_OBJECT,
    };
    let label = if other.is_some() {
        "one here"
    } else {
        "set here"
    };
    let found = Diagnostic::new(code, &fault.message).at(origin.span, label);
    let found = match other.filter(is_said) {
        Some(other) if other.origin.span != origin.span => {
            found.also(other.origin.span, "the other here")
        }
        _ => found,
    };
    of_component(found, origin, service)
}

/// Adds the service that a value of a component belongs to.
fn of_component(diagnostic: Diagnostic, origin: Origin, service: &Service) -> Diagnostic {
    match origin.via {
        Via::Component(_) => diagnostic.also(service.name.span(), "in this service"),
        Via::Declared | Via::Default | Via::Namespace | Via::Platform | Via::Profile(_) => {
            diagnostic
        }
    }
}

/// That a patched pod needs another level of Pod Security than its namespace enforces: no pod would ever be made.
fn pod_security(platform: &Platform, service: &Service, object: &Object) -> Option<Diagnostic> {
    if !object.kind().is_workload() || !object.root().is_patched() {
        return None;
    }
    let need = validate::needed_level(object.kind(), object.root())?;
    let namespace = &platform[service.namespace];
    let enforced = enforced(platform, service.namespace);
    if need.level <= enforced {
        return None;
    }
    let found = Diagnostic::new(
        &codes::FORBIDDEN_POD,
        format!(
            "the pods of `{}` need Pod Security `{}`; the namespace `{}` enforces `{}`",
            service.name.value,
            need.level.as_str(),
            namespace.name.value,
            enforced.as_str()
        ),
    );
    let cause = cause_of(object, &need.path);
    let place = cause.and_then(|cause| place_of(service, &cause));
    let found = match &place {
        Some(place) => found.at(place.span, format!("`{}`", place.path(&need.path))),
        None if service.is_strict() => return None,
        None => found.at(
            service.properties.defaults.span(),
            format!("not set by default: `{}`", need.path),
        ),
    };
    let found = found
        .also(namespace.name.span(), "Pod Security of this namespace")
        .help(lower(need.level));
    Some(match place {
        Some(place) => in_patch(found, service, place.patch),
        None => found,
    })
}

/// How a namespace allows pods that need a level.
fn lower(level: PodSecurity) -> String {
    format!(
        "write `labels \"{}\" = \"{}\"` in the namespace, or use another namespace",
        PodSecurity::ENFORCE,
        level.as_str()
    )
}

/// The level that a namespace enforces.
fn enforced(platform: &Platform, namespace: NamespaceId) -> PodSecurity {
    let labels = &platform[namespace].labels;
    let set = labels.iter().find(|(key, _)| key == PodSecurity::ENFORCE);
    let set = set.and_then(|(_, level)| PodSecurity::named(&level.value));
    match (set, platform[namespace].defaults.value) {
        (Some(level), _) => level,
        // A namespace without labels enforces nothing.
        (None, Defaults::Kubernetes) => PodSecurity::Privileged,
        (None, Defaults::Strict) => PodSecurity::of_namespace(platform, namespace),
    }
}
