//! Constants, each evaluated when it is first asked for.

use erpc_diagnostics::{Diagnostic, codes, listed, nearest};
use erpc_syntax::tree::{Expr, ExprKind, Ident, Sign, Statement};
use smol_str::SmolStr;

use super::{Evaluator, Scope};
use crate::args::Args;
use crate::value::{Type, Value};

/// How a constant is written.
const FORM: &str = "let NAME[: Type] = EXPR";

/// A `let`.
pub(crate) struct Constant<'a> {
    pub(crate) name: Ident,
    pub(crate) statement: &'a Statement,
    pub(crate) state: ConstantState,
    pub(crate) is_used: bool,
}

pub(crate) enum ConstantState {
    New,
    Open,
    Done(Option<Value>),
}

impl<'a> Evaluator<'a> {
    /// The value of a constant; `None` where there is no such constant, `Some(None)` where it
    /// has no value, which was reported.
    pub(crate) fn constant(&mut self, name: &SmolStr, scope: &Scope) -> Option<Option<Value>> {
        let key = (scope.module.clone(), name.clone());
        let constant = self.constants.get_mut(&key)?;
        constant.is_used = true;
        match &constant.state {
            ConstantState::Done(value) => return Some(value.clone()),
            ConstantState::Open => {
                let span = constant.name.span;
                constant.state = ConstantState::Done(None);
                self.report(
                    Diagnostic::new(
                        &codes::EVALUATION_BUDGET,
                        format!("`{name}` is defined by itself"),
                    )
                    .at(span, "its value needs its value"),
                );
                return Some(None);
            }
            ConstantState::New => constant.state = ConstantState::Open,
        }
        let statement = constant.statement;
        let value = self.constant_value(statement, scope.module.clone());
        if let Some(constant) = self.constants.get_mut(&key) {
            constant.state = ConstantState::Done(value.clone());
        }
        Some(value)
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

    /// The value of a `let NAME[: Type] = EXPR`.
    pub(crate) fn constant_value(
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
                    .at(expr.span, "which one?")
                    .help("say the type: `let name: Duration = …`"),
                );
                return None;
            }
        };
        self.coerce(value, expr.span, &of)
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
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_NAME,
            format!("there is no type `{written}`"),
        )
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
