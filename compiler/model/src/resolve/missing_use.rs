//! Names of the library without their `use`: each is one finding, however many services have it, with
//! the line that is missing.

use std::collections::BTreeSet;

use erpc_diagnostics::{Diagnostic, Span, codes};
use smol_str::SmolStr;

use super::state::Resolver;

/// How many places are shown.
const SHOWN: usize = 4;

impl Resolver<'_> {
    /// Notes that a name of the library is used, and no `use` takes it.
    pub(super) fn missing_use(&mut self, what: &'static str, module: &str, name: &str, span: Span) {
        let key = (SmolStr::from(module), SmolStr::from(name));
        let missing = self.missing_uses.entry(key);
        missing.or_insert((what, BTreeSet::new())).1.insert(span);
    }

    pub(super) fn report_missing_uses(&mut self) {
        for ((module, name), (what, places)) in std::mem::take(&mut self.missing_uses) {
            let Some(first) = places.first().copied() else {
                continue;
            };
            let line = format!("use std.{module}.{name}");
            let mut diagnostic = Diagnostic::new(
                &codes::UNKNOWN_NAME,
                format!("unknown {what} `{name}`: missing `use` of a library module"),
            )
            .at(first, "declared nowhere");
            for place in places.iter().skip(1).take(SHOWN - 1) {
                diagnostic = diagnostic.also(*place, "used here too");
            }
            if let Some(more @ 1..) = places.len().checked_sub(SHOWN) {
                let places = if more == 1 {
                    "place has"
                } else {
                    "places have"
                };
                diagnostic = diagnostic.help(format!("{more} more {places} it too"));
            }
            diagnostic = diagnostic.help(format!("add `{line}`"));
            let diagnostic = match self.insertion_point(first) {
                Some(InsertionPoint::Behind(span)) => {
                    diagnostic.fix(format!("add `{line}`"), span, format!("\n{line}"))
                }
                Some(InsertionPoint::BehindVersion(span)) => {
                    diagnostic.fix(format!("add `{line}`"), span, format!("\n\n{line}"))
                }
                Some(InsertionPoint::First(span)) => {
                    diagnostic.fix(format!("add `{line}`"), span, format!("{line}\n\n"))
                }
                None => diagnostic,
            };
            self.report(diagnostic);
        }
    }

    /// Where a `use` can be inserted in the file of a name.
    fn insertion_point(&self, of: Span) -> Option<InsertionPoint> {
        let file = self.loaded.files.iter().find(|file| file.id == of.file)?;
        let text = &self.loaded.sources.get(file.id)?.text;
        let ends = |word: &str| {
            let found = file.tree.statements.iter().rev();
            let is_it = |head: &str| head == word;
            let mut found = found.filter(|s| s.head().is_some_and(|(head, _)| is_it(head)));
            let end = found.next()?.span.end as usize;
            // A comment behind the statement stays on its line.
            let rest = text.get(end..)?;
            let line = rest.find('\n').map_or(rest, |at| &rest[..at]);
            let is_last = line.trim().is_empty() || line.trim_start().starts_with('#');
            let end = u32::try_from(end + line.trim_end().len()).ok()?;
            is_last.then_some(Span::new(of.file, end, end))
        };
        let start = Span::new(of.file, 0, 0);
        let place = ends("use").map(InsertionPoint::Behind);
        let place = place.or_else(|| ends("erp").map(InsertionPoint::BehindVersion));
        // What stands on one line with other statements cannot be followed by a line.
        let has_head = |word: &str| {
            let mut statements = file.tree.statements.iter();
            statements.any(|s| s.head().is_some_and(|(head, _)| head == word))
        };
        match place {
            None if has_head("erp") || has_head("use") => None,
            None => Some(InsertionPoint::First(start)),
            place => place,
        }
    }
}

/// Where a `use` can be inserted.
enum InsertionPoint {
    /// On the line below another one.
    Behind(Span),
    /// Below the version of the language.
    BehindVersion(Span),
    /// At the start of a file.
    First(Span),
}
