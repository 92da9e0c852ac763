//! Rules and tests, ready to be evaluated: typed terms over the elements of a resolved platform.
//! Resolution makes them from source (`resolve/terms.rs`), so that a term that exists has a type;
//! [`evaluate`] gives them meaning over a platform and what is derived from it.

mod evaluate;
mod members;

use std::fmt;

use erpc_diagnostics::Span;
use erpc_syntax::tree::BinaryOp;
use smol_str::SmolStr;

use crate::origin::Sourced;
use crate::platform::{End, Ends, FlowId, FlowPort, Mode, NamespaceId, PortId, ServiceId};
use crate::value::{Type, Value};

pub use evaluate::{Broken, Evaluation, Outcome, Side, Stop};
pub use members::MemberRow;
pub(crate) use members::{Member, member, member_names};

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

/// The kinds of element that a platform consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Platform,
    Namespace,
    Service,
    Container,
    Image,
    Env,
    Probe,
    Port,
    Volume,
    Config,
    Route,
    Grant,
    Flow,
    End,
}

impl Kind {
    /// Every kind, outer before inner.
    pub const ALL: [Self; 14] = [
        Self::Platform,
        Self::Namespace,
        Self::Service,
        Self::Container,
        Self::Image,
        Self::Env,
        Self::Probe,
        Self::Port,
        Self::Volume,
        Self::Config,
        Self::Route,
        Self::Grant,
        Self::Flow,
        Self::End,
    ];

    /// What rules may be about.
    pub(crate) const OF_RULES: [Self; 5] = [
        Self::Service,
        Self::Flow,
        Self::Namespace,
        Self::Volume,
        Self::Container,
    ];

    /// As the language and messages name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Namespace => "namespace",
            Self::Service => "service",
            Self::Container => "container",
            Self::Image => "image",
            Self::Env => "environment variable",
            Self::Probe => "probe",
            Self::Port => "port",
            Self::Volume => "volume",
            Self::Config => "config",
            Self::Route => "route",
            Self::Grant => "grant",
            Self::Flow => "flow",
            Self::End => "end of a flow",
        }
    }

    /// Its members, sorted by name.
    #[must_use]
    pub fn members(self) -> Vec<MemberRow> {
        members::rows(self)
    }
}

/// An element of a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Element {
    Platform,
    Namespace(NamespaceId),
    Service(ServiceId),
    /// By its place among the service's containers: inits, sidecars, the main one.
    Container(ServiceId, u32),
    Image(ServiceId, u32),
    Env(ServiceId, u32, u32),
    Probe(ServiceId, u32, ProbeKind),
    Port(PortId),
    Volume(ServiceId, u32),
    Config(ServiceId, u32),
    Route(u32),
    Grant(GrantOwner, u32),
    /// By its place among the edges.
    Flow(u32),
    End(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ProbeKind {
    Ready,
    Live,
    Startup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum GrantOwner {
    Namespace(NamespaceId),
    Service(ServiceId),
}

/// The type of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    /// A type of the language, never a range or a list.
    Plain(Type),
    /// One of these words, as text.
    Word(&'static [&'static str]),
    Range(Box<Ty>),
    List(Box<Ty>),
    /// A value, or `off` where nothing is said.
    Optional(Box<Ty>),
    Element(Kind),
    /// `off` itself.
    Off,
    /// A number whose unit is not decided yet.
    Number,
    /// The element of an empty list.
    Never,
}

impl Ty {
    pub(crate) fn list(inner: Self) -> Self {
        Self::List(Box::new(inner))
    }

    pub(crate) fn optional(inner: Self) -> Self {
        Self::Optional(Box::new(inner))
    }

    /// The type that a component's parameter of this type has.
    pub(crate) fn of(declared: &Type) -> Self {
        match declared {
            Type::Range(inner) => Self::Range(Box::new(Self::of(inner))),
            Type::List(inner) => Self::list(Self::of(inner)),
            other => Self::Plain(other.clone()),
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Word(_) | Self::Plain(Type::String | Type::Name | Type::Version | Type::Image)
        )
    }

