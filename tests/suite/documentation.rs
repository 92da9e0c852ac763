//! Documents that are made from the code, and examples that are compiled. `UPDATE_DOCS=1` writes
//! the documents.

use std::fmt::Write;

use erpc_diagnostics::codes;
use erpc_model::glossary::{TERMS, terms_of};
use erpc_model::properties::{BlockKind, Merge, words as all_words};
use erpc_model::rules::{Kind, members as members_of};
use erpc_tests::repository;

const PLACES: [BlockKind; 11] = [
    BlockKind::Program,
    BlockKind::Platform,
    BlockKind::NamespaceDefaults,
    BlockKind::Cluster,
    BlockKind::Namespace,
    BlockKind::Service,
    BlockKind::Job,
    BlockKind::Sidecar,
    BlockKind::Init,
    BlockKind::External,
    BlockKind::Secret,
];

fn words() -> String {
    let mut text = String::from(
        "# The words of the language\n\n\
         Generated from `compiler/model/src/statements/` and `properties.rs`; a test keeps it up to date.\n\
         *Layers* says what a service does with what its component says: **replaces** it, replaces it **by key**\n\
         (the first argument), **merges** what is inside, or **adds** to it.\n",
    );
    for place in PLACES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n## {}\n", capitalised(place.name()));
        text.push_str("| written | says | layers |\n|---|---|---|\n");
        for word in all_words().filter(|word| word.places.contains(&place)) {
            let merge = match word.merge {
                Merge::Replace => "replaces",
                Merge::ByKey | Merge::ByPair => "by key",
                Merge::Inside => "merges",
                Merge::Append => "adds",
            };
            let form = word.form.replace('|', "\\|");
            let terms: Vec<String> = terms_of(word.name).map(|term| linked(term.name)).collect();
            let terms = if terms.is_empty() {
                String::new()
            } else {
                format!(" ({})", terms.join(", "))
            };
            let _ = writeln!(text, "| `{form}` | {}{terms} | {merge} |", word.doc);
        }
    }
    for word in all_words().filter(|word| !word.parts.is_empty()) {
        let _ = writeln!(text, "\n## The parts of `{}`\n", word.name);
        text.push_str("| written | says |\n|---|---|\n");
        for (form, doc) in word.parts {
            let _ = writeln!(text, "| `{}` | {doc} |", form.replace('|', "\\|"));
        }
    }
    text
}

/// A term with the link to its place in the glossary, by the rule that GitHub makes anchors with.
fn linked(term: &str) -> String {
    let kept = term.chars().filter(|c| c.is_alphanumeric() || *c == ' ');
    let anchor: String = kept.flat_map(char::to_lowercase).collect();
    format!("[{term}](glossary.md#{})", anchor.replace(' ', "-"))
}

