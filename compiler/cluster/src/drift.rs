//! What in the cluster differs from the source: declared fields with another value, fields that
//! others added, objects that are missing or that the source does not know, pods that pass for a
//! service's, connections against the source, and volumes that have not grown. Writes nothing.

mod difference;
mod pods;
mod show;
mod unmanaged;

use futures_util::{StreamExt, stream};
use serde_json::Value;

use crate::additions::{Addition, additions, without_defaults};
use crate::call::Call;
use crate::change::body_for;
use crate::client::Cluster;
use crate::diff::differences;
use crate::failure::{ApiError, Failure};
use crate::known::Table;
use crate::live::Live;
use crate::managed::owners;
use crate::object::{Packed, uid};
use crate::path::FieldPath;
use crate::program::{Desired, Program};
use crate::severity::Severity;
use crate::{estimate, flows};
use erpc_emit::Kind;

pub use difference::{Difference, Drift, Drifts};
pub use show::{drift_json, drift_text};

/// Compares the cluster with the source.
///
/// # Errors
///
/// The cluster's.
pub async fn drift(cluster: &Cluster, program: &Program<'_>) -> Result<Drifts, Failure> {
    let live = Live::read(cluster, program).await?;
    let mut found = declared(cluster, program, &live).await?;
    for claim in crate::claims::growing(cluster, program, &live).await? {
        found.push(Drift {
            severity: Severity::Other,
            source: claim.source.clone(),
            by: Vec::new(),
            what: Difference::Volume {
                object: claim.id.to_string(),
                why: claim.why(),
            },
        });
    }
    found.extend(open_flows(cluster, program, &live).await?);
    let (unmanaged, unchecked) = unmanaged::find(cluster, program, &live).await?;
    found.extend(unmanaged);
    Ok(Drifts { found, unchecked })
}

/// The differences of the declared objects.
async fn declared(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
) -> Result<Vec<Drift>, Failure> {
    let judged = program.objects.iter().map(|desired| async {
        if live.is_equal(&desired.id) {
            let added = live.additions(&desired.id).to_vec();
            let added = without_defaults(cluster, desired, added).await?;
            return Ok(added
                .into_iter()
                .map(|one| of_addition(program, desired, one))
                .collect());
        }
        judge(cluster, program, desired, live.get(&desired.id)).await
    });
    let mut judged = stream::iter(judged).buffered(16);
    let mut found = Vec::new();
    while let Some(result) = judged.next().await {
        let result: Result<Vec<Drift>, Failure> = result;
        found.extend(result?);
    }
    Ok(found)
}

/// The differences of one object that is not certainly as the source says.
async fn judge(
    cluster: &Cluster,
    program: &Program<'_>,
    desired: &Desired,
    live: Option<Value>,
) -> Result<Vec<Drift>, Failure> {
    let live = match live {
        Some(live) => Some(live),
        // What erpc has not applied may be there all the same, without the label.
        None => cluster.find(desired.id.path()).await?,
    };
    let Some(live) = live else {
        return Ok(vec![Drift {
            severity: Severity::of_missing(desired.id.kind),
            source: program.place_of(desired),
            by: Vec::new(),
            what: Difference::Missing {
                object: desired.id.to_string(),
            },
        }]);
    };
    let after = after_apply(cluster, program, desired, &live).await?;
    let unlabelled = unlabelled(program, desired, &live);
    let changed = differences(&live, &after).into_iter().map(|change| Drift {
        severity: Severity::of_field(desired.id.kind, &change.path, change.old.as_ref()),
        source: program.place(desired, &change.path),
        by: owners(program.manager(), &live, &change.path),
        what: Difference::Changed {
            object: desired.id.to_string(),
            field: change.path,
            says: change.new,
            has: change.old,
        },
    });
    let added = additions(
        program.manager(),
        desired.id.kind,
        &desired.body.value(),
        &after,
        Table::whole(),
    );
    let added = without_defaults(cluster, desired, added).await?;
    let added = added
        .into_iter()
        .map(|one| of_addition(program, desired, one));
    Ok(unlabelled.into_iter().chain(changed).chain(added).collect())
}

/// What an apply by force would make of the object: the question is what differs, not whether it
/// may be taken. Asked by a dry run.
async fn after_apply(
    cluster: &Cluster,
    program: &Program<'_>,
    desired: &Desired,
    live: &Value,
) -> Result<Value, Failure> {
    let estimated = || {
        let entry = program.manager().entry(live);
        estimate::applied(&desired.body.value(), live, entry)
    };
    if !cluster.may_apply(&desired.id, false).await? {
        return Ok(estimated());
    }
    let body = body_for(&desired.body.value(), uid(live).as_deref());
    let manager = program.manager().acting(Some(live));
    let call = Call::apply(&desired.id, &body, manager).dry_run().forced();
    match cluster.call(call).await {
        Ok(answer) => Ok(answer.body),
        // What cannot be changed in place differs all the same.
        Err(ApiError::Refused(refusal)) if refusal.code == 422 => Ok(estimated()),
        Err(error) => Err(error.into()),
    }
}

fn of_addition(program: &Program<'_>, desired: &Desired, addition: Addition) -> Drift {
    Drift {
        severity: addition.severity,
        source: program.place(desired, &addition.path),
        by: addition.owners,
        what: Difference::Added {
            object: desired.id.to_string(),
            field: addition.path,
            has: addition.value,
            usual: addition.usual,
        },
    }
}

/// An object that lacks the platform's label is in none of its lists.
fn unlabelled(program: &Program<'_>, desired: &Desired, live: &Value) -> Option<Drift> {
    if crate::object::is_labelled(live, program.name()) {
        return None;
    }
    let label = FieldPath::from_names(&["metadata", "labels", crate::object::PART_OF]);
    Some(Drift {
        severity: Severity::Other,
        source: program.place_of(desired),
        by: owners(program.manager(), live, &label),
        what: Difference::Unlabelled {
            object: desired.id.to_string(),
            label: program.selector(),
        },
    })
}

/// The connections that the live policies give the declared workloads, against the declared ones.
async fn open_flows(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
) -> Result<Vec<Drift>, Failure> {
    let policies = match flows::live_policies(cluster, program, live).await {
        Ok(policies) => policies,
        Err(error) if error.code() == Some(403) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    if live.inventory.is_none() {
        return Ok(Vec::new());
    }
    let matters = |object: &&Desired| flows::matters(object.id.kind);
    let says = program.objects.iter().filter(matters);
    let declared = says
        .clone()
        .filter(|object| object.id.kind != Kind::NetworkPolicy);
    let has: Vec<Packed> = declared
        .map(flows::desired)
        .chain(policies.into_iter().map(|(_, policy)| policy))
        .collect();
    let says: Vec<Packed> = says.map(flows::desired).collect();
    let changes = flows::compare(&says, &has);
    let flow = |is_open: bool| {
        move |flow: String| Drift {
            severity: if is_open {
                Severity::OpensNetwork
            } else {
                Severity::Other
            },
            source: None,
            by: Vec::new(),
            what: Difference::Flow { flow, is_open },
        }
    };
    let opened = changes.opened.into_iter().map(flow(true));
    let closed = changes.closed.into_iter().map(flow(false));
    Ok(opened.chain(closed).collect())
}
