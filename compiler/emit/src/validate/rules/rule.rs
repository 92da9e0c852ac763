//! The kinds of rules, and how a value is judged by one.

use erpc_model::kubernetes as form;

use crate::validate::{Fault, FaultKind, nearest_word};
use crate::view::{FieldPath, Look, View};

/// What a value of a type must fulfil.
pub(super) enum Rule {
    /// One of these fields, which are called this, is set.
    One(&'static str, &'static [&'static str]),
    /// At most one of all fields but `name` is set, which are called this.
    OneBesideName(&'static str),
    /// These two exclude each other.
    Either(&'static str, &'static str),
    /// The first is set only if the second has one of these values; empty stands for a field that is not set.
    Only(&'static str, &'static str, &'static [&'static str]),
    /// As [`Rule::Only`], of a number that is not set if it is 0.
    OnlyNumber(&'static str, &'static str, &'static [&'static str]),
    /// The first needs the second to be set.
    Needs(&'static str, &'static str),
    /// If the first is not set, the second has this value.
    Unless(&'static str, &'static str, &'static str),
    /// No key is in both maps.
    Apart(&'static str, &'static str),
    /// If the first has this value, the second is set.
    If(&'static str, &'static str, &'static str),
    /// The text, or each element of the list, has a form. An empty one is not set.
    Text(&'static str, &'static str, Form),
    /// The text, or the list, is set and not empty.
    NotEmpty(&'static str),
    /// If one of the texts is given, it is not empty: the server does not take an empty one for a field that is not set.
    NotBlank(&'static [&'static str]),
    /// The text is one of these.
    OneOf(&'static str, &'static [&'static str]),
    /// The keys of a map have a form.
    Keys(&'static str, &'static str, Form),
    /// The values of a map have a form.
    Values(&'static str, &'static str, Form),
    /// The number is from the first to the second.
    Number(&'static str, i64, i64),
    /// The first number is greater than the second; both have a default.
    Greater((&'static str, i64), (&'static str, i64)),
    /// The number, or the percentage, is not negative, and the percentage is at most this.
    Share(&'static str, i64),
    /// One of these two, whose defaults are not 0, is not 0.
    NotBothZero(&'static str, &'static str),
    /// The texts of a list differ, and none is empty.
    Distinct(&'static str),
    /// The texts of a map have at most so many bytes together with their keys.
    Bytes(&'static [&'static str], usize),
}
use Rule::{
    Apart, Bytes, Distinct, Either, Greater, If, Keys, Needs, NotBlank, NotBothZero, NotEmpty,
    Number, One, OneBesideName, OneOf, Only, OnlyNumber, Share, Text, Unless, Values,
};

/// Why a text is refused.
pub(super) type Form = fn(&str) -> Option<String>;

/// The greatest number of a field of 32 bits.
pub(super) const MAX_INT32: i64 = i32::MAX as i64;
/// The greatest number of a user or group.
pub(super) const MAX_ID: i64 = MAX_INT32;
/// The greatest number of days that a time may be behind, in seconds.
pub(super) const MAX_SECONDS: i64 = i64::MAX;
/// The most bytes that the annotations of an object have together (`TotalAnnotationSizeLimitB`).
pub(super) const MAX_ANNOTATIONS: usize = 256 << 10;
/// The most bytes that a ConfigMap or a Secret holds (`MaxSecretSize`).
pub(super) const MAX_DATA: usize = 1 << 20;

impl Rule {
    /// Adds what is wrong with a value by this rule.
    pub(super) fn judge(&self, value: &impl View, path: &FieldPath, faults: &mut Vec<Fault>) {
        match self {
            One(what, names) => one(value, path, what, names, faults),
            OneBesideName(what) => {
                let set = value
                    .fields()
                    .filter(|(name, it)| *name != "name" && it.is_set());
                let names: Vec<&str> = set.map(|(name, _)| name).collect();
                several(path, what, &names, faults);
            }
            Either(one, other) => {
                if is_set(value, one) && is_set(value, other) {
                    let message = format!("`{one}` and `{other}` are mutually exclusive");
                    faults.push(Fault::new(path.field(*one), message).with(path.field(*other)));
                }
            }
            OnlyNumber(name, other, values) => {
                let is_zero = value.field(name).and_then(View::int) == Some(0);
                if !is_zero {
                    Only(name, other, values).judge(value, path, faults);
                }
            }
            Only(name, other, values) => {
                // A field that is not set is an empty text in the lists of what is allowed.
                let found = value
                    .field(other)
                    .and_then(View::scalar)
                    .unwrap_or_default();
                if is_set(value, name) && !values.contains(&found.as_str()) {
                    let values = values.iter().copied().filter(|value| !value.is_empty());
                    let message = format!(
                        "`{name}` is only allowed if `{other}` is {}",
                        erpc_diagnostics::alternatives(values)
                    );
                    faults.push(Fault::new(path.field(*name), message).with(path.field(*other)));
                }
            }
            Needs(name, other) => {
                if is_set(value, name) && !is_set(value, other) {
                    let message = format!("`{name}` requires `{other}`");
                    faults.push(Fault::new(path.field(*name), message));
                }
            }
            Unless(name, other, is) => {
                if !is_set(value, name) && value.field(other).and_then(View::text) != Some(is) {
                    let message = format!("`{other}` must be `{is}` if `{name}` is not set");
                    faults.push(Fault::new(path.clone(), message));
                }
            }
            Apart(one, other) => {
                let of_one = value.field(one);
                for (key, _) in value.field(other).into_iter().flat_map(View::fields) {
                    if of_one.is_some_and(|map| map.field(key).is_some()) {
                        let message = format!("`{one}` has the key `{}` too", key.escape_debug());
                        let at = path.field(*other).field(key);
                        faults.push(Fault::new(at, message).with(path.field(*one).field(key)));
                    }
                }
            }
            If(name, is, other) => {
                if value.field(name).and_then(View::text) == Some(is) && !is_set(value, other) {
                    let message = format!("`{name}` `{is}` requires `{other}`");
                    faults.push(Fault::new(path.field(*name), message));
                }
            }
            NotEmpty(name) => {
                let it = value.field(name);
                let is_empty = it.is_some_and(|it| match it.look() {
                    Look::Text(text) => text.is_empty(),
                    Look::List(items) => items.is_empty(),
                    Look::Null | Look::Bool(_) | Look::Number(_) | Look::Map => false,
                });
                if is_empty || it.is_none_or(|it| matches!(it.look(), Look::Null)) {
                    let message = format!("`{name}` is required and must not be empty");
                    let at = if it.is_some() {
                        path.field(*name)
                    } else {
                        path.clone()
                    };
                    faults.push(Fault::new(at, message));
                }
            }
            NotBlank(names) => {
                for name in *names {
                    if value.field(name).and_then(View::text) == Some("") {
                        let message = format!("`{name}` must not be empty");
                        faults.push(Fault::new(path.field(*name), message));
                    }
                }
            }
            Distinct(name) => {
                let path = path.field(*name);
                let items = value.field(name).map_or(&[][..], View::items);
                let texts: Vec<&str> = items.iter().filter_map(View::text).collect();
                for (place, text) in texts.iter().enumerate() {
                    if text.is_empty() || texts[..place].contains(text) {
                        let message = format!("`{text}` is empty, or stands there twice");
                        faults.push(Fault::new(path.item(place), message));
                    }
                }
            }
            Text(..) | OneOf(..) | Keys(..) | Values(..) => self.texts(value, path, faults),
            Number(..) | Greater(..) | Share(..) | NotBothZero(..) => {
                self.numbers(value, path, faults);
            }
            Bytes(names, most) => {
                let maps = names.iter().filter_map(|name| value.field(name));
                let entries = maps.flat_map(View::fields);
                let bytes: usize = entries
                    .map(|(key, value)| key.len() + value.text().map_or(0, str::len))
                    .sum();
                if bytes > *most {
                    let message = format!("expected at most {most} bytes, found {bytes}");
                    faults.push(Fault::new(path.field(names[0]), message));
                }
            }
        }
    }

    fn texts(&self, value: &impl View, path: &FieldPath, faults: &mut Vec<Fault>) {
        let mut refuse = |kind, path, what: &str, text: &str, why: String| {
            let message = form::invalid(what, text, &why);
            faults.push(Fault::of_kind(kind, path, message));
        };
        const VALUE: FaultKind = FaultKind::Value(None);
        match self {
            Text(name, what, form) => {
                let path = path.field(*name);
                let Some(value) = value.field(name) else {
                    return;
                };
                if let Some(text) = value.text().filter(|text| !text.is_empty())
                    && let Some(why) = form(text)
                {
                    refuse(VALUE, path.clone(), what, text, why);
                }
                for (place, item) in value.items().iter().enumerate() {
                    if let Some(text) = item.text()
                        && let Some(why) = form(text)
                    {
                        refuse(VALUE, path.item(place), what, text, why);
                    }
                }
            }
            OneOf(name, values) => {
                let text = value.field(name).and_then(View::text);
                let Some(text) = text.filter(|text| !text.is_empty() && !values.contains(text))
                else {
                    return;
                };
                let path = path.field(*name);
                let expected = erpc_diagnostics::alternatives(values.iter().copied());
                let message = format!("expected {expected}, found `{}`", text.escape_debug());
                let meant = nearest_word(text, values).map(str::to_owned);
                faults.push(Fault::of_kind(FaultKind::Value(meant), path, message));
            }
            Keys(name, what, form) => {
                let path = path.field(*name);
                for (key, _) in value.field(name).into_iter().flat_map(View::fields) {
                    if let Some(why) = form(key) {
                        refuse(FaultKind::Key, path.field(key), what, key, why);
                    }
                }
            }
            Values(name, what, form) => {
                let path = path.field(*name);
                for (key, value) in value.field(name).into_iter().flat_map(View::fields) {
                    if let Some(text) = value.text()
                        && let Some(why) = form(text)
                    {
                        refuse(VALUE, path.field(key), what, text, why);
                    }
                }
            }
            _ => {}
        }
    }

    fn numbers(&self, value: &impl View, path: &FieldPath, faults: &mut Vec<Fault>) {
        let number = |name| value.field(name).and_then(View::int);
        match self {
            Number(name, least, most) => {
                let items = value.field(name).map_or(&[][..], View::items);
                let mut all = number(name)
                    .into_iter()
                    .chain(items.iter().filter_map(View::int));
                let found = all.find(|found| !(*least..=*most).contains(found));
                if let Some(found) = found.filter(|found| !(*least..=*most).contains(found)) {
                    let expected = if *most >= MAX_INT32 {
                        format!("from {least} on")
                    } else {
                        format!("from {least} to {most}")
                    };
                    let path = path.field(*name);
                    let message = format!("expected a whole number {expected}, found {found}");
                    faults.push(Fault::new(path, message));
                }
            }
            Greater((name, default), (other, other_default)) => {
                let (one, two) = (number(name), number(other));
                let (greater, less) = (one.unwrap_or(*default), two.unwrap_or(*other_default));
                if greater <= less && (one.is_some() || two.is_some()) {
                    let message =
                        format!("`{name}` ({greater}) must be greater than `{other}` ({less})");
                    let (at, with) = if one.is_some() {
                        (name, other)
                    } else {
                        (other, name)
                    };
                    faults.push(Fault::new(path.field(*at), message).with(path.field(*with)));
                }
            }
            Share(name, most) => {
                let Some(value) = value.field(name) else {
                    return;
                };
                let percent = value.text().and_then(|text| text.strip_suffix('%'));
                let percent = percent.and_then(|digits| digits.parse::<i64>().ok());
                let fits = match (value.int(), percent) {
                    (Some(number), _) => number >= 0,
                    (_, Some(percent)) => (0..=*most).contains(&percent),
                    (None, None) => value.text().is_none(),
                };
                if !fits {
                    let path = path.field(*name);
                    let message = format!(
                        "expected a number or a percentage such as `25%`, found `{}`",
                        // A list or a map is a wrong type, and reported as that.
                        value.scalar().unwrap_or_default()
                    );
                    faults.push(Fault::new(path, message));
                }
            }
            NotBothZero(one, other) => {
                let is_zero = |name| {
                    let value = value.field(name).and_then(View::scalar);
                    value.is_some_and(|value| matches!(value.as_str(), "0" | "0%"))
                };
                if is_zero(one) && is_zero(other) {
                    let message = format!("`{one}` and `{other}` cannot both be 0");
                    faults.push(Fault::new(path.field(*one), message).with(path.field(*other)));
                }
            }
            _ => {}
        }
    }
}

fn is_set(value: &impl View, name: &str) -> bool {
    value.field(name).is_some_and(View::is_set)
}

/// One of the fields, and no other, is set.
fn one(
    value: &impl View,
    path: &FieldPath,
    what: &str,
    names: &[&'static str],
    faults: &mut Vec<Fault>,
) {
    let set = names.iter().copied().filter(|name| is_set(value, name));
    let set: Vec<&str> = set.collect();
    if set.is_empty() {
        let names = erpc_diagnostics::alternatives(names.iter().copied());
        let message = format!("expected a {what}: {names}");
        faults.push(Fault::new(path.clone(), message));
    }
    several(path, what, &set, faults);
}

fn several(path: &FieldPath, what: &str, set: &[&str], faults: &mut Vec<Fault>) {
    if let [first, second, ..] = set {
        let message =
            format!("`{first}` and `{second}` are mutually exclusive: only one {what} is allowed");
        faults.push(Fault::new(path.field(*second), message).with(path.field(*first)));
    }
}
