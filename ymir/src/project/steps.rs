use std::time::Duration;

use futures::StreamExt;
use ymir_core::{
    BranchKind, Error, Iteration, LabelStatus, LabelerSpec, Name, Parameters, ProjectState, Result,
    Selection, Step, StepResult, VersionId,
};
use ymir_data::operations::{self, MergeStrategy};

use super::{LoopEvent, OnLoopEvent, ProjectHandle, StepOptions};
use crate::{InferOptions, LabelOptions, MineOptions, Task, TaskOptions, TaskOutput, TrainOptions};

/// The result of a step, or how far the labeler is that it would have to wait for.
type Outcome = Result<Result<StepResult, LabelStatus>>;

impl ProjectHandle {
    pub(super) async fn do_step(
        &self,
        state: &ProjectState,
        iteration: u32,
        step: Step,
        options: &StepOptions,
        on: OnLoopEvent<'_>,
    ) -> Outcome {
        match step {
            Step::PrepareMining => self.prepare_mining(state, on).await.map(Ok),
            Step::Mine => self.mine(state, iteration, options, on).await.map(Ok),
            Step::Label => self.label(state, iteration, options, on).await,
            Step::PrepareTraining => self.prepare_training(state).await.map(Ok),
            Step::Train => self.train(state, options, on).await.map(Ok),
            Step::Evaluate => self.evaluate(state, options, on).await.map(Ok),
        }
    }

    async fn mine(
        &self,
        state: &ProjectState,
        iteration: u32,
        options: &StepOptions,
        on: OnLoopEvent<'_>,
    ) -> Result<StepResult> {
        let project = &state.project;
        let (candidates, available) =
            current(state)?.candidates().ok_or_else(|| missing("candidates"))?;
        let wanted = options.labels.unwrap_or(project.labels_per_iteration);
        let count = wanted.min(state.labels_left()).min(available);
        if count == 0 {
            return Err(Error::invalid("the number of assets to choose must be 1 at least")
                .with("iteration", iteration));
        }
        let target = self.branch(BranchKind::Dataset, "selected")?;
        let (selected, predictions) = match (project.selection, state.model()) {
            (Selection::Mined, Some(model)) => {
                let mine = MineOptions {
                    task: self.task_options(state, &project.mining_parameters, options),
                    candidates,
                    model,
                    stage: None,
                    count,
                    selected: target.name,
                    predictions: Some(self.branch(BranchKind::Prediction, "selected")?.name),
                };
                let mined = self.follow(self.workspace.start_mine(&mine).await?, on).await?;
                (mined.selected.id(), mined.predictions.map(|predictions| predictions.id()))
            }
            _ => {
                let store = self.workspace.store();
                let version =
                    operations::sample(store, &candidates, count, project.seed, &target).await?;
                (version.id, None)
            }
        };
        Ok(StepResult::Mine { selected, count: self.count(&selected).await?, predictions })
    }

