use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use ymir_core::{
    Error, ErrorKind, Result, Run, RunEnd, RunRequest, TaskContext, TaskReporter, TmiRuntime,
};

use super::end::judge;
use super::log::KeptLog;
use crate::contract::{MonitorReader, OutDir};

/// How long an executor may take to end by itself when its task is to stop.
pub const STOP_GRACE: Duration = Duration::from_secs(10);

/// How often the monitor file is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Runs an executor over a prepared task directory, to its end.
///
/// Its log goes to the task's reporter and is kept as `<dir>/out/ymir-executor-out.log`, or as
/// `<dir>/run.log` if the executor writes the former itself; each change of its monitor file goes
/// to the reporter as progress. Whether results exist and are valid is for the readers of
/// [`crate::contract`] to say.
///
/// # Errors
///
/// - `Cancelled` if the task is to be stopped. The executor has ended then: by TERM, or after
///   [`STOP_GRACE`] by KILL.
/// - `ResourceExhausted` if it ran out of memory.
/// - `ExecutorFailed` if it ended by any exit code but 0, or by a signal. As with
///   `ResourceExhausted`, the context holds `return_code` (that of the monitor file, else 160004),
///   `exit_code`, `message` and `output`, the last five lines.
/// - Those of [`TmiRuntime::start`].
pub async fn run_executor(
    runtime: &dyn TmiRuntime,
    request: RunRequest,
    task: &TaskContext,
) -> Result<()> {
    let reporter = task.reporter.as_ref();
    if reporter.is_cancelled() {
        return Err(Error::new(ErrorKind::Cancelled, "the task was stopped before it ran"));
    }
    let dir = request.dir.clone();
    let mut log = KeptLog::create(&dir).await?;
    let run = runtime.start(request).await?;
    let monitor = Arc::new(Mutex::new(MonitorReader::default()));
    let end = tokio::select! {
        biased;
        end = to_its_end(run.as_ref(), reporter, &mut log) => end,
        Err(error) = stop_if_cancelled(run.as_ref(), reporter) => Err(error),
        never = follow_monitor(&dir, &monitor, reporter) => match never {},
    };
    poll(&dir, &monitor, reporter).await;
    let said = monitor.lock().unwrap_or_else(PoisonError::into_inner).last().cloned();
    let result = end.and_then(|end| judge(end, said.as_ref(), &log.last_lines()));
    log.finish(&dir).await;
    result
}

/// Passes the log on and waits for the end; the log is complete then.
async fn to_its_end(
    run: &dyn Run,
    reporter: &dyn TaskReporter,
    log: &mut KeptLog,
) -> Result<RunEnd> {
    let mut lines = run.logs();
    let pass_on = async {
        while let Some(line) = lines.next().await {
            log.add(&line).await;
            reporter.log(line);
        }
    };
    tokio::join!(run.wait(), pass_on).0
}

/// Stops the run when the task is to be stopped; ends only if that fails.
async fn stop_if_cancelled(run: &dyn Run, reporter: &dyn TaskReporter) -> Result<Infallible> {
    reporter.cancelled().await;
    run.stop(STOP_GRACE).await?;
    std::future::pending().await
}

async fn follow_monitor(
    dir: &Path,
    monitor: &Arc<Mutex<MonitorReader>>,
    reporter: &dyn TaskReporter,
) -> Infallible {
    loop {
        poll(dir, monitor, reporter).await;
        tokio::time::sleep(POLL).await;
    }
}

/// Reads the monitor file once, and reports what is new.
async fn poll(dir: &Path, monitor: &Arc<Mutex<MonitorReader>>, reporter: &dyn TaskReporter) {
    let (dir, monitor) = (dir.to_owned(), monitor.clone());
    let read = move || {
        let out = OutDir::open(&dir).ok()?;
        monitor.lock().unwrap_or_else(PoisonError::into_inner).poll(&out).cloned()
    };
    if let Ok(Some(news)) = tokio::task::spawn_blocking(read).await {
        reporter.progress(news.fraction, &news.message);
    }
}
