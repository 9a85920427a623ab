//! Whether a lease whose scheduler is gone is still held.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::lease::{LeaseState, Record};

/// Returns the state of a lease; `None` if its run has ended for certain, or was never created.
///
/// The database of its workspace says so: the task has ended, or this attempt at it, or its unit, or
/// no grant was recorded for it, without which no run is created, or its runs end with their process.
/// Where the workspace was removed, the end of the process is all there is to go by.
pub(super) fn state(lease: &Record) -> Option<LeaseState> {
    if lease.holder.is_alive() {
        return Some(LeaseState::Held);
    }
    if !lease.holder.root.exists() {
        return None;
    }
    match is_held(lease) {
        Ok(Some(false)) => None,
        Ok(Some(true)) => Some(LeaseState::Stale),
        Ok(None) | Err(_) => Some(LeaseState::Unknown),
    }
}

/// Returns what the database of the workspace says; `None` if it does not know the task.
fn is_held(lease: &Record) -> rusqlite::Result<Option<bool>> {
    // Reading a database with a write-ahead log writes its shared memory.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(&lease.holder.database, flags)?;
    database.busy_timeout(Duration::from_millis(100))?;
    let sql = "SELECT task.finished IS NULL AND task.attempt = ?3
                 AND unit.grant_json IS NOT NULL AND unit.result IS NULL
                 AND coalesce(json_extract(task.spec, '$.survives'), 1)
               FROM task JOIN unit ON unit.task = task.id
               WHERE task.id = ?1 AND unit.unit = ?2";
    let values = rusqlite::params![lease.task.as_str(), lease.unit, lease.attempt];
    database.query_row(sql, values, |row| row.get(0)).optional()
}
