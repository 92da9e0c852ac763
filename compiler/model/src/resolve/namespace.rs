//! Namespaces and the secrets in them.

use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, codes, listed};
use erpc_syntax::tree::{Block, Ident};

use super::partial;
use super::settings::{Setting, Settings, statement_and_paths};
use super::state::Declared;
use super::state::Resolver;
use super::under::Owner;
use crate::eval::Scope;
use crate::ids::Id;
use crate::origin::{Sourced, Via};
use crate::platform::{Namespace, NamespaceId, Quota, Secret, SecretId, ServiceId, Tier, TierId};
use crate::properties::{self, BlockKind};
use crate::statements::PULL_KEY;

impl<'a> Resolver<'a> {
    /// Whether something in a line of tiers is wrong, so that not all of them may be known.
    fn has_unread_tiers(&self) -> bool {
        self.index.tiers.iter().any(|line| {
            let mut found = self.diagnostics.as_slice().iter();
            found.any(|finding| {
                let span = finding.span();
                span.file == line.span.file
                    && line.span.start <= span.start
                    && span.end <= line.span.end
            })
        })
    }

    /// A namespace without its services; what it does not say, the platform's `namespaces` may.
    pub(super) fn namespace(
        &mut self,
        declared: &Declared<'a>,
        defaults: Option<&'a Block>,
        tiers: &[Tier],
        services: Vec<ServiceId>,
    ) -> (Namespace, Settings<'a>) {
        let scope = Rc::new(Scope::default());
        let below = self.own_settings(
            defaults,
            BlockKind::NamespaceDefaults,
            &scope,
            Via::Platform,
        );
        let own = self.own_settings(declared.block, BlockKind::Namespace, &scope, Via::Declared);
        // `grants` add up inside a block; a namespace that says its own does not get the platform's.
        let says_grants = own.iter().any(|s| s.word.name == "grants");
        let below = below
            .into_iter()
            .filter(|s| !(says_grants && s.word.name == "grants"))
            .collect();
        let base = self.overlay(Vec::new(), below);
        let mut settings = self.overlay(vec![base], own);
        let id = self.names.namespace_ids.get(&declared.name.text).copied();
        let owner = id.map(Owner::Namespace);
        let place = BlockKind::Namespace;
        let mut uses = Vec::new();
        self.lay_profiles(&mut settings, owner, declared, place, &scope, &mut uses);
        let name = Sourced::declared(declared.name.text.clone(), declared.name.span);
        let tier = self.tier(declared, &settings, tiers);
        let mut namespace = Namespace::new(name, tier);
        self.read_statements(&mut namespace, &settings);
        self.quota_of_profiles(&mut namespace, &settings);
        namespace.doc = declared.statement.doc();
        namespace.after = self.after_namespaces(&settings);
        namespace.pull_secrets = self.pull_secrets(declared, &settings);
        namespace.labels.sort_by(|a, b| a.0.cmp(&b.0));
        namespace.services = services;
        (namespace, settings)
    }

    /// Changes the parts of a quota that paths of profiles set.
    fn quota_of_profiles(&mut self, namespace: &mut Namespace, settings: &Settings<'a>) {
        let Some(stack) = settings.of("quota").next().cloned() else {
            return;
        };
        for setting in statement_and_paths(&stack).1 {
            let part = setting.path.and_then(|path| path.rest.first()?.as_name());
            let Some(part) = part else {
                continue;
            };
            let mut args = setting.args();
            let mut reader = self.reader(setting, &mut args);
            let quota = namespace
                .quota
                .take()
                .map_or_else(Quota::default, |quota| quota.value);
            let quota = quota.with_part(&mut reader, part);
            let is_set = quota.value != Quota::default();
            namespace.quota = Some(quota).filter(|_| is_set);
        }
    }

