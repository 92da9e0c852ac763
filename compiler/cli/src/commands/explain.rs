//! `erpc explain`: the page of a code, a term of the field, a word of the language, or the objects
//! of a service with who acts on each.

use std::fmt::Write;

use erpc_diagnostics::codes;
use erpc_emit::{Kind, Object, ObjectFile, actors, objects_around};
use erpc_model::facts::{self, Subject};
use erpc_model::glossary::{self, Term};
use erpc_model::properties::{Word, words};
use erpc_model::{ServiceId, nearest};
use serde_json::{Value, json};

use super::{find, has_format};
use crate::Exit;
use crate::arguments::{Common, Explain, Format};
use crate::console::Console;
use crate::project::{Compiled, Project};

pub(crate) fn run(command: &Explain, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("explain", &[Format::Human, Format::Json], common, console) {
        return Exit::Usage;
    }
    let Some(name) = &command.name else {
        list(common, console);
        return Exit::Done;
    };
    if let Some(path) = command.path.as_ref().filter(|_| !is_of_platform(command)) {
        console.fail(&format!(
            "`{name}` is not a service, so `{}` has no effect: only a service is followed by a project directory or file",
            path.display()
        ));
        return Exit::Usage;
    }
    if let Some(code) = codes::find(name) {
        let page = json!({ "version": 1, "code": code.id, "title": code.title, "page": code.page });
        say(common, console, &page, &code.document());
        return Exit::Done;
    }
    if let Some(term) = glossary::term(name) {
        let page = json!({
            "version": 1, "term": term.name, "stands_for": term.stands_for,
            "text": term.text, "words": term.words,
        });
        let mut text = of_term(term);
        // A term that is a word too says how it is written.
        for word in words().filter(|w| w.name.eq_ignore_ascii_case(term.name)) {
            let _ = writeln!(text, "\n    {}\n\n{}", word.form, word.doc);
        }
        say(common, console, &page, &text);
        return Exit::Done;
    }
    // A word that stands in several blocks may be declared for each of them.
    let declared: Vec<&Word> = words().filter(|word| word.name == name).collect();
    if !declared.is_empty() {
        let all = declared.iter();
        let places = all.clone().flat_map(|word| word.places);
        let places: Vec<&str> = places.map(|place| place.name()).collect();
        let forms: Vec<&str> = all.clone().map(|word| word.form).collect();
        let texts: Vec<&str> = all.clone().map(|word| word.doc).collect();
        let parts = all.flat_map(|word| word.parts);
        let parts = parts.map(|(form, text)| json!({ "form": form, "text": text }));
        let page = json!({
            "version": 1, "word": name, "form": forms.join(" | "), "text": texts.join(" "), "places": places,
            "parts": parts.collect::<Vec<_>>(),
        });
        say(common, console, &page, &of_word(name, &declared));
        return Exit::Done;
    }
    // What looks like a code is one, whatever platform is near.
    if is_like_a_code(name) || command.path.is_none() && Project::find(None).is_err() {
        console.fail(&unknown(name));
        return Exit::Failed;
    }
    service(command, name, common, console)
}

/// Whether it is about a service of a platform, not about a code, a term or a word.
pub(crate) fn is_of_platform(command: &Explain) -> bool {
    command.name.as_ref().is_some_and(|name| {
        let is_word = words().any(|word| word.name == name);
        codes::find(name).is_none() && glossary::term(name).is_none() && !is_word
    })
}

fn say(common: &Common, console: &mut Console<'_>, page: &Value, text: &str) {
    if common.format == Format::Json {
        console.result(&format!("{page:#}\n"));
    } else {
        console.result(text);
    }
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
        let _ = write!(text, ": {}", term.stands_for);
    }
    let words: Vec<String> = term.words.iter().map(|word| format!("`{word}`")).collect();
    let _ = writeln!(
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
        let _ = writeln!(text, "\n    {}\n\n{}", word.form, word.doc);
        for (form, doc) in word.parts {
            let _ = writeln!(text, "\n    {form}\n\n{doc}");
        }
        let places: Vec<&str> = word.places.iter().map(|place| place.name()).collect();
        let _ = writeln!(text, "\nIt stands {}.", places.join(", "));
    }
    for term in glossary::terms_of(name) {
        let _ = writeln!(text, "\n{}: {}", term.name, term.text);
    }
    text
}

