//! From the expressions of the syntax tree to typed terms, with all diagnostics of types. A [`Context`] decides what
//! names mean. In values of statements every name has a value, so that each term is computed at once, and of what
//! depends on a condition only the part that is taken is looked at. Conditions of rules and tests are evaluated later,
//! once for each element, so that all their parts are checked here, once.

use std::cmp::Ordering;
use std::marker::PhantomData;

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{
    BinaryOp, Comprehension, Expr, ExprKind, Path, Quantified, Segment, StringPart, UnaryOp,
};
use smol_str::SmolStr;

use super::arithmetic::{decided, order};
use super::evaluator::{Evaluator, Scope};
use super::show::show;
use crate::functions::{Function, FunctionPlace};
use crate::literals::are_alike;
use crate::platform::{Term, TermKind};
use crate::ty::Ty;
use crate::value::{Type, Value};

/// A term with its type.
pub(crate) type Typed = (Term, Ty);

/// What the names of an expression mean.
pub(crate) trait Context<'a>: Sized {
    /// Whether every name has a value.
    const IS_KNOWN: bool;
    /// Of which functions can be called.
    const PLACES: &'static [FunctionPlace];

    fn evaluator(&mut self) -> &mut Evaluator<'a>;

    /// `a`, `a.b`.
    fn path(
        lowering: &mut Lowering<'_, 'a, Self>,
        path: &Path,
        span: Span,
        expected: Option<&Type>,
    ) -> Option<Typed>;

    /// `inner.segment`.
    fn member(
        lowering: &mut Lowering<'_, 'a, Self>,
        _inner: &Expr,
        _segment: &Segment,
        span: Span,
        expected: Option<&Type>,
    ) -> Option<Typed> {
        lowering.evaluator().report_no_value(span, expected);
        None
    }

    /// A call of a function that needs more than the values of its arguments.
    fn call(
        lowering: &mut Lowering<'_, 'a, Self>,
        function: &'static Function,
        arguments: &[&Expr],
        span: Span,
    ) -> Option<Typed>;
}

/// What a variable stands for while its body is lowered.
pub(crate) enum Binding {
    /// A value: the variable of a loop over a known list.
    Value(Value),
    /// One of many values of a type.
    Any(Ty),
}

/// The operands of an operator, and the place of the whole.
#[derive(Clone, Copy)]
pub(super) struct Sides<'e> {
    pub(super) left: &'e Expr,
    pub(super) right: &'e Expr,
    pub(super) span: Span,
}

/// The lowering of an expression.
pub(crate) struct Lowering<'s, 'a, C> {
    pub(crate) context: C,
    pub(crate) scope: &'s Scope,
    /// The variables of rules and loops, outer first.
    pub(crate) variables: Vec<(SmolStr, Binding)>,
    /// Paths that were compared with `off`, so that they have a value here.
    pub(crate) present: Vec<String>,
    program: PhantomData<&'a ()>,
}

