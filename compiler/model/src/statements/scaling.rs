//! How many pods a service has: `replicas N`, or `scale MIN..MAX on …`.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::Expr;

use super::{Field, Reader};
use crate::eval::{Evaluator, Scope};
use crate::fact::{Fact, Plain};
use crate::origin::{Origin, Sourced};
use crate::shown::Names;
use crate::units::{Percent, Range};
use crate::value::{Type, Value};

/// How many replicas there are.
#[derive(Clone, Debug)]
pub enum Scaling {
    /// `replicas N`, default 1.
    Fixed(Sourced<u32>),
    /// `scale A..B on cpu P, memory P`: a HorizontalPodAutoscaler owns the number.
    Auto(Sourced<Autoscale>),
    /// `replicas per node`: one pod on each, with how many nodes the cluster declares.
    PerNode(Sourced<Option<u32>>),
}

/// `scale A..B on cpu P, memory P`; at least one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoscale {
    /// Least and greatest.
    pub replicas: Range<u32>,
    /// Target of CPU use, in percent of the request.
    pub cpu: Option<u32>,
    /// Target of memory use, in percent of the request.
    pub memory: Option<u32>,
}

impl Default for Scaling {
    fn default() -> Self {
        Self::Fixed(Sourced::default_of_language(1))
    }
}

impl Scaling {
    /// What says how many pods there are.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        match self {
            Self::Fixed(count) => count.origin,
            Self::Auto(auto) => auto.origin,
            Self::PerNode(nodes) => nodes.origin,
        }
    }

    /// Whether there may be more than one pod at a time.
    #[must_use]
    pub fn has_several(&self) -> bool {
        matches!(self, Self::PerNode(_)) || self.bounds().max > 1
    }

    /// The least and the greatest number of replicas; of one pod on each node, as many as there are known to be.
    #[must_use]
    pub fn bounds(&self) -> Range<u32> {
        match self {
            Self::Fixed(n) => Range::single(n.value),
            Self::Auto(auto) => auto.value.replicas,
            Self::PerNode(nodes) => Range::single(nodes.value.unwrap_or(1)),
        }
    }

    /// `N` or `per node`
    pub(super) fn read_replicas(reader: &mut Reader<'_, '_>) -> Option<Self> {
        if reader.peek_word("per") {
            let start = reader.here();
            reader.need_keyword("per")?;
            let end = reader.here();
            reader.need_keyword("node")?;
            reader.finish();
            return Some(Self::PerNode(reader.sourced(None, start.to(end))));
        }
        reader
            .count("a number of pods", 0..=10_000)
            .map(Self::Fixed)
    }

    /// `MIN..MAX on cpu PERCENT, memory PERCENT`; a path of a profile may set the bounds alone.
    pub(super) fn update_scale(&mut self, reader: &mut Reader<'_, '_>) {
        let below = match self {
            Self::Auto(below) => Some(&below.value),
            Self::Fixed(_) | Self::PerNode(_) => None,
        };
        *self = Autoscale::read(below, reader).map_or_else(Self::default, Self::Auto);
    }
}

impl Field for Scaling {
    type Read = Self;

    fn set(&mut self, read: Self) {
        *self = read;
    }

    fn facts(&self, _: &'static str, _: &dyn Names) -> Vec<Fact> {
        vec![match self {
            Self::Fixed(count) => {
                Fact::new("replicas", Plain::Number(count.value.into()), count.origin)
            }
            Self::Auto(auto) => Fact::shown("scale", auto),
            Self::PerNode(nodes) => {
                Fact::new("replicas", Plain::Text("per node".to_owned()), nodes.origin)
            }
        }]
    }

    fn origin(&self) -> Option<Origin> {
        Some(self.origin())
    }
}

impl Autoscale {
    fn read(below: Option<&Self>, reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let expr = reader.expr("the least and the greatest number of pods, `2..6`")?;
        let replicas = reader.get(expr, bounds);
        let mut scale = Self {
            replicas: Range { min: 1, max: 1 },
            cpu: None,
            memory: None,
        };
        match below.filter(|_| reader.path_part().is_some() && !reader.peek_word("on")) {
            Some(below) => {
                scale.clone_from(below);
                reader.finish();
            }
            None => {
                reader.need_keyword("on")?;
                scale.read_measures(reader);
            }
        }
        scale.replicas = replicas?;
        Some(reader.sourced(scale, expr.span))
    }

    /// `cpu 75%, memory 80%`
    fn read_measures(&mut self, reader: &mut Reader<'_, '_>) {
        reader.each_part(|reader, name, value| {
            let measure = match name.text.as_str() {
                "cpu" => &mut self.cpu,
                "memory" => &mut self.memory,
                other => {
                    let message = format!("an autoscaler has no measure `{other}`");
                    reader.report(
                        Diagnostic::new(&codes::UNKNOWN_NAME, message)
                            .at(name.span, "not a measure")
                            .help("it scales on `cpu`, on `memory`, or on both"),
                    );
                    return;
                }
            };
            let Some(share) = reader.get(value, Evaluator::percent) else {
                return;
            };
            if share.0 == 0 || !share.0.is_multiple_of(Percent::POINT) {
                let message = "an autoscaler aims at whole percents of the request, from 1%";
                reader.report(
                    Diagnostic::new(&codes::OUT_OF_RANGE, message)
                        .at(value.span, "not a whole percentage above 0%"),
                );
            }
            *measure = u32::try_from(share.0 / Percent::POINT).ok();
        });
    }
}

impl std::fmt::Display for Autoscale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on ", self.replicas)?;
        let measures = [("cpu", self.cpu), ("memory", self.memory)].into_iter();
        let set = measures.filter_map(|(name, share)| Some(format!("{name} {}%", share?)));
        f.write_str(&Vec::from_iter(set).join(", "))
    }
}

/// `2..6`
fn bounds(evaluator: &mut Evaluator<'_>, expr: &Expr, scope: &Scope) -> Option<Range<u32>> {
    let (Value::Int(min), Value::Int(max)) = evaluator.range(expr, scope, Type::Int)? else {
        return None;
    };
    match (u32::try_from(min), u32::try_from(max)) {
        (Ok(min), Ok(max)) if min >= 1 && max <= 10_000 => Some(Range { min, max }),
        _ => {
            let message = "an autoscaler keeps from 1 to 10000 pods";
            evaluator.report(
                Diagnostic::new(&codes::OUT_OF_RANGE, message).at(expr.span, "out of range"),
            );
            None
        }
    }
}
