use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use serde_json::json;
use ymir_core::{
    AssetStore, Base, Branch, BranchKind, CommitRequest, Error, ErrorKind, Expect, Manifest,
    ObjectType, OnProgress, Result, Selector, TaskKind, TaskRecord, Ticker, Timestamp, Transfer,
    UnknownClasses, VersionId,
};
use ymir_formats::support::{blocking, in_parallel};
use ymir_formats::{
    Draft, Format, Notes, ReadOptions, Refusal, Settled, SkipReason, Skipped, Stored, Unpacked,
    is_archive, stop_if,
};

use crate::class_resolution::{Resolution, resolve, stop_at_unknown, to_add};
use crate::import_edits::{Counts, into_edits};
use crate::import_images::{Taken, read_image};
use crate::operations::{Seen, looks};
use crate::{ImportOptions, ImportReport};

/// How many images are read at once.
const CHUNK: usize = 512;
/// How many images, and bytes of them, are put into the store at once at most.
const BATCH: usize = 16_384;
const BATCH_BYTES: u64 = 128 << 20;

/// Imports a folder of a format, or a zip, tar or tar.gz of one, as a new version of a branch.
///
/// What kind of file an image is, and its size, is read from the image itself, never from its
/// extension or its annotations. Boxes are cut at the edge of the image. The splits that a format
/// has become the attribute [`SPLIT`](ymir_formats::SPLIT) of the assets, and
/// [`ImportOptions::list`] may name one. What records have no place for is counted in the report.
/// `docs/formats.md` says what is read of each format.
///
/// What cannot be read is left out, named in the report, and the rest imported. An image is left
/// out with its annotation file if that is malformed. Progress counts images. If the import fails
/// or its future is dropped, no version is made; image files that are in the store by then do no
/// harm. The class table is changed last, just before the commit.
///
/// Of an archive only plain files are taken, and none whose name leads out of it. It is unpacked
/// into a folder beside the blobs that is deleted with the end of the import.
///
/// Of each image, only the names of its files and some hundred bytes are kept in memory; what the
/// annotation files say is, where it is much, set aside in a file without a name in the folder of
/// the store, or in that for temporary files if the store has none.
///
/// # Errors
///
/// - `InvalidInput` if the target is no dataset or prediction set, if nothing usable is found, or,
///   by [`UnknownClasses::Stop`], if there are classes that the table does not have; the message
///   names them.
/// - `NotFound` if the source or the list does not exist.
/// - `ResourceExhausted` for an archive that holds far more than its size lets expect, `Corrupted`
///   for a damaged one.
/// - Those of the store.
pub async fn import_dataset(
    store: &Arc<dyn AssetStore>,
    source: &Path,
    format: Format,
    branch: &Branch,
    options: &ImportOptions,
    progress: OnProgress<'_>,
) -> Result<ImportReport> {
    Import::new(store, source, branch, options, format).run(progress).await
}

