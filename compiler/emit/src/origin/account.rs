//! Fields of accounts, roles and bindings.

use erpc_model::{Grant, Service};

use super::metadata::namespace;
use super::{
    Answer, Cause, Context,
    Part::{Item as I, Key as K},
    Path, by_name, one,
};

/// The grants that the object is made of, with their owner's cause.
fn grants<'c>(context: &Context<'c>) -> Option<(&'c [Grant], Cause)> {
    if let Some(service) = context.of_service() {
        let cause = Cause::said(
            "a service with `grants` has an account of its own",
            &service.name,
        );
        return Some((&service.grants, cause));
    }
    let platform = context.platform;
    let (_, namespace) = namespace(context).or_else(|| {
        // A ClusterRole is in no namespace and has the role's name.
        let owner = context.object.name().strip_suffix("-role")?;
        platform.namespaces().find(|(_, n)| n.name.value == owner)
    })?;
    let cause = Cause::said("the account of the namespace's pods", &namespace.name);
    Some((&namespace.grants, cause))
}

pub(super) fn of_object(context: &Context<'_>) -> Answer {
    let (grants, account) = grants(context)?;
    if context.object.kind() == "ServiceAccount" {
        return one(account);
    }
    let causes = of_scope(context, grants);
    Some(
        causes
            .map(|grant| Cause::at("`grants`", grant.origin))
            .collect(),
    )
}

/// Those of the whole cluster, or those of the namespace.
fn of_scope<'c>(context: &Context<'_>, grants: &'c [Grant]) -> impl Iterator<Item = &'c Grant> {
    let in_cluster = context.object.namespace().is_none();
    grants
        .iter()
        .filter(move |grant| grant.in_cluster == in_cluster)
}

pub(super) fn of(context: &Context<'_>, path: Path<'_>) -> Answer {
    let (grants, account) = grants(context)?;
    match path {
        [K("automountServiceAccountToken")] => match context.of_service() {
            Some(service) => Some(of_pods(context, service)),
            None => one(Cause::always("pods without `grants` get no token")),
        },
        [K("rules"), I(place), ..] => {
            // A rule for each API group of each grant.
            let mut rules = of_scope(context, grants).flat_map(|grant| {
                let mut groups: Vec<&str> =
                    grant.resources.iter().map(|r| r.group.as_str()).collect();
                groups.sort_unstable();
                groups.dedup();
                groups.into_iter().map(move |_| grant)
            });
            one(Cause::at("`grants`", rules.nth(*place)?.origin))
        }
        [K("roleRef"), ..] => of_object(context),
        [K("subjects"), ..] => one(account),
        _ => None,
    }
}

/// Why pods run under their account.
pub(super) fn of_pods(context: &Context<'_>, service: &Service) -> Vec<Cause> {
    if service.grants.is_empty() {
        let namespace = &context.platform[service.namespace];
        return vec![Cause::said(
            "a service without `grants` runs under the account of its namespace, without a token",
            &namespace.name,
        )];
    }
    let mut causes = vec![by_name(service)];
    causes.extend(service.grants.iter().map(|grant| {
        Cause::at(
            "a service with `grants` has an account of its own",
            grant.origin,
        )
    }));
    causes
}
