//! Limits: what is at a bound is accepted, what is beyond it is refused with the bound in the message, and
//! nothing overflows a stack or grows without bound.

use std::fmt::Write;

use erpc_cli::Exit;
use erpc_cli::project::Compiled;
use erpc_diagnostics::{MAX_PLACES, Style, render_human};
use erpc_tests::worst::{self, program};
use erpc_tests::{Memory, erpc};

fn messages(compiled: &Compiled, code: &str) -> Vec<String> {
    let found = compiled.diagnostics.as_slice().iter();
    found
        .filter(|diagnostic| diagnostic.code.id == code)
        .map(|diagnostic| diagnostic.message.clone())
        .collect()
}

/// A program that is accepted at the bound, and refused once, with the bound, beyond it.
fn assert_bound(at: &str, beyond: &str, code: &str, bound: &str) {
    let compiled = Memory::of(at).compile();
    assert!(
        !compiled.diagnostics.has_errors(),
        "{:?}",
        compiled.diagnostics.as_slice().first()
    );
    let compiled = Memory::of(beyond).compile();
    let found = messages(&compiled, code);
    assert_eq!(found.len(), 1, "{:?}", compiled.diagnostics.as_slice());
    assert!(found[0].contains(bound), "{found:?}");
}

/// Each names the next: constants are evaluated after those that they need, so that no chain is too long.
#[test]
fn constants_form_chains_of_any_length() {
    for text in [
        worst::constants(20_000),
        program(&texts_of_texts(20_000), ""),
    ] {
        let compiled = Memory::of(text).compile();
        assert!(
            !compiled.diagnostics.has_errors(),
            "{:?}",
            compiled.diagnostics.as_slice().first()
        );
    }
}

/// Constants of which each names the next in a branch and in a text.
fn texts_of_texts(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let next = n + 1;
        writeln!(
            text,
            "let t{n} = if platform.version == \"0\" then \"\" else \"${{t{next}}}\""
        )
        .expect("written");
    }
    writeln!(text, "let t{count} = \"end\"").expect("written");
    text
}

/// One circle, and every constant that needs it, is one mistake.
#[test]
fn constants_in_a_long_circle_are_refused_once() {
    let mut text = String::new();
    for n in 0..8_000 {
        writeln!(text, "let x{n} = x{}", (n + 1) % 8_000).expect("written");
        writeln!(text, "let y{n} = x{n}").expect("written");
    }
    let compiled = Memory::of(program(&text, "")).compile();
    let found = messages(&compiled, "E0016");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("depends on itself"), "{found:?}");
}

/// Every constant names every other one: 40,000 places, of which each may close a circle.
#[test]
fn constants_that_all_name_each_other_are_refused_once() {
    let count = 200;
    let mut text = String::new();
    for n in 0..count {
        let others: Vec<String> = (0..count).map(|other| format!("x{other}")).collect();
        writeln!(text, "let x{n}: List(Int) = [{}]", others.join(", ")).expect("written");
    }
    let compiled = Memory::of(program(&text, "")).compile();
    assert_eq!(messages(&compiled, "E0016").len(), 1);
}

/// A branch that is not taken needs no value: this is no circle.
#[test]
fn constants_may_name_each_other_in_branches_that_are_not_taken() {
    let text = "let a: Int = if true then 2 else b\nlet b: Int = if false then 3 else a\n";
    let compiled = Memory::of(program(text, "replicas b")).compile();
    assert!(!compiled.diagnostics.has_errors());
}

#[test]
fn an_expression_has_256_operators() {
    let sum = |count: usize| format!("1{}", " + 0".repeat(count));
    let of = |count| program(&format!("let x: Int = {}\n", sum(count)), "replicas x");
    assert_bound(&of(256), &of(257), "E0004", "256");
    // Together with the brackets in it: the tree is as deep.
    let mut nested = "1".to_owned();
    for _ in 0..60 {
        nested = format!("({nested}{})", " + 0".repeat(200));
    }
    let compiled = Memory::of(program(&format!("let x: Int = {nested}\n"), "")).compile();
    assert!(!messages(&compiled, "E0004").is_empty());
    let rule = |count| {
        let rule = format!(
            "rule r for service s {{ require {} == 1, \"no\" }}\n",
            sum(count)
        );
        program(&rule, "")
    };
    assert_bound(&rule(255), &rule(256), "E0004", "256");
}

