//! `patch KIND [NAME] { path = VALUE }`: fields of emitted objects that the language has no statement for. In place of
//! a block there may be a strategic merge patch as YAML, in the source or in a file (`patch/merge.rs`).

mod merge;

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Arg, Block, Expr, ExprKind, SegmentKind, Sign, Statement};
use smol_str::SmolStr;

use super::{Keyed, Reader};
use crate::args::plain_text;
use crate::eval;
use crate::fact::{Fact, Plain};
use crate::origin::Sourced;
use crate::shown::{Names, Shown};
use crate::value::Value;

/// A structural patch on emitted objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// The kind in lower case: `deployment`.
    pub kind: Sourced<SmolStr>,
    /// The name of the only object that is changed; `None` for all objects of the kind.
    pub name: Option<Sourced<SmolStr>>,
    /// What is set, in this order.
    pub fields: Vec<PatchField>,
    /// The strategic merge patch, if it is one: a map.
    pub merge: Option<Sourced<PatchValue>>,
}

/// One field of a patch.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchField {
    /// Names of fields from the object's root. In a list, the number of an element, its merge key, or `+` behind the
    /// last.
    pub path: Vec<SmolStr>,
    /// Where the path stands.
    pub path_span: Span,
    /// What it becomes; `None` removes it.
    pub value: Sourced<Option<PatchValue>>,
}

/// A value of a patch.
#[derive(Clone, Debug, PartialEq)]
pub enum PatchValue {
    /// `null`, which only YAML has: it removes a field.
    Null,
    /// `true`
    Bool(bool),
    /// `7`
    Int(i64),
    /// `0.5`, which only YAML has.
    Float(f64),
    /// `"x"`, and quantities as Kubernetes writes them.
    Text(String),
    /// `[a, b]`
    List(Vec<Sourced<PatchValue>>),
    /// `{ a = b }`, whose names are different.
    Map(Vec<(SmolStr, Sourced<PatchValue>)>),
}

const FORMS: &str =
    "`{ path = VALUE }`, a strategic merge patch in quotes, or `from \"file.yaml\"`";

impl Patch {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let kind = reader.name("the kind of object, such as `deployment`")?;
        let is_form = |reader: &Reader<'_, '_>| {
            reader.peek_block() || reader.is_last_text() || reader.peek_word("from")
        };
        let mut name = None;
        if !reader.is_empty() && !is_form(reader) {
            let object = reader.object_name(&format!("{FORMS}, or the name of an object"))?;
            name = Some(reader.sourced(object.text, object.span));
        }
        let (mut fields, mut merge) = (Vec::new(), None);
        if let Some(block) = reader.block() {
            reader.finish();
            fields_of(block, reader, &mut fields);
        } else if reader.word("from") {
            merge = Some(merge::from_file(reader)?);
        } else if reader.is_last_text() {
            merge = Some(merge::from_text(reader)?);
        } else {
            reader.expected(FORMS);
            return None;
        }
        Some(Self {
            kind: reader.sourced(kind.text, kind.span),
            name,
            fields,
            merge,
        })
    }
}

/// The fields that a block sets, those of the blocks in it included.
fn fields_of<'a>(block: &'a Block, reader: &mut Reader<'_, 'a>, into: &mut Vec<PatchField>) {
    for statement in &block.statements {
        // A statement that cannot be read has been reported, and hides no other.
        let _: Option<()> = reader.line(statement, "spec.field = VALUE", |line| {
            field_of(statement, line, into)
        });
    }
}

/// Reads `path = VALUE`, `path = { … }`, which replaces a map, and `path { … }`, which sets fields of one; several on
/// a line with commas between them.
fn field_of<'a>(
    statement: &'a Statement,
    line: &mut Reader<'_, 'a>,
    into: &mut Vec<PatchField>,
) -> Option<()> {
    loop {
        let expr = line.expr("a field's path")?;
        let path = path_of(expr, line)?;
        let path_span = expr.span;
        if let Some(block) = line.block() {
            let first = into.len();
            fields_of(block, line, into);
            for field in &mut into[first..] {
                field.path.splice(..0, path.iter().cloned());
            }
        } else {
            if !line.sign(Sign::Assign) {
                if !report_index(statement, line) {
                    line.expected("`=`");
                }
                return None;
            }
            let value = match line.block() {
                Some(block) => {
                    let map = map_of(block, line)?;
                    line.sourced(Some(map), block.span)
                }
                None => value_of(line)?,
            };
            into.push(PatchField {
                path,
                path_span,
                value,
            });
        }
        if !line.comma() {
            line.finish();
            return Some(());
        }
    }
}

