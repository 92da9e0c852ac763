//! What patched pods refer to: a ConfigMap, a Secret or a claim that the platform neither makes nor declares, or a key
//! that it does not have. The server accepts the pods, and they never start. It is a warning, since the object may be
//! created outside of the platform.

use std::collections::{BTreeSet, HashMap, HashSet};

use erpc_diagnostics::{Diagnostic, codes, listed, nearest};
use erpc_model::{NamespaceId, Platform, Service, ServiceId};
use smol_str::SmolStr;

use super::{cause_of, of_component};
use crate::patch::{in_patch, place_of};
use crate::validate::{Reference, Target, references};
use crate::view::FieldPath;
use crate::{Kind, Object};

/// The ConfigMap that Kubernetes makes in each namespace, and its key.
const ROOT_CERTIFICATES: (&str, &str) = ("kube-root-ca.crt", "ca.crt");

/// The keys of an object; `None` if not all of them are known.
type Keys = Option<BTreeSet<SmolStr>>;

/// What there is for pods to refer to.
pub(super) struct Existing<'p> {
    platform: &'p Platform,
    config_maps: HashMap<(NamespaceId, &'p str), Keys>,
    claims: HashSet<(NamespaceId, &'p str)>,
    /// Claims of each replica, less their number: `data-db` for `data-db-0`.
    of_replicas: HashSet<(NamespaceId, String)>,
}

impl<'p> Existing<'p> {
    pub(super) fn new(platform: &'p Platform) -> Self {
        let mut all = Self {
            platform,
            config_maps: HashMap::new(),
            claims: HashSet::new(),
            of_replicas: HashSet::new(),
        };
        for (_, service) in platform.services() {
            let namespace = service.namespace;
            let mut kinds = service.patches.iter().map(|patch| &patch.kind.value);
            let is_patched = kinds.any(|kind| kind == "configmap");
            for existing in service
                .configs
                .iter()
                .filter_map(|config| config.existing.as_ref())
            {
                let name = existing.value.as_str();
                all.config_maps.entry((namespace, name)).or_insert(None);
            }
            for claim in &service.claims {
                all.claims.insert((namespace, claim.claim.value.as_str()));
            }
            let own = service.configs.iter();
            for config in own.filter(|config| config.existing.is_none()) {
                let keys = config.files.iter().map(|(name, _)| name.clone());
                let keys = (!is_patched).then(|| keys.collect());
                let name = config.name.value.as_str();
                all.config_maps.insert((namespace, name), keys);
            }
            for volume in &service.volumes {
                let name = volume.name.value.as_str();
                if service.has_one_claim(volume) {
                    all.claims.insert((namespace, name));
                } else {
                    let name = format!("{name}-{}", service.name.value);
                    all.of_replicas.insert((namespace, name));
                }
            }
        }
        all
    }

    /// The keys of what a reference leads to; `None` if it leads nowhere.
    fn find(&self, namespace: NamespaceId, reference: &Reference) -> Option<Keys> {
        let name = reference.name.as_str();
        match reference.target {
            Target::ConfigMap if name == ROOT_CERTIFICATES.0 => {
                Some(Some(BTreeSet::from([ROOT_CERTIFICATES.1.into()])))
            }
            Target::ConfigMap => self.config_maps.get(&(namespace, name)).cloned(),
            Target::Claim => {
                let of_replica = name.rsplit_once('-').filter(|(_, number)| {
                    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
                });
                let is_of_replica = of_replica.is_some_and(|(name, _)| {
                    self.of_replicas.contains(&(namespace, name.to_owned()))
                });
                (is_of_replica || self.claims.contains(&(namespace, name))).then_some(None)
            }
            Target::Secret => {
                let mut secrets = self.secrets(namespace);
                let found = secrets.find(|secret| secret.name.value == name)?;
                Some(Some(
                    found.keys.iter().map(|key| key.value.clone()).collect(),
                ))
            }
        }
    }

    /// The secrets that are declared for a namespace.
    fn secrets(&self, namespace: NamespaceId) -> impl Iterator<Item = &'p erpc_model::Secret> {
        let secrets = self.platform.secrets.iter();
        secrets.filter(move |secret| secret.namespace.is_none_or(|of| of == namespace))
    }

    /// The name that was probably meant.
    fn nearest(&self, namespace: NamespaceId, reference: &Reference) -> Option<&'p str> {
        let name = reference.name.as_str();
        match reference.target {
            Target::ConfigMap => {
                let all = self.config_maps.keys();
                nearest(
                    name,
                    all.filter(|(of, _)| *of == namespace)
                        .map(|(_, name)| *name),
                )
            }
            Target::Claim => {
                let all = self.claims.iter();
                nearest(
                    name,
                    all.filter(|(of, _)| *of == namespace)
                        .map(|(_, name)| *name),
                )
            }
            Target::Secret => {
                let all = self.secrets(namespace);
                nearest(name, all.map(|secret| secret.name.value.as_str()))
            }
        }
    }
}

