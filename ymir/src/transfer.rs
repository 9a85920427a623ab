use std::path::Path;

use ymir_core::Branch;

use crate::{
    Dataset, ExportOptions, ExportReport, Format, ImportOptions, ImportReport, Operation, Workspace,
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
    pub fn import_dataset<'a>(
        &'a self,
        source: impl AsRef<Path>,
        format: Format,
        dataset: &'a str,
        options: &'a ImportOptions,
    ) -> Operation<'a, ImportReport> {
        let source = source.as_ref().to_owned();
        Operation::new(move |on| async move {
            let (store, branch) = (self.store(), Branch::dataset(dataset)?);
            ymir_data::import_dataset(store, &source, format, &branch, options, &*on).await
        })
    }
}

impl Dataset {
    /// Exports the dataset version or prediction set as a folder.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the destination has anything in it; `Unsupported` if the format cannot
    /// hold annotations.
    pub fn export<'a>(
        &'a self,
        destination: impl AsRef<Path>,
        format: Format,
        options: &'a ExportOptions,
    ) -> Operation<'a, ExportReport> {
        let destination = destination.as_ref().to_owned();
        Operation::new(move |on| async move {
            let (store, id) = (self.workspace().store(), self.id());
            ymir_data::export_dataset(store, &id, &destination, format, options, &*on).await
        })
    }
}
