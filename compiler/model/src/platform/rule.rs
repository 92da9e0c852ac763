//! Rules and tests as typed terms over the elements of a platform. Resolution makes them from source, so that a term
//! that exists has a type.

use erpc_diagnostics::Span;
use erpc_syntax::tree::BinaryOp;
use smol_str::SmolStr;

use crate::elements::Kind;
use crate::functions::Function;
use crate::origin::Sourced;
use crate::statements::{FlowPort, Peers};
use crate::value::Value;

/// `rule NAME for KIND x { require EXPR, "message" }`, or one of the library that is switched on.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// `##` above it.
    pub doc: Option<String>,
    /// What it is about.
    pub kind: Kind,
    /// The values of its parameters, in order.
    pub(crate) arguments: Vec<Value>,
    /// What it requires.
    pub(crate) requires: Vec<Require>,
}

/// `require EXPR, "message"`.
#[derive(Clone, Debug)]
pub(crate) struct Require {
    pub(crate) condition: Term,
    pub(crate) message: Term,
    pub(crate) span: Span,
}

/// `test "name" { expect EXPR }`.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: Sourced<String>,
    /// What it expects.
    pub expectations: Vec<Expectation>,
    /// How many expectations name what the profile switches off, and so are not among them.
    pub left_out: usize,
}

/// `expect EXPR`.
#[derive(Clone, Debug)]
pub struct Expectation {
    pub(crate) condition: Term,
    /// The expression.
    pub span: Span,
}

/// A typed expression.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) kind: TermKind,
    pub(crate) span: Span,
}

impl Term {
    /// A term whose value is known.
    pub(crate) fn known(value: Value, span: Span) -> Self {
        Self {
            kind: TermKind::Value(value),
            span,
        }
    }

    /// Its value; unknown if it depends on variables.
    pub(crate) fn into_value(self) -> Value {
        match self.kind {
            TermKind::Value(value) => value,
            _ => Value::Unknown,
        }
    }

    /// Its value, if that is known.
    pub(crate) fn value(&self) -> Option<&Value> {
        match &self.kind {
            TermKind::Value(value) => Some(value),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum TermKind {
    Value(Value),
    /// By its place among the bound names: parameters, the rule's element, variables of loops.
    Variable(usize),
    Member(Box<Term>, MemberId),
    /// The lower or upper end of a range.
    RangeEnd(Box<Term>, bool),
    List(Vec<Term>),
    /// A string with `${…}`.
    Text(Vec<Term>),
    Not(Box<Term>),
    Negate(Box<Term>),
    And(Box<Term>, Box<Term>),
    Or(Box<Term>, Box<Term>),
    Compare(BinaryOp, Box<Term>, Box<Term>),
    In(Box<Term>, Box<Term>),
    Arithmetic(BinaryOp, Box<Term>, Box<Term>),
    If(Box<[Term; 3]>),
    Quantified {
        is_all: bool,
        variable: SmolStr,
        collection: Box<Term>,
        predicate: Box<Term>,
    },
    Comprehension {
        element: Box<Term>,
        collection: Box<Term>,
        condition: Option<Box<Term>>,
    },
    Call(&'static Function, Vec<Term>),
    /// `reaches(FROM, TO[:PORT])`, through other services too, or `calls(FROM, TO[:PORT])`.
    Path(Box<PathQuery>),
    /// `wave(SERVICE)`.
    Wave(Box<Term>),
    /// `holds(RULE)`, or of one element.
    Holds(usize, Option<Box<Term>>),
    /// `violations(RULE)`: what it says.
    Violations(usize),
}

/// A question about paths.
#[derive(Clone, Debug)]
pub(crate) struct PathQuery {
    pub(crate) from: Peers,
    pub(crate) to: Peers,
    pub(crate) port: Option<FlowPort>,
    pub(crate) is_direct: bool,
}

/// A member by its position in the table of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberId {
    pub(crate) kind: Kind,
    pub(crate) index: usize,
}
