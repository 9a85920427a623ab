use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ymir_core::{Attributes, BBox, Keypoint, Result, Visibility};

use super::super::assemble::{Compact, Said};
use super::super::document::Object;
use super::super::draft::Draft;
use super::super::losses::Field;
use super::super::read_options::ReadOptions;
use super::super::reader::Reader;
use super::super::report::SkipReason;
use super::super::shared_documents::SharedDocuments;
use super::super::splits;
use super::json::{Annotation, Category, Image, Sink, read};
use super::lenient::{Id, Number};
use super::plain::Plain;
use crate::support::Sorter;
use crate::support::spill;

/// How much of a file is looked at to see what it is.
const HEAD: u64 = 1 << 16;

/// COCO: one document for the images of each split.
#[derive(Debug)]
pub(in super::super) struct CocoReader;

impl Reader for CocoReader {
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        let mut all = SharedDocuments::scan(draft, is_coco)?;
        for (i, path) in all.paths.clone().iter().enumerate() {
            match left_out(path, &all.paths) {
                Some(reason) => draft.skip(path, SkipReason::Ambiguous, reason),
                None => read_document(draft, &mut all, i, path)?,
            }
        }
        all.finish(draft, options)
    }
}

/// Returns whether a file may be a COCO document, by its beginning.
pub(in super::super) fn is_coco(path: &Path) -> bool {
    if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("json")) {
        return false;
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    let head = String::from_utf8_lossy(&head);
    let keys = ["\"images\"", "\"annotations\"", "\"categories\""];
    read.is_ok()
        && head.trim_start_matches('\u{feff}').trim_start().starts_with('{')
        && keys.iter().any(|key| head.contains(key))
}

/// Returns why a document is not read beside others, if so: those that COCO has of the same images
/// tell their objects a second time.
fn left_out(path: &Path, all: &[PathBuf]) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let rest = name.strip_prefix("person_keypoints_")?;
    let instances = path.with_file_name(format!("instances_{rest}"));
    let reason = format!("it is of the same objects as instances_{rest}; import it by itself");
    all.contains(&instances).then_some(reason)
}

/// Returns the split that the name of a document says: `instances_train2017.json` is of `train2017`.
fn split(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let known = ["instances_", "person_keypoints_", "annotations_"];
    let named = known.iter().find_map(|prefix| stem.strip_prefix(prefix));
    match named {
        Some("default") => String::new(),
        Some(name) if splits::is_file_name(name) => name.to_owned(),
        None if splits::is_common(&stem) => stem.into_owned(),
        // As Roboflow has it: train/_annotations.coco.json.
        None => {
            let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
            Some(folder.to_string_lossy().into_owned())
                .filter(|name| splits::is_common(name))
                .unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn read_document(
    draft: &mut Draft,
    all: &mut SharedDocuments,
    document: usize,
    path: &Path,
) -> Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            draft.skip(path, SkipReason::Unreadable, format!("it cannot be read: {error}"));
            return Ok(());
        }
    };
    let rows = Sorter::new(&draft.aside);
    let mut taken = Taken {
        draft,
        path,
        images: Numbers::default(),
        categories: Numbers::default(),
        names: HashMap::new(),
        rows,
        fault: Ok(()),
        number: 0,
    };
    match read(BufReader::with_capacity(1 << 20, Plain::new(file)), &mut taken) {
        Ok(()) => taken.put(all, document),
        Err(reason) => {
            draft.skip(path, SkipReason::BadAnnotation, reason.to_string());
            Ok(())
        }
    }
}

/// Numbers ids as they are met.
#[derive(Default)]
pub(super) struct Numbers {
    integers: HashMap<i64, u32>,
    texts: HashMap<Box<str>, u32>,
}

impl Numbers {
    pub(super) fn number(&mut self, id: Id) -> u32 {
        let next = (self.integers.len() + self.texts.len()) as u32;
        match id {
            Id::Number(id) => *self.integers.entry(id).or_insert(next),
            Id::Text(id) => *self.texts.entry(id).or_insert(next),
            // It is of nothing.
            Id::Bad => u32::MAX,
        }
    }
}

/// A document as far as it was read. Annotations may come before the images and categories that
/// they name, and in any order: they are set aside by the numbers of their images.
struct Taken<'a> {
    draft: &'a mut Draft,
    path: &'a Path,
    images: Numbers,
    categories: Numbers,
    /// The names of categories by their numbers; none for one that no class can have.
    names: HashMap<u32, Option<String>>,
    rows: Sorter,
    /// Why rows cannot be set aside.
    fault: Result<()>,
    number: u32,
}

