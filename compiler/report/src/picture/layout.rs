//! Where everything stands. Tiers are bands from bottom to top; in a band the namespaces that start
//! first are lowest; in a namespace services stand in rows by their wave. Lines pass the rows
//! between their ends through the gaps between boxes, so that none ever crosses a box.

use std::collections::BTreeMap;

use erpc_model::{NamespaceId, Peer, ServiceId, TierId};

use super::routes::Router;
use super::{Line, View};

/// A rectangle; y grows downwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) w: i32,
    pub(crate) h: i32,
}

/// A box of a service or of another end.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) end: Peer,
    pub(crate) rect: Rect,
}

/// A frame around the services of a namespace.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) namespace: NamespaceId,
    pub(crate) rect: Rect,
    /// Its rows, counted from the bottom of the picture.
    pub(super) rows: (usize, usize),
}

/// A band behind the namespaces of a tier.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub(crate) tier: TierId,
    pub(crate) rect: Rect,
}

/// A line with its points: pairs of a start and an end of straight verticals, joined by curves.
#[derive(Clone, Debug)]
pub(crate) struct Routed {
    pub(crate) line: Line,
    pub(crate) path: String,
}

/// A picture in which everything has its place.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) size: (i32, i32),
    pub(crate) bands: Vec<Band>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) boxes: Vec<Placed>,
    pub(crate) lines: Vec<Routed>,
}

pub(super) const BOX_HEIGHT: i32 = 48;
const GAP: i32 = 26;
/// Between rows of one namespace, where lines run.
const CHANNEL: i32 = 44;
/// Around the services of a frame, and above them for its title.
const PAD: i32 = 16;
const TITLE: i32 = 22;
/// Between strips of namespaces.
const STRIP: i32 = 46;
/// Left of everything, for the names of tiers and lines that pass outside.
pub(super) const MARGIN: i32 = 70;
const MIN_WIDTH: i32 = 1000;

/// A row of boxes across the whole picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) top: i32,
    /// From left to right.
    pub(super) members: Vec<usize>,
}

pub(super) struct Builder<'v, 'p> {
    view: &'v View<'p>,
    box_width: i32,
    pub(super) boxes: Vec<Placed>,
    pub(super) frames: Vec<Frame>,
    pub(super) rows: Vec<Row>,
    /// By end: its box and its row.
    pub(super) at: BTreeMap<Peer, (usize, usize)>,
}

/// Namespaces side by side, each with its services in rows, lowest first.
type Strip = Vec<(NamespaceId, Vec<Vec<ServiceId>>)>;

pub(crate) fn layout(view: &View<'_>) -> Layout {
    let longest = view
        .nodes
        .iter()
        .map(|end| short_name(view, *end).chars().count())
        .max()
        .unwrap_or(0);
    let box_width = (i32::try_from(longest).unwrap_or(63) * 8 + 22).clamp(140, 330);
    let mut builder = Builder {
        view,
        box_width,
        boxes: Vec::new(),
        frames: Vec::new(),
        rows: Vec::new(),
        at: BTreeMap::new(),
    };
    let (strips, tiers) = strips(view, box_width);
    let width = builder.place(&strips);
    builder.order_rows();
    builder.finish(&strips, &tiers, width)
}

/// The name that stands in a box.
pub(crate) fn short_name(view: &View<'_>, end: Peer) -> String {
    match end {
        Peer::Service(id) => view.platform[id].name.value.to_string(),
        Peer::External(_)
        | Peer::Internet
        | Peer::ClusterDns
        | Peer::ClusterApi
        | Peer::ClusterNodes => view.platform.peer_name(end),
    }
}

/// The strips from bottom to top, each with its tier.
fn strips(view: &View<'_>, box_width: i32) -> (Vec<Strip>, Vec<TierId>) {
    let namespaces = view.namespaces();
    let depths = depths(view, &namespaces);
    let cell = i64::from((box_width + GAP) * (BOX_HEIGHT + CHANNEL));
    let count = i64::try_from(view.nodes.len()).unwrap_or(i64::MAX);
    let area = cell.saturating_mul(count).saturating_mul(2);
    let wanted = i32::try_from(area.isqrt())
        .unwrap_or(i32::MAX)
        .max(MIN_WIDTH);
    let columns = usize::try_from((wanted - 2 * PAD) / (box_width + GAP))
        .unwrap_or(1)
        .max(1);
    let mut order: Vec<(TierId, usize, NamespaceId)> = namespaces
        .keys()
        .map(|id| (view.platform[*id].tier.value, depths[id], *id))
        .collect();
    order.sort_unstable();
    let (mut strips, mut tiers): (Vec<Strip>, Vec<TierId>) = (Vec::new(), Vec::new());
    let mut last = None;
    let mut used = 0;
    for (tier, depth, id) in order {
        let rows = rows_of(view, &namespaces[&id], columns);
        let widest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = frame_width(widest, box_width) + GAP;
        if last != Some((tier, depth)) || used + width > wanted {
            strips.push(Vec::new());
            tiers.push(tier);
            used = 0;
        }
        last = Some((tier, depth));
        used += width;
        if let Some(strip) = strips.last_mut() {
            strip.push((id, rows));
        }
    }
    (strips, tiers)
}

