//! The output folders on disk: what is there, what should be, and the way from one to the other.
//! The only module that writes to the disk.
//!
//! A write is all or nothing as far as a file system allows: every new text is first written
//! beside its place, and only when all of them are on disk are they renamed, one by one, or with
//! their whole folder where that is new. What stops it earlier (a full disk, an interrupt) leaves
//! the old files, and perhaps files and folders with [`STAGED`] at the end of their names, which
//! the next build removes. What fails later is undone: the old texts are put back. Only a build that is
//! killed between two renames leaves some old and some new files, and the next build ends its work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use erpc_emit::{Header, OutputFile, read_header};
use rayon::prelude::*;
use similar::TextDiff;

use crate::manifests::is_manifest;
use crate::project::describe;

/// How the name of a file or folder ends that is not yet in its place.
const STAGED: &str = ".erpc-new";

/// One step from what is to what should be.
#[derive(Debug)]
pub(crate) enum Change {
    /// A file that is not there yet.
    Create { file: OutputFile },
    /// A file of an earlier build with another text.
    Replace { file: OutputFile, old: String },
    /// A file of an earlier build that this one does not have.
    Remove { path: String, old: String },
}

impl Change {
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Create { file } | Self::Replace { file, .. } => &file.path,
            Self::Remove { path, .. } => path,
        }
    }

    pub(crate) const fn verb(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Replace { .. } => "change",
            Self::Remove { .. } => "remove",
        }
    }
}

/// A file that a build may not simply write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It was edited by hand since it was generated.
    Edited,
    /// No build generated it, and it stands where a generated file should be.
    Foreign,
}

impl Problem {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Foreign => "foreign",
        }
    }
}

/// Everything between the output folder and what it should be.
#[derive(Debug)]
pub(crate) struct Plan {
    root: PathBuf,
    /// Sorted by path.
    pub(crate) changes: Vec<Change>,
    /// Sorted by path; a text to write is there unless the file should go.
    pub(crate) problems: Vec<(String, Problem)>,
    forced: Vec<Change>,
    pub(crate) unchanged: usize,
    /// The output folders.
    folders: Vec<String>,
    /// Those that are applied as a whole.
    applied: Vec<String>,
    /// Output folders that are not there: each is written beside its place and renamed once.
    new_folders: Vec<String>,
    /// Left over from a build that was interrupted.
    leftovers: Vec<PathBuf>,
    /// Manifests that no build generated and that the platform does not accept, sorted: `kubectl
    /// apply -R` applies them with the others.
    pub(crate) unmanaged: Vec<String>,
    /// Paths that the platform accepts and that are not there.
    pub(crate) accepted_and_missing: Vec<String>,
}

/// The output folders that are applied as a whole.
const APPLIED: [&str; 2] = ["lib", "share"];

/// A manifest in an applied folder that no build generated.
pub(crate) struct Unmanaged {
    /// Its path from the output folder.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// Reads the manifests in the applied folders that no build generated.
///
/// # Errors
///
/// A sentence that names the path which cannot be read.
pub(crate) fn unmanaged(root: &Path, generated: &[OutputFile]) -> Result<Vec<Unmanaged>, String> {
    let mut found = Found::default();
    for folder in APPLIED {
        found.walk(root, folder)?;
    }
    let generated: BTreeSet<&str> = generated.iter().map(|file| file.path.as_str()).collect();
    let mut out = Vec::new();
    for (path, text) in found.files {
        if matches!(text, Text::Foreign) && is_applied(&path) && !generated.contains(path.as_str())
        {
            let full = root.join(&path);
            let bytes = fs::read(&full)
                .map_err(|error| format!("{}: {}", full.display(), describe(&error)))?;
            out.push(Unmanaged { path, bytes });
        }
    }
    Ok(out)
}

/// Whether `kubectl apply -R` applies a file of the output folder.
fn is_applied(path: &str) -> bool {
    APPLIED.iter().any(|folder| is_manifest_below(path, folder))
}

/// Whether a path is that of a manifest below a folder.
fn is_manifest_below(path: &str, folder: &str) -> bool {
    is_below(path, folder) && is_manifest(Path::new(path))
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|below| below.starts_with('/'))
}

/// Writes documents, which carry no header and belong to whoever asked for them; each appears whole
/// or not at all.
///
/// # Errors
///
/// A sentence that names the path.
pub(crate) fn write_documents(folder: &Path, files: &[(&str, String)]) -> Result<(), String> {
    let say =
        |path: &Path, error: &std::io::Error| format!("{}: {}", path.display(), describe(error));
    fs::create_dir_all(folder).map_err(|error| say(folder, &error))?;
    for (name, text) in files {
        let path = folder.join(name);
        let staged = folder.join(format!("{name}{STAGED}"));
        fs::write(&staged, text).map_err(|error| say(&path, &error))?;
        fs::rename(&staged, &path).map_err(|error| say(&path, &error))?;
    }
    Ok(())
}

