//! Data generators: seeded records and rendered scenes.

pub mod records;
pub mod scenes;
