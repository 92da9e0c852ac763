//! Components: what each use of one contributes to the layers of an owner, with the values of its parameters.

use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, Span, chained, codes, nearest};
use erpc_syntax::tree::{Argument, Block, Expr, ExprKind, Ident};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::settings::Settings;
use super::state::{ComponentDeclared, Resolver};
use crate::eval::{Evaluator, Scope};
use crate::ids::Id;
use crate::origin::Via;
use crate::platform::{ComponentId, ComponentUse, UseId};
use crate::properties::BlockKind;
use crate::value::Value;

/// How many components may extend each other, one below the other.
const MAX_COMPONENT_DEPTH: usize = 64;
/// How many parameters a component may have, and arguments a use of it.
const MAX_PARAMETERS: usize = 1_000;
/// How many components one service or component may expand, each with its own arguments.
const MAX_EXPANSIONS: usize = 1_000;

/// The expansion of the components of one owner.
#[derive(Default)]
struct Expansion<'a> {
    /// The components that are being expanded, outermost first.
    open: Vec<ComponentId>,
    /// How many were expanded or looked up.
    count: usize,
    /// The components that were reached.
    reached: FxHashSet<ComponentId>,
    /// What was expanded a second time, with the values of its parameters: a component that is reached on
    /// many ways is expanded twice at the most, and one that is reached once, as nearly all are, costs
    /// nothing.
    done: FxHashMap<ComponentId, Vec<Expanded<'a>>>,
}

struct Expanded<'a> {
    bindings: Vec<(SmolStr, Value)>,
    id: UseId,
    settings: Settings<'a>,
}

impl<'a> Resolver<'a> {
    /// The settings of an owner: those of its components, overlaid by its own block.
    pub(super) fn settings(
        &mut self,
        bases: &[&'a Expr],
        block: Option<&'a Block>,
        place: BlockKind,
        scope: &Rc<Scope>,
        uses: &mut Vec<UseId>,
    ) -> Settings<'a> {
        self.settings_over(Settings::default(), (bases, block), place, scope, uses)
    }

    /// The settings of an owner over those that it has by default.
    pub(super) fn settings_over(
        &mut self,
        mut lowest: Settings<'a>,
        (bases, block): (&[&'a Expr], Option<&'a Block>),
        place: BlockKind,
        scope: &Rc<Scope>,
        uses: &mut Vec<UseId>,
    ) -> Settings<'a> {
        let mut below = Vec::new();
        let mut expansion = Expansion::default();
        for base in bases {
            match self.component_use(base, place, scope, None, &mut expansion) {
                Some((id, settings)) => {
                    uses.push(id);
                    below.push(settings);
                }
                None => below.push(Settings::unreadable()),
            }
        }
        let own = self.own_settings(block, place, scope, Via::Declared);
        if !lowest.stacks.is_empty() {
            let components = self.overlay(below, Vec::new());
            lowest
                .conflicts
                .extend(components.conflicts.iter().cloned());
            lowest.lay(components, self.rank(Via::Platform));
            below = vec![lowest];
        }
        let merged = self.overlay(below, own);
        for (slot, [first, second]) in &merged.conflicts {
            self.report(
                Diagnostic::new(
                    &codes::COMPONENT_CONFLICT,
                    format!("conflicting values of `{slot}` from two components"),
                )
                .at(*second, "set here")
                .also(*first, "and here")
                .help(format!(
                    "say `{slot}` in the service itself: what it says wins over its components"
                )),
            );
        }
        merged
    }