impl Plan {
    /// Compares a folder with what should be in it, below `folders`; `accepted` are the paths of manifests that the
    /// platform keeps beside its own.
    ///
    /// # Errors
    ///
    /// A sentence that names the path which cannot be read.
    pub(crate) fn compare(
        root: &Path,
        files: Vec<OutputFile>,
        folders: Vec<String>,
        accepted: &[String],
    ) -> Result<Self, String> {
        let of_name = |folder: &&String| {
            APPLIED
                .iter()
                .any(|name| folder.rsplit('/').next() == Some(name))
        };
        let applied: Vec<String> = folders.iter().filter(of_name).cloned().collect();
        let is_applied = |path: &str| applied.iter().any(|folder| is_manifest_below(path, folder));
        let mut found = Found::default();
        for folder in &folders {
            found.walk(root, folder)?;
            let staged = root.join(format!("{folder}{STAGED}"));
            if staged.is_dir() {
                found.leftovers.push(staged);
            }
        }
        let new_folders = folders.iter().filter(|folder| !root.join(folder).exists());
        let mut plan = Self {
            root: root.to_path_buf(),
            changes: Vec::new(),
            problems: Vec::new(),
            forced: Vec::new(),
            unchanged: 0,
            new_folders: new_folders.cloned().collect(),
            leftovers: found.leftovers,
            applied: Vec::new(),
            folders: Vec::new(),
            unmanaged: Vec::new(),
            accepted_and_missing: accepted
                .iter()
                .filter(|path| !matches!(found.files.get(*path), Some(Text::Foreign)))
                .cloned()
                .collect(),
        };
        let mut there = found.files;
        for file in files {
            match there.remove(&file.path) {
                None => plan.changes.push(Change::Create { file }),
                Some(Text::Ours(old) | Text::Edited(old)) if old == file.text => {
                    plan.unchanged += 1;
                }
                Some(Text::Ours(old)) => plan.changes.push(Change::Replace { file, old }),
                Some(Text::Edited(old)) => {
                    plan.problems.push((file.path.clone(), Problem::Edited));
                    plan.forced.push(Change::Replace { file, old });
                }
                Some(Text::Foreign) => plan.problems.push((file.path, Problem::Foreign)),
            }
        }
        for (path, text) in there {
            match text {
                Text::Ours(old) => plan.changes.push(Change::Remove { path, old }),
                Text::Edited(old) => {
                    plan.problems.push((path.clone(), Problem::Edited));
                    plan.forced.push(Change::Remove { path, old });
                }
                Text::Foreign if is_applied(&path) && !accepted.contains(&path) => {
                    plan.unmanaged.push(path);
                }
                Text::Foreign => {}
            }
        }
        plan.changes.sort_unstable_by(|a, b| a.path().cmp(b.path()));
        plan.problems.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        (plan.folders, plan.applied) = (folders, applied);
        Ok(plan)
    }

    /// Whether a file holds objects that are applied.
    pub(crate) fn is_of_objects(&self, path: &str) -> bool {
        self.applied.iter().any(|folder| is_below(path, folder))
    }

