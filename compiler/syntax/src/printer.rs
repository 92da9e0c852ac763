//! From a tree back to text, in the one style that there is. Comments stay where they belong, one
//! blank line between groups stays one. The result has the tokens and comments of the source: a
//! statement that cannot be read in full, or whose tokens would change, stays verbatim.
//!
//! Heads of neighbouring statements and the `=` of neighbouring assignments are aligned, and so are
//! comments behind neighbouring lines. A block that the author wrote on one line stays on one.

mod tokens;

use erpc_diagnostics::{Diagnostics, FileId, Span, codes};

use self::tokens::{BLANKS, are_same, spaced};
use crate::parser::parse;
use crate::tree::{Arg, Block, Broken, Comment, Expr, ExprKind, File, Sign, Statement};

/// The length above which a line is broken at its commas, or a block over several lines.
const MAX_COLUMNS: usize = 120;
const INDENT: usize = 2;
/// How often a text is formatted until it stays the same.
const MAX_ROUNDS: usize = 4;

/// Whether an argument starts with what is an operator behind a space.
fn starts_with_operator(text: &str) -> bool {
    let word = text.split(|c: char| !c.is_alphanumeric()).next();
    text.starts_with(['*', '-', '/']) || matches!(word, Some("and" | "or" | "in"))
}

/// The text of a file in the one style. `text` is what `file` was parsed from. It stays as it is if its
/// statements are a guess, or if no style of it is stable: what is read around something broken may
/// depend on the white space beside it.
#[must_use]
pub fn format(text: &str, file: &File) -> String {
    if file.is_guess {
        return text.to_owned();
    }
    let mut made = print(text, file);
    for _ in 0..MAX_ROUNDS {
        let parsed = parse(FileId(0), &made);
        let again = print(&made, &parsed.file);
        if again == made && !parsed.file.is_guess && are_same(text, &made) {
            return made;
        }
        made = again;
    }
    text.to_owned()
}

fn print(text: &str, file: &File) -> String {
    let printer = Printer {
        text,
        normalized: &file.normalized,
    };
    let mut out = String::with_capacity(text.len());
    let items = Items {
        statements: &file.statements,
        broken: &file.broken,
        dangling: &file.dangling,
        start: 0,
        // A text is at most 4 GiB: its reader refuses more than 16 MiB.
        end: u32::try_from(text.len()).unwrap_or(u32::MAX),
    };
    for line in printer.items(&items, 0) {
        out.push_str(line.trim_end_matches(BLANKS));
        out.push('\n');
    }
    out
}

/// Whether it is uncertain which statements a text has, going by the diagnostics of its parse: brackets
/// or `"""` do not match. A statement that cannot be read costs itself only.
pub(crate) fn is_guess(text: &str, diagnostics: &Diagnostics) -> bool {
    let mut found = diagnostics.as_slice().iter();
    found.any(|diagnostic| match diagnostic.code.id {
        id if id == codes::NESTED_TOO_DEEP.id => true,
        id if id == codes::UNCLOSED_BRACKET.id => true,
        id if id == codes::STRAY_BRACKET.id => true,
        id if id == codes::UNCLOSED_STRING.id => text
            .get(diagnostic.span().start as usize..)
            .is_some_and(|rest| rest.starts_with("\"\"\"")),
        _ => false,
    })
}

/// What stands between two braces, or in a file.
struct Items<'t> {
    statements: &'t [Statement],
    broken: &'t [Broken],
    dangling: &'t [Comment],
    /// Where it starts and ends in the source.
    start: u32,
    end: u32,
}

impl<'t> Items<'t> {
    fn new(block: &'t Block) -> Self {
        Self {
            statements: &block.statements,
            broken: &block.broken,
            dangling: &block.dangling,
            start: block.span.start + 1,
            end: block.span.end.saturating_sub(1),
        }
    }
}

/// A stretch of source that is printed by itself.
struct Piece<'t> {
    start: u32,
    end: u32,
    kind: PieceKind<'t>,
}

