//! Services and jobs: from their settings to the model. Every word of a service is read in one
//! place here or in a neighbour (`container`, `health`, `mounts`).

use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{ExprKind, Ident};
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::container::Required;
use super::namespace::{demand_nothing_if_unread, inherited};
use super::settings::{Off, Setting, Settings, statement_and_paths};
use super::state::Declared;
use super::state::Resolver;
use crate::args::Args;
use crate::eval::{Scope, Standpoint};
use crate::origin::{Origin, Sourced, Via};
use crate::platform::{
    Defaults, Identity, NamespaceId, Port, Scaling, Service, ServiceId, Workload,
};
use crate::properties::{BlockKind, Merge};
use crate::schedule;
use crate::statements::{
    Layers, Reader, ServiceProperties, ServiceStatements, Statement, Statements,
};

/// The service whose statements are read.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    id: ServiceId,
    namespace: NamespaceId,
}

impl<'a> Resolver<'a> {
    /// A service or job; `None` where what it lacks was reported.
    pub(super) fn service(
        &mut self,
        id: ServiceId,
        namespace: NamespaceId,
        namespace_name: &SmolStr,
        is_job: bool,
        declared: &Declared<'a>,
    ) -> (Option<Service>, Settings<'a>) {
        let place = if is_job {
            BlockKind::Job
        } else {
            BlockKind::Service
        };
        let scope = Rc::new(Scope {
            bindings: Vec::new(),
            given: Vec::new(),
            at: Standpoint {
                namespace: Some(namespace),
                service: Some(id),
            },
            service: Some((declared.name.text.clone(), namespace_name.clone())),
            module: None,
        });
        let mut uses = Vec::new();
        let lowest = self.defaults_of_service(namespace, place, &scope);
        let own = (declared.bases.as_slice(), declared.block);
        let mut settings = self.settings_over(lowest, own, place, &scope, &mut uses);
        let layered = Some(super::under::Owner::Service(id));
        self.lay_profiles(&mut settings, layered, declared, place, &scope, &mut uses);
        // A profile may use a component again, with other arguments.
        let mut known = FxHashSet::default();
        uses.retain(|id| known.insert(self.layers.uses[id.index()].component));
        let name = Sourced::declared(declared.name.text.clone(), declared.name.span);
        let owner = Owner { id, namespace };
        let service = self.service_of(Some(owner), name, &mut settings, true);
        let service = service.map(|mut service| {
            service.doc = declared.statement.doc();
            service.components = uses;
            if is_job {
                service.workload = self.job(declared, &scope);
                self.check_schedule(&service);
            }
            service
        });
        (service, settings)
    }

