//! Secrets that stand in the source in plain text, from where they would reach Git and the cluster.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::{EnvValue, Platform};

use crate::of_service;

/// Parts of the names of variables that hold secrets.
const TELLING: [&str; 9] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "PRIVATE_KEY",
    "CREDENTIAL",
];

/// What a variable's name may end with so that it names where a secret is, not the secret.
const HARMLESS: [&str; 7] = ["_FILE", "_PATH", "_DIR", "_NAME", "_URL", "_TTL", "_LENGTH"];

/// Variables whose names tell of a secret, and texts that have the shape of one.
pub(crate) fn plain_text(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        for container in service.containers() {
            for variable in &container.env {
                let EnvValue::Text(text) = &variable.value.value else {
                    continue;
                };
                let fact = if tells_of_secret(&variable.name) && !text.is_empty() {
                    Some("its name says that it holds a secret")
                } else {
                    shape_of_secret(text)
                };
                if let Some(fact) = fact {
                    let diagnostic = Diagnostic::new(
                        &codes::SECRET_IN_PLAIN_TEXT,
                        format!("`{}` is in plain text: {fact}", variable.name),
                    )
                    .at(variable.value.span(), "would reach Git and the cluster")
                    .help(format!(
                        "declare `secret NAME {{ keys \"key\" }}` and write `env {} from secret NAME.key`",
                        variable.name
                    ));
                    out.push(of_service(diagnostic, variable.value.origin, service));
                }
            }
            let texts = [&container.command, &container.args];
            for list in texts.into_iter().flatten() {
                if let Some(fact) = list.value.iter().find_map(|text| shape_of_secret(text)) {
                    let diagnostic = Diagnostic::new(
                        &codes::SECRET_IN_PLAIN_TEXT,
                        format!("an argument holds a secret in plain text: {fact}"),
                    )
                    .at(list.span(), "would reach Git and the cluster");
                    out.push(of_service(diagnostic, list.origin, service));
                }
            }
        }
        for config in &service.configs {
            for (file, content) in &config.files {
                if let Some(fact) = shape_of_secret(&content.value) {
                    let diagnostic = Diagnostic::new(
                        &codes::SECRET_IN_PLAIN_TEXT,
                        format!("the file `{file}` holds a secret in plain text: {fact}"),
                    )
                    .at(content.span(), "would become a ConfigMap")
                    .help("mount a Secret instead: `secret NAME at \"dir\"`");
                    out.push(of_service(diagnostic, content.origin, service));
                }
            }
        }
    }
}

fn tells_of_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    TELLING.iter().any(|part| upper.contains(part))
        && !HARMLESS.iter().any(|end| upper.ends_with(end))
}

fn shape_of_secret(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Some("it has a private key");
    }
    if has_password_in_url(text) {
        return Some("it has a URL with a password");
    }
    None
}

/// `scheme://user:password@host`: the password is no reference to a variable.
fn has_password_in_url(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let rest = &text[at + 3..];
        let end = rest
            .find(|c: char| c == '/' || c.is_whitespace() || c == '"' || c == '\'')
            .unwrap_or(rest.len());
        let Some((user, _)) = rest[..end].rsplit_once('@') else {
            return false;
        };
        user.split_once(':')
            .is_some_and(|(_, password)| !password.is_empty() && !password.starts_with('$'))
    })
}

#[cfg(test)]
mod tests {
    use super::{has_password_in_url, tells_of_secret};

    #[test]
    fn names_that_tell_of_a_secret() {
        for name in [
            "DB_PASSWORD",
            "token",
            "AWS_SECRET_ACCESS_KEY",
            "STRIPE_API_KEY",
        ] {
            assert!(tells_of_secret(name), "{name}");
        }
        for name in [
            "PASSWORD_FILE",
            "TOKEN_TTL",
            "ERL_AFLAGS",
            "KEY_COUNT",
            "SECRET_NAME",
        ] {
            assert!(!tells_of_secret(name), "{name}");
        }
    }

    #[test]
    fn urls_with_passwords() {
        assert!(has_password_in_url("postgres://app:hunter2@db:5432/app"));
        assert!(!has_password_in_url("postgres://app@db:5432/app"));
        assert!(!has_password_in_url("postgres://app:$(DB_PASSWORD)@db/app"));
        assert!(!has_password_in_url("http://db:5432/a@b:c"));
    }
}
