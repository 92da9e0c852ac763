//! The whole: facts first, then clusters, tiers, namespaces, services, and what joins them.

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use erpc_syntax::tree::Block;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::namespace::demand_nothing_if_unread;
use super::settings::Settings;
use super::state::{Declared, Parts, Resolver};
use super::under::Owner;
use crate::ids::Id;
use crate::origin::{Sourced, Via};
use crate::platform::{
    self, Cluster, ClusterId, ComponentId, Container, Defaults, External, Manifest, NamespaceId,
    Platform, PlatformStatements, Scaling, Service, ServiceId,
};
use crate::properties::BlockKind;
use crate::statements::Statements;
use crate::value::Value;

/// The text that a statement of the platform sets.
type TextOf = fn(&PlatformStatements) -> Option<&str>;

/// The statements of the platform block whose values expressions can use, each as far as it is set.
const FACTS: [(&str, TextOf); 4] = [
    ("version", |it| {
        let is_set = it.version.origin.via != Via::Default;
        is_set.then_some(it.version.value.as_str())
    }),
    ("domain", |it| Some(it.domain.as_ref()?.value.as_str())),
    ("environment", |it| Some(&it.environment.value)),
    ("registry", |it| Some(&it.registry.value)),
];

impl<'a> Resolver<'a> {
    /// Builds the platform; `None` where the program declares none or a part cannot be known.
    pub(super) fn platform(&mut self) -> Option<Platform> {
        let Some(declared) = self.index.platform.clone() else {
            self.report_missing_platform();
            self.check_constants();
            return None;
        };
        let owner = Some(Owner::Platform);
        let settings = self.settings_of_declared(&declared, BlockKind::Platform, owner);
        let defaults = self.blocks_of("namespaces", &settings);
        self.parts.suffix = self.suffix(&defaults);
        self.set_facts(&declared, &settings);
        self.check_imports();
        self.parts.tiers = self.tiers();
        self.parts.secrets = self.secrets();
        self.check_components();
        self.namespaces(&settings, &defaults);
        let manifests = self.manifests();
        let (raw, taken) = self.raw_workloads(&manifests);
        let of_services = self.services();
        self.parts.services.extend(raw.into_iter().map(Some));
        for (other, manifest) in taken {
            self.report_taken_name(other, manifest);
        }
        self.fill_addresses();
        let clusters = self.clusters();
        let externals = self.externals();
        let flows = self.flows(&of_services);
        let (routes, addresses) = self.exposures(&of_services);
        let assertions = self.assertions();
        let (accepts, accepted_files) = self.accepts();
        let moves = self.moves();
        let rules = self.rules();
        let tests = self.tests(&rules);
        let cluster = self.chosen_cluster(&declared, &settings, &clusters);
        self.check_constants();
        if !self.diagnostics.has_errors() {
            self.check_unused_imports();
        }
        // All of the platform is looked at before the first part that is missing ends it.
        let statements = self.platform_statements(&declared, &settings);
        let mut services = self.whole_services(&statements.registry.value);
        let nodes = cluster.and_then(|id| clusters[id.index()].nodes.as_ref());
        count_nodes(&mut services, nodes.map(|nodes| nodes.value.count));
        if statements.version.origin.via == Via::Default {
            return None;
        }
        let cluster = cluster?;
        let mut name = declared.sourced_name();
        name.value = self.suffixed(&name.value);
        let Parts {
            tiers,
            namespaces,
            secrets,
            suffix,
            ..
        } = std::mem::take(&mut self.parts);
        Some(Platform {
            name,
            suffix,
            cluster,
            doc: declared.statement.doc(),
            clusters,
            tiers,
            namespaces,
            services,
            externals,
            flows,
            routes,
            addresses,
            secrets,
            manifests,
            components: std::mem::take(&mut self.layers.components),
            uses: std::mem::take(&mut self.layers.uses),
            assertions,
            profiles: Vec::new(),
            rules,
            tests,
            profile: None,
            switched_off: Vec::new(),
            has_statements_of_profile: false,
            accepts,
            accepted_files,
            moves,
            statements,
        })
    }

    /// The statements of the platform block; reports a version that is missing.
    fn platform_statements(
        &mut self,
        declared: &Declared<'a>,
        settings: &Settings<'a>,
    ) -> PlatformStatements {
        let mut statements = PlatformStatements::new();
        self.read_statements(&mut statements, settings);
        statements.registries.insert(0, statements.registry.clone());
        if settings.top("version").is_none() {
            self.report(
                Diagnostic::new(&codes::MISSING_PROPERTY, "the platform has no version")
                    .at(declared.name.span, "no `version`")
                    .unless_said(declared.name.span, "version")
                    .help("add `version \"1.0.0\"`"),
            );
        }
        statements
    }

