use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::models::ContainerState;
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use ymir_core::{EndCause, Error, ErrorKind, ErrorReport, LogLine, LogSource, Result, Run, RunEnd};

use super::engine::{failed, status};
use super::removal::Removal;
use crate::runtime::lines::{LineCutter, LogReader, LogWriter};

/// How long output may still come when the container has ended.
const LAST_OUTPUT: Duration = Duration::from_secs(5);

/// How often the engine is asked again when it cannot be reached, and how long between.
const RETRIES: u32 = 60;
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) type Output =
    Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

type End = watch::Sender<Option<Result<RunEnd, ErrorReport>>>;

/// A container that was started. Dropping it removes the container.
#[derive(Debug)]
pub(super) struct DockerRun {
    docker: Docker,
    container: String,
    logs: LogReader,
    shared: Arc<Shared>,
    supervisor: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    stopped: AtomicBool,
    end: End,
}

impl DockerRun {
    /// Follows a started container to its end, and removes it then. `output` was attached before
    /// the start.
    pub(super) fn follow(docker: Docker, removal: Removal, output: Output) -> Self {
        let (writer, logs) = crate::runtime::lines::channel();
        let shared =
            Arc::new(Shared { stopped: AtomicBool::new(false), end: watch::Sender::new(None) });
        let container = removal.container().to_owned();
        let supervisor =
            tokio::spawn(supervise(docker.clone(), removal, output, writer, shared.clone()));
        Self { docker, container, logs, shared, supervisor: supervisor.abort_handle() }
    }
}

impl Drop for DockerRun {
    fn drop(&mut self) {
        // What the supervisor holds goes with it, the container included.
        self.supervisor.abort();
    }
}

impl Shared {
    async fn ended(&self) -> Option<Result<RunEnd, ErrorReport>> {
        let mut end = self.end.subscribe();
        end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone())
    }
}

#[async_trait]
impl Run for DockerRun {
    fn logs(&self) -> BoxStream<'static, LogLine> {
        self.logs.take()
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        if self.shared.end.borrow().is_some() {
            return Ok(());
        }
        self.shared.stopped.store(true, Ordering::SeqCst);
        signal(&self.docker, &self.container, "SIGTERM").await?;
        let (docker, container) = (self.docker.clone(), self.container.clone());
        let shared = self.shared.clone();
        tokio::spawn(async move {
            if tokio::time::timeout(grace, shared.ended()).await.is_err() {
                // Should it fail, the container ends by itself, or with the run.
                let _ = signal(&docker, &container, "SIGKILL").await;
            }
        });
        Ok(())
    }

    async fn wait(&self) -> Result<RunEnd> {
        match self.shared.ended().await {
            Some(end) => end.map_err(Error::from),
            None => {
                Err(Error::new(ErrorKind::Unexpected, "the run was lost before its end was known"))
            }
        }
    }
}

/// Signals a container; one that is not running is no error.
async fn signal(docker: &Docker, container: &str, signal: &str) -> Result<()> {
    let options = KillContainerOptionsBuilder::default().signal(signal).build();
    match docker.kill_container(container, Some(options)).await {
        Err(error) if !matches!(status(&error), Some(404 | 409)) => {
            Err(failed(error, "cannot stop a container").with("container", container))
        }
        _ => Ok(()),
    }
}

async fn supervise(
    docker: Docker,
    removal: Removal,
    output: Output,
    writer: LogWriter,
    shared: Arc<Shared>,
) {
    let (ended, has_ended) = oneshot::channel::<()>();
    let last = async {
        let state = last_state(&docker, removal.container()).await;
        drop(ended);
        state
    };
    let (state, ()) = tokio::join!(last, pass_on(output, writer, has_ended));
    let end = state.map(|state| end(&state, shared.stopped.load(Ordering::SeqCst)));
    // A container that cannot be removed now is removed by the next start of its task.
    let _ = removal.now().await;
    shared.end.send_replace(Some(end.map_err(|error| ErrorReport::from(&error))));
}

/// Passes the output on to its end. A slow reader may take its time; the engine may not.
async fn pass_on(mut output: Output, writer: LogWriter, has_ended: oneshot::Receiver<()>) {
    let mut stdout = LineCutter::new(LogSource::Stdout, writer.clone());
    let mut stderr = LineCutter::new(LogSource::Stderr, writer);
    let mut late = std::pin::pin!(async {
        let _ = has_ended.await;
        tokio::time::sleep(LAST_OUTPUT).await;
    });
    loop {
        let bytes = tokio::select! {
            biased;
            bytes = output.next() => bytes,
            () = &mut late => None,
        };
        match bytes {
            Some(Ok(LogOutput::StdErr { message })) => stderr.push(&message).await,
            Some(Ok(LogOutput::StdOut { message } | LogOutput::Console { message })) => {
                stdout.push(&message).await;
            }
            Some(Ok(LogOutput::StdIn { .. })) => {}
            Some(Err(_)) | None => break,
        }
    }
    stdout.finish().await;
    stderr.finish().await;
}

/// Waits until a container does not run any more. An engine that goes away for a moment, to be
/// restarted for example, is waited for.
async fn last_state(docker: &Docker, container: &str) -> Result<ContainerState> {
    let mut failures = 0;
    loop {
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let mut wait = std::pin::pin!(docker.wait_container(container, Some(options)));
        // An exit code but 0 comes as an error; the state tells them apart.
        let _ = wait.next().await;
        match docker.inspect_container(container, None::<InspectContainerOptions>).await {
            Ok(found) => {
                let state = found.state.unwrap_or_default();
                if state.running != Some(true) {
                    return Ok(state);
                }
            }
            Err(error) if status(&error) == Some(404) || failures == RETRIES => {
                let attempt = "cannot tell how a container ended";
                return Err(failed(error, attempt).with("container", container));
            }
            Err(_) => failures += 1,
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

fn end(state: &ContainerState, stopped: bool) -> RunEnd {
    /// The signals that end a program that did nothing about them, but for those that people send.
    const CRASHES: [i64; 8] = [4, 5, 6, 7, 8, 9, 11, 15];
    let exit_code = state.exit_code;
    // The engine says 128 + signal.
    let signal = exit_code.map(|code| code - 128).filter(|signal| CRASHES.contains(signal));
    // A child that was killed for memory does not matter where the executor coped with it.
    let out_of_memory = state.oom_killed == Some(true) && exit_code != Some(0);
    let cause = match signal {
        _ if out_of_memory => EndCause::OutOfMemory,
        _ if stopped => EndCause::Stopped,
        Some(signal) => EndCause::Signal(signal as i32),
        None => EndCause::Exited,
    };
    RunEnd { cause, exit_code }
}
