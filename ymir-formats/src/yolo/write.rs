use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use ymir_core::{Annotation, Class, ClassTable, MediaType, ObjectType, Record, Result};

use super::super::carries::Carries;
use super::super::losses::Losses;
use super::super::output::{make_folder, write_file};
use super::super::split_lists::SplitLists;
use super::super::splits;
use super::super::turned::{self, Turn};
use super::super::writer::{Item, Setting, Writer};
use super::rows;

/// The name of the list of images that are in no split.
pub(super) const NO_SPLIT: &str = "all";

/// Writes label files. In a dataset of outlines each row has an outline: what has none, its corners
/// or the line around its pixels. In one of boxes, each row has a box, or if any is rotated its four
/// corners.
///
/// Ultralytics drops an image whose rows are of several kinds, or reach out of it, and forgets the
/// rotations of a dataset in which some rows have a box.
#[derive(Debug)]
pub(in super::super) struct YoloWriter {
    darknet: bool,
    outlines: bool,
    lists: SplitLists,
    others: BTreeMap<String, usize>,
    has_rotated: bool,
    has_upright: bool,
}

impl YoloWriter {
    pub(in super::super) fn ultralytics(setting: &Setting) -> Self {
        let outlines = matches!(
            setting.object_type,
            ObjectType::InstanceSegmentation | ObjectType::SemanticSegmentation
        );
        Self { darknet: false, outlines, ..Self::darknet() }
    }

    /// Darknet knows boxes alone.
    pub(in super::super) fn darknet() -> Self {
        let (lists, others) = (SplitLists::new(""), BTreeMap::new());
        Self {
            darknet: true,
            outlines: false,
            lists,
            others,
            has_rotated: false,
            has_upright: false,
        }
    }

    fn carries(&self) -> Carries {
        Carries {
            rotations: !self.darknet && !self.outlines,
            polygons: self.outlines,
            masks: self.outlines,
            ..Carries::BOXES
        }
    }

    fn number(&mut self, class: &Class, classes: &ClassTable) -> usize {
        match class {
            Class::Id(id) => id.0 as usize,
            Class::Name(name) => {
                let next = classes.len() + self.others.len();
                *self.others.entry(name.clone()).or_insert(next)
            }
        }
    }

    /// Returns the rows of an image. Fractions are those of the upright picture.
    fn label(
        &mut self,
        record: &Record,
        turn: Option<Turn>,
        classes: &ClassTable,
        losses: &mut Losses,
    ) -> String {
        let corners = self.carries().rotations && record.annotations.iter().any(is_rotated);
        self.has_rotated |= corners;
        self.has_upright |= !corners && !record.annotations.is_empty();
        let size = [f64::from(record.asset.width), f64::from(record.asset.height)];
        let mut text = String::new();
        for annotation in &record.annotations {
            let number = self.number(&annotation.class, classes);
            let mut row = |numbers: &mut dyn Iterator<Item = f64>| {
                // Writing to a string cannot fail.
                let _ = write!(text, "{number}");
                numbers.for_each(|number| _ = write!(text, " {number}"));
                text.push('\n');
            };
            let upright = if turn.is_some_and(Turn::swaps) { [size[1], size[0]] } else { size };
            let turned = |point| turn.map_or(point, |turn| turn.forward(point, size));
            let fraction = |[x, y]: [f64; 2]| [x / upright[0], y / upright[1]];
            let bbox = turn.map_or(annotation.bbox, |turn| turn.forward_box(annotation.bbox, size));
            let points = match (self.outlines, corners) {
                (true, _) => rows::outline(annotation, size, losses),
                (false, true) => rows::corners(annotation, size, losses).into(),
                (false, false) => {
                    let [x, y] = fraction([bbox.x + bbox.w / 2.0, bbox.y + bbox.h / 2.0]);
                    let [w, h] = fraction([bbox.w, bbox.h]);
                    row(&mut [x, y, w, h].into_iter());
                    continue;
                }
            };
            row(&mut points.into_iter().map(turned).flat_map(fraction));
        }
        text
    }

    /// Returns the names of the classes in the order of their numbers.
    fn names<'a>(&'a self, setting: &'a Setting) -> Vec<&'a str> {
        let classes = setting.classes.entries().iter().map(|class| class.name.as_str());
        let mut others: Vec<_> = self.others.iter().collect();
        others.sort_unstable_by_key(|(_, number)| **number);
        classes.chain(others.into_iter().map(|(name, _)| name.as_str())).collect()
    }

