use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use ymir_core::{Error, ErrorKind, Grant, Result, TaskId};

use super::grants::{Grants, load};
use super::lease::{Holder, HostLease, LeaseState, Record};
use super::options::HostOptions;
use super::{place, process, proof};
use crate::gpu::{DeviceId, DeviceSource, LeaseDir};
use crate::scheduler::database::{self, failure, set_aside};
use crate::scheduler::owner::{self, Owner};
use crate::scheduler::policy::{Amount, Queue};

/// How often a scheduler shows that it still looks after what it waits for, in seconds, and after
/// how long what it waits for is passed over: it is stopped, or dead.
const HEARTBEAT: f64 = 0.5;
pub(super) const SILENCE: f64 = 5.0;
/// How often leases of dead schedulers are looked for, in seconds.
const SWEEP: f64 = 1.0;
/// How long a change waits for those of other processes.
const BUSY: Duration = Duration::from_secs(10);

/// The version of the tables below; those of another version lie in another file.
const VERSION: u32 = 1;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS waiting (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    root      TEXT NOT NULL,
    task      TEXT NOT NULL,
    unit      INTEGER NOT NULL,
    attempt   INTEGER NOT NULL,
    lock      TEXT NOT NULL,
    priority  INTEGER NOT NULL,
    share     TEXT NOT NULL,
    place     INTEGER NOT NULL,
    gpus      INTEGER NOT NULL,
    cpus      INTEGER NOT NULL,
    memory    INTEGER NOT NULL,
    weight    REAL NOT NULL,
    overtaken INTEGER NOT NULL DEFAULT 0,
    seen      REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS lease (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    root   TEXT NOT NULL,
    task   TEXT NOT NULL,
    unit   INTEGER NOT NULL,
    lock   TEXT NOT NULL,
    share  TEXT NOT NULL,
    weight REAL NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (root, task, unit)
) STRICT;
CREATE TABLE IF NOT EXISTS share (
    name TEXT PRIMARY KEY,
    used REAL NOT NULL
) STRICT;
";

/// A unit of a task that asks for resources.
#[derive(Debug, Clone)]
pub(in crate::scheduler) struct Claim {
    pub(in crate::scheduler) task: TaskId,
    pub(in crate::scheduler) unit: u32,
    pub(in crate::scheduler) attempt: u32,
    pub(in crate::scheduler) priority: i32,
    pub(in crate::scheduler) share: String,
    /// When the task was submitted, in nanoseconds since 1970.
    pub(in crate::scheduler) order: u64,
    pub(in crate::scheduler) need: Amount,
}

/// The answer to a claim.
#[derive(Debug)]
pub(super) enum Answer {
    /// It holds this since an earlier process asked.
    Held(Grant),
    /// It waits under this number.
    Waits(i64),
}

/// What the processes of a user hold and wait for on this host: an SQLite file in a directory of
/// their own.
///
/// Each boot of the host has a file of its own, since no run survives one. So it need not survive a
/// loss of power, and SQLite is told not to wait for the disk: after the death of a process the file
/// is whole all the same.
#[derive(Debug)]
pub(in crate::scheduler) struct Ledger {
    connection: Connection,
    path: PathBuf,
    gpus: LeaseDir,
    devices: Arc<dyn DeviceSource>,
    /// CPU slots and memory.
    total: Amount,
    holder: Holder,
    shown: f64,
    swept: f64,
}

impl Ledger {
    /// Opens the ledger for a scheduler.
    pub(in crate::scheduler) fn open(
        host: &HostOptions,
        total: Amount,
        holder: Holder,
    ) -> Result<Self> {
        let dir = place::shared(&host.dir)?;
        let user = place::private(&dir)?;
        let boot = process::boot();
        remove_others(&user, &boot);
        let path = user.join(format!("ledger-{VERSION}-{boot}.sqlite"));
        let connection = open(&path)?;
        let gpus = LeaseDir::new(dir.join(format!("gpu-{boot}")));
        let devices = Arc::clone(&host.devices);
        Ok(Self { connection, path, gpus, devices, total, holder, shown: 0.0, swept: 0.0 })
    }

    /// Puts a claim into the queue, or returns what it holds already.
    pub(super) fn claim(&mut self, claim: &Claim) -> Result<Answer> {
        if let Some(lease) = self.take_over(claim)? {
            return Ok(Answer::Held(lease.grant));
        }
        let now = now();
        let weight = self.weight(&claim.need);
        let share = format!("{}/{}", self.holder.workspace, claim.share);
        let (root, lock) = (text(&self.holder.root), text(&self.holder.lock));
        self.transact(|db| {
            let mut queue = load(db, now, &lock)?.0;
            queue.join(&share, now);
            keep_shares(db, queue.used())?;
            let key = params![root, claim.task.as_str(), claim.unit];
            let sql = "DELETE FROM waiting WHERE root = ? AND task = ? AND unit = ?";
            db.prepare_cached(sql)?.execute(key)?;
            let sql =
                "INSERT INTO waiting (root, task, unit, attempt, lock, priority, share, place,
                         gpus, cpus, memory, weight, seen)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number";
            let need = claim.need;
            let memory = i64::try_from(need.memory).unwrap_or(i64::MAX);
            let values = params![
                root,
                claim.task.as_str(),
                claim.unit,
                claim.attempt,
                lock,
                claim.priority,
                share,
                claim.order.cast_signed(),
                need.gpus,
                need.cpus,
                memory,
                weight,
                now
            ];
            db.prepare_cached(sql)?.query_row(values, |row| row.get(0))
        })
        .map(Answer::Waits)
    }

    /// Returns which fraction of the host this is. GPUs, where some are asked for, count against all
    /// that this process sees.
    fn weight(&self, need: &Amount) -> f64 {
        let mut host = self.total;
        if need.gpus > 0 {
            let devices = self.devices.devices().map_or(0, |devices| devices.len());
            host.gpus = u32::try_from(devices).unwrap_or(u32::MAX);
        }
        need.dominant_share(&host)
    }

    /// Makes this scheduler the holder of what a unit holds, if it holds something.
    fn take_over(&mut self, claim: &Claim) -> Result<Option<Record>> {
        let holder = self.holder.clone();
        let root = text(&holder.root);
        let claim = claim.clone();
        self.transact(|db| {
            let Some(mut lease) = find(db, &root, &claim.task, claim.unit)? else {
                return Ok(None);
            };
            (lease.holder, lease.attempt) = (holder, claim.attempt);
            let sql = "UPDATE lease SET lock = ?, record = ? WHERE number = ?";
            let record = lease.text().map_err(to_sql)?;
            let values = params![text(&lease.holder.lock), record, lease.number];
            db.prepare_cached(sql)?.execute(values)?;
            Ok(Some(lease))
        })
    }

    /// Records what the run of an adopted unit holds, whether the ledger knew it or not.
    pub(super) fn adopt(&mut self, claim: &Claim, grant: &Grant) -> Result<()> {
        if self.take_over(claim)?.is_some() {
            return Ok(());
        }
        let lease = self.lease(claim, grant.clone());
        let note = lease.text()?;
        for device in grant.gpus.iter().filter_map(|gpu| DeviceId::new(gpu.as_str()).ok()) {
            // If another one holds it by now, the run still uses it; nothing better can be done.
            let _ = self.gpus.try_lease(&device, &note)?;
        }
        self.transact(|db| insert(db, &lease))
    }

    fn lease(&self, claim: &Claim, grant: Grant) -> Record {
        Record {
            number: 0,
            holder: self.holder.clone(),
            task: claim.task.clone(),
            unit: claim.unit,
            attempt: claim.attempt,
            grant,
            since: now(),
            share: format!("{}/{}", self.holder.workspace, claim.share),
            weight: self.weight(&claim.need),
        }
    }

    /// Grants to this scheduler's requests all that it is their turn for. Returns them by their
    /// numbers.
    pub(super) fn grant(&mut self) -> Result<Vec<(i64, Result<Grant>)>> {
        let now = now();
        if now - self.swept >= SWEEP {
            self.swept = now;
            self.sweep()?;
        }
        let lock = text(&self.holder.lock);
        let show = now - self.shown >= HEARTBEAT;
        let wants_gpus = "SELECT EXISTS (SELECT 1 FROM waiting WHERE gpus > 0 AND lock = ?)";
        let wants_gpus = self.read(|db| db.query_row(wants_gpus, [&lock], |row| row.get(0)))?;
        let devices = if wants_gpus { self.devices.devices() } else { Ok(Vec::new()) };
        let (gpus, holder, total) = (self.gpus.clone(), self.holder.clone(), self.total);
        let granted = self.transact(|db| {
            if show {
                let sql = "UPDATE waiting SET seen = ? WHERE lock = ?";
                db.prepare_cached(sql)?.execute(params![now, lock])?;
            }
            let mut grants = Grants { db, gpus: &gpus, holder: &holder, lock: &lock, total, now };
            grants.give(devices)
        })?;
        if show {
            self.shown = now;
        }
        Ok(granted)
    }

    /// Withdraws a claim, and gives back what was granted to it in vain.
    pub(super) fn withdraw(&mut self, number: i64, claim: &Claim) -> Result<()> {
        let sql = "DELETE FROM waiting WHERE number = ?";
        if self.transact(|db| db.prepare_cached(sql)?.execute([number]))? == 0 {
            self.release(&claim.task, claim.unit)?;
        }
        Ok(())
    }

    /// Gives back what a unit of this workspace holds.
    pub(super) fn release(&mut self, task: &TaskId, unit: u32) -> Result<()> {
        let root = self.holder.root.clone();
        self.release_of(&root, task, unit, |_| true).map(drop)
    }

    /// Gives back what a unit holds, if `over` agrees; returns whether it did.
    fn release_of(
        &mut self,
        root: &Path,
        task: &TaskId,
        unit: u32,
        over: impl Fn(&Record) -> bool,
    ) -> Result<bool> {
        let (now, gpus, root) = (now(), self.gpus.clone(), text(root));
        self.transact(|db| {
            let Some(lease) = find(db, &root, task, unit)?.filter(&over) else {
                return Ok(false);
            };
            for device in lease.grant.gpus.iter().filter_map(|gpu| DeviceId::new(gpu.as_str()).ok())
            {
                gpus.release(&device).map_err(to_sql)?;
            }
            let held = (now - lease.since).max(Queue::<()>::QUANTUM);
            let sql = "INSERT INTO share (name, used) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET used = used + ?2";
            db.prepare_cached(sql)?.execute(params![lease.share, lease.weight * held])?;
            db.prepare_cached("DELETE FROM lease WHERE number = ?")?.execute([lease.number])?;
            Ok(true)
        })
    }

    /// Returns what is held, by all workspaces of this user.
    pub(in crate::scheduler) fn leases(&mut self) -> Result<Vec<HostLease>> {
        self.sweep()?;
        let leases = self.read(all)?;
        let state = |lease: &Record| proof::state(lease).unwrap_or(LeaseState::Stale);
        Ok(leases
            .into_iter()
            .map(|lease| (state(&lease), lease))
            .map(|(s, l)| l.publish(s))
            .collect())
    }

    /// Gives back what a unit of whichever workspace holds whose scheduler is gone.
    pub(in crate::scheduler) fn settle(&mut self, lease: &HostLease) -> Result<()> {
        let gone = |record: &Record| !record.holder.is_alive();
        if self.release_of(&lease.root, &lease.task, lease.unit, gone)? {
            return Ok(());
        }
        let message = "the lease was given back, or the process that holds it is alive; cancel the \
                       task instead";
        Err(Error::new(ErrorKind::Conflict, message).with("task", &lease.task))
    }

    /// Gives back what was held by runs that ended when nobody looked after them, and forgets the
    /// requests of dead schedulers.
    fn sweep(&mut self) -> Result<()> {
        for lease in self.read(all)? {
            if proof::state(&lease).is_none() {
                let same =
                    |found: &Record| found.number == lease.number && found.holder == lease.holder;
                self.release_of(&lease.holder.root, &lease.task, lease.unit, same)?;
            }
        }
        let locks: Vec<String> = self.read(|db| {
            let sql = "SELECT DISTINCT lock FROM waiting";
            db.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
        })?;
        for lock in locks.iter().filter(|lock| Owner::holds(Path::new(lock)) != Some(true)) {
            let sql = "DELETE FROM waiting WHERE lock = ?";
            self.transact(|db| db.prepare_cached(sql)?.execute([lock]))?;
        }
        self.sweep_devices()
    }

    /// Gives back GPUs that a process leased and died before it recorded the lease.
    fn sweep_devices(&mut self) -> Result<()> {
        let own: Vec<_> = self.gpus.leases()?.into_iter().filter(|lease| lease.own).collect();
        if own.is_empty() {
            return Ok(());
        }
        let gpus = self.gpus.clone();
        self.transact(|db| {
            let known: BTreeSet<_> =
                all(db)?.into_iter().flat_map(|lease| lease.grant.gpus).collect();
            for lease in own.iter().filter(|lease| !known.contains(lease.device.as_str())) {
                let over = |record: Record| proof::state(&record).is_none();
                if serde_json::from_str(&lease.note).is_ok_and(over) {
                    gpus.release(&lease.device).map_err(to_sql)?;
                }
            }
            Ok(())
        })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let result = read(&self.connection);
        result.map_err(|error| from_sql("cannot read the ledger of the host", &self.path, error))
    }

    fn transact<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let result = database::transact(&mut self.connection, change);
        result.map_err(|error| from_sql("cannot write the ledger of the host", &self.path, error))
    }
}

