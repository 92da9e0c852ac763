//! Services: their ports differ in name, and in number and protocol.

use std::collections::HashMap;

use super::{Fault, FaultKind};
use crate::view::{FieldPath, View};

pub(super) fn ports(service: &impl View, faults: &mut Vec<Fault>) {
    let path = FieldPath::default().fields(&["spec", "ports"]);
    let ports = service.at(&["spec", "ports"]).map_or(&[][..], View::items);
    let mut names = HashMap::with_capacity(ports.len());
    for (place, port) in ports.iter().enumerate() {
        let Some(name) = port.field("name").and_then(View::text) else {
            continue;
        };
        if let Some(first) = names.insert(name, place) {
            faults.push(
                Fault::of_kind(
                    FaultKind::Name,
                    path.item(place).field("name"),
                    format!("two ports of the Service have the name `{name}`"),
                )
                .with(path.item(first).field("name")),
            );
        }
    }
}
