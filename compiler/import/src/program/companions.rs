//! Objects beside a workload that its own statements make: `scale`, `disruption`, `volume` and `config`. They have the
//! names that the language gives them, or are no companions.

use serde_json::Value;

use super::Files;
use super::statements::{Level, Workload, is_amount, is_name, quoted};
use crate::facts::{Facts, at, items, text};
use crate::read::Object;

/// How long a text of a config may be that stands in the source; others are files beside it.
const MAX_TEXT: usize = 60;

impl<'o> Workload<'o> {
    /// The only companion of a kind.
    pub(super) fn companion(&self, kind: &str) -> Option<&'o Object> {
        let mut companions = self.companions.iter();
        companions.find(|one| one.value["kind"] == kind).copied()
    }

    pub(super) fn companion_named(&self, kind: &str, name: &str) -> Option<&'o Object> {
        let is_it =
            |one: &&&Object| one.value["kind"] == kind && one.value["metadata"]["name"] == name;
        self.companions.iter().find(is_it).copied()
    }

    /// Takes the objects that its statements make and that no other workload has taken.
    pub(super) fn take_companions(
        &mut self,
        facts: &Facts<'o>,
        namespace: &str,
        is_free: &mut dyn FnMut(&Object) -> bool,
    ) {
        if self.level != Level::Full {
            return;
        }
        let mut taken: Vec<&'o Object> = Vec::new();
        if matches!(self.kind(), "Deployment" | "StatefulSet") {
            let scaler = facts.find("HorizontalPodAutoscaler", namespace, &self.name);
            taken.extend(scaler.filter(|scaler| self.is_scaled_by(scaler)));
            let budget = facts.find("PodDisruptionBudget", namespace, &self.name);
            let least = match taken.first() {
                Some(scaler) => scaler.value["spec"]["minReplicas"].as_u64().unwrap_or(1),
                None => at(&self.object, &["spec", "replicas"])
                    .and_then(Value::as_u64)
                    .unwrap_or(1),
            };
            taken.extend(budget.filter(|budget| least >= 2 && self.is_kept_by(budget)));
        }
        for volume in items(&self.template()["spec"]["volumes"]) {
            let name = text(&volume["name"]);
            if !is_name(name) {
                continue;
            }
            if volume["persistentVolumeClaim"]["claimName"] == name {
                let found = facts.find("PersistentVolumeClaim", namespace, name);
                taken.extend(found.filter(|one| claim(one).is_some()));
            }
            if volume["configMap"]["name"] == name {
                let found = facts.find("ConfigMap", namespace, name);
                taken.extend(found.filter(|one| config(one, &mut Files::new()).is_some()));
            }
        }
        taken.retain(|object| is_free(object));
        self.companions = taken;
    }

    fn is_scaled_by(&self, scaler: &Object) -> bool {
        let target = &scaler.value["spec"]["scaleTargetRef"];
        // An autoscaler owns the number: a service that scales sets none.
        let replicas = at(&self.object, &["spec", "replicas"]);
        target["kind"] == self.kind()
            && target["name"].as_str() == self.text(&["metadata", "name"])
            && replicas.is_none_or(|replicas| *replicas == 1)
            && scale(scaler).is_some()
    }

    fn is_kept_by(&self, budget: &Object) -> bool {
        let selector = &budget.value["spec"]["selector"];
        selector["matchExpressions"].is_null()
            && selector["matchLabels"].as_object() == self.selector()
            && disruption(budget).is_some()
    }
}

/// `scale MIN..MAX on …`.
pub(super) fn scale(scaler: &Object) -> Option<String> {
    let object = &scaler.value;
    if object["apiVersion"] != "autoscaling/v2" {
        return None;
    }
    let spec = &object["spec"];
    let least = match &spec["minReplicas"] {
        Value::Null => 1,
        least => least.as_u64()?,
    };
    let most = spec["maxReplicas"].as_u64()?;
    let metrics = items(&spec["metrics"]).iter().map(|metric| {
        let resource = &metric["resource"];
        let name = resource["name"]
            .as_str()
            .filter(|name| ["cpu", "memory"].contains(name))?;
        let percent = resource["target"]["averageUtilization"].as_u64()?;
        let is_share = metric["type"] == "Resource" && resource["target"]["type"] == "Utilization";
        is_share.then(|| format!("{name} {percent}%"))
    });
    let metrics: Vec<String> = metrics.collect::<Option<_>>()?;
    // They are made in this order.
    let is_ordered = metrics.is_sorted() && metrics.len() <= 2;
    (is_ordered && !metrics.is_empty() && least >= 1 && least < most)
        .then(|| format!("scale {least}..{most} on {}", metrics.join(", ")))
}

/// `disruption min N`.
pub(super) fn disruption(budget: &Object) -> Option<String> {
    let spec = &budget.value["spec"];
    let least = spec["minAvailable"].as_u64().filter(|least| *least >= 1)?;
    spec["maxUnavailable"]
        .is_null()
        .then(|| format!("disruption min {least}"))
}

/// The size of a claim, and `once` or `shared` with its class.
pub(super) fn claim(claim: &Object) -> Option<(&str, String)> {
    let spec = &claim.value["spec"];
    let known = ["accessModes", "resources", "storageClassName", "volumeMode"];
    let fields = spec.as_object()?;
    if !fields.keys().all(|key| known.contains(&key.as_str()))
        || !spec["resources"]["limits"].is_null()
    {
        return None;
    }
    let how = match items(&spec["accessModes"]) {
        [mode] if mode == "ReadWriteOnce" => "once",
        [mode] if mode == "ReadWriteMany" => "shared",
        _ => return None,
    };
    let size = spec["resources"]["requests"]["storage"].as_str();
    let size = size.filter(|size| is_amount("memory", size))?;
    let class = match &spec["storageClassName"] {
        Value::Null => String::new(),
        class => format!("class {} ", class.as_str().filter(|class| is_name(class))?),
    };
    Some((size, format!("{class}{how}")))
}

/// `config NAME { … }`. Texts of several lines become files beside the source.
pub(super) fn config(map: &Object, files: &mut Files) -> Option<String> {
    let object = map.value.as_object()?;
    let known = ["apiVersion", "kind", "metadata", "data"];
    if !object.keys().all(|key| known.contains(&key.as_str())) {
        return None;
    }
    let metadata = &map.value["metadata"];
    let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
    let data = object
        .get("data")?
        .as_object()
        .filter(|data| !data.is_empty())?;
    let mut block = format!("config {name} {{\n");
    for (key, value) in data {
        let value = value.as_str()?;
        let quoted_key = quoted(key)?;
        if value.len() <= MAX_TEXT && !value.contains('\n') {
            block.push_str(&format!("{quoted_key} = {}\n", quoted(value)?));
            continue;
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if !key.chars().all(is_plain) || key.starts_with('.') {
            return None;
        }
        let path = format!("manifests/{namespace}/{name}/{key}");
        block.push_str(&format!("{quoted_key} = file(\"{path}\")\n"));
        files.insert(path, value.to_owned());
    }
    block.push('}');
    Some(block)
}
