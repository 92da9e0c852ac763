//! `erpc apply`: shows the plan, asks, and makes the cluster what the platform says.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use erpc_cluster::{
    Action, Allowed, ApplyOptions, ApplyResult, Cluster, Failure as ClusterFailure, OnFailure,
    Outcome, Paint, Plan, Program, Progress, Show, SourceSnapshot,
};
use serde_json::{Value, json};

use super::cluster::{
    Access, Detail, Permit, block_on, duration, mention_warnings, paint, program, selected,
};
use crate::arguments::Source;
use crate::console::Console;
use crate::format::Output;
use crate::project::describe;
use crate::text::count;
use crate::{Exit, Failure};

/// Apply a platform to a cluster and wait until it is ready.
///
/// Shows the plan and asks for confirmation. Writes namespaces, policies and configuration first, then
/// each service once the services that it requires are ready. An interrupted run continues when it is
/// repeated. A saved plan is performed exactly, or not at all.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc apply                       plan, confirm, apply
  erpc apply --yes                 without confirmation, in CI
  erpc apply plan.json             exactly the plan of `erpc plan --out plan.json`
  erpc apply --prune               also delete objects that the source no longer declares
  erpc apply --only shop-back.api --only shop-front
                                   one service and one namespace
  erpc apply --revoke --only shop-back.api
                                   close at once what the source no longer allows
  erpc apply --on-failure revert   unattended: undo the changes if a rollout stalls
  erpc apply --format json --yes   one JSON object per line for each event")]
pub(crate) struct Arguments {
    /// Project directory or file, or a saved plan [default: nearest platform.erp in this or a parent directory].
    path: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    permit: Permit,
    #[command(flatten)]
    run: Run,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let mut options = self.run.options(self.permit.allowed());
        let mut path = self.path.as_deref();
        if let Some(file) = path.filter(|path| path.extension().is_some_and(|end| end == "json")) {
            let flags = self.permit.given();
            if !flags.is_empty() {
                return Err(Failure::Usage(format!(
                    "{} keeps the flags that it was planned with: {} has no effect here",
                    file.display(),
                    flags.join(" ")
                )));
            }
            let (plan, allowed) = saved(file)?;
            options.saved = Some(plan);
            options.allowed = allowed;
            path = None;
        }
        let (compiled, source) = self.source.find(path)?.compile_recorded();
        options.source = source;
        let checked = compiled.checked()?;
        let program = program(&checked);
        let part = selected(&program, &options.allowed);
        let program = part.unwrap_or(program);
        let result = block_on(async {
            let cluster = self.access.connect("apply").await?;
            work(
                &cluster,
                &program,
                &options,
                &self.run,
                &self.output,
                console,
            )
            .await
        });
        let exit = result.unwrap_or_else(|failure| failure.report(console));
        mention_warnings(&checked, console);
        Ok(exit)
    }
}

/// How a run that writes works.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(super) detail: Detail,
    /// Do not ask for confirmation.
    #[arg(long)]
    pub(super) yes: bool,
    /// Name of the platform, to confirm a large deletion: more than ten objects, more than a fifth of
    /// them, or any deletion after a change of profile.
    #[arg(long, value_name = "PLATFORM")]
    pub(super) confirm: Option<String>,
    /// Maximum duration of the run.
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration)]
    pub(super) timeout: Duration,
    /// How long to wait for the lock of another run.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub(super) wait_lock: Duration,
    /// How long to retry requests while the API server is unavailable or overloaded.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub(super) retry_for: Duration,
    /// Maximum number of concurrent requests.
    #[arg(long, value_name = "N")]
    pub(super) concurrency: Option<usize>,
    /// What to do with the changed services if a rollout stalls or fails.
    #[arg(long, value_enum, default_value_t = WhenStalled::Keep)]
    pub(super) on_failure: WhenStalled,
}

impl Run {
    /// The same for the engine.
    pub(super) fn options(&self, allowed: Allowed) -> ApplyOptions {
        ApplyOptions {
            allowed,
            timeout: self.timeout,
            wait_lock: self.wait_lock,
            retry_for: self.retry_for,
            concurrency: self.concurrency,
            saved: None,
            on_failure: match self.on_failure {
                WhenStalled::Keep => OnFailure::Keep,
                WhenStalled::Revert => OnFailure::Revert,
            },
            source: SourceSnapshot::default(),
            rollback_to: None,
            replans: self.yes,
        }
    }
}

/// What becomes of changed services when one does not become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum WhenStalled {
    /// Keep the new state, for inspection.
    Keep,
    /// Restore the previous state, in reverse order.
    Revert,
}

/// A saved plan with the flags that it was planned with.
fn saved(file: &Path) -> Result<(Value, Allowed), ClusterFailure> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| ClusterFailure::new(format!("{name}: {}", describe(&error))))?;
    erpc_cluster::read_saved(&text, &name)
}

