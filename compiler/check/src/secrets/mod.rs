//! Secrets in plain text: they would reach Git, the manifests and every reader of a Deployment. A value
//! is a secret by the name of what it is given to, or by its own shape. No message contains the value,
//! and the source that is shown hides it.

mod names;
mod pairs;
mod shape;

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use erpc_model::{Container, EnvValue, Origin, Patch, PatchValue, Platform, Service};
use smol_str::SmolStr;

use crate::of_service;

/// Finds them in images, variables, arguments, configuration and patches.
pub(crate) fn plain_text(platform: &Platform, out: &mut Diagnostics) {
    let mut names: Vec<&str> = platform
        .secrets
        .iter()
        .map(|secret| secret.name.value.as_str())
        .collect();
    names.sort_unstable();
    let search = Search { names };
    for (_, service) in platform.services() {
        for container in service.containers() {
            search.container(container, platform, service, out);
        }
        for config in &service.configs {
            for (file, content) in &config.files {
                if let Some(fact) = search.text(&content.value) {
                    let what = format!("the file `{file}` contains a secret in plain text: {fact}");
                    let diagnostic = finding(what, content.span(), "would become a ConfigMap")
                        .help("mount a Secret instead: `secret NAME at \"dir\"`");
                    out.push(of_service(
                        accept(diagnostic, platform, service),
                        content.origin,
                        service,
                    ));
                }
            }
        }
        for patch in &service.patches {
            search.patch(patch, platform, service, out);
        }
    }
}

fn finding(message: String, span: Span, label: &str) -> Diagnostic {
    Diagnostic::new(&codes::SECRET_IN_PLAIN_TEXT, message)
        .at(span, label)
        .hiding(span)
}

/// The alternative, for a value that only looks like a secret.
fn accept(diagnostic: Diagnostic, platform: &Platform, service: &Service) -> Diagnostic {
    let namespace = &platform[service.namespace].name.value;
    diagnostic.help(format!(
        "if it is not a secret: `accept W0309 for {namespace}.{} because \"…\"`",
        service.name.value
    ))
}

/// Secrets in plain text of what is not a platform: manifests before they are imported.
#[derive(Clone, Debug, Default)]
pub struct PlainText<'p>(Search<'p>);

impl<'p> PlainText<'p> {
    /// Looks for values that are none of these names of Secrets.
    #[must_use]
    pub fn besides(mut names: Vec<&'p str>) -> Self {
        names.sort_unstable();
        Self(Search { names })
    }

    /// Why the value of a variable or a key is a secret.
    #[must_use]
    pub fn of_value(&self, name: &str, value: &str) -> Option<&'static str> {
        self.0.given(name, value).or_else(|| self.0.lines(value))
    }

    /// Why a list of arguments contains a secret.
    #[must_use]
    pub fn of_arguments(&self, list: &[String]) -> Option<&'static str> {
        self.0.arguments(list)
    }
}

#[derive(Clone, Debug, Default)]
struct Search<'p> {
    /// The names of the platform's Secrets, sorted: naming one is not telling it.
    names: Vec<&'p str>,
}

