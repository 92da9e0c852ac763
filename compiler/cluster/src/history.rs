//! The releases of a platform: who applied what, when, from which revision of the source, and how it
//! ended; and the content of the last ones, so that `erpc rollback` can bring them back.
//!
//! The list is part of the inventory and costs no request of its own. The content of a release (its
//! source and its objects, gzip) is in ConfigMaps beside the inventory, `erpc-<platform>.history-<n>`.
//! Their names are a fixed set, because RBAC rules can only list names, and because that bounds what
//! etcd has to hold. A new release is written to parts that no kept release uses.

mod content;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

pub(crate) use content::pack;
use content::unpack;
pub use content::{SourceRevision, SourceSnapshot, StoredRelease};

use crate::call::Call;
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::object::{MANAGED_BY, hex};
use crate::program::Program;
use crate::state::{STATE_NAMESPACE, name};
use erpc_emit::Kind;

/// How many releases are listed.
const MOST_LISTED: usize = 50;
/// Of how many releases the content is kept.
pub const MOST_KEPT: usize = 10;
/// How many ConfigMaps hold the content. More than the kept releases, so that a new one is complete
/// before an old one is overwritten.
const PARTS: usize = 12;
/// Releases that need more parts are listed and not kept: they would displace all others.
const MOST_PARTS_OF_ONE: usize = PARTS / 2;
/// The API server refuses a ConfigMap above 1 MiB.
const PART_BYTES: usize = 900 * 1024;

/// The releases of a platform, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct History {
    /// The releases.
    pub releases: Vec<HistoryEntry>,
    /// How many parts exist in the cluster.
    parts: usize,
}

/// One release: a run of `apply` or `rollback` that began to write.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Its number, from 1.
    pub release: u64,
    /// When the run began.
    pub started: String,
    /// When it ended; absent while it runs, and if it was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The user as the API server knows it.
    pub user: String,
    /// The local user and machine.
    pub host: String,
    /// The version of erpc.
    pub erpc: String,
    /// The revision of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<SourceRevision>,
    /// The profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What `--only` selected; empty for the whole platform.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// The release that a rollback brought back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<u64>,
    /// Stateful services whose volumes went to another name: `shop/db to shop/store`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<String>,
    /// A digest of its objects.
    pub digest: String,
    /// How it ended.
    pub result: HistoryResult,
    /// How many objects were written.
    pub written: usize,
    /// How many were to be written.
    pub planned: usize,
    /// Where its content is; absent if it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
}

/// How a release ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryResult {
    /// It runs, or was killed.
    #[default]
    Unfinished,
    /// Written and ready.
    Done,
    /// Written, not ready.
    NotReady,
    /// Written in part.
    Partly,
    /// Taken back by `--on-failure revert`.
    Reverted,
    /// Stopped by a signal.
    Interrupted,
    /// Refused before any object was written.
    Refused,
}

impl HistoryResult {
    /// As JSON and tables show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Done => "done",
            Self::NotReady => "not-ready",
            Self::Partly => "partly",
            Self::Reverted => "reverted",
            Self::Interrupted => "interrupted",
            Self::Refused => "refused",
        }
    }
}

/// A release before it is part of a history.
pub(crate) struct NewRelease {
    /// What is listed.
    pub(crate) entry: HistoryEntry,
    /// What is stored.
    pub(crate) content: Vec<u8>,
}

impl NewRelease {
    /// The release that a run is about to apply.
    pub(crate) async fn prepare(
        cluster: &Cluster,
        program: &Program<'_>,
        source: &SourceSnapshot,
    ) -> Result<Self, Failure> {
        let entry = HistoryEntry {
            started: now(),
            user: user(cluster).await,
            host: crate::lock::local_user(),
            erpc: env!("CARGO_PKG_VERSION").to_owned(),
            revision: source.revision.clone(),
            profile: program.profile.clone(),
            only: program.only().to_vec(),
            digest: program.digest(),
            ..HistoryEntry::default()
        };
        let content = pack(source, program)?;
        Ok(Self { entry, content })
    }
}

