//! `erpc init`: a platform to start from. The templates are the examples.

use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use erpc_model::nearest;
use serde::{Serialize, Serializer};

use crate::console::Console;
use crate::format::{Answer, Output, Plain};
use crate::project::describe;
use crate::text::push_line;
use crate::{Exit, Failure};

/// Create a platform from a template.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc init                        the template `hello` in this directory
  erpc init shop --template shop   three tiers, in a new directory
  erpc init --name web-shop        name the platform web-shop
  erpc init --list                 list the templates")]
pub(crate) struct Arguments {
    /// Project directory, created if missing.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Template to start from.
    #[arg(long, default_value = "hello", value_name = "NAME")]
    template: String,
    /// Name of the platform, also in the cluster; asked on a terminal [default: that of the template].
    #[arg(long, value_name = "PLATFORM")]
    name: Option<String>,
    /// List the templates and write nothing.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    output: Output,
}

/// A template: a name, what it shows, and its files.
#[derive(Serialize)]
struct Template {
    about: &'static str,
    #[serde(serialize_with = "names_of")]
    files: &'static [(&'static str, &'static str)],
    name: &'static str,
}

/// The names of files.
fn names_of<S: Serializer>(files: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(files.iter().map(|(name, _)| name))
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
    template!(
        "company",
        "an application with a database, workers and jobs, in production and staging",
        "platform.erp",
        "clusters.erp",
        "data.erp",
        "billing.erp"
    ),
];

impl Arguments {
    pub(crate) fn run(&self, console: &mut Console<'_>) -> Result<Exit, Failure> {
        if self.list {
            self.output.write(&Templates::ALL, console);
            return Ok(Exit::Done);
        }
        let template = template(&self.template).map_err(Failure::Usage)?;
        // `.` is where the user stands: `platform.erp` reads better than `./platform.erp`.
        let folder = self.path.strip_prefix(".").unwrap_or(&self.path);
        for (name, _) in template.files {
            let path = folder.join(name);
            if path.exists() {
                return Err(Failure::Failed(format!(
                    "{}: it exists already; nothing was written",
                    path.display()
                )));
            }
        }
        let name = self.platform_name(template).map_err(Failure::Usage)?;
        let existing = existing_manifests(&self.path);
        let is_here = folder.as_os_str().is_empty();
        if !is_here {
            fs::create_dir_all(folder).map_err(|error| Failure::io(folder, &error))?;
        }
        for (file, text) in template.files {
            let path = folder.join(file);
            create(&path, &started(text, &name))?;
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
        if let Some(input) = existing {
            console.note(&format!(
                "there are manifests here: `erpc import {input} --out shop` makes a platform of them"
            ));
        }
        Ok(Exit::Done)
    }

    /// The name that the platform gets: the given one, else the answer to a question, else the template's.
    fn platform_name(&self, template: &Template) -> Result<String, String> {
        let own = template
            .files
            .iter()
            .find_map(|(_, text)| platform_of(text));
        let own = own.unwrap_or(template.name);
        let name = match &self.name {
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
        if name.is_empty() && self.name.is_none() {
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
}

/// What `--list` shows.
#[derive(Serialize)]
struct Templates {
    templates: &'static [Template],
    version: u32,
}

impl Templates {
    const ALL: Self = Self {
        templates: TEMPLATES,
        version: 1,
    };
}

impl Answer for Templates {
    type Format = Plain;

    fn text(&self, _: Plain) -> String {
        let mut text = String::new();
        for template in self.templates {
            push_line!(text, "{:14}{}", template.name, template.about);
        }
        text
    }
}

/// The template of a name.
fn template(name: &str) -> Result<&'static Template, String> {
    if let Some(template) = TEMPLATES.iter().find(|template| template.name == name) {
        return Ok(template);
    }
    let names: Vec<&str> = TEMPLATES.iter().map(|template| template.name).collect();
    let hint = nearest(name, names.iter().copied()).map_or_else(
        || format!("there are {}", names.join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    Err(format!("there is no template `{name}`; {hint}"))
}

/// What `erpc import` takes of a folder that has manifests, a chart or a file of Compose; only its own files and folders
/// one below are looked at.
fn existing_manifests(folder: &Path) -> Option<String> {
    let has = |path: &Path, names: &[&'static str]| -> Option<&'static str> {
        let mut names = names.iter();
        names.find(|name| path.join(name).is_file()).copied()
    };
    let at = |path: &Path| path.strip_prefix(".").unwrap_or(path).display().to_string();
    // A folder that cannot be read has nothing to offer.
    let entries = fs::read_dir(folder).ok()?;
    let mut below: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    below.sort();
    let folders = below.iter().filter(|path| path.is_dir());
    for path in std::iter::once(&folder.to_path_buf()).chain(folders) {
        if has(path, &["Chart.yaml"]).is_some() {
            return Some(format!("--helm {}", path.display()));
        }
        if has(path, &["kustomization.yaml", "kustomization.yml"]).is_some() {
            return Some(format!("--kustomize {}", path.display()));
        }
        let compose = [
            "compose.yaml",
            "compose.yml",
            "docker-compose.yaml",
            "docker-compose.yml",
        ];
        if let Some(name) = has(path, &compose) {
            return Some(format!("--compose {}", at(&path.join(name))));
        }
        let mut files: Vec<PathBuf> = fs::read_dir(path)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| crate::manifests::is_manifest(path) && path.is_file())
            .collect();
        files.sort();
        if files.iter().any(|path| is_object(path)) {
            return Some(path.display().to_string());
        }
    }
    None
}

/// Whether a file begins as an object of Kubernetes does.
fn is_object(path: &Path) -> bool {
    // Import is not offered for a file that cannot be read.
    let Ok(text) = fs::read_to_string(path) else {
        return false;
    };
    let mut lines = text.lines().take(200);
    lines.any(|line| {
        line.starts_with("apiVersion:") || line.trim_start().starts_with("\"apiVersion\"")
    })
}

/// Writes a file that does not exist yet.
fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let why = if error.kind() == ErrorKind::AlreadyExists {
            "it exists already".to_owned()
        } else {
            describe(&error)
        };
        Failure::Failed(format!("{}: {why}", path.display()))
    })
}

const PLATFORM: &str = "\nplatform ";

/// The name of a template's own platform.
fn platform_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(PLATFORM)?;
    rest.split_whitespace().next()
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
