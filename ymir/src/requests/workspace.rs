use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{BlobLocation, WorkspaceOptions};

/// What [`Workspace::open_with`](crate::Workspace::open_with) and
/// [`Workspace::init_with`](crate::Workspace::init_with) are given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkspaceRequest {
    /// See [`WorkspaceOptions::create`].
    pub create: bool,
    /// See [`WorkspaceOptions::cpus`].
    pub cpus: Option<u32>,
    /// See [`WorkspaceOptions::blobs`].
    pub blobs: Option<BlobLocation>,
    /// See [`WorkspaceOptions::host_dir`].
    pub host_dir: Option<PathBuf>,
    /// See [`WorkspaceOptions::observe_tasks`].
    pub observe_tasks: bool,
}

impl WorkspaceRequest {
    /// Returns the options.
    pub fn options(&self) -> WorkspaceOptions {
        let Self { create, cpus, blobs, host_dir, observe_tasks } = self.clone();
        let default = WorkspaceOptions::default();
        WorkspaceOptions { create, blobs, cpus, host_dir, observe_tasks, ..default }
    }
}
