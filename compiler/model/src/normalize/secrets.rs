//! Values where a secret has only the names of its keys: nothing is made of them but those names, and
//! no fix writes them anywhere.

use erpc_diagnostics::{Diagnostic, Span, codes, listed, nearest};
use erpc_syntax::tree::{Arg, ExprKind, Sign, Statement, StringPart};
use smol_str::SmolStr;

use super::{Normalizer, arg_word, text_expr, word_expr};
use crate::properties::{self, BlockKind};

/// How many values are shown.
const SHOWN: usize = 4;

/// Words behind which other languages have the values in a block.
const BLOCKS: [&str; 3] = ["data", "stringData", "values"];

/// A key with its value.
struct Given {
    key: SmolStr,
    key_span: Span,
    value: Span,
}

impl Normalizer<'_, '_> {
    /// `secret pay { key = "abc" }`, read as `secret pay { keys "key" }`.
    pub(super) fn secret_values(&mut self, secret: &mut Statement) {
        let name = secret.args.get(1).and_then(arg_word).cloned();
        let block = secret.args.iter_mut().find_map(|arg| match arg {
            Arg::Block(block) => Some(block),
            Arg::Expr(_) | Arg::Sign(..) => None,
        });
        let Some(block) = block else {
            return;
        };
        let mut given = Vec::new();
        block.statements.retain(|statement| {
            let found = values(statement);
            let is_kept = found.is_empty();
            given.extend(found);
            is_kept
        });
        let Some(first) = given.first() else {
            return;
        };
        let is_keys = |s: &&mut Statement| s.head().is_some_and(|(head, _)| head == "keys");
        if let Some(keys) = block.statements.iter_mut().find(is_keys) {
            for given in &given {
                keys.args.push(Arg::Sign(Sign::Comma, given.key_span));
                keys.args
                    .push(Arg::Expr(text_expr(&given.key, given.key_span)));
            }
        } else {
            let mut args = vec![Arg::Expr(word_expr("keys", first.key_span))];
            for (at, given) in given.iter().enumerate() {
                if at > 0 {
                    args.push(Arg::Sign(Sign::Comma, given.key_span));
                }
                args.push(Arg::Expr(text_expr(&given.key, given.key_span)));
            }
            block.statements.push(Statement {
                span: first.key_span.to(first.value),
                args,
                leading: Vec::new(),
                trailing: None,
                inner: Vec::new(),
            });
        }
        let mut diagnostic = Diagnostic::new(
            &codes::WRONG_SHAPE,
            "a secret cannot have values in the source, only the names of its keys",
        );
        for given in &given {
            diagnostic = diagnostic.hiding(given.value);
        }
        for (at, given) in given.iter().take(SHOWN).enumerate() {
            let said = format!("the value of `{}`", given.key);
            diagnostic = match at {
                0 => diagnostic.at(given.value, said),
                _ => diagnostic.also(given.value, said),
            };
        }
        let keys: Vec<String> = given.iter().map(|g| format!("\"{}\"", g.key)).collect();
        let values: Vec<String> = given
            .iter()
            .map(|g| format!("--from-literal={}=…", g.key))
            .collect();
        if given.len() > SHOWN {
            let others = given[SHOWN..].iter().map(|g| g.key.as_str());
            diagnostic = diagnostic.help(format!("the others are {}", listed(others, 12)));
        }
        self.out.push(
            diagnostic
                .help(format!("write `keys {}`", keys.join(", ")))
                .help(format!(
                    "whoever runs the platform puts the value into the cluster: `kubectl -n NAMESPACE create secret generic {} {}`",
                    name.as_deref().unwrap_or("NAME"),
                    values.join(" ")
                )),
        );
    }
}

/// The keys to which a statement of a secret gives a value; none where it is another statement.
fn values(statement: &Statement) -> Vec<Given> {
    let (head, rest) = match statement.args.as_slice() {
        [Arg::Expr(head), rest @ ..] => (head, rest),
        _ => return Vec::new(),
    };
    let key = match (&head.kind, head.as_word()) {
        (_, Some(word)) => word.clone(),
        (ExprKind::String(string), None) => match string.parts.as_slice() {
            [StringPart::Text(text)] => text.as_str().into(),
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    let is_word = head.as_word().is_some();
    if is_word && properties::word(&key, BlockKind::Secret).is_some() {
        return Vec::new();
    }
    let value = match rest {
        [Arg::Block(block)] | [Arg::Sign(..), Arg::Block(block)]
            if BLOCKS.contains(&key.as_str()) =>
        {
            return block.statements.iter().flat_map(values).collect();
        }
        [Arg::Sign(Sign::Assign | Sign::Colon, _), Arg::Expr(value)] => value,
        [Arg::Expr(value)] if is_word && matches!(value.kind, ExprKind::String(_)) => {
            // A misspelt word of this place, or a word of another one, is reported as such.
            let is_other = properties::words().any(|word| word.name == key)
                || nearest(&key, properties::words_of(BlockKind::Secret)).is_some();
            if is_other {
                return Vec::new();
            }
            value
        }
        _ => return Vec::new(),
    };
    vec![Given {
        key,
        key_span: head.span,
        value: value.span,
    }]
}
