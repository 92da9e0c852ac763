//! `never` and `always`: what the flows must not, or must, come to.

use erpc_syntax::tree::{Arg, Sign, Statement};

use super::container::{is_word, reason};
use super::state::Resolver;
use crate::args::Args;
use crate::eval::{Scope, Standpoint};
use crate::platform::Assertion;
use crate::properties::{self, BlockKind};

impl<'a> Resolver<'a> {
    /// `never FROM -> TO`, `never FROM => TO[:PORT]`, `always FROM -> TO:PORT`.
    pub(super) fn assertions(&mut self) -> Vec<Assertion> {
        let all = self.index.assertions.clone();
        let mut assertions: Vec<Assertion> = all
            .iter()
            .filter_map(|statement| self.assertion(statement))
            .collect();
        assertions.retain_mut(|assertion| {
            self.keep_read(&mut assertion.from) && self.keep_read(&mut assertion.to)
        });
        assertions.sort_by_key(|assertion| assertion.span);
        assertions
    }

    fn assertion(&mut self, statement: &'a Statement) -> Option<Assertion> {
        let always = statement
            .args
            .first()
            .is_some_and(|arg: &Arg| is_word(arg, "always"));
        let word = if always { "always" } else { "never" };
        let form = properties::word(word, BlockKind::Program).map_or("", |w| w.form);
        let mut args = Args::new(&statement.args[1..], statement.span, form);
        let at = Standpoint::default();
        let from = self.need_peers(&mut args, "who calls", at);
        let transitive = args.sign(Sign::Implies).is_some();
        if !transitive && args.sign(Sign::Arrow).is_none() {
            if from.is_some() || !args.is_empty() {
                args.expected("`->` or `=>`", &mut self.diagnostics);
            }
            return None;
        }
        let to = self.need_peers(&mut args, "who is called", at);
        let because = reason(self, &mut args, &Scope::default());
        args.finish(&mut self.diagnostics);
        let ((from, _), (to, port)) = (from?, to?);
        let port = match port {
            Some(port) => Some(self.flow_port(&to, Some(port))?),
            None => None,
        };
        Some(Assertion {
            always,
            transitive,
            from,
            to,
            port,
            because,
            span: statement.span,
        })
    }
}
