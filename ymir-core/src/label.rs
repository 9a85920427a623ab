use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Annotation, Asset, AssetId, ClassTable, Error, LabelJobId, ObjectType, Result};

/// What a labeling backend can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabelCapabilities {
    /// The object types that it has labels for.
    pub object_types: Vec<ObjectType>,
    /// Whether it shows predictions to the labeler. Where it does not, requests have none.
    pub pre_annotations: bool,
}

impl Default for LabelCapabilities {
    /// Boxes, with pre-annotations.
    fn default() -> Self {
        Self { object_types: vec![ObjectType::Detection], pre_annotations: true }
    }
}

/// The images of a labeling job, in the form that a backend can use.
///
/// A backend takes what suits it: a labeling server on this host the file, one that fetches images
/// by itself the URL, any other the bytes, which are always there.
#[async_trait]
pub trait ImageSource: Send + Sync + fmt::Debug {
    /// Returns the bytes of an image.
    ///
    /// # Errors
    ///
    /// - `NotFound` if the image is missing; the message names it.
    async fn bytes(&self, id: &AssetId) -> Result<Vec<u8>>;

    /// Returns the file of an image on this host, for reading only; `None` where there is none.
    ///
    /// # Errors
    ///
    /// - `NotFound` if the image is missing; the message names it.
    async fn file(&self, _id: &AssetId) -> Result<Option<PathBuf>> {
        Ok(None)
    }

    /// Returns a URL from which the labeling tool can fetch an image; `None` where there is none.
    async fn url(&self, _id: &AssetId) -> Result<Option<String>> {
        Ok(None)
    }
}

/// One asset to be labeled.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelItem {
    /// The asset.
    pub asset: Asset,
    /// Predictions on it, for the labeler to correct.
    pub pre_annotations: Vec<Annotation>,
}

/// What a labeling job is created from.
#[derive(Debug, Clone)]
pub struct LabelJobRequest {
    /// The id of the job.
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
    /// Their images.
    pub images: Arc<dyn ImageSource>,
}

impl LabelJobRequest {
    /// Checks what every backend asks of a new job.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it has no assets, no classes, an asset twice, or a pre-annotation whose
    /// class id its table lacks; `Unsupported` for an object type that the backend does not have.
    pub fn check(&self, capabilities: &LabelCapabilities) -> Result<()> {
        let fail = |message: &str| Err(Error::invalid(message).with("job", &self.id));
        if !capabilities.object_types.contains(&self.object_type) {
            return Err(self.unsupported(capabilities));
        }
        if self.items.is_empty() {
            return fail("a labeling job needs at least one asset");
        }
        if self.classes.is_empty() {
            return fail("a labeling job needs at least one class");
        }
        let mut seen = std::collections::HashSet::new();
        for item in &self.items {
            let twice = !seen.insert(item.asset.id);
            let mut classes = item.pre_annotations.iter().filter_map(|a| a.class.id());
            let message = if twice {
                "an asset can be in a labeling job only once"
            } else if classes.any(|id| self.classes.name(id).is_none()) {
                "a pre-annotation has a class id that the job's class table lacks"
            } else {
                continue;
            };
            return Err(Error::invalid(message).with("job", &self.id).with("asset", item.asset.id));
        }
        Ok(())
    }

    fn unsupported(&self, capabilities: &LabelCapabilities) -> Error {
        let name = |object_type: &ObjectType| {
            serde_json::to_value(object_type)
                .ok()
                .and_then(|name| name.as_str().map(str::to_owned))
                .unwrap_or_default()
        };
        let known: Vec<_> = capabilities.object_types.iter().map(name).collect();
        let message = "the labeler has no labels for this object type; choose another labeler";
        Error::new(crate::ErrorKind::Unsupported, message)
            .with("object_type", name(&self.object_type))
            .with("supported", known.join(", "))
            .with("job", &self.id)
    }
}

/// Where a labeling job stands at its backend: all that any process needs to go on with it.
///
/// It is plain data. Whoever creates a job stores a new handle before the first step, and the
/// handle that each step returns before the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelHandle {
    /// The job.
    pub job: LabelJobId,
    /// Whether its creation is complete.
    pub ready: bool,
    /// Where people label it, once that is known: a URL or a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What the backend remembers of it: the number of a project on a server, for example.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub state: Value,
}

impl LabelHandle {
    /// Returns the handle of a job before its first step.
    pub fn new(job: LabelJobId) -> Self {
        Self { job, ready: false, place: None, state: Value::Null }
    }
}

