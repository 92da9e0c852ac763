//! Addresses in a text: host names with what is around them.

/// A word that may be a host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address<'t> {
    pub(super) host: &'t str,
    /// The number behind it, or that of the scheme.
    pub(super) port: Option<u64>,
    /// Whether it is the host of a URL or of a connection string.
    pub(super) is_url: bool,
    /// Whether it is the whole text, or a whole element of a list with commas.
    pub(super) is_whole: bool,
}

/// The ports of schemes.
const SCHEMES: [(&str, u64); 14] = [
    ("http", 80),
    ("https", 443),
    ("ws", 80),
    ("wss", 443),
    ("redis", 6379),
    ("rediss", 6379),
    ("amqp", 5672),
    ("amqps", 5671),
    ("mongodb", 27017),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("mysql", 3306),
    ("nats", 4222),
    ("ldap", 389),
];

/// How far around a word the rest of its URL or line is read.
const MAX_LENGTH: usize = 2048;

const fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// The words of a text that may be host names. In a file, a word that stands alone is one only behind a key that names
/// a host, as in `host = orders`.
pub(super) fn addresses(text: &str, is_file: bool) -> Vec<Address<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !is_part(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_part(bytes[at]) {
            at += 1;
        }
        // Every byte of a word is ASCII, so that its ends are those of characters.
        let host = text[start..at].trim_matches('.');
        let is_name = host.starts_with(|c: char| c.is_ascii_lowercase())
            && host.bytes().all(|b| !b.is_ascii_uppercase() && b != b'_');
        if !is_name {
            continue;
        }
        // What is farther away does not belong to the address, and long lines take no longer than short ones.
        let before = &text[text.floor_char_boundary(start.saturating_sub(MAX_LENGTH))..start];
        let end = text.ceil_char_boundary(at.saturating_add(MAX_LENGTH));
        let authority = authority(before);
        if authority.is_some() && is_user(&text[start..end]) {
            continue;
        }
        let scheme = authority.map(last_word);
        let is_url = before.ends_with("//") || before.ends_with('@') || before.ends_with("@tcp(");
        let behind = &text[at..end];
        // `tcp(` names the protocol of the address in brackets.
        if behind.starts_with('(') {
            continue;
        }
        // `nc -z orders 80` has them as two words.
        let separated = behind.strip_prefix([':', ' ']);
        let port = separated.and_then(number).or_else(|| {
            let scheme = scheme?;
            let mut known = SCHEMES.iter();
            known.find(|(name, _)| *name == scheme).map(|row| row.1)
        });
        let behind_port = match behind.strip_prefix(':') {
            Some(rest) if number(rest).is_some() => {
                rest.trim_start_matches(|c: char| c.is_ascii_digit())
            }
            _ => behind,
        };
        let is_whole = match is_file {
            true => is_behind_host_key(before) && is_end_of_line(behind_port),
            // A parameter of a URL is not a host, nor is a word of a sentence.
            false => {
                let is_value = before.ends_with('=');
                let is_first = before.trim_end().is_empty() || before.trim_end().ends_with(',');
                let mut behind = behind_port.chars();
                (is_value || is_first)
                    && !before.contains('?')
                    && behind
                        .next()
                        .is_none_or(|c| c == ',' || is_value && c.is_whitespace())
            }
        };
        found.push(Address {
            host,
            port,
            is_url,
            is_whole,
        });
    }
    found
}

/// What ends a host with its port and its user.
const ENDS: [char; 6] = ['/', '?', ',', ' ', '\n', '\t'];

/// What is before the `://` of the URL whose user or host begins at the end of a text.
fn authority(before: &str) -> Option<&str> {
    let (head, rest) = before.rsplit_once("://")?;
    let is_begun = rest.is_empty() || rest.ends_with(['@', ':']);
    (is_begun && !rest.contains(ENDS)).then_some(head)
}

/// Whether a text begins with the user or the password of a URL.
fn is_user(text: &str) -> bool {
    let authority = text.split(ENDS).next().unwrap_or_default();
    authority.contains('@')
}

/// The letters at the end of a text: `jdbc:mysql` ends with `mysql`.
fn last_word(text: &str) -> &str {
    let start = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_ascii_alphanumeric() || *c == '+')
        .last();
    start.map_or("", |(start, _)| &text[start..])
}

fn number(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end]
        .parse()
        .ok()
        .filter(|port| (1..=65_535).contains(port))
}

fn is_end_of_line(text: &str) -> bool {
    let rest = text.split('\n').next().unwrap_or_default();
    let rest =
        rest.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';'));
    rest.is_empty() || rest.starts_with('#')
}

/// Whether the line up to here is a key that names a host, with `=` or `:` behind it.
fn is_behind_host_key(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let line = line.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let key = line.strip_suffix(['=', ':']);
    key.is_some_and(super::texts::is_host_name)
}

#[cfg(test)]
mod tests {
    use super::addresses;

    fn of(text: &str, is_file: bool) -> Vec<String> {
        let found = addresses(text, is_file).into_iter();
        let sure =
            found.filter(|address| address.is_url || address.is_whole || address.port.is_some());
        sure.map(|address| match address.port {
            Some(port) => format!("{}:{port}", address.host),
            None => address.host.to_owned(),
        })
        .collect()
    }

    #[test]
    fn hosts_of_urls_and_connection_strings_are_found() {
        for (text, expected) in [
            ("http://orders/health", vec!["orders:80"]),
            (
                "jdbc:mysql://db.shop.svc:3307/x?y=z",
                vec!["db.shop.svc:3307"],
            ),
            (
                "user:pass@tcp(catalogue-db:3306)/socks",
                vec!["catalogue-db:3306"],
            ),
            ("postgres://u:p@db/x", vec!["db:5432"]),
            ("orders", vec!["orders"]),
            ("orders:80,carts:81", vec!["orders:80", "carts:81"]),
            ("--host=orders", vec!["orders"]),
            ("host=orders user=orders", vec!["orders", "orders"]),
            ("until nc -zv orders 80; do", vec!["orders:80"]),
            ("a sentence of words.", vec![]),
        ] {
            assert_eq!(of(text, false), expected, "{text}");
        }
    }

    #[test]
    fn a_long_line_is_read_in_linear_time() {
        let text = "a,é:@".repeat(1 << 18);
        assert_eq!(addresses(&text, true).len(), 1 << 18);
    }

    #[test]
    fn a_word_alone_in_a_file_is_a_host_behind_a_key_that_says_so() {
        let file =
            "# orders\nhost = orders\nname: carts\nupstream x { server http://user:8080; }\n";
        assert_eq!(of(file, true), ["orders", "user:8080"]);
    }
}
