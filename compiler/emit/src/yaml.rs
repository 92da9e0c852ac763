//! YAML as the output has it: block style, two spaces, lists level with their key.
//!
//! [`write`] makes the bytes that `serde-saphyr` would make of the same object, in a third of the
//! time: names, paths, sizes, addresses and numbers, which are nearly all that Kubernetes objects
//! hold, are written directly, and every other text is left to the library. A property test
//! (`tests/suite/yaml.rs`) holds the two equal.

use std::fmt::{self, Write};

use serde::ser::{self, Impossible, Serialize};

/// Appends an object as one YAML document.
///
/// # Errors
///
/// A map whose keys are not texts, or bytes: Kubernetes objects have neither.
pub fn write(out: &mut String, object: &impl Serialize) -> Result<(), Unwritable> {
    write_at(out, 0, object)
}

/// Appends an object as the lines of a document that stands below something else, so many columns
/// in.
///
/// # Errors
///
/// As for [`write`].
pub(crate) fn write_at(
    out: &mut String,
    indent: usize,
    object: &impl Serialize,
) -> Result<(), Unwritable> {
    object.serialize(Writer {
        out,
        indent,
        place: Position::Start,
    })
}

/// A text as `serde-saphyr` writes it, for documents whose layout is written by hand.
#[must_use]
pub fn scalar(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_scalar(&mut out, text);
    out
}

/// Appends what [`scalar`] makes.
pub(crate) fn push_scalar(out: &mut String, text: &str) {
    push_text(out, text, 0, Position::Start);
}

/// What has no form here.
#[derive(Debug)]
pub struct Unwritable(String);

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// What stands before a value on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Nothing: the value is the document.
    Start,
    /// `key:`
    Key,
    /// `-`
    Dash,
    /// The value is itself the key of a map.
    Name,
}

/// Writes one value.
struct Writer<'o> {
    out: &'o mut String,
    /// The column at which the entries of a map or list would stand.
    indent: usize,
    place: Position,
}

impl<'o> Writer<'o> {
    fn scalar(self, text: fmt::Arguments<'_>) -> Result<(), Unwritable> {
        if matches!(self.place, Position::Key | Position::Dash) {
            self.out.push(' ');
        }
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
        Ok(())
    }

    /// A list behind a key is level with the key.
    fn list(mut self) -> Result<Entries<'o>, Unwritable> {
        if self.place == Position::Key {
            self.indent -= STEP;
        }
        self.map()
    }

    fn map(self) -> Result<Entries<'o>, Unwritable> {
        if self.place == Position::Name {
            return Err(ser::Error::custom("a key is a text"));
        }
        Ok(Entries {
            out: self.out,
            indent: self.indent,
            place: self.place,
            is_empty: true,
        })
    }
}

/// Columns for each level.
const STEP: usize = 2;

/// Writes the entries of a map or list.
struct Entries<'o> {
    out: &'o mut String,
    indent: usize,
    place: Position,
    is_empty: bool,
}

impl Entries<'_> {
    /// Goes to where the next entry starts: behind a dash the first stands on the dash's line.
    fn start(&mut self) {
        match (self.is_empty, self.place) {
            (true, Position::Dash) => self.out.push(' '),
            (is_first, place) => {
                if is_first && place == Position::Key {
                    self.out.push('\n');
                }
                push_spaces(self.out, self.indent);
            }
        }
        self.is_empty = false;
    }

    fn key(&mut self, key: &(impl Serialize + ?Sized)) -> Result<(), Unwritable> {
        self.start();
        key.serialize(Writer {
            indent: 0,
            out: self.out,
            place: Position::Name,
        })?;
        // The end of the line that every value has.
        self.out.pop();
        self.out.push(':');
        Ok(())
    }

    fn value(
        &mut self,
        value: &(impl Serialize + ?Sized),
        place: Position,
    ) -> Result<(), Unwritable> {
        value.serialize(Writer {
            indent: self.indent + STEP,
            out: self.out,
            place,
        })
    }

    fn finish(self, empty: &str) {
        if self.is_empty {
            if self.place != Position::Start {
                self.out.push(' ');
            }
            self.out.push_str(empty);
            self.out.push('\n');
        }
    }
}

