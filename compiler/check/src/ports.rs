//! Numbers of ports that exclude each other.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::units::Protocol;
use erpc_model::{AddressKind, Platform, Port, Service, ServiceName};
use rustc_hash::FxHashMap;

use crate::of_service;

/// Two ports of one protocol with one number, in the Service or in the pod.
pub(crate) fn collisions(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        overlaps(
            service,
            "number",
            |port| (port.number.value, port.last),
            out,
        );
        overlaps(
            service,
            "container port",
            |port| {
                let width = port.last - port.number.value;
                (port.container, port.container.saturating_add(width))
            },
            out,
        );
    }
}

fn overlaps(
    service: &Service,
    what: &str,
    numbers: impl Fn(&Port) -> (u16, u16),
    out: &mut Diagnostics,
) {
    let mut ports: Vec<(Protocol, u16, u16, &Port)> = service
        .ports
        .iter()
        .map(|port| {
            let (first, last) = numbers(port);
            (port.protocol, first, last, port)
        })
        .collect();
    ports.sort_by_key(|(protocol, first, last, port)| (*protocol, *first, *last, port.name.span()));
    for pair in ports.windows(2) {
        let ((protocol, _, last, one), (other_protocol, first, _, other)) = (pair[0], pair[1]);
        if protocol != other_protocol || first > last {
            continue;
        }
        // Where the numbers meet too, that is reported.
        let meets = |a: &Port, b: &Port| a.number.value <= b.last && b.number.value <= a.last;
        if what != "number" && meets(one, other) {
            continue;
        }
        let (early, late) = if one.number.span() <= other.number.span() {
            (one, other)
        } else {
            (other, one)
        };
        let diagnostic = Diagnostic::new(
            &codes::PORT_COLLISION,
            format!(
                "the ports `{}` and `{}` have the same {what} {first}/{}",
                early.name.value,
                late.name.value,
                protocol.as_suffix()
            ),
        )
        .at(late.number.span(), "taken")
        .also(early.number.span(), "taken here");
        out.push(of_service(diagnostic, late.number.origin, service));
    }
}

/// A headless Service translates no ports: clients reach the pod itself.
pub(crate) fn headless(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        let headless = service.service_names().into_iter();
        let headless: Vec<ServiceName> = headless.filter(|named| named.is_headless).collect();
        for port in &service.ports {
            let is_reached = headless.iter().any(|of| of.has_port(&port.name.value));
            if is_reached && port.number.value != port.container {
                let diagnostic = Diagnostic::new(
                    &codes::CONTRADICTION,
                    format!(
                        "clients of `{}` reach its pods themselves, so they need the port {}, not {}",
                        service.name.value, port.container, port.number.value
                    ),
                )
                .at(port.number.span(), "another number than the container's")
                .help(format!(
                    "a headless Service, as a service with a volume has by default, translates nothing: write `port {} {}`",
                    port.name.value, port.container
                ));
                out.push(of_service(diagnostic, port.number.origin, service));
            }
        }
    }
}

/// Node ports are numbers of the whole cluster.
pub(crate) fn node_ports(platform: &Platform, out: &mut Diagnostics) {
    let mut taken: FxHashMap<(u16, Protocol), Span> = FxHashMap::default();
    let mut addresses: Vec<_> = platform.addresses.iter().collect();
    addresses.sort_unstable_by_key(|address| address.span);
    for address in addresses {
        let AddressKind::NodePort(Some(number)) = address.kind else {
            continue;
        };
        let protocol = platform[address.port].protocol;
        if let Some(first) = taken.insert((number, protocol), address.span) {
            out.push(
                Diagnostic::new(
                    &codes::NODE_PORT_COLLISION,
                    format!(
                        "node port {number}/{} is already in use",
                        protocol.as_suffix()
                    ),
                )
                .at(address.span, "taken already")
                .also(first, "taken here"),
            );
        }
    }
}
