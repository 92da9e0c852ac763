//! What would change: lists first, the walk through `managedFields` next, and a dry run of
//! server-side apply for what is left. The dry run is the judge; the fields shown are those in
//! which its answer differs from the live object.

mod conflict;
mod downtime;
mod judge;
mod left_out;
mod leftovers;
mod lost_data;
mod names;
mod refused;
mod replace;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use erpc_model::ServiceId;

use crate::additions::Addition;
use crate::allowed::Allowed;
use crate::change::{Action, ObjectChange, step};
use crate::claims::{self, Growth};
use crate::client::Cluster;
use crate::failure::Failure;
use crate::identity::Identity;
use crate::live::{Live, MissingSecret, missing_secrets};
use crate::object::{ObjectId, Packed, TOOL};
use crate::owner;
use crate::program::Program;
use erpc_emit::{DEFAULT_DENY, Kind};

use judge::{Earlier, Judged};
pub use left_out::LeftOut;
pub(crate) use leftovers::has_ended;
pub(crate) use replace::is_orphaning;

/// A plan.
#[derive(Debug)]
pub struct Plan {
    /// What changes, sorted by namespace, name and kind.
    pub steps: Vec<ObjectChange>,
    /// What is not done, because something that it needs is blocked.
    pub left_out: Vec<LeftOut>,
    /// The services whose pods would change and do not, because something is blocked.
    pub(crate) held: BTreeSet<ServiceId>,
    /// How many objects stay as they are.
    pub unchanged: usize,
    /// What others added to declared objects, and stays.
    pub additions: Vec<(ObjectId, Addition)>,
    /// Workloads of the source that run without the platform's label.
    pub(crate) unlabelled: BTreeMap<ObjectId, Packed>,
    /// Secrets that must be made first.
    pub missing_secrets: Vec<MissingSecret>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// The connections that open and close; `None` where nothing has a say in them.
    pub flows: Option<crate::flows::FlowChanges>,
    /// Why nothing of it may be done.
    pub refused: Vec<Failure>,
    /// What the cluster holds.
    pub live: Live,
    /// What the user allowed.
    pub allowed: Allowed,
    /// When it was made.
    made: Instant,
}

/// So long the server's judgement of an object counts, if no client has written that object since.
const JUDGED_FOR: Duration = Duration::from_secs(60);

impl Plan {
    /// Reads the cluster and compares. Changes nothing.
    ///
    /// # Errors
    ///
    /// The cluster's. What blocks an object is in the plan.
    pub async fn compute(
        cluster: &Cluster,
        program: &Program<'_>,
        allowed: &Allowed,
    ) -> Result<Self, Failure> {
        Self::made(cluster, program, allowed, None).await
    }

    /// The same again, after a moment: what the server said of an object counts still where no client has
    /// written that object since.
    pub(crate) async fn again(
        &self,
        cluster: &Cluster,
        program: &Program<'_>,
    ) -> Result<Self, Failure> {
        let earlier = Some(self).filter(|plan| plan.made.elapsed() < JUDGED_FOR);
        Self::made(cluster, program, &self.allowed, earlier).await
    }

