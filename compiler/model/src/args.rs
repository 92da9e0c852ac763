//! A walk over the arguments of a statement, which knows the statement's written form and says
//! what is expected where the arguments end or differ.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_syntax::tree::{Arg, Block, Expr, ExprKind, Ident, Sign};

/// What is left of a statement's arguments.
pub(crate) struct Args<'s> {
    args: &'s [Arg],
    /// The statement.
    whole: Span,
    /// Where something missing would stand.
    end: Span,
    /// How the statement is written, for messages: `port NAME NUMBER[/proto]`.
    form: &'static str,
}

impl<'s> Args<'s> {
    pub(crate) fn new(args: &'s [Arg], whole: Span, form: &'static str) -> Self {
        Self {
            args,
            whole,
            end: whole.after(),
            form,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// Where the next argument stands, or would stand.
    pub(crate) fn here(&self) -> Span {
        self.args.first().map_or(self.end, Arg::span)
    }

    fn advance(&mut self) {
        if let Some((first, rest)) = self.args.split_first() {
            self.end = first.span().after();
            self.args = rest;
        }
    }

    /// The next argument, where it is this word.
    pub(crate) fn peek_word(&self, word: &str) -> bool {
        matches!(self.args.first(), Some(Arg::Expr(expr)) if expr.as_word().is_some_and(|w| w == word))
    }

    /// How many arguments are left.
    pub(crate) fn left(&self) -> usize {
        self.args.len()
    }

    /// The next argument, where it is an expression.
    pub(crate) fn peek_expr(&self) -> Option<&'s Expr> {
        match self.args.first() {
            Some(Arg::Expr(expr)) => Some(expr),
            _ => None,
        }
    }

    /// Whether a block is next.
    pub(crate) fn peek_block(&self) -> bool {
        matches!(self.args.first(), Some(Arg::Block(_)))
    }

    /// Takes the next argument, where it is this word.
    pub(crate) fn word(&mut self, word: &str) -> Option<Span> {
        self.peek_word(word).then(|| {
            let span = self.here();
            self.advance();
            span
        })
    }

    /// Takes the next argument, which must be this word.
    pub(crate) fn need_word(&mut self, word: &str, out: &mut Diagnostics) -> Option<Span> {
        let span = self.word(word);
        if span.is_none() {
            self.expected(&format!("`{word}`"), out);
        }
        span
    }

    /// Takes a sign, where it is next.
    pub(crate) fn sign(&mut self, sign: Sign) -> Option<Span> {
        match self.args.first() {
            Some(Arg::Sign(found, span)) if *found == sign => {
                let span = *span;
                self.advance();
                Some(span)
            }
            _ => None,
        }
    }

    /// Takes the next argument, where it is an expression.
    pub(crate) fn expr(&mut self) -> Option<&'s Expr> {
        match self.args.first() {
            Some(Arg::Expr(expr)) => {
                self.advance();
                Some(expr)
            }
            _ => None,
        }
    }

