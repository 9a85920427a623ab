use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use ymir_core::{Error, ErrorKind, Result, TaskEventKind, TaskId, Timestamp};

use super::events::Happened;
use super::ledger::Ledger;

/// The most lines of log, and about the most bytes of them, that wait to be written.
const MAX_LINES: usize = 2048;
const MAX_BYTES: usize = 4 << 20;
/// How long a line waits for room before it is lost.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is on its way to the thread that owns the database, in the order in which it is written.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    batch: Batch,
    lines: usize,
    bytes: usize,
    closed: bool,
}

/// What is taken out at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) items: VecDeque<Item>,
    /// How many lines of log found no room, per task.
    pub(super) lost: HashMap<TaskId, u64>,
}

pub(super) enum Item {
    /// A line of log.
    Line(Happened),
    /// There is new progress in the slot.
    Progress(Arc<Slot>),
    /// Something that is to be done with the database.
    Job(Job),
}

type Job = Box<dyn FnOnce(&mut Ledger) + Send>;

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line(_) => "Line",
            Self::Progress(_) => "Progress",
            Self::Job(_) => "Job",
        })
    }
}

/// The newest progress of a task that was not written yet: later reports replace it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) task: TaskId,
    newest: Mutex<Option<(Timestamp, f64, String)>>,
}

impl Slot {
    pub(super) fn new(task: TaskId) -> Self {
        Self { task, newest: Mutex::new(None) }
    }

    /// Puts progress in, and returns whether the slot was empty.
    fn put(&self, fraction: f64, message: &str) -> bool {
        let value = (Timestamp::now(), fraction, message.to_owned());
        lock(&self.newest).replace(value).is_none()
    }

    /// Takes the progress out.
    pub(super) fn take(&self) -> Option<Happened> {
        let (time, fraction, message) = lock(&self.newest).take()?;
        let kind = TaskEventKind::Progress { fraction, message };
        Some(Happened { time, task: self.task.clone(), kind })
    }
}

impl Outbox {
    /// Has something done with the database, and returns what came of it. It is done also if the
    /// future is dropped.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Ledger) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.post(move |ledger| {
            let _ = reply.send(job(ledger));
        });
        answer.await.unwrap_or_else(|_| {
            let message = "the scheduler was closed; open it again";
            Err(Error::new(ErrorKind::Cancelled, message))
        })
    }

    /// Has something done with the database, unless it is closed.
    pub(super) fn post(&self, job: impl FnOnce(&mut Ledger) + Send + 'static) {
        self.push(Item::Job(Box::new(job)));
    }

    /// Passes a line of log on. Waits a moment for room if there is none; then the line is lost,
    /// and counted.
    pub(super) fn line(&self, line: Happened) {
        let size = size(&line);
        let mut state = lock(&self.state);
        let full = |state: &mut State| {
            !state.closed && (state.lines >= MAX_LINES || state.bytes >= MAX_BYTES)
        };
        if full(&mut state) && !state.batch.lost.contains_key(&line.task) {
            let waited = self.emptied.wait_timeout_while(state, PATIENCE, full);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if full(&mut state) {
            *state.batch.lost.entry(line.task).or_default() += 1;
            return;
        }
        state.lines += 1;
        state.bytes += size;
        drop(state);
        self.push(Item::Line(line));
    }

    /// Passes progress on.
    pub(super) fn progress(&self, slot: &Arc<Slot>, fraction: f64, message: &str) {
        if slot.put(fraction, message) {
            self.push(Item::Progress(Arc::clone(slot)));
        }
    }

    fn push(&self, item: Item) {
        let mut state = lock(&self.state);
        if !state.closed {
            state.batch.items.push_back(item);
            self.filled.notify_one();
        }
    }

    /// Closes it: what is in it is still written, nothing else is taken.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.filled.notify_one();
        self.emptied.notify_all();
    }

    /// Waits until there is something, or the deadline has come, and takes it all; `None` when it
    /// is closed and empty.
    pub(super) fn take(&self, deadline: Option<Instant>) -> Option<Batch> {
        let mut state = lock(&self.state);
        while state.batch.items.is_empty() && !state.closed {
            let Some(deadline) = deadline else {
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.filled.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.closed && state.batch.items.is_empty() {
            return None;
        }
        state.lines = 0;
        state.bytes = 0;
        self.emptied.notify_all();
        Some(mem::take(&mut state.batch))
    }

    /// Counts lines that could not be written, so that they are told of later.
    pub(super) fn lose(&self, lost: HashMap<TaskId, u64>) {
        let mut state = lock(&self.state);
        for (task, lines) in lost {
            *state.batch.lost.entry(task).or_default() += lines;
        }
    }
}

fn size(line: &Happened) -> usize {
    match &line.kind {
        TaskEventKind::Log(line) => line.text.len(),
        _ => 0,
    }
}

/// Locks a mutex; nothing of ours is left half done by a panic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
