//! The formats for tools, held to their schemas: `docs/diagnostics.schema.json` for JSON, the published
//! schema of SARIF 2.1.0 for SARIF. Lines and columns count from 1, columns in characters, offsets in bytes.

use std::ffi::OsStr;
use std::path::Path;

use erpc_cli::Exit;
use erpc_tests::{erpc, examples, folders_below, repository};
use serde_json::Value;

fn validator(path: &str) -> jsonschema::Validator {
    let text = std::fs::read_to_string(repository().join(path)).expect("the schema");
    // The published schema has one expression that ECMA 262 refuses: it ends a class that was never opened.
    let text = text.replace("-[a-zA-Z]{2}]?$", "(-[a-zA-Z]{2})?$");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).expect("a schema")
}

fn assert_valid(validator: &jsonschema::Validator, text: &str, what: &str) {
    let value: Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

fn run(command: &str, path: &Path, more: &[&str]) -> erpc_tests::Ran {
    let mut arguments: Vec<&OsStr> = vec![command.as_ref(), path.as_os_str()];
    arguments.extend(more.iter().map(OsStr::new));
    erpc(&arguments)
}

/// A case of every kind, one with a file outside the library, and programs without findings.
fn programs() -> Vec<std::path::PathBuf> {
    let mut programs = folders_below("tests/ui");
    programs.extend(examples());
    programs
}

#[test]
fn json_is_as_its_schema_says() {
    let schema = validator("docs/diagnostics.schema.json");
    for program in programs() {
        let ran = run("check", &program, &["--format", "json"]);
        assert_valid(&schema, &ran.out, &program.display().to_string());
    }
    let broken = repository().join("tests/ui/forty-mistakes-are-forty-findings");
    let ran = run("build", &broken, &["--format", "json"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert_valid(&schema, &ran.out, "build");
    let example = repository().join("examples/shop");
    let ran = run("build", &example, &["--check", "--format", "json"]);
    assert_valid(&schema, &ran.out, "build --check");
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("a.erp"), "erp   1\n").expect("written");
    let ran = run("fmt", folder.path(), &["--check", "--format", "json"]);
    assert_eq!(ran.exit, Exit::Differs);
    assert_valid(&schema, &ran.out, "fmt --check");
    assert!(ran.out.contains("W0017"), "{}", ran.out);
}

#[test]
fn the_schema_refuses_what_is_otherwise() {
    let schema = validator("docs/diagnostics.schema.json");
    for text in [
        r#"{"version":2,"diagnostics":[],"summary":{"errors":0,"warnings":0}}"#,
        r#"{"version":1,"diagnostics":[]}"#,
        r#"{"version":1,"diagnostics":[{}],"summary":{"errors":0,"warnings":0}}"#,
    ] {
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert!(!schema.is_valid(&value), "{text}");
    }
}

#[test]
fn sarif_is_as_its_published_schema_says() {
    let schema = validator("tests/data/sarif-2.1.0.schema.json");
    for program in programs() {
        let ran = run("check", &program, &["--format", "sarif"]);
        assert_valid(&schema, &ran.out, &program.display().to_string());
    }
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("a.erp"), "erp   1\n").expect("written");
    let ran = run("fmt", folder.path(), &["--check", "--format", "sarif"]);
    assert_valid(&schema, &ran.out, "fmt --check");
}

/// `№` and Cyrillic letters before the mistake: a column is a character, an offset a byte.
#[test]
fn columns_are_characters_and_offsets_are_bytes() {
    const LINE: &str = "platform p { title \"Підприємство № 1\"; version 2; cluster c }";
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let text = format!("erp 1\n# Це коментар.\n{LINE}\n");
    std::fs::write(folder.path().join("platform.erp"), &text).expect("written");
    let ran = run("check", folder.path(), &["--format", "json"]);
    let json: Value = serde_json::from_str(&ran.out).expect("JSON");
    let findings = json["diagnostics"].as_array().expect("a list");
    let finding = findings
        .iter()
        .find(|f| f["code"] == "E0201")
        .expect("the finding");
    let label = &finding["labels"][0];
    let column = LINE.chars().take_while(|c| *c != '2').count() + 1;
    let offset = text.find("2;").expect("there");
    assert_eq!(
        label["start"],
        serde_json::json!({ "line": 3, "column": column, "offset": offset })
    );
    assert_eq!(
        label["end"],
        serde_json::json!({ "line": 3, "column": column + 1, "offset": offset + 1 })
    );
    let edit = &finding["fixes"][0]["edits"][0];
    assert_eq!(edit["text"], "\"2\"");
    assert_eq!(edit["start"]["offset"], offset);

    let ran = run("check", folder.path(), &["--format", "sarif"]);
    let sarif: Value = serde_json::from_str(&ran.out).expect("JSON");
    let run_of = &sarif["runs"][0];
    assert_eq!(run_of["columnKind"], "unicodeCodePoints");
    let results = run_of["results"].as_array().expect("results");
    let result = results
        .iter()
        .find(|r| r["ruleId"] == "E0201")
        .expect("the finding");
    let region = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startColumn"], column);
    assert_eq!(region["endColumn"], column + 1);

    let ran = run("check", folder.path(), &["--format", "github"]);
    let place = format!("line=3,col={column},endColumn={}", column + 1);
    assert!(ran.out.contains(&place), "{}", ran.out);
}

/// Colours, and nothing else, are what a terminal gets more than a file.
#[test]
fn without_colours_the_text_is_the_same() {
    let broken = repository().join("tests/ui/forty-mistakes-are-forty-findings");
    let plain = run("check", &broken, &["--color", "never"]).err;
    let coloured = run("check", &broken, &["--color", "always"]).err;
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert!(coloured.contains("\u{1b}[1;31merror[E"), "{coloured}");
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, behind)) = rest.split_once("\u{1b}[") {
        stripped += before;
        rest = behind.split_once('m').map_or("", |(_, rest)| rest);
    }
    assert_eq!(stripped + rest, plain);
}

