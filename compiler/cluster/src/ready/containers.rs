//! Containers that do not start or do not stay: images, configuration, crashes.

use std::time::Duration;

use serde_json::Value;

use super::look::{Look, number, text};
use super::state::Stall;
use crate::object::name;
use crate::path::{FieldPath, Segment};

const TRANSIENT_IMAGE: Duration = Duration::from_secs(120);
const MISSING_CONFIG: Duration = Duration::from_secs(10);
const CRASHES: i64 = 3;

impl Look<'_> {
    pub(super) fn container_stall(
        &mut self,
        pod: &Value,
        status: &Value,
        list: &str,
    ) -> Option<Stall> {
        let container = text(&status["name"]);
        let waiting = &status["state"]["waiting"];
        let reason = text(&waiting["reason"]).to_owned();
        let message = text(&waiting["message"]).to_owned();
        let symptom = format!("{} {container}", name(pod));
        let image = text(&status["image"]);
        let field = |name: &str| Some(FieldPath::of_container(list, container, name));
        let stall = match reason.as_str() {
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
                let (since, first) = self.seen(&format!("{symptom} image"), &message);
                image_stall(
                    &reason,
                    &first,
                    image,
                    since,
                    text(&pod["spec"]["nodeName"]),
                )
                .map(|stall| Stall {
                    field: field("image"),
                    ..stall
                })
            }
            "CreateContainerConfigError" => {
                let (since, _) = self.seen(&format!("{symptom} config"), &message);
                config_stall(&message, since, self.namespace).map(|stall| Stall {
                    field: field("env"),
                    ..stall
                })
            }
            "RunContainerError" | "CreateContainerError" => {
                let (since, _) = self.seen(&format!("{symptom} run"), &message);
                (since >= MISSING_CONFIG).then(|| {
                    let mut stall = Stall::new(
                        "ContainerNotStarted",
                        format!("container {container} cannot start: {message}"),
                        "see the command of the service; the file must be in the image",
                    );
                    stall.field = field("command");
                    stall
                })
            }
            _ => crash_stall(status, container, self.live, list).map(|stall| Stall {
                container: Some(container.to_owned()),
                ..stall
            }),
        };
        if list == "initContainers" {
            return stall.map(|stall| Stall {
                message: format!("init container {container}: {}", stall.message),
                ..stall
            });
        }
        stall
    }
}

fn image_stall(
    reason: &str,
    message: &str,
    image: &str,
    since: Duration,
    node: &str,
) -> Option<Stall> {
    let low = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| low.contains(word));
    // What the first pull reports may be over with the second.
    let is_lasting = reason != "ErrImagePull" || since > TRANSIENT_IMAGE;
    if reason == "InvalidImageName" {
        return Some(Stall::new(
            "InvalidImageName",
            format!("`{image}` is not the name of an image"),
            "correct the image in the source",
        ));
    }
    if reason == "ErrImageNeverPull" {
        return Some(Stall::new(
            "ImageNotOnNode",
            format!("image {image} is not on node {node}, and `pull never` forbids to fetch it"),
            "load it onto the node, or say `pull missing`",
        ));
    }
    if has(&[
        "unauthorized",
        "denied",
        "authentication required",
        "forbidden",
    ]) && is_lasting
    {
        return Some(Stall::new(
            "ImageRefused",
            format!("the registry does not give image {image}"),
            "correct the name, or give the namespace's account a pull secret",
        ));
    }
    if has(&[
        "not found",
        "manifest unknown",
        "does not exist",
        "name unknown",
    ]) && !has(&["no such host", "lookup"])
        && is_lasting
    {
        return Some(Stall::new(
            "ImageNotFound",
            format!("image {image} does not exist"),
            "correct the image or its tag, or push it",
        ));
    }
    (since > TRANSIENT_IMAGE).then(|| {
        Stall::new(
            "RegistryUnreachable",
            format!("node {node} cannot reach the registry of {image}: {message}"),
            "see the node's way to the registry; the pull goes on by itself when it is back",
        )
    })
}

fn config_stall(message: &str, since: Duration, namespace: &str) -> Option<Stall> {
    if message.contains("runAsNonRoot") {
        return Some(Stall::new(
            "RunsAsRoot",
            "the image runs as root, and no container of the platform may",
            "say `run as UID` with a user that the image has",
        ));
    }
    if since < MISSING_CONFIG {
        return None;
    }
    let name = message.split('"').nth(1).unwrap_or_default();
    let help = if message.starts_with("secret") {
        format!("make it: kubectl -n {namespace} create secret generic {name} --from-literal=KEY=…")
    } else {
        "see what the container's environment refers to".to_owned()
    };
    Some(Stall::new("MissingConfig", message.to_owned(), help))
}

