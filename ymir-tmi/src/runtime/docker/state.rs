//! Where a container stands.

use std::path::Path;

use bollard::Docker;
use bollard::models::{ContainerState, ContainerStateStatusEnum as Status};
use bollard::query_parameters::InspectContainerOptions;
use ymir_core::{Error, ErrorKind, Result, RunHandle, RunState};

use super::engine::{failed, status};
use crate::runtime::end;
use crate::runtime::folder::{Mark, RunFolder};

/// Returns the id of a run's container.
pub(super) fn container(handle: &RunHandle) -> Result<&str> {
    handle.data["container"].as_str().ok_or_else(|| {
        let message = "this is no handle of a container";
        Error::invalid(message).with("runtime", &handle.runtime).with("task", &handle.task)
    })
}

/// Returns where a run stands.
///
/// # Errors
///
/// `Unavailable` if the engine cannot be reached, or cannot tell.
pub(super) async fn state(docker: &Docker, handle: &RunHandle) -> Result<RunState> {
    let container = container(handle)?;
    match docker.inspect_container(container, None::<InspectContainerOptions>).await {
        Ok(found) => Ok(state_of(&found.state.unwrap_or_default(), &handle.dir)),
        Err(error) if status(&error) == Some(404) => Ok(RunState::Lost),
        Err(error) => {
            let found = failed(error, "cannot tell how a container stands");
            let error = Error::new(ErrorKind::Unavailable, found.message().to_owned());
            Err(error.with("container", container).caused_by(found))
        }
    }
}

fn state_of(state: &ContainerState, dir: &Path) -> RunState {
    let status = state.status.unwrap_or(Status::EMPTY);
    if state.running == Some(true)
        || matches!(status, Status::RUNNING | Status::PAUSED | Status::RESTARTING)
    {
        return RunState::Running;
    }
    // An engine gives the year 1 as the time of a start that never was.
    let started = state.started_at.as_deref().is_some_and(|time| !time.starts_with("0001"));
    if !started && matches!(status, Status::CREATED | Status::EMPTY) {
        return RunState::Created;
    }
    let stopped = RunFolder::of(dir).is_marked(Mark::Stop);
    // A child that was killed for memory does not matter where the executor coped with it.
    let out_of_memory = state.oom_killed == Some(true) && state.exit_code != Some(0);
    RunState::Ended(end::end(state.exit_code, out_of_memory, stopped))
}