/// Fifty are shown in full where nobody says otherwise, and all are counted.
#[test]
fn the_first_findings_are_shown_and_the_rest_counted() {
    let broken = repository().join("tests/ui/forty-mistakes-are-forty-findings");
    let ran = run("check", &broken, &["--max-errors", "7"]);
    assert_eq!(ran.err.matches("error[").count(), 7);
    assert!(ran.err.contains("… and 33 more"), "{}", ran.err);
    assert!(ran.err.ends_with("40 errors\n"), "{}", ran.err);
    let ran = run("check", &broken, &["--max-errors", "7", "--format", "json"]);
    let json: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(json["diagnostics"].as_array().map(Vec::len), Some(40));
}

/// A finding names a file as somebody in the working folder opens it.
#[test]
fn a_file_has_the_name_by_which_it_is_opened_from_here() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let folder = folder.path().canonicalize().expect("a folder");
    for name in ["shop/part", "other"] {
        std::fs::create_dir_all(folder.join(name)).expect("a folder");
    }
    std::fs::write(
        folder.join("shop/platform.erp"),
        "erp 1\nuse \"part/a.erp\"\n",
    )
    .expect("written");
    std::fs::write(folder.join("shop/part/a.erp"), "what\n").expect("written");
    let said = |from: &str, path: &str| {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_erpc-under-test"))
            .args(["check", path])
            .current_dir(folder.join(from))
            .output()
            .expect("erpc runs");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    };
    for (from, path, wanted) in [
        ("shop", ".", "╭─[part/a.erp:1:1]"),
        (".", "shop", "╭─[shop/part/a.erp:1:1]"),
        ("other", "../shop", "╭─[../shop/part/a.erp:1:1]"),
        ("shop/part", "..", "╭─[a.erp:1:1]"),
    ] {
        let said = said(from, path);
        assert!(said.contains(wanted), "{from}: {said}");
    }
    // Nothing in common but the root.
    let root = std::process::Command::new(env!("CARGO_BIN_EXE_erpc-under-test"))
        .arg("check")
        .arg(folder.join("shop"))
        .current_dir("/")
        .output()
        .expect("erpc runs");
    let wanted = format!("╭─[{}/shop/part/a.erp:1:1]", folder.display());
    let said = String::from_utf8_lossy(&root.stderr);
    assert!(said.contains(&wanted), "{said}");
}

