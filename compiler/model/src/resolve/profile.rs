//! Profiles. A program is resolved once without a profile and once under each: then the statements of the profile,
//! and of those that it `is`, are layers over the declarations of the program. Here the declarations of profiles are
//! read; `overrides` lays what they say over the settings of each owner.

use erpc_diagnostics::{Diagnostic, Span, chained, codes};
use erpc_syntax::tree::{Arg, Block, Ident, Sign, Statement};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::container::is_word;
use super::state::Resolver;
use super::under::{Switch, Switched, Under};
use crate::args::Args;
use crate::eval::Scope;
use crate::ids::Id;
use crate::origin::{Sourced, Via};
use crate::platform::{Accept, ExternalId, Platform, Profile, ProfileId};
use crate::profile::{Kept, layers, unknown_profile, without};
use crate::properties::{self, BlockKind};

/// How many profiles may extend each other, one below the other.
const MAX_PROFILE_DEPTH: usize = 16;

/// The profiles of a program with their blocks, by name.
pub(super) struct Profiles<'a> {
    pub(super) models: Vec<Profile>,
    blocks: Vec<Option<&'a Block>>,
    statements: Vec<Span>,
}

impl<'a> Profiles<'a> {
    /// The statements of a profile.
    pub(super) fn statements(&self, id: ProfileId) -> &'a [Statement] {
        self.blocks[id.index()].map_or(&[], |block| &block.statements)
    }

    /// A profile and those that it `is`, lowest first.
    pub(super) fn layers(&self, id: ProfileId) -> Vec<ProfileId> {
        layers(&self.models, id)
    }

    /// Where the whole of a profile stands.
    pub(super) fn span(&self, id: ProfileId) -> Span {
        self.statements[id.index()]
    }
}

