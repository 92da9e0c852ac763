//! What can be asked of each kind of element: one row a member, with its type, a sentence, and how it is read. Most
//! follow from the declarations of statements and elements; here are those that are derived. The type checker, the
//! evaluator and the reference of the language read this table.

use std::sync::LazyLock;

use smol_str::SmolStr;

use super::FlowGraph;
use crate::elements::{Element, GrantOwner, Kind, ProbeKind};
use crate::ids::number;
use crate::platform::{
    Container, EnvVar, Grant, Image, MemberId, Mode, Namespace, Peer, Platform, Port, Probe, Route,
    Service, WorkloadKind,
};
use crate::shown::Shown;
use crate::statements::{self, Element as Parts, Statements};
use crate::ty::Ty;
use crate::value::{Type, Value};

/// A platform with what is derived from it.
#[derive(Clone, Copy)]
pub(crate) struct View<'p> {
    pub(crate) platform: &'p Platform,
    pub(crate) flows: &'p dyn FlowGraph,
}

/// A member of a kind of element.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) ty: fn() -> Ty,
    get: Box<Get>,
}

/// Reads a member; `off` of an element of another kind, which the type checker never asks.
type Get = dyn Fn(View<'_>, Element) -> Value + Send + Sync;

impl Member {
    pub(crate) fn get(&self, view: View<'_>, element: Element) -> Value {
        (self.get)(view, element)
    }
}

static MEMBERS: LazyLock<[Vec<Member>; Kind::ALL.len()]> =
    LazyLock::new(|| Kind::ALL.map(members_of));

/// The members of elements that are found with `find`, which have declared them.
fn declared<O: 'static>(
    members: impl Iterator<Item = &'static statements::Member<O>>,
    find: for<'p> fn(View<'p>, Element) -> Option<&'p O>,
) -> Vec<Member> {
    let each = members.map(|member| Member {
        name: member.name,
        doc: member.doc,
        ty: member.ty,
        get: Box::new(move |view, element| {
            let found = find(view, element);
            found.map_or(Value::Off, |found| (member.get)(found, view.platform))
        }),
    });
    each.collect()
}

fn of_statements<O: Statements>(
    find: for<'p> fn(View<'p>, Element) -> Option<&'p O>,
) -> Vec<Member> {
    let statements = O::ALL.iter();
    declared(statements.flat_map(|statement| statement.members), find)
}

fn of_parts<O: Parts>(find: for<'p> fn(View<'p>, Element) -> Option<&'p O>) -> Vec<Member> {
    declared(O::PARTS.iter(), find)
}

fn members_of(kind: Kind) -> Vec<Member> {
    let declared = match kind {
        Kind::Platform => of_statements(|view, _| Some(&view.platform.statements)),
        Kind::Namespace => of_statements(namespace),
        Kind::Service => {
            let mut members =
                of_statements(|view, element| Some(&service(view, element)?.properties));
            members.extend(of_statements(|view, element| {
                Some(&service(view, element)?.statements)
            }));
            members.extend(of_main_container());
            members
        }
        Kind::Container => of_statements(container),
        Kind::Image => {
            of_parts::<Image>(|view, element| Some(&container(view, element)?.image.value))
        }
        Kind::Env => of_parts::<EnvVar>(|view, element| match element {
            Element::Env(.., at) => container(view, element)?.env.get(at as usize),
            _ => None,
        }),
        Kind::Probe => of_parts(|view, element| match element {
            Element::Probe(.., kind) => probe(container(view, element)?, kind),
            _ => None,
        }),
        Kind::Port => of_parts::<Port>(|view, element| match element {
            Element::Port(id) => Some(&view.platform[id]),
            _ => None,
        }),
        Kind::Volume => of_parts(|view, element| match element {
            Element::Volume(id, at) => view.platform[id].volumes.get(at as usize),
            _ => None,
        }),
        Kind::Config => of_parts(|view, element| match element {
            Element::Config(id, at) => view.platform[id].configs.get(at as usize),
            _ => None,
        }),
        Kind::Route => of_parts::<Route>(|view, element| match element {
            Element::Route(at) => view.platform.routes.get(at as usize),
            _ => None,
        }),
        Kind::Grant => of_parts::<Grant>(|view, element| match element {
            Element::Grant(GrantOwner::Namespace(id), at) => {
                view.platform[id].grants.get(at as usize)
            }
            Element::Grant(GrantOwner::Service(id), at) => {
                view.platform[id].grants.get(at as usize)
            }
            _ => None,
        }),
        Kind::Flow | Kind::Peer => Vec::new(),
    };
    let mut members = derived(kind);
    members.extend(declared);
    members
}

