//! The origin of a value, step by step: the line that sets it, then each use of a component, from the
//! inside out, or the namespace or platform block that it came through.

use erpc_diagnostics::Span;

use crate::origin::{Origin, Via};
use crate::platform::Platform;

/// One step of the origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginStep {
    /// What happens there.
    pub says: String,
    /// Where; [`Span::NONE`] for a default of the language.
    pub span: Span,
}

/// The steps of an origin; at least one.
#[must_use]
pub fn chain(platform: &Platform, origin: Origin) -> Vec<OriginStep> {
    let step = |says: &str| OriginStep {
        says: says.to_owned(),
        span: origin.span,
    };
    match origin.via {
        Via::Declared => vec![step("defined here")],
        Via::Namespace => vec![step("set by the namespace for each of its services")],
        Via::Platform => vec![step("set by the platform for every namespace")],
        Via::Profile(id) => vec![step(&format!(
            "set by the profile `{}` instead",
            platform[id].name.value
        ))],
        Via::Default => vec![step("a default of the language")],
        Via::Component(id) => {
            let mut steps = Vec::new();
            let mut at = Some(id);
            while let Some(id) = at {
                let of_use = &platform.uses[id.index()];
                let name = &platform.components[of_use.component.index()].name;
                if steps.is_empty() {
                    steps.push(step(&format!("set by the component `{name}`")));
                }
                let says = match of_use.outer {
                    Some(outer) => {
                        let outer = platform.uses[outer.index()].component;
                        let outer = &platform.components[outer.index()].name;
                        format!("the component `{outer}` is `{name}`")
                    }
                    None => format!("is `{name}`"),
                };
                steps.push(OriginStep {
                    says,
                    span: of_use.span,
                });
                at = of_use.outer;
            }
            steps
        }
    }
}
