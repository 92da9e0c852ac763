//! Secrets in plain text: in variables, arguments and ConfigMaps. No message has the value.

use erpc_check::PlainText;
use serde_json::Value;

use super::{Findings, title};
use crate::facts::{Facts, items, text};
use crate::read::FindingKind;

pub(super) fn find(facts: &Facts<'_>, found: &mut Findings) {
    let secrets = facts.objects.iter();
    let secrets = secrets.filter(|object| object.value["kind"] == "Secret");
    let names = secrets.map(|secret| text(&secret.value["metadata"]["name"]));
    let plain = PlainText::besides(names.collect());
    for pods in &facts.pods {
        for (list, place, container) in pods.containers() {
            let place = place.to_string();
            for (number, variable) in items(&container["env"]).iter().enumerate() {
                let name = text(&variable["name"]);
                if let Some(reason) = plain.of_value(name, text(&variable["value"])) {
                    let path = [list, &place, "env", &number.to_string(), "value"];
                    let message = format!(
                        "{} sets `{name}` in plain text: {reason}",
                        title(pods.object)
                    );
                    let line = pods.line(&path);
                    found.line(FindingKind::PlainSecret, pods.object, line, message);
                }
            }
            for field in ["command", "args"] {
                let words = items(&container[field]).iter().filter_map(Value::as_str);
                let words: Vec<String> = words.map(str::to_owned).collect();
                if let Some(reason) = plain.of_arguments(&words) {
                    let message = format!(
                        "`{field}` of {} has a secret in plain text: {reason}",
                        title(pods.object)
                    );
                    let line = pods.line(&[list, &place, field]);
                    found.line(FindingKind::PlainSecret, pods.object, line, message);
                }
            }
        }
    }
    let maps = facts.objects.iter();
    for map in maps.filter(|object| object.value["kind"] == "ConfigMap") {
        for (key, value) in map.value["data"].as_object().into_iter().flatten() {
            if let Some(reason) = plain.of_value(key, text(value)) {
                let message = format!("{} has `{key}` in plain text: {reason}", title(map));
                let path = ["data", key.as_str()];
                found.at(FindingKind::PlainSecret, map, &path, message);
            }
        }
    }
}
