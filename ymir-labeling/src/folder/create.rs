use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ymir_core::{
    AssetId, Error, ErrorKind, ImageSource, LabelCapabilities, LabelItem, LabelJobRequest, Result,
    Transfer, sha256_hex,
};

use super::coco::document;
use super::layout::{ANNOTATIONS, IMAGES, JOB, JobFile, JobImage, Paths, README};
use super::names;
use crate::blocking::{blocking, make_directory, sync_directory, write_file};

/// Creates the folder of a job, whole or not at all; one that is there stays as it is.
pub(super) async fn create(
    paths: &Paths,
    request: &LabelJobRequest,
    capabilities: &LabelCapabilities,
    transfer: Transfer,
) -> Result<()> {
    let there = paths.clone();
    if blocking(move || there.is_whole()).await? {
        return Ok(());
    }
    request.check(capabilities)?;
    let begun = paths.clone();
    let Some(lock) = blocking(move || begin(&begun)).await? else { return Ok(()) };
    if let Err(error) = fill(paths, request, transfer, &Arc::new(lock)).await {
        // The first failure counts; what cannot be removed now is by the next attempt.
        let partial = paths.partial();
        let _ = blocking(move || remove(&partial)).await;
        return Err(error);
    }
    Ok(())
}

/// Makes an empty folder beside the job's, for this creation alone as long as the lock is held;
/// `None` if the job has come to be meanwhile.
fn begin(paths: &Paths) -> Result<Option<File>> {
    make_directory(&paths.root)?;
    let lock = paths.lock()?;
    if paths.is_whole()? {
        return Ok(None);
    }
    remove(&paths.partial())?;
    make_directory(&paths.partial().join(IMAGES))?;
    Ok(Some(lock))
}

/// Fills the folder and puts it in place. The lock outlives a caller that goes away while the files
/// are written.
async fn fill(
    paths: &Paths,
    request: &LabelJobRequest,
    transfer: Transfer,
    lock: &Arc<File>,
) -> Result<()> {
    let names = names::hand_out(request.items.iter().map(|item| &item.asset));
    let images = paths.partial().join(IMAGES);
    for (item, name) in request.items.iter().zip(&names) {
        place(request.images.as_ref(), item.asset.id, images.join(name), transfer).await?;
    }
    let documents = documents(request, names)?;
    let (paths, lock) = (paths.clone(), lock.clone());
    blocking(move || {
        let _held = lock;
        finish(&paths, &documents)
    })
    .await
}

/// Returns the files of a job beside its images, by name.
fn documents(
    request: &LabelJobRequest,
    names: Vec<String>,
) -> Result<[(&'static str, Vec<u8>); 3]> {
    let annotations = document(request, &names)?;
    let image = |(item, name): (&LabelItem, String)| JobImage {
        asset: item.asset.id,
        file_name: name,
        width: item.asset.width,
        height: item.asset.height,
    };
    let job = json(&JobFile {
        format: 1,
        classes: request.classes.clone(),
        images: request.items.iter().zip(names).map(image).collect(),
        handed_out: sha256_hex(&annotations),
    })?;
    let readme = readme(request).into_bytes();
    Ok([(ANNOTATIONS, annotations), (README, readme), (JOB, job)])
}

fn finish(paths: &Paths, documents: &[(&str, Vec<u8>)]) -> Result<()> {
    let (partial, folder) = (paths.partial(), paths.folder());
    for (name, bytes) in documents {
        write_file(&partial.join(name), bytes)?;
    }
    sync_directory(&partial.join(IMAGES))?;
    sync_directory(&partial)?;
    std::fs::rename(&partial, &folder)
        .map_err(|error| Error::io("cannot put the folder of a job in place", &folder, error))?;
    sync_directory(&paths.root)
}

/// Removes a folder and all in it, if it is there.
pub(super) fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => {
            done.map_err(|error| Error::io("cannot remove a labeling job's folder", folder, error))
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "the labeling job has no JSON form").caused_by(error)
    })
}

/// Makes an image stand in the folder.
async fn place(
    images: &dyn ImageSource,
    id: AssetId,
    path: PathBuf,
    transfer: Transfer,
) -> Result<()> {
    let Some(file) = images.file(&id).await? else {
        let bytes = images.bytes(&id).await?;
        return blocking(move || write_file(&path, &bytes)).await;
    };
    blocking(move || {
        if transfer == Transfer::HardLink && std::fs::hard_link(&file, &path).is_ok() {
            return Ok(());
        }
        // Also what a link cannot do, across file systems for example. Missing images fail here too.
        let copied = std::fs::copy(&file, &path).and_then(|_| File::open(&path)?.sync_all());
        copied.map_err(|error| {
            Error::io("cannot copy an image of a labeling job", &file, error)
                .with("to", path.display())
                .with("asset", id)
        })
    })
    .await
}

fn readme(job: &LabelJobRequest) -> String {
    let names: Vec<_> = job.classes.entries().iter().map(|e| format!("  {}\n", e.name)).collect();
    let instructions = job.instructions.trim();
    let gap = if instructions.is_empty() { "" } else { "\n\n" };
    format!(
        "{title}\n\n{instructions}{gap}\
         Draw a box around each object of these classes:\n\n{names}\n\
         images/           {count} images to be labeled; leave the file names as they are\n\
         annotations.json  the images, the classes and suggested boxes, as a COCO detection file\n\
         annotated.json    to be put here when the work is done: a COCO detection file with the\n\
         \x20                 corrected boxes\n\n\
         An image that annotated.json lists and has no boxes for counts as looked at and empty; an\n\
         image that it does not list counts as not labeled. Write the file under another name and\n\
         rename it when it is complete. Leave job.json alone.\n",
        title = job.title.trim(),
        names = names.concat(),
        count = job.items.len(),
    )
}
