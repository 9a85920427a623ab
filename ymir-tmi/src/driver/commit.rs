use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ymir_core::{
    Annotation, AssetId, AssetStore, Base, BlobInfo, BlobSource, Branch, CaseMatch, Class,
    ClassTable, Columns, CommitRequest, Edit, Edits, Error, Expect, Manifest, Model, ModelFile,
    NewClass, PredictionInfo, Record, Records, Result, ScanOptions, Stage, TaskRecord, TaskSpec,
    Transfer, UnknownClasses, Version, VersionId,
};

use super::collect::Results;
use super::spec::{TmiTask, role};
use crate::contract::{InferenceResult, ResultFile, TrainingResult};

type Store = Arc<dyn AssetStore>;
type Predictions = BTreeMap<AssetId, Vec<Annotation>>;

/// Returns what a task has committed, if that is all that it makes.
pub(super) async fn find(
    store: &dyn AssetStore,
    spec: &TaskSpec,
) -> Result<Option<Vec<VersionId>>> {
    let mut made = Vec::new();
    for branch in &spec.outputs {
        match find_in(store, branch, spec).await? {
            Some(version) => made.push(version.id),
            None => return Ok(None),
        }
    }
    Ok(Some(made))
}

/// Returns the version of a branch that a task made; where equal work may stand in for it, also the
/// one that another task made.
async fn find_in(
    store: &dyn AssetStore,
    branch: &Branch,
    spec: &TaskSpec,
) -> Result<Option<Version>> {
    if let Some(made) = store.find_by_task(branch, &spec.id).await? {
        return Ok(Some(made));
    }
    match spec.reuse {
        true => store.find_by_fingerprint(branch, &spec.fingerprint()).await,
        false => Ok(None),
    }
}

/// Makes the results versions, each once: a task that was broken off between two makes only the one
/// that lacks. Returns them, the main one first.
pub(super) async fn commit(
    store: &Store,
    spec: &TaskSpec,
    record: TaskRecord,
    results: Results,
) -> Result<Vec<VersionId>> {
    let commit = Commit { store, spec, tmi: TmiTask::of(spec)?, record };
    match results {
        Results::Trained(result) => Ok(vec![commit.model(result).await?]),
        Results::Inferred(result) => {
            let dataset = commit.tmi.required(role::DATASET)?;
            Ok(vec![commit.predictions(commit.output(0)?, dataset, result).await?])
        }
        Results::Mined { chosen, predictions } => {
            let selected = commit.selected(&chosen).await?;
            match spec.outputs.get(1) {
                Some(branch) => {
                    let predictions = commit.predictions(branch, selected, predictions).await?;
                    Ok(vec![selected, predictions])
                }
                None => Ok(vec![selected]),
            }
        }
    }
}

/// The versions of a task on their way.
struct Commit<'a> {
    store: &'a Store,
    spec: &'a TaskSpec,
    tmi: TmiTask<'a>,
    /// Their lineage, complete but for metrics.
    record: TaskRecord,
}

