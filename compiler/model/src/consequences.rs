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
    let causes: Vec<Span> = all
        .filter(|finding| {
            finding.severity() == Severity::Error && finding.consequence_of.is_empty()
        })
        .map(Diagnostic::span)
        .collect();
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
        !is_unused && !said.any(|(owner, word)| is_wrong(loaded, &causes, *owner, word))
    });
}

/// Whether a block has a statement with this word in which something is wrong, or something that could
/// not be read at all.
fn is_wrong(loaded: &Loaded, causes: &[Span], owner: Span, word: &str) -> bool {
    let Some(file) = loaded.files.iter().find(|file| file.id == owner.file) else {
        return false;
    };
    let Some(block) = declaration(&file.tree.statements, owner.start).and_then(Statement::block)
    else {
        return false;
    };
    let is_inside = |outer: Span, inner: Span| {
        outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
    };
    let is_lost = || {
        let mut lost = file
            .broken
            .iter()
            .filter(|lost| is_inside(block.span, **lost));
        lost.any(|lost| !block.statements.iter().any(|s| is_in_block(s, lost.start)))
    };
    let said = |statement: &&Statement| statement.head().is_some_and(|(head, _)| head == word);
    let mut said = block.statements.iter().filter(said);
    said.any(|statement| causes.iter().any(|cause| is_inside(statement.span, *cause)))
        || !block.broken.is_empty()
        || is_lost()
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
    let outer = statements
        .iter()
        .find(|s| s.span.start <= offset && offset <= s.span.end)?;
    let is_declaration = |s: &&Statement| s.head().is_none_or(|(head, _)| head != "health");
    let block = block_of(outer).filter(|_| is_declaration(&outer))?;
    if offset < block.span.start {
        return Some(outer);
    }
    Some(declaration(&block.statements, offset).unwrap_or(outer))
}

/// The innermost statement with a block around an offset.
pub(crate) fn innermost(statements: &[Statement], offset: u32) -> Option<&Statement> {
    let outer = statements
        .iter()
        .find(|s| s.span.start <= offset && offset <= s.span.end)?;
    let block = block_of(outer)?;
    if offset < block.span.start {
        return Some(outer);
    }
    Some(innermost(&block.statements, offset).unwrap_or(outer))
}
