use futures::future::BoxFuture;
use futures::stream;
use tokio::sync::mpsc;
use ymir_core::{
    AssetStore, CommitRequest, Edit, Edits, Error, ErrorKind, Record, Result, Version,
};

/// How many batches of edits may wait for the commit that reads them.
const WAITING: usize = 4;

/// The sending end of a stream of edits; `None` says that they are complete.
pub(super) struct EditSender(mpsc::Sender<Option<Vec<Edit>>>);

impl EditSender {
    /// Hands edits to the commit.
    ///
    /// # Errors
    ///
    /// `Cancelled` if the commit has ended; its own result says why.
    pub(super) async fn send(&self, edits: Vec<Edit>) -> Result<()> {
        self.pass(Some(edits)).await
    }

    /// Hands over edits that put these records in.
    pub(super) async fn put(&self, records: impl IntoIterator<Item = Record>) -> Result<()> {
        self.send(records.into_iter().map(Edit::Put).collect()).await
    }

    /// Says that these were all edits.
    pub(super) async fn finish(self) -> Result<()> {
        self.pass(None).await
    }

    async fn pass(&self, message: Option<Vec<Edit>>) -> Result<()> {
        self.0.send(message).await.map_err(|_| {
            Error::new(ErrorKind::Cancelled, "the commit ended before its edits were read")
        })
    }
}

/// Returns a sender and the edits that it sends.
///
/// The edits end well only by [`EditSender::finish`]: if the sender is dropped without it, because
/// the operation failed or its future was dropped, they end with an error, so that no commit takes
/// a part for the whole.
pub(super) fn channel() -> (EditSender, Edits) {
    let (sender, receiver) = mpsc::channel::<Option<Vec<Edit>>>(WAITING);
    let edits = stream::try_unfold(receiver, |mut receiver| async {
        match receiver.recv().await {
            Some(edits) => Ok(edits.map(|edits| (edits, receiver))),
            None => {
                let message = "the operation was stopped before it was complete";
                Err(Error::new(ErrorKind::Cancelled, message))
            }
        }
    });
    (EditSender(sender), Edits::stream(edits))
}

/// Runs a commit together with what sends its edits, and returns what the commit made.
pub(super) async fn commit_streamed(
    store: &dyn AssetStore,
    request: CommitRequest,
    sending: BoxFuture<'_, Result<()>>,
) -> Result<Version> {
    let (sent, version) = futures::join!(sending, store.commit(request));
    match (sent, version) {
        // The sender failed by itself, and the commit for that reason.
        (Err(error), Err(_)) if error.kind() != ErrorKind::Cancelled => Err(error),
        (_, version) => version,
    }
}
