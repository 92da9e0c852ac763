//! The texts of a program and the way from an offset to a line.

use std::sync::{Arc, OnceLock};

use crate::{FileId, Span};

/// A line and a column, both counted from 1; the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineColumn {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// Where a file can be opened; nothing of one that is on no disk.
#[derive(Clone, Debug, Default)]
pub struct Located {
    /// Its URL: a terminal makes a link of it.
    pub url: Option<String>,
    /// The path from the working folder, where it is below that: what tools that start there look up.
    pub below: Option<String>,
    /// The name that opens it from the working folder.
    pub from_here: Option<String>,
}

/// One file of the program.
#[derive(Debug)]
pub struct Source {
    /// The path as it is shown: relative to the program's folder, with `/`.
    pub path: String,
    /// The text.
    pub text: Arc<str>,
    /// Where it can be opened, where that is known.
    pub located: Located,
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    /// The path for tools that start in the working folder.
    #[must_use]
    pub fn path_for_tools(&self) -> &str {
        self.located.below.as_deref().unwrap_or(&self.path)
    }

    /// The path for people who look at a terminal.
    #[must_use]
    pub fn path_from_here(&self) -> &str {
        self.located.from_here.as_deref().unwrap_or(&self.path)
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let breaks = self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
            // Sources are refused above 16 MiB, so every offset fits.
            std::iter::once(0)
                .chain(breaks.map(|(i, _)| u32::try_from(i + 1).unwrap_or(u32::MAX)))
                .collect()
        })
    }

    /// The line and column of a byte offset; an offset inside a character counts as its start.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start <= offset).max(1);
        let start = starts[line - 1] as usize;
        let mut end = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let column = self.text[start.min(end)..end].chars().count() + 1;
        LineColumn { line, column }
    }
}

/// All files of a program, in the order in which they were added.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// No files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file; `path` is what messages call it.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX - 1));
        self.files.push(Source {
            path: path.into(),
            text: text.into(),
            located: Located::default(),
            line_starts: OnceLock::new(),
        });
        id
    }

    /// How many files there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// Says where the files are.
    pub fn locate(&mut self, place: impl Fn(&str) -> Located) {
        for source in &mut self.files {
            source.located = place(&source.path);
        }
    }

    /// The file with this id, unless it is the file of [`Span::NONE`].
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// The text under a span; empty for [`Span::NONE`].
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file)
            .and_then(|s| s.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }

    /// `path:line` of the start of a span, as messages write it; `None` for [`Span::NONE`].
    #[must_use]
    pub fn place(&self, span: Span) -> Option<String> {
        let source = self.get(span.file)?;
        Some(format!(
            "{}:{}",
            source.path,
            source.line_column(span.start).line
        ))
    }

    /// All files with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        (0..).map(FileId).zip(&self.files)
    }
}
