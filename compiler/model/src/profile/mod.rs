//! Profiles: one source for every environment. A program is resolved under each of its profiles; the one that is
//! asked for becomes a [`Platform`] of its own with [`Platform::under`].

mod without;

use erpc_diagnostics::{Diagnostic, codes, listed, nearest};

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::ids::Id;
use crate::platform::{ClusterId, Platform, Profile, ProfileId};

pub(crate) use without::{Kept, without};

impl Platform {
    /// The profile of a name.
    #[must_use]
    pub fn profile_named(&self, name: &str) -> Option<ProfileId> {
        let position = self.profiles.iter().position(|p| p.name.value == name)?;
        Some(ProfileId::from_index(position))
    }

    /// The platform under the profile of a name.
    ///
    /// # Errors
    ///
    /// The finding that there is no such profile.
    pub fn under_named(&self, name: &str) -> Result<Self, Box<Diagnostic>> {
        match self.profile_named(name) {
            Some(id) => Ok(self.under(id)),
            None => {
                let known = self.profiles.iter().map(|p| p.name.value.as_str());
                let unknown =
                    unknown_profile(name, known).at(self.name.span(), "does not declare it");
                Err(Box::new(unknown))
            }
        }
    }

    /// The platform under one of its profiles: without one, if that has errors.
    #[must_use]
    pub fn under(&self, id: ProfileId) -> Self {
        let resolved = self[id].platform.as_deref();
        Self {
            profile: Some(id),
            profiles: self.profiles.clone(),
            ..resolved.unwrap_or(self).clone()
        }
    }

    /// The platform as declared, with those of its namespaces and services that are on under a profile, and on its
    /// cluster if that is declared outside of the profile too.
    #[must_use]
    pub fn limited_to(&self, under: &Self) -> Self {
        let mut limited = self.clone();
        let name = &under.cluster().name.value;
        let mut clusters = self.clusters.iter();
        if let Some(at) = clusters.position(|cluster| cluster.name.value == *name) {
            limited.cluster = ClusterId::from_index(at);
        }
        let names = under
            .namespaces()
            .map(|(_, namespace)| &namespace.name.value);
        let names: FxHashSet<&SmolStr> = names.collect();
        let paths: FxHashSet<String> = under.workloads().map(|(id, _)| under.path(id)).collect();
        let namespaces = self.namespaces();
        let namespaces = namespaces.map(|(_, namespace)| names.contains(&namespace.name.value));
        let services = self
            .workloads()
            .map(|(id, _)| paths.contains(&self.path(id)));
        let kept = Kept {
            namespaces: namespaces.collect(),
            services: services.collect(),
            ..Kept::all(self)
        };
        if kept
            .namespaces
            .iter()
            .chain(&kept.services)
            .all(|is_kept| *is_kept)
        {
            return limited;
        }
        without(limited, &kept)
    }

    /// All profiles with their ids.
    pub fn profiles(&self) -> impl Iterator<Item = (ProfileId, &Profile)> {
        (0..).map(ProfileId).zip(&self.profiles)
    }

    /// A profile and those that it `is`, lowest first.
    #[must_use]
    pub fn layers(&self, id: ProfileId) -> Vec<ProfileId> {
        layers(&self.profiles, id)
    }

    /// The layers of the profile under which this platform is.
    #[must_use]
    pub fn layers_applied(&self) -> Vec<ProfileId> {
        self.profile.map_or_else(Vec::new, |id| self.layers(id))
    }
}

/// A profile and those that it `is`, lowest first. A cycle, which is an error of the program, ends where it closes.
pub(crate) fn layers(profiles: &[Profile], id: ProfileId) -> Vec<ProfileId> {
    let mut layers = vec![id];
    let mut next = profiles[id.index()].base.as_ref();
    while let Some(base) = next {
        if layers.contains(&base.value) {
            break;
        }
        layers.push(base.value);
        next = profiles[base.value.index()].base.as_ref();
    }
    layers.reverse();
    layers
}

impl std::ops::Index<ProfileId> for Platform {
    type Output = Profile;

    fn index(&self, id: ProfileId) -> &Profile {
        &self.profiles[id.index()]
    }
}

/// That a profile is declared nowhere, with the nearest that is; without a place.
pub(crate) fn unknown_profile<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Diagnostic {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let diagnostic = Diagnostic::new(&codes::UNKNOWN_PROFILE, format!("unknown profile `{name}`"));
    match nearest(name, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => {
            diagnostic.help(format!("declare it: `profile {name} {{ … }}`"))
        }
        None => diagnostic.help(format!("the profiles are {}", listed(known, 12))),
    }
}
