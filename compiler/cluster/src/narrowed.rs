//! The part of a platform that `--only` selects, and what a run about it does not look at.

use std::collections::{BTreeSet, HashMap, HashSet};

use erpc_emit::Kind;
use erpc_model::{Peer, ServiceId};
use serde_json::Value;
use smol_str::SmolStr;

use crate::change::Moved;
use crate::equal::is_certainly_equal;
use crate::failure::Failure;
use crate::live::Live;
use crate::object::{NAME, ObjectId};
use crate::program::{PodIndex, Program};
use crate::selection::{Selection, namespace_of, unknown};

impl<'p> Program<'p> {
    /// The part of the program that `--only` selects.
    #[must_use]
    pub fn narrowed(&self, names: &[String]) -> Program<'p> {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        let platform = self.platform;
        let namespaces: BTreeSet<SmolStr> = platform
            .namespaces()
            .map(|(_, namespace)| namespace.name.value.clone())
            .chain(
                names
                    .iter()
                    .filter(|name| !name.contains('.'))
                    .map(SmolStr::new),
            )
            .filter(|name| names.iter().any(|selected| selected == name))
            .collect();
        let services: BTreeSet<ServiceId> = platform
            .services()
            .filter(|(id, service)| {
                namespaces.contains(&platform[service.namespace].name.value)
                    || names.contains(&platform.path(*id))
            })
            .map(|(id, _)| id)
            .collect();
        let of_services = services
            .iter()
            .map(|id| platform[platform[*id].namespace].name.value.clone());
        let touched = of_services.chain(namespaces.iter().cloned()).collect();
        let mut selection = Selection {
            digest: self.digest(),
            names,
            services,
            namespaces,
            touched,
            shared: HashSet::new(),
            outside: HashMap::new(),
        };
        let mut objects = Vec::new();
        for object in &self.objects {
            let namespace = namespace_of(&object.id);
            let is_in = |names: &BTreeSet<SmolStr>| namespace.is_some_and(|n| names.contains(n));
            let is_selected = match object.service {
                Some(service) => selection.services.contains(&service),
                None if is_in(&selection.namespaces) => true,
                None => {
                    let is_shared = object.id.namespace.is_none()
                        && object.id.kind != Kind::Namespace
                        || is_in(&selection.touched);
                    if is_shared {
                        selection.shared.insert(object.id.clone());
                    }
                    is_shared
                }
            };
            if is_selected {
                objects.push(object.clone());
            } else {
                let (id, body) = (object.id.clone(), object.body.clone());
                selection.outside.insert(id, body);
            }
        }
        let part = Program {
            platform,
            derived: self.derived,
            sources: self.sources,
            objects: Vec::new(),
            others: Vec::new(),
            profile: self.profile.clone(),
            manager: self.manager.clone(),
            source_id: self.source_id.clone(),
            workloads: HashMap::new(),
            pods: PodIndex::of(platform),
            selection: Some(selection),
        };
        part.with_objects(objects)
    }

    /// What `--only` selects, as it was written; empty for the whole platform.
    #[must_use]
    pub fn only(&self) -> &[String] {
        self.selection.as_ref().map_or(&[], Selection::names)
    }

    /// Whether the platform has an object, in or outside of the selection.
    pub(crate) fn declares(&self, id: &ObjectId) -> bool {
        self.object(id).is_some() || self.is_outside(id)
    }

    /// Whether an object of the platform is outside of the selection.
    pub(crate) fn is_outside(&self, id: &ObjectId) -> bool {
        let selection = self.selection.as_ref();
        selection.is_some_and(|selection| selection.outside.contains_key(id))
    }

    /// Whether an object is created if it is missing, and left as it is otherwise.
    pub(crate) fn is_shared(&self, id: &ObjectId) -> bool {
        let selection = self.selection.as_ref();
        selection.is_some_and(|selection| selection.shared.contains(id))
    }

    /// Whether the run is about a service.
    pub(crate) fn selects(&self, service: ServiceId) -> bool {
        let selection = self.selection.as_ref();
        selection.is_none_or(|selection| selection.services.contains(&service))
    }

    /// Whether the run is about something in a namespace.
    pub(crate) fn touches(&self, namespace: &str) -> bool {
        let selection = self.selection.as_ref();
        selection.is_none_or(|selection| selection.touched.contains(namespace))
    }

    /// Whether the run is about an object that the platform does not declare any more.
    pub(crate) fn selects_leftover(
        &self,
        id: &ObjectId,
        live: &Value,
        moved: Option<&Moved>,
    ) -> bool {
        let Some(selection) = &self.selection else {
            return true;
        };
        if let Some(service) = moved.and_then(|moved| moved.service) {
            return selection.services.contains(&service);
        }
        let Some(namespace) = namespace_of(id) else {
            return false;
        };
        let name = live["metadata"]["labels"][NAME].as_str();
        selection.namespaces.contains(namespace)
            || name.is_some_and(|name| selection.names_service(namespace, name))
    }

    /// Fails for a name that neither the platform nor what is left of it in the cluster has.
    pub(crate) fn check_selection(&self, live: &Live) -> Result<(), Failure> {
        let Some(selection) = &self.selection else {
            return Ok(());
        };
        let platform = self.platform;
        let mut known: BTreeSet<String> = platform
            .services()
            .map(|(id, _)| platform.path(id))
            .collect();
        known.extend(platform.namespaces().map(|(_, n)| n.name.value.to_string()));
        let is_known = |known: &BTreeSet<String>| selection.names.iter().all(|n| known.contains(n));
        if is_known(&known) {
            return Ok(());
        }
        let left = live.inventory.iter().flat_map(|i| &i.objects);
        for id in left.filter(|id| !self.declares(id)) {
            let Some(namespace) = namespace_of(id) else {
                continue;
            };
            known.insert(namespace.to_owned());
            let object = live.get(id).unwrap_or_default();
            if let Some(name) = object["metadata"]["labels"][NAME].as_str() {
                known.insert(format!("{namespace}.{name}"));
            }
        }
        let mut names = selection.names.iter();
        match names.find(|name| !known.contains(*name)) {
            None => Ok(()),
            Some(name) => Err(unknown(
                "--only",
                name,
                "namespace or service",
                known.iter().map(String::as_str),
            )),
        }
    }

    /// Peers of the selected services whose own policies are outside of the selection and not as the
    /// platform declares them: flows between them may stay as they are.
    pub(crate) fn peers_outside(&self, live: &Live) -> Vec<String> {
        let Some(selection) = &self.selection else {
            return Vec::new();
        };
        let mut peers = BTreeSet::new();
        for edge in self.derived.edges.as_slice() {
            if let (Peer::Service(from), Peer::Service(to)) = (edge.from, edge.to) {
                match (self.selects(from), self.selects(to)) {
                    (true, false) => peers.insert(to),
                    (false, true) => peers.insert(from),
                    _ => false,
                };
            }
        }
        let differs = |service: &ServiceId| {
            let model = &self.platform[*service];
            let id = ObjectId {
                namespace: Some(self.platform[model.namespace].name.value.clone()),
                kind: Kind::NetworkPolicy,
                name: model.name.value.clone(),
            };
            let (declared, live) = (selection.outside.get(&id), live.get(&id));
            declared.is_some_and(|declared| {
                !live.is_some_and(|live| {
                    is_certainly_equal(self.manager(), &declared.value(), &live)
                })
            })
        };
        let peers = peers.into_iter().filter(differs);
        peers.map(|service| self.platform.path(service)).collect()
    }
}
