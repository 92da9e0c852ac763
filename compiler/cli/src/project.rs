//! A program on disk: finding its root file, reading its files, running the stages over them.
//! The only place that touches the disk on the way in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::SystemTime;

use erpc_cluster::SourceSnapshot;
use erpc_diagnostics::{
    Diagnostic, Diagnostics, Located, Severity, Sources, codes, percent_encoded,
};
use erpc_model::{Files, Loaded, MAX_SOURCE_BYTES, Platform, ProfileId, ReadError};
use erpc_policy::Derived;
use smol_str::SmolStr;

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

/// A program after all stages that do not write.
#[derive(Debug)]
pub struct Compiled {
    /// Its texts.
    pub sources: Sources,
    /// What was found, sorted.
    pub diagnostics: Diagnostics,
    /// The model and what follows from it; `None` where there are errors.
    pub result: Option<(Platform, Derived)>,
    /// The same where nothing is wrong but rules that are broken, which tests may be about.
    pub judged: Option<(Platform, Derived)>,
    /// Warnings that the program accepts, each with the reason.
    pub accepted: Vec<(Diagnostic, String)>,
}

/// A program without errors.
#[derive(Debug)]
pub struct Checked {
    /// The model.
    pub platform: Platform,
    /// What follows from it.
    pub derived: Derived,
    /// The texts.
    pub sources: Sources,
    /// The warnings, sorted.
    pub warnings: Diagnostics,
}

impl Compiled {
    /// The program, if it has no errors.
    ///
    /// # Errors
    ///
    /// What was found, with the texts that it is about.
    pub fn checked(self) -> Result<Checked, Box<(Diagnostics, Sources)>> {
        match self.result {
            Some((platform, derived)) => Ok(Checked {
                platform,
                derived,
                sources: self.sources,
                warnings: self.diagnostics,
            }),
            None => Err(Box::new((self.diagnostics, self.sources))),
        }
    }
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
        let recorder = Recorder {
            project: self,
            files: Mutex::default(),
            modules: Mutex::default(),
        };
        let mut compiled = compile(&self.root, &recorder, self.profile.as_deref());
        self.locate(&mut compiled);
        // A poisoned lock holds what was read until then, which is what is asked for.
        let read = |texts: Mutex<_>| texts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let snapshot = SourceSnapshot {
            root: self.root.clone(),
            files: read(recorder.files),
            modules: read(recorder.modules),
            revision: crate::revision::of_working_tree(&self.folder),
        };
        (compiled, snapshot)
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

type Texts = BTreeMap<String, Vec<u8>>;

/// A program of which is kept what is read.
struct Recorder<'p> {
    project: &'p Project,
    files: Mutex<Texts>,
    modules: Mutex<Texts>,
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

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        self.project.library(module)
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

/// Reads and resolves a program. Its templates are among its sources, so that findings in them have a
/// place.
fn resolved(root: &str, files: &dyn Files) -> (Loaded, Diagnostics, Option<Platform>) {
    let (mut loaded, mut found) = erpc_model::load(root, files);
    let resolved = erpc_model::resolve(&loaded, files);
    found.extend(resolved.diagnostics);
    for (path, text) in resolved.templates {
        loaded.sources.add(path, text);
    }
    (loaded, found, resolved.platform)
}

/// The stack of the stages: what may nest has limits, and this is enough for all of them, with and without
/// optimization, whatever thread asks.
const STACK_BYTES: usize = 32 << 20;

fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| joined(spawn_on_large_stack(scope, work)))
}

fn spawn_on_large_stack<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    // As `std::thread::spawn`: that the system cannot start a thread has nothing to do with the program.
    thread
        .spawn_scoped(scope, work)
        .expect("the system starts a thread")
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    match thread.join() {
        Ok(made) => made,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// What becomes of each of some values, in their order, several at a time and each on a large stack. The threads are
/// not those of rayon: the stages wait for those, and one that waited for a stage would never be free for it.
fn each_on_large_stack<T: Sync, R: Send>(values: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let some = || {
        let mut made = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(value) = values.get(at) else {
                return made;
            };
            made.push((at, work(value)));
        }
    };
    let mut made: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads = (0..cores.min(values.len())).map(|_| spawn_on_large_stack(scope, some));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().flat_map(joined).collect()
    });
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, made)| made).collect()
}

/// Runs all stages over a program that is read through `files`, under a profile where one is named.
pub fn compile(root: &str, files: &dyn Files, profile: Option<&str>) -> Compiled {
    on_large_stack(|| compile_under(root, files, profile))
}

fn compile_under(root: &str, files: &dyn Files, profile: Option<&str>) -> Compiled {
    let (loaded, mut found, platform) = resolved(root, files);
    let platform = platform.and_then(|platform| match profile {
        None => Some(platform),
        Some(name) => platform
            .under_named(name)
            .map_err(|unknown| found.push(*unknown))
            .ok(),
    });
    let judged = match platform {
        Some(platform) => judge(platform, &loaded.sources, found),
        None => Judged {
            found,
            ..Judged::default()
        },
    };
    compiled(loaded, judged)
}

