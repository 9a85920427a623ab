//! LabelMe: a JSON file beside each image.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use rayon::prelude::*;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_ignored::Path;
use serde_json::Value;
use ymir_core::{Annotation, BBox, ClassTable, Flags, Record, Result, Shape};

use super::assemble::Entry;
use super::carries::Carries;
use super::document::{Document, Object};
use super::document_files::find_pairs;
use super::draft::Draft;
use super::intake::{Refusal, read_text};
use super::losses::{Field, Losses};
use super::output::write_file;
use super::read_options::ReadOptions;
use super::reader::Reader;
use super::report::SkipReason;
use super::splits;
use super::writer::{Item, Setting, Writer};
use crate::support::in_parallel;

const DESCRIPTION: &str = "description";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    version: String,
    #[serde(default)]
    flags: Option<BTreeMap<String, bool>>,
    shapes: Vec<Drawn>,
    #[serde(default)]
    image_path: String,
    #[serde(default, skip_deserializing)]
    image_data: Option<()>,
    image_height: Option<u32>,
    image_width: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Drawn {
    label: String,
    points: Vec<[f64; 2]>,
    /// A number, or in some files a text.
    group_id: Option<Value>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default = "polygon")]
    shape_type: String,
    #[serde(default)]
    flags: Option<BTreeMap<String, bool>>,
    #[serde(default, skip_serializing)]
    mask: Option<IgnoredAny>,
}

fn polygon() -> String {
    "polygon".to_owned()
}

/// Returns whether a file is of LabelMe.
pub(super) fn is_labelme(path: &FilePath) -> bool {
    path.extension().is_some_and(|e| e == "json")
        && read_text(path).is_ok_and(|text| serde_json::from_str::<File>(&text).is_ok())
}

/// Reads the files.
#[derive(Debug)]
pub(super) struct LabelmeReader;

impl Reader for LabelmeReader {
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        find_pairs(draft, options, "json", |_| false)
    }

    fn read(&self, entry: &Entry) -> std::result::Result<Option<Document>, Refusal> {
        let Some(path) = &entry.annotation else { return Ok(None) };
        let text = read_text(path)?;
        let mut fields = Vec::new();
        let mut read = serde_json::Deserializer::from_str(&text);
        let file: File = serde_ignored::deserialize(&mut read, |path| fields.extend(field(&path)))
            .and_then(|file| read.end().map(|()| file))
            .map_err(|error| (SkipReason::BadAnnotation, error.to_string()))?;
        Ok(Some(Document { fields, ..document(file) }))
    }
}

/// Returns the field of the file or of a shape that a path leads to; the image itself is read from
/// its own file.
fn field(path: &Path<'_>) -> Option<Field> {
    let Path::Map { parent, key } = path else { return None };
    if key == "imageData" {
        return None;
    }
    let of = if matches!(parent, Path::Root) { "files" } else { "shapes" };
    Some(Field { of, name: key.clone() })
}

fn document(file: File) -> Document {
    let mut document =
        Document { width: file.image_width, height: file.image_height, ..Document::default() };
    for (number, drawn) in (1..).zip(file.shapes) {
        match object(drawn, &mut document.lost) {
            Ok(Some(object)) => document.objects.push(Object { number, ..object }),
            Ok(None) => {}
            Err(reason) => document.dropped.push((number, reason.to_owned())),
        }
    }
    let labels = file.flags.unwrap_or_default().into_iter().filter(|(_, is_set)| *is_set);
    let next = document.objects.len() as u32 + document.dropped.len() as u32;
    for (number, (name, _)) in (next + 1..).zip(labels) {
        let shape = Some(Shape::Image);
        document.objects.push(Object { number, name, shape, ..Object::default() });
    }
    document
}

fn object(
    drawn: Drawn,
    lost: &mut Vec<&'static str>,
) -> std::result::Result<Option<Object>, &'static str> {
    let Drawn { label, points, group_id, description, shape_type, flags, mask } = drawn;
    let mut object = Object { name: label, ..Object::default() };
    if object.name.trim().is_empty() || object.name.len() > 256 {
        return Err("its label is missing or too long");
    }
    match (shape_type.as_str(), &points[..]) {
        ("rectangle", [a, b]) => {
            let (left, top) = (a[0].min(b[0]), a[1].min(b[1]));
            object.bbox = BBox::new(left, top, (a[0] - b[0]).abs(), (a[1] - b[1]).abs());
        }
        ("rectangle" | "polygon", [_, _, _, ..]) => object.set_shape(Shape::Polygons(vec![points])),
        ("rectangle" | "polygon", _) => return Err("it has too few points"),
        ("mask", [a, b]) if mask.is_some() => {
            lost.push("pixels of masks");
            object.bbox = BBox::new(a[0], a[1], b[0] - a[0] + 1.0, b[1] - a[1] + 1.0);
        }
        ("circle", _) => return Ok(lose(lost, "circles")),
        ("line" | "linestrip", _) => return Ok(lose(lost, "lines")),
        ("point" | "points", _) => return Ok(lose(lost, "points without an object")),
        _ => return Ok(lose(lost, "shapes of other kinds")),
    }
    if !object.bbox.is_valid() {
        return Err("its box is empty");
    }
    if group_id.is_some() {
        lost.push("groups of shapes");
    }
    for (name, _) in flags.unwrap_or_default().into_iter().filter(|(_, is_set)| *is_set) {
        match name.as_str() {
            "difficult" => object.flags.difficult = true,
            "truncated" => object.flags.truncated = true,
            "occluded" => object.flags.occluded = true,
            "crowd" => object.flags.crowd = true,
            _ => _ = object.attributes.insert(name, "true".to_owned()),
        }
    }
    if let Some(text) = description.filter(|text| !text.is_empty()) {
        object.attributes.insert(DESCRIPTION.to_owned(), text);
    }
    Ok(Some(object))
}

