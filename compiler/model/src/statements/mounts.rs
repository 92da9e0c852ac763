//! Ports, and what is mounted into a service: volumes, configuration files, secrets.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Expr, Sign, Statement};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::{Reader, element, keyed};
use crate::args::plain_text;
use crate::eval::Evaluator;
use crate::fact::{Fact, Plain};
use crate::ids::SecretId;
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
    /// `volume NAME SIZE at "path" [class C] [shared]`.
    Volume {
        name: Sourced<SmolStr> = "Its name.",
        size: Sourced<Memory> = "Its size.",
        at: Sourced<String> = "Where it is mounted.",
        class: Option<Sourced<SmolStr>> = "Its storage class.",
        shared: bool = "Whether all replicas share one claim (ReadWriteMany).",
    }
}

element! {
    /// `config NAME { "file" = … } at "dir"`: a ConfigMap.
    Config {
        name: Sourced<SmolStr> = "Its name, that of the ConfigMap too.",
        at: Sourced<String> = "The folder in which its files appear.",
    }
    besides {
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
    SecretMount: secret at at;
}

/// `secret S at "dir"`.
#[derive(Clone, Debug)]
pub struct SecretMount {
    /// Which one.
    pub secret: SecretId,
    /// The folder in which the keys appear as files.
    pub at: Sourced<String>,
}

impl Shown for SecretMount {
    fn show(&self, _: &dyn Names) -> String {
        self.at.value.clone()
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
    /// `NAME at "dir"`
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let name = reader.name("the secret's name")?;
        reader.keyword("at")?;
        let at = reader.last("the folder in quotes")?;
        let at = reader.value(at, Evaluator::text);
        let secret = reader.refer(|names, at| names.secret(&name, at))?;
        Some(Self { secret, at: at? })
    }
}

impl Volume {
    /// Reads a volume, or the size of one that a path of a profile sets.
    pub(super) fn update(volumes: &mut Vec<Self>, reader: &mut Reader<'_, '_>) {
        if reader.path_part().is_none() {
            volumes.extend(Self::read(reader));
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

    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let name = reader.new_name("the volume's name", "volume")?;
        let size = Self::read_size(reader)?;
        reader.keyword("at")?;
        let at = reader.expr("the folder in quotes")?;
        let at = reader.value(at, Evaluator::text);
        let (mut class, mut shared) = (None, false);
        while !reader.is_empty() {
            if reader.word("class") {
                let name = reader.name("the storage class")?;
                class = Some(reader.sourced(name.text, name.span));
            } else if reader.word("shared") {
                shared = true;
            } else {
                reader.finish();
            }
        }
        Some(Self {
            name,
            size: size?,
            at: at?,
            class,
            shared,
        })
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
        let mut parts = vec![Fact::shown("size", &self.size), Fact::shown("at", &self.at)];
        parts.extend(self.class.iter().map(|class| Fact::shown("class", class)));
        let shared = Plain::Bool(self.shared);
        parts.push(Fact::new("shared", shared, self.name.origin));
        parts
    }
}

impl Shown for Volume {
    fn show(&self, _: &dyn Names) -> String {
        let mut text = format!("{} at {}", self.size.value, self.at.value);
        if let Some(class) = &self.class {
            text.push_str(&format!(" class {}", class.value));
        }
        if self.shared {
            text.push_str(" shared");
        }
        text
    }
}

impl Config {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let name = reader.new_name("the configuration's name", "configuration")?;
        let block = reader.need_block("`{ \"file\" = … }`")?;
        reader.keyword("at")?;
        let at = reader.last("the folder in quotes")?;
        let mut files: Vec<(SmolStr, Sourced<String>, Span)> = Vec::new();
        let mut seen = FxHashMap::default();
        for statement in &block.statements {
            files.extend(Self::read_file(statement, reader, &mut seen));
        }
        files.sort_by(|a, b| (&a.0, a.2).cmp(&(&b.0, b.2)));
        let at = reader.value(at, Evaluator::text)?;
        Some(Self {
            name,
            at,
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
        std::iter::once(Fact::shown("at", &self.at))
            .chain(files)
            .collect()
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
        format!("{} at {}", names.join(", "), self.at.value)
    }
}
