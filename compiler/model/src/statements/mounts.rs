//! Ports, and what is mounted into a service: volumes, configuration files, secrets.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Expr, Sign, Statement};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::field::{Keyed, group};
use super::{Reader, element, keyed};
use crate::args::plain_text;
use crate::eval::Evaluator;
use crate::fact::{Fact, Plain};
use crate::ids::SecretId;
use crate::kubernetes;
use crate::origin::Sourced;
use crate::shown::{Names, Shown};
use crate::units::{Memory, Protocol, Range};
use crate::value::{Type, Value};

element! {
    /// `port NAME NUMBER[..NUMBER][/proto] [-> CONTAINERPORT] [host]`.
    Port {
        name: Sourced<SmolStr> = "Its name.",
        number: Sourced<u16> = "The number that clients use.",
        last: u16 = "The last number of a range, else the same.",
        container: u16 = "The number that the container listens on.",
        protocol: Protocol = "`tcp`, `udp` or `sctp`.",
        host: bool = "Whether the node opens it too.",
    }
    besides {
        /// Which sidecar listens; `None` for the main container.
        sidecar: Option<u32>,
    }
}

element! {
    /// `volume NAME SIZE [at "path"] [class C] [shared|once]`.
    Volume {
        name: Sourced<SmolStr> = "Its name.",
        size: Sourced<Memory> = "Its size.",
        at: Option<Sourced<String>> = "Where the main container mounts it.",
        class: Option<Sourced<SmolStr>> = "Its storage class.",
        shared: bool = "Whether all replicas share one claim (ReadWriteMany).",
        once: bool = "Whether the service has one claim that one node at a time mounts (ReadWriteOnce).",
    }
}

element! {
    /// `config NAME { "file" = … } [at "dir"]`: a ConfigMap; or `config NAME from "name" [at "dir"]`: one that exists.
    Config {
        name: Sourced<SmolStr> = "Its name, that of the ConfigMap too unless that exists already.",
        at: Option<Sourced<String>> = "The folder in which the main container has its files.",
    }
    besides {
        /// The ConfigMap, if the platform does not make it.
        existing: Option<Sourced<String>>,
        /// Which keys are files, and with which permissions.
        options: FileOptions,
        /// File names and contents, by name.
        files: Vec<(SmolStr, Sourced<String>)>,
        /// Where the names of the files stand, in the same order.
        file_spans: Vec<Span>,
    }
    computed {
        files: Vec<SmolStr> = "The names of its files."
            => |config| config.files.iter().map(|(name, _)| name.clone()).collect(),
    }
}

keyed! {
    Port: name at number;
    Volume: name at name, with parts;
    Config: name at name, with parts;
    SecretMount: secret at name;
    ClaimMount: name at name;
    Scratch: name at name;
    Mount: at at at;
}

/// `secret S [at "dir"]`.
#[derive(Clone, Debug)]
pub struct SecretMount {
    /// Which one.
    pub secret: SecretId,
    /// Its name as the statement writes it.
    pub name: Sourced<SmolStr>,
    /// The folder in which the main container has the keys as files.
    pub at: Option<Sourced<String>>,
    /// Which keys are files, and with which permissions.
    pub options: FileOptions,
}

impl Shown for SecretMount {
    fn show(&self, _: &dyn Names) -> String {
        place_and(self.at.as_ref(), self.options.shown())
    }
}

/// `volume NAME from claim "NAME" [at "path"]`: a claim that the platform does not make.
#[derive(Clone, Debug)]
pub struct ClaimMount {
    /// The name of the volume.
    pub name: Sourced<SmolStr>,
    /// The name of the claim.
    pub claim: Sourced<String>,
    /// Where the main container mounts it.
    pub at: Option<Sourced<String>>,
}

impl Shown for ClaimMount {
    fn show(&self, _: &dyn Names) -> String {
        let claim = format!("from claim {}", self.claim.value);
        place_and(self.at.as_ref(), vec![claim])
    }
}

/// `scratch NAME [SIZE] [in memory] [at "path"]`: space that lives as long as the pod.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// How much it may hold at most.
    pub size: Option<Sourced<Memory>>,
    /// Whether it is memory of the pod.
    pub in_memory: bool,
    /// Where the main container mounts it.
    pub at: Option<Sourced<String>>,
}

impl Shown for Scratch {
    fn show(&self, _: &dyn Names) -> String {
        let size = self.size.as_ref().map(|size| size.value.to_string());
        let memory = self.in_memory.then(|| "in memory".to_owned());
        place_and(self.at.as_ref(), size.into_iter().chain(memory).collect())
    }
}

