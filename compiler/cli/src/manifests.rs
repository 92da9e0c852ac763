//! Manifests of any origin on disk: every YAML and JSON file below a folder, in a fixed order.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::project::{describe, other_kind};

/// How large a file may be.
pub(crate) const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// How deep folders may be.
const MAX_DEPTH: usize = 32;

/// What was found: files with their bytes, and why some could not be read.
#[derive(Default)]
pub(crate) struct Found {
    /// Path as it is shown, and bytes.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// One sentence each.
    pub(crate) failures: Vec<String>,
    /// Links to folders, which kubectl does not follow: two that lead upwards make endless paths.
    pub(crate) links: Vec<String>,
}

/// Reads a file, or all manifests below a folder.
pub(crate) fn read(path: &Path) -> Found {
    let mut found = Found::default();
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let mut paths = Vec::new();
            walk(path, 0, &mut paths, &mut found);
            for path in paths {
                file(&path, false, &mut found);
            }
        }
        Ok(_) => file(path, true, &mut found),
        Err(error) => found
            .failures
            .push(format!("{}: {}", path.display(), describe(&error))),
    }
    found
}

fn walk(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>, found: &mut Found) {
    let failures = &mut found.failures;
    if depth > MAX_DEPTH {
        failures.push(format!(
            "{}: folders are nested more than {MAX_DEPTH} deep",
            folder.display()
        ));
        return;
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            failures.push(format!("{}: {}", folder.display(), describe(&error)));
            return;
        }
    };
    let mut below: Vec<PathBuf> = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => below.push(entry.path()),
            Err(error) => failures.push(format!("{}: {}", folder.display(), describe(&error))),
        }
    }
    below.sort();
    for path in below {
        if path.is_dir() && path.is_symlink() {
            found.links.push(path.display().to_string());
        } else if path.is_dir() {
            walk(&path, depth + 1, paths, found);
        } else if is_manifest(&path) {
            paths.push(path);
        }
    }
}

/// Whether kubectl takes a file for manifests, by its name. It looks for lower-case names in folders
/// and takes any name that it is given, so that case does not matter here.
pub(crate) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension))
    })
}

/// Reads one file. A pipe or a device in a folder is refused, since reading it may never end; one that is named
/// itself is meant, as in `erpc prove --manifests <(helm template .)`.
fn file(path: &Path, is_named: bool, found: &mut Found) {
    let name = path.display().to_string();
    match bytes_of(path, is_named) {
        Ok(bytes) => found.files.push((name, bytes)),
        Err(why) => found.failures.push(format!("{name}: {why}")),
    }
}

fn bytes_of(path: &Path, is_named: bool) -> Result<Vec<u8>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| describe(&error))?;
    if let Some(kind) = other_kind(metadata.file_type())
        && !is_named
    {
        return Err(format!("expected a regular file, found {kind}"));
    }
    let file = std::fs::File::open(path).map_err(|error| describe(&error))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| describe(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("larger than 64 MiB".to_owned());
    }
    Ok(bytes)
}
