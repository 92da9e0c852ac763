//! Quantities of Kubernetes.

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

#[cfg(test)]
mod tests {
    use super::is_quantity;

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
}
