//! From a tree back to text, in the one style that there is. Comments stay where they belong, one
//! blank line between groups stays one, what could not be read stays as it is.
//!
//! Heads of neighbouring statements and the `=` of neighbouring assignments are aligned, and so are
//! comments behind neighbouring lines. A block that the author wrote on one line stays on one.

mod expr;

use erpc_diagnostics::{Diagnostics, Span, codes};

use crate::tree::{Arg, Block, Broken, Comment, File, Sign, Statement};

/// The length above which a line is broken at its commas, or a block over several lines.
const MAX_COLUMNS: usize = 120;
const INDENT: usize = 2;
/// Stands for the margin of a continued line until the width of its neighbours is known. No source
/// has it: the grammar refuses it outside strings, and broken lines are found outside strings.
const UNDER_FIRST: char = '\u{1}';

/// The text of a file in the one style. `text` is what `file` was parsed from.
#[must_use]
pub fn format(text: &str, file: &File) -> String {
    let printer = Printer {
        text,
        mended: &file.mended,
    };
    let mut out = String::with_capacity(text.len());
    let items = Items {
        statements: &file.statements,
        broken: &file.broken,
        dangling: &file.dangling,
        start: 0,
    };
    for line in printer.items(&items, 0) {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Whether it is certain what the statements of a text are, going by the findings of its parse. Where
/// brackets or `"""` do not match it is a guess, and the text is better left alone; a statement that
/// cannot be read costs itself only.
#[must_use]
pub fn is_whole(text: &str, diagnostics: &Diagnostics) -> bool {
    let mut findings = diagnostics.as_slice().iter();
    !findings.any(|finding| match finding.code.id {
        id if id == codes::NESTED_TOO_DEEP.id => true,
        id if id == codes::UNCLOSED_BRACKET.id => true,
        id if id == codes::STRAY_BRACKET.id => true,
        id if id == codes::UNCLOSED_STRING.id => text
            .get(finding.span().start as usize..)
            .is_some_and(|rest| rest.starts_with("\"\"\"")),
        _ => false,
    })
}

/// What stands between two braces, or in a file.
struct Items<'t> {
    statements: &'t [Statement],
    broken: &'t [Broken],
    dangling: &'t [Comment],
    /// Where it starts in the source.
    start: u32,
}

impl<'t> Items<'t> {
    fn of(block: &'t Block) -> Self {
        Self {
            statements: &block.statements,
            broken: &block.broken,
            dangling: &block.dangling,
            start: block.span.start + 1,
        }
    }
}

/// A statement or comment before alignment.
struct Row {
    /// Whether a blank line stands before it.
    is_apart: bool,
    /// What is aligned: the head, or the left side of `=`; `None` for what stands alone.
    key: Option<Key>,
    /// What follows the key; the whole where there is none. May have several lines.
    rest: String,
    trailing: Option<String>,
}

#[derive(Clone, PartialEq)]
enum Key {
    Head(String),
    Assigned(String),
}

/// Whether the arguments of a statement are whole expressions, in which words are operators.
#[derive(Clone, Copy, PartialEq)]
enum Context {
    Plain,
    Logic,
}

impl Context {
    fn of(statement: &Statement) -> Self {
        match statement.head() {
            Some((head, _)) if head == "require" || head == "expect" => Self::Logic,
            _ => Self::Plain,
        }
    }
}

pub(crate) struct Printer<'t> {
    text: &'t str,
    /// What is read otherwise than it is written stays as it is written.
    mended: &'t [Span],
}

impl<'t> Printer<'t> {
    /// The lines of a list of statements, indented.
    fn items(&self, items: &Items<'t>, indent: usize) -> Vec<String> {
        let mut rows: Vec<Row> = Vec::new();
        let mut end = items.start;
        let statements = items.statements.iter().map(Ok);
        let mut all: Vec<Result<&Statement, &Broken>> =
            statements.chain(items.broken.iter().map(Err)).collect();
        all.sort_by_key(|item| match item {
            Ok(statement) => statement.span.start,
            Err(broken) => broken.span.start,
        });
        for item in all {
            match item {
                Ok(statement) => {
                    for comment in &statement.leading {
                        rows.push(self.comment(comment, end, rows.is_empty()));
                        end = comment.span.end;
                    }
                    let is_apart = !rows.is_empty() && self.is_apart(end, statement.span.start);
                    rows.push(self.statement(statement, is_apart, indent));
                    end = statement
                        .trailing
                        .as_ref()
                        .map_or(statement.span.end, |comment| comment.span.end);
                }
                Err(broken) => {
                    rows.push(Row {
                        is_apart: !rows.is_empty() && self.is_apart(end, broken.span.start),
                        key: None,
                        rest: self.source(broken.span).trim().to_owned(),
                        trailing: None,
                    });
                    end = broken.span.end;
                }
            }
        }
        for comment in items.dangling {
            rows.push(self.comment(comment, end, rows.is_empty()));
            end = comment.span.end;
        }
        lay_out(&rows, indent)
    }

    fn source(&self, span: Span) -> &'t str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// Whether the author left a blank line between two places.
    fn is_apart(&self, end: u32, start: u32) -> bool {
        let between = self.text.get(end as usize..start as usize);
        between.is_some_and(|between| between.matches('\n').count() > 1)
    }

    fn comment(&self, comment: &Comment, end: u32, is_first: bool) -> Row {
        Row {
            is_apart: !is_first && self.is_apart(end, comment.span.start),
            key: None,
            rest: self.comment_text(comment),
            trailing: None,
        }
    }

