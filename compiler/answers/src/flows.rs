//! The matrix of flows as rows, each with the line that opened it, and the same by namespace.

use std::collections::{BTreeMap, BTreeSet};

use erpc_diagnostics::{Sources, Span};
use erpc_model::{Peer, Platform};
use erpc_policy::{Connection, Connections, Derived, Party, PolicyPort, Reason};
use serde::Serialize;

use crate::{AskedEnd, statement};

/// Which flows are asked for.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    /// Those of these callers.
    pub from: Option<AskedEnd>,
    /// Those to these called.
    pub to: Option<AskedEnd>,
    /// Also those that are implied.
    pub implied: bool,
}

/// One cell of the matrix: a caller, a called and a port.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The caller.
    pub from: String,
    /// The callee.
    pub to: String,
    /// The port by its name, else by its number.
    pub port: String,
    /// The ports that the callee's pods see: `8301/tcp`.
    pub numbers: Vec<String>,
    /// `flow`, or what implies it: `dns`, `route`, `exposure`.
    pub kind: &'static str,
    /// The mode of a flow.
    pub mode: Option<&'static str>,
    /// From which addresses, where an exposure is narrowed.
    pub only_from: Vec<String>,
    /// The line that opened it.
    pub place: Option<String>,
    /// The statement.
    pub statement: Option<String>,
    /// Its reason.
    pub because: Option<String>,
    /// The two namespaces, or the names of peers outside.
    #[serde(skip)]
    pub groups: (String, String),
}

impl Flows {
    /// The rows, sorted by caller, called and port.
    #[must_use]
    pub fn rows(&self, platform: &Platform, derived: &Derived, sources: &Sources) -> Vec<Row> {
        let wants = |from: Party, to: Party| {
            let is = |asked: &Option<AskedEnd>, party| {
                asked.as_ref().is_none_or(|end| end.means(platform, party))
            };
            is(&self.from, from) && is(&self.to, to)
        };
        let mut rows = Vec::new();
        for edge in derived.edges.as_slice() {
            let (from, to) = (Party::Peer(edge.from), Party::Peer(edge.to));
            if !wants(from, to) {
                continue;
            }
            let flow = &platform.flows[edge.flow.index()];
            rows.push(Row {
                port: edge.port_name(platform),
                numbers: texts(&edge.ports(platform)),
                kind: "flow",
                mode: Some(edge.mode.as_str()),
                because: flow.because.clone(),
                ..Row::between(platform, sources, from, to, flow.span)
            });
        }
        if self.implied {
            let connections = Connections::of(platform, derived);
            let mut implied: Vec<&Connection> = connections
                .as_slice()
                .iter()
                .filter(|c| !matches!(c.reason, Reason::Flow(_)) && wants(c.from, c.to))
                .collect();
            // DNS is asked on two ports for one reason.
            implied.sort_by_key(|c| (c.from, c.to));
            let alike = |a: &&Connection, b: &&Connection| {
                (a.from, a.to) == (b.from, b.to) && a.reason == b.reason
            };
            for group in implied.chunk_by(alike) {
                rows.push(Row::implied(platform, derived, sources, group));
            }
        }
        rows.sort_by(|a, b| (&a.from, &a.to, &a.port).cmp(&(&b.from, &b.to, &b.port)));
        rows
    }
}

impl Row {
    fn between(platform: &Platform, sources: &Sources, from: Party, to: Party, span: Span) -> Self {
        Self {
            from: from.name(platform),
            to: to.name(platform),
            port: String::new(),
            numbers: Vec::new(),
            kind: "flow",
            mode: None,
            only_from: Vec::new(),
            place: sources.place(span),
            statement: statement(sources, span),
            because: None,
            groups: (group(platform, from), group(platform, to)),
        }
    }

