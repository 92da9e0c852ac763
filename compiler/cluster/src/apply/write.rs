//! One write, with what the table of answers says about each refusal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::engine::Engine;
use crate::call::{Answer, Call};
use crate::change::body_for;
use crate::change::{Action, ObjectChange};
use crate::claims;
use crate::client::Cluster;
use crate::explain::explain;
use crate::failure::{ApiError, Failure};
use crate::hold::Gauge;
use crate::inventory::{Intent, Meta, line, parse};
use crate::manager::{FieldManager, SCALE_MANAGER, hands_over_replicas};
use crate::node_ports::{self, Owner};
use crate::object::{ObjectId, Packed};
use crate::owner::{self, Deleted};
use crate::plan::is_orphaning;
use crate::stop::Stop;
use crate::takeover::patch_one;
use crate::taking::handed_over;
use erpc_emit::Kind;

/// How often a write meets another's before it gives up.
const MODIFIED_TRIES: usize = 5;
const TERMINATING: Duration = Duration::from_secs(60);

/// What a write needs.
#[derive(Clone)]
pub(crate) struct Writer {
    pub(super) cluster: Arc<Cluster>,
    pub(super) manager: FieldManager,
    stop: Stop,
    gauge: Gauge,
}

/// The answer, where there is one; else why not, or nothing where it never began.
pub(crate) type Written = Result<Option<Answer>, Option<Failure>>;

