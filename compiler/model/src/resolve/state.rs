//! The state of a resolution: what is declared, under which ids, and the uses of components.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use erpc_diagnostics::Span;
use erpc_syntax::tree::{Block, Expr, Ident, Statement};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use crate::eval::Evaluator;
use crate::ids::Id;
use crate::origin::Sourced;
use crate::platform::{
    Component, ComponentId, ComponentUse, Namespace, NamespaceId, ProfileId, Secret, Service,
    ServiceId, Tier,
};
use crate::program::{Import, Loaded};

use super::under::Under;

/// The state of a resolution. It is an [`Evaluator`] too, as every statement has values.
pub(crate) struct Resolver<'a> {
    pub(super) evaluator: Evaluator<'a>,
    pub(super) index: Index<'a>,
    pub(super) names: Names<'a>,
    pub(super) layers: Layers,
    /// The profile under which the program is resolved.
    pub(super) profile: Under<'a>,
    /// Names of the library that are used without a `use`, by module: what each is, and where.
    pub(super) missing_uses: BTreeMap<(SmolStr, SmolStr), (&'static str, BTreeSet<Span>)>,
    /// Tiers that a namespace says and `tiers` does not, which were reported.
    pub(super) unknown_tiers: FxHashSet<SmolStr>,
    pub(super) parts: Parts<'a>,
}

/// The parts of the platform that are resolved so far, to which later statements refer.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) tiers: Vec<Tier>,
    pub(super) namespaces: Vec<Namespace>,
    pub(super) secrets: Vec<Secret>,
    /// `None` for a service that could not be read, which was reported.
    pub(super) services: Vec<Option<Service>>,
    /// What the names of namespaces end in.
    pub(super) suffix: Option<Sourced<SmolStr>>,
    /// `services { … }` of the platform, and of each namespace.
    pub(super) services_of_platform: Vec<&'a Block>,
    pub(super) services_of_namespaces: Vec<Vec<&'a Block>>,
}

/// The ids of what is declared.
#[derive(Default)]
pub(super) struct Names<'a> {
    pub(super) namespace_ids: FxHashMap<SmolStr, NamespaceId>,
    pub(super) service_ids: FxHashMap<(NamespaceId, SmolStr), ServiceId>,
    pub(super) services_by_name: FxHashMap<SmolStr, Vec<ServiceId>>,
    /// The namespace of each service, declared or raw.
    pub(super) homes: Vec<NamespaceId>,
    /// How many services are declared: the workloads among the manifests follow.
    pub(super) declared: usize,
    /// What the files of a module take from the library, by name.
    pub(super) imports: FxHashMap<(Option<SmolStr>, SmolStr), &'a Import>,
}

impl<'a> Names<'a> {
    /// Those that the library gives; nothing is declared yet.
    pub(super) fn imported(loaded: &'a Loaded) -> Self {
        let mut names = Self::default();
        for import in &loaded.imports {
            if let Some(file) = loaded.file(import.by) {
                let name = (file.module.clone(), import.name.clone());
                names.imports.entry(name).or_insert(import);
            }
        }
        names
    }

    /// Adds a service.
    pub(super) fn add_service(&mut self, home: NamespaceId, name: &SmolStr) -> ServiceId {
        let id = ServiceId::from_index(self.homes.len());
        self.homes.push(home);
        self.service_ids.insert((home, name.clone()), id);
        let of_name = self.services_by_name.entry(name.clone());
        of_name.or_default().push(id);
        id
    }

    /// The services of a namespace, then its raw workloads. Both are in the order of their namespaces.
    pub(super) fn services_of(&self, id: NamespaceId) -> impl Iterator<Item = ServiceId> + use<> {
        let (declared, raw) = self.homes.split_at(self.declared);
        let of = |homes: &[NamespaceId], first: usize| {
            let start = homes.partition_point(|home| *home < id);
            let end = homes.partition_point(|home| *home <= id);
            first + start..first + end
        };
        let all = of(declared, 0).chain(of(raw, self.declared));
        all.map(ServiceId::from_index)
    }
}

/// The components of a program and their uses.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) components: Vec<Component>,
    pub(super) component_ids: FxHashMap<(Option<SmolStr>, SmolStr), ComponentId>,
    pub(super) uses: Vec<ComponentUse>,
    /// Cycles of components that were reported, each as its sorted members.
    pub(super) reported_circles: FxHashSet<Vec<ComponentId>>,
    /// Whether components extend each other too deep, which was reported.
    pub(super) is_too_deep: bool,
    /// Whether it was reported that an owner expands too many components.
    pub(super) has_too_many_expansions: bool,
}

