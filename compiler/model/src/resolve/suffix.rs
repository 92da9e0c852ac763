//! `namespaces { suffix "-dev" }`: what the names of the namespaces and of the platform end in, so that several
//! environments of one program can be in one cluster and share nothing.

use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::Block;
use smol_str::{SmolStr, format_smolstr};

use super::settings::Setting;
use super::state::Resolver;
use crate::eval::Scope;
use crate::kubernetes;
use crate::origin::{Sourced, Via};
use crate::platform::{Manifest, Namespace};
use crate::properties::BlockKind;

impl<'a> Resolver<'a> {
    /// The suffix that the highest of these blocks sets.
    pub(super) fn suffix(&mut self, blocks: &[&'a Block]) -> Option<Sourced<SmolStr>> {
        let scope = Rc::new(Scope::default());
        // What is wrong with other statements is reported with the namespaces.
        let before = self.diagnostics.clone();
        let mut found: Option<Setting<'a>> = None;
        for block in blocks {
            let place = BlockKind::NamespaceDefaults;
            let settings = self.own_settings(Some(block), place, &scope, Via::Platform);
            let suffix = settings.into_iter().find(|one| one.word.name == "suffix");
            found = suffix.or(found);
        }
        self.diagnostics = before;
        let setting = found.filter(|setting| setting.off().is_none())?;
        let mut args = setting.args();
        let expr = args.need_expr("the end of the names, in quotes", &mut self.diagnostics)?;
        args.finish(&mut self.diagnostics);
        let text = self.text(expr, &scope)?;
        // Behind the name of a namespace.
        let why = kubernetes::not_a_label(&format!("n{text}"));
        let why = why.or_else(|| {
            text.is_empty()
                .then(|| "expected at least one character".to_owned())
        });
        let Some(why) = why else {
            return Some(Sourced::declared(text.into(), expr.span));
        };
        let message = kubernetes::invalid("suffix", &text, &why);
        self.report(
            Diagnostic::new(&codes::BAD_NAME, message)
                .at(expr.span, "not the end of a name")
                .help("write one such as `suffix \"-dev\"`"),
        );
        // One is wanted, so that the line does not seem to change nothing.
        Some(Sourced::declared(SmolStr::default(), expr.span))
    }

    /// A name of a namespace, or of the platform, with the suffix behind it.
    pub(super) fn suffixed(&self, name: &SmolStr) -> SmolStr {
        match &self.parts.suffix {
            Some(suffix) => format_smolstr!("{name}{}", suffix.value),
            None => name.clone(),
        }
    }

    /// Adds the suffix to the name of a namespace.
    pub(super) fn add_suffix(&mut self, namespace: &mut Namespace) {
        let Some(suffix) = self.parts.suffix.clone() else {
            return;
        };
        let (name, at) = (namespace.name.value.clone(), namespace.name.span());
        if let Some(why) = namespace.reserved() {
            let message = format!("the namespace `{name}` cannot have a suffix: {why}");
            self.report(
                Diagnostic::new(&codes::RESERVED_NAME, message)
                    .at(at, "every environment would have it")
                    .also(suffix.span(), "the suffix")
                    .help(format!("write `namespace {name} off` where the suffix is set, or move its services to another namespace")),
            );
            return;
        }
        namespace.name.value = self.suffixed(&name);
        if let Some(why) = kubernetes::not_a_label(&namespace.name.value) {
            let message = kubernetes::invalid("namespace", &namespace.name.value, &why);
            self.report(
                Diagnostic::new(&codes::BAD_NAME, message)
                    .at(suffix.span(), "with this suffix")
                    .also(at, "the namespace"),
            );
        }
    }

    /// Moves objects of manifests to the namespaces of this environment.
    pub(super) fn add_suffix_to_manifests(&self, manifests: &mut [Manifest]) {
        if self.parts.suffix.is_none() {
            return;
        }
        for manifest in manifests {
            let names = manifest.namespace.iter_mut().chain(&mut manifest.home);
            for name in names {
                if self.names.namespace_ids.contains_key(&name.value) {
                    name.value = self.suffixed(&name.value);
                }
            }
        }
    }
}
