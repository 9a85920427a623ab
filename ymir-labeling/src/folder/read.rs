use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;
use ymir_core::{Annotation, AssetId, BBox, Class, ClassTable, Error, Labeled, Result};

use super::layout::JobFile;
use super::names::Finder;
use super::value::Field;

/// The sizes of the images of a job.
type Sizes = HashMap<AssetId, (u32, u32)>;

/// Reads a COCO detection file that a labeling tool wrote.
///
/// # Errors
///
/// `InvalidInput`, with the file and the field or the position in it.
pub(super) fn read(bytes: &[u8], path: &Path, job: &JobFile) -> Result<Vec<Labeled>> {
    parse(bytes, job).map_err(|error| error.with("path", path.display()))
}

fn parse(bytes: &[u8], job: &JobFile) -> Result<Vec<Labeled>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let document: Value = serde_json::from_slice(bytes).map_err(|error| {
        let message = "the labeled annotations are not JSON; export them as COCO again";
        Error::invalid(message)
            .with("line", error.line())
            .with("column", error.column())
            .caused_by(error)
    })?;
    let root = Field::root(&document);
    let sizes: Sizes = job.images.iter().map(|i| (i.asset, (i.width, i.height))).collect();
    let images = images(&root, job, &sizes)?;
    let categories = categories(&root, &job.classes)?;
    let mut labeled: BTreeMap<AssetId, Vec<Annotation>> =
        images.values().map(|id| (*id, Vec::new())).collect();
    for field in root.require("annotations")?.items()? {
        let image = field.require("image_id")?;
        let Some(id) = images.get(&image.id()?) else {
            return Err(image
                .error("`images` lists no image of this id")
                .with("id", image.value()));
        };
        let annotation = annotation(&field, &categories, sizes[id])?;
        labeled.entry(*id).or_default().push(annotation);
    }
    Ok(labeled.into_iter().map(|(id, annotations)| Labeled { id, annotations }).collect())
}

/// Returns which asset each image id means. Some tools list an image once per annotator.
fn images(root: &Field<'_>, job: &JobFile, sizes: &Sizes) -> Result<HashMap<String, AssetId>> {
    let finder = Finder::new(job.images.iter().map(|i| (i.file_name.as_str(), i.asset)));
    let mut images = HashMap::new();
    for field in root.require("images")?.items()? {
        let name = field.require("file_name")?;
        let Some(asset) = finder.find(name.text()?) else {
            let message = "the labeling job has no image of this name";
            return Err(name.error(message).with("file_name", name.text()?));
        };
        let (width, height) = sizes[&asset];
        for (key, expected) in [("width", width), ("height", height)] {
            // Boxes of an image that a tool has scaled or turned would be in the wrong place.
            if let Some(size) = field.get(key)?
                && size.number()? != f64::from(expected)
            {
                let message = format!(
                    "the image is {width} × {height} pixels; export without scaling or turning it"
                );
                return Err(size.error(message).with("found", size.value()));
            }
        }
        let id = field.require("id")?;
        if images.insert(id.id()?, asset).is_some_and(|other| other != asset) {
            return Err(id.error("two images have this id").with("id", id.value()));
        }
    }
    Ok(images)
}

/// Returns the class that each category id means.
fn categories(root: &Field<'_>, classes: &ClassTable) -> Result<HashMap<String, Class>> {
    let mut categories = HashMap::new();
    let Some(list) = root.get("categories")? else { return Ok(categories) };
    for field in list.items()? {
        let name = field.require("name")?;
        let text = name.text()?.trim();
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(name.error("a class name must have a visible character, and no controls"));
        }
        let class = classes.find(text).map_or_else(|| Class::Name(text.to_owned()), Class::Id);
        let id = field.require("id")?;
        match categories.insert(id.id()?, class.clone()) {
            Some(other) if other != class => {
                return Err(id.error("two categories have this id").with("id", id.value()));
            }
            _ => {}
        }
    }
    Ok(categories)
}

fn annotation(
    field: &Field<'_>,
    categories: &HashMap<String, Class>,
    size: (u32, u32),
) -> Result<Annotation> {
    let category = field.require("category_id")?;
    let Some(class) = categories.get(&category.id()?) else {
        let message = "`categories` lists no category of this id";
        return Err(category.error(message).with("id", category.value()));
    };
    let mut annotation = Annotation::new(class.clone(), bbox(field, size)?);
    if let Some(crowd) = field.get("iscrowd")? {
        annotation.flags.crowd = crowd.mark()?;
    }
    if let Some(attributes) = field.get("attributes")? {
        read_attributes(&attributes, &mut annotation)?;
    }
    Ok(annotation)
}

/// Returns the box of an annotation: `bbox`, or the one around its polygons.
fn bbox(field: &Field<'_>, (width, height): (u32, u32)) -> Result<BBox> {
    let listed = field.get("bbox")?.filter(|bbox| bbox.value() != &Value::Array(Vec::new()));
    let (place, whole) = match listed {
        Some(bbox) => {
            let numbers = bbox.items()?.map(|n| n.number()).collect::<Result<Vec<_>>>()?;
            let [x, y, w, h] = numbers[..] else {
                return Err(bbox.error("expected four numbers: x, y, width, height"));
            };
            (bbox, BBox::new(x, y, w, h))
        }
        None => {
            let polygons = field.get("segmentation")?;
            let place = polygons.ok_or_else(|| field.error("`bbox` is missing"))?;
            let whole = around(&place)?;
            (place, whole)
        }
    };
    if !whole.is_valid() {
        return Err(place.error("the box has no area; remove it or draw it again"));
    }
    let (right, lower) = (whole.x + whole.w, whole.y + whole.h);
    if whole.x >= 0.0 && whole.y >= 0.0 && right <= width.into() && lower <= height.into() {
        return Ok(whole);
    }
    let message = "the box lies outside the image; remove it or draw it again";
    whole.clip(width, height).ok_or_else(|| place.error(message))
}

/// Returns the box around polygons: lists of x, y, x, y …
fn around(polygons: &Field<'_>) -> Result<BBox> {
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for polygon in polygons.items()? {
        for (i, number) in polygon.items()?.enumerate() {
            let number = number.number()?;
            low[i % 2] = low[i % 2].min(number);
            high[i % 2] = high[i % 2].max(number);
        }
    }
    Ok(BBox::new(low[0], low[1], high[0] - low[0], high[1] - low[1]))
}

/// Reads what COCO has no field for, under the names that CVAT uses.
fn read_attributes(attributes: &Field<'_>, annotation: &mut Annotation) -> Result<()> {
    let Value::Object(entries) = attributes.value() else {
        return Err(attributes.error("expected an object"));
    };
    for key in entries.keys() {
        let Some(field) = attributes.get(key)? else { continue };
        match (key.as_str(), field.value()) {
            ("occluded", _) => annotation.flags.occluded = field.mark()?,
            ("truncated", _) => annotation.flags.truncated = field.mark()?,
            ("difficult", _) => annotation.flags.difficult = field.mark()?,
            ("rotation", _) => {
                let angle = field.number()?;
                annotation.rotate_angle = (angle != 0.0).then(|| angle.to_radians());
            }
            (_, Value::String(text)) => {
                annotation.attributes.insert(key.clone(), text.clone());
            }
            (_, value @ (Value::Number(_) | Value::Bool(_))) => {
                annotation.attributes.insert(key.clone(), value.to_string());
            }
            _ => return Err(field.error("expected a text, a number, true or false")),
        }
    }
    Ok(())
}
