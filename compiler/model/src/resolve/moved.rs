//! `accept` and `moved`: the names in them.

use erpc_diagnostics::{Code, Diagnostic, Severity, Span, codes, nearest};
use erpc_syntax::tree::{Arg, Expr, ExprKind, Ident, Statement};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::state::Declared;
use super::state::Resolver;
use crate::args::Args;
use crate::eval::Scope;
use crate::platform::{Accept, AcceptedFile, Move, MovedTo, Service, ServiceId, Subject};
use crate::properties;

/// A `moved` as written.
struct Written {
    old: SmolStr,
    old_span: Span,
    new: SmolStr,
    new_span: Span,
    span: Span,
}

impl<'a> Resolver<'a> {
    /// The `accept`s of the program itself, in source order: of warnings, and of files.
    pub(super) fn accepts(&mut self) -> (Vec<Accept>, Vec<AcceptedFile>) {
        let statements = self.index.accepts.clone();
        let is_file = |statement: &&&Statement| matches!(statement.args.get(1), Some(Arg::Expr(expr)) if matches!(expr.kind, ExprKind::String(_)));
        let (files, warnings): (Vec<&Statement>, Vec<&Statement>) =
            statements.iter().partition(is_file);
        let mut accepts: Vec<Accept> = warnings
            .into_iter()
            .filter_map(|s| self.accept(s))
            .collect();
        accepts.sort_by_key(|accept| accept.span);
        let mut files: Vec<AcceptedFile> = files
            .into_iter()
            .filter_map(|s| self.accepted_file(s))
            .collect();
        files.sort_by_key(|file| file.span);
        (accepts, files)
    }

    /// `accept "PATH" because "…"`.
    fn accepted_file(&mut self, statement: &'a Statement) -> Option<AcceptedFile> {
        let form =
            properties::word("accept", properties::BlockKind::Program).map_or("", |w| w.form);
        let mut args = Args::new(&statement.args[1..], statement.span, form);
        let expr = args.need_expr("the path of a manifest", &mut self.diagnostics)?;
        let path = self.text(expr, &Scope::default())?;
        if args.is_empty() {
            args.expected("`because` with the reason", &mut self.diagnostics);
        }
        let because = super::container::reason(self, &mut args, &Scope::default());
        args.finish(&mut self.diagnostics);
        let is_below = path.starts_with("lib/") || path.starts_with("share/");
        let parts = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !is_below || !parts {
            self.report(
                Diagnostic::new(
                    &codes::BAD_PATH,
                    format!("invalid path `{path}`: expected a file in `lib/` or `share/`"),
                )
                .at(expr.span, "not a path below an output folder")
                .help("write the path from the folder of `platform.erp`, with `/`: `lib/shop/extra.yaml`"),
            );
            return None;
        }
        Some(AcceptedFile {
            path: path.into(),
            because: because?,
            span: statement.span,
        })
    }

