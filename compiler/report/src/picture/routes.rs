//! The routes of lines: out of a side of one box, through a gap in every row between, into a side of
//! the other. In a row a line runs straight down its gap; between rows it curves.

use std::collections::BTreeMap;

use erpc_model::NamespaceId;

use super::layout::{BOX_HEIGHT, Builder, MARGIN, Rect, Routed};
use super::{Anchor, Line};

/// Where a line leaves or enters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Top,
    Bottom,
}

pub(super) struct Router<'b, 'v, 'p> {
    builder: &'b Builder<'v, 'p>,
    /// By row: the gaps from left to right, each with how many lines pass it.
    gaps: Vec<Vec<(i32, i32, usize)>>,
    frames: BTreeMap<NamespaceId, usize>,
}

/// A line at a side of its anchor: where it would like to be, its place, whether it starts here.
type Attached = (i32, usize, bool);
/// A line in a gap: where it would like to be, its place, the number of the gap on its route.
type Passing = (i32, usize, usize);

/// How many gaps to each side of the nearest a line may take.
const NEAR: usize = 8;

/// The route of a line: the gaps that it passes, by row and place.
struct LineRoute {
    line: Line,
    from: (Anchor, Side),
    to: (Anchor, Side),
    gaps: Vec<(usize, usize)>,
}

impl<'b, 'v, 'p> Router<'b, 'v, 'p> {
    pub(super) fn new(builder: &'b Builder<'v, 'p>) -> Self {
        let gaps = builder.rows.iter().map(|row| {
            let mut gaps = Vec::with_capacity(row.members.len() + 1);
            let mut left = i32::MIN / 4;
            for member in &row.members {
                let rect = builder.boxes[*member].rect;
                gaps.push((left, rect.x, 0));
                left = rect.x + rect.w;
            }
            gaps.push((left, i32::MAX / 4, 0));
            gaps
        });
        let frames = builder.frames.iter().enumerate();
        Self {
            builder,
            gaps: gaps.collect(),
            frames: frames.map(|(at, frame)| (frame.namespace, at)).collect(),
        }
    }

    fn rect(&self, anchor: Anchor) -> Rect {
        match anchor {
            Anchor::Node(end) => self.builder.boxes[self.builder.at[&end].0].rect,
            Anchor::Namespace(id) => self.builder.frames[self.frames[&id]].rect,
        }
    }

    /// The lowest and the highest row of an anchor.
    fn rows(&self, anchor: Anchor) -> (usize, usize) {
        match anchor {
            Anchor::Node(end) => {
                let row = self.builder.at[&end].1;
                (row, row)
            }
            Anchor::Namespace(id) => self.builder.frames[self.frames[&id]].rows,
        }
    }

    pub(super) fn route(mut self, lines: Vec<Line>) -> Vec<Routed> {
        let routes: Vec<LineRoute> = lines
            .into_iter()
            .map(|line| self.route_line(line))
            .collect();
        let slots = self.slots(&routes);
        let passes = self.passes(&routes, &slots);
        let routed = routes.into_iter().enumerate().map(|(at, route)| {
            let (start, end) = slots[at];
            let path = self.path(&route, start, end, &passes[at]);
            Routed {
                line: route.line,
                path,
            }
        });
        routed.collect()
    }