#[derive(Clone, Copy)]
enum PieceKind<'t> {
    Statement(&'t Statement),
    Comment,
    /// What the tree does not have: it stays verbatim.
    Raw,
}

/// A statement or comment before alignment.
struct Row {
    /// Whether a blank line stands before it.
    is_apart: bool,
    /// What is aligned: the head, or the left side of `=`; `None` for what stands alone.
    key: Option<Key>,
    /// What follows the key; the whole where there is none. May have several lines.
    rest: String,
    /// Lines that continue it, which start under its first argument.
    more: Vec<String>,
    trailing: Option<String>,
}

#[derive(Clone, PartialEq)]
enum Key {
    Head(String),
    Assigned(String),
}

pub(crate) struct Printer<'t> {
    text: &'t str,
    /// What is read otherwise than it is written stays as it is written.
    normalized: &'t [Span],
}

impl<'t> Printer<'t> {
    /// The lines of a list of statements, indented.
    fn items(&self, items: &Items<'t>, indent: usize) -> Vec<String> {
        let mut rows: Vec<Row> = Vec::new();
        let mut end = items.start;
        for piece in self.pieces(items) {
            let is_apart = !rows.is_empty() && self.is_apart(end, piece.start);
            end = piece.end;
            let mut row = match piece.kind {
                PieceKind::Statement(statement) => self.statement(statement, is_apart, indent),
                PieceKind::Comment | PieceKind::Raw => Row {
                    is_apart,
                    key: None,
                    rest: self.stretch(piece.start, piece.end).to_owned(),
                    more: Vec::new(),
                    trailing: None,
                },
            };
            if self.needs_separator(&piece) {
                // Behind a comment it would be a part of it.
                let line = row.rest.rsplit('\n').next().unwrap_or_default();
                row.rest
                    .push_str(if line.contains('#') { "\n;" } else { ";" });
            }
            rows.push(row);
        }
        lay_out(&rows, indent)
    }

    /// Whether a piece that a `;` ends would go on behind a line break.
    fn needs_separator(&self, piece: &Piece<'t>) -> bool {
        let may_go_on = match piece.kind {
            PieceKind::Statement(statement) => matches!(statement.args.last(), Some(Arg::Sign(..))),
            PieceKind::Comment => false,
            PieceKind::Raw => true,
        };
        let behind = self.text.get(piece.end as usize..).unwrap_or_default();
        may_go_on && behind.trim_start_matches(BLANKS).starts_with(';')
    }

