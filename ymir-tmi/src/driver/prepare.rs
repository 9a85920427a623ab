use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{
    AssetId, AssetStore, Columns, Error, ErrorKind, LogLine, LogSource, Record, Records, Result,
    ScanOptions, TaskContext, TaskRecord, TaskSpec, Timestamp, TmiRuntime, Transfer, VersionId,
};

use super::spec::TmiTask;
use crate::contract::{Prepared, SampleSet, TaskWriter};

/// What later steps need to know of the preparation: `prepared.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PreparedRecord {
    /// The text of the executor's `config.yaml`.
    config: String,
    /// The shared memory in bytes that the configuration asks for.
    pub(super) shared_memory: Option<u64>,
    /// When the preparation began.
    started: Timestamp,
}

impl PreparedRecord {
    fn path(task_dir: &Path) -> PathBuf {
        task_dir.join("prepared.json")
    }

    pub(super) fn read(task_dir: &Path) -> Result<Self> {
        let path = Self::path(task_dir);
        let text = fs::read(&path)
            .map_err(|error| Error::io("cannot read what was prepared", &path, error))?;
        serde_json::from_slice(&text).map_err(|error| {
            let error =
                Error::corrupted("the record of the preparation is damaged").caused_by(error);
            error.with("path", path.display())
        })
    }

    fn write(&self, task_dir: &Path) -> Result<()> {
        let path = Self::path(task_dir);
        let written = serde_json::to_vec(self).map_err(std::io::Error::from);
        written
            .and_then(|text| fs::write(&path, text))
            .map_err(|error| Error::io("cannot record what was prepared", &path, error))
    }

    /// Returns the lineage of the task's results, complete but for metrics.
    pub(super) fn lineage(&self, spec: &TaskSpec) -> TaskRecord {
        TaskRecord {
            config: self.config.clone(),
            started: self.started,
            finished: Timestamp::now(),
            ..spec.record()
        }
    }
}

/// Writes the directories of a task's units: the contract's files, and links to images and model
/// files. Records are read as they are written; no set is in memory whole.
pub(super) async fn prepare(
    store: &Arc<dyn AssetStore>,
    runtime: &dyn TmiRuntime,
    task: &TaskContext,
) -> Result<()> {
    let started = Timestamp::now();
    let tmi = TmiTask::of(&task.spec)?;
    let model_files = tmi.model_files(store.as_ref()).await?;
    let contract = tmi.contract(&store.classes().await?, &model_files)?;
    let mut writers = Vec::new();
    for dir in tmi.unit_dirs(&task.dir) {
        let layout = runtime.layout(&tmi.executor.reference, &dir);
        writers.push(TaskWriter::create(&dir, &layout, &contract)?);
    }
    let mut writers = Writers { writers, next: 0 };
    for (set, version) in tmi.sources() {
        writers = write_set(store, writers, set, version).await?;
    }
    let prepared = blocking(move || writers.finish()).await?;
    for prepared in &prepared {
        let models = model_files.iter().map(|file| file.blob).zip(prepared.models.clone());
        store.export_blobs(&models.collect::<Vec<_>>(), Transfer::HardLink).await?;
    }
    let skipped: u64 = prepared.iter().map(|prepared| prepared.skipped_annotations).sum();
    if skipped > 0 {
        let text = format!(
            "{skipped} annotations of other classes, or outside their images, are left out"
        );
        task.reporter.log(LogLine { source: LogSource::Ymir, text }, None);
    }
    let first = prepared.into_iter().next().unwrap_or_default();
    let record =
        PreparedRecord { config: first.config, shared_memory: first.shared_memory, started };
    record.write(&task.dir)
}

/// Writes the records of a version, and puts their images where the executor finds them, while the
/// next ones are read.
async fn write_set(
    store: &Arc<dyn AssetStore>,
    mut writers: Writers,
    set: SampleSet,
    version: VersionId,
) -> Result<Writers> {
    let columns = match set {
        SampleSet::Candidates => Columns::ASSETS,
        SampleSet::Training | SampleSet::Validation => Columns::ALL,
    };
    let options = ScanOptions { columns, ..ScanOptions::default() };
    let mut records = Records::new(store.scan(&version, options));
    let mut page = records.next_page().await?;
    while let Some(current) = page {
        let write = async move {
            let (writers, images) = blocking(move || writers.write(set, current)).await?;
            store.export_blobs(&images, Transfer::HardLink).await?;
            Ok::<_, Error>(writers)
        };
        let (written, next) = tokio::join!(write, records.next_page());
        (writers, page) = (written?, next?);
    }
    Ok(writers)
}

/// The writers of a task's units. Candidates go to them in turn; the sets of a training to the one
/// that there is.
struct Writers {
    writers: Vec<TaskWriter>,
    next: usize,
}

type Images = Vec<(AssetId, PathBuf)>;

impl Writers {
    /// Writes records, and returns which images must be put where.
    fn write(mut self, set: SampleSet, records: Vec<Record>) -> Result<(Self, Images)> {
        let mut images = Images::new();
        if let [writer] = &mut self.writers[..] {
            images = writer.add(set, &records)?;
            return Ok((self, images));
        }
        let units = self.writers.len();
        let mut parts = vec![Vec::new(); units];
        for record in records {
            parts[self.next % units].push(record);
            self.next += 1;
        }
        for (writer, part) in self.writers.iter_mut().zip(parts) {
            images.extend(writer.add(set, &part)?);
        }
        Ok((self, images))
    }

    fn finish(self) -> Result<Vec<Prepared>> {
        self.writers.into_iter().map(TaskWriter::finish).collect()
    }
}

/// Runs blocking work on a thread for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::Unexpected, "work on a task's files broke off").caused_by(error)
    })?
}
