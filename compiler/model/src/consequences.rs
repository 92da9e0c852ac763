//! Findings that follow from others: what seems to be missing is there and wrong, what seems to be unused
//! is used by what could not be read. One mistake is one message.

use erpc_diagnostics::{Diagnostic, Diagnostics, FileId, Severity, Span, codes};
use erpc_syntax::tree::{Arg, Block, Statement};

use crate::program::Loaded;

/// Leaves out the findings that are only consequences of others.
pub fn without_consequences(diagnostics: &mut Diagnostics, loaded: &Loaded) {
    if !diagnostics.has_errors() {
        return;
    }
    let all = diagnostics.as_slice().iter();
    let causes = all.filter(|finding| {
        finding.severity() == Severity::Error && finding.consequence_of.is_empty()
    });
    let causes = Places::of(causes.map(Diagnostic::span));
    let broken = Places::of(
        loaded
            .files
            .iter()
            .flat_map(|file| file.broken.iter().copied()),
    );
    // A component whose use is written in another way has no arguments that could be read.
    let mut shapes: Vec<(FileId, u32)> = diagnostics
        .as_slice()
        .iter()
        .filter(|finding| finding.code == &codes::WRONG_SHAPE)
        .map(|finding| (finding.span().file, finding.span().start))
        .collect();
    shapes.sort_unstable();
    let is_written_differently = |finding: &Diagnostic| {
        let span = finding.span();
        let next = shapes.partition_point(|shape| *shape < (span.file, span.start));
        let next = shapes.get(next);
        finding.code == &codes::WRONG_ARGUMENTS
            && next.is_some_and(|(file, start)| *file == span.file && *start <= span.end)
    };
    diagnostics.retain(|finding| {
        if is_written_differently(finding) {
            return false;
        }
        let is_unused = [&codes::UNUSED_LET, &codes::UNUSED_IMPORT].contains(&finding.code);
        let mut said = finding.consequence_of.iter();
        !is_unused && !said.any(|(owner, word)| is_wrong(loaded, &causes, &broken, *owner, word))
    });
}

/// Places in their order.
pub(crate) struct Places {
    sorted: Vec<Span>,
    /// For each the one of those up to it in its file that ends last.
    last_end: Vec<u32>,
}

impl Places {
    pub(crate) fn of(places: impl Iterator<Item = Span>) -> Self {
        let mut sorted: Vec<Span> = places.collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut last_end: Vec<u32> = Vec::with_capacity(sorted.len());
        for (at, place) in sorted.iter().enumerate() {
            let before = at
                .checked_sub(1)
                .filter(|before| sorted[*before].file == place.file);
            last_end.push(before.map_or(place.end, |before| last_end[before].max(place.end)));
        }
        Self { sorted, last_end }
    }

    /// Whether any is around a place.
    pub(crate) fn are_around(&self, inner: Span) -> bool {
        let up_to = |place: &Span| (place.file, place.start) <= (inner.file, inner.start);
        let last = self.sorted.partition_point(up_to).checked_sub(1);
        last.is_some_and(|last| {
            self.sorted[last].file == inner.file && inner.end <= self.last_end[last]
        })
    }

    /// Those inside a place.
    fn inside(&self, outer: Span) -> impl Iterator<Item = Span> {
        let before = |place: &Span| (place.file, place.start) < (outer.file, outer.start);
        let from_there = self.sorted[self.sorted.partition_point(before)..]
            .iter()
            .copied();
        from_there
            .take_while(move |place| place.file == outer.file && place.start <= outer.end)
            .filter(move |place| place.end <= outer.end)
    }
}

/// Whether a block has a statement with this word in which something is wrong, or something that could
/// not be read at all.
fn is_wrong(loaded: &Loaded, causes: &Places, broken: &Places, owner: Span, word: &str) -> bool {
    let Some(file) = loaded.file(owner.file) else {
        return false;
    };
    let Some(block) = declaration(&file.tree.statements, owner.start).and_then(Statement::block)
    else {
        return false;
    };
    let is_lost = || {
        let mut lost = broken.inside(block.span);
        lost.any(|lost| {
            let around = around(&block.statements, lost.start);
            !around.is_some_and(|statement| is_in_block(statement, lost.start))
        })
    };
    let said = |statement: &&Statement| statement.head().is_some_and(|(head, _)| head == word);
    let mut said = block.statements.iter().filter(said);
    said.any(|statement| causes.inside(statement.span).next().is_some())
        || !block.broken.is_empty()
        || is_lost()
}

/// The statement around an offset; statements stand in their order.
fn around(statements: &[Statement], offset: u32) -> Option<&Statement> {
    let before = statements.partition_point(|s| s.span.start <= offset);
    statements[..before].last().filter(|s| offset <= s.span.end)
}

fn block_of(statement: &Statement) -> Option<&Block> {
    statement.args.iter().find_map(|arg| match arg {
        Arg::Block(block) => Some(block),
        Arg::Expr(_) | Arg::Sign(..) => None,
    })
}

fn is_in_block(statement: &Statement, offset: u32) -> bool {
    block_of(statement).is_some_and(|block| block.span.start < offset && offset < block.span.end)
}

/// The innermost declaration around an offset: what has properties.
fn declaration(statements: &[Statement], offset: u32) -> Option<&Statement> {
    let outer = around(statements, offset)?;
    let is_declaration = |s: &&Statement| s.head().is_none_or(|(head, _)| head != "health");
    let block = block_of(outer).filter(|_| is_declaration(&outer))?;
    if offset < block.span.start {
        return Some(outer);
    }
    Some(declaration(&block.statements, offset).unwrap_or(outer))
}

/// The innermost statement with a block around an offset.
pub(crate) fn innermost(statements: &[Statement], offset: u32) -> Option<&Statement> {
    let outer = around(statements, offset)?;
    let block = block_of(outer)?;
    if offset < block.span.start {
        return Some(outer);
    }
    Some(innermost(&block.statements, offset).unwrap_or(outer))
}
