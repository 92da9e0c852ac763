//! Requests to the API server of the tests that need neither kubectl for each nor what `erpc` itself calls it with:
//! thousands of dry runs through `kubectl proxy`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use erpc_emit::schema::{self, Scope};
use serde_json::Value;

use super::server::Cluster;

/// A proxy that adds the identity of an administrator to requests.
pub(super) struct Proxy {
    process: Child,
    address: String,
}

impl Proxy {
    pub(super) fn start(cluster: &Cluster) -> Self {
        let mut process = Command::new(cluster.binary())
            .args(["kubectl", "proxy", "--port=0"])
            .env("KUBECONFIG", cluster.kubeconfig())
            .env("HOME", cluster.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("kubectl runs");
        let mut line = String::new();
        let out = process.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let address = line
            .trim()
            .rsplit(' ')
            .next()
            .unwrap_or_default()
            .to_owned();
        Self { process, address }
    }

    pub(super) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(&self.address).expect("the proxy listens");
        Connection {
            reader: BufReader::new(stream.try_clone().expect("a second handle")),
            stream,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let killed = self.process.kill();
        killed.and_then(|()| self.process.wait()).expect("it runs");
    }
}

/// A connection that is used again.
pub(super) struct Connection {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

/// Whether a request writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// It does.
    Really,
    /// The server does everything but that.
    DryRun,
}

impl Connection {
    /// Applies an object on the server's side with strict validation; why the server refuses it.
    pub(super) fn apply(&mut self, object: &Value, write: Writes) -> Result<(), String> {
        let name = object["metadata"]["name"].as_str().expect("a name");
        let path = format!("{}/{name}", collection(object));
        let kind = "application/apply-patch+yaml";
        self.send(
            "PATCH",
            &format!("{path}?fieldManager=test&force=true"),
            kind,
            object,
            write,
        )
    }

    /// Creates an object.
    pub(super) fn create(&mut self, object: &Value, write: Writes) -> Result<(), String> {
        let path = format!("{}?fieldManager=test", collection(object));
        self.send("POST", &path, "application/json", object, write)
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        kind: &str,
        body: &Value,
        write: Writes,
    ) -> Result<(), String> {
        let dry_run = match write {
            Writes::Really => "",
            Writes::DryRun => "&dryRun=All",
        };
        let body = body.to_string();
        let request = format!(
            "{method} {path}&fieldValidation=Strict{dry_run} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream
            .write_all(request.as_bytes())
            .expect("the proxy reads");
        let (status, answer) = self.answer();
        if status < 300 {
            return Ok(());
        }
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_else(|error| {
            panic!("{status}: {error}: {}", String::from_utf8_lossy(&answer))
        });
        Err(format!(
            "{status} {}",
            answer["message"].as_str().unwrap_or_default()
        ))
    }

    /// The status and the body of an answer.
    fn answer(&mut self) -> (u16, Vec<u8>) {
        let status = self.line();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let (mut length, mut is_chunked) = (0, false);
        loop {
            let line = self.line().to_ascii_lowercase();
            match line.split_once(": ") {
                Some(("content-length", number)) => length = number.parse().expect("a number"),
                Some(("transfer-encoding", "chunked")) => is_chunked = true,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = Vec::new();
        if is_chunked {
            loop {
                let size = usize::from_str_radix(&self.line(), 16).expect("the size of a chunk");
                self.read(size, &mut body);
                self.line();
                if size == 0 {
                    break;
                }
            }
        } else {
            self.read(length, &mut body);
        }
        (status.expect("an HTTP status"), body)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    fn read(&mut self, bytes: usize, into: &mut Vec<u8>) {
        let at = into.len();
        into.resize(at + bytes, 0);
        self.reader.read_exact(&mut into[at..]).expect("the body");
    }
}

/// Where the API serves the objects of this kind.
fn collection(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let known = schema::kind(schema::Version::NEWEST, &api_version, &kind).expect("a kind");
    let root = if api_version.contains('/') {
        "/apis"
    } else {
        "/api"
    };
    match known.scope {
        Scope::Cluster => format!("{root}/{api_version}/{}", known.plural),
        Scope::Namespaced => {
            let namespace = text(&object["metadata"]["namespace"]);
            format!(
                "{root}/{api_version}/namespaces/{namespace}/{}",
                known.plural
            )
        }
    }
}