impl Writer {
    pub(crate) fn new(
        cluster: &Arc<Cluster>,
        manager: &FieldManager,
        stop: Stop,
        gauge: Gauge,
    ) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            manager: manager.clone(),
            stop,
            gauge,
        }
    }

    /// Whether nothing stands against a write for good. Where the lock is in doubt, the call itself waits.
    pub(super) fn may_write(&self) -> bool {
        !self.stop.is_asked() && self.gauge.lost().is_none()
    }

    /// Does a step that is one write.
    pub(crate) async fn write(&self, step: &ObjectChange, body: &Packed) -> Written {
        if !self.may_write() {
            return Err(None);
        }
        let written = self.do_step(step, body).await;
        match written {
            // The lock went while the call waited for it: that is said once, not for each object.
            Err(Some(_)) if self.gauge.lost().is_some() => Err(None),
            written => written,
        }
    }

    async fn do_step(&self, step: &ObjectChange, body: &Packed) -> Written {
        match step.action {
            Action::Create | Action::Update | Action::Adopt => {
                self.apply(step, body).await.map(Some)
            }
            Action::Grow => self.grow(step).await.map(Some),
            Action::Prune | Action::Move => self.remove(step).await,
            Action::Replace | Action::Blocked => Err(Some(Failure::new(format!(
                "{} cannot be done in one write",
                step.id
            )))),
        }
    }

    /// Makes another manager's entries in `managedFields` the platform's.
    pub(super) async fn rename(&self, id: &ObjectId, from: &str) -> Result<(), Option<Failure>> {
        if !self.may_write() {
            return Err(None);
        }
        let rename = |id: &ObjectId, live: &Value| Ok(self.manager.rename(id, live, from));
        let renamed = patch_one(&self.cluster, id, "taken over", rename).await;
        renamed.map(|_| ()).map_err(Some)
    }

    async fn apply(&self, step: &ObjectChange, body: &Packed) -> Result<Answer, Option<Failure>> {
        let id = &step.id;
        if id.kind.is_workload() && step.uid.is_some() {
            self.hand_over_replicas(id, body).await?;
        }
        if !step.removes.is_empty() {
            self.take_over(step).await?;
        }
        // Many wait here for their turn, each with the bytes that it sends and no more.
        let body = body_for(&body.value(), step.uid.as_deref());
        let mut call = Call::apply(id, &body, self.manager.name());
        if step.is_forced {
            call = call.forced();
        }
        let mut tries = 0;
        let mut waits_since = None;
        loop {
            let refusal = match self.cluster.call(call.clone()).await {
                Ok(answer) if !answer.body["metadata"]["deletionTimestamp"].is_null() => {
                    return Err(Some(being_deleted(id)));
                }
                Ok(answer) => return Ok(answer),
                Err(ApiError::Refused(refusal)) => refusal,
                Err(error) => return Err(Some(error.into())),
            };
            if refusal.is_modified() && tries < MODIFIED_TRIES {
                tries += 1;
                continue;
            }
            if refusal.is_terminating() {
                return Err(Some(self.await_namespace(id).await));
            }
            if let Some(port) = node_ports::taken(&refusal) {
                self.await_port(id, port, &mut waits_since).await?;
                continue;
            }
            if refusal.is_gone() {
                return Err(Some(
                    Failure::new("it was deleted by another meanwhile")
                        .help("apply again: it plans anew"),
                ));
            }
            if refusal.code == 404 {
                let namespace = id.namespace.as_deref().unwrap_or_default();
                return Err(Some(
                    Failure::new(format!(
                        "namespace {namespace} was deleted by another meanwhile"
                    ))
                    .help("apply again: it makes the namespace anew"),
                ));
            }
            return Err(Some(explain(&refusal, id)));
        }
    }

    /// Makes the fields that others added the platform's, so that the apply that follows removes
    /// them: it does not have them. No value changes yet.
    async fn take_over(&self, step: &ObjectChange) -> Result<(), Option<Failure>> {
        let take = |id: &ObjectId, live: &Value| {
            let entries = handed_over(&self.manager, live, &step.removes);
            Ok(entries.map(|entries| {
                let operations = json!([
                    { "op": "test", "path": "/metadata/uid", "value": step.uid },
                    { "op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"] },
                    { "op": "replace", "path": "/metadata/managedFields", "value": entries },
                ]);
                Call::json_patch(&id.path(), &operations, self.manager.name())
            }))
        };
        let taken = patch_one(&self.cluster, &step.id, "taken over", take).await;
        taken.map(|_| ()).map_err(Some)
    }

    /// Asks for a larger volume.
    async fn grow(&self, step: &ObjectChange) -> Result<Answer, Option<Failure>> {
        let id = &step.id;
        let size = step.changes.first().and_then(|change| change.new.clone());
        let (Some(size), Some(uid)) = (size, &step.uid) else {
            return Err(Some(Failure::new(format!("{id}: its size is unknown"))));
        };
        let call = claims::grow(id, uid, &size, self.manager.name());
        match self.cluster.call(call).await {
            Ok(answer) => Ok(answer),
            Err(ApiError::Refused(refusal)) => Err(Some(explain(&refusal, id))),
            Err(error) => Err(Some(error.into())),
        }
    }

    /// Waits a while for a node port that no Service has; an error where one has it, or it is not freed.
    async fn await_port(
        &self,
        id: &ObjectId,
        port: u16,
        since: &mut Option<Instant>,
    ) -> Result<(), Option<Failure>> {
        let cluster = &self.cluster;
        match node_ports::owner(cluster, port, id).await {
            Ok(Owner::Service(name)) => return Err(Some(node_ports::belongs_to(port, &name))),
            Ok(Owner::Nobody | Owner::Unknown) => {}
            Err(error) => return Err(Some(error.into())),
        }
        let started = *since.get_or_insert_with(|| {
            cluster.say(format!("{id}: {}", node_ports::waits_for(port)));
            cluster.clock.now()
        });
        if cluster.clock.since(started) > node_ports::FREED_WITHIN {
            return Err(Some(node_ports::not_freed(port)));
        }
        match self
            .stop
            .clone()
            .asked_within(node_ports::LOOKED_AT_EVERY)
            .await
        {
            true => Err(None),
            false => Ok(()),
        }
    }

    /// Waits a while for a namespace that goes, so that the message is true when it is read.
    async fn await_namespace(&self, id: &ObjectId) -> Failure {
        let namespace = id.namespace.as_deref().unwrap_or_default();
        let path = format!("{}/{namespace}", Kind::Namespace.collection(None));
        let started = self.cluster.clock.now();
        while self.cluster.clock.since(started) < TERMINATING && !self.stop.is_asked() {
            match self.cluster.call(Call::get(&path)).await {
                Err(error) if error.is_not_found() => {
                    return Failure::new(format!("namespace {namespace} was deleted by another"))
                        .help("apply again: it makes the namespace anew");
                }
                _ => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
        being_deleted(id)
    }

    /// An autoscaler takes the number of replicas over: a body without it would reset it to one,
    /// so another name holds the live number until the autoscaler writes its own.
    async fn hand_over_replicas(
        &self,
        id: &ObjectId,
        body: &Packed,
    ) -> Result<(), Option<Failure>> {
        let body = body.value();
        if !body["spec"]["replicas"].is_null() {
            return Ok(());
        }
        let live = match self.cluster.call(Call::get(id.path())).await {
            Ok(answer) => answer.body,
            Err(error) => return Err(Some(error.into())),
        };
        if !hands_over_replicas(&self.manager, &body, &live) {
            return Ok(());
        }
        let held = json!({
            "apiVersion": id.kind.api_version(),
            "kind": id.kind.as_str(),
            "metadata": { "name": id.name.as_str(), "namespace": id.namespace.as_deref() },
            "spec": { "replicas": live["spec"]["replicas"] },
        });
        match self
            .cluster
            .call(Call::apply(id, &held, SCALE_MANAGER))
            .await
        {
            Ok(_) => Ok(()),
            Err(ApiError::Refused(refusal)) => Err(Some(explain(&refusal, id))),
            Err(error) => Err(Some(error.into())),
        }
    }

    /// Deletes what is not in the source any more, unless another platform owns it by now.
    async fn remove(&self, step: &ObjectChange) -> Written {
        let id = &step.id;
        let uid = step.live_uid().map_err(Some)?;
        match owner::delete(&self.cluster, &self.manager, id, uid).await {
            Ok(Deleted::Now(answer)) => Ok(Some(answer)),
            Ok(Deleted::Before) => Ok(None),
            Ok(Deleted::Others(owner)) => Err(Some(
                Failure::new(format!(
                    "{id} belongs to platform `{}` by now and stays",
                    owner.platform
                ))
                .help("apply again: it plans anew"),
            )),
            Err(ApiError::Refused(refusal)) => Err(Some(explain(&refusal, id))),
            Err(error) => Err(Some(error.into())),
        }
    }

    /// Deletes an object and what it owns, and waits until both are gone.
    pub(super) async fn delete_and_wait(&self, step: &ObjectChange) -> Written {
        if !self.may_write() {
            return Err(None);
        }
        let uid = step.live_uid().map_err(Some)?;
        let answer = self.delete(&step.id, uid, "Foreground").await?;
        self.await_deleted(&step.id, uid).await?;
        Ok(answer)
    }

    /// Waits until the object with this uid is gone.
    async fn await_deleted(&self, id: &ObjectId, uid: &str) -> Result<(), Option<Failure>> {
        let started = self.cluster.clock.now();
        loop {
            match self.cluster.call(Call::get(id.path())).await {
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(Some(error.into())),
                Ok(answer) if answer.body["metadata"]["uid"] != uid => return Ok(()),
                Ok(_) if self.cluster.clock.since(started) > TERMINATING => {
                    return Err(Some(being_deleted(id)));
                }
                Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Deletes the object with this uid; one that is gone is deleted.
    pub(crate) async fn delete(&self, id: &ObjectId, uid: &str, propagation: &str) -> Written {
        let call = Call::delete(&id.path(), uid, propagation);
        match self.cluster.call(call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_not_found() || error.code() == Some(409) => Ok(None),
            Err(ApiError::Refused(refusal)) => Err(Some(explain(&refusal, id))),
            Err(error) => Err(Some(error.into())),
        }
    }
}

fn being_deleted(id: &ObjectId) -> Failure {
    Failure::new(format!("{id} is being deleted, or its namespace is"))
        .help("wait until it is gone, then apply again; `erpc doctor` names the finalizers")
}

impl Engine<'_, '_> {
    /// Deletes an object and makes it anew. What it takes is in the inventory before the first
    /// step, so that a run that is killed between the two is ended by the next one.
    pub(super) async fn replace(&mut self, step: &ObjectChange, body: &Value) -> Written {
        let writer = self.writer();
        if !writer.may_write() {
            return Err(None);
        }
        let intent = Intent::Replace {
            object: line(&step.id),
            namespace: step.id.namespace.as_ref().map(ToString::to_string),
            uid: step.live_uid().map_err(Some)?.to_owned(),
            is_orphaning: is_orphaning(step),
            body: body.clone(),
        };
        self.intend(&intent).await.map_err(Some)?;
        let answer = end_replace(&writer, &intent).await?;
        self.forget(&intent).await.map_err(Some)?;
        Ok(answer)
    }

    /// Writes an act down before its first step.
    pub(super) async fn intend(&mut self, intent: &Intent) -> Result<(), Failure> {
        let mut intents = self.inventory.meta.intents.clone();
        intents.push(intent.clone());
        self.write_intents(intents).await
    }

    /// An act is done.
    pub(super) async fn forget(&mut self, intent: &Intent) -> Result<(), Failure> {
        let mut intents = self.inventory.meta.intents.clone();
        intents.retain(|other| other != intent);
        self.write_intents(intents).await
    }

    async fn write_intents(&mut self, intents: Vec<Intent>) -> Result<(), Failure> {
        let meta = Meta {
            intents,
            ..self.inventory.meta.clone()
        };
        self.inventory = self.inventory.with(meta, self.inventory.objects.clone());
        self.inventory.write(self.cluster).await
    }

    /// Ends what an earlier run began.
    pub(super) async fn finish_intents(&mut self) -> Result<(), Failure> {
        let intents = self.inventory.meta.intents.clone();
        if intents.is_empty() {
            return Ok(());
        }
        let writer = self.writer();
        for intent in &intents {
            let ended = match intent {
                Intent::Replace { .. } => end_replace(&writer, intent).await.map(|_| ()),
                Intent::MoveVolumes { .. } => self.end_move(&writer, intent).await,
            };
            if let Err(Some(failure)) = ended {
                return Err(failure);
            }
            if self.stop.is_asked() {
                return Err(Failure::new("stopped while an earlier act was being ended")
                    .help("apply again: it goes on from here"));
            }
        }
        self.write_intents(Vec::new()).await
    }
}

async fn end_replace(writer: &Writer, intent: &Intent) -> Written {
    let Intent::Replace {
        object,
        namespace,
        uid,
        is_orphaning,
        body,
    } = intent
    else {
        return Ok(None);
    };
    let Some(id) = parse(object, namespace.as_deref()) else {
        return Err(Some(Failure::new(format!(
            "the inventory names `{object}`"
        ))));
    };
    let propagation = if *is_orphaning {
        "Orphan"
    } else {
        "Background"
    };
    writer.delete(&id, uid, propagation).await?;
    writer.await_deleted(&id, uid).await?;
    let call = Call::apply(&id, body, writer.manager.name());
    match writer.cluster.call(call).await {
        Ok(answer) => Ok(Some(answer)),
        Err(ApiError::Refused(refusal)) => Err(Some(explain(&refusal, &id))),
        Err(error) => Err(Some(error.into())),
    }
}
