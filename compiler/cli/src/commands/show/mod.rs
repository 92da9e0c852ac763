//! `erpc show`: the resolved platform, a namespace, a service or one value, and where each value
//! came from; the other way round, the source of an emitted line.

mod emitted;
mod facts;
mod lists;

use std::path::{Path, PathBuf};

use erpc_diagnostics::Sources;
use erpc_model::facts::{self as model, Missing, Subject};
use erpc_model::{Platform, listed, nearest};
use serde::Serialize;

use super::{find, has_format};
use crate::Exit;
use crate::arguments::{Common, Format, Show};
use crate::console::Console;
use crate::project::ROOT_FILE;
use emitted::FileLine;
pub(crate) use lists::List;

pub(crate) fn run(command: &Show, common: &Common, console: &mut Console<'_>) -> Exit {
    let formats = [Format::Human, Format::Json, Format::Yaml, Format::Markdown];
    if !has_format("show", &formats, common, console) {
        return Exit::Usage;
    }
    let (name, path) = name_and_path(command);
    if let Some(place) = &command.emitted {
        let place = FileLine::parse(place);
        let path = command.name.as_deref().map(PathBuf::from);
        let path = path.or_else(|| place.project());
        return of_emitted(&place, path.as_deref(), common, console);
    }
    let list = name.and_then(List::by_name);
    if common.format == Format::Markdown && list.is_none() {
        console.fail(&format!(
            "`show` writes Markdown for its tables only: {}",
            listed(List::NAMES, List::NAMES.len())
        ));
        return Exit::Usage;
    }
    let Some(project) = find(path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let compiled = project.compile();
    let Some((platform, _)) = &compiled.result else {
        console.diagnostics(&compiled.diagnostics, &compiled.sources, None);
        return Exit::Failed;
    };
    if let Some(list) = list {
        console.result(&list.show(platform, common.format));
        return Exit::Done;
    }
    match shown(
        platform,
        &compiled.sources,
        name,
        command.origin,
        common.format,
    ) {
        Ok(text) => {
            console.result(&text);
            Exit::Done
        }
        Err(missing) => {
            console.fail(&why(platform, &missing));
            Exit::Usage
        }
    }
}

/// The source of an emitted line.
fn of_emitted(
    place: &FileLine,
    path: Option<&Path>,
    common: &Common,
    console: &mut Console<'_>,
) -> Exit {
    let Some(project) = find(path, common, console) else {
        return Exit::Failed;
    };
    let compiled = project.compile();
    let Some((platform, derived)) = &compiled.result else {
        console.diagnostics(&compiled.diagnostics, &compiled.sources, None);
        return Exit::Failed;
    };
    let view = facts::View {
        platform,
        sources: &compiled.sources,
        has_origin: true,
    };
    let lines = match emitted::find(&view, derived, place) {
        Ok(lines) => lines,
        Err(message) => {
            console.fail(&message);
            return Exit::Usage;
        }
    };
    if place.is_old(&lines) {
        console.note(
            "the file on disk is another one; the lines are those that `erpc build` writes now",
        );
    }
    console.result(&emitted::show(&view, place, &lines, common.format));
    Exit::Done
}

/// The subject and the project. A single argument is the project's where it is a path: it
/// has a `/`, ends with `.erp`, or is a folder with a `platform.erp`.
fn name_and_path(command: &Show) -> (Option<&str>, Option<PathBuf>) {
    let name = command.name.as_deref();
    if command.path.is_some() {
        return (name, command.path.clone());
    }
    let is_path = |name: &str| {
        name.contains(['/', '\\'])
            || name.ends_with(".erp")
            || matches!(name, "." | "..")
            || Path::new(name).join(ROOT_FILE).is_file()
    };
    match name {
        Some(name) if is_path(name) => (None, Some(PathBuf::from(name))),
        _ => (name, None),
    }
}

fn shown(
    platform: &Platform,
    sources: &Sources,
    name: Option<&str>,
    has_origin: bool,
    format: Format,
) -> Result<String, Missing> {
    let view = facts::View {
        platform,
        sources,
        has_origin,
    };
    let Some(name) = name else {
        return Ok(match format {
            Format::Json => json(&view.whole_json()),
            Format::Yaml => yaml(&view.whole_json()),
            _ => view.subject(&model::find(platform, "platform")?),
        });
    };
    let found = model::find(platform, name)?;
    Ok(match format {
        Format::Json => json(&view.found_json(&found)),
        Format::Yaml => yaml(&view.found_json(&found)),
        _ if !found.is_whole => view.value(&found),
        _ => match found.subject {
            Subject::Namespace(id) => view.namespace(&found, id),
            Subject::Platform | Subject::Service(_) | Subject::Other(_) => view.subject(&found),
        },
    })
}

/// Why a name leads nowhere, in a line.
pub(crate) fn why(platform: &Platform, missing: &Missing) -> String {
    match missing {
        Missing::Ambiguous(paths) => format!(
            "several services have this name: {}",
            listed(paths.iter().map(String::as_str), 9)
        ),
        Missing::Unknown {
            known,
            unknown,
            nearest: near,
        } => {
            let whose = if known.is_empty() {
                platform.name.value.as_str()
            } else {
                known
            };
            let near = near.clone().or_else(|| {
                let of_list = nearest(unknown, List::NAMES).filter(|_| known.is_empty());
                of_list.map(ToOwned::to_owned)
            });
            let hint = near.map_or_else(
                || "`erpc show services` lists what there is".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            format!("`{whose}` has no `{unknown}`; {hint}")
        }
    }
}

fn json(value: &impl Serialize) -> String {
    // Strings, numbers and lists of them cannot fail to be written.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn yaml(value: &impl Serialize) -> String {
    let options = serde_saphyr::ser_options! {
        min_fold_chars: usize::MAX,
        folded_wrap_chars: usize::MAX,
    };
    let mut text = String::new();
    // As above: keys are strings, which is all that could fail.
    let _ = serde_saphyr::to_fmt_writer_with_options(&mut text, value, options);
    text
}
