use std::path::Path;

use ymir_assets::formats;
use ymir_core::{Branch, BranchKind, Result};

use crate::{ExportOptions, ExportReport, ImportOptions, ImportReport, Progress, Workspace};

impl Workspace {
    /// Imports a Pascal VOC folder as a new version of a dataset.
    ///
    /// Nothing is committed unless the whole import goes well; single files that cannot be used are
    /// left out and named in the report.
    ///
    /// # Errors
    ///
    /// `NotFound` if the folder does not exist; `InvalidInput` if nothing in it can be used, or if
    /// it has unknown classes and [`ImportOptions::unknown_classes`] says stop.
    pub async fn import_voc(
        &self,
        source: impl AsRef<Path>,
        dataset: &str,
        options: &ImportOptions,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ImportReport> {
        let branch = Branch::dataset(dataset)?;
        formats::import_voc(self.store(), source.as_ref(), &branch, options, progress).await
    }

    /// Imports the images of a folder and of those below it, without annotations, as a new version
    /// of a dataset: a mining pool, for example.
    ///
    /// # Errors
    ///
    /// `NotFound` if the folder does not exist; `InvalidInput` if it has no image that can be used.
    pub async fn import_images(
        &self,
        source: impl AsRef<Path>,
        dataset: &str,
        options: &ImportOptions,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ImportReport> {
        let branch = Branch::dataset(dataset)?;
        formats::import_images(self.store(), source.as_ref(), &branch, options, progress).await
    }

    /// Exports a dataset version or prediction set as a Pascal VOC folder.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the destination has anything in it.
    pub async fn export_voc(
        &self,
        kind: BranchKind,
        spec: &str,
        destination: impl AsRef<Path>,
        options: &ExportOptions,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ExportReport> {
        let version = self.resolve(kind, spec).await?.id;
        formats::export_voc(self.store(), &version, destination.as_ref(), options, progress).await
    }
}
