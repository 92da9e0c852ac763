//! Constants: each is evaluated once, when something first uses it, and after the constants that its expression
//! names: a chain of any length takes no stack.

use erpc_diagnostics::{Diagnostic, codes, listed, nearest};
use erpc_syntax::tree::{Arg, Expr, ExprKind, Ident, Sign, Statement};
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::evaluator::{Constant, ConstantKey, Evaluator, Scope, State};
use crate::args::Args;
use crate::value::{Type, Value};

/// How a constant is written.
const FORM: &str = "let NAME[: Type] = EXPR";

impl<'a> Evaluator<'a> {
    /// The value of a constant; `None` if the constant does not exist, `Some(None)` if it has no value, which was
    /// reported.
    pub(crate) fn constant(&mut self, name: &SmolStr, scope: &Scope) -> Option<Option<Value>> {
        let key = (scope.module.clone(), name.clone());
        let constant = self.constants.get_mut(&key)?;
        constant.is_used = true;
        if constant.is_new() {
            self.evaluate_with_dependencies(&key);
        }
        let constant = self.constants.get_mut(&key)?;
        if let State::Done(value) = &constant.state {
            return Some(value.clone());
        }
        let span = constant.name.span;
        constant.state = State::Done(None);
        self.report(
            Diagnostic::new(
                &codes::EVALUATION_BUDGET,
                format!("cyclic constant `{name}`: its value depends on itself"),
            )
            .at(span, "its value needs its own value"),
        );
        Some(None)
    }

    /// Whether the program declares a constant of this name.
    pub(crate) fn is_constant(&self, name: &SmolStr) -> bool {
        self.constants.contains_key(&(None, name.clone()))
    }

    /// The names of the constants that a scope can see.
    pub(crate) fn constant_names(&self, scope: &Scope) -> impl Iterator<Item = &str> {
        let module = scope.module.clone();
        self.constants
            .keys()
            .filter(move |(owner, _)| *owner == module)
            .map(|(_, name)| name.as_str())
    }

    /// Evaluates a constant after those that it needs.
    fn evaluate_with_dependencies(&mut self, key: &ConstantKey) {
        for key in self.dependencies_first(key) {
            let Some(constant) = self.constants.get_mut(&key) else {
                continue;
            };
            // One may have been needed by another before its turn.
            if !constant.is_new() {
                continue;
            }
            constant.state = State::Open;
            let statement = constant.statement;
            let value = self.constant_value(statement, key.0.clone());
            if let Some(constant) = self.constants.get_mut(&key) {
                constant.state = State::Done(value);
            }
        }
    }

    /// A constant behind the new constants that its expression names, and those behind theirs. Constants of a
    /// circle come in some order; their evaluation finds whether the circle is real, since a branch that is not
    /// taken needs no value.
    fn dependencies_first(&mut self, key: &ConstantKey) -> Vec<ConstantKey> {
        let mut order = Vec::new();
        let mut seen = FxHashSet::from_iter([key.clone()]);
        let mut open = vec![(key.clone(), self.dependencies(key))];
        while let Some((_, dependencies)) = open.last_mut() {
            match dependencies.pop() {
                Some(next) => {
                    if seen.insert(next.clone()) {
                        let below = self.dependencies(&next);
                        open.push((next, below));
                    }
                }
                None => order.extend(open.pop().map(|(key, _)| key)),
            }
        }
        order
    }

    /// The constants of the same module that the expression of one names and that have no value yet, the first
    /// one last.
    fn dependencies(&mut self, key: &ConstantKey) -> Vec<ConstantKey> {
        let Some(constant) = self.constants.get(key) else {
            return Vec::new();
        };
        let span = constant.name.span;
        let args = constant.statement.args.iter().skip(1);
        let mut open: Vec<&Expr> = args
            .filter_map(|arg| match arg {
                Arg::Expr(expr) => Some(expr),
                Arg::Sign(..) | Arg::Block(_) => None,
            })
            .collect();
        let mut found = Vec::new();
        let mut steps = 0;
        while let Some(expr) = open.pop() {
            steps += 1;
            open.extend(expr.children());
            let Some(name) = expr.as_word() else {
                continue;
            };
            let key = (key.0.clone(), name.clone());
            if self.constants.get(&key).is_some_and(Constant::is_new) {
                found.push(key);
            }
        }
        if self.steps(steps, span) {
            found
        } else {
            Vec::new()
        }
    }