    /// All services. In the place of one that could not be read is a bare one, to which nothing refers: so every other
    /// mistake is found in one run. A program with such a service has errors, so that nothing is emitted from it.
    fn whole_services(&mut self, registry: &str) -> Vec<Service> {
        let Parts {
            namespaces,
            services,
            ..
        } = &mut self.parts;
        let is_read: Vec<bool> = services.iter().map(Option::is_some).collect();
        for namespace in &mut *namespaces {
            namespace.services.retain(|id| is_read[id.index()]);
        }
        let names = self.index.namespaces.values();
        let names = names.flat_map(|namespace| namespace.services.values());
        let mut all = std::mem::take(services);
        let raw = all.split_off(self.names.declared.min(all.len()));
        let all = all.into_iter().zip(names.zip(&self.names.homes));
        let whole = all.map(|(service, ((_, declared), home))| {
            let mut service = service.unwrap_or_else(|| {
                let name = declared.sourced_name();
                let mut main = Container::new(name.clone());
                main.image.value.registry = registry.into();
                Service::new(name, *home, main)
            });
            service
                .statements
                .after
                .retain(|after| is_read[after.value.index()]);
            if service.availability.is_none() && !service.is_job() {
                let slo = namespaces[home.index()].slo.clone();
                service.statements.availability = slo.map(|mut slo| {
                    slo.origin.via = Via::Namespace;
                    slo
                });
            }
            service
        });
        // A raw workload is always read.
        whole.chain(raw.into_iter().flatten()).collect()
    }

    fn report_missing_platform(&mut self) {
        let Some(root) = self.loaded.files.first() else {
            return;
        };
        if self.broken_names.contains("platform") {
            return;
        }
        let length = self.loaded.sources.get(root.id).map_or(0, |s| s.text.len());
        let end = u32::try_from(length).unwrap_or(u32::MAX);
        self.report(
            Diagnostic::new(&codes::MISSING_PLATFORM, "missing `platform` block")
                .at(Span::new(root.id, end, end), "nowhere up to here")
                .help("add `platform NAME { version \"1.0.0\"; cluster NAME }`"),
        );
    }

    /// `platform.name`, `platform.version` and so on, for expressions.
    fn set_facts(&mut self, declared: &Declared<'a>, settings: &Settings<'a>) {
        // Facts may use constants, but not each other: they are evaluated in this order.
        let name = self.suffixed(&declared.name.text);
        self.facts.push(("name", Value::Text(name)));
        let before = self.diagnostics.clone();
        let mut statements = PlatformStatements::new();
        for (word, value) in FACTS {
            if let Some(statement) = PlatformStatements::statement(word) {
                self.read_statement(statement, &mut statements, settings);
            }
            let value = value(&statements).map_or(Value::Unknown, |text| Value::Text(text.into()));
            self.facts.push((word, value));
        }
        // What is wrong with them is reported where the platform itself is built.
        self.diagnostics = before;
    }

    /// `defaults` of the platform, which its namespaces inherit. What is wrong with it is reported where the platform
    /// itself is built.
    fn defaults_of_platform(&mut self, settings: &Settings<'a>) -> Sourced<Defaults> {
        let before = self.diagnostics.clone();
        let mut statements = PlatformStatements::new();
        if let Some(statement) = PlatformStatements::statement("defaults") {
            self.read_statement(statement, &mut statements, settings);
        }
        self.diagnostics = before;
        demand_nothing_if_unread(&mut statements.defaults, settings);
        statements.defaults
    }

    fn chosen_cluster(
        &mut self,
        declared: &Declared<'a>,
        settings: &Settings<'a>,
        clusters: &[Cluster],
    ) -> Option<ClusterId> {
        let Some(setting) = settings.top("cluster").cloned() else {
            let names: Vec<&str> = clusters.iter().map(|c| c.name.value.as_str()).collect();
            self.report(
                Diagnostic::new(&codes::MISSING_PROPERTY, "the platform names no cluster")
                    .at(declared.name.span, "no `cluster`")
                    .unless_said(declared.name.span, "cluster")
                    .help(if names.is_empty() {
                        "declare one with `cluster NAME { … }` and add `cluster NAME` to the platform".to_owned()
                    } else {
                        format!("add `cluster …`: {}", listed(names, 9))
                    }),
            );
            return None;
        };
        let mut args = setting.args();
        let name = args.need_name("the cluster's name", &mut self.diagnostics)?;
        args.finish(&mut self.diagnostics);
        if let Some(at) = clusters.iter().position(|c| c.name.value == name.text) {
            return Some(ClusterId::from_index(at));
        }
        if !self.broken_names.contains(&name.text) {
            self.report_unknown_cluster(&name.text, name.span);
        }
        None
    }

