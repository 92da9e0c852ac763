//! Containers: image, command, environment, resources. The main container, sidecars and inits
//! share these words.

use erpc_diagnostics::{Diagnostic, Span, codes, listed, nearest};
use erpc_syntax::tree::{Arg, Expr, ExprKind, Ident, Sign};
use smol_str::SmolStr;

use super::settings::{Setting, Settings};
use super::state::Resolver;
use crate::args::Args;
use crate::eval::{Evaluator, Scope};
use crate::ids::Id;
use crate::kubernetes;
use crate::origin::{Origin, Sourced, Via};
use crate::platform::{Container, EnvValue, EnvVar, Image, NamespaceId, Probes, Secret, SecretId};
use crate::units::{Cpu, Memory, Range};
use crate::value::{Type, Value};

impl<'a> Resolver<'a> {
    /// A container from its settings; `None` where it has no image that can be known.
    /// `is_whole` says whether what is missing is to be reported: not for a component by itself.
    pub(super) fn container(
        &mut self,
        name: Sourced<SmolStr>,
        settings: &Settings<'a>,
        namespace: Option<NamespaceId>,
        is_whole: bool,
    ) -> Option<Container> {
        let image = settings.top("image").cloned();
        let image = match &image {
            Some(setting) => self.image(setting),
            None => {
                if is_whole {
                    self.report_missing(&name, "image", "an image", "image \"registry:2.8.3\"");
                }
                None
            }
        };
        let command = self.text_list(
            settings.top("command").cloned().as_ref(),
            "the command in quotes",
        );
        let args = self.text_list(
            settings.top("args").cloned().as_ref(),
            "the arguments in quotes",
        );
        let cpu = self.resources(settings, "cpu", &name, is_whole);
        let memory = self.resources(settings, "memory", &name, is_whole);
        let env = self.environment(settings, namespace);
        let writable = self.writable(settings);
        let capabilities = self.capabilities(settings);
        let cpu = cpu.map(|(min, max, origin)| Sourced {
            value: Range {
                min: Cpu(min),
                max: Cpu(max),
            },
            origin,
        });
        let memory = memory.map(|(min, max, origin)| Sourced {
            value: Range {
                min: Memory(min),
                max: Memory(max),
            },
            origin,
        });
        // What could not be read is reported; a value in its place lets everything else be checked.
        let image = image.unwrap_or_else(|| super::partial::image(&name, &self.default_registry()));
        let cpu = cpu.unwrap_or(Sourced::default_of_language(Range::single(Cpu(1))));
        let memory = memory.unwrap_or(Sourced::default_of_language(Range::single(Memory(1))));
        Some(Container {
            name,
            image,
            command,
            args,
            env,
            cpu,
            memory,
            probes: Probes::default(),
            writable,
            capabilities,
        })
    }

    fn report_missing(
        &mut self,
        owner: &Sourced<SmolStr>,
        word: &'static str,
        what: &str,
        example: &str,
    ) {
        // The way out differs with who could say it, so both are named.
        self.report(
            Diagnostic::new(
                &codes::MISSING_PROPERTY,
                format!("`{}` says nothing of {what}", owner.value),
            )
            .at(owner.span(), format!("no `{word}`"))
            .unless_said(owner.span(), word)
            .help(format!("add `{example}`, or take a component that says it")),
        );
    }

    fn resources(
        &mut self,
        settings: &Settings<'a>,
        word: &'static str,
        owner: &Sourced<SmolStr>,
        is_whole: bool,
    ) -> Option<(u64, u64, Origin)> {
        let Some(setting) = settings.top(word).cloned() else {
            if is_whole {
                let (what, example) = if word == "cpu" {
                    ("the CPU that it needs", "cpu 100m..500m")
                } else {
                    ("the memory that it needs", "memory 256Mi..512Mi")
                };
                self.report_missing(owner, word, what, example);
            }
            return None;
        };
        let mut args = setting.args();
        let what = if word == "cpu" { "CPU" } else { "memory" };
        let expr = args.need_expr(&format!("{what} as request..limit"), &mut self.diagnostics)?;
        args.finish(&mut self.diagnostics);
        let of = if word == "cpu" {
            Type::Cpu
        } else {
            Type::Memory
        };
        let origin = setting.origin(expr.span);
        let (low, high) = match self.range(expr, &setting.scope, of)? {
            (Value::Cpu(low), Value::Cpu(high)) => (low.0, high.0),
            (Value::Memory(low), Value::Memory(high)) => (low.0, high.0),
            _ => return None,
        };
        if high == 0 {
            self.report(
                Diagnostic::new(
                    &codes::OUT_OF_RANGE,
                    format!("a container cannot run with no {what}"),
                )
                .at(expr.span, "nothing"),
            );
            return None;
        }
        Some((low, high, origin))
    }

