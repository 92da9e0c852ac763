//! A program as it was at a revision of Git, read through the git command.

use std::path::Path;
use std::process::{Command, Output};

use erpc_cluster::SourceRevision;
use erpc_model::{Files, MAX_FILES, MAX_SOURCE_BYTES, ReadError};

use crate::project::{Compiled, Project, compile, too_many_files};

/// A program at a revision.
pub(crate) struct Revision<'p> {
    project: &'p Project,
    /// The commit.
    commit: String,
    /// The folder of the program in the repository, with `/` at its end; empty for its root.
    prefix: String,
}

impl<'p> Revision<'p> {
    /// The program of `project` at a revision.
    ///
    /// # Errors
    ///
    /// A sentence for the user: no Git, no repository, no such revision.
    pub(crate) fn open(project: &'p Project, name: &str) -> Result<Self, String> {
        let prefix = git(&project.folder, &["rev-parse", "--show-prefix"])?;
        if !prefix.status.success() {
            return Err(format!(
                "`{name}` is no folder, and {} is in no repository of Git",
                project.folder.display()
            ));
        }
        let object = format!("{name}^{{commit}}");
        let arguments = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &object,
        ];
        let commit = git(&project.folder, &arguments)?;
        if !commit.status.success() {
            return Err(format!("`{name}` is no folder and no revision of Git"));
        }
        let text = |output: Output| String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Self {
            project,
            commit: text(commit),
            prefix: text(prefix),
        })
    }

    /// What Git calls a file or folder; `None` for one outside of the repository. Git does not follow `..`.
    fn object(&self, path: &str) -> Option<String> {
        let mut parts: Vec<&str> = Vec::new();
        for part in self.prefix.split('/').chain(path.split('/')) {
            match part {
                "" => {}
                ".." => {
                    parts.pop()?;
                }
                part => parts.push(part),
            }
        }
        Some(format!("{}:{}", self.commit, parts.join("/")))
    }

    /// Runs all stages over it.
    pub(crate) fn compile(&self) -> Compiled {
        compile(&self.project.root, self, self.project.profile.as_deref())
    }
}

impl Files for Revision<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let object = self.object(path).ok_or(ReadError::NotFound)?;
        let size =
            git(&self.project.folder, &["cat-file", "-s", &object]).map_err(ReadError::Other)?;
        if !size.status.success() {
            return Err(ReadError::NotFound);
        }
        let size = String::from_utf8_lossy(&size.stdout);
        let size: u64 = size
            .trim()
            .parse()
            .map_err(|_| ReadError::Other(format!("git gives `{size}` as its size")))?;
        if size > MAX_SOURCE_BYTES {
            return Err(ReadError::TooLarge(size));
        }
        let blob =
            git(&self.project.folder, &["cat-file", "blob", &object]).map_err(ReadError::Other)?;
        if !blob.status.success() {
            return Err(ReadError::Other("it is no file there".to_owned()));
        }
        Ok(blob.stdout)
    }

    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        let object = self.object(path).ok_or(ReadError::NotFound)?;
        let object = object.trim_end_matches('/');
        let arguments = ["ls-tree", "-r", "-z", "--name-only", object];
        let listed = git(&self.project.folder, &arguments).map_err(ReadError::Other)?;
        if !listed.status.success() {
            return Err(ReadError::NotFound);
        }
        let names = String::from_utf8_lossy(&listed.stdout);
        let names = names.split_terminator('\0');
        let shown = names.filter(|name| name.split('/').all(|part| !part.starts_with('.')));
        let in_folder = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        };
        let files: Vec<String> = shown.map(in_folder).collect();
        if files.len() > MAX_FILES {
            return Err(too_many_files());
        }
        Ok(files)
    }

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        self.project.library(module)
    }
}

/// The commit that the working tree of a folder is based on; `None` outside of a repository, before its
/// first commit, and without Git.
pub(crate) fn of_working_tree(folder: &Path) -> Option<SourceRevision> {
    let said = |arguments: &[&str]| {
        // Without Git there is no revision, and a release is recorded without one.
        let output = git(folder, arguments).ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    };
    let commit = said(&["rev-parse", "--verify", "--quiet", "HEAD"])?;
    // Files beside the program's folder do not make the program another.
    let changes = said(&["status", "--porcelain", "--", "."])?;
    Some(SourceRevision {
        commit,
        is_modified: !changes.is_empty(),
    })
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Output, String> {
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .map_err(|error| format!("git cannot be run: {}", crate::project::describe(&error)))
}
