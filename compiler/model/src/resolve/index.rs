//! The first pass: which things a program declares, by name, before anything is looked at inside.

use std::collections::BTreeMap;

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Arg, Block, Broken, Expr, Ident, Sign, Statement};
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::state::{ComponentDeclared, Declared, NamespaceDeclared, Resolver};
use super::under::Switched;

use crate::args::Args;
use crate::eval::Constant;
use crate::ids::Id;
use crate::platform::{Component, ComponentId, NamespaceId, ProfileId};
use crate::properties::{self, BlockKind, Word};

/// Declarations that are found by a pass over all of their kind, and how many a program may have of each. It is
/// resolved under each profile.
const COUNTED: [(&str, usize); 5] = [
    ("accept", 10_000),
    ("cluster", 10_000),
    ("profile", 100),
    ("rule", 10_000),
    ("test", 10_000),
];

impl<'a> Resolver<'a> {
    /// Fills the index from all files and reports what is declared twice.
    pub(super) fn collect(&mut self) {
        let loaded = self.loaded;
        self.check_version();
        for file in &loaded.files {
            if !file.broken.is_empty() {
                gather_broken(
                    &file.tree.statements,
                    &file.tree.broken,
                    &mut self.broken_names,
                );
            }
            for statement in &file.tree.statements {
                let Some(word) = self.word(statement, BlockKind::Program) else {
                    self.broken_names.extend(second_word(statement));
                    continue;
                };
                self.collect_one(word, statement, file.module.as_ref());
            }
        }
    }

    /// The program's first statement says the language version.
    fn check_version(&mut self) {
        let Some(root) = self.loaded.files.first() else {
            return;
        };
        let first = root.tree.statements.first();
        if first
            .and_then(Statement::head)
            .is_none_or(|(word, _)| word != "erp")
        {
            if !root.tree.broken.is_empty() && first.is_none() {
                return;
            }
            let start = Span::new(root.id, 0, 0);
            self.report(
                Diagnostic::new(&codes::MISSING_VERSION, "missing language version")
                    .at(start, "missing here")
                    .help("its first line is `erp 1`")
                    .fix("add `erp 1`", start, "erp 1\n\n"),
            );
        }
    }

    fn collect_one(
        &mut self,
        word: &'static Word,
        statement: &'a Statement,
        module: Option<&SmolStr>,
    ) {
        if !self.count_declaration(word, statement) {
            return;
        }
        if module.is_some() && !matches!(word.name, "erp" | "use" | "component" | "let" | "rule") {
            self.report(
                Diagnostic::new(
                    &codes::UNKNOWN_STATEMENT,
                    format!("a library module cannot declare a `{}`", word.name),
                )
                .at(statement.span, "only components, rules and constants"),
            );
            return;
        }
        match word.name {
            "erp" => self.language_version(statement, word),
            "use" => {}
            "root" => self.check_root(statement),
            "tiers" => self.index.tiers.push(statement),
            "allow" => self.index.allows.push((None, statement)),
            "expose" => self.index.exposes.push((None, statement)),
            "manifests" => self.index.manifests.push((None, statement)),
            "never" | "always" => self.index.assertions.push(statement),
            "profile" => self.index.profiles.push(statement),
            "accept" => self.index.accepts.push(statement),
            "moved" => self.index.moves.push(statement),
            "let" => self.collect_constant(statement, word, module),
            "component" => self.collect_component(statement, word, module),
            "rule" => self.collect_rule(statement, module),
            "test" => self.index.tests.push(statement),
            "platform" | "cluster" | "namespace" | "external" | "secret" => {
                self.collect_named(word, statement);
            }
            // A word without a reader would be accepted and ignored.
            name => self.report(crate::normalize::unknown_word(
                name,
                statement.span,
                BlockKind::Program,
            )),
        }
    }

    /// `root` was read when the files were loaded; it stands in the root file, once.
    fn check_root(&mut self, statement: &'a Statement) {
        let first = self.loaded.files.first().and_then(|root| {
            let mut statements = root.tree.statements.iter();
            statements.find(|one| one.head().is_some_and(|(word, _)| word == "root"))
        });
        match first {
            Some(first) if first.span == statement.span => {}
            Some(first) => self.report(
                Diagnostic::new(&codes::REPEATED_PROPERTY, "`root` is set twice")
                    .at(statement.span, "set again")
                    .also(first.span, "first set here")
                    .help("keep the one in the root file"),
            ),
            None => self.report(
                Diagnostic::new(
                    &codes::UNKNOWN_STATEMENT,
                    "`root` stands in the root file of the program",
                )
                .at(statement.span, "in another file"),
            ),
        }
    }

