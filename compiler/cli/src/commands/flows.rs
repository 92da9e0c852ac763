//! `erpc flows`: the matrix of flows, each cell with the line that opened it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use erpc_answers::{AskedEnd, Flows as Question, NamespaceCell, NamespaceRow, Row, by_namespace};
use serde::Serialize;

use super::{compiled, count, has_format, is_path, json};
use crate::Exit;
use crate::arguments::{Common, Flows, Format};
use crate::console::Console;
use crate::table::Table;

const FORMATS: [Format; 6] = [
    Format::Human,
    Format::Json,
    Format::Csv,
    Format::Markdown,
    Format::Mermaid,
    Format::Dot,
];

pub(crate) fn run(command: &Flows, common: &Common, console: &mut Console<'_>) -> Exit {
    let formats = if command.by.is_some() {
        &FORMATS[..4]
    } else {
        &FORMATS
    };
    if !has_format("flows", formats, common, console) {
        return Exit::Usage;
    }
    let (from, to, path) = ends_and_path(command);
    let Some((platform, derived, sources)) = compiled(path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let mut ends = [from, to].into_iter().map(|end| {
        end.filter(|name| *name != "*")
            .map(|name| AskedEnd::read(&platform, name))
            .transpose()
    });
    let (from, to) = match (ends.next().transpose(), ends.next().transpose()) {
        (Ok(from), Ok(to)) => (from.flatten(), to.flatten()),
        (Err(message), _) | (_, Err(message)) => {
            console.fail(&message);
            return Exit::Usage;
        }
    };
    let implied = command.implied;
    let question = Question { from, to, implied };
    let rows = question.rows(&platform, &derived, &sources);
    if command.by.is_some() {
        let rows = by_namespace(&platform, &rows);
        console.result(&summed(&rows, common.format));
    } else {
        console.result(&matrix(&rows, command.why, common.format));
    }
    if common.format == Format::Human {
        let hint = if implied {
            ""
        } else {
            "; `--implied` shows also those that need no statement"
        };
        console.note(&format!("{}{hint}", count(rows.len(), "flow")));
    }
    Exit::Done
}

/// The two ends and the path of the project, which may stand in the place of an end.
fn ends_and_path(command: &Flows) -> (Option<&str>, Option<&str>, Option<PathBuf>) {
    let (from, to) = (command.from.as_deref(), command.to.as_deref());
    let as_path = |text: &str| Path::new(text).to_path_buf();
    match (from, to, &command.path) {
        (Some(only), None, None) if is_path(only) => (None, None, Some(as_path(only))),
        (from, Some(last), None) if is_path(last) => (from, None, Some(as_path(last))),
        (from, to, path) => (from, to, path.clone()),
    }
}

#[derive(Serialize)]
struct Matrix<'r> {
    version: u32,
    flows: &'r [Row],
}

#[derive(Serialize)]
struct ByNamespace<'r> {
    version: u32,
    namespaces: &'r [NamespaceRow],
}

fn matrix(rows: &[Row], has_why: bool, format: Format) -> String {
    match format {
        Format::Json => json(&Matrix {
            version: 1,
            flows: rows,
        }),
        Format::Csv => csv_of_flows(rows),
        Format::Mermaid => mermaid(rows),
        Format::Dot => dot(rows),
        _ if has_why => {
            let mut table = Table::new(["from", "to", "port", "mode", "line", "statement"]);
            for row in rows {
                let statement = row.statement.clone().unwrap_or_default();
                let [from, to, port, mode, line] = cells(row);
                let statement = match (&row.because, row.kind) {
                    // What a flow is for stands in its statement.
                    (Some(because), kind) if kind != "flow" => format!("{statement} ({because})"),
                    _ => statement,
                };
                table.push([from, to, port, mode, line, statement]);
            }
            text(&table, format)
        }
        _ => {
            let mut table = Table::new(["from", "to", "port", "mode", "line"]);
            for row in rows {
                table.push(cells(row));
            }
            text(&table, format)
        }
    }
}

fn text<const N: usize>(table: &Table<N>, format: Format) -> String {
    if format == Format::Markdown {
        table.markdown()
    } else {
        table.aligned()
    }
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
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  subgraph n{at}[\"{namespace}\"]");
        for member in members {
            let name = member.rsplit('.').next().unwrap_or(member);
            let _ = writeln!(out, "    {}[\"{name}\"]", id(member));
        }
        out.push_str("  end\n");
    }
    for name in picture.outside() {
        let _ = writeln!(out, "  {}([\"{}\"])", id(name), name.replace('`', ""));
    }
    for ((from, to), names) in &picture.arrows {
        let _ = writeln!(out, "  {} -->|\"{}\"| {}", id(from), ports(names), id(to));
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
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "  subgraph cluster_{at} {{\n    label=\"{namespace}\";"
        );
        for member in members {
            let name = member.rsplit('.').next().unwrap_or(member);
            let _ = writeln!(out, "    \"{member}\" [label=\"{name}\"];");
        }
        out.push_str("  }\n");
    }
    for name in picture.outside() {
        let _ = writeln!(out, "  \"{name}\" [shape=ellipse];");
    }
    for ((from, to), names) in &picture.arrows {
        let label = ports(names);
        let _ = writeln!(out, "  \"{from}\" -> \"{to}\" [label=\"{label}\"];");
    }
    out.push_str("}\n");
    out
}

fn summed(rows: &[NamespaceRow], format: Format) -> String {
    if format == Format::Json {
        return json(&ByNamespace {
            version: 1,
            namespaces: rows,
        });
    }
    let lines = rows.iter().flat_map(|row| {
        let of = |direction: &'static str, cells: &'_ [NamespaceCell]| {
            let cells = cells.iter().map(|cell| {
                [
                    row.namespace.clone(),
                    direction.to_owned(),
                    cell.with.clone(),
                    cell.ports.join(", "),
                    cell.flows.to_string(),
                ]
            });
            cells.collect::<Vec<_>>()
        };
        let mut lines = of("egress to", &row.egress);
        lines.extend(of("ingress from", &row.ingress));
        lines
    });
    let head = ["namespace", "direction", "with", "ports", "flows"];
    if format == Format::Csv {
        let head = head.map(Cow::from).to_vec();
        let lines = lines.map(|line| line.into_iter().map(Cow::from).collect());
        return csv(std::iter::once(head).chain(lines));
    }
    let mut table = Table::new(head);
    let mut last = (String::new(), String::new());
    for mut line in lines {
        // A name stands once, where its rows begin.
        let this = (line[0].clone(), line[1].clone());
        if format == Format::Human {
            if this == last {
                line[1].clear();
            }
            if this.0 == last.0 {
                line[0].clear();
            }
        }
        last = this;
        table.push(line);
    }
    text(&table, format)
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
