use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ymir_core::{
    ErrorReport, Grant, LogPosition, TaskEventKind, TaskId, TaskOwner, TaskSpec, TaskState,
    TaskStatus, TaskStep, Timestamp, VersionId,
};

use super::events::{self, NewEvent, from_nanos, to_nanos};
use super::owner::Owner;

type Sql<T> = rusqlite::Result<T>;

/// How a run of a unit ended: well, or with this error.
pub(super) type RunResult = Result<(), ErrorReport>;

/// How a task ended.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) state: TaskState,
    pub(super) error: Option<ErrorReport>,
    pub(super) output: Vec<VersionId>,
}

/// The answer to a new task.
pub(super) enum Inserted {
    New(Box<Record>),
    /// An equal task is under way.
    Joined(TaskId),
    /// Its id was used before.
    Exists,
}

/// What any process needs to carry a task on.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) spec: TaskSpec,
    pub(super) owner: Option<String>,
    pub(super) step: TaskStep,
    pub(super) attempt: u32,
    pub(super) cancelled: bool,
    pub(super) not_before: Option<Timestamp>,
    pub(super) created: Timestamp,
    pub(super) progress: f64,
    pub(super) units: Vec<Unit>,
}

/// A unit of a task, as far as its attempt came.
#[derive(Debug, Clone, Default)]
pub(super) struct Unit {
    /// What it was granted; no run is created before this is recorded.
    pub(super) grant: Option<Grant>,
    /// Behind which line of its log nothing was recorded yet.
    pub(super) position: Option<LogPosition>,
    pub(super) progress: f64,
    /// Whether it is recorded that nobody can find out about its run.
    pub(super) stalled: bool,
    pub(super) result: Option<RunResult>,
}

/// Records a new task.
pub(super) fn insert(db: &Connection, spec: &TaskSpec, owner: &str) -> Sql<Inserted> {
    let sql = "SELECT EXISTS (SELECT 1 FROM task WHERE id = ?)";
    if db.prepare_cached(sql)?.query_row([spec.id.as_str()], |row| row.get(0))? {
        return Ok(Inserted::Exists);
    }
    let (fingerprint, outputs) = (spec.fingerprint(), json(&spec.outputs)?);
    if spec.reuse
        && let Some(task) = equal(db, &fingerprint, &outputs)?
    {
        return Ok(Inserted::Joined(task));
    }
    let time = Timestamp::now();
    let sql = "INSERT INTO task (id, owner, spec, fingerprint, outputs, state, step, created)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let (state, step) = (json(&TaskState::Pending)?, json(&TaskStep::Prepare)?);
    let (id, created) = (spec.id.as_str(), to_nanos(time));
    let values = params![id, owner, json(spec)?, fingerprint, outputs, state, step, created];
    db.prepare_cached(sql)?.execute(values)?;
    for unit in 0..spec.units.max(1) {
        let sql = "INSERT INTO unit (task, unit) VALUES (?, ?)";
        db.prepare_cached(sql)?.execute(params![spec.id.as_str(), unit])?;
    }
    tell_state(db, time, &spec.id, TaskState::Pending)?;
    let record = record(db, &spec.id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(Inserted::New(Box::new(record)))
}

/// Returns the oldest unfinished task that does the same and is not to be stopped.
fn equal(db: &Connection, fingerprint: &str, outputs: &str) -> Sql<Option<TaskId>> {
    let sql = "SELECT id FROM task INDEXED BY task_unfinished
               WHERE finished IS NULL AND cancel = 0 AND fingerprint = ? AND outputs = ?
               ORDER BY number LIMIT 1";
    let id = |row: &Row<'_>| row.get::<_, String>(0);
    let id = db.prepare_cached(sql)?.query_row([fingerprint, outputs], id).optional()?;
    Ok(id.and_then(|id| TaskId::new(id).ok()))
}

/// Returns what is needed to carry a task on; `None` if there is none.
pub(super) fn record(db: &Connection, id: &TaskId) -> Sql<Option<Record>> {
    let sql = "SELECT spec, owner, step, attempt, cancel, not_before, created, progress
               FROM task WHERE id = ?";
    let read = |row: &Row<'_>| {
        Ok(Record {
            spec: parse(row, 0)?,
            owner: row.get(1)?,
            step: parse(row, 2)?,
            attempt: row.get(3)?,
            cancelled: row.get(4)?,
            not_before: row.get::<_, Option<i64>>(5)?.map(from_nanos),
            created: from_nanos(row.get(6)?),
            progress: row.get(7)?,
            units: Vec::new(),
        })
    };
    let Some(mut record) = db.prepare_cached(sql)?.query_row([id.as_str()], read).optional()?
    else {
        return Ok(None);
    };
    let sql = "SELECT grant_json, position, progress, result, stalled IS NOT NULL FROM unit
               WHERE task = ? ORDER BY unit";
    let unit = |row: &Row<'_>| {
        Ok(Unit {
            grant: optional(row, 0)?,
            position: optional(row, 1)?,
            progress: row.get(2)?,
            result: optional(row, 3)?,
            stalled: row.get(4)?,
        })
    };
    record.units = db.prepare_cached(sql)?.query_map([id.as_str()], unit)?.collect::<Sql<_>>()?;
    Ok(Some(record))
}

