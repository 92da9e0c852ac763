//! Which proxy leads to the API server. The rules are those of Go's `httpproxy` package, which kubectl
//! uses: `proxy-url` of the kubeconfig always applies; `HTTPS_PROXY` and `HTTP_PROXY` apply unless the
//! server is a loopback address or matches `NO_PROXY`. `ALL_PROXY` is not read, as in kubectl.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Uri;
use http::uri::Authority;
use ipnet::IpNet;

use crate::failure::Failure;

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP `CONNECT`.
    Http,
    /// HTTP `CONNECT` over TLS.
    Https,
    /// SOCKS version 5; the proxy resolves names.
    Socks5,
}

/// A proxy, and which setting names it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) protocol: Protocol,
    /// Scheme, host and port, without credentials.
    pub(crate) uri: Uri,
    /// User and password.
    pub(crate) credentials: Option<(String, String)>,
    /// `HTTPS_PROXY`, `proxy-url`.
    setting: &'static str,
}

/// Without the credentials: a proxy is named in error messages.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.uri.to_string();
        write!(
            f,
            "the proxy {} ({})",
            address.trim_end_matches('/'),
            self.setting
        )
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The variables of the environment that name proxies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    https_proxy: Option<(&'static str, String)>,
    http_proxy: Option<(&'static str, String)>,
    no_proxy: String,
}

impl Environment {
    /// Reads the variables of this process.
    pub(crate) fn of_process() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The first variable of each pair that is not empty counts.
    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let any = |names: [&'static str; 2]| {
            let set = |name| variable(name).filter(|value| !value.is_empty());
            names.into_iter().find_map(|name| Some((name, set(name)?)))
        };
        Self {
            https_proxy: any(["HTTPS_PROXY", "https_proxy"]),
            http_proxy: any(["HTTP_PROXY", "http_proxy"]),
            no_proxy: any(["NO_PROXY", "no_proxy"]).map_or_else(String::new, |(_, value)| value),
        }
    }

    /// The proxy that leads to a server.
    ///
    /// # Errors
    ///
    /// The variable that applies does not name a proxy.
    fn proxy(&self, server: &Uri) -> Result<Option<Proxy>, Failure> {
        let is_https = server.scheme_str() == Some("https");
        let variable = if is_https {
            &self.https_proxy
        } else {
            &self.http_proxy
        };
        let (Some((setting, value)), Some(host)) = (variable, server.host()) else {
            return Ok(None);
        };
        let port = server.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        if !uses_proxy(host, port, &self.no_proxy) {
            return Ok(None);
        }
        Proxy::parse(value, setting, &["http", "https", "socks5", "socks5h"]).map(Some)
    }
}

impl Proxy {
    /// The proxy that leads to a server: `proxy-url` of the kubeconfig, else one of the environment.
    ///
    /// # Errors
    ///
    /// The setting that applies does not name a proxy.
    pub(crate) fn for_server(
        server: &Uri,
        proxy_url: Option<&str>,
        environment: &Environment,
    ) -> Result<Option<Self>, Failure> {
        match proxy_url.filter(|url| !url.is_empty()) {
            Some(url) => Self::parse(url, "proxy-url", &["http", "https", "socks5"]).map(Some),
            None => environment.proxy(server),
        }
    }

    fn parse(text: &str, setting: &'static str, schemes: &[&str]) -> Result<Self, Failure> {
        let invalid = |why: &str| {
            // The text may hold a password.
            Failure::new(format!("{setting} does not name a proxy: {why}")).help(
                "expected http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT; a user and a password stand before HOST as USER:PASSWORD@, percent-encoded",
            )
        };
        let parsed = |text: &str| text.trim().parse::<Uri>();
        // `proxy:3128` is `http://proxy:3128`.
        let uri = match parsed(text) {
            Ok(uri) if uri.scheme().is_some() => uri,
            Err(error) if text.contains("://") => return Err(invalid(&error.to_string())),
            _ => parsed(&format!("http://{}", text.trim()))
                .map_err(|error| invalid(&error.to_string()))?,
        };
        let scheme = uri.scheme_str().unwrap_or_default();
        if !schemes.contains(&scheme) {
            return Err(invalid(&format!(
                "expected the scheme {}, found {scheme}",
                schemes.join(", ")
            )));
        }
        let (protocol, scheme, default_port) = match scheme {
            "https" => (Protocol::Https, "https", 443),
            "http" => (Protocol::Http, "http", 80),
            _ => (Protocol::Socks5, "socks5", 1080),
        };
        let authority = uri.authority().ok_or_else(|| invalid("it has no host"))?;
        let (host, port) = (authority.host(), authority.port_u16());
        if host.is_empty() {
            return Err(invalid("it has no host"));
        }
        let address = format!("{host}:{}", port.unwrap_or(default_port));
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(address)
            .path_and_query("/")
            .build()
            .map_err(|error| invalid(&error.to_string()))?;
        Ok(Self {
            protocol,
            uri,
            credentials: credentials(authority),
            setting,
        })
    }

