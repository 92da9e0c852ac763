//! The peers of flows: services, sets and stars of them, tiers, externals, the cluster and the internet;
//! and the names of services and namespaces that other statements use.

use erpc_diagnostics::{Diagnostic, Span, codes, listed, nearest};
use erpc_syntax::tree::{Expr, ExprKind, Ident, Path, PathPort, SegmentKind};
use smol_str::SmolStr;

use super::state::Resolver;
use crate::eval::Standpoint;
use crate::ids::Id;
use crate::platform::{ExternalId, NamespaceId, Peer, Peers, ServiceId};

/// Names at the top of DNS that no namespace is likely to be followed by.
const TOP_LEVEL: [&str; 16] = [
    "ai", "app", "cloud", "co", "com", "de", "dev", "edu", "eu", "fr", "gov", "info", "io", "net",
    "org", "uk",
];

impl<'a> Resolver<'a> {
    /// Whether a finding may look at all services.
    pub(super) fn may_compare_services(&mut self) -> bool {
        let services = self.names.service_ids.len();
        self.may_compare(services)
    }

    /// The namespace that a name means.
    pub(super) fn namespace_named(&mut self, name: &Ident) -> Option<NamespaceId> {
        if let Some(id) = self.names.namespace_ids.get(&name.text) {
            return Some(*id);
        }
        if !self.broken_names.contains(&name.text) {
            let declared = self.names.namespace_ids.len();
            self.report_unknown("namespace", name, declared, |it| {
                it.names.namespace_ids.keys().cloned().collect()
            });
        }
        None
    }

