//! The profile under which a program is resolved, as far as its statements were read.

use std::collections::BTreeMap;

use erpc_diagnostics::Span;
use erpc_syntax::tree::{Arg, Ident, Segment, Statement};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::platform::{Accept, ExternalId, NamespaceId, ProfileId, ServiceId};
use crate::properties::Word;

/// The profile under which a program is resolved.
#[derive(Default)]
pub(super) struct Under<'a> {
    /// Its name; empty without a profile.
    pub(super) name: SmolStr,
    /// The profile and those that it `is`, lowest first; empty without a profile.
    pub(super) layers: Vec<ProfileId>,
    /// `PATH = VALUE`, those of the lowest profile first.
    pub(super) overrides: Vec<Override<'a>>,
    /// Which of them set something of the platform, of a namespace, of a service.
    pub(super) of_platform: Vec<usize>,
    pub(super) of_namespaces: FxHashMap<NamespaceId, Vec<usize>>,
    pub(super) of_services: FxHashMap<ServiceId, Vec<usize>>,
    /// Statements of the platform that stand in the profiles.
    pub(super) statements: Vec<(ProfileId, Vec<&'a Statement>)>,
    /// Whether the profiles hold statements, beside paths.
    pub(super) has_statements: bool,
    /// `namespace NAME off`, `service NAME off`, `external NAME off`.
    pub(super) switches: Vec<Switch>,
    /// What is off, and the line that says so.
    pub(super) namespaces_off: BTreeMap<NamespaceId, Span>,
    pub(super) services_off: BTreeMap<ServiceId, Span>,
    pub(super) externals_off: BTreeMap<ExternalId, Span>,
    /// What the profile itself set, to find lines that change nothing.
    pub(super) applied: Vec<Applied>,
    /// `accept` of the profile itself.
    pub(super) accepts: Vec<Accept>,
}

impl Under<'_> {
    /// Whether the profile switches nothing off.
    pub(super) fn is_all_on(&self) -> bool {
        self.namespaces_off.is_empty()
            && self.services_off.is_empty()
            && self.externals_off.is_empty()
    }

    /// Notes what the host that a line sets does to the routes of a service.
    pub(super) fn routed(&mut self, number: usize, is_matched: bool, is_useful: bool) {
        let line = &mut self.overrides[number];
        line.is_matched |= is_matched;
        line.is_useful |= is_useful;
    }
}

/// A statement of a profile that switches something off.
pub(super) struct Switch {
    pub(super) what: Switched,
    pub(super) profile: ProfileId,
    pub(super) statement: Span,
}

/// What a profile switches off.
pub(super) enum Switched {
    /// `namespace NAME off`.
    Namespace(Ident),
    /// `service NAME off` in a namespace.
    Service(Ident, Ident),
    /// `external NAME off`.
    External(Ident),
}

/// Of whom profiles set something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The platform itself.
    Platform,
    /// A namespace.
    Namespace(NamespaceId),
    /// A service or job.
    Service(ServiceId),
}

/// `PATH = VALUE` of a profile.
#[derive(Clone)]
pub(super) struct Override<'a> {
    pub(super) statement: &'a Statement,
    pub(super) args: &'a [Arg],
    pub(super) path: Span,
    /// How many `*` are in the path.
    pub(super) stars: usize,
    /// The place of its profile among the layers.
    pub(super) layer: usize,
    pub(super) owners: Vec<Owner>,
    pub(super) meant: Meant<'a>,
    /// Whether it stands in the profile itself, not in one that this `is`.
    pub(super) is_own: bool,
    /// Whether something has what it sets.
    pub(super) is_matched: bool,
    /// Whether something is otherwise because of it.
    pub(super) is_useful: bool,
}

/// What a path sets of its owners.
#[derive(Clone)]
pub(super) enum Meant<'a> {
    /// The owner as a whole, which can only be off.
    Whole,
    /// A statement by its word and key, or the part of it that the rest of the path names.
    Statement(&'static Word, SmolStr, &'a [Segment]),
}

/// A setting of the profile itself.
pub(super) struct Applied {
    pub(super) owner: Owner,
    pub(super) word: &'static str,
    pub(super) key: SmolStr,
    /// The part of the statement that is set.
    pub(super) part: Option<SmolStr>,
    pub(super) line: Line,
}

/// The line of a profile that sets something.
#[derive(Clone, Copy)]
pub(super) enum Line {
    /// `PATH = VALUE`, by its place among the overrides.
    Path(usize),
    /// A statement in a block.
    Statement(Span),
}
