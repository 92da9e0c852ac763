//! What can be asked of each kind of element: one row a member, with its type, a sentence, and how
//! it is read. The type checker, the evaluator and the reference of the language read this table.

use std::sync::LazyLock;

use smol_str::{SmolStr, format_smolstr};

use super::evaluate::View;
use crate::elements::{Element, GrantOwner, Kind, ProbeKind};
use crate::ids::number;
use crate::platform::{
    Container, End, EnvValue, Grant, MemberId, Mode, Namespace, Platform, Probe, ProbeCheck,
    Scaling, Service, Workload,
};
use crate::statements::{Get, ServiceProperties, Statements};
use crate::ty::Ty;
use crate::units::{Protocol, Range};
use crate::value::{Type, Value};

/// A member of a kind of element.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) ty: fn() -> Ty,
    get: Read,
}

/// How a member is read.
#[derive(Debug)]
enum Read {
    Element(fn(View<'_>, Element) -> Value),
    Platform(Get<Platform>),
    Namespace(Get<Namespace>),
    Service(Get<ServiceProperties>),
    Container(Get<Container>),
}

impl Member {
    /// Its value; the type checker only asks elements of its own kind.
    pub(crate) fn get(&self, view: View<'_>, element: Element) -> Value {
        let platform = view.platform;
        match (&self.get, element) {
            (Read::Element(get), element) => get(view, element),
            (Read::Platform(get), _) => get(platform, platform),
            (Read::Namespace(get), Element::Namespace(id)) => get(&platform[id], platform),
            (Read::Service(get), Element::Service(id)) => get(&platform[id].properties, platform),
            (Read::Container(get), Element::Container(id, at)) => {
                get(container_of(&platform[id], at), platform)
            }
            (Read::Namespace(_) | Read::Service(_) | Read::Container(_), _) => Value::Off,
        }
    }
}

/// The members that statements declare, for each kind of element that has some.
static DECLARED: LazyLock<[(Kind, Vec<Member>); 4]> = LazyLock::new(|| {
    [
        (Kind::Platform, declared(Read::Platform)),
        (Kind::Namespace, declared(Read::Namespace)),
        (Kind::Service, declared(Read::Service)),
        (Kind::Container, declared(Read::Container)),
    ]
});

fn declared<O: Statements>(read: fn(Get<O>) -> Read) -> Vec<Member> {
    let members = O::ALL.iter().flat_map(|statement| statement.members);
    members
        .map(|member| Member {
            name: member.name,
            doc: member.doc,
            ty: member.ty,
            get: read(member.get),
        })
        .collect()
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
    let mut all = all(kind).enumerate();
    all.find(|(_, member)| member.name == name)
        .map(|(index, member)| (MemberId { kind, index }, member))
}

/// The member with this id.
pub(crate) fn member_of(id: MemberId) -> Option<&'static Member> {
    all(id.kind).nth(id.index)
}

/// The names of a kind's members, sorted.
pub(crate) fn member_names(kind: Kind) -> Vec<&'static str> {
    let mut names: Vec<&str> = all(kind).map(|member| member.name).collect();
    names.sort_unstable();
    names
}

fn all(kind: Kind) -> impl Iterator<Item = &'static Member> {
    let declared = DECLARED.iter().filter(move |(of, _)| *of == kind);
    let declared = declared.flat_map(|(_, members)| members);
    table(kind).iter().chain(declared)
}

fn table(kind: Kind) -> &'static [Member] {
    match kind {
        Kind::Platform => PLATFORM,
        Kind::Namespace => NAMESPACE,
        Kind::Service => SERVICE,
        Kind::Container => CONTAINER,
        Kind::Image => IMAGE,
        Kind::Env => ENV,
        Kind::Probe => PROBE,
        Kind::Port => PORT,
        Kind::Volume => VOLUME,
        Kind::Config => CONFIG,
        Kind::Route => ROUTE,
        Kind::Grant => GRANT,
        Kind::Flow => FLOW,
        Kind::End => END,
    }
}

// ---- types, as the rows write them

