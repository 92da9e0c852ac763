//! `erpc report`: the platform's handbook, on standard output or in a folder.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use erpc_report::handbook::{self, Handbook, Language};
use erpc_report::picture::{self, View};

use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Chosen, Output, Versioned, formats, json};
use crate::output::write_documents;
use crate::text::count;
use crate::{Exit, Failure};

formats!(Formats: Human, Markdown, Html);

/// Write the handbook of the platform: every table that follows from the model.
///
/// Titles, documentation and reasons keep the language of the source; headings are in the chosen
/// language.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc report --lang uk                        Markdown on standard output
  erpc report --format html > handbook.html    one self-contained page
  erpc report --out docs/platform              both, with the diagram and the explorer")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Language of the headings.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
    /// Write handbook.md, handbook.html, platform.svg and platform.html to this directory; with
    /// --format, only the handbook in that format.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output<Formats>,
}

/// A language of headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Lang {
    /// Ukrainian.
    Uk,
    /// English.
    En,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let (platform, derived, sources) = self.input.model()?;
        let language = match self.lang {
            Lang::Uk => Language::Ukrainian,
            Lang::En => Language::English,
        };
        let handbook = Handbook::of(&platform, &derived, &sources, language);
        let view = View::whole(&platform, &derived);
        let as_json = || json(&Versioned::new(&handbook));
        let Some(folder) = &self.out else {
            self.output
                .write_with(console, as_json, |format| match format {
                    Formats::Human | Formats::Markdown => handbook::markdown(&handbook, None),
                    Formats::Html => handbook::html(&handbook, Some(&picture::svg(&view))),
                });
            return Ok(Exit::Done);
        };
        let svg = picture::svg(&view);
        let markdown = || {
            let text = handbook::markdown(&handbook, Some("platform.svg"));
            ("handbook.md", text)
        };
        let html = || ("handbook.html", handbook::html(&handbook, Some(&svg)));
        let files = match self.output.format {
            Chosen::Json => vec![("handbook.json", as_json())],
            Chosen::Text(Formats::Html) => vec![html()],
            Chosen::Text(Formats::Markdown) => vec![markdown(), ("platform.svg", svg.clone())],
            Chosen::Text(Formats::Human) => vec![
                markdown(),
                html(),
                ("platform.svg", svg.clone()),
                ("platform.html", picture::explorer(&view, &sources)),
            ],
        };
        write_documents(folder, &files)?;
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        console.note(&format!(
            "{} in {}: {}",
            count(files.len(), "file"),
            folder.display(),
            names.join(", ")
        ));
        Ok(Exit::Done)
    }
}
