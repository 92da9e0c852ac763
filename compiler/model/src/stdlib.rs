//! The library that the binary carries: the files of `stdlib/`, by module name.

/// The text of a module of the library: `beam` is `stdlib/beam.erp`.
#[must_use]
pub fn stdlib(module: &str) -> Option<&'static str> {
    MODULES
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, text)| *text)
}

/// The names of the modules, sorted.
pub fn modules() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}

/// The module that declares a component of this name.
pub(crate) fn module_of(component: &str) -> Option<&'static str> {
    MODULES
        .iter()
        .find(|(_, text)| {
            text.lines().any(|line| {
                line.strip_prefix("component ")
                    .and_then(|rest| rest.strip_prefix(component))
                    .is_some_and(|rest| rest.starts_with(['(', ' ', '{']))
            })
        })
        .map(|(name, _)| *name)
}

const MODULES: &[(&str, &str)] = &[
    ("beam", include_str!("../../../stdlib/beam.erp")),
    ("ingress", include_str!("../../../stdlib/ingress.erp")),
    ("job", include_str!("../../../stdlib/job.erp")),
    ("observe", include_str!("../../../stdlib/observe.erp")),
    ("registry", include_str!("../../../stdlib/registry.erp")),
    ("store", include_str!("../../../stdlib/store.erp")),
    ("web", include_str!("../../../stdlib/web.erp")),
];
