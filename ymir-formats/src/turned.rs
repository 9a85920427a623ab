//! Pictures that are shown turned, as Exif's orientation says.
//!
//! Assets have the size, and annotations the coordinates, of the pixels as they are stored. Tools in
//! which people annotate show the picture upright, and tell its coordinates.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ymir_core::BBox;

use super::image_file::jpeg;

/// Which way a picture is turned to be upright: Exif's number, 2 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn(u8);

impl Turn {
    /// Returns the turn of an orientation; none for 1, which is none, and for no number of Exif's.
    pub(super) fn new(orientation: u8) -> Option<Self> {
        (2..=8).contains(&orientation).then_some(Self(orientation))
    }

    /// Returns whether width and height change places.
    pub(super) fn swaps(self) -> bool {
        self.0 >= 5
    }

    /// Returns whether it mirrors the picture.
    pub(super) fn mirrors(self) -> bool {
        matches!(self.0, 2 | 4 | 5 | 7)
    }

    /// Returns where a point of the pixels as stored, of this size, is on the upright picture.
    pub(super) fn forward(self, [x, y]: [f64; 2], [width, height]: [f64; 2]) -> [f64; 2] {
        match self.0 {
            5 => [y, x],
            6 => [height - y, x],
            7 => [height - y, width - x],
            8 => [y, width - x],
            // These undo themselves.
            _ => self.back([x, y], [width, height]),
        }
    }

    /// Returns a box of the pixels as stored, of this size, on the upright picture.
    pub(super) fn forward_box(self, BBox { x, y, w, h }: BBox, size: [f64; 2]) -> BBox {
        around(self.forward([x, y], size), self.forward([x + w, y + h], size))
    }

    /// Returns a box of the upright picture among the pixels as stored, of this size.
    pub(super) fn back_box(self, BBox { x, y, w, h }: BBox, size: [f64; 2]) -> BBox {
        around(self.back([x, y], size), self.back([x + w, y + h], size))
    }

    /// Returns where a point of the upright picture is among the pixels as stored, of this size.
    pub(super) fn back(self, [x, y]: [f64; 2], [width, height]: [f64; 2]) -> [f64; 2] {
        match self.0 {
            2 => [width - x, y],
            3 => [width - x, height - y],
            4 => [x, height - y],
            5 => [y, x],
            6 => [y, height - x],
            7 => [width - y, height - x],
            8 => [width - y, x],
            _ => [x, y],
        }
    }
}

/// Returns the box between two opposite corners.
fn around([ax, ay]: [f64; 2], [bx, by]: [f64; 2]) -> BBox {
    BBox::new(ax.min(bx), ay.min(by), (ax - bx).abs(), (ay - by).abs())
}

/// How much of a JPEG is read to find how it is turned: more than a segment can have.
const HEAD: u64 = 80 << 10;

/// Returns how the picture in a JPEG file is turned, if it is and the file can be read.
pub(super) fn of_file(path: &Path) -> Option<Turn> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    Turn::new(jpeg::orientation(&head)?)
}

/// Returns the orientation that Exif data, a TIFF file in small, tell of the picture.
pub(super) fn orientation(exif: &[u8]) -> Option<u8> {
    let big = match exif.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = exif.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let long = |at: usize| {
        let (a, b) = (u32::from(short(at)?), u32::from(short(at.checked_add(2)?)?));
        Some(if big { a << 16 | b } else { b << 16 | a } as usize)
    };
    const ORIENTATION: u16 = 0x0112;
    const SHORT: u16 = 3;
    let start = long(4)?;
    (0..usize::from(short(start)?)).find_map(|i| {
        let entry = start.checked_add(2 + 12 * i)?;
        let is_it = short(entry)? == ORIENTATION && short(entry + 2)? == SHORT;
        is_it.then(|| short(entry + 8)).flatten().and_then(|value| u8::try_from(value).ok())
    })
}
