//! Sums, ReLU and upsampling of feature maps, forward and backward.

use rayon::prelude::*;

use super::map::Map;

/// Returns `max(a + b, 0)`.
pub fn add_relu(a: &Map, b: &Map) -> Map {
    let mut y = a.clone();
    let len = y.image_len();
    y.data_mut().par_chunks_mut(len).zip(b.data().par_chunks(len)).for_each(|(y, b)| {
        for (y, b) in y.iter_mut().zip(b) {
            *y = (*y + b).max(0.0);
        }
    });
    y
}

/// Zeroes the gradient where the ReLU's output `y` was not positive.
pub fn relu_backward(y: &Map, dy: &mut Map) {
    let len = y.image_len();
    dy.data_mut().par_chunks_mut(len).zip(y.data().par_chunks(len)).for_each(|(dy, y)| {
        for (dy, y) in dy.iter_mut().zip(y) {
            *dy = if *y > 0.0 { *dy } else { 0.0 };
        }
    });
}

/// Adds `b` to `a`.
pub fn accumulate(a: &mut Map, b: &Map) {
    let len = a.image_len();
    a.data_mut().par_chunks_mut(len).zip(b.data().par_chunks(len)).for_each(|(a, b)| {
        for (a, b) in a.iter_mut().zip(b) {
            *a += b;
        }
    });
}

/// Returns `fine + coarse`, the latter enlarged twofold by repeating each cell.
pub fn upsample_add(coarse: &Map, fine: &Map) -> Map {
    let mut y = fine.clone();
    let (rows, coarse_rows, len, c) = (y.rows(), coarse.rows(), y.image_len(), y.c);
    y.data_mut().par_chunks_mut(len).enumerate().for_each(|(i, out)| {
        let coarse = coarse.image(i);
        for (row, range) in rows.ranges().enumerate() {
            let line = &coarse[coarse_rows.range(row / 2)];
            for (cell, pair) in line.chunks_exact(c).zip(out[range].chunks_mut(2 * c)) {
                for out in pair.chunks_exact_mut(c) {
                    for (out, value) in out.iter_mut().zip(cell) {
                        *out += value;
                    }
                }
            }
        }
    });
    y
}

/// Returns the gradient of [`upsample_add`] with respect to the coarse map, shaped like `coarse`.
pub fn upsample_backward(coarse: &Map, dy: &Map) -> Map {
    let mut dx = coarse.zeros_like();
    let (rows, dx_rows, len, c) = (dy.rows(), dx.rows(), dx.image_len(), dx.c);
    dx.data_mut().par_chunks_mut(len).enumerate().for_each(|(i, dx)| {
        let dy = dy.image(i);
        for (row, range) in rows.ranges().enumerate() {
            let line = &mut dx[dx_rows.range(row / 2)];
            for (cell, pair) in line.chunks_exact_mut(c).zip(dy[range].chunks(2 * c)) {
                for dy in pair.chunks_exact(c) {
                    for (dx, dy) in cell.iter_mut().zip(dy) {
                        *dx += dy;
                    }
                }
            }
        }
    });
    dx
}
