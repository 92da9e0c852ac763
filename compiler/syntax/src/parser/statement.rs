//! Statements: arguments in order, comments where they belong, and one finding for what no rule
//! of the grammar takes.

use erpc_diagnostics::{Diagnostic, Span, codes};
use pest::iterators::{Pair, Pairs};

use super::brackets::end_of_bracket;
use super::{Builder, first_words};
use crate::grammar::Rule;
use crate::tree::{Arg, Block, Broken, Comment, Expr, ExprKind, Path, Segment, Sign, Statement};

/// What stands between braces, or in a file.
#[derive(Default)]
pub(super) struct Items {
    pub(super) statements: Vec<Statement>,
    pub(super) dangling: Vec<Comment>,
    pub(super) broken: Vec<Broken>,
}

impl Builder<'_> {
    pub(super) fn items(&mut self, pairs: Pairs<'_, Rule>) -> Items {
        let mut items = Items::default();
        let mut leading: Vec<Comment> = Vec::new();
        // Where the last statement ends in the piece, for comments behind it on its line.
        let mut last_end: Option<usize> = None;
        for pair in pairs {
            match pair.as_rule() {
                Rule::comment => {
                    let comment = self.comment(&pair);
                    let start = pair.as_span().start();
                    let is_behind =
                        last_end.is_some_and(|end| !pair.get_input()[end..start].contains('\n'));
                    match items.statements.last_mut() {
                        Some(statement)
                            if is_behind && statement.trailing.is_none() && leading.is_empty() =>
                        {
                            statement.trailing = Some(comment);
                        }
                        _ => leading.push(comment),
                    }
                }
                Rule::statement => {
                    let end = pair.as_span().start() + pair.as_str().trim_end().len();
                    match self.statement(pair) {
                        Ok(mut statement) => {
                            statement.leading = std::mem::take(&mut leading);
                            items.statements.push(statement);
                            last_end = Some(end);
                        }
                        Err(broken) => {
                            items.broken.push(broken);
                            last_end = None;
                        }
                    }
                }
                _ => {}
            }
        }
        items.dangling = leading;
        items
    }

    pub(super) fn block(&mut self, pair: Pair<'_, Rule>) -> Block {
        let span = self.span(&pair);
        // Comments of the block belong to its statements, not to the statement around it.
        let outer = std::mem::take(&mut self.inner);
        let items = self.items(pair.into_inner());
        self.inner = outer;
        Block {
            statements: items.statements,
            dangling: items.dangling,
            broken: items.broken,
            span,
        }
    }

    fn statement(&mut self, pair: Pair<'_, Rule>) -> Result<Statement, Broken> {
        let text = pair.as_str();
        let whole = self.span_of(
            pair.as_span().start(),
            pair.as_span().start() + text.trim_end().len(),
        );
        let outer = std::mem::take(&mut self.inner);
        let before = self.diagnostics.as_slice().len();
        let mut args = Vec::new();
        let mut is_broken = false;
        // What stands in a bracket that cannot be read is a part of it.
        let mut lost_until = 0;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::comment => {
                    let comment = self.comment(&part);
                    self.inner.push(comment);
                }
                _ if part.as_span().start() < lost_until => {}
                Rule::junk => {
                    let is_first = !is_broken;
                    is_broken = true;
                    if is_first {
                        let span = self.span(&part);
                        self.lost.push(span);
                        if part.as_str().starts_with(['(', '[']) {
                            lost_until = end_of_bracket(&part).unwrap_or(0);
                        }
                        self.junk(&part, args.last());
                        let start = self.span(&part).start;
                        // What adjoins is a part of it, such as a component before its arguments.
                        if args.len() > 1 && args.last().is_some_and(|arg| arg.span().end == start)
                        {
                            args.pop();
                            let is_is = |arg: &Arg| matches!(arg, Arg::Expr(expr) if expr.as_word().is_some_and(|w| w == "is"));
                            if args.last().is_some_and(is_is) {
                                args.pop();
                            }
                        }
                    }
                }
                Rule::block => {
                    let block = self.block(part);
                    args.push(Arg::Block(block));
                }
                _ => self.part(part, &mut args),
            }
        }
        let mut inner = std::mem::replace(&mut self.inner, outer);
        let has_block = args.iter().any(|arg| matches!(arg, Arg::Block(_)));
        // A declaration keeps its block, so that what is inside is read in spite of its head.
        if args.is_empty() || (is_broken && !has_block) {
            debug_assert!(
                self.diagnostics.as_slice().len() > before || !self.scanned.reported.is_empty(),
                "what is broken is reported"
            );
            let words = first_words(text.split('{').next().unwrap_or_default());
            return Err(Broken { span: whole, words });
        }
        let span = args[0].span().to(args[args.len() - 1].span());
        inner.sort_by_key(|comment| comment.span);
        Ok(Statement {
            args,
            span,
            leading: Vec::new(),
            trailing: None,
            inner,
        })
    }

    /// A sign or an expression.
    fn part(&mut self, part: Pair<'_, Rule>, args: &mut Vec<Arg>) {
        let sign = match part.as_rule() {
            Rule::arrow => Some((Sign::Arrow, 2)),
            Rule::implies => Some((Sign::Implies, 2)),
            Rule::assign => Some((Sign::Assign, 1)),
            Rule::comma => Some((Sign::Comma, 1)),
            Rule::colon => Some((Sign::Colon, 1)),
            _ => None,
        };
        let Some((sign, width)) = sign else {
            let expr = self.argument_expr(part);
            args.push(Arg::Expr(expr));
            return;
        };
        let start = part.as_span().start();
        args.push(Arg::Sign(sign, self.span_of(start, start + width)));
        for inner in part.into_inner() {
            if inner.as_rule() == Rule::comment {
                let comment = self.comment(&inner);
                self.inner.push(comment);
            } else {
                let expr = self.argument_expr(inner);
                args.push(Arg::Expr(expr));
            }
        }
    }

    /// The one finding for a stretch that no rule takes.
    fn junk(&mut self, pair: &Pair<'_, Rule>, before: Option<&Arg>) {
        let text = pair.as_str();
        let start = pair.as_span().start();
        let place = self.base + start;
        if self.scanned.reported.binary_search(&place).is_ok() {
            return;
        }
        // Junk is never empty.
        let first = text.chars().next().unwrap_or(' ');
        let at = self.span_of(start, start + first.len_utf8());
        let whole = self.span_of(start, start + text.len());
        let adjoins = before.is_some_and(|arg| arg.span().end == at.start);
        let diagnostic = match first {
            '"' => Diagnostic::new(&codes::UNCLOSED_STRING, "unterminated string")
                .at(at, "opened here")
                .help("a string ends on its line; write several lines between `\"\"\"` and `\"\"\"`"),
            '“' | '”' | '„' | '«' | '»' | '‟' | '″' => typographic(first, text, at, whole),
            '\'' | '‘' | '’' | '`' => Diagnostic::new(
                &codes::STRAY_CHARACTER,
                format!("text is written between `\"` and `\"`, not with {first}"),
            )
            .at(at, "not a quote of the language"),
            ')' | ']' => Diagnostic::new(&codes::STRAY_BRACKET, format!("this `{first}` closes nothing"))
                .at(at, "nothing before it is open"),
            '(' | '[' => self.unreadable_bracket(pair, adjoins),
            '/' if text.starts_with("//") || text.starts_with("/*") => {
                Diagnostic::new(&codes::STRAY_CHARACTER, "a comment starts with `#`")
                    .at(self.span_of(start, start + 2), "not a comment here")
                    .fix("write `#`", self.span_of(start, start + 2), "#")
            }
            '/' if adjoins && text[1..].starts_with(|c: char| c.is_ascii_alphabetic()) => {
                slash_behind_name(text, before, at, whole)
            }
            '/' | '~' if !adjoins => {
                let path = text.trim_end_matches(',');
                let path_span = self.span_of(start, start + path.len());
                Diagnostic::new(&codes::STRAY_CHARACTER, "a path must be a quoted string")
                    .at(path_span, "words without quotes")
                    .help(format!("write `\"{path}\"`"))
            }
            '.' if text.starts_with("...") => {
                Diagnostic::new(&codes::STRAY_CHARACTER, "unexpected `...`")
                    .at(whole, "something is left out")
                    .help("what is left out is not said at all; a comment starts with `#`")
            }
            '.' if text.starts_with("..") => {
                Diagnostic::new(&codes::MISSING_VALUE, "missing end of this range")
                    .at(self.span_of(start, start + 2), if adjoins { "its upper end" } else { "its lower end" })
                    .help("a range is written `100m..500m`; a value alone, `500m`, is both of its ends")
            }
            '.' if adjoins && text[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                match path_before(before, 2) {
                    Some(path) => number_in_path(text, path, whole),
                    None => Diagnostic::new(&codes::STRAY_CHARACTER, "a number cannot have a fraction here")
                        .at(whole, "a fraction")
                        .help("a quantile is a whole number, such as `p99`; of other values, choose a smaller unit"),
                }
            }
            '.' if adjoins => Diagnostic::new(&codes::MISSING_VALUE, "missing name after this `.`")
                .at(at, "nothing after it")
                .help("write `namespace.service`, or remove the `.`"),
            '?' => Diagnostic::new(&codes::STRAY_CHARACTER, "a choice is written `if CONDITION then A else B`")
                .at(at, "not a sign of the language"),
            '<' if text.starts_with("<-") => {
                Diagnostic::new(&codes::STRAY_CHARACTER, "a flow is written from who calls to who is called")
                    .at(self.span_of(start, start + 2), "the other way round")
                    .help("write `allow CALLER -> CALLED:PORT`")
            }
            '+' | '-' | '*' | '/' | '<' | '>' | '=' | '!' if adjoins || matches!(first, '+' | '<' | '>' | '=' | '*') => {
                Diagnostic::new(&codes::BROKEN_STATEMENT, format!("an operator such as `{first}` has a space on both sides"))
                    .at(at, "no operator here")
                    .help("names may hold `-`, so operators are told by their spaces")
            }
            c if c.is_control() => Diagnostic::new(
                &codes::STRAY_CHARACTER,
                format!("the character U+{:04X} has no place in a source", u32::from(c)),
            )
            .at(at, "a control character")
            .fix("remove it", at, ""),
            c if c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}') => Diagnostic::new(
                &codes::STRAY_CHARACTER,
                format!("unexpected invisible character U+{:04X}", u32::from(c)),
            )
            .at(at, "looks like a space or like nothing")
            .fix("write a space", at, " "),
            '–' | '—' | '−' => Diagnostic::new(&codes::STRAY_CHARACTER, format!("`{first}` is a dash, not the `-` of the keyboard"))
                .at(at, format!("U+{:04X}", u32::from(first)))
                .fix("write `-`", at, "-"),
            '→' => Diagnostic::new(&codes::STRAY_CHARACTER, "an arrow is written `->`")
                .at(at, "not an arrow of the language")
                .fix("write `->`", at, "->"),
            c => Diagnostic::new(&codes::STRAY_CHARACTER, format!("`{c}` has no meaning here")).at(at, "not known"),
        };
        self.diagnostics.push(diagnostic);
    }

    /// An argument, which for a flow may be a set with a port behind it.
    fn argument_expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        if pair.as_rule() != Rule::ends {
            return self.expr(pair);
        }
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let Some(set) = inner.next() else {
            return Expr {
                kind: ExprKind::Set(Vec::new()),
                span,
            };
        };
        let set = self.expr(set);
        match inner.next() {
            Some(port) => Expr {
                kind: ExprKind::Ported(Box::new(set), self.port(port)),
                span,
            },
            None => set,
        }
    }
}

