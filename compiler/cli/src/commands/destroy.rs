//! `erpc destroy`: lists what would be deleted and what stays, asks for the platform's name, and deletes.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use erpc_cluster::{
    Cluster, DestroyOptions, Destroyed, Destruction, Failure as ClusterFailure, Program, Progress,
    Show,
};
use erpc_model::nearest;
use serde_json::json;

use super::apply::typed;
use super::cluster::{Access, about, block_on, duration, paint};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::Output;
use crate::project::describe;
use crate::text::count;
use crate::{Exit, Failure};

/// Delete a platform from a cluster, callers before the services that they require.
///
/// Lists what is deleted and what is kept, and asks for the name of the platform. Claims are kept without
/// --delete-data. A namespace is kept if erpc did not create it or if it contains objects of others.
/// Exits 0 if everything is deleted, 1 if nothing was, 4 if something is left, 130 if interrupted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc destroy                     list, confirm, delete
  erpc destroy --confirm shop      without a prompt
  erpc destroy --delete-data       also delete the claims and their data
  erpc destroy --namespace shop-x  also delete a namespace with all its objects except claims")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    access: Access,
    /// Name of the platform, to confirm without a prompt.
    #[arg(long, value_name = "PLATFORM")]
    confirm: Option<String>,
    /// Also delete the claims of the platform and their data.
    #[arg(long)]
    delete_data: bool,
    /// Delete the platform even if it was applied from another source.
    #[arg(long)]
    take_over: bool,
    /// Also delete this namespace of the platform with all its objects; if it contains a claim, requires --delete-data.
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Vec<String>,
    /// How long to wait for pods and namespaces to terminate, beyond the grace period of the pods.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        about(&self.input, console, |program, console| {
            block_on(async {
                let cluster = self.access.connect("destroy").await?;
                self.know_namespaces(&cluster, program).await?;
                self.work(&cluster, program, console).await
            })
        })
    }

    /// Refuses a `--namespace` that the platform does not have.
    async fn know_namespaces(
        &self,
        cluster: &Cluster,
        program: &Program<'_>,
    ) -> Result<(), Failure> {
        if self.namespace.is_empty() {
            return Ok(());
        }
        let known = erpc_cluster::known_namespaces(cluster, program).await?;
        let Some(name) = self.namespace.iter().find(|name| !known.contains(*name)) else {
            return Ok(());
        };
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                format!("expected one of {}", known.join(", "))
            }
        };
        Err(Failure::Usage(format!(
            "`{}` has no namespace `{name}`; {hint}",
            program.name()
        )))
    }

    async fn work(
        &self,
        cluster: &Arc<Cluster>,
        program: &Program<'_>,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let options = DestroyOptions {
            data: self.delete_data,
            take_over: self.take_over,
            namespaces: self.namespace.clone(),
            timeout: self.timeout,
        };
        let is_json = self.output.is_json();
        if !is_json {
            console.note(&format!("{} on {}", program.name(), cluster.describe()));
        }
        let show = match (is_json, console.is_quiet()) {
            (true, _) => Show::Json,
            (_, true) => Show::Quiet,
            _ => Show::Lines,
        };
        let (paint, width) = (paint(console), console.width());
        let (results, errors) = console.streams();
        let (mut lists, stream) = match is_json {
            true => (None, results),
            false => (Some(results), errors),
        };
        let mut progress = Progress::new(show, paint, width, stream);
        let mut confirm = |destruction: &Destruction, has_changed: bool| {
            if let Some(lists) = &mut lists {
                let text = list(destruction, &options, program);
                let written = lists
                    .write_all(text.as_bytes())
                    .and_then(|()| lists.flush());
                written.map_err(|error| {
                    let why = describe(&error);
                    ClusterFailure::new(format!("cannot show the list: {why}; nothing was deleted"))
                })?;
            }
            self.confirmed(program, has_changed)
        };
        let destroyed =
            erpc_cluster::destroy(cluster, program, &options, &mut progress, &mut confirm).await?;
        progress.summary(summary(&destroyed));
        drop(progress);
        Ok(end(&destroyed, program, is_json, console))
    }

    fn confirmed(&self, program: &Program<'_>, has_changed: bool) -> Result<(), ClusterFailure> {
        let name = program.name();
        let can_ask = !self.output.is_json() && std::io::stdin().is_terminal();
        let what = if self.delete_data {
            " and its data"
        } else {
            ""
        };
        let question = format!("This deletes the platform{what}. Type its name to go on: ");
        match &self.confirm {
            _ if has_changed && !can_ask => Err(ClusterFailure::new(
                "the cluster has changed since this was confirmed; nothing was deleted",
            )
            .help("run the command again: it plans anew")),
            _ if has_changed => typed(
                &format!("The cluster has changed meanwhile. {question}"),
                name,
            ),
            Some(said) if said == name => Ok(()),
            Some(said) => Err(ClusterFailure::new(format!(
                "--confirm says `{said}`, and the platform is `{name}`; nothing was deleted"
            ))),
            None if can_ask => typed(&question, name),
            None => Err(ClusterFailure::new(
                "not confirmed: there is no terminal to ask on; nothing was deleted",
            )
            .help(format!("look at the list, then add --confirm {name}"))),
        }
    }
}

