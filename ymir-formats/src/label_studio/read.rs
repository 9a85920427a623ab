use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Deserializer;
use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde_json::Value;
use ymir_core::{Attributes, BBox, Result, Shape};

use super::super::assemble::{Compact, Said};
use super::super::document::Object;
use super::super::draft::Draft;
use super::super::losses::Losses;
use super::super::read_options::ReadOptions;
use super::super::reader::Reader;
use super::super::report::SkipReason;
use super::super::shared_documents::SharedDocuments;
use super::task::{Answer, Region, Task};

/// The longest value of a task's data that becomes an attribute of the asset, in bytes.
const MAX_VALUE: usize = 1000;

/// Label Studio's JSON export: one file for many images.
#[derive(Debug)]
pub(in super::super) struct LabelStudioReader;

/// Returns whether a file is a list of tasks, by its beginning.
pub(in super::super) fn is_label_studio(path: &Path) -> bool {
    let mut head = Vec::new();
    let is_json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    is_json
        && File::open(path).and_then(|file| file.take(1 << 16).read_to_end(&mut head)).is_ok()
        && head.trim_ascii_start().starts_with(b"[")
        && String::from_utf8_lossy(&head).contains("\"data\"")
}

impl Reader for LabelStudioReader {
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        let mut all = SharedDocuments::scan(draft, is_label_studio)?;
        for (document, path) in all.paths.clone().iter().enumerate() {
            let all = &mut all;
            let mut tasks = Tasks { draft, all, document, path, fault: Ok(()), task: 0, number: 0 };
            let read = tasks.read();
            tasks.fault?;
            if let Err(reason) = read {
                draft.skip(path, SkipReason::BadAnnotation, reason);
            }
        }
        all.finish(draft, options)
    }
}

/// A file that is being read, task by task.
struct Tasks<'a> {
    draft: &'a mut Draft,
    all: &'a mut SharedDocuments,
    /// The number of the file.
    document: usize,
    path: &'a Path,
    /// Why what it says cannot be set aside.
    fault: Result<()>,
    task: usize,
    number: u32,
}

impl Tasks<'_> {
    fn read(&mut self) -> std::result::Result<(), String> {
        let file = File::open(self.path).map_err(|error| format!("it cannot be read: {error}"))?;
        let mut deserializer =
            serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 18, file));
        let read = (&mut *self).deserialize(&mut deserializer).and_then(|()| deserializer.end());
        read.map_err(|error| format!("task {}: {error}", self.task))
    }

    fn take(&mut self, task: Task) {
        let Some(name) = image(&task) else {
            let reason = "its data names no image".to_owned();
            let place = format!("task {}", self.task);
            return self.draft.skip_text(place, SkipReason::NoImage, reason);
        };
        // An upload has a part of a number before its name.
        let plain = name.rsplit('/').next().and_then(|name| name.split_once('-'));
        let index = &self.all.index;
        let found = index.find(&name, self.path, "").or_else(|refusal| match plain {
            Some((_, plain)) => index.find(plain, self.path, ""),
            None => Err(refusal),
        });
        let place = match found {
            Ok(place) => place,
            Err((kind, reason)) => return self.draft.skip_text(name, kind, reason),
        };
        let mut said = Said::default();
        let losses = &mut self.draft.losses;
        let mut regions = answer(task.annotations, task.predictions, losses);
        let size =
            |region: &Region| Some((Some(region.original_width?), Some(region.original_height?)));
        said.told = regions.iter().find_map(size).unwrap_or_default();
        let mut marks = marks(&mut regions);
        for (number, region) in (self.number.saturating_add(1)..).zip(regions) {
            self.number = number;
            let id = region.id.as_ref().map(Value::to_string);
            match object(region, &mut self.draft.losses) {
                Ok(more) => said.objects.extend(more.into_iter().map(|mut object| {
                    object.number = number;
                    object
                        .attributes
                        .extend(id.as_ref().and_then(|id| marks.remove(id)).unwrap_or_default());
                    Compact::new(object, &mut self.draft.classes)
                })),
                Err(reason) => self.draft.drop_object(self.path, number, reason),
            }
        }
        self.draft.losses.add_many("choices about regions that are not taken", marks.len() as u64);
        for (key, value) in task.data {
            let value = match value {
                Value::String(text) if text.len() <= MAX_VALUE && key != "image" => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(truth) => truth.to_string(),
                Value::String(_) if key == "image" => continue,
                _ => {
                    self.draft.losses.add("data of tasks that is no short text");
                    continue;
                }
            };
            said.attributes.insert(key, value);
        }
        if self.fault.is_ok() {
            self.fault = self.all.say(self.draft, place, self.document, said, "");
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Tasks<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Tasks<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tasks")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        loop {
            self.task += 1;
            match seq.next_element()? {
                Some(task) => self.take(task),
                None => return Ok(()),
            }
        }
    }
}

