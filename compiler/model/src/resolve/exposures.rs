//! What is reached from outside, and the hosts that profiles give to routes.

use std::collections::BTreeSet;

use super::settings::{Settings, Stack};
use super::state::Resolver;
use crate::platform::{Address, Route, ServiceId};
use crate::statements::Exposures;

impl<'a> Resolver<'a> {
    /// All `expose`s: routes and addresses.
    pub(super) fn exposures(
        &mut self,
        settings: &[(ServiceId, Settings<'a>)],
    ) -> (Vec<Route>, Vec<Address>) {
        let mut exposures = Exposures::default();
        for (namespace, statement) in self.index.exposes.clone() {
            self.read_of_program(&mut exposures, statement, namespace.as_ref());
        }
        for (_, settings) in settings {
            self.read_statements(&mut exposures, settings);
        }
        let Exposures {
            mut routes,
            mut addresses,
        } = exposures;
        routes.sort_by_key(|r| (r.port.service, r.span, r.host.span()));
        for (service, settings) in settings {
            self.hosts_of_profiles(*service, settings, &mut routes);
        }
        addresses.sort_by_key(|a| (a.port.service, a.span, a.port));
        (routes, addresses)
    }

    /// Gives the routes of a service the hosts that profiles set, each by the host that it replaces.
    fn hosts_of_profiles(
        &mut self,
        service: ServiceId,
        settings: &Settings<'a>,
        routes: &mut [Route],
    ) {
        let stacks: Vec<Stack<'a>> = settings.of("host").cloned().collect();
        if stacks.is_empty() {
            return;
        }
        let start = routes.partition_point(|route| route.port.service < service);
        let end = routes.partition_point(|route| route.port.service <= service);
        let own = routes[start..end].iter_mut();
        let own = own.map(|route| (route.host.value.clone(), route));
        let mut own: Vec<(String, &mut Route)> = own.collect();
        let hosts: BTreeSet<String> = own.iter().map(|(host, _)| host.clone()).collect();
        for stack in stacks {
            let Some(setting) = stack.last() else {
                continue;
            };
            let mut args = setting.args();
            let Some(expr) = args.need_expr("the host in quotes", &mut self.diagnostics) else {
                continue;
            };
            args.finish(&mut self.diagnostics);
            let Some(host) = self.text(expr, &setting.scope) else {
                continue;
            };
            let key = setting.key.as_str();
            let is_matched = hosts.contains(key) || (key.is_empty() && hosts.len() == 1);
            let mut is_useful = false;
            for (old, route) in own
                .iter_mut()
                .filter(|(old, _)| key.is_empty() || old == key)
            {
                if is_matched {
                    is_useful |= *old != host;
                    route.host = setting.sourced(expr.span, host.clone());
                }
            }
            if let Some(path) = setting.path {
                self.profile.routed(path.number, is_matched, is_useful);
            }
        }
    }
}
