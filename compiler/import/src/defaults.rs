//! What the API server sets in fields that a manifest leaves out (`k8s.io/kubernetes`, `pkg/apis/*/v1/defaults.go`), and
//! what it means where it is written. Fields are told by their types, so that a container is a container wherever it is.
//! What depends on other fields is in `normal.rs`.

use erpc_emit::schema::TypeName;

/// The value of a field that means the same as no value, as JSON.
pub(crate) fn default_of(type_name: TypeName, field: &str) -> Option<&'static str> {
    let (package, name) = type_name;
    let mut rows = DEFAULTS.iter().filter(|row| row.0 == package);
    let row = rows.find(|(_, types, known, _)| *known == field && types.contains(&name))?;
    Some(row.3)
}

/// Whether an object of this type means nothing if it has no fields.
pub(crate) fn is_nothing(type_name: TypeName) -> bool {
    NOTHING.contains(&type_name.1)
}

/// Whether an empty text differs from none: the field is a pointer in Go.
pub(crate) fn may_be_empty(field: &str) -> bool {
    ["storageClassName", "apiGroup", "volumeAttributesClassName"].contains(&field)
}

const SOURCES_OF_FILES: &[&str] = &[
    "ConfigMapVolumeSource",
    "SecretVolumeSource",
    "ProjectedVolumeSource",
    "DownwardAPIVolumeSource",
];
const REFERENCES: &[&str] = &[
    "ConfigMapVolumeSource",
    "SecretVolumeSource",
    "ConfigMapProjection",
    "SecretProjection",
    "ConfigMapKeySelector",
    "SecretKeySelector",
    "ConfigMapEnvSource",
    "SecretEnvSource",
];

type Row = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
);

const CORE: &str = "core.v1";
const APPS: &str = "apps.v1";
const BATCH: &str = "batch.v1";

