use std::path::Path;

use ymir_core::{Error, ErrorKind, LabelItem, LabelJob, Result, Transfer, sha256_hex};

use super::coco::document;
use super::layout::{ANNOTATIONS, IMAGES, JOB, JobFile, JobImage, Paths, README};
use super::names;
use crate::blocking::{make_directory, sync_directory, write_file};
use crate::job;

/// Creates the folder of a job, whole or not at all; one that is there stays as it is.
pub(super) fn create(paths: &Paths, job: &LabelJob, transfer: Transfer) -> Result<()> {
    if paths.exists() {
        return paths.read_job().map(drop);
    }
    job::check(job)?;
    make_directory(&paths.root)?;
    let _lock = paths.lock()?;
    if paths.exists() {
        return paths.read_job().map(drop);
    }
    let (partial, folder) = (paths.partial(), paths.folder());
    remove(&partial)?;
    if let Err(error) = write(&partial, job, transfer) {
        // The first failure counts; what cannot be removed now is by the next attempt.
        let _ = remove(&partial);
        return Err(error);
    }
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

fn write(folder: &Path, job: &LabelJob, transfer: Transfer) -> Result<()> {
    let images = folder.join(IMAGES);
    make_directory(&images)?;
    let names = names::hand_out(job.items.iter().map(|item| &item.asset));
    for (item, name) in job.items.iter().zip(&names) {
        place(item, &images.join(name), transfer)?;
    }
    let annotations = document(job, &names)?;
    write_file(&folder.join(ANNOTATIONS), &annotations)?;
    write_file(&folder.join(README), readme(job).as_bytes())?;
    let image = |(item, name): (&LabelItem, String)| JobImage {
        asset: item.asset.id,
        file_name: name,
        width: item.asset.width,
        height: item.asset.height,
    };
    let file = JobFile {
        format: 1,
        classes: job.classes.clone(),
        images: job.items.iter().zip(names).map(image).collect(),
        handed_out: sha256_hex(&annotations),
    };
    write_file(&folder.join(JOB), &json(&file)?)?;
    sync_directory(&images)?;
    sync_directory(folder)
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "the labeling job has no JSON form").caused_by(error)
    })
}

/// Makes an image stand in the folder.
fn place(item: &LabelItem, path: &Path, transfer: Transfer) -> Result<()> {
    if transfer == Transfer::HardLink && std::fs::hard_link(&item.file, path).is_ok() {
        return Ok(());
    }
    // Also what a link cannot do, across file systems for example. Missing sources fail here too.
    std::fs::copy(&item.file, path).and_then(|_| std::fs::File::open(path)?.sync_all()).map_err(
        |error| {
            Error::io("cannot copy an image of a labeling job", &item.file, error)
                .with("to", path.display())
        },
    )
}

fn readme(job: &LabelJob) -> String {
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
