//! The fields of a service of Compose, each in the forms that it has there.

use serde_json::{Value, json};

use super::plain;
use crate::facts::items;

/// A text with the defaults of its variables (`${NAME:-default}`); `None` if one has none.
pub(super) fn resolved(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        let behind = &rest[start + 1..];
        if let Some(behind) = behind.strip_prefix('$') {
            out.push('$');
            rest = behind;
            continue;
        }
        let (inner, behind) = behind.strip_prefix('{')?.split_once('}')?;
        let (_, default) = inner.split_once(":-").or_else(|| inner.split_once('-'))?;
        out.push_str(default);
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

/// A command as a list, or as a line for a shell.
pub(super) fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(line) => shell_words(line),
        list => items(list).iter().map(shown).collect(),
    }
}

/// The words of a line, with quotes as a shell has them.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut is_word) = (None, false);
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.extend(letters.next()),
            ('"' | '\'', None) => (quote, is_word) = (Some(c), true),
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => {
                if is_word || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            (c, _) => word.push(c),
        }
    }
    if is_word || !word.is_empty() {
        words.push(word);
    }
    words
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The variables, and the names of those whose values are not in the file.
pub(super) fn environment(value: &Value) -> (Vec<Value>, Vec<String>) {
    let pairs: Vec<(String, Option<String>)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| {
                let value = (!value.is_null()).then(|| shown(value));
                (name.clone(), value)
            })
            .collect(),
        list => items(list)
            .iter()
            .map(shown)
            .map(|text| match text.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (text, None),
            })
            .collect(),
    };
    let (mut variables, mut unknown) = (Vec::new(), Vec::new());
    for (name, value) in pairs {
        match value.and_then(|value| resolved(&value)) {
            // `$(NAME)` means something to Kubernetes and nothing to Compose.
            Some(value) => {
                variables.push(json!({ "name": name, "value": value.replace("$(", "$$(") }));
            }
            None => unknown.push(name),
        }
    }
    (variables, unknown)
}

