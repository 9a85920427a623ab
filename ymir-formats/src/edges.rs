//! Boxes by their inclusive edges, as Pascal VOC and ark have them.

use ymir_core::{Asset, BBox};

/// Left, top, right and bottom; the pixels at right and bottom belong to the box.
pub(super) type Edges = [f64; 4];

/// Returns the edges of a box as it is, whole or fractional.
pub(super) fn exact(bbox: BBox) -> Edges {
    let BBox { x, y, w, h } = bbox;
    [x, y, x + w - 1.0, y + h - 1.0]
}

/// Returns the edges of the part of a box inside its image, rounded to whole pixels; a box keeps at
/// least one. None if nothing of it is inside.
pub(super) fn pixels(bbox: BBox, asset: &Asset) -> Option<Edges> {
    let inside = bbox.clip(asset.width, asset.height)?;
    let axis = |start: f64, size: f64, bound: u32| {
        let last = f64::from(bound) - 1.0;
        let first = start.round().min(last);
        (first, ((start + size).round() - 1.0).clamp(first, last))
    };
    let (left, right) = axis(inside.x, inside.w, asset.width);
    let (top, bottom) = axis(inside.y, inside.h, asset.height);
    Some([left, top, right, bottom])
}