/// `mount NAME at "path" [sub-path "path"] [read-only]`: a volume, config, secret or scratch space of the service.
#[derive(Clone, Debug)]
pub struct Mount {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Where the container has it.
    pub at: Sourced<String>,
    /// The file or folder of it that is mounted, instead of all.
    pub sub_path: Option<Sourced<String>>,
    /// Whether the container can only read it.
    pub read_only: bool,
}

impl Shown for Mount {
    fn show(&self, _: &dyn Names) -> String {
        let mut text = self.name.value.to_string();
        if let Some(sub_path) = &self.sub_path {
            text.push_str(&format!(" sub-path {}", sub_path.value));
        }
        if self.read_only {
            text.push_str(" read-only");
        }
        text
    }
}

/// What stands behind a config or a secret: `[only "key" [as "file"], …] [mode 0400] [optional]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileOptions {
    /// The keys that are files, each with the path of its file if it is another; all keys if it is empty.
    pub only: Vec<(Sourced<String>, Option<String>)>,
    /// The permissions of the files.
    pub mode: Option<Sourced<u32>>,
    /// Whether the pod starts without it too.
    pub optional: bool,
}

impl FileOptions {
    /// The parts, in the words of the statement.
    fn shown(&self) -> Vec<String> {
        let keys = self.only.iter().map(|(key, file)| match file {
            Some(file) => format!("{} as {file}", key.value),
            None => key.value.clone(),
        });
        let keys = Vec::from_iter(keys).join(", ");
        let only = (!keys.is_empty()).then(|| format!("only {keys}"));
        let mode = self.mode.as_ref();
        let mode = mode.map(|mode| format!("mode {:04o}", mode.value));
        let optional = self.optional.then(|| "optional".to_owned());
        only.into_iter().chain(mode).chain(optional).collect()
    }
}

/// `SIZE, … at PATH` as `show` has it.
fn place_and(at: Option<&Sourced<String>>, others: Vec<String>) -> String {
    let at = at.map(|at| format!("at {}", at.value));
    let parts: Vec<String> = others.into_iter().chain(at).collect();
    parts.join(" ")
}

/// What may stand behind a statement that mounts something in the main container.
#[derive(Default)]
struct Placed {
    at: Option<Sourced<String>>,
    options: FileOptions,
}

impl Placed {
    /// `at "path"`, `only …`, `mode …` and `optional`, in any order; `at` alone if `is_files` is false.
    fn read(&mut self, reader: &mut Reader<'_, '_>, is_files: bool) -> bool {
        if reader.word("at") {
            let at = reader.expr(if is_files {
                "the folder in quotes"
            } else {
                "the path in quotes"
            });
            self.at = at.and_then(|at| reader.value(at, Evaluator::text));
        } else if is_files && reader.word("only") {
            self.read_keys(reader);
        } else if is_files && reader.word("mode") {
            self.options.mode = reader
                .expr("a mode such as `0400`")
                .and_then(|expr| mode(expr, reader));
        } else if is_files && reader.word("optional") {
            self.options.optional = true;
        } else {
            return false;
        }
        true
    }

    fn read_keys(&mut self, reader: &mut Reader<'_, '_>) {
        while let Some(expr) = reader.expr("a key in quotes") {
            let key = reader.value(expr, Evaluator::text);
            let file = match reader.word("as") {
                true => {
                    let expr = reader.expr("the path of the file in quotes");
                    expr.and_then(|expr| reader.get(expr, Evaluator::text))
                }
                false => None,
            };
            self.options.only.extend(key.map(|key| (key, file)));
            if !reader.comma() {
                break;
            }
        }
    }
}

/// Permissions as `chmod` takes them, in octal: from 0 to 0777.
fn mode(expr: &Expr, reader: &mut Reader<'_, '_>) -> Option<Sourced<u32>> {
    let written = reader.written(expr.span);
    let is_octal =
        (3..=4).contains(&written.len()) && written.bytes().all(|b| (b'0'..=b'7').contains(&b));
    match u32::from_str_radix(written, 8) {
        Ok(mode) if is_octal && mode <= 0o777 => Some(reader.sourced(mode, expr.span)),
        _ => reader.refuse(
            Diagnostic::new(
                &codes::OUT_OF_RANGE,
                format!(
                    "invalid mode `{}`: must be octal, from 0000 to 0777",
                    written.escape_debug()
                ),
            )
            .at(expr.span, "not permissions of a file")
            .help("write `mode 0400` for files that only their owner can read"),
        ),
    }
}

