//! The facts of a service or job.

use super::{Fact, Plain};
use crate::origin::{Origin, Via};
use crate::platform::{Platform, Service, ServiceId, Workload};
use crate::statements::{Statements, exposure_rows};

/// Everything that a service says or gets, in the order in which the language's reference has it.
#[must_use]
pub fn of_service(platform: &Platform, id: ServiceId) -> Vec<Fact> {
    let service = &platform[id];
    let mut facts = vec![workload(service)];
    if service.raw.is_some() {
        // The rest is in the manifest, and has no statement.
        let all = service.properties.facts(platform).into_iter();
        let all = all.chain(service.statements.facts(platform));
        let is_set = |fact: &Fact| fact.origin.is_some_and(|it| it.via != Via::Default);
        facts.extend(all.filter(is_set));
        let (routes, addresses) = (platform.routes_to(id), platform.addresses_of(id));
        facts.extend(exposure_rows(routes, addresses, platform));
        return facts;
    }
    if let Workload::CronJob(schedule) = &service.workload {
        facts.push(Fact::shown("every", schedule));
    }
    facts.extend(components(platform, service));
    facts.extend(service.properties.facts(platform));
    facts.extend(service.main.facts(platform));
    let mut own = service.statements.facts(platform);
    let behind = |row: &Fact| ["sidecar", "init", "patch"].contains(&row.name.as_str());
    let at = own.iter().position(behind).unwrap_or(own.len());
    let (routes, addresses) = (platform.routes_to(id), platform.addresses_of(id));
    own.splice(at..at, exposure_rows(routes, addresses, platform));
    facts.extend(own);
    facts
}

/// The values of the plain statements that a service sets, by their words, without those of `except`.
#[must_use]
pub fn plain_statements(
    platform: &Platform,
    id: ServiceId,
    except: &[&str],
) -> Vec<(String, Option<Plain>)> {
    let rows = platform[id].properties.facts(platform).into_iter();
    rows.filter(|row| !except.contains(&row.name.as_str()))
        .map(|row| (row.name, row.value))
        .collect()
}

/// The words of the plain statements that a service sets, each with the origin of its value.
#[must_use]
pub fn origins_of_plain_statements(platform: &Platform, id: ServiceId) -> Vec<(String, Origin)> {
    let rows = platform[id].properties.facts(platform).into_iter();
    rows.filter_map(|row| Some((row.name, row.origin?)))
        .collect()
}

fn workload(service: &Service) -> Fact {
    let own_volume = service.volumes.iter().find(|volume| !volume.is_single());
    let origin = match (&service.workload, own_volume) {
        (Workload::CronJob(schedule), _) => schedule.origin,
        (_, Some(own)) if service.is_stateful() => own.name.origin,
        _ => service.name.origin,
    };
    let name = service.kind().to_owned();
    Fact::new("workload", Plain::Text(name), origin)
}

fn components(platform: &Platform, service: &Service) -> Option<Fact> {
    let first = platform.uses[service.components.first()?.index()];
    let names = service.components.iter().map(|id| {
        let of_use = &platform.uses[id.index()];
        Plain::Text(
            platform.components[of_use.component.index()]
                .name
                .to_string(),
        )
    });
    let origin = Origin {
        span: first.span,
        via: Via::Declared,
    };
    Some(Fact::new("is", Plain::List(names.collect()), origin))
}
