use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ymir_core::{
    ErrorKind, ErrorReport, TaskEventKind, TaskId, TaskRequest, TaskState, TaskStatus, TaskStep,
    Timestamp, VersionId,
};

use super::events::{self, Happened, from_nanos, to_nanos};

type Sql<T> = rusqlite::Result<T>;

/// How a task ended.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) state: TaskState,
    pub(super) error: Option<ErrorReport>,
    pub(super) output: Vec<VersionId>,
}

/// Records a new task, and returns its number in the order of submission; `None` if there is one
/// with its id.
pub(super) fn insert(db: &Connection, request: &TaskRequest, owner: &str) -> Sql<Option<u64>> {
    let time = Timestamp::now();
    let sql = "INSERT INTO task (id, owner, request, state, step, created)
               VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING number";
    let (state, step) = (json(&TaskState::Pending)?, json(&TaskStep::Prepare)?);
    let values = params![request.id.as_str(), owner, json(request)?, state, step, to_nanos(time)];
    let number =
        db.prepare_cached(sql)?.query_row(values, |row| events::number(row, 0)).optional()?;
    if number.is_some() {
        tell_state(db, time, &request.id, TaskState::Pending)?;
    }
    Ok(number)
}

/// Records that a task enters a step. With `Run` it also begins to run.
pub(super) fn enter(db: &Connection, id: &TaskId, step: TaskStep) -> Sql<()> {
    let time = Timestamp::now();
    if step == TaskStep::Run {
        let sql = "UPDATE task SET state = ?, started = ? WHERE id = ?";
        let values = params![json(&TaskState::Running)?, to_nanos(time), id.as_str()];
        db.prepare_cached(sql)?.execute(values)?;
        tell_state(db, time, id, TaskState::Running)?;
    }
    let sql = "UPDATE task SET step = ? WHERE id = ?";
    db.prepare_cached(sql)?.execute(params![json(&step)?, id.as_str()])?;
    let kind = TaskEventKind::Step(step);
    events::append(db, &Happened { time, task: id.clone(), kind })?;
    Ok(())
}

/// Records how much of a run is done.
pub(super) fn progress(db: &Connection, id: &TaskId, fraction: f64) -> Sql<()> {
    let sql = "UPDATE task SET progress = ? WHERE id = ?";
    db.prepare_cached(sql)?.execute(params![fraction, id.as_str()])?;
    Ok(())
}

/// Records the end of a task, once.
pub(super) fn finish(db: &Connection, id: &TaskId, end: &End) -> Sql<()> {
    let time = Timestamp::now();
    let done = end.state == TaskState::Done;
    let sql = "UPDATE task SET state = ?, error = ?, output = ?, finished = ?,
                 progress = CASE WHEN ? THEN 1.0 ELSE progress END
               WHERE id = ? AND finished IS NULL";
    let error = end.error.as_ref().map(json).transpose()?;
    let values =
        params![json(&end.state)?, error, json(&end.output)?, to_nanos(time), done, id.as_str()];
    if db.prepare_cached(sql)?.execute(values)? > 0 {
        tell_state(db, time, id, end.state)?;
    }
    Ok(())
}

/// Returns what is known of a task.
pub(super) fn status(db: &Connection, id: &TaskId) -> Sql<Option<TaskStatus>> {
    let sql = format!("SELECT {COLUMNS} FROM task WHERE id = ?");
    db.prepare_cached(&sql)?.query_row([id.as_str()], read).optional()
}

/// Returns all tasks, newest first.
pub(super) fn list(db: &Connection) -> Sql<Vec<TaskStatus>> {
    let sql = format!("SELECT {COLUMNS} FROM task ORDER BY number DESC");
    db.prepare_cached(&sql)?.query_map([], read)?.collect()
}