fn now() -> String {
    format!("{:.0}", jiff::Timestamp::now())
}

/// Where the content of a release is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Content {
    /// The parts, in their order.
    parts: Vec<usize>,
    /// The digest of the bytes.
    sha256: String,
}

/// The names of the ConfigMaps that hold the contents of a platform's releases.
pub(crate) fn part_names(platform: &str) -> impl Iterator<Item = String> {
    let state = name(platform);
    // A dot is in no platform's name, so that no other platform's inventory has this name.
    (0..PARTS).map(move |part| format!("{state}.history-{part}"))
}

fn part_path(platform: &str, part: usize) -> String {
    format!(
        "{}/{}.history-{part}",
        Kind::ConfigMap.collection(Some(STATE_NAMESPACE)),
        name(platform)
    )
}

impl HistoryEntry {
    /// Whether its content is kept, so that it can be brought back.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.content.is_some()
    }
}

impl History {
    /// The release with this number.
    #[must_use]
    pub fn release(&self, number: u64) -> Option<&HistoryEntry> {
        self.releases.iter().find(|entry| entry.release == number)
    }

    /// The release that `erpc rollback` brings back by default: the last one before the newest that
    /// applied the whole platform, ended well, and had other objects than the newest has.
    #[must_use]
    pub fn previous(&self) -> Option<&HistoryEntry> {
        let (newest, earlier) = self.releases.split_last()?;
        earlier.iter().rev().find(|entry| {
            entry.result == HistoryResult::Done
                && entry.only.is_empty()
                && (entry.digest != newest.digest || !newest.only.is_empty())
        })
    }

    /// Stateful services that lost their volumes to another name after a release.
    #[must_use]
    pub fn moved_since(&self, release: u64) -> Vec<String> {
        let later = self.releases.iter().filter(|entry| entry.release > release);
        later.flat_map(|entry| entry.moved.clone()).collect()
    }

    /// Reads the content of a release.
    ///
    /// # Errors
    ///
    /// It is not kept, or what is there is not what was stored.
    pub async fn load(
        &self,
        cluster: &Cluster,
        platform: &str,
        entry: &HistoryEntry,
    ) -> Result<StoredRelease, Failure> {
        let release = entry.release;
        let Some(content) = &entry.content else {
            return Err(
                Failure::new(format!("the content of release {release} is not kept"))
                    .help("check out its revision (`erpc history`) and run `erpc apply`"),
            );
        };
        let mut bytes = Vec::new();
        for part in &content.parts {
            let answer = cluster.call(Call::get(part_path(platform, *part))).await?;
            let text = answer.body["binaryData"]["content"].as_str();
            let decoded = BASE64.decode(text.unwrap_or_default());
            bytes.extend(decoded.map_err(|error| damaged(release, &error.to_string()))?);
        }
        if hex(&Sha256::digest(&bytes)) != content.sha256 {
            return Err(damaged(release, "its digest differs"));
        }
        let stored = unpack(&bytes).map_err(|why| damaged(release, &why))?;
        Ok(StoredRelease {
            source: SourceSnapshot {
                revision: entry.revision.clone(),
                ..stored.source
            },
            ..stored
        })
    }

    /// Says how the newest release ended.
    pub(crate) fn end(&mut self, result: HistoryResult, written: usize, moved: Vec<String>) {
        if let Some(entry) = self.releases.last_mut() {
            entry.ended = Some(now());
            entry.result = result;
            entry.written = written;
            entry.moved.extend(moved);
        }
    }

