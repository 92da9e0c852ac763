//! `erpc report`: the platform's handbook, on standard output or in a folder.

use erpc_report::handbook::{self, Handbook, Language};
use erpc_report::picture::{self, View};

use super::{compiled, count, has_format, versioned_json};
use crate::Exit;
use crate::arguments::{Common, Format, Lang, Report};
use crate::console::Console;
use crate::output::write_documents;

pub(crate) fn run(command: &Report, common: &Common, console: &mut Console<'_>) -> Exit {
    let formats = [Format::Human, Format::Markdown, Format::Html, Format::Json];
    if !has_format("report", &formats, common, console) {
        return Exit::Usage;
    }
    let Some((platform, derived, sources)) = compiled(command.path.as_deref(), common, console)
    else {
        return Exit::Failed;
    };
    let language = match command.lang {
        Lang::Uk => Language::Ukrainian,
        Lang::En => Language::English,
    };
    let handbook = Handbook::of(&platform, &derived, &sources, language);
    let view = View::whole(&platform, &derived);
    let Some(folder) = &command.out else {
        let text = match common.format {
            Format::Html => handbook::html(&handbook, Some(&picture::svg(&view))),
            Format::Json => versioned_json(&handbook),
            _ => handbook::markdown(&handbook, None),
        };
        console.result(&text);
        return Exit::Done;
    };
    let svg = picture::svg(&view);
    let markdown = || {
        (
            "handbook.md",
            handbook::markdown(&handbook, Some("platform.svg")),
        )
    };
    let html = || ("handbook.html", handbook::html(&handbook, Some(&svg)));
    let files = match common.format {
        Format::Html => vec![html()],
        Format::Markdown => vec![markdown(), ("platform.svg", svg.clone())],
        Format::Json => vec![("handbook.json", versioned_json(&handbook))],
        _ => vec![
            markdown(),
            html(),
            ("platform.svg", svg.clone()),
            ("platform.html", picture::explorer(&view, &sources)),
        ],
    };
    if let Err(message) = write_documents(folder, &files) {
        console.fail(&message);
        return Exit::Failed;
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    console.note(&format!(
        "{} in {}: {}",
        count(files.len(), "file"),
        folder.display(),
        names.join(", ")
    ));
    Exit::Done
}
