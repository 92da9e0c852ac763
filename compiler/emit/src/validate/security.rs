//! The level of the Pod Security Standards that a pod needs
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>, `k8s.io/pod-security-admission`).

use erpc_policy::PodSecurity;

use crate::kind::Kind;
use crate::view::{FieldPath, Look, View};

/// A field for which a pod needs more than `restricted`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The level that allows it.
    pub level: PodSecurity,
    /// The field.
    pub path: FieldPath,
}

/// Sysctls that `baseline` allows.
const SAFE_SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
];

/// Kinds of volumes that `restricted` allows.
const SAFE_VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

const SAFE_SELINUX_TYPES: [&str; 5] = [
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
];

/// The field of a workload's pod that needs the highest level, if it needs more than `restricted`.
#[must_use]
pub fn needed_level(kind: Kind, workload: &impl View) -> Option<Need> {
    let names = kind.pod_path()?;
    let spec = workload.at(names)?;
    let mut needs = Needs {
        path: FieldPath::default().fields(names),
        highest: None,
    };
    needs.pod(spec);
    for list in ["containers", "initContainers"] {
        let containers = spec.field(list).map_or(&[][..], View::items);
        for (place, container) in containers.iter().enumerate() {
            let path = needs.path.field(list).item(place);
            needs.container(spec, container, &path);
        }
    }
    needs.highest
}

struct Needs {
    path: FieldPath,
    highest: Option<Need>,
}

impl Needs {
    fn add(&mut self, level: PodSecurity, path: FieldPath) {
        let highest = self.highest.as_ref().map(|need| need.level);
        if highest < Some(level) {
            self.highest = Some(Need { level, path });
        }
    }

    fn pod(&mut self, spec: &impl View) {
        for name in ["hostNetwork", "hostPID", "hostIPC"] {
            if spec.field(name).is_some_and(View::is_true) {
                self.add(PodSecurity::Privileged, self.path.field(name));
            }
        }
        let volumes = spec.field("volumes").map_or(&[][..], View::items);
        let path = self.path.field("volumes");
        for (place, volume) in volumes.iter().enumerate() {
            for (source, value) in volume.fields().filter(|(name, _)| *name != "name") {
                let path = path.item(place).field(source);
                if source == "hostPath" && value.is_set() {
                    self.add(PodSecurity::Privileged, path);
                } else if !SAFE_VOLUMES.contains(&source) && value.is_set() {
                    self.add(PodSecurity::Baseline, path);
                }
            }
        }
        let path = self.path.field("securityContext");
        if let Some(context) = spec.field("securityContext") {
            self.context(context, &path);
            let sysctls = context.field("sysctls").map_or(&[][..], View::items);
            for (place, sysctl) in sysctls.iter().enumerate() {
                let name = sysctl.field("name").and_then(View::text);
                if name.is_some_and(|name| !SAFE_SYSCTLS.contains(&name)) {
                    let path = path.field("sysctls").item(place).field("name");
                    self.add(PodSecurity::Privileged, path);
                }
            }
        }
    }

    /// What a pod and a container have in common.
    fn context(&mut self, context: &impl View, path: &FieldPath) {
        let text = |names: &[&str]| context.at(names).and_then(View::text);
        let label = text(&["seLinuxOptions", "type"]);
        if label.is_some_and(|label| !SAFE_SELINUX_TYPES.contains(&label)) {
            self.add(
                PodSecurity::Privileged,
                path.fields(&["seLinuxOptions", "type"]),
            );
        }
        for part in ["user", "role"] {
            if text(&["seLinuxOptions", part]).is_some_and(|text| !text.is_empty()) {
                self.add(
                    PodSecurity::Privileged,
                    path.fields(&["seLinuxOptions", part]),
                );
            }
        }
        for profile in ["seccompProfile", "appArmorProfile"] {
            if text(&[profile, "type"]) == Some("Unconfined") {
                self.add(PodSecurity::Privileged, path.fields(&[profile, "type"]));
            }
        }
        if context
            .at(&["windowsOptions", "hostProcess"])
            .is_some_and(View::is_true)
        {
            let path = path.fields(&["windowsOptions", "hostProcess"]);
            self.add(PodSecurity::Privileged, path);
        }
        if context.field("runAsUser").and_then(View::int) == Some(0) {
            self.add(PodSecurity::Baseline, path.field("runAsUser"));
        }
        let is_root = context.field("runAsNonRoot");
        if is_root.is_some_and(|it| matches!(it.look(), Look::Bool(false))) {
            self.add(PodSecurity::Baseline, path.field("runAsNonRoot"));
        }
    }

    fn container<V: View>(&mut self, spec: &V, container: &V, path: &FieldPath) {
        let ports = container.field("ports").map_or(&[][..], View::items);
        for (place, port) in ports.iter().enumerate() {
            if port
                .field("hostPort")
                .and_then(View::int)
                .is_some_and(|port| port != 0)
            {
                let path = path.field("ports").item(place).field("hostPort");
                self.add(PodSecurity::Privileged, path);
            }
        }
        let at = path.field("securityContext");
        let context = container.field("securityContext");
        if let Some(context) = context {
            self.context(context, &at);
            if context.field("privileged").is_some_and(View::is_true) {
                self.add(PodSecurity::Privileged, at.field("privileged"));
            }
            if context.field("procMount").and_then(View::text) == Some("Unmasked") {
                self.add(PodSecurity::Baseline, at.field("procMount"));
            }
            let added = context
                .at(&["capabilities", "add"])
                .map_or(&[][..], View::items);
            for (place, capability) in added.iter().enumerate() {
                let level = PodSecurity::of_capability(capability.text().unwrap_or_default());
                if level > PodSecurity::Restricted {
                    self.add(level, at.fields(&["capabilities", "add"]).item(place));
                }
            }
        }
        self.restricted(spec, context, &at);
    }

    /// What `restricted` requires to be set.
    fn restricted<V: View>(&mut self, spec: &V, context: Option<&V>, path: &FieldPath) {
        let of_container = |names: &[&str]| context.and_then(|context| context.at(names));
        let of_pod = |names: &[&str]| spec.field("securityContext")?.at(names);
        let escalates = of_container(&["allowPrivilegeEscalation"]);
        if !escalates.is_some_and(|it| matches!(it.look(), Look::Bool(false))) {
            self.add(
                PodSecurity::Baseline,
                path.field("allowPrivilegeEscalation"),
            );
        }
        // What a container does not set, the pod sets for all of them.
        let pod = self.path.field("securityContext");
        let of_both = |names: &[&str]| match of_container(names) {
            Some(value) => (Some(value), path.fields(names)),
            None => (of_pod(names), pod.fields(names)),
        };
        let (is_user, at) = of_both(&["runAsNonRoot"]);
        if !is_user.is_some_and(View::is_true) {
            self.add(PodSecurity::Baseline, at);
        }
        let (profile, at) = of_both(&["seccompProfile", "type"]);
        let profile = profile.and_then(View::text);
        if !matches!(profile, Some("RuntimeDefault" | "Localhost")) {
            self.add(PodSecurity::Baseline, at);
        }
        let dropped = of_container(&["capabilities", "drop"]).map_or(&[][..], View::items);
        if !dropped.iter().any(|one| one.text() == Some("ALL")) {
            self.add(
                PodSecurity::Baseline,
                path.fields(&["capabilities", "drop"]),
            );
        }
    }
}
