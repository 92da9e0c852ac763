//! Statements that run over the end of their line, and blocks that are told by their indentation.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::{Arg, Block, Broken, ExprKind, Sign, Statement};

use super::{Mender, arg_word};
use crate::properties::{self, Place};
use crate::word::form_words;

/// How many statements of one block are split or joined: each moves those behind it.
const MAX_MENDED: usize = 1_000;

impl Mender<'_, '_> {
    /// A sign at the end of a line joins the next line to it. Where that line starts with a word of
    /// this place, it was meant as a statement of its own.
    pub(super) fn split_lines(
        &mut self,
        statements: &mut Vec<Statement>,
        broken: &mut Vec<Broken>,
        place: Place,
    ) {
        let mut at = 0;
        let most = statements.len() + MAX_MENDED;
        while at < statements.len().min(most) {
            let Some(split) = self.joined_at(&statements[at], place) else {
                at += 1;
                continue;
            };
            let statement = &mut statements[at];
            let rest = statement.args.split_off(split);
            let Some((Arg::Sign(sign, sign_span), head)) =
                statement.args.pop().zip(statement.args.first())
            else {
                at += 1;
                continue;
            };
            let (whole, written) = (statement.span, arg_word(head).cloned().unwrap_or_default());
            let next = Statement {
                span: rest[0].span().to(rest[rest.len() - 1].span()),
                args: rest,
                leading: Vec::new(),
                trailing: statement.trailing.take(),
                inner: Vec::new(),
            };
            let is_whole = sign == Sign::Comma;
            if is_whole {
                let diagnostic = Diagnostic::new(&codes::WRONG_SHAPE, "nothing follows this `,`")
                    .at(sign_span, format!("joins the next line to `{written}`"))
                    .help("commas stand between values; a statement ends with its line");
                self.report(diagnostic, "remove the `,`", &[(sign_span, "")]);
                let last = statement.args.last().map_or(whole, Arg::span);
                statement.span = whole.to(last);
                statement.span.end = last.end;
            } else {
                let form = properties::word(&written, place).map_or("", |word| word.form);
                let sign = sign.as_str();
                self.out.push(
                    Diagnostic::new(
                        &codes::MISSING_VALUE,
                        format!("what stands behind this `{sign}` is missing"),
                    )
                    .at(sign_span, "nothing behind it")
                    .help(format!("it is written `{form}`")),
                );
            }
            if !is_whole {
                let statement = statements.remove(at);
                self.lose(&statement, broken);
                statements.insert(at, next);
            } else {
                at += 1;
                statements.insert(at, next);
            }
        }
    }

    /// The argument at which a statement of its own starts.
    fn joined_at(&self, statement: &Statement, place: Place) -> Option<usize> {
        let form = arg_word(statement.args.first()?)
            .and_then(|head| properties::word(head, place))
            .map_or("", |word| word.form);
        (1..statement.args.len().saturating_sub(1))
            .find(|at| {
                let (Arg::Sign(sign, sign_span), next) =
                    (&statement.args[*at], &statement.args[at + 1])
                else {
                    return false;
                };
                *sign != Sign::Colon
                    && arg_word(next).is_some_and(|word| {
                        properties::word(word, place).is_some()
                            && !form_words(form).skip(1).any(|known| known == word)
                    })
                    && self.slice(sign_span.end, next.span().start).contains('\n')
            })
            .map(|at| at + 1)
    }

    /// `secret web-tls:` with what belongs to it indented below, as in YAML.
    pub(super) fn gather_indented(&mut self, statements: &mut Vec<Statement>, place: Place) {
        let mut at = 0;
        while at < statements.len() {
            at += 1;
            let Some(Arg::Sign(Sign::Colon, colon)) = statements[at - 1].args.last() else {
                continue;
            };
            let colon = *colon;
            let word = statements[at - 1]
                .head()
                .and_then(|(head, _)| properties::word(head, place));
            if word.is_some_and(|word| !word.form.contains('{')) {
                continue;
            }
            let is_known = word.is_some();
            let indent = self.indent(&statements[at - 1]);
            let below = statements[at..]
                .iter()
                .take_while(|s| self.indent(s) > indent)
                .count();
            let inner: Vec<Statement> = statements.drain(at..at + below).collect();
            let outer = &mut statements[at - 1];
            outer.args.pop();
            let diagnostic = Diagnostic::new(
                &codes::BROKEN_STATEMENT,
                "a block stands between `{` and `}`; indentation means nothing",
            )
            .at(colon, "a block as YAML writes it");
            let end = inner.last().map_or(colon, |last| last.span).after();
            let close = format!("\n{}}}", " ".repeat(indent));
            if !is_known {
                // Its word is reported, and what is in it is nothing of the language either.
                outer.span.end = end.end;
                continue;
            }
            if inner.is_empty() {
                self.report(diagnostic, "remove the `:`", &[(colon, "")]);
                continue;
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
        let mut at = 1;
        let least = statements.len().saturating_sub(MAX_MENDED);
        while at < statements.len() && statements.len() > least {
            let is_joined = is_value(&statements[at])
                && statements[at - 1].args.len() == 1
                && statements[at - 1].head().is_some();
            if !is_joined {
                at += 1;
                continue;
            }
            let value = statements.remove(at);
            let above = &mut statements[at - 1];
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
