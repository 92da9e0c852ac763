//! Layers: the components of a service, the service itself, profiles. A layer is a list of statements
//! with the scope in which they are evaluated; here layers become one list of settings for each word
//! and key, lowest first, before any value is computed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Arg, Block, Expr, ExprKind, Segment, Statement};
use rustc_hash::{FxBuildHasher, FxHashMap};
use smol_str::SmolStr;

use super::state::{Declared, Resolver};
use super::under::Owner;
use crate::args::Args;
use crate::eval::Scope;
use crate::origin::{Origin, Sourced, Via};
use crate::properties::{BlockKind, Merge, Word};

/// How a profile sets a property by its path.
pub(super) const PATH_FORM: &str = "PATH = VALUE";
/// How many statements a block of properties may have.
const MAX_STATEMENTS: usize = 10_000;

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
    pub(super) stacks: Vec<Stack<'a>>,
    slots: FxHashMap<Slot, usize>,
    /// Pairs of components on one level that set the same thing differently.
    pub(super) conflicts: Vec<(Slot, [Span; 2])>,
    /// Whether a component among the layers could not be found or read, which was reported: what
    /// seems to be missing may be in it.
    pub(super) is_partial: bool,
}

impl<'a> Settings<'a> {
    /// What stands for a component that could not be read.
    pub(super) fn unreadable() -> Self {
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

    /// Whether `replicas per node` says how many pods there are.
    pub(super) fn is_per_node(&self) -> bool {
        let replicas = self.top("replicas").filter(|_| !self.is_scaled());
        replicas.is_some_and(|setting| setting.args().peek_word("per"))
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
    /// The settings of a declaration without components, under those that profiles lay over it.
    pub(super) fn settings_of_declared(
        &mut self,
        declared: &Declared<'a>,
        place: BlockKind,
        owner: Option<Owner>,
    ) -> Settings<'a> {
        let scope = Rc::new(Scope::default());
        let own = self.own_settings(declared.block, place, &scope, Via::Declared);
        let mut settings = self.overlay(Vec::new(), own);
        let uses = &mut Vec::new();
        self.lay_profiles(&mut settings, owner, declared, place, &scope, uses);
        settings
    }

    /// The settings that a block says itself; reports what stands in it twice.
    pub(super) fn own_settings(
        &mut self,
        block: Option<&'a Block>,
        place: BlockKind,
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
        place: BlockKind,
        scope: &Rc<Scope>,
        via: Via,
    ) -> Vec<Setting<'a>> {
        let mut out: Vec<Setting<'a>> = Vec::with_capacity(statements.len());
        let mut seen: FxHashMap<Slot, Span> =
            FxHashMap::with_capacity_and_hasher(statements.len(), FxBuildHasher);
        let rank = self.rank(via);
        // A namespace has a statement for each of its services.
        let is_bounded = place != BlockKind::Namespace;
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
            let args = &statement.args[1..];
            // Each pair of a list is a setting of its own.
            let pairs = match word.merge {
                Merge::ByPair => Some(args.split(Arg::is_comma)),
                Merge::Replace | Merge::ByKey | Merge::Inside | Merge::Append => None,
            };
            let whole = pairs.is_none().then_some(args);
            for args in pairs.into_iter().flatten().chain(whole) {
                let key = match word.merge {
                    // Each profile has an output of its own.
                    Merge::ByKey if word.name == "output" && args.len() > 2 => {
                        match key_of(args).as_str() {
                            "lib" => format!("lib {}", key_of(&args[2..])).into(),
                            _ => key_of(args),
                        }
                    }
                    Merge::ByKey | Merge::ByPair | Merge::Inside if word.name != "health" => {
                        key_of(args)
                    }
                    _ => SmolStr::default(),
                };
                let setting = Setting {
                    word,
                    key,
                    statement,
                    args,
                    path: None,
                    scope: Rc::clone(scope),
                    via,
                    rank,
                };
                let place = match (word.merge, args.first()) {
                    (Merge::ByPair, Some(key)) => key.span(),
                    _ => statement.span,
                };
                if word.merge == Merge::Append || self.is_first(&setting, place, &mut seen) {
                    out.push(setting);
                }
            }
        }
        out
    }

    /// Whether a block sets a property for the first time; reports that it does not. `seen` has where it did.
    fn is_first(
        &mut self,
        setting: &Setting<'a>,
        place: Span,
        seen: &mut FxHashMap<Slot, Span>,
    ) -> bool {
        let first = *seen.entry(setting.slot()).or_insert(place);
        if first != place {
            self.report(
                Diagnostic::new(
                    &codes::REPEATED_PROPERTY,
                    format!("`{}` is set twice", setting.slot()),
                )
                .at(place, "set again")
                .also(first, "first set here")
                .help(match setting.word.name {
                    "health" => "to ask differently for each probe, write one: `health { ready http \"/ready\"; live http \"/healthy\" }`",
                    _ => "keep one of the two",
                }),
            );
        }
        first == place
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
        let replaces = matches!(
            top.word.merge,
            Merge::Replace | Merge::ByKey | Merge::ByPair
        );
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
                format!("`{off} off` has no effect: no component sets it"),
            )
            .at(setting.statement.span, "removes nothing"),
        );
    }
}

/// The first argument as written, which is the key of words that merge by key.
fn key_of(args: &[Arg]) -> SmolStr {
    match args.first() {
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
        let has_keys = matches!(
            self.word.merge,
            Merge::ByKey | Merge::ByPair | Merge::Inside
        );
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
