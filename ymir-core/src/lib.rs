//! Domain types, traits, errors, events and the iteration state machine of YMIR.
//!
//! This crate does no I/O and knows no runtime, store, container engine or wire format. The four
//! traits [`AssetStore`], [`Scheduler`], [`TmiRuntime`] and [`LabelBackend`] are the places where
//! an embedder can put an implementation of their own; the text of each method is the contract
//! that the conformance suites of `ymir-testkit` check.

mod annotation;
mod asset;
mod blob;
mod class;
mod class_table;
mod digest;
mod error;
mod executor;
mod id;
mod iteration;
mod label;
mod lineage;
mod maintenance;
mod mask;
mod mask_outline;
mod model;
mod progress;
mod project;
mod query;
mod random;
mod runtime;
mod scheduler;
mod shape;
mod store;
mod summary;
mod task;
mod version;

pub use annotation::{Annotation, BBox, Flags};
pub use asset::{Asset, Attributes, MediaType, ObjectType, Record};
pub use blob::{BlobCapabilities, BlobInfo, BlobSource, BlobStore, Transfer};
pub use class::{
    CaseMatch, Class, ClassEdit, ClassEntry, ClassId, ClassLookup, NewClass, UnknownClasses,
};
pub use class_table::ClassTable;
pub use digest::sha256_hex;
pub use error::{Error, ErrorKind, ErrorReport, Result};
pub use executor::{ExecutorInfo, ExecutorRef, Parameters, TmiKind};
pub use id::{AssetId, BlobId, ChunkId, LabelJobId, Name, TaskId, VersionId, WorkspaceId};
pub use iteration::{Action, Iteration, Step, StepResult};
pub use label::{
    ImageSource, LabelBackend, LabelCapabilities, LabelCursor, LabelHandle, LabelItem,
    LabelJobRequest, LabelPage, LabelPageOptions, LabelStatus, Labeled,
};
pub use lineage::{Input, TaskRecord};
pub use maintenance::{FsckOptions, FsckReport, GarbageOptions, GarbageReport, Problem};
pub use mask::Mask;
pub use model::{Model, ModelFile, Stage};
pub use progress::{OnProgress, Progress, Ticker};
pub use project::{EndReason, LabelerSpec, Project, ProjectState, Selection};
pub use query::{
    AnnotationCondition, AnnotationNumber, AssetCondition, AssetNumber, Compare, Mark, Matcher,
    OUTCOME, Query, QueryTarget, TextTest,
};
pub use random::SplitMix64;
pub use runtime::{
    EndCause, Grant, Layout, Limits, LogLine, LogPosition, LogSource, Run, RunEnd, RunHandle,
    RunLine, RunListing, RunRequest, RunState, RuntimeCapabilities, TmiRuntime,
};
pub use scheduler::{
    Scheduler, SchedulerCapabilities, TaskContext, TaskDriver, TaskReporter, UnitContext,
};
pub use shape::{Keypoint, Ring, Shape, Visibility};
pub use store::{
    AssetStore, Base, Change, Columns, CommitRequest, DiffOptions, Edit, EditSource, Edits, Expect,
    FindOptions, LogOptions, Page, PageOptions, Records, Scan, ScanBatch, ScanOptions,
    StoreCapabilities,
};
pub use summary::{ClassCount, Summary};
pub use task::{
    PinnedExecutor, Resources, RetryPolicy, Submission, TaskEvent, TaskEventKind, TaskKind,
    TaskOwner, TaskSpec, TaskState, TaskStatus, TaskStep,
};
pub use version::{Branch, BranchKind, Manifest, PredictionInfo, Selector, Version, VersionSpec};

/// The instant type of every record and event: UTC, to the nanosecond.
pub use jiff::Timestamp;
