//! Tiers: the order that `tiers` lines give, and the names by which namespaces and flows mean them.

use erpc_diagnostics::{Diagnostic, Span, codes, listed};
use erpc_syntax::tree::{Arg, BinaryOp, Expr, ExprKind, Ident, Statement};
use smol_str::SmolStr;

use super::state::Resolver;
use crate::ids::Id;
use crate::origin::Sourced;
use crate::platform::{Tier, TierId};
use crate::properties::{self, BlockKind};

impl Resolver<'_> {
    /// The tiers, lowest first, with everything below each.
    pub(super) fn tiers(&mut self) -> Vec<Tier> {
        let statements = self.index.tiers.clone();
        let mut names: Vec<Ident> = Vec::new();
        let mut above: Vec<(usize, usize, Span)> = Vec::new();
        for statement in statements {
            let line = self.tier_line(statement);
            let mut before: Option<usize> = None;
            for name in line {
                let at = names
                    .iter()
                    .position(|n| n.text == name.text)
                    .unwrap_or_else(|| {
                        self.check_name(&name, "tier");
                        names.push(name.clone());
                        names.len() - 1
                    });
                if let Some(before) = before {
                    above.push((before, at, name.span));
                }
                before = Some(at);
            }
        }
        self.order_tiers(&names, &above)
    }

    /// The tiers of one statement, lowest first.
    fn tier_line(&mut self, statement: &Statement) -> Vec<Ident> {
        let mut line = Vec::new();
        match statement.args.as_slice() {
            [_, Arg::Expr(expr)] if chain(expr, BinaryOp::Less, &mut line) => return line,
            [_, Arg::Expr(expr)] => {
                line.clear();
                if chain(expr, BinaryOp::Greater, &mut line) {
                    line.reverse();
                }
            }
            [_, rest @ ..] => {
                let names = rest.iter().step_by(2).filter_map(|arg| match arg {
                    Arg::Expr(expr) => expr.as_word().map(|word| Ident {
                        text: word.clone(),
                        span: expr.span,
                    }),
                    Arg::Sign(..) | Arg::Block(_) => None,
                });
                line.extend(names);
            }
            [] => {}
        }
        let behind = statement
            .args
            .get(1)
            .map_or(statement.span.after(), Arg::span);
        let span = behind.to(statement.args.last().map_or(behind, Arg::span));
        let form = properties::word("tiers", BlockKind::Program).map_or("", |w| w.form);
        let mut diagnostic = Diagnostic::new(
            &codes::WRONG_SHAPE,
            "tiers stand in their order, the lowest first, with `<` between them",
        )
        .at(span, "not in this form");
        if line.len() > 1 {
            let names: Vec<&str> = line.iter().map(|name| name.text.as_str()).collect();
            let meant = names.join(" < ");
            diagnostic = diagnostic.help(format!("write `tiers {meant}`"));
            // From a list it is a guess which of them is the lowest.
            if statement.args.len() == 2 {
                diagnostic = diagnostic.fix(format!("write `{meant}`"), span, meant);
            }
        } else {
            diagnostic = diagnostic.help(format!("it is written `{form}`"));
        }
        self.report(diagnostic);
        line
    }

    fn order_tiers(&mut self, names: &[Ident], above: &[(usize, usize, Span)]) -> Vec<Tier> {
        let mut above = above;
        let mut ranks = vec![0u32; names.len()];
        // Longest paths by relaxation: as many rounds as there are tiers, else there is a circle.
        for round in 0..=names.len() {
            let mut changed = None;
            for (low, high, span) in above {
                if ranks[*high] <= ranks[*low] {
                    ranks[*high] = ranks[*low] + 1;
                    changed = Some((*low, *high, *span));
                }
            }
            let Some((low, high, span)) = changed else {
                break;
            };
            if round == names.len() {
                self.report(
                    Diagnostic::new(
                        &codes::TIER_CYCLE,
                        format!(
                            "contradictory tiers: `{}` is both above and below `{}`",
                            names[high].text, names[low].text
                        ),
                    )
                    .at(span, "this closes the circle")
                    .also(names[high].span, "first named here"),
                );
                // Which of the two is meant is not known: no flow is judged by either.
                above = &[];
                ranks = vec![0; names.len()];
                break;
            }
        }
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|at| (ranks[*at], *at));
        let mut place = vec![0usize; names.len()];
        for (to, from) in order.iter().enumerate() {
            place[*from] = to;
        }
        let mut below: Vec<Vec<TierId>> = vec![Vec::new(); names.len()];
        for at in &order {
            let direct: Vec<usize> = above
                .iter()
                .filter(|(_, high, _)| high == at)
                .map(|(low, ..)| *low)
                .collect();
            let mut all: Vec<TierId> = Vec::new();
            for low in direct {
                all.push(TierId::from_index(place[low]));
                all.extend(below[low].iter().copied());
            }
            all.sort_unstable();
            all.dedup();
            below[*at] = all;
        }
        order
            .iter()
            .map(|at| Tier {
                name: Sourced::declared(names[*at].text.clone(), names[*at].span),
                below: below[*at].clone(),
                rank: ranks[*at],
            })
            .collect()
    }

    /// Whether something in a line of tiers is wrong, so that not all of them may be known.
    fn has_unread_tiers(&self) -> bool {
        self.index.tiers.iter().any(|line| {
            let mut found = self.diagnostics.as_slice().iter();
            found.any(|finding| {
                let span = finding.span();
                span.file == line.span.file
                    && line.span.start <= span.start
                    && span.end <= line.span.end
            })
        })
    }

    /// Adds the tier of namespaces whose own is not known: comparable with none, and without a name, so that no statement
    /// means it.
    pub(super) fn add_unnamed_tier(&mut self) -> TierId {
        self.parts.tiers.push(Tier {
            name: Sourced::default_of_language(SmolStr::default()),
            below: Vec::new(),
            rank: 0,
        });
        TierId::from_index(self.parts.tiers.len() - 1)
    }

    /// Removes that tier if each namespace has one of its own.
    pub(super) fn drop_unnamed_tier(&mut self, unnamed: TierId) {
        let mut namespaces = self.parts.namespaces.iter();
        match namespaces.find(|namespace| namespace.tier.value == unnamed) {
            Some(namespace) => {
                let origin = namespace.tier.origin;
                self.parts.tiers[unnamed.index()].name.origin = origin;
            }
            None => {
                self.parts.tiers.pop();
            }
        }
    }

    /// The names of the tiers, lowest first.
    pub(super) fn tier_names(&self) -> impl Iterator<Item = &SmolStr> {
        let names = self.parts.tiers.iter().map(|tier| &tier.name.value);
        names.filter(|name| !name.is_empty())
    }

    /// The tier with a name.
    pub(super) fn tier_of_name(&self, name: &str) -> Option<TierId> {
        let at = self.tier_names().position(|known| known == name)?;
        Some(TierId::from_index(at))
    }

    /// The tier that a namespace names; reports one that is not there.
    pub(super) fn tier_named(&mut self, name: &Ident) -> Option<TierId> {
        if let Some(tier) = self.tier_of_name(&name.text) {
            return Some(tier);
        }
        let is_said = !self.unknown_tiers.insert(name.text.clone());
        // It may be in the line that could not be read.
        if is_said || self.has_unread_tiers() {
            return None;
        }
        let names: Vec<SmolStr> = self.tier_names().cloned().collect();
        let names: Vec<&str> = names.iter().map(SmolStr::as_str).collect();
        let mut diagnostic = Diagnostic::new(
            &codes::UNKNOWN_NAME,
            format!("unknown tier `{}`", name.text),
        )
        .at(name.span, "not a tier");
        if let Some(first) = self.index.tiers.first() {
            diagnostic = diagnostic.also(first.span, "the tiers are declared here");
        }
        diagnostic =
            diagnostic.did_you_mean(&name.text, name.span, names.iter().copied(), |diagnostic| {
                if names.is_empty() {
                    diagnostic.help(format!("declare the tiers: `tiers {}`", name.text))
                } else {
                    diagnostic.help(format!(
                        "the tiers are {}; another one is put into their order in the `tiers` line",
                        listed(names.iter().copied(), 9)
                    ))
                }
            });
        self.report(diagnostic);
        None
    }
}

/// The names of a chain such as `a < b < c`, from left to right.
fn chain(expr: &Expr, of: BinaryOp, out: &mut Vec<Ident>) -> bool {
    match &expr.kind {
        ExprKind::Binary(op, left, right) if *op == of => {
            chain(left, of, out) && chain(right, of, out)
        }
        _ => match expr.as_word() {
            Some(word) => {
                out.push(Ident {
                    text: word.clone(),
                    span: expr.span,
                });
                true
            }
            None => false,
        },
    }
}
