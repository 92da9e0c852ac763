//! `erpc build`: checks, derives, and makes the output folders what the platform says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use erpc_diagnostics::{Diagnostics, Sources, render_json_with};
use erpc_emit::{FOLDERS, OutputFile};
use erpc_model::{
    Delivery, DeliveryTarget, Environment, Output as Declared, Platform, Repository, Via,
};
use erpc_policy::Derived;
use serde::Serialize;

use crate::arguments::Input;
use crate::console::Console;
use crate::format::{self, Chosen, Output};
use crate::output::{Change, Plan, Problem};
use crate::project::{Checked, Project, Under};
use crate::text::{count, push_line};
use crate::{Exit, Failure};

/// Check a platform and write its Kubernetes manifests.
///
/// Rewrites only changed files and deletes files that an earlier build generated and this one no longer
/// does. Files without the header of erpc are never touched; a generated file that was edited by hand
/// stops the build. The directory of platform.erp holds the output without a profile. `output lib for PROFILE
/// in "DIR"` in the platform adds the output under a profile, in its own directory. --profile writes only that
/// output, to this directory or to the one of --out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc build                       write lib/, share/ and helm/ next to platform.erp
  erpc build --out /tmp/manifests  write them to another directory
  erpc build --check               write nothing; list outdated files and exit 2
  erpc build --diff                write nothing; print the changes and exit 2
  erpc build --profile dev --out build/dev
                                   the platform with a profile, in another directory")]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Output directory [default: the directory of platform.erp].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write the objects of a delivery tool to the directory of that name; `output` in the source does the same.
    #[arg(long, value_name = "TARGET", value_parser = ["argocd", "flux", "kustomize"])]
    target: Vec<String>,
    /// Git repository that Argo CD and Flux read, unless `output` in the source sets it.
    #[arg(long, value_name = "URL", requires = "target")]
    repository: Option<String>,
    /// Branch, `refs/…` or commit of that repository.
    #[arg(
        long,
        value_name = "REVISION",
        default_value = "main",
        requires = "repository"
    )]
    revision: String,
    /// Write nothing; list the files that differ and exit 2 if there are any.
    #[arg(long)]
    check: bool,
    /// Write nothing; print the changes and exit 2 if there are any.
    #[arg(long)]
    diff: bool,
    /// Overwrite files that were edited by hand.
    #[arg(long, conflicts_with_all = ["check", "diff"])]
    force: bool,
    #[command(flatten)]
    output: Output<format::Findings>,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let project = self.input.find()?;
        let checked = project.compile().checked()?;
        let out = self.out(&project, &checked)?;
        let sources = &checked.sources;
        let environments = match project.profile {
            None => environments(&checked),
            Some(_) => Vec::new(),
        };
        let mut warnings = checked.warnings.clone();
        for (_, under) in &environments {
            warnings.extend(under.found.clone());
        }
        let warnings = warnings.sorted();
        let findings = (&warnings, sources);
        // As JSON, the findings stand in one object with what the build did.
        if !self.output.is_json() || warnings.has_errors() {
            console.findings(findings.0, sources, None);
        }
        if warnings.has_errors() {
            return Ok(Exit::Failed);
        }
        let mut wanted = Wanted::default();
        let declared = declared(&project, &checked.platform).filter(|_| self.out.is_none());
        let whole = Variant {
            platform: &checked.platform,
            derived: &checked.derived,
            folder: "",
            below: declared.map_or("", |declared| &declared.folder.value),
            // The chart is of the platform; a profile is a file of values in it.
            has_chart: project.profile.is_none(),
        };
        let under = environments.iter().filter_map(|(environment, under)| {
            let (platform, derived) = under.result.as_ref()?;
            Some(Variant {
                platform,
                derived,
                folder: &environment.folder.value,
                below: &environment.folder.value,
                has_chart: false,
            })
        });
        for variant in std::iter::once(whole).chain(under) {
            let failures = self.gather(&variant, sources, &mut wanted)?;
            if failures.has_errors() {
                console.findings(&failures, sources, None);
                return Ok(Exit::Failed);
            }
        }
        let out = out.as_path();
        let plan = Plan::compare(out, wanted.files, wanted.folders, &wanted.accepted)?;
        for file in &checked.platform.accepted_files {
            let path = &file.path;
            let is_there = |accepted: &String| !plan.accepted_and_missing.contains(accepted);
            let mut accepted = wanted.accepted.iter();
            let mut same = accepted.by_ref().filter(|one| is_below_any(one, path));
            if !same.any(is_there) {
                console.note(&format!(
                    "warning: `accept \"{path}\"` matches no file in {}",
                    out.display()
                ));
            }
        }
        if self.check || self.diff {
            return Ok(self.report(&plan, findings, console));
        }
        self.write(&plan, findings, console)
    }

    /// The folder that is written: under a profile, the one that the source sets for it.
    fn out(&self, project: &Project, checked: &Checked) -> Result<PathBuf, Failure> {
        let (out, Some(profile)) = (&self.out, &project.profile) else {
            return Ok(self.out.clone().unwrap_or_else(|| project.folder.clone()));
        };
        match (out, declared(project, &checked.platform)) {
            (Some(out), _) => Ok(out.clone()),
            (None, Some(declared)) => Ok(project.folder.join(&declared.folder.value)),
            (None, None) => Err(Failure::Usage(format!(
                "lib/ and share/ beside {} are the platform without a profile; say where that under `{profile}` goes: `--out DIR`, or `output lib for {profile} in \"DIR\"` in the platform",
                project.root
            ))),
        }
    }

    /// Adds what a variant of the platform has in its folder; what its own files do not prove.
    fn gather(
        &self,
        variant: &Variant<'_>,
        sources: &Sources,
        wanted: &mut Wanted,
    ) -> Result<Diagnostics, Failure> {
        let Variant {
            platform, derived, ..
        } = variant;
        let (mut files, chart) = match variant.has_chart {
            true => erpc_emit::files_and_chart(platform, derived, sources),
            false => (erpc_emit::files(platform, derived, sources), Vec::new()),
        };
        let failures = crate::proof::check(platform, &files);
        files.extend(chart);
        let deliveries = self.deliveries(platform, variant.below)?;
        for delivery in &deliveries {
            files.extend(erpc_emit::delivery(platform, derived, sources, delivery));
        }
        let targets = deliveries.iter().map(|delivery| delivery.target.as_str());
        let folders = FOLDERS.into_iter().chain(targets);
        let accepted = platform
            .accepted_files
            .iter()
            .map(|file| file.path.as_str());
        wanted
            .folders
            .extend(folders.map(|path| variant.path(path)));
        wanted
            .accepted
            .extend(accepted.map(|path| variant.path(path)));
        wanted
            .files
            .extend(files.into_iter().map(|file| OutputFile {
                path: variant.path(&file.path),
                ..file
            }));
        Ok(failures)
    }

    /// What others deliver: what the source says, then what the command line adds. What is for another folder is in that
    /// folder of the repository, unless the profile sets it.
    fn deliveries(&self, platform: &Platform, below: &str) -> Result<Vec<Delivery>, Failure> {
        let mut deliveries: Vec<Delivery> = Vec::new();
        for output in &platform.outputs {
            let Declared::Delivery(delivery) = &output.value else {
                continue;
            };
            let mut delivery = delivery.clone();
            let is_of_profile = matches!(output.origin.via, Via::Profile(_));
            if let Some(repository) = delivery.repository.as_mut().filter(|_| !is_of_profile) {
                let folders = [repository.folder.as_str(), below];
                let folders = folders.into_iter().filter(|folder| !folder.is_empty());
                repository.folder = folders.collect::<Vec<_>>().join("/");
            }
            deliveries.push(delivery);
        }
        let asked = self.target.iter();
        for target in asked.filter_map(|name| DeliveryTarget::from_word(name)) {
            let known = deliveries.iter_mut().find(|output| output.target == target);
            let repository = self.repository.as_ref().map(|url| Repository {
                url: url.clone(),
                revision: self.revision.clone(),
                folder: below.to_owned(),
            });
            match known {
                Some(known) => known.repository = repository.or(known.repository.take()),
                None if target.needs_repository() && repository.is_none() => {
                    let name = target.as_str();
                    return Err(Failure::Usage(format!(
                        "{name} fetches from a repository, and none is set: use `--repository URL`, or `output {name} \"URL\" at \"main\"` in the platform"
                    )));
                }
                None => deliveries.push(Delivery { target, repository }),
            }
        }
        Ok(deliveries)
    }

    /// Says what differs, without writing it.
    fn report(&self, plan: &Plan, findings: Findings<'_>, console: &mut Console<'_>) -> Exit {
        match self.output.format {
            Chosen::Json => {
                let report = BuildResult::of(plan);
                console.result(&render_json_with(findings.0, findings.1, &report));
            }
            // The log of findings is the result; one result cannot follow another.
            Chosen::Text(format::Findings::Sarif) => {}
            Chosen::Text(format::Findings::Github) => console.result(&annotations(plan)),
            Chosen::Text(format::Findings::Human) if self.diff => console.result(&plan.diff()),
            Chosen::Text(format::Findings::Human) => console.result(&listed(plan)),
        }
        if plan.is_clean() {
            console.note(&format!(
                "{} as the platform says",
                count(plan.unchanged, "file")
            ));
            Exit::Done
        } else {
            unmanaged(plan, console);
            let differing = plan.changes.len() + plan.problems.len();
            if differing == 0 {
                return Exit::Differs;
            }
            let files = if differing == 1 {
                "1 file is".to_owned()
            } else {
                format!("{differing} files are")
            };
            let is_edited = plan.problems.iter().any(|(_, p)| *p == Problem::Edited);
            let how = if is_edited {
                "`erpc build --diff` shows what was edited by hand, `erpc build --force` writes over it"
            } else {
                "`erpc build` writes them"
            };
            console.note(&format!("{files} not as the platform says; {how}"));
            Exit::Differs
        }
    }

    /// Writes what differs.
    fn write(
        &self,
        plan: &Plan,
        findings: Findings<'_>,
        console: &mut Console<'_>,
    ) -> Result<Exit, Failure> {
        let stops = |problem: Problem| match problem {
            Problem::Edited => !self.force,
            Problem::Foreign => true,
        };
        let mut is_stopped = false;
        for (path, problem) in plan.problems.iter().filter(|(_, p)| stops(*p)) {
            is_stopped = true;
            console.fail(&match problem {
                Problem::Edited => format!("{path} was edited by hand since it was generated"),
                Problem::Foreign => {
                    format!(
                        "{path} was not generated by erpc and is in the way of a generated file"
                    )
                }
            });
        }
        if is_stopped {
            console.note("nothing was written; `erpc build --diff` shows the edits, `--force` overwrites edited files, what is in the way must be moved");
            return Ok(Exit::Failed);
        }
        plan.write()?;
        unmanaged(plan, console);
        let report = BuildResult::of(plan);
        match self.output.format {
            Chosen::Json => console.result(&render_json_with(findings.0, findings.1, &report)),
            Chosen::Text(format::Findings::Sarif | format::Findings::Github) => {}
            Chosen::Text(format::Findings::Human) => {
                console.result(&written(plan));
                console.note(&format!(
                    "{}: {} created, {} changed, {} removed",
                    count(
                        plan.unchanged
                            + report.created.len()
                            + report.changed.len()
                            + report.edited.len(),
                        "file"
                    ),
                    report.created.len(),
                    report.changed.len() + report.edited.len(),
                    report.removed.len(),
                ));
            }
        }
        Ok(Exit::Done)
    }
}