/// Maps of Kubernetes whose keys may have dots and slashes.
const MAPS: [&str; 7] = [
    "labels",
    "annotations",
    "nodeSelector",
    "matchLabels",
    "limits",
    "requests",
    "data",
];

/// The path before a stretch, if it has at least so many names.
fn path_before(before: Option<&Arg>, least: usize) -> Option<&Path> {
    let Some(Arg::Expr(expr)) = before else {
        return None;
    };
    match &expr.kind {
        ExprKind::Path(path) if path.port.is_none() && path.segments.len() >= least => Some(path),
        _ => None,
    }
}

/// `spec.containers.0.stdin`: the number of an element in a path.
fn number_in_path(text: &str, path: &Path, whole: Span) -> Diagnostic {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (names, rest) = text.split_at(text.find('=').unwrap_or(text.len()));
    let quoted: Vec<String> = names
        .split('.')
        .map(|part| match is_number(part) {
            true => format!("\"{part}\""),
            false => part.to_owned(),
        })
        .collect();
    let quoted = quoted.join(".");
    let list = path.segments.last().and_then(Segment::as_name);
    let list = list.map_or("", |name| name.as_str());
    Diagnostic::new(
        &codes::STRAY_CHARACTER,
        "the number of a list element must be quoted in a path",
    )
    .at(whole, "a number without quotes")
    .help(format!("write `{list}{quoted}`"))
    .fix("quote the number", whole, format!("{quoted}{rest}"))
}

