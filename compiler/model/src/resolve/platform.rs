//! The whole: facts first, then clusters, tiers, namespaces, services, and what joins them.

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use erpc_syntax::tree::{Arg, BinaryOp, Block, Expr, ExprKind, Ident, Statement};
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::partial;
use super::peers::Network;
use super::settings::Settings;
use super::state::Declared;
use super::state::Resolver;
use super::under::Owner;
use crate::ids::Id;
use crate::origin::{Sourced, Via};
use crate::platform::{
    Cluster, ClusterId, ComponentId, External, IngressController, Namespace, NamespaceId, Platform,
    PortId, Service, ServiceId, Tier, TierId,
};
use crate::properties::{self, BlockKind};
use crate::statements::Statements;
use crate::value::Value;

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
        self.set_facts(&declared, &settings);
        self.check_imports();
        let clusters = self.clusters();
        let mut tiers = self.tiers();
        self.secrets = self.secrets();
        self.check_components();
        let (mut namespaces, _) = self.namespaces(&settings, &tiers);
        partial::add_unknown_tier(&mut tiers, &namespaces);
        let (mut services, service_settings) = self.services();
        self.fill_addresses(&mut services, &namespaces);
        let homes: Vec<NamespaceId> = self.homes();
        let externals = self.externals();
        let namespace_tiers: Vec<TierId> = namespaces.iter().map(|n| n.tier.value).collect();
        let external_names: Vec<SmolStr> = externals.iter().map(|e| e.name.value.clone()).collect();
        let network = Network {
            services: &services,
            homes: &homes,
            tiers: &tiers,
            namespace_tiers: &namespace_tiers,
            externals: &external_names,
        };
        let mut flows = self.flows(&network, &service_settings);
        let (routes, addresses) = self.exposures(&network, &service_settings);
        let assertions = self.assertions(&network);
        let mut clusters = self.ingress_controllers(clusters, &network);
        let (accepts, accepted_files) = self.accepts();
        let moves = self.moves();
        let rules = self.rules(&network);
        let tests = self.tests(&network, &rules);
        let cluster = self.chosen_cluster(&declared, &settings, &clusters);
        self.check_constants();
        if !self.diagnostics.has_errors() {
            self.check_unused_imports();
        }
        // All of the platform is looked at before the first part that is missing ends it.
        let name = declared.sourced_name();
        let mut platform = Platform::new(name, cluster.unwrap_or(ClusterId(0)));
        self.read_statements(&mut platform, &settings);
        let registry = platform.registry.clone();
        let (mut services, missing) =
            partial::services(services, &self.service_names(), &registry.value);
        partial::detach(
            &missing,
            &mut namespaces,
            &mut services,
            &mut flows,
            &mut clusters,
        );
        inherit_availability(&mut services, &namespaces);
        if settings.top("version").is_none() {
            self.report(
                Diagnostic::new(&codes::MISSING_PROPERTY, "the platform has no version")
                    .at(declared.name.span, "no `version`")
                    .unless_said(declared.name.span, "version")
                    .help("add `version \"1.0.0\"`"),
            );
        }
        if cluster.is_none() || platform.version.origin.via == Via::Default {
            return None;
        }
        platform.registries.insert(0, registry);
        Some(Platform {
            doc: declared.statement.doc(),
            clusters,
            tiers,
            namespaces,
            services,
            externals,
            flows,
            routes,
            addresses,
            secrets: std::mem::take(&mut self.secrets),
            components: std::mem::take(&mut self.layers.components),
            uses: std::mem::take(&mut self.layers.uses),
            assertions,
            profiles: Vec::new(),
            rules,
            tests,
            accepts,
            accepted_files,
            moves,
            ..platform
        })
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
            Diagnostic::new(&codes::MISSING_PLATFORM, "the program declares no platform")
                .at(Span::new(root.id, end, end), "nowhere up to here")
                .help("add `platform NAME { version \"1.0.0\"; cluster NAME }`"),
        );
    }

    /// `platform.name`, `platform.version` and so on, for expressions.
    fn set_facts(&mut self, declared: &Declared<'a>, settings: &Settings<'a>) {
        // Facts may use constants, but not each other: they are evaluated in this order.
        self.facts
            .push(("name", Value::Text(declared.name.text.clone())));
        let before = self.diagnostics.clone();
        let name = declared.sourced_name();
        let mut platform = Platform::new(name, ClusterId(0));
        for statement in Platform::ALL {
            let word = statement.word.name;
            if !["version", "domain", "registry", "environment"].contains(&word) {
                continue;
            }
            self.read_statement(statement, &mut platform, settings);
            let value = match (word, (statement.members[0].get)(&platform, &platform)) {
                ("version", _) if platform.version.origin.via == Via::Default => Value::Unknown,
                (_, Value::Off) => Value::Unknown,
                (_, value) => value,
            };
            self.facts.push((word, value));
        }
        // What is wrong with them is reported where the platform itself is built.
        self.diagnostics = before;
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

    /// The tiers, lowest first, with everything below each.
    fn tiers(&mut self) -> Vec<Tier> {
        let statements = self.index.tiers.clone();
        let mut names: Vec<Ident> = Vec::new();
        let mut above: Vec<(usize, usize, Span)> = Vec::new();
        for statement in statements {
            let line = self.tier_line(statement);
            let mut before: Option<usize> = None;
            for name in line {
                let at = names
                    .iter()
                    .position(|n| n.text == name.text)
                    .unwrap_or_else(|| {
                        self.check_name(&name, "tier");
                        names.push(name.clone());
                        names.len() - 1
                    });
                if let Some(before) = before {
                    above.push((before, at, name.span));
                }
                before = Some(at);
            }
        }
        self.order_tiers(&names, &above)
    }

    /// The tiers of one statement, lowest first.
    fn tier_line(&mut self, statement: &Statement) -> Vec<Ident> {
        let mut line = Vec::new();
        match statement.args.as_slice() {
            [_, Arg::Expr(expr)] if chain(expr, BinaryOp::Less, &mut line) => return line,
            [_, Arg::Expr(expr)] => {
                line.clear();
                if chain(expr, BinaryOp::Greater, &mut line) {
                    line.reverse();
                }
            }
            [_, rest @ ..] => {
                let names = rest.iter().step_by(2).filter_map(|arg| match arg {
                    Arg::Expr(expr) => expr.as_word().map(|word| Ident {
                        text: word.clone(),
                        span: expr.span,
                    }),
                    Arg::Sign(..) | Arg::Block(_) => None,
                });
                line.extend(names);
            }
            [] => {}
        }
        let behind = statement
            .args
            .get(1)
            .map_or(statement.span.after(), Arg::span);
        let span = behind.to(statement.args.last().map_or(behind, Arg::span));
        let form = properties::word("tiers", BlockKind::Program).map_or("", |w| w.form);
        let mut diagnostic = Diagnostic::new(
            &codes::WRONG_SHAPE,
            "tiers stand in their order, the lowest first, with `<` between them",
        )
        .at(span, "not in this form");
        if line.len() > 1 {
            let names: Vec<&str> = line.iter().map(|name| name.text.as_str()).collect();
            let meant = names.join(" < ");
            diagnostic = diagnostic.help(format!("write `tiers {meant}`"));
            // From a list it is a guess which of them is the lowest.
            if statement.args.len() == 2 {
                diagnostic = diagnostic.fix(format!("write `{meant}`"), span, meant);
            }
        } else {
            diagnostic = diagnostic.help(format!("it is written `{form}`"));
        }
        self.report(diagnostic);
        line
    }

    fn order_tiers(&mut self, names: &[Ident], above: &[(usize, usize, Span)]) -> Vec<Tier> {
        let mut above = above;
        let mut ranks = vec![0u32; names.len()];
        // Longest paths by relaxation: as many rounds as there are tiers, else there is a circle.
        for round in 0..=names.len() {
            let mut changed = None;
            for (low, high, span) in above {
                if ranks[*high] <= ranks[*low] {
                    ranks[*high] = ranks[*low] + 1;
                    changed = Some((*low, *high, *span));
                }
            }
            let Some((low, high, span)) = changed else {
                break;
            };
            if round == names.len() {
                self.report(
                    Diagnostic::new(
                        &codes::TIER_CYCLE,
                        format!(
                            "`{}` is above `{}` and below it",
                            names[high].text, names[low].text
                        ),
                    )
                    .at(span, "this closes the circle")
                    .also(names[high].span, "first named here"),
                );
                // Which of the two is meant is not known: no flow is judged by either.
                above = &[];
                ranks = vec![0; names.len()];
                break;
            }
        }
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|at| (ranks[*at], *at));
        let mut place = vec![0usize; names.len()];
        for (to, from) in order.iter().enumerate() {
            place[*from] = to;
        }
        let mut below: Vec<Vec<TierId>> = vec![Vec::new(); names.len()];
        for at in &order {
            let direct: Vec<usize> = above
                .iter()
                .filter(|(_, high, _)| high == at)
                .map(|(low, ..)| *low)
                .collect();
            let mut all: Vec<TierId> = Vec::new();
            for low in direct {
                all.push(TierId::from_index(place[low]));
                all.extend(below[low].iter().copied());
            }
            all.sort_unstable();
            all.dedup();
            below[*at] = all;
        }
        order
            .iter()
            .map(|at| Tier {
                name: Sourced::declared(names[*at].text.clone(), names[*at].span),
                below: below[*at].clone(),
                rank: ranks[*at],
            })
            .collect()
    }

    fn namespaces(
        &mut self,
        settings: &Settings<'a>,
        tiers: &[Tier],
    ) -> (Vec<Namespace>, Vec<Settings<'a>>) {
        let defaults: Option<&'a Block> = settings.top("namespaces").cloned().and_then(|setting| {
            let mut args = setting.args();
            let block = args.block();
            if block.is_none() {
                args.expected("`{ … }`", &mut self.diagnostics);
            }
            args.finish(&mut self.diagnostics);
            block
        });
        let all: Vec<Declared<'a>> = self
            .index
            .namespaces
            .values()
            .map(|n| n.declared.clone())
            .collect();
        let mut next = 0u32;
        let counts: Vec<u32> = self
            .index
            .namespaces
            .values()
            .map(|n| u32::try_from(n.services.len()).unwrap_or(0))
            .collect();
        let mut out = (Vec::new(), Vec::new());
        for (declared, count) in all.iter().zip(counts) {
            let services = (next..next + count).map(ServiceId).collect();
            next += count;
            let (namespace, settings) = self.namespace(declared, defaults, tiers, services);
            out.0.push(namespace);
            out.1.push(settings);
        }
        out
    }
    fn services(&mut self) -> (Vec<Option<Service>>, Vec<(ServiceId, Settings<'a>)>) {
        let all: Vec<(NamespaceId, SmolStr, bool, Declared<'a>)> = (0..)
            .map(NamespaceId)
            .zip(&self.index.namespaces)
            .flat_map(|(id, (name, namespace))| {
                namespace
                    .services
                    .values()
                    .map(move |(is_job, declared)| (id, name.clone(), *is_job, declared.clone()))
            })
            .collect();
        let mut services = Vec::with_capacity(all.len());
        let mut settings = Vec::with_capacity(all.len());
        for (id, (namespace, namespace_name, is_job, declared)) in (0..).map(ServiceId).zip(all) {
            let (service, its_settings) =
                self.service(id, namespace, &namespace_name, is_job, &declared);
            services.push(service);
            settings.push((id, its_settings));
        }
        (services, settings)
    }

    fn service_names(&self) -> Vec<(NamespaceId, Sourced<SmolStr>)> {
        (0..)
            .map(NamespaceId)
            .zip(self.index.namespaces.values())
            .flat_map(|(id, namespace)| namespace.services.values().map(move |s| (id, &s.1.name)))
            .map(|(id, name)| (id, Sourced::declared(name.text.clone(), name.span)))
            .collect()
    }

    pub(super) fn homes(&self) -> Vec<NamespaceId> {
        (0..)
            .map(NamespaceId)
            .zip(self.index.namespaces.values())
            .flat_map(|(id, namespace)| std::iter::repeat_n(id, namespace.services.len()))
            .collect()
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

    /// Gives the ingress controllers their ports, now that services have them.
    fn ingress_controllers(
        &mut self,
        mut clusters: Vec<Cluster>,
        network: &Network<'_>,
    ) -> Vec<Cluster> {
        let mut named = std::mem::take(&mut self.ingress_ports).into_iter();
        for cluster in &mut clusters {
            let Some(ingress) = &mut cluster.ingress else {
                continue;
            };
            if let IngressController::Service(service, ports) = &mut ingress.controller
                && let Some((_, names)) = named.find(|(id, _)| id == service)
            {
                *ports = names
                    .iter()
                    .filter_map(|name| self.port_of(*service, name, network))
                    .collect::<Vec<PortId>>();
            }
        }
        clusters
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
                        format!("nothing uses `{}`", import.name),
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

/// The names of a chain such as `a < b < c`, from left to right.
fn chain(expr: &Expr, of: BinaryOp, out: &mut Vec<Ident>) -> bool {
    match &expr.kind {
        ExprKind::Binary(op, left, right) if *op == of => {
            chain(left, of, out) && chain(right, of, out)
        }
        _ => match expr.as_word() {
            Some(word) => {
                out.push(Ident {
                    text: word.clone(),
                    span: expr.span,
                });
                true
            }
            None => false,
        },
    }
}

/// A service that promises nothing itself promises what its namespace does.
fn inherit_availability(services: &mut [Service], namespaces: &[Namespace]) {
    for service in services {
        if service.availability.is_none() && !service.is_job() {
            service.availability =
                namespaces[service.namespace.index()]
                    .slo
                    .clone()
                    .map(|mut slo| {
                        slo.origin.via = Via::Namespace;
                        slo
                    });
        }
    }
}
