//! How long findings and the formatter take: a check of a program with mistakes against one without, a
//! thousand mistakes in one file with the text that is shown of them, ten thousand lines formatted.
//!
//! ```sh
//! cargo bench -p erpc-tests --bench findings
//! ```
//!
//! A figure is the least of several runs.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use erpc_diagnostics::{FileId, Severity, Style, render_human};
use erpc_tests::generator::platform_of;
use erpc_tests::{Memory, least, worst};

/// How many findings `erpc check` shows in full where nobody says otherwise.
const SHOWN: usize = 50;

fn main() {
    with_and_without(1_000);
    a_thousand_in_one_file();
    ten_thousand_lines();
    worst_inputs();
}

/// Texts that could exhaust a compiler, with all that is shown of them.
fn worst_inputs() {
    let inputs = [
        (
            "constants, each defined by the next: 20,000",
            Memory::of(worst::constants(20_000)),
        ),
        (
            "components, each extends the next: 20,000",
            Memory::of(worst::components(20_000)),
        ),
        (
            "two components on each of 60 levels that extend both of the next",
            Memory::of(worst::diamond(60)),
        ),
        (
            "components with different arguments on 40 levels",
            Memory::of(worst::expansions(40)),
        ),
        (
            "a list of ten in a list of ten: 9 levels",
            Memory::of(worst::list(9)),
        ),
        (
            "a text of ten texts of ten texts: 12 levels",
            Memory::of(worst::text(12)),
        ),
        (
            "services in one circle: 10,000",
            Memory::of(worst::cycle(10_000)),
        ),
        (
            "a service moved 20,000 times",
            Memory::of(worst::moves(20_000)),
        ),
        (
            "profiles, each extends the next: 20,000",
            Memory::of(worst::profiles(20_000)),
        ),
        ("files, each uses the next: 10,000", worst::files(10_000)),
        (
            "brackets that are never closed: 100,000",
            Memory::of(worst::brackets(100_000)),
        ),
        (
            "names that are not known: 2,000",
            Memory::of(worst::unknown_names(2_000)),
        ),
    ];
    for (what, program) in inputs {
        let time = least(1, || {
            let compiled = program.compile();
            render_human(
                &compiled.diagnostics,
                &compiled.sources,
                Style::PLAIN,
                Some(SHOWN),
            )
        });
        println!("{what}: {}", ms(time));
    }
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// The mistake of the `n`th service, in place of a line of it.
fn mistake(n: usize) -> &'static str {
    const MISTAKES: [&str; 5] = [
        "    titel \"Service\"\n",
        "    rto 5 m\n",
        "    rpo 5Mi\n",
        "    replicas: 2\n",
        "    calls nothing-of-this-name:http\n",
    ];
    MISTAKES[n % MISTAKES.len()]
}

/// A program with a mistake in every tenth service.
fn broken(program: &Memory) -> Memory {
    let mut made = program.clone();
    for (path, bytes) in program.files() {
        let text = String::from_utf8_lossy(bytes);
        let mut out = String::with_capacity(text.len());
        let mut n = 0;
        for line in text.split_inclusive('\n') {
            out.push_str(line);
            if line.starts_with("    title ") {
                n += 1;
                if n % 10 == 0 {
                    out.push_str(mistake(n / 10));
                }
            }
        }
        made = made.with(path, out);
    }
    made
}

fn with_and_without(services: usize) {
    let right = platform_of(services);
    let wrong = broken(&right);
    let errors = wrong.compile().diagnostics.count(Severity::Error);
    assert!(
        right.compile().result.is_some() && errors > 50,
        "{errors} errors"
    );
    let shown = |program: &Memory| {
        let compiled = program.compile();
        render_human(
            &compiled.diagnostics,
            &compiled.sources,
            Style::PLAIN,
            Some(SHOWN),
        )
    };
    let without = least(15, || shown(&right));
    let with = least(15, || shown(&wrong));
    println!(
        "check of {services} services: {} without errors, {} with {errors}: {:.2} times",
        ms(without),
        ms(with),
        with.as_secs_f64() / without.as_secs_f64()
    );
}

fn a_thousand_in_one_file() {
    let mut text = String::from(
        "erp 1\nuse std.web.Http\nplatform p { version \"1\"; cluster c }\ntiers t\n\
         cluster c { kubernetes 1.36; nodes 3 of cpu 4, memory 8Gi, in 10.0.0.0/24; pods 10.1.0.0/16; services 10.2.0.0/16; dns kube-dns; storage fast default }\n\
         namespace n {\n  tier t\n",
    );
    for n in 0..1_000 {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "  service s-{n} is Http(image: \"a/b:1\") {{\n{}    access by port-forward\n  }}\n",
            mistake(n)
        );
    }
    text.push_str("}\n");
    let program = Memory::of(text);
    let compiled = program.compile();
    let found = compiled.diagnostics.count(Severity::Error);
    assert_eq!(found, 1_000);
    let time = least(15, || {
        let compiled = program.compile();
        render_human(
            &compiled.diagnostics,
            &compiled.sources,
            Style::PLAIN,
            Some(SHOWN),
        )
    });
    println!(
        "{found} errors in one file, {SHOWN} of them shown: {}",
        ms(time)
    );
}

fn ten_thousand_lines() {
    let mut text = String::new();
    for (_, bytes) in platform_of(1_400).files() {
        text.push_str(&String::from_utf8_lossy(bytes));
    }
    let lines = text.lines().count();
    let time = least(15, || {
        let parsed = erpc_syntax::parse(FileId(0), &text);
        black_box(erpc_syntax::format(&text, &parsed.file))
    });
    println!(
        "fmt of {lines} lines: {}, {} for 10,000",
        ms(time),
        ms(time.mul_f64(10_000.0 / lines as f64))
    );
}