    /// Which sides a line leaves and enters at, and which gaps it passes.
    fn route_line(&mut self, line: Line) -> LineRoute {
        let (from, to) = (self.rows(line.from), self.rows(line.to));
        let (leave, enter, between) = if from.0 > to.1 {
            (
                Side::Bottom,
                Side::Top,
                ((to.1 + 1)..from.0).rev().collect::<Vec<_>>(),
            )
        } else if from.1 < to.0 {
            (Side::Top, Side::Bottom, ((from.1 + 1)..to.0).collect())
        } else {
            (Side::Bottom, Side::Bottom, Vec::new())
        };
        let (a, b) = (self.rect(line.from), self.rect(line.to));
        let (start, end) = (a.x + a.w / 2, b.x + b.w / 2);
        let steps = i32::try_from(between.len()).unwrap_or(1) + 1;
        let mut gaps = Vec::with_capacity(between.len());
        let mut x = start;
        for (step, row) in (1..).zip(&between) {
            // Half where the last gap was, half where a straight line would be.
            let straight = start + (end - start) * step / steps;
            let ideal = i32::midpoint(x, straight);
            // A gap far away is never better, so that only the nearest are looked at.
            let all = &self.gaps[*row];
            let nearest = all.partition_point(|gap| gap.1 < ideal);
            let window = nearest.saturating_sub(NEAR)..(nearest + NEAR + 1).min(all.len());
            let near = all[window.clone()].iter().enumerate();
            let choice = near.min_by_key(|(_, gap)| {
                let (left, right, load) = **gap;
                let near = ideal.clamp(left + 6, (right - 6).max(left + 6));
                let load = i32::try_from(load).unwrap_or(i32::MAX / 64);
                (near - ideal).abs().saturating_add(load.saturating_mul(7))
            });
            if let Some((place, gap)) = choice {
                let place = window.start + place;
                x = ideal.clamp(gap.0 + 6, (gap.1 - 6).max(gap.0 + 6));
                gaps.push((*row, place));
            }
            if let Some((row, place)) = gaps.last() {
                self.gaps[*row][*place].2 += 1;
            }
        }
        LineRoute {
            from: (line.from, leave),
            to: (line.to, enter),
            line,
            gaps,
        }
    }

    fn middle(&self, gap: (usize, usize)) -> i32 {
        let (left, right, _) = self.gaps[gap.0][gap.1];
        // The outermost gaps are endless to one side.
        if left < i32::MIN / 8 {
            right - 30
        } else if right > i32::MAX / 8 {
            left + 30
        } else {
            i32::midpoint(left, right)
        }
    }

    /// Where each line leaves and enters: spread over the side of its anchor, in the order of where
    /// it comes from or goes to.
    fn slots(&self, routes: &[LineRoute]) -> Vec<(i32, i32)> {
        let mut sides: BTreeMap<(Anchor, Side), Vec<Attached>> = BTreeMap::new();
        let middle = |anchor: Anchor| {
            let rect = self.rect(anchor);
            rect.x + rect.w / 2
        };
        for (at, route) in routes.iter().enumerate() {
            let first = route
                .gaps
                .first()
                .map_or_else(|| middle(route.to.0), |gap| self.middle(*gap));
            let last = route
                .gaps
                .last()
                .map_or_else(|| middle(route.from.0), |gap| self.middle(*gap));
            sides.entry(route.from).or_default().push((first, at, true));
            sides.entry(route.to).or_default().push((last, at, false));
        }
        let mut slots = vec![(0, 0); routes.len()];
        for ((anchor, _), mut users) in sides {
            users.sort_unstable();
            let rect = self.rect(anchor);
            let count = i32::try_from(users.len()).unwrap_or(i32::MAX);
            for (n, (wanted, at, is_start)) in (0..).zip(users) {
                let even = rect.x + rect.w * (n + 1) / (count + 1);
                // A frame is wide: there a line may leave where it wants to go.
                let x = match anchor {
                    Anchor::Namespace(_) => {
                        wanted.clamp(rect.x + 24, rect.x + rect.w - 24) / 2 + even / 2
                    }
                    Anchor::Node(_) => even,
                };
                if is_start {
                    slots[at].0 = x;
                } else {
                    slots[at].1 = x;
                }
            }
        }
        slots
    }

