//! `erpc import`: existing manifests as a platform, with a report of every field.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use erpc_diagnostics::Severity;
use erpc_import::{
    Compiler, Files, Finding, FindingKind, Imported, Input, Options, Problem, Reading, Report,
};
use erpc_model::ReadError;
use serde::Serialize;
use serde_json::{Value, json};

use super::fmt;
use crate::console::Console;
use crate::format::{Answer, Output, Plain, json};
use crate::project::{Project, ROOT_FILE, compile, describe};
use crate::text::{count, push_line};
use crate::{Exit, Failure, manifests};

mod sources;
mod writing;

/// Convert existing manifests into a platform without losing anything.
///
/// Reads YAML and JSON, writes source files, builds them, and compares the result with the input object
/// by object and field by field. Fields without a statement become a patch, other objects raw manifests.
/// Values of Secrets are never written.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc import k8s --out shop       the manifests in k8s/ as a platform in shop/
  helm template shop ./chart | erpc import -
                                   output of another tool
  erpc import --helm ./chart -f prod.yaml
                                   a chart with values, rendered by helm
  erpc import --compose docker-compose.yaml
                                   services of a Compose file
  erpc import --cluster --namespace shop
                                   objects of a namespace of a cluster
  erpc import base --profile dev=overlays/dev
                                   two environments; a profile has what differs in dev
  erpc import k8s --namespace shop one of several namespaces
  erpc import k8s --check shop     write nothing; compare again")]