    fn report_unknown(
        &mut self,
        kind: &str,
        name: &Ident,
        declared: usize,
        known: impl FnOnce(&Self) -> Vec<SmolStr>,
    ) {
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_NAME,
            format!("unknown {kind} `{}`", name.text),
        )
        .at(name.span, "declared nowhere");
        let declared = declared + self.index.namespaces.len() + self.layers.component_ids.len();
        if !self.may_compare(declared) {
            self.report(diagnostic);
            return;
        }
        let known = known(self);
        let mut known: Vec<&str> = known.iter().map(SmolStr::as_str).collect();
        known.sort_unstable();
        if let Some(diagnostic) = self.of_another_kind(kind, name) {
            self.report(diagnostic);
            return;
        }
        // Where a service stands, an external or the internet may stand too.
        let others = self.index.externals.keys().map(SmolStr::as_str);
        let others = others.chain(["internet"]).filter(|_| kind == "service");
        let near = nearest(&name.text, known.iter().copied().chain(others));
        if near.is_none() && self.index.has_nameless && kind == "service" {
            return;
        }
        diagnostic = diagnostic.suggest(near, name.span, |diagnostic| {
            diagnostic.help(format!("known: {}", listed(known.iter().copied(), 12)))
        });
        self.report(diagnostic);
    }

    /// A name that is something else than what stands here.
    fn of_another_kind(&self, kind: &str, name: &Ident) -> Option<Diagnostic> {
        let found = |found: &str, declared: Span| {
            Diagnostic::new(
                &codes::WRONG_KIND,
                format!("`{}` is {found}, not a {kind}", name.text),
            )
            .at(name.span, format!("a {kind} is expected"))
            .also(declared, "declared here")
        };
        let text = &name.text;
        if let Some(namespace) = self
            .index
            .namespaces
            .get(text)
            .filter(|_| kind != "namespace")
        {
            let services = namespace.services.keys().map(SmolStr::as_str);
            return Some(
                found("a namespace", namespace.declared.name.span).help(format!(
                    "write `{text}.SERVICE`; its services: {}",
                    listed(services, 9)
                )),
            );
        }
        let homes = self.index.namespaces.iter();
        let home = homes
            .filter(|_| kind == "namespace")
            .find_map(|(home, n)| Some((home, n.services.get(text)?)));
        if let Some((home, (_, service))) = home {
            return Some(
                found("a service", service.name.span)
                    .help(format!("it is in the namespace `{home}`")),
            );
        }
        if let Some(external) = self.index.externals.get(text) {
            return Some(found("an external", external.name.span));
        }
        if let Some(constant) = self.constants.get(&(None, text.clone())) {
            return Some(found("a constant", constant.name.span));
        }
        let component = self
            .layers
            .component_ids
            .iter()
            .find(|((_, name), _)| name == text);
        component.map(|(_, id)| {
            found("a component", self.layers.components[id.index()].span)
                .help("a component runs as the services that are made of it")
        })
    }

    /// The service that a path without wildcards and port means.
    pub(super) fn service_named(
        &mut self,
        expr: &Expr,
        namespace: Option<NamespaceId>,
    ) -> Option<ServiceId> {
        match &expr.kind {
            ExprKind::Path(path) if path.port.is_none() => {
                let at = Standpoint::in_namespace(namespace);
                self.service_of_path(path, expr.span, at)
            }
            _ => self.no_service(expr.span),
        }
    }

    /// `api.openai.com:443`: a name of DNS, which policies do not know.
    fn host_instead<T>(&mut self, path: &Path, span: Span) -> Option<T> {
        let host = self.loaded.sources.text(span);
        let host = host.split(':').next().unwrap_or(host).to_owned();
        let port = path.port.as_ref().map_or("443".to_owned(), |port| {
            let span = match port {
                PathPort::Name(name) => name.span,
                PathPort::Number(_, span) => *span,
            };
            self.loaded.sources.text(span).to_owned()
        });
        self.report(
            Diagnostic::new(
                &codes::WRONG_SHAPE,
                format!("expected a service, found the host name `{host}`"),
            )
            .at(span, "outside of the platform")
            .help(format!(
                "any address on the internet: `calls internet:{port}`"
            ))
            .help(format!(
                "only its addresses: declare `external NAME {{ cidr …; dns \"{host}\"; port NAME {port} }}` and call that: a NetworkPolicy knows addresses, not names"
            )),
        );
        None
    }

    fn no_service<T>(&mut self, span: Span) -> Option<T> {
        self.report(
            Diagnostic::new(&codes::WRONG_SHAPE, "a service is expected here")
                .at(span, "not a service")
                .help("a service is written `service` or `namespace.service`"),
        );
        None
    }

    fn service_of_path(&mut self, path: &Path, span: Span, at: Standpoint) -> Option<ServiceId> {
        let names: Option<Vec<Ident>> = path
            .segments
            .iter()
            .map(|s| {
                s.as_name().map(|text| Ident {
                    text: text.clone(),
                    span: s.span,
                })
            })
            .collect();
        match names.as_deref() {
            Some([name]) if name.text == "self" => match at.service {
                Some(id) => Some(id),
                None => self.no_service(span),
            },
            Some([name]) => self.bare_service(name, at.namespace),
            Some([namespace, name]) => {
                if path.port.is_none() && self.is_port_behind_dot(namespace, name, at) {
                    return None;
                }
                let is_host = TOP_LEVEL.contains(&name.text.as_str())
                    && path.port.is_some()
                    && !self.names.namespace_ids.contains_key(&namespace.text);
                if is_host {
                    return self.host_instead(path, span);
                }
                let id = self.namespace_named(namespace)?;
                if let Some(service) = self.names.service_ids.get(&(id, name.text.clone())) {
                    return Some(*service);
                }
                if !self.broken_names.contains(&name.text) {
                    self.report_unknown_service(namespace, id, name);
                }
                None
            }
            Some([_, _, ..]) if path.port.is_some() => self.host_instead(path, span),
            _ => self.no_service(span),
        }
    }

    /// Reports `service.port` for `service:port`.
    fn is_port_behind_dot(&mut self, name: &Ident, port: &Ident, at: Standpoint) -> bool {
        if self.names.namespace_ids.contains_key(&name.text) {
            return false;
        }
        let is_here = at.namespace.is_some_and(|home| {
            self.names
                .service_ids
                .contains_key(&(home, name.text.clone()))
        });
        if !is_here && !self.names.services_by_name.contains_key(&name.text) {
            return false;
        }
        let dot = Span::new(name.span.file, name.span.end, port.span.start);
        self.report(
            Diagnostic::new(
                &codes::WRONG_SHAPE,
                "the port of a service stands behind a `:`, not behind a `.`".to_string(),
            )
            .at(dot, "another sign")
            .help(format!("write `{}:{}`", name.text, port.text))
            .fix("write `:`", dot, ":"),
        );
        true
    }

    pub(super) fn report_unknown_service(
        &mut self,
        namespace: &Ident,
        id: NamespaceId,
        name: &Ident,
    ) {
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_NAME,
            format!(
                "the namespace `{}` has no service `{}`",
                namespace.text, name.text
            ),
        )
        .at(name.span, "declared nowhere");
        if !self.may_compare_services() {
            self.report(diagnostic);
            return;
        }
        let here: Vec<SmolStr> = self
            .names
            .service_ids
            .keys()
            .filter(|(n, _)| *n == id)
            .map(|(_, s)| s.clone())
            .collect();
        let elsewhere = self
            .names
            .services_by_name
            .get(&name.text)
            .and_then(|ids| ids.first().copied());
        let elsewhere = elsewhere.and_then(|id| {
            let (owner, _) = self.names.service_ids.iter().find(|(_, s)| **s == id)?.0;
            self.names
                .namespace_ids
                .iter()
                .find(|(_, n)| *n == owner)
                .map(|(name, _)| name.clone())
        });
        let near = nearest(&name.text, here.iter().map(SmolStr::as_str));
        if self.index.has_nameless && near.is_none() && elsewhere.is_none() {
            return;
        }
        if let Some(owner) = elsewhere {
            diagnostic = diagnostic
                .help(format!(
                    "`{}` is in `{owner}`: write `{owner}.{}`",
                    name.text, name.text
                ))
                .fix(format!("write `{owner}`"), namespace.span, owner);
        } else {
            let here = here.iter().map(SmolStr::as_str);
            diagnostic = diagnostic.candidates(&name.text, name.span, here);
        }
        self.report(diagnostic);
    }

    /// A bare name: in the same namespace, else the only one of that name in the program.
    pub(super) fn bare_service(
        &mut self,
        name: &Ident,
        namespace: Option<NamespaceId>,
    ) -> Option<ServiceId> {
        if let Some(namespace) = namespace
            && let Some(id) = self.names.service_ids.get(&(namespace, name.text.clone()))
        {
            return Some(*id);
        }
        match self
            .names
            .services_by_name
            .get(&name.text)
            .map(Vec::as_slice)
        {
            Some([only]) => Some(*only),
            Some([first, second, ..]) => {
                let (first, second) = (*first, *second);
                if !self.may_compare_services() {
                    self.report(
                        Diagnostic::new(
                            &codes::AMBIGUOUS_NAME,
                            format!("several namespaces have a service `{}`", name.text),
                        )
                        .at(name.span, "which one?")
                        .help("name the namespace too"),
                    );
                    return None;
                }
                let owner = |id: ServiceId| {
                    let found = self.names.service_ids.iter().find(|(_, s)| **s == id);
                    let namespace = found.map(|((n, _), _)| *n);
                    let name = self
                        .names
                        .namespace_ids
                        .iter()
                        .find(|(_, n)| Some(**n) == namespace);
                    name.map_or_else(SmolStr::default, |(name, _)| name.clone())
                };
                let (a, b) = (owner(first), owner(second));
                self.report(
                    Diagnostic::new(
                        &codes::AMBIGUOUS_NAME,
                        format!("ambiguous name `{0}`: `{a}.{0}` or `{b}.{0}`", name.text),
                    )
                    .at(name.span, "which one?")
                    .help("name the namespace too"),
                );
                None
            }
            _ => {
                if !self.broken_names.contains(&name.text) {
                    let declared = self.names.services_by_name.len();
                    self.report_unknown("service", name, declared, |it| {
                        it.names.services_by_name.keys().cloned().collect()
                    });
                }
                None
            }
        }
    }

    /// `service:port` by names, for `expose` and the ingress controller.
    pub(super) fn service_and_port_named(
        &mut self,
        expr: &Expr,
        namespace: Option<NamespaceId>,
    ) -> Option<(ServiceId, Ident)> {
        if let ExprKind::Path(path) = &expr.kind
            && let Some(PathPort::Name(port)) = &path.port
        {
            let at = Standpoint::in_namespace(namespace);
            let id = self.service_of_path(path, expr.span, at)?;
            return Some((id, port.clone()));
        }
        self.report(
            Diagnostic::new(
                &codes::WRONG_SHAPE,
                "a service and the name of its port are expected here",
            )
            .at(expr.span, "not both")
            .help("it is written `namespace.service:port`"),
        );
        None
    }

    /// The peers that an expression means, and the port behind its `:`.
    pub(super) fn peers_named<'e>(
        &mut self,
        expr: &'e Expr,
        at: Standpoint,
    ) -> Option<(Peers, Option<&'e PathPort>)> {
        let mut peers = Peers {
            peers: Vec::new(),
            is_pattern: true,
            span: expr.span,
        };
        let port = match &expr.kind {
            ExprKind::Ported(inner, port) => {
                let (found, _) = self.peers_named(inner, at)?;
                peers.peers = found.peers;
                peers.is_pattern = found.is_pattern;
                Some(port)
            }
            ExprKind::Path(path) => {
                let (found, is_pattern) = self.path_ends(path, expr.span, at)?;
                peers.peers = found;
                peers.is_pattern = is_pattern;
                path.port.as_ref()
            }
            ExprKind::Set(members) => {
                let mut all_known = true;
                for member in members {
                    match self.peers_named(member, at) {
                        Some((found, None)) => peers.peers.extend(found.peers),
                        Some((_, Some(_))) => {
                            self.report(
                                Diagnostic::new(
                                    &codes::WRONG_SHAPE,
                                    "the port stands behind the whole set",
                                )
                                .at(member.span, "a port inside")
                                .help("it is written `{a, b}:port`"),
                            );
                            all_known = false;
                        }
                        None => all_known = false,
                    }
                }
                if !all_known {
                    return None;
                }
                None
            }
            ExprKind::Member(inner, segment) if matches!(segment.kind, SegmentKind::Star) => {
                peers.peers = self.tier_ends(inner)?;
                None
            }
            ExprKind::Subresource(..) => return self.slash_for_dot(expr),
            _ => return self.no_end(expr.span),
        };
        peers.peers.sort_unstable();
        peers.peers.dedup();
        Some((peers, port))
    }

    /// `namespace/service`.
    fn slash_for_dot<T>(&mut self, expr: &Expr) -> Option<T> {
        let ExprKind::Subresource(path, name) = &expr.kind else {
            return self.no_end(expr.span);
        };
        let end = path
            .segments
            .last()
            .map_or(expr.span, |segment| segment.span)
            .end;
        let slash = Span::new(expr.span.file, end, name.span.start);
        let written = self.loaded.sources.text(expr.span).replace('/', ".");
        self.report(
            Diagnostic::new(
                &codes::WRONG_SHAPE,
                "a service stands behind its namespace and a `.`, not a `/`",
            )
            .at(slash, "another sign")
            .help(format!("write `{written}`"))
            .fix("write `.`", slash, "."),
        );
        None
    }

    fn no_end<T>(&mut self, span: Span) -> Option<T> {
        self.report(
            Diagnostic::new(&codes::WRONG_SHAPE, "expected a peer of a flow")
                .at(span, "not a peer")
                .help("a peer is `namespace.service`, `namespace.*`, `*.*`, `tier(name).*`, `{a, b}`, an external, `internet`, `cluster.dns`, `cluster.api` or `cluster.nodes`"),
        );
        None
    }

    fn tier_ends(&mut self, expr: &Expr) -> Option<Vec<Peer>> {
        let ExprKind::Call(call) = &expr.kind else {
            return self.no_end(expr.span);
        };
        let is_tier = call.callee.as_word().is_some_and(|w| w == "tier");
        let name = match call.args.as_slice() {
            [argument] if is_tier && argument.name.is_none() => argument.value.as_word(),
            _ => None,
        };
        let Some(name) = name else {
            return self.no_end(expr.span);
        };
        // Which services are in a tier is not known where a namespace says none, or one that is none.
        let tiers = &self.parts.tiers;
        let is_partial = tiers.iter().any(|tier| tier.name.value.is_empty());
        let Some(tier) = self.tier_of_name(name) else {
            if self.unknown_tiers.contains(name) {
                return None;
            }
            let known: Vec<SmolStr> = self.tier_names().cloned().collect();
            let ident = Ident {
                text: name.clone(),
                span: call.args[0].value.span,
            };
            self.report_unknown("tier", &ident, known.len(), |_| known);
            return None;
        };
        let peers = (0..).map(ServiceId).zip(&self.names.homes);
        let peers: Vec<Peer> = peers
            .filter(|(id, home)| {
                let service = self.parts.services.get(id.index());
                let own = service.and_then(|service| service.as_ref()?.properties.tier.as_ref());
                own.unwrap_or(&self.parts.namespaces[home.index()].tier)
                    .value
                    == tier
            })
            .map(|(id, _)| Peer::Service(id))
            .collect();
        (!peers.is_empty() || !is_partial).then_some(peers)
    }

    fn path_ends(&mut self, path: &Path, span: Span, at: Standpoint) -> Option<(Vec<Peer>, bool)> {
        use SegmentKind::{Name, Star};
        let kinds: Vec<&SegmentKind> = path.segments.iter().map(|s| &s.kind).collect();
        let all = || (0..).map(ServiceId).zip(&self.names.homes);
        match kinds.as_slice() {
            [Star] | [Star, Star] => Some((all().map(|(id, _)| Peer::Service(id)).collect(), true)),
            [Name(namespace), Star] => {
                let ident = Ident {
                    text: namespace.clone(),
                    span: path.segments[0].span,
                };
                let id = self.namespace_named(&ident)?;
                let peers: Vec<Peer> = self.names.services_of(id).map(Peer::Service).collect();
                if peers.is_empty() {
                    self.report(
                        Diagnostic::new(
                            &codes::EMPTY_WILDCARD,
                            format!("the namespace `{namespace}` has no services"),
                        )
                        .at(span, "matches nothing"),
                    );
                    return None;
                }
                Some((peers, true))
            }
            [Name(name)] if name == "internet" => Some((vec![Peer::Internet], false)),
            [Name(cluster), Name(part)] if cluster == "cluster" => {
                let end = match part.as_str() {
                    "dns" => Peer::ClusterDns,
                    "api" => Peer::ClusterApi,
                    "nodes" => Peer::ClusterNodes,
                    other => {
                        self.report_not_in(
                            "a cluster",
                            other,
                            path.segments[1].span,
                            &["dns", "api", "nodes"],
                        );
                        return None;
                    }
                };
                Some((vec![end], false))
            }
            [Name(name)] if self.index.externals.contains_key(name) => {
                let position = self.index.externals.keys().position(|e| e == name)?;
                Some((
                    vec![Peer::External(ExternalId::from_index(position))],
                    false,
                ))
            }
            _ => {
                let id = self.service_of_path(path, span, at)?;
                Some((vec![Peer::Service(id)], false))
            }
        }
    }
}
