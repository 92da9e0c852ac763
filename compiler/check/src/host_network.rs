//! Services on the network of their node: no NetworkPolicy holds for them.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::{PatchValue, Platform};

/// A patch that puts a pod on the node's network.
pub(crate) fn patched(platform: &Platform, out: &mut Diagnostics) {
    for (id, service) in platform.services() {
        for field in service.patches.iter().flat_map(|patch| &patch.fields) {
            let is_host_network = field.path.last().is_some_and(|name| name == "hostNetwork");
            if is_host_network && field.value.value == Some(PatchValue::Bool(true)) {
                out.push(
                    Diagnostic::new(
                        &codes::HOST_NETWORK,
                        format!(
                            "`{}` would have the addresses of its node, and no NetworkPolicy holds for it",
                            platform.path(id)
                        ),
                    )
                    .at(field.value.span(), "on the network of the node")
                    .also(service.name.span(), "of this service")
                    .help("`port NAME NUMBER host` opens a port of the node and keeps the pod on its own network"),
                );
            }
        }
    }
}
