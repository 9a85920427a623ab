use ymir_core::{Error, ErrorKind, Result};

/// Runs blocking work where it does not hold the runtime up.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let message = "a blocking part of the scheduler did not end";
        Err(Error::new(ErrorKind::Unexpected, message).caused_by(error))
    })
}
