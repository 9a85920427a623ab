use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ymir_core::{Error, ErrorKind, Result};

/// Runs work that blocks or computes for long on a thread that may, and returns its result.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => {
            let message = "the runtime was shut down before the work began";
            Err(Error::new(ErrorKind::Cancelled, message).caused_by(error))
        }
    })
}

/// Who waits for work on another thread. When it is dropped, the work is told that nobody does.
#[derive(Debug, Default)]
pub struct Waiter(Arc<AtomicBool>);

impl Waiter {
    /// Returns what tells the work.
    pub fn watched(&self) -> Watched {
        Watched(self.0.clone())
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Tells whether somebody waits.
#[derive(Debug)]
pub struct Watched(Arc<AtomicBool>);

impl Watched {
    /// Returns an error if nobody waits any more.
    pub fn go_on(&self) -> Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Cancelled, "the work was stopped before its end")),
            false => Ok(()),
        }
    }
}
