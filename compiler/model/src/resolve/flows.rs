//! The flows of a program, the assertions about them, and the ports that they name.

use erpc_diagnostics::{Diagnostic, codes, listed};
use erpc_syntax::tree::{Ident, Statement};
use smol_str::SmolStr;

use super::settings::Settings;
use super::state::Resolver;
use crate::args::Args;
use crate::eval::{Scope, Standpoint};
use crate::origin::Via;
use crate::platform::{Assertion, Flow, FlowPort, Manifest, Peer, Peers, PortId, ServiceId};
use crate::statements::{Manifests, Reader, Statements};

impl<'a> Resolver<'a> {
    /// Reads a statement of the program, or of a namespace.
    pub(super) fn read_of_program<O: Statements>(
        &mut self,
        owner: &mut O,
        statement: &'a Statement,
        namespace: Option<&SmolStr>,
    ) {
        let head = statement.head().map_or("", |(head, _)| head.as_str());
        let Some(found) = O::statement(head) else {
            return;
        };
        let namespace = namespace.and_then(|name| self.names.namespace_ids.get(name));
        let scope = Scope {
            at: Standpoint::in_namespace(namespace.copied()),
            ..Scope::default()
        };
        let (args, span) = (&statement.args[1..], statement.span);
        let mut args = Args::new(args, span, found.word.form);
        if let Some(read) = found.read {
            let via = Via::Declared;
            read(owner, &mut Reader::new(self, &mut args, span, &scope, via));
        }
    }

    /// All `allow`s and `calls`, sorted by place.
    pub(super) fn flows(&mut self, settings: &[(ServiceId, Settings<'a>)]) -> Vec<Flow> {
        let mut flows: Vec<Flow> = Vec::new();
        for (namespace, statement) in self.index.allows.clone() {
            self.read_of_program(&mut flows, statement, namespace.as_ref());
        }
        for (_, settings) in settings {
            self.read_statements(&mut flows, settings);
        }
        for flow in &flows {
            self.add_numbered_port(flow);
        }
        flows.retain_mut(|flow| self.keep_read(&mut flow.from) && self.keep_read(&mut flow.to));
        flows.sort_by_key(|flow| flow.span);
        flows
    }

    /// Adds the port that a flow names by its number, if it leads to a raw workload.
    fn add_numbered_port(&mut self, flow: &Flow) {
        let (FlowPort::Named(name, span), [Peer::Service(to)], false) =
            (&flow.port, flow.to.peers.as_slice(), flow.to.is_pattern)
        else {
            return;
        };
        if let Some(Some(service)) = self.parts.services.get_mut(to.index()) {
            service.add_numbered_port(name, *span);
        }
    }

    /// The objects that `manifests` takes, sorted by file.
    pub(super) fn manifests(&mut self) -> Vec<Manifest> {
        let mut manifests = Manifests::default();
        for (namespace, statement) in self.index.manifests.clone() {
            self.read_of_program(&mut manifests, statement, namespace.as_ref());
        }
        let mut manifests = manifests.into_sorted();
        self.add_suffix_to_manifests(&mut manifests);
        manifests
    }

    /// `never` and `always`, sorted by place.
    pub(super) fn assertions(&mut self) -> Vec<Assertion> {
        let mut assertions: Vec<Assertion> = Vec::new();
        for statement in self.index.assertions.clone() {
            self.read_of_program(&mut assertions, statement, None);
        }
        assertions.retain_mut(|assertion| {
            self.keep_read(&mut assertion.from) && self.keep_read(&mut assertion.to)
        });
        assertions.sort_by_key(|assertion| assertion.span);
        assertions
    }

    /// Removes the services that could not be read, of which nothing is known that a flow could break; whether any peer
    /// is left.
    fn keep_read(&self, peers: &mut Peers) -> bool {
        let services = &self.parts.services;
        let is_missing = |id: &ServiceId| services.get(id.index()).is_some_and(Option::is_none);
        peers
            .peers
            .retain(|peer| !matches!(peer, Peer::Service(id) if is_missing(id)));
        !peers.peers.is_empty()
    }

    /// The port of a service by its name; reports one that is not there.
    pub(super) fn port_of(&mut self, service: ServiceId, name: &Ident) -> Option<PortId> {
        // A service that is broken was reported itself.
        let found = self.parts.services.get(service.index())?.as_ref()?;
        if let Some(index) = found.port(&name.text) {
            return Some(PortId { service, index });
        }
        let names: Vec<&str> = found.ports.iter().map(|p| p.name.value.as_str()).collect();
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_PORT,
            format!("`{}` has no port `{}`", found.name.value, name.text),
        )
        .at(name.span, "no such port")
        .also(
            found.name.span(),
            format!("its ports: {}", listed(names.iter().copied(), 9)),
        );
        diagnostic =
            diagnostic.did_you_mean(&name.text, name.span, names.iter().copied(), |diagnostic| {
                diagnostic.unless_said(found.name.span(), "port")
            });
        self.report(diagnostic);
        None
    }
}
