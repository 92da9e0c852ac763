//! `show --emitted FILE[:LINE]`: the source of an emitted line, or of each line of a file.

use std::path::{Path, PathBuf};

use erpc_emit::{Cause, EmittedLine, Scope, emitted_lines, objects};
use erpc_model::nearest;
use erpc_policy::Derived;
use serde_json::Value;

use super::Formats;
use super::facts::View;
use crate::console::Console;
use crate::format::{Output, json, yaml};
use crate::project::ROOT_FILE;
use crate::text::push_line;

/// A file with a line, as `FILE[:LINE]` names them.
pub(super) struct FileLine {
    file: String,
    line: Option<usize>,
}

impl FileLine {
    pub(super) fn parse(text: &str) -> Self {
        // What does not end with a number is the name of a file alone.
        let line = text
            .rsplit_once(':')
            .and_then(|(file, line)| Some((file, line.parse().ok()?)));
        match line {
            Some((file, line)) => Self {
                file: file.to_owned(),
                line: Some(line),
            },
            None => Self {
                file: text.to_owned(),
                line: None,
            },
        }
    }

    /// The folder of the platform that a file on disk was built from: the nearest one above it
    /// with a `platform.erp`.
    pub(super) fn project(&self) -> Option<PathBuf> {
        // A file that was not built yet has no platform above it; the nearest one is asked then.
        let file = std::fs::canonicalize(Path::new(&self.file)).ok()?;
        let mut above = file.ancestors().skip(1);
        above
            .find(|folder| folder.join(ROOT_FILE).is_file())
            .map(Path::to_path_buf)
    }

    /// Whether the file on disk is another one than a build would write now.
    pub(super) fn is_old(&self, lines: &[EmittedLine]) -> bool {
        std::fs::read_to_string(&self.file)
            .is_ok_and(|text| !text.lines().eq(lines.iter().map(|line| line.text.as_str())))
    }
}

/// The lines that are asked for; a sentence for the user where there are none.
pub(super) fn find(
    view: &View<'_>,
    derived: &Derived,
    place: &FileLine,
) -> Result<Vec<EmittedLine>, String> {
    let (platform, sources) = (view.platform, view.sources);
    let Some(lines) = emitted_lines(platform, derived, sources, &place.file) else {
        let all = objects(platform, derived, sources);
        let hint = nearest(&place.file, all.iter().map(|file| file.path.as_str())).map_or_else(
            || "`erpc build` lists what it writes".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(format!("the platform has no file `{}`; {hint}", place.file));
    };
    match place.line {
        Some(line) if line == 0 || line > lines.len() => Err(format!(
            "`{}` has {} lines, so there is no line {line}",
            place.file,
            lines.len()
        )),
        _ => Ok(lines),
    }
}

/// Writes them as text or data.
pub(super) fn show(
    view: &View<'_>,
    place: &FileLine,
    lines: &[EmittedLine],
    output: &Output<Formats>,
    console: &mut Console<'_>,
) {
    let chosen: Vec<&EmittedLine> = lines
        .iter()
        .filter(|line| place.line.is_none_or(|wanted| wanted == line.number))
        .collect();
    output.write_with(
        console,
        || json(&as_json(view, place, &chosen)),
        |format| match (format, chosen.as_slice()) {
            (Formats::Yaml, _) => yaml(&as_json(view, place, &chosen)),
            (Formats::Human | Formats::Markdown, [line]) => one(view, place, line),
            (Formats::Human | Formats::Markdown, _) => all(view, &chosen),
        },
    );
}

fn one(view: &View<'_>, place: &FileLine, line: &EmittedLine) -> String {
    let mut out = String::new();
    push_line!(out, "{}:{}", place.file, line.number);
    if let Some(object) = &line.object {
        push_line!(out, "{object}: {}", line.field);
    }
    push_line!(out, "  | {}", line.text.trim());
    if line.of_text > 0 {
        let said = line
            .causes
            .first()
            .map_or("", |cause| view.sources.text(cause.origin.span));
        let file = said
            .strip_prefix("file(\"")
            .and_then(|rest| rest.strip_suffix("\")"));
        let of = file.unwrap_or("the text");
        push_line!(out, "line {} of {of}", line.of_text);
    }
    if line.scope == Scope::Object {
        push_line!(
            out,
            "\nopens a block; it is in an object that follows from:"
        );
    }
    for cause in distinct(view, &line.causes) {
        push_line!(out, "\n{}", cause.why);
        if !cause.origin.span.is_none() {
            out.push_str(&view.steps(cause.origin, "  "));
        } else {
            push_line!(
                out,
                "  written by the compiler: no line of the source says it"
            );
        }
    }
    out
}

/// Causes that differ for a reader: two routes of one line are one.
fn distinct<'c>(view: &View<'_>, causes: &'c [Cause]) -> Vec<&'c Cause> {
    let mut seen = Vec::new();
    let mut out = Vec::new();
    for cause in causes {
        let key = (&cause.why, view.place(cause.origin));
        if !seen.contains(&key) {
            seen.push(key);
            out.push(cause);
        }
    }
    out
}

/// Each line with the places that it follows from.
fn all(view: &View<'_>, lines: &[&EmittedLine]) -> String {
    const WIDEST: usize = 60;
    let widths = lines.iter().map(|line| line.text.chars().count());
    let width = widths.max().unwrap_or(0).min(WIDEST);
    let mut out = String::new();
    for line in lines {
        let mut text: String = line.text.chars().take(WIDEST).collect();
        if text.len() < line.text.len() {
            text.pop();
            text.push('…');
        }
        let causes = distinct(view, &line.causes);
        let causes = causes
            .into_iter()
            .map(|cause| match view.sources.place(cause.origin.span) {
                Some(place) => format!("{place} {}", cause.why),
                None => format!("compiler: {}", cause.why),
            });
        let causes: Vec<String> = causes.collect();
        push_line!(
            out,
            "{:4}  {text:width$}  {}",
            line.number,
            causes.join("; ")
        );
    }
    out
}

fn as_json(view: &View<'_>, place: &FileLine, lines: &[&EmittedLine]) -> Value {
    let lines = lines.iter().map(|line| {
        let causes = line
            .causes
            .iter()
            .map(|cause| serde_json::json!({ "why": cause.why, "origin": view.origin_json(cause.origin) }));
        let scope = match line.scope {
            Scope::Field => "field",
            Scope::Block => "block",
            Scope::Object => "object",
            Scope::File => "file",
        };
        serde_json::json!({
            "line": line.number,
            "text": line.text,
            "object": line.object,
            "field": line.field,
            "scope": scope,
            "causes": causes.collect::<Vec<_>>(),
        })
    });
    serde_json::json!({ "version": 1, "file": place.file, "lines": lines.collect::<Vec<_>>() })
}
