use super::{bytes, u32_be};

pub(in super::super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Returns width, height and channels.
pub(in super::super) fn header(file: &[u8]) -> Option<(u32, u32, u8)> {
    if bytes(file, 12)? != *b"IHDR" {
        return None;
    }
    let channels = match *file.get(25)? {
        0 => 1,
        2 | 3 => 3,
        4 => 2,
        6 => 4,
        _ => return None,
    };
    let limit = |size: u32| (size <= i32::MAX as u32).then_some(size);
    Some((limit(u32_be(file, 16)?)?, limit(u32_be(file, 20)?)?, channels))
}

/// Returns whether there is image data, and the last chunk is there.
pub(in super::super) fn is_complete(file: &[u8]) -> bool {
    let mut at = SIGNATURE.len();
    let mut has_data = false;
    while let (Some(length), Some(kind)) = (u32_be(file, at), bytes::<4>(file, at + 4)) {
        at += 12 + length as usize;
        has_data |= kind == *b"IDAT";
        if kind == *b"IEND" {
            return has_data && at <= file.len();
        }
    }
    false
}