fn keep_shares(db: &Connection, used: &BTreeMap<String, f64>) -> rusqlite::Result<()> {
    let sql = "INSERT INTO share (name, used) VALUES (?1, ?2)
               ON CONFLICT (name) DO UPDATE SET used = ?2 WHERE used < ?2";
    let mut statement = db.prepare_cached(sql)?;
    for (share, used) in used {
        statement.execute(params![share, used])?;
    }
    Ok(())
}

pub(super) fn insert(db: &Connection, lease: &Record) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO lease (root, task, unit, lock, share, weight, record)
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        text(&lease.holder.root),
        lease.task.as_str(),
        lease.unit,
        text(&lease.holder.lock),
        lease.share,
        lease.weight,
        lease.text().map_err(to_sql)?
    ];
    db.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn find(db: &Connection, root: &str, task: &TaskId, unit: u32) -> rusqlite::Result<Option<Record>> {
    let columns = Record::COLUMNS;
    let sql = format!("SELECT {columns} FROM lease WHERE root = ? AND task = ? AND unit = ?");
    let values = params![root, task.as_str(), unit];
    db.prepare_cached(&sql)?.query_row(values, Record::read).optional()
}

pub(super) fn all(db: &Connection) -> rusqlite::Result<Vec<Record>> {
    let sql = format!("SELECT {} FROM lease ORDER BY number", Record::COLUMNS);
    db.prepare_cached(&sql)?.query_map([], Record::read)?.collect()
}

