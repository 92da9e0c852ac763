//! The fields of statements: a value that may be absent, one with a default, several, or elements with keys. The kind
//! of a field decides what `show` and rules see of it.

use smol_str::SmolStr;

use crate::fact::{Fact, Plain};
use crate::origin::{Origin, Sourced};
use crate::shown::{Names, Shown};

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
}

/// A field of values, each with its origin.
pub(crate) trait Values {
    /// What it holds.
    type Item: Shown;
    /// Whether `show` lists several values.
    const IS_LIST: bool;

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
            return Some(Fact::new(word, show(&first.value, names), first.origin));
        }
        let all = self.values().iter();
        let shown: Vec<Plain> = all.clone().map(|set| show(&set.value, names)).collect();
        let each = shown.iter().cloned().zip(all).enumerate();
        let parts = each.map(|(at, (value, set))| Fact::new(at.to_string(), value, set.origin));
        let parts = parts.filter(|_| shown.len() > 1).collect();
        Some(Fact::new(word, Plain::List(shown), first.origin).with(parts))
    }
}

/// Fields of values: what each reads, its values, and how it takes what was read.
macro_rules! values {
    ($($(#[$doc:meta])* $field:ty: $read:ty, $is_list:literal, |$it:ident| $values:expr, |$into:ident, $new:ident| $set:expr;)*) => {$(
        impl<T: Shown> Values for $field {
            type Item = T;
            const IS_LIST: bool = $is_list;

            fn values(&self) -> &[Sourced<T>] {
                let $it = self;
                $values
            }
        }

        $(#[$doc])*
        impl<T: Shown> Field for $field {
            type Read = $read;

            fn set(&mut self, $new: $read) {
                let $into = self;
                $set;
            }

            fn facts(&self, word: &'static str, names: &dyn Names) -> Vec<Fact> {
                Vec::from_iter(self.row(word, names, T::plain))
            }

            fn origin(&self) -> Option<Origin> {
                self.values().first().map(|first| first.origin)
            }
        }
    )*};
}

values! {
    /// A statement that may be absent.
    Option<Sourced<T>>: Sourced<T>, false, |it| it.as_slice(), |it, new| *it = Some(new);
    /// A statement with a default.
    Sourced<T>: Self, false, |it| std::slice::from_ref(it), |it, new| *it = new;
    /// A statement with several values.
    Vec<Sourced<T>>: Self, true, |it| it, |it, new| it.extend(new);
}

impl<T: Shown> Values for [Sourced<T>] {
    type Item = T;
    const IS_LIST: bool = true;

    fn values(&self) -> &[Sourced<T>] {
        self
    }
}

/// What a statement declares of which a block may have several, each with a key: a volume, a label.
pub(crate) trait Keyed {
    /// The key; `at` is its number.
    fn key(&self, at: usize, names: &dyn Names) -> String;
    /// Its row.
    fn fact(&self, key: String, names: &dyn Names) -> Fact;
}

/// Elements by the part that is their key, and the one that says where they are set.
macro_rules! keyed {
    ($($element:ty: $key:ident at $set:ident $(, with $parts:ident)?;)*) => {$(
        impl $crate::statements::Keyed for $element {
            fn key(&self, _: usize, names: &dyn $crate::shown::Names) -> String {
                $crate::shown::Shown::show(&self.$key, names)
            }

            fn fact(&self, key: String, names: &dyn $crate::shown::Names) -> $crate::fact::Fact {
                let value = $crate::shown::Shown::plain(self, names);
                $crate::fact::Fact::new(key, value, self.$set.origin)$(.with(self.$parts()))?
            }
        }
    )*};
}

pub(crate) use keyed;

/// Statements of one word, each with a key of its own.
impl<T: Keyed> Field for Vec<T> {
    type Read = Self;

    fn set(&mut self, read: Self) {
        self.extend(read);
    }

    fn facts(&self, word: &'static str, names: &dyn Names) -> Vec<Fact> {
        let each = self.iter().enumerate();
        group(
            word,
            each.map(|(at, one)| one.fact(one.key(at, names), names)),
        )
    }

    fn origin(&self) -> Option<Origin> {
        None
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
}

/// A label.
impl Keyed for (SmolStr, Sourced<String>) {
    fn key(&self, _: usize, _: &dyn Names) -> String {
        self.0.to_string()
    }

    fn fact(&self, key: String, _: &dyn Names) -> Fact {
        Fact::shown(key, &self.1)
    }
}

impl Shown for (SmolStr, Sourced<String>) {
    fn show(&self, _: &dyn Names) -> String {
        format!("{}={}", self.0, self.1.value)
    }
}

/// Rows below a word; none if there are no rows.
pub(crate) fn group(word: &str, rows: impl IntoIterator<Item = Fact>) -> Vec<Fact> {
    let rows = Vec::from_iter(rows);
    Vec::from_iter((!rows.is_empty()).then(|| Fact::group(word, rows)))
}

#[cfg(test)]
mod tests {
    use smol_str::SmolStr;

    use erpc_diagnostics::{FileId, Span};

    use super::{Field, Keyed};
    use crate::fact::Fact;
    use crate::origin::{Origin, Sourced, Via};
    use crate::statements::tests::NoNames;

    /// A value that stands at an offset.
    fn at(offset: u32, value: &str) -> Sourced<String> {
        Sourced::declared(value.to_owned(), Span::new(FileId(0), offset, offset + 1))
    }

    /// The rows of a field, each with the offset of its origin: `word=value@offset`, its children in brackets.
    fn rows(field: &impl Field) -> String {
        fn row(fact: &Fact) -> String {
            let value = fact
                .value
                .as_ref()
                .map_or_else(String::new, |value| format!("={value}"));
            let origin = fact
                .origin
                .map_or_else(String::new, |origin| match origin.via {
                    Via::Default => "@default".to_owned(),
                    _ => format!("@{}", origin.span.start),
                });
            let children = Vec::from_iter(fact.children.iter().map(row)).join(" ");
            let children = if children.is_empty() {
                children
            } else {
                format!("[{children}]")
            };
            format!("{}{value}{origin}{children}", fact.name)
        }
        let rows = field.facts("word", &NoNames);
        Vec::from_iter(rows.iter().map(row)).join(" ")
    }

    fn start(origin: Option<Origin>) -> Option<u32> {
        origin.map(|origin| origin.span.start)
    }

    #[test]
    fn an_optional_statement_has_a_row_if_it_is_set() {
        let mut field: Option<Sourced<String>> = None;
        assert_eq!((rows(&field), field.origin()), (String::new(), None));
        field.set(at(3, "a"));
        field.set(at(7, "b"));
        assert_eq!(rows(&field), "word=b@7");
        assert_eq!(start(field.origin()), Some(7));
    }

    #[test]
    fn a_default_is_shown_as_one() {
        let mut field = Sourced::default_of_language("a".to_owned());
        assert_eq!(rows(&field), "word=a@default");
        field.set(at(7, "b"));
        assert_eq!(rows(&field), "word=b@7");
    }

    #[test]
    fn several_values_add_up_and_have_a_child_each() {
        let mut field: Vec<Sourced<String>> = Vec::new();
        assert_eq!(rows(&field), "");
        field.set(vec![at(3, "a")]);
        assert_eq!(rows(&field), "word=a@3");
        field.set(vec![at(5, "b"), at(7, "c")]);
        assert_eq!(rows(&field), "word=a, b, c@3[0=a@3 1=b@5 2=c@7]");
        assert_eq!(start(field.origin()), Some(3));
    }

    #[test]
    fn elements_stand_below_their_word_by_their_keys() {
        let label = |key: &str, value| (SmolStr::from(key), value);
        let mut field: Vec<(SmolStr, Sourced<String>)> = Vec::new();
        assert_eq!(rows(&field), "");
        field.set(vec![label("x", at(3, "a")), label("y", at(5, "b"))]);
        assert_eq!(rows(&field), "word[x=a@3 y=b@5]");
        assert_eq!(field[1].key(1, &NoNames), "y");
        assert!(field.origin().is_none());
    }
}
