//! Names that Kubernetes limits further than the language, and names that come from others.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::kubernetes::writable_volume;
use erpc_model::{Address, AddressKind, IngressController, Platform, Service, Workload};
use erpc_policy::Edges;
use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

use crate::of_service;

/// The longest name of a StatefulSet: its controller adds `-` and a hash of ten characters for
/// the label of a revision, which has 63. A CronJob's: it adds `-` and ten digits to its Jobs.
const MAX_WITH_SUFFIX: usize = 52;

/// The longest DNS label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// Classes that the platform makes, and that all environments of a cluster would have: a suffix is for namespaces.
pub(crate) fn shared_by_environments(platform: &Platform, out: &mut Diagnostics) {
    let Some(suffix) = &platform.suffix else {
        return;
    };
    let cluster = platform.cluster();
    let made = cluster
        .storage
        .iter()
        .filter(|class| class.create.is_some());
    let storage = made.map(|class| ("StorageClass", &class.name, "the cluster says `create`"));
    let ingress = cluster
        .ingress
        .iter()
        .filter_map(|ingress| match &ingress.controller {
            IngressController::Service(..) => Some((
                "IngressClass",
                &ingress.class,
                "a service of the platform serves it",
            )),
            IngressController::Pods { .. } | IngressController::Nodes => None,
        });
    for (kind, name, why) in storage.chain(ingress) {
        let message = format!(
            "the {kind} `{}` would be shared by environments in one cluster",
            name.value
        );
        out.push(
            Diagnostic::new(&codes::RESERVED_NAME, message)
                .at(name.span(), why)
                .also(suffix.span(), "the suffix of this environment")
                .help("choose a `cluster` in the profile that has the class and does not make it: for a StorageClass without `create`, for an IngressClass with `by pods`"),
        );
    }
}

/// Lengths and collisions of the names of objects that are made from the source names.
pub(crate) fn derived_names(platform: &Platform, edges: &Edges, out: &mut Diagnostics) {
    let mut taken: FxHashMap<(&str, u32, SmolStr), (Span, &str)> = FxHashMap::default();
    let mut claim_for = |owner, kind: &'static str, namespace: u32, name: SmolStr, span: Span| {
        let first = taken.insert((kind, namespace, name.clone()), (span, owner));
        let Some((first, other)) = first.filter(|(first, _)| *first != span) else {
            return;
        };
        // Where names follow from those of services, the services are at fault; else what is called so.
        let message = match owner == other {
            true => format!("two {kind}s of this namespace would have the name `{name}`"),
            false => {
                format!("`{other}` and `{owner}` both emit a {kind} named `{name}`")
            }
        };
        out.push(
            Diagnostic::new(&codes::DUPLICATE_NAME, message)
                .at(span, "one here")
                .also(first, "the other here"),
        );
    };
    let mut accounts: FxHashMap<(u32, &str), Span> = FxHashMap::default();
    for (_, service) in platform.services() {
        let owner = service.name.value.as_str();
        let namespace = service.namespace.0;
        let workload = service.workload_name();
        let kind = service.workload.kind().name;
        claim_for(
            owner,
            kind,
            namespace,
            workload.value.clone(),
            workload.span(),
        );
        for named in service.service_names() {
            let span = named.name.span();
            claim_for(owner, "Service", namespace, named.name.value, span);
        }
        // Services may share an account that they name.
        if let Some(account) = service.account().filter(|account| !account.is_existing) {
            let name = &account.name;
            let first = accounts.entry((namespace, name.value.as_str()));
            let span = *first.or_insert(name.span());
            claim_for("", "ServiceAccount", namespace, name.value.clone(), span);
        }
    }
    let mut claim = |kind, namespace, name, span| claim_for("", kind, namespace, name, span);
    let with_account = platform
        .namespaces()
        .filter(|(id, _)| platform.has_account(*id));
    for (id, namespace) in with_account {
        let account = format_smolstr!("{}-sa", namespace.name.value);
        claim("ServiceAccount", id.0, account, namespace.name.span());
    }
    for (_, service) in platform.services() {
        let namespace = service.namespace.0;
        let name = &service.name;
        if !service.grants.is_empty() && service.account().is_none() {
            claim("ServiceAccount", namespace, name.value.clone(), name.span());
        }
        let own = service.configs.iter();
        for config in own.filter(|config| config.existing.is_none()) {
            claim(
                "ConfigMap",
                namespace,
                config.name.value.clone(),
                config.name.span(),
            );
        }
        for volume in service
            .volumes
            .iter()
            .filter(|volume| service.has_one_claim(volume))
        {
            claim(
                "PersistentVolumeClaim",
                namespace,
                volume.name.value.clone(),
                volume.name.span(),
            );
        }
    }
    for (id, service) in platform.services() {
        if edges.is_found_by_replica(platform, id) {
            let owner = &service.name;
            let name = format_smolstr!("{}-pods", owner.value);
            claim_for(
                &owner.value,
                "Service",
                service.namespace.0,
                name,
                owner.span(),
            );
        }
    }
    // The Services of a raw workload are manifests.
    let emitted = |address: &&Address| platform[address.port.service].raw.is_none();
    for address in platform.addresses.iter().filter(emitted) {
        let service = &platform[address.port.service];
        let suffix = match address.kind {
            AddressKind::LoadBalancer => "loadbalancer",
            AddressKind::NodePort(_) => "nodeport",
        };
        let owner = &service.name;
        let name = format_smolstr!("{}-{suffix}", owner.value);
        claim_for(
            &owner.value,
            "Service",
            service.namespace.0,
            name,
            owner.span(),
        );
    }
    lengths(platform, edges, out);
    descriptions(platform, out);
}

