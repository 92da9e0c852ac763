//! Random programs that use every statement of the language, at the limits of lengths and numbers. What a block
//! may hold is read from the table of words, so that a new statement is used as soon as it is declared: its form is
//! expanded (`forms.rs`), with values for its placeholders (`values.rs`). The same seed gives the same program.
//!
//! Most random programs have errors. [`Program::accepted`] deletes the statements at which errors are reported until
//! none is left, so that what remains is close to what the compiler refuses.

pub mod changes;
mod forms;
mod values;

use std::fmt::Write;

use erpc_diagnostics::Severity;
use erpc_model::properties::{BlockKind, Merge, Word, words};

use crate::Memory;
use crate::random::Random;
use values::Values;

/// A program as a tree of statements, each with a line of its own.
#[derive(Clone, Debug)]
pub struct Program {
    seed: u64,
    items: Vec<Item>,
}

/// A statement: a line, or a block with statements in it.
#[derive(Clone, Debug)]
struct Item {
    line: String,
    /// The statements of a block; `None` for a line.
    block: Option<Vec<Self>>,
    /// Whether the program means nothing without it.
    is_needed: bool,
}

impl Item {
    fn line(line: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            block: None,
            is_needed: false,
        }
    }

    fn needed(line: impl Into<String>) -> Self {
        Self {
            is_needed: true,
            ..Self::line(line)
        }
    }

    fn block(head: impl Into<String>, items: Vec<Self>) -> Self {
        Self {
            block: Some(items),
            ..Self::line(head)
        }
    }

    fn is_empty_block(&self) -> bool {
        self.block.as_ref().is_some_and(Vec::is_empty)
    }
}

/// The place of a statement: its number in each of the blocks around it.
type At = Vec<usize>;

impl Program {
    /// A random program. `pool` is part of the names of its namespaces: programs of different pools share none.
    #[must_use]
    pub fn random(seed: u64, pool: usize) -> Self {
        let mut writer = Writer {
            values: Values::new(Random(seed), pool),
        };
        let items = writer.program();
        Self { seed, items }
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        self.written().0
    }

    /// The text, and for each of its lines the statement that begins on it.
    fn written(&self) -> (String, Vec<Option<At>>) {
        fn write(items: &[Item], at: &mut At, text: &mut String, lines: &mut Vec<Option<At>>) {
            let indent = "  ".repeat(at.len());
            for (place, item) in items.iter().enumerate() {
                at.push(place);
                lines.push(Some(at.clone()));
                let open = if item.block.is_some() { " {" } else { "" };
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{indent}{}{open}", item.line);
                if let Some(block) = &item.block {
                    write(block, at, text, lines);
                    lines.push(None);
                    let _ = writeln!(text, "{indent}}}");
                }
                at.pop();
            }
        }
        let (mut text, mut lines) = (String::new(), Vec::new());
        write(&self.items, &mut Vec::new(), &mut text, &mut lines);
        (text, lines)
    }

    /// The program without the statements at which errors are reported, except those with one of the codes that
    /// `keeps` names; `None` if nothing is left of it.
    #[must_use]
    pub fn accepted(mut self, keeps: &[&str]) -> Option<Self> {
        // Each round removes a statement at least.
        loop {
            let (text, lines) = self.written();
            let compiled = Memory::of(text).compile();
            let errors = compiled.diagnostics.as_slice().iter().filter(|found| {
                found.severity() == Severity::Error && !keeps.contains(&found.code.id)
            });
            let mut wrong = Vec::new();
            for error in errors {
                let at = error.labels.iter().filter_map(|label| {
                    let source = compiled.sources.get(label.span.file)?;
                    let line = source.line_column(label.span.start).line;
                    lines.get(line - 1)?.as_ref()
                });
                // One statement of an error is enough; a line rather than a block.
                let at = at.filter(|at| !self.at(at).is_some_and(|item| item.is_needed));
                let is_block = |at: &&At| self.at(at).is_some_and(|item| item.block.is_some());
                wrong.push(at.min_by_key(is_block)?.clone());
            }
            if wrong.is_empty() {
                return Some(self);
            }
            wrong.sort();
            wrong.dedup();
            // From the end, so that places before stay what they are.
            for at in wrong.iter().rev() {
                self.remove(at)?;
            }
        }
    }

