use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use tokio::runtime::Handle;
use ymir_core::{ClassTable, Error, ErrorKind, Name, Record, Result};

use super::voc_write::write;
use crate::parallel::in_parallel;

const PARTS: [&str; 3] = ["JPEGImages", "Annotations", "ImageSets"];

/// The folder that an export is written to before it is moved to its place. Nothing is left behind
/// of one that is not finished.
#[derive(Debug)]
pub(super) struct Staging {
    destination: PathBuf,
    /// Within the destination, so that a rename is enough.
    folder: PathBuf,
    leftovers: Option<Leftovers>,
}

/// What is to be removed: when this is dropped, it is.
#[derive(Debug)]
struct Leftovers {
    folder: Option<PathBuf>,
    /// The folders that had to be made, the outermost last.
    made: Vec<PathBuf>,
}

impl Staging {
    /// Makes the folder, within a destination that must be empty or is made.
    pub(super) fn new(destination: PathBuf) -> Result<Self> {
        let failed = "the destination of the export cannot be made";
        let fail = |error| Error::io(failed, &destination, error);
        let above = destination.ancestors().filter(|path| *path != Path::new(""));
        let made = above.take_while(|path| !path.exists()).map(Path::to_owned).collect();
        let mut leftovers = Leftovers { folder: None, made };
        fs::create_dir_all(&destination).map_err(fail)?;
        if fs::read_dir(&destination).map_err(fail)?.next().is_some() {
            let message = "the destination of an export must be empty; choose a new folder";
            let error = Error::new(ErrorKind::AlreadyExists, message);
            return Err(error.with("path", destination.display()));
        }
        let folder = tempfile::Builder::new().prefix(".ymir-export-").tempdir_in(&destination);
        let folder = folder.map_err(fail)?.keep();
        leftovers.folder = Some(folder.clone());
        for part in ["JPEGImages", "Annotations", "ImageSets/Main"] {
            fs::create_dir_all(folder.join(part)).map_err(fail)?;
        }
        Ok(Self { destination, folder, leftovers: Some(leftovers) })
    }

    pub(super) fn images(&self) -> PathBuf {
        self.folder.join("JPEGImages")
    }

    /// Writes the annotation files of records, given with their names without and with extension.
    pub(super) fn write_annotations(
        &self,
        records: &[(Record, String, String)],
        classes: &ClassTable,
    ) -> Result<()> {
        let folder = self.folder.join("Annotations");
        in_parallel(|| {
            records.par_iter().try_for_each(|(record, stem, name)| {
                let path = folder.join(format!("{stem}.xml"));
                fs::write(&path, write(record, name, classes))
                    .map_err(|e| Error::io("an annotation file cannot be written", &path, e))
            })
        })
    }

    /// Writes the list and moves everything to its place.
    pub(super) fn finish(&self, name: &Name, list: &str) -> Result<()> {
        let path = self.folder.join(format!("ImageSets/Main/{name}.txt"));
        fs::write(&path, list).map_err(|e| Error::io("the list cannot be written", &path, e))?;
        for (i, part) in PARTS.iter().enumerate() {
            let place = self.destination.join(part);
            if let Err(error) = fs::rename(self.folder.join(part), &place) {
                for moved in &PARTS[..i] {
                    // Back to where it goes away with the rest.
                    let _ = fs::rename(self.destination.join(moved), self.folder.join(moved));
                }
                let message = "the export cannot be moved to its place";
                return Err(Error::io(message, &place, error));
            }
        }
        Ok(())
    }

    /// Removes what is left, on this thread.
    pub(super) fn clear(staging: Arc<Self>) {
        if let Ok(mut staging) = Arc::try_unwrap(staging) {
            drop(staging.leftovers.take());
        }
    }
}

impl Drop for Staging {
    /// Removes what is left, on a thread that may block: this is an export that was dropped.
    fn drop(&mut self) {
        let Some(leftovers) = self.leftovers.take() else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(leftovers));
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take() {
            // Under another name, no thread that still works for the export can add to it.
            let gone = folder.with_extension("gone");
            let gone = if fs::rename(&folder, &gone).is_ok() { gone } else { folder };
            // What cannot be removed is no reason to fail: the error that led here says more.
            let _ = fs::remove_dir_all(gone);
        }
        for folder in &self.made {
            // Only empty folders go: those of an export that was not finished.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}
