//! The numerics: convolution, batch normalisation, the network and its optimiser.

pub mod conv;
pub mod elementwise;
mod kernel;
pub mod map;
pub mod network;
pub mod norm;
pub mod optimizer;
pub mod params;
mod pool;
pub mod rng;
pub mod structure;

/// Channel counts are multiples of this, so that rows of channels fill SIMD registers.
pub const LANES: usize = 16;
