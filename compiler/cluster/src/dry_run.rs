//! Questions to the API server about objects that it does not have.

use serde_json::json;

use crate::call::{Answer, Call};
use crate::client::Cluster;
use crate::failure::ApiError;
use crate::program::Desired;

/// What the server makes of the declared object if it is new: asked by a dry run, under a name that
/// none has.
pub(crate) async fn new_body(cluster: &Cluster, desired: &Desired) -> Result<Answer, ApiError> {
    let mut body = desired.body.value();
    if let Some(metadata) = body["metadata"].as_object_mut() {
        metadata.remove("name");
        metadata.insert("generateName".to_owned(), json!("erpc-plan-"));
    }
    let collection = desired.id.kind.collection(desired.id.namespace.as_deref());
    cluster
        .call(Call::create(&collection, &body).dry_run())
        .await
}
