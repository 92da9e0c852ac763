//! Compares a custom resource with the structural schema of its definition (OpenAPI v3, as `apiextensions.k8s.io/v1`
//! has it). What is not judged here, such as patterns, formats and CEL rules, the server judges.

use erpc_diagnostics::{alternatives, nearest};
use erpc_model::{PatchValue, Sourced};
use smol_str::SmolStr;

use crate::validate::{Fault, FaultKind};
use crate::view::{FieldPath, Look, View};

/// What every object has, whatever its schema says.
const OF_EVERY_OBJECT: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// What a server would refuse or drop of an object, by the schema of its definition.
pub(crate) fn check(schema: &Sourced<PatchValue>, object: &impl View) -> Vec<Fault> {
    let mut walk = Walk { found: Vec::new() };
    walk.value(&schema.value, object, &FieldPath::default(), true);
    walk.found
}

struct Walk {
    found: Vec<Fault>,
}

fn text<'s>(schema: &'s PatchValue, name: &str) -> Option<&'s str> {
    schema.get(name)?.value.as_text()
}

fn number(schema: &PatchValue, name: &str) -> Option<f64> {
    match schema.get(name)?.value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "as in Kubernetes, where bounds are floating point"
        )]
        PatchValue::Int(number) => Some(number as f64),
        PatchValue::Float(number) => Some(number),
        _ => None,
    }
}

fn is_true(schema: &PatchValue, name: &str) -> bool {
    schema
        .get(name)
        .is_some_and(|value| value.value == PatchValue::Bool(true))
}

impl Walk {
    fn report(&mut self, path: &FieldPath, message: impl Into<String>) {
        self.found.push(Fault::new(path.clone(), message));
    }

    /// Compares a value with a schema. Recursion ends with the object, whose depth is limited where it is read.
    fn value<V: View>(
        &mut self,
        schema: &PatchValue,
        value: &V,
        path: &FieldPath,
        is_object: bool,
    ) {
        let expected = match text(schema, "type") {
            _ if is_true(schema, "x-kubernetes-int-or-string") => "an integer or a string",
            Some("object") => "fields of its own",
            Some("array") => "a list",
            Some("string") => "a string",
            Some("integer") => "an integer",
            Some("number") => "a number",
            Some("boolean") => "true or false",
            _ => "",
        };
        let is_whole = |number: &serde_json::Number| number.is_i64() || number.is_u64();
        let fits = match (expected, value.look()) {
            ("", _) | (_, Look::Null) => true,
            ("fields of its own", Look::Map)
            | ("a list", Look::List(_))
            | ("a string" | "an integer or a string", Look::Text(_))
            | ("a number", Look::Number(_))
            | ("true or false", Look::Bool(_)) => true,
            ("an integer" | "an integer or a string", Look::Number(number)) => {
                is_whole(number) || number.as_f64().is_some_and(|number| number.fract() == 0.0)
            }
            _ => false,
        };
        if !fits {
            let found = match value.look() {
                Look::Null => "nothing",
                Look::Bool(_) => "true or false",
                Look::Number(_) => "a number",
                Look::Text(_) => "a string",
                Look::List(_) => "a list",
                Look::Map => "fields",
            };
            let message = format!("expected {expected}, found {found}");
            let kind = FaultKind::WrongType(expected);
            return self.found.push(Fault::of_kind(kind, path.clone(), message));
        }
        match value.look() {
            Look::Map => self.fields(schema, value, path, is_object),
            Look::List(items) => self.items(schema, items, path),
            Look::Text(found) => self.text(schema, found, path),
            Look::Number(found) => self.number(schema, found.as_f64(), path),
            Look::Null | Look::Bool(_) => {}
        }
        self.one_of(schema, value, path);
    }

