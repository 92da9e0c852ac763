//! `erpc show`: the resolved platform, a namespace, a service or one value, and where each value
//! came from; the other way round, the source of a generated line.

mod emitted;
mod facts;
mod lists;

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use erpc_model::facts::{self as model, Missing, Subject};
use erpc_model::{Platform, listed, nearest};

use crate::arguments::Source;
use crate::console::Console;
use crate::format::{Chosen, Output, formats, json, yaml};
use crate::project::{Checked, ROOT_FILE};
use crate::{Exit, Failure, names};
use emitted::FileLine;
pub(crate) use lists::List;

formats!(Formats: Human, Yaml, Markdown);

/// Show the resolved platform, one part of it, or the origin of a value.
///
/// NAME is a namespace, a service, a value by its dotted path, or one of the tables namespaces,
/// services, repos and images. The origin of a value is the line that defines it and the steps from
/// there to its owner: components, namespace, platform, profile.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc show                                  a summary of the platform
  erpc show erp-apps                         a namespace and its services
  erpc show hl7-health --origin              a service, with the origin of each value
  erpc show erp-apps.hl7-health.memory       one value and its origin
  erpc show images --format markdown         a table for Markdown
  erpc show . --format json                  everything, for scripts
  erpc show --emitted lib/erp-apps/hl7-health/deployment.yaml:45
                                             the source of a generated line")]
pub(crate) struct Arguments {
    /// Namespace, service, dotted path or table; a single argument can also be a project directory.
    #[arg(add = ArgValueCompleter::new(names::facts_and_tables))]
    name: Option<String>,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    path: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// Show the origin of every value.
    #[arg(long)]
    origin: bool,
    /// Show the source of a generated line, or of each line of an emitted file.
    #[arg(long, value_name = "FILE[:LINE]", conflicts_with_all = ["origin", "path"])]
    emitted: Option<String>,
    #[command(flatten)]
    output: Output<Formats>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        if let Some(place) = &self.emitted {
            return self.show_emitted(&FileLine::parse(place), console);
        }
        let (name, path) = self.name_and_path();
        let list = name.and_then(List::by_name);
        if self.output.format == Chosen::Text(Formats::Markdown) && list.is_none() {
            return Err(Failure::Usage(format!(
                "`show` writes Markdown for its tables only: {}",
                listed(List::NAMES, List::NAMES.len())
            )));
        }
        let checked = self.source.check(path.as_deref())?;
        if let Some(list) = list {
            list.show(&checked.platform, &self.output, console);
            return Ok(Exit::Done);
        }
        let shown = self.show_facts(&checked, name, console);
        shown.map_err(|missing| Failure::Usage(why(&checked.platform, &missing)))?;
        Ok(Exit::Done)
    }

    /// The subject and the project. A single argument is the project's where it is a path: it
    /// has a `/`, ends with `.erp`, or is a folder with a `platform.erp`.
    fn name_and_path(&self) -> (Option<&str>, Option<PathBuf>) {
        let name = self.name.as_deref();
        if self.path.is_some() {
            return (name, self.path.clone());
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

    /// The platform, or what a name leads to.
    fn show_facts(
        &self,
        checked: &Checked,
        name: Option<&str>,
        console: &mut Console<'_>,
    ) -> Result<(), Missing> {
        let platform = &checked.platform;
        let view = facts::View {
            platform,
            sources: &checked.sources,
            has_origin: self.origin,
        };
        let found = model::find(platform, name.unwrap_or("platform"))?;
        let value = || match name {
            Some(_) => view.found_json(&found),
            None => view.whole_json(),
        };
        self.output.write_with(
            console,
            || json(&value()),
            |format| match format {
                Formats::Yaml => yaml(&value()),
                // The command refuses Markdown for facts.
                Formats::Human | Formats::Markdown if !found.is_whole => view.value(&found),
                Formats::Human | Formats::Markdown => match found.subject {
                    Subject::Namespace(id) => view.namespace(&found, id),
                    Subject::Platform | Subject::Service(_) | Subject::Other(_) => {
                        view.subject(&found)
                    }
                },
            },
        );
        Ok(())
    }

    /// The source of an emitted line.
    fn show_emitted(&self, place: &FileLine, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let path = self.name.as_deref().map(PathBuf::from);
        let path = path.or_else(|| place.project());
        let checked = self.source.check(path.as_deref())?;
        let view = facts::View {
            platform: &checked.platform,
            sources: &checked.sources,
            has_origin: true,
        };
        let lines = emitted::find(&view, &checked.derived, place).map_err(Failure::Usage)?;
        if place.is_old(&lines) {
            console.note(
                "the file on disk is another one; the lines are those that `erpc build` writes now",
            );
        }
        emitted::show(&view, place, &lines, &self.output, console);
        Ok(Exit::Done)
    }
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
