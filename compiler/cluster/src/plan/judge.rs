//! The judgement of each object: equal by its own entry, or as a dry run of the server says. A refusal
//! becomes a step that is blocked, with the fields and their owners, and the fix.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::conflict::{Autoscalers, is_left_by_autoscaler, may_take_all, workload};
use super::downtime::consequences;
use super::refused::{awaits_role, refused, terminating, terminating_namespaces};
use crate::additions::{Addition, additions, without_defaults};
use crate::allowed::Allowed;
use crate::call::{Answer, Call};
use crate::change::{Action, ObjectChange, blocked, body_for, step};
use crate::client::Cluster;
use crate::diff::{FieldChange, differences};
use crate::equal::fingerprint;
use crate::estimate;
use crate::failure::{ApiError, Failure};
use crate::flows;
use crate::known::Table;
use crate::live::Live;
use crate::object::{ObjectId, Packed, uid};
use crate::owner::{Inventories, Owner};
use crate::program::{Desired, Program};
use crate::taking::takes;
use erpc_emit::Kind;

/// How many calls a plan has under way; the limiter may allow fewer.
const IN_FLIGHT: usize = 16;
/// What came of all objects.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) steps: Vec<ObjectChange>,
    /// How many stay as they are.
    pub(super) unchanged: usize,
    /// What others added, and stays.
    pub(super) additions: Vec<(ObjectId, Addition)>,
    /// What lies in namespaces that are being deleted, of which the server takes nothing.
    pub(super) in_terminating: Vec<ObjectId>,
    /// Workloads that run without the platform's label.
    pub(super) unlabelled: BTreeMap<ObjectId, Packed>,
}

/// What came of one object.
#[derive(Default)]
struct One {
    step: Option<ObjectChange>,
    additions: Vec<Addition>,
    /// The live object, if it is a workload without the platform's label.
    unlabelled: Option<Packed>,
}

impl From<ObjectChange> for One {
    fn from(step: ObjectChange) -> Self {
        Self {
            step: Some(step),
            ..Self::default()
        }
    }
}

/// What an earlier plan found, which stands for each object that no client has written since.
pub(super) struct Earlier<'p> {
    pub(super) live: &'p Live,
    pub(super) steps: HashMap<&'p ObjectId, &'p ObjectChange>,
    pub(super) additions: &'p [(ObjectId, Addition)],
    pub(super) unlabelled: &'p BTreeMap<ObjectId, Packed>,
}

pub(super) async fn judge_all(
    cluster: &Cluster,
    program: &Program<'_>,
    live: &Live,
    allowed: &Allowed,
    earlier: Option<&Earlier<'_>>,
) -> Result<Judged, Failure> {
    let Judged {
        mut steps,
        mut unchanged,
        mut additions,
        mut in_terminating,
        mut unlabelled,
    } = Judged::default();
    let mut doubtful = Vec::new();
    let terminating = terminating_namespaces(program, live);
    for (id, failure) in terminating.values() {
        steps.push(blocked(id, failure.clone()));
    }
    for desired in &program.objects {
        let id = &desired.id;
        let is_in = |name: &str| terminating.contains_key(name);
        if id.namespace.as_deref().is_some_and(is_in) {
            in_terminating.push(id.clone());
            continue;
        }
        if id.kind == Kind::Namespace && is_in(&id.name) {
            continue;
        }
        if program.is_shared(id) && live.contains(id) {
            continue;
        }
        if live.is_equal(&desired.id) {
            match live.additions(&desired.id) {
                [] => unchanged += 1,
                _ => doubtful.push(desired),
            }
            continue;
        }
        if !live.serves(id.kind) && !is_defined(program, id.kind) {
            steps.push(blocked(id, not_served(id.kind)));
            continue;
        }
        let is_in_new = id
            .namespace
            .as_deref()
            .is_some_and(|name| !live.has_namespace(name));
        if is_in_new || !live.serves(id.kind) {
            steps.push(ObjectChange {
                is_unjudged: true,
                ..step(&desired.id, Action::Create)
            });
            continue;
        }
        if let Some(earlier) = earlier
            && is_as_then(&desired.id, earlier.live, live)
        {
            match earlier.steps.get(&desired.id) {
                Some(step) => steps.push((*step).clone()),
                None => unchanged += 1,
            }
            let known = earlier.additions.iter();
            additions.extend(known.filter(|(id, _)| *id == desired.id).cloned());
            let known = earlier.unlabelled.get(&desired.id);
            unlabelled.extend(known.map(|live| (desired.id.clone(), live.clone())));
            continue;
        }
        doubtful.push(desired);
    }
    let autoscalers = Autoscalers::of(program, live, allowed);
    let inventories = Inventories::default();
    let around = &Around {
        cluster,
        program,
        allowed,
        autoscalers,
        inventories,
    };
    let mut judged = stream::iter(doubtful)
        .map(|desired| async move {
            let one = match live.get(&desired.id) {
                Some(found) if live.is_equal(&desired.id) => {
                    let added = live.additions(&desired.id).to_vec();
                    equal(around, desired, &found, added).await
                }
                found => judge(around, desired, found).await,
            };
            one.map(|one| (desired, one))
        })
        .buffer_unordered(IN_FLIGHT);
    while let Some(judged) = judged.next().await {
        let (desired, one) = judged?;
        match one.step {
            Some(step) => steps.push(step),
            None => unchanged += 1,
        }
        unlabelled.extend(one.unlabelled.map(|live| (desired.id.clone(), live)));
        let added = one.additions.into_iter();
        additions.extend(added.map(|added| (desired.id.clone(), added)));
    }
    additions.sort_by(|a, b| (&a.0, &a.1.path).cmp(&(&b.0, &b.1.path)));
    Ok(Judged {
        steps,
        unchanged,
        additions,
        in_terminating,
        unlabelled,
    })
}

