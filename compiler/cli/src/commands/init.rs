//! `erpc init`: a platform to start from. The templates are the examples.

use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;

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
    let is_here = folder.as_os_str().is_empty();
    if !is_here && let Err(error) = fs::create_dir_all(folder) {
        console.fail(&format!("{}: {}", folder.display(), describe(&error)));
        return Exit::Failed;
    }
    for (name, text) in template.files {
        let path = folder.join(name);
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
