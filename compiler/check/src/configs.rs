//! Configuration files: what a ConfigMap can hold.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::Platform;

use crate::of_service;

/// The most that a ConfigMap holds (Kubernetes: `MaxSecretSize`, for both kinds).
const MAX_BYTES: usize = 1 << 20;

/// Sizes of ConfigMaps and names of their keys.
pub(crate) fn sizes_and_names(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        for config in &service.configs {
            let bytes: usize = config
                .files
                .iter()
                .map(|(name, content)| name.len() + content.value.len())
                .sum();
            if bytes > MAX_BYTES {
                let diagnostic = Diagnostic::new(
                    &codes::CONFIG_TOO_LARGE,
                    format!(
                        "the config `{}` has {bytes} bytes; a ConfigMap holds {MAX_BYTES}",
                        config.name.value
                    ),
                )
                .at(config.name.span(), "too large")
                .help("split it, or put the data on a volume");
                out.push(of_service(diagnostic, config.name.origin, service));
            }
            let place = config.at.as_ref();
            let folder = place.map(|at| at.value.trim_end_matches('/'));
            let folder = folder.and_then(|at| at.rsplit('/').next());
            let named = config
                .files
                .iter()
                .find(|(name, _)| Some(name.as_str()) == folder);
            if let (Some((name, _)), Some(place)) = (named, place) {
                let at = place.value.trim_end_matches('/');
                let above = at.strip_suffix(name.as_str()).unwrap_or(at);
                let above = above.trim_end_matches('/');
                let diagnostic = Diagnostic::new(
                    &codes::FOLDER_NAMED_AS_FILE,
                    format!("the file would be at `{at}/{name}`: `at` names its folder"),
                )
                .at(place.span(), "a folder")
                .help(format!(
                    "write `at \"{}\"`",
                    if above.is_empty() { "/" } else { above }
                ));
                out.push(of_service(diagnostic, place.origin, service));
            }
            for (name, content) in &config.files {
                if erpc_model::kubernetes::not_a_file(name).is_some() {
                    let diagnostic = Diagnostic::new(
                        &codes::BAD_NAME,
                        format!("invalid file name `{name}`: a key of a ConfigMap has only letters, digits, `-`, `_` and `.`"),
                    )
                    .at(config.key_span(name).unwrap_or(content.span()), "this name")
                    .help(match name.rsplit_once('/') {
                        Some((folder, file)) => format!(
                            "mount a config of its own in that folder: `config NAME {{ \"{file}\" = … }} at \"{}/{folder}\"`",
                            place.map_or("", |at| at.value.trim_end_matches('/'))
                        ),
                        None => "rename the file; the folder is set with `at`".to_owned(),
                    });
                    out.push(of_service(diagnostic, content.origin, service));
                }
            }
        }
    }
}
