//! The ingress class of a cluster, and what serves it.

use erpc_diagnostics::{Diagnostic, codes};
use smol_str::SmolStr;

use super::{Reader, keyed};
use crate::ids::{PortId, ServiceId};
use crate::kubernetes;
use crate::origin::Sourced;
use crate::shown::{Names, Shown};

/// `ingress CLASS by …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingress {
    /// The ingress class.
    pub class: Sourced<SmolStr>,
    /// Who serves it.
    pub controller: IngressController,
}

/// Who serves an ingress class.
#[derive(Clone, Debug, PartialEq)]
pub enum IngressController {
    /// A service of the platform, on these ports; the platform makes the `IngressClass`.
    Service(ServiceId, Vec<PortId>),
    /// Pods outside the platform: `pods NAMESPACE "key=value", …`.
    Pods {
        /// Their namespace.
        namespace: SmolStr,
        /// Their labels.
        labels: Vec<(SmolStr, SmolStr)>,
    },
    /// On the host network of the nodes: `nodes`.
    Nodes,
}

impl Ingress {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let class = reader.class_name("the ingress class", "IngressClass")?;
        reader.keyword("by")?;
        let controller = if reader.word("nodes") {
            IngressController::Nodes
        } else if reader.word("pods") {
            IngressController::read_pods(reader)?
        } else {
            IngressController::read_service(reader)?
        };
        reader.finish();
        Some(Self { class, controller })
    }
}

impl IngressController {
    /// `namespace.service:port, port`.
    fn read_service(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let expr = reader.expr("the service and port that serve, `ns.service:port`")?;
        let (service, first) = reader.refer(|names, at| names.service_and_port(expr, at))?;
        let mut names = vec![first];
        while reader.comma() {
            names.push(reader.name("another port of the controller")?);
        }
        let mut ports = Vec::with_capacity(names.len());
        for name in &names {
            ports.push(reader.refer(|names, _| names.port(service, name)));
        }
        let ports: Option<Vec<PortId>> = ports.into_iter().collect();
        Some(Self::Service(service, ports?))
    }

    fn read_pods(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let (namespace, labels) = pods_outside(reader, "the controller's namespace")?;
        Some(Self::Pods { namespace, labels })
    }

    /// The service of the platform that serves, if one does.
    #[must_use]
    pub fn service(&self) -> Option<ServiceId> {
        match self {
            Self::Service(id, _) => Some(*id),
            Self::Pods { .. } | Self::Nodes => None,
        }
    }
}

/// `NAMESPACE "key=value", …`: pods outside the platform, by their namespace and their labels.
pub(super) fn pods_outside(
    reader: &mut Reader<'_, '_>,
    what: &str,
) -> Option<(SmolStr, Vec<(SmolStr, SmolStr)>)> {
    let namespace = reader.name(what)?;
    let rule = kubernetes::not_a_label;
    reader.check_text("namespace", &namespace.text, namespace.span, rule);
    let (texts, last) = reader.texts_next("a label in quotes, `\"app=ingress\"`")?;
    let mut labels = Vec::new();
    for text in texts {
        let Some((key, value)) = text.split_once('=') else {
            reader.report(
                Diagnostic::new(&codes::WRONG_SHAPE, format!("invalid label `{text}`"))
                    .at(last, "no `=`")
                    .help("a label is written `\"key=value\"`"),
            );
            continue;
        };
        let wrong = kubernetes::not_a_key(key)
            .map(|why| ("key", key, why))
            .or_else(|| kubernetes::not_a_value(value).map(|why| ("value", value, why)));
        if let Some((what, part, why)) = wrong {
            let message = format!("invalid label {what} `{}`: {why}", part.escape_debug());
            reader.report(
                Diagnostic::new(&codes::BAD_NAME, message)
                    .at(last, format!("the {what} of a label")),
            );
            continue;
        }
        labels.push((key.into(), value.into()));
    }
    labels.sort();
    Some((namespace.text, labels))
}

impl Shown for Ingress {
    fn show(&self, names: &dyn Names) -> String {
        let by = match &self.controller {
            IngressController::Service(id, ports) => {
                let ports: Vec<&str> = ports.iter().map(|port| names.port(*port)).collect();
                format!("{}:{}", names.service(*id), ports.join(", "))
            }
            IngressController::Pods { namespace, labels } => {
                let labels = labels.iter();
                let labels = labels.map(|(key, value)| format!("\"{key}={value}\""));
                format!("pods {namespace} {}", Vec::from_iter(labels).join(", "))
            }
            IngressController::Nodes => "nodes".to_owned(),
        };
        format!("{} by {by}", self.class.value)
    }
}

keyed! { Ingress: class at class; }
