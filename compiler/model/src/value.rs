//! Values and types of expressions. A number keeps its suffix as written until the expected type
//! says what the suffix means; from then on it is one of the units.

use std::fmt;

use erpc_syntax::tree::NumberLiteral;
use ipnet::IpNet;
use smol_str::SmolStr;

use crate::units::{Cpu, Duration, Memory, Percent, Protocol};

/// A type of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A whole number: `3`, `200k`.
    Int,
    /// `true`, `false`.
    Bool,
    /// `"text"`.
    String,
    /// A name as Kubernetes takes it.
    Name,
    /// A port number with its protocol: `53/udp`.
    Port,
    /// `250m`, `2`.
    Cpu,
    /// `512Mi`.
    Memory,
    /// `30s`.
    Duration,
    /// `99.95%`.
    Percent,
    /// `10.0.0.0/8`.
    Cidr,
    /// `10.0.0.1:6443`.
    Address,
    /// `1.36`, `2024.6.15`.
    Version,
    /// An image reference.
    Image,
    /// `A..B`.
    Range(Box<Type>),
    /// `[A, B]`.
    List(Box<Type>),
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A number whose unit is not decided yet.
    Number(NumberLiteral),
    /// A whole number.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// Text; also names, versions and images.
    Text(SmolStr),
    /// A port.
    Port(u16, Protocol),
    /// CPU.
    Cpu(Cpu),
    /// Memory.
    Memory(Memory),
    /// Time.
    Duration(Duration),
    /// A share.
    Percent(Percent),
    /// A block of addresses.
    Cidr(IpNet),
    /// An address with a port, if one is written.
    Address(std::net::IpAddr, Option<u16>),
    /// Two ends of one type.
    Range(Box<Value>, Box<Value>),
    /// Values of one type.
    List(Vec<Value>),
    /// What a property that is not set is in rules.
    Off,
    /// An element of the platform, in rules.
    Element(crate::elements::Element),
    /// A parameter without a value while a component is checked for itself: fits everywhere.
    Unknown,
}

impl Value {
    /// What kind of thing the value is, as messages say it.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Number(number) => kind_of_suffix(&number.suffix),
            Self::Int(_) => "a whole number",
            Self::Bool(_) => "a truth value",
            Self::Text(_) => "text",
            Self::Port(..) => "a port",
            Self::Cpu(_) => "CPU",
            Self::Memory(_) => "memory",
            Self::Duration(_) => "a time",
            Self::Percent(_) => "a percentage",
            Self::Cidr(_) => "a block of addresses",
            Self::Address(..) => "an address",
            Self::Range(..) => "a range",
            Self::List(_) => "a list",
            Self::Off => "`off`",
            Self::Element(element) => element.kind().name(),
            Self::Unknown => "a value",
        }
    }
}

fn kind_of_suffix(suffix: &str) -> &'static str {
    match suffix {
        "" => "a plain number",
        "Ki" | "Mi" | "Gi" | "Ti" => "memory",
        "ms" | "s" | "h" | "d" => "a time",
        "%" => "a percentage",
        "/tcp" | "/udp" | "/sctp" => "a port",
        "m" => "a number with the suffix `m`",
        _ => "a number with an unknown suffix",
    }
}

impl Type {
    /// The suffixes that numbers of this type may have, as messages list them.
    #[must_use]
    pub(crate) fn units(&self) -> &'static str {
        match self {
            Self::Cpu => "cores (`2`, `0.5`) or thousandths of a core (`250m`)",
            Self::Memory => "`Ki`, `Mi`, `Gi` or `Ti` (`512Mi`)",
            Self::Duration => "`ms`, `s`, `m`, `h` or `d` (`30s`)",
            Self::Percent => "`%` (`99.95%`)",
            Self::Int => "digits, with `k` for thousands if need be (`3`, `200k`)",
            Self::Port => {
                "a number from 1 to 65535 with `/tcp`, `/udp` or `/sctp` behind it if need be (`53/udp`)"
            }
            Self::Range(inner) | Self::List(inner) => inner.units(),
            Self::Bool
            | Self::String
            | Self::Name
            | Self::Cidr
            | Self::Address
            | Self::Version
            | Self::Image => "",
        }
    }

    /// The type with this name in a component's head; `Range(T)` and `List(T)` are the caller's.
    #[must_use]
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "Int" => Self::Int,
            "Bool" => Self::Bool,
            "String" => Self::String,
            "Name" => Self::Name,
            "Port" => Self::Port,
            "Cpu" => Self::Cpu,
            "Memory" => Self::Memory,
            "Duration" => Self::Duration,
            "Percent" => Self::Percent,
            "Cidr" => Self::Cidr,
            "Address" => Self::Address,
            "Version" => Self::Version,
            "Image" => Self::Image,
            _ => return None,
        })
    }

    /// All names that [`Type::by_name`] knows.
    /// The types that a bare number may turn out to have, in the order in which they are tried.
    pub(crate) const NUMERIC: [Self; 6] = [
        Self::Int,
        Self::Cpu,
        Self::Memory,
        Self::Duration,
        Self::Percent,
        Self::Port,
    ];

    pub(crate) const NAMES: &'static [&'static str] = &[
        "Int", "Bool", "String", "Name", "Port", "Cpu", "Memory", "Duration", "Percent", "Cidr",
        "Address", "Version", "Image", "Range", "List",
    ];
}

