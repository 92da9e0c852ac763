//! Fields that a word of the language says: a patch of them would make the object say something else
//! than the model, and everything that is proven, shown and reported of it untrue.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_model::{Origin, Patch, PatchValue, Service, Via};
use serde_json::json;

use super::{Action, Change, Step, fields};
use crate::Object;
use crate::cause::Cause;
use crate::kubernetes;
use crate::schema::Typed;
use crate::tree::{Field, Node};

/// What becomes of a patch that touches a field.
enum Owner {
    /// It is what the object is, or follows from flows: no patch sets it.
    Fixed(&'static str),
    /// Something else of the model depends on it: the word, or what, to change instead.
    Model(&'static str),
    /// Pod Security and the rights of the account.
    Security(&'static str),
    /// The pod would have its node's network, for which no policy holds.
    Network,
    /// No standard of Pod Security is about it, although the fields around it are judged.
    Free,
    /// How a port is called in objects that exist already: flows and policies have its number.
    PortName,
    /// A label of the object itself, which objects that exist already may have with another value.
    Label,
}
use Owner::{Fixed, Free, Label, Model, Network, PortName, Security};

const IDENTITY: &str = "services, policies and owners find the pods by it";

const CONTROLLERS: &str = "the controller names the pods";
const SERVERS: &str = "the server sets it";

/// Of every object.
const ANY: [(&[&str], Owner); 16] = [
    (&["apiVersion"], Fixed("a patch keeps the kind")),
    (&["kind"], Fixed("a patch keeps the kind")),
    (&["metadata", "name"], Fixed("the service's name says it")),
    (
        &["metadata", "namespace"],
        Fixed("the service's namespace says it"),
    ),
    (&["metadata", "creationTimestamp"], Fixed(SERVERS)),
    (&["metadata", "deletionGracePeriodSeconds"], Fixed(SERVERS)),
    (&["metadata", "deletionTimestamp"], Fixed(SERVERS)),
    (&["metadata", "generateName"], Fixed(SERVERS)),
    (&["metadata", "generation"], Fixed(SERVERS)),
    (&["metadata", "managedFields"], Fixed(SERVERS)),
    (&["metadata", "ownerReferences"], Fixed(SERVERS)),
    (&["metadata", "resourceVersion"], Fixed(SERVERS)),
    (&["metadata", "selfLink"], Fixed(SERVERS)),
    (&["metadata", "uid"], Fixed(SERVERS)),
    (
        &["metadata", "labels", "app.kubernetes.io/part-of"],
        Model(IDENTITY),
    ),
    (&["metadata", "labels", "app.kubernetes.io/"], Label),
];

/// Of a kind, below the object.
const OF_KIND: [(&str, &[&str], Owner); 34] = [
    ("service", &["spec", "ports", "*", "name"], PortName),
    ("service", &["spec", "ports", "*", "targetPort"], PortName),
    ("service", &["spec", "ports", "*", "appProtocol"], PortName),
    ("job", &["spec", "selector"], Fixed(IDENTITY)),
    (
        "cronjob",
        &["spec", "jobTemplate", "spec", "selector"],
        Fixed(IDENTITY),
    ),
    (
        "deployment",
        &["spec", "replicas"],
        Fixed("`replicas` or `scale` says it"),
    ),
    (
        "statefulset",
        &["spec", "replicas"],
        Fixed("`replicas` or `scale` says it"),
    ),
    ("deployment", &["spec", "selector"], Fixed(IDENTITY)),
    ("statefulset", &["spec", "selector"], Fixed(IDENTITY)),
    ("daemonset", &["spec", "selector"], Fixed(IDENTITY)),
    ("statefulset", &["spec", "serviceName"], Fixed(IDENTITY)),
    (
        "cronjob",
        &["spec", "schedule"],
        Fixed("`job NAME every \"…\"` says it"),
    ),
    (
        "cronjob",
        &["spec", "timeZone"],
        Fixed("`time-zone` says it"),
    ),
    (
        "cronjob",
        &["spec", "successfulJobsHistoryLimit"],
        Model("`history` says it"),
    ),
    (
        "cronjob",
        &["spec", "failedJobsHistoryLimit"],
        Model("`history` says it"),
    ),
    (
        "job",
        &["spec", "activeDeadlineSeconds"],
        Model("`deadline` says it"),
    ),
    (
        "service",
        &["spec", "type"],
        Fixed("`expose … as nodeport|loadbalancer` says it"),
    ),
    ("service", &["spec", "selector"], Fixed(IDENTITY)),
    ("service", &["spec", "ports"], Fixed("`port` says it")),
    (
        "service",
        &["spec", "clusterIP"],
        Fixed("how pods are found follows from `volume` and flows"),
    ),
    (
        "service",
        &["spec", "clusterIPs"],
        Fixed("how pods are found follows from `volume` and flows"),
    ),
    (
        "service",
        &["spec", "externalIPs"],
        Fixed("`expose` opens a service to the world"),
    ),
    (
        "service",
        &["spec", "externalName"],
        Fixed("`external` is a name outside"),
    ),
    (
        "service",
        &["spec", "externalTrafficPolicy"],
        Fixed("policies need the caller's own address"),
    ),
    (
        "service",
        &["spec", "loadBalancerSourceRanges"],
        Fixed("`expose … from CIDR` says it"),
    ),
    (
        "ingress",
        &["spec"],
        Fixed("`expose` says it; annotations can be patched"),
    ),
    (
        "horizontalpodautoscaler",
        &["spec", "minReplicas"],
        Fixed("`scale` says it"),
    ),
    (
        "horizontalpodautoscaler",
        &["spec", "maxReplicas"],
        Fixed("`scale` says it"),
    ),
    (
        "horizontalpodautoscaler",
        &["spec", "metrics"],
        Fixed("`scale … on` says it"),
    ),
    (
        "horizontalpodautoscaler",
        &["spec", "scaleTargetRef"],
        Fixed(IDENTITY),
    ),
    (
        "poddisruptionbudget",
        &["spec", "minAvailable"],
        Fixed("`disruption min` says it"),
    ),
    (
        "poddisruptionbudget",
        &["spec", "maxUnavailable"],
        Fixed("`disruption min` says it"),
    ),
    (
        "poddisruptionbudget",
        &["spec", "selector"],
        Fixed(IDENTITY),
    ),
    (
        "persistentvolumeclaim",
        &["spec"],
        Model("`volume` says it"),
    ),
];

const BY_SECURITY: &str = "Pod Security judges it";
const BY_GRANTS: &str = "`grants` says what the pod may ask of the API";

/// Of a pod, below its template; `*` is a container.
const OF_POD: [(&[&str], Owner); 26] = [
    (&["metadata", "name"], Model(CONTROLLERS)),
    (&["metadata", "namespace"], Model(CONTROLLERS)),
    (
        &["metadata", "labels", "app.kubernetes.io/"],
        Model(IDENTITY),
    ),
    (&["spec", "hostNetwork"], Network),
    (
        &["spec", "imagePullSecrets"],
        Model("`pull-secret` of the namespace says it"),
    ),
    (&["spec", "hostPID"], Security(BY_SECURITY)),
    (&["spec", "hostIPC"], Security(BY_SECURITY)),
    (&["spec", "hostUsers"], Security(BY_SECURITY)),
    (&["spec", "serviceAccount"], Security(BY_GRANTS)),
    (&["spec", "serviceAccountName"], Security(BY_GRANTS)),
    (
        &["spec", "automountServiceAccountToken"],
        Security(BY_GRANTS),
    ),
    (
        &["spec", "securityContext", "runAsUser"],
        Model("`run as` says it"),
    ),
    (
        &["spec", "securityContext", "runAsGroup"],
        Model("`run as` says it"),
    ),
    (&["spec", "securityContext", "fsGroup"], Free),
    (&["spec", "securityContext", "fsGroupChangePolicy"], Free),
    (&["spec", "securityContext", "supplementalGroups"], Free),
    (
        &["spec", "securityContext", "supplementalGroupsPolicy"],
        Free,
    ),
    (&["spec", "securityContext"], Security(BY_SECURITY)),
    (
        &["spec", "containers", "*", "securityContext", "runAsUser"],
        Model("`run as` says it"),
    ),
    (
        &[
            "spec",
            "containers",
            "*",
            "securityContext",
            "readOnlyRootFilesystem",
        ],
        Free,
    ),
    (
        &["spec", "containers", "*", "securityContext"],
        Security(BY_SECURITY),
    ),
    (
        &["spec", "containers", "*", "image"],
        Model("`image` says it"),
    ),
    (&["spec", "containers", "*", "ports", "*", "name"], PortName),
    (
        &["spec", "containers", "*", "ports"],
        Model("`port` says it"),
    ),
    (&["spec", "containers", "*", "name"], Model(IDENTITY)),
    (
        &["spec", "topologySpreadConstraints"],
        Model("`spread` says it"),
    ),
];

/// How a change meets a field that is not for patches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// It changes the field or a part of it.
    Into,
    /// It replaces or removes something that contains the field.
    Around,
}

/// What there is to report of a change of a field that is not for patches.
pub(super) fn finding(
    (service, statements): (&Service, &[(String, Origin)]),
    patch: &Patch,
    change: &Change<'_>,
    object: &Object,
    typed: Option<Typed>,
) -> Option<Diagnostic> {
    let current = fields::find(object.root(), typed, &change.path);
    if patch.merge.is_some() && is_same(change, current, typed) {
        return None;
    }
    let kind = object.kind();
    let template = kind.pod_path().and_then(<[_]>::split_last);
    let template = template.map(|(_, template)| template);
    let any = ANY.iter().map(|(known, owner)| (*known, owner));
    let of_kind = OF_KIND
        .iter()
        .filter(|(of, ..)| kind.as_str().eq_ignore_ascii_case(of))
        .map(|(_, known, owner)| (*known, owner));
    let of_object = any
        .chain(of_kind)
        .map(|(known, owner)| (known.to_vec(), owner));
    let of_pod = template.into_iter().flat_map(|template| {
        OF_POD
            .iter()
            .map(move |(known, owner)| ([template, known].concat(), owner))
    });
    let mut owners = of_object.chain(of_pod);
    let owner = owners.find_map(|(known, owner)| {
        let reach = reach(change, object, &known)?;
        let is_met = match (reach, owner) {
            (Reach::Around, Free | PortName) => false,
            (Reach::Into, PortName) => !service.is_strict(),
            (Reach::Into, Label) => {
                !is_free_label(service, change, template) && is_overridden(change, current)
            }
            (Reach::Around, Label) => {
                has_field(object.root(), &known, &|field| !is_of_patch(field))
            }
            // With an identity, labels are those of the source, but for those by which objects and pods are found.
            (Reach::Into, Model(IDENTITY)) if is_free_label(service, change, template) => false,
            // What no statement sets is not the compiler's either.
            (reach, Model(_)) if !service.is_strict() => match reach {
                Reach::Into => is_overridden(change, current),
                Reach::Around => has_field(object.root(), &known, &|field| !is_of_patch(field)),
            },
            (Reach::Into | Reach::Around, _) => true,
        };
        is_met.then_some(owner)
    });
    let shown = fields::shown_names(&change.path).join(".");
    let cannot = |why: &str| {
        let message = format!("a patch cannot set `{shown}`: {why}");
        Diagnostic::new(&codes::OWNED_FIELD, message).at(change.origin.span, "set here")
    };
    let found = match owner {
        None => {
            let (word, origin) = set_by(statements, change, current?)?;
            cannot(&format!("`{word}` sets it")).also(origin.span, "the statement")
        }
        Some(Fixed(why) | Model(why)) => cannot(why),
        Some(Label) => cannot(IDENTITY),
        Some(Security(_)) if !service.is_strict() && !is_overridden(change, current) => {
            return None;
        }
        Some(Security(why)) => {
            let message = format!("a patch sets `{shown}`: {why}");
            Diagnostic::new(&codes::PATCHED_SECURITY, message).at(change.origin.span, "set here")
        }
        Some(Network) => return on_the_node(service, patch, change),
        Some(Free | PortName) => return None,
    };
    Some(found.also(patch.kind.span(), "in this patch"))
}

/// Whether a change is one of a label that nothing finds the object or its pods by.
fn is_free_label(service: &Service, change: &Change<'_>, template: Option<&[&str]>) -> bool {
    let Some((Step::Name(label), place)) = change.path.split_last() else {
        return false;
    };
    let is_of = |known: &[&str]| {
        let known = known.iter().chain(&["metadata", "labels"]);
        place.len() == known.clone().count()
            && place.iter().zip(known).all(|(step, known)| match step {
                Step::Name(name) => name == known,
                Step::Element(_) => false,
            })
    };
    let is_selected = || service.selector().iter().any(|(key, _)| key == label);
    service.properties.identity.is_some()
        && match (is_of(&[]), template.is_some_and(is_of)) {
            (true, _) => !kubernetes::is_found_by(service, label),
            (_, true) => !is_selected(),
            (false, false) => false,
        }
}

/// The plain statement of the service, with its word, that has set the field that a change sets too: which of the two is
/// meant is not clear. The tables above have the fields that no patch may set, whether a statement sets them or not.
fn set_by<'s>(
    statements: &'s [(String, Origin)],
    change: &Change<'_>,
    current: &Field,
) -> Option<&'s (String, Origin)> {
    if matches!(change.action, Action::Ensure | Action::Add([])) {
        return None;
    }
    let causes = current.causes.as_slice();
    let statements = statements.iter();
    // A default of the language is no statement that could be changed instead.
    let mut set = statements.filter(|(_, origin)| origin.via != Via::Default);
    set.find(|(_, origin)| causes.iter().any(|cause| cause.origin == *origin))
}

