//! The handshake with an API server: its version and its identity. What is wrong on the way is reported with
//! the next step.

use std::time::Duration;

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::kubeconfig::Access;

/// How long a chain of tries may take afterwards.
const PATIENCE: Duration = Duration::from_secs(120);
/// The oldest minor version with everything that is emitted: `matchLabelKeys` of spread
/// constraints, native sidecars and the retention policy of claims are on by default there.
const OLDEST_MINOR: u32 = 29;

impl Cluster {
    /// Finds the cluster and asks who it is.
    ///
    /// # Errors
    ///
    /// The kubeconfig is missing or invalid, the context does not exist, or the server does not answer.
    pub async fn connect(access: &Access) -> Result<Self, Failure> {
        let mut cluster = Self::of(access).await?;
        cluster.greet().await?;
        cluster.be_patient(PATIENCE);
        Ok(cluster)
    }

    async fn greet(&mut self) -> Result<(), Failure> {
        let version = match self.call(Call::get("/version")).await {
            Ok(answer) => answer.body,
            Err(error) => return Err(self.no_greeting(&error)),
        };
        let text = |key: &str| version[key].as_str().unwrap_or_default().to_owned();
        self.version = text("gitVersion");
        let digits = |text: String| -> Option<u32> {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        };
        let (Some(major), Some(minor)) = (digits(text("major")), digits(text("minor"))) else {
            return Err(Failure::new(format!(
                "what answers at {} is not a Kubernetes API server",
                self.url
            ))
            .help("see which server the context names: `kubectl config view --minify`"));
        };
        if major == 1 && minor < OLDEST_MINOR {
            return Err(Failure::new(format!(
                "the cluster runs Kubernetes {}, which is older than 1.{OLDEST_MINOR}",
                self.version
            ))
            .help("upgrade the cluster; what erpc emits needs fields of later versions"));
        }
        let system = self
            .call(Call::get("/api/v1/namespaces/kube-system"))
            .await
            .map_err(|error| self.no_greeting(&error))?;
        self.uid = system.body["metadata"]["uid"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Ok(())
    }

    fn no_greeting(&self, error: &ApiError) -> Failure {
        let through = self.proxy.as_ref();
        let through = through.map_or_else(String::new, |proxy| format!(" through {proxy}"));
        let place = format!("context `{}` at {}{through}", self.context, self.url);
        match error {
            ApiError::Unreachable(message) => {
                let low = message.to_lowercase();
                let help = if low.contains("not valid yet") || low.contains("notvalidyet") {
                    "the certificate begins later than this machine's clock says: compare `date` with the cluster's"
                } else if low.contains("certificate expired") || low.contains("expired certificate") {
                    "renew the cluster's certificates, unless this machine's clock is ahead: compare `date`"
                } else if self.proxy.is_some() {
                    "check the proxy, or exempt the API server from it with NO_PROXY; `proxy-url` of the kubeconfig always applies"
                } else {
                    "start the cluster, or name another with --context or --kubeconfig; a proxy is named by HTTPS_PROXY (ALL_PROXY is not read, as in kubectl)"
                };
                Failure::new(format!("no cluster answers for {place}: {message}")).help(help)
            }
            ApiError::Refused(refusal) if refusal.code == 401 => {
                Failure::new(format!("{place} does not accept the credentials of the kubeconfig"))
                    .help("they have expired or are another cluster's: log in again, or name another context with --context")
            }
            ApiError::Refused(refusal) if refusal.code == 403 => {
                Failure::new(format!("{place}: {}", refusal.message.trim()))
                    .help("ask who runs the cluster for the rights that `erpc rbac` prints")
            }
            ApiError::Refused(_) => Failure::new(format!("{place}: {error}")),
        }
    }
}
