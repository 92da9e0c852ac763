//! Declarations whose checks are parts of the compiler still to come: they are read, their names
//! are resolved, and a warning says plainly that nothing more is done with them.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Block, ExprKind, Path, SegmentKind, Sign, Statement};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::Resolver;
use super::container::reason;
use super::flows::Network;
use crate::args::Args;
use crate::eval::Scope;
use crate::names::{listed, nearest};
use crate::origin::Sourced;
use crate::platform::Profile;
use crate::properties::{self, Place};

/// The words that are resolved and not checked yet.
pub const NOT_CHECKED_YET: [&str; 3] = ["profile", "accept", "moved"];

/// The properties that a profile may override.
const OVERRIDABLE: [&str; 9] = [
    "cpu",
    "memory",
    "replicas",
    "scale",
    "image",
    "volume",
    "quota",
    "host",
    "disruption",
];

impl<'a> Resolver<'a> {
    /// Resolves `profile`, `accept` and `moved`; gives the profiles.
    pub(super) fn later(&mut self, network: &Network<'_>) -> Vec<Profile> {
        let mut profiles = Vec::new();
        for statement in self.index.later.clone() {
            let Some((head, _)) = statement.head() else {
                continue;
            };
            let form = properties::word(head, Place::Program).map_or("", |w| w.form);
            let mut args = Args::new(&statement.args[1..], statement.span, form);
            match head.as_str() {
                "profile" => profiles.extend(self.profile(&mut args, statement, network)),
                "accept" => self.accept(&mut args),
                _ => self.moved(&mut args),
            }
        }
        self.report_not_checked();
        profiles
    }

    /// One warning for each word, at its first use.
    fn report_not_checked(&mut self) {
        let statements: Vec<&'a Statement> = self.index.later.clone();
        let mut first: FxHashMap<SmolStr, (Span, usize)> = FxHashMap::default();
        for statement in statements {
            if let Some((head, span)) = statement.head() {
                let entry = first.entry(head.clone()).or_insert((span, 0));
                entry.0 = entry.0.min(span);
                entry.1 += 1;
            }
        }
        for word in NOT_CHECKED_YET {
            if let Some((span, count)) = first.get(word).copied() {
                let these = if count == 1 {
                    "this".to_owned()
                } else {
                    format!("these {count}")
                };
                self.report(
                    Diagnostic::new(
                        &codes::NOT_CHECKED_YET,
                        format!(
                            "`{word}` is read and its names are resolved, but it is not checked yet"
                        ),
                    )
                    .at(span, these)
                    .help("nothing in the output depends on it"),
                );
            }
        }
    }

    fn profile(
        &mut self,
        args: &mut Args<'a>,
        statement: &Statement,
        network: &Network<'_>,
    ) -> Option<Profile> {
        let name = args.need_name("the profile's name", &mut self.diagnostics)?;
        self.check_name(&name, "profile");
        if args.word("is").is_some() {
            args.need_name("another profile", &mut self.diagnostics)?;
        }
        let block = args.block();
        args.finish(&mut self.diagnostics);
        if let Some(block) = block {
            self.overrides(block, network);
        }
        Some(Profile {
            name: Sourced::declared(name.text, name.span),
            doc: statement.doc(),
        })
    }

    fn overrides(&mut self, block: &'a Block, network: &Network<'_>) {
        for statement in &block.statements {
            let mut args = Args::new(&statement.args, statement.span, "PATH = VALUE");
            let Some(expr) = args.need_expr("a path", &mut self.diagnostics) else {
                continue;
            };
            if expr.as_word().is_some_and(|w| w == "cluster") {
                args.sign(Sign::Assign);
                if let Some(name) = args.need_name("a cluster", &mut self.diagnostics) {
                    let known = self.index.clusters.iter().any(|c| c.name.text == name.text);
                    if !known {
                        self.report_unknown_cluster(&name.text, name.span);
                    }
                }
                args.finish(&mut self.diagnostics);
                continue;
            }
            let ExprKind::Path(path) = &expr.kind else {
                args.expected(
                    "a path such as `namespace.service.scale`",
                    &mut self.diagnostics,
                );
                continue;
            };
            if args.sign(Sign::Assign).is_none() {
                args.expected("`=`", &mut self.diagnostics);
                continue;
            }
            self.override_path(path, network);
        }
    }

    /// `ns`, `ns.service`, `ns.service.property`, with `*` for any.
    fn override_path(&mut self, path: &Path, network: &Network<'_>) {
        let mut segments = path.segments.iter();
        let Some(first) = segments.next() else {
            return;
        };
        let namespace = match &first.kind {
            SegmentKind::Name(name) => {
                let ident = erpc_syntax::tree::Ident {
                    text: name.clone(),
                    span: first.span,
                };
                match self.namespace_named(&ident) {
                    Some(id) => Some(id),
                    None => return,
                }
            }
            SegmentKind::Star | SegmentKind::Quoted(_) => None,
        };
        let Some(second) = segments.next() else {
            return;
        };
        if let SegmentKind::Name(name) = &second.kind {
            let candidates: Vec<SmolStr> = self
                .service_ids
                .iter()
                .filter(|((n, _), id)| {
                    namespace.is_none_or(|wanted| wanted == *n) && id.index() < network.homes.len()
                })
                .map(|((_, s), _)| s.clone())
                .collect();
            if !candidates.contains(name) {
                let mut names: Vec<&str> = candidates.iter().map(SmolStr::as_str).collect();
                names.sort_unstable();
                let mut diagnostic = Diagnostic::new(
                    &codes::UNKNOWN_NAME,
                    format!("there is no service `{name}` here"),
                )
                .at(second.span, "matches nothing");
                diagnostic = match nearest(name, names.iter().copied()) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(
                        format!("write `{near}`"),
                        second.span,
                        near,
                    ),
                    None => diagnostic.help(format!("known: {}", listed(names, 12))),
                };
                self.report(diagnostic);
                return;
            }
        }
        if let Some(third) = segments.next()
            && let SegmentKind::Name(property) = &third.kind
            && !OVERRIDABLE.contains(&property.as_str())
        {
            self.report_not_in(
                "what a profile overrides",
                property,
                third.span,
                &OVERRIDABLE,
            );
        }
    }

    fn accept(&mut self, args: &mut Args<'a>) {
        let Some(code) = args.need_name("the code of a warning", &mut self.diagnostics) else {
            return;
        };
        match erpc_diagnostics::codes::find(&code.text) {
            Some(known) if known.severity == erpc_diagnostics::Severity::Warning => {}
            Some(_) => self.report(
                Diagnostic::new(
                    &codes::WRONG_KIND,
                    format!("`{}` is an error, which cannot be accepted", code.text),
                )
                .at(code.span, "not a warning"),
            ),
            None => self.report(
                Diagnostic::new(
                    &codes::UNKNOWN_NAME,
                    format!("there is no code `{}`", code.text),
                )
                .at(code.span, "not a code"),
            ),
        }
        if args.word("for").is_some() {
            args.need_expr("the name of what it is about", &mut self.diagnostics);
        }
        if args.is_empty() {
            args.expected("`because` with the reason", &mut self.diagnostics);
        }
        reason(self, args, &Scope::default());
        args.finish(&mut self.diagnostics);
    }

    fn moved(&mut self, args: &mut Args<'a>) {
        args.need_expr("the old name", &mut self.diagnostics);
        args.need_word("to", &mut self.diagnostics);
        if let Some(new) = args.need_expr("the new name", &mut self.diagnostics) {
            self.service_named(new, None);
        }
        args.finish(&mut self.diagnostics);
    }
}