impl<'a> Resolver<'a> {
    /// All profiles, by name.
    pub(super) fn profiles(&mut self) -> Profiles<'a> {
        let mut statements: Vec<(Ident, &'a Statement, Args<'a>)> = Vec::new();
        let mut seen: FxHashMap<SmolStr, Span> = FxHashMap::default();
        for statement in self.index.profiles.clone() {
            let form = properties::word("profile", BlockKind::Program).map_or("", |w| w.form);
            let mut args = Args::new(&statement.args[1..], statement.span, form);
            let Some(name) = args.need_name("the profile's name", &mut self.diagnostics) else {
                continue;
            };
            self.check_name(&name, "profile");
            let first = seen.get(&name.text).copied();
            if self.is_new(first, &name, "profile") {
                seen.insert(name.text.clone(), name.span);
                statements.push((name, statement, args));
            }
        }
        statements.sort_by(|a, b| a.0.text.cmp(&b.0.text));
        let names: Vec<SmolStr> = statements.iter().map(|(n, ..)| n.text.clone()).collect();
        let mut profiles = Profiles {
            models: Vec::with_capacity(statements.len()),
            blocks: Vec::with_capacity(statements.len()),
            statements: statements.iter().map(|(_, s, _)| s.span).collect(),
        };
        for (name, statement, mut args) in statements {
            let base = args
                .word("is")
                .and_then(|_| args.need_name("another profile", &mut self.diagnostics))
                .and_then(|base| self.base_profile(&base, &names));
            profiles.blocks.push(args.block());
            args.finish(&mut self.diagnostics);
            profiles.models.push(Profile {
                name: Sourced::declared(name.text, name.span),
                doc: statement.doc(),
                base,
                accepts: Vec::new(),
                platform: None,
            });
        }
        self.report_profile_cycles(&profiles.models);
        self.report_profile_depth(&mut profiles.models);
        profiles
    }

    /// Reports the first profile that extends too many, one below the other, and cuts all that do.
    fn report_profile_depth(&mut self, profiles: &mut [Profile]) {
        const UNKNOWN: usize = usize::MAX;
        let mut depth = vec![UNKNOWN; profiles.len()];
        for start in 0..profiles.len() {
            let mut way = Vec::new();
            let mut at = Some(start);
            while let Some(here) = at.filter(|here| depth[*here] == UNKNOWN) {
                // A cycle, which was reported, has no lowest profile.
                depth[here] = 0;
                way.push(here);
                at = profiles[here].base.as_ref().map(|base| base.value.index());
            }
            let below = at.map_or(0, |at| depth[at] + 1);
            for (here, own) in way.into_iter().rev().zip(below..) {
                depth[here] = own;
            }
        }
        let mut first: Option<Span> = None;
        for (profile, depth) in profiles.iter_mut().zip(depth) {
            if let Some(base) = profile.base.take_if(|_| depth > MAX_PROFILE_DEPTH) {
                let span = base.span();
                first = Some(first.map_or(span, |first| first.min(span)));
            }
        }
        if let Some(span) = first {
            self.report(
                Diagnostic::new(
                    &codes::EVALUATION_BUDGET,
                    format!("profiles extend each other more than {MAX_PROFILE_DEPTH} deep"),
                )
                .at(span, "one too deep"),
            );
        }
    }

    fn base_profile(&mut self, base: &Ident, names: &[SmolStr]) -> Option<Sourced<ProfileId>> {
        if let Ok(at) = names.binary_search(&base.text) {
            let id = ProfileId::from_index(at);
            return Some(Sourced::declared(id, base.span));
        }
        let known = names.iter().map(SmolStr::as_str);
        self.report(unknown_profile(&base.text, known).at(base.span, "declared nowhere"));
        None
    }

    fn report_profile_cycles(&mut self, profiles: &[Profile]) {
        // Each profile has one base, so a walk of as many steps as there are profiles has closed
        // every cycle that it is on.
        let mut done = vec![false; profiles.len()];
        for start in 0..profiles.len() {
            let mut way = Vec::new();
            let mut at = Some(start);
            while let Some(here) = at.filter(|here| !done[*here]) {
                done[here] = true;
                way.push(here);
                at = profiles[here].base.as_ref().map(|base| base.value.index());
            }
            let Some(closing) = at.and_then(|at| way.iter().position(|here| *here == at)) else {
                continue;
            };
            let cycle = &way[closing..];
            let names = cycle.iter().chain(cycle.first());
            let names = names.map(|at| profiles[*at].name.value.as_str());
            let last = cycle.last().and_then(|at| profiles[*at].base.as_ref());
            self.report(
                Diagnostic::new(
                    &codes::PROFILE_CYCLE,
                    format!("cyclic profiles: {}", chained(names)),
                )
                .at(
                    last.map_or(Span::NONE, Sourced::span),
                    "this closes the circle",
                ),
            );
        }
    }

    /// The layer of a value: components are below their owner, which is below the profiles.
    pub(super) fn rank(&self, via: Via) -> usize {
        match via {
            Via::Component(_) | Via::Platform | Via::Namespace | Via::Default => 0,
            Via::Declared => 1,
            Via::Profile(id) => {
                // Only the profiles that the program is resolved under set anything.
                let at = self.profile.layers.iter().position(|layer| *layer == id);
                2 + at.unwrap_or_default()
            }
        }
    }

    /// Takes the declarations of the profile, and of those that it `is`, into the index.
    pub(super) fn collect_profiles(&mut self, profiles: &Profiles<'a>) {
        let layers = self.profile.layers.clone();
        for id in &layers {
            let mut of_platform = Vec::new();
            for statement in profiles.statements(*id) {
                if is_assignment(statement) {
                    continue;
                }
                let Some(word) = self.word(statement, BlockKind::Profile) else {
                    continue;
                };
                if word.name == "accept" {
                    continue;
                }
                self.profile.has_statements = true;
                let has_block = matches!(statement.args.last(), Some(Arg::Block(_)));
                let is_of_platform = properties::word(word.name, BlockKind::Platform).is_some();
                match properties::word(word.name, BlockKind::Program) {
                    Some(word) if has_block || !is_of_platform => {
                        self.collect_of_profile(word, statement, *id);
                    }
                    _ => of_platform.push(statement),
                }
            }
            if !of_platform.is_empty() {
                self.profile.statements.push((*id, of_platform));
            }
        }
    }

    /// Reads the paths of the profile and of those that it `is`, now that everything has its id; and what is off.
    pub(super) fn collect_overrides(&mut self, profiles: &Profiles<'a>) {
        let layers = self.profile.layers.clone();
        let last = layers.last().copied();
        for (layer, id) in layers.iter().enumerate() {
            for statement in profiles.statements(*id) {
                if is_assignment(statement) {
                    self.override_of(statement, layer, Some(*id) == last);
                } else if Some(*id) == last
                    && statement.head().is_some_and(|(word, _)| word == "accept")
                {
                    let accept = self.accept(statement);
                    self.profile.accepts.extend(accept);
                }
            }
        }
        for switch in std::mem::take(&mut self.profile.switches) {
            self.switch_off(&switch);
        }
    }

    /// Takes `WORD NAME off` of a profile, which switches `what` off; false for anything else.
    pub(super) fn switches_off(
        &mut self,
        what: impl FnOnce(Ident) -> Switched,
        statement: &'a Statement,
        profile: ProfileId,
    ) -> bool {
        let [_, Arg::Expr(name), off] = statement.args.as_slice() else {
            return false;
        };
        let (Some(text), true) = (name.as_word(), is_word(off, "off")) else {
            return false;
        };
        let name = Ident {
            text: text.clone(),
            span: name.span,
        };
        self.profile.switches.push(Switch {
            what: what(name),
            profile,
            statement: statement.span,
        });
        true
    }

    fn switch_off(&mut self, switch: &Switch) {
        let Some(is_new) = self.switch(&switch.what) else {
            return;
        };
        let is_own = Some(&switch.profile) == self.profile.layers.last();
        if is_own && !is_new {
            let name = &self.loaded.sources.text(switch.statement);
            self.report(
                Diagnostic::new(
                    &codes::PROFILE_CHANGES_NOTHING,
                    format!("`{name}` has no effect: it is already off"),
                )
                .at(switch.statement, "it is so without this line")
                .help("remove the line"),
            );
        }
    }

    /// Switches something off; whether it was on, `None` if it does not exist.
    fn switch(&mut self, what: &Switched) -> Option<bool> {
        Some(match what {
            Switched::Namespace(name) => {
                let id = self.namespace_of_profile(name)?;
                let off = &mut self.profile.namespaces_off;
                off.insert(id, name.span).is_none()
            }
            Switched::Service(namespace, name) => {
                let namespace = self.namespace_of_profile(namespace)?;
                let id = self.service_of_profile(namespace, name)?;
                let off = &mut self.profile.services_off;
                off.insert(id, name.span).is_none()
            }
            Switched::External(name) => {
                let id = self.external_of_profile(name)?;
                let off = &mut self.profile.externals_off;
                off.insert(id, name.span).is_none()
            }
        })
    }

    fn external_of_profile(&mut self, name: &Ident) -> Option<ExternalId> {
        let mut names = self.index.externals.keys();
        if let Some(at) = names.position(|known| *known == name.text) {
            return Some(ExternalId::from_index(at));
        }
        if !self.broken_names.contains(&name.text) {
            let message = format!("unknown external `{}`", name.text);
            let known = self.index.externals.keys().map(SmolStr::as_str);
            let diagnostic = Diagnostic::new(&codes::PROFILE_MATCHES_NOTHING, message)
                .at(name.span, "matches nothing")
                .candidates(&name.text, name.span, known);
            self.report(diagnostic);
        }
        None
    }

    /// The platform without what is off.
    pub(super) fn without_off(&self, mut platform: Platform) -> Platform {
        platform.has_statements_of_profile = self.profile.has_statements;
        if self.profile.is_all_on() {
            return platform;
        }
        let Under {
            namespaces_off,
            services_off,
            externals_off,
            ..
        } = &self.profile;
        let mut switched_off = Vec::new();
        let mut kept = Kept::all(&platform);
        for (id, span) in namespaces_off {
            kept.namespaces[id.index()] = false;
            switched_off.push((platform[*id].name.value.to_string(), *span));
        }
        for (id, service) in platform.workloads() {
            let own = services_off.get(&id);
            if let Some(span) = own.or_else(|| namespaces_off.get(&service.namespace)) {
                kept.services[id.index()] = false;
                switched_off.push((platform.path(id), *span));
            }
        }
        for (id, span) in externals_off {
            kept.externals[id.index()] = false;
            switched_off.push((platform[*id].name.value.to_string(), *span));
        }
        platform.switched_off = switched_off;
        without(platform, &kept)
    }

    /// `accept CODE [for NAME] because "…"`.
    pub(super) fn accept(&mut self, statement: &'a Statement) -> Option<Accept> {
        let form = properties::word("accept", BlockKind::Program).map_or("", |w| w.form);
        let mut args = Args::new(&statement.args[1..], statement.span, form);
        let code = args.need_name("the code of a warning", &mut self.diagnostics)?;
        let known = self.accepted_code(&code);
        let mut subject = None;
        let mut is_known = true;
        if args.word("for").is_some() {
            let expr = args.need_expr("the name of what it is about", &mut self.diagnostics)?;
            subject = self.subject(expr);
            is_known = subject.is_some();
        }
        if args.is_empty() {
            args.expected("`because` with the reason", &mut self.diagnostics);
        }
        let because = super::container::reason(self, &mut args, &Scope::default());
        args.finish(&mut self.diagnostics);
        if !is_known {
            return None;
        }
        Some(Accept {
            code: known?,
            subject,
            because: because?,
            span: statement.span,
        })
    }
}

/// Whether a statement is `PATH = VALUE`.
fn is_assignment(statement: &Statement) -> bool {
    matches!(statement.args.get(1), Some(Arg::Sign(Sign::Assign, _)))
}