    fn fields<V: View>(
        &mut self,
        schema: &PatchValue,
        value: &V,
        path: &FieldPath,
        is_object: bool,
    ) {
        let is_object = is_object || is_true(schema, "x-kubernetes-embedded-resource");
        let properties = schema.get("properties").map(|properties| &properties.value);
        let property = |name: &str| {
            properties
                .and_then(|all| all.get(name))
                .map(|one| &one.value)
        };
        if let Some(PatchValue::List(required)) = schema.get("required").map(|list| &list.value) {
            for name in required.iter().filter_map(|name| name.value.as_text()) {
                let has_default = property(name).is_some_and(|one| one.get("default").is_some());
                if value.field(name).is_none() && !has_default {
                    self.report(path, format!("the field `{name}` is required"));
                }
            }
        }
        let others = schema
            .get("additionalProperties")
            .map(|others| &others.value);
        let keeps_unknown = is_true(schema, "x-kubernetes-preserve-unknown-fields")
            || matches!(others, Some(PatchValue::Bool(true)));
        for (name, below) in value.fields() {
            let at = path.field(name);
            match (property(name), others) {
                _ if is_object && OF_EVERY_OBJECT.contains(&name) => {}
                (Some(schema), _) => self.value(schema, below, &at, false),
                (None, Some(schema @ PatchValue::Map(_))) => self.value(schema, below, &at, false),
                _ if keeps_unknown => {}
                _ => {
                    let known = match properties {
                        Some(PatchValue::Map(known)) => known.as_slice(),
                        _ => &[],
                    };
                    let known = known.iter().map(|(name, _)| name.as_str());
                    let meant = nearest(name, known).map(SmolStr::from);
                    let message = format!("unknown field `{at}`");
                    let kind = FaultKind::UnknownField(meant);
                    self.found.push(Fault::of_kind(kind, at, message));
                }
            }
        }
        let count = value.fields().count();
        self.bounds(
            schema,
            count,
            ["minProperties", "maxProperties"],
            "fields",
            path,
        );
    }

    fn items<V: View>(&mut self, schema: &PatchValue, items: &[V], path: &FieldPath) {
        if let Some(schema) = schema.get("items") {
            for (place, item) in items.iter().enumerate() {
                self.value(&schema.value, item, &path.item(place), false);
            }
        }
        self.bounds(
            schema,
            items.len(),
            ["minItems", "maxItems"],
            "elements",
            path,
        );
    }

    fn text(&mut self, schema: &PatchValue, found: &str, path: &FieldPath) {
        let length = found.chars().count();
        self.bounds(
            schema,
            length,
            ["minLength", "maxLength"],
            "characters",
            path,
        );
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "no text or list has so many parts that the difference shows"
    )]
    fn bounds(
        &mut self,
        schema: &PatchValue,
        count: usize,
        [min, max]: [&str; 2],
        what: &str,
        path: &FieldPath,
    ) {
        if let Some(min) = number(schema, min).filter(|min| (count as f64) < *min) {
            self.report(
                path,
                format!("expected at least {min} {what}, found {count}"),
            );
        }
        if let Some(max) = number(schema, max).filter(|max| count as f64 > *max) {
            self.report(
                path,
                format!("expected at most {max} {what}, found {count}"),
            );
        }
    }

    fn number(&mut self, schema: &PatchValue, found: Option<f64>, path: &FieldPath) {
        let Some(found) = found else { return };
        let is_out = |bound: f64, exclusive: &str, is_beyond: bool| {
            is_beyond || is_true(schema, exclusive) && (found - bound).abs() < f64::EPSILON
        };
        if let Some(min) = number(schema, "minimum")
            && is_out(min, "exclusiveMinimum", found < min)
        {
            self.report(path, format!("expected a number from {min}, found {found}"));
        }
        if let Some(max) = number(schema, "maximum")
            && is_out(max, "exclusiveMaximum", found > max)
        {
            self.report(
                path,
                format!("expected a number up to {max}, found {found}"),
            );
        }
    }

    /// The values of an `enum`, where all of them are texts or numbers.
    fn one_of<V: View>(&mut self, schema: &PatchValue, value: &V, path: &FieldPath) {
        let Some(PatchValue::List(values)) = schema.get("enum").map(|values| &values.value) else {
            return;
        };
        let shown = |value: &PatchValue| match value {
            PatchValue::Text(text) => Some(text.clone()),
            PatchValue::Int(number) => Some(number.to_string()),
            PatchValue::Bool(value) => Some(value.to_string()),
            _ => None,
        };
        let values: Option<Vec<String>> = values.iter().map(|value| shown(&value.value)).collect();
        let (Some(values), Some(found)) = (values, value.scalar()) else {
            return;
        };
        if !values.contains(&found) {
            let meant = nearest(&found, values.iter().map(String::as_str)).map(str::to_owned);
            let values = alternatives(values.iter().map(String::as_str));
            let message = format!("expected {values}, found `{}`", found.escape_debug());
            let kind = FaultKind::Value(meant);
            self.found.push(Fault::of_kind(kind, path.clone(), message));
        }
    }
}
