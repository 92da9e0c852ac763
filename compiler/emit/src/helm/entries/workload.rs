//! Workloads: the pod without the fields that are values of the chart. A field that a patch has changed is fixed.

use erpc_model::{ServiceId, Spread};

use super::entry::{self, Entry};
use super::{Gatherer, List, place};
use crate::helm::values::amounts;
use crate::kind::Kind;
use crate::kubernetes::container::pull_policy;
use crate::kubernetes::pod;
use crate::tree::{Field, Map};
use crate::{Node, Object, yaml};

/// What a container has that the template writes.
const OF_CONTAINER: &[&str] = &["name", "image", "imagePullPolicy", "resources"];

/// The map below a name; none where there is none.
fn map_at<'m>(map: &'m Map, key: &str) -> &'m Map {
    const NONE: &Map = &Map::new();
    map.get(key).and_then(Field::as_map).unwrap_or(NONE)
}

/// The list below a name; empty where there is none.
fn list_at<'m>(map: &'m Map, key: &str) -> &'m [Field] {
    map.get(key).and_then(Field::as_list).unwrap_or_default()
}

impl Gatherer<'_> {
    pub(super) fn workload(&self, id: ServiceId, object: &Object, list: &mut List) -> Entry {
        let spec = map_at(object.fields(), "spec");
        if object.kind() == Kind::Job {
            let mut entry = self.job(id, object);
            entry.block("spec", &spec.without(&["template"]));
            self.pod(id, map_at(spec, "template"), &mut entry, list);
            return entry;
        }
        let mut entry = self.owned(id, object, &[]);
        if object.kind() == Kind::CronJob {
            entry.block("spec", &spec.without(&["jobTemplate"]));
            entry.lines("  jobTemplate:\n");
            let template = map_at(spec, "jobTemplate");
            let lines = entry.body();
            entry::block(lines, 4, "metadata", map_at(template, "metadata"));
            let of_jobs = map_at(template, "spec");
            entry::block(lines, 4, "spec", &of_jobs.without(&["template"]));
            self.pod(id, map_at(of_jobs, "template"), &mut entry, list);
        } else {
            let values = ["replicas", "template", "volumeClaimTemplates"];
            entry.block("spec", &spec.without(&values));
            let claims = list_at(spec, "volumeClaimTemplates");
            self.claims(id, claims, &mut entry, list);
            self.pod(id, map_at(spec, "template"), &mut entry, list);
        }
        entry
    }

    /// A Job under the name of its service: the template adds the hash of what the values make of it.
    fn job(&self, id: ServiceId, object: &Object) -> Entry {
        let (namespace, service) = place(self.platform, id);
        if !self.platform[id].has_hashed_name() {
            let mut entry = self.owned(id, object, &[]);
            entry.flag("keepsName", true);
            return entry;
        }
        let metadata = map_at(object.fields(), "metadata");
        let owner = Some((namespace, Some(service)));
        Entry::of_metadata((service, Some(namespace)), metadata, owner, &[])
    }

    fn claims(&self, id: ServiceId, claims: &[Field], entry: &mut Entry, list: &mut List) {
        if claims.is_empty() {
            return;
        }
        entry.lines("  claims:\n");
        for claim in claims.iter().filter_map(Field::as_map) {
            let metadata = map_at(claim, "metadata");
            let name = metadata.get("name").and_then(Field::as_text);
            let name = name.unwrap_or_default();
            let lines = entry.body();
            lines.push_str("  - ");
            entry::line(lines, 0, "name", name);
            entry::block(lines, 4, "metadata", metadata);
            if let Some(spec) = claim.get("spec") {
                let values = self.claim_values(id, name, spec, list);
                entry::block(lines, 4, "spec", &map_at(claim, "spec").without(values));
            }
        }
    }

    /// What of a claim is a value: its size and its class, unless a patch has set them.
    pub(super) fn claim_values(
        &self,
        id: ServiceId,
        name: &str,
        spec: &Field,
        list: &mut List,
    ) -> &'static [&'static str] {
        const VALUES: &[&str] = &["resources", "storageClassName"];
        let is_patched = |key: &&str| spec.at(&[key]).is_some_and(Field::is_patched);
        if !spec.lacks_patched_field() && !VALUES.iter().any(is_patched) {
            return VALUES;
        }
        self.fix(id, &format!("persistence.{name}"), list);
        &[]
    }

    fn pod(&self, id: ServiceId, template: &Map, entry: &mut Entry, list: &mut List) {
        let lines = entry.body();
        lines.push_str("  pod:\n");
        entry::block(lines, 4, "metadata", map_at(template, "metadata"));
        let spec = map_at(template, "spec");
        let mut written = vec!["containers", "initContainers"];
        let service = &self.platform[id];
        if pod::is_spread(service) {
            let over = service.properties.spread.as_ref().map(|over| over.value);
            let by_node = over.is_none_or(|over| over == Spread::Node);
            lines.push_str("    spread:\n      byNode: ");
            lines.push_str(if by_node { "true\n" } else { "false\n" });
            let constraint = pod::with_replicas(self.platform, service);
            let constraint = constraint.without(&["whenUnsatisfiable"]);
            entry::block(lines, 6, "constraint", &constraint);
            written.push("topologySpreadConstraints");
        }
        entry::block(lines, 4, "spec", &spec.without(&written));
        if let [main, ..] = list_at(spec, "containers") {
            lines.push_str("    container:\n");
            self.container(id, main, "      ", lines, list);
        }
        let before = list_at(spec, "initContainers");
        if !before.is_empty() {
            lines.push_str("    initContainers:\n");
        }
        for container in before {
            self.container(id, container, "    - ", lines, list);
        }
    }

    /// A container without what is a value; its fields are six columns in.
    fn container(
        &self,
        id: ServiceId,
        container: &Field,
        before: &str,
        lines: &mut String,
        list: &mut List,
    ) {
        let Node::Map(container) = &container.node else {
            return;
        };
        let text = |key: &str| container.get(key).and_then(Field::as_text);
        let is_patched = |key: &str| container.get(key).is_none_or(Field::is_patched);
        let name = text("name").unwrap_or_default();
        lines.push_str(before);
        entry::line(lines, 0, "name", name);
        let policy = text("imagePullPolicy").unwrap_or_default();
        if is_patched("imagePullPolicy") || policy != pull_policy(self.platform.pull.value) {
            entry::line(lines, 6, "imagePullPolicy", policy);
        }
        let mut declared = self.platform[id].containers();
        let declared = declared.find(|container| container.name.value == name);
        if let Some(image) = declared.map(|container| &container.image.value) {
            let is_bare = text("image") == Some(&image.without_registry());
            let has_no_tag = image.tag.is_none() && image.digest.is_none();
            for (flag, is_set) in [("noRegistry", is_bare), ("noTag", has_no_tag)] {
                if is_set {
                    yaml::push_spaces(lines, 6);
                    lines.push_str(flag);
                    lines.push_str(": true\n");
                }
            }
        }
        if is_patched("resources") || declared.and_then(amounts).is_none() {
            let below = if name == self.platform[id].main.name.value {
                "resources".to_owned()
            } else {
                format!("containers.{name}.resources")
            };
            self.fix(id, &below, list);
            entry::block(lines, 6, "resources", map_at(container, "resources"));
        }
        entry::block(lines, 6, "fields", &container.without(OF_CONTAINER));
    }
}
