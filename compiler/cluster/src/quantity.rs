//! Quantities as Kubernetes writes them: `500m`, `1Gi`, `2`, `1e3`.

/// The amount in thousandths of the unit; `None` for what is no quantity.
#[must_use]
pub(crate) fn parse(text: &str) -> Option<i128> {
    const SUFFIXES: [(&str, i128); 13] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("Ei", 1 << 60),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
        ("E", 1_000_000_000_000_000_000),
        ("", 1),
    ];
    let text = text.trim();
    if let Some(number) = text.strip_suffix('m') {
        return decimal(number, 1);
    }
    if let Some((number, exponent)) = text.split_once(['e', 'E'])
        && let Ok(exponent) = exponent.parse::<u32>()
    {
        return decimal(number, 1000 * 10_i128.checked_pow(exponent)?);
    }
    let (number, factor) = SUFFIXES
        .into_iter()
        .find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|n| (n, factor)))?;
    decimal(number, factor * 1000)
}

fn decimal(number: &str, factor: i128) -> Option<i128> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > 9 || whole.is_empty() && part.is_empty() {
        return None;
    }
    let digits: i128 = format!("{whole}{part}").parse().ok()?;
    let scale = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    Some(digits.checked_mul(factor)? / scale)
}

/// Thousandths of a core as `1.5` or `200m`.
#[must_use]
pub(crate) fn cpu(milli: i128) -> String {
    if milli % 1000 == 0 {
        (milli / 1000).to_string()
    } else {
        format!("{milli}m")
    }
}

/// Thousandths of a byte as `3.5Gi`.
#[must_use]
pub(crate) fn bytes(milli: i128) -> String {
    let mebi = milli / 1000 / (1 << 20);
    if mebi >= 10 * 1024 || mebi % 1024 == 0 {
        format!("{}Gi", mebi / 1024)
    } else {
        format!("{mebi}Mi")
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        assert_eq!(parse("500m"), Some(500));
        assert_eq!(parse("1"), Some(1000));
        assert_eq!(parse("0.5"), Some(500));
        assert_eq!(parse("1Gi"), Some(1000 * (1 << 30)));
        assert_eq!(parse("1k"), Some(1_000_000));
        assert_eq!(parse("1e3"), Some(1_000_000));
        assert_eq!(parse("x"), None);
        assert_eq!(parse(""), None);
    }
}