/// A value behind `=`; `off` removes the field.
fn value_of(line: &mut Reader<'_, '_>) -> Option<Sourced<Option<PatchValue>>> {
    let expr = line.expr("the field's value")?;
    if expr.as_word().is_some_and(|word| word == "off") {
        return Some(line.sourced(None, expr.span));
    }
    let value = of_expr(expr, line)?;
    Some(line.sourced(Some(value), expr.span))
}

fn of_expr<'a>(expr: &'a Expr, reader: &mut Reader<'_, 'a>) -> Option<PatchValue> {
    match &expr.kind {
        ExprKind::Block(block) => map_of(block, reader),
        ExprKind::List(items) if items.iter().any(has_block) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                let value = of_expr(item, reader)?;
                list.push(reader.sourced(value, item.span));
            }
            Some(PatchValue::List(list))
        }
        _ => {
            let value = reader.get(expr, |it, expr, scope| it.raw(expr, scope, None))?;
            of_value(value, &|value| reader.sourced(value, expr.span))
        }
    }
}

/// Whether a list has a map among its elements, or in a list among them.
fn has_block(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Block(_) => true,
        ExprKind::List(items) => items.iter().any(has_block),
        _ => false,
    }
}

/// A block as a map. A path of several names stands for maps in it.
fn map_of<'a>(block: &'a Block, reader: &mut Reader<'_, 'a>) -> Option<PatchValue> {
    let mut fields = Vec::new();
    fields_of(block, reader, &mut fields);
    let mut map = Vec::new();
    for field in fields {
        let Some(value) = field.value.value else {
            return reader.refuse(
                Diagnostic::new(
                    &codes::WRONG_SHAPE,
                    "a new map has no field to remove",
                )
                .at(field.value.origin.span, "removes a field")
                .help("leave the field out; `path { … }` without `=` changes the fields of a map that exists"),
            );
        };
        let value = reader.sourced(value, field.value.origin.span);
        if let Err(name) = insert(&mut map, &field.path, value) {
            return reader.refuse(
                Diagnostic::new(&codes::WRONG_SHAPE, format!("`{name}` is set twice"))
                    .at(field.path_span, "set before"),
            );
        }
    }
    Some(PatchValue::Map(map))
}

/// Sets the value at the end of a path; the name that is set already otherwise.
fn insert(
    map: &mut Vec<(SmolStr, Sourced<PatchValue>)>,
    path: &[SmolStr],
    value: Sourced<PatchValue>,
) -> Result<(), SmolStr> {
    let Some((name, rest)) = path.split_first() else {
        return Ok(());
    };
    let known = map.iter().position(|(known, _)| known == name);
    match (known, rest.is_empty()) {
        (Some(_), true) => Err(name.clone()),
        (Some(at), false) => match &mut map[at].1.value {
            PatchValue::Map(inner) => insert(inner, rest, value),
            _ => Err(name.clone()),
        },
        (None, true) => {
            map.push((name.clone(), value));
            Ok(())
        }
        (None, false) => {
            let mut inner = Vec::new();
            let origin = value.origin;
            insert(&mut inner, rest, value)?;
            let value = PatchValue::Map(inner);
            map.push((name.clone(), Sourced { value, origin }));
            Ok(())
        }
    }
}

/// The names of a path. A quoted key may stand alone in a map.
fn path_of(expr: &Expr, reader: &mut Reader<'_, '_>) -> Option<Vec<SmolStr>> {
    let segments = match &expr.kind {
        ExprKind::Path(path) if path.port.is_none() => path.segments.as_slice(),
        _ => &[],
    };
    let name = |kind: &SegmentKind| match kind {
        SegmentKind::Name(name) | SegmentKind::Quoted(name) => Some(name.clone()),
        SegmentKind::Star => None,
    };
    let names: Option<Vec<SmolStr>> = match plain_text(expr) {
        Some(key) => Some(vec![key.into()]),
        None => segments.iter().map(|part| name(&part.kind)).collect(),
    };
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        let message = "a field's path is names with dots between them";
        return reader
            .refuse(Diagnostic::new(&codes::WRONG_SHAPE, message).at(expr.span, "not a path"));
    };
    Some(names)
}

/// Reports `containers[0].image`, whose path has a number in brackets.
fn report_index(statement: &Statement, reader: &mut Reader<'_, '_>) -> bool {
    let [Arg::Expr(list), Arg::Expr(index), ..] = statement.args.as_slice() else {
        return false;
    };
    let written = reader.written(index.span);
    if list.span.end != index.span.start || !written.starts_with('[') {
        return false;
    }
    let quoted = written
        .split('[')
        .skip(1)
        .map(|part| match part.split_once(']') {
            Some((index, rest)) => format!(".\"{}\"{rest}", index.trim_matches('"')),
            None => part.to_owned(),
        });
    let quoted: String = quoted.collect();
    let name = reader.written(list.span);
    let name = name.rsplit('.').next().unwrap_or(name);
    reader.report(
        Diagnostic::new(
            &codes::WRONG_SHAPE,
            "an element of a list is named by its number in quotes",
        )
        .at(index.span, "brackets in a path")
        .help(format!("write `{name}{quoted}`"))
        .fix("quote the number", index.span, quoted),
    );
    true
}

