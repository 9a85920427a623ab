use ymir_core::{Error, ErrorKind, Result};

/// Runs work that blocks or computes for long on a thread that may, and returns its result.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let message = "a background thread ended before its work was done";
        Err(Error::new(ErrorKind::Unexpected, message).caused_by(error))
    })
}
