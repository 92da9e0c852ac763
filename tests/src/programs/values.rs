//! What random programs say: names, texts, numbers and addresses, most of them ordinary, some at the limits of the
//! language or of Kubernetes and some beyond.

use erpc_model::properties::{BlockKind, Word};

use super::forms::{Open, expand};
use crate::random::Random;

/// Externals of every program.
pub(super) const EXTERNALS: &[&str] = &["bank", "office"];
/// Secrets of every program.
pub(super) const SECRETS: &[&str] = &["creds", "web", "tls"];
/// The secret with which images are fetched.
pub(super) const LOGIN: &str = "login";

/// Registries of every program, that of the platform beside them.
pub(super) const REGISTRIES: &str =
    "registries \"docker.io\", \"ghcr.io\", \"registry.example:5000\"";

/// Statements that [`super::Writer`] writes itself, or that change nothing of the objects.
pub(super) fn is_written_by_hand(word: &str, place: BlockKind) -> bool {
    let words: &[&str] = match place {
        BlockKind::Program => &[
            "erp",
            "use",
            "platform",
            "tiers",
            "namespace",
            "component",
            "let",
            "external",
            "never",
            "always",
            "rule",
            "test",
            "profile",
            "accept",
            "moved",
            "secret",
            "cluster",
            // They read files, and these programs are one.
            "manifests",
            "root",
        ],
        BlockKind::Platform => &["version", "cluster", "namespaces", "registries"],
        BlockKind::Cluster => &[
            "kubernetes",
            "nodes",
            "pods",
            "services",
            "api",
            "dns",
            "cni",
            "storage",
            "ingress",
        ],
        BlockKind::Namespace => &["tier", "service", "job", "manifests"],
        BlockKind::Service | BlockKind::Job => &[
            "sidecar", "init", "image", "cpu", "memory", "access", "mount",
        ],
        BlockKind::Sidecar | BlockKind::Init => &["image", "cpu", "memory", "mount"],
        _ => &[],
    };
    words.contains(&word)
}

const SERVICES: &[&str] = &["web", "api", "db", "a", "tmp", "x1", "http", "config"];
const PARTS: &[&str] = &["web", "proxy", "tmp", "data", "a", "setup"];
const PORTS: &[&str] = &["http", "web", "metrics", "a", "fifteen-letters"];
const TEXTS: &[&str] = &[
    "",
    "a",
    "x y",
    "true",
    "null",
    "1e3",
    "0x1F",
    "012",
    "- a",
    "a: b",
    "{{ .Values.x }}",
    "$(HOME)",
    "#x",
    "üñï",
    "'",
    "\\\"",
    "\\\\",
    "a\\nb",
    "a\\n",
    "@x",
    "~",
    "Zürich: 'x' # y",
];
const PATHS: &[&str] = &[
    "/",
    "/a",
    "/a/b",
    "/tmp",
    "/tmp/",
    "/data",
    "/etc/a",
    "/a b",
    "/ü",
    "/a:b",
    "relative",
    "/..",
    "/a/../b",
    "/var/run/x",
];
const SIZES: &[&str] = &["1Ki", "16Mi", "64Mi", "128Mi", "1Gi", "10Gi", "1Ti"];
const TIMES: &[&str] = &[
    "0s", "1ms", "500ms", "1s", "5s", "90s", "10m", "1h", "24h", "30d", "365d", "24855d",
];
const PERCENTS: &[&str] = &["0.001%", "1%", "50%", "75%", "99.9%", "99.9999%", "300%"];
const CIDRS: &[&str] = &[
    "203.0.113.0/24",
    "0.0.0.0/0",
    "198.51.100.7/32",
    "2001:db8::/32",
    "10.0.0.0/24",
    "192.0.2.1/24",
];
/// Lengths around the limits of Kubernetes, and around those that names with a suffix leave.
const LENGTHS: &[usize] = &[
    15, 16, 39, 46, 47, 50, 51, 52, 53, 54, 57, 58, 59, 62, 63, 64,
];

/// Chooses what is written.
pub(super) struct Values {
    random: Random,
    pool: usize,
    /// The names of the namespaces, with those of their services.
    layout: Vec<(String, Vec<String>)>,
    /// The ports of the workload that is written.
    ports: Vec<String>,
}