/// The objects that are emitted for a service, and who acts on each.
fn service(command: &Explain, name: &str, common: &Common, console: &mut Console<'_>) -> Exit {
    let Some(project) = find(command.path.as_deref(), common, console) else {
        return Exit::Failed;
    };
    let compiled = project.compile();
    let Some((platform, _)) = &compiled.result else {
        // What is nearly a word is one, whatever is wrong with the platform.
        if nearest_known(name).is_some() {
            console.fail(&unknown(name));
        } else {
            console.diagnostics(&compiled.diagnostics, &compiled.sources, None);
        }
        return Exit::Failed;
    };
    match facts::find(platform, name) {
        Ok(found) => match found.subject {
            Subject::Service(id) if found.is_whole => {
                of_service(&compiled, id, common, console);
                Exit::Done
            }
            _ => {
                console.fail(&format!(
                    "`{name}` is no service: `erpc show {name}` shows what it is"
                ));
                Exit::Failed
            }
        },
        Err(missing) => {
            let message = match &missing {
                facts::Missing::Unknown {
                    nearest: Some(near),
                    ..
                } => format!(
                    "there is no code, term, word or service `{name}`; did you mean `{near}`?"
                ),
                facts::Missing::Ambiguous(_) => super::show::why(platform, &missing),
                facts::Missing::Unknown { .. } => unknown(name),
            };
            console.fail(&message);
            Exit::Failed
        }
    }
}

fn of_service(compiled: &Compiled, id: ServiceId, common: &Common, console: &mut Console<'_>) {
    let Some((platform, derived)) = &compiled.result else {
        return;
    };
    let (own, shared) = objects_around(platform, derived, &compiled.sources, id);
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
    let data = |list: &[(&ObjectFile, &Object)]| -> Vec<Value> {
        let all = list.iter().map(|(file, object)| {
            let acts = actors(object).into_iter();
            let acts = acts.map(|actor| json!({ "actor": actor.name, "does": actor.does }));
            json!({
                "kind": object.kind().as_str(), "name": object.name(), "namespace": object.namespace(),
                "file": file.path, "actors": acts.collect::<Vec<_>>(),
            })
        });
        all.collect()
    };
    let page = json!({
        "version": 1, "service": path, "objects": data(&own), "of_namespace": data(&around),
    });
    let mut text = format!("# {path}: its objects, and who acts on each\n");
    described(&own, &mut text);
    let _ = writeln!(text, "\n# {namespace}: what its namespace has for it\n");
    text.truncate(text.len() - 1);
    described(&around, &mut text);
    say(common, console, &page, &text);
}

fn pairs(files: &[ObjectFile]) -> impl Iterator<Item = (&ObjectFile, &Object)> {
    let all = files.iter();
    all.flat_map(|file| file.objects.iter().map(move |object| (file, object)))
}

fn described(list: &[(&ObjectFile, &Object)], text: &mut String) {
    for (file, object) in list {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{} {}  {}", object.kind(), object.name(), file.path);
        for actor in actors(object) {
            let _ = writeln!(text, "  {}: {}", actor.name, actor.does);
        }
    }
}

fn list(common: &Common, console: &mut Console<'_>) {
    let all: Vec<_> = codes::ALL
        .iter()
        .map(|code| json!({ "code": code.id, "title": code.title }))
        .collect();
    let mut text = String::new();
    for code in codes::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", code.id, code.title);
    }
    say(
        common,
        console,
        &json!({ "version": 1, "codes": all }),
        &text,
    );
}
