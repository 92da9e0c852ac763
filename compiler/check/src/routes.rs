//! Routes: hosts and paths.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::Platform;
use rustc_hash::FxHashMap;

/// Every route has a host and path of its own, and they can be ones.
pub(crate) fn routes(platform: &Platform, out: &mut Diagnostics) {
    let mut taken: FxHashMap<(&str, &str), usize> = FxHashMap::default();
    for (index, route) in platform.routes.iter().enumerate() {
        let host = route.host.value.as_str();
        if host == "http:" || host == "https:" {
            let meant = format!("{host}//");
            out.push(
                Diagnostic::new(&codes::BAD_HOST, format!("a host stands without `{meant}`"))
                    .at(route.host.span(), "a URL")
                    .help("write the host, and the path behind it: `\"www.example.org/shop\"`"),
            );
            continue;
        }
        if host.is_empty() && path_alone(platform, index) {
            out.push(
                Diagnostic::new(
                    &codes::BAD_HOST,
                    format!("the path `{}` has no host", route.path),
                )
                .at(route.host.span(), "a path alone")
                .help(match platform.routes[index - 1].host.value.as_str() {
                    "" => "write the host before the path: `\"www.example.org/shop\"`".to_owned(),
                    host => format!(
                        "write host and path in one text: `\"{host}{}\"`",
                        route.path
                    ),
                }),
            );
            continue;
        }
        if let Some((name, port)) = host.split_once(':')
            && bad_host(name).is_none()
            && port.bytes().all(|b| b.is_ascii_digit())
        {
            out.push(
                Diagnostic::new(
                    &codes::BAD_HOST,
                    format!("a route cannot have a port, found `:{port}`"),
                )
                .at(route.host.span(), "a host and a port")
                .help(format!(
                    "write `\"{name}{}\"`: an Ingress serves ports 80 and 443",
                    if route.path == "/" { "" } else { &route.path }
                ))
                .help(format!(
                    "for a port of its own: `expose {} as loadbalancer`",
                    platform[route.port].name.value
                )),
            );
            continue;
        }
        if let Some(fact) = bad_host(host) {
            let fact = erpc_model::strange(host).unwrap_or_else(|| fact.to_owned());
            let host = host.escape_debug();
            out.push(
                Diagnostic::new(&codes::BAD_HOST, format!("invalid host `{host}`: {fact}"))
                    .at(route.host.span(), "this host")
                    .help(
                        "a host is written `www.example.org`, or `*.example.org` for all below it",
                    ),
            );
        }
        certificate(platform, index, out);
        let path = route.path.as_str();
        if let Some(fact) = bad_path(path) {
            let diagnostic =
                Diagnostic::new(&codes::BAD_HOST, format!("invalid path `{path}`: {fact}"))
                    .at(route.host.span(), "this path");
            let plain = path.trim_end_matches(['*', '/']);
            out.push(
                match plain.contains('*') || plain == path.trim_end_matches('/') {
                    true => diagnostic,
                    false => diagnostic.help(format!("write `\"{host}{plain}\"`")),
                },
            );
        }
        if let Some(first) = taken.insert((host, path), index) {
            let first = &platform.routes[first];
            out.push(
                Diagnostic::new(
                    &codes::DUPLICATE_ROUTE,
                    format!("duplicate route `{host}{path}` to two services"),
                )
                .at(
                    route.host.span(),
                    format!("to `{}`", platform.path(route.port.service)),
                )
                .also(
                    first.host.span(),
                    format!("to `{}`", platform.path(first.port.service)),
                ),
            );
        }
    }
}

/// RFC 1123 §2.1, with the wildcard of an Ingress in front.
fn bad_host(host: &str) -> Option<&'static str> {
    let name = host.strip_prefix("*.").unwrap_or(host);
    if name.is_empty() {
        return Some("it is empty");
    }
    if host.len() > 253 {
        return Some("it has more than 253 characters");
    }
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Some("it is an address");
    }
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        !bytes.is_empty()
            && bytes.len() <= 63
            && bytes[0] != b'-'
            && bytes[bytes.len() - 1] != b'-'
            && bytes
                .iter()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
    };
    (!name.split('.').all(is_label)).then_some("its parts are lower-case letters, digits and `-`")
}

/// The Secret of a certificate has the keys of `kubernetes.io/tls`; reported once for a statement.
fn certificate(platform: &Platform, index: usize, out: &mut Diagnostics) {
    let route = &platform.routes[index];
    let is_first = index == 0 || platform.routes[index - 1].span != route.span;
    let Some(tls) = route.tls.as_ref().filter(|_| is_first) else {
        return;
    };
    let secret = &platform[tls.value];
    let has = |key: &str| secret.keys.iter().any(|known| known.value == key);
    let missing: Vec<String> = ["tls.crt", "tls.key"]
        .into_iter()
        .filter(|key| !has(key))
        .map(|key| format!("`{key}`"))
        .collect();
    if missing.is_empty() {
        return;
    }
    let name = &secret.name.value;
    out.push(
        Diagnostic::new(
            &codes::UNKNOWN_SECRET_KEY,
            format!(
                "the secret `{name}` cannot hold a certificate: it has no key {}",
                missing.join(" and ")
            ),
        )
        .at(tls.span(), "used for TLS")
        .also(secret.name.span(), "declared here")
        .help(format!(
            "declare `secret {name} {{ keys \"tls.crt\", \"tls.key\" }}`, or name another secret"
        )),
    );
}

/// Whether a route without a host follows another one of its statement.
fn path_alone(platform: &Platform, index: usize) -> bool {
    let before = index.checked_sub(1).map(|before| &platform.routes[before]);
    before.is_some_and(|before| before.span == platform.routes[index].span)
}

fn bad_path(path: &str) -> Option<&'static str> {
    if path.contains('*') {
        return Some("it has a `*`; a path covers everything below it by itself");
    }
    if path.to_lowercase().contains("%2f") {
        return Some("it has an encoded `/`");
    }
    if path.contains("//") {
        return Some("it has two `/` in a row");
    }
    if path.split('/').any(|part| part == ".." || part == ".") {
        return Some("it has a `.` or `..`");
    }
    let is_path = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'"' | b'<' | b'>');
    (!path.bytes().all(is_path)).then_some("it has a character that a path may not have")
}
