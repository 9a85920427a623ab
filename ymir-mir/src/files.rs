//! The files that a commit of the original has at its root, decoded.

use std::collections::HashMap;

use git2::Oid;
use prost::Message;
use prost::bytes::Bytes;
use ymir_core::{Error, ObjectType, Result};

use super::generated as proto;
use super::repository::MirRepository;

/// The most bytes of a file of assets or annotations: protobuf itself allows no more.
const MAX_FILE: u64 = (2 << 30) - 1;
/// The most bytes of the file of tasks.
const MAX_TASKS: u64 = 256 << 20;

const METADATAS: &str = "metadatas.mir";
const ANNOTATIONS: &str = "annotations.mir";
const TASKS: &str = "tasks.mir";

/// The id of an asset in the original: the SHA-1 of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Sha1(pub(super) [u8; 20]);

impl Sha1 {
    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 20];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl std::fmt::Display for Sha1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Messages by asset, each decoded when it is asked for.
type ByAsset = HashMap<Sha1, Bytes>;

/// The original's number for segmentation.
const SEGMENTATION: i32 = 3;

/// One side of a commit's annotations: its ground truth or its predictions.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) by_asset: ByAsset,
    pub(super) kind: i32,
    pub(super) is_instance_segmentation: bool,
    pub(super) eval_class_ids: Vec<i32>,
    pub(super) model: Option<proto::ModelMeta>,
    pub(super) executor_config: String,
}

/// The assets and annotations of a commit.
#[derive(Debug)]
pub(super) struct Contents {
    commit: Oid,
    /// In the order of the ids.
    pub(super) assets: Vec<(Sha1, Bytes)>,
    pub(super) truth: Side,
    pub(super) found: Side,
    cks: ByAsset,
}

/// Returns the newest task of a commit; none if the commit is no dataset.
///
/// # Errors
///
/// `Corrupted` with commit and file.
pub(super) fn read_task(repository: &MirRepository, commit: Oid) -> Result<Option<proto::Task>> {
    let Some(data) = repository.file(commit, TASKS, MAX_TASKS)? else { return Ok(None) };
    let mut tasks: proto::Tasks = decode(data, commit, TASKS)?;
    tasks.tasks.remove(&tasks.head_task_id).map(Some).ok_or_else(|| {
        malformed(commit, TASKS, "it does not have the task that it calls its newest")
    })
}

/// Returns the assets and annotations of a commit.
///
/// # Errors
///
/// `Corrupted` with commit and file.
pub(super) fn read_contents(repository: &MirRepository, commit: Oid) -> Result<Contents> {
    let read = |name| {
        let missing = || malformed(commit, name, "the commit does not have it");
        repository.file(commit, name, MAX_FILE)?.ok_or_else(missing)
    };
    let metadatas: proto::Metadatas = decode(read(METADATAS)?, commit, METADATAS)?;
    let annotations: proto::Annotations = decode(read(ANNOTATIONS)?, commit, ANNOTATIONS)?;
    let mut assets: Vec<_> =
        by_asset(metadatas.attributes, commit, METADATAS)?.into_iter().collect();
    assets.sort_unstable_by_key(|(id, _)| *id);
    Ok(Contents {
        commit,
        assets,
        truth: side(annotations.ground_truth, commit)?,
        found: side(annotations.prediction, commit)?,
        cks: by_asset(annotations.image_cks, commit, ANNOTATIONS)?,
    })
}

impl Side {
    /// Returns what the annotations are.
    pub(super) fn object_type(&self) -> ObjectType {
        match (self.kind, self.is_instance_segmentation) {
            (SEGMENTATION, true) => ObjectType::InstanceSegmentation,
            (SEGMENTATION, false) => ObjectType::SemanticSegmentation,
            _ => ObjectType::Detection,
        }
    }
}

impl Contents {
    /// Returns what is said about an asset.
    pub(super) fn metadata(&self, entry: &Bytes) -> Result<proto::Metadata> {
        decode(entry.clone(), self.commit, METADATAS)
    }

    /// Returns the attributes of an asset, empty if it has none.
    pub(super) fn cks(&self, asset: &Sha1) -> Result<Option<proto::ImageCks>> {
        let data = self.cks.get(asset).cloned();
        data.map(|data| decode(data, self.commit, ANNOTATIONS)).transpose()
    }

    /// Returns the annotations of an asset.
    pub(super) fn boxes(&self, side: &Side, asset: &Sha1) -> Result<Vec<proto::ObjectAnnotation>> {
        let Some(data) = side.by_asset.get(asset) else { return Ok(Vec::new()) };
        self.decode_boxes(data)
    }

    pub(super) fn decode_boxes(&self, data: &Bytes) -> Result<Vec<proto::ObjectAnnotation>> {
        let image: proto::ImageAnnotations = decode(data.clone(), self.commit, ANNOTATIONS)?;
        Ok(image.boxes)
    }
}

fn side(message: Option<proto::TaskAnnotations>, commit: Oid) -> Result<Side> {
    let Some(message) = message else { return Ok(Side::default()) };
    Ok(Side {
        by_asset: by_asset(message.image_annotations, commit, ANNOTATIONS)?,
        kind: message.r#type,
        is_instance_segmentation: message.is_instance_segmentation,
        eval_class_ids: message.eval_class_ids,
        model: message.model,
        executor_config: message.executor_config,
    })
}

/// Returns the entries of a map; of a key that is there twice the last one counts, as in any
/// protobuf message.
fn by_asset(entries: Vec<Bytes>, commit: Oid, file: &str) -> Result<ByAsset> {
    let mut map = HashMap::with_capacity(entries.len());
    for entry in entries {
        let entry: proto::Entry = decode(entry, commit, file)?;
        let id = Sha1::parse(&entry.key).ok_or_else(|| {
            let shown: String = entry.key.chars().take(80).collect();
            let reason = "it has an asset whose name is no SHA-1";
            malformed(commit, file, reason).with("asset", format!("{shown:?}"))
        })?;
        map.insert(id, entry.value);
    }
    Ok(map)
}

fn decode<T: Message + Default>(data: Bytes, commit: Oid, file: &str) -> Result<T> {
    T::decode(data).map_err(|e| {
        malformed(commit, file, "it is not what the original's version 2 writes").caused_by(e)
    })
}

fn malformed(commit: Oid, file: &str, reason: &str) -> Error {
    let message = format!("a file of the repository is damaged or foreign: {reason}");
    Error::corrupted(message).with("commit", commit).with("file", file)
}
