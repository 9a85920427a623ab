use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use ymir_core::{Result, TaskId, Timestamp};

use super::blocking::blocking;
use super::journal::Journal;
use super::local::LocalScheduler;
use super::options::Retention;
use super::outbox::Outbox;
use super::{directory, tasks};

/// What cleaning did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CleanReport {
    /// The tasks whose directories are gone.
    pub removed: Vec<TaskId>,
    /// What could not be removed.
    pub left: Vec<UnremovedFile>,
}

/// A file or directory that could not be removed, and how it can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnremovedFile {
    /// Its path.
    pub path: PathBuf,
    /// The user that it belongs to, if it is another one.
    pub user: Option<u32>,
    /// What failed, and what to do about it.
    pub reason: String,
}

impl LocalScheduler {
    /// Removes directories of ended tasks that are older than `max_age`, by default than the
    /// retention of the options says, and all but the newest of its `max_count`. What earlier
    /// cleaning could not remove is tried again.
    ///
    /// # Errors
    ///
    /// - As reading the database; what cannot be removed is no error but reported.
    pub async fn clean(&self, max_age: Option<Duration>) -> Result<CleanReport> {
        let retention = self.inner.options.retention;
        let retention = Retention { max_age: max_age.or(retention.max_age), ..retention };
        clean(&self.inner.outbox, &self.inner.options.tasks_dir, retention).await
    }
}

/// Removes the directories of ended tasks that are not to stay.
pub(super) async fn clean(
    outbox: &Outbox,
    tasks_dir: &Path,
    retention: Retention,
) -> Result<CleanReport> {
    let kept = outbox.call(|journal| journal.read(tasks::kept)).await?;
    let now = Timestamp::now();
    let old = |time: Timestamp| {
        let age = Duration::try_from(now.duration_since(time)).unwrap_or_default();
        retention.max_age.is_some_and(|most| age >= most)
    };
    let surplus = kept.into_iter().enumerate().filter(|(place, (_, _, time))| {
        old(*time) || retention.max_count.is_some_and(|most| *place >= most)
    });
    let surplus: Vec<_> = surplus.map(|(_, (id, _, _))| id).collect();
    let tasks_dir = tasks_dir.to_owned();
    let (report, gone) = blocking(move || {
        let (mut report, mut gone) = (CleanReport::default(), Vec::new());
        for id in surplus {
            let there = directory::path(&tasks_dir, &id).exists();
            if directory::put_all_aside(&tasks_dir, &id, &mut report.left) {
                report.removed.extend(there.then(|| id.clone()));
                gone.push(id);
            }
        }
        directory::empty(&tasks_dir, &mut report.left);
        Ok((report, gone))
    })
    .await?;
    let record = move |journal: &mut Journal| {
        gone.iter().try_for_each(|id| journal.change(id, |db| tasks::cleaned(db, id)))
    };
    outbox.call(record).await?;
    Ok(report)
}