    fn tier(
        &mut self,
        declared: &Declared<'a>,
        settings: &Settings<'a>,
        tiers: &[Tier],
    ) -> Sourced<TierId> {
        let fallback = Sourced::declared(partial::unknown_tier(tiers), declared.name.span);
        let Some(setting) = settings.top("tier").cloned() else {
            if !tiers.is_empty() {
                self.report(
                    Diagnostic::new(
                        &codes::MISSING_PROPERTY,
                        format!("the namespace `{}` says no tier", declared.name.text),
                    )
                    .at(declared.name.span, "no `tier`")
                    .unless_said(declared.name.span, "tier")
                    .help(format!(
                        "add `tier NAME`; the tiers are {}",
                        listed(tiers.iter().map(|t| t.name.value.as_str()), 9)
                    )),
                );
            }
            return fallback;
        };
        let mut args = setting.args();
        let Some(name) = args.need_name("the tier's name", &mut self.diagnostics) else {
            return fallback;
        };
        args.finish(&mut self.diagnostics);
        if let Some(at) = tiers.iter().position(|t| t.name.value == name.text) {
            return Sourced {
                value: TierId::from_index(at),
                origin: setting.origin(name.span),
            };
        }
        let is_said = !self.unknown_tiers.insert(name.text.clone());
        // It may be in the line that could not be read.
        if is_said || self.has_unread_tiers() {
            return fallback;
        }
        let names: Vec<&str> = tiers.iter().map(|t| t.name.value.as_str()).collect();
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_NAME,
            format!("there is no tier `{}`", name.text),
        )
        .at(name.span, "not a tier");
        if let Some(first) = self.index.tiers.first() {
            diagnostic = diagnostic.also(first.span, "the tiers are declared here");
        }
        diagnostic =
            diagnostic.did_you_mean(&name.text, name.span, names.iter().copied(), |diagnostic| {
                if names.is_empty() {
                    diagnostic.help(format!("declare the tiers: `tiers {}`", name.text))
                } else {
                    diagnostic.help(format!(
                        "the tiers are {}; another one is put into their order in the `tiers` line",
                        listed(names.iter().copied(), 9)
                    ))
                }
            });
        self.report(diagnostic);
        fallback
    }

    fn after_namespaces(&mut self, settings: &Settings<'a>) -> Vec<Sourced<NamespaceId>> {
        let mut out = Vec::new();
        for setting in settings.of("after").flatten() {
            for name in self.names_of(setting, "a namespace") {
                let id = self.namespace_named(&name);
                out.extend(id.map(|id| setting.sourced(name.span, id)));
            }
        }
        out
    }

    /// The names that a setting lists.
    fn names_of(&mut self, setting: &Setting<'a>, what: &str) -> Vec<Ident> {
        let mut args = setting.args();
        let mut reader = self.reader(setting, &mut args);
        let names = reader.list(|reader| reader.name(what));
        reader.finish();
        names
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

    /// `pull-secret NAME, …`: each a Secret that a node can log in to a registry with.
    fn pull_secrets(
        &mut self,
        declared: &Declared<'a>,
        settings: &Settings<'a>,
    ) -> Vec<Sourced<SecretId>> {
        let (Some(setting), Some(namespace)) = (
            settings.top("pull-secret").cloned(),
            self.names.namespace_ids.get(&declared.name.text).copied(),
        ) else {
            return Vec::new();
        };
        let mut out: Vec<Sourced<SecretId>> = Vec::new();
        for name in self.names_of(&setting, "the secret's name") {
            // What the platform sets for all namespaces is wrong once.
            let mut found = self.diagnostics.as_slice().iter();
            let is_reported = found.any(|found| found.span() == name.span);
            if is_reported {
                continue;
            }
            let Some(id) = self.pull_secret(&name, namespace) else {
                continue;
            };
            if let Some(first) = out.iter().find(|known| known.value == id) {
                let message = format!("the secret `{}` is named twice", name.text);
                self.report(
                    Diagnostic::new(&codes::REPEATED_PROPERTY, message)
                        .at(name.span, "again")
                        .also(first.span(), "the first"),
                );
            } else {
                out.push(setting.sourced(name.span, id));
            }
        }
        out
    }

    fn pull_secret(&mut self, name: &Ident, namespace: NamespaceId) -> Option<SecretId> {
        let id = self.secret(name, Some(namespace))?;
        let secret = &self.secrets[id.index()];
        if secret.is_of_registry() {
            return Some(id);
        }
        let declared = secret.name.span();
        self.report(
            Diagnostic::new(
                &codes::UNKNOWN_SECRET_KEY,
                format!("the secret `{}` has no key `{PULL_KEY}`", name.text),
            )
            .at(name.span, "nodes log in to a registry with it")
            .also(declared, "declared here")
            .help(format!("declare it: `keys \"{PULL_KEY}\"`, which is what `kubectl create secret docker-registry` makes")),
        );
        None
    }
}