/// How far a labeling job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LabelStatus {
    /// Assets in the job.
    pub total: u64,
    /// Assets that are labeled.
    pub labeled: u64,
    /// Assets that the labeler passed over and will not label.
    #[serde(default)]
    pub skipped: u64,
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

/// A position in the annotations of a job, which only its backend understands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LabelCursor(pub String);

/// Which annotations of a job to return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelPageOptions {
    /// Where the page before ended; from the beginning if `None`.
    pub after: Option<LabelCursor>,
    /// The most assets to return, at least 1.
    pub limit: usize,
}

impl Default for LabelPageOptions {
    /// The first 1,000 assets.
    fn default() -> Self {
        Self { after: None, limit: 1000 }
    }
}

/// A run of labeled assets.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LabelPage {
    /// The assets, each with its annotations.
    pub labeled: Vec<Labeled>,
    /// Where the next page begins; `None` on the last.
    #[serde(default)]
    pub next: Option<LabelCursor>,
}

impl LabelPage {
    /// Returns a page of all that is labeled, for backends that have it at hand. Pages go by asset
    /// id, so that they fit each other though more is labeled meanwhile.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a cursor that is not from here, and for a limit of 0.
    pub fn of(mut labeled: Vec<Labeled>, options: &LabelPageOptions) -> Result<Self> {
        if options.limit == 0 {
            return Err(Error::invalid("a page of annotations has at least one asset"));
        }
        let after: Option<AssetId> = match &options.after {
            None => None,
            Some(LabelCursor(text)) => Some(text.parse().map_err(|_| {
                Error::invalid("this cursor is not from this labeling backend").with("cursor", text)
            })?),
        };
        labeled.retain(|labeled| after.is_none_or(|after| labeled.id > after));
        labeled.sort_by_key(|labeled| labeled.id);
        let is_last = labeled.len() <= options.limit;
        labeled.truncate(options.limit);
        let next = labeled.last().filter(|_| !is_last);
        let next = next.map(|labeled| LabelCursor(labeled.id.to_string()));
        Ok(Self { labeled, next })
    }
}

/// Has assets labeled.
///
/// A job lives at the backend: on a server, in a folder. The workspace knows it by a
/// [`LabelHandle`], which it stores at every step, and asks for the rest.
#[async_trait]
pub trait LabelBackend: Send + Sync + fmt::Debug {
    /// Returns what the backend can do.
    fn capabilities(&self) -> LabelCapabilities {
        LabelCapabilities::default()
    }

    /// Takes the next step in creating a job and returns the handle after it. The caller stores
    /// the handle and calls again until it is `ready`.
    ///
    /// # Behavior
    ///
    /// - A call makes at most one change at the backend that cannot be found again by the id of the
    ///   job or by what the handle says.
    /// - A handle from before a step, a new one included, finds what the step has made: whoever
    ///   dies between a step and storing its handle goes on with the older handle, and nothing is
    ///   made twice.
    /// - With a handle that is ready it changes nothing, and returns it.
    /// - Any process can go on with a handle. One at a time creates a job; the caller sees to that.
    /// - A step that fails leaves the job where it was, and can be tried again.
    ///
    /// # Errors
    ///
    /// - `InvalidInput` for a job without assets or classes, `Unsupported` for an object type that
    ///   the backend has no labels for ([`LabelJobRequest::check`]).
    /// - `NotFound` if an image is missing; the message names it.
    async fn create(&self, request: &LabelJobRequest, handle: &LabelHandle) -> Result<LabelHandle>;

    /// Returns how far a job is.
    ///
    /// # Behavior
    ///
    /// - An asset that will not be labeled keeps no job from being finished.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such job: it was cancelled, or removed at the backend.
    async fn status(&self, handle: &LabelHandle) -> Result<LabelStatus>;

    /// Returns a page of what has been labeled so far.
    ///
    /// # Behavior
    ///
    /// - From the beginning to a page without a next cursor, each labeled asset of the job comes
    ///   once, in whatever order; one that is labeled meanwhile may come or not.
    /// - A cursor can be used again, also by another process, and does not expire while the job
    ///   exists.
    /// - What is labeled does not go away by being read.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such job.
    /// - `InvalidInput` if the tool returned something malformed, with file and field; for a cursor
    ///   that is not from this backend.
    async fn annotations(
        &self,
        handle: &LabelHandle,
        options: &LabelPageOptions,
    ) -> Result<LabelPage>;

    /// Cancels a job.
    ///
    /// # Behavior
    ///
    /// - What was labeled can no longer be read, and the id of the job can be used again.
    /// - A handle that is not ready, a new one included, cancels as much as has been made.
    /// - Nothing happens if there is no such job.
    async fn cancel(&self, handle: &LabelHandle) -> Result<()>;
}