    /// The component that a name in this module means.
    fn component_named(
        &mut self,
        name: &str,
        span: Span,
        module: Option<&SmolStr>,
    ) -> Option<ComponentId> {
        let own = (module.cloned(), SmolStr::from(name));
        if let Some(id) = self.layers.component_ids.get(&own) {
            return Some(*id);
        }
        let loaded = self.loaded;
        let imports = &loaded.imports;
        if let Some(import) = self.names.imports.get(&own) {
            let key = (Some(import.module.clone()), import.name.clone());
            // A name that the library does not have is reported at its `use`.
            return self.layers.component_ids.get(&key).copied();
        }
        if self.may_compare(imports.len()) && self.is_misspelt_import(name) {
            return None;
        }
        if self.broken_names.contains(name) {
            return None;
        }
        if let Some(owner) = crate::stdlib::module_of(name).filter(|_| module.is_none()) {
            self.missing_use("component", owner, name, span);
            return None;
        }
        let declared = self.layers.component_ids.len() + imports.len();
        if !self.may_compare(declared) {
            let message = format!("unknown component `{name}`");
            self.report(
                Diagnostic::new(&codes::UNKNOWN_NAME, message).at(span, "declared nowhere"),
            );
            return None;
        }
        let known: Vec<String> = self
            .layers
            .component_ids
            .keys()
            .filter(|(owner, _)| owner.as_ref() == module)
            .map(|(_, n)| n.to_string())
            .chain(imports.iter().map(|i| i.name.to_string()))
            .collect();
        let known = known.iter().map(String::as_str);
        let diagnostic = Diagnostic::unknown(&codes::UNKNOWN_NAME, "component", name, span, known);
        self.report(diagnostic);
        None
    }

    /// Whether a `use` takes a name from a module that does not have it, but has this one.
    fn is_misspelt_import(&self, name: &str) -> bool {
        self.loaded.imports.iter().any(|import| {
            let key = (Some(import.module.clone()), import.name.clone());
            let meant = (Some(import.module.clone()), SmolStr::from(name));
            !self.layers.component_ids.contains_key(&key)
                && self.layers.component_ids.contains_key(&meant)
                && !self.has_rule(&import.module, &import.name)
        })
    }

    /// The name in `Name` or `Name(args)`, where it stands, and the arguments; anything else is reported as `wrong`.
    pub(super) fn used_name(
        &mut self,
        expr: &'a Expr,
        wrong: impl FnOnce() -> Diagnostic,
    ) -> Option<(SmolStr, Span, &'a [Argument])> {
        if let ExprKind::Call(call) = &expr.kind {
            return Some((call.callee.as_word()?.clone(), call.callee_span, &call.args));
        }
        match expr.as_word() {
            Some(word) => Some((word.clone(), expr.span, &[])),
            None => {
                self.report(wrong());
                None
            }
        }
    }

    /// What `is Name(args)` contributes.
    fn component_use(
        &mut self,
        expr: &'a Expr,
        place: BlockKind,
        scope: &Rc<Scope>,
        outer: Option<UseId>,
        expansion: &mut Expansion<'a>,
    ) -> Option<(UseId, Settings<'a>)> {
        let used = self.used_name(expr, || {
            Diagnostic::new(&codes::WRONG_SHAPE, "a component is named here")
                .at(expr.span, "not a component")
                .help("it is written `is Release` or `is Release(image: \"…\")`")
        });
        let (name, span, given) = used?;
        let id = self.component_named(&name, span, scope.module.as_ref())?;
        if let Some(start) = expansion.open.iter().position(|c| *c == id) {
            self.report_component_cycle(&expansion.open[start..], id, span);
            return None;
        }
        if expansion.open.len() >= MAX_COMPONENT_DEPTH {
            self.report_component_depth(span);
            return None;
        }
        let (declared, head) = {
            let ComponentDeclared { declared, head } = &self.index.components[id.index()];
            (declared.clone(), *head)
        };
        let inner = Rc::new(self.component_scope(
            head,
            &declared.name,
            Some((given, expr.span)),
            scope,
            declared.module.clone(),
        ));
        let done = expansion.done.get(&id).map_or(&[][..], Vec::as_slice);
        // Before anything below is expanded: past a limit nothing more is.
        expansion.count += 1;
        if expansion.count > MAX_EXPANSIONS {
            self.report_expansions(span);
            return None;
        }
        if !self.steps(1 + done.len(), span) {
            return None;
        }
        if let Some(known) = done.iter().find(|known| known.bindings == inner.bindings) {
            return self
                .steps(known.settings.stacks.len(), span)
                .then(|| (known.id, known.settings.clone()));
        }
        let use_id = UseId::from_index(self.layers.uses.len());
        self.layers.uses.push(ComponentUse {
            component: id,
            span: expr.span,
            outer,
        });
        expansion.open.push(id);
        let mut below = Vec::new();
        for base in &declared.bases {
            let found = self.component_use(base, place, &inner, Some(use_id), expansion);
            below.push(found.map_or_else(Settings::unreadable, |(_, settings)| settings));
        }
        expansion.open.pop();
        let own = self.own_settings(declared.block, place, &inner, Via::Component(use_id));
        let settings = self.overlay(below, own);
        if !self.steps(1 + settings.stacks.len(), span) {
            return None;
        }
        if !expansion.reached.insert(id) {
            expansion.done.entry(id).or_default().push(Expanded {
                bindings: inner.bindings.clone(),
                id: use_id,
                settings: settings.clone(),
            });
        }
        Some((use_id, settings))
    }

