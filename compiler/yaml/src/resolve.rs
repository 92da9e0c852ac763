//! What the scalars of a document are, and its tree as JSON, the way `sigs.k8s.io/yaml` turns YAML
//! into JSON for kubectl: YAML 1.1 (`yes` is true, `010` is 8), merge keys, the last of two equal keys.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::compose::{Composed, Id, Kind, MAX_DEPTH, Tree, too_deep};
use super::tree::Entries;
use super::{Broken, Node};

/// How many values a document may have once its aliases are replaced by what they stand for.
const MAX_VALUES: usize = 2_000_000;
/// How many bytes of text count as one value.
const TEXT_OF_A_VALUE: usize = 64;

type Done<T> = Result<T, Broken>;

/// The value of a document, and the keys that it has twice.
pub(super) fn resolve(composed: &Composed) -> Done<(Node, Vec<Broken>)> {
    let Some(root) = composed.root else {
        return Ok((Node::Null, Vec::new()));
    };
    let mut resolver = Resolver {
        trees: &composed.trees,
        within: Vec::new(),
        depth: 0,
        values: 0,
        twice: Vec::new(),
    };
    let node = resolver.value(root)?;
    if has_no_json(&node) {
        let message = "`.inf` and `.nan` are not numbers in JSON: quote the value";
        return Err(broken(&composed.trees[root], message));
    }
    Ok((node, resolver.twice))
}

struct Resolver<'c> {
    trees: &'c [Tree],
    /// The aliases that are being replaced.
    within: Vec<Id>,
    /// How deep the value is that is being read: an alias may lead to one that is deep itself.
    depth: usize,
    values: usize,
    twice: Vec<Broken>,
}

