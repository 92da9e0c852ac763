//! Signs between a word and its value: `:` and `=` of other languages, commas at the end, and quotes
//! that are missing around words.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Arg, ExprKind, Sign, Statement};

use super::{Normalizer, arg_word, text_expr, word_expr};
use crate::properties::Word;

impl Normalizer<'_, '_> {
    pub(super) fn signs(&mut self, statement: &mut Statement, word: Option<&Word>) {
        self.trailing_comma(statement);
        match statement.args.get(1) {
            Some(Arg::Sign(Sign::Colon, span)) => self.colon(statement, word, *span),
            Some(Arg::Sign(Sign::Assign, span)) if word.is_some() => {
                self.assign(statement, 1, *span);
            }
            _ => {}
        }
        match (statement.args.get(2), word) {
            (Some(Arg::Sign(Sign::Assign, span)), Some(word)) if !word.form.contains(" = ") => {
                self.assign(statement, 2, *span);
            }
            (Some(Arg::Sign(Sign::Colon, span)), Some(word))
                if matches!(word.name, "env" | "labels") =>
            {
                let span = *span;
                let diagnostic = Diagnostic::new(
                    &codes::BROKEN_STATEMENT,
                    "a value is assigned with `=`, not with `:`",
                )
                .at(span, "as YAML writes it");
                self.report(diagnostic, "write `=`", &[(span, " =")]);
                statement.args[2] = Arg::Sign(Sign::Assign, span);
            }
            (Some(Arg::Expr(value)), Some(word))
                if matches!(word.name, "env" | "let" | "labels")
                    && arg_word(&statement.args[2]).is_none() =>
            {
                self.missing_assign(statement, value.span);
            }
            _ => {}
        }
    }

    fn trailing_comma(&mut self, statement: &mut Statement) {
        let Some(Arg::Sign(Sign::Comma, span)) = statement.args.last() else {
            return;
        };
        let diagnostic = Diagnostic::new(&codes::WRONG_SHAPE, "nothing follows this `,`")
            .at(*span, "not needed")
            .help("commas stand between values; a statement ends with its line");
        self.report(diagnostic, "remove the `,`", &[(*span, "")]);
        statement.args.pop();
    }

    /// `name: value`.
    fn colon(&mut self, statement: &mut Statement, word: Option<&Word>, colon: Span) {
        statement.args.remove(1);
        let is_key = matches!(&statement.args[0], Arg::Expr(expr) if matches!(expr.kind, ExprKind::String(_)));
        if is_key {
            let diagnostic = Diagnostic::new(
                &codes::BROKEN_STATEMENT,
                "a value is assigned with `=`, not with `:`",
            )
            .at(colon, "as YAML writes it");
            self.report(diagnostic, "write `=`", &[(colon, " =")]);
            statement.args.insert(1, Arg::Sign(Sign::Assign, colon));
            return;
        }
        let wants_text = word.is_some_and(|word| word.form[word.name.len()..].starts_with(" \""));
        let last = statement.args.last().map_or(colon, Arg::span);
        let is_bare = statement.args.len() > 1 && statement.args[1..].iter().all(is_bare_word);
        let head = self
            .slice(statement.span.start, colon.start)
            .trim()
            .to_owned();
        if wants_text && is_bare {
            let value = statement.args[1].span().to(last);
            let written = self.slice(value.start, value.end).to_owned();
            let diagnostic = Diagnostic::new(
                &codes::BROKEN_STATEMENT,
                format!("unexpected `:` after `{head}`"),
            )
            .at(self.span(colon.start, value.end), "as YAML writes it")
            .help(format!("write `{head} \"{written}\"`"));
            self.report(
                diagnostic,
                "put it in quotes",
                &[(colon, ""), (value, &format!("\"{written}\""))],
            );
            statement.args.truncate(1);
            statement.args.push(Arg::Expr(text_expr(&written, value)));
            return;
        }
        let value = match statement.args.get(1) {
            Some(arg) => self.slice(arg.span().start, last.end).to_owned(),
            None => String::new(),
        };
        let mut diagnostic = Diagnostic::new(
            &codes::BROKEN_STATEMENT,
            "a value follows its name without a `:`",
        )
        .at(colon, "not needed");
        if !value.is_empty() && !value.contains('\n') {
            diagnostic = diagnostic.help(format!("write `{head} {value}`"));
        }
        let needs_space = !self
            .slice(colon.end, colon.end + 1)
            .starts_with([' ', '\n']);
        self.report(
            diagnostic,
            "remove the `:`",
            &[(colon, if needs_space { " " } else { "" })],
        );
    }