/// Opens a ledger while nobody else does. What cannot be read of one is lost: its leases are recorded
/// again by those who adopt their tasks.
fn open(path: &Path) -> Result<Connection> {
    let _opening = owner::opening(path)?;
    let failed = |error| failure("cannot open the ledger of the host", path, error);
    match connect(path).map_err(failed) {
        Err(error) if error.kind() == ErrorKind::Corrupted => {
            set_aside(path)?;
            connect(path).map_err(failed)
        }
        opened => opened,
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.execute_batch(TABLES)?;
    Ok(connection)
}

/// Removes the ledgers of earlier boots.
fn remove_others(user: &Path, boot: &str) {
    for entry in fs::read_dir(user).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let other = name.to_str().is_some_and(|name| !name.contains(boot));
        if other && name.to_string_lossy().contains(".sqlite") {
            // One that stays does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Returns the seconds since 1970. All processes of the host share this clock; a change of it shifts
/// fair shares a little, and nothing else.
fn now() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64()
}

/// Carries an error of ours through a transaction.
pub(super) fn to_sql(error: Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

fn from_sql(message: &str, path: &Path, error: rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::ToSqlConversionFailure(source) => match source.downcast::<Error>() {
            Ok(error) => *error,
            Err(source) => Error::new(ErrorKind::Unexpected, message).caused_by(source),
        },
        error => failure(message, path, error),
    }
}