    /// The path of a file from the folder with its `lib/`, which differs from the whole path in an environment.
    pub(crate) fn path_in_environment<'p>(&self, path: &'p str) -> &'p str {
        let folder = self.folders.iter().find(|folder| is_below(path, folder));
        let before = folder.and_then(|folder| folder.rfind('/'));
        before.map_or(path, |before| &path[before + 1..])
    }

    /// The output folder of a file.
    pub(crate) fn folder_of<'p>(&'p self, path: &'p str) -> &'p str {
        let mut folders = self.folders.iter();
        folders
            .find(|folder| is_below(path, folder))
            .map_or(path, String::as_str)
    }

    /// Whether everything is as it should be.
    pub(crate) fn is_clean(&self) -> bool {
        self.changes.is_empty() && self.problems.is_empty() && self.unmanaged.is_empty()
    }

    /// The changes as a unified diff, those of edited files included.
    pub(crate) fn diff(&self) -> String {
        let mut changes: Vec<&Change> = self.changes.iter().chain(&self.forced).collect();
        changes.sort_unstable_by(|a, b| a.path().cmp(b.path()));
        let mut out = String::new();
        for change in changes {
            let (path, old, new) = match change {
                Change::Create { file } => (&file.path, "", file.text.as_str()),
                Change::Replace { file, old } => (&file.path, old.as_str(), file.text.as_str()),
                Change::Remove { path, old } => (path, old.as_str(), ""),
            };
            let before = if old.is_empty() {
                "/dev/null".to_owned()
            } else {
                format!("a/{path}")
            };
            let after = if new.is_empty() {
                "/dev/null".to_owned()
            } else {
                format!("b/{path}")
            };
            let diff = TextDiff::from_lines(old, new);
            out.push_str(&diff.unified_diff().header(&before, &after).to_string());
        }
        out
    }

    /// Makes the folder what it should be; edited files are overwritten.
    ///
    /// # Errors
    ///
    /// A sentence that names the path. If it is about writing, nothing has changed.
    pub(crate) fn write(&self) -> Result<(), String> {
        for path in &self.leftovers {
            remove(path)?;
        }
        let changes: Vec<&Change> = self.changes.iter().chain(&self.forced).collect();
        let staged: Vec<&OutputFile> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Create { file } | Change::Replace { file, .. } => Some(file),
                Change::Remove { .. } => None,
            })
            .collect();
        let made = self.make_folders(&staged)?;
        let results: Vec<Result<(), String>> =
            staged.par_iter().map(|file| self.stage(file)).collect();
        if let Some(Err(message)) = results.into_iter().find(Result::is_err) {
            let left = self.unstage(&staged, &made);
            return Err(with_leftovers(message, &left));
        }
        let mut done = Done::default();
        let Err(message) = self.put(&changes, &mut done) else {
            return Ok(());
        };
        let mut stays = self.put_back(&done);
        stays.extend(self.unstage(&staged, &made));
        Err(match stays.as_slice() {
            [] => format!("{message}; nothing was changed"),
            stays => format!(
                "{message}; and what was written before cannot be put back: {}",
                stays.join(", ")
            ),
        })
    }

    /// Removes staged files and the folders that were made for them; gives what cannot be removed.
    fn unstage(&self, staged: &[&OutputFile], made: &[PathBuf]) -> Vec<String> {
        let files = staged
            .iter()
            .map(|file| remove(&self.staged_path(&file.path)));
        let mut left: Vec<String> = files.filter_map(Result::err).collect();
        left.extend(remove_folders(made));
        left
    }

    /// Puts what was staged in its place and removes what goes. What was done is in `done`, whether all of
    /// it succeeds or not.
    fn put<'c>(&'c self, changes: &[&'c Change], done: &mut Done<'c>) -> Result<(), String> {
        let rename = |from: &Path, to: &Path| {
            fs::rename(from, to).map_err(|error| format!("{}: {}", to.display(), describe(&error)))
        };
        for folder in &self.new_folders {
            let from = self.root.join(format!("{folder}{STAGED}"));
            if from.exists() {
                rename(&from, &self.root.join(folder))?;
                done.folders.push(folder);
            }
        }
        let results: Vec<Result<&Change, String>> = changes
            .par_iter()
            .filter(|change| !matches!(change, Change::Remove { .. }))
            .filter(|change| self.new_folder_of(change.path()).is_none())
            .map(|change| {
                let path = change.path();
                rename(&self.staged_path(path), &self.root.join(path)).map(|()| *change)
            })
            .collect();
        let mut failed = Ok(());
        for result in results {
            match result {
                Ok(change) => done.changes.push(change),
                Err(message) => failed = Err(message),
            }
        }
        failed?;
        for change in changes {
            if let Change::Remove { path, .. } = change {
                let path = self.root.join(path);
                remove(&path)?;
                done.changes.push(change);
                self.remove_empty_folders(&path);
            }
        }
        Ok(())
    }

    /// Takes back what was done, in the opposite order; gives what cannot be.
    fn put_back(&self, done: &Done<'_>) -> Vec<String> {
        let mut stays = Vec::new();
        for change in done.changes.iter().rev() {
            let path = self.root.join(change.path());
            let put_back = match change {
                Change::Create { .. } => remove(&path),
                Change::Replace { old, .. } | Change::Remove { old, .. } => put_text(&path, old),
            };
            stays.extend(put_back.err());
        }
        for folder in done.folders.iter().rev() {
            stays.extend(remove(&self.root.join(folder)).err());
        }
        stays
    }

    /// The output folder of a path and the path in it, where the folder is new.
    fn new_folder_of<'p>(&self, path: &'p str) -> Option<(&'p str, &'p str)> {
        self.new_folders.iter().find_map(|folder| {
            let below = path.strip_prefix(folder.as_str())?.strip_prefix('/')?;
            Some((&path[..folder.len()], below))
        })
    }

    fn staged_path(&self, path: &str) -> PathBuf {
        self.root.join(match self.new_folder_of(path) {
            Some((folder, below)) => format!("{folder}{STAGED}/{below}"),
            None => format!("{path}{STAGED}"),
        })
    }

    fn stage(&self, file: &OutputFile) -> Result<(), String> {
        let path = self.staged_path(&file.path);
        fs::write(&path, &file.text).map_err(|error| {
            format!(
                "{}: {}; nothing was written",
                self.root.join(&file.path).display(),
                describe(&error)
            )
        })
    }

    /// Makes the folders of new files, where these are staged; gives those that were not there,
    /// outer before inner.
    fn make_folders(&self, files: &[&OutputFile]) -> Result<Vec<PathBuf>, String> {
        let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
        for file in files {
            let staged = self.staged_path(&file.path);
            let inner = staged.ancestors().skip(1);
            for folder in inner.take_while(|folder| *folder != self.root) {
                if !folders.insert(folder.to_path_buf()) {
                    break;
                }
            }
        }
        fs::create_dir_all(&self.root)
            .map_err(|error| format!("{}: {}", self.root.display(), describe(&error)))?;
        let mut made = Vec::new();
        for path in folders {
            match fs::create_dir(&path) {
                Ok(()) => made.push(path),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) => {
                    let left = remove_folders(&made);
                    let message = format!("{}: {}", path.display(), describe(&error));
                    return Err(with_leftovers(message, &left));
                }
            }
        }
        Ok(made)
    }

    /// Removes the folders that the removal of a file left empty, up to the output folder.
    fn remove_empty_folders(&self, path: &Path) {
        let mut folder = path.parent();
        while let Some(path) = folder.filter(|path| *path != self.root) {
            // A folder that is not empty refuses, which is what is wanted.
            if fs::remove_dir(path).is_err() {
                break;
            }
            folder = path.parent();
        }
    }
}

