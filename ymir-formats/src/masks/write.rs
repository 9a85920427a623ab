use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

use rayon::prelude::*;
use ymir_core::{Class, ClassTable, Error, ErrorKind, Mask, ObjectType, Record, Result, Shape};

use super::super::carries::Carries;
use super::super::losses::Losses;
use super::super::output::{make_folder, write_file};
use super::super::split_lists::SplitLists;
use super::super::splits;
use super::super::writer::{Item, Setting, Writer};
use super::colours::voc_colour;
use super::pixels::encode;
use crate::support::in_parallel;

/// The most classes, and objects of an image: 0 is the background and 255 the border.
const MAX_NUMBER: usize = 254;
/// What becomes of outlines is counted as they are drawn.
const CARRIES: Carries =
    Carries { boxes: false, masks: true, polygons: true, rings: true, ..Carries::BOXES };

/// Writes Pascal VOC's folders: `SegmentationClass`, and `SegmentationObject` unless the dataset is
/// of semantic segmentation.
#[derive(Debug)]
pub(in super::super) struct MasksWriter {
    lists: SplitLists,
}

impl MasksWriter {
    /// Returns the writer.
    ///
    /// # Errors
    ///
    /// `Unsupported` if there are more classes than a pixel can tell apart.
    pub(in super::super) fn new(setting: &Setting) -> Result<Self> {
        let classes = setting.classes.len();
        if classes > MAX_NUMBER {
            let message =
                format!("masks as PNG tell up to {MAX_NUMBER} classes apart; export as coco");
            return Err(Error::new(ErrorKind::Unsupported, message).with("classes", classes));
        }
        Ok(Self { lists: SplitLists::new("ImageSets/Segmentation") })
    }
}

/// The pixels of an image, by class and by object.
struct Drawn {
    classes: Vec<u8>,
    objects: Vec<u8>,
    losses: Losses,
}

fn draw(record: &Record) -> Drawn {
    let (width, height) = (record.asset.width as usize, record.asset.height as usize);
    let mut drawn = Drawn {
        classes: vec![0; width * height],
        objects: vec![0; width * height],
        losses: Losses::default(),
    };
    let mut number = 0;
    for annotation in &record.annotations {
        let mask = match &annotation.shape {
            Some(Shape::Mask(mask)) => Cow::Borrowed(mask),
            Some(Shape::Polygons(rings)) => {
                let Ok(mask) = Mask::from_rings(record.asset.width, record.asset.height, rings)
                else {
                    drawn.losses.add("outlines too long to be drawn");
                    continue;
                };
                drawn.losses.add("outlines of objects, which become pixels");
                Cow::Owned(mask)
            }
            _ => continue,
        };
        let Class::Id(id) = annotation.class else {
            drawn.losses.add("objects of classes outside the table");
            continue;
        };
        if number == MAX_NUMBER {
            drawn.losses.add("objects of an image beyond 254");
            continue;
        }
        number += 1;
        let mut covered = false;
        for place in mask.runs().flat_map(|(start, count)| start..start + count) {
            let (x, y) = (place as usize / height, place as usize % height);
            let pixel = y * width + x;
            covered |= drawn.objects[pixel] != 0;
            drawn.objects[pixel] = number as u8;
            drawn.classes[pixel] = id.0 as u8 + 1;
        }
        if covered {
            drawn.losses.add("pixels of objects under others");
        }
    }
    drawn
}

impl Writer for MasksWriter {
    fn image_folder(&mut self, _: &Record, _: &ClassTable) -> String {
        "JPEGImages".to_owned()
    }

    fn write(
        &mut self,
        folder: &Path,
        items: &[Item],
        setting: &Setting,
        losses: &mut Losses,
    ) -> Result<()> {
        let classes = make_folder(folder, "SegmentationClass")?;
        let objects = match setting.object_type {
            ObjectType::SemanticSegmentation => None,
            _ => Some(make_folder(folder, "SegmentationObject")?),
        };
        let write = |item: &Item| {
            let asset = &item.record.asset;
            let drawn = draw(&item.record);
            let name = format!("{}.png", item.stem);
            let one = |folder: &Path, numbers: &[u8]| {
                let file = encode(asset.width, asset.height, numbers).map_err(|e| {
                    Error::new(ErrorKind::Unexpected, "a mask cannot be encoded as PNG")
                        .with("asset", asset.id)
                        .caused_by(e)
                })?;
                write_file(&folder.join(&name), file)
            };
            one(&classes, &drawn.classes)?;
            objects.iter().try_for_each(|folder| one(folder, &drawn.objects))?;
            Ok(drawn.losses)
        };
        let lost: Result<Vec<Losses>> = in_parallel(|| items.par_iter().map(write).collect());
        lost?.into_iter().for_each(|lost| losses.merge(lost));
        for item in items {
            CARRIES.count(&item.record, losses);
            self.lists.add(folder, setting.list.as_str(), &item.stem)?;
            for split in splits::of(&item.record.asset.attributes) {
                match splits::is_common(split) && split != setting.list.as_str() {
                    true => drop(self.lists.add(folder, split, &item.stem)?),
                    false => losses.add("splits of uncommon names"),
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, folder: &Path, setting: &Setting, _: &mut Losses) -> Result<()> {
        for part in ["JPEGImages", "SegmentationClass", "ImageSets/Segmentation"] {
            make_folder(folder, part)?;
        }
        self.lists.begin(folder, setting.list.as_str())?;
        self.lists.finish()?;
        let mut text = "# label:color_rgb:parts:actions\nbackground:0,0,0::\n".to_owned();
        for class in setting.classes.entries() {
            let [r, g, b] = voc_colour(class.id.0 as u8 + 1);
            // A colon ends the name.
            let name = class.name.replace(':', "_");
            let _ = writeln!(text, "{name}:{r},{g},{b}::");
        }
        write_file(&folder.join("labelmap.txt"), text)
    }
}