/// Whether a change is one of a field that a statement sets.
fn is_overridden(change: &Change<'_>, current: Option<&Field>) -> bool {
    let is_kept = matches!(change.action, Action::Ensure | Action::Add([]));
    !is_kept && current.is_some_and(|field| !is_of_patch(field))
}

/// Whether patches alone have set a field.
fn is_of_patch(field: &Field) -> bool {
    match field.causes.as_slice() {
        [] => {
            let mut parts = field.children().peekable();
            parts.peek().is_some() && parts.all(is_of_patch)
        }
        causes => causes.iter().all(Cause::is_patch),
    }
}

/// Whether a change leaves the object as it is. A strategic merge patch may repeat what statements set, such as the
/// image of a container that it names.
fn is_same(change: &Change<'_>, current: Option<&Field>, typed: Option<Typed>) -> bool {
    match &change.action {
        Action::Set(value) => {
            let typed = fields::typed_at(typed, &change.path);
            let new = fields::node(value, typed, change.origin, Cause::patch_at);
            current.is_some_and(|field| json!(field) == json!(new))
        }
        Action::Ensure | Action::Add([]) => current.is_some(),
        Action::Drop => current.is_none(),
        Action::Remove | Action::Add(_) => false,
    }
}

/// A pod on its node's network.
fn on_the_node(service: &Service, patch: &Patch, change: &Change<'_>) -> Option<Diagnostic> {
    let is_on = matches!(&change.action, Action::Set(value) if **value == PatchValue::Bool(true));
    if is_on && !service.is_strict() {
        let message = format!(
            "no NetworkPolicy applies to `{}`: its pods have the addresses of their nodes",
            service.name.value
        );
        return Some(
            Diagnostic::new(&codes::PATCHED_SECURITY, message)
                .at(change.origin.span, "on the network of the node")
                .also(patch.kind.span(), "in this patch"),
        );
    }
    is_on.then(|| {
        Diagnostic::new(
            &codes::HOST_NETWORK,
            format!(
                "`{}` would share the network of its node, where no NetworkPolicy applies",
                service.name.value
            ),
        )
        .at(change.origin.span, "on the network of the node")
        .also(service.name.span(), "of this service")
        .help(
            "`port NAME NUMBER host` opens a port of the node and keeps the pod on its own network",
        )
    })
}

