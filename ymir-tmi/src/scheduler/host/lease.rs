use std::path::PathBuf;

use rusqlite::Row;
use serde::{Deserialize, Serialize};
use ymir_core::{Error, Grant, TaskId, TaskOwner, Timestamp, WorkspaceId};

use super::process::ProcessId;
use crate::scheduler::owner::Owner;

/// What a run holds of the resources of its host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostLease {
    /// The workspace of the task.
    pub workspace: WorkspaceId,
    /// The directory of the workspace.
    pub root: PathBuf,
    /// The task.
    pub task: TaskId,
    /// The unit, from 0.
    pub unit: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// What is held.
    pub grant: Grant,
    /// The process that it was granted to, or that adopted the task since.
    pub owner: TaskOwner,
    /// When it was granted.
    pub since: Timestamp,
    /// Whether it is still held.
    pub state: LeaseState,
}

/// Whether a lease is still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// The process that carries the task on is alive.
    Held,
    /// That process is gone and its run may go on; whoever serves the workspace adopts it.
    Stale,
    /// That process is gone, and its workspace cannot be read to find out about the run.
    Unknown,
}

/// The scheduler that a lease is held by, or a request made by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::scheduler) struct Holder {
    pub(in crate::scheduler) workspace: WorkspaceId,
    pub(in crate::scheduler) root: PathBuf,
    pub(in crate::scheduler) database: PathBuf,
    /// The file that is locked while the scheduler lives.
    pub(in crate::scheduler) lock: PathBuf,
    pub(in crate::scheduler) pid: u32,
    pub(in crate::scheduler) start: Option<u64>,
}

impl Holder {
    /// Returns whether the scheduler is alive. Where its workspace was removed, its process tells.
    pub(super) fn is_alive(&self) -> bool {
        Owner::holds(&self.lock).unwrap_or_else(|| {
            !self.root.exists() && ProcessId { pid: self.pid, start: self.start }.is_alive()
        })
    }
}

/// A lease as it is recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(skip)]
    pub(super) number: i64,
    pub(super) holder: Holder,
    pub(super) task: TaskId,
    pub(super) unit: u32,
    pub(super) attempt: u32,
    pub(super) grant: Grant,
    /// Seconds since 1970.
    pub(super) since: f64,
    #[serde(skip)]
    pub(super) share: String,
    #[serde(skip)]
    pub(super) weight: f64,
}

impl Record {
    pub(super) const COLUMNS: &str = "number, record, share, weight";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text: String = row.get(1)?;
        let record: Self = serde_json::from_str(&text).map_err(|error| {
            let kind = rusqlite::types::Type::Text;
            rusqlite::Error::FromSqlConversionFailure(1, kind, error.into())
        })?;
        Ok(Self { number: row.get(0)?, share: row.get(2)?, weight: row.get(3)?, ..record })
    }

    /// Returns it for people, or for the leases of the GPUs.
    pub(super) fn text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| {
            let message = "cannot write down a lease; the path of the workspace must be UTF-8";
            Error::invalid(message).with("task", &self.task).caused_by(error)
        })
    }

    pub(super) fn publish(self, state: LeaseState) -> HostLease {
        HostLease {
            workspace: self.holder.workspace,
            root: self.holder.root,
            task: self.task,
            unit: self.unit,
            attempt: self.attempt,
            grant: self.grant,
            owner: TaskOwner { pid: self.holder.pid },
            since: Timestamp::from_nanosecond((self.since * 1e9) as i128).unwrap_or_default(),
            state,
        }
    }
}
