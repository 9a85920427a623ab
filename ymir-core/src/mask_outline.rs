use crate::{Error, Mask, Result, Ring};

/// Points along a line are looked at in steps of a fifth of a pixel.
const SCALE: f64 = 5.0;
/// The most steps of an outline: more than around any image, less than a second's work.
const STEPS_MAX: f64 = (1u64 << 28) as f64;

impl Mask {
    /// Returns the pixels inside an outline on an image of this size: inside an odd number of its
    /// rings. What lies outside of the image is cut off.
    ///
    /// Which pixels on a line belong is decided as `rleFrPoly` of pycocotools does, so that a ring
    /// has the pixels that COCO's tools see.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the image has no pixels or more than 2³² − 1, or the lines are so long that
    /// they are no outline on an image.
    ///
    /// ```
    /// use ymir_core::Mask;
    ///
    /// let square = vec![[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [1.0, 3.0]];
    /// assert_eq!(Mask::from_rings(4, 4, &[square])?.area(), 4);
    /// # Ok::<(), ymir_core::Error>(())
    /// ```
    pub fn from_rings(width: u32, height: u32, rings: &[Ring]) -> Result<Self> {
        let all = Self::new(width, height, vec![width.saturating_mul(height)])?;
        let is_finite = rings.iter().flatten().flatten().all(|number| number.is_finite());
        let steps: f64 = rings.iter().flat_map(|ring| edges(ring)).map(|[a, b]| steps(a, b)).sum();
        if !is_finite || steps > STEPS_MAX {
            let message = "the lines of an outline are too long for one on an image";
            return Err(Error::invalid(message).with("size", format!("{width}x{height}")));
        }
        let mut crossings = Vec::new();
        rings.iter().for_each(|ring| cross(ring, &all, &mut crossings));
        crossings.sort_unstable();
        let (mut counts, mut end) = (Vec::with_capacity(crossings.len() + 1), 0);
        for crossing in crossings.into_iter().chain([width * height]) {
            counts.push(crossing - end);
            end = crossing;
        }
        Self::new(width, height, counts)
    }
}

fn edges(ring: &[[f64; 2]]) -> impl Iterator<Item = [[f64; 2]; 2]> + '_ {
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| [*a, *b])
}

fn steps(a: [f64; 2], b: [f64; 2]) -> f64 {
    SCALE * (a[0] - b[0]).abs().max((a[1] - b[1]).abs()) + 1.0
}

/// Adds where the columns of pixels cross a ring, each as a place down the columns: from there on
/// pixels that were outside are inside, and the other way round.
fn cross(ring: &[[f64; 2]], image: &Mask, crossings: &mut Vec<u32>) {
    let scaled = |[x, y]: [f64; 2]| [(SCALE * x + 0.5) as i64, (SCALE * y + 0.5) as i64];
    let mut last: Option<[i64; 2]> = None;
    let mut visit = |point: [i64; 2]| {
        if let Some(before) = last.replace(point).filter(|before| before[0] != point[0]) {
            crossings.extend(crossing(before, point, image));
        }
    };
    for [a, b] in edges(ring) {
        walk(scaled(a), scaled(b), &mut visit);
    }
}

/// Visits the points from one to another, in steps of one along the longer direction.
fn walk(from: [i64; 2], to: [i64; 2], visit: &mut impl FnMut([i64; 2])) {
    let (dx, dy) = ((to[0] - from[0]).abs(), (to[1] - from[1]).abs());
    let (along, across) = if dx >= dy { (0, 1) } else { (1, 0) };
    let is_turned = from[along] > to[along];
    let (start, end) = if is_turned { (to, from) } else { (from, to) };
    let length = dx.max(dy);
    let slope = (end[across] - start[across]) as f64 / length as f64;
    for step in 0..=length {
        let t = if is_turned { length - step } else { step };
        let mut point = [0; 2];
        point[along] = start[along] + t;
        point[across] = (start[across] as f64 + slope * t as f64 + 0.5) as i64;
        visit(point);
    }
}

/// Returns the place at which a column is crossed between two points, if one is.
fn crossing(before: [i64; 2], point: [i64; 2], image: &Mask) -> Option<u32> {
    let x = if point[0] < before[0] { point[0] } else { point[0] - 1 };
    let x = (x as f64 + 0.5) / SCALE - 0.5;
    if x.floor() != x || x < 0.0 || x > f64::from(image.width()) - 1.0 {
        return None;
    }
    let y = (point[1].min(before[1]) as f64 + 0.5) / SCALE - 0.5;
    let y = y.clamp(0.0, f64::from(image.height())).ceil();
    Some(x as u32 * image.height() + y as u32)
}
