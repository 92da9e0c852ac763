//! What is true of all mistakes of the corpus, and of several in one file. What `erpc check` prints about each is
//! in `tests/cases`.

use std::collections::BTreeSet;

use erpc_diagnostics::Diagnostic;
use erpc_tests::mistakes::{Mistake, base, kinds, with_mistakes};
use erpc_tests::{Memory, repository};

/// The mistakes that the corpus must have at least.
const MISTAKES: usize = 180;
/// How many each kind must have at least.
const OF_EACH_KIND: usize = 5;

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
