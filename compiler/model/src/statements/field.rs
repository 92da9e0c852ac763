//! The fields of statements: a value that may be absent, one with a default, several, or elements with keys. The kind
//! of a field decides what `show` and rules see of it.

use smol_str::{SmolStr, format_smolstr};

use crate::fact::{Fact, Plain};
use crate::origin::{Origin, Sourced};
use crate::shown::{Names, Shown};
use crate::value::Value;

/// The field of a statement.
pub(crate) trait Field {
    /// What reading a statement gives.
    type Read;

    /// Takes what a statement sets.
    fn set(&mut self, read: Self::Read);
    /// Its rows in `show`.
    fn facts(&self, word: &'static str, names: &dyn Names) -> Vec<Fact>;
    /// Where it is set.
    fn origin(&self) -> Option<Origin>;
    /// Whether both have the same values, wherever they are set.
    fn is_equal(&self, other: &Self) -> bool;
}

/// A field of values, each with its origin.
pub(crate) trait Values {
    /// What it holds.
    type Item: Shown + PartialEq;
    /// Whether `show` lists several values.
    const IS_LIST: bool = false;

    fn values(&self) -> &[Sourced<Self::Item>];

    /// Its row in `show`, with values as `show` writes them.
    fn row(
        &self,
        word: &'static str,
        names: &dyn Names,
        show: fn(&Self::Item, &dyn Names) -> Plain,
    ) -> Option<Fact> {
        let first = self.values().first()?;
        if !Self::IS_LIST {
            return Some(Fact::of(word, show(&first.value, names), first.origin));
        }
        let all = self.values().iter();
        let shown: Vec<Plain> = all.clone().map(|set| show(&set.value, names)).collect();
        let each = shown.iter().cloned().zip(all).enumerate();
        let parts = each.map(|(at, (value, set))| Fact::of(at.to_string(), value, set.origin));
        let parts = parts.filter(|_| shown.len() > 1).collect();
        Some(Fact::of(word, Plain::List(shown), first.origin).with(parts))
    }
}

/// What all fields of values have in common.
macro_rules! of_values {
    () => {
        fn facts(&self, word: &'static str, names: &dyn Names) -> Vec<Fact> {
            Vec::from_iter(self.row(word, names, T::plain))
        }

        fn origin(&self) -> Option<Origin> {
            self.values().first().map(|first| first.origin)
        }

        fn is_equal(&self, other: &Self) -> bool {
            let values = self.values().iter().map(|set| &set.value);
            values.eq(other.values().iter().map(|set| &set.value))
        }
    };
}

impl<T: Shown + PartialEq> Values for Option<Sourced<T>> {
    type Item = T;

    fn values(&self) -> &[Sourced<T>] {
        self.as_slice()
    }
}

impl<T: Shown + PartialEq> Values for Sourced<T> {
    type Item = T;

    fn values(&self) -> &[Self] {
        std::slice::from_ref(self)
    }
}

impl<T: Shown + PartialEq> Values for Vec<Sourced<T>> {
    type Item = T;
    const IS_LIST: bool = true;

    fn values(&self) -> &[Sourced<T>] {
        self
    }
}

impl<T: Shown + PartialEq> Values for [Sourced<T>] {
    type Item = T;
    const IS_LIST: bool = true;

    fn values(&self) -> &[Sourced<T>] {
        self
    }
}

/// A statement that may be absent.
impl<T: Shown + PartialEq> Field for Option<Sourced<T>> {
    type Read = Sourced<T>;

    fn set(&mut self, read: Sourced<T>) {
        *self = Some(read);
    }

    of_values!();
}

/// A statement with a default.
impl<T: Shown + PartialEq> Field for Sourced<T> {
    type Read = Self;

    fn set(&mut self, read: Self) {
        *self = read;
    }

    of_values!();
}

/// A statement with several values.
impl<T: Shown + PartialEq> Field for Vec<Sourced<T>> {
    type Read = Self;

    fn set(&mut self, read: Self) {
        self.extend(read);
    }

    of_values!();
}

/// What a statement declares of which a block may have several, each with a key: a volume, a label.
pub(crate) trait Keyed: Shown + PartialEq {
    /// The key; `at` is its number.
    fn key(&self, at: usize) -> String;
    /// Where it is set.
    fn origin(&self) -> Origin;
    /// The rows of its parts.
    fn parts(&self, _: &dyn Names) -> Vec<Fact> {
        Vec::new()
    }

    /// Its row.
    fn fact(&self, key: String, names: &dyn Names) -> Fact {
        Fact::of(key, self.plain(names), self.origin()).with(self.parts(names))
    }
}

/// Statements of one word, each with a key of its own.
impl<T: Keyed> Field for Vec<T> {
    type Read = Self;

    fn set(&mut self, read: Self) {
        self.extend(read);
    }

    fn facts(&self, word: &'static str, names: &dyn Names) -> Vec<Fact> {
        let each = self.iter().enumerate();
        group(word, each.map(|(at, one)| one.fact(one.key(at), names)))
    }

    fn origin(&self) -> Option<Origin> {
        None
    }

    fn is_equal(&self, other: &Self) -> bool {
        self == other
    }
}

/// A statement without a value of its own.
impl<T: Keyed> Field for Option<T> {
    type Read = T;

    fn set(&mut self, read: T) {
        *self = Some(read);
    }

    fn facts(&self, word: &'static str, names: &dyn Names) -> Vec<Fact> {
        let set = self.as_ref();
        Vec::from_iter(set.map(|one| one.fact(word.to_owned(), names)))
    }

    fn origin(&self) -> Option<Origin> {
        None
    }

    fn is_equal(&self, other: &Self) -> bool {
        self == other
    }
}

/// A label.
impl Keyed for (SmolStr, Sourced<String>) {
    fn key(&self, _: usize) -> String {
        self.0.to_string()
    }

    fn origin(&self) -> Origin {
        self.1.origin
    }
}

impl Shown for (SmolStr, Sourced<String>) {
    fn show(&self, names: &dyn Names) -> String {
        self.1.show(names)
    }

    fn value(&self, _: &dyn Names) -> Value {
        Value::Text(format_smolstr!("{}={}", self.0, self.1.value))
    }
}

/// Rows below a word; none if there are no rows.
pub(crate) fn group(word: &str, rows: impl IntoIterator<Item = Fact>) -> Vec<Fact> {
    let rows = Vec::from_iter(rows);
    Vec::from_iter((!rows.is_empty()).then(|| Fact::group(word, rows)))
}
