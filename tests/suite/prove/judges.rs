//! Judged by others: the matrix of ERP/1, of each example and of 200 random platforms, as
//! network-config-analyzer and cyclonus read the same bytes. `tests/judges/build` makes both.
//!
//! What is allowed for, and nothing else: nca hides what a workload says to itself. It is given a
//! pod for the cluster's DNS, which it would otherwise invent, and no Ingress objects, which it
//! takes for policies of their own. Cyclonus reads pods alone.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use erpc_prove::{
    Claims, Class, ClassId, ClusterAddresses, File, Manifests, Matrix, Partition, PortSets, Ports,
    Protocol, Reading,
};
use erpc_tests::random::random_platform;
use erpc_tests::{Memory, examples, folders_below, repository};
use serde_json::{Value, json};

use super::{Texts, committed};

/// How many random platforms there are.
const RANDOM: usize = 200;

/// A judge that answers a line of its input with a line of its output.
struct Judge {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Judge {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the judge starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let input = child.stdin.take();
        Self {
            child,
            input,
            output,
        }
    }

    fn ask(&mut self, line: &str) -> Value {
        let input = self.input.as_mut().expect("open until the end");
        writeln!(input, "{line}").expect("written");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("an answer");
        serde_json::from_str(&answer).expect("JSON")
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is what tests/judges/build prints"))
}

fn nca() -> Judge {
    let script = repository().join("tests/judges/ask_nca.py");
    Judge::start(
        Command::new(variable("ERPC_TEST_NCA"))
            .arg("-W")
            .arg("ignore")
            .arg(script),
    )
}

/// The platforms to judge, by name.
fn platforms() -> Vec<(String, Texts)> {
    let mut all = vec![("ERP/1".to_owned(), committed(&repository()))];
    for folder in examples()
        .into_iter()
        .chain(folders_below("tests/platforms"))
    {
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        all.push((name.to_owned(), committed(&folder)));
    }
    let (mut seed, mut made) = (0, 0);
    while made < RANDOM {
        seed += 1;
        // Mostly small ones, where most mistakes show; every eighth is large.
        let services = if made % 8 == 0 {
            20 + (made / 8) % 21
        } else {
            2 + made % 11
        };
        let compiled = Memory::of(random_platform(seed, services)).compile();
        let Some((platform, derived)) = &compiled.result else {
            // A flow that another one covers is an error; the next seed has none.
            assert!(
                seed < 10 * RANDOM as u64,
                "{:?}",
                compiled.diagnostics.as_slice().first()
            );
            continue;
        };
        let files = erpc_emit::files(platform, derived, &compiled.sources);
        let texts = files
            .into_iter()
            .map(|file| (file.path, file.text))
            .collect();
        all.push((format!("random {seed} of {services} services"), texts));
        made += 1;
    }
    all
}

/// Pods that answer DNS and serve routes, which platforms refer to and do not declare.
const OTHERS: &str = "apiVersion: v1
kind: Pod
metadata: {name: dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec: {containers: [{name: dns, image: dns}]}
---
apiVersion: v1
kind: Pod
metadata: {name: dns, namespace: openshift-dns, labels: {dns.operator.openshift.io/daemonset-dns: default}}
spec: {containers: [{name: dns, image: dns}]}
---
apiVersion: v1
kind: Pod
metadata: {name: outer, namespace: outer, labels: {app: outer}}
spec: {containers: [{name: outer, image: outer}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-system, labels: {kubernetes.io/metadata.name: kube-system}}
---
apiVersion: v1
kind: Namespace
metadata: {name: openshift-dns, labels: {kubernetes.io/metadata.name: openshift-dns}}
---
apiVersion: v1
kind: Namespace
metadata: {name: outer, labels: {kubernetes.io/metadata.name: outer}}
";

/// Writes what a judge may see below a folder.
fn lay_out(folder: &Path, texts: &Texts) -> Texts {
    let mut given: Texts = texts
        .iter()
        .filter(|(path, _)| !path.ends_with("/ingress.yaml"))
        .cloned()
        .collect();
    given.push(("others.yaml".to_owned(), OTHERS.to_owned()));
    for (path, text) in &given {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    given
}

/// Ranges of addresses by family, first and last, with something for each; one of zeros for pods.
type Ranges<P> = Vec<(u8, u128, u128, P)>;

/// What may be said between two: for addresses, by their ranges; ports as text.
type Said = BTreeMap<(String, String), Ranges<String>>;

/// Puts ranges that touch and say the same together.
fn joined(said: Said) -> Said {
    let join = |mut ranges: Ranges<String>| {
        ranges.sort();
        let mut out: Ranges<String> = Vec::new();
        for range in ranges {
            match out.last_mut() {
                Some(before)
                    if before.0 == range.0
                        && before.2.checked_add(1) == Some(range.1)
                        && before.3 == range.3 =>
                {
                    before.2 = range.2;
                }
                _ => out.push(range),
            }
        }
        out
    };
    said.into_iter()
        .map(|(pair, ranges)| (pair, join(ranges)))
        .collect()
}

fn key(ip: IpAddr) -> (u8, u128) {
    match ip {
        IpAddr::V4(ip) => (4, u32::from(ip).into()),
        IpAddr::V6(ip) => (6, ip.into()),
    }
}

fn ours(manifests: &Manifests) -> Said {
    let (claims, cluster) = (Claims::new(), ClusterAddresses::default());
    let partition = Partition::of(manifests, &claims, &cluster);
    let mut matrix = Matrix::of(&partition, Reading::STANDARD, &cluster);
    let mut said = Said::new();
    let shown = |class: ClassId| match partition.class(class) {
        Class::Workload(one) => Some(format!("{}/{}[{}]", one.namespace, one.name, one.kind)),
        Class::Addresses(_) => Some("addresses".to_owned()),
        Class::OtherPod { .. } => None,
    };
    for from in partition.classes() {
        for to in partition.classes() {
            let (Some(a), Some(b)) = (shown(from), shown(to)) else {
                continue;
            };
            let ports = matrix.get(from, to);
            if ports.is_empty() || from == to {
                continue;
            }
            let ports = matrix.sets().show(ports);
            let ranges = said.entry((a, b)).or_default();
            let addresses = [from, to]
                .into_iter()
                .find_map(|class| match partition.class(class) {
                    Class::Addresses(ranges) => Some(ranges),
                    Class::Workload(_) | Class::OtherPod { .. } => None,
                });
            match addresses {
                Some(all) => ranges.extend(all.iter().map(|range| {
                    let ((family, first), (_, last)) = (key(range.first()), key(range.last()));
                    (family, first, last, ports.clone())
                })),
                None => ranges.push((0, 0, 0, ports)),
            }
        }
    }
    joined(said)
}

/// `a => b : {protocols:TCP, UDP,dst_ports:53,80-81}`, a pair on several lines where its protocols
/// have different ports.
fn theirs(lines: &Value) -> Said {
    let mut said: BTreeMap<(String, String), Ranges<Vec<Ports>>> = BTreeMap::new();
    for line in lines.as_array().expect("lines") {
        let line = line.as_str().expect("a line");
        let (pair, ports) = line.rsplit_once(" : ").expect("ports");
        let (from, to) = pair.split_once(" => ").expect("a pair");
        let ports = ports_of(ports);
        let range = |end: &str| {
            let (first, last) = end.split_once('-').unwrap_or((end, end));
            let ((family, first), (_, last)) = (key(first.parse().ok()?), key(last.parse().ok()?));
            Some((family, first, last, ports.clone()))
        };
        let name = |end: &str| match range(end) {
            Some(_) => "addresses".to_owned(),
            None => end.to_owned(),
        };
        let one = range(from).or_else(|| range(to));
        let one = one.unwrap_or_else(|| (0, 0, 0, ports.clone()));
        said.entry((name(from), name(to))).or_default().push(one);
    }
    let mut sets = PortSets::default();
    let cut = said
        .into_iter()
        .map(|(pair, ranges)| (pair, united(&ranges, &mut sets)));
    joined(cut.collect())
}

/// Ranges cut where another one starts or ends, each with the ports of all that hold it.
fn united(ranges: &[(u8, u128, u128, Vec<Ports>)], sets: &mut PortSets) -> Ranges<String> {
    let mut starts: Vec<(u8, u128)> = Vec::new();
    for (family, first, last, _) in ranges {
        starts.push((*family, *first));
        starts.extend(last.checked_add(1).map(|after| (*family, after)));
    }
    starts.sort_unstable();
    starts.dedup();
    let mut out = Vec::new();
    for (at, (family, first)) in starts.iter().enumerate() {
        let holding: Vec<_> = ranges
            .iter()
            .filter(|(of, from, to, _)| of == family && from <= first && first <= to)
            .collect();
        let ports: Vec<Ports> = holding.iter().flat_map(|one| one.3.clone()).collect();
        let Some(end) = holding.iter().map(|one| one.2).min() else {
            continue;
        };
        let next = starts.get(at + 1).filter(|(of, _)| of == family);
        let last = next.map_or(end, |(_, next)| end.min(next - 1));
        let set = sets.intern(&ports);
        out.push((*family, *first, last, sets.show(set)));
    }
    out
}

fn ports_of(text: &str) -> Vec<Ports> {
    if text == "All connections" {
        return Protocol::ALL.map(Ports::all).to_vec();
    }
    let mut out = Vec::new();
    for part in text.split('}').filter(|part| part.contains("protocols:")) {
        let (_, part) = part.split_once("protocols:").expect("protocols");
        let (protocols, numbers) = match part.split_once(",dst_ports:") {
            Some((protocols, numbers)) => (protocols, Some(numbers)),
            None => (part, None),
        };
        for protocol in protocols.split(", ") {
            let protocol = Protocol::from_name(protocol.trim()).unwrap_or_else(|| panic!("{text}"));
            match numbers {
                None => out.push(Ports::all(protocol)),
                Some(numbers) => out.extend(numbers.split(',').map(|one| {
                    let (first, last) = one.split_once('-').unwrap_or((one, one));
                    let number =
                        |text: &str| text.trim().parse().unwrap_or_else(|_| panic!("{text}"));
                    Ports::range(protocol, number(first), number(last))
                })),
            }
        }
    }
    out
}

fn manifests(texts: &Texts) -> Manifests {
    let files: Vec<File<'_>> = texts
        .iter()
        .map(|(path, text)| File {
            path,
            bytes: text.as_bytes(),
        })
        .collect();
    let manifests = Manifests::read(&files);
    assert_eq!(manifests.problems, []);
    manifests
}

#[test]
#[ignore = "needs the judges that tests/judges/build makes; tests/run runs it"]
fn network_config_analyzer_reads_the_same_matrix() {
    let mut judge = nca();
    let (mut platforms_judged, mut pairs) = (0, 0);
    for (name, texts) in platforms() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let given = lay_out(folder.path(), &texts);
        let theirs = theirs(&judge.ask(&folder.path().display().to_string()));
        let ours = ours(&manifests(&given));
        for pair in ours.keys().chain(theirs.keys()) {
            assert_eq!(ours.get(pair), theirs.get(pair), "{name}: {pair:?}");
        }
        platforms_judged += 1;
        pairs += ours.len();
    }
    println!("nca agrees on {platforms_judged} platforms, {pairs} pairs");
    assert!(platforms_judged > RANDOM && pairs > 10 * RANDOM);
}

#[test]
#[ignore = "needs the judges that tests/judges/build makes; tests/run runs it"]
fn cyclonus_reads_the_same_matrix() {
    let mut judge = Judge::start(&mut Command::new(variable("ERPC_TEST_CYCLONUS")));
    let (mut platforms_judged, mut triples) = (0, 0);
    for (name, texts) in platforms() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let given = lay_out(folder.path(), &texts);
        let manifests = manifests(&given);
        let (claims, cluster) = (Claims::new(), ClusterAddresses::default());
        let partition = Partition::of(&manifests, &claims, &cluster);
        let mut matrix = Matrix::of(&partition, Reading::STANDARD, &cluster);
        let ports = ports_at_edges(&partition, &mut matrix);
        let labels = |list: &[(smol_str::SmolStr, smol_str::SmolStr)]| -> Value {
            list.iter()
                .map(|(key, value)| (key.to_string(), json!(value.as_str())))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let workloads: Vec<ClassId> = partition.workload_classes().collect();
        let pods: Vec<Value> = workloads
            .iter()
            .filter_map(|class| partition.workload(*class))
            .map(|one| {
                json!({
                    "Namespace": one.namespace.as_str(),
                    "NamespaceLabels": {"kubernetes.io/metadata.name": one.namespace.as_str()},
                    "Labels": labels(&one.labels),
                })
            })
            .collect();
        let asked: Vec<Value> = ports
            .iter()
            .map(|(protocol, port)| json!({"Protocol": protocol.as_str(), "Port": port}))
            .collect();
        // An address of the pods, which every platform keeps out of its blocks.
        let request =
            json!({"Folder": folder.path(), "Address": "10.244.7.7", "Pods": pods, "Ports": asked});
        let mut theirs: Vec<[usize; 3]> =
            serde_json::from_value(judge.ask(&request.to_string())).expect("triples");
        let mut ours = Vec::new();
        for (from, caller) in workloads.iter().enumerate() {
            for (to, called) in workloads.iter().enumerate() {
                let set = matrix.get(*caller, *called);
                for (at, (protocol, port)) in ports.iter().enumerate() {
                    if matrix.sets().contains(set, *protocol, *port) {
                        ours.push([from, to, at]);
                    }
                }
            }
        }
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs, "{name}");
        platforms_judged += 1;
        triples += ours.len();
    }
    println!("cyclonus agrees on {platforms_judged} platforms, {triples} pairs with a port");
    assert!(platforms_judged > RANDOM && triples > 10 * RANDOM);
}

/// Every port at which something starts or ends, and its neighbours.
fn ports_at_edges(partition: &Partition<'_>, matrix: &mut Matrix) -> Vec<(Protocol, u16)> {
    let mut ports = vec![(Protocol::Tcp, 1), (Protocol::Udp, 1), (Protocol::Sctp, 1)];
    for cell in matrix.cells() {
        if partition.is_pod(cell.from) && partition.is_pod(cell.to) {
            for range in matrix.sets().list(cell.ports) {
                let around = [
                    range.first.saturating_sub(1).max(1),
                    range.first,
                    range.last,
                    range.last.saturating_add(1),
                ];
                ports.extend(around.map(|port| (range.protocol, port)));
            }
        }
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}
