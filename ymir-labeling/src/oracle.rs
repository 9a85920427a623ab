use std::fmt;
use std::io::{ErrorKind as Io, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use ymir_core::{
    Annotation, AssetId, AssetStore, Class, ClassTable, Error, LabelBackend, LabelCapabilities,
    LabelCursor, LabelHandle, LabelJobId, LabelJobRequest, LabelPage, LabelPageOptions,
    LabelStatus, Labeled, ObjectType, Record, Result, VersionId,
};

use crate::blocking::{blocking, make_directory, sync_directory};
use crate::job;

/// Answers labeling jobs at once, from an annotated dataset version that was held back: for
/// experiments and demos.
///
/// - Answers are restricted to the classes of the job, which are looked up by name and alias;
///   annotations of other classes are left out.
/// - An asset that the version lacks is skipped, and keeps no job from being finished.
/// - Jobs are finished from the start.
/// - Jobs are small files in a directory, so that another process can collect them; a job is
///   answered from the version that was the truth when it was created.
#[derive(Clone)]
pub struct OracleBackend {
    store: Arc<dyn AssetStore>,
    truth: VersionId,
    directory: PathBuf,
}

/// What the file of a job holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobFile {
    truth: VersionId,
    classes: ClassTable,
    /// Sorted, each once.
    assets: Vec<AssetId>,
}

impl OracleBackend {
    /// Returns an oracle that answers from this version and keeps its jobs in this directory, which
    /// is made by the first job.
    pub fn new(
        store: Arc<dyn AssetStore>,
        truth: VersionId,
        directory: impl Into<PathBuf>,
    ) -> Self {
        Self { store, truth, directory: directory.into() }
    }

    fn path(&self, id: &LabelJobId) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    async fn read(&self, id: &LabelJobId) -> Result<JobFile> {
        let (path, missing) = (self.path(id), job::no_job(id, &self.directory));
        blocking(move || read_job(&path, missing)).await
    }

    /// Returns the records of the truth for assets of a job, without those that it lacks.
    async fn records(&self, job: &JobFile, assets: &[AssetId]) -> Result<Vec<Record>> {
        let records = self.store.get(&job.truth, assets).await?;
        Ok(records.into_iter().flatten().collect())
    }
}

impl fmt::Debug for OracleBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OracleBackend")
            .field("truth", &self.truth)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

fn read_job(path: &Path, missing: Error) -> Result<JobFile> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == Io::NotFound => return Err(missing),
        read => read.map_err(|error| Error::io("cannot read a labeling job", path, error))?,
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        Error::corrupted("the file of a labeling job is damaged; cancel the job and create it anew")
            .with("path", path.display())
            .caused_by(error)
    })
}

/// Writes the file of a job, whole or not at all; one that is there stays as it is.
fn write_job(path: &Path, directory: &Path, job: &JobFile) -> Result<()> {
    make_directory(directory)?;
    let failed = |error| Error::io("cannot write a labeling job", path, error);
    let mut file = NamedTempFile::new_in(directory).map_err(failed)?;
    let bytes = serde_json::to_vec(job)
        .map_err(|error| Error::invalid("the labeling job has no JSON form").caused_by(error))?;
    file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() == Io::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error.error)),
        Ok(_) => sync_directory(directory),
    }
}

/// Returns the annotations of a record in the classes of a job.
fn answer(record: Record, known: &ClassTable, wanted: &ClassTable) -> Labeled {
    let translate = |annotation: Annotation| {
        let class = match &annotation.class {
            Class::Name(name) => wanted.find(name),
            Class::Id(id) => known.entries().get(id.0 as usize).and_then(|entry| {
                let mut names = std::iter::once(&entry.name).chain(&entry.aliases);
                names.find_map(|name| wanted.find(name))
            }),
        };
        class.map(|id| Annotation { class: Class::Id(id), score: None, ..annotation })
    };
    let annotations = record.annotations.into_iter().filter_map(translate).collect();
    Labeled { id: record.asset.id, annotations }
}

/// Returns the assets of a job on a page, and where the next one begins.
fn assets_of<'a>(
    job: &'a JobFile,
    options: &LabelPageOptions,
) -> Result<(&'a [AssetId], Option<LabelCursor>)> {
    if options.limit == 0 {
        return Err(Error::invalid("a page of annotations has at least one asset"));
    }
    let start = match &options.after {
        None => 0,
        Some(LabelCursor(text)) => {
            let after: AssetId = text.parse().map_err(|error| {
                Error::invalid("this cursor is not from an oracle").caused_by(error)
            })?;
            job.assets.partition_point(|id| *id <= after)
        }
    };
    let rest = &job.assets[start..];
    let page = &rest[..rest.len().min(options.limit)];
    let last = page.last().filter(|_| page.len() < rest.len());
    Ok((page, last.map(|id| LabelCursor(id.to_string()))))
}

#[async_trait]
impl LabelBackend for OracleBackend {
    fn capabilities(&self) -> LabelCapabilities {
        let object_types = vec![
            ObjectType::Detection,
            ObjectType::SemanticSegmentation,
            ObjectType::InstanceSegmentation,
            ObjectType::Classification,
        ];
        LabelCapabilities { object_types, pre_annotations: false }
    }

    async fn create(&self, request: &LabelJobRequest, handle: &LabelHandle) -> Result<LabelHandle> {
        if handle.ready {
            return Ok(handle.clone());
        }
        let (path, directory) = (self.path(&handle.job), self.directory.clone());
        if !path.exists() {
            self.store.version(&self.truth).await?;
            request.check(&self.capabilities())?;
            let mut assets: Vec<AssetId> = request.items.iter().map(|i| i.asset.id).collect();
            assets.sort_unstable();
            let job = JobFile { truth: self.truth, classes: request.classes.clone(), assets };
            blocking(move || write_job(&path, &directory, &job)).await?;
        }
        Ok(job::ready(handle, None))
    }

    async fn status(&self, handle: &LabelHandle) -> Result<LabelStatus> {
        let job = self.read(&handle.job).await?;
        let labeled = self.records(&job, &job.assets).await?.len() as u64;
        let total = job.assets.len() as u64;
        Ok(LabelStatus { total, labeled, skipped: total - labeled, finished: true })
    }

    async fn annotations(
        &self,
        handle: &LabelHandle,
        options: &LabelPageOptions,
    ) -> Result<LabelPage> {
        let job = self.read(&handle.job).await?;
        let (assets, next) = assets_of(&job, options)?;
        let known = self.store.classes().await?;
        let records = self.records(&job, assets).await?;
        let answer = |record| answer(record, &known, &job.classes);
        Ok(LabelPage { labeled: records.into_iter().map(answer).collect(), next })
    }

    async fn cancel(&self, handle: &LabelHandle) -> Result<()> {
        let path = self.path(&handle.job);
        blocking(move || match std::fs::remove_file(&path) {
            Err(error) if error.kind() == Io::NotFound => Ok(()),
            done => done.map_err(|error| Error::io("cannot remove a labeling job", &path, error)),
        })
        .await
    }
}