/// The types of the language with how their values are written, for the reference.
#[must_use]
pub fn types() -> Vec<(String, String)> {
    let written = |ty: &Type| match ty {
        Type::Bool => "`true`, `false`".to_owned(),
        Type::String => "text in quotes".to_owned(),
        Type::Name => "a name without quotes: `node`".to_owned(),
        Type::Cidr => "`10.0.0.0/8`, `fd00::/8`".to_owned(),
        Type::Address => "`10.0.0.1:6443`, `[fd00::1]:443`".to_owned(),
        Type::Version => "`1.36`, `2024.6.15`".to_owned(),
        Type::Image => "an image reference in quotes: `\"registry:2.8.3\"`".to_owned(),
        Type::Range(_) => {
            "`A..B`; one value is a range of itself: `Range(Cpu)` is `100m..500m`".to_owned()
        }
        Type::List(_) => "`[A, B]`: `List(String)` is `[\"a\", \"b\"]`".to_owned(),
        Type::Int | Type::Port | Type::Cpu | Type::Memory | Type::Duration | Type::Percent => {
            ty.units().to_owned()
        }
    };
    Type::NAMES
        .iter()
        .map(|name| {
            let of = || Box::new(Type::Cpu);
            match Type::by_name(name) {
                Some(ty) => ((*name).to_owned(), written(&ty)),
                None if *name == "List" => ("List(T)".to_owned(), written(&Type::List(of()))),
                None => ("Range(T)".to_owned(), written(&Type::Range(of()))),
            }
        })
        .collect()
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Int => "a whole number",
            Self::Bool => "`true` or `false`",
            Self::String => "text in quotes",
            Self::Name => "a name",
            Self::Port => "a port number",
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::Duration => "a time",
            Self::Percent => "a percentage",
            Self::Cidr => "a block of addresses such as `10.0.0.0/8`",
            Self::Address => "an address such as `10.0.0.1:6443`",
            Self::Version => "a version",
            Self::Image => "an image reference in quotes",
            Self::Range(inner) => return write!(f, "{inner} or a range `A..B` of it"),
            Self::List(inner) => return write!(f, "a list of {inner}"),
        };
        f.write_str(name)
    }
}

/// Why a number is not one of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    /// Its suffix belongs to other types.
    Unit,
    /// It has no suffix and needs one.
    MissingUnit,
    /// It is too large to be counted.
    TooLarge,
    /// It is finer than the smallest step of the unit.
    TooFine,
    /// Its digits are those of a version or an unfinished number.
    Digits,
}

/// `digits` times `scale`, as a whole number of the smallest steps.
fn scaled(digits: &str, scale: u64) -> Result<u64, NumberError> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || fraction.contains('.') {
        return Err(NumberError::Digits);
    }
    if whole.len() + fraction.len() > 36 {
        return Err(if fraction.trim_end_matches('0').len() > 12 {
            NumberError::TooFine
        } else {
            NumberError::TooLarge
        });
    }
    let fraction = fraction.trim_end_matches('0');
    let mut mantissa = 0_u128;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return Err(NumberError::Digits);
        }
        mantissa = mantissa * 10 + u128::from(digit - b'0');
    }
    if fraction.is_empty() {
        let steps = mantissa.checked_mul(u128::from(scale));
        return steps
            .and_then(|steps| u64::try_from(steps).ok())
            .ok_or(NumberError::TooLarge);
    }
    // 10^36 < u128::MAX, and the fraction has at most 36 digits.
    let divisor = 10u128.pow(u32::try_from(fraction.len()).unwrap_or(36));
    let product = mantissa
        .checked_mul(u128::from(scale))
        .ok_or(NumberError::TooLarge)?;
    if !product.is_multiple_of(divisor) {
        return Err(NumberError::TooFine);
    }
    u64::try_from(product / divisor).map_err(|_| NumberError::TooLarge)
}

