//! Rotated boxes by their corners.

use ymir_core::BBox;

/// How far, as a part of its size, a corner may be from where a rectangle has it: files round.
const TOLERANCE: f64 = 0.02;

/// Returns the corners of a box that is rotated around its centre by an angle in radians, from the
/// one that is the upper left before the rotation, clockwise.
pub(super) fn corners(bbox: BBox, angle: f64) -> [[f64; 2]; 4] {
    let BBox { x, y, w, h } = bbox;
    if angle == 0.0 {
        return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];
    }
    let (sin, cos) = angle.sin_cos();
    let (x, y) = (x + w / 2.0, y + h / 2.0);
    let (w, h) = (w / 2.0, h / 2.0);
    let corner = |dx: f64, dy: f64| [x + dx * cos - dy * sin, y + dx * sin + dy * cos];
    [corner(-w, -h), corner(w, -h), corner(w, h), corner(-w, h)]
}

/// Returns the box and its angle, if points are the four corners of a rectangle in turn. The first
/// is taken for the upper left before the rotation.
pub(super) fn from_corners(points: &[[f64; 2]]) -> Option<(BBox, f64)> {
    let [a, b, c, d]: [[f64; 2]; 4] = points.try_into().ok()?;
    let centre = [0, 1].map(|i| (a[i] + b[i] + c[i] + d[i]) / 4.0);
    let side = |from: [f64; 2], to: [f64; 2]| [to[0] - from[0], to[1] - from[1]];
    let length = |v: [f64; 2]| v[0].hypot(v[1]);
    let (top, right) = (side(a, b), side(b, c));
    let (w, h) = (length(top), length(right));
    let limit = TOLERANCE * w.max(h);
    // A parallelogram with a right angle, the second side clockwise of the first.
    let closes = length([b[0] + d[0] - a[0] - c[0], b[1] + d[1] - a[1] - c[1]]) <= limit;
    let turn = (top[0] * right[1] - top[1] * right[0]) / (w * h);
    if !(closes && w > 0.0 && h > 0.0 && turn >= 1.0 - TOLERANCE * TOLERANCE) {
        return None;
    }
    let bbox = BBox::new(centre[0] - w / 2.0, centre[1] - h / 2.0, w, h);
    Some(if top[1] == 0.0 && top[0] > 0.0 {
        (BBox { x: a[0], y: a[1], ..bbox }, 0.0)
    } else {
        (bbox, top[1].atan2(top[0]))
    })
}
