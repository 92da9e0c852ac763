//! Quantities as Kubernetes writes them: `500m`, `1Gi`, `2`, `1e3`.

/// Whether a text is a quantity (`k8s.io/apimachinery`, `pkg/api/resource`) that is not negative.
pub(crate) fn is_quantity(text: &str) -> bool {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let is_number = number.bytes().any(|b| b.is_ascii_digit())
        && number.bytes().filter(|b| *b == b'.').count() <= 1;
    let is_exponent = || {
        let digits = unit.strip_prefix(['e', 'E']).unwrap_or_default();
        let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    const UNITS: [&str; 16] = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    is_number && (UNITS.contains(&unit) || is_exponent())
}

/// The amount in thousandths of the unit; `None` for anything else.
#[must_use]
pub fn parse(text: &str) -> Option<i128> {
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

#[cfg(test)]
mod tests {
    use super::{is_quantity, parse};

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for right in [
            "0", "5", "1.5", ".5", "5.", "100m", "1Gi", "2E", "1e3", "1E-3", "+1k",
        ] {
            assert!(is_quantity(right), "{right}");
        }
        for wrong in [
            "", ".", "-1", "5GB", "5 Gi", "1.2.3", "Gi", "1mi", "0x10", "1e", "1K",
        ] {
            assert!(!is_quantity(wrong), "{wrong}");
        }
    }

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