    fn description(&self, setting: &Setting) -> (&'static str, String) {
        let names = self.names(setting);
        let mut text = String::new();
        if self.darknet {
            let _ = writeln!(text, "classes = {}", names.len());
            for (key, list) in self.keys() {
                let key = if key == "val" { "valid" } else { &key };
                let _ = writeln!(text, "{key} = {list}.txt");
            }
            text.push_str("names = obj.names\n");
            return ("obj.data", text);
        }
        let task = if self.outlines {
            "segment"
        } else if self.has_rotated {
            "obb"
        } else {
            "detect"
        };
        // Without a path, the folder of the file is the root; `.` would be that of the process.
        let _ = writeln!(text, "task: {task}");
        for (key, list) in self.keys() {
            let _ = writeln!(text, "{}: {list}.txt", quoted(&key));
        }
        text.push_str("names:\n");
        for (number, name) in names.iter().enumerate() {
            let _ = writeln!(text, "  {number}: {}", quoted(name));
        }
        ("data.yaml", text)
    }

    /// Returns the lists by the keys that programs look for. Trainers want `train` and `val`: where
    /// one of them is missing, it is the images in no split, the other, or what there is.
    fn keys(&self) -> Vec<(String, String)> {
        let mut keys: Vec<(String, String)> = Vec::new();
        for name in self.lists.names() {
            let known = ["train", "val", "test"].into_iter().find(|key| name.starts_with(key));
            let key = known.filter(|key| keys.iter().all(|(used, _)| used != key)).unwrap_or(name);
            keys.push((key.to_owned(), name.to_owned()));
        }
        let list_of =
            |wanted: &str| keys.iter().find(|(key, _)| key == wanted).map(|(_, list)| list.clone());
        let first = keys.first().map(|(_, list)| list.clone());
        let spare = list_of(NO_SPLIT);
        let train = spare.clone().or_else(|| list_of("val")).or_else(|| first.clone());
        let val = list_of("train").or(spare).or(first);
        let missing = [("train", train), ("val", val)]
            .into_iter()
            .filter(|(key, _)| keys.iter().all(|(used, _)| used != key))
            .filter_map(|(key, list)| Some((key.to_owned(), list?)));
        let missing: Vec<_> = missing.collect();
        // The images in no split need no key of their own once another has them.
        keys.retain(|(key, _)| key != NO_SPLIT || missing.iter().all(|(_, list)| list != NO_SPLIT));
        missing.into_iter().chain(keys).collect()
    }
}

fn is_rotated(annotation: &Annotation) -> bool {
    annotation.rotate_angle.is_some_and(|angle| angle != 0.0)
}

/// Returns a text as YAML; JSON's strings are such.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Writer for YoloWriter {
    fn image_folder(&mut self, record: &Record, _: &ClassTable) -> String {
        let split = splits::of(&record.asset.attributes).find(|name| splits::is_file_name(name));
        match (self.darknet, split) {
            (false, Some(split)) => format!("images/{split}"),
            (false, None) => "images".to_owned(),
            (true, Some(split)) => format!("obj_{split}_data"),
            (true, None) => "obj_data".to_owned(),
        }
    }

    fn write(
        &mut self,
        folder: &Path,
        items: &[Item],
        setting: &Setting,
        losses: &mut Losses,
    ) -> Result<()> {
        for item in items {
            self.carries().count(&item.record, losses);
            let line = format!("./{}/{}", item.folder, item.name);
            let mut listed = false;
            for split in splits::of(&item.record.asset.attributes) {
                match split != NO_SPLIT && self.lists.add(folder, split, &line)? {
                    true => listed = true,
                    false => losses.add("splits with a name that no file can have"),
                }
            }
            if !listed {
                self.lists.add(folder, NO_SPLIT, &line)?;
            }
            let place = match item.folder.strip_prefix("images") {
                Some(below) => format!("labels{below}"),
                None => item.folder.clone(),
            };
            let place = make_folder(folder, &place)?.join(format!("{}.txt", item.stem));
            let is_jpeg = item.record.asset.media_type == MediaType::Jpeg;
            let image = || folder.join(&item.folder).join(&item.name);
            let turn = is_jpeg.then(image).and_then(|image| turned::of_file(&image));
            write_file(&place, self.label(&item.record, turn, &setting.classes, losses))?;
        }
        Ok(())
    }

    fn finish(&mut self, folder: &Path, setting: &Setting, _: &mut Losses) -> Result<()> {
        self.lists.finish()?;
        if self.has_rotated && self.has_upright {
            rows::write_corners(&folder.join("labels"))?;
        }
        let (name, text) = self.description(setting);
        if self.darknet {
            let names = self.names(setting).into_iter();
            let names: String = names.flat_map(|name| [name, "\n"]).collect();
            write_file(&folder.join("obj.names"), names)?;
        }
        write_file(&folder.join(name), text)
    }
}
