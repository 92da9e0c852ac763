//! What Kubernetes accepts as a name, a key or a value (`k8s.io/apimachinery`, `pkg/util/validation`). Each
//! rule says why a text is refused, so that it is reported where the text stands and not by a server.

/// The longest DNS label (RFC 1123 §2.1).
pub const MAX_LABEL: usize = 63;
/// The label by which the pods of a service are known unless its `identity` has a selector, and by which people find
/// its objects.
pub const NAME_LABEL: &str = "app.kubernetes.io/name";
/// The label with the tier of a service.
pub const COMPONENT_LABEL: &str = "app.kubernetes.io/component";
/// The label with the name of the platform, by which its objects are found.
pub const PART_OF_LABEL: &str = "app.kubernetes.io/part-of";
/// The longest DNS subdomain.
const MAX_SUBDOMAIN: usize = 253;

/// A text that is refused as what it is used for, and why.
#[must_use]
pub fn invalid(what: &str, text: &str, why: &str) -> String {
    let shown: String = text.chars().take(80).collect();
    format!("invalid {what} `{}`: {why}", shown.escape_debug())
}

/// Why a text is no DNS label: the name of a namespace, a container or a volume.
#[must_use]
pub fn not_a_label(text: &str) -> Option<String> {
    if text.len() > MAX_LABEL {
        return Some(too_long(text, MAX_LABEL));
    }
    (!is_label(text)).then(|| {
        "expected lower-case letters, digits and `-`, with a letter or digit at both ends"
            .to_owned()
    })
}

/// Why a text cannot be the name of a Service: a DNS label that starts with a letter (RFC 1035 §2.3.1).
#[must_use]
pub fn not_a_service(text: &str) -> Option<String> {
    not_a_label(text).or_else(|| {
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        (!starts).then(|| "expected a lower-case letter at its start".to_owned())
    })
}

/// Why a text is no DNS subdomain: the name of most objects, such as an IngressClass.
#[must_use]
pub fn not_a_subdomain(text: &str) -> Option<String> {
    if text.len() > MAX_SUBDOMAIN {
        return Some(too_long(text, MAX_SUBDOMAIN));
    }
    (!text.split('.').all(is_label)).then(|| {
        "expected lower-case letters, digits, `-` and `.`, with a letter or digit around each `.` and at both ends".to_owned()
    })
}

/// Why a text is no qualified name: the key of a label or an annotation.
#[must_use]
pub fn not_a_key(text: &str) -> Option<String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if let Some(why) = prefix.and_then(not_a_subdomain) {
        return Some(format!("before the `/`: {why}"));
    }
    if name.is_empty() {
        return Some("its name is empty".to_owned());
    }
    not_a_value(name)
}

/// Why a text is no value of a label. It may be empty.
#[must_use]
pub fn not_a_value(text: &str) -> Option<String> {
    if text.len() > MAX_LABEL {
        return Some(too_long(text, MAX_LABEL));
    }
    let is_end = |c: char| c.is_ascii_alphanumeric();
    let is_inner = |c: char| is_end(c) || matches!(c, '-' | '_' | '.');
    let fits = text.is_empty()
        || text.starts_with(is_end) && text.ends_with(is_end) && text.chars().all(is_inner);
    (!fits).then(|| {
        "expected letters, digits, `-`, `_` and `.`, with a letter or digit at both ends".to_owned()
    })
}

/// Why a text is no key of a ConfigMap or a Secret.
#[must_use]
pub fn not_a_file(text: &str) -> Option<String> {
    if text.len() > MAX_SUBDOMAIN {
        return Some(too_long(text, MAX_SUBDOMAIN));
    }
    if let Some(why) = starts_as_a_path(text) {
        return Some(why);
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (text.is_empty() || !text.chars().all(is_part))
        .then(|| "expected letters, digits, `-`, `_` and `.`".to_owned())
}

/// Why a text is no name of an environment variable. Kubernetes accepts more since 1.34; these are accepted
/// by every version.
#[must_use]
pub fn not_a_variable(text: &str) -> Option<String> {
    if let Some(why) = starts_as_a_path(text) {
        return Some(why);
    }
    let is_start = |c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '_' | '.');
    let fits =
        text.starts_with(is_start) && text.chars().all(|c| is_start(c) || c.is_ascii_digit());
    (!fits)
        .then(|| "expected letters, digits, `-`, `_` and `.`, and no digit at the start".to_owned())
}

fn starts_as_a_path(text: &str) -> Option<String> {
    (text == "." || text.starts_with("..")).then(|| "it is `.` or starts with `..`".to_owned())
}

/// Why a text is not the registry of an image reference: a host with an optional port, and names below it.
#[must_use]
pub fn not_a_registry(text: &str) -> Option<String> {
    if let Some((scheme, _)) = text.split_once("://") {
        return Some(format!("it starts with `{}://`", scheme.escape_debug()));
    }
    let (authority, path) = match text.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (text, None),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_host = host.to_ascii_lowercase().split('.').all(is_label)
        || host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    if !is_host {
        return Some("expected a host name such as `registry.example.org`".to_owned());
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Some("the port after its `:` must be a number up to 65535".to_owned());
    }
    // containerd and Docker take a first part without these for a folder of Docker Hub.
    if !host.contains('.') && !host.starts_with('[') && port.is_none() && host != "localhost" {
        return Some(format!(
            "without a `.` or a port it is not a host: `{host}/app` is an image of Docker Hub"
        ));
    }
    let is_part = |part: &str| {
        let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        part.starts_with(is_end)
            && part.ends_with(is_end)
            && part
                .chars()
                .all(|c| is_end(c) || matches!(c, '.' | '_' | '-'))
    };
    match path {
        Some(path) if !path.split('/').all(is_part) => Some(
            "expected lower-case letters, digits, `.`, `_` and `-` between each `/`".to_owned(),
        ),
        _ => None,
    }
}

