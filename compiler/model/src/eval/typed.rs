//! Expressions as values of the types that statements take.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Expr, Sign};

use super::budget::Resource;
use super::evaluator::{Evaluator, Scope};
use super::show::show;
use crate::args::Args;
use crate::units::{Cpu, Duration, Memory, Percent};
use crate::value::{Type, Value};

impl<'a> Evaluator<'a> {
    pub(crate) fn text(&mut self, expr: &Expr, scope: &Scope) -> Option<String> {
        match self.eval(expr, scope, &Type::String)? {
            Value::Text(text) => self.own(text.into(), expr.span),
            _ => None,
        }
    }

    /// The copy of a text that a property has.
    fn own(&mut self, text: String, span: Span) -> Option<String> {
        self.count(Resource::Properties, text.len(), span)
            .then_some(text)
    }

    /// `"a", "b", list` up to the first sign other than a comma: lists are spliced in.
    pub(crate) fn texts_of(
        &mut self,
        args: &mut Args<'a>,
        scope: &Scope,
        what: &str,
    ) -> Option<(Vec<String>, Span)> {
        let mut texts = Vec::new();
        let mut end;
        loop {
            let expr = args.need_expr(what, &mut self.diagnostics)?;
            end = expr.span;
            let items = match self.raw(expr, scope, Some(&Type::String))? {
                Value::List(items) => items,
                value => vec![value],
            };
            for item in items {
                if let Value::Text(text) = self.coerce(item, expr.span, &Type::String)? {
                    texts.push(self.own(text.into(), expr.span)?);
                }
            }
            if args.sign(Sign::Comma).is_none() {
                return Some((texts, end));
            }
        }
    }

    /// Environment variables are text; numbers and truth values are taken as they are written.
    pub(crate) fn env_text(&mut self, expr: &Expr, scope: &Scope) -> Option<String> {
        match self.raw(expr, scope, Some(&Type::String))? {
            Value::Unknown => None,
            value @ (Value::List(_) | Value::Range(..)) => {
                self.coerce(value, expr.span, &Type::String);
                None
            }
            value => self.own(show(&value), expr.span),
        }
    }

    /// A whole number from `min` to `max`.
    pub(crate) fn int_within(
        &mut self,
        expr: &Expr,
        scope: &Scope,
        min: u32,
        max: u32,
    ) -> Option<u32> {
        let int = self.int(expr, scope)?;
        match u32::try_from(int) {
            Ok(n) if (min..=max).contains(&n) => Some(n),
            _ => {
                self.report(
                    Diagnostic::new(
                        &codes::OUT_OF_RANGE,
                        format!("{int} is out of range: must be between {min} and {max}"),
                    )
                    .at(expr.span, format!("must be {min} to {max}")),
                );
                None
            }
        }
    }

    pub(crate) fn socket(
        &mut self,
        expr: &Expr,
        scope: &Scope,
    ) -> Option<(std::net::IpAddr, Option<u16>)> {
        match self.eval(expr, scope, &Type::Address)? {
            Value::Address(ip, port) => Some((ip, port)),
            _ => None,
        }
    }

    /// Both ends of a range of the type; one value counts as both.
    pub(crate) fn range(&mut self, expr: &Expr, scope: &Scope, of: Type) -> Option<(Value, Value)> {
        match self.eval(expr, scope, &Type::Range(Box::new(of)))? {
            Value::Range(min, max) => Some((*min, *max)),
            _ => None,
        }
    }
}

macro_rules! values {
    ($($name:ident: $ty:ident($of:ty);)*) => {
        impl Evaluator<'_> {
            $(pub(crate) fn $name(&mut self, expr: &Expr, scope: &Scope) -> Option<$of> {
                match self.eval(expr, scope, &Type::$ty)? {
                    Value::$ty(value) => Some(value),
                    _ => None,
                }
            })*
        }
    };
}

values! {
    int: Int(i64);
    duration: Duration(Duration);
    memory: Memory(Memory);
    percent: Percent(Percent);
    cpu: Cpu(Cpu);
    cidr: Cidr(ipnet::IpNet);
}
