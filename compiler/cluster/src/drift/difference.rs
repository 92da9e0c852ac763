//! What in a cluster may differ from the source.

use serde_json::Value;

use crate::managed::Owner;
use crate::path::FieldPath;
use crate::severity::Severity;

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// What differs.
    pub what: Difference,
    /// What it means.
    pub severity: Severity,
    /// The line of the source that is nearest to it.
    pub source: Option<String>,
    /// Who wrote it, the latest first; empty if that is not known.
    pub by: Vec<Owner>,
}

/// What differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// A field of a declared object has another value.
    Changed {
        /// The object.
        object: String,
        /// The field.
        field: FieldPath,
        /// What the source declares; `None` if it does not.
        says: Option<Value>,
        /// What the cluster has.
        has: Option<Value>,
    },
    /// A declared object has a field that the source does not declare.
    Added {
        /// The object.
        object: String,
        /// The field.
        field: FieldPath,
        /// What the cluster has.
        has: Value,
        /// The default that the field would have.
        usual: Option<Value>,
    },
    /// A declared object does not exist.
    Missing {
        /// The object.
        object: String,
    },
    /// A declared object exists and lacks a label by which erpc and its Services find it.
    Unlabelled {
        /// The object.
        object: String,
        /// `app.kubernetes.io/part-of=shop`
        label: String,
    },
    /// A connection that is open or closed against the source.
    Flow {
        /// `shop-front.web → shop-back.api:8080/TCP`
        flow: String,
        /// Whether the cluster lets it through.
        is_open: bool,
    },
    /// An object that the source does not declare.
    Unmanaged {
        /// The object.
        object: String,
        /// Why it matters.
        why: String,
    },
    /// Pods that carry the labels of a service and that no workload of the platform owns.
    Impersonation {
        /// What owns them, or the pod itself.
        object: String,
        /// How many there are.
        pods: usize,
        /// The service, `shop-back.api`.
        service: String,
    },
    /// A volume that has not the declared size.
    Volume {
        /// The claim.
        object: String,
        /// What is known of it, and the fix.
        why: String,
    },
}

/// What was found, and what could not be looked at.
#[derive(Clone, Debug, Default)]
pub struct Drifts {
    /// All differences: of the declared objects in their order, then flows, then what is unmanaged.
    pub found: Vec<Drift>,
    /// What the account may not read, so that nothing is known of it.
    pub unchecked: Vec<String>,
}