impl Values {
    pub(super) fn new(random: Random, pool: usize) -> Self {
        let mut values = Self {
            random,
            pool,
            layout: Vec::new(),
            ports: Vec::new(),
        };
        for place in 0..1 + values.below(2) {
            let name = format!("n{pool}-{place}");
            let name = if values.one_in(3) {
                values.long(&name)
            } else {
                name
            };
            let mut services: Vec<String> = (0..1 + values.below(6))
                .map(|_| values.service_name())
                .collect();
            services.sort();
            services.dedup();
            values.layout.push((name, services));
        }
        values
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound)
    }

    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.random.one_in(bound)
    }

    fn any<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// A name made longer, to a length near a limit.
    fn long(&mut self, name: &str) -> String {
        let length = LENGTHS[self.below(LENGTHS.len())].max(name.len() + 2);
        format!("{name}-{}", "x".repeat(length - name.len() - 1))
    }

    fn name(&mut self, of: &[&str]) -> String {
        let name = self.any(of).to_owned();
        if self.one_in(8) {
            self.long(&name)
        } else {
            name
        }
    }

    fn service_name(&mut self) -> String {
        if self.one_in(30) {
            return self.any(&["0a", "a--b", "a1-2"]).to_owned();
        }
        self.name(SERVICES)
    }

    /// The name of the platform, which labels carry.
    pub(super) fn platform(&mut self) -> String {
        let name = format!("p{}", self.pool);
        match self.one_in(6) {
            true => format!("{name}-{}", "x".repeat(63 - 1 - name.len())),
            false => name,
        }
    }

    /// The namespaces with their services.
    pub(super) fn layout(&self) -> Vec<(String, Vec<String>)> {
        self.layout.clone()
    }

    pub(super) fn begin_workload(&mut self) {
        self.ports.clear();
    }

    /// The name of a sidecar or an init container.
    pub(super) fn part_name(&mut self) -> String {
        self.name(PARTS)
    }

    pub(super) fn text(&mut self) -> String {
        match self.below(40) {
            0 => "x".repeat(300),
            1 => "long ".repeat(1000),
            _ => self.any(TEXTS).to_owned(),
        }
    }

    pub(super) fn image(&mut self) -> String {
        let images = [
            "a/b:1.0",
            "docker.io/library/nginx:1.27",
            "ghcr.io/acme/x:v1",
            "a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "registry.example:5000/a:1",
        ];
        self.any(&images).to_owned()
    }

    pub(super) fn cpu_range(&mut self) -> String {
        let all = [
            "1m", "10m", "100m", "1", "10m..20m", "0m..1", "1..2", "1m..1000",
        ];
        self.any(&all).to_owned()
    }

    pub(super) fn memory_range(&mut self) -> String {
        let all = ["1Ki", "16Mi", "64Mi..128Mi", "1Gi", "0Mi..1Gi", "1Mi..1Ti"];
        self.any(&all).to_owned()
    }

    pub(super) fn schedule(&mut self) -> String {
        let all = [
            "30 3 * * *",
            "@daily",
            "*/5 * * * *",
            "0 0 31 2 *",
            "0-30/5 1,2 * jan mon-fri",
            "@hourly",
        ];
        self.any(&all).to_owned()
    }

    /// The facts of a cluster in which everything fits.
    pub(super) fn cluster_facts(&mut self) -> Vec<String> {
        let version = 34 + self.below(4);
        let dns = self.any(&["kube-dns", "openshift", "node-local"]);
        let cni = self.any(&[
            "calico with nodes",
            "cilium",
            "kube-router with ranges, nodes",
        ]);
        let ingress = self.any(&["nginx by pods edge \"app=nginx\"", "nginx by nodes"]);
        let default = self.any(&[
            "storage fast default",
            "storage fast default create provisioner \"csi.example\" wait",
            "storage fast default create provisioner \"csi.example\" reclaim delete",
        ]);
        let dual = self.one_in(4);
        let (pods, services) = if dual {
            (", fd00:1::/48", ", fd00:2::/112")
        } else {
            ("", "")
        };
        [
            format!("kubernetes 1.{version}"),
            "nodes 5000 of cpu 1000, memory 8000Gi, in 172.16.0.0/16".to_owned(),
            format!("pods 10.128.0.0/10{pods}"),
            format!("services 10.96.0.0/12{services}"),
            "api 172.16.0.2:6443".to_owned(),
            format!("dns {dns}"),
            format!("cni {cni}"),
            default.to_owned(),
            "storage slow create provisioner \"slow.example\"".to_owned(),
            format!("ingress {ingress}"),
        ]
        .into()
    }

    /// The lines of one statement.
    pub(super) fn statement(&mut self, word: &'static Word, place: BlockKind) -> Vec<String> {
        let line = match (word.name, place) {
            ("port", _) => self.port(),
            ("health", _) => self.health(),
            ("config", _) => self.config(),
            ("identity", _) => self.identity(),
            ("scratch", _) => self.scratch(),
            ("env", _) => self.env(),
            ("suffix", _) => format!("suffix \"{}\"", self.any(&["-x", "-dev2", "0", "_"])),
            ("services", _) => {
                let level = self.text();
                format!(
                    "services {{ env DEFAULT = \"{level}\"; annotations \"a.b/default\" = \"1\" }}"
                )
            }
            ("secret", BlockKind::Namespace) => {
                let name = self.any(SECRETS);
                format!("secret {name} {{ keys \"k\", \"other\"; because \"of this namespace\" }}")
            }
            ("scale", _) => {
                let range = self.any(&["1..2", "2..6", "1..10000", "3..3"]).to_owned();
                let percent = self.any(PERCENTS);
                let on = self
                    .any(&["cpu P", "memory P", "cpu P, memory P"])
                    .replace('P', percent);
                format!("scale {range} on {on}")
            }
            ("slo", BlockKind::Service) if self.one_in(2) => {
                let below = self.any(TIMES);
                format!("slo latency p{} < {below}", self.any(&["50", "95", "99.9"]))
            }
            ("slo", _) => {
                let over = self.any(&["", " over 7d", " over 1h"]);
                format!("slo availability {}{over}", self.any(PERCENTS))
            }
            ("limits", _) => {
                let (cpu, memory) = (self.cpu_range(), self.memory_range());
                format!("limits cpu {cpu}, memory {memory}")
            }
            ("quota", _) => {
                "quota cpu 100..100000, memory 100Ti..2000Ti, pods 100000, storage 900Ti".to_owned()
            }
            ("grants", _) => self.grants(),
            ("expose", _) => self.expose(place),
            ("calls", _) => format!("calls {}{}", self.peer(true), self.manner()),
            ("allow", _) => {
                let from = self.peer(false);
                let from = from.split(':').next().unwrap_or_default();
                format!("allow {from} -> {}{}", self.peer(true), self.manner())
            }
            ("after", _) if !self.one_in(4) => return Vec::new(),
            ("after", BlockKind::Namespace) => {
                let at = self.below(self.layout.len());
                format!("after {}", self.layout[at].0)
            }
            ("after", _) => format!("after {}", self.some_service()),
            ("mesh", _) if !self.one_in(4) => return Vec::new(),
            ("patch", _) if !self.one_in(4) => return Vec::new(),
            ("patch", _) => self.any(PATCHES).to_owned(),
            _ => expand(
                word.form,
                &mut OfWord {
                    values: self,
                    word: word.name,
                    given: 0,
                },
            ),
        };
        vec![line]
    }

    fn port(&mut self) -> String {
        let name = self.name(PORTS);
        let number = match self.below(5) {
            0 => self
                .any(&["1", "80", "443", "53", "65535"])
                .parse()
                .unwrap_or(1),
            _ => 8000 + self.below(40),
        };
        self.ports.push(name.clone());
        let range = if self.one_in(10) {
            format!("..{}", (number + 1 + self.below(60)).min(65_535))
        } else {
            String::new()
        };
        let protocol = self.any(&["", "", "", "/udp", "/sctp", "/tcp"]);
        let container = match self.below(6) {
            0 => format!(" -> {}", 9000 + self.below(10)),
            _ => String::new(),
        };
        let host = if self.one_in(10) { " host" } else { "" };
        format!("port {name} {number}{range}{protocol}{container}{host}")
    }

    fn check(&mut self) -> String {
        let check = match self.below(3) {
            0 => format!(
                "http \"{}\"",
                self.any(&["/", "/ready", "/ü?x=1#y", "x", "/a b"])
            ),
            1 => "tcp".to_owned(),
            _ => {
                return format!(
                    "exec \"{}\", \"{}\"",
                    self.any(&["true", "/bin/sh"]),
                    self.text()
                );
            }
        };
        match self.ports.last() {
            Some(port) if self.random.one_in(2) => format!("{check} on {port}"),
            _ => check,
        }
    }

    fn health(&mut self) -> String {
        let check = self.check();
        if self.one_in(3) {
            return format!("health {check}");
        }
        let mut parts = Vec::new();
        for probe in ["ready", "live", "startup"] {
            if self.one_in(3) {
                continue;
            }
            let mut part = probe.to_owned();
            if self.one_in(4) {
                part.push_str(&format!(" {}", self.check()));
            }
            for word in ["after", "every", "within"] {
                if self.one_in(2) {
                    let time = self.any(&["0s", "1s", "5s", "500ms", "1h", "24h"]);
                    part.push_str(&format!(" {word} {time}"));
                }
            }
            if self.one_in(2) {
                part.push_str(&format!(" fails {}", self.any(&["1", "3", "1000"])));
            }
            parts.push(part);
        }
        format!("health {check} {{ {} }}", parts.join("; "))
    }

    fn config(&mut self) -> String {
        let name = self.name(PARTS);
        let files: Vec<String> = (0..=self.below(3))
            .map(|_| {
                let file = self
                    .any(&["a", "a.conf", "..b", "x/y", "A_b-c.json", "data"])
                    .to_owned();
                format!("\"{file}\" = \"{}\"", self.text())
            })
            .collect();
        let options = self.any(&["", "", " mode 0440", " only \"a\" as \"b/c\"", " optional"]);
        let content = match self.one_in(8) {
            true => "from \"theirs\"".to_owned(),
            false => format!("{{ {} }}", files.join("; ")),
        };
        format!("config {name} {content} at \"{}\"{options}", self.path())
    }

    /// Scratch space, and a container that mounts it once more.
    fn scratch(&mut self) -> String {
        let name = self.any(&["work", "cache", "spool"]).to_owned();
        let size = self.any(&["", " 1Gi", " 64Mi in memory", " in memory"]);
        let (at, part) = (
            self.path(),
            self.any(&["", " sub-path \"a/b\"", " read-only"]),
        );
        format!("scratch {name}{size} at \"{at}\"; mount {name} at \"/again-{name}\"{part}")
    }

    fn identity(&mut self) -> String {
        let mut lines = Vec::new();
        for word in ["workload", "container", "governing"] {
            if self.one_in(3) {
                let name = self.name(&["kept", "old.name", "x1", "web"]);
                lines.push(format!("{word} \"{name}\""));
            }
        }
        if !self.one_in(3) {
            let app = self.below(1000);
            let more = self.any(&[
                "",
                ", \"app.kubernetes.io/part-of\" = \"old\"",
                ", tier = \"\"",
            ]);
            lines.push(format!("selector app = \"a{app}\"{more}"));
        }
        for _ in 0..self.below(3) {
            let name = self.name(&["kept", "old", "web", "0x"]);
            let of = match self.below(3) {
                0 => format!(" for {}", self.any(PORTS)),
                _ => String::new(),
            };
            let words = self.any(&["", " headless", " unnamed", " headless unnamed"]);
            let block = self.any(&[
                "",
                " { labels app = \"x\", \"app.kubernetes.io/name\" = \"y\" }",
                " { annotations \"a.b/c\" = \"x: y\" }",
            ]);
            lines.push(format!("service \"{name}\"{of}{words}{block}"));
        }
        if self.one_in(4) {
            lines.push("ports unnamed".to_owned());
        }
        if self.one_in(6) {
            lines.push("service off".to_owned());
        }
        if self.one_in(3) {
            let name = self.any(&["robot", "default", "kept"]);
            let annotations = self.any(&["", " { annotations \"a.b/c\" = \"x y\" }"]);
            lines.push(match self.one_in(4) {
                true => "account from \"default\"".to_owned(),
                false => format!("account \"{name}\"{annotations}"),
            });
        }
        format!("identity {{ {} }}", lines.join("; "))
    }

    fn path(&mut self) -> String {
        match self.below(30) {
            0 => format!("/{}", "x".repeat(250)),
            1 => format!("/{}", "x".repeat(49)),
            2..10 => format!("/dir-{}", self.below(100)),
            _ => self.any(PATHS).to_owned(),
        }
    }

    fn env(&mut self) -> String {
        let name = self.variable();
        let value = match self.below(6) {
            0 => self.any(&["true", "1", "10m", "64Mi", "75%"]).to_owned(),
            1 => format!("address({}:{})", self.some_service(), self.any(PORTS)),
            2 => format!("host({})", self.some_service()),
            3 => {
                let (secret, key) = (self.any(SECRETS), self.any(&["k", "tls.crt", "missing"]));
                return format!("env {name} from secret {secret}.\"{key}\"");
            }
            _ => format!("\"{}\"", self.text()),
        };
        format!("env {name} = {value}")
    }

    fn variable(&mut self) -> String {
        let names = [
            "A",
            "B",
            "PATH",
            "a_b",
            "_X",
            "LONG_NAME_OF_A_VARIABLE",
            "X1",
        ];
        self.any(&names).to_owned()
    }

    fn grants(&mut self) -> String {
        let verbs = self.any(&[
            "get",
            "get, list, watch",
            "create, update, patch, delete",
            "deletecollection",
        ]);
        let on = self.any(&[
            "pods",
            "configmaps, services",
            "deployments.apps",
            "secrets",
            "nodes in cluster",
            "pods in cluster",
            "ingresses.networking.k8s.io",
            "pods/log",
            "widgets.example.com",
        ]);
        format!(
            "grants {verbs} on {on} because \"{}\"",
            self.any(&["x", "y: z"])
        )
    }

    fn expose(&mut self, place: BlockKind) -> String {
        let port = self.any(PORTS);
        let what = match place {
            BlockKind::Service => port.to_owned(),
            _ => format!("{}:{port}", self.some_service()),
        };
        let label = "h".repeat(63);
        let host = match self.below(8) {
            0 => format!("{label}.{label}.{label}.example"),
            1 => format!("{label}.example"),
            2 => "*.wild.example".to_owned(),
            _ => format!("h{}.example", self.below(6)),
        };
        let path = self.any(&["", "", "/", "/a", "/a/b", "/ü", "/a b"]);
        let tls = self.any(&["", "", " tls tls", " tls creds"]);
        let from = match self.below(4) {
            0 => format!(" from {}", self.any(CIDRS)),
            _ => String::new(),
        };
        match self.below(5) {
            0 => format!("expose {what} as loadbalancer{from}"),
            1 => format!("expose {what} as nodeport {}", 30_000 + self.below(2_800)),
            _ => format!("expose {what} at \"{host}{path}\"{tls}{from}"),
        }
    }

    fn some_service(&mut self) -> String {
        let at = self.below(self.layout.len());
        let (namespace, services) = &self.layout[at];
        let (namespace, services) = (namespace.clone(), services.clone());
        let service = services[self.below(services.len())].clone();
        format!("{namespace}.{service}")
    }

    /// A peer of a flow; a callee has a port.
    fn peer(&mut self, is_callee: bool) -> String {
        if self.one_in(4) {
            let outside = [
                "bank:web",
                "bank:many",
                "office:web",
                "internet:443",
                "internet:25",
                "cluster.api",
                "cluster.dns",
                "cluster.nodes:10250",
            ];
            return self.any(&outside).to_owned();
        }
        if self.one_in(6) {
            let namespace = self.some_service();
            let namespace = namespace.split('.').next().unwrap_or_default();
            return format!("{namespace}.*:{}", self.any(PORTS));
        }
        let service = self.some_service();
        if is_callee {
            format!("{service}:{}", self.any(PORTS))
        } else {
            service
        }
    }

    fn manner(&mut self) -> &'static str {
        self.any(&[" optional because \"x\"", " observes", " optional", ""])
    }
}

