use std::fs::File;
use std::io::{ErrorKind as Io, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ymir_core::{AssetId, ClassTable, Error, LabelJobId, Result};

use crate::job;

/// What people give back.
pub(super) const ANNOTATED: &str = "annotated.json";
/// What people are given.
pub(super) const ANNOTATIONS: &str = "annotations.json";
/// The images.
pub(super) const IMAGES: &str = "images";
/// What people are told.
pub(super) const README: &str = "README.txt";
/// What YMIR remembers of the job.
pub(super) const JOB: &str = "job.json";

/// The most bytes of a JSON file that are read.
const MAX_FILE: u64 = 128 << 20;

/// What YMIR remembers of a job, as `job.json` in its folder.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobFile {
    /// The version of this format: 1.
    pub(super) format: u32,
    /// The classes that the labeler may use.
    pub(super) classes: ClassTable,
    /// The images, in the order of the job.
    pub(super) images: Vec<JobImage>,
    /// The SHA-256 of `annotations.json` as it was handed out.
    pub(super) handed_out: String,
}

/// One image of a job.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobImage {
    pub(super) asset: AssetId,
    pub(super) file_name: String,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// The paths of one job.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    pub(super) id: LabelJobId,
    pub(super) root: PathBuf,
}

impl Paths {
    /// Returns the folder of the job.
    pub(super) fn folder(&self) -> PathBuf {
        self.root.join(self.id.as_str())
    }

    /// Returns the n-th place, counted from 1, to put the folder of a cancelled job.
    pub(super) fn cancelled(&self, n: u32) -> PathBuf {
        let number = if n == 1 { String::new() } else { format!(".{n}") };
        self.root.join(format!("{}.cancelled{number}", self.id))
    }

    /// Returns the folder that becomes the job's when it is complete.
    pub(super) fn partial(&self) -> PathBuf {
        self.root.join(format!(".{}.partial", self.id))
    }

    /// Returns the file that people give back.
    pub(super) fn annotated(&self) -> PathBuf {
        self.folder().join(ANNOTATED)
    }

    /// Returns whether something stands at the job's place.
    pub(super) fn exists(&self) -> bool {
        self.folder().symlink_metadata().is_ok()
    }

    /// Returns whether the job is there.
    ///
    /// # Errors
    ///
    /// `Corrupted` if something else stands at its place, or its files are damaged.
    pub(super) fn is_whole(&self) -> Result<bool> {
        Ok(self.exists() && self.read_job().map(|_| true)?)
    }

    /// Waits until no other thread or process creates or cancels a job in this folder. The lock is
    /// free again when the file is dropped, or its process has gone.
    pub(super) fn lock(&self) -> Result<File> {
        let path = self.root.join(".lock");
        let options = File::options().create(true).append(true).open(&path);
        let locked = options.and_then(|file| file.lock().map(|()| file));
        locked.map_err(|error| Error::io("cannot lock the folder of labeling jobs", &path, error))
    }

    /// Reads what YMIR remembers of the job.
    pub(super) fn read_job(&self) -> Result<JobFile> {
        if !self.exists() {
            return Err(job::no_job(&self.id, &self.root));
        }
        let path = self.folder().join(JOB);
        let damaged = |message: &str| Error::corrupted(message).with("path", path.display());
        let Some(bytes) = read_bounded(&path)? else {
            return Err(damaged("the folder of a labeling job has lost this file; put it back"));
        };
        let job: JobFile = serde_json::from_slice(&bytes).map_err(|error| {
            damaged("this file of a labeling job was changed; put it back").caused_by(error)
        })?;
        if job.format != 1 {
            return Err(damaged("this labeling job was written by a newer version of YMIR"));
        }
        Ok(job)
    }
}

/// Reads a file that people may have put there; `None` if there is none.
///
/// # Errors
///
/// `InvalidInput` if it is no file or larger than 128 MiB.
pub(super) fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>> {
    let failed = |error| Error::io("cannot read a file of a labeling job", path, error);
    // Opened only if it is a plain file: a pipe would block for ever.
    match std::fs::metadata(path) {
        Err(error) if error.kind() == Io::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.is_file() => {
            let message = "this has to be a file";
            return Err(Error::invalid(message).with("path", path.display()));
        }
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        let message = "this file is larger than 128 MiB; split the labeling job";
        return Err(Error::invalid(message).with("path", path.display()));
    }
    Ok(Some(bytes))
}
