//! `erpc explain CODE`.

use std::fmt::Write;

use erpc_diagnostics::codes;
use erpc_model::nearest;
use serde_json::json;

use super::has_format;
use crate::Exit;
use crate::arguments::{Common, Explain, Format};
use crate::console::Console;

pub(crate) fn run(command: &Explain, common: &Common, console: &mut Console<'_>) -> Exit {
    if !has_format("explain", &[Format::Human, Format::Json], common, console) {
        return Exit::Usage;
    }
    let Some(id) = &command.code else {
        list(common, console);
        return Exit::Done;
    };
    let Some(code) = codes::find(id) else {
        let known = codes::ALL.iter().map(|code| code.id);
        let hint = nearest(&id.to_ascii_uppercase(), known).map_or_else(
            || "`erpc explain` lists them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        console.fail(&format!("there is no code `{id}`; {hint}"));
        return Exit::Failed;
    };
    if common.format == Format::Json {
        let page = json!({ "version": 1, "code": code.id, "title": code.title, "page": code.page });
        console.result(&format!("{page:#}\n"));
        return Exit::Done;
    }
    let mut text = format!("# {}: {}\n\n{}", code.id, code.title, code.page);
    if code.page.contains("is Web") {
        text.push_str(
            "\n`Web` stands for a component with an image, a port `http`, CPU and memory.\n",
        );
    }
    console.result(&text);
    Exit::Done
}

fn list(common: &Common, console: &mut Console<'_>) {
    if common.format == Format::Json {
        let all: Vec<_> = codes::ALL
            .iter()
            .map(|code| json!({ "code": code.id, "title": code.title }))
            .collect();
        console.result(&format!("{:#}\n", json!({ "version": 1, "codes": all })));
        return;
    }
    let mut text = String::new();
    for code in codes::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", code.id, code.title);
    }
    console.result(&text);
}
