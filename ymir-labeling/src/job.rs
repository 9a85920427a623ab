use std::path::Path;

use ymir_core::{Error, LabelHandle, LabelJobId};

/// Returns the error for a job that does not exist.
pub(crate) fn no_job(id: &LabelJobId, directory: &Path) -> Error {
    Error::not_found("no labeling job of this id; it was never created, or was cancelled")
        .with("job", id)
        .with("directory", directory.display())
}

/// Returns the handle of a job that a step of its creation has completed.
pub(crate) fn ready(handle: &LabelHandle, place: Option<&Path>) -> LabelHandle {
    let place = place.map(|place| place.display().to_string());
    LabelHandle { ready: true, place, ..handle.clone() }
}
