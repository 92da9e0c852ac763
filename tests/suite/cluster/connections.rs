//! The way to the API server: the kubeconfig, proxies, tokens, and who erpc says that it is. Everything
//! is as in kubectl.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tempfile::TempDir;

use super::server::{Cluster, Program, Ran, erpc};

/// A proxy in this process: it connects every tunnel to one port of this machine, and remembers for whom
/// and with which credentials it was asked.
struct Tunnels {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Tunnels {
    fn start(
        shake_hands: fn(&mut TcpStream) -> std::io::Result<Option<String>>,
        target: u16,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || tunnel(client, shake_hands, target, &kept));
            }
        });
        Self { port, seen }
    }

    /// The tunnels since this was asked last.
    fn seen(&self) -> BTreeSet<String> {
        let mut seen = self.seen.lock().expect("no other panicked");
        std::mem::take(&mut *seen).into_iter().collect()
    }
}

/// A connection that breaks is the client's affair: its command fails.
fn tunnel(
    mut client: TcpStream,
    shake_hands: fn(&mut TcpStream) -> std::io::Result<Option<String>>,
    target: u16,
    seen: &Mutex<Vec<String>>,
) -> Option<()> {
    let asked = shake_hands(&mut client).ok()??;
    seen.lock().ok()?.push(asked);
    let mut server = TcpStream::connect(("127.0.0.1", target)).ok()?;
    let (mut from_client, mut to_server) = (client.try_clone().ok()?, server.try_clone().ok()?);
    let up = std::thread::spawn(move || {
        let copied = std::io::copy(&mut from_client, &mut to_server);
        copied.and(to_server.shutdown(std::net::Shutdown::Write))
    });
    let down =
        std::io::copy(&mut server, &mut client).and(client.shutdown(std::net::Shutdown::Both));
    down.ok()?;
    up.join().ok()?.ok()
}

/// `CONNECT host:port` (RFC 9110 §9.3.6) with `user:password`; `None` where these are others.
fn connect(client: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let wanted = format!("Proxy-Authorization: Basic {}", BASE64.encode("us@er:pass"));
    if !lines.contains(&wanted) {
        client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")?;
        return Ok(None);
    }
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let target = lines[0].split(' ').nth(1).unwrap_or_default();
    Ok(Some(target.to_owned()))
}