    /// Takes the next argument, which must be an expression: `what` says of what.
    pub(crate) fn need_expr(&mut self, what: &str, out: &mut Diagnostics) -> Option<&'s Expr> {
        // A word that stands between values says that the value before it is missing.
        let is_between = |word: &str| {
            ["at", "on", "from", "because", "as", "by", "of", "to"].contains(&word)
                && self.form.contains(&format!(" {word} "))
        };
        let is_missing = match self.args.first() {
            Some(Arg::Expr(expr)) => expr.as_word().is_some_and(|word| is_between(word)),
            _ => false,
        };
        if is_missing {
            let at = self.here();
            out.push(
                Diagnostic::new(&codes::MISSING_VALUE, format!("expected {what}"))
                    .at(Span::new(at.file, at.start, at.start), "missing here")
                    .help(self.written()),
            );
            self.args = &[];
            return None;
        }
        let expr = self.expr();
        if expr.is_none() {
            self.expected(what, out);
        }
        expr
    }

    /// Takes the next argument, which must be a plain name; `what` says of what.
    pub(crate) fn need_name(&mut self, what: &str, out: &mut Diagnostics) -> Option<Ident> {
        if let Some(Arg::Expr(expr)) = self.args.first()
            && let Some(word) = expr.as_word()
        {
            let ident = Ident {
                text: word.clone(),
                span: expr.span,
            };
            self.advance();
            return Some(ident);
        }
        self.expected(what, out);
        None
    }

    /// Takes a block, where it is next.
    pub(crate) fn block(&mut self) -> Option<&'s Block> {
        match self.args.first() {
            Some(Arg::Block(block)) => {
                self.advance();
                Some(block)
            }
            _ => None,
        }
    }

    /// `because "…"`, where it is next.
    pub(crate) fn because(&mut self, out: &mut Diagnostics) -> Option<&'s Expr> {
        self.word("because")?;
        self.need_expr("the reason in quotes", out)
    }

    /// Reports that something else is expected next, and gives up on the rest. `what` has the words
    /// that may stand here between backticks.
    pub(crate) fn expected(&mut self, what: &str, out: &mut Diagnostics) {
        if self.is_reported(out) {
            self.args = &[];
            return;
        }
        let found = self.args.first().and_then(found);
        let diagnostic = match &found {
            None => Diagnostic::new(&codes::MISSING_VALUE, format!("expected {what}")).at(
                match self.args.first() {
                    // A block stands where something else should.
                    Some(block) => {
                        Span::new(block.span().file, block.span().start, block.span().start)
                    }
                    None => self.end,
                },
                "missing here",
            ),
            Some(found) => Diagnostic::new(
                &codes::WRONG_SHAPE,
                format!("{what} is expected here, not {found}"),
            )
            .at(self.here(), found.clone()),
        };
        let candidates = what.split('`').skip(1).step_by(2);
        let near = self.near(candidates);
        let diagnostic = diagnostic.suggest(near, self.here(), |diagnostic| {
            diagnostic.help(self.written())
        });
        out.push(diagnostic);
        self.args = &[];
    }

    /// The form of the statement as a sentence; one that has alternatives has one on each line.
    fn written(&self) -> String {
        format!("it is written `{}`", self.form.replace(" | ", "` or `"))
    }

    /// The candidate that the next argument is a misspelling of.
    fn near<'c>(&self, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
        match self.args.first() {
            Some(Arg::Expr(expr)) => erpc_diagnostics::nearest(expr.as_word()?, candidates),
            _ => None,
        }
    }

    /// Whether something in this statement was reported just now: what follows in it is most
    /// likely the same mistake.
    fn is_reported(&self, out: &Diagnostics) -> bool {
        const LAST: usize = 4;
        out.as_slice().iter().rev().take(LAST).any(|diagnostic| {
            let span = diagnostic.span();
            span.file == self.whole.file
                && self.whole.start <= span.start
                && span.end <= self.whole.end
        })
    }

    /// Reports what is left; to be called when everything known has been taken.
    pub(crate) fn finish(&mut self, out: &mut Diagnostics) {
        let Some(first) = self.args.first() else {
            return;
        };
        if self.is_reported(out) {
            self.args = &[];
            return;
        }
        let is_text = matches!(first, Arg::Expr(expr) if matches!(expr.kind, ExprKind::String(_)));
        if is_text && self.form.contains("\", …") {
            let gap = Span::new(self.end.file, self.end.start, first.span().start);
            out.push(
                Diagnostic::new(&codes::MISSING_VALUE, "missing `,` between two values")
                    .at(self.end, "missing here")
                    .help(self.written())
                    .fix("write `,`", gap, ", "),
            );
            self.args = &[];
            return;
        }
        let found = found(first).unwrap_or_else(|| "this block".to_owned());
        let at = match first {
            // Of a block only its start: the whole may be long.
            Arg::Block(block) => Span::new(block.span.file, block.span.start, block.span.start + 1),
            Arg::Expr(_) | Arg::Sign(..) => first.span(),
        };
        let mut diagnostic =
            Diagnostic::new(&codes::WRONG_SHAPE, format!("unexpected {found}")).at(at, "left over");
        diagnostic = diagnostic.suggest(
            self.near(crate::word::form_words(self.form)),
            at,
            |diagnostic| diagnostic.help(self.written()),
        );
        out.push(diagnostic);
        self.args = &[];
    }
}

/// What an argument is, for "expected here, not …"; `None` for a block, before which something is
/// missing.
fn found(arg: &Arg) -> Option<String> {
    Some(match arg {
        Arg::Block(_) => return None,
        Arg::Sign(sign, _) => format!("`{}`", sign.as_str()),
        Arg::Expr(expr) => match &expr.kind {
            ExprKind::Path(path) => match path.as_word() {
                Some(word) => format!("`{word}`"),
                None => "a name with dots or a port".to_owned(),
            },
            ExprKind::String(_) => "a string".to_owned(),
            ExprKind::Number(number) => format!("the number `{}{}`", number.digits, number.suffix),
            ExprKind::Address(address) => format!("the address `{address}`"),
            ExprKind::Range(..) => "a range".to_owned(),
            ExprKind::List(_) | ExprKind::Comprehension(_) => "a list".to_owned(),
            ExprKind::Set(_) => "a set".to_owned(),
            ExprKind::Block(_) => "a block".to_owned(),
            ExprKind::Call(_) => "a name with arguments".to_owned(),
            _ => "an expression".to_owned(),
        },
    })
}

/// The text of an expression that is a plain string without interpolation.
pub(crate) fn plain_text(expr: &Expr) -> Option<&str> {
    use erpc_syntax::tree::StringPart;
    match &expr.kind {
        ExprKind::String(string) => match string.parts.as_slice() {
            [] => Some(""),
            [StringPart::Text(text)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}
