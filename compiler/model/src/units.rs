//! The units of the language as types. Each is an integer in its smallest step, so that sums are
//! exact, with a `Display` in the form that Kubernetes writes.

use std::fmt;

/// CPU in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpu(pub u64);

/// Memory or storage in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Memory(pub u64);

impl Cpu {
    /// The limit of a container that sets none.
    pub const UNLIMITED: Self = Self(u64::MAX);
}

impl Memory {
    /// The limit of a container that sets none.
    pub const UNLIMITED: Self = Self(u64::MAX);
}

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub u64);

/// A share in billionths of a percent: `99.95%` is `99_950_000_000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(pub u64);

impl Percent {
    /// 100 %.
    pub const ONE: Self = Self(100_000_000_000);
    /// 1 %.
    pub const POINT: u64 = 1_000_000_000;
}

/// A transport protocol that Services know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP, the default.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// As Kubernetes writes it: `TCP`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// As the language writes it: `tcp`.
    #[must_use]
    pub const fn as_suffix(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// Two ends of one kind, `min <= max`: a request and a limit, a least and a greatest scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range<T> {
    /// The lower end.
    pub min: T,
    /// The upper end.
    pub max: T,
}

impl<T: Copy> Range<T> {
    /// The range of one value.
    pub const fn single(value: T) -> Self {
        Self {
            min: value,
            max: value,
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::UNLIMITED {
            f.write_str("unlimited")
        } else if self.0.is_multiple_of(1000) {
            write!(f, "{}", self.0 / 1000)
        } else {
            write!(f, "{}m", self.0)
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::UNLIMITED {
            return f.write_str("unlimited");
        }
        const UNITS: [(u64, &str); 4] = [
            (1 << 40, "Ti"),
            (1 << 30, "Gi"),
            (1 << 20, "Mi"),
            (1 << 10, "Ki"),
        ];
        match UNITS
            .iter()
            .find(|(size, _)| self.0 != 0 && self.0.is_multiple_of(*size))
        {
            Some((size, unit)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "m"),
            (1000, "s"),
        ];
        match UNITS
            .iter()
            .find(|(size, _)| self.0 != 0 && self.0.is_multiple_of(*size))
        {
            Some((size, unit)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}ms", self.0),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0 / Self::POINT;
        let rest = self.0 % Self::POINT;
        if rest == 0 {
            write!(f, "{whole}%")
        } else {
            let digits = format!("{rest:09}");
            write!(f, "{whole}.{}%", digits.trim_end_matches('0'))
        }
    }
}

impl<T: fmt::Display + PartialEq> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "{}", self.min)
        } else {
            write!(f, "{}..{}", self.min, self.max)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_print_as_kubernetes_writes_them() {
        assert_eq!(Cpu(250).to_string(), "250m");
        assert_eq!(Cpu(2000).to_string(), "2");
        assert_eq!(Memory(512 << 20).to_string(), "512Mi");
        assert_eq!(Memory(1 << 30).to_string(), "1Gi");
        assert_eq!(Memory(1000).to_string(), "1000");
        assert_eq!(Memory(0).to_string(), "0");
        assert_eq!(Duration(90_000).to_string(), "90s");
        assert_eq!(Duration(300_000).to_string(), "5m");
        assert_eq!(Percent(99_950_000_000).to_string(), "99.95%");
        assert_eq!(Percent::ONE.to_string(), "100%");
    }
}
