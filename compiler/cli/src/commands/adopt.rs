//! `erpc adopt`: makes ours what kubectl, Helm or a script applied, without changing a field.

use std::io::IsTerminal;
use std::sync::Arc;

use clap::Args;
use erpc_cluster::{
    Adoptable, Cluster, Failure as ClusterFailure, Handover, Program, Release, TOOLS,
};
use serde_json::json;

use super::apply::typed;
use super::cluster::{Access, about, block_on};
use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Output, json_line};
use crate::text::{count, push_line};
use crate::{Exit, Failure};

/// Take over objects that kubectl, Helm or a script applied, without changing any field.
///
/// Moves their managed fields to erpc, so that a field removed from the source is removed from the
/// cluster. The next plan shows how the objects differ from the source.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc adopt                       show, confirm, take over
  erpc adopt --from helm --yes     objects that Helm applied, without confirmation
  erpc adopt --helm shop           the labels and annotations that let a Helm release take over
  erpc adopt --helm shop --apply   write them
  erpc adopt --helm shop --back --apply   remove them")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    access: Access,
    /// Take over only from this field manager [default: those of kubectl, Helm and Argo CD].
    #[arg(long, value_name = "MANAGER")]
    from: Vec<String>,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    /// Reverse: show the labels and annotations that let this Helm release take over.
    #[arg(long, value_name = "RELEASE", conflicts_with_all = ["from", "yes"])]
    helm: Option<String>,
    /// Namespace of the release [default: the one in the README of the chart].
    #[arg(long, value_name = "NAMESPACE", requires = "helm")]
    release_namespace: Option<String>,
    /// Remove the labels and annotations of Helm.
    #[arg(long, requires = "helm")]
    back: bool,
    /// Write the labels and annotations.
    #[arg(long, requires = "helm")]
    apply: bool,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        about(&self.input, console, |program, console| match &self.helm {
            Some(release) => {
                let release = Release {
                    name: release.clone(),
                    namespace: self
                        .release_namespace
                        .clone()
                        .unwrap_or_else(|| erpc_emit::release_namespace(program.platform)),
                    is_back: self.back,
                };
                self.hand_over(&release, program, console)
            }
            None => self.adopt(program, console),
        })
    }

    fn adopt(&self, program: &Program<'_>, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let (found, adopted) = block_on(async {
            let cluster = self.access.connect("adopt").await?;
            self.work(&cluster, program, console).await
        })?;
        self.output.write_with(
            console,
            || {
                let objects = found.iter();
                let objects = objects
                    .map(|one| json!({ "object": one.id.to_string(), "managers": one.managers }));
                let objects: Vec<_> = objects.collect();
                json_line(&json!({ "version": 1, "adopted": adopted, "objects": objects }))
            },
            |_| {
                if found.is_empty() {
                    return "nothing to adopt\n".to_owned();
                }
                format!(
                    "adopted {}; `erpc plan` shows what differs from the source\n",
                    count(adopted, "object")
                )
            },
        );
        Ok(Exit::Done)
    }

    /// The other way round: marks that a release of Helm needs, or that it leaves.
    fn hand_over(
        &self,
        release: &Release,
        program: &Program<'_>,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let (found, written) = block_on(async {
            let cluster = self.access.connect("adopt").await?;
            let found = erpc_cluster::handovers(&cluster, program, release).await?;
            if self.output.is_human() {
                console.note(&format!("{} on {}", program.name(), cluster.describe()));
            }
            let written = if self.apply && !found.is_empty() {
                erpc_cluster::hand_over(&cluster, program, &found, release).await?
            } else {
                0
            };
            Ok((found, written))
        })?;
        self.output.write_with(
            console,
            || {
                let objects: Vec<_> = found.iter().map(json_of).collect();
                json_line(&json!({ "version": 1, "written": written, "objects": objects }))
            },
            |_| {
                let mut text = listed(&found);
                push_line!(text, "{}", said(release, &found, self.apply, written));
                text
            },
        );
        Ok(if found.is_empty() || self.apply {
            Exit::Done
        } else {
            Exit::Differs
        })
    }

    async fn work(
        &self,
        cluster: &Arc<Cluster>,
        program: &Program<'_>,
        console: &mut Console<'_>,
    ) -> Result<(Vec<Adoptable>, usize), Failure> {
        let managers: Vec<String> = if self.from.is_empty() {
            TOOLS.iter().map(|tool| (*tool).to_owned()).collect()
        } else {
            self.from.clone()
        };
        let found = erpc_cluster::adoptable(cluster, program, &managers).await?;
        if self.output.is_human() {
            console.note(&format!("{} on {}", program.name(), cluster.describe()));
            for one in &found {
                console.result(&format!("= {} from {}\n", one.id, one.managers.join(", ")));
            }
        }
        if found.is_empty() {
            return Ok((found, 0));
        }
        if !self.yes {
            if self.output.is_json() || !std::io::stdin().is_terminal() {
                return Err(ClusterFailure::new(
                    "cannot ask for confirmation without a terminal: --yes is required",
                )
                .help("nothing was written")
                .into());
            }
            if console.flush().is_err() {
                return Err(ClusterFailure::new(
                    "the list could not be shown; nothing was written",
                )
                .into());
            }
            typed(
                "Their fields become erpc's; no value changes. Only `yes` will do: ",
                "yes",
            )?;
        }
        let adopted = erpc_cluster::adopt(cluster, program, &found, &managers).await?;
        Ok((found, adopted))
    }
}

fn json_of(one: &Handover) -> serde_json::Value {
    let marks = one.marks.iter().map(
        |mark| json!({ "part": mark.part, "key": mark.key, "from": mark.from, "to": mark.to }),
    );
    json!({ "object": one.id.to_string(), "marks": marks.collect::<Vec<_>>() })
}

/// The marks of each object, a line each.
fn listed(found: &[Handover]) -> String {
    let mut text = String::new();
    for one in found {
        push_line!(text, "~ {}", one.id);
        for mark in &one.marks {
            let (from, to) = (mark.from.as_deref(), mark.to.as_deref());
            let (from, to) = (from.unwrap_or("nothing"), to.unwrap_or("nothing"));
            push_line!(text, "    {}: {from} -> {to}", mark.key);
        }
    }
    text
}

fn said(release: &Release, found: &[Handover], is_applied: bool, written: usize) -> String {
    if found.is_empty() {
        return "nothing to change".to_owned();
    }
    let objects = count(found.len(), "object");
    match (is_applied, release.is_back) {
        (false, _) => format!("{objects} to change; `--apply` writes them"),
        (true, false) => format!(
            "{} changed; `helm upgrade --install {} ./helm --namespace {}` takes over",
            count(written, "object"),
            release.name,
            release.namespace
        ),
        (true, true) => format!(
            "{} changed; `erpc adopt` takes over their fields, and `kubectl delete secret -n {} -l owner=helm,name={}` makes Helm forget the release",
            count(written, "object"),
            release.namespace,
            release.name
        ),
    }
}
