//! The storage classes that the platform names: whether they are there, what they can do, and whether
//! somebody provisions for them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Check, Verdict, check};
use crate::client::Cluster;
use crate::object::Program;

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
    check(
        "storage",
        Verdict::Good,
        format!("classes {}", list.join(", ")),
    )
}
