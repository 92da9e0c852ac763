//! The pod template of a workload.

use erpc_diagnostics::FileId;
use erpc_model::{FileOptions, Platform, Service, ServiceId, Spread};

use super::container::{Role, container, mounts_tmp, tmp_volume, writable_volume};
use super::metadata::Labelled;
use super::{accounts, configs, metadata, workload};
use crate::cause::{Cause, Causes};
use crate::tree::{Field, Map, Node};

/// The annotation that changes with the files of the mounted ConfigMaps.
const CONFIG_DIGEST: &str = "erpc/config-sha256";

/// Ports below it are for root alone, where a sysctl does not say otherwise.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

pub(super) fn template(platform: &Platform, id: ServiceId) -> Map {
    let service = &platform[id];
    let mut metadata = Map::new();
    if let Some(digest) = configs::digest(service).filter(|_| service.is_strict()) {
        let configs = service.configs.iter();
        let why = "changes with the mounted files, so that their readers restart";
        let causes: Causes = configs
            .map(|config| Cause::said(why, &config.name))
            .collect();
        metadata::annotate(&mut metadata, CONFIG_DIGEST, Field::new(digest, causes));
    }
    let labels = metadata::of_pods(platform, service);
    if !labels.is_empty() {
        metadata.block("labels", labels);
    }
    metadata::add_declared(&mut metadata, service, Labelled::Pods);
    let mut template = Map::new();
    if !metadata.is_empty() {
        template.block("metadata", metadata);
    }
    template.block("spec", spec(platform, id));
    template
}

fn spec(platform: &Platform, id: ServiceId) -> Map {
    let service = &platform[id];
    let mut spec = Map::new();
    if let Some(account) = accounts::account_of(platform, id) {
        if let Some(has_token) = account.has_token {
            let causes = account.causes.clone();
            spec.set("automountServiceAccountToken", has_token, causes);
        }
        spec.set("serviceAccountName", account.name, account.causes);
    }
    let main = container(platform, service, &service.main, Role::Main);
    spec.block("containers", vec![Field::plain(main)]);
    if service.is_strict() {
        let why = "services are found by name; variables for each would grow with the namespace";
        spec.set("enableServiceLinks", false, Cause::always(why));
    }
    let pull_secrets = pull_secrets(platform, service);
    if !pull_secrets.is_empty() {
        spec.block("imagePullSecrets", pull_secrets);
    }
    let before = before_main(platform, service);
    if !before.is_empty() {
        spec.block("initContainers", before);
    }
    if let Some(class) = &service.properties.priority {
        let cause = Cause::said("the PriorityClass of the pods", class);
        spec.set("priorityClassName", &class.value, cause);
    }
    if service.is_job() {
        spec.set(
            "restartPolicy",
            "OnFailure",
            Cause::said("a job that fails is tried again in its pod", &service.name),
        );
    }
    let security = security(service);
    if !security.is_empty() {
        spec.block("securityContext", security);
    }
    if service.scaling.bounds().max >= 2 && is_spread(service) {
        let constraint = Field::plain(with_replicas(platform, service));
        spec.block("topologySpreadConstraints", vec![constraint]);
    }
    let volumes = volumes(platform, service);
    if !volumes.is_empty() {
        spec.block("volumes", volumes);
    }
    spec
}

/// The containers that start before the main one: sidecars first, so that what an init container needs of
/// them is there.
fn before_main(platform: &Platform, service: &Service) -> Vec<Field> {
    let sidecars = (0..)
        .zip(&service.sidecars)
        .map(|(index, sidecar)| (sidecar, Role::Sidecar(index)));
    let inits = service.inits.iter().map(|init| (init, Role::Init));
    sidecars
        .chain(inits)
        .map(|(one, role)| Field::plain(container(platform, service, one, role)))
        .collect()
}

/// With what nodes fetch its images. It stands in the pod and not in the account: the account's list is
/// copied into a pod when that is made, so that a change of it would reach no pod that runs.
fn pull_secrets(platform: &Platform, service: &Service) -> Vec<Field> {
    let secrets = platform[service.namespace].pull_secrets.iter();
    secrets
        .map(|secret| {
            let mut entry = Map::new();
            entry.block("name", &platform[secret.value].name.value);
            let cause = Cause::said("with what nodes fetch its images", secret);
            Field::new(entry, cause)
        })
        .collect()
}

