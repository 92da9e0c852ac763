//! Statements that are written otherwise than the language has it, where it is certain what they mean:
//! misspelt words, words and signs of other languages, values without quotes. Each is reported once,
//! with the edit that removes it, and the tree is changed as if the edit had been made, so that nothing
//! else in the program is reported because of it.

mod between;
mod foreign;
mod lines;
mod secrets;
mod signs;
mod words;

use erpc_diagnostics::{Diagnostic, Diagnostics, Edit, FileId, Span};
use erpc_syntax::tree::{
    Arg, Block, Broken, Expr, ExprKind, File, Path, Segment, SegmentKind, Sign, Statement,
    StringLiteral, StringPart,
};
use smol_str::SmolStr;

use crate::properties::{self, BlockKind, Word};

pub(crate) use words::unknown_word;

/// Changes a tree to what is certainly meant; gives the stretches that nothing can be made of.
pub(crate) fn normalize(
    id: FileId,
    file: &mut File,
    text: &str,
    out: &mut Diagnostics,
) -> Vec<Span> {
    let mut normalizer = Normalizer {
        file: id,
        text,
        out,
        lost: Vec::new(),
    };
    normalizer.items(
        &mut file.statements,
        &mut file.broken,
        Some(BlockKind::Program),
    );
    normalizer.lost
}

struct Normalizer<'t, 'o> {
    file: FileId,
    text: &'t str,
    out: &'o mut Diagnostics,
    lost: Vec<Span>,
}

impl<'t> Normalizer<'t, '_> {
    fn items(
        &mut self,
        statements: &mut Vec<Statement>,
        broken: &mut Vec<Broken>,
        place: Option<BlockKind>,
    ) {
        if let Some(place) = place {
            self.split_lines(statements, broken, place);
            self.gather_indented(statements, place);
            self.join_values(statements);
        }
        let is_known = |statement: &Statement| match place {
            Some(place) => statement
                .head()
                .is_some_and(|(head, _)| properties::word(head, place).is_some()),
            None => true,
        };
        if !statements.iter().all(is_known) {
            let all = std::mem::take(statements);
            for mut statement in all {
                if is_known(&statement)
                    || place.is_some_and(|place| self.head(&mut statement, place))
                {
                    statements.push(statement);
                } else {
                    self.lose(&statement, broken);
                }
            }
        }
        statements.retain_mut(|statement| {
            let is_kept = self.statement(statement, place);
            if !is_kept {
                self.lose(statement, broken);
            }
            is_kept
        });
    }

    fn lose(&mut self, statement: &Statement, broken: &mut Vec<Broken>) {
        let words = statement.args.iter().take(2).filter_map(|arg| match arg {
            Arg::Expr(expr) => expr.as_word().cloned(),
            Arg::Sign(..) | Arg::Block(_) => None,
        });
        self.lost.push(statement.span);
        broken.push(Broken {
            span: statement.span,
            words: words.collect(),
        });
    }

    /// A statement and what is in it; `false` where nothing can be made of it.
    fn statement(&mut self, statement: &mut Statement, place: Option<BlockKind>) -> bool {
        let word = place.and_then(|place| {
            let (head, _) = statement.head()?;
            properties::word(head, place)
        });
        if word.is_some_and(|word| word.name == "secret") {
            self.secret_values(statement);
        }
        if statement.args.len() > 1 {
            self.signs(statement, word);
            if let (Some(word), Some(place)) = (word, place)
                && !self.tail(statement, word, place)
            {
                return false;
            }
        }
        let inner = match inside(word, place) {
            Inside::Words(place) => Some(place),
            Inside::Fields => None,
            Inside::Profile => return self.profile(statement),
            Inside::Others => return true,
        };
        for arg in &mut statement.args {
            if let Arg::Block(block) = arg {
                let Block {
                    statements, broken, ..
                } = block;
                self.items(statements, broken, inner);
            }
        }
        true
    }

    /// The statements of a profile; paths, which stand beside them, have nothing in common with statements.
    fn profile(&mut self, statement: &mut Statement) -> bool {
        for arg in &mut statement.args {
            let Arg::Block(block) = arg else {
                continue;
            };
            let (statements, mut broken) = (&mut block.statements, Vec::new());
            statements.retain_mut(|statement| {
                let is_path = matches!(statement.args.get(1), Some(Arg::Sign(Sign::Assign, _)));
                let is_kept = is_path || self.statement(statement, Some(BlockKind::Profile));
                if !is_kept {
                    self.lose(statement, &mut broken);
                }
                is_kept
            });
            block.broken.append(&mut broken);
        }
        true
    }

    fn slice(&self, start: u32, end: u32) -> &'t str {
        self.text
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    fn span(&self, start: u32, end: u32) -> Span {
        Span::new(self.file, start, end)
    }

    /// Reports what is read otherwise, with the edits that make it so.
    fn report(&mut self, diagnostic: Diagnostic, title: &str, edits: &[(Span, &str)]) {
        let edits = edits.iter().map(|(span, text)| Edit {
            span: *span,
            text: (*text).to_owned(),
        });
        self.out.push(diagnostic.fix_all(title, edits.collect()));
    }
}

/// What stands in the block of a statement.
enum Inside {
    /// Statements with words of their own.
    Words(BlockKind),
    /// Fields or keys.
    Fields,
    /// Statements and paths.
    Profile,
    /// Expressions and paths, which have nothing in common with statements.
    Others,
}

fn inside(word: Option<&Word>, place: Option<BlockKind>) -> Inside {
    let Some(word) = word else {
        return Inside::Fields;
    };
    Inside::Words(match (word.name, place) {
        ("platform", _) => BlockKind::Platform,
        ("cluster", _) => BlockKind::Cluster,
        ("namespace", _) => BlockKind::Namespace,
        ("namespaces", _) => BlockKind::NamespaceDefaults,
        ("component" | "service" | "services", _) => BlockKind::Service,
        ("job", _) => BlockKind::Job,
        ("sidecar", _) => BlockKind::Sidecar,
        ("init", _) => BlockKind::Init,
        ("external", _) => BlockKind::External,
        ("secret", _) => BlockKind::Secret,
        ("health" | "config", _) => return Inside::Fields,
        ("profile", _) => return Inside::Profile,
        _ => return Inside::Others,
    })
}

/// A plain name as an argument.
fn word_expr(text: &str, span: Span) -> Expr {
    Expr {
        kind: ExprKind::Path(Path {
            segments: vec![Segment {
                kind: SegmentKind::Name(text.into()),
                span,
            }],
            port: None,
        }),
        span,
    }
}

/// A text as an argument.
fn text_expr(text: &str, span: Span) -> Expr {
    Expr {
        kind: ExprKind::String(StringLiteral {
            parts: vec![StringPart::Text(text.into())],
            is_block: false,
        }),
        span,
    }
}

/// The word that an argument is.
fn arg_word(arg: &Arg) -> Option<&SmolStr> {
    match arg {
        Arg::Expr(expr) => expr.as_word(),
        Arg::Sign(..) | Arg::Block(_) => None,
    }
}
