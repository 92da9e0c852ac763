//! The statements of services and jobs.

use erpc_diagnostics::{Diagnostic, codes, nearest};
use erpc_syntax::tree::{Expr, ExprKind};
use smol_str::SmolStr;

use super::labels::{self, Pairs};
use super::slo::{self, Promise};
use super::{
    Availability, ClaimMount, Config, Container, Grant, Identity, Latency, Patch, Port, Reader,
    Scaling, Scratch, SecretMount, Volume, duration, statements, text,
};
use crate::choice::choices;
use crate::ids::{ServiceId, TierId};
use crate::kubernetes;
use crate::origin::Sourced;
use crate::platform::Defaults;
use crate::shown::{Names, Shown};
use crate::units::{Duration, Percent, Range};

/// The greatest number of a user or a group: Kubernetes takes 31 bits; OpenShift gives each namespace a range above
/// 1,000,000,000.
const MAX_ID: u32 = 2_147_483_647;

statements! {
    /// The plain statements of a service or job.
    ServiceProperties() {}

    defaults: Sourced<Defaults> = "defaults strict|kubernetes" [Service Job]
        "What decides where the source sets nothing [default: as in the namespace].",
        default Defaults::Strict,
        read Defaults::read;
    tier: Option<Sourced<TierId>> = "tier NAME" [Service Job]
        "Its tier, if it is another one than that of its namespace.",
        read |reader| {
            let name = reader.name("the tier's name")?;
            reader.finish();
            reader.refer_at(name.span, |names, _| names.tier(&name))
        },
        members {};
    title: Option<Sourced<String>> = "title \"…\"" [Service Job]
        "A short name for people.",
        read text;
    repo: Option<Sourced<String>> = "repo \"org/name\"" [Service Job]
        "Where the source of the image lives.",
        read text;
    labels: Pairs = "labels KEY = \"value\", …" ByPair [Service Job]
        "Labels of the workload and its pods.",
        read labels::labels;
    annotations: Pairs = "annotations KEY = \"value\", …" ByPair [Service Job]
        "Annotations of the workload and its pods.",
        read labels::annotations;
    identity: Option<Identity> = "identity { workload \"NAME\"; container \"NAME\"; selector KEY = \"value\", …; service \"NAME\" …; governing \"NAME\"; account \"NAME\" … }" [Service Job]
        "Keeps the names and the selector of objects that exist already, and adds no label to their pods.",
        parts {
            "workload \"NAME\""
                "The name of the Deployment, StatefulSet, DaemonSet, Job or CronJob [default: the name of the service]. A Job with this name is replaced when its pods change; by default each change makes a new Job."
            "container \"NAME\""
                "The name of the main container [default: the name of the service]."
            "selector KEY = \"value\", …"
                "The labels that select the pods and that the pods have [default: `app.kubernetes.io/name` with the name of the service]. Kubernetes allows no change of it."
            "selector off"
                "Of a job: nothing selects its pods, and no label is added to them. No flow can be theirs, unless their namespace is open."
            "service \"NAME\" [for PORT, …] [headless] [unnamed] [{ labels KEY = \"value\", …; annotations KEY = \"value\", … }]"
                "A Service with all ports or with these [default: one with the name of the service and all its ports, headless for a StatefulSet]. Clients use the first that has the port; several lines are several Services. `unnamed`: its only port has no name. The block has labels and annotations of the Service itself."
            "service off"
                "No Service; nothing can use the address of the service."
            "ports unnamed"
                "The ports of the containers have no names in the pods [default: those of the source]."
            "governing \"NAME\""
                "The Service that gives the pods of a StatefulSet their names [default: the first headless Service, else the first]. It may be one that the platform does not have."
            "account \"NAME\" [{ annotations KEY = \"value\", … }]"
                "The ServiceAccount of the pods, which services of one namespace may share; `default` is the one that every namespace has."
            "account from \"NAME\""
                "A ServiceAccount that a raw manifest or another tool creates."
        },
        layers |properties, reader| Identity::update(&mut properties.identity, reader),
        members { identity: bool, "Whether it keeps the identity of objects that exist already." => |identity| identity.is_some() };
    run: Option<Sourced<RunAs>> = "run as UID[:GID]" [Service Job]
        "The user, never root, and the group that the containers run as.",
        read RunAs::read,
        members {
            uid: Option<u32>, "The user that it runs as." => |run| run.as_ref().map(|run| run.value.uid),
            gid: Option<u32>, "The group that it runs as." => |run| run.as_ref().map(|run| run.value.gid),
        };
    priority: Option<Sourced<SmolStr>> = "priority CLASS" [Service Job]
        "The PriorityClass of the pods: higher ones are scheduled first, and lower ones make way for them.",
        read |reader| {
            let class = reader.class_name("the name of a PriorityClass", "PriorityClass");
            reader.finish();
            class
        };
    spread: Option<Sourced<Spread>> = "spread by node|zone" [Service]
        "Over what the pods are spread.",
        read |reader| { reader.keyword("by")?; reader.choice() },
        show |over| format!("by {over}");
    disruption: Option<Sourced<u32>> = "disruption min N" [Service]
        "How many pods a drain must leave.",
        read |reader| { reader.keyword("min")?; reader.count("a number of pods", 0..=10_000) },
        show |pods| format!("min {pods}");
    deadline: Option<Sourced<Duration>> = "deadline TIME" [Job]
        "How long a run of the job may take, all its tries together, before it is stopped.",
        read whole_seconds;
    retries: Option<Sourced<u32>> = "retries N" [Job]
        "How often a failed run is retried [default: 6].",
        read |reader| reader.count("how often it is tried again", 0..=1_000);
    time_zone: Option<Sourced<String>> = "time-zone \"Area/City\"" [Job]
        "The time zone of the schedule [default: that of the cluster's control plane].",
        read time_zone;
    history: Option<Sourced<History>> = "history succeeded N, failed N" [Job]
        "How many runs of the schedule are kept [default: 3 that succeeded, 1 that failed].",
        read History::read;
    rto: Option<Sourced<Duration>> = "rto TIME" [Service]
        "How long it may take to be back after a failure.",
        read duration;
    rpo: Option<Sourced<Duration>> = "rpo TIME" [Service]
        "How much of the latest data a failure may cost.",
        read duration;
    access: Option<Sourced<Access>> = "access by port-forward" [Service]
        "Operators reach it through the API server; nothing else needs to.",
        read |reader| { reader.keyword("by")?; reader.choice() },
        show |way| format!("by {way}"),
        members { accessed: bool, "Whether operators reach it by port-forward." => |way| way.is_some() };
}

