//! Containers: image, command, environment, resources. The main container, sidecars and inits
//! share these words.

use erpc_diagnostics::{Diagnostic, codes, listed, nearest};
use erpc_syntax::tree::{Arg, Expr, ExprKind, Ident};
use smol_str::SmolStr;

use super::settings::Settings;
use super::state::Resolver;
use crate::args::Args;
use crate::eval::Scope;
use crate::ids::Id;
use crate::origin::{Sourced, Via};
use crate::platform::{Container, NamespaceId, Port, Probes, Secret, SecretId, ServiceId};
use crate::properties::form_of_part;
use crate::statements::Drafts;

/// What a container must set, the image first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Required {
    /// Of a component by itself, whose users set the rest.
    Nothing,
    /// With `defaults kubernetes`.
    Image,
    /// With `defaults strict`: the image, CPU and memory.
    Resources,
}

impl<'a> Resolver<'a> {
    /// A container from its settings.
    pub(super) fn container(
        &mut self,
        name: Sourced<SmolStr>,
        settings: &Settings<'a>,
        required: Required,
    ) -> Container {
        use Required::{Image, Resources};
        const WORDS: [(Required, &str, &str, &str); 3] = [
            (Image, "image", "image", "image \"registry:2.8.3\""),
            (Resources, "cpu", "CPU request", "cpu 100m..500m"),
            (Resources, "memory", "memory request", "memory 256Mi..512Mi"),
        ];
        let mut container = Container::new(name);
        self.read_statements(&mut container, settings);
        for (level, word, what, example) in WORDS {
            if required >= level && settings.top(word).is_none() {
                self.report_missing(&container.name, word, what, example);
            }
        }
        // What could not be read is reported; a value in its place lets everything else be checked.
        if container.image.origin.via == Via::Default {
            container.image.origin = container.name.origin;
            container.image.value.registry = self.default_registry();
            container.image.value.repository = container.name.value.clone();
        }
        container.capabilities.sort_by(|a, b| a.value.cmp(&b.value));
        container
    }

    /// The probes of a container whose ports are `ports`.
    pub(super) fn probes(
        &mut self,
        settings: &Settings<'a>,
        service: Option<ServiceId>,
        ports: &[Port],
    ) -> Probes {
        let mut drafts = Drafts::default();
        for layer in settings.of("health").flatten() {
            let mut args = layer.args();
            drafts.read(
                form_of_part("health", 0),
                &mut self.reader(layer, &mut args),
            );
        }
        if settings.is_partial {
            // The ports that they ask may be those of a component that could not be read.
            return Probes::default();
        }
        drafts.probes(service, ports, self)
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
                format!("`{}` has no {what}", owner.value),
            )
            .at(owner.span(), format!("no `{word}`"))
            .unless_said(owner.span(), word)
            .help(format!("add `{example}`, or use a component that sets it")),
        );
    }

    /// `S.key`, where the key may be in quotes.
    pub(super) fn secret_and_key(
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
        let id = self.secret_named(&ident, namespace)?;
        let secret = &self.parts.secrets[id.index()];
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
    pub(super) fn secret_named(
        &mut self,
        name: &Ident,
        namespace: Option<NamespaceId>,
    ) -> Option<SecretId> {
        // They are sorted by namespace and name.
        let find = |owner: Option<NamespaceId>| {
            let wanted = (owner, &name.text);
            let key = |secret: &Secret| (secret.namespace, &secret.name.value).cmp(&wanted);
            self.parts.secrets.binary_search_by(key).ok()
        };
        let found = find(namespace).or_else(|| find(None));
        if let Some(at) = found {
            let used_in = &mut self.parts.secrets[at].used_in;
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
            format!("unknown secret `{}`", name.text),
        )
        .at(name.span, "declared nowhere");
        let declared = self.parts.secrets.len();
        if !self.may_compare(declared) {
            self.report(diagnostic);
            return None;
        }
        let elsewhere = self
            .parts
            .secrets
            .iter()
            .find(|s| s.name.value == name.text)
            .map(|s| s.name.span());
        let known: Vec<SmolStr> = self
            .parts
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
