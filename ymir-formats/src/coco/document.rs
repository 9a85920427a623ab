use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use ymir_core::{Annotation, Asset, Attributes, Error, Flags, Keypoint, Result, Shape};

use super::super::splits::SPLIT;

/// Where a document says what COCO has no keys for: marks, scores, angles, qualities, attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extras {
    /// In keys of their own, which other programs pass over.
    Keys,
    /// In `attributes`, under the names that CVAT uses; the score has a key of its own.
    Attributes,
    /// Nowhere.
    Omitted,
}

#[derive(Serialize)]
struct CocoImage<'a> {
    id: u64,
    file_name: &'a str,
    width: u32,
    height: u32,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: Attributes,
}

#[derive(Serialize)]
struct CocoObject<'a> {
    id: u64,
    image_id: u64,
    category_id: u64,
    bbox: [f64; 4],
    area: f64,
    iscrowd: u8,
    segmentation: Segmentation<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keypoints: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_keypoints: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(flatten)]
    keys: Keys,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'a str, Value<'a>>,
}

/// What [`Extras::Keys`] adds.
#[derive(Default, Serialize)]
struct Keys {
    #[serde(skip_serializing_if = "Option::is_none")]
    rotate_angle: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<f64>,
    #[serde(skip_serializing_if = "is_zero")]
    difficult: u8,
    #[serde(skip_serializing_if = "is_zero")]
    truncated: u8,
    #[serde(skip_serializing_if = "is_zero")]
    occluded: u8,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Text(&'a str),
    Mark(bool),
    Number(f64),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Segmentation<'a> {
    Polygons(Vec<&'a [f64]>),
    Mask { size: [u32; 2], counts: String },
}

#[derive(Serialize)]
struct CocoCategory<'a> {
    id: u64,
    name: &'a str,
    supercategory: &'a str,
}

fn is_zero(mark: &u8) -> bool {
    *mark == 0
}

/// A COCO document that is being written: images go to the file itself, annotations to one beside
/// it that is appended at the end, so that neither is held in memory.
#[derive(Debug)]
pub struct CocoDocument {
    path: PathBuf,
    extras: Extras,
    file: BufWriter<File>,
    objects: BufWriter<File>,
    image: u64,
    object: u64,
}

impl CocoDocument {
    /// Begins the document of a file, with a description.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn create(path: PathBuf, description: &str, extras: Extras) -> Result<Self> {
        let begin = || {
            let mut file = BufWriter::new(File::create(&path)?);
            file.write_all(b"{\"info\": {\"description\": ")?;
            serde_json::to_writer(&mut file, description)?;
            file.write_all(b"},\n\"licenses\": [],\n\"images\": [")?;
            let parent = path.parent().unwrap_or(Path::new("."));
            Ok((file, BufWriter::new(tempfile::tempfile_in(parent)?)))
        };
        let (file, objects) = begin().map_err(|e| failed(&path, e))?;
        Ok(Self { path, extras, file, objects, image: 0, object: 0 })
    }

    /// Adds an image with its objects, each with the number of its category.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn add<'a>(
        &mut self,
        asset: &Asset,
        file_name: &str,
        objects: impl IntoIterator<Item = (u64, &'a Annotation)>,
    ) -> Result<()> {
        self.image += 1;
        let mut attributes = match self.extras {
            Extras::Keys => asset.attributes.clone(),
            Extras::Attributes | Extras::Omitted => Attributes::new(),
        };
        attributes.remove(SPLIT);
        let (width, height) = (asset.width, asset.height);
        let image = CocoImage { id: self.image, file_name, width, height, attributes };
        let mut written = write_item(&mut self.file, self.image, &image);
        for (category, annotation) in objects {
            self.object += 1;
            let object = CocoObject {
                id: self.object,
                image_id: self.image,
                category_id: category,
                ..object(annotation, self.extras)
            };
            written = written.and_then(|()| write_item(&mut self.objects, self.object, &object));
        }
        written.map_err(|e| failed(&self.path, e))
    }

