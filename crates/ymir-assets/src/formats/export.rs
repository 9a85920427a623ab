use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{
    AssetId, AssetStore, BranchKind, ClassTable, Error, Name, Result, Transfer, VersionId,
};

use super::export_names::FileNames;
use super::export_staging::Staging;
use super::progress::{OnProgress, Ticker};
use crate::blocking::blocking;
use crate::pages::Pages;

/// How a dataset is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportOptions {
    /// How the image files come to stand in the destination. Whoever writes into a hard link in
    /// place breaks the workspace's copy.
    pub transfer: Transfer,
    /// The name of the list in `ImageSets/Main`; that of the version's branch by default.
    pub list: Option<Name>,
}

/// What an export did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportReport {
    /// Images.
    pub images: u64,
    /// Annotations on them.
    pub annotations: u64,
    /// Images whose file has another name than at its import, in the order of their ids.
    pub renamed: Vec<Renamed>,
}

/// An image whose file has another name than at its import, since another image has it or it is
/// not safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    /// The asset.
    pub id: AssetId,
    /// Its name at its import.
    pub from: String,
    /// The name of its file.
    pub to: String,
}

/// Exports a version as a Pascal VOC folder: `JPEGImages`, `Annotations` and one list in
/// `ImageSets/Main`.
///
/// Images keep the names that they had at their import, as far as these are safe and differ.
/// Edges are inclusive, whole where the box is, else fractions; [`import_voc`](super::import_voc)
/// of the result gives the same records. What the format has no element for stands in elements
/// that other programs pass over: `crowd`, `original_filename` for a renamed image, `tags` with
/// attributes, `w` and `h` where fractions would lose their last bits.
///
/// The destination is made, or is an empty folder; if the export fails or its future is dropped,
/// nothing is left in it.
///
/// # Errors
///
/// - `NotFound` if the version, or the file of one of its images, does not exist.
/// - `AlreadyExists` if the destination is not empty.
/// - `InvalidInput` if the version holds no records (a model, a project).
pub async fn export_voc(
    store: &Arc<dyn AssetStore>,
    version: &VersionId,
    destination: &Path,
    options: &ExportOptions,
    progress: OnProgress<'_>,
) -> Result<ExportReport> {
    let named = store.version(version).await?;
    if !matches!(named.branch.kind, BranchKind::Dataset | BranchKind::Prediction) {
        let message = "only datasets and prediction sets can be exported";
        return Err(Error::invalid(message).with("version", &named.branch));
    }
    let manifest = store.manifest(version).await?;
    let classes = Arc::new(manifest.classes);
    let folder = destination.to_owned();
    let staging = Arc::new(blocking(move || Staging::new(folder)).await?);

    let list = options.list.clone().unwrap_or(named.branch.name);
    let ticker = Ticker::start(progress, manifest.summary.assets);
    let run = Run { store, version, transfer: options.transfer, classes, list };
    let result = run.write(&staging, ticker).await;
    let cleared = blocking(move || {
        Staging::clear(staging);
        Ok(())
    });
    cleared.await.and(result)
}

/// An export on its way.
struct Run<'a> {
    store: &'a Arc<dyn AssetStore>,
    version: &'a VersionId,
    transfer: Transfer,
    classes: Arc<ClassTable>,
    list: Name,
}

impl Run<'_> {
    async fn write(self, staging: &Arc<Staging>, mut ticker: Ticker<'_>) -> Result<ExportReport> {
        let mut report = ExportReport { images: 0, annotations: 0, renamed: Vec::new() };
        let mut names = FileNames::default();
        let mut list = String::new();
        let mut pages = Pages::new(self.store, *self.version);
        while let Some(records) = pages.next_page().await? {
            let mut named = Vec::with_capacity(records.len());
            for record in records {
                let (stem, name) = names.assign(&record.asset);
                list.push_str(&stem);
                list.push('\n');
                report.images += 1;
                report.annotations += record.annotations.len() as u64;
                if name != record.asset.file_name {
                    let (id, from) = (record.asset.id, record.asset.file_name.clone());
                    report.renamed.push(Renamed { id, from, to: name.clone() });
                }
                named.push((record, stem, name));
            }
            let count = named.len() as u64;
            let blobs: Vec<_> = named
                .iter()
                .map(|(record, _, name)| (record.asset.id, staging.images().join(name)))
                .collect();
            self.store.export_blobs(&blobs, self.transfer).await?;
            let (staging, classes) = (staging.clone(), self.classes.clone());
            blocking(move || staging.write_annotations(&named, &classes)).await?;
            ticker.advance(count);
        }

        let (staging, name) = (staging.clone(), self.list);
        blocking(move || staging.finish(&name, &list)).await?;
        ticker.finish();
        Ok(report)
    }
}
