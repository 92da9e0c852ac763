//! How long each stage takes, and how it grows with the platform.
//!
//! ```sh
//! cargo bench -p erpc-tests                  # 21, 210, 1000, 2100 and 21000 services
//! cargo bench -p erpc-tests -- 1000 2000     # these sizes
//! cargo bench -p erpc-tests -- --prove 1000  # the stages of the proof
//! cargo bench -p erpc-tests -- --dense 300   # everybody may call everybody on ten ports
//! cargo bench -p erpc-tests -- --chart 1000  # the chart, and `helm template` of it beside the leanest one
//! cargo bench -p erpc-tests -- --sources 1000 DIR   # the program itself, to try commands on
//! ```
//!
//! `chart` is what a build takes longer for the chart. `graph` is the part of `check` that the platform
//! as a graph takes: promises, capacity, resilience, dead parts. Each size runs in a process of its
//! own, so that its peak of memory is its own. A figure is the least of several runs; `write` is
//! compared with writing the same bytes in a plain loop.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use erpc_policy::Derived;
use erpc_tests::generator::{dense_platform, platform_of};
use erpc_tests::{Memory, least};

const SIZES: [usize; 5] = [21, 210, 1000, 2100, 21_000];

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    if let [one, size] = arguments.as_slice()
        && one == "--one"
    {
        measure(size.parse().expect("a number of services"));
        return;
    }
    if let [check, size] = arguments.as_slice()
        && check == "--check"
    {
        // For a profiler: nothing but the checks, many times.
        let program = platform_of(size.parse().expect("a number of services"));
        for _ in 0..50 {
            drop(program.compile());
        }
        return;
    }
    if let [sources, size, folder] = arguments.as_slice()
        && sources == "--sources"
    {
        // For the command itself: the program of that size as files.
        std::fs::create_dir_all(folder).expect("a folder");
        for (path, bytes) in platform_of(size.parse().expect("a number of services")).files() {
            std::fs::write(Path::new(folder).join(path), bytes).expect("a source");
        }
        return;
    }
    if let [prove, size] = arguments.as_slice()
        && prove == "--prove"
    {
        proof_by_stage(
            &platform_of(size.parse().expect("a number of services")),
            10,
        );
        return;
    }
    if let [dense, size] = arguments.as_slice()
        && dense == "--dense"
    {
        let program = dense_platform(size.parse().expect("a number of services"));
        proof_by_stage(&program, 1);
        return;
    }
    if let [chart, size] = arguments.as_slice()
        && chart == "--chart"
    {
        chart_beside_the_leanest(&platform_of(size.parse().expect("a number of services")));
        return;
    }
    let sizes: Vec<usize> = if arguments.is_empty() {
        SIZES.to_vec()
    } else {
        arguments.iter().filter_map(|a| a.parse().ok()).collect()
    };
    println!(
        "{:>8} {:>8} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10}",
        "services",
        "edges",
        "source",
        "parse",
        "resolve",
        "derive",
        "graph",
        "check",
        "objects",
        "files",
        "chart",
        "prove",
        "drv+prove",
        "write",
        "loop",
        "whole",
        "peak/svc"
    );
    for size in sizes {
        let this = std::env::current_exe().expect("this program");
        let output = Command::new(this)
            .args(["--one", &size.to_string()])
            .output()
            .expect("this program runs");
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// How long the chart takes, alone and beside the files of a build, and what Helm takes for it and
/// for one that has the same objects as they are, without a value: `ERPC_TEST_HELM4` names what
/// `tests/helm/build 4` prints.
fn chart_beside_the_leanest(program: &Memory) {
    let compiled = program.compile();
    let Some((platform, derived)) = &compiled.result else {
        panic!("{:?}", compiled.diagnostics.as_slice().first());
    };
    let sources = &compiled.sources;
    let files = || erpc_emit::files(platform, derived, sources);
    let both = || erpc_emit::files_and_chart(platform, derived, sources);
    let pairs: Vec<(Duration, Duration)> =
        (0..20).map(|_| (least(1, files), least(1, both))).collect();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let alone = least(10, || erpc_emit::chart(platform, derived, sources));
    println!("{:>16} {:>8.1}ms", "chart alone", ms(alone));
    let (files, both): (Vec<Duration>, Vec<Duration>) = pairs.into_iter().unzip();
    let (files, both) = (median(files), median(both));
    println!("{:>16} {:>8.1}ms", "files", ms(files));
    println!("{:>16} {:>8.1}ms", "files and chart", ms(both));
    println!("{:>16} {:>8.1}ms", "added", ms(both.saturating_sub(files)));
    let Some(helm) = std::env::var_os("ERPC_TEST_HELM4") else {
        return;
    };
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let write = |path: &Path, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    for file in erpc_emit::chart(platform, derived, sources) {
        write(Path::new(&file.path), &file.text);
    }
    write(
        Path::new("lean/Chart.yaml"),
        "apiVersion: v2\nname: lean\nversion: 1.0.0\n",
    );
    let mut by_kind: BTreeMap<&str, String> = BTreeMap::new();
    let files = erpc_emit::files(platform, derived, sources);
    for file in &files {
        let kind = file.path.rsplit('/').next().unwrap_or_default();
        let text = by_kind.entry(kind).or_default();
        text.push_str("---\n");
        text.push_str(&file.text);
    }
    for (kind, text) in by_kind {
        write(&Path::new("lean/templates").join(kind), &text);
    }
    // In turn, so that what else the machine does meets both.
    let mut runs: BTreeMap<&str, Vec<(Duration, Duration)>> = BTreeMap::new();
    for _ in 0..9 {
        for chart in ["helm", "lean"] {
            let before = time_of_children();
            let time = least(1, || {
                let output = Command::new(&helm)
                    .args(["template", "release", chart])
                    .current_dir(folder.path())
                    .output()
                    .expect("helm runs");
                assert!(
                    output.status.success(),
                    "{}",
                    String::from_utf8_lossy(&output.stderr)
                );
                output.stdout.len()
            });
            let processor = time_of_children().saturating_sub(before);
            runs.entry(chart).or_default().push((time, processor));
        }
    }
    let medians = runs.into_iter().map(|(chart, runs)| {
        let (times, processor): (Vec<Duration>, Vec<Duration>) = runs.into_iter().unzip();
        let (time, processor) = (median(times), median(processor));
        println!(
            "{:>16} {:>8.0}ms, processor {:>6.0}ms",
            format!("template {chart}"),
            ms(time),
            ms(processor)
        );
        (time.as_secs_f64(), processor.as_secs_f64())
    });
    if let [whole, lean] = medians.collect::<Vec<_>>().as_slice() {
        println!(
            "{:>16} {:>8.2} times, processor {:.2} times",
            "helm / lean",
            whole.0 / lean.0,
            whole.1 / lean.1
        );
    }
}

fn median(times: Vec<Duration>) -> Duration {
    let mut times = times;
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The processor time that the processes have taken that this one has waited for; 0 where the system
/// does not say. Linux counts it in hundredths of a second.
fn time_of_children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may have spaces: the 14th and 15th of the fields that follow.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let fields = fields.split_whitespace().skip(13).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The stages of the proof, one by one.
fn proof_by_stage(program: &Memory, runs: usize) {
    use erpc_prove::{Coverage, Exactness, Matrix, Partition, Reading};

    let compiled = program.compile();
    let Some((platform, derived)) = &compiled.result else {
        panic!("{:?}", compiled.diagnostics.as_slice().first());
    };
    let files = erpc_emit::files(platform, derived, &compiled.sources);
    let bytes: usize = files.iter().map(|file| file.text.len()).sum();
    println!(
        "{} services, {} edges, {} KB of output",
        platform.services.len(),
        derived.edges.as_slice().len(),
        bytes / 1024
    );
    let claimed = erpc_cli::claims::of_platform(platform);
    let cluster = erpc_cli::claims::cluster_addresses(platform);
    let manifests = erpc_cli::proof::read(&files);
    let partition = Partition::of(&manifests, &claimed.claims, &cluster);
    let matrix = Matrix::of(&partition, Reading::STANDARD, &cluster);
    let stages: [(&str, Duration); 6] = [
        ("read", least(runs, || erpc_cli::proof::read(&files))),
        (
            "claims",
            least(runs, || erpc_cli::claims::of_platform(platform)),
        ),
        (
            "classes",
            least(runs, || {
                Partition::of(&manifests, &claimed.claims, &cluster)
            }),
        ),
        (
            "matrix",
            least(runs, || Matrix::of(&partition, Reading::STANDARD, &cluster)),
        ),
        (
            "exactness",
            least(runs, || {
                Exactness::of(&partition, &mut matrix.clone(), &claimed.claims)
            }),
        ),
        (
            "coverage",
            least(runs, || Coverage::of(&partition, &matrix, &claimed.claims)),
        ),
    ];
    for (stage, time) in stages {
        println!("{stage:>10} {:>8.1}ms", time.as_secs_f64() * 1000.0);
    }
    println!("{:>10} {:>8}MB", "peak", peak_kib() / 1024);
}

fn measure(size: usize) {
    let program = platform_of(size);
    // The peak is that of one compilation, so it is read before anything is repeated.
    let compiled = program.compile();
    let Some((platform, derived)) = &compiled.result else {
        panic!("{:?}", compiled.diagnostics.as_slice().first());
    };
    let rendered = erpc_emit::files(platform, derived, &compiled.sources);
    drop(erpc_cli::proof::check(platform, &rendered));
    let peak = peak_kib();
    let runs = (20_000 / size).clamp(3, 30);
    let (loaded, _) = erpc_model::load("platform.erp", &program);
    let parse = least(runs, || erpc_model::load("platform.erp", &program));
    let resolve = least(runs, || erpc_model::resolve(&loaded, &program));
    let derive = least(runs, || Derived::of(platform));
    let graph = least(runs, || erpc_check::whole_graph(platform, derived));
    let whole_check = least(runs, || program.compile());
    let objects = least(runs, || {
        erpc_emit::objects(platform, derived, &compiled.sources)
    });
    let files = least(runs, || {
        erpc_emit::files(platform, derived, &compiled.sources)
    });
    let chart = least(runs, || {
        erpc_emit::files_and_chart(platform, derived, &compiled.sources)
    });
    let prove = least(runs, || {
        let found = erpc_cli::proof::check(platform, &rendered);
        assert!(found.is_empty(), "{:?}", found.as_slice().first());
    });
    let bytes: usize = program.files().map(|(_, bytes)| bytes.len()).sum();
    let (write, plain) = to_disk(&program, &rendered);
    let ms = |time: Duration| format!("{:.1}ms", time.as_secs_f64() * 1000.0);
    println!(
        "{:>8} {:>8} {:>7}K {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}KB",
        platform.services.len(),
        derived.edges.as_slice().len(),
        bytes / 1024,
        ms(parse),
        ms(resolve),
        ms(derive),
        ms(graph),
        ms(whole_check),
        ms(objects),
        ms(files),
        ms(chart.saturating_sub(files)),
        ms(prove),
        ms(derive + prove),
        ms(write),
        ms(plain),
        ms(whole_check + files + prove),
        peak / platform.services.len(),
    );
}

/// A whole `erpc build` to a new folder, and the same bytes in a plain loop.
fn to_disk(program: &Memory, rendered: &[erpc_emit::OutputFile]) -> (Duration, Duration) {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    for (path, bytes) in program.files() {
        std::fs::write(folder.path().join(path), bytes).expect("a source");
    }
    let built = folder.path().join("built");
    let write = least(1, || {
        let ran = erpc_tests::erpc(&[
            "build".as_ref(),
            folder.path().as_os_str(),
            "--quiet".as_ref(),
            "--out".as_ref(),
            built.as_os_str(),
        ]);
        assert_eq!(ran.exit, erpc_cli::Exit::Done, "{}", ran.err);
    });
    let looped = folder.path().join("looped");
    let plain = least(1, || {
        for file in rendered {
            let path = looped.join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder");
            std::fs::write(path, &file.text).expect("a file");
        }
    });
    (write, plain)
}

/// The most memory that this process has had, in KiB; 0 where the system does not say.
fn peak_kib() -> usize {
    std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
