//! The statements of containers: the main container, sidecars and init containers share them.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::{Expr, Sign};
use smol_str::SmolStr;

use super::reader::{cpu_range, each_text, memory_range};
use super::{Keyed, Mount, Probes, Reader, Statements, element, keyed, statements};
use crate::eval::{Evaluator, Scope};
use crate::fact::Fact;
use crate::ids::SecretId;
use crate::kubernetes;
use crate::origin::Sourced;
use crate::shown::{Names, Shown};
use crate::units::{Cpu, Memory, Range};
use crate::value::{Type, Value};

statements! {
    /// A container of a service.
    Container(
        /// The service's name for the main one.
        name: Sourced<SmolStr>
    ) {}

    image: Sourced<Image> = "image \"reference\"" [Service Job Sidecar Init]
        "The image of the container, with a tag or digest.",
        default Image::unknown(),
        read Image::read,
        members {};
    command: Option<Sourced<Vec<String>>> = "command \"…\", …" [Service Job Sidecar Init]
        "What the container runs instead of the image's entry point.",
        read |reader| reader.texts("the command in quotes"),
        members {
            command: Vec<String>, "What it runs instead of the image's entry point."
                => |command| command.as_ref().map(|command| command.value.clone()).unwrap_or_default(),
        };
    args: Option<Sourced<Vec<String>>> = "args \"…\", …" [Service Job Sidecar Init]
        "The arguments of the command.",
        read |reader| reader.texts("the arguments in quotes"),
        members {
            args: Vec<String>, "Its arguments."
                => |args| args.as_ref().map(|args| args.value.clone()).unwrap_or_default(),
        };
    env: Vec<EnvVar> = "env NAME = VALUE | env NAME from secret S.key" ByKey [Service Job Sidecar Init]
        "An environment variable.",
        read |reader| Some(vec![EnvVar::read(reader)?]),
        members {};
    cpu: Option<Sourced<Range<Cpu>>> = "cpu REQUEST..LIMIT" [Service Job Sidecar Init]
        "CPU that is reserved and that may be used.",
        read |reader| {
            let expr = reader.last("CPU as request..limit")?;
            let cpu = reader.value(expr, cpu_range)?;
            is_some(cpu.value.max != Cpu(0), "CPU", expr, reader).then_some(cpu)
        },
        members {
            cpu: Range<Cpu>, "CPU that is reserved and that may be used: from 0 to unlimited if it sets none."
                => |cpu| {
                    let unset = Range { min: Cpu(0), max: Cpu::UNLIMITED };
                    cpu.as_ref().map_or(unset, |cpu| cpu.value)
                },
        };
    memory: Option<Sourced<Range<Memory>>> = "memory REQUEST..LIMIT" [Service Job Sidecar Init]
        "Memory that is reserved and that may be used.",
        read |reader| {
            let expr = reader.last("memory as request..limit")?;
            let memory = reader.value(expr, memory_range)?;
            is_some(memory.value.max != Memory(0), "memory", expr, reader).then_some(memory)
        },
        members {
            memory: Range<Memory>, "Memory that is reserved and that may be used: from 0 to unlimited if it sets none."
                => |memory| {
                    let unset = Range { min: Memory(0), max: Memory::UNLIMITED };
                    memory.as_ref().map_or(unset, |memory| memory.value)
                },
        };
    probes: Probes = "health http \"/path\" | tcp | exec \"…\", … [on PORT] [{ ready …; live …; startup … }]" Inside [Service Job Sidecar]
        "How the kubelet finds out whether the container is ready and alive.",
        parts {
            "ready|live|startup [http \"/path\" | tcp | exec \"…\", …] [on PORT] [after TIME] [every TIME] [fails N] [within TIME]"
                "A probe of its own: `ready` decides whether the pod receives traffic, `live` whether the container is restarted, and both wait for `startup`. A check in front of the block is that of `ready` and `live`."
            "ready|live|startup off"
                "Removes the probe that a component sets."
            "on PORT"
                "The port that is asked [default: the port `http`, else the first port that the service declares]."
            "after TIME"
                "How long the kubelet waits before the first check [default: 0s]."
            "every TIME"
                "The time between two checks [default: 10s]."
            "fails N"
                "How many checks in a row must fail, 1 to 1000 [default: 3]."
            "within TIME"
                "The time limit of a check [default: 1s]."
        },
        members {};
    writable: Vec<Sourced<String>> = "writable \"/path\", …" Append [Service Job Sidecar Init]
        "An empty folder that the container may write to.",
        read |reader| each_text(reader, "a folder in quotes");
    mounts: Vec<Mount> = "mount NAME at \"path\" [sub-path \"path\"] [read-only]" Append [Service Job Sidecar Init]
        "Mounts a volume, config, secret or scratch space of the service in this container too, or a part of it.",
        parts {
            "sub-path \"path\""
                "The file or folder of the volume that is mounted [default: all of it]. Files of a config or a secret that are mounted so do not change in running pods."
            "read-only"
                "The container can only read it. Configs and secrets are always read-only with `defaults strict`."
        },
        read |reader| Some(vec![Mount::read(reader)?]),
        members {};
    capabilities: Vec<Sourced<SmolStr>> = "capability NAME [because \"…\"]" Append [Service Job Sidecar Init]
        "A Linux capability; one outside `restricted` lowers the whole namespace.",
        read capability;
}

