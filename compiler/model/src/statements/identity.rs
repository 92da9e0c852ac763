//! `identity { … }`: the names and the selector of objects that exist already, so that a platform takes them over
//! without replacing them. What it leaves out follows from the name of the service.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Arg, Block, Statement};
use smol_str::SmolStr;

use super::labels::{self, Pairs};
use super::{Keyed, Reader};
use crate::eval::Evaluator;
use crate::fact::{Fact, Plain};
use crate::kubernetes;
use crate::origin::{Origin, Sourced};
use crate::shown::{Names, Shown};

/// `identity { … }` of a service or job.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Where it is set.
    pub origin: Origin,
    /// The name of the Deployment, StatefulSet, DaemonSet, Job or CronJob.
    pub workload: Option<Sourced<SmolStr>>,
    /// The name of the main container.
    pub container: Option<Sourced<SmolStr>>,
    /// The labels by which the pods are selected, none with `off`; `None` for the label with the name of the service.
    pub selector: Option<Pairs>,
    /// The Services, in the order of the source; `None` for one with the name of the service.
    pub services: Option<Vec<ServiceName>>,
    /// The Service under whose name the pods of a StatefulSet have theirs.
    pub governing: Option<Sourced<SmolStr>>,
    /// The ServiceAccount of the pods.
    pub account: Option<AccountName>,
    /// `ports unnamed`: the ports of the containers have no names.
    pub unnamed_ports: Option<Sourced<()>>,
}

/// `service "NAME" [for PORT, …] [headless] [unnamed] [{ labels …; annotations … }]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceName {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Its ports by their names; empty for all ports of the service.
    pub ports: Vec<Sourced<SmolStr>>,
    /// Whether it has no address of its own, so that its name gives those of the pods.
    pub is_headless: bool,
    /// Whether its port has no name.
    pub is_unnamed: bool,
    /// Labels of the Service itself.
    pub labels: Pairs,
    /// Annotations of the Service itself.
    pub annotations: Pairs,
}

/// `account "NAME" [{ annotations KEY = "value", … }]` or `account from "NAME"`.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountName {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Whether it is created elsewhere: by a raw manifest, or outside of the platform.
    pub is_existing: bool,
    /// Its annotations.
    pub annotations: Pairs,
}

/// The lines of the block, by their words.
const FORMS: [(&str, &str); 7] = [
    ("workload", "workload \"NAME\""),
    ("container", "container \"NAME\""),
    ("selector", "selector KEY = \"value\", … | selector off"),
    (
        "service",
        "service \"NAME\" [for PORT, …] [headless] [unnamed] [{ labels KEY = \"value\", …; annotations KEY = \"value\", … }] | service off",
    ),
    ("ports", "ports unnamed"),
    ("governing", "governing \"NAME\""),
    (
        "account",
        "account \"NAME\" [{ annotations KEY = \"value\", … }] | account from \"NAME\"",
    ),
];

impl Identity {
    pub(crate) fn new(origin: Origin) -> Self {
        Self {
            origin,
            workload: None,
            container: None,
            selector: None,
            services: None,
            governing: None,
            account: None,
            unnamed_ports: None,
        }
    }

    /// Reads a layer over those below it.
    pub(super) fn update(identity: &mut Option<Self>, reader: &mut Reader<'_, '_>) {
        let block = reader.need_block("`{ … }` with names and a selector");
        reader.finish();
        let Some(block) = block else { return };
        let origin = reader.origin(reader.statement());
        let identity = identity.get_or_insert_with(|| Self::new(origin));
        identity.origin = origin;
        identity.read_block(block, reader);
    }