impl<'s, 'a, C: Context<'a>> Lowering<'s, 'a, C> {
    pub(crate) fn new(context: C, scope: &'s Scope) -> Self {
        Self {
            context,
            scope,
            variables: Vec::new(),
            present: Vec::new(),
            program: PhantomData,
        }
    }

    pub(crate) fn evaluator(&mut self) -> &mut Evaluator<'a> {
        self.context.evaluator()
    }

    /// An expression as a term.
    pub(crate) fn term(&mut self, expr: &Expr, expected: Option<&Type>) -> Option<Typed> {
        if !self.evaluator().enter(expr.span) {
            return None;
        }
        let typed = self.term_within(expr, expected);
        self.evaluator().leave();
        typed
    }

    fn term_within(&mut self, expr: &Expr, expected: Option<&Type>) -> Option<Typed> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Number(number) => Some(known(Value::Number(number.clone()), span)),
            ExprKind::String(string) => self.text(&string.parts, span),
            ExprKind::Path(path) => C::path(self, path, span, expected),
            ExprKind::Address(text) => Some(known(self.evaluator().address(text, span)?, span)),
            ExprKind::Range(min, max) => self.range(expr, min, max, expected),
            ExprKind::List(items) => self.list(items, span, expected),
            ExprKind::Call(call) => self.call(call, span),
            ExprKind::Member(inner, segment) => C::member(self, inner, segment, span, expected),
            ExprKind::Unary(op, operand) => self.unary(*op, operand, span, expected),
            ExprKind::Binary(op, left, right) => {
                let sides = Sides { left, right, span };
                // What an address is made of is not known yet.
                self.without_addresses(|it| it.binary(*op, sides, expected))
            }
            ExprKind::If(parts) => self.choice(parts, span, expected),
            ExprKind::Quantified(quantified) => self.quantified(quantified, span),
            ExprKind::Comprehension(comprehension) => {
                self.comprehension(comprehension, span, expected)
            }
            ExprKind::Pair(..)
            | ExprKind::Ported(..)
            | ExprKind::Set(_)
            | ExprKind::Block(_)
            | ExprKind::Subresource(..) => {
                self.evaluator().report_no_value(span, expected);
                None
            }
        }
    }

    /// An expression as a term of a type.
    pub(crate) fn fitted(&mut self, expr: &Expr, ty: &Type) -> Option<Term> {
        let typed = self.term(expr, C::IS_KNOWN.then_some(ty))?;
        self.fit(typed, ty)
    }

    /// A term as one of a type: numbers take its unit.
    pub(crate) fn fit(&mut self, (term, ty): Typed, expected: &Type) -> Option<Term> {
        let span = term.span;
        match term.kind {
            TermKind::Value(value) if C::IS_KNOWN || ty == Ty::Number => {
                let value = self.evaluator().coerce(value, span, expected)?;
                Some(Term::known(value, span))
            }
            kind => self.checked(Term { kind, span }, &ty, &Ty::from(expected)),
        }
    }

    /// A term, if its type is the expected one.
    pub(crate) fn checked(&mut self, term: Term, ty: &Ty, expected: &Ty) -> Option<Term> {
        if ty.meets(expected) && !matches!(ty, Ty::Optional(_) | Ty::Off) {
            return Some(term);
        }
        if let Ty::Optional(inner) = ty
            && inner.meets(expected)
        {
            self.report_maybe_off(term.span);
            return None;
        }
        self.evaluator().report(
            Diagnostic::new(
                &codes::WRONG_TYPE,
                format!("expected {expected}, found {ty}"),
            )
            .at(term.span, ty.to_string()),
        );
        None
    }

    pub(crate) fn report_maybe_off(&mut self, span: Span) {
        let written = self.evaluator().written(span).to_owned();
        self.evaluator().report(
            Diagnostic::new(
                &codes::MAYBE_OFF,
                format!("`{written}` is optional and may be `off`, which cannot be compared"),
            )
            .at(span, "may be `off`")
            .help(format!(
                "say what holds without it: `{written} == off or …`, or `{written} != off and …`"
            )),
        );
    }

    /// A term whose operands are settled: its value, if those are known.
    pub(super) fn computed(&mut self, kind: TermKind, span: Span, ty: Ty) -> Option<Typed> {
        let term = Term { kind, span };
        if !C::IS_KNOWN {
            return Some((term, ty));
        }
        let value = self.evaluator().value_of(&term)?;
        Some((Term::known(value, span), ty))
    }

    /// The value of an expression whose names are known, of a type if one is expected.
    fn known_value(&mut self, expr: &Expr, expected: Option<&Type>) -> Option<Value> {
        let term = match expected {
            Some(expected) => self.fitted(expr, expected)?,
            None => self.term(expr, None)?.0,
        };
        Some(term.into_value())
    }

    /// The text of a string or template.
    pub(super) fn text(&mut self, parts: &[StringPart], span: Span) -> Option<Typed> {
        match parts {
            [] => return Some(known(Value::Text(SmolStr::default()), span)),
            [StringPart::Text(text)] => return Some(known(Value::Text(text.clone()), span)),
            _ => {}
        }
        let mut terms = Vec::with_capacity(parts.len());
        // An error in one part does not end the check of the others.
        for part in parts {
            terms.push(match part {
                StringPart::Text(text) => Some(Term::known(Value::Text(text.clone()), span)),
                StringPart::Expr(expr) => self.term(expr, None).map(|(term, _)| term),
            });
        }
        let terms: Vec<Term> = terms.into_iter().collect::<Option<_>>()?;
        if terms
            .iter()
            .any(|term| term.value() == Some(&Value::Unknown))
        {
            return Some(known(Value::Unknown, span));
        }
        self.computed(TermKind::Text(terms), span, Ty::Plain(Type::String))
    }

    fn range(
        &mut self,
        whole: &Expr,
        min: &Expr,
        max: &Expr,
        expected: Option<&Type>,
    ) -> Option<Typed> {
        let span = min.span.to(max.span);
        if !C::IS_KNOWN {
            // The ends of a range are known in conditions too.
            let scope = self.scope;
            let value = self.evaluator().raw(whole, scope, None)?;
            return Some(known(decided(value), whole.span));
        }
        let inner = match expected {
            Some(Type::Range(inner)) => Some(&**inner),
            Some(other) => {
                self.evaluator().report_range(span, other);
                return None;
            }
            None => None,
        };
        let low = self.known_value(min, inner);
        if low.is_none() && are_alike(min, max) {
            // One mistake, made at both ends, whose fix is made at both.
            if self.known_value(max, inner).is_none() {
                self.evaluator().join_fixes();
            }
            return None;
        }
        let high = self.known_value(max, inner);
        let (low, high) = (low?, high?);
        if order(&low, &high) == Some(Ordering::Greater) {
            let (a, b) = (show(&low), show(&high));
            self.evaluator().report(
                Diagnostic::new(
                    &codes::REVERSED_RANGE,
                    format!("the start {a} of the range is above its end {b}"),
                )
                .at(span, format!("{a} is more than {b}"))
                .help("the first value is the request or minimum, the second the limit or maximum"),
            );
            return None;
        }
        Some(known(Value::Range(Box::new(low), Box::new(high)), span))
    }

    /// `if c then a else b`.
    fn choice(&mut self, parts: &[Expr; 3], span: Span, expected: Option<&Type>) -> Option<Typed> {
        let [condition, then, otherwise] = parts;
        let first = self.fitted(condition, &Type::Bool);
        if C::IS_KNOWN {
            let holds = first?.value() == Some(&Value::Bool(true));
            return self.term(if holds { then } else { otherwise }, expected);
        }
        let outside = self.present.len();
        present_where(condition, true, &mut self.present);
        let a = self.term(then, None);
        self.present.truncate(outside);
        present_where(condition, false, &mut self.present);
        let b = self.term(otherwise, None);
        self.present.truncate(outside);
        let (a, b) = self.unified(a?, b?, "alternatives")?;
        let ty = if matches!(b.1, Ty::Optional(_)) {
            b.1
        } else {
            a.1
        };
        let kind = TermKind::If(Box::new([first?, a.0, b.0]));
        Some((Term { kind, span }, ty))
    }

    // ---- lists

    fn list(&mut self, items: &[Expr], span: Span, expected: Option<&Type>) -> Option<Typed> {
        if C::IS_KNOWN {
            let inner = element_of(expected);
            let values = items.iter().map(|item| self.known_value(item, inner));
            let values = values.collect::<Option<Vec<_>>>()?;
            return Some(known(self.evaluator().list(values, span)?, span));
        }
        let mut terms: Vec<Typed> = Vec::with_capacity(items.len());
        for item in items {
            let next = self.term(item, None)?;
            let next = match terms.last().cloned() {
                Some(before) => self.unified(before, next, "in one list")?.1,
                None => self.any_unit(next)?,
            };
            terms.push(next);
        }
        let of = terms.first().map_or(Ty::Never, |(_, ty)| ty.clone());
        let kind = TermKind::List(terms.into_iter().map(|(term, _)| term).collect());
        Some((Term { kind, span }, Ty::list(of)))
    }

    /// A list, and the type of its elements.
    pub(super) fn collection(&mut self, expr: &Expr) -> Option<(Term, Ty)> {
        let typed = self.term(expr, None)?;
        if is_unknown(&typed) {
            return None;
        }
        if let (term, Ty::List(of)) = typed {
            return Some((term, *of));
        }
        let ty = typed.1;
        self.evaluator().report(
            Diagnostic::new(&codes::WRONG_TYPE, format!("expected a list, found {ty}"))
                .at(expr.span, ty.to_string()),
        );
        None
    }

    /// The elements of a known list that a loop goes through. A name is looked up among all that the loop sees: each is
    /// a step.
    fn known_items(&mut self, list: Term) -> Option<Vec<Value>> {
        let visible = self.scope.bindings.len() + self.variables.len();
        match list.kind {
            TermKind::Value(Value::List(items)) => {
                self.evaluator().steps(visible, list.span).then_some(items)
            }
            _ => None,
        }
    }

    /// Lowers the body of a loop or rule, in which a variable is bound.
    fn with_variable<T>(
        &mut self,
        name: &SmolStr,
        binding: Binding,
        lower: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.variables.push((name.clone(), binding));
        let lowered = lower(self);
        self.variables.pop();
        lowered
    }

    fn quantified(&mut self, quantified: &Quantified, span: Span) -> Option<Typed> {
        let (collection, of) = self.collection(&quantified.collection)?;
        let (variable, is_all) = (&quantified.variable.text, quantified.is_all);
        let truth = Ty::Plain(Type::Bool);
        if C::IS_KNOWN {
            let decisive = Value::Bool(!is_all);
            for item in self.known_items(collection)? {
                let holds = self.with_variable(variable, Binding::Value(item), |it| {
                    it.fitted(&quantified.predicate, &Type::Bool)
                })?;
                if holds.value() == Some(&decisive) {
                    return Some((Term::known(decisive, span), truth));
                }
            }
            return Some((Term::known(Value::Bool(is_all), span), truth));
        }
        let predicate = self.with_variable(variable, Binding::Any(of), |it| {
            it.fitted(&quantified.predicate, &Type::Bool)
        });
        let kind = TermKind::Quantified {
            is_all,
            variable: variable.clone(),
            collection: Box::new(collection),
            predicate: Box::new(predicate?),
        };
        Some((Term { kind, span }, truth))
    }

    fn comprehension(
        &mut self,
        written: &Comprehension,
        span: Span,
        expected: Option<&Type>,
    ) -> Option<Typed> {
        let (collection, of) = self.collection(&written.collection)?;
        let variable = &written.variable.text;
        if C::IS_KNOWN {
            let place = written.collection.span;
            let items = self.known_items(collection)?;
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                out.extend(self.with_variable(variable, Binding::Value(item), |it| {
                    it.known_element(written, expected)
                })?);
            }
            return Some(known(self.evaluator().list(out, place)?, span));
        }
        let outside = self.present.len();
        let (condition, element) = self.with_variable(variable, Binding::Any(of), |it| {
            let condition = written.condition.as_ref();
            let lowered = condition.map(|condition| it.fitted(condition, &Type::Bool));
            if let Some(condition) = condition {
                present_where(condition, true, &mut it.present);
            }
            let element = it.term(&written.element, None);
            let element = element.and_then(|element| it.any_unit(element));
            (lowered, element)
        });
        self.present.truncate(outside);
        let (element, ty) = element?;
        let condition = match condition {
            Some(condition) => Some(Box::new(condition?)),
            None => None,
        };
        let kind = TermKind::Comprehension {
            element: Box::new(element),
            collection: Box::new(collection),
            condition,
        };
        Some((Term { kind, span }, Ty::list(ty)))
    }

    /// The element that a comprehension makes of a known one, or `None` inside if its condition does not hold.
    fn known_element(
        &mut self,
        written: &Comprehension,
        expected: Option<&Type>,
    ) -> Option<Option<Value>> {
        if let Some(condition) = &written.condition {
            let holds = self.fitted(condition, &Type::Bool)?;
            if holds.value() != Some(&Value::Bool(true)) {
                return Some(None);
            }
        }
        let element = self.known_value(&written.element, element_of(expected))?;
        Some(Some(element))
    }

    pub(super) fn without_addresses<T>(&mut self, lower: impl FnOnce(&mut Self) -> T) -> T {
        let outside = std::mem::replace(&mut self.evaluator().takes_addresses, false);
        let lowered = lower(self);
        self.evaluator().takes_addresses = outside;
        lowered
    }
}

