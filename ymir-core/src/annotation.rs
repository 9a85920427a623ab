use serde::{Deserialize, Serialize};

use crate::{Attributes, Class, Error, Keypoint, Result, Shape};

/// An axis-aligned box in pixels. The origin is the upper left corner of the image; coordinates
/// are continuous, so that a box that covers the whole image is `(0, 0, width, height)`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct BBox {
    /// The left edge.
    pub x: f64,
    /// The upper edge.
    pub y: f64,
    /// The width.
    pub w: f64,
    /// The height.
    pub h: f64,
}

impl BBox {
    /// Returns the box with this corner and size.
    pub const fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w, h }
    }

    /// Returns the area in square pixels.
    pub fn area(&self) -> f64 {
        self.w * self.h
    }

    /// Returns the intersection over union with another box, 0 to 1; 0 where both are empty.
    pub fn iou(&self, other: &Self) -> f64 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        if w <= 0.0 || h <= 0.0 {
            return 0.0;
        }
        let shared = w * h;
        shared / (self.area() + other.area() - shared)
    }

    /// Returns whether all four numbers are finite and the size is positive.
    pub fn is_valid(&self) -> bool {
        [self.x, self.y, self.w, self.h].iter().all(|v| v.is_finite())
            && self.w > 0.0
            && self.h > 0.0
    }

    /// Returns the part inside an image of this size, if any is left.
    pub fn clip(&self, width: u32, height: u32) -> Option<Self> {
        let (x, y) = (self.x.max(0.0), self.y.max(0.0));
        let w = (self.x + self.w).min(f64::from(width)) - x;
        let h = (self.y + self.h).min(f64::from(height)) - y;
        let clipped = Self { x, y, w, h };
        clipped.is_valid().then_some(clipped)
    }
}

/// Marks that annotation formats know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Flags {
    /// Hard to recognise (Pascal VOC); left out of VOC's evaluation.
    pub difficult: bool,
    /// Cut off by the edge of the image (Pascal VOC).
    pub truncated: bool,
    /// Partly hidden (Pascal VOC).
    pub occluded: bool,
    /// A group of objects under one box (COCO's `iscrowd`).
    pub crowd: bool,
}

/// An object on an asset, or a label of the whole: ground truth, or a prediction if it has a score.
///
/// The box is always there, so that whoever knows boxes alone can use every annotation; what is
/// known beyond it is the shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// The class.
    pub class: Class,
    /// The bounding box; that of the image for a label of the image.
    pub bbox: BBox,
    /// The outline or the pixels of the object, or that this is a label of the whole image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// Points of the object that have a meaning, in the order of the class's skeleton.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keypoints: Vec<Keypoint>,
    /// The rotation of the box around its centre in radians, where the format has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_angle: Option<f64>,
    /// The confidence of a prediction, 0 to 1; absent in ground truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The quality of the box as its source rated it (the contract's `box_quality`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<f64>,
    /// Marks.
    #[serde(default)]
    pub flags: Flags,
    /// Free attributes (the contract's `tags`).
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

impl Annotation {
    /// Returns a ground-truth box.
    pub fn new(class: Class, bbox: BBox) -> Self {
        Self {
            class,
            bbox,
            shape: None,
            keypoints: Vec::new(),
            rotate_angle: None,
            score: None,
            quality: None,
            flags: Flags::default(),
            attributes: Attributes::new(),
        }
    }

    /// Returns a label of an image of this size in pixels.
    pub fn of_image(class: Class, width: u32, height: u32) -> Self {
        let bbox = BBox::new(0.0, 0.0, width.into(), height.into());
        Self { shape: Some(Shape::Image), ..Self::new(class, bbox) }
    }

    /// Sets the shape; the box stays as it is.
    pub fn with_shape(mut self, shape: Shape) -> Self {
        self.shape = Some(shape);
        self
    }

    /// Checks that the numbers can be those of an annotation on an image of this size: finite, no
    /// negative size of the box, a shape that [fits](Shape::check).
    ///
    /// # Errors
    ///
    /// `InvalidInput` that says which field is wrong.
    pub fn check(&self, width: u32, height: u32) -> Result<()> {
        let bbox = self.bbox;
        if [bbox.x, bbox.y, bbox.w, bbox.h].iter().any(|v| !v.is_finite()) {
            let message = "x, y, w and h of a box must be finite numbers";
            return Err(Error::invalid(message).with("bbox", format!("{bbox:?}")));
        }
        if bbox.w < 0.0 || bbox.h < 0.0 {
            let message = "w and h of a box must not be negative";
            return Err(Error::invalid(message).with("bbox", format!("{bbox:?}")));
        }
        let optional =
            [("rotate_angle", self.rotate_angle), ("score", self.score), ("quality", self.quality)];
        for (field, value) in optional {
            if value.is_some_and(|value| !value.is_finite()) {
                let message = format!("the {field} of an annotation must be a finite number");
                return Err(Error::invalid(message));
            }
        }
        if self.keypoints.iter().any(|point| !point.x.is_finite() || !point.y.is_finite()) {
            return Err(Error::invalid("x and y of a keypoint must be finite numbers"));
        }
        self.shape.as_ref().map_or(Ok(()), |shape| shape.check(bbox, width, height))
    }

    /// Sets the confidence, which makes it a prediction.
    pub fn with_score(mut self, score: f64) -> Self {
        self.score = Some(score);
        self
    }
}
