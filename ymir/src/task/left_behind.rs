//! What the executors of dead processes still do.
//!
//! While an executor runs, a file in its task directory names it. Where the file is found although
//! the task has ended, its process died, and the executor may have outlived it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ymir_core::{
    Error, ErrorKind, ExecutorRef, Result, Scheduler, TaskId, TmiRuntime, WorkspaceId,
};

const RUNNING: &str = "running";

/// How long ending one run may hold up the opening of a workspace.
const PATIENCE: Duration = Duration::from_secs(20);

/// Notes that an executor runs over a task directory.
pub(super) async fn note(dir: &Path, executor: &ExecutorRef) -> Result<()> {
    let path = dir.join(RUNNING);
    let written = tokio::fs::write(&path, executor.to_string()).await;
    written.map_err(|e| Error::io("cannot note that an executor runs", &path, e))
}

/// Notes that it has ended.
pub(super) async fn forget(dir: &Path) {
    // If it stays, the next one to open the workspace looks for a run in vain.
    let _ = tokio::fs::remove_file(dir.join(RUNNING)).await;
}

/// Ends what dead processes left running of the tasks in a directory. Returns what could not be
/// ended, as sentences; it is tried again the next time.
pub(crate) async fn end(
    tasks_dir: PathBuf,
    workspace: &WorkspaceId,
    scheduler: &Arc<dyn Scheduler>,
    runtimes: &BTreeMap<String, Arc<dyn TmiRuntime>>,
) -> Vec<String> {
    let found = tokio::task::spawn_blocking(move || noted(&tasks_dir)).await.unwrap_or_default();
    let mut warnings = Vec::new();
    for (dir, task, executor) in found {
        let dead = match scheduler.status(&task).await {
            Ok(status) => status.state.is_final(),
            Err(error) => error.kind() == ErrorKind::NotFound,
        };
        let Some(runtime) = runtimes.get(&executor.runtime).filter(|_| dead) else { continue };
        let ended = tokio::time::timeout(PATIENCE, runtime.end_left_behind(workspace, &task, &dir));
        let ended = ended
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "the runtime does not answer")));
        match ended {
            Ok(()) => forget(&dir).await,
            Err(error) => warnings.push(format!(
                "the executor of task {task}, whose process died, may still run; it could not be \
                 ended: {error}"
            )),
        }
    }
    warnings
}

/// Returns the tasks whose directory says that an executor runs, with it.
fn noted(tasks_dir: &Path) -> Vec<(PathBuf, TaskId, ExecutorRef)> {
    let Ok(entries) = std::fs::read_dir(tasks_dir) else { return Vec::new() };
    let noted = |entry: std::fs::DirEntry| {
        let executor = std::fs::read_to_string(entry.path().join(RUNNING)).ok()?;
        let task = TaskId::new(entry.file_name().to_str()?).ok()?;
        Some((entry.path(), task, executor.parse().ok()?))
    };
    entries.flatten().filter_map(noted).collect()
}
