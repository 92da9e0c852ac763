//! What the nodes have against what the platform asks for, and what makes autoscalers see it.

use erpc_model::Scaling;

use super::finding::{Context, Finding, bad, good, warning};
use crate::call::Call;
use crate::failure::Failure;
use crate::program::Program;
use crate::quantity::{Amount, pod_template};
use crate::ready;

pub(super) async fn capacity(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let nodes = cluster.list("/api/v1/nodes", "").await?;
    let usable: Vec<Amount> = nodes
        .iter()
        .filter(|node| node["spec"]["unschedulable"] != true)
        .map(|node| Amount::of_resources(&node["status"]["allocatable"]))
        .collect();
    let mut total = Amount::default();
    for node in &usable {
        total.add(*node, 1);
    }
    let largest = usable.iter().map(|node| node.cpu).max().unwrap_or(0);
    let mut others = Amount::default();
    let mut unseen = "";
    match cluster.list("/api/v1/pods", "").await {
        Ok(pods) => {
            for pod in pods.iter().filter(|pod| {
                !crate::object::is_labelled(pod, program.name()) && !ready::has_ended(pod)
            }) {
                others.add(Amount::requests(&pod["spec"]), 1);
            }
        }
        // The platform's own need is known all the same.
        Err(_) => unseen = "; what others use may not be seen",
    }
    let (mut least, mut most) = (others, others);
    for object in &program.objects {
        let (Some(service), true) = (object.service, object.id.kind.is_workload()) else {
            continue;
        };
        let each = Amount::requests(pod_template(&object.body.value()));
        let bounds = program.platform[service].scaling.bounds();
        least.add(each, i128::from(bounds.min));
        most.add(each, i128::from(bounds.max));
    }
    let without_one = Amount {
        cpu: total.cpu - largest,
        ..total
    };
    let found = format!(
        "{} nodes with {}; the platform and others ask for {} at least and {} at most{unseen}",
        usable.len(),
        total.text(),
        least.text(),
        most.text()
    );
    if !least.fits(total) {
        return Ok(bad(found).fix("add nodes, or ask for less in the source"));
    }
    if !most.fits(total) {
        return Ok(
            warning(format!("{found}: not all autoscalers can reach their most"))
                .fix("add nodes, or lower the upper ends of `scale`"),
        );
    }
    if usable.len() > 1 && !least.fits(without_one) {
        return Ok(warning(format!("{found}: not with one node gone")).fix("add a node"));
    }
    Ok(good(found))
}

pub(super) async fn metrics(context: &Context<'_>) -> Result<Finding, Failure> {
    let Context {
        cluster, program, ..
    } = context;
    let path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io";
    let is_there = match cluster.call(Call::get(path)).await {
        Ok(answer) => {
            let conditions = answer.body["status"]["conditions"].as_array();
            let mut conditions = conditions.into_iter().flatten();
            conditions.any(|c| c["type"] == "Available" && c["status"] == "True")
        }
        // Who may not see how it is served may use it.
        Err(_) => cluster
            .find("/apis/metrics.k8s.io/v1beta1")
            .await?
            .is_some(),
    };
    Ok(if is_there {
        good("the metrics API answers")
    } else {
        let scaled = autoscaled(program);
        warning(format!(
            "there is no metrics API, and {scaled} services scale by it: they stay at their least"
        ))
        .fix("install metrics-server")
    })
}

pub(super) fn has_autoscalers(context: &Context<'_>) -> bool {
    autoscaled(context.program) > 0
}

/// How many services have an autoscaler.
fn autoscaled(program: &Program<'_>) -> usize {
    let services = program.platform.services();
    let scaled = services.filter(|(_, service)| matches!(service.scaling, Scaling::Auto(_)));
    scaled.count()
}
