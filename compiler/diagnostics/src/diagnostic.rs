//! A finding about the user's program: what, where, the other places, the fix.

use std::borrow::Cow;

use crate::{Code, Span, listed, nearest};

/// How many places a finding shows.
pub const MAX_PLACES: usize = 12;

/// How many candidates for an unknown name a finding lists.
const MAX_CANDIDATES: usize = 20;

/// How many findings of a run are kept; those beyond are counted.
pub const MAX_FINDINGS: usize = 100_000;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The program has no meaning or may not be deployed; the exit code is 1.
    Error,
    /// The program means something that its author can hardly want.
    Warning,
    /// A fact worth knowing.
    Note,
}

/// A place with what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there; may be empty on a primary label.
    pub message: String,
    /// Whether this is the place that the finding is about.
    pub primary: bool,
}

/// A replacement of the text under a span.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// The new text.
    pub text: String,
}

/// A change of the source that removes the finding for certain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fix {
    /// What the change does, as a command: "write `port`".
    pub title: String,
    /// The edits, which do not overlap.
    pub edits: Vec<Edit>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Its entry in the registry.
    pub code: &'static Code,
    /// One line that says what is wrong, in the user's words.
    pub message: String,
    /// The places, at most [`MAX_PLACES`]; the first primary one sorts and names the finding.
    pub labels: Vec<Label>,
    /// How many more places there are.
    pub places_left_out: usize,
    /// Help texts, a sentence each.
    pub help: Vec<String>,
    /// Certain edits.
    pub fixes: Vec<Fix>,
    /// The full name of what it is about, where that is not the declaration around its place.
    pub subject: Option<String>,
    /// Declarations, by a place in their head, each with a word of its block: where the block says that
    /// word and it is wrong, this finding is no more than a consequence.
    pub consequence_of: Vec<(Span, &'static str)>,
    /// Places whose text is not shown with the source: values that are secret.
    pub hidden: Vec<Span>,
}

impl Diagnostic {
    /// A finding with no places yet.
    #[must_use]
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            labels: Vec::new(),
            places_left_out: 0,
            help: Vec::new(),
            fixes: Vec::new(),
            subject: None,
            consequence_of: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// An unknown name, with the nearest candidate or all of them.
    #[must_use]
    pub fn unknown<'a>(
        code: &'static Code,
        kind: &str,
        name: &str,
        span: Span,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::new(code, format!("unknown {kind} `{name}`"))
            .at(span, "unknown")
            .candidates(name, span, candidates)
    }

    /// Adds the candidate that an unknown name is a misspelling of, as a fix, or else all candidates.
    #[must_use]
    pub fn candidates<'a>(
        self,
        name: &str,
        span: Span,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut candidates: Vec<&str> = candidates.into_iter().collect();
        candidates.sort_unstable();
        candidates.dedup();
        let known = candidates.clone();
        self.did_you_mean(name, span, candidates, |diagnostic| {
            if known.is_empty() {
                return diagnostic;
            }
            diagnostic.help(format!("known: {}", listed(known, MAX_CANDIDATES)))
        })
    }

    /// Adds the candidate that an unknown name is a misspelling of, as a fix, or else what `otherwise` adds.
    #[must_use]
    pub fn did_you_mean<'a>(
        self,
        name: &str,
        span: Span,
        candidates: impl IntoIterator<Item = &'a str>,
        otherwise: impl FnOnce(Self) -> Self,
    ) -> Self {
        self.suggest(nearest(name, candidates), span, otherwise)
    }

    /// Adds the name that was probably meant, as a fix, or else what `otherwise` adds.
    #[must_use]
    pub fn suggest(
        self,
        meant: Option<&str>,
        span: Span,
        otherwise: impl FnOnce(Self) -> Self,
    ) -> Self {
        let Some(meant) = meant else {
            return otherwise(self);
        };
        self.help(format!("did you mean `{meant}`?"))
            .fix(format!("write `{meant}`"), span, meant)
    }

    /// Adds the place that the finding is about.
    #[must_use]
    pub fn at(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            message: message.into(),
            primary: true,
        });
        self
    }

    /// Adds another place that is involved; nothing where the place is [`Span::NONE`]. Places beyond
    /// [`MAX_PLACES`] are counted.
    #[must_use]
    pub fn also(mut self, span: Span, message: impl Into<String>) -> Self {
        if self.labels.len() >= MAX_PLACES {
            self.places_left_out += usize::from(!span.is_none());
        } else if !span.is_none() {
            self.labels.push(Label {
                span,
                message: message.into(),
                primary: false,
            });
        }
        self
    }

    /// Says what it is about: `namespace.service`.
    #[must_use]
    pub fn about(mut self, name: impl Into<String>) -> Self {
        self.subject = Some(name.into());
        self
    }

    /// Adds a help text.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds a certain fix that replaces the text under one span.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        self.fixes.push(Fix {
            title: title.into(),
            edits: vec![Edit {
                span,
                text: text.into(),
            }],
        });
        self
    }

    /// Says that this is no finding of its own where the block of the declaration with `owner` in its
    /// head says the word, and that is wrong.
    #[must_use]
    pub fn unless_said(mut self, owner: Span, word: &'static str) -> Self {
        self.consequence_of.push((owner, word));
        self
    }

    /// Hides the text of a place wherever the source is shown: it is secret.
    #[must_use]
    pub fn hiding(mut self, span: Span) -> Self {
        self.hidden.push(span);
        self
    }

    /// Adds a certain fix of several edits.
    #[must_use]
    pub fn fix_all(mut self, title: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.fixes.push(Fix {
            title: title.into(),
            edits,
        });
        self
    }

    /// The place that the finding is about.
    #[must_use]
    pub fn span(&self) -> Span {
        self.labels
            .iter()
            .find(|l| l.primary)
            .map_or(Span::NONE, |l| l.span)
    }

    /// The fixes, and how many places are left out.
    pub fn help_lines(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let left_out = (self.places_left_out > 0).then(|| {
            Cow::from(format!(
                "{} more places are not shown",
                self.places_left_out
            ))
        });
        self.help
            .iter()
            .map(|help| help.as_str().into())
            .chain(left_out)
    }

    /// How much it weighs.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity
    }
}

