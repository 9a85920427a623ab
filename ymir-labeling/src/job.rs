use std::collections::HashSet;
use std::path::Path;

use ymir_core::{Class, Error, LabelItem, LabelJob, LabelJobId, Result};

/// Returns the error for a job that does not exist.
pub(crate) fn no_job(id: &LabelJobId, directory: &Path) -> Error {
    Error::not_found("no labeling job of this id; it was never created, or was cancelled")
        .with("job", id)
        .with("directory", directory.display())
}

/// Checks what every backend asks of a new job. Reads the file system.
///
/// # Errors
///
/// `InvalidInput` if it has no assets, no classes, an asset twice, or a pre-annotation whose class
/// id its table lacks; `NotFound` if the file of an item does not exist.
pub(crate) fn check(job: &LabelJob) -> Result<()> {
    let fail = |message: &str| Err(Error::invalid(message).with("job", &job.id));
    if job.items.is_empty() {
        return fail("a labeling job needs at least one asset");
    }
    if job.classes.is_empty() {
        return fail("a labeling job needs at least one class");
    }
    let mut seen = HashSet::new();
    for item in &job.items {
        check_item(job, item)?;
        if !seen.insert(item.asset.id) {
            let message = "an asset can be in a labeling job only once";
            return Err(Error::invalid(message).with("job", &job.id).with("asset", item.asset.id));
        }
    }
    Ok(())
}

fn check_item(job: &LabelJob, item: &LabelItem) -> Result<()> {
    let unknown = |class: &Class| class.id().is_some_and(|id| job.classes.name(id).is_none());
    if item.pre_annotations.iter().any(|annotation| unknown(&annotation.class)) {
        let message = "a pre-annotation has a class id that the job's class table lacks";
        return Err(Error::invalid(message).with("job", &job.id).with("asset", item.asset.id));
    }
    let attempted = "cannot read the image of a labeling job";
    let metadata = std::fs::metadata(&item.file)
        .map_err(|error| Error::io(attempted, &item.file, error).with("asset", item.asset.id))?;
    if !metadata.is_file() {
        return Err(Error::invalid("the image of a labeling job is not a file")
            .with("path", item.file.display())
            .with("asset", item.asset.id));
    }
    Ok(())
}
