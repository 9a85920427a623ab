//! Operations that make new versions of datasets out of existing ones.
//!
//! Each keeps its kind, parameters, inputs and seed in the manifest of the version that it makes.
//! The same operation on the same inputs onto the same branch finds that version again instead of
//! making another. Source and target are of one kind: datasets make datasets, prediction sets
//! make prediction sets.

mod commit;
mod exclude;
mod find;
mod merge;
mod sample;
mod select;
mod stream;

pub use exclude::exclude;
pub use find::find_by_fingerprint;
pub use merge::{MergeStrategy, merge};
pub use sample::sample;
pub use select::select;