fn security(service: &Service) -> Map {
    let mut security = Map::new();
    if let Some(run_as) = &service.properties.run {
        let cause = Cause::said("the user and the group", run_as);
        security.set("runAsGroup", run_as.value.gid, cause);
        security.set("runAsUser", run_as.value.uid, cause);
    }
    if service.is_strict() {
        harden(service, &mut security);
    }
    security
}

/// What Pod Security `restricted` asks of a pod, and what keeps its files and ports usable for a user without rights.
fn harden(service: &Service, security: &mut Map) {
    security.set(
        "runAsNonRoot",
        true,
        Cause::always("Pod Security `restricted` asks for it"),
    );
    if let Some(run_as) = &service.properties.run {
        let volumes = service.volumes.iter();
        let volumes = volumes.map(|volume| Cause::said("it is mounted", &volume.name));
        let secrets = service.secret_mounts.iter();
        let secrets = secrets.map(|secret| Cause::said("it is mounted", &secret.name));
        let claims = service.claims.iter();
        let claims = claims.map(|claim| Cause::said("it is mounted", &claim.name));
        let mut mounted = volumes.chain(claims).chain(secrets).peekable();
        if mounted.peek().is_some() {
            let group = Cause::said("the group that mounted files belong to", run_as);
            let causes: Causes = std::iter::once(group).chain(mounted).collect();
            security.set("fsGroup", run_as.value.gid, causes.clone());
            security.set("fsGroupChangePolicy", "OnRootMismatch", causes);
        }
    }
    let mut seccomp = Map::new();
    seccomp.block("type", "RuntimeDefault");
    security.set(
        "seccompProfile",
        seccomp,
        Cause::always("Pod Security `restricted` asks for a seccomp profile"),
    );
    let low = service.ports.iter();
    let low = low.filter(|port| port.container < FIRST_UNPRIVILEGED_PORT);
    let why = "a port below 1024, which a user without rights may bind only so";
    let low: Causes = low.map(|port| Cause::said(why, &port.number)).collect();
    if low != Causes::None {
        // One of the sysctls that `restricted` allows.
        let mut sysctl = Map::new();
        sysctl.block("name", "net.ipv4.ip_unprivileged_port_start");
        sysctl.block("value", "0");
        security.set("sysctls", vec![Field::plain(sysctl)], low);
    }
}

/// Whether the pods of a service are spread as soon as there are two.
pub(crate) fn is_spread(service: &Service) -> bool {
    service.has_replicas() && (service.is_strict() || service.properties.spread.is_some())
}

/// How the pods of a service are spread as soon as there are two. A pod stays pending rather than share a
/// node only where the cluster has a node for each of the least number.
pub(crate) fn with_replicas(platform: &Platform, service: &Service) -> Map {
    let spread = service.properties.spread.as_ref();
    let key = match spread.map_or(Spread::Node, |spread| spread.value) {
        Spread::Node => "kubernetes.io/hostname",
        Spread::Zone => "topology.kubernetes.io/zone",
    };
    let over = match spread {
        Some(spread) => Cause::said("over what replicas are spread", spread),
        None => Cause::always("several replicas are spread over nodes"),
    };
    let over = [over, workload::replicas(service)];
    let mut constraint = Map::new();
    constraint.set(
        "labelSelector",
        metadata::selector(service),
        metadata::selector_cause(service),
    );
    if !service.is_stateful() {
        constraint.set(
            "matchLabelKeys",
            Node::texts(["pod-template-hash"]),
            Cause::always(
                "pods of the revision that goes do not count against the one that comes (KEP-3243)",
            ),
        );
    }
    constraint.set("maxSkew", 1, over);
    constraint.set(
        "nodeTaintsPolicy",
        "Honor",
        Cause::always("a drained node is no place to wait for (KEP-3094)"),
    );
    constraint.set("topologyKey", key, over);
    let nodes = platform.cluster().nodes.as_ref();
    let nodes = nodes.map(|nodes| Cause::said("how many nodes the cluster has", nodes));
    let unless = if platform.is_kept_apart(service) {
        "DoNotSchedule"
    } else {
        "ScheduleAnyway"
    };
    let causes: Causes = over.into_iter().chain(nodes).collect();
    constraint.set("whenUnsatisfiable", unless, causes);
    constraint
}

