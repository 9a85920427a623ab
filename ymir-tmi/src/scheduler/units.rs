//! The units of a task: each waits for its resources, runs, and gives them back.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;
use ymir_core::{
    Error, ErrorKind, ErrorReport, Grant, Result, TaskContext, TaskReporter, TaskStep, UnitContext,
};

use super::drive::{Drive, PANICKED, Stop, caught};
use super::events::to_nanos;
use super::host::{Claim, Ticket};
use super::tasks;

/// How long it is waited before a run whose end is not known is ended again, at most.
const PAUSE: Duration = Duration::from_secs(30);

/// What a unit begins with.
enum Start {
    /// It has ended in an earlier process.
    Ended(Result<()>),
    /// It holds this since an earlier process, and its run may go on.
    Holds(Grant),
    /// It waits for resources.
    Waits(Ticket),
    /// It needs none of this host's.
    Free(Grant),
}

impl Drive {
    /// Runs all units to their ends, and returns how: the first error, if there was one. A unit that
    /// fails stops the others.
    pub(super) async fn run_units(&mut self) -> Result<Result<()>, Stop> {
        let mut starts = Vec::new();
        for unit in 0..self.units() {
            starts.push(self.start_of(unit).await?);
        }
        if self.record.step == TaskStep::Prepare {
            self.enter(TaskStep::Allocate).await?;
        }
        let stop = self.signals.cancel.child_token();
        let drive = &*self;
        let mut units: FuturesUnordered<_> =
            (0..).zip(starts).map(|(unit, start)| drive.unit(unit, start, stop.clone())).collect();
        let (mut ran, mut first) = (false, None);
        while let Some(ended) = units.next().await {
            ran |= ended.is_ok();
            let error = match ended {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => Stop::Failed(error),
                Err(stop) => stop,
            };
            stop.cancel();
            first.get_or_insert(error);
        }
        drop(units);
        if ran {
            self.record.step = TaskStep::Run;
        }
        match first {
            None => Ok(Ok(())),
            Some(Stop::Failed(error)) if ran => Ok(Err(error)),
            Some(Stop::Cancelled) if ran => Ok(Err(cancelled())),
            Some(stop) => Err(stop),
        }
    }

    /// Finds out where a unit begins; one that needs resources takes its place in the queue.
    async fn start_of(&self, unit: u32) -> Result<Start, Stop> {
        let recorded = &self.record.units[unit as usize];
        if let Some(result) = &recorded.result {
            return Ok(Start::Ended(result.clone().map_err(Error::from)));
        }
        if self.driver().queues_elsewhere(&self.context.spec) {
            let (cpus, memory) = (self.need.cpus, self.need.memory);
            let none = Grant { gpus: Vec::new(), cpus, memory };
            return Ok(match &recorded.grant {
                Some(grant) => Start::Holds(grant.clone()),
                None => Start::Free(none),
            });
        }
        match &recorded.grant {
            Some(grant) => {
                self.shared.broker.adopt(self.claim(unit), grant.clone()).await?;
                Ok(Start::Holds(grant.clone()))
            }
            None if self.signals.cancel.is_cancelled() => Err(Stop::Cancelled),
            None => Ok(Start::Waits(self.shared.broker.claim(self.claim(unit)).await?)),
        }
    }

    fn claim(&self, unit: u32) -> Claim {
        let spec = &self.context.spec;
        Claim {
            task: spec.id.clone(),
            unit,
            attempt: self.context.attempt,
            priority: spec.priority,
            share: spec.share.clone(),
            order: to_nanos(self.record.created).max(0).cast_unsigned(),
            need: self.need,
        }
    }

    /// Takes a unit from its start to the end of its run.
    async fn unit(
        &self,
        unit: u32,
        start: Start,
        stop: CancellationToken,
    ) -> Result<Result<()>, Stop> {
        let (grant, held) = match start {
            Start::Ended(result) => {
                self.release(unit).await;
                return Ok(result);
            }
            Start::Holds(grant) => (grant, true),
            Start::Free(grant) => (grant, false),
            Start::Waits(ticket) => {
                let granted = tokio::select! {
                    biased;
                    () = stop.cancelled() => Err(Stop::Cancelled),
                    granted = ticket.granted() => granted.map_err(Stop::Failed),
                };
                match granted {
                    Ok(grant) => (grant, false),
                    Err(stop) => {
                        self.release(unit).await;
                        return Err(stop);
                    }
                }
            }
        };
        let ended = self.granted(unit, grant, held, stop).await;
        if !matches!(ended, Err(Stop::Disowned)) {
            self.release(unit).await;
        }
        ended
    }

    /// Runs a unit that has its resources.
    async fn granted(
        &self,
        unit: u32,
        grant: Grant,
        held: bool,
        stop: CancellationToken,
    ) -> Result<Result<()>, Stop> {
        if !held {
            if stop.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let granted = grant.clone();
            self.change(move |db, id, owner| tasks::grant(db, id, owner, unit, &granted)).await?;
        }
        let result = if held && self.stopped_before {
            self.end_run(unit).await;
            Err(cancelled())
        } else {
            self.execute(unit, &grant, stop).await
        };
        let recorded = result.as_ref().copied().map_err(ErrorReport::from);
        self.change(move |db, id, owner| tasks::end_unit(db, id, owner, unit, &recorded)).await?;
        Ok(result)
    }

    /// Runs the executor until it has ended, or is said to have.
    async fn execute(&self, unit: u32, grant: &Grant, stop: CancellationToken) -> Result<()> {
        let reporter = Arc::new(self.reporter.of_unit(unit, stop));
        if self.record.units[unit as usize].stalled {
            reporter.stalled(None);
        }
        let context = UnitContext {
            task: TaskContext { reporter, ..self.context.clone() },
            unit,
            dir: self.unit_dir(unit),
            position: self.record.units[unit as usize].position.clone(),
        };
        let result = tokio::select! {
            biased;
            () = self.signals.settle.cancelled() => return Err(settled()),
            result = caught(TaskStep::Run, self.driver().run(&context, grant)) => result,
        };
        if result.as_ref().is_err_and(|error| error.message() == PANICKED) {
            // Nobody knows whether its run goes on.
            self.end_run(unit).await;
        }
        result
    }

    /// Ends the run of a unit, however long that takes.
    async fn end_run(&self, unit: u32) {
        let dir = self.unit_dir(unit);
        let mut pause = Duration::from_secs(1);
        let reporter = self.reporter.of_unit(unit, self.signals.cancel.clone());
        loop {
            let ended =
                caught(TaskStep::Run, self.driver().end_run(&self.context.spec, &dir)).await;
            let Err(error) = ended else { return };
            if !error.is_retryable() {
                return self.note(format!("the run could not be ended: {error}"));
            }
            reporter.stalled(Some(&error));
            tokio::select! {
                biased;
                () = self.signals.settle.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE),
            }
        }
    }

    async fn release(&self, unit: u32) {
        if self.driver().queues_elsewhere(&self.context.spec) {
            return;
        }
        if let Err(error) = self.shared.broker.release(&self.context.spec.id, unit).await {
            self.note(format!("what the run held could not be given back: {error}"));
        }
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the task was cancelled")
}

/// Returns why a task failed whose run counts as ended.
pub(super) fn settled() -> Error {
    let message = "it could not be found out how the run ended, and the task was settled";
    Error::new(ErrorKind::Unavailable, message).retryable(false)
}
