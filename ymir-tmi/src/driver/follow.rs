use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use ymir_core::{
    Error, ErrorKind, LogLine, LogPosition, LogSource, Result, Run, RunHandle, RunRequest,
    RunState, TaskReporter, Timestamp, TmiRuntime, UnitContext,
};

use super::end::judge;
use super::kept_log::KeptLog;
use super::run_record::RunRecord;
use crate::contract::{Monitor, MonitorReader, OutDir};

/// How long an executor may take to end by itself when its task is to stop.
pub const STOP_GRACE: Duration = Duration::from_secs(10);

/// How often the monitor file is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How often it is asked whether a run can still be followed.
const PROBE: Duration = Duration::from_secs(5);

/// How long between two attempts to reach an engine that is away, at most.
const RETRY: Duration = Duration::from_secs(5);

/// Where reading goes on when another process follows the run.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    /// In the log of the run, as its runtime has it.
    run: LogPosition,
    /// In the log that is kept: its length in bytes.
    kept: u64,
}

/// Runs an executor over a prepared directory, to its end: starts it, or follows the run of the same
/// attempt that another process created.
///
/// The handle of the run is in the directory (`run.json`) before it starts. Its log goes to the
/// reporter and is kept as `<dir>/out/ymir-executor-out.log`, or as `<dir>/run.log` if the executor
/// writes the former itself; each change of its monitor file goes to the reporter as progress.
/// Whether results exist and are valid is for the readers of [`crate::contract`] to say. When this
/// future is dropped the run goes on, where its runtime's runs survive.
///
/// # Errors
///
/// - `Cancelled` if the task is to be stopped. The executor has ended then: by TERM, or after
///   [`STOP_GRACE`] by KILL.
/// - `Timeout` if it took longer than the task's time limit; it was stopped in the same way.
/// - `ResourceExhausted` if it ran out of memory.
/// - `ExecutorFailed` if it ended by any exit code but 0, or by a signal. As with
///   `ResourceExhausted`, the context holds `return_code` (that of the monitor file, else 160004),
///   `exit_code`, `message` and `output`, the last five lines.
/// - `Unavailable`, which a retry can help, if the run is gone and nothing tells how it ended.
/// - Those of [`TmiRuntime::create`] and [`TmiRuntime::start`].
pub async fn run_unit(
    runtime: &dyn TmiRuntime,
    request: RunRequest,
    unit: &UnitContext,
) -> Result<()> {
    let reporter = unit.task.reporter.as_ref();
    let found = RunRecord::read(&unit.dir)?.filter(|r| r.handle.attempt == request.attempt);
    let resumed = found.is_some();
    let record = match found {
        Some(record) => record,
        None if reporter.is_cancelled() => {
            return Err(Error::new(ErrorKind::Cancelled, "the task was stopped before it ran"));
        }
        None => {
            let handle = runtime.create(request).await?;
            let record = RunRecord { handle, created: Timestamp::now() };
            record.write(&unit.dir)?;
            record
        }
    };
    let position: Option<Position> = match &unit.position {
        Some(LogPosition(value)) => serde_json::from_value(value.clone()).ok(),
        None => None,
    };
    let mut log = KeptLog::open(&unit.dir, position.as_ref().map_or(0, |p| p.kept))?;
    let from = position.map(|position| position.run);
    let run = reach(runtime, &record.handle, unit, from.as_ref(), resumed).await?;
    let monitor = Monitored::of(unit);
    let deadline = Deadline::of(unit, &record);
    let ended = tokio::select! {
        biased;
        ended = to_its_end(run.as_ref(), reporter, &mut log) => ended,
        Err(error) = stop_if_cancelled(run.as_ref(), reporter) => Err(error),
        Err(error) = deadline.enforce(run.as_ref()) => Err(error),
        never = follow_monitor(&monitor) => match never {},
        never = watch(runtime, &record.handle, reporter) => match never {},
    };
    monitor.poll().await;
    let last = monitor.last();
    let result = ended.and_then(|state| match state {
        RunState::Ended(end) => judge(end, last.as_ref(), &log.last_lines()),
        _ => Err(lost(&record.handle)),
    });
    log.finish(&unit.dir);
    match result {
        Err(error) if deadline.is_over() && error.kind() == ErrorKind::Cancelled => {
            Err(if reporter.is_cancelled() { error } else { deadline.error() })
        }
        result => result,
    }
}

fn lost(handle: &RunHandle) -> Error {
    let message = "the run is gone and nothing tells how it ended: its program, its engine or its \
                   host was ended with it; run the task again";
    Error::new(ErrorKind::Unavailable, message).with("task", &handle.task)
}

