//! The way on which a value reached its owner, step by step: the line that says it, then each use
//! of a component, from the inside out, or the namespace or platform block that it came through.

use erpc_diagnostics::Span;

use crate::origin::{Origin, Via};
use crate::platform::Platform;

/// One step of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happens there.
    pub says: String,
    /// Where; [`Span::NONE`] for what the language says.
    pub span: Span,
}

/// The steps of an origin; at least one.
#[must_use]
pub fn chain(platform: &Platform, origin: Origin) -> Vec<Step> {
    let said = |says: &str| Step {
        says: says.to_owned(),
        span: origin.span,
    };
    match origin.via {
        Via::Declared => vec![said("said here")],
        Via::Namespace => vec![said("the namespace says it for each of its services")],
        Via::Platform => vec![said("the platform says it for every namespace")],
        Via::Profile(id) => vec![said(&format!(
            "the profile `{}` says it instead",
            platform[id].name.value
        ))],
        Via::Default => vec![said("nobody says it: a default of the language")],
        Via::Component(id) => {
            let mut steps = Vec::new();
            let mut at = Some(id);
            while let Some(id) = at {
                let of_use = &platform.uses[id.index()];
                let name = &platform.components[of_use.component.index()].name;
                if steps.is_empty() {
                    steps.push(said(&format!("the component `{name}` says it")));
                }
                let says = match of_use.outer {
                    Some(outer) => {
                        let outer = platform.uses[outer.index()].component;
                        let outer = &platform.components[outer.index()].name;
                        format!("the component `{outer}` is `{name}`")
                    }
                    None => format!("is `{name}`"),
                };
                steps.push(Step {
                    says,
                    span: of_use.span,
                });
                at = of_use.outer;
            }
            steps
        }
    }
}
