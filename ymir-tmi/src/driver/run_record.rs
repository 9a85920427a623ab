use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ymir_core::{Error, Result, RunHandle, Timestamp};

/// The run of a unit as it is written down before it starts: `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RunRecord {
    pub(super) handle: RunHandle,
    /// When the run was created; its time limit counts from here.
    pub(super) created: Timestamp,
}

impl RunRecord {
    fn path(unit_dir: &Path) -> PathBuf {
        unit_dir.join("run.json")
    }

    /// Returns the record of a unit, if a run was created for it.
    pub(super) fn read(unit_dir: &Path) -> Result<Option<Self>> {
        let path = Self::path(unit_dir);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("cannot read the record of a run", &path, error)),
        };
        let record = serde_json::from_slice(&text).map_err(|error| {
            Error::corrupted("the record of a run is damaged")
                .with("path", path.display())
                .caused_by(error)
        })?;
        Ok(Some(record))
    }

    /// Writes the record, whole or not at all. It need not outlast a crash of the machine: no run
    /// does.
    pub(super) fn write(&self, unit_dir: &Path) -> Result<()> {
        let path = Self::path(unit_dir);
        let fail = |error| Error::io("cannot record a run", &path, error);
        let mut file = tempfile::NamedTempFile::new_in(unit_dir).map_err(fail)?;
        serde_json::to_writer(&mut file, self).map_err(|error| fail(error.into()))?;
        file.persist(&path).map_err(|error| fail(error.error))?;
        Ok(())
    }

    /// Removes the record of a run that never started.
    pub(super) fn remove(unit_dir: &Path) {
        // One that stays names a run of which there is no trace.
        let _ = fs::remove_file(Self::path(unit_dir));
    }
}
