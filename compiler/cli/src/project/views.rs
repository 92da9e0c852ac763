//! Programs that are read in another way: with files replaced, from the history of a platform, or with a record
//! of what was read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use erpc_cluster::SourceSnapshot;
use erpc_model::{Files, ReadError, paths_below};

use super::{Compiled, Project, compile};

type Texts = BTreeMap<String, Vec<u8>>;

/// A program of which is kept what is read.
pub(super) struct Recorder<'p> {
    project: &'p Project,
    files: Mutex<Texts>,
    modules: Mutex<Texts>,
}

impl<'p> Recorder<'p> {
    pub(super) fn new(project: &'p Project) -> Self {
        Self {
            project,
            files: Mutex::default(),
            modules: Mutex::default(),
        }
    }

    /// What was read.
    pub(super) fn into_snapshot(self) -> SourceSnapshot {
        // A poisoned lock holds what was read until then, which is what is asked for.
        let read = |texts: Mutex<_>| texts.into_inner().unwrap_or_else(PoisonError::into_inner);
        SourceSnapshot {
            root: self.project.root.clone(),
            files: read(self.files),
            modules: read(self.modules),
            revision: crate::revision::of_working_tree(&self.project.folder),
        }
    }
}

fn keep(texts: &Mutex<Texts>, name: &str, bytes: &[u8]) {
    let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
    texts.insert(name.to_owned(), bytes.to_vec());
}

impl Files for Recorder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let bytes = self.project.read(path)?;
        keep(&self.files, path, &bytes);
        Ok(bytes)
    }

    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        self.project.below(path)
    }

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        let found = self.project.library(module);
        if let Some(Ok(bytes)) = &found {
            keep(&self.modules, module, bytes);
        }
        found
    }
}

/// A source as the history of a platform keeps it.
pub(crate) struct Stored<'s>(pub(crate) &'s SourceSnapshot);

impl Files for Stored<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        self.0.files.get(path).cloned().ok_or(ReadError::NotFound)
    }

    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        paths_below(self.0.files.keys(), path)
    }

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        let stored = self.0.modules.get(module).cloned();
        let own = || erpc_model::stdlib(module).map(|text| text.as_bytes().to_vec());
        stored.or_else(own).map(Ok)
    }
}

/// A program with some of its files replaced.
pub(crate) struct Overlay<'p> {
    pub(crate) project: &'p Project,
    pub(crate) texts: BTreeMap<String, String>,
}

impl<'p> Overlay<'p> {
    /// With none replaced yet.
    pub(crate) const fn of(project: &'p Project) -> Self {
        Self {
            project,
            texts: BTreeMap::new(),
        }
    }

    /// Runs all stages over it.
    pub(crate) fn compile(&self) -> Compiled {
        compile(&self.project.root, self, self.project.profile.as_deref())
    }
}

impl Files for Overlay<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        match self.texts.get(path) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => self.project.read(path),
        }
    }

    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        self.project.below(path)
    }

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        self.project.library(module)
    }
}

/// A project of which every file that is read is remembered with its stamp from before.
pub(crate) struct Watched<'p> {
    project: &'p Project,
    seen: Mutex<BTreeMap<PathBuf, Stamp>>,
}

/// When a file was written last, and how long it is; `None` if it is not there.
pub(crate) type Stamp = Option<(SystemTime, u64)>;

pub(crate) fn stamp(path: &Path) -> Stamp {
    // A file that cannot be looked at counts as missing: the compilation says why it cannot be read, and the next
    // look notices when it can.
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl<'p> Watched<'p> {
    pub(crate) const fn of(project: &'p Project) -> Self {
        Self {
            project,
            seen: Mutex::new(BTreeMap::new()),
        }
    }

    /// Runs all stages.
    pub(crate) fn compile(&self) -> Compiled {
        let profile = self.project.profile.as_deref();
        let mut compiled = compile(&self.project.root, self, profile);
        self.project.locate(&mut compiled);
        compiled
    }

    /// The files that were read or looked for, with their stamps from before.
    pub(crate) fn into_files(self) -> BTreeMap<PathBuf, Stamp> {
        // A thread that panicked has left whole entries.
        self.seen
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, path: PathBuf) {
        let stamp = stamp(&path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entry(path).or_insert(stamp);
    }
}

impl Files for Watched<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        self.remember(self.project.folder.join(path));
        self.project.read(path)
    }

    /// A folder is written when a file in it comes or goes.
    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        self.remember(self.project.folder.join(path));
        let found = self.project.below(path);
        let files = found.iter().flatten();
        let folders = files.filter_map(|file| file.rsplit_once('/'));
        let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
        for folder in folders {
            self.remember(self.project.folder.join(folder));
        }
        found
    }

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        if let Some(folder) = &self.project.stdlib {
            self.remember(folder.join(format!("{module}.erp")));
        }
        self.project.library(module)
    }
}
