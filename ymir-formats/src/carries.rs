use ymir_core::{Annotation, Record, Shape};

use super::losses::Losses;
use super::splits::SPLIT;

/// What a format has a place for beside a class and a box; the rest is counted as lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carries {
    pub(super) boxes: bool,
    pub(super) rotations: bool,
    pub(super) polygons: bool,
    /// Outlines of several rings.
    pub(super) rings: bool,
    pub(super) masks: bool,
    pub(super) labels: bool,
    pub(super) keypoints: bool,
    pub(super) scores: bool,
    pub(super) qualities: bool,
    pub(super) flags: bool,
    /// Those of annotations.
    pub(super) attributes: bool,
    /// Those of assets, beside the split.
    pub(super) asset_attributes: bool,
    /// Images on which nothing is.
    pub(super) negatives: bool,
}

impl Carries {
    /// Boxes and nothing else.
    pub(super) const BOXES: Self = Self {
        boxes: true,
        rotations: false,
        polygons: false,
        rings: false,
        masks: false,
        labels: false,
        keypoints: false,
        scores: false,
        qualities: false,
        flags: false,
        attributes: false,
        asset_attributes: false,
        negatives: true,
    };

    /// Counts what of a record the format cannot say.
    pub(super) fn count(&self, record: &Record, losses: &mut Losses) {
        if !self.asset_attributes {
            let others = record.asset.attributes.keys().filter(|key| *key != SPLIT).count();
            losses.add_many("attributes of images", others as u64);
        }
        if !self.negatives && record.annotations.is_empty() {
            losses.add("images without annotations");
        }
        record.annotations.iter().for_each(|annotation| self.count_one(annotation, losses));
    }

    fn count_one(&self, annotation: &Annotation, losses: &mut Losses) {
        let flags = annotation.flags;
        let facts = [
            (self.boxes || annotation.shape.is_some(), "boxes without a shape"),
            (
                self.rotations || annotation.rotate_angle.is_none_or(|angle| angle == 0.0),
                "rotations",
            ),
            (self.keypoints || annotation.keypoints.is_empty(), "keypoints of objects"),
            (self.scores || annotation.score.is_none(), "scores"),
            (self.qualities || annotation.quality.is_none(), "qualities of boxes"),
            (self.flags || !flags.difficult, "marks: difficult"),
            (self.flags || !flags.truncated, "marks: truncated"),
            (self.flags || !flags.occluded, "marks: occluded"),
            (self.flags || !flags.crowd, "marks: crowd"),
            (self.attributes || annotation.attributes.is_empty(), "attributes of objects"),
        ];
        facts.iter().filter(|(kept, _)| !kept).for_each(|(_, what)| losses.add(what));
        match &annotation.shape {
            Some(Shape::Polygons(_)) if !self.polygons => losses.add("outlines of objects"),
            Some(Shape::Polygons(rings)) if rings.len() > 1 && !self.rings => {
                losses.add("outlines of several rings");
            }
            Some(Shape::Mask(_)) if !self.masks => losses.add("masks of objects"),
            Some(Shape::Image) if !self.labels => losses.add("labels of images as such"),
            _ => {}
        }
    }
}
