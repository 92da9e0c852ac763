//! `profile NAME { PATH = VALUE }`: from paths and values to typed overrides. Which of them take
//! effect is the model's business (`crate::profile`).

use erpc_diagnostics::{Diagnostic, Span, chained, codes, listed};
use erpc_syntax::tree::{Expr, ExprKind, Ident, Path, Segment, SegmentKind, Sign, Statement};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::ends::Network;
use super::settings::is_off_word;
use super::state::Resolver;
use crate::args::Args;
use crate::eval::Scope;
use crate::ids::Id;
use crate::origin::{Origin, Sourced, Via};
use crate::platform::Accept;
use crate::platform::{Change, Override, Profile, QuotaPart, ScaleChange, Slot, Target};
use crate::platform::{ClusterId, NamespaceId, ProfileId, ServiceId};
use crate::profile::unknown_profile;
use crate::properties::{self, Place};
use crate::statements::{Reader, ServiceProperties, Statements};
use crate::units::Range;
use crate::value::{Type, Value};

/// How many profiles may extend each other, one below the other.
const MAX_PROFILE_DEPTH: usize = 16;

/// What a profile may set of a service, beside its plain statements.
const OF_SERVICE: [&str; 9] = [
    "replicas", "scale", "cpu", "memory", "image", "volume", "host", "sidecar", "init",
];

/// The parts of a quota.
const OF_QUOTA: [&str; 4] = ["cpu", "memory", "pods", "storage"];

