//! What manifests contain about the network: namespaces, workloads, Services and policies, with the
//! place of each. Everything here is read from bytes; nothing is known of what they were made from.

mod kinds;
mod owned;
mod policy;
mod reader;
mod workload;

use std::fmt;

use ipnet::IpNet;
use rayon::prelude::*;
use smol_str::SmolStr;

use crate::controllers::{Asked, MAX_PODS};
use crate::ports::Protocol;
use crate::selector::Selector;
pub use kinds::Effect;
use reader::Reader;
pub(crate) use reader::{NAME_OF_NAMESPACE, Owner};

/// Ends a name of which manifests have only the start (`generateName`). No name of Kubernetes has it.
const GENERATED_NAME: char = '*';

/// Whether Kubernetes generates the end of a name, so that it differs from every other.
pub(crate) fn has_generated_name(name: &str) -> bool {
    name.ends_with(GENERATED_NAME)
}

/// A file of manifests: what messages call it, and its bytes.
#[derive(Clone, Copy, Debug)]
pub struct File<'b> {
    /// Its path.
    pub path: &'b str,
    /// What is in it.
    pub bytes: &'b [u8],
}

/// Something in manifests that an API server would reject, or that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The document in the file, from 1; 0 for the whole file.
    pub document: usize,
    /// The field: `spec.ingress[0].ports[1].endPort`; empty for the whole document.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Something in a file that is not evaluated, or that kubectl drops; not an error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Note {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What it is about.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// An object of a kind that is not evaluated and may have an effect on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unevaluated {
    /// Where it stands.
    pub place: Origin,
    /// Its `apiVersion`.
    pub version: SmolStr,
    /// Its kind.
    pub kind: SmolStr,
    /// What it may change.
    pub effect: Effect,
}

/// Where an object stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file, by its place in [`Manifests::files`].
    pub file: u32,
    /// The document in it, from 1.
    pub document: u32,
    /// The line on which the document starts, from 1.
    pub line: u32,
}

/// A `Namespace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Where it stands.
    pub place: Origin,
    /// Its name.
    pub name: SmolStr,
    /// Its labels, sorted by key, with the one that the API server adds.
    pub labels: Vec<(SmolStr, SmolStr)>,
}

/// The numbers of pods that each have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordinals {
    /// The first.
    pub first: u32,
    /// How many there are, if that is set.
    pub count: Option<u32>,
}

impl Ordinals {
    /// Whether a pod has this number.
    #[must_use]
    pub fn contains(self, number: u32) -> bool {
        let count = self.count.unwrap_or(u32::MAX);
        number.checked_sub(self.first).is_some_and(|at| at < count)
    }
}

/// Something that makes pods, or a bare pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Where it stands.
    pub place: Origin,
    /// `Deployment`, `Pod`, …
    pub kind: SmolStr,
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// The labels of its pods, sorted by key.
    pub labels: Vec<(SmolStr, SmolStr)>,
    /// Its selector of pods, if it has one.
    pub selector: Option<Selector>,
    /// The ports that its containers name.
    pub ports: Vec<NamedPort>,
    /// All ports that its containers declare, with a name or without.
    pub listens: Vec<(u16, Protocol)>,
    /// Whether its pods use the network of their node, where no policy is in force.
    pub is_on_host: bool,
    /// The numbers of its pods, if each has one: a StatefulSet, a Job with `completionMode: Indexed`.
    pub ordinals: Option<Ordinals>,
    /// Whether its controller labels its pods; a Job with a selector of its own does not.
    pub(crate) has_controller_labels: bool,
    pub(crate) owner: Option<Owner>,
    pub(crate) is_scaled_to_zero: bool,
}

/// A container's port with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPort {
    /// Its name.
    pub name: SmolStr,
    /// Its number.
    pub number: u16,
    /// Its protocol.
    pub protocol: Protocol,
}

/// A `Service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Where it stands.
    pub place: Origin,
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// The labels of the pods behind it; `None` where it selects none.
    pub selector: Option<Selector>,
    /// Whether it has no address of its own: clients then speak to the pods' ports.
    pub is_headless: bool,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// The number that clients use.
    pub port: u16,
    /// The number or name in the pods.
    pub target: TargetPort,
    /// Its protocol.
    pub protocol: Protocol,
}

/// Where a Service's port leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A number.
    Number(u16),
    /// The name of a container's port.
    Name(SmolStr),
}

/// A `NetworkPolicy`, as written: what is absent is not filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Where it stands.
    pub place: Origin,
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// The pods that it is about.
    pub selector: Selector,
    /// `policyTypes`.
    pub types: Option<Vec<Direction>>,
    /// `ingress`.
    pub ingress: Option<Vec<Rule>>,
    /// `egress`.
    pub egress: Option<Vec<Rule>>,
}

/// A direction of traffic, seen from the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the pod.
    Ingress,
    /// From the pod.
    Egress,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// As Kubernetes names the field.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// A rule: peers and ports. An absent or empty list means all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `from` or `to`.
    pub peers: Option<Vec<PolicyPeer>>,
    /// `ports`.
    pub ports: Option<Vec<PolicyPort>>,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PolicyPeer {
    /// Pods.
    Pods {
        /// In which namespaces; that of the policy where absent.
        namespaces: Option<Selector>,
        /// Which of them; all where absent.
        pods: Option<Selector>,
    },
    /// Addresses.
    Block {
        /// All of these,
        cidr: IpNet,
        /// without these.
        except: Vec<IpNet>,
    },
}

