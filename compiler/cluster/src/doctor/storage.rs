//! The storage classes that the platform names: whether they are there, what they can do, and whether
//! the drivers of their volumes are on a node.

use std::collections::BTreeSet;

use serde_json::Value;

use super::finding::{Context, Finding, bad, good, warning};
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::program::Program;

pub(super) async fn storage(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let classes = cluster
        .list("/apis/storage.k8s.io/v1/storageclasses", "")
        .await?;
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
        return Ok(bad(format!(
            "no storage class {}; the cluster has {}",
            missing.join(", "),
            list.join(", ")
        ))
        .fix("make the class, or name one that is there in the cluster block"));
    }
    let has_volumes = program
        .platform
        .services()
        .any(|(_, service)| !service.volumes.is_empty());
    if has_volumes && declared.is_empty() && defaults.len() != 1 {
        return Ok(bad(format!(
            "volumes name no class, and {} classes are the default",
            defaults.len()
        ))
        .fix("make exactly one class the default, or name one in the cluster block"));
    }
    if defaults.len() > 1 {
        return Ok(warning(format!(
            "several classes are the default: {}",
            defaults.join(", ")
        ))
        .fix("leave one"));
    }
    let used = used(program, &classes, &defaults);
    if let Some(driver) = without_node(cluster, &used).await? {
        return Ok(bad(format!(
            "the driver {driver} is installed and runs on no node"
        ))
        .fix("see the DaemonSet of the driver"));
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
        return Ok(warning(found).fix("a volume of a class without `allowVolumeExpansion` can never grow: let who made it set that"));
    }
    Ok(good(found))
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

/// The CSI driver of a class that is on no node. A provisioner without a CSIDriver may be of another kind.
async fn without_node(cluster: &Cluster, classes: &[&Value]) -> Result<Option<String>, ApiError> {
    let provisioners: BTreeSet<&str> = classes
        .iter()
        .filter_map(|class| class["provisioner"].as_str())
        .collect();
    let mut drivers = Vec::new();
    for provisioner in provisioners {
        let path = format!("/apis/storage.k8s.io/v1/csidrivers/{provisioner}");
        if cluster.find(path).await?.is_some() {
            drivers.push(provisioner);
        }
    }
    if drivers.is_empty() {
        return Ok(None);
    }
    let nodes = cluster.list("/apis/storage.k8s.io/v1/csinodes", "").await?;
    let is_on = |driver: &str, node: &Value| {
        let mut drivers = node["spec"]["drivers"].as_array().into_iter().flatten();
        drivers.any(|on| on["name"] == driver)
    };
    let mut drivers = drivers.into_iter();
    let missing = drivers.find(|driver| !nodes.iter().any(|node| is_on(driver, node)));
    Ok(missing.map(str::to_owned))
}
