//! What a change means for those who use a service: which pods restart, and whether it is down
//! meanwhile. Every sentence follows from the objects as they will be applied.

use serde_json::Value;

use crate::change::{Action, ObjectChange};
use crate::diff::FieldChange;
use crate::live::Live;
use crate::object::ObjectId;
use crate::ports::transition;
use crate::program::Program;
use crate::workload;
use erpc_emit::Kind;

const NO_DOWNTIME: &str = "no downtime: ";
/// More losses of one Service than that are counted.
const MOST_LOSSES: usize = 3;

/// What a change of a workload means for its pods.
pub(super) fn consequences(
    id: &ObjectId,
    live: &Value,
    new: &Value,
    changes: &[FieldChange],
) -> Vec<String> {
    let mut said = Vec::new();
    if !workload::is_serving(id.kind) {
        return said;
    }
    let count = |object: &Value| {
        let kind = workload::of_kind(id.kind);
        let count = kind.map_or(0, |kind| kind.wanted(object));
        u64::try_from(count).unwrap_or(0)
    };
    let (replicas, old) = (count(new), count(live));
    if old > 0
        && changes
            .iter()
            .any(|c| c.path.starts_with(&["spec", "template"]))
    {
        let pods = if old == 1 {
            "restarts 1 pod".to_owned()
        } else {
            format!("restarts {old} pods")
        };
        let how = match id.kind {
            Kind::StatefulSet => stateful_set(new, old),
            Kind::DaemonSet => daemon_set(new),
            _ => deployment(live, new, replicas),
        };
        said.push(format!("{pods}, {how}"));
    }
    if replicas != old && changes.iter().any(|c| c.path.is(&["spec", "replicas"])) {
        said.push(match replicas.cmp(&old) {
            std::cmp::Ordering::Less if replicas == 0 => {
                format!("stops all {old} pods: down until it is scaled up again")
            }
            std::cmp::Ordering::Less => format!("stops {} of {old} pods", old - replicas),
            _ => format!("starts {} more", replicas - old),
        });
    }
    said
}

fn stateful_set(new: &Value, old: u64) -> String {
    if new["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return "each when it is deleted by hand (updateStrategy OnDelete)".to_owned();
    }
    match old {
        1 => "down while it restarts".to_owned(),
        _ => "one after another, each down while it restarts; the others serve".to_owned(),
    }
}

fn daemon_set(new: &Value) -> String {
    if new["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == 0 {
        format!("{NO_DOWNTIME}on each node the new one is ready before the old one goes")
    } else {
        "on one node after another, each down while it restarts".to_owned()
    }
}

fn deployment(live: &Value, new: &Value, replicas: u64) -> String {
    if new["spec"]["strategy"]["type"] == "Recreate" {
        return "down until the new ones are ready".to_owned();
    }
    if live["status"]["readyReplicas"].as_u64().unwrap_or(0) == 0 {
        return "none of which is ready now: down until a new one is".to_owned();
    }
    match most_unavailable(new, replicas) {
        0 if has_readiness_probe(new) => {
            format!("{NO_DOWNTIME}each new one is ready before an old one goes")
        }
        0 => format!(
            "{NO_DOWNTIME}each new one is ready before an old one goes; without a readiness probe, ready means started"
        ),
        down if down < replicas => {
            format!("{NO_DOWNTIME}at most {down} of {replicas} pods are down at a time")
        }
        _ => "down until the new ones are ready (maxUnavailable allows it)".to_owned(),
    }
}

/// How many pods of a rolling update may be missing at once, as the controller computes it: a
/// percentage is rounded down, one of `maxSurge` up, and both cannot be zero.
fn most_unavailable(new: &Value, replicas: u64) -> u64 {
    let update = &new["spec"]["strategy"]["rollingUpdate"];
    let of = |value: &Value, round_up: bool| match value {
        Value::String(text) => {
            let percent: u64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let hundredths = percent.saturating_mul(replicas);
            match round_up {
                true => hundredths.div_ceil(100),
                false => hundredths / 100,
            }
        }
        Value::Null => match round_up {
            // The API server's default is 25% for both.
            true => (25 * replicas).div_ceil(100),
            false => 25 * replicas / 100,
        },
        number => number.as_u64().unwrap_or(0),
    };
    let (surge, unavailable) = (
        of(&update["maxSurge"], true),
        of(&update["maxUnavailable"], false),
    );
    match (surge, unavailable) {
        (0, 0) => 1,
        _ => unavailable,
    }
}

