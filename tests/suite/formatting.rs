//! The properties that the formatter promises. Its cases, `tests/fmt/<what>/`, are in `tests/cases`.

use std::path::PathBuf;

use erpc_diagnostics::FileId;
use erpc_syntax::tree::{Arg, Block, Comment, Statement};
use erpc_tests::generator::platform_of;
use erpc_tests::{Memory, files_below, repository};
use proptest::prelude::*;

fn formatted(text: &str) -> String {
    let parsed = erpc_syntax::parse(FileId(0), text);
    erpc_syntax::format(text, &parsed.file)
}

/// Every source of the repository that can be read as a whole.
fn programs() -> Vec<(String, String)> {
    let mut all = sources();
    all.retain(|(_, text)| !erpc_syntax::parse(FileId(0), text).diagnostics.has_errors());
    all
}

/// Every source of the repository, and of the folder in `ERPC_TEST_SOURCES`.
fn sources() -> Vec<(String, String)> {
    let mut all = Vec::new();
    let folders = [
        "stdlib",
        "examples",
        "tests/ui",
        "tests/platforms",
        "tests/fmt",
        "tests/mistakes",
    ];
    let folders = folders.iter().map(|folder| repository().join(folder));
    let more = std::env::var_os("ERPC_TEST_SOURCES").map(std::path::PathBuf::from);
    for folder in folders.chain(more) {
        for (path, bytes) in files_below(&folder) {
            if path.ends_with(".erp") {
                // A source that is no text is refused before it is formatted.
                let text = String::from_utf8_lossy(&bytes).into_owned();
                all.push((format!("{}/{path}", folder.display()), text));
            }
        }
    }
    let root = repository().join("platform.erp");
    let text = std::fs::read_to_string(root).expect("the root");
    all.push(("platform.erp".to_owned(), text));
    for (path, bytes) in platform_of(210).files() {
        all.push((
            path.to_owned(),
            String::from_utf8(bytes.to_vec()).expect("UTF-8"),
        ));
    }
    all
}

fn comments(text: &str) -> Vec<String> {
    fn collect<'t>(
        statements: &'t [Statement],
        dangling: &'t [Comment],
        into: &mut Vec<&'t Comment>,
    ) {
        for statement in statements {
            into.extend(&statement.leading);
            into.extend(&statement.inner);
            into.extend(&statement.trailing);
            for arg in &statement.args {
                if let Arg::Block(Block {
                    statements,
                    dangling,
                    ..
                }) = arg
                {
                    collect(statements, dangling, into);
                }
            }
        }
        into.extend(dangling);
    }
    let parsed = erpc_syntax::parse(FileId(0), text);
    let mut found = Vec::new();
    collect(&parsed.file.statements, &parsed.file.dangling, &mut found);
    found.sort_by_key(|comment| comment.span);
    found.iter().map(|c| c.text.trim_end().to_owned()).collect()
}

#[test]
fn no_comment_is_lost_or_moved_past_another() {
    let mut seen = 0;
    for (path, text) in programs() {
        let before = comments(&text);
        seen += before.len();
        assert_eq!(comments(&formatted(&text)), before, "{path}");
    }
    assert!(seen > 100);
}

