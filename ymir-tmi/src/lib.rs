//! YMIR's executor contract, runtimes, scheduler and GPU allocator.

pub mod contract;
mod driver;
pub mod gpu;
mod runtime;
pub mod scheduler;

pub use driver::{
    CLASSES, COUNT, ExecutorDriver, Runtimes, STAGE, STOP_GRACE, TmiTask, UNKNOWN_CLASSES, role,
    run_unit,
};
#[cfg(feature = "docker")]
pub use runtime::{DockerOptions, DockerRuntime};
pub use runtime::{
    HostDetection, HostExecutor, HostRuntime, HostStage, HostTask, LocalOptions, LocalRuntime,
};
