//! Property: the writer of the output makes the bytes that the YAML library makes, whatever the
//! texts are.

use proptest::prelude::*;
use serde_json::{Map, Value};

/// Texts at which YAML writers differ: other types in disguise, indicators, white space, lines.
const TEXTS: [&str; 58] = [
    "",
    "null",
    "Null",
    "~",
    "true",
    "yes",
    "No",
    "on",
    "off",
    "y",
    "N",
    "nan",
    ".inf",
    "inf",
    "1",
    "-1",
    "1.5",
    "1e3",
    "0x1f",
    "0b1",
    "0o7",
    "1_000",
    "12:30:45",
    "2001-01-01",
    "100m",
    "512Mi",
    "1Gi",
    "10k",
    "10.0.0.0/8",
    "::/0",
    "2001:db8::/32",
    "10.0.0.1",
    "1/2",
    "a: b",
    "a:b",
    "x:",
    "a #b",
    "a#b",
    "- x",
    "-x",
    "-",
    "? x",
    "<<",
    "=",
    "@x",
    "a@sha256:0",
    "!x",
    "&x",
    "*x",
    "'",
    "\"",
    "\\",
    " x",
    "x ",
    "a\nb\n",
    "a\n\nb",
    "\n",
    "  a\n b\n\n",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(TEXTS.to_vec()).prop_map(str::to_owned),
        3 => "[a-zA-Z/][a-zA-Z0-9./_:@-]{0,12}",
        2 => "[0-9a-f.:/mKMi]{1,10}",
        2 => "\\PC{0,20}",
        1 => "[ a\n\t#:'\"\\\\-]{0,12}",
        1 => "[a-z ]{0,30}(\n[ ]{0,3}[a-z: #]{0,20}){1,4}\n?",
    ]
}

/// What Kubernetes objects are made of; a list never holds a list.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => text().prop_map(Value::String),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u16>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
        1 => Just(Value::Array(Vec::new())),
        1 => Just(Value::Object(Map::new())),
    ];
    let object = |inner: BoxedStrategy<Value>| {
        prop::collection::btree_map(text(), inner, 0..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    };
    leaf.prop_recursive(5, 40, 4, move |inner| {
        let map = object(inner.clone().boxed()).boxed();
        let item = prop_oneof![map.clone(), text().prop_map(Value::String)];
        prop_oneof![
            map,
            prop::collection::vec(item, 0..4).prop_map(Value::Array)
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_writer_and_the_library_write_the_same_bytes(value in value()) {
        let mut ours = String::new();
        erpc_emit::yaml::write(&mut ours, &value).expect("texts as keys");
        let mut theirs = String::new();
        serde_saphyr::to_fmt_writer_with_options(&mut theirs, &value, erpc_emit::yaml::options())
            .expect("the library writes any JSON");
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn a_text_alone_has_the_quotes_that_it_needs() {
    assert_eq!(erpc_emit::yaml::scalar("web"), "web");
    assert_eq!(erpc_emit::yaml::scalar("8080"), "\"8080\"");
    assert_eq!(erpc_emit::yaml::scalar("no"), "\"no\"");
}
