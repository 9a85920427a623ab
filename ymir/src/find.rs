use std::path::{Path, PathBuf};

use ymir_core::{Error, ProjectState, Result, VersionId};

use crate::Workspace;
use crate::workspace::CONFIG;

impl Workspace {
    /// Returns the nearest directory that is a workspace: this one, or one that it is in.
    pub fn find(start: impl AsRef<Path>) -> Option<PathBuf> {
        let mut folders = start.as_ref().ancestors();
        folders.find(|folder| folder.join(CONFIG).is_file()).map(Path::to_path_buf)
    }

    /// Returns the definition and the state that a version of a project holds.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such version; `InvalidInput` if it is none of a project;
    /// `Corrupted` if it cannot be read.
    pub async fn project_state(&self, version: &VersionId) -> Result<ProjectState> {
        let text =
            self.store().manifest(version).await?.project.ok_or_else(|| {
                Error::invalid("this version is no project").with("version", version)
            })?;
        serde_json::from_str(&text).map_err(|e| {
            Error::corrupted("the project's record cannot be read")
                .with("version", version)
                .caused_by(e)
        })
    }
}