    fn read_block<'a>(&mut self, block: &'a Block, reader: &mut Reader<'_, 'a>) {
        let mut seen: Vec<(&str, Span)> = Vec::new();
        // A layer with Services replaces those of the layers below it.
        let mut services: Option<Vec<ServiceName>> = None;
        for statement in &block.statements {
            let (head, span) = match statement.head() {
                Some((head, span)) => (head.as_str(), span),
                None => ("", statement.span),
            };
            let Some((word, form)) = FORMS.iter().find(|(word, _)| *word == head) else {
                let known = FORMS.map(|(word, _)| word);
                let code = &codes::UNKNOWN_STATEMENT;
                reader.report(Diagnostic::unknown(code, "statement", head, span, known));
                continue;
            };
            let first = seen.iter().find(|(known, _)| known == word);
            // Several Services have several lines; one line with `off` is the only one.
            let is_only = *word != "service"
                || is_off(statement)
                || services.as_ref().is_some_and(Vec::is_empty);
            if let Some((_, first)) = first.filter(|_| is_only) {
                let message = format!("`{word}` is set twice");
                reader.report(
                    Diagnostic::new(&codes::REPEATED_PROPERTY, message)
                        .at(statement.span, "set again")
                        .also(*first, "first set here"),
                );
                continue;
            }
            seen.push((word, statement.span));
            self.read_line(statement, (word, form), &mut services, reader);
        }
        if services.is_some() {
            self.services = services;
        }
    }

    fn read_line<'a>(
        &mut self,
        statement: &'a Statement,
        (word, form): (&str, &'static str),
        services: &mut Option<Vec<ServiceName>>,
        reader: &mut Reader<'_, 'a>,
    ) {
        reader.inner(statement, form, |line| {
            match word {
                "workload" => {
                    // A DNS subdomain, so that dots are part of it.
                    let rule = kubernetes::not_a_subdomain;
                    self.workload = Some(object_name(line, "a workload", rule)?);
                }
                "container" => {
                    let rule = kubernetes::not_a_label;
                    self.container = Some(object_name(line, "a container", rule)?);
                }
                "selector" if line.word("off") => self.selector = Some(Pairs::new()),
                "selector" => self.selector = Some(labels::labels(line)?),
                "service" => {
                    let services = services.get_or_insert_default();
                    if !line.word("off") {
                        let read = ServiceName::read(services, line)?;
                        services.push(read);
                    }
                }
                "ports" => {
                    let here = line.here();
                    line.keyword("unnamed")?;
                    self.unnamed_ports = Some(line.sourced((), here));
                }
                "governing" => {
                    let rule = kubernetes::not_a_service;
                    self.governing = Some(object_name(line, "a Service", rule)?);
                }
                _ => self.account = Some(AccountName::read(line)?),
            }
            line.finish();
            Some(())
        });
    }

    fn rows(&self) -> Vec<Fact> {
        let name = |word, name: &Option<Sourced<SmolStr>>| {
            name.as_ref().map(|name| Fact::shown(word, name))
        };
        let off = |word| Fact::new(word, Plain::Text("off".into()), self.origin);
        let selector = self.selector.as_ref().map(|selector| {
            let pairs = selector.iter();
            let pairs = pairs.map(|(key, value)| Fact::shown(key.as_str(), value));
            match selector.is_empty() {
                true => off("selector"),
                false => Fact::group("selector", pairs.collect()),
            }
        });
        let services = self.services.iter().flatten();
        let services: Vec<Fact> = services.map(ServiceName::fact).collect();
        let services = match &self.services {
            Some(none) if none.is_empty() => Some(off("service")),
            Some(_) => Some(Fact::group("service", services)),
            None => None,
        };
        [
            name("workload", &self.workload),
            name("container", &self.container),
            selector,
            services,
            self.unnamed_ports
                .as_ref()
                .map(|ports| Fact::new("ports", Plain::Text("unnamed".into()), ports.origin)),
            name("governing", &self.governing),
            self.account.as_ref().map(AccountName::fact),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Keyed for Identity {
    fn key(&self, _: usize, _: &dyn Names) -> String {
        "identity".to_owned()
    }

    fn fact(&self, key: String, _: &dyn Names) -> Fact {
        Fact {
            origin: Some(self.origin),
            ..Fact::group(&key, self.rows())
        }
    }
}

impl ServiceName {
    fn read(before: &[Self], reader: &mut Reader<'_, '_>) -> Option<Self> {
        let name = object_name(reader, "a Service", kubernetes::not_a_service)?;
        let (mut ports, mut is_headless, mut is_unnamed) = (Vec::new(), false, false);
        let mut block = None;
        while !reader.is_empty() {
            if let Some(found) = reader.block() {
                block = Some(found);
            } else if reader.word("for") {
                ports = reader.list(|reader| {
                    let port = reader.name("the name of a port")?;
                    Some(reader.sourced(port.text, port.span))
                });
            } else if reader.word("headless") {
                is_headless = true;
            } else if reader.word("unnamed") {
                is_unnamed = true;
            } else {
                reader.expected("`for PORT, …`, `headless`, `unnamed` or a block");
                return None;
            }
        }
        if let Some(first) = before.iter().find(|known| known.name.value == name.value) {
            let message = format!("the Service `{}` is named twice", name.value);
            return reader.refuse(
                Diagnostic::new(&codes::REPEATED_PROPERTY, message)
                    .at(name.span(), "again")
                    .also(first.name.span(), "the first"),
            );
        }
        let [labels, annotations] = metadata_block(block, ["labels", "annotations"], reader);
        Some(Self {
            name,
            ports,
            is_headless,
            is_unnamed,
            labels,
            annotations,
        })
    }

    /// Whether it has a port of the service.
    #[must_use]
    pub fn has_port(&self, name: &str) -> bool {
        self.ports.is_empty() || self.ports.iter().any(|port| port.value == name)
    }

    fn fact(&self) -> Fact {
        let pairs = [&self.labels, &self.annotations].into_iter().flatten();
        let pairs = pairs.map(|(key, value)| Fact::shown(key.as_str(), value));
        Fact::new(
            self.name.value.as_str(),
            Plain::Text(self.text()),
            self.name.origin,
        )
        .with(pairs.collect())
    }

    fn text(&self) -> String {
        let ports: Vec<&str> = self.ports.iter().map(|port| port.value.as_str()).collect();
        let ports = match ports.is_empty() {
            true => "for all ports".to_owned(),
            false => format!("for {}", ports.join(", ")),
        };
        let words = [
            (self.is_headless, " headless"),
            (self.is_unnamed, " unnamed"),
        ];
        let words = words.iter().filter(|(is_set, _)| *is_set);
        let words: String = words.map(|(_, word)| *word).collect();
        format!("{ports}{words}")
    }
}

impl AccountName {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let is_existing = reader.word("from");
        let name = object_name(reader, "a ServiceAccount", kubernetes::not_a_subdomain)?;
        // The annotations of an account are set where it is created.
        let block = match is_existing {
            true => None,
            false => reader.block(),
        };
        let [annotations] = metadata_block(block, ["annotations"], reader);
        Some(Self {
            name,
            is_existing,
            annotations,
        })
    }

    fn fact(&self) -> Fact {
        let annotations = self.annotations.iter();
        let annotations = annotations.map(|(key, value)| Fact::shown(key.as_str(), value));
        let word = match self.is_existing {
            true => "account from",
            false => "account",
        };
        Fact::shown(word, &self.name).with(annotations.collect())
    }
}

impl Shown for Identity {
    fn show(&self, _: &dyn Names) -> String {
        let rows = self.rows();
        let rows = rows.iter().map(|row| row.name.as_str());
        Vec::from_iter(rows).join(", ")
    }
}

/// Reads `{ labels KEY = "value", …; annotations KEY = "value", … }` with those of the words that an object may have.
fn metadata_block<'a, const N: usize>(
    block: Option<&'a Block>,
    words: [&'static str; N],
    reader: &mut Reader<'_, 'a>,
) -> [Pairs; N] {
    let mut pairs = words.map(|_| Pairs::new());
    for statement in block.into_iter().flat_map(|block| &block.statements) {
        let (head, span) = match statement.head() {
            Some((head, span)) => (head.as_str(), span),
            None => ("", statement.span),
        };
        let Some(place) = words.iter().position(|word| *word == head) else {
            let code = &codes::UNKNOWN_STATEMENT;
            reader.report(Diagnostic::unknown(code, "statement", head, span, words));
            continue;
        };
        let read = match head {
            "labels" => reader.inner(statement, "labels KEY = \"value\", …", labels::labels),
            _ => reader.inner(
                statement,
                "annotations KEY = \"value\", …",
                labels::annotations,
            ),
        };
        pairs[place].extend(read.into_iter().flatten());
    }
    pairs
}

/// Whether a line is `WORD off`.
fn is_off(statement: &Statement) -> bool {
    match &statement.args[1..] {
        [Arg::Expr(only)] => only.as_word().is_some_and(|word| word == "off"),
        _ => false,
    }
}

/// The name of an object in quotes, which `rule` judges.
fn object_name(
    reader: &mut Reader<'_, '_>,
    of: &str,
    rule: fn(&str) -> Option<String>,
) -> Option<Sourced<SmolStr>> {
    let expr = reader.expr(&format!("the name of {of} in quotes"))?;
    let name = reader.value(expr, Evaluator::text)?;
    let what = format!("name of {of}");
    reader.check_text(&what, &name.value, expr.span, rule);
    Some(name.map(SmolStr::from))
}
