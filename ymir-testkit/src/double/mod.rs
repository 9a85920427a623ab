//! In-memory doubles that forgive less than the real thing.

mod faulty_store;
mod memory_blobs;
mod memory_labels;
mod memory_scheduler;
mod memory_state;
mod memory_store;
mod task_work;

pub use faulty_store::{Fault, FaultyAssetStore, StoreMethod, When};
pub use memory_blobs::MemoryBlobStore;
pub use memory_labels::{MemoryLabelBackend, MemoryLabelServer};
pub use memory_scheduler::MemoryScheduler;
pub use memory_store::MemoryAssetStore;
pub use task_work::{Meter, Reading, ScriptedDriver, ScriptedWork, Seen};
