use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Annotation, Asset, AssetId, ClassTable, LabelJobId, ObjectType, Result};

/// One asset to be labeled.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelItem {
    /// The asset.
    pub asset: Asset,
    /// Its file on this host, for reading only.
    pub file: PathBuf,
    /// What a model said about it, for the labeler to correct.
    pub pre_annotations: Vec<Annotation>,
}

/// A labeling job.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelJob {
    /// Its id; creating a job of an id that exists changes nothing.
    pub id: LabelJobId,
    /// A title for people.
    pub title: String,
    /// Instructions for people.
    pub instructions: String,
    /// What is to be drawn.
    pub object_type: ObjectType,
    /// The classes that the labeler may use.
    pub classes: ClassTable,
    /// What is to be labeled.
    pub items: Vec<LabelItem>,
}

/// How far a labeling job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelStatus {
    /// Assets in the job.
    pub total: u64,
    /// Assets that are labeled.
    pub labeled: u64,
    /// Whether the labeler says that the job is done.
    pub finished: bool,
}

/// What came back for one asset. An asset that was looked at and has no object has no annotations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labeled {
    /// The asset.
    pub id: AssetId,
    /// Its ground truth; a class that the job's table lacks comes as `Class::Name`.
    pub annotations: Vec<Annotation>,
}

/// Has assets labeled.
#[async_trait]
pub trait LabelBackend: Send + Sync + fmt::Debug {
    /// Creates a job.
    ///
    /// # Behavior
    ///
    /// - Creating a job of an id that exists, also by another process, changes nothing: it is safe
    ///   to try again. One that broke off in the middle is finished.
    ///
    /// # Errors
    ///
    /// - `InvalidInput` for a job without assets or classes.
    /// - `NotFound` if the file of an item does not exist.
    async fn create(&self, job: &LabelJob) -> Result<()>;

    /// Returns how far a job is.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none.
    async fn status(&self, id: &LabelJobId) -> Result<LabelStatus>;

    /// Returns what has been labeled so far.
    ///
    /// # Behavior
    ///
    /// - Sorted by asset id; only assets of the job, each once.
    /// - Can be called again; what was labeled does not go away.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none.
    /// - `InvalidInput` if the tool returned something malformed; file and field are named.
    async fn collect(&self, id: &LabelJobId) -> Result<Vec<Labeled>>;

    /// Cancels a job. What was labeled can no longer be collected; nothing happens if there is no
    /// such job.
    async fn cancel(&self, id: &LabelJobId) -> Result<()>;
}
