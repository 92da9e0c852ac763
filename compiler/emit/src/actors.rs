//! Who acts on an object once the API server has it: an object by itself does nothing. From
//! <https://kubernetes.io/docs/concepts/architecture/> and the pages of the kinds.

use crate::Object;

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
    match object {
        Object::Deployment(_) => vec![
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
        Object::StatefulSet(_) => vec![
            actor(
                "statefulset controller",
                "makes pods with fixed names one after another, and a claim for each",
            ),
            SCHEDULER,
            KUBELET,
        ],
        Object::Job(_) => vec![
            actor("job controller", "makes pods until one has ended well"),
            SCHEDULER,
            KUBELET,
        ],
        Object::CronJob(_) => vec![
            actor(
                "cronjob controller",
                "makes a Job at each time of its schedule",
            ),
            actor("job controller", "makes pods until one has ended well"),
            SCHEDULER,
            KUBELET,
        ],
        Object::Service(service) => of_service(service.spec.as_ref()),
        Object::Ingress(_) => vec![actor(
            "ingress controller of its class",
            "opens the routes and serves their certificates",
        )],
        Object::IngressClass(_) => vec![actor(
            "ingress controller that it names",
            "takes the Ingresses of this class as its own",
        )],
        Object::NetworkPolicy(_) => vec![actor(
            "network plugin (CNI)",
            "drops on each node what no policy of a selected pod allows; Kubernetes itself does nothing with it",
        )],
        Object::HorizontalPodAutoscaler(_) => vec![
            actor(
                "metrics-server",
                "gathers the use of CPU and memory that it is judged by",
            ),
            actor(
                "horizontalpodautoscaler controller",
                "sets the number of replicas between its bounds, every 15 s",
            ),
        ],
        Object::PodDisruptionBudget(_) => vec![
            actor("disruption controller", "counts how many pods may go now"),
            actor(
                "API server, eviction",
                "refuses an eviction, as a drain asks for, that would go below",
            ),
        ],
        Object::ConfigMap(_) => vec![actor(
            "kubelet",
            "mounts its entries as files into the pods that name it",
        )],
        Object::PersistentVolumeClaim(_) => vec![
            actor("provisioner of its class", "makes a volume of this size"),
            actor(
                "persistentvolume binder",
                "binds claim and volume to each other for good",
            ),
        ],
        Object::StorageClass(_) => vec![actor(
            "provisioner that it names",
            "makes the volumes of the claims of this class",
        )],
        Object::ServiceAccount(_) => vec![
            actor(
                "API server, service account admission",
                "puts the account on the pods that name it",
            ),
            actor(
                "kubelet",
                "fetches and renews its token, where the pod has one",
            ),
        ],
        Object::Role(_)
        | Object::RoleBinding(_)
        | Object::ClusterRole(_)
        | Object::ClusterRoleBinding(_) => vec![RBAC],
        Object::Namespace(_) => vec![
            actor(
                "API server, Pod Security admission",
                "refuses pods that ask for more than its labels allow",
            ),
            actor(
                "namespace controller",
                "removes what is in it when it is deleted",
            ),
        ],
        Object::ResourceQuota(_) => vec![
            actor("resourcequota controller", "counts what the namespace uses"),
            actor("API server, quota admission", "refuses what would pass it"),
        ],
        Object::LimitRange(_) => vec![actor(
            "API server, LimitRanger admission",
            "gives requests and limits to containers that say none",
        )],
    }
}

fn of_service(spec: Option<&k8s_openapi::api::core::v1::ServiceSpec>) -> Vec<Actor> {
    let is_headless = spec.is_some_and(|spec| spec.cluster_ip.as_deref() == Some("None"));
    let is_balanced = spec.is_some_and(|spec| spec.type_.as_deref() == Some("LoadBalancer"));
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
