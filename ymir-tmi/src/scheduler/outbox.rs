use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use ymir_core::{Error, ErrorKind, LogPosition, Result, TaskEventKind, TaskId, Timestamp};

use super::events::NewEvent;
use super::journal::Journal;

/// The most lines of log, and about the most bytes of them, that wait to be written.
const MAX_LINES: usize = 2048;
const MAX_BYTES: usize = 4 << 20;
/// How long a line waits for room before it is lost.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// A line of log, and of which unit it is and where its log goes on behind it.
    Line(NewEvent, Option<(u32, LogPosition)>),
    /// There is new progress in the slot.
    Progress(Arc<Slot>),
    /// Something that is to be done with the database.
    Job(Job),
}

type Job = Box<dyn FnOnce(&mut Journal) + Send>;

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line(..) => "Line",
            Self::Progress(_) => "Progress",
            Self::Job(_) => "Job",
        })
    }
}

/// The newest progress of a task that was not written yet: later reports replace it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) task: TaskId,
    units: Mutex<Units>,
}

#[derive(Debug)]
struct Units {
    fractions: Vec<f64>,
    newest: Option<(Timestamp, String)>,
}

/// How much of a task is done.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) event: NewEvent,
    pub(super) fraction: f64,
    /// How much of each unit is, if there are several.
    pub(super) units: Vec<f64>,
}

impl Slot {
    /// Returns the slot of a task whose units have come so far.
    pub(super) fn new(task: TaskId, fractions: Vec<f64>) -> Self {
        Self { task, units: Mutex::new(Units { fractions, newest: None }) }
    }

    /// Puts progress of a unit in, and returns whether the slot was empty.
    fn put(&self, unit: u32, fraction: f64, message: &str) -> bool {
        let mut units = lock(&self.units);
        if let Some(of_unit) = units.fractions.get_mut(unit as usize) {
            *of_unit = fraction;
        }
        units.newest.replace((Timestamp::now(), message.to_owned())).is_none()
    }

    /// Forgets all progress: the task begins anew.
    pub(super) fn reset(&self) {
        let mut units = lock(&self.units);
        units.fractions.fill(0.0);
        units.newest = None;
    }

    /// Takes the progress out: the mean of the units'.
    pub(super) fn take(&self) -> Option<Progress> {
        let mut units = lock(&self.units);
        let (time, message) = units.newest.take()?;
        let count = units.fractions.len().max(1);
        let fraction = units.fractions.iter().sum::<f64>() / count as f64;
        let kind = TaskEventKind::Progress { fraction, message };
        let event = NewEvent { time, task: self.task.clone(), kind };
        let units = if count > 1 { units.fractions.clone() } else { Vec::new() };
        Some(Progress { event, fraction, units })
    }
}

impl Outbox {
    /// Has something done with the database, and returns what came of it. It is done also if the
    /// future is dropped.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Journal) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.post(move |journal| {
            let _ = reply.send(job(journal));
        });
        answer.await.unwrap_or_else(|_| {
            let message = "the scheduler was closed; open it again";
            Err(Error::new(ErrorKind::Cancelled, message))
        })
    }

    /// Has something done with the database, unless it is closed.
    pub(super) fn post(&self, job: impl FnOnce(&mut Journal) + Send + 'static) {
        self.push(Item::Job(Box::new(job)));
    }

    /// Passes a line of log on. Waits a moment for room if there is none; then the line is lost,
    /// and counted.
    pub(super) fn line(&self, line: NewEvent, position: Option<(u32, LogPosition)>) {
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
        self.push(Item::Line(line, position));
    }

    /// Passes progress on.
    pub(super) fn progress(&self, slot: &Arc<Slot>, unit: u32, fraction: f64, message: &str) {
        if slot.put(unit, fraction, message) {
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

fn size(line: &NewEvent) -> usize {
    match &line.kind {
        TaskEventKind::Log(line) => line.text.len(),
        _ => 0,
    }
}

/// Locks a mutex; nothing of ours is left half done by a panic.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