    /// The code that an `accept` names: one of a warning.
    pub(super) fn accepted_code(&mut self, code: &Ident) -> Option<&'static Code> {
        match codes::find(&code.text) {
            Some(known) if known.severity == Severity::Warning => Some(known),
            Some(_) => {
                self.report(
                    Diagnostic::new(
                        &codes::WRONG_KIND,
                        format!(
                            "cannot accept `{}`: only warnings can be accepted",
                            code.text
                        ),
                    )
                    .at(code.span, "not a warning"),
                );
                None
            }
            None => {
                let warnings = codes::ALL
                    .iter()
                    .filter(|code| code.severity == Severity::Warning)
                    .map(|code| code.id);
                let diagnostic = Diagnostic::new(
                    &codes::UNKNOWN_NAME,
                    format!("unknown code `{}`", code.text),
                )
                .at(code.span, "not a code");
                self.report(match nearest(&code.text, warnings) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic.help("`erpc explain` lists all codes"),
                });
                None
            }
        }
    }

    /// What an `accept` is about: a service by its full or its only name, a namespace, or another
    /// declaration by its name.
    pub(super) fn subject(&mut self, expr: &'a Expr) -> Option<Subject> {
        let names = match &expr.kind {
            ExprKind::Path(path) if path.port.is_none() => path
                .segments
                .iter()
                .map(|s| s.as_name().cloned())
                .collect::<Option<Vec<SmolStr>>>(),
            _ => None,
        };
        if let Some([name]) = names.as_deref()
            && let Some(subject) = self.declaration(name)
        {
            return Some(subject);
        }
        // Anything else is a service; what is wrong with the name is said there.
        let id = self.service_named(expr, None)?;
        if let Some(raw) = self.raw_workload(id) {
            let namespace = &self.parts.namespaces[raw.namespace.index()].name.value;
            return Some(Subject {
                name: format!("{namespace}.{}", raw.name.value).into(),
                within: vec![raw.name.span()],
                except: Vec::new(),
            });
        }
        let (namespace, service) = match names?.as_slice() {
            [namespace, service] => (namespace.clone(), service.clone()),
            [service] => {
                let found = self
                    .index
                    .namespaces
                    .iter()
                    .find(|(_, n)| n.services.contains_key(service));
                (found?.0.clone(), service.clone())
            }
            _ => return None,
        };
        let (_, declared) = self
            .index
            .namespaces
            .get(&namespace)?
            .services
            .get(&service)?;
        Some(Subject {
            name: format!("{namespace}.{service}").into(),
            within: declared.places().collect(),
            except: Vec::new(),
        })
    }

    fn declaration(&self, name: &SmolStr) -> Option<Subject> {
        let simple = |within: Vec<Span>| Subject {
            name: name.clone(),
            within,
            except: Vec::new(),
        };
        let is_it = |declared: &&Declared<'a>| declared.name.text == *name;
        if let Some(namespace) = self.index.namespaces.get(name) {
            let services = namespace.services.values();
            return Some(Subject {
                except: services.flat_map(|(_, s)| s.places()).collect(),
                ..simple(namespace.declared.places().collect())
            });
        }
        let named = self
            .index
            .externals
            .get(name)
            .or_else(|| self.index.clusters.iter().find(is_it))
            .or_else(|| self.index.platform.as_ref().filter(is_it))
            .or_else(|| {
                let components = self.index.components.iter().map(|c| &c.declared);
                components.into_iter().find(is_it)
            })
            .or_else(|| {
                let secrets = self.index.secrets.values();
                secrets.into_iter().find(is_it)
            });
        if let Some(declared) = named {
            return Some(simple(declared.places().collect()));
        }
        let constant = self.constants.get(&(None, name.clone()))?;
        Some(simple(vec![constant.statement.span]))
    }

    /// The `moved`s, in source order.
    pub(super) fn moves(&mut self) -> Vec<Move> {
        let mut all: Vec<Written> = Vec::new();
        let mut first: FxHashMap<SmolStr, Span> = FxHashMap::default();
        for statement in self.index.moves.clone() {
            let Some(this) = self.written_move(statement) else {
                continue;
            };
            if let Some(first) = first.get(&this.old).copied() {
                self.report(
                    Diagnostic::new(
                        &codes::BAD_MOVE,
                        format!("duplicate `moved` of `{}`", this.old),
                    )
                    .at(this.old_span, "moved again")
                    .also(first, "moved here"),
                );
                continue;
            }
            first.insert(this.old.clone(), this.old_span);
            all.push(this);
        }
        all.sort_by_key(|this| this.span);
        let by_old: FxHashMap<&SmolStr, usize> =
            all.iter().enumerate().map(|(at, m)| (&m.old, at)).collect();
        let ends = ends(&all, &by_old);
        let mut moves = Vec::new();
        for (this, end) in all.iter().zip(ends) {
            let end = &all[end];
            if self.place(&this.old).is_some() {
                self.report(
                    Diagnostic::new(
                        &codes::BAD_MOVE,
                        format!("`{}` cannot be moved: it is still declared", this.old),
                    )
                    .at(this.old_span, "there is one of this name")
                    .help("remove the line, or the declaration of the old name"),
                );
                continue;
            }
            match self.place(&end.new) {
                Some(new) if is_like(new, &this.old) => moves.push(Move {
                    old: this.old.clone(),
                    new,
                    span: this.span,
                }),
                Some(_) => self.report(
                    Diagnostic::new(
                        &codes::BAD_MOVE,
                        "a service moves to a service, a namespace to a namespace",
                    )
                    .at(this.new_span, "of another kind")
                    .help("it is written `moved shop.old to shop.new` or `moved old to new`"),
                ),
                None => self.report_lost_move(this),
            }
        }
        moves
    }

    fn written_move(&mut self, statement: &'a Statement) -> Option<Written> {
        let form = properties::word("moved", properties::BlockKind::Program).map_or("", |w| w.form);
        let mut args = Args::new(&statement.args[1..], statement.span, form);
        let old = args.need_expr("the old name", &mut self.diagnostics)?;
        args.need_word("to", &mut self.diagnostics)?;
        let new = args.need_expr("the new name", &mut self.diagnostics)?;
        args.finish(&mut self.diagnostics);
        let written = Written {
            old: self.loaded.sources.text(old.span).into(),
            old_span: old.span,
            new: self.loaded.sources.text(new.span).into(),
            new_span: new.span,
            span: statement.span,
        };
        let is_name = |expr: &Expr| matches!(&expr.kind, ExprKind::Path(path) if path.port.is_none() && path.segments.len() <= 2 && path.segments.iter().all(|s| s.as_name().is_some()));
        for expr in [old, new] {
            if !is_name(expr) {
                self.report(
                    Diagnostic::new(
                        &codes::WRONG_SHAPE,
                        "the full name of a service or a namespace is expected here",
                    )
                    .at(expr.span, "not a name")
                    .help("it is written `moved shop.old to shop.new` or `moved old to new`"),
                );
                return None;
            }
        }
        Some(written)
    }

    /// A workload among the manifests.
    fn raw_workload(&self, id: ServiceId) -> Option<&Service> {
        let service = self.parts.services.get(id.index())?.as_ref()?;
        service.raw.is_some().then_some(service)
    }

    fn place(&self, name: &str) -> Option<MovedTo> {
        match name.split_once('.') {
            Some((namespace, service)) => {
                let namespace = self.names.namespace_ids.get(namespace)?;
                let id = self.names.service_ids.get(&(*namespace, service.into()))?;
                Some(MovedTo::Service(*id))
            }
            None => self
                .names
                .namespace_ids
                .get(name)
                .copied()
                .map(MovedTo::Namespace),
        }
    }

    fn report_lost_move(&mut self, this: &Written) {
        let last = this.new.rsplit('.').next().unwrap_or_default();
        if self.broken_names.contains(last) {
            return;
        }
        if !self.may_compare_services() {
            let message = format!("unknown service or namespace `{}`", this.new);
            self.report(
                Diagnostic::new(&codes::UNKNOWN_NAME, message)
                    .at(this.new_span, "declared nowhere"),
            );
            return;
        }
        let known: Vec<String> = if this.new.contains('.') {
            let namespaces = self.index.namespaces.iter();
            namespaces
                .flat_map(|(name, n)| n.services.keys().map(move |s| format!("{name}.{s}")))
                .collect()
        } else {
            self.names
                .namespace_ids
                .keys()
                .map(ToString::to_string)
                .collect()
        };
        let known = known.iter().map(String::as_str);
        let (code, kind) = (&codes::UNKNOWN_NAME, "service or namespace");
        self.report(Diagnostic::unknown(
            code,
            kind,
            &this.new,
            this.new_span,
            known,
        ));
    }
}

/// For each move the one that ends the chain which it starts. A circle ends where it closes.
fn ends(all: &[Written], by_old: &FxHashMap<&SmolStr, usize>) -> Vec<usize> {
    let mut ends: Vec<Option<usize>> = vec![None; all.len()];
    let mut is_seen = vec![false; all.len()];
    for start in 0..all.len() {
        let mut way = Vec::new();
        let mut at = start;
        while ends[at].is_none() && !is_seen[at] {
            is_seen[at] = true;
            way.push(at);
            match by_old.get(&all[at].new) {
                Some(next) => at = *next,
                None => break,
            }
        }
        let end = ends[at].unwrap_or(at);
        for at in way {
            ends[at] = Some(end);
        }
    }
    ends.into_iter()
        .enumerate()
        .map(|(at, end)| end.unwrap_or(at))
        .collect()
}

fn is_like(new: MovedTo, old: &str) -> bool {
    match new {
        MovedTo::Service(_) => old.contains('.'),
        MovedTo::Namespace(_) => !old.contains('.'),
    }
}
