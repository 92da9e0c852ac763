//! Recovery: no service is back before what it requires, and only what keeps data can lose some.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::units::Duration;
use erpc_model::{FlowId, Platform, Service, ServiceId, Sourced};
use erpc_policy::Derived;
use erpc_reliability::promise::required;

use crate::of_service;

/// How many of several services are shown at their lines.
const SHOWN: usize = 4;

type Of = fn(&Service) -> Option<&Sourced<Duration>>;

/// Promises of recovery that those of what is required forbid, or that nothing there holds up.
pub(crate) fn inversions(platform: &Platform, derived: &Derived, out: &mut Diagnostics) {
    let words: [(&str, Of); 2] = [
        ("rto", |service| service.properties.rto.as_ref()),
        ("rpo", |service| service.properties.rpo.as_ref()),
    ];
    for (id, service) in platform.services() {
        if service.properties.rto.is_none() && service.properties.rpo.is_none() {
            continue;
        }
        let required: Vec<(ServiceId, FlowId)> = required(derived, id).collect();
        for (word, of) in words {
            if let Some(own) = of(service) {
                inversion(platform, id, own, &required, (word, of), out);
            }
        }
        if let Some(rto) = &service.properties.rto {
            missing(platform, id, rto, &required, out);
        }
    }
}

/// A promise shorter than one of what is required, against the longest of them.
fn inversion(
    platform: &Platform,
    id: ServiceId,
    own: &Sourced<Duration>,
    required: &[(ServiceId, FlowId)],
    (word, of): (&str, Of),
    out: &mut Diagnostics,
) {
    let longer = required.iter().filter_map(|(other, flow)| {
        let promised = of(&platform[*other])?;
        (promised.value > own.value).then_some((promised, *other, *flow))
    });
    let Some((longest, other, flow)) =
        longer.max_by_key(|(promised, other, _)| (promised.value, std::cmp::Reverse(*other)))
    else {
        return;
    };
    let (name, required) = (platform.path(id), platform.path(other));
    let message = if word == "rto" {
        format!(
            "`{name}` has an RTO of {}, but requires `{required}`, which has {}",
            own.value, longest.value
        )
    } else {
        format!(
            "`{name}` may lose {} of data, and `{required}`, which it requires, {}",
            own.value, longest.value
        )
    };
    let diagnostic = Diagnostic::new(&codes::RECOVERY_INVERSION, message)
        .at(own.span(), format!("{word} {}", own.value))
        .also(longest.span(), format!("{word} {} of `{required}`", longest.value))
        .also(platform.flows[flow.index()].span, "required here")
        .about(name)
        .help(format!(
            "promise {} or more here, or no more than {} for `{required}`; say `optional` behind the flow where the client works without it",
            longest.value, own.value
        ));
    out.push(of_service(diagnostic, own.origin, &platform[id]));
}

/// A service with an RTO that requires some without.
fn missing(
    platform: &Platform,
    id: ServiceId,
    rto: &Sourced<Duration>,
    required: &[(ServiceId, FlowId)],
    out: &mut Diagnostics,
) {
    let without = required
        .iter()
        .filter(|(other, _)| platform[*other].properties.rto.is_none());
    let without: Vec<(ServiceId, FlowId)> = without.copied().collect();
    let Some((first, _)) = without.first() else {
        return;
    };
    let name = platform.path(id);
    let others = match without.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let mut diagnostic = Diagnostic::new(
        &codes::RECOVERY_NOT_HELD,
        format!(
            "`{name}` has an RTO of {}, but requires `{}`{others}, which has none",
            rto.value,
            platform.path(*first)
        ),
    )
    .at(rto.span(), format!("rto {}", rto.value));
    for (other, flow) in without.iter().take(SHOWN) {
        diagnostic = diagnostic
            .also(platform[*other].name.span(), "has no `rto`")
            .also(
                platform.flows[flow.index()].span,
                format!("requires `{}`", platform.path(*other)),
            );
    }
    let diagnostic = diagnostic.about(name).help(format!(
        "add `rto {}` or less there, or say `optional` behind the flow where the client works without it",
        rto.value
    ));
    out.push(of_service(diagnostic, rto.origin, &platform[id]));
}

/// An RPO of a service that keeps nothing.
pub(crate) fn nothing_to_lose(platform: &Platform, out: &mut Diagnostics) {
    for (id, service) in platform.services() {
        let Some(rpo) = service
            .properties
            .rpo
            .as_ref()
            .filter(|_| service.volumes.is_empty())
        else {
            continue;
        };
        let diagnostic = Diagnostic::new(
            &codes::RPO_WITHOUT_VOLUME,
            format!(
                "`{}` has an RPO but no volume, so it has no data to lose",
                platform.path(id)
            ),
        )
        .at(rpo.span(), format!("rpo {}", rpo.value))
        .about(platform.path(id))
        .help("say it of the service that keeps the data, or give this one its `volume`");
        out.push(of_service(diagnostic, rpo.origin, service));
    }
}
