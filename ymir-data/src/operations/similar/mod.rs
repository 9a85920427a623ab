//! Images that look alike.

mod dedup;
mod exclude_similar;
mod groups;
mod hash;
mod kept;
mod seen;

pub use dedup::{DISTANCE_MAX, check_distance, dedup, near_duplicates};
pub(crate) use dedup::{look_of, looks};
pub use exclude_similar::exclude_similar;
pub(crate) use seen::{Look, Seen};
