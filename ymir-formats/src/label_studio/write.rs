use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::Value;
use ymir_core::{Annotation, ClassTable, Error, Record, Result, Shape};

use super::super::carries::Carries;
use super::super::losses::Losses;
use super::super::output::make_folder;
use super::super::rotated::corners;
use super::super::writer::{Item, Setting, Writer};
use super::task::{Answer, Place, Region, Task};

const NAME: &str = "tasks.json";
const CARRIES: Carries = Carries {
    rotations: true,
    polygons: true,
    labels: true,
    scores: true,
    asset_attributes: true,
    ..Carries::BOXES
};

/// Writes `images` and `tasks.json`, with the splits and attributes of images as data of the tasks.
#[derive(Debug, Default)]
pub(in super::super) struct LabelStudioWriter {
    file: Option<BufWriter<File>>,
}

impl LabelStudioWriter {
    fn begin(&self, folder: &Path) -> Result<BufWriter<File>> {
        let file = File::create(folder.join(NAME)).map_err(|e| failed(folder, e))?;
        let mut file = BufWriter::new(file);
        file.write_all(b"[\n").map_err(|e| failed(folder, e))?;
        Ok(file)
    }

    /// Returns the file, ready for the next task.
    fn file(&mut self, folder: &Path) -> Result<&mut BufWriter<File>> {
        let file = match self.file.take() {
            Some(mut file) => {
                file.write_all(b",\n").map_err(|e| failed(folder, e))?;
                file
            }
            None => self.begin(folder)?,
        };
        Ok(self.file.insert(file))
    }
}

fn failed(folder: &Path, error: std::io::Error) -> Error {
    Error::io("the tasks cannot be written", &folder.join(NAME), error)
}

impl Writer for LabelStudioWriter {
    fn image_folder(&mut self, _: &Record, _: &ClassTable) -> String {
        "images".to_owned()
    }

    fn write(
        &mut self,
        folder: &Path,
        items: &[Item],
        setting: &Setting,
        losses: &mut Losses,
    ) -> Result<()> {
        for item in items {
            CARRIES.count(&item.record, losses);
            let reserved = item.record.asset.attributes.contains_key("image");
            losses.add_many("attributes of images named `image`", reserved.into());
            let task = task(item, &setting.classes);
            let file = self.file(folder)?;
            serde_json::to_writer(file, &task).map_err(|e| failed(folder, e.into()))?;
        }
        Ok(())
    }

    fn finish(&mut self, folder: &Path, _: &Setting, _: &mut Losses) -> Result<()> {
        make_folder(folder, "images")?;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.begin(folder)?,
        };
        file.write_all(b"\n]\n").and_then(|()| file.flush()).map_err(|e| failed(folder, e))
    }
}

fn task(item: &Item, classes: &ClassTable) -> Task {
    let asset = &item.record.asset;
    let attributes = asset.attributes.iter();
    let attributes = attributes.map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    let path = format!("/data/local-files/?d=images/{}", encoded(&item.name));
    let image = ("image".to_owned(), Value::from(path));
    let size = (asset.width, asset.height);
    let region = |annotation: &Annotation| {
        region(annotation, classes.name_of(&annotation.class).unwrap_or_default(), size)
    };
    let result = item.record.annotations.iter().map(region).collect();
    Task {
        data: attributes.chain([image]).collect(),
        annotations: vec![Answer { result, was_cancelled: None, ground_truth: None }],
        predictions: Vec::new(),
    }
}

/// Returns a name as a part of a URL.
fn encoded(name: &str) -> String {
    let mut url = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => url.push(byte.into()),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

fn region(annotation: &Annotation, class: &str, (width, height): (u32, u32)) -> Region {
    let percent = |[x, y]: [f64; 2]| [x / f64::from(width) * 100.0, y / f64::from(height) * 100.0];
    let names = vec![class.to_owned()];
    let (kind, from_name, value) = match &annotation.shape {
        Some(Shape::Image) => ("choices", "choice", Place { choices: names, ..Place::default() }),
        Some(Shape::Polygons(rings)) => {
            let points = rings.first().into_iter().flatten().map(|point| percent(*point));
            let place =
                Place { points: points.collect(), polygonlabels: names, ..Place::default() };
            ("polygonlabels", "polygon", place)
        }
        _ => {
            let angle = annotation.rotate_angle.unwrap_or_default();
            let [corner, ..] = corners(annotation.bbox, angle);
            let ([x, y], [w, h]) =
                (percent(corner), percent([annotation.bbox.w, annotation.bbox.h]));
            let place = Place {
                x: Some(x),
                y: Some(y),
                width: Some(w),
                height: Some(h),
                rotation: Some(angle.to_degrees()),
                rectanglelabels: names,
                ..Place::default()
            };
            ("rectanglelabels", "label", place)
        }
    };
    Region {
        id: None,
        kind: kind.to_owned(),
        from_name: from_name.to_owned(),
        to_name: "image".to_owned(),
        original_width: Some(width),
        original_height: Some(height),
        score: annotation.score,
        value,
    }
}
