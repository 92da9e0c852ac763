//! Literals of the wrong kind: what was probably meant, and whether that is certain.

use std::net::{IpAddr, SocketAddr};

use erpc_syntax::tree::{Expr, ExprKind, NumberLiteral};

use crate::value::{Type, number_as};

/// Whether a text would be a value of this type without its quotes.
pub(crate) fn reads_as(text: &str, expected: &Type) -> bool {
    let number = |text: &str, of: &Type| {
        let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.'));
        let split = split.unwrap_or(text.len());
        let literal = NumberLiteral {
            digits: text[..split].into(),
            suffix: text[split..].into(),
        };
        split > 0 && number_as(&literal, of).is_ok()
    };
    match expected {
        Type::Range(inner) => match text.split_once("..") {
            Some((low, high)) => number(low, inner) && number(high, inner),
            None => number(text, inner),
        },
        Type::Cidr => text.parse::<ipnet::IpNet>().is_ok(),
        Type::Address => text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok(),
        Type::Bool | Type::List(_) | Type::String | Type::Name | Type::Image | Type::Version => {
            false
        }
        _ => number(text, expected),
    }
}

/// The number that was probably meant, and whether it says the same for certain.
pub(crate) fn meant(number: &NumberLiteral, expected: &Type) -> Option<(String, bool)> {
    const UNITS: [(&str, &str, bool); 26] = [
        ("kb", "Ki", false),
        ("mb", "Mi", false),
        ("gb", "Gi", false),
        ("tb", "Ti", false),
        ("kib", "Ki", true),
        ("mib", "Mi", true),
        ("gib", "Gi", true),
        ("tib", "Ti", true),
        ("k", "Ki", false),
        ("m", "Mi", false),
        ("g", "Gi", false),
        ("t", "Ti", false),
        ("mc", "m", true),
        ("millicores", "m", true),
        ("millis", "ms", true),
        ("sec", "s", true),
        ("secs", "s", true),
        ("seconds", "s", true),
        ("min", "m", true),
        ("mins", "m", true),
        ("minutes", "m", true),
        ("hour", "h", true),
        ("hours", "h", true),
        ("day", "d", true),
        ("days", "d", true),
        ("percent", "%", true),
    ];
    let with = |suffix: &str| NumberLiteral {
        digits: number.digits.clone(),
        suffix: suffix.into(),
    };
    let inner = match expected {
        Type::Range(inner) => inner,
        other => other,
    };
    let fits = |suffix: &str| number_as(&with(suffix), inner).is_ok();
    let written = |suffix: &str| format!("{}{suffix}", number.digits);
    if *inner == Type::Percent && number.suffix.is_empty() {
        let share: f64 = number.digits.parse().ok()?;
        return (share > 0.0 && share < 1.0)
            .then(|| (format!("{}%", (share * 1e9).round() / 1e7), true));
    }
    let lower = number.suffix.to_lowercase();
    let same = ["Ki", "Mi", "Gi", "Ti", "m", "ms", "s", "h", "d"]
        .into_iter()
        .find(|unit| unit.to_lowercase() == lower && *unit != number.suffix && fits(unit));
    // `M` is mega, of which nobody knows whether it was meant for `m`.
    if let Some(unit) = same.filter(|_| lower.len() > 1) {
        return Some((written(unit), true));
    }
    let (_, unit, is_same) = UNITS
        .into_iter()
        .find(|(other, unit, _)| *other == lower && fits(unit))?;
    Some((written(unit), is_same))
}

/// Whether two literals are wrong in the same way, if one is: two texts, two numbers of one unit.
pub(crate) fn are_alike(a: &Expr, b: &Expr) -> bool {
    match (&a.kind, &b.kind) {
        (ExprKind::String(_), ExprKind::String(_)) => true,
        (ExprKind::Number(a), ExprKind::Number(b)) => a.suffix == b.suffix,
        _ => false,
    }
}
