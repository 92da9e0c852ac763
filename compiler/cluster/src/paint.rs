//! How text for people is shown: with colours or without, and in how much detail.

use crate::change::Action;

/// How text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Letters only.
    Plain,
    /// With the escape codes of a terminal.
    Ansi,
}

impl Paint {
    pub(crate) fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    pub(crate) fn diff(self, sign: char, text: &str) -> String {
        match sign {
            '+' => self.with("32", text),
            '-' => self.with("31", text),
            _ => text.to_owned(),
        }
    }

    pub(crate) fn sign(self, action: Action) -> String {
        let code = match action {
            Action::Create => "32",
            Action::Update | Action::Replace | Action::Grow => "33",
            Action::Prune | Action::Blocked => "31",
            Action::Adopt | Action::Move => "36",
        };
        self.with(code, &action.sign().to_string())
    }
}

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What fits on a screen: a large plan is summed up by namespace and kind, a long value is cut.
    Short,
    /// Every object with every field and every line of its values.
    Full,
}