/// A sidecar or init container.
impl Keyed for Container {
    fn key(&self, _: usize, _: &dyn Names) -> String {
        self.name.value.to_string()
    }

    fn fact(&self, key: String, names: &dyn Names) -> Fact {
        Fact {
            origin: Some(self.name.origin),
            ..Fact::group(&key, self.facts(names))
        }
    }
}

/// Reports a request and limit of nothing.
fn is_some(is_some: bool, what: &str, expr: &Expr, reader: &mut Reader<'_, '_>) -> bool {
    if !is_some {
        let message = format!("the {what} limit of a container must be greater than zero");
        reader.report(Diagnostic::new(&codes::OUT_OF_RANGE, message).at(expr.span, "nothing"));
    }
    is_some
}

fn capability(reader: &mut Reader<'_, '_>) -> Option<Vec<Sourced<SmolStr>>> {
    let name = reader.name("a capability such as `NET_BIND_SERVICE`")?;
    reader.because();
    reader.finish();
    if CAPABILITIES.contains(&name.text.as_str()) {
        return Some(vec![reader.sourced(name.text, name.span)]);
    }
    let (code, known) = (&codes::UNKNOWN_NAME, CAPABILITIES.iter().copied());
    reader.refuse(Diagnostic::unknown(
        code,
        "capability",
        &name.text,
        name.span,
        known,
    ))
}

element! {
    /// An image reference in parts.
    Image {
        registry: SmolStr = "Its registry; by default that of the platform.",
        repository: SmolStr = "Its repository: `erpuno/ns`.",
        tag: Option<SmolStr> = "Its tag.",
        digest: Option<SmolStr> = "Its digest: `sha256:…`.",
    }
    besides {
        /// Whether the source names the registry.
        registry_is_written: bool,
    }
    computed {
        reference: String = "The whole reference." => ToString::to_string,
    }
}

impl Image {
    /// What stands for an image that could not be read.
    fn unknown() -> Self {
        Self {
            registry: SmolStr::default(),
            repository: SmolStr::default(),
            tag: Some(SmolStr::new_static("unknown")),
            digest: None,
            registry_is_written: false,
        }
    }

    /// An image reference in its parts; whether it pins a version is a check of its own.
    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let expr = reader.last("the image in quotes")?;
        reader.value(expr, Evaluator::image_value)
    }
}

