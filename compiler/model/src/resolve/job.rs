//! What a job must have for its statements to mean something.

use erpc_diagnostics::{Diagnostic, codes};

use super::state::Resolver;
use crate::platform::{Service, Workload};
use crate::statements::{ServiceProperties, Statements};

impl Resolver<'_> {
    /// Reports statements about a schedule in a job that has none.
    pub(super) fn check_schedule(&mut self, job: &Service) {
        if matches!(job.workload, Workload::CronJob(_)) {
            return;
        }
        for word in ServiceProperties::OF_SCHEDULES {
            let statement = ServiceProperties::statement(word);
            let origin = statement.and_then(|statement| (statement.origin)(&job.properties));
            let Some(origin) = origin else {
                continue;
            };
            self.report(
                Diagnostic::new(
                    &codes::CONTRADICTION,
                    format!("`{word}` requires a schedule, but this job has none"),
                )
                .at(origin.span, "without a schedule")
                .help(
                    "give the job a schedule, `job NAME every \"0 3 * * *\" { … }`, or remove this",
                ),
            );
        }
    }
}
