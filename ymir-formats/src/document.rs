use ymir_core::{Attributes, BBox, Flags, Keypoint, Shape};

use super::losses::Field;

/// What a source says about one image.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Document {
    pub(super) filename: Option<String>,
    pub(super) folder: Option<String>,
    /// The name of the image file before an export had to change it.
    pub(super) original_filename: Option<String>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    /// The attributes of the image.
    pub(super) attributes: Attributes,
    pub(super) objects: Vec<Object>,
    /// Objects that cannot be taken: their numbers, and why.
    pub(super) dropped: Vec<(u32, String)>,
    /// What the records have no place for, once for each time it was met.
    pub(super) lost: Vec<&'static str>,
    /// Fields that are not read.
    pub(super) fields: Vec<Field>,
    /// Whether coordinates are fractions of the size of the image in place of pixels.
    pub(super) relative: bool,
}

/// One object of an annotation file.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Object {
    /// Its number in the file, from 1.
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) bbox: BBox,
    pub(super) shape: Option<Shape>,
    pub(super) keypoints: Vec<Keypoint>,
    pub(super) flags: Flags,
    pub(super) rotate_angle: Option<f64>,
    pub(super) score: Option<f64>,
    pub(super) quality: Option<f64>,
    pub(super) attributes: Attributes,
}

impl Object {
    /// Sets the shape, and the box to the one around it.
    pub(super) fn set_shape(&mut self, shape: Shape) {
        self.bbox = shape.bbox().unwrap_or_default();
        self.shape = Some(shape);
    }
}
