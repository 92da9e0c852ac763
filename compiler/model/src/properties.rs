//! The words of the language: every statement, where it may stand, how it is written, how two layers of it merge.
//! Resolution, messages and the reference all read these tables. Plain statements are declared in `statements/`, the
//! others here.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::statements::{ServiceProperties, Statements};

pub use crate::word::{Merge, Place, Word};

macro_rules! words {
    ($($name:literal $merge:ident [$($place:ident)*] $form:literal $doc:literal $($part:literal $part_doc:literal)*;)*) => {
        /// The words that are read in `resolve/`.
        static WORDS: &[Word] = &[$(Word {
            name: $name,
            form: $form,
            doc: $doc,
            parts: &[$(($part, $part_doc)),*],
            merge: Merge::$merge,
            places: &[$(Place::$place),*],
        }),*];
    };
}

words! {
    // the program
    "erp"       Replace [Program] "erp 1" "The language version that the program is written in; its first line.";
    "use"       Append  [Program] "use std.module.Name | \"file.erp\", …" "Takes a component of the library or another file of the project into the program.";
    "platform"  Replace [Program] "platform NAME { … }" "The platform: exactly one in a program.";
    "tiers"     Append  [Program] "tiers LOWEST < … < HIGHEST" "The order of tiers; several lines give a partial order.";
    "namespace" Append  [Program] "namespace NAME { … }" "A namespace with its services.";
    "component" Append  [Program] "component Name(param: Type = default, …) [is Other(…)] { … }" "A bundle of service properties with parameters.";
    "let"       Append  [Program] "let NAME[: Type] = EXPR" "A constant.";
    "external"  Append  [Program] "external NAME { … }" "Something outside the cluster that services talk to.";
    "never"     Append  [Program] "never FROM ->|=> TO[:PORT] [because \"…\"]" "Asserts that no flow, with `=>` no path, leads there.";
    "always"    Append  [Program] "always FROM -> TO[:PORT] [because \"…\"]" "Asserts that a flow is allowed.";
    "rule"      Append  [Program] "rule NAME for service|flow|namespace|volume|container x { require EXPR, \"message\" } | rule NAME is Name(…)" "A policy of the organisation; one with parameters is in PascalCase and is switched on by the second form.";
    "test"      Append  [Program] "test \"name\" { expect EXPR; … }" "Expectations on the resolved platform.";
    "profile"   Append  [Program] "profile NAME [is OTHER] { … }" "An environment: overrides by dotted path.";
    "accept"    Append  [Program] "accept CODE [for NAME] because \"…\" | accept \"PATH\" because \"…\"" "Silences one warning at one place, or keeps a manifest that erpc did not generate in `lib/` or `share/`, with the reason.";
    "moved"     Append  [Program] "moved OLD to NEW" "A rename, so that nothing is deleted and made anew.";
    "allow"     Append  [Program Namespace] "allow FROM -> TO:PORT [optional|observes] [because \"…\"]" "A permitted flow.";
    "expose"    Append  [Program Namespace Service] "expose SERVICE:PORT at \"host[/path]\", … [tls SECRET] [from CIDR, …] | expose SERVICE:PORT as loadbalancer|nodeport [N]" "A route, or an address, from outside the cluster.";
    "secret"    ByKey   [Program Namespace Service Job] "secret NAME { keys \"key\", … } | secret NAME at \"dir\"" "Declares a Secret that somebody else creates; in a service: mounts one.";
    "cluster"   Replace [Program Platform] "cluster NAME [is OTHER] { … } | cluster NAME" "The facts that a platform must fit; in the platform: which cluster it is built for.";

    // the platform
    "id"          Replace [Platform] "id \"…\"" "What tells this platform from another of the same name; `erpc init` writes a random one. `erpc apply` records it in the cluster, and refuses a source with another.";
    "version"     Replace [Platform] "version \"…\"" "The version of the platform, which its own images carry.";
    "domain"      Replace [Platform] "domain \"…\"" "The domain under which the platform is reached.";
    "environment" Replace [Platform] "environment NAME" "What the platform is for, `production` where nothing is said.";
    "registry"    Replace [Platform] "registry \"host\"" "The registry of images that name none: a host such as `ghcr.io`, or one with a path, `ghcr.io/acme`.";
    "registries"  Replace [Platform] "registries \"host\", …" "The registries that images may come from beside `registry`; one with a path allows what is below it.";
    "pull"        Replace [Platform] "pull always|missing|never" "When a node fetches an image, `missing` where nothing is said.";
    "output"      ByKey   [Platform] "output argocd|flux|kustomize [\"repository\" at \"revision\" [in \"folder\"]]" "What a build also writes, for others who deliver it: in which repository it is, at which revision.";
    "namespaces"  Replace [Platform] "namespaces { … }" "What every namespace gets that does not say its own.";

    // namespaces
    "tier"      Replace [Namespace] "tier NAME" "The tier of the namespace's services.";
    "quota"     Replace [Namespace NamespaceDefaults] "quota cpu A..B, memory A..B, pods N, storage SIZE" "What the namespace's pods may request and use in sum.";
    "limits"    Replace [Namespace NamespaceDefaults] "limits cpu A..B, memory A..B" "Request and limit of a container that says none.";
    "pull-secret" Replace [Namespace NamespaceDefaults] "pull-secret NAME, …" "The Secrets with which nodes fetch the images of the namespace's pods; each declared with the key `.dockerconfigjson`.";
    "labels"    ByKey   [Namespace NamespaceDefaults] "labels KEY = \"value\", …" "Labels of the Namespace object.";
    "service"   Append  [Namespace] "service NAME [is Component(…), …] { … }" "A workload that serves.";
    "job"       Append  [Namespace] "job NAME [every \"cron\"] [is Component(…), …] { … }" "A workload that runs to its end.";

    // services
    "image"      Replace [Service Job Sidecar Init] "image \"reference\"" "The image of the container, with a tag or digest.";
    "command"    Replace [Service Job Sidecar Init] "command \"…\", …" "What the container runs instead of the image's entry point.";
    "args"       Replace [Service Job Sidecar Init] "args \"…\", …" "The arguments of the command.";
    "env"        ByKey   [Service Job Sidecar Init] "env NAME = VALUE | env NAME from secret S.key" "An environment variable.";
    "port"       ByKey   [Service Job Sidecar External] "port NAME NUMBER[..NUMBER][/proto] [-> CONTAINERPORT] [host]" "A port by its name; flows, probes and routes refer to it.";
    "cpu"        Replace [Service Job Sidecar Init] "cpu REQUEST..LIMIT" "CPU that is reserved and that may be used.";
    "memory"     Replace [Service Job Sidecar Init] "memory REQUEST..LIMIT" "Memory that is reserved and that may be used.";
    "health"     Inside  [Service Job Sidecar] "health http \"/path\" | tcp | exec \"…\", … [on PORT] [{ ready …; live …; startup … }]" "How the kubelet finds out whether the container is ready and alive."
        "ready|live|startup [http \"/path\" | tcp | exec \"…\", …] [on PORT] [after TIME] [every TIME] [fails N] [within TIME]" "A probe of its own: `ready` decides whether the pod receives traffic, `live` whether the container is restarted, and both wait for `startup`. A check in front of the block is that of `ready` and `live`."
        "ready|live|startup off" "Removes the probe that a component sets."
        "on PORT" "The port that is asked [default: the port `http`, else the first port that the service declares]."
        "after TIME" "How long the kubelet waits before the first check [default: 0s]."
        "every TIME" "The time between two checks [default: 10s]."
        "fails N" "How many checks in a row must fail, 1 to 1000 [default: 3]."
        "within TIME" "The time limit of a check [default: 1s].";
    "writable"   Append  [Service Job Sidecar Init] "writable \"/path\", …" "An empty folder that the container may write to.";
    "capability" Append  [Service Job Sidecar Init] "capability NAME [because \"…\"]" "A Linux capability; one outside `restricted` lowers the whole namespace.";
    "replicas"   Replace [Service] "replicas N" "How many pods there are.";
    "scale"      Replace [Service] "scale MIN..MAX on cpu PERCENT, memory PERCENT" "Between how many pods the autoscaler moves, and on what.";
    "volume"     ByKey   [Service Job] "volume NAME SIZE at \"path\" [class NAME] [shared]" "Storage that outlives the pod.";
    "config"     ByKey   [Service Job] "config NAME { \"file\" = TEXT } at \"dir\"" "Files that the container reads, as a ConfigMap.";
    "slo"        ByKey   [Service Namespace NamespaceDefaults] "slo availability PERCENT [over TIME] | slo latency pNN < TIME" "What clients are promised.";
    "grants"     Append  [Service Job Namespace NamespaceDefaults] "grants VERB, … on RESOURCE, … [in cluster] [because \"…\"]" "What the account may do at the Kubernetes API.";
    "calls"      Append  [Service Job] "calls TO:PORT [optional|observes] [because \"…\"]" "A permitted flow, said from the client's side.";
    "after"      Append  [Service Job Namespace] "after NAME, …" "What must be ready before this starts.";
    "sidecar"    Inside  [Service Job] "sidecar NAME { … }" "A container that runs beside the main one.";
    "init"       Inside  [Service Job] "init NAME { … }" "A container that runs to its end before the others.";
    "patch"      Append  [Service Job] "patch KIND { path = VALUE }" "Sets fields of one emitted object that the language has no word for.";

    // clusters
    "kubernetes" Replace [Cluster] "kubernetes VERSION" "The version of the API server.";
    "nodes"      Replace [Cluster] "nodes N of cpu C, memory M, [reserved M,] [arch NAME,] in CIDR, …" "How many nodes there are, their size and addresses.";
    "pods"       Replace [Cluster] "pods CIDR, …" "The addresses of pods.";
    "services"   Replace [Cluster] "services CIDR, …" "The addresses of Services.";
    "api"        Replace [Cluster] "api ADDRESS[:PORT], …" "Where the API server listens.";
    "dns"        Replace [Cluster External] "dns kube-dns|openshift|node-local [at ADDRESS, …] | dns \"name\", …" "Who answers DNS in the cluster; of an external: its names.";
    "cni"        Replace [Cluster] "cni NAME [with ranges, sctp, nodes, translation]" "What enforces NetworkPolicies, and what it can do beyond what is known of it.";
    "mesh"       Replace [Cluster] "mesh istio-ambient|linkerd" "The service mesh, whose tunnel the policies must let through.";
    "storage"    ByKey   [Cluster] "storage NAME [default] [of SIZE] [create provisioner \"P\" [wait] [reclaim retain|delete]]" "A storage class that exists, or that the platform makes, and how much it holds.";
    "ingress"    Replace [Cluster] "ingress CLASS by SERVICE:PORT, … | by pods NAMESPACE \"key=value\", … | by nodes" "The ingress class and who serves it.";

    // externals and secrets
    "cidr"       Append  [External] "cidr CIDR, …" "Its addresses.";
    "keys"       Replace [Secret] "keys \"key\", …" "The keys that the Secret must have.";
    "because"    Replace [Secret] "because \"…\"" "Why it is needed.";
}

/// Every word of the language.
pub fn words() -> impl Iterator<Item = &'static Word> {
    let plain = ServiceProperties::ALL.iter();
    WORDS.iter().chain(plain.map(|statement| &statement.word))
}

/// How a part of a word is written; `part` is its position.
pub(crate) fn form_of_part(word: &str, part: usize) -> &'static str {
    let word = words().find(|known| known.name == word);
    let part = word.and_then(|word| word.parts.get(part));
    part.map_or("", |(form, _)| form)
}

/// The entry of a word that may stand in `place`.
#[must_use]
pub fn word(name: &str, place: Place) -> Option<&'static Word> {
    static BY_NAME: LazyLock<FxHashMap<&str, &Word>> =
        LazyLock::new(|| words().map(|word| (word.name, word)).collect());
    let word = BY_NAME.get(name).copied()?;
    word.places.contains(&place).then_some(word)
}

/// The words that may stand in `place`.
pub fn words_of(place: Place) -> impl Iterator<Item = &'static str> {
    words()
        .filter(move |word| word.places.contains(&place))
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
    fn a_word_is_in_the_table_once() {
        let mut names: Vec<_> = words().map(|w| w.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(before, names.len());
    }
}
