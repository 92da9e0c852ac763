//! Resolution: from the trees of a program to its [`Platform`]. In order: declarations are
//! indexed, the platform's facts and constants become known, clusters, namespaces and services
//! are built layer by layer, and the flows between them become ids.

pub(crate) mod addresses;
mod assertions;
mod cluster;
mod container;
mod ends;
mod exposures;
mod flows;
mod health;
mod index;
mod job;
mod missing_use;
mod mounts;
mod moved;
mod namespace;
mod partial;
mod platform;
mod profile;
mod resources;
mod rules;
mod service;
mod settings;
mod terms;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, Diagnostics, FileId, Span, codes};
use erpc_syntax::tree::{Ident, Statement, StringPart};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use crate::consequences::innermost;
use crate::eval::{Budget, Scope};
use crate::kubernetes;
use crate::names::listed;
use crate::platform::{
    Component, ComponentId, ComponentUse, NamespaceId, Platform, Secret, ServiceId,
};
use crate::profile::check_profiles;
use crate::properties::{self, Place, Word};
use crate::value::Value;
use crate::{Files, Loaded};

pub(crate) use profile::unknown_profile;

use index::Index;

/// What a program means.
pub struct Resolved {
    /// The platform; `None` if it has none.
    pub platform: Option<Platform>,
    /// What was found.
    pub diagnostics: Diagnostics,
    /// Paths and texts of the templates that were evaluated. Their ids follow those of the sources, to
    /// which they are to be added in this order.
    pub templates: Vec<(String, String)>,
}

/// Resolves a program.
pub fn resolve(loaded: &Loaded, files: &dyn Files) -> Resolved {
    let mut resolver = Resolver {
        loaded,
        files,
        diagnostics: Diagnostics::new(),
        index: Index::default(),
        facts: Vec::new(),
        constants: FxHashMap::default(),
        texts: FxHashMap::default(),
        templates: Vec::new(),
        template_places: FxHashMap::default(),
        template_calls: Vec::new(),
        budget: Budget::default(),
        depth: 0,
        is_too_deep: false,
        has_too_many_expansions: false,
        components: Vec::new(),
        component_ids: FxHashMap::default(),
        uses: Vec::new(),
        reported_circles: FxHashSet::default(),
        missing_uses: BTreeMap::default(),
        unknown_tiers: FxHashSet::default(),
        secrets: Vec::new(),
        takes_addresses: false,
        addresses: Vec::new(),
        namespace_ids: FxHashMap::default(),
        service_ids: FxHashMap::default(),
        services_by_name: FxHashMap::default(),
        ingress_ports: Vec::new(),
    };
    resolver.collect();
    let platform = resolver.platform();
    resolver.report_missing_uses();
    let mut diagnostics = resolver.diagnostics;
    let templates = resolver.templates.into_iter();
    let templates = templates.map(|template| (template.path, template.text.to_string()));
    let templates = templates.collect();
    if let Some(platform) = &platform
        && !diagnostics.has_errors()
    {
        diagnostics.extend(check_profiles(platform));
    }
    Resolved {
        platform,
        diagnostics,
        templates,
    }
}

/// A file that `template` evaluates.
pub(crate) struct Template {
    pub(crate) path: String,
    /// The file that names it: paths in the template are seen from there.
    pub(crate) from: String,
    pub(crate) text: Rc<str>,
    /// `None` if it cannot be parsed, which was reported.
    pub(crate) parts: Option<Rc<[StringPart]>>,
}

/// The state of a resolution.
pub(crate) struct Resolver<'a> {
    pub(crate) loaded: &'a Loaded,
    pub(crate) files: &'a dyn Files,
    pub(crate) diagnostics: Diagnostics,
    index: Index<'a>,
    /// `platform.version` and the like.
    pub(crate) facts: Vec<(&'static str, Value)>,
    constants: FxHashMap<(Option<SmolStr>, SmolStr), Constant<'a>>,
    /// Files read by `file` and `template`; `None` where that failed and was reported.
    pub(crate) texts: FxHashMap<String, Option<Rc<str>>>,
    /// The templates that were evaluated.
    pub(crate) templates: Vec<Template>,
    /// The place of each by its path.
    pub(crate) template_places: FxHashMap<String, usize>,
    /// The templates that are being evaluated, each with the call that uses it.
    pub(crate) template_calls: Vec<(FileId, Span)>,
    pub(crate) budget: Budget,
    /// How many evaluations are open, one inside the other.
    pub(crate) depth: usize,
    /// Whether components extend each other too deep, which was reported.
    is_too_deep: bool,
    /// Whether it was reported that an owner expands too many components.
    has_too_many_expansions: bool,
    components: Vec<Component>,
    component_ids: FxHashMap<(Option<SmolStr>, SmolStr), ComponentId>,
    uses: Vec<ComponentUse>,
    /// Circles of components that were reported, each as its sorted members.
    reported_circles: FxHashSet<Vec<ComponentId>>,
    /// Names of the library that are used without a `use`, by module: what each is, and where.
    missing_uses: BTreeMap<(SmolStr, SmolStr), (&'static str, BTreeSet<Span>)>,
    /// Tiers that a namespace says and `tiers` does not, which were reported.
    unknown_tiers: FxHashSet<SmolStr>,
    secrets: Vec<Secret>,
    namespace_ids: FxHashMap<SmolStr, NamespaceId>,
    service_ids: FxHashMap<(NamespaceId, SmolStr), ServiceId>,
    services_by_name: FxHashMap<SmolStr, Vec<ServiceId>>,
    /// Whether what is evaluated may name addresses of services, and those that were.
    pub(crate) takes_addresses: bool,
    pub(crate) addresses: Vec<addresses::Asked>,
    /// The ports that each cluster's ingress controller names, in the order of the clusters.
    ingress_ports: Vec<(ServiceId, Vec<Ident>)>,
}

/// A `let`.
struct Constant<'a> {
    name: Ident,
    statement: &'a Statement,
    state: ConstantState,
    is_used: bool,
}

