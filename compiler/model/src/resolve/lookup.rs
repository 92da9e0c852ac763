//! What declared statements refer to by name.

use erpc_diagnostics::Span;
use erpc_syntax::tree::{Expr, Ident, PathPort};
use smol_str::SmolStr;

use super::state::Resolver;
use crate::eval::Standpoint;
use crate::ids::{NamespaceId, PortId, SecretId, ServiceId, TierId};
use crate::origin::Sourced;
use crate::statements::{DeclaredPort, Lookup, Peers};

impl<'a> Lookup<'a> for Resolver<'a> {
    fn tier(&mut self, name: &Ident) -> Option<TierId> {
        self.tier_named(name)
    }

    fn namespace(&mut self, name: &Ident) -> Option<NamespaceId> {
        self.namespace_named(name)
    }

    fn name_of_namespace(&self, id: NamespaceId) -> Option<SmolStr> {
        let mut names = self.index.namespaces.keys();
        names.nth(id.index()).cloned()
    }

    fn service(&mut self, expr: &Expr, at: Standpoint) -> Option<ServiceId> {
        self.service_named(expr, at.namespace)
    }

    fn service_and_port(&mut self, expr: &Expr, at: Standpoint) -> Option<(ServiceId, Ident)> {
        self.service_and_port_named(expr, at.namespace)
    }

    fn port(&mut self, service: ServiceId, name: &Ident) -> Option<PortId> {
        self.port_of(service, name)
    }

    fn secret(&mut self, name: &Ident, at: Standpoint) -> Option<SecretId> {
        self.secret_named(name, at.namespace)
    }

    fn secret_key(&mut self, expr: &Expr, at: Standpoint) -> Option<(SecretId, SmolStr)> {
        self.secret_and_key(expr, at.namespace)
    }

    fn peers(&mut self, expr: &'a Expr, at: Standpoint) -> Option<(Peers, Option<&'a PathPort>)> {
        self.peers_named(expr, at)
    }

    fn home(&self, service: ServiceId) -> Option<NamespaceId> {
        self.names.homes.get(service.index()).copied()
    }

    fn ports(&self, service: ServiceId) -> Option<(Span, Vec<DeclaredPort<'_>>)> {
        let service = self.parts.services.get(service.index())?.as_ref()?;
        let ports = service.ports.iter().map(|port| DeclaredPort {
            name: &port.name,
            number: port.number.value,
            last: port.last,
            container: port.container,
        });
        Some((service.name.span(), ports.collect()))
    }

    fn keys(&self, secret: SecretId) -> (Span, &[Sourced<SmolStr>]) {
        let secret = &self.parts.secrets[secret.index()];
        (secret.name.span(), &secret.keys)
    }
}
