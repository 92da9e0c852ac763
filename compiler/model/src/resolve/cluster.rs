//! Clusters: the facts that a platform must fit. A cluster that `is` another overrides what it
//! says itself; `nodes` merges by field, so that only the size need be said again.

use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::settings::Settings;
use super::state::Declared;
use super::state::Resolver;
use crate::eval::Scope;
use crate::origin::{Sourced, Via};
use crate::platform::{Cluster, Nodes};
use crate::properties::BlockKind;
use crate::units::{Cpu, Memory};

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
        let mut cluster = Cluster::new(declared.sourced_name());
        self.read_statements(&mut cluster, &layers);
        cluster.doc = declared.statement.doc();
        if let Some(nodes) = &cluster.nodes {
            self.check_nodes(nodes);
        }
        // The controller may be a service that could not be read, which is reported there.
        let is_ingress_lost = layers.top("ingress").is_some() && cluster.ingress.is_none();
        let found = self.diagnostics.as_slice().len() > found_before;
        cluster.is_whole = !found && !is_ingress_lost;
        cluster
    }

    fn check_nodes(&mut self, nodes: &Sourced<Nodes>) {
        let (origin, nodes) = (nodes.origin, &nodes.value);
        if nodes.cpu == Cpu(0) || nodes.memory == Memory(0) {
            self.report(
                Diagnostic::new(
                    &codes::MISSING_PROPERTY,
                    "the nodes of a cluster must have CPU and memory",
                )
                .at(origin.span, "one of them is missing or zero")
                .help("it is written `nodes 3 of cpu 4, memory 16Gi, in 172.18.0.0/16`"),
            );
        } else if nodes.reserved >= nodes.memory {
            self.report(
                Diagnostic::new(
                    &codes::OUT_OF_RANGE,
                    format!(
                        "the system keeps {} of the {} that a node has",
                        nodes.reserved, nodes.memory
                    ),
                )
                .at(origin.span, "nothing is left for pods"),
            );
        }
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
                            "cyclic clusters: {}",
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
        let own = self.own_settings(declared.block, BlockKind::Cluster, &scope, Via::Declared);
        // `nodes` merges by field: a lower layer stays under a higher one.
        let mut settings = self.overlay(below, own);
        let place = BlockKind::Cluster;
        self.lay_profiles(
            &mut settings,
            None,
            declared,
            place,
            &scope,
            &mut Vec::new(),
        );
        settings
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
}
