//! Writing who an object belongs to, one object after another under the lock: what `adopt` does in either
//! direction.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::inventory;
use crate::lock::Lock;
use crate::object::ObjectId;
use crate::program::Program;

/// How often an object is looked at again that another client writes to.
const TRIES: usize = 5;

/// Writes the patch of each object that needs one, and says how many did. `patch` makes it of the object as
/// it is, guarded by its version; `done` is the word for an object that has it.
///
/// # Errors
///
/// The cluster's; what was written stays so, and the next run goes on.
pub(crate) async fn patch_each(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    ids: impl Iterator<Item = &ObjectId>,
    done: &str,
    patch: impl Fn(&ObjectId, &Value) -> Result<Option<Call>, Failure>,
) -> Result<usize, Failure> {
    inventory::prepare(cluster).await?;
    let lock = Lock::take(cluster, program.name(), Duration::ZERO, |_| {}).await?;
    let mut count = 0;
    let mut failure = None;
    for id in ids {
        if !lock.is_ours() {
            failure = Some(Failure::new("the lock could not be renewed").help("run it again"));
            break;
        }
        match patch_one(cluster, id, done, &patch).await {
            Ok(is_written) => count += usize::from(is_written),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    lock.release().await;
    match failure {
        Some(failure) => Err(failure),
        None => Ok(count),
    }
}

pub(crate) async fn patch_one(
    cluster: &Cluster,
    id: &ObjectId,
    done: &str,
    patch: impl Fn(&ObjectId, &Value) -> Result<Option<Call>, Failure>,
) -> Result<bool, Failure> {
    for _ in 0..TRIES {
        let Some(live) = cluster.find(id.path()).await? else {
            return Ok(false);
        };
        let Some(call) = patch(id, &live)? else {
            return Ok(false);
        };
        match cluster.call(call).await {
            Ok(_) => return Ok(true),
            // Another client wrote it meanwhile: look again.
            Err(ApiError::Refused(refusal)) if matches!(refusal.code, 409 | 422) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(
        Failure::new(format!("{id} changes faster than it can be {done}"))
            .help("see who writes to it all the time"),
    )
}
