//! The corpus of mistakes: `tests/mistakes/<kind>.md` holds, for each mistake, the change of
//! `tests/mistakes/base.erp` that makes it and all that `erpc check` prints about it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::repository;

/// One mistake.
pub struct Mistake {
    /// The file that it is in, without its ending.
    pub kind: String,
    /// Its heading.
    pub title: String,
    /// The lines of the block: ` ` stays, `-` goes, `+` comes.
    pub diff: Vec<String>,
    /// All that `erpc check` prints about it.
    pub expected: String,
}

/// The mistakes of one file, in its order.
pub struct Kind {
    /// Its file.
    pub path: PathBuf,
    /// What stands before the first mistake.
    pub about: String,
    /// In the order of the file.
    pub mistakes: Vec<Mistake>,
}

/// The program that each mistake changes.
#[must_use]
pub fn base() -> String {
    std::fs::read_to_string(repository().join("tests/mistakes/base.erp")).expect("the base")
}

/// Every file of the corpus.
#[must_use]
pub fn kinds() -> Vec<Kind> {
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
    /// The lines of the block with one of two signs.
    #[must_use]
    pub fn lines(&self, signs: [char; 2]) -> Vec<&str> {
        let lines = self.diff.iter();
        lines.filter_map(|line| line.strip_prefix(signs)).collect()
    }

    /// The first line of the base that the change is about.
    #[must_use]
    pub fn line(&self, base: &[&str]) -> usize {
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
    #[must_use]
    pub fn touched(&self, base: &[&str]) -> std::ops::Range<usize> {
        let at = self.line(base);
        at..at + self.lines([' ', '-']).len()
    }

    /// The program with this mistake.
    #[must_use]
    pub fn program(&self, base: &str) -> String {
        with_mistakes(base, &[self])
    }

    /// The lines of the changed program, from 1, on which something is new.
    #[must_use]
    pub fn new_lines(&self, base: &[&str]) -> BTreeSet<usize> {
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
#[must_use]
pub fn with_mistakes(base: &str, mistakes: &[&Mistake]) -> String {
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
