//! The network's values: trained parameters and running statistics.

use super::rng::Rng;
use super::structure::{BOX_CHANNELS, Structure};

/// Class logit of an untrained network: a probability of 8 % keeps the many empty cells from
/// drowning the first steps (Lin et al. 2017, Focal Loss).
pub const CLASS_BIAS: f32 = -2.5;

/// The values of a network, each kind in one vector laid out by [`Structure`].
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// Trained values.
    pub values: Vec<f32>,
    /// Running mean and variance of the normalisations.
    pub buffers: Vec<f32>,
}

impl Params {
    /// Returns random values (He et al. 2015) with the given initial log sizes of boxes, in cells.
    pub fn random(structure: &Structure, log_size: [f32; 2], seed: u64) -> Self {
        let mut rng = Rng::stream(seed, 0);
        let mut values = vec![0.0; structure.parameters];
        for unit in &structure.units {
            let deviation = (2.0 / unit.conv.fan_in() as f32).sqrt();
            values[unit.weight.clone()].fill_with(|| deviation * rng.normal());
            // A residual block starts as the identity.
            let gamma = if unit.name.ends_with('b') { 0.0 } else { 1.0 };
            values[unit.gamma.clone()].fill(gamma);
        }
        let mut params = Self { values, buffers: Self::fresh_buffers(structure) };
        for channel in 0..BOX_CHANNELS + structure.classes {
            params.reset_output(structure, channel, log_size, &mut rng);
        }
        params
    }

    /// Gives one channel of the last convolution its initial values.
    pub fn reset_output(
        &mut self,
        structure: &Structure,
        channel: usize,
        log_size: [f32; 2],
        rng: &mut Rng,
    ) {
        let output = &structure.output;
        for row in self.values[output.weight.clone()].chunks_mut(output.conv.outputs) {
            row[channel] = 0.01 * rng.normal();
        }
        self.values[output.bias.start + channel] = match channel {
            0 | 1 => 0.0,
            2 | 3 => log_size[channel - 2],
            _ => CLASS_BIAS,
        };
    }

    fn fresh_buffers(structure: &Structure) -> Vec<f32> {
        let mut buffers = vec![0.0; structure.buffers];
        for unit in &structure.units {
            buffers[unit.variance.clone()].fill(1.0);
        }
        buffers
    }

    /// Moves every value towards `other`'s: `self = decay · self + (1 − decay) · other`.
    pub fn average(&mut self, other: &Self, decay: f32) {
        let values = self.values.iter_mut().zip(&other.values);
        let buffers = self.buffers.iter_mut().zip(&other.buffers);
        for (mine, theirs) in values.chain(buffers) {
            *mine += (1.0 - decay) * (theirs - *mine);
        }
    }
}
