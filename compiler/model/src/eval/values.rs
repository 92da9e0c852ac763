//! Values of statements and constants: what names mean in them, and the functions that only they have.

use erpc_diagnostics::{Diagnostic, Span, codes, listed, nearest};
use erpc_syntax::tree::{Expr, Path};
use smol_str::SmolStr;

use super::budget::Resource;
use super::evaluate::{Machine, Nothing};
use super::evaluator::{Evaluator, Scope};
use super::lowering::{Binding, Context, Lowering, Typed, known};
use crate::functions::{Function, FunctionPlace, Meaning};
use crate::platform::Term;
use crate::value::{Type, Value};

/// The names of a [`Scope`].
pub(super) struct Values<'e, 'a>(pub(super) &'e mut Evaluator<'a>);

impl<'a> Context<'a> for Values<'_, 'a> {
    const IS_KNOWN: bool = true;
    const PLACES: &'static [FunctionPlace] = &[FunctionPlace::Everywhere, FunctionPlace::Values];

    fn evaluator(&mut self) -> &mut Evaluator<'a> {
        self.0
    }

    fn path(
        lowering: &mut Lowering<'_, 'a, Self>,
        path: &Path,
        span: Span,
        expected: Option<&Type>,
    ) -> Option<Typed> {
        if let Some(word) = path.as_word() {
            let mut variables = lowering.variables.iter().rev();
            let bound = variables.find_map(|(name, binding)| match binding {
                Binding::Value(value) if name == word => Some(value.clone()),
                Binding::Value(_) | Binding::Any(_) => None,
            });
            if let Some(value) = bound {
                let is_left = lowering.context.0.count_elements(&value, span);
                return is_left.then(|| known(value, span));
            }
        }
        let scope = lowering.scope;
        let value = lowering.context.0.variable(path, span, scope, expected)?;
        Some(known(value, span))
    }

    fn call(
        lowering: &mut Lowering<'_, 'a, Self>,
        function: &'static Function,
        arguments: &[&Expr],
        span: Span,
    ) -> Option<Typed> {
        if matches!(function.meaning, Meaning::Host | Meaning::Address) {
            let scope = lowering.scope;
            let value = lowering
                .context
                .0
                .address_of(function, arguments[0], span, scope)?;
            return Some(known(value, span));
        }
        let path = lowering.texts(arguments)?.pop()?.into_value();
        let Value::Text(path) = path else {
            return None;
        };
        if matches!(function.meaning, Meaning::Template) {
            return lowering.template(&path, span);
        }
        let text = lowering.context.0.read_text(&path, span)?;
        let is_left = lowering.context.0.count(Resource::Text, text.len(), span);
        is_left.then(|| known(Value::Text(text.as_ref().into()), span))
    }
}