/// Reads a number as one of the type `expected`.
///
/// # Errors
///
/// Where the suffix does not fit, or the number does not fit into the type's steps.
pub(crate) fn number_as(number: &NumberLiteral, expected: &Type) -> Result<Value, NumberError> {
    let suffix = number.suffix.as_str();
    let scale = match (expected, suffix) {
        (Type::Version, "") => return Ok(Value::Text(number.digits.clone())),
        (Type::Int | Type::Port, "") => 1,
        (Type::Port, "/tcp" | "/udp" | "/sctp") => 1,
        (Type::Int, "k") => 1000,
        (Type::Cpu, "") => 1000,
        (Type::Cpu, "m") => 1,
        (Type::Memory, "Ki") => 1 << 10,
        (Type::Memory, "Mi") => 1 << 20,
        (Type::Memory, "Gi") => 1 << 30,
        (Type::Memory, "Ti") => 1 << 40,
        (Type::Duration, "ms") => 1,
        (Type::Duration, "s") => 1000,
        (Type::Duration, "m") => 60_000,
        (Type::Duration, "h") => 3_600_000,
        (Type::Duration, "d") => 86_400_000,
        (Type::Percent, "%") => Percent::POINT,
        (Type::Memory | Type::Duration | Type::Percent, "") => {
            return Err(NumberError::MissingUnit);
        }
        _ => return Err(NumberError::Unit),
    };
    let steps = scaled(&number.digits, scale)?;
    Ok(match expected {
        Type::Cpu => Value::Cpu(Cpu(steps)),
        Type::Memory => Value::Memory(Memory(steps)),
        Type::Duration => Value::Duration(Duration(steps)),
        Type::Percent => Value::Percent(Percent(steps)),
        Type::Port => {
            let protocol = match suffix {
                "/udp" => Protocol::Udp,
                "/sctp" => Protocol::Sctp,
                _ => Protocol::Tcp,
            };
            match u16::try_from(steps) {
                Ok(port) if port > 0 => Value::Port(port, protocol),
                _ => return Err(NumberError::TooLarge),
            }
        }
        _ => Value::Int(i64::try_from(steps).map_err(|_| NumberError::TooLarge)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str, suffix: &str) -> NumberLiteral {
        NumberLiteral {
            digits: digits.into(),
            suffix: suffix.into(),
        }
    }

    #[test]
    fn the_expected_type_decides_what_a_suffix_means() {
        let five_m = number("5", "m");
        assert_eq!(number_as(&five_m, &Type::Cpu), Ok(Value::Cpu(Cpu(5))));
        assert_eq!(
            number_as(&five_m, &Type::Duration),
            Ok(Value::Duration(Duration(300_000)))
        );
        assert_eq!(number_as(&five_m, &Type::Memory), Err(NumberError::Unit));
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(
            number_as(&number("0.25", ""), &Type::Cpu),
            Ok(Value::Cpu(Cpu(250)))
        );
        assert_eq!(
            number_as(&number("0.0005", ""), &Type::Cpu),
            Err(NumberError::TooFine)
        );
        assert_eq!(
            number_as(&number("1.5", "Gi"), &Type::Memory),
            Ok(Value::Memory(Memory(3 << 29)))
        );
        assert_eq!(
            number_as(&number("99999999999999999999", ""), &Type::Int),
            Err(NumberError::TooLarge)
        );
        assert_eq!(
            number_as(&number("1.2.3", ""), &Type::Cpu),
            Err(NumberError::Digits)
        );
    }

    #[test]
    fn ports_are_16_bit_and_not_zero() {
        assert_eq!(
            number_as(&number("53", "/udp"), &Type::Port),
            Ok(Value::Port(53, Protocol::Udp))
        );
        assert_eq!(
            number_as(&number("0", ""), &Type::Port),
            Err(NumberError::TooLarge)
        );
        assert_eq!(
            number_as(&number("65536", ""), &Type::Port),
            Err(NumberError::TooLarge)
        );
    }
}