impl Resolver<'_> {
    fn value(&mut self, id: Id) -> Done<Node> {
        self.count(id)?;
        let tree = &self.trees[id];
        match &tree.kind {
            Kind::Scalar { .. } => self.scalar(tree),
            Kind::List(items) => self.deeper(id, |resolver| {
                let items = items.iter().map(|item| resolver.value(*item));
                items.collect::<Done<Vec<Node>>>().map(Node::List)
            }),
            Kind::Map(_) => {
                let mut entries = Entries::default();
                self.map_into(id, &mut entries)?;
                Ok(entries.into())
            }
            Kind::Alias(target) => {
                self.within_alias(*target, tree, |resolver| resolver.value(*target))
            }
        }
    }

    /// Counts a value or a merge, each time that an alias leads to it; a long text counts as several.
    fn count(&mut self, id: Id) -> Done<()> {
        let tree = &self.trees[id];
        self.values += match &tree.kind {
            Kind::Scalar { value, .. } => 1 + value.len() / TEXT_OF_A_VALUE,
            Kind::List(_) | Kind::Map(_) | Kind::Alias(_) => 1,
        };
        if self.values > MAX_VALUES {
            let message =
                "the document has more than 2,000,000 values, those of its aliases included";
            return Err(broken(tree, message));
        }
        Ok(())
    }

    /// Reads a collection, one level deeper than the one that contains it or an alias to it.
    fn deeper<T>(&mut self, id: Id, read: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        if self.depth == MAX_DEPTH {
            return Err(broken(&self.trees[id], &too_deep()));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn within_alias<T>(
        &mut self,
        target: Id,
        tree: &Tree,
        read: impl FnOnce(&mut Self) -> Done<T>,
    ) -> Done<T> {
        if self.within.contains(&target) {
            return Err(broken(
                tree,
                "the value of this anchor contains an alias to itself",
            ));
        }
        self.within.push(target);
        let read = read(self);
        self.within.pop();
        read
    }

    /// Adds the entries of a mapping to another; a merge key overrides what stands before it, and is
    /// overridden by what stands behind it.
    fn map_into(&mut self, id: Id, into: &mut Entries) -> Done<()> {
        let Kind::Map(entries) = &self.trees[id].kind else {
            return Err(broken(
                &self.trees[id],
                "a merge key (`<<`) needs a mapping or a list of mappings",
            ));
        };
        self.deeper(id, |resolver| resolver.entries_into(entries, into))
    }

    fn entries_into(&mut self, entries: &[(Id, Id)], into: &mut Entries) -> Done<()> {
        let mut own = FxHashSet::default();
        for (key, value) in entries {
            if self.is_merge(*key) {
                self.merge(*value, into)?;
                continue;
            }
            let name = self.key(*key)?;
            let value = self.value(*value)?;
            if !own.insert(name.clone()) {
                let message =
                    format!("`{name}` is set twice in this mapping: kubectl takes the last");
                self.twice.push(broken(&self.trees[*key], &message));
            }
            into.set(name, value);
        }
        Ok(())
    }

    fn is_merge(&self, id: Id) -> bool {
        let tree = &self.trees[id];
        matches!(&tree.kind, Kind::Scalar { value, is_implicit } if value == "<<"
            && (*is_implicit || tree.tag.as_deref() == Some("tag:yaml.org,2002:merge")))
    }

    fn merge(&mut self, id: Id, into: &mut Entries) -> Done<()> {
        match &self.trees[id].kind {
            // The first of several wins, so it is merged last.
            Kind::List(items) => items
                .iter()
                .rev()
                .try_for_each(|item| self.merge_one(*item, into)),
            Kind::Map(_) | Kind::Alias(_) | Kind::Scalar { .. } => self.merge_one(id, into),
        }
    }

    fn merge_one(&mut self, id: Id, into: &mut Entries) -> Done<()> {
        self.count(id)?;
        let tree = &self.trees[id];
        match tree.kind {
            Kind::Alias(target) => {
                self.within_alias(target, tree, |resolver| resolver.map_into(target, into))
            }
            Kind::Map(_) | Kind::List(_) | Kind::Scalar { .. } => self.map_into(id, into),
        }
    }

    /// A key as JSON has it.
    fn key(&mut self, id: Id) -> Done<SmolStr> {
        let value = self.value(id)?;
        match value {
            Node::Text(text) => Ok(text),
            Node::Int(number) => Ok(smol_str::format_smolstr!("{number}")),
            Node::Float(_) if self.is_unsigned(id) => {
                let message = "a key cannot be an integer above 9223372036854775807: quote it";
                Err(broken(&self.trees[id], message))
            }
            Node::Float(number) => Ok(float_key(number).into()),
            Node::Bool(value) => Ok(SmolStr::new_static(if value { "true" } else { "false" })),
            Node::Null | Node::List(_) | Node::Map(_) => {
                let message = format!("a key must be text, found {}", value.what());
                Err(broken(&self.trees[id], &message))
            }
        }
    }

    /// Whether a number is an integer of 64 bits without a sign, which go-yaml has as another type.
    fn is_unsigned(&self, id: Id) -> bool {
        match &self.trees[id].kind {
            Kind::Scalar { value, .. } => integer(&value.replace('_', "")).is_some(),
            Kind::Alias(target) => self.is_unsigned(*target),
            Kind::List(_) | Kind::Map(_) => false,
        }
    }

    fn scalar(&self, tree: &Tree) -> Done<Node> {
        let Kind::Scalar { value, is_implicit } = &tree.kind else {
            return Ok(Node::Null);
        };
        let text = || Ok(Node::Text(SmolStr::new(value)));
        let Some(tag) = &tree.tag else {
            if !is_implicit {
                return text();
            }
            return Ok(plain(value));
        };
        // `!` is the tag of what is no more than its text says; go-yaml does not resolve it, nor any
        // other that it does not know.
        let short = tag.strip_prefix("tag:yaml.org,2002:").unwrap_or("");
        let resolved = plain(value);
        let is_right = match (short, &resolved) {
            ("str", _) => return text(),
            ("timestamp", _) if is_timestamp(value) => return text(),
            ("timestamp", _) => false,
            ("float", Node::Int(number)) => {
                #[allow(clippy::cast_precision_loss, reason = "as in go-yaml")]
                return Ok(Node::Float(*number as f64));
            }
            ("bool", Node::Bool(_))
            | ("int", Node::Int(_))
            | ("float", Node::Float(_))
            | ("null", Node::Null) => true,
            ("bool" | "int" | "float" | "null", _) => false,
            ("binary", _) => {
                let base64 = value.replace(['\r', '\n'], "");
                return match STANDARD.decode(base64) {
                    Ok(bytes) => Ok(Node::Text(String::from_utf8_lossy(&bytes).into())),
                    Err(_) => Err(broken(tree, "this value is not Base64")),
                };
            }
            _ => return text(),
        };
        if is_right {
            Ok(resolved)
        } else {
            Err(broken(tree, &format!("this value is not a `!!{short}`")))
        }
    }
}

/// JSON has no infinite numbers.
fn has_no_json(node: &Node) -> bool {
    match node {
        Node::Float(number) => !number.is_finite(),
        Node::List(items) => items.iter().any(has_no_json),
        Node::Map(entries) => entries.iter().any(|(_, value)| has_no_json(value)),
        Node::Null | Node::Bool(_) | Node::Int(_) | Node::Text(_) => false,
    }
}

fn broken(tree: &Tree, message: &str) -> Broken {
    Broken {
        line: tree.line,
        message: message.to_owned(),
    }
}

/// What a plain scalar is.
fn plain(text: &str) -> Node {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Node::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Node::Bool(false);
        }
        "" | "~" | "null" | "Null" | "NULL" => return Node::Null,
        ".nan" | ".NaN" | ".NAN" => return Node::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Node::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Node::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => float(text),
        Some(b'+' | b'-' | b'0'..=b'9') => {
            let without = text.replace('_', "");
            integer(&without).or_else(|| is_float(&without).then(|| float(&without)).flatten())
        }
        _ => None,
    };
    number.unwrap_or_else(|| Node::Text(SmolStr::new(text)))
}

