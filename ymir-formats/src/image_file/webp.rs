use super::{bytes, u16_le, u32_le};

/// Returns width, height and channels.
pub(in super::super) fn header(file: &[u8]) -> Option<(u32, u32, u8)> {
    let u24 = |at| bytes::<3>(file, at).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]));
    match &bytes::<4>(file, 12)? {
        b"VP8 " if bytes(file, 23)? == [0x9d, 0x01, 0x2a] => {
            Some((u16_le(file, 26)? & 0x3fff, u16_le(file, 28)? & 0x3fff, 3))
        }
        b"VP8L" if *file.get(20)? == 0x2f => {
            let bits = u32_le(file, 21)?;
            let channels = if bits >> 28 & 1 == 1 { 4 } else { 3 };
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, channels))
        }
        b"VP8X" => {
            let channels = if file.get(20)? & 0x10 != 0 { 4 } else { 3 };
            Some((u24(24)? + 1, u24(27)? + 1, channels))
        }
        _ => None,
    }
}

/// Returns whether the file is as long as it says.
pub(in super::super) fn is_complete(file: &[u8]) -> bool {
    u32_le(file, 4).is_some_and(|size| u64::from(size) + 8 <= file.len() as u64)
}
