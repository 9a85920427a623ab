use std::collections::BTreeMap;
use std::time::Duration;

use ymir_core::{
    AssetId, Base, Branch, BranchKind, CommitRequest, Edits, Error, Expect, LabelBackend,
    LabelHandle, LabelPage, LabelPageOptions, Labeled, Manifest, Record, Result, Timestamp,
    Version, sha256_hex,
};

use super::LabelJob;
use super::options::translate;

/// How often a page is asked for anew while its backend does not answer.
const TRIES: u32 = 5;

impl LabelJob {
    /// Commits what has been labeled so far as a new version, once: collecting the same again
    /// returns the version that there is.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the labeler returned something malformed, or a class that the workspace
    /// does not have; `NotFound` if the job was cancelled, or removed at the backend.
    pub async fn collect(&self) -> Result<Version> {
        let (registry, options) = (self.workspace.label_registry(), self.options());
        let _lock = registry.lock(self.id()).await?;
        let Some(mut entry) = registry.read(self.id()).await? else {
            return Err(self.workspace.no_label_job(self.id()).await);
        };
        let backend = self.workspace.labeler(&options.labeler)?;
        // Asked first: what is labeled later belongs to the next collection.
        let finished = backend.status(&entry.handle).await?.finished;
        let labeled = all_annotations(backend.as_ref(), &entry.handle).await?;
        let version = self.commit(labeled).await?;
        if finished {
            entry.collected = Some(version.id);
            registry.write(&entry).await?;
        }
        Ok(version)
    }

    /// Commits labels, unless that was done before.
    async fn commit(&self, labeled: Vec<Labeled>) -> Result<Version> {
        let (store, options) = (self.workspace.store(), self.options());
        let mut record = options.record(self.id());
        let answers = serde_json::to_string(&labeled).map_err(|e| {
            Error::invalid("the labeler's answer has a number that is not finite").caused_by(e)
        })?;
        let answers = serde_json::Value::from(sha256_hex(answers)).to_string();
        record.parameters.insert("answers".to_owned(), answers);
        record.fingerprint = record.fingerprint();
        let branch = Branch::new(BranchKind::Dataset, options.labeled.clone());
        if let Some(version) = store.find_by_fingerprint(&branch, &record.fingerprint).await? {
            return Ok(version);
        }
        let object_type = store.manifest(&options.dataset).await?.object_type;
        let records = self.labeled_records(labeled).await?;
        record.finished = Timestamp::now();
        let message = format!("Label {} assets", records.len());
        store
            .commit(CommitRequest {
                branch,
                base: Base::Empty,
                edits: Edits::put(records),
                expect: Expect::Any,
                manifest: Manifest { object_type, task: record, ..Manifest::default() },
                message,
            })
            .await
    }

    async fn labeled_records(&self, labeled: Vec<Labeled>) -> Result<Vec<Record>> {
        let all = self.workspace.classes().await?;
        let job = self.options().job_classes(&all)?;
        let ids: Vec<_> = labeled.iter().map(|labeled| labeled.id).collect();
        let assets = self.workspace.store().get(&self.options().dataset, &ids).await?;
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
                    let message = "the labeler used a class that the workspace does not have; add \
                                   it, or rename it in the labels";
                    let name = job.name_of(&class).unwrap_or("?");
                    Error::invalid(message).with("class", name).with("asset", asset.id)
                })?);
            }
            records.push(Record { asset, annotations });
        }
        Ok(records)
    }
}

/// Returns all that is labeled, sorted by asset id.
async fn all_annotations(backend: &dyn LabelBackend, handle: &LabelHandle) -> Result<Vec<Labeled>> {
    let mut labeled: BTreeMap<AssetId, Labeled> = BTreeMap::new();
    let mut options = LabelPageOptions::default();
    let faulty = |message: &str| Error::invalid(message).with("job", &handle.job);
    loop {
        let page = page(backend, handle, &options).await?;
        for answer in page.labeled {
            let id = answer.id;
            if labeled.insert(id, answer).is_some() {
                return Err(faulty("the labeler returned an asset twice").with("asset", id));
            }
        }
        match page.next {
            None => return Ok(labeled.into_values().collect()),
            same if same == options.after => {
                return Err(faulty("the labeler's pages of annotations have no end"));
            }
            next => options.after = next,
        }
    }
}

/// Returns a page; what a retry can help is tried again from the same cursor.
async fn page(
    backend: &dyn LabelBackend,
    handle: &LabelHandle,
    options: &LabelPageOptions,
) -> Result<LabelPage> {
    let mut pause = Duration::from_millis(100);
    for _ in 1..TRIES {
        match backend.annotations(handle, options).await {
            Err(error) if error.is_retryable() => {}
            page => return page,
        }
        tokio::time::sleep(pause).await;
        pause *= 3;
    }
    backend.annotations(handle, options).await
}
