//! Names with their values in texts and in lists of arguments.

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
        // `requirepass x` of Redis, `machine h login u password x` of netrc.
        let words = line.split_whitespace();
        let followed = words.clone().zip(words.skip(1));
        let followed = followed.filter(move |(name, _)| {
            matches!(*name, "requirepass" | "masterauth")
                || *name == "password" && line.starts_with("machine ")
        });
        let all = assigned.chain(keyed).chain(line.split_once(" = "));
        let all = all.chain(followed);
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

/// Clients whose `-p` or `-a` is a password.
const CLIENTS: [&str; 12] = [
    "mysql",
    "mysqladmin",
    "mysqldump",
    "mariadb",
    "mariadb-admin",
    "mariadb-dump",
    "mongo",
    "mongosh",
    "mongodump",
    "redis-cli",
    "sshpass",
    "sqlcmd",
];

/// Options of a command with the values that follow them, `--password`, `hunter2`, under a name that tells what they
/// are: `-p` is a password of the clients above, and where the value can be no port, path or name.
pub(super) fn options<'t>(words: &'t [&'t str]) -> impl Iterator<Item = (&'t str, &'t str)> {
    let program = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let is_client = words
        .iter()
        .any(|word| CLIENTS.contains(&program(word).as_str()));
    let calls_http = words.iter().any(|word| program(word) == "curl");
    let following = words.windows(2).filter_map(move |pair| {
        let (option, value) = (pair[0], unquoted(pair[1]));
        if !option.starts_with('-') || option.contains('=') || value.starts_with('-') {
            return None;
        }
        match option {
            "-p" | "-pw" if is_client || is_mixed(value) => Some(("password", value)),
            "-P" if is_mixed(value) => Some(("password", value)),
            "-a" if is_client => Some(("password", value)),
            "-u" | "--user" if calls_http => Some(("password", value.split_once(':')?.1)),
            _ => Some((option.trim_start_matches('-'), value)),
        }
    });
    // `-phunter2`
    let attached = words.iter().filter_map(move |word| {
        let value = word.strip_prefix("-p").filter(|value| !value.is_empty())?;
        let is_option = value.starts_with("ort") || value.starts_with("ass") || value.contains('=');
        (is_client && !is_option).then_some(("password", unquoted(value)))
    });
    following.chain(attached)
}

fn unquoted(value: &str) -> &str {
    value.trim_matches(['"', '\''])
}

/// Letters with digits or signs, of which no port, path, image or name of several words is made.
fn is_mixed(value: &str) -> bool {
    const LEAST: usize = 6;
    let has = |is: fn(&char) -> bool| value.chars().any(|c| is(&c));
    value.len() >= LEAST
        && has(char::is_ascii_alphabetic)
        && (has(char::is_ascii_digit) || value.contains(['!', '#', '$', '%', '^', '&', '?']))
        && !value.contains(['/', ':', '.', ',', '=', '-', '_', '@', ' '])
}

#[cfg(test)]
mod tests {
    use super::super::names::is_secret_of;
    use super::pairs;

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