impl<'a> Resolver<'a> {
    /// All profiles, by name.
    pub(super) fn profiles(&mut self, network: &Network<'_>) -> Vec<Profile> {
        let mut statements: Vec<(Ident, &'a Statement, Args<'a>)> = Vec::new();
        let mut seen: FxHashMap<SmolStr, Span> = FxHashMap::default();
        for statement in self.index.profiles.clone() {
            let form = properties::word("profile", Place::Program).map_or("", |w| w.form);
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
        let mut profiles = Vec::with_capacity(statements.len());
        for (number, (name, statement, mut args)) in (0..).zip(statements) {
            let base = args
                .word("is")
                .and_then(|_| args.need_name("another profile", &mut self.diagnostics))
                .and_then(|base| self.base_profile(&base, &names));
            let block = args.block();
            args.finish(&mut self.diagnostics);
            let mut profile = Profile {
                name: Sourced::declared(name.text, name.span),
                doc: statement.doc(),
                base,
                overrides: Vec::new(),
                accepts: Vec::new(),
            };
            for statement in block.map_or(&[][..], |b| &b.statements) {
                if statement.head().is_some_and(|(word, _)| word == "accept") {
                    profile.accepts.extend(self.accept(statement));
                } else {
                    let found = self.override_of(statement, ProfileId(number), network);
                    profile.overrides.extend(found);
                }
            }
            profiles.push(profile);
        }
        self.report_profile_circles(&profiles);
        self.report_profile_depth(&mut profiles);
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
                // A circle, which was reported, has no lowest profile.
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

    fn report_profile_circles(&mut self, profiles: &[Profile]) {
        // Each profile has one base, so a walk of as many steps as there are profiles has closed
        // every circle that it is on.
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
            let circle = &way[closing..];
            let names = circle.iter().chain(circle.first());
            let names = names.map(|at| profiles[*at].name.value.as_str());
            let last = circle.last().and_then(|at| profiles[*at].base.as_ref());
            self.report(
                Diagnostic::new(
                    &codes::PROFILE_CYCLE,
                    format!("profiles are made of each other: {}", chained(names)),
                )
                .at(
                    last.map_or(Span::NONE, Sourced::span),
                    "this closes the circle",
                ),
            );
        }
    }

    fn override_of(
        &mut self,
        statement: &'a Statement,
        profile: ProfileId,
        network: &Network<'_>,
    ) -> Option<Override> {
        let mut args = Args::new(&statement.args, statement.span, "PATH = VALUE");
        let expr = args.need_expr("a path", &mut self.diagnostics)?;
        let ExprKind::Path(path) = &expr.kind else {
            args.expected(
                "a path such as `namespace.service.scale`",
                &mut self.diagnostics,
            );
            return None;
        };
        if args.sign(Sign::Assign).is_none() {
            args.expected("`=`", &mut self.diagnostics);
            return None;
        }
        let (target, slot) = self.override_path(path, network)?;
        let found_before = self.diagnostics.as_slice().len();
        let change = self.change(&mut args, &slot, &target, network, profile);
        if self.diagnostics.as_slice().len() == found_before {
            args.finish(&mut self.diagnostics);
        }
        let (change, span) = change?;
        let stars = path
            .segments
            .iter()
            .filter(|s| matches!(s.kind, SegmentKind::Star))
            .count();
        Some(Override {
            target,
            slot,
            change: Sourced {
                value: change,
                origin: Origin {
                    span,
                    via: Via::Profile(profile),
                },
            },
            path: expr.span,
            stars: u8::try_from(stars).unwrap_or(u8::MAX),
        })
    }

    /// `cluster`, `ns`, `ns.quota.PART`, `ns.service`, `ns.service.property`, with `*` for any.
    fn override_path(&mut self, path: &Path, network: &Network<'_>) -> Option<(Target, Slot)> {
        let segments = path.segments.as_slice();
        if path.as_word().is_some_and(|word| word == "cluster") {
            return Some((Target::Platform, Slot::Cluster));
        }
        let namespaces = self.namespaces_meant(segments.first()?)?;
        let Some(second) = segments.get(1) else {
            return Some((Target::Namespaces(namespaces), Slot::Whole));
        };
        let is_quota = second.as_name().is_some_and(|name| name == "quota")
            && !self.names.services_by_name.contains_key("quota");
        if is_quota {
            let slot = self.quota_slot(&segments[2..])?;
            return Some((Target::Namespaces(namespaces), slot));
        }
        let services = self.services_meant(&namespaces, segments, network)?;
        let slot = self.service_slot(&segments[2..])?;
        Some((Target::Services(services), slot))
    }

    fn namespaces_meant(&mut self, segment: &Segment) -> Option<Vec<NamespaceId>> {
        let name = match &segment.kind {
            SegmentKind::Name(name) => name,
            SegmentKind::Star => {
                let mut all: Vec<NamespaceId> =
                    self.names.namespace_ids.values().copied().collect();
                all.sort_unstable();
                return Some(all);
            }
            SegmentKind::Quoted(name) => name,
        };
        if let Some(id) = self.names.namespace_ids.get(name) {
            return Some(vec![*id]);
        }
        if self.broken_names.contains(name) {
            return None;
        }
        let mut diagnostic = Diagnostic::new(
            &codes::PROFILE_MATCHES_NOTHING,
            format!("there is no namespace `{name}`"),
        )
        .at(segment.span, "matches nothing");
        if !self.may_compare_services() {
            self.report(diagnostic);
            return None;
        }
        let mut known: Vec<&str> = self
            .names
            .namespace_ids
            .keys()
            .map(SmolStr::as_str)
            .collect();
        known.sort_unstable();
        let homes = self.names.services_by_name.get(name).map(Vec::as_slice);
        if name == "environment" {
            diagnostic = Diagnostic::new(
                &codes::WRONG_SHAPE,
                "the environment of a profile is written without `=`",
            )
            .at(segment.span, "a word of the profile")
            .help("write `environment development`");
        } else if self.index.externals.contains_key(name) {
            diagnostic = Diagnostic::new(
                &codes::NOT_OVERRIDABLE,
                format!("a profile cannot set properties of the external `{name}`"),
            )
            .at(segment.span, "an external")
            .help("a profile sets properties of services, quotas of namespaces, and constants: give the external a constant, and set that")
            .help("or declare a second external, and switch off the flow to the first in the profile");
        } else if let Some([only, ..]) = homes
            && let Some(path) = self.path_of_service(*only)
        {
            diagnostic = diagnostic
                .help(format!("a service is meant by its full name: `{path}`"))
                .fix(format!("write `{path}`"), segment.span, path);
        } else {
            diagnostic = diagnostic.candidates(name, segment.span, known.iter().copied());
        }
        self.report(diagnostic);
        None
    }

    fn path_of_service(&self, id: ServiceId) -> Option<String> {
        let ((home, service), _) = self.names.service_ids.iter().find(|(_, s)| **s == id)?;
        let (namespace, _) = self.names.namespace_ids.iter().find(|(_, n)| *n == home)?;
        Some(format!("{namespace}.{service}"))
    }

    fn services_meant(
        &mut self,
        namespaces: &[NamespaceId],
        segments: &[Segment],
        network: &Network<'_>,
    ) -> Option<Vec<ServiceId>> {
        let segment = segments.get(1)?;
        let in_them = |id: &ServiceId| {
            let home = network.homes.get(id.index());
            home.is_some_and(|home| namespaces.binary_search(home).is_ok())
        };
        let name = match &segment.kind {
            SegmentKind::Name(name) | SegmentKind::Quoted(name) => name,
            SegmentKind::Star => {
                let all = (0..).map(ServiceId).take(network.homes.len());
                return Some(all.filter(in_them).collect());
            }
        };
        let named = self.names.services_by_name.get(name).into_iter().flatten();
        let mut found: Vec<ServiceId> = named.copied().filter(in_them).collect();
        found.sort_unstable();
        if !found.is_empty() {
            return Some(found);
        }
        if self.broken_names.contains(name) {
            return None;
        }
        let diagnostic = Diagnostic::new(
            &codes::PROFILE_MATCHES_NOTHING,
            format!("there is no service `{name}` here"),
        )
        .at(segment.span, "matches nothing");
        if !self.may_compare_services() {
            self.report(diagnostic);
            return None;
        }
        let mut known: Vec<&str> = self
            .names
            .service_ids
            .iter()
            .filter(|(_, id)| in_them(id))
            .map(|((_, service), _)| service.as_str())
            .collect();
        known.sort_unstable();
        known.dedup();
        let diagnostic = diagnostic.candidates(name, segment.span, known.iter().copied());
        self.report(diagnostic);
        None
    }

    fn quota_slot(&mut self, rest: &[Segment]) -> Option<Slot> {
        let [segment] = rest else {
            return rest
                .is_empty()
                .then_some(Slot::Quota)
                .or_else(|| self.not_settable(&rest[1], &[]));
        };
        let part = match segment.as_name().map(SmolStr::as_str) {
            Some("cpu") => QuotaPart::Cpu,
            Some("memory") => QuotaPart::Memory,
            Some("pods") => QuotaPart::Pods,
            Some("storage") => QuotaPart::Storage,
            _ => return self.not_settable(segment, &OF_QUOTA),
        };
        Some(Slot::QuotaPart(part))
    }

    fn service_slot(&mut self, rest: &[Segment]) -> Option<Slot> {
        let Some(first) = rest.first() else {
            return Some(Slot::Whole);
        };
        let (slot, taken) = match (first.as_name().map(SmolStr::as_str), rest.get(1)) {
            (Some("replicas"), _) => (Slot::Replicas, 1),
            (Some("scale"), _) => (Slot::Scale, 1),
            (Some("cpu"), _) => (Slot::Cpu(None), 1),
            (Some("memory"), _) => (Slot::Memory(None), 1),
            (Some("image"), _) => (Slot::Image(None), 1),
            (Some("host"), key) => (Slot::Host(key.and_then(text_of)), rest.len().min(2)),
            (Some("volume"), Some(key)) => match text_of(key) {
                Some(name) => (Slot::Volume(name), 2),
                None => return self.not_settable(key, &[]),
            },
            (Some("sidecar" | "init"), Some(key)) => {
                let (Some(name), Some(property)) = (text_of(key), rest.get(2)) else {
                    return self.not_settable(key, &["cpu", "memory", "image"]);
                };
                let slot = match property.as_name().map(SmolStr::as_str) {
                    Some("cpu") => Slot::Cpu(Some(name)),
                    Some("memory") => Slot::Memory(Some(name)),
                    Some("image") => Slot::Image(Some(name)),
                    _ => return self.not_settable(property, &["cpu", "memory", "image"]),
                };
                (slot, 3)
            }
            (Some(word @ ("volume" | "sidecar" | "init")), None) => {
                self.report(
                    Diagnostic::new(
                        &codes::NOT_OVERRIDABLE,
                        format!("a profile sets one `{word}` by its name"),
                    )
                    .at(first.span, "which one?")
                    .help(if word == "volume" {
                        "it is written `namespace.service.volume.NAME = SIZE`".to_owned()
                    } else {
                        format!("it is written `namespace.service.{word}.NAME.memory = …`")
                    }),
                );
                return None;
            }
            (word, _) => match word.and_then(ServiceProperties::statement) {
                Some(statement) => (Slot::Statement(statement.word.name), 1),
                None => {
                    let known = OF_SERVICE.into_iter().chain(ServiceProperties::words());
                    let known: Vec<&str> = known.collect();
                    return self.not_settable(first, &known);
                }
            },
        };
        match rest.get(taken) {
            Some(more) => self.not_settable(more, &[]),
            None => Some(slot),
        }
    }

    fn not_settable<T>(&mut self, segment: &Segment, known: &[&str]) -> Option<T> {
        let written = self.loaded.sources.text(segment.span).to_owned();
        let diagnostic = Diagnostic::new(
            &codes::NOT_OVERRIDABLE,
            format!("a profile does not set `{written}`"),
        )
        .at(segment.span, "not set by profiles");
        let diagnostic = if known.is_empty() {
            diagnostic.help("the path ends before it")
        } else {
            diagnostic.did_you_mean(
                &written,
                segment.span,
                known.iter().copied(),
                |diagnostic| {
                    diagnostic.help(format!(
                    "it sets {}; what is else different between environments is another platform",
                    listed(known.iter().copied(), 30)
                ))
                },
            )
        };
        self.report(diagnostic);
        None
    }

    /// The value of an override, and where it stands.
    fn change(
        &mut self,
        args: &mut Args<'a>,
        slot: &Slot,
        target: &Target,
        network: &Network<'_>,
        profile: ProfileId,
    ) -> Option<(Change, Span)> {
        if *slot == Slot::Cluster {
            let name = args.need_name("a cluster", &mut self.diagnostics)?;
            let known = self.index.clusters.iter();
            let at = known.into_iter().position(|c| c.name.text == name.text);
            let Some(at) = at.and_then(|at| u32::try_from(at).ok()) else {
                self.report_unknown_cluster(&name.text, name.span);
                return None;
            };
            return Some((Change::Cluster(ClusterId(at)), name.span));
        }
        if let Slot::Statement(word) = slot
            && !args.peek_word("off")
        {
            return self.statement_change(word, args, target, network, profile);
        }
        let expr = args.need_expr("a value, or `off`", &mut self.diagnostics)?;
        if is_off_word(expr) {
            return self.off(slot, expr.span);
        }
        let scope = self.scope_of(target, network);
        let change = match slot {
            Slot::Whole | Slot::Quota => {
                self.report(
                    Diagnostic::new(
                        &codes::NOT_OVERRIDABLE,
                        "a profile only switches the whole of it off",
                    )
                    .at(expr.span, "not `off`")
                    .help("write `off`, or name one of its properties in the path"),
                );
                return None;
            }
            Slot::Cluster | Slot::Statement(_) => return None,
            Slot::Replicas => Change::Count(self.int_within(expr, &scope, 0, 10_000)?),
            Slot::QuotaPart(QuotaPart::Pods) => {
                Change::Count(self.int_within(expr, &scope, 1, 1_000_000)?)
            }
            Slot::Scale => self.scale_change(expr, args, &scope)?,
            Slot::Cpu(_) | Slot::QuotaPart(QuotaPart::Cpu) => {
                match self.range(expr, &scope, Type::Cpu)? {
                    (Value::Cpu(min), Value::Cpu(max)) => Change::Cpu(Range { min, max }),
                    _ => return None,
                }
            }
            Slot::Memory(_) | Slot::QuotaPart(QuotaPart::Memory) => {
                match self.range(expr, &scope, Type::Memory)? {
                    (Value::Memory(min), Value::Memory(max)) => Change::Memory(Range { min, max }),
                    _ => return None,
                }
            }
            Slot::Image(_) => Change::Image(self.image_value(expr, &scope)?),
            Slot::Volume(_) | Slot::QuotaPart(QuotaPart::Storage) => {
                Change::Size(self.memory(expr, &scope)?)
            }
            Slot::Host(_) => Change::Host(self.text(expr, &scope)?.into()),
        };
        let is_nothing = match &change {
            Change::Cpu(range) => range.max.0 == 0,
            Change::Memory(range) => range.max.0 == 0,
            Change::Size(size) => size.0 == 0,
            _ => false,
        };
        if is_nothing {
            self.report(
                Diagnostic::new(&codes::OUT_OF_RANGE, "nothing runs with nothing")
                    .at(expr.span, "nothing")
                    .help("`off` in place of a service switches it off"),
            );
            return None;
        }
        Some((change, expr.span))
    }

    /// The value of a plain statement, written as behind its word; keywords may be left out.
    fn statement_change(
        &mut self,
        word: &str,
        args: &mut Args<'a>,
        target: &Target,
        network: &Network<'_>,
        profile: ProfileId,
    ) -> Option<(Change, Span)> {
        let statement = ServiceProperties::statement(word)?;
        let scope = self.scope_of(target, network);
        let mut layer = ServiceProperties::default();
        let (here, via) = (args.here(), Via::Profile(profile));
        let read = statement.read?;
        read(&mut layer, &mut Reader::new(self, args, here, &scope, via));
        let span = (statement.origin)(&layer)?.span;
        Some((Change::Statement(Box::new(layer)), span))
    }

    fn off(&mut self, slot: &Slot, span: Span) -> Option<(Change, Span)> {
        let what = match slot {
            Slot::Cpu(_) => "cpu",
            Slot::Memory(_) => "memory",
            Slot::Image(_) => "image",
            Slot::Host(_) => "host",
            _ => return Some((Change::Off, span)),
        };
        self.report(
            Diagnostic::new(
                &codes::NOT_OVERRIDABLE,
                format!("`{what}` cannot be off: a service is not whole without it"),
            )
            .at(span, "needed")
            .help("say another value, or switch the service off"),
        );
        None
    }

    /// `service.name` means something where one service is meant.
    fn scope_of(&self, target: &Target, network: &Network<'_>) -> Scope {
        let mut scope = Scope::default();
        if let Target::Services(ids) = target
            && let [only] = ids.as_slice()
            && let Some(((_, service), _)) =
                self.names.service_ids.iter().find(|(_, id)| *id == only)
        {
            let home = network.homes.get(only.index());
            let namespace = self
                .names
                .namespace_ids
                .iter()
                .find(|(_, id)| Some(*id) == home);
            let namespace = namespace.map_or_else(SmolStr::default, |(name, _)| name.clone());
            scope.service = Some((service.clone(), namespace));
        }
        scope
    }

    fn scale_change(
        &mut self,
        expr: &'a Expr,
        args: &mut Args<'a>,
        scope: &Scope,
    ) -> Option<Change> {
        let replicas = self.scale_bounds(expr, scope);
        let measures = if args.word("on").is_some() {
            Some(self.scale_measures(args, scope))
        } else {
            None
        };
        Some(Change::Scale(ScaleChange {
            replicas: replicas?,
            measures,
        }))
    }

    /// `accept CODE [for NAME] because "…"`.
    pub(super) fn accept(&mut self, statement: &'a Statement) -> Option<Accept> {
        let form = properties::word("accept", Place::Program).map_or("", |w| w.form);
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

fn text_of(segment: &Segment) -> Option<SmolStr> {
    match &segment.kind {
        SegmentKind::Name(name) | SegmentKind::Quoted(name) => Some(name.clone()),
        SegmentKind::Star => None,
    }
}