    /// The value of a `let NAME[: Type] = EXPR`.
    fn constant_value(
        &mut self,
        statement: &'a Statement,
        module: Option<SmolStr>,
    ) -> Option<Value> {
        let mut args = Args::new(&statement.args[1..], statement.span, FORM);
        args.need_name("the constant's name", &mut self.diagnostics)?;
        let declared = if args.sign(Sign::Colon).is_some() {
            let expr = args.need_expr("a type", &mut self.diagnostics)?;
            Some(self.declared_type(expr)?)
        } else {
            None
        };
        if args.sign(Sign::Assign).is_none() {
            args.expected("`=`", &mut self.diagnostics);
            return None;
        }
        let expr = args.need_expr("the constant's value", &mut self.diagnostics)?;
        args.finish(&mut self.diagnostics);
        let scope = Scope {
            module,
            ..Scope::default()
        };
        // It may be used anywhere, whoever asks for it first.
        self.with_addresses(false, |it| match declared {
            Some(declared) => it.eval(expr, &scope, &declared),
            None => {
                let value = it.raw(expr, &scope, None)?;
                it.decide(value, expr)
            }
        })
    }

    /// A constant without a type has the one that its suffix decides.
    fn decide(&mut self, value: Value, expr: &Expr) -> Option<Value> {
        let Value::Number(number) = &value else {
            return Some(value);
        };
        let of = match number.suffix.as_str() {
            "" | "k" => Type::Int,
            "Ki" | "Mi" | "Gi" | "Ti" => Type::Memory,
            "ms" | "s" | "h" | "d" => Type::Duration,
            "%" => Type::Percent,
            "/tcp" | "/udp" | "/sctp" => Type::Port,
            _ => {
                self.report(
                    Diagnostic::new(
                        &codes::WRONG_UNIT,
                        format!("`{}{}` may be CPU or a time", number.digits, number.suffix),
                    )
                    .at(expr.span, "ambiguous unit")
                    .help("declare the type: `let name: Duration = …`"),
                );
                return None;
            }
        };
        self.coerce(value, expr.span, &of)
    }

    /// Evaluates the constants that have no value yet, and reports those that nothing uses.
    pub(crate) fn check_constants(&mut self) {
        let mut all: Vec<(ConstantKey, Ident)> = self
            .constants
            .iter()
            .map(|(key, constant)| (key.clone(), constant.name.clone()))
            .collect();
        all.sort_by_key(|(_, name)| name.span);
        for (key, _) in &all {
            self.evaluate_with_dependencies(key);
        }
        for (key, name) in all {
            let is_used = self.constants.get(&key).is_none_or(|one| one.is_used);
            if key.0.is_none() && !is_used {
                self.report(
                    Diagnostic::new(
                        &codes::UNUSED_LET,
                        format!("unused constant `{}`", name.text),
                    )
                    .at(name.span, "not used")
                    .help("remove it"),
                );
            }
        }
    }

    /// The type that a parameter or constant declares: `Cpu`, `Range(Cpu)`, `List(String)`.
    pub(crate) fn declared_type(&mut self, expr: &Expr) -> Option<Type> {
        let found = match &expr.kind {
            ExprKind::Call(call) => {
                let inner = match call.args.as_slice() {
                    [one] if one.name.is_none() => self.declared_type(&one.value)?,
                    _ => return self.unknown_type(expr),
                };
                match call.callee.as_word().map(SmolStr::as_str) {
                    Some("Range") => Some(Type::Range(Box::new(inner))),
                    Some("List") => Some(Type::List(Box::new(inner))),
                    _ => None,
                }
            }
            _ => expr.as_word().and_then(|word| Type::by_name(word)),
        };
        if found.is_none() {
            return self.unknown_type(expr);
        }
        found
    }

    fn unknown_type(&mut self, expr: &Expr) -> Option<Type> {
        let written = self.loaded.sources.text(expr.span).to_owned();
        let mut diagnostic =
            Diagnostic::new(&codes::UNKNOWN_NAME, format!("unknown type `{written}`"))
                .at(expr.span, "not a type");
        let near = match written.to_lowercase().as_str() {
            "integer" | "number" | "uint" | "i32" | "i64" => Some("Int"),
            "str" | "text" | "varchar" => Some("String"),
            "boolean" => Some("Bool"),
            "float" | "double" | "decimal" => None,
            "bytes" | "size" => Some("Memory"),
            "time" | "timespan" | "interval" => Some("Duration"),
            "ip" => Some("Address"),
            "array" => Some("List"),
            _ => nearest(&written, Type::NAMES.iter().copied()),
        };
        diagnostic = diagnostic.suggest(near, expr.span, |diagnostic| {
            diagnostic.help(format!(
                "the types are {}, as in `Range(Cpu)`",
                listed(Type::NAMES.iter().copied(), 20)
            ))
        });
        self.report(diagnostic);
        None
    }
}