/// Whether the platform has the definition of a kind.
fn is_defined(program: &Program<'_>, kind: Kind) -> bool {
    let id = ObjectId {
        namespace: None,
        kind: Kind::DEFINITION,
        name: format!("{}.{}", kind.plural(), kind.group()).into(),
    };
    program.object(&id).is_some()
}

fn not_served(kind: Kind) -> Failure {
    let (plural, api_version) = (kind.plural(), kind.api_version());
    Failure::new(format!(
        "the cluster does not serve `{plural}` of {api_version}"
    ))
    .help("install its CustomResourceDefinition first, or take the definition with `manifests`, which also says the plural and the scope of the kind")
}

/// An object that is as the platform says, but for what others added.
async fn equal(
    around: &Around<'_>,
    desired: &Desired,
    live: &Value,
    added: Vec<Addition>,
) -> Result<One, Failure> {
    let id = &desired.id;
    let added = without_defaults(around.cluster, desired, added).await?;
    let (taken, additions) = split(added, id, around.allowed);
    if taken.is_empty() {
        return Ok(One {
            additions,
            ..One::default()
        });
    }
    let changes: Vec<FieldChange> = taken.iter().map(removal).collect();
    let step = ObjectChange {
        consequences: consequences(id, live, live, &changes),
        changes,
        removes: taken.into_iter().map(|addition| addition.path).collect(),
        uid: uid(live),
        fingerprint: Some(fingerprint(around.program.manager(), id.kind, live)),
        ..step(id, Action::Update)
    };
    Ok(One {
        step: Some(step),
        additions,
        ..One::default()
    })
}

/// What others added to an object, as the server has it or would have it.
fn of_object(program: &Program<'_>, desired: &Desired, object: &Value) -> Vec<Addition> {
    let body = desired.body.value();
    additions(
        program.manager(),
        desired.id.kind,
        &body,
        object,
        Table::whole(),
    )
}

/// What of the additions goes, and what stays.
fn split(added: Vec<Addition>, id: &ObjectId, allowed: &Allowed) -> (Vec<Addition>, Vec<Addition>) {
    let is_taken = |addition: &Addition| takes(&allowed.take_from, id, addition);
    added.into_iter().partition(is_taken)
}

fn removal(addition: &Addition) -> FieldChange {
    FieldChange {
        path: addition.path.clone(),
        old: Some(addition.value.clone()),
        new: addition.usual.clone(),
    }
}

/// Whether no client has written an object between two readings, so that the server would say the same of it.
fn is_as_then(id: &ObjectId, then: &Live, now: &Live) -> bool {
    let namespace = id.namespace.as_deref();
    let version = |live: &Live| {
        let object = live.get(id)?;
        let version = object["metadata"]["resourceVersion"].as_str();
        Some(version.unwrap_or_default().to_owned())
    };
    namespace.is_none_or(|name| then.has_namespace(name)) && version(then) == version(now)
}

/// What every object is judged by.
struct Around<'a> {
    cluster: &'a Cluster,
    program: &'a Program<'a>,
    allowed: &'a Allowed,
    autoscalers: Autoscalers,
    inventories: Inventories,
}

