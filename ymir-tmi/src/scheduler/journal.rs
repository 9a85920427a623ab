use std::collections::HashMap;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::watch;
use ymir_core::{Error, ErrorKind, LogLine, LogPosition, LogSource, Result, TaskEventKind, TaskId};

use super::database::{self, failure};
use super::events::{self, NewEvent};
use super::live::Live;
use super::outbox::{Batch, Item, Outbox, Progress, Slot};
use super::owner::Owner;
use super::tasks;

/// How far apart the progress events of a task are.
const THROTTLE: Duration = Duration::from_millis(50);
/// How often the database is looked at for what other processes wrote.
const POLL: Duration = Duration::from_millis(100);

/// The owner of the database connection. It lives on a thread of its own and does what comes
/// through the [`Outbox`], in order.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) connection: Connection,
    pub(super) database: PathBuf,
    /// What its tasks are owned by, once it serves.
    pub(super) owner: Option<Arc<Owner>>,
    pub(super) live: Arc<Live>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) signals: Signals,
    pub(super) keep: (u64, u64),
    throttles: HashMap<TaskId, Throttle>,
    unpruned: (u64, u64),
    data_version: i64,
    polled: Instant,
    damaged: bool,
}

/// Counters that change when there is something new to read.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    pub(super) events: watch::Sender<u64>,
    pub(super) states: watch::Sender<u64>,
}

impl Signals {
    pub(super) fn new() -> Self {
        Self { events: watch::Sender::new(0), states: watch::Sender::new(0) }
    }

    pub(super) fn raise(&self, states: bool) {
        self.events.send_modify(|n| *n = n.wrapping_add(1));
        if states {
            self.states.send_modify(|n| *n = n.wrapping_add(1));
        }
    }

    fn heard(&self) -> bool {
        self.events.receiver_count() + self.states.receiver_count() > 0
    }
}

/// When a task's progress was last written, and what waits to be.
#[derive(Debug)]
struct Throttle {
    written: Instant,
    waiting: Option<Arc<Slot>>,
}

/// A report of a task that is to be written.
enum Entry {
    Line(NewEvent, Option<(u32, LogPosition)>),
    Progress(Progress),
}

fn write(db: &Connection, entries: &[Entry]) -> rusqlite::Result<u64> {
    let mut bytes = 0;
    let mut positions = HashMap::new();
    for entry in entries {
        match entry {
            Entry::Line(line, position) => {
                bytes += events::append(db, line)?;
                if let Some((unit, position)) = position {
                    positions.insert((&line.task, *unit), position);
                }
            }
            Entry::Progress(progress) => {
                bytes += events::append(db, &progress.event)?;
                tasks::progress(db, &progress.event.task, progress.fraction, &progress.units)?;
            }
        }
    }
    for ((task, unit), position) in positions {
        tasks::position(db, task, unit, position)?;
    }
    Ok(bytes)
}

impl Journal {
    pub(super) fn new(
        connection: Connection,
        database: PathBuf,
        live: Arc<Live>,
        outbox: Arc<Outbox>,
        signals: Signals,
        keep: (u64, u64),
    ) -> Self {
        let now = Instant::now();
        Self {
            connection,
            database,
            owner: None,
            live,
            outbox,
            signals,
            // What an earlier scheduler left is looked at when the first events are written.
            unpruned: keep,
            keep,
            throttles: HashMap::new(),
            data_version: -1,
            polled: now,
            damaged: false,
        }
    }

    /// Works until the outbox is closed.
    pub(super) fn run(mut self) {
        let outbox = Arc::clone(&self.outbox);
        while let Some(batch) = outbox.take(self.deadline()) {
            self.work(batch);
            self.write_due(Instant::now());
            self.prune();
            self.poll();
        }
        self.end();
    }

    fn deadline(&self) -> Option<Instant> {
        let waiting = self.throttles.values().filter(|throttle| throttle.waiting.is_some());
        let due = waiting.map(|throttle| throttle.written + THROTTLE).min();
        let listening = self.signals.heard() || !self.live.is_empty();
        let poll = listening.then(|| self.polled + POLL);
        due.into_iter().chain(poll).min()
    }

    fn work(&mut self, batch: Batch) {
        let mut entries = Vec::new();
        for (task, lines) in batch.lost {
            let text = format!("{lines} lines of log could not be kept: they came too fast");
            let line = LogLine { source: LogSource::Ymir, text };
            let event = NewEvent::now(&task, TaskEventKind::Log(line));
            entries.push(Entry::Line(event, None));
        }
        for item in batch.items {
            match item {
                Item::Line(line, position) => entries.push(Entry::Line(line, position)),
                Item::Progress(slot) => entries.extend(self.admit(slot)),
                Item::Job(job) => {
                    self.write(mem::take(&mut entries));
                    job(self);
                }
            }
        }
        self.write(entries);
    }