impl Image {
    /// Whether it names a version: a digest, or a tag other than `latest`.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.digest.is_some() || self.tag.as_ref().is_some_and(|tag| tag != "latest")
    }

    /// Its reference as images of Docker Hub are mostly written.
    #[must_use]
    pub fn without_registry(&self) -> String {
        let mut reference = self.repository.to_string();
        if let Some(tag) = &self.tag {
            reference.push(':');
            reference.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            reference.push('@');
            reference.push_str(digest);
        }
        reference
    }
}

impl Shown for Image {
    fn show(&self, _: &dyn Names) -> String {
        self.to_string()
    }
}

impl std::fmt::Display for Image {
    /// The whole reference, registry included.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.registry, self.without_registry())
    }
}

element! {
    /// `env NAME = …`.
    EnvVar {
        name: SmolStr = "Its name.",
    }
    besides {
        /// What it holds.
        value: Sourced<EnvValue>,
    }
    computed {
        value: Option<String> = "Its text, unless it comes from a Secret." => |env| match &env.value.value {
            EnvValue::Text(text) => Some(text.clone()),
            EnvValue::Secret(..) => None,
        },
        secret: Option<SecretId> = "The Secret that it comes from." => |env| match &env.value.value {
            EnvValue::Text(_) => None,
            EnvValue::Secret(secret, _) => Some(*secret),
        },
    }
}

/// What an environment variable holds.
#[derive(Clone, Debug, PartialEq)]
pub enum EnvValue {
    /// Text.
    Text(String),
    /// `from secret S.key`.
    Secret(SecretId, SmolStr),
}

keyed! { EnvVar: name at value; }

impl EnvVar {
    /// `NAME = VALUE` or `NAME from secret S.key`. Variables keep the order in which they are written, since Kubernetes
    /// expands `$(NAME)` from those before it only.
    fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let written = reader.expr("the variable's name")?;
        let name = reader.key();
        if let Some(why) = kubernetes::not_a_variable(name) {
            let message = format!("invalid name of an environment variable `{name}`: {why}");
            return reader
                .refuse(Diagnostic::new(&codes::BAD_NAME, message).at(written.span, "not a name"));
        }
        if reader.sign(Sign::Assign) {
            let expr = reader.last("the variable's value")?;
            let text = reader.value(expr, |it, expr, scope| {
                it.with_addresses(true, |it| it.env_text(expr, scope))
            })?;
            let value = text.map(EnvValue::Text);
            let name = name.into();
            return Some(Self { name, value });
        }
        reader.keyword("from")?;
        if reader.peek_word("config") {
            let message = "a variable cannot come from a config, only from a secret";
            return reader.refuse(
                Diagnostic::new(&codes::WRONG_SHAPE, message)
                    .at(reader.here(), "expected `secret`")
                    .help("write the value itself: `env NAME = \"…\"`; a constant (`let`) can stand in both")
                    .help("or mount the config and let the program read the file: `config NAME { … } at \"/dir\"`"),
            );
        }
        reader.keyword("secret")?;
        let expr = reader.last("the secret's name and key")?;
        let found = reader.refer_at(expr.span, |names, at| names.secret_key(expr, at))?;
        let value = found.map(|(secret, key)| EnvValue::Secret(secret, key));
        let name = name.into();
        Some(Self { name, value })
    }
}

impl Shown for EnvVar {
    fn show(&self, names: &dyn Names) -> String {
        match &self.value.value {
            EnvValue::Text(text) => text.clone(),
            EnvValue::Secret(secret, key) => format!("from secret {}.{key}", names.secret(*secret)),
        }
    }
}