/// Returns the unfinished tasks that are not this owner's, oldest first.
pub(super) fn others(db: &Connection, owner: Option<&str>) -> Sql<Vec<Record>> {
    let sql = "SELECT id FROM task INDEXED BY task_unfinished
               WHERE finished IS NULL AND (owner IS NULL OR owner IS NOT ?) ORDER BY number";
    let ids: Vec<String> =
        db.prepare_cached(sql)?.query_map([owner], |row| row.get(0))?.collect::<Sql<_>>()?;
    let ids = ids.into_iter().filter_map(|id| TaskId::new(id).ok());
    ids.filter_map(|id| record(db, &id).transpose()).collect()
}

/// Gives an unfinished task another owner, unless it is no longer that of `from`.
pub(super) fn pass_on(
    db: &Connection,
    id: &TaskId,
    from: Option<&str>,
    to: Option<&str>,
) -> Sql<bool> {
    let sql = "UPDATE task SET owner = ? WHERE id = ? AND owner IS ? AND finished IS NULL";
    Ok(db.prepare_cached(sql)?.execute(params![to, id.as_str(), from])? > 0)
}

/// Records that a task of an owner enters a step; returns whether it is that owner's.
pub(super) fn enter(db: &Connection, id: &TaskId, owner: &str, step: TaskStep) -> Sql<bool> {
    let sql = "UPDATE task SET step = ? WHERE id = ? AND owner = ? AND finished IS NULL";
    let values = params![json(&step)?, id.as_str(), owner];
    if db.prepare_cached(sql)?.execute(values)? == 0 {
        return Ok(false);
    }
    events::append(db, &NewEvent::now(id, TaskEventKind::Step(step)))?;
    Ok(true)
}

/// Records what a unit was granted. The first grant of an attempt begins the step `Run`.
pub(super) fn grant(
    db: &Connection,
    id: &TaskId,
    owner: &str,
    unit: u32,
    grant: &Grant,
) -> Sql<bool> {
    let sql = "SELECT step FROM task WHERE id = ? AND owner = ? AND finished IS NULL";
    let step = db.prepare_cached(sql)?.query_row([id.as_str(), owner], |row| parse(row, 0));
    let Some(step): Option<TaskStep> = step.optional()? else { return Ok(false) };
    let sql = "UPDATE unit SET grant_json = ? WHERE task = ? AND unit = ?";
    db.prepare_cached(sql)?.execute(params![json(grant)?, id.as_str(), unit])?;
    if step != TaskStep::Run {
        let time = Timestamp::now();
        let sql = "UPDATE task SET state = ?, started = ? WHERE id = ?";
        let values = params![json(&TaskState::Running)?, to_nanos(time), id.as_str()];
        db.prepare_cached(sql)?.execute(values)?;
        tell_state(db, time, id, TaskState::Running)?;
        enter(db, id, owner, TaskStep::Run)?;
    }
    Ok(true)
}

/// Records how the run of a unit ended.
pub(super) fn end_unit(
    db: &Connection,
    id: &TaskId,
    owner: &str,
    unit: u32,
    result: &RunResult,
) -> Sql<bool> {
    let sql = "UPDATE unit SET result = ?, stalled = NULL WHERE task = ? AND unit = ?
               AND EXISTS (SELECT 1 FROM task WHERE id = ?2 AND owner = ?4 AND finished IS NULL)";
    let values = params![json(result)?, id.as_str(), unit, owner];
    Ok(db.prepare_cached(sql)?.execute(values)? > 0)
}