statements! {
    /// The statements of services and jobs that depend on others or have parts of their own.
    ServiceStatements() {
        /// `slo latency`.
        latency: Vec<Sourced<Latency>>,
        /// `volume NAME from claim "NAME"`.
        claims: Vec<ClaimMount>,
    }

    ports: Vec<Port> = "port NAME NUMBER[..NUMBER][/proto] [-> CONTAINERPORT] [host]" ByKey [Service Job Sidecar]
        "A port by its name, a sidecar's too; flows, probes and routes refer to it.",
        read |reader| Some(vec![Port::read(reader, None)?]),
        members {};
    scaling: Scaling = "replicas N | replicas per node" [Service]
        "How many pods there are [default: 1], or one on each node.",
        read Scaling::read_replicas,
        members {
            replicas: Range<u32>, "How many pods there are, at least and at most." => Scaling::bounds,
            autoscaled: bool, "Whether an autoscaler owns the number of pods."
                => |scaling| matches!(scaling, Scaling::Auto(_)),
        },
        also "scale MIN..MAX on cpu PERCENT, memory PERCENT" [Service]
            "Between how many pods the autoscaler moves, and on what."
            update |service, reader| service.scaling.update_scale(reader);
    volumes: Vec<Volume> = "volume NAME SIZE [at \"path\"] [class NAME] [shared|once] | volume NAME from claim \"NAME\" [at \"path\"]" ByKey [Service Job]
        "Storage that outlives the pod: a claim for each replica, which makes the service a StatefulSet, one claim for all, or a claim that exists.",
        parts {
            "at \"path\""
                "Where the main container mounts it; `mount` mounts it elsewhere."
            "class NAME"
                "The storage class [default: that of the cluster]."
            "shared"
                "One claim that all replicas mount at the same time (ReadWriteMany)."
            "once"
                "One claim that one node at a time mounts (ReadWriteOnce). The service is a Deployment, and with `defaults strict` its old pod ends before the new one starts."
            "from claim \"NAME\""
                "A PersistentVolumeClaim that exists, or that another service declares with `shared` or `once`. It is neither made nor deleted for this service."
        },
        update |service, reader| Volume::update(&mut service.volumes, &mut service.claims, reader),
        rows |service, names| ClaimMount::rows(&service.volumes, &service.claims, names),
        members {};
    scratch: Vec<Scratch> = "scratch NAME [SIZE] [in memory] [at \"path\"]" ByKey [Service Job]
        "Empty space that the containers of a pod share and that ends with the pod (an emptyDir). `writable` is the short form for one container.",
        parts {
            "SIZE"
                "How much it may hold: a pod that writes more is evicted [default: as much as the node has]."
            "in memory"
                "It is memory, and counts as such for the containers that write it."
            "at \"path\""
                "Where the main container mounts it; `mount` mounts it elsewhere."
        },
        read |reader| Some(vec![Scratch::read(reader)?]),
        members {};
    configs: Vec<Config> = "config NAME { \"file\" = TEXT } | config NAME from \"name\" [at \"dir\"] [only \"key\" [as \"file\"], …] [mode MODE] [optional]" ByKey [Service Job]
        "Files that the containers read: a ConfigMap with this content, or one that exists.",
        parts {
            "from \"name\""
                "A ConfigMap that exists in the namespace. It is neither made nor deleted for this service."
            "at \"dir\""
                "The folder in which the main container has the files; `mount` mounts them elsewhere."
            "only \"key\" [as \"file\"], …"
                "The keys that are files, each under another path if it has one [default: all keys]."
            "mode MODE"
                "The permissions of the files in octal, such as `0440` [default: 0644]."
            "optional"
                "The pod starts without the ConfigMap too."
        },
        read |reader| Some(vec![Config::read(reader)?]),
        members {};
    secret_mounts: Vec<SecretMount> = "secret NAME [at \"dir\"] [only \"key\" [as \"file\"], …] [mode MODE] [optional]" ByKey [Service Job]
        "Mounts the keys of a Secret as files.",
        parts {
            "at \"dir\""
                "The folder in which the main container has the files; `mount` mounts them elsewhere."
            "only \"key\" [as \"file\"], …"
                "The keys that are files, each under another path if it has one [default: all keys]."
            "mode MODE"
                "The permissions of the files in octal, such as `0400` [default: 0440 with `defaults strict` and `run as`, else 0644]."
            "optional"
                "The pod starts without the Secret too."
        },
        read |reader| Some(vec![SecretMount::read(reader)?]),
        members {};
    stateful: Option<Sourced<bool>> = "stateful" [Service]
        "Makes the service a StatefulSet without a volume: each replica has a name of its own, and they start one after the other.",
        read |reader| {
            reader.finish();
            Some(reader.sourced(true, reader.statement()))
        },
        members { stateful: bool, "Whether it is a StatefulSet by `stateful`." => |stateful| stateful.is_some() };
    availability: Option<Sourced<Availability>> = "slo availability PERCENT [over TIME] | slo latency pNN < TIME" ByKey [Service]
        "What clients are promised; the availability is by default that of the namespace.",
        update |service, reader| match Promise::read(reader) {
            Some(Promise::Availability(promise)) => service.availability = Some(promise),
            Some(Promise::Latency(promise)) => service.latency.push(promise),
            None => {}
        },
        rows |service, _| slo::facts(service.availability.as_ref(), &service.latency),
        members {
            availability: Option<Percent>, "The share of good time that it promises."
                => |slo| slo.as_ref().map(|slo| slo.value.share),
        };
    after: Vec<Sourced<ServiceId>> = "after NAME, …" Append [Service Job]
        "What must be ready before this starts.",
        read |reader| {
            let after = reader.list(|reader| {
                let expr = reader.expr("a service")?;
                reader.refer_at(expr.span, |names, at| names.service(expr, at))
            });
            reader.finish();
            Some(after)
        };
    grants: Vec<Grant> = "grants VERB, … on RESOURCE, … [in cluster] [because \"…\"]" Append [Service Job]
        "What the ServiceAccount of the service may do at the Kubernetes API.",
        read Grant::read,
        members {};
    sidecars: Vec<Container> = "sidecar NAME { … }" Inside [Service Job]
        "A container that runs beside the main one and starts before it.",
        members {};
    inits: Vec<Container> = "init NAME { … }" Inside [Service Job]
        "A container that runs to its end before the others.",
        members {};
    patches: Vec<Patch> = "patch KIND [NAME] { path = VALUE } | patch KIND [NAME] \"\"\"YAML\"\"\" | patch KIND [NAME] from \"file\"" Append [Service Job]
        "Sets fields that the language has no statement for, or applies a strategic merge patch: to the emitted object with this name, or to all of the kind.",
        read |reader| Some(vec![Patch::read(reader)?]),
        members {};
}

