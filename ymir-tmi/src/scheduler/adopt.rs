//! Tasks whose owner died: who carries them on.

use std::sync::{Arc, Weak};
use std::time::Duration;

use ymir_core::{
    Error, ErrorKind, ErrorReport, Result, RunState, TaskId, TaskState, TaskStep, Timestamp,
};

use super::directory;
use super::drive::Shared;
use super::journal::Journal;
use super::local::Inner;
use super::owner::Owner;
use super::tasks::{self, End, Record};

/// How often a scheduler that serves looks for tasks whose owner died.
const PERIOD: Duration = Duration::from_secs(1);

/// What became of the runs of a task that this process cannot carry on.
enum Runs {
    /// There are none, or they may go on, or they have ended.
    Kept,
    /// They are gone without a trace of how they ended.
    Lost,
    /// They were ended.
    Ended,
}

impl Inner {
    /// Adopts the tasks that have no living owner. Returns those that this process carries on now.
    pub(super) async fn adopt(&self) -> Result<Vec<TaskId>> {
        let shared = self.serving()?;
        let _one_at_a_time = self.adopting.lock().await;
        let mut adopted = Vec::new();
        for record in self.outbox.call(orphans).await? {
            let id = record.spec.id.clone();
            if !shared.driver.can_carry(&record.spec) {
                // What cannot be found out or recorded now can be the next time.
                let _ = conclude(&shared, &record).await;
                continue;
            }
            if self.take(&shared, record).await? {
                adopted.push(id);
            }
        }
        Ok(adopted)
    }

    /// Makes a task this process's, unless another was faster, and carries it on.
    async fn take(&self, shared: &Arc<Shared>, record: Record) -> Result<bool> {
        let need = self.amount(&record.spec.resources);
        let (owner, starter) = (shared.owner.id.clone(), self.starter(shared));
        self.outbox
            .call(move |journal: &mut Journal| {
                let id = record.spec.id.clone();
                let from = record.owner.as_deref();
                if !journal.change(&id, |db| tasks::pass_on(db, &id, from, Some(&owner)))? {
                    return Ok(false);
                }
                let found = journal.read(|db| tasks::record(db, &id))?;
                starter.start(found.unwrap_or(record), need);
                journal.heed();
                Ok(true)
            })
            .await
    }
}

/// Adopts from time to time, until the scheduler is dropped or closed.
pub(super) async fn serve(inner: Weak<Inner>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let Some(inner) = inner.upgrade() else { return };
        match inner.adopt().await {
            Err(error) if error.kind() == ErrorKind::Cancelled => return,
            // A database that cannot be written now can be later.
            _ => {}
        }
    }
}

/// Returns the unfinished tasks that have no living owner.
fn orphans(journal: &mut Journal) -> Result<Vec<Record>> {
    let own = journal.owner.as_ref().map(|own| own.id.clone());
    let mut others = journal.read(|db| tasks::others(db, own.as_deref()))?;
    let database = &journal.database;
    others.retain(|task| !task.owner.as_deref().is_some_and(|id| Owner::is_alive(database, id)));
    Ok(others)
}

/// Ends a task that this process cannot carry on, if nobody can: it was cancelled, or its runs are
/// lost and no attempt is left. With an attempt left it waits for a process that can.
async fn conclude(shared: &Arc<Shared>, record: &Record) -> Result<()> {
    let runs = runs(shared, record).await?;
    let end = match runs {
        Runs::Ended => End { state: TaskState::Terminated, error: None, output: Vec::new() },
        Runs::Lost if record.attempt > record.spec.retry.retries => {
            let error = Some(ErrorReport::from(&lost(&record.spec.id)));
            End { state: TaskState::Failed, error, output: Vec::new() }
        }
        Runs::Lost => return again(shared, record).await,
        Runs::Kept => return Ok(()),
    };
    let (id, from) = (record.spec.id.clone(), record.owner.clone());
    let finish = move |journal: &mut Journal| {
        journal.change(&id, |db| tasks::finish(db, &id, from.as_deref(), &end))
    };
    if shared.outbox.call(finish).await? {
        release(shared, record).await?;
    }
    Ok(())
}

/// Finds out about the runs of a task, and ends them if it was cancelled.
async fn runs(shared: &Shared, record: &Record) -> Result<Runs> {
    let dir = directory::path(&shared.tasks_dir, &record.spec.id);
    let mut lost = false;
    for (unit, recorded) in (0..).zip(&record.units) {
        if recorded.grant.is_none() || recorded.result.is_some() {
            continue;
        }
        let dir = record.spec.unit_dir(&dir, unit);
        if record.cancelled {
            shared.driver.end_run(&record.spec, &dir).await?;
            continue;
        }
        match shared.driver.run_state(&record.spec, &dir).await {
            Ok(None | Some(RunState::Lost)) => lost = true,
            Ok(Some(_)) => return Ok(Runs::Kept),
            Err(error) => {
                if !recorded.stalled {
                    stall(shared, &record.spec.id, unit, &error).await?;
                }
                return Err(error);
            }
        }
    }
    Ok(match (record.cancelled, lost) {
        (true, _) => Runs::Ended,
        (false, true) if record.step == TaskStep::Run => Runs::Lost,
        (false, _) => Runs::Kept,
    })
}

async fn stall(shared: &Shared, id: &TaskId, unit: u32, error: &Error) -> Result<()> {
    let (id, reason) = (id.clone(), ErrorReport::from(error));
    let stall = move |journal: &mut Journal| {
        journal.change(&id, |db| tasks::stall(db, &id, unit, Some(&reason)))
    };
    shared.outbox.call(stall).await
}

/// Leaves a task whose runs are lost to a process that can try it again.
async fn again(shared: &Arc<Shared>, record: &Record) -> Result<()> {
    let (id, from) = (record.spec.id.clone(), record.owner.clone());
    let owner = shared.owner.id.clone();
    let retry = move |journal: &mut Journal| {
        journal.change(&id, |db| {
            let ours = tasks::pass_on(db, &id, from.as_deref(), Some(&owner))?
                && tasks::retry(db, &id, &owner, Timestamp::now())?;
            if ours {
                tasks::pass_on(db, &id, Some(&owner), None)?;
            }
            Ok(ours)
        })
    };
    if shared.outbox.call(retry).await? {
        release(shared, record).await?;
    }
    Ok(())
}

async fn release(shared: &Arc<Shared>, record: &Record) -> Result<()> {
    for unit in (0..).take(record.units.len()) {
        shared.broker.release(&record.spec.id, unit).await?;
    }
    Ok(())
}

fn lost(id: &TaskId) -> Error {
    let message = "the process that ran this task ended before it did, and its run with it; submit \
                   it again";
    Error::new(ErrorKind::Unavailable, message).with("task", id)
}
