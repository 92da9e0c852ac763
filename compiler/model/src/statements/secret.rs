//! The statements of secrets, which are created outside of the platform.

use erpc_diagnostics::{Diagnostic, codes};
use smol_str::SmolStr;

use super::reader::text;
use super::{Reader, statements};
use crate::eval::Evaluator;
use crate::ids::NamespaceId;
use crate::kubernetes;
use crate::origin::Sourced;

statements! {
    /// `secret NAME { keys … }`: a Secret that is created outside of the platform.
    Secret(
        /// Its name.
        name: Sourced<SmolStr>,
        /// Its namespace; `None` for one of the whole program, which must exist in each namespace
        /// of `used_in`.
        namespace: Option<NamespaceId>
    ) {
        /// The namespaces in which something refers to it, sorted.
        used_in: Vec<NamespaceId>,
    }

    keys: Vec<Sourced<SmolStr>> = "keys \"key\", … [because \"…\"]" [Secret]
        "The keys that the Secret must have.",
        update Secret::read_keys;
    because: Option<Sourced<String>> = "because \"…\"" [Secret]
        "Why it is needed.",
        read text;
}

impl Secret {
    /// `"key", … [because "…"]`
    fn read_keys(&mut self, reader: &mut Reader<'_, '_>) {
        let mut keys: Vec<Sourced<SmolStr>> = Vec::new();
        reader.list(|reader| {
            let expr = reader.expr("a key in quotes")?;
            let key = reader.value(expr, Evaluator::text)?;
            if let Some(first) = keys.iter().find(|known| known.value == key.value) {
                let message = format!("the key `{}` is there twice", key.value);
                return reader.refuse(
                    Diagnostic::new(&codes::DUPLICATE_NAME, message)
                        .at(expr.span, "again")
                        .also(first.span(), "the first"),
                );
            }
            let rule = kubernetes::not_a_file;
            reader.check_text("key of a secret", &key.value, expr.span, rule);
            keys.push(key.map(SmolStr::from));
            Some(())
        });
        self.keys = keys;
        let at = reader.here();
        if let Some(because) = reader.because() {
            self.because = Some(reader.sourced(because, at));
        }
        reader.finish();
    }
}
