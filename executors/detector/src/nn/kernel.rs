//! The inner loops of the convolution, in explicit SIMD for the CPU at hand.
//!
//! All three are matrix products that keep a tile of the result in registers: a few rows (cells of
//! the map, or rows of the weight matrix) by a few vectors of columns (channels). `pulp` picks the
//! instruction set when the program runs.

use pulp::{Arch, Simd, WithSimd};

use super::conv::ConvShape;
use super::map::{Map, Rows};

/// Runs a kernel with the widest instruction set that the CPU has.
pub(super) fn run<K: TileKernel>(kernel: K) {
    Arch::new().dispatch(Dispatch(kernel));
}

struct Dispatch<K>(K);

impl<K: TileKernel> WithSimd for Dispatch<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // A tile is as large as the registers allow: 32 of 16 lanes with AVX-512, 16 of 8 lanes
        // with AVX2, 32 of 4 lanes with NEON. Its columns divide the channels, a multiple of 16.
        match S::F32_LANES {
            16 if self.0.columns().is_multiple_of(32) => self.0.run::<S, 8, 2>(simd),
            16 => self.0.run::<S, 12, 1>(simd),
            8 => self.0.run::<S, 4, 2>(simd),
            4 => self.0.run::<S, 4, 4>(simd),
            2 => self.0.run::<S, 4, 8>(simd),
            _ => self.0.run::<S, 2, 16>(simd),
        }
    }
}

/// A kernel that can run with any tile of `MR` rows by `NV` vectors.
pub(super) trait TileKernel {
    /// Returns the number of columns of the product.
    fn columns(&self) -> usize;
    /// Runs it.
    fn run<S: Simd, const MR: usize, const NV: usize>(self, simd: S);
}

type Tile<S, const MR: usize, const NV: usize> = [[<S as Simd>::f32s; NV]; MR];

/// Adds `rows × b` to a tile: `rows[r]` holds the row's left factors, `b` the rows of the right
/// factor, `columns` wide, of which the tile covers those from `j0`.
#[inline(always)]
fn multiply<S: Simd, const MR: usize, const NV: usize>(
    simd: S,
    tile: &mut Tile<S, MR, NV>,
    rows: [&[f32]; MR],
    b: &[f32],
    columns: usize,
    j0: usize,
) {
    let len = b.len() / columns;
    let rows = rows.map(|row| &row[..len]);
    for (k, b_row) in b.chunks_exact(columns).enumerate().take(len) {
        let b_row = vectors::<S, NV>(&b_row[j0..]);
        for r in 0..MR {
            let factor = simd.splat_f32s(rows[r][k]);
            for v in 0..NV {
                tile[r][v] = multiply_add(simd, factor, b_row[v], tile[r][v]);
            }
        }
    }
}

/// Returns `a · b + c`, fused where the CPU can.
#[inline(always)]
fn multiply_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    // One lane means a CPU without fused multiply-add, where the fused form is a slow library call.
    if S::F32_LANES == 1 {
        simd.add_f32s(simd.mul_f32s(a, b), c)
    } else {
        simd.mul_add_e_f32s(a, b, c)
    }
}

/// Returns the first `NV` vectors of a slice.
#[inline(always)]
fn vectors<S: Simd, const NV: usize>(values: &[f32]) -> [S::f32s; NV] {
    let (vectors, _) = S::as_simd_f32s(&values[..NV * S::F32_LANES]);
    std::array::from_fn(|v| vectors[v])
}

/// Returns the first `NV` vectors of a slice for writing.
#[inline(always)]
fn vectors_mut<S: Simd, const NV: usize>(values: &mut [f32]) -> &mut [S::f32s] {
    let (vectors, _) = S::as_mut_simd_f32s(&mut values[..NV * S::F32_LANES]);
    vectors
}

/// The forward convolution of one image: each output row is a product of shifted input rows,
/// which overlap in memory, and the weights.
pub(super) struct Forward<'a> {
    pub(super) shape: ConvShape,
    pub(super) x: &'a [f32],
    pub(super) x_rows: Rows,
    pub(super) weights: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) relu: bool,
    pub(super) out: &'a mut [f32],
    pub(super) out_rows: Rows,
}

impl TileKernel for Forward<'_> {
    fn columns(&self) -> usize {
        self.shape.outputs
    }

    #[inline(always)]
    fn run<S: Simd, const MR: usize, const NV: usize>(mut self, simd: S) {
        let width = self.out_rows.len / self.shape.outputs;
        for j0 in (0..self.shape.outputs).step_by(NV * S::F32_LANES) {
            for y in 0..self.out_rows.h {
                let mut x = 0;
                while x + MR <= width {
                    self.tile::<S, MR, NV>(simd, y, x, j0);
                    x += MR;
                }
                for x in x..width {
                    self.tile::<S, 1, NV>(simd, y, x, j0);
                }
            }
        }
    }
}

impl Forward<'_> {
    #[inline(always)]
    fn tile<S: Simd, const MR: usize, const NV: usize>(
        &mut self,
        simd: S,
        y: usize,
        x: usize,
        j0: usize,
    ) {
        let shape = self.shape;
        let (window, columns) = (shape.window(), shape.outputs);
        let start: [S::f32s; NV] = match self.bias {
            Some(bias) => vectors::<S, NV>(&bias[j0..]),
            None => [simd.splat_f32s(0.0); NV],
        };
        let mut tile = [start; MR];
        for (ky, weights) in self.weights.chunks_exact(window * columns).enumerate() {
            let row = &self.x[(y * shape.stride + ky + shape.origin()) * self.x_rows.stride..];
            let rows: [&[f32]; MR] = std::array::from_fn(|r| {
                let start = ((x + r) * shape.stride + shape.origin()) * shape.inputs;
                &row[start..start + window]
            });
            multiply::<S, MR, NV>(simd, &mut tile, rows, weights, columns, j0);
        }
        let out_row = &mut self.out[self.out_rows.range(y)];
        for (r, values) in tile.iter().enumerate() {
            let out = vectors_mut::<S, NV>(&mut out_row[(x + r) * columns + j0..]);
            for v in 0..NV {
                let floor = simd.splat_f32s(0.0);
                out[v] = if self.relu { simd.max_f32s(values[v], floor) } else { values[v] };
            }
        }
    }
}

