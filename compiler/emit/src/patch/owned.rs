//! Fields that a word of the language says: a patch of them would make the object say something else
//! than the model, and everything that is proven, shown and reported of it untrue.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_model::{Patch, PatchField, PatchValue, Service};
use smol_str::SmolStr;

/// What becomes of a patch that touches a field.
enum Owner {
    /// Something else of the model depends on it: the word, or what, to change instead.
    Model(&'static str),
    /// Pod Security and the rights of the account.
    Security(&'static str),
    /// The pod would have its node's network, for which no policy holds.
    Network,
    /// No standard of Pod Security is about it, although the fields around it are judged.
    Free,
}
use Owner::{Free, Model, Network, Security};

const IDENTITY: &str = "services, policies and owners find the pods by it";

const CONTROLLERS: &str = "the controller names the pods";
const SERVERS: &str = "the server sets it";

/// Of every object.
const ANY: [(&[&str], Owner); 15] = [
    (&["apiVersion"], Model("a patch keeps the kind")),
    (&["kind"], Model("a patch keeps the kind")),
    (&["metadata", "name"], Model("the service's name says it")),
    (
        &["metadata", "namespace"],
        Model("the service's namespace says it"),
    ),
    (&["metadata", "creationTimestamp"], Model(SERVERS)),
    (&["metadata", "deletionGracePeriodSeconds"], Model(SERVERS)),
    (&["metadata", "deletionTimestamp"], Model(SERVERS)),
    (&["metadata", "generateName"], Model(SERVERS)),
    (&["metadata", "generation"], Model(SERVERS)),
    (&["metadata", "managedFields"], Model(SERVERS)),
    (&["metadata", "ownerReferences"], Model(SERVERS)),
    (&["metadata", "resourceVersion"], Model(SERVERS)),
    (&["metadata", "selfLink"], Model(SERVERS)),
    (&["metadata", "uid"], Model(SERVERS)),
    (
        &["metadata", "labels", "app.kubernetes.io/"],
        Model(IDENTITY),
    ),
];

/// Of a kind, below the object.
const OF_KIND: [(&str, &[&str], Owner); 30] = [
    ("job", &["spec", "selector"], Model(IDENTITY)),
    (
        "cronjob",
        &["spec", "jobTemplate", "spec", "selector"],
        Model(IDENTITY),
    ),
    (
        "deployment",
        &["spec", "replicas"],
        Model("`replicas` or `scale` says it"),
    ),
    (
        "statefulset",
        &["spec", "replicas"],
        Model("`replicas` or `scale` says it"),
    ),
    ("deployment", &["spec", "selector"], Model(IDENTITY)),
    ("statefulset", &["spec", "selector"], Model(IDENTITY)),
    ("statefulset", &["spec", "serviceName"], Model(IDENTITY)),
    (
        "cronjob",
        &["spec", "schedule"],
        Model("`job NAME every \"…\"` says it"),
    ),
    (
        "cronjob",
        &["spec", "timeZone"],
        Model("`time-zone` says it"),
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
        Model("`expose … as nodeport|loadbalancer` says it"),
    ),
    ("service", &["spec", "selector"], Model(IDENTITY)),
    ("service", &["spec", "ports"], Model("`port` says it")),
    (
        "service",
        &["spec", "clusterIP"],
        Model("how pods are found follows from `volume` and flows"),
    ),
    (
        "service",
        &["spec", "clusterIPs"],
        Model("how pods are found follows from `volume` and flows"),
    ),
    (
        "service",
        &["spec", "externalIPs"],
        Model("`expose` opens a service to the world"),
    ),
    (
        "service",
        &["spec", "externalName"],
        Model("`external` is a name outside"),
    ),
    (
        "service",
        &["spec", "externalTrafficPolicy"],
        Model("policies need the caller's own address"),
    ),
    (
        "service",
        &["spec", "loadBalancerSourceRanges"],
        Model("`expose … from CIDR` says it"),
    ),
    (
        "ingress",
        &["spec"],
        Model("`expose` says it; annotations can be patched"),
    ),
    (
        "horizontalpodautoscaler",
        &["spec", "minReplicas"],
        Model("`scale` says it"),
    ),
    (
        "horizontalpodautoscaler",
        &["spec", "maxReplicas"],
        Model("`scale` says it"),
    ),
    (
        "horizontalpodautoscaler",
        &["spec", "metrics"],
        Model("`scale … on` says it"),
    ),
    (
        "horizontalpodautoscaler",
        &["spec", "scaleTargetRef"],
        Model(IDENTITY),
    ),
    (
        "poddisruptionbudget",
        &["spec", "minAvailable"],
        Model("`disruption min` says it"),
    ),
    (
        "poddisruptionbudget",
        &["spec", "maxUnavailable"],
        Model("`disruption min` says it"),
    ),
    (
        "poddisruptionbudget",
        &["spec", "selector"],
        Model(IDENTITY),
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
const OF_POD: [(&[&str], Owner); 25] = [
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

/// What there is to say of the fields of a patch that are not for patches.
pub(super) fn findings(service: &Service, patch: &Patch) -> impl Iterator<Item = Diagnostic> {
    let fields = patch.fields.iter();
    fields.filter_map(|field| finding(service, patch, field))
}

fn finding(service: &Service, patch: &Patch, field: &PatchField) -> Option<Diagnostic> {
    let kind = patch.kind.value.to_ascii_lowercase();
    let path = field.path.as_slice();
    let is_removed = field.value.value.is_none();
    let hit = |known: &&[&str]| touches(path, known, is_removed);
    let any = ANY
        .iter()
        .find(|(known, _)| hit(known))
        .map(|(_, owner)| owner);
    let of_kind = OF_KIND
        .iter()
        .find(|(of, known, _)| *of == kind && hit(known));
    let of_pod = || {
        let at = path.iter().rposition(|name| name == "template")?;
        let below = &path[at + 1..];
        let found = OF_POD
            .iter()
            .find(|(known, _)| touches(below, known, is_removed));
        found.map(|(_, owner)| owner)
    };
    let owner = any.or(of_kind.map(|(_, _, owner)| owner)).or_else(of_pod)?;
    let shown = path.join(".");
    let (code, why) = match owner {
        Model(why) => (&codes::OWNED_FIELD, *why),
        Security(why) => (&codes::PATCHED_SECURITY, *why),
        Network => return on_the_node(service, field),
        Free => return None,
    };
    Some(
        Diagnostic::new(code, format!("`{shown}` is not for a patch: {why}"))
            .at(field.value.span(), "set here")
            .also(patch.kind.span(), "in this patch"),
    )
}

/// A pod on its node's network.
fn on_the_node(service: &Service, field: &PatchField) -> Option<Diagnostic> {
    (field.value.value == Some(PatchValue::Bool(true))).then(|| {
        Diagnostic::new(
            &codes::HOST_NETWORK,
            format!(
                "`{}` would have the addresses of its node, and no NetworkPolicy holds for it",
                service.name.value
            ),
        )
        .at(field.value.span(), "on the network of the node")
        .also(service.name.span(), "of this service")
        .help(
            "`port NAME NUMBER host` opens a port of the node and keeps the pod on its own network",
        )
    })
}

/// Whether a path leads to a field or into it; one that is removed also where it leads towards it. A
/// name that ends with `/` stands for all that start with it.
fn touches(path: &[SmolStr], known: &[&str], is_removed: bool) -> bool {
    let is_same = |(name, known): (&SmolStr, &&str)| match *known {
        "*" => name.bytes().all(|b| b.is_ascii_digit()),
        // Sidecars and init containers are containers too.
        "containers" => name == "containers" || name == "initContainers",
        known if known.ends_with('/') => name.starts_with(known),
        known => name == known,
    };
    let reaches = path.len() >= known.len() || is_removed;
    reaches && path.iter().zip(known).all(is_same)
}
