//! Quantities as Kubernetes writes them: `500m`, `1Gi`, `2`, `1e3`; and what pods ask for, in them.

pub(crate) use erpc_emit::quantity::parse;
use serde_json::Value;

/// Thousandths of a core as `1.5` or `200m`.
#[must_use]
pub(crate) fn cpu(milli: i128) -> String {
    if milli % 1000 == 0 {
        (milli / 1000).to_string()
    } else {
        format!("{milli}m")
    }
}

/// Thousandths of a byte as `3.5Gi`.
#[must_use]
pub(crate) fn bytes(milli: i128) -> String {
    let mebi = milli / 1000 / (1 << 20);
    if mebi >= 10 * 1024 || mebi % 1024 == 0 {
        format!("{}Gi", mebi / 1024)
    } else {
        format!("{mebi}Mi")
    }
}

/// CPU, memory and a number of pods, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Amount {
    pub(crate) cpu: i128,
    pub(crate) memory: i128,
    pub(crate) pods: i128,
}

impl Amount {
    pub(crate) fn of_resources(resources: &Value) -> Self {
        let amount = |key: &str| {
            let text = resources[key].as_str();
            text.and_then(parse).unwrap_or(0)
        };
        Self {
            cpu: amount("cpu"),
            memory: amount("memory"),
            pods: amount("pods"),
        }
    }

    /// What a pod asks for.
    pub(crate) fn requests(pod: &Value) -> Self {
        Self::of_pod(pod, "requests")
    }

    /// What a pod may use at most.
    pub(crate) fn limits(pod: &Value) -> Self {
        Self::of_pod(pod, "limits")
    }

    fn of_pod(pod: &Value, which: &str) -> Self {
        let mut sum = Self {
            pods: 1000,
            ..Self::default()
        };
        let containers = pod["containers"].as_array().into_iter().flatten();
        let inits = pod["initContainers"].as_array().into_iter().flatten();
        // Init containers are over before the others start; native sidecars are not.
        let sidecars = inits.filter(|container| container["restartPolicy"] == "Always");
        for container in containers.chain(sidecars) {
            sum.add(Self::of_resources(&container["resources"][which]), 1);
        }
        sum
    }

    pub(crate) fn add(&mut self, other: Self, times: i128) {
        self.cpu += other.cpu * times;
        self.memory += other.memory * times;
        self.pods += other.pods * times;
    }

    pub(crate) fn fits(self, other: Self) -> bool {
        self.cpu <= other.cpu && self.memory <= other.memory && self.pods <= other.pods
    }

    pub(crate) fn text(self) -> String {
        format!("{} CPU, {}", cpu(self.cpu), bytes(self.memory))
    }
}

/// The pods of a workload, as its controller makes them.
pub(crate) fn pod_template(workload: &Value) -> &Value {
    let spec = &workload["spec"];
    match &spec["jobTemplate"] {
        Value::Null => &spec["template"]["spec"],
        job => &job["spec"]["template"]["spec"],
    }
}
