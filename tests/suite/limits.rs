//! Limits: what is at a bound is accepted, what is beyond it is refused with the bound in the message, and
//! nothing overflows a stack or grows without bound.

use std::fmt::Write;

use erpc_cli::Exit;
use erpc_cli::project::Compiled;
use erpc_diagnostics::{Diagnostics, MAX_FINDINGS, MAX_PLACES, Severity, Style, render_human};
use erpc_policy::{Edges, MAX_EDGES};
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
    let compiled = Memory::of(of(100)).compile();
    assert_eq!(messages(&compiled, "E0016").len(), 1);
}

/// The program is resolved under each.
#[test]
fn a_program_has_100_profiles() {
    let of = |count| {
        let all = worst::lines(count, |n| format!("profile p{n} {{ n.s.replicas = 2 }}"));
        worst::program(&all, "")
    };
    assert_bound(&of(100), &of(101), "E0016", "100 `profile` declarations");
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
        ("missing", "file `missing` not found"),
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

/// Three thousand unknown names and as many known ones: each is reported, and only as many are compared as
/// cost no time.
#[test]
fn findings_suggest_names_until_2_000_000_were_compared() {
    let with_help = |count: usize| {
        let compiled = Memory::of(worst::unknown_names(count)).compile();
        let all = compiled.diagnostics.as_slice();
        assert_eq!(messages(&compiled, "E0101").len(), count);
        all.iter().filter(|found| !found.help.is_empty()).count()
    };
    assert_eq!(with_help(1_000), 1_000);
    let helped = with_help(3_000);
    assert!((500..1_000).contains(&helped), "{helped}");
}

#[test]
fn a_run_keeps_100_000_findings_and_counts_the_rest() {
    let of = |count: usize| {
        let text = format!("{}{}", worst::HEAD, "}".repeat(count));
        Memory::of(text).compile().diagnostics
    };
    let found = of(MAX_FINDINGS);
    assert_eq!(found.as_slice().len(), MAX_FINDINGS);
    assert_eq!(found.count(Severity::Error), MAX_FINDINGS);
    let found = of(MAX_FINDINGS + 10);
    assert_eq!(found.as_slice().len(), MAX_FINDINGS);
    assert_eq!(found.count(Severity::Error), MAX_FINDINGS + 10);
}

#[test]
fn a_block_has_10_000_statements() {
    let of = |count: usize| {
        let all = worst::lines(count, |n| format!("env E{n} = \"x\""));
        let component = format!("component C() {{\n{all}}}\n");
        program(&component, "").replace("service s {", "service s is C {")
    };
    assert_bound(&of(10_000), &of(10_001), "E0016", "10,000 statements");
}

#[test]
fn a_component_has_1_000_parameters() {
    let of = |count: usize| {
        let list = |one: fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join(", ");
        let parameters = list(|n| format!("p{n}: Int"));
        let arguments = list(|n| format!("p{n}: {n}"));
        let component = format!("component C({parameters}) {{ env X = \"1\" }}\n");
        let used = format!("service s is C({arguments}) {{");
        program(&component, "").replace("service s {", &used)
    };
    let compiled = Memory::of(of(1_000)).compile();
    assert!(!compiled.diagnostics.has_errors());
    // At the declaration, and at the use.
    let compiled = Memory::of(of(1_001)).compile();
    let found = messages(&compiled, "E0016");
    assert!(
        !found.is_empty() && found[0].contains("1,000 parameters"),
        "{found:?}"
    );
}

#[test]
fn a_program_has_10_000_declarations_that_are_found_by_a_pass_over_all() {
    // The head declares one.
    let of = |count: usize| {
        let all = worst::lines(count - 1, |n| format!("cluster c{n} is main {{ }}"));
        program(&all, "")
    };
    assert_bound(
        &of(10_000),
        &of(10_001),
        "E0016",
        "10,000 `cluster` declarations",
    );
}

#[test]
fn brackets_nest_64_deep() {
    let of = |depth: usize| {
        let nested = format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
        program(&format!("let x: Int = {nested}\n"), "replicas x")
    };
    assert_bound(&of(64), &of(65), "E0004", "64");
}

#[test]
fn files_have_64_mib_together() {
    let of = |count: usize| {
        let all = worst::lines(count, |n| format!("let x{n} = file(\"{n}.txt\")"));
        (0..count).fold(Memory::of(program(&all, "")), |memory, n| {
            memory.with(&format!("{n}.txt"), vec![b'a'; 16 << 20])
        })
    };
    assert!(!of(4).compile().diagnostics.has_errors());
    let found = messages(&of(5).compile(), "E0016");
    assert_eq!(found, ["the program needs more than 64 MiB of files"]);
}

/// A text costs nothing to make that many properties share, but each has a copy of it.
#[test]
fn properties_have_256_mib_of_text() {
    let of = |property: &str, count: usize| {
        let all = worst::lines(count, |n| {
            format!("  service s{n} {{ {}; {property} }}", worst::SERVICE)
        });
        let text = format!(
            "{}let t = file(\"t.txt\")\nnamespace n {{\n  tier app\n{all}}}\n",
            worst::HEAD
        );
        let memory = Memory::of(text).with("t.txt", vec![b'a'; 4 << 20]);
        messages(&memory.compile(), "E0016")
    };
    assert!(of("title t", 63).is_empty());
    let limit = "the program needs more than 256 MiB of text in properties";
    for property in ["title t", "env A = t", "args t"] {
        assert_eq!(of(property, 65), [limit], "{property}");
    }
}

#[test]
fn templates_nest_16_deep() {
    let of = |count: usize| {
        let text = program("", "config c { \"a\" = template(\"t1.txt\") } at \"/c\"");
        let all = (1..count).fold(Memory::of(text), |memory, n| {
            let next = format!("${{template(\"t{}.txt\")}}", n + 1);
            memory.with(&format!("t{n}.txt"), next)
        });
        all.with(&format!("t{count}.txt"), "end")
    };
    assert!(!of(16).compile().diagnostics.has_errors());
    let found = messages(&of(17).compile(), "E0016");
    assert_eq!(found, ["templates nest more than 16 deep"]);
}

#[test]
fn a_source_has_16_mib() {
    let folder = tempfile::TempDir::new().expect("a temporary directory");
    let check = |bytes: usize| {
        let mut text = program("", "") + "#";
        text.push_str(&"x".repeat(bytes - text.len()));
        std::fs::write(folder.path().join("platform.erp"), text).expect("written");
        erpc(&["check".as_ref(), folder.path().as_os_str()])
    };
    let ran = check(16 << 20);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let ran = check((16 << 20) + 1);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("E0002"), "{}", ran.err);
}