impl ClaimMount {
    /// The rows of all volumes of a service in `show`.
    pub(super) fn rows(volumes: &[Volume], claims: &[Self], names: &dyn Names) -> Vec<Fact> {
        let own = volumes.iter().enumerate();
        let own = own.map(|(at, one)| one.fact(one.key(at, names), names));
        let existing = claims.iter().enumerate();
        let existing = existing.map(|(at, one)| one.fact(one.key(at, names), names));
        group("volume", own.chain(existing))
    }
}

impl Scratch {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let name = reader.new_name("the name of the scratch space", "scratch space")?;
        let is_word = ["in", "at"].iter().any(|word| reader.peek_word(word));
        let size = match is_word || reader.is_empty() {
            true => None,
            false => Volume::read_size(reader)?,
        };
        let (mut in_memory, mut placed) = (false, Placed::default());
        while !reader.is_empty() {
            if reader.word("in") {
                reader.keyword("memory")?;
                in_memory = true;
            } else if !placed.read(reader, false) {
                reader.finish();
            }
        }
        Some(Self {
            name,
            size,
            in_memory,
            at: placed.at,
        })
    }
}

impl Mount {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let name = reader.name("the name of a volume, config, secret or scratch space")?;
        let name = reader.sourced(name.text, name.span);
        reader.keyword("at")?;
        let at = reader.expr("the path in quotes")?;
        let at = reader.value(at, Evaluator::text);
        let (mut sub_path, mut read_only) = (None, false);
        while !reader.is_empty() {
            if reader.word("sub-path") {
                let expr = reader.expr("a path in the volume in quotes")?;
                sub_path = Some(reader.value(expr, Evaluator::text)?);
            } else if reader.word("read-only") {
                read_only = true;
            } else {
                reader.finish();
            }
        }
        Some(Self {
            name,
            at: at?,
            sub_path,
            read_only,
        })
    }
}

impl Port {
    /// Reads a port; `sidecar` listens on it, or the main container.
    pub(crate) fn read(reader: &mut Reader<'_, '_>, sidecar: Option<u32>) -> Option<Self> {
        let name = reader.new_name("the port's name", "port")?;
        let expr = reader.expr("the port's number")?;
        let (number, last, protocol) = Self::read_numbers(expr, reader);
        let first = number.value;
        let mut container = None;
        if reader.sign(Sign::Arrow) {
            let target = reader.expr("the port of the container")?;
            let number = reader.get(target, |it, expr, scope| it.eval(expr, scope, &Type::Port));
            container = Some((number?, target.span));
        }
        let host = reader.word("host");
        reader.finish();
        let container = match container {
            Some((Value::Port(number, _), span)) if first != last && number != first => {
                let message = "a range of ports keeps its numbers in the container";
                return reader.refuse(
                    Diagnostic::new(&codes::CONTRADICTION, message)
                        .at(span, "another number")
                        .also(expr.span, "a range"),
                );
            }
            Some((Value::Port(number, _), _)) => number,
            _ => first,
        };
        Some(Self {
            name,
            number,
            last,
            container,
            protocol,
            host,
            sidecar,
        })
    }
}

impl Port {
    /// `NUMBER[..NUMBER][/proto]`: the first number, the last, and the protocol. A port whose number is unknown still has
    /// its name: a mistake in the number was reported, and a component that is checked by itself does not know its
    /// parameters yet.
    pub(super) fn read_numbers(
        expr: &Expr,
        reader: &mut Reader<'_, '_>,
    ) -> (Sourced<u16>, u16, Protocol) {
        let range = reader.get(expr, |it, expr, scope| it.range(expr, scope, Type::Port));
        let (first, last, protocol) = match range {
            Some((Value::Port(first, Protocol::Tcp), Value::Port(last, protocol))) => {
                (first, last, protocol)
            }
            Some((Value::Port(first, protocol), Value::Port(last, _))) => (first, last, protocol),
            _ => (1, 1, Protocol::Tcp),
        };
        (reader.sourced(first, expr.span), last, protocol)
    }
}

/// Port numbers as the language writes them: `8080`, `53/udp`, `1000..1010`.
pub(crate) fn port_numbers(number: u16, last: u16, protocol: Protocol) -> String {
    let range = Range {
        min: number,
        max: last,
    };
    match protocol {
        Protocol::Tcp => range.to_string(),
        Protocol::Udp | Protocol::Sctp => format!("{range}/{}", protocol.as_suffix()),
    }
}