/// How many namespaces of its own tier a namespace starts after, on the longest chain.
fn depths(
    view: &View<'_>,
    namespaces: &BTreeMap<NamespaceId, Vec<ServiceId>>,
) -> BTreeMap<NamespaceId, usize> {
    let mut depths: BTreeMap<NamespaceId, usize> = namespaces.keys().map(|id| (*id, 0)).collect();
    // `after` goes in no circle, which the checks hold, so that a wave is a depth: what starts
    // later stands higher.
    let wave = |id: &NamespaceId| {
        let first = view.platform[*id].services.first();
        first
            .and_then(|s| view.derived.order.wave.get(s.index()))
            .copied()
    };
    let mut order: Vec<NamespaceId> = namespaces.keys().copied().collect();
    order.sort_by_key(|id| (wave(id), *id));
    for id in order {
        let namespace = &view.platform[id];
        let below = namespace.after.iter().filter_map(|after| {
            let same = view.platform[after.value].tier.value == namespace.tier.value;
            depths.get(&after.value).filter(|_| same)
        });
        let depth = below.max().map_or(0, |depth| depth + 1);
        depths.insert(id, depth);
    }
    depths
}

/// The services of a namespace in rows, by wave, none longer than `columns`.
fn rows_of(view: &View<'_>, services: &[ServiceId], columns: usize) -> Vec<Vec<ServiceId>> {
    let square = services.len().saturating_mul(2).isqrt() + 1;
    let columns = columns.min(square.max(3));
    let mut by_wave: BTreeMap<u32, Vec<ServiceId>> = BTreeMap::new();
    for id in services {
        let wave = view
            .derived
            .order
            .wave
            .get(id.index())
            .copied()
            .unwrap_or(0);
        by_wave.entry(wave).or_default().push(*id);
    }
    let mut rows = Vec::new();
    for members in by_wave.into_values() {
        let lines = members.len().div_ceil(columns);
        let each = members.len().div_ceil(lines.max(1)).max(1);
        rows.extend(members.chunks(each).map(<[ServiceId]>::to_vec));
    }
    rows
}

fn frame_width(columns: usize, box_width: i32) -> i32 {
    let columns = i32::try_from(columns).unwrap_or(1).max(1);
    columns * (box_width + GAP) - GAP + 2 * PAD
}

impl Builder<'_, '_> {
    /// Makes rows and boxes; gives the width of the picture. Heights come later.
    fn place(&mut self, strips: &[Strip]) -> i32 {
        let view = self.view;
        let is_below = |end: &Peer| {
            matches!(
                end,
                Peer::ClusterDns | Peer::ClusterApi | Peer::ClusterNodes
            )
        };
        let others = |below: bool| -> Vec<Peer> {
            let others = view
                .nodes
                .iter()
                .filter(|end| !matches!(end, Peer::Service(_)));
            others
                .filter(|end| is_below(end) == below)
                .copied()
                .collect()
        };
        let box_width = self.box_width;
        let strip_width = |strip: &Strip| -> i32 {
            let widths = strip.iter().map(|(_, rows)| {
                let widest = rows.iter().map(Vec::len).max().unwrap_or(0);
                frame_width(widest, box_width) + GAP
            });
            widths.sum::<i32>() - GAP
        };
        let loose = |peers: &[Peer]| frame_width(peers.len(), box_width);
        let (above, below) = (others(false), others(true));
        let inner = strips
            .iter()
            .map(strip_width)
            .chain([loose(&above), loose(&below)])
            .max()
            .unwrap_or(MIN_WIDTH);
        self.place_loose(&below, inner);
        for strip in strips {
            self.place_strip(strip, inner - strip_width(strip));
        }
        self.place_loose(&above, inner);
        inner + 2 * MARGIN
    }

    fn place_loose(&mut self, peers: &[Peer], inner: i32) {
        if peers.is_empty() {
            return;
        }
        let row = self.rows.len();
        self.rows.push(Row::default());
        let mut x = MARGIN + (inner - frame_width(peers.len(), self.box_width)) / 2 + PAD;
        for end in peers {
            self.place_box(*end, row, x);
            x += self.box_width + GAP;
        }
    }

    fn place_box(&mut self, end: Peer, row: usize, x: i32) {
        self.at.insert(end, (self.boxes.len(), row));
        self.rows[row].members.push(self.boxes.len());
        let rect = Rect {
            x,
            y: 0,
            w: self.box_width,
            h: BOX_HEIGHT,
        };
        self.boxes.push(Placed { end, rect });
    }

