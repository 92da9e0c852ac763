//! `erpc prove`: the certificate of a platform's output, or what manifests of any origin allow.

use std::path::{Path, PathBuf};

use clap::Args;
use erpc_emit::OutputFile;
use erpc_model::Platform;
use erpc_prove::{
    Certificate, Effect, File, Manifests, NotEvaluated, Open, Ports, Problem, Survey, digest,
};
use serde::Serialize;

use crate::arguments::Input;
use crate::console::Console;
use crate::format::{Answer, Output, Plain, json};
use crate::output::{self, Unmanaged};
use crate::project::Checked;
use crate::text::{count, push_line};
use crate::{Exit, Failure, manifests, proof};

/// Prove that the generated manifests allow exactly the declared connections.
///
/// Reads the generated manifests as a cluster would, compares them with the declared flows, and prints a
/// certificate. With --manifests, evaluates the NetworkPolicies of arbitrary manifests instead.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc prove                       the output of the nearest platform
  erpc prove --format json         the same, for scripts
  erpc prove --manifests deploy    the connections that existing manifests allow")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Evaluate the manifests in this directory or file instead of a platform.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["path", "profile"])]
    manifests: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// How many changes of a kind are printed.
const MAX_CHANGES: usize = 20;

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        match &self.manifests {
            Some(path) => Ok(self.survey(path, console)),
            None => self.certify(console),
        }
    }

    /// Proves what the output of a platform allows.
    fn certify(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let project = self.input.find()?;
        let Checked {
            platform,
            derived,
            sources,
            ..
        } = project.compile().checked()?;
        let files = erpc_emit::files(&platform, &derived, &sources);
        // The folders beside the source are the platform without a profile.
        let beside = if project.profile.is_none() {
            output::unmanaged(&project.folder, &files)?
        } else {
            Vec::new()
        };
        let (beside, manifests) = Beside::of(&platform, &files, &beside);
        let certificate = proof::certificate(&platform, &derived, &sources, &manifests);
        let holds = certificate.holds() && beside.holds();
        let mut texts_of_source: Vec<(&str, &[u8])> = sources
            .iter()
            .map(|(_, source)| (source.path.as_str(), source.text.as_bytes()))
            .collect();
        texts_of_source.sort_unstable();
        let texts = files
            .iter()
            .map(|file| (file.path.as_str(), file.text.as_bytes()));
        let report = ProveResult {
            platform: &platform.name.value,
            release: &platform.version.value,
            cluster: &platform.cluster().name.value,
            holds,
            source: Digest {
                files: texts_of_source.len(),
                sha256: digest(texts_of_source),
            },
            output: Digest {
                files: files.len(),
                sha256: digest(texts),
            },
            certificate: &certificate,
            not_evaluated: match platform.manifests.is_empty() {
                true => Vec::new(),
                false => erpc_prove::not_evaluated(&proof::read_with(&files, &[])),
            },
            beside: &beside,
        };
        self.output.write(&report, console);
        if self.output.is_human() {
            for problem in &beside.problems {
                console.fail(&problem.to_string());
            }
            for problem in &beside.accepted_problems {
                console.note(&format!("accepted: {problem}"));
            }
        }
        Ok(if holds { Exit::Done } else { Exit::Failed })
    }

    /// Evaluates manifests of any origin.
    fn survey(&self, path: &Path, console: &mut Console<'_>) -> Exit {
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
        self.output
            .write_with(console, || json(&survey), |_| of_manifests(&survey));
        if self.output.is_human() {
            for note in &survey.notes {
                console.note(&format!("note: {note}"));
            }
            for problem in &survey.problems {
                console.fail(&problem.to_string());
            }
        }
        if survey.problems.is_empty() && found.failures.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        }
    }
}

