//! Profiles: one source for every environment. A profile is a layer above the services; here is
//! what it says, resolved, and what of it takes effect. Every profile is looked at in every run;
//! the one that is asked for becomes a [`Platform`] of its own with [`Platform::under`].

mod apply;
mod effects;
mod without;

use erpc_diagnostics::{Diagnostic, codes, listed, nearest};

use crate::ids::Id;
use crate::platform::{Platform, Profile, ProfileId};

pub(crate) use effects::check_profiles;

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

    /// All profiles with their ids.
    pub fn profiles(&self) -> impl Iterator<Item = (ProfileId, &Profile)> {
        (0..).map(ProfileId).zip(&self.profiles)
    }

    /// A profile and those that it `is`, lowest first. A circle, which is an error of the program,
    /// ends where it closes.
    #[must_use]
    pub fn layers(&self, id: ProfileId) -> Vec<ProfileId> {
        let mut layers = vec![id];
        let mut next = self[id].base.as_ref();
        while let Some(base) = next {
            if layers.contains(&base.value) {
                break;
            }
            layers.push(base.value);
            next = self[base.value].base.as_ref();
        }
        layers.reverse();
        layers
    }

    /// The layers of the profile under which this platform is.
    #[must_use]
    pub fn layers_applied(&self) -> Vec<ProfileId> {
        self.profile.map_or_else(Vec::new, |id| self.layers(id))
    }
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
    let diagnostic = Diagnostic::new(
        &codes::UNKNOWN_PROFILE,
        format!("there is no profile `{name}`"),
    );
    match nearest(name, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => {
            diagnostic.help(format!("declare it: `profile {name} {{ … }}`"))
        }
        None => diagnostic.help(format!("the profiles are {}", listed(known, 12))),
    }
}