/// Runs the stages behind `resolve` once without a profile and once under each. A finding that only
/// some of them give says which; the result is that without a profile.
pub fn compile_all(root: &str, files: &dyn Files) -> Compiled {
    on_large_stack(|| compile_under_all(root, files))
}

fn compile_under_all(root: &str, files: &dyn Files) -> Compiled {
    let (loaded, found, platform) = resolved(root, files);
    let Some(platform) = platform else {
        let judged = Judged {
            found,
            ..Judged::default()
        };
        return compiled(loaded, judged);
    };
    let profiles: Vec<(ProfileId, SmolStr)> = platform
        .profiles()
        .map(|(id, profile)| (id, profile.name.value.clone()))
        .collect();
    let under: Vec<Judged> = each_on_large_stack(&profiles, |(id, _)| {
        judge(platform.under(*id), &loaded.sources, found.clone())
    });
    let mut own = judge(platform, &loaded.sources, found);
    let without: HashSet<&Diagnostic> = own.found.as_slice().iter().collect();
    // In the order in which they are first found; the map only finds the place.
    let mut only: Vec<(Diagnostic, Vec<String>)> = Vec::new();
    let mut place: HashMap<Diagnostic, usize> = HashMap::new();
    for ((_, name), judged) in profiles.iter().zip(under) {
        for diagnostic in judged.found {
            if without.contains(&diagnostic) {
                continue;
            }
            match place.get(&diagnostic).and_then(|at| only.get_mut(*at)) {
                Some((_, profiles)) => profiles.push(format!("`{name}`")),
                None => {
                    place.insert(diagnostic.clone(), only.len());
                    only.push((diagnostic, vec![format!("`{name}`")]));
                }
            }
        }
    }
    for (diagnostic, profiles) in only {
        let message = format!("under the profile {}", profiles.join(", "));
        own.found.push(diagnostic.help(message));
    }
    compiled(loaded, own)
}

/// What there is to say of one platform.
#[derive(Default)]
struct Judged {
    found: Diagnostics,
    result: Option<(Platform, Derived)>,
    accepted: Vec<(Diagnostic, String)>,
}

/// Derives, checks, and takes out what the program accepts; `found` is what earlier stages say.
fn judge(platform: Platform, sources: &Sources, mut found: Diagnostics) -> Judged {
    let (derived, derivation) = Derived::of(&platform);
    found.extend(derivation);
    let is_whole = !found.has_errors();
    found.extend(erpc_check::check(&platform, &derived, is_whole));
    if !found.has_errors() {
        found.extend(erpc_emit::check_objects(&platform, &derived, sources));
    }
    let (found, accepted) = erpc_model::accepted(&platform, found);
    Judged {
        found,
        result: Some((platform, derived)),
        accepted,
    }
}

fn compiled(loaded: Loaded, mut judged: Judged) -> Compiled {
    erpc_model::without_consequences(&mut judged.found, &loaded);
    let (mut result, mut rules_only) = (judged.result, None);
    if judged.found.has_errors() {
        let model = result.take();
        if only_rules_are_broken(&judged.found) {
            rules_only = model;
        }
    }
    // To free the trees takes a tenth of a check, and nobody waits for it.
    let (sources, trees) = (loaded.sources, loaded.files);
    rayon::spawn(move || drop(trees));
    Compiled {
        sources,
        diagnostics: judged.found.sorted(),
        result,
        judged: rules_only,
        accepted: judged.accepted,
    }
}

/// Whether every error is a broken rule.
fn only_rules_are_broken(diagnostics: &Diagnostics) -> bool {
    let mut errors = diagnostics
        .as_slice()
        .iter()
        .filter(|finding| finding.severity() == Severity::Error);
    errors.all(|finding| finding.code == &codes::RULE_BROKEN)
}

impl Files for Project {
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let named = self.folder.join(path);
        let real = named.canonicalize().map_err(|error| refusal(&error))?;
        let folder = self
            .folder
            .canonicalize()
            .map_err(|error| refusal(&error))?;
        if !real.starts_with(&folder) {
            return Err(ReadError::Other(format!(
                "a symbolic link leads out of the project directory, to `{}`",
                real.display()
            )));
        }
        read_limited(&real)
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

/// What something is that is no regular file: to open a pipe would wait for its other end, and a device
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

/// A project of which every file that is read is remembered with its stamp from before.
pub(crate) struct Watched<'p> {
    project: &'p Project,
    seen: Mutex<BTreeMap<PathBuf, Stamp>>,
}

/// When a file was written last, and how long it is; `None` if it is not there.
pub(crate) type Stamp = Option<(SystemTime, u64)>;

pub(crate) fn stamp(path: &Path) -> Stamp {
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

    fn library(&self, module: &str) -> Option<Result<Vec<u8>, ReadError>> {
        if let Some(folder) = &self.project.stdlib {
            self.remember(folder.join(format!("{module}.erp")));
        }
        self.project.library(module)
    }
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