impl Shown for Port {
    fn show(&self, _: &dyn Names) -> String {
        let mut text = port_numbers(self.number.value, self.last, self.protocol);
        if self.container != self.number.value {
            text.push_str(&format!(" -> {}", self.container));
        }
        if self.host {
            text.push_str(" host");
        }
        text
    }
}

impl SecretMount {
    /// `NAME [at "dir"] …`
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let name = reader.name("the secret's name")?;
        let mut placed = Placed::default();
        while !reader.is_empty() {
            if !placed.read(reader, true) {
                reader.finish();
            }
        }
        let secret = reader.refer(|names, at| names.secret(&name, at))?;
        let Placed { at, options } = placed;
        let name = reader.sourced(name.text, name.span);
        Some(Self {
            secret,
            name,
            at,
            options,
        })
    }
}

impl Volume {
    /// Reads a volume, or the size of one that a path of a profile sets.
    pub(super) fn update(
        volumes: &mut Vec<Self>,
        claims: &mut Vec<ClaimMount>,
        reader: &mut Reader<'_, '_>,
    ) {
        if reader.path_part().is_none() {
            Self::read(volumes, claims, reader);
            return;
        }
        let size = Self::read_size(reader).flatten();
        reader.finish();
        let mut volumes = volumes.iter_mut();
        let volume = volumes.find(|volume| volume.name.value == reader.key());
        if let (Some(volume), Some(size)) = (volume, size) {
            volume.size = size;
        }
    }

    fn read(
        volumes: &mut Vec<Self>,
        claims: &mut Vec<ClaimMount>,
        reader: &mut Reader<'_, '_>,
    ) -> Option<()> {
        let name = reader.new_name("the volume's name", "volume")?;
        let mut placed = Placed::default();
        if reader.word("from") {
            reader.keyword("claim")?;
            let expr = reader.expr("the name of the claim in quotes")?;
            let claim = reader.value(expr, Evaluator::text);
            while !reader.is_empty() {
                if !placed.read(reader, false) {
                    reader.finish();
                }
            }
            let claim = claim?;
            reader.check_text(
                "PersistentVolumeClaim",
                &claim.value,
                claim.span(),
                kubernetes::not_a_subdomain,
            );
            claims.push(ClaimMount {
                name,
                claim,
                at: placed.at,
            });
            return Some(());
        }
        let words = ["at", "class", "shared", "once"];
        if words.iter().any(|word| reader.peek_word(word)) {
            reader.expected("the volume's size");
            return None;
        }
        let size = Self::read_size(reader)?;
        let (mut class, mut shared, mut once) = (None, None, None);
        while !reader.is_empty() {
            let here = reader.here();
            if reader.word("class") {
                let name = reader.name("the storage class")?;
                class = Some(reader.sourced(name.text, name.span));
            } else if reader.word("shared") {
                shared = Some(here);
            } else if reader.word("once") {
                once = Some(here);
            } else if !placed.read(reader, false) {
                reader.finish();
            }
        }
        if let (Some(shared), Some(once)) = (shared, once) {
            let message = "`shared` and `once` are mutually exclusive";
            return reader.refuse(
                Diagnostic::new(&codes::CONTRADICTION, message)
                    .at(once, "one node at a time")
                    .also(shared, "all replicas at once"),
            );
        }
        volumes.push(Self {
            name,
            size: size?,
            at: placed.at,
            class,
            shared: shared.is_some(),
            once: once.is_some(),
        });
        Some(())
    }

    /// Whether the service has one claim of it, whatever the number of its replicas.
    #[must_use]
    pub const fn is_single(&self) -> bool {
        self.shared || self.once
    }

    /// The size; `Some(None)` if it stands there and is wrong.
    #[expect(
        clippy::option_option,
        reason = "what follows a wrong size is read too"
    )]
    fn read_size(reader: &mut Reader<'_, '_>) -> Option<Option<Sourced<Memory>>> {
        let expr = reader.expr("the volume's size")?;
        let size = reader.value(expr, Evaluator::memory);
        if size.as_ref().is_some_and(|size| size.value.0 == 0) {
            let message = "the size of a volume must be greater than zero";
            reader.report(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(expr.span, "nothing"));
            return Some(None);
        }
        Some(size)
    }
}

impl Volume {
    fn parts(&self) -> Vec<Fact> {
        let mut parts = vec![Fact::shown("size", &self.size)];
        parts.extend(self.at.iter().map(|at| Fact::shown("at", at)));
        parts.extend(self.class.iter().map(|class| Fact::shown("class", class)));
        let shared = Plain::Bool(self.shared);
        parts.push(Fact::new("shared", shared, self.name.origin));
        if self.once {
            parts.push(Fact::new("once", Plain::Bool(true), self.name.origin));
        }
        parts
    }
}

