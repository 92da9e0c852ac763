//! Volumes of pods and their sources.

use erpc_model::kubernetes as form;

use super::RulesOf;
use super::forms::{has_backsteps, not_absolute};
use super::rule::Rule::{NotEmpty, Number, OneBesideName, Text};

pub(super) static RULES: &[RulesOf] = &[
    (
        "core.v1",
        "Volume",
        &[
            Text("name", "name", form::not_a_label),
            OneBesideName("source"),
        ],
    ),
    (
        "core.v1",
        "HostPathVolumeSource",
        &[NotEmpty("path"), Text("path", "path", has_backsteps)],
    ),
    (
        "core.v1",
        "ConfigMapVolumeSource",
        &[NotEmpty("name"), Number("defaultMode", 0, 0o777)],
    ),
    (
        "core.v1",
        "SecretVolumeSource",
        &[NotEmpty("secretName"), Number("defaultMode", 0, 0o777)],
    ),
    (
        "core.v1",
        "DownwardAPIVolumeSource",
        &[Number("defaultMode", 0, 0o777)],
    ),
    (
        "core.v1",
        "ProjectedVolumeSource",
        &[Number("defaultMode", 0, 0o777)],
    ),
    (
        "core.v1",
        "PersistentVolumeClaimVolumeSource",
        &[NotEmpty("claimName")],
    ),
    (
        "core.v1",
        "NFSVolumeSource",
        &[
            NotEmpty("server"),
            NotEmpty("path"),
            Text("path", "path", not_absolute),
        ],
    ),
    ("core.v1", "CSIVolumeSource", &[NotEmpty("driver")]),
];
