//! What `defaults strict` adds to the objects of a platform, where the source sets nothing. A test builds a platform
//! with both defaults and compares the difference with this table.

use std::fmt::Write;

use serde::Serialize;

/// A field, or a whole object, that is there with `defaults strict` and not with `defaults kubernetes`.
#[derive(Debug, Serialize)]
pub struct Added {
    /// The kinds that have it; `POD` for all with pods.
    pub kinds: &'static str,
    /// The field, from the pod's template for `POD`; empty for the whole object.
    pub field: &'static str,
    /// Its value.
    pub value: &'static str,
    /// Why.
    pub why: &'static str,
    /// How the source changes it.
    pub change: &'static str,
}

/// Fields of objects in the order in which `defaults.md` lists them.
pub const ADDED: &[Added] = &[
    Added {
        kinds: "POD",
        field: "spec.automountServiceAccountToken",
        value: "`false`; `true` with `grants`",
        why: "a pod that calls no API needs no token",
        change: "`grants`",
    },
    Added {
        kinds: "POD",
        field: "spec.serviceAccountName",
        value: "`NAMESPACE-sa`; the service's own with `grants`",
        why: "nothing runs under the account `default`",
        change: "`grants`",
    },
    Added {
        kinds: "POD",
        field: "spec.enableServiceLinks",
        value: "`false`",
        why: "variables for every Service of the namespace can collide with the program's own",
        change: "`patch`",
    },
    Added {
        kinds: "POD",
        field: "spec.securityContext.runAsNonRoot",
        value: "`true`",
        why: "Pod Security `restricted`",
        change: "`patch`",
    },
    Added {
        kinds: "POD",
        field: "spec.securityContext.seccompProfile",
        value: "`RuntimeDefault`",
        why: "Pod Security `restricted`",
        change: "`patch`",
    },
    Added {
        kinds: "POD",
        field: "spec.securityContext.sysctls",
        value: "`net.ipv4.ip_unprivileged_port_start` is `0`, if a port is below 1024",
        why: "a user other than root may open the port",
        change: "`port NAME 80 -> 8080`",
    },
    Added {
        kinds: "POD",
        field: "spec.securityContext.fsGroup",
        value: "the group of `run as`, if volumes or secrets are mounted",
        why: "the user of `run as` may read and write them",
        change: "`run as UID:GID`",
    },
    Added {
        kinds: "POD",
        field: "spec.securityContext.fsGroupChangePolicy",
        value: "`OnRootMismatch`",
        why: "a large volume is not walked through at every start",
        change: "`patch`",
    },
    Added {
        kinds: "POD",
        field: "spec.containers[].securityContext.allowPrivilegeEscalation",
        value: "`false`",
        why: "Pod Security `restricted`",
        change: "`patch`",
    },
    Added {
        kinds: "POD",
        field: "spec.containers[].securityContext.capabilities.drop",
        value: "`ALL`",
        why: "Pod Security `restricted`",
        change: "`capability NAME because \"…\"` adds one",
    },
    Added {
        kinds: "POD",
        field: "spec.containers[].securityContext.readOnlyRootFilesystem",
        value: "`true`",
        why: "what a container writes is declared",
        change: "`writable \"/path\"`",
    },
    Added {
        kinds: "POD",
        field: "spec.containers[].volumeMounts[/tmp]",
        value: "an empty folder",
        why: "most programs need a folder for temporary files",
        change: "`writable` or `volume` at `/tmp`",
    },
    Added {
        kinds: "POD",
        field: "spec.volumes[tmp]",
        value: "`emptyDir`",
        why: "the folder `/tmp`",
        change: "`writable` or `volume` at `/tmp`",
    },
    Added {
        kinds: "POD",
        field: "spec.containers[].volumeMounts[].readOnly",
        value: "`true` for `config` and `secret`",
        why: "the files are not the container's to change",
        change: "`patch`",
    },
    Added {
        kinds: "POD",
        field: "spec.volumes[].secret.defaultMode",
        value: "`0440` with `run as`",
        why: "only the user's group reads them",
        change: "`patch`",
    },
    Added {
        kinds: "POD",
        field: "metadata.annotations[erpc/config-sha256]",
        value: "a digest of the files of `config`",
        why: "pods restart when the files change",
        change: "`defaults kubernetes`",
    },
    Added {
        kinds: "POD",
        field: "spec.topologySpreadConstraints",
        value: "over nodes, from two replicas on",
        why: "a node that fails takes one replica",
        change: "`spread by zone`",
    },
    Added {
        kinds: "Deployment",
        field: "spec.strategy",
        value: "one pod more, none less; `Recreate` if a port is on the node or a volume is mounted `once`",
        why: "a new replica is ready before an old one goes",
        change: "`patch`",
    },
    Added {
        kinds: "DaemonSet",
        field: "spec.updateStrategy",
        value: "one pod more, none less; one less if a port is on the node",
        why: "a new pod is ready before the old one of its node goes",
        change: "`patch`",
    },
    Added {
        kinds: "StatefulSet",
        field: "spec.persistentVolumeClaimRetentionPolicy",
        value: "`Retain`",
        why: "a volume outlives its service and its replicas",
        change: "`patch`",
    },
    Added {
        kinds: "CronJob",
        field: "spec.concurrencyPolicy",
        value: "`Forbid`",
        why: "a run that is late does not meet the next one",
        change: "`patch`",
    },
    Added {
        kinds: "Namespace",
        field: "metadata.labels[pod-security.kubernetes.io/*]",
        value: "the strictest level that all services satisfy",
        why: "the API server refuses pods that ask for more",
        change: "`labels` of the namespace",
    },
    Added {
        kinds: "PodDisruptionBudget",
        field: "",
        value: "one pod at a time, from two replicas on",
        why: "a drain leaves the others running",
        change: "`disruption min N`",
    },
    Added {
        kinds: "ServiceAccount",
        field: "",
        value: "`NAMESPACE-sa`, without a token",
        why: "the account of pods without `grants`",
        change: "`grants`",
    },
];

/// The table as text in Markdown.
#[must_use]
pub fn strict_table() -> String {
    let mut text =
        String::from("| kind | field | value | why | changed by |\n|---|---|---|---|---|\n");
    for added in ADDED {
        let field = match added.field {
            "" => "the object".to_owned(),
            field => format!("`{field}`"),
        };
        let Added {
            kinds,
            value,
            why,
            change,
            ..
        } = added;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {kinds} | {field} | {value} | {why} | {change} |");
    }
    text
}
