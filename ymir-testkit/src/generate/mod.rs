//! Data generators: seeded records and rendered scenes.

pub mod records;
pub mod rng;
pub mod scenes;
