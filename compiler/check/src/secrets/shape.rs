//! Which texts are secrets. The rules are meant to be right about what they name: numbers, switches,
//! durations, paths, addresses and references to variables are none, whatever they are called.

/// Parts of names that say that the value is a secret.
const TELLING: [&str; 12] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "SIGNING_KEY",
    "ENCRYPTION_KEY",
    "CREDENTIAL",
];

/// Words at the end of a name that say that the value is something about the secret.
const ABOUT: [&str; 50] = [
    "ALG",
    "ALGORITHM",
    "AUDIENCE",
    "AUTH",
    "CLASS",
    "CLAIM",
    "COUNT",
    "DAYS",
    "DIR",
    "DISABLED",
    "ENABLED",
    "ENDPOINT",
    "EXPIRATION",
    "EXPIRES",
    "EXPIRY",
    "FILE",
    "FORMAT",
    "HEADER",
    "HOST",
    "HOURS",
    "ID",
    "INTERVAL",
    "ISSUER",
    "KEYRING",
    "LENGTH",
    "LIFETIME",
    "LIMIT",
    "MINUTES",
    "MODE",
    "NAME",
    "NAMES",
    "NAMESPACE",
    "PATH",
    "POLICY",
    "PORT",
    "PREFIX",
    "PROVIDER",
    "REF",
    "REGION",
    "REQUIRED",
    "ROTATION",
    "SCOPE",
    "SECONDS",
    "SIZE",
    "STORE",
    "SUFFIX",
    "TIMEOUT",
    "TTL",
    "TYPE",
    "VERSION",
];

/// The same, of names that end with an address.
const ADDRESSES: [&str; 4] = ["URL", "URI", "ADDR", "ADDRESS"];

/// Values that switch something.
const SWITCHES: [&str; 22] = [
    "true", "false", "yes", "no", "on", "off", "enabled", "disabled", "required", "optional",
    "none", "null", "nil", "always", "never", "auto", "default", "allow", "deny", "string",
    "basic", "bearer",
];

/// Beginnings of tokens that their issuers mark as such, with the least length of what follows.
const MARKED: [(&str, usize); 22] = [
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 35),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxa-", 20),
    ("xapp-", 20),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("SG.", 40),
    ("npm_", 30),
    ("hvs.", 20),
    ("dop_v1_", 40),
];

/// Whether a value that has this name is a secret.
pub(super) fn is_secret_of(name: &str, value: &str) -> bool {
    tells_of_secret(name) && may_be_secret(name, value)
}

fn tells_of_secret(name: &str) -> bool {
    let words = words(name);
    let upper = words.join("_");
    let last = words.last().map_or("", String::as_str);
    // `MAX_TOKENS` counts them.
    let counts = words.iter().any(|word| word == "TOKENS");
    TELLING.iter().any(|part| upper.contains(part))
        && !counts
        && !ABOUT.contains(&last)
        && !ADDRESSES.contains(&last)
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
}

/// An address without a user: one with a password is found by its shape.
fn is_address(value: &str) -> bool {
    value.contains("://") && !value.contains(char::is_whitespace)
}

/// A place where the value comes from: a variable, a template, a call, an explanation.
fn is_reference(value: &str) -> bool {
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

/// Why a text is a secret by its shape, whatever its name.
pub(super) fn of_value(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY") {
        return Some("it contains a private key");
    }
    // The same in Base64, as Kubernetes has it in `data`.
    if [
        "LS0tLS1CRUdJTiBQUklWQVRF",
        "LS0tLS1CRUdJTiBSU0EgUFJJVkFUR",
        "LS0tLS1CRUdJTiBFQyBQUklWQVRF",
    ]
    .iter()
    .any(|start| text.contains(start))
    {
        return Some("it contains a private key");
    }
    if has_password_in_url(text) || has_password_in_dsn(text) {
        return Some("it contains an address with a password");
    }
    let mut tokens = tokens(text);
    tokens.find_map(of_token)
}

fn of_token(token: &str) -> Option<&'static str> {
    if token.contains("EXAMPLE") || token.contains("example") {
        return None;
    }
    let is_marked = MARKED.iter().any(|(start, length)| {
        token.strip_prefix(start).is_some_and(|rest| {
            rest.len() >= *length
                && rest
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        })
    });
    if is_marked {
        return Some("it contains an access token");
    }
    if is_jwt(token) {
        return Some("it contains a JSON Web Token");
    }
    is_random(token).then_some("it contains a random string, as keys and tokens are")
}

/// The words of a text, without those of certificates and public keys.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-' | '.');
    let mut is_public = false;
    text.lines()
        .filter(move |line| {
            if line.contains("-----BEGIN ") {
                is_public = true;
            }
            let is_kept = !is_public;
            if line.contains("-----END ") {
                is_public = false;
            }
            is_kept && !line.contains("ssh-rsa ") && !line.contains("ssh-ed25519 ")
        })
        .flat_map(move |line| line.split(move |c: char| !is_part(c)))
        .filter(|token| token.len() >= 20)
}

