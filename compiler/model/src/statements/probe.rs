//! Probes of containers.

use super::{Field, element, group};
use crate::choice::choices;
use crate::fact::{Fact, Plain};
use crate::ids::PortId;
use crate::origin::{Origin, Sourced};
use crate::shown::{Names, Shown};
use crate::units::Duration;

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

element! {
    /// A probe.
    Probe {
        after: Sourced<Duration> = "How long it waits first [default: 0s].",
        every: Sourced<Duration> = "How often it asks [default: 10s].",
        fails: Sourced<u32> = "After how many failures it counts [default: 3].",
        within: Sourced<Duration> = "How long an answer may take [default: 1s].",
    }
    besides {
        /// What is asked.
        check: Sourced<ProbeCheck>,
        /// Where its port is chosen; `None` if the default of the language chooses it.
        on: Option<Origin>,
    }
    computed {
        kind: CheckKind = "What is asked: `http`, `tcp` or `exec`." => |probe| probe.check.value.kind(),
        path: Option<String> = "The path of an `http` probe." => |probe| match &probe.check.value {
            ProbeCheck::Http(path, _) => Some(path.clone()),
            ProbeCheck::Tcp(_) | ProbeCheck::Exec(_) => None,
        },
    }
}

choices! {
    /// What kind of check a probe makes.
    CheckKind {
        /// A request to a path.
        Http = "http",
        /// A connection.
        Tcp = "tcp",
        /// A command in the container.
        Exec = "exec",
    }
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
    /// Which kind it is of.
    #[must_use]
    pub fn kind(&self) -> CheckKind {
        match self {
            Self::Http(..) => CheckKind::Http,
            Self::Tcp(_) => CheckKind::Tcp,
            Self::Exec(_) => CheckKind::Exec,
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

/// As the language writes it, without its port.
impl Shown for ProbeCheck {
    fn show(&self, _: &dyn Names) -> String {
        match self {
            Self::Http(path, _) => format!("http \"{path}\""),
            Self::Tcp(_) => "tcp".to_owned(),
            Self::Exec(command) => {
                let quoted = command.iter().map(|word| format!("\"{word}\""));
                format!("exec {}", Vec::from_iter(quoted).join(", "))
            }
        }
    }
}

impl Probe {
    fn fact(name: &str, set: &Sourced<Self>, names: &dyn Names) -> Fact {
        let probe = &set.value;
        let (after, every, within) = (&probe.after, &probe.every, &probe.within);
        let mut text = probe.check.show(names);
        let mut parts = probe.check.facts("check", names);
        if let Some(port) = probe.check.value.port() {
            text.push_str(&format!(" on {}", names.port(port)));
            let origin = probe.on.unwrap_or(Origin::of_language());
            parts.push(Fact::new("on", port.plain(names), origin));
        }
        if after.value.0 > 0 {
            text.push_str(&format!(" after {}", after.value));
        }
        let fails = probe.fails.value;
        text.push_str(&format!(
            " every {} fails {fails} within {}",
            every.value, within.value
        ));
        let fails = Plain::Number(fails.into());
        parts.extend([
            Fact::shown("after", after),
            Fact::shown("every", every),
            Fact::new("fails", fails, probe.fails.origin),
            Fact::shown("within", within),
        ]);
        Fact::new(name, Plain::Text(text), set.origin).with(parts)
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
        let set = |(name, probe): (&str, &Option<Sourced<Probe>>)| {
            Some(Probe::fact(name, probe.as_ref()?, names))
        };
        group(word, probes.into_iter().filter_map(set))
    }

    fn origin(&self) -> Option<Origin> {
        None
    }
}
