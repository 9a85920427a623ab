use serde::{Deserialize, Serialize};

use crate::{BBox, Error, Mask, Result};

/// A closed line through points `[x, y]` in pixels; the last point is joined to the first.
pub type Ring = Vec<[f64; 2]>;

/// What an annotation says about an object beside its box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shape {
    /// The outline: one or more rings. A point is inside if it is inside an odd number of them.
    Polygons(Vec<Ring>),
    /// The pixels.
    Mask(Mask),
    /// The whole image: the annotation is a label of the image, and its box the image's.
    Image,
}

impl Shape {
    /// Returns the smallest box around a shape, if it has a point or pixel; none for an image,
    /// which does not know its size.
    pub fn bbox(&self) -> Option<BBox> {
        match self {
            Self::Polygons(rings) => around(rings.iter().flatten()),
            Self::Mask(mask) => mask.bbox(),
            Self::Image => None,
        }
    }

    /// Returns the area in square pixels; 0 for an image, which does not know its size. Rings
    /// count each by itself, as in COCO, also where they overlap.
    pub fn area(&self) -> f64 {
        match self {
            Self::Polygons(rings) => rings.iter().map(|ring| ring_area(ring)).sum(),
            Self::Mask(mask) => mask.area() as f64,
            Self::Image => 0.0,
        }
    }

    /// Checks that the shape of an annotation with this box can be on an image of this size:
    /// rings have three or more points, all finite; a mask and an image have the image's size.
    ///
    /// # Errors
    ///
    /// `InvalidInput`.
    pub fn check(&self, bbox: BBox, width: u32, height: u32) -> Result<()> {
        match self {
            Self::Polygons(rings) => {
                if rings.is_empty() || rings.iter().any(|ring| ring.len() < 3) {
                    return Err(Error::invalid(
                        "a polygon must have rings of three or more points",
                    ));
                }
                if rings.iter().flatten().flatten().any(|v| !v.is_finite()) {
                    return Err(Error::invalid("the points of a polygon must be finite numbers"));
                }
            }
            Self::Mask(mask) => {
                if (mask.width(), mask.height()) != (width, height) {
                    let size = format!("{}x{}", mask.width(), mask.height());
                    let message = "a mask must have the size of its image";
                    return Err(Error::invalid(message)
                        .with("mask", size)
                        .with("image", format!("{width}x{height}")));
                }
            }
            Self::Image => {
                if bbox != BBox::new(0.0, 0.0, width.into(), height.into()) {
                    let message = "the box of a label of the image must be that of the image";
                    return Err(Error::invalid(message).with("bbox", format!("{bbox:?}")));
                }
            }
        }
        Ok(())
    }
}

fn around<'a>(points: impl Iterator<Item = &'a [f64; 2]>) -> Option<BBox> {
    let mut edges: Option<[f64; 4]> = None;
    for [x, y] in points {
        let [left, top, right, bottom] = edges.unwrap_or([*x, *y, *x, *y]);
        edges = Some([left.min(*x), top.min(*y), right.max(*x), bottom.max(*y)]);
    }
    edges.map(|[left, top, right, bottom]| BBox::new(left, top, right - left, bottom - top))
}

/// Returns the area by the shoelace formula.
fn ring_area(ring: &[[f64; 2]]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    let twice: f64 = ring.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
    (twice / 2.0).abs()
}

/// How much of a keypoint can be seen; the numbers are COCO's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// It was not labelled (0); its place means nothing.
    #[default]
    Absent,
    /// It was labelled and is hidden (1).
    Hidden,
    /// It was labelled and is visible (2).
    Visible,
}

impl Visibility {
    /// Returns COCO's number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns the visibility of COCO's number, if it is one.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Absent, Self::Hidden, Self::Visible].get(usize::from(number)).copied()
    }
}

/// A point of an object that has a meaning, such as a nose; which, tells its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Keypoint {
    /// The distance from the left edge of the image in pixels.
    pub x: f64,
    /// The distance from the upper edge of the image in pixels.
    pub y: f64,
    /// How much of it can be seen.
    pub visibility: Visibility,
}
