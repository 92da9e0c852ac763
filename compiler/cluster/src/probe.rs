//! The declared flows and `never`s tried from inside the cluster: pods with the labels of each service, so
//! that its policies are theirs, open the connections that the source has and try those that it forbids.
//! What comes of it is what the network does, not what the policies say: a network plugin that does
//! not enforce them is found.
//!
//! The labels make a pod the service's for policies, and must not make it so for clients: the pods
//! are never ready, so no Service has them behind it.

mod run;

use std::collections::BTreeMap;

use erpc_model::units::Protocol;
use erpc_model::{FlowPort, Peer, Port, Service, ServiceId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::object::{ObjectId, hex};
use crate::program::Program;
use erpc_emit::Kind;

pub use run::{Outcome as ProbeOutcome, Probed, Seen, probe_json, probe_text, run};
pub(crate) use run::{Run, run_jobs};

/// The image whose `agnhost connect` tries connections: Kubernetes' own tests of network policies use it.
pub const PROBE_IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.53";
/// On Jobs and pods, with the platform's name: by it they are found again.
pub(crate) const PROBE_LABEL: &str = "erpc.dev/probe";
/// At the start of each line of the report.
pub(crate) const MARK: &str = "erpc-probe";
/// How long one connection is tried.
const SECONDS_EACH: usize = 3;
/// So many `never`s are tried from one service; a wildcard on both sides has millions.
const MOST_FORBIDDEN: usize = 50;
/// What starting a pod may take.
const START_SECONDS: usize = 120;

/// What is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects {
    /// The source declares it.
    Open,
    /// The source forbids it, or does not know it.
    Closed,
}

impl Expects {
    /// As reports have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// One connection that is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What is to happen.
    pub expects: Expects,
    /// `shop-back.api:http`
    pub to: String,
    /// The name or address that is called.
    pub host: String,
    /// On this port.
    pub port: u16,
    /// The statement that says so.
    pub place: Option<String>,
    /// The Service that is called, by namespace and name.
    service: Option<(String, String)>,
}

impl Attempt {
    pub(crate) fn new(expects: Expects, to: &str, host: &str, port: u16) -> Self {
        Self {
            expects,
            to: to.to_owned(),
            host: host.to_owned(),
            port,
            place: None,
            service: None,
        }
    }
}

/// A pod that tries connections.
#[derive(Clone, Debug)]
pub struct Prober {
    /// Its Job.
    pub id: ObjectId,
    /// Who it is: `shop-front.web`, or `a stranger in shop-front`.
    pub who: String,
    /// The labels that make it a service's pod; none for a stranger.
    identity: Vec<(SmolStr, SmolStr)>,
    /// What it tries.
    pub attempts: Vec<Attempt>,
}

impl Prober {
    /// A pod that is no service's.
    pub(crate) fn stranger(namespace: &str, attempts: Vec<Attempt>) -> Self {
        Self {
            id: ObjectId {
                namespace: Some(namespace.into()),
                kind: Kind::Job,
                name: job_name("a-stranger").into(),
            },
            who: format!("a stranger in {namespace}"),
            identity: Vec::new(),
            attempts,
        }
    }
}

/// All that is tried of a platform.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Who tries what, by namespace and name.
    pub probers: Vec<Prober>,
    /// What is not tried, and why.
    pub untried: Vec<String>,
    image: String,
    platform: String,
}

impl Probe {
    /// What there is to try.
    #[must_use]
    pub fn of(program: &Program<'_>, image: &str) -> Self {
        let mut probe = Self {
            probers: Vec::new(),
            untried: Vec::new(),
            image: image.to_owned(),
            platform: program.name().to_owned(),
        };
        let mut forbidden = forbidden(program);
        let (mut datagrams, mut outside) = (0, 0);
        for (id, service) in program.platform.services() {
            let name = program.platform.path(id);
            let mut attempts = Vec::new();
            for edge in program.derived.edges.from(id) {
                let Peer::Service(to) = edge.to else {
                    outside += 1;
                    continue;
                };
                let place = program
                    .sources
                    .place(program.platform.flows[edge.flow.index()].span);
                let port = port_named(program, to, &edge.port_name(program.platform));
                match port.filter(|port| port.protocol == Protocol::Tcp) {
                    Some(port) => attempts.push(attempt(program, Expects::Open, to, port, place)),
                    None => datagrams += 1,
                }
            }
            let of_service = forbidden.remove(&id).unwrap_or_default();
            if of_service.len() > MOST_FORBIDDEN {
                probe.untried.push(format!(
                    "{} of the {} connections that a `never` forbids {name}",
                    of_service.len() - MOST_FORBIDDEN,
                    of_service.len()
                ));
            }
            attempts.extend(of_service.into_iter().take(MOST_FORBIDDEN));
            attempts.dedup();
            if attempts.is_empty() {
                continue;
            }
            if program.derived.edges.finds_itself(id) {
                probe.untried.push(format!(
                    "what {name} may call: its replicas find each other before they are ready, so they would take a pod with its labels for one of them"
                ));
                continue;
            }
            probe.add(
                &program.platform[service.namespace].name.value,
                Some(service),
                name,
                attempts,
            );
        }
        probe.add_strangers(program);
        probe.probers.sort_by(|a, b| a.id.cmp(&b.id));
        for (number, what) in [
            (
                datagrams,
                "over UDP or SCTP: only who is answered could tell",
            ),
            (outside, "to what is outside of the platform"),
        ] {
            match number {
                0 => {}
                1 => probe.untried.push(format!("1 flow {what}")),
                more => probe.untried.push(format!("{more} flows {what}")),
            }
        }
        probe
    }

