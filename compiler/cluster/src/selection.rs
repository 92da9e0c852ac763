//! `--only NAMESPACE[.SERVICE]`: a run about a part of a platform.
//!
//! A namespace means everything in it, with the namespace itself. A service means its own objects: its
//! workload, Service, ConfigMaps, claims, policies, autoscaler, budget, Ingress, accounts and roles. What
//! these share with others (namespaces with their `default-deny`, quotas, accounts and roles; storage
//! and ingress classes) is created if it is missing, and otherwise left as it is. Everything else is
//! outside of the run: it is neither compared nor written, pruned or waited for.

use std::collections::{BTreeSet, HashMap, HashSet};

use erpc_emit::Kind;
use erpc_model::{ServiceId, listed, nearest};
use smol_str::SmolStr;

use crate::failure::Failure;
use crate::object::{ObjectId, Packed};

/// What `--only` selects.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// As they were written.
    pub(crate) names: Vec<String>,
    pub(crate) services: BTreeSet<ServiceId>,
    /// Namespaces that are selected as a whole.
    pub(crate) namespaces: BTreeSet<SmolStr>,
    /// Namespaces that are selected or have a selected service.
    pub(crate) touched: BTreeSet<SmolStr>,
    /// What is created if it is missing, and left as it is otherwise.
    pub(crate) shared: HashSet<ObjectId>,
    /// What the platform declares outside of the selection.
    pub(crate) outside: HashMap<ObjectId, Packed>,
    /// The digest of the whole platform.
    pub(crate) digest: String,
}

impl Selection {
    /// The digest of the whole platform.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// As they were written.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn names_service(&self, namespace: &str, service: &str) -> bool {
        let mut names = self.names.iter().filter_map(|name| name.split_once('.'));
        names.any(|name| name == (namespace, service))
    }
}

/// The namespace that an object belongs to; a namespace belongs to itself.
pub(crate) fn namespace_of(id: &ObjectId) -> Option<&str> {
    match id.kind {
        Kind::Namespace => Some(&id.name),
        _ => id.home(),
    }
}

/// A name that is not there, with the nearest one.
pub(crate) fn unknown<'n>(
    flag: &str,
    name: &str,
    what: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Failure {
    const MOST: usize = 8;
    let known: Vec<&str> = known.into_iter().collect();
    let failure = Failure::new(format!("{flag}: there is no {what} `{name}`")).usage();
    match nearest(name, known.iter().copied()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => failure,
        None => failure.help(format!("expected one of {}", listed(known, MOST))),
    }
}