    fn place_strip(&mut self, strip: &Strip, slack: i32) {
        let first = self.rows.len();
        let height = strip.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0);
        self.rows.resize(first + height, Row::default());
        // What is left of the width is shared between the namespaces.
        let each = slack / i32::try_from(strip.len()).unwrap_or(1).max(1);
        let mut x = MARGIN;
        for (namespace, rows) in strip {
            let widest = rows.iter().map(Vec::len).max().unwrap_or(0);
            let width = frame_width(widest, self.box_width) + each;
            for (at, services) in rows.iter().enumerate() {
                let taken = frame_width(services.len(), self.box_width);
                let mut left = x + (width - taken) / 2 + PAD;
                for id in services {
                    self.place_box(Peer::Service(*id), first + at, left);
                    left += self.box_width + GAP;
                }
            }
            self.frames.push(Frame {
                namespace: *namespace,
                rect: Rect {
                    x,
                    y: 0,
                    w: width,
                    h: 0,
                },
                rows: (first, first + rows.len().saturating_sub(1)),
            });
            x += width + GAP;
        }
    }

    /// Sorts the services of a namespace's row by where their neighbours stand, so that fewer lines
    /// cross. Boxes only change places inside their row and frame.
    fn order_rows(&mut self) {
        let edges = self.view.derived.edges.as_slice();
        let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); self.boxes.len()];
        for at in &self.view.edges {
            let peers = (self.at.get(&edges[*at].from), self.at.get(&edges[*at].to));
            if let (Some((a, row_a)), Some((b, row_b))) = peers
                && row_a != row_b
            {
                neighbours[*a].push(*b);
                neighbours[*b].push(*a);
            }
        }
        let home = |end: Peer| match end {
            Peer::Service(id) => Some(self.view.platform[id].namespace),
            Peer::External(_)
            | Peer::Internet
            | Peer::ClusterDns
            | Peer::ClusterApi
            | Peer::ClusterNodes => None,
        };
        let homes: Vec<Option<NamespaceId>> = self.boxes.iter().map(|b| home(b.end)).collect();
        for sweep in 0..6 {
            let count = self.rows.len();
            for step in 0..count {
                let row = if sweep % 2 == 0 {
                    step
                } else {
                    count - 1 - step
                };
                let members = self.rows[row].members.clone();
                for group in members.chunk_by(|a, b| homes[*a] == homes[*b]) {
                    let slots: Vec<i32> = group.iter().map(|b| self.boxes[*b].rect.x).collect();
                    let mut sorted: Vec<usize> = group.to_vec();
                    sorted.sort_by_key(|b| {
                        let near = &neighbours[*b];
                        let sum: i64 = near.iter().map(|n| i64::from(self.boxes[*n].rect.x)).sum();
                        let own = i64::from(self.boxes[*b].rect.x);
                        let mean = i64::try_from(near.len())
                            .ok()
                            .filter(|n| *n > 0)
                            .map(|n| sum / n);
                        (mean.unwrap_or(own), *b)
                    });
                    for (slot, member) in slots.into_iter().zip(sorted) {
                        self.boxes[member].rect.x = slot;
                    }
                }
            }
        }
        for row in &mut self.rows {
            row.members.sort_by_key(|member| self.boxes[*member].rect.x);
        }
    }

    /// Gives rows, frames and bands their heights from the top down, and routes the lines.
    fn finish(mut self, strips: &[Strip], tiers: &[TierId], width: i32) -> Layout {
        let heights: Vec<usize> = strips
            .iter()
            .map(|strip| strip.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0))
            .collect();
        let loose_below = usize::from(
            self.rows.len() > heights.iter().sum::<usize>() && {
                let first = self.rows[0].members.first().map(|b| self.boxes[*b].end);
                first.is_some_and(|end| !matches!(end, Peer::Service(_)))
            },
        );
        let mut y = STRIP;
        let mut next = self.rows.len();
        let has_above = next > heights.iter().sum::<usize>() + loose_below;
        if has_above {
            next -= 1;
            self.rows[next].top = y;
            y += BOX_HEIGHT + STRIP;
        }
        let mut bands: Vec<Band> = Vec::new();
        for (strip, tier) in heights.iter().zip(tiers).rev() {
            let top = y;
            y += TITLE + PAD;
            for row in 0..*strip {
                next -= 1;
                self.rows[next].top = y;
                y += BOX_HEIGHT + if row + 1 == *strip { PAD } else { CHANNEL };
            }
            match bands.last_mut() {
                Some(band) if band.tier == *tier => band.rect.h = y + STRIP / 4 - band.rect.y,
                _ => bands.push(Band {
                    tier: *tier,
                    rect: Rect {
                        x: 0,
                        y: top - STRIP / 4,
                        w: width,
                        h: y - top + STRIP / 2,
                    },
                }),
            }
            y += STRIP;
        }
        if loose_below == 1 {
            self.rows[0].top = y;
            y += BOX_HEIGHT + STRIP;
        }
        for row in &self.rows {
            for member in &row.members {
                self.boxes[*member].rect.y = row.top;
            }
        }
        for frame in &mut self.frames {
            let top = self.rows[frame.rows.1].top - PAD - TITLE;
            frame.rect.y = top;
            frame.rect.h = self.rows[frame.rows.0].top + BOX_HEIGHT + PAD - top;
        }
        let lines = Router::new(&self).route(self.view.lines());
        Layout {
            size: (width, y),
            bands,
            frames: self.frames,
            boxes: self.boxes,
            lines,
        }
    }
}