#[derive(Serialize, Deserialize)]
enum Row {
    Image(FoundImage),
    /// An object of a category instead of a class.
    Object(Compact),
    /// One that has no category.
    Loose(u32),
}

#[derive(Serialize, Deserialize)]
struct FoundImage {
    file_name: String,
    size: (Option<u32>, Option<u32>),
    attributes: Attributes,
}

impl Taken<'_> {
    fn push(&mut self, image: Id, row: &Row) {
        if self.fault.is_ok() {
            let image = self.images.number(image);
            self.fault = spill::encode(row).and_then(|row| self.rows.push(image, &row));
        }
    }

    /// Returns attributes as they are kept.
    fn attributes(&mut self, found: Option<Value>) -> Attributes {
        match found {
            Some(Value::Object(map)) => attributes(map),
            // As PHP has an object without fields.
            Some(Value::Array(empty)) if empty.is_empty() => Attributes::default(),
            None | Some(Value::Null) => Attributes::default(),
            Some(_) => {
                self.lose(true, "attributes that are no object");
                Attributes::default()
            }
        }
    }

    fn lose(&mut self, lost: bool, what: &str) {
        if lost {
            self.draft.losses.add(what);
        }
    }

    /// Hands on what the document says, image by image.
    fn put(self, all: &mut SharedDocuments, document: usize) -> Result<()> {
        let Taken { draft, path, names, rows, fault, .. } = self;
        fault?;
        let split = split(path);
        let mut rows = rows.sorted()?;
        while let Some(number) = rows.number() {
            let (mut image, mut objects) = (None, Vec::new());
            while rows.number() == Some(number)
                && let Some((_, row)) = rows.take()?
            {
                match spill::decode(&row)? {
                    Row::Image(found) => image = Some(found),
                    Row::Object(object) => objects.push((object.number, Some(object))),
                    Row::Loose(number) => objects.push((number, None)),
                }
            }
            let Some(image) = image else {
                for (number, _) in objects {
                    draft.drop_object(path, number, "its image_id is of no image");
                }
                continue;
            };
            let place = match all.index.find(&image.file_name, path, &split) {
                Ok(place) => place,
                Err((kind, reason)) => {
                    draft.skip_text(image.file_name, kind, reason);
                    continue;
                }
            };
            let mut said =
                Said { told: image.size, attributes: image.attributes, ..Said::default() };
            for (number, object) in objects {
                let named = object.and_then(|object| {
                    let name = names.get(&object.class)?.clone()?;
                    Some((object, name))
                });
                match named {
                    Some((mut object, name)) => {
                        object.class = draft.classes.number(name);
                        said.objects.push(object);
                    }
                    None => {
                        draft.drop_object(path, number, "its category_id is of no category");
                    }
                }
            }
            all.say(draft, place, document, said, &split)?;
        }
        Ok(())
    }
}

/// The fields of annotations that say nothing which is not kept otherwise.
const KEPT: [&str; 3] = ["id", "area", "num_keypoints"];

impl Sink for Taken<'_> {
    fn field(&mut self, field: Field) {
        if field.of != "annotations" || !KEPT.contains(&field.name.as_str()) {
            self.draft.losses.add_field(&field);
        }
    }

    fn image(&mut self, image: Image) {
        self.lose(image.license.is_some(), "license of images");
        self.lose(image.flickr_url.is_some(), "flickr_url of images");
        self.lose(image.coco_url.is_some(), "coco_url of images");
        self.lose(image.date_captured.is_some(), "date_captured of images");
        let Some(id) = image.id.filter(|id| *id != Id::Bad) else {
            let reason = "its id in the document is missing, or no number or text";
            return self.draft.skip_text(image.file_name, SkipReason::BadAnnotation, reason);
        };
        let size = |told: Option<Number>| told.and_then(Number::whole).filter(|size| *size > 0);
        let found = FoundImage {
            file_name: image.file_name,
            size: (size(image.width), size(image.height)),
            attributes: self.attributes(image.attributes),
        };
        self.push(id, &Row::Image(found));
    }

    fn annotation(&mut self, annotation: Annotation) {
        self.number = self.number.saturating_add(1);
        let number = self.number;
        if annotation.caption.is_some() {
            return self.lose(true, "captions");
        }
        let (image, category) = (annotation.image_id.clone(), annotation.category_id.clone());
        let Some(image) = image.filter(|id| *id != Id::Bad) else {
            let reason = "its image_id is missing, or no number or text";
            return self.draft.drop_object(self.path, number, reason);
        };
        let mut annotation = annotation;
        let attributes = self.attributes(annotation.attributes.take());
        match object(annotation, attributes) {
            Ok(object) => {
                let row = match category.filter(|id| *id != Id::Bad) {
                    Some(category) => {
                        let category = self.categories.number(category);
                        Row::Object(Compact::of_class(Object { number, ..object }, category))
                    }
                    None => Row::Loose(number),
                };
                self.push(image, &row);
            }
            Err(reason) => self.draft.drop_object(self.path, number, reason),
        }
    }

    fn category(&mut self, category: Category) {
        let Category { id, name, supercategory, keypoints } = category;
        let is_group = supercategory.is_some_and(|group| !group.is_empty() && group != name);
        self.lose(is_group, "supercategories");
        self.lose(keypoints.is_some(), "names of keypoints");
        let valid = !name.trim().is_empty() && !name.chars().any(char::is_control);
        let name = Some(name).filter(|name| valid && name.len() <= 256);
        if id != Id::Bad {
            self.names.insert(self.categories.number(id), name);
        }
    }
}

