//! `erpc init`: a platform to start from. The templates are the examples.

use std::fmt::Write;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, ErrorKind, IsTerminal};

use erpc_model::nearest;
use serde_json::json;

use crate::Exit;
use crate::arguments::{Common, Format, Init};
use crate::console::Console;
use crate::project::describe;

/// A template: a name, what it shows, and its files.
struct Template {
    name: &'static str,
    about: &'static str,
    files: &'static [(&'static str, &'static str)],
}

macro_rules! template {
    ($name:literal, $about:literal, $($file:literal),+) => {
        Template {
            name: $name,
            about: $about,
            files: &[$(($file, include_str!(concat!("../../../../examples/", $name, "/", $file)))),+],
        }
    };
}

const TEMPLATES: &[Template] = &[
    template!("hello", "one service with a route", "platform.erp"),
    template!(
        "shop",
        "three tiers, flows between them, a rule each",
        "platform.erp"
    ),
    template!(
        "gossip",
        "a stateful store whose replicas find each other",
        "platform.erp"
    ),
    template!(
        "external",
        "a database outside the cluster, by its addresses",
        "platform.erp"
    ),
    template!(
        "environments",
        "several clusters and files, one component",
        "platform.erp",
        "clusters.erp",
        "services.erp"
    ),
];

pub(crate) fn run(command: &Init, common: &Common, console: &mut Console<'_>) -> Exit {
    if command.list && common.format == Format::Json {
        let templates = TEMPLATES.iter().map(|template| {
            let files = template.files.iter().map(|(name, _)| *name);
            json!({
                "name": template.name, "about": template.about,
                "files": files.collect::<Vec<_>>(),
            })
        });
        let list = json!({ "version": 1, "templates": templates.collect::<Vec<_>>() });
        console.result(&format!("{list:#}\n"));
        return Exit::Done;
    }
    if command.list {
        let mut text = String::new();
        for template in TEMPLATES {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:14}{}", template.name, template.about);
        }
        console.result(&text);
        return Exit::Done;
    }
    let Some(template) = TEMPLATES.iter().find(|t| t.name == command.template) else {
        let names: Vec<&str> = TEMPLATES.iter().map(|t| t.name).collect();
        let hint = nearest(&command.template, names.iter().copied()).map_or_else(
            || format!("there are {}", names.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        console.fail(&format!(
            "there is no template `{}`; {hint}",
            command.template
        ));
        return Exit::Usage;
    };
    // `.` is where the user stands: `platform.erp` reads better than `./platform.erp`.
    let folder = command.path.strip_prefix(".").unwrap_or(&command.path);
    for (name, _) in template.files {
        let path = folder.join(name);
        if path.exists() {
            console.fail(&format!(
                "{}: it exists already; nothing was written",
                path.display()
            ));
            return Exit::Failed;
        }
    }
    let name = match named(command, template) {
        Ok(name) => name,
        Err(problem) => {
            console.fail(&problem);
            return Exit::Usage;
        }
    };
    let is_here = folder.as_os_str().is_empty();
    if !is_here && let Err(error) = fs::create_dir_all(folder) {
        console.fail(&format!("{}: {}", folder.display(), describe(&error)));
        return Exit::Failed;
    }
    for (file, text) in template.files {
        let path = folder.join(file);
        let text = started(text, &name);
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        if let Err(error) = written {
            let why = if error.kind() == ErrorKind::AlreadyExists {
                "it exists already".to_owned()
            } else {
                describe(&error)
            };
            console.fail(&format!("{}: {why}", path.display()));
            return Exit::Failed;
        }
        console.result(&format!("create {}\n", path.display()));
    }
    let path = if is_here {
        String::new()
    } else {
        format!(" {}", folder.display())
    };
    console.note(&format!(
        "next: `erpc check{path}`, then `erpc build{path}`"
    ));
    Exit::Done
}

const PLATFORM: &str = "\nplatform ";

/// The name of a template's own platform.
fn platform_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(PLATFORM)?;
    rest.split_whitespace().next()
}

/// The name that the platform gets: the given one, else the answer to a question, else the template's.
fn named(command: &Init, template: &Template) -> Result<String, String> {
    let own = template
        .files
        .iter()
        .find_map(|(_, text)| platform_of(text));
    let own = own.unwrap_or(template.name);
    let name = match &command.name {
        Some(name) => name.clone(),
        None if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => {
            eprint!("Name of the platform [{own}]: ");
            let mut answer = String::new();
            let read = std::io::stdin().lock().read_line(&mut answer);
            read.map_err(|error| format!("the answer cannot be read: {error}"))?;
            answer.trim().to_owned()
        }
        None => String::new(),
    };
    if name.is_empty() && command.name.is_none() {
        return Ok(own.to_owned());
    }
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = (1..=63).contains(&name.len())
        && name.chars().all(is_allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-');
    if is_label {
        return Ok(name);
    }
    Err(format!(
        "invalid platform name `{name}`: expected 1 to 63 lower-case letters, digits and `-`, a letter first"
    ))
}

/// A file of a template as the start of a platform of its own: with the platform's name, and an id by which
/// a cluster tells it from others of that name.
fn started(text: &str, name: &str) -> String {
    let Some((before, rest)) = text.split_once(PLATFORM) else {
        return text.to_owned();
    };
    let Some((_, block)) = rest.split_once("{\n") else {
        return text.to_owned();
    };
    let text = format!(
        "{before}{PLATFORM}{name} {{\n  id \"{}\"\n{block}",
        random_id()
    );
    // Templates align the values of neighbouring lines.
    super::fmt::formatted("platform.erp", &text).text
}

/// 64 random bits: the seed of the standard library's hash maps comes from the operating system.
fn random_id() -> String {
    let random = std::collections::hash_map::RandomState::new().build_hasher();
    format!("{:016x}", random.finish())
}