/// A chain of declarations of which each extends the next.
fn chain(count: usize, one: impl Fn(usize) -> String, last: &str) -> String {
    let mut text: String = (1..count).map(one).collect();
    text.push_str(last);
    text
}

#[test]
fn components_extend_each_other_64_deep() {
    let of = worst::components;
    assert_bound(&of(64), &of(65), "E0016", "64 deep");
    let compiled = Memory::of(of(20_000)).compile();
    assert_eq!(messages(&compiled, "E0016").len(), 1);
}

#[test]
fn clusters_extend_each_other_16_deep() {
    let of = |count: usize| {
        let all = chain(
            count,
            |n| format!("cluster c{n} is c{} {{ }}\n", n + 1),
            &format!("cluster c{count} is main {{ }}\n"),
        );
        program(&all, "")
    };
    assert_bound(&of(15), &of(16), "E0016", "16 deep");
    let compiled = Memory::of(of(5_000)).compile();
    assert_eq!(messages(&compiled, "E0016").len(), 1);
}

#[test]
fn profiles_extend_each_other_16_deep() {
    let of = worst::profiles;
    assert_bound(&of(17), &of(18), "E0016", "16 deep");
    let compiled = Memory::of(of(5_000)).compile();
    assert_eq!(messages(&compiled, "E0016").len(), 1);
}

/// Two components on each level, of which each extends both of the next: 2⁶⁰ ways.
#[test]
fn a_component_that_is_reached_on_many_ways_is_expanded_once() {
    let compiled = Memory::of(worst::diamond(60)).compile();
    let (platform, _) = compiled.result.expect("a platform");
    assert!(platform.uses.len() < 20_000, "{}", platform.uses.len());
}

/// Components with arguments of which no two are the same are expanded a limited number of times.
#[test]
fn expansions_are_counted() {
    let compiled = Memory::of(worst::expansions(40)).compile();
    let found = messages(&compiled, "E0016");
    assert_eq!(
        found,
        ["a service or component expands more than 1,000 components"]
    );
}

#[test]
fn lists_have_a_million_elements() {
    assert_bound(
        &worst::list(5),
        &worst::list(9),
        "E0016",
        "1,000,000 elements",
    );
}

#[test]
fn lists_nest_16_deep() {
    let of = |depth: usize| {
        let mut text = "let x0 = [1]\n".to_owned();
        for n in 1..depth {
            writeln!(text, "let x{n} = [x{}]", n - 1).expect("written");
        }
        program(&text, "")
    };
    assert_bound(&of(16), &of(5_000), "E0016", "16 deep");
}

#[test]
fn texts_have_64_mib() {
    assert_bound(&worst::text(6), &worst::text(12), "E0016", "64 MiB of text");
    let replaced = "let a = \"0123456789\"\nlet b = replace(a, \"0\", a)\n";
    let doubled: String = (0..40)
        .map(|n| {
            let from = if n == 0 {
                "b".to_owned()
            } else {
                format!("c{}", n - 1)
            };
            format!("let c{n} = replace({from}, \"1\", \"${{{from}}}11\")\n")
        })
        .collect();
    let compiled = Memory::of(program(&format!("{replaced}{doubled}"), "")).compile();
    assert_eq!(messages(&compiled, "E0016").len(), 1);
}

/// A template that uses itself.
#[test]
fn a_template_that_uses_itself_is_refused() {
    let text = program("", "config c { \"a\" = template(\"t.txt\") } at \"/c\"");
    let compiled = Memory::of(text)
        .with("t.txt", "x ${template(\"t.txt\")}")
        .compile();
    assert_eq!(messages(&compiled, "E0016").len(), 1);
}

