//! Objectives of services: `slo availability …` and `slo latency …`.

use erpc_diagnostics::{Diagnostic, codes};
use erpc_syntax::tree::{BinaryOp, ExprKind, NumberLiteral};

use super::{Reader, group};
use crate::eval::Evaluator;
use crate::fact::{Fact, Plain};
use crate::origin::Sourced;
use crate::shown::{Names, Shown};
use crate::units::{Duration, Percent};
use crate::value::{Type, Value, number_as};

/// A promise of availability over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Availability {
    /// The share of good time.
    pub share: Percent,
    /// The window [default: 30 days].
    pub over: Duration,
}

/// A promise of latency: `slo latency p95 < 300ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The share of requests.
    pub quantile: Percent,
    /// The bound.
    pub below: Duration,
}

/// What one statement promises.
pub(crate) enum Promise {
    Availability(Sourced<Availability>),
    Latency(Sourced<Latency>),
}

impl Promise {
    pub(crate) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        let promise = if reader.word("availability") {
            Availability::read(reader).map(Self::Availability)
        } else if reader.word("latency") {
            Latency::read(reader).map(Self::Latency)
        } else {
            reader.expected("`availability` or `latency`");
            None
        };
        reader.finish();
        promise
    }
}

impl Availability {
    /// For each service of a namespace; a latency is a promise of one service.
    pub(super) fn read_default(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        match Promise::read(reader)? {
            Promise::Availability(availability) => Some(availability),
            Promise::Latency(_) => None,
        }
    }

    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let expr = reader.expr("a percentage such as `99.9%`")?;
        let share = reader.get(expr, Evaluator::percent);
        let mut over = Duration(30 * 86_400_000);
        if reader.word("over") {
            let expr = reader.expr("a time such as `30d`")?;
            over = reader.get(expr, Evaluator::duration)?;
            if over.0 == 0 {
                let message = "invalid window of an SLO: must be greater than zero";
                return reader.refuse(
                    Diagnostic::new(&codes::OUT_OF_RANGE, message).at(expr.span, "no time"),
                );
            }
        }
        let share = share?;
        if share.0 == 0 || share >= Percent::ONE {
            return reader.refuse(
                Diagnostic::new(
                    &codes::OUT_OF_RANGE,
                    format!("invalid SLO `{share}`: must be between 0% and 100%"),
                )
                .at(expr.span, "out of range")
                .help(
                    "what is left to 100% is the error budget, out of which every change is paid",
                ),
            );
        }
        Some(reader.sourced(Self { share, over }, expr.span))
    }
}

impl Latency {
    fn read(reader: &mut Reader<'_, '_>) -> Option<Sourced<Self>> {
        let expr = reader.expr("a quantile and a bound, `p95 < 300ms`")?;
        let ExprKind::Binary(BinaryOp::Less, quantile, bound) = &expr.kind else {
            return reader.refuse(
                Diagnostic::new(
                    &codes::WRONG_SHAPE,
                    "a quantile and a bound are expected here",
                )
                .at(expr.span, "not both")
                .help("it is written `slo latency p95 < 300ms`"),
            );
        };
        let digits = quantile.as_word().and_then(|word| word.strip_prefix('p'));
        let share = digits.and_then(|digits| {
            let number = NumberLiteral {
                digits: digits.into(),
                suffix: "%".into(),
            };
            number_as(&number, &Type::Percent).ok()
        });
        let below = reader.get(bound, Evaluator::duration);
        match share {
            Some(Value::Percent(share)) if share.0 > 0 && share < Percent::ONE => {
                let (quantile, below) = (share, below?);
                Some(reader.sourced(Self { quantile, below }, expr.span))
            }
            _ => reader.refuse(
                Diagnostic::new(
                    &codes::OUT_OF_RANGE,
                    "a quantile is `p` with a number between 0 and 100",
                )
                .at(quantile.span, "not a quantile")
                .help("it is written `p95` or `p99`"),
            ),
        }
    }
}

impl Shown for Availability {
    fn show(&self, _: &dyn Names) -> String {
        format!("{} over {}", self.share, self.over)
    }
}

impl Shown for Latency {
    fn show(&self, _: &dyn Names) -> String {
        format!("< {}", self.below)
    }
}

/// The rows of `slo`.
pub(crate) fn facts(
    availability: Option<&Sourced<Availability>>,
    latency: &[Sourced<Latency>],
) -> Vec<Fact> {
    let mut rows = Vec::new();
    rows.extend(availability.map(|slo| {
        let text = format!("{} over {}", slo.value.share, slo.value.over);
        Fact::new("availability", Plain::Text(text), slo.origin)
    }));
    rows.extend(latency.iter().map(|slo| {
        let quantile = slo.value.quantile.to_string();
        let name = format!("latency p{}", quantile.trim_end_matches('%'));
        let text = format!("< {}", slo.value.below);
        Fact::new(name, Plain::Text(text), slo.origin)
    }));
    group("slo", rows)
}
