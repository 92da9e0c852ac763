//! Which names tell of a secret, and which values of such names are none: numbers, switches, durations, paths,
//! addresses and references to variables are no secrets, whatever they are called.

/// Parts of names that say that the value is a secret.
const TELLING: [&str; 17] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "REQUIREPASS",
    "MASTERAUTH",
    "SECRET",
    "APIKEY",
    "API_KEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "SIGNING_KEY",
    "ENCRYPTION_KEY",
    "MASTER_KEY",
    "ACCOUNT_KEY",
    "LICENSE_KEY",
    "AUTH_KEY",
    "CREDENTIAL",
];

/// Ends of a word that say so; in the middle of one they do not (`TOKENIZER`, `COMPASS`).
const TELLING_ENDS: [&str; 1] = ["TOKEN"];

/// Whole words that say so at the end of a name.
const TELLING_WORDS: [&str; 4] = ["PASS", "PWD", "PSK", "CREDS"];

/// Words at the end of a name that say that the value is something about the secret.
const ABOUT: [&str; 127] = [
    "AGE",
    "AGENT",
    "ALG",
    "ALGO",
    "ALGORITHM",
    "ARN",
    "AUDIENCE",
    "AUTH",
    "BACKEND",
    "BUCKET",
    "BUDGET",
    "CACHE",
    "CHECK",
    "CLAIM",
    "CLAIMS",
    "CLASS",
    "CONTEXT",
    "COOKIE",
    "COUNT",
    "DAYS",
    "DECIMALS",
    "DELAY",
    "DIR",
    "DISABLED",
    "DOMAIN",
    "DRIVER",
    "EMAIL",
    "ENABLED",
    "ENCODER",
    "ENCODING",
    "ENDPOINT",
    "ENGINE",
    "ENV",
    "EXPIRATION",
    "EXPIRES",
    "EXPIRY",
    "FIELD",
    "FILE",
    "FORMAT",
    "GRACE",
    "HASHER",
    "HEADER",
    "HOST",
    "HOURS",
    "ID",
    "IDS",
    "INFO",
    "INTERVAL",
    "INTERVALS",
    "ISSUER",
    "KEYRING",
    "KIND",
    "LABEL",
    "LEEWAY",
    "LENGTH",
    "LEVEL",
    "LIFETIME",
    "LIMIT",
    "LOCATION",
    "LOGIN",
    "MANAGER",
    "MAP",
    "MAX",
    "METHOD",
    "MIN",
    "MINUTES",
    "MODE",
    "MOUNT",
    "NAME",
    "NAMES",
    "NAMESPACE",
    "PARAM",
    "PARAMETER",
    "PATH",
    "PATTERN",
    "PERIOD",
    "POLICY",
    "PORT",
    "PREFIX",
    "PROFILE",
    "PROVIDER",
    "QUEUE",
    "RATE",
    "REF",
    "REGEX",
    "REGION",
    "REQUIRED",
    "RESET",
    "RESOURCE",
    "RETRIES",
    "ROTATION",
    "RULE",
    "RULES",
    "SCOPE",
    "SCOPES",
    "SECONDS",
    "SELECTOR",
    "SERVER",
    "SERVICE",
    "SHARE",
    "SIZE",
    "SOURCE",
    "STATUS",
    "STORAGE",
    "STORE",
    "STRATEGY",
    "STRENGTH",
    "SUBJECT",
    "SUFFIX",
    "SYMBOL",
    "SYNC",
    "TABLE",
    "TEMPLATE",
    "TIME",
    "TIMEOUT",
    "TOPIC",
    "TTL",
    "TYPE",
    "TYPES",
    "URLS",
    "USAGE",
    "USER",
    "USERNAME",
    "VALIDATION",
    "VALIDATOR",
    "VERSION",
    "WINDOW",
];

/// The same, of names that end with an address.
const ADDRESSES: [&str; 4] = ["URL", "URI", "ADDR", "ADDRESS"];

/// Values that switch something.
const SWITCHES: [&str; 22] = [
    "true", "false", "yes", "no", "on", "off", "enabled", "disabled", "required", "optional",
    "none", "null", "nil", "always", "never", "auto", "default", "allow", "deny", "string",
    "basic", "bearer",
];

/// Whether a value that has this name is a secret.
pub(super) fn is_secret_of(name: &str, value: &str) -> bool {
    tells_of_secret(name) && may_be_secret(name, value)
}

fn tells_of_secret(name: &str) -> bool {
    let words = words(name);
    let upper = words.join("_");
    let last = words.last().map_or("", String::as_str);
    // `MAX_TOKENS` counts them; `checksum/secret` tells when they change.
    let counts = words.iter().any(|word| {
        matches!(
            word.as_str(),
            "TOKENS" | "CHECKSUM" | "DIGEST" | "FINGERPRINT"
        )
    });
    let tells = TELLING.iter().any(|part| upper.contains(part))
        || words
            .iter()
            .any(|word| TELLING_ENDS.iter().any(|end| word.ends_with(end)))
        || TELLING_WORDS.contains(&last);
    tells && !counts && !ABOUT.contains(&last) && !ADDRESSES.contains(&last)
}

