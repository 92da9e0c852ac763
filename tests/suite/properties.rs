//! Properties: any bytes give findings and no panic; the order of files and declarations changes
//! nothing; what is written is what was meant.

use erpc_tests::Memory;
use proptest::prelude::*;

/// Pieces of programs, good and bad, from which larger nonsense is made.
const PIECES: [&str; 60] = [
    "erp 1\n",
    "platform",
    "p",
    " ",
    "{",
    "}",
    "\n",
    ";",
    "service",
    "web",
    "is",
    "Release",
    "(",
    ")",
    "image",
    ":",
    "\"",
    "\"a/b:1\"",
    "${",
    "$${",
    "\"\"\"",
    "#",
    "## doc\n",
    "port",
    "http",
    "8080",
    "53/udp",
    "..",
    "100m",
    "512Mi",
    "99.95%",
    "allow",
    "->",
    "=>",
    "*.*",
    "internet",
    ":443",
    "except",
    "[",
    "]",
    ",",
    "=",
    "==",
    "if",
    "then",
    "else",
    "all",
    "in",
    "not",
    "-",
    "namespace n { tier t; ",
    "tiers t < u\n",
    "use std.beam.Release\n",
    "cluster c { }\n",
    "10.0.0.0/8",
    "[fd00::1]:443",
    "é",
    "\0",
    "\t",
    "never",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)
        .prop_map(|pieces| pieces.concat())
}