#[test]
fn a_long_chain_of_files_is_read() {
    let compiled = worst::files(6_000).compile();
    assert!(
        !compiled.diagnostics.has_errors(),
        "{:?}",
        compiled.diagnostics.as_slice().first()
    );
}

#[test]
fn a_diagnostic_shows_a_dozen_places() {
    let compiled = Memory::of(worst::cycle(2_000)).compile();
    let found = compiled.diagnostics.as_slice().iter();
    let cycle = found
        .clone()
        .find(|diagnostic| diagnostic.code.id == "E0404")
        .expect("the cycle");
    assert_eq!(cycle.labels.len(), MAX_PLACES);
    assert_eq!(cycle.places_left_out, 2_000 - MAX_PLACES);
    assert!(cycle.message.len() < 400, "{}", cycle.message);
    let shown = render_human(&compiled.diagnostics, &compiled.sources, Style::PLAIN, None);
    assert!(shown.contains("1988 more places are not shown"), "{shown}");
}

#[test]
fn a_long_chain_of_moves_is_followed() {
    let compiled = Memory::of(worst::moves(20_000)).compile();
    assert!(!compiled.diagnostics.has_errors());
}

/// What is read is a regular file in the project directory; anything else is refused with its kind.
#[cfg(unix)]
#[test]
fn only_regular_files_of_the_project_are_read() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::TempDir::new().expect("a temporary directory");
    let outside = tempfile::TempDir::new().expect("a temporary directory");
    let project = folder.path().join("project");
    std::fs::create_dir_all(project.join("inside")).expect("created");
    std::fs::write(outside.path().join("secret"), "erp 1\n").expect("written");
    std::fs::write(project.join("inside/own.txt"), "own").expect("written");
    symlink(outside.path().join("secret"), project.join("link")).expect("linked");
    symlink(outside.path(), project.join("linked")).expect("linked");
    symlink("inside/own.txt", project.join("own")).expect("linked");
    symlink("/dev/zero", project.join("zero")).expect("linked");
    symlink("loop", project.join("loop")).expect("linked");
    let made = std::process::Command::new("mkfifo")
        .arg(project.join("pipe"))
        .status();
    assert!(made.expect("mkfifo starts").success());
    let check = |declarations: &str, statements: &str| {
        let path = project.join("platform.erp");
        std::fs::write(&path, program(declarations, statements)).expect("written");
        let mut ran = erpc(&["check".as_ref(), project.as_os_str()]);
        // A message is broken into lines.
        ran.err = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        ran
    };
    let outside = "a symbolic link leads out of the project directory";
    for (path, why) in [
        ("link", outside),
        ("linked/secret", outside),
        ("zero", outside),
        ("pipe", "found a named pipe"),
        ("inside", "found a directory"),
        ("loop", "cannot be read"),
        ("missing", "there is no file `missing`"),
    ] {
        for read in ["file", "template"] {
            let config = format!("config c {{ \"a\" = {read}(\"{path}\") }} at \"/c\"");
            let ran = check("", &config);
            assert_eq!(ran.exit, Exit::Failed, "{path}");
            assert!(ran.err.contains(why), "{path}: {}", ran.err);
        }
        let ran = check(&format!("use \"{path}\""), "");
        assert_eq!(ran.exit, Exit::Failed, "{path}");
        assert!(ran.err.contains(why), "{path}: {}", ran.err);
    }
    let ran = check("", "config c { \"a\" = file(\"own\") } at \"/c\"");
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let ran = erpc(&["fmt".as_ref(), project.join("pipe").as_os_str()]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("found a named pipe"), "{}", ran.err);
    std::fs::remove_file(project.join("platform.erp")).expect("removed");
    let made = std::process::Command::new("mkfifo")
        .arg(project.join("platform.erp"))
        .status();
    assert!(made.expect("mkfifo starts").success());
    let ran = erpc(&["check".as_ref(), project.as_os_str()]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("expected a regular file"), "{}", ran.err);
}
