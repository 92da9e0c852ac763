//! Rows of text in aligned columns, and the same rows in Markdown.

use crate::text::push_text;

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
                push_text!(line, "{cell:width$}  ");
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
                push_text!(out, " {} |", cell.replace('|', "\\|"));
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

#[cfg(test)]
mod tests {
    use super::Table;

    fn table(rows: &[[&str; 2]]) -> Table<2> {
        let mut table = Table::new(["name", "lines"]);
        for row in rows {
            table.push(row.map(str::to_owned));
        }
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_in_characters() {
        for (rows, expected) in [
            (&[][..], "NAME  LINES\n"),
            (&[["web", "1"]], "NAME  LINES\nweb   1\n"),
            // A wide cell moves the next column; nothing stands behind the last one.
            (
                &[["storefront", ""], ["db", "a, b"]],
                "NAME        LINES\nstorefront\ndb          a, b\n",
            ),
            (
                &[["облік", "1"], ["x", "2"]],
                "NAME   LINES\nоблік  1\nx      2\n",
            ),
        ] {
            assert_eq!(table(rows).aligned(), expected, "{rows:?}");
        }
    }

    #[test]
    fn a_bar_ends_no_cell_in_markdown() {
        for (rows, expected) in [
            (&[][..], "| name | lines |\n| --- | --- |\n"),
            (
                &[["a|b", "1"]],
                "| name | lines |\n| --- | --- |\n| a\\|b | 1 |\n",
            ),
        ] {
            assert_eq!(table(rows).markdown(), expected, "{rows:?}");
        }
    }
}
