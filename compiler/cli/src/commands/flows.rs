//! `erpc flows`: the matrix of flows, each cell with the line that opened it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use erpc_answers::{AskedEnd, Flows, NamespaceCell, NamespaceRow, Row, by_namespace};
use erpc_model::Platform;
use serde::Serialize;

use super::is_path;
use crate::arguments::Source;
use crate::console::Console;
use crate::format::{Answer, Chosen, Output, formats};
use crate::table::Table;
use crate::text::{count, push_line};
use crate::{Exit, Failure, names};

formats!(Formats: Human, Csv, Markdown, Mermaid, Dot);

/// List the allowed flows, with the statement that opens each.
///
/// FROM and TO are peers as in the language, or addresses: ns.service, service, ns, ns.*,
/// tier(name).*, an external, internet, cluster.dns, cluster.api, cluster.nodes, ingress, 10.0.0.0/8,
/// 192.0.2.7.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc flows                           every declared flow
  erpc flows --implied                 include DNS, routes and exposures, which need no statement
  erpc flows hl7-health                what a service calls
  erpc flows '*' kvs-database --why    what calls a service, with statement and reason
  erpc flows --by namespace            flows between namespaces
  erpc flows --format csv              for a spreadsheet
  erpc flows erp-apps --format dot     for Graphviz")]
pub(crate) struct Arguments {
    /// Caller; a single argument can also be a project directory.
    #[arg(add = ArgValueCompleter::new(names::services_and_namespaces))]
    from: Option<String>,
    /// Callee.
    #[arg(add = ArgValueCompleter::new(names::services_and_namespaces))]
    to: Option<String>,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    path: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// Include implied flows: DNS, routes and exposures.
    #[arg(long)]
    implied: bool,
    /// Show the statement and its reason.
    #[arg(long)]
    why: bool,
    /// Group the rows.
    #[arg(long, value_enum, value_name = "WHAT")]
    by: Option<By>,
    #[command(flatten)]
    output: Output<Formats>,
}

/// What rows are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// Namespaces.
    Namespace,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let is_picture = Chosen::Text(Formats::Mermaid) == self.output.format
            || Chosen::Text(Formats::Dot) == self.output.format;
        if self.by.is_some() && is_picture {
            return Err(Failure::Usage(
                "the format of `flows --by` is one of human, json, csv, markdown".to_owned(),
            ));
        }
        let (from, to, path) = self.peers_and_path();
        let (platform, derived, sources) = self.source.model(path.as_deref())?;
        let question = Flows {
            from: peer(&platform, from)?,
            to: peer(&platform, to)?,
            implied: self.implied,
        };
        let rows = question.rows(&platform, &derived, &sources);
        match self.by {
            Some(By::Namespace) => {
                let namespaces = by_namespace(&platform, &rows);
                let answer = ByNamespace { namespaces };
                self.output.write(&answer, console);
            }
            None => {
                let answer = Matrix {
                    flows: &rows,
                    has_why: self.why,
                };
                self.output.write(&answer, console);
            }
        }
        if self.output.is_human() {
            let hint = if self.implied {
                ""
            } else {
                "; `--implied` shows also those that need no statement"
            };
            console.note(&format!("{}{hint}", count(rows.len(), "flow")));
        }
        Ok(Exit::Done)
    }

    /// The two peers and the path of the project, which may stand in the place of a peer.
    fn peers_and_path(&self) -> (Option<&str>, Option<&str>, Option<PathBuf>) {
        let (from, to) = (self.from.as_deref(), self.to.as_deref());
        let as_path = |text: &str| Path::new(text).to_path_buf();
        match (from, to, &self.path) {
            (Some(only), None, None) if is_path(only) => (None, None, Some(as_path(only))),
            (from, Some(last), None) if is_path(last) => (from, None, Some(as_path(last))),
            (from, to, path) => (from, to, path.clone()),
        }
    }
}

/// The peer of a name; none for `*`, which means every peer.
fn peer(platform: &Platform, name: Option<&str>) -> Result<Option<AskedEnd>, Failure> {
    let name = name.filter(|name| *name != "*");
    let peer = name.map(|name| AskedEnd::read(platform, name));
    peer.transpose().map_err(Failure::Usage)
}

#[derive(Serialize)]
struct Matrix<'r> {
    flows: &'r [Row],
    #[serde(skip)]
    has_why: bool,
}