/// SOCKS 5 (RFC 1928) with `user` and `pass` (RFC 1929).
fn socks(client: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut read = |length: usize| -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        client.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let methods = read(2)?;
    read(methods[1].into())?;
    client.write_all(&[5, 2])?;
    let mut text = |skipped: usize| -> std::io::Result<String> {
        let mut head = vec![0; skipped + 1];
        client.read_exact(&mut head)?;
        let mut bytes = vec![0; usize::from(head[skipped])];
        client.read_exact(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let credentials = (text(1)?, text(0)?);
    let is_right = credentials == ("us@er".to_owned(), "pass".to_owned());
    client.write_all(&[1, u8::from(!is_right)])?;
    if !is_right {
        return Ok(None);
    }
    let mut head = [0; 4];
    client.read_exact(&mut head)?;
    let host = match head[3] {
        1 => {
            let mut ip = [0; 4];
            client.read_exact(&mut ip)?;
            std::net::Ipv4Addr::from(ip).to_string()
        }
        _ => {
            let mut length = [0];
            client.read_exact(&mut length)?;
            let mut name = vec![0; length[0].into()];
            client.read_exact(&mut name)?;
            String::from_utf8_lossy(&name).into_owned()
        }
    };
    let mut port = [0; 2];
    client.read_exact(&mut port)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(Some(format!("{host}:{}", u16::from_be_bytes(port))))
}

fn port_of(cluster: &Cluster) -> u16 {
    let text = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    let (_, rest) = text.split_once("https://127.0.0.1:").expect("a server");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a port")
}

/// A kubeconfig of the administrator with a part replaced.
fn kubeconfig(cluster: &Cluster, folder: &Path, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    assert!(text.contains(from), "`{from}` is in {text}");
    let path = folder.join("kubeconfig");
    std::fs::write(&path, text.replace(from, to)).expect("a file");
    path.display().to_string()
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn proxies_are_those_that_kubectl_would_take() {
    let cluster = Cluster::start();
    let shop = Program::shop();
    let port = port_of(&cluster);
    let (http, socks) = (Tunnels::start(connect, port), Tunnels::start(socks, port));
    // The server's certificate names it so, and no name server knows it.
    let named = format!("https://kubernetes.default.svc:{port}");
    let local = format!("https://127.0.0.1:{port}");
    let folder = TempDir::new().expect("a temporary folder");
    let far = kubeconfig(&cluster, folder.path(), &local, &named);
    let status = |kubeconfig: &str, variables: &[(&str, String)]| {
        let mut command = erpc(&["status", "--kubeconfig", kubeconfig], shop.path());
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        let variables = variables.iter().map(|(name, value)| (*name, value));
        Ran::of(&command.envs(variables).output().expect("erpc runs"))
    };
    let http_url = format!("http://us%40er:pass@127.0.0.1:{}", http.port);
    let socks_url = format!("socks5://us%40er:pass@127.0.0.1:{}", socks.port);
    let tunnel = BTreeSet::from([format!("kubernetes.default.svc:{port}")]);

    // Requests and watches go through it: nothing is applied, which status says with exit code 3.
    status(&far, &[("HTTPS_PROXY", http_url.clone())])
        .exits(3)
        .says(&["no Deployment api"]);
    assert_eq!(http.seen(), tunnel);
    status(&far, &[("https_proxy", socks_url.clone())]).exits(3);
    assert_eq!(socks.seen(), tunnel);

    // An address of this machine has no proxy of the environment, but one of the kubeconfig.
    let near = cluster.kubeconfig().display().to_string();
    status(&near, &[("HTTPS_PROXY", http_url.clone())]).exits(3);
    assert_eq!(http.seen(), BTreeSet::new());
    let folder = TempDir::new().expect("a temporary folder");
    let server = format!("server: {local}\n");
    let proxied = format!("{server}    proxy-url: {socks_url}\n");
    let proxied = kubeconfig(&cluster, folder.path(), &server, &proxied);
    status(&proxied, &[("NO_PROXY", "*".to_owned())]).exits(3);
    assert_eq!(socks.seen(), BTreeSet::from([format!("127.0.0.1:{port}")]));

    // What NO_PROXY names is asked directly, and kubectl does not know ALL_PROXY.
    let exempt = [
        ("HTTPS_PROXY", http_url.clone()),
        ("NO_PROXY", "a.example,.svc".to_owned()),
    ];
    status(&far, &exempt).exits(1).says(&["no cluster answers"]);
    status(&far, &[("ALL_PROXY", http_url.clone())])
        .exits(1)
        .says(&["no cluster answers", "ALL_PROXY is not read"]);
    assert_eq!(http.seen(), BTreeSet::new());

    // A proxy that refuses is named, without its password.
    let wrong = http_url.replace("pass", "hunter2");
    let refused = status(&far, &[("HTTPS_PROXY", wrong)]).exits(1).says(&[
        "through the proxy http://127.0.0.1:",
        "(HTTPS_PROXY)",
        "proxy authorization required",
    ]);
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    status(&far, &[("HTTPS_PROXY", "ftp://proxy".to_owned())])
        .exits(1)
        .says(&["HTTPS_PROXY does not name a proxy: expected the scheme http"]);
}

#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn every_request_names_erpc_and_its_command_and_tokens_may_end_with_a_newline() {
    let cluster = Cluster::start_audited();
    let shop = Program::shop();
    cluster.kubectl(&["create", "serviceaccount", "ci", "-n", "default"]);
    cluster.kubectl(&[
        "create",
        "clusterrolebinding",
        "ci",
        "--clusterrole=cluster-admin",
        "--serviceaccount=default:ci",
    ]);
    let token = cluster.kubectl(&["create", "token", "ci", "-n", "default"]);
    assert!(!token.trim().is_empty());
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("token"), format!("{}\n", token.trim())).expect("a file");
    let text = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    let (before, _) = text
        .split_once("    client-certificate-data:")
        .expect("a certificate");
    let with = |name: &str, line: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{before}    {line}\n")).expect("a file");
        path.display().to_string()
    };
    let of_file = with("of-file", "tokenFile: token");
    let inline = with("inline", &format!("token: \"{}\\n\"", token.trim()));
    let run = |arguments: &[&str], kubeconfig: &str| {
        let mut all = arguments.to_vec();
        all.extend(["--kubeconfig", kubeconfig]);
        cluster.erpc(&all, shop.path())
    };
    run(&["plan"], &inline).exits(2);
    run(&["apply", "--yes"], &of_file).exits(0);
    run(&["status"], &of_file).exits(0);
    run(&["drift"], &inline).exits(0);

    let entries = cluster.audited("system:serviceaccount:default:ci");
    let agents: BTreeSet<&str> = entries
        .iter()
        .map(|entry| entry["userAgent"].as_str().unwrap_or_default())
        .collect();
    let (version, os, arch) = (
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
    );
    let of = |command: &str| format!("erpc/{version} ({os}/{arch}) {command}");
    let wanted = ["apply", "drift", "plan", "status"].map(of);
    assert_eq!(agents, wanted.iter().map(String::as_str).collect());
    let watches = entries
        .iter()
        .filter(|entry| entry["verb"] == "watch")
        .count();
    assert!(watches > 0, "the watches are among them");
}