/// What a service has of its main container.
fn of_main_container() -> impl Iterator<Item = Member> {
    const OF_MAIN: [(&str, &str); 7] = [
        ("image", "The image of the main container."),
        ("env", "The environment of the main container."),
        ("cpu", "Request and limit of the main container."),
        ("memory", "Request and limit of the main container."),
        ("ready", "The readiness probe of the main container."),
        ("live", "The liveness probe of the main container."),
        ("startup", "The startup probe of the main container."),
    ];
    let members = members_of(Kind::Container).into_iter();
    members.filter_map(|member| {
        let (name, doc) = OF_MAIN.into_iter().find(|(name, _)| *name == member.name)?;
        let get = Box::new(move |view: View<'_>, element| match element {
            Element::Service(id) => (member.get)(view, main(view, id)),
            _ => Value::Off,
        });
        let ty = member.ty;
        Some(Member { name, doc, ty, get })
    })
}

/// A member as the reference of the language shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// Its name.
    pub name: &'static str,
    /// Its type, in words.
    pub ty: String,
    /// What it is, in a sentence.
    pub doc: &'static str,
}

/// The members of a kind of element, sorted by name.
#[must_use]
pub fn members(kind: Kind) -> Vec<MemberRow> {
    let mut rows: Vec<MemberRow> = all(kind)
        .iter()
        .map(|member| MemberRow {
            name: member.name,
            ty: (member.ty)().to_string(),
            doc: member.doc,
        })
        .collect();
    rows.sort_by_key(|row| row.name);
    rows
}

/// The member of a kind with this name.
pub(crate) fn member(kind: Kind, name: &str) -> Option<(MemberId, &'static Member)> {
    let mut all = all(kind).iter().enumerate();
    all.find(|(_, member)| member.name == name)
        .map(|(index, member)| (MemberId { kind, index }, member))
}

/// The member with this id.
pub(crate) fn member_of(id: MemberId) -> Option<&'static Member> {
    all(id.kind).get(id.index)
}

/// The names of a kind's members, sorted.
pub(crate) fn member_names(kind: Kind) -> Vec<&'static str> {
    let mut names: Vec<&str> = all(kind).iter().map(|member| member.name).collect();
    names.sort_unstable();
    names
}

fn all(kind: Kind) -> &'static [Member] {
    &MEMBERS[kind as usize]
}

/// The members that no declaration gives.
fn derived(kind: Kind) -> Vec<Member> {
    match kind {
        Kind::Platform => of_platform(),
        Kind::Namespace => of_namespace(),
        Kind::Service => of_service(),
        Kind::Container => of_container(),
        Kind::Port => of_port(),
        Kind::Volume => of_volume(),
        Kind::Flow => of_flow(),
        Kind::Peer => of_end(),
        Kind::Image | Kind::Env | Kind::Probe | Kind::Config | Kind::Route | Kind::Grant => {
            Vec::new()
        }
    }
}

// ---- types, as the rows write them

fn text() -> Ty {
    Ty::Plain(Type::String)
}
fn truth() -> Ty {
    Ty::Plain(Type::Bool)
}
fn maybe(ty: Ty) -> Ty {
    Ty::optional(ty)
}
fn many(ty: Ty) -> Ty {
    Ty::list(ty)
}
fn a(kind: Kind) -> Ty {
    Ty::Element(kind)
}

// ---- values

fn say(value: impl AsRef<str>) -> Value {
    Value::Text(SmolStr::new(value))
}
fn optional<T>(value: Option<T>, make: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Off, make)
}
fn list(values: impl IntoIterator<Item = Value>) -> Value {
    Value::List(values.into_iter().collect())
}
fn elements(count: usize, make: impl Fn(u32) -> Element) -> Value {
    let count = number(count);
    list((0..count).map(|at| Value::Element(make(at))))
}
fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Value {
    list(values.into_iter().map(say))
}

// ---- elements

fn namespace(view: View<'_>, element: Element) -> Option<&Namespace> {
    match element {
        Element::Namespace(id) => Some(&view.platform[id]),
        _ => None,
    }
}

fn service(view: View<'_>, element: Element) -> Option<&Service> {
    match element {
        Element::Service(id) => Some(&view.platform[id]),
        _ => None,
    }
}

/// The container that an element is, or stands in.
fn container(view: View<'_>, element: Element) -> Option<&Container> {
    match element {
        Element::Container(id, at)
        | Element::Image(id, at)
        | Element::Env(id, at, _)
        | Element::Probe(id, at, _) => view.platform[id].containers().nth(at as usize),
        _ => None,
    }
}

