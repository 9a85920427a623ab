//! Events, one batch at a time.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{BoxStream, ReadyChunks};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use ymir::{Result, TaskEvent};

use crate::call::{Cancel, promise};
use crate::error::to_json;

/// How many events cross at once at most.
const BATCH: usize = 256;

type Inner = ReadyChunks<BoxStream<'static, Result<TaskEvent>>>;

/// The events of a workspace or task.
#[napi]
pub struct Events {
    stream: Arc<Mutex<Option<Inner>>>,
    closed: CancellationToken,
}

impl Events {
    pub(crate) fn new(stream: BoxStream<'static, Result<TaskEvent>>) -> Self {
        let stream = Arc::new(Mutex::new(Some(stream.ready_chunks(BATCH))));
        Self { stream, closed: CancellationToken::new() }
    }
}

#[napi]
impl Events {
    /// Returns the next events, one or more, or nothing if there are no more.
    #[napi]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let (stream, closed) = (self.stream.clone(), self.closed.clone());
        promise(env, cancel, async move {
            let mut stream = stream.lock().await;
            let Some(events) = stream.as_mut() else { return Ok(None) };
            let Some(Some(batch)) = closed.run_until_cancelled(events.next()).await else {
                *stream = None;
                return Ok(None);
            };
            let batch = batch.into_iter().collect::<Result<Vec<_>>>()?;
            to_json(&batch).map(Some)
        })
    }

    /// Ends the stream, also for who waits for its next events.
    #[napi]
    pub fn close(&self) {
        self.closed.cancel();
        if let Ok(mut stream) = self.stream.try_lock() {
            *stream = None;
        }
    }
}