impl Answer for Matrix<'_> {
    type Format = Formats;

    fn text(&self, format: Formats) -> String {
        match format {
            Formats::Human if self.has_why => with_statements(self.flows).aligned(),
            Formats::Human => without_statements(self.flows).aligned(),
            Formats::Csv => csv_of_flows(self.flows),
            Formats::Markdown if self.has_why => with_statements(self.flows).markdown(),
            Formats::Markdown => without_statements(self.flows).markdown(),
            Formats::Mermaid => mermaid(self.flows),
            Formats::Dot => dot(self.flows),
        }
    }
}

#[derive(Serialize)]
struct ByNamespace {
    namespaces: Vec<NamespaceRow>,
}

impl Answer for ByNamespace {
    type Format = Formats;

    fn text(&self, format: Formats) -> String {
        let lines = self.lines();
        match format {
            Formats::Csv => {
                let head = Self::HEAD.map(Cow::from).to_vec();
                let lines = lines.into_iter();
                let lines = lines.map(|line| line.map(Cow::from).to_vec());
                csv(std::iter::once(head).chain(lines))
            }
            Formats::Markdown => table_of(Self::HEAD, lines).markdown(),
            // The command refuses pictures of namespaces.
            Formats::Human | Formats::Mermaid | Formats::Dot => {
                table_of(Self::HEAD, without_repetitions(lines)).aligned()
            }
        }
    }
}

fn with_statements(rows: &[Row]) -> Table<6> {
    let mut table = Table::new(["from", "to", "port", "mode", "line", "statement"]);
    for row in rows {
        // An implied flow has no statement of its own.
        let statement = row.statement.clone().unwrap_or_default();
        let [from, to, port, mode, line] = cells(row);
        let statement = match (&row.because, row.kind) {
            // What a flow is for stands in its statement.
            (Some(because), kind) if kind != "flow" => format!("{statement} ({because})"),
            _ => statement,
        };
        table.push([from, to, port, mode, line, statement]);
    }
    table
}

fn without_statements(rows: &[Row]) -> Table<5> {
    table_of(
        ["from", "to", "port", "mode", "line"],
        rows.iter().map(cells),
    )
}

fn table_of<const N: usize>(
    head: [&'static str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Table<N> {
    let mut table = Table::new(head);
    for row in rows {
        table.push(row);
    }
    table
}

fn cells(row: &Row) -> [String; 5] {
    let from = if row.only_from.is_empty() {
        row.from.clone()
    } else {
        format!("{} {}", row.from, row.only_from.join(", "))
    };
    let numbers = row.numbers.join(", ");
    let port = if numbers == row.port {
        numbers
    } else {
        format!("{} ({numbers})", row.port)
    };
    let mode = row.mode.unwrap_or(row.kind).to_owned();
    let place = row.place.clone().unwrap_or_default();
    [from, row.to.clone(), port, mode, place]
}

/// Lines of fields, quoted as RFC 4180 says.
fn csv<'f>(lines: impl IntoIterator<Item = Vec<Cow<'f, str>>>) -> String {
    let mut out = String::new();
    for line in lines {
        for (n, field) in line.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            if field.contains(['"', ',', '\r', '\n']) {
                out.push('"');
                out.push_str(&field.replace('"', "\"\""));
                out.push('"');
            } else {
                out.push_str(field);
            }
        }
        out.push('\n');
    }
    out
}

/// A line for each flow.
fn csv_of_flows(rows: &[Row]) -> String {
    let head = [
        "from",
        "to",
        "port",
        "numbers",
        "kind",
        "mode",
        "only_from",
        "line",
        "statement",
        "because",
    ];
    let lines = rows.iter().map(|row| -> Vec<Cow<'_, str>> {
        vec![
            row.from.as_str().into(),
            row.to.as_str().into(),
            row.port.as_str().into(),
            row.numbers.join(" ").into(),
            row.kind.into(),
            row.mode.unwrap_or_default().into(),
            row.only_from.join(" ").into(),
            row.place.as_deref().unwrap_or_default().into(),
            row.statement.as_deref().unwrap_or_default().into(),
            row.because.as_deref().unwrap_or_default().into(),
        ]
    });
    let head = head.map(Cow::from).to_vec();
    csv(std::iter::once(head).chain(lines))
}

/// The ports of each pair, and the members of each namespace; an end outside stands alone.
struct Picture<'r> {
    groups: BTreeMap<&'r str, BTreeSet<&'r str>>,
    arrows: BTreeMap<(&'r str, &'r str), BTreeSet<&'r str>>,
}