pub(crate) fn push_spaces(out: &mut String, count: usize) {
    const SPACES: &str = "                                ";
    let mut left = count;
    while left > 0 {
        let now = left.min(SPACES.len());
        out.push_str(&SPACES[..now]);
        left -= now;
    }
}

fn push_text(out: &mut String, text: &str, indent: usize, place: Position) {
    if matches!(place, Position::Key | Position::Dash) {
        out.push(' ');
    }
    let is_value = place != Position::Name;
    if is_plain_word(text, is_value) || is_plain_size(text) || (is_value && is_plain_block(text)) {
        out.push_str(text);
    } else if is_value {
        out.push_str(&by_library(text, indent, place));
    } else {
        out.push_str(&key_by_library(text));
    }
}

/// Letters first, then letters, digits and what names, images and paths have: no number, date or
/// indicator starts with a letter, so only the words that YAML reads as values must be kept out.
/// A colon is plain inside of a value, not in a key.
fn is_plain_word(text: &str, is_value: bool) -> bool {
    let bytes = text.as_bytes();
    let is_inner = |b: &u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'-' | b'_' | b'.' | b'/')
            || (is_value && matches!(b, b':' | b'@'))
    };
    matches!(bytes.first(), Some(b) if b.is_ascii_alphabetic() || *b == b'/')
        && bytes.iter().all(is_inner)
        && bytes.last() != Some(&b':')
        && (bytes.len() > 5 || !RESERVED.iter().any(|w| w.eq_ignore_ascii_case(text)))
}

/// What YAML 1.1 or 1.2 reads as a truth value, nothing or a number; at most five letters.
const RESERVED: [&str; 11] = [
    "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf",
];

/// `100m`, `512Mi`: digits and a unit that no number has.
fn is_plain_size(text: &str) -> bool {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    digits.len() < text.len() && matches!(digits, "m" | "Ki" | "Mi" | "Gi" | "Ti")
}

/// `10.0.0.0/8`, `2001:db8::/32`: the slash keeps it from being a number, a time or a date.
fn is_plain_block(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.first(), Some(b'0'..=b'9'))
        && matches!(bytes.last(), Some(b'0'..=b'9'))
        && bytes.contains(&b'/')
        && bytes
            .iter()
            .all(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'/'))
}

/// A text with the library's quotes, or as its block, whose lines stand where the place wants them.
fn by_library(text: &str, indent: usize, place: Position) -> String {
    let keys = match place {
        Position::Start | Position::Name => 0,
        Position::Key | Position::Dash => indent / STEP,
    };
    let nested = Nested { text, keys, place };
    let mut written = String::new();
    // A text can always be written.
    let _ = serde_saphyr::to_fmt_writer_with_options(&mut written, &nested, options());
    let last = keys.saturating_sub(1) * STEP;
    // All keys but the last have a line for themselves: `k:`, `  k:`, …
    let outer: usize = (0..keys.saturating_sub(1))
        .map(|n| n * STEP + "k:\n".len())
        .sum();
    let before = match place {
        Position::Start | Position::Name => 0,
        Position::Key => outer + last + "k: ".len(),
        Position::Dash => outer + last + "k:\n".len() + last + "- ".len(),
    };
    let mut value = written.split_off(before);
    value.pop();
    value
}

/// A text below as many keys as in the document that it is for, and behind a dash if it is there.
#[derive(Clone, Copy)]
struct Nested<'t> {
    text: &'t str,
    keys: usize,
    place: Position,
}

impl Serialize for Nested<'_> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(keys) = self.keys.checked_sub(1) {
            serializer.collect_map([("k", Self { keys, ..*self })])
        } else if self.place == Position::Dash {
            serializer.collect_seq([self.text])
        } else {
            serializer.serialize_str(self.text)
        }
    }
}

/// A key with the library's quotes.
fn key_by_library(key: &str) -> String {
    let mut written = String::new();
    let map = std::collections::BTreeMap::from([(key, 1)]);
    // A map of a text and a number can always be written.
    let _ = serde_saphyr::to_fmt_writer_with_options(&mut written, &map, options());
    written.truncate(written.len().saturating_sub(": 1\n".len()));
    written
}

