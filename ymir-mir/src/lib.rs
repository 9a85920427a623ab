//! Repositories of the original YMIR, as its command `mir` makes them, in.
//!
//! Such a repository is a git repository whose commits have five protobuf files at their root:
//! `metadatas.mir` (the assets, by SHA-1), `annotations.mir` (ground truth and predictions),
//! `tasks.mir` (what made it), and `keywords.mir` and `context.mir`, which are derived and not
//! read. Each task commits to a branch and tags the commit `branch@task`. Images stand in a media
//! folder outside, the class table in `.mir/labels.yaml`, model packages in a models folder.

mod classes;
mod commit;
mod files;
#[allow(missing_docs, unreachable_pub, clippy::all)]
#[rustfmt::skip]
mod generated;
mod import;
mod labels;
mod lineage;
mod making;
mod media;
mod models;
mod names;
mod options;
mod records;
mod report;
mod repository;
mod revisions;
mod survey;
mod take;

pub use import::import_mir;
pub use options::MirOptions;
pub use report::{
    MirClass, MirClassOutcome, MirDataset, MirLeftOut, MirLeftOutKind, MirModel, MirNotCarried,
    MirReport, MirSkip, MirSkipped, MirVersion,
};