    async fn label(
        &self,
        state: &ProjectState,
        iteration: u32,
        options: &StepOptions,
        on: OnLoopEvent<'_>,
    ) -> Outcome {
        let project = &state.project;
        let current = current(state)?;
        let (selected, _) = current.selected().ok_or_else(|| missing("selected assets"))?;
        let label = LabelOptions {
            labeler: project.labeler.clone(),
            dataset: selected,
            pre_annotations: current.pre_annotations(),
            classes: project.classes.clone(),
            instructions: format!(
                "Draw a tight box around every object of these classes: {}.",
                project.classes.join(", ")
            ),
            labeled: Name::new(format!("{}.labeled", project.name))?,
        };
        let job = self.workspace.start_label(&label).await?;
        let mut pause = Duration::from_millis(20);
        loop {
            let status = job.status().await?;
            if status.finished {
                break;
            }
            let labeler = who(&project.labeler);
            on(LoopEvent::Labeling { status, labeler });
            if !options.wait {
                return Ok(Err(status));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        let labeled = job.collect().await?;
        let count = self.count(&labeled.id).await?;
        if count == 0 {
            let message = "the labeler returned no labels for the chosen assets";
            return Err(Error::invalid(message)
                .with("project", &project.name)
                .with("iteration", iteration));
        }
        Ok(Ok(StepResult::Label { labeled: labeled.id, count }))
    }

    /// The training set so far with what was labeled; where both have an asset, the new labels.
    async fn prepare_training(&self, state: &ProjectState) -> Result<StepResult> {
        let labeled = state.iterations.last().and_then(Iteration::labeled).map(|(id, _)| id);
        let training = match (state.training(), labeled) {
            (Some(training), Some(labeled)) => {
                let target = self.branch(BranchKind::Dataset, "training")?;
                let store = self.workspace.store();
                let theirs = MergeStrategy::Theirs;
                operations::merge(store, &training, &labeled, theirs, &target).await?.id
            }
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => return Err(missing("training set")),
        };
        Ok(StepResult::PrepareTraining { training, count: self.count(&training).await? })
    }

    async fn train(
        &self,
        state: &ProjectState,
        options: &StepOptions,
        on: OnLoopEvent<'_>,
    ) -> Result<StepResult> {
        let project = &state.project;
        let train = TrainOptions {
            task: self.task_options(state, &project.training_parameters, options),
            classes: project.classes.clone(),
            training: state.training().ok_or_else(|| missing("training set"))?,
            validation: project.validation,
            pretrained: state.model().filter(|_| project.fine_tune),
            stage: None,
            model: project.name.clone(),
        };
        let trained = self.follow(self.workspace.start_train(&train).await?, on).await?;
        Ok(StepResult::Train { model: trained.version.id })
    }

    async fn evaluate(
        &self,
        state: &ProjectState,
        options: &StepOptions,
        on: OnLoopEvent<'_>,
    ) -> Result<StepResult> {
        let project = &state.project;
        let infer = InferOptions {
            task: self.task_options(state, &project.inference_parameters, options),
            dataset: project.validation,
            model: current(state)?.model().ok_or_else(|| missing("model"))?,
            stage: None,
            predictions: self.branch(BranchKind::Prediction, "validation")?.name,
        };
        let predictions = self.follow(self.workspace.start_infer(&infer).await?, on).await?.id();
        let evaluated =
            self.workspace.evaluate(&project.validation, &predictions, &project.classes).await?;
        let metric = evaluated.ap50().ok_or_else(|| {
            Error::invalid("the validation set has no annotation of the project's classes")
                .with("project", &project.name)
                .with("validation", project.validation)
        })?;
        Ok(StepResult::Evaluate { predictions, metric, metrics: evaluated.metrics() })
    }

    fn task_options(
        &self,
        state: &ProjectState,
        parameters: &Parameters,
        options: &StepOptions,
    ) -> TaskOptions {
        let project = &state.project;
        let mut parameters = parameters.clone();
        parameters.extend(options.parameters.clone());
        TaskOptions {
            parameters,
            seed: project.seed,
            resources: project.resources,
            limits: project.limits.clone(),
            share: project.name.to_string(),
            ..TaskOptions::new(project.executor.clone())
        }
    }

    /// Waits for a task and passes its events on. If it is left before, the task is stopped: the
    /// step will be done again from its beginning.
    async fn follow<T: TaskOutput>(&self, task: Task<T>, on: OnLoopEvent<'_>) -> Result<T> {
        let _stop = task.stop_when_dropped();
        let mut events = std::pin::pin!(task.events(0));
        while let Some(event) = events.next().await {
            on(LoopEvent::Task(event?));
        }
        task.wait().await
    }

    pub(super) async fn count(&self, version: &VersionId) -> Result<u64> {
        Ok(self.workspace.store().manifest(version).await?.summary.assets)
    }
}

fn current(state: &ProjectState) -> Result<&Iteration> {
    state.iterations.last().ok_or_else(|| missing("iteration"))
}

fn missing(what: &str) -> Error {
    Error::corrupted(format!("the project's record lacks the {what} of the step before"))
}

/// Says whom a project waits for, and where.
fn who(labeler: &LabelerSpec) -> String {
    match labeler {
        LabelerSpec::Oracle { .. } => "the oracle".to_owned(),
        LabelerSpec::Folder { path } => format!("people, in {}", path.display()),
        LabelerSpec::Custom(name) => format!("the labeler {name}"),
    }
}