    /// Adds a release, and stores its content. A run that goes on where one with the same objects was
    /// cut is the same release. What could not be stored is said.
    pub(crate) async fn begin(
        &mut self,
        cluster: &Cluster,
        platform: &str,
        release: NewRelease,
    ) -> Option<String> {
        let NewRelease { entry, content } = release;
        let goes_on = self.releases.last().is_some_and(|last| {
            (last.result != HistoryResult::Done || entry.planned == 0)
                && last.digest == entry.digest
                && last.only == entry.only
                && last.profile == entry.profile
        });
        let last = self.releases.last().map_or(0, |last| last.release);
        let mut entry = HistoryEntry {
            release: last + u64::from(!goes_on),
            ..entry
        };
        if goes_on && let Some(cut) = self.releases.pop() {
            entry.moved = cut.moved;
            entry.content = cut.content;
        }
        let (content, note) = self.store(cluster, platform, &entry, &content).await;
        entry.content = content;
        self.releases.push(entry);
        let surplus = self.releases.len().saturating_sub(MOST_LISTED);
        self.releases.drain(..surplus);
        note
    }

    /// Stores the content of a release, after dropping the oldest ones that leave no space for it.
    async fn store(
        &mut self,
        cluster: &Cluster,
        platform: &str,
        entry: &HistoryEntry,
        bytes: &[u8],
    ) -> (Option<Content>, Option<String>) {
        let sha256 = hex(&Sha256::digest(bytes));
        let kept = self
            .releases
            .iter()
            .filter_map(|kept| kept.content.as_ref());
        let mut same = kept
            .chain(&entry.content)
            .filter(|kept| kept.sha256 == sha256);
        if let Some(same) = same.next() {
            return (Some(same.clone()), None);
        }
        let needed = bytes.len().div_ceil(PART_BYTES);
        let not_kept = |why: String| {
            let note = format!(
                "release {} is listed, and `erpc rollback` cannot bring it back: {why}",
                entry.release
            );
            (None, Some(note))
        };
        if needed > MOST_PARTS_OF_ONE {
            return not_kept(format!(
                "its content has {} KiB compressed, more than {} KiB",
                bytes.len() / 1024,
                MOST_PARTS_OF_ONE * PART_BYTES / 1024
            ));
        }
        let parts = self.free(needed);
        for (part, chunk) in parts.iter().zip(bytes.chunks(PART_BYTES)) {
            if let Err(error) = self
                .write_part(cluster, platform, *part, entry.release, chunk)
                .await
            {
                return not_kept(error.to_string());
            }
            self.parts = self.parts.max(part + 1);
        }
        (Some(Content { parts, sha256 }), None)
    }

    fn used(&self) -> BTreeSet<usize> {
        let contents = self.releases.iter().filter_map(|r| r.content.as_ref());
        contents.flat_map(|content| content.parts.clone()).collect()
    }

    /// Parts that no kept release uses; the oldest releases are dropped until there are enough. Parts
    /// of a release that is only dropped now come last: until the inventory is written, it is kept.
    fn free(&mut self, needed: usize) -> Vec<usize> {
        let used_before = self.used();
        loop {
            let contents = self.releases.iter().filter_map(|r| r.content.as_ref());
            let distinct: BTreeSet<&str> = contents.map(|c| c.sha256.as_str()).collect();
            let used = self.used();
            let mut free: Vec<usize> = (0..PARTS).filter(|part| !used.contains(part)).collect();
            let is_enough = distinct.len() < MOST_KEPT && free.len() >= needed;
            let mut kept = self.releases.iter_mut().filter(|r| r.content.is_some());
            match kept.next() {
                Some(oldest) if !is_enough => oldest.content = None,
                _ => {
                    free.sort_by_key(|part| used_before.contains(part));
                    free.truncate(needed);
                    return free;
                }
            }
        }
    }

