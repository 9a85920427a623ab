//! The name and the labels by which containers are found again.

use std::collections::HashMap;

use ymir_core::{Error, Result, RunHandle, RunRequest, TaskId, WorkspaceId};

use super::DockerRuntime;

/// On the container of a run.
pub(super) const TASK: &str = "ymir.task";
/// On a container that an image is looked into with.
pub(super) const INSPECT: &str = "ymir.inspect";
/// On both: the number of the user.
const USER: &str = "ymir.user";

const WORKSPACE: &str = "ymir.workspace";
const UNIT: &str = "ymir.unit";
const ATTEMPT: &str = "ymir.attempt";
const DIR: &str = "ymir.dir";
const DIGEST: &str = "ymir.digest";
const EXECUTOR: &str = "ymir.executor";

type Labels = HashMap<String, String>;

/// Returns the name of a run's container. It is the same each time.
pub(super) fn name(request: &RunRequest) -> String {
    let RunRequest { workspace, task, unit, attempt, .. } = request;
    format!("ymir-{workspace}-{task}-{unit}-{attempt}")
}

/// Returns the labels of a run's container.
pub(super) fn of(request: &RunRequest) -> Result<Labels> {
    let dir = request.dir.to_str().ok_or_else(|| {
        Error::invalid("the Docker Engine needs paths of UTF-8; put the workspace elsewhere")
            .with("path", request.dir.display())
    })?;
    let labels = [
        (WORKSPACE, request.workspace.to_string()),
        (TASK, request.task.to_string()),
        (UNIT, request.unit.to_string()),
        (ATTEMPT, request.attempt.to_string()),
        (DIR, dir.to_owned()),
        (DIGEST, request.executor.digest.clone()),
        (EXECUTOR, request.executor.reference.to_string()),
        (USER, user()),
    ];
    Ok(labels.map(|(key, value)| (key.to_owned(), value)).into())
}

/// Returns the labels of a container that an image is looked into with.
pub(super) fn of_inspection(image: &str) -> Labels {
    [(INSPECT.to_owned(), image.to_owned()), (USER.to_owned(), user())].into()
}

/// Returns the filter for this user's containers with a label.
pub(super) fn filter(label: &str) -> HashMap<String, Vec<String>> {
    [("label".to_owned(), vec![label.to_owned(), format!("{USER}={}", user())])].into()
}

/// Returns whether a container is one of this user's runs or inspections.
pub(super) fn are_own(labels: &Labels) -> bool {
    (labels.contains_key(TASK) || labels.contains_key(INSPECT)) && labels.get(USER) == Some(&user())
}

/// Returns the handle of the run that a container belongs to; nothing if it is none's.
pub(super) fn handle(labels: &Labels, container: &str) -> Option<RunHandle> {
    Some(RunHandle {
        runtime: DockerRuntime::NAME.to_owned(),
        workspace: WorkspaceId::new(labels.get(WORKSPACE)?).ok()?,
        task: TaskId::new(labels.get(TASK)?).ok()?,
        unit: labels.get(UNIT)?.parse().ok()?,
        attempt: labels.get(ATTEMPT)?.parse().ok()?,
        digest: labels.get(DIGEST)?.clone(),
        dir: labels.get(DIR)?.into(),
        data: serde_json::json!({ "container": container }),
    })
}

fn user() -> String {
    rustix::process::geteuid().as_raw().to_string()
}
