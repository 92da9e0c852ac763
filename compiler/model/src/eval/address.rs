//! `host(SERVICE)` and `address(SERVICE:PORT)` in texts. What a name means and which ports a service has is known when
//! all services are resolved; until then a text holds a mark for each address.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::Expr;
use smol_str::format_smolstr;

use super::evaluator::{Asked, Evaluator, Scope};
use crate::functions::{Function, Meaning};
use crate::value::Value;

/// Around the number of an address in a text. Both are of a private plane, where no text of a language is.
pub(crate) const START: char = '\u{F0000}';
pub(crate) const END: char = '\u{F0001}';

impl Evaluator<'_> {
    /// `host(SERVICE)`, `address(SERVICE:PORT)`.
    pub(super) fn address_of(
        &mut self,
        function: &Function,
        service: &Expr,
        span: Span,
        scope: &Scope,
    ) -> Option<Value> {
        if !self.takes_addresses {
            self.report(
                Diagnostic::new(
                    &codes::MISPLACED_ADDRESS,
                    format!("`{}` cannot be called here", function.name()),
                )
                .at(span, "the address of a service")
                .help("it can be called in the values of `env`, `args`, `command` and `config`, where a client reads it"),
            );
            return None;
        }
        // A component that is checked by itself does not know from where names are seen.
        if scope.service.is_none() {
            return Some(Value::Unknown);
        }
        let number = self.addresses.len();
        self.addresses.push(Asked {
            has_port: matches!(function.meaning, Meaning::Address),
            name: service.clone(),
            namespace: scope.at.namespace,
            span,
        });
        Some(Value::Text(format_smolstr!("{START}{number}{END}")))
    }

    /// Evaluates what a client reads.
    pub(crate) fn with_addresses<T>(
        &mut self,
        takes: bool,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = std::mem::replace(&mut self.takes_addresses, takes);
        let value = read(self);
        self.takes_addresses = before;
        value
    }
}