fn lose(lost: &mut Vec<&'static str>, what: &'static str) -> Option<Object> {
    lost.push(what);
    None
}

const CARRIES: Carries = Carries {
    polygons: true,
    labels: true,
    flags: true,
    // Those that it has are counted here.
    attributes: true,
    ..Carries::BOXES
};

/// Writes each image with its file beside it, in folders of the splits.
#[derive(Debug)]
pub(super) struct LabelmeWriter;

impl Writer for LabelmeWriter {
    fn image_folder(&mut self, record: &Record, _: &ClassTable) -> String {
        let split = splits::of(&record.asset.attributes).find(|name| splits::is_common(name));
        split.unwrap_or_default().to_owned()
    }

    fn write(
        &mut self,
        folder: &FilePath,
        items: &[Item],
        setting: &Setting,
        losses: &mut Losses,
    ) -> Result<()> {
        for item in items {
            CARRIES.count(&item.record, losses);
            let all = splits::of(&item.record.asset.attributes).count();
            losses.add_many(
                "splits of other or several names",
                (all - usize::from(!item.folder.is_empty())) as u64,
            );
            for annotation in &item.record.annotations {
                let said = |(key, value): &(&String, &String)| {
                    key.as_str() == DESCRIPTION || value.as_str() == "true"
                };
                let said = annotation.attributes.iter().filter(said).count();
                let is_label = annotation.shape == Some(Shape::Image);
                let kept = if is_label { 0 } else { said };
                let lost = annotation.attributes.len() - kept;
                losses.add_many("attributes of objects", lost as u64);
                let marked = is_label && annotation.flags != Flags::default();
                losses.add_many("marks of labels", marked.into());
            }
        }
        in_parallel(|| {
            items.par_iter().try_for_each(|item| {
                let path = folder.join(&item.folder).join(format!("{}.json", item.stem));
                let text = serde_json::to_string_pretty(&file(item, &setting.classes));
                write_file(&path, text.unwrap_or_default())
            })
        })
    }

    fn finish(&mut self, _: &FilePath, _: &Setting, _: &mut Losses) -> Result<()> {
        Ok(())
    }
}

fn file(item: &Item, classes: &ClassTable) -> File {
    let annotations = &item.record.annotations;
    let is_label = |annotation: &&Annotation| annotation.shape == Some(Shape::Image);
    let name =
        |annotation: &Annotation| classes.name_of(&annotation.class).unwrap_or_default().to_owned();
    let (labels, objects): (Vec<_>, Vec<_>) = annotations.iter().partition(is_label);
    File {
        version: "5.5.0".to_owned(),
        flags: Some(labels.into_iter().map(|label| (name(label), true)).collect()),
        shapes: objects.into_iter().map(|object| drawn(object, name(object))).collect(),
        image_path: item.name.clone(),
        image_data: None,
        image_height: Some(item.record.asset.height),
        image_width: Some(item.record.asset.width),
    }
}

fn drawn(annotation: &Annotation, label: String) -> Drawn {
    let BBox { x, y, w, h } = annotation.bbox;
    let (shape_type, points) = match &annotation.shape {
        Some(Shape::Polygons(rings)) => ("polygon", rings.first().cloned().unwrap_or_default()),
        _ => ("rectangle", vec![[x, y], [x + w, y + h]]),
    };
    let Flags { difficult, truncated, occluded, crowd } = annotation.flags;
    let marks = [
        ("difficult", difficult),
        ("truncated", truncated),
        ("occluded", occluded),
        ("crowd", crowd),
    ];
    let marks = marks.into_iter().filter(|(_, is_set)| *is_set);
    let marks = marks.map(|(name, _)| (name.to_owned(), true));
    let own = annotation.attributes.iter();
    let own = own.filter(|(key, value)| *value == "true" && *key != DESCRIPTION);
    Drawn {
        label,
        points,
        group_id: None,
        description: Some(annotation.attributes.get(DESCRIPTION).cloned().unwrap_or_default()),
        shape_type: shape_type.to_owned(),
        flags: Some(marks.chain(own.map(|(key, _)| (key.clone(), true))).collect()),
        mask: None,
    }
}
