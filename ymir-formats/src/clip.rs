//! Cutting boxes and outlines at the edge of an image.

use ymir_core::{BBox, Ring};

/// How far in pixels an edge may be out of the image for the digits that a file rounds to.
const ROUNDING: f64 = 1e-3;

/// Cuts a box along the axes in which it reaches out of the image, and leaves the numbers of the
/// others as they are, to the last bit.
pub(super) fn clip_box(bbox: BBox, [width, height]: [f64; 2]) -> BBox {
    let axis = |start: f64, size: f64, limit: f64| {
        if start >= 0.0 && start + size <= limit {
            return (start, size);
        }
        let end = (start + size).min(limit);
        let start = start.max(0.0);
        (start, end - start)
    };
    let (x, w) = axis(bbox.x, bbox.w, width);
    let (y, h) = axis(bbox.y, bbox.h, height);
    BBox { x, y, w, h }
}

/// Returns whether boxes differ by more than the digits that a file rounds to.
pub(super) fn differ(a: BBox, b: BBox) -> bool {
    let sides = |b: BBox| [b.x, b.y, b.x + b.w, b.y + b.h];
    sides(a).into_iter().zip(sides(b)).any(|(a, b)| (a - b).abs() > ROUNDING)
}

/// Returns whether a ring has a point outside of an image of this size.
pub(super) fn reaches_out(ring: &[[f64; 2]], [width, height]: [f64; 2]) -> bool {
    !ring.iter().all(|[x, y]| (0.0..=width).contains(x) && (0.0..=height).contains(y))
}

/// Returns the part of a ring that is on an image of this size (Sutherland and Hodgman), which
/// encloses what the ring encloses there; without points if nothing is.
pub(super) fn clip_ring(ring: &[[f64; 2]], [width, height]: [f64; 2]) -> Ring {
    let near = |v: f64, limit: f64| (-ROUNDING..=limit + ROUNDING).contains(&v);
    if ring.iter().all(|[x, y]| near(*x, width) && near(*y, height)) {
        return ring.iter().map(|[x, y]| [x.clamp(0.0, width), y.clamp(0.0, height)]).collect();
    }
    let mut ring = ring.to_vec();
    for (axis, limit, sign) in [(0, 0.0, 1.0), (0, width, -1.0), (1, 0.0, 1.0), (1, height, -1.0)] {
        ring = half(&ring, axis, limit, sign);
    }
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    let spans = |axis: usize| ring.iter().any(|point| point[axis] != ring[0][axis]);
    match ring.len() >= 3 && spans(0) && spans(1) {
        true => ring,
        false => Ring::new(),
    }
}

/// Returns the part of a ring on one side of a line along an axis.
fn half(ring: &[[f64; 2]], axis: usize, limit: f64, sign: f64) -> Ring {
    let is_inside = |point: &[f64; 2]| (point[axis] - limit) * sign >= 0.0;
    let mut kept = Ring::with_capacity(ring.len() + 4);
    let before = ring.iter().cycle().skip(ring.len().saturating_sub(1));
    for (a, b) in before.zip(ring) {
        if is_inside(a) != is_inside(b) {
            let part = (limit - a[axis]) / (b[axis] - a[axis]);
            let other = 1 - axis;
            let mut crossing = [limit; 2];
            crossing[other] = a[other] + (b[other] - a[other]) * part;
            kept.push(crossing);
        }
        if is_inside(b) {
            kept.push(*b);
        }
    }
    kept
}
