//! YMIR's executor contract, runtimes, scheduler and GPU allocator.

pub mod contract;
pub mod gpu;
mod run;
mod runtime;
pub mod scheduler;

pub use run::{STOP_GRACE, run_executor};
#[cfg(feature = "docker")]
pub use runtime::{DockerOptions, DockerRuntime};
pub use runtime::{
    HostDetection, HostExecutor, HostRuntime, HostStage, HostTask, LocalOptions, LocalRuntime,
};
