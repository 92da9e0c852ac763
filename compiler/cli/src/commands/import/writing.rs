//! The result on a disk: all of it or nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use erpc_import::Files;

use crate::Failure;
use crate::project::ROOT_FILE;

/// What an import writes besides sources.
const MANIFESTS: &str = "manifests";
const NOT_TAKEN: &str = "not-taken";
/// Where it is written before it is in its place.
const STAGED: &str = ".erpc-import";

/// Refuses a folder that has what would be written.
pub(super) fn refuse_existing(out: &Path) -> Result<(), Failure> {
    for name in [ROOT_FILE, MANIFESTS] {
        let path = out.join(name);
        if path.exists() {
            return Err(Failure::Failed(format!(
                "{}: it exists already; nothing was written; use --out DIR, or --force to overwrite it",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Writes all files into a folder beside their places, then moves them there.
pub(super) fn write(out: &Path, files: &Files) -> Result<(), Failure> {
    let staged = out.join(STAGED);
    let written = stage(&staged, files).and_then(|()| put(out, &staged, files));
    let removed = match staged.exists() {
        true => fs::remove_dir_all(&staged).map_err(|error| Failure::io(&staged, &error)),
        false => Ok(()),
    };
    written.and(removed)
}

fn stage(staged: &Path, files: &Files) -> Result<(), Failure> {
    if staged.exists() {
        fs::remove_dir_all(staged).map_err(|error| Failure::io(staged, &error))?;
    }
    for (path, text) in files {
        let path = staged.join(path);
        let folder = path.parent().unwrap_or(staged);
        fs::create_dir_all(folder).map_err(|error| Failure::io(folder, &error))?;
        fs::write(&path, text).map_err(|error| Failure::io(&path, &error))?;
    }
    Ok(())
}

/// Moves each file or folder at the top to its place. What was there is kept until all of it is.
fn put(out: &Path, staged: &Path, files: &Files) -> Result<(), Failure> {
    let tops = files.keys().filter_map(|path| path.split('/').next());
    let mut tops: BTreeSet<&str> = tops.collect();
    // What an earlier import wrote and this one does not is in the way of the program.
    tops.extend([MANIFESTS, NOT_TAKEN]);
    let old = staged.join(".old");
    fs::create_dir_all(&old).map_err(|error| Failure::io(&old, &error))?;
    let mut done: Vec<(PathBuf, Option<PathBuf>)> = Vec::new();
    for top in tops {
        let (place, kept) = (out.join(top), old.join(top));
        let moved = replace(&place, &kept, &staged.join(top));
        match moved {
            Ok(was_there) => done.push((place, was_there.then_some(kept))),
            Err(error) => {
                let error = Failure::io(&place, &error);
                return Err(put_back(&done, error));
            }
        }
    }
    Ok(())
}

/// Puts a new file or folder in the place of an old one, if there is a new one; whether there was an old one.
fn replace(place: &Path, kept: &Path, new: &Path) -> std::io::Result<bool> {
    let was_there = place.exists();
    if was_there {
        fs::rename(place, kept)?;
    }
    if new.exists() {
        fs::rename(new, place).inspect_err(|_| {
            // What cannot be put back is still in the folder that the message names.
            if was_there && fs::rename(kept, place).is_err() {}
        })?;
    }
    Ok(was_there)
}

fn put_back(done: &[(PathBuf, Option<PathBuf>)], error: Failure) -> Failure {
    for (place, kept) in done.iter().rev() {
        let removed = match place.is_dir() {
            true => fs::remove_dir_all(place),
            false => fs::remove_file(place),
        };
        let restored = match kept {
            Some(kept) => fs::rename(kept, place),
            None => Ok(()),
        };
        if let Err(other) = removed.and(restored) {
            return Failure::io(place, &other);
        }
    }
    error
}
