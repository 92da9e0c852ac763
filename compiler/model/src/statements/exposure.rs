//! `expose`: routes through the ingress controller, load balancers and node ports.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::Ident;
use ipnet::IpNet;

use super::{DeclaredPort, Layers, Reader, Statement, Statements, element, group};
use crate::eval::{Evaluator, Standpoint};
use crate::fact::{Fact, Plain};
use crate::ids::{PortId, SecretId, ServiceId};
use crate::origin::{Origin, Sourced, Via};
use crate::shown::{Names, Shown};
use crate::word::{BlockKind, Merge, Word};

/// The node ports of a cluster that sets no others (`--service-node-port-range`).
const NODE_PORTS: std::ops::RangeInclusive<u32> = 30_000..=32_767;

element! {
    /// `expose SERVICE:PORT at "host[/path]" [tls SECRET] [from CIDR, …]`.
    Route {
        port: PortId = "To which port.",
        host: Sourced<String> = "Its host.",
        path: String = "Its path [default: `/`].",
        tls: Option<Sourced<SecretId>> = "The Secret of its certificate.",
        from: Vec<Sourced<IpNet>> = "From where; everywhere if empty.",
    }
    besides {
        /// The statement.
        span: Span,
    }
    computed {
        service: ServiceId = "Where it leads." => |route| route.port.service,
    }
}

/// `expose SERVICE:PORT as loadbalancer|nodeport [N]`.
#[derive(Clone, Debug)]
pub struct Address {
    /// Where it leads.
    pub port: PortId,
    /// How.
    pub kind: AddressKind,
    /// `from CIDR, …`; everywhere where empty.
    pub from: Vec<Sourced<IpNet>>,
    /// The statement.
    pub span: Span,
}

/// How a port gets an address outside the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// A Service of type LoadBalancer.
    LoadBalancer,
    /// A Service of type NodePort; the cluster picks the number where `None`.
    NodePort(Option<u16>),
}

/// What is reached from outside.
#[derive(Default)]
pub(crate) struct Exposures {
    pub(crate) routes: Vec<Route>,
    pub(crate) addresses: Vec<Address>,
}

impl Statements for Exposures {
    const ALL: &'static [Statement<Self>] = &[Statement {
        word: Word {
            name: "expose",
            form: "expose SERVICE:PORT at \"host[/path]\", … [tls SECRET] [from CIDR, …] | expose SERVICE:PORT as loadbalancer|nodeport [N]",
            doc: "A route, or an address, from outside the cluster.",
            parts: &[
                (
                    "SERVICE:PORT",
                    "What is exposed: a service, and the name of its port; in a service the name of the port alone.",
                ),
                (
                    "at \"host[/path]\", …",
                    "Routes through the ingress controller of the cluster [default path: `/`].",
                ),
                (
                    "tls SECRET",
                    "The Secret of the hosts' certificate, in the namespace of the service.",
                ),
                ("as loadbalancer", "A Service of type LoadBalancer."),
                (
                    "as nodeport [N]",
                    "A Service of type NodePort; N is between 30000 and 32767 [default: the cluster chooses].",
                ),
                (
                    "from CIDR, …",
                    "The addresses from which it is reached [default: all].",
                ),
            ],
            merge: Merge::Append,
            places: &[BlockKind::Program, BlockKind::Namespace, BlockKind::Service],
        },
        members: &[],
        read: Some(|exposures, reader| {
            exposures.read(reader);
        }),
        of: Layers::All,
        facts: |exposures, names| rows(&exposures.routes, &exposures.addresses, names),
        origin: |_| None,
    }];
}

/// The rows of `show` for the routes and addresses of a service.
pub(crate) fn rows(routes: &[Route], addresses: &[Address], names: &dyn Names) -> Vec<Fact> {
    let routes = routes
        .iter()
        .map(|route| (route.show(names), route.host.span()));
    let addresses = addresses.iter();
    let addresses = addresses.map(|address| (address.show(names), address.span));
    let each = routes.chain(addresses).enumerate();
    let rows = each.map(|(at, (text, span))| {
        let via = Via::Declared;
        Fact::new(at.to_string(), Plain::Text(text), Origin { span, via })
    });
    group("expose", rows)
}

impl Shown for Route {
    fn show(&self, names: &dyn Names) -> String {
        let port = names.port(self.port);
        let mut text = format!("{port} at {}{}", self.host.value, self.path);
        if let Some(tls) = &self.tls {
            text.push_str(&format!(" tls {}", names.secret(tls.value)));
        }
        text
    }
}

impl Shown for Address {
    fn show(&self, names: &dyn Names) -> String {
        let port = names.port(self.port);
        match self.kind {
            AddressKind::LoadBalancer => format!("{port} as loadbalancer"),
            AddressKind::NodePort(Some(number)) => format!("{port} as nodeport {number}"),
            AddressKind::NodePort(None) => format!("{port} as nodeport"),
        }
    }
}