    /// What stands of it for a plan that is made a moment later.
    fn as_earlier(&self) -> Earlier<'_> {
        let left_out = self.left_out.iter().filter_map(|left| left.step.as_ref());
        let steps = self.steps.iter().chain(left_out);
        Earlier {
            live: &self.live,
            steps: steps.map(|step| (&step.id, step)).collect(),
            additions: &self.additions,
            unlabelled: &self.unlabelled,
        }
    }

    async fn made(
        cluster: &Cluster,
        program: &Program<'_>,
        allowed: &Allowed,
        earlier: Option<&Self>,
    ) -> Result<Self, Failure> {
        let made = Instant::now();
        let live = Live::read(cluster, program).await?;
        names::check(program, &live, allowed)?;
        let (identity, secrets) = futures_util::join!(
            Identity::read(cluster, program),
            missing_secrets(cluster, program, &live)
        );
        let Identity {
            mut refused,
            unchecked: mut notes,
            notes: differs,
        } = identity;
        notes.extend(differs);
        let (missing_secrets, unchecked) = secrets;
        notes.extend(unchecked);
        refused.extend(wrong_inventory(cluster, program, &live));
        if !allowed.take_over {
            refused.extend(owner::other_source(program, live.inventory.as_ref()));
        }
        if !allowed.even_if_gitops {
            refused.extend(crate::masters::refusal(program, &live));
        }
        let earlier = earlier.map(Self::as_earlier);
        let judged = judge::judge_all(cluster, program, &live, allowed, earlier.as_ref()).await?;
        names::check_managers(cluster, &live, &judged.steps, allowed).await?;
        let Judged {
            mut steps,
            unchanged,
            additions,
            in_terminating,
            unlabelled,
        } = judged;
        downtime::say_together(&mut steps, program, &live);
        notes.extend(judge::unjudged(cluster, &steps, &live).await?);
        let mut plan = Self {
            steps,
            left_out: Vec::new(),
            held: BTreeSet::new(),
            unchanged,
            additions,
            unlabelled,
            missing_secrets,
            notes,
            flows: None,
            refused,
            live,
            allowed: allowed.clone(),
            made,
        };
        if let Some([before, after]) = plan.switched_profile(program) {
            plan.notes.push(format!(
                "{before} was applied last, and this is {after}: what that one had besides is pruned only with --prune and --confirm"
            ));
        }
        plan.note_renamed_managers(program);
        plan.find_leftovers(cluster, program).await?;
        plan.refuse_lost_data(program);
        plan.find_growing(cluster, program).await?;
        plan.leave_out(program, in_terminating);
        plan.find_peers(program);
        plan.find_shortages(cluster, program).await;
        plan.find_flows(cluster, program).await?;
        if allowed.revoke {
            plan.notes.push(
                "--revoke: what closes does so before the rollouts, and pods of the earlier revision lose it at once".to_owned(),
            );
        }
        plan.steps.sort_by(|a, b| order(&a.id).cmp(&order(&b.id)));
        Ok(plan)
    }

    /// Whether anything would be written: leftovers only where pruning is allowed.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.work().next().is_some()
    }

    /// The steps that an apply takes.
    pub fn work(&self) -> impl Iterator<Item = &ObjectChange> {
        let prunes =
            |step: &ObjectChange| self.allowed.prune || self.allowed.revoke && self.grants(step);
        self.steps.iter().filter(move |step| match step.action {
            Action::Blocked => false,
            Action::Prune => prunes(step),
            _ => true,
        })
    }

    /// Whether an object that left the source grants something by being there. A policy does in a
    /// namespace that is closed; in an open one its pods would be open without it.
    pub(crate) fn grants(&self, step: &ObjectChange) -> bool {
        let id = &step.id;
        match id.kind {
            Kind::Ingress
            | Kind::Role
            | Kind::ClusterRole
            | Kind::RoleBinding
            | Kind::ClusterRoleBinding => true,
            Kind::NetworkPolicy if id.name == DEFAULT_DENY || step.opens => false,
            Kind::NetworkPolicy => self.live.contains(&ObjectId {
                name: DEFAULT_DENY.into(),
                ..id.clone()
            }),
            _ => false,
        }
    }

    /// Whether something must be decided or made before anything is written.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        !self.missing_secrets.is_empty() && self.allowed.wait_for_secrets.is_none()
            || !self.refused.is_empty()
            || self.steps.iter().any(|step| step.blocks_all)
            || !self.has_work() && self.is_partly_blocked()
    }

    /// Whether some objects are blocked, and what needs them is left out.
    #[must_use]
    pub fn is_partly_blocked(&self) -> bool {
        self.count(Action::Blocked) > 0
    }

    /// A policy on the other side of a flow is part of the peer.
    fn find_peers(&mut self, program: &Program<'_>) {
        let peers = program.peers_outside(&self.live);
        if !peers.is_empty() {
            let flags: Vec<String> = peers.iter().map(|peer| format!("--only {peer}")).collect();
            self.notes.push(format!(
                "flows to and from {} may stay as they are: the policies of these are not selected and differ; add {}",
                peers.join(", "),
                flags.join(" ")
            ));
        }
    }

    /// The profiles before and after, where another one was applied last: what is missing from the
    /// program then may only be off.
    #[must_use]
    pub fn switched_profile(&self, program: &Program<'_>) -> Option<[String; 2]> {
        let before = &self.live.inventory.as_ref()?.meta.profile;
        let name = |profile: &Option<String>| match profile {
            Some(name) => format!("the profile `{name}`"),
            None => "no profile".to_owned(),
        };
        (*before != program.profile).then(|| [name(before), name(&program.profile)])
    }

    /// The objects whose entries in `managedFields` become the platform's before anything of them is
    /// written, with the manager that has them.
    pub(crate) fn inherited(&self) -> Vec<(ObjectId, String)> {
        let former = self.live.former().map(|id| (id.clone(), TOOL.to_owned()));
        let taken = self.work().filter_map(|step| {
            let manager = step.inherits.clone()?;
            Some((step.id.clone(), manager))
        });
        former.chain(taken).collect()
    }

    fn note_renamed_managers(&mut self, program: &Program<'_>) {
        let what = match self.live.former().count() {
            0 => return,
            1 => "1 object".to_owned(),
            many => format!("{many} objects"),
        };
        self.notes.push(format!(
            "an apply changes the field manager of {what} from `{TOOL}` to `{}`; no field changes, no pod restarts",
            program.manager().name()
        ));
    }

    /// How many steps of a kind there are.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|s| s.action == action).count()
    }

    /// Finds out whether quotas have capacity, where pods would be made.
    async fn find_shortages(&mut self, cluster: &Cluster, program: &Program<'_>) {
        let makes_pods = |step: &ObjectChange| step.id.kind.is_workload() && !step.action.deletes();
        if !self.work().any(makes_pods) {
            return;
        }
        let names = self.live.namespaces_of(program);
        match crate::quota::shortages(cluster, program, &names).await {
            Ok(shortages) => self.refused.extend(shortages),
            Err(error) => self
                .notes
                .push(format!("whether the quotas suffice is unchecked: {error}")),
        }
    }

    /// Finds the claims that are smaller than the source declares.
    async fn find_growing(
        &mut self,
        cluster: &Cluster,
        program: &Program<'_>,
    ) -> Result<(), Failure> {
        for claim in claims::growing(cluster, program, &self.live).await? {
            if claim.state == Growth::ToAsk {
                self.steps.push(ObjectChange {
                    changes: vec![claim.change()],
                    uid: claim.uid.clone(),
                    ..step(&claim.id, Action::Grow)
                });
            } else {
                self.notes.push(format!("{}: {}", claim.id, claim.why()));
            }
        }
        Ok(())
    }

    /// Finds out which connections the plan opens and closes.
    async fn find_flows(
        &mut self,
        cluster: &Cluster,
        program: &Program<'_>,
    ) -> Result<(), Failure> {
        if !self.work().any(|step| crate::flows::matters(step.id.kind)) {
            return Ok(());
        }
        let pruned: BTreeSet<ObjectId> = self
            .work()
            .filter(|step| step.action.deletes())
            .map(|step| step.id.clone())
            .collect();
        let blocked = self.steps.iter().filter(|s| s.action == Action::Blocked);
        let left_out = self.left_out.iter().map(|left| left.id.clone());
        let stays: BTreeSet<ObjectId> = blocked.map(|s| s.id.clone()).chain(left_out).collect();
        let start = crate::flows::Start {
            live: &self.live,
            unlabelled: &self.unlabelled,
        };
        let flows = crate::flows::of_plan(cluster, program, &start, &pruned, &stays).await?;
        self.flows = Some(flows);
        Ok(())
    }
}

/// By namespace and name, so that the objects of a service stand together.
fn order(id: &ObjectId) -> (Option<&str>, &str, Kind) {
    (id.namespace.as_deref(), &id.name, id.kind)
}

fn wrong_inventory(cluster: &Cluster, program: &Program<'_>, live: &Live) -> Option<Failure> {
    let meta = &live.inventory.as_ref()?.meta;
    if meta.cluster != cluster.uid {
        return Some(
            Failure::new(format!(
                "the inventory of `{}` was written for another cluster (kube-system is {}, it names {})",
                program.name(),
                cluster.uid,
                meta.cluster
            ))
            .help("the state of one cluster was restored into another: delete the ConfigMap in erpc-system, then plan again"),
        );
    }
    None
}
