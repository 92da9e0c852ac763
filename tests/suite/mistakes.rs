//! The corpus of mistakes: `tests/mistakes/<kind>.md` holds, for each mistake, the change of
//! `tests/mistakes/base.erp` that makes it and all that `erpc check` prints about it. To add one, write a
//! heading and the ```` ```diff ```` block, run the tests with `UPDATE_MISTAKES=1`, and read what came out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use erpc_diagnostics::{Diagnostic, Style, render_human};
use erpc_tests::{Memory, repository};

/// The mistakes that the corpus must have at least.
const MISTAKES: usize = 180;
/// How many each kind must have at least.
const OF_EACH_KIND: usize = 5;

/// One mistake.
struct Mistake {
    /// The file that it is in, without its ending.
    kind: String,
    title: String,
    /// The lines of the block: ` ` stays, `-` goes, `+` comes.
    diff: Vec<String>,
    expected: String,
}

/// The mistakes of one file, in its order.
struct Kind {
    path: PathBuf,
    /// What stands before the first mistake.
    about: String,
    mistakes: Vec<Mistake>,
}

fn base() -> String {
    std::fs::read_to_string(repository().join("tests/mistakes/base.erp")).expect("the base")
}

fn kinds() -> Vec<Kind> {
    let folder = repository().join("tests/mistakes");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the corpus")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.sort();
    paths.into_iter().map(kind).collect()
}

fn kind(path: PathBuf) -> Kind {
    let text = std::fs::read_to_string(&path).expect("a file of the corpus");
    let mut parts = text.split("\n## ");
    let about = parts.next().unwrap_or_default().trim_end().to_owned();
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mistakes = parts.map(|part| mistake(&name, part)).collect();
    Kind {
        path,
        about,
        mistakes,
    }
}

fn mistake(kind: &str, text: &str) -> Mistake {
    let (title, rest) = text.split_once('\n').unwrap_or((text, ""));
    let block = |fence: &str| {
        let (_, rest) = rest.split_once(fence)?;
        rest.split_once("\n```").map(|(block, _)| block)
    };
    let diff = block("```diff\n").unwrap_or_else(|| panic!("`{title}` has no diff"));
    Mistake {
        kind: kind.to_owned(),
        title: title.to_owned(),
        diff: diff.lines().map(str::to_owned).collect(),
        expected: block("```text\n").unwrap_or_default().to_owned() + "\n",
    }
}

impl Mistake {
    fn lines(&self, signs: [char; 2]) -> Vec<&str> {
        let lines = self.diff.iter();
        lines.filter_map(|line| line.strip_prefix(signs)).collect()
    }

    /// The first line of the base that the change is about.
    fn line(&self, base: &[&str]) -> usize {
        let old = self.lines([' ', '-']);
        let found: Vec<usize> = (0..=base.len().saturating_sub(old.len()))
            .filter(|at| base[*at..].starts_with(&old))
            .collect();
        match found.as_slice() {
            [at] => *at,
            [] => panic!("`{}`: {old:#?} is not in the base", self.title),
            _ => panic!("`{}`: {old:#?} is in the base more than once", self.title),
        }
    }

    /// The lines of the base that the change touches.
    fn touched(&self, base: &[&str]) -> std::ops::Range<usize> {
        let at = self.line(base);
        at..at + self.lines([' ', '-']).len()
    }

    fn program(&self, base: &str) -> String {
        with_mistakes(base, &[self])
    }

    /// The lines of the changed program, from 1, on which something is new.
    fn new_lines(&self, base: &[&str]) -> BTreeSet<usize> {
        let mut line = self.line(base);
        let mut new = BTreeSet::new();
        for text in &self.diff {
            if !text.starts_with('-') {
                line += 1;
            }
            if text.starts_with('+') {
                new.insert(line);
            }
        }
        new
    }
}

/// The base with several changes, which do not overlap.
fn with_mistakes(base: &str, mistakes: &[&Mistake]) -> String {
    let lines: Vec<&str> = base.lines().collect();
    let mut changes: BTreeMap<usize, &Mistake> = BTreeMap::new();
    for mistake in mistakes {
        changes.insert(mistake.line(&lines), mistake);
    }
    let mut out: Vec<&str> = Vec::new();
    let mut at = 0;
    for (start, mistake) in changes {
        out.extend(&lines[at..start]);
        out.extend(mistake.lines([' ', '+']));
        at = start + mistake.lines([' ', '-']).len();
    }
    out.extend(&lines[at..]);
    out.join("\n") + "\n"
}

/// The title and the program of each mistake.
pub(crate) fn programs() -> Vec<(String, String)> {
    let base = base();
    let mistakes = kinds().into_iter().flat_map(|kind| kind.mistakes);
    mistakes
        .map(|mistake| (mistake.title.clone(), mistake.program(&base)))
        .collect()
}

fn findings(program: &str) -> Vec<Diagnostic> {
    Memory::of(program)
        .compile()
        .diagnostics
        .into_iter()
        .collect()
}

#[test]
fn the_base_has_no_mistake() {
    assert_eq!(findings(&base()), []);
}