/// `/` directly behind a name: a protocol, a key with a slash, or the path of another notation.
fn slash_behind_name(text: &str, before: Option<&Arg>, at: Span, whole: Span) -> Diagnostic {
    let quote_key = || {
        Diagnostic::new(
            &codes::STRAY_CHARACTER,
            "a key that contains `.` or `/` must be quoted in a path",
        )
        .at(at, "not part of a name")
    };
    let path = path_before(before, 1);
    if let Some(path) = path
        && let Some((map, key)) = key_of_map(path)
    {
        let end = text.find('=').unwrap_or(text.len());
        let names = key.iter().filter_map(Segment::as_name);
        let names: Vec<&str> = names.map(smol_str::SmolStr::as_str).collect();
        let written = format!("\"{}{}\"", names.join("."), &text[..end]);
        let from = key.first().map_or(at.start, |first| first.span.start);
        // What follows a `=` stays behind the key.
        let span = Span::new(at.file, from, whole.end);
        return quote_key().help(format!("write `{map}.{written}`")).fix(
            "quote the key",
            span,
            format!("{written}{}", &text[end..]),
        );
    }
    match path.map(|path| path.segments.len()) {
        // `spec.nodeSelector.kubernetes.io/os`
        Some(3..) => {
            quote_key().help("quote the whole key, as in `annotations.\"example.org/name\"`")
        }
        // `shop/web.replicas`
        Some(1) if text.contains('.') => Diagnostic::new(
            &codes::STRAY_CHARACTER,
            "names are separated by `.`, not by `/`",
        )
        .at(at, "not a separator")
        .help("write `.`")
        .fix("write `.`", at, "."),
        _ => Diagnostic::new(
            &codes::STRAY_CHARACTER,
            format!(
                "unknown protocol `{}`: expected `tcp`, `udp` or `sctp`",
                &text[1..]
            ),
        )
        .at(whole, "not a protocol")
        .help("write `/udp` or `/sctp` behind the number of a port; `/tcp` is the default"),
    }
}

/// The last map in a path, and the names behind it.
fn key_of_map(path: &Path) -> Option<(&str, &[Segment])> {
    let names = path.segments.iter().map(Segment::as_name);
    let is_map =
        |name: Option<&smol_str::SmolStr>| name.is_some_and(|n| MAPS.contains(&n.as_str()));
    let at = names.clone().position(is_map)?;
    let map = path.segments[at].as_name()?;
    let key = &path.segments[at + 1..];
    (!key.is_empty()).then_some((map.as_str(), key))
}

fn typographic(quote: char, text: &str, at: Span, whole: Span) -> Diagnostic {
    const QUOTES: [char; 7] = ['“', '”', '„', '«', '»', '‟', '″'];
    let diagnostic = Diagnostic::new(
        &codes::STRAY_CHARACTER,
        format!("`{quote}` is a typographic quote; text is written between two `\"`"),
    )
    .at(at, format!("U+{:04X}", u32::from(quote)));
    if text.chars().skip(1).any(|c| QUOTES.contains(&c)) {
        let normalized: String = text
            .chars()
            .map(|c| if QUOTES.contains(&c) { '"' } else { c })
            .collect();
        diagnostic.fix("write `\"`", whole, normalized)
    } else {
        diagnostic
    }
}
