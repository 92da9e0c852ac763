//! A program on disk: finding its root file and reading its files. The only place that touches the disk on the
//! way in. `stages` compiles it, `views` reads it in other ways.

mod stages;
mod views;

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use erpc_cluster::SourceSnapshot;
use erpc_diagnostics::{Located, percent_encoded};
use erpc_model::{Files, MAX_FILES, MAX_SOURCE_BYTES, ReadError};

pub(crate) use stages::Under;
pub use stages::{Checked, Compiled, compile, compile_all};
use views::Recorder;
pub(crate) use views::{Overlay, Stored, Watched, stamp};

/// The name of a program's root file.
pub const ROOT_FILE: &str = "platform.erp";

/// Where a program is.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder of the root file.
    pub folder: PathBuf,
    /// The root file's name in it.
    pub root: String,
    /// A folder whose modules come before those of the binary: `--stdlib DIR`.
    pub stdlib: Option<PathBuf>,
    /// The profile under which it is compiled: `--profile NAME`.
    pub profile: Option<String>,
}

impl Project {
    /// The program that `path` names: a folder, a file, or, without one, the nearest
    /// `platform.erp` from the working folder upwards.
    ///
    /// # Errors
    ///
    /// A sentence for the user where there is none.
    pub fn find(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else {
            return Self::nearest();
        };
        let metadata = std::fs::metadata(path)
            .map_err(|error| format!("{}: {}", path.display(), describe(&error)))?;
        let file = if metadata.is_dir() {
            path.join(ROOT_FILE)
        } else {
            path.to_path_buf()
        };
        if metadata.is_dir() && !file.exists() {
            return Err(format!(
                "{}: there is no {ROOT_FILE} in this folder; `erpc init` makes one",
                path.display()
            ));
        }
        Self::of_file(&file)
    }

    fn nearest() -> Result<Self, String> {
        let start = std::env::current_dir()
            .map_err(|error| format!("the working folder: {}", describe(&error)))?;
        let mut folder = start.as_path();
        loop {
            let file = folder.join(ROOT_FILE);
            if file.is_file() {
                return Self::of_file(&file);
            }
            match folder.parent() {
                Some(parent) => folder = parent,
                None => {
                    return Err(format!(
                        "there is no {ROOT_FILE} in {} or above it; `erpc init` makes one",
                        start.display()
                    ));
                }
            }
        }
    }

    fn of_file(file: &Path) -> Result<Self, String> {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| format!("{}: not the path of a file", file.display()))?;
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        Ok(Self {
            folder,
            root: name.to_owned(),
            stdlib: None,
            profile: None,
        })
    }

    /// Runs all stages: read, parse, resolve, derive, check.
    #[must_use]
    pub fn compile(&self) -> Compiled {
        let mut compiled = compile(&self.root, self, self.profile.as_deref());
        self.locate(&mut compiled);
        compiled
    }

    /// Runs all stages and keeps what they read.
    pub(crate) fn compile_recorded(&self) -> (Compiled, SourceSnapshot) {
        let recorder = Recorder::new(self);
        let mut compiled = compile(&self.root, &recorder, self.profile.as_deref());
        self.locate(&mut compiled);
        (compiled, recorder.into_snapshot())
    }

    /// Runs all stages, the ones behind `resolve` once without a profile and once under each.
    #[must_use]
    pub fn compile_all(&self) -> Compiled {
        let mut compiled = compile_all(&self.root, self);
        self.locate(&mut compiled);
        compiled
    }

    /// Says where the program's files can be opened; those of the library are in the binary.
    fn locate(&self, compiled: &mut Compiled) {
        // Without it, findings have paths but no links; that the folder cannot be read is among them.
        let Ok(folder) = self.folder.canonicalize() else {
            return;
        };
        let here = std::env::current_dir().and_then(|here| here.canonicalize());
        compiled.sources.locate(|path| {
            let path = folder.join(path);
            if !path.is_file() {
                return Located::default();
            }
            let shown = |path: &Path| path.to_str().map(|path| path.replace('\\', "/"));
            // Without a working directory, paths are shown from the project.
            let here = here.as_ref().ok();
            let below = here.and_then(|here| path.strip_prefix(here).ok());
            Located {
                url: path
                    .to_str()
                    .map(|path| format!("file://{}", percent_encoded(path))),
                below: below.and_then(shown),
                from_here: here.and_then(|here| shown(&seen_from(here, &path))),
            }
        });
    }
}