impl Shown for Volume {
    fn show(&self, _: &dyn Names) -> String {
        let mut text = place_and(self.at.as_ref(), vec![self.size.value.to_string()]);
        if let Some(class) = &self.class {
            text.push_str(&format!(" class {}", class.value));
        }
        if self.shared {
            text.push_str(" shared");
        }
        if self.once {
            text.push_str(" once");
        }
        text
    }
}

impl Config {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let name = reader.new_name("the configuration's name", "configuration")?;
        let mut existing = None;
        let mut block = None;
        if reader.word("from") {
            let expr = reader.expr("the name of the ConfigMap in quotes")?;
            let of = reader.value(expr, Evaluator::text)?;
            reader.check_text(
                "ConfigMap",
                &of.value,
                of.span(),
                kubernetes::not_a_subdomain,
            );
            existing = Some(of);
        } else {
            block = Some(reader.need_block("`{ \"file\" = … }`, or `from \"name\"`")?);
        }
        let mut placed = Placed::default();
        while !reader.is_empty() {
            if !placed.read(reader, true) {
                reader.finish();
            }
        }
        let mut files: Vec<(SmolStr, Sourced<String>, Span)> = Vec::new();
        let mut seen = FxHashMap::default();
        for statement in block.iter().flat_map(|block| &block.statements) {
            files.extend(Self::read_file(statement, reader, &mut seen));
        }
        files.sort_by(|a, b| (&a.0, a.2).cmp(&(&b.0, b.2)));
        let Placed { at, options } = placed;
        Some(Self {
            name,
            at,
            existing,
            options,
            file_spans: files.iter().map(|file| file.2).collect(),
            files: files.into_iter().map(|file| (file.0, file.1)).collect(),
        })
    }

    /// `"file" = TEXT`: the name, the text, and where the name stands.
    fn read_file<'a>(
        statement: &'a Statement,
        reader: &mut Reader<'_, 'a>,
        seen: &mut FxHashMap<&'a str, Span>,
    ) -> Option<(SmolStr, Sourced<String>, Span)> {
        let (file, content) = reader.line(statement, "\"file\" = TEXT", |line| {
            let file = line.expr("the file's name in quotes")?;
            let Some(name) = plain_text(file) else {
                let written = line.written(file.span);
                return line.refuse(
                    Diagnostic::new(&codes::WRONG_SHAPE, "a file's name is written in quotes")
                        .at(file.span, "not in quotes")
                        .help("it is written `\"prometheus.yml\" = file(\"prometheus.yml\")`")
                        .fix("put it in quotes", file.span, format!("\"{written}\"")),
                );
            };
            line.need_sign(Sign::Assign, "`=`")?;
            Some(((name, file.span), line.last("the file's text")?))
        })?;
        let (name, span) = file;
        let first = *seen.entry(name).or_insert(span);
        if first != span {
            return reader.refuse(
                Diagnostic::new(
                    &codes::DUPLICATE_NAME,
                    format!("the file `{name}` is there twice"),
                )
                .at(span, "again")
                .also(first, "the first"),
            );
        }
        let text = reader.value(content, |it, expr, scope| {
            it.with_addresses(true, |it| it.text(expr, scope))
        })?;
        Some((name.into(), text, span))
    }

    fn parts(&self) -> Vec<Fact> {
        let files = self.files.iter();
        let files = files.map(|(name, content)| Fact::shown(name.as_str(), content));
        let at = self.at.iter().map(|at| Fact::shown("at", at));
        let existing = self.existing.iter();
        let existing = existing.map(|name| Fact::shown("from", name));
        at.chain(existing).chain(files).collect()
    }

    /// Where the name of a file stands.
    #[must_use]
    pub fn key_span(&self, name: &str) -> Option<Span> {
        let at = self.files.iter().position(|(file, _)| file == name)?;
        self.file_spans.get(at).copied()
    }
}

impl Shown for Config {
    fn show(&self, _: &dyn Names) -> String {
        let names: Vec<&str> = self.files.iter().map(|(name, _)| name.as_str()).collect();
        let files = names.join(", ");
        let existing = self.existing.as_ref();
        let existing = existing.map(|existing| format!("from {}", existing.value));
        let mut parts = vec![existing.unwrap_or(files)];
        parts.extend(self.options.shown());
        place_and(self.at.as_ref(), parts)
    }
}