    /// Counts a declaration of a kind that is looked up in a list; `false` beyond the limit, which is
    /// reported once.
    fn count_declaration(&mut self, word: &'static Word, statement: &Statement) -> bool {
        let Some((_, most)) = COUNTED.iter().find(|(name, _)| *name == word.name) else {
            return true;
        };
        let count = self.index.counts.entry(word.name).or_default();
        *count += 1;
        let (is_first_beyond, is_counted) = (*count == most + 1, *count <= *most);
        if is_first_beyond {
            let most = if *most == 100 { "100" } else { "10,000" };
            let message = format!(
                "the program has more than {most} `{}` declarations",
                word.name
            );
            self.report_budget(statement.span, &message);
        }
        is_counted
    }

    fn language_version(&mut self, statement: &'a Statement, word: &'static Word) {
        let mut args = Args::new(&statement.args[1..], statement.span, word.form);
        let Some(expr) = args.need_expr("the version, `1`", &mut self.diagnostics) else {
            return;
        };
        args.finish(&mut self.diagnostics);
        let written = self.loaded.sources.text(expr.span);
        if written != "1" {
            self.report(
                Diagnostic::new(
                    &codes::UNKNOWN_LANGUAGE,
                    format!("unsupported language version `{written}`: expected `1`"),
                )
                .at(expr.span, "not known")
                .help("write `erp 1`, or use a newer compiler")
                .fix("write `1`", expr.span, "1"),
            );
        }
    }

    fn collect_named(&mut self, word: &'static Word, statement: &'a Statement) {
        let Some(declared) = self.declared(statement, word, None) else {
            return;
        };
        match word.name {
            "platform" => {
                if let Some(first) = &self.index.platform {
                    let (first, name) = (first.name.clone(), declared.name.clone());
                    self.report(
                        Diagnostic::new(
                            &codes::DUPLICATE_NAME,
                            "a program has exactly one platform",
                        )
                        .at(name.span, "the second")
                        .also(first.span, "the first"),
                    );
                } else {
                    self.index.platform = Some(declared);
                }
            }
            "cluster" => {
                let first = self
                    .index
                    .clusters
                    .iter()
                    .find(|c| c.name.text == declared.name.text);
                let first = first.map(|c| c.name.span);
                if self.is_new(first, &declared.name, "cluster") {
                    self.index.clusters.push(declared);
                }
            }
            "secret" => self.collect_secret(None, declared, None),
            "external" => {
                let first = self.taken(&declared.name.text);
                if self.is_new(first, &declared.name, "external") {
                    self.index
                        .externals
                        .insert(declared.name.text.clone(), declared);
                }
            }
            _ => self.collect_namespace(declared, None),
        }
    }

    /// Namespaces and externals share one name space.
    fn taken(&self, name: &str) -> Option<Span> {
        let namespace = self
            .index
            .namespaces
            .get(name)
            .map(|n| n.declared.name.span);
        namespace.or_else(|| self.index.externals.get(name).map(|e| e.name.span))
    }

    pub(super) fn is_new(&mut self, first: Option<Span>, name: &Ident, what: &str) -> bool {
        if let Some(first) = first {
            self.report(
                Diagnostic::new(
                    &codes::DUPLICATE_NAME,
                    format!("`{}` is declared twice", name.text),
                )
                .at(name.span, format!("the {what} is declared again"))
                .also(first, "the first declaration"),
            );
        }
        first.is_none()
    }

    /// A secret; that of a profile is laid over one of the same name.
    fn collect_secret(
        &mut self,
        namespace: Option<SmolStr>,
        declared: Declared<'a>,
        profile: Option<ProfileId>,
    ) {
        let key = (namespace, declared.name.text.clone());
        match (self.index.secrets.remove(&key), profile) {
            (Some(mut below), Some(profile)) => {
                self.is_layer(&mut below, declared, "secret", profile);
                self.index.secrets.insert(key, below);
            }
            (Some(first), None) => {
                self.is_new(Some(first.name.span), &declared.name, "secret");
                self.index.secrets.insert(key, first);
            }
            (None, _) => {
                self.index.secrets.insert(key, declared);
            }
        }
    }

    /// A namespace; that of a profile is laid over one of the same name.
    fn collect_namespace(&mut self, declared: Declared<'a>, profile: Option<ProfileId>) {
        let ident = declared.name.clone();
        let name = ident.text.clone();
        let block = declared.block;
        let known = profile.and_then(|_| self.index.namespaces.remove(&name));
        let mut namespace = match (known, profile) {
            (Some(mut namespace), Some(profile)) => {
                if self.is_layer(&mut namespace.declared, declared, "namespace", profile) {
                    namespace
                } else {
                    self.index.namespaces.insert(name, namespace);
                    return;
                }
            }
            _ => {
                let first = self.taken(&name);
                if !self.is_new(first, &declared.name, "namespace") {
                    return;
                }
                let services = BTreeMap::new();
                NamespaceDeclared { declared, services }
            }
        };
        for statement in block.map_or(&[][..], |block| &block.statements) {
            self.collect_member(&ident, statement, &mut namespace.services, profile);
        }
        self.index.namespaces.insert(name, namespace);
    }