    /// The blocks of a statement that consists of one, those of profiles above that of the program.
    pub(super) fn blocks_of(
        &mut self,
        word: &'static str,
        settings: &Settings<'a>,
    ) -> Vec<&'a Block> {
        let stacks = settings.of(word).flatten().cloned();
        let all: Vec<_> = stacks.collect();
        let mut blocks = Vec::new();
        for setting in all {
            let mut args = setting.args();
            let block = args.block();
            if block.is_none() {
                args.expected("`{ … }`", &mut self.diagnostics);
            }
            args.finish(&mut self.diagnostics);
            blocks.extend(block);
        }
        blocks
    }

    fn namespaces(&mut self, settings: &Settings<'a>, defaults: &[&'a Block]) {
        self.parts.services_of_platform = self.blocks_of("services", settings);
        let all = self.index.namespaces.values();
        let all: Vec<Declared<'a>> = all.map(|namespace| namespace.declared.clone()).collect();
        let unnamed = self.add_unnamed_tier();
        let of_platform = self.defaults_of_platform(settings);
        for (id, declared) in (0..).map(NamespaceId).zip(&all) {
            let namespace = self.namespace(id, declared, defaults, of_platform.clone(), unnamed);
            self.parts.namespaces.push(namespace);
        }
        self.drop_unnamed_tier(unnamed);
    }

    /// The workloads among the manifests as services of their namespaces, whose names are known from here on; and those
    /// whose name another one has, each with that one.
    fn raw_workloads<'m>(
        &mut self,
        manifests: &'m [Manifest],
    ) -> (Vec<Service>, Vec<(ServiceId, &'m Manifest)>) {
        let namespaces: FxHashMap<&str, NamespaceId> = (0..)
            .map(NamespaceId)
            .zip(&self.parts.namespaces)
            .map(|(id, namespace)| (namespace.name.value.as_str(), id))
            .collect();
        let found = platform::raw_workloads(manifests, |name| namespaces.get(name).copied());
        let (mut raw, mut taken) = (Vec::with_capacity(found.len()), Vec::new());
        for (service, manifest) in found {
            let key = (service.namespace, service.name.value.clone());
            match self.names.service_ids.get(&key).copied() {
                Some(other) => taken.push((other, manifest)),
                None => {
                    self.names.add_service(service.namespace, &key.1);
                    raw.push(service);
                }
            }
        }
        (raw, taken)
    }

    /// Reports a workload among the manifests whose name another one of its namespace has.
    fn report_taken_name(&mut self, other: ServiceId, manifest: &Manifest) {
        // One that could not be read was reported.
        let Some(Some(other)) = self.parts.services.get(other.index()) else {
            return;
        };
        // The same object twice is reported as that.
        if other.kind() == manifest.kind && other.workload_name().value == manifest.name.value {
            return;
        }
        let what = match &other.raw {
            Some(_) => "another manifest",
            None => "a service of the namespace",
        };
        let message = format!("{} has the name of {what}", manifest.title());
        let found = Diagnostic::new(&codes::DUPLICATE_NAME, message)
            .at(manifest.name.span(), "this manifest")
            .also(other.name.span(), "has the name too")
            .also(manifest.statement, "taken by this statement")
            .help("flows name both by it: rename the service and keep the names of its objects with `identity`, or rename the object in the file");
        self.report(found);
    }

    /// Reads the services; gives the settings of each.
    fn services(&mut self) -> Vec<(ServiceId, Settings<'a>)> {
        let namespaces = self.index.namespaces.iter();
        let all = namespaces.flat_map(|(name, namespace)| {
            let services = namespace.services.values();
            services.map(move |(is_job, declared)| (name.clone(), *is_job, declared.clone()))
        });
        let all: Vec<(SmolStr, bool, Declared<'a>)> = all.collect();
        let mut settings = Vec::with_capacity(all.len());
        for (id, (namespace, is_job, declared)) in (0..).map(ServiceId).zip(all) {
            let home = self.names.homes[id.index()];
            let namespace = self.suffixed(&namespace);
            let (service, own) = self.service(id, home, &namespace, is_job, &declared);
            self.parts.services.push(service);
            settings.push((id, own));
        }
        settings
    }

    fn externals(&mut self) -> Vec<External> {
        let all: Vec<Declared<'a>> = self.index.externals.values().cloned().collect();
        all.iter().map(|declared| self.external(declared)).collect()
    }

    fn external(&mut self, declared: &Declared<'a>) -> External {
        let settings = self.settings_of_declared(declared, BlockKind::External, None);
        let mut external = External::new(declared.sourced_name());
        external.doc = declared.statement.doc();
        self.read_statements(&mut external, &settings);
        if external.cidrs.is_empty() && external.dns_names.is_empty() {
            self.report(
                Diagnostic::new(
                    &codes::MISSING_PROPERTY,
                    format!("the external `{}` has no addresses", declared.name.text),
                )
                .at(declared.name.span, "neither `cidr` nor `dns`")
                .unless_said(declared.name.span, "cidr")
                .unless_said(declared.name.span, "dns")
                .help("add its addresses as `cidr`, and its name as `dns \"db.example.org\"`"),
            );
        }
        external
    }

    /// `use std.x.Name` of a name that nothing in the program is.
    fn check_unused_imports(&mut self) {
        let used: FxHashSet<ComponentId> = self.layers.uses.iter().map(|u| u.component).collect();
        let imports = &self.loaded.imports;
        let files = &self.loaded.files;
        for import in imports {
            let key = (Some(import.module.clone()), import.name.clone());
            let by = files.iter().find(|file| file.id == import.by);
            let is_own = by.is_some_and(|file| file.module.is_none());
            let is_used = match self.layers.component_ids.get(&key) {
                Some(id) => Some(used.contains(id)),
                None => self.is_rule_used(&import.module, &import.name),
            };
            if is_own && is_used == Some(false) {
                self.report(
                    Diagnostic::new(
                        &codes::UNUSED_IMPORT,
                        format!("unused import `{}`", import.name),
                    )
                    .at(import.span, "not used")
                    .help("remove it from the `use`"),
                );
            }
        }
    }

    /// `use std.x.Name` of a name that the module does not have.
    fn check_imports(&mut self) {
        let imports = &self.loaded.imports;
        for import in imports {
            let key = (Some(import.module.clone()), import.name.clone());
            let is_loaded = self
                .loaded
                .files
                .iter()
                .any(|f| f.module.as_ref() == Some(&import.module));
            let is_known = self.layers.component_ids.contains_key(&key)
                || self.has_rule(&import.module, &import.name);
            if is_known || !is_loaded {
                continue;
            }
            let known: Vec<SmolStr> = self
                .layers
                .component_ids
                .keys()
                .filter(|(owner, _)| owner.as_ref() == Some(&import.module))
                .map(|(_, name)| name.clone())
                .chain(self.rule_names(&import.module).cloned())
                .collect();
            let same = known
                .iter()
                .find(|known| known.eq_ignore_ascii_case(&import.name));
            let near = same.map(SmolStr::as_str).or_else(|| {
                erpc_diagnostics::nearest(&import.name, known.iter().map(SmolStr::as_str))
            });
            let mut diagnostic = Diagnostic::new(
                &codes::UNKNOWN_IMPORT,
                format!("`std.{}` has no `{}`", import.module, import.name),
            )
            .at(import.span, "not in the module");
            diagnostic = diagnostic.suggest(near, import.span, |diagnostic| {
                diagnostic.help(format!(
                    "it has {}",
                    listed(known.iter().map(SmolStr::as_str), 12)
                ))
            });
            let elsewhere = crate::stdlib::module_of(&import.name)
                .or_else(|| crate::stdlib::module_of_rule(&import.name));
            if let Some(module) = elsewhere {
                diagnostic = diagnostic.help(format!(
                    "`std.{module}` has one: `use std.{module}.{}`",
                    import.name
                ));
            }
            self.report(diagnostic);
        }
    }
}

/// A service with a pod on each node has as many as the cluster declares nodes.
fn count_nodes(services: &mut [Service], nodes: Option<u32>) {
    for service in services {
        if let Scaling::PerNode(count) = &mut service.statements.scaling {
            count.value = nodes;
        }
    }
}
