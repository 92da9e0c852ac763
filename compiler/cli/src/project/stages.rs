//! Running the stages over a program: read, parse, resolve, derive, check.

use std::collections::{HashMap, HashSet};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Scope, ScopedJoinHandle};

use erpc_diagnostics::{Diagnostic, Diagnostics, Severity, Sources, codes};
use erpc_model::{Files, Loaded, Platform, ProfileId};
use erpc_policy::Derived;
use smol_str::SmolStr;

use crate::Exit;

/// A program after all stages that do not write.
#[derive(Debug, Default)]
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
    /// Whether it was compiled under a profile that it does not declare.
    pub has_unknown_profile: bool,
}

/// A program under one of its profiles.
pub(crate) struct Under {
    /// The model and what follows from it; `None` where there are errors.
    pub(crate) result: Option<(Platform, Derived)>,
    /// What was found under the profile only.
    pub(crate) found: Diagnostics,
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

impl Checked {
    /// What the program is under one of its profiles, with what was found there and not without a profile.
    pub(crate) fn under(&self, id: ProfileId) -> Under {
        let platform = self.platform.under(id);
        let judged = on_large_stack(|| judge(platform, &self.sources, Diagnostics::new()));
        let known: HashSet<&Diagnostic> = self.warnings.as_slice().iter().collect();
        let name = &self.platform[id].name.value;
        let mut found = Diagnostics::new();
        for diagnostic in judged.found {
            if !known.contains(&diagnostic) {
                found.push(diagnostic.help(format!("under the profile `{name}`")));
            }
        }
        Under {
            result: judged.result.filter(|_| !found.has_errors()),
            found,
        }
    }
}

impl Compiled {
    /// The program, if it has no errors.
    ///
    /// # Errors
    ///
    /// The program with its errors.
    pub fn checked(self) -> Result<Checked, Box<Self>> {
        match self.result {
            Some((platform, derived)) => Ok(Checked {
                platform,
                derived,
                sources: self.sources,
                warnings: self.diagnostics,
            }),
            None => Err(Box::new(self)),
        }
    }

    /// The exit code of a command that its errors stop.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self.result {
            Some(_) => Exit::Done,
            None if self.has_unknown_profile => Exit::Usage,
            None => Exit::Failed,
        }
    }
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
    let mut has_unknown_profile = false;
    let platform = platform.and_then(|platform| match profile {
        None => Some(platform),
        Some(name) => match platform.under_named(name) {
            Ok(under) => Some(under),
            Err(unknown) => {
                found.push(*unknown);
                has_unknown_profile = true;
                None
            }
        },
    });
    let judged = match platform {
        Some(platform) => judge(platform, &loaded.sources, found),
        None => Judged {
            found,
            ..Judged::default()
        },
    };
    Compiled {
        has_unknown_profile,
        ..compiled(loaded, judged)
    }
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
    // Freeing the trees takes a tenth of a check, so it is done in the background.
    let (sources, trees) = (loaded.sources, loaded.files);
    rayon::spawn(move || drop(trees));
    Compiled {
        sources,
        diagnostics: judged.found.sorted(),
        result,
        judged: rules_only,
        accepted: judged.accepted,
        has_unknown_profile: false,
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
