//! Refusals in the words of who must act on them.

use crate::failure::{Failure, Refusal};
use crate::object::ObjectId;
use erpc_emit::Kind;

/// A refusal in the words of who must act on it.
pub(crate) fn explain(refusal: &Refusal, id: &ObjectId) -> Failure {
    let message = refusal.message.trim().to_owned();
    if let Some(webhook) = refusal.dead_webhook() {
        return Failure::new(format!(
            "the admission webhook `{webhook}` does not answer, and nothing is taken without it"
        ))
        .help("bring its service back, or remove its webhook configuration");
    }
    if refusal.is_terminating() {
        let namespace = id.namespace.as_deref().unwrap_or_default();
        return Failure::new(format!("namespace {namespace} is being deleted"))
            .help("wait until it is gone, then apply again");
    }
    if id.kind == Kind::PersistentVolumeClaim
        && let Some(failure) = unresizable(&message)
    {
        return failure;
    }
    if refusal.is_rbac() {
        return Failure::new(message)
            .help("`erpc rbac` prints the permissions that this platform needs");
    }
    if message.contains("exceeded quota") {
        return Failure::new(message)
            .help("raise the namespace's quota, or ask for less in the source");
    }
    if message.contains("violates PodSecurity") {
        return Failure::new(message)
            .help("the namespace's Pod Security level forbids it: change the workload or the namespace's labels");
    }
    if message.contains("denied") || message.contains("ValidatingAdmissionPolicy") {
        return Failure::new(message)
            .help("an admission policy of the cluster forbids it: change the source, or ask who owns the policy");
    }
    if refusal.code == 422 || message.contains("field not declared") || refusal.code == 400 {
        return Failure::new(message).help(
            "the object is not what the API takes; a `patch` in the source is the usual reason",
        );
    }
    Failure::new(message)
}

/// Why a claim cannot have another size.
fn unresizable(message: &str) -> Option<Failure> {
    if message.contains("must support resize") || message.contains("can be resized") {
        return Some(
            Failure::new(format!("the StorageClass of the claim does not allow expansion: {message}"))
                .help("if its driver can resize volumes, set `allowVolumeExpansion: true` on the class; otherwise declare a new volume, copy the data, and remove the old one"),
        );
    }
    let is_smaller =
        message.contains("can not be less than") || message.contains("cannot be less than");
    (is_smaller).then(|| {
        Failure::new(format!("a volume cannot become smaller: {message}"))
            .help("declare a new volume under another name, copy the data, then remove the old one")
    })
}
