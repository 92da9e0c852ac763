//! Metadata, ConfigMaps, Secrets and Services.

use erpc_model::kubernetes as form;

use super::RulesOf;
use super::forms::{not_a_finalizer, not_a_target_port, not_an_annotation};
use super::rule::Rule::{
    Apart, Bytes, Distinct, Keys, NotBlank, Number, OneOf, Only, OnlyNumber, Text, Values,
};
use super::rule::{MAX_ANNOTATIONS, MAX_DATA};

pub(super) static RULES: &[RulesOf] = &[
    (
        "meta.v1",
        "ObjectMeta",
        &[
            Keys("labels", "label key", form::not_a_key),
            Values("labels", "label value", form::not_a_value),
            Keys("annotations", "annotation key", not_an_annotation),
            Text("finalizers", "finalizer", not_a_finalizer),
            Bytes(&["annotations"], MAX_ANNOTATIONS),
        ],
    ),
    (
        "meta.v1",
        "LabelSelector",
        &[
            Keys("matchLabels", "label key", form::not_a_key),
            Values("matchLabels", "label value", form::not_a_value),
        ],
    ),
    (
        "core.v1",
        "ConfigMap",
        &[
            Keys("data", "file name", form::not_a_file),
            Keys("binaryData", "file name", form::not_a_file),
            Apart("data", "binaryData"),
            Bytes(&["data", "binaryData"], MAX_DATA),
        ],
    ),
    (
        "core.v1",
        "Secret",
        &[
            Keys("data", "file name", form::not_a_file),
            Keys("stringData", "file name", form::not_a_file),
            Bytes(&["data"], MAX_DATA),
        ],
    ),
    (
        "core.v1",
        "ServiceSpec",
        &[
            Only("sessionAffinityConfig", "sessionAffinity", &["ClientIP"]),
            Only(
                "externalTrafficPolicy",
                "type",
                &["LoadBalancer", "NodePort"],
            ),
            Only("loadBalancerClass", "type", &["LoadBalancer"]),
            Only("allocateLoadBalancerNodePorts", "type", &["LoadBalancer"]),
            OnlyNumber("healthCheckNodePort", "externalTrafficPolicy", &["Local"]),
            OnlyNumber("healthCheckNodePort", "type", &["LoadBalancer"]),
            Only("loadBalancerSourceRanges", "type", &["LoadBalancer"]),
            Text("loadBalancerClass", "name", form::not_a_key),
            NotBlank(&[
                "internalTrafficPolicy",
                "ipFamilyPolicy",
                "loadBalancerClass",
                "trafficDistribution",
            ]),
            Distinct("ipFamilies"),
            OneOf(
                "trafficDistribution",
                &["PreferClose", "PreferSameZone", "PreferSameNode"],
            ),
        ],
    ),
    (
        "core.v1",
        "ClientIPConfig",
        &[Number("timeoutSeconds", 1, 86_400)],
    ),
    (
        "core.v1",
        "ServicePort",
        &[
            Text("name", "port name", form::not_a_label),
            Number("port", 1, 65_535),
            Number("targetPort", 1, 65_535),
            Text("targetPort", "port", not_a_target_port),
            NotBlank(&["appProtocol"]),
            Text("appProtocol", "protocol", form::not_a_key),
        ],
    ),
];
