//! The words of the language: every statement, where it may stand, how it is written, how two layers of it merge.
//! Resolution, messages and the reference all read these tables. Most are declared in `statements/`, the
//! others here.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::platform::PlatformStatements;
use crate::statements::{
    Assertion, Cluster, Container, Exposures, External, Flow, Manifests, Namespace, Secret,
    ServiceProperties, ServiceStatements, Statements,
};

pub use crate::word::{BlockKind, Merge, Word};

macro_rules! words {
    ($($name:literal $merge:ident [$($place:ident)*] $form:literal $doc:literal $($part:literal $part_doc:literal)*;)*) => {
        /// The words that are read in `resolve/`.
        static WORDS: &[Word] = &[$(Word {
            name: $name,
            form: $form,
            doc: $doc,
            parts: &[$(($part, $part_doc)),*],
            merge: Merge::$merge,
            places: &[$(BlockKind::$place),*],
        }),*];
    };
}

words! {
    // the program
    "erp"       Replace [Program] "erp 1" "The language version that the program is written in; its first line.";
    "use"       Append  [Program] "use std.module.Name | \"file.erp\", …" "Takes a component of the library or another file of the project into the program.";
    "root"      Replace [Program] "root \"..\"" "The folder above the program whose files it may read as well, with `use`, `file` and `manifests`; it stands in the root file.";
    "platform"  Replace [Program] "platform NAME { … }" "The platform: exactly one in a program.";
    "tiers"     Append  [Program] "tiers LOWEST < … < HIGHEST" "The order of tiers; several lines give a partial order.";
    "namespace" Append  [Program] "namespace NAME { … }" "A namespace with its services.";
    "component" Append  [Program] "component Name(param: Type = default, …) [is Other(…)] { … }" "A bundle of service properties with parameters.";
    "let"       Append  [Program] "let NAME[: Type] = EXPR" "A constant.";
    "external"  Append  [Program] "external NAME { … }" "Something outside the cluster that services talk to.";
    "rule"      Append  [Program] "rule NAME for service|flow|namespace|volume|container x { require EXPR, \"message\" } | rule NAME is Name(…)" "A policy of the organisation; one with parameters is in PascalCase and is switched on by the second form.";
    "test"      Append  [Program] "test \"name\" { expect EXPR; … }" "Expectations on the resolved platform.";
    "profile"   Append  [Program] "profile NAME [is OTHER] { … }" "An environment: statements of the program, of its namespaces and services that hold there instead, and overrides by dotted path.";
    "accept"    Append  [Program] "accept CODE [for NAME] because \"…\" | accept \"PATH\" because \"…\"" "Silences one warning at one place, or keeps a manifest that erpc did not generate in `lib/` or `share/`, with the reason.";
    "moved"     Append  [Program] "moved OLD to NEW" "A rename, so that nothing is deleted and made anew.";
    "secret"    ByKey   [Program Namespace] "secret NAME { keys \"key\", … }" "Declares a Secret that exists outside of the platform, with the keys that it must have.";
    "cluster"   Replace [Program Platform] "cluster NAME [is OTHER] { … } | cluster NAME" "The facts that a platform must fit; in the platform: which cluster it is built for.";

    // the platform
    "namespaces"  Replace [Platform] "namespaces { … }" "What every namespace gets that does not say its own.";
    "suffix"      Replace [NamespaceDefaults] "suffix \"…\"" "What the names of the namespaces and of the platform end in, so that several environments can be in one cluster.";
    "services"    Replace [Platform Namespace] "services { … }" "What every service and job gets that does not set its own; jobs get what can stand in a job.";

    // namespaces
    "service"   Append  [Namespace] "service NAME [is Component(…), …] { … }" "A workload that serves.";
    "job"       Append  [Namespace] "job NAME [every \"cron\"] [is Component(…), …] { … }" "A workload that runs to its end.";

    // services
}

/// Every word of the language.
pub fn words() -> impl Iterator<Item = &'static Word> {
    WORDS
        .iter()
        .chain(declared::<Exposures>())
        .chain(declared::<Vec<Flow>>())
        .chain(declared::<Vec<Assertion>>())
        .chain(declared::<Manifests>())
        .chain(declared::<External>())
        .chain(declared::<Secret>())
        .chain(declared::<PlatformStatements>())
        .chain(declared::<Cluster>())
        .chain(declared::<Namespace>())
        .chain(declared::<Container>())
        .chain(declared::<ServiceProperties>())
        .chain(declared::<ServiceStatements>())
}

/// The words of the statements of a block.
fn declared<O: Statements>() -> impl Iterator<Item = &'static Word> {
    O::ALL.iter().map(|statement| &statement.word)
}

/// How a part of a word is written; `part` is its position.
pub(crate) fn form_of_part(word: &str, part: usize) -> &'static str {
    let word = words().find(|known| known.name == word);
    let part = word.and_then(|word| word.parts.get(part));
    part.map_or("", |(form, _)| form)
}

/// The entry of a word that may stand in `place`.
#[must_use]
pub fn word(name: &str, place: BlockKind) -> Option<&'static Word> {
    static BY_BLOCK: LazyLock<FxHashMap<(&str, BlockKind), &Word>> = LazyLock::new(|| {
        let in_places = |word: &'static Word| {
            let of_profile = word
                .stands_in(BlockKind::Profile)
                .then_some(BlockKind::Profile);
            let places = word.places.iter().copied().chain(of_profile);
            places.map(move |place| (word, place))
        };
        let all = words().flat_map(in_places);
        all.map(|(word, place)| ((word.name, place), word))
            .collect()
    });
    BY_BLOCK.get(&(name, place)).copied()
}

/// The words that may stand in `place`.
pub fn words_of(place: BlockKind) -> impl Iterator<Item = &'static str> {
    words()
        .filter(move |word| word.stands_in(place))
        .map(|word| word.name)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn every_word_has_a_form_that_shows_it_and_a_sentence() {
        for word in words() {
            assert!(word.form.contains(word.name), "{}", word.name);
            assert!(word.doc.ends_with('.'), "{}", word.name);
            assert!(!word.places.is_empty(), "{}", word.name);
        }
    }

    #[test]
    fn a_word_is_declared_once_for_each_block() {
        let mut seen = std::collections::HashSet::new();
        for word in words() {
            for place in word.places {
                assert!(
                    seen.insert((word.name, place)),
                    "{} {}",
                    word.name,
                    place.name()
                );
            }
        }
    }
}
