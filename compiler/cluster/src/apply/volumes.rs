//! Volumes that go over to a service's new name. Each step can be done again, so that a run that is
//! killed between any two is ended by the next one: the workload stops, each volume is kept whatever
//! becomes of its claim, the claim goes, the volume waits for the new claim alone, the new claim
//! binds, and the volume is again what it was.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::engine::Engine;
use super::write::Writer;
use crate::call::Call;
use crate::change::{ObjectChange, VolumeMove};
use crate::explain::explain;
use crate::failure::{ApiError, Failure};
use crate::inventory::{Intent, line, parse};
use crate::manager::SCALE_MANAGER;
use crate::object::{ObjectId, uid};
use crate::progress::Event;
use erpc_emit::Kind;

/// Beyond the time that a pod has to end by itself.
const ENDING: Duration = Duration::from_secs(60);
const BINDING: Duration = Duration::from_secs(60);
const LOOKED_AT_EVERY: Duration = Duration::from_millis(200);

type Ended = Result<(), Option<Failure>>;

impl Engine<'_, '_> {
    /// Hands the volumes of a renamed service over, before its new pods start.
    pub(super) async fn move_volumes(&mut self, step: &ObjectChange) -> Ended {
        let Some(moved) = step.moved.as_ref().filter(|m| !m.volumes.is_empty()) else {
            return Ok(());
        };
        let writer = self.writer();
        if !writer.may_write() {
            return Err(None);
        }
        let intent = Intent::MoveVolumes {
            object: line(&step.id),
            namespace: step.id.namespace.as_ref().map(ToString::to_string),
            uid: step.live_uid().map_err(Some)?.to_owned(),
            volumes: moved.volumes.clone(),
        };
        self.intend(&intent).await.map_err(Some)?;
        self.end_move(&writer, &intent).await?;
        self.forget(&intent).await.map_err(Some)
    }

    /// Does what is left of a move.
    pub(super) async fn end_move(&mut self, writer: &Writer, intent: &Intent) -> Ended {
        let Intent::MoveVolumes {
            object,
            namespace,
            uid,
            volumes,
        } = intent
        else {
            return Ok(());
        };
        let Some(id) = parse(object, namespace.as_deref()) else {
            return Err(Some(Failure::new(format!(
                "the inventory names `{object}`"
            ))));
        };
        self.progress.say(&Event::Phase(format!(
            "moving the volumes of {}",
            id.place()
        )));
        writer.scale_to_nothing(&id, uid).await?;
        self.await_no_pods(writer, &id).await?;
        for volume in volumes {
            writer.keep(volume).await?;
            self.remove_claim(writer, volume).await?;
            writer.reserve(volume).await?;
            self.bind(writer, volume).await?;
            writer.restore(volume).await?;
            self.progress
                .say(&Event::Note(format!("moved {}", volume.describe())));
        }
        Ok(())
    }

