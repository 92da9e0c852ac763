//! The names that a shell completes: namespaces, services, tables and, behind a dot, whatever the
//! path before it holds. They are those of the nearest platform, with errors or without: while
//! the user types, a program is rarely whole.

use std::ffi::OsStr;

use clap_complete::engine::CompletionCandidate;
use erpc_diagnostics::codes;
use erpc_model::Platform;
use erpc_model::facts;

use crate::commands::show::List;
use crate::project::Project;

/// What `show` takes.
pub(crate) fn facts_and_tables(current: &OsStr) -> Vec<CompletionCandidate> {
    let tables = List::NAMES.iter().map(|name| ((*name).to_owned(), None));
    let mut all: Vec<Name> = tables.collect();
    let current = current.to_string_lossy();
    if let Some(platform) = nearest_platform() {
        all.extend(below(&platform, &current));
        all.extend(services(&platform));
    }
    candidates(all, &current)
}

/// What commands about services take: namespaces and services.
pub(crate) fn services_and_namespaces(current: &OsStr) -> Vec<CompletionCandidate> {
    let all = nearest_platform().map_or_else(Vec::new, |platform| services(&platform));
    candidates(all, &current.to_string_lossy())
}

/// What `impact` takes: services and externals.
pub(crate) fn services_and_externals(current: &OsStr) -> Vec<CompletionCandidate> {
    let all = nearest_platform().map_or_else(Vec::new, |platform| {
        let externals = platform.externals.iter();
        let externals = externals.map(|e| (e.name.value.to_string(), e.doc.clone()));
        services(&platform).into_iter().chain(externals).collect()
    });
    candidates(all, &current.to_string_lossy())
}

/// What `explain` takes: the codes, and of the platform what the other commands take.
pub(crate) fn codes_and_services(current: &OsStr) -> Vec<CompletionCandidate> {
    let codes = codes::ALL.iter();
    let mut all: Vec<Name> = codes
        .map(|code| (code.id.to_owned(), Some(code.title.to_owned())))
        .collect();
    if let Some(platform) = nearest_platform() {
        all.extend(services(&platform));
    }
    candidates(all, &current.to_string_lossy())
}

/// What `--profile` takes.
pub(crate) fn profiles(current: &OsStr) -> Vec<CompletionCandidate> {
    let platform = nearest_platform();
    let profiles = platform.iter().flat_map(|platform| &platform.profiles);
    let all = profiles.map(|profile| (profile.name.value.to_string(), profile.doc.clone()));
    candidates(all.collect(), &current.to_string_lossy())
}

/// A name with a word about it.
type Name = (String, Option<String>);

fn candidates(mut all: Vec<Name>, current: &str) -> Vec<CompletionCandidate> {
    // Where no name starts like that, a service may, without its namespace.
    let is_full = all.iter().any(|(name, _)| name.starts_with(current));
    all.retain(|(name, _)| {
        let service = name.split_once('.').map(|(_, service)| service);
        name.starts_with(current) || (!is_full && service.is_some_and(|s| s.starts_with(current)))
    });
    all.sort_unstable();
    all.dedup_by(|a, b| a.0 == b.0);
    let all = all.into_iter();
    all.map(|(name, help)| CompletionCandidate::new(name).help(help.map(Into::into)))
        .collect()
}

fn nearest_platform() -> Option<Platform> {
    // Without a platform there are no names, and a completion has no place for an error.
    let project = Project::find(None).ok()?;
    let (loaded, _) = erpc_model::load(&project.root, &project);
    erpc_model::resolve(&loaded, &project).platform
}

fn services(platform: &Platform) -> Vec<Name> {
    let title = |title: &Option<erpc_model::Sourced<String>>| {
        title.as_ref().map(|title| title.value.clone())
    };
    let namespaces = platform.namespaces.iter();
    let namespaces = namespaces.map(|n| (n.name.value.to_string(), title(&n.title)));
    let services = platform.workloads();
    let services =
        services.map(|(id, service)| (platform.path(id), title(&service.properties.title)));
    namespaces.chain(services).collect()
}

/// The facts behind the last dot.
fn below(platform: &Platform, current: &str) -> Vec<Name> {
    let Some((before, _)) = current.rsplit_once('.') else {
        return Vec::new();
    };
    // What is typed so far may lead nowhere.
    let Ok(found) = facts::find(platform, before) else {
        return Vec::new();
    };
    let children = found.fact.children.into_iter();
    children
        .map(|fact| {
            let value = fact.value.map(|value| value.to_string());
            (format!("{before}.{}", fact.name), value)
        })
        .collect()
}
