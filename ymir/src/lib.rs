#![doc = include_str!("../README.md")]

#[cfg(feature = "arrow")]
mod arrow;
mod blobs;
mod classes;
mod dataset;
mod edit;
mod evaluate;
pub mod evaluation;
mod find;
mod labeling;
mod leftovers;
mod maintain;
#[cfg(feature = "mir")]
mod mir;
mod model;
mod object_type;
mod operate;
mod operation;
mod project;
mod query;
mod requests;
#[cfg(feature = "samples")]
pub mod samples;
mod scheduling;
mod task;
mod transfer;
mod workspace;

#[cfg(feature = "arrow")]
pub use arrow::ArrowTable;
pub use blobs::BlobLocation;
pub use dataset::Dataset;
pub use evaluate::Evaluated;
pub use labeling::{LabelJob, LabelJobInfo, LabelOptions};
pub use leftovers::{Leftover, LeftoverReason};
pub use operate::Fetched;
pub use operation::Operation;
pub use project::{Advance, LoopEvent, ProjectHandle, StepOptions, Turn};
pub use query::Selected;
pub use requests::{
    AnnotationInput, AttributeInput, EditItem, EditRequest, ExportRequest, FuseRequest,
    ImportRequest, InferRequest, LabelRequest, LabelerRequest, MineRequest, ProjectRequest,
    TrainRequest, WorkspaceRequest, parse_request,
};
pub use task::{
    InferOptions, MineOptions, Mined, Task, TaskOptions, TaskOutput, TrainOptions, TrainedModel,
};
pub use workspace::{Workspace, WorkspaceOptions};

pub use ymir_assets::{Cache, ClockCache, DirBlobStore, GitAssetStore, StoreOptions, StoreStats};
#[cfg(feature = "s3")]
pub use ymir_assets::{S3BlobStore, S3Credentials, S3Options};
pub use ymir_core::*;
pub use ymir_data::loader::{Batch, Image, Images, LoadedAsset, Loader, LoaderOptions};
pub use ymir_data::operations::{
    self, Comparison, CopyOptions, DatasetEdit, EditOptions, EditReport, FuseOptions,
    MergeStrategy, Part, SampleSize, SplitOptions,
};
pub use ymir_data::{ExportOptions, ExportReport, ImportOptions, ImportReport};
pub use ymir_formats::{Format, Lost, SPLIT, Skipped};
#[cfg(feature = "mir")]
pub use ymir_mir::{
    MirClass, MirClassOutcome, MirDataset, MirLeftOut, MirLeftOutKind, MirModel, MirNotCarried,
    MirOptions, MirReport, MirSkip, MirSkipped, MirVersion,
};
pub use ymir_tmi::contract::{DetectionDetails, Sample, SampleSet};
pub use ymir_tmi::scheduler::{CleanReport, HostLease, Keep, LeaseState, Retention, UnremovedFile};
#[cfg(feature = "docker")]
pub use ymir_tmi::{DockerOptions, DockerRuntime};
pub use ymir_tmi::{HostDetection, HostExecutor, HostStage, HostTask, LocalRuntime};

#[cfg(feature = "testkit")]
pub use ymir_testkit as testkit;
