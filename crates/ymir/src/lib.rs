#![doc = include_str!("../README.md")]

mod dataset;
mod evaluate;
mod find;
mod labeling;
mod model;
mod project;
mod requests;
mod task;
mod transfer;
mod workspace;

pub use dataset::Dataset;
pub use evaluate::Evaluated;
pub use labeling::LabelOptions;
pub use project::{Advance, LoopEvent, OnLoopEvent, ProjectHandle, StepOptions, Turn};
pub use requests::{
    ExportRequest, ImportRequest, InferRequest, LabelRequest, LabelerRequest, MineRequest,
    ProjectRequest, TrainRequest, parse_request,
};
pub use task::{InferOptions, MineOptions, Task, TaskOptions, TrainOptions};
pub use workspace::{Workspace, WorkspaceOptions};

pub use ymir_assets::formats::{
    ExportOptions, ExportReport, Format, ImportOptions, ImportReport, Progress, Skipped,
};
pub use ymir_assets::operations::MergeStrategy;
pub use ymir_assets::{GitAssetStore, StoreOptions, evaluation, operations};
pub use ymir_core::*;
pub use ymir_tmi::LocalRuntime;
#[cfg(feature = "docker")]
pub use ymir_tmi::{DockerOptions, DockerRuntime};

#[cfg(feature = "testkit")]
pub use ymir_testkit as testkit;
