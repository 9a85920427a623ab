use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use ymir_core::{EndCause, Error, ErrorKind, LogLine, LogSource, Result, Run, RunEnd};

use super::{HostExecutor, HostTask};
use crate::contract::RETURN_CODE_OUT_OF_MEMORY;
use crate::runtime::lines::LogReader;

/// A function that was started. Dropping it drops the function's future.
#[derive(Debug)]
pub(super) struct HostRun {
    stop: CancellationToken,
    kill: CancellationToken,
    end: watch::Receiver<Option<RunEnd>>,
    logs: LogReader,
}

impl HostRun {
    pub(super) fn start(
        executor: Arc<dyn HostExecutor>,
        task: HostTask,
        stop: CancellationToken,
        logs: LogReader,
    ) -> Self {
        let kill = CancellationToken::new();
        let (sender, end) = watch::channel(None);
        let supervisor = supervise(executor, task, stop.clone(), kill.clone());
        tokio::spawn(async move { sender.send_replace(Some(supervisor.await)) });
        Self { stop, kill, end, logs }
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

impl Drop for HostRun {
    fn drop(&mut self) {
        self.stop.cancel();
        self.kill.cancel();
    }
}

#[async_trait]
impl Run for HostRun {
    fn logs(&self) -> BoxStream<'static, LogLine> {
        self.logs.take()
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        if self.end.borrow().is_none() {
            self.stop.cancel();
            let (mut end, kill) = (self.end.clone(), self.kill.clone());
            tokio::spawn(async move {
                if tokio::time::timeout(grace, end.wait_for(Option::is_some)).await.is_err() {
                    kill.cancel();
                }
            });
        }
        Ok(())
    }

    async fn wait(&self) -> Result<RunEnd> {
        let mut end = self.end.clone();
        let end = end.wait_for(Option::is_some).await.ok().and_then(|end| *end);
        end.ok_or_else(|| Error::new(ErrorKind::Unexpected, "the run was lost before its end"))
    }
}