impl<'r> Picture<'r> {
    fn of(rows: &'r [Row]) -> Self {
        let mut picture = Self {
            groups: BTreeMap::new(),
            arrows: BTreeMap::new(),
        };
        for row in rows {
            let ends = [(&row.groups.0, &row.from), (&row.groups.1, &row.to)];
            for (group, name) in ends {
                picture.groups.entry(group).or_default().insert(name);
            }
            let arrow = picture.arrows.entry((&row.from, &row.to)).or_default();
            arrow.insert(&row.port);
        }
        picture
    }

    /// The groups that are namespaces, with their members.
    fn namespaces(&self) -> impl Iterator<Item = (&'r str, &BTreeSet<&'r str>)> {
        let groups = self.groups.iter().map(|(name, members)| (*name, members));
        groups.filter(|(name, members)| !members.contains(name))
    }

    fn outside(&self) -> impl Iterator<Item = &'r str> {
        let groups = self.groups.iter().map(|(name, members)| (*name, members));
        groups
            .filter(|(name, members)| members.contains(name))
            .map(|(name, _)| name)
    }
}

fn ports(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

fn mermaid(rows: &[Row]) -> String {
    let picture = Picture::of(rows);
    let mut out = String::from("flowchart LR\n");
    for (at, (namespace, members)) in picture.namespaces().enumerate() {
        push_line!(out, "  subgraph n{at}[\"{namespace}\"]");
        for member in members {
            let name = member.rsplit('.').next().unwrap_or(member);
            push_line!(out, "    {}[\"{name}\"]", id(member));
        }
        out.push_str("  end\n");
    }
    for name in picture.outside() {
        push_line!(out, "  {}([\"{}\"])", id(name), name.replace('`', ""));
    }
    for ((from, to), names) in &picture.arrows {
        push_line!(out, "  {} -->|\"{}\"| {}", id(from), ports(names), id(to));
    }
    out
}

/// Mermaid takes letters, digits and `_` in the id of a node; names have no `_`.
fn id(name: &str) -> String {
    name.replace('.', "__")
        .replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "_")
}

fn dot(rows: &[Row]) -> String {
    let picture = Picture::of(rows);
    let mut out = String::from("digraph flows {\n  rankdir=LR;\n  node [shape=box];\n");
    for (at, (namespace, members)) in picture.namespaces().enumerate() {
        push_line!(
            out,
            "  subgraph cluster_{at} {{\n    label=\"{namespace}\";"
        );
        for member in members {
            let name = member.rsplit('.').next().unwrap_or(member);
            push_line!(out, "    \"{member}\" [label=\"{name}\"];");
        }
        out.push_str("  }\n");
    }
    for name in picture.outside() {
        push_line!(out, "  \"{name}\" [shape=ellipse];");
    }
    for ((from, to), names) in &picture.arrows {
        let label = ports(names);
        push_line!(out, "  \"{from}\" -> \"{to}\" [label=\"{label}\"];");
    }
    out.push_str("}\n");
    out
}

impl ByNamespace {
    const HEAD: [&'static str; 5] = ["namespace", "direction", "with", "ports", "flows"];

    /// A line for each namespace, direction and other side.
    fn lines(&self) -> Vec<[String; 5]> {
        let line = |row: &NamespaceRow, direction: &str, cell: &NamespaceCell| {
            [
                row.namespace.clone(),
                direction.to_owned(),
                cell.with.clone(),
                cell.ports.join(", "),
                cell.flows.to_string(),
            ]
        };
        let mut lines = Vec::new();
        for row in &self.namespaces {
            lines.extend(row.egress.iter().map(|cell| line(row, "egress to", cell)));
            lines.extend(
                row.ingress
                    .iter()
                    .map(|cell| line(row, "ingress from", cell)),
            );
        }
        lines
    }
}

/// The same with each namespace and direction only where its lines begin.
fn without_repetitions(mut lines: Vec<[String; 5]>) -> Vec<[String; 5]> {
    for at in (1..lines.len()).rev() {
        let (before, rest) = lines.split_at_mut(at);
        if let (Some(last), Some(line)) = (before.last(), rest.first_mut())
            && last[0] == line[0]
        {
            if last[1] == line[1] {
                line[1].clear();
            }
            line[0].clear();
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::csv;

    #[test]
    fn fields_are_quoted_where_they_have_to_be() {
        let lines = [
            vec!["a".into(), "b, c".into(), "".into()],
            vec!["say \"d\"".into(), "two\nlines".into(), "e f".into()],
        ];
        assert_eq!(
            csv(lines),
            "a,\"b, c\",\n\"say \"\"d\"\"\",\"two\nlines\",e f\n"
        );
    }
}
