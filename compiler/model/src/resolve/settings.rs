//! Layers: the components of a service, the service itself, profiles. A layer is a list of statements
//! with the scope in which they are evaluated; here layers become one list of settings for each word
//! and key, lowest first, before any value is computed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, Span, chained, codes, nearest};
use erpc_syntax::tree::{Arg, Argument, Block, Expr, ExprKind, Ident, Segment, Statement};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::state::ComponentDeclared;
use super::state::Resolver;
use crate::args::Args;
use crate::eval::{Evaluator, Scope};
use crate::ids::Id;
use crate::origin::{Origin, Sourced, Via};
use crate::platform::{ComponentId, ComponentUse, UseId};
use crate::properties::{Merge, Place, Word};
use crate::value::Value;

/// How a profile sets a property by its path.
pub(super) const PATH_FORM: &str = "PATH = VALUE";
/// How many components may extend each other, one below the other.
const MAX_COMPONENT_DEPTH: usize = 64;
/// How many statements a block of properties may have.
const MAX_STATEMENTS: usize = 10_000;
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

/// What a path of a profile means in the statement that it names.
#[derive(Clone, Copy)]
pub(super) struct ByPath<'a> {
    /// The place of the line among all of the profile and those below it.
    pub(super) number: usize,
    /// The part of the statement; empty for all of it.
    pub(super) rest: &'a [Segment],
}

/// A statement in its layer.
#[derive(Clone)]
pub(super) struct Setting<'a> {
    pub(super) word: &'static Word,
    /// The first argument, for words that merge by key; empty otherwise.
    pub(super) key: SmolStr,
    pub(super) statement: &'a Statement,
    /// What stands behind the word, or behind the `=` of a path.
    pub(super) args: &'a [Arg],
    /// The path of a profile that sets it.
    pub(super) path: Option<ByPath<'a>>,
    pub(super) scope: Rc<Scope>,
    pub(super) via: Via,
    /// Its layer: a component is below the owner, which is below the profiles.
    pub(super) rank: usize,
}

impl<'a> Setting<'a> {
    /// The arguments behind the word.
    pub(super) fn args(&self) -> Args<'a> {
        let form = self.path.map_or(self.word.form, |_| PATH_FORM);
        Args::new(self.args, self.statement.span, form)
    }

    pub(super) fn slot(&self) -> Slot {
        Slot {
            word: self.word.name,
            key: self.key.clone(),
        }
    }

    /// A value that stands at `span`.
    pub(super) fn sourced<T>(&self, span: Span, value: T) -> Sourced<T> {
        Sourced {
            value,
            origin: self.origin(span),
        }
    }

    /// The origin of a value at `span`.
    pub(super) fn origin(&self, span: Span) -> Origin {
        Origin {
            span,
            via: self.via,
        }
    }
}

/// The settings of one word and key, lowest layer first; never empty.
pub(super) type Stack<'a> = Vec<Setting<'a>>;

/// The highest statement of a stack, and the paths of profiles above it, which change parts of it.
pub(super) fn statement_and_paths<'s, 'a>(
    stack: &'s [Setting<'a>],
) -> (Option<&'s Setting<'a>>, &'s [Setting<'a>]) {
    let at = stack.iter().rposition(|setting| setting.path.is_none());
    let above = at.map_or(0, |at| at + 1);
    (at.map(|at| &stack[at]), &stack[above..])
}

/// A word and a key, by which settings are found.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) word: &'static str,
    pub(super) key: SmolStr,
}

impl Hash for Slot {
    /// Words differ in their length and ends mostly, and most have no key: a look at these is
    /// cheaper than reading both, and every service looks up some thirty.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bytes = self.word.as_bytes();
        let end = |byte: Option<&u8>| u32::from(byte.copied().unwrap_or_default());
        state.write_u32(self.word.len() as u32 | end(bytes.first()) << 8 | end(bytes.last()) << 16);
        if !self.key.is_empty() {
            state.write(self.key.as_bytes());
        }
    }
}

impl fmt::Display for Slot {
    /// As it is written: `image`, `port http`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word)?;
        if self.key.is_empty() {
            return Ok(());
        }
        write!(f, " {}", self.key)
    }
}

impl Slot {
    /// Of a word that has no keys.
    fn of(word: &'static str) -> Self {
        Self {
            word,
            key: SmolStr::default(),
        }
    }
}

