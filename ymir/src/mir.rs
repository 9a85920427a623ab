use std::path::Path;

use ymir_mir::{MirOptions, MirReport};

use crate::{Operation, Workspace};

impl Workspace {
    /// Imports a repository of the original YMIR, made by its command `mir` 2.x: its datasets and
    /// prediction sets with all their versions and where they come from, its classes, and its
    /// models where their packages are there.
    ///
    /// What cannot be brought over is named in the report. The repository is not changed. The same
    /// import again finds what it made and makes nothing.
    ///
    /// # Errors
    ///
    /// As [`ymir_mir::import_mir`]: among others `InvalidInput` if it is
    /// no such repository or its images are not found, `AlreadyExists` if the workspace has other
    /// datasets of the same names.
    pub fn import_mir<'a>(
        &'a self,
        repository: impl AsRef<Path>,
        options: &'a MirOptions,
    ) -> Operation<'a, MirReport> {
        let repository = repository.as_ref().to_owned();
        Operation::new(move |on| async move {
            ymir_mir::import_mir(self.store(), &repository, options, &*on).await
        })
    }
}
