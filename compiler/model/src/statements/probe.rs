//! Probes of containers.

use super::Field;
use crate::fact::{Fact, Plain};
use crate::ids::PortId;
use crate::origin::{Origin, Sourced};
use crate::shown::Names;
use crate::ty::Ty;
use crate::units::Duration;
use crate::value::{Type, Value};

/// The three probes of a container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probes {
    /// `ready`.
    pub ready: Option<Sourced<Probe>>,
    /// `live`.
    pub live: Option<Sourced<Probe>>,
    /// `startup`.
    pub startup: Option<Sourced<Probe>>,
}

/// A probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What is asked.
    pub check: Sourced<ProbeCheck>,
    /// Where its port is chosen; `None` if the default of the language chooses it.
    pub on: Option<Origin>,
    /// `after D`, default 0 s.
    pub after: Sourced<Duration>,
    /// `every D`, default 10 s.
    pub every: Sourced<Duration>,
    /// `fails N`, default 3.
    pub fails: Sourced<u32>,
    /// `within D`, default 1 s.
    pub within: Sourced<Duration>,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeCheck {
    /// `http "/path" on PORT`.
    Http(String, PortId),
    /// `tcp on PORT`.
    Tcp(PortId),
    /// `exec "cmd", "arg"`.
    Exec(Vec<String>),
}

impl ProbeCheck {
    /// As the language writes it, without its port.
    fn ask(&self) -> String {
        match self {
            Self::Http(path, _) => format!("http \"{path}\""),
            Self::Tcp(_) => "tcp".to_owned(),
            Self::Exec(command) => {
                let quoted = command.iter().map(|word| format!("\"{word}\""));
                format!("exec {}", Vec::from_iter(quoted).join(", "))
            }
        }
    }

    /// The port that it asks.
    fn port(&self) -> Option<PortId> {
        match self {
            Self::Http(_, port) | Self::Tcp(port) => Some(*port),
            Self::Exec(_) => None,
        }
    }
}

impl Probe {
    fn fact(name: &str, set: &Sourced<Self>, names: &dyn Names) -> Fact {
        let probe = &set.value;
        let mut text = probe.check.value.ask();
        let check = Plain::Text(text.clone());
        let mut parts = vec![Fact::of("check", check, probe.check.origin)];
        if let Some(port) = probe.check.value.port() {
            let port = names.port(port);
            let origin = probe.on.unwrap_or(Origin::of_language());
            parts.push(Fact::of("on", Plain::Text(port.to_owned()), origin));
            text.push_str(&format!(" on {port}"));
        }
        let (after, every, within) = (&probe.after, &probe.every, &probe.within);
        let fails = Plain::Number(probe.fails.value.into());
        parts.extend([
            Fact::shown("after", after),
            Fact::shown("every", every),
            Fact::of("fails", fails, probe.fails.origin),
            Fact::shown("within", within),
        ]);
        if after.value.0 > 0 {
            text.push_str(&format!(" after {}", after.value));
        }
        let fails = probe.fails.value;
        text.push_str(&format!(
            " every {} fails {fails} within {}",
            every.value, within.value
        ));
        Fact::of(name, Plain::Text(text), set.origin).with(parts)
    }
}

impl Field for Probes {
    type Read = Self;

    fn set(&mut self, read: Self) {
        *self = read;
    }

    fn facts(&self, word: &'static str, names: &dyn Names) -> Vec<Fact> {
        let probes = [
            ("ready", &self.ready),
            ("live", &self.live),
            ("startup", &self.startup),
        ];
        let set = probes.into_iter().filter_map(|(name, probe)| {
            let probe = probe.as_ref()?;
            Some(Probe::fact(name, probe, names))
        });
        let rows: Vec<Fact> = set.collect();
        Vec::from_iter((!rows.is_empty()).then(|| Fact::group(word, rows)))
    }

    fn origin(&self) -> Option<Origin> {
        None
    }

    fn ty() -> Ty {
        Ty::Plain(Type::Bool)
    }

    fn value(&self, _: &dyn Names) -> Value {
        Value::Bool(*self != Self::default())
    }

    fn is_equal(&self, other: &Self) -> bool {
        self == other
    }
}
