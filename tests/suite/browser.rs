//! The explorer in a real browser: as many boxes and flows as the model has, no two boxes on each
//! other, a search that finds, a click that shows, filters, a keyboard, and not one complaint.

use std::path::PathBuf;
use std::time::Instant;

use erpc_tests::browser::Browser;
use erpc_tests::generator::platform_of;
use erpc_tests::{erpc, repository};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The program that `tests/run` found.
fn browser() -> Browser {
    let path = std::env::var("ERPC_TEST_BROWSER").expect("ERPC_TEST_BROWSER names the browser");
    Browser::start(&path)
}

fn page(folder: &TempDir, project: &std::path::Path) -> PathBuf {
    let ran = erpc(&[
        "graph".as_ref(),
        project.as_os_str(),
        "--format".as_ref(),
        "html".as_ref(),
    ]);
    let path = folder.path().join("platform.html");
    std::fs::write(&path, ran.out).expect("written");
    path
}

const BOXES: &str = "[...document.querySelectorAll('.node')].map(n => { const r = \
    n.querySelector('.box').getBoundingClientRect(); return [n.dataset.path, r.left, r.top, r.right, r.bottom]; })";
const FLOWS: &str = "[...document.querySelectorAll('#lines .line')].reduce((sum, l) => sum + Number(l.dataset.flows), 0)";
const SHOWN: &str = "[...document.querySelectorAll('.node.service:not(.off)')].length";
const PANEL: &str =
    "document.getElementById('panel').hidden ? '' : document.getElementById('panel').innerText";

/// Lines that run through a box which is not their own: points along each, in the picture's units.
const THROUGH: &str = "(() => { const boxes = [...document.querySelectorAll('.node')].map(n => { const m = \
    n.transform.baseVal[0].matrix, b = n.querySelector('.box').getBBox(); \
    return [n.dataset.path, m.e + 1, m.f + 1, m.e + b.width - 1, m.f + b.height - 1]; }); const bad = []; \
    for (const line of document.querySelectorAll('#lines .line')) { const length = line.getTotalLength(); \
    for (let at = 4; at < length - 4; at += 5) { const p = line.getPointAtLength(at); \
    const hit = boxes.find(b => p.x > b[1] && p.x < b[3] && p.y > b[2] && p.y < b[4]); \
    if (hit) { bad.push(`${line.textContent} through ${hit[0]}`); break; } } } return bad; })()";

/// True once what has changed is on the screen.
const DRAWN: &str =
    "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";

/// Pairs of boxes that share a point, by a sweep from left to right.
fn overlaps(boxes: &Value) -> Vec<String> {
    let mut boxes: Vec<(f64, f64, f64, f64, String)> = boxes
        .as_array()
        .expect("boxes")
        .iter()
        .map(|b| {
            let at = |n: usize| b[n].as_f64().expect("a number");
            (at(1), at(2), at(3), at(4), b[0].to_string())
        })
        .collect();
    boxes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut found = Vec::new();
    for (n, a) in boxes.iter().enumerate() {
        for b in boxes[n + 1..].iter().take_while(|b| b.0 < a.2) {
            if a.1 < b.3 && b.1 < a.3 {
                found.push(format!("{} and {}", a.4, b.4));
            }
        }
    }
    found
}

#[test]
#[ignore = "needs a browser; tests/run runs it"]
fn the_explorer_shows_all_of_erp1() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut browser = browser();
    browser.open(&page(&folder, &repository()));
    let boxes = browser.ask(BOXES);
    // 33 services, and internet, cluster.api, cluster.dns and cluster.nodes.
    assert_eq!(boxes.as_array().map(Vec::len), Some(37));
    assert_eq!(browser.ask(SHOWN), json!(33));
    assert_eq!(browser.ask(FLOWS), json!(133));
    assert_eq!(overlaps(&boxes), Vec::<String>::new());
    assert_eq!(browser.ask(THROUGH), json!([]));
    assert_eq!(
        browser.ask("document.getElementById('counts').textContent"),
        "33 services · 133 flows"
    );

    browser.click("[data-path='erp-services.rest-bpe'] .box");
    let panel = browser.ask(PANEL);
    let panel = panel.as_str().expect("text");
    for part in [
        "erp-services.rest-bpe",
        "REST API BPE-шлюз",
        "99.99% × 99.95% = 99.940005%",
        "slack 1036.93 s over 30d",
        "erp-security.ias-auth:http",
        "token verification at the edge",
        "256Mi..512Mi",
        "0 cannot work without it, 0 work worse",
        "reaches (",
        "platform.erp:",
    ] {
        assert!(panel.contains(part), "{part} is not in\n{panel}");
    }
    let near = "document.querySelectorAll('.line.near').length";
    assert_eq!(browser.ask(near), json!(6), "five calls and a scrape");
    browser.click("[data-path='erp-security.ca-pki'] .box");
    let panel = browser.ask(PANEL);
    // As `erpc impact ca-pki` says.
    let cost = "4 cannot work without it, 16 work worse";
    assert!(panel.as_str().is_some_and(|p| p.contains(cost)), "{panel}");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
