//! The facts of a service or job.

use super::{Fact, Plain, keyed, several};
use crate::origin::{Origin, Sourced, Via};
use crate::platform::{
    AddressKind, Config, Patch, PatchValue, Platform, Port, Scaling, Service, ServiceId, Volume,
    Workload,
};
use crate::statements::{Field, Statements, slo};
use crate::units::{Protocol, Range};

/// Everything that a service says or gets, in the order in which the language's reference has it.
#[must_use]
pub fn of_service(platform: &Platform, id: ServiceId) -> Vec<Fact> {
    let service = &platform[id];
    let mut facts = vec![workload(service)];
    if let Workload::CronJob(schedule) = &service.workload {
        facts.push(Fact::shown("every", schedule));
    }
    facts.extend(components(platform, service));
    facts.extend(service.properties.facts(platform));
    facts.extend(service.main.facts(platform));
    facts.extend(keyed("port", service.ports.iter().map(port).collect()));
    facts.push(scaling(&service.scaling));
    facts.extend(keyed(
        "volume",
        service.volumes.iter().map(volume).collect(),
    ));
    facts.extend(keyed(
        "config",
        service.configs.iter().map(config).collect(),
    ));
    let mounts = service.secret_mounts.iter();
    let mounts = mounts.map(|m| Fact::shown(platform[m.secret].name.value.as_str(), &m.at));
    facts.extend(keyed("secret", mounts.collect()));
    facts.extend(slo::facts(service.availability.as_ref(), &service.latency));
    let after: Vec<Sourced<String>> = service
        .after
        .iter()
        .map(|after| after.clone().map(|id| platform.path(id)))
        .collect();
    facts.extend(several("after", &after));
    facts.extend(service.grants.facts("grants", platform));
    facts.extend(exposures(platform, id));
    for (word, containers) in [("sidecar", &service.sidecars), ("init", &service.inits)] {
        let members = containers.iter().map(|member| Fact {
            origin: Some(member.name.origin),
            ..Fact::group(&member.name.value, member.facts(platform))
        });
        facts.extend(keyed(word, members.collect()));
    }
    facts.extend(keyed("patch", service.patches.iter().map(patch).collect()));
    facts
}

fn workload(service: &Service) -> Fact {
    let origin = service.name.origin;
    let kind = |kind: &str, origin| Fact::of("workload", Plain::Text(kind.to_owned()), origin);
    match &service.workload {
        Workload::Deployment => kind("Deployment", origin),
        Workload::StatefulSet => {
            let own = service.volumes.iter().find(|volume| !volume.shared);
            kind(
                "StatefulSet",
                own.map_or(origin, |volume| volume.name.origin),
            )
        }
        Workload::Job => kind("Job", origin),
        Workload::CronJob(schedule) => kind("CronJob", schedule.origin),
    }
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
    Some(Fact::of("is", Plain::List(names.collect()), origin))
}

/// A port as the language writes it: `8080`, `53/udp -> 5353`, `1000..1010`.
pub(super) fn port_numbers(number: u16, last: u16, protocol: Protocol) -> String {
    let range = Range {
        min: number,
        max: last,
    };
    match protocol {
        Protocol::Tcp => range.to_string(),
        Protocol::Udp | Protocol::Sctp => format!("{range}/{}", protocol.as_suffix()),
    }
}

fn port(port: &Port) -> Fact {
    let mut text = port_numbers(port.number.value, port.last, port.protocol);
    if port.container != port.number.value {
        text.push_str(&format!(" -> {}", port.container));
    }
    if port.host {
        text.push_str(" host");
    }
    Fact::of(
        port.name.value.as_str(),
        Plain::Text(text),
        port.number.origin,
    )
}

fn scaling(scaling: &Scaling) -> Fact {
    match scaling {
        Scaling::Fixed(count) => {
            Fact::of("replicas", Plain::Number(count.value.into()), count.origin)
        }
        Scaling::Auto(auto) => {
            let metrics = [("cpu", auto.value.cpu), ("memory", auto.value.memory)];
            let metrics: Vec<String> = metrics
                .into_iter()
                .filter_map(|(name, percent)| Some(format!("{name} {}%", percent?)))
                .collect();
            let text = format!("{} on {}", auto.value.replicas, metrics.join(", "));
            Fact::of("scale", Plain::Text(text), auto.origin)
        }
    }
}

fn volume(volume: &Volume) -> Fact {
    let mut text = format!("{} at {}", volume.size.value, volume.at.value);
    let mut parts = vec![
        Fact::shown("size", &volume.size),
        Fact::shown("at", &volume.at),
    ];
    if let Some(class) = &volume.class {
        text.push_str(&format!(" class {}", class.value));
        parts.push(Fact::shown("class", class));
    }
    if volume.shared {
        text.push_str(" shared");
    }
    parts.push(Fact::of(
        "shared",
        Plain::Bool(volume.shared),
        volume.name.origin,
    ));
    Fact::of(
        volume.name.value.as_str(),
        Plain::Text(text),
        volume.name.origin,
    )
    .with(parts)
}

fn config(config: &Config) -> Fact {
    let names: Vec<&str> = config.files.iter().map(|(name, _)| name.as_str()).collect();
    let text = format!("{} at {}", names.join(", "), config.at.value);
    let mut parts = vec![Fact::shown("at", &config.at)];
    let files = config.files.iter();
    parts.extend(files.map(|(name, content)| Fact::shown(name.as_str(), content)));
    Fact::of(
        config.name.value.as_str(),
        Plain::Text(text),
        config.name.origin,
    )
    .with(parts)
}

fn exposures(platform: &Platform, id: ServiceId) -> Option<Fact> {
    let declared = |span| Origin {
        span,
        via: Via::Declared,
    };
    let mut children = Vec::new();
    for route in platform.routes_to(id) {
        let mut text = format!(
            "{} at {}{}",
            platform[route.port].name.value, route.host.value, route.path
        );
        if let Some(tls) = &route.tls {
            text.push_str(&format!(" tls {}", platform[tls.value].name.value));
        }
        children.push((text, declared(route.host.span())));
    }
    for address in platform.addresses_of(id) {
        let kind = match address.kind {
            AddressKind::LoadBalancer => "loadbalancer".to_owned(),
            AddressKind::NodePort(Some(number)) => format!("nodeport {number}"),
            AddressKind::NodePort(None) => "nodeport".to_owned(),
        };
        let text = format!("{} as {kind}", platform[address.port].name.value);
        children.push((text, declared(address.span)));
    }
    let children = children.into_iter().enumerate();
    keyed(
        "expose",
        children
            .map(|(at, (text, origin))| Fact::of(at.to_string(), Plain::Text(text), origin))
            .collect(),
    )
}

fn patch(patch: &Patch) -> Fact {
    fn plain(value: &PatchValue) -> Plain {
        match value {
            PatchValue::Bool(value) => Plain::Bool(*value),
            PatchValue::Int(value) => {
                u64::try_from(*value).map_or_else(|_| Plain::Text(value.to_string()), Plain::Number)
            }
            PatchValue::Text(text) => Plain::Text(text.clone()),
            PatchValue::List(items) => Plain::List(items.iter().map(plain).collect()),
        }
    }
    let fields = patch.fields.iter().map(|field| {
        let removed = || Plain::Text("off".to_owned());
        Fact::of(
            field.path.join("."),
            field.value.value.as_ref().map_or_else(removed, plain),
            field.value.origin,
        )
    });
    Fact {
        origin: Some(patch.kind.origin),
        ..Fact::group(&patch.kind.value, fields.collect())
    }
}
