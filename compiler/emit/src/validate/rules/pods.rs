//! Pods: names, DNS, security contexts, how they are spread.

use erpc_model::kubernetes as form;

use super::RulesOf;
use super::forms::{not_a_search_domain, not_a_subpath, not_a_windows_user, not_an_address};
use super::rule::Rule::{
    If, Keys, Needs, NotBlank, NotEmpty, Number, OneOf, Only, Text, Unless, Values,
};
use super::rule::{MAX_ID, MAX_INT32, MAX_SECONDS};

pub(super) static RULES: &[RulesOf] = &[
    (
        "core.v1",
        "PodSpec",
        &[
            NotEmpty("containers"),
            Number("activeDeadlineSeconds", 1, MAX_INT32),
            Number("terminationGracePeriodSeconds", 0, MAX_SECONDS),
            Keys("nodeSelector", "label key", form::not_a_key),
            Values("nodeSelector", "label value", form::not_a_value),
            Text("hostname", "name", form::not_a_label),
            Text("subdomain", "name", form::not_a_label),
            Text("hostnameOverride", "name", form::not_a_subdomain),
            Text("nodeName", "name", form::not_a_subdomain),
            Text("priorityClassName", "name", form::not_a_subdomain),
            Text("runtimeClassName", "name", form::not_a_subdomain),
            Text("serviceAccountName", "name", form::not_a_subdomain),
            NotBlank(&["hostnameOverride", "preemptionPolicy", "runtimeClassName"]),
            Needs("overhead", "runtimeClassName"),
            If("dnsPolicy", "None", "dnsConfig"),
            Only("hostnameOverride", "hostNetwork", &["", "false"]),
            Only("hostnameOverride", "setHostnameAsFQDN", &["", "false"]),
        ],
    ),
    (
        "core.v1",
        "PodOS",
        &[NotEmpty("name"), OneOf("name", &["linux", "windows"])],
    ),
    ("core.v1", "Sysctl", &[NotEmpty("name")]),
    (
        "core.v1",
        "HostAlias",
        &[
            NotEmpty("ip"),
            Text("ip", "IP address", not_an_address),
            Text("hostnames", "name", form::not_a_subdomain),
        ],
    ),
    (
        "core.v1",
        "PodReadinessGate",
        &[
            NotEmpty("conditionType"),
            Text("conditionType", "condition", form::not_a_key),
        ],
    ),
    (
        "core.v1",
        "PodAffinityTerm",
        &[
            NotEmpty("topologyKey"),
            Text("topologyKey", "label key", form::not_a_key),
        ],
    ),
    (
        "core.v1",
        "Toleration",
        &[
            Text("key", "label key", form::not_a_key),
            Unless("key", "operator", "Exists"),
            Only("tolerationSeconds", "effect", &["NoExecute"]),
        ],
    ),
    (
        "core.v1",
        "PodDNSConfig",
        &[
            Text("nameservers", "IP address", not_an_address),
            Text("searches", "search domain", not_a_search_domain),
        ],
    ),
    (
        "core.v1",
        "PodSecurityContext",
        &[
            Number("fsGroup", 0, MAX_ID),
            Number("supplementalGroups", 0, MAX_ID),
            Number("runAsUser", 0, MAX_ID),
            Number("runAsGroup", 0, MAX_ID),
            NotBlank(&[
                "fsGroupChangePolicy",
                "seLinuxChangePolicy",
                "supplementalGroupsPolicy",
            ]),
            OneOf("seLinuxChangePolicy", &["MountOption", "Recursive"]),
        ],
    ),
    (
        "core.v1",
        "SecurityContext",
        &[
            NotBlank(&["procMount"]),
            Number("runAsUser", 0, MAX_ID),
            Number("runAsGroup", 0, MAX_ID),
        ],
    ),
    (
        "core.v1",
        "WindowsSecurityContextOptions",
        &[
            NotBlank(&[
                "gmsaCredentialSpec",
                "gmsaCredentialSpecName",
                "runAsUserName",
            ]),
            Text("gmsaCredentialSpecName", "name", form::not_a_subdomain),
            Text("runAsUserName", "user", not_a_windows_user),
        ],
    ),
    (
        "core.v1",
        "SeccompProfile",
        &[
            NotEmpty("type"),
            NotBlank(&["localhostProfile"]),
            Only("localhostProfile", "type", &["Localhost"]),
            If("type", "Localhost", "localhostProfile"),
            Text("localhostProfile", "path", not_a_subpath),
        ],
    ),
    (
        "core.v1",
        "AppArmorProfile",
        &[
            NotEmpty("type"),
            NotBlank(&["localhostProfile"]),
            Only("localhostProfile", "type", &["Localhost"]),
            If("type", "Localhost", "localhostProfile"),
        ],
    ),
    (
        "core.v1",
        "TopologySpreadConstraint",
        &[
            Number("maxSkew", 1, MAX_INT32),
            Number("minDomains", 1, MAX_INT32),
            NotBlank(&["nodeAffinityPolicy", "nodeTaintsPolicy"]),
            NotEmpty("topologyKey"),
            Only("minDomains", "whenUnsatisfiable", &["DoNotSchedule"]),
        ],
    ),
];