    async fn write_part(
        &self,
        cluster: &Cluster,
        platform: &str,
        part: usize,
        release: u64,
        bytes: &[u8],
    ) -> Result<(), ApiError> {
        let body = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": format!("{}.history-{part}", name(platform)),
                "namespace": STATE_NAMESPACE,
                "labels": { MANAGED_BY: "erpc", "erpc.dev/history": platform },
                "annotations": { "erpc.dev/release": release.to_string() },
            },
            "binaryData": { "content": BASE64.encode(bytes) },
        });
        let path = part_path(platform, part);
        let collection = Kind::ConfigMap.collection(Some(STATE_NAMESPACE));
        let written = if part < self.parts {
            match cluster.call(Call::replace(&path, &body)).await {
                Err(error) if error.is_not_found() => {
                    cluster.call(Call::create(&collection, &body)).await
                }
                written => written,
            }
        } else {
            let call = Call::create(&collection, &body).recognized();
            match cluster.call(call).await {
                // A run that was killed has made it and did not get to say so.
                Err(error) if error.code() == Some(409) => {
                    cluster.call(Call::replace(&path, &body)).await
                }
                written => written,
            }
        };
        written.map(|_| ())
    }

    /// The paths of everything that is stored beside the inventory.
    pub(crate) fn paths(&self, platform: &str) -> Vec<String> {
        // One more: a run that was killed may have made it and did not get to say so.
        let made = (self.parts + MOST_PARTS_OF_ONE).min(PARTS);
        (0..made).map(|part| part_path(platform, part)).collect()
    }
}

fn damaged(release: u64, why: &str) -> Failure {
    Failure::new(format!(
        "the content of release {release} is damaged: {why}"
    ))
    .help("check out its revision (`erpc history`) and run `erpc apply`")
}

/// The user as the API server knows it; the local one if the server does not say.
pub(crate) async fn user(cluster: &Cluster) -> String {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
    });
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answer = cluster.call(Call::review(path, &review)).await;
    let name = answer.as_ref().ok().and_then(|answer| {
        let name = answer.body["status"]["userInfo"]["username"].as_str();
        name.map(str::to_owned)
    });
    name.unwrap_or_else(crate::lock::local_user)
}

#[cfg(test)]
mod tests {
    use super::{Content, History, HistoryEntry, HistoryResult, MOST_KEPT, PARTS};

    fn entry(release: u64, digest: &str, result: HistoryResult) -> HistoryEntry {
        HistoryEntry {
            release,
            digest: digest.to_owned(),
            result,
            content: Some(Content {
                parts: vec![usize::try_from(release).expect("small") % PARTS],
                sha256: digest.to_owned(),
            }),
            ..HistoryEntry::default()
        }
    }

    #[test]
    fn the_default_of_a_rollback_is_the_last_other_release_that_ended_well() {
        let mut history = History {
            releases: vec![
                entry(1, "a", HistoryResult::Done),
                entry(2, "b", HistoryResult::Done),
                entry(3, "c", HistoryResult::Partly),
                entry(4, "d", HistoryResult::NotReady),
            ],
            parts: 5,
        };
        assert_eq!(history.previous().map(|entry| entry.release), Some(2));
        // After the rollback to 2, the one before is what was not 2.
        history.releases.push(entry(5, "b", HistoryResult::Done));
        assert_eq!(history.previous().map(|entry| entry.release), Some(1));
        assert_eq!(History::default().previous(), None);
    }

    #[test]
    fn a_new_release_takes_parts_that_no_kept_one_uses_and_the_oldest_is_dropped() {
        let mut history = History {
            releases: (1..=MOST_KEPT as u64)
                .map(|n| entry(n, &format!("{n}"), HistoryResult::Done))
                .collect(),
            parts: PARTS,
        };
        let parts = history.free(1);
        // That of release 1 is used until the inventory is written.
        assert_eq!(parts, [0]);
        assert!(!history.releases[0].is_kept() && history.releases[1].is_kept());
        let used = history.releases.iter().filter_map(|r| r.content.as_ref());
        assert!(
            used.clone()
                .all(|content| !content.parts.contains(&parts[0]))
        );
        // A large one displaces as many as it needs.
        assert_eq!(history.free(6).len(), 6);
        let kept = history.releases.iter().filter(|r| r.is_kept()).count();
        assert_eq!(kept, PARTS - 6);
    }

    #[test]
    fn an_entry_of_an_earlier_format_is_read() {
        let text = r#"{"releases":[{"release":3,"result":"done"}],"parts":1}"#;
        let history: History = serde_json::from_str(text).expect("JSON");
        assert_eq!(
            history.release(3).map(|e| e.result),
            Some(HistoryResult::Done)
        );
    }
}
