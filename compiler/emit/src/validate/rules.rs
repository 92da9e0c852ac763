//! The rules that concern one value of a type of Kubernetes, by type: which of its fields exclude or require each
//! other, the form of texts, bounds of numbers.

use erpc_model::kubernetes as form;

use super::{Fault, FaultKind, nearest_word};
use crate::schema::TypeName;
use crate::view::{FieldPath, Look, View};

/// What a value of a type must fulfil.
enum Rule {
    /// One of these fields, which are called this, is set.
    One(&'static str, &'static [&'static str]),
    /// At most one of all fields but `name` is set, which are called this.
    OneBesideName(&'static str),
    /// These two exclude each other.
    Either(&'static str, &'static str),
    /// The first is set only if the second has one of these values; empty stands for a field that is not set.
    Only(&'static str, &'static str, &'static [&'static str]),
    /// The first needs the second to be set.
    Needs(&'static str, &'static str),
    /// If the first has this value, the second is set.
    If(&'static str, &'static str, &'static str),
    /// The text, or each element of the list, has a form. An empty one is not set.
    Text(&'static str, &'static str, Form),
    /// The text is not empty.
    NotEmpty(&'static str),
    /// The text is one of these.
    OneOf(&'static str, &'static [&'static str]),
    /// The keys of a map have a form.
    Keys(&'static str, &'static str, Form),
    /// The values of a map have a form.
    Values(&'static str, &'static str, Form),
    /// The number is from the first to the second.
    Number(&'static str, i64, i64),
    /// The first number is greater than the second; both have a default.
    Greater((&'static str, i64), (&'static str, i64)),
    /// The number, or the percentage, is not negative, and the percentage is at most this.
    Share(&'static str, i64),
    /// One of these two, whose defaults are not 0, is not 0.
    NotBothZero(&'static str, &'static str),
    /// The texts of a list differ, and none is empty.
    Distinct(&'static str),
    /// The texts of a map have at most so many bytes together with their keys.
    Bytes(&'static [&'static str], usize),
}
use Rule::{
    Bytes, Distinct, Either, Greater, If, Keys, Needs, NotBothZero, NotEmpty, Number, One,
    OneBesideName, OneOf, Only, Share, Text, Values,
};

/// Why a text is refused.
type Form = fn(&str) -> Option<String>;

const MAX_INT32: i64 = i32::MAX as i64;
/// The greatest number of a user or group.
const MAX_ID: i64 = MAX_INT32;
/// The greatest number of days that a time may be behind, in seconds.
const MAX_SECONDS: i64 = i64::MAX;
/// The most bytes that the annotations of an object have together (`TotalAnnotationSizeLimitB`).
const MAX_ANNOTATIONS: usize = 256 << 10;
/// The most bytes that a ConfigMap or a Secret holds (`MaxSecretSize`).
const MAX_DATA: usize = 1 << 20;

/// The rules by the package and name of a type.
static RULES: &[(&str, &str, &[Rule])] = &[
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
            If("dnsPolicy", "None", "dnsConfig"),
            Only("hostnameOverride", "hostNetwork", &["", "false"]),
            Only("hostnameOverride", "setHostnameAsFQDN", &["", "false"]),
        ],
    ),
    ("core.v1", "PodOS", &[OneOf("name", &["linux", "windows"])]),
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
            OneOf("seLinuxChangePolicy", &["MountOption", "Recursive"]),
        ],
    ),
    (
        "core.v1",
        "SecurityContext",
        &[
            Number("runAsUser", 0, MAX_ID),
            Number("runAsGroup", 0, MAX_ID),
        ],
    ),
    (
        "core.v1",
        "SeccompProfile",
        &[
            Only("localhostProfile", "type", &["Localhost"]),
            If("type", "Localhost", "localhostProfile"),
            Text("localhostProfile", "path", not_a_subpath),
        ],
    ),
    (
        "core.v1",
        "AppArmorProfile",
        &[
            Only("localhostProfile", "type", &["Localhost"]),
            If("type", "Localhost", "localhostProfile"),
        ],
    ),
    (
        "core.v1",
        "Container",
        &[
            Text("name", "name", form::not_a_label),
            NotEmpty("image"),
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
            Text("mountPath", "mount path", not_a_mount_path),
            Text("subPath", "path", not_a_subpath),
            Text("subPathExpr", "path", not_a_subpath),
            Either("subPath", "subPathExpr"),
            OneOf("recursiveReadOnly", &["Disabled", "IfPossible", "Enabled"]),
            Only("recursiveReadOnly", "readOnly", &["true"]),
        ],
    ),
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
    (
        "core.v1",
        "TopologySpreadConstraint",
        &[
            Number("maxSkew", 1, MAX_INT32),
            Number("minDomains", 1, MAX_INT32),
            NotEmpty("topologyKey"),
            Only("minDomains", "whenUnsatisfiable", &["DoNotSchedule"]),
        ],
    ),
    (
        "core.v1",
        "ConfigMap",
        &[
            Keys("data", "file name", form::not_a_file),
            Keys("binaryData", "file name", form::not_a_file),
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
            Only("healthCheckNodePort", "externalTrafficPolicy", &["Local"]),
            Only("healthCheckNodePort", "type", &["LoadBalancer"]),
            Only("loadBalancerSourceRanges", "type", &["LoadBalancer"]),
            Text("loadBalancerClass", "name", form::not_a_key),
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
            Number("port", 1, 65_535),
            Number("targetPort", 1, 65_535),
            Text("targetPort", "port", not_a_target_port),
            Text("appProtocol", "protocol", form::not_a_key),
        ],
    ),
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
            OneOf("selectPolicy", &["Max", "Min", "Disabled"]),
        ],
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

/// Adds what is wrong with a value of a type.
pub(super) fn of_type(
    (package, name): TypeName,
    value: &impl View,
    path: &FieldPath,
    faults: &mut Vec<Fault>,
) {
    let of_type = RULES
        .iter()
        .filter(|(of, type_name, _)| *of == package && *type_name == name);
    for rule in of_type.flat_map(|(.., rules)| *rules) {
        rule.judge(value, path, faults);
    }
}

impl Rule {
    fn judge(&self, value: &impl View, path: &FieldPath, faults: &mut Vec<Fault>) {
        match self {
            One(what, names) => one(value, path, what, names, faults),
            OneBesideName(what) => {
                let set = value
                    .fields()
                    .filter(|(name, it)| *name != "name" && it.is_set());
                let names: Vec<&str> = set.map(|(name, _)| name).collect();
                several(path, what, &names, faults);
            }
            Either(one, other) => {
                if is_set(value, one) && is_set(value, other) {
                    let message = format!("`{one}` and `{other}` exclude each other");
                    faults.push(Fault::new(path.field(*one), message).with(path.field(*other)));
                }
            }
            Only(name, other, values) => {
                // A field that is not set is an empty text in the lists of what is allowed.
                let found = value
                    .field(other)
                    .and_then(View::scalar)
                    .unwrap_or_default();
                if is_set(value, name) && !values.contains(&found.as_str()) {
                    let values = values.iter().copied().filter(|value| !value.is_empty());
                    let message = format!(
                        "`{name}` is only allowed if `{other}` is {}",
                        erpc_diagnostics::alternatives(values)
                    );
                    faults.push(Fault::new(path.field(*name), message).with(path.field(*other)));
                }
            }
            Needs(name, other) => {
                if is_set(value, name) && !is_set(value, other) {
                    let message = format!("`{name}` requires `{other}`");
                    faults.push(Fault::new(path.field(*name), message));
                }
            }
            If(name, is, other) => {
                if value.field(name).and_then(View::text) == Some(is) && !is_set(value, other) {
                    let message = format!("`{name}` `{is}` requires `{other}`");
                    faults.push(Fault::new(path.field(*name), message));
                }
            }
            NotEmpty(name) => {
                let it = value.field(name);
                let is_empty = it.is_some_and(|it| match it.look() {
                    Look::Text(text) => text.is_empty(),
                    Look::List(items) => items.is_empty(),
                    Look::Null | Look::Bool(_) | Look::Number(_) | Look::Map => false,
                });
                if is_empty || it.is_none_or(|it| matches!(it.look(), Look::Null)) {
                    let message = format!("`{name}` is required and must not be empty");
                    let at = if it.is_some() {
                        path.field(*name)
                    } else {
                        path.clone()
                    };
                    faults.push(Fault::new(at, message));
                }
            }
            Distinct(name) => {
                let path = path.field(*name);
                let items = value.field(name).map_or(&[][..], View::items);
                let texts: Vec<&str> = items.iter().filter_map(View::text).collect();
                for (place, text) in texts.iter().enumerate() {
                    if text.is_empty() || texts[..place].contains(text) {
                        let message = format!("`{text}` is empty, or stands there twice");
                        faults.push(Fault::new(path.item(place), message));
                    }
                }
            }
            Text(..) | OneOf(..) | Keys(..) | Values(..) => self.texts(value, path, faults),
            Number(..) | Greater(..) | Share(..) | NotBothZero(..) => {
                self.numbers(value, path, faults);
            }
            Bytes(names, most) => {
                let maps = names.iter().filter_map(|name| value.field(name));
                let entries = maps.flat_map(View::fields);
                let bytes: usize = entries
                    .map(|(key, value)| key.len() + value.text().map_or(0, str::len))
                    .sum();
                if bytes > *most {
                    let message = format!("expected at most {most} bytes, found {bytes}");
                    faults.push(Fault::new(path.field(names[0]), message));
                }
            }
        }
    }

    fn texts(&self, value: &impl View, path: &FieldPath, faults: &mut Vec<Fault>) {
        let mut refuse = |kind, path, what: &str, text: &str, why: String| {
            let message = form::invalid(what, text, &why);
            faults.push(Fault::of_kind(kind, path, message));
        };
        const VALUE: FaultKind = FaultKind::Value(None);
        match self {
            Text(name, what, form) => {
                let path = path.field(*name);
                let Some(value) = value.field(name) else {
                    return;
                };
                if let Some(text) = value.text().filter(|text| !text.is_empty())
                    && let Some(why) = form(text)
                {
                    refuse(VALUE, path.clone(), what, text, why);
                }
                for (place, item) in value.items().iter().enumerate() {
                    if let Some(text) = item.text()
                        && let Some(why) = form(text)
                    {
                        refuse(VALUE, path.item(place), what, text, why);
                    }
                }
            }
            OneOf(name, values) => {
                let text = value.field(name).and_then(View::text);
                let Some(text) = text.filter(|text| !text.is_empty() && !values.contains(text))
                else {
                    return;
                };
                let path = path.field(*name);
                let expected = erpc_diagnostics::alternatives(values.iter().copied());
                let message = format!("expected {expected}, found `{}`", text.escape_debug());
                let meant = nearest_word(text, values).map(str::to_owned);
                faults.push(Fault::of_kind(FaultKind::Value(meant), path, message));
            }
            Keys(name, what, form) => {
                let path = path.field(*name);
                for (key, _) in value.field(name).into_iter().flat_map(View::fields) {
                    if let Some(why) = form(key) {
                        refuse(FaultKind::Key, path.field(key), what, key, why);
                    }
                }
            }
            Values(name, what, form) => {
                let path = path.field(*name);
                for (key, value) in value.field(name).into_iter().flat_map(View::fields) {
                    if let Some(text) = value.text()
                        && let Some(why) = form(text)
                    {
                        refuse(VALUE, path.field(key), what, text, why);
                    }
                }
            }
            _ => {}
        }
    }

    fn numbers(&self, value: &impl View, path: &FieldPath, faults: &mut Vec<Fault>) {
        let number = |name| value.field(name).and_then(View::int);
        match self {
            Number(name, least, most) => {
                let items = value.field(name).map_or(&[][..], View::items);
                let mut all = number(name)
                    .into_iter()
                    .chain(items.iter().filter_map(View::int));
                let found = all.find(|found| !(*least..=*most).contains(found));
                if let Some(found) = found.filter(|found| !(*least..=*most).contains(found)) {
                    let expected = if *most >= MAX_INT32 {
                        format!("from {least} on")
                    } else {
                        format!("from {least} to {most}")
                    };
                    let path = path.field(*name);
                    let message = format!("expected a whole number {expected}, found {found}");
                    faults.push(Fault::new(path, message));
                }
            }
            Greater((name, default), (other, other_default)) => {
                let (one, two) = (number(name), number(other));
                let (greater, less) = (one.unwrap_or(*default), two.unwrap_or(*other_default));
                if greater <= less && (one.is_some() || two.is_some()) {
                    let message =
                        format!("`{name}` ({greater}) must be greater than `{other}` ({less})");
                    let (at, with) = if one.is_some() {
                        (name, other)
                    } else {
                        (other, name)
                    };
                    faults.push(Fault::new(path.field(*at), message).with(path.field(*with)));
                }
            }
            Share(name, most) => {
                let Some(value) = value.field(name) else {
                    return;
                };
                let percent = value.text().and_then(|text| text.strip_suffix('%'));
                let percent = percent.and_then(|digits| digits.parse::<i64>().ok());
                let fits = match (value.int(), percent) {
                    (Some(number), _) => number >= 0,
                    (_, Some(percent)) => (0..=*most).contains(&percent),
                    (None, None) => value.text().is_none(),
                };
                if !fits {
                    let path = path.field(*name);
                    let message = format!(
                        "expected a number or a percentage such as `25%`, found `{}`",
                        // A list or a map is a wrong type, and reported as that.
                        value.scalar().unwrap_or_default()
                    );
                    faults.push(Fault::new(path, message));
                }
            }
            NotBothZero(one, other) => {
                let is_zero = |name| {
                    let value = value.field(name).and_then(View::scalar);
                    value.is_some_and(|value| matches!(value.as_str(), "0" | "0%"))
                };
                if is_zero(one) && is_zero(other) {
                    let message = format!("`{one}` and `{other}` cannot both be 0");
                    faults.push(Fault::new(path.field(*one), message).with(path.field(*other)));
                }
            }
            _ => {}
        }
    }
}

fn is_set(value: &impl View, name: &str) -> bool {
    value.field(name).is_some_and(View::is_set)
}

/// One of the fields, and no other, is set.
fn one(
    value: &impl View,
    path: &FieldPath,
    what: &str,
    names: &[&'static str],
    faults: &mut Vec<Fault>,
) {
    let set = names.iter().copied().filter(|name| is_set(value, name));
    let set: Vec<&str> = set.collect();
    if set.is_empty() {
        let names = erpc_diagnostics::alternatives(names.iter().copied());
        let message = format!("expected a {what}: {names}");
        faults.push(Fault::new(path.clone(), message));
    }
    several(path, what, &set, faults);
}

fn several(path: &FieldPath, what: &str, set: &[&str], faults: &mut Vec<Fault>) {
    if let [first, second, ..] = set {
        let message =
            format!("`{first}` and `{second}` exclude each other: only one {what} is allowed");
        faults.push(Fault::new(path.field(*second), message).with(path.field(*first)));
    }
}

/// Keys of annotations may have upper case before the `/`.
fn not_an_annotation(key: &str) -> Option<String> {
    form::not_a_key(&key.to_lowercase())
}

/// A resource of a container without a prefix is one of Kubernetes.
fn not_a_resource(key: &str) -> Option<String> {
    const KNOWN: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "storage"];
    let is_known = KNOWN.contains(&key) || key.starts_with("hugepages-") || key.contains('/');
    if !is_known {
        return Some(
            "expected `cpu`, `memory`, `ephemeral-storage`, or a name with a domain before a `/`"
                .to_owned(),
        );
    }
    form::not_a_key(key)
}

/// A service name of RFC 6335 §5.1.
fn not_a_port_name(name: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = name.len() <= 15
        && name.chars().all(is_part)
        && name.contains(|c: char| c.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    (!fits).then(|| {
        "expected at most 15 lower-case letters, digits and single `-`, with a letter".to_owned()
    })
}

/// A port by its name.
fn not_a_target_port(text: &str) -> Option<String> {
    not_a_port_name(text).map(|_| "expected a number or the name of a port".to_owned())
}

fn not_a_mount_path(path: &str) -> Option<String> {
    path.contains(':').then(|| "it contains a `:`".to_owned())
}

fn not_a_subpath(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some("expected a path relative to the volume".to_owned());
    }
    has_backsteps(path)
}

fn has_backsteps(path: &str) -> Option<String> {
    let has = path.split('/').any(|part| part == "..");
    has.then(|| "it contains `..`".to_owned())
}

fn not_absolute(path: &str) -> Option<String> {
    (!path.starts_with('/')).then(|| "expected an absolute path".to_owned())
}

fn not_an_address(text: &str) -> Option<String> {
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    (!is_address).then(|| "expected an IPv4 or IPv6 address".to_owned())
}

fn not_a_search_domain(text: &str) -> Option<String> {
    if text == "." {
        return None;
    }
    // Underscores are allowed, as in the names of SRV records.
    let text = text.strip_suffix('.').unwrap_or(text);
    form::not_a_subdomain(&text.replace('_', "-"))
}

fn not_a_controller(text: &str) -> Option<String> {
    let Some((domain, path)) = text.split_once('/') else {
        return Some("expected a domain and a path, such as `example.com/controller`".to_owned());
    };
    if path.is_empty() {
        return Some("the path behind the domain is empty".to_owned());
    }
    form::not_a_subdomain(domain)
}

/// A finalizer has the domain of its controller before a `/`, or is one of Kubernetes.
fn not_a_finalizer(text: &str) -> Option<String> {
    const STANDARD: [&str; 2] = ["foregroundDeletion", "orphan"];
    if STANDARD.contains(&text) {
        return None;
    }
    if !text.contains('/') {
        return Some("expected a domain and a name, such as `example.com/cleanup`".to_owned());
    }
    form::not_a_key(text)
}