/// The findings of a run.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    /// At most [`MAX_FINDINGS`].
    list: Vec<Diagnostic>,
    /// How many findings of each severity were not kept, errors first.
    left_out: [usize; 3],
}

impl Diagnostics {
    /// No findings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, or counts it where there are [`MAX_FINDINGS`].
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < MAX_FINDINGS {
            self.list.push(diagnostic);
        } else {
            self.left_out[diagnostic.severity() as usize] += 1;
        }
    }

    /// Takes the one that was added last away; `None` where it was not kept.
    pub fn pop(&mut self) -> Option<Diagnostic> {
        if self.is_whole() {
            self.list.pop()
        } else {
            None
        }
    }

    /// The one that was added last; `None` where it was not kept.
    pub fn last_mut(&mut self) -> Option<&mut Diagnostic> {
        if self.is_whole() {
            self.list.last_mut()
        } else {
            None
        }
    }

    /// Adds those of another stage.
    pub fn extend(&mut self, other: Self) {
        for (own, more) in self.left_out.iter_mut().zip(other.left_out) {
            *own += more;
        }
        for diagnostic in other.list {
            self.push(diagnostic);
        }
    }

    /// Whether every finding was kept.
    fn is_whole(&self) -> bool {
        self.left_out == [0; 3]
    }

    /// Whether any is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.left_out[Severity::Error as usize] > 0
            || self.list.iter().any(|d| d.severity() == Severity::Error)
    }

    /// How many there are of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let kept = self.list.iter().filter(|d| d.severity() == severity);
        kept.count() + self.left_out[severity as usize]
    }

    /// Sorts by place and drops what was found twice at the same place, so that the order in
    /// which stages ran never shows.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.list.sort_by(|a, b| {
            (a.span(), a.code.id, &a.message).cmp(&(b.span(), b.code.id, &b.message))
        });
        self.list.dedup_by(|a, b| {
            a.code.id == b.code.id && a.span() == b.span() && a.message == b.message
        });
        self
    }

    /// Takes the findings that were kept out; those beyond stay counted.
    #[must_use]
    pub fn take(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.list)
    }

    /// The findings that were kept.
    #[must_use]
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.list
    }

    /// Keeps those for which `keep` holds.
    pub fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.list.retain(keep);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.is_whole()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}
