//! Small texts that could exhaust a compiler: what grows, nests, repeats or goes round in a circle.

use std::fmt::Write;

use crate::Memory;

/// A cluster for anything.
pub const HEAD: &str = "erp 1\nplatform p { version \"1.0\"; cluster main }\ntiers app\ncluster main {\n  kubernetes 1.36\n  nodes 900 of cpu 64, memory 256Gi, in 172.16.0.0/16\n  pods 10.0.0.0/12\n  services 10.96.0.0/16\n  dns kube-dns\n  cni calico\n}\n";
/// What a service needs.
pub const SERVICE: &str =
    "image \"a/b:1.0\"; cpu 10m..20m; memory 8Mi..16Mi; port http 8080; access by port-forward";

/// A program of the declarations and a service with these statements beside the usual ones.
#[must_use]
pub fn program(declarations: &str, statements: &str) -> String {
    format!(
        "{HEAD}{declarations}\nnamespace n {{\n  tier app\n  service s {{ {SERVICE}; {statements} }}\n}}\n"
    )
}

/// One line for each number.
#[must_use]
pub fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line(n));
        text
    })
}

/// Each constant is defined by the next one.
#[must_use]
pub fn constants(count: usize) -> String {
    let all = lines(count, |n| format!("let x{n}: Int = x{}", n + 1));
    program(&format!("{all}let x{count}: Int = 1\n"), "replicas x0")
}

/// Each component extends the next one.
#[must_use]
pub fn components(count: usize) -> String {
    let all = lines(count - 1, |n| {
        format!("component C{n}() is C{} {{ }}", n + 1)
    });
    format!(
        "{HEAD}{all}component C{}() {{ {SERVICE} }}\nnamespace n {{\n  tier app\n  service s is C0 {{ }}\n}}\n",
        count - 1
    )
}

/// On each level two components that both extend both of the next.
#[must_use]
pub fn diamond(levels: usize) -> String {
    let all = lines(levels, |n| {
        let next = n + 1;
        format!(
            "component A{n}() is A{next}, B{next} {{ }}\ncomponent B{n}() is A{next}, B{next} {{ }}"
        )
    });
    format!(
        "{HEAD}{all}component A{levels}() {{ image \"a/b:1.0\"; env X = \"1\" }}\ncomponent B{levels}() {{ cpu 10m; memory 8Mi; port http 8080; access by port-forward }}\nnamespace n {{\n  tier app\n  service s is A0 {{ }}\n}}\n"
    )
}

/// The same with arguments of which no two are alike.
#[must_use]
pub fn expansions(levels: usize) -> String {
    let all = lines(levels, |n| {
        let next = n + 1;
        format!(
            "component A{n}(x: Int) is A{next}(x: x * 2), B{next}(x: x * 2 + 1) {{ }}\ncomponent B{n}(x: Int) is A{next}(x: x * 2) {{ }}"
        )
    });
    format!(
        "{HEAD}{all}component A{levels}(x: Int) {{ env X = \"${{x}}\" }}\ncomponent B{levels}(x: Int) {{ }}\nnamespace n {{\n  tier app\n  service s is A0(x: 1) {{ {SERVICE} }}\n}}\n"
    )
}

/// A list of ten, in a list of ten, and so on.
#[must_use]
pub fn list(levels: usize) -> String {
    let list = (1..levels).fold("[a for a in xs]".to_owned(), |list, n| {
        format!("[{list} for b{n} in xs]")
    });
    program(
        &format!("let xs = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\nlet y = {list}\n"),
        "",
    )
}

/// Each text is ten of the one before.
#[must_use]
pub fn text(levels: usize) -> String {
    let all = lines(levels - 1, |n| {
        format!("let x{} = \"{}\"", n + 1, format!("${{x{n}}}").repeat(10))
    });
    program(&format!("let x0 = \"0123456789\"\n{all}"), "")
}

/// Services that wait for each other in one circle.
#[must_use]
pub fn cycle(count: usize) -> String {
    let all = lines(count, |n| {
        format!(
            "  service s{n} {{ {SERVICE}; calls s{}:http }}",
            (n + 1) % count
        )
    });
    format!("{HEAD}namespace n {{\n  tier app\n{all}}}\n")
}

/// A service that was renamed again and again.
#[must_use]
pub fn moves(count: usize) -> String {
    let all = lines(count, |n| format!("moved n.s{n} to n.s{}", n + 1));
    program(&format!("{all}moved n.s{count} to n.s\n"), "")
}

/// Profiles of which each extends the next.
#[must_use]
pub fn profiles(count: usize) -> String {
    let all = lines(count - 1, |n| {
        format!("profile p{n} is p{} {{ n.s.replicas = 2 }}", n + 1)
    });
    program(
        &format!("{all}profile p{} {{ n.s.replicas = 2 }}\n", count - 1),
        "",
    )
}

/// Files of which each uses the next.
#[must_use]
pub fn files(count: usize) -> Memory {
    let mut all = Memory::of(format!("{}use \"f0.erp\"\n", program("", "")));
    for n in 0..count {
        let text = format!("erp 1\nuse \"f{}.erp\"\n", n + 1);
        all = all.with(&format!("f{n}.erp"), text);
    }
    all.with(&format!("f{count}.erp"), "erp 1\n")
}

/// Brackets that are never closed, each in a block that is.
#[must_use]
pub fn brackets(count: usize) -> String {
    lines(count, |_| "a { b ( c }".to_owned())
}

/// Services that call ones which are not there.
#[must_use]
pub fn unknown_names(count: usize) -> String {
    let all = lines(count, |n| {
        format!("  service known-{n} {{ {SERVICE}; calls missing-{n}:http }}")
    });
    format!("{HEAD}namespace n {{\n  tier app\n{all}}}\n")
}

/// Statements that a comma joins to the next line.
#[must_use]
pub fn commas(count: usize) -> String {
    program(
        "",
        &format!("\n{}", lines(count, |_| "replicas 1,".to_owned())),
    )
}

/// Blocks that are not closed, each on a line of its own.
#[must_use]
pub fn open_blocks(count: usize) -> String {
    HEAD.to_owned() + &lines(count, |_| "a {".to_owned())
}

/// Each input with its size; all are below the size of a source.
#[must_use]
pub fn inputs() -> Vec<(&'static str, Memory)> {
    let text = |what, text| (what, Memory::of(text));
    vec![
        text(
            "constants, each defined by the next: 20,000",
            constants(20_000),
        ),
        text(
            "components, each extends the next: 20,000",
            components(20_000),
        ),
        text(
            "two components on each of 60 levels that extend both of the next",
            diamond(60),
        ),
        text(
            "components with different arguments on 40 levels",
            expansions(40),
        ),
        text("a list of ten in a list of ten: 9 levels", list(9)),
        text(
            "a text of ten texts of ten texts: 12 levels",
            self::text(12),
        ),
        text("services in one cycle: 10,000", cycle(10_000)),
        text("a service moved 20,000 times", moves(20_000)),
        text("profiles, each extends the next: 10,000", profiles(10_000)),
        ("files, each uses the next: 10,000", files(10_000)),
        text("brackets that are never closed: 100,000", brackets(100_000)),
        text(
            "blocks that are never closed: 100,000",
            open_blocks(100_000),
        ),
        text("statements joined by a comma: 100,000", commas(100_000)),
        text(
            "unknown names among as many known ones: 20,000",
            unknown_names(20_000),
        ),
        text(
            "braces that close nothing: 10,000,000",
            HEAD.to_owned() + &"}".repeat(10_000_000),
        ),
    ]
}
