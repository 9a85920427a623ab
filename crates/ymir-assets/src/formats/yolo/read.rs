use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ymir_core::{Result, Shape};

use super::super::ImportOptions;
use super::super::assemble::Entry;
use super::super::document::Document;
use super::super::draft::Draft;
use super::super::image_index::ImageIndex;
use super::super::import_report::SkipReason;
use super::super::intake::{Refusal, read_text};
use super::super::list;
use super::super::pair::Pair;
use super::super::reader::Reader;
use super::super::scan::{looks_like_image, scan_files};
use super::super::splits;
use super::layout::Layout;
use super::row;

/// YOLO's label files, in Ultralytics' or Darknet's layout.
#[derive(Debug, Default)]
pub(in super::super) struct YoloReader {
    layout: Layout,
    /// Whether an outline was met, and one that has other than four points.
    outlines: AtomicBool,
    other_outlines: AtomicBool,
}

impl Reader for YoloReader {
    fn find(&mut self, draft: &mut Draft, options: &ImportOptions) -> Result<()> {
        let files = scan_files(&draft.source.clone(), &mut draft.skipped)?;
        self.layout = Layout::find(&draft.source, &files)?;
        let (images, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|path| looks_like_image(path));
        let texts: HashSet<PathBuf> = others
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == "txt"))
            .collect();
        let first = draft.entries.len();
        let index = ImageIndex::new(images);
        for image in index.images() {
            let annotation = label_places(image).into_iter().find(|place| texts.contains(place));
            draft.add(Pair { image: image.clone(), annotation }, options.without_annotations);
        }
        for (key, place) in &self.layout.splits {
            let marked = mark(&mut draft.entries[first..], &index, &self.layout.root, key, place);
            if let Err((kind, reason)) = marked {
                draft.skip_text(place.clone(), kind, reason);
            }
        }
        list::limit(draft, options)
    }

    fn read(&self, entry: &Entry) -> std::result::Result<Option<Document>, Refusal> {
        let Some(path) = &entry.annotation else { return Ok(None) };
        let text = read_text(path)?;
        let document = row::read(&text, &self.layout);
        let document = document.map_err(|reason| (SkipReason::BadAnnotation, reason))?;
        for object in &document.objects {
            if let Some(Shape::Polygons(rings)) = &object.shape {
                self.outlines.store(true, Ordering::Relaxed);
                if rings.iter().any(|ring| ring.len() != 4) {
                    self.other_outlines.store(true, Ordering::Relaxed);
                }
            }
        }
        Ok(Some(document))
    }

    /// Four points are a rotated box or an outline: the description says which, or, where it does
    /// not, that there are no others.
    fn finish(&self, draft: &mut Draft) {
        let only_quads =
            self.outlines.load(Ordering::Relaxed) && !self.other_outlines.load(Ordering::Relaxed);
        draft.quads_are_boxes = match self.layout.task.as_deref() {
            Some(task) => task == "obb",
            None => only_quads,
        };
    }
}

/// Returns where the label file of an image may be: in `labels` as the image is in `images`, or
/// beside it.
fn label_places(image: &Path) -> Vec<PathBuf> {
    let beside = image.with_extension("txt");
    let parts: Vec<_> = beside.components().collect();
    let last = parts.iter().rposition(|part| part.as_os_str() == "images");
    let there = last.map(|last| {
        let swapped = parts.iter().enumerate();
        swapped
            .map(|(i, part)| if i == last { "labels".as_ref() } else { part.as_os_str() })
            .collect()
    });
    there.into_iter().chain([beside]).collect()
}

/// Notes which images are in a split: those in a folder, or those that a text file lists.
fn mark(
    entries: &mut [Entry],
    index: &ImageIndex,
    root: &Path,
    key: &str,
    place: &str,
) -> std::result::Result<(), Refusal> {
    // A place is compared with files of the source, and never leads out of it.
    let below: PathBuf =
        place.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | "..")).collect();
    if below.extension().is_none_or(|extension| extension != "txt") {
        let folder = root.join(&below);
        let here = entries.iter_mut().filter(|entry| entry.image.starts_with(&folder));
        here.for_each(|entry| splits::add(&mut entry.attributes, key));
        return Ok(());
    }
    let name = below.file_name().unwrap_or_default();
    let places = [root.join(&below), root.join(name)];
    let Some(path) = places.iter().find(|path| path.is_file()) else {
        return Err((SkipReason::NotThere, format!("there is no list for the split {key}")));
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if stem == super::write::NO_SPLIT {
        return Ok(());
    }
    let mut named = HashSet::new();
    for line in read_text(path)?.lines().filter(|line| !line.trim().is_empty()) {
        if let Ok(image) = index.find(line.trim(), path, "") {
            named.insert(index.image(image));
        }
    }
    let here = entries.iter_mut().filter(|entry| named.contains(entry.image.as_path()));
    here.for_each(|entry| splits::add(&mut entry.attributes, &stem));
    Ok(())
}