    /// What a namespace declares.
    fn collect_member(
        &mut self,
        namespace: &Ident,
        statement: &'a Statement,
        services: &mut BTreeMap<SmolStr, (bool, Declared<'a>)>,
        profile: Option<ProfileId>,
    ) {
        let Some((head, _)) = statement.head() else {
            return;
        };
        let Some(word) = properties::word(head, BlockKind::Namespace) else {
            return;
        };
        match word.name {
            "service" | "job" => {
                let what = |name| Switched::Service(namespace.clone(), name);
                let is_off =
                    profile.is_some_and(|profile| self.switches_off(what, statement, profile));
                if is_off {
                    return;
                }
                let Some(service) = self.declared(statement, word, None) else {
                    self.broken_names.extend(second_word(statement));
                    self.index.has_nameless = true;
                    return;
                };
                self.index.has_nameless |= service.name.span.start == service.name.span.end;
                let is_job = word.name == "job";
                match (services.get_mut(&service.name.text), profile) {
                    (Some((known, below)), Some(profile)) if *known == is_job => {
                        self.is_layer(below, service, word.name, profile);
                    }
                    (Some((_, first)), _) => {
                        let first = first.name.span;
                        self.is_new(Some(first), &service.name, word.name);
                    }
                    (None, _) => {
                        services.insert(service.name.text.clone(), (is_job, service));
                    }
                }
            }
            "allow" => {
                let namespace = Some(namespace.text.clone());
                self.index.allows.push((namespace, statement));
            }
            "expose" => {
                let namespace = Some(namespace.text.clone());
                self.index.exposes.push((namespace, statement));
            }
            "manifests" => {
                let namespace = Some(namespace.text.clone());
                self.index.manifests.push((namespace, statement));
            }
            "secret" => {
                if let Some(secret) = self.declared(statement, word, None) {
                    self.collect_secret(Some(namespace.text.clone()), secret, profile);
                }
            }
            _ => {}
        }
    }

    /// Lays the declaration of a profile over that of its name, unless the profile has declared it before, which is
    /// reported.
    fn is_layer(
        &mut self,
        below: &mut Declared<'a>,
        above: Declared<'a>,
        what: &str,
        profile: ProfileId,
    ) -> bool {
        let own = below.above.last().filter(|last| last.profile == profile);
        let first = own.map(|own| own.name);
        let is_new = self.is_new(first, &above.name, what);
        if is_new {
            below.lay(profile, above);
        }
        is_new
    }

    /// What a profile declares, beside paths.
    pub(super) fn collect_of_profile(
        &mut self,
        word: &'static Word,
        statement: &'a Statement,
        profile: ProfileId,
    ) {
        let is_off = match word.name {
            "namespace" => self.switches_off(Switched::Namespace, statement, profile),
            "external" => self.switches_off(Switched::External, statement, profile),
            _ => false,
        };
        if is_off {
            return;
        }
        match word.name {
            "let" => {
                if let Some(name) = second_word(statement) {
                    self.constants.remove(&(None, name));
                }
                self.collect_constant(statement, word, None);
            }
            "namespace" | "external" | "cluster" | "secret" => {
                let Some(declared) = self.declared(statement, word, None) else {
                    return;
                };
                let name = declared.name.text.clone();
                match word.name {
                    "namespace" => self.collect_namespace(declared, Some(profile)),
                    "secret" => self.collect_secret(None, declared, Some(profile)),
                    "external" => match self.index.externals.remove(&name) {
                        Some(mut below) => {
                            self.is_layer(&mut below, declared, "external", profile);
                            self.index.externals.insert(name, below);
                        }
                        None => self.collect_named(word, statement),
                    },
                    _ => {
                        let mut clusters = std::mem::take(&mut self.index.clusters);
                        let below = clusters.iter_mut().find(|below| below.name.text == name);
                        match below {
                            Some(below) => {
                                self.is_layer(below, declared, "cluster", profile);
                            }
                            None => clusters.push(declared),
                        }
                        self.index.clusters = clusters;
                    }
                }
            }
            _ => self.collect_one(word, statement, None),
        }
    }

    fn collect_constant(
        &mut self,
        statement: &'a Statement,
        word: &'static Word,
        module: Option<&SmolStr>,
    ) {
        let mut args = Args::new(&statement.args[1..], statement.span, word.form);
        let Some(name) = args.need_name("the constant's name", &mut self.diagnostics) else {
            return;
        };
        let key = (module.cloned(), name.text.clone());
        let first = self.constants.get(&key).map(|c| c.name.span);
        if self.is_new(first, &name, "constant") {
            self.constants.insert(key, Constant::new(name, statement));
        }
    }

    fn collect_component(
        &mut self,
        statement: &'a Statement,
        word: &'static Word,
        module: Option<&SmolStr>,
    ) {
        use erpc_syntax::tree::ExprKind;
        let mut args = Args::new(&statement.args[1..], statement.span, word.form);
        let Some(head) = args.need_expr("the component's name", &mut self.diagnostics) else {
            return;
        };
        let name = match &head.kind {
            ExprKind::Call(call) => call.callee.as_word().cloned().map(|text| Ident {
                text,
                span: call.callee_span,
            }),
            _ => head.as_word().cloned().map(|text| Ident {
                text,
                span: head.span,
            }),
        };
        let Some(name) = name else {
            self.report(
                Diagnostic::new(&codes::WRONG_SHAPE, "a component has a plain name")
                    .at(head.span, "not a name")
                    .help(format!("it is written `{}`", word.form)),
            );
            return;
        };
        self.check_component_name(&name);
        let Some((bases, _, block)) = self.tail(&mut args) else {
            return;
        };
        let key = (module.cloned(), name.text.clone());
        let first = self
            .layers
            .component_ids
            .get(&key)
            .map(|id| self.layers.components[id.index()].span);
        if !self.is_new(first, &name, "component") {
            return;
        }
        let id = ComponentId::from_index(self.layers.components.len());
        self.layers.component_ids.insert(key, id);
        self.layers.components.push(Component {
            name: module.map_or_else(
                || name.text.clone(),
                |m| format!("std.{m}.{}", name.text).into(),
            ),
            span: name.span,
            doc: statement.doc(),
        });
        self.index.components.push(ComponentDeclared {
            declared: Declared {
                name,
                statement,
                bases,
                every: None,
                block,
                module: module.cloned(),
                above: Vec::new(),
            },
            head,
        });
    }

    fn check_component_name(&mut self, name: &Ident) {
        if !name.text.starts_with(|c: char| c.is_ascii_uppercase())
            || name.text.contains(['-', '_'])
        {
            self.report(
                Diagnostic::new(&codes::BAD_NAME, format!("invalid component name `{}`", name.text))
                    .at(name.span, "not in PascalCase")
                    .help("components are written in PascalCase, so that they are told from services: `Release`"),
            );
        }
    }

    /// The name and the rest of `word NAME [every E] [is A, B] { … }`.
    pub(super) fn declared(
        &mut self,
        statement: &'a Statement,
        word: &'static Word,
        module: Option<&SmolStr>,
    ) -> Option<Declared<'a>> {
        let mut args = Args::new(&statement.args[1..], statement.span, word.form);
        let name = args.need_name(
            &format!("the name of the {}", word.name),
            &mut self.diagnostics,
        )?;
        self.check_name(&name, word.name);
        let (bases, every, block) = self.tail(&mut args)?;
        Some(Declared {
            name,
            statement,
            bases,
            every,
            block,
            module: module.cloned(),
            above: Vec::new(),
        })
    }
    fn tail(
        &mut self,
        args: &mut Args<'a>,
    ) -> Option<(Vec<&'a Expr>, Option<&'a Expr>, Option<&'a Block>)> {
        let mut every = None;
        if args.word("every").is_some() {
            every = Some(args.need_expr("the schedule in quotes", &mut self.diagnostics)?);
        }
        let mut bases = Vec::new();
        if args.word("is").is_some() {
            loop {
                bases.push(args.need_expr("a component", &mut self.diagnostics)?);
                if args.sign(Sign::Comma).is_none() {
                    break;
                }
            }
        }
        let block = args.block();
        args.finish(&mut self.diagnostics);
        Some((bases, every, block))
    }

    /// Gives namespaces and services their ids: by name, so that the order of files never shows.
    pub(super) fn assign_ids(&mut self) {
        for (n, (name, namespace)) in (0..).map(NamespaceId).zip(&self.index.namespaces) {
            self.names.namespace_ids.insert(name.clone(), n);
            for name in namespace.services.keys() {
                self.names.add_service(n, name);
            }
        }
        self.names.declared = self.names.homes.len();
    }
}

/// The words of everything in the statements that could not be read.
fn gather_broken(statements: &[Statement], broken: &[Broken], into: &mut FxHashSet<SmolStr>) {
    into.extend(
        broken
            .iter()
            .flat_map(|broken| broken.words.iter().cloned()),
    );
    for statement in statements {
        for arg in &statement.args {
            if let Arg::Block(block) = arg {
                gather_broken(&block.statements, &block.broken, into);
            }
        }
    }
}

/// The word behind the head, for what could not be understood.
fn second_word(statement: &Statement) -> Option<SmolStr> {
    match statement.args.get(1) {
        Some(Arg::Expr(expr)) => expr.as_word().cloned(),
        _ => None,
    }
}