    /// The program with one more statement in a service or job.
    #[must_use]
    pub fn with(&self, namespace: &str, service: &str, line: &str) -> Option<Self> {
        let mut program = self.clone();
        let head = format!("namespace {namespace}");
        let namespace = program.items.iter_mut().find(|item| item.line == head)?;
        let services = namespace.block.as_mut()?;
        let service = services.iter_mut().find(|item| {
            let mut words = item.line.split(' ');
            matches!(words.next(), Some("service" | "job")) && words.next() == Some(service)
        })?;
        service.block.as_mut()?.push(Item::line(line));
        Some(program)
    }

    fn at(&self, at: &[usize]) -> Option<&Item> {
        let (last, around) = at.split_last()?;
        let mut items = &self.items;
        for place in around {
            items = items.get(*place)?.block.as_ref()?;
        }
        items.get(*last)
    }

    /// Removes a statement, or the block that needs it.
    fn remove(&mut self, at: &[usize]) -> Option<()> {
        let (last, around) = at.split_last()?;
        let mut items = &mut self.items;
        for place in around {
            items = items.get_mut(*place)?.block.as_mut()?;
        }
        if items.get(*last)?.is_needed {
            return self.remove(around);
        }
        items.remove(*last);
        Some(())
    }

    /// A small program of which `fails` is still true: statements are removed as long as it is.
    #[must_use]
    pub fn shrunk(self, mut fails: impl FnMut(&Self) -> bool) -> Self {
        let mut least = self;
        loop {
            let (_, lines) = least.written();
            let before = lines.len();
            for at in lines.into_iter().flatten().rev() {
                let mut less = least.clone();
                if less.remove(&at).is_some() && less.text() != least.text() && fails(&less) {
                    least = less;
                }
            }
            if least.written().1.len() == before {
                return least;
            }
        }
    }
}

/// Writes a random program.
struct Writer {
    values: Values,
}

impl Writer {
    fn program(&mut self) -> Vec<Item> {
        let platform = self.values.platform();
        let mut of_platform = vec![
            Item::needed("version \"1.0\""),
            Item::needed("cluster main"),
            Item::line(values::REGISTRIES),
        ];
        of_platform.extend(self.statements(BlockKind::Platform, 3));
        let defaults = self.statements(BlockKind::NamespaceDefaults, 8);
        if !defaults.is_empty() {
            of_platform.push(Item::block("namespaces", defaults));
        }
        let mut of_cluster = self.cluster();
        of_cluster.extend(self.statements(BlockKind::Cluster, 3));
        let mut items = vec![
            Item::needed("erp 1"),
            Item {
                is_needed: true,
                ..Item::block(format!("platform {platform}"), of_platform)
            },
            Item::needed("tiers low < high"),
            Item {
                is_needed: true,
                ..Item::block("cluster main", of_cluster)
            },
        ];
        for name in values::EXTERNALS {
            let lines = vec![
                Item::line("cidr 203.0.113.0/24, 2001:db8:7::/48"),
                Item::line("dns \"outside.example\""),
                Item::line("port web 443"),
                Item::line("port many 7000..7010/udp"),
            ];
            items.push(Item::block(format!("external {name}"), lines));
        }
        items.push(Item::line("profile small { environment development }"));
        items.extend(self.secrets());
        for (name, services) in self.values.layout() {
            let block = self.namespace(&services);
            items.push(Item::block(format!("namespace {name}"), block));
        }
        items.extend(self.statements(BlockKind::Program, 2));
        items
    }

    fn cluster(&mut self) -> Vec<Item> {
        let facts = self.values.cluster_facts();
        facts.into_iter().map(Item::needed).collect()
    }