/// The main container, which stands behind all others.
fn main(view: View<'_>, id: crate::ServiceId) -> Element {
    let service = &view.platform[id];
    Element::Container(id, number(service.inits.len() + service.sidecars.len()))
}

fn probe(container: &Container, kind: ProbeKind) -> Option<&Probe> {
    let probes = &container.probes;
    let probe = match kind {
        ProbeKind::Ready => &probes.ready,
        ProbeKind::Live => &probes.live,
        ProbeKind::Startup => &probes.startup,
    };
    probe.as_ref().map(|probe| &probe.value)
}

/// A probe of a container.
fn probe_of(view: View<'_>, (id, at): (crate::ServiceId, u32), kind: ProbeKind) -> Value {
    let element = Element::Probe(id, at, kind);
    let probe = container(view, element).and_then(|container| probe(container, kind));
    optional(probe, |_| Value::Element(element))
}

const WORKLOADS: [&str; WorkloadKind::ALL.len()] = {
    let mut words = [""; WorkloadKind::ALL.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = WorkloadKind::ALL[at].word;
        at += 1;
    }
    words
};
const ROLES: &[&str] = &["main", "sidecar", "init"];
const PEERS: &[&str] = &["service", "external", "internet", "cluster"];

/// A function that gives the rows of a kind of element.
macro_rules! members {
    ($table:ident: $pattern:pat, $view:ident; $($name:literal $ty:expr, $doc:literal => $value:expr;)*) => {
        #[allow(unused_variables, reason = "not every row needs all that the table binds")]
        fn $table() -> Vec<Member> {
            vec![$(Member {
                name: $name,
                doc: $doc,
                ty: || $ty,
                get: Box::new(|$view, element| {
                    let $pattern = element else { return Value::Off };
                    $value
                }),
            }),*]
        }
    };
}

members! { of_platform: Element::Platform, v;
    "name" text(), "Its name." => say(&v.platform.name.value);
    "tiers" many(text()), "The tiers, lowest first." => texts(v.platform.tiers.iter().map(|t| &t.name.value));
    "namespaces" many(a(Kind::Namespace)), "All namespaces." => list(v.platform.namespaces().map(|(id, _)| Value::Element(Element::Namespace(id))));
    "services" many(a(Kind::Service)), "All services and jobs." => list(v.platform.services().map(|(id, _)| Value::Element(Element::Service(id))));
    "flows" many(a(Kind::Flow)), "All flows, one for each caller, called and port." => elements(v.flows.edges().len(), Element::Flow);
    "routes" many(a(Kind::Route)), "All routes from outside." => elements(v.platform.routes.len(), Element::Route);
}

members! { of_namespace: Element::Namespace(id), v;
    "name" text(), "Its name." => say(&v.platform[id].name.value);
    "doc" maybe(text()), "The `##` above it." => optional(v.platform[id].doc.as_ref(), say);
    "grants" many(a(Kind::Grant)), "What its account may do." => elements(v.platform[id].grants.len(), |at| Element::Grant(GrantOwner::Namespace(id), at));
    "services" many(a(Kind::Service)), "Its services and jobs." => list(v.platform[id].services.iter().map(|s| Value::Element(Element::Service(*s))));
}