/// The step for one object that is not certainly as the platform says. `found` is what carries the platform's label.
async fn judge(
    around: &Around<'_>,
    desired: &Desired,
    found: Option<Value>,
) -> Result<One, Failure> {
    let id = &desired.id;
    let may_apply = around.cluster.may_apply(id, found.is_none()).await?;
    let is_labelled = found.is_some();
    let (live, first) = match found {
        Some(live) => (live, None),
        None if !may_apply => match around.cluster.call(Call::get(id.path())).await {
            // It is there without the platform's label.
            Ok(answer) => (answer.body, None),
            Err(error) if error.is_not_found() => {
                let step = ObjectChange {
                    is_unjudged: true,
                    ..step(id, Action::Create)
                };
                return Ok(step.into());
            }
            Err(error) => return Err(error.into()),
        },
        None => {
            let first = dry_run(around, desired, None, None).await;
            if let Ok((answer, _)) = &first
                && answer.is_created
            {
                let step = ObjectChange {
                    warnings: answer.warnings.clone(),
                    ..step(id, Action::Create)
                };
                return Ok(step.into());
            }
            match around.cluster.call(Call::get(id.path())).await {
                // It is there without the platform's label.
                Ok(answer) => (answer.body, Some(first)),
                Err(error) if error.is_not_found() => {
                    return judged(around, desired, None, first, None).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    let one = judge_live(around, desired, &live, first, may_apply).await?;
    let unlabelled =
        (!is_labelled && id.kind.is_workload()).then(|| flows::declared(id.kind, live));
    Ok(One { unlabelled, ..one })
}

/// The step for an object that is there. `first` is the server's answer to a dry run that did not know of it.
async fn judge_live(
    around: &Around<'_>,
    desired: &Desired,
    live: &Value,
    first: Option<Result<(Answer, bool), ApiError>>,
    may_apply: bool,
) -> Result<One, Failure> {
    let id = &desired.id;
    if let Some(failure) = terminating(id, live) {
        return Ok(blocked(id, failure).into());
    }
    let Around {
        cluster, program, ..
    } = around;
    let owner = around.inventories.owner(cluster, program, id, live).await?;
    if let Some(owner) = &owner
        && !around.allowed.take_over
    {
        return Ok(ObjectChange {
            // Where one object is another platform's, the rest may be, too.
            blocks_all: true,
            ..blocked(id, owner.refusal(id))
        }
        .into());
    }
    if !may_apply {
        let added = of_object(program, desired, live);
        return Ok(One {
            step: estimated(around, desired, live),
            additions: without_defaults(cluster, desired, added).await?,
            ..One::default()
        });
    }
    let answer = match first {
        Some(first) if owner.is_none() => first,
        _ => dry_run(around, desired, Some(live), owner.as_ref()).await,
    };
    judged(around, desired, Some(live), answer, owner).await
}

/// The step that an answer of the server means.
async fn judged(
    around: &Around<'_>,
    desired: &Desired,
    live: Option<&Value>,
    answer: Result<(Answer, bool), ApiError>,
    owner: Option<Owner>,
) -> Result<One, Failure> {
    let Around {
        cluster,
        program,
        allowed,
        autoscalers,
        ..
    } = around;
    let id = &desired.id;
    let (answer, is_forced) = match answer {
        Ok(judged) => judged,
        Err(ApiError::Unreachable(message)) => {
            return Err(ApiError::Unreachable(message).into());
        }
        Err(ApiError::Refused(refusal)) if awaits_role(desired, &refusal, program) => {
            let step = ObjectChange {
                is_unjudged: true,
                ..step(id, Action::Create)
            };
            return Ok(step.into());
        }
        Err(ApiError::Refused(refusal)) => {
            let step = refused(cluster, program, desired, live, &refusal, allowed).await?;
            let added = live.map(|live| of_object(program, desired, live));
            let added = added.unwrap_or_default();
            return Ok(One {
                step: Some(step),
                additions: without_defaults(cluster, desired, added).await?,
                ..One::default()
            });
        }
    };
    let Some(live) = live else {
        let step = ObjectChange {
            warnings: answer.warnings,
            ..step(id, Action::Create)
        };
        return Ok(step.into());
    };
    let added = of_object(program, desired, &answer.body);
    let added = without_defaults(cluster, desired, added).await?;
    let (taken, additions) = split(added, id, allowed);
    let mut follows = Vec::new();
    let inherits = owner.map(|owner| {
        follows.push(format!("taken over from platform `{}`", owner.platform));
        owner.manager
    });
    let mut changes = differences(live, &answer.body);
    if id.kind.is_workload() && autoscalers.desired.contains(&workload(id)) {
        // The number is handed over, not reset.
        changes.retain(|change| !change.path.is(&["spec", "replicas"]));
    }
    changes.extend(taken.iter().map(removal));
    let removes = taken.into_iter().map(|addition| addition.path).collect();
    let own = |object: &Value| {
        program
            .manager()
            .entry(object)
            .map(|own| own["fieldsV1"].clone())
    };
    let before = own(live);
    let is_ours = before.is_some();
    let action = match (changes.is_empty(), is_ours) {
        (true, true) if before == own(&answer.body) => {
            return Ok(One {
                additions,
                ..One::default()
            });
        }
        (true, false) => Action::Adopt,
        _ => Action::Update,
    };
    if !changes.is_empty() {
        follows.extend(consequences(id, live, &answer.body, &changes));
    }
    let warnings = match changes.is_empty() {
        true => Vec::new(),
        false => answer.warnings,
    };
    let step = ObjectChange {
        consequences: follows,
        changes,
        removes,
        warnings,
        uid: uid(live),
        is_forced,
        fingerprint: Some(fingerprint(program.manager(), id.kind, live)),
        inherits,
        ..step(id, action)
    };
    Ok(One {
        step: Some(step),
        additions,
        ..One::default()
    })
}

/// The step for one object without a dry run, for an account that may not apply it; `None` if it stays
/// as it is.
fn estimated(around: &Around<'_>, desired: &Desired, live: &Value) -> Option<ObjectChange> {
    let id = &desired.id;
    let entry = around.program.manager().entry(live);
    let new = estimate::applied(&desired.body.value(), live, entry);
    let mut changes = differences(live, &new);
    if id.kind.is_workload() && around.autoscalers.desired.contains(&workload(id)) {
        changes.retain(|change| !change.path.is(&["spec", "replicas"]));
    }
    (!changes.is_empty()).then(|| ObjectChange {
        consequences: consequences(id, live, &new, &changes),
        changes,
        uid: uid(live),
        is_unjudged: true,
        fingerprint: Some(fingerprint(around.program.manager(), id.kind, live)),
        ..step(id, Action::Update)
    })
}

/// What is said of a plan in which objects were not judged by the server though it could.
///
/// # Errors
///
/// The cluster's.
pub(super) async fn unjudged(
    cluster: &Cluster,
    steps: &[ObjectChange],
    live: &Live,
) -> Result<Option<String>, ApiError> {
    let is_there = |step: &&ObjectChange| {
        let namespace = step.id.namespace.as_deref();
        let is_there = namespace.is_none_or(|name| live.has_namespace(name));
        step.is_unjudged && is_there && live.serves(step.id.kind)
    };
    let mut count = 0;
    for step in steps.iter().filter(is_there) {
        let is_new = step.action == Action::Create;
        count += usize::from(!cluster.may_apply(&step.id, is_new).await?);
    }
    let objects = match count {
        0 => return Ok(None),
        1 => "1 object was".to_owned(),
        count => format!("{count} objects were"),
    };
    Ok(Some(format!(
        "{objects} compared without a dry run, because this account may not apply them: conflicts with other managers, admission, immutable fields and values that the server normalizes are not judged"
    )))
}

/// The server's judgement, by force only where the user said whose fields may be taken.
async fn dry_run(
    around: &Around<'_>,
    desired: &Desired,
    found: Option<&Value>,
    owner: Option<&Owner>,
) -> Result<(Answer, bool), ApiError> {
    let Around {
        cluster,
        program,
        allowed,
        autoscalers,
        ..
    } = around;
    let body = body_for(&desired.body.value(), found.and_then(uid).as_deref());
    let manager = match owner {
        Some(owner) => owner.manager.as_str(),
        None => program.manager().acting(found),
    };
    let call = Call::apply(&desired.id, &body, manager).dry_run();
    match cluster.call(call.clone()).await {
        Err(ApiError::Refused(refusal))
            if refusal.is_field_conflict()
                && (may_take_all(&refusal, &desired.id, allowed, owner)
                    || is_left_by_autoscaler(desired, found, &refusal, autoscalers)) =>
        {
            Ok((cluster.call(call.forced()).await?, true))
        }
        Ok(answer) => Ok((answer, false)),
        Err(error) => Err(error),
    }
}
