//! Runtimes: what starts an executor, follows it and stops it.

mod cutter;
#[cfg(feature = "docker")]
mod docker;
mod end;
mod folder;
mod host;
mod local;
mod process;
mod tail;

#[cfg(feature = "docker")]
pub use docker::{DockerOptions, DockerRuntime};
pub use host::{HostDetection, HostExecutor, HostRuntime, HostStage, HostTask};
pub use local::{LocalOptions, LocalRuntime};
use ymir_core::{Error, ErrorKind, Result};

/// Runs blocking work; it goes on to its end even if the caller goes away.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::Unexpected, "work on files was broken off").caused_by(error)
    })?
}
