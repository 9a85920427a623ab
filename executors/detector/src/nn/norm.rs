//! Batch normalisation (Ioffe and Szegedy 2015), fused with the ReLU that follows it.

use pulp::Arch;
use rayon::prelude::*;

use super::map::Map;

/// Added to the variance before the square root.
pub const EPSILON: f32 = 1e-3;

/// Mean and inverse standard deviation per channel over a batch.
#[derive(Debug, Clone)]
pub struct BatchStats {
    /// Mean.
    pub mean: Vec<f32>,
    /// Variance (biased).
    pub variance: Vec<f32>,
    /// `1 / sqrt(variance + EPSILON)`.
    pub inverse_std: Vec<f32>,
}

/// Returns the statistics of `z` over all cells of all images.
pub fn batch_stats(z: &Map) -> BatchStats {
    let c = z.c;
    let partial: Vec<Vec<f64>> = (0..z.n)
        .into_par_iter()
        .map(|i| Arch::new().dispatch(|| image_moments(z.image(i), z)))
        .collect();
    let total = sum(&partial);
    let count = z.cells() as f64;
    let mean: Vec<f64> = total[..c].iter().map(|s| s / count).collect();
    let variance: Vec<f32> = total[c..]
        .iter()
        .zip(&mean)
        .map(|(square, mean)| (square / count - mean * mean).max(0.0) as f32)
        .collect();
    BatchStats {
        mean: mean.iter().map(|m| *m as f32).collect(),
        inverse_std: variance.iter().map(|v| 1.0 / (v + EPSILON).sqrt()).collect(),
        variance,
    }
}

/// Returns, per channel, the sum of the values and then the sum of their squares.
#[inline(always)]
fn image_moments(image: &[f32], z: &Map) -> Vec<f64> {
    let c = z.c;
    let mut total = vec![0.0f64; 2 * c];
    let (mut sums, mut squares) = (vec![0.0f32; c], vec![0.0f32; c]);
    for range in z.rows().ranges() {
        sums.fill(0.0);
        squares.fill(0.0);
        for cell in image[range].chunks_exact(c) {
            for ((value, sum), square) in cell.iter().zip(&mut sums).zip(&mut squares) {
                *sum += value;
                *square += value * value;
            }
        }
        for (total, part) in total.iter_mut().zip(sums.iter().chain(&squares)) {
            *total += f64::from(*part);
        }
    }
    total
}

/// Returns the sum of equally long vectors, in order.
fn sum(parts: &[Vec<f64>]) -> Vec<f64> {
    let mut total = vec![0.0; parts[0].len()];
    for part in parts {
        for (total, value) in total.iter_mut().zip(part) {
            *total += value;
        }
    }
    total
}

/// Returns `gamma · (z − mean) / std + beta`, with negative values cut to zero if `relu`.
pub fn forward(z: &Map, stats: &BatchStats, gamma: &[f32], beta: &[f32], relu: bool) -> Map {
    let scale: Vec<f32> = gamma.iter().zip(&stats.inverse_std).map(|(g, s)| g * s).collect();
    let shift: Vec<f32> =
        beta.iter().zip(&stats.mean).zip(&scale).map(|((b, m), s)| b - m * s).collect();
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let mut y = z.zeros_like();
    let (rows, len, c) = (z.rows(), z.image_len(), z.c);
    y.data_mut().par_chunks_mut(len).enumerate().for_each(|(i, out)| {
        let image = z.image(i);
        Arch::new().dispatch(|| {
            for range in rows.ranges() {
                let cells = image[range.clone()].chunks_exact(c);
                for (out, cell) in out[range].chunks_exact_mut(c).zip(cells) {
                    let affine = scale.iter().zip(&shift);
                    for ((out, value), (scale, shift)) in out.iter_mut().zip(cell).zip(affine) {
                        *out = (value * scale + shift).max(floor);
                    }
                }
            }
        });
    });
    y
}

/// Gradients of [`forward`] with respect to `gamma` and `beta`.
#[derive(Debug)]
pub struct ParamGradients {
    /// With respect to `gamma`.
    pub gamma: Vec<f32>,
    /// With respect to `beta`.
    pub beta: Vec<f32>,
}

/// Turns the gradient of the output, `dy`, into that of the input, `z`, in place.
///
/// `y` is the output of [`forward`] where it had a ReLU, whose mask is read off it.
pub fn backward(
    z: &Map,
    stats: &BatchStats,
    gamma: &[f32],
    y: Option<&Map>,
    dy: &mut Map,
) -> ParamGradients {
    if let Some(y) = y {
        super::elementwise::relu_backward(y, dy);
    }
    let (rows, len, c) = (z.rows(), z.image_len(), z.c);
    let partial: Vec<Vec<f64>> = (0..z.n)
        .into_par_iter()
        .map(|i| Arch::new().dispatch(|| gradient_sums(z, dy, stats, i)))
        .collect();
    let total = sum(&partial);
    let count = z.cells() as f64;
    let mean_dy: Vec<f32> = total[..c].iter().map(|s| (s / count) as f32).collect();
    let mean_dy_x: Vec<f32> = total[c..].iter().map(|s| (s / count) as f32).collect();
    let scale: Vec<f32> = gamma.iter().zip(&stats.inverse_std).map(|(g, s)| g * s).collect();
    dy.data_mut().par_chunks_mut(len).enumerate().for_each(|(i, dy)| {
        let image = z.image(i);
        Arch::new().dispatch(|| {
            for range in rows.ranges() {
                let cells = image[range.clone()].chunks_exact(c);
                for (dy, cell) in dy[range].chunks_exact_mut(c).zip(cells) {
                    let norm = stats.mean.iter().zip(&stats.inverse_std).zip(&scale);
                    let means = mean_dy.iter().zip(&mean_dy_x);
                    let values = dy.iter_mut().zip(cell).zip(norm).zip(means);
                    for (((dy, z), ((mean, inverse), scale)), (mean_dy, mean_dy_x)) in values {
                        let normalized = (z - mean) * inverse;
                        *dy = scale * (*dy - mean_dy - normalized * mean_dy_x);
                    }
                }
            }
        });
    });
    ParamGradients {
        beta: total[..c].iter().map(|s| *s as f32).collect(),
        gamma: total[c..].iter().map(|s| *s as f32).collect(),
    }
}

/// Returns, per channel of image `i`, the sum of `dy` and then that of `dy · normalised z`.
#[inline(always)]
fn gradient_sums(z: &Map, dy: &Map, stats: &BatchStats, i: usize) -> Vec<f64> {
    let c = z.c;
    let mut total = vec![0.0f64; 2 * c];
    let (mut plain, mut weighted) = (vec![0.0f32; c], vec![0.0f32; c]);
    for range in z.rows().ranges() {
        plain.fill(0.0);
        weighted.fill(0.0);
        let cells = z.image(i)[range.clone()].chunks_exact(c);
        for (dy, z) in dy.image(i)[range].chunks_exact(c).zip(cells) {
            let norm = stats.mean.iter().zip(&stats.inverse_std);
            let sums = plain.iter_mut().zip(&mut weighted);
            for (((dy, z), (mean, inverse)), (plain, weighted)) in
                dy.iter().zip(z).zip(norm).zip(sums)
            {
                *plain += dy;
                *weighted += dy * (z - mean) * inverse;
            }
        }
        for (total, part) in total.iter_mut().zip(plain.iter().chain(&weighted)) {
            *total += f64::from(*part);
        }
    }
    total
}