/// A value as a term with its type.
pub(crate) fn known(value: Value, span: Span) -> Typed {
    let ty = Ty::of_value(&value);
    (Term::known(value, span), ty)
}

/// Whether a term depends on a parameter without a value, so that nothing can be said of it.
pub(super) fn is_unknown((term, _): &Typed) -> bool {
    term.value() == Some(&Value::Unknown)
}

/// The type of the elements of an expected list.
fn element_of(expected: Option<&Type>) -> Option<&Type> {
    match expected {
        Some(Type::List(inner)) => Some(inner),
        _ => None,
    }
}

/// The paths that have a value where a condition is `holds`: those that it compares with `off`.
pub(super) fn present_where(condition: &Expr, holds: bool, out: &mut Vec<String>) {
    match &condition.kind {
        ExprKind::Unary(UnaryOp::Not, inner) => present_where(inner, !holds, out),
        ExprKind::Binary(BinaryOp::And, left, right) if holds => {
            present_where(left, true, out);
            present_where(right, true, out);
        }
        ExprKind::Binary(BinaryOp::Or, left, right) if !holds => {
            present_where(left, false, out);
            present_where(right, false, out);
        }
        ExprKind::Binary(op @ (BinaryOp::Equal | BinaryOp::NotEqual), left, right) => {
            let is_off = |expr: &Expr| expr.as_word().is_some_and(|word| word == "off");
            let path = match (is_off(left), is_off(right)) {
                (false, true) => left,
                (true, false) => right,
                _ => return,
            };
            if (*op == BinaryOp::NotEqual) == holds
                && let ExprKind::Path(path) = &path.kind
            {
                let names = path.segments.iter().filter_map(Segment::as_name);
                out.push(names.map(SmolStr::as_str).collect::<Vec<_>>().join("."));
            }
        }
        _ => {}
    }
}
