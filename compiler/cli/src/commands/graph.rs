//! `erpc graph`: the platform as a picture, or as the explorer.

use erpc_answers::AskedEnd;
use erpc_model::{Peer, Platform, ServiceId};
use erpc_policy::Party;
use erpc_report::picture::{self, View};

use super::{compiled, has_format};
use crate::Exit;
use crate::arguments::{Common, Format, Graph};
use crate::console::Console;

pub(crate) fn run(command: &Graph, common: &Common, console: &mut Console<'_>) -> Exit {
    let formats = [
        Format::Human,
        Format::Svg,
        Format::Dot,
        Format::Mermaid,
        Format::Json,
        Format::Html,
    ];
    if !has_format("graph", &formats, common, console) {
        return Exit::Usage;
    }
    let Some((platform, derived, sources)) = compiled(command.path.as_deref(), common, console)
    else {
        return Exit::Failed;
    };
    let view = match &command.focus {
        None => View::whole(&platform, &derived),
        Some(name) => match service(&platform, name) {
            Ok(focus) => View::around(&platform, &derived, focus, command.depth),
            Err(message) => {
                console.fail(&message);
                return Exit::Usage;
            }
        },
    };
    let text = match common.format {
        Format::Dot => picture::dot(&view),
        Format::Mermaid => picture::mermaid(&view),
        Format::Html => picture::explorer(&view, &sources),
        Format::Json => format!("{:#}\n", picture::json(&view, &sources)),
        _ => picture::svg(&view),
    };
    console.result(&text);
    Exit::Done
}

/// The one service that a name means.
pub(super) fn service(platform: &Platform, name: &str) -> Result<ServiceId, String> {
    match AskedEnd::read(platform, name)?.single() {
        Some(Party::Peer(Peer::Service(id))) => Ok(id),
        _ => Err(format!("`{name}` is not one service")),
    }
}