/// Starts a run unless it was started before, and attaches to it. An engine that went away with the
/// run's state unknown is waited for.
async fn reach(
    runtime: &dyn TmiRuntime,
    handle: &RunHandle,
    unit: &UnitContext,
    from: Option<&LogPosition>,
    resumed: bool,
) -> Result<Box<dyn Run>> {
    let reporter = unit.task.reporter.as_ref();
    let mut pause = Duration::from_millis(200);
    let mut known = resumed;
    loop {
        let attempt = async {
            runtime.start(handle).await?;
            runtime.attach(handle, from).await
        };
        let error = match attempt.await {
            Ok(run) => {
                reporter.stalled(None);
                return Ok(run);
            }
            Err(error) if error.kind() == ErrorKind::NotFound && known => return Err(lost(handle)),
            Err(error) => error,
        };
        // Whether it was started is not known unless it can be removed.
        if !known && runtime.remove(handle).await.is_ok() {
            RunRecord::remove(&unit.dir);
            return Err(error);
        }
        if error.kind() != ErrorKind::Unavailable {
            return Err(error);
        }
        known = true;
        reporter.stalled(Some(&error));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY);
    }
}

/// Passes the log on and waits for the end; the log is complete then.
async fn to_its_end(
    run: &dyn Run,
    reporter: &dyn TaskReporter,
    log: &mut KeptLog,
) -> Result<RunState> {
    let mut lines = run.logs();
    let pass_on = async {
        loop {
            match lines.try_next().await {
                Ok(Some(line)) => {
                    let position = Position { run: line.position, kept: log.add(&line.line) };
                    let position = serde_json::to_value(position).ok().map(LogPosition);
                    reporter.log(line.line, position);
                }
                Ok(None) => return,
                Err(error) => {
                    let text = format!("the log of the run ends here: {error}");
                    return reporter.log(LogLine { source: LogSource::Ymir, text }, None);
                }
            }
        }
    };
    tokio::join!(run.wait(), pass_on).0
}

/// Stops the run when the task is to be stopped; ends only if that fails.
async fn stop_if_cancelled(run: &dyn Run, reporter: &dyn TaskReporter) -> Result<Infallible> {
    reporter.cancelled().await;
    stop(run).await
}

/// Stops the run; an engine that is away is asked again.
async fn stop(run: &dyn Run) -> Result<Infallible> {
    loop {
        match run.stop(STOP_GRACE).await {
            Ok(()) => std::future::pending().await,
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tokio::time::sleep(RETRY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// When a run has taken too long.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    limit: Option<u64>,
    created: Timestamp,
}

impl Deadline {
    fn of(unit: &UnitContext, record: &RunRecord) -> Self {
        Self { limit: unit.task.spec.time_limit_s, created: record.created }
    }

    /// Returns how much time is left; nothing without a limit.
    fn left(self) -> Option<Duration> {
        let taken = Timestamp::now().duration_since(self.created).unsigned_abs();
        self.limit.map(|limit| Duration::from_secs(limit).saturating_sub(taken))
    }

    fn is_over(self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    async fn enforce(self, run: &dyn Run) -> Result<Infallible> {
        match self.left() {
            Some(left) => tokio::time::sleep(left).await,
            None => std::future::pending().await,
        }
        stop(run).await
    }

    fn error(self) -> Error {
        let message = "the executor was stopped because it took longer than the task's time limit; \
                       raise `time_limit_s`";
        let error = Error::new(ErrorKind::Timeout, message).retryable(false);
        error.with("time_limit_s", self.limit.unwrap_or_default())
    }
}

/// The monitor file of a unit, with who receives what is new in it.
#[derive(Debug, Clone)]
struct Monitored {
    dir: PathBuf,
    reader: Arc<Mutex<MonitorReader>>,
    reporter: Arc<dyn TaskReporter>,
}

impl Monitored {
    fn of(unit: &UnitContext) -> Self {
        let (dir, reporter) = (unit.dir.clone(), unit.task.reporter.clone());
        Self { dir, reader: Arc::default(), reporter }
    }

    /// Reads the file once, and reports what is new; also when nobody waits for that any more.
    async fn poll(&self) {
        let Self { dir, reader, reporter } = self.clone();
        let read = move || {
            let Ok(out) = OutDir::open(&dir) else { return };
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(news) = reader.poll(&out) {
                reporter.progress(news.fraction, &news.message);
            }
        };
        // It can only panic, which is reported when it happens.
        let _ = tokio::task::spawn_blocking(read).await;
    }

    /// Returns the last good value.
    fn last(&self) -> Option<Monitor> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }
}

async fn follow_monitor(monitor: &Monitored) -> Infallible {
    loop {
        monitor.poll().await;
        tokio::time::sleep(POLL).await;
    }
}

/// Tells the reporter while it cannot be found out where the run stands.
async fn watch(
    runtime: &dyn TmiRuntime,
    handle: &RunHandle,
    reporter: &dyn TaskReporter,
) -> Infallible {
    let mut stalled = false;
    loop {
        tokio::time::sleep(PROBE).await;
        let state = runtime.state(handle).await;
        if state.is_err() || stalled {
            reporter.stalled(state.as_ref().err());
        }
        stalled = state.is_err();
    }
}
