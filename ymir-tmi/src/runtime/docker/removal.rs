use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use tokio::runtime::Handle;
use ymir_core::Result;

use super::engine::{failed, status};

/// How long the last resort may take.
const LAST_RESORT: Duration = Duration::from_secs(10);

/// A container that must not outlive this value.
///
/// Dropped before [`Removal::now`], it has the container removed in the background; if the async
/// runtime is shutting down, by one blocking request.
#[derive(Debug)]
pub(super) struct Removal {
    docker: Docker,
    socket: PathBuf,
    container: String,
    runtime: Handle,
    pending: bool,
}

impl Removal {
    /// Takes charge of a container.
    pub(super) fn of(docker: &Docker, socket: PathBuf, container: String) -> Self {
        let (docker, runtime) = (docker.clone(), Handle::current());
        Self { docker, socket, container, runtime, pending: true }
    }

    pub(super) fn container(&self) -> &str {
        &self.container
    }

    /// Kills and removes the container; one that is gone is no error.
    pub(super) async fn now(mut self) -> Result<()> {
        let removed = remove(&self.docker, &self.container).await;
        self.pending = removed.is_err();
        removed
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        if !self.pending {
            return;
        }
        let last = LastResort {
            request: format!(
                "DELETE /containers/{}?force=true&v=true HTTP/1.1\r\nHost: docker\r\n\
                 Connection: close\r\n\r\n",
                self.container
            ),
            socket: std::mem::take(&mut self.socket),
            pending: true,
        };
        let (docker, container) = (self.docker.clone(), std::mem::take(&mut self.container));
        // A runtime that is shutting down drops the future, and with it the last resort.
        self.runtime.spawn(async move {
            if remove(&docker, &container).await.is_ok() {
                last.disarm();
            }
        });
    }
}

/// Kills and removes a container; one that is gone, or just being removed, is no error.
pub(super) async fn remove(docker: &Docker, container: &str) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match docker.remove_container(container, Some(options)).await {
        Err(error) if !matches!(status(&error), Some(404 | 409)) => {
            Err(failed(error, "cannot remove a container").with("container", container))
        }
        _ => Ok(()),
    }
}

/// Removes a container without an async runtime, when dropped while pending.
struct LastResort {
    request: String,
    socket: PathBuf,
    pending: bool,
}

impl LastResort {
    fn disarm(mut self) {
        self.pending = false;
    }

    fn send(&self) -> std::io::Result<()> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(LAST_RESORT))?;
        stream.set_write_timeout(Some(LAST_RESORT))?;
        stream.write_all(self.request.as_bytes())?;
        // The answer comes when the container is gone.
        stream.read(&mut [0; 64]).map(drop)
    }
}

impl Drop for LastResort {
    fn drop(&mut self) {
        if self.pending {
            // Nothing is left to be done about a failure: the next start of the task tries again.
            let _ = self.send();
        }
    }
}