enum ConstantState {
    New,
    Open,
    Done(Option<Value>),
}

impl<'a> Resolver<'a> {
    pub(crate) fn report(&mut self, mut diagnostic: Diagnostic) {
        if let Some((file, call)) = self.template_calls.last().copied()
            && diagnostic.span().file == file
        {
            diagnostic = diagnostic.also(call, "the template is used here");
        }
        // What is missing may stand in the part that could not be read.
        let is_missing = diagnostic.code == &codes::MISSING_PROPERTY;
        if is_missing && self.is_in_broken_statement(diagnostic.span()) {
            return;
        }
        self.diagnostics.push(diagnostic);
    }

    /// Whether something of this name is declared by what could not be read.
    pub(crate) fn is_broken_name(&self, name: &SmolStr) -> bool {
        self.index.broken_names.contains(name)
    }

    /// Whether the innermost block around a place that could not be read belongs to a statement
    /// that has `span` in its head.
    fn is_in_broken_statement(&self, span: Span) -> bool {
        self.loaded
            .file(span.file)
            .into_iter()
            .flat_map(|file| &file.broken)
            .any(|broken| {
                let file = self.loaded.file(span.file);
                file.and_then(|file| innermost(&file.tree.statements, broken.start))
                    .is_some_and(|statement| {
                        statement.span.start <= span.start && span.end <= statement.span.end
                    })
            })
    }

    /// The id of a template among the sources.
    pub(crate) fn template_id(&self, at: usize) -> FileId {
        FileId(u32::try_from(self.loaded.sources.count() + at).unwrap_or(u32::MAX))
    }

    fn template_of(&self, file: FileId) -> Option<&Template> {
        let first = self.template_id(0).0;
        self.templates.get(file.0.checked_sub(first)? as usize)
    }

    /// The source under a span, also of a template.
    pub(crate) fn written(&self, span: Span) -> &str {
        match self.template_of(span.file) {
            Some(template) => template
                .text
                .get(span.start as usize..span.end as usize)
                .unwrap_or_default(),
            None => self.loaded.sources.text(span),
        }
    }

    /// The path of a file from which others are seen.
    pub(crate) fn path_of(&self, file: FileId) -> String {
        match self.template_of(file) {
            Some(template) => template.from.clone(),
            None => {
                let source = self.loaded.sources.get(file);
                source.map_or_else(String::new, |source| source.path.clone())
            }
        }
    }

    /// The value of a constant; `None` where there is no such constant, `Some(None)` where it
    /// has no value, which was reported.
    pub(crate) fn constant(&mut self, name: &SmolStr, scope: &Scope) -> Option<Option<Value>> {
        let key = (scope.module.clone(), name.clone());
        let constant = self.constants.get_mut(&key)?;
        constant.is_used = true;
        match &constant.state {
            ConstantState::Done(value) => return Some(value.clone()),
            ConstantState::Open => {
                let span = constant.name.span;
                constant.state = ConstantState::Done(None);
                self.report(
                    Diagnostic::new(
                        &codes::EVALUATION_BUDGET,
                        format!("`{name}` is defined by itself"),
                    )
                    .at(span, "its value needs its value"),
                );
                return Some(None);
            }
            ConstantState::New => constant.state = ConstantState::Open,
        }
        let statement = constant.statement;
        let value = self.constant_value(statement, scope.module.clone());
        if let Some(constant) = self.constants.get_mut(&key) {
            constant.state = ConstantState::Done(value.clone());
        }
        Some(value)
    }

    /// Whether the program declares a constant of this name.
    pub(crate) fn is_constant(&self, name: &SmolStr) -> bool {
        self.constants.contains_key(&(None, name.clone()))
    }

    /// The names of the constants that a scope can see.
    pub(crate) fn constant_names(&self, scope: &Scope) -> impl Iterator<Item = &str> {
        let module = scope.module.clone();
        self.constants
            .keys()
            .filter(move |(owner, _)| *owner == module)
            .map(|(_, name)| name.as_str())
    }

