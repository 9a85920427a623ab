//! The feature map: a batch of images in NHWC layout inside a border of one cell.

use super::pool;

/// A batch of feature maps, `n × (h + 2) × (w + 2) × c` 32-bit floats.
///
/// The border of one cell lets a 3×3 convolution read its window as three contiguous runs of
/// `3 · c` values, without gathering. It is zero in activations. In gradients its content has no
/// meaning: every reader keeps to the interior rows.
#[derive(Debug, Default)]
pub struct Map {
    /// Number of images.
    pub n: usize,
    /// Height without the border.
    pub h: usize,
    /// Width without the border.
    pub w: usize,
    /// Channels.
    pub c: usize,
    data: Vec<f32>,
}

impl Map {
    /// Returns a map of zeros.
    pub fn zeros(n: usize, h: usize, w: usize, c: usize) -> Self {
        Self { n, h, w, c, data: pool::zeros(n * (h + 2) * (w + 2) * c) }
    }

    /// Returns a map of zeros with the shape of this one.
    pub fn zeros_like(&self) -> Self {
        Self::zeros(self.n, self.h, self.w, self.c)
    }

    /// Returns the number of values of one image, border included.
    pub fn image_len(&self) -> usize {
        (self.h + 2) * (self.w + 2) * self.c
    }

    /// Returns the number of interior cells over all images.
    pub fn cells(&self) -> usize {
        self.n * self.h * self.w
    }

    /// Returns all values, border included.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Returns all values for writing, border included.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Returns image `i`, border included.
    pub fn image(&self, i: usize) -> &[f32] {
        let len = self.image_len();
        &self.data[i * len..(i + 1) * len]
    }

    /// Returns the place of the rows in an image's values.
    pub fn rows(&self) -> Rows {
        Rows { h: self.h, stride: (self.w + 2) * self.c, len: self.w * self.c, c: self.c }
    }

    /// Returns interior row `y` of image `i`: `w · c` values.
    pub fn row(&self, i: usize, y: usize) -> &[f32] {
        &self.image(i)[self.rows().range(y)]
    }

    /// Returns interior row `y` of image `i` for writing.
    pub fn row_mut(&mut self, i: usize, y: usize) -> &mut [f32] {
        let len = self.image_len();
        let range = self.rows().range(y);
        &mut self.data[i * len..(i + 1) * len][range]
    }
}

impl Clone for Map {
    fn clone(&self) -> Self {
        let mut data = pool::zeros(self.data.len());
        data.copy_from_slice(&self.data);
        Self { n: self.n, h: self.h, w: self.w, c: self.c, data }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        pool::give_back(std::mem::take(&mut self.data));
    }
}

/// Where the interior rows lie among the values of one image.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    /// Number of interior rows.
    pub h: usize,
    /// Values from one row to the next, border included.
    pub stride: usize,
    /// Values in the interior of a row.
    pub len: usize,
    c: usize,
}

impl Rows {
    /// Returns the range of interior row `y`.
    pub fn range(&self, y: usize) -> std::ops::Range<usize> {
        let start = (y + 1) * self.stride + self.c;
        start..start + self.len
    }

    /// Returns the ranges of all interior rows, top to bottom.
    pub fn ranges(self) -> impl Iterator<Item = std::ops::Range<usize>> {
        (0..self.h).map(move |y| self.range(y))
    }
}