    /// The value of `Proxy-Authorization` (RFC 7617).
    pub(crate) fn basic_authorization(&self) -> Option<String> {
        let (user, password) = self.credentials.as_ref()?;
        let pair = format!("{user}:{password}");
        Some(format!("Basic {}", BASE64.encode(pair)))
    }
}

fn credentials(authority: &Authority) -> Option<(String, String)> {
    let (pair, _) = authority.as_str().rsplit_once('@')?;
    let (user, password) = pair.split_once(':').unwrap_or((pair, ""));
    Some((percent_decode(user), percent_decode(password)))
}

/// An escape that is not one stays as it is.
fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| {
        bytes
            .get(at)
            .and_then(|byte| char::from(*byte).to_digit(16))
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Whether a proxy of the environment applies to a server: `useProxy` of Go's `httpproxy`.
fn uses_proxy(host: &str, port: u16, no_proxy: &str) -> bool {
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_lowercase();
    let ip: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return false;
    }
    let mut entries = no_proxy
        .split(',')
        .map(|entry| entry.trim().to_lowercase())
        .filter(|entry| !entry.is_empty());
    !entries.any(|entry| matches(&entry, &host, ip, port))
}

/// Whether an entry of `NO_PROXY` names a server: `*`, a CIDR, an address or a domain, the latter two
/// with or without a port. `example.com` names its subdomains too; `.example.com` and `*.example.com`
/// name only them.
fn matches(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if entry.contains('/')
        && let Ok(network) = entry.parse::<IpNet>()
    {
        return ip.is_some_and(|ip| network.contains(&ip));
    }
    let (name, wanted_port) = split_port(entry);
    if name.is_empty() || wanted_port.is_some_and(|wanted| wanted != port.to_string()) {
        return false;
    }
    if let Ok(address) = name.parse::<IpAddr>() {
        return ip == Some(address);
    }
    if ip.is_some() {
        return false;
    }
    let name = name
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => {
            let start = host.strip_suffix(name);
            start.is_some_and(|start| start.is_empty() || start.ends_with('.'))
        }
    }
}

