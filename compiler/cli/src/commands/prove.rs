//! `erpc prove`: the certificate of a platform's output, or what manifests of any origin allow.

use std::fmt::Write;
use std::path::Path;

use erpc_emit::OutputFile;
use erpc_model::Platform;
use erpc_prove::{
    Certificate, Effect, File, Manifests, NotEvaluated, Open, Ports, Problem, Survey, digest,
};
use serde::Serialize;

use super::{count, find, has_format};
use crate::arguments::{Common, Format, Prove};
use crate::console::Console;
use crate::output::{self, Unmanaged};
use crate::{Exit, manifests, proof};

/// How many changes of a kind are printed.
const MAX_CHANGES: usize = 20;

pub(crate) fn run(command: &Prove, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("prove", &[Format::Human, Format::Json], common, console) {
        return Exit::Usage;
    }
    match &command.manifests {
        Some(path) => survey(path, common, console),
        None => certify(command.path.as_deref(), common, console),
    }
}

/// What `--format json` says of a platform.
#[derive(Serialize)]
struct ProveResult<'r> {
    version: u32,
    platform: &'r str,
    release: &'r str,
    cluster: &'r str,
    holds: bool,
    source: Digest,
    output: Digest,
    #[serde(flatten)]
    certificate: &'r Certificate,
    beside: &'r Beside,
}

#[derive(Serialize)]
struct Digest {
    sha256: String,
    files: usize,
}

/// Manifests in `lib/` and `share/` that no build generated, and what they change.
#[derive(Debug, Default, Serialize)]
struct Beside {
    /// Those that the platform does not accept.
    unmanaged: Vec<String>,
    /// Those that it accepts, with the reason.
    accepted: Vec<Accepted>,
    /// What the unmanaged ones open and close.
    changes: Changes,
    /// What the accepted ones open and close.
    accepted_changes: Changes,
    /// Kinds in the unmanaged ones that are not evaluated.
    not_evaluated: Vec<NotEvaluated>,
    /// Kinds in the accepted ones that are not evaluated.
    accepted_not_evaluated: Vec<NotEvaluated>,
    /// What is wrong with the unmanaged ones.
    problems: Vec<Problem>,
    /// What is wrong with the accepted ones.
    accepted_problems: Vec<Problem>,
}

#[derive(Debug, Serialize)]
struct Accepted {
    path: String,
    because: String,
}

#[derive(Debug, Default, Serialize)]
struct Changes {
    opened: Vec<String>,
    closed: Vec<String>,
}

impl Changes {
    fn between(before: &Open, after: &Open) -> Self {
        Self {
            opened: after.without(before),
            closed: before.without(after),
        }
    }

    fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.closed.is_empty()
    }
}

impl Beside {
    /// Evaluates the output with the manifests that stand beside it; gives the manifests that the
    /// statements are proven of, which are the output and what the platform does not accept.
    fn of(platform: &Platform, files: &[OutputFile], beside: &[Unmanaged]) -> (Self, Manifests) {
        let reason = |path: &str| {
            let accepted = &platform.accepted_files;
            let found = accepted.iter().find(|file| file.path == path);
            found.map(|file| file.because.clone())
        };
        let (accepted, unmanaged): (Vec<&Unmanaged>, Vec<&Unmanaged>) =
            beside.iter().partition(|file| reason(&file.path).is_some());
        let manifests = proof::read_with(files, &unmanaged);
        if beside.is_empty() {
            return (Self::default(), manifests);
        }
        let own = Survey::of(&proof::read_with(files, &[])).open();
        let survey = Survey::of(&manifests);
        let with_accepted = Survey::of(&proof::read_with(files, &accepted));
        let found = Self {
            unmanaged: unmanaged.iter().map(|file| file.path.clone()).collect(),
            accepted: accepted
                .iter()
                .map(|file| Accepted {
                    path: file.path.clone(),
                    because: reason(&file.path).unwrap_or_default(),
                })
                .collect(),
            changes: Changes::between(&own, &survey.open()),
            accepted_changes: Changes::between(&own, &with_accepted.open()),
            not_evaluated: survey.not_evaluated,
            accepted_not_evaluated: with_accepted.not_evaluated,
            problems: survey.problems,
            accepted_problems: with_accepted.problems,
        };
        (found, manifests)
    }

    /// Whether the manifests that the platform does not accept leave everything as it is.
    fn holds(&self) -> bool {
        let has_effect = |kind: &NotEvaluated| kind.effect != Effect::Unknown;
        self.changes.is_empty()
            && self.problems.is_empty()
            && !self.not_evaluated.iter().any(has_effect)
    }