/// The words of `DB_PASSWORD`, `db-password`, `db.password`, `dbPassword`, in upper case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let starts_word = c.is_ascii_uppercase() && was_lower;
        if starts_word || !c.is_alphanumeric() {
            words.push(String::new());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_uppercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn may_be_secret(name: &str, value: &str) -> bool {
    let value = value.trim();
    let is_password = {
        let upper = name.to_ascii_uppercase();
        upper.contains("PASSW") || upper.contains("PASSPHRASE")
    };
    let is_number = value
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '+'));
    let is_switch = SWITCHES.iter().any(|word| word.eq_ignore_ascii_case(value));
    value.len() > 1
        && (is_password || !is_number)
        && !is_switch
        && !is_quantity(value)
        && !is_path(value)
        && !is_address(value)
        && !is_reference(value)
}

/// `30s`, `15m`, `64Mi`, `7 days`.
fn is_quantity(value: &str) -> bool {
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    const UNITS: [&str; 24] = [
        "ms", "s", "m", "h", "d", "w", "y", "sec", "secs", "min", "mins", "k", "Ki", "Mi", "Gi",
        "Ti", "KB", "MB", "GB", "%", "seconds", "minutes", "hours", "days",
    ];
    unit.len() < value.len() && UNITS.contains(&unit.trim_start())
}

fn is_path(value: &str) -> bool {
    value.starts_with(['/', '~']) && !value.ends_with('=')
        || value.starts_with("./")
        || value.starts_with("../")
        || value.starts_with("file:")
        || is_relative_path(value)
}

/// `database/creds/app`, as stores of secrets name them.
fn is_relative_path(value: &str) -> bool {
    let is_word = |part: &str| {
        let is_part = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_');
        part.len() > 1 && part.chars().all(is_part)
    };
    value.contains('/') && value.split('/').all(is_word)
}

/// An address without a user: one with a password is found by its shape.
fn is_address(value: &str) -> bool {
    value.contains("://") && !value.contains(char::is_whitespace)
}

/// A place where the value comes from: a variable, a template, a call, an explanation.
pub(super) fn is_reference(value: &str) -> bool {
    let is_call = value.ends_with(')')
        && value.split_once('(').is_some_and(|(name, _)| {
            name.chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':'))
        });
    let is_member = value.contains('.')
        && value.split('.').all(|part| {
            let mut characters = part.chars();
            characters
                .next()
                .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && characters.all(|c| c.is_ascii_alphabetic() || c == '_')
        });
    is_member
        || value.starts_with('$')
        || value.contains("$(")
        || value.contains("${")
        || value.contains("{{")
        || value.contains("%(")
        || value.starts_with('<') && value.ends_with('>')
        || value.starts_with('%') && value.ends_with('%')
        || value.starts_with("vault:")
        || value.starts_with("env:")
        || value.starts_with("ENV[")
        || value.starts_with("process.env")
        || value.starts_with("os.environ")
        || value.starts_with(['|', '>', '{', '[', '&', '*', '!'])
        || is_call
        || value
            .chars()
            .all(|c| matches!(c, '*' | 'x' | 'X' | '.' | '…' | '-'))
}

#[cfg(test)]
mod tests {
    use super::is_secret_of;

    #[test]
    fn a_name_tells_of_a_secret_and_the_value_may_be_one() {
        for (name, value) in [
            ("DB_PASSWORD", "hunter2"),
            ("token", "abc123def"),
            (
                "AWS_SECRET_ACCESS_KEY",
                "wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzzzzzKEY",
            ),
            ("STRIPE_API_KEY", "x1"),
            ("dbPassword", "hunter2"),
            ("spring.datasource.password", "s3cret"),
            ("DB_PASSWORD", "123456"),
        ] {
            assert!(is_secret_of(name, value), "{name}");
        }
        for (name, value) in [
            ("PASSWORD_FILE", "/run/secrets/x"),
            ("TOKEN_TTL", "30s"),
            ("TOKEN_EXPIRY_SECONDS", "3600"),
            ("MAX_TOKENS", "4096"),
            ("MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
            ("SECRET_NAME", "db"),
            ("secretName", "db"),
            ("TOKEN_REFRESH", "15m"),
            ("TOKEN_URL", "https://login.example/token"),
            ("AUTH_TOKEN_ENDPOINT", "x"),
            ("DB_PASSWORD", "$(DB_PASSWORD)"),
            ("DB_PASSWORD", "${DB_PASSWORD}"),
            ("DB_PASSWORD", "{{ .password }}"),
            ("DB_PASSWORD", "/run/secrets/x"),
            ("DB_PASSWORD", "<password>"),
            ("DB_PASSWORD", "********"),
            ("REQUIRE_PASSWORD", "true"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("KEY_COUNT", "3"),
            ("ERL_AFLAGS", "-name x"),
        ] {
            assert!(!is_secret_of(name, value), "{name}={value}");
        }
    }
}
