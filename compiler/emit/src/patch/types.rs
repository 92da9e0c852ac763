//! Values of a type that a field does not have, in the words of the language.

use erpc_model::{PatchField, PatchValue};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    ConfigMap, LimitRange, Namespace, PersistentVolumeClaim, ResourceQuota, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::{Ingress, IngressClass, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::Value;

use crate::Object;
use crate::kind::Kind;

macro_rules! typed {
    ($($kind:ident)*) => {
        /// What of an object its kind has.
        pub(super) fn typed(object: &Object) -> Result<Value, serde_json::Error> {
            let value = serde_json::to_value(object)?;
            match object.kind() {
                $(Kind::$kind => {
                    let typed: $kind = serde_json::from_value(value)?;
                    serde_json::to_value(typed)
                })*
            }
        }
    };
}

typed! {
    ClusterRole ClusterRoleBinding ConfigMap CronJob Deployment HorizontalPodAutoscaler Ingress
    IngressClass Job LimitRange Namespace NetworkPolicy PersistentVolumeClaim PodDisruptionBudget
    ResourceQuota Role RoleBinding Service ServiceAccount StatefulSet StorageClass
}

/// Maps whose keys may have dots.
const MAPS: [&str; 4] = ["labels", "annotations", "nodeSelector", "matchLabels"];

/// What a field takes and what it got.
pub(super) fn mismatch(error: &serde_json::Error) -> String {
    let Some((found, expected)) = parts(error) else {
        return "it does not have the fields that are required".to_owned();
    };
    format!(
        "expected {}, found {}",
        of_field(&expected),
        of_value(&found)
    )
}

/// How to write it.
pub(super) fn help(field: &PatchField, error: &serde_json::Error) -> Option<String> {
    let (_, expected) = parts(error)?;
    let below_map = field
        .path
        .iter()
        .position(|name| MAPS.contains(&name.as_str()));
    if let Some(at) = below_map
        && field.path.len() > at + 2
    {
        let key = field.path[at + 1..].join(".");
        return Some(format!(
            "quote a key that contains dots: `{}.\"{key}\"`",
            field.path[at]
        ));
    }
    match (field.value.value.as_ref()?, of_field(&expected)) {
        (PatchValue::Text(text), "a whole number") => {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            (!digits.is_empty()).then(|| format!("write the number alone: `{digits}`"))
        }
        (PatchValue::Text(text), "true or false") if matches!(text.as_str(), "true" | "false") => {
            Some(format!("write it without quotes: `{text}`"))
        }
        (PatchValue::Int(number), "a text") => Some(format!("write it in quotes: `\"{number}\"`")),
        (PatchValue::Bool(value), "a text") => Some(format!("write it in quotes: `\"{value}\"`")),
        (_, "fields of its own") => Some(format!(
            "set a field below it: `{}.FIELD = VALUE`",
            field.path.last()?
        )),
        _ => None,
    }
}

/// What serde found and expected.
fn parts(error: &serde_json::Error) -> Option<(String, String)> {
    let text = error.to_string();
    let rest = text
        .strip_prefix("invalid type: ")
        .or_else(|| text.strip_prefix("invalid value: "))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    Some((found.to_owned(), expected.to_owned()))
}

fn of_value(found: &str) -> &'static str {
    match found.split([' ', '`']).next().unwrap_or_default() {
        "string" => "a text",
        "integer" => "a whole number",
        "floating" => "a number with a fraction",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "fields",
        _ => "nothing",
    }
}

fn of_field(expected: &str) -> &'static str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "Quantity" | "Time" | "MicroTime" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "IntOrString" | "enum IntOrString" => "a whole number or a text",
        // A map, or a type of Kubernetes by its name.
        _ => "fields of its own",
    }
}
