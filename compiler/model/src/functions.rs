//! The functions of expressions. A row of [`FUNCTIONS`] is all that there is of a function of texts: the type
//! checker, the evaluator and the reference of the language read it.

use crate::digest::sha256_hex;
use crate::value::{Type, Value};

/// A function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// How it is called: `replace(TEXT, FROM, TO)`.
    pub(crate) form: &'static str,
    doc: &'static str,
    pub(crate) place: FunctionPlace,
    /// The least and the most arguments.
    arity: (usize, usize),
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
    /// The number of elements of a list.
    Count,
    /// The sum of a list of numbers.
    Sum,
    /// The text of a file.
    File,
    /// The text of a file whose `${…}` are evaluated.
    Template,
    /// The host name of a service.
    Host,
    /// The host name of a service with a port.
    Address,
    /// Whether a flow leads from one peer to another, through other services too.
    Reaches,
    /// Whether a flow leads directly from one peer to another.
    Calls,
    /// The wave in which a service starts.
    Wave,
    /// Whether a rule holds.
    Holds,
    /// The messages of a rule.
    Violations,
}

impl Function {
    /// Whether it can be called with so many arguments.
    pub(crate) fn takes(&self, arguments: usize) -> bool {
        (self.arity.0..=self.arity.1).contains(&arguments)
    }

    /// How many arguments it takes, in words.
    pub(crate) fn arguments(&self) -> String {
        match self.arity {
            (1, 1) => "1 argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} or {most} arguments"),
        }
    }
}

/// The function with this name.
pub(crate) fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

fn first_length(texts: &[&str]) -> usize {
    texts[0].len()
}

fn replace(texts: &[&str]) -> Value {
    // Nothing stands between all characters: a text without characters is not searched for.
    if texts[1].is_empty() {
        return Value::Text(texts[0].into());
    }
    Value::Text(texts[0].replace(texts[1], texts[2]).into())
}

fn replaced_length(texts: &[&str]) -> usize {
    if texts[1].is_empty() {
        return texts[0].len();
    }
    let found = texts[0].matches(texts[1]).count();
    let more = found.saturating_mul(texts[2].len());
    texts[0].len().saturating_add(more)
}

/// Every function, sorted by name.
pub(crate) static FUNCTIONS: [Function; 17] = [
    Function {
        name: "address",
        form: "address(SERVICE:PORT)",
        doc: "the host name of a service and its port, as a client reads it",
        place: FunctionPlace::Values,
        arity: (1, 1),
        meaning: Meaning::Address,
    },
    Function {
        name: "calls",
        form: "calls(FROM, TO[:PORT])",
        doc: "whether a flow leads directly from a caller to a callee",
        place: FunctionPlace::Conditions,
        arity: (2, 2),
        meaning: Meaning::Calls,
    },
    Function {
        name: "contains",
        form: "contains(TEXT, PART)",
        doc: "whether a text contains another one",
        place: FunctionPlace::Conditions,
        arity: (2, 2),
        meaning: Meaning::Texts {
            gives: Type::Bool,
            compute: |texts| Value::Bool(texts[0].contains(texts[1])),
            cost: first_length,
        },
    },
    Function {
        name: "count",
        form: "count(LIST)",
        doc: "the number of elements of a list",
        place: FunctionPlace::Conditions,
        arity: (1, 1),
        meaning: Meaning::Count,
    },
    Function {
        name: "ends-with",
        form: "ends-with(TEXT, END)",
        doc: "whether a text ends with another one",
        place: FunctionPlace::Conditions,
        arity: (2, 2),
        meaning: Meaning::Texts {
            gives: Type::Bool,
            compute: |texts| Value::Bool(texts[0].ends_with(texts[1])),
            cost: first_length,
        },
    },
    Function {
        name: "file",
        form: "file(PATH)",
        doc: "the text of a file, as it is",
        place: FunctionPlace::Values,
        arity: (1, 1),
        meaning: Meaning::File,
    },
    Function {
        name: "holds",
        form: "holds(RULE[, ELEMENT])",
        doc: "whether a rule holds, for all elements or for one",
        place: FunctionPlace::Tests,
        arity: (1, 2),
        meaning: Meaning::Holds,
    },
    Function {
        name: "host",
        form: "host(SERVICE)",
        doc: "the host name of a service, as a client reads it",
        place: FunctionPlace::Values,
        arity: (1, 1),
        meaning: Meaning::Host,
    },
    Function {
        name: "lower",
        form: "lower(TEXT)",
        doc: "a text in lower case",
        place: FunctionPlace::Everywhere,
        arity: (1, 1),
        meaning: Meaning::Texts {
            gives: Type::String,
            compute: |texts| Value::Text(texts[0].to_lowercase().into()),
            cost: first_length,
        },
    },
    Function {
        name: "reaches",
        form: "reaches(FROM, TO[:PORT])",
        doc: "whether flows lead from a caller to a callee, through other services too",
        place: FunctionPlace::Conditions,
        arity: (2, 2),
        meaning: Meaning::Reaches,
    },
    Function {
        name: "replace",
        form: "replace(TEXT, FROM, TO)",
        doc: "a text in which each `FROM` is replaced by `TO`",
        place: FunctionPlace::Everywhere,
        arity: (3, 3),
        meaning: Meaning::Texts {
            gives: Type::String,
            compute: replace,
            cost: replaced_length,
        },
    },
    Function {
        name: "sha256",
        form: "sha256(TEXT)",
        doc: "the SHA-256 digest of a text, in hexadecimal",
        place: FunctionPlace::Everywhere,
        arity: (1, 1),
        meaning: Meaning::Texts {
            gives: Type::String,
            compute: |texts| Value::Text(sha256_hex(texts[0].as_bytes()).into()),
            cost: first_length,
        },
    },
    Function {
        name: "starts-with",
        form: "starts-with(TEXT, START)",
        doc: "whether a text starts with another one",
        place: FunctionPlace::Conditions,
        arity: (2, 2),
        meaning: Meaning::Texts {
            gives: Type::Bool,
            compute: |texts| Value::Bool(texts[0].starts_with(texts[1])),
            cost: first_length,
        },
    },
    Function {
        name: "sum",
        form: "sum(LIST)",
        doc: "the sum of a list of numbers of one unit",
        place: FunctionPlace::Conditions,
        arity: (1, 1),
        meaning: Meaning::Sum,
    },
    Function {
        name: "template",
        form: "template(PATH)",
        doc: "the text of a file whose `${…}` are evaluated where it is used",
        place: FunctionPlace::Values,
        arity: (1, 1),
        meaning: Meaning::Template,
    },
    Function {
        name: "violations",
        form: "violations(RULE)",
        doc: "the messages of a rule, a text for each element that breaks it",
        place: FunctionPlace::Tests,
        arity: (1, 1),
        meaning: Meaning::Violations,
    },
    Function {
        name: "wave",
        form: "wave(SERVICE)",
        doc: "the wave in which a service starts, from 1",
        place: FunctionPlace::Conditions,
        arity: (1, 1),
        meaning: Meaning::Wave,
    },
];

/// The functions as the reference of the language lists them: form, meaning, where they can be called.
#[must_use]
pub fn functions() -> Vec<[&'static str; 3]> {
    let row = |function: &Function| {
        let place = match function.place {
            FunctionPlace::Everywhere => "everywhere",
            FunctionPlace::Values => "values",
            FunctionPlace::Conditions => "rules, tests",
            FunctionPlace::Tests => "tests",
        };
        [function.form, function.doc, place]
    };
    FUNCTIONS.iter().map(row).collect()
}
