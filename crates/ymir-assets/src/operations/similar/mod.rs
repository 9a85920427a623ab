//! Images that look alike.

mod dedup;
mod groups;
mod hash;

pub use dedup::{DISTANCE_MAX, dedup, near_duplicates};
