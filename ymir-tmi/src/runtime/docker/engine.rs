use std::error::Error as StdError;
use std::time::Duration;

use bollard::query_parameters::RemoveContainerOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, Docker, errors::Error as DockerError};
use ymir_core::{Error, ErrorKind, Result};

use super::options::DockerOptions;

/// How long to wait before the engine is asked again.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Connects to the engine, and agrees on a version of its interface.
pub(super) async fn connect(options: &DockerOptions) -> Result<Docker> {
    let timeout = options.timeout.as_secs().max(1);
    let unreachable = |error| {
        failed(error, "cannot reach the Docker Engine").with("socket", options.socket.display())
    };
    let Some(path) = options.socket.to_str() else {
        let message = "the path of the Docker Engine's socket must be UTF-8";
        return Err(Error::invalid(message).with("socket", options.socket.display()));
    };
    let docker =
        Docker::connect_with_unix(path, timeout, API_DEFAULT_VERSION).map_err(unreachable)?;
    docker.negotiate_version().await.map_err(unreachable)
}

/// Kills and removes a container, and waits until it is gone; one that is not there is no error.
pub(super) async fn remove(docker: &Docker, container: &str) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    loop {
        match docker.remove_container(container, Some(options.clone())).await {
            Ok(()) => return Ok(()),
            Err(error) => match status(&error) {
                Some(404) => return Ok(()),
                // It is being removed by somebody.
                Some(409) => tokio::time::sleep(RETRY_AFTER).await,
                _ => {
                    let error = failed(error, "cannot remove a container");
                    return Err(error.with("container", container));
                }
            },
        }
    }
}

/// Returns the engine's status code, if it answered with one.
pub(super) fn status(error: &DockerError) -> Option<u16> {
    match error {
        DockerError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Returns the error for a request that failed. `attempt` says what was tried.
pub(super) fn failed(error: DockerError, attempt: &str) -> Error {
    const REMEDY: &str = "start Docker, make sure that this user may use its socket, or run the \
                          executor as a local program";
    let kind = match &error {
        DockerError::DockerResponseServerError { status_code, .. } => match status_code {
            400 => ErrorKind::InvalidInput,
            401 | 403 => ErrorKind::Unauthorized,
            404 => ErrorKind::NotFound,
            409 => ErrorKind::Conflict,
            503 => ErrorKind::Unavailable,
            _ => ErrorKind::Unexpected,
        },
        DockerError::RequestTimeoutError => ErrorKind::Timeout,
        error if is_transport(error) => ErrorKind::Unavailable,
        _ => ErrorKind::Unexpected,
    };
    let message = match kind {
        ErrorKind::Unavailable => format!("{attempt}; {REMEDY}"),
        _ => attempt.to_owned(),
    };
    Error::new(kind, message).caused_by(error)
}

/// Returns whether the engine was not spoken to at all, or the connection was lost.
fn is_transport(error: &DockerError) -> bool {
    let known = matches!(
        error,
        DockerError::IOError { .. }
            | DockerError::HttpClientError { .. }
            | DockerError::HyperResponseError { .. }
            | DockerError::HyperLegacyError { .. }
            | DockerError::SocketNotFoundError(_)
    );
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    let mut by_io = false;
    while let Some(error) = cause {
        by_io |= error.is::<std::io::Error>();
        cause = error.source();
    }
    known || by_io
}
