//! How much an image is worth labeling, from the detections on it.

use super::boxes::Detection;
use crate::nn::rng::Rng;

/// A rule that scores images; higher is more worth labeling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Sum over the classes of the largest entropy of a detection of that class.
    Balmax,
    /// Sum of the entropies of all detections.
    Entropy,
    /// Mean of `1 − score` over the detections.
    LeastConfidence,
    /// Mean, over the detections, of one minus the distance to the next likeliest class.
    Margin,
    /// A reproducible random number.
    Random,
}

impl Strategy {
    /// All strategies with their names in the configuration.
    pub const ALL: [(&'static str, Self); 5] = [
        ("balmax", Self::Balmax),
        ("entropy", Self::Entropy),
        ("least_confidence", Self::LeastConfidence),
        ("margin", Self::Margin),
        ("random", Self::Random),
    ];

    /// Returns the score of an image. `name` and `seed` matter to [`Strategy::Random`] only, so
    /// that a random score depends on neither the order nor the number of images.
    pub fn score(self, detections: &[Detection], classes: usize, name: &str, seed: u64) -> f64 {
        match self {
            Self::Balmax => {
                let mut largest = vec![0.0f64; classes];
                for detection in detections {
                    let best = &mut largest[detection.class];
                    *best = best.max(entropy(detection.score));
                }
                largest.iter().sum()
            }
            Self::Entropy => detections.iter().map(|d| entropy(d.score)).sum(),
            Self::LeastConfidence => mean(detections, |d| 1.0 - f64::from(d.score)),
            Self::Margin => mean(detections, |d| 1.0 - f64::from((d.score - d.runner_up).abs())),
            Self::Random => f64::from(Rng::stream(seed, hash(name)).uniform()),
        }
    }
}

/// Returns the mean of a value over the detections; an image without any scores 0.
fn mean(detections: &[Detection], value: impl Fn(&Detection) -> f64) -> f64 {
    detections.iter().map(value).sum::<f64>() / detections.len().max(1) as f64
}

/// Returns the entropy, in nats, of an event with probability `p`.
fn entropy(p: f32) -> f64 {
    let p = f64::from(p).clamp(1e-9, 1.0 - 1e-9);
    -p * p.ln() - (1.0 - p) * (1.0 - p).ln()
}

/// Returns the 64-bit FNV-1a hash of a name.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
