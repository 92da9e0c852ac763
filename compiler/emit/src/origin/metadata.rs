//! Names, labels and annotations of every object.

use erpc_model::{Namespace, NamespaceId};
use erpc_policy::{NAME_LABEL, PodSecurity};

use super::{Answer, Cause, Context, Part::Key as K, Path, always, by_name, one};
use crate::Object;
use crate::kubernetes::{COMPONENT_LABEL, CONFIG_DIGEST, DESCRIPTION, PART_OF_LABEL};

/// Behind `metadata` of an object.
pub(super) fn of(context: &Context<'_>, path: Path<'_>) -> Answer {
    match path {
        [K("name")] => match context.of_service() {
            Some(service) if service.name.value == context.object.name() => one(by_name(service)),
            Some(service) if matches!(context.object, Object::Job(_)) => one(Cause::said(
                "the name of the job, and a hash of its spec",
                &service.name,
            )),
            _ => Some(context.of_object()),
        },
        [K("namespace")] => {
            let (_, namespace) = namespace(context)?;
            one(Cause::said("the name of the namespace", &namespace.name))
        }
        [K("labels"), K(key)] => label(context, key),
        [K("annotations"), K(key)] => annotation(context, key),
        _ => None,
    }
}

/// A label of an object or of its pods.
pub(super) fn label(context: &Context<'_>, key: &str) -> Answer {
    let platform = context.platform;
    if let Some((id, namespace)) = namespace(context) {
        let own = namespace.labels.iter().find(|(name, _)| name == key);
        if let Some((_, value)) = own.filter(|_| context.service.is_none()) {
            return one(Cause::said("a label of the namespace", value));
        }
        if key.starts_with("pod-security.kubernetes.io/") {
            return Some(pod_security(context, id));
        }
        if key == COMPONENT_LABEL {
            return one(Cause::said("the tier of the namespace", &namespace.tier));
        }
    }
    match key {
        PART_OF_LABEL => one(Cause::said("the name of the platform", &platform.name)),
        NAME_LABEL => one(by_name(context.of_service()?)),
        _ => None,
    }
}

/// An annotation of an object or of its pods.
pub(super) fn annotation(context: &Context<'_>, key: &str) -> Answer {
    match key {
        DESCRIPTION => {
            let (doc, title, name) = match context.of_service() {
                Some(service) => (&service.doc, &service.properties.title, &service.name),
                None => {
                    let (_, namespace) = namespace(context)?;
                    (&namespace.doc, &namespace.title, &namespace.name)
                }
            };
            match (doc, title) {
                (None, Some(title)) => one(Cause::said("its title, as it has no `##`", title)),
                _ => one(Cause::said("the `##` above this declaration", name)),
            }
        }
        CONFIG_DIGEST => {
            let configs = context.of_service()?.configs.iter();
            let why = "changes with the mounted files, so that their readers restart";
            Some(
                configs
                    .map(|config| Cause::said(why, &config.name))
                    .collect(),
            )
        }
        "storageclass.kubernetes.io/is-default-class" => {
            let mut classes = context.platform.cluster().storage.iter();
            let class = classes.find(|class| class.name.value == context.object.name())?;
            one(Cause::said("the cluster calls it `default`", &class.name))
        }
        _ => None,
    }
}

/// The namespace that the object is in, is, or whose service it belongs to.
pub(super) fn namespace<'c>(context: &Context<'c>) -> Option<(NamespaceId, &'c Namespace)> {
    if let Some(service) = context.of_service() {
        return Some((service.namespace, &context.platform[service.namespace]));
    }
    let object = context.object;
    let name = object.namespace().unwrap_or_else(|| object.name());
    let mut namespaces = context.platform.namespaces();
    namespaces.find(|(_, namespace)| namespace.name.value == name)
}

/// What lowers the level of the namespace, or that nothing does.
fn pod_security(context: &Context<'_>, id: NamespaceId) -> Vec<Cause> {
    let platform = context.platform;
    let level = PodSecurity::of_namespace(platform, id);
    if level == PodSecurity::Restricted {
        return always("every pod keeps to `restricted` unless its service asks for more")
            .unwrap_or_default();
    }
    let mut causes = Vec::new();
    for service in platform[id].services.iter().map(|id| &platform[*id]) {
        if level == PodSecurity::Privileged {
            let ports = service.ports.iter().filter(|port| port.host);
            causes
                .extend(ports.map(|port| Cause::said("a port on the node needs it", &port.number)));
        }
        let capabilities = service
            .containers()
            .flat_map(|container| &container.capabilities);
        let need = capabilities.filter(|c| PodSecurity::of_capability(&c.value) == level);
        causes.extend(need.map(|capability| Cause::said("a capability needs it", capability)));
    }
    causes
}