    /// Whether a value of one may be compared with a value of the other.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Optional(a), b) => matches!(b, Self::Off) || a.meets(b),
            (a, Self::Optional(b)) => matches!(a, Self::Off) || a.meets(b),
            (Self::List(a), Self::List(b)) | (Self::Range(a), Self::Range(b)) => a.meets(b),
            (Self::Never, _) | (_, Self::Never) => true,
            (a, b) => a == b || (a.is_text() && b.is_text()),
        }
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(Type::String) | Self::Word(_) => f.write_str("text"),
            Self::Plain(Type::Bool) => f.write_str("a truth value"),
            Self::Plain(plain) => write!(f, "{plain}"),
            Self::Range(inner) => write!(f, "a range of {}", Many(inner)),
            Self::List(inner) if **inner == Self::Never => f.write_str("an empty list"),
            Self::List(inner) => write!(f, "a list of {}", Many(inner)),
            Self::Optional(inner) => write!(f, "{inner} or `off`"),
            Self::Element(kind) => write!(f, "{}", kind.with_article()),
            Self::Off => f.write_str("`off`"),
            Self::Number => f.write_str("a number"),
            Self::Never => f.write_str("nothing"),
        }
    }
}

impl Kind {
    fn with_article(self) -> String {
        let name = self.name();
        let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        format!("{article} {name}")
    }
}

/// A type as the plural of a list's elements.
struct Many<'t>(&'t Ty);

impl fmt::Display for Many<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ty::Element(Kind::End) => f.write_str("ends of flows"),
            Ty::Element(kind) => write!(f, "{}s", kind.name()),
            Ty::Plain(Type::String) | Ty::Word(_) => f.write_str("texts"),
            Ty::Plain(Type::Int) => f.write_str("whole numbers"),
            other => write!(f, "{other}"),
        }
    }
}

/// A typed expression.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) kind: TermKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum TermKind {
    Value(Value),
    /// By its place among the bound names: parameters, the rule's element, variables of loops.
    Variable(usize),
    Member(Box<Term>, &'static Member),
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
    Call(Function, Vec<Term>),
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
    pub(crate) from: Ends,
    pub(crate) to: Ends,
    pub(crate) port: Option<FlowPort>,
    pub(crate) is_direct: bool,
}

/// The pure functions of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Count,
    Sum,
    Lower,
    Replace,
    Sha256,
    Contains,
    StartsWith,
    EndsWith,
}

/// A flow as rules see it: one caller, one called, one port.
#[derive(Clone, Debug)]
pub struct FlowFact {
    /// Who calls.
    pub from: End,
    /// Who is called.
    pub to: End,
    /// The port as the language names it.
    pub port: SmolStr,
    /// The mode.
    pub mode: Mode,
    /// The statement that says so.
    pub flow: FlowId,
}

/// What rules and tests ask beside the platform itself: what is derived from its flows.
pub trait Facts {
    /// All flows, sorted by caller.
    fn flows(&self) -> &[FlowFact];
    /// The places in [`Facts::flows`] of those that a service makes.
    fn flows_from(&self, service: ServiceId) -> std::ops::Range<usize>;
    /// The places in [`Facts::flows`] of those that lead to a service.
    fn flows_to(&self, service: ServiceId) -> &[u32];
    /// The wave in which a service starts, from 1.
    fn wave(&self, service: ServiceId) -> u32;
    /// A shortest path from one of `from` to one of `to`, the names of both ends included; `port` is that of
    /// its last step, and a direct path has one step.
    fn path(
        &self,
        from: &[End],
        to: &[End],
        port: Option<&FlowPort>,
        is_direct: bool,
    ) -> Option<Vec<String>>;
}