/// The platform as declared, or under a profile with a folder of its own.
struct Variant<'c> {
    platform: &'c Platform,
    derived: &'c Derived,
    /// From the folder that is written; empty for the platform as declared.
    folder: &'c str,
    /// Where it is in the repository, from the folder of the platform as declared.
    below: &'c str,
    has_chart: bool,
}

impl Variant<'_> {
    fn path(&self, path: &str) -> String {
        match self.folder {
            "" => path.to_owned(),
            folder => format!("{folder}/{path}"),
        }
    }
}

/// What all variants should have on disk.
#[derive(Default)]
struct Wanted {
    files: Vec<OutputFile>,
    folders: Vec<String>,
    accepted: Vec<String>,
}

/// Whether a path is that of an accepted file, in whichever folder of an environment.
fn is_below_any(path: &str, accepted: &str) -> bool {
    let before = path.strip_suffix(accepted);
    before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// The output that the source sets for the profile under which it is compiled.
fn declared<'p>(project: &Project, platform: &'p Platform) -> Option<&'p Environment> {
    let profile = project.profile.as_deref()?;
    let mut environments = platform.environments();
    environments.find(|one| one.profile.value == profile)
}

/// The profiles that the platform writes too, each judged.
fn environments(checked: &Checked) -> Vec<(&Environment, Under)> {
    let environments = checked.platform.environments();
    environments
        .filter_map(|environment| {
            let id = checked.platform.profile_named(&environment.profile.value)?;
            Some((environment, checked.under(id)))
        })
        .collect()
}

