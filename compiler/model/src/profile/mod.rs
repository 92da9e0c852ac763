//! Profiles: one source for every environment. A profile is a layer above the services; here is
//! what it says, resolved, and what of it takes effect. Every profile is looked at in every run;
//! the one that is asked for becomes a [`Platform`] of its own with [`Platform::under`].

mod apply;
mod effects;
mod without;

use erpc_diagnostics::{Diagnostic, Span};
use smol_str::SmolStr;

use crate::accept::Accept;
use crate::origin::Sourced;
use crate::platform::{Autoscale, ClusterId, Image, NamespaceId, Platform, ProfileId, ServiceId};
use crate::resolve::unknown_profile;
use crate::statements::ServiceProperties;
use crate::units::{Cpu, Memory, Range};

pub(crate) use effects::check_profiles;

/// `profile NAME [is OTHER] { }`.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// `##` above it.
    pub doc: Option<String>,
    /// `is OTHER`: what that one says lies below.
    pub base: Option<Sourced<ProfileId>>,
    /// What it says, in source order.
    pub overrides: Vec<Override>,
    /// `accept CODE` that counts under this profile only.
    pub accepts: Vec<Accept>,
}

/// `PATH = VALUE` of a profile.
#[derive(Clone, Debug)]
pub struct Override {
    /// Whom it is about.
    pub target: Target,
    /// Which property of theirs.
    pub slot: Slot,
    /// What it becomes.
    pub change: Sourced<Change>,
    /// The path.
    pub path: Span,
    /// How many `*` are in the path: a path with fewer says it more exactly, and wins.
    pub stars: u8,
}

/// Whom an override is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The platform itself.
    Platform,
    /// Namespaces, sorted.
    Namespaces(Vec<NamespaceId>),
    /// Services, sorted.
    Services(Vec<ServiceId>),
}

/// A property that a profile may set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// `cluster` of the platform.
    Cluster,
    /// The namespace or service as such: only `off`.
    Whole,
    /// `replicas`.
    Replicas,
    /// `scale`.
    Scale,
    /// `cpu` of the main container, or of a sidecar or init container by name.
    Cpu(Option<SmolStr>),
    /// `memory`, likewise.
    Memory(Option<SmolStr>),
    /// `image`, likewise.
    Image(Option<SmolStr>),
    /// `volume.NAME`: its size.
    Volume(SmolStr),
    /// A plain statement, by its word.
    Statement(&'static str),
    /// `host`, or `host."NAME"` where a service has several.
    Host(Option<SmolStr>),
    /// `quota` of a namespace as a whole: only `off`.
    Quota,
    /// `quota.PART` of a namespace.
    QuotaPart(QuotaPart),
}

/// A part of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaPart {
    /// `cpu`
    Cpu,
    /// `memory`
    Memory,
    /// `pods`
    Pods,
    /// `storage`
    Storage,
}

/// What a property becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Removed, or back to the default of the language.
    Off,
    /// Another cluster.
    Cluster(ClusterId),
    /// A number: of replicas, of pods in a quota.
    Count(u32),
    /// Another scale.
    Scale(ScaleChange),
    /// Request and limit.
    Cpu(Range<Cpu>),
    /// Request and limit.
    Memory(Range<Memory>),
    /// Another image.
    Image(Image),
    /// A size of storage.
    Size(Memory),
    /// A host of a route.
    Host(SmolStr),
    /// A layer that sets one plain statement.
    Statement(Box<ServiceProperties>),
}

/// `A..B [on cpu P, memory P]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleChange {
    /// Least and greatest.
    pub replicas: Range<u32>,
    /// What it scales on, where it is said; what the service says, where not.
    pub measures: Option<Autoscale>,
}

impl Platform {
    /// The profile of a name.
    #[must_use]
    pub fn profile_named(&self, name: &str) -> Option<ProfileId> {
        let position = self.profiles.iter().position(|p| p.name.value == name)?;
        u32::try_from(position).ok().map(ProfileId)
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