fn glossary() -> String {
    let mut text = String::from(
        "# The terms of the field\n\n\
         Made from the table in `compiler/model/src/glossary.rs`; a test holds it to that. `erpc explain TERM` shows one.\n",
    );
    for term in TERMS {
        let words: Vec<String> = term.words.iter().map(|w| format!("`{w}`")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n## {}\n", term.name);
        if !term.stands_for.is_empty() {
            let _ = writeln!(text, "*{}*\n", capitalised(term.stands_for));
        }
        let _ = writeln!(
            text,
            "{} In [the language](words.md): {}.",
            term.text,
            words.join(", ")
        );
    }
    text
}

/// The terms that the handbook of the platform explains.
const HANDBOOK: [&str; 20] = [
    "SRE",
    "SLO",
    "SLI",
    "SLA",
    "toil",
    "error budget",
    "MTTR",
    "MTTD",
    "RTO",
    "RPO",
    "K8s",
    "Helm",
    "GitOps",
    "HPA",
    "PVC",
    "RBAC",
    "StatefulSet",
    "NetworkPolicy",
    "ERP/1",
    "КСЗІ",
];

#[test]
fn the_glossary_is_the_table_and_has_each_term_of_the_handbook() {
    let names: Vec<&str> = TERMS.iter().map(|term| term.name).collect();
    assert_eq!(names, HANDBOOK);
    let made = glossary();
    for term in TERMS {
        assert!(
            words().contains(&linked(term.name)),
            "{} is linked from no word",
            term.name
        );
        assert_eq!(made.matches(&format!("\n## {}\n", term.name)).count(), 1);
    }
    is_made("glossary.md", &made);
}

#[test]
fn the_reference_of_commands_is_their_definitions() {
    is_made("cli.md", &erpc_cli::reference());
}

#[test]
fn the_page_of_defaults_is_the_table() {
    is_made("defaults.md", &erpc_cluster::known_page());
}

#[test]
fn the_pages_of_the_codes_are_those_of_explain() {
    let mut index = String::from(
        "# Every finding\n\nThe pages of `erpc explain CODE`, made from \
         `compiler/diagnostics/src/pages/`; a test holds them to that.\n\n",
    );
    let mut names = vec!["README.md".to_owned()];
    for code in codes::ALL {
        let name = format!("{}.md", code.id);
        // Writing to a string cannot fail.
        let _ = writeln!(index, "- [{}]({name}): {}", code.id, code.title);
        is_made(&format!("diagnostics/{name}"), &code.document());
        names.push(name);
    }
    is_made("diagnostics/README.md", &index);
    for path in erpc_tests::files_below(&repository().join("docs/diagnostics")).keys() {
        if std::env::var_os("UPDATE_DOCS").is_some() && !names.contains(path) {
            let old = repository().join("docs/diagnostics").join(path);
            std::fs::remove_file(old).expect("the page of a code that went");
            continue;
        }
        assert!(
            names.contains(path),
            "docs/diagnostics/{path} is the page of no code"
        );
    }
}

/// The tables of types and functions in the reference are those that values are read by.
#[test]
fn the_tables_of_the_reference_are_those_of_the_code() {
    let mut types = String::from("| type | is written |\n|---|---|\n");
    for (name, written) in erpc_model::types() {
        // Writing to a string cannot fail.
        let _ = writeln!(types, "| `{name}` | {written} |");
    }
    let mut functions = String::from("| function | gives | in |\n|---|---|---|\n");
    for [form, doc, place] in erpc_model::functions() {
        // Writing to a string cannot fail.
        let _ = writeln!(functions, "| `{form}` | {doc} | {place} |");
    }
    let path = repository().join("docs/language.md");
    let mut text = std::fs::read_to_string(&path).expect("the document");
    for (name, table) in [("types", types), ("functions", functions)] {
        let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
        let (before, rest) = text.split_once(&start).expect("the start of the table");
        let (_, after) = rest.split_once(&end).expect("the end of the table");
        text = format!("{before}{start}{table}{end}{after}");
    }
    is_made("language.md", &text);
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

fn members() -> String {
    let mut text = String::from(
        "# What rules and tests can ask\n\n\
         Generated from `compiler/model/src/statements/` and `rules/members.rs`; a test keeps it up to date.\n\
         *Or `off`* means that it may be missing. A range has `min` and `max`.\n",
    );
    for kind in Kind::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n## {}\n", capitalised(kind.name()));
        text.push_str("| member | type | says |\n|---|---|---|\n");
        for row in members_of(kind) {
            let _ = writeln!(text, "| `{}` | {} | {} |", row.name, row.ty, row.doc);
        }
    }
    text
}

fn strict() -> String {
    let mut text = String::from(
        "# What `defaults strict` adds\n\n\
         Generated from `compiler/emit/src/strict.rs`; a test compares the table with the objects of a platform that has both defaults.\n\n\
         `defaults strict` is the default of the language. It adds the fields and objects below to what the source sets, and demands `cpu`,\n\
         `memory` and a version for every image. With `defaults kubernetes`, in the platform, a namespace or a service, none of them is\n\
         added: what the source does not set is left to Kubernetes. `POD` stands for the pod template of every kind of workload.\n\n",
    );
    text.push_str(&erpc_emit::strict_table());
    text.push_str(
        "\n`check` lists, for each namespace, the services that are not strict and what each would have to set (`W0330`). To move one, write\n\
         `defaults strict` in it, build, and read the difference: the first apply after that restarts its pods.\n",
    );
    text
}

#[test]
fn the_page_of_strict_defaults_is_the_table() {
    is_made("strict.md", &strict());
}

#[test]
fn the_reference_of_members_is_the_table() {
    is_made("members.md", &members());
}

#[test]
fn the_reference_of_words_is_the_table() {
    is_made("words.md", &words());
}

#[test]
fn the_picture_of_the_platform_is_what_graph_draws() {
    let ran = erpc_tests::erpc(&["graph".as_ref(), repository().as_os_str()]);
    is_made("erp1.svg", &ran.out);
}

fn is_made(name: &str, made: &str) {
    let path = repository().join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, made).expect("the document can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/{name} is old: UPDATE_DOCS=1 cargo test -p erpc-tests documentation"
    );
}

/// What an example of the language reference takes as a manifest.
const REDIS: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: { name: redis }
spec:
  selector: { matchLabels: { app: redis } }
  template:
    metadata: { labels: { app: redis } }
    spec:
      securityContext: { runAsNonRoot: true, runAsUser: 999, seccompProfile: { type: RuntimeDefault } }
      containers:
        - name: redis
          image: redis:7.4
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
          ports: [{ name: client, containerPort: 6379 }]
---
apiVersion: v1
kind: Service
metadata: { name: redis }
spec:
  selector: { app: redis }
  ports: [{ port: 6379, targetPort: client }]
";

/// Every example of the language reference is a program without errors.
#[test]
fn the_examples_of_the_language_compile() {
    let text =
        std::fs::read_to_string(repository().join("docs/language.md")).expect("the document");
    let mut examples = 0;
    for block in text.split("```erp\n").skip(1) {
        let Some((program, _)) = block.split_once("```") else {
            continue;
        };
        let account = |name: &str| {
            format!(
                r#"{{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {{"name": "{name}"}}}}"#
            )
        };
        let class = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: { name: low }\nvalue: 1\n";
        let compiled = erpc_tests::Memory::of(program)
            .with("manifests/classes.yaml", class)
            .with("redis/account.json", account("redis"))
            .with("redis.yaml", REDIS)
            .with("robot.json", account("robot"))
            .compile();
        let shown = erpc_diagnostics::render_human(
            &compiled.diagnostics,
            &compiled.sources,
            erpc_diagnostics::Style::PLAIN,
            None,
        );
        assert!(!compiled.diagnostics.has_errors(), "{program}\n{shown}");
        examples += 1;
    }
    assert!(examples > 0);
}
