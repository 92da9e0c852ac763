//! Statements that run over the end of their line, and blocks that are told by their indentation.

use std::iter::Peekable;

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::{Arg, Block, Broken, ExprKind, Sign, Statement};

use super::{Normalizer, arg_word};
use crate::properties::{self, BlockKind};
use crate::word::form_words;

impl Normalizer<'_, '_> {
    /// A sign at the end of a line joins the next line to it. Where that line starts with a word of
    /// this place, it was meant as a statement of its own.
    pub(super) fn split_lines(
        &mut self,
        statements: &mut Vec<Statement>,
        broken: &mut Vec<Broken>,
        place: BlockKind,
    ) {
        let is_joined = |statement: &Statement| self.joined_at(&statement.args, place).is_some();
        let Some(first) = statements.iter().position(is_joined) else {
            return;
        };
        for statement in statements.split_off(first) {
            self.split(statement, statements, broken, place);
        }
    }

    /// Adds a statement, cut into those that it is meant as.
    fn split(
        &mut self,
        mut statement: Statement,
        into: &mut Vec<Statement>,
        broken: &mut Vec<Broken>,
        place: BlockKind,
    ) {
        let trailing = statement.trailing.take();
        let mut args = std::mem::take(&mut statement.args).into_iter();
        while let Some(split) = self.joined_at(args.as_slice(), place) {
            statement.args = args.by_ref().take(split - 1).collect();
            let sign = args.next();
            let (Some(Arg::Sign(sign, sign_span)), [head, .., last] | [head @ last]) =
                (sign, args.as_slice())
            else {
                break;
            };
            let written = statement.args.first().and_then(arg_word);
            let written = written.cloned().unwrap_or_default();
            let next = Statement {
                span: head.span().to(last.span()),
                args: Vec::new(),
                leading: Vec::new(),
                trailing: None,
                inner: Vec::new(),
            };
            let mut cut = std::mem::replace(&mut statement, next);
            if sign == Sign::Comma {
                let diagnostic = Diagnostic::new(&codes::WRONG_SHAPE, "nothing follows this `,`")
                    .at(sign_span, format!("joins the next line to `{written}`"))
                    .help("commas stand between values; a statement ends with its line");
                self.report(diagnostic, "remove the `,`", &[(sign_span, "")]);
                cut.span.end = cut.args.last().map_or(cut.span, Arg::span).end;
                into.push(cut);
            } else {
                let form = properties::word(&written, place).map_or("", |word| word.form);
                let sign = sign.as_str();
                self.out.push(
                    Diagnostic::new(
                        &codes::MISSING_VALUE,
                        format!("missing value after this `{sign}`"),
                    )
                    .at(sign_span, "nothing behind it")
                    .help(format!("it is written `{form}`")),
                );
                self.lose(&cut, broken);
            }
        }
        statement.args.extend(args);
        statement.trailing = trailing;
        into.push(statement);
    }

    /// The argument at which a statement of its own starts.
    fn joined_at(&self, args: &[Arg], place: BlockKind) -> Option<usize> {
        let head = arg_word(args.first()?)?;
        let form = properties::word(head, place).map_or("", |word| word.form);
        (1..args.len().saturating_sub(1))
            .find(|at| {
                let (Arg::Sign(sign, sign_span), next) = (&args[*at], &args[at + 1]) else {
                    return false;
                };
                // `tier = "front"` is one of the pairs of `labels`: no statement has a `=` behind its first word.
                let is_pair = matches!(args.get(*at + 2), Some(Arg::Sign(Sign::Assign, _)));
                *sign != Sign::Colon
                    && !is_pair
                    && arg_word(next).is_some_and(|word| {
                        properties::word(word, place).is_some()
                            && (word == head || !form_words(form).any(|known| known == word))
                    })
                    && self.slice(sign_span.end, next.span().start).contains('\n')
            })
            .map(|at| at + 1)
    }

