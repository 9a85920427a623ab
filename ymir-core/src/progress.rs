use std::time::{Duration, Instant};

use serde::Serialize;

/// How far a long operation has come, in items (images).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Items that are done.
    pub done: u64,
    /// Items in all.
    pub total: u64,
}

/// What is called as an operation comes on: at its start, then at most ten times a second, and at
/// its end. It must return soon, as the operation waits for it.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Calls an [`OnProgress`] at a sane rate.
pub struct Ticker<'a> {
    on_progress: OnProgress<'a>,
    progress: Progress,
    last: Instant,
}

impl<'a> Ticker<'a> {
    const PAUSE: Duration = Duration::from_millis(100);

    /// Begins an operation on so many items.
    pub fn start(on_progress: OnProgress<'a>, total: u64) -> Self {
        let progress = Progress { done: 0, total };
        on_progress(progress);
        Self { on_progress, progress, last: Instant::now() }
    }

    /// Notes that so many more items are done.
    pub fn advance(&mut self, items: u64) {
        self.progress.done += items;
        if self.last.elapsed() >= Self::PAUSE && self.progress.done < self.progress.total {
            self.last = Instant::now();
            (self.on_progress)(self.progress);
        }
    }

    /// Says that all is done.
    pub fn finish(self) {
        (self.on_progress)(Progress { done: self.progress.total, ..self.progress });
    }
}