/// All settings of an owner, in the order in which their words and keys first appear, the
/// highest layer's first.
#[derive(Clone, Default)]
pub(super) struct Settings<'a> {
    stacks: Vec<Stack<'a>>,
    slots: FxHashMap<Slot, usize>,
    /// Pairs of components on one level that set the same thing differently.
    conflicts: Vec<(Slot, [Span; 2])>,
    /// Whether a component among the layers could not be found or read, which was reported: what
    /// seems to be missing may be in it.
    pub(super) is_partial: bool,
}

impl<'a> Settings<'a> {
    /// What stands for a component that could not be read.
    fn unreadable() -> Self {
        Self {
            is_partial: true,
            ..Self::default()
        }
    }

    /// The settings of a word: a stack for each key.
    pub(super) fn of(&self, word: &str) -> impl Iterator<Item = &Stack<'a>> {
        self.stacks
            .iter()
            .filter(move |stack| stack.first().is_some_and(|s| s.word.name == word))
    }

    /// The highest setting of a word that has no keys.
    pub(super) fn top(&self, word: &'static str) -> Option<&Setting<'a>> {
        let at = *self.slots.get(&Slot::of(word))?;
        self.stacks[at].last()
    }

    /// The highest setting of a word that has no keys, less paths of profiles that change a part of it.
    pub(super) fn whole(&self, word: &'static str) -> Option<&Setting<'a>> {
        let at = *self.slots.get(&Slot::of(word))?;
        let is_whole =
            |setting: &&Setting<'a>| setting.path.is_none_or(|path| path.rest.is_empty());
        self.stacks[at].iter().rev().find(is_whole)
    }

    pub(super) fn get(&self, slot: &Slot) -> Option<&Stack<'a>> {
        let at = *self.slots.get(slot)?;
        Some(&self.stacks[at]).filter(|stack| !stack.is_empty())
    }

    /// The stack of a slot, which is made where there is none.
    fn stack(&mut self, slot: Slot) -> &mut Stack<'a> {
        let at = *self.slots.entry(slot).or_insert_with(|| {
            self.stacks.push(Vec::new());
            self.stacks.len() - 1
        });
        &mut self.stacks[at]
    }

    /// Puts the components of a profile over what is there.
    pub(super) fn lay(&mut self, above: Self, rank: usize) {
        self.is_partial |= above.is_partial;
        for setting in above.stacks.into_iter().flatten() {
            self.push(Setting { rank, ..setting });
        }
    }

    /// Whether an autoscaler owns the number of pods: the higher layer decides where one says `replicas` and another
    /// `scale`.
    pub(super) fn is_scaled(&self) -> bool {
        let rank = |word| self.top(word).map(|setting| setting.rank);
        rank("scale").is_some_and(|scale| Some(scale) >= rank("replicas"))
    }

    /// Takes settings of a word away.
    pub(super) fn remove_of(&mut self, word: &str, is_removed: impl Fn(&Setting<'a>) -> bool) {
        for stack in &mut self.stacks {
            if stack.first().is_some_and(|first| first.word.name == word) {
                stack.retain(|setting| !is_removed(setting));
            }
        }
    }

    pub(super) fn push(&mut self, setting: Setting<'a>) {
        self.stack(setting.slot()).push(setting);
    }

    /// Clears what `off` takes away: a slot, or all keys of a word; whether there was anything.
    pub(super) fn clear(&mut self, off: &Off) -> bool {
        let mut is_cleared = false;
        for stack in &mut self.stacks {
            let is_meant = |first: &Setting<'_>| match off {
                Off::Slot(slot) => first.slot() == *slot,
                Off::Word(word) => first.word.name == *word,
            };
            if stack.first().is_some_and(is_meant) {
                stack.clear();
                is_cleared = true;
            }
        }
        is_cleared
    }

    /// Drops the stacks that have become empty.
    pub(super) fn tidy(&mut self) {
        if self.stacks.iter().all(|stack| !stack.is_empty()) {
            return;
        }
        self.stacks.retain(|stack| !stack.is_empty());
        self.slots.clear();
        for (at, stack) in self.stacks.iter().enumerate() {
            if let Some(first) = stack.first() {
                self.slots.insert(first.slot(), at);
            }
        }
    }
}

