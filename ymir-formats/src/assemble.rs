use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ymir_core::{
    Annotation, Asset, AssetId, Attributes, BBox, Class, Flags, Keypoint, Record, Result, Ring,
    Shape, Visibility,
};

use super::clip;
use super::document::{Document, Object};
use super::image_info::ImageInfo;
use super::rotated;
use super::turned::Turn;
use crate::support::spill;

/// The most bytes of a file name that an annotation file tells: more than file systems allow.
const MAX_FILE_NAME: usize = 1024;

/// One image of an import, on its way to becoming a record.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) image: PathBuf,
    pub(super) annotation: Option<PathBuf>,
    pub(super) said: Said,
}

/// What is said about an image.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) file_name: Option<Box<str>>,
    pub(super) attributes: Attributes,
    /// The size that the annotation file tells.
    pub(super) told: (Option<u32>, Option<u32>),
    pub(super) objects: Vec<Compact>,
    /// The number of the document, where one is of many images.
    pub(super) document: u32,
    /// Whether coordinates are fractions of the size of the image in place of pixels.
    pub(super) relative: bool,
}

/// What several documents told of an image already.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The first document that spoke of it.
    document: Option<u32>,
    /// Whether another one did.
    several: bool,
    /// Then all objects, each with the document that told it first.
    keys: HashMap<Vec<u8>, u32>,
}

/// The image as it is in the store.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    /// Its id.
    pub id: AssetId,
    /// The size of its file.
    pub bytes: u64,
    /// What its header says.
    pub info: ImageInfo,
}

/// How objects fit their image.
#[derive(Debug, Default)]
pub(super) struct Fit {
    /// How many boxes were cut.
    pub(super) clipped: u64,
    /// The numbers of the objects that are gone, and why.
    pub(super) gone: Vec<(u32, &'static str)>,
}

/// One annotation, its class as a number of [`Names`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Compact {
    pub(super) number: u32,
    pub(super) class: u32,
    flags: Flags,
    pub(super) bbox: BBox,
    extra: Option<Box<Extra>>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Extra {
    shape: Option<Shape>,
    keypoints: Vec<Keypoint>,
    rotate_angle: Option<f64>,
    score: Option<f64>,
    quality: Option<f64>,
    attributes: Attributes,
}

/// The class names that were found, as they were spelt, in the order they were found.
#[derive(Debug, Default)]
pub struct Names {
    pub(super) names: Vec<String>,
    /// How many annotations have each.
    pub(super) counts: Vec<u64>,
    numbers: HashMap<String, u32>,
}

impl Names {
    /// Returns the names in the order of their numbers, each with how many annotations have it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(String::as_str).zip(self.counts.iter().copied())
    }

    pub(super) fn number(&mut self, name: String) -> u32 {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.clone());
        self.counts.push(0);
        self.numbers.insert(name, number);
        number
    }

    /// Counts the annotations of an image.
    pub(super) fn count(&mut self, objects: &[Compact]) {
        objects.iter().for_each(|object| self.counts[object.class as usize] += 1);
    }
}

impl Said {
    /// Takes over what the annotation file says.
    pub(super) fn describe(&mut self, document: Document, names: &mut Names) {
        // A name from elsewhere is never a path.
        let name = document.original_filename.as_deref();
        let name = name.and_then(|name| name.rsplit(['/', '\\']).next());
        let is_name =
            |name: &&str| !matches!(*name, "" | "." | "..") && name.len() <= MAX_FILE_NAME;
        self.file_name = name.filter(is_name).map(Into::into);
        self.attributes.extend(document.attributes);
        self.relative = document.relative;
        self.told = (document.width, document.height);
        let objects = document.objects.into_iter();
        self.objects = objects.map(|object| Compact::new(object, names)).collect();
    }

    /// Adds what another document says about the same image, but for the objects that are there
    /// already; returns how many these are. What is known of those is kept from call to call.
    pub(super) fn add(&mut self, said: Self, known: &mut Known) -> Result<u64> {
        self.attributes.extend(said.attributes);
        self.told = (said.told.0.or(self.told.0), said.told.1.or(self.told.1));
        let first = *known.document.get_or_insert(said.document);
        if !known.several && first == said.document {
            self.objects.extend(said.objects);
            return Ok(0);
        }
        if !known.several {
            known.several = true;
            for object in &self.objects {
                known.keys.insert(object.key()?, first);
            }
        }
        let mut repeated = 0;
        for object in said.objects {
            // Two alike of one document are two.
            if *known.keys.entry(object.key()?).or_insert(said.document) == said.document {
                self.objects.push(object);
            } else {
                repeated += 1;
            }
        }
        Ok(repeated)
    }

