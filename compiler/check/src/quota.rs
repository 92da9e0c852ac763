//! What a namespace needs against its quota, and claims against their storage class.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::units::{Cpu, Memory};
use erpc_model::{Namespace, Platform, ServiceId, listed};
use erpc_reliability::capacity::{Claims, Need, Pod, Scale, Sum, claims};

/// How many services are named.
const SHOWN: usize = 4;

/// A part of a quota: its word, what is needed of it, what there is, both as they are written.
struct Part {
    name: &'static str,
    of: fn(&Sum) -> u64,
    each: fn(&Pod) -> u64,
    most: u64,
    shown: fn(u64) -> String,
}

/// Each namespace against its quota.
pub(crate) fn quotas(platform: &Platform, out: &mut Diagnostics) {
    for namespace in &platform.namespaces {
        if namespace.quota.is_none() {
            continue;
        }
        let need = Need::of(platform, namespace.services.iter().copied());
        for part in parts(namespace) {
            let scale = if (part.of)(&need.min) > part.most {
                Scale::Least
            } else if (part.of)(&need.max) > part.most {
                Scale::Greatest
            } else {
                continue;
            };
            out.push(past(platform, namespace, &part, &need, scale));
        }
    }
}

fn parts(namespace: &Namespace) -> Vec<Part> {
    let quota = namespace.quota.as_ref().map(|quota| &quota.value);
    let cpu = quota.and_then(|quota| quota.cpu);
    let memory = quota.and_then(|quota| quota.memory);
    let pods = quota.and_then(|quota| quota.pods);
    let storage = quota.and_then(|quota| quota.storage);
    let part = |name, most: Option<u64>, of, each, shown| {
        most.map(|most| Part {
            name,
            of,
            each,
            most,
            shown,
        })
    };
    let of_cpu: fn(u64) -> String = |amount| Cpu(amount).to_string();
    let of_memory: fn(u64) -> String = |amount| Memory(amount).to_string();
    [
        part(
            "requests of CPU",
            cpu.map(|r| r.min.0),
            |s| s.cpu.0,
            |p| p.cpu.0,
            of_cpu,
        ),
        part(
            "limits of CPU",
            cpu.map(|r| r.max.0),
            |s| s.cpu_limit.0,
            |p| p.cpu_limit.0,
            of_cpu,
        ),
        part(
            "requests of memory",
            memory.map(|r| r.min.0),
            |s| s.memory.0,
            |p| p.memory.0,
            of_memory,
        ),
        part(
            "limits of memory",
            memory.map(|r| r.max.0),
            |s| s.memory_limit.0,
            |p| p.memory_limit.0,
            of_memory,
        ),
        part(
            "pods",
            pods.map(u64::from),
            |s| s.pods,
            |_| 1,
            |amount| amount.to_string(),
        ),
        part(
            "storage",
            storage.map(|m| m.0),
            |s| s.volumes.0,
            |_| 0,
            of_memory,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn past(
    platform: &Platform,
    namespace: &Namespace,
    part: &Part,
    need: &Need,
    scale: Scale,
) -> Diagnostic {
    let (code, at) = match scale {
        Scale::Least => (&codes::QUOTA_EXCEEDED, "at the least scale"),
        Scale::Greatest => (&codes::QUOTA_STOPS_SCALE, "at the greatest scale"),
    };
    let (needs, most) = (
        (part.shown)((part.of)(need.at(scale))),
        (part.shown)(part.most),
    );
    let name = &namespace.name.value;
    let message = if part.name == "pods" {
        format!("`{name}` has {needs} pods {at}, and its quota allows {most}")
    } else {
        format!(
            "`{name}` has {needs} in {} {at}, and its quota allows {most}",
            part.name
        )
    };
    let span = namespace
        .quota
        .as_ref()
        .map_or(Span::NONE, erpc_model::Sourced::span);
    let mut diagnostic = Diagnostic::new(code, message)
        .at(span, format!("{most} allowed"))
        .also(namespace.name.span(), format!("{needs} needed"))
        .about(name.as_str());
    let mut largest = terms(platform, namespace, part, scale);
    largest.sort_by_key(|(id, _, amount)| (std::cmp::Reverse(*amount), *id));
    let named = largest.iter().take(SHOWN);
    let mut sum: Vec<String> = named.map(|(_, text, _)| text.clone()).collect();
    if largest.len() > SHOWN {
        let rest = largest[SHOWN..].iter().map(|(_, _, amount)| *amount);
        let rest = rest.fold(0, u64::saturating_add);
        sum.push(format!(
            "{} more {}",
            largest.len() - SHOWN,
            (part.shown)(rest)
        ));
    }
    let sum = match sum.as_slice() {
        [one] => one.clone(),
        several => format!("{} = {needs}", several.join(" + ")),
    };
    diagnostic = diagnostic.help(sum);
    diagnostic.help(match scale {
        Scale::Least => format!("allow {needs} or more, or need less"),
        Scale::Greatest => format!("allow {needs} or more, or lower the upper ends of `scale`"),
    })
}

/// What each service needs of a part: `api 3 × 100m = 300m`.
fn terms(
    platform: &Platform,
    namespace: &Namespace,
    part: &Part,
    scale: Scale,
) -> Vec<(ServiceId, String, u64)> {
    let services = namespace.services.iter().copied();
    services
        .filter_map(|id| {
            let service = &platform[id];
            let need = Need::of(platform, [id]);
            let amount = (part.of)(need.at(scale));
            let pods = need.at(scale).pods;
            let each = (part.each)(&Pod::of(service));
            let name = &service.name.value;
            let shown = part.shown;
            let text = if pods > 1 && each.saturating_mul(pods) == amount && part.name != "pods" {
                format!("{name} {pods} × {} = {}", shown(each), shown(amount))
            } else {
                format!("{name} {}", shown(amount))
            };
            (amount > 0).then_some((id, text, amount))
        })
        .collect()
}

/// The claims of each storage class against what it holds, and claims that no class serves.
pub(crate) fn storage(platform: &Platform, out: &mut Diagnostics) {
    for claims in claims(platform) {
        match claims.declared {
            Some(class) => {
                let Some(size) = &class.size else { continue };
                let (needs, at) = if claims.min > size.value {
                    (claims.min, "")
                } else if claims.max > size.value {
                    (claims.max, " at the greatest scale")
                } else {
                    continue;
                };
                let diagnostic = Diagnostic::new(
                    &codes::STORAGE_TOO_SMALL,
                    format!(
                        "the claims on the storage class `{}` take {needs}{at}, and it holds {}",
                        class.name.value, size.value
                    ),
                )
                .at(size.span(), format!("{needs} are claimed"))
                .about(class.name.value.as_str());
                out.push(volumes(platform, diagnostic, &claims));
            }
            None if claims.class.is_none() => without_class(platform, &claims, out),
            // An unknown class is an error of its own.
            None => {}
        }
    }
}

fn volumes(platform: &Platform, diagnostic: Diagnostic, claims: &Claims<'_>) -> Diagnostic {
    let mut diagnostic = diagnostic;
    for (id, index, size) in claims.volumes.iter().take(SHOWN) {
        let span = platform[*id].volumes[*index].size.span();
        diagnostic = diagnostic.also(span, format!("{size} of `{}`", platform.path(*id)));
    }
    diagnostic
}

fn without_class(platform: &Platform, claims: &Claims<'_>, out: &mut Diagnostics) {
    let cluster = platform.cluster();
    // A cluster that declares none may have any.
    if cluster.storage.is_empty() {
        return;
    }
    let known = cluster
        .storage
        .iter()
        .map(|class| class.name.value.as_str());
    let mut diagnostic = Diagnostic::new(
        &codes::NO_DEFAULT_CLASS,
        format!(
            "no storage class of `{}` is the default one, and some claims name none",
            cluster.name.value
        ),
    );
    let own = claims.volumes.iter();
    let own = own.map(|(id, index, _)| &platform[*id].volumes[*index]);
    for (at, volume) in own.take(SHOWN).enumerate() {
        let (span, label) = (volume.name.span(), "names no class");
        diagnostic = if at == 0 {
            diagnostic.at(span, label)
        } else {
            diagnostic.also(span, label)
        };
    }
    out.push(
        diagnostic
            .also(cluster.name.span(), format!("it has {}", listed(known, 5)))
            .about(cluster.name.value.as_str())
            .help("mark one `default` in the cluster, or say `class NAME` at the volume"),
    );
}