/// What the pods of a service's workload refer to and is not there.
pub(super) fn missing(
    existing: &Existing<'_>,
    id: ServiceId,
    object: &Object,
    own: &[&Object],
) -> Vec<Diagnostic> {
    let platform = existing.platform;
    let service = &platform[id];
    let namespace = service.namespace;
    let mut out = Vec::new();
    for reference in references(object.root()) {
        let keys = own_keys(own, &reference).or_else(|| existing.find(namespace, &reference));
        match (keys, &reference.key) {
            (None, _) => out.push(no_object(existing, id, object, &reference)),
            (Some(Some(keys)), Some((key, path))) if !keys.contains(key.as_str()) => {
                out.push(no_key(service, object, &reference, (key, path), &keys));
            }
            _ => {}
        }
    }
    out
}

/// The keys of a ConfigMap of the service itself, as patches have left it.
fn own_keys(own: &[&Object], reference: &Reference) -> Option<Keys> {
    let mut own = own.iter();
    let found = own.find(|object| {
        reference.target == Target::ConfigMap
            && object.kind() == Kind::ConfigMap
            && object.name() == reference.name
    })?;
    let maps = ["data", "binaryData"].into_iter();
    let maps = maps.filter_map(|name| found.at(&[name])?.as_map());
    let keys = maps.flat_map(crate::tree::Map::iter);
    Some(Some(keys.map(|(key, _)| key.clone()).collect()))
}

fn no_object(
    existing: &Existing<'_>,
    id: ServiceId,
    object: &Object,
    reference: &Reference,
) -> Diagnostic {
    let service = &existing.platform[id];
    let (kind, name) = (reference.target.as_str(), reference.name.escape_debug());
    let message = format!(
        "`{}` needs the {kind} `{name}`, which the platform does not have: its pods stay in `{}`",
        service.name.value,
        reference.stuck_in()
    );
    let found = finding(service, object, &reference.path, message);
    match existing.nearest(service.namespace, reference) {
        Some(near) => found.help(format!("did you mean `\"{near}\"`?")),
        None if reference.target == Target::Secret => {
            let key = reference.key.as_ref();
            let key = key.map_or("…", |(key, _)| key.as_str());
            found.help(format!(
                "declare a Secret that is created outside of the platform: `secret {name} {{ keys \"{key}\" }}`"
            ))
        }
        None => found.help(format!(
            "if it is created outside of the platform, write `accept {} for {} because \"…\"`",
            codes::MISSING_OBJECT.id,
            existing.platform.path(id)
        )),
    }
}

fn no_key(
    service: &Service,
    object: &Object,
    reference: &Reference,
    (key, path): (&str, &FieldPath),
    keys: &BTreeSet<SmolStr>,
) -> Diagnostic {
    let message = format!(
        "`{}` needs the key `{}` of the {} `{}`, which does not have it: its pods stay in `{}`",
        service.name.value,
        key.escape_debug(),
        reference.target.as_str(),
        reference.name.escape_debug(),
        reference.stuck_in()
    );
    let known = keys.iter().map(SmolStr::as_str);
    let found = finding(service, object, path, message);
    match nearest(key, known.clone()) {
        Some(near) => found.help(format!("did you mean `\"{near}\"`?")),
        None => found.help(format!("it has {}", listed(known, 12))),
    }
}

/// A finding at the patch, or the statement, that set a field.
fn finding(service: &Service, object: &Object, path: &FieldPath, message: String) -> Diagnostic {
    let found = Diagnostic::new(&codes::MISSING_OBJECT, message);
    let cause = cause_of(object, path);
    match cause.as_ref().and_then(|cause| place_of(service, cause)) {
        Some(place) => {
            let found = found.at(place.span, format!("`{}`", place.path(path)));
            in_patch(found, service, place.patch)
        }
        None => {
            let origin = cause.map_or(service.name.origin, |cause| cause.origin);
            of_component(found.at(origin.span, "set here"), origin, service)
        }
    }
}