/// Asks the owner of a task to cancel it; returns whether there is such a task.
pub(super) fn ask_cancel(db: &Connection, id: &TaskId) -> Sql<bool> {
    let sql = "UPDATE task SET cancel = 1 WHERE id = ?";
    Ok(db.prepare_cached(sql)?.execute([id.as_str()])? > 0)
}

/// Returns the tasks of an owner that others asked to cancel.
pub(super) fn asked_cancel(db: &Connection, owner: &str) -> Sql<Vec<String>> {
    let sql = "SELECT id FROM task WHERE owner = ? AND finished IS NULL AND cancel = 1";
    db.prepare_cached(sql)?.query_map([owner], |row| row.get(0))?.collect()
}

/// Returns the recorded owners but this one.
pub(super) fn other_owners(db: &Connection, owner: &str) -> Sql<Vec<String>> {
    let sql = "SELECT id FROM owner WHERE id != ?";
    db.prepare_cached(sql)?.query_map([owner], |row| row.get(0))?.collect()
}

/// Records an owner.
pub(super) fn join(db: &Connection, owner: &str) -> Sql<()> {
    let sql = "INSERT INTO owner (id, pid) VALUES (?, ?)";
    db.execute(sql, params![owner, std::process::id()])?;
    Ok(())
}

/// Removes an owner unless it has unfinished tasks; returns whether it did.
pub(super) fn leave(db: &Connection, owner: &str) -> Sql<bool> {
    let sql = "DELETE FROM owner WHERE id = ?1 AND NOT EXISTS
                 (SELECT 1 FROM task WHERE owner = ?1 AND finished IS NULL)";
    Ok(db.execute(sql, [owner])? > 0)
}

/// Ends the unfinished tasks of an owner that is gone, and forgets it. Returns the tasks.
pub(super) fn bury(db: &Connection, owner: &str) -> Sql<Vec<TaskId>> {
    let sql = "SELECT id FROM task WHERE owner = ? AND finished IS NULL ORDER BY number";
    let ids: Vec<String> =
        db.prepare_cached(sql)?.query_map([owner], |row| row.get(0))?.collect::<Sql<_>>()?;
    let ids: Vec<_> = ids.into_iter().filter_map(|id| TaskId::new(id).ok()).collect();
    let pid =
        db.query_row("SELECT pid FROM owner WHERE id = ?", [owner], |row| row.get::<_, i64>(0));
    let context = pid.optional()?.map(|pid| ("pid".to_owned(), pid.to_string()));
    let error = ErrorReport {
        kind: ErrorKind::Unavailable,
        retryable: true,
        message: "the process that ran this task ended before it did; submit it again".into(),
        context: context.into_iter().collect(),
    };
    let end = End { state: TaskState::Failed, error: Some(error), output: Vec::new() };
    for id in &ids {
        finish(db, id, &end)?;
    }
    db.execute("DELETE FROM owner WHERE id = ?", [owner])?;
    Ok(ids)
}

const COLUMNS: &str = "request, state, step, progress, error, output, created, started, finished";

fn read(row: &Row<'_>) -> Sql<TaskStatus> {
    let time = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(from_nanos));
    Ok(TaskStatus {
        request: parse(row, 0)?,
        state: parse(row, 1)?,
        step: parse(row, 2)?,
        progress: row.get(3)?,
        error: match row.get::<_, Option<String>>(4)? {
            Some(_) => Some(parse(row, 4)?),
            None => None,
        },
        output: parse(row, 5)?,
        created: time(6)?.unwrap_or_default(),
        started: time(7)?,
        finished: time(8)?,
    })
}

fn tell_state(db: &Connection, time: Timestamp, id: &TaskId, state: TaskState) -> Sql<()> {
    let kind = TaskEventKind::State(state);
    events::append(db, &Happened { time, task: id.clone(), kind })?;
    Ok(())
}

fn json(value: &impl Serialize) -> Sql<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn parse<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> Sql<T> {
    let text: String = row.get(at)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into()))
}
