use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use ymir_core::{
    Annotation, Attributes, Class, ClassTable, Error, Flags, Keypoint, Record, Result, Shape,
};

use super::super::carries::Carries;
use super::super::losses::Losses;
use super::super::output::make_folder;
use super::super::splits::{self, SPLIT};
use super::super::writer::{Item, Setting, Writer};

const CARRIES: Carries = Carries {
    rotations: true,
    polygons: true,
    rings: true,
    masks: true,
    keypoints: true,
    scores: true,
    qualities: true,
    flags: true,
    attributes: true,
    asset_attributes: true,
    ..Carries::BOXES
};
/// The name of the document of images that are in no split.
const NO_SPLIT: &str = "default";
/// Each split takes two open files.
const MAX_SPLITS: usize = 64;

/// Writes `images` and, in `annotations`, a document for each split. Marks, angles and qualities,
/// for which COCO has no keys, have keys that other programs pass over.
#[derive(Debug, Default)]
pub(in super::super) struct CocoWriter {
    documents: BTreeMap<String, Document>,
    /// The numbers of classes outside the table, which come after those in it.
    others: BTreeMap<String, usize>,
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
    category_id: usize,
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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: &'a Attributes,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Segmentation<'a> {
    Polygons(Vec<&'a [f64]>),
    Mask { size: [u32; 2], counts: String },
}

#[derive(Serialize)]
struct CocoCategory<'a> {
    id: usize,
    name: &'a str,
    supercategory: &'a str,
}

fn is_zero(mark: &u8) -> bool {
    *mark == 0
}

impl Writer for CocoWriter {
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
            let attributes = &item.record.asset.attributes;
            let (named, other): (Vec<_>, Vec<_>) = splits::of(attributes)
                .partition(|split| *split != NO_SPLIT && splits::is_file_name(split));
            losses.add_many("splits with a name that no file can have", other.len() as u64);
            let named = if named.is_empty() { vec![NO_SPLIT] } else { named };
            for split in named {
                self.add(folder, split, item, &setting.classes)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, folder: &Path, setting: &Setting, _: &mut Losses) -> Result<()> {
        make_folder(folder, "images")?;
        if self.documents.is_empty() {
            self.document(folder, NO_SPLIT)?;
        }
        let classes = setting.classes.entries().iter().map(|class| class.name.as_str());
        let mut others: Vec<_> = self.others.iter().collect();
        others.sort_unstable_by_key(|(_, number)| **number);
        let names = classes.chain(others.into_iter().map(|(name, _)| name.as_str()));
        let category = |(i, name)| CocoCategory { id: i + 1, name, supercategory: "" };
        let categories: Vec<_> = names.enumerate().map(category).collect();
        std::mem::take(&mut self.documents)
            .into_values()
            .try_for_each(|document| document.finish(&categories))
    }
}

impl CocoWriter {
    fn document(&mut self, folder: &Path, split: &str) -> Result<&mut Document> {
        if !self.documents.contains_key(split) {
            if self.documents.len() == MAX_SPLITS {
                let message = format!(
                    "the dataset has more than {MAX_SPLITS} splits, and COCO has a document for each; take fewer into the attribute `split`"
                );
                return Err(Error::invalid(message).with("split", split));
            }
            let path = make_folder(folder, "annotations")?;
            let document = Document::create(path.join(format!("instances_{split}.json")))?;
            self.documents.insert(split.to_owned(), document);
        }
        Ok(self.documents.get_mut(split).expect("it was put in"))
    }

