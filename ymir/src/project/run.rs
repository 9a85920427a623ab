use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use ymir_core::Progress;
use ymir_core::{
    Action, EndReason, Error, Expect, Iteration, LabelStatus, Parameters, ProjectState, Result,
    Step, StepResult, TaskEvent, Timestamp, Version,
};

use super::ProjectHandle;
use crate::Operation;

/// What differs from the project's definition in one step.
#[derive(Debug, Clone)]
pub struct StepOptions {
    /// How many assets to choose, in the step that mines; at most what the budget leaves.
    pub labels: Option<u64>,
    /// Parameters of the executor, in a step that runs one; they go before the project's.
    pub parameters: Parameters,
    /// Whether to wait in the step that labels until the labeler is done.
    pub wait: bool,
}

impl Default for StepOptions {
    /// Nothing differs, and labeling is waited for.
    fn default() -> Self {
        Self { labels: None, parameters: Parameters::new(), wait: true }
    }
}

/// What one call of [`ProjectHandle::advance`] did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advance {
    /// It finished a step.
    Finished {
        /// The iteration, counted from 1.
        iteration: u32,
        /// What the step made.
        result: StepResult,
    },
    /// The labeler is not done yet, and waiting was not asked for. Call again later.
    Waiting {
        /// The iteration.
        iteration: u32,
        /// How far the labeler is.
        status: LabelStatus,
    },
    /// Nothing: the loop has ended.
    Ended(EndReason),
}

/// What one call of [`ProjectHandle::next_iteration`] led to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// An iteration was finished.
    Finished(Iteration),
    /// The labeler is not done yet, and waiting was not asked for. Call again later.
    Waiting {
        /// The iteration.
        iteration: u32,
        /// How far the labeler is.
        status: LabelStatus,
    },
    /// Nothing was left to do: the loop has ended.
    Ended(EndReason),
}

/// What happens while a project is carried on.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopEvent {
    /// A step began.
    Started {
        /// The iteration, counted from 1.
        iteration: u32,
        /// The step.
        step: Step,
    },
    /// So many images of the pool and of what is used already were looked at, to leave out
    /// near-duplicates.
    Preparing(Progress),
    /// Something happened to the task that the step runs.
    Task(TaskEvent),
    /// The labeler is not done yet.
    Labeling {
        /// How far it is.
        status: LabelStatus,
        /// Who is waited for, and where: `people, in /home/me/to-label`, for example.
        labeler: String,
    },
    /// A step was finished and recorded.
    Finished {
        /// The iteration, counted from 1.
        iteration: u32,
        /// What it made.
        result: StepResult,
        /// How long it took; seconds where it is serialised.
        #[serde(serialize_with = "seconds")]
        elapsed: Duration,
    },
}

/// Receives the events of a loop between other work; must return soon.
pub(super) type OnLoopEvent<'a> = &'a (dyn Fn(LoopEvent) + Send + Sync);

impl ProjectHandle {
    /// Does the step that comes next.
    ///
    /// A step that was broken off, by an error or the end of the process, is done again from its
    /// beginning; what it had committed is found and used.
    ///
    /// # Errors
    ///
    /// `Conflict` if another process carries the project on; the error of the step, after which it
    /// can be tried again.
    pub fn advance<'a>(&'a self, options: &'a StepOptions) -> Operation<'a, Advance, LoopEvent> {
        Operation::new(move |on| async move { Ok(self.carry_on(options, &*on, |_| true).await?.0) })
    }

    /// Carries the project on until it ends, and returns why it did. It can be left at any moment
    /// by dropping the future or ending the process, and called again.
    ///
    /// # Errors
    ///
    /// As [`ProjectHandle::advance`].
    pub fn run(&self) -> Operation<'_, EndReason, LoopEvent> {
        Operation::new(move |on| async move {
            let options = StepOptions::default();
            loop {
                let (advance, _) = self.carry_on(&options, &*on, |_| false).await?;
                if let Advance::Ended(reason) = advance {
                    return Ok(reason);
                }
            }
        })
    }

    /// Carries the project on as [`ProjectHandle::run`], with options for every step: with
    /// `wait: false` it also returns, with [`Advance::Waiting`], where labels are missing.
    ///
    /// # Errors
    ///
    /// As [`ProjectHandle::advance`].
    pub fn run_with<'a>(&'a self, options: &'a StepOptions) -> Operation<'a, Advance, LoopEvent> {
        let to_the_end = |_: &ProjectState| false;
        Operation::new(
            move |on| async move { Ok(self.carry_on(options, &*on, to_the_end).await?.0) },
        )
    }

    /// Carries the project on until one more iteration is finished, and returns it: one turn of a
    /// `for` loop over the iterations. An iteration that was left in the middle is finished first.
    ///
    /// # Errors
    ///
    /// As [`ProjectHandle::advance`].
    pub fn next_iteration<'a>(
        &'a self,
        options: &'a StepOptions,
    ) -> Operation<'a, Turn, LoopEvent> {
        let last_is_finished =
            |state: &ProjectState| state.iterations.last().is_some_and(Iteration::is_finished);
        Operation::new(move |on| async move {
            let (advance, mut state) = self.carry_on(options, &*on, last_is_finished).await?;
            Ok(match (advance, state.iterations.pop()) {
                (Advance::Waiting { iteration, status }, _) => Turn::Waiting { iteration, status },
                (Advance::Ended(reason), _) => Turn::Ended(reason),
                (Advance::Finished { .. }, Some(done)) => Turn::Finished(done),
                (Advance::Finished { .. }, None) => {
                    let message = "the project's record lacks what it just finished";
                    return Err(Error::corrupted(message));
                }
            })
        })
    }

    /// Does steps until the state after one is enough, or none can be done; returns what the last
    /// one did, and the state.
    async fn carry_on(
        &self,
        options: &StepOptions,
        on: OnLoopEvent<'_>,
        enough: fn(&ProjectState) -> bool,
    ) -> Result<(Advance, ProjectState)> {
        let _lock = self.lock()?;
        let (mut tip, mut state) = self.load().await?;
        loop {
            let advance;
            (advance, tip, state) = self.take_step(tip, state, options, on).await?;
            if !matches!(advance, Advance::Finished { .. }) || enough(&state) {
                return Ok((advance, state));
            }
        }
    }

    async fn take_step(
        &self,
        tip: Version,
        mut state: ProjectState,
        options: &StepOptions,
        on: OnLoopEvent<'_>,
    ) -> Result<(Advance, Version, ProjectState)> {
        let (iteration, step) = match state.next() {
            Action::Run(iteration, step) => (iteration, step),
            Action::End(reason) => return Ok((Advance::Ended(reason), tip, state)),
        };
        on(LoopEvent::Started { iteration, step });
        let begin = Instant::now();
        let result = match self.do_step(&state, iteration, step, options, on).await? {
            Ok(result) => result,
            Err(status) => return Ok((Advance::Waiting { iteration, status }, tip, state)),
        };
        state.apply(result.clone(), Timestamp::now())?;
        let message = format!("Iteration {iteration}: {}", step.title());
        let tip = self.save(&state, Expect::Tip(tip.id), &message).await?;
        let elapsed = begin.elapsed();
        on(LoopEvent::Finished { iteration, result: result.clone(), elapsed });
        Ok((Advance::Finished { iteration, result }, tip, state))
    }
}

fn seconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(elapsed.as_secs_f64())
}