impl ServiceProperties {
    /// The statements of a job that need a schedule.
    pub(crate) const OF_SCHEDULES: [&'static str; 2] = ["time-zone", "history"];
}

choices! {
    /// Over what the pods of a service are spread.
    Spread {
        /// `kubernetes.io/hostname`
        Node = "node",
        /// `topology.kubernetes.io/zone`
        Zone = "zone",
    }
    /// How operators reach a service.
    Access {
        /// Through the API server.
        PortForward = "port-forward",
    }
}

/// The user and the group that containers run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// The user, never 0.
    pub uid: u32,
    /// The group [default: the number of the user].
    pub gid: u32,
}

impl RunAs {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        reader.keyword("as")?;
        let expr = reader.last("the user's number")?;
        if !reader.has_value(expr) {
            reader.report(
                Diagnostic::new(&codes::WRONG_TYPE, "expected the number of a user, found a name")
                    .at(expr.span, "a name")
                    .help("look it up in the image: `docker run --rm --entrypoint id IMAGE NAME`, and write `run as 101:101`"),
            );
            return None;
        }
        let (user, group): (&Expr, Option<&Expr>) = match &expr.kind {
            ExprKind::Pair(user, group) => (user, Some(group)),
            _ => (expr, None),
        };
        let uid = reader.count_of(user, &(0..=MAX_ID));
        let gid = group.map_or(uid, |group| reader.count_of(group, &(0..=MAX_ID)));
        let (uid, gid) = (uid?, gid?);
        if uid == 0 {
            reader.report(
                Diagnostic::new(&codes::OUT_OF_RANGE, "a container must not run as root")
                    .at(user.span, "user 0 is root")
                    .help("use the unprivileged user of the image, such as `run as 1000:1000`"),
            );
            return None;
        }
        Some(reader.sourced(Self { uid, gid }, expr.span))
    }
}

