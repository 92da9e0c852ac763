//! `erpc build`: checks, derives, and makes the output folders what the platform says.

use std::collections::BTreeMap;

use erpc_diagnostics::{Diagnostics, Sources, render_json_with};
use erpc_model::{DeliveryTarget, Output, Platform, Repository};
use serde::Serialize;

use super::check::FORMATS;
use super::{count, find, has_format, show_findings};
use crate::Exit;
use crate::arguments::{Build, Common, Format};
use crate::console::Console;
use crate::output::{Change, Plan, Problem};

pub(crate) fn run(command: &Build, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("build", &FORMATS, common, console) {
        return Exit::Usage;
    }
    let Some(project) = find(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    if let (Some(profile), None) = (&project.profile, &command.out) {
        console.fail(&format!(
            "lib/ and share/ beside {} are the platform without a profile; say where that under `{profile}` goes: `--out DIR`",
            project.root
        ));
        return Exit::Usage;
    }
    let compiled = project.compile();
    // As JSON, the findings of a build that succeeds stand in one object with what it did.
    if common.format != Format::Json || compiled.result.is_none() {
        show_findings(
            &compiled.diagnostics,
            &compiled.sources,
            None,
            common,
            console,
        );
    }
    let Some((platform, derived)) = &compiled.result else {
        return Exit::Failed;
    };
    // The chart is of the platform; a profile is a file of values in it.
    let (mut files, chart) = if project.profile.is_none() {
        erpc_emit::files_and_chart(platform, derived, &compiled.sources)
    } else {
        let files = erpc_emit::files(platform, derived, &compiled.sources);
        (files, Vec::new())
    };
    let failures = crate::proof::check(platform, &files);
    if failures.has_errors() {
        show_findings(&failures, &compiled.sources, None, common, console);
        return Exit::Failed;
    }
    files.extend(chart);
    let outputs = match outputs(command, platform) {
        Ok(outputs) => outputs,
        Err(message) => {
            console.fail(&message);
            return Exit::Usage;
        }
    };
    for output in &outputs {
        let more = erpc_emit::delivery(platform, derived, &compiled.sources, output);
        files.extend(more);
    }
    let out = command.out.as_deref().unwrap_or(&project.folder);
    let targets: Vec<DeliveryTarget> = outputs.iter().map(|output| output.target).collect();
    let accepted: Vec<&str> = platform
        .accepted_files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    let plan = match Plan::compare(out, files, &targets, &accepted) {
        Ok(plan) => plan,
        Err(message) => {
            console.fail(&message);
            return Exit::Failed;
        }
    };
    for path in &plan.accepted_and_missing {
        console.note(&format!(
            "warning: `accept \"{path}\"` matches no file in {}",
            out.display()
        ));
    }
    let findings = (&compiled.diagnostics, &compiled.sources);
    if command.check || command.diff {
        return report(&plan, command.diff, findings, common, console);
    }
    write(&plan, command.force, findings, common, console)
}

/// What others deliver: what the source says, then what the command line adds.
fn outputs(command: &Build, platform: &Platform) -> Result<Vec<Output>, String> {
    let said = platform.outputs.iter();
    let mut outputs: Vec<Output> = said.map(|output| output.value.clone()).collect();
    let asked = command.target.iter();
    for target in asked.filter_map(|name| DeliveryTarget::from_word(name)) {
        let known = outputs.iter_mut().find(|output| output.target == target);
        let repository = command.repository.as_ref().map(|url| Repository {
            url: url.clone(),
            revision: command.revision.clone(),
            folder: String::new(),
        });
        match known {
            Some(known) => known.repository = repository.or(known.repository.take()),
            None if target.needs_repository() && repository.is_none() => {
                let name = target.as_str();
                return Err(format!(
                    "{name} fetches from a repository, and none is set: use `--repository URL`, or `output {name} \"URL\" at \"main\"` in the platform"
                ));
            }
            None => outputs.push(Output { target, repository }),
        }
    }
    Ok(outputs)
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

fn report(
    plan: &Plan,
    is_diff: bool,
    findings: Findings<'_>,
    common: &Common,
    console: &mut Console<'_>,
) -> Exit {
    if common.format == Format::Json {
        let report = BuildResult::of(plan);
        console.result(&render_json_with(findings.0, findings.1, &report));
    } else if common.format == Format::Sarif {
        // The log of findings is the result; one result cannot follow another.
    } else if common.format == Format::Github {
        let changed = plan.changes.iter().map(Change::path);
        let others = plan.problems.iter().map(|(path, _)| path.as_str());
        for path in changed.chain(others) {
            console.result(&format!(
                "::error file={path}::not as the platform says; `erpc build` writes it\n"
            ));
        }
        for path in &plan.unmanaged {
            console.result(&format!(
                "::error file={path}::unmanaged manifest: move it out of the output folders, or accept it in the platform\n"
            ));
        }
    } else if is_diff {
        console.result(&plan.diff());
    } else {
        for change in &plan.changes {
            console.result(&format!("{} {}\n", change.verb(), change.path()));
        }
        for (path, problem) in &plan.problems {
            console.result(&format!("{} {path}\n", problem.as_str()));
        }
        for path in &plan.unmanaged {
            console.result(&format!("unmanaged {path}\n"));
        }
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
        "warning: {what} with the generated ones, and erpc never deletes {them}; move {them} out of lib/ and share/, or add `accept \"{first}\" because \"…\"` to the platform"
    ));
}

fn write(
    plan: &Plan,
    force: bool,
    findings: Findings<'_>,
    common: &Common,
    console: &mut Console<'_>,
) -> Exit {
    let stops = |problem: Problem| match problem {
        Problem::Edited => !force,
        Problem::Foreign => true,
    };
    let mut is_stopped = false;
    for (path, problem) in plan.problems.iter().filter(|(_, p)| stops(*p)) {
        is_stopped = true;
        console.fail(&match problem {
            Problem::Edited => format!("{path} was edited by hand since it was generated"),
            Problem::Foreign => {
                format!("{path} was not generated by erpc and is in the way of a generated file")
            }
        });
    }
    if is_stopped {
        console.note("nothing was written; `erpc build --diff` shows the edits, `--force` overwrites edited files, what is in the way must be moved");
        return Exit::Failed;
    }
    if let Err(message) = plan.write() {
        console.fail(&message);
        return Exit::Failed;
    }
    unmanaged(plan, console);
    let report = BuildResult::of(plan);
    if common.format == Format::Json {
        console.result(&render_json_with(findings.0, findings.1, &report));
    }
    if common.format != Format::Human {
        return Exit::Done;
    }
    // A chart is many files and of one make, and so is what others deliver; which of them moved is
    // in `--check` and in Git.
    let (objects, others): (Vec<&Change>, Vec<&Change>) = plan.changes.iter().partition(|change| {
        let path = change.path();
        path.starts_with("lib/") || path.starts_with("share/")
    });
    let mut by_folder: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in others {
        let folder = change.path().split('/').next().unwrap_or_default();
        by_folder.entry(folder).or_default().push(change);
    }
    for (folder, changes) in by_folder {
        for verb in ["create", "change", "remove"] {
            let those = changes
                .iter()
                .filter(|change| change.verb() == verb)
                .count();
            if those > 0 {
                console.result(&format!("{verb} {folder}/ ({})\n", count(those, "file")));
            }
        }
    }
    for change in objects {
        console.result(&format!("{} {}\n", change.verb(), change.path()));
    }
    console.note(&format!(
        "{}: {} created, {} changed, {} removed",
        count(
            plan.unchanged + report.created.len() + report.changed.len() + report.edited.len(),
            "file"
        ),
        report.created.len(),
        report.changed.len() + report.edited.len(),
        report.removed.len(),
    ));
    Exit::Done
}