/// The name of the volume that a writable directory is: `writable-var-run-x` for `/var/run/x` of the main
/// container, with the name of the container in it for another.
#[must_use]
pub fn writable_volume(container: &str, is_main: bool, path: &str) -> String {
    let directory: String = path
        .trim_matches('/')
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    // A folder may be called by signs and letters that names of volumes do not have.
    let directory = match directory.trim_matches('-') {
        "" => "folder",
        directory => directory,
    };
    if is_main {
        format!("writable-{directory}")
    } else {
        format!("writable-{container}-{directory}")
    }
}

/// Why a namespace cannot be managed as a whole: it belongs to Kubernetes, or to every user of the cluster.
#[must_use]
pub fn reserved_namespace(text: &str) -> Option<&'static str> {
    if text.starts_with("kube-") {
        Some("names that start with `kube-` are reserved for Kubernetes")
    } else if text == "default" {
        Some("`default` exists in every cluster and may hold what others deployed")
    } else {
        None
    }
}

/// Whether every cluster has a namespace of this name, which the API server makes and nothing may delete.
#[must_use]
pub fn is_system_namespace(text: &str) -> bool {
    ["default", "kube-node-lease", "kube-public", "kube-system"].contains(&text)
}

/// What the API server sets if a container has no pull policy: an image whose tag is, or is taken for, `latest` is always
/// pulled (`SetDefaults_Container`).
#[must_use]
pub fn usual_pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    let (name, has_digest) = match name.split_once('@') {
        Some((name, _)) => (name, true),
        None => (name, false),
    };
    match name.split_once(':') {
        Some((_, "latest")) => "Always",
        None if !has_digest => "Always",
        Some(_) | None => "IfNotPresent",
    }
}

/// Whether a text is the name of a time zone of the tz database, of which Kubernetes has its own copy. Names are
/// compared as they are written: the machines of a cluster may tell letters apart.
#[must_use]
pub fn is_time_zone(text: &str) -> bool {
    time_zones().any(|zone| zone == text)
}

/// The names of the tz database (release 2025b), links included.
pub fn time_zones() -> impl Iterator<Item = &'static str> {
    include_str!("time_zones.txt").lines()
}

fn too_long(text: &str, limit: usize) -> String {
    format!(
        "it has {} characters; at most {limit} are allowed",
        text.len()
    )
}

fn is_label(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= MAX_LABEL
        && text.starts_with(is_end)
        && text.ends_with(is_end)
        && text.chars().all(|c| is_end(c) || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_63_characters() {
        assert_eq!(not_a_label(&"a".repeat(63)), None);
        assert!(not_a_label(&"a".repeat(64)).is_some());
        for wrong in ["", "-a", "a-", "A", "a.b", "a_b", "é"] {
            assert!(not_a_label(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_qualified_names() {
        for right in ["app", "App_1.x", "app.kubernetes.io/name", "a/B"] {
            assert_eq!(not_a_key(right), None, "{right}");
        }
        for wrong in [
            "",
            "a/",
            "/a",
            "app.Kubernetes.io/name",
            "a/b/c",
            "a b",
            "-a",
        ] {
            assert!(not_a_key(wrong).is_some(), "{wrong}");
        }
        assert_eq!(not_a_value(""), None);
        assert!(not_a_value("-b").is_some());
        assert!(not_a_value(&"a".repeat(64)).is_some());
    }

    #[test]
    fn registries_are_hosts_with_a_path() {
        for right in [
            "docker.io",
            "Registry.example",
            "localhost",
            "cache:5000",
            "[fd00::1]:5000",
            "ghcr.io/acme",
            "eu.gcr.io/my-project/a_b",
        ] {
            assert_eq!(not_a_registry(right), None, "{right}");
        }
        for wrong in [
            "",
            "x",
            "acme/shop",
            "x y",
            "https://ghcr.io",
            "ghcr.io/",
            "ghcr.io//a",
            "ghcr.io/A",
            "-x.io",
            "x.io:http",
            "x.io:70000",
            "..",
            "é.io",
            "[fd00::1",
        ] {
            assert!(not_a_registry(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn time_zones_are_those_of_the_tz_database() {
        for right in [
            "UTC",
            "Europe/Kyiv",
            "EST",
            "America/Argentina/Buenos_Aires",
        ] {
            assert!(is_time_zone(right), "{right}");
        }
        for wrong in ["", "UTC+2", "EST5", "Mars/Base", "Local", "europe/kyiv"] {
            assert!(!is_time_zone(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_image_without_a_version_is_always_pulled() {
        for image in ["nginx", "nginx:latest", "registry.example:5000/nginx"] {
            assert_eq!(usual_pull_policy(image), "Always", "{image}");
        }
        let digest = format!("nginx@sha256:{}", "0".repeat(64));
        for image in ["nginx:1.27", "registry.example:5000/nginx:1", &digest] {
            assert_eq!(usual_pull_policy(image), "IfNotPresent", "{image}");
        }
    }
}
