//! Whether the cluster that answers is the one that the `cluster` block describes: its Service
//! addresses and the addresses of its API server are facts that two clusters rarely share.

use serde_json::Value;

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::program::Program;

/// What is known of a cluster's identity.
pub(crate) struct Identity {
    /// Why the cluster is another.
    pub(crate) refused: Vec<Failure>,
    /// What could not be compared.
    pub(crate) unchecked: Vec<String>,
    /// What is merely different.
    pub(crate) notes: Vec<String>,
}

impl Identity {
    /// Compares the cluster with the cluster block.
    pub(crate) async fn read(cluster: &Cluster, program: &Program<'_>) -> Self {
        let declared = program.platform.cluster();
        let name = &declared.name.value;
        let (mut refused, mut unchecked, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        let elsewhere = |fact: String, place: Option<String>| {
            let place = place.unwrap_or_else(|| "the cluster block".to_owned());
            Failure::new(format!("this is not cluster `{name}`: {fact} ({place})"))
                .help("choose the right one with --context, or correct the cluster block")
        };
        let service = cluster
            .call(Call::get("/api/v1/namespaces/default/services/kubernetes"))
            .await;
        let not_compared = |what: &str, error: &ApiError| {
            format!("whether this is cluster `{name}` is unchecked by {what}: {error}")
        };
        if let Err(error) = &service {
            unchecked.push(not_compared("its Services' addresses", error));
        }
        if let Ok(service) = service
            && let Some(ip) = address(&service.body["spec"]["clusterIP"])
            && let Some(first) = declared.service_cidrs.first()
            && !declared
                .service_cidrs
                .iter()
                .any(|cidr| cidr.value.contains(&ip))
        {
            refused.push(elsewhere(
                format!(
                    "its Service `kubernetes` is at {ip}, outside `services {}`",
                    first.value
                ),
                program.sources.place(first.span()),
            ));
        }
        let slices = cluster
            .list(
                "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
                "kubernetes.io/service-name=kubernetes",
            )
            .await;
        if let Err(error) = &slices {
            unchecked.push(not_compared("its API server's", error));
        }
        if let Ok(slices) = slices {
            let servers: Vec<std::net::IpAddr> = slices
                .iter()
                .flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten())
                .flat_map(|endpoint| endpoint["addresses"].as_array().into_iter().flatten())
                .filter_map(address)
                .collect();
            if let Some(first) = declared.api.first()
                && !servers.is_empty()
                && !declared
                    .api
                    .iter()
                    .any(|api| servers.contains(&api.value.ip))
            {
                refused.push(elsewhere(
                    format!(
                        "its API server is at {}, not at {}",
                        servers[0], first.value.ip
                    ),
                    program.sources.place(first.span()),
                ));
            }
        }
        if let Some(version) = &declared.kubernetes {
            let wanted = format!("v{}", version.value);
            if cluster.version != wanted && !cluster.version.starts_with(&format!("{wanted}.")) {
                notes.push(format!(
                    "cluster `{name}` says kubernetes {} ({}), and {} runs",
                    version.value,
                    program.sources.place(version.span()).unwrap_or_default(),
                    cluster.version
                ));
            }
        }
        Self {
            refused,
            unchecked,
            notes,
        }
    }
}

fn address(value: &Value) -> Option<std::net::IpAddr> {
    value.as_str()?.parse().ok()
}