    fn comment_text(&self, comment: &Comment) -> String {
        let text = if self.is_mended(comment.span, &[]) {
            self.source(comment.span)
        } else {
            &comment.text
        };
        text.trim_end().to_owned()
    }

    /// Whether something in a stretch is read otherwise than it is written, outside the blocks in it.
    fn is_mended(&self, span: Span, args: &[Arg]) -> bool {
        let start = self.mended.partition_point(|m| m.end < span.start);
        let inside = self.mended[start..]
            .iter()
            .take_while(|m| m.start <= span.end);
        let is_in_block = |mended: &Span| {
            args.iter().any(|arg| match arg {
                Arg::Block(block) => block.span.start < mended.start && mended.end < block.span.end,
                Arg::Expr(_) | Arg::Sign(..) => false,
            })
        };
        let mut outside = inside.filter(|mended| !is_in_block(mended));
        outside.next().is_some()
    }

    fn statement(&self, statement: &Statement, is_apart: bool, indent: usize) -> Row {
        let trailing = statement.trailing.as_ref();
        let trailing = trailing.map(|comment| self.comment_text(comment));
        let whole = |rest: String| Row {
            is_apart,
            key: None,
            rest,
            trailing: trailing.clone(),
        };
        // A comment between arguments has no other place than where it is.
        if !statement.inner.is_empty() || self.is_mended(statement.span, &statement.args) {
            return whole(self.source(statement.span).trim().to_owned());
        }
        let flat = self.arguments(&statement.args, Context::of(statement), indent, true);
        let args = if flat.contains('\n') || indent + flat.chars().count() <= MAX_COLUMNS {
            flat
        } else {
            self.arguments(&statement.args, Context::of(statement), indent, false)
        };
        let ends_with_lines =
            matches!(statement.args.last(), Some(Arg::Block(_))) && args.contains('\n');
        let Some(Arg::Expr(first)) = statement.args.first() else {
            return whole(args);
        };
        let head = self.expr_argument(first);
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
        Row {
            is_apart,
            key: Some(key),
            rest: self.filled(rest.trim_start(), &head, statement, indent),
            trailing,
        }
    }

    /// Breaks a line that is too long behind commas; the rest stands under the first argument.
    fn filled(&self, rest: &str, head: &str, statement: &Statement, indent: usize) -> String {
        let width = head.chars().count() + 1;
        if rest.contains('\n') || indent + width + rest.chars().count() <= MAX_COLUMNS {
            return rest.to_owned();
        }
        let mut parts: Vec<String> = vec![String::new()];
        for pair in
            statement.args[1..].chunk_by(|left, _| !matches!(left, Arg::Sign(Sign::Comma, _)))
        {
            let part = self.arguments(pair, Context::of(statement), indent, true);
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
        parts.join(&format!("\n{UNDER_FIRST}"))
    }

    /// Arguments with the spaces between them. `is_flat` keeps blocks on one line that the author
    /// wrote on one.
    fn arguments(&self, args: &[Arg], context: Context, indent: usize, is_flat: bool) -> String {
        let mut out = String::new();
        let mut is_behind_assign = false;
        for arg in args {
            let is_whole = std::mem::take(&mut is_behind_assign) || context == Context::Logic;
            match arg {
                Arg::Sign(sign @ (Sign::Comma | Sign::Colon), _) => out.push_str(sign.as_str()),
                Arg::Sign(sign, _) => {
                    if !out.is_empty() {
                        out.push(' ');
                    }
                    out.push_str(sign.as_str());
                    is_behind_assign = *sign == Sign::Assign;
                }
                Arg::Expr(expr) => {
                    if !out.is_empty() {
                        out.push(' ');
                    }
                    out.push_str(&if is_whole {
                        self.expr(expr)
                    } else {
                        self.expr_argument(expr)
                    });
                }
                Arg::Block(block) => {
                    if !out.is_empty() {
                        out.push(' ');
                    }
                    out.push_str(&self.block(block, indent, is_flat));
                }
            }
        }
        out
    }

    fn block(&self, block: &Block, indent: usize, is_flat: bool) -> String {
        if block.statements.is_empty() && block.broken.is_empty() && block.dangling.is_empty() {
            return "{ }".to_owned();
        }
        if self.is_on_one_line(block) && self.is_mended(block.span, &[]) {
            return self.source(block.span).to_owned();
        }
        if is_flat && self.is_on_one_line(block) {
            let inside: Vec<String> = block
                .statements
                .iter()
                .map(|statement| {
                    self.arguments(&statement.args, Context::of(statement), indent, true)
                })
                .collect();
            return format!("{{ {} }}", inside.join("; "));
        }
        let mut out = String::from("{\n");
        for line in self.items(&Items::of(block), indent + INDENT) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out.push_str(&" ".repeat(indent));
        out.push('}');
        out
    }

    /// Whether the author wrote a block on one line, and nothing in it needs a line of its own.
    fn is_on_one_line(&self, block: &Block) -> bool {
        !self.source(block.span).contains('\n')
            && block.broken.is_empty()
            && block.dangling.is_empty()
            && block
                .statements
                .iter()
                .all(|s| s.leading.is_empty() && s.trailing.is_none() && s.inner.is_empty())
    }
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
                    format!("{key:width$} {}", row.rest).replace(UNDER_FIRST, &margin)
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
