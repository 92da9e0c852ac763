//! The formats of results: which ones there are, which ones a command has, and the renderer of answers.

use clap::builder::PossibleValue;
use clap::{ArgMatches, Args, ValueEnum};
use serde::Serialize;

use crate::console::Console;

/// Every format, with its name and its help. A command has some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Human-readable text.
    #[value(alias = "table")]
    Human,
    /// JSON, stable within its `version`.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitHub Actions annotations.
    Github,
    /// Mermaid diagram.
    Mermaid,
    /// Graphviz diagram.
    Dot,
    /// Comma-separated values.
    Csv,
    /// JUnit XML.
    Junit,
    /// SVG image.
    Svg,
    /// Self-contained HTML page.
    Html,
    /// YAML.
    Yaml,
    /// Markdown.
    Markdown,
}

/// The formats of a command beside JSON, which all have. [`formats!`] declares them.
pub(crate) trait TextFormat: Copy + Send + Sync + 'static {
    /// Every value of `--format`, the default first.
    const CHOICES: &'static [Chosen<Self>];

    fn format(self) -> Format;
}

/// A value of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen<F> {
    /// The answer as data.
    Json,
    /// The answer as text of some kind.
    Text(F),
}

impl<F: TextFormat> ValueEnum for Chosen<F> {
    fn value_variants<'a>() -> &'a [Self] {
        F::CHOICES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Json => Format::Json,
            Self::Text(format) => format.format(),
        }
        .to_possible_value()
    }
}

/// Declares an enum with the formats that a command has beside JSON: `formats!(Formats: Human, Dot)`.
macro_rules! formats {
    ($name:ident: Human $(, $more:ident)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            Human,
            $($more,)*
        }

        impl $crate::format::TextFormat for $name {
            const CHOICES: &'static [$crate::format::Chosen<Self>] = &[
                $crate::format::Chosen::Text(Self::Human),
                $crate::format::Chosen::Json,
                $($crate::format::Chosen::Text(Self::$more),)*
            ];

            fn format(self) -> $crate::format::Format {
                match self {
                    Self::Human => $crate::format::Format::Human,
                    $(Self::$more => $crate::format::Format::$more,)*
                }
            }
        }
    };
}
pub(crate) use formats;

// The formats of several commands.
formats!(Plain: Human);
formats!(WithMarkdown: Human, Markdown);
formats!(Findings: Human, Sarif, Github);
formats!(Manifests: Human, Yaml);

/// The flag `--format` of a command.
#[derive(Debug, Args)]
pub(crate) struct Output<F: TextFormat = Plain> {
    /// Output format.
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: Chosen<F>,
}

/// The format that the arguments of a command choose, if it has the flag.
pub(crate) fn chosen(of_command: &ArgMatches) -> Option<Format> {
    // An error means that the command has no such flag.
    let mut values = of_command.try_get_raw("format").ok().flatten()?;
    let name = values.next()?.to_str()?;
    // Clap has refused every other name.
    Format::from_str(name, false).ok()
}

/// The answer of a command. As JSON it is one object, to which the renderer adds the version of its form.
pub(crate) trait Answer: Serialize {
    /// The formats that it has beside JSON.
    type Format: TextFormat;

    /// The answer in one of them.
    fn text(&self, format: Self::Format) -> String;
}

impl<F: TextFormat> Output<F> {
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.format, Chosen::Json)
    }

    pub(crate) fn is_human(&self) -> bool {
        matches!(self.format, Chosen::Text(format) if format.format() == Format::Human)
    }

    /// Writes an answer in the chosen format.
    pub(crate) fn write(&self, answer: &impl Answer<Format = F>, console: &mut Console<'_>) {
        self.write_with(
            console,
            || json(&Versioned::new(answer)),
            |format| answer.text(format),
        );
    }

    /// Writes an answer that is rendered by functions.
    pub(crate) fn write_with(
        &self,
        console: &mut Console<'_>,
        json: impl FnOnce() -> String,
        text: impl FnOnce(F) -> String,
    ) {
        console.result(&match self.format {
            Chosen::Json => json(),
            Chosen::Text(format) => text(format),
        });
    }
}

/// An answer as one JSON object that names the version of its form.
#[derive(Serialize)]
pub(crate) struct Versioned<T> {
    version: u8,
    #[serde(flatten)]
    pub(crate) answer: T,
}

impl<T> Versioned<T> {
    pub(crate) const fn new(answer: T) -> Self {
        Self { version: 1, answer }
    }
}

/// An answer as one JSON object.
pub(crate) fn json(answer: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(answer);
    text.expect("strings, numbers and lists of them serialize") + "\n"
}

/// An answer as one JSON object on a line of its own.
pub(crate) fn json_line(answer: &impl Serialize) -> String {
    let text = serde_json::to_string(answer);
    text.expect("strings, numbers and lists of them serialize") + "\n"
}

/// An answer as YAML, its strings on one line each.
pub(crate) fn yaml(answer: &impl Serialize) -> String {
    let options = serde_saphyr::ser_options! {
        min_fold_chars: usize::MAX,
        folded_wrap_chars: usize::MAX,
    };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, answer, options)
        .expect("keys are strings, and a `String` takes every text");
    text
}
