//! Synthetic records for measuring and for property tests.

use std::collections::BTreeMap;

use ymir_core::{
    Annotation, Asset, AssetId, BBox, Class, ClassId, Edit, Edits, Keypoint, Mask, MediaType,
    NewClass, Record, Shape, Visibility,
};

use crate::generate::rng::SplitMix64;

const WIDTH: u32 = 1920;
const HEIGHT: u32 = 1080;

/// Synthetic records without images: the same for the same numbers, each made by itself.
///
/// ```
/// use ymir_testkit::generate::records::SyntheticRecords;
///
/// let records = SyntheticRecords { assets: 1000, boxes: 5, classes: 10, seed: 1 };
/// assert_eq!(records.iter().count(), 1000);
/// assert_eq!(records.record(7), records.record(7));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntheticRecords {
    /// How many assets.
    pub assets: u64,
    /// How many boxes each has; none if there are no classes.
    pub boxes: u32,
    /// How many classes the boxes are of; their ids count from 0.
    pub classes: u32,
    /// What the random choices start from.
    pub seed: u64,
}

impl SyntheticRecords {
    /// Returns the classes, to be added to an empty table.
    pub fn new_classes(&self) -> Vec<NewClass> {
        (0..self.classes).map(|id| NewClass::new(format!("class {id}"))).collect()
    }

    /// Returns the n-th record, also beyond the number of assets.
    pub fn record(&self, n: u64) -> Record {
        let mut rng = SplitMix64::of_part(self.seed, n);
        let mut id = [0; AssetId::LEN];
        for part in id.chunks_mut(8) {
            part.copy_from_slice(&rng.next_u64().to_le_bytes());
        }
        let asset = Asset {
            id: AssetId::new(id),
            width: WIDTH,
            height: HEIGHT,
            channels: 3,
            byte_size: 100_000 + rng.below(400_000),
            media_type: MediaType::Jpeg,
            file_name: format!("{n:08}.jpg"),
            attributes: BTreeMap::new(),
        };
        let boxes = if self.classes == 0 { 0 } else { self.boxes };
        let annotations = (0..boxes).map(|_| self.annotation(&mut rng)).collect();
        Record { asset, annotations }
    }

    /// Returns the n-th record with something beyond each of its boxes: an outline, pixels, that it
    /// is a label of the image, or keypoints, by turns.
    pub fn shaped(&self, n: u64) -> Record {
        let mut record = self.record(n);
        for (annotation, k) in record.annotations.iter_mut().zip(n..) {
            let BBox { x, y, w, h } = annotation.bbox;
            let (right, bottom) = (x + w, y + h);
            match k % 4 {
                0 => {
                    let ring = vec![[x, y], [right, y], [right, bottom], [x + w / 2.0, bottom]];
                    annotation.shape = Some(Shape::Polygons(vec![ring]));
                }
                1 => annotation.shape = Some(Shape::Mask(columns(annotation.bbox))),
                2 => *annotation = Annotation::of_image(annotation.class.clone(), WIDTH, HEIGHT),
                _ => {
                    let point = |visibility| Keypoint { x, y, visibility };
                    annotation.keypoints =
                        vec![point(Visibility::Visible), point(Visibility::Hidden)];
                }
            }
        }
        record
    }

    fn annotation(&self, rng: &mut SplitMix64) -> Annotation {
        let class = Class::Id(ClassId(rng.below(u64::from(self.classes)) as u32));
        let (w, h) = (rng.between(8.0, 400.0), rng.between(8.0, 400.0));
        let x = rng.between(0.0, WIDTH as f32 - w);
        let y = rng.between(0.0, HEIGHT as f32 - h);
        Annotation::new(class, BBox::new(x.into(), y.into(), w.into(), h.into()))
    }

    /// Returns all records, in no order of their ids.
    pub fn iter(self) -> impl Iterator<Item = Record> + Send + 'static {
        (0..self.assets).map(move |n| self.record(n))
    }

    /// Returns edits that put all records in, made as they are read.
    pub fn edits(self) -> Edits {
        Edits::new(self.iter().map(|record| Ok(Edit::Put(record))))
    }
}

/// Returns a mask of the columns of pixels that a box touches.
fn columns(bbox: BBox) -> Mask {
    let (left, right) = (bbox.x as u32, ((bbox.x + bbox.w).ceil() as u32).min(WIDTH));
    let counts = vec![left * HEIGHT, (right - left) * HEIGHT, (WIDTH - right) * HEIGHT];
    Mask::new(WIDTH, HEIGHT, counts).expect("the columns are all there")
}