    /// In each namespace, a pod that belongs to no service: no policy lets it in, except where the world may come.
    fn add_strangers(&mut self, program: &Program<'_>) {
        let connections = erpc_policy::Connections::of(program.platform, program.derived);
        for (_, namespace) in program.platform.namespaces() {
            if namespace.is_open() {
                let name = &namespace.name.value;
                self.untried.push(format!(
                    "what a stranger reaches in {name}: it has no network policies (`network open`)"
                ));
                continue;
            }
            let mut attempts = Vec::new();
            for id in &namespace.services {
                let party = erpc_policy::Party::Peer(Peer::Service(*id));
                let is_exposed = connections.to(party).any(|connection| {
                    !matches!(connection.from, erpc_policy::Party::Peer(Peer::Service(_)))
                });
                let ports = program.platform[*id].ports.iter();
                let port = ports.clone().find(|port| port.protocol == Protocol::Tcp);
                if let Some(port) = port.filter(|_| !is_exposed) {
                    let place = program.place_of_service(*id);
                    attempts.push(attempt(program, Expects::Closed, *id, port, place));
                }
            }
            if !attempts.is_empty() {
                let name = &namespace.name.value;
                self.add(name, None, format!("a stranger in {name}"), attempts);
            }
        }
    }

    fn add(
        &mut self,
        namespace: &str,
        service: Option<&Service>,
        who: String,
        attempts: Vec<Attempt>,
    ) {
        let name = job_name(service.map_or("a-stranger", |service| &service.name.value));
        let selector = service.map(Service::selector).into_iter().flatten();
        self.probers.push(Prober {
            id: ObjectId {
                namespace: Some(namespace.into()),
                kind: Kind::Job,
                name: name.into(),
            },
            who,
            identity: selector.map(|(key, value)| (key, value.value)).collect(),
            attempts,
        });
    }

    /// The Jobs.
    #[must_use]
    pub fn manifests(&self) -> Vec<Value> {
        self.probers
            .iter()
            .map(|prober| manifest(prober, &self.platform, &self.image))
            .collect()
    }

    /// How many connections are tried.
    #[must_use]
    pub fn len(&self) -> usize {
        self.probers
            .iter()
            .map(|prober| prober.attempts.len())
            .sum()
    }

    /// Whether there is nothing to try.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.probers.is_empty()
    }
}

/// What `never` forbids each service, direct connections between services only: those are the network's.
fn forbidden(program: &Program<'_>) -> BTreeMap<ServiceId, Vec<Attempt>> {
    let mut out: BTreeMap<ServiceId, Vec<Attempt>> = BTreeMap::new();
    for assertion in &program.platform.assertions {
        if assertion.always {
            continue;
        }
        let place = program.sources.place(assertion.span);
        for from in &assertion.from.peers {
            let Peer::Service(from) = from else { continue };
            let attempts = out.entry(*from).or_default();
            for to in &assertion.to.peers {
                let Peer::Service(to) = to else { continue };
                if from == to {
                    continue;
                }
                let ports = program.platform[*to].ports.iter();
                let wanted = |port: &&Port| match &assertion.port {
                    None | Some(FlowPort::Implied) => true,
                    Some(FlowPort::Named(name, _)) => port.name.value == *name,
                    Some(FlowPort::Number(number, protocol, _)) => {
                        port.container == *number && port.protocol == *protocol
                    }
                };
                attempts.extend(
                    ports
                        .filter(wanted)
                        .filter(|port| port.protocol == Protocol::Tcp)
                        .map(|port| attempt(program, Expects::Closed, *to, port, place.clone())),
                );
                // One more than are tried tells that there are more; the rest need not be made.
                if attempts.len() > MOST_FORBIDDEN * 4 {
                    break;
                }
            }
        }
    }
    out
}

