use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use ymir_core::{Error, ErrorKind, Result};

/// Tells our files from other programs'.
const APPLICATION: i64 = 0x594d_4952;
/// The version of the tables below.
const VERSION: i64 = 2;
/// How long a write waits for that of another process.
const BUSY: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE task (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    owner       TEXT,
    cancel      INTEGER NOT NULL DEFAULT 0,
    settle      INTEGER NOT NULL DEFAULT 0,
    spec        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    outputs     TEXT NOT NULL,
    state       TEXT NOT NULL,
    step        TEXT NOT NULL,
    attempt     INTEGER NOT NULL DEFAULT 1,
    not_before  INTEGER,
    progress    REAL NOT NULL DEFAULT 0,
    error       TEXT,
    output      TEXT NOT NULL DEFAULT '[]',
    created     INTEGER NOT NULL,
    started     INTEGER,
    finished    INTEGER,
    cleaned     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX task_unfinished ON task (number) WHERE finished IS NULL;
CREATE INDEX task_kept ON task (finished) WHERE finished IS NOT NULL AND cleaned = 0;
CREATE TABLE unit (
    task       TEXT NOT NULL,
    unit       INTEGER NOT NULL,
    grant_json TEXT,
    position   TEXT,
    progress   REAL NOT NULL DEFAULT 0,
    stalled    TEXT,
    result     TEXT,
    PRIMARY KEY (task, unit)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    time  INTEGER NOT NULL,
    task  TEXT NOT NULL,
    state INTEGER NOT NULL,
    kind  TEXT NOT NULL
) STRICT;
CREATE INDEX event_task ON event (task, seq);
CREATE INDEX event_state ON event (task, seq) WHERE state = 1;
";

/// Up to this size in bytes the database is checked whenever it is opened; that takes milliseconds.
const SMALL: u64 = 4 << 20;

/// Opens the database, or makes it. Its pages are checked if they are few, or if it is suspected
/// to be damaged.
///
/// # Errors
///
/// `Corrupted` if it is damaged; see [`set_aside`].
pub(super) fn open(path: &Path, suspect: bool) -> Result<Connection> {
    let suspect = suspect || fs::metadata(path).is_ok_and(|file| file.len() <= SMALL);
    let failed = |error| failure("cannot open the database of the tasks", path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    check_owner(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
    connection.pragma_update(None, "synchronous", "normal").map_err(failed)?;
    // Bounds what a burst of events leaves behind in the write-ahead log.
    connection.pragma_update(None, "journal_size_limit", 16 << 20).map_err(failed)?;
    create(&mut connection).map_err(failed)?;
    if suspect {
        check_pages(&connection, path)?;
    }
    Ok(connection)
}

/// Changes a database: all of it or nothing, and alone.
pub(super) fn transact<T>(
    connection: &mut Connection,
    change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let result = change(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

/// Refuses files of other programs and of other versions, without touching them.
fn check_owner(connection: &Connection, path: &Path) -> Result<()> {
    let read = |pragma: &str| {
        connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map_err(|error| failure("cannot read the database of the tasks", path, error))
    };
    let (application, version) = (read("application_id")?, read("user_version")?);
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| failure("cannot read the database of the tasks", path, error))?;
    if tables > 0 && application != APPLICATION {
        let message = "the database of the tasks belongs to another program; choose another path";
        return Err(Error::invalid(message).with("path", path.display()));
    }
    if version > VERSION {
        let message = "the database of the tasks was written by a later version; use that one";
        let error = Error::new(ErrorKind::Unsupported, message);
        return Err(error.with("path", path.display()).with("version", version));
    }
    if tables > 0 && version < VERSION {
        let message = "the database of the tasks was written by an earlier version; rename it to \
                       begin a new one";
        let error = Error::new(ErrorKind::Unsupported, message);
        return Err(error.with("path", path.display()).with("version", version));
    }
    Ok(())
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

fn check_pages(connection: &Connection, path: &Path) -> Result<()> {
    let answer: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| failure("cannot check the database of the tasks", path, error))?;
    if answer == "ok" {
        return Ok(());
    }
    let message = "the database of the tasks is damaged";
    Err(Error::corrupted(message).with("path", path.display()).with("found", answer))
}

/// Renames the file with what belongs to it to the first free `<database>.corrupt-<n>`.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf> {
    let free = |n: &u32| !beside(path, &format!(".corrupt-{n}")).exists();
    let n = (1..).find(free).unwrap_or(u32::MAX);
    let aside = beside(path, &format!(".corrupt-{n}"));
    for suffix in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                let message = "the database of the tasks is damaged and cannot be set aside; \
                               rename it to begin a new one";
                return Err(Error::io(message, path, error));
            }
            Ok(()) => {}
        }
    }
    Ok(aside)
}

/// Returns the path with this at the end of its file name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// How much must fit on a disk that is not full: the shared memory of SQLite takes half of it.
const PROBE: usize = 64 << 10;

/// Returns whether the disk of a database is full, of which SQLite does not always tell.
fn is_full(path: &Path) -> bool {
    use std::io::ErrorKind as Io;
    let probe = beside(path, ".probe");
    let written = fs::write(&probe, vec![0; PROBE]);
    let _ = fs::remove_file(&probe);
    written.is_err_and(|error| matches!(error.kind(), Io::StorageFull | Io::QuotaExceeded))
}

/// Returns the error for a failed operation of SQLite on the database at a path.
pub(super) fn failure(message: &str, path: &Path, error: rusqlite::Error) -> Error {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => ErrorKind::Corrupted,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Conflict,
        Some(ErrorCode::DiskFull | ErrorCode::OutOfMemory) => ErrorKind::ResourceExhausted,
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => ErrorKind::Unauthorized,
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) if is_full(path) => {
            ErrorKind::ResourceExhausted
        }
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => ErrorKind::Unavailable,
        _ => ErrorKind::Unexpected,
    };
    let remedy = match kind {
        ErrorKind::Corrupted => "; it is set aside and a new one begun when it is opened next",
        ErrorKind::Conflict => "; another process writes to it, try again",
        ErrorKind::ResourceExhausted => "; free some space on the disk and try again",
        ErrorKind::Unauthorized | ErrorKind::Unavailable => {
            "; see that its directory exists and that this user can write to it"
        }
        _ => "",
    };
    let error = Error::new(kind, format!("{message}{remedy}")).caused_by(error);
    error.with("path", path.display())
}
