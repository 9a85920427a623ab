//! Images that look alike.

mod dedup;
mod groups;
mod hash;
mod seen;

pub use dedup::{DISTANCE_MAX, dedup, near_duplicates};
pub(crate) use dedup::{look_of, looks};
pub(crate) use seen::{Look, Seen};
