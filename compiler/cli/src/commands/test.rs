//! `erpc test`: the program's tests, with both sides of what does not hold.

use clap::Args;
use erpc_check::TestRun;
use erpc_diagnostics::{Diagnostics, Sources};
use erpc_model::nearest;
use serde::Serialize;

use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Output, Versioned, formats, json};
use crate::text::{count, push_line};
use crate::{Exit, Failure};

formats!(Formats: Human, Junit);

/// Run the tests of a platform.
///
/// A failed expectation shows both of its sides. A filter that matches no test is an error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc test                        all tests of the nearest platform.erp
  erpc test --filter directory     only tests whose name contains `directory`
  erpc test --format junit         for continuous integration")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Run only tests whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    #[command(flatten)]
    output: Output<Formats>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let compiled = self.input.find()?.compile();
        let has_errors = compiled.diagnostics.has_errors();
        // A broken rule is an error of the platform, and yet what tests may be about.
        let Some((platform, derived)) = compiled.result.as_ref().or(compiled.judged.as_ref())
        else {
            compiled.checked()?;
            return Ok(Exit::Failed);
        };
        if has_errors {
            console.diagnostics(&compiled.diagnostics, &compiled.sources, None);
        }
        let filter = self.filter.as_deref();
        let runs = erpc_check::run_tests(platform, derived, filter);
        if runs.is_empty()
            && let Some(filter) = filter
        {
            let names = platform.tests.iter().map(|test| test.name.value.as_str());
            let hint = match nearest(filter, names) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => format!("; there {}", are(platform.tests.len())),
            };
            return Err(Failure::Failed(format!(
                "no test has `{filter}` in its name{hint}"
            )));
        }
        let failed = runs.iter().filter(|run| !run.failures.is_empty()).count();
        let sources = &compiled.sources;
        self.output.write_with(
            console,
            || json(&Versioned::new(report(&runs, sources))),
            |format| match format {
                Formats::Human => human(&runs),
                Formats::Junit => junit(&runs, sources, &platform.name.value),
            },
        );
        if self.output.is_human() {
            let mut findings = Diagnostics::new();
            for run in &runs {
                for failure in &run.failures {
                    findings.push(failure.diagnostic(run.test));
                }
            }
            console.diagnostics(&findings.sorted(), sources, None);
        }
        Ok(if failed > 0 || has_errors {
            Exit::Failed
        } else {
            Exit::Done
        })
    }
}

fn are(tests: usize) -> String {
    match tests {
        0 => "are no tests".to_owned(),
        1 => "is 1 test".to_owned(),
        more => format!("are {more} tests"),
    }
}

fn human(runs: &[TestRun<'_>]) -> String {
    let mut text = String::new();
    for run in runs {
        let word = if run.failures.is_empty() {
            "ok    "
        } else {
            "FAILED"
        };
        let left_out = match run.test.left_out {
            0 => String::new(),
            out => format!("  ({} on what is off)", count(out, "expectation")),
        };
        push_line!(text, "{word}  {}{left_out}", run.test.name.value);
    }
    let failed = runs.iter().filter(|run| !run.failures.is_empty()).count();
    match (runs.len(), failed) {
        (0, _) => push_line!(text, "no tests"),
        (all, 0) => push_line!(text, "{} passed", count(all, "test")),
        (all, failed) => push_line!(text, "{failed} of {} failed", count(all, "test")),
    }
    text
}

#[derive(Serialize)]
struct TestResults<'r> {
    passed: usize,
    failed: usize,
    tests: Vec<Tested<'r>>,
}

#[derive(Serialize)]
struct Tested<'r> {
    name: &'r str,
    file: &'r str,
    line: usize,
    passed: bool,
    expectations: usize,
    /// Expectations on what the profile switches off, which are not among them.
    left_out: usize,
    failures: Vec<Failed<'r>>,
}

#[derive(Serialize)]
struct Failed<'r> {
    line: usize,
    column: usize,
    expression: &'r str,
    /// Why it has no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'r str>,
    sides: Vec<Part<'r>>,
}

#[derive(Serialize)]
struct Part<'r> {
    expression: &'r str,
    value: &'r str,
}

fn report<'r>(runs: &'r [TestRun<'_>], sources: &'r Sources) -> TestResults<'r> {
    let place = |span: erpc_diagnostics::Span| {
        sources.get(span.file).map_or(("", 0, 0), |source| {
            let at = source.line_column(span.start);
            (source.path.as_str(), at.line, at.column)
        })
    };
    let tests: Vec<Tested<'_>> = runs
        .iter()
        .map(|run| {
            let (file, line, _) = place(run.test.name.span());
            let failures = run.failures.iter().map(|failure| {
                let (_, line, column) = place(failure.span);
                Failed {
                    line,
                    column,
                    expression: sources.text(failure.span),
                    stopped: failure.stop.as_ref().map(|stop| stop.message.as_str()),
                    sides: failure
                        .sides
                        .iter()
                        .map(|side| Part {
                            expression: sources.text(side.span),
                            value: &side.value,
                        })
                        .collect(),
                }
            });
            Tested {
                name: &run.test.name.value,
                file,
                line,
                passed: run.failures.is_empty(),
                expectations: run.test.expectations.len(),
                left_out: run.test.left_out,
                failures: failures.collect(),
            }
        })
        .collect();
    let failed = tests.iter().filter(|test| !test.passed).count();
    TestResults {
        passed: tests.len() - failed,
        failed,
        tests,
    }
}

/// The XML that continuous integration reads: one suite, one case a test.
fn junit(runs: &[TestRun<'_>], sources: &Sources, platform: &str) -> String {
    let report = report(runs, sources);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = xml(platform);
    push_line!(
        text,
        "<testsuites tests=\"{0}\" failures=\"{1}\">\n  <testsuite name=\"{name}\" tests=\"{0}\" failures=\"{1}\">",
        report.tests.len(),
        report.failed
    );
    for test in &report.tests {
        let head = format!(
            "    <testcase name=\"{}\" classname=\"{name}\" file=\"{}\" line=\"{}\"",
            xml(test.name),
            xml(test.file),
            test.line
        );
        if test.passed {
            push_line!(text, "{head}/>");
            continue;
        }
        push_line!(text, "{head}>");
        for failure in &test.failures {
            let mut lines = vec![format!("{}:{}", test.file, failure.line)];
            lines.extend(failure.stopped.map(str::to_owned));
            lines.extend(
                failure
                    .sides
                    .iter()
                    .map(|side| format!("{} is {}", side.expression, side.value)),
            );
            push_line!(
                text,
                "      <failure message=\"{}\">{}</failure>",
                xml(failure.expression),
                xml(&lines.join("\n"))
            );
        }
        text.push_str("    </testcase>\n");
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// Text as XML takes it; characters that XML 1.0 has no form for become U+FFFD.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push('\t'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