impl Evaluator<'_> {
    pub(super) fn variable(
        &mut self,
        path: &Path,
        span: Span,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Option<Value> {
        let names: Option<Vec<&SmolStr>> = path.segments.iter().map(|s| s.as_name()).collect();
        let (Some(names), None) = (names, &path.port) else {
            self.report_no_value(span, expected);
            return None;
        };
        if let [name] = names.as_slice() {
            if let Some((_, value)) = scope
                .bindings
                .iter()
                .rev()
                .find(|(bound, _)| bound == *name)
            {
                return self.count_elements(value, span).then(|| value.clone());
            }
            match name.as_str() {
                "true" => return Some(Value::Bool(true)),
                "false" => return Some(Value::Bool(false)),
                _ => {}
            }
            if let Some(value) = self.constant(name, scope) {
                return value.filter(|value| self.count_elements(value, span));
            }
            if matches!(expected, Some(Type::Name)) {
                return Some(Value::Text((*name).clone()));
            }
        }
        let value = match (names.as_slice(), &scope.service) {
            ([owner, member], _) if *owner == "platform" => self
                .facts
                .iter()
                .find(|(name, _)| name == *member)
                .map(|(_, value)| value.clone()),
            ([owner, member], Some((name, _))) if *owner == "service" && *member == "name" => {
                Some(Value::Text(name.clone()))
            }
            ([owner, member], Some((_, namespace)))
                if *owner == "service" && *member == "namespace" =>
            {
                Some(Value::Text(namespace.clone()))
            }
            _ => None,
        };
        if value.is_none() {
            self.report_unknown_variable(&names, span, scope, expected);
        }
        value
    }

    fn report_unknown_variable(
        &mut self,
        names: &[&SmolStr],
        span: Span,
        scope: &Scope,
        expected: Option<&Type>,
    ) {
        if self.is_broken_name(names[0]) {
            return;
        }
        let written = names
            .iter()
            .map(|n| n.as_str())
            .collect::<Vec<_>>()
            .join(".");
        let declared = scope.bindings.len() + self.constants.len();
        let is_compared = self.may_compare(declared);
        let mut known: Vec<String> = Vec::new();
        if is_compared {
            known.extend(scope.bindings.iter().map(|(name, _)| name.to_string()));
            known.extend(self.constant_names(scope).map(str::to_owned));
        }
        known.extend(
            self.facts
                .iter()
                .map(|(name, _)| format!("platform.{name}")),
        );
        if scope.service.is_some() {
            known.push("service.name".to_owned());
            known.push("service.namespace".to_owned());
        }
        let mut diagnostic =
            Diagnostic::new(&codes::UNKNOWN_NAME, format!("unknown name `{written}`"))
                .at(span, "declared nowhere");
        let elsewhere = match written.as_str() {
            "null" | "nil" | "none" | "undefined" | "None" => {
                Some("remove the statement: a property without a value is left out")
            }
            "yes" | "on" | "True" => Some("the truth values are `true` and `false`"),
            "no" | "False" => Some(
                "the truth values are `true` and `false`; a property that a component sets is removed with `off`",
            ),
            _ => None,
        };
        if let Some(elsewhere) = elsewhere {
            diagnostic = diagnostic.help(elsewhere);
        } else if is_shell_variable(&written) && self.is_interpolated(span) {
            diagnostic = diagnostic
                .help(format!(
                    "for a variable of this container, which Kubernetes inserts: `$({written})`"
                ))
                .help(format!(
                    "for a variable that a shell or the program inserts: `$${{{written}}}`"
                ));
        } else if let Some(near) = nearest(&written, known.iter().map(String::as_str)) {
            diagnostic = diagnostic.suggest(Some(near), span, |diagnostic| diagnostic);
        } else if matches!(expected, Some(Type::String | Type::Image)) {
            diagnostic = diagnostic.help(format!("text is written in quotes: `\"{written}\"`"));
            // An image without a version would be the next mistake.
            if matches!(expected, Some(Type::String)) {
                diagnostic = diagnostic.fix("put it in quotes", span, format!("\"{written}\""));
            }
        } else if is_compared {
            diagnostic = diagnostic.help(format!(
                "known here: {}",
                listed(known.iter().map(String::as_str), 8)
            ));
        }
        self.report(diagnostic);
    }

    /// Whether a place is in `${…}`.
    fn is_interpolated(&self, span: Span) -> bool {
        let Some(source) = self.loaded.sources.get(span.file) else {
            return false;
        };
        let before = source.text.get(..span.start as usize).unwrap_or_default();
        before.ends_with("${")
    }
}

/// `DB_HOST`: constants of the language are not written so.
fn is_shell_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

impl Evaluator<'_> {
    /// Evaluates to a value of the type; `None` where that was reported or cannot be known.
    pub(crate) fn eval(&mut self, expr: &Expr, scope: &Scope, expected: &Type) -> Option<Value> {
        let value = self.raw(expr, scope, Some(expected))?;
        self.coerce(value, expr.span, expected)
    }

    /// Evaluates without the last word on the type: a number may still be without a unit.
    pub(crate) fn raw(
        &mut self,
        expr: &Expr,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Option<Value> {
        let (term, _) = Lowering::new(Values(self), scope).term(expr, expected)?;
        Some(term.into_value())
    }

    /// The value of a term without variables.
    pub(super) fn value_of(&mut self, term: &Term) -> Option<Value> {
        let mut machine = Machine::new(Nothing, self.budget);
        let value = machine.value(term);
        self.budget = machine.budget;
        match value {
            Ok(value) => Some(value),
            Err(stop) => {
                self.report_stop(stop);
                None
            }
        }
    }
}
