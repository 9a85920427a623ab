//! Files, threads and memory, as the crates above the formats use them too.

mod blocking;
mod parallel;
mod read_whole;
mod sorter;
pub mod spill;
pub mod working_folder;

pub use blocking::{Waiter, Watched, blocking};
pub use parallel::in_parallel;
pub use read_whole::read_whole;
pub use sorter::{Sorted, Sorter};