    /// Everything that stands between the start and the end of a list, in the order of the source. What
    /// stands on one line with something that the tree does not have is one piece with it.
    fn pieces(&self, items: &Items<'t>) -> Vec<Piece<'t>> {
        let mut known: Vec<Piece<'t>> = Vec::new();
        let comment = |comment: &Comment| Piece {
            start: comment.span.start,
            end: comment.span.end,
            kind: PieceKind::Comment,
        };
        for statement in items.statements {
            known.extend(statement.leading.iter().map(comment));
            let end = statement.span.end;
            let trailing = statement.trailing.as_ref().map(|comment| comment.span);
            // Something between the two is no part of the tree.
            let is_whole = trailing.is_none_or(|c| written(self.stretch(end, c.start)).is_empty());
            known.push(Piece {
                start: statement.span.start,
                end: trailing.map_or(end, |comment| comment.end),
                kind: if is_whole {
                    PieceKind::Statement(statement)
                } else {
                    PieceKind::Raw
                },
            });
        }
        known.extend(items.dangling.iter().map(comment));
        known.extend(items.broken.iter().map(|broken| Piece {
            start: broken.span.start,
            end: broken.span.end,
            kind: PieceKind::Raw,
        }));
        known.sort_by_key(|piece| piece.start);
        let mut pieces = Vec::with_capacity(known.len());
        let mut end = items.start;
        for piece in known {
            self.push_raw(&mut pieces, end, piece.start);
            end = end.max(piece.end);
            self.push(&mut pieces, piece);
        }
        self.push_raw(&mut pieces, end, items.end);
        pieces
    }

    /// Adds what stands between two pieces, if it is more than white space.
    fn push_raw(&self, pieces: &mut Vec<Piece<'t>>, start: u32, end: u32) {
        let gap = self.stretch(start, end);
        let written = written(gap);
        if !written.is_empty() {
            let before = gap.trim_end_matches(SEPARATORS).len() - written.len();
            // Both are parts of a text of at most 4 GiB.
            let offset = |at: usize| start + u32::try_from(at).unwrap_or(u32::MAX);
            let raw = Piece {
                start: offset(before),
                end: offset(before + written.len()),
                kind: PieceKind::Raw,
            };
            self.push(pieces, raw);
        }
    }

    fn push(&self, pieces: &mut Vec<Piece<'t>>, piece: Piece<'t>) {
        if let Some(last) = pieces.last_mut() {
            let is_raw = matches!(
                (&last.kind, &piece.kind),
                (PieceKind::Raw, _) | (_, PieceKind::Raw)
            );
            let is_on_its_line = !self.stretch(last.end, piece.start).contains('\n');
            if piece.start < last.end || is_raw && is_on_its_line {
                last.end = last.end.max(piece.end);
                last.kind = PieceKind::Raw;
                return;
            }
        }
        pieces.push(piece);
    }

    fn stretch(&self, start: u32, end: u32) -> &'t str {
        self.text
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    fn source(&self, span: Span) -> &'t str {
        self.stretch(span.start, span.end)
    }

    /// Whether the author left a blank line between two places.
    fn is_apart(&self, end: u32, start: u32) -> bool {
        let between = self.text.get(end as usize..start as usize);
        between.is_some_and(|between| between.matches('\n').count() > 1)
    }

    /// Whether something in a stretch is read otherwise than it is written, outside the blocks in it.
    fn is_normalized(&self, span: Span, args: &[Arg]) -> bool {
        let start = self.normalized.partition_point(|m| m.end < span.start);
        let inside = self.normalized[start..]
            .iter()
            .take_while(|m| m.start <= span.end);
        let is_in_block = |normalized: &Span| {
            args.iter().any(|arg| match arg {
                Arg::Block(block) => {
                    block.span.start < normalized.start && normalized.end < block.span.end
                }
                Arg::Expr(_) | Arg::Sign(..) => false,
            })
        };
        let mut outside = inside.filter(|normalized| !is_in_block(normalized));
        outside.next().is_some()
    }

    /// Whether an argument adjoins one that a space between them would make an operator of.
    fn has_joined_operator(&self, statement: &Statement) -> bool {
        statement.args.windows(2).any(|pair| {
            let (left, right) = (pair[0].span(), pair[1].span());
            left.end == right.start && starts_with_operator(self.source(right))
        })
    }

    fn statement(&self, statement: &Statement, is_apart: bool, indent: usize) -> Row {
        let trailing = statement.trailing.as_ref().map(|comment| {
            let text = self.source(comment.span);
            text.trim_end_matches(BLANKS).to_owned()
        });
        let whole = |rest: String| Row {
            is_apart,
            key: None,
            rest,
            more: Vec::new(),
            trailing: trailing.clone(),
        };
        let source = self.source(statement.span);
        // A comment between arguments has no other place than where it is.
        if self.has_joined_operator(statement)
            || !statement.inner.is_empty()
            || self.is_normalized(statement.span, &statement.args)
        {
            return whole(source.to_owned());
        }
        let flat = self.arguments(&statement.args, indent, true);
        let args = if flat.contains('\n') || indent + flat.chars().count() <= MAX_COLUMNS {
            flat
        } else {
            self.arguments(&statement.args, indent, false)
        };
        if !are_same(source, &args) {
            return whole(source.to_owned());
        }
        let ends_with_lines =
            matches!(statement.args.last(), Some(Arg::Block(_))) && args.contains('\n');
        let Some(Arg::Expr(first)) = statement.args.first() else {
            return whole(args);
        };
        let head = spaced(self.source(first.span));
        if ends_with_lines || statement.args.len() < 2 || head.contains('\n') {
            return whole(args);
        }
        let Some(rest) = args.strip_prefix(head.as_str()) else {
            return whole(args);
        };
        let key = match &statement.args[1] {
            Arg::Sign(Sign::Assign, _) => Key::Assigned(head.clone()),
            Arg::Sign(..) => return whole(args),
            Arg::Expr(_) | Arg::Block(_) => Key::Head(head.clone()),
        };
        let mut lines = self.filled(rest.trim_start(), &head, statement, indent);
        Row {
            is_apart,
            key: Some(key),
            rest: lines.remove(0),
            more: lines,
            trailing,
        }
    }

