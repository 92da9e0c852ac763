//! The words that start statements.

use erpc_syntax::tree::Statement;

use super::state::Resolver;
use crate::properties::{self, BlockKind, Word};

impl<'a> Resolver<'a> {
    /// The entry of the word that starts a statement in `place`; reports an unknown one.
    pub(crate) fn word(
        &mut self,
        statement: &Statement,
        place: BlockKind,
    ) -> Option<&'static Word> {
        // What starts with no word at all is reported when the tree is repaired.
        let (head, span) = statement.head()?;
        let word = properties::word(head, place);
        if word.is_none() {
            self.report(crate::normalize::unknown_word(head, span, place));
        }
        word
    }
}