fn lengths(platform: &Platform, edges: &Edges, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        let kind = service.workload.kind();
        let name = service.workload_name();
        let what = format!("a {}", kind.name);
        // Without a suffix, its limit is that of every name, which resolution holds.
        match kind.suffix {
            Some(why) if service.workload != Workload::Job || service.has_hashed_name() => {
                report_length(&name.value, MAX_WITH_SUFFIX, &what, why, name.span(), out);
            }
            // Its pods carry the name in a label.
            Some(_) => report_length(&name.value, MAX_LABEL, &what, "", name.span(), out),
            None => {}
        }
    }
    for (id, service) in platform.services() {
        if edges.is_found_by_replica(platform, id) {
            let name = format!("{}-pods", service.name.value);
            let what = "its Service for single pods";
            report_length(&name, MAX_LABEL, what, "", service.name.span(), out);
        }
        volume_names(service, out);
        unnamed_ports(service, out);
    }
    // The Services of a raw workload are manifests.
    let emitted = |address: &&Address| platform[address.port.service].raw.is_none();
    for address in platform.addresses.iter().filter(emitted) {
        let service = &platform[address.port.service];
        let (suffix, what) = match address.kind {
            AddressKind::LoadBalancer => ("-loadbalancer", "its load balancer's Service"),
            AddressKind::NodePort(_) => ("-nodeport", "its node port's Service"),
        };
        let name = format!("{}{suffix}", service.name.value);
        report_length(&name, MAX_LABEL, what, "", service.name.span(), out);
    }
    for (_, namespace) in platform.namespaces() {
        let name = format!("{}-rolebinding", namespace.name.value);
        report_length(
            &name,
            MAX_LABEL,
            "its account's binding",
            "",
            namespace.name.span(),
            out,
        );
    }
}

/// A Service with several ports needs their names.
fn unnamed_ports(service: &Service, out: &mut Diagnostics) {
    for named in service.service_names() {
        let ports = service.ports.iter();
        let ports = ports.filter(|port| named.has_port(&port.name.value));
        let numbers = ports.map(|port| usize::from(port.last - port.number.value) + 1);
        let count: usize = numbers.sum();
        if named.is_unnamed && count > 1 {
            let message = format!(
                "the Service `{}` has {count} ports, which need names",
                named.name.value
            );
            out.push(
                Diagnostic::new(&codes::CONTRADICTION, message)
                    .at(named.name.span(), "`unnamed`")
                    .help("only a single port can do without a name: remove `unnamed`, or name one port with `for PORT`"),
            );
        }
    }
}