/// What a write has done so far.
#[derive(Default)]
struct Done<'c> {
    folders: Vec<&'c str>,
    changes: Vec<&'c Change>,
}

/// Why a build stopped, with what it could not clean up.
fn with_leftovers(message: String, left: &[String]) -> String {
    match left {
        [] => message,
        left => format!("{message}; what is left over: {}", left.join(", ")),
    }
}

/// Removes folders that a build made, inner before outer; gives those that cannot be removed. One that has got
/// a file of another origin meanwhile stays.
fn remove_folders(made: &[PathBuf]) -> Vec<String> {
    let mut left = Vec::new();
    for folder in made.iter().rev() {
        match fs::remove_dir(folder) {
            Ok(()) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound
                ) => {}
            Err(error) => left.push(format!("{}: {}", folder.display(), describe(&error))),
        }
    }
    left
}

/// Writes a text whole or not at all, with the folders that it needs.
fn put_text(path: &Path, text: &str) -> Result<(), String> {
    let mut staged = path.as_os_str().to_owned();
    staged.push(STAGED);
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&staged, text)?;
        fs::rename(&staged, path)
    };
    write().map_err(|error| format!("{}: {}", path.display(), describe(&error)))
}

fn remove(path: &Path) -> Result<(), String> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("{}: {}", path.display(), describe(&error))),
    }
}

enum Text {
    Ours(String),
    Edited(String),
    Foreign,
}

#[derive(Default)]
struct Found {
    files: BTreeMap<String, Text>,
    leftovers: Vec<PathBuf>,
}

impl Found {
    /// Reads the files below a folder. What is a link, or is not text, is not ours.
    fn walk(&mut self, root: &Path, folder: &str) -> Result<(), String> {
        let path = root.join(folder);
        let fail = |error: &std::io::Error| format!("{}: {}", path.display(), describe(error));
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(fail(&error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| fail(&error))?;
            let kind = entry.file_type().map_err(|error| fail(&error))?;
            // Every generated file has a name in UTF-8, so that another one is not ours.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let below = format!("{folder}/{name}");
            if kind.is_dir() {
                self.walk(root, &below)?;
            } else if !kind.is_file() {
                self.files.insert(below, Text::Foreign);
            } else if name.ends_with(STAGED) {
                self.leftovers.push(entry.path());
            } else {
                let bytes = fs::read(entry.path())
                    .map_err(|error| format!("{}: {}", entry.path().display(), describe(&error)))?;
                let text = match String::from_utf8(bytes) {
                    Ok(text) => match read_header(&text) {
                        Header::Ours => Text::Ours(text),
                        Header::Edited => Text::Edited(text),
                        Header::Foreign => Text::Foreign,
                    },
                    Err(_) => Text::Foreign,
                };
                self.files.insert(below, text);
            }
        }
        Ok(())
    }
}
