//! The points of the rows that are written.

use std::fs;
use std::path::Path;

use walkdir::WalkDir;
use ymir_core::{Annotation, Error, Result, Ring, Shape};

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
        Some(Shape::Mask(mask)) => match trace::outline(mask) {
            Some((ring, others)) => {
                losses.add("masks, written as outlines");
                losses.add_many("further parts and holes of masks", others);
                Some(ring)
            }
            None => {
                losses.add("masks, written as the corners of their boxes");
                None
            }
        },
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

/// Writes label files anew that have a box in each row: with its four corners.
pub(super) fn write_corners(labels: &Path) -> Result<()> {
    let fail = |path: &Path, error| Error::io("cannot write a label file", path, error);
    for entry in WalkDir::new(labels) {
        let entry = entry.map_err(|error| fail(labels, error.into()))?;
        let path = entry.path();
        if !entry.file_type().is_file() {
            continue;
        }
        let text = fs::read_to_string(path).map_err(|error| fail(path, error))?;
        let rows: Option<Vec<String>> = text.lines().map(with_corners).collect();
        if let Some(rows) = rows.filter(|rows| !rows.is_empty()) {
            let text = rows.join("\n") + "\n";
            fs::write(path, text).map_err(|error| fail(path, error))?;
        }
    }
    Ok(())
}

/// Returns a row of a class and a box with the corners of that; none if it is no such row.
fn with_corners(row: &str) -> Option<String> {
    let (class, numbers) = row.split_once(' ')?;
    let numbers: Vec<f64> = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
    let [x, y, w, h] = numbers[..] else { return None };
    let (left, right) = ((x - w / 2.0).max(0.0), (x + w / 2.0).min(1.0));
    let (top, bottom) = ((y - h / 2.0).max(0.0), (y + h / 2.0).min(1.0));
    Some(format!("{class} {left} {top} {right} {top} {right} {bottom} {left} {bottom}"))
}

fn on_image([x, y]: [f64; 2], [width, height]: [f64; 2]) -> [f64; 2] {
    [x.clamp(0.0, width), y.clamp(0.0, height)]
}
