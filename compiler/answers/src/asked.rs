//! Ends as questions name them: those of the language, and addresses. A name that is not there is
//! answered with the nearest one.

use std::net::IpAddr;

use erpc_model::units::Protocol;
use erpc_model::{NamespaceId, Peer, Platform, ServiceId, listed, nearest};
use erpc_policy::{Addresses, Party, PolicyPort};
use ipnet::IpNet;
use smol_str::SmolStr;

/// What a peer of a question means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Ends of the language, sorted.
    Parties(Vec<Party>),
    /// Addresses that the program does not name.
    Addresses(IpNet),
}

/// A port as a question names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedPort {
    /// By its name at the callee.
    Named(SmolStr),
    /// By number; TCP where no protocol is said.
    Number(PolicyPort),
}

/// A peer of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedEnd {
    /// As it was written, without the port.
    pub text: String,
    /// What it means.
    pub what: Asked,
    /// The port behind it.
    pub port: Option<AskedPort>,
}

impl AskedEnd {
    /// Reads a peer: `ns.service`, `service`, `ns.*`, `*.*`, `tier(name).*`, `{a, b}`, an external,
    /// `internet`, `cluster.dns|api|nodes`, `ingress` for a controller outside the platform, an
    /// address or a CIDR; each with `:port` by name or by number.
    ///
    /// # Errors
    ///
    /// A sentence for the user where it means nothing.
    pub fn read(platform: &Platform, text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(end) = read_addresses(text)? {
            return Ok(end);
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(read_port(port)?)),
            None => (text, None),
        };
        let mut parties = read_parties(platform, name)?;
        parties.sort_unstable();
        parties.dedup();
        if parties.is_empty() {
            return Err(format!("`{name}` means no service"));
        }
        Ok(Self {
            text: name.to_owned(),
            what: Asked::Parties(parties),
            port,
        })
    }

    /// The one party that is meant, if it is one.
    #[must_use]
    pub fn single(&self) -> Option<Party> {
        match &self.what {
            Asked::Parties(parties) => match parties.as_slice() {
                [only] => Some(*only),
                _ => None,
            },
            Asked::Addresses(_) => None,
        }
    }

    /// Whether a party is one of those that are meant, or has addresses among them.
    #[must_use]
    pub fn means(&self, platform: &Platform, party: Party) -> bool {
        match &self.what {
            Asked::Parties(parties) => parties.binary_search(&party).is_ok(),
            Asked::Addresses(cidr) => party
                .addresses(platform)
                .is_some_and(|addresses| addresses.meets(&Addresses::cidr(*cidr))),
        }
    }

    /// The addresses that are meant; `None` for pods.
    #[must_use]
    pub fn addresses(&self, platform: &Platform) -> Option<Addresses> {
        match &self.what {
            Asked::Addresses(cidr) => Some(Addresses::cidr(*cidr)),
            Asked::Parties(_) => self.single()?.addresses(platform),
        }
    }
}

/// `10.0.0.1`, `10.0.0.0/8:443`, `fd00::1`, `[fd00::1]:443`.
fn read_addresses(text: &str) -> Result<Option<AskedEnd>, String> {
    let (address, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return Err(format!("`{text}` lacks a `]`"));
        };
        (address, port.strip_prefix(':'))
    } else if text.matches(':').count() == 1 {
        let (address, port) = text.split_once(':').unwrap_or((text, ""));
        (address, Some(port))
    } else {
        (text, None)
    };
    let cidr = match (address.parse::<IpNet>(), address.parse::<IpAddr>()) {
        (Ok(cidr), _) => cidr.trunc(),
        (_, Ok(ip)) => IpNet::from(ip),
        _ => return Ok(None),
    };
    let port = port.map(read_port).transpose()?;
    if let Some(AskedPort::Named(name)) = &port {
        return Err(format!("an address has no port `{name}`: say its number"));
    }
    Ok(Some(AskedEnd {
        text: address.to_owned(),
        what: Asked::Addresses(cidr),
        port,
    }))
}

/// `http`, `443`, `53/udp`.
fn read_port(text: &str) -> Result<AskedPort, String> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(AskedPort::Named(text.into()));
    }
    let (number, protocol) = match text.split_once('/') {
        Some((number, "tcp")) => (number, Protocol::Tcp),
        Some((number, "udp")) => (number, Protocol::Udp),
        Some((number, "sctp")) => (number, Protocol::Sctp),
        Some((_, other)) => return Err(format!("`{other}` is none of tcp, udp and sctp")),
        None => (text, Protocol::Tcp),
    };
    match number.parse::<u16>() {
        Ok(number) if number > 0 => Ok(AskedPort::Number(PolicyPort::single(protocol, number))),
        _ => Err(format!("{number} is no port: 1 to 65535")),
    }
}

