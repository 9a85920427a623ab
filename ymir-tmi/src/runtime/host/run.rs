use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use ymir_core::{
    EndCause, Error, ErrorKind, LogPosition, LogSource, Result, Run, RunEnd, RunLine, RunState,
};

use super::{HostExecutor, HostTask};
use crate::contract::RETURN_CODE_OUT_OF_MEMORY;
use crate::runtime::folder::RunFolder;
use crate::runtime::tail;

/// A function that was started. It goes on until it ends or is ended.
#[derive(Debug)]
pub(super) struct Running {
    stop: CancellationToken,
    kill: CancellationToken,
    end: watch::Receiver<Option<RunEnd>>,
}

impl Running {
    /// Starts a function; `record` is called with its end before anybody learns of it.
    pub(super) fn start(
        executor: Arc<dyn HostExecutor>,
        task: HostTask,
        stop: CancellationToken,
        record: impl FnOnce(RunEnd) + Send + 'static,
    ) -> Self {
        let kill = CancellationToken::new();
        let (sender, end) = watch::channel(None);
        let supervisor = supervise(executor, task, stop.clone(), kill.clone());
        tokio::spawn(async move {
            let end = supervisor.await;
            // The end counts also where it cannot be recorded.
            let _ = tokio::task::spawn_blocking(move || record(end)).await;
            sender.send_replace(Some(end));
        });
        Self { stop, kill, end }
    }

    /// Returns the end, if it has come.
    pub(super) fn end(&self) -> Option<RunEnd> {
        *self.end.borrow()
    }

    /// Waits for the end; nothing if the async runtime that ran the function is gone.
    async fn ended(&self) -> Option<RunEnd> {
        let mut end = self.end.clone();
        end.wait_for(Option::is_some).await.ok().and_then(|end| *end)
    }

    /// Returns whether the async runtime that ran the function is gone before its end.
    pub(super) fn is_lost(&self) -> bool {
        self.end().is_none() && self.end.has_changed().is_err()
    }

    /// Gives the function up, and waits until that is done.
    pub(super) async fn give_up(&self) {
        self.stop.cancel();
        self.kill.cancel();
        self.ended().await;
    }
}

/// Runs the function to its end, or until it is to be given up.
async fn supervise(
    executor: Arc<dyn HostExecutor>,
    task: HostTask,
    stop: CancellationToken,
    kill: CancellationToken,
) -> RunEnd {
    let work = task.clone();
    let mut function = tokio::spawn(async move { executor.run(work).await });
    let ended = tokio::select! {
        ended = &mut function => Some(ended),
        () = kill.cancelled() => None,
    };
    let exit_code = match ended {
        Some(Ok(result)) => Some(conclude(&task, result).await),
        Some(Err(panic)) => {
            let text = format!("the function panicked: {panic}");
            let _ = task.log(LogSource::Stderr, &text);
            let _ = task.monitor(1.0, "4", &text);
            Some(101)
        }
        None => {
            function.abort();
            let text = "the function did not end in time and was given up";
            let _ = task.log(LogSource::Ymir, text);
            None
        }
    };
    task.close();
    let cause = if stop.is_cancelled() { EndCause::Stopped } else { EndCause::Exited };
    RunEnd { cause, exit_code }
}

/// Writes the results, or tells of the error; returns the exit code.
async fn conclude(task: &HostTask, result: Result<()>) -> i64 {
    let finish = task.clone();
    let result = match result {
        Ok(()) => tokio::task::spawn_blocking(move || finish.finish()).await.unwrap_or_else(|e| {
            Err(Error::new(ErrorKind::Unexpected, "writing the results broke off").caused_by(e))
        }),
        failed => failed,
    };
    let Err(error) = result else { return 0 };
    task.log_error(&error);
    let state = match error.kind() {
        ErrorKind::ResourceExhausted => format!("4\t{RETURN_CODE_OUT_OF_MEMORY}"),
        _ => "4".to_owned(),
    };
    let _ = task.monitor(1.0, &state, &error.to_string());
    let code = error.context().iter().find(|(key, _)| key == "exit_code");
    code.and_then(|(_, code)| code.parse().ok()).filter(|code| *code != 0).unwrap_or(1)
}

/// A function that is followed. Dropping this gives it up.
pub(super) struct HostRun {
    running: Arc<Running>,
    logs: Mutex<Option<BoxStream<'static, Result<RunLine>>>>,
}

impl fmt::Debug for HostRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostRun").field("running", &self.running).finish_non_exhaustive()
    }
}

impl HostRun {
    pub(super) fn attach(
        running: Arc<Running>,
        folder: &RunFolder,
        from: Option<&LogPosition>,
    ) -> Result<Self> {
        let followed = running.clone();
        let has_ended = move || followed.end().is_some() || followed.is_lost();
        let logs = tail::follow(folder.path().to_owned(), from, has_ended)?;
        Ok(Self { running, logs: Mutex::new(Some(logs)) })
    }
}

impl Drop for HostRun {
    fn drop(&mut self) {
        self.running.stop.cancel();
        self.running.kill.cancel();
    }
}

#[async_trait]
impl Run for HostRun {
    fn logs(&self) -> BoxStream<'static, Result<RunLine>> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner).take();
        logs.unwrap_or_else(|| stream::empty().boxed())
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        if self.running.end().is_none() {
            self.running.stop.cancel();
            let running = self.running.clone();
            tokio::spawn(async move {
                if tokio::time::timeout(grace, running.ended()).await.is_err() {
                    running.kill.cancel();
                }
            });
        }
        Ok(())
    }

    async fn wait(&self) -> Result<RunState> {
        Ok(self.running.ended().await.map_or(RunState::Lost, RunState::Ended))
    }
}

/// A run whose end is on record.
pub(super) struct EndedRun {
    end: RunEnd,
    logs: Mutex<Option<BoxStream<'static, Result<RunLine>>>>,
}

impl fmt::Debug for EndedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndedRun").field("end", &self.end).finish_non_exhaustive()
    }
}

impl EndedRun {
    pub(super) fn attach(
        end: RunEnd,
        folder: &RunFolder,
        from: Option<&LogPosition>,
    ) -> Result<Self> {
        let logs = tail::follow(folder.path().to_owned(), from, || true)?;
        Ok(Self { end, logs: Mutex::new(Some(logs)) })
    }
}

#[async_trait]
impl Run for EndedRun {
    fn logs(&self) -> BoxStream<'static, Result<RunLine>> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner).take();
        logs.unwrap_or_else(|| stream::empty().boxed())
    }

    async fn stop(&self, _grace: Duration) -> Result<()> {
        Ok(())
    }

    async fn wait(&self) -> Result<RunState> {
        Ok(RunState::Ended(self.end))
    }
}
