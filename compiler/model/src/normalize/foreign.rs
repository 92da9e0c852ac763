//! Words of other languages, of Dockerfiles and of Kubernetes' own YAML.

use erpc_diagnostics::{Diagnostic, Span, codes};

use crate::properties::{self, BlockKind};

/// Words of other languages, and what they are here; the first that may stand in a place counts.
const FOREIGN: [(&str, &str); 78] = [
    ("var", "let"),
    ("const", "let"),
    ("val", "let"),
    ("def", "let"),
    ("local", "let"),
    ("param", "let"),
    ("variable", "let"),
    ("import", "use"),
    ("include", "use"),
    ("require", "use"),
    ("using", "use"),
    ("load", "use"),
    ("class", "component"),
    ("template", "component"),
    ("struct", "component"),
    ("type", "component"),
    ("mixin", "component"),
    ("trait", "component"),
    ("schema", "component"),
    ("define", "component"),
    ("project", "platform"),
    ("system", "platform"),
    ("stack", "platform"),
    ("module", "namespace"),
    ("package", "namespace"),
    ("group", "namespace"),
    ("ns", "namespace"),
    ("deployment", "service"),
    ("statefulset", "service"),
    ("daemonset", "service"),
    ("pod", "service"),
    ("workload", "service"),
    ("app", "service"),
    ("microservice", "service"),
    ("resource", "service"),
    ("cronjob", "job"),
    ("task", "job"),
    ("cron", "job"),
    ("layers", "tiers"),
    ("layer", "tier"),
    ("resource", "external"),
    ("endpoint", "external"),
    ("permit", "allow"),
    ("grant", "allow"),
    ("deny", "never"),
    ("forbid", "never"),
    ("block", "never"),
    ("assert", "always"),
    ("public", "expose"),
    ("publish", "expose"),
    ("route", "expose"),
    ("ingress", "expose"),
    ("from", "image"),
    ("container", "image"),
    ("cmd", "args"),
    ("entrypoint", "command"),
    ("arguments", "args"),
    ("environment", "env"),
    ("envvar", "env"),
    ("ports", "port"),
    ("containerport", "port"),
    ("instances", "replicas"),
    ("count", "replicas"),
    ("autoscale", "scale"),
    ("hpa", "scale"),
    ("healthcheck", "health"),
    ("probe", "health"),
    ("livenessprobe", "health"),
    ("readinessprobe", "health"),
    ("pvc", "volume"),
    ("storage", "volume"),
    ("mount", "volume"),
    ("configmap", "config"),
    ("user", "run"),
    ("depends_on", "after"),
    ("dependson", "after"),
    ("needs", "after"),
    ("description", "title"),
];

/// Words of Kubernetes' own YAML, and of a Dockerfile, that have no counterpart in the same shape.
pub(super) fn of_kubernetes(head: &str, span: Span) -> Option<Diagnostic> {
    let (what, help) = match head {
        "apiVersion" | "kind" | "metadata" | "spec" | "status" => (
            "a field of a Kubernetes object",
            "the objects are what the compiler writes; what they are for is said with `service`, `port`, `calls` and the like",
        ),
        "EXPOSE" => (
            "an instruction of a Dockerfile",
            "a port has a name here: `port http 8080`",
        ),
        "resources" => (
            "a field of a container in Kubernetes",
            "write `cpu 250m..500m` and `memory 256Mi..512Mi`: request..limit",
        ),
        "if" | "else" | "unless" | "switch" | "match" | "when" => (
            "no statement",
            "a choice makes a value: `replicas if platform.environment == \"production\" then 3 else 1`",
        ),
        "for" | "while" | "foreach" | "each" | "loop" => (
            "no statement",
            "what is declared is declared once; what several services share goes into a `component`",
        ),
        _ => return None,
    };
    let diagnostic = Diagnostic::new(
        &codes::UNKNOWN_STATEMENT,
        format!("`{head}` is {what}, not a word of the language"),
    );
    Some(diagnostic.at(span, "not known here").help(help))
}

/// Words that have no equal here: to write the word that they resemble would change the meaning.
const ALIKE: [&str; 7] = [
    "statefulset",
    "daemonset",
    "pod",
    "deny",
    "forbid",
    "block",
    "assert",
];

/// A word of another language.
pub(super) struct Foreign {
    /// What it is here.
    pub(super) meant: &'static str,
    /// Whether it is the same, so that one may be written for the other.
    pub(super) is_same: bool,
    pub(super) diagnostic: Diagnostic,
}

/// What a word of another language is here, with what is said of it.
pub(super) fn foreign(head: &str, span: Span, place: BlockKind) -> Option<Foreign> {
    let lower = head.to_lowercase();
    let same = properties::words_of(place).find(|word| *word == lower);
    if let Some(meant) = same {
        let diagnostic = Diagnostic::new(
            &codes::UNKNOWN_STATEMENT,
            format!("the words of the language are in small letters: `{meant}`"),
        )
        .at(span, "in capitals");
        return Some(Foreign {
            meant,
            is_same: true,
            diagnostic,
        });
    }
    let (_, meant) = FOREIGN
        .iter()
        .find(|(word, meant)| *word == lower && properties::word(meant, place).is_some())?;
    let form = properties::word(meant, place).map_or("", |word| word.form);
    if lower == "daemonset" {
        let diagnostic = Diagnostic::new(
            &codes::UNKNOWN_STATEMENT,
            "a DaemonSet is a `service` with `replicas per node`".to_owned(),
        )
        .at(span, "one pod on each node")
        .help("write `service NAME { replicas per node }`");
        return Some(Foreign {
            meant,
            is_same: false,
            diagnostic,
        });
    }
    let is_same = !ALIKE.contains(&lower.as_str());
    let diagnostic = Diagnostic::new(
        &codes::UNKNOWN_STATEMENT,
        format!(
            "unknown statement `{head}` {}; {} `{meant}`",
            place.name(),
            if is_same {
                "it is called"
            } else {
                "it resembles"
            }
        ),
    )
    .at(span, "a word of other languages")
    .help(format!("it is written `{form}`"));
    Some(Foreign {
        meant,
        is_same,
        diagnostic,
    })
}
