use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use ymir_core::{
    Annotation, Base, Branch, BranchKind, Class, ClassEntry, ClassTable, CommitRequest, Edits,
    Error, ErrorKind, Expect, Input, LabelBackend, LabelItem, LabelJob, LabelJobId, LabelStatus,
    Labeled, LabelerSpec, Manifest, Name, ObjectType, Record, Result, TaskKind, TaskRecord,
    Timestamp, Version, VersionId, sha256_hex,
};
use ymir_labeling::{FolderBackend, OracleBackend};

use crate::Workspace;
use crate::dataset::records;

/// What is to be labeled, by whom, and where it goes.
#[derive(Debug, Clone)]
pub struct LabelOptions {
    /// Who labels.
    pub labeler: LabelerSpec,
    /// The dataset version whose assets are labeled.
    pub dataset: VersionId,
    /// What a model said about them, for the labeler to correct.
    pub pre_annotations: Option<VersionId>,
    /// The classes that the labeler may use, by name.
    pub classes: Vec<String>,
    /// Instructions for people.
    pub instructions: String,
    /// The dataset that what comes back is committed to.
    pub labeled: Name,
}

impl LabelOptions {
    /// Returns the id of the job: the same for the same work, so that it is made once however
    /// often it is tried.
    fn job_id(&self) -> Result<LabelJobId> {
        let work =
            (self.dataset, &self.classes, self.pre_annotations, &self.labeled, &self.labeler);
        let text = serde_json::to_vec(&work).map_err(|e| {
            Error::invalid("the labeler's folder must have a path of UTF-8").caused_by(e)
        })?;
        let digest = sha256_hex(&text);
        LabelJobId::new(format!("{}_{}", sanitise(self.labeled.as_str()), &digest[..12]))
    }

    /// Returns the table of the job: the named classes alone, in their order. One that was retired
    /// since the job was made stays.
    fn job_classes(&self, all: &ClassTable) -> Result<ClassTable> {
        let mut classes = ClassTable::default();
        for name in &self.classes {
            let entry: &ClassEntry = &all.entries()[all.require(name)?.0 as usize];
            let aliases: Vec<&str> = entry.aliases.iter().map(String::as_str).collect();
            classes.add(&entry.name, &aliases)?;
        }
        Ok(classes)
    }

    fn record(&self, job: &LabelJobId) -> TaskRecord {
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let mut record = TaskRecord {
            kind: TaskKind::Label,
            parameters: [
                ("job".to_owned(), json(job.as_str())),
                ("classes".to_owned(), json(&self.classes.join(","))),
            ]
            .into(),
            inputs: vec![Input { role: "dataset".to_owned(), version: self.dataset }],
            library_version: env!("CARGO_PKG_VERSION").to_owned(),
            started: Timestamp::now(),
            ..TaskRecord::default()
        };
        if let Some(version) = self.pre_annotations {
            record.inputs.push(Input { role: "predictions".to_owned(), version });
        }
        record
    }
}

