//! The picture as SVG: bands, frames, lines, boxes, in this order, so that text is never covered.

use std::fmt::Write;

use erpc_model::{Mode, Peer, Scaling, ServiceId};

use super::layout::{Layout, Placed, layout, short_name};
use super::{Anchor, View, escaped};

/// How the picture looks; the explorer brings its own colours.
const STYLE: &str = "\
svg{--paper:#fff;--ink:#1b1f24;--soft:#5b6470;--band:#f4f6f8;--band2:#eaeef2;--frame:#fff;--edge:#c3cad2;--box:#fdfdfd;\
--requires:#1f3b57;--optional:#2a7a4b;--observes:#8a6a9f;--door:#c2500a}
text{font:12px 'DejaVu Sans',Verdana,sans-serif;fill:var(--ink)}";
const SHAPES: &str = "
.band{fill:var(--band)}.band.odd{fill:var(--band2)}.tier{font-size:13px;font-weight:bold;fill:var(--soft)}
.frame{fill:var(--frame);stroke:var(--edge)}.space{font-weight:bold}.soft{fill:var(--soft);font-size:11px}
.box{fill:var(--box);stroke:var(--soft)}.box.set{stroke-width:2}.end .box{fill:var(--band2);stroke-dasharray:2 2}
.name{font-weight:bold}.exposed .box{stroke:var(--door);stroke-width:2}.door{fill:var(--door)}.host{fill:var(--door);font-size:10px}
.line{fill:none;stroke-width:1.3}.requires{stroke:var(--requires)}.optional{stroke:var(--optional);stroke-dasharray:6 3}
.observes{stroke:var(--observes);stroke-dasharray:1.5 3}.tip.requires{fill:var(--requires)}.tip.optional{fill:var(--optional)}
.tip.observes{fill:var(--observes)}.tip{stroke:none}
";

/// The whole picture, to be looked at by itself.
#[must_use]
pub fn svg(view: &View<'_>) -> String {
    let layout = layout(view);
    let (width, height) = layout.size;
    let height = height + 44;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <title>{}</title>\n<style>{STYLE}{SHAPES}</style>\n<rect width=\"{width}\" height=\"{height}\" fill=\"var(--paper)\"/>\n",
        escaped(&view.platform.name.value)
    );
    out.push_str(&body(view, &layout));
    legend(&mut out, view, layout.size.1);
    out.push_str("</svg>\n");
    out
}

/// The size of a picture and all that is in it, without the legend.
pub(super) fn inner(view: &View<'_>) -> ((i32, i32), String) {
    let layout = layout(view);
    let mut out = format!("<style>{SHAPES}</style>\n");
    out.push_str(&body(view, &layout));
    (layout.size, out)
}

fn body(view: &View<'_>, layout: &Layout) -> String {
    let mut out = String::from("<defs>");
    for mode in [Mode::Requires, Mode::Optional, Mode::Observes] {
        let mode = mode.as_str();
        let _ = write!(
            out,
            "<marker id=\"tip-{mode}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\"><path class=\"tip {mode}\" d=\"M0 0L8 4L0 8z\"/></marker>"
        );
    }
    out.push_str("</defs>\n");
    bands(&mut out, view, layout);
    frames(&mut out, view, layout);
    lines(&mut out, view, layout);
    out.push_str("<g id=\"nodes\">\n");
    for placed in &layout.boxes {
        node(&mut out, view, placed);
    }
    out.push_str("</g>\n");
    out
}

fn bands(out: &mut String, view: &View<'_>, layout: &Layout) {
    // Writing to a string cannot fail, here and below.
    for (at, band) in layout.bands.iter().enumerate() {
        let rect = band.rect;
        let name = escaped(&view.platform.tiers[band.tier.index()].name.value);
        let odd = if at % 2 == 1 { " odd" } else { "" };
        let (x, y) = (18, rect.y + rect.h / 2);
        let _ = writeln!(
            out,
            "<g class=\"of-tier\" data-tier=\"{name}\"><rect class=\"band{odd}\" x=\"0\" y=\"{}\" width=\"{}\" height=\"{}\"/>\
             <text class=\"tier\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" transform=\"rotate(-90 {x} {y})\">{name}</text></g>",
            rect.y, rect.w, rect.h
        );
    }
}

