use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::stream::{StreamExt, TryStreamExt, try_unfold};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use ymir_core::{AssetStore, Error, ErrorKind, Result, VersionId};

use super::batch::{Batch, load};
use super::options::LoaderOptions;
use super::windows::Windows;

/// A task that is stopped when it is dropped.
#[derive(Debug)]
struct StopOnDrop<T>(JoinHandle<T>);

impl<T> Drop for StopOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The batches of one epoch of a version, as a stream.
///
/// They are read ahead by tasks of the runtime, which wait while as many as the options say are
/// ready, beside one or two that are on their way to the reader, and end when the loader is dropped.
/// So many batches and the records of 16,384 assets are in memory, whatever the size of the version.
#[derive(Debug)]
pub struct Loader {
    batches: mpsc::Receiver<Result<Batch>>,
    _reading: StopOnDrop<()>,
    left: u64,
}

impl Loader {
    /// Begins to read the batches of an epoch; within a tokio runtime.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such version; `InvalidInput` for an empty batch or a shard that
    /// there is not; `Unsupported` for pixels in a build without the feature `decode`. The stream
    /// ends with the first error of reading.
    pub async fn new(
        store: &Arc<dyn AssetStore>,
        version: &VersionId,
        options: LoaderOptions,
    ) -> Result<Self> {
        options.check()?;
        let total = store.manifest(version).await?.summary.assets;
        let windows = Windows::new(store.clone(), *version, total, options);
        let left = windows.len();
        let read_ahead = options.read_ahead.max(1);
        let (sender, batches) = mpsc::channel(1);
        let store = store.clone();
        let read = try_unfold(windows, |mut windows| async move {
            Ok(windows.next_batch().await?.map(|batch| (batch, windows)))
        })
        .map_ok(move |(index, records)| {
            // By itself, so that it goes on while an earlier batch waits to be taken.
            let load = tokio::spawn(load(store.clone(), index, records, options.images));
            let mut load = StopOnDrop(load);
            async move { (&mut load.0).await.unwrap_or_else(|error| Err(broken(error))) }
        })
        .try_buffered(read_ahead);
        let reading = tokio::spawn(async move {
            let mut read = std::pin::pin!(read);
            while let Some(batch) = read.next().await {
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
        });
        Ok(Self { batches, _reading: StopOnDrop(reading), left })
    }

    /// Returns how many batches are still to come.
    pub fn remaining(&self) -> u64 {
        self.left
    }
}

impl Stream for Loader {
    type Item = Result<Batch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let batch = ready!(self.batches.poll_recv(cx)).unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Cancelled, "the runtime stopped the reading of batches"))
        });
        self.left = if batch.is_ok() { self.left - 1 } else { 0 };
        Poll::Ready(Some(batch))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // An error ends it early.
        (0, usize::try_from(self.left).ok())
    }
}

fn broken(error: JoinError) -> Error {
    Error::new(ErrorKind::Unexpected, "the reading of a batch broke off").caused_by(error)
}
