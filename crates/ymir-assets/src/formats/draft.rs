use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use ymir_core::{AssetId, Class, Error, ErrorKind, ObjectType, Result};

use super::ImportOptions;
use super::assemble::{Entry, Names};
use super::import_report::{Dropped, Duplicate, SkipReason, Skipped};
use super::losses::Losses;
use super::pair::Pair;
use super::reader::Reader;
use super::scan::relative;
use crate::parallel::in_parallel;

/// How many annotation files are read before it is asked whether to go on.
const CHUNK: usize = 1024;
/// The most characters of a reason that are kept.
const MAX_REASON: usize = 500;

/// What an import has found so far, in the order of the paths.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) source: PathBuf,
    pub(super) entries: Vec<Entry>,
    pub(super) names: Names,
    pub(super) skipped: Vec<Skipped>,
    pub(super) dropped: Vec<Dropped>,
    pub(super) duplicates: Vec<(Entry, usize)>,
    pub(super) clipped: u64,
    pub(super) size_mismatches: Vec<String>,
    pub(super) losses: Losses,
    /// What the annotations are, where the format tells; else their shapes do.
    pub(super) object_type: Option<ObjectType>,
    /// Whether an outline of four points that form a rectangle is a rotated box.
    pub(super) quads_are_boxes: bool,
}

impl Draft {
    /// Finds the images of a source and reads what is said about them; some of it was skipped
    /// already.
    ///
    /// # Errors
    ///
    /// `NotFound` if the source or the list is not there; `Cancelled` if the flag is set.
    pub(super) fn read(
        source: &Path,
        options: &ImportOptions,
        mut reader: Box<dyn Reader>,
        skipped: Vec<Skipped>,
        over: &AtomicBool,
    ) -> Result<Self> {
        let mut draft = Self { source: source.to_owned(), skipped, ..Self::default() };
        reader.find(&mut draft, options)?;
        draft.entries.sort_unstable_by(|a, b| a.image.cmp(&b.image));
        draft = draft.read_annotations(&*reader, over)?;
        reader.finish(&mut draft);
        Ok(draft)
    }

    /// Adds an image, unless it has no annotation file and that is not wanted.
    pub(super) fn add(&mut self, pair: Pair, without_annotations: bool) {
        let Pair { image, annotation } = pair;
        if annotation.is_none() && !without_annotations {
            self.skip(&image, SkipReason::NoAnnotation, "it has no annotation file");
        } else {
            self.entries.push(Entry::new(image, annotation));
        }
    }

    /// Reads the annotation files; an image whose file is malformed is left out.
    ///
    /// # Errors
    ///
    /// `Cancelled` if the flag is set.
    fn read_annotations(mut self, reader: &dyn Reader, over: &AtomicBool) -> Result<Self> {
        let mut read = Vec::with_capacity(self.entries.len());
        let mut entries = std::mem::take(&mut self.entries).into_iter();
        loop {
            stop_if(over)?;
            let chunk: Vec<Entry> = entries.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                break;
            }
            let read_one = |entry: &Entry| reader.read(entry);
            let documents: Vec<_> = in_parallel(|| chunk.par_iter().map(read_one).collect());
            for (mut entry, document) in chunk.into_iter().zip(documents) {
                let path = entry.annotation.as_deref().unwrap_or(&entry.image);
                match document {
                    Ok(None) => read.push(entry),
                    Err((kind, reason)) => self.skip(path, kind, reason),
                    Ok(Some(mut document)) => {
                        let path = path.to_owned();
                        for (object, reason) in std::mem::take(&mut document.dropped) {
                            self.drop_object(&path, object, reason);
                        }
                        document.lost.iter().for_each(|what| self.losses.add(what));
                        document.fields.iter().for_each(|field| self.losses.add_field(field));
                        entry.describe(document, &mut self.names);
                        read.push(entry);
                    }
                }
            }
        }
        self.entries = read;
        Ok(self)
    }

    pub(super) fn skip(&mut self, path: &Path, kind: SkipReason, reason: impl Into<String>) {
        let path = relative(&self.source, path);
        self.skip_text(path, kind, reason);
    }

    pub(super) fn drop_object(&mut self, path: &Path, object: u32, reason: impl Into<String>) {
        let path = relative(&self.source, path);
        self.dropped.push(Dropped { path, object, reason: reason.into() });
    }

    pub(super) fn skip_text(&mut self, path: String, kind: SkipReason, reason: impl Into<String>) {
        let mut reason = reason.into();
        // It may quote from a file that has names of any length.
        if let Some((end, _)) = reason.char_indices().nth(MAX_REASON) {
            reason.truncate(end);
            reason.push('…');
        }
        self.skipped.push(Skipped { path, kind, reason });
    }

    /// Takes out what is not in the store and what is there twice, and fits the objects to
    /// their images.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if nothing is left.
    pub(super) fn settle(mut self) -> Result<Self> {
        let mut kept: Vec<Entry> = Vec::with_capacity(self.entries.len());
        let mut first: HashMap<AssetId, usize> = HashMap::with_capacity(self.entries.len());
        for mut entry in std::mem::take(&mut self.entries) {
            let Some(stored) = entry.stored else { continue };
            self.fit(&mut entry);
            match first.get(&stored.id) {
                Some(first) => self.duplicates.push((entry, *first)),
                None => {
                    first.insert(stored.id, kept.len());
                    kept.push(entry);
                }
            }
        }
        self.entries = kept;
        self.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        self.dropped.sort_by(|a, b| (&a.path, a.object).cmp(&(&b.path, b.object)));
        if self.entries.is_empty() {
            return Err(self.nothing_usable());
        }
        Ok(self)
    }

    fn fit(&mut self, entry: &mut Entry) {
        let Some(stored) = entry.stored else { return };
        let path = entry.annotation.as_ref().unwrap_or(&entry.image).clone();
        let told = |told: Option<u32>, is: u32| told.is_none_or(|told| told == is);
        let (width, height) = entry.told;
        if !told(width, stored.info.width) || !told(height, stored.info.height) {
            self.size_mismatches.push(relative(&self.source, &path));
        }
        let fit = entry.fit(&stored.info, self.quads_are_boxes);
        self.clipped += fit.clipped;
        for (object, reason) in fit.gone {
            self.drop_object(&path, object, reason);
        }
    }

    fn nothing_usable(&self) -> Error {
        let message = "the source has no image that can be imported, and nothing was imported";
        let error = Error::invalid(message).with("source", self.source.display());
        let shown =
            self.skipped.iter().take(3).map(|skip| format!("{}: {}", skip.path, skip.reason));
        let shown: Vec<_> = shown.collect();
        if shown.is_empty() {
            return error;
        }
        error.with("skipped", self.skipped.len()).with("first", shown.join("; "))
    }

    /// Returns the duplicates as they are reported.
    pub(super) fn report_duplicates(&self, classes: &[Option<Class>]) -> Vec<Duplicate> {
        let report = |(entry, first): &(Entry, usize)| {
            let first = &self.entries[*first];
            Duplicate {
                path: relative(&self.source, &entry.image),
                first: relative(&self.source, &first.image),
                annotations_differ: entry.annotations(classes) != first.annotations(classes),
            }
        };
        self.duplicates.iter().map(report).collect()
    }
}

/// Returns an error if an operation is over.
pub(super) fn stop_if(over: &AtomicBool) -> Result<()> {
    match over.load(Ordering::Relaxed) {
        true => {
            Err(Error::new(ErrorKind::Cancelled, "the import was stopped; nothing was committed"))
        }
        false => Ok(()),
    }
}
