//! Convolution, forward and backward, parallel over images or weight rows.
//!
//! No result depends on the number of threads: each output value is summed by one task in a fixed
//! order.

use rayon::prelude::*;

use super::LANES;
use super::kernel::{self, BackwardInput, BackwardWeight, Forward};
use super::map::Map;

/// Shape of a convolution with a square kernel, "same" padding and as many outputs as `outputs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Input channels.
    pub inputs: usize,
    /// Output channels, a multiple of [`LANES`].
    pub outputs: usize,
    /// Side of the kernel: 1 or 3.
    pub kernel: usize,
    /// Step of the window: 1 or 2.
    pub stride: usize,
}

/// Rows of the weight matrix that one task of the weight gradient computes.
const WEIGHT_ROWS: usize = 24;

impl ConvShape {
    /// Returns the number of weights, laid out as `kernel · kernel · inputs` rows of `outputs`.
    pub fn weights(&self) -> usize {
        self.kernel * self.kernel * self.inputs * self.outputs
    }

    /// Returns the number of inputs to one output: the fan-in.
    pub fn fan_in(&self) -> usize {
        self.kernel * self.kernel * self.inputs
    }

    /// Returns the values in one row of the window.
    pub(super) fn window(&self) -> usize {
        self.kernel * self.inputs
    }

    /// Returns the offset of the first window row in the border coordinates of the input.
    pub(super) fn origin(&self) -> usize {
        usize::from(self.kernel == 1)
    }

    /// Returns the side that comes out for an input side.
    pub fn output_side(&self, side: usize) -> usize {
        (side - 1) / self.stride + 1
    }

    /// Returns the convolution of `x` plus `bias` (one per output), with negative values cut to
    /// zero if `relu`.
    pub fn forward(&self, x: &Map, weights: &[f32], bias: Option<&[f32]>, relu: bool) -> Map {
        assert_eq!(x.c, self.inputs, "channels of the input");
        assert_eq!(weights.len(), self.weights(), "number of weights");
        assert_eq!(self.outputs % LANES, 0, "outputs come in multiples of {LANES}");
        let (h, w) = (self.output_side(x.h), self.output_side(x.w));
        let mut y = Map::zeros(x.n, h, w, self.outputs);
        let (rows, in_rows, len) = (y.rows(), x.rows(), y.image_len());
        y.data_mut().par_chunks_mut(len).enumerate().for_each(|(i, out)| {
            kernel::run(Forward {
                shape: *self,
                x: x.image(i),
                x_rows: in_rows,
                weights,
                bias,
                relu,
                out,
                out_rows: rows,
            });
        });
        y
    }

    /// Returns the gradient with respect to the input of shape `x`, given that of the output.
    pub fn backward_input(&self, x: &Map, weights: &[f32], dy: &Map) -> Map {
        let transposed = self.transpose(weights);
        let mut dx = x.zeros_like();
        let (dx_rows, dy_rows, len) = (dx.rows(), dy.rows(), dx.image_len());
        dx.data_mut().par_chunks_mut(len).enumerate().for_each(|(i, dx)| {
            kernel::run(BackwardInput {
                shape: *self,
                dy: dy.image(i),
                dy_rows,
                transposed: &transposed,
                dx,
                dx_rows,
            });
        });
        dx
    }

    /// Adds the gradient with respect to the weights to `dw`.
    pub fn backward_weight(&self, x: &Map, dy: &Map, dw: &mut [f32]) {
        let per_window_row = self.window() * self.outputs;
        let tasks: Vec<(usize, usize, &mut [f32])> = dw
            .chunks_mut(per_window_row)
            .enumerate()
            .flat_map(|(ky, part)| {
                part.chunks_mut(WEIGHT_ROWS * self.outputs)
                    .enumerate()
                    .map(move |(block, part)| (ky, block * WEIGHT_ROWS, part))
            })
            .collect();
        tasks.into_par_iter().for_each(|(ky, first_row, dw)| {
            kernel::run(BackwardWeight { shape: *self, x, dy, ky, first_row, dw });
        });
    }

    /// Returns the weights as, for each kernel row, `outputs` rows of `window` values.
    fn transpose(&self, weights: &[f32]) -> Vec<f32> {
        let (window, outputs) = (self.window(), self.outputs);
        let mut transposed = vec![0.0; weights.len()];
        let parts = weights.chunks(window * outputs).zip(transposed.chunks_mut(window * outputs));
        for (from, to) in parts {
            for (k, row) in from.chunks(outputs).enumerate() {
                for (j, value) in row.iter().enumerate() {
                    to[j * window + k] = *value;
                }
            }
        }
        transposed
    }
}
