//! One run of an executor, from its start to what its end means.

mod end;
mod execute;
mod log;

pub use execute::{STOP_GRACE, run_executor};
