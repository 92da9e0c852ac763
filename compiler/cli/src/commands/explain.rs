//! `erpc explain`: the page of a code, a term of the field, a word of the language, or the objects
//! of a service with who acts on each.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use erpc_diagnostics::codes;
use erpc_emit::{Kind, Object, ObjectFile, actors, objects_around};
use erpc_model::facts::{self, Subject};
use erpc_model::glossary::{self, Term};
use erpc_model::properties::{Word, words};
use erpc_model::{ServiceId, nearest};
use serde_json::{Value, json};

use crate::arguments::Source;
use crate::console::Console;
use crate::format::Output;
use crate::project::{Checked, Project};
use crate::text::{push_line, push_text};
use crate::{Exit, Failure, format, names};

/// Explain a diagnostic code, a term, a statement, or a service.
///
/// The page of a code describes the cause and shows a wrong and a right example. For a service, lists the
/// objects that are emitted and what acts on each of them in the cluster.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc explain E0403               a diagnostic code
  erpc explain                     the list of all codes
  erpc explain slo                 a term or a statement
  erpc explain erp-apps.hl7-health the objects of a service, and what acts on each")]
pub(crate) struct Arguments {
    /// Code, term, statement or service [default: list all codes].
    #[arg(add = ArgValueCompleter::new(names::codes_and_services))]
    name: Option<String>,
    /// For a service: project directory or file [default: nearest platform.erp in this or a parent directory].
    path: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        let page = match &self.name {
            None => list(),
            Some(name) => match page(name) {
                Some(page) => {
                    self.reads_no_platform(name)?;
                    page
                }
                None => self.service(name)?,
            },
        };
        self.output
            .write_with(console, || format::json(&page.data), |_| page.text);
        Ok(Exit::Done)
    }

    /// Refuses what only a service of a platform takes.
    fn reads_no_platform(&self, name: &str) -> Result<(), Failure> {
        let given = match (&self.path, &self.source.profile) {
            (Some(path), _) => format!("`{}`", path.display()),
            (None, Some(profile)) => format!("`--profile {profile}`"),
            (None, None) => return Ok(()),
        };
        Err(Failure::Usage(format!(
            "`{name}` is not a service, so {given} has no effect: only a service is followed by a project directory or file"
        )))
    }

    /// The objects that are emitted for a service, and who acts on each.
    fn service(&self, name: &str) -> Result<Page, Failure> {
        // What looks like a code is one, whatever platform is near.
        if is_like_a_code(name) || self.path.is_none() && Project::find(None).is_err() {
            return Err(Failure::Failed(unknown(name)));
        }
        let compiled = self.source.find(self.path.as_deref())?.compile();
        // What is nearly a word is one, whatever is wrong with the platform.
        if compiled.result.is_none() && nearest_known(name).is_some() {
            return Err(Failure::Failed(unknown(name)));
        }
        let checked = compiled.checked()?;
        let platform = &checked.platform;
        match facts::find(platform, name) {
            Ok(found) => match found.subject {
                Subject::Service(id) if found.is_whole => Ok(of_service(&checked, id)),
                _ => Err(Failure::Failed(format!(
                    "`{name}` is no service: `erpc show {name}` shows what it is"
                ))),
            },
            Err(missing) => Err(Failure::Failed(match &missing {
                facts::Missing::Unknown {
                    nearest: Some(near),
                    ..
                } => format!(
                    "there is no code, term, word or service `{name}`; did you mean `{near}`?"
                ),
                facts::Missing::Ambiguous(_) => super::show::why(platform, &missing),
                facts::Missing::Unknown { .. } => unknown(name),
            })),
        }
    }
}

/// What is shown of a subject.
struct Page {
    data: Value,
    text: String,
}

/// All codes.
fn list() -> Page {
    let all = codes::ALL.iter();
    let all = all.map(|code| json!({ "code": code.id, "title": code.title }));
    let mut text = String::new();
    for code in codes::ALL {
        push_line!(text, "{}  {}", code.id, code.title);
    }
    let data = json!({ "version": 1, "codes": all.collect::<Vec<_>>() });
    Page { data, text }
}

/// A code, a term or a word.
fn page(name: &str) -> Option<Page> {
    if let Some(code) = codes::find(name) {
        let data = json!({ "version": 1, "code": code.id, "title": code.title, "page": code.page });
        let text = code.document();
        return Some(Page { data, text });
    }
    if let Some(term) = glossary::term(name) {
        let data = json!({
            "version": 1, "term": term.name, "stands_for": term.stands_for,
            "text": term.text, "words": term.words,
        });
        let mut text = of_term(term);
        // A term that is a word too says how it is written.
        for word in words().filter(|w| w.name.eq_ignore_ascii_case(term.name)) {
            push_line!(text, "\n    {}\n\n{}", word.form, word.doc);
        }
        return Some(Page { data, text });
    }
    // A word that stands in several blocks may be declared for each of them.
    let declared: Vec<&Word> = words().filter(|word| word.name == name).collect();
    if declared.is_empty() {
        return None;
    }
    let all = declared.iter();
    let places = all.clone().flat_map(|word| word.places);
    let places: Vec<&str> = places.map(|place| place.name()).collect();
    let forms: Vec<&str> = all.clone().map(|word| word.form).collect();
    let texts: Vec<&str> = all.clone().map(|word| word.doc).collect();
    let parts = all.flat_map(|word| word.parts);
    let parts = parts.map(|(form, text)| json!({ "form": form, "text": text }));
    let mut data = json!({
        "version": 1, "word": name, "form": forms.join(" | "), "text": texts.join(" "), "places": places,
        "parts": parts.collect::<Vec<_>>(),
    });
    let mut text = of_word(name, &declared);
    if name == "defaults" {
        data["strict"] = json!(erpc_emit::ADDED);
        text.push_str("\n`defaults strict` adds:\n");
        text.push_str(&strict_text());
    }
    Some(Page { data, text })
}

