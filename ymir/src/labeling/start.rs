use std::sync::Arc;

use futures::TryStreamExt;
use ymir_core::{
    Error, ErrorKind, LabelBackend, LabelCapabilities, LabelHandle, LabelItem, LabelJobId,
    LabelJobRequest, LabelerSpec, ObjectType, Result, Version,
};
use ymir_labeling::{FolderBackend, OracleBackend};

use super::images::StoreImages;
use super::options::translate;
use super::registry::{Entry, Registry};
use super::{LabelJob, LabelOptions};
use crate::Workspace;
use crate::dataset::records;

impl Workspace {
    /// Has a dataset version labeled: starts the job, waits until the labeler says that it is done,
    /// and commits the labels.
    ///
    /// # Errors
    ///
    /// As [`Workspace::start_label`] and [`LabelJob::collect`].
    pub async fn label(&self, options: &LabelOptions) -> Result<Version> {
        self.start_label(options).await?.wait().await
    }

    /// Hands the assets of a dataset version to a labeling backend and returns the job.
    ///
    /// The same options mean the same job: it is made once, however often and in however many
    /// processes it is started. A creation that broke off, also by `kill -9`, goes on where it
    /// was; a job that was removed at its backend is made again.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a dataset without assets, or a job without classes or with a retired one;
    /// `Unsupported` for data of another object type than detection; those of the backend.
    pub async fn start_label(&self, options: &LabelOptions) -> Result<LabelJob> {
        let (id, backend) = (options.job_id()?, self.labeler(&options.labeler)?);
        let registry = self.label_registry();
        let _lock = registry.lock(&id).await?;
        let mut entry = match registry.read(&id).await? {
            Some(entry) => entry,
            None => Entry::new(id.clone(), options.clone()),
        };
        if entry.handle.ready {
            match backend.status(&entry.handle).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    entry = Entry::new(id.clone(), options.clone());
                }
                status => return status.map(|_| LabelJob::new(self.clone(), entry)),
            }
        }
        if entry.handle == Entry::new(id.clone(), options.clone()).handle {
            // One that was retired since the job was begun stays.
            let all = self.classes().await?;
            options.classes.iter().try_for_each(|name| all.require_active(name).map(drop))?;
        }
        let request = self.label_request(&id, options, &backend.capabilities()).await?;
        registry.write(&entry).await?;
        while !entry.handle.ready {
            entry.handle = step(backend.as_ref(), &request, &entry.handle).await?;
            registry.write(&entry).await?;
        }
        Ok(LabelJob::new(self.clone(), entry))
    }

    /// Returns the labeling jobs that were started and not cancelled, oldest first.
    ///
    /// # Errors
    ///
    /// `Corrupted` if the file of a job is damaged; the message names it.
    pub async fn label_jobs(&self) -> Result<Vec<LabelJob>> {
        let entries = self.label_registry().list().await?;
        Ok(entries.into_iter().map(|entry| LabelJob::new(self.clone(), entry)).collect())
    }

    /// Returns a labeling job by its id.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the jobs that there are.
    pub async fn label_job(&self, id: &str) -> Result<LabelJob> {
        let id = LabelJobId::new(id)?;
        match self.label_registry().read(&id).await? {
            Some(entry) => Ok(LabelJob::new(self.clone(), entry)),
            None => Err(self.no_label_job(&id).await),
        }
    }

    /// Returns the error for a job that the registry does not have.
    pub(super) async fn no_label_job(&self, id: &LabelJobId) -> Error {
        let entries = self.label_registry().list().await.unwrap_or_default();
        let known: Vec<_> = entries.iter().map(|entry| entry.handle.job.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message = format!("no labeling job of this id was started; there are: {known}");
        Error::not_found(message).with("job", id)
    }

    pub(super) fn label_registry(&self) -> Registry {
        Registry::new(self.root())
    }

    /// Returns what a job is created from.
    async fn label_request(
        &self,
        id: &LabelJobId,
        options: &LabelOptions,
        capabilities: &LabelCapabilities,
    ) -> Result<LabelJobRequest> {
        let store = self.store();
        let all = store.classes().await?;
        let classes = options.job_classes(&all)?;
        let assets = records(store.as_ref(), options.dataset);
        let items = assets.map_ok(|r| LabelItem { asset: r.asset, pre_annotations: Vec::new() });
        let mut items: Vec<_> = items.try_collect().await?;
        if let Some(predictions) = options.pre_annotations.filter(|_| capabilities.pre_annotations)
        {
            let ids: Vec<_> = items.iter().map(|item| item.asset.id).collect();
            for (item, record) in items.iter_mut().zip(store.get(&predictions, &ids).await?) {
                let annotations = record.map(|record| record.annotations).unwrap_or_default();
                let annotations = annotations.into_iter();
                item.pre_annotations =
                    annotations.filter_map(|a| translate(a, &all, &classes)).collect();
            }
        }
        let request = LabelJobRequest {
            id: id.clone(),
            title: options.labeled.to_string(),
            instructions: options.instructions.clone(),
            object_type: self.label_object_type(options).await?,
            classes,
            items,
            images: Arc::new(StoreImages(store.clone())),
        };
        request.check(capabilities)?;
        Ok(request)
    }

    /// Returns what is labeled, and checks that all that the labeler is given is of that type.
    async fn label_object_type(&self, options: &LabelOptions) -> Result<ObjectType> {
        let object_type = self.object_type_for("labeling", &options.dataset).await?;
        if let Some(predictions) = &options.pre_annotations {
            self.require_object_type("prediction set", predictions, object_type).await?;
        }
        if let LabelerSpec::Oracle { truth } = &options.labeler {
            self.require_object_type("oracle's dataset", truth, object_type).await?;
        }
        Ok(object_type)
    }

    /// Returns the backend that a labeler means.
    pub(super) fn labeler(&self, spec: &LabelerSpec) -> Result<Arc<dyn LabelBackend>> {
        Ok(match spec {
            LabelerSpec::Oracle { truth } => {
                let answers = self.root().join("state/labeling/oracle");
                Arc::new(OracleBackend::new(self.store().clone(), *truth, answers))
            }
            LabelerSpec::Folder { path } if path.is_relative() => {
                let message = "the labeler's folder must be an absolute path, so that it is the \
                               same one in whatever directory the work goes on";
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

/// Takes one step of a creation.
async fn step(
    backend: &dyn LabelBackend,
    request: &LabelJobRequest,
    handle: &LabelHandle,
) -> Result<LabelHandle> {
    let next = backend.create(request, handle).await?;
    if next.job != request.id {
        let message = "the labeling backend returned the handle of another job";
        return Err(Error::invalid(message).with("job", &request.id).with("found", &next.job));
    }
    Ok(next)
}
