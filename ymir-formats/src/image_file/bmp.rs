use super::{u16_le, u32_le};

struct Header {
    width: u32,
    height: u32,
    depth: u32,
    /// 0 for none.
    compression: u32,
    has_alpha: bool,
}

fn read(file: &[u8]) -> Option<Header> {
    let size = u32_le(file, 14)?;
    if size == 12 {
        let (width, height) = (u16_le(file, 18)?, u16_le(file, 20)?);
        let depth = u16_le(file, 24)?;
        return Some(Header { width, height, depth, compression: 0, has_alpha: false });
    }
    if size < 40 {
        return None;
    }
    // A negative height means that the rows run from the top.
    let height = u32_le(file, 22)?.cast_signed().unsigned_abs();
    let width = u32_le(file, 18).filter(|width| *width <= i32::MAX as u32)?;
    let depth = u16_le(file, 28)?;
    let has_alpha = size >= 56 && u32_le(file, 66)? != 0;
    Some(Header { width, height, depth, compression: u32_le(file, 30)?, has_alpha })
}

/// Returns width, height and channels.
pub(in super::super) fn header(file: &[u8]) -> Option<(u32, u32, u8)> {
    let header = read(file)?;
    let channels = match header.depth {
        32 if header.has_alpha => 4,
        1 | 2 | 4 | 8 | 16 | 24 | 32 => 3,
        _ => return None,
    };
    Some((header.width, header.height, channels))
}

/// Returns whether all rows are there.
pub(in super::super) fn is_complete(file: &[u8]) -> bool {
    let (Some(header), Some(start)) = (read(file), u32_le(file, 10)) else { return false };
    let pixels = match header.compression {
        0 | 3 | 6 => {
            let row = (u64::from(header.depth) * u64::from(header.width)).div_ceil(32) * 4;
            row.saturating_mul(u64::from(header.height))
        }
        _ => u32_le(file, 34).map_or(0, u64::from),
    };
    pixels > 0 && u64::from(start).saturating_add(pixels) <= file.len() as u64
}
