//! The generator of random numbers of the core, under the name that generators of data use.

pub use ymir_core::SplitMix64;
