//! Who acts on an object once the API server has it: an object by itself does nothing. From
//! <https://kubernetes.io/docs/concepts/architecture/> and the pages of the kinds.

use crate::kind::Stage;
use crate::{Kind, Object};

/// A part of Kubernetes, or beside it, that acts on a kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What it is called.
    pub name: &'static str,
    /// What it does with such an object.
    pub does: &'static str,
}

const fn actor(name: &'static str, does: &'static str) -> Actor {
    Actor { name, does }
}

const SCHEDULER: Actor = actor(
    "kube-scheduler",
    "binds each pod to a node that has what it requests",
);
const KUBELET: Actor = actor(
    "kubelet",
    "pulls the images on that node, runs the containers, mounts their volumes, asks their probes",
);
const CLUSTER_DNS: Actor = actor("cluster DNS", "answers with it for the name of the Service");
const ENDPOINTS: Actor = actor(
    "endpointslice controller",
    "lists the addresses of the pods that the selector means, and which are ready",
);
const PROXY: Actor = actor(
    "kube-proxy, or the network plugin in its place",
    "on each node, sends what comes for the Service to one of those pods",
);
const RBAC: Actor = actor(
    "API server, RBAC authorizer",
    "looks it up for each request that an account makes",
);

/// Who acts on an object, in the order in which they do.
#[must_use]
pub fn actors(object: &Object) -> Vec<Actor> {
    match object.kind() {
        Kind::Deployment => vec![
            actor(
                "deployment controller",
                "keeps a ReplicaSet for each revision of the pods, and moves replicas from the old to the new",
            ),
            actor(
                "replicaset controller",
                "makes and removes pods until their number is right",
            ),
            SCHEDULER,
            KUBELET,
        ],
        Kind::DaemonSet => vec![
            actor(
                "daemonset controller",
                "makes a pod for each node that it may run on",
            ),
            SCHEDULER,
            KUBELET,
        ],
        Kind::StatefulSet => vec![
            actor(
                "statefulset controller",
                "makes pods with fixed names one after another, and a claim for each",
            ),
            SCHEDULER,
            KUBELET,
        ],
        Kind::Job => vec![
            actor("job controller", "makes pods until one has ended well"),
            SCHEDULER,
            KUBELET,
        ],
        Kind::CronJob => vec![
            actor(
                "cronjob controller",
                "makes a Job at each time of its schedule",
            ),
            actor("job controller", "makes pods until one has ended well"),
            SCHEDULER,
            KUBELET,
        ],
        Kind::Service => of_service(object),
        Kind::Ingress => vec![actor(
            "ingress controller of its class",
            "opens the routes and serves their certificates",
        )],
        Kind::IngressClass => vec![actor(
            "ingress controller that it names",
            "takes the Ingresses of this class as its own",
        )],
        Kind::NetworkPolicy => vec![actor(
            "network plugin (CNI)",
            "drops on each node what no policy of a selected pod allows; Kubernetes itself does nothing with it",
        )],
        Kind::HorizontalPodAutoscaler => vec![
            actor(
                "metrics-server",
                "gathers the use of CPU and memory that it is judged by",
            ),
            actor(
                "horizontalpodautoscaler controller",
                "sets the number of replicas between its bounds, every 15 s",
            ),
        ],
        Kind::PodDisruptionBudget => vec![
            actor("disruption controller", "counts how many pods may go now"),
            actor(
                "API server, eviction",
                "refuses an eviction, as a drain asks for, that would go below",
            ),
        ],
        Kind::ConfigMap => vec![actor(
            "kubelet",
            "mounts its entries as files into the pods that name it",
        )],
        Kind::PersistentVolumeClaim => vec![
            actor("provisioner of its class", "makes a volume of this size"),
            actor(
                "persistentvolume binder",
                "binds claim and volume to each other for good",
            ),
        ],
        Kind::StorageClass => vec![actor(
            "provisioner that it names",
            "makes the volumes of the claims of this class",
        )],
        Kind::ServiceAccount => vec![
            actor(
                "API server, service account admission",
                "puts the account on the pods that name it",
            ),
            actor(
                "kubelet",
                "fetches and renews its token, where the pod has one",
            ),
        ],
        Kind::Role | Kind::RoleBinding | Kind::ClusterRole | Kind::ClusterRoleBinding => vec![RBAC],
        Kind::Namespace => vec![
            actor(
                "API server, Pod Security admission",
                "refuses pods that ask for more than its labels allow",
            ),
            actor(
                "namespace controller",
                "removes what is in it when it is deleted",
            ),
        ],
        Kind::ResourceQuota => vec![
            actor("resourcequota controller", "counts what the namespace uses"),
            actor("API server, quota admission", "refuses what would pass it"),
        ],
        Kind::LimitRange => vec![actor(
            "API server, LimitRanger admission",
            "gives requests and limits to containers that say none",
        )],
        Kind::Other(_) => of_other(object.kind()),
    }
}

fn of_other(kind: Kind) -> Vec<Actor> {
    if kind.is_workload() {
        return vec![SCHEDULER, KUBELET];
    }
    match kind.stage() {
        Stage::Definitions => vec![actor(
            "API server, custom resources",
            "serves objects of the kind that it defines",
        )],
        Stage::Admission => vec![actor(
            "API server",
            "asks what it names before it takes other objects",
        )],
        Stage::Custom => vec![actor(
            "controller that serves the kind",
            "acts on it; the platform does not know it",
        )],
        _ => Vec::new(),
    }
}

fn of_service(object: &Object) -> Vec<Actor> {
    let is_headless = object.text_at(&["spec", "clusterIP"]) == Some("None");
    let is_balanced = object.text_at(&["spec", "type"]) == Some("LoadBalancer");
    let mut actors = vec![ENDPOINTS, CLUSTER_DNS];
    if is_headless {
        actors[1] = actor(
            "cluster DNS",
            "answers with the addresses of its pods, one by one or all",
        );
    } else {
        actors.push(PROXY);
    }
    if is_balanced {
        actors.push(actor(
            "service controller of the cloud, or what stands for it",
            "gives it an address outside the cluster",
        ));
    }
    actors
}