impl RunAs {
    /// `1000`, or `1000:2000` where the group has another number.
    #[must_use]
    pub fn ids(&self) -> String {
        if self.gid == self.uid {
            self.uid.to_string()
        } else {
            format!("{}:{}", self.uid, self.gid)
        }
    }
}

impl Shown for RunAs {
    fn show(&self, _: &dyn Names) -> String {
        format!("as {}", self.ids())
    }
}

/// How many finished runs of a schedule are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Of those that succeeded.
    pub succeeded: Option<u32>,
    /// Of those that failed.
    pub failed: Option<u32>,
}

impl History {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let mut history = Self::default();
        loop {
            let part = reader.part("a history", &["succeeded", "failed"])?;
            let expr = reader.expr("how many runs are kept")?;
            let count = reader.count_of(expr, &(0..=1_000))?;
            match part {
                "succeeded" => history.succeeded = Some(count),
                _ => history.failed = Some(count),
            }
            if !reader.comma() {
                break;
            }
        }
        reader.finish();
        Some(reader.sourced(history, reader.statement()))
    }
}

impl Shown for History {
    fn show(&self, _: &dyn Names) -> String {
        let succeeded = self.succeeded.map(|count| format!("succeeded {count}"));
        let failed = self.failed.map(|count| format!("failed {count}"));
        let parts: Vec<String> = succeeded.into_iter().chain(failed).collect();
        parts.join(", ")
    }
}

/// `activeDeadlineSeconds` of a Job is a whole number of seconds, at least one.
fn whole_seconds(reader: &mut Reader<'_, '_>) -> Option<Sourced<Duration>> {
    let time = duration(reader)?;
    let milliseconds = time.value.0;
    if milliseconds > 0 && milliseconds.is_multiple_of(1000) {
        return Some(time);
    }
    reader.report(
        Diagnostic::new(
            &codes::OUT_OF_RANGE,
            format!(
                "invalid deadline `{}`: must be whole seconds, at least 1s",
                time.value
            ),
        )
        .at(time.span(), "not whole seconds"),
    );
    None
}

fn time_zone(reader: &mut Reader<'_, '_>) -> Option<Sourced<String>> {
    let zone = text(reader)?;
    if kubernetes::is_time_zone(&zone.value) {
        return Some(zone);
    }
    let diagnostic = Diagnostic::new(
        &codes::OUT_OF_RANGE,
        format!("unknown time zone `{}`", zone.value.escape_debug()),
    )
    .at(zone.span(), "not a name of the tz database");
    reader.report(match nearest(&zone.value, kubernetes::time_zones()) {
        Some(near) => diagnostic.help(format!("did you mean `\"{near}\"`?")),
        None => diagnostic.help(
            "write a name of the tz database: `\"Europe/Kyiv\"`, or `\"Etc/GMT-2\"` for UTC+2",
        ),
    });
    None
}
