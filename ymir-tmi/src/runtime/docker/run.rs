use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::query_parameters::{KillContainerOptionsBuilder, WaitContainerOptionsBuilder};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use ymir_core::{LogPosition, Result, Run, RunHandle, RunLine, RunState};

use super::engine::{RETRY_AFTER, failed, status};
use super::log;
use super::state::{container, state};
use crate::runtime::blocking;
use crate::runtime::folder::{Mark, RunFolder};

/// A container that is followed; dropping this leaves it running.
pub(super) struct DockerRun {
    docker: Docker,
    handle: RunHandle,
    container: String,
    logs: Mutex<Option<BoxStream<'static, Result<RunLine>>>>,
}

impl fmt::Debug for DockerRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerRun").field("handle", &self.handle).finish_non_exhaustive()
    }
}

impl DockerRun {
    pub(super) fn attach(
        docker: &Docker,
        handle: &RunHandle,
        from: Option<&LogPosition>,
    ) -> Result<Self> {
        let logs = log::follow(docker.clone(), handle.clone(), from)?;
        Ok(Self {
            docker: docker.clone(),
            handle: handle.clone(),
            container: container(handle)?.to_owned(),
            logs: Mutex::new(Some(logs)),
        })
    }
}

#[async_trait]
impl Run for DockerRun {
    fn logs(&self) -> BoxStream<'static, Result<RunLine>> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner).take();
        logs.unwrap_or_else(|| stream::empty().boxed())
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        if is_over(state(&self.docker, &self.handle).await?) {
            return Ok(());
        }
        let folder = RunFolder::of(&self.handle.dir);
        blocking(move || folder.mark(Mark::Stop)).await?;
        signal(&self.docker, &self.container, "SIGTERM").await?;
        let (docker, handle) = (self.docker.clone(), self.handle.clone());
        let container = self.container.clone();
        tokio::spawn(async move {
            if tokio::time::timeout(grace, end(&docker, &handle)).await.is_err() {
                // Should it fail, whoever follows the run asks again.
                let _ = signal(&docker, &container, "SIGKILL").await;
            }
        });
        Ok(())
    }

    async fn wait(&self) -> Result<RunState> {
        Ok(end(&self.docker, &self.handle).await)
    }
}

fn is_over(state: RunState) -> bool {
    matches!(state, RunState::Ended(_) | RunState::Lost)
}

/// Waits until a run has ended. An engine that is away is waited for.
async fn end(docker: &Docker, handle: &RunHandle) -> RunState {
    loop {
        match state(docker, handle).await {
            Ok(state) if is_over(state) => return state,
            Ok(RunState::Running) if wait(docker, handle).await => {}
            _ => tokio::time::sleep(RETRY_AFTER).await,
        }
    }
}

/// Waits until a container does not run; returns whether the engine said so.
async fn wait(docker: &Docker, handle: &RunHandle) -> bool {
    let Ok(container) = container(handle) else { return false };
    let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
    let mut wait = std::pin::pin!(docker.wait_container(container, Some(options)));
    // An exit code but 0 comes as an error.
    let said = wait.next().await;
    matches!(said, Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. })))
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