    /// `name = value` where the language has a space.
    fn assign(&mut self, statement: &mut Statement, at: usize, sign: Span) {
        statement.args.remove(at);
        let before = self
            .slice(statement.span.start, sign.start)
            .trim_end()
            .to_owned();
        let behind = statement.args.get(at).map_or(sign.after(), Arg::span);
        let value = self.slice(behind.start, behind.end);
        let shown = if value.is_empty() || value.contains('\n') {
            "…"
        } else {
            value
        };
        let diagnostic = Diagnostic::new(
            &codes::WRONG_SHAPE,
            format!("`{before}` is followed by its value without a `=`"),
        )
        .at(sign, "a space is enough")
        .help(format!("write `{before} {shown}`"));
        let gap = self.span(
            statement.args[at - 1].span().end,
            behind.start.max(sign.end),
        );
        self.report(diagnostic, "write a space for `=`", &[(gap, " ")]);
    }

    /// `env NAME "value"`, `let name 5`.
    fn missing_assign(&mut self, statement: &mut Statement, value: Span) {
        let name = statement.args[1].span();
        let written = self.slice(statement.span.start, name.end);
        let written = written.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = self.slice(value.start, value.end).to_owned();
        let diagnostic = Diagnostic::new(
            &codes::MISSING_VALUE,
            format!(
                "missing `=` between `{}` and its value",
                self.slice(name.start, name.end)
            ),
        )
        .at(self.span(name.end, name.end), "missing here")
        .help(format!("write `{written} = {shown}`"));
        self.report(
            diagnostic,
            "write `=`",
            &[(self.span(name.end, value.start), " = ")],
        );
        statement
            .args
            .insert(2, Arg::Sign(Sign::Assign, name.after()));
    }

    /// `because the orders`, `title A shop`, `every 0 3 * * *`: several words where a text stands.
    pub(super) fn bare_text(
        &mut self,
        statement: &mut Statement,
        from: usize,
        to: usize,
        what: &str,
    ) {
        let span = statement.args[from]
            .span()
            .to(statement.args[to - 1].span());
        let written = self.slice(span.start, span.end).to_owned();
        let diagnostic =
            Diagnostic::new(&codes::WRONG_TYPE, format!("{what} is written in quotes"))
                .at(span, "words without quotes")
                .help(format!("write `\"{written}\"`"));
        self.report(
            diagnostic,
            "put it in quotes",
            &[(span, &format!("\"{written}\""))],
        );
        statement
            .args
            .splice(from..to, [Arg::Expr(text_expr(&written, span))]);
    }

    /// Puts the word that is meant in the place of an argument.
    pub(super) fn replace_word(
        &mut self,
        statement: &mut Statement,
        at: usize,
        meant: &str,
        diagnostic: Diagnostic,
    ) {
        let span = statement.args[at].span();
        self.report(diagnostic, &format!("write `{meant}`"), &[(span, meant)]);
        statement.args[at] = Arg::Expr(word_expr(meant, span));
    }
}

/// A word, a dotted name or a name with a port: what a text without quotes looks like.
fn is_bare_word(arg: &Arg) -> bool {
    matches!(arg, Arg::Expr(expr) if matches!(expr.kind, ExprKind::Path(_)))
}