    /// One text or several with commas between them.
    fn text_list(
        &mut self,
        setting: Option<&Setting<'a>>,
        what: &str,
    ) -> Option<Sourced<Vec<String>>> {
        let setting = setting?;
        let mut args = setting.args();
        let start = args.here();
        let (texts, end) =
            self.with_addresses(true, |it| it.texts_of(&mut args, &setting.scope, what))?;
        args.finish(&mut self.diagnostics);
        Some(Sourced {
            value: texts,
            origin: setting.origin(start.to(end)),
        })
    }

    /// The variables in the order in which they are written, since Kubernetes expands `$(NAME)` from those
    /// before it only; those of components come first.
    fn environment(
        &mut self,
        settings: &Settings<'a>,
        namespace: Option<NamespaceId>,
    ) -> Vec<EnvVar> {
        let stacks: Vec<Setting<'a>> = settings
            .of("env")
            .filter_map(|s| s.last().cloned())
            .collect();
        stacks
            .iter()
            .filter_map(|setting| self.variable_of_environment(setting, namespace))
            .collect()
    }

    fn variable_of_environment(
        &mut self,
        setting: &Setting<'a>,
        namespace: Option<NamespaceId>,
    ) -> Option<EnvVar> {
        let mut args = setting.args();
        let name_expr = args.need_expr("the variable's name", &mut self.diagnostics)?;
        let name = setting.key.clone();
        if let Some(why) = kubernetes::not_a_variable(&name) {
            self.report(
                Diagnostic::new(
                    &codes::BAD_NAME,
                    format!("invalid name of an environment variable `{name}`: {why}"),
                )
                .at(name_expr.span, "not a name"),
            );
            return None;
        }
        let value = if args.sign(Sign::Assign).is_some() {
            let expr = args.need_expr("the variable's value", &mut self.diagnostics)?;
            args.finish(&mut self.diagnostics);
            let text = self.with_addresses(true, |it| it.env_text(expr, &setting.scope))?;
            Sourced {
                value: EnvValue::Text(text),
                origin: setting.origin(expr.span),
            }
        } else {
            args.need_word("from", &mut self.diagnostics)?;
            if args.peek_word("config") {
                self.report(
                    Diagnostic::new(
                        &codes::WRONG_SHAPE,
                        "a variable cannot come from a config, only from a secret",
                    )
                    .at(args.here(), "expected `secret`")
                    .help("write the value itself: `env NAME = \"…\"`; a constant (`let`) can stand in both")
                    .help("or mount the config and let the program read the file: `config NAME { … } at \"/dir\"`"),
                );
                return None;
            }
            args.need_word("secret", &mut self.diagnostics)?;
            let expr = args.need_expr("the secret's name and key", &mut self.diagnostics)?;
            args.finish(&mut self.diagnostics);
            let (secret, key) = self.secret_key(expr, namespace)?;
            Sourced {
                value: EnvValue::Secret(secret, key),
                origin: setting.origin(expr.span),
            }
        };
        Some(EnvVar { name, value })
    }

