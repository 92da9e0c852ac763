//! The meaning of terms. Types are settled before, so that what can still go wrong is arithmetic (a division by zero,
//! a result out of range) and the budget; each stops the evaluation.

use erpc_diagnostics::Span;
use erpc_syntax::tree::BinaryOp;

use super::arithmetic::{Stop, arithmetic, compares, negated};
use super::budget::{Budget, Resource};
use super::show::show;
use crate::elements::Element;
use crate::functions::{Function, Meaning};
use crate::platform::{MemberId, Term, TermKind};
use crate::value::Value;

/// What terms are about: a platform, for those of rules and tests.
pub(crate) trait Subject: Sized {
    /// A value as text.
    fn show(&self, value: &Value) -> String;
    /// A member of an element.
    fn member(&self, element: Element, member: MemberId) -> Value;
    /// The value of a term that asks the subject: about paths, waves and rules.
    fn ask(machine: &mut Machine<Self>, term: &Term) -> Result<Value, Stop>;
}

/// The subject of values, which ask nothing.
pub(crate) struct Nothing;

impl Subject for Nothing {
    fn show(&self, value: &Value) -> String {
        show(value)
    }

    fn member(&self, _: Element, _: MemberId) -> Value {
        Value::Off
    }

    fn ask(_: &mut Machine<Self>, _: &Term) -> Result<Value, Stop> {
        Ok(Value::Off)
    }
}

/// The evaluation of terms about a subject.
pub(crate) struct Machine<S> {
    pub(crate) subject: S,
    /// The values of the variables that are bound, outer first.
    pub(crate) variables: Vec<Value>,
    pub(crate) budget: Budget,
}

impl<S: Subject> Machine<S> {
    pub(crate) fn new(subject: S, budget: Budget) -> Self {
        Self {
            subject,
            variables: Vec::new(),
            budget,
        }
    }

    /// Counts what is about to be used.
    pub(crate) fn take(&mut self, resource: Resource, amount: usize, at: Span) -> Result<(), Stop> {
        let taken = self.budget.take(resource, amount);
        taken.map_err(|exceeded| Stop::from_budget(exceeded, at))
    }

    /// Whether a condition holds.
    pub(crate) fn holds(&mut self, condition: &Term) -> Result<bool, Stop> {
        Ok(self.value(condition)? == Value::Bool(true))
    }

    /// A term's value as text.
    pub(crate) fn text(&mut self, term: &Term) -> Result<String, Stop> {
        let value = self.value(term)?;
        Ok(self.subject.show(&value))
    }

    fn items(&mut self, list: &Term) -> Result<Vec<Value>, Stop> {
        Ok(match self.value(list)? {
            Value::List(items) => items,
            // The type checker lets nothing else come here.
            other => vec![other],
        })
    }

    /// The value of a term. The elements of a list are steps, so that a list costs what it holds.
    pub(crate) fn value(&mut self, term: &Term) -> Result<Value, Stop> {
        self.take(Resource::Steps, 1, term.span)?;
        let value = self.value_within(term)?;
        if let Value::List(items) = &value {
            self.take(Resource::Steps, items.len(), term.span)?;
        }
        Ok(value)
    }

