//! Workloads for which not even a pod can be made: quota, Pod Security, accounts, admission.

use std::time::Duration;

use super::look::{Look, text};
use super::state::Stall;

pub(super) const FAILED_CREATE: Duration = Duration::from_secs(5);

impl Look<'_> {
    /// StatefulSets and Jobs that cannot make a pod say so in events alone.
    pub(super) fn failed_create(&mut self, pods: usize, wanted: i64) -> Option<Stall> {
        if i64::try_from(pods).unwrap_or(i64::MAX) >= wanted {
            return None;
        }
        let events = self.warnings_of(self.target.id.name.as_ref());
        let message = events
            .iter()
            .rev()
            .find(|event| event["reason"] == "FailedCreate")
            .map(|event| text(&event["message"]).to_owned())?;
        let (since, message) = self.seen("FailedCreate", &message);
        (since >= FAILED_CREATE).then(|| no_pod(&message))
    }
}

/// Why a controller cannot make a pod at all.
pub(super) fn no_pod(message: &str) -> Stall {
    let clean = message
        .split_once(" is forbidden: ")
        .map_or(message, |(_, rest)| rest);
    if message.contains("exceeded quota") {
        return Stall::new(
            "QuotaExceeded",
            format!("no pod can be made: {clean}"),
            "raise the namespace's quota in the source, or ask for less",
        );
    }
    if message.contains("violates PodSecurity") {
        return Stall::new(
            "PodSecurity",
            format!("no pod can be made: {clean}"),
            "change the workload, or the level of the namespace",
        );
    }
    if message.contains("serviceaccount") && message.contains("not found") {
        return Stall::new(
            "MissingAccount",
            format!("no pod can be made: {clean}"),
            "apply again: the account is part of the platform, unless a patch names another",
        );
    }
    if message.contains("failed calling webhook") {
        let webhook = message.split('"').nth(1).unwrap_or("a webhook");
        return Stall::new(
            "WebhookDown",
            format!("no pod can be made: the admission webhook `{webhook}` does not answer"),
            "bring its service back, or remove its webhook configuration",
        );
    }
    if message.contains("admission webhook") || message.contains("denied") {
        return Stall::new(
            "AdmissionDenied",
            format!("no pod can be made: {message}"),
            "an admission policy of the cluster forbids it: change the source, or ask who owns the policy",
        );
    }
    Stall::new(
        "FailedCreate",
        format!("no pod can be made: {message}"),
        "see the events of the workload",
    )
}

#[cfg(test)]
mod tests {
    use super::no_pod;

    #[test]
    fn what_keeps_a_controller_from_making_pods_has_a_name_each() {
        let reasons = [
            (
                "pods \"a\" is forbidden: exceeded quota: quota, requested: cpu=1",
                "QuotaExceeded",
            ),
            (
                "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\"",
                "PodSecurity",
            ),
            (
                "pods \"a\" is forbidden: error looking up service account n/a: serviceaccount \"a\" not found",
                "MissingAccount",
            ),
            (
                "Internal error occurred: failed calling webhook \"w.example\": no endpoints",
                "WebhookDown",
            ),
            (
                "admission webhook \"w\" denied the request",
                "AdmissionDenied",
            ),
        ];
        for (message, reason) in reasons {
            assert_eq!(no_pod(message).reason, reason, "{message}");
        }
    }
}