    /// `S.key`, where the key may be in quotes.
    fn secret_key(
        &mut self,
        expr: &Expr,
        namespace: Option<NamespaceId>,
    ) -> Option<(SecretId, SmolStr)> {
        use erpc_syntax::tree::SegmentKind;
        let segments = match &expr.kind {
            ExprKind::Path(path) if path.port.is_none() => path.segments.as_slice(),
            _ => &[],
        };
        let [first, rest @ ..] = segments else {
            return self.no_secret_key(expr);
        };
        let Some(name) = first.as_name() else {
            return self.no_secret_key(expr);
        };
        let key = rest
            .iter()
            .map(|segment| match &segment.kind {
                SegmentKind::Name(text) | SegmentKind::Quoted(text) => text.as_str(),
                SegmentKind::Star => "*",
            })
            .collect::<Vec<_>>()
            .join(".");
        if key.is_empty() {
            return self.no_secret_key(expr);
        }
        let ident = Ident {
            text: name.clone(),
            span: first.span,
        };
        let id = self.secret(&ident, namespace)?;
        let secret = &self.secrets[id.index()];
        if !secret.keys.iter().any(|k| k.value == key) {
            let keys: Vec<&str> = secret.keys.iter().map(|k| k.value.as_str()).collect();
            let near = nearest(&key, keys.iter().copied());
            let mut diagnostic = Diagnostic::new(
                &codes::UNKNOWN_SECRET_KEY,
                format!("the secret `{name}` has no key `{key}`"),
            )
            .at(expr.span, "not one of its keys")
            .also(
                secret.name.span(),
                format!("its keys: {}", listed(keys.iter().copied(), 9)),
            );
            if let Some(near) = near {
                let written = self.loaded.sources.text(expr.span);
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                if let Some(at) = written.rfind(key.as_str()) {
                    let start = expr.span.start + u32::try_from(at).unwrap_or(0);
                    let end = start + u32::try_from(key.len()).unwrap_or(0);
                    diagnostic = diagnostic.fix(
                        format!("write `{near}`"),
                        erpc_diagnostics::Span::new(expr.span.file, start, end),
                        near,
                    );
                }
            }
            self.report(diagnostic);
            return None;
        }
        Some((id, key.into()))
    }

    fn no_secret_key(&mut self, expr: &Expr) -> Option<(SecretId, SmolStr)> {
        self.report(
            Diagnostic::new(
                &codes::WRONG_SHAPE,
                "the secret's name and key are expected here",
            )
            .at(expr.span, "not both")
            .help("it is written `from secret grafana-admin.password`"),
        );
        None
    }

