//! From a text to a tree: the scanner cuts it into top-level pieces, pest parses each, and the
//! pairs become statements and expressions. Large files are parsed in parallel.

mod brackets;
mod expr;
mod statement;
mod string;

use erpc_diagnostics::{Diagnostic, Diagnostics, FileId, Span, codes};
use pest::Parser;
use pest::iterators::Pair;
use rayon::prelude::*;
use smol_str::SmolStr;

use crate::grammar::{Grammar, Rule};
use crate::normalize::{Normalized, normalize};
use crate::printer::is_guess;
use crate::scan::{Scanned, scan};
use crate::tree::{Broken, Comment, File, StringPart};

/// A tree and what is wrong with the text.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The tree.
    pub file: File,
    /// What could not be read.
    pub diagnostics: Diagnostics,
}

/// The size above which a file is parsed in parallel.
const PARALLEL_BYTES: usize = 8 << 10;

/// Parses a text of at most 4 GiB; total: any text gives a tree. Linear in the text's length.
#[must_use]
pub fn parse(file: FileId, text: &str) -> Parsed {
    let mut diagnostics = Diagnostics::new();
    let normalized = normalize(file, text, &mut diagnostics);
    let scanned = scan(file, &normalized, &mut diagnostics);
    let pieces: Vec<(usize, usize)> = scanned
        .starts
        .iter()
        .copied()
        .zip(
            scanned
                .starts
                .iter()
                .skip(1)
                .copied()
                .chain(std::iter::once(scanned.text.len())),
        )
        .collect();
    let last = pieces.len().saturating_sub(1);
    let parse_piece = |(n, (start, end)): (usize, &(usize, usize))| {
        let is_lost = scanned.last_is_lost && n == last;
        piece(file, &scanned, *start, *end, is_lost)
    };
    let parsed: Vec<Parsed> = if scanned.text.len() > PARALLEL_BYTES {
        pieces.par_iter().enumerate().map(parse_piece).collect()
    } else {
        pieces.iter().enumerate().map(parse_piece).collect()
    };
    let mut parsed = join(parsed, diagnostics);
    parsed.file.normalized = normalized.spans(file);
    parsed.file.is_guess = !scanned.insertions.is_empty() || is_guess(text, &parsed.diagnostics);
    parsed
}

/// Parses the text of a template: literal text with `${…}` in it.
///
/// # Errors
///
/// The offset of a `${…}` that cannot be read.
pub fn parse_template(file: FileId, text: &str) -> Result<Vec<StringPart>, usize> {
    let offset = |error: &pest::error::Error<Rule>| match error.location {
        pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => at,
    };
    let mut silent = Diagnostics::new();
    let unchanged = Normalized::unchanged(text);
    let scanned = scan(file, &unchanged, &mut silent);
    if scanned.last_is_lost {
        return Err(text.len());
    }
    let mut pairs = Grammar::parse(Rule::template, text).map_err(|error| offset(&error))?;
    let whole = Scanned {
        normalized: &unchanged,
        text: text.into(),
        insertions: Vec::new(),
        starts: vec![0],
        reported: Vec::new(),
        last_is_lost: false,
    };
    let mut builder = Builder::new(file, &whole, 0);
    let parts = pairs
        .next()
        .map_or_else(Vec::new, |pair| builder.parts(pair.into_inner()));
    match builder.diagnostics.as_slice().first() {
        Some(diagnostic) => Err(diagnostic.span().start as usize),
        None => Ok(parts),
    }
}

/// Puts the pieces of a file together. Comments that end a piece belong to what follows.
fn join(parsed: Vec<Parsed>, mut diagnostics: Diagnostics) -> Parsed {
    let mut file = File::default();
    let mut waiting: Vec<Comment> = Vec::new();
    for mut piece in parsed {
        if let Some(first) = piece.file.statements.first_mut() {
            waiting.append(&mut first.leading);
            first.leading = std::mem::take(&mut waiting);
        }
        file.statements.append(&mut piece.file.statements);
        file.broken.append(&mut piece.file.broken);
        file.lost.append(&mut piece.file.lost);
        waiting.append(&mut piece.file.dangling);
        diagnostics.extend(piece.diagnostics);
    }
    file.dangling = waiting;
    Parsed { file, diagnostics }
}