impl<'a> Resolver<'a> {
    /// The settings of an owner: those of its components, overlaid by its own block.
    pub(super) fn settings(
        &mut self,
        bases: &[&'a Expr],
        block: Option<&'a Block>,
        place: Place,
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
        let merged = self.overlay(below, own);
        for (slot, [first, second]) in &merged.conflicts {
            self.report(
                Diagnostic::new(
                    &codes::COMPONENT_CONFLICT,
                    format!("two components set `{slot}`"),
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

    /// The settings that a block says itself; reports what stands in it twice.
    pub(super) fn own_settings(
        &mut self,
        block: Option<&'a Block>,
        place: Place,
        scope: &Rc<Scope>,
        via: Via,
    ) -> Vec<Setting<'a>> {
        let statements = block.map_or(&[][..], |block| &block.statements);
        self.settings_of(statements.iter(), place, scope, via)
    }

    /// The settings of statements.
    pub(super) fn settings_of(
        &mut self,
        statements: impl ExactSizeIterator<Item = &'a Statement>,
        place: Place,
        scope: &Rc<Scope>,
        via: Via,
    ) -> Vec<Setting<'a>> {
        let mut out: Vec<Setting<'a>> = Vec::with_capacity(statements.len());
        let mut seen: FxHashMap<Slot, Span> =
            FxHashMap::with_capacity_and_hasher(statements.len(), FxBuildHasher);
        let rank = self.rank(via);
        // A namespace has a statement for each of its services.
        let is_bounded = place != Place::Namespace;
        let most = if is_bounded {
            MAX_STATEMENTS
        } else {
            usize::MAX
        };
        for (number, statement) in statements.enumerate() {
            if number == most {
                self.report_budget(statement.span, "a block has more than 10,000 statements");
                break;
            }
            let Some(word) = self.word(statement, place) else {
                continue;
            };
            let key = match word.merge {
                Merge::ByKey | Merge::Inside if word.name != "health" => key_of(statement),
                _ => SmolStr::default(),
            };
            let setting = Setting {
                word,
                key,
                statement,
                args: &statement.args[1..],
                path: None,
                scope: Rc::clone(scope),
                via,
                rank,
            };
            if word.merge != Merge::Append {
                let first = *seen.entry(setting.slot()).or_insert(statement.span);
                if first != statement.span {
                    self.report(
                        Diagnostic::new(
                            &codes::REPEATED_PROPERTY,
                            format!("`{}` is set twice", setting.slot()),
                        )
                        .at(statement.span, "set again")
                        .also(first, "first set here")
                        .help(match setting.word.name {
                            "health" => "to ask differently for each probe, write one: `health { ready http \"/ready\"; live http \"/healthy\" }`",
                            _ => "keep one of the two",
                        }),
                    );
                    continue;
                }
            }
            out.push(setting);
        }
        out
    }

    /// Puts `own` over `below`, whose members are on one level with each other.
    pub(super) fn overlay(
        &mut self,
        below: Vec<Settings<'a>>,
        own: Vec<Setting<'a>>,
    ) -> Settings<'a> {
        let mut out = Settings::default();
        let most = own.len() + below.iter().map(|s| s.stacks.len()).sum::<usize>();
        out.slots.reserve(most);
        out.stacks.reserve(most);
        // Own slots first: a service's own ports come before its component's. The environment is the
        // other way round, so that a variable may refer to one of a component.
        for setting in own.iter().filter(|setting| setting.word.name != "env") {
            out.stack(setting.slot());
        }
        for settings in below {
            out.conflicts.extend(settings.conflicts.iter().cloned());
            out.is_partial |= settings.is_partial;
            for stack in settings.stacks {
                self.add_below(&mut out, stack);
            }
        }
        for setting in own {
            if !out.conflicts.is_empty() {
                let own = setting.slot();
                out.conflicts.retain(|(slot, _)| *slot != own);
            }
            if let Some(off) = setting.off() {
                self.remove(&mut out, &setting, &off);
            } else {
                out.push(setting);
            }
        }
        out.tidy();
        out
    }

    /// Adds what one component says to what its neighbours on the level said before.
    fn add_below(&mut self, out: &mut Settings<'a>, stack: Stack<'a>) {
        let Some(top) = stack.last() else {
            return;
        };
        let replaces = matches!(top.word.merge, Merge::Replace | Merge::ByKey);
        let slot = top.slot();
        if replaces && let Some(other) = out.get(&slot).and_then(|s| s.last()) {
            if !std::ptr::eq(other.statement, top.statement) {
                let places = [other.statement.span, top.statement.span];
                out.conflicts.push((slot, places));
            }
            return;
        }
        let into = out.stack(slot);
        if into.is_empty() {
            *into = stack;
            return;
        }
        // What is reached on two ways with the same arguments is said once.
        let mut known: FxHashMap<*const Statement, Vec<Rc<Scope>>> = FxHashMap::default();
        for setting in into.iter() {
            let scopes = known.entry(setting.statement).or_default();
            scopes.push(Rc::clone(&setting.scope));
        }
        let is_known = |setting: &Setting<'a>| {
            let scopes = known.get(&std::ptr::from_ref(setting.statement));
            scopes.into_iter().flatten().any(|scope| {
                Rc::ptr_eq(scope, &setting.scope) || scope.bindings == setting.scope.bindings
            })
        };
        into.extend(stack.into_iter().filter(|setting| !is_known(setting)));
    }

    /// `X off`: what lower layers say of X is gone.
    fn remove(&mut self, out: &mut Settings<'a>, setting: &Setting<'a>, off: &Off) {
        if out.clear(off) || out.is_partial {
            return;
        }
        self.report(
            Diagnostic::new(
                &codes::NOTHING_TO_REMOVE,
                format!("no component sets `{off}`, so there is nothing to remove"),
            )
            .at(setting.statement.span, "removes nothing"),
        );
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
            let message = format!("there is no component `{name}`");
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

    /// What `is Name(args)` contributes.
    fn component_use(
        &mut self,
        expr: &'a Expr,
        place: Place,
        scope: &Rc<Scope>,
        outer: Option<UseId>,
        expansion: &mut Expansion<'a>,
    ) -> Option<(UseId, Settings<'a>)> {
        let (name, span, given): (SmolStr, Span, &'a [Argument]) = match &expr.kind {
            ExprKind::Call(call) => (call.callee.as_word()?.clone(), call.callee_span, &call.args),
            _ => match expr.as_word() {
                Some(word) => (word.clone(), expr.span, &[]),
                None => {
                    self.report(
                        Diagnostic::new(&codes::WRONG_SHAPE, "a component is named here")
                            .at(expr.span, "not a component")
                            .help("it is written `is Release` or `is Release(image: \"…\")`"),
                    );
                    return None;
                }
            },
        };
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
        let message = format!("components are made of each other: {}", chained(names));
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
                    let is_misspelt = |argument: &Argument| {
                        let name = argument.name.as_ref();
                        let is_unknown = |name: &&Ident| {
                            let mut params = params.iter().filter_map(|p| p.name.as_ref());
                            !params.any(|param| param.text == name.text)
                        };
                        let name = name.filter(is_unknown);
                        name.is_some_and(|n| nearest(&n.text, [param_name.text.as_str()]).is_some())
                    };
                    if given.is_some() && !args.iter().any(is_misspelt) {
                        self.report(
                            Diagnostic::new(
                                &codes::WRONG_ARGUMENTS,
                                format!("`{}` needs a value for `{}`", name.text, param_name.text),
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

/// The first argument as written, which is the key of words that merge by key.
fn key_of(statement: &Statement) -> SmolStr {
    match statement.args.get(1) {
        Some(Arg::Expr(expr)) => match &expr.kind {
            ExprKind::Path(path) if path.segments.len() == 1 => {
                path.segments[0].as_name().cloned().unwrap_or_default()
            }
            ExprKind::Path(path) => path
                .segments
                .iter()
                .filter_map(|s| s.as_name().map(SmolStr::as_str))
                .collect::<Vec<_>>()
                .join(".")
                .into(),
            _ => crate::args::plain_text(expr).unwrap_or_default().into(),
        },
        _ => SmolStr::default(),
    }
}

/// What `off` takes away.
pub(super) enum Off {
    Slot(Slot),
    /// A word with all its keys.
    Word(&'static str),
}

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(slot) => slot.fmt(f),
            Self::Word(word) => f.write_str(word),
        }
    }
}

impl Setting<'_> {
    /// What a statement takes away that ends with the word `off` right behind its word or key.
    pub(super) fn off(&self) -> Option<Off> {
        let [before @ .., Arg::Expr(last)] = self.args else {
            return None;
        };
        if !is_off_word(last) {
            return None;
        }
        let has_keys = matches!(self.word.merge, Merge::ByKey | Merge::Inside);
        match (self.path, before) {
            (Some(path), []) => path.rest.is_empty().then(|| Off::Slot(self.slot())),
            (None, []) if has_keys || self.word.merge == Merge::Append => {
                Some(Off::Word(self.word.name))
            }
            (None, []) => Some(Off::Slot(self.slot())),
            (None, [_]) if !self.key.is_empty() => Some(Off::Slot(self.slot())),
            _ => None,
        }
    }
}

/// Whether an expression is the word `off`.
pub(super) fn is_off_word(expr: &Expr) -> bool {
    expr.as_word().is_some_and(|word| word == "off")
}
