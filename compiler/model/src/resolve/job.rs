//! How a job runs beside its schedule: how long a run may take, how often it is tried again, in which
//! time zone its schedule is, how many runs are kept.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::Sign;

use super::Resolver;
use super::settings::Settings;
use crate::kubernetes;
use crate::names::nearest;
use crate::origin::Sourced;
use crate::platform::{History, JobRuns, Workload};
use crate::units::Duration;

/// More tries than anybody waits for; the API takes any number.
const MAX_RETRIES: u32 = 1000;
/// So many Jobs of a schedule are kept at most, each with its pods.
const MAX_HISTORY: u32 = 1000;

impl<'a> Resolver<'a> {
    pub(super) fn job_runs(&mut self, settings: &Settings<'a>, workload: &Workload) -> JobRuns {
        let runs = JobRuns {
            deadline: self.deadline(settings),
            retries: self.retries(settings),
            time_zone: self.time_zone(settings),
            history: self.history(settings),
        };
        if !matches!(workload, Workload::CronJob(_)) {
            let zone = runs
                .time_zone
                .as_ref()
                .map(|zone| ("time-zone", zone.span()));
            let history = runs.history.as_ref().map(|kept| ("history", kept.span()));
            for (word, span) in [zone, history].into_iter().flatten() {
                self.report(
                    Diagnostic::new(
                        &codes::CONTRADICTION,
                        format!("`{word}` is of a schedule, and this job has none"),
                    )
                    .at(span, "of which runs")
                    .help(
                        "say when it runs, `job NAME every \"0 3 * * *\" { … }`, or take it away",
                    ),
                );
            }
        }
        runs
    }

    fn deadline(&mut self, settings: &Settings<'a>) -> Option<Sourced<Duration>> {
        let deadline = self.one_duration(settings, "deadline")?;
        let milliseconds = deadline.value.0;
        if milliseconds > 0 && milliseconds.is_multiple_of(1000) {
            return Some(deadline);
        }
        self.report(
            Diagnostic::new(
                &codes::OUT_OF_RANGE,
                "Kubernetes counts the deadline of a job in whole seconds, at least one",
            )
            .at(deadline.span(), "not whole seconds"),
        );
        None
    }

    fn retries(&mut self, settings: &Settings<'a>) -> Option<Sourced<u32>> {
        let setting = settings.top("retries")?.clone();
        let mut args = setting.args();
        let expr = args.need_expr("how often it is tried again", &mut self.diagnostics)?;
        args.finish(&mut self.diagnostics);
        let count = self.int_within(expr, &setting.scope, 0, MAX_RETRIES)?;
        Some(setting.sourced(expr.span, count))
    }

    fn time_zone(&mut self, settings: &Settings<'a>) -> Option<Sourced<String>> {
        let zone = self.one_text(settings, "time-zone")?;
        if kubernetes::is_time_zone(&zone.value) {
            return Some(zone);
        }
        let diagnostic = Diagnostic::new(
            &codes::OUT_OF_RANGE,
            format!("unknown time zone `{}`", zone.value.escape_debug()),
        )
        .at(zone.span(), "not a name of the tz database");
        self.report(match nearest(&zone.value, kubernetes::time_zones()) {
            Some(near) => diagnostic.help(format!("did you mean `\"{near}\"`?")),
            None => diagnostic.help(
                "write a name of the tz database: `\"Europe/Kyiv\"`, or `\"Etc/GMT-2\"` for UTC+2",
            ),
        });
        None
    }

    /// `history succeeded N, failed N`.
    fn history(&mut self, settings: &Settings<'a>) -> Option<Sourced<History>> {
        let setting = settings.top("history")?.clone();
        let mut args = setting.args();
        let mut history = History::default();
        loop {
            let name = args.need_name("`succeeded` or `failed`", &mut self.diagnostics)?;
            let known = match name.text.as_str() {
                "succeeded" => &mut history.succeeded,
                "failed" => &mut history.failed,
                other => {
                    let all = ["succeeded", "failed"];
                    self.report_not_in("a history", other, name.span, &all);
                    return None;
                }
            };
            let what = "how many runs are kept";
            let expr = args.need_expr(what, &mut self.diagnostics)?;
            *known = Some(self.int_within(expr, &setting.scope, 0, MAX_HISTORY)?);
            if args.sign(Sign::Comma).is_none() {
                break;
            }
        }
        args.finish(&mut self.diagnostics);
        Some(setting.sourced(setting.statement.span, history))
    }
}
