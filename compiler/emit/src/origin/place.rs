//! Fields of Namespaces, quotas, limits and ingress classes.

use super::metadata::namespace;
use super::{Answer, Cause, Context, Part::Key as K, Path, one};

pub(super) fn of_object(context: &Context<'_>) -> Answer {
    match context.object.kind() {
        "IngressClass" => {
            let ingress = context.platform.cluster().ingress.as_ref()?;
            one(Cause::said(
                "a class that a service of the platform serves",
                &ingress.class,
            ))
        }
        "Namespace" => one(Cause::said("a namespace", &namespace(context)?.1.name)),
        _ => of_limits(context, &[K("spec")]),
    }
}

pub(super) fn of_limits(context: &Context<'_>, path: Path<'_>) -> Answer {
    let (_, namespace) = namespace(context)?;
    match path {
        [K("spec"), ..] if context.object.kind() == "ResourceQuota" => one(Cause::said(
            "`quota` of the namespace",
            namespace.quota.as_ref()?,
        )),
        [K("spec"), ..] => one(Cause::said(
            "`limits` of the namespace",
            namespace.limits.as_ref()?,
        )),
        _ => None,
    }
}

pub(super) fn of_ingress_class(context: &Context<'_>, path: Path<'_>) -> Answer {
    match path {
        [K("spec"), K("controller")] => of_object(context),
        _ => None,
    }
}