fn crash_stall(status: &Value, container: &str, live: &Value, list: &str) -> Option<Stall> {
    let restarts = number(&status["restartCount"]);
    if restarts < CRASHES {
        return None;
    }
    let is_backing_off = status["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    let terminated = [
        &status["lastState"]["terminated"],
        &status["state"]["terminated"],
    ];
    let last = terminated.into_iter().find(|state| !state.is_null())?;
    let code = number(&last["exitCode"]);
    if !is_backing_off && code == 0 {
        return None;
    }
    if last["reason"] == "OOMKilled" {
        let containers = live["spec"]["template"]["spec"][list].as_array();
        let limit = containers
            .into_iter()
            .flatten()
            .find(|of| of["name"] == container)
            .and_then(|of| of["resources"]["limits"]["memory"].as_str())
            .unwrap_or("its limit");
        let mut stall = Stall::new(
            "OutOfMemory",
            format!(
                "container {container} was killed {restarts} times for more memory than {limit}"
            ),
            "raise the memory in the source, or find the leak",
        );
        let mut limit = FieldPath::of_container(list, container, "resources");
        for name in ["limits", "memory"] {
            limit.push(Segment::Field(name.to_owned()));
        }
        stall.field = Some(limit);
        return Some(stall);
    }
    let help = match code {
        126 => "the command may not be executed: see the file's mode in the image",
        127 => "the command is not in the image: correct it in the source",
        _ => "the last lines of its log say why",
    };
    let mut stall = Stall::new(
        "CrashLoop",
        format!("container {container} has ended {restarts} times, last with exit code {code}"),
        help,
    );
    stall.field = Some(FieldPath::of_container(list, container, "command"));
    Some(stall)
}

#[cfg(test)]
mod tests {
    use super::{config_stall, crash_stall, image_stall};
    use serde_json::json;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTES: Duration = Duration::from_secs(300);

    fn image(reason: &str, message: &str, since: Duration) -> Option<&'static str> {
        image_stall(reason, message, "a/b:1", since, "node").map(|stall| stall.reason)
    }

    #[test]
    fn an_image_that_is_not_there_is_told_after_the_second_try() {
        assert_eq!(image("ErrImagePull", "not found", SECOND), None);
        assert_eq!(
            image("ImagePullBackOff", "not found", SECOND),
            Some("ImageNotFound")
        );
        assert_eq!(
            image("ImagePullBackOff", "pull access denied", SECOND),
            Some("ImageRefused")
        );
        assert_eq!(
            image("InvalidImageName", "", SECOND),
            Some("InvalidImageName")
        );
    }

    #[test]
    fn a_registry_that_cannot_be_reached_gets_two_minutes() {
        let message = "lookup registry: i/o timeout";
        assert_eq!(image("ImagePullBackOff", message, SECOND), None);
        assert_eq!(
            image("ImagePullBackOff", message, MINUTES),
            Some("RegistryUnreachable")
        );
    }

    #[test]
    fn a_root_image_is_told_at_once_and_a_missing_secret_after_a_while() {
        let root = config_stall(
            "container has runAsNonRoot and image will run as root",
            SECOND,
            "n",
        );
        assert_eq!(root.map(|stall| stall.reason), Some("RunsAsRoot"));
        assert_eq!(config_stall("secret \"s\" not found", SECOND, "n"), None);
        let missing = config_stall("secret \"s\" not found", MINUTES, "n");
        assert!(missing.is_some_and(|stall| stall.help.contains("create secret generic s")));
    }

    #[test]
    fn three_crashes_are_a_loop_and_the_kernels_kill_names_the_limit() {
        let status = |restarts: i64, reason: &str, code: i64| {
            json!({
                "restartCount": restarts,
                "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                "lastState": { "terminated": { "reason": reason, "exitCode": code } },
            })
        };
        let live = json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "a", "resources": { "limits": { "memory": "256Mi" } } }
        ] } } } });
        assert_eq!(
            crash_stall(&status(2, "Error", 1), "a", &live, "containers"),
            None
        );
        let crash = crash_stall(&status(3, "Error", 127), "a", &live, "containers");
        assert!(crash.is_some_and(|stall| stall.help.contains("not in the image")));
        let killed = crash_stall(&status(3, "OOMKilled", 137), "a", &live, "containers");
        assert!(killed.is_some_and(|stall| stall.message.contains("256Mi")));
    }
}
