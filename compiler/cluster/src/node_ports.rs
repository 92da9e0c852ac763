//! Node ports that are taken. A request that was cut (`apply` was killed, the API server was
//! restarted) can leave a port allocated to no Service; the server's repair finds and frees it within
//! some minutes. Until then it refuses the port to every client.

use std::time::Duration;

use serde_json::Value;

use crate::client::Cluster;
use crate::failure::{ApiError, Failure, Refusal};
use crate::object::ObjectId;

/// The repair runs every three minutes and frees what it has found unused three times.
pub(crate) const FREED_WITHIN: Duration = Duration::from_secs(12 * 60);
pub(crate) const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

const TAKEN: &str = "provided port is already allocated";
const VALUE: &str = "Invalid value: ";

/// Who has a node port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A Service: `namespace/name`.
    Service(String),
    /// No Service: a request that was cut.
    Nobody,
    /// This account may not list Services everywhere.
    Unknown,
}

/// The node port that a refusal says is taken.
pub(crate) fn taken(refusal: &Refusal) -> Option<u16> {
    let causes = refusal.causes.iter().map(|cause| cause.message.as_str());
    let mut texts = causes.chain([refusal.message.as_str()]);
    texts.find_map(|text| {
        let (before, _) = text.split_once(TAKEN)?;
        let (_, value) = before.rsplit_once(VALUE)?;
        let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
        digits.parse().ok()
    })
}

/// Who has a node port, beside the object that asks for it.
///
/// # Errors
///
/// The cluster's, except that Services may not be listed.
pub(crate) async fn owner(
    cluster: &Cluster,
    port: u16,
    asking: &ObjectId,
) -> Result<Owner, ApiError> {
    let found = cluster
        .list_as("/api/v1/services", "", |service| {
            has_port(&service, port).then(|| name_of(&service))
        })
        .await;
    let found = match found {
        Ok(found) => found,
        Err(error) if error.code() == Some(403) => return Ok(Owner::Unknown),
        Err(error) => return Err(error),
    };
    let own = asking.place();
    let other = found.into_iter().flatten().find(|name| *name != own);
    Ok(other.map_or(Owner::Nobody, Owner::Service))
}

fn has_port(service: &Value, port: u16) -> bool {
    let ports = service["spec"]["ports"].as_array();
    let mut ports = ports.into_iter().flatten();
    ports.any(|of| of["nodePort"] == port) || service["spec"]["healthCheckNodePort"] == port
}

fn name_of(service: &Value) -> String {
    let text = |key: &str| {
        service["metadata"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    format!("{}/{}", text("namespace"), text("name"))
}

/// A port that another Service has.
pub(crate) fn belongs_to(port: u16, service: &str) -> Failure {
    Failure::new(format!("node port {port} belongs to Service {service}"))
        .help("choose another node port in the source, or remove that Service or its port first")
}

/// A port that no Service has and the server does not give.
pub(crate) fn not_freed(port: u16) -> Failure {
    Failure::new(format!(
        "node port {port} is allocated, but to no Service that can be seen, and was not freed within {} minutes",
        FREED_WITHIN.as_secs() / 60
    ))
    .help("apply again later, or choose another node port in the source")
}

/// Why a step waits for a port.
pub(crate) fn waits_for(port: u16) -> String {
    format!(
        "node port {port} is allocated, but to no Service that can be seen: a request that was cut may have left it so. The API server frees it within some minutes, and apply waits for it"
    )
}

#[cfg(test)]
mod tests {
    use super::{has_port, taken};
    use crate::failure::Refusal;
    use serde_json::json;

    fn refusal(message: &str) -> Refusal {
        Refusal::from_response(422, json!({ "message": message }).to_string().as_bytes())
    }

    #[test]
    fn a_port_that_is_taken_is_read_from_the_refusal() {
        let text = "Service \"web\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated";
        assert_eq!(taken(&refusal(text)), Some(30_080));
        let other = "Service \"web\" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range";
        assert_eq!(taken(&refusal(other)), None);
    }

    #[test]
    fn a_service_has_its_node_ports_and_that_of_its_health_check() {
        let service = json!({ "spec": { "ports": [{ "port": 80, "nodePort": 30_080 }], "healthCheckNodePort": 30_081 } });
        assert!(has_port(&service, 30_080) && has_port(&service, 30_081));
        assert!(!has_port(&service, 80));
    }
}
