use std::sync::atomic::{AtomicBool, Ordering};

use ymir_core::{Result, Shape};

use super::super::assemble::Entry;
use super::super::document::Document;
use super::super::draft::Draft;
use super::super::file_index::FileIndex;
use super::super::image_index::ImageIndex;
use super::super::intake::{Refusal, read_text};
use super::super::list;
use super::super::pair::bytes;
use super::super::read_options::ReadOptions;
use super::super::reader::Reader;
use super::super::report::SkipReason;
use super::super::scan::{Scanned, scan_files};
use super::super::splits::SplitValues;
use super::layout::Layout;
use super::places::{label_places, mark};
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
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        let Scanned { images, others } = scan_files(&draft.source.clone(), &mut draft.skipped)?;
        self.layout = Layout::find(&draft.source, &others)?;
        let is_text = |i: &u32| others.below(*i).extension().is_some_and(|e| e == "txt");
        let texts = FileIndex::new(&others, (0..others.len()).filter(is_text), |path, key| {
            key(bytes(path));
        });
        let index = ImageIndex::new(images);
        let mut splits = vec![SplitValues::NONE; index.images.len() as usize];
        for (key, place) in &self.layout.splits {
            let marked = mark(&index, &self.layout, key, place);
            let (split, marked) = match marked {
                Ok(marked) => marked,
                Err((kind, reason)) => {
                    draft.skip_text(place.clone(), kind, reason);
                    continue;
                }
            };
            for (splits, _) in splits.iter_mut().zip(marked).filter(|(_, marked)| *marked) {
                *splits = draft.splits.with(*splits, &split);
            }
        }
        for (i, splits) in (0..).zip(splits) {
            let places = label_places(index.images.below(i)).into_iter();
            let mut places = places.filter_map(|place| {
                texts.find(&others, bytes(&place)).first().map(|i| others.path(*i))
            });
            let annotation = places.next();
            let image = index.images.path(i);
            draft.add(&image, annotation.as_deref(), splits, options.without_annotations);
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
