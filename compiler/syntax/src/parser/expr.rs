//! Expressions from pairs: precedence, paths with ports, calls, lists.

use erpc_diagnostics::{Diagnostic, Span, codes};
use pest::iterators::{Pair, Pairs};

use super::Builder;
use crate::grammar::Rule;
use crate::tree::{
    Argument, BinaryOp, Call, Comprehension, Expr, ExprKind, Ident, NumberLiteral, Path, PathPort,
    Quantified, Segment, SegmentKind, UnaryOp,
};

/// How many operators an expression may have, together with those around it: its tree is as deep.
const MAX_OPERATORS: usize = 256;

/// A part of a flat chain of operators and operands.
enum Link {
    Operand(Expr),
    Not(Span),
    Binary(BinaryOp),
}

impl Builder<'_> {
    pub(super) fn expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::arith | Rule::full => return self.chain(pair.into_inner(), span),
            Rule::head | Rule::group => {
                let inner = self.operands(pair.into_inner()).into_iter().next();
                // Brackets are a part of what stands in them.
                let kind = inner.unwrap_or_else(|| missing(span)).kind;
                return Expr { kind, span };
            }
            Rule::word | Rule::logic_head | Rule::flow_head => ExprKind::Path(Path {
                segments: vec![Segment {
                    kind: SegmentKind::Name(pair.as_str().into()),
                    span,
                }],
                port: None,
            }),
            Rule::path => ExprKind::Path(self.path(pair)),
            Rule::string => ExprKind::String(self.string(pair)),
            Rule::number => ExprKind::Number(number(pair.as_str())),
            Rule::address => ExprKind::Address(pair.as_str().into()),
            Rule::pair => {
                let mut sides = self.operands(pair.into_inner()).into_iter();
                let first = sides.next().unwrap_or_else(|| missing(span));
                let second = sides.next().unwrap_or_else(|| missing(span));
                ExprKind::Pair(Box::new(first), Box::new(second))
            }
            Rule::list => return self.list(pair, span),
            Rule::set => ExprKind::Set(self.operands(pair.into_inner())),
            Rule::block => ExprKind::Block(self.block(pair)),
            Rule::reference => return self.reference(pair, span),
            Rule::negative => {
                let inner = self.postfix(pair.into_inner(), span);
                ExprKind::Unary(UnaryOp::Negate, Box::new(inner))
            }
            Rule::condition => {
                let mut parts = self.operands(pair.into_inner()).into_iter();
                let mut next = || parts.next().unwrap_or_else(|| missing(span));
                ExprKind::If(Box::new([next(), next(), next()]))
            }
            Rule::quantified => return self.quantified(pair, span),
            _ => return missing(span),
        };
        Expr { kind, span }
    }

    /// The expressions among the pairs; comments are kept.
    fn operands(&mut self, pairs: Pairs<'_, Rule>) -> Vec<Expr> {
        let mut out = Vec::new();
        for pair in pairs {
            if pair.as_rule() == Rule::comment {
                let comment = self.comment(&pair);
                self.inner.push(comment);
            } else {
                out.push(self.expr(pair));
            }
        }
        out
    }

    /// `a + b * c`, `1..2`, `x.*:p`: a flat list of pairs, folded by precedence.
    fn chain(&mut self, pairs: Pairs<'_, Rule>, span: Span) -> Expr {
        let is_operator = |pair: &Pair<'_, Rule>| {
            matches!(
                pair.as_rule(),
                Rule::not_op
                    | Rule::order_op
                    | Rule::sum
                    | Rule::product
                    | Rule::quotient
                    | Rule::word_op
            )
        };
        let own = pairs.clone().filter(is_operator).count();
        let outer = self.operators;
        self.operators += own;
        let is_too_deep = self.operators > MAX_OPERATORS;
        let mut links: Vec<Link> = Vec::new();
        let mut is_range_end = false;
        for pair in pairs {
            let at = self.span(&pair);
            match pair.as_rule() {
                Rule::comment => {
                    let comment = self.comment(&pair);
                    self.inner.push(comment);
                }
                Rule::not_op => links.push(Link::Not(at)),
                Rule::order_op | Rule::sum | Rule::product | Rule::quotient | Rule::word_op => {
                    links.push(Link::Binary(operator(pair.as_str())));
                }
                Rule::range => is_range_end = true,
                Rule::member | Rule::port => {
                    if let Some(Link::Operand(operand)) = links.last_mut() {
                        operand.span = operand.span.to(at);
                        let end = if let ExprKind::Range(_, end) = &mut operand.kind {
                            end
                        } else {
                            operand
                        };
                        let taken = std::mem::replace(end, missing(at));
                        *end = self.suffix(taken, pair, at);
                    }
                }
                _ => {
                    let next = self.expr(pair);
                    match links.last_mut() {
                        Some(Link::Operand(first)) if is_range_end => {
                            let whole = first.span.to(next.span);
                            let low = std::mem::replace(first, missing(whole));
                            *first = Expr {
                                kind: ExprKind::Range(Box::new(low), Box::new(next)),
                                span: whole,
                            };
                        }
                        _ => links.push(Link::Operand(next)),
                    }
                    is_range_end = false;
                }
            }
        }
        self.operators = outer;
        if is_too_deep {
            self.diagnostics.push(
                Diagnostic::new(
                    &codes::NESTED_TOO_DEEP,
                    format!("an expression has more than {MAX_OPERATORS} operators"),
                )
                .at(span, "too long")
                .help("name parts of it with `let`"),
            );
            links.truncate(1);
        }
        let mut links = links.into_iter().peekable();
        fold(&mut links, 0).unwrap_or_else(|| missing(span))
    }

    /// A primary with what is written right behind it.
    fn postfix(&mut self, pairs: Pairs<'_, Rule>, span: Span) -> Expr {
        let mut expr: Option<Expr> = None;
        for pair in pairs {
            let at = self.span(&pair);
            expr = Some(match (pair.as_rule(), expr) {
                (Rule::member | Rule::port, Some(expr)) => self.suffix(expr, pair, at),
                _ => self.expr(pair),
            });
        }
        expr.unwrap_or_else(|| missing(span))
    }

    /// `.*`, `.name` or `:port` behind an expression that is no path.
    fn suffix(&mut self, expr: Expr, pair: Pair<'_, Rule>, at: Span) -> Expr {
        let span = expr.span.to(at);
        if pair.as_rule() == Rule::port {
            let port = self.port(pair);
            return Expr {
                kind: ExprKind::Ported(Box::new(expr), port),
                span,
            };
        }
        let segment = pair.into_inner().next().map(|inner| self.segment(&inner));
        match segment {
            Some(segment) => Expr {
                kind: ExprKind::Member(Box::new(expr), segment),
                span,
            },
            None => expr,
        }
    }

    pub(super) fn port(&mut self, pair: Pair<'_, Rule>) -> PathPort {
        let span = self.span(&pair);
        match pair.into_inner().next() {
            Some(inner) => self.path_port(&inner),
            None => PathPort::Name(Ident {
                text: "".into(),
                span,
            }),
        }
    }

    fn path_port(&self, pair: &Pair<'_, Rule>) -> PathPort {
        let span = self.span(pair);
        if pair.as_rule() == Rule::number {
            PathPort::Number(number(pair.as_str()), span)
        } else {
            PathPort::Name(Ident {
                text: pair.as_str().into(),
                span,
            })
        }
    }

    fn path(&mut self, pair: Pair<'_, Rule>) -> Path {
        let text = pair.as_str();
        let start = pair.as_span().start();
        let mut segments = Vec::with_capacity(2);
        let mut port = None;
        for inner in pair.into_inner() {
            let offset = inner.as_span().start() - start;
            let is_port = offset > 0 && text.as_bytes()[offset - 1] == b':';
            if is_port {
                port = Some(self.path_port(&inner));
            } else {
                segments.push(self.segment(&inner));
            }
        }
        Path { segments, port }
    }

    fn segment(&mut self, pair: &Pair<'_, Rule>) -> Segment {
        let span = self.span(pair);
        let kind = match pair.as_rule() {
            Rule::star => SegmentKind::Star,
            Rule::quoted => SegmentKind::Quoted(pair.as_str().trim_matches('"').into()),
            _ => SegmentKind::Name(pair.as_str().into()),
        };
        Segment { kind, span }
    }

    fn reference(&mut self, pair: Pair<'_, Rule>, span: Span) -> Expr {
        let mut inner = pair.into_inner();
        let Some(callee) = inner.next() else {
            return missing(span);
        };
        let callee_span = self.span(&callee);
        let path = self.path(callee);
        let Some(arguments) = inner.next() else {
            return Expr {
                kind: ExprKind::Path(path),
                span,
            };
        };
        if arguments.as_rule() == Rule::subresource {
            let at = self.span(&arguments);
            let name = Ident {
                text: arguments.as_str().trim_start_matches('/').into(),
                span: Span::new(at.file, at.start + 1, at.end),
            };
            return Expr {
                kind: ExprKind::Subresource(path, name),
                span,
            };
        }
        let mut args = Vec::new();
        for argument in arguments.into_inner() {
            if argument.as_rule() == Rule::comment {
                let comment = self.comment(&argument);
                self.inner.push(comment);
            } else {
                args.extend(self.argument(argument));
            }
        }
        Expr {
            kind: ExprKind::Call(Box::new(Call {
                callee: path,
                callee_span,
                args,
            })),
            span,
        }
    }

    fn argument(&mut self, pair: Pair<'_, Rule>) -> Option<Argument> {
        let mut name = None;
        let mut values = Vec::new();
        for inner in pair.into_inner() {
            match inner.as_rule() {
                Rule::comment => {
                    let comment = self.comment(&inner);
                    self.inner.push(comment);
                }
                Rule::argument_name => {
                    name = Some(Ident {
                        text: inner.as_str().into(),
                        span: self.span(&inner),
                    });
                }
                _ => values.push(self.expr(inner)),
            }
        }
        let mut values = values.into_iter();
        Some(Argument {
            name,
            value: values.next()?,
            default: values.next(),
        })
    }

    fn list(&mut self, pair: Pair<'_, Rule>, span: Span) -> Expr {
        let mut items = Vec::new();
        let mut clause = None;
        for inner in pair.into_inner() {
            match inner.as_rule() {
                Rule::comment => {
                    let comment = self.comment(&inner);
                    self.inner.push(comment);
                }
                Rule::for_clause => clause = Some(inner),
                _ => items.push(self.expr(inner)),
            }
        }
        let Some(clause) = clause else {
            return Expr {
                kind: ExprKind::List(items),
                span,
            };
        };
        let (variable, mut rest) = self.bound(clause);
        let mut items = items.into_iter();
        let kind = ExprKind::Comprehension(Box::new(Comprehension {
            element: items.next().unwrap_or_else(|| missing(span)),
            variable: variable.unwrap_or_else(|| Ident {
                text: "".into(),
                span,
            }),
            collection: rest.next().unwrap_or_else(|| missing(span)),
            condition: rest.next(),
        }));
        Expr { kind, span }
    }

    /// The bound name of `x in xs …` and the expressions behind it.
    fn bound(&mut self, pair: Pair<'_, Rule>) -> (Option<Ident>, std::vec::IntoIter<Expr>) {
        let mut variable = None;
        let mut exprs = Vec::new();
        for inner in pair.into_inner() {
            match inner.as_rule() {
                Rule::comment => {
                    let comment = self.comment(&inner);
                    self.inner.push(comment);
                }
                Rule::quantifier => {}
                Rule::name => {
                    variable = Some(Ident {
                        text: inner.as_str().into(),
                        span: self.span(&inner),
                    });
                }
                _ => exprs.push(self.expr(inner)),
            }
        }
        (variable, exprs.into_iter())
    }

    fn quantified(&mut self, pair: Pair<'_, Rule>, span: Span) -> Expr {
        let is_all = pair.as_str().starts_with("all");
        let (variable, mut rest) = self.bound(pair);
        Expr {
            kind: ExprKind::Quantified(Box::new(Quantified {
                is_all,
                variable: variable.unwrap_or_else(|| Ident {
                    text: "".into(),
                    span,
                }),
                collection: rest.next().unwrap_or_else(|| missing(span)),
                predicate: rest.next().unwrap_or_else(|| missing(span)),
            })),
            span,
        }
    }
}