    fn report_component_cycle(&mut self, open: &[ComponentId], id: ComponentId, span: Span) {
        let mut circle = open.to_vec();
        circle.sort_unstable();
        if !self.layers.reported_circles.insert(circle) {
            return;
        }
        let ids = open.iter().chain([&id]);
        let names = ids.map(|c| self.layers.components[c.index()].name.as_str());
        let message = format!("cyclic components: {}", chained(names));
        self.report(
            Diagnostic::new(&codes::COMPONENT_CYCLE, message).at(span, "this closes the circle"),
        );
    }

    /// Reports once that components extend each other too deep; what follows is the same mistake.
    fn report_component_depth(&mut self, span: Span) {
        if std::mem::replace(&mut self.layers.is_too_deep, true) {
            return;
        }
        self.report(
            Diagnostic::new(
                &codes::EVALUATION_BUDGET,
                format!("components extend each other more than {MAX_COMPONENT_DEPTH} deep"),
            )
            .at(span, "one too deep")
            .help("combine components that extend each other into one"),
        );
    }

    /// Reports once that one owner expands too many components.
    fn report_expansions(&mut self, span: Span) {
        if std::mem::replace(&mut self.layers.has_too_many_expansions, true) {
            return;
        }
        self.report(
            Diagnostic::new(
                &codes::EVALUATION_BUDGET,
                "a service or component expands more than 1,000 components",
            )
            .at(span, "one too many")
            .help("use the same arguments where components extend the same component"),
        );
    }

