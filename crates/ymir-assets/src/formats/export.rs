use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use ymir_core::{
    AssetId, AssetStore, BranchKind, ClassTable, Error, ErrorKind, Name, Record, Result, Transfer,
    VersionId,
};

use super::export_names::FileNames;
use super::progress::{OnProgress, Ticker};
use super::voc_write::write;
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

    let mut ticker = Ticker::start(progress, manifest.summary.assets);
    let mut report = ExportReport { images: 0, annotations: 0, renamed: Vec::new() };
    let mut names = FileNames::default();
    let mut list = String::new();
    let mut pages = Pages::new(store, *version);
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
        store.export_blobs(&blobs, options.transfer).await?;
        let (staging, classes) = (staging.clone(), classes.clone());
        blocking(move || staging.write_annotations(&named, &classes)).await?;
        ticker.advance(count);
    }

    let name = options.list.clone().unwrap_or(named.branch.name);
    blocking(move || staging.finish(&name, &list)).await?;
    ticker.finish();
    Ok(report)
}

/// The folder that an export is written to before it is moved to its place. Dropping it leaves
/// nothing behind that was not finished.
#[derive(Debug)]
struct Staging {
    destination: PathBuf,
    /// The folders that had to be made, the innermost last.
    made: Vec<PathBuf>,
    /// Within the destination, so that a rename is enough.
    folder: Option<TempDir>,
}

impl Staging {
    fn new(destination: PathBuf) -> Result<Self> {
        let failed = "the destination of the export cannot be made";
        let lacking =
            destination.ancestors().filter(|p| *p != Path::new("")).take_while(|p| !p.exists());
        let mut made: Vec<PathBuf> = lacking.map(Path::to_owned).collect();
        made.reverse();
        fs::create_dir_all(&destination).map_err(|e| Error::io(failed, &destination, e))?;
        let mut staging = Self { destination, made, folder: None };
        let destination = &staging.destination;
        let mut content =
            fs::read_dir(destination).map_err(|e| Error::io(failed, destination, e))?;
        if content.next().is_some() {
            let message = "the destination of an export must be empty; choose a new folder";
            return Err(
                Error::new(ErrorKind::AlreadyExists, message).with("path", destination.display())
            );
        }
        let folder = tempfile::Builder::new().prefix(".ymir-export-").tempdir_in(destination);
        let folder = folder.map_err(|e| Error::io(failed, destination, e))?;
        for part in ["JPEGImages", "Annotations", "ImageSets/Main"] {
            let path = folder.path().join(part);
            fs::create_dir_all(&path).map_err(|e| Error::io(failed, &path, e))?;
        }
        staging.folder = Some(folder);
        Ok(staging)
    }

    fn path(&self) -> &Path {
        self.folder.as_ref().map_or(&self.destination, TempDir::path)
    }

    fn images(&self) -> PathBuf {
        self.path().join("JPEGImages")
    }

    fn write_annotations(
        &self,
        records: &[(Record, String, String)],
        classes: &ClassTable,
    ) -> Result<()> {
        let folder = self.path().join("Annotations");
        records.par_iter().try_for_each(|(record, stem, name)| {
            let path = folder.join(format!("{stem}.xml"));
            fs::write(&path, write(record, name, classes))
                .map_err(|e| Error::io("an annotation file cannot be written", &path, e))
        })
    }

    /// Writes the list and moves everything to its place.
    fn finish(&self, name: &Name, list: &str) -> Result<()> {
        let path = self.path().join(format!("ImageSets/Main/{name}.txt"));
        fs::write(&path, list).map_err(|e| Error::io("the list cannot be written", &path, e))?;
        let parts = ["JPEGImages", "Annotations", "ImageSets"];
        for (i, part) in parts.iter().enumerate() {
            let place = self.destination.join(part);
            if let Err(error) = fs::rename(self.path().join(part), &place) {
                for moved in &parts[..i] {
                    // Back to where it goes away with the rest.
                    let _ = fs::rename(self.destination.join(moved), self.path().join(moved));
                }
                let message = "the export cannot be moved to its place";
                return Err(Error::io(message, &place, error));
            }
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        self.folder = None;
        // Only empty folders can be removed so: those of an export that was not finished.
        for folder in self.made.iter().rev() {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}