#[test]
fn every_mistake_is_said_as_expected() {
    let base = base();
    let is_update = std::env::var_os("UPDATE_MISTAKES").is_some();
    let mut wrong = Vec::new();
    for kind in kinds() {
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
    }
    assert!(is_update || wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mistake_is_one_finding_at_its_line() {
    let base = base();
    let lines: Vec<&str> = base.lines().collect();
    let (mut seen, mut wrong) = (0, Vec::new());
    for kind in kinds() {
        let count = kind.mistakes.len();
        assert!(count >= OF_EACH_KIND, "{}: {count}", kind.path.display());
        seen += count;
        for mistake in &kind.mistakes {
            let compiled = Memory::of(mistake.program(&base)).compile();
            let found = compiled.diagnostics.as_slice();
            let [finding] = found else {
                wrong.push(format!("{}: {} findings", mistake.title, found.len()));
                continue;
            };
            let new = mistake.new_lines(&lines);
            let line = compiled
                .sources
                .get(finding.span().file)
                .map(|source| source.line_column(finding.span().start).line);
            if !new.is_empty() && !line.is_some_and(|line| new.contains(&line)) {
                wrong.push(format!("{}: at line {line:?}, not {new:?}", mistake.title));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen >= MISTAKES, "{seen} mistakes");
}

/// What a finding says without its places: several mistakes in one file move each other's lines.
fn said(finding: &Diagnostic) -> String {
    format!("{}: {}", finding.code.id, finding.message)
}

/// As many of the mistakes, in their order, as touch no line that another one touches. Of two braces
/// that are missing one may close what the other opens, so there is one such mistake at most.
fn compatible<'m>(base: &[&str], mistakes: impl Iterator<Item = &'m Mistake>) -> Vec<&'m Mistake> {
    let mut taken = BTreeSet::new();
    let mut has_brace = false;
    mistakes
        .filter(|mistake| {
            let touched = mistake.touched(base);
            let is_brace = mistake.kind == "missing-braces";
            let is_free =
                touched.clone().all(|line| !taken.contains(&line)) && !(is_brace && has_brace);
            if is_free {
                has_brace |= is_brace;
                taken.extend(touched);
            }
            is_free
        })
        .collect()
}

/// The findings of several mistakes in one file that are not those of each alone, and the other way
/// round.
fn differences(base: &str, mistakes: &[&Mistake]) -> (Vec<String>, Vec<String>) {
    let mut together: Vec<String> = findings(&with_mistakes(base, mistakes))
        .iter()
        .map(said)
        .collect();
    let mut missing = Vec::new();
    for mistake in mistakes {
        for alone in findings(&mistake.program(base)) {
            let alone = said(&alone);
            match together.iter().position(|said| *said == alone) {
                Some(at) => drop(together.remove(at)),
                None => missing.push(format!("{}: {alone}", mistake.title)),
            }
        }
    }
    (missing, together)
}

const MANY: usize = 40;
const MANY_FILE: &str = "tests/ui/forty-mistakes-are-forty-findings/platform.erp";

/// Mistakes of which one is a consequence of another in the same file, or is found only where nothing
/// else is wrong.
fn stands_alone(mistake: &Mistake) -> bool {
    !mistake.expected.starts_with("warning")
}

/// One of each kind in turn, until there are forty: the file that holds them all is a case of its own,
/// with its findings, and says nothing but what each says alone.
#[test]
fn forty_mistakes_in_one_file_are_forty_findings() {
    let base = base();
    let lines: Vec<&str> = base.lines().collect();
    let kinds = kinds();
    let longest = kinds
        .iter()
        .map(|kind| kind.mistakes.len())
        .max()
        .unwrap_or(0);
    let in_turn =
        (0..longest).flat_map(|n| kinds.iter().filter_map(move |kind| kind.mistakes.get(n)));
    let mut chosen = compatible(&lines, in_turn.filter(|mistake| stands_alone(mistake)));
    assert!(chosen.len() >= MANY, "{} fit in one file", chosen.len());
    chosen.truncate(MANY);
    let program = with_mistakes(&base, &chosen);
    let path = repository().join(MANY_FILE);
    if std::env::var_os("UPDATE_MISTAKES").is_some() {
        std::fs::write(&path, &program).expect("written");
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), program);
    assert_eq!(differences(&base, &chosen), (vec![], vec![]));
    assert_eq!(findings(&program).len(), MANY);
}

/// The program with the first fix of each finding.
fn fixed(program: &str, findings: &[Diagnostic]) -> String {
    let mut edits: Vec<_> = findings
        .iter()
        .filter_map(|f| f.fixes.first())
        .flat_map(|f| &f.edits)
        .collect();
    edits.sort_by_key(|edit| edit.span);
    let mut text = program.to_owned();
    for edit in edits.iter().rev() {
        text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
    }
    text
}

/// A fix removes its finding, and what it leaves has no other: at the most it brings to light what the
/// mistake hid.
#[test]
fn the_fix_of_a_mistake_leaves_fewer() {
    let base = base();
    let (mut tried, mut whole, mut wrong) = (0, 0, Vec::new());
    for kind in kinds() {
        for mistake in &kind.mistakes {
            let program = mistake.program(&base);
            let before = findings(&program);
            if before.iter().all(|finding| finding.fixes.is_empty()) {
                continue;
            }
            tried += 1;
            let text = fixed(&program, &before);
            let after = findings(&text);
            if after.is_empty() {
                whole += 1;
            } else {
                wrong.push(format!(
                    "{}: {:?}",
                    mistake.title,
                    after.iter().map(said).collect::<Vec<_>>()
                ));
            }
            if after.len() >= before.len() {
                let changed: Vec<&str> = text
                    .lines()
                    .filter(|line| !program.lines().any(|old| old == *line))
                    .collect();
                wrong.push(format!("  not fewer: {changed:?}"));
            }
        }
    }
    println!("{whole} of {tried} fixes leave a program without a mistake");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tried >= 150, "{tried} mistakes have a fix");
}
