use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use ymir_core::{Attributes, BBox, Keypoint, Result, Visibility};

use super::super::ImportOptions;
use super::super::assemble::{Compact, Entry};
use super::super::document::Object;
use super::super::draft::Draft;
use super::super::image_index::ImageIndex;
use super::super::import_report::SkipReason;
use super::super::losses::Field;
use super::super::reader::Reader;
use super::super::shared_documents::SharedDocuments;
use super::super::splits;
use super::json::{Annotation, Category, Id, Image, Sink, read};

/// How much of a file is looked at to see what it is.
const HEAD: u64 = 1 << 16;

/// COCO: one document for the images of each split.
#[derive(Debug)]
pub(in super::super) struct CocoReader;

impl Reader for CocoReader {
    fn find(&mut self, draft: &mut Draft, options: &ImportOptions) -> Result<()> {
        let mut all = SharedDocuments::scan(draft, is_coco)?;
        for path in &all.paths {
            match left_out(path, &all.paths) {
                Some(reason) => draft.skip(path, SkipReason::Ambiguous, reason),
                None => read_document(draft, &all.index, &mut all.entries, path),
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
    index: &ImageIndex,
    entries: &mut [Option<Entry>],
    path: &Path,
) {
    let split = split(path);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            return draft.skip(path, SkipReason::Unreadable, format!("it cannot be read: {error}"));
        }
    };
    let mut taken = Taken {
        draft,
        index,
        path,
        split,
        images: HashMap::new(),
        found: Vec::new(),
        categories: HashMap::new(),
        number: 0,
    };
    let result = read(BufReader::with_capacity(1 << 20, file), &mut taken);
    match result {
        Ok(()) => taken.put(entries),
        Err(reason) => draft.skip(path, SkipReason::BadAnnotation, reason),
    }
}

/// A document as far as it was read. Annotations may come before the images and categories that
/// they name.
struct Taken<'a> {
    draft: &'a mut Draft,
    index: &'a ImageIndex,
    path: &'a Path,
    split: String,
    /// The places of images in `found`.
    images: HashMap<Id, usize>,
    found: Vec<Found>,
    /// The names of categories, and how many annotations have them.
    categories: HashMap<Id, Option<String>>,
    number: u32,
}

/// An image of the document, with the ids of its objects' categories.
#[derive(Default)]
struct Found {
    image: Option<Image>,
    objects: Vec<(Object, Option<Id>)>,
}

impl Taken<'_> {
    fn place(&mut self, id: Id) -> &mut Found {
        let next = self.found.len();
        let place = *self.images.entry(id).or_insert(next);
        if place == next {
            self.found.push(Found::default());
        }
        &mut self.found[place]
    }

    fn lose(&mut self, lost: bool, what: &str) {
        if lost {
            self.draft.losses.add(what);
        }
    }

    /// Puts what was read where the images are.
    fn put(self, entries: &mut [Option<Entry>]) {
        let Taken { draft, index, path, split, found, categories, .. } = self;
        for Found { image, objects } in found {
            let Some(image) = image else {
                for (object, _) in objects {
                    draft.drop_object(path, object.number, "its image_id is of no image");
                }
                continue;
            };
            let place = match index.find(&image.file_name, path, &split) {
                Ok(place) => place,
                Err((kind, reason)) => {
                    draft.skip_text(image.file_name, kind, reason);
                    continue;
                }
            };
            let entry = entries[place].get_or_insert_with(|| {
                Entry::new(index.image(place).to_owned(), Some(path.to_owned()))
            });
            entry.told = (image.width, image.height);
            entry.attributes.extend(attributes(image.attributes));
            splits::add(&mut entry.attributes, &split);
            for (mut object, category) in objects {
                let name = category.and_then(|id| categories.get(&id).cloned().flatten());
                match name {
                    Some(name) => {
                        object.name = name;
                        entry.objects.push(Compact::new(object, &mut draft.names));
                    }
                    None => {
                        let reason = "its category_id is of no category";
                        draft.drop_object(path, object.number, reason);
                    }
                }
            }
        }
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
        let id = image.id.clone();
        self.place(id).image = Some(image);
    }

    fn annotation(&mut self, annotation: Annotation) {
        self.number = self.number.saturating_add(1);
        let number = self.number;
        if annotation.caption.is_some() {
            return self.lose(true, "captions");
        }
        let (image, category) = (annotation.image_id.clone(), annotation.category_id.clone());
        match object(annotation) {
            Ok(object) => {
                self.place(image).objects.push((Object { number, ..object }, category));
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
        self.categories.insert(id, Some(name).filter(|name| valid && name.len() <= 256));
    }
}

fn object(annotation: Annotation) -> std::result::Result<Object, String> {
    let mut object = Object::default();
    if let Some(shape) = annotation.segmentation.map_or(Ok(None), |found| found.shape())? {
        object.set_shape(shape);
    }
    let is_set = |mark: Option<super::json::Mark>| mark.is_some_and(|mark| mark.is_set());
    match annotation.bbox.as_deref() {
        Some([x, y, w, h]) => object.bbox = BBox::new(*x, *y, *w, *h),
        Some([]) | None => {}
        Some(bbox) => return Err(format!("its bbox has {} numbers in place of 4", bbox.len())),
    }
    if !object.bbox.is_valid() {
        return Err("it has no bbox with a size, nor a segmentation with one".to_owned());
    }
    object.flags.crowd = is_set(annotation.iscrowd);
    object.flags.difficult = is_set(annotation.difficult);
    object.flags.truncated = is_set(annotation.truncated);
    object.flags.occluded = is_set(annotation.occluded);
    object.score = annotation.score;
    object.quality = annotation.quality;
    object.rotate_angle = annotation.rotate_angle;
    object.attributes = attributes(annotation.attributes);
    // As CVAT has them.
    if let Some(text) = object.attributes.remove("occluded") {
        object.flags.occluded |= text == "true";
    }
    if let Some(degrees) = object.attributes.remove("rotation") {
        let degrees = degrees.parse::<f64>().ok().filter(|degrees| degrees.is_finite());
        let angle = degrees.filter(|degrees| *degrees != 0.0).map(f64::to_radians);
        object.rotate_angle = object.rotate_angle.or(angle);
    }
    object.keypoints = keypoints(annotation.keypoints.unwrap_or_default())?;
    Ok(object)
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
fn attributes(map: Option<Map<String, Value>>) -> Attributes {
    let pairs = map.unwrap_or_default().into_iter().filter_map(|(key, value)| match value {
        Value::Null => None,
        Value::String(text) => Some((key, text)),
        other => Some((key, other.to_string())),
    });
    pairs.collect()
}
