//! The platform's handbook: every table that follows from the model, in Ukrainian or English, as
//! Markdown or HTML. Words of the platform itself (titles, `##`, reasons) are kept as they stand.

mod catalogue;
mod network;
mod operations;
mod raw_rbac;
mod reliability;
mod render;

use erpc_diagnostics::Sources;
use erpc_model::{Namespace, Platform};
use erpc_policy::Derived;
use serde::Serialize;

pub use render::{html, markdown};

/// The language of the headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Ukrainian.
    Ukrainian,
    /// English.
    English,
}

/// A handbook before it is written.
#[derive(Clone, Debug, Serialize)]
pub struct Handbook {
    /// The language of its headings.
    pub language: Language,
    /// The title of the platform.
    pub title: String,
    /// Name and version, below the title.
    pub subtitle: String,
    /// `##` above the platform.
    pub introduction: Option<String>,
    /// Its chapters.
    pub chapters: Vec<Chapter>,
}

/// A chapter: a heading, sentences, tables.
#[derive(Clone, Debug, Serialize)]
pub struct Chapter {
    /// The same in every language, for links and tests: `capacity`.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// Sentences before the tables.
    pub text: Vec<String>,
    /// Its tables.
    pub tables: Vec<Table>,
}

/// A table of texts.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// What it shows, where a chapter has several.
    pub caption: Option<String>,
    /// The head.
    pub head: Vec<String>,
    /// The rows, each as long as the head.
    pub rows: Vec<Vec<String>>,
}

/// What chapters are made from.
#[derive(Clone, Copy)]
struct Source<'p> {
    platform: &'p Platform,
    derived: &'p Derived,
    sources: &'p Sources,
    language: Language,
}

impl Source<'_> {
    /// A text in the language of the handbook.
    fn say(&self, english: &str, ukrainian: &str) -> String {
        match self.language {
            Language::English => english.to_owned(),
            Language::Ukrainian => ukrainian.to_owned(),
        }
    }

    fn yes(&self) -> String {
        self.say("yes", "так")
    }

    fn chapter(
        &self,
        id: &'static str,
        (english, ukrainian): (&str, &str),
        text: Vec<String>,
        tables: Vec<Table>,
    ) -> Chapter {
        Chapter {
            id,
            title: self.say(english, ukrainian),
            text,
            tables,
        }
    }

    /// A table; each column of the head in both languages.
    fn table(&self, head: &[(&str, &str)], rows: Vec<Vec<String>>) -> Table {
        Table {
            caption: None,
            head: head.iter().map(|(en, uk)| self.say(en, uk)).collect(),
            rows,
        }
    }

    fn captioned(&self, (english, ukrainian): (&str, &str), table: Table) -> Table {
        Table {
            caption: Some(self.say(english, ukrainian)),
            ..table
        }
    }

    /// The namespaces in the order in which they start.
    fn namespaces(&self) -> Vec<&'_ Namespace> {
        let wave = |namespace: &Namespace| {
            let waves = namespace
                .services
                .iter()
                .filter_map(|id| self.derived.order.wave.get(id.index()));
            waves.min().copied()
        };
        let mut namespaces: Vec<&Namespace> = self.platform.namespaces.iter().collect();
        // Sorting keeps the order of names where waves are the same.
        namespaces.sort_by_key(|namespace| (namespace.tier.value, wave(namespace)));
        namespaces
    }

    fn namespace_of(&self, service: &erpc_model::Service) -> String {
        self.platform[service.namespace].name.value.to_string()
    }
}

impl Handbook {
    /// The handbook of a platform. Chapters without anything to say are left out.
    #[must_use]
    pub fn of(
        platform: &Platform,
        derived: &Derived,
        sources: &Sources,
        language: Language,
    ) -> Self {
        let source = Source {
            platform,
            derived,
            sources,
            language,
        };
        let mut chapters = catalogue::chapters(&source);
        chapters.extend(network::chapters(&source));
        chapters.extend(reliability::chapters(&source));
        chapters.extend(operations::chapters(&source));
        chapters.retain(|chapter| chapter.tables.iter().any(|table| !table.rows.is_empty()));
        for chapter in &mut chapters {
            chapter.tables.retain(|table| !table.rows.is_empty());
        }
        let title = platform.title.as_ref();
        Self {
            language,
            title: title.map_or_else(
                || platform.name.value.to_string(),
                |title| title.value.clone(),
            ),
            subtitle: format!("{} {}", platform.name.value, platform.version.value),
            introduction: platform.doc.clone(),
            chapters,
        }
    }

    /// The chapter with this id.
    #[must_use]
    pub fn chapter(&self, id: &str) -> Option<&Chapter> {
        self.chapters.iter().find(|chapter| chapter.id == id)
    }
}

/// The text of a value that may be missing.
fn shown<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
