use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use ymir_core::{Error, ErrorReport, LogLine, LogPosition, TaskEventKind, TaskReporter};

use super::events::NewEvent;
use super::outbox::{Outbox, Slot, lock};
use super::tasks;

/// The most bytes of a line of log and of a progress message; the rest is cut off.
const MAX_LINE: usize = 64 << 10;
const MAX_MESSAGE: usize = 4 << 10;

/// Receives the progress and log of a unit of a task. What comes after the end of the task is
/// ignored.
#[derive(Debug)]
pub(super) struct Reporter {
    outbox: Arc<Outbox>,
    slot: Arc<Slot>,
    unit: u32,
    cancel: CancellationToken,
    ended: Arc<AtomicBool>,
    /// What was told last of whether the run can be found out about.
    stalled: Mutex<Option<Option<ErrorReport>>>,
}

impl Reporter {
    pub(super) fn new(outbox: Arc<Outbox>, slot: Arc<Slot>, cancel: CancellationToken) -> Self {
        Self { outbox, slot, unit: 0, cancel, ended: Arc::default(), stalled: Mutex::default() }
    }

    /// Returns the reporter of a unit, that is stopped by a token of its own.
    pub(super) fn of_unit(&self, unit: u32, cancel: CancellationToken) -> Self {
        let (outbox, slot) = (Arc::clone(&self.outbox), Arc::clone(&self.slot));
        let ended = Arc::clone(&self.ended);
        Self { outbox, slot, unit, cancel, ended, stalled: Mutex::default() }
    }

    /// Lets nothing more through, also of its units.
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
            self.outbox.progress(&self.slot, self.unit, fraction.clamp(0.0, 1.0), message);
        }
    }

    fn log(&self, mut line: LogLine, position: Option<LogPosition>) {
        if !self.has_ended() {
            line.text.truncate(cut(&line.text, MAX_LINE).len());
            let line = NewEvent::now(&self.slot.task, TaskEventKind::Log(line));
            self.outbox.line(line, position.map(|position| (self.unit, position)));
        }
    }

    fn stalled(&self, reason: Option<&Error>) {
        let reason = reason.map(ErrorReport::from);
        let told = lock(&self.stalled).replace(reason.clone());
        if !self.has_ended() && told.as_ref() != Some(&reason) {
            let (task, unit) = (self.slot.task.clone(), self.unit);
            self.outbox.post(move |journal| {
                // Where it cannot be recorded, the task does not go on either.
                let _ = journal.change(&task, |db| tasks::stall(db, &task, unit, reason.as_ref()));
            });
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
