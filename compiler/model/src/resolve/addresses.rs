//! The addresses of services in texts: from the marks that evaluation leaves to names and ports, so that a renamed
//! service and a moved port are followed.

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use erpc_syntax::tree::Ident;

use super::state::Resolver;
use crate::eval::{Asked, END, START};
use crate::platform::{AddressUse, Container, EnvValue, Service, ServiceId};

/// An address whose service is known.
struct Address {
    to: ServiceId,
    /// The port; `None` if only the host is requested.
    port: Option<Ident>,
    span: Span,
}

impl Resolver<'_> {
    /// Puts the addresses into the texts of all services.
    pub(super) fn fill_addresses(&mut self) {
        let asked = std::mem::take(&mut self.addresses);
        if asked.is_empty() {
            return;
        }
        let asked: Vec<Option<Address>> = asked
            .iter()
            .map(|asked| self.address_named(asked))
            .collect();
        let texts: Vec<Option<String>> = asked
            .iter()
            .map(|asked| self.address_text(asked.as_ref()?))
            .collect();
        for service in self.parts.services.iter_mut().flatten() {
            let mut used = Vec::new();
            for text in texts_of(service) {
                fill(text, &texts, &mut used);
            }
            used.sort_unstable();
            used.dedup();
            // One that was found to be wrong needs no flow.
            let used = used.into_iter().filter(|at| texts[*at].is_some());
            service.addresses = used
                .filter_map(|at| asked[at].as_ref())
                .map(|address| AddressUse {
                    to: address.to,
                    port: address.port.as_ref().map(|port| port.text.clone()),
                    span: address.span,
                })
                .collect();
        }
    }

    /// The service and port that an address names.
    fn address_named(&mut self, asked: &Asked) -> Option<Address> {
        let namespace = asked.namespace;
        let (to, port) = if asked.has_port {
            let (to, port) = self.service_and_port_named(&asked.name, namespace)?;
            (to, Some(port))
        } else {
            (self.service_named(&asked.name, namespace)?, None)
        };
        Some(Address {
            to,
            port,
            span: asked.span,
        })
    }

    /// `service.namespace.svc`, with the number of the port behind it if one is requested.
    fn address_text(&mut self, asked: &Address) -> Option<String> {
        // A service that could not be read is reported there.
        let service = self.parts.services.get(asked.to.index())?.as_ref()?;
        let namespace = &self.parts.namespaces[service.namespace.index()].name.value;
        let host = |port: Option<&str>| {
            let name = service.service_name(port);
            name.map(|name| format!("{name}.{namespace}.svc"))
        };
        let Some(port) = &asked.port else {
            let host = host(None);
            if host.is_none() && service.is_whole {
                let why = match service.ports.is_empty() {
                    true => "has no port, and so no name in DNS",
                    false => "has no Service, and so no name in DNS",
                };
                self.evaluator.report(
                    Diagnostic::new(
                        &codes::UNKNOWN_PORT,
                        format!("`{}` {why}", service.name.value),
                    )
                    .at(asked.span, "this name would not resolve")
                    .also(service.name.span(), "declared here"),
                );
            }
            return host;
        };
        let Some(found) = service.ports.iter().find(|p| p.name.value == port.text) else {
            if service.is_whole {
                self.evaluator.report(no_port(service, port));
            }
            return None;
        };
        if found.last != found.number.value {
            self.evaluator.report(
                Diagnostic::new(
                    &codes::WRONG_SHAPE,
                    format!(
                        "`{}` is a range of ports, and an address has one",
                        port.text
                    ),
                )
                .at(port.span, "several ports")
                .also(found.number.span(), "declared here")
                .help("take `host(…)`, and write the number behind it"),
            );
            return None;
        }
        let Some(host) = host(Some(&port.text)) else {
            let message = format!(
                "no Service of `{}` has the port `{}`",
                service.name.value, port.text
            );
            self.evaluator.report(
                Diagnostic::new(&codes::UNKNOWN_PORT, message)
                    .at(asked.span, "this name would not resolve")
                    .also(found.number.span(), "declared here")
                    .help("add the port to a `service` of its `identity`"),
            );
            return None;
        };
        Some(format!("{host}:{}", found.number.value))
    }
}

fn no_port(service: &Service, port: &Ident) -> Diagnostic {
    let known: Vec<&str> = service
        .ports
        .iter()
        .map(|p| p.name.value.as_str())
        .collect();
    let diagnostic = Diagnostic::new(
        &codes::UNKNOWN_PORT,
        format!("`{}` has no port `{}`", service.name.value, port.text),
    )
    .at(port.span, "declared nowhere")
    .also(
        service.name.span(),
        match known.is_empty() {
            true => "it declares no port".to_owned(),
            false => format!("its ports: {}", listed(known.iter().copied(), 12)),
        },
    );
    diagnostic.did_you_mean(&port.text, port.span, known.iter().copied(), |diagnostic| {
        diagnostic
    })
}

/// The texts of a service in which an address may stand.
fn texts_of(service: &mut Service) -> impl Iterator<Item = &mut String> {
    let Service {
        main, statements, ..
    } = service;
    let containers = std::iter::once(main)
        .chain(&mut statements.sidecars)
        .chain(&mut statements.inits);
    let files = statements
        .configs
        .iter_mut()
        .flat_map(|config| &mut config.files);
    containers
        .flat_map(texts_of_container)
        .chain(files.map(|(_, text)| &mut text.value))
}

fn texts_of_container(container: &mut Container) -> impl Iterator<Item = &mut String> {
    let env = container.env.iter_mut();
    let env = env.filter_map(|variable| match &mut variable.value.value {
        EnvValue::Text(text) => Some(text),
        EnvValue::Secret(..) => None,
    });
    let lists = [&mut container.command, &mut container.args];
    let lists = lists.into_iter().flatten();
    env.chain(lists.flat_map(|list| &mut list.value))
}

/// Puts addresses for the marks of a text; which they are is added to `used`.
fn fill(text: &mut String, texts: &[Option<String>], used: &mut Vec<usize>) {
    if !text.contains(START) {
        return;
    }
    let mut filled = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once(START) {
        filled.push_str(before);
        let mark = behind.split_once(END).and_then(|(number, behind)| {
            let number = number.parse::<usize>().ok()?;
            Some((number, texts.get(number)?, behind))
        });
        match mark {
            Some((number, address, behind)) => {
                used.push(number);
                filled.push_str(address.as_deref().unwrap_or_default());
                rest = behind;
            }
            // A character of the program's own.
            None => {
                filled.push(START);
                rest = behind;
            }
        }
    }
    filled.push_str(rest);
    *text = filled;
}

#[cfg(test)]
mod tests {
    use super::{END, START, fill};

    #[test]
    fn marks_are_filled_and_all_else_is_kept() {
        let texts = [Some("queue.data.svc:4222".to_owned()), None];
        let filled = |text: &str| {
            let (mut text, mut used) = (text.to_owned(), Vec::new());
            fill(&mut text, &texts, &mut used);
            (text, used)
        };
        let mark = |number: usize| format!("{START}{number}{END}");
        assert_eq!(filled("plain"), ("plain".to_owned(), vec![]));
        assert_eq!(
            filled(&format!("nats://{},{}/", mark(0), mark(0))),
            (
                "nats://queue.data.svc:4222,queue.data.svc:4222/".to_owned(),
                vec![0, 0]
            )
        );
        assert_eq!(filled(&mark(1)), (String::new(), vec![1]));
        let foreign = format!("{START}x{}{START}", mark(7));
        assert_eq!(filled(&foreign), (foreign.clone(), vec![]));
    }
}
