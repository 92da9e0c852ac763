//! Addresses of services in texts: who is told of a service that no flow lets it call.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::{Peer, Platform};
use erpc_policy::{EdgePort, Edges};

/// A service that is told where another is, and may not talk to it: every connection would be dropped.
pub(crate) fn without_flow(platform: &Platform, edges: &Edges, out: &mut Diagnostics) {
    for (id, service) in platform.services() {
        for used in &service.addresses {
            let called = &platform[used.to];
            let port = used.port.as_ref().and_then(|port| called.port(port));
            let is_open = |wanted: u32| {
                let mut own = edges.from(id).iter();
                own.any(|edge| {
                    edge.to == Peer::Service(used.to) && edge.port == EdgePort::Declared(wanted)
                })
            };
            let mut wanted = match port {
                Some(port) => port..port + 1,
                None => 0..u32::try_from(called.ports.len()).unwrap_or(u32::MAX),
            };
            if used.to == id || wanted.any(is_open) {
                continue;
            }
            let name = platform.path(used.to);
            let port = used.port.as_ref().map(|port| format!(":{port}"));
            out.push(
                Diagnostic::new(
                    &codes::ADDRESS_WITHOUT_FLOW,
                    format!(
                        "`{}` uses the address of `{name}`, but no flow allows the call",
                        platform.path(id)
                    ),
                )
                .at(used.span, "no flow leads there")
                .also(service.name.span(), "of this service")
                .about(platform.path(id))
                .help(format!(
                    "add `calls {name}{}`, or do not name it",
                    port.as_deref().unwrap_or(":PORT")
                )),
            );
        }
    }
}
