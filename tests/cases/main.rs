//! Cases that are folders and files: each is a test of its own, which runs alone by its name.
//!
//! ```sh
//! cargo test -p erpc-tests --test cases -- ui::                             # all of a kind
//! cargo test -p erpc-tests --test cases -- --exact ui::a-brace-is-not-closed
//! ```
//!
//! - `tests/ui/<what-happens>/platform.erp`, and beside it `expected.snap`, all that `erpc check` prints about
//!   it. To add one, write the input, run it with `INSTA_UPDATE=always`, and read what came out.
//! - `tests/fmt/<what>/input.erp` and what `erpc fmt` makes of it; `UPDATE_DOCS=1` writes `expected.erp`.
//! - `tests/mistakes/<kind>.md`: a heading and a ```` ```diff ```` block for each mistake; `UPDATE_MISTAKES=1`
//!   writes what `erpc check` prints.
//! - The platforms of the repository: what `erpc build` makes is what is committed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use erpc_cli::Exit;
use erpc_diagnostics::{FileId, Style, render_human};
use erpc_tests::mistakes::{self, Kind};
use erpc_tests::{Memory, compile_folder, erpc, files_below, folders_below, platforms, repository};
use libtest_mimic::{Arguments, Trial};
use tempfile::TempDir;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut all = Vec::new();
    all.extend(
        folders_below("tests/ui")
            .into_iter()
            .map(|folder| case("ui", folder, ui)),
    );
    all.extend(
        folders_below("tests/fmt")
            .into_iter()
            .map(|folder| case("fmt", folder, fmt)),
    );
    let platforms = platforms().into_iter();
    all.extend(platforms.map(|folder| case("committed", folder, committed)));
    all.extend(mistakes::kinds().into_iter().map(|kind| {
        let name = format!("mistakes::{}", name_of(&kind.path));
        Trial::test(name, move || {
            mistakes_of(&kind);
            Ok(())
        })
    }));
    libtest_mimic::run(&arguments, all).exit_code()
}

fn case(kind: &str, folder: PathBuf, run: fn(&Path)) -> Trial {
    Trial::test(format!("{kind}::{}", name_of(&folder)), move || {
        run(&folder);
        Ok(())
    })
}

fn name_of(path: &Path) -> String {
    let name = path.file_stem().expect("a name");
    name.to_string_lossy().into_owned()
}

fn ui(folder: &Path) {
    let compiled = compile_folder(folder);
    let text = render_human(&compiled.diagnostics, &compiled.sources, Style::PLAIN, None);
    let text = if text.is_empty() {
        "nothing to report\n".to_owned()
    } else {
        text
    };
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("expected", text));
}

fn fmt(folder: &Path) {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let formatted = |text: &str| {
        let parsed = erpc_syntax::parse(FileId(0), text);
        erpc_syntax::format(text, &parsed.file)
    };
    let made = formatted(&read("input.erp"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(folder.join("expected.erp"), &made).expect("written");
    }
    assert_eq!(made, read("expected.erp"));
    assert_eq!(formatted(&made), made, "a second time");
}

/// The test platforms commit one copy of their objects. What other targets make of them is compared by meaning
/// (`suite/gitops.rs`, `suite/helm.rs`); `delivery` shows the layout of each.
fn committed(folder: &Path) {
    let is_of_tests = folder.starts_with(repository().join("tests/platforms"));
    let has_all = !is_of_tests || folder.ends_with("delivery");
    if has_all {
        let ran = erpc(&["build".as_ref(), folder.as_os_str(), "--check".as_ref()]);
        assert_eq!(ran.exit, Exit::Done, "{}{}", ran.out, ran.err);
        return;
    }
    let out = TempDir::new().expect("a folder");
    let to = out.path().as_os_str();
    let ran = erpc(&["build".as_ref(), folder.as_os_str(), "--out".as_ref(), to]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let objects = |folder: &Path| {
        let mut files = files_below(folder);
        files.retain(|path, _| path.starts_with("lib/") || path.starts_with("share/"));
        files
    };
    let (built, committed) = (objects(out.path()), objects(folder));
    let paths: BTreeSet<&String> = built.keys().chain(committed.keys()).collect();
    let different: Vec<&String> = paths
        .into_iter()
        .filter(|path| built.get(*path) != committed.get(*path))
        .collect();
    assert!(
        different.is_empty() && !built.is_empty(),
        "run `erpc build {}` and review the changes of {different:?}",
        folder.display()
    );
}

fn mistakes_of(kind: &Kind) {
    let base = mistakes::base();
    let is_update = std::env::var_os("UPDATE_MISTAKES").is_some();
    let mut wrong = Vec::new();
    let mut made = kind.about.clone();
    for mistake in &kind.mistakes {
        let compiled = Memory::of(mistake.program(&base)).compile();
        let text = render_human(&compiled.diagnostics, &compiled.sources, Style::PLAIN, None);
        if text != mistake.expected {
            wrong.push(format!(
                "## {}\n\n{text}\nnot\n\n{}",
                mistake.title, mistake.expected
            ));
        }
        made += &format!(
            "\n\n## {}\n\n```diff\n{}\n```\n\n```text\n{text}```",
            mistake.title,
            mistake.diff.join("\n")
        );
    }
    if is_update {
        std::fs::write(&kind.path, made + "\n").expect("written");
    }
    assert!(is_update || wrong.is_empty(), "{}", wrong.join("\n"));
}
