use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use ymir_core::{
    Error, LabelBackend, LabelHandle, LabelJobId, LabelJobRequest, LabelPage, LabelPageOptions,
    LabelStatus, Labeled, Result, Transfer, sha256_hex,
};

use super::create;
use super::layout::{ANNOTATED, ANNOTATIONS, IMAGES, JOB, JobFile, Paths, README, read_bounded};
use super::read;
use crate::blocking::blocking;
use crate::job;

/// How long a file that cannot be read yet may be one that is still being written.
const SETTLE: Duration = Duration::from_secs(30);

/// Exchanges labeling jobs with people and their tools through a folder.
///
/// Each job has a folder of its own, named by its id:
///
/// - `images/`: the images. Their names end with digits of the asset's id.
/// - `annotations.json`: a COCO detection file of the images, the job's classes and the
///   pre-annotations, these with a `score`.
/// - `README.txt`: what is to be done, for people.
/// - `annotated.json`: what people give back, as a COCO detection file.
/// - `job.json`: what YMIR remembers.
///
/// What `annotated.json` may be: names of images may have folders before them and prefixes that
/// tools add; ids may be renumbered, whole numbers or texts; categories are found by name, trimmed
/// and without regard to case; `info`, `licenses`, `area`, `segmentation`, `iscrowd` and
/// `attributes` may be absent; outlines, masks and keypoints are read, and a missing `bbox` is that
/// around the outline. An image that is listed counts as labeled, with or without objects, and may be
/// listed twice. Boxes and outlines that reach over the edge are clipped; a box without area or
/// wholly outside is refused, as are an image that the job does not have or whose size differs, and
/// ids that mean nothing or two things.
///
/// The job is finished when `annotated.json` is there and valid. While it is not valid, `status`
/// says unfinished if it was changed in the last 30 seconds, as it may still be being written, and
/// fails as `annotations` does if not.
///
/// A cancelled job's folder is removed, unless people have put something into it or have changed
/// `annotations.json`: then it is kept under `<id>.cancelled`.
///
/// ```
/// use ymir_labeling::FolderBackend;
///
/// let backend = FolderBackend::new("labeling");
/// # let _ = backend;
/// ```
#[derive(Debug, Clone)]
pub struct FolderBackend {
    directory: PathBuf,
    transfer: Transfer,
}

impl FolderBackend {
    /// Returns a backend that exchanges files through this directory, which is made by the first
    /// job. Images are copied.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), transfer: Transfer::Copy }
    }

    /// Sets how images come to the folder. Hard links save space, and are only for tools that never
    /// write into an image: the original would change too.
    pub fn with_transfer(mut self, transfer: Transfer) -> Self {
        self.transfer = transfer;
        self
    }

    fn paths(&self, id: &LabelJobId) -> Paths {
        Paths { id: id.clone(), root: self.directory.clone() }
    }
}

#[async_trait]
impl LabelBackend for FolderBackend {
    async fn create(&self, request: &LabelJobRequest, handle: &LabelHandle) -> Result<LabelHandle> {
        if handle.ready {
            return Ok(handle.clone());
        }
        let paths = self.paths(&handle.job);
        create::create(&paths, request, &self.capabilities(), self.transfer).await?;
        Ok(job::ready(handle, Some(&paths.folder())))
    }

    async fn status(&self, handle: &LabelHandle) -> Result<LabelStatus> {
        let paths = self.paths(&handle.job);
        blocking(move || status(&paths)).await
    }

    async fn annotations(
        &self,
        handle: &LabelHandle,
        options: &LabelPageOptions,
    ) -> Result<LabelPage> {
        let (paths, options) = (self.paths(&handle.job), options.clone());
        blocking(move || {
            let labeled = labeled(&paths, &paths.read_job()?)?.unwrap_or_default();
            LabelPage::of(labeled, &options)
        })
        .await
    }

    async fn cancel(&self, handle: &LabelHandle) -> Result<()> {
        let paths = self.paths(&handle.job);
        blocking(move || cancel(&paths)).await
    }
}

/// Returns what people gave back; `None` if they have not yet.
fn labeled(paths: &Paths, job: &JobFile) -> Result<Option<Vec<Labeled>>> {
    let path = paths.annotated();
    read_bounded(&path)?.map(|bytes| read::read(&bytes, &path, job)).transpose()
}

fn status(paths: &Paths) -> Result<LabelStatus> {
    let job = paths.read_job()?;
    let total = job.images.len() as u64;
    let labeled = match labeled(paths, &job) {
        Err(_) if is_fresh(paths) => None,
        read => read?,
    };
    let finished = labeled.is_some();
    let labeled = labeled.map_or(0, |all| all.len() as u64);
    let skipped = if finished { total - labeled } else { 0 };
    Ok(LabelStatus { total, labeled, skipped, finished })
}

/// Returns whether the file that people give back may still be being written. A time in the future
/// is that of a machine whose clock is ahead.
fn is_fresh(paths: &Paths) -> bool {
    let changed = std::fs::metadata(paths.annotated()).and_then(|metadata| metadata.modified());
    changed
        .is_ok_and(|time| SystemTime::now().duration_since(time).map_or(true, |age| age < SETTLE))
}

fn cancel(paths: &Paths) -> Result<()> {
    if !paths.exists() {
        return Ok(());
    }
    let _lock = paths.lock()?;
    let folder = paths.folder();
    let free = |path: &PathBuf| path.symlink_metadata().is_err();
    let Some(aside) = (1..).map(|n| paths.cancelled(n)).find(free) else { return Ok(()) };
    // Moved first: the job is gone at once, nobody puts work into a folder that is being removed,
    // and a crash at any point loses nothing.
    match std::fs::rename(&folder, &aside) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        moved => moved.map_err(|error| Error::io("cannot cancel a job", &folder, error))?,
    }
    if holds_work(&aside)? { Ok(()) } else { create::remove(&aside) }
}

/// Returns whether people have put something into the folder of a job, or changed what they were
/// given.
fn holds_work(folder: &Path) -> Result<bool> {
    let failed = |error| Error::io("cannot look into the folder of a job", folder, error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if name == ANNOTATED || ![ANNOTATIONS, IMAGES, JOB, README].iter().any(|own| name == *own) {
            return Ok(true);
        }
    }
    let handed_out = std::fs::read(folder.join(ANNOTATIONS)).ok().map(sha256_hex);
    let job = std::fs::read(folder.join(JOB)).ok();
    let job = job.and_then(|bytes| serde_json::from_slice::<JobFile>(&bytes).ok());
    Ok(job.is_none_or(|job| Some(job.handed_out) != handed_out))
}
