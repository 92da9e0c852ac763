//! Values as text.

use std::net::SocketAddr;

use crate::value::Value;

/// A value as text, as interpolation and messages show it.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{}{}", number.digits, number.suffix),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Port(port, _) => port.to_string(),
        Value::Cpu(cpu) => cpu.to_string(),
        Value::Memory(memory) => memory.to_string(),
        Value::Duration(duration) => duration.to_string(),
        Value::Percent(percent) => percent.to_string(),
        Value::Cidr(net) => net.to_string(),
        Value::Address(ip, None) => ip.to_string(),
        Value::Address(ip, Some(port)) => SocketAddr::new(*ip, *port).to_string(),
        Value::Range(min, max) if min == max => show(min),
        Value::Range(min, max) => format!("{}..{}", show(min), show(max)),
        Value::List(items) => items.iter().map(show).collect::<Vec<_>>().join(", "),
        Value::Off => "off".to_owned(),
        // What a rule shows of an element is said where the platform is at hand.
        Value::Element(element) => element.kind().name().to_owned(),
        Value::Unknown => String::new(),
    }
}
