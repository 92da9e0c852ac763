//! What is reached from outside: routes through the ingress controller, node ports, load balancers.

use std::collections::BTreeSet;

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Ident, Sign};
use ipnet::IpNet;

use super::settings::{Setting, Settings, Stack};
use super::state::Resolver;
use crate::args::Args;
use crate::eval::Scope;
use crate::origin::{Sourced, Via};
use crate::platform::{Address, AddressKind, PortId, Route, ServiceId};
use crate::properties::{self, BlockKind};
use crate::statements::Reader;

/// The node ports of a cluster that says nothing else (`--service-node-port-range`).
const NODE_PORTS: std::ops::RangeInclusive<u32> = 30_000..=32_767;

impl<'a> Resolver<'a> {
    /// All `expose`s: routes and addresses.
    pub(super) fn exposures(
        &mut self,
        settings: &[(ServiceId, Settings<'a>)],
    ) -> (Vec<Route>, Vec<Address>) {
        let (mut routes, mut addresses) = (Vec::new(), Vec::new());
        let form = properties::word("expose", BlockKind::Program).map_or("", |w| w.form);
        for (namespace, statement) in self.index.exposes.clone() {
            let namespace = namespace.and_then(|n| self.names.namespace_ids.get(&n).copied());
            let mut args = Args::new(&statement.args[1..], statement.span, form);
            let Some(expr) = args.need_expr("the service and its port", &mut self.diagnostics)
            else {
                continue;
            };
            if let Some((service, port)) = self.service_and_port_named(expr, namespace) {
                self.exposure(
                    args,
                    service,
                    &port,
                    statement.span,
                    &Scope::default(),
                    &mut routes,
                    &mut addresses,
                );
            }
        }
        for (service, settings) in settings {
            let all: Vec<Setting<'a>> = settings.of("expose").flatten().cloned().collect();
            for setting in all {
                let mut args = setting.args();
                if args.peek_word("as") || args.peek_word("at") {
                    self.exposure_without_port(&args, *service);
                    continue;
                }
                let Some(port) = args.need_name("the port's name", &mut self.diagnostics) else {
                    continue;
                };
                let scope = setting.scope.clone();
                self.exposure(
                    args,
                    *service,
                    &port,
                    setting.statement.span,
                    &scope,
                    &mut routes,
                    &mut addresses,
                );
            }
        }
        routes.sort_by_key(|r| (r.port.service, r.span, r.host.span()));
        for (service, settings) in settings {
            self.hosts_of_profiles(*service, settings, &mut routes);
        }
        addresses.sort_by_key(|a| (a.port.service, a.span, a.port));
        (routes, addresses)
    }

    /// Gives the routes of a service the hosts that profiles set, each by the host that it replaces.
    fn hosts_of_profiles(
        &mut self,
        service: ServiceId,
        settings: &Settings<'a>,
        routes: &mut [Route],
    ) {
        let stacks: Vec<Stack<'a>> = settings.of("host").cloned().collect();
        if stacks.is_empty() {
            return;
        }
        let start = routes.partition_point(|route| route.port.service < service);
        let end = routes.partition_point(|route| route.port.service <= service);
        let own = routes[start..end].iter_mut();
        let own = own.map(|route| (route.host.value.clone(), route));
        let mut own: Vec<(String, &mut Route)> = own.collect();
        let hosts: BTreeSet<String> = own.iter().map(|(host, _)| host.clone()).collect();
        for stack in stacks {
            let Some(setting) = stack.last() else {
                continue;
            };
            let mut args = setting.args();
            let Some(expr) = args.need_expr("the host in quotes", &mut self.diagnostics) else {
                continue;
            };
            args.finish(&mut self.diagnostics);
            let Some(host) = self.text(expr, &setting.scope) else {
                continue;
            };
            let key = setting.key.as_str();
            let is_matched = hosts.contains(key) || (key.is_empty() && hosts.len() == 1);
            let mut is_useful = false;
            for (old, route) in own
                .iter_mut()
                .filter(|(old, _)| key.is_empty() || old == key)
            {
                if is_matched {
                    is_useful |= *old != host;
                    route.host = setting.sourced(expr.span, host.clone());
                }
            }
            if let Some(path) = setting.path {
                self.profile.routed(path.number, is_matched, is_useful);
            }
        }
    }

    /// `expose as loadbalancer`.
    fn exposure_without_port(&mut self, args: &Args<'a>, service: ServiceId) {
        let ports: Vec<&str> = self
            .parts
            .services
            .get(service.index())
            .and_then(Option::as_ref)
            .into_iter()
            .flat_map(|service| service.ports.iter().map(|port| port.name.value.as_str()))
            .collect();
        let here = args.here();
        let mut diagnostic =
            Diagnostic::new(&codes::MISSING_VALUE, "the port to expose is missing")
                .at(here, "expected the name of a port before this word")
                .help("it is written `expose PORT at \"host\"` or `expose PORT as loadbalancer`");
        if let [only] = ports.as_slice() {
            let start = Span::new(here.file, here.start, here.start);
            diagnostic = diagnostic.fix(format!("write `{only}`"), start, format!("{only} "));
        }
        self.report(diagnostic);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the two outputs and what the statement needs"
    )]
    fn exposure(
        &mut self,
        mut args: Args<'a>,
        service: ServiceId,
        port: &Ident,
        span: Span,
        scope: &Scope,
        routes: &mut Vec<Route>,
        addresses: &mut Vec<Address>,
    ) {
        let port = self.port_of(service, port);
        if args.word("as").is_some() {
            let Some(kind) = self.address_kind(&mut args, scope) else {
                return;
            };
            let from = self.cidrs_of_from(&mut args, span, scope);
            args.finish(&mut self.diagnostics);
            if let (Some(id), AddressKind::NodePort(Some(number))) = (port, kind) {
                self.one_node_port(id, number, span);
            }
            addresses.extend(port.map(|port| Address {
                port,
                kind,
                from,
                span,
            }));
            return;
        }
        if args.need_word("at", &mut self.diagnostics).is_none() {
            return;
        }
        let mut hosts = Vec::new();
        loop {
            let Some(expr) = args.need_expr("the host and path in quotes", &mut self.diagnostics)
            else {
                return;
            };
            hosts.extend(self.text(expr, scope).map(|text| (text, expr.span)));
            if args.sign(Sign::Comma).is_none() {
                break;
            }
        }
        let mut tls = None;
        if args.word("tls").is_some() {
            let Some(name) = args.need_name("the Secret of the certificate", &mut self.diagnostics)
            else {
                return;
            };
            let namespace = self.names.homes[service.index()];
            tls = self
                .secret_named(&name, Some(namespace))
                .map(|id| Sourced::declared(id, name.span));
        }
        let from = self.cidrs_of_from(&mut args, span, scope);
        args.finish(&mut self.diagnostics);
        let Some(port) = port else {
            return;
        };
        for (text, host_span) in hosts {
            let (host, path) = match text.find('/') {
                Some(at) => (text[..at].to_owned(), text[at..].to_owned()),
                None => (text, "/".to_owned()),
            };
            routes.push(Route {
                port,
                host: Sourced::declared(host, host_span),
                path,
                tls: tls.clone(),
                from: from.clone(),
                span,
            });
        }
    }

    /// A range of ports has no single port of the node.
    fn one_node_port(&mut self, id: PortId, number: u16, span: Span) {
        let service = self.parts.services[id.service.index()].as_ref();
        let Some(port) = service.and_then(|service| service.ports.get(id.index as usize)) else {
            return;
        };
        let first = port.number.value;
        if port.last == first {
            return;
        }
        let name = &port.name.value;
        self.evaluator.report(
            Diagnostic::new(
                &codes::CONTRADICTION,
                format!("the {} ports of `{name}` cannot all be {number} of the node", port.last - first + 1),
            )
            .at(span, "one port of the node")
            .also(port.name.span(), format!("a range: {first}..{}", port.last))
            .help("leave the number out, and the cluster chooses one for each; or expose it `as loadbalancer`"),
        );
    }

    /// `from CIDR, …`, if it is next.
    fn cidrs_of_from(
        &mut self,
        args: &mut Args<'a>,
        span: Span,
        scope: &Scope,
    ) -> Vec<Sourced<IpNet>> {
        if args.word("from").is_none() {
            return Vec::new();
        }
        Reader::new(self, args, span, scope, Via::Declared).cidrs()
    }

    fn address_kind(&mut self, args: &mut Args<'a>, scope: &Scope) -> Option<AddressKind> {
        if args.word("loadbalancer").is_some() {
            return Some(AddressKind::LoadBalancer);
        }
        if args.word("nodeport").is_none() {
            args.expected("`loadbalancer` or `nodeport`", &mut self.diagnostics);
            return None;
        }
        if args.is_empty() || args.peek_word("from") {
            return Some(AddressKind::NodePort(None));
        }
        let expr = args.need_expr("the number of the node port", &mut self.diagnostics)?;
        let number = self.int_within(expr, scope, 1, 65_535)?;
        if !NODE_PORTS.contains(&number) {
            self.report(
                Diagnostic::new(&codes::OUT_OF_RANGE, format!("{number} is no node port"))
                    .at(expr.span, "out of range")
                    .help(format!(
                        "node ports lie between {} and {}",
                        NODE_PORTS.start(),
                        NODE_PORTS.end()
                    )),
            );
            return None;
        }
        Some(AddressKind::NodePort(u16::try_from(number).ok()))
    }
}
