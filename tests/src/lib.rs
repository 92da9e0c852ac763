//! What the tests share: the repository's folders, programs in memory, the command line in the
//! test's own process.

pub mod browser;
pub mod generator;
pub mod mistakes;
pub mod objects;
pub mod programs;
pub mod random;
pub mod schemas;
pub mod worst;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use erpc_cli::project::{Compiled, Project, compile};
use erpc_cli::{Console, Exit};
use erpc_diagnostics::{Style, render_human};
use erpc_emit::Object;
use erpc_model::{Files, ReadError};

/// The least time of several runs, without what it takes to drop their results.
pub fn least<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            let result = run();
            let time = start.elapsed();
            drop(result);
            time
        })
        .min()
        .unwrap_or_default()
}

/// The folder of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// The folders directly below one of the repository, sorted.
#[must_use]
pub fn folders_below(path: &str) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(repository().join(path))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// Compiles the program in a folder of the repository.
#[must_use]
pub fn compile_folder(path: &Path) -> Compiled {
    match Project::find(Some(path)) {
        Ok(project) => project.compile(),
        Err(message) => panic!("{message}"),
    }
}

/// A program that is nowhere on a disk.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: BTreeMap<String, Vec<u8>>,
}

impl Memory {
    /// A program of one file.
    #[must_use]
    pub fn of(text: impl Into<Vec<u8>>) -> Self {
        Self::default().with("platform.erp", text)
    }

    /// Adds a file.
    #[must_use]
    pub fn with(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), text.into());
        self
    }

    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// The objects that it emits; panics with its errors if it has any.
    #[must_use]
    pub fn objects(&self) -> Vec<Object> {
        let compiled = self.compile();
        let (found, sources) = (&compiled.diagnostics, &compiled.sources);
        let (platform, derived) = compiled
            .result
            .as_ref()
            .unwrap_or_else(|| panic!("{}", render_human(found, sources, Style::PLAIN, None)));
        let files = erpc_emit::objects(platform, derived, sources).into_iter();
        files.flat_map(|file| file.objects).collect()
    }

    /// Compiles it.
    #[must_use]
    pub fn compile(&self) -> Compiled {
        compile("platform.erp", self, None)
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        self.files.get(path).cloned().ok_or(ReadError::NotFound)
    }

    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        erpc_model::paths_below(self.files.keys(), path)
    }
}

/// What a run of the command line left.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub exit: Exit,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Runs `erpc` with these arguments.
#[must_use]
pub fn erpc<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = {
        let mut console = Console::plain(&mut out, &mut err);
        let program = std::iter::once(std::ffi::OsString::from("erpc"));
        let rest = arguments.iter().map(|a| a.as_ref().to_os_string());
        let exit = erpc_cli::run(program.chain(rest), &mut console);
        assert!(console.flush().is_ok(), "writing to memory cannot fail");
        exit
    };
    Ran {
        exit,
        out: String::from_utf8_lossy(&out).into_owned(),
        err: String::from_utf8_lossy(&err).into_owned(),
    }
}

/// The folders of the examples, sorted, without the public applications in `examples/imported`.
#[must_use]
pub fn examples() -> Vec<PathBuf> {
    let mut folders = folders_below("examples");
    folders.retain(|folder| folder.join("platform.erp").is_file());
    folders
}

/// The folders of every platform of the repository whose output is committed, its own one last.
#[must_use]
pub fn platforms() -> Vec<PathBuf> {
    let mut all = examples();
    all.extend(folders_below("tests/platforms"));
    all.push(repository());
    all
}

/// Every file below a folder, by its path with `/`.
#[must_use]
pub fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, at: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(at).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(root, &path, into);
            } else if let (Ok(below), Ok(bytes)) = (path.strip_prefix(root), std::fs::read(&path)) {
                into.insert(below.to_string_lossy().replace('\\', "/"), bytes);
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(folder, folder, &mut files);
    files
}
