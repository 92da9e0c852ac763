//! Calls of functions in the lowering: the types of their arguments and of their results.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Call, Expr};

use super::arithmetic::{decided, zero};
use super::lowering::{Context, Lowering, Typed, known};
use crate::functions::{FUNCTIONS, Function, Meaning, function};
use crate::platform::{Term, TermKind};
use crate::ty::Ty;
use crate::value::Type;

impl<'a, C: Context<'a>> Lowering<'_, 'a, C> {
    pub(super) fn call(&mut self, call: &Call, span: Span) -> Option<Typed> {
        let name = call.callee.as_word().cloned().unwrap_or_default();
        let Some(function) = function(&name).filter(|function| C::PLACES.contains(&function.place))
        else {
            let offered = FUNCTIONS
                .iter()
                .filter(|function| C::PLACES.contains(&function.place));
            let names = offered.map(Function::name);
            let (code, span) = (&codes::UNKNOWN_NAME, call.callee_span);
            let mut unknown = Diagnostic::unknown(code, "function", &name, span, names);
            if let Some(elsewhere) = function(&name) {
                let place = elsewhere.place.name();
                unknown = unknown.help(format!("`{}` can be called in {place}", elsewhere.form));
            }
            self.evaluator().report(unknown);
            return None;
        };
        let is_named = call.args.iter().any(|argument| argument.name.is_some());
        if is_named || !function.takes(call.args.len()) {
            let message = if is_named {
                format!("the arguments of `{name}` have no names")
            } else {
                let takes = function.arguments();
                format!("`{name}` takes {takes}, found {}", call.args.len())
            };
            self.evaluator().report(
                Diagnostic::new(&codes::WRONG_ARGUMENTS, message)
                    .at(span, "called here")
                    .help(format!("it is written `{}`", function.form)),
            );
            return None;
        }
        let arguments: Vec<&Expr> = call.args.iter().map(|argument| &argument.value).collect();
        match &function.meaning {
            Meaning::Texts { gives, .. } => {
                let terms = self.texts(&arguments)?;
                let kind = TermKind::Call(function, terms);
                self.computed(kind, span, Ty::Plain(gives.clone()))
            }
            Meaning::Count => {
                let (list, _) = self.collection(arguments[0])?;
                let kind = TermKind::Call(function, vec![list]);
                self.computed(kind, span, Ty::Plain(Type::Int))
            }
            Meaning::Sum => self.sum(function, arguments[0], span),
            Meaning::File
            | Meaning::Template
            | Meaning::Host
            | Meaning::Address
            | Meaning::Reaches
            | Meaning::Calls
            | Meaning::Wave
            | Meaning::Holds
            | Meaning::Violations => C::call(self, function, &arguments, span),
        }
    }

    /// The arguments of a function of texts. It looks at what they are made of, and an address is not known yet.
    pub(super) fn texts(&mut self, arguments: &[&Expr]) -> Option<Vec<Term>> {
        self.without_addresses(|it| {
            let terms = arguments
                .iter()
                .map(|argument| it.fitted(argument, &Type::String));
            terms.collect()
        })
    }

    fn sum(&mut self, function: &'static Function, list: &Expr, span: Span) -> Option<Typed> {
        let (mut term, mut of) = self.collection(list)?;
        if of.is_undecided() {
            let span = term.span;
            (term, of) = known(decided(term.into_value()), span);
            if let Ty::List(inner) = of {
                of = *inner;
            }
        }
        let Some(zero) = zero(&of) else {
            self.evaluator().report(
                Diagnostic::new(&codes::WRONG_TYPE, format!("`sum` adds numbers, not {of}"))
                    .at(list.span, "not numbers"),
            );
            return None;
        };
        let kind = TermKind::Call(function, vec![term, Term::known(zero, span)]);
        self.computed(kind, span, of)
    }
}