    /// What `services { … }` of the platform, and above it that of the namespace, set for a service or job.
    fn defaults_of_service(
        &mut self,
        namespace: NamespaceId,
        place: BlockKind,
        scope: &Rc<Scope>,
    ) -> Settings<'a> {
        let of_platform = self.parts.services_of_platform.iter();
        let of_namespace = self.parts.services_of_namespaces.get(namespace.index());
        let blocks = of_platform.map(|block| (*block, Via::Platform));
        let own = of_namespace.into_iter().flatten();
        let blocks: Vec<_> = blocks
            .chain(own.map(|block| (*block, Via::Namespace)))
            .collect();
        let mut lowest = Settings::default();
        for (block, via) in blocks {
            let mut settings = self.own_settings(Some(block), BlockKind::Service, scope, via);
            settings.retain(|setting| setting.word.places.contains(&place));
            lowest = self.overlay(vec![lowest], settings);
        }
        lowest
    }

    fn job(&mut self, declared: &Declared<'a>, scope: &Scope) -> Workload {
        let Some(every) = declared.every else {
            return Workload::Job;
        };
        if matches!(every.kind, ExprKind::Number(_)) {
            self.report(
                Diagnostic::new(&codes::WRONG_TYPE, "a schedule is five fields in quotes, not a span of time")
                    .at(every.span, "a number")
                    .help("minute, hour, day of month, month, day of week: `\"0 3 * * *\"` is every night at three"),
            );
            return Workload::Job;
        }
        let Some(schedule) = self.text(every, scope) else {
            return Workload::Job;
        };
        if let Some(wrong) = schedule::error(&schedule) {
            let shown = schedule.escape_debug();
            self.report(
                Diagnostic::new(
                    &codes::OUT_OF_RANGE,
                    format!("invalid cron schedule `{shown}`"),
                )
                .at(every.span, wrong.label)
                .help(wrong.help),
            );
        }
        Workload::CronJob(Sourced::declared(schedule, every.span))
    }

    /// The service that settings make; none for a component by itself, which has no owner. `is_whole` is false for
    /// that, which may leave things to its users.
    pub(super) fn service_of(
        &mut self,
        owner: Option<Owner>,
        name: Sourced<SmolStr>,
        settings: &mut Settings<'a>,
        is_whole: bool,
    ) -> Option<Service> {
        let id = owner.map(|owner| owner.id);
        // What seems to be missing, and what seems to call a port that is not there, may be so for
        // what could not be read.
        let is_whole =
            is_whole && !settings.is_partial && !self.is_in_broken_statement(name.span());
        self.exclude_scaling(settings);
        let mut statements = ServiceStatements::new();
        let (ports, others) = ServiceStatements::ALL.split_first()?;
        let found_before = self.diagnostics.as_slice().len();
        self.read_statement(ports, &mut statements, settings);
        // What is wrong with a port of the service itself is told by its own statement.
        let found = self.diagnostics.as_slice()[found_before..].iter();
        let is_its_own =
            |span: Span| span.file == name.span().file && span.start > name.span().start;
        let is_readable =
            !settings.is_partial && found.clone().all(|found| is_its_own(found.span()));
        for statement in others {
            self.read_statement(statement, &mut statements, settings);
        }
        let sidecars = self.inner_containers(settings, "sidecar");
        for (n, (_, _, inner)) in (0u32..).zip(&sidecars) {
            let own = self.ports_of_sidecar(inner, n);
            statements.ports.extend(own);
        }
        let mut properties = ServiceProperties::new();
        if let Some(owner) = owner {
            let of_namespace = &self.parts.namespaces[owner.namespace.index()].defaults;
            properties.defaults = inherited(of_namespace.clone(), Via::Namespace);
        }
        self.read_statements(&mut properties, settings);
        demand_nothing_if_unread(&mut properties.defaults, settings);
        properties.labels.sort_by(|(a, _), (b, _)| a.cmp(b));
        properties.annotations.sort_by(|(a, _), (b, _)| a.cmp(b));
        let required = match (is_whole, properties.defaults.value) {
            (false, _) => Required::Nothing,
            (true, Defaults::Kubernetes) => Required::Image,
            (true, Defaults::Strict) => Required::Resources,
        };
        let mut main = self.container(name.clone(), settings, required);
        main.probes = self.probes(settings, id, &statements.ports);
        let probed = Some((id, statements.ports.as_slice()));
        statements.sidecars = self.container_list(sidecars, probed, required);
        if let Some(identity) = &properties.identity {
            main.name = identity.container.clone().unwrap_or(main.name);
            if is_readable && is_whole {
                self.check_ports_of_services(&name, identity, &statements.ports);
            }
        }
        let inits = self.inner_containers(settings, "init");
        statements.inits = self.container_list(inits, None, required);
        // All properties are looked at before the first that is missing ends it; a component has no namespace.
        let mut service = Service::new(name, owner.filter(|_| is_readable)?.namespace, main);
        service.workload = self.workload(&statements);
        service.is_whole = !settings.is_partial;
        service.properties = properties;
        service.statements = statements;
        Some(service)
    }

    /// Reports Services whose ports the service does not have.
    fn check_ports_of_services(
        &mut self,
        service: &Sourced<SmolStr>,
        identity: &Identity,
        ports: &[Port],
    ) {
        for named in identity.services.iter().flatten() {
            for port in &named.ports {
                let mut known = ports.iter().map(|port| port.name.value.as_str());
                if known.any(|known| known == port.value) {
                    continue;
                }
                let message = format!("`{}` has no port `{}`", service.value, port.value);
                let known = ports.iter().map(|port| port.name.value.as_str());
                self.report(
                    Diagnostic::new(&codes::UNKNOWN_PORT, message)
                        .at(port.span(), "not a port of the service")
                        .candidates(&port.value, port.span(), known),
                );
            }
            if ports.is_empty() && !named.is_headless {
                let message = format!(
                    "the Service `{}` has no port: `{}` declares none",
                    named.name.value, service.value
                );
                self.report(
                    Diagnostic::new(&codes::UNKNOWN_PORT, message)
                        .at(named.name.span(), "a Service with an address has a port")
                        .help("add `headless` to the Service, or a `port` to the service"),
                );
            }
        }
    }

    /// What a service runs as.
    fn workload(&mut self, statements: &ServiceStatements) -> Workload {
        let own = statements.volumes.iter().find(|volume| !volume.is_single());
        let stateful = statements.stateful.as_ref();
        let why = match (own, stateful) {
            (Some(own), _) => Some((
                "cannot have a volume of its own",
                own.name.span(),
                "one claim for each replica",
                "with `shared`, all pods have one claim; without a volume, `writable` gives each pod a folder",
            )),
            (None, Some(stateful)) => Some((
                "cannot be `stateful`",
                stateful.span(),
                "a name for each replica",
                "remove one of the two",
            )),
            (None, None) => None,
        };
        match (&statements.scaling, why) {
            (Scaling::PerNode(nodes), Some((what, span, label, help))) => {
                self.report(
                    Diagnostic::new(
                        &codes::CONTRADICTION,
                        format!("a service with `replicas per node` {what}"),
                    )
                    .at(span, label)
                    .also(nodes.span(), "one pod on each node")
                    .help(help),
                );
                Workload::DaemonSet
            }
            (Scaling::PerNode(_), None) => Workload::DaemonSet,
            (Scaling::Fixed(_) | Scaling::Auto(_), Some(_)) => Workload::StatefulSet,
            (Scaling::Fixed(_) | Scaling::Auto(_), None) => Workload::Deployment,
        }
    }

    /// A fixed number of pods and an autoscaler exclude each other: of two layers the higher one decides.
    fn exclude_scaling(&mut self, settings: &mut Settings<'a>) {
        let (Some(fixed), Some(auto)) = (settings.top("replicas"), settings.top("scale")) else {
            return;
        };
        if fixed.via == auto.via && fixed.path.is_none() && auto.path.is_none() {
            let (fixed, auto) = (fixed.statement.span, auto.statement.span);
            self.report(
                Diagnostic::new(
                    &codes::CONTRADICTION,
                    "`replicas` and `scale` are mutually exclusive",
                )
                .at(fixed, "how many pods there are")
                .also(auto, "an autoscaler owns the number")
                .help("keep one of the two"),
            );
        }
        let excluded = if settings.is_scaled() {
            "replicas"
        } else {
            "scale"
        };
        settings.clear(&Off::Word(excluded));
        settings.tidy();
    }

    fn container_list(
        &mut self,
        inner: Vec<(Ident, Setting<'a>, Settings<'a>)>,
        probed: Option<(Option<ServiceId>, &[crate::platform::Port])>,
        required: Required,
    ) -> Vec<crate::platform::Container> {
        let mut out = Vec::new();
        for (name, setting, settings) in inner {
            let name = Sourced {
                origin: setting.origin(name.span),
                value: name.text,
            };
            let mut container = self.container(name, &settings, required);
            if let Some((id, ports)) = probed {
                container.probes = self.probes(&settings, id, ports);
            }
            out.push(container);
        }
        out
    }

    /// Reads the declared statements of an owner.
    pub(super) fn read_statements<O: Statements>(
        &mut self,
        owner: &mut O,
        settings: &Settings<'a>,
    ) {
        for statement in O::ALL {
            self.read_statement(statement, owner, settings);
        }
    }

    pub(super) fn read_statement<O>(
        &mut self,
        statement: &Statement<O>,
        owner: &mut O,
        settings: &Settings<'a>,
    ) {
        let Some(read) = statement.read else {
            return;
        };
        let mut read = |setting: &Setting<'a>| {
            let mut args = setting.args();
            read(owner, &mut self.reader(setting, &mut args));
        };
        let word = statement.word.name;
        match (statement.of, statement.word.merge) {
            (Layers::All, _) | (Layers::Highest, Merge::Append) => {
                settings.of(word).flatten().for_each(read);
            }
            (Layers::Highest, Merge::Replace) => settings.whole(word).into_iter().for_each(read),
            (Layers::Highest, Merge::ByKey | Merge::ByPair | Merge::Inside) => {
                let stacks = settings.of(word);
                stacks.filter_map(|stack| stack.last()).for_each(read);
            }
            (Layers::HighestAndPaths, _) => {
                for stack in settings.of(word) {
                    let (statement, paths) = statement_and_paths(stack);
                    statement.into_iter().chain(paths).for_each(&mut read);
                }
            }
        }
    }

    /// Reads the arguments of a setting.
    pub(super) fn reader<'r>(
        &'r mut self,
        setting: &'r Setting<'a>,
        args: &'r mut Args<'a>,
    ) -> Reader<'r, 'a> {
        let (span, via) = (setting.statement.span, setting.via);
        let reader = Reader::new(self, args, span, &setting.scope, via);
        let reader = reader.keyed(&setting.key);
        match setting.path {
            Some(path) => {
                let part = path.rest.first().and_then(|segment| segment.as_name());
                reader.of_path(part.map_or("", SmolStr::as_str))
            }
            None => reader,
        }
    }

    /// Checks the body of each component by itself, so that unused ones are checked too.
    pub(super) fn check_components(&mut self) {
        for at in 0..self.index.components.len() {
            let (declared, head) = {
                let component = &self.index.components[at];
                (component.declared.clone(), component.head)
            };
            let caller = Scope {
                bindings: Vec::new(),
                given: Vec::new(),
                at: Standpoint::default(),
                service: Some((
                    SmolStr::new_static("service"),
                    SmolStr::new_static("namespace"),
                )),
                module: declared.module.clone(),
            };
            let scope = Rc::new(self.component_scope(
                head,
                &declared.name,
                None,
                &caller,
                declared.module.clone(),
            ));
            let mut uses = Vec::new();
            let mut settings = self.settings(
                &declared.bases,
                declared.block,
                BlockKind::Service,
                &scope,
                &mut uses,
            );
            let name = Sourced {
                value: declared.name.text.clone(),
                origin: Origin {
                    span: declared.name.span,
                    via: Via::Declared,
                },
            };
            self.service_of(None, name, &mut settings, false);
        }
    }
}