#[test]
fn files_of_the_kubeconfig_list_that_do_not_exist_are_ignored() {
    let folder = TempDir::new().expect("a temporary folder");
    let shop = Program::shop();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    // A server that refuses every connection: what is said names its context.
    let context = "contexts: [{name: chosen, context: {cluster: c, user: u}}]\n\
                   clusters: [{name: c, cluster: {server: \"http://127.0.0.1:1\"}}]\n";
    let named = write("named", &format!("current-context: chosen\n{context}"));
    let unset = write("unset", "current-context: \"\"\ncontexts: []\n");
    let without = write("without", context);
    let empty = write("empty", "");
    let missing = folder.path().join("missing").display().to_string();
    let plan = |list: &[&str]| {
        let mut command = erpc(&["status"], shop.path());
        command
            .env("KUBECONFIG", list.join(":"))
            .env("HOME", folder.path())
            .env_remove("KUBERNETES_SERVICE_HOST");
        Ran::of(&command.output().expect("erpc runs")).exits(1)
    };
    plan(&[&missing, "", &named]).says(&["no cluster answers for context `chosen`"]);
    plan(&[&unset, &named]).says(&["no cluster answers for context `chosen`"]);
    plan(&[&missing, &missing]).says(&[&format!("there is no kubeconfig at {missing}\n")]);
    plan(&[&without]).says(&[
        "has no current context",
        "choose one with --context: chosen",
    ]);
    let said = plan(&[&empty]).says(&["has no current context", "it has no contexts"]);
    assert!(!said.err.contains("choose one"), "{}", said.err);

    // A file that is named by itself must exist.
    let mut command = erpc(&["status", "--kubeconfig", &missing], shop.path());
    let output = command.env("KUBECONFIG", &named).output();
    Ran::of(&output.expect("erpc runs"))
        .exits(1)
        .says(&[&format!("there is no kubeconfig at {missing}")]);
}

#[cfg(unix)]
#[test]
#[ignore = "needs the server that tests/cluster/build makes; tests/run runs it"]
fn a_plan_file_can_be_read_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let cluster = Cluster::start();
    let shop = Program::shop();
    let file = shop.path().join("plan.json");
    let mode = || {
        let metadata = std::fs::metadata(&file).expect("the plan");
        metadata.permissions().mode() & 0o777
    };
    let save = || {
        cluster
            .erpc(&["plan", "--out", "plan.json"], shop.path())
            .exits(2)
    };
    save();
    assert_eq!(mode(), 0o600);
    // One that others could read before cannot be read by them afterwards.
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("ours");
    save();
    assert_eq!(mode(), 0o600);
}