/// Stands where the grammar promises an expression; never seen in a tree.
fn missing(span: Span) -> Expr {
    Expr {
        kind: ExprKind::List(Vec::new()),
        span,
    }
}

fn number(text: &str) -> NumberLiteral {
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    NumberLiteral {
        digits: text[..split].into(),
        suffix: text[split..].into(),
    }
}

fn operator(text: &str) -> BinaryOp {
    match text {
        "or" => BinaryOp::Or,
        "and" => BinaryOp::And,
        "==" => BinaryOp::Equal,
        "!=" => BinaryOp::NotEqual,
        "<" => BinaryOp::Less,
        "<=" => BinaryOp::LessEqual,
        ">" => BinaryOp::Greater,
        ">=" => BinaryOp::GreaterEqual,
        "in" => BinaryOp::In,
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Subtract,
        "*" => BinaryOp::Multiply,
        _ => BinaryOp::Divide,
    }
}

const fn precedence(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And => 2,
        BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterEqual
        | BinaryOp::In => 4,
        BinaryOp::Add | BinaryOp::Subtract => 5,
        BinaryOp::Multiply | BinaryOp::Divide => 6,
    }
}

/// `not` binds tighter than `and` and looser than comparisons.
const NOT_PRECEDENCE: u8 = 3;

/// Precedence climbing over operators of at least the precedence `least`.
fn fold(links: &mut std::iter::Peekable<std::vec::IntoIter<Link>>, least: u8) -> Option<Expr> {
    let mut left = match links.next()? {
        Link::Operand(expr) => expr,
        Link::Not(span) => {
            let operand = fold(links, NOT_PRECEDENCE)?;
            Expr {
                span: span.to(operand.span),
                kind: ExprKind::Unary(UnaryOp::Not, Box::new(operand)),
            }
        }
        Link::Binary(_) => return None,
    };
    while let Some(Link::Binary(op)) = links.peek() {
        let op = *op;
        if precedence(op) < least {
            break;
        }
        links.next();
        let right = fold(links, precedence(op) + 1)?;
        left = Expr {
            span: left.span.to(right.span),
            kind: ExprKind::Binary(op, Box::new(left), Box::new(right)),
        };
    }
    Some(left)
}
