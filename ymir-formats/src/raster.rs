//! Masks by runs along the rows of a part of the image, as CVAT has them.

use ymir_core::{BBox, Mask};

/// The most pixels of an image whose mask is turned.
const MAX_PIXELS: u64 = 1 << 28;

/// Returns the box around a mask and its counts along the rows of the box, of pixels outside and
/// inside by turns; none for one without pixels or of a huge image.
pub(super) fn to_rows(mask: &Mask) -> Option<(BBox, Vec<u32>)> {
    let bbox = mask.bbox()?;
    let (left, top) = (bbox.x as usize, bbox.y as usize);
    let (width, height) = (bbox.w as usize, bbox.h as usize);
    if (width as u64) * (height as u64) > MAX_PIXELS {
        return None;
    }
    let mut inside = vec![false; width * height];
    for place in mask.runs().flat_map(|(start, count)| start..start + count) {
        let (x, y) = ((place / mask.height()) as usize, (place % mask.height()) as usize);
        inside[(y - top) * width + x - left] = true;
    }
    Some((bbox, counts(inside.into_iter())))
}

/// Returns the mask of an image of this size, from the counts along the rows of a box in it.
///
/// # Errors
///
/// Says what does not fit.
pub(super) fn from_rows(
    width: u32,
    height: u32,
    [left, top, w, h]: [u32; 4],
    counts_of_rows: &[u32],
) -> Result<Mask, &'static str> {
    let fits =
        |start: u32, size: u32, limit: u32| start.checked_add(size).is_some_and(|e| e <= limit);
    if !fits(left, w, width) || !fits(top, h, height) {
        return Err("its mask reaches out of the image");
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err("its mask is on an image of too many pixels");
    }
    let sum: u64 = counts_of_rows.iter().map(|count| u64::from(*count)).sum();
    if sum > u64::from(w) * u64::from(h) {
        return Err("the counts of its mask are more than its pixels");
    }
    let mut inside = vec![false; width as usize * height as usize];
    let mut place = 0;
    for (i, count) in counts_of_rows.iter().enumerate() {
        for pixel in (place..place + count).filter(|_| i % 2 == 1) {
            let (x, y) = (left + pixel % w, top + pixel / w);
            inside[x as usize * height as usize + y as usize] = true;
        }
        place += count;
    }
    Mask::new(width, height, counts(inside.into_iter())).map_err(|_| "its mask has no pixels")
}

/// Returns the lengths of the runs, the first of pixels outside.
fn counts(pixels: impl Iterator<Item = bool>) -> Vec<u32> {
    let mut counts = vec![0];
    for inside in pixels {
        if inside != (counts.len() % 2 == 0) {
            counts.push(0);
        }
        if let Some(last) = counts.last_mut() {
            *last += 1;
        }
    }
    counts
}
