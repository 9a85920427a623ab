use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use ymir_core::{LogLine, TaskEventKind, TaskId, TaskReporter};

use super::events::Happened;
use super::outbox::{Outbox, Slot};

/// The most bytes of a line of log and of a progress message; the rest is cut off.
const MAX_LINE: usize = 64 << 10;
const MAX_MESSAGE: usize = 4 << 10;

/// Where a task of a [`LocalScheduler`](super::LocalScheduler) tells how it comes on. What it tells
/// after its end is ignored.
#[derive(Debug)]
pub(super) struct Reporter {
    task: TaskId,
    outbox: Arc<Outbox>,
    slot: Arc<Slot>,
    cancel: CancellationToken,
    ended: AtomicBool,
}

impl Reporter {
    pub(super) fn new(task: TaskId, outbox: Arc<Outbox>, cancel: CancellationToken) -> Self {
        let slot = Arc::new(Slot::new(task.clone()));
        Self { task, outbox, slot, cancel, ended: AtomicBool::new(false) }
    }

    /// Lets nothing more through.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

#[async_trait]
impl TaskReporter for Reporter {
    fn progress(&self, fraction: f64, message: &str) {
        if !fraction.is_nan() && !self.has_ended() {
            let message = cut(message, MAX_MESSAGE);
            self.outbox.progress(&self.slot, fraction.clamp(0.0, 1.0), message);
        }
    }

    fn log(&self, mut line: LogLine) {
        if !self.has_ended() {
            line.text.truncate(cut(&line.text, MAX_LINE).len());
            self.outbox.line(Happened::now(&self.task, TaskEventKind::Log(line)));
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }
}

/// Returns the beginning of a text, of at most this many bytes.
fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