/// `host:80`, `[fd00::1]:80`; a bare IPv6 address has no port.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    if let Some(rest) = entry.strip_prefix('[')
        && let Some((address, port)) = rest.split_once("]:")
    {
        return (address, Some(port));
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port).filter(|p| !p.is_empty())),
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, Protocol, Proxy, uses_proxy};

    fn proxied(server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let environment = Environment::read(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        let server = server.parse().expect("an address");
        let proxy = Proxy::for_server(&server, None, &environment).expect("it is a proxy");
        proxy.map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_environment_names_a_proxy_by_the_scheme_of_the_server() {
        let variables = [
            ("https_proxy", "secure:3128"),
            ("HTTP_PROXY", "http://plain"),
            ("ALL_PROXY", "http://every"),
        ];
        assert_eq!(
            proxied("https://api.example.com:6443", &variables).as_deref(),
            Some("the proxy http://secure:3128 (https_proxy)")
        );
        assert_eq!(
            proxied("http://api.example.com", &variables).as_deref(),
            Some("the proxy http://plain:80 (HTTP_PROXY)")
        );
        // kubectl does not read ALL_PROXY.
        assert_eq!(proxied("https://api.example.com", &variables[2..]), None);
        // The upper case comes first, and an empty variable is none.
        let both = [("HTTPS_PROXY", "upper"), ("https_proxy", "lower")];
        assert_eq!(
            proxied("https://a", &both).as_deref(),
            Some("the proxy http://upper:80 (HTTPS_PROXY)")
        );
        let empty = [("HTTPS_PROXY", ""), ("https_proxy", "lower")];
        assert_eq!(
            proxied("https://a", &empty).as_deref(),
            Some("the proxy http://lower:80 (https_proxy)")
        );
    }

    #[test]
    fn a_loopback_address_has_no_proxy_of_the_environment_and_one_of_the_kubeconfig() {
        let variables = [("HTTPS_PROXY", "http://proxy:3128")];
        for server in [
            "https://127.0.0.1:6443",
            "https://localhost:6443",
            "https://[::1]:6443",
        ] {
            assert_eq!(proxied(server, &variables), None, "{server}");
        }
        let server = "https://127.0.0.1:6443".parse().expect("an address");
        let environment = Environment {
            no_proxy: "*".to_owned(),
            ..Environment::default()
        };
        let proxy = Proxy::for_server(&server, Some("socks5://proxy"), &environment);
        let proxy = proxy.expect("it is a proxy").expect("it applies");
        assert_eq!(proxy.protocol, Protocol::Socks5);
        assert_eq!(
            proxy.to_string(),
            "the proxy socks5://proxy:1080 (proxy-url)"
        );
    }

    /// The table of the documentation of `golang.org/x/net/http/httpproxy`, and its edge cases.
    #[test]
    fn no_proxy_has_the_rules_of_go() {
        for (no_proxy, host, port, is_proxied) in [
            ("", "api.example.com", 443, true),
            ("*", "api.example.com", 443, false),
            ("other, *", "10.0.0.1", 443, false),
            ("example.com", "example.com", 443, false),
            ("example.com", "api.example.com", 443, false),
            ("example.com", "badexample.com", 443, true),
            (".example.com", "example.com", 443, true),
            (".example.com", "api.example.com", 443, false),
            ("*.example.com", "example.com", 443, true),
            ("*.example.com", "api.example.com", 443, false),
            ("EXAMPLE.com", "api.Example.COM", 443, false),
            ("example.com:6443", "example.com", 6443, false),
            ("example.com:6443", "example.com", 443, true),
            ("a.com, b.com ,c.com", "b.com", 443, false),
            ("10.0.0.1", "10.0.0.1", 6443, false),
            ("10.0.0.1:6443", "10.0.0.1", 6443, false),
            ("10.0.0.1:443", "10.0.0.1", 6443, true),
            ("10.0.0.0/8", "10.1.2.3", 6443, false),
            ("10.0.0.0/8", "11.1.2.3", 6443, true),
            ("10.0.0.0/8", "host.example.com", 6443, true),
            // A name is never compared with an address.
            ("0.0.1", "10.0.0.1", 443, true),
            ("fd00::1", "[fd00::1]", 6443, false),
            ("[fd00::1]:6443", "[fd00::1]", 6443, false),
            ("fd00::/8", "[fd00::1]", 6443, false),
            (":6443,,", "example.com", 6443, true),
            ("10.0.0.0/99", "10.0.0.1", 6443, true),
        ] {
            assert_eq!(
                uses_proxy(host, port, no_proxy),
                is_proxied,
                "NO_PROXY={no_proxy} {host}:{port}"
            );
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let server = "https://api.example.com".parse().expect("an address");
        let url = "http://us%40er:p%3Ass%zz@proxy:3128";
        let proxy = Proxy::for_server(&server, Some(url), &Environment::default());
        let proxy = proxy.expect("it is a proxy").expect("it applies");
        assert_eq!(
            proxy.credentials,
            Some(("us@er".to_owned(), "p:ss%zz".to_owned()))
        );
        assert_eq!(
            proxy.basic_authorization().as_deref(),
            Some("Basic dXNAZXI6cDpzcyV6eg==")
        );
        assert_eq!(
            format!("{proxy:?}"),
            "the proxy http://proxy:3128 (proxy-url)"
        );
    }

    #[test]
    fn what_is_not_a_proxy_is_refused_without_its_text() {
        let server = "https://api.example.com".parse().expect("an address");
        for url in [
            "ftp://secret@proxy",
            "socks5h://proxy",
            "http://secret:a b",
            "http://",
        ] {
            let refused = Proxy::for_server(&server, Some(url), &Environment::default());
            let refused = refused.expect_err(url).to_string();
            assert!(
                refused.starts_with("proxy-url does not name a proxy: "),
                "{refused}"
            );
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