impl Evaluator<'_> {
    /// An image in quotes.
    pub(crate) fn image_value(&mut self, expr: &Expr, scope: &Scope) -> Option<Image> {
        let text = match self.eval(expr, scope, &Type::Image)? {
            Value::Text(text) => text,
            _ => return None,
        };
        let registry = self.default_registry();
        match parse_image(&text, &registry) {
            Ok(image) => Some(image),
            Err(_) if let Some((scheme, _)) = text.split_once("://") => {
                let scheme = format!("{scheme}://");
                let at = Evaluator::given_at(expr, scope);
                let written = self.loaded.sources.text(at);
                let meant = written.replacen(&scheme, "", 1);
                let diagnostic = Diagnostic::new(
                    &codes::BAD_IMAGE,
                    format!("an image reference has no `{}`", scheme.escape_debug()),
                )
                .at(at, "an address, not an image")
                .help("it is written `[registry/]repository:tag` or `…@sha256:…`");
                let is_here = meant.len() < written.len();
                self.report(if is_here {
                    diagnostic.fix(format!("write `{meant}`"), at, meant)
                } else {
                    diagnostic
                });
                None
            }
            Err(why) => {
                self.report(
                    Diagnostic::new(
                        &codes::BAD_IMAGE,
                        format!(
                            "invalid image reference `{}`: {}",
                            text.escape_debug(),
                            crate::strange(&text).unwrap_or_else(|| why.clone())
                        ),
                    )
                    .at(Evaluator::given_at(expr, scope), "not an image")
                    .help("it is written `[registry/]repository:tag` or `…@sha256:…`"),
                );
                None
            }
        }
    }

    /// The registry of images that name none.
    pub(crate) fn default_registry(&self) -> SmolStr {
        let found = self.facts.iter().find(|(name, _)| *name == "registry");
        match found {
            Some((_, Value::Text(text))) => text.clone(),
            _ => "docker.io".into(),
        }
    }
}

/// The reference `[registry/]repository[:tag][@digest]` (OCI distribution specification 1.1).
fn parse_image(text: &str, default_registry: &str) -> Result<Image, String> {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    if let Some(digest) = digest {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64
            || !hex
                .bytes()
                .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
        {
            return Err("a digest is `sha256:` with 64 hexadecimal digits".to_owned());
        }
    }
    let (first, rest) = name.split_once('/').unwrap_or(("", name));
    let is_registry = first.contains(['.', ':']) || first == "localhost";
    let (registry, path) = if is_registry {
        if let Some(why) = kubernetes::not_a_registry(first) {
            return Err(format!("invalid registry `{first}`: {why}"));
        }
        (first, rest)
    } else {
        (default_registry, name)
    };
    let (repository, tag) = match path.rsplit_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (path, None),
    };
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    if let Some(part) = repository.split('/').find(|part| !is_part(part)) {
        return Err(if part.is_empty() {
            "a part of its name is empty".to_owned()
        } else {
            format!(
                "`{part}` is not a valid part of a name (lower-case letters, digits, `.`, `_`, `-`)"
            )
        });
    }
    if let Some(tag) = tag {
        let fits = !tag.is_empty()
            && tag.len() <= 128
            && tag
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            && !tag.starts_with(['.', '-']);
        if !fits {
            return Err(format!(
                "`{tag}` is not a valid tag: expected letters, digits, `.`, `_` and `-`, and no `.` or `-` at the start"
            ));
        }
    }
    Ok(Image {
        registry: registry.into(),
        repository: repository.into(),
        tag: tag.map(Into::into),
        digest: digest.map(Into::into),
        registry_is_written: is_registry,
    })
}

/// capabilities(7), without the prefix `CAP_`.
const CAPABILITIES: &[&str] = &[
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
];

#[cfg(test)]
mod tests {
    use super::parse_image;

    #[test]
    fn references_are_taken_apart_as_the_distribution_specification_says() {
        let image = |text| parse_image(text, "docker.io").map(|i| i.to_string());
        assert_eq!(
            image("registry:2.8.3").as_deref(),
            Ok("docker.io/registry:2.8.3")
        );
        assert_eq!(
            image("registry.k8s.io/ksm/ksm:v2").as_deref(),
            Ok("registry.k8s.io/ksm/ksm:v2")
        );
        assert_eq!(image("localhost:5000/a").as_deref(), Ok("localhost:5000/a"));
        assert!(image("Upper/case:1").is_err());
        assert!(image("a//b:1").is_err());
        assert!(image("a@sha256:12").is_err());
    }
}