    fn secrets(&mut self) -> Vec<Item> {
        let secret = |name: &str, keys: &str| {
            Item::line(format!(
                "secret {name} {{ keys {keys}; because \"made elsewhere\" }}"
            ))
        };
        let mut all: Vec<Item> = values::SECRETS
            .iter()
            .map(|name| secret(name, "\"k\", \"tls.crt\", \"tls.key\""))
            .collect();
        all.push(secret(values::LOGIN, "\".dockerconfigjson\""));
        all
    }

    fn namespace(&mut self, services: &[String]) -> Vec<Item> {
        let mut items = vec![Item::needed(if self.values.one_in(2) {
            "tier low"
        } else {
            "tier high"
        })];
        items.extend(self.statements(BlockKind::Namespace, 6));
        for name in services {
            let is_job = self.values.one_in(4);
            let (head, place) = match (is_job, self.values.one_in(2)) {
                (false, _) => (format!("service {name}"), BlockKind::Service),
                (true, false) => (format!("job {name}"), BlockKind::Job),
                (true, true) => {
                    let schedule = self.values.schedule();
                    (format!("job {name} every \"{schedule}\""), BlockKind::Job)
                }
            };
            if self.values.one_in(5) {
                let text = self.values.text();
                items.push(Item::line(format!("## {text}")));
            }
            items.push(Item::block(head, self.workload(place)));
        }
        items
    }

    fn workload(&mut self, place: BlockKind) -> Vec<Item> {
        self.values.begin_workload();
        let mut items = self.container(place);
        if place == BlockKind::Service && !self.values.one_in(4) {
            items.push(Item::line("access by port-forward"));
        }
        for word in ["sidecar", "init"] {
            let most = if self.values.one_in(2) { 0 } else { 3 };
            for _ in 0..self.values.below(most + 1) {
                let name = self.values.part_name();
                let of = if word == "init" {
                    BlockKind::Init
                } else {
                    BlockKind::Sidecar
                };
                let block = self.container(of);
                items.push(Item::block(format!("{word} {name}"), block));
            }
        }
        items
    }

    /// What every container needs, and what it may have.
    fn container(&mut self, place: BlockKind) -> Vec<Item> {
        let image = self.values.image();
        let cpu = self.values.cpu_range();
        let memory = self.values.memory_range();
        let mut items = vec![
            Item::needed(format!("image \"{image}\"")),
            Item::needed(format!("cpu {cpu}")),
            Item::needed(format!("memory {memory}")),
        ];
        let all = self.statements(place, 4);
        let again = ["image", "cpu", "memory"];
        items.extend(all.into_iter().filter(|item| {
            let word = item.line.split(' ').next().unwrap_or_default();
            !again.contains(&word)
        }));
        items
    }

    /// Statements of a block: each that may stand there with a chance of one in `chance`, those that may stand
    /// several times up to three times, and rarely many times.
    fn statements(&mut self, place: BlockKind, chance: usize) -> Vec<Item> {
        let mut items = Vec::new();
        for word in words().filter(|word| word.places.contains(&place)) {
            if values::is_written_by_hand(word.name, place) || !self.values.one_in(chance) {
                continue;
            }
            for _ in 0..self.times(word) {
                items.extend(self.statement(word, place));
            }
        }
        items.retain(|item| !item.is_empty_block());
        items
    }

    fn times(&mut self, word: &Word) -> usize {
        match word.merge {
            Merge::Replace | Merge::Inside => 1,
            Merge::ByKey | Merge::ByPair | Merge::Append if self.values.one_in(12) => {
                1 + self.values.below(30)
            }
            Merge::ByKey | Merge::ByPair | Merge::Append => 1 + self.values.below(3),
        }
    }

    fn statement(&mut self, word: &'static Word, place: BlockKind) -> Vec<Item> {
        let lines = self.values.statement(word, place);
        lines.into_iter().map(Item::line).collect()
    }
}
