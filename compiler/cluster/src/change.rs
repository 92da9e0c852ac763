//! What happens to one object in a plan.

use erpc_emit::Kind;
use erpc_model::ServiceId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::diff::FieldChange;
use crate::failure::Failure;
use crate::object::ObjectId;
use crate::path::FieldPath;

/// Where volumes are.
pub(crate) const VOLUMES: &str = "/api/v1/persistentvolumes";

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is made.
    Create,
    /// Fields of it change.
    Update,
    /// It is deleted and made anew.
    Replace,
    /// A claim asks for a larger volume.
    Grow,
    /// It is deleted.
    Prune,
    /// Its fields become ours, with the values that they have.
    Adopt,
    /// It has another name now, and goes when what stands in its place is ready.
    Move,
    /// It cannot be done.
    Blocked,
}

impl Action {
    /// As plans show it.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update | Self::Grow => '~',
            Self::Replace => '±',
            Self::Prune => '-',
            Self::Adopt => '=',
            Self::Move => '>',
            Self::Blocked => '!',
        }
    }

    /// Whether the object is not there afterwards.
    #[must_use]
    pub const fn deletes(self) -> bool {
        matches!(self, Self::Prune | Self::Move)
    }

    /// As JSON says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Grow => "grow",
            Self::Replace => "replace",
            Self::Prune => "prune",
            Self::Adopt => "adopt",
            Self::Move => "move",
            Self::Blocked => "blocked",
        }
    }
}

/// One object that does not stay as it is.
#[derive(Clone, Debug)]
pub struct ObjectChange {
    /// Which.
    pub id: ObjectId,
    /// What happens.
    pub action: Action,
    /// The fields, for what is there already.
    pub changes: Vec<FieldChange>,
    /// What follows: restarts, time without service.
    pub consequences: Vec<String>,
    /// Why it is blocked, and the fix.
    pub blocked: Option<Failure>,
    /// The API server's warnings.
    pub warnings: Vec<String>,
    /// The uid of the live object.
    pub uid: Option<String>,
    /// Whether nothing but the schema judged it, because its namespace is not there yet.
    pub is_unjudged: bool,
    /// Whether it goes because the source leaves its namespace without policies: it goes in the order that closes
    /// nothing on the way.
    pub opens: bool,
    /// Whether fields are taken from other managers, as the user said.
    pub is_forced: bool,
    /// The fields that other managers added, and that go.
    pub removes: Vec<FieldPath>,
    /// Of the live object: what it was when it was planned.
    pub fingerprint: Option<String>,
    /// The manager whose fields become the platform's before the object is written.
    pub inherits: Option<String>,
    /// What stands in its place, for one that was renamed.
    pub moved: Option<Moved>,
    /// Of a blocked one: whether nothing else may be done either.
    pub blocks_all: bool,
    /// Of a blocked one: whether pods would change, so that what requires them waits.
    pub changes_pods: bool,
}

impl ObjectChange {
    /// The uid of the live object.
    ///
    /// # Errors
    ///
    /// The plan has seen no object, so that none may be deleted.
    pub(crate) fn live_uid(&self) -> Result<&str, Failure> {
        let missing = || Failure::new(format!("{} has no uid", self.id));
        self.uid.as_deref().ok_or_else(missing)
    }
}

pub(crate) fn step(id: &ObjectId, action: Action) -> ObjectChange {
    ObjectChange {
        id: id.clone(),
        action,
        changes: Vec::new(),
        consequences: Vec::new(),
        blocked: None,
        warnings: Vec::new(),
        uid: None,
        is_unjudged: false,
        opens: false,
        is_forced: false,
        removes: Vec::new(),
        fingerprint: None,
        inherits: None,
        moved: None,
        blocks_all: false,
        changes_pods: false,
    }
}

pub(crate) fn blocked(id: &ObjectId, failure: Failure) -> ObjectChange {
    ObjectChange {
        blocked: Some(failure),
        changes_pods: id.kind.is_workload(),
        ..step(id, Action::Blocked)
    }
}

/// What becomes of an object of the past.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// What stands in its place: `shop/store`, or a namespace.
    pub to: String,
    /// The service under its new name, where it is a service's.
    pub service: Option<ServiceId>,
    /// The volumes that go over before the new pods start.
    pub volumes: Vec<VolumeMove>,
}

/// One volume that goes from a claim to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeMove {
    /// The name of the `PersistentVolume`.
    pub volume: String,
    /// Its uid.
    pub uid: String,
    /// What became of it with its claim, before the move.
    pub policy: String,
    /// The namespace of the claim that goes.
    pub namespace: String,
    /// Its name.
    pub claim: String,
    /// Its uid.
    pub claim_uid: String,
    /// The claim that comes, whole.
    pub new: Value,
}

impl VolumeMove {
    /// `data-db-0 (1Gi) → data-store-0`
    #[must_use]
    pub fn describe(&self) -> String {
        let size = self.new["spec"]["resources"]["requests"]["storage"].as_str();
        let new = ObjectId::of(Kind::PersistentVolumeClaim, &self.new);
        format!(
            "{} ({}) → {}",
            self.claim,
            size.unwrap_or("?"),
            if new.namespace.as_deref() == Some(self.namespace.as_str()) {
                new.name.to_string()
            } else {
                new.place()
            }
        )
    }

    /// The path of the volume in the API.
    pub(crate) fn path(&self) -> String {
        format!("{VOLUMES}/{}", self.volume)
    }
}

/// The body with the uid that it is meant for: an object that another deleted and made anew is
/// not the planned one.
pub(crate) fn body_for(body: &Value, uid: Option<&str>) -> Value {
    let mut body = body.clone();
    if let Some(uid) = uid {
        body["metadata"]["uid"] = json!(uid);
    }
    body
}