fn piece(file: FileId, scanned: &Scanned<'_>, start: usize, end: usize, is_lost: bool) -> Parsed {
    let mut builder = Builder::new(file, scanned, start);
    let text = &scanned.text[start..end];
    let mut tree = File::default();
    let parsed = if is_lost {
        None
    } else {
        match Grammar::parse(Rule::chunk, text) {
            Ok(mut pairs) => pairs.next(),
            Err(error) => {
                builder.refused(&error);
                None
            }
        }
    };
    match parsed {
        Some(chunk) => {
            let items = builder.items(chunk.into_inner());
            tree.statements = items.statements;
            tree.dangling = items.dangling;
            tree.broken = items.broken;
        }
        None => {
            let span = builder.span_of(0, text.trim_end().len());
            tree.broken.push(Broken {
                span,
                words: first_words(text),
            });
        }
    }
    tree.lost = builder.lost;
    Parsed {
        file: tree,
        diagnostics: builder.diagnostics,
    }
}

/// The first two words of a text.
pub(crate) fn first_words(text: &str) -> Vec<SmolStr> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'))
        .filter(|word| !word.is_empty())
        .take(2)
        .map(Into::into)
        .collect()
}

/// Makes the tree of one piece from pest's pairs.
pub(crate) struct Builder<'t> {
    file: FileId,
    scanned: &'t Scanned<'t>,
    /// Where the piece starts in the normalized text.
    base: usize,
    pub(crate) diagnostics: Diagnostics,
    /// Stretches that no rule takes.
    lost: Vec<Span>,
    /// Comments met inside a statement.
    inner: Vec<Comment>,
    /// How many operators the expressions around the current place have.
    operators: usize,
}

impl<'t> Builder<'t> {
    fn new(file: FileId, scanned: &'t Scanned<'t>, base: usize) -> Self {
        Self {
            file,
            scanned,
            base,
            diagnostics: Diagnostics::new(),
            lost: Vec::new(),
            inner: Vec::new(),
            operators: 0,
        }
    }

    /// Reports why the grammar does not take a piece. It takes every balanced text, so that what is
    /// left is a limit of the parser.
    fn refused(&mut self, error: &pest::error::Error<Rule>) {
        let (start, end) = match error.location {
            pest::error::InputLocation::Pos(at) => (at, at),
            pest::error::InputLocation::Span(span) => span,
        };
        self.diagnostics.push(
            Diagnostic::new(
                &codes::BROKEN_STATEMENT,
                format!(
                    "this declaration cannot be parsed: {}",
                    error.variant.message()
                ),
            )
            .at(self.span_of(start, end), "the parser stops here"),
        );
    }

    /// The span of a range of the piece.
    fn span_of(&self, start: usize, end: usize) -> Span {
        if self.scanned.is_original() {
            // A text is at most 4 GiB: its reader refuses more than 16 MiB.
            let offset = |at: usize| u32::try_from(self.base + at).unwrap_or(u32::MAX);
            return Span::new(self.file, offset(start), offset(end));
        }
        Span::new(
            self.file,
            self.scanned.original(self.base + start),
            self.scanned.original(self.base + end),
        )
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        self.span_of(span.start(), span.end())
    }

    fn comment(&self, pair: &Pair<'_, Rule>) -> Comment {
        let text = pair.as_str().trim_end_matches('\r');
        let start = pair.as_span().start();
        Comment {
            span: self.span_of(start, start + text.len()),
            is_doc: text.starts_with("##"),
            text: text.into(),
        }
    }
}
