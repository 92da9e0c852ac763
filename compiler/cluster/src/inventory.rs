//! What erpc has applied, kept in the cluster: the only source of pruning. It is written before
//! objects are created, so that whatever a killed run leaves is in it.
//!
//! ConfigMap `erpc-<platform>` in `erpc-system`: `data.meta` says whose it is, and for each
//! namespace `binaryData.<namespace>` is the gzip of sorted lines `group/Kind/name`. 21,000
//! identities are 76 kB so. It holds no values.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::Call;
use crate::change::VolumeMove;
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::history::History;
use crate::object::{MANAGED_BY, ObjectId, TOOL};
use crate::permissions::Right;
use crate::state::{STATE_NAMESPACE, name, namespace};
use erpc_emit::Kind;

/// On every inventory, with the name of its platform.
const STATE_LABEL: &str = "erpc.dev/state";
const FORMAT: u32 = 1;
/// The key of what is in no namespace; no namespace has this name.
const CLUSTER_KEY: &str = "_cluster";
/// etcd refuses more than 1.5 MiB in one request.
const MOST_BYTES: usize = 900 * 1024;

/// Whose inventory it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    /// The version of this format.
    pub format: u32,
    /// The platform's name.
    pub platform: String,
    /// The `id` of the source; `None` where the source has none.
    pub id: Option<String>,
    /// The uid of the cluster's `kube-system`.
    pub cluster: String,
    /// The profile that was applied last.
    pub profile: Option<String>,
    /// A digest of the objects that were applied last.
    pub digest: String,
    /// The version of erpc.
    pub version: String,
    /// Whether the last run came to its end.
    pub is_complete: bool,
    /// Namespaces that erpc made.
    pub namespaces: BTreeSet<String>,
    /// Namespaces that run open until the run that is to close them has ended.
    pub unclosed: BTreeSet<String>,
    /// Acts of several steps that were begun: the next run ends them first.
    pub intents: Vec<Intent>,
}

/// An act of several steps, with all that it takes to go on from any of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Intent {
    /// Delete an object and make it anew; with `is_orphaning` its pods stay.
    Replace {
        /// `group/Kind/name`.
        object: String,
        /// Its namespace.
        namespace: Option<String>,
        /// The uid of the one that goes.
        uid: String,
        /// Whether what it owns stays.
        is_orphaning: bool,
        /// The one that comes.
        body: Value,
    },
    /// Stop the workload of a service that was renamed, and hand its volumes to new claims.
    MoveVolumes {
        /// `group/Kind/name` of the workload that stops.
        object: String,
        /// Its namespace.
        namespace: Option<String>,
        /// Its uid.
        uid: String,
        /// What goes over.
        volumes: Vec<VolumeMove>,
    },
}

/// The inventory of one platform.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Whose it is.
    pub meta: Meta,
    /// What it lists.
    pub objects: BTreeSet<ObjectId>,
    /// The releases so far.
    pub history: History,
    /// The version of the ConfigMap; `None` before it exists.
    version: Option<String>,
}

impl Inventory {
    /// Reads the inventory of a platform; `None` where nothing was ever applied.
    ///
    /// # Errors
    ///
    /// The cluster's, or that what is there cannot be read.
    pub async fn read(cluster: &Cluster, platform: &str) -> Result<Option<Self>, Failure> {
        let path = path(platform);
        let Some(body) = cluster.find(&path).await? else {
            return Ok(None);
        };
        Self::decode(&body).map(Some).map_err(|why| {
            Failure::new(format!(
                "the inventory {STATE_NAMESPACE}/{} cannot be read: {why}",
                name(platform)
            ))
            .help("nothing is pruned without it; restore it from a backup, or delete it and apply again")
        })
    }

