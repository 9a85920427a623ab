//! Runtimes: what starts an executor, follows it and stops it.

#[cfg(feature = "docker")]
mod docker;
mod lines;
mod local;

#[cfg(feature = "docker")]
pub use docker::{DockerOptions, DockerRuntime};
pub use local::{LocalOptions, LocalRuntime};
