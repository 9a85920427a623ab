/// The cells that an image is averaged into; of each row, neighbours are compared.
const COLUMNS: usize = 9;
const ROWS: usize = 8;

/// Returns the difference hash of an image, from its pixels of 3 bytes: one bit per pair of
/// neighbouring cells, which says whether the right one is brighter. Images that look alike have
/// hashes that differ in few bits, whatever their size and compression.
pub(super) fn difference_hash(width: u32, height: u32, pixels: &[u8]) -> u64 {
    let (width, height) = (width as usize, height as usize);
    if width == 0 || height == 0 {
        return 0;
    }
    let range = |cell: usize, cells: usize, size: usize| {
        let start = cell * size / cells;
        start..((cell + 1) * size / cells).max(start + 1)
    };
    let mut hash = 0;
    for row in 0..ROWS {
        let mut left = None;
        for column in 0..COLUMNS {
            let (rows, columns) = (range(row, ROWS, height), range(column, COLUMNS, width));
            let area = (rows.len() * columns.len()) as u64;
            let sum: u64 = rows
                .flat_map(|y| {
                    &pixels[(y * width + columns.start) * 3..(y * width + columns.end) * 3]
                })
                .zip([299u64, 587, 114].into_iter().cycle())
                .map(|(value, weight)| u64::from(*value) * weight)
                .sum();
            let brightness = sum / area;
            if let Some(left) = left {
                hash = hash << 1 | u64::from(brightness > left);
            }
            left = Some(brightness);
        }
    }
    hash
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