    /// Breaks a line that is too long behind commas; there is at least one line.
    fn filled(&self, rest: &str, head: &str, statement: &Statement, indent: usize) -> Vec<String> {
        let width = head.chars().count() + 1;
        if rest.contains('\n') || indent + width + rest.chars().count() <= MAX_COLUMNS {
            return vec![rest.to_owned()];
        }
        let mut parts: Vec<String> = vec![String::new()];
        for pair in
            statement.args[1..].chunk_by(|left, _| !matches!(left, Arg::Sign(Sign::Comma, _)))
        {
            let part = self.arguments(pair, indent, true);
            let last = parts.len() - 1;
            let used = indent + width + parts[last].chars().count();
            if !parts[last].is_empty() && used + 1 + part.chars().count() > MAX_COLUMNS {
                parts.push(part);
            } else {
                if !parts[last].is_empty() {
                    parts[last].push(' ');
                }
                parts[last].push_str(&part);
            }
        }
        parts
    }

    /// Arguments with the spaces between them. `is_flat` keeps blocks on one line that the author
    /// wrote on one.
    fn arguments(&self, args: &[Arg], indent: usize, is_flat: bool) -> String {
        let mut out = String::new();
        let mut is_behind_colon = false;
        for arg in args {
            let adjoins = matches!(arg, Arg::Sign(Sign::Comma | Sign::Colon, _));
            if !out.is_empty() && (!adjoins || is_behind_colon) {
                out.push(' ');
            }
            is_behind_colon = matches!(arg, Arg::Sign(Sign::Colon, _));
            match arg {
                Arg::Sign(sign, _) => out.push_str(sign.as_str()),
                // Line breaks and comments in the blocks of a list stay where they are.
                Arg::Expr(expr) if has_block(expr) => out.push_str(self.source(expr.span)),
                Arg::Expr(expr) => out.push_str(&spaced(self.source(expr.span))),
                Arg::Block(block) => out.push_str(&self.block(block, indent, is_flat)),
            }
        }
        out
    }

    fn block(&self, block: &Block, indent: usize, is_flat: bool) -> String {
        if self.pieces(&Items::new(block)).is_empty() {
            return "{ }".to_owned();
        }
        if self.is_on_one_line(block) && self.is_normalized(block.span, &[]) {
            return self.source(block.span).to_owned();
        }
        if is_flat && self.is_on_one_line(block) {
            let inside: Vec<String> = block
                .statements
                .iter()
                .map(|statement| match self.has_joined_operator(statement) {
                    true => self.source(statement.span).to_owned(),
                    false => self.arguments(&statement.args, indent, true),
                })
                .collect();
            return format!("{{ {} }}", inside.join("; "));
        }
        let mut out = String::from("{\n");
        for line in self.items(&Items::new(block), indent + INDENT) {
            out.push_str(line.trim_end_matches(BLANKS));
            out.push('\n');
        }
        out.push_str(&" ".repeat(indent));
        out.push('}');
        out
    }