fn read_parties(platform: &Platform, name: &str) -> Result<Vec<Party>, String> {
    if let Some(set) = name.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
        let mut all = Vec::new();
        for member in set.split(',') {
            all.extend(read_parties(platform, member.trim())?);
        }
        return Ok(all);
    }
    if let Some(tier) = name.strip_prefix("tier(") {
        return of_tier(platform, tier);
    }
    let all = || platform.workloads().map(|(id, _)| service(id));
    match name.split_once('.') {
        None if name == "*" => Ok(all().collect()),
        Some(("*", "*")) => Ok(all().collect()),
        Some(("cluster", part)) => match part {
            "dns" => Ok(vec![Party::Peer(Peer::ClusterDns)]),
            "api" => Ok(vec![Party::Peer(Peer::ClusterApi)]),
            "nodes" => Ok(vec![Party::Peer(Peer::ClusterNodes)]),
            _ => Err(format!(
                "a cluster has no `{part}`; it has `cluster.dns`, `cluster.api` and `cluster.nodes`"
            )),
        },
        Some((namespace, rest)) => {
            let id = namespace_named(platform, namespace)?;
            let services = platform.workloads_in(id);
            if rest == "*" {
                return Ok(services.iter().copied().map(service).collect());
            }
            let found = services.iter().find(|s| platform[**s].name.value == rest);
            match found {
                Some(id) => Ok(vec![service(*id)]),
                None => {
                    let names = services.iter().map(|s| platform[*s].name.value.as_str());
                    Err(unknown(
                        &format!("the namespace `{namespace}` has no service `{rest}`"),
                        rest,
                        names,
                    ))
                }
            }
        }
        None => bare(platform, name),
    }
}

const fn service(id: ServiceId) -> Party {
    Party::Peer(Peer::Service(id))
}

fn of_tier(platform: &Platform, rest: &str) -> Result<Vec<Party>, String> {
    let name = rest.strip_suffix(").*").unwrap_or(rest);
    let tier = platform.tiers.iter().position(|t| t.name.value == name);
    let Some(tier) = tier else {
        let names = platform.tiers.iter().map(|t| t.name.value.as_str());
        return Err(unknown(&format!("there is no tier `{name}`"), name, names));
    };
    Ok(platform
        .workloads()
        .filter(|(_, s)| platform.tier_of(s).value.index() == tier)
        .map(|(id, _)| service(id))
        .collect())
}

fn namespace_named(platform: &Platform, name: &str) -> Result<NamespaceId, String> {
    let mut namespaces = platform.namespaces();
    let found = namespaces.find(|(_, n)| n.name.value == name);
    found.map(|(id, _)| id).ok_or_else(|| {
        let names = platform.namespaces.iter().map(|n| n.name.value.as_str());
        unknown(&format!("there is no namespace `{name}`"), name, names)
    })
}

/// A name without a namespace: an external, `internet`, the only service of that name, else all of
/// a namespace.
fn bare(platform: &Platform, name: &str) -> Result<Vec<Party>, String> {
    if name == "internet" {
        return Ok(vec![Party::Peer(Peer::Internet)]);
    }
    let external = platform.externals.iter().position(|e| e.name.value == name);
    if let Some(id) = external.and_then(|at| u32::try_from(at).ok()) {
        return Ok(vec![Party::Peer(Peer::External(erpc_model::ExternalId(
            id,
        )))]);
    }
    let of_name: Vec<ServiceId> = platform
        .workloads()
        .filter(|(_, s)| s.name.value == name)
        .map(|(id, _)| id)
        .collect();
    match of_name.as_slice() {
        [only] => return Ok(vec![service(*only)]),
        [] => {}
        several => {
            let paths: Vec<String> = several.iter().map(|id| platform.path(*id)).collect();
            return Err(format!("`{name}` may be {}", paths.join(" or ")));
        }
    }
    if name == "ingress" {
        return Ok(vec![Party::Controller]);
    }
    if let Ok(id) = namespace_named(platform, name) {
        let services = platform.workloads_in(id);
        return Ok(services.iter().copied().map(service).collect());
    }
    let mut names: Vec<&str> = platform
        .services
        .iter()
        .map(|s| s.name.value.as_str())
        .chain(platform.namespaces.iter().map(|n| n.name.value.as_str()))
        .chain(platform.externals.iter().map(|e| e.name.value.as_str()))
        .chain(["internet"])
        .collect();
    names.sort_unstable();
    names.dedup();
    Err(unknown(
        &format!("there is no service, namespace or external `{name}`"),
        name,
        names.into_iter(),
    ))
}

fn unknown<'n>(fact: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("{fact}; did you mean `{near}`?"),
        None => format!("{fact}; known: {}", listed(known, 12)),
    }
}
