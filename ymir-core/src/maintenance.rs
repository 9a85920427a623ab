//! What a check and a cleaning of an asset store are asked and tell.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What [`AssetStore::fsck`](crate::AssetStore::fsck) looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FsckOptions {
    /// Also reads every blob and checks its hash; without, only that it is there with its size.
    pub blobs: bool,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FsckReport {
    /// Versions that were looked at.
    pub versions: u64,
    /// Nodes of tries that were read; those that versions share, once.
    pub nodes: u64,
    /// Different assets in all versions.
    pub assets: u64,
    /// Blobs that versions need, and their bytes.
    pub blobs: u64,
    /// See [`FsckReport::blobs`].
    pub blob_bytes: u64,
    /// What is wrong; nothing where all is well.
    pub problems: Vec<Problem>,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is damaged or missing: a branch, version, object or blob.
    pub subject: String,
    /// The version by which it was come upon, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What is wrong with it, and what can be done.
    pub message: String,
}

/// What [`AssetStore::collect_garbage`](crate::AssetStore::collect_garbage) may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GarbageOptions {
    /// Deletes nothing, only tells what would be.
    pub dry_run: bool,
    /// Blobs that were put in, or put in again, less than this long ago are kept: a version with
    /// them may still be on its way. Less than the longest import takes is safe only while nothing
    /// is imported. Seconds where it is serialised.
    #[serde(with = "seconds")]
    pub grace: Duration,
}

impl Default for GarbageOptions {
    /// A day of grace.
    fn default() -> Self {
        Self { dry_run: false, grace: Duration::from_secs(24 * 3600) }
    }
}

/// What was deleted, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GarbageReport {
    /// Blobs that no version reaches, and files of such as were not put in to the end.
    pub blobs: u64,
    /// The bytes of these. A hard link takes no space of its own.
    pub bytes: u64,
    /// Blobs that no version reaches, kept because they are young.
    pub kept_young: u64,
    /// Blobs that versions reach.
    pub in_use: u64,
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(value.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}
