use std::collections::HashMap;

use ymir_core::{Annotation, BBox, ClassId};

/// One object to be found.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) image: u32,
    pub(super) bbox: BBox,
    pub(super) crowd: bool,
    pub(super) ignore: bool,
}

impl Truth {
    pub(super) fn new(image: u32, annotation: &Annotation, ignore_difficult: bool) -> Self {
        let flags = annotation.flags;
        let ignore = flags.crowd || (ignore_difficult && flags.difficult);
        Self { image, bbox: annotation.bbox, crowd: flags.crowd, ignore }
    }
}

/// One prediction.
#[derive(Debug)]
pub(super) struct Detection {
    pub(super) image: u32,
    pub(super) bbox: BBox,
    pub(super) score: f64,
}

impl Detection {
    pub(super) fn new(image: u32, annotation: &Annotation) -> Self {
        Self { image, bbox: annotation.bbox, score: annotation.score.unwrap_or(1.0) }
    }
}

/// What there is of one class, in the order of the images.
#[derive(Debug)]
pub(super) struct ClassBoxes {
    pub(super) class: ClassId,
    pub(super) truths: Vec<Truth>,
    pub(super) detections: Vec<Detection>,
}

/// Sorts the annotations of image after image by their class, in compact form, so that a dataset
/// can stream through.
#[derive(Debug)]
pub struct Collector {
    by_class: HashMap<ClassId, usize>,
    boxes: Vec<ClassBoxes>,
    images: u32,
    ignore_difficult: bool,
}

impl Collector {
    /// Returns a collector of the annotations of these classes.
    pub fn new(classes: &[ClassId], ignore_difficult: bool) -> Self {
        let mut classes = classes.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let by_class = classes.iter().enumerate().map(|(i, class)| (*class, i)).collect();
        let empty = |class| ClassBoxes { class, truths: Vec::new(), detections: Vec::new() };
        let boxes = classes.into_iter().map(empty).collect();
        Self { by_class, boxes, images: 0, ignore_difficult }
    }

    /// Adds the next image.
    pub fn add(&mut self, ground_truth: &[Annotation], predictions: &[Annotation]) {
        let image = self.images;
        self.images += 1;
        for annotation in ground_truth {
            let Some(index) = self.index(annotation) else { continue };
            let truth = Truth::new(image, annotation, self.ignore_difficult);
            self.boxes[index].truths.push(truth);
        }
        for annotation in predictions {
            let Some(index) = self.index(annotation) else { continue };
            self.boxes[index].detections.push(Detection::new(image, annotation));
        }
    }

    pub(super) fn finish(self) -> (Vec<ClassBoxes>, u64) {
        (self.boxes, u64::from(self.images))
    }

    fn index(&self, annotation: &Annotation) -> Option<usize> {
        self.by_class.get(&annotation.class.id()?).copied()
    }
}