    fn show(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let changes = |out: &mut String, changes: &Changes| {
            for (verb, list) in [("opens", &changes.opened), ("closes", &changes.closed)] {
                for line in list.iter().take(MAX_CHANGES) {
                    let _ = writeln!(out, "    {verb} {line}");
                }
                if list.len() > MAX_CHANGES {
                    let _ = writeln!(out, "    {verb} {} more", list.len() - MAX_CHANGES);
                }
            }
            if changes.is_empty() {
                let _ = writeln!(out, "    opens and closes nothing");
            }
        };
        if !self.unmanaged.is_empty() {
            let _ = writeln!(out, "\nunmanaged manifests, evaluated with the output:");
            for path in &self.unmanaged {
                let _ = writeln!(out, "  {path}");
            }
            changes(out, &self.changes);
            not_evaluated(out, &self.not_evaluated);
        }
        if !self.accepted.is_empty() {
            let _ = writeln!(out, "\naccepted manifests, beside the statements above:");
            for file in &self.accepted {
                let _ = writeln!(out, "  {}: {}", file.path, file.because);
            }
            changes(out, &self.accepted_changes);
            not_evaluated(out, &self.accepted_not_evaluated);
        }
    }
}

fn certify(path: Option<&Path>, common: &Common, console: &mut Console<'_>) -> Exit {
    let Some(project) = find(path, common, console) else {
        return Exit::Failed;
    };
    let compiled = project.compile();
    let Some((platform, derived)) = &compiled.result else {
        console.diagnostics(&compiled.diagnostics, &compiled.sources, None);
        return Exit::Failed;
    };
    let files = erpc_emit::files(platform, derived, &compiled.sources);
    // The folders beside the source are the platform without a profile.
    let beside = if project.profile.is_none() {
        match output::unmanaged(&project.folder, &files) {
            Ok(beside) => beside,
            Err(message) => {
                console.fail(&message);
                return Exit::Failed;
            }
        }
    } else {
        Vec::new()
    };
    let (beside, manifests) = Beside::of(platform, &files, &beside);
    let certificate = proof::certificate(platform, derived, &compiled.sources, &manifests);
    let holds = certificate.holds() && beside.holds();
    let mut sources: Vec<(&str, &[u8])> = compiled
        .sources
        .iter()
        .map(|(_, source)| (source.path.as_str(), source.text.as_bytes()))
        .collect();
    sources.sort_unstable();
    let texts = files
        .iter()
        .map(|file| (file.path.as_str(), file.text.as_bytes()));
    let report = ProveResult {
        version: 1,
        platform: &platform.name.value,
        release: &platform.version.value,
        cluster: &platform.cluster().name.value,
        holds,
        source: Digest {
            files: sources.len(),
            sha256: digest(sources),
        },
        output: Digest {
            files: files.len(),
            sha256: digest(texts),
        },
        certificate: &certificate,
        beside: &beside,
    };
    match common.format {
        Format::Json => {
            // A struct of strings and numbers cannot fail to be written.
            let text = serde_json::to_string_pretty(&report).unwrap_or_default();
            console.result(&(text + "\n"));
        }
        _ => {
            console.result(&human(&report, platform));
            for problem in &beside.problems {
                console.fail(&problem.to_string());
            }
            for problem in &beside.accepted_problems {
                console.note(&format!("accepted: {problem}"));
            }
        }
    }
    if holds { Exit::Done } else { Exit::Failed }
}

fn human(report: &ProveResult<'_>, platform: &Platform) -> String {
    let certificate = report.certificate;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{} {} on cluster {}\n",
        platform.name.value, platform.version.value, report.cluster
    );
    for (what, digest) in [("source", &report.source), ("output", &report.output)] {
        let files = count(digest.files, "file");
        let _ = writeln!(out, "  {what}  sha256:{}  {files}", digest.sha256);
    }
    let _ = writeln!(
        out,
        "  read    {}, {}, as if by a cluster; told apart: {}, {}\n",
        count(certificate.workloads, "workload"),
        policies(certificate.policies),
        count(certificate.other_pods, "other pod"),
        count(certificate.address_classes, "address block"),
    );
    for statement in &certificate.statements {
        let verdict = if statement.holds { "holds" } else { "FAILS" };
        let name = statement.statement;
        let _ = writeln!(out, "  {name:<13} {verdict}  {}", statement.compared);
        for witness in &statement.witnesses {
            let _ = writeln!(out, "  {:<13}        {witness}", "");
        }
    }
    report.beside.show(&mut out);
    let _ = writeln!(out, "\nwhat no NetworkPolicy can promise:");
    for line in certificate.not_promised {
        let _ = writeln!(out, "  {line}");
    }
    out
}