pub(crate) struct Arguments {
    /// Files and directories of YAML and JSON; `-` reads standard input.
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    tools: sources::Tools,
    /// Namespace of objects that do not set one.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    default_namespace: String,
    /// Import another environment as a profile, from all its manifests; can be repeated. A kustomization is rendered.
    #[arg(long, value_name = "NAME=PATH", value_parser = environment)]
    profile: Vec<(String, PathBuf)>,
    /// Name of the platform [default: the name of the output directory].
    #[arg(long, value_name = "PLATFORM")]
    name: Option<String>,
    /// Directory for platform.erp and manifests/.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Overwrite the files of an earlier import.
    #[arg(long)]
    force: bool,
    /// Write a report of every object and field to this file: Markdown for `.md`, JSON for `.json`.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write nothing; compare the input with the platform in this directory and exit 2 if they differ.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "force", "harden", "name", "profile", "namespace"])]
    check: Option<PathBuf>,
    /// Harden pods and isolate networks (`defaults strict`) instead of keeping their behavior.
    #[arg(long)]
    harden: bool,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let format = self.report.as_deref().map(report_format).transpose()?;
        let sources = self.read(console)?;
        if let Some(folder) = &self.check {
            return self.compare(folder, sources.reading, format, console);
        }
        if !self.force {
            writing::refuse_existing(&self.out)?;
        }
        let options = Options {
            platform: self.platform_name(),
            default_namespace: self.default_namespace.clone(),
            harden: self.harden,
            namespaces: self.tools.namespaces().to_vec(),
            cluster: sources.cluster,
        };
        if sources.reading.objects.is_empty() {
            findings(&sources.reading.findings, console);
            return Err(Failure::Failed(
                "no object was found in the input".to_owned(),
            ));
        }
        let environments = self.environments()?;
        let (reading, hints) = (sources.reading, &sources.hints);
        let imported = erpc_import::import_all(reading, hints, environments, &options, &Memory);
        if imported.report.objects.is_empty() {
            return Err(Failure::Failed(format!(
                "no object of the namespaces {} was found in the input",
                options.namespaces.join(", ")
            )));
        }
        let Imported { files, report } = imported;
        writing::write(&self.out, &files)?;
        self.answer(report, files.len(), format, console)
    }

    /// Reads the other environments.
    fn environments(&self) -> Result<Vec<(String, Reading)>, Failure> {
        let environments = self.profile.iter().map(|(name, path)| {
            let is_of_tool = |(file, ..): &&(&str, &str, &str)| path.join(file).is_file();
            let tool = sources::OTHER_TOOLS.iter().find(is_of_tool);
            let found = match tool {
                Some((_, "--kustomize", _)) => {
                    let mut found = manifests::Found::default();
                    found.files.push(sources::kustomized(path)?);
                    found
                }
                _ => {
                    refuse_other_tools(path)?;
                    manifests::read(path)
                }
            };
            let inputs: Vec<Input<'_>> = found
                .files
                .iter()
                .map(|(path, bytes)| Input { path, bytes })
                .collect();
            let mut reading = erpc_import::read(&inputs);
            if reading.objects.is_empty() {
                return Err(Failure::Failed(format!(
                    "profile {name}: no object was found in {}; nothing was written",
                    path.display()
                )));
            }
            if self
                .profile
                .iter()
                .filter(|(other, _)| other == name)
                .count()
                > 1
            {
                return Err(Failure::Usage(format!("profile {name} is named twice")));
            }
            reading
                .findings
                .extend(found.failures.into_iter().map(broken));
            Ok((name.clone(), reading))
        });
        environments.collect()
    }

    /// Reads all inputs.
    fn read(&self, console: &mut Console<'_>) -> Result<sources::Sources, Failure> {
        if self.inputs.is_empty() && self.tools.is_empty() {
            return Err(Failure::Usage(
                "nothing to import: name a file, a folder or `-`, or use --helm, --kustomize, --compose or --cluster"
                    .to_owned(),
            ));
        }
        let mut found = manifests::Found::default();
        for input in &self.inputs {
            refuse_other_tools(input)?;
            let of_input = match input.as_os_str() == "-" {
                true => standard_input()?,
                false => manifests::read(input),
            };
            found.files.extend(of_input.files);
            found.failures.extend(of_input.failures);
            found.links.extend(of_input.links);
        }
        for link in &found.links {
            console.note(&format!(
                "note: {link}: links to folders are not followed, as kubectl does not"
            ));
        }
        let mut sources = self.tools.read(&self.default_namespace, &mut found)?;
        // A file is read once, however often it is named.
        found.files.sort();
        found.files.dedup();
        let without = |path: &str| !sources::is_of_other_tool(Path::new(path));
        let inputs: Vec<Input<'_>> = found
            .files
            .iter()
            .filter(|(path, _)| without(path))
            .map(|(path, bytes)| Input { path, bytes })
            .collect();
        let reading = erpc_import::read(&inputs);
        sources.reading.objects.extend(reading.objects);
        sources.reading.findings.extend(reading.findings);
        sources.reading.values.extend(reading.values);
        let failures = found.failures.into_iter().map(broken);
        sources.reading.findings.extend(failures);
        Ok(sources)
    }

    fn platform_name(&self) -> String {
        let name = self.name.clone().or_else(|| {
            let path = std::fs::canonicalize(&self.out);
            let path = path.as_deref().unwrap_or(&self.out);
            Some(path.file_name()?.to_string_lossy().into_owned())
        });
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let letter = |c: char| match c.is_ascii_alphanumeric() {
            true => c,
            false => '-',
        };
        let name: String = name.chars().map(letter).take(60).collect();
        let name = name.trim_matches('-');
        match name.starts_with(|c: char| c.is_ascii_lowercase()) {
            true => name.to_owned(),
            false => "imported".to_owned(),
        }
    }

    /// `--check`: the comparison alone.
    fn compare(
        &self,
        folder: &Path,
        reading: Reading,
        format: Option<ReportFormat>,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let checked = Project::find(Some(folder))?.compile().checked()?;
        let made = objects_of(&checked.platform, &checked.derived, &checked.sources);
        let report = erpc_import::check(reading, &self.default_namespace, &made);
        let is_same = report.is_lossless();
        let exit = self.answer(report, 0, format, console)?;
        Ok(match exit {
            Exit::Failed if !is_same => Exit::Differs,
            exit => exit,
        })
    }

    /// Says what was done, and writes the report.
    fn answer(
        &self,
        report: Report,
        files: usize,
        format: Option<ReportFormat>,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        if let (Some(path), Some(format)) = (&self.report, format) {
            let text = match format {
                ReportFormat::Markdown => report.markdown(),
                ReportFormat::Json => json(&report),
            };
            std::fs::write(path, text).map_err(|error| Failure::io(path, &error))?;
        }
        if self.output.is_human() {
            findings(&report.findings, console);
            problems(&report, console);
        }
        let exit = match report.is_lossless() && !report.has_errors() {
            true => Exit::Done,
            false => Exit::Failed,
        };
        let is_check = self.check.is_some();
        let summary = Summary {
            out: self.out.display().to_string(),
            files,
            is_check,
            report,
        };
        self.output.write(&summary, console);
        if self.output.is_human() && !is_check {
            let folder = match self.out.as_os_str() == "." {
                true => String::new(),
                false => format!(" {}", self.out.display()),
            };
            console.note(&format!(
                "next: read {}, then `erpc check{folder}`, then `erpc plan{folder}`",
                self.out.join(ROOT_FILE).display()
            ));
        }
        Ok(exit)
    }
}