/// Which keys of a ConfigMap or a Secret are files, and who can read them.
fn set_files(source: &mut Map, options: &FileOptions, mode: Option<u32>) {
    match &options.mode {
        Some(mode) => {
            let cause = Cause::said("the permissions of its files", mode);
            source.set("defaultMode", mode.value, cause);
        }
        None => {
            if let Some(mode) = mode {
                source.block("defaultMode", mode);
            }
        }
    }
    let items = options.only.iter().map(|(key, file)| {
        let mut item = Map::new();
        item.block("key", &key.value);
        item.block("path", file.as_ref().unwrap_or(&key.value));
        Field::new(item, Cause::said("a key that is a file", key))
    });
    let items: Vec<Field> = items.collect();
    if !items.is_empty() {
        source.block("items", items);
    }
    if options.optional {
        source.block("optional", true);
    }
}

/// Where an element stands in a list of a pod.
pub(super) type Place = (FileId, u32, String);

/// Volumes and mounts of a strict service are sorted by their names. Those of another are in the order of the source, as
/// they were in what it was imported from: another order would be another pod.
pub(super) fn place_of(service: &Service, name: &str, cause: &Cause) -> Place {
    let span = cause.origin.span;
    match service.is_strict() {
        true => (FileId(0), 0, name.to_owned()),
        false => (span.file, span.start, name.to_owned()),
    }
}

fn volumes(platform: &Platform, service: &Service) -> Vec<Field> {
    let mut volumes: Vec<(Place, Field)> = Vec::new();
    let mut push = |name: &str, source: &'static str, fields: Map, cause: Cause| {
        let mut volume = Map::new();
        volume.block(source, fields);
        volume.block("name", name);
        let place = place_of(service, name, &cause);
        volumes.push((place, Field::new(volume, cause)));
    };
    let of_one = service.volumes.iter();
    for volume in of_one.filter(|volume| service.has_one_claim(volume)) {
        let mut claim = Map::new();
        claim.block("claimName", &volume.name.value);
        let cause = Cause::said("a volume", &volume.name);
        push(&volume.name.value, "persistentVolumeClaim", claim, cause);
    }
    for claim in &service.claims {
        let mut source = Map::new();
        source.block("claimName", &claim.claim.value);
        let cause = Cause::said("a claim that exists", &claim.name);
        push(&claim.name.value, "persistentVolumeClaim", source, cause);
    }
    for scratch in &service.scratch {
        let mut source = Map::new();
        if scratch.in_memory {
            source.block("medium", "Memory");
        }
        if let Some(size) = &scratch.size {
            let cause = Cause::said("how much it may hold", size);
            source.set("sizeLimit", size.value.to_string(), cause);
        }
        let cause = Cause::said("space that ends with the pod", &scratch.name);
        push(&scratch.name.value, "emptyDir", source, cause);
    }
    for config in &service.configs {
        let mut map = Map::new();
        set_files(&mut map, &config.options, None);
        map.block(
            "name",
            config
                .existing
                .as_ref()
                .map_or(config.name.value.as_str(), |name| &name.value),
        );
        let cause = Cause::said("files from a ConfigMap", &config.name);
        push(&config.name.value, "configMap", map, cause);
    }
    for mount in &service.secret_mounts {
        let name = &platform[mount.secret].name.value;
        let mut secret = Map::new();
        // The group of `run as` alone can read the files.
        let of_group = service.properties.run.is_some() && service.is_strict();
        set_files(&mut secret, &mount.options, of_group.then_some(0o440));
        secret.block("secretName", name);
        let cause = Cause::said("files from a Secret", &mount.name);
        push(name, "secret", secret, cause);
    }
    let sidecars = (0..)
        .zip(&service.sidecars)
        .map(|(index, sidecar)| (sidecar, Role::Sidecar(index)));
    let inits = service.inits.iter().map(|init| (init, Role::Init));
    let all = std::iter::once((&service.main, Role::Main))
        .chain(sidecars)
        .chain(inits);
    for (container, role) in all {
        for path in &container.writable {
            let name = writable_volume(container, role, &path.value);
            push(
                &name,
                "emptyDir",
                Map::new(),
                super::container::writes(path),
            );
        }
        if !mounts_tmp(platform, service, container, role) {
            let name = tmp_volume(container, role);
            push(&name, "emptyDir", Map::new(), super::container::OWN_TMP);
        }
    }
    volumes.sort_by(|(a, _), (b, _)| a.cmp(b));
    volumes.into_iter().map(|(_, field)| field).collect()
}
