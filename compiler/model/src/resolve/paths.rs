//! `PATH = VALUE` of profiles: which statement of which owners a path means. `overrides` lays them over the settings of
//! these owners.

use erpc_diagnostics::{Diagnostic, codes, listed};
use erpc_syntax::tree::{Arg, ExprKind, Ident, Path, Segment, SegmentKind, Sign, Statement};
use smol_str::SmolStr;

use super::settings::{PATH_FORM, is_off_word};
use super::state::Resolver;
use super::under::{Meant, Override, Owner};
use crate::args::Args;
use crate::platform::{NamespaceId, Quota, ServiceId};
use crate::properties::{self, BlockKind, Merge, Word};
use crate::statements::{ServiceProperties, Statements};

/// The hosts of a service's routes, which only paths of profiles set.
pub(super) static HOST: Word = Word {
    name: "host",
    form: PATH_FORM,
    doc: "The host of a route.",
    parts: &[],
    merge: Merge::ByKey,
    places: &[],
};

/// What a path may set of a service as a whole, beside its plain statements.
const OF_SERVICE: [&str; 5] = ["replicas", "scale", "cpu", "memory", "image"];
/// What it may set by a name.
const OF_SERVICE_BY_NAME: [&str; 4] = ["volume", "host", "sidecar", "init"];
/// What it may set of a sidecar or init container.
const OF_CONTAINER: [&str; 3] = ["cpu", "memory", "image"];

impl<'a> Resolver<'a> {
    /// Reads `PATH = VALUE`.
    pub(super) fn override_of(&mut self, statement: &'a Statement, layer: usize, is_own: bool) {
        let mut args = Args::new(&statement.args, statement.span, PATH_FORM);
        let Some(expr) = args.need_expr("a path", &mut self.diagnostics) else {
            return;
        };
        let ExprKind::Path(path) = &expr.kind else {
            args.expected(
                "a path such as `namespace.service.scale`",
                &mut self.diagnostics,
            );
            return;
        };
        if args.sign(Sign::Assign).is_none() {
            args.expected("`=`", &mut self.diagnostics);
            return;
        }
        let Some((owners, meant)) = self.path_of_profile(path) else {
            return;
        };
        let mut is_star = path.segments.iter().filter(|s| s.kind == SegmentKind::Star);
        let line = Override {
            statement,
            args: &statement.args[2..],
            path: expr.span,
            stars: is_star.by_ref().count(),
            layer,
            owners,
            meant,
            is_own,
            is_matched: false,
            is_useful: false,
        };
        if matches!(line.meant, Meant::Whole) {
            self.switch_owners_off(line);
            return;
        }
        if !self.is_settable(&line) {
            return;
        }
        let number = self.profile.overrides.len();
        for owner in &line.owners {
            let list = match owner {
                Owner::Platform => &mut self.profile.of_platform,
                Owner::Namespace(id) => self.profile.of_namespaces.entry(*id).or_default(),
                Owner::Service(id) => self.profile.of_services.entry(*id).or_default(),
            };
            list.push(number);
        }
        self.profile.overrides.push(line);
    }

    /// `PATH = off` of namespaces and services.
    fn switch_owners_off(&mut self, mut line: Override<'a>) {
        let mut args = Args::new(line.args, line.statement.span, PATH_FORM);
        let Some(expr) = args.need_expr("a value, or `off`", &mut self.diagnostics) else {
            return;
        };
        if !is_off_word(expr) {
            self.report(
                Diagnostic::new(
                    &codes::NOT_OVERRIDABLE,
                    "a profile only switches the whole of it off",
                )
                .at(expr.span, "not `off`")
                .help("write `off`, or name one of its properties in the path"),
            );
            return;
        }
        args.finish(&mut self.diagnostics);
        for owner in &line.owners {
            let below = match owner {
                Owner::Platform => continue,
                Owner::Namespace(id) => self.profile.namespaces_off.insert(*id, line.path),
                Owner::Service(id) => self.profile.services_off.insert(*id, line.path),
            };
            line.is_useful |= below.is_none();
        }
        line.is_matched = true;
        self.profile.overrides.push(line);
    }

    /// Whether the value can be `off`, where it is.
    fn is_settable(&mut self, line: &Override<'a>) -> bool {
        let Meant::Statement(word, _, rest) = &line.meant else {
            return true;
        };
        let last = rest.last().and_then(|segment| segment.as_name());
        let word = last.map_or(word.name, SmolStr::as_str);
        let is_of_quota = line
            .owners
            .iter()
            .any(|owner| matches!(owner, Owner::Namespace(_)));
        let [Arg::Expr(value)] = line.args else {
            return true;
        };
        let is_needed = ["cpu", "memory", "image", "host"].contains(&word) && !is_of_quota;
        if !is_needed || !is_off_word(value) {
            return true;
        }
        self.report(
            Diagnostic::new(
                &codes::NOT_OVERRIDABLE,
                format!("`{word}` cannot be `off`: every service requires it"),
            )
            .at(value.span, "needed")
            .help("say another value, or switch the service off"),
        );
        false
    }