/// That a file cannot be read.
fn broken(message: String) -> Finding {
    Finding {
        kind: FindingKind::Broken,
        place: erpc_import::Place::default(),
        message,
    }
}

/// `NAME=PATH`.
fn environment(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("expected NAME=PATH")?;
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase())
        || name.ends_with('-')
        || !name.chars().all(is_letter)
    {
        return Err(format!(
            "invalid name of a profile `{name}`: expected lower-case letters, digits and `-`"
        ));
    }
    Ok((name.to_owned(), PathBuf::from(path)))
}

#[derive(Clone, Copy, Debug)]
enum ReportFormat {
    Markdown,
    Json,
}

fn report_format(path: &Path) -> Result<ReportFormat, Failure> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("md" | "markdown") => Ok(ReportFormat::Markdown),
        Some("json") => Ok(ReportFormat::Json),
        _ => Err(Failure::Usage(format!(
            "{}: expected a file name that ends with .md or .json",
            path.display()
        ))),
    }
}

/// What another tool makes of a folder is not what its files say.
fn refuse_other_tools(path: &Path) -> Result<(), Failure> {
    for (file, flag, tool) in sources::OTHER_TOOLS {
        if path.join(file).is_file() {
            return Err(Failure::Usage(format!(
                "{}: {tool} renders this folder; use `erpc import {flag} {}`",
                path.join(file).display(),
                path.display()
            )));
        }
    }
    Ok(())
}

fn standard_input() -> Result<manifests::Found, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(manifests::MAX_BYTES + 1)
        .read_to_end(&mut bytes);
    read.map_err(|error| Failure::Failed(format!("standard input: {}", describe(&error))))?;
    if bytes.len() as u64 > manifests::MAX_BYTES {
        return Err(Failure::Failed(
            "standard input: larger than 64 MiB".to_owned(),
        ));
    }
    Ok(manifests::Found {
        files: vec![("standard input".to_owned(), bytes)],
        ..manifests::Found::default()
    })
}

/// Says what is wrong with the input.
pub(super) fn findings(findings: &[Finding], console: &mut Console<'_>) {
    for finding in findings {
        let place = match finding.place.file.as_str() {
            "" => String::new(),
            _ => format!("{}: ", finding.place),
        };
        let code = finding.kind.code();
        let id = code.map_or_else(String::new, |code| format!("{}: ", code.id));
        let line = format!("{place}{id}{}", finding.message);
        match code.map(|code| code.severity) {
            Some(Severity::Error) => console.fail(&line),
            Some(_) => console.note(&format!("warning: {line}")),
            None => console.note(&format!("note: {line}")),
        }
    }
}

/// How many differences are printed.
const MAX_SHOWN: usize = 20;

/// Says what is wrong with the result.
fn problems(report: &Report, console: &mut Console<'_>) {
    let problems = report.problems.iter();
    let problems = problems.map(|one| format!("{}:{}: {}", one.file, one.line, one.message));
    let differences = report
        .differences
        .iter()
        .filter(|one| !report.is_hardened || one.path.is_empty())
        .map(|one| match one.path.as_str() {
            "" => format!("{}: missing from the result", one.object),
            path => format!("{}: `{path}` differs", one.object),
        });
    let closed = report
        .closed
        .iter()
        .filter(|_| !report.is_hardened)
        .map(|one| format!("the result closes {one}"));
    let refused = report
        .not_taken()
        .map(|one| format!("{}: {}: {}", one.place, one.object, one.becomes));
    let profiles = report.profiles.iter().flat_map(|profile| {
        let name = &profile.name;
        let problems = profile.problems.iter();
        let problems = problems.map(|one| format!("{}:{}: {}", one.file, one.line, one.message));
        let differences = profile.differences.iter();
        problems.chain(differences.map(move |one| match one.path.as_str() {
            "" => format!("profile {name}: {}: missing from the result", one.object),
            path => format!("profile {name}: {}: `{path}` differs", one.object),
        }))
    });
    let problems = problems.chain(profiles);
    let all = refused.chain(problems).chain(differences).chain(closed);
    let all: Vec<String> = all.collect();
    for line in all.iter().take(MAX_SHOWN) {
        console.fail(line);
    }
    if all.len() > MAX_SHOWN {
        console.note(&format!(
            "… and {} more; `--report FILE` has all",
            all.len() - MAX_SHOWN
        ));
    }
}