    /// Where each line passes its gaps: lines in one gap are spread over it in the order of where
    /// they come from.
    fn passes(&self, routes: &[LineRoute], slots: &[(i32, i32)]) -> Vec<Vec<i32>> {
        let mut users: BTreeMap<(usize, usize), Vec<Passing>> = BTreeMap::new();
        for (at, route) in routes.iter().enumerate() {
            for (n, gap) in route.gaps.iter().enumerate() {
                let before = if n == 0 {
                    slots[at].0
                } else {
                    self.middle(route.gaps[n - 1])
                };
                let after = route
                    .gaps
                    .get(n + 1)
                    .map_or(slots[at].1, |gap| self.middle(*gap));
                users.entry(*gap).or_default().push((before + after, at, n));
            }
        }
        let mut passes: Vec<Vec<i32>> = routes
            .iter()
            .map(|route| vec![0; route.gaps.len()])
            .collect();
        for ((row, place), mut users) in users {
            users.sort_unstable();
            let (left, right, _) = self.gaps[row][place];
            let count = i32::try_from(users.len()).unwrap_or(i32::MAX);
            let (left, right) = if left < i32::MIN / 8 {
                (right - 8 - (5 * count).min(MARGIN + right - 16), right - 4)
            } else if right > i32::MAX / 8 {
                (left + 4, left + 8 + 5 * count)
            } else if right - left > 6 * (count + 1) {
                // A wide gap: near to where the lines want to be.
                let wanted = users
                    .iter()
                    .map(|(sum, ..)| i64::from(*sum) / 2)
                    .sum::<i64>()
                    / i64::from(count);
                let half = 3 * (count + 1);
                let middle = i32::try_from(wanted)
                    .unwrap_or(left)
                    .clamp(left + half, right - half);
                (middle - half, middle + half)
            } else {
                (left, right)
            };
            for (n, (_, at, step)) in (0..).zip(users) {
                passes[at][step] = left + (right - left) * (n + 1) / (count + 1);
            }
        }
        passes
    }

    fn path(&self, route: &LineRoute, start: i32, end: i32, passes: &[i32]) -> String {
        let (from, to) = (self.rect(route.from.0), self.rect(route.to.0));
        let y = |rect: Rect, side: Side| {
            if side == Side::Top {
                rect.y
            } else {
                rect.y + rect.h
            }
        };
        let (start_y, end_y) = (y(from, route.from.1), y(to, route.to.1));
        if route.from.1 == route.to.1 {
            return self_or_beside(route, from, (start, start_y), (end, end_y));
        }
        let down = if route.from.1 == Side::Bottom { 1 } else { -1 };
        // The tip of an arrow stands off its box.
        let end_y = end_y - down * 2;
        let mut path = format!("M{start} {start_y}");
        let mut at = (start, start_y);
        let mut curve = |to: (i32, i32), at: (i32, i32)| {
            let bend = down * ((to.1 - at.1).abs() / 2).max(12);
            path.push_str(&format!(
                "C{} {} {} {} {} {}",
                at.0,
                at.1 + bend,
                to.0,
                to.1 - bend,
                to.0,
                to.1
            ));
        };
        let mut verticals = Vec::new();
        for ((row, _), x) in route.gaps.iter().zip(passes) {
            let top = self.builder.rows[*row].top;
            let (enter, leave) = if down == 1 {
                (top, top + BOX_HEIGHT)
            } else {
                (top + BOX_HEIGHT, top)
            };
            curve((*x, enter), at);
            verticals.push(leave);
            at = (*x, leave);
        }
        curve((end, end_y), at);
        // After each curve but the last the line runs straight through its gap.
        let mut pieces = path.split('C');
        let mut whole = pieces.next().unwrap_or_default().to_owned();
        let mut leaves = verticals.into_iter();
        for piece in pieces {
            whole.push('C');
            whole.push_str(piece);
            if let Some(leave) = leaves.next() {
                whole.push_str(&format!("V{leave}"));
            }
        }
        whole
    }
}

/// A line of a service to itself, or between two in one row: through the channel below.
fn self_or_beside(route: &LineRoute, from: Rect, start: (i32, i32), end: (i32, i32)) -> String {
    if route.from.0 == route.to.0 {
        let (x, y) = (from.x + from.w, from.y + from.h / 2);
        return format!(
            "M{x} {} C{} {} {} {} {x} {}",
            y - 9,
            x + 20,
            y - 16,
            x + 20,
            y + 16,
            y + 9
        );
    }
    let depth = (18 + (start.0 - end.0).abs() / 24).min(50);
    format!(
        "M{} {}C{} {} {} {} {} {}",
        start.0,
        start.1,
        start.0,
        start.1 + depth,
        end.0,
        end.1 + depth,
        end.0,
        end.1 + 2
    )
}