/// A program with a stretch cut out, doubled or replaced.
fn damaged() -> impl Strategy<Value = String> {
    let text = include_str!("../../examples/external/platform.erp");
    (
        0..text.len(),
        0..60usize,
        prop::sample::select(PIECES.to_vec()),
    )
        .prop_map(move |(start, length, piece)| {
            let boundary = |mut at: usize| {
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let start = boundary(start);
            let end = boundary((start + length).min(text.len()));
            format!("{}{piece}{}", &text[..start], &text[end..])
        })
}

fn compiles_without_panic(bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let compiled = Memory::of(bytes).compile();
    for diagnostic in compiled.diagnostics.as_slice() {
        for label in &diagnostic.labels {
            if let Some(source) = compiled.sources.get(label.span.file) {
                let range = label.span.start as usize..label.span.end as usize;
                prop_assert!(source.text.get(range).is_some(), "{diagnostic:?}");
            }
        }
    }
    prop_assert_eq!(compiled.result.is_none(), compiled.diagnostics.has_errors());
    Ok(())
}

/// Texts in which a bracket or a quote is found where something was put in: their places are inside
/// of the source too.
#[test]
fn what_was_put_in_has_a_place_in_the_source() {
    for text in ["AAA''$\"${'\"}'", "'\"🌀'A0\" \"\"", "≤", "a≤b"] {
        compiles_without_panic(text.as_bytes().to_vec()).expect("places inside of the text");
    }
}

/// Every word of the language without what belongs to it, in every place.
#[test]
fn every_word_alone_gives_findings() {
    for word in erpc_model::properties::words() {
        for place in [
            "@",
            "erp 1\n@",
            "erp 1\nplatform p { @ }",
            "erp 1\ncluster c { @ }",
            "erp 1\nnamespace n {\n  @\n}",
            "erp 1\nnamespace n { service s { @ } }",
            "erp 1\ncomponent A() { sidecar x { @ } }",
            "erp 1\nprofile p { @ }",
        ] {
            for behind in ["", " {", " ,", " =", ":"] {
                let text = place.replace('@', &format!("{}{behind}", word.name));
                let checked = compiles_without_panic(text.clone().into_bytes());
                assert!(checked.is_ok(), "{text:?}: {checked:?}");
            }
        }
    }
}

/// Every character of the first plane, alone and among others: what stands for something else is found in
/// whole characters.
#[test]
fn every_character_has_its_place() {
    for c in ('\u{80}'..='\u{ffff}').filter(|c| !('\u{4e00}'..='\u{d7ff}').contains(c)) {
        for text in [
            format!("{c}"),
            format!("a{c}b"),
            format!("1 {c} 2{c}"),
            format!("x {c}{c} \"{c}"),
        ] {
            let parsed = erpc_syntax::parse(erpc_diagnostics::FileId(0), &text);
            for finding in parsed.diagnostics.as_slice() {
                let labels = finding.labels.iter().map(|label| label.span);
                let edits = finding.fixes.iter().flat_map(|fix| &fix.edits);
                for span in labels.chain(edits.map(|edit| edit.span)) {
                    let (start, end) = (span.start as usize, span.end as usize);
                    assert!(text.get(start..end).is_some(), "{text:?}: {finding:?}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_findings(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        compiles_without_panic(bytes)?;
    }

    #[test]
    fn any_text_gives_findings(text in "\\PC{0,200}") {
        compiles_without_panic(text.into_bytes())?;
    }

    #[test]
    fn any_pieces_of_programs_give_findings(text in soup()) {
        compiles_without_panic(text.into_bytes())?;
    }

    #[test]
    fn any_damage_to_a_program_gives_findings(text in damaged()) {
        compiles_without_panic(text.into_bytes())?;
    }
}

/// The output of a program as one text.
fn output_of(program: &Memory) -> String {
    let compiled = program.compile();
    let Some((platform, derived)) = &compiled.result else {
        panic!("{:?}", compiled.diagnostics);
    };
    erpc_emit::files(platform, derived, &compiled.sources)
        .into_iter()
        .map(|file| format!("== {}\n{}", file.path, file.text))
        .collect()
}

/// Declarations that need each other, from which a program is put together in any order.
const DECLARATIONS: [&str; 9] = [
    "platform p { version \"1\"; cluster c }",
    "tiers low < high",
    "cluster c { kubernetes 1.36; nodes 2 of cpu 4, memory 8Gi, in 10.0.0.0/24; pods 10.1.0.0/16; services 10.2.0.0/16; dns kube-dns; cni calico; storage fast default }",
    "let team = \"a\"",
    "component Ours(name: String) { image \"${team}/${name}:1\"; port http 80 -> 8080; cpu 1; memory 1Gi }",
    "namespace back {\n tier low\n service db { image \"x/db:1\"; port sql 5432; cpu 1; memory 1Gi; volume data 1Gi at \"/d\" }\n}",
    "namespace front {\n tier high\n service a is Ours(name: \"a\") { access by port-forward }\n service b is Ours(name: \"b\") { replicas 3 }\n}",
    "allow front.* -> back.db:sql because \"state\"",
    "allow front.a -> front.b:http optional",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_declarations_and_files_changes_nothing(
        order in Just((0..DECLARATIONS.len()).collect::<Vec<_>>()).prop_shuffle(),
        split in prop::collection::vec(0..3usize, DECLARATIONS.len()),
        uses in Just(vec!["\"a.erp\"", "\"b.erp\""]).prop_shuffle(),
    ) {
        let plain = Memory::of(format!("erp 1\n{}\n", DECLARATIONS.join("\n")));
        let mut files = [format!("erp 1\nuse {}\n", uses.join(", ")), "erp 1\n".to_owned(), "erp 1\n".to_owned()];
        for at in order {
            // The platform names its root file in the output, so it and the services stay in it.
            let is_named = DECLARATIONS[at].starts_with("platform") || DECLARATIONS[at].starts_with("namespace");
            let file = if is_named { 0 } else { split[at] };
            files[file] += DECLARATIONS[at];
            files[file] += "\n";
        }
        let [root, a, b] = files;
        let shuffled = Memory::of(root).with("a.erp", a).with("b.erp", b);
        prop_assert_eq!(output_of(&plain), output_of(&shuffled));
    }
}

/// What a service has, by name: ports, variables, mounts. Their order in the source is kept in the
/// output, so only whole declarations are shuffled above; here a build is held to itself.
#[test]
fn two_builds_are_the_same_bytes() {
    let text = include_str!("../../examples/shop/platform.erp");
    assert_eq!(output_of(&Memory::of(text)), output_of(&Memory::of(text)));
}