/// What a tree says without its places and comments, also of a text that cannot be read in full.
fn meaning(text: &str) -> String {
    fn without_comments(statements: &mut [Statement]) {
        for statement in statements {
            statement.leading.clear();
            statement.inner.clear();
            statement.trailing = None;
            for arg in &mut statement.args {
                if let Arg::Block(block) = arg {
                    without_comments(&mut block.statements);
                    block.dangling.clear();
                    block.broken.clear();
                }
            }
        }
    }
    let mut parsed = erpc_syntax::parse(FileId(0), text);
    without_comments(&mut parsed.file.statements);
    let shown = format!("{:?}", parsed.file.statements);
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("Span {") {
        out.push_str(&rest[..at]);
        rest = rest[at..].split_once('}').map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[test]
fn the_tree_stays_the_same() {
    for (path, text) in programs() {
        assert_eq!(meaning(&formatted(&text)), meaning(&text), "{path}");
    }
}

#[test]
fn what_cannot_be_read_stays_as_it_is() {
    let text = "erp 1\nplatform   p   {\n  version   \"1\"\n  title  §§  \"x\"\n}\n";
    let made = formatted(text);
    assert!(made.contains("  title  §§  \"x\"\n"), "{made}");
    assert!(made.contains("  version \"1\"\n"), "{made}");
}

/// Of an example that is meant to be broken, what can be read is formatted all the same, as `erpc fmt` does it.
#[test]
fn the_examples_of_the_documents_are_formatted() {
    let mut documents: Vec<(String, String)> = files_below(&repository().join("docs"))
        .into_iter()
        .filter(|(path, _)| path.ends_with(".md"))
        .map(|(path, bytes)| {
            (
                format!("docs/{path}"),
                String::from_utf8(bytes).expect("UTF-8"),
            )
        })
        .collect();
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("the README");
    documents.push(("README.md".to_owned(), readme));
    let mut seen = 0;
    for (name, text) in documents {
        for block in text.split("```erp\n").skip(1) {
            if let Some((program, _)) = block.split_once("```") {
                let parsed = erpc_syntax::parse(FileId(0), program);
                if !parsed.file.is_guess {
                    seen += 1;
                    assert_eq!(formatted(program), program, "{name}");
                }
            }
        }
    }
    assert!(seen > 150, "{seen}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Indentation and spaces between arguments mean nothing, so they change nothing.
    #[test]
    fn spaces_change_nothing(margins in prop::collection::vec(0..9usize, 60), gaps in prop::collection::vec(1..4usize, 40)) {
        let text = include_str!("../../examples/shop/platform.erp");
        let wanted = formatted(text);
        let mut messy = String::new();
        for (number, line) in wanted.lines().enumerate() {
            let line = line.trim_start();
            if !line.is_empty() {
                messy += &" ".repeat(margins[number % margins.len()]);
            }
            match line.split_once(' ') {
                Some((head, rest)) if !line.starts_with(['#', '}']) => {
                    messy += head;
                    messy += &" ".repeat(gaps[number % gaps.len()]);
                    messy += rest.trim_start();
                }
                _ => messy += line,
            }
            messy += "\n";
        }
        prop_assert_eq!(formatted(&messy), wanted);
    }
}

#[test]
fn the_sources_of_the_repository_are_formatted() {
    let paths = ["platform.erp", "stdlib", "examples", "tests/platforms"];
    let mut arguments: Vec<PathBuf> = vec!["fmt".into(), "--check".into()];
    arguments.extend(paths.map(|path| repository().join(path)));
    let ran = erpc_tests::erpc(&arguments);
    assert_eq!(ran.exit, erpc_cli::Exit::Done, "{}{}", ran.out, ran.err);
}

#[test]
fn the_command_checks_shows_and_writes() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("a.erp");
    std::fs::write(&path, "erp   1\n").expect("written");
    let run = |more: &[&str]| {
        let mut arguments = vec!["fmt".as_ref(), path.as_os_str()];
        arguments.extend(more.iter().map(std::ffi::OsStr::new));
        erpc_tests::erpc(&arguments)
    };
    assert_eq!(run(&["--check"]).exit, erpc_cli::Exit::Differs);
    let diff = run(&["--diff"]);
    assert_eq!(diff.exit, erpc_cli::Exit::Differs);
    assert!(diff.out.contains("-erp   1\n+erp 1\n"), "{}", diff.out);
    assert!(diff.out.starts_with("--- a/"), "{}", diff.out);
    assert!(!diff.out.contains("a//"), "{}", diff.out);
    assert_eq!(std::fs::read_to_string(&path).expect("there"), "erp   1\n");
    assert_eq!(run(&[]).exit, erpc_cli::Exit::Done);
    assert_eq!(std::fs::read_to_string(&path).expect("there"), "erp 1\n");
    assert_eq!(run(&["--check"]).exit, erpc_cli::Exit::Done);
    std::fs::write(&path, "platform p {\n").expect("written");
    let broken = run(&[]);
    assert_eq!(broken.exit, erpc_cli::Exit::Failed);
    assert_eq!(
        std::fs::read_to_string(&path).expect("there"),
        "platform p {\n"
    );
}

#[test]
fn an_empty_text_is_formatted_to_itself() {
    assert_eq!(formatted(""), "");
    assert!(Memory::of("").compile().result.is_none());
}

/// A generated program as nobody writes it: any indentation, comments and blank lines anywhere, `;` for
/// line breaks in blocks of one line.
fn untidy(text: &str, noise: &[u8]) -> String {
    let mut noise = noise.iter().cycle().copied().enumerate();
    let mut out = String::new();
    for line in text.lines() {
        let line = line.trim_start();
        let Some((n, what)) = noise.next() else {
            break;
        };
        match what % 8 {
            0 => out += &format!("   # between {n}\n"),
            1 => out += "\n\n\n",
            _ => {}
        }
        out += &" ".repeat(usize::from(what / 8 % 7));
        match line.split_once(' ') {
            Some((head, rest)) if !line.starts_with('#') => {
                out += head;
                out += &" ".repeat(1 + usize::from(what % 3));
                out += rest.trim_start();
            }
            _ => out += line,
        }
        if what % 5 == 0 && !line.is_empty() && !line.starts_with('#') {
            out += &format!("   # behind {n}  ");
        }
        out += "\n";
    }
    out
}

/// All that a program compiles to, without the digests of its sources.
fn compiled_to(program: &Memory) -> Vec<String> {
    let compiled = program.compile();
    let Some((platform, derived)) = &compiled.result else {
        panic!("{:?}", compiled.diagnostics.as_slice().first());
    };
    let files = erpc_emit::files(platform, derived, &compiled.sources);
    files
        .into_iter()
        .map(|file| format!("{}\n{}", file.path, file.text))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// On generated programs, written untidily: the same model, no comment lost, and once is enough.
    #[test]
    fn a_formatted_program_means_the_same(services in 1..45usize, noise in prop::collection::vec(any::<u8>(), 120)) {
        let (mut before, mut after) = (Memory::default(), Memory::default());
        for (path, bytes) in platform_of(services).files() {
            let text = untidy(&String::from_utf8_lossy(bytes), &noise);
            let once = formatted(&text);
            prop_assert_eq!(&formatted(&once), &once, "{}", path);
            prop_assert_eq!(comments(&once), comments(&text), "{}", path);
            before = before.with(path, text);
            after = after.with(path, once);
        }
        prop_assert_eq!(compiled_to(&before), compiled_to(&after));
    }
}

/// The words and the single signs of a text, without white space and `;`, which are all that formatting may
/// change: neither may a sign be lost nor two words become one.
fn tokens(text: &str) -> Vec<&str> {
    let is_kept = |token: &&str| !token.trim_matches([' ', '\t', '\r', '\n', ';']).is_empty();
    let word = |c: char| c.is_alphanumeric() || c == '_';
    cut_where(text, |left, right| word(left) && word(right))
        .into_iter()
        .filter(is_kept)
        .collect()
}

/// What stands between quotes, with its white space, where every line closes the ones that it opens. `""` after
/// a text looks like the end of a text of several lines until formatting puts a space between.
fn quoted(text: &str) -> Option<Vec<&str>> {
    let lines = text.lines();
    let is_plain = |line: &str| {
        line.matches('"').count().is_multiple_of(2)
            && !line.contains(['#', '\\', '$'])
            && !line.contains("\"\"\"")
    };
    if !lines.clone().all(is_plain) {
        return None;
    }
    let texts = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    Some(texts.collect())
}

/// What formatting promises of any text, valid or broken.
fn is_kept(text: &str) -> Result<(), TestCaseError> {
    let once = formatted(text);
    prop_assert_eq!(tokens(&once), tokens(text), "lost text of {:?}", text);
    if let (Some(after), Some(before)) = (quoted(&once), quoted(text)) {
        prop_assert_eq!(after, before, "another text in {:?}", text);
    }
    prop_assert_eq!(&formatted(&once), &once, "not idempotent for {:?}", text);
    if is_read_in_full(text) {
        prop_assert_eq!(
            meaning(&once),
            meaning(text),
            "another meaning of {:?}",
            text
        );
    }
    Ok(())
}

/// Whether nothing in a text is read otherwise than it is written.
fn is_read_in_full(text: &str) -> bool {
    fn have_heads(statements: &[Statement]) -> bool {
        statements.iter().all(|statement| {
            matches!(statement.args.first(), Some(Arg::Expr(_)))
                && statement.args.iter().all(|arg| match arg {
                    Arg::Block(block) => have_heads(&block.statements),
                    Arg::Expr(_) | Arg::Sign(..) => true,
                })
        })
    }
    let parsed = erpc_syntax::parse(FileId(0), text);
    parsed.diagnostics.is_empty() && have_heads(&parsed.file.statements)
}

/// Texts of which `fmt` lost a part at some time.
#[test]
fn no_text_is_lost() {
    let statements = [
        "service web is Http(image: \"acme/web:1.0\" port: 8080) {\n  access by port-forward\n}",
        "require s.path == \"a\" (all g in s.grants: not (\"secrets\" in g.resources)), \"none\"",
        "require (a or b) and (c), \"text\"",
        "require (a )or b and c, \"text\"",
        "replicas 2 *3",
        "require (a)in b, \"text\"",
        "env A = ${FOO}",
        "x (, image: \"x\")",
        "x (image: \"x\", port: -)",
        "! access by port-forward",
        "/* c */",
        "tier app\u{feff}",
        "args \"a\", \"b\",",
        "let a = [1, 2,]",
        "let a = \"\u{1}\"",
        "let a = 2001:DB8::1",
        "a ; # c\n! b # d\n# e\nf",
        "a { ! b; c } ! # d",
        "let a = \"${f(\"x  y\")}  ${\n  b }\"",
        "let a = (b # c\n)",
        "a  b\u{a0}",
        "a  # b\u{3000}",
    ];
    for statement in statements {
        for text in [
            statement.to_owned(),
            format!("erp 1\nnamespace n {{\n{statement}\n}}\n"),
            format!("erp 1\nnamespace n {{ {statement} }}"),
            format!("a   b\n   {statement}\nc d\n"),
            statement.replace('\n', "\r\n"),
        ] {
            let kept = is_kept(&text);
            assert!(kept.is_ok(), "{kept:?}");
        }
    }
}

#[test]
fn every_program_keeps_its_text() {
    for (path, text) in sources() {
        let kept = is_kept(&text);
        assert!(kept.is_ok(), "{path}: {kept:?}");
    }
}

/// Pieces of tokens, of which any text is made.
const PIECES: [&str; 56] = [
    " ",
    "  ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    ";",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    ":",
    "=",
    "->",
    "=>",
    "==",
    "<=",
    "..",
    ".",
    "*",
    "+",
    "-",
    "/",
    "!",
    "?",
    "#",
    "## c\n",
    " # c\n",
    "\"",
    "\"a\"",
    "\"\"\"",
    "\"${a}\"",
    "${",
    "$${",
    "\\",
    "'",
    "“",
    "”",
    "–",
    "\u{a0}",
    "\u{feff}",
    "\u{1}",
    "é",
    "service",
    "is",
    "require",
    "allow",
    "if a then b else c",
    "all x in xs: ",
    "not ",
    "512Mi",
    "10.0.0.0/8",
    "2001:DB8::1",
];

/// A text cut into words, white space and single characters.
fn cut(text: &str) -> Vec<&str> {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    cut_where(text, |left, right| {
        word(left) && word(right) || left == ' ' && right == ' '
    })
}

/// A text cut between each two characters that do not belong together.
fn cut_where(text: &str, is_alike: impl Fn(char, char) -> bool) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        if before.is_some_and(|before| !is_alike(before, c)) {
            out.push(&text[start..at]);
            start = at;
        }
        before = Some(c);
    }
    out.push(&text[start..]);
    out
}

