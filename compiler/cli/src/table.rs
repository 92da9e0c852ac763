//! Rows of text in aligned columns, and the same rows in Markdown.

use std::fmt::Write;

/// A table with a head.
pub(crate) struct Table<const N: usize> {
    head: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(head: [&'static str; N]) -> Self {
        Self {
            head,
            rows: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// Columns as wide as their widest cell, two spaces between them.
    pub(crate) fn aligned(&self) -> String {
        let head = self.head.map(str::to_uppercase);
        let mut widths = [0; N];
        for row in std::iter::once(&head).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut out = String::new();
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                // Writing to a string cannot fail.
                let _ = write!(line, "{cell:width$}  ");
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    pub(crate) fn markdown(&self) -> String {
        let mut out = String::new();
        let mut push = |cells: &mut dyn Iterator<Item = &str>| {
            out.push('|');
            for cell in cells {
                // Writing to a string cannot fail.
                let _ = write!(out, " {} |", cell.replace('|', "\\|"));
            }
            out.push('\n');
        };
        push(&mut self.head.into_iter());
        push(&mut std::iter::repeat_n("---", N));
        for row in &self.rows {
            push(&mut row.iter().map(String::as_str));
        }
        out
    }
}
