//! How long findings and the formatter take: a check of a program with mistakes against one without, a
//! thousand mistakes in one file with the text that is shown of them, ten thousand lines formatted, and texts
//! that could exhaust a compiler.
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

/// Checks a program; what is shown of its findings.
fn shown(program: &Memory) -> String {
    let compiled = program.compile();
    render_human(
        &compiled.diagnostics,
        &compiled.sources,
        Style::PLAIN,
        Some(SHOWN),
    )
}

/// Texts that could exhaust a compiler.
fn worst_inputs() {
    for (what, program) in worst::inputs() {
        println!("{what}: {}", ms(least(1, || shown(&program))));
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
    let time = least(15, || shown(&program));
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
