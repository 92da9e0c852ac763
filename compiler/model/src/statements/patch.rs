//! `patch KIND [NAME] { path = VALUE }`: fields of emitted objects that the language has no statement for.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Arg, ExprKind, SegmentKind, Sign, Statement};
use smol_str::SmolStr;

use super::{Keyed, Reader};
use crate::eval;
use crate::fact::{Fact, Plain};
use crate::origin::Sourced;
use crate::shown::{Names, Shown};
use crate::value::Value;

/// `patch KIND [NAME] { path = value }`: a structural patch on emitted objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// The kind in lower case: `deployment`.
    pub kind: Sourced<SmolStr>,
    /// The name of the only object that is changed; `None` for all objects of the kind.
    pub name: Option<Sourced<SmolStr>>,
    /// What is set.
    pub fields: Vec<PatchField>,
}

/// One field of a patch.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchField {
    /// Names of fields from the object's root.
    pub path: Vec<SmolStr>,
    /// Where the path stands.
    pub path_span: Span,
    /// What it becomes; `None` removes it.
    pub value: Sourced<Option<PatchValue>>,
}

/// A value of a patch.
#[derive(Clone, Debug, PartialEq)]
pub enum PatchValue {
    /// `true`
    Bool(bool),
    /// `7`
    Int(i64),
    /// `"x"`, and quantities as Kubernetes writes them.
    Text(String),
    /// `[a, b]`
    List(Vec<PatchValue>),
}

impl Patch {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let kind = reader.name("the kind of object, such as `deployment`")?;
        let mut name = None;
        let block = match reader.block() {
            Some(block) => block,
            None => {
                if !reader.is_empty() {
                    let object = reader.name("`{ path = VALUE }`, or the name of an object")?;
                    name = Some(reader.sourced(object.text, object.span));
                }
                reader.need_block("`{ path = VALUE }`")?
            }
        };
        reader.finish();
        let fields = block.statements.iter();
        let fields = fields.filter_map(|statement| PatchField::read(statement, reader));
        let fields = fields.collect();
        Some(Self {
            kind: reader.sourced(kind.text, kind.span),
            name,
            fields,
        })
    }
}

impl PatchField {
    fn read<'a>(statement: &'a Statement, reader: &mut Reader<'_, 'a>) -> Option<Self> {
        let (path, expr) = reader.line(statement, "spec.field = VALUE", |line| {
            let path = line.expr("a field's path")?;
            if !line.sign(Sign::Assign) {
                if !report_index(statement, line) {
                    line.expected("`=`");
                }
                return None;
            }
            Some((path, line.last("the field's value")?))
        })?;
        let path_span = path.span;
        let segments = match &path.kind {
            ExprKind::Path(path) if path.port.is_none() => path.segments.as_slice(),
            _ => &[],
        };
        let name = |kind: &SegmentKind| match kind {
            SegmentKind::Name(name) | SegmentKind::Quoted(name) => Some(name.clone()),
            SegmentKind::Star => None,
        };
        let names: Option<Vec<SmolStr>> = segments.iter().map(|part| name(&part.kind)).collect();
        let Some(path) = names.filter(|names| !names.is_empty()) else {
            let message = "a field's path is names with dots between them";
            return reader.refuse(
                Diagnostic::new(&codes::WRONG_SHAPE, message).at(statement.span, "not a path"),
            );
        };
        let value = if expr.as_word().is_some_and(|word| word == "off") {
            None
        } else {
            Some(
                reader
                    .get(expr, |it, expr, scope| it.raw(expr, scope, None))
                    .and_then(patch_value)?,
            )
        };
        Some(Self {
            path,
            path_span,
            value: reader.sourced(value, expr.span),
        })
    }
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
fn patch_value(value: Value) -> Option<PatchValue> {
    Some(match value {
        Value::Bool(b) => PatchValue::Bool(b),
        Value::Int(n) => PatchValue::Int(n),
        Value::Port(port, _) => PatchValue::Int(port.into()),
        Value::Number(ref number) if number.suffix.is_empty() && !number.digits.contains('.') => {
            PatchValue::Int(number.digits.parse().ok()?)
        }
        Value::List(items) => {
            PatchValue::List(items.into_iter().map(patch_value).collect::<Option<_>>()?)
        }
        Value::Unknown => return None,
        other => PatchValue::Text(eval::show(&other)),
    })
}

impl Shown for PatchValue {
    fn show(&self, names: &dyn Names) -> String {
        self.plain(names).to_string()
    }

    fn plain(&self, names: &dyn Names) -> Plain {
        match self {
            Self::Bool(value) => Plain::Bool(*value),
            Self::Int(value) => {
                u64::try_from(*value).map_or_else(|_| Plain::Text(value.to_string()), Plain::Number)
            }
            Self::Text(text) => Plain::Text(text.clone()),
            Self::List(items) => items.plain(names),
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
        let fields = self.fields.iter().map(|field| {
            let value = field.value.value.plain(names);
            Fact::new(field.path.join("."), value, field.value.origin)
        });
        Fact {
            origin: Some(self.kind.origin),
            ..Fact::group(&key, fields.collect())
        }
    }
}