/// An integer as Go reads it with base 0: a prefix, or a leading zero, names its base.
fn integer(text: &str) -> Option<Node> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let prefix = digits.get(..2).map(str::to_ascii_lowercase);
    let (base, digits) = match prefix.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_digit(base)) {
        return None;
    }
    let number = i128::from_str_radix(digits, base).ok()? * sign;
    match i64::try_from(number) {
        Ok(number) => Some(Node::Int(number)),
        // A number without a sign may be one of 64 bits; no field of Kubernetes holds it.
        Err(_) if u64::try_from(number).is_ok() && !text.starts_with(['+', '-']) =>
        {
            #[allow(clippy::cast_precision_loss, reason = "as in JSON")]
            Some(Node::Float(number as f64))
        }
        Err(_) => None,
    }
}

/// A date, or a date and a time, as go-yaml reads them: `2001-1-2`, `2001-1-2 15:4:5.9`, `2001-1-2T15:4:5Z`.
fn is_timestamp(text: &str) -> bool {
    let numbers = |text: &str, sign: char, most: [u32; 3]| {
        let parts: Vec<&str> = text.split(sign).collect();
        parts.len() == 3
            && parts.iter().zip(most).all(|(part, most)| {
                let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                is_number && part.parse().is_ok_and(|number: u32| number <= most)
            })
    };
    let is_date = |date: &str| date.find('-') == Some(4) && numbers(date, '-', [9999, 12, 31]);
    let Some((date, time)) = text.split_once([' ', 'T', 't']) else {
        return is_date(text);
    };
    let (time, zone) = time.split_at(time.find(['Z', '+', '-']).unwrap_or(time.len()));
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    let has_zone = !text.contains(' ');
    is_date(date) && numbers(time, ':', [23, 59, 59]) && has_zone != zone.is_empty()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => {
            let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            (number, Some(exponent))
        }
        None => (text, None),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = |text: &str| !text.is_empty() && are_digits(text);
    let is_number = match number.split_once('.') {
        Some(("", fraction)) => has_digits(fraction),
        Some((whole, fraction)) => has_digits(whole) && are_digits(fraction),
        None => has_digits(number),
    };
    is_number && exponent.is_none_or(has_digits)
}

fn float(text: &str) -> Option<Node> {
    let number: f64 = text.parse().ok()?;
    number.is_finite().then_some(Node::Float(number))
}

/// A number as a key: six digits before it is written with an exponent, as Go does it.
fn float_key(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "Go writes keys with 32 bits"
    )]
    let number = number as f32;
    if number.is_infinite() {
        let text = if number > 0.0 { ".inf" } else { "-.inf" };
        return text.to_owned();
    }
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(power) if !(-4..6).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", power.unsigned_abs())
        }
        Ok(_) | Err(_) => number.to_string(),
    }
}
