//! `labels KEY = "value", …` and `annotations KEY = "value", …`.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Expr, Sign};
use smol_str::SmolStr;

use super::Reader;
use crate::args::plain_text;
use crate::eval::Evaluator;
use crate::kubernetes;
use crate::origin::Sourced;

/// Labels or annotations in the order of the source.
pub(crate) type Pairs = Vec<(SmolStr, Sourced<String>)>;

/// `KEY = "value", …`, both as Kubernetes takes them in labels.
pub(super) fn labels(reader: &mut Reader<'_, '_>) -> Option<Pairs> {
    pairs(reader, "label", |reader, value, expr| {
        let rule = kubernetes::not_a_value;
        reader.check_text("label value", &value.value, expr.span, rule);
    })
}

/// `KEY = "value", …`, where a value is any text.
pub(super) fn annotations(reader: &mut Reader<'_, '_>) -> Option<Pairs> {
    pairs(reader, "annotation", |_, _, _| {})
}

fn pairs<'a>(
    reader: &mut Reader<'_, 'a>,
    what: &str,
    check: fn(&mut Reader<'_, 'a>, &Sourced<String>, &Expr),
) -> Option<Pairs> {
    let mut keys: Vec<(&str, Span)> = Vec::new();
    let pairs = reader.list(|reader| {
        let key = reader.expr(&format!("the {what}'s key"))?;
        reader.need_sign(Sign::Assign, "`=`")?;
        let expr: &Expr = reader.expr(&format!("the {what}'s value"))?;
        let value = reader.value(expr, Evaluator::text)?;
        let name = plain_text(key).unwrap_or_else(|| reader.written(key.span));
        let rule = kubernetes::not_a_key;
        reader.check_text(&format!("{what} key"), name, key.span, rule);
        check(reader, &value, expr);
        if let Some((_, first)) = keys.iter().find(|(known, _)| *known == name) {
            let message = format!("the {what} `{name}` is set twice");
            return reader.refuse(
                Diagnostic::new(&codes::REPEATED_PROPERTY, message)
                    .at(key.span, "again")
                    .also(*first, "the first"),
            );
        }
        keys.push((name, key.span));
        Some((name.into(), value))
    });
    reader.finish();
    Some(pairs)
}