/// Shows the plan, asks, works, and says how it ended.
pub(super) async fn work(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    options: &ApplyOptions,
    run: &Run,
    output: &Output,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let is_json = output.is_json();
    let paint = paint(console);
    if !is_json {
        console.note(&format!("{} → {}", program.name(), cluster.describe()));
    }
    let is_terminal = std::io::stderr().is_terminal();
    let show = match (
        is_json,
        console.is_quiet(),
        is_terminal && paint == Paint::Ansi,
    ) {
        (true, _, _) => Show::Json,
        (_, true, _) => Show::Quiet,
        (_, _, true) => Show::Terminal,
        _ => Show::Lines,
    };
    let (width, is_quiet) = (console.width(), console.is_quiet());
    let (results, errors) = console.streams();
    let (mut plans, stream) = if is_json {
        (None, results)
    } else {
        (Some(results), errors)
    };
    let mut progress = Progress::new(show, paint, width, stream).verbose(run.detail.verbose);
    let mut confirm = |plan: &Plan| {
        // A question is about a plan that was shown.
        let is_shown = !is_quiet || !run.yes || plan.is_blocked();
        if let Some(plans) = plans.as_mut().filter(|_| is_shown) {
            let text = erpc_cluster::human(plan, program, paint, run.detail.of_plan());
            plans
                .write_all(text.as_bytes())
                .and_then(|()| plans.flush())
                .map_err(|error| {
                    let why = describe(&error);
                    ClusterFailure::new(format!("cannot show the plan: {why}; nothing was written"))
                })?;
        }
        confirmed(plan, program, run, is_json)
    };
    let report =
        erpc_cluster::apply(cluster, program, options, &mut progress, &mut confirm).await?;
    progress.summary(summary(&report));
    drop(progress);
    Ok(end(&report, output, console))
}

/// Above so many deletions, or a fifth of all objects, the name must be typed.
const MANY: usize = 10;

fn confirmed(
    plan: &Plan,
    program: &Program<'_>,
    run: &Run,
    is_json: bool,
) -> Result<(), ClusterFailure> {
    if plan.is_blocked() {
        return Ok(());
    }
    let deleted = plan.work().filter(|step| step.action == Action::Prune);
    let pruned = deleted.count();
    let is_switch = pruned > 0 && plan.switched_profile(program).is_some();
    let is_much = is_switch || pruned > MANY || pruned * 5 > program.objects.len();
    let is_interactive = std::io::stdin().is_terminal() && !is_json && !run.yes;
    if is_much && run.confirm.as_deref() != Some(program.name()) {
        if is_interactive {
            return typed(
                &format!(
                    "{} will be deleted. Type the platform's name to go on: ",
                    count(pruned, "object")
                ),
                program.name(),
            );
        }
        return Err(ClusterFailure::new(format!(
            "{} would be deleted: --confirm {} is required",
            count(pruned, "object"),
            program.name()
        ))
        .help("look at the plan, then say it; nothing was written"));
    }
    if run.yes {
        return Ok(());
    }
    if !is_interactive {
        return Err(ClusterFailure::new(
            "cannot ask for confirmation without a terminal: --yes is required",
        )
        .help("look at the plan with `erpc plan`, then `erpc apply --yes`; nothing was written"));
    }
    typed("Apply this? Only `yes` will do: ", "yes")
}

/// Asks for a word on the terminal.
pub(super) fn typed(question: &str, wanted: &str) -> Result<(), ClusterFailure> {
    eprint!("\n{question}");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| {
        let why = describe(&error);
        ClusterFailure::new(format!(
            "the answer cannot be read: {why}; nothing was written"
        ))
    })?;
    if answer.trim() == wanted {
        return Ok(());
    }
    Err(ClusterFailure::new("not confirmed; nothing was written"))
}

fn summary(report: &ApplyResult) -> Value {
    let (outcome, why) = match &report.outcome {
        Outcome::Nothing => ("nothing", None),
        Outcome::Done => ("done", None),
        Outcome::Refused(failure) => ("refused", Some(failure)),
        Outcome::NotReady => ("not-ready", None),
        Outcome::Partly(failure) => ("partly", Some(failure)),
        Outcome::Reverted(failure) => ("reverted", Some(failure)),
        Outcome::Interrupted => ("interrupted", None),
    };
    let not_done: Vec<_> = report
        .not_done
        .iter()
        .map(|rest| {
            json!({
                "object": rest.id.to_string(), "what": rest.what, "reason": rest.reason,
            })
        })
        .collect();
    json!({
        "version": 1,
        "outcome": outcome,
        "message": why.map(|failure| failure.message.clone()),
        "help": why.and_then(|failure| failure.help.clone()),
        "written": report.written,
        "planned": report.planned,
        "requests": report.requests,
        "notDone": not_done,
    })
}

fn end(report: &ApplyResult, output: &Output, console: &mut Console<'_>) -> Exit {
    let written = format!(
        "{} of {} written",
        report.written,
        count(report.planned, "object")
    );
    let (exit, said) = match &report.outcome {
        Outcome::Nothing => (
            Exit::Done,
            "nothing to do: the cluster is as the platform says; nothing was written".to_owned(),
        ),
        Outcome::Done => (
            Exit::Done,
            format!("done: {written}, every changed service is ready"),
        ),
        Outcome::NotReady => (
            Exit::NotReady,
            format!("applied, but not ready: {written}; `erpc status` shows the services"),
        ),
        Outcome::Interrupted => (
            Exit::Interrupted,
            format!("stopped: {written}; `erpc apply` goes on from here"),
        ),
        Outcome::Refused(failure) | Outcome::Partly(failure) | Outcome::Reverted(failure) => {
            if output.is_human() {
                Failure::from(failure.clone()).report(console);
            }
            match &report.outcome {
                Outcome::Partly(_) => (
                    Exit::Partly,
                    format!("partly applied: {written}; `erpc apply` goes on from here"),
                ),
                Outcome::Reverted(_) => (
                    Exit::Partly,
                    format!(
                        "reverted: {written}, and the changed services are as before; `erpc plan` shows what is still to come"
                    ),
                ),
                _ => (Exit::Failed, String::new()),
            }
        }
    };
    if output.is_human() && !said.is_empty() {
        console.result(&format!("{said}\n"));
    }
    exit
}
