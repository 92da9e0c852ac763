//! Clusters: the facts that a platform must fit. A cluster that `is` another overrides what it
//! says itself; `nodes` merges by field, so that only the size need be said again.

use std::net::IpAddr;
use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use erpc_syntax::tree::{Expr, Ident, Sign};
use ipnet::IpNet;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::settings::{Setting, Settings};
use super::state::Declared;
use super::state::Resolver;
use crate::args::Args;
use crate::eval::Scope;
use crate::kubernetes;
use crate::origin::{Origin, Sourced, Via};
use crate::platform::{
    ApiServer, Cluster, CniAbility, DnsFlavour, Ingress, IngressController, Mesh, Nodes,
    StorageClass, StorageProvision,
};
use crate::properties::Place;
use crate::units::{Cpu, Memory};
use crate::value::{Type, Value};

/// The most nodes that Kubernetes supports ("Considerations for large clusters").
const MAX_NODES: u32 = 5000;
/// How many clusters may extend each other, one below the other.
const MAX_CLUSTER_DEPTH: usize = 16;

impl<'a> Resolver<'a> {
    pub(super) fn clusters(&mut self) -> Vec<Cluster> {
        let all = self.index.clusters.clone();
        all.iter().map(|declared| self.cluster(declared)).collect()
    }

    fn cluster(&mut self, declared: &Declared<'a>) -> Cluster {
        let found_before = self.diagnostics.as_slice().len();
        let mut done = FxHashMap::default();
        let layers = self.cluster_layers(declared, &mut Vec::new(), &mut done);
        let ingress = layers.top("ingress").cloned();
        let (dns, dns_at) = self.dns(&layers);
        let (cni, cni_with) = self.cni(&layers);
        let names_ingress = ingress.is_some();
        let mut cluster = Cluster {
            name: Sourced::declared(declared.name.text.clone(), declared.name.span),
            doc: declared.statement.doc(),
            is_whole: true,
            kubernetes: self.version(&layers),
            nodes: self.nodes(&layers),
            pod_cidrs: self.cidrs_of(&layers, "pods"),
            service_cidrs: self.cidrs_of(&layers, "services"),
            api: self.api(&layers),
            dns,
            dns_at,
            cni,
            cni_with,
            mesh: self.mesh(&layers),
            storage: self.storage(&layers),
            ingress: ingress.and_then(|setting| self.ingress(&setting)),
        };
        // The controller may be a service that could not be read, which is reported there.
        let is_ingress_lost = names_ingress && cluster.ingress.is_none();
        let found = self.diagnostics.as_slice().len() > found_before;
        cluster.is_whole = !found && !is_ingress_lost;
        cluster
    }

    /// Reports once that clusters extend each other too deep; what follows is the same mistake.
    fn report_cluster_depth(&mut self, span: Span) {
        if std::mem::replace(&mut self.layers.is_too_deep, true) {
            return;
        }
        self.report(
            Diagnostic::new(
                &codes::EVALUATION_BUDGET,
                format!("clusters extend each other more than {MAX_CLUSTER_DEPTH} deep"),
            )
            .at(span, "one too deep"),
        );
    }