fn port_named<'p>(program: &Program<'p>, service: ServiceId, name: &str) -> Option<&'p Port> {
    let mut ports = program.platform[service].ports.iter();
    ports.find(|port| port.name.value == name)
}

fn attempt(
    program: &Program<'_>,
    expects: Expects,
    to: ServiceId,
    port: &Port,
    place: Option<String>,
) -> Attempt {
    let service = &program.platform[to];
    let namespace = program.platform[service.namespace].name.value.to_string();
    let mut services = service.service_names().into_iter();
    let found = services.find(|of| of.has_port(&port.name.value));
    let is_headless = found.as_ref().is_some_and(|of| of.is_headless);
    // Without a Service, nothing answers to its name either.
    let name = found.map_or_else(|| service.name.value.clone(), |of| of.name.value);
    Attempt {
        expects,
        to: format!("{}:{}", program.platform.path(to), port.name.value),
        host: format!("{name}.{namespace}.svc"),
        // A headless Service translates nothing.
        port: if is_headless {
            port.container
        } else {
            port.number.value
        },
        place,
        service: Some((namespace, name.to_string())),
    }
}

/// The name of a Job is on its pods as a label, which holds 63 characters.
fn job_name(service: &str) -> String {
    let name = format!("{MARK}-{service}");
    if name.len() <= 63 {
        return name;
    }
    let digest = hex(&Sha256::digest(name.as_bytes()));
    format!("{}-{}", &name[..54], &digest[..8])
}

/// Makes each attempt and writes a line about it. It fails where one is not as expected, so that the Jobs
/// tell something by themselves.
const SCRIPT: &str = r#"bad=0
while [ $# -gt 0 ]; do
  if said=$(/agnhost connect --timeout=3s --protocol=tcp "$3" 2>&1); then said=CONNECTED; fi
  echo "erpc-probe $1 $2 $3 $said"
  case "$1 $said" in "open CONNECTED" | "closed TIMEOUT"* | "closed REFUSED"* | "closed DNS"*) ;; *) bad=1 ;; esac
  shift 3
done
exit $bad"#;

/// The Job of a prober.
fn manifest(prober: &Prober, platform: &str, image: &str) -> Value {
    let mut arguments = vec![SCRIPT.to_owned(), MARK.to_owned()];
    for attempt in &prober.attempts {
        let host = match attempt.host.contains(':') {
            true => format!("[{}]", attempt.host),
            false => attempt.host.clone(),
        };
        arguments.extend([
            attempt.expects.as_str().to_owned(),
            attempt.to.clone(),
            format!("{host}:{}", attempt.port),
        ]);
    }
    let mut labels = json!({ PROBE_LABEL: platform });
    let own = labels.clone();
    for (key, value) in &prober.identity {
        labels[key.as_str()] = json!(value.as_str());
    }
    let seconds = START_SECONDS + prober.attempts.len() * (SECONDS_EACH + 1);
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": prober.id.name.as_str(),
            "namespace": prober.id.namespace.as_deref(),
            "labels": own,
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": 3600,
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": false,
                    "enableServiceLinks": false,
                    // It is never set: the pod is never ready, so no Service has it behind it.
                    "readinessGates": [{ "conditionType": "erpc.dev/never" }],
                    "securityContext": {
                        "runAsNonRoot": true,
                        "runAsUser": 65534,
                        "runAsGroup": 65534,
                        "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "containers": [{
                        "name": MARK,
                        "image": image,
                        "command": ["sh", "-c"],
                        "args": arguments,
                        "resources": {
                            "requests": { "cpu": "10m", "memory": "16Mi" },
                            "limits": { "cpu": "100m", "memory": "64Mi" },
                        },
                        "securityContext": {
                            "allowPrivilegeEscalation": false,
                            "readOnlyRootFilesystem": true,
                            "capabilities": { "drop": ["ALL"] },
                        },
                    }],
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::job_name;

    #[test]
    fn the_name_of_a_job_fits_into_a_label() {
        assert_eq!(job_name("api"), "erpc-probe-api");
        let (a, b) = ("a".repeat(62), "a".repeat(63));
        assert!(job_name(&a).len() <= 63 && job_name(&b).len() <= 63);
        assert_ne!(job_name(&a), job_name(&b));
    }
}
