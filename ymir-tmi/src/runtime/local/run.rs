use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use rustix::process::Signal;
use tokio::sync::watch;
use ymir_core::{EndCause, Error, ErrorKind, LogLine, Result, Run, RunEnd};

use super::process;
use crate::runtime::lines::LogReader;

/// What the run, the thread that waits for the process and the memory watch share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    end: watch::Sender<Option<RunEnd>>,
}

#[derive(Debug, Default)]
struct State {
    /// The process group, until its leader is reaped: only so long is the number its own.
    group: Option<i32>,
    stopped: bool,
    out_of_memory: bool,
    /// A KILL of ours was sent.
    killed: bool,
}

impl Shared {
    pub(super) fn new(group: i32) -> Arc<Self> {
        let state = Mutex::new(State { group: Some(group), ..State::default() });
        Arc::new(Self { state, end: watch::Sender::new(None) })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().group.is_none()
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) -> Option<RunEnd> {
        let mut end = self.end.subscribe();
        end.wait_for(Option::is_some).await.ok().and_then(|end| *end)
    }

    /// Kills the run, which ends as out of memory.
    pub(super) fn kill_for_memory(&self) {
        let mut state = self.state();
        if let Some(group) = state.group {
            state.out_of_memory = true;
            state.killed = true;
            process::signal_group(group, Signal::KILL);
        }
    }

    fn terminate(&self) -> bool {
        let mut state = self.state();
        let Some(group) = state.group else { return false };
        state.stopped = true;
        process::signal_group(group, Signal::TERM);
        true
    }

    pub(super) fn kill(&self) {
        let mut state = self.state();
        if let Some(group) = state.group {
            state.killed = true;
            process::signal_group(group, Signal::KILL);
        }
    }

    /// Ends what is left of the group when its leader has ended but is not reaped: from then on
    /// nothing is signalled by number.
    pub(super) fn close_group(&self) {
        if let Some(group) = self.state().group.take() {
            process::signal_group(group, Signal::KILL);
        }
    }

    /// Tells how the process ended. `kernel_killed` is whether the kernel killed something for
    /// lack of memory while it ran.
    pub(super) fn finish(&self, exit: Option<i32>, signal: Option<i32>, kernel_killed: bool) {
        let state = self.state();
        let by_kernel = signal == Some(Signal::KILL.as_raw())
            && !state.killed
            && !state.stopped
            && kernel_killed;
        let cause = match signal {
            _ if state.out_of_memory || by_kernel => EndCause::OutOfMemory,
            _ if state.stopped => EndCause::Stopped,
            Some(signal) => EndCause::Signal(signal),
            None => EndCause::Exited,
        };
        let end = RunEnd { cause, exit_code: exit.map(i64::from) };
        self.end.send_replace(Some(end));
    }
}

/// A local program that was started. Dropping it kills the program and its children.
#[derive(Debug)]
pub(super) struct LocalRun {
    pub(super) shared: Arc<Shared>,
    pub(super) logs: LogReader,
}

impl Drop for LocalRun {
    fn drop(&mut self) {
        self.shared.kill();
    }
}

#[async_trait]
impl Run for LocalRun {
    fn logs(&self) -> BoxStream<'static, LogLine> {
        self.logs.take()
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        if self.shared.terminate() {
            let shared = self.shared.clone();
            tokio::spawn(async move {
                if tokio::time::timeout(grace, shared.ended()).await.is_err() {
                    shared.kill();
                }
            });
        }
        Ok(())
    }

    async fn wait(&self) -> Result<RunEnd> {
        self.shared.ended().await.ok_or_else(|| {
            Error::new(ErrorKind::Unexpected, "the run was lost before its end was known")
        })
    }
}
