use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use rustix::process::Signal;
use tokio::task::AbortHandle;
use ymir_core::{LogPosition, Result, Run, RunHandle, RunLine, RunState};

use super::look;
use crate::runtime::folder::{Mark, RunFolder};
use crate::runtime::{blocking, process, tail};

/// How often it is looked whether a run has ended.
const INTERVAL: Duration = Duration::from_millis(50);

/// How often its memory is looked at.
const MEMORY_INTERVAL: Duration = Duration::from_millis(100);

/// A local program that is followed; dropping this leaves it running.
pub(super) struct LocalRun {
    handle: RunHandle,
    logs: Mutex<Option<BoxStream<'static, Result<RunLine>>>>,
    watch: Option<AbortHandle>,
}

impl std::fmt::Debug for LocalRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalRun").field("handle", &self.handle).finish_non_exhaustive()
    }
}

impl LocalRun {
    /// Follows a run; `memory` is its bound, 0 for none.
    pub(super) fn attach(
        handle: &RunHandle,
        from: Option<&LogPosition>,
        memory: u64,
    ) -> Result<Self> {
        let followed = handle.clone();
        // What cannot be found out is looked at again.
        let has_ended = move || look::state(&followed).is_ok_and(is_over);
        let run = RunFolder::of(&handle.dir).path().to_owned();
        let logs = tail::follow(run, from, has_ended)?;
        let watch = (memory > 0).then(|| tokio::spawn(watch(handle.clone(), memory)));
        let watch = watch.map(|task| task.abort_handle());
        Ok(Self { handle: handle.clone(), logs: Mutex::new(Some(logs)), watch })
    }
}

impl Drop for LocalRun {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

fn is_over(state: RunState) -> bool {
    matches!(state, RunState::Ended(_) | RunState::Lost)
}

/// Returns where a run stands. Where its supervisor was killed, what is left of the program's group
/// ends with its leader here.
fn look(handle: &RunHandle) -> Result<RunState> {
    let state = look::state(handle)?;
    if state == RunState::Running
        && look::program(&handle.dir)?.is_some_and(|program| !program.is_alive())
    {
        let supervisor = RunFolder::of(&handle.dir).text(look::SUPERVISOR)?;
        let supervisor = supervisor.as_deref().and_then(process::ProcessId::parse);
        if supervisor.is_some_and(|supervisor| !supervisor.is_alive()) {
            look::signal(&handle.dir, Signal::KILL)?;
        }
    }
    Ok(state)
}

async fn end(handle: &RunHandle) -> RunState {
    loop {
        let handle = handle.clone();
        match blocking(move || look(&handle)).await {
            Ok(state) if is_over(state) => return state,
            // What cannot be found out is waited for.
            _ => tokio::time::sleep(INTERVAL).await,
        }
    }
}

#[async_trait]
impl Run for LocalRun {
    fn logs(&self) -> BoxStream<'static, Result<RunLine>> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner).take();
        logs.unwrap_or_else(|| stream::empty().boxed())
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        let handle = self.handle.clone();
        let stopped = blocking(move || stop(&handle)).await?;
        if stopped {
            let handle = self.handle.clone();
            tokio::spawn(async move {
                if tokio::time::timeout(grace, end(&handle)).await.is_err() {
                    let kill = move || look::signal(&handle.dir, Signal::KILL);
                    let _ = blocking(kill).await;
                }
            });
        }
        Ok(())
    }

    async fn wait(&self) -> Result<RunState> {
        Ok(end(&self.handle).await)
    }
}

/// Records that a run is to end, and asks it to; returns whether it had not ended.
fn stop(handle: &RunHandle) -> Result<bool> {
    if is_over(look::state(handle)?) {
        return Ok(false);
    }
    // A program that is not started by now finds the mark.
    RunFolder::of(&handle.dir).mark(Mark::Stop)?;
    look::signal(&handle.dir, Signal::TERM)?;
    Ok(true)
}

/// Kills the run when its processes together hold more than `bound` bytes.
async fn watch(handle: RunHandle, bound: u64) {
    loop {
        tokio::time::sleep(MEMORY_INTERVAL).await;
        let handle = handle.clone();
        let check = move || {
            if is_over(look::state(&handle)?) {
                return Ok(true);
            }
            if held(&handle.dir, bound)? > bound {
                RunFolder::of(&handle.dir).mark(Mark::Memory)?;
                look::signal(&handle.dir, Signal::KILL)?;
                return Ok(true);
            }
            Ok(false)
        };
        if blocking(check).await.unwrap_or(false) {
            return;
        }
    }
}

/// Returns how many bytes the processes of a run hold. Shared pages are counted once where the
/// plain sum is over the bound; below it, the exact figure does not matter.
fn held(dir: &Path, bound: u64) -> Result<u64> {
    let processes = look::processes(dir)?;
    let sum = |shared| processes.iter().map(|pid| process::resident(*pid, shared)).sum::<u64>();
    let plain = sum(false);
    Ok(if plain <= bound { plain } else { sum(true) })
}
