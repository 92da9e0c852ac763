//! The HTTP client of a cluster: directly or through a proxy, with TLS, and with the headers that every
//! request carries. `kube` builds the same stack, but gives a SOCKS proxy no credentials, decides on its
//! own which proxy applies, and sends a token file with its final newline.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request, Uri};
use http_body_util::BodyExt;
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::AuthInfo;
use kube::{Client, Config};
use secrecy::ExposeSecret;
use tower::util::MapRequestLayer;
use tower::{BoxError, Service, ServiceBuilder};

use crate::failure::Failure;
use crate::mutex::held;
use crate::proxy::{Protocol, Proxy};

/// How long a connection may take to be made, the handshakes included.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// How long a request may take to be written.
const WRITE_LIMIT: Duration = Duration::from_secs(60);

/// Who asks: `erpc/0.1.0 (linux/x86_64) apply`.
pub(crate) fn user_agent(command: &str) -> String {
    use std::env::consts::{ARCH, OS};
    let version = env!("CARGO_PKG_VERSION");
    format!("erpc/{version} ({OS}/{ARCH}) {command}")
        .trim_end()
        .to_owned()
}

/// Builds the client.
///
/// # Errors
///
/// The certificates, keys or credentials of the kubeconfig cannot be used.
pub(crate) fn client(
    mut config: Config,
    proxy: Option<&Proxy>,
    command: &str,
) -> Result<Client, Failure> {
    let agent = HeaderValue::try_from(user_agent(command))
        .map_err(|error| Failure::new(format!("the user agent is not a header: {error}")))?;
    config.headers.push((USER_AGENT, agent));
    // Where both are set, the file has the newer token.
    let bearer = Bearer::take(&mut config.auth_info)?;
    let mut direct = HttpConnector::new();
    direct.enforce_http(false);
    let built = match proxy {
        None => over(direct, &config, bearer),
        Some(proxy) => match proxy.protocol {
            Protocol::Http => over(tunnel(proxy, direct), &config, bearer),
            Protocol::Https => config
                .rustls_https_connector_with_connector(direct)
                .and_then(|secured| over(tunnel(proxy, secured), &config, bearer)),
            Protocol::Socks5 => {
                let mut socks = SocksV5::new(proxy.uri.clone(), direct);
                if let Some((user, password)) = &proxy.credentials {
                    socks = socks.with_auth(user.clone(), password.clone());
                }
                over(socks, &config, bearer)
            }
        },
    };
    built.map_err(|error| match error {
        kube::Error::Auth(error) => no_credentials(&error),
        other => Failure::new(format!(
            "the kubeconfig's certificates or keys cannot be used: {other}"
        ))
        .help("write the kubeconfig anew, with the tool that made the cluster"),
    })
}

fn tunnel<C>(proxy: &Proxy, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.uri.clone(), connector);
    let authorization = proxy.basic_authorization();
    // Base64 is always a valid header.
    match authorization.and_then(|value| HeaderValue::try_from(value).ok()) {
        Some(value) => tunnel.with_auth(value),
        None => tunnel,
    }
}

/// The client above a way to make connections.
fn over<H>(connector: H, config: &Config, bearer: Option<Bearer>) -> Result<Client, kube::Error>
where
    H: 'static + Clone + Send + Sync + Service<Uri>,
    H::Response: 'static + Connection + Read + Write + Send + Unpin,
    H::Future: 'static + Send,
    H::Error: 'static + Send + Sync + std::error::Error,
{
    let secured = config.rustls_https_connector_with_connector(connector)?;
    let mut timed = TimeoutConnector::new(secured);
    timed.set_connect_timeout(Some(CONNECT_LIMIT));
    timed.set_write_timeout(Some(WRITE_LIMIT));
    let http: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new()).build(timed);
    let authorize = bearer.map(Arc::new).map(|bearer| {
        MapRequestLayer::new(move |mut request: Request<Body>| {
            request.headers_mut().insert(AUTHORIZATION, bearer.header());
            request
        })
    });
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .option_layer(authorize)
        .layer(config.extra_headers_layer()?)
        .map_response(|response: http::Response<hyper::body::Incoming>| {
            response.map(|body| body.map_err(BoxError::from))
        })
        .map_err(BoxError::from)
        .service(http);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}

/// How long a token of a file is sent before the file is read again, as in client-go.
const TOKEN_LASTS: Duration = Duration::from_secs(60);