    /// `cluster`, `ns`, `ns.quota.PART`, `ns.service`, `ns.service.property`, with `*` for any.
    fn path_of_profile(&mut self, path: &'a Path) -> Option<(Vec<Owner>, Meant<'a>)> {
        let segments = path.segments.as_slice();
        if path.as_word().is_some_and(|word| word == "cluster") {
            let cluster = properties::word("cluster", BlockKind::Platform)?;
            let meant = Meant::Statement(cluster, SmolStr::default(), &[]);
            return Some((vec![Owner::Platform], meant));
        }
        let namespaces = self.namespaces_meant(segments.first()?)?;
        let of_namespaces = |meant| {
            let namespaces = namespaces.iter().copied().map(Owner::Namespace);
            Some((namespaces.collect(), meant))
        };
        let Some(second) = segments.get(1) else {
            return of_namespaces(Meant::Whole);
        };
        let is_quota = second.as_name().is_some_and(|name| name == "quota")
            && !self.names.services_by_name.contains_key("quota");
        if is_quota {
            let quota = properties::word("quota", BlockKind::Namespace)?;
            let rest = &segments[2..];
            match rest {
                [] => {}
                [part] if is_one_of(part, &Quota::PARTS) => {}
                [part] => return self.not_settable(part, &Quota::PARTS),
                [_, more, ..] => return self.not_settable(more, &[]),
            }
            return of_namespaces(Meant::Statement(quota, SmolStr::default(), rest));
        }
        let services = self.services_meant(&namespaces, second)?;
        let meant = self.meant_of_service(&segments[2..])?;
        let services = services.into_iter().map(Owner::Service);
        Some((services.collect(), meant))
    }