    /// The settings of a cluster over those of the one that it `is`; what is reached on many ways is
    /// looked at once.
    fn cluster_layers(
        &mut self,
        declared: &Declared<'a>,
        open: &mut Vec<SmolStr>,
        done: &mut FxHashMap<SmolStr, Settings<'a>>,
    ) -> Settings<'a> {
        let scope = Rc::new(Scope::default());
        let mut below = Vec::new();
        open.push(declared.name.text.clone());
        for base in &declared.bases {
            let Some(name) = base.as_word() else {
                self.report(
                    Diagnostic::new(&codes::WRONG_SHAPE, "a cluster is named here")
                        .at(base.span, "not a name"),
                );
                continue;
            };
            if open.contains(name) {
                self.report(
                    Diagnostic::new(
                        &codes::COMPONENT_CYCLE,
                        format!(
                            "clusters are made of each other: {}",
                            listed(open.iter().map(SmolStr::as_str), 9)
                        ),
                    )
                    .at(base.span, "this closes the circle"),
                );
                continue;
            }
            if let Some(known) = done.get(name) {
                below.push(known.clone());
                continue;
            }
            if open.len() >= MAX_CLUSTER_DEPTH {
                self.report_cluster_depth(base.span);
                continue;
            }
            let mut clusters = self.index.clusters.iter();
            match clusters.find(|c| c.name.text == *name).cloned() {
                Some(found) => {
                    let layers = self.cluster_layers(&found, open, done);
                    done.insert(name.clone(), layers.clone());
                    below.push(layers);
                }
                None => self.report_unknown_cluster(name, base.span),
            }
        }
        open.pop();
        let own = declared.block.map_or_else(Vec::new, |b| {
            self.own_settings(b, Place::Cluster, &scope, Via::Declared)
        });
        // `nodes` merges by field: a lower layer stays under a higher one.
        self.overlay(below, own)
    }

    pub(super) fn report_unknown_cluster(&mut self, name: &str, span: Span) {
        let known: Vec<SmolStr> = self
            .index
            .clusters
            .iter()
            .map(|c| c.name.text.clone())
            .collect();
        self.report(Diagnostic::unknown(
            &codes::UNKNOWN_NAME,
            "cluster",
            name,
            span,
            known.iter().map(SmolStr::as_str),
        ));
    }

    fn version(&mut self, layers: &Settings<'a>) -> Option<Sourced<SmolStr>> {
        let setting = layers.top("kubernetes")?.clone();
        let mut args = setting.args();
        let expr = args.need_expr("a version such as `1.36`", &mut self.diagnostics)?;
        args.finish(&mut self.diagnostics);
        let Value::Text(text) = self.eval(expr, &setting.scope, &Type::Version)? else {
            return None;
        };
        let minor = text
            .strip_prefix("1.")
            .and_then(|m| m.split('.').next())
            .and_then(|m| m.parse::<u32>().ok());
        match minor {
            Some(34..=37) => {}
            Some(_) => self.report(
                Diagnostic::new(
                    &codes::OUT_OF_RANGE,
                    format!("the output is for Kubernetes 1.34 to 1.37, not {text}"),
                )
                .at(expr.span, "not supported"),
            ),
            None => self.report(
                Diagnostic::new(
                    &codes::WRONG_TYPE,
                    format!("`{text}` is no version of Kubernetes"),
                )
                .at(expr.span, "not like `1.36`"),
            ),
        }
        Some(Sourced {
            value: text,
            origin: setting.origin(expr.span),
        })
    }

    fn nodes(&mut self, layers: &Settings<'a>) -> Option<Sourced<Nodes>> {
        let all: Vec<Setting<'a>> = layers.of("nodes").flatten().cloned().collect();
        let mut nodes: Option<(Nodes, Origin)> = None;
        for setting in all {
            let mut args = setting.args();
            let Some(count_expr) = args.need_expr("the number of nodes", &mut self.diagnostics)
            else {
                continue;
            };
            let Some(count) = self.int_within(count_expr, &setting.scope, 1, MAX_NODES) else {
                continue;
            };
            let origin = setting.origin(setting.statement.span);
            let mut value = nodes.take().map_or_else(Nodes::default, |(nodes, _)| nodes);
            value.count = count;
            if args.word("of").is_some() {
                self.node_fields(&mut args, &setting, &mut value);
            }
            args.finish(&mut self.diagnostics);
            nodes = Some((value, origin));
        }
        let (value, origin) = nodes?;
        if value.cpu == Cpu(0) || value.memory == Memory(0) {
            self.report(
                Diagnostic::new(
                    &codes::MISSING_PROPERTY,
                    "the nodes of a cluster have CPU and memory",
                )
                .at(origin.span, "not both are said, or one is zero")
                .help("it is written `nodes 3 of cpu 4, memory 16Gi, in 172.18.0.0/16`"),
            );
        } else if value.reserved >= value.memory {
            self.report(
                Diagnostic::new(
                    &codes::OUT_OF_RANGE,
                    format!(
                        "the system keeps {} of the {} that a node has",
                        value.reserved, value.memory
                    ),
                )
                .at(origin.span, "nothing is left for pods"),
            );
        }
        Some(Sourced { value, origin })
    }

    fn node_fields(&mut self, args: &mut Args<'a>, setting: &Setting<'a>, nodes: &mut Nodes) {
        loop {
            if args.word("in").is_some() {
                nodes.cidrs.clear();
                loop {
                    let expr = args.need_expr("a block of addresses", &mut self.diagnostics);
                    nodes
                        .cidrs
                        .extend(expr.and_then(|e| self.cidr(e, &setting.scope)));
                    if args.sign(Sign::Comma).is_none() {
                        return;
                    }
                }
            }
            let Some(name) = args.need_name(
                "`cpu`, `memory`, `reserved`, `arch` or `in`",
                &mut self.diagnostics,
            ) else {
                return;
            };
            let Some(expr) = args.need_expr(
                &format!("the value of `{}`", name.text),
                &mut self.diagnostics,
            ) else {
                return;
            };
            match name.text.as_str() {
                "cpu" => nodes.cpu = self.cpu(expr, &setting.scope).unwrap_or(nodes.cpu),
                "memory" => {
                    nodes.memory = self.memory(expr, &setting.scope).unwrap_or(nodes.memory);
                }
                "reserved" => {
                    nodes.reserved = self.memory(expr, &setting.scope).unwrap_or(nodes.reserved);
                }
                "arch" => nodes.arch = expr.as_word().cloned(),
                other => self.report_not_in(
                    "a node",
                    other,
                    name.span,
                    &["cpu", "memory", "reserved", "arch", "in"],
                ),
            }
            if args.sign(Sign::Comma).is_none() {
                return;
            }
        }
    }

    fn cidrs_of(&mut self, layers: &Settings<'a>, word: &'static str) -> Vec<Sourced<IpNet>> {
        let Some(setting) = layers.top(word).cloned() else {
            return Vec::new();
        };
        let mut args = setting.args();
        let list = self.cidr_list(&mut args, &setting.scope, |span| setting.origin(span));
        args.finish(&mut self.diagnostics);
        list
    }

    /// `10.0.0.0/8, 2001:db8::/32`; each with no bits behind its prefix, as Kubernetes asks.
    pub(super) fn cidr_list(
        &mut self,
        args: &mut Args<'a>,
        scope: &Scope,
        origin: impl Fn(Span) -> Origin,
    ) -> Vec<Sourced<IpNet>> {
        let mut out = Vec::new();
        loop {
            let Some(expr) = args.need_expr(
                "a block of addresses such as `10.0.0.0/8`",
                &mut self.diagnostics,
            ) else {
                return out;
            };
            if let Some(net) = self.cidr(expr, scope) {
                if net == net.trunc() {
                    out.push(Sourced {
                        value: net,
                        origin: origin(expr.span),
                    });
                } else {
                    let trunc = net.trunc();
                    self.report(
                        Diagnostic::new(
                            &codes::OUT_OF_RANGE,
                            format!("`{net}` has bits behind its prefix"),
                        )
                        .at(expr.span, "not the start of a block")
                        .help(format!("the block is `{trunc}`"))
                        .fix(
                            format!("write `{trunc}`"),
                            expr.span,
                            trunc.to_string(),
                        ),
                    );
                }
            }
            if args.sign(Sign::Comma).is_none() {
                return out;
            }
        }
    }

    fn api(&mut self, layers: &Settings<'a>) -> Vec<Sourced<ApiServer>> {
        let Some(setting) = layers.top("api").cloned() else {
            return Vec::new();
        };
        let mut args = setting.args();
        let mut out = Vec::new();
        while let Some(expr) = args.need_expr(
            "an address such as `172.18.0.2:6443`",
            &mut self.diagnostics,
        ) {
            if let Some(Value::Address(ip, port)) = self.eval(expr, &setting.scope, &Type::Address)
            {
                out.push(Sourced {
                    value: ApiServer {
                        ip,
                        port: port.unwrap_or(6443),
                    },
                    origin: setting.origin(expr.span),
                });
            }
            if args.sign(Sign::Comma).is_none() {
                break;
            }
        }
        args.finish(&mut self.diagnostics);
        out
    }

    fn dns(
        &mut self,
        layers: &Settings<'a>,
    ) -> (Option<Sourced<DnsFlavour>>, Vec<Sourced<IpAddr>>) {
        let Some(setting) = layers.top("dns").cloned() else {
            return (None, Vec::new());
        };
        let mut args = setting.args();
        let Some((flavour, span)) = self.choice(&mut args, "cluster DNS") else {
            return (None, Vec::new());
        };
        let mut addresses = Vec::new();
        if flavour == DnsFlavour::NodeLocal && args.word("at").is_some() {
            while let Some(expr) =
                args.need_expr("the ClusterIP of kube-dns", &mut self.diagnostics)
            {
                let address = self.eval(expr, &setting.scope, &Type::Address);
                if let Some(Value::Address(ip, _)) = address {
                    addresses.push(Sourced {
                        value: ip,
                        origin: setting.origin(expr.span),
                    });
                }
                if args.sign(Sign::Comma).is_none() {
                    break;
                }
            }
        }
        args.finish(&mut self.diagnostics);
        let dns = Sourced {
            value: flavour,
            origin: setting.origin(span),
        };
        (Some(dns), addresses)
    }

    fn cni(
        &mut self,
        layers: &Settings<'a>,
    ) -> (Option<Sourced<SmolStr>>, Vec<Sourced<CniAbility>>) {
        let Some(setting) = layers.top("cni").cloned() else {
            return (None, Vec::new());
        };
        let mut args = setting.args();
        let what = "the name of the network plugin";
        let Some(name) = args.need_name(what, &mut self.diagnostics) else {
            return (None, Vec::new());
        };
        let mut with = Vec::new();
        if args.word("with").is_some() {
            while !args.is_empty() {
                let ability = self.choice(&mut args, "a network plugin");
                with.extend(ability.map(|(ability, span)| setting.sourced(span, ability)));
                if args.sign(Sign::Comma).is_none() {
                    break;
                }
            }
        }
        args.finish(&mut self.diagnostics);
        let name = Sourced {
            origin: setting.origin(name.span),
            value: name.text,
        };
        (Some(name), with)
    }

    fn mesh(&mut self, layers: &Settings<'a>) -> Option<Sourced<Mesh>> {
        let setting = layers.top("mesh")?.clone();
        let mut args = setting.args();
        let mesh = self.choice(&mut args, "a service mesh");
        args.finish(&mut self.diagnostics);
        mesh.map(|(mesh, span)| setting.sourced(span, mesh))
    }

    fn storage(&mut self, layers: &Settings<'a>) -> Vec<StorageClass> {
        let all: Vec<Setting<'a>> = layers
            .of("storage")
            .filter_map(|s| s.last().cloned())
            .collect();
        all.iter()
            .filter_map(|setting| self.storage_class(setting))
            .collect()
    }

    fn storage_class(&mut self, setting: &Setting<'a>) -> Option<StorageClass> {
        let mut args = setting.args();
        let name = args.need_name("the storage class's name", &mut self.diagnostics)?;
        self.check_name(&name, "storage class");
        let is_default = args.word("default").is_some();
        let size = if args.word("of").is_some() {
            let expr = args.need_expr("the size of all claims together", &mut self.diagnostics)?;
            let size = self.memory(expr, &setting.scope)?;
            if size == Memory(0) {
                self.report(
                    Diagnostic::new(&codes::OUT_OF_RANGE, "a storage class holds something")
                        .at(expr.span, "nothing"),
                );
            }
            Some(Sourced {
                value: size,
                origin: setting.origin(expr.span),
            })
        } else {
            None
        };
        let mut create = None;
        if args.word("create").is_some() {
            args.need_word("provisioner", &mut self.diagnostics)?;
            let expr = args.need_expr("the provisioner in quotes", &mut self.diagnostics)?;
            let provisioner = self.text(expr, &setting.scope);
            if let Some(text) = &provisioner {
                // The API server checks it in lower case.
                let lower = text.to_lowercase();
                self.check_text("provisioner", &lower, expr.span, kubernetes::not_a_key);
            }
            let mut provision = StorageProvision {
                provisioner: String::new(),
                wait: false,
                retain: true,
            };
            while !args.is_empty() {
                if args.word("wait").is_some() {
                    provision.wait = true;
                } else if args.word("reclaim").is_some() {
                    if args.word("delete").is_some() {
                        provision.retain = false;
                    } else {
                        args.need_word("retain", &mut self.diagnostics)?;
                    }
                } else {
                    args.finish(&mut self.diagnostics);
                }
            }
            provision.provisioner = provisioner?;
            create = Some(provision);
        }
        args.finish(&mut self.diagnostics);
        Some(StorageClass {
            name: Sourced {
                origin: setting.origin(name.span),
                value: name.text,
            },
            is_default,
            size,
            create,
        })
    }

    fn ingress(&mut self, setting: &Setting<'a>) -> Option<Ingress> {
        let mut args = setting.args();
        let class = self.ingress_class(&mut args)?;
        self.check_text(
            "IngressClass",
            &class.text,
            class.span,
            kubernetes::not_a_subdomain,
        );
        args.need_word("by", &mut self.diagnostics)?;
        let controller = if args.word("nodes").is_some() {
            IngressController::Nodes
        } else if args.word("pods").is_some() {
            self.ingress_pods(&mut args, &setting.scope)?
        } else {
            let expr = args.need_expr(
                "the service and port that serve, `ns.service:port`",
                &mut self.diagnostics,
            )?;
            self.ingress_service(expr, &mut args)?
        };
        args.finish(&mut self.diagnostics);
        Some(Ingress {
            class: Sourced {
                origin: setting.origin(class.span),
                value: class.text,
            },
            controller,
        })
    }

    /// The name of an IngressClass, which is a DNS subdomain: dots are part of it.
    fn ingress_class(&mut self, args: &mut Args<'a>) -> Option<Ident> {
        let span = args.here();
        let text = self.loaded.sources.text(span).to_owned();
        let is_subdomain = text.contains('.')
            && text.split('.').all(|part| {
                let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                !part.is_empty()
                    && part.bytes().all(is_part)
                    && !part.starts_with('-')
                    && !part.ends_with('-')
            });
        if is_subdomain && args.expr().is_some() {
            return Some(Ident {
                text: text.into(),
                span,
            });
        }
        args.need_name("the ingress class", &mut self.diagnostics)
    }

    fn ingress_pods(&mut self, args: &mut Args<'a>, scope: &Scope) -> Option<IngressController> {
        let namespace = args.need_name("the controller's namespace", &mut self.diagnostics)?;
        self.check_text(
            "namespace",
            &namespace.text,
            namespace.span,
            kubernetes::not_a_label,
        );
        let (texts, span) = self.texts_of(args, scope, "a label in quotes, `\"app=ingress\"`")?;
        let mut labels = Vec::new();
        for text in texts {
            let Some((key, value)) = text.split_once('=') else {
                self.report(
                    Diagnostic::new(&codes::WRONG_SHAPE, format!("`{text}` is no label"))
                        .at(span, "no `=`")
                        .help("a label is written `\"key=value\"`"),
                );
                continue;
            };
            let wrong = kubernetes::not_a_key(key)
                .map(|why| ("key", key, why))
                .or_else(|| kubernetes::not_a_value(value).map(|why| ("value", value, why)));
            if let Some((what, part, why)) = wrong {
                self.report(
                    Diagnostic::new(
                        &codes::BAD_NAME,
                        format!("invalid label {what} `{}`: {why}", part.escape_debug()),
                    )
                    .at(span, format!("the {what} of a label")),
                );
                continue;
            }
            labels.push((key.into(), value.into()));
        }
        labels.sort();
        Some(IngressController::Pods {
            namespace: namespace.text,
            labels,
        })
    }

    /// `ns.service:port, port`: the named ports are looked up when services are known.
    fn ingress_service(&mut self, expr: &Expr, args: &mut Args<'a>) -> Option<IngressController> {
        let mut ports = Vec::new();
        let (service, first) = self.service_and_port(expr, None)?;
        ports.push(first);
        while args.sign(Sign::Comma).is_some() {
            let name = args.need_name("another port of the controller", &mut self.diagnostics)?;
            ports.push(name);
        }
        self.ingress_ports.push((service, ports));
        // Filled in by `late_ports`, when the ports of services have ids.
        Some(IngressController::Service(service, Vec::new()))
    }
}
