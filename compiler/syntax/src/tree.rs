//! The tree: statements, arguments, expressions, with a span on everything and the comments kept.

use erpc_diagnostics::Span;
use smol_str::SmolStr;

/// A parsed file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Its statements, in source order; a broken one is not among them but in `broken`.
    pub statements: Vec<Statement>,
    /// Comments behind the last statement.
    pub dangling: Vec<Comment>,
    /// Stretches that could not be read, each reported once.
    pub broken: Vec<Broken>,
    /// Stretches that could not be read in statements that were kept without them.
    pub lost: Vec<Span>,
    /// Stretches that are read as something else, which was certainly meant; each is reported.
    pub normalized: Vec<Span>,
    /// Whether brackets or `"""` do not match, so that it is a guess where statements start and end.
    pub is_guess: bool,
}

/// A comment, without its line break.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    /// From the first `#` to the end of the line.
    pub span: Span,
    /// The text with its `#` or `##`.
    pub text: SmolStr,
    /// Whether it starts with `##`: documentation of the declaration below.
    pub is_doc: bool,
}

/// A stretch of source that could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// All of it.
    pub span: Span,
    /// Its first word and the second, if they can be told: `service`, `shop`. A name that is
    /// declared by a broken statement is not reported as unknown elsewhere.
    pub words: Vec<SmolStr>,
}

/// `head arg … { block }`, ended by a line break, `;` or `}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The arguments; never empty. The first is the head.
    pub args: Vec<Arg>,
    /// From the first argument to the last.
    pub span: Span,
    /// Comments on lines of their own above it.
    pub leading: Vec<Comment>,
    /// A comment behind it on its last line.
    pub trailing: Option<Comment>,
    /// Comments inside it, between arguments or in brackets over several lines (those in a block
    /// belong to the block's statements).
    pub inner: Vec<Comment>,
}

/// A part of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// A value or a word: `at` is the path of one segment.
    Expr(Expr),
    /// `=`, `->`, `=>`, `,` or `:`.
    Sign(Sign, Span),
    /// `{ … }`.
    Block(Block),
}

/// A sign between arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `=`
    Assign,
    /// `->`
    Arrow,
    /// `=>`
    Implies,
    /// `,`
    Comma,
    /// `:` with a space behind it, as in `let limit: Memory`.
    Colon,
}

/// `{ statements }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The statements.
    pub statements: Vec<Statement>,
    /// Comments behind the last statement.
    pub dangling: Vec<Comment>,
    /// Stretches inside it that could not be read.
    pub broken: Vec<Broken>,
    /// With the braces.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `name`, `a.b`, `a.*`, `*`, `a.b:port`, `internet:443`.
    Path(Path),
    /// `"…"` or `"""…"""`.
    String(StringLiteral),
    /// `512Mi`, `99.95%`, `53/udp`, `1.36`.
    Number(NumberLiteral),
    /// An IP address with or without prefix length or port, as written: `10.0.0.0/8`,
    /// `[fd00::1]:443`.
    Address(SmolStr),
    /// `a:b` of two numbers: a user and a group.
    Pair(Box<Expr>, Box<Expr>),
    /// `a..b`.
    Range(Box<Expr>, Box<Expr>),
    /// `{a, b}:port`, `tier(x).*:port`: a port behind an end that is no path.
    Ported(Box<Expr>, PathPort),
    /// `a.b/c`: a resource of the Kubernetes API with its subresource.
    Subresource(Path, Ident),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{a, b}` as a peer of a flow.
    Set(Vec<Expr>),
    /// `{ name = value }` as an element of a list: a map of a patch.
    Block(Block),
    /// `name(a, key: b)`.
    Call(Box<Call>),
    /// `call(…).segment`.
    Member(Box<Expr>, Segment),
    /// `-a`, `not a`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `if c then a else b`.
    If(Box<[Expr; 3]>),
    /// `all x in xs: p`, `any x in xs: p`.
    Quantified(Box<Quantified>),
    /// `[e for x in xs if p]`.
    Comprehension(Box<Comprehension>),
}

/// Names with dots between them, and the port that may follow a `:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// At least one.
    pub segments: Vec<Segment>,
    /// Behind `:`.
    pub port: Option<PathPort>,
}

/// A part of a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// What it is.
    pub kind: SegmentKind,
    /// Where.
    pub span: Span,
}

/// What stands between two dots.
#[derive(Clone, Debug, PartialEq)]
pub enum SegmentKind {
    /// A name as written; whether Kubernetes takes it is checked by the model.
    Name(SmolStr),
    /// `*`.
    Star,
    /// A quoted key.
    Quoted(SmolStr),
}

/// The port of a path.
#[derive(Clone, Debug, PartialEq)]
pub enum PathPort {
    /// By its name.
    Name(Ident),
    /// By number, for an end without declared ports.
    Number(NumberLiteral, Span),
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ident {
    /// The name as written.
    pub text: SmolStr,
    /// Where.
    pub span: Span,
}

/// A number with its suffix as written; the expected type decides what the suffix means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberLiteral {
    /// Digits, with `.` where it is a decimal or a version: `99.95`, `2024.6.15`.
    pub digits: SmolStr,
    /// Letters, `%` or `/tcp` behind them; empty for a plain number.
    pub suffix: SmolStr,
}

/// A string in parts.
#[derive(Clone, Debug, PartialEq)]
pub struct StringLiteral {
    /// Text with escapes resolved, and the expressions of `${…}`. A string without
    /// interpolation has at most one part.
    pub parts: Vec<StringPart>,
    /// Whether it is written `"""`.
    pub is_block: bool,
}