/// The declarations of a program.
#[derive(Default)]
pub(super) struct Index<'a> {
    pub(super) platform: Option<Declared<'a>>,
    pub(super) clusters: Vec<Declared<'a>>,
    pub(super) tiers: Vec<&'a Statement>,
    pub(super) namespaces: BTreeMap<SmolStr, NamespaceDeclared<'a>>,
    pub(super) externals: BTreeMap<SmolStr, Declared<'a>>,
    pub(super) components: Vec<ComponentDeclared<'a>>,
    /// `secret` of the program (`None`) or of a namespace, by name.
    pub(super) secrets: BTreeMap<(Option<SmolStr>, SmolStr), Declared<'a>>,
    /// `allow` and `expose`, with the namespace in which they stand.
    pub(super) allows: Vec<(Option<SmolStr>, &'a Statement)>,
    pub(super) exposes: Vec<(Option<SmolStr>, &'a Statement)>,
    /// `manifests`, with the namespace in which they stand.
    pub(super) manifests: Vec<(Option<SmolStr>, &'a Statement)>,
    /// `never` and `always`.
    pub(super) assertions: Vec<&'a Statement>,
    /// `rule`, of the program and of the library.
    pub(super) rules: Vec<RuleDeclared<'a>>,
    /// `test`.
    pub(super) tests: Vec<&'a Statement>,
    /// `profile`.
    pub(super) profiles: Vec<&'a Statement>,
    /// `accept`.
    pub(super) accepts: Vec<&'a Statement>,
    /// `moved`.
    pub(super) moves: Vec<&'a Statement>,
    /// How many declarations there are of each word of which there is a limit.
    pub(super) counts: FxHashMap<&'static str, usize>,
    /// Whether a service has no name that can be read: an unknown one may be its.
    pub(super) has_nameless: bool,
}

/// A declaration `word NAME [is A, B] { … }`.
#[derive(Clone)]
pub(super) struct Declared<'a> {
    pub(super) name: Ident,
    pub(super) statement: &'a Statement,
    /// Behind `is`.
    pub(super) bases: Vec<&'a Expr>,
    /// `every "cron"` of a job.
    pub(super) every: Option<&'a Expr>,
    pub(super) block: Option<&'a Block>,
    /// The module of the library in which it stands.
    pub(super) module: Option<SmolStr>,
    /// What profiles declare of the same name, the lowest profile first.
    pub(super) above: Vec<DeclaredAbove<'a>>,
}

/// A declaration of a profile, which is laid over one of the same name.
#[derive(Clone)]
pub(super) struct DeclaredAbove<'a> {
    pub(super) profile: ProfileId,
    pub(super) name: Span,
    pub(super) statement: Span,
    pub(super) bases: Vec<&'a Expr>,
    pub(super) block: Option<&'a Block>,
}

impl<'a> Declared<'a> {
    /// Its name with its origin.
    pub(super) fn sourced_name(&self) -> Sourced<SmolStr> {
        Sourced::declared(self.name.text.clone(), self.name.span)
    }

    /// Where it is declared, and where profiles lay something over it.
    pub(super) fn places(&self) -> impl Iterator<Item = Span> {
        let above = self.above.iter().map(|above| above.statement);
        std::iter::once(self.statement.span).chain(above)
    }

    /// Lays the declaration of a profile over this one.
    pub(super) fn lay(&mut self, profile: ProfileId, above: Self) {
        self.every = above.every.or(self.every);
        self.above.push(DeclaredAbove {
            profile,
            name: above.name.span,
            statement: above.statement.span,
            bases: above.bases,
            block: above.block,
        });
    }
}

pub(super) struct NamespaceDeclared<'a> {
    pub(super) declared: Declared<'a>,
    /// Services and jobs; `true` for a job.
    pub(super) services: BTreeMap<SmolStr, (bool, Declared<'a>)>,
}

pub(super) struct ComponentDeclared<'a> {
    pub(super) declared: Declared<'a>,
    /// The head `Name(param: Type = default)`, or the bare name.
    pub(super) head: &'a Expr,
}

/// A rule as declared, before its expressions are looked at.
pub(super) struct RuleDeclared<'a> {
    pub(super) name: Ident,
    /// `Name(param: Type = default)`, or the bare name.
    pub(super) head: &'a Expr,
    pub(super) statement: &'a Statement,
    pub(super) module: Option<SmolStr>,
    pub(super) is_template: bool,
    pub(super) is_used: bool,
}

impl<'a> Deref for Resolver<'a> {
    type Target = Evaluator<'a>;

    fn deref(&self) -> &Evaluator<'a> {
        &self.evaluator
    }
}

impl DerefMut for Resolver<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.evaluator
    }
}