    /// Fits the objects to the image as it is: fractions become pixels, and boxes and outlines are
    /// cut at its edge. A rotated box stays as it is: its corners are not where its edges say.
    pub(super) fn fit(&mut self, info: &ImageInfo, quads_are_boxes: bool) -> Fit {
        let mut fit = Fit::default();
        let turn = self.turn(info);
        let relative = std::mem::take(&mut self.relative);
        let size = [f64::from(info.width), f64::from(info.height)];
        let [width, height] = if turn.is_some_and(Turn::swaps) { [size[1], size[0]] } else { size };
        self.objects.retain_mut(|object| {
            if relative {
                object.scale(width, height);
            }
            if let Some(turn) = turn {
                object.turn_back(turn, size);
            }
            if quads_are_boxes {
                object.quad_to_box();
            }
            let wrong = object.fit(info, &mut fit.clipped);
            fit.gone.extend(wrong.map(|reason| (object.number, reason)));
            wrong.is_none()
        });
        fit
    }

    /// Returns how the picture is turned, if what is said is of the upright one: fractions are, and
    /// what tells its size.
    fn turn(&self, info: &ImageInfo) -> Option<Turn> {
        let is_upright = self.told == (Some(info.height), Some(info.width));
        Turn::new(info.orientation).filter(|turn| {
            self.relative || (turn.swaps() && is_upright && info.width != info.height)
        })
    }

    /// Returns whether the size that is told is another than the image has, upright or not.
    pub(super) fn is_of_other_size(&self, info: &ImageInfo) -> bool {
        let differs = |told: Option<u32>, is: u32| told.is_some_and(|told| told != is);
        let (width, height) = self.told;
        (differs(width, info.width) || differs(height, info.height)) && self.turn(info).is_none()
    }

    /// Returns the annotations; those without a class are left out.
    pub(super) fn annotations(&self, classes: &[Option<Class>]) -> Vec<Annotation> {
        let annotations = self.objects.iter().filter_map(|object| {
            let class = classes[object.class as usize].clone()?;
            let mut annotation = Annotation::new(class, object.bbox);
            annotation.flags = object.flags;
            if let Some(extra) = &object.extra {
                annotation.shape = extra.shape.clone();
                annotation.keypoints = extra.keypoints.clone();
                annotation.rotate_angle = extra.rotate_angle;
                annotation.score = extra.score;
                annotation.quality = extra.quality;
                annotation.attributes = extra.attributes.clone();
            }
            Some(annotation)
        });
        annotations.collect()
    }

    /// Returns the record of an image that is in the store.
    pub(super) fn record(self, image: &Path, stored: &Stored, classes: &[Option<Class>]) -> Record {
        let name = image.file_name().unwrap_or_default().to_string_lossy();
        let asset = Asset {
            id: stored.id,
            width: stored.info.width,
            height: stored.info.height,
            channels: stored.info.channels,
            byte_size: stored.bytes,
            media_type: stored.info.media_type,
            file_name: self.file_name.as_deref().unwrap_or(&name).to_owned(),
            attributes: self.attributes.clone(),
        };
        Record { asset, annotations: self.annotations(classes) }
    }
}

impl Compact {
    /// Returns what two documents tell alike of one object: its class and where it is.
    fn key(&self) -> Result<Vec<u8>> {
        let (keypoints, angle) = match &self.extra {
            Some(extra) => (&extra.keypoints[..], extra.rotate_angle),
            None => (&[][..], None),
        };
        spill::encode(&(self.class, self.bbox, self.shape(), keypoints, angle))
    }

    pub(super) fn new(mut object: Object, names: &mut Names) -> Self {
        let class = names.number(std::mem::take(&mut object.name));
        Self::of_class(object, class)
    }

    /// Returns an object of a class whose number is known already.
    pub(super) fn of_class(object: Object, class: u32) -> Self {
        let extra = Extra {
            shape: object.shape,
            keypoints: object.keypoints,
            rotate_angle: object.rotate_angle,
            score: object.score,
            quality: object.quality,
            attributes: object.attributes,
        };
        Self {
            number: object.number,
            class,
            flags: object.flags,
            bbox: object.bbox,
            extra: (extra != Extra::default()).then(|| Box::new(extra)),
        }
    }