impl Exposures {
    /// `SERVICE:PORT at …` or `SERVICE:PORT as …`; in a service `PORT at …`.
    fn read(&mut self, reader: &mut Reader<'_, '_>) -> Option<()> {
        let (service, port) = match reader.at().service {
            Some(service) if reader.peek_word("as") || reader.peek_word("at") => {
                return refuse_without_port(service, reader);
            }
            Some(service) => (service, reader.name("the port's name")?),
            None => {
                let expr = reader.expr("the service and its port")?;
                reader.refer(|names, at| names.service_and_port(expr, at))?
            }
        };
        let port = reader.refer(|names, _| names.port(service, &port));
        if reader.word("as") {
            return self.read_address(port, reader);
        }
        reader.keyword("at")?;
        self.read_routes(service, port, reader)
    }

    /// `"host[/path]", … [tls SECRET] [from CIDR, …]`
    fn read_routes(
        &mut self,
        service: ServiceId,
        port: Option<PortId>,
        reader: &mut Reader<'_, '_>,
    ) -> Option<()> {
        let mut hosts = Vec::new();
        loop {
            let expr = reader.expr("the host and path in quotes")?;
            hosts.extend(
                reader
                    .get(expr, Evaluator::text)
                    .map(|text| (text, expr.span)),
            );
            if !reader.comma() {
                break;
            }
        }
        let mut tls = None;
        if reader.word("tls") {
            let name: Ident = reader.name("the Secret of the certificate")?;
            let found = reader.refer(|names, _| {
                let at = Standpoint::in_namespace(names.home(service));
                names.secret(&name, at)
            });
            tls = found.map(|id| Sourced::declared(id, name.span));
        }
        let from = read_from(reader);
        reader.finish();
        let port = port?;
        for (text, span) in hosts {
            let (host, path) = match text.find('/') {
                Some(at) => (text[..at].to_owned(), text[at..].to_owned()),
                None => (text, "/".to_owned()),
            };
            self.routes.push(Route {
                port,
                host: Sourced::declared(host, span),
                path,
                tls: tls.clone(),
                from: from.clone(),
                span: reader.statement(),
            });
        }
        Some(())
    }

    /// `loadbalancer|nodeport [N] [from CIDR, …]`
    fn read_address(&mut self, port: Option<PortId>, reader: &mut Reader<'_, '_>) -> Option<()> {
        let kind = AddressKind::read(reader)?;
        let from = read_from(reader);
        reader.finish();
        let port = port?;
        let span = reader.statement();
        if let AddressKind::NodePort(Some(number)) = kind {
            check_one_node_port(port, number, reader);
        }
        self.addresses.push(Address {
            port,
            kind,
            from,
            span,
        });
        Some(())
    }
}

impl AddressKind {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        if reader.word("loadbalancer") {
            return Some(Self::LoadBalancer);
        }
        if !reader.word("nodeport") {
            reader.expected("`loadbalancer` or `nodeport`");
            return None;
        }
        if reader.is_empty() || reader.peek_word("from") {
            return Some(Self::NodePort(None));
        }
        let expr = reader.expr("the number of the node port")?;
        let number = reader.count_of(expr, &(1..=65_535))?;
        if !NODE_PORTS.contains(&number) {
            return reader.refuse(
                Diagnostic::new(&codes::OUT_OF_RANGE, format!("invalid node port {number}"))
                    .at(expr.span, "out of range")
                    .help(format!(
                        "node ports lie between {} and {}",
                        NODE_PORTS.start(),
                        NODE_PORTS.end()
                    )),
            );
        }
        Some(Self::NodePort(u16::try_from(number).ok()))
    }
}

/// `from CIDR, …`, if it is next.
fn read_from(reader: &mut Reader<'_, '_>) -> Vec<Sourced<IpNet>> {
    if reader.word("from") {
        reader.cidrs()
    } else {
        Vec::new()
    }
}

/// `expose as loadbalancer`.
fn refuse_without_port(service: ServiceId, reader: &mut Reader<'_, '_>) -> Option<()> {
    let here = reader.here();
    let mut diagnostic = Diagnostic::new(&codes::MISSING_VALUE, "missing port to expose")
        .at(here, "expected the name of a port before this word")
        .help("it is written `expose PORT at \"host\"` or `expose PORT as loadbalancer`");
    if let [only] = reader.ports(service).as_slice() {
        let only = &only.name.value;
        let start = Span::new(here.file, here.start, here.start);
        diagnostic = diagnostic.fix(format!("write `{only}`"), start, format!("{only} "));
    }
    reader.refuse(diagnostic)
}

/// A range of ports has no single port of the node.
fn check_one_node_port(id: PortId, number: u16, reader: &mut Reader<'_, '_>) {
    let ports = reader.ports(id.service);
    let Some(port) = ports.get(id.index as usize) else {
        return;
    };
    let DeclaredPort { name, last, .. } = port;
    let (first, last) = (port.number, *last);
    if last == first {
        return;
    }
    let diagnostic = Diagnostic::new(
        &codes::CONTRADICTION,
        format!(
            "the {} ports of `{}` cannot all be {number} of the node",
            last - first + 1,
            name.value
        ),
    )
    .at(reader.statement(), "one port of the node")
    .also(name.span(), format!("a range: {first}..{last}"))
    .help("leave the number out, and the cluster chooses one for each; or expose it `as loadbalancer`");
    reader.report(diagnostic);
}
