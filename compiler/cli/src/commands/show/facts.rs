//! Facts as text and as JSON, with their places and origins.

use erpc_diagnostics::{Sources, Span};
use erpc_model::facts::{self as model, Fact, Found, Plain, Subject, chain};
use erpc_model::{NamespaceId, Origin, Platform, Via};
use serde_json::{Map, Value, json};

use crate::table::Table;
use crate::text::{push_line, push_text};

/// How many characters of a value a table shows.
const WIDEST: usize = 72;

/// What facts are shown from.
pub(super) struct View<'v> {
    pub(super) platform: &'v Platform,
    pub(super) sources: &'v Sources,
    pub(super) has_origin: bool,
}

/// A row of a table of facts.
struct Row<'f> {
    name: String,
    value: String,
    origin: Option<Origin>,
    fact: &'f Fact,
}

impl View<'_> {
    /// Everything that a platform, service, cluster, external or secret says.
    pub(super) fn subject(&self, found: &Found) -> String {
        let mut out = self.headline(found);
        out.push_str(&self.rows(&found.fact.children));
        out
    }

    /// Everything that a namespace says, and its services.
    pub(super) fn namespace(&self, found: &Found, id: NamespaceId) -> String {
        let mut out = self.subject(found);
        let services = self.platform.workloads_in(id);
        if services.is_empty() {
            return out;
        }
        out.push('\n');
        let mut table = Table::new(["service", "kind", "purpose", "declared"]);
        for id in services {
            let service = &self.platform[id];
            let title = service
                .properties
                .title
                .as_ref()
                .map(|title| title.value.clone());
            table.push([
                service.name.value.to_string(),
                service.kind().to_owned(),
                title.unwrap_or_default(),
                self.place(service.name.origin),
            ]);
        }
        out + &table.aligned()
    }

    /// One value with its origin, or the facts of a group.
    pub(super) fn value(&self, found: &Found) -> String {
        let mut out = String::new();
        let fact = &found.fact;
        let Some(value) = &fact.value else {
            push_line!(out, "{}", found.path);
            return out + &self.rows(&fact.children);
        };
        let text = value.to_string();
        if text.contains('\n') {
            push_line!(out, "{}\n\n{}", found.path, text.trim_end());
        } else {
            push_line!(out, "{}  {text}", found.path);
        }
        if let Some(origin) = fact.origin {
            out.push('\n');
            out.push_str(&self.steps(origin, "  "));
        }
        if !fact.children.is_empty() {
            out.push('\n');
            out.push_str(&self.rows(&fact.children));
        }
        out
    }

    fn headline(&self, found: &Found) -> String {
        let kind = match found.subject {
            Subject::Platform => "platform",
            Subject::Namespace(_) => "namespace",
            Subject::Service(id) if self.platform[id].is_job() => "job",
            Subject::Service(_) => "service",
            Subject::Other(kind) => kind,
        };
        let name = match found.subject {
            Subject::Platform => self.platform.name.value.as_str(),
            Subject::Other(kind) => found.path.trim_start_matches(kind).trim_start_matches('.'),
            Subject::Namespace(_) | Subject::Service(_) => &found.path,
        };
        format!("{kind} {name}  {}\n", self.place(found.declared))
    }

    fn rows(&self, facts: &[Fact]) -> String {
        let mut rows = Vec::new();
        flatten(facts, "", &mut rows);
        let names = rows.iter().map(|row| row.name.chars().count());
        let names = names.max().unwrap_or(0);
        let values = rows.iter().map(|row| row.value.chars().count());
        let values = values.max().unwrap_or(0);
        let mut out = String::new();
        for row in &rows {
            let place = match row.origin {
                Some(origin) => self.place(origin),
                None if row.fact.value.is_some() => "counted".to_owned(),
                None => String::new(),
            };
            let line = format!("  {:names$}  {:values$}  {place}", row.name, row.value);
            push_line!(out, "{}", line.trim_end());
            if let Some(origin) = row.origin.filter(|_| self.has_origin) {
                out.push_str(&self.steps(origin, "      "));
            }
        }
        out
    }

    /// `file:line`, or what stands for it.
    pub(super) fn place(&self, origin: Origin) -> String {
        let place = self.sources.place(origin.span);
        match origin.via {
            Via::Default => "default".to_owned(),
            Via::Declared => place.unwrap_or_default(),
            Via::Component(id) => {
                let of_use = self.platform.uses[id.index()].component;
                let name = &self.platform.components[of_use.index()].name;
                format!("{} ({name})", place.unwrap_or_default())
            }
            Via::Namespace => format!("{} (namespace)", place.unwrap_or_default()),
            Via::Platform => format!("{} (platform)", place.unwrap_or_default()),
            Via::Profile(id) => {
                let name = &self.platform[id].name.value;
                format!("{} (profile {name})", place.unwrap_or_default())
            }
        }
    }

    /// The origin of a value, a line for each step with the source line below it.
    pub(super) fn steps(&self, origin: Origin, indent: &str) -> String {
        let mut out = String::new();
        for step in chain(self.platform, origin) {
            let Some(place) = self.sources.place(step.span) else {
                push_line!(out, "{indent}{}", step.says);
                continue;
            };
            push_line!(out, "{indent}{place}: {}", step.says);
            let line = self.source_line(step.span);
            if !line.is_empty() {
                push_line!(out, "{indent}  | {line}");
            }
        }
        out
    }

    /// The line of the source that a span starts in.
    fn source_line(&self, span: Span) -> &str {
        let Some(source) = self.sources.get(span.file) else {
            return "";
        };
        let line = source.line_column(span.start).line;
        source.text.lines().nth(line - 1).unwrap_or("").trim()
    }

    /// The whole platform.
    pub(super) fn whole_json(&self) -> Value {
        let platform = self.platform;
        let named = |name: &str, facts: Vec<Fact>| (name.to_owned(), self.members(&facts));
        let clusters: Map<_, _> = platform
            .clusters
            .iter()
            .map(|c| named(&c.name.value, model::of_cluster(platform, c)))
            .collect();
        let externals: Map<_, _> = platform
            .externals
            .iter()
            .map(|e| named(&e.name.value, model::of_external(platform, e)))
            .collect();
        let secrets: Vec<Value> = platform
            .secrets
            .iter()
            .map(|secret| {
                let mut value = self.members(&model::of_secret(platform, secret));
                value["name"] = json!(secret.name.value.as_str());
                value["namespace"] =
                    json!(secret.namespace.map(|id| platform[id].name.value.as_str()));
                value
            })
            .collect();
        let namespaces: Map<_, _> = platform
            .namespaces()
            .map(|(id, namespace)| {
                let (name, value) = named(&namespace.name.value, model::of_namespace(platform, id));
                (name, self.with_services(value, id))
            })
            .collect();
        json!({
            "version": 1,
            "platform": self.members(&model::of_platform(platform)),
            "clusters": clusters,
            "externals": externals,
            "secrets": secrets,
            "namespaces": namespaces,
        })
    }

    fn with_services(&self, mut namespace: Value, id: NamespaceId) -> Value {
        let services = self.platform.workloads_in(id);
        let services: Map<_, _> = services
            .into_iter()
            .map(|id| {
                let facts = model::of_service(self.platform, id);
                let name = self.platform[id].name.value.to_string();
                (name, self.members(&facts))
            })
            .collect();
        namespace["services"] = Value::Object(services);
        namespace
    }

    /// What a path leads to.
    pub(super) fn found_json(&self, found: &Found) -> Value {
        let value = match found.subject {
            Subject::Namespace(id) if found.is_whole => {
                self.with_services(self.members(&found.fact.children), id)
            }
            _ => self.json(&found.fact),
        };
        json!({ "version": 1, "name": found.path, "value": value })
    }

    fn members(&self, facts: &[Fact]) -> Value {
        let all = facts.iter();
        let are_numbered = all
            .clone()
            .enumerate()
            .all(|(at, fact)| fact.name == at.to_string());
        if are_numbered && !facts.is_empty() {
            return Value::Array(all.map(|fact| self.json(fact)).collect());
        }
        let pairs = facts
            .iter()
            .map(|fact| (fact.name.clone(), self.json(fact)));
        Value::Object(pairs.collect())
    }

    fn json(&self, fact: &Fact) -> Value {
        let Some(value) = &fact.value else {
            return self.members(&fact.children);
        };
        let is_list = matches!(value, Plain::List(_));
        let members = (!fact.children.is_empty() && !is_list).then(|| self.members(&fact.children));
        if !self.has_origin {
            return members.unwrap_or_else(|| plain(value));
        }
        let mut out = json!({ "value": plain(value) });
        if let Some(origin) = fact.origin {
            out["origin"] = self.origin_json(origin);
        }
        if let Some(members) = members {
            out["parts"] = members;
        }
        out
    }

    pub(super) fn origin_json(&self, origin: Origin) -> Value {
        let via = match origin.via {
            Via::Declared => "declared",
            Via::Component(_) => "component",
            Via::Namespace => "namespace",
            Via::Platform => "platform",
            Via::Profile(_) => "profile",
            Via::Default => "default",
        };
        let steps = chain(self.platform, origin).into_iter().map(|step| {
            let mut value = self.place_json(step.span);
            value["says"] = json!(step.says);
            value
        });
        let mut value = self.place_json(origin.span);
        value["via"] = json!(via);
        value["chain"] = steps.collect();
        value
    }

    fn place_json(&self, span: Span) -> Value {
        match self.sources.get(span.file) {
            Some(source) => {
                let at = source.line_column(span.start);
                json!({ "file": source.path, "line": at.line, "column": at.column })
            }
            None => json!({}),
        }
    }
}

fn plain(value: &Plain) -> Value {
    match value {
        Plain::Text(text) => json!(text),
        Plain::Number(number) => json!(number),
        Plain::Bool(value) => json!(value),
        Plain::List(items) => items.iter().map(plain).collect(),
    }
}

/// A row for each value, named by the words that lead to it.
fn flatten<'f>(facts: &'f [Fact], before: &str, rows: &mut Vec<Row<'f>>) {
    for fact in facts {
        let name = format!("{before}{}", fact.name);
        match &fact.value {
            Some(value) => rows.push(Row {
                name,
                value: shortened(&value.to_string()),
                origin: fact.origin,
                fact,
            }),
            None => flatten(&fact.children, &format!("{name} "), rows),
        }
    }
}

/// The first line of a text, no wider than a table takes.
fn shortened(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let more = lines.count();
    let mut out: String = first.chars().take(WIDEST).collect();
    if out.len() < first.len() {
        out.push('…');
    }
    if more > 0 {
        push_text!(out, " … ({} lines)", more + 1);
    }
    out
}