/// What a terminal shows of a command: `script` makes one.
fn on_a_terminal(arguments: &str, environment: &[(&str, &str)]) -> String {
    let program = env!("CARGO_BIN_EXE_erpc-under-test");
    let ran = std::process::Command::new("script")
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{program} {arguments}"))
        .arg("/dev/null")
        .current_dir(repository())
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("TERM", "xterm-256color")
        .envs(environment.iter().copied())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("`script` of util-linux runs");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// <https://no-color.org>: colours on a terminal, none where the reader does not want them.
#[test]
fn a_terminal_gets_colours_and_links_unless_the_reader_wants_none() {
    let case = "check tests/ui/a-flow-points-to-a-higher-tier";
    let coloured = on_a_terminal(case, &[]);
    assert!(coloured.contains("\u{1b}[1;31merror[E0403]"), "{coloured}");
    let plain = on_a_terminal(case, &[("NO_COLOR", "1")]);
    assert!(plain.contains("error[E0403]"), "{plain}");
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let linked = on_a_terminal(case, &[("FORCE_HYPERLINK", "1")]);
    let url = repository().join("tests/ui/a-flow-points-to-a-higher-tier/platform.erp");
    let url = format!("\u{1b}]8;;file://{}\u{1b}\\", url.display());
    assert!(linked.contains(&url), "{linked:?}");
    assert!(!coloured.contains("\u{1b}]8;;"), "{coloured:?}");
}

/// A process that ends with the test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `--watch` checks again when a file is saved, and only then.
#[test]
fn a_watch_checks_again_on_each_save() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let right =
        std::fs::read_to_string(repository().join("tests/mistakes/base.erp")).expect("the base");
    // As editors do it: nobody sees half a file.
    let save = |text: &str| {
        let new = folder.path().join("platform.erp.new");
        std::fs::write(&new, text).expect("written");
        std::fs::rename(&new, folder.path().join("platform.erp")).expect("renamed");
    };
    save(&right);
    let watch = std::process::Command::new(env!("CARGO_BIN_EXE_erpc-under-test"))
        .args(["check", "--watch"])
        .arg(folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("erpc starts");
    let mut watch = Ended(watch);
    let mut lines = BufReader::new(watch.0.stderr.take().expect("its words")).lines();
    let mut next = || {
        let mut said = String::new();
        for line in lines.by_ref() {
            let line = line.expect("UTF-8");
            said += &line;
            said.push('\n');
            if line.contains("waiting for a change") {
                break;
            }
        }
        said
    };
    let said = next();
    assert!(!said.contains("error["), "{said}");
    save(&right.replacen("namespace", "namspace", 1));
    let said = next();
    assert!(said.contains("did you mean `namespace`?"), "{said}");
    save(&right);
    let said = next();
    assert!(!said.contains("error["), "{said}");
}

/// `--watch` checks again when any file changes that the program read, or looked for.
#[test]
fn a_watch_sees_every_file_that_was_read() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let save = |name: &str, text: &str| {
        let new = folder.path().join(format!("{name}.new"));
        std::fs::write(&new, text).expect("written");
        std::fs::rename(&new, folder.path().join(name)).expect("renamed");
    };
    let base =
        std::fs::read_to_string(repository().join("tests/mistakes/base.erp")).expect("the base");
    let used = "component Files() { config c { \"a\" = template(\"t.txt\"); \"b\" = file(\"f.txt\") } at \"/c\" }\n";
    save("platform.erp", &format!("{base}use \"used.erp\"\n"));
    save("f.txt", "x");
    let watch = std::process::Command::new(env!("CARGO_BIN_EXE_erpc-under-test"))
        .args(["check", "--watch"])
        .arg(folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("erpc starts");
    let mut watch = Ended(watch);
    let mut lines = BufReader::new(watch.0.stderr.take().expect("its words")).lines();
    let mut next = || {
        let mut said = String::new();
        for line in lines.by_ref() {
            let line = line.expect("UTF-8");
            said += &line;
            said.push('\n');
            if line.contains("waiting for a change") {
                break;
            }
        }
        said
    };
    assert!(next().contains("file `used.erp` not found"));
    save("used.erp", &format!("erp 1\n{used}"));
    let said = next();
    assert!(said.contains("file `t.txt` not found"), "{said}");
    save("t.txt", "x");
    let said = next();
    assert!(!said.contains("error["), "{said}");
    save("t.txt", "one\ntwo ${nope}\n");
    let said = next();
    assert!(said.contains("t.txt:2:7"), "{said}");
    save("t.txt", "fine");
    let said = next();
    assert!(!said.contains("error["), "{said}");
    std::fs::remove_file(folder.path().join("f.txt")).expect("removed");
    let said = next();
    assert!(said.contains("file `f.txt` not found"), "{said}");
}