    /// Looks again and again until something is so, or its time is over, or the user asks to stop.
    async fn until(
        &mut self,
        writer: &Writer,
        limit: Duration,
        late: impl Fn() -> Failure,
        mut is_so: impl AsyncFnMut(&Writer) -> Result<bool, ApiError>,
    ) -> Ended {
        let started = self.cluster.clock.now();
        loop {
            match is_so(writer).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => return Err(Some(error.into())),
            }
            if !writer.may_write() {
                return Err(None);
            }
            if self.cluster.clock.since(started) > limit {
                return Err(Some(late()));
            }
            self.progress.tick();
            sleep(LOOKED_AT_EVERY).await;
        }
    }

    async fn await_no_pods(&mut self, writer: &Writer, set: &ObjectId) -> Ended {
        let namespace = set.namespace.as_deref().unwrap_or_default().to_owned();
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let name = set.name.clone();
        let grace = writer.grace_period(set).await?;
        let late = || {
            Failure::new(format!("the pods of {set} have not ended"))
                .help("see what holds them with `kubectl get pods`, then apply again: it goes on from here")
        };
        self.until(writer, grace + ENDING, late, async |writer| {
            let pods = writer.cluster.list(&path, "").await?;
            Ok(!pods.iter().any(|pod| {
                let owners = pod["metadata"]["ownerReferences"].as_array();
                owners.into_iter().flatten().any(|owner| {
                    owner["kind"] == Kind::StatefulSet.as_str() && owner["name"] == name.as_str()
                })
            }))
        })
        .await
    }

    async fn remove_claim(&mut self, writer: &Writer, volume: &VolumeMove) -> Ended {
        let id = ObjectId {
            namespace: Some(volume.namespace.as_str().into()),
            kind: Kind::PersistentVolumeClaim,
            name: volume.claim.as_str().into(),
        };
        writer.delete(&id, &volume.claim_uid, "Background").await?;
        let late = || {
            Failure::new(format!("{id} is being deleted and does not go"))
                .help("a pod still uses it, or a finalizer holds it; then apply again: it goes on from here")
        };
        self.until(writer, ENDING, late, async |writer| {
            match writer.cluster.call(Call::get(id.path())).await {
                Ok(answer) => Ok(uid(&answer.body).as_deref() != Some(&volume.claim_uid)),
                Err(error) if error.is_not_found() => Ok(true),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Makes the new claim, and waits until the volume is its own.
    async fn bind(&mut self, writer: &Writer, volume: &VolumeMove) -> Ended {
        let id = ObjectId::of(Kind::PersistentVolumeClaim, &volume.new);
        let call = Call::apply(&id, &volume.new, writer.manager.name());
        writer.send(&id, call).await?;
        let late = || {
            Failure::new(format!(
                "{id} does not bind to volume {}, which is kept",
                volume.volume
            ))
            .help("see the events of the claim, then apply again: it goes on from here")
        };
        self.until(writer, BINDING, late, async |writer| {
            let claim = writer.cluster.call(Call::get(id.path())).await?.body;
            Ok(claim["status"]["phase"] == "Bound")
        })
        .await
    }
}

impl Writer {
    /// One call of an act that may have been done before.
    async fn send(&self, id: &ObjectId, call: Call) -> Result<Value, Option<Failure>> {
        if !self.may_write() {
            return Err(None);
        }
        match self.cluster.call(call).await {
            Ok(answer) => Ok(answer.body),
            Err(ApiError::Refused(refusal)) => Err(Some(explain(&refusal, id))),
            Err(error) => Err(Some(error.into())),
        }
    }

    async fn grace_period(&self, set: &ObjectId) -> Result<Duration, Option<Failure>> {
        let seconds = match self.cluster.call(Call::get(set.path())).await {
            Ok(answer) => {
                answer.body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64()
            }
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(Some(error.into())),
        };
        Ok(Duration::from_secs(seconds.unwrap_or(30)))
    }

    /// Stops the pods in their order, the last first.
    async fn scale_to_nothing(&self, set: &ObjectId, uid: &str) -> Ended {
        if !self.may_write() {
            return Err(None);
        }
        let call = Call::json_patch(
            &set.path(),
            &json!([
                { "op": "test", "path": "/metadata/uid", "value": uid },
                { "op": "replace", "path": "/spec/replicas", "value": 0 },
            ]),
            SCALE_MANAGER,
        );
        match self.cluster.call(call).await {
            Ok(_) => Ok(()),
            // It went when the move was almost done, or it is another by now.
            Err(error) if error.is_not_found() || error.code() == Some(422) => Ok(()),
            Err(error) => Err(Some(error.into())),
        }
    }

    /// From here on the volume outlives its claim.
    async fn keep(&self, volume: &VolumeMove) -> Ended {
        self.set_policy(volume, "Retain").await
    }

    async fn restore(&self, volume: &VolumeMove) -> Ended {
        self.set_policy(volume, &volume.policy).await
    }

    async fn set_policy(&self, volume: &VolumeMove, policy: &str) -> Ended {
        self.change_volume(
            volume,
            "/spec/persistentVolumeReclaimPolicy",
            &json!(policy),
        )
        .await
    }

    /// The volume waits for the new claim, and no other claim can bind it meanwhile.
    async fn reserve(&self, volume: &VolumeMove) -> Ended {
        let new = ObjectId::of(Kind::PersistentVolumeClaim, &volume.new);
        let found = match self.cluster.call(Call::get(volume.path())).await {
            Ok(answer) => answer.body,
            Err(error) => return Err(Some(error.into())),
        };
        let holder = &found["spec"]["claimRef"];
        let is_reserved = holder["name"] == new.name.as_str()
            && holder["namespace"].as_str() == new.namespace.as_deref();
        if is_reserved {
            return Ok(());
        }
        let holder = json!({
            "apiVersion": "v1", "kind": Kind::PersistentVolumeClaim.as_str(),
            "namespace": new.namespace.as_deref(), "name": new.name.as_str(),
        });
        self.change_volume(volume, "/spec/claimRef", &holder).await
    }

    async fn change_volume(&self, volume: &VolumeMove, path: &str, value: &Value) -> Ended {
        if !self.may_write() {
            return Err(None);
        }
        let operations = json!([
            { "op": "test", "path": "/metadata/uid", "value": volume.uid },
            { "op": "replace", "path": path, "value": value },
        ]);
        match self
            .cluster
            .call(Call::json_patch(
                &volume.path(),
                &operations,
                self.manager.name(),
            ))
            .await
        {
            Ok(_) => Ok(()),
            Err(error) => Err(Some(
                Failure::new(format!("volume {}: {error}", volume.volume)).help(
                    "the volume is kept as it is; fix it, then apply again: it goes on from here",
                ),
            )),
        }
    }
}