members! { of_service: Element::Service(id), v;
    "name" text(), "Its name." => say(&v.platform[id].name.value);
    "path" text(), "`namespace.service`." => say(v.platform.path(id));
    "namespace" a(Kind::Namespace), "Its namespace." => Value::Element(Element::Namespace(v.platform[id].namespace));
    "tier" text(), "Its tier: its own, or that of its namespace." => v.platform.tier_of(&v.platform[id]).value(v.platform);
    "doc" maybe(text()), "The `##` above it." => optional(v.platform[id].doc.as_ref(), say);
    "kind" Ty::Word(&WORKLOADS), "What it runs as: `deployment`, `statefulset`, `daemonset`, `job` or `cronjob`." => say(v.platform[id].workload.kind().word);
    "components" many(text()), "The components that it is." => texts(v.platform[id].components.iter().map(|u| &v.platform.components[v.platform.uses[u.index()].component.index()].name));
    "containers" many(a(Kind::Container)), "Its containers." => elements(v.platform[id].containers().count(), |at| Element::Container(id, at));
    "main" a(Kind::Container), "The container that carries its name." => Value::Element(main(v, id));
    "ports" many(a(Kind::Port)), "Its ports." => list((0u32..).zip(&v.platform[id].ports).map(|(index, _)| Value::Element(Element::Port(crate::PortId { service: id, index }))));
    "volumes" many(a(Kind::Volume)), "Its volumes." => elements(v.platform[id].volumes.len(), |at| Element::Volume(id, at));
    "configs" many(a(Kind::Config)), "Its configs." => elements(v.platform[id].configs.len(), |at| Element::Config(id, at));
    "grants" many(a(Kind::Grant)), "What its own account may do." => elements(v.platform[id].grants.len(), |at| Element::Grant(GrantOwner::Service(id), at));
    "routes" many(a(Kind::Route)), "The routes that lead to it." => {
        let start = v.platform.routes.partition_point(|route| route.port.service < id);
        let start = number(start);
        elements(v.platform.routes_to(id).len(), |at| Element::Route(start + at))
    };
    "exposed" truth(), "Whether it is reached from outside: a route or an address." => Value::Bool(!v.platform.routes_to(id).is_empty() || !v.platform.addresses_of(id).is_empty());
    "calls" many(a(Kind::Flow)), "The flows that it makes." => list(v.flows.edges_from(id).filter_map(|at| u32::try_from(at).ok()).map(|at| Value::Element(Element::Flow(at))));
    "callers" many(a(Kind::Flow)), "The flows that lead to it." => list(v.flows.edges_to(id).iter().map(|at| Value::Element(Element::Flow(*at))));
}

members! { of_container: Element::Container(id, at), v;
    "name" text(), "Its name." => optional(container(v, Element::Container(id, at)), |c| say(&c.name.value));
    "service" a(Kind::Service), "Its service." => Value::Element(Element::Service(id));
    "role" Ty::Word(ROLES), "`main`, `sidecar` or `init`." => {
        let service = &v.platform[id];
        let at = at as usize;
        say(if at < service.inits.len() { "init" } else if at < service.inits.len() + service.sidecars.len() { "sidecar" } else { "main" })
    };
    "image" a(Kind::Image), "Its image." => Value::Element(Element::Image(id, at));
    "env" many(a(Kind::Env)), "Its environment." => elements(container(v, Element::Container(id, at)).map_or(0, |c| c.env.len()), |n| Element::Env(id, at, n));
    "ready" maybe(a(Kind::Probe)), "Its readiness probe." => probe_of(v, (id, at), ProbeKind::Ready);
    "live" maybe(a(Kind::Probe)), "Its liveness probe." => probe_of(v, (id, at), ProbeKind::Live);
    "startup" maybe(a(Kind::Probe)), "Its startup probe." => probe_of(v, (id, at), ProbeKind::Startup);
}

members! { of_port: Element::Port(id), v;
    "service" a(Kind::Service), "Its service." => Value::Element(Element::Service(id.service));
}

members! { of_volume: Element::Volume(id, _), v;
    "service" a(Kind::Service), "Its service." => Value::Element(Element::Service(id));
}

members! { of_flow: Element::Flow(at), v;
    "from" a(Kind::Peer), "Who calls." => Value::Element(Element::Peer(v.flows.edges()[at as usize].from));
    "to" a(Kind::Peer), "Who is called." => Value::Element(Element::Peer(v.flows.edges()[at as usize].to));
    "port" text(), "The port's name, or its number as `443/tcp`." => say(&v.flows.edges()[at as usize].port);
    "mode" Ty::Word(Mode::WORDS), "`requires`, `optional` or `observes`." => say(v.flows.edges()[at as usize].mode.as_str());
    "because" maybe(text()), "Why." => optional(v.platform.flows[v.flows.edges()[at as usize].flow.index()].because.as_ref(), say);
}

members! { of_end: Element::Peer(end), v;
    "name" text(), "As the language writes it." => say(v.platform.peer_name(end));
    "kind" Ty::Word(PEERS), "`service`, `external`, `internet` or `cluster`." => say(match end {
        Peer::Service(_) => "service",
        Peer::External(_) => "external",
        Peer::Internet => "internet",
        Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes => "cluster",
    });
    "service" maybe(a(Kind::Service)), "The service, where it is one." => match end {
        Peer::Service(id) => Value::Element(Element::Service(id)),
        Peer::External(_) | Peer::Internet | Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes => Value::Off,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_has_a_sentence_and_stands_once() {
        for kind in Kind::ALL {
            let names = member_names(kind);
            let mut once = names.clone();
            once.dedup();
            assert_eq!(names, once, "{}", kind.name());
            for member in all(kind) {
                assert!(member.doc.ends_with('.'), "{} {}", kind.name(), member.name);
            }
        }
    }
}