/// The answer of the command.
#[derive(Serialize)]
struct Summary {
    out: String,
    files: usize,
    #[serde(skip)]
    is_check: bool,
    #[serde(flatten)]
    report: Report,
}

impl Answer for Summary {
    type Format = Plain;

    fn text(&self, _: Plain) -> String {
        let report = &self.report;
        let mut text = String::new();
        if self.is_check {
            let count = report.differences.len() + report.closed.len() + report.opened.len();
            match count {
                0 => push_line!(text, "the platform means what the input means"),
                count => push_line!(text, "{}", crate::text::count(count, "difference")),
            }
            return text;
        }
        push_line!(
            text,
            "{} in {}: {}",
            count(self.files, "file"),
            self.out,
            count(report.objects.len(), "object"),
        );
        for (class, count) in report.counts() {
            push_line!(text, "  {count:>7} fields {}", class.title());
        }
        let raw = report
            .objects
            .iter()
            .filter(|one| one.becomes.starts_with("manifests/"))
            .count();
        if raw > 0 {
            push_line!(text, "  {raw:>7} objects as raw manifests");
        }
        let flows = report.flows.len();
        push_line!(text, "  {flows:>7} flows with evidence");
        if report.left_out > 0 {
            push_line!(
                text,
                "  {:>7} objects of other namespaces left out",
                report.left_out
            );
        }
        if report.is_hardened && !report.closed.is_empty() {
            let closed = report.closed.len();
            push_line!(
                text,
                "  {closed:>7} connections closed, since no manifest shows them"
            );
        }
        if !report.added.is_empty() {
            push_line!(
                text,
                "  {:>7} objects besides those of the input",
                report.added.len()
            );
        }
        text
    }
}

/// Compiles programs that are not on a disk.
struct Memory;

struct InMemory<'f>(&'f Files);

impl erpc_model::Files for InMemory<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let text = self.0.get(path).ok_or(ReadError::NotFound)?;
        Ok(text.clone().into_bytes())
    }

    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        erpc_model::paths_below(self.0.keys(), path)
    }
}

impl Compiler for Memory {
    fn format(&self, source: &str) -> String {
        fmt::formatted(ROOT_FILE, source).text
    }

    fn build(&self, files: &Files) -> Result<Vec<Value>, Vec<Problem>> {
        built(files, None)
    }

    fn build_under(&self, files: &Files, profile: &str) -> Result<Vec<Value>, Vec<Problem>> {
        built(files, Some(profile))
    }
}

fn built(files: &Files, profile: Option<&str>) -> Result<Vec<Value>, Vec<Problem>> {
    let compiled = compile(ROOT_FILE, &InMemory(files), profile);
    let Some((platform, derived)) = &compiled.result else {
        let errors = compiled.diagnostics.as_slice().iter();
        let errors = errors.filter(|one| one.severity() == Severity::Error);
        return Err(errors
            .map(|error| {
                let span = error.span();
                let source = compiled.sources.get(span.file);
                Problem {
                    file: source.map_or_else(String::new, |source| source.path.clone()),
                    line: source.map_or(0, |source| source.line_column(span.start).line),
                    message: format!("{} {}", error.code.id, error.message),
                }
            })
            .collect());
    };
    Ok(objects_of(platform, derived, &compiled.sources))
}

/// The objects of a platform as data.
pub(super) fn objects_of(
    platform: &erpc_model::Platform,
    derived: &erpc_policy::Derived,
    sources: &erpc_diagnostics::Sources,
) -> Vec<Value> {
    let files = erpc_emit::objects(platform, derived, sources);
    let objects = files.iter().flat_map(|file| &file.objects);
    objects.map(|object| json!(object)).collect()
}