/// Patches in every form, each of a kind that some services have.
const PATCHES: &[&str] = &[
    "patch deployment { spec.minReadySeconds = 5 }",
    "patch deployment { spec.template.spec { tolerations = [{ key = \"a\"; operator = \"Exists\" }] } }",
    "patch deployment { spec.template.spec.containers.\"0\".env.EXTRA = { value = \"$(A)\" } }",
    "patch deployment { spec.template.spec.volumes.more = { emptyDir = { sizeLimit = 1Gi } } }",
    "patch deployment \"\"\"spec: { revisionHistoryLimit: 3, template: { metadata: { annotations: { a.b/c: \"1\" } } } }\"\"\"",
    "patch statefulset \"\"\"spec: { podManagementPolicy: Parallel, template: { spec: { nodeSelector: { a: b } } } }\"\"\"",
    "patch job { spec.template.spec { nodeSelector = { a = \"b\" }; terminationGracePeriodSeconds = 60 } }",
    "patch service \"\"\"spec: { sessionAffinity: ClientIP }\"\"\"",
];

/// What a form leaves open, for one word.
struct OfWord<'v> {
    values: &'v mut Values,
    word: &'static str,
    /// How many elements of lists were added.
    given: usize,
}

impl Open for OfWord<'_> {
    fn is_there(&mut self) -> bool {
        self.given += 1;
        self.given < 20 && self.values.one_in(2)
    }

    fn one_of(&mut self, parts: usize) -> usize {
        self.values.below(parts)
    }

    fn value(&mut self, placeholder: &str) -> String {
        let values = &mut *self.values;
        let any = |values: &mut Values, of: &[&str]| values.any(of).to_owned();
        let quoted = |text: String| format!("\"{text}\"");
        match (self.word, placeholder) {
            ("id", _) => quoted(any(values, &["a", "A-b_c.d"])),
            ("domain", _) => quoted(any(values, &["d.example", "example"])),
            ("registry" | "registries", _) => quoted(any(
                values,
                &["docker.io", "ghcr.io/acme", "registry.example:5000"],
            )),
            ("output", "PROFILE") => "small".to_owned(),
            ("output", "\"repository\"") => quoted("https://git.example/p.git".to_owned()),
            ("output", "\"revision\"") => quoted("main".to_owned()),
            ("output", "\"folder\"") => quoted(any(values, &["a", "a/b", "."])),
            ("environment", _) => any(values, &["test", "production"]),
            ("title" | "repo" | "command" | "args", _) | (_, "\"…\"") => quoted(values.text()),
            ("writable", _) | (_, "\"path\"" | "\"dir\"" | "\"/path\"") => quoted(values.path()),
            ("volume", "\"NAME\"") => quoted(any(values, &["theirs", "data-db-0"])),
            ("secret", "\"key\"") => quoted(any(values, &["k", "other"])),
            ("secret", "\"file\"") => quoted(any(values, &["f", "a/f"])),
            (_, "MODE") => any(values, &["0400", "0440", "0777"]),
            ("volume", "NAME") if self.given == 0 => values.name(PARTS),
            ("volume", "NAME") => any(values, &["fast", "slow", "missing"]),
            ("pull-secret" | "secret", "NAME") => any(values, &["creds", "web", "login", "tls"]),
            ("capability", _) => any(
                values,
                &[
                    "NET_BIND_SERVICE",
                    "CHOWN",
                    "SYS_ADMIN",
                    "NET_RAW",
                    "SYS_TIME",
                ],
            ),
            ("time-zone", _) => quoted(any(values, &["UTC", "Europe/Kyiv", "Mars/Base"])),
            ("labels" | "annotations", "KEY") => quoted(any(
                values,
                &[
                    "team",
                    "a.b/c",
                    "x_y",
                    "a/b/c",
                    "pod-security.kubernetes.io/enforce",
                ],
            )),
            ("labels", _) => quoted(any(
                values,
                &[
                    "",
                    "x",
                    "A_b.c",
                    "a b",
                    "restricted",
                    "baseline",
                    "privileged",
                ],
            )),
            ("annotations", _) => quoted(any(values, &["", "x", "any text, with signs: {}[]#&*"])),
            // Admission refuses pods of a class that the cluster does not have.
            ("priority", _) => any(
                values,
                &["system-cluster-critical", "system-node-critical", "High"],
            ),
            ("run", _) => any(values, &["0", "1", "1000", "65535", "2147483647"]),
            ("replicas" | "disruption" | "retries" | "history", "N") => {
                any(values, &["0", "1", "2", "3", "10", "1000"])
            }
            (_, "SIZE") => any(values, SIZES),
            (_, "TIME") => any(values, TIMES),
            (_, "PERCENT") => any(values, PERCENTS),
            ("tier", _) => any(values, &["low", "high"]),
            (word, other) => panic!(
                "the form of `{word}` has the placeholder {other}: give it values in tests/src/programs/values.rs"
            ),
        }
    }
}