/// Volumes of a pod whose names are made of the names of containers and directories.
fn volume_names(service: &Service, out: &mut Diagnostics) {
    // What each name is made of: the same twice is reported as what it is.
    let mut taken: FxHashMap<String, (Span, &str)> = FxHashMap::default();
    let mut claim = |name: String, of, span: Span, what: &str| {
        report_length(&name, MAX_LABEL, what, "", span, out);
        match taken.insert(name.clone(), (span, of)) {
            Some((first, other)) if other != of => out.push(
                Diagnostic::new(
                    &codes::DUPLICATE_NAME,
                    format!("two volumes of a pod would have the name `{name}`"),
                )
                .at(span, "one here")
                .also(first, "the other here"),
            ),
            _ => {}
        }
    };
    // With `defaults kubernetes` no container gets a folder of its own.
    if service.is_strict() {
        let what = "the volume for `/tmp`";
        claim("tmp".to_owned(), "tmp", service.name.span(), what);
    }
    for volume in &service.volumes {
        let name = &volume.name;
        claim(name.value.to_string(), "volume", name.span(), "a volume");
    }
    let claims = service.claims.iter().map(|one| ("claim", &one.name));
    let scratch = service.scratch.iter().map(|one| ("scratch", &one.name));
    let configs = service.configs.iter().map(|one| ("config", &one.name));
    for (of, name) in claims.chain(scratch).chain(configs) {
        claim(name.value.to_string(), of, name.span(), "a volume");
    }
    for container in service.containers() {
        let is_main = container.name.value == service.main.name.value;
        // One that is not absolute is reported as a path.
        let paths = container.writable.iter();
        for path in paths.filter(|path| path.value.starts_with('/')) {
            let name = writable_volume(&container.name.value, is_main, &path.value);
            let what = "the volume of this writable directory";
            claim(name, path.value.trim_end_matches('/'), path.span(), what);
        }
        if !is_main && service.is_strict() {
            let name = &container.name;
            let what = "the volume for `/tmp` of this container";
            claim(format!("tmp-{}", name.value), "tmp", name.span(), what);
        }
    }
}

/// The most that the annotations of an object have together (Kubernetes: `TotalAnnotationSizeLimitB`); the
/// compiler adds short ones of its own.
const MAX_DESCRIPTION: usize = (256 << 10) - 1024;

/// Documentation comments and titles become annotations.
fn descriptions(platform: &Platform, out: &mut Diagnostics) {
    let services = platform.services().map(|(_, service)| {
        let title = service
            .properties
            .title
            .as_ref()
            .map(|title| title.value.as_str());
        (service.doc.as_deref().or(title), service.name.span())
    });
    let namespaces = platform
        .namespaces()
        .map(|(_, one)| (one.doc.as_deref(), one.name.span()));
    for (text, span) in services.chain(namespaces) {
        let bytes = text.map_or(0, str::len);
        if bytes > MAX_DESCRIPTION {
            out.push(
                Diagnostic::new(
                    &codes::CONFIG_TOO_LARGE,
                    format!("a description of {bytes} bytes; an annotation has at most {MAX_DESCRIPTION}"),
                )
                .at(span, "described above")
                .help("write a shorter `##` comment; a comment with one `#` stays in the source"),
            );
        }
    }
}

fn report_length(
    name: &str,
    limit: usize,
    what: &str,
    why: &str,
    span: Span,
    out: &mut Diagnostics,
) {
    if name.len() <= limit {
        return;
    }
    let mut diagnostic = Diagnostic::new(
        &codes::NAME_TOO_LONG,
        format!(
            "`{name}` has {} characters; the name of {what} has at most {limit}",
            name.len()
        ),
    )
    .at(span, format!("{} too many", name.len() - limit));
    if !why.is_empty() {
        diagnostic = diagnostic.help(why.to_owned());
    }
    out.push(diagnostic);
}

/// Names of ports: a service name of RFC 6335 §5.1 has at most 15 characters, a letter, and no
/// two `-` in a row.
pub(crate) fn port_names(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        for port in &service.ports {
            let name = port.name.value.as_str();
            let fact = if name.len() > 15 {
                format!("it has {} characters, at most 15 are allowed", name.len())
            } else if name.contains("--") {
                "it has two `-` in a row".to_owned()
            } else {
                continue;
            };
            let diagnostic = Diagnostic::new(
                &codes::BAD_NAME,
                format!("invalid port name `{name}`: {fact}"),
            )
            .at(port.name.span(), "this port")
            .help("RFC 6335 §5.1 says how the names of services on ports are formed");
            out.push(of_service(diagnostic, port.name.origin, service));
        }
    }
}