    pub(super) fn shape(&self) -> Option<&Shape> {
        self.extra.as_ref().and_then(|extra| extra.shape.as_ref())
    }

    fn scale(&mut self, width: f64, height: f64) {
        let BBox { x, y, w, h } = self.bbox;
        self.bbox = BBox::new(x * width, y * height, w * width, h * height);
        let Some(extra) = &mut self.extra else { return };
        if let Some(Shape::Polygons(rings)) = &mut extra.shape {
            rings.iter_mut().flatten().for_each(|[x, y]| (*x, *y) = (*x * width, *y * height));
        }
        for point in &mut extra.keypoints {
            (point.x, point.y) = (point.x * width, point.y * height);
        }
    }

    /// Brings an object of the upright picture to the pixels as stored, of this size.
    fn turn_back(&mut self, turn: Turn, size: [f64; 2]) {
        self.bbox = turn.back_box(self.bbox, size);
        let Some(extra) = &mut self.extra else { return };
        if let Some(Shape::Polygons(rings)) = &mut extra.shape {
            rings.iter_mut().flatten().for_each(|point| *point = turn.back(*point, size));
        }
        let told = extra.keypoints.iter_mut().filter(|p| p.visibility != Visibility::Absent);
        told.for_each(|point| [point.x, point.y] = turn.back([point.x, point.y], size));
        // Width and height have changed places where the picture is on its side.
        if turn.mirrors() {
            extra.rotate_angle = extra.rotate_angle.map(|angle| -angle);
        }
    }

    /// Makes a rotated box of an outline of four points that are the corners of one.
    fn quad_to_box(&mut self) {
        let Some(extra) = &mut self.extra else { return };
        let Some(Shape::Polygons(rings)) = &extra.shape else { return };
        let [ring] = &rings[..] else { return };
        let Some((bbox, angle)) = rotated::from_corners(ring) else { return };
        self.bbox = bbox;
        extra.rotate_angle = Some(angle).filter(|angle| *angle != 0.0);
        extra.shape = None;
    }

    /// Returns why the object cannot be on the image, if so.
    fn fit(&mut self, info: &ImageInfo, clipped: &mut u64) -> Option<&'static str> {
        let extra = self.extra.as_ref();
        match extra.and_then(|extra| extra.shape.as_ref()) {
            Some(Shape::Image) => {
                self.bbox = BBox::new(0.0, 0.0, info.width.into(), info.height.into());
                return None;
            }
            Some(Shape::Mask(mask))
                if (mask.width(), mask.height()) != (info.width, info.height) =>
            {
                return Some("its mask has another size than the image");
            }
            _ => {}
        }
        let size = [f64::from(info.width), f64::from(info.height)];
        let angle = extra.and_then(|extra| extra.rotate_angle).filter(|angle| *angle != 0.0);
        if let Some(angle) = angle {
            let around = around(&[rotated::corners(self.bbox, angle).to_vec()]);
            let is_there = around.is_some_and(|around| clip::clip_box(around, size).is_valid());
            return (!is_there).then_some("its box is outside the image");
        }
        let mut bbox = clip::clip_box(self.bbox, size);
        if let Some(Shape::Polygons(rings)) = self.extra.as_mut().and_then(|e| e.shape.as_mut())
            && rings.iter().any(|ring| clip::reaches_out(ring, size))
        {
            let is_around = around(rings).is_some_and(|around| !clip::differ(around, self.bbox));
            rings.iter_mut().for_each(|ring| *ring = clip::clip_ring(ring, size));
            // Of points too far apart to be reckoned with nothing is left.
            let is_ring =
                |ring: &Ring| ring.len() >= 3 && ring.iter().flatten().all(|v| v.is_finite());
            rings.retain(is_ring);
            let Some(around) = around(rings) else {
                return Some("its outline is outside the image");
            };
            if is_around {
                bbox = around;
            }
        }
        if !bbox.is_valid() {
            return Some("its box is outside the image");
        }
        *clipped += u64::from(clip::differ(bbox, self.bbox));
        self.bbox = bbox;
        None
    }
}

fn around(rings: &[Ring]) -> Option<BBox> {
    let points = || rings.iter().flatten();
    let least = |axis: usize| points().map(|point| point[axis]).reduce(f64::min);
    let most = |axis: usize| points().map(|point| point[axis]).reduce(f64::max);
    let (left, top) = (least(0)?, least(1)?);
    Some(BBox::new(left, top, most(0)? - left, most(1)? - top))
}
