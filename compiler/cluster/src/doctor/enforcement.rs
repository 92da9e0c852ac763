//! Whether the network does what policies say, tried in a namespace of its own: a pod that is reached
//! without a policy must not be reached with one that forbids it. The namespace goes afterwards.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::finding::{Context, Finding, bad, good, unknown};
use crate::call::Call;
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::object::{MANAGED_BY, ObjectId, TOOL};
use crate::paint::Paint;
use crate::probe::{Attempt, Expects, Prober, Run, Seen, run_jobs};
use crate::progress::{Progress, Show};
use crate::stop::Stop;
use erpc_emit::Kind;

const PORT: u16 = 8080;
const READY: Duration = Duration::from_secs(120);
/// An agent gets a new policy after a moment; it has so many tries.
const TRIES: usize = 4;
const BETWEEN: Duration = Duration::from_secs(3);

/// Whether it is tried.
pub(super) fn is_wanted(context: &Context<'_>) -> bool {
    context.image.is_some()
}

/// Tries it. Whatever comes of it is a finding, and the namespace goes in any case.
pub(super) async fn enforcement(context: &Context<'_>) -> Result<Finding, Failure> {
    let (cluster, Some(image)) = (context.cluster, context.image) else {
        return Ok(unknown("not tried"));
    };
    let mut stop = Stop::on_signals(cluster);
    let namespace = format!("erpc-probe-{:08x}", fastrand::u32(..));
    let tried = tried(cluster, image, &namespace, &mut stop).await;
    let removed = remove(cluster, &namespace).await;
    let found = match tried {
        Ok(found) => found,
        Err(failure) => unknown(failure.message)
            .fix("--probe needs the right to make a namespace, pods, jobs and a policy, and to read logs"),
    };
    Ok(match removed {
        Ok(()) => found,
        Err(error) => Finding {
            found: format!("{}; namespace {namespace} is left: {error}", found.found),
            ..found
        }
        .fix(format!("kubectl delete namespace {namespace}")),
    })
}

async fn tried(
    cluster: &Arc<Cluster>,
    image: &str,
    namespace: &str,
    stop: &mut Stop,
) -> Result<Finding, Failure> {
    let collection = Kind::Namespace.collection(None);
    let body = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": namespace,
            "labels": {
                MANAGED_BY: TOOL,
                "pod-security.kubernetes.io/enforce": "restricted",
            },
        },
    });
    cluster.call(Call::create(&collection, &body)).await?;
    let address = serve(cluster, image, namespace, stop).await?;
    let namespaces = [namespace.to_owned()];
    let run = Run {
        platform: "doctor",
        image,
        namespaces: &namespaces,
    };
    let before = attempt(cluster, &run, &address, Expects::Open, stop).await?;
    if before != Seen::Connected {
        return Ok(unknown(format!(
            "a pod does not reach another even without a policy: {}",
            before.describe()
        ))
        .fix("`--image` names another image for the pods, if this one cannot be pulled"));
    }
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "closed", "namespace": namespace },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress"] },
    });
    let policies = Kind::NetworkPolicy.collection(Some(namespace));
    cluster.call(Call::create(&policies, &policy)).await?;
    for _ in 0..TRIES {
        match attempt(cluster, &run, &address, Expects::Closed, stop).await? {
            Seen::TimedOut | Seen::Refused => {
                return Ok(good("a policy that forbids a connection closes it"));
            }
            Seen::Connected => {}
            other => {
                return Ok(unknown(other.describe()));
            }
        }
        if stop.asked_within(BETWEEN).await {
            return Ok(unknown("stopped"));
        }
    }
    Ok(bad("a connection that a policy forbids comes about: the network plugin does not enforce policies",
    )
    .fix("install an agent that does, such as Cilium or Calico: without one every policy of the platform is only text"))
}

/// A pod that listens, and its address.
async fn serve(
    cluster: &Cluster,
    image: &str,
    namespace: &str,
    stop: &mut Stop,
) -> Result<String, Failure> {
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "listens", "namespace": namespace },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65534,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "listens", "image": image,
                "args": ["netexec", format!("--http-port={PORT}"), "--udp-port=-1"],
                "resources": { "limits": { "cpu": "100m", "memory": "64Mi" } },
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
        },
    });
    // The account of a new namespace comes a moment after it.
    let deadline = Instant::now() + READY;
    loop {
        match cluster.call(Call::create(&path, &pod)).await {
            Ok(_) => break,
            Err(ApiError::Refused(refusal))
                if refusal.message.contains("serviceaccount") && Instant::now() < deadline => {}
            Err(error) => return Err(error.into()),
        }
        if stop.asked_within(Duration::from_millis(200)).await {
            return Err(Failure::new("stopped"));
        }
    }
    loop {
        let found = cluster
            .call(Call::get(format!("{path}/listens")))
            .await?
            .body;
        let address = found["status"]["podIP"].as_str();
        if crate::ready::is_ready(&found)
            && let Some(address) = address
        {
            return Ok(address.to_owned());
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!(
                "the pod that is to be called did not start: {}",
                waiting(&found)
            )));
        }
        if stop.asked_within(Duration::from_millis(500)).await {
            return Err(Failure::new("stopped"));
        }
    }
}

fn waiting(pod: &Value) -> String {
    let mut reasons = crate::ready::statuses(pod)
        .filter_map(|status| status["state"]["waiting"]["reason"].as_str());
    reasons.next().unwrap_or("no node takes it").to_owned()
}

async fn attempt(
    cluster: &Arc<Cluster>,
    run: &Run<'_>,
    address: &str,
    expects: Expects,
    stop: &mut Stop,
) -> Result<Seen, Failure> {
    let attempt = Attempt::new(expects, "the-pod", address, PORT);
    let prober = Prober::stranger(&run.namespaces[0], vec![attempt]);
    let mut nowhere = std::io::sink();
    let mut progress = Progress::new(Show::Quiet, Paint::Plain, 80, &mut nowhere);
    let probed = run_jobs(cluster, run, &[prober], stop, &mut progress).await?;
    let seen = probed.into_iter().next().map(|probed| probed.seen);
    Ok(seen.unwrap_or_else(|| Seen::Untried("stopped".to_owned())))
}

async fn remove(cluster: &Cluster, namespace: &str) -> Result<(), ApiError> {
    let id = ObjectId {
        namespace: None,
        kind: Kind::Namespace,
        name: namespace.into(),
    };
    let Some(found) = cluster.find(id.path()).await? else {
        return Ok(());
    };
    let uid = crate::object::uid(&found).unwrap_or_default();
    match cluster
        .call(Call::delete(&id.path(), &uid, "Background"))
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() || error.code() == Some(409) => Ok(()),
        Err(error) => Err(error),
    }
}