fn text() -> Ty {
    Ty::Plain(Type::String)
}
fn int() -> Ty {
    Ty::Plain(Type::Int)
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
fn span_of(ty: Type) -> Ty {
    Ty::Range(Box::new(Ty::Plain(ty)))
}

// ---- values

fn say(value: impl AsRef<str>) -> Value {
    Value::Text(SmolStr::new(value))
}
fn count(value: impl Into<i64>) -> Value {
    Value::Int(value.into())
}
fn optional<T>(value: Option<T>, make: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Off, make)
}
fn range<T: Copy>(range: Range<T>, make: impl Fn(T) -> Value) -> Value {
    Value::Range(Box::new(make(range.min)), Box::new(make(range.max)))
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

fn container_of(service: &Service, at: u32) -> &Container {
    // Elements are made from the same lists, so that the place exists.
    service
        .containers()
        .nth(at as usize)
        .unwrap_or(&service.main)
}

/// The place of the main container: behind all others.
fn main_at(service: &Service) -> u32 {
    number(service.inits.len() + service.sidecars.len())
}

fn probe_of(container: &Container, kind: ProbeKind) -> Option<&Probe> {
    let probes = &container.probes;
    let probe = match kind {
        ProbeKind::Ready => &probes.ready,
        ProbeKind::Live => &probes.live,
        ProbeKind::Startup => &probes.startup,
    };
    probe.as_ref().map(|probe| &probe.value)
}

fn probe_value(service: &Service, at: (crate::ServiceId, u32), kind: ProbeKind) -> Value {
    let probe = probe_of(container_of(service, at.1), kind);
    optional(probe, |_| Value::Element(Element::Probe(at.0, at.1, kind)))
}

fn grants(view: View<'_>, owner: GrantOwner) -> &[Grant] {
    match owner {
        GrantOwner::Namespace(id) => &view.platform[id].grants,
        GrantOwner::Service(id) => &view.platform[id].grants,
    }
}

fn tier_of(view: View<'_>, namespace: &Namespace) -> Value {
    say(&view.platform.tiers[namespace.tier.value.index()].name.value)
}

const WORKLOADS: &[&str] = &["deployment", "statefulset", "job", "cronjob"];
const ROLES: &[&str] = &["main", "sidecar", "init"];
const CHECKS: &[&str] = &["http", "tcp", "exec"];
const PROTOCOLS: &[&str] = &["tcp", "udp", "sctp"];
const ENDS: &[&str] = &["service", "external", "internet", "cluster"];

macro_rules! members {
    ($table:ident: $pattern:pat, $view:ident; $($name:literal $ty:expr, $doc:literal => $value:expr;)*) => {
        #[allow(unused_variables, reason = "not every row needs all that the table binds")]
        static $table: &[Member] = &[$(Member {
            name: $name,
            doc: $doc,
            ty: || $ty,
            get: Read::Element(|$view, element| {
                let $pattern = element else { return Value::Off };
                $value
            }),
        }),*];
    };
}

members! { PLATFORM: Element::Platform, v;
    "name" text(), "Its name." => say(&v.platform.name.value);
    "tiers" many(text()), "The tiers, lowest first." => texts(v.platform.tiers.iter().map(|t| &t.name.value));
    "namespaces" many(a(Kind::Namespace)), "All namespaces." => list(v.platform.namespaces().map(|(id, _)| Value::Element(Element::Namespace(id))));
    "services" many(a(Kind::Service)), "All services and jobs." => list(v.platform.services().map(|(id, _)| Value::Element(Element::Service(id))));
    "flows" many(a(Kind::Flow)), "All flows, one for each caller, called and port." => elements(v.flows.edges().len(), Element::Flow);
    "routes" many(a(Kind::Route)), "All routes from outside." => elements(v.platform.routes.len(), Element::Route);
}

members! { NAMESPACE: Element::Namespace(id), v;
    "name" text(), "Its name." => say(&v.platform[id].name.value);
    "doc" maybe(text()), "The `##` above it." => optional(v.platform[id].doc.as_ref(), say);
    "tier" text(), "Its tier." => tier_of(v, &v.platform[id]);
    "grants" many(a(Kind::Grant)), "What its account may do." => elements(v.platform[id].grants.len(), |at| Element::Grant(GrantOwner::Namespace(id), at));
    "services" many(a(Kind::Service)), "Its services and jobs." => list(v.platform[id].services.iter().map(|s| Value::Element(Element::Service(*s))));
}

members! { SERVICE: Element::Service(id), v;
    "name" text(), "Its name." => say(&v.platform[id].name.value);
    "path" text(), "`namespace.service`." => say(v.platform.path(id));
    "namespace" a(Kind::Namespace), "Its namespace." => Value::Element(Element::Namespace(v.platform[id].namespace));
    "tier" text(), "The tier of its namespace." => tier_of(v, &v.platform[v.platform[id].namespace]);
    "doc" maybe(text()), "The `##` above it." => optional(v.platform[id].doc.as_ref(), say);
    "kind" Ty::Word(WORKLOADS), "What it runs as: `deployment`, `statefulset`, `job` or `cronjob`." => say(match v.platform[id].workload {
        Workload::Deployment => "deployment",
        Workload::StatefulSet => "statefulset",
        Workload::Job => "job",
        Workload::CronJob(_) => "cronjob",
    });
    "components" many(text()), "The components that it is." => texts(v.platform[id].components.iter().map(|u| &v.platform.components[v.platform.uses[u.index()].component.index()].name));
    "containers" many(a(Kind::Container)), "Its containers." => elements(v.platform[id].containers().count(), |at| Element::Container(id, at));
    "main" a(Kind::Container), "The container that carries its name." => Value::Element(Element::Container(id, main_at(&v.platform[id])));
    "image" a(Kind::Image), "The image of the main container." => Value::Element(Element::Image(id, main_at(&v.platform[id])));
    "env" many(a(Kind::Env)), "The environment of the main container." => elements(v.platform[id].main.env.len(), |at| Element::Env(id, main_at(&v.platform[id]), at));
    "cpu" span_of(Type::Cpu), "Request and limit of the main container." => range(v.platform[id].main.cpu.value, Value::Cpu);
    "memory" span_of(Type::Memory), "Request and limit of the main container." => range(v.platform[id].main.memory.value, Value::Memory);
    "ready" maybe(a(Kind::Probe)), "Its readiness probe." => probe_value(&v.platform[id], (id, main_at(&v.platform[id])), ProbeKind::Ready);
    "live" maybe(a(Kind::Probe)), "Its liveness probe." => probe_value(&v.platform[id], (id, main_at(&v.platform[id])), ProbeKind::Live);
    "startup" maybe(a(Kind::Probe)), "Its startup probe." => probe_value(&v.platform[id], (id, main_at(&v.platform[id])), ProbeKind::Startup);
    "ports" many(a(Kind::Port)), "Its ports." => list((0u32..).zip(&v.platform[id].ports).map(|(index, _)| Value::Element(Element::Port(crate::PortId { service: id, index }))));
    "volumes" many(a(Kind::Volume)), "Its volumes." => elements(v.platform[id].volumes.len(), |at| Element::Volume(id, at));
    "configs" many(a(Kind::Config)), "Its configs." => elements(v.platform[id].configs.len(), |at| Element::Config(id, at));
    "replicas" span_of(Type::Int), "How many pods there are, at least and at most." => range(v.platform[id].scaling.bounds(), count);
    "autoscaled" truth(), "Whether an autoscaler owns the number of pods." => Value::Bool(matches!(v.platform[id].scaling, Scaling::Auto(_)));
    "availability" maybe(Ty::Plain(Type::Percent)), "The share of good time that it promises." => optional(v.platform[id].availability.as_ref(), |s| Value::Percent(s.value.share));
    "after" many(a(Kind::Service)), "What it names with `after`." => list(v.platform[id].after.iter().map(|s| Value::Element(Element::Service(s.value))));
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

members! { CONTAINER: Element::Container(id, at), v;
    "name" text(), "Its name." => say(&container_of(&v.platform[id], at).name.value);
    "service" a(Kind::Service), "Its service." => Value::Element(Element::Service(id));
    "role" Ty::Word(ROLES), "`main`, `sidecar` or `init`." => {
        let service = &v.platform[id];
        let at = at as usize;
        say(if at < service.inits.len() { "init" } else if at < service.inits.len() + service.sidecars.len() { "sidecar" } else { "main" })
    };
    "image" a(Kind::Image), "Its image." => Value::Element(Element::Image(id, at));
    "env" many(a(Kind::Env)), "Its environment." => elements(container_of(&v.platform[id], at).env.len(), |n| Element::Env(id, at, n));
    "ready" maybe(a(Kind::Probe)), "Its readiness probe." => probe_value(&v.platform[id], (id, at), ProbeKind::Ready);
    "live" maybe(a(Kind::Probe)), "Its liveness probe." => probe_value(&v.platform[id], (id, at), ProbeKind::Live);
    "startup" maybe(a(Kind::Probe)), "Its startup probe." => probe_value(&v.platform[id], (id, at), ProbeKind::Startup);
}

members! { IMAGE: Element::Image(id, at), v;
    "reference" text(), "The whole reference." => say(container_of(&v.platform[id], at).image.value.to_string());
    "registry" text(), "Its registry." => say(&container_of(&v.platform[id], at).image.value.registry);
    "repository" text(), "Its repository." => say(&container_of(&v.platform[id], at).image.value.repository);
    "tag" maybe(text()), "Its tag." => optional(container_of(&v.platform[id], at).image.value.tag.as_ref(), say);
    "digest" maybe(text()), "Its digest: `sha256:…`." => optional(container_of(&v.platform[id], at).image.value.digest.as_ref(), say);
}

members! { ENV: Element::Env(id, at, n), v;
    "name" text(), "Its name." => say(&container_of(&v.platform[id], at).env[n as usize].name);
    "value" maybe(text()), "Its text, where the source says it." => match &container_of(&v.platform[id], at).env[n as usize].value.value {
        EnvValue::Text(value) => say(value),
        EnvValue::Secret(..) => Value::Off,
    };
    "secret" maybe(text()), "The Secret that it comes from." => match &container_of(&v.platform[id], at).env[n as usize].value.value {
        EnvValue::Text(_) => Value::Off,
        EnvValue::Secret(secret, _) => say(&v.platform[*secret].name.value),
    };
}

members! { PROBE: Element::Probe(id, at, kind), v;
    "kind" Ty::Word(CHECKS), "What is asked: `http`, `tcp` or `exec`." => optional(probe_of(container_of(&v.platform[id], at), kind), |p| say(match p.check.value {
        ProbeCheck::Http(..) => "http",
        ProbeCheck::Tcp(_) => "tcp",
        ProbeCheck::Exec(_) => "exec",
    }));
    "path" maybe(text()), "The path of an `http` probe." => match probe_of(container_of(&v.platform[id], at), kind).map(|p| &p.check.value) {
        Some(ProbeCheck::Http(path, _)) => say(path),
        Some(ProbeCheck::Tcp(_) | ProbeCheck::Exec(_)) | None => Value::Off,
    };
    "after" Ty::Plain(Type::Duration), "How long it waits first." => optional(probe_of(container_of(&v.platform[id], at), kind), |p| Value::Duration(p.after.value));
    "every" Ty::Plain(Type::Duration), "How often it asks." => optional(probe_of(container_of(&v.platform[id], at), kind), |p| Value::Duration(p.every.value));
    "within" Ty::Plain(Type::Duration), "How long an answer may take." => optional(probe_of(container_of(&v.platform[id], at), kind), |p| Value::Duration(p.within.value));
    "fails" int(), "After how many failures it counts." => optional(probe_of(container_of(&v.platform[id], at), kind), |p| count(p.fails.value));
}

members! { PORT: Element::Port(id), v;
    "name" text(), "Its name." => say(&v.platform[id].name.value);
    "number" int(), "The number that clients use." => count(v.platform[id].number.value);
    "last" int(), "The last number of a range, else the same." => count(v.platform[id].last);
    "container" int(), "The number that the container listens on." => count(v.platform[id].container);
    "protocol" Ty::Word(PROTOCOLS), "`tcp`, `udp` or `sctp`." => say(match v.platform[id].protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    });
    "host" truth(), "Whether the node opens it too." => Value::Bool(v.platform[id].host);
    "service" a(Kind::Service), "Its service." => Value::Element(Element::Service(id.service));
}

members! { VOLUME: Element::Volume(id, at), v;
    "name" text(), "Its name." => say(&v.platform[id].volumes[at as usize].name.value);
    "service" a(Kind::Service), "Its service." => Value::Element(Element::Service(id));
    "size" Ty::Plain(Type::Memory), "Its size." => Value::Memory(v.platform[id].volumes[at as usize].size.value);
    "at" text(), "Where it is mounted." => say(&v.platform[id].volumes[at as usize].at.value);
    "class" maybe(text()), "Its storage class." => optional(v.platform[id].volumes[at as usize].class.as_ref(), |c| say(&c.value));
    "shared" truth(), "Whether all replicas share one claim." => Value::Bool(v.platform[id].volumes[at as usize].shared);
}

members! { CONFIG: Element::Config(id, at), v;
    "name" text(), "Its name." => say(&v.platform[id].configs[at as usize].name.value);
    "at" text(), "The folder in which its files appear." => say(&v.platform[id].configs[at as usize].at.value);
    "files" many(text()), "The names of its files." => texts(v.platform[id].configs[at as usize].files.iter().map(|(name, _)| name));
}

members! { ROUTE: Element::Route(at), v;
    "service" a(Kind::Service), "Where it leads." => Value::Element(Element::Service(v.platform.routes[at as usize].port.service));
    "port" a(Kind::Port), "To which port." => Value::Element(Element::Port(v.platform.routes[at as usize].port));
    "host" text(), "Its host." => say(&v.platform.routes[at as usize].host.value);
    "path" text(), "Its path." => say(&v.platform.routes[at as usize].path);
    "tls" maybe(text()), "The Secret of its certificate." => optional(v.platform.routes[at as usize].tls.as_ref(), |s| say(&v.platform[s.value].name.value));
    "from" many(Ty::Plain(Type::Cidr)), "From where; everywhere where empty." => list(v.platform.routes[at as usize].from.iter().map(|c| Value::Cidr(c.value)));
}

members! { GRANT: Element::Grant(owner, at), v;
    "verbs" many(text()), "What may be done." => texts(&grants(v, owner)[at as usize].verbs);
    "resources" many(text()), "To what: `configmaps`, `deployments.apps`." => texts(grants(v, owner)[at as usize].resources.iter().map(|r| if r.group.is_empty() { r.name.clone() } else { format_smolstr!("{}.{}", r.name, r.group) }));
    "cluster" truth(), "Whether in the whole cluster." => Value::Bool(grants(v, owner)[at as usize].in_cluster);
    "because" maybe(text()), "Why." => optional(grants(v, owner)[at as usize].because.as_ref(), say);
}

members! { FLOW: Element::Flow(at), v;
    "from" a(Kind::End), "Who calls." => Value::Element(Element::End(v.flows.edges()[at as usize].from));
    "to" a(Kind::End), "Who is called." => Value::Element(Element::End(v.flows.edges()[at as usize].to));
    "port" text(), "The port's name, or its number as `443/tcp`." => say(&v.flows.edges()[at as usize].port);
    "mode" Ty::Word(Mode::WORDS), "`requires`, `optional` or `observes`." => say(v.flows.edges()[at as usize].mode.as_str());
    "because" maybe(text()), "Why." => optional(v.platform.flows[v.flows.edges()[at as usize].flow.index()].because.as_ref(), say);
}

members! { END: Element::End(end), v;
    "name" text(), "As the language writes it." => say(v.platform.end_name(end));
    "kind" Ty::Word(ENDS), "`service`, `external`, `internet` or `cluster`." => say(match end {
        End::Service(_) => "service",
        End::External(_) => "external",
        End::Internet => "internet",
        End::ClusterDns | End::ClusterApi | End::ClusterNodes => "cluster",
    });
    "service" maybe(a(Kind::Service)), "The service, where it is one." => match end {
        End::Service(id) => Value::Element(Element::Service(id)),
        End::External(_) | End::Internet | End::ClusterDns | End::ClusterApi | End::ClusterNodes => Value::Off,
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