/// `eyJ….eyJ….…`: two JSON objects in Base64 and a signature.
fn is_jwt(token: &str) -> bool {
    let parts: Vec<&str> = token.split('.').collect();
    let is_base64 = |part: &&str| {
        part.len() >= 10
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    parts.len() == 3
        && parts[0].starts_with("eyJ")
        && parts[1].starts_with("eyJ")
        && parts.iter().all(is_base64)
}

/// Whether letters of both cases and digits follow each other as they do only by chance: a name in
/// camel case changes between them at its words, a random one nearly everywhere.
fn is_random(token: &str) -> bool {
    const LEAST: usize = 24;
    const MOST: usize = 512;
    // Digests of images and packages, public keys, certificates.
    let is_public = [
        "sha256-",
        "sha384-",
        "sha512-",
        "AAAA",
        "LS0tLS1CRUdJTiBD",
        "MII",
        "h1",
    ]
    .iter()
    .any(|start| token.starts_with(start));
    let is_dotted =
        token.contains('.') || token.matches(['/', '-', '_']).count() > token.len() / 12;
    if !(LEAST..=MOST).contains(&token.len()) || is_public || is_dotted {
        return false;
    }
    let class = |byte: u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let mut counts = [0usize; 4];
    let mut changes = 0;
    let mut last = None;
    for byte in token.bytes() {
        let this = class(byte);
        counts[this] += 1;
        changes += usize::from(last.is_some_and(|last| last != this));
        last = Some(this);
    }
    counts[..2].iter().all(|count| *count >= 4)
        && counts[2] >= 2
        && changes * 100 >= token.len() * 42
        && entropy(token) >= 3.7
}

/// Bits for each character, as Shannon defines it.
fn entropy(token: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in token.bytes() {
        counts[usize::from(byte)] += 1;
    }
    // A token has at most some hundred characters.
    let length = f64::from(u32::try_from(token.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum()
}

/// `scheme://user:password@host`, where the password is not a reference to a variable.
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
            .is_some_and(|(_, password)| !password.is_empty() && !is_reference(password))
    })
}

/// `user:password@tcp(host:3306)/db`, as clients of MySQL written in Go have it.
fn has_password_in_dsn(text: &str) -> bool {
    ["@tcp(", "@unix("].iter().any(|sign| {
        text.split_once(sign).is_some_and(|(before, _)| {
            let user = before
                .rsplit(|c: char| c.is_whitespace() || c == '"')
                .next();
            let password = user.and_then(|user| user.split_once(':'));
            password.is_some_and(|(_, password)| !password.is_empty() && !is_reference(password))
        })
    })
}

/// Names with their values in a text: `password: x`, `--password=x`, `"password": "x"`,
/// `Password=x;`, without comments.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with(['#', ';']) && !line.starts_with("//"));
    lines.flat_map(|line| {
        // A line of several assignments, as connection strings and commands are, or of several keys.
        let assigned = line.split([';', ' ', '&', ',']);
        let assigned = assigned.filter_map(|part| part.split_once('='));
        let keyed = line.split([',', '{']);
        let keyed =
            keyed.filter_map(|part| part.split_once(": ").or_else(|| part.split_once("\":")));
        let all = assigned.chain(keyed).chain(line.split_once(" = "));
        all.filter_map(|(name, value)| {
            let name = name.trim().trim_matches(['"', '\'']);
            let name = name.rsplit([' ', '\t', '"', '\'']).next()?;
            let value = value
                .split(" #")
                .next()?
                .trim()
                .trim_end_matches([',', ';', '}']);
            let value = value.trim().trim_matches(['"', '\'']);
            Some((name.trim_start_matches('-'), value))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{is_secret_of, of_value, pairs};

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

    #[test]
    fn a_value_is_a_secret_by_its_shape() {
        for text in [
            "postgres://app:hunter2@db:5432/app",
            "mongodb+srv://u:p4ss@cluster/db?x=y",
            "app:hunter2@tcp(db:3306)/app",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            "key AKIAQX4BIPW3AHOVGT3C here",
            "ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5",
            "k9Jx2LmQ8vR4tYw6Zb3NcP7dFh1GsK5a",
            "q/8Zt0cUvA3nYk+R7sB1xWm9Lf2HpD6JgE4oKiQ5",
        ] {
            assert!(of_value(text).is_some(), "{text}");
        }
        for text in [
            "postgres://app@db:5432/app",
            "postgres://app:$(DB_PASSWORD)@db/app",
            "postgres://app:${DB_PASSWORD}@db/app",
            "http://db:5432/a@b:c",
            "app:$(P)@tcp(db:3306)/app",
            "docker.io/library/redis@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
            "sha512-AbCdEf123456AbCdEf123456AbCdEf123456AbCdEf123456",
            "123e4567-e89b-12d3-a456-426614174000",
            "com.example.shop.OrderServiceImplementationFactoryBean2",
            "JAVA_TOOL_OPTIONS=-XX:MaxRAMPercentage=75.0",
            "my-very-long-service-name.my-namespace.svc.cluster.local",
            "HibernateJpaAutoConfigurationV2WithLongName",
            "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----",
            "/var/lib/App1/Data2/Cache3/Store4/Index5/Blob6",
        ] {
            assert_eq!(of_value(text), None, "{text}");
        }
    }

    #[test]
    fn pairs_of_every_notation_are_found() {
        for text in [
            "password: hunter2",
            "  password: \"hunter2\" # default",
            "{\"user\": \"a\", \"password\": \"hunter2\"}",
            "password = 'hunter2'",
            "db.password=hunter2",
            "--password=hunter2",
            "Server=db;User Id=a;Password=hunter2;",
            "host=db user=a password=hunter2 dbname=x",
            "export DB_PASSWORD=hunter2",
        ] {
            let found = pairs(text).any(|(name, value)| is_secret_of(name, value));
            assert!(found, "{text}: {:?}", pairs(text).collect::<Vec<_>>());
        }
        for text in [
            "# password: hunter2",
            "password: ${DB_PASSWORD}",
            "password_file: /run/x",
            "password = get_password()",
            "token_url: https://x/y",
            "local token = ngx.var.cookie_token",
        ] {
            let found = pairs(text).any(|(name, value)| is_secret_of(name, value));
            assert!(!found, "{text}");
        }
    }
}