    fn value_within(&mut self, term: &Term) -> Result<Value, Stop> {
        Ok(match &term.kind {
            TermKind::Value(value) => value.clone(),
            TermKind::Variable(at) => self.variables.get(*at).cloned().unwrap_or(Value::Off),
            TermKind::Member(inner, member) => match self.value(inner)? {
                Value::Element(element) => self.subject.member(element, *member),
                // Only where the type checker saw that it is there.
                _ => Value::Off,
            },
            TermKind::RangeEnd(inner, is_max) => match self.value(inner)? {
                Value::Range(min, max) => *if *is_max { max } else { min },
                other => other,
            },
            TermKind::List(items) => {
                let values = items.iter().map(|item| self.value(item));
                Value::List(values.collect::<Result<_, _>>()?)
            }
            TermKind::Text(parts) => self.joined(parts, term.span)?,
            TermKind::Not(inner) => Value::Bool(!self.holds(inner)?),
            TermKind::Negate(inner) => {
                let value = self.value(inner)?;
                negated(&value, term.span)?
            }
            TermKind::And(left, right) => Value::Bool(self.holds(left)? && self.holds(right)?),
            TermKind::Or(left, right) => Value::Bool(self.holds(left)? || self.holds(right)?),
            TermKind::Compare(op, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Value::Bool(compares(*op, &left, &right))
            }
            TermKind::In(needle, list) => {
                let needle = self.value(needle)?;
                let items = self.items(list)?;
                self.take(Resource::Steps, items.len(), term.span)?;
                Value::Bool(items.contains(&needle))
            }
            TermKind::Arithmetic(op, left, right) => {
                let (a, b) = (self.value(left)?, self.value(right)?);
                let length = text_length(&a).saturating_add(text_length(&b));
                self.take(Resource::Text, length, term.span)?;
                arithmetic(*op, &a, &b, right.span, term.span)?
            }
            TermKind::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                let holds = self.holds(condition)?;
                self.value(if holds { then } else { otherwise })?
            }
            TermKind::Quantified {
                is_all,
                collection,
                predicate,
                ..
            } => {
                let found = self.decisive(*is_all, collection, predicate)?;
                Value::Bool(found.is_some() != *is_all)
            }
            TermKind::Comprehension {
                element,
                collection,
                condition,
            } => self.comprehension(element, collection, condition.as_deref())?,
            TermKind::Call(function, arguments) => self.call(function, arguments, term.span)?,
            TermKind::Path(_)
            | TermKind::Wave(_)
            | TermKind::Holds(..)
            | TermKind::Violations(_) => S::ask(self, term)?,
        })
    }

    /// The text of a string with `${…}`.
    fn joined(&mut self, parts: &[Term], span: Span) -> Result<Value, Stop> {
        let mut text = String::new();
        for part in parts {
            let value = self.value(part)?;
            self.take(Resource::Text, text_length(&value), span)?;
            match &value {
                Value::Text(part) => text.push_str(part),
                other => text.push_str(&self.subject.show(other)),
            }
        }
        Ok(Value::Text(text.into()))
    }

    /// The first item that decides: for `all` one for which the predicate does not hold, for `any` one for which it
    /// does.
    pub(crate) fn decisive(
        &mut self,
        is_all: bool,
        collection: &Term,
        predicate: &Term,
    ) -> Result<Option<Value>, Stop> {
        for item in self.items(collection)? {
            self.variables.push(item);
            let holds = self.holds(predicate);
            let item = self.variables.pop();
            if holds? != is_all {
                return Ok(item);
            }
        }
        Ok(None)
    }

    fn comprehension(
        &mut self,
        element: &Term,
        collection: &Term,
        condition: Option<&Term>,
    ) -> Result<Value, Stop> {
        let mut out = Vec::new();
        for item in self.items(collection)? {
            self.variables.push(item);
            let one = match condition.map_or(Ok(true), |condition| self.holds(condition)) {
                Ok(true) => self.value(element).map(Some),
                Ok(false) => Ok(None),
                Err(stop) => Err(stop),
            };
            self.variables.pop();
            out.extend(one?);
        }
        Ok(Value::List(out))
    }

    fn call(
        &mut self,
        function: &'static Function,
        arguments: &[Term],
        span: Span,
    ) -> Result<Value, Stop> {
        let values = arguments.iter().map(|argument| self.value(argument));
        let values: Vec<Value> = values.collect::<Result<_, _>>()?;
        let items = match values.first() {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        self.take(Resource::Steps, items.len(), span)?;
        match &function.meaning {
            Meaning::Texts { compute, cost, .. } => {
                let texts = values.iter().map(|value| match value {
                    Value::Text(text) => text.as_str(),
                    // The type checker lets nothing else come here.
                    _ => "",
                });
                let texts: Vec<&str> = texts.collect();
                self.take(Resource::Text, cost(&texts), span)?;
                Ok(compute(&texts))
            }
            Meaning::Count => Ok(Value::Int(i64::try_from(items.len()).unwrap_or(i64::MAX))),
            Meaning::Sum => {
                // The second argument is zero in the unit of the list.
                let zero = values.get(1).cloned().unwrap_or(Value::Int(0));
                items.iter().try_fold(zero, |sum, item| {
                    arithmetic(BinaryOp::Add, &sum, item, span, span)
                })
            }
            Meaning::File
            | Meaning::Template
            | Meaning::Host
            | Meaning::Address
            | Meaning::Reaches
            | Meaning::Calls
            | Meaning::Wave
            | Meaning::Holds
            | Meaning::Violations => Ok(Value::Off),
        }
    }
}

