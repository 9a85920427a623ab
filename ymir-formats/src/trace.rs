//! Masks as outlines, for formats that know no pixels.

use ymir_core::{Mask, Ring};

/// The most pixels around a mask that is traced.
const MAX_PIXELS: u64 = 1 << 28;
/// The steps to the right, down, to the left and up.
const STEPS: [[i64; 2]; 4] = [[1, 0], [0, 1], [-1, 0], [0, -1]];

/// Returns the line around the largest part of a mask, along the edges of its pixels, and how many
/// other lines there are: around other parts, and around holes. None for a mask without pixels or of
/// a huge image.
///
/// Pixels that share only a corner are different parts.
pub(super) fn outline(mask: &Mask) -> Option<(Ring, u64)> {
    let bbox = mask.bbox()?;
    let (width, height) = (bbox.w as usize, bbox.h as usize);
    if (width as u64) * (height as u64) > MAX_PIXELS {
        return None;
    }
    let mut edges = Edges::new(mask, [bbox.x as usize, bbox.y as usize], [width, height]);
    let mut largest: Option<(i64, Vec<[i64; 2]>)> = None;
    let mut found = 0;
    for place in 0..edges.out.len() {
        while edges.out[place] != 0 {
            found += 1;
            let ring = edges.follow(place);
            let area = twice_area(&ring);
            if largest.as_ref().is_none_or(|(known, _)| *known < area) {
                largest = Some((area, ring));
            }
        }
    }
    let (_, ring) = largest?;
    let ring = ring.into_iter().map(|[x, y]| [bbox.x + x as f64, bbox.y + y as f64]).collect();
    Some((ring, found - 1))
}

/// The edges between pixels inside and outside, each with the inside on its right.
struct Edges {
    /// By corner of pixels, in rows: a bit for each of the steps that an edge takes from it.
    out: Vec<u8>,
    /// How many corners a row has.
    row: usize,
}

impl Edges {
    fn new(mask: &Mask, [left, top]: [usize; 2], [width, height]: [usize; 2]) -> Self {
        let mut inside = vec![false; width * height];
        for place in mask.runs().flat_map(|(start, count)| start..start + count) {
            let (x, y) = ((place / mask.height()) as usize, (place % mask.height()) as usize);
            inside[(y - top) * width + x - left] = true;
        }
        let row = width + 1;
        let mut out = vec![0; row * (height + 1)];
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let at = y * width + x;
            if !inside[at] {
                continue;
            }
            let edges = [
                (y == 0 || !inside[at - width], y * row + x),
                (x + 1 == width || !inside[at + 1], y * row + x + 1),
                (y + 1 == height || !inside[at + width], (y + 1) * row + x + 1),
                (x == 0 || !inside[at - 1], (y + 1) * row + x),
            ];
            for (step, (is_edge, corner)) in edges.into_iter().enumerate() {
                out[corner] |= u8::from(is_edge) << step;
            }
        }
        Self { out, row }
    }

    /// Takes the edges of one line, and returns the corners at which it turns.
    fn follow(&mut self, start: usize) -> Vec<[i64; 2]> {
        let mut ring = Vec::new();
        let mut at = [(start % self.row) as i64, (start / self.row) as i64];
        let mut last = None;
        loop {
            let bits = &mut self.out[at[1] as usize * self.row + at[0] as usize];
            // Turning right first stays with the pixel.
            let turns = last.map_or([0, 1, 2, 3], |step| [step + 1, step, step + 3, step + 2]);
            let Some(step) = turns.into_iter().map(|step| step % 4).find(|s| *bits >> s & 1 == 1)
            else {
                return ring;
            };
            *bits &= !(1 << step);
            if last != Some(step) {
                ring.push(at);
            }
            last = Some(step);
            at = [at[0] + STEPS[step][0], at[1] + STEPS[step][1]];
        }
    }
}

/// Returns twice the area that a line encloses, less than nothing for one around a hole.
fn twice_area(ring: &[[i64; 2]]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
}
