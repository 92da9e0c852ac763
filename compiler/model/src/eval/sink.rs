//! Where diagnostics go: what only follows from a part that could not be read is dropped, what is found in a template
//! names its use.

use erpc_diagnostics::{Diagnostic, Diagnostics, FileId, Span, codes};
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::args::Args;
use crate::choice::Choice;
use crate::consequences::{Places, innermost};
use crate::kubernetes;
use crate::program::Loaded;

/// The diagnostics of a resolution, with what decides whether one is reported.
pub(crate) struct Sink<'a> {
    pub(crate) loaded: &'a Loaded,
    pub(crate) diagnostics: Diagnostics,
    /// The templates that are being evaluated, each with the call that uses it.
    pub(crate) template_calls: Vec<(FileId, Span)>,
    /// Names that are declared by what could not be read.
    pub(crate) broken_names: FxHashSet<SmolStr>,
    /// The innermost statements around places that could not be read.
    broken_statements: Places,
    /// How many names were compared in search of ones that were meant.
    compared: usize,
}

/// How many names all findings together may compare with the names that are unknown.
const MAX_COMPARED: usize = 2_000_000;

impl<'a> Sink<'a> {
    pub(crate) fn new(loaded: &'a Loaded) -> Self {
        Self {
            loaded,
            diagnostics: Diagnostics::new(),
            template_calls: Vec::new(),
            broken_names: FxHashSet::default(),
            broken_statements: Places::of(loaded.files.iter().flat_map(|file| {
                let broken = file.broken.iter();
                broken
                    .filter_map(|broken| Some(innermost(&file.tree.statements, broken.start)?.span))
            })),
            compared: 0,
        }
    }

    pub(crate) fn report(&mut self, mut diagnostic: Diagnostic) {
        if let Some((file, call)) = self.template_calls.last().copied()
            && diagnostic.span().file == file
        {
            diagnostic = diagnostic.also(call, "the template is used here");
        }
        // What is missing may stand in the part that could not be read.
        let is_missing = diagnostic.code == &codes::MISSING_PROPERTY;
        if is_missing && self.is_in_broken_statement(diagnostic.span()) {
            return;
        }
        self.diagnostics.push(diagnostic);
    }

    /// Whether something of this name is declared by what could not be read.
    pub(crate) fn is_broken_name(&self, name: &SmolStr) -> bool {
        self.broken_names.contains(name)
    }

    /// Whether the innermost block around a place that could not be read belongs to a statement
    /// that has `span` in its head.
    pub(crate) fn is_in_broken_statement(&self, span: Span) -> bool {
        self.broken_statements.are_around(span)
    }

    /// Whether a finding may look among so many names for the one that was meant. Past the limit, findings
    /// have no suggestion: each would take a pass over all names.
    pub(crate) fn may_compare(&mut self, names: usize) -> bool {
        self.compared = self.compared.saturating_add(names);
        self.compared <= MAX_COMPARED
    }

    /// The next argument, a word of a choice that `whole` offers.
    pub(crate) fn choice<T: Choice>(
        &mut self,
        args: &mut Args<'a>,
        whole: &str,
    ) -> Option<(T, Span)> {
        let name = args.need_name(&T::expected(), &mut self.diagnostics)?;
        let choice = T::from_word(&name.text);
        if choice.is_none() {
            let known: Vec<&str> = T::ALL.iter().map(|(_, word)| *word).collect();
            self.report_not_in(whole, &name.text, name.span, &known);
        }
        Some((choice?, name.span))
    }

    pub(crate) fn report_not_in(&mut self, what: &str, word: &str, span: Span, known: &[&str]) {
        let mut diagnostic =
            Diagnostic::new(&codes::UNKNOWN_NAME, format!("{what} has no `{word}`"))
                .at(span, "not known here");
        diagnostic = diagnostic.candidates(word, span, known.iter().copied());
        self.report(diagnostic);
    }

    /// Reports a text that Kubernetes does not accept as what it is used for.
    pub(crate) fn check_text(
        &mut self,
        what: &str,
        text: &str,
        span: Span,
        rule: impl Fn(&str) -> Option<String>,
    ) {
        if let Some(why) = rule(text) {
            self.report(
                Diagnostic::new(&codes::BAD_NAME, kubernetes::invalid(what, text, &why))
                    .at(span, format!("not accepted as {what}")),
            );
        }
    }
}
