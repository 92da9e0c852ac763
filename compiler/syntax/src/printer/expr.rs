//! Expressions as text: brackets where precedence or the place needs them, and nowhere else.

use super::Printer;
use crate::tree::{
    Argument, BinaryOp, Expr, ExprKind, Path, PathPort, Segment, SegmentKind, UnaryOp,
};

impl Printer<'_> {
    /// An expression as an argument of a statement, where only some operators are operators.
    pub(super) fn expr_argument(&self, expr: &Expr) -> String {
        let text = self.expr(expr);
        if is_plain(expr) {
            text
        } else {
            format!("({text})")
        }
    }

    pub(super) fn expr(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Path(path) => self.path(path),
            // Escapes and the lines of a block are the author's.
            ExprKind::String(_) => self.source(expr.span).to_owned(),
            ExprKind::Number(number) => format!("{}{}", number.digits, number.suffix),
            ExprKind::Address(address) => address.to_string(),
            ExprKind::Pair(a, b) => format!("{}:{}", self.expr(a), self.expr(b)),
            ExprKind::Range(a, b) => format!("{}..{}", self.operand(a, 9), self.operand(b, 9)),
            ExprKind::Ported(inner, port) => format!("{}:{}", self.expr(inner), self.port(port)),
            ExprKind::Subresource(path, name) => format!("{}/{}", self.path(path), name.text),
            ExprKind::List(items) => format!("[{}]", self.list(items)),
            ExprKind::Set(items) => format!("{{{}}}", self.list(items)),
            ExprKind::Call(call) => {
                let args: Vec<String> = call.args.iter().map(|a| self.argument(a)).collect();
                format!("{}({})", self.path(&call.callee), args.join(", "))
            }
            ExprKind::Member(inner, segment) => {
                format!("{}.{}", self.operand(inner, 9), self.segment(segment))
            }
            ExprKind::Unary(UnaryOp::Not, inner) => format!("not {}", self.operand(inner, 8)),
            ExprKind::Unary(UnaryOp::Negate, inner) => format!("-{}", self.operand(inner, 9)),
            ExprKind::Binary(op, a, b) => {
                let level = precedence(*op);
                // Operators associate to the left, so the right side needs brackets sooner.
                let (a, b) = (self.operand(a, level), self.operand(b, level + 1));
                format!("{a} {} {b}", op.as_str())
            }
            ExprKind::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                format!(
                    "if {} then {} else {}",
                    self.expr(condition),
                    self.expr(then),
                    self.expr(otherwise)
                )
            }
            ExprKind::Quantified(q) => format!(
                "{} {} in {}: {}",
                if q.is_all { "all" } else { "any" },
                q.variable.text,
                self.expr(&q.collection),
                self.expr(&q.predicate)
            ),
            ExprKind::Comprehension(c) => {
                let mut text = format!(
                    "[{} for {} in {}",
                    self.expr(&c.element),
                    c.variable.text,
                    self.expr(&c.collection)
                );
                if let Some(condition) = &c.condition {
                    text.push_str(" if ");
                    text.push_str(&self.expr(condition));
                }
                text + "]"
            }
        }
    }

    /// An operand of an operator that binds as tightly as `level`.
    fn operand(&self, expr: &Expr, level: u8) -> String {
        let own = match &expr.kind {
            ExprKind::Binary(op, ..) => precedence(*op),
            // These reach as far to the right as they can.
            ExprKind::If(_) | ExprKind::Quantified(_) => 0,
            ExprKind::Unary(UnaryOp::Not, _) => 7,
            ExprKind::Unary(UnaryOp::Negate, _) | ExprKind::Range(..) => 8,
            _ => 10,
        };
        let text = self.expr(expr);
        if own < level {
            format!("({text})")
        } else {
            text
        }
    }

    fn list(&self, items: &[Expr]) -> String {
        let items: Vec<String> = items.iter().map(|item| self.expr(item)).collect();
        items.join(", ")
    }

    fn argument(&self, argument: &Argument) -> String {
        let mut text = String::new();
        if let Some(name) = &argument.name {
            text.push_str(&name.text);
            text.push_str(": ");
        }
        text.push_str(&self.expr(&argument.value));
        if let Some(default) = &argument.default {
            text.push_str(" = ");
            text.push_str(&self.expr(default));
        }
        text
    }

    fn path(&self, path: &Path) -> String {
        let segments: Vec<String> = path.segments.iter().map(|s| self.segment(s)).collect();
        let mut text = segments.join(".");
        if let Some(port) = &path.port {
            text.push(':');
            text.push_str(&self.port(port));
        }
        text
    }

    #[expect(clippy::unused_self, reason = "one of a family of printers")]
    fn segment(&self, segment: &Segment) -> String {
        match &segment.kind {
            SegmentKind::Name(name) => name.to_string(),
            SegmentKind::Star => "*".to_owned(),
            SegmentKind::Quoted(text) => format!("\"{text}\""),
        }
    }

    #[expect(clippy::unused_self, reason = "one of a family of printers")]
    fn port(&self, port: &PathPort) -> String {
        match port {
            PathPort::Name(name) => name.text.to_string(),
            PathPort::Number(number, _) => format!("{}{}", number.digits, number.suffix),
        }
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
        | BinaryOp::In => 3,
        BinaryOp::Add | BinaryOp::Subtract => 4,
        BinaryOp::Multiply | BinaryOp::Divide => 5,
    }
}

/// Whether an expression means the same without brackets as an argument of a statement. There the
/// words are words, and `*` is an operator only behind a number.
fn is_plain(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Binary(op, a, b) => {
            let is_operator = match op {
                BinaryOp::Or | BinaryOp::And | BinaryOp::In => false,
                BinaryOp::Multiply => starts_with_number(a),
                BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::Less
                | BinaryOp::LessEqual
                | BinaryOp::Greater
                | BinaryOp::GreaterEqual
                | BinaryOp::Add
                | BinaryOp::Subtract
                | BinaryOp::Divide => true,
            };
            is_operator && is_plain(a) && is_plain(b)
        }
        ExprKind::Unary(UnaryOp::Not, _) | ExprKind::Quantified(_) => false,
        ExprKind::Unary(UnaryOp::Negate, inner) => is_plain(inner),
        _ => true,
    }
}

fn starts_with_number(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) => true,
        ExprKind::Binary(_, a, _) | ExprKind::Range(a, _) => starts_with_number(a),
        _ => false,
    }
}
