use super::super::turned;
use super::u16_be;

const APP1: u8 = 0xe1;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// Returns width, height and channels.
pub(in super::super) fn header(file: &[u8]) -> Option<(u32, u32, u8)> {
    let mut at = 2;
    loop {
        let (marker, body) = next_segment(file, at)?;
        match marker {
            // Every start of a frame; the three left out are tables and extensions.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let channels = *file.get(body + 7)?;
                return Some((u16_be(file, body + 5)?, u16_be(file, body + 3)?, channels));
            }
            SCAN | END => return None,
            _ => at = body + u16_be(file, body)? as usize,
        }
    }
}

/// Returns the orientation that Exif data before the image data tell, if there are any.
pub(in super::super) fn orientation(file: &[u8]) -> Option<u8> {
    let mut at = 2;
    loop {
        let (marker, body) = next_segment(file, at)?;
        if matches!(marker, SCAN | END) {
            return None;
        }
        let end = body + u16_be(file, body)? as usize;
        if marker == APP1
            && let Some(exif) = file.get(body + 2..end)?.strip_prefix(b"Exif\0\0")
        {
            return turned::orientation(exif);
        }
        at = end;
    }
}

/// Returns whether the end marker is there. What some cameras write after it is no harm.
pub(in super::super) fn is_complete(file: &[u8]) -> bool {
    let mut at = 2;
    let mut scanned = false;
    loop {
        let Some((marker, body)) = next_segment(file, at) else { return false };
        if marker == END {
            return scanned;
        }
        let Some(length) = u16_be(file, body) else { return false };
        at = body + length as usize;
        if marker == SCAN {
            scanned = true;
            if file.ends_with(&[0xff, END]) && at + 2 <= file.len() {
                return true;
            }
            let Some(next) = end_of_scan(file, at) else { return false };
            at = next;
        }
    }
}

/// Returns the next marker that has a length, or the end, and the place behind it.
fn next_segment(file: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        if *file.get(at)? != 0xff {
            return None;
        }
        match *file.get(at + 1)? {
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            marker => return Some((marker, at + 2)),
        }
    }
}

/// Returns the place of the marker that ends the image data beginning at a place.
fn end_of_scan(file: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += file.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        match *file.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
}
