//! Where erpc keeps its own state: inventories, locks and releases.

use serde_json::{Value, json};

use crate::object::{MANAGED_BY, TOOL};

/// Where inventories, locks and releases are.
pub const STATE_NAMESPACE: &str = "erpc-system";

/// The name of a platform's inventory and of its lock.
pub(crate) fn name(platform: &str) -> String {
    format!("erpc-{platform}")
}

/// The namespace of inventories and locks.
pub(crate) fn namespace() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": STATE_NAMESPACE, "labels": { MANAGED_BY: TOOL } },
    })
}