struct Import<'a> {
    store: &'a Arc<dyn AssetStore>,
    source: &'a Path,
    branch: &'a Branch,
    options: &'a ImportOptions,
    format: Format,
    started: Timestamp,
    /// Set when the import is over, however it ends, for the threads that work for it.
    over: Arc<AtomicBool>,
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl<'a> Import<'a> {
    fn new(
        store: &'a Arc<dyn AssetStore>,
        source: &'a Path,
        branch: &'a Branch,
        options: &'a ImportOptions,
        format: Format,
    ) -> Self {
        let (started, over) = (Timestamp::now(), Arc::default());
        Self { store, source, branch, options, format, started, over }
    }

    async fn run(mut self, progress: OnProgress<'_>) -> Result<ImportReport> {
        if !matches!(self.branch.kind, BranchKind::Dataset | BranchKind::Prediction) {
            let message = "images are imported into a dataset or a prediction set";
            return Err(Error::invalid(message).with("branch", self.branch));
        }
        let unpacked = self.unpack().await?;
        if unpacked.is_some() && self.options.transfer == Transfer::Reference {
            let message = "the files of an archive have no place of their own to refer to; copy \
                           them, or unpack the archive and import the folder";
            return Err(Error::invalid(message).with("source", self.source.display()));
        }
        let folder = unpacked.as_ref().map_or(self.source.to_owned(), Unpacked::source);
        let skipped = unpacked.as_ref().map_or(Vec::new(), |unpacked| unpacked.skipped.clone());
        let report = self.import(folder.clone(), skipped, progress).await;
        // The folder of an archive is gone with the import.
        match unpacked.is_some() {
            true => report.map_err(|error| of_archive(error, &folder, self.source)),
            false => report,
        }
    }

    /// Imports a folder, of which some was skipped already.
    async fn import(
        &mut self,
        folder: PathBuf,
        mut skipped: Vec<Skipped>,
        progress: OnProgress<'_>,
    ) -> Result<ImportReport> {
        let (format, unread) = self.detect(folder.clone()).await?;
        self.format = format;
        skipped.extend(unread);
        let draft = self.read_annotations(folder, skipped).await?;
        if self.options.unknown_classes == UnknownClasses::Stop {
            stop_at_unknown(draft.classes(), &self.store.classes().await?)?;
        }
        let seen = self.seen().await?;
        let settled = self.take_images(draft, seen, progress).await?;
        let (resolution, added) = self.resolve(&settled).await?;
        self.commit(settled, resolution, added).await
    }

    /// Unpacks the source, if it is an archive: beside the blobs, which then can be links, or
    /// beside itself.
    async fn unpack(&self) -> Result<Option<Unpacked>> {
        let (source, over) = (self.source.to_owned(), self.over.clone());
        let parent = source.parent().filter(|parent| *parent != Path::new(""));
        let beside = parent.unwrap_or(Path::new("."));
        let below = self.store.root().unwrap_or(beside).to_owned();
        blocking(move || match is_archive(&source) {
            true => Unpacked::new(&source, &below, &over).map(Some),
            false => Ok(None),
        })
        .await
    }

    /// Returns the format of the source, and the files that are not read by it.
    async fn detect(&self, folder: PathBuf) -> Result<(Format, Vec<Skipped>)> {
        match self.format {
            Format::Auto => blocking(move || Format::recognise(&folder)).await,
            format => Ok((format, Vec::new())),
        }
    }

    async fn read_annotations(&self, source: PathBuf, skipped: Vec<Skipped>) -> Result<Draft> {
        let ImportOptions { list, without_annotations, .. } = self.options.clone();
        let options = ReadOptions { list, without_annotations };
        let (format, over) = (self.format, self.over.clone());
        let aside = self.store.root().map_or_else(std::env::temp_dir, Path::to_owned);
        blocking(move || Draft::read(&source, &options, format, skipped, &aside, &over)).await
    }

    /// Returns the images that others must not look like, if such are skipped.
    async fn seen(&self) -> Result<Option<Seen>> {
        let Some(distance) = self.options.skip_near_duplicates else { return Ok(None) };
        let mut seen = Seen::new(distance)?;
        if self.options.append
            && let Some(tip) = self.tip().await?
        {
            let (looks, _) = looks(self.store, &tip, &|_| ()).await?;
            looks.into_iter().for_each(|look| seen.add(look, format!("asset {}", look.0)));
        }
        Ok(Some(seen))
    }

    /// Returns the newest version of the branch, if it has one.
    async fn tip(&self) -> Result<Option<VersionId>> {
        match self.store.resolve(self.branch, &Selector::Latest).await {
            Ok(tip) => Ok(Some(tip.id)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts the images into the store, but for those that look like one that was seen.
    async fn take_images(
        &self,
        draft: Draft,
        mut seen: Option<Seen>,
        progress: OnProgress<'_>,
    ) -> Result<Settled> {
        let total = draft.len();
        let mut ticker = Ticker::start(progress, total as u64);
        let mut settled = Settled::new(draft);
        let mut batch = Vec::new();
        let mut bytes = 0;
        for start in (0..total).step_by(CHUNK) {
            let draft = settled.draft();
            let images = draft.images(start..(start + CHUNK).min(total));
            for (image, taken) in images.iter().zip(self.read_images(images.clone()).await?) {
                let taken = taken.and_then(|taken| unlike(taken, &mut seen, draft, image));
                if let Err((kind, reason)) = &taken {
                    draft.skip(image, *kind, reason);
                    ticker.advance(1);
                }
                let taken = taken.ok();
                bytes += taken.as_ref().map_or(0, |taken| taken.bytes);
                batch.push(taken);
            }
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                settled = self.put(settled, std::mem::take(&mut batch), &mut ticker).await?;
                bytes = 0;
            }
        }
        let settled = self.put(settled, batch, &mut ticker).await?;
        ticker.finish();
        blocking(move || settled.finish()).await
    }

    async fn read_images(&self, images: Vec<PathBuf>) -> Result<Vec<Result<Taken, Refusal>>> {
        let (transfer, over) = (self.options.transfer, self.over.clone());
        let with_look = self.options.skip_near_duplicates.is_some();
        blocking(move || {
            stop_if(&over)?;
            let read = |image: &PathBuf| read_image(image, transfer, with_look);
            Ok(in_parallel(|| images.par_iter().map(read).collect()))
        })
        .await
    }

    /// Puts the next images into the store, none for one that is left out.
    async fn put(
        &self,
        mut settled: Settled,
        batch: Vec<Option<Taken>>,
        ticker: &mut Ticker<'_>,
    ) -> Result<Settled> {
        let (infos, sources): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|t| t.map(|t| (t.info, t.source)).unzip()).unzip();
        let blobs = self.store.put_blobs(sources.into_iter().flatten().collect()).await?;
        ticker.advance(blobs.len() as u64);
        blocking(move || {
            let mut blobs = blobs.into_iter();
            let stored = infos.into_iter().map(|info| {
                let (info, blob) = info.zip(info.and_then(|_| blobs.next()))?;
                Some(Stored { id: blob.id, bytes: blob.size, info })
            });
            settled.settle(stored)?;
            Ok(settled)
        })
        .await
    }

    /// Returns what the class names mean, and those that were added to the table.
    async fn resolve(&self, settled: &Settled) -> Result<(Resolution, Vec<String>)> {
        let strategy = self.options.unknown_classes;
        let table = self.store.classes().await?;
        let names = settled.classes();
        let mut resolution = resolve(names, &table, strategy);
        if strategy != UnknownClasses::Add || resolution.unknown.is_empty() {
            return Ok((resolution, Vec::new()));
        }
        let table = self.store.add_classes(&to_add(&resolution.unknown)).await?;
        let added = resolution.unknown.iter().map(|class| class.name.clone()).collect();
        resolution.classes = resolve(names, &table, strategy).classes;
        Ok((resolution, added))
    }

    async fn commit(
        &self,
        mut settled: Settled,
        resolution: Resolution,
        added_classes: Vec<String>,
    ) -> Result<ImportReport> {
        let Resolution { classes, unknown, case_matches } = resolution;
        let object_type = self.object_type(&settled).await?;
        let imported = settled.images();
        let Notes { skipped, dropped, lost, clipped, size_mismatches } = settled.take_notes();
        let (settled, counts) = (Arc::new(settled), Arc::new(Counts::default()));
        let records = settled.records(classes.clone());
        let name = self.source.file_name().unwrap_or(self.source.as_os_str()).display();
        let request = CommitRequest {
            branch: self.branch.clone(),
            base: if self.options.append { Base::Tip } else { Base::Empty },
            edits: into_edits(records, self.over.clone(), counts.clone()),
            expect: Expect::Any,
            manifest: Manifest { object_type, task: self.record(), ..Manifest::default() },
            message: format!("Import {imported} images from {name}"),
        };
        let duplicates = blocking(move || settled.report_duplicates(&classes)).await?;
        let version = self.store.commit(request).await?;
        let is_ignored = self.options.unknown_classes == UnknownClasses::Ignore;
        let ignored = unknown.iter().filter(|_| is_ignored).map(|class| class.count).sum();
        Ok(ImportReport {
            version,
            imported,
            annotations: counts.annotations.load(Ordering::Relaxed),
            negatives: counts.negatives.load(Ordering::Relaxed),
            duplicates,
            skipped,
            dropped,
            clipped,
            size_mismatches,
            case_matches,
            unknown_classes: unknown,
            added_classes,
            ignored_annotations: ignored,
            lost,
        })
    }

    /// Returns what the annotations of the version are: what the format or the shapes tell,
    /// together with those before it, if it goes on from them.
    async fn object_type(&self, settled: &Settled) -> Result<ObjectType> {
        if self.options.append
            && let Some(tip) = self.tip().await?
        {
            let manifest = self.store.manifest(&tip).await?;
            let (before, now) = (manifest.object_type, settled.object_type());
            return match (manifest.summary.annotations > 0, settled.has_annotations()) {
                (_, false) => Ok(before),
                (false, true) => Ok(now),
                (true, true) => before.common(now).ok_or_else(|| {
                    let message = format!(
                        "the source is annotated for {now}, and the dataset for {before}; import \
                         it into a dataset of its own"
                    );
                    Error::invalid(message).with("dataset", &self.branch.name)
                }),
            };
        }
        Ok(settled.object_type())
    }

    /// Returns what is kept about the import. It has no fingerprint, as the source may change.
    fn record(&self) -> TaskRecord {
        let options = self.options;
        let list = options.list.as_ref().map(|list| list.display().to_string());
        let parameters = [
            ("operation", json!("import")),
            ("format", json!(self.format)),
            ("source", json!(self.source.display().to_string())),
            ("unknown_classes", json!(options.unknown_classes)),
            ("list", json!(list)),
            ("without_annotations", json!(options.without_annotations)),
            ("append", json!(options.append)),
            ("skip_near_duplicates", json!(options.skip_near_duplicates)),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_string()));
        TaskRecord {
            kind: TaskKind::Import,
            parameters: BTreeMap::from(parameters),
            started: self.started,
            finished: Timestamp::now(),
            library_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..TaskRecord::default()
        }
    }
}

/// Returns an error about the folder that an archive was unpacked into as one about the archive.
fn of_archive(error: Error, folder: &Path, archive: &Path) -> Error {
    let (folder, archive) = (folder.display().to_string(), archive.display().to_string());
    if !error.to_string().contains(&folder) {
        return error;
    }
    let named = Error::new(error.kind(), error.message().replace(&folder, &archive));
    let context = error.context().iter();
    let named =
        context.fold(named, |e, (key, value)| e.with(key, value.replace(&folder, &archive)));
    match std::error::Error::source(&error).is_some() {
        true => named.caused_by(error),
        false => named,
    }
}

/// Returns an image, unless it looks like one that was seen.
fn unlike(
    taken: Taken,
    seen: &mut Option<Seen>,
    draft: &Draft,
    image: &Path,
) -> Result<Taken, Refusal> {
    if let (Some(seen), Some(look)) = (seen, taken.look) {
        if let Some(twin) = seen.twin(&look) {
            return Err((SkipReason::NearDuplicate, format!("it looks like {twin}")));
        }
        seen.add(look, draft.relative(image));
    }
    Ok(taken)
}