    /// Ends the document with its categories, and returns the file.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn finish(self, categories: &[(u64, &str)]) -> Result<File> {
        let path = self.path.clone();
        self.end(categories).map_err(|e| failed(&path, e))
    }

    fn end(mut self, categories: &[(u64, &str)]) -> std::io::Result<File> {
        self.file.write_all(b"],\n\"annotations\": [")?;
        let mut objects = self.objects.into_inner()?;
        objects.rewind()?;
        std::io::copy(&mut BufReader::new(objects), &mut self.file)?;
        self.file.write_all(b"],\n\"categories\": [")?;
        for (number, (id, name)) in (1..).zip(categories) {
            let category = CocoCategory { id: *id, name, supercategory: "" };
            write_item(&mut self.file, number, &category)?;
        }
        self.file.write_all(b"]}\n")?;
        Ok(self.file.into_inner()?)
    }
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::io("a COCO document cannot be written", path, error)
}

fn write_item(to: &mut impl Write, number: u64, value: &impl Serialize) -> std::io::Result<()> {
    to.write_all(if number == 1 { b"\n" } else { b",\n" })?;
    Ok(serde_json::to_writer(to, value)?)
}

/// Returns an object whose numbers are still to be set.
fn object(annotation: &Annotation, extras: Extras) -> CocoObject<'_> {
    let Annotation { bbox, shape, keypoints, .. } = annotation;
    let point = |point: &Keypoint| [point.x, point.y, f64::from(point.visibility.number())];
    let labelled = keypoints.iter().filter(|point| point.visibility.number() > 0).count();
    let has_points = !keypoints.is_empty();
    CocoObject {
        id: 0,
        image_id: 0,
        category_id: 0,
        bbox: [bbox.x, bbox.y, bbox.w, bbox.h],
        area: match shape {
            Some(shape @ (Shape::Polygons(_) | Shape::Mask(_))) => shape.area(),
            _ => bbox.area(),
        },
        iscrowd: annotation.flags.crowd.into(),
        segmentation: segmentation(shape.as_ref()),
        keypoints: has_points.then(|| keypoints.iter().flat_map(point).collect()),
        num_keypoints: has_points.then_some(labelled),
        score: annotation.score.filter(|_| extras != Extras::Omitted),
        keys: keys(annotation, extras),
        attributes: attributes(annotation, extras),
    }
}

fn segmentation(shape: Option<&Shape>) -> Segmentation<'_> {
    match shape {
        Some(Shape::Polygons(rings)) => {
            Segmentation::Polygons(rings.iter().map(|ring| ring.as_flattened()).collect())
        }
        Some(Shape::Mask(mask)) => Segmentation::Mask {
            size: [mask.height(), mask.width()],
            counts: mask.to_coco_string(),
        },
        _ => Segmentation::Polygons(Vec::new()),
    }
}

fn keys(annotation: &Annotation, extras: Extras) -> Keys {
    let Flags { difficult, truncated, occluded, .. } = annotation.flags;
    match extras {
        Extras::Keys => Keys {
            rotate_angle: annotation.rotate_angle,
            quality: annotation.quality,
            difficult: difficult.into(),
            truncated: truncated.into(),
            occluded: occluded.into(),
        },
        Extras::Attributes | Extras::Omitted => Keys::default(),
    }
}

fn attributes(annotation: &Annotation, extras: Extras) -> BTreeMap<&str, Value<'_>> {
    if extras == Extras::Omitted {
        return BTreeMap::new();
    }
    let text = |(name, text)| -> (&str, Value<'_>) { (name, Value::Text(text)) };
    let free = annotation.attributes.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let mut all: BTreeMap<_, _> = free.map(text).collect();
    if extras == Extras::Attributes {
        let Flags { difficult, truncated, occluded, .. } = annotation.flags;
        let marks = [("difficult", difficult), ("truncated", truncated), ("occluded", occluded)];
        let set = marks.into_iter().filter(|(_, is_set)| *is_set);
        all.extend(set.map(|(name, is_set)| (name, Value::Mark(is_set))));
        let angle = annotation.rotate_angle.filter(|angle| angle.is_finite());
        all.extend(angle.map(|angle| ("rotation", Value::Number(angle.to_degrees()))));
    }
    all
}