impl Search<'_> {
    fn is_known_name(&self, value: &str) -> bool {
        self.names.binary_search(&value).is_ok()
    }

    /// Why a value that is given to a name is a secret.
    fn given(&self, name: &str, value: &str) -> Option<&'static str> {
        if self.is_known_name(value) {
            return None;
        }
        if names::is_secret_of(name, value) {
            return Some("its name is that of a secret");
        }
        shape::of_value(value)
    }

    /// Why a text of several words or lines contains a secret.
    fn text(&self, text: &str) -> Option<&'static str> {
        shape::of_value(text).or_else(|| self.lines(text))
    }

    /// Why a line of a text contains a secret, by an option or a name before it.
    fn lines(&self, text: &str) -> Option<&'static str> {
        let is_secret = |(name, value): (&str, &str)| {
            !self.is_known_name(value) && names::is_secret_of(name, value)
        };
        let may_have_option = |line: &&str| {
            let mut hyphens = line.match_indices('-');
            hyphens.any(|(at, _)| at == 0 || line[..at].ends_with(char::is_whitespace))
        };
        let mut lines = text.lines().filter(may_have_option);
        let has_option = lines.any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            self.has_option(&words)
        });
        (has_option || pairs::pairs(text).any(is_secret))
            .then_some("it sets a password, token or key")
    }

    /// Whether a secret follows an option in a command.
    fn has_option(&self, words: &[&str]) -> bool {
        let is_option = |word: &&str| word.starts_with('-');
        words.iter().any(is_option)
            && pairs::options(words)
                .any(|(name, value)| !self.is_known_name(value) && names::is_secret_of(name, value))
    }

    /// Why a list of arguments contains a secret: `--password`, `hunter2`.
    fn arguments(&self, list: &[String]) -> Option<&'static str> {
        let words: Vec<&str> = list.iter().map(String::as_str).collect();
        if self.has_option(&words) {
            return Some("it follows an option for a secret");
        }
        list.iter().find_map(|text| self.text(text))
    }

    fn container(
        &self,
        container: &Container,
        platform: &Platform,
        service: &Service,
        out: &mut Diagnostics,
    ) {
        for variable in &container.env {
            let EnvValue::Text(text) = &variable.value.value else {
                continue;
            };
            let name = &variable.name;
            let fact = self.given(name, text).or_else(|| self.lines(text));
            if let Some(fact) = fact {
                let what = format!("`{name}` is in plain text: {fact}");
                let diagnostic = finding(what, variable.value.span(), "would reach Git and the cluster")
                    .help(format!(
                        "declare `secret NAME {{ keys \"key\" }}` and write `env {name} from secret NAME.key`"
                    ));
                let diagnostic = accept(diagnostic, platform, service);
                out.push(of_service(diagnostic, variable.value.origin, service));
            }
        }
        let image = &container.image;
        let tag = image.value.tag.as_deref().unwrap_or_default();
        if shape::has_access_token(&image.value.repository) || shape::has_access_token(tag) {
            let what = "an image is a secret in plain text: it contains an access token".to_owned();
            let diagnostic = finding(what, image.span(), "would reach Git and the cluster")
                .help("name the image without it, and revoke the token");
            let diagnostic = accept(diagnostic, platform, service);
            out.push(of_service(diagnostic, image.origin, service));
        }
        for list in [&container.command, &container.args].into_iter().flatten() {
            if let Some(fact) = self.arguments(&list.value) {
                let what = format!("an argument is a secret in plain text: {fact}");
                let diagnostic = finding(what, list.span(), "would reach Git and the cluster").help(
                    "take it from a variable: `env NAME from secret S.key`, and `$(NAME)` in the argument",
                );
                out.push(of_service(
                    accept(diagnostic, platform, service),
                    list.origin,
                    service,
                ));
            }
        }
    }

    fn patch(&self, patch: &Patch, platform: &Platform, service: &Service, out: &mut Diagnostics) {
        let mut values = Vec::new();
        for field in &patch.fields {
            let name = field.path.last().map_or("", |name| name.as_str());
            if let Some(value) = &field.value.value {
                // The variable is named by the element of the path: `env.PASSWORD.value`.
                let around = field.path.iter().rev().nth(1).map(SmolStr::as_str);
                let name = around.filter(|_| name == "value").unwrap_or(name);
                given_in(name, value, field.value.origin, &mut values);
            }
        }
        if let Some(merge) = &patch.merge {
            given_in("", &merge.value, merge.origin, &mut values);
        }
        for (name, given, origin) in values {
            let fact = match given {
                Given::Text(text) => self.given(name, text).or_else(|| self.text(text)),
                Given::List(texts) => self.arguments(&texts),
            };
            if let Some(fact) = fact {
                let what = format!("`{name}` is in plain text in a patch: {fact}");
                let label = "would reach Git and the cluster";
                let diagnostic = finding(what, origin.span, label)
                    .help("refer to a Secret in the patch: the field `valueFrom.secretKeyRef`, or a mount");
                let diagnostic = accept(diagnostic, platform, service);
                out.push(of_service(diagnostic, origin, service));
            }
        }
    }
}

/// What a patch gives to a name.
enum Given<'p> {
    Text(&'p str),
    List(Vec<String>),
}

/// The texts in a value of a patch, each with the name that it is given to.
fn given_in<'p>(
    name: &'p str,
    value: &'p PatchValue,
    origin: Origin,
    into: &mut Vec<(&'p str, Given<'p>, Origin)>,
) {
    match value {
        PatchValue::Text(text) => into.push((name, Given::Text(text), origin)),
        PatchValue::List(items) => {
            let texts = items.iter().filter_map(|item| item.value.as_text());
            let texts: Vec<String> = texts.map(str::to_owned).collect();
            if !texts.is_empty() {
                into.push((name, Given::List(texts), origin));
            }
            let others = items.iter().filter(|item| item.value.as_text().is_none());
            for item in others {
                given_in(name, &item.value, item.origin, into);
            }
        }
        PatchValue::Map(entries) => {
            // A variable of a container, whose name stands beside its value.
            let variable = value.get("name").and_then(|name| name.value.as_text());
            for (key, value) in entries {
                let name = variable.filter(|_| key == "value").unwrap_or(key);
                given_in(name, &value.value, value.origin, into);
            }
        }
        PatchValue::Null | PatchValue::Bool(_) | PatchValue::Int(_) | PatchValue::Float(_) => {}
    }
}