/// Records why it cannot be found out whether the run of a unit has ended.
pub(super) fn stall(
    db: &Connection,
    id: &TaskId,
    unit: u32,
    reason: Option<&ErrorReport>,
) -> Sql<()> {
    let sql = "UPDATE unit SET stalled = ? WHERE task = ? AND unit = ? AND result IS NULL";
    let reason = reason.map(json).transpose()?;
    db.prepare_cached(sql)?.execute(params![reason, id.as_str(), unit])?;
    Ok(())
}

/// Records how far the log of a unit was read.
pub(super) fn position(db: &Connection, id: &TaskId, unit: u32, at: &LogPosition) -> Sql<()> {
    let sql = "UPDATE unit SET position = ? WHERE task = ? AND unit = ?";
    db.prepare_cached(sql)?.execute(params![json(at)?, id.as_str(), unit])?;
    Ok(())
}

/// Records how much of a run is done: of the task, and of its units where there are several.
pub(super) fn progress(db: &Connection, id: &TaskId, fraction: f64, units: &[f64]) -> Sql<()> {
    let sql = "UPDATE task SET progress = ? WHERE id = ?";
    db.prepare_cached(sql)?.execute(params![fraction, id.as_str()])?;
    let sql = "UPDATE unit SET progress = ?1 WHERE task = ?2 AND unit = ?3 AND progress != ?1";
    let mut statement = db.prepare_cached(sql)?;
    for (unit, fraction) in (0u32..).zip(units) {
        statement.execute(params![fraction, id.as_str(), unit])?;
    }
    Ok(())
}

/// Records that a task is tried again, not before an instant. The events and the log of earlier
/// attempts stay.
pub(super) fn retry(db: &Connection, id: &TaskId, owner: &str, not_before: Timestamp) -> Sql<bool> {
    let sql = "UPDATE task SET attempt = attempt + 1, not_before = ?, state = ?, step = ?,
                 progress = 0
               WHERE id = ? AND owner = ? AND finished IS NULL";
    let (state, step) = (json(&TaskState::Pending)?, json(&TaskStep::Prepare)?);
    let values = params![to_nanos(not_before), state, step, id.as_str(), owner];
    if db.prepare_cached(sql)?.execute(values)? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE unit SET grant_json = NULL, position = NULL, progress = 0, stalled = NULL,
                 result = NULL
               WHERE task = ?";
    db.prepare_cached(sql)?.execute([id.as_str()])?;
    tell_state(db, Timestamp::now(), id, TaskState::Pending)?;
    Ok(true)
}

/// Records the end of a task of an owner, once; returns whether it did.
pub(super) fn finish(db: &Connection, id: &TaskId, owner: Option<&str>, end: &End) -> Sql<bool> {
    let time = Timestamp::now();
    let done = end.state == TaskState::Done;
    let sql = "UPDATE task SET state = ?, error = ?, output = ?, finished = ?, owner = NULL,
                 progress = CASE WHEN ? THEN 1.0 ELSE progress END
               WHERE id = ? AND owner IS ? AND finished IS NULL";
    let error = end.error.as_ref().map(json).transpose()?;
    let (state, output) = (json(&end.state)?, json(&end.output)?);
    let values = params![state, error, output, to_nanos(time), done, id.as_str(), owner];
    if db.prepare_cached(sql)?.execute(values)? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE unit SET stalled = NULL WHERE task = ?";
    db.prepare_cached(sql)?.execute([id.as_str()])?;
    tell_state(db, time, id, end.state)?;
    Ok(true)
}

/// Returns what is known of a task; its owner may be dead.
pub(super) fn status(db: &Connection, id: &TaskId) -> Sql<Option<(Option<String>, TaskStatus)>> {
    let sql = format!("SELECT {COLUMNS} FROM task WHERE id = ?");
    db.prepare_cached(&sql)?.query_row([id.as_str()], read).optional()
}

/// Returns all tasks, newest first.
pub(super) fn list(db: &Connection) -> Sql<Vec<(Option<String>, TaskStatus)>> {
    let sql = format!("SELECT {COLUMNS} FROM task ORDER BY number DESC");
    db.prepare_cached(&sql)?.query_map([], read)?.collect()
}