/// How the library writes the same.
#[must_use]
pub fn options() -> serde_saphyr::SerializerOptions {
    serde_saphyr::ser_options! {
        // A folded text would break at other places with every change of its length.
        min_fold_chars: usize::MAX,
        folded_wrap_chars: usize::MAX,
    }
}

impl<'o> ser::Serializer for Writer<'o> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Entries<'o>;
    type SerializeTuple = Entries<'o>;
    type SerializeTupleStruct = Entries<'o>;
    type SerializeTupleVariant = Impossible<(), Unwritable>;
    type SerializeMap = Entries<'o>;
    type SerializeStruct = Entries<'o>;
    type SerializeStructVariant = Impossible<(), Unwritable>;

    fn serialize_bool(self, v: bool) -> Result<(), Unwritable> {
        self.scalar(format_args!("{v}"))
    }
    fn serialize_i8(self, v: i8) -> Result<(), Unwritable> {
        self.serialize_i64(v.into())
    }
    fn serialize_i16(self, v: i16) -> Result<(), Unwritable> {
        self.serialize_i64(v.into())
    }
    fn serialize_i32(self, v: i32) -> Result<(), Unwritable> {
        self.serialize_i64(v.into())
    }
    fn serialize_i64(self, v: i64) -> Result<(), Unwritable> {
        self.scalar(format_args!("{v}"))
    }
    fn serialize_u8(self, v: u8) -> Result<(), Unwritable> {
        self.serialize_u64(v.into())
    }
    fn serialize_u16(self, v: u16) -> Result<(), Unwritable> {
        self.serialize_u64(v.into())
    }
    fn serialize_u32(self, v: u32) -> Result<(), Unwritable> {
        self.serialize_u64(v.into())
    }
    fn serialize_u64(self, v: u64) -> Result<(), Unwritable> {
        self.scalar(format_args!("{v}"))
    }
    fn serialize_f32(self, v: f32) -> Result<(), Unwritable> {
        self.serialize_f64(v.into())
    }
    fn serialize_f64(self, v: f64) -> Result<(), Unwritable> {
        let mut written = String::new();
        // A number can always be written.
        let _ = serde_saphyr::to_fmt_writer_with_options(&mut written, &v, options());
        self.scalar(format_args!("{}", written.trim_end()))
    }
    fn serialize_char(self, v: char) -> Result<(), Unwritable> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, v: &str) -> Result<(), Unwritable> {
        push_text(self.out, v, self.indent, self.place);
        self.out.push('\n');
        Ok(())
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<(), Unwritable> {
        Err(ser::Error::custom("bytes have no form in YAML"))
    }
    fn serialize_none(self) -> Result<(), Unwritable> {
        self.serialize_unit()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Unwritable> {
        self.scalar(format_args!("null"))
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        self.serialize_unit()
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unwritable> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        let mut map = self.map()?;
        map.key(variant)?;
        map.value(value, Position::Key)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Entries<'o>, Unwritable> {
        self.list()
    }
    fn serialize_tuple(self, _: usize) -> Result<Entries<'o>, Unwritable> {
        self.list()
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Entries<'o>, Unwritable> {
        self.list()
    }
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unwritable> {
        Err(ser::Error::custom(format!("{name} has no form in YAML")))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'o>, Unwritable> {
        self.map()
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Entries<'o>, Unwritable> {
        self.map()
    }
    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unwritable> {
        Err(ser::Error::custom(format!("{name} has no form in YAML")))
    }
}

macro_rules! list {
    ($($trait:ident $method:ident;)*) => {$(
        impl ser::$trait for Entries<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.start();
                self.out.push('-');
                self.value(value, Position::Dash)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.finish("[]");
                Ok(())
            }
        }
    )*};
}

list! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
}

impl ser::SerializeStruct for Entries<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.key(key)?;
        self.value(value, Position::Key)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.finish("{}");
        Ok(())
    }
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.value(value, Position::Key)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.finish("{}");
        Ok(())
    }
}
