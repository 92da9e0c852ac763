//! The files of a program, as they are read and as they are parsed.

use erpc_diagnostics::{FileId, Sources, Span};
use erpc_syntax::tree::File;
use smol_str::SmolStr;

/// Where files come from.
pub trait Files: Sync {
    /// The bytes of a file of the program; `path` is relative to the program's folder, with `/`.
    ///
    /// # Errors
    ///
    /// The file does not exist, is too large, or cannot be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError>;

    /// The paths of all files below a folder of the program, in any order; an empty `path` is the program's folder.
    ///
    /// # Errors
    ///
    /// The folder does not exist, as in programs in memory, or it cannot be read.
    fn below(&self, path: &str) -> Result<Vec<String>, ReadError> {
        let _ = path;
        Err(ReadError::NotFound)
    }

    /// The bytes of a module of the library; `None` where there is none of that name.
    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        crate::stdlib(module).map(|text| Ok(text.as_bytes().to_vec()))
    }
}

/// How many files a folder of manifests may have, with the folders in it.
pub const MAX_FILES: usize = 20_000;

/// Those of some paths that are below a folder, as [`Files::below`] gives them.
///
/// # Errors
///
/// No path is below the folder.
pub fn paths_below<'p>(
    paths: impl Iterator<Item = &'p String>,
    folder: &str,
) -> Result<Vec<String>, ReadError> {
    let is_below = |path: &&String| {
        let rest = path.strip_prefix(folder);
        folder.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let found: Vec<String> = paths.filter(is_below).cloned().collect();
    if found.is_empty() {
        return Err(ReadError::NotFound);
    }
    Ok(found)
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// There is none.
    NotFound,
    /// It has this many bytes, more than [`MAX_SOURCE_BYTES`].
    TooLarge(u64),
    /// What the system says.
    Other(String),
}

/// The size above which a source is refused before it is read.
pub const MAX_SOURCE_BYTES: u64 = 16 << 20;

/// A parsed file of the program or of the library.
#[derive(Debug)]
pub struct LoadedFile {
    /// Its id in the sources.
    pub id: FileId,
    /// Its path as shown.
    pub path: String,
    /// The module of the library it is; `None` for a file of the program.
    pub module: Option<SmolStr>,
    /// Its tree.
    pub tree: File,
    /// Where it could not be read as it stands, as reported.
    pub broken: Vec<Span>,
}

/// A `use std.module.Name`.
#[derive(Clone, Debug)]
pub struct Import {
    /// Who says it.
    pub by: FileId,
    /// `beam`.
    pub module: SmolStr,
    /// `Release`.
    pub name: SmolStr,
    /// Where `Release` stands.
    pub span: Span,
}

/// All files of a program, parsed.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Their texts.
    pub sources: Sources,
    /// Their trees: the root first, then in the order in which they are named.
    pub files: Vec<LoadedFile>,
    /// What they take from the library.
    pub imports: Vec<Import>,
    /// How many folders above that of the root file the program may read: `root ".."` is one.
    pub above: usize,
}

impl Loaded {
    /// A file by its id.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&LoadedFile> {
        // Files are added to the sources and to the list at the same time.
        self.files.get(id.0 as usize).filter(|file| file.id == id)
    }
}

/// `path` as seen from the folder of the file `from`; `None` where it leaves the folder that is `above` folders above
/// the program's.
pub(crate) fn join(from: &str, path: &str, above: usize) -> Option<String> {
    if path.starts_with('/') || path.contains('\\') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.iter().all(|part| *part == "..") => {
                if parts.len() == above {
                    return None;
                }
                parts.push("..");
            }
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let is_folder = parts.iter().all(|part| *part == "..");
    (!is_folder).then(|| parts.join("/"))
}

/// Whether a path, seen from the file `from`, is the folder of the program, in which its output is too.
pub(crate) fn is_whole_folder(from: &str, path: &str) -> bool {
    // A name below the folder tells it from one above or outside.
    let below = join(from, &format!("{path}/x"), 0);
    below.as_deref() == Some("x")
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn paths_are_seen_from_the_file_that_says_them() {
        for (from, path, above, joined) in [
            ("platform.erp", "apps.erp", 0, Some("apps.erp")),
            ("a/b.erp", "../c.erp", 0, Some("c.erp")),
            ("platform.erp", "../c.erp", 0, None),
            ("platform.erp", "/etc/passwd", 9, None),
            ("platform.erp", "../c.erp", 1, Some("../c.erp")),
            ("platform.erp", "../../c.erp", 1, None),
            ("../shared/a.erp", "../b/c.erp", 1, Some("../b/c.erp")),
            ("../shared/a.erp", "../../c.erp", 1, None),
            ("../../a.erp", "x/../c.erp", 2, Some("../../c.erp")),
            ("platform.erp", "..", 1, None),
        ] {
            assert_eq!(join(from, path, above).as_deref(), joined, "{from} {path}");
        }
    }
}
