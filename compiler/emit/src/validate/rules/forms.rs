//! Forms of texts: why Kubernetes refuses one.

use erpc_model::kubernetes as form;

/// Keys of annotations may have upper case before the `/`.
pub(super) fn not_an_annotation(key: &str) -> Option<String> {
    form::not_a_key(&key.to_lowercase())
}

/// A resource of a container without a prefix is one of Kubernetes.
pub(super) fn not_a_resource(key: &str) -> Option<String> {
    const KNOWN: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "storage"];
    let is_known = KNOWN.contains(&key) || key.starts_with("hugepages-") || key.contains('/');
    if !is_known {
        return Some(
            "expected `cpu`, `memory`, `ephemeral-storage`, or a name with a domain before a `/`"
                .to_owned(),
        );
    }
    form::not_a_key(key)
}

/// A service name of RFC 6335 §5.1.
pub(super) fn not_a_port_name(name: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = name.len() <= 15
        && name.chars().all(is_part)
        && name.contains(|c: char| c.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    (!fits).then(|| {
        "expected at most 15 lower-case letters, digits and single `-`, with a letter".to_owned()
    })
}

/// A port by its name.
pub(super) fn not_a_target_port(text: &str) -> Option<String> {
    not_a_port_name(text).map(|_| "expected a number or the name of a port".to_owned())
}

pub(super) fn not_a_mount_path(path: &str) -> Option<String> {
    path.contains(':').then(|| "it contains a `:`".to_owned())
}

pub(super) fn not_a_subpath(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some("expected a path relative to the volume".to_owned());
    }
    has_backsteps(path)
}

pub(super) fn has_backsteps(path: &str) -> Option<String> {
    let has = path.split('/').any(|part| part == "..");
    has.then(|| "it contains `..`".to_owned())
}

pub(super) fn not_absolute(path: &str) -> Option<String> {
    (!path.starts_with('/')).then(|| "expected an absolute path".to_owned())
}

pub(super) fn not_an_address(text: &str) -> Option<String> {
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    (!is_address).then(|| "expected an IPv4 or IPv6 address".to_owned())
}

pub(super) fn not_a_search_domain(text: &str) -> Option<String> {
    if text == "." {
        return None;
    }
    // Underscores are allowed, as in the names of SRV records.
    let text = text.strip_suffix('.').unwrap_or(text);
    form::not_a_subdomain(&text.replace('_', "-"))
}

pub(super) fn not_a_controller(text: &str) -> Option<String> {
    let Some((domain, path)) = text.split_once('/') else {
        return Some("expected a domain and a path, such as `example.com/controller`".to_owned());
    };
    if path.is_empty() {
        return Some("the path behind the domain is empty".to_owned());
    }
    form::not_a_subdomain(domain)
}

/// A finalizer has the domain of its controller before a `/`, or is one of Kubernetes.
pub(super) fn not_a_finalizer(text: &str) -> Option<String> {
    const STANDARD: [&str; 2] = ["foregroundDeletion", "orphan"];
    if STANDARD.contains(&text) {
        return None;
    }
    if !text.contains('/') {
        return Some("expected a domain and a name, such as `example.com/cleanup`".to_owned());
    }
    form::not_a_key(text)
}

/// The user of a Windows container, behind its domain and a `\\` if it has one (`validateWindowsSecurityContextOptions`).
pub(super) fn not_a_windows_user(text: &str) -> Option<String> {
    const MAX_USER: usize = 104;
    const MAX_DOMAIN: usize = 255;
    if text.chars().any(|c| c.is_ascii_control()) {
        return Some("it contains a control character".to_owned());
    }
    let (domain, user) = match text.split_once('\\') {
        Some((domain, user)) => (Some(domain), user),
        None => (None, text),
    };
    if user.contains(|c| "\"/\\:;|=,+*?<>@[]".contains(c)) {
        return Some("the user contains one of `\"/\\:;|=,+*?<>@[]`".to_owned());
    }
    if user.len() > MAX_USER || user.chars().all(|c| matches!(c, '.' | ' ')) {
        return Some(format!(
            "expected a user of at most {MAX_USER} bytes, with more than periods and spaces"
        ));
    }
    let is_domain = |domain: &str| {
        let has_letters = !domain.contains(|c| "\\/:*?\"<>|".contains(c));
        let is_net_bios =
            (1..=15).contains(&domain.chars().count()) && !domain.starts_with('.') && has_letters;
        is_net_bios || domain.len() <= MAX_DOMAIN && form::not_a_subdomain(domain).is_none()
    };
    domain
        .is_some_and(|domain| !is_domain(domain))
        .then(|| "expected a NetBIOS or DNS name before the `\\`".to_owned())
}