/// The warnings of a program and its texts.
type Findings<'c> = (&'c Diagnostics, &'c Sources);

/// What `--format json` says beside the findings.
#[derive(Serialize)]
struct BuildResult<'p> {
    created: Vec<&'p str>,
    changed: Vec<&'p str>,
    removed: Vec<&'p str>,
    edited: Vec<&'p str>,
    foreign: Vec<&'p str>,
    unmanaged: Vec<&'p str>,
    unchanged: usize,
}

impl<'p> BuildResult<'p> {
    fn of(plan: &'p Plan) -> Self {
        let changes = |wanted: fn(&Change) -> bool| {
            let changes = plan.changes.iter().filter(|change| wanted(change));
            changes.map(Change::path).collect()
        };
        let problems = |wanted: Problem| {
            let problems = plan.problems.iter().filter(|(_, p)| *p == wanted);
            problems.map(|(path, _)| path.as_str()).collect()
        };
        Self {
            created: changes(|change| matches!(change, Change::Create { .. })),
            changed: changes(|change| matches!(change, Change::Replace { .. })),
            removed: changes(|change| matches!(change, Change::Remove { .. })),
            edited: problems(Problem::Edited),
            foreign: problems(Problem::Foreign),
            unmanaged: plan.unmanaged.iter().map(String::as_str).collect(),
            unchanged: plan.unchanged,
        }
    }
}

