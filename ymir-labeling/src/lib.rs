//! YMIR's labeling backends: [`OracleBackend`] answers from a held-back annotated dataset version,
//! [`FolderBackend`] exchanges images and COCO files with people and their tools.
//!
//! In a [`ymir_core::LabelJobRequest`] and in the annotations that come back, class ids are those of the job's
//! own class table.

mod blocking;
mod folder;
mod job;
mod oracle;

pub use folder::FolderBackend;
pub use oracle::OracleBackend;
