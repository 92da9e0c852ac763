//! The functions of expressions. A row of [`FUNCTIONS`] is all that there is of a function of texts: the type
//! checker, the evaluator and the reference of the language read it.

use crate::digest::sha256_hex;
use crate::value::{Type, Value};

/// A function.
#[derive(Debug)]
pub(crate) struct Function {
    /// How it is called: `replace(TEXT, FROM, TO)`, with `[, X]` around an argument that may be left out.
    pub(crate) form: &'static str,
    doc: &'static str,
    pub(crate) place: FunctionPlace,
    pub(crate) meaning: Meaning,
}

/// Where a function can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FunctionPlace {
    Everywhere,
    /// In the values of statements and constants.
    Values,
    /// In rules and tests.
    Conditions,
    Tests,
}

impl FunctionPlace {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Values => "values",
            Self::Conditions => "rules and tests",
            Self::Tests => "tests",
        }
    }
}

/// What a function does.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// A function of texts.
    Texts {
        gives: Type,
        compute: fn(&[&str]) -> Value,
        /// How many bytes it reads or makes at most.
        cost: fn(&[&str]) -> usize,
    },
    Count,
    Sum,
    File,
    Template,
    Host,
    Address,
    Reaches,
    Calls,
    Wave,
    Holds,
    Violations,
}

macro_rules! functions {
    ($($form:literal $place:ident: $meaning:expr, $doc:literal;)*) => {
        /// Every function, sorted by name.
        pub(crate) static FUNCTIONS: &[Function] = &[$(Function {
            form: $form,
            doc: $doc,
            place: FunctionPlace::$place,
            meaning: $meaning,
        }),*];
    };
}

functions! {
    "address(SERVICE:PORT)" Values: Meaning::Address,
        "the host name of a service and its port, as a client reads them";
    "calls(FROM, TO[:PORT])" Conditions: Meaning::Calls,
        "whether a flow leads directly from a caller to a callee, declared or implied";
    "contains(TEXT, PART)" Everywhere: texts(Type::Bool, |t| Value::Bool(t[0].contains(t[1]))),
        "whether a text contains another one";
    "count(LIST)" Everywhere: Meaning::Count,
        "the number of elements of a list";
    "ends-with(TEXT, END)" Everywhere: texts(Type::Bool, |t| Value::Bool(t[0].ends_with(t[1]))),
        "whether a text ends with another one";
    "file(PATH)" Values: Meaning::File,
        "the text of a file, as it is";
    "holds(RULE[, ELEMENT])" Tests: Meaning::Holds,
        "whether a rule holds for all elements that it is about, or for one";
    "host(SERVICE)" Values: Meaning::Host,
        "the host name of a service, as a client reads it";
    "lower(TEXT)" Everywhere: texts(Type::String, |t| Value::Text(t[0].to_lowercase().into())),
        "the text in lower case";
    "reaches(FROM, TO[:PORT])" Conditions: Meaning::Reaches,
        "whether flows lead from a caller to a callee, through other services too";
    "replace(TEXT, FROM, TO)" Everywhere: Meaning::Texts {
        gives: Type::String,
        compute: replace,
        cost: replaced_length,
    },
        "the text with each `FROM` replaced by `TO`";
    "sha256(TEXT)" Everywhere: texts(Type::String, |t| Value::Text(sha256_hex(t[0].as_bytes()).into())),
        "the SHA-256 digest of a text, in hexadecimal";
    "starts-with(TEXT, START)" Everywhere: texts(Type::Bool, |t| Value::Bool(t[0].starts_with(t[1]))),
        "whether a text starts with another one";
    "sum(LIST)" Everywhere: Meaning::Sum,
        "the sum of a list of numbers of one unit";
    "template(PATH)" Values: Meaning::Template,
        "the text of a file whose `${…}` are evaluated where it is used";
    "violations(RULE)" Tests: Meaning::Violations,
        "the messages of a rule, one for each element that breaks it";
    "wave(SERVICE)" Conditions: Meaning::Wave,
        "the wave in which a service starts, from 1";
}

impl Function {
    pub(crate) fn name(&self) -> &'static str {
        self.form.split('(').next().unwrap_or(self.form)
    }

    /// The least and the most arguments, as its form writes them.
    fn arity(&self) -> (usize, usize) {
        let most = 1 + self.form.matches(", ").count();
        (most - self.form.matches("[, ").count(), most)
    }

    /// Whether it can be called with so many arguments.
    pub(crate) fn takes(&self, arguments: usize) -> bool {
        let (least, most) = self.arity();
        (least..=most).contains(&arguments)
    }

    /// How many arguments it takes, in words.
    pub(crate) fn arguments(&self) -> String {
        match self.arity() {
            (1, 1) => "1 argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} or {most} arguments"),
        }
    }
}

/// The function with this name.
pub(crate) fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name() == name)
}

const fn texts(gives: Type, compute: fn(&[&str]) -> Value) -> Meaning {
    Meaning::Texts {
        gives,
        compute,
        cost: |texts| texts[0].len(),
    }
}

/// An empty text is not searched for: it would be found between all characters.
fn replace(texts: &[&str]) -> Value {
    let text = match texts[1] {
        "" => texts[0].into(),
        from => texts[0].replace(from, texts[2]).into(),
    };
    Value::Text(text)
}

fn replaced_length(texts: &[&str]) -> usize {
    let found = match texts[1] {
        "" => 0,
        from => texts[0].matches(from).count(),
    };
    let more = found.saturating_mul(texts[2].len());
    texts[0].len().saturating_add(more)
}

/// The functions as the reference of the language lists them: form, meaning, where they can be called.
#[must_use]
pub fn functions() -> Vec<[&'static str; 3]> {
    let row = |function: &Function| [function.form, function.doc, function.place.name()];
    FUNCTIONS.iter().map(row).collect()
}
