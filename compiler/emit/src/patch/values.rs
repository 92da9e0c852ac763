//! What Kubernetes validates beyond the type of a field: keys and values of labels, names, quantities, enumerations,
//! bounds of numbers (`k8s.io/kubernetes`, `pkg/apis/*/validation`). A value that a server would refuse is reported
//! where it stands in the source.

use erpc_diagnostics::alternatives;
use erpc_model::kubernetes as rules;
use erpc_model::{PatchField, PatchValue, nearest};

use crate::quantity::is_quantity;

/// What is wrong with a field.
pub(super) struct Wrong {
    /// Whether it is a name in the path and not the value.
    pub(super) is_key: bool,
    /// The sentence.
    pub(super) message: String,
    /// The value that was meant, where one is close.
    pub(super) meant: Option<&'static str>,
}

/// What a field takes.
enum Rule {
    /// A text; why it is refused.
    Text(&'static str, Check),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A quantity.
    Quantity,
    /// A whole number from here on.
    AtLeast(i64),
}
use Rule::{AtLeast, OneOf, Quantity, Text};

const LABEL: Rule = Text("label value", rules::not_a_value);
const DNS_LABEL: Rule = Text("name", rules::not_a_label);
const SUBDOMAIN: Rule = Text("name", rules::not_a_subdomain);
const ALWAYS: &[&str] = &["Always", "IfNotPresent", "Never"];

/// Why a text is refused.
type Check = fn(&str) -> Option<String>;

/// Maps whose keys and values have a form: the name of the map, what a key is, and the rules of both.
static MAPS: [(&str, &str, Check, Option<Rule>); 7] = [
    ("labels", "label key", rules::not_a_key, Some(LABEL)),
    ("matchLabels", "label key", rules::not_a_key, Some(LABEL)),
    ("nodeSelector", "label key", rules::not_a_key, Some(LABEL)),
    ("annotations", "annotation key", not_an_annotation, None),
    ("limits", "resource name", not_a_resource, Some(Quantity)),
    ("requests", "resource name", not_a_resource, Some(Quantity)),
    ("data", "file name", rules::not_a_file, None),
];

/// Fields by the end of their path; `*` is any name. The longest end that fits decides.
static FIELDS: [(&[&str], Rule); 54] = [
    (&["activeDeadlineSeconds"], AtLeast(1)),
    (&["averageValue"], Quantity),
    (&["backoffLimit"], AtLeast(0)),
    (&["completionMode"], OneOf(&["NonIndexed", "Indexed"])),
    (&["completions"], AtLeast(0)),
    (
        &["concurrencyPolicy"],
        OneOf(&["Allow", "Forbid", "Replace"]),
    ),
    (&["configMapRef", "name"], SUBDOMAIN),
    (&["divisor"], Quantity),
    (
        &["dnsPolicy"],
        OneOf(&["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ),
    (
        &["effect"],
        OneOf(&["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    ),
    (
        &["env", "*", "name"],
        Text("variable name", rules::not_a_variable),
    ),
    (&["failureThreshold"], AtLeast(1)),
    (
        &["fsGroupChangePolicy"],
        OneOf(&["OnRootMismatch", "Always"]),
    ),
    (&["hostname"], DNS_LABEL),
    (&["imagePullPolicy"], OneOf(ALWAYS)),
    (&["initialDelaySeconds"], AtLeast(0)),
    (&["internalTrafficPolicy"], OneOf(&["Cluster", "Local"])),
    (
        &["ipFamilyPolicy"],
        OneOf(&["SingleStack", "PreferDualStack", "RequireDualStack"]),
    ),
    (&["minReadySeconds"], AtLeast(0)),
    (&["mountPath"], Text("mount path", not_a_mount_path)),
    (
        &["mountPropagation"],
        OneOf(&["None", "HostToContainer", "Bidirectional"]),
    ),
    (&["nameservers", "*"], Text("IP address", not_an_address)),
    (&["nodeName"], SUBDOMAIN),
    (&["parallelism"], AtLeast(0)),
    (&["periodSeconds"], AtLeast(1)),
    (
        &["podManagementPolicy"],
        OneOf(&["OrderedReady", "Parallel"]),
    ),
    (
        &["podReplacementPolicy"],
        OneOf(&["TerminatingOrFailed", "Failed"]),
    ),
    (
        &["preemptionPolicy"],
        OneOf(&["PreemptLowerPriority", "Never"]),
    ),
    (&["priorityClassName"], SUBDOMAIN),
    (&["progressDeadlineSeconds"], AtLeast(1)),
    (&["protocol"], OneOf(&["TCP", "UDP", "SCTP"])),
    (&["restartPolicy"], OneOf(&["Always", "OnFailure", "Never"])),
    (&["revisionHistoryLimit"], AtLeast(0)),
    (&["runtimeClassName"], SUBDOMAIN),
    (&["scheme"], OneOf(&["HTTP", "HTTPS"])),
    (
        &["searches", "*"],
        Text("search domain", not_a_search_domain),
    ),
    (&["secretName"], SUBDOMAIN),
    (&["secretRef", "name"], SUBDOMAIN),
    (&["selectPolicy"], OneOf(&["Max", "Min", "Disabled"])),
    (&["sessionAffinity"], OneOf(&["None", "ClientIP"])),
    (&["sizeLimit"], Quantity),
    (&["startingDeadlineSeconds"], AtLeast(0)),
    (&["strategy", "type"], OneOf(&["RollingUpdate", "Recreate"])),
    (&["subPath"], Text("path", not_a_subpath)),
    (&["subdomain"], DNS_LABEL),
    (&["successThreshold"], AtLeast(1)),
    (&["terminationGracePeriodSeconds"], AtLeast(0)),
    (
        &["terminationMessagePolicy"],
        OneOf(&["File", "FallbackToLogsOnError"]),
    ),
    (&["timeoutSeconds"], AtLeast(1)),
    (&["ttlSecondsAfterFinished"], AtLeast(0)),
    (
        &["unhealthyPodEvictionPolicy"],
        OneOf(&["IfHealthyBudget", "AlwaysAllow"]),
    ),
    (
        &["updateStrategy", "type"],
        OneOf(&["RollingUpdate", "OnDelete"]),
    ),
    (&["volumes", "*", "name"], DNS_LABEL),
    (&["whenDeleted"], OneOf(&["Retain", "Delete"])),
];

/// What a server would refuse of a field.
pub(super) fn wrong(field: &PatchField) -> Option<Wrong> {
    let value = field.value.value.as_ref()?;
    if let [.., map, key] = field.path.as_slice()
        && let Some((_, what, of_key, _)) = MAPS.iter().find(|(name, ..)| name == map)
        && let Some(why) = of_key(key)
    {
        return Some(Wrong {
            is_key: true,
            message: rules::invalid(what, key, &why),
            meant: None,
        });
    }
    let mut path: Vec<&str> = field.path.iter().map(AsRef::as_ref).collect();
    if let PatchValue::List(items) = value {
        path.push("*");
        let rule = rule_of(&path)?;
        return items.iter().find_map(|item| rule.wrong(item));
    }
    rule_of(&path)?.wrong(value)
}

/// Whether a field is a quantity, which may be written as a number.
pub(super) fn is_quantity_field(field: &PatchField) -> bool {
    let path: Vec<&str> = field.path.iter().map(AsRef::as_ref).collect();
    matches!(rule_of(&path), Some(Quantity))
}

fn rule_of(path: &[&str]) -> Option<&'static Rule> {
    if let [.., map, _] = path
        && let Some((.., rule)) = MAPS.iter().find(|(name, ..)| name == map)
    {
        return rule.as_ref();
    }
    let ends = |end: &[&str]| {
        let at = path.len().checked_sub(end.len());
        at.is_some_and(|at| {
            let mut names = path[at..].iter().zip(end);
            names.all(|(name, known)| *known == "*" || name == known)
        })
    };
    let fields = FIELDS.iter().filter(|(end, _)| ends(end));
    fields
        .max_by_key(|(end, _)| end.len())
        .map(|(_, rule)| rule)
}

impl Rule {
    /// What is wrong with a value; one of another type was reported as such.
    fn wrong(&self, value: &PatchValue) -> Option<Wrong> {
        let message = match (self, value) {
            (Text(what, rule), PatchValue::Text(text)) => rules::invalid(what, text, &rule(text)?),
            (OneOf(known), PatchValue::Text(text)) => {
                if known.contains(&text.as_str()) {
                    return None;
                }
                let lower = text.to_lowercase();
                let same = known.iter().find(|one| one.to_lowercase() == lower);
                return Some(Wrong {
                    is_key: false,
                    message: format!(
                        "expected {}, found `{}`",
                        alternatives(known.iter().copied()),
                        text.escape_debug()
                    ),
                    meant: same
                        .copied()
                        .or_else(|| nearest(text, known.iter().copied())),
                });
            }
            (Quantity, PatchValue::Text(text)) => {
                if is_quantity(text) {
                    return None;
                }
                rules::invalid(
                    "quantity",
                    text,
                    "expected a number with a unit such as `m`, `M`, `Mi` or `Gi`",
                )
            }
            (AtLeast(least), PatchValue::Int(number)) => {
                if number >= least {
                    return None;
                }
                format!("expected a whole number from {least} on, found {number}")
            }
            _ => return None,
        };
        Some(Wrong {
            is_key: false,
            message,
            meant: None,
        })
    }
}

/// Keys of annotations may have upper case before the `/`.
fn not_an_annotation(key: &str) -> Option<String> {
    rules::not_a_key(&key.to_lowercase())
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
    rules::not_a_key(key)
}

fn not_a_mount_path(path: &str) -> Option<String> {
    if path.is_empty() {
        Some("it is empty".to_owned())
    } else {
        path.contains(':').then(|| "it contains a `:`".to_owned())
    }
}

fn not_a_subpath(path: &str) -> Option<String> {
    if path.starts_with('/') {
        Some("expected a path relative to the volume".to_owned())
    } else {
        path.split('/')
            .any(|part| part == "..")
            .then(|| "it contains `..`".to_owned())
    }
}

fn not_an_address(text: &str) -> Option<String> {
    text.parse::<std::net::IpAddr>()
        .is_err()
        .then(|| "expected an IPv4 or IPv6 address".to_owned())
}

fn not_a_search_domain(text: &str) -> Option<String> {
    if text == "." {
        return None;
    }
    // Underscores are allowed, as in the names of SRV records.
    let text = text.strip_suffix('.').unwrap_or(text);
    rules::not_a_subdomain(&text.replace('_', "-"))
}