fn survey(path: &Path, common: &Common, console: &mut Console<'_>) -> Exit {
    let found = manifests::read(path);
    for failure in &found.failures {
        console.fail(failure);
    }
    for link in &found.links {
        console.note(&format!(
            "note: {link}: links to folders are not followed, as kubectl does not"
        ));
    }
    if found.files.is_empty() && found.failures.is_empty() {
        console.fail(&format!(
            "{}: there are no .yaml, .yml or .json files here",
            path.display()
        ));
    }
    if found.files.is_empty() {
        return Exit::Failed;
    }
    let files: Vec<File<'_>> = found
        .files
        .iter()
        .map(|(path, bytes)| File { path, bytes })
        .collect();
    let survey = Survey::of(&Manifests::read(&files));
    match common.format {
        Format::Json => {
            // A struct of strings and numbers cannot fail to be written.
            let text = serde_json::to_string_pretty(&survey).unwrap_or_default();
            console.result(&(text + "\n"));
        }
        _ => {
            console.result(&of_manifests(&survey));
            for note in &survey.notes {
                console.note(&format!("note: {note}"));
            }
            for problem in &survey.problems {
                console.fail(&problem.to_string());
            }
        }
    }
    if survey.problems.is_empty() && found.failures.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    }
}

fn of_manifests(survey: &Survey) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{}, {}: {}, {} evaluated",
        count(survey.files, "file"),
        count(survey.documents, "document"),
        count(survey.workloads.len(), "workload"),
        policies(survey.policies),
    );
    let pairs: Vec<(String, &[Ports])> = survey
        .connections
        .iter()
        .map(|one| (format!("{} -> {}", one.from, one.to), one.ports.as_slice()))
        .collect();
    section(&mut out, "connections that a rule names", &pairs);
    let open: Vec<(String, &[Ports])> = survey
        .everywhere
        .iter()
        .flat_map(|one| {
            let arrow = match one.direction {
                erpc_prove::Direction::Ingress => "<-",
                erpc_prove::Direction::Egress => "->",
            };
            let pods = (
                format!("{} {arrow} every pod", one.workload),
                one.pods.as_slice(),
            );
            let addresses = format!("{} {arrow} every address", one.workload);
            [pods, (addresses, one.addresses.as_slice())]
        })
        .filter(|(_, ports)| !ports.is_empty())
        .collect();
    section(&mut out, "open, as far as the other side allows", &open);
    let exposed: Vec<(String, &[Ports])> = survey
        .exposed
        .iter()
        .map(|one| {
            (
                format!("{} <- {}", one.workload, one.from.join(", ")),
                one.ports.as_slice(),
            )
        })
        .collect();
    section(&mut out, "reached from addresses", &exposed);
    not_evaluated(&mut out, &survey.not_evaluated);
    let idle = if survey
        .not_evaluated
        .iter()
        .any(|kind| kind.effect != Effect::Policy)
    {
        "policies that select no evaluated workload"
    } else {
        "policies that select no workload"
    };
    for (title, list) in [("not isolated", &survey.uncovered), (idle, &survey.idle)] {
        if !list.is_empty() {
            let _ = writeln!(out, "\n{title}");
            for line in list {
                let _ = writeln!(out, "  {line}");
            }
        }
    }
    for reading in &survey.readings {
        let plugins = if reading.plugins.is_empty() {
            String::new()
        } else {
            format!(" ({})", reading.plugins.join(", "))
        };
        let _ = writeln!(
            out,
            "\nwhere {}{plugins}: {} differ",
            reading.reading, reading.differ
        );
        for example in &reading.examples {
            let _ = writeln!(out, "  {example}");
        }
    }
    out
}

/// Names what the answer leaves out.
fn not_evaluated(out: &mut String, kinds: &[NotEvaluated]) {
    for (effect, title) in [
        (
            Effect::Policy,
            "not evaluated: policies of other APIs, which may allow or deny more",
        ),
        (Effect::Pods, "not evaluated: kinds that create pods"),
        (Effect::Unknown, "not evaluated: kinds of other APIs"),
    ] {
        let mut title = Some(title);
        for kind in kinds.iter().filter(|kind| kind.effect == effect) {
            if let Some(title) = title.take() {
                let _ = writeln!(out, "\n{title}");
            }
            let more = match kind.count - kind.places.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let _ = writeln!(
                out,
                "  {} {} ({}): {}{more}",
                kind.count,
                kind.kind,
                kind.api_version,
                kind.places.join(", ")
            );
        }
    }
}

fn policies(number: usize) -> String {
    if number == 1 {
        "1 policy".to_owned()
    } else {
        format!("{number} policies")
    }
}

fn section(out: &mut String, title: &str, pairs: &[(String, &[Ports])]) {
    if pairs.is_empty() {
        return;
    }
    let width = pairs
        .iter()
        .map(|(pair, _)| pair.chars().count())
        .max()
        .unwrap_or(0)
        .min(72);
    let _ = writeln!(out, "\n{title}");
    for (pair, ports) in pairs {
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "  {pair:width$}  {}", ports.join(", "));
    }
}