/// The gradient of one image with respect to the convolution's input: each output gradient times
/// the transposed weights, added into the window that it came from.
pub(super) struct BackwardInput<'a> {
    pub(super) shape: ConvShape,
    pub(super) dy: &'a [f32],
    pub(super) dy_rows: Rows,
    pub(super) transposed: &'a [f32],
    pub(super) dx: &'a mut [f32],
    pub(super) dx_rows: Rows,
}

impl TileKernel for BackwardInput<'_> {
    fn columns(&self) -> usize {
        self.shape.window()
    }

    #[inline(always)]
    fn run<S: Simd, const MR: usize, const NV: usize>(mut self, simd: S) {
        let width = self.dy_rows.len / self.shape.outputs;
        for j0 in (0..self.shape.window()).step_by(NV * S::F32_LANES) {
            for y in 0..self.dy_rows.h {
                for ky in 0..self.shape.kernel {
                    let mut x = 0;
                    while x + MR <= width {
                        self.tile::<S, MR, NV>(simd, y, ky, x, j0);
                        x += MR;
                    }
                    for x in x..width {
                        self.tile::<S, 1, NV>(simd, y, ky, x, j0);
                    }
                }
            }
        }
    }
}

impl BackwardInput<'_> {
    #[inline(always)]
    fn tile<S: Simd, const MR: usize, const NV: usize>(
        &mut self,
        simd: S,
        y: usize,
        ky: usize,
        x: usize,
        j0: usize,
    ) {
        let shape = self.shape;
        let part = shape.window() * shape.outputs;
        let dy_row = &self.dy[self.dy_rows.range(y)];
        let rows: [&[f32]; MR] =
            std::array::from_fn(|r| &dy_row[(x + r) * shape.outputs..][..shape.outputs]);
        let mut tile = [[simd.splat_f32s(0.0); NV]; MR];
        let weights = &self.transposed[ky * part..(ky + 1) * part];
        multiply::<S, MR, NV>(simd, &mut tile, rows, weights, shape.window(), j0);
        let dx_row = &mut self.dx[(y * shape.stride + ky + shape.origin()) * self.dx_rows.stride..];
        for (r, values) in tile.iter().enumerate() {
            let start = ((x + r) * shape.stride + shape.origin()) * shape.inputs + j0;
            let dx = vectors_mut::<S, NV>(&mut dx_row[start..]);
            for v in 0..NV {
                dx[v] = simd.add_f32s(dx[v], values[v]);
            }
        }
    }
}

/// The gradient with respect to some rows of one kernel row's weights, summed over all images.
pub(super) struct BackwardWeight<'a> {
    pub(super) shape: ConvShape,
    pub(super) x: &'a Map,
    pub(super) dy: &'a Map,
    pub(super) ky: usize,
    pub(super) first_row: usize,
    pub(super) dw: &'a mut [f32],
}

impl TileKernel for BackwardWeight<'_> {
    fn columns(&self) -> usize {
        self.shape.outputs
    }

    #[inline(always)]
    fn run<S: Simd, const MR: usize, const NV: usize>(mut self, simd: S) {
        let rows = self.dw.len() / self.shape.outputs;
        for i in 0..self.dy.n {
            for j0 in (0..self.shape.outputs).step_by(NV * S::F32_LANES) {
                let mut row = 0;
                while row + MR <= rows {
                    self.tile::<S, MR, NV>(simd, i, row, j0);
                    row += MR;
                }
                for row in row..rows {
                    self.tile::<S, 1, NV>(simd, i, row, j0);
                }
            }
        }
    }
}

impl BackwardWeight<'_> {
    #[inline(always)]
    fn tile<S: Simd, const MR: usize, const NV: usize>(
        &mut self,
        simd: S,
        i: usize,
        row: usize,
        j0: usize,
    ) {
        let shape = self.shape;
        let (x, dy, columns) = (self.x.image(i), self.dy.image(i), shape.outputs);
        let (x_rows, dy_rows) = (self.x.rows(), self.dy.rows());
        let mut tile: Tile<S, MR, NV> =
            std::array::from_fn(|r| vectors::<S, NV>(&self.dw[(row + r) * columns + j0..]));
        for y in 0..dy_rows.h {
            let line = (y * shape.stride + self.ky + shape.origin()) * x_rows.stride;
            let first = line + shape.origin() * shape.inputs + self.first_row + row;
            let factors = x[first..].chunks(shape.stride * shape.inputs);
            let dy_row = dy[dy_rows.range(y)].chunks_exact(columns);
            for (factors, dy_cell) in factors.zip(dy_row) {
                let factors = &factors[..MR];
                let dy_cell = vectors::<S, NV>(&dy_cell[j0..]);
                for r in 0..MR {
                    let factor = simd.splat_f32s(factors[r]);
                    for v in 0..NV {
                        tile[r][v] = multiply_add(simd, factor, dy_cell[v], tile[r][v]);
                    }
                }
            }
        }
        for (r, values) in tile.iter().enumerate() {
            let dw = vectors_mut::<S, NV>(&mut self.dw[(row + r) * columns + j0..]);
            dw.copy_from_slice(values);
        }
    }
}
