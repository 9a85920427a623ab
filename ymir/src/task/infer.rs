use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::TryStreamExt;
use ymir_core::{
    Annotation, AssetId, Branch, BranchKind, CaseMatch, Class, ClassTable, Edit, Edits, Error,
    Input, LogLine, LogSource, Manifest, Name, NewClass, PredictionInfo, Record, Result, TaskKind,
    TaskRecord, TmiKind, UnknownClasses, VersionId,
};
use ymir_tmi::contract::{self, InferenceResult};

use super::train::stage;
use super::work::{
    Collect, Job, Plan, Sources, Store, commit_once, nothing_collected, replace, start,
};
use super::{Task, TaskOptions};
use crate::Workspace;
use crate::dataset::records;

/// What a model is to look at.
#[derive(Debug, Clone)]
pub struct InferOptions {
    /// How the executor is run.
    pub task: TaskOptions,
    /// The dataset version to look at.
    pub dataset: VersionId,
    /// The model.
    pub model: VersionId,
    /// Its stage, if not its best one.
    pub stage: Option<String>,
    /// The name that the prediction set is committed under.
    pub predictions: Name,
}

impl Workspace {
    /// Starts an inference; the task makes one version, of the prediction set. It has every asset
    /// of the dataset, also those on which the model found nothing.
    ///
    /// # Errors
    ///
    /// `NotFound` if a version or the executor does not exist; `Unsupported` if the executor cannot
    /// infer. What goes wrong later is the task's: an unknown class in the predictions, for example.
    pub async fn infer(&self, options: &InferOptions) -> Result<Task> {
        let executor = self.inspect(&options.task.executor).await?;
        executor.template(TmiKind::Inference)?;
        let (model, _) = self.model(&options.model).await?;
        let object_type = self.object_type_for("inference", &options.model).await?;
        let branch = Branch::new(BranchKind::Prediction, options.predictions.clone());
        let plan = Plan {
            kind: TaskKind::Infer,
            executor,
            object_type,
            inputs: inputs("dataset", options.dataset, options.model),
            parameters: stage(&options.stage),
            outputs: vec![branch.clone()],
            model_files: self.stage_files(&options.model, options.stage.as_deref()).await?,
        };
        let job = Infer {
            options: options.clone(),
            classes: model.class_names,
            branch,
            result: Mutex::default(),
        };
        start(self, &options.task, plan, job).await
    }
}

/// Returns the inputs of a task that applies a model to a dataset version.
pub(super) fn inputs(role: &str, dataset: VersionId, model: VersionId) -> Vec<Input> {
    vec![
        Input { role: role.to_owned(), version: dataset },
        Input { role: "model".to_owned(), version: model },
    ]
}

#[derive(Debug)]
struct Infer {
    options: InferOptions,
    classes: Vec<String>,
    branch: Branch,
    result: Mutex<Option<InferenceResult>>,
}

#[async_trait]
impl Job for Infer {
    fn kinds(&self) -> Vec<TmiKind> {
        vec![TmiKind::Inference]
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn sources(&self) -> Sources {
        Sources { candidates: Some(self.options.dataset), ..Sources::default() }
    }

    fn collect(&self, run: &Collect) -> Result<()> {
        let result = read_predictions(run)?;
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        Ok(())
    }

    async fn commit(&self, store: &Store, record: TaskRecord) -> Result<Vec<VersionId>> {
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        let predictions = result.ok_or_else(nothing_collected)?.annotations;
        let set = PredictionSet {
            branch: self.branch.clone(),
            dataset: self.options.dataset,
            model: self.options.model,
            options: &self.options.task,
        };
        Ok(vec![set.commit(store, record, predictions).await?])
    }
}

/// Reads what an executor predicted, and logs what it left out.
pub(super) fn read_predictions(run: &Collect) -> Result<InferenceResult> {
    let result = contract::read_inference(&run.task.dir, &|id| run.known.contains(id))?;
    let dropped = result.without_score + result.invalid;
    if dropped > 0 {
        let text = format!("{dropped} boxes without a usable score or size are left out");
        run.task.reporter.log(LogLine { source: LogSource::Ymir, text });
    }
    Ok(result)
}

/// Returns the names that were predicted and taken as a class which has them in another case.
fn case_matches(predictions: &Predictions, classes: &ClassTable) -> BTreeSet<CaseMatch> {
    let names = predictions.values().flatten().filter_map(|annotation| match &annotation.class {
        Class::Name(name) => Some(name),
        Class::Id(_) => None,
    });
    names.filter_map(|name| classes.case_match(name)).collect()
}

/// Where predictions go, and what they were made from.
pub(super) struct PredictionSet<'a> {
    pub(super) branch: Branch,
    pub(super) dataset: VersionId,
    pub(super) model: VersionId,
    pub(super) options: &'a TaskOptions,
}

