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
            for (name, content) in &config.files {
                let is_key = !name.is_empty()
                    && name.len() <= 253
                    && name != "."
                    && !name.starts_with("..")
                    && name
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
                if !is_key {
                    let diagnostic = Diagnostic::new(
                        &codes::BAD_NAME,
                        format!("`{name}` is no name for a file of a config"),
                    )
                    .at(content.span(), "the file of this content")
                    .also(config.name.span(), "in this config")
                    .help("a key of a ConfigMap has letters, digits, `-`, `_` and `.`; a folder is what `at` says");
                    out.push(of_service(diagnostic, content.origin, service));
                }
            }
        }
    }
}