    fn add(&mut self, folder: &Path, split: &str, item: &Item, classes: &ClassTable) -> Result<()> {
        let mut numbers = Vec::with_capacity(item.record.annotations.len());
        for annotation in &item.record.annotations {
            numbers.push(match &annotation.class {
                Class::Id(id) => id.0 as usize + 1,
                Class::Name(name) => {
                    let next = classes.len() + self.others.len() + 1;
                    *self.others.entry(name.clone()).or_insert(next)
                }
            });
        }
        let document = self.document(folder, split)?;
        document.add(item, &numbers).map_err(|e| document.failed(e))
    }
}

/// A document that is being written: images go to the file itself, annotations to one beside it
/// that is appended at the end, so that neither is held in memory.
#[derive(Debug)]
struct Document {
    path: PathBuf,
    file: BufWriter<File>,
    objects: BufWriter<File>,
    image: u64,
    object: u64,
}

impl Document {
    fn create(path: PathBuf) -> Result<Self> {
        let fail = |e| Error::io("a COCO document cannot be written", &path, e);
        let mut file = BufWriter::new(File::create(&path).map_err(fail)?);
        file.write_all(b"{\"images\": [").map_err(fail)?;
        let parent = path.parent().unwrap_or(Path::new("."));
        let objects = BufWriter::new(tempfile::tempfile_in(parent).map_err(fail)?);
        Ok(Self { path, file, objects, image: 0, object: 0 })
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::io("a COCO document cannot be written", &self.path, error)
    }

    fn add(&mut self, item: &Item, numbers: &[usize]) -> std::io::Result<()> {
        self.image += 1;
        let asset = &item.record.asset;
        let mut attributes = asset.attributes.clone();
        attributes.remove(SPLIT);
        let image = CocoImage {
            id: self.image,
            file_name: &item.name,
            width: asset.width,
            height: asset.height,
            attributes,
        };
        write_item(&mut self.file, self.image, &image)?;
        for (annotation, category) in item.record.annotations.iter().zip(numbers) {
            self.object += 1;
            let object = object(annotation, self.object, self.image, *category);
            write_item(&mut self.objects, self.object, &object)?;
        }
        Ok(())
    }

    fn finish(self, categories: &[CocoCategory<'_>]) -> Result<()> {
        let path = self.path.clone();
        self.end(categories).map_err(|e| Error::io("a COCO document cannot be written", &path, e))
    }

    fn end(mut self, categories: &[CocoCategory<'_>]) -> std::io::Result<()> {
        self.file.write_all(b"],\n\"annotations\": [")?;
        let mut objects = self.objects.into_inner()?;
        objects.rewind()?;
        std::io::copy(&mut BufReader::new(objects), &mut self.file)?;
        self.file.write_all(b"],\n\"categories\": ")?;
        serde_json::to_writer(&mut self.file, categories)?;
        self.file.write_all(b"}\n")?;
        self.file.flush()
    }
}

fn write_item(to: &mut impl Write, number: u64, value: &impl Serialize) -> std::io::Result<()> {
    to.write_all(if number == 1 { b"\n" } else { b",\n" })?;
    Ok(serde_json::to_writer(to, value)?)
}

fn object(annotation: &Annotation, id: u64, image_id: u64, category_id: usize) -> CocoObject<'_> {
    let Annotation { bbox, shape, keypoints, flags, .. } = annotation;
    let Flags { difficult, truncated, occluded, crowd } = *flags;
    let point = |point: &Keypoint| [point.x, point.y, f64::from(point.visibility.number())];
    let labelled = keypoints.iter().filter(|point| point.visibility.number() > 0).count();
    let has_points = !keypoints.is_empty();
    CocoObject {
        id,
        image_id,
        category_id,
        bbox: [bbox.x, bbox.y, bbox.w, bbox.h],
        area: match shape {
            Some(shape @ (Shape::Polygons(_) | Shape::Mask(_))) => shape.area(),
            _ => bbox.area(),
        },
        iscrowd: crowd.into(),
        segmentation: match shape {
            Some(Shape::Polygons(rings)) => {
                Segmentation::Polygons(rings.iter().map(|ring| ring.as_flattened()).collect())
            }
            Some(Shape::Mask(mask)) => Segmentation::Mask {
                size: [mask.height(), mask.width()],
                counts: mask.to_coco_string(),
            },
            _ => Segmentation::Polygons(Vec::new()),
        },
        keypoints: has_points.then(|| keypoints.iter().flat_map(point).collect()),
        num_keypoints: has_points.then_some(labelled),
        score: annotation.score,
        rotate_angle: annotation.rotate_angle,
        quality: annotation.quality,
        difficult: difficult.into(),
        truncated: truncated.into(),
        occluded: occluded.into(),
        attributes: &annotation.attributes,
    }
}