fn has_readiness_probe(workload: &Value) -> bool {
    let containers = workload["spec"]["template"]["spec"]["containers"].as_array();
    let mut containers = containers.into_iter().flatten();
    containers.any(|container| !container["readinessProbe"].is_null())
}

/// What follows from several objects together: a Service whose ports change with its pods, a
/// ConfigMap that pods have mounted, a volume that only one node can have.
pub(super) fn say_together(steps: &mut [ObjectChange], program: &Program<'_>, live: &Live) {
    let mut broken = Vec::new();
    for step in &mut *steps {
        let service = program.object(&step.id).and_then(|object| object.service);
        let Some(service) = service else { continue };
        let workload = crate::ready::workload_of(program, service);
        match (step.id.kind, step.action) {
            (Kind::Service, Action::Update | Action::Adopt) => {
                let (said, is_lossy) = of_ports(&step.id, &workload, program, live);
                if is_lossy {
                    broken.push(workload);
                }
                say(step, said);
            }
            (Kind::ConfigMap, Action::Update) if live.contains(&workload) => {
                let changes_data = step.changes.iter().any(|c| c.path.starts_with(&["data"]));
                if changes_data {
                    let said = format!(
                        "written right before {workload} rolls out; pods of the earlier version that have it mounted see it within about a minute"
                    );
                    say(step, vec![said]);
                }
            }
            (Kind::Deployment, Action::Update) => {
                let volumes = volumes_of_one_node(&step.id, program);
                let restarts = step.consequences.iter().any(|c| c.starts_with("restarts"));
                if let Some(volume) = volumes.first().filter(|_| restarts) {
                    take_back(
                        step,
                        &format!(
                            "down if a new pod is on another node: {volume} can be attached to one node only"
                        ),
                    );
                }
            }
            _ => {}
        }
    }
    for step in steps {
        if broken.contains(&step.id) {
            take_back(
                step,
                "not without downtime for its callers: see its Service",
            );
        }
    }
}

/// Adds what follows from a step; what an earlier look at it said is not said twice.
fn say(step: &mut ObjectChange, said: Vec<String>) {
    for one in said {
        if !step.consequences.contains(&one) {
            step.consequences.push(one);
        }
    }
}

/// Replaces what was said of a workload alone by what is true of all together.
fn take_back(step: &mut ObjectChange, truth: &str) {
    for said in &mut step.consequences {
        if let Some((pods, _)) = said.split_once(NO_DOWNTIME) {
            *said = format!("{pods}{truth}");
        }
    }
}

/// What becomes of the callers of a Service whose ports change, and whether they lose something.
fn of_ports(
    id: &ObjectId,
    workload: &ObjectId,
    program: &Program<'_>,
    live: &Live,
) -> (Vec<String>, bool) {
    let (Some(service), Some(desired)) = (live.get(id), program.object(id)) else {
        return (Vec::new(), false);
    };
    let template = |workload: Option<Value>| {
        workload.map_or(Value::Null, |workload| workload["spec"]["template"].clone())
    };
    let old = template(live.get(workload));
    let new = template(program.object(workload).map(|object| object.body.value()));
    let transition = transition(&service, &desired.body.value(), &old, &new);
    let is_lossy = !transition.losses.is_empty();
    let more = transition.losses.len().saturating_sub(MOST_LOSSES);
    let mut said = transition.losses;
    said.truncate(MOST_LOSSES);
    if more > 0 {
        said.push(format!("and {more} more ports"));
    }
    if transition.between.is_some() && !is_lossy {
        said.push(format!(
            "{NO_DOWNTIME}it serves the earlier and the new ports until no pod of the earlier version is left"
        ));
    }
    (said, is_lossy)
}

