//! `output lib for PROFILE in "folder"`: that the profile exists, and that no folder is that of two profiles.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};

use crate::platform::{Environment, Platform, Profile};
use crate::profile::unknown_profile;

/// Reports profiles that are declared nowhere, and folders that are one or in each other.
pub(super) fn check(platform: &Platform, profiles: &[Profile], found: &mut Diagnostics) {
    let known = || profiles.iter().map(|profile| profile.name.value.as_str());
    let environments: Vec<&Environment> = platform.environments().collect();
    for environment in &environments {
        let Environment { profile, .. } = environment;
        if !known().any(|name| name == profile.value) {
            let unknown = unknown_profile(&profile.value, known());
            found.push(unknown.at(profile.span(), "declared nowhere"));
        }
    }
    let mut folders: Vec<_> = environments.iter().map(|one| &one.folder).collect();
    // With a `/` behind it, a folder sorts right before what is in it.
    folders.sort_by_key(|folder| format!("{}/", folder.value));
    for pair in folders.windows(2) {
        let [outer, inner] = pair else { continue };
        if !format!("{}/", inner.value).starts_with(&format!("{}/", outer.value)) {
            continue;
        }
        let message = match inner.value == outer.value {
            true => format!("the folder `{}` is that of two profiles", inner.value),
            false => format!(
                "the folder `{}` is in `{}`, that of another profile",
                inner.value, outer.value
            ),
        };
        let (first, second) = match outer.span() < inner.span() {
            true => (outer.span(), inner.span()),
            false => (inner.span(), outer.span()),
        };
        found.push(
            Diagnostic::new(&codes::BAD_PATH, message)
                .at(second, "this folder")
                .also(first, "the other one"),
        );
    }
}
