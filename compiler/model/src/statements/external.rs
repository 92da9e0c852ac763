//! The statements of externals: what services talk to outside of the cluster.

use ipnet::IpNet;
use smol_str::SmolStr;

use super::reader::cidrs;
use super::{Port, Reader, keyed, port_numbers, statements};
use crate::origin::Sourced;
use crate::shown::{Names, Shown};
use crate::units::Protocol;

statements! {
    /// `external NAME { }`: something outside the cluster.
    External(
        /// Its name.
        name: Sourced<SmolStr>
    ) {
        /// `##` above it.
        doc: Option<String>,
    }

    cidrs: Vec<Sourced<IpNet>> = "cidr CIDR, …" Append [External]
        "Its addresses.",
        read cidrs;
    dns_names: Vec<Sourced<String>> = "dns \"name\", …" [External]
        "Its names in DNS; a flow to it then needs DNS.",
        read |reader| reader.each_of_texts("a DNS name in quotes");
    ports: Vec<ExternalPort> = "port NAME NUMBER[..NUMBER][/proto]" ByKey [External]
        "A port by its name, to which flows refer.",
        read ExternalPort::read;
}

/// A port of an external.
#[derive(Clone, Debug)]
pub struct ExternalPort {
    /// Its name.
    pub name: Sourced<SmolStr>,
    /// Its number.
    pub number: u16,
    /// The last number of a range; equal to `number` for a single port.
    pub last: u16,
    /// Its protocol.
    pub protocol: Protocol,
}

impl ExternalPort {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Vec<Self>> {
        let name = reader.new_name("the port's name", "port")?;
        let expr = reader.last("the port's number")?;
        let (number, last, protocol) = Port::read_numbers(expr, reader);
        Some(vec![Self {
            name,
            number: number.value,
            last,
            protocol,
        }])
    }
}

impl Shown for ExternalPort {
    fn show(&self, _: &dyn Names) -> String {
        port_numbers(self.number, self.last, self.protocol)
    }
}

keyed! { ExternalPort: name at name; }