    /// The secret that a name means in a namespace, or in a component by itself; counts as used in the namespace.
    pub(super) fn secret(
        &mut self,
        name: &Ident,
        namespace: Option<NamespaceId>,
    ) -> Option<SecretId> {
        // They are sorted by namespace and name.
        let find = |owner: Option<NamespaceId>| {
            let wanted = (owner, &name.text);
            let key = |secret: &Secret| (secret.namespace, &secret.name.value).cmp(&wanted);
            self.secrets.binary_search_by(key).ok()
        };
        let found = find(namespace).or_else(|| find(None));
        if let Some(at) = found {
            let used_in = &mut self.secrets[at].used_in;
            if let Some(namespace) = namespace
                && let Err(place) = used_in.binary_search(&namespace)
            {
                used_in.insert(place, namespace);
            }
            return Some(SecretId::from_index(at));
        }
        if self.broken_names.contains(&name.text) {
            return None;
        }
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_NAME,
            format!("there is no secret `{}` here", name.text),
        )
        .at(name.span, "declared nowhere");
        let declared = self.secrets.len();
        if !self.may_compare(declared) {
            self.report(diagnostic);
            return None;
        }
        let elsewhere = self
            .secrets
            .iter()
            .find(|s| s.name.value == name.text)
            .map(|s| s.name.span());
        let known: Vec<SmolStr> = self
            .secrets
            .iter()
            .filter(|s| s.namespace.is_none_or(|n| Some(n) == namespace))
            .map(|s| s.name.value.clone())
            .collect();
        if let Some(elsewhere) = elsewhere {
            diagnostic = diagnostic
                .also(elsewhere, "declared in another namespace")
                .help("a pod and an Ingress read the Secrets of their own namespace only; declared at the top of a file, a secret belongs to every namespace that uses it");
        } else {
            diagnostic = diagnostic.did_you_mean(
                &name.text,
                name.span,
                known.iter().map(SmolStr::as_str),
                |diagnostic| {
                    diagnostic.help(format!(
                        "declare it: `secret {} {{ keys \"…\" }}`",
                        name.text
                    ))
                },
            );
        }
        self.report(diagnostic);
        None
    }

    fn writable(&mut self, settings: &Settings<'a>) -> Vec<Sourced<String>> {
        let all: Vec<Setting<'a>> = settings.of("writable").flatten().cloned().collect();
        let mut out = Vec::new();
        for setting in all {
            let mut args = setting.args();
            while let Some(expr) = args.need_expr("a folder in quotes", &mut self.diagnostics) {
                if let Some(text) = self.text(expr, &setting.scope) {
                    out.push(Sourced {
                        value: text,
                        origin: setting.origin(expr.span),
                    });
                }
                if args.sign(Sign::Comma).is_none() {
                    break;
                }
            }
            args.finish(&mut self.diagnostics);
        }
        out
    }

    fn capabilities(&mut self, settings: &Settings<'a>) -> Vec<Sourced<SmolStr>> {
        let all: Vec<Setting<'a>> = settings.of("capability").flatten().cloned().collect();
        let mut out: Vec<Sourced<SmolStr>> = Vec::new();
        for setting in all {
            let mut args = setting.args();
            let Some(name) = args.need_name(
                "a capability such as `NET_BIND_SERVICE`",
                &mut self.diagnostics,
            ) else {
                continue;
            };
            args.because(&mut self.diagnostics);
            args.finish(&mut self.diagnostics);
            if CAPABILITIES.contains(&name.text.as_str()) {
                out.push(Sourced {
                    value: name.text,
                    origin: setting.origin(name.span),
                });
            } else {
                let (code, known) = (&codes::UNKNOWN_NAME, CAPABILITIES.iter().copied());
                let unknown = Diagnostic::unknown(code, "capability", &name.text, name.span, known);
                self.report(unknown);
            }
        }
        out.sort_by(|a, b| a.value.cmp(&b.value));
        out
    }

    /// An image reference in its parts; whether it pins a version is a check of its own.
    fn image(&mut self, setting: &Setting<'a>) -> Option<Sourced<Image>> {
        let mut args = setting.args();
        let expr = args.need_expr("the image in quotes", &mut self.diagnostics)?;
        args.finish(&mut self.diagnostics);
        Some(Sourced {
            value: self.image_value(expr, &setting.scope)?,
            origin: setting.origin(expr.span),
        })
    }

    /// An image in quotes.
    pub(super) fn image_value(&mut self, expr: &Expr, scope: &Scope) -> Option<Image> {
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
                            "`{}` is no image reference: {}",
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

    fn default_registry(&self) -> SmolStr {
        let found = self.facts.iter().find(|(name, _)| *name == "registry");
        match found {
            Some((_, Value::Text(text))) => text.clone(),
            _ => "docker.io".into(),
        }
    }

    /// `cpu A..B, memory A..B` as `quota` and `limits` have them.
    pub(super) fn named_values(&mut self, args: &mut Args<'a>) -> Vec<(Ident, &'a Expr)> {
        let mut out = Vec::new();
        while let Some(name) = args.need_name("a name", &mut self.diagnostics) {
            let Some(value) = args.need_expr(
                &format!("the value of `{}`", name.text),
                &mut self.diagnostics,
            ) else {
                break;
            };
            out.push((name, value));
            if args.sign(Sign::Comma).is_none() {
                break;
            }
        }
        out
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
            format!("`{part}` is no part of a name (lower-case letters, digits, `.`, `_`, `-`)")
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
            return Err(format!("`{tag}` is no tag"));
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

/// The words of a `because`, where it is next.
pub(super) fn reason<'a>(
    resolver: &mut Resolver<'a>,
    args: &mut Args<'a>,
    scope: &Scope,
) -> Option<String> {
    let expr = args.because(&mut resolver.diagnostics)?;
    resolver.text(expr, scope)
}

/// Whether an argument is this word, for looking ahead.
pub(super) fn is_word(arg: &Arg, word: &str) -> bool {
    matches!(arg, Arg::Expr(expr) if expr.as_word().is_some_and(|w| w == word))
}

/// The origin of a value that its own block says.
pub(super) const fn declared_at(span: Span) -> Origin {
    Origin {
        span,
        via: Via::Declared,
    }
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
