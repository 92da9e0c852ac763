//! Containers: ports, variables, probes, mounts.

use erpc_model::kubernetes as form;

use super::RulesOf;
use super::forms::{
    not_a_mount_path, not_a_port_name, not_a_resource, not_a_subpath, not_a_target_port,
    not_an_address,
};
use super::rule::Rule::{Either, Keys, NotBlank, NotEmpty, Number, One, OneOf, Only, Text};
use super::rule::{MAX_INT32, MAX_SECONDS};

pub(super) static RULES: &[RulesOf] = &[
    (
        "core.v1",
        "Container",
        &[
            Text("name", "name", form::not_a_label),
            NotEmpty("image"),
            NotBlank(&["restartPolicy"]),
            OneOf("restartPolicy", &["Always", "OnFailure", "Never"]),
        ],
    ),
    (
        "core.v1",
        "ContainerPort",
        &[
            Number("containerPort", 1, 65_535),
            Number("hostPort", 0, 65_535),
            Text("name", "port name", not_a_port_name),
            Text("hostIP", "IP address", not_an_address),
        ],
    ),
    (
        "core.v1",
        "ResourceRequirements",
        &[
            Keys("limits", "resource name", not_a_resource),
            Keys("requests", "resource name", not_a_resource),
        ],
    ),
    (
        "core.v1",
        "EnvVar",
        &[
            Text("name", "variable name", form::not_a_variable),
            Either("value", "valueFrom"),
        ],
    ),
    (
        "core.v1",
        "EnvVarSource",
        &[One(
            "source",
            &[
                "configMapKeyRef",
                "fieldRef",
                "fileKeyRef",
                "resourceFieldRef",
                "secretKeyRef",
            ],
        )],
    ),
    (
        "core.v1",
        "EnvFromSource",
        &[One("source", &["configMapRef", "secretRef"])],
    ),
    (
        "core.v1",
        "ConfigMapKeySelector",
        &[
            Text("key", "file name", form::not_a_file),
            NotEmpty("key"),
            NotEmpty("name"),
        ],
    ),
    (
        "core.v1",
        "SecretKeySelector",
        &[
            Text("key", "file name", form::not_a_file),
            NotEmpty("key"),
            NotEmpty("name"),
        ],
    ),
    (
        "core.v1",
        "Probe",
        &[
            One("handler", &["exec", "grpc", "httpGet", "tcpSocket"]),
            // A server takes 0 for a field that is not set, and sets its default.
            Number("initialDelaySeconds", 0, MAX_INT32),
            Number("timeoutSeconds", 0, MAX_INT32),
            Number("periodSeconds", 0, MAX_INT32),
            Number("successThreshold", 0, MAX_INT32),
            Number("failureThreshold", 0, MAX_INT32),
            Number("terminationGracePeriodSeconds", 1, MAX_SECONDS),
        ],
    ),
    (
        "core.v1",
        "LifecycleHandler",
        &[One("handler", &["exec", "httpGet", "sleep", "tcpSocket"])],
    ),
    ("core.v1", "ExecAction", &[NotEmpty("command")]),
    (
        "core.v1",
        "HTTPGetAction",
        &[
            Text("port", "port", not_a_target_port),
            Number("port", 1, 65_535),
        ],
    ),
    (
        "core.v1",
        "TCPSocketAction",
        &[
            Text("port", "port", not_a_target_port),
            Number("port", 1, 65_535),
        ],
    ),
    ("core.v1", "GRPCAction", &[Number("port", 1, 65_535)]),
    (
        "core.v1",
        "SleepAction",
        &[Number("seconds", 0, MAX_SECONDS)],
    ),
    (
        "core.v1",
        "VolumeMount",
        &[
            NotEmpty("name"),
            NotEmpty("mountPath"),
            NotBlank(&["mountPropagation", "recursiveReadOnly"]),
            Text("mountPath", "mount path", not_a_mount_path),
            Text("subPath", "path", not_a_subpath),
            Text("subPathExpr", "path", not_a_subpath),
            Either("subPath", "subPathExpr"),
            OneOf("recursiveReadOnly", &["Disabled", "IfPossible", "Enabled"]),
            Only("recursiveReadOnly", "readOnly", &["true"]),
        ],
    ),
];