    /// `secret web-tls:` with what belongs to it indented below, as in YAML.
    pub(super) fn gather_indented(&mut self, statements: &mut Vec<Statement>, place: BlockKind) {
        let has_colon = |s: &Statement| matches!(s.args.last(), Some(Arg::Sign(Sign::Colon, _)));
        let Some(first) = statements.iter().position(has_colon) else {
            return;
        };
        let mut rest = statements.split_off(first).into_iter().peekable();
        while let Some(mut outer) = rest.next() {
            self.gather(&mut outer, &mut rest, place);
            statements.push(outer);
        }
    }

    /// Takes what is indented below a statement that ends with `:` into it.
    fn gather(
        &mut self,
        outer: &mut Statement,
        rest: &mut Peekable<impl Iterator<Item = Statement>>,
        place: BlockKind,
    ) {
        let Some(Arg::Sign(Sign::Colon, colon)) = outer.args.last() else {
            return;
        };
        let colon = *colon;
        let word = outer
            .head()
            .and_then(|(head, _)| properties::word(head, place));
        if word.is_some_and(|word| !word.form.contains('{')) {
            return;
        }
        let indent = self.indent(outer);
        let below = std::iter::from_fn(|| rest.next_if(|s| self.indent(s) > indent));
        let inner: Vec<Statement> = below.collect();
        outer.args.pop();
        let diagnostic = Diagnostic::new(
            &codes::BROKEN_STATEMENT,
            "a block stands between `{` and `}`; indentation means nothing",
        )
        .at(colon, "a block as YAML writes it");
        let end = inner.last().map_or(colon, |last| last.span).after();
        let close = format!("\n{}}}", " ".repeat(indent));
        if word.is_none() {
            // Its word is reported, and what is in it is nothing of the language either.
            outer.span.end = end.end;
            return;
        }
        if inner.is_empty() {
            self.report(diagnostic, "remove the `:`", &[(colon, "")]);
            return;
        }
        self.report(
            diagnostic,
            "write the braces",
            &[(colon, " {"), (end, &close)],
        );
        let span = colon.to(end);
        outer.span = outer.span.to(span);
        outer.args.push(Arg::Block(Block {
            statements: inner,
            dangling: Vec::new(),
            broken: Vec::new(),
            span,
        }));
    }

    /// A value on the line below its word.
    pub(super) fn join_values(&mut self, statements: &mut Vec<Statement>) {
        let is_value = |statement: &Statement| match statement.args.first() {
            Some(Arg::Expr(expr)) => matches!(
                expr.kind,
                ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Range(..) | ExprKind::List(_)
            ),
            _ => false,
        };
        let is_joined = |above: &Statement, value: &Statement| {
            is_value(value) && above.args.len() == 1 && above.head().is_some()
        };
        let mut pairs = statements.windows(2);
        let Some(first) = pairs.position(|pair| is_joined(&pair[0], &pair[1])) else {
            return;
        };
        for value in statements.split_off(first + 1) {
            let Some(above) = statements
                .last_mut()
                .filter(|above| is_joined(above, &value))
            else {
                statements.push(value);
                continue;
            };
            let head = arg_word(&above.args[0]).cloned().unwrap_or_default();
            let gap = self.span(above.span.end, value.span.start);
            let diagnostic = Diagnostic::new(
                &codes::WRONG_SHAPE,
                format!("the value of `{head}` stands on its line"),
            )
            .at(value.args[0].span(), "on a line of its own")
            .also(above.span, "its word ends here");
            above.span = above.span.to(value.span);
            above.args.extend(value.args);
            above.trailing = value.trailing;
            self.report(diagnostic, "put it on the line above", &[(gap, " ")]);
        }
    }

    /// How far the line is indented on which a statement starts.
    fn indent(&self, statement: &Statement) -> usize {
        const MAX_LOOK: usize = 400;
        let before = self.text[..statement.span.start as usize].bytes().rev();
        let line = before.take_while(|b| *b != b'\n').take(MAX_LOOK);
        line.fold(0, |width, b| {
            if b == b' ' || b == b'\t' {
                width + 1
            } else {
                0
            }
        })
    }
}
