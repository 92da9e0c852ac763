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
        if let Some(fact) = bad_host(host) {
            let fact = erpc_model::strange(host).unwrap_or_else(|| fact.to_owned());
            let host = host.escape_debug();
            out.push(
                Diagnostic::new(&codes::BAD_HOST, format!("`{host}` is no host: {fact}"))
                    .at(route.host.span(), "this host")
                    .help(
                        "a host is written `www.example.org`, or `*.example.org` for all below it",
                    ),
            );
        }
        let path = route.path.as_str();
        if let Some(fact) = bad_path(path) {
            out.push(
                Diagnostic::new(&codes::BAD_HOST, format!("`{path}` is no path: {fact}"))
                    .at(route.host.span(), "this path"),
            );
        }
        if let Some(first) = taken.insert((host, path), index) {
            let first = &platform.routes[first];
            out.push(
                Diagnostic::new(
                    &codes::DUPLICATE_ROUTE,
                    format!("`{host}{path}` leads to two services"),
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

fn bad_path(path: &str) -> Option<&'static str> {
    if path.contains("//") {
        return Some("it has two `/` in a row");
    }
    if path.split('/').any(|part| part == ".." || part == ".") {
        return Some("it has a `.` or `..`");
    }
    let is_path = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'"' | b'<' | b'>');
    (!path.bytes().all(is_path)).then_some("it has a character that a path may not have")
}