    /// What every other platform lists, by the platform's name. An account that may not list inventories,
    /// as the printed permissions do not let it, sees none.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub(crate) async fn all_but(
        cluster: &Cluster,
        platform: &str,
    ) -> Result<Vec<(String, BTreeSet<ObjectId>)>, Failure> {
        let list = Right::of_kind(Some(STATE_NAMESPACE), Kind::ConfigMap, "list");
        if !cluster.missing(&[list]).await?.is_empty() {
            // `erpc rbac` does not grant it: the state of other platforms is not this account's to read.
            return Ok(Vec::new());
        }
        let collection = Kind::ConfigMap.collection(Some(STATE_NAMESPACE));
        let found = match cluster.list(&collection, STATE_LABEL).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        // One that cannot be read may be of a later version; its objects still carry their marks.
        let read = found.iter().filter_map(|body| Self::decode(body).ok());
        let others = read.filter(|inventory| inventory.meta.platform != platform);
        Ok(others
            .map(|inventory| (inventory.meta.platform, inventory.objects))
            .collect())
    }

    fn decode(body: &Value) -> Result<Self, String> {
        let meta = body["data"]["meta"].as_str().ok_or("it has no `meta`")?;
        let meta: Meta = serde_json::from_str(meta).map_err(|error| error.to_string())?;
        if meta.format != FORMAT {
            return Err(format!(
                "its format is {}, and this erpc knows {FORMAT}",
                meta.format
            ));
        }
        let mut objects = BTreeSet::new();
        for (key, packed) in body["binaryData"].as_object().into_iter().flatten() {
            let namespace = (key != CLUSTER_KEY).then_some(key.as_str());
            let packed = packed.as_str().unwrap_or_default();
            let bytes = BASE64.decode(packed).map_err(|error| error.to_string())?;
            let mut text = String::new();
            GzDecoder::new(bytes.as_slice())
                .read_to_string(&mut text)
                .map_err(|error| error.to_string())?;
            for line in text.lines() {
                let id = parse(line, namespace).ok_or_else(|| format!("it lists `{line}`"))?;
                objects.insert(id);
            }
        }
        let history = match body["data"]["history"].as_str() {
            Some(text) => serde_json::from_str(text).map_err(|error| error.to_string())?,
            None => History::default(),
        };
        let version = body["metadata"]["resourceVersion"].as_str();
        Ok(Self {
            meta,
            objects,
            history,
            version: version.map(str::to_owned),
        })
    }

    /// The same with another content, to be written over this one.
    #[must_use]
    pub fn with(&self, meta: Meta, objects: BTreeSet<ObjectId>) -> Self {
        Self {
            meta: Meta {
                format: FORMAT,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                ..meta
            },
            objects,
            history: self.history.clone(),
            version: self.version.clone(),
        }
    }

    fn encode(&self) -> Result<Value, Failure> {
        let mut lines: BTreeMap<&str, String> = BTreeMap::new();
        for id in &self.objects {
            let key = id.namespace.as_deref().unwrap_or(CLUSTER_KEY);
            let of_namespace = lines.entry(key).or_default();
            of_namespace.push_str(&line(id));
            of_namespace.push('\n');
        }
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!("the inventory cannot be encoded: {error}"))
        };
        let text = |value: serde_json::Result<String>| value.map_err(|error| failed(&error));
        let history = text(serde_json::to_string(&self.history))?;
        let mut packed = serde_json::Map::new();
        let mut size = history.len();
        for (key, text) in lines {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            let written = encoder.write_all(text.as_bytes());
            let bytes = written.and_then(|()| encoder.finish());
            let text = BASE64.encode(bytes.map_err(|error| failed(&error))?);
            size += text.len();
            packed.insert(key.to_owned(), Value::from(text));
        }
        if size > MOST_BYTES {
            return Err(Failure::new(format!(
                "the inventory would be {} KiB, more than one object of etcd holds",
                size / 1024
            ))
            .help("divide the platform into several programs"));
        }
        let meta = text(serde_json::to_string(&self.meta))?;
        let mut body = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name(&self.meta.platform),
                "namespace": STATE_NAMESPACE,
                "labels": { MANAGED_BY: TOOL, STATE_LABEL: self.meta.platform },
            },
            "data": { "meta": meta, "history": history },
            "binaryData": packed,
        });
        if let Some(version) = &self.version {
            body["metadata"]["resourceVersion"] = json!(version);
        }
        Ok(body)
    }

    /// Writes it, unless another client wrote it since it was read.
    ///
    /// # Errors
    ///
    /// The cluster's, or that another run wrote it.
    pub async fn write(&mut self, cluster: &Cluster) -> Result<(), Failure> {
        let body = self.encode()?;
        let call = if self.version.is_some() {
            Call::replace(&path(&self.meta.platform), &body)
        } else {
            let collection = Kind::ConfigMap.collection(Some(STATE_NAMESPACE));
            Call::create(&collection, &body).recognized()
        };
        let written = match cluster.call(call).await {
            Ok(answer) => answer.body,
            Err(error) if error.code() == Some(409) => self.resolve(cluster, error).await?,
            // An answer that was lost: what is there tells.
            Err(error @ ApiError::Unreachable(_)) => self.resolve(cluster, error).await?,
            Err(error) => return Err(error.into()),
        };
        let version = written["metadata"]["resourceVersion"].as_str();
        self.version = version.map(str::to_owned);
        Ok(())
    }

    /// Whether the write that seems to have failed is what is there: an answer may be lost after
    /// the write, and the next try meets its own work.
    async fn resolve(&self, cluster: &Cluster, error: ApiError) -> Result<Value, Failure> {
        let path = path(&self.meta.platform);
        if let Ok(answer) = cluster.call(Call::get(&path)).await
            && let Ok(found) = Self::decode(&answer.body)
            && found.meta == self.meta
            && found.objects == self.objects
            && found.history == self.history
        {
            return Ok(answer.body);
        }
        if error.code() == Some(409) {
            return Err(
                Failure::new("another run has written the inventory since this one began")
                    .help("run the command again: it plans anew"),
            );
        }
        Err(error.into())
    }

    /// Deletes it, with the contents of its releases.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub async fn delete(cluster: &Cluster, platform: &str) -> Result<(), Failure> {
        let inventory = Self::read(cluster, platform).await?;
        for part in inventory.iter().flat_map(|i| i.history.paths(platform)) {
            delete(cluster, &part).await?;
        }
        delete(cluster, &path(platform)).await
    }
}

