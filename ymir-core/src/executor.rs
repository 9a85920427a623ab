use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, ObjectType, Result};

/// Parameters of an executor: flat names with JSON values.
pub type Parameters = BTreeMap<String, serde_json::Value>;

/// What an executor is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TmiKind {
    /// Make a model from annotated assets.
    Training,
    /// Score assets by how much a model would gain from their labels.
    Mining,
    /// Predict annotations.
    Inference,
}

/// An executor: which runtime runs it, and what it is to that runtime. Written as
/// `docker:ymir/detector:1.0` or `local:/usr/bin/detector`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExecutorRef {
    /// The name of the runtime: `docker`, `local`, `host` or one of the embedder's.
    pub runtime: String,
    /// An image, the path of a program, the name of a function.
    pub target: String,
}

impl fmt::Display for ExecutorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.runtime, self.target)
    }
}

impl FromStr for ExecutorRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some((runtime, target)) if !runtime.is_empty() && !target.is_empty() => {
                Ok(Self { runtime: runtime.to_owned(), target: target.to_owned() })
            }
            _ => Err(Error::invalid(
                "expected an executor such as docker:IMAGE or local:/path/to/program",
            )
            .with("executor", text)),
        }
    }
}

impl TryFrom<String> for ExecutorRef {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ExecutorRef> for String {
    fn from(executor: ExecutorRef) -> Self {
        executor.to_string()
    }
}

/// What an executor says about itself, read without running it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ExecutorInfo {
    /// Its identity: image digest, or SHA-256 of the program and its manifest files. Results of
    /// another one can differ.
    pub digest: String,
    /// The object types it handles.
    pub object_types: Vec<ObjectType>,
    /// What it can do, with the default parameters of each.
    pub templates: BTreeMap<TmiKind, Parameters>,
}

impl ExecutorInfo {
    /// Checks that the executor handles an object type.
    ///
    /// # Errors
    ///
    /// `Unsupported`, with those that it does handle.
    pub fn require_object_type(&self, object_type: ObjectType) -> Result<()> {
        if self.object_types.contains(&object_type) {
            return Ok(());
        }
        let handled: Vec<_> = self.object_types.iter().map(ToString::to_string).collect();
        let message = format!(
            "the executor does not handle {object_type}; it handles: {}; choose another executor",
            handled.join(", ")
        );
        Err(Error::new(ErrorKind::Unsupported, message).with("object_type", object_type.as_str()))
    }

    /// Returns the default parameters of a kind of task.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the executor has no template for it.
    pub fn template(&self, kind: TmiKind) -> Result<&Parameters> {
        self.templates.get(&kind).ok_or_else(|| {
            let can: Vec<_> = self.templates.keys().map(|k| format!("{k:?}")).collect();
            let message =
                format!("the executor cannot do this task; it can do: {}", can.join(", "));
            Error::new(ErrorKind::Unsupported, message).with("task", format!("{kind:?}"))
        })
    }
}
