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

/// The module that declares a component of this name, if exactly one does.
pub(crate) fn module_of(component: &str) -> Option<&'static str> {
    declaring("component ", component)
}

/// The module that declares a rule of this name, if exactly one does.
pub(crate) fn module_of_rule(rule: &str) -> Option<&'static str> {
    declaring("rule ", rule)
}

fn declaring(word: &str, name: &str) -> Option<&'static str> {
    let declares = |text: &str| {
        text.lines().any(|line| {
            line.strip_prefix(word)
                .and_then(|rest| rest.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with(['(', ' ', '{']))
        })
    };
    let mut found = MODULES.iter().filter(|(_, text)| declares(text));
    match (found.next(), found.next()) {
        (Some((module, _)), None) => Some(module),
        _ => None,
    }
}

const MODULES: &[(&str, &str)] = &[
    ("beam", include_str!("../../../stdlib/beam.erp")),
    ("ingress", include_str!("../../../stdlib/ingress.erp")),
    ("job", include_str!("../../../stdlib/job.erp")),
    ("observe", include_str!("../../../stdlib/observe.erp")),
    ("registry", include_str!("../../../stdlib/registry.erp")),
    ("rules", include_str!("../../../stdlib/rules.erp")),
    ("store", include_str!("../../../stdlib/store.erp")),
    ("web", include_str!("../../../stdlib/web.erp")),
];
