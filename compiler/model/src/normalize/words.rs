//! Words that the language does not have where they stand: misspelt ones, and those of other languages.

use erpc_diagnostics::{Diagnostic, Span, codes, listed, nearest};
use erpc_syntax::tree::{Arg, Call, Expr, ExprKind, Ident, PathPort, Sign, Statement};

use super::foreign::{foreign, of_kubernetes};
use super::{Normalizer, arg_word, word_expr};
use crate::properties::{self, BlockKind, Word};
use crate::word::form_words;

/// Words that stand for `is` elsewhere.
const FOR_IS: [&str; 7] = [
    "extends",
    "inherits",
    "implements",
    "from",
    "with",
    "as",
    "of",
];

impl Normalizer<'_, '_> {
    /// The head of a statement that no word of its place is; `false` where nothing can be made of it.
    pub(super) fn head(&mut self, statement: &mut Statement, place: BlockKind) -> bool {
        let Some((head, span)) = statement.head().map(|(head, span)| (head.clone(), span)) else {
            return self.head_with_port(statement, place);
        };
        if let Some(diagnostic) = of_kubernetes(&head, span) {
            self.out.push(diagnostic);
            return false;
        }
        let is_elsewhere = properties::words().any(|word| word.name == head);
        let found = foreign(&head, span, place);
        if let Some(found) = found.filter(|_| !is_elsewhere || head == "environment") {
            // A CronJob has a schedule: a job without one would run once.
            let has_schedule = statement
                .args
                .iter()
                .any(|arg| arg_word(arg).is_some_and(|word| word == "every"));
            let runs_once = head.eq_ignore_ascii_case("cronjob") && !has_schedule;
            if found.is_same && !runs_once {
                self.replace_word(statement, 0, found.meant, found.diagnostic);
            } else {
                self.out.push(found.diagnostic);
                statement.args[0] = Arg::Expr(word_expr(found.meant, span));
            }
            return true;
        }
        let diagnostic = unknown_word(&head, span, place);
        let near = if is_elsewhere {
            None
        } else {
            nearest(&head, properties::words_of(place))
        };
        self.out.push(diagnostic);
        match near {
            Some(near) => {
                statement.args[0] = Arg::Expr(word_expr(near, span));
                true
            }
            None => false,
        }
    }

    /// `replicas:2`, which reads as a port.
    fn head_with_port(&mut self, statement: &mut Statement, place: BlockKind) -> bool {
        if let Some(Arg::Expr(Expr {
            kind: ExprKind::Path(path),
            ..
        })) = statement.args.first()
            && let [segment] = path.segments.as_slice()
            && let Some(name) = segment.as_name()
            && properties::word(name, place).is_some()
            && let Some(port) = &path.port
        {
            let value = match port {
                PathPort::Name(name) => word_expr(&name.text, name.span),
                PathPort::Number(number, at) => Expr {
                    kind: ExprKind::Number(number.clone()),
                    span: *at,
                },
            };
            let colon = self.span(segment.span.end, segment.span.end + 1);
            let shown = self.slice(value.span.start, value.span.end);
            let diagnostic = Diagnostic::new(
                &codes::BROKEN_STATEMENT,
                "a value follows its name without a `:`",
            )
            .at(colon, "not needed")
            .help(format!("write `{name} {shown}`"));
            let head = word_expr(name, segment.span);
            self.report(diagnostic, "write a space", &[(colon, " ")]);
            statement.args[0] = Arg::Expr(head);
            statement.args.insert(1, Arg::Expr(value));
            return true;
        }
        if let Some(Arg::Expr(number)) = statement.args.first()
            && matches!(number.kind, ExprKind::Number(_))
            && let Some(next) = statement.args.get(1)
            && arg_word(next).is_some_and(|word| properties::word(word, place).is_some())
        {
            let (span, gap) = (number.span, self.span(number.span.start, next.span().start));
            let head = arg_word(next).cloned().unwrap_or_default();
            let diagnostic = Diagnostic::new(
                &codes::UNKNOWN_STATEMENT,
                format!("a number stands before `{head}`"),
            )
            .at(span, "the number of a line?");
            self.report(diagnostic, "remove it", &[(gap, "")]);
            statement.args.remove(0);
            return true;
        }
        let span = statement.args.first().map_or(statement.span, Arg::span);
        self.out.push(
            Diagnostic::new(
                &codes::UNKNOWN_STATEMENT,
                format!("no statement {} starts like this", place.name()),
            )
            .at(span, "not a word of the language")
            .help(known_words(place)),
        );
        false
    }

