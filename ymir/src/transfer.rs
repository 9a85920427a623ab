use std::path::Path;

use ymir_core::{Branch, Result};

use crate::{
    Dataset, ExportOptions, ExportReport, Format, ImportOptions, ImportReport, Progress, Workspace,
};

impl Workspace {
    /// Imports a folder, or an archive of one, as a new version of a dataset.
    ///
    /// Nothing is committed unless the whole import goes well; single files that cannot be used are
    /// left out and named in the report.
    ///
    /// # Errors
    ///
    /// `NotFound` if the folder does not exist; `InvalidInput` if nothing in it can be used, or if
    /// it has unknown classes and [`ImportOptions::unknown_classes`] says stop.
    pub async fn import_dataset(
        &self,
        source: impl AsRef<Path>,
        format: Format,
        dataset: &str,
        options: &ImportOptions,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ImportReport> {
        let branch = Branch::dataset(dataset)?;
        let store = self.store();
        ymir_data::import_dataset(store, source.as_ref(), format, &branch, options, progress).await
    }
}

impl Dataset {
    /// Exports the dataset version or prediction set as a folder.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the destination has anything in it; `Unsupported` if the format cannot
    /// hold annotations.
    pub async fn export(
        &self,
        destination: impl AsRef<Path>,
        format: Format,
        options: &ExportOptions,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ExportReport> {
        let (store, id) = (self.workspace().store(), self.id());
        ymir_data::export_dataset(store, &id, destination.as_ref(), format, options, progress).await
    }
}