    fn implied(
        platform: &Platform,
        derived: &Derived,
        sources: &Sources,
        group: &[&Connection],
    ) -> Self {
        let first = group[0];
        let ports: Vec<PolicyPort> = group.iter().map(|c| c.port).collect();
        let names: BTreeSet<String> = group.iter().map(|c| c.port_name(platform)).collect();
        let (kind, because) = match first.reason {
            Reason::Flow(_) => ("flow", None),
            Reason::Dns(Some(_)) => ("dns", Some("names are looked up")),
            Reason::Dns(None) => ("dns", Some("the controller looks up what it serves")),
            Reason::Mesh(_) => ("mesh", Some("the tunnel of the service mesh")),
            Reason::Route(_) => ("route", Some("the ingress controller serves the route")),
            Reason::Exposure(Some(_), _) => ("exposure", Some("it is exposed")),
            Reason::Exposure(None, _) => ("exposure", Some("the ingress controller is open")),
        };
        let only_from = match first.reason {
            Reason::Exposure(Some(at), _) => {
                let cidrs = derived.implied.world[at as usize].from.iter();
                cidrs.map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        };
        let span = first.reason.span(platform);
        Self {
            port: names.into_iter().collect::<Vec<_>>().join(", "),
            numbers: texts(&ports),
            kind,
            only_from,
            because: because.map(str::to_owned),
            ..Self::between(platform, sources, first.from, first.to, span)
        }
    }
}

fn texts(ports: &[PolicyPort]) -> Vec<String> {
    let mut texts: Vec<String> = ports.iter().map(ToString::to_string).collect();
    texts.dedup();
    texts
}

/// The namespace of a service, the name of every other peer.
fn group(platform: &Platform, party: Party) -> String {
    match party {
        Party::Peer(Peer::Service(id)) => platform[platform[id].namespace].name.value.to_string(),
        Party::Peer(_) | Party::Controller => party.name(platform),
    }
}

/// What a namespace has to do with another namespace or peer.
#[derive(Clone, Debug, Serialize)]
pub struct NamespaceCell {
    /// The other namespace, or a peer outside.
    pub with: String,
    /// The ports, as the callee's pods see them.
    pub ports: Vec<String>,
    /// How many flows that is.
    pub flows: usize,
}

/// A namespace: whom it calls and who calls it.
#[derive(Clone, Debug, Serialize)]
pub struct NamespaceRow {
    /// Its name.
    pub namespace: String,
    /// Whom its services call.
    pub egress: Vec<NamespaceCell>,
    /// Who calls its services.
    pub ingress: Vec<NamespaceCell>,
}

/// Rows by namespace: one for each that has a flow, in the order of names.
#[must_use]
pub fn by_namespace(platform: &Platform, rows: &[Row]) -> Vec<NamespaceRow> {
    type Cells<'r> = BTreeMap<(&'r str, &'r str), (BTreeSet<&'r str>, usize)>;
    fn add<'r>(cells: &mut Cells<'r>, own: &'r str, other: &'r str, row: &'r Row) {
        let cell = cells.entry((own, other)).or_default();
        cell.0.extend(row.numbers.iter().map(String::as_str));
        cell.1 += 1;
    }
    let (mut egress, mut ingress) = (Cells::new(), Cells::new());
    for row in rows {
        let (from, to) = &row.groups;
        add(&mut egress, from, to, row);
        add(&mut ingress, to, from, row);
    }
    let of = |cells: &Cells<'_>, name: &str| -> Vec<NamespaceCell> {
        let from = cells.range((name, "")..);
        from.take_while(|((own, _), _)| *own == name)
            .map(|((_, with), (ports, flows))| NamespaceCell {
                with: (*with).to_owned(),
                ports: by_number(ports),
                flows: *flows,
            })
            .collect()
    };
    let names = platform.namespaces.iter().map(|n| n.name.value.as_str());
    names
        .map(|name| NamespaceRow {
            namespace: name.to_owned(),
            egress: of(&egress, name),
            ingress: of(&ingress, name),
        })
        .filter(|row| !row.egress.is_empty() || !row.ingress.is_empty())
        .collect()
}

/// Ports in the order of their numbers.
fn by_number(ports: &BTreeSet<&str>) -> Vec<String> {
    let number = |port: &&str| {
        let digits = port.split(['/', '.']).next();
        digits.and_then(|d| d.parse::<u16>().ok())
    };
    let mut ports: Vec<&str> = ports.iter().copied().collect();
    ports.sort_by_key(number);
    ports.into_iter().map(str::to_owned).collect()
}