/// Package, types, field, value.
#[rustfmt::skip]
const DEFAULTS: &[Row] = &[
    ("apiextensions.v1", &["CustomResourceDefinitionSpec"], "conversion", "{\"strategy\":\"None\"}"),
    ("scheduling.v1", &["PriorityClass"], "preemptionPolicy", "\"PreemptLowerPriority\""),
    (CORE, &["PodSpec"], "dnsPolicy", "\"ClusterFirst\""),
    (CORE, &["PodSpec"], "restartPolicy", "\"Always\""),
    (CORE, &["PodSpec"], "schedulerName", "\"default-scheduler\""),
    (CORE, &["PodSpec"], "terminationGracePeriodSeconds", "30"),
    (CORE, &["PodSpec"], "enableServiceLinks", "true"),
    (CORE, &["PodSpec"], "serviceAccountName", "\"default\""),
    (CORE, &["PodSpec"], "hostNetwork", "false"),
    (CORE, &["PodSpec"], "hostPID", "false"),
    (CORE, &["PodSpec"], "hostIPC", "false"),
    (CORE, &["PodSpec"], "hostUsers", "true"),
    (CORE, &["PodSpec"], "shareProcessNamespace", "false"),
    (CORE, &["PodSpec"], "setHostnameAsFQDN", "false"),
    (CORE, &["PodSecurityContext"], "fsGroupChangePolicy", "\"Always\""),
    (CORE, &["SecurityContext"], "procMount", "\"Default\""),
    (CORE, &["SecurityContext"], "privileged", "false"),
    (CORE, &["SecurityContext"], "readOnlyRootFilesystem", "false"),
    (CORE, &["Container"], "terminationMessagePath", "\"/dev/termination-log\""),
    (CORE, &["Container"], "terminationMessagePolicy", "\"File\""),
    (CORE, &["Container"], "stdin", "false"),
    (CORE, &["Container"], "stdinOnce", "false"),
    (CORE, &["Container"], "tty", "false"),
    (CORE, &["ContainerPort", "ServicePort"], "protocol", "\"TCP\""),
    (CORE, &["ContainerPort"], "hostPort", "0"),
    (CORE, &["Probe"], "initialDelaySeconds", "0"),
    (CORE, &["Probe"], "timeoutSeconds", "1"),
    (CORE, &["Probe"], "periodSeconds", "10"),
    (CORE, &["Probe"], "successThreshold", "1"),
    (CORE, &["Probe"], "failureThreshold", "3"),
    (CORE, &["HTTPGetAction"], "scheme", "\"HTTP\""),
    (CORE, &["HTTPGetAction"], "path", "\"/\""),
    (CORE, &["ObjectFieldSelector"], "apiVersion", "\"v1\""),
    (CORE, &["ResourceFieldSelector"], "divisor", "\"0\""),
    (CORE, SOURCES_OF_FILES, "defaultMode", "420"),
    (CORE, REFERENCES, "optional", "false"),
    (CORE, &["ServiceAccountTokenProjection"], "expirationSeconds", "3600"),
    (CORE, &["VolumeMount", "PersistentVolumeClaimVolumeSource", "NFSVolumeSource", "CSIVolumeSource"], "readOnly", "false"),
    (CORE, &["VolumeMount"], "mountPropagation", "\"None\""),
    (CORE, &["VolumeMount"], "recursiveReadOnly", "\"Disabled\""),
    (CORE, &["AzureDiskVolumeSource"], "cachingMode", "\"ReadWrite\""),
    (CORE, &["AzureDiskVolumeSource"], "fsType", "\"ext4\""),
    (CORE, &["AzureDiskVolumeSource"], "kind", "\"Shared\""),
    (CORE, &["AzureDiskVolumeSource"], "readOnly", "false"),
    (CORE, &["ISCSIVolumeSource"], "iscsiInterface", "\"default\""),
    (CORE, &["RBDVolumeSource"], "pool", "\"rbd\""),
    (CORE, &["RBDVolumeSource"], "user", "\"admin\""),
    (CORE, &["RBDVolumeSource"], "keyring", "\"/etc/ceph/keyring\""),
    (CORE, &["Toleration"], "operator", "\"Equal\""),
    (CORE, &["TopologySpreadConstraint"], "nodeAffinityPolicy", "\"Honor\""),
    (CORE, &["TopologySpreadConstraint"], "nodeTaintsPolicy", "\"Ignore\""),
    (CORE, &["PersistentVolumeClaimSpec"], "volumeMode", "\"Filesystem\""),
    (CORE, &["ServiceSpec"], "type", "\"ClusterIP\""),
    (CORE, &["ServiceSpec"], "sessionAffinity", "\"None\""),
    (CORE, &["ServiceSpec"], "internalTrafficPolicy", "\"Cluster\""),
    (CORE, &["ServiceSpec"], "externalTrafficPolicy", "\"Cluster\""),
    (CORE, &["ServiceSpec"], "publishNotReadyAddresses", "false"),
    (CORE, &["ServiceSpec"], "allocateLoadBalancerNodePorts", "true"),
    (CORE, &["ServiceSpec"], "ipFamilyPolicy", "\"SingleStack\""),
    (APPS, &["DeploymentSpec", "StatefulSetSpec", "ReplicaSetSpec"], "replicas", "1"),
    (APPS, &["DeploymentSpec", "StatefulSetSpec", "DaemonSetSpec"], "revisionHistoryLimit", "10"),
    (APPS, &["DeploymentSpec", "StatefulSetSpec", "DaemonSetSpec"], "minReadySeconds", "0"),
    (APPS, &["DeploymentSpec"], "progressDeadlineSeconds", "600"),
    (APPS, &["DeploymentSpec"], "paused", "false"),
    (APPS, &["DeploymentStrategy", "StatefulSetUpdateStrategy", "DaemonSetUpdateStrategy"], "type", "\"RollingUpdate\""),
    (APPS, &["RollingUpdateDeployment"], "maxSurge", "\"25%\""),
    (APPS, &["RollingUpdateDeployment"], "maxUnavailable", "\"25%\""),
    (APPS, &["RollingUpdateDaemonSet"], "maxSurge", "0"),
    (APPS, &["RollingUpdateDaemonSet"], "maxUnavailable", "1"),
    (APPS, &["RollingUpdateStatefulSetStrategy"], "partition", "0"),
    (APPS, &["RollingUpdateStatefulSetStrategy"], "maxUnavailable", "1"),
    (APPS, &["StatefulSetSpec"], "podManagementPolicy", "\"OrderedReady\""),
    (APPS, &["StatefulSetPersistentVolumeClaimRetentionPolicy"], "whenDeleted", "\"Retain\""),
    (APPS, &["StatefulSetPersistentVolumeClaimRetentionPolicy"], "whenScaled", "\"Retain\""),
    (BATCH, &["JobSpec"], "backoffLimit", "6"),
    (BATCH, &["JobSpec"], "completionMode", "\"NonIndexed\""),
    (BATCH, &["JobSpec"], "manualSelector", "false"),
    (BATCH, &["JobSpec"], "podReplacementPolicy", "\"TerminatingOrFailed\""),
    (BATCH, &["JobSpec", "CronJobSpec"], "suspend", "false"),
    (BATCH, &["CronJobSpec"], "concurrencyPolicy", "\"Allow\""),
    (BATCH, &["CronJobSpec"], "successfulJobsHistoryLimit", "3"),
    (BATCH, &["CronJobSpec"], "failedJobsHistoryLimit", "1"),
];

const NOTHING: &[&str] = &[
    "Affinity",
    "DaemonSetUpdateStrategy",
    "DeploymentStrategy",
    "Lifecycle",
    "NodeAffinity",
    "ObjectMeta",
    "PodAffinity",
    "PodAntiAffinity",
    "PodDNSConfig",
    "PodSecurityContext",
    "ResourceRequirements",
    "RollingUpdateDaemonSet",
    "RollingUpdateDeployment",
    "RollingUpdateStatefulSetStrategy",
    "SecurityContext",
    "StatefulSetPersistentVolumeClaimRetentionPolicy",
    "StatefulSetUpdateStrategy",
    "VolumeResourceRequirements",
];