/// A value of the language as one of an object: quantities as Kubernetes writes them.
fn of_value(
    value: Value,
    sourced: &impl Fn(PatchValue) -> Sourced<PatchValue>,
) -> Option<PatchValue> {
    Some(match value {
        Value::Bool(b) => PatchValue::Bool(b),
        Value::Int(n) => PatchValue::Int(n),
        Value::Port(port, _) => PatchValue::Int(port.into()),
        Value::Number(ref number) if number.suffix.is_empty() && !number.digits.contains('.') => {
            PatchValue::Int(number.digits.parse().ok()?)
        }
        Value::List(items) => {
            let items = items.into_iter();
            let items = items.map(|item| Some(sourced(of_value(item, sourced)?)));
            PatchValue::List(items.collect::<Option<_>>()?)
        }
        Value::Unknown => return None,
        other => PatchValue::Text(eval::show(&other)),
    })
}

impl PatchValue {
    /// The values right inside it.
    pub fn parts(&self) -> impl Iterator<Item = &Sourced<Self>> {
        let (list, map): (&[_], &[(SmolStr, _)]) = match self {
            Self::List(items) => (items, &[]),
            Self::Map(entries) => (&[], entries),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) => {
                (&[], &[])
            }
        };
        list.iter().chain(map.iter().map(|(_, value)| value))
    }

    /// The value of a name in a map.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Sourced<Self>> {
        let Self::Map(entries) = self else {
            return None;
        };
        let mut entries = entries.iter();
        entries
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Its text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Rows of what it sets below a path.
    fn facts(value: &Sourced<Self>, path: &str, names: &dyn Names, into: &mut Vec<Fact>) {
        let below = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        match &value.value {
            Self::Map(entries) if !entries.is_empty() => {
                for (name, value) in entries {
                    Self::facts(value, &below(name), names, into);
                }
            }
            Self::List(items) if items.iter().any(|item| matches!(item.value, Self::Map(_))) => {
                for (place, item) in items.iter().enumerate() {
                    Self::facts(item, &below(&place.to_string()), names, into);
                }
            }
            set => into.push(Fact::new(path, set.plain(names), value.origin)),
        }
    }
}

impl Shown for PatchValue {
    fn show(&self, names: &dyn Names) -> String {
        self.plain(names).to_string()
    }

    fn plain(&self, names: &dyn Names) -> Plain {
        match self {
            Self::Null => Plain::Text("off".to_owned()),
            Self::Bool(value) => Plain::Bool(*value),
            Self::Int(value) => {
                u64::try_from(*value).map_or_else(|_| Plain::Text(value.to_string()), Plain::Number)
            }
            Self::Float(value) => Plain::Text(value.to_string()),
            Self::Text(text) => Plain::Text(text.clone()),
            Self::List(items) => {
                Plain::List(items.iter().map(|item| item.value.plain(names)).collect())
            }
            Self::Map(entries) => {
                let entries = entries.iter();
                let entry = |(name, value): &(SmolStr, Sourced<Self>)| {
                    format!("{name} = {}", value.value.show(names))
                };
                let entries: Vec<String> = entries.map(entry).collect();
                Plain::Text(format!("{{ {} }}", entries.join("; ")))
            }
        }
    }
}

impl Keyed for Patch {
    fn key(&self, _: usize, _: &dyn Names) -> String {
        match &self.name {
            Some(name) => format!("{} {}", self.kind.value, name.value),
            None => self.kind.value.to_string(),
        }
    }

    fn fact(&self, key: String, names: &dyn Names) -> Fact {
        let mut rows = Vec::new();
        for field in &self.fields {
            let path = field.path.join(".");
            match &field.value.value {
                Some(value) => {
                    let value = Sourced {
                        value: value.clone(),
                        origin: field.value.origin,
                    };
                    PatchValue::facts(&value, &path, names, &mut rows);
                }
                None => {
                    let removed = field.value.value.plain(names);
                    rows.push(Fact::new(path, removed, field.value.origin));
                }
            }
        }
        if let Some(merge) = &self.merge {
            PatchValue::facts(merge, "", names, &mut rows);
        }
        Fact {
            origin: Some(self.kind.origin),
            ..Fact::group(&key, rows)
        }
    }
}
