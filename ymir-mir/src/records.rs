//! Records, from what the original says of an asset.

use std::collections::HashMap;
use std::sync::Arc;

use ymir_core::{
    Annotation, Asset, Attributes, BBox, Class, Edit, Flags, Mask, OUTCOME, Record, Result, Shape,
};

use super::classes::Classes;
use super::files::{Contents, Sha1};
use super::generated as proto;
use super::media::Stored;

/// The most bytes of a file name, more than file systems allow.
const MAX_FILE_NAME: usize = 1024;
/// The attribute that tells which split an asset is in.
const SPLIT: &str = "split";

/// The images that are in the store, by the original's id.
pub(super) type Images = HashMap<Sha1, Stored>;

/// Which annotations a version gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Truth,
    Found,
}

/// Returns whether an annotation can be stored: its numbers are numbers, its box has a size.
pub(super) fn is_usable(annotation: &proto::ObjectAnnotation) -> bool {
    let Some(bbox) = &annotation.r#box else { return false };
    bbox.w > 0
        && bbox.h > 0
        && bbox.rotate_angle.is_finite()
        && annotation.score.is_finite()
        && annotation.anno_quality.is_finite()
}

/// Returns the edits that put a revision's records in.
pub(super) fn edits(
    contents: Arc<Contents>,
    half: Half,
    images: Arc<Images>,
    classes: Arc<Classes>,
) -> impl Iterator<Item = Result<Edit>> + Send + 'static {
    let mut next = 0;
    std::iter::from_fn(move || {
        loop {
            let place = next;
            let (id, entry) = contents.assets.get(place)?;
            next += 1;
            if let Some(stored) = images.get(id) {
                let metadata = contents.metadata(entry);
                let record =
                    metadata.and_then(|m| record(&contents, id, m, half, stored, &classes));
                return Some(record.map(Edit::Put));
            }
        }
    })
}

fn record(
    contents: &Contents,
    id: &Sha1,
    metadata: proto::Metadata,
    half: Half,
    stored: &Stored,
    classes: &Classes,
) -> Result<Record> {
    let side = match half {
        Half::Truth => &contents.truth,
        Half::Found => &contents.found,
    };
    let boxes = contents.boxes(side, id)?;
    let asset = Asset {
        id: stored.id,
        width: stored.info.width,
        height: stored.info.height,
        channels: stored.info.channels,
        byte_size: stored.bytes,
        media_type: stored.info.media_type,
        file_name: file_name(metadata.origin_filename, id),
        attributes: attributes(metadata.tvt_type, contents.cks(id)?),
    };
    let annotations = boxes.into_iter().filter_map(|told| {
        let outcome = outcome(told.cm).filter(|_| half == Half::Found);
        let mut annotation = annotation(told, &asset, classes)?;
        let outcome = outcome.map(|outcome| (OUTCOME.to_owned(), outcome.to_owned()));
        annotation.attributes.extend(outcome);
        Some(annotation)
    });
    Ok(Record { annotations: annotations.collect(), asset })
}

/// Returns the name without a folder: what comes from elsewhere is never a path.
fn file_name(told: String, id: &Sha1) -> String {
    let name = told.rsplit(['/', '\\']).next().unwrap_or_default();
    match name {
        "" | "." | ".." => id.to_string(),
        _ if name.len() > MAX_FILE_NAME => id.to_string(),
        _ => name.to_owned(),
    }
}

fn attributes(split: i32, cks: Option<proto::ImageCks>) -> Attributes {
    let mut attributes = Attributes::new();
    let split = match split {
        1 => Some("train"),
        2 => Some("val"),
        3 => Some("test"),
        _ => None,
    };
    attributes.extend(split.map(|split| (SPLIT.to_owned(), split.to_owned())));
    if let Some(cks) = cks {
        // −1 stands for none: the original's import, which alone writes this, always sets it.
        if cks.image_quality.is_finite() && cks.image_quality >= 0.0 {
            attributes.insert("image_quality".to_owned(), cks.image_quality.to_string());
        }
        attributes.extend(cks.cks);
    }
    attributes
}

/// Returns an annotation; none if it has no class or no size.
fn annotation(
    told: proto::ObjectAnnotation,
    asset: &Asset,
    classes: &Classes,
) -> Option<Annotation> {
    if !is_usable(&told) {
        return None;
    }
    let class: Class = classes.class(told.class_id, &told.class_name)?;
    let bbox = told.r#box?;
    let [x, y, w, h] = [bbox.x, bbox.y, bbox.w, bbox.h].map(f64::from);
    // Width and height count pixels (`xmax − xmin + 1` of Pascal VOC), so the box is that of
    // continuous coordinates as it stands.
    let mut annotation = Annotation::new(class, BBox::new(x, y, w, h));
    annotation.rotate_angle = Some(widen(bbox.rotate_angle)).filter(|angle| *angle != 0.0);
    annotation.score = Some(told.score).filter(|score| *score >= 0.0);
    // The original's inference never sets it, which reads as 0.
    annotation.quality = Some(widen(told.anno_quality)).filter(|quality| *quality > 0.0);
    annotation.flags = Flags { crowd: told.iscrowd != 0, ..Flags::default() };
    annotation.shape = shape(&told.polygon, &told.mask, asset.width, asset.height);
    annotation.attributes = told.tags;
    Some(annotation)
}

/// Returns the outline or the pixels of an object, if it has any that make sense.
pub(super) fn shape(
    polygon: &[proto::IntPoint],
    mask: &str,
    width: u32,
    height: u32,
) -> Option<Shape> {
    let pixels = (!mask.is_empty()).then(|| Mask::from_coco_string(width, height, mask).ok());
    if let Some(pixels) = pixels.flatten() {
        return Some(Shape::Mask(pixels));
    }
    let ring: Vec<_> = polygon.iter().map(|p| [f64::from(p.x), f64::from(p.y)]).collect();
    (ring.len() >= 3).then(|| Shape::Polygons(vec![ring]))
}

/// Returns what the original's evaluation said of a prediction, if it did.
pub(super) fn outcome(mark: i32) -> Option<&'static str> {
    match mark {
        1 => Some("tp"),
        2 => Some("fp"),
        12 => Some("ignored"),
        _ => None,
    }
}

/// Returns the number that was written when the original stored it in single precision: 0.9 for
/// 0.9, not 0.8999999761581421.
fn widen(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}
