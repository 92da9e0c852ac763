//! The content of a release: its source and its objects, compressed.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use erpc_diagnostics::Span;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::object::{ObjectId, Packed};
use crate::program::{Desired, Program};

/// What a content may unpack to; its bytes come from the cluster.
const MOST_UNPACKED: u64 = 512 * 1024 * 1024;

/// A commit of Git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRevision {
    /// The full hash.
    pub commit: String,
    /// Whether the working tree differs from it.
    pub is_modified: bool,
}

/// Everything that a compilation read, so that it can be repeated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceSnapshot {
    /// The name of the root file.
    pub root: String,
    /// Files by their path, relative to the root file.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Modules of the library by name.
    pub modules: BTreeMap<String, Vec<u8>>,
    /// The revision of the files.
    pub revision: Option<SourceRevision>,
}

/// The first line of a content; each object has a line of its own behind it.
#[derive(Serialize, Deserialize)]
struct Head {
    root: String,
    files: BTreeMap<String, String>,
    modules: BTreeMap<String, String>,
}

/// A release as it was stored.
#[derive(Debug)]
pub struct StoredRelease {
    /// Its source.
    pub source: SourceSnapshot,
    pub(super) objects: Vec<(Option<String>, Value)>,
}

/// The content of a release: source and objects, compressed.
pub(crate) fn pack(source: &SourceSnapshot, program: &Program<'_>) -> Result<Vec<u8>, Failure> {
    let texts = |files: &BTreeMap<String, Vec<u8>>| {
        let files = files.iter();
        files
            .map(|(name, bytes)| (name.clone(), BASE64.encode(bytes)))
            .collect()
    };
    let head = Head {
        root: source.root.clone(),
        files: texts(&source.files),
        modules: texts(&source.modules),
    };
    let write = || -> std::io::Result<Vec<u8>> {
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        serde_json::to_writer(&mut out, &head)?;
        for object in &program.objects {
            let service = object.service.map(|id| program.platform.path(id));
            writeln!(out)?;
            out.write_all(service.unwrap_or_default().as_bytes())?;
            out.write_all(b"\t")?;
            out.write_all(object.body.text().as_bytes())?;
        }
        out.finish()
    };
    write().map_err(|error| Failure::new(format!("the release cannot be compressed: {error}")))
}

pub(super) fn unpack(bytes: &[u8]) -> Result<StoredRelease, String> {
    let mut text = String::new();
    GzDecoder::new(bytes)
        .take(MOST_UNPACKED)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    let mut lines = text.lines();
    let head: Head =
        serde_json::from_str(lines.next().unwrap_or_default()).map_err(|e| e.to_string())?;
    let bytes_of = |files: BTreeMap<String, String>| {
        let files = files.into_iter();
        let files = files.map(|(name, text)| {
            let bytes = BASE64.decode(text).map_err(|error| error.to_string())?;
            Ok((name, bytes))
        });
        files.collect::<Result<BTreeMap<_, _>, String>>()
    };
    let mut objects = Vec::new();
    for line in lines {
        let (service, body) = line.split_once('\t').ok_or("an object without a service")?;
        let body = serde_json::from_str(body).map_err(|error| error.to_string())?;
        objects.push(((!service.is_empty()).then(|| service.to_owned()), body));
    }
    Ok(StoredRelease {
        source: SourceSnapshot {
            root: head.root,
            files: bytes_of(head.files)?,
            modules: bytes_of(head.modules)?,
            revision: None,
        },
        objects,
    })
}

impl StoredRelease {
    /// The program with the stored objects in place of those that this version of erpc emits from the
    /// stored source.
    ///
    /// # Errors
    ///
    /// An object is of a kind, or belongs to a service, that the program does not have.
    pub fn restore<'p>(&self, program: Program<'p>) -> Result<Program<'p>, Failure> {
        let services: BTreeMap<String, _> = program
            .platform
            .services()
            .map(|(id, _)| (program.platform.path(id), id))
            .collect();
        let mut objects = Vec::with_capacity(self.objects.len());
        for (service, body) in &self.objects {
            let kind = body["kind"].as_str().unwrap_or_default();
            let group = body["apiVersion"].as_str().unwrap_or_default();
            let group = group.rsplit_once('/').map_or("", |(group, _)| group);
            let kind = program.kind(group, kind).ok_or_else(|| {
                Failure::new(format!(
                    "the release has an object of the unknown kind `{kind}`"
                ))
                .help("roll back with the version of erpc that applied it: `erpc history`")
            })?;
            let service = match service {
                None => None,
                Some(path) => Some(*services.get(path).ok_or_else(|| {
                    Failure::new(format!("the stored source has no service `{path}`"))
                })?),
            };
            let id = ObjectId::of(kind, body);
            let emitted = program.object(&id);
            objects.push(Desired {
                declaration: emitted.map_or(Span::NONE, |emitted| emitted.declaration),
                id,
                body: Packed::of(body),
                service,
            });
        }
        objects.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(program.with_objects(objects))
    }
}