/// The claims of a workload that only one node can have at a time.
fn volumes_of_one_node(id: &ObjectId, program: &Program<'_>) -> Vec<String> {
    let Some(workload) = program.object(id) else {
        return Vec::new();
    };
    let workload = workload.body.value();
    let volumes = workload["spec"]["template"]["spec"]["volumes"].as_array();
    let claims = volumes
        .into_iter()
        .flatten()
        .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
    claims
        .filter(|name| {
            let claim = ObjectId {
                namespace: id.namespace.clone(),
                kind: Kind::PersistentVolumeClaim,
                name: (*name).into(),
            };
            program.object(&claim).is_some_and(|claim| {
                let modes = claim.body.value()["spec"]["accessModes"].clone();
                let modes = modes.as_array().cloned().unwrap_or_default();
                !modes
                    .iter()
                    .any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany")
            })
        })
        .map(|name| format!("volume {name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{consequences, most_unavailable};
    use crate::diff::FieldChange;
    use crate::object::ObjectId;
    use crate::path::FieldPath;
    use erpc_emit::Kind;
    use serde_json::{Value, json};

    fn said(kind: Kind, live: &Value, new: &Value, path: &str) -> Vec<String> {
        let id = ObjectId {
            namespace: Some("shop".into()),
            kind,
            name: "api".into(),
        };
        let change = FieldChange {
            path: FieldPath::from_names(&path.split('.').collect::<Vec<_>>()),
            old: None,
            new: None,
        };
        consequences(&id, live, new, &[change])
    }

    fn deployment(replicas: u64, ready: u64, strategy: &Value) -> Value {
        json!({
            "spec": { "replicas": replicas, "strategy": strategy, "template": { "spec": { "containers": [
                { "name": "api", "readinessProbe": { "httpGet": { "path": "/" } } },
            ] } } },
            "status": { "readyReplicas": ready },
        })
    }

    #[test]
    fn a_deployment_with_one_ready_pod_has_no_downtime() {
        let emitted = json!({ "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } });
        let one = deployment(1, 1, &emitted);
        let image = "spec.template.spec";
        assert_eq!(
            said(Kind::Deployment, &one, &one, image),
            ["restarts 1 pod, no downtime: each new one is ready before an old one goes"]
        );
        let none = deployment(1, 0, &emitted);
        assert_eq!(
            said(Kind::Deployment, &none, &one, image),
            ["restarts 1 pod, none of which is ready now: down until a new one is"]
        );
    }

    #[test]
    fn what_stops_first_is_down() {
        let image = "spec.template.spec";
        let recreate = deployment(2, 2, &json!({ "type": "Recreate" }));
        assert_eq!(
            said(Kind::Deployment, &recreate, &recreate, image),
            ["restarts 2 pods, down until the new ones are ready"]
        );
        let all = json!({ "rollingUpdate": { "maxSurge": 0, "maxUnavailable": "100%" } });
        let all = deployment(2, 2, &all);
        assert_eq!(
            said(Kind::Deployment, &all, &all, image),
            ["restarts 2 pods, down until the new ones are ready (maxUnavailable allows it)"]
        );
        let set = |replicas: u64| json!({ "spec": { "replicas": replicas } });
        assert_eq!(
            said(Kind::StatefulSet, &set(1), &set(1), image),
            ["restarts 1 pod, down while it restarts"]
        );
        assert_eq!(
            said(Kind::StatefulSet, &set(3), &set(0), "spec.replicas"),
            ["stops all 3 pods: down until it is scaled up again"]
        );
    }

    #[test]
    fn percentages_are_rounded_as_the_controller_rounds_them() {
        let of = |surge: Value, unavailable: Value, replicas| {
            let update = json!({ "maxSurge": surge, "maxUnavailable": unavailable });
            most_unavailable(
                &json!({ "spec": { "strategy": { "rollingUpdate": update } } }),
                replicas,
            )
        };
        assert_eq!(of(json!(1), json!(0), 1), 0);
        assert_eq!(of(json!(0), json!(0), 3), 1);
        assert_eq!(of(json!("25%"), json!("25%"), 3), 0);
        assert_eq!(of(json!("25%"), json!("50%"), 5), 2);
        assert_eq!(of(Value::Null, Value::Null, 8), 2);
    }
}