type Predictions = std::collections::BTreeMap<AssetId, Vec<Annotation>>;

impl PredictionSet<'_> {
    /// Commits predictions for every asset of the dataset.
    pub(super) async fn commit(
        &self,
        store: &Store,
        mut record: TaskRecord,
        mut predictions: Predictions,
    ) -> Result<VersionId> {
        let classes = self.classes(store, &predictions).await?;
        let matches = case_matches(&predictions, &classes);
        if !matches.is_empty() {
            let json = serde_json::json!(matches).to_string();
            record.parameters.insert("case_matches".to_owned(), json);
        }
        let mut edits = Vec::new();
        let mut assets = std::pin::pin!(records(store.as_ref(), self.dataset));
        while let Some(Record { asset, .. }) = assets.try_next().await? {
            let annotations = predictions.remove(&asset.id).unwrap_or_default();
            let annotations = self.resolve(annotations, &classes)?;
            edits.push(Ok(Edit::Put(Record { asset, annotations })));
        }
        let message = format!("Predict on {} assets", edits.len());
        let prediction = Some(PredictionInfo { model: self.model, dataset: self.dataset });
        let manifest = Manifest { task: record, prediction, ..Manifest::default() };
        let edits = Edits::new(edits.into_iter());
        let request = replace(self.branch.clone(), edits, manifest, message);
        Ok(commit_once(store, self.options.reuse, request).await?.id)
    }

    /// Returns the class table, with what was predicted added to it if that is wished.
    async fn classes(&self, store: &Store, predictions: &Predictions) -> Result<ClassTable> {
        let classes = store.classes().await?;
        if self.options.unknown_classes != UnknownClasses::Add {
            return Ok(classes);
        }
        let named = predictions.values().flatten().filter_map(|a| match &a.class {
            Class::Name(name) if classes.find(name).is_none() => Some(name.trim().to_owned()),
            _ => None,
        });
        let named: BTreeSet<String> = named.collect();
        store.add_classes(&named.into_iter().map(NewClass::new).collect::<Vec<_>>()).await
    }

    /// Returns the predictions of an asset with the ids of their classes.
    fn resolve(
        &self,
        mut annotations: Vec<Annotation>,
        classes: &ClassTable,
    ) -> Result<Vec<Annotation>> {
        classes.resolve(&mut annotations);
        let unknown = annotations.iter().find(|a| a.class.id().is_none());
        match (unknown, self.options.unknown_classes) {
            (Some(first), UnknownClasses::Stop | UnknownClasses::Add) => Err(Error::invalid(
                "the executor predicted a class that the workspace does not have; add it, correct the executor, or choose another `unknown_classes`",
            )
            .with("class", classes.name_of(&first.class).unwrap_or_default())),
            (Some(_), UnknownClasses::Ignore) => {
                annotations.retain(|annotation| annotation.class.id().is_some());
                Ok(annotations)
            }
            (Some(_), UnknownClasses::Keep) | (None, _) => Ok(annotations),
        }
    }
}