    /// What follows the head; `false` where nothing can be made of the statement.
    pub(super) fn tail(
        &mut self,
        statement: &mut Statement,
        word: &Word,
        place: BlockKind,
    ) -> bool {
        match word.name {
            "service" | "job" | "component" if place != BlockKind::Platform => {
                self.declaration(statement, word);
            }
            _ => {}
        }
        if matches!(
            word.name,
            "calls" | "allow" | "never" | "always" | "expose" | "after"
        ) && !self.port_apart(statement, word)
        {
            return false;
        }
        match (word.name, place) {
            ("nodes", BlockKind::Cluster) => {
                self.missing_of(statement);
                self.missing_commas(statement, word);
            }
            ("quota" | "limits", _) => self.missing_commas(statement, word),
            _ => {}
        }
        self.list_in_brackets(statement, word);
        self.texts(statement, word);
        self.next_statement(statement, word, place);
        true
    }

    /// `service NAME [every E] [is A]`, in which words of other languages and misspelt ones stand for `is`.
    fn declaration(&mut self, statement: &mut Statement, word: &Word) {
        if let (Some(Arg::Block(block)), "service" | "job") = (statement.args.get(1), word.name) {
            let at = self.span(block.span.start, block.span.start);
            self.out.push(
                Diagnostic::new(
                    &codes::MISSING_VALUE,
                    format!("missing name of the {}", word.name),
                )
                .at(at, "missing here")
                .help(format!("it is written `{}`", word.form)),
            );
            // A name that no text has, so that what is inside is checked.
            statement
                .args
                .insert(1, Arg::Expr(word_expr("unnamed", at)));
        }
        if let Some(Arg::Sign(Sign::Colon, span)) = statement.args.get(2) {
            let span = *span;
            let diagnostic = Diagnostic::new(
                &codes::BROKEN_STATEMENT,
                format!("what a {} is made of stands behind `is`", word.name),
            )
            .at(span, "another language's sign");
            self.report(diagnostic, "write `is`", &[(span, " is")]);
            statement.args[2] = Arg::Expr(word_expr("is", span));
        }
        if word.name != "component" {
            for arg in statement.args.iter_mut().skip(2) {
                if let Arg::Expr(Expr {
                    kind: ExprKind::Call(call),
                    ..
                }) = arg
                {
                    self.named_with_equals(call);
                }
            }
        }
        if word.name == "job" {
            self.missing_every(statement);
        }
        let known = if word.name == "job" {
            &["is", "every"][..]
        } else {
            &["is"]
        };
        let Some(third) = statement.args.get(2).and_then(arg_word).cloned() else {
            return;
        };
        let span = statement.args[2].span();
        if known.contains(&third.as_str()) {
            return;
        }
        let follows_component = matches!(statement.args.get(3), Some(Arg::Expr(expr)) if match &expr.kind {
            ExprKind::Call(_) => true,
            _ => expr.as_word().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_uppercase())),
        });
        if let Some(near) = nearest(&third, known.iter().copied()) {
            let diagnostic = Diagnostic::new(
                &codes::UNKNOWN_STATEMENT,
                format!("unexpected `{third}` in the head of a {}", word.name),
            )
            .at(span, "not known here")
            .help(format!("did you mean `{near}`?"));
            self.replace_word(statement, 2, near, diagnostic);
        } else if follows_component && FOR_IS.contains(&third.as_str()) {
            let diagnostic = Diagnostic::new(
                &codes::UNKNOWN_STATEMENT,
                format!(
                    "what a {} is made of stands behind `is`, not behind `{third}`",
                    word.name
                ),
            )
            .at(span, "a word of other languages");
            self.replace_word(statement, 2, "is", diagnostic);
        } else if word.name != "component" && arg_word(&statement.args[1]).is_some() {
            self.name_with_spaces(statement, word, known);
        }
    }

    /// `Worker(queue = "mails")`.
    fn named_with_equals(&mut self, call: &mut Call) {
        for argument in &mut call.args {
            let name = argument.value.as_word().cloned();
            let (None, Some(name), Some(value)) = (&argument.name, name, argument.default.take())
            else {
                continue;
            };
            let span = argument.value.span;
            let gap = self.span(span.end, value.span.start);
            let shown = self.slice(value.span.start, value.span.end);
            let diagnostic = Diagnostic::new(
                &codes::WRONG_SHAPE,
                format!("the value of `{name}` stands behind a `:`, not behind a `=`"),
            )
            .at(gap, "another sign")
            .help(format!("write `{name}: {shown}`"));
            self.report(diagnostic, "write `:`", &[(gap, ": ")]);
            argument.name = Some(Ident { text: name, span });
            argument.value = value;
        }
    }

    /// `service my cache {`.
    fn name_with_spaces(&mut self, statement: &mut Statement, word: &Word, known: &[&str]) {
        if self.schedule_of_service(statement, word) || self.name_and_call(statement, word) {
            return;
        }
        // A profile switches it off.
        if statement
            .args
            .get(2)
            .and_then(arg_word)
            .is_some_and(|word| word == "off")
        {
            return;
        }
        let end = (2..statement.args.len())
            .find(|at| {
                arg_word(&statement.args[*at]).is_none_or(|word| known.contains(&word.as_str()))
            })
            .unwrap_or(statement.args.len());
        let names: Vec<&str> = statement.args[1..end]
            .iter()
            .filter_map(arg_word)
            .map(smol_str::SmolStr::as_str)
            .collect();
        let (joined, spaced) = (names.join("-"), names.join(" "));
        let span = statement.args[1].span().to(statement.args[end - 1].span());
        let diagnostic = Diagnostic::new(
            &codes::BAD_NAME,
            format!("invalid {} name `{spaced}`: contains a space", word.name),
        )
        .at(span, "several words")
        .help("a name has lower-case letters a to z, digits and `-`");
        self.report(diagnostic, &format!("write `{joined}`"), &[(span, &joined)]);
        statement
            .args
            .splice(1..end, [Arg::Expr(word_expr(&joined, span))]);
    }

    /// `service nightly every "0 3 * * *" {`: what has a schedule is a job.
    fn schedule_of_service(&mut self, statement: &mut Statement, word: &Word) -> bool {
        let every = statement.args.get(2).and_then(arg_word);
        if word.name != "service" || every.is_none_or(|every| every != "every") {
            return false;
        }
        let (Some(head), Some(every)) = (statement.args.first(), statement.args.get(2)) else {
            return false;
        };
        let head = head.span();
        let diagnostic = Diagnostic::new(
            &codes::WRONG_SHAPE,
            "a service cannot have a schedule: only a job can",
        )
        .at(every.span(), "a schedule")
        .help("write `job NAME every \"…\" { … }`; a job has no ports, replicas or health checks");
        self.report(diagnostic, "write `job`", &[(head, "job")]);
        statement.args[0] = Arg::Expr(word_expr("job", head));
        true
    }

    /// `service pets (Http)`: the component stands behind `is`.
    fn name_and_call(&mut self, statement: &mut Statement, word: &Word) -> bool {
        let (Some(first), Some(second)) = (statement.args.get(1), statement.args.get(2)) else {
            return false;
        };
        // Brackets are a part of what stands in them.
        let written = self.slice(second.span().start, second.span().end);
        if !matches!(word.name, "service" | "job") || !written.starts_with('(') {
            return false;
        }
        let Some(component) = arg_word(second).cloned() else {
            return false;
        };
        let gap = self.span(first.span().end, second.span().start);
        let second = self.span(second.span().start + 1, second.span().end - 1);
        let diagnostic = Diagnostic::new(
            &codes::WRONG_SHAPE,
            format!("expected `is` before the component `{component}`, found `(`"),
        )
        .at(second, "a component")
        .help(format!(
            "write `is {component}`; its arguments are named: `is {component}(port: 8080)`"
        ));
        self.out.push(diagnostic);
        statement.args.insert(2, Arg::Expr(word_expr("is", gap)));
        true
    }

    /// `calls orders: http`, or nothing behind the `:`.
    fn port_apart(&mut self, statement: &mut Statement, word: &Word) -> bool {
        let colon = statement
            .args
            .iter()
            .position(|arg| matches!(arg, Arg::Sign(Sign::Colon, _)));
        let Some(at) = colon.filter(|at| *at > 1) else {
            return true;
        };
        let colon = statement.args.remove(at).span();
        let port = statement.args.get(at).and_then(arg_word).cloned();
        let port_span = statement.args.get(at).map_or(colon, Arg::span);
        let target = match &mut statement.args[at - 1] {
            Arg::Expr(Expr {
                kind: ExprKind::Path(path),
                span,
            }) => Some((path, span)),
            _ => None,
        };
        let (Some(port), Some((path, span))) = (port, target) else {
            let diagnostic = Diagnostic::new(&codes::MISSING_VALUE, "missing port after this `:`")
                .at(colon, "nothing behind it")
                .help(format!("it is written `{}`", word.form));
            self.out.push(diagnostic);
            return false;
        };
        *span = span.to(port_span);
        path.port = Some(PathPort::Name(Ident {
            text: port.clone(),
            span: port_span,
        }));
        statement.args.remove(at);
        let target = statement.args[at - 1].span();
        let target = self.slice(target.start, colon.start).trim_end().to_owned();
        let gap = self.span(colon.end, port_span.start);
        let diagnostic = Diagnostic::new(
            &codes::WRONG_SHAPE,
            "a port stands right behind its `:`, without a space",
        )
        .at(colon, "a space behind it")
        .help(format!("write `{target}:{port}`"));
        self.report(diagnostic, "remove the space", &[(gap, "")]);
        true
    }

    /// `writable ["/data", "/tmp"]`.
    fn list_in_brackets(&mut self, statement: &mut Statement, word: &Word) {
        let takes_texts = word.form[word.name.len()..].starts_with(" \"");
        let takes_many = word.form.contains(", …");
        let [
            _,
            Arg::Expr(Expr {
                kind: ExprKind::List(items),
                span,
            }),
        ] = statement.args.as_slice()
        else {
            return;
        };
        if !takes_texts || items.is_empty() || (items.len() > 1 && !takes_many) {
            return;
        }
        let (span, items) = (*span, items.clone());
        let inner = self
            .slice(items[0].span.start, items[items.len() - 1].span.end)
            .to_owned();
        let diagnostic = Diagnostic::new(
            &codes::WRONG_SHAPE,
            format!("the values of `{}` stand without brackets", word.name),
        )
        .at(span, "a list as JSON and YAML write it")
        .help(format!("write `{} {inner}`", word.name));
        self.report(diagnostic, "remove the brackets", &[(span, &inner)]);
        statement.args.truncate(1);
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                statement.args.push(Arg::Sign(Sign::Comma, item.span));
            }
            statement.args.push(Arg::Expr(item));
        }
    }

    /// Several words where the form has a text in quotes.
    fn texts(&mut self, statement: &mut Statement, word: &Word) {
        let is_plain = |arg: &Arg| arg_word(arg).is_some();
        if word.form[word.name.len()..].starts_with(" \"")
            && statement.args.len() > 2
            && statement.args[1..].iter().all(is_plain)
        {
            let end = statement.args.len();
            self.bare_text(statement, 1, end, "a string");
        }
        if let Some(at) = statement
            .args
            .iter()
            .position(|arg| arg_word(arg).is_some_and(|w| w == "because"))
        {
            let end = statement.args.len();
            if end > at + 2 && statement.args[at + 1..].iter().all(is_plain) {
                self.bare_text(statement, at + 1, end, "a reason");
            }
        }
        if word.name == "job"
            && statement
                .args
                .get(2)
                .and_then(arg_word)
                .is_some_and(|w| w == "every")
        {
            let is_end = |arg: &Arg| {
                matches!(arg, Arg::Block(_)) || arg_word(arg).is_some_and(|w| w == "is")
            };
            let end = statement
                .args
                .iter()
                .skip(3)
                .position(is_end)
                .map_or(statement.args.len(), |at| at + 3);
            let is_text = matches!(statement.args.get(3), Some(Arg::Expr(expr)) if !matches!(expr.kind, ExprKind::Number(_)));
            if end > 4 && !is_text {
                self.bare_text(statement, 3, end, "a schedule");
            }
        }
    }

    /// A word of this place behind a value: two statements on one line.
    fn next_statement(&mut self, statement: &mut Statement, word: &Word, place: BlockKind) {
        let is_value = |arg: &Arg| match arg {
            Arg::Expr(expr) => matches!(
                expr.kind,
                ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Range(..)
            ),
            Arg::Block(_) => true,
            Arg::Sign(..) => false,
        };
        let found = (2..statement.args.len()).find(|at| {
            is_value(&statement.args[at - 1])
                && arg_word(&statement.args[*at]).is_some_and(|next| {
                    properties::word(next, place).is_some()
                        && !form_words(word.form).skip(1).any(|known| known == next)
                })
        });
        let Some(at) = found else {
            return;
        };
        let span = statement.args[at].span();
        let next = arg_word(&statement.args[at]).cloned().unwrap_or_default();
        let gap = self.span(statement.args[at - 1].span().end, span.start);
        let diagnostic = Diagnostic::new(
            &codes::WRONG_SHAPE,
            format!("`{next}` starts another statement on the same line"),
        )
        .at(span, "a statement of its own")
        .help("a statement ends at the end of its line, or at `;`");
        self.report(diagnostic, "write `;`", &[(gap, "; ")]);
        self.lost.push(span);
        statement.args.truncate(at);
    }
}

