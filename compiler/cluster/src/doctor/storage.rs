//! The storage classes that the platform names: whether they are there, what they can do, and whether
//! are provisioned for them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::check::{Check, check};
use crate::call::Call;
use crate::client::Cluster;
use crate::program::Program;
use crate::verdict::Verdict;

pub(super) async fn storage(cluster: &Cluster, program: &Program<'_>) -> Check {
    let classes = match cluster
        .list("/apis/storage.k8s.io/v1/storageclasses", "")
        .await
    {
        Ok(classes) => classes,
        Err(error) => return check("storage", Verdict::Unknown, error.to_string()),
    };
    let name = |class: &Value| {
        class["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let has: BTreeSet<String> = classes.iter().map(name).collect();
    let defaults = classes.iter().filter(|class| {
        let annotations = &class["metadata"]["annotations"];
        annotations["storageclass.kubernetes.io/is-default-class"] == "true"
    });
    let defaults: Vec<String> = defaults.map(name).collect();
    let declared = &program.platform.cluster().storage;
    let missing: Vec<String> = declared
        .iter()
        .filter(|class| class.create.is_none() && !has.contains(class.name.value.as_str()))
        .map(|class| class.name.value.to_string())
        .collect();
    let list: Vec<String> = has.into_iter().collect();
    if !missing.is_empty() {
        return check(
            "storage",
            Verdict::Bad,
            format!(
                "no storage class {}; the cluster has {}",
                missing.join(", "),
                list.join(", ")
            ),
        )
        .fix("make the class, or name one that is there in the cluster block");
    }
    let has_volumes = program
        .platform
        .services()
        .any(|(_, service)| !service.volumes.is_empty());
    if has_volumes && declared.is_empty() && defaults.len() != 1 {
        return check(
            "storage",
            Verdict::Bad,
            format!(
                "volumes name no class, and {} classes are the default",
                defaults.len()
            ),
        )
        .fix("make exactly one class the default, or name one in the cluster block");
    }
    if defaults.len() > 1 {
        return check(
            "storage",
            Verdict::Warning,
            format!("several classes are the default: {}", defaults.join(", ")),
        )
        .fix("leave one");
    }
    let used = used(program, &classes, &defaults);
    if let Some(driverless) = without_driver(cluster, &used).await {
        return driverless;
    }
    let fixed: Vec<String> = used
        .iter()
        .filter(|class| class["allowVolumeExpansion"] != true)
        .map(|class| name(class))
        .collect();
    let said: Vec<String> = used.iter().map(|class| describe(class)).collect();
    let found = match said.is_empty() {
        true => format!("classes {}", list.join(", ")),
        false => said.join("; "),
    };
    if has_volumes && !fixed.is_empty() {
        return check("storage", Verdict::Warning, found)
            .fix("a volume of a class without `allowVolumeExpansion` can never grow: let who made it set that");
    }
    check("storage", Verdict::Good, found)
}

/// The classes of the cluster that the platform's volumes are of.
fn used<'c>(program: &Program<'_>, classes: &'c [Value], defaults: &[String]) -> Vec<&'c Value> {
    let platform = program.platform;
    let declared = &platform.cluster().storage;
    let usual = declared.iter().find(|class| class.is_default);
    let usual = usual.map(|class| class.name.value.to_string());
    let usual = usual.or_else(|| defaults.first().cloned());
    let wanted: BTreeSet<String> = platform
        .services()
        .flat_map(|(_, service)| &service.volumes)
        .filter_map(|volume| {
            let class = volume.class.as_ref();
            class.map(|class| class.value.to_string()).or(usual.clone())
        })
        .collect();
    classes
        .iter()
        .filter(|class| {
            class["metadata"]["name"]
                .as_str()
                .is_some_and(|name| wanted.contains(name))
        })
        .collect()
}

/// `standard: grows, bound when the first pod comes, kept`
fn describe(class: &Value) -> String {
    let has = |key: &str, value: &str| class[key].as_str() == Some(value);
    format!(
        "{}: {}, bound {}, {} with its claim",
        class["metadata"]["name"].as_str().unwrap_or_default(),
        if class["allowVolumeExpansion"] == true {
            "grows"
        } else {
            "never grows"
        },
        if has("volumeBindingMode", "WaitForFirstConsumer") {
            "when the first pod comes"
        } else {
            "at once"
        },
        if has("reclaimPolicy", "Retain") {
            "kept"
        } else {
            "deleted"
        }
    )
}

/// A class whose CSI driver is on no node. A provisioner without a CSIDriver may be of another kind.
async fn without_driver(cluster: &Cluster, classes: &[&Value]) -> Option<Check> {
    let provisioners: BTreeSet<&str> = classes
        .iter()
        .filter_map(|class| class["provisioner"].as_str())
        .collect();
    let mut nodes: Option<Vec<Value>> = None;
    for provisioner in provisioners {
        let path = format!("/apis/storage.k8s.io/v1/csidrivers/{provisioner}");
        if cluster.call(Call::get(path)).await.is_err() {
            continue;
        }
        if nodes.is_none() {
            nodes = cluster
                .list("/apis/storage.k8s.io/v1/csinodes", "")
                .await
                .ok();
        }
        let is_on = |node: &Value| {
            let drivers = node["spec"]["drivers"].as_array().into_iter().flatten();
            drivers.clone().any(|driver| driver["name"] == provisioner)
        };
        if nodes.as_ref().is_some_and(|nodes| !nodes.iter().any(is_on)) {
            return Some(
                check(
                    "storage",
                    Verdict::Bad,
                    format!("the driver {provisioner} is installed and runs on no node"),
                )
                .fix("see the DaemonSet of the driver"),
            );
        }
    }
    None
}
