use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use ymir_core::{Annotation, Asset, Attributes, Error, Flags, Keypoint, Result, Shape};

use super::super::splits::SPLIT;
use crate::support::spill::Spill;

/// How many bytes of annotations are kept in memory.
const MAX_OBJECTS: usize = 1 << 16;
/// How much is copied at once.
const BLOCK: usize = 1 << 16;

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

/// A COCO document that is being written: images at once, annotations are set aside and appended at
/// the end, so that neither is held in memory.
#[derive(Debug)]
pub struct CocoDocument<W> {
    path: PathBuf,
    extras: Extras,
    file: W,
    objects: Spill,
    image: u64,
    object: u64,
}

impl CocoDocument<BufWriter<File>> {
    /// Begins the document of a file, with a description. Annotations are set aside in its folder.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn create(path: PathBuf, description: &str, extras: Extras) -> Result<Self> {
        let file = BufWriter::new(File::create(&path).map_err(|e| failed(&path, e))?);
        let objects = Spill::new(path.parent().unwrap_or(Path::new(".")), MAX_OBJECTS);
        Self::begin(path, file, objects, description, extras)
    }
}

impl CocoDocument<Vec<u8>> {
    /// Begins a document in memory, with a description.
    ///
    /// # Errors
    ///
    /// None, in memory.
    pub fn in_memory(description: &str, extras: Extras) -> Result<Self> {
        let objects = Spill::new(Path::new("."), usize::MAX);
        Self::begin(PathBuf::new(), Vec::new(), objects, description, extras)
    }
}

impl<W: Write> CocoDocument<W> {
    fn begin(
        path: PathBuf,
        mut file: W,
        objects: Spill,
        description: &str,
        extras: Extras,
    ) -> Result<Self> {
        let mut begin = || -> io::Result<()> {
            // An import of what is exported would report what says nothing as lost.
            if extras == Extras::Keys {
                return file.write_all(b"{\"images\": [");
            }
            file.write_all(b"{\"info\": {\"description\": ")?;
            serde_json::to_writer(&mut file, description)?;
            file.write_all(b"},\n\"licenses\": [],\n\"images\": [")
        };
        begin().map_err(|e| failed(&path, e))?;
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
        write_item(&mut self.file, self.image, &image).map_err(|e| failed(&self.path, e))?;
        for (category, annotation) in objects {
            self.object += 1;
            let object = CocoObject {
                id: self.object,
                image_id: self.image,
                category_id: category,
                ..object(annotation, self.extras)
            };
            let mut text = Vec::new();
            write_item(&mut text, self.object, &object).map_err(|e| failed(&self.path, e))?;
            self.objects.append(&text)?;
        }
        Ok(())
    }

    /// Ends the document with its categories, and returns what it was written to.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn finish(mut self, categories: &[(u64, &str)]) -> Result<W> {
        self.write(b"],\n\"annotations\": [")?;
        let mut block = vec![0; BLOCK];
        let mut place = 0;
        while place < self.objects.len() {
            let count = (self.objects.len() - place).min(BLOCK as u64);
            let block = &mut block[..count as usize];
            self.objects.read(place, block)?;
            self.write(block)?;
            place += count;
        }
        self.write(b"],\n\"categories\": [")?;
        for (number, (id, name)) in (1..).zip(categories) {
            let category = CocoCategory { id: *id, name, supercategory: "" };
            let written = write_item(&mut self.file, number, &category);
            written.map_err(|e| failed(&self.path, e))?;
        }
        self.write(b"]}\n")?;
        self.file.flush().map_err(|e| failed(&self.path, e))?;
        Ok(self.file)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| failed(&self.path, e))
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::io("a COCO document cannot be written", path, error)
}

fn write_item(to: &mut impl Write, number: u64, value: &impl Serialize) -> io::Result<()> {
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