/// A word that does not stand in a place.
pub(crate) fn unknown_word(head: &str, span: Span, place: BlockKind) -> Diagnostic {
    if let Some(known) = metadata_word(head, span, place) {
        return known;
    }
    let mut elsewhere = properties::words()
        .filter(|word| word.name == head)
        .peekable();
    if elsewhere.peek().is_some() {
        let diagnostic = Diagnostic::new(
            &codes::UNKNOWN_STATEMENT,
            format!("`{head}` does not stand {}", place.name()),
        )
        .at(span, "in the wrong place");
        return elsewhere.fold(diagnostic, |diagnostic, word| {
            let places = places(word.places);
            diagnostic.help(format!("it stands {places}: `{}`", word.form))
        });
    }
    let diagnostic = Diagnostic::new(
        &codes::UNKNOWN_STATEMENT,
        format!("unknown statement `{head}` {}", place.name()),
    )
    .at(span, "not known here");
    diagnostic.did_you_mean(head, span, properties::words_of(place), |diagnostic| {
        diagnostic.help(known_words(place))
    })
}

/// Labels and annotations, which manifests have everywhere and the language has in services only.
fn metadata_word(head: &str, span: Span, place: BlockKind) -> Option<Diagnostic> {
    let is_annotations = matches!(head, "annotations" | "annotation");
    let is_labels = matches!(head, "labels" | "label");
    let (is_metadata, help) = match place {
        BlockKind::Sidecar | BlockKind::Init => (
            is_labels || is_annotations,
            "a container has none: write it in the service, for its workload and its pods",
        ),
        BlockKind::Platform => (
            is_annotations,
            "write it in a service, for its workload and its pods, or in a namespace",
        ),
        _ => return None,
    };
    is_metadata.then(|| {
        let message = format!("`{head}` cannot be set {}", place.name());
        Diagnostic::new(&codes::UNKNOWN_STATEMENT, message)
            .at(span, "not known here")
            .help(help)
    })
}

fn known_words(place: BlockKind) -> String {
    format!(
        "known {}: {}",
        place.name(),
        listed(properties::words_of(place), 40)
    )
}

/// `in a service, in a job or in a sidecar`.
fn places(places: &[BlockKind]) -> String {
    let names: Vec<&str> = places.iter().map(|place| place.name()).collect();
    match names.as_slice() {
        [init @ .., last] if !init.is_empty() => format!("{} or {last}", init.join(", ")),
        _ => names.concat(),
    }
}