/// What `defaults strict` adds, a paragraph each.
fn strict_text() -> String {
    let mut text = String::new();
    for added in erpc_emit::ADDED {
        let field = match added.field {
            "" => "the object",
            field => field,
        };
        push_line!(
            text,
            "\n  {} {field}: {}\n      because {}; changed by {}",
            added.kinds,
            added.value,
            added.why,
            added.change
        );
    }
    text
}

/// The code or word that a name resembles.
fn nearest_known(name: &str) -> Option<&'static str> {
    let codes = codes::ALL.iter().map(|code| code.id);
    let words = words().map(|word| word.name);
    nearest(&name.to_ascii_uppercase(), codes).or_else(|| nearest(name, words))
}

fn unknown(name: &str) -> String {
    let near = nearest_known(name);
    let kind = if is_like_a_code(name) {
        "code"
    } else {
        "code, term or word"
    };
    let hint = near.map_or_else(
        || "`erpc explain` lists the codes".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    format!("there is no {kind} `{name}`; {hint}")
}

/// A letter and digits.
fn is_like_a_code(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(char::is_alphabetic)
        && chars.clone().next().is_some()
        && chars.all(|c| c.is_ascii_digit())
}

fn of_term(term: &Term) -> String {
    let mut text = format!("# {}", term.name);
    if !term.stands_for.is_empty() {
        push_text!(text, ": {}", term.stands_for);
    }
    let words: Vec<String> = term.words.iter().map(|word| format!("`{word}`")).collect();
    push_line!(
        text,
        "\n\n{}\n\nIn the language: {}.",
        term.text,
        words.join(", ")
    );
    text
}

fn of_word(name: &str, declared: &[&Word]) -> String {
    let mut text = format!("# {name}\n");
    for word in declared {
        push_line!(text, "\n    {}\n\n{}", word.form, word.doc);
        for (form, doc) in word.parts {
            push_line!(text, "\n    {form}\n\n{doc}");
        }
        let places: Vec<&str> = word.places.iter().map(|place| place.name()).collect();
        push_line!(text, "\nIt stands {}.", places.join(", "));
    }
    for term in glossary::terms_of(name) {
        push_line!(text, "\n{}: {}", term.name, term.text);
    }
    text
}

fn of_service(checked: &Checked, id: ServiceId) -> Page {
    let platform = &checked.platform;
    let (own, shared) = objects_around(platform, &checked.derived, &checked.sources, id);
    let namespace = platform[platform[id].namespace].name.value.as_str();
    let is_around = |object: &Object| {
        object.namespace() == Some(namespace)
            || object.kind() == Kind::Namespace && object.name() == namespace
    };
    let own: Vec<_> = pairs(&own).collect();
    let around: Vec<_> = pairs(&shared)
        .filter(|(_, object)| is_around(object))
        .collect();
    let path = platform.path(id);
    let data = json!({
        "version": 1, "service": path, "objects": data_of(&own), "of_namespace": data_of(&around),
    });
    let mut text = format!("# {path}: its objects, and who acts on each\n");
    described(&own, &mut text);
    push_line!(text, "\n# {namespace}: what its namespace has for it");
    described(&around, &mut text);
    Page { data, text }
}

fn data_of(list: &[(&ObjectFile, &Object)]) -> Vec<Value> {
    let all = list.iter().map(|(file, object)| {
        let acts = actors(object).into_iter();
        let acts = acts.map(|actor| json!({ "actor": actor.name, "does": actor.does }));
        json!({
            "kind": object.kind().as_str(), "name": object.name(), "namespace": object.namespace(),
            "file": file.path, "actors": acts.collect::<Vec<_>>(),
        })
    });
    all.collect()
}

fn pairs(files: &[ObjectFile]) -> impl Iterator<Item = (&ObjectFile, &Object)> {
    let all = files.iter();
    all.flat_map(|file| file.objects.iter().map(move |object| (file, object)))
}

fn described(list: &[(&ObjectFile, &Object)], text: &mut String) {
    for (file, object) in list {
        push_line!(text, "\n{} {}  {}", object.kind(), object.name(), file.path);
        for actor in actors(object) {
            push_line!(text, "  {}: {}", actor.name, actor.does);
        }
    }
}