impl Commit<'_> {
    fn output(&self, at: usize) -> Result<&Branch> {
        self.spec.outputs.get(at).ok_or_else(|| {
            Error::invalid("the task does not say where its result goes")
                .with("field", "outputs")
                .with("task", &self.spec.id)
        })
    }

    /// Sets a branch to these records, unless the task did so before.
    async fn once(
        &self,
        branch: &Branch,
        edits: Edits,
        manifest: Manifest,
        message: String,
    ) -> Result<VersionId> {
        if let Some(found) = find_in(self.store.as_ref(), branch, self.spec).await? {
            return Ok(found.id);
        }
        let (branch, expect) = (branch.clone(), Expect::Any);
        let request = CommitRequest { branch, base: Base::Empty, edits, expect, manifest, message };
        Ok(self.store.commit(request).await?.id)
    }

    async fn model(&self, result: TrainingResult) -> Result<VersionId> {
        let files = result.stages.iter().flat_map(|stage| &stage.files).chain(&result.attachments);
        let written: Vec<_> = files.map(|file| file.host.clone()).collect();
        let mut stages = Vec::with_capacity(result.stages.len());
        for stage in result.stages {
            stages.push(Stage {
                files: self.put_files(&stage.files).await?,
                name: stage.name,
                timestamp: stage.timestamp,
                metrics: stage.metrics,
            });
        }
        let model = Model {
            stages,
            best_stage: result.best_stage,
            class_names: self.tmi.classes.clone(),
            attachments: self.put_files(&result.attachments).await?,
        };
        let mut record = self.record.clone();
        record.metrics = model.stage(None)?.metrics.clone();
        let shown = record.metrics.get("mAP").map(|map| format!(", mAP {map:.4}"));
        let branch = self.output(0)?;
        let message = format!("Train {}{}", branch.name, shown.unwrap_or_default());
        let manifest = Manifest { task: record, model: Some(model), ..Manifest::default() };
        let made = self.once(branch, Edits::none(), manifest, message).await?;
        // The store has them now; kept here as well, the models of a long loop would fill the disk.
        for file in written {
            let _ = tokio::fs::remove_file(file).await;
        }
        Ok(made)
    }

    async fn put_files(&self, files: &[ResultFile]) -> Result<Vec<ModelFile>> {
        // Linked, not copied, they would change with what the executor's directory is used for next.
        let sources = files.iter().map(|file| BlobSource::File(file.host.clone(), Transfer::Copy));
        let blobs = self.store.put_blobs(sources.collect()).await?;
        let file = |(file, blob): (&ResultFile, BlobInfo)| ModelFile {
            path: file.path.clone(),
            blob: blob.id,
            size: blob.size,
        };
        Ok(files.iter().zip(blobs).map(file).collect())
    }

    /// Commits the chosen assets, without annotations: those of a pool are not to be known yet.
    async fn selected(&self, chosen: &[(AssetId, f64)]) -> Result<VersionId> {
        let candidates = self.tmi.required(role::CANDIDATES)?;
        let ids: Vec<_> = chosen.iter().map(|(id, _)| *id).collect();
        let found = self.store.get(&candidates, &ids).await?;
        let bare = |record: Record| Record { annotations: Vec::new(), ..record };
        let records: Vec<_> = found.into_iter().flatten().map(bare).collect();
        let mut record = self.record.clone();
        if let (Some((_, best)), Some((_, last))) = (chosen.first(), chosen.last()) {
            record.metrics.insert("highest score".to_owned(), *best);
            record.metrics.insert("lowest score".to_owned(), *last);
        }
        let message = format!("Mine {} assets", records.len());
        let manifest = Manifest { task: record, ..Manifest::default() };
        self.once(self.output(0)?, Edits::put(records), manifest, message).await
    }

    /// Commits predictions for every asset of a dataset version.
    async fn predictions(
        &self,
        branch: &Branch,
        dataset: VersionId,
        result: InferenceResult,
    ) -> Result<VersionId> {
        let mut predictions = result.annotations;
        let unknown = self.tmi.unknown_classes()?;
        let classes = self.classes(&predictions, unknown).await?;
        let mut record = self.record.clone();
        let matches = case_matches(&predictions, &classes);
        if !matches.is_empty() {
            let json = serde_json::json!(matches).to_string();
            record.parameters.insert("case_matches".to_owned(), json);
        }
        let mut edits = Vec::new();
        let options = ScanOptions { columns: Columns::ASSETS, ..ScanOptions::default() };
        let mut records = Records::new(self.store.scan(&dataset, options));
        while let Some(Record { asset, .. }) = records.next().await? {
            let annotations = predictions.remove(&asset.id).unwrap_or_default();
            let annotations = resolve(annotations, &classes, unknown)?;
            edits.push(Edit::Put(Record { asset, annotations }));
        }
        let message = format!("Predict on {} assets", edits.len());
        let model = self.tmi.required(role::MODEL)?;
        let prediction = Some(PredictionInfo { model, dataset });
        let manifest = Manifest { task: record, prediction, ..Manifest::default() };
        self.once(branch, edits.into(), manifest, message).await
    }

    /// Returns the class table, with what was predicted added to it if that is wished.
    async fn classes(
        &self,
        predictions: &Predictions,
        unknown: UnknownClasses,
    ) -> Result<ClassTable> {
        let classes = self.store.classes().await?;
        if unknown != UnknownClasses::Add {
            return Ok(classes);
        }
        let named = predictions.values().flatten().filter_map(|a| match &a.class {
            Class::Name(name) if classes.find(name).is_none() => Some(name.trim().to_owned()),
            _ => None,
        });
        let named: BTreeSet<String> = named.collect();
        self.store.add_classes(&named.into_iter().map(NewClass::new).collect::<Vec<_>>()).await
    }
}

/// Returns the names that were predicted and taken as a class which has them in another case.
fn case_matches(predictions: &Predictions, classes: &ClassTable) -> BTreeSet<CaseMatch> {
    let names = predictions.values().flatten().filter_map(|annotation| match &annotation.class {
        Class::Name(name) => Some(name),
        Class::Id(_) => None,
    });
    names.filter_map(|name| classes.case_match(name)).collect()
}

/// Returns the predictions of an asset with the ids of their classes.
fn resolve(
    mut annotations: Vec<Annotation>,
    classes: &ClassTable,
    unknown: UnknownClasses,
) -> Result<Vec<Annotation>> {
    classes.resolve(&mut annotations);
    let first = annotations.iter().find(|a| a.class.id().is_none());
    match (first, unknown) {
        (Some(first), UnknownClasses::Stop | UnknownClasses::Add) => {
            let message = "the executor predicted a class that the workspace does not have; add \
                           it, correct the executor, or choose another `unknown_classes`";
            let name = classes.name_of(&first.class).unwrap_or_default();
            Err(Error::invalid(message).with("class", name))
        }
        (Some(_), UnknownClasses::Ignore) => {
            annotations.retain(|annotation| annotation.class.id().is_some());
            Ok(annotations)
        }
        (Some(_), UnknownClasses::Keep) | (None, _) => Ok(annotations),
    }
}