    /// The entry of the word that starts a statement in `place`; reports an unknown one.
    pub(crate) fn word(&mut self, statement: &Statement, place: Place) -> Option<&'static Word> {
        // What starts with no word at all is reported where the tree is mended.
        let (head, span) = statement.head()?;
        let word = properties::word(head, place);
        if word.is_none() {
            self.report(crate::mend::unknown_word(head, span, place));
        }
        word
    }

    /// Reports a text that Kubernetes does not accept as what it is used for.
    pub(crate) fn check_text(
        &mut self,
        what: &str,
        text: &str,
        span: Span,
        rule: impl Fn(&str) -> Option<String>,
    ) {
        if let Some(why) = rule(text) {
            let shown: String = text.chars().take(80).collect();
            self.report(
                Diagnostic::new(
                    &codes::BAD_NAME,
                    format!("invalid {what} `{}`: {why}", shown.escape_debug()),
                )
                .at(span, format!("not accepted as {what}")),
            );
        }
    }

    /// Checks a name that is being declared: a DNS label (RFC 1123 §2.1) of at most 63 characters
    /// that starts with a letter.
    fn check_name(&mut self, name: &Ident, what: &str) {
        let text = name.text.as_str();
        if RESERVED.contains(&text) {
            self.report(
                Diagnostic::new(
                    &codes::RESERVED_NAME,
                    format!("`{text}` cannot be the name of a {what}"),
                )
                .at(name.span, "a word of the language")
                .help(format!("{} mean something themselves", listed(RESERVED, 9))),
            );
        } else if let Some(why) = kubernetes::not_a_namespace(text).filter(|_| what == "namespace")
        {
            self.report(
                Diagnostic::new(
                    &codes::RESERVED_NAME,
                    format!("`{text}` cannot be a namespace of a platform: {why}"),
                )
                .at(name.span, "not a namespace of your own")
                .help("choose another name: a platform manages its namespaces as a whole, with a policy that denies all other traffic"),
            );
        } else if text.len() > 63 {
            let shown: String = text.chars().take(24).collect();
            self.report(
                Diagnostic::new(
                    &codes::NAME_TOO_LONG,
                    format!(
                        "the {what} `{shown}…` has a name of {} characters; Kubernetes takes 63",
                        text.chars().count()
                    ),
                )
                .at(name.span, format!("{} characters", text.chars().count())),
            );
        } else if let Some((bad, at)) = first_bad_character(text) {
            let start = name.span.start + u32::try_from(at).unwrap_or(0);
            let end = start + u32::try_from(bad.len_utf8()).unwrap_or(1);
            let mut diagnostic = Diagnostic::new(
                &codes::BAD_NAME,
                format!("`{text}` is no name for a {what}: {}", describe(bad, at, text)),
            )
            .at(Span::new(name.span.file, start, end), "this character")
            .help("a name has lower-case letters a to z, digits and `-`; it starts with a letter and does not end with `-`");
            let mended = mended(text);
            // Others call it by the name that it should have.
            self.index.broken_names.push(mended.as_str().into());
            if first_bad_character(&mended).is_none() && !mended.is_empty() {
                diagnostic = diagnostic.fix(format!("write `{mended}`"), name.span, mended);
            }
            self.report(diagnostic);
        }
    }
}

/// Names that the language keeps for itself.
const RESERVED: [&str; 7] = [
    "internet", "cluster", "tier", "self", "off", "true", "false",
];

/// The first character that makes a text no DNS label, with its offset.
fn first_bad_character(text: &str) -> Option<(char, usize)> {
    let last = text.len().checked_sub(1)?;
    text.char_indices()
        .find(|(at, c)| {
            !(c.is_ascii_lowercase()
                || (*at > 0 && (c.is_ascii_digit() || (*c == '-' && *at < last))))
        })
        .map(|(at, c)| (c, at))
}

fn describe(bad: char, at: usize, text: &str) -> String {
    if let Some((latin, alphabet)) = erpc_syntax::latin_twin(bad) {
        return format!(
            "the `{bad}` is {alphabet}, U+{:04X}, and only looks like `{latin}`",
            u32::from(bad)
        );
    }
    if bad.is_ascii_uppercase() {
        return format!("`{bad}` is upper case");
    }
    if at == 0 {
        return format!("it starts with `{bad}`");
    }
    if bad == '-' && at + 1 == text.len() {
        return "it ends with `-`".to_owned();
    }
    format!("it has a `{bad}`")
}

/// The name that was probably meant.
fn mended(text: &str) -> String {
    let mapped: String = text
        .chars()
        .map(|c| match erpc_syntax::latin_twin(c) {
            Some((latin, _)) => latin,
            None if c == '_' => '-',
            None => c.to_ascii_lowercase(),
        })
        .collect();
    mapped.trim_end_matches('-').to_owned()
}
