//! Which texts are secrets by their shape, whatever they are called: private keys, addresses with passwords, tokens
//! that their issuers mark, random strings.

use super::names::is_reference;

/// A beginning of tokens that their issuer marks as such.
struct Mark {
    start: &'static str,
    /// How many characters follow, at least.
    least: usize,
    /// The most, where all are of one length.
    most: usize,
    /// What may follow beside letters and digits.
    others: &'static [char],
}

const fn mark(start: &'static str, least: usize, others: &'static [char]) -> Mark {
    let most = usize::MAX;
    Mark {
        start,
        least,
        most,
        others,
    }
}

/// Key IDs of AWS have 20 upper-case letters and digits.
const fn key_id(start: &'static str) -> Mark {
    Mark {
        start,
        least: 16,
        most: 16,
        others: &[],
    }
}

const MARKED: [Mark; 22] = [
    key_id("AKIA"),
    key_id("ASIA"),
    mark("AIza", 35, &['_', '-']),
    mark("ghp_", 30, &[]),
    mark("gho_", 30, &[]),
    mark("ghu_", 30, &[]),
    mark("ghs_", 30, &[]),
    mark("ghr_", 30, &[]),
    mark("github_pat_", 30, &['_']),
    mark("glpat-", 20, &['_', '-', '.']),
    mark("xoxb-", 20, &['-']),
    mark("xoxp-", 20, &['-']),
    mark("xoxa-", 20, &['-']),
    mark("xapp-", 20, &['-']),
    mark("sk_live_", 16, &['_']),
    mark("rk_live_", 16, &['_']),
    mark("sk-ant-", 20, &['_', '-']),
    mark("sk-proj-", 20, &['_', '-']),
    mark("SG.", 40, &['_', '-', '.']),
    mark("npm_", 30, &[]),
    mark("hvs.", 20, &['_', '-']),
    mark("dop_v1_", 40, &[]),
];

impl Mark {
    /// Whether such a token stands in a text, also as a part of a path or an image.
    fn is_in(&self, text: &str) -> bool {
        text.match_indices(self.start).any(|(at, start)| {
            let is_inside = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            let rest = &text[at + start.len()..];
            let is_other = |c: char| !c.is_ascii_alphanumeric() && !self.others.contains(&c);
            let rest = &rest[..rest.find(is_other).unwrap_or(rest.len())];
            let is_upper =
                self.most == usize::MAX || !rest.contains(|c: char| c.is_ascii_lowercase());
            !is_inside && is_upper && (self.least..=self.most).contains(&rest.len())
        })
    }
}

/// What stands before the credentials of HTTP.
const SCHEMES: [&str; 4] = ["Bearer ", "bearer ", "Basic ", "basic "];
/// How many characters credentials have at least; fewer are a word of a sentence.
const LEAST_CREDENTIALS: usize = 8;

/// Why a text is a secret by its shape, whatever its name.
pub(super) fn of_value(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY") {
        return Some("it contains a private key");
    }
    // The same in Base64, as Kubernetes has it in `data`.
    let in_base64 = [
        "LS0tLS1CRUdJTiBQUklWQVRF",
        "LS0tLS1CRUdJTiBSU0EgUFJJVkFUR",
        "LS0tLS1CRUdJTiBFQyBQUklWQVRF",
    ];
    if in_base64
        .iter()
        .any(|start| text.len() >= start.len() && text.contains(start))
    {
        return Some("it contains a private key");
    }
    if has_password_in_url(text) || has_password_in_dsn(text) {
        return Some("it contains an address with a password");
    }
    if has_credentials(text) {
        return Some("it contains credentials of HTTP");
    }
    if has_access_token(text) {
        return Some("it contains an access token");
    }
    let mut tokens = tokens(text);
    tokens.find_map(of_token)
}

/// How many characters the shortest of the marked tokens has.
const SHORTEST_TOKEN: usize = 20;

/// Whether a text contains a token that its issuer marks.
pub(super) fn has_access_token(text: &str) -> bool {
    // Few texts have so many characters of a token in a row, and to search for each mark takes far longer.
    let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let mut runs = text.as_bytes().split(|byte| !is_of_token(byte));
    runs.any(|run| run.len() >= SHORTEST_TOKEN) && MARKED.iter().any(|mark| mark.is_in(text))
}

/// `Authorization: Bearer x`.
fn has_credentials(text: &str) -> bool {
    text.match_indices("uthorization").any(|(at, name)| {
        let rest = text[at + name.len()..].trim_start_matches([':', '=', ' ', '"', '\'']);
        let credentials = SCHEMES.iter().find_map(|scheme| rest.strip_prefix(scheme));
        credentials.is_some_and(|value| {
            let end = value.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ','));
            let value = &value[..end.unwrap_or(value.len())];
            value.len() >= LEAST_CREDENTIALS && !is_reference(value)
        })
    })
}

fn of_token(token: &str) -> Option<&'static str> {
    if is_jwt(token) {
        return Some("it contains a JSON Web Token");
    }
    if token.contains("example") {
        return None;
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
    // Secret keys of AWS have this length.
    const OF_AWS: usize = 40;
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
    let least_digits = if token.len() == OF_AWS { 1 } else { 2 };
    let least_changes = if token.len() == OF_AWS { 40 } else { 42 };
    counts[..2].iter().all(|count| *count >= 4)
        && counts[2] >= least_digits
        && changes * 100 >= token.len() * least_changes
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

#[cfg(test)]
mod tests {
    use super::of_value;

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
}