/// The ports of the container, each once.
pub(super) fn ports(service: &Value) -> Vec<(u64, String)> {
    let mut ports: Vec<(u64, String)> = Vec::new();
    let all = items(&service["ports"])
        .iter()
        .chain(items(&service["expose"]));
    for port in all {
        let (target, protocol) = match port {
            Value::Object(_) => (shown(&port["target"]), shown(&port["protocol"])),
            other => {
                let text = shown(other);
                let (ports, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
                let target = ports.rsplit(':').next().unwrap_or(ports);
                (target.to_owned(), protocol.to_owned())
            }
        };
        let protocol = match protocol.to_ascii_lowercase().as_str() {
            "udp" => "UDP",
            "sctp" => "SCTP",
            _ => "TCP",
        };
        let (first, last) = target.split_once('-').unwrap_or((&target, &target));
        let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else {
            continue;
        };
        for number in first..=last.min(first.saturating_add(99)) {
            let port = (u64::from(number), protocol.to_owned());
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
    }
    ports
}

/// The port of the machine that a port has.
pub(super) fn published(port: &Value) -> Option<String> {
    match port {
        Value::Object(_) => port.get("published").map(shown),
        other => {
            let text = shown(other);
            let (published, _) = text.rsplit_once(':')?;
            Some(published.rsplit(':').next().unwrap_or(published).to_owned())
        }
    }
}

/// A time such as `1m30s`, in seconds.
fn seconds(value: &Value) -> Option<u64> {
    let text = value.as_str()?;
    let (mut total, mut number) = (0_u64, String::new());
    let mut unit = String::new();
    let mut add = |number: &str, unit: &str| -> Option<()> {
        let number: u64 = number.parse().ok()?;
        let factor = match unit {
            "h" => 3600,
            "m" => 60,
            "s" | "" => 1,
            // Kubernetes counts in seconds.
            "ms" | "us" => return Some(()),
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(factor)?)?;
        Some(())
    };
    for c in text.chars() {
        if c.is_ascii_digit() && !unit.is_empty() {
            add(&number, &unit)?;
            number.clear();
            unit.clear();
        }
        match c.is_ascii_digit() {
            true => number.push(c),
            false => unit.push(c),
        }
    }
    add(&number, &unit)?;
    Some(total)
}

/// A health check as a readiness probe.
pub(super) fn probe(check: &Value) -> Option<Value> {
    let command: Vec<String> = match &check["test"] {
        Value::String(line) => vec!["sh".into(), "-c".into(), line.clone()],
        list => {
            let words: Vec<String> = items(list).iter().map(shown).collect();
            match words.split_first()? {
                (kind, rest) if kind == "CMD" => rest.to_vec(),
                (kind, rest) if kind == "CMD-SHELL" => {
                    vec!["sh".into(), "-c".into(), rest.join(" ")]
                }
                _ => return None,
            }
        }
    };
    if check["disable"] == true || command.is_empty() {
        return None;
    }
    let mut probe = json!({ "exec": { "command": command } });
    for (key, field, least) in [
        ("interval", "periodSeconds", 1),
        ("timeout", "timeoutSeconds", 1),
        ("start_period", "initialDelaySeconds", 0),
    ] {
        if let Some(seconds) = seconds(&check[key]) {
            probe[field] = seconds.max(least).into();
        }
    }
    if let Some(retries) = check["retries"].as_u64() {
        probe["failureThreshold"] = retries.max(1).into();
    }
    Some(probe)
}

/// Requests and limits.
pub(super) fn amounts(resources: &Value) -> Option<Value> {
    let mut out = json!({});
    for (key, field) in [("reservations", "requests"), ("limits", "limits")] {
        if !resources[key]["cpus"].is_null() {
            out[field]["cpu"] = shown(&resources[key]["cpus"]).into();
        }
        if let Some(memory) = resources[key]["memory"].as_str() {
            out[field]["memory"] = memory_of(memory).into();
        }
    }
    out.as_object()
        .is_some_and(|out| !out.is_empty())
        .then_some(out)
}

/// Compose counts in powers of 1024: `512M` is `512Mi`.
fn memory_of(text: &str) -> String {
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.to_ascii_lowercase().as_str() {
        "k" | "kb" | "kib" => "Ki",
        "m" | "mb" | "mib" => "Mi",
        "g" | "gb" | "gib" => "Gi",
        _ => "",
    };
    format!("{number}{unit}")
}

/// Volumes of the pod, mounts of the container, and paths of the machine that are neither.
pub(super) fn mounts(service: &Value) -> (Vec<Value>, Vec<Value>, Vec<String>) {
    let (mut volumes, mut in_container, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    let mut add = |name: String, source: Value, path: &str, is_read_only: bool| {
        if !volumes
            .iter()
            .any(|volume: &Value| volume["name"] == name.as_str())
        {
            let mut volume = source;
            volume["name"] = name.as_str().into();
            volumes.push(volume);
        }
        let mut mount = json!({ "name": name, "mountPath": path });
        if is_read_only {
            mount["readOnly"] = true.into();
        }
        in_container.push(mount);
    };
    for volume in items(&service["volumes"]) {
        let (source, target, is_read_only) = match volume {
            Value::Object(_) => (
                shown(&volume["source"]),
                shown(&volume["target"]),
                volume["read_only"] == true,
            ),
            other => {
                let text = shown(other);
                let parts: Vec<&str> = text.split(':').collect();
                match parts.as_slice() {
                    [target] => (String::new(), (*target).to_owned(), false),
                    [source, target, rest @ ..] => {
                        let is_read_only = rest
                            .first()
                            .is_some_and(|modes| modes.split(',').any(|mode| mode == "ro"));
                        ((*source).to_owned(), (*target).to_owned(), is_read_only)
                    }
                    [] => continue,
                }
            }
        };
        let is_path = source.starts_with(['.', '/', '~', '$']);
        if is_path {
            left_out.push(source);
        } else if source.is_empty() {
            let name = plain(&target);
            add(name, json!({ "emptyDir": {} }), &target, is_read_only);
        } else {
            let name = plain(&source);
            let claim = json!({ "persistentVolumeClaim": { "claimName": name } });
            add(name, claim, &target, is_read_only);
        }
    }
    let paths = match &service["tmpfs"] {
        Value::String(path) => vec![path.clone()],
        list => items(list).iter().map(shown).collect(),
    };
    for path in paths {
        let path = path.split(':').next().unwrap_or(&path);
        add(
            plain(path),
            json!({ "emptyDir": { "medium": "Memory" } }),
            path,
            false,
        );
    }
    (volumes, in_container, left_out)
}

#[cfg(test)]
mod tests {
    use super::{environment, ports, probe, resolved, words};
    use serde_json::json;

    #[test]
    fn commands_are_words() {
        assert_eq!(
            words(&json!("run --name \"a b\" 'c'")),
            ["run", "--name", "a b", "c"]
        );
        assert_eq!(words(&json!(["run", 1])), ["run", "1"]);
    }

    #[test]
    fn variables_have_their_defaults_and_nothing_is_guessed() {
        assert_eq!(resolved("a:${TAG:-1}").as_deref(), Some("a:1"));
        assert_eq!(resolved("$$HOME").as_deref(), Some("$HOME"));
        assert_eq!(resolved("a:${TAG}"), None);
        let (known, unknown) = environment(&json!(["A=1", "B"]));
        assert_eq!((known.len(), unknown), (1, vec!["B".to_owned()]));
    }

    #[test]
    fn ports_are_those_of_the_container() {
        let service = json!({ "ports": ["8080:80", "127.0.0.1:53:53/udp", { "target": 90 }], "expose": ["80", 91] });
        let numbers: Vec<u64> = ports(&service)
            .into_iter()
            .map(|(number, _)| number)
            .collect();
        assert_eq!(numbers, [80, 53, 90, 91]);
    }

    #[test]
    fn a_health_check_is_a_readiness_probe() {
        let check = json!({ "test": ["CMD", "ping"], "interval": "1m30s", "retries": 5 });
        let expected =
            json!({ "exec": { "command": ["ping"] }, "periodSeconds": 90, "failureThreshold": 5 });
        assert_eq!(probe(&check), Some(expected));
        assert_eq!(probe(&json!({ "test": ["NONE"] })), None);
    }
}