fn frames(out: &mut String, view: &View<'_>, layout: &Layout) {
    for frame in &layout.frames {
        let namespace = &view.platform[frame.namespace];
        let rect = frame.rect;
        let title = namespace
            .title
            .as_ref()
            .map_or("", |title| title.value.as_str());
        let name = escaped(&namespace.name.value);
        let width = usize::try_from(rect.w / 7)
            .unwrap_or(20)
            .saturating_sub(name.len() + 4);
        let slo = namespace
            .slo
            .as_ref()
            .map_or_else(String::new, |slo| format!(" · {}", slo.value.share));
        let _ = writeln!(
            out,
            "<g class=\"of-namespace\" data-namespace=\"{name}\"><rect class=\"frame\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>\
             <text class=\"space\" x=\"{}\" y=\"{}\">{name}<tspan class=\"soft\" dx=\"8\">{}</tspan></text></g>",
            rect.x,
            rect.y,
            rect.w,
            rect.h,
            rect.x + 12,
            rect.y + 19,
            escaped(&shortened(&format!("{title}{slo}"), width)),
        );
    }
}

fn lines(out: &mut String, view: &View<'_>, layout: &Layout) {
    let edges = view.derived.edges.as_slice();
    out.push_str("<g id=\"lines\">\n");
    // What is required lies on top.
    let mut order: Vec<_> = layout.lines.iter().collect();
    order.sort_by_key(|routed| std::cmp::Reverse(routed.line.mode));
    for routed in order {
        let line = &routed.line;
        let mode = line.mode.as_str();
        let (from, to) = (view.name(line.from), view.name(line.to));
        let mut ports: Vec<String> = line
            .edges
            .iter()
            .map(|at| edges[*at].port_name(view.platform))
            .collect();
        ports.sort_unstable();
        ports.dedup();
        let count = line.edges.len();
        let many = if count > 1 {
            format!(" ({count} flows)")
        } else {
            String::new()
        };
        let places: Vec<String> = line.edges.iter().map(ToString::to_string).collect();
        let thick = match (line.from, line.to) {
            (Anchor::Node(_), Anchor::Node(_)) => "",
            _ => " style=\"stroke-width:2.4\"",
        };
        let _ = writeln!(
            out,
            "<path class=\"line {mode}\" marker-end=\"url(#tip-{mode})\" d=\"{}\" data-mode=\"{mode}\" data-flows=\"{count}\" data-edges=\"{}\"{thick}><title>{} {mode} {}:{}{many}</title></path>",
            routed.path,
            places.join(" "),
            escaped(&from),
            escaped(&to),
            escaped(&ports.join(", ")),
        );
    }
    out.push_str("</g>\n");
}

