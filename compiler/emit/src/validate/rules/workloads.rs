//! Workloads and autoscalers: rollouts, jobs, scaling.

use super::RulesOf;
use super::forms::not_a_controller;
use super::rule::Rule::{
    Greater, Needs, NotBlank, NotBothZero, Number, One, OneOf, Only, Share, Text,
};
use super::rule::{MAX_INT32, MAX_SECONDS};

pub(super) static RULES: &[RulesOf] = &[
    (
        "apps.v1",
        "DeploymentSpec",
        &[
            Number("minReadySeconds", 0, MAX_INT32),
            Number("revisionHistoryLimit", 0, MAX_INT32),
            Number("progressDeadlineSeconds", 1, MAX_INT32),
            Number("replicas", 0, MAX_INT32),
            Greater(("progressDeadlineSeconds", 600), ("minReadySeconds", 0)),
        ],
    ),
    (
        "apps.v1",
        "DeploymentStrategy",
        &[Only("rollingUpdate", "type", &["", "RollingUpdate"])],
    ),
    (
        "apps.v1",
        "RollingUpdateDeployment",
        &[
            Share("maxSurge", i64::MAX),
            Share("maxUnavailable", 100),
            NotBothZero("maxSurge", "maxUnavailable"),
        ],
    ),
    (
        "apps.v1",
        "StatefulSetSpec",
        &[
            Number("minReadySeconds", 0, MAX_INT32),
            Number("replicas", 0, MAX_INT32),
        ],
    ),
    (
        "apps.v1",
        "StatefulSetUpdateStrategy",
        &[Only("rollingUpdate", "type", &["", "RollingUpdate"])],
    ),
    (
        "apps.v1",
        "RollingUpdateStatefulSetStrategy",
        &[
            Number("partition", 0, MAX_INT32),
            Share("maxUnavailable", 100),
        ],
    ),
    (
        "batch.v1",
        "PodFailurePolicyRule",
        &[One("condition", &["onExitCodes", "onPodConditions"])],
    ),
    (
        "apps.v1",
        "StatefulSetOrdinals",
        &[Number("start", 0, MAX_INT32)],
    ),
    (
        "apps.v1",
        "StatefulSetPersistentVolumeClaimRetentionPolicy",
        &[
            OneOf("whenDeleted", &["Retain", "Delete"]),
            OneOf("whenScaled", &["Retain", "Delete"]),
        ],
    ),
    (
        "batch.v1",
        "JobSpec",
        &[
            Number("activeDeadlineSeconds", 0, MAX_SECONDS),
            Number("backoffLimit", 0, MAX_INT32),
            Number("backoffLimitPerIndex", 0, MAX_INT32),
            Number("completions", 0, MAX_INT32),
            Number("maxFailedIndexes", 0, MAX_INT32),
            Number("parallelism", 0, MAX_INT32),
            Number("ttlSecondsAfterFinished", 0, MAX_INT32),
            Only("backoffLimitPerIndex", "completionMode", &["Indexed"]),
            Only("maxFailedIndexes", "completionMode", &["Indexed"]),
            Only("successPolicy", "completionMode", &["Indexed"]),
            Needs("maxFailedIndexes", "backoffLimitPerIndex"),
            NotBlank(&["completionMode", "managedBy", "podReplacementPolicy"]),
            Text("managedBy", "controller", not_a_controller),
        ],
    ),
    (
        "batch.v1",
        "CronJobSpec",
        &[
            Number("startingDeadlineSeconds", 0, MAX_SECONDS),
            Number("successfulJobsHistoryLimit", 0, MAX_INT32),
            Number("failedJobsHistoryLimit", 0, MAX_INT32),
        ],
    ),
    (
        "autoscaling.v2",
        "HPAScalingRules",
        &[
            Number("stabilizationWindowSeconds", 0, 3_600),
            NotBlank(&["selectPolicy"]),
            OneOf("selectPolicy", &["Max", "Min", "Disabled"]),
        ],
    ),
    (
        "policy.v1",
        "PodDisruptionBudgetSpec",
        &[NotBlank(&["unhealthyPodEvictionPolicy"])],
    ),
    (
        "autoscaling.v2",
        "HPAScalingPolicy",
        &[
            Number("periodSeconds", 1, 1_800),
            Number("value", 1, MAX_INT32),
        ],
    ),
];
