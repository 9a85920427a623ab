//! Runtimes: what starts an executor, follows it and stops it.

#[cfg(feature = "docker")]
mod docker;
mod host;
mod lines;
mod local;

#[cfg(feature = "docker")]
pub use docker::{DockerOptions, DockerRuntime};
pub use host::{HostDetection, HostExecutor, HostRuntime, HostStage, HostTask};
pub use local::{LocalOptions, LocalRuntime};