    fn meant_of_service(&mut self, path: &'a [Segment]) -> Option<Meant<'a>> {
        let Some(first) = path.first() else {
            return Some(Meant::Whole);
        };
        let name = first.as_name().map_or("", SmolStr::as_str);
        let plain = ServiceProperties::statement(name).map(|statement| &statement.word);
        let whole = OF_SERVICE
            .contains(&name)
            .then(|| properties::word(name, BlockKind::Service));
        if let Some(word) = plain.or(whole.flatten()) {
            return match path.get(1) {
                Some(more) => self.not_settable(more, &[]),
                None => Some(Meant::Statement(word, SmolStr::default(), &[])),
            };
        }
        if !OF_SERVICE_BY_NAME.contains(&name) {
            let known = OF_SERVICE.into_iter().chain(OF_SERVICE_BY_NAME);
            let known: Vec<&str> = known.chain(ServiceProperties::words()).collect();
            return self.not_settable(first, &known);
        }
        let key = match path.get(1) {
            Some(key) => match text_of(key) {
                Some(text) => text,
                None => return self.not_settable(key, &[]),
            },
            None if name == "host" => SmolStr::default(),
            None => {
                self.report_without_name(first, name);
                return None;
            }
        };
        let rest = path.get(2..).unwrap_or_default();
        match (name, rest) {
            ("host", []) => Some(Meant::Statement(&HOST, key, rest)),
            ("volume", []) | ("sidecar" | "init", [_]) => {
                if let [part] = rest
                    && !is_one_of(part, &OF_CONTAINER)
                {
                    return self.not_settable(part, &OF_CONTAINER);
                }
                let word = properties::word(name, BlockKind::Service)?;
                Some(Meant::Statement(word, key, rest))
            }
            ("sidecar" | "init", []) => self.not_settable(&path[1], &OF_CONTAINER),
            ("sidecar" | "init", [_, more, ..]) | (_, [more, ..]) => self.not_settable(more, &[]),
            (_, []) => None,
        }
    }

    fn report_without_name(&mut self, segment: &Segment, word: &str) {
        let form = if word == "volume" {
            "namespace.service.volume.NAME = SIZE".to_owned()
        } else {
            format!("namespace.service.{word}.NAME.memory = …")
        };
        self.report(
            Diagnostic::new(
                &codes::NOT_OVERRIDABLE,
                format!("a profile sets one `{word}` by its name"),
            )
            .at(segment.span, "which one?")
            .help(format!("it is written `{form}`")),
        );
    }

    fn not_settable<T>(&mut self, segment: &Segment, known: &[&str]) -> Option<T> {
        let written = self.loaded.sources.text(segment.span).to_owned();
        let diagnostic = Diagnostic::new(
            &codes::NOT_OVERRIDABLE,
            format!("a path of a profile does not set `{written}`"),
        )
        .at(segment.span, "not set by a path");
        let diagnostic = if known.is_empty() {
            diagnostic.help("the path ends before it")
        } else {
            diagnostic.did_you_mean(
                &written,
                segment.span,
                known.iter().copied(),
                |diagnostic| {
                    diagnostic
                        .help(format!("it sets {}", listed(known.iter().copied(), 30)))
                        .help("write any other statement in a block: `namespace NAME { service NAME { … } }`")
                },
            )
        };
        self.report(diagnostic);
        None
    }

    fn namespaces_meant(&mut self, segment: &Segment) -> Option<Vec<NamespaceId>> {
        let name = match &segment.kind {
            SegmentKind::Name(name) | SegmentKind::Quoted(name) => name,
            SegmentKind::Star => {
                let all = self.names.namespace_ids.values().copied();
                let mut all: Vec<NamespaceId> = all.collect();
                all.sort_unstable();
                return Some(all);
            }
        };
        let name = Ident {
            text: name.clone(),
            span: segment.span,
        };
        Some(vec![self.namespace_of_profile(&name)?])
    }

    /// The namespace that a profile names.
    pub(super) fn namespace_of_profile(&mut self, name: &Ident) -> Option<NamespaceId> {
        let Ident { text: name, span } = name;
        if let Some(id) = self.names.namespace_ids.get(name) {
            return Some(*id);
        }
        if self.broken_names.contains(name) {
            return None;
        }
        let diagnostic = Diagnostic::new(
            &codes::PROFILE_MATCHES_NOTHING,
            format!("unknown namespace `{name}`"),
        )
        .at(*span, "matches nothing");
        if !self.may_compare_services() {
            self.report(diagnostic);
            return None;
        }
        let known = self.names.namespace_ids.keys().map(SmolStr::as_str);
        let mut known: Vec<&str> = known.collect();
        known.sort_unstable();
        let homes = self.names.services_by_name.get(name).map(Vec::as_slice);
        let diagnostic = if let Some(word) = properties::word(name, BlockKind::Platform) {
            Diagnostic::new(
                &codes::WRONG_SHAPE,
                format!("`{name}` is written without `=` in a profile"),
            )
            .at(*span, "a statement")
            .help(format!("it is written `{}`", word.form))
        } else if self.index.externals.contains_key(name) {
            Diagnostic::new(
                &codes::NOT_OVERRIDABLE,
                format!("a path does not set properties of the external `{name}`"),
            )
            .at(*span, "an external")
            .help(format!("write `external {name} {{ … }}` in the profile"))
        } else if let Some([only, ..]) = homes
            && let Some(path) = self.path_of_service(*only)
        {
            diagnostic
                .help(format!("a service is meant by its full name: `{path}`"))
                .fix(format!("write `{path}`"), *span, path)
        } else {
            diagnostic.candidates(name, *span, known.iter().copied())
        };
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
        segment: &Segment,
    ) -> Option<Vec<ServiceId>> {
        let name = match &segment.kind {
            SegmentKind::Name(name) | SegmentKind::Quoted(name) => name,
            SegmentKind::Star => {
                let all = (0..).map(ServiceId).zip(&self.names.homes);
                let all = all.filter(|(_, home)| namespaces.binary_search(home).is_ok());
                return Some(all.map(|(id, _)| id).collect());
            }
        };
        let named = namespaces.iter().filter_map(|namespace| {
            let key = (*namespace, name.clone());
            self.names.service_ids.get(&key).copied()
        });
        let mut found: Vec<ServiceId> = named.collect();
        found.sort_unstable();
        if found.is_empty() {
            let name = Ident {
                text: name.clone(),
                span: segment.span,
            };
            self.report_no_service(namespaces, &name);
            return None;
        }
        Some(found)
    }

    /// The service of a namespace that a profile names.
    pub(super) fn service_of_profile(
        &mut self,
        namespace: NamespaceId,
        name: &Ident,
    ) -> Option<ServiceId> {
        let key = (namespace, name.text.clone());
        let found = self.names.service_ids.get(&key).copied();
        if found.is_none() {
            self.report_no_service(&[namespace], name);
        }
        found
    }

    fn report_no_service(&mut self, namespaces: &[NamespaceId], name: &Ident) {
        let Ident { text: name, span } = name;
        if self.broken_names.contains(name) {
            return;
        }
        let diagnostic = Diagnostic::new(
            &codes::PROFILE_MATCHES_NOTHING,
            format!("unknown service `{name}`"),
        )
        .at(*span, "matches nothing");
        if !self.may_compare_services() {
            self.report(diagnostic);
            return;
        }
        let services = self.names.service_ids.keys();
        let known = services.filter(|(home, _)| namespaces.binary_search(home).is_ok());
        let mut known: Vec<&str> = known.map(|(_, service)| service.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        let diagnostic = diagnostic.candidates(name, *span, known.iter().copied());
        self.report(diagnostic);
    }
}

fn is_one_of(segment: &Segment, known: &[&str]) -> bool {
    segment
        .as_name()
        .is_some_and(|name| known.contains(&name.as_str()))
}

fn text_of(segment: &Segment) -> Option<SmolStr> {
    match &segment.kind {
        SegmentKind::Name(name) | SegmentKind::Quoted(name) => Some(name.clone()),
        SegmentKind::Star => None,
    }
}
