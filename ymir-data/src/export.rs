use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{
    AssetId, AssetStore, BranchKind, Error, Name, OnProgress, Records, Result, Ticker, Transfer,
    VersionId,
};
use ymir_formats::support::blocking;
use ymir_formats::{FileNames, Format, Item, Losses, Lost, Setting, Writer, make_folder};

use crate::export_staging::Staging;

/// How a dataset is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportOptions {
    /// How the image files come to stand in the destination. Whoever writes into a hard link in
    /// place breaks the workspace's copy.
    pub transfer: Transfer,
    /// The name of the list of all images, in formats that have one (`ImageSets/Main` of Pascal
    /// VOC); that of the version's branch by default.
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
    /// What the format has no place for, by what it is, sorted.
    #[serde(default)]
    pub lost: Vec<Lost>,
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

/// Exports a version as a folder of a format.
///
/// Images keep the names that they had at their import, as far as these are safe and differ. What a
/// format has no place for is counted in the report; `docs/formats.md` says what that is.
///
/// The destination is created, or is an empty folder; if the export fails or its future is dropped,
/// nothing is left in it.
///
/// # Errors
///
/// - `NotFound` if the version, or the file of one of its images, does not exist.
/// - `AlreadyExists` if the destination is not empty.
/// - `InvalidInput` if the version holds no records (a model, a project).
/// - `Unsupported` for [`Format::Images`], which cannot hold annotations.
pub async fn export_dataset(
    store: &Arc<dyn AssetStore>,
    version: &VersionId,
    destination: &Path,
    format: Format,
    options: &ExportOptions,
    progress: OnProgress<'_>,
) -> Result<ExportReport> {
    let named = store.version(version).await?;
    if !matches!(named.branch.kind, BranchKind::Dataset | BranchKind::Prediction) {
        let message = "only datasets and prediction sets can be exported";
        return Err(Error::invalid(message).with("version", &named.branch));
    }
    let manifest = store.manifest(version).await?;
    let setting = Setting {
        classes: manifest.classes,
        object_type: manifest.object_type,
        list: options.list.clone().unwrap_or(named.branch.name),
    };
    let writer = format.writer(&setting)?;
    let folder = destination.to_owned();
    let staging = Arc::new(blocking(move || Staging::new(folder)).await?);

    let ticker = Ticker::start(progress, manifest.summary.assets);
    let run = Run { store, version, transfer: options.transfer, setting: Arc::new(setting) };
    let result = run.write(&staging, writer, ticker).await;
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
    setting: Arc<Setting>,
}

impl Run<'_> {
    async fn write(
        self,
        staging: &Arc<Staging>,
        mut writer: Box<dyn Writer>,
        mut ticker: Ticker<'_>,
    ) -> Result<ExportReport> {
        let mut report =
            ExportReport { images: 0, annotations: 0, renamed: Vec::new(), lost: Vec::new() };
        let mut names = FileNames::default();
        let mut losses = Losses::default();
        let mut pages = Records::all(self.store.as_ref(), *self.version);
        while let Some(records) = pages.next_page().await? {
            let mut items = Vec::with_capacity(records.len());
            for record in records {
                let folder = writer.image_folder(&record, &self.setting.classes);
                let (stem, name) = names.assign(&folder, &record.asset);
                report.images += 1;
                report.annotations += record.annotations.len() as u64;
                if name != record.asset.file_name {
                    let (id, from) = (record.asset.id, record.asset.file_name.clone());
                    report.renamed.push(Renamed { id, from, to: name.clone() });
                }
                items.push(Item { record, stem, name, folder });
            }
            let made: BTreeSet<_> = items.iter().map(|item| item.folder.clone()).collect();
            let here = staging.clone();
            blocking(move || {
                made.iter().try_for_each(|below| make_folder(here.folder(), below).map(drop))
            })
            .await?;
            let count = items.len() as u64;
            let place = |item: &Item| staging.folder().join(&item.folder).join(&item.name);
            let blobs: Vec<_> =
                items.iter().map(|item| (item.record.asset.id, place(item))).collect();
            self.store.export_blobs(&blobs, self.transfer).await?;
            let sizes: Vec<_> = items.iter().map(|item| item.record.asset.byte_size).collect();
            blocking(move || {
                blobs.iter().zip(sizes).try_for_each(|(blob, size)| check(blob, size))
            })
            .await?;
            let (staging, setting) = (staging.clone(), self.setting.clone());
            (writer, losses) = blocking(move || {
                writer.write(staging.folder(), &items, &setting, &mut losses)?;
                Ok((writer, losses))
            })
            .await?;
            ticker.advance(count);
        }

        let (staging, setting) = (staging.clone(), self.setting);
        report.lost = blocking(move || {
            writer.finish(staging.folder(), &setting, &mut losses)?;
            staging.finish()?;
            Ok(losses.into_list())
        })
        .await?;
        ticker.finish();
        Ok(report)
    }
}

/// Checks that a file that is a link to a blob has the right size, as it is not read.
fn check((id, path): &(AssetId, PathBuf), size: u64) -> Result<()> {
    let fail = |e| Error::io("cannot read an exported image", path, e);
    let found = std::fs::metadata(path).map_err(fail)?.len();
    if found == size {
        return Ok(());
    }
    let message = "the bytes of a blob are not what was stored; `ymir fsck --blobs` names its file";
    let error = Error::corrupted(message).with("blob", id).with("image", path.display());
    Err(error.with("size", size).with("found", found))
}
