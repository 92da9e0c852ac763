//! Where a command's words go: results to standard output, everything else to standard error.

use std::io::{self, Write};

use erpc_diagnostics::{
    Diagnostics, Sources, Style, render_github, render_human, render_json, render_sarif,
};

use crate::format::Format;

/// How many columns are used by default.
const WIDTH: usize = 100;

/// The two streams of a command, and how they look.
pub struct Console<'s> {
    out: Box<dyn Write + 's>,
    err: Box<dyn Write + 's>,
    color: bool,
    /// Whether the terminal makes links of places.
    has_links: bool,
    width: usize,
    is_quiet: bool,
    /// The format of the command, which findings keep to.
    format: Format,
    /// The first failure to write, kept until the end: a closed pipe is no reason to panic.
    failure: Option<io::Error>,
}

impl Console<'static> {
    /// The streams of the process.
    #[must_use]
    pub fn of_process() -> Self {
        // Where a shell has not set it to a number, the width is the default.
        let width = std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok())
            .unwrap_or(WIDTH)
            .clamp(40, 200);
        Self {
            out: Box::new(io::BufWriter::new(io::stdout().lock())),
            err: Box::new(io::stderr()),
            color: crate::wants_color(),
            has_links: supports_hyperlinks::on(supports_hyperlinks::Stream::Stderr),
            width,
            is_quiet: false,
            format: Format::Human,
            failure: None,
        }
    }
}

impl<'s> Console<'s> {
    /// Streams of a test: no colours, 80 columns.
    pub fn plain(out: impl Write + 's, err: impl Write + 's) -> Self {
        Self {
            out: Box::new(out),
            err: Box::new(err),
            color: false,
            has_links: false,
            width: Style::PLAIN.width,
            is_quiet: false,
            format: Format::Human,
            failure: None,
        }
    }

    pub(crate) fn has_color(&self) -> bool {
        self.color
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The stream of progress and errors, for what repaints itself.
    pub(crate) fn error_stream(&mut self) -> &mut (dyn Write + 's) {
        &mut *self.err
    }

    /// The streams of results and of progress, for what writes to both in turns.
    pub(crate) fn streams(&mut self) -> (&mut (dyn Write + 's), &mut (dyn Write + 's)) {
        (&mut *self.out, &mut *self.err)
    }

    pub(crate) fn set_color(&mut self, color: bool) {
        self.color = color;
    }

    pub(crate) fn set_quiet(&mut self, is_quiet: bool) {
        self.is_quiet = is_quiet;
    }

    pub(crate) fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Text of the result, as it is.
    pub(crate) fn result(&mut self, text: &str) {
        let written = self.out.write_all(text.as_bytes());
        self.keep(written);
    }

    /// A line for people beside the result; nothing with `--quiet`.
    pub(crate) fn note(&mut self, line: &str) {
        if !self.is_quiet {
            self.in_order();
            let written = writeln!(self.err, "{line}");
            self.keep(written);
        }
    }

    /// Text that says why something failed.
    pub(crate) fn error(&mut self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        self.in_order();
        let written = write!(self.err, "{text}{end}");
        self.keep(written);
    }

    /// A failure of the world, as one line.
    pub(crate) fn fail(&mut self, message: &str) {
        let line = if self.color {
            format!("\u{1b}[1;31merror\u{1b}[0m\u{1b}[1m: {message}\u{1b}[0m")
        } else {
            format!("error: {message}")
        };
        self.error(&line);
    }

    /// Findings in the format of the command: for people on standard error, for tools as the result.
    pub(crate) fn findings(
        &mut self,
        diagnostics: &Diagnostics,
        sources: &Sources,
        max: Option<usize>,
    ) {
        match self.format {
            Format::Json => self.result(&render_json(diagnostics, sources)),
            Format::Sarif => {
                let version = env!("CARGO_PKG_VERSION");
                self.result(&render_sarif(diagnostics, sources, version));
            }
            Format::Github => self.result(&render_github(diagnostics, sources)),
            Format::Human
            | Format::Junit
            | Format::Mermaid
            | Format::Dot
            | Format::Svg
            | Format::Html
            | Format::Csv
            | Format::Yaml
            | Format::Markdown => self.diagnostics(diagnostics, sources, max),
        }
    }

    /// Findings for people; with `--quiet` only where there are errors.
    pub(crate) fn diagnostics(
        &mut self,
        diagnostics: &Diagnostics,
        sources: &Sources,
        max: Option<usize>,
    ) {
        if diagnostics.is_empty() || self.is_quiet && !diagnostics.has_errors() {
            return;
        }
        let style = Style {
            color: self.color,
            links: self.color && self.has_links,
            from_here: true,
            width: self.width,
        };
        let text = render_human(diagnostics, sources, style, max);
        self.error(&text);
    }

    /// Clears the terminal before the next picture of a watch; nothing where there is none.
    pub(crate) fn clear(&mut self) {
        if self.color {
            self.error("\u{1b}[2J\u{1b}[H");
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    ///
    /// The first failure to write since the start. A pipe that its reader closed is none.
    pub fn flush(&mut self) -> io::Result<()> {
        let written = self.out.flush();
        self.keep(written);
        let written = self.err.flush();
        self.keep(written);
        match self.failure.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// What was said before stands before what follows, where both streams are one.
    fn in_order(&mut self) {
        let written = self.out.flush();
        self.keep(written);
    }

    fn keep(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.failure.get_or_insert(error);
        }
    }
}