/// Every line that a comma joins to the next one is a statement of its own again; nothing follows the last.
#[test]
fn thousands_of_joined_lines_are_cut() {
    let compiled = Memory::of(worst::commas(5_000)).compile();
    let cut = messages(&compiled, "E0301");
    let cut = cut
        .iter()
        .filter(|found| *found == "nothing follows this `,`");
    assert_eq!(cut.count(), 5_000);
}

/// A list of 50,000 elements is 50,000 steps where it is named and 50,000 more where it is searched.
#[test]
fn rules_take_30_000_000_steps() {
    let of = |services: usize| {
        let list = vec!["1"; 50_000].join(", ");
        let all = worst::lines(services, |n| {
            format!("  service s{n} {{ {} }}", worst::SERVICE)
        });
        format!(
            "{}let big: List(Int) = [{list}]\nrule r for service s {{ require not (2 in big), \"no\" }}\nnamespace n {{\n  tier app\n{all}}}\n",
            worst::HEAD
        )
    };
    assert_bound(&of(299), &of(300), "E0016", "30,000,000 steps");
}

/// A quantifier copies the parameters that it sees, a step for each.
#[test]
fn a_program_takes_10_000_000_steps() {
    let of = |statements: usize| {
        let parameters = (0..990)
            .map(|n| format!("p{n}: Int = 1"))
            .collect::<Vec<_>>();
        let all = worst::lines(statements, |n| {
            format!("env E{n} = if (all a in [1]: true) then \"1\" else \"2\"")
        });
        let component = format!("component C({}) {{\n{all}}}\n", parameters.join(", "));
        program(&component, "").replace("service s {", "service s is C {")
    };
    assert_bound(&of(5_000), &of(5_040), "E0016", "10,000,000 steps");
}

/// A condition nests to the end of its statement, on one line with others too.
#[test]
fn conditions_on_one_line_do_not_nest() {
    let all = (0..100).map(|n| format!("env E{n} = if true then \"1\" else \"2\""));
    let compiled = Memory::of(program("", &all.collect::<Vec<_>>().join("; "))).compile();
    assert!(!compiled.diagnostics.has_errors());
}

/// Flows make three edges, of which both name one: it is counted each time.
#[test]
fn flows_make_10_000_000_edges() {
    let all = worst::lines(3, |n| format!("  service s{n} {{ {} }}", worst::SERVICE));
    let flows = "allow n.s0 -> {n.s1, n.s2}:http because \"a\"\nallow {n.s0, n.s1} -> n.s2:http because \"b\"\n";
    let text = format!(
        "{}namespace n {{\n  tier app\n{all}}}\n{flows}",
        worst::HEAD
    );
    let (platform, _) = Memory::of(text).compile().result.expect("a platform");
    let found = |limit: usize| {
        let mut out = Diagnostics::new();
        let edges = Edges::within(limit, &platform, &mut out);
        let messages = out.as_slice().iter().map(|found| found.message.clone());
        (edges.as_slice().len(), messages.collect::<Vec<_>>())
    };
    assert_eq!(found(4), (3, Vec::new()));
    assert_eq!(found(3).1, ["the flows make more than 3 edges"]);
    assert_eq!(MAX_EDGES, 10_000_000);
}

/// Each service makes a text of 4 MiB in a rule, by replacing; its length is all that is asked.
#[test]
fn rules_make_64_mib_of_text() {
    let of = |services: usize| {
        let all = worst::lines(services, |n| {
            format!("  service s{n} {{ {} }}", worst::SERVICE)
        });
        let long = "a".repeat(1 << 10);
        format!(
            "{}let k = \"{long}\"\nrule r for service s {{ require replace(k, \"a\", \"{}\") != \"\", \"no\" }}\nnamespace n {{\n  tier app\n{all}}}\n",
            worst::HEAD,
            "b".repeat(4 << 10)
        )
    };
    assert_bound(&of(15), &of(17), "E0016", "64 MiB of text");
}