/// Deletes a ConfigMap, if it exists.
async fn delete(cluster: &Cluster, path: &str) -> Result<(), Failure> {
    let Some(found) = cluster.find(path).await? else {
        return Ok(());
    };
    let uid = found["metadata"]["uid"].as_str().unwrap_or_default();
    match cluster.call(Call::delete(path, uid, "Background")).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn path(platform: &str) -> String {
    let collection = Kind::ConfigMap.collection(Some(STATE_NAMESPACE));
    format!("{collection}/{}", name(platform))
}

/// `apps/Deployment/hl7-health`; the core group is empty: `/Service/hl7-health`. A kind beyond the table says where the
/// API serves it: `stable.example.com/CronTab.v1.crontabs/mine`.
pub(crate) fn line(id: &ObjectId) -> String {
    let (group, kind, name) = (id.kind.group(), id.kind.as_str(), &id.name);
    match id.kind {
        Kind::Other(_) => {
            let (version, plural) = (id.kind.version(), id.kind.plural());
            format!("{group}/{kind}.{version}.{plural}/{name}")
        }
        _ => format!("{group}/{kind}/{name}"),
    }
}

pub(crate) fn parse(line: &str, namespace: Option<&str>) -> Option<ObjectId> {
    let mut parts = line.splitn(3, '/');
    let (group, kind, name) = (parts.next()?, parts.next()?, parts.next()?);
    let kind = match kind.splitn(3, '.').collect::<Vec<_>>().as_slice() {
        [kind] => Kind::named(kind).filter(|kind| kind.group() == group)?,
        [kind, version, plural] => {
            Kind::of_resource(group, version, kind, plural, namespace.is_some())
        }
        _ => return None,
    };
    Some(ObjectId {
        namespace: namespace.map(Into::into),
        kind,
        name: name.into(),
    })
}

/// Makes the namespace of inventories and locks, where there is none.
///
/// # Errors
///
/// The cluster's.
pub(crate) async fn prepare(cluster: &Cluster) -> Result<(), Failure> {
    let path = format!("{}/{STATE_NAMESPACE}", Kind::Namespace.collection(None));
    if cluster.find(&path).await?.is_some() {
        return Ok(());
    }
    cluster
        .call(Call::apply_at(&path, &namespace(), TOOL))
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Inventory, Meta, line, parse};
    use crate::object::ObjectId;
    use erpc_emit::Kind;
    use std::collections::BTreeSet;

    fn id(namespace: Option<&str>, kind: Kind, name: &str) -> ObjectId {
        ObjectId {
            namespace: namespace.map(Into::into),
            kind,
            name: name.into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let objects: BTreeSet<ObjectId> = [
            id(None, Kind::Namespace, "shop"),
            id(Some("shop"), Kind::Service, "web"),
            id(Some("shop"), Kind::Deployment, "web"),
        ]
        .into();
        let meta = Meta {
            platform: "p".to_owned(),
            ..Meta::default()
        };
        let inventory = Inventory::default().with(meta, objects);
        let body = inventory.encode().expect("it is small");
        let read = Inventory::decode(&body).expect("it was just written");
        assert_eq!(read.objects, inventory.objects);
        assert_eq!(read.meta, inventory.meta);
    }

    #[test]
    fn a_line_names_group_and_kind() {
        let web = id(Some("shop"), Kind::Deployment, "web");
        assert_eq!(line(&web), "apps/Deployment/web");
        assert_eq!(parse("apps/Deployment/web", Some("shop")), Some(web));
        assert_eq!(parse("batch/Deployment/web", None), None);
        assert_eq!(parse("nonsense", None), None);
        let custom = Kind::of_resource("stable.example.com", "v1", "CronTab", "crontabs", true);
        let mine = id(Some("shop"), custom, "mine");
        let written = "stable.example.com/CronTab.v1.crontabs/mine";
        assert_eq!(line(&mine), written);
        let read = parse(written, Some("shop")).expect("it was just written");
        assert_eq!(read, mine);
        assert_eq!(
            read.path(),
            "/apis/stable.example.com/v1/namespaces/shop/crontabs/mine"
        );
    }

    #[test]
    fn twenty_one_thousand_objects_fit_in_one_object() {
        let objects = (0..21_000)
            .map(|n| id(Some("shop"), Kind::ALL[n % 3 + 3], &format!("service-{n}")))
            .collect();
        let inventory = Inventory::default().with(Meta::default(), objects);
        let body = inventory.encode().expect("it fits").to_string();
        assert!(body.len() < 200_000, "{} bytes", body.len());
    }
}