    /// Takes progress out of its slot if it may be written now; otherwise it waits.
    fn admit(&mut self, slot: Arc<Slot>) -> Option<Entry> {
        let now = Instant::now();
        match self.throttles.get_mut(&slot.task) {
            Some(throttle) if now < throttle.written + THROTTLE => {
                throttle.waiting = Some(slot);
                return None;
            }
            Some(throttle) => throttle.written = now,
            None => {
                let throttle = Throttle { written: now, waiting: None };
                self.throttles.insert(slot.task.clone(), throttle);
            }
        }
        slot.take().map(Entry::Progress)
    }

    fn write_due(&mut self, now: Instant) {
        let mut entries = Vec::new();
        for throttle in self.throttles.values_mut() {
            if now >= throttle.written + THROTTLE
                && let Some(slot) = throttle.waiting.take()
            {
                throttle.written = now;
                entries.extend(slot.take().map(Entry::Progress));
            }
        }
        self.write(entries);
    }

    /// Writes reports of tasks. The lines of a log and how far it was read are written at once, so
    /// that another process that goes on reads each line once.
    fn write(&mut self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        match self.transact(|db| write(db, &entries)) {
            Ok(bytes) => {
                self.unpruned.0 += entries.len() as u64;
                self.unpruned.1 += bytes;
                self.signals.raise(false);
            }
            Err(_) => {
                let mut lost = HashMap::new();
                for entry in entries {
                    if let Entry::Line(line, _) = entry {
                        *lost.entry(line.task).or_default() += 1;
                    }
                }
                self.outbox.lose(lost);
            }
        }
    }

    /// Changes the state of a task; its progress is written first.
    pub(super) fn change<T>(
        &mut self,
        task: &TaskId,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let waiting = self.throttles.get_mut(task).and_then(|throttle| throttle.waiting.take());
        let progress = waiting.and_then(|slot| slot.take());
        self.write(progress.into_iter().map(Entry::Progress).collect());
        let result = self.transact(change)?;
        self.unpruned.0 += 1;
        self.signals.raise(true);
        Ok(result)
    }

    /// Drops what is kept of a task that has ended.
    pub(super) fn forget(&mut self, task: &TaskId) {
        self.throttles.remove(task);
    }

    /// Reads from the database.
    pub(super) fn read<T>(
        &mut self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let result = read(&self.connection);
        result.map_err(|error| self.failed("cannot read the database of the tasks", error))
    }

    fn transact<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let result = database::transact(&mut self.connection, |transaction| change(transaction));
        result.map_err(|error| self.failed("cannot write the database of the tasks", error))
    }

    fn failed(&mut self, message: &str, error: rusqlite::Error) -> Error {
        let error = failure(message, &self.database, error);
        self.damaged |= error.kind() == ErrorKind::Corrupted;
        error
    }

    /// Removes old events when an eighth more than what is kept may be there.
    fn prune(&mut self) {
        let (events, bytes) = self.keep;
        if self.unpruned.0 > events / 8 || self.unpruned.1 > bytes / 8 {
            self.unpruned = (0, 0);
            // If it fails, the next time is soon enough.
            let _ = self.transact(|db| events::prune(db, events, bytes));
        }
    }

    /// Notices what other processes did.
    fn poll(&mut self) {
        if self.polled.elapsed() < POLL {
            return;
        }
        self.polled = Instant::now();
        let pragma =
            |db: &Connection| db.pragma_query_value(None, "data_version", |row| row.get(0));
        if let Ok(version) = self.read(pragma)
            && version != self.data_version
        {
            self.data_version = version;
            self.signals.raise(true);
            self.heed();
        }
    }

    /// Passes on what other processes ask of the tasks of this scheduler.
    pub(super) fn heed(&mut self) {
        let Some(owner) = self.owner.clone() else { return };
        for (id, cancel, settle) in self.read(|db| tasks::asked(db, &owner.id)).unwrap_or_default()
        {
            let Ok(id) = TaskId::new(id) else { continue };
            if cancel {
                self.live.cancel(&id);
            }
            if settle {
                self.live.settle(&id);
            }
        }
    }

    /// Becomes an owner of tasks, and returns that.
    pub(super) fn join(&mut self) -> Result<Arc<Owner>> {
        let owner = Arc::new(Owner::claim(&self.connection, &self.database)?);
        self.owner = Some(Arc::clone(&owner));
        Ok(owner)
    }

    /// Returns the unfinished tasks of this scheduler.
    pub(super) fn owned(&mut self) -> Result<Vec<TaskId>> {
        let Some(owner) = self.owner.clone() else { return Ok(Vec::new()) };
        self.read(|db| tasks::owned(db, &owner.id))
    }

    /// Leaves the database. What is unfinished, or damaged, is found by the next one to open it.
    fn end(mut self) {
        if let Some(owner) = self.owner.clone()
            && !self.damaged
            && self.owned().is_ok_and(|tasks| tasks.is_empty())
        {
            owner.forget();
        }
    }
}
