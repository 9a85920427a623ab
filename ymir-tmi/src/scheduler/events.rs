use rusqlite::{Connection, Row, params};
use ymir_core::{Error, Result, TaskEvent, TaskEventKind, TaskId, Timestamp};

/// Returns an instant as it is kept: nanoseconds since 1970; it is within range until 2262.
pub(super) fn to_nanos(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}

/// Returns a kept instant.
pub(super) fn from_nanos(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or_default()
}

/// An event that has no sequence number yet.
#[derive(Debug, Clone)]
pub(super) struct NewEvent {
    pub(super) time: Timestamp,
    pub(super) task: TaskId,
    pub(super) kind: TaskEventKind,
}

impl NewEvent {
    pub(super) fn now(task: &TaskId, kind: TaskEventKind) -> Self {
        Self { time: Timestamp::now(), task: task.clone(), kind }
    }
}

/// Writes an event at the end, and returns how many bytes it takes.
pub(super) fn append(connection: &Connection, event: &NewEvent) -> rusqlite::Result<u64> {
    let kind = serde_json::to_string(&event.kind)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let state = matches!(event.kind, TaskEventKind::State(_));
    connection
        .prepare_cached("INSERT INTO event (time, task, state, kind) VALUES (?, ?, ?, ?)")?
        .execute(params![to_nanos(event.time), event.task.as_str(), state, kind])?;
    Ok(kind.len() as u64)
}

/// Returns the last sequence number that was given; 0 before the first.
pub(super) fn last(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'";
    connection.prepare_cached(sql)?.query_row([], |row| number(row, 0))
}

/// Reads a number that is never negative.
pub(super) fn number(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(at)?.max(0).cast_unsigned())
}

fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The most events and about the most bytes that are read at once.
const PAGE: i64 = 1000;
const PAGE_BYTES: usize = 1 << 20;

/// Returns the next events after a sequence number, of all tasks or of one; or none at the end.
pub(super) fn page(
    connection: &Connection,
    task: Option<&TaskId>,
    after: u64,
) -> rusqlite::Result<Vec<Result<TaskEvent>>> {
    let all = "SELECT seq, time, task, kind FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let of_one = "SELECT seq, time, task, kind FROM event
                  WHERE task = ?3 AND seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = connection.prepare_cached(if task.is_some() { of_one } else { all })?;
    let mut rows = match task {
        Some(task) => statement.query(params![bound(after), PAGE, task.as_str()])?,
        None => statement.query(params![bound(after), PAGE])?,
    };
    let mut events = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let (seq, time) = (number(row, 0)?, row.get(1)?);
        let (task, kind): (String, String) = (row.get(2)?, row.get(3)?);
        events.push(parse(seq, time, task, &kind));
        bytes += kind.len();
        if bytes > PAGE_BYTES {
            break;
        }
    }
    Ok(events)
}

fn parse(seq: u64, time: i64, task: String, kind: &str) -> Result<TaskEvent> {
    let malformed = "an event in the database of the tasks is malformed";
    let kind = serde_json::from_str(kind)
        .map_err(|error| Error::corrupted(malformed).with("seq", seq).caused_by(error))?;
    Ok(TaskEvent { seq, time: from_nanos(time), task: TaskId::new(task)?, kind })
}

/// Removes the oldest events until about this many and this many bytes are left; never the last
/// state of a task.
pub(super) fn prune(connection: &Connection, events: u64, bytes: u64) -> rusqlite::Result<()> {
    let count = last(connection)?.saturating_sub(events);
    let sql = "SELECT coalesce(max(seq), 0) FROM
                 (SELECT seq, sum(length(kind)) OVER (ORDER BY seq DESC) AS bytes FROM event)
               WHERE bytes > ?";
    let by_bytes: u64 =
        connection.prepare_cached(sql)?.query_row([bound(bytes)], |row| number(row, 0))?;
    let sql = "DELETE FROM event WHERE seq <= ? AND NOT (state = 1 AND seq =
                 (SELECT max(seq) FROM event AS newer
                  WHERE newer.task = event.task AND newer.state = 1))";
    connection.prepare_cached(sql)?.execute([bound(count.max(by_bytes))])?;
    Ok(())
}