/// Ports of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyPort {
    /// The protocol.
    pub protocol: Protocol,
    /// Which of its ports.
    pub port: PortRange,
}

/// Which ports of a protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PortRange {
    /// All.
    All,
    /// From the first to the last.
    Numbers(u16, u16),
    /// The one that has this name in the pod of the callee.
    Named(SmolStr),
}

impl Policy {
    /// Its rules of a direction as written.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }

    /// Whether it isolates its pods in a direction: `policyTypes` says so, and where it does not,
    /// ingress always is and egress only with a rule.
    #[must_use]
    pub fn isolates(&self, direction: Direction) -> bool {
        match self.types.as_deref() {
            Some(types) if !types.is_empty() => types.contains(&direction),
            _ => match direction {
                Direction::Ingress => true,
                Direction::Egress => self.egress.as_ref().is_some_and(|rules| !rules.is_empty()),
            },
        }
    }
}

/// All that manifests contain about the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifests {
    /// The files, by path.
    pub files: Vec<String>,
    /// How many documents there are, of any kind.
    pub documents: usize,
    /// The namespaces that are declared.
    pub namespaces: Vec<Namespace>,
    /// The workloads.
    pub workloads: Vec<Workload>,
    /// The Services.
    pub services: Vec<Service>,
    /// The policies.
    pub policies: Vec<Policy>,
    /// What cannot be read or would be rejected, sorted.
    pub problems: Vec<Problem>,
    /// What is no manifest, and what kubectl drops, sorted.
    pub notes: Vec<Note>,
    /// Objects of kinds that are not evaluated.
    pub not_evaluated: Vec<Unevaluated>,
}

impl Manifests {
    /// Reads files of any origin as kubectl reads them. One that cannot be read hides no other.
    #[must_use]
    pub fn read(files: &[File<'_>]) -> Self {
        Self::read_with(files, erpc_yaml::read)
    }

    /// Reads files that the compiler wrote: the same as [`Self::read`], and faster.
    #[must_use]
    pub fn read_ours(files: &[File<'_>]) -> Self {
        Self::read_with(files, crate::fast::read_ours)
    }

    fn read_with(
        files: &[File<'_>],
        read: impl Fn(&erpc_yaml::Document<'_>) -> Result<erpc_yaml::Read, erpc_yaml::Broken> + Sync,
    ) -> Self {
        let parts: Vec<Self> = files
            .par_iter()
            .enumerate()
            .map(|(number, file)| {
                let text = erpc_yaml::text(file.bytes);
                let mut reader = Reader::new(number, file.path, &text);
                reader.file(&read);
                reader.out
            })
            .collect();
        let mut all = Self {
            files: files.iter().map(|file| file.path.to_owned()).collect(),
            ..Self::default()
        };
        for part in parts {
            all.documents += part.documents;
            all.namespaces.extend(part.namespaces);
            all.workloads.extend(part.workloads);
            all.services.extend(part.services);
            all.policies.extend(part.policies);
            all.problems.extend(part.problems);
            all.notes.extend(part.notes);
            all.not_evaluated.extend(part.not_evaluated);
        }
        all.report_twins();
        all.report_numbered_pods();
        all.fold_owned();
        all.problems.sort_unstable();
        all.notes.sort_unstable();
        all
    }

    /// `file:line` of an object.
    #[must_use]
    pub fn place(&self, place: Origin) -> String {
        let file = self
            .files
            .get(place.file as usize)
            .map_or("?", String::as_str);
        format!("{file}:{}", place.line)
    }

    /// Pods that are told apart by their numbers have a limit; what lies beyond it is an error, since policies
    /// would be read as if they selected less.
    fn report_numbered_pods(&mut self) {
        if !Asked::of(self).is_too_much {
            return;
        }
        let place = self.policies.first().map(|policy| policy.place);
        let place = place.unwrap_or_default();
        self.problems.push(Problem {
            file: self
                .files
                .get(place.file as usize)
                .cloned()
                .unwrap_or_default(),
            line: place.line as usize,
            document: place.document as usize,
            field: "spec".to_owned(),
            message: format!(
                "selectors name more than {MAX_PODS} pods by their numbers, which are not evaluated"
            ),
        });
    }

    /// Two objects of one kind and name are one object, of which the last to be applied stays; the
    /// order is not known.
    fn report_twins(&mut self) {
        let mut names: Vec<(&str, &str, &str, Origin)> = Vec::new();
        for policy in &self.policies {
            names.push((
                "NetworkPolicy",
                &policy.namespace,
                &policy.name,
                policy.place,
            ));
        }
        for workload in &self.workloads {
            names.push((
                &workload.kind,
                &workload.namespace,
                &workload.name,
                workload.place,
            ));
        }
        for namespace in &self.namespaces {
            names.push(("Namespace", "", &namespace.name, namespace.place));
        }
        names.sort_unstable();
        let mut problems = Vec::new();
        for pair in names.windows(2) {
            let ((kind, namespace, name, first), (kind2, namespace2, name2, second)) =
                (pair[0], pair[1]);
            if (kind, namespace, name) == (kind2, namespace2, name2) && !has_generated_name(name) {
                problems.push(Problem {
                    file: self.files[second.file as usize].clone(),
                    line: second.line as usize,
                    document: second.document as usize,
                    field: "metadata.name".to_owned(),
                    message: format!(
                        "duplicate {kind} {namespace}{}{name}: the other one is at {}",
                        if namespace.is_empty() { "" } else { "/" },
                        self.place(first)
                    ),
                });
            }
        }
        self.problems.extend(problems);
    }
}