/// A bearer token, without the whitespace around it.
struct Bearer {
    /// A file whose token may be replaced at any time.
    file: Option<PathBuf>,
    current: Mutex<(HeaderValue, Instant)>,
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bearer")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Bearer {
    /// Takes the token out of what the kubeconfig says about its user, as client-go would choose it:
    /// the file, if it can be read, else the token itself, else whatever else there is.
    fn take(auth: &mut AuthInfo) -> Result<Option<Self>, Failure> {
        let is_basic = auth.username.is_some() && auth.password.is_some();
        if auth.auth_provider.is_some() || is_basic {
            return Ok(None);
        }
        let inline = auth
            .token
            .take()
            .map(|token| token.expose_secret().trim().to_owned());
        let inline = inline.filter(|token| !token.is_empty());
        let file = auth
            .token_file
            .take()
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        let token = match (&file, inline) {
            (None, None) => return Ok(None),
            (None, Some(inline)) => inline,
            (Some(path), inline) => match (read_token(path), inline) {
                (Ok(token), _) | (Err(_), Some(token)) => token,
                (Err(why), None) => {
                    return Err(
                        Failure::new(format!("the token file {} {why}", path.display()))
                            .help("log in again, or name another context with --context"),
                    );
                }
            },
        };
        auth.exec = None;
        let header = header(&token).ok_or_else(|| {
            Failure::new("the token of the kubeconfig has characters that no token has")
                .help("log in again, or name another context with --context")
        })?;
        Ok(Some(Self {
            file,
            current: Mutex::new((header, Instant::now())),
        }))
    }

    /// The header to send. A file that cannot be read any more leaves the last token in use.
    fn header(&self) -> HeaderValue {
        let mut current = held(&self.current);
        if let Some(path) = &self.file
            && current.1.elapsed() >= TOKEN_LASTS
        {
            if let Ok(token) = read_token(path)
                && let Some(fresh) = header(&token)
            {
                current.0 = fresh;
            }
            current.1 = Instant::now();
        }
        current.0.clone()
    }
}

fn read_token(path: &std::path::Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    match text.trim() {
        "" => Err("is empty".to_owned()),
        token => Ok(token.to_owned()),
    }
}

fn header(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Why the kubeconfig gives no credentials; of a command that it names, what that said last.
fn no_credentials(error: &kube::client::AuthError) -> Failure {
    use kube::client::AuthError as E;
    match error {
        E::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            Failure::new(format!(
                "the command that the kubeconfig names for credentials ended with {}: {}",
                out.status,
                last.unwrap_or("it printed no reason").trim()
            ))
            .help("log in with that tool, then try again")
        }
        E::AuthExecStart(error) => Failure::new(format!(
            "the command that the kubeconfig names for credentials cannot be run: {error}"
        ))
        .help("install it, or name another context with --context"),
        E::AuthExecParse(_) | E::ExecPluginFailed => {
            Failure::new("the command that the kubeconfig names for credentials gave none")
                .help("run it by hand: it must print an ExecCredential with a status")
        }
        other => Failure::new(format!("the kubeconfig gives no credentials: {other}"))
            .help("log in again, or name another context with --context"),
    }
}

#[cfg(test)]
mod tests {
    use kube::config::AuthInfo;

    use super::Bearer;

    fn sent(bearer: &Bearer) -> String {
        let header = bearer.header();
        header.to_str().expect("it is text").to_owned()
    }

    fn expired(bearer: &Bearer) {
        let mut current = bearer.current.lock().expect("no other thread");
        let before = current.1.checked_sub(super::TOKEN_LASTS);
        current.1 = before.expect("the clock has run for a minute");
    }

    #[test]
    fn a_token_is_sent_without_its_newline() {
        let mut auth = AuthInfo {
            token: Some("inline\n".to_owned().into()),
            ..AuthInfo::default()
        };
        let bearer = Bearer::take(&mut auth)
            .expect("it is a token")
            .expect("it is there");
        assert_eq!(sent(&bearer), "Bearer inline");
        assert!(auth.token.is_none());
    }

    #[test]
    fn a_token_file_is_read_again_and_comes_before_a_token() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("token");
        std::fs::write(&path, "first\n").expect("a file");
        let mut auth = AuthInfo {
            token: Some("inline".to_owned().into()),
            token_file: Some(path.display().to_string()),
            ..AuthInfo::default()
        };
        let bearer = Bearer::take(&mut auth)
            .expect("it is a token")
            .expect("it is there");
        assert_eq!(sent(&bearer), "Bearer first");
        std::fs::write(&path, " second \r\n").expect("a file");
        assert_eq!(sent(&bearer), "Bearer first");
        expired(&bearer);
        assert_eq!(sent(&bearer), "Bearer second");
        // A token that is removed after the start stays in use (kubernetes/kubernetes#68164).
        std::fs::remove_file(&path).expect("the file");
        expired(&bearer);
        assert_eq!(sent(&bearer), "Bearer second");
    }

    #[test]
    fn a_token_file_that_cannot_be_read_is_named() {
        let mut auth = AuthInfo {
            token_file: Some("/nowhere/token".to_owned()),
            ..AuthInfo::default()
        };
        let failure = Bearer::take(&mut auth).expect_err("the file does not exist");
        assert!(
            failure
                .message
                .starts_with("the token file /nowhere/token cannot be read")
        );
    }
}
