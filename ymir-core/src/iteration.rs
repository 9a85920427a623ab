use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{EndReason, Error, ProjectState, Result, Timestamp, VersionId};

/// The steps of an iteration, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Makes the set of candidates.
    PrepareMining,
    /// Chooses assets among the candidates.
    Mine,
    /// Has them labeled.
    Label,
    /// Joins what was labeled with what was there.
    PrepareTraining,
    /// Trains a model.
    Train,
    /// Scores the model on the validation set.
    Evaluate,
}

impl Step {
    /// All steps, in their order.
    pub const ALL: [Self; 6] = [
        Self::PrepareMining,
        Self::Mine,
        Self::Label,
        Self::PrepareTraining,
        Self::Train,
        Self::Evaluate,
    ];

    /// Returns the step as people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::PrepareMining => "prepare mining",
            Self::Mine => "mine",
            Self::Label => "label",
            Self::PrepareTraining => "prepare training",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
        }
    }

    /// Returns the step after this one, within an iteration.
    pub fn next(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }
}

/// What a finished step made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum StepResult {
    /// Candidates: the pool without what was used.
    PrepareMining {
        /// The dataset version.
        candidates: VersionId,
        /// The number of its assets.
        count: u64,
    },
    /// The chosen assets.
    Mine {
        /// The dataset version.
        selected: VersionId,
        /// The number of its assets.
        count: u64,
        /// What the model said about them, if there was one.
        predictions: Option<VersionId>,
    },
    /// The labeled assets.
    Label {
        /// The dataset version.
        labeled: VersionId,
        /// The number of its assets.
        count: u64,
    },
    /// The training set.
    PrepareTraining {
        /// The dataset version.
        training: VersionId,
        /// The number of its assets.
        count: u64,
    },
    /// The model.
    Train {
        /// The model version.
        model: VersionId,
    },
    /// How good it is.
    Evaluate {
        /// What the model said about the validation set.
        predictions: VersionId,
        /// The average precision at IoU 0.5, 0 to 1.
        metric: f64,
        /// All figures by name; those of a class as `AP50/<class>`.
        metrics: BTreeMap<String, f64>,
    },
}

impl StepResult {
    /// Returns the step whose result this is.
    pub fn step(&self) -> Step {
        match self {
            Self::PrepareMining { .. } => Step::PrepareMining,
            Self::Mine { .. } => Step::Mine,
            Self::Label { .. } => Step::Label,
            Self::PrepareTraining { .. } => Step::PrepareTraining,
            Self::Train { .. } => Step::Train,
            Self::Evaluate { .. } => Step::Evaluate,
        }
    }
}

/// One turn of the loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Iteration {
    /// Its number, counted from 1.
    pub number: u32,
    /// When it began.
    pub started: Timestamp,
    /// When its last step so far was finished.
    pub updated: Timestamp,
    /// The results of its finished steps, in their order.
    pub results: Vec<StepResult>,
}

/// Defines a getter that finds one kind of result in an iteration.
macro_rules! result_of {
    ($(#[$doc:meta])* $name:ident -> $type:ty, $pattern:pat => $value:expr) => {
        $(#[$doc])*
        pub fn $name(&self) -> Option<$type> {
            self.results.iter().find_map(|result| match result {
                $pattern => Some($value),
                _ => None,
            })
        }
    };
}

impl Iteration {
    result_of! {
        /// Returns the candidates and their number.
        candidates -> (VersionId, u64),
        StepResult::PrepareMining { candidates, count } => (*candidates, *count)
    }
    result_of! {
        /// Returns the chosen assets and their number.
        selected -> (VersionId, u64),
        StepResult::Mine { selected, count, .. } => (*selected, *count)
    }
    result_of! {
        /// Returns the labeled assets and their number.
        labeled -> (VersionId, u64),
        StepResult::Label { labeled, count } => (*labeled, *count)
    }
    result_of! {
        /// Returns the training set.
        training -> VersionId,
        StepResult::PrepareTraining { training, .. } => *training
    }
    result_of! {
        /// Returns the model.
        model -> VersionId,
        StepResult::Train { model } => *model
    }
    result_of! {
        /// Returns the average precision at IoU 0.5.
        metric -> f64,
        StepResult::Evaluate { metric, .. } => *metric
    }
    result_of! {
        /// Returns what the model said about the validation set.
        predictions -> VersionId,
        StepResult::Evaluate { predictions, .. } => *predictions
    }
    result_of! {
        /// Returns what the mining model said about the chosen assets.
        pre_annotations -> VersionId,
        StepResult::Mine { predictions: Some(predictions), .. } => *predictions
    }

    /// Returns whether all steps are done.
    pub fn is_finished(&self) -> bool {
        self.results.last().is_some_and(|result| result.step() == Step::Evaluate)
    }
}

/// What comes next in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// This step of this iteration, counted from 1.
    Run(u32, Step),
    /// Nothing: the loop has ended.
    End(EndReason),
}

impl ProjectState {
    /// Returns what comes next.
    ///
    /// A loop that reached its target or budget goes on when the definition is given more.
    pub fn next(&self) -> Action {
        if self.stopped {
            return Action::End(EndReason::Stopped);
        }
        let Some(last) = self.iterations.last() else {
            return Action::Run(1, self.first_step(1));
        };
        if !last.is_finished() {
            if last.candidates().is_some_and(|(_, count)| count == 0) {
                return Action::End(EndReason::PoolExhausted);
            }
            let done = last.results.last().map(StepResult::step);
            let step = done.map_or(Some(self.first_step(last.number)), Step::next);
            return Action::Run(last.number, step.unwrap_or(Step::Evaluate));
        }
        if let (Some(target), Some(metric)) = (self.project.target, last.metric())
            && metric >= target
        {
            return Action::End(EndReason::TargetReached);
        }
        let iterations_left = self.project.max_iterations.is_none_or(|max| last.number < max);
        if !iterations_left || self.labels_left() == 0 {
            return Action::End(EndReason::BudgetExhausted);
        }
        Action::Run(last.number + 1, self.first_step(last.number + 1))
    }

    /// Takes up the result of the step that comes next.
    ///
    /// # Errors
    ///
    /// `Conflict` if another step comes next: another process has carried the project on.
    pub fn apply(&mut self, result: StepResult, now: Timestamp) -> Result<()> {
        let number = match self.next() {
            Action::Run(number, step) if step == result.step() => number,
            next => {
                return Err(Error::new(
                    crate::ErrorKind::Conflict,
                    "this step does not come next; load the project again",
                )
                .with("step", result.step().title())
                .with("next", format!("{next:?}")));
            }
        };
        if self.iterations.last().is_none_or(|last| last.number != number) {
            let results = Vec::new();
            self.iterations.push(Iteration { number, started: now, updated: now, results });
        }
        if let Some(iteration) = self.iterations.last_mut() {
            iteration.updated = now;
            iteration.results.push(result);
        }
        Ok(())
    }
}
