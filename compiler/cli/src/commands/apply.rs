//! `erpc apply`: shows the plan, asks, and makes the cluster what the platform says.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use erpc_cluster::{
    Allowed, ApplyOptions, ApplyResult, Cluster, Failure, OnFailure, Outcome, Paint, Plan, Program,
    Progress, Show, SourceSnapshot, block_on,
};

use super::cluster::{
    access, allowed, compiled_recorded, detail, fail, mention_warnings, paint, program, selected,
};
use super::{count, has_format};
use crate::Exit;
use crate::arguments::{Apply, Common, Format, Run};
use crate::console::Console;

pub(crate) fn run(command: &Apply, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("apply", &[Format::Human, Format::Json], common, console) {
        return Exit::Usage;
    }
    let mut options = options(allowed(&command.permit), &command.run);
    let mut path = command.path.as_deref();
    if let Some(file) = path.filter(|path| path.extension().is_some_and(|end| end == "json")) {
        let flags = command.permit.given();
        if !flags.is_empty() {
            console.fail(&format!(
                "{} keeps the flags that it was planned with: {} has no effect here",
                file.display(),
                flags.join(" ")
            ));
            return Exit::Usage;
        }
        match saved(file) {
            Ok((plan, allowed)) => {
                options.saved = Some(plan);
                options.allowed = allowed;
            }
            Err(failure) => return fail(&failure, common, console),
        }
        path = None;
    }
    let Some((compiled, source)) = compiled_recorded(path, common, console) else {
        return Exit::Failed;
    };
    options.source = source;
    let Some(program) = program(&compiled) else {
        return Exit::Failed;
    };
    let part = selected(&program, &options.allowed);
    let program = part.unwrap_or(program);
    let result = block_on(async {
        let cluster = Arc::new(Cluster::connect(&access("apply", &command.access)).await?);
        work(&cluster, &program, &options, &command.run, common, console).await
    });
    let result = result.and_then(|result| result);
    let exit = result.unwrap_or_else(|failure| fail(&failure, common, console));
    mention_warnings(&compiled, console);
    exit
}

/// How a run of `apply` or `rollback` works.
pub(super) fn options(allowed: Allowed, run: &Run) -> ApplyOptions {
    ApplyOptions {
        allowed,
        timeout: run.timeout,
        wait_lock: run.wait_lock,
        retry_for: run.retry_for,
        concurrency: run.concurrency,
        saved: None,
        on_failure: match run.on_failure {
            crate::arguments::OnFailure::Keep => OnFailure::Keep,
            crate::arguments::OnFailure::Revert => OnFailure::Revert,
        },
        source: SourceSnapshot::default(),
        rollback_to: None,
        replans: run.yes,
    }
}

fn saved(file: &std::path::Path) -> Result<(serde_json::Value, erpc_cluster::Allowed), Failure> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("{name}: {}", crate::project::describe(&error))))?;
    erpc_cluster::read_saved(&text, &name)
}

/// Shows the plan, asks, works, and says how it ended.
pub(super) async fn work(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    options: &ApplyOptions,
    run: &Run,
    common: &Common,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let is_json = common.format == Format::Json;
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
            let text = erpc_cluster::human(plan, program, paint, detail(&run.detail));
            plans
                .write_all(text.as_bytes())
                .and_then(|()| plans.flush())
                .map_err(|error| {
                    let why = crate::project::describe(&error);
                    Failure::new(format!("cannot show the plan: {why}; nothing was written"))
                })?;
        }
        confirmed(plan, program, run, is_json)
    };
    let report =
        erpc_cluster::apply(cluster, program, options, &mut progress, &mut confirm).await?;
    progress.summary(summary(&report));
    drop(progress);
    Ok(end(&report, common, console))
}

/// Above so many deletions, or a fifth of all objects, the name must be typed.
const MANY: usize = 10;

fn confirmed(plan: &Plan, program: &Program<'_>, run: &Run, is_json: bool) -> Result<(), Failure> {
    if plan.is_blocked() {
        return Ok(());
    }
    let deleted = plan
        .work()
        .filter(|step| step.action == erpc_cluster::Action::Prune);
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
        return Err(Failure::new(format!(
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
        return Err(Failure::new(
            "cannot ask for confirmation without a terminal: --yes is required",
        )
        .help("look at the plan with `erpc plan`, then `erpc apply --yes`; nothing was written"));
    }
    typed("Apply this? Only `yes` will do: ", "yes")
}

/// Asks for a word on the terminal.
pub(super) fn typed(question: &str, wanted: &str) -> Result<(), Failure> {
    eprint!("\n{question}");
    let mut answer = String::new();
    let is_read = std::io::stdin().lock().read_line(&mut answer).is_ok();
    if is_read && answer.trim() == wanted {
        return Ok(());
    }
    Err(Failure::new("nothing was written: that was not the answer"))
}

fn summary(report: &ApplyResult) -> serde_json::Value {
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
            serde_json::json!({
                "object": rest.id.to_string(), "what": rest.what, "reason": rest.reason,
            })
        })
        .collect();
    serde_json::json!({
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

fn end(report: &ApplyResult, common: &Common, console: &mut Console<'_>) -> Exit {
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
            if common.format == Format::Human {
                fail(failure, common, console);
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
    if common.format == Format::Human && !said.is_empty() {
        console.result(&format!("{said}\n"));
    }
    exit
}