    /// Whether the author wrote a block on one line, and nothing in it needs a line of its own.
    fn is_on_one_line(&self, block: &Block) -> bool {
        let fits = |piece: &Piece<'_>| match piece.kind {
            PieceKind::Statement(s) => {
                let is_bare = s.leading.is_empty() && s.trailing.is_none() && s.inner.is_empty();
                let mut blocks = s.args.iter().filter_map(|arg| match arg {
                    Arg::Block(block) => Some(block),
                    Arg::Expr(_) | Arg::Sign(..) => None,
                });
                is_bare && blocks.all(|block| self.is_on_one_line(block))
            }
            PieceKind::Comment | PieceKind::Raw => false,
        };
        !self.source(block.span).contains('\n') && self.pieces(&Items::new(block)).iter().all(fits)
    }
}

/// Whether blocks are among the elements of a list, or of a list in it.
fn has_block(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Block(_) => true,
        ExprKind::List(items) => items.iter().any(has_block),
        _ => false,
    }
}

/// What may stand between two statements and is not kept.
const SEPARATORS: [char; 5] = [' ', '\t', '\r', '\n', ';'];

/// What stands between two pieces beside separators.
fn written(gap: &str) -> &str {
    gap.trim_matches(SEPARATORS)
}

/// Aligns neighbours and puts the indentation before every first line.
fn lay_out(rows: &[Row], indent: usize) -> Vec<String> {
    let mut lines: Vec<(String, Option<&str>, bool)> = Vec::with_capacity(rows.len());
    let mut start = 0;
    while start < rows.len() {
        let mut end = start + 1;
        while end < rows.len() && is_neighbour(&rows[end - 1], &rows[end], indent) {
            end += 1;
        }
        let width = rows[start..end].iter().filter_map(|row| match &row.key {
            Some(Key::Head(key) | Key::Assigned(key)) => Some(key.chars().count()),
            None => None,
        });
        let width = width.max().unwrap_or(0);
        for row in &rows[start..end] {
            let text = match &row.key {
                Some(Key::Head(key) | Key::Assigned(key)) => {
                    let margin = " ".repeat(indent + width + 1);
                    let mut text = format!("{key:width$} {}", row.rest);
                    for line in &row.more {
                        text.push('\n');
                        text.push_str(&margin);
                        text.push_str(line);
                    }
                    text
                }
                None => row.rest.clone(),
            };
            lines.push((text, row.trailing.as_deref(), row.is_apart));
        }
        start = end;
    }
    with_trailing(&lines, indent)
}

/// Whether two rows are aligned with each other: no blank line between them, keys of one kind.
fn is_neighbour(before: &Row, row: &Row, indent: usize) -> bool {
    // Declarations at the top of a file have little in common.
    let is_top = indent == 0 && matches!(row.key, Some(Key::Head(_)));
    !is_top
        && !row.is_apart
        && matches!(
            (&before.key, &row.key),
            (Some(Key::Head(_)), Some(Key::Head(_)))
                | (Some(Key::Assigned(_)), Some(Key::Assigned(_)))
        )
}

/// Puts comments behind their lines, those of neighbouring lines in one column.
fn with_trailing(lines: &[(String, Option<&str>, bool)], indent: usize) -> Vec<String> {
    let last_width = |text: &str| text.rsplit('\n').next().map_or(0, |l| l.chars().count());
    let mut out = Vec::with_capacity(lines.len());
    let mut start = 0;
    while start < lines.len() {
        let mut end = start + 1;
        while end < lines.len()
            && !lines[end].2
            && lines[end].1.is_some() == lines[start].1.is_some()
        {
            end += 1;
        }
        let widths = lines[start..end].iter().map(|(text, ..)| last_width(text));
        let width = widths.max().unwrap_or(0);
        for (text, trailing, is_apart) in &lines[start..end] {
            if *is_apart {
                out.push(String::new());
            }
            let mut line = format!("{}{text}", " ".repeat(indent));
            if let Some(comment) = trailing {
                line.push_str(&" ".repeat(width - last_width(text) + 2));
                line.push_str(comment);
            }
            out.push(line);
        }
        start = end;
    }
    out
}
