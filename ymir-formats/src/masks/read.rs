use std::path::{Path, PathBuf};

use ymir_core::{Error, ObjectType, Result, Shape};

use super::super::assemble::Entry;
use super::super::document::{Document, Object};
use super::super::document_files::skip_rest;
use super::super::draft::Draft;
use super::super::files::{Files, without_extension};
use super::super::intake::Refusal;
use super::super::list;
use super::super::pair::{by_places, bytes};
use super::super::read_options::ReadOptions;
use super::super::reader::Reader;
use super::super::report::SkipReason;
use super::super::scan::{Folders, scan_images};
use super::super::voc_find::marked_splits;
use super::colours::{Class, Colours};
use super::pixels::Pixels;

/// Folders of images, and of the masks of classes; the first of each that is there is taken.
const IMAGES: [&str; 2] = ["JPEGImages", "images"];
const CLASSES: [&str; 3] = ["SegmentationClass", "masks", "labels"];
const OBJECTS: &str = "SegmentationObject";
const LABELS: [&str; 2] = ["labelmap.txt", "classes.txt"];

/// Masks as PNG files, in Pascal VOC's folders or in `images` and `masks`.
#[derive(Debug, Default)]
pub(in super::super) struct MasksReader {
    colours: Colours,
    objects: Option<PathBuf>,
}

/// Returns the folders of images and of masks of classes, if a folder has both.
fn folders(source: &Path) -> Option<(PathBuf, PathBuf)> {
    let first =
        |names: &[&str]| names.iter().map(|name| source.join(name)).find(|folder| folder.is_dir());
    first(&IMAGES).zip(first(&CLASSES))
}

/// Returns whether a folder, in which these pictures were found, has images and masks.
pub(in super::super) fn has_masks(source: &Path, pictures: &Files) -> bool {
    folders(source).is_some_and(|(_, masks)| {
        pictures
            .paths()
            .any(|path| path.starts_with(&masks) && path.extension() == Some("png".as_ref()))
    })
}

impl Reader for MasksReader {
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        let source = draft.source.clone();
        let Some((images, classes)) = folders(&source) else {
            let message = "a dataset of masks has the folders JPEGImages and SegmentationClass, \
                           or images and masks";
            return Err(Error::invalid(message).with("source", source.display()));
        };
        let labels = LABELS.iter().map(|name| source.join(name)).find(|path| path.is_file());
        self.colours = match labels {
            Some(path) => Colours::read(&path).map_err(|reason| {
                Error::invalid("the classes of the masks cannot be read")
                    .with("file", path.display())
                    .with("reason", reason)
            })?,
            None if images.ends_with(IMAGES[0]) && classes.ends_with(CLASSES[0]) => Colours::voc(),
            None => {
                let message = "nothing says which classes the values of the masks mean; add \
                               labelmap.txt with a line `name:r,g,b` for each colour, or with a \
                               name a line for the values from 0";
                return Err(Error::invalid(message).with("source", source.display()));
            }
        };
        self.objects = Some(source.join(OBJECTS)).filter(|folder| folder.is_dir());
        if self.objects.is_none() {
            draft.object_type = Some(ObjectType::SemanticSegmentation);
        }
        let folders = Folders { root: source, images, annotations: classes };
        let masks = scan_images(&folders.annotations, &mut draft.skipped)?;
        let places = by_places(&masks);
        let mut taken = vec![false; masks.len() as usize];
        let images = scan_images(&folders.images, &mut draft.skipped)?;
        let splits = marked_splits(&mut draft.splits, &folders, &images)?;
        for (i, splits) in (0..).zip(splits) {
            let place = bytes(without_extension(images.below(i)));
            let mask = places.find(&masks, place).pop().filter(|i| !taken[*i as usize]);
            let path = mask.map(|i| masks.path(i));
            draft.add(&images.path(i), path.as_deref(), splits, options.without_annotations);
            mask.into_iter().for_each(|i| taken[i as usize] = true);
        }
        let reason = "there is no image of its name that has no other mask";
        skip_rest(draft, &masks, 0..masks.len(), &taken, reason);
        list::limit(draft, options)
    }

    fn read(&self, entry: &Entry) -> std::result::Result<Option<Document>, Refusal> {
        let Some(path) = &entry.annotation else { return Ok(None) };
        let classes = Pixels::read(path)?;
        let name = path.file_name().unwrap_or_default();
        let objects = self.objects.as_ref().map(|folder| folder.join(name));
        match objects.filter(|path| path.is_file()) {
            Some(path) => self.instances(&classes, &Pixels::read(&path)?).map(Some),
            None => Ok(Some(self.regions(&classes))),
        }
    }
}

impl MasksReader {
    /// Returns an object for the pixels of each class.
    fn regions(&self, classes: &Pixels) -> Document {
        let mut document = Document::default();
        for (value, (mask, _)) in classes.masks() {
            let (number, colour) = classes.meaning(value);
            let class = self.colours.class(number, colour);
            push(&mut document, class, mask);
        }
        document
    }

    /// Returns each object, with the class of its first pixel.
    fn instances(
        &self,
        classes: &Pixels,
        objects: &Pixels,
    ) -> std::result::Result<Document, Refusal> {
        if (classes.width, classes.height) != (objects.width, objects.height) {
            let reason = format!("its mask in {OBJECTS} has another size");
            return Err((SkipReason::BadAnnotation, reason));
        }
        let mut document = Document::default();
        for (value, (mask, first)) in objects.masks() {
            let (number, colour) = objects.meaning(value);
            if number == Some(0) || number == Some(255) || colour == Some([0; 3]) {
                continue;
            }
            let value = classes.value(first / objects.height, first % objects.height);
            let (number, colour) = classes.meaning(value);
            push(&mut document, self.colours.class(number, colour), mask);
        }
        Ok(document)
    }
}

fn push(document: &mut Document, class: Class<'_>, mask: ymir_core::Mask) {
    let number = (document.objects.len() + document.dropped.len()) as u32 + 1;
    match class {
        Class::Background => {}
        Class::Named(name) => {
            let mut object = Object { number, name: name.to_owned(), ..Object::default() };
            object.set_shape(Shape::Mask(mask));
            document.objects.push(object);
        }
        Class::Unknown => {
            document.dropped.push((number, "its colour is that of no class".to_owned()));
        }
    }
}