/// Asks the owner of a task to cancel it; returns whether there is such a task.
pub(super) fn ask_cancel(db: &Connection, id: &TaskId) -> Sql<bool> {
    let sql = "UPDATE task SET cancel = finished IS NULL WHERE id = ?";
    Ok(db.prepare_cached(sql)?.execute([id.as_str()])? > 0)
}

/// Asks the owner of a task to count its run as ended.
pub(super) fn ask_settle(db: &Connection, id: &TaskId) -> Sql<()> {
    let sql = "UPDATE task SET settle = 1 WHERE id = ? AND finished IS NULL";
    db.prepare_cached(sql)?.execute([id.as_str()])?;
    Ok(())
}

/// Returns the tasks of an owner that others asked to cancel, and to settle.
pub(super) fn asked(db: &Connection, owner: &str) -> Sql<Vec<(String, bool, bool)>> {
    let sql = "SELECT id, cancel, settle FROM task INDEXED BY task_unfinished
               WHERE owner = ? AND finished IS NULL AND (cancel = 1 OR settle = 1)";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    db.prepare_cached(sql)?.query_map([owner], read)?.collect()
}

/// Returns the unfinished tasks of an owner.
pub(super) fn owned(db: &Connection, owner: &str) -> Sql<Vec<TaskId>> {
    let sql = "SELECT id FROM task WHERE owner = ? AND finished IS NULL ORDER BY number";
    let ids: Vec<String> =
        db.prepare_cached(sql)?.query_map([owner], |row| row.get(0))?.collect::<Sql<_>>()?;
    Ok(ids.into_iter().filter_map(|id| TaskId::new(id).ok()).collect())
}

/// Returns the ended tasks whose directories were not cleaned, newest first.
pub(super) fn kept(db: &Connection) -> Sql<Vec<(TaskId, TaskState, Timestamp)>> {
    let sql = "SELECT id, state, finished FROM task
               WHERE finished IS NOT NULL AND cleaned = 0 ORDER BY finished DESC";
    let read = |row: &Row<'_>| {
        let id: String = row.get(0)?;
        Ok((TaskId::new(id).ok(), parse(row, 1)?, from_nanos(row.get(2)?)))
    };
    let rows: Vec<_> = db.prepare_cached(sql)?.query_map([], read)?.collect::<Sql<_>>()?;
    Ok(rows.into_iter().filter_map(|(id, state, time)| Some((id?, state, time))).collect())
}

/// Records that nothing is left of the directory of a task.
pub(super) fn cleaned(db: &Connection, id: &TaskId) -> Sql<()> {
    db.prepare_cached("UPDATE task SET cleaned = 1 WHERE id = ?")?.execute([id.as_str()])?;
    Ok(())
}

const COLUMNS: &str = "spec, state, step, progress, error, output, created, started, finished,
    attempt, owner,
    (SELECT stalled FROM unit WHERE unit.task = task.id AND stalled IS NOT NULL ORDER BY unit LIMIT 1)";

fn read(row: &Row<'_>) -> Sql<(Option<String>, TaskStatus)> {
    let time = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(from_nanos));
    let owner: Option<String> = row.get(10)?;
    let status = TaskStatus {
        spec: parse(row, 0)?,
        state: parse(row, 1)?,
        step: parse(row, 2)?,
        progress: row.get(3)?,
        attempt: row.get(9)?,
        owner: owner.as_deref().map(|id| TaskOwner { pid: Owner::pid(id) }),
        stalled: optional(row, 11)?,
        error: optional(row, 4)?,
        output: parse(row, 5)?,
        created: time(6)?.unwrap_or_default(),
        started: time(7)?,
        finished: time(8)?,
    };
    Ok((owner, status))
}

fn tell_state(db: &Connection, time: Timestamp, id: &TaskId, state: TaskState) -> Sql<()> {
    let kind = TaskEventKind::State(state);
    events::append(db, &NewEvent { time, task: id.clone(), kind })?;
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

fn optional<T: DeserializeOwned>(row: &Row<'_>, at: usize) -> Sql<Option<T>> {
    match row.get_ref(at)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => parse(row, at).map(Some),
    }
}