fn summary(destroyed: &Destroyed) -> serde_json::Value {
    let nothing = Vec::new();
    let (outcome, deleted, kept, left) = match destroyed {
        Destroyed::Nothing => ("nothing", 0, &nothing, &nothing),
        Destroyed::Done { deleted, kept } => ("destroyed", *deleted, kept, &nothing),
        Destroyed::Partly { deleted, left } => ("partly", *deleted, &nothing, left),
        Destroyed::Interrupted { deleted } => ("interrupted", *deleted, &nothing, &nothing),
    };
    json!({ "version": 1, "outcome": outcome, "deleted": deleted, "kept": kept, "left": left })
}

fn end(
    destroyed: &Destroyed,
    program: &Program<'_>,
    is_json: bool,
    console: &mut Console<'_>,
) -> Exit {
    let (exit, text) = match destroyed {
        Destroyed::Nothing => (
            Exit::Done,
            format!("nothing of `{}` is in the cluster", program.name()),
        ),
        Destroyed::Done { deleted, kept } => (
            Exit::Done,
            format!(
                "destroyed {}; {} stay",
                count(*deleted, "object"),
                kept.len()
            ),
        ),
        Destroyed::Partly { deleted, left } => {
            if !is_json {
                for one in left {
                    console.error(&format!("! {one}"));
                }
            }
            let text = format!(
                "partly destroyed: {} deleted, the above is left; `erpc destroy` goes on from here",
                count(*deleted, "object")
            );
            (Exit::Partly, text)
        }
        Destroyed::Interrupted { deleted } => (
            Exit::Interrupted,
            format!(
                "stopped: {} deleted; `erpc destroy` goes on from here",
                count(*deleted, "object")
            ),
        ),
    };
    if !is_json {
        console.note(&text);
    }
    exit
}

fn list(destruction: &Destruction, options: &DestroyOptions, program: &Program<'_>) -> String {
    let mut lines = Vec::new();
    let mut namespaced = destruction.waves.iter().flatten().collect::<Vec<_>>();
    namespaced.extend(destruction.rest.values().flatten().flatten());
    namespaced.extend(&destruction.cluster_wide);
    lines.extend(namespaced.iter().map(|target| format!("- {}", target.id)));
    if options.data {
        let volumes = destruction.volumes.iter();
        lines.extend(
            volumes.map(|volume| format!("- {}, {}, with its data", volume.target.id, volume.size)),
        );
    }
    for namespace in &destruction.namespaces {
        lines.push(format!("- {}", namespace.target.id));
        let along = namespace.along.iter();
        lines.extend(along.map(|foreign| format!("- {}, not the platform's", foreign.what)));
        let unlisted = namespace.unlisted.iter();
        lines.extend(unlisted.map(|kind| {
            format!(
                "- each {kind} in {}, which cannot be listed",
                namespace.target.id.name
            )
        }));
    }
    let routes = program.platform.routes.iter();
    lines.extend(routes.map(|route| format!("  {} will not be served any more", route.host.value)));
    lines.extend(destruction.kept.iter().map(|kept| format!("= {kept}")));
    lines.dedup();
    lines.iter().map(|line| format!("{line}\n")).collect()
}
