use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ymir_core::{
    AssetId, Branch, BranchKind, Edits, Error, ErrorKind, Manifest, Name, Record, Result, TaskKind,
    TaskRecord, TmiKind, Version, VersionId,
};
use ymir_tmi::contract::{self, InferenceResult};

use super::infer::{PredictionSet, inputs, read_predictions};
use super::train::stage;
use super::work::{
    Collect, Job, Plan, Sources, Store, commit_once, nothing_collected, replace, start,
};
use super::{Task, TaskOptions, scoring};
use crate::Workspace;

/// Which assets are to be chosen, by what, and how many.
#[derive(Debug, Clone)]
pub struct MineOptions {
    /// How the executor is run.
    pub task: TaskOptions,
    /// The dataset version to choose from.
    pub candidates: VersionId,
    /// The model whose gain is looked for.
    pub model: VersionId,
    /// Its stage, if not its best one.
    pub stage: Option<String>,
    /// How many assets to choose at most.
    pub count: u64,
    /// The dataset that the chosen assets are committed to, without their annotations.
    pub selected: Name,
    /// The prediction set that what the model says about the chosen assets is committed to, if it
    /// is wanted: pre-annotations for the labeler.
    pub predictions: Option<Name>,
}

impl Workspace {
    /// Starts a mining; the task makes a version of the chosen assets and, if asked for, one of the
    /// predictions on them.
    ///
    /// An executor that only infers is mined with as well: YMIR scores the candidates by its
    /// predictions.
    ///
    /// # Errors
    ///
    /// `NotFound` if a version or the executor does not exist; `InvalidInput` if the count is 0;
    /// `Unsupported` if the executor can neither mine nor infer.
    pub async fn mine(&self, options: &MineOptions) -> Result<Task> {
        if options.count == 0 {
            return Err(Error::invalid("the number of assets to choose must be 1 at least")
                .with("field", "count"));
        }
        let executor = self.inspect(&options.task.executor).await?;
        let can = |kind| executor.templates.contains_key(&kind);
        let kinds = match (can(TmiKind::Mining), can(TmiKind::Inference)) {
            (true, true) if options.predictions.is_some() => {
                vec![TmiKind::Mining, TmiKind::Inference]
            }
            (true, _) => vec![TmiKind::Mining],
            (false, true) => vec![TmiKind::Inference],
            (false, false) => {
                let message = "the executor can neither mine nor infer";
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .with("executor", &options.task.executor));
            }
        };
        let (model, _) = self.model(&options.model).await?;
        let object_type = self.object_type_for("mining", &options.model).await?;
        let selected = Branch::new(BranchKind::Dataset, options.selected.clone());
        let mut outputs = vec![selected.clone()];
        let mut predictions = None;
        if let (Some(name), true) = (&options.predictions, kinds.contains(&TmiKind::Inference)) {
            let branch = Branch::new(BranchKind::Prediction, name.clone());
            outputs.push(branch.clone());
            predictions = Some(branch);
        }
        let mut parameters = stage(&options.stage);
        parameters.push(("count", options.count.into()));
        let plan = Plan {
            kind: TaskKind::Mine,
            executor,
            object_type,
            inputs: inputs("candidates", options.candidates, options.model),
            parameters,
            outputs,
            model_files: self.stage_files(&options.model, options.stage.as_deref()).await?,
        };
        let job = Mine {
            options: options.clone(),
            kinds,
            classes: model.class_names,
            selected,
            predictions,
            result: Mutex::default(),
        };
        start(self, &options.task, plan, job).await
    }
}

#[derive(Debug)]
struct Mine {
    options: MineOptions,
    kinds: Vec<TmiKind>,
    classes: Vec<String>,
    selected: Branch,
    predictions: Option<Branch>,
    result: Mutex<Option<Mined>>,
}

#[derive(Debug)]
struct Mined {
    /// The chosen assets with their scores, highest first.
    chosen: Vec<(AssetId, f64)>,
    predictions: InferenceResult,
}

#[async_trait]
impl Job for Mine {
    fn kinds(&self) -> Vec<TmiKind> {
        self.kinds.clone()
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn sources(&self) -> Sources {
        Sources { candidates: Some(self.options.candidates), ..Sources::default() }
    }

    fn collect(&self, run: &Collect) -> Result<()> {
        let predictions = match self.kinds.contains(&TmiKind::Inference) {
            true => read_predictions(run)?,
            false => InferenceResult::default(),
        };
        let mut chosen = match self.kinds.contains(&TmiKind::Mining) {
            true => {
                contract::read_mining(&run.task.dir, &run.layout, &|id| run.known.contains(id))?
            }
            false => rank(run, &predictions),
        };
        chosen.truncate(usize::try_from(self.options.count).unwrap_or(usize::MAX));
        let mined = Mined { chosen, predictions };
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(mined);
        Ok(())
    }

    async fn commit(&self, store: &Store, record: TaskRecord) -> Result<Vec<VersionId>> {
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mined = result.ok_or_else(nothing_collected)?;
        let selected = self.commit_selected(store, record.clone(), &mined.chosen).await?;
        let mut made = vec![selected.id];
        if let Some(branch) = &self.predictions {
            let set = PredictionSet {
                branch: branch.clone(),
                dataset: selected.id,
                model: self.options.model,
                options: &self.options.task,
            };
            made.push(set.commit(store, record, mined.predictions.annotations).await?);
        }
        Ok(made)
    }
}

/// Scores the candidates by the predictions on them; equal scores in the order of the ids.
fn rank(run: &Collect, predictions: &InferenceResult) -> Vec<(AssetId, f64)> {
    let score =
        |id: &AssetId| predictions.annotations.get(id).map_or(0.0, |found| scoring::score(found));
    let mut ranked: Vec<_> = run.known.iter().map(|id| (*id, score(id))).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked
}

impl Mine {
    /// Commits the chosen assets, without annotations: those of a pool are not to be known yet.
    async fn commit_selected(
        &self,
        store: &Store,
        mut record: TaskRecord,
        chosen: &[(AssetId, f64)],
    ) -> Result<Version> {
        let ids: Vec<_> = chosen.iter().map(|(id, _)| *id).collect();
        let found = store.get(&self.options.candidates, &ids).await?;
        let records: Vec<_> = found
            .into_iter()
            .flatten()
            .map(|record| Record { annotations: Vec::new(), ..record })
            .collect();
        if let (Some((_, best)), Some((_, last))) = (chosen.first(), chosen.last()) {
            record.metrics.insert("highest score".to_owned(), *best);
            record.metrics.insert("lowest score".to_owned(), *last);
        }
        let message = format!("Mine {} assets", records.len());
        let manifest = Manifest { task: record, ..Manifest::default() };
        let request = replace(self.selected.clone(), Edits::put(records), manifest, message);
        commit_once(store, self.options.task.reuse, request).await
    }
}