/// Says what to do about manifests that no build generated.
fn unmanaged(plan: &Plan, console: &mut Console<'_>) {
    let (Some(first), number) = (plan.unmanaged.first(), plan.unmanaged.len()) else {
        return;
    };
    let (what, them) = if number == 1 {
        (
            format!("unmanaged manifest {first}: `kubectl apply -R` applies it"),
            "it",
        )
    } else {
        let shown: Vec<&str> = plan.unmanaged.iter().take(3).map(String::as_str).collect();
        let more = match number - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let list = shown.join(", ");
        (
            format!("{number} unmanaged manifests: `kubectl apply -R` applies them: {list}{more}"),
            "them",
        )
    };
    console.note(&format!(
        "warning: {what} with the generated ones, and erpc never deletes {them}; move {them} out of lib/ and share/, or add `accept \"{}\" because \"…\"` to the platform",
        plan.path_in_environment(first)
    ));
}

/// What differs, a line for each file.
fn listed(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        push_line!(text, "{} {}", change.verb(), change.path());
    }
    for (path, problem) in &plan.problems {
        push_line!(text, "{} {path}", problem.as_str());
    }
    for path in &plan.unmanaged {
        push_line!(text, "unmanaged {path}");
    }
    text
}

/// What differs, as annotations of GitHub Actions.
fn annotations(plan: &Plan) -> String {
    let changed = plan.changes.iter().map(Change::path);
    let others = plan.problems.iter().map(|(path, _)| path.as_str());
    let mut text = String::new();
    for path in changed.chain(others) {
        push_line!(
            text,
            "::error file={path}::not as the platform says; `erpc build` writes it"
        );
    }
    for path in &plan.unmanaged {
        push_line!(
            text,
            "::error file={path}::unmanaged manifest: move it out of the output folders, or accept it in the platform"
        );
    }
    text
}

/// What was written. A chart is many files and of one make, and so is what others deliver; which of them moved is in
/// `--check` and in Git.
fn written(plan: &Plan) -> String {
    let (objects, others): (Vec<&Change>, Vec<&Change>) = plan
        .changes
        .iter()
        .partition(|change| plan.is_of_objects(change.path()));
    let mut by_folder: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in others {
        let path = change.path();
        let folder = plan.folder_of(path);
        by_folder.entry(folder).or_default().push(change);
    }
    let mut text = String::new();
    for (folder, changes) in by_folder {
        for verb in ["create", "change", "remove"] {
            let those = changes.iter().filter(|change| change.verb() == verb);
            let those = those.count();
            if those > 0 {
                push_line!(text, "{verb} {folder}/ ({})", count(those, "file"));
            }
        }
    }
    for change in objects {
        push_line!(text, "{} {}", change.verb(), change.path());
    }
    text
}