    /// The scope of a component's body: its parameters with the arguments of a use, or, where
    /// `given` is `None`, with their defaults and unknowns.
    pub(super) fn component_scope(
        &mut self,
        head: &'a Expr,
        name: &Ident,
        given: Option<(&'a [Argument], Span)>,
        caller: &Scope,
        module: Option<SmolStr>,
    ) -> Scope {
        let params: &'a [Argument] = match &head.kind {
            ExprKind::Call(call) => &call.args,
            _ => &[],
        };
        let mut scope = Scope {
            bindings: Vec::with_capacity(params.len()),
            given: Vec::new(),
            at: caller.at,
            service: caller.service.clone(),
            module,
        };
        let (args, span) = given.unwrap_or((&[], head.span));
        let longest = [params, args].into_iter().max_by_key(|list| list.len());
        if let Some(beyond) = longest.and_then(|list| list.get(MAX_PARAMETERS)) {
            let message = "a component has more than 1,000 parameters or arguments";
            self.report_budget(beyond.value.span, message);
            let names = params.iter().filter_map(|param| param.name.as_ref());
            scope.bindings = names
                .map(|name| (name.text.clone(), Value::Unknown))
                .collect();
            return scope;
        }
        if given.is_some() {
            self.check_arguments(params, args, name, span);
        }
        let positional: Vec<&Argument> = args.iter().filter(|a| a.name.is_none()).collect();
        for (n, param) in params.iter().enumerate() {
            let Some(param_name) = &param.name else {
                self.report(
                    Diagnostic::new(&codes::WRONG_SHAPE, "a parameter has a name and a type")
                        .at(param.value.span, "no name")
                        .help("it is written `name: Type` or `name: Type = default`"),
                );
                continue;
            };
            let declared = self.declared_type(&param.value);
            let by_name = args
                .iter()
                .find(|a| a.name.as_ref().is_some_and(|n| n.text == param_name.text));
            let argument = by_name.or_else(|| positional.get(n).copied());
            let value = match (argument, &param.default, declared) {
                (_, _, None) => None,
                (Some(argument), _, Some(declared)) => {
                    let at = Evaluator::given_at(&argument.value, caller);
                    scope.given.push((param_name.text.clone(), at));
                    self.eval(&argument.value, caller, &declared)
                }
                (None, Some(default), Some(declared)) => self.eval(default, &scope, &declared),
                (None, None, Some(_)) => {
                    if given.is_some() && !is_misspelt_in(param_name, params, args) {
                        self.report(
                            Diagnostic::new(
                                &codes::WRONG_ARGUMENTS,
                                format!(
                                    "`{}` is missing the argument `{}`",
                                    name.text, param_name.text
                                ),
                            )
                            .at(span, format!("`{}` is missing", param_name.text))
                            .also(param_name.span, "declared without a default"),
                        );
                    }
                    None
                }
            };
            scope
                .bindings
                .push((param_name.text.clone(), value.unwrap_or(Value::Unknown)));
        }
        scope
    }

    /// Reports arguments that no parameter takes.
    fn check_arguments(
        &mut self,
        params: &[Argument],
        args: &[Argument],
        name: &Ident,
        span: Span,
    ) {
        let names: Vec<&str> = params
            .iter()
            .filter_map(|p| p.name.as_ref().map(|n| n.text.as_str()))
            .collect();
        let mut seen: Vec<&SmolStr> = Vec::new();
        for (n, argument) in args.iter().enumerate() {
            match &argument.name {
                Some(given) if !names.contains(&given.text.as_str()) => {
                    let mut diagnostic = Diagnostic::new(
                        &codes::WRONG_ARGUMENTS,
                        format!("`{}` has no parameter `{}`", name.text, given.text),
                    )
                    .at(given.span, "not a parameter")
                    .also(name.span, "the component is declared here");
                    diagnostic =
                        diagnostic.candidates(&given.text, given.span, names.iter().copied());
                    self.report(diagnostic);
                }
                Some(given) if seen.contains(&&given.text) => self.report(
                    Diagnostic::new(
                        &codes::WRONG_ARGUMENTS,
                        format!("`{}` is given twice", given.text),
                    )
                    .at(given.span, "given again"),
                ),
                Some(given) => seen.push(&given.text),
                None if n >= params.len() => self.report(
                    Diagnostic::new(
                        &codes::WRONG_ARGUMENTS,
                        format!(
                            "`{}` takes {} value{}",
                            name.text,
                            params.len(),
                            if params.len() == 1 { "" } else { "s" }
                        ),
                    )
                    .at(argument.value.span, "one too many")
                    .also(span, "given here"),
                ),
                None => {}
            }
        }
    }
}

/// Whether an argument has no parameter of its name, and nearly the name of this one.
fn is_misspelt_in(param: &Ident, params: &[Argument], args: &[Argument]) -> bool {
    let is_known = |name: &Ident| {
        let mut params = params.iter().filter_map(|param| param.name.as_ref());
        params.any(|param| param.text == name.text)
    };
    let mut names = args.iter().filter_map(|argument| argument.name.as_ref());
    names.any(|name| !is_known(name) && nearest(&name.text, [param.text.as_str()]).is_some())
}
