//! Names that resemble each other, for "did you mean".

/// How long a name may be for which others are looked at: comparing two takes the product of their lengths.
const MAX_CHARACTERS: usize = 128;

/// The candidate nearest to `name`, if one is near enough to be meant.
///
/// Optimal string alignment, so that two swapped letters count once; a third of the letters
/// may differ, at least one.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    if length > MAX_CHARACTERS {
        return None;
    }
    let limit = (length / 3).max(1);
    let letters = letters(name);
    candidates
        .into_iter()
        .filter(|candidate| {
            candidate.len() <= 4 * (length + limit)
                && candidate.chars().count().abs_diff(length) <= limit
                && usize::try_from((self::letters(candidate) ^ letters).count_ones())
                    .is_ok_and(|differ| differ <= 2 * limit)
        })
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, candidate)| (*distance, *candidate))
        .map(|(_, candidate)| candidate)
}

/// Which letters a name has, a bit for each. A change of one letter changes two bits at most, so that names
/// which differ in more of them need not be compared.
fn letters(name: &str) -> u64 {
    name.chars()
        .fold(0, |letters, letter| letters | 1 << (u32::from(letter) % 64))
}

/// `a`, `b` and `c` in backticks, joined as prose; the rest is counted beyond `most`.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown: Vec<String> = names.iter().take(most).map(|n| format!("`{n}`")).collect();
    if names.len() > most {
        format!("{} and {} more", shown.join(", "), names.len() - most)
    } else {
        match shown.as_slice() {
            [] => "none".to_owned(),
            [one] => one.clone(),
            [init @ .., last] => format!("{} and {last}", init.join(", ")),
        }
    }
}

/// `a`, `b` or `c` in backticks.
pub fn alternatives<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [init @ .., last] if !init.is_empty() => format!("{} or {last}", init.join(", ")),
        one => one.concat(),
    }
}

/// Names in backticks with an arrow between each two; those in the middle of a long chain are counted.
pub fn chained<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const START: usize = 8;
    const END: usize = 4;
    let names: Vec<&str> = names.into_iter().collect();
    let shown = |names: &[&str]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        quoted.join(" → ")
    };
    if names.len() <= START + END + 1 {
        return shown(&names);
    }
    let (start, end) = (&names[..START], &names[names.len() - END..]);
    let left_out = names.len() - START - END;
    format!("{} → … {left_out} more … → {}", shown(start), shown(end))
}

#[cfg(test)]
mod tests {
    use super::{chained, listed, nearest};

    #[test]
    fn a_long_chain_counts_its_middle() {
        assert_eq!(chained(["a", "b", "a"]), "`a` → `b` → `a`");
        let names: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        assert_eq!(
            chained(names.iter().map(String::as_str)),
            "`0` → `1` → `2` → `3` → `4` → `5` → `6` → `7` → … 9988 more … → `9996` → `9997` → `9998` → `9999`"
        );
    }

    #[test]
    fn swapped_dropped_and_doubled_letters_are_near() {
        let names = ["kvs-database", "bpe-engine", "ias-auth"];
        assert_eq!(nearest("kvs-databsae", names), Some("kvs-database"));
        assert_eq!(nearest("bpe-engin", names), Some("bpe-engine"));
        assert_eq!(nearest("iass-auth", names), Some("ias-auth"));
        assert_eq!(nearest("prometheus", names), None);
    }

    #[test]
    fn lists_read_as_prose() {
        assert_eq!(listed(["a"], 3), "`a`");
        assert_eq!(listed(["a", "b", "c"], 3), "`a`, `b` and `c`");
        assert_eq!(listed(["a", "b", "c"], 2), "`a`, `b` and 1 more");
    }
}