/// Returns the object of an annotation, but for its number and class.
pub(super) fn object(
    annotation: Annotation,
    attributes: Attributes,
) -> std::result::Result<Object, String> {
    let mut object = Object::default();
    let number =
        |number: Option<Number>, field| number.map_or(Ok(None), |number| number.get(field));
    if let Some(shape) = annotation.segmentation.map_or(Ok(None), |found| found.shape())? {
        object.set_shape(shape);
    }
    match annotation.bbox.map_or(Ok(Vec::new()), |bbox| bbox.get("bbox"))?[..] {
        [x, y, w, h] => object.bbox = BBox::new(x, y, w, h),
        [] => {}
        ref bbox => return Err(format!("its bbox has {} numbers in place of 4", bbox.len())),
    }
    if !object.bbox.is_valid() {
        return Err("it has no bbox with a size, nor a segmentation with one".to_owned());
    }
    let is_set = |mark, field| number(mark, field).map(|mark| mark.is_some_and(|n| n != 0.0));
    object.flags.crowd = is_set(annotation.iscrowd, "iscrowd")?;
    object.flags.difficult = is_set(annotation.difficult, "difficult")?;
    object.flags.truncated = is_set(annotation.truncated, "truncated")?;
    object.flags.occluded = is_set(annotation.occluded, "occluded")?;
    object.score = number(annotation.score, "score")?;
    object.quality = number(annotation.quality, "quality")?;
    object.rotate_angle = number(annotation.rotate_angle, "rotate_angle")?;
    object.attributes = attributes;
    // As CVAT has them.
    let mut marked = |name| {
        let mark = object.attributes.get(name).and_then(|text| mark(text));
        if mark.is_some() {
            object.attributes.remove(name);
        }
        mark.unwrap_or_default()
    };
    object.flags.occluded |= marked("occluded");
    object.flags.truncated |= marked("truncated");
    object.flags.difficult |= marked("difficult");
    if let Some(degrees) = object.attributes.remove("rotation") {
        let degrees = degrees.parse::<f64>().ok().filter(|degrees| degrees.is_finite());
        let angle = degrees.filter(|degrees| *degrees != 0.0).map(f64::to_radians);
        object.rotate_angle = object.rotate_angle.or(angle);
    }
    let found = annotation.keypoints.map_or(Ok(Vec::new()), |found| found.get("keypoints"))?;
    object.keypoints = keypoints(found)?;
    Ok(object)
}

/// Returns whether a mark is set; none for an attribute that says something else.
fn mark(text: &str) -> Option<bool> {
    match text.trim() {
        "true" | "True" | "1" => Some(true),
        "false" | "False" | "0" => Some(false),
        _ => None,
    }
}

fn keypoints(numbers: Vec<f64>) -> std::result::Result<Vec<Keypoint>, String> {
    if !numbers.len().is_multiple_of(3) || numbers.len() > 30_000 {
        return Err(format!("its keypoints have {} numbers, not three each", numbers.len()));
    }
    let point = |point: &[f64]| {
        let visibility = [0.0, 1.0, 2.0].iter().position(|v| *v == point[2]);
        let visibility = visibility.and_then(|v| Visibility::from_number(v as u8));
        let visibility = visibility.ok_or("a keypoint has a visibility other than 0, 1 and 2")?;
        Ok(Keypoint { x: point[0], y: point[1], visibility })
    };
    numbers.chunks_exact(3).map(point).collect()
}

/// Returns attributes as texts; an empty value is none.
pub(super) fn attributes(map: Map<String, Value>) -> Attributes {
    let pairs = map.into_iter().filter_map(|(key, value)| match value {
        Value::Null => None,
        // Also what stands in place of NaN.
        Value::Object(empty) if empty.is_empty() => None,
        Value::String(text) => Some((key, text)),
        other => Some((key, other.to_string())),
    });
    pairs.collect()
}