/// A change of a program: of `length` tokens from a place.
#[derive(Clone, Debug)]
struct Damage {
    at: prop::sample::Index,
    length: usize,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Delete,
    Repeat,
    Move(prop::sample::Index),
    Replace(String),
    Insert(String),
}

impl Damage {
    fn apply(self, tokens: &mut Vec<String>) {
        let at = self.at.index(tokens.len() + 1);
        let range = at..(at + self.length).min(tokens.len());
        match self.how {
            How::Delete => {
                tokens.drain(range);
            }
            How::Repeat => {
                let again = tokens[range].to_vec();
                tokens.splice(at..at, again);
            }
            How::Move(to) => {
                let moved: Vec<String> = tokens.drain(range).collect();
                let to = to.index(tokens.len() + 1);
                tokens.splice(to..to, moved);
            }
            How::Replace(piece) => {
                tokens.splice(range, [piece]);
            }
            How::Insert(piece) => tokens.insert(at, piece),
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        // Any bytes, read as a file of them is.
        1 => prop::collection::vec(any::<u8>(), 1..6)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        1 => any::<char>().prop_map(String::from),
    ];
    let how = prop_oneof![
        Just(How::Delete),
        Just(How::Repeat),
        any::<prop::sample::Index>().prop_map(How::Move),
        piece.clone().prop_map(How::Replace),
        piece.prop_map(How::Insert),
    ];
    let length = prop_oneof![3 => Just(1usize), 1 => 1..40usize];
    (any::<prop::sample::Index>(), length, how).prop_map(|(at, length, how)| Damage {
        at,
        length,
        how,
    })
}

/// A real program, valid or broken, or a window of it, so that a failure is short, with damage.
fn damaged() -> impl Strategy<Value = String> {
    let sources: Vec<String> = sources().into_iter().map(|(_, text)| text).collect();
    (
        prop::sample::select(sources),
        any::<prop::sample::Index>(),
        prop_oneof![4 => Just(120usize), 1 => Just(1_500)],
        prop::collection::vec(damage(), 1..12),
    )
        .prop_map(|(text, window, length, changes)| {
            let tokens = cut(&text);
            let start = window.index(tokens.len());
            let window = &tokens[start..(start + length).min(tokens.len())];
            let mut tokens: Vec<String> = window.iter().map(|token| (*token).to_owned()).collect();
            for change in changes {
                change.apply(&mut tokens);
            }
            tokens.concat()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(1500), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tokens_keep_their_text(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..30)) {
        is_kept(&pieces.concat())?;
    }

    #[test]
    fn any_text_keeps_its_text(text in any::<String>()) {
        is_kept(&text)?;
    }

    #[test]
    fn a_damaged_program_keeps_its_text(text in damaged()) {
        is_kept(&text)?;
    }
}

/// How many cases a property has: the number in `PROPTEST_CASES`, where that is set.
fn cases(usual: u32) -> u32 {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default().cases,
        None => usual,
    }
}

/// Everything that can be read is formatted; what cannot, and what is read otherwise than it is written,
/// stays as it is.
#[test]
fn the_command_leaves_a_broken_statement_as_it_is() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("a.erp");
    let text = "erp   1\nplatform  p {\n version   \"1\"\n  title   “A  shop”\n domain  ?? \"a\"\n   cluster   c // here\n}\n";
    std::fs::write(&path, text).expect("written");
    let ran = erpc_tests::erpc(&["fmt".as_ref(), path.as_os_str()]);
    assert_eq!(ran.exit, erpc_cli::Exit::Done, "{}", ran.err);
    let made = std::fs::read_to_string(&path).expect("there");
    assert_eq!(
        made,
        "erp 1\nplatform p {\n  version \"1\"\n  title   “A  shop”\n  domain  ?? \"a\"\n  cluster c  // here\n}\n"
    );
    assert!(
        ran.err
            .contains("a.erp:4 stays as it is: `“` is a typographic quote"),
        "{}",
        ran.err
    );
}
