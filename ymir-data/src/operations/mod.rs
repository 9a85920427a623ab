//! Operations that make new versions of datasets out of existing ones.
//!
//! Each keeps its kind, parameters, inputs and seed in the manifest of the version that it makes.
//! The same operation on the same inputs onto the same branch finds that version again instead of
//! making another; it need not be the newest of the branch, and does not become it. Source and target are of one kind: datasets make datasets, prediction sets
//! make prediction sets.

mod class_map;
mod commit;
mod compare;
mod copy;
mod edit;
mod exclude;
mod filter;
mod find;
mod fuse;
mod intersect;
mod merge;
mod rank;
mod relabel;
mod sample;
mod select;
mod similar;
mod split;
mod stream;

pub use compare::{Comparison, compare};
pub use copy::{CopyOptions, copy};
pub use edit::{DatasetEdit, EditOptions, EditReport, edit};
pub use exclude::exclude;
pub use filter::filter;
pub use find::find_by_fingerprint;
pub use fuse::{FuseOptions, SampleSize, fuse};
pub use intersect::intersect;
pub use merge::{MergeStrategy, merge};
pub use relabel::relabel;
pub use sample::{sample, sample_rate};
pub use select::select;
pub use similar::{DISTANCE_MAX, check_distance, dedup, exclude_similar, near_duplicates};
pub(crate) use similar::{Look, Seen, look_of, looks};
pub use split::{Part, SplitOptions, split};
