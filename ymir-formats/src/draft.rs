use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use ymir_core::{Error, ErrorKind, ObjectType, Result};

use super::assemble::{Entry, Known, Names, Said};
use super::files::{Files, compare};
use super::format::Format;
use super::losses::Losses;
use super::read_options::ReadOptions;
use super::reader::Reader;
use super::report::{Dropped, SkipReason, Skipped};
use super::scan::relative;
use super::splits::{SPLIT, SplitValues};
use crate::support::Sorted;
use crate::support::in_parallel;
use crate::support::spill::{self, Spill};

/// How many annotation files are read before it is asked whether to go on.
const CHUNK: usize = 1024;
/// How many bytes of what documents say are in memory at once, beside those of one image.
const CHUNK_BYTES: usize = 8 << 20;
/// The most characters of a reason that are kept.
const MAX_REASON: usize = 500;
/// How many bytes of what is said are kept in memory.
const MAX_SAID: usize = 4 << 20;

/// An image that was found. There may be millions of them: what is said about them is set aside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lead {
    /// Its number in the names.
    pub(super) image: u32,
    /// That of its annotation file.
    pub(super) annotation: Option<u32>,
    /// The splits that it is in.
    pub(super) splits: u32,
    /// The number by which documents speak of it.
    pub(super) told: Option<u32>,
}

/// What was read of a source: its images, and what is said about each.
#[derive(Debug)]
pub struct Draft {
    pub(super) source: PathBuf,
    /// The images, once they are all found in the order of their paths.
    pub(super) leads: Vec<Lead>,
    /// The paths of images and annotation files.
    pub(super) names: Files,
    pub(super) splits: SplitValues,
    /// What documents of many images say, by the numbers of these.
    pub(super) told: Option<Sorted>,
    /// What is said about each lead, in their order.
    pub(super) said: Spill,
    pub(super) classes: Names,
    pub(super) skipped: Vec<Skipped>,
    pub(super) dropped: Vec<Dropped>,
    pub(super) losses: Losses,
    /// What the annotations are, where the format tells; else their shapes do.
    pub(super) object_type: Option<ObjectType>,
    /// Whether an outline of four points that form a rectangle is a rotated box.
    pub(super) quads_are_boxes: bool,
    /// Where on the disk things are set aside.
    pub(super) aside: PathBuf,
}

impl Draft {
    /// Finds the images of a source and reads what is said about them; some of it was skipped
    /// already. What does not fit into memory is set aside in a folder.
    ///
    /// # Errors
    ///
    /// `NotFound` if the source or the list is not there; `Cancelled` if the flag is set.
    pub fn read(
        source: &Path,
        options: &ReadOptions,
        format: Format,
        skipped: Vec<Skipped>,
        aside: &Path,
        over: &AtomicBool,
    ) -> Result<Self> {
        let mut draft = Self {
            source: source.to_owned(),
            leads: Vec::new(),
            names: Files::new(source),
            splits: SplitValues::default(),
            told: None,
            said: Spill::new(aside, MAX_SAID),
            classes: Names::default(),
            skipped,
            dropped: Vec::new(),
            losses: Losses::default(),
            object_type: None,
            quads_are_boxes: false,
            aside: aside.to_owned(),
        };
        let mut reader = format.reader();
        reader.find(&mut draft, options)?;
        let Self { leads, names, .. } = &mut draft;
        leads.sort_unstable_by(|a, b| compare(names.below(a.image), names.below(b.image)));
        leads.shrink_to_fit();
        names.shrink();
        draft.read_annotations(&*reader, over)?;
        reader.finish(&mut draft);
        Ok(draft)
    }

    /// Adds an image, unless it has no annotation file and that is not wanted.
    pub(super) fn add(
        &mut self,
        image: &Path,
        annotation: Option<&Path>,
        splits: u32,
        without_annotations: bool,
    ) {
        if annotation.is_none() && !without_annotations {
            self.skip(image, SkipReason::NoAnnotation, "it has no annotation file");
            return;
        }
        let image = self.names.push(image);
        let annotation = annotation.map(|annotation| self.names.push(annotation));
        self.leads.push(Lead { image, annotation, splits, told: None });
    }

    /// Returns how many images there are.
    pub fn len(&self) -> usize {
        self.leads.len()
    }

