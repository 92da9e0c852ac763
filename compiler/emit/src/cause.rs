//! Why a field is there, and why it is as it is: a line of the source, or a rule of the compiler.

use erpc_diagnostics::Span;
use erpc_model::{Origin, Service, Sourced, Via};

/// Why a field is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// In half a line.
    pub why: &'static str,
    /// The line of the source; that of the language for what the compiler always writes.
    pub origin: Origin,
}

/// The causes of a field.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Causes {
    /// None of its own.
    #[default]
    None,
    /// One.
    One(Cause),
    /// Several, in the order in which they are shown.
    Many(Box<[Cause]>),
}

/// The half line of a field that a patch has set.
const PATCH: &str = "a patch sets it";

/// The half line of a field that a manifest of the source has.
const MANIFEST: &str = "the manifest sets it";

impl Cause {
    /// A cause at a place of the source.
    pub(crate) const fn at(why: &'static str, origin: Origin) -> Self {
        Self { why, origin }
    }

    /// A cause at a statement of the owner's own block.
    pub(crate) const fn declared(why: &'static str, span: Span) -> Self {
        let via = Via::Declared;
        Self::at(why, Origin { span, via })
    }

    /// A cause at a value of the source.
    pub(crate) const fn said<T>(why: &'static str, value: &Sourced<T>) -> Self {
        Self::at(why, value.origin)
    }

    /// What the compiler writes for every platform, and why.
    pub(crate) const fn always(why: &'static str) -> Self {
        Self::at(why, Origin::of_language())
    }

    /// That a patch sets the field, by the value that stands here.
    pub(crate) const fn patch_at(origin: Origin) -> Self {
        Self::at(PATCH, origin)
    }

    /// That a manifest sets the field, by the value that stands here.
    pub(crate) const fn manifest_at(origin: Origin) -> Self {
        Self::at(MANIFEST, origin)
    }

    /// That the service is called this.
    pub(crate) const fn name(service: &Service) -> Self {
        Self::said("the name of the service", &service.name)
    }

    /// Whether it is that of a patch.
    pub(crate) fn is_patch(&self) -> bool {
        self.why == PATCH
    }
}

impl Causes {
    /// All of them.
    #[must_use]
    pub const fn as_slice(&self) -> &[Cause] {
        match self {
            Self::None => &[],
            Self::One(cause) => std::slice::from_ref(cause),
            Self::Many(causes) => causes,
        }
    }
}

impl Causes {
    /// These and one more.
    #[must_use]
    pub(crate) fn with(&self, cause: Cause) -> Self {
        self.as_slice().iter().copied().chain([cause]).collect()
    }
}

impl From<Cause> for Causes {
    fn from(cause: Cause) -> Self {
        Self::One(cause)
    }
}

impl From<Option<Cause>> for Causes {
    fn from(cause: Option<Cause>) -> Self {
        cause.map_or(Self::None, Self::One)
    }
}

/// Each once.
impl FromIterator<Cause> for Causes {
    fn from_iter<T: IntoIterator<Item = Cause>>(causes: T) -> Self {
        let mut all: Vec<Cause> = Vec::new();
        for cause in causes {
            if !all.contains(&cause) {
                all.push(cause);
            }
        }
        match all.as_slice() {
            [] => Self::None,
            [cause] => Self::One(*cause),
            _ => Self::Many(all.into()),
        }
    }
}

impl<const N: usize> From<[Cause; N]> for Causes {
    fn from(causes: [Cause; N]) -> Self {
        causes.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, Causes};

    #[test]
    fn causes_are_kept_once_and_in_their_order() {
        let [a, b] = [Cause::always("a"), Cause::always("b")];
        for (given, kept) in [
            (vec![], &[] as &[Cause]),
            (vec![a], &[a]),
            (vec![b, a, b, a], &[b, a]),
        ] {
            let causes: Causes = given.into_iter().collect();
            assert_eq!(causes.as_slice(), kept);
        }
        assert_eq!(Causes::from(a).with(b).as_slice(), [a, b]);
        assert_eq!(Causes::from(a).with(a).as_slice(), [a]);
    }
}