fn node(out: &mut String, view: &View<'_>, placed: &Placed) {
    let rect = placed.rect;
    let name = short_name(view, placed.end);
    let path = escaped(&view.platform.peer_name(placed.end));
    let width = usize::try_from((rect.w - 16) / 8).unwrap_or(12);
    let (class, facts, hosts, title) = match placed.end {
        Peer::Service(id) => {
            let service = &view.platform[id];
            let hosts = view.exposures(id);
            let exposed = if hosts.is_empty() { "" } else { " exposed" };
            let title = service
                .properties
                .title
                .as_ref()
                .map_or("", |title| title.value.as_str());
            (
                format!("node service{exposed}"),
                facts(view, id),
                hosts,
                title,
            )
        }
        Peer::External(_)
        | Peer::Internet
        | Peer::ClusterDns
        | Peer::ClusterApi
        | Peer::ClusterNodes => ("node end".to_owned(), String::new(), Vec::new(), ""),
    };
    let set = match placed.end {
        Peer::Service(id) if view.platform[id].is_stateful() => " set",
        _ => "",
    };
    let _ = write!(
        out,
        "<g class=\"{class}\" data-path=\"{path}\" transform=\"translate({} {})\"><title>{path}{}{}</title><rect class=\"box{set}\" width=\"{}\" height=\"{}\" rx=\"5\"/>",
        rect.x,
        rect.y,
        if title.is_empty() { "" } else { ": " },
        escaped(title),
        rect.w,
        rect.h
    );
    let y = match (facts.is_empty(), hosts.is_empty()) {
        (true, _) => 29,
        (false, true) => 20,
        (false, false) => 16,
    };
    let _ = write!(
        out,
        "<text class=\"name\" x=\"8\" y=\"{y}\">{}</text>",
        escaped(&shortened(&name, width))
    );
    if !facts.is_empty() {
        let _ = write!(
            out,
            "<text class=\"soft\" x=\"8\" y=\"{}\">{}</text>",
            y + 14,
            escaped(&shortened(&facts, width + width / 4))
        );
    }
    if let Some(first) = hosts.first() {
        let more = if hosts.len() > 1 {
            format!(" +{}", hosts.len() - 1)
        } else {
            String::new()
        };
        let _ = write!(
            out,
            "<circle class=\"door\" cx=\"{}\" cy=\"0\" r=\"5\"/><text class=\"host\" x=\"8\" y=\"43\">↗ {}{more}</text>",
            rect.w - 12,
            escaped(&shortened(first, width + 4 - more.len()))
        );
    }
    out.push_str("</g>\n");
}

/// What a box says under the name: ports, replicas, storage.
fn facts(view: &View<'_>, id: ServiceId) -> String {
    let service = &view.platform[id];
    let mut facts: Vec<String> = Vec::new();
    let label = service.workload.kind().label;
    if !label.is_empty() {
        facts.push(label.to_owned());
    }
    let port = service
        .ports
        .iter()
        .find(|port| port.name.value != "metrics");
    facts.extend(port.map(|port| format!(":{}", port.number.value)));
    match &service.scaling {
        // That it has a pod on each node is its label.
        Scaling::PerNode(_) => {}
        Scaling::Fixed(n) if n.value == 1 => {}
        scaling @ (Scaling::Fixed(_) | Scaling::Auto(_)) => {
            facts.push(format!("×{}", scaling.bounds()));
        }
    }
    facts.extend(
        service
            .volumes
            .first()
            .map(|volume| volume.size.value.to_string()),
    );
    // The namespace's own promise stands on its frame.
    let inherited = view.platform[service.namespace]
        .slo
        .as_ref()
        .map(|slo| slo.value);
    let own = service.availability.as_ref().map(|slo| slo.value);
    facts.extend(
        own.filter(|_| own != inherited)
            .map(|slo| slo.share.to_string()),
    );
    facts.join(" · ")
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let cut: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

fn legend(out: &mut String, view: &View<'_>, y: i32) {
    let y = y + 8;
    let mut x = 40;
    for (mode, what) in [
        (Mode::Requires, "requires"),
        (Mode::Optional, "optional"),
        (Mode::Observes, "observes"),
    ] {
        let mode = mode.as_str();
        let _ = write!(
            out,
            "<path class=\"line {mode}\" marker-end=\"url(#tip-{mode})\" d=\"M{x} {y}H{}\"/><text x=\"{}\" y=\"{}\">{what}</text>",
            x + 44,
            x + 52,
            y + 4
        );
        x += 140;
    }
    let services = view.services().count();
    let _ = writeln!(
        out,
        "<circle class=\"door\" cx=\"{x}\" cy=\"{y}\" r=\"5\"/><text x=\"{}\" y=\"{}\">reached from outside</text>\
         <text class=\"soft\" x=\"{}\" y=\"{}\">thick: all services of a namespace · {} {}: {services} services, {} flows</text>",
        x + 12,
        y + 4,
        x + 170,
        y + 4,
        escaped(&view.platform.name.value),
        escaped(&view.platform.version.value),
        view.edges.len()
    );
}