    /// Returns whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.leads.is_empty()
    }

    /// Returns the paths of some of the images, of which [`len`](Self::len) are there, in order.
    pub fn images(&self, range: Range<usize>) -> Vec<PathBuf> {
        self.leads[range].iter().map(|lead| self.image(lead)).collect()
    }

    /// Returns the class names that annotations have.
    pub fn classes(&self) -> &Names {
        &self.classes
    }

    /// Returns a path as it is reported: from the source on.
    pub fn relative(&self, path: &Path) -> String {
        relative(&self.source, path)
    }

    pub(super) fn image(&self, lead: &Lead) -> PathBuf {
        self.names.path(lead.image)
    }

    /// Returns the annotation file of an image as it is reported: that of the image, if it has
    /// none.
    pub(super) fn reported(&self, lead: &Lead) -> PathBuf {
        self.names.path(lead.annotation.unwrap_or(lead.image))
    }

    /// Reads the annotation files; an image whose file is malformed is left out.
    fn read_annotations(&mut self, reader: &dyn Reader, over: &AtomicBool) -> Result<()> {
        let (mut next, mut kept) = (0, 0);
        loop {
            stop_if(over)?;
            let (mut chunk, mut bytes) = (Vec::new(), 0);
            while chunk.len() < CHUNK && bytes < CHUNK_BYTES {
                let Some(lead) = self.leads.get(next).copied() else { break };
                chunk.push((lead, self.entry(&lead, &mut bytes)?));
                next += 1;
            }
            if chunk.is_empty() {
                break;
            }
            let read_one = |(_, entry): &(Lead, Entry)| reader.read(entry);
            let documents: Vec<_> = in_parallel(|| chunk.par_iter().map(read_one).collect());
            for ((lead, entry), document) in chunk.into_iter().zip(documents) {
                let Entry { image, annotation, mut said } = entry;
                let path = annotation.unwrap_or(image);
                match document {
                    Ok(None) => {}
                    Err((kind, reason)) => {
                        self.skip(&path, kind, reason);
                        continue;
                    }
                    Ok(Some(mut document)) => {
                        for (object, reason) in std::mem::take(&mut document.dropped) {
                            self.drop_object(&path, object, reason);
                        }
                        document.lost.iter().for_each(|what| self.losses.add(what));
                        document.fields.iter().for_each(|field| self.losses.add_field(field));
                        said.describe(document, &mut self.classes);
                    }
                }
                self.classes.count(&said.objects);
                self.said.put(&said)?;
                self.leads[kept] = lead;
                kept += 1;
            }
        }
        self.leads.truncate(kept);
        self.told = None;
        Ok(())
    }

    /// Returns an image with what is known of it before its annotation file is read, and counts the
    /// bytes of that.
    fn entry(&mut self, lead: &Lead, count: &mut usize) -> Result<Entry> {
        let (mut said, mut known) = (Said::default(), Known::default());
        if let Some(told) = &mut self.told {
            while told.number().is_some_and(|number| Some(number) <= lead.told) {
                let Some((number, bytes)) = told.take()? else { break };
                // The others are of images that the import does not take.
                if Some(number) == lead.told {
                    *count += bytes.len();
                    let repeated = said.add(spill::decode(&bytes)?, &mut known)?;
                    self.losses.add_many("repeated objects of several documents", repeated);
                }
            }
        }
        if lead.splits != SplitValues::NONE {
            let value = self.splits.value(lead.splits).to_owned();
            said.attributes.insert(SPLIT.to_owned(), value);
        }
        let annotation = lead.annotation.map(|annotation| self.names.path(annotation));
        Ok(Entry { image: self.image(lead), annotation, said })
    }

    /// Notes that a file is left out.
    pub fn skip(&mut self, path: &Path, kind: SkipReason, reason: impl Into<String>) {
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

    /// Reports entries of lists that name nothing.
    pub(super) fn skip_unmet(&mut self, entries: Vec<String>) {
        for entry in entries {
            let reason = "the list names it, and it is not there";
            self.skip_text(entry, SkipReason::NotThere, reason);
        }
    }

    pub(super) fn nothing_usable(&self) -> Error {
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
}

/// Returns an error if an operation is over.
///
/// # Errors
///
/// `Cancelled` if the flag is set.
pub fn stop_if(over: &AtomicBool) -> Result<()> {
    match over.load(Ordering::Relaxed) {
        true => {
            Err(Error::new(ErrorKind::Cancelled, "the import was stopped; nothing was committed"))
        }
        false => Ok(()),
    }
}