/// How much text a value is made of; other values are short.
fn text_length(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items
            .iter()
            .fold(0, |sum, item| sum.saturating_add(2 + text_length(item))),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    //! What expressions mean. Each row of a table is evaluated twice: as the value of a statement, computed while it is
    //! lowered, and as a condition of a rule, lowered first and evaluated later.

    use erpc_diagnostics::{Code, Span, codes};
    use erpc_syntax::tree::{Arg, Expr, Path};

    use super::{Machine, Nothing};
    use crate::eval::budget::{Budget, OF_CONDITIONS, Resource};
    use crate::eval::lowering::{Binding, Context, Lowering, Typed, known};
    use crate::eval::{Evaluator, Scope, show};
    use crate::functions::{FUNCTIONS, Function, FunctionPlace};
    use crate::platform::{Term, TermKind};
    use crate::program::{Files, ReadError};
    use crate::value::{Type, Value};

    /// A program that is one constant.
    struct Program(String);

    impl Files for Program {
        fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
            match path {
                "platform.erp" => Ok(self.0.clone().into_bytes()),
                "greeting.txt" => Ok(b"Hello ${1 + 1}".to_vec()),
                _ => Err(ReadError::NotFound),
            }
        }
    }

    /// Constants as the names of conditions.
    struct Later<'e, 'a>(&'e mut Evaluator<'a>);

    impl<'a> Context<'a> for Later<'_, 'a> {
        const IS_KNOWN: bool = false;
        const PLACES: &'static [FunctionPlace] = &[FunctionPlace::Everywhere];

        fn evaluator(&mut self) -> &mut Evaluator<'a> {
            self.0
        }

        fn path(
            lowering: &mut Lowering<'_, 'a, Self>,
            path: &Path,
            span: Span,
            expected: Option<&Type>,
        ) -> Option<Typed> {
            let mut variables = lowering.variables.iter().enumerate();
            let word = path.as_word();
            let bound = variables.find_map(|(at, (name, binding))| match binding {
                Binding::Any(ty) if Some(name) == word => Some((at, ty.clone())),
                _ => None,
            });
            if let Some((at, ty)) = bound {
                let kind = TermKind::Variable(at);
                return Some((Term { kind, span }, ty));
            }
            let scope = lowering.scope;
            let value = lowering.context.0.variable(path, span, scope, expected)?;
            Some(known(value, span))
        }

        fn call(
            _: &mut Lowering<'_, 'a, Self>,
            _: &'static Function,
            _: &[&Expr],
            _: Span,
        ) -> Option<Typed> {
            None
        }
    }

    /// Evaluates an expression: its value as text, or the code of the first diagnostic.
    fn evaluated(
        text: &str,
        evaluate: impl FnOnce(&mut Evaluator<'_>, &Expr) -> Option<Value>,
    ) -> String {
        let files = Program(format!("erp 1\nlet x = {text}\n"));
        let (loaded, found) = crate::load("platform.erp", &files);
        assert!(!found.has_errors(), "{text}: {found:?}");
        let statement = loaded.files[0].tree.statements.last();
        let Some(Arg::Expr(expr)) = statement.and_then(|statement| statement.args.last()) else {
            panic!("{text} is not an expression");
        };
        let mut evaluator = Evaluator::new(&loaded, &files);
        let value = evaluate(&mut evaluator, expr);
        match (value, evaluator.diagnostics.as_slice()) {
            (Some(value), []) => show(&value),
            (None, [first, ..]) => first.code.id.to_owned(),
            (value, found) => panic!("{text}: {value:?} with {found:?}"),
        }
    }

    fn as_value(text: &str, expected: Option<&Type>) -> String {
        evaluated(text, |evaluator, expr| match expected {
            Some(expected) => evaluator.eval(expr, &Scope::default(), expected),
            None => evaluator.raw(expr, &Scope::default(), None),
        })
    }

    fn as_condition(text: &str) -> String {
        evaluated(text, |evaluator, expr| {
            let scope = Scope::default();
            let (term, _) = Lowering::new(Later(evaluator), &scope).term(expr, None)?;
            let mut machine = Machine::new(Nothing, Budget::new(&OF_CONDITIONS));
            match machine.value(&term) {
                Ok(value) => Some(value),
                Err(stop) => {
                    evaluator.report_stop(stop);
                    None
                }
            }
        })
    }

    #[test]
    fn operators_give_values() {
        for (text, value) in [
            ("1 + 2", "3"),
            ("7 - 9", "-2"),
            ("7 / 2", "3"),
            ("-(1 + 2)", "-3"),
            ("2 * 250m", "500m"),
            ("1Gi / 4", "256Mi"),
            ("60s / 2s", "30"),
            ("512Mi + 512Mi", "1Gi"),
            ("99% - 9%", "90%"),
            ("\"a\" + \"b\"", "ab"),
            ("1Gi == 1024Mi", "true"),
            ("1 != 2", "true"),
            ("2s <= 2000ms", "true"),
            ("\"b\" > \"a\"", "true"),
            ("[1, 2] == [1, 2]", "true"),
            ("2 in [1, 2]", "true"),
            ("\"c\" in [\"a\", \"b\"]", "false"),
            ("not (1 > 2)", "true"),
            ("1 < 2 and 2 < 1", "false"),
            ("1 < 2 or 2 < 1", "true"),
            ("if 1 < 2 then 3 else 4", "3"),
            ("all x in [1, 2]: x > 1", "false"),
            ("any x in [1, 2]: x > 1", "true"),
            ("[x * 2 for x in [1, 2, 3] if x > 1]", "4, 6"),
            ("\"${1 + 1} of ${[1, 2]}\"", "2 of 1, 2"),
            ("10.0.0.0/8 == 10.0.0.0/8", "true"),
        ] {
            assert_eq!(as_value(text, None), value, "{text} as a value");
            assert_eq!(as_condition(text), value, "{text} as a condition");
        }
    }

    #[test]
    fn functions_give_values() {
        for (text, value) in [
            ("contains(\"abc\", \"b\")", "true"),
            ("starts-with(\"abc\", \"ab\")", "true"),
            ("ends-with(\"abc\", \"ab\")", "false"),
            ("lower(\"ÄB\")", "äb"),
            ("replace(\"a-b-c\", \"-\", \"+\")", "a+b+c"),
            ("replace(\"ab\", \"\", \"+\")", "ab"),
            (
                "sha256(\"\")",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            ("count([\"a\", \"b\"])", "2"),
            ("sum([1, 2, 3])", "6"),
            ("sum([1s, 2s])", "3s"),
        ] {
            assert_eq!(as_value(text, None), value, "{text} as a value");
            assert_eq!(as_condition(text), value, "{text} as a condition");
        }
        assert_eq!(as_value("file(\"greeting.txt\")", None), "Hello ${1 + 1}");
        assert_eq!(as_value("template(\"greeting.txt\")", None), "Hello 2");
    }

    #[test]
    fn what_has_no_value_has_a_code() {
        for (text, code) in [
            ("1 / 0", &codes::DIVISION_BY_ZERO),
            ("1Gi - 2Gi", &codes::OUT_OF_RANGE),
            ("9223372036854775807 + 1", &codes::OUT_OF_RANGE),
            ("-(0 - 9223372036854775807 - 1)", &codes::OUT_OF_RANGE),
            ("1s + 1Gi", &codes::MIXED_UNITS),
            ("2s * 3s", &codes::MIXED_UNITS),
            ("1 + true", &codes::MIXED_UNITS),
            ("1s == \"1s\"", &codes::MIXED_UNITS),
            ("\"a\" in [1, 2]", &codes::MIXED_UNITS),
            ("\"a\" - \"b\"", &codes::WRONG_TYPE),
            ("true < false", &codes::WRONG_TYPE),
            ("1 in 2", &codes::WRONG_TYPE),
            ("not 1", &codes::WRONG_TYPE),
            ("all x in 3: x > 1", &codes::WRONG_TYPE),
            ("if 1 then 2 else 3", &codes::WRONG_TYPE),
            ("lower(5)", &codes::WRONG_TYPE),
            ("lower(\"a\", \"b\")", &codes::WRONG_ARGUMENTS),
            ("lower(text: \"a\")", &codes::WRONG_ARGUMENTS),
            ("sum([\"a\"])", &codes::WRONG_TYPE),
            ("upper(\"a\")", &codes::UNKNOWN_NAME),
            ("wave(x)", &codes::UNKNOWN_NAME),
            ("y + 1", &codes::UNKNOWN_NAME),
        ] as [(&str, &Code); _]
        {
            assert_eq!(as_value(text, None), code.id, "{text} as a value");
            assert_eq!(as_condition(text), code.id, "{text} as a condition");
        }
    }

    #[test]
    fn the_expected_type_decides_units() {
        let range = |inner| Type::Range(Box::new(inner));
        for (text, expected, value) in [
            ("5m", Type::Cpu, "5m"),
            ("5m", Type::Duration, "5m"),
            ("3", Type::Cpu, "3"),
            ("2 * 250m", Type::Cpu, "500m"),
            ("2 * 5m", Type::Duration, "10m"),
            ("2 * 3", Type::Cpu, "6"),
            ("2 * 8Mi", range(Type::Memory), "16Mi"),
            ("100m..200m", range(Type::Cpu), "100m..200m"),
            ("100m", range(Type::Cpu), "100m"),
            ("3..1", range(Type::Int), codes::REVERSED_RANGE.id),
            ("if true then 1 else \"a\"", Type::Port, "1"),
            ("[1, 500m]", Type::List(Box::new(Type::Cpu)), "1, 500m"),
            (
                "[x / 2 for x in [1, 2]]",
                Type::List(Box::new(Type::Cpu)),
                "500m, 1",
            ),
            ("node", Type::Name, "node"),
            ("1.36", Type::Version, "1.36"),
            ("5", Type::Memory, codes::MISSING_UNIT.id),
            ("5s", Type::Memory, codes::WRONG_UNIT.id),
            ("-5", Type::Cpu, codes::OUT_OF_RANGE.id),
            ("1..2", Type::Int, codes::WRONG_TYPE.id),
        ] {
            assert_eq!(as_value(text, Some(&expected)), value, "{text}");
        }
    }

    /// A branch that is not taken is not looked at in a value, and is checked in a condition.
    #[test]
    fn conditions_are_checked_in_all_their_parts() {
        for text in [
            "if true then 1 else y",
            "if true then 1 else \"a\"",
            "false and y",
            "true or y",
            "all x in []: y",
        ] {
            assert!(!as_value(text, None).starts_with('E'), "{text} as a value");
            assert!(as_condition(text).starts_with('E'), "{text} as a condition");
        }
    }

    /// A component that is checked by itself knows the names of its parameters only.
    #[test]
    fn a_parameter_without_a_value_is_never_wrong() {
        let scope = Scope {
            bindings: vec![("p".into(), Value::Unknown)],
            ..Scope::default()
        };
        for text in [
            "p",
            "p + 1s",
            "2 * p",
            "p < 3",
            "3 in p",
            "p in [1]",
            "-(p)",
            "not p",
            "p and y",
            "if p then y else 1",
            "all x in p: y",
            "[y for x in p]",
            "count(p)",
            "sum(p)",
            "lower(p)",
            "\"a ${p} b\"",
        ] {
            let value = evaluated(text, |evaluator, expr| {
                let value = evaluator.raw(expr, &scope, None);
                assert_eq!(value.unwrap_or(Value::Unknown), Value::Unknown, "{text}");
                Some(Value::Bool(evaluator.diagnostics.as_slice().is_empty()))
            });
            assert_eq!(value, "true", "{text}");
        }
    }

    #[test]
    fn a_function_is_called_as_its_form_says() {
        let names: Vec<&str> = FUNCTIONS.iter().map(Function::name).collect();
        assert!(names.is_sorted(), "{names:?}");
        let function = |name| crate::functions::function(name).expect("a function");
        let takes = |name| {
            (0..5)
                .filter(|count| function(name).takes(*count))
                .collect()
        };
        let counts: [Vec<usize>; 3] = ["replace", "holds", "reaches"].map(takes);
        assert_eq!(counts, [vec![3], vec![1, 2], vec![2]]);
    }

    #[test]
    fn the_end_of_a_budget_is_told_from_what_is_past_it() {
        let mut budget = Budget::new(&OF_CONDITIONS);
        let mut take = |amount| budget.take(Resource::Steps, amount);
        assert!(take(30_000_000).is_ok());
        let first = take(1).expect_err("one too many");
        assert_eq!(
            first.to_string(),
            "the rules and tests need more than 30,000,000 steps"
        );
        assert!(first.is_first);
        assert!(take(1).is_err_and(|exceeded| !exceeded.is_first));
    }
}
