//! What a service mesh does to policies: it carries connections between pods through a tunnel, whose
//! port is then the one on the wire.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::units::Protocol;
use erpc_model::{Peer, Platform};

use crate::edges::Edges;
use crate::policies::PolicyPort;

/// The port of the tunnel beside a port of a pod that another pod of the platform calls; `None`
/// without a mesh, and for what no mesh carries.
pub(crate) fn tunnel(platform: &Platform, port: PolicyPort) -> Option<PolicyPort> {
    let mesh = platform.cluster().mesh.as_ref()?;
    (port.protocol == Protocol::Tcp).then(|| PolicyPort::single(Protocol::Tcp, mesh.value.tunnel()))
}

/// Says that layer-4 exactness is lost where connections go through one port.
pub(crate) fn check(platform: &Platform, edges: &Edges, out: &mut Diagnostics) {
    let Some(mesh) = &platform.cluster().mesh else {
        return;
    };
    let is_carried =
        |from: Peer, to: Peer| matches!((from, to), (Peer::Service(_), Peer::Service(_)));
    let edges = edges.as_slice().iter();
    let mut carried = edges.filter(|edge| {
        let ports = edge.ports(platform);
        is_carried(edge.from, edge.to) && ports.iter().any(|port| port.protocol == Protocol::Tcp)
    });
    let Some(first) = carried.next() else {
        return;
    };
    let count = 1 + carried.count();
    let tunnel = mesh.value.tunnel();
    out.push(
        Diagnostic::new(
            &codes::MESH_TUNNEL,
            format!(
                "`{}` carries connections between pods to port {tunnel}: who may call the tunnel may call every port behind it",
                mesh.value
            ),
        )
        .at(mesh.span(), "policies hold who talks to whom here, not on which port")
        .also(
            platform.flows[first.flow.index()].span,
            match count {
                1 => "the flow that it carries".to_owned(),
                _ => format!("the first of {count} edges that it carries"),
            },
        )
        .help("the ports are the mesh's to hold, with policies of its own; `accept W0417 because \"…\"` where that is so"),
    );
}
