use serde::{Deserialize, Serialize};

use crate::{BBox, Error, Result};

/// The pixels of an object as runs, in COCO's order: down the columns, from the left.
///
/// The first count is of pixels outside the object, the second of pixels in it, and so on. Only
/// the first may be 0: counts of 0 between others are joined away, so that equal masks have equal
/// counts. As JSON it is COCO's `{"size": [height, width], "counts": [..]}`.
///
/// ```
/// use ymir_core::{BBox, Mask};
///
/// // 2 × 3 pixels; the whole second column is set.
/// let mask = Mask::new(3, 2, vec![2, 2, 2])?;
/// assert_eq!(mask.area(), 2);
/// assert_eq!(mask.bbox(), Some(BBox::new(1.0, 0.0, 1.0, 2.0)));
/// assert_eq!(Mask::from_coco_string(3, 2, &mask.to_coco_string())?, mask);
/// # Ok::<(), ymir_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "CocoMask", into = "CocoMask")]
pub struct Mask {
    width: u32,
    height: u32,
    counts: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct CocoMask {
    size: [u32; 2],
    counts: Vec<u32>,
}

/// A number of COCO's string has at most this many characters: 5 bits each, for 32 bits and a sign.
const MAX_CHARACTERS: u32 = 7;

impl Mask {
    /// Returns the mask of an image of this size with these counts.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the counts do not add up to the pixels of the image, or these are none or
    /// more than 2³² − 1.
    pub fn new(width: u32, height: u32, counts: Vec<u32>) -> Result<Self> {
        let pixels = u64::from(width) * u64::from(height);
        let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        if pixels == 0 || pixels > u64::from(u32::MAX) || sum != pixels {
            let message = "the counts of a mask must add up to the pixels of its image";
            let size = format!("{width}x{height}");
            return Err(Error::invalid(message).with("size", size).with("sum", sum));
        }
        Ok(Self { width, height, counts: joined(counts) })
    }

    /// Returns the mask that COCO's compressed string says.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the string is malformed; else as [`new`](Self::new).
    pub fn from_coco_string(width: u32, height: u32, text: &str) -> Result<Self> {
        let wrong = || Error::invalid("the compressed counts of a mask are malformed");
        let mut counts: Vec<u32> = Vec::new();
        let mut bytes = text.bytes();
        while let Some(first) = bytes.next() {
            let (mut value, mut shift, mut byte) = (0i64, 0, first);
            loop {
                let part = byte.checked_sub(48).filter(|part| *part < 64).ok_or_else(wrong)?;
                value |= i64::from(part & 0x1f) << shift;
                shift += 5;
                if part & 0x20 == 0 {
                    if part & 0x10 != 0 {
                        value |= -1 << shift;
                    }
                    break;
                }
                byte = bytes.next().filter(|_| shift < 5 * MAX_CHARACTERS).ok_or_else(wrong)?;
            }
            if counts.len() > 2 {
                value += i64::from(counts[counts.len() - 2]);
            }
            counts.push(u32::try_from(value).map_err(|_| wrong())?);
        }
        Self::new(width, height, counts)
    }

    /// Returns the counts as COCO's compressed string.
    pub fn to_coco_string(&self) -> String {
        let mut text = String::new();
        for (i, count) in self.counts.iter().enumerate() {
            let before = if i > 2 { self.counts[i - 2] } else { 0 };
            let mut rest = i64::from(*count) - i64::from(before);
            loop {
                let part = (rest & 0x1f) as u8;
                rest >>= 5;
                let more = if part & 0x10 != 0 { rest != -1 } else { rest != 0 };
                text.push(char::from(48 + part + if more { 0x20 } else { 0 }));
                if !more {
                    break;
                }
            }
        }
        text
    }

    /// Returns the width of the image in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Returns the height of the image in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Returns the lengths of the runs, of pixels outside and inside by turns.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Returns the runs of pixels inside: the place of the first, counted down the columns, and
    /// their number.
    pub fn runs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut end = 0;
        let runs = self.counts.iter().enumerate().map(move |(i, count)| {
            let start = end;
            end += count;
            (i, (start, *count))
        });
        runs.filter(|(i, _)| i % 2 == 1).map(|(_, run)| run)
    }

    /// Returns the number of pixels inside.
    pub fn area(&self) -> u64 {
        self.runs().map(|(_, count)| u64::from(count)).sum()
    }

    /// Returns the smallest box around the pixels inside, if there are any.
    pub fn bbox(&self) -> Option<BBox> {
        let (mut left, mut top) = (u32::MAX, u32::MAX);
        let (mut right, mut bottom) = (0, 0);
        for (start, count) in self.runs() {
            let last = start + (count - 1);
            let columns = (start / self.height, last / self.height);
            let rows = match columns.0 == columns.1 {
                true => (start % self.height, last % self.height),
                false => (0, self.height - 1),
            };
            (left, top) = (left.min(columns.0), top.min(rows.0));
            (right, bottom) = (right.max(columns.1), bottom.max(rows.1));
        }
        let [x, y] = [left, top].map(f64::from);
        let end = |last: u32| f64::from(last) + 1.0;
        (left != u32::MAX).then(|| BBox::new(x, y, end(right) - x, end(bottom) - y))
    }
}

/// Joins the neighbours of counts of 0, except at the start.
fn joined(mut counts: Vec<u32>) -> Vec<u32> {
    while counts.last() == Some(&0) {
        counts.pop();
    }
    if !counts.iter().skip(1).any(|count| *count == 0) {
        counts.shrink_to_fit();
        return counts;
    }
    let mut joined: Vec<u32> = Vec::with_capacity(counts.len());
    for (i, count) in counts.into_iter().enumerate() {
        if i > 0 && count == 0 {
            continue;
        }
        // Counts at even places are of pixels outside.
        if joined.len() % 2 == i % 2 {
            joined.push(count);
        } else if let Some(last) = joined.last_mut() {
            *last += count;
        }
    }
    joined
}

impl TryFrom<CocoMask> for Mask {
    type Error = Error;

    fn try_from(mask: CocoMask) -> Result<Self> {
        let [height, width] = mask.size;
        Self::new(width, height, mask.counts)
    }
}

impl From<Mask> for CocoMask {
    fn from(mask: Mask) -> Self {
        Self { size: [mask.height, mask.width], counts: mask.counts }
    }
}
