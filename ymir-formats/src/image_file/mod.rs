//! The headers and ends of image files: as much of each format as tells size and completeness.
//!
//! (The `imagesize` crate tells neither channels nor whether a file is cut off.)

pub(super) mod bmp;
pub(super) mod jpeg;
pub(super) mod png;
pub(super) mod webp;

/// Returns `N` bytes at a place.
fn bytes<const N: usize>(file: &[u8], at: usize) -> Option<[u8; N]> {
    file.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_le(file: &[u8], at: usize) -> Option<u32> {
    bytes(file, at).map(u16::from_le_bytes).map(u32::from)
}

fn u32_le(file: &[u8], at: usize) -> Option<u32> {
    bytes(file, at).map(u32::from_le_bytes)
}

fn u16_be(file: &[u8], at: usize) -> Option<u32> {
    bytes(file, at).map(u16::from_be_bytes).map(u32::from)
}

fn u32_be(file: &[u8], at: usize) -> Option<u32> {
    bytes(file, at).map(u32::from_be_bytes)
}
