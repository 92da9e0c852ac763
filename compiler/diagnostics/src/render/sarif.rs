//! Findings as SARIF 2.1.0, which code scanning reads.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use serde_json::{Value, json};

use crate::{Diagnostic, Diagnostics, Edit, Severity, Sources, Span, codes};

/// The findings as one SARIF log with a line break at its end.
#[must_use]
pub fn render_sarif(diagnostics: &Diagnostics, sources: &Sources, version: &str) -> String {
    let rules: Vec<Value> = codes::ALL
        .iter()
        .map(|code| {
            json!({
                "id": code.id,
                "shortDescription": { "text": code.title },
                "help": { "text": code.page, "markdown": code.page },
                "defaultConfiguration": { "level": level(code.severity) },
            })
        })
        .collect();
    let results: Vec<Value> = diagnostics
        .as_slice()
        .iter()
        .map(|diagnostic| result(diagnostic, sources))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "erpc", "version": version, "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut text = diagnostic.message.clone();
    for help in diagnostic.help_lines() {
        text.push('\n');
        text.push_str(&help);
    }
    let place = |span: Span, message: &str| {
        let mut place = json!({ "physicalLocation": physical(span, sources)? });
        if !message.is_empty() {
            place["message"] = json!({ "text": message });
        }
        Some(place)
    };
    let places = |primary: bool| -> Vec<Value> {
        let labels = diagnostic.labels.iter().filter(|l| l.primary == primary);
        labels.filter_map(|l| place(l.span, &l.message)).collect()
    };
    let fixes: Vec<Value> = diagnostic
        .fixes
        .iter()
        .map(|fix| {
            let changes: Vec<Value> = fix
                .edits
                .iter()
                .filter_map(|e| change(e, sources))
                .collect();
            json!({ "description": { "text": fix.title }, "artifactChanges": changes })
        })
        .collect();
    let index = codes::ALL.iter().position(|code| *code == diagnostic.code);
    let mut result = json!({
        "ruleId": diagnostic.code.id,
        "ruleIndex": index,
        "level": level(diagnostic.severity()),
        "message": { "text": text },
        "locations": places(true),
    });
    let related = places(false);
    if !related.is_empty() {
        result["relatedLocations"] = json!(related);
    }
    if !fixes.is_empty() {
        result["fixes"] = json!(fixes);
    }
    result
}

fn physical(span: Span, sources: &Sources) -> Option<Value> {
    let source = sources.get(span.file)?;
    Some(json!({
        "artifactLocation": { "uri": super::percent_encoded(source.path_for_tools()) },
        "region": region(span, sources)?,
    }))
}

fn region(span: Span, sources: &Sources) -> Option<Value> {
    let source = sources.get(span.file)?;
    let (start, end) = (source.line_column(span.start), source.line_column(span.end));
    Some(json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }))
}

fn change(edit: &Edit, sources: &Sources) -> Option<Value> {
    let source = sources.get(edit.span.file)?;
    Some(json!({
        "artifactLocation": { "uri": super::percent_encoded(source.path_for_tools()) },
        "replacements": [{
            "deletedRegion": region(edit.span, sources)?,
            "insertedContent": { "text": edit.text },
        }],
    }))
}
