//! Namespaces and the secrets in them.

use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, codes, listed};
use erpc_syntax::tree::{Block, Ident};
use smol_str::SmolStr;

use super::settings::Settings;
use super::state::Declared;
use super::state::Resolver;
use super::under::Owner;
use crate::eval::{Scope, Standpoint};
use crate::kubernetes;
use crate::origin::{Sourced, Via};
use crate::platform::{Defaults, Namespace, NamespaceId, Secret, TierId};
use crate::properties::{self, BlockKind};

/// The defaults that a block has unless it sets its own.
pub(super) fn inherited(mut defaults: Sourced<Defaults>, via: Via) -> Sourced<Defaults> {
    if defaults.origin.via != Via::Default {
        defaults.origin.via = via;
    }
    defaults
}

/// Takes defaults that cannot be read, which is reported, for those that demand nothing else.
pub(super) fn demand_nothing_if_unread(defaults: &mut Sourced<Defaults>, settings: &Settings<'_>) {
    let Some(setting) = settings.top("defaults") else {
        return;
    };
    let (written, read) = (setting.statement.span, defaults.span());
    let is_read =
        written.file == read.file && written.start <= read.start && read.end <= written.end;
    if !is_read {
        defaults.value = Defaults::Kubernetes;
    }
}

impl<'a> Resolver<'a> {
    /// A namespace without its services; `unnamed` is its tier if it sets none.
    pub(super) fn namespace(
        &mut self,
        id: NamespaceId,
        declared: &Declared<'a>,
        defaults: &[&'a Block],
        of_platform: Sourced<Defaults>,
        unnamed: TierId,
    ) -> Namespace {
        let scope = Rc::new(Scope {
            at: Standpoint::in_namespace(Some(id)),
            ..Scope::default()
        });
        let own = self.own_settings(declared.block, BlockKind::Namespace, &scope, Via::Declared);
        // `grants` add up inside a block; a namespace that says its own does not get the platform's.
        let says_grants = own.iter().any(|s| s.word.name == "grants");
        // What counts or bounds the pods of others in a namespace is set for that namespace by name, or not at all.
        let is_reserved = kubernetes::reserved_namespace(&declared.name.text).is_some();
        let mut base = Settings::default();
        for block in defaults {
            let place = BlockKind::NamespaceDefaults;
            let mut below = self.own_settings(Some(block), place, &scope, Via::Platform);
            below.retain(|s| match s.word.name {
                "grants" => !says_grants,
                "quota" | "limits" | "labels" | "annotations" => !is_reserved,
                "suffix" => false,
                _ => true,
            });
            base = self.overlay(vec![base], below);
        }
        let mut settings = self.overlay(vec![base], own);
        let owner = Some(Owner::Namespace(id));
        let place = BlockKind::Namespace;
        let mut uses = Vec::new();
        self.lay_profiles(&mut settings, owner, declared, place, &scope, &mut uses);
        let name = declared.sourced_name();
        let tier = Sourced::declared(unnamed, declared.name.span);
        let mut namespace = Namespace::new(name, tier);
        namespace.defaults = inherited(of_platform, Via::Platform);
        self.read_statements(&mut namespace, &settings);
        demand_nothing_if_unread(&mut namespace.defaults, &settings);
        let services = self.blocks_of("services", &settings);
        self.parts.services_of_namespaces.push(services);
        self.check_reserved(&namespace);
        self.add_suffix(&mut namespace);
        if settings.top("tier").is_none() {
            self.report_missing_tier(&declared.name);
        }
        namespace.doc = declared.statement.doc();
        namespace.labels.sort_by(|(a, _), (b, _)| a.cmp(b));
        namespace.annotations.sort_by(|(a, _), (b, _)| a.cmp(b));
        namespace.services = self.names.services_of(id).collect();
        namespace
    }

    /// A namespace that others use must not be closed, labelled or deleted by a platform.
    fn check_reserved(&mut self, namespace: &Namespace) {
        let Some(why) = namespace.reserved() else {
            return;
        };
        let (name, at) = (&namespace.name.value, namespace.name.span());
        if namespace.defaults.value == Defaults::Strict {
            let message = format!("`{name}` cannot be a namespace with `defaults strict`: {why}");
            self.report(
                Diagnostic::new(&codes::RESERVED_NAME, message)
                    .at(at, "a reserved namespace")
                    .help("choose another name: a strict namespace is managed as a whole, with a policy that denies all other traffic")
                    .help("or write `defaults kubernetes` in it: no policy denies by default, and Pod Security is not enforced"),
            );
        }
        for (what, pairs) in [
            ("a label", &namespace.labels),
            ("an annotation", &namespace.annotations),
        ] {
            let Some((_, value)) = pairs.first().filter(|_| namespace.is_of_cluster()) else {
                continue;
            };
            let message = format!("{what} of the namespace `{name}` cannot be set");
            let label = format!("{what} of a namespace that every cluster has");
            self.report(
                Diagnostic::new(&codes::RESERVED_NAME, message)
                    .at(value.span(), label)
                    .also(at, "its Namespace object is not the platform's"),
            );
        }
    }

    fn report_missing_tier(&mut self, namespace: &Ident) {
        let tiers: Vec<&str> = self.tier_names().map(SmolStr::as_str).collect();
        if tiers.is_empty() {
            return;
        }
        let help = format!("add `tier NAME`; the tiers are {}", listed(tiers, 9));
        self.report(
            Diagnostic::new(
                &codes::MISSING_PROPERTY,
                format!("the namespace `{}` says no tier", namespace.text),
            )
            .at(namespace.span, "no `tier`")
            .unless_said(namespace.span, "tier")
            .help(help),
        );
    }

    /// All `secret` declarations of the program and of its namespaces, by namespace and name.
    pub(super) fn secrets(&mut self) -> Vec<Secret> {
        let all = std::mem::take(&mut self.index.secrets);
        let mut secrets = Vec::with_capacity(all.len());
        for ((owner, _), declared) in &all {
            let namespace = owner
                .as_ref()
                .map(|name| self.names.namespace_ids.get(name));
            // A namespace that is declared twice is reported there.
            let namespace = match namespace {
                Some(None) => continue,
                Some(Some(id)) => Some(*id),
                None => None,
            };
            secrets.push(self.declared_secret(declared, namespace));
        }
        secrets.sort_by(|a, b| (a.namespace, &a.name.value).cmp(&(b.namespace, &b.name.value)));
        secrets
    }

    fn declared_secret(
        &mut self,
        declared: &Declared<'a>,
        namespace: Option<NamespaceId>,
    ) -> Secret {
        let settings = self.settings_of_declared(declared, BlockKind::Secret, None);
        let mut secret = Secret::new(declared.sourced_name(), namespace);
        self.read_statements(&mut secret, &settings);
        if secret.keys.is_empty() {
            let form = properties::word("keys", BlockKind::Secret).map_or("", |word| word.form);
            self.report(
                Diagnostic::new(
                    &codes::MISSING_PROPERTY,
                    format!("the secret `{}` has no keys", declared.name.text),
                )
                .at(declared.name.span, "no `keys`")
                .unless_said(declared.name.span, "keys")
                .help(format!("it is written `{form}`")),
            );
        }
        secret
    }
}
