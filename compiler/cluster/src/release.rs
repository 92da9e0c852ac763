//! Hands the objects of a platform to a release of Helm, and back: the label and the annotations by
//! which Helm knows what is its own, and the ownership of its fields. No field of a spec changes, so
//! no pod restarts.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::adopt::{TOOLS, given_to};
use crate::call::Call;
use crate::client::Cluster;
use crate::failure::Failure;
use crate::object::{MANAGED_BY, ObjectId, TOOL};
use crate::program::Program;
use crate::takeover::patch_each;

/// Helm's mark on what it manages.
const HELM: &str = "Helm";
/// Helm's name in `managedFields`, so that `adopt` finds what was written for it.
const HELM_MANAGER: &str = "helm";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
/// A release of Helm, and which way its marks go.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// The namespace that it is recorded in.
    pub namespace: String,
    /// Whether the objects go back to erpc.
    pub is_back: bool,
}

/// One mark that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// `labels` or `annotations`.
    pub part: &'static str,
    /// Its key.
    pub key: &'static str,
    /// What it is; `None` where there is none.
    pub from: Option<String>,
    /// What it becomes; `None` where it goes.
    pub to: Option<String>,
}

/// An object whose marks change.
#[derive(Clone, Debug)]
pub struct Handover {
    /// Which.
    pub id: ObjectId,
    /// At least one.
    pub marks: Vec<Mark>,
}

impl Release {
    fn wanted(&self) -> [(&'static str, &'static str, Option<&str>); 3] {
        let manager = if self.is_back { TOOL } else { HELM };
        let given = |value| (!self.is_back).then_some(value);
        [
            ("labels", MANAGED_BY, Some(manager)),
            ("annotations", RELEASE_NAME, given(self.name.as_str())),
            (
                "annotations",
                RELEASE_NAMESPACE,
                given(self.namespace.as_str()),
            ),
        ]
    }

    /// What changes of an object; an error where it belongs to another release.
    fn marks(&self, id: &ObjectId, live: &Value) -> Result<Vec<Mark>, Failure> {
        let said = |part: &str, key: &str| live["metadata"][part][key].as_str();
        let owner = (
            said("annotations", RELEASE_NAME),
            said("annotations", RELEASE_NAMESPACE),
        );
        if let (Some(name), namespace) = owner
            && (name != self.name || namespace.is_some_and(|of| of != self.namespace))
        {
            let namespace = namespace.unwrap_or_default();
            return Err(Failure::new(format!(
                "{id} belongs to the release `{name}` in the namespace `{namespace}`"
            ))
            .help("nothing was written; `--helm` and `--release-namespace` say which release is meant"));
        }
        let changes = self.wanted().into_iter().filter_map(|(part, key, to)| {
            let from = said(part, key);
            (from != to).then(|| Mark {
                part,
                key,
                from: from.map(str::to_owned),
                to: to.map(str::to_owned),
            })
        });
        Ok(changes.collect())
    }
}

/// The objects whose marks differ from what the release needs.
///
/// # Errors
///
/// The cluster's, and an object of another release.
pub async fn handovers(
    cluster: &Cluster,
    program: &Program<'_>,
    release: &Release,
) -> Result<Vec<Handover>, Failure> {
    let ids = program.objects.iter().map(|object| object.id.clone());
    let mut answers = stream::iter(ids)
        .map(|id| async move {
            let answer = cluster.call(Call::get(id.path())).await;
            (id, answer)
        })
        .buffered(16);
    let mut found = Vec::new();
    while let Some((id, answer)) = answers.next().await {
        let live = match answer {
            Ok(answer) => answer.body,
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error.into()),
        };
        let marks = release.marks(&id, &live)?;
        if !marks.is_empty() {
            found.push(Handover { id, marks });
        }
    }
    Ok(found)
}

/// Writes the marks.
///
/// # Errors
///
/// The cluster's; what was written stays so, and the next run goes on.
pub async fn hand_over(
    cluster: &Arc<Cluster>,
    program: &Program<'_>,
    found: &[Handover],
    release: &Release,
) -> Result<usize, Failure> {
    let ids = found.iter().map(|one| &one.id);
    patch_each(cluster, program, ids, "handed over", |id, live| {
        let marks = release.marks(id, live)?;
        if marks.is_empty() {
            return Ok(None);
        }
        let operations = operations(program.manager().name(), live, &marks, release);
        let call = Call::json_patch(&id.path(), &operations, HELM_MANAGER);
        Ok(Some(call))
    })
    .await
}

/// The patch, guarded by the version. With its marks Helm gets the fields: Helm 4 applies on the
/// server's side, where a list that another manager owns would be a conflict. On the way back
/// [`crate::adopt`] takes them.
fn operations(own: &str, live: &Value, marks: &[Mark], release: &Release) -> Value {
    let mut operations = vec![json!({
        "op": "test",
        "path": "/metadata/resourceVersion",
        "value": live["metadata"]["resourceVersion"],
    })];
    if !release.is_back {
        let others = TOOLS.iter().chain([&own, &TOOL]);
        let others: Vec<String> = others.map(|tool| (*tool).to_owned()).collect();
        if let Some(entries) = given_to(HELM_MANAGER, live, &others) {
            let path = "/metadata/managedFields";
            operations.push(json!({"op": "replace", "path": path, "value": entries}));
        }
    }
    for part in ["labels", "annotations"] {
        let is_needed = marks
            .iter()
            .any(|mark| mark.part == part && mark.to.is_some());
        if is_needed && !live["metadata"][part].is_object() {
            let path = format!("/metadata/{part}");
            operations.push(json!({"op": "add", "path": path, "value": {}}));
        }
    }
    for mark in marks {
        let path = format!("/metadata/{}/{}", mark.part, mark.key.replace('/', "~1"));
        operations.push(match &mark.to {
            Some(to) => json!({"op": "add", "path": path, "value": to}),
            None => json!({"op": "remove", "path": path}),
        });
    }
    Value::Array(operations)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Release, operations};
    use crate::object::ObjectId;
    use erpc_emit::Kind;

    #[test]
    fn marks_are_given_taken_back_and_never_taken_from_another_release() {
        let mut release = Release {
            name: "shop".to_owned(),
            namespace: "releases".to_owned(),
            is_back: false,
        };
        let bare = json!({"metadata": {"name": "web", "resourceVersion": "7", "labels": {"app.kubernetes.io/managed-by": "erpc"}}});
        let id = ObjectId::of(Kind::Deployment, &bare);
        let marks = release.marks(&id, &bare).expect("it has no owner");
        assert_eq!(marks.len(), 3);
        let patch = operations("erpc:shop", &bare, &marks, &release);
        assert_eq!(patch[0]["value"], "7");
        assert_eq!(patch[1]["path"], "/metadata/annotations");
        assert_eq!(
            patch[2]["path"],
            "/metadata/labels/app.kubernetes.io~1managed-by"
        );

        let owned = json!({"metadata": {"name": "web", "labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "releases"}}});
        assert!(release.marks(&id, &owned).expect("its own").is_empty());
        release.is_back = true;
        let marks = release.marks(&id, &owned).expect("its own");
        assert_eq!(marks.len(), 3);
        assert_eq!(
            operations("erpc:shop", &owned, &marks, &release)[2]["op"],
            "remove"
        );
        assert_eq!(
            operations("erpc:shop", &owned, &marks, &release)[1]["value"],
            "erpc"
        );

        release.name = "other".to_owned();
        assert!(release.marks(&id, &owned).is_err());
    }
}
