use std::collections::HashMap;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::watch;
use ymir_core::{Error, ErrorKind, LogLine, LogSource, Result, TaskEventKind, TaskId};

use super::database::failure;
use super::events::{self, Happened};
use super::live::Live;
use super::outbox::{Batch, Item, Outbox, Slot};
use super::owner::Owner;
use super::tasks;

/// How far apart the progress events of a task are.
const THROTTLE: Duration = Duration::from_millis(50);
/// How often the database is looked at for what other processes wrote.
const POLL: Duration = Duration::from_millis(100);
/// How often owners are looked for that are gone.
const BURY: Duration = Duration::from_secs(1);

/// The owner of the database connection. It lives on a thread of its own and does what comes
/// through the [`Outbox`], in order.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) connection: Connection,
    pub(super) database: PathBuf,
    pub(super) owner: Arc<Owner>,
    pub(super) live: Arc<Live>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) signals: Signals,
    pub(super) keep: (u64, u64),
    throttles: HashMap<TaskId, Throttle>,
    unpruned: (u64, u64),
    data_version: i64,
    polled: Instant,
    buried: Instant,
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

impl Ledger {
    pub(super) fn new(
        connection: Connection,
        database: PathBuf,
        owner: Arc<Owner>,
        live: Arc<Live>,
        outbox: Arc<Outbox>,
        signals: Signals,
        keep: (u64, u64),
    ) -> Self {
        let now = Instant::now();
        Self {
            connection,
            database,
            owner,
            live,
            outbox,
            signals,
            // What an earlier scheduler left is looked at when the first events are written.
            unpruned: keep,
            keep,
            throttles: HashMap::new(),
            data_version: -1,
            polled: now,
            buried: now,
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
        let mut happened = Vec::new();
        for (task, lines) in batch.lost {
            let text = format!("{lines} lines of log could not be kept: they came too fast");
            let line = LogLine { source: LogSource::Ymir, text };
            happened.push(Happened::now(&task, TaskEventKind::Log(line)));
        }
        for item in batch.items {
            match item {
                Item::Line(line) => happened.push(line),
                Item::Progress(slot) => happened.extend(self.admit(slot)),
                Item::Job(job) => {
                    self.write_events(mem::take(&mut happened));
                    job(self);
                }
            }
        }
        self.write_events(happened);
    }

    /// Takes progress out of its slot if it may be written now; otherwise it waits.
    fn admit(&mut self, slot: Arc<Slot>) -> Option<Happened> {
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
        slot.take()
    }

    fn write_due(&mut self, now: Instant) {
        let mut happened = Vec::new();
        for throttle in self.throttles.values_mut() {
            if now >= throttle.written + THROTTLE
                && let Some(slot) = throttle.waiting.take()
            {
                throttle.written = now;
                happened.extend(slot.take());
            }
        }
        self.write_events(happened);
    }

    fn write_events(&mut self, happened: Vec<Happened>) {
        if happened.is_empty() {
            return;
        }
        let written = self.transact(|db| {
            let mut bytes = 0;
            for event in &happened {
                bytes += events::append(db, event)?;
                if let TaskEventKind::Progress { fraction, .. } = event.kind {
                    tasks::progress(db, &event.task, fraction)?;
                }
            }
            Ok(bytes)
        });
        let Ok(bytes) = written else {
            let mut lost = HashMap::new();
            for event in happened {
                let line = matches!(event.kind, TaskEventKind::Log(_));
                *lost.entry(event.task).or_default() += u64::from(line);
            }
            lost.retain(|_, lines| *lines > 0);
            return self.outbox.lose(lost);
        };
        self.unpruned.0 += happened.len() as u64;
        self.unpruned.1 += bytes;
        self.signals.raise(false);
    }

    /// Changes the state of a task; its progress is written first.
    pub(super) fn change<T>(
        &mut self,
        task: &TaskId,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let waiting = self.throttles.get_mut(task).and_then(|throttle| throttle.waiting.take());
        let progress = waiting.and_then(|slot| slot.take());
        self.write_events(progress.into_iter().collect());
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
        let begin = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let result = begin.and_then(|transaction| {
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        });
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

    /// Notices what other processes did, and which of them are gone.
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
            let owner = Arc::clone(&self.owner);
            for id in self.read(|db| tasks::asked_cancel(db, &owner.id)).unwrap_or_default() {
                if let Ok(id) = TaskId::new(id) {
                    self.live.cancel(&id);
                }
            }
        }
        if self.buried.elapsed() >= BURY {
            // A database that cannot be written now can be later.
            let _ = self.bury();
        }
    }

    /// Records this owner, so that others see when it is gone.
    pub(super) fn join(&mut self) -> Result<()> {
        let owner = Arc::clone(&self.owner);
        self.transact(|db| tasks::join(db, &owner.id))
    }

    /// Ends the tasks of owners that are gone. Returns those tasks.
    pub(super) fn bury(&mut self) -> Result<Vec<TaskId>> {
        self.buried = Instant::now();
        let owner = Arc::clone(&self.owner);
        let mut ended = Vec::new();
        for other in self.read(|db| tasks::other_owners(db, &owner.id))? {
            if Owner::is_gone(&self.database, &other) {
                ended.extend(self.transact(|db| tasks::bury(db, &other))?);
                self.signals.raise(true);
            }
        }
        Ok(ended)
    }

    /// Leaves the database. What is unfinished, or damaged, is found by the next one to open it.
    fn end(mut self) {
        if self.live.is_empty() && !self.damaged {
            let owner = Arc::clone(&self.owner);
            if self.transact(|db| tasks::leave(db, &owner.id)).is_ok_and(|left| left) {
                Owner::forget(&self.database, &owner.id);
            }
        }
    }
}
