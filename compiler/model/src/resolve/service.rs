//! Services and jobs: from their settings to the model. Every word of a service is read in one
//! place here or in a neighbour (`container`, `health`, `mounts`).

use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::{Expr, ExprKind, Ident, Sign};
use smol_str::SmolStr;

use super::settings::{Setting, Settings, statement_and_paths};
use super::state::Declared;
use super::state::Resolver;
use crate::args::Args;
use crate::eval::Scope;
use crate::origin::{Origin, Sourced, Via};
use crate::platform::{
    Autoscale, Availability, Config, Grant, Latency, NamespaceId, Patch, Scaling, Service,
    ServiceId, Workload,
};
use crate::properties::{BlockKind, Merge};
use crate::schedule;
use crate::statements::slo::Promise;
use crate::statements::{Reader, ServiceProperties, Statement, Statements};
use crate::units::{Percent, Range};
use crate::value::{Type, Value};

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
            service: Some((declared.name.text.clone(), namespace_name.clone())),
            module: None,
        });
        let mut uses = Vec::new();
        let mut settings = self.settings(&declared.bases, declared.block, place, &scope, &mut uses);
        let layered = Some(super::under::Owner::Service(id));
        self.lay_profiles(&mut settings, layered, declared, place, &scope, &mut uses);
        let name = Sourced::declared(declared.name.text.clone(), declared.name.span);
        let owner = Owner { id, namespace };
        let service = self.service_of(Some(owner), name, &settings, true);
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
        settings: &Settings<'a>,
        is_whole: bool,
    ) -> Option<Service> {
        let id = owner.map(|owner| owner.id);
        let namespace = owner.map(|owner| owner.namespace);
        // What seems to be missing, and what seems to call a port that is not there, may be so for
        // what could not be read.
        let is_whole =
            is_whole && !settings.is_partial && !self.is_in_broken_statement(name.span());
        let found_before = self.diagnostics.as_slice().len();
        let mut ports = self.ports(settings, None);
        // What is wrong with a port of the service itself is told by its own statement.
        let found = self.diagnostics.as_slice()[found_before..].iter();
        let is_its_own = |span: erpc_diagnostics::Span| {
            span.file == name.span().file && span.start > name.span().start
        };
        let is_readable =
            !settings.is_partial && found.clone().all(|found| is_its_own(found.span()));
        let sidecars = self.inner_containers(settings, "sidecar");
        for (n, (_, _, inner)) in (0u32..).zip(&sidecars) {
            let own = self.ports(inner, Some(n));
            ports.extend(own);
        }
        let mut main = self.container(name.clone(), settings, namespace, is_whole);
        main.probes = self.probes(settings, id, &ports);
        let sidecars = self.container_list(sidecars, namespace, Some((id, &ports)), is_whole);
        let inits = self.inner_containers(settings, "init");
        let inits = self.container_list(inits, namespace, None, is_whole);
        let volumes = self.volumes(settings);
        let workload = if volumes.iter().any(|v| !v.shared) {
            Workload::StatefulSet
        } else {
            Workload::Deployment
        };
        let configs = self.read_keyed(settings, "config", Config::read);
        let secret_mounts = self.secret_mounts(settings, namespace);
        let scaling = self.scaling(settings);
        let (availability, latency) = self.promises(settings);
        let after = self.after_services(settings, namespace);
        let grants = self.read_all(settings, "grants", Grant::read);
        let patches = self.read_all(settings, "patch", Patch::read);
        let mut properties = ServiceProperties::new();
        self.read_statements(&mut properties, settings);
        // All properties are looked at before the first that is missing ends it; a component has no namespace.
        let service = Service::new(name, namespace.filter(|_| is_readable)?, main);
        Some(Service {
            is_whole: !settings.is_partial,
            workload,
            properties,
            sidecars,
            inits,
            ports,
            scaling,
            volumes,
            configs,
            secret_mounts,
            availability,
            latency,
            after,
            grants: grants.into_iter().flatten().collect(),
            patches,
            ..service
        })
    }

    fn container_list(
        &mut self,
        inner: Vec<(Ident, Setting<'a>, Settings<'a>)>,
        namespace: Option<NamespaceId>,
        probed: Option<(Option<ServiceId>, &[crate::platform::Port])>,
        is_whole: bool,
    ) -> Vec<crate::platform::Container> {
        let mut out = Vec::new();
        for (name, setting, settings) in inner {
            let name = Sourced {
                origin: setting.origin(name.span),
                value: name.text,
            };
            let mut container = self.container(name, &settings, namespace, is_whole);
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
        match statement.word.merge {
            _ if statement.is_layered => settings.of(word).flatten().for_each(read),
            Merge::Append => settings.of(word).flatten().for_each(read),
            Merge::Replace => settings.whole(word).into_iter().for_each(read),
            Merge::ByKey | Merge::Inside => {
                let stacks = settings.of(word);
                stacks.filter_map(|stack| stack.last()).for_each(&mut read);
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
        let reader = Reader::new(&mut self.evaluator, args, span, &setting.scope, via);
        match setting.path {
            Some(_) => reader.of_path(),
            None => reader,
        }
    }

    /// The number of pods, or what owns it.
    fn scaling(&mut self, settings: &Settings<'a>) -> Scaling {
        let fixed = settings.top("replicas").cloned();
        let auto = settings.top("scale").cloned();
        if let (Some(fixed), Some(auto)) = (&fixed, &auto)
            && fixed.via == auto.via
            && fixed.path.is_none()
            && auto.path.is_none()
        {
            self.report(
                Diagnostic::new(
                    &codes::CONTRADICTION,
                    "`replicas` and `scale` exclude each other",
                )
                .at(fixed.statement.span, "a fixed number")
                .also(auto.statement.span, "an autoscaler owns the number")
                .help("keep one of the two"),
            );
        }
        let count = fixed.and_then(|setting| {
            let mut args = setting.args();
            let expr = args.need_expr("a number of pods", &mut self.diagnostics)?;
            args.finish(&mut self.diagnostics);
            let n = self.int_within(expr, &setting.scope, 0, 10_000)?;
            Some(Sourced {
                value: n,
                origin: setting.origin(expr.span),
            })
        });
        let stack = settings.of("scale").next();
        if let Some(stack) = stack.filter(|_| settings.is_scaled())
            && let Some(auto) = self.autoscale(stack)
        {
            return Scaling::Auto(auto);
        }
        Scaling::Fixed(count.unwrap_or_else(|| Sourced::default_of_language(1)))
    }

    /// `MIN..MAX on …`, with the bounds that profiles set above it: they keep what it scales on where they do not say.
    fn autoscale(&mut self, stack: &[Setting<'a>]) -> Option<Sourced<Autoscale>> {
        let (statement, paths) = statement_and_paths(stack);
        let mut scale: Option<Sourced<Autoscale>> = None;
        for setting in statement.into_iter().chain(paths) {
            let mut args = setting.args();
            let expr = args.need_expr(
                "the least and the greatest number of pods, `2..6`",
                &mut self.diagnostics,
            )?;
            let replicas = self.scale_bounds(expr, &setting.scope);
            let below = scale.filter(|_| setting.path.is_some() && !args.peek_word("on"));
            let measures = match below {
                Some(below) => below.value,
                None => {
                    args.need_word("on", &mut self.diagnostics)?;
                    self.scale_measures(&mut args, &setting.scope)
                }
            };
            args.finish(&mut self.diagnostics);
            scale = Some(Sourced {
                value: Autoscale {
                    replicas: replicas?,
                    ..measures
                },
                origin: setting.origin(expr.span),
            });
        }
        scale
    }

    /// `2..6`.
    fn scale_bounds(&mut self, expr: &Expr, scope: &Scope) -> Option<Range<u32>> {
        let (Value::Int(min), Value::Int(max)) = self.range(expr, scope, Type::Int)? else {
            return None;
        };
        match (u32::try_from(min), u32::try_from(max)) {
            (Ok(min), Ok(max)) if min >= 1 && max <= 10_000 => Some(Range { min, max }),
            _ => {
                self.report(
                    Diagnostic::new(
                        &codes::OUT_OF_RANGE,
                        "an autoscaler keeps from 1 to 10000 pods",
                    )
                    .at(expr.span, "out of range"),
                );
                None
            }
        }
    }

    /// `cpu 75%, memory 80%`, behind `on`; the bounds are not said here.
    fn scale_measures(&mut self, args: &mut Args<'a>, scope: &Scope) -> Autoscale {
        let mut scale = Autoscale {
            replicas: Range { min: 1, max: 1 },
            cpu: None,
            memory: None,
        };
        for (name, value) in self.named_values(args) {
            let slot = match name.text.as_str() {
                "cpu" => &mut scale.cpu,
                "memory" => &mut scale.memory,
                other => {
                    self.report(
                        Diagnostic::new(
                            &codes::UNKNOWN_NAME,
                            format!("an autoscaler has no measure `{other}`"),
                        )
                        .at(name.span, "not a measure")
                        .help("it scales on `cpu`, on `memory`, or on both"),
                    );
                    continue;
                }
            };
            let share = self.percent(value, scope);
            if let Some(share) = share {
                if share.0 == 0 || !share.0.is_multiple_of(Percent::POINT) {
                    self.report(
                        Diagnostic::new(
                            &codes::OUT_OF_RANGE,
                            "an autoscaler aims at whole percents of the request, from 1%",
                        )
                        .at(value.span, "not a whole percentage above 0%"),
                    );
                }
                *slot = u32::try_from(share.0 / Percent::POINT).ok();
            }
        }
        scale
    }

    /// `slo availability …` and `slo latency …`.
    fn promises(
        &mut self,
        settings: &Settings<'a>,
    ) -> (Option<Sourced<Availability>>, Vec<Sourced<Latency>>) {
        let (mut availability, mut latency) = (None, Vec::new());
        for setting in settings.of("slo").filter_map(|stack| stack.last()) {
            let mut args = setting.args();
            match Promise::read(&mut self.reader(setting, &mut args)) {
                Some(Promise::Availability(promise)) => availability = Some(promise),
                Some(Promise::Latency(promise)) => latency.push(promise),
                None => {}
            }
        }
        (availability, latency)
    }

    /// What each statement of a word declares.
    fn read_all<T>(
        &mut self,
        settings: &Settings<'a>,
        word: &str,
        read: impl Fn(&mut Reader<'_, 'a>) -> Option<T>,
    ) -> Vec<T> {
        let each = settings.of(word).flatten().filter_map(|setting| {
            let mut args = setting.args();
            read(&mut self.reader(setting, &mut args))
        });
        each.collect()
    }

    fn after_services(
        &mut self,
        settings: &Settings<'a>,
        namespace: Option<NamespaceId>,
    ) -> Vec<Sourced<ServiceId>> {
        let all: Vec<Setting<'a>> = settings.of("after").flatten().cloned().collect();
        let mut out = Vec::new();
        for setting in all {
            let mut args = setting.args();
            while let Some(expr) = args.need_expr("a service", &mut self.diagnostics) {
                if let Some(id) = self.service_named(expr, namespace) {
                    out.push(Sourced {
                        value: id,
                        origin: setting.origin(expr.span),
                    });
                }
                if args.sign(Sign::Comma).is_none() {
                    break;
                }
            }
            args.finish(&mut self.diagnostics);
        }
        out
    }

    /// Checks the body of each component by itself, so that what nobody uses is checked too.
    pub(super) fn check_components(&mut self) {
        for at in 0..self.index.components.len() {
            let (declared, head) = {
                let component = &self.index.components[at];
                (component.declared.clone(), component.head)
            };
            let caller = Scope {
                bindings: Vec::new(),
                given: Vec::new(),
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
            let settings = self.settings(
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
            self.service_of(None, name, &settings, false);
        }
    }
}