/// A part of a string.
#[derive(Clone, Debug, PartialEq)]
pub enum StringPart {
    /// Literal text.
    Text(SmolStr),
    /// `${expr}`.
    Expr(Expr),
}

/// A component or function with arguments; a component's parameters are written the same way.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is called.
    pub callee: Path,
    /// Where the callee stands.
    pub callee_span: Span,
    /// The arguments.
    pub args: Vec<Argument>,
}

/// `value`, `name: value` or, in the head of a component, `name: Type = default`.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The name before `:`.
    pub name: Option<Ident>,
    /// The value; the type in the head of a component.
    pub value: Expr,
    /// Behind `=`.
    pub default: Option<Expr>,
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `not`
    Not,
    /// `-`
    Negate,
}

/// Operators with two operands, by rising precedence: `or`, `and`, comparisons and `in`, sums,
/// products. All associate to the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// `all|any x in xs: p`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantified {
    /// Whether it is `all` and not `any`.
    pub is_all: bool,
    /// `x`.
    pub variable: Ident,
    /// `xs`.
    pub collection: Expr,
    /// `p`.
    pub predicate: Expr,
}

/// `[e for x in xs if p]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// `e`.
    pub element: Expr,
    /// `x`.
    pub variable: Ident,
    /// `xs`.
    pub collection: Expr,
    /// `p`.
    pub condition: Option<Expr>,
}

impl Statement {
    /// The first argument where it is one plain name: `service`, `port`.
    #[must_use]
    pub fn head(&self) -> Option<(&SmolStr, Span)> {
        match self.args.first()? {
            Arg::Expr(expr) => expr.as_word().map(|word| (word, expr.span)),
            Arg::Sign(..) | Arg::Block(_) => None,
        }
    }

    /// The `##` comments right above it, without their signs, one line each.
    #[must_use]
    pub fn doc(&self) -> Option<String> {
        let lines: Vec<&str> = self
            .leading
            .iter()
            .filter(|c| c.is_doc)
            .map(|c| c.text.trim_start_matches('#').trim())
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The last argument where it is a block.
    #[must_use]
    pub fn block(&self) -> Option<&Block> {
        self.args.iter().rev().find_map(|arg| match arg {
            Arg::Block(block) => Some(block),
            Arg::Expr(_) | Arg::Sign(..) => None,
        })
    }
}

impl Arg {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Expr(expr) => expr.span,
            Self::Sign(_, span) => *span,
            Self::Block(block) => block.span,
        }
    }

    /// Whether it is a comma.
    #[must_use]
    pub fn is_comma(&self) -> bool {
        matches!(self, Self::Sign(Sign::Comma, _))
    }
}

impl Expr {
    /// The name, where it is one plain name without dots or port.
    #[must_use]
    pub fn as_word(&self) -> Option<&SmolStr> {
        match &self.kind {
            ExprKind::Path(path) => path.as_word(),
            _ => None,
        }
    }

    /// The expressions right inside this one, in source order.
    #[must_use]
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Path(_)
            | ExprKind::Number(_)
            | ExprKind::Address(_)
            | ExprKind::Subresource(..) => Vec::new(),
            ExprKind::String(string) => {
                let parts = string.parts.iter();
                let inner = parts.filter_map(|part| match part {
                    StringPart::Text(_) => None,
                    StringPart::Expr(expr) => Some(expr),
                });
                inner.collect()
            }
            ExprKind::Pair(a, b) | ExprKind::Range(a, b) | ExprKind::Binary(_, a, b) => vec![a, b],
            ExprKind::Ported(inner, _) | ExprKind::Member(inner, _) | ExprKind::Unary(_, inner) => {
                vec![inner]
            }
            ExprKind::List(items) | ExprKind::Set(items) => items.iter().collect(),
            ExprKind::Block(block) => block.exprs(),
            ExprKind::Call(call) => {
                let args = call.args.iter();
                args.flat_map(|arg| [Some(&arg.value), arg.default.as_ref()])
                    .flatten()
                    .collect()
            }
            ExprKind::If(parts) => parts.iter().collect(),
            ExprKind::Quantified(quantified) => {
                vec![&quantified.collection, &quantified.predicate]
            }
            ExprKind::Comprehension(comprehension) => {
                let mut all = vec![&comprehension.element, &comprehension.collection];
                all.extend(&comprehension.condition);
                all
            }
        }
    }
}

impl Block {
    /// The expressions right inside it and inside the blocks in it, in source order.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        let args = self.statements.iter().flat_map(|statement| &statement.args);
        args.flat_map(|arg| match arg {
            Arg::Expr(expr) => vec![expr],
            Arg::Block(block) => block.exprs(),
            Arg::Sign(..) => Vec::new(),
        })
        .collect()
    }
}

impl Path {
    /// The name, where it is one plain name without dots or port.
    #[must_use]
    pub fn as_word(&self) -> Option<&SmolStr> {
        match (self.segments.as_slice(), &self.port) {
            ([segment], None) => segment.as_name(),
            _ => None,
        }
    }
}

impl Segment {
    /// The name, where it is one.
    #[must_use]
    pub fn as_name(&self) -> Option<&SmolStr> {
        match &self.kind {
            SegmentKind::Name(name) => Some(name),
            SegmentKind::Star | SegmentKind::Quoted(_) => None,
        }
    }
}

impl Sign {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assign => "=",
            Self::Arrow => "->",
            Self::Implies => "=>",
            Self::Comma => ",",
            Self::Colon => ":",
        }
    }
}

impl BinaryOp {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}