/// How a change meets a known field, if it does.
fn reach(change: &Change<'_>, object: &Object, known: &[&str]) -> Option<Reach> {
    let is_same = |(step, known): (&Step<'_>, &&str)| match step {
        Step::Name(name) => is_known(name, known),
        Step::Element(_) => *known == "*",
    };
    let path = change.path.as_slice();
    if !path.iter().zip(known).all(is_same) {
        return None;
    }
    let Some(rest) = known.get(path.len()..).filter(|rest| !rest.is_empty()) else {
        return Some(Reach::Into);
    };
    let (is_around, is_set) = match &change.action {
        Action::Remove | Action::Drop => (true, false),
        Action::Set(value) => {
            let is_block = matches!(**value, PatchValue::List(_) | PatchValue::Map(_));
            (is_block, has_value(value, rest))
        }
        Action::Ensure | Action::Add(_) => (false, false),
    };
    (is_around && (is_set || has_field(object.root(), known, &|_| true))).then_some(Reach::Around)
}

/// Whether a name is meant by a part of a known path. One that ends with `/` stands for all that start with it, `*`
/// for each element of a list.
fn is_known(name: &str, known: &str) -> bool {
    match known {
        "*" => true,
        // Sidecars and init containers are containers too.
        "containers" => name == "containers" || name == "initContainers",
        known if known.ends_with('/') => name.starts_with(known),
        known => name == known,
    }
}

/// Whether an object has a known field that is wanted.
fn has_field(at: &Field, known: &[&str], is_wanted: &dyn Fn(&Field) -> bool) -> bool {
    let Some((first, rest)) = known.split_first() else {
        return is_wanted(at);
    };
    match &at.node {
        Node::Map(fields) => fields
            .iter()
            .any(|(name, field)| is_known(name, first) && has_field(field, rest, is_wanted)),
        Node::List(items) => items.iter().any(|item| has_field(item, rest, is_wanted)),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => false,
    }
}

/// Whether a value of a patch has a known field.
fn has_value(value: &PatchValue, known: &[&str]) -> bool {
    let Some((first, rest)) = known.split_first() else {
        return true;
    };
    match value {
        PatchValue::Map(entries) => entries
            .iter()
            .any(|(name, value)| is_known(name, first) && has_value(&value.value, rest)),
        PatchValue::List(items) => items.iter().any(|item| has_value(&item.value, rest)),
        PatchValue::Null
        | PatchValue::Bool(_)
        | PatchValue::Int(_)
        | PatchValue::Float(_)
        | PatchValue::Text(_) => false,
    }
}