/// Returns the regions of the answer that counts: the one that is said to be the truth, else the
/// first. Where nobody has answered yet, it is what a model said; not where somebody did, and took
/// it back.
fn answer(annotations: Vec<Answer>, predictions: Vec<Answer>, losses: &mut Losses) -> Vec<Region> {
    let asked = !annotations.is_empty();
    let given = if asked { annotations } else { predictions }.into_iter();
    let mut given: Vec<_> = given.filter(|answer| answer.was_cancelled != Some(true)).collect();
    losses.add_many("tasks whose answers are not there", u64::from(asked && given.is_empty()));
    losses.add_many("further answers to a task", given.len().saturating_sub(1) as u64);
    let truth = given.iter().position(|answer| answer.ground_truth == Some(true));
    if given.is_empty() { Vec::new() } else { given.swap_remove(truth.unwrap_or(0)).result }
}

/// Takes the choices out that are about a region and not the image, by the ids of the regions.
fn marks(regions: &mut Vec<Region>) -> HashMap<String, Attributes> {
    let is_choice = |region: &Region| region.kind == "choices";
    let places = regions.iter().filter(|region| !is_choice(region));
    let places: HashSet<_> =
        places.filter_map(|region| region.id.as_ref().map(Value::to_string)).collect();
    let mut marks: HashMap<String, Attributes> = HashMap::new();
    regions.retain_mut(|region| {
        let id = region.id.as_ref().map(Value::to_string).filter(|id| places.contains(id));
        let Some(id) = id.filter(|_| is_choice(region)) else { return true };
        let (name, choices) =
            (std::mem::take(&mut region.from_name), region.value.choices.join(","));
        marks.entry(id).or_default().insert(name, choices);
        false
    });
    marks
}

/// Returns the path of the image of a task, without what a server puts around it.
fn image(task: &Task) -> Option<String> {
    let url = task.data.get("image")?.as_str()?;
    let path = url.split_once("?d=").map_or(url, |(_, path)| path);
    Some(decoded(path))
}

/// Returns a path without its percent signs.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let code = bytes.get(i + 1..i + 3).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if bytes[i] == b'%' => {
                plain.push(byte);
                i += 3;
            }
            _ => {
                plain.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8(plain).unwrap_or_else(|_| path.to_owned())
}

fn object(region: Region, losses: &mut Losses) -> std::result::Result<Vec<Object>, String> {
    let Region { kind, value, original_width, original_height, score, .. } = region;
    let names = match kind.as_str() {
        "rectanglelabels" => value.rectanglelabels,
        "polygonlabels" => value.polygonlabels,
        "choices" => value.choices,
        "brushlabels" => return Ok(lose(losses, "brush strokes")),
        "keypointlabels" => return Ok(lose(losses, "points without an object")),
        "ellipselabels" => return Ok(lose(losses, "ellipses")),
        _ => return Ok(lose(losses, "regions of other kinds")),
    };
    let valid = |name: &String| !name.trim().is_empty() && name.len() <= 256;
    if names.is_empty() || !names.iter().all(valid) {
        return Err("its label is missing or too long".to_owned());
    }
    let mut object = Object { score, ..Object::default() };
    if kind == "choices" {
        object.shape = Some(Shape::Image);
        let labels = names.into_iter().map(|name| Object { name, ..object.clone() });
        return Ok(labels.collect());
    }
    let Some((width, height)) =
        original_width.zip(original_height).filter(|(w, h)| *w > 0 && *h > 0)
    else {
        return Err("it lacks original_width and original_height".to_owned());
    };
    let (width, height) = (f64::from(width) / 100.0, f64::from(height) / 100.0);
    if kind == "polygonlabels" {
        if value.points.len() < 3 {
            return Err("its outline has fewer than three points".to_owned());
        }
        let points = value.points.iter().map(|[x, y]| [x * width, y * height]);
        object.set_shape(Shape::Polygons(vec![points.collect()]));
    } else {
        let sides = (value.x, value.y, value.width, value.height);
        let (Some(x), Some(y), Some(w), Some(h)) = sides else {
            return Err("its x, y, width and height are not all there".to_owned());
        };
        let (x, y, w, h) = (x * width, y * height, w * width, h * height);
        let angle = value.rotation.unwrap_or_default().to_radians();
        object.bbox = about_centre(BBox::new(x, y, w, h), angle);
        object.rotate_angle = Some(angle).filter(|angle| *angle != 0.0);
    }
    if !object.bbox.is_valid() {
        return Err("its box is empty".to_owned());
    }
    let mut names = names.into_iter();
    object.name = names.next().unwrap_or_default();
    losses.add_many("further labels of a region", names.count() as u64);
    Ok(vec![object])
}

fn lose(losses: &mut Losses, what: &str) -> Vec<Object> {
    losses.add(what);
    Vec::new()
}

/// Returns the box that, rotated around its centre, is this one rotated around its corner.
fn about_centre(bbox: BBox, angle: f64) -> BBox {
    if angle == 0.0 {
        return bbox;
    }
    let (sin, cos) = angle.sin_cos();
    let (w, h) = (bbox.w / 2.0, bbox.h / 2.0);
    let (x, y) = (bbox.x + w * cos - h * sin, bbox.y + w * sin + h * cos);
    BBox { x: x - w, y: y - h, ..bbox }
}