/// What `--format json` says of a platform.
#[derive(Serialize)]
struct ProveResult<'r> {
    platform: &'r str,
    release: &'r str,
    cluster: &'r str,
    holds: bool,
    source: Digest,
    output: Digest,
    #[serde(flatten)]
    certificate: &'r Certificate,
    /// Kinds among the manifests that the platform takes that are not evaluated.
    not_evaluated: Vec<NotEvaluated>,
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
        let acceptance = |path: &str| {
            let accepted = &platform.accepted_files;
            accepted.iter().find(|file| file.path == path)
        };
        let (accepted, unmanaged): (Vec<&Unmanaged>, Vec<&Unmanaged>) = beside
            .iter()
            .partition(|file| acceptance(&file.path).is_some());
        let manifests = proof::read_with(files, &unmanaged);
        if beside.is_empty() {
            return (Self::default(), manifests);
        }
        let own = Survey::of(&proof::read_with(files, &[])).open();
        let survey = Survey::of(&manifests);
        let with_accepted = Survey::of(&proof::read_with(files, &accepted));
        let found = Self {
            unmanaged: unmanaged.iter().map(|file| file.path.clone()).collect(),
            accepted: beside
                .iter()
                .filter_map(|file| acceptance(&file.path))
                .map(|file| Accepted {
                    path: file.path.to_string(),
                    because: file.because.clone(),
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
        let changes = |out: &mut String, changes: &Changes| {
            for (verb, list) in [("opens", &changes.opened), ("closes", &changes.closed)] {
                for line in list.iter().take(MAX_CHANGES) {
                    push_line!(out, "    {verb} {line}");
                }
                if list.len() > MAX_CHANGES {
                    push_line!(out, "    {verb} {} more", list.len() - MAX_CHANGES);
                }
            }
            if changes.is_empty() {
                push_line!(out, "    opens and closes nothing");
            }
        };
        if !self.unmanaged.is_empty() {
            push_line!(out, "\nunmanaged manifests, evaluated with the output:");
            for path in &self.unmanaged {
                push_line!(out, "  {path}");
            }
            changes(out, &self.changes);
            not_evaluated(out, &self.not_evaluated);
        }
        if !self.accepted.is_empty() {
            push_line!(out, "\naccepted manifests, beside the statements above:");
            for file in &self.accepted {
                push_line!(out, "  {}: {}", file.path, file.because);
            }
            changes(out, &self.accepted_changes);
            not_evaluated(out, &self.accepted_not_evaluated);
        }
    }
}

impl Answer for ProveResult<'_> {
    type Format = Plain;

    fn text(&self, _: Plain) -> String {
        human(self)
    }
}

fn human(report: &ProveResult<'_>) -> String {
    let certificate = report.certificate;
    let mut out = String::new();
    push_line!(
        out,
        "{} {} on cluster {}\n",
        report.platform,
        report.release,
        report.cluster
    );
    for (what, digest) in [("source", &report.source), ("output", &report.output)] {
        let files = count(digest.files, "file");
        push_line!(out, "  {what}  sha256:{}  {files}", digest.sha256);
    }
    push_line!(
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
        push_line!(out, "  {name:<13} {verdict}  {}", statement.compared);
        for witness in &statement.witnesses {
            push_line!(out, "  {:<13}        {witness}", "");
        }
    }
    not_evaluated(&mut out, &report.not_evaluated);
    report.beside.show(&mut out);
    push_line!(out, "\nwhat no NetworkPolicy can promise:");
    for line in certificate.not_promised {
        push_line!(out, "  {line}");
    }
    out
}

fn of_manifests(survey: &Survey) -> String {
    let mut out = String::new();
    push_line!(
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
            push_line!(out, "\n{title}");
            for line in list {
                push_line!(out, "  {line}");
            }
        }
    }
    for reading in &survey.readings {
        let plugins = if reading.plugins.is_empty() {
            String::new()
        } else {
            format!(" ({})", reading.plugins.join(", "))
        };
        push_line!(
            out,
            "\nwhere {}{plugins}: {} differ",
            reading.reading,
            reading.differ
        );
        for example in &reading.examples {
            push_line!(out, "  {example}");
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
                push_line!(out, "\n{title}");
            }
            let more = match kind.count - kind.places.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            push_line!(
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
    push_line!(out, "\n{title}");
    for (pair, ports) in pairs {
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        push_line!(out, "  {pair:width$}  {}", ports.join(", "));
    }
}
