use std::collections::HashMap;
use std::path::PathBuf;

use ymir_core::{Annotation, Asset, AssetId, Attributes, BBox, Class, Flags, Record};

use super::image_info::ImageInfo;
use super::voc_read::Document;

/// The most bytes of a file name that an annotation file tells: more than file systems allow.
const MAX_FILE_NAME: usize = 1024;

/// One image of an import, on its way to becoming a record. There may be millions of them: what
/// most do not have is boxed.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) image: PathBuf,
    pub(super) annotation: Option<PathBuf>,
    pub(super) file_name: Option<Box<str>>,
    pub(super) attributes: Attributes,
    /// The size that the annotation file tells.
    pub(super) told: (Option<u32>, Option<u32>),
    pub(super) objects: Vec<Compact>,
    /// Set when the image is in the store.
    pub(super) stored: Option<Stored>,
}

/// The image as it is in the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) id: AssetId,
    pub(super) bytes: u64,
    pub(super) info: ImageInfo,
}

/// One annotation, its class as a number of [`Names`].
#[derive(Debug)]
pub(super) struct Compact {
    pub(super) number: u32,
    pub(super) class: u32,
    flags: Flags,
    pub(super) bbox: BBox,
    extra: Option<Box<Extra>>,
}

#[derive(Debug)]
struct Extra {
    rotate_angle: Option<f64>,
    score: Option<f64>,
    quality: Option<f64>,
    attributes: Attributes,
}

/// The class names that were found, as they were spelt, in the order they were found.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    fn number(&mut self, name: String) -> u32 {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }
}

impl Entry {
    pub(super) fn new(image: PathBuf, annotation: Option<PathBuf>) -> Self {
        Self {
            image,
            annotation,
            file_name: None,
            attributes: Attributes::new(),
            told: (None, None),
            objects: Vec::new(),
            stored: None,
        }
    }

    /// Takes over what the annotation file says.
    pub(super) fn describe(&mut self, document: Document, names: &mut Names) {
        // A name from elsewhere is never a path.
        let name = document.original_filename.as_deref();
        let name = name.and_then(|name| name.rsplit(['/', '\\']).next());
        let is_name =
            |name: &&str| !matches!(*name, "" | "." | "..") && name.len() <= MAX_FILE_NAME;
        self.file_name = name.filter(is_name).map(Into::into);
        self.attributes = document.attributes;
        self.told = (document.width, document.height);
        self.objects = document
            .objects
            .into_iter()
            .map(|object| {
                let plain = object.rotate_angle.is_none()
                    && object.score.is_none()
                    && object.quality.is_none()
                    && object.attributes.is_empty();
                let extra = Extra {
                    rotate_angle: object.rotate_angle,
                    score: object.score,
                    quality: object.quality,
                    attributes: object.attributes,
                };
                Compact {
                    number: object.number,
                    class: names.number(object.name),
                    flags: object.flags,
                    bbox: object.bbox,
                    extra: (!plain).then(|| Box::new(extra)),
                }
            })
            .collect();
    }

    /// Cuts the boxes at the edge of the image; returns how many were cut, and the numbers of
    /// those that were outside and are gone. A rotated box stays as it is: its corners are not
    /// where its edges say.
    pub(super) fn clip(&mut self, info: &ImageInfo) -> (u64, Vec<u32>) {
        let (mut clipped, mut gone) = (0, Vec::new());
        self.objects.retain_mut(|object| {
            let is_rotated = object
                .extra
                .as_ref()
                .is_some_and(|extra| extra.rotate_angle.is_some_and(|angle| angle != 0.0));
            if is_rotated {
                return true;
            }
            let bbox = clip(object.bbox, info);
            if !bbox.is_valid() {
                gone.push(object.number);
                return false;
            }
            clipped += u64::from(bbox != object.bbox);
            object.bbox = bbox;
            true
        });
        (clipped, gone)
    }

    /// Returns the annotations; those without a class are left out.
    pub(super) fn annotations(&self, classes: &[Option<Class>]) -> Vec<Annotation> {
        let annotations = self.objects.iter().filter_map(|object| {
            let class = classes[object.class as usize].clone()?;
            let mut annotation = Annotation::new(class, object.bbox);
            annotation.flags = object.flags;
            if let Some(extra) = &object.extra {
                annotation.rotate_angle = extra.rotate_angle;
                annotation.score = extra.score;
                annotation.quality = extra.quality;
                annotation.attributes = extra.attributes.clone();
            }
            Some(annotation)
        });
        annotations.collect()
    }

    /// Returns the record, if the image is in the store.
    pub(super) fn record(&self, classes: &[Option<Class>]) -> Option<Record> {
        let stored = self.stored.as_ref()?;
        let name = self.image.file_name().unwrap_or_default().to_string_lossy();
        let asset = Asset {
            id: stored.id,
            width: stored.info.width,
            height: stored.info.height,
            channels: stored.info.channels,
            byte_size: stored.bytes,
            media_type: stored.info.media_type,
            file_name: self.file_name.as_deref().unwrap_or(&name).to_owned(),
            attributes: self.attributes.clone(),
        };
        Some(Record { asset, annotations: self.annotations(classes) })
    }
}

/// Cuts a box along the axes in which it reaches out of the image, and leaves the numbers of the
/// others as they are, to the last bit.
fn clip(bbox: BBox, info: &ImageInfo) -> BBox {
    let axis = |start: f64, size: f64, limit: u32| {
        let limit = f64::from(limit);
        if start >= 0.0 && start + size <= limit {
            return (start, size);
        }
        let end = (start + size).min(limit);
        let start = start.max(0.0);
        (start, end - start)
    };
    let (x, w) = axis(bbox.x, bbox.w, info.width);
    let (y, h) = axis(bbox.y, bbox.h, info.height);
    BBox { x, y, w, h }
}