/// A path as seen from a folder: the whole of it where the two have nothing in common but the
/// root. Both are canonical.
fn seen_from(here: &Path, path: &Path) -> PathBuf {
    let common = here
        .components()
        .zip(path.components())
        .take_while(|(a, b)| a == b)
        .count();
    if common < 2 {
        return path.to_path_buf();
    }
    let up = here.components().skip(common).map(|_| Component::ParentDir);
    up.chain(path.components().skip(common)).collect()
}

impl Files for Project {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let named = self.folder.join(path);
        let real = named.canonicalize().map_err(|error| refusal(&error))?;
        // A path leaves the project only as far as its `root` allows.
        let above = path.split('/').take_while(|part| *part == "..");
        let folder = above.fold(self.folder.clone(), |folder, part| folder.join(part));
        let folder = folder.canonicalize().map_err(|error| refusal(&error))?;
        if !real.starts_with(&folder) {
            return Err(ReadError::Other(format!(
                "a symbolic link leads out of the project directory, to `{}`",
                real.display()
            )));
        }
        read_limited(&real)
    }

    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        let mut files = Vec::new();
        let mut open = vec![(path.to_owned(), 0)];
        while let Some((folder, depth)) = open.pop() {
            let place = self.folder.join(&folder);
            // If its metadata cannot be read, it is treated as a file, and the command that reads it reports why.
            if depth == 0 && !place.is_dir() {
                return Err(ReadError::NotFound);
            }
            for entry in std::fs::read_dir(&place).map_err(|error| refusal(&error))? {
                let entry = entry.map_err(|error| refusal(&error))?;
                let name = entry.file_name();
                let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                    continue;
                };
                let path = match folder.as_str() {
                    "" => name.to_owned(),
                    folder => format!("{folder}/{name}"),
                };
                // A link to a folder is not followed: it may lead back here.
                let kind = entry.file_type().map_err(|error| refusal(&error))?;
                if !kind.is_dir() {
                    files.push(path);
                } else if depth < MAX_FOLDERS {
                    open.push((path, depth + 1));
                }
                if files.len() + open.len() > MAX_FILES {
                    return Err(too_many_files());
                }
            }
        }
        Ok(files)
    }

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        if let Some(folder) = &self.stdlib {
            match read_limited(&folder.join(format!("{module}.erp"))) {
                Err(ReadError::NotFound) => {}
                other => return Some(other),
            }
        }
        erpc_model::stdlib(module).map(|text| Ok(text.as_bytes().to_vec()))
    }
}

/// How deep folders of manifests may nest.
const MAX_FOLDERS: usize = 32;

pub(crate) fn too_many_files() -> ReadError {
    ReadError::Other(format!("it has more than {MAX_FILES} files and folders"))
}

fn refusal(error: &std::io::Error) -> ReadError {
    match error.kind() {
        std::io::ErrorKind::NotFound => ReadError::NotFound,
        _ => ReadError::Other(describe(error)),
    }
}

/// Reads a regular file of at most [`MAX_SOURCE_BYTES`]. Its size is checked before and while it is read:
/// it may grow meanwhile.
pub(crate) fn read_limited(path: &Path) -> Result<Vec<u8>, ReadError> {
    let metadata = std::fs::metadata(path).map_err(|error| refusal(&error))?;
    if let Some(kind) = other_kind(metadata.file_type()) {
        return Err(ReadError::Other(format!(
            "expected a regular file, found {kind}"
        )));
    }
    if metadata.len() > MAX_SOURCE_BYTES {
        return Err(ReadError::TooLarge(metadata.len()));
    }
    // At most `MAX_SOURCE_BYTES`, which every `usize` holds; otherwise the buffer grows while it is read.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    File::open(path)
        .map_err(|error| refusal(&error))?
        .take(MAX_SOURCE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refusal(&error))?;
    if bytes.len() as u64 > MAX_SOURCE_BYTES {
        return Err(ReadError::TooLarge(bytes.len() as u64));
    }
    Ok(bytes)
}

/// The kind of a file that is not a regular one: opening a pipe would wait for its other end, and a device
/// never ends.
pub(crate) fn other_kind(kind: std::fs::FileType) -> Option<&'static str> {
    if kind.is_file() {
        return None;
    }
    if kind.is_dir() {
        return Some("a directory");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a named pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
    }
    Some("a device")
}

/// What the system says, without Rust's error numbers.
#[must_use]
pub fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        std::io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        std::io::ErrorKind::NotADirectory => {
            "a part of the path is a file, not a folder".to_owned()
        }
        _ => {
            let text = error.to_string();
            text.split(" (os error")
                .next()
                .unwrap_or(&text)
                .to_lowercase()
        }
    }
}
