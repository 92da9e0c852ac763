//! The fields of statements: a value that may be absent, one with a default, several, or elements with keys. The kind
//! of a field decides what `show` and rules see of it.

use smol_str::SmolStr;

use crate::fact::{Fact, Plain};
use crate::origin::{Origin, Sourced};
use crate::shown::{Names, Shown};
use crate::ty::Ty;
use crate::value::{Type, Value};

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
    /// The type of its member.
    fn ty() -> Ty;
    /// The value of its member.
    fn value(&self, names: &dyn Names) -> Value;
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

    fn ty() -> Ty {
        Ty::optional(T::ty())
    }

    fn value(&self, names: &dyn Names) -> Value {
        let set = self.as_ref();
        set.map_or(Value::Off, |set| set.value.value(names))
    }

    of_values!();
}

/// A statement with a default.
impl<T: Shown + PartialEq> Field for Sourced<T> {
    type Read = Self;

    fn set(&mut self, read: Self) {
        *self = read;
    }

    fn ty() -> Ty {
        T::ty()
    }

    fn value(&self, names: &dyn Names) -> Value {
        self.value.value(names)
    }

    of_values!();
}

/// A statement with several values.
impl<T: Shown + PartialEq> Field for Vec<Sourced<T>> {
    type Read = Self;

    fn set(&mut self, read: Self) {
        self.extend(read);
    }

    fn ty() -> Ty {
        Ty::list(T::ty())
    }

    fn value(&self, names: &dyn Names) -> Value {
        Value::List(self.iter().map(|set| set.value.value(names)).collect())
    }

    of_values!();
}

/// What a statement with a name or number of its own declares, of which a block may have several.
pub(crate) trait Keyed: PartialEq {
    /// Its row below the word; `at` is its number.
    fn fact(&self, at: usize, names: &dyn Names) -> Fact;
}

/// Statements of one word, each with a key of its own.
impl<T: Keyed> Field for Vec<T> {
    type Read = Self;

    fn set(&mut self, read: Self) {
        self.extend(read);
    }

    fn facts(&self, word: &'static str, names: &dyn Names) -> Vec<Fact> {
        let each = self.iter().enumerate();
        let rows: Vec<Fact> = each.map(|(at, one)| one.fact(at, names)).collect();
        let group = (!rows.is_empty()).then(|| Fact::group(word, rows));
        Vec::from_iter(group)
    }

    fn origin(&self) -> Option<Origin> {
        None
    }

    fn ty() -> Ty {
        Ty::list(String::ty())
    }

    fn value(&self, names: &dyn Names) -> Value {
        let rows = self.iter().enumerate();
        let rows = rows.map(|(at, one)| one.fact(at, names).name);
        Value::List(rows.map(|name| Value::Text(name.into())).collect())
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
        let named = |row: Fact| Fact {
            name: word.to_owned(),
            ..row
        };
        let row = self.as_ref().map(|one| named(one.fact(0, names)));
        Vec::from_iter(row)
    }

    fn origin(&self) -> Option<Origin> {
        None
    }

    fn ty() -> Ty {
        Ty::Plain(Type::Bool)
    }

    fn value(&self, _: &dyn Names) -> Value {
        Value::Bool(self.is_some())
    }

    fn is_equal(&self, other: &Self) -> bool {
        self == other
    }
}

/// A value with a key: a label.
impl<T: Shown + PartialEq> Keyed for (SmolStr, Sourced<T>) {
    fn fact(&self, _: usize, names: &dyn Names) -> Fact {
        Fact::of(self.0.as_str(), self.1.value.plain(names), self.1.origin)
    }
}