/// Returns the text with everything that a job id may not have replaced.
fn sanitise(name: &str) -> String {
    name.chars().take(40).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

impl Workspace {
    /// Hands the assets of a dataset version to a labeling backend. Doing so again changes nothing.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a dataset without assets, or a job without classes or with a retired one;
    /// `Unsupported` for data of another object type than detection; those of the backend.
    pub async fn create_label_job(&self, options: &LabelOptions) -> Result<LabelJobId> {
        let id = options.job_id()?;
        let backend = self.labeler(&options.labeler)?;
        let store = self.store();
        let all = store.classes().await?;
        let object_type = self.check_object_types(options).await?;
        options.classes.iter().try_for_each(|name| all.require_active(name).map(drop))?;
        let classes = options.job_classes(&all)?;
        let mut items = Vec::new();
        let mut assets = std::pin::pin!(records(store.as_ref(), options.dataset));
        while let Some(record) = assets.try_next().await? {
            let file = store.blob_file(&record.asset.id).await?;
            items.push(LabelItem { asset: record.asset, file, pre_annotations: Vec::new() });
        }
        if let Some(predictions) = &options.pre_annotations {
            let ids: Vec<_> = items.iter().map(|item| item.asset.id).collect();
            let found = store.get(predictions, &ids).await?;
            for (item, record) in items.iter_mut().zip(found) {
                let annotations = record.map(|record| record.annotations).unwrap_or_default();
                item.pre_annotations =
                    annotations.into_iter().filter_map(|a| translate(a, &all, &classes)).collect();
            }
        }
        let job = LabelJob {
            id: id.clone(),
            title: options.labeled.to_string(),
            instructions: options.instructions.clone(),
            object_type,
            classes,
            items,
        };
        backend.create(&job).await?;
        Ok(id)
    }

    /// Returns what is labeled, and checks that all that the labeler is given is of that type.
    async fn check_object_types(&self, options: &LabelOptions) -> Result<ObjectType> {
        let object_type = self.object_type_for("labeling", &options.dataset).await?;
        if let Some(predictions) = &options.pre_annotations {
            self.require_object_type("prediction set", predictions, object_type).await?;
        }
        if let LabelerSpec::Oracle { truth } = &options.labeler {
            self.require_object_type("oracle's dataset", truth, object_type).await?;
        }
        Ok(object_type)
    }

    /// Returns how far the labeling is.
    ///
    /// # Errors
    ///
    /// `NotFound` if the job was not made or was cancelled.
    pub async fn label_status(&self, options: &LabelOptions) -> Result<LabelStatus> {
        self.labeler(&options.labeler)?.status(&options.job_id()?).await
    }

    /// Commits what has been labeled so far as a new version, once: collecting the same again
    /// returns the version that there is.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the labeler returned something malformed, or a class that the workspace
    /// does not have.
    pub async fn collect_labels(&self, options: &LabelOptions) -> Result<Version> {
        let job = options.job_id()?;
        let labeled = self.labeler(&options.labeler)?.collect(&job).await?;
        let mut record = options.record(&job);
        let answers = serde_json::to_string(&labeled).map_err(|e| {
            Error::invalid("the labeler's answer has a number that is not finite").caused_by(e)
        })?;
        record.parameters.insert("answers".to_owned(), format!("\"{}\"", sha256_hex(&answers)));
        record.fingerprint = record.fingerprint();
        let branch = Branch::new(BranchKind::Dataset, options.labeled.clone());
        if let Some(version) =
            self.store().find_by_fingerprint(&branch, &record.fingerprint).await?
        {
            return Ok(version);
        }
        let records = self.labeled_records(options, labeled).await?;
        record.finished = Timestamp::now();
        let message = format!("Label {} assets", records.len());
        self.store()
            .commit(CommitRequest {
                branch,
                base: Base::Empty,
                edits: Edits::put(records),
                expect: Expect::Any,
                manifest: Manifest { task: record, ..Manifest::default() },
                message,
            })
            .await
    }

    /// Cancels the labeling.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no job of these options.
    pub async fn cancel_label_job(&self, options: &LabelOptions) -> Result<()> {
        let (backend, job) = (self.labeler(&options.labeler)?, options.job_id()?);
        if let Err(error) = backend.status(&job).await
            && error.kind() == ErrorKind::NotFound
        {
            let message = "there is no labeling job of these options; name the dataset, classes, \
                           labeler and result that it was made with";
            return Err(Error::not_found(message).with("job", job).caused_by(error));
        }
        backend.cancel(&job).await
    }

    /// Has a dataset version labeled: makes the job, waits until the labeler says that it is done,
    /// and commits what came back.
    ///
    /// # Errors
    ///
    /// As [`Workspace::create_label_job`] and [`Workspace::collect_labels`].
    pub async fn label(&self, options: &LabelOptions) -> Result<Version> {
        self.create_label_job(options).await?;
        let mut pause = Duration::from_millis(50);
        while !self.label_status(options).await?.finished {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        self.collect_labels(options).await
    }

    async fn labeled_records(
        &self,
        options: &LabelOptions,
        labeled: Vec<Labeled>,
    ) -> Result<Vec<Record>> {
        let all = self.classes().await?;
        let job = options.job_classes(&all)?;
        let ids: Vec<_> = labeled.iter().map(|labeled| labeled.id).collect();
        let assets = self.store().get(&options.dataset, &ids).await?;
        let mut records = Vec::with_capacity(labeled.len());
        for (labeled, asset) in labeled.into_iter().zip(assets) {
            let Some(Record { asset, .. }) = asset else {
                let message = "the labeler returned an asset that it was not given";
                return Err(Error::invalid(message).with("asset", labeled.id));
            };
            let mut annotations = Vec::with_capacity(labeled.annotations.len());
            for annotation in labeled.annotations {
                let class = annotation.class.clone();
                annotations.push(translate(annotation, &job, &all).ok_or_else(|| {
                    let message = "the labeler used a class that the workspace does not have; add it, or rename it in the labels";
                    let name = job.name_of(&class).unwrap_or("?");
                    Error::invalid(message).with("class", name).with("asset", asset.id)
                })?);
            }
            records.push(Record { asset, annotations });
        }
        Ok(records)
    }

    fn labeler(&self, spec: &LabelerSpec) -> Result<Arc<dyn LabelBackend>> {
        let jobs = self.root().join("state/label");
        Ok(match spec {
            LabelerSpec::Oracle { truth } => {
                Arc::new(OracleBackend::new(self.store().clone(), *truth, jobs))
            }
            LabelerSpec::Folder { path } if path.is_relative() => {
                let message = "the labeler's folder must be an absolute path, so that it is the \
                               same one wherever the work is taken up again";
                return Err(Error::invalid(message).with("folder", path.display()));
            }
            LabelerSpec::Folder { path } => Arc::new(FolderBackend::new(path)),
            LabelerSpec::Custom(name) => {
                self.inner.labelers.get(name).map(|known| known.clone()).ok_or_else(|| {
                    let message = "no labeling backend of this name; register it";
                    Error::not_found(message).with("labeler", name)
                })?
            }
        })
    }
}

/// Returns an annotation with its class as another table has it, if it does.
fn translate(mut annotation: Annotation, from: &ClassTable, to: &ClassTable) -> Option<Annotation> {
    annotation.class = Class::Id(to.find(from.name_of(&annotation.class)?)?);
    Some(annotation)
}
