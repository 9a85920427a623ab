//! The points of the rows that are written.

use ymir_core::{Annotation, Ring, Shape};

use super::super::clip::{clip_ring, reaches_out};
use super::super::losses::Losses;
use super::super::rotated;
use super::super::trace;

/// Returns the outline of an object on an image of this size: its first ring, the line around its
/// pixels, or its corners.
pub(super) fn outline(annotation: &Annotation, size: [f64; 2], losses: &mut Losses) -> Ring {
    let corners = || rotated::corners(annotation.bbox, annotation.rotate_angle.unwrap_or_default());
    let ring = match &annotation.shape {
        Some(Shape::Polygons(rings)) => rings.first().cloned(),
        Some(Shape::Mask(mask)) => trace::outline(mask).map(|(ring, others)| {
            losses.add("masks, written as outlines");
            losses.add_many("further parts and holes of masks", others);
            ring
        }),
        Some(_) => None,
        None => {
            losses.add("boxes, written as outlines of four corners");
            None
        }
    };
    let ring = ring.unwrap_or_else(|| corners().into());
    if !reaches_out(&ring, size) {
        return ring;
    }
    losses.add("outlines that reach out of their image, cut at its edge");
    let cut = clip_ring(&ring, size);
    match cut.is_empty() {
        // Of an outline beside its box, no part is on the image.
        true => corners().map(|point| on_image(point, size)).into(),
        false => cut,
    }
}

/// Returns the corners of a box. Ultralytics wants the upright box around them to be no larger than
/// the image and its centre to be on it: the corners of others are moved to the edge.
pub(super) fn corners(
    annotation: &Annotation,
    size: [f64; 2],
    losses: &mut Losses,
) -> [[f64; 2]; 4] {
    let corners = rotated::corners(annotation.bbox, annotation.rotate_angle.unwrap_or_default());
    let fits = (0..2).all(|axis| {
        let [a, b, c, d] = corners.map(|corner| corner[axis]);
        let (start, end) = (a.min(b).min(c).min(d), a.max(b).max(c).max(d));
        end - start <= size[axis] && (0.0..=size[axis]).contains(&((start + end) / 2.0))
    });
    if fits {
        return corners;
    }
    losses.add("rotated boxes that reach too far out of their image, cut at its edge");
    corners.map(|point| on_image(point, size))
}

fn on_image([x, y]: [f64; 2], [width, height]: [f64; 2]) -> [f64; 2] {
    [x.clamp(0.0, width), y.clamp(0.0, height)]
}
