//! The program's tests: what became of each expectation.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_model::Platform;
use erpc_model::rules::{Evaluation, Outcome, Side, Stop, Test};
use erpc_policy::{Derived, FlowIndex};

/// A test that was run.
#[derive(Debug)]
pub struct TestRun<'p> {
    /// Which one.
    pub test: &'p Test,
    /// Its expectations that do not hold, in source order.
    pub failures: Vec<Failure>,
}

/// An expectation that does not hold.
#[derive(Debug)]
pub struct Failure {
    /// The expression.
    pub span: erpc_diagnostics::Span,
    /// Its parts with their values; empty where it has no value.
    pub sides: Vec<Side>,
    /// Why it has no value.
    pub stop: Option<Stop>,
}

/// Runs the tests whose name contains `filter`.
#[must_use]
pub fn run_tests<'p>(
    platform: &'p Platform,
    derived: &Derived,
    filter: Option<&str>,
) -> Vec<TestRun<'p>> {
    let flows = FlowIndex::new(platform, derived);
    let mut evaluation = Evaluation::new(platform, &flows);
    let chosen = platform
        .tests
        .iter()
        .filter(|test| filter.is_none_or(|part| test.name.value.contains(part)));
    chosen
        .map(|test| {
            let outcomes = evaluation.test(test);
            let failures = test.expectations.iter().zip(outcomes);
            let failures = failures.filter_map(|(expectation, outcome)| {
                let (sides, stop) = match outcome {
                    Outcome::Holds => return None,
                    Outcome::Fails(sides) => (sides, None),
                    Outcome::Stops(stop) => (Vec::new(), Some(stop)),
                };
                Some(Failure {
                    span: expectation.span,
                    sides,
                    stop,
                })
            });
            TestRun {
                test,
                failures: failures.collect(),
            }
        })
        .collect()
}

impl Failure {
    /// The failure as a finding, both sides shown where they stand.
    #[must_use]
    pub fn diagnostic(&self, test: &Test) -> Diagnostic {
        if let Some(stop) = &self.stop {
            return Diagnostic::new(stop.code, stop.message.clone())
                .at(stop.span, "here")
                .also(test.name.span(), "in this test");
        }
        let message = format!("`{}`: this does not hold", test.name.value);
        let mut diagnostic = Diagnostic::new(&codes::TEST_FAILED, message);
        match self.sides.as_slice() {
            [one] if one.span == self.span => diagnostic = diagnostic.at(self.span, &one.value),
            sides => {
                let first = sides.first().map_or(self.span, |side| side.span);
                for side in sides {
                    diagnostic = if side.span == first {
                        diagnostic.at(side.span, &side.value)
                    } else {
                        diagnostic.also(side.span, &side.value)
                    };
                }
                if sides.is_empty() {
                    diagnostic = diagnostic.at(self.span, "is false");
                }
            }
        }
        diagnostic
    }
}