#[ignore = "needs a browser; tests/run runs it"]
fn the_explorer_is_searched_filtered_and_used_by_keyboard() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut browser = browser();
    browser.open(&page(&folder, &repository()));
    browser.press("/");
    browser.type_text("Медичний");
    let found = "[...document.querySelectorAll('#found li')].map(i => i.textContent).join()";
    let found = browser.ask(found);
    assert!(
        found
            .as_str()
            .is_some_and(|f| f.starts_with("erp-apps.hl7-health")),
        "{found}"
    );
    browser.press("Enter");
    let panel = browser.ask(PANEL);
    assert!(
        panel
            .as_str()
            .is_some_and(|p| p.starts_with("erp-apps.hl7-health")),
        "{panel}"
    );
    let focused = "document.activeElement.dataset.path";
    assert_eq!(browser.ask(focused), "erp-apps.hl7-health");
    browser.press("ArrowDown");
    let below = browser.ask(focused);
    assert_ne!(below, "erp-apps.hl7-health");
    browser.press("Enter");
    let panel = browser.ask(PANEL);
    let below = below.as_str().expect("a service");
    assert!(
        panel.as_str().is_some_and(|p| p.starts_with(below)),
        "{panel}"
    );
    browser.press("Escape");
    assert_eq!(browser.ask(PANEL), "");

    browser.click("#modes input[value=observes]");
    assert_eq!(
        browser.ask("document.getElementById('counts').textContent"),
        "33 services · 71 flows",
        "28 required and 43 optional"
    );
    browser.click("#namespaces input[value=erp-apps]");
    assert_eq!(browser.ask(SHOWN), json!(24));
    browser.click("#namespaces input[value=erp-apps]");
    browser.click("#tiers input[value=application]");
    assert_eq!(browser.ask(SHOWN), json!(14));

    let paper = "getComputedStyle(document.body).backgroundColor";
    let before = browser.ask(paper);
    browser.click("#theme");
    assert_ne!(browser.ask(paper), before, "dark is not light");
    browser.click("#theme");
    assert_eq!(browser.ask(paper), before);
    assert_eq!(browser.complaints, Vec::<String>::new());
}

/// A thousand services: all there, none on another, and what opening and searching take, which is
/// printed and in docs/performance.md; no test holds a clock to it.
#[test]
#[ignore = "needs a browser; tests/run runs it"]
fn a_thousand_services_are_all_there() {
    let folder = TempDir::new().expect("a temporary folder");
    let project = folder.path().join("project");
    for (path, bytes) in platform_of(1000).files() {
        let path = project.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }
    let compiled = erpc_tests::compile_folder(&project);
    let (platform, derived) = compiled.result.expect("no errors");
    let page = page(&folder, &project);
    let mut browser = browser();
    let opened = (0..3).map(|_| {
        let start = Instant::now();
        browser.open(&page);
        browser.ask(DRAWN);
        start.elapsed()
    });
    let opened = opened.min().unwrap_or_default();
    assert_eq!(browser.ask(SHOWN), json!(platform.services.len()));
    assert_eq!(browser.ask(FLOWS), json!(derived.edges.as_slice().len()));
    assert_eq!(overlaps(&browser.ask(BOXES)), Vec::<String>::new());
    let last = platform.path(erpc_model::ServiceId(999));
    browser.press("/");
    let searched = (0..3).map(|_| {
        browser.ask("document.getElementById('search').value = ''");
        let start = Instant::now();
        browser.type_text(&last);
        browser.ask(DRAWN);
        start.elapsed()
    });
    let searched = searched.min().unwrap_or_default();
    browser.press("Enter");
    let panel = browser.ask(PANEL);
    assert!(
        panel.as_str().is_some_and(|p| p.starts_with(&last)),
        "{panel}"
    );
    browser.press("Escape");
    browser.click("#namespaces button[data-all='']");
    assert_eq!(browser.ask(SHOWN), json!(0));
    browser.click("#namespaces button[data-all='1']");
    assert_eq!(browser.ask(SHOWN), json!(platform.services.len()));
    assert_eq!(browser.complaints, Vec::<String>::new());
    println!("1000 services: opened in {opened:?}, searched in {searched:?}, least of three");
}
